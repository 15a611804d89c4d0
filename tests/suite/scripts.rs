//! Conversation scripts from the command line, against a server over loopback: `client script` and `client load`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
