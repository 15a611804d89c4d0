//! Conversation scripts from the command line, against a server over loopback: `client script` and `client load`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use impskit::client::conversation::HOME;
use impskit::server::{Configuration, Store, http};

use super::client::running;

/// Reads a request or an answer of HTTP, whole.
fn read_whole(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut octets, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        octets.extend_from_slice(&part[..count]);
        let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&octets[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if octets.len() >= end + 4 + length.unwrap_or(0) {
            return Some(octets);
        }
    }
}

/// Stands before the server at an address: it drops the connection of the first message sent, or refuses it by a status.
/// Returns its URL, and counts the messages.
fn before(server: SocketAddr, refusal: Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, count) = (format!("http://{}/csp", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut behind, counted) =
                (client.unwrap(), TcpStream::connect(server).unwrap(), counted.clone());
            std::thread::spawn(move || {
                while let Some(request) = read_whole(&mut client) {
                    let is_message = String::from_utf8_lossy(&request).contains("SendMessage-Request");
                    if is_message && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                        let Some(refusal) = refusal else { return };
                        client.write_all(refusal.as_bytes()).unwrap();
                        continue;
                    }
                    behind.write_all(&request).unwrap();
                    client.write_all(&read_whole(&mut behind).unwrap()).unwrap();
                }
            });
        }
    });
    (url, count)
}

/// A request that gets lost is sent again, and what goes wrong behind it is the script's; one that is refused is not.
#[test]
fn a_script_goes_on_behind_a_lost_request() {
    let server = running();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script.txt");
    let script = "given wv:romeo with password \"open-sesame\"\nromeo logs in as wv:romeo\n\
                  romeo sends SendMessage-Request to wv:juliet: \"Hello\"\nromeo receives SendMessage-Response 531\n";
    std::fs::write(&path, script).unwrap();
    let refused = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
    for (refusal, code, said, posts) in
        [(None, 1, "script.txt:4: status 531 is expected", 2), (Some(refused), 4, "HTTP status 503", 1)]
    {
        let (url, count) = before(server.address(), refusal);
        let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
        command.args(["client", "script"]).arg(&path).args(["--encoding", "xml", "--version", "1.3", "--server", &url]);
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.code() == Some(code) && text.contains(said), "{text}");
        assert_eq!(count.load(Ordering::SeqCst), posts, "{text}");
    }
    server.stop();
}

const HELLO: &str = "romeo logs in as wv:romeo\njuliet logs in as wv:juliet\n\
                     romeo sends SendMessage-Request to wv:juliet: \"Hello\"\nromeo receives SendMessage-Response 200\n\
                     juliet receives NewMessage from wv:romeo: \"Hello\"\nromeo logs out\njuliet logs out\n";

/// Runs the command; returns exit code, stdout and stderr.
fn impskit(words: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The accounts of a load go into a store; a server on it is loaded, in each syntax and version.
#[test]
fn a_script_is_played_as_load() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("imps.db");
    let accounts = ["client", "load", "-", "--server", "http://127.0.0.1:1/", "--copies", "2", "--accounts"];
    let (code, table, _) = impskit(&accounts, HELLO);
    let needed =
        ["user,password", "wv:romeo-1,secret", "wv:juliet-1,secret", "wv:romeo-2,secret", "wv:juliet-2,secret"];
    assert_eq!((code, table.lines().collect::<Vec<_>>()), (0, needed.to_vec()));
    let import = ["admin", "user", "import", "-", "--store", store.to_str().unwrap(), "--domain", HOME];
    assert_eq!(impskit(&import, &table).1, "4 added, 0 changed, 0 unchanged\n");

    let listen = ([127, 0, 0, 1], 0).into();
    let configuration = Configuration { domain: HOME.into(), listen, ..Configuration::default() };
    let server = http::spawn(configuration, Store::open(&store).unwrap(), Box::new(|_| {})).unwrap();
    let url = server.url();
    let load = |more: &[&str], script: &str| {
        let words = ["client", "load", "-", "--server", &url, "--copies", "2", "--for", "1s"];
        impskit(&[&words, more].concat(), script)
    };
    for version in ["1.1", "1.2", "1.3"] {
        for encoding in ["xml", "wbxml"] {
            let words = ["--format", "json", "--version", version, "--encoding", encoding, "--rate", "4/s"];
            let (code, json, err) = load(&words, HELLO);
            let report: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (code, report["ok"].as_bool(), report["failed"].as_u64()),
                (0, Some(true), Some(0)),
                "{json}{err}"
            );
            let count = |name: &str| report[name].as_u64().unwrap();
            // Each begins two in the second, the last of them half a second behind the first.
            assert!((1..=4).contains(&count("rounds")), "{json}");
            // A message is sent, fetched and confirmed.
            assert!(count("requests") >= 3 * count("rounds"), "{json}");
            let time = |name: &str| report["latency_ms"][name].as_f64().unwrap();
            assert!(time("p50") > 0.0 && time("p50") <= time("p99") && time("p99") <= time("longest"), "{json}");
        }
    }
    let (code, text, err) = load(&["--rate", "1/s"], &HELLO.replace("Response 200", "Response 531"));
    assert!(code == 1 && text.contains("× -:4: status 531 is expected in"), "{text}{err}");
    assert!(text.starts_with("CSP 1.3, wbxml: 2 copies, "), "{text}");
    let (code, text, err) = load(&[], &HELLO.replace("as wv:juliet", "as wv:juliet with password \"other\""));
    assert!(code == 1 && text.contains("2 × -:2: juliet is not logged in"), "nobody is in: {text}{err}");
    server.stop();
    let (code, _, err) = load(&[], HELLO);
    assert!(code == 4 && err.starts_with("error: "), "{code} {err}");
}
