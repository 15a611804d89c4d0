#![allow(clippy::disallowed_methods, reason = "gateways that are slow, and how long they may hold us up")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::super::open;
use super::super::testing::{Allow, pieces};
use super::*;

/// A request as a gateway gets it.
struct Seen {
    line: String,
    head: Vec<String>,
    body: Vec<u8>,
}

/// Answers each connection's requests by a script: `None` closes the connection.
type Script = dyn Fn(&mut TcpStream, &Seen, usize) -> Option<()> + Send + Sync;

/// A gateway on loopback. Returns its address and the requests that it got, in their order.
fn gateway(
    script: impl Fn(&mut TcpStream, &Seen, usize) -> Option<()> + Send + Sync + 'static,
) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/send", listener.local_addr().unwrap());
    let (sender, seen) = channel();
    let script: Arc<Script> = Arc::new(script);
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, sender, script, count) = (stream.unwrap(), sender.clone(), script.clone(), count.clone());
            std::thread::spawn(move || {
                let mut input = BufReader::new(stream.try_clone().unwrap());
                while let Some(seen) = read(&mut input) {
                    let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let goes_on = script(&mut stream, &seen, number);
                    let _ = sender.send(seen);
                    if goes_on.is_none() {
                        let _ = stream.shutdown(std::net::Shutdown::Both);
                        return;
                    }
                }
            });
        }
    });
    (url, seen)
}

fn read(input: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length = lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    input.read_exact(&mut body).ok()?;
    let line = lines.remove(0);
    Some(Seen { line, head: lines, body })
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()
}

fn route(table: &str) -> Result<Box<dyn Route>> {
    let settings: RouteSettings = toml::from_str(&format!("name = \"g\"\n{table}")).unwrap();
    let mut secrets = |_: &_| Ok("s3cr&t".to_owned());
    open(&settings, &mut Surroundings { folder: Path::new(""), secrets: &mut secrets, log: Arc::new(|_: &str| {}) })
}

fn kannel(url: &str, more: &str) -> Box<dyn Route> {
    let table = "kind = \"http\"\npreset = \"kannel\"\nuser = \"acme\"\npassword = { env = \"P\" }\ntimeout = \"2s\"\n";
    route(&format!("{table}url = \"{url}\"\n{more}")).unwrap()
}

fn submit(route: &mut Box<dyn Route>, messages: &[Message]) -> Vec<Outcome> {
    route.submit(&messages.iter().collect::<Vec<_>>(), &mut Allow::all()).unwrap()
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Taken { ids } => format!("taken {}", ids.join(" ")).trim_end().to_owned(),
        Outcome::Refused { class, code, .. } => format!("{class:?} {code}"),
        Outcome::Unknown { code, .. } => format!("unknown {code}"),
        Outcome::NotSent => "not sent".to_owned(),
    }
}

/// The request is that of the sheet (`bootstrap-push-sms`, section 6.1); the octets of the header are those of section 3.
#[test]
fn kannel_is_asked_as_the_sheet_says() {
    let (url, seen) = gateway(|stream, _, _| answer(stream, "202 Accepted", "0: Accepted for delivery"));
    let mut both = kannel(&url, "from = \"1234\"\n");
    // 50 octets of seal and 70 of document fit into one; 200 take two.
    let messages = [pieces("AA", 70)];
    assert_eq!(word(&submit(&mut both, &messages)[0]), "taken");
    let request = seen.recv().unwrap().line;
    let start = "GET /send?alt-dcs=1&coding=1&from=1234&mclass=1&password=s3cr%26t&text=%01%06%2F%1F-%B6%91%81%92";
    assert!(request.starts_with(start), "{request}");
    assert!(request.contains("&to=%2B46700000001&udh=%06%05%04%0B%84%23%F0&username=acme HTTP/1.1"), "{request}");
    assert_eq!(word(&submit(&mut both, &[pieces("BB", 200)])[0]), "taken");
    for part in [1, 2] {
        let request = seen.recv().unwrap().line;
        assert!(request.contains(&format!("&udh=%0B%05%04%0B%84%23%F0%00%03%07%02%0{part}&")), "{request}");
    }
    let receipts = "receipts = \"http://127.0.0.1:9/r/g\"\nreceipts_key = { env = \"K\" }\n";
    let table = format!("url = \"{url}\"\nkind = \"http\"\npreset = \"kannel\"\n{receipts}");
    // A secret that an address would need escaped is refused.
    assert!(route(&table).err().unwrap().what.contains("`receipts_key`"));
    let mut one = kannel(&url, "split = \"gateway\"\n");
    assert_eq!(word(&submit(&mut one, &[pieces("CC", 200)])[0]), "taken");
    let request = seen.recv().unwrap().line;
    assert!(request.contains("&udh=%06%05%04%0B%84%23%F0&"), "{request}");
    assert!(!request.contains("from") && !request.contains("dlr"), "parameters without value are left out: {request}");
}

#[test]
fn receipts_come_by_names_of_ours_where_the_request_has_them() {
    let (url, seen) = gateway(|stream, _, _| answer(stream, "200 OK", "done"));
    let table = "kind = \"http\"\nreceipts = \"http://127.0.0.1:9/r\"\nrequest = { query = { to = \"{to}\" }, receipts = { \
                 dlr = \"{receipts}?id={id}&type=%d\" } }\n";
    let mut route = route(&format!("{table}url = \"{url}?a=b\"\n")).unwrap();
    assert_eq!(word(&submit(&mut route, &[pieces("AA", 200)])[0]), "taken AA-1-1 AA-1-2");
    let dlr = "dlr=http%3A%2F%2F127.0.0.1%3A9%2Fr%3Fid%3DAA-1-1%26type%3D%25d";
    assert_eq!(seen.recv().unwrap().line, format!("GET /send?a=b&to=46700000001&{dlr} HTTP/1.1"));
}

#[test]
fn bodies_are_forms_or_json() {
    let (url, seen) = gateway(|stream, _, _| answer(stream, "200 OK", "{\"m\":[{\"id\":\"x1\"}]}"));
    let json = r#"'{"to":"{to}","udh":"{udh:hex}","who":"{user}","n":{"p":{part}}}'"#;
    let headers = "headers = { Authorization = \"Basic {basic}\", X-Key = \"{key}\" }";
    let mut posts = route(&format!(
        "kind = \"http\"\nurl = \"{url}\"\nuser = \"a\\\"c\"\npassword = {{ env = \"P\" }}\n\
         [request]\njson = {json}\n{headers}\n[answer]\nid = {{ pointer = \"/m/0/id\" }}\n"
    ))
    .unwrap();
    assert_eq!(word(&submit(&mut posts, &[pieces("AA", 70)])[0]), "taken x1");
    let got = seen.recv().unwrap();
    let body = r#"{"to":"46700000001","udh":"0605040B8423F0","who":"a\"c","n":{"p":1}}"#;
    assert_eq!((got.line.as_str(), got.body.as_slice()), ("POST /send HTTP/1.1", body.as_bytes()));
    // printf 'a"c:s3cr&t' | base64
    let head = got.head.iter().map(|line| line.to_ascii_lowercase()).collect::<Vec<_>>();
    assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
    assert!(got.head.iter().any(|line| line.ends_with("Basic YSJjOnMzY3ImdA==")), "{:?}", got.head);
    assert!(!head.iter().any(|line| line.starts_with("x-key")), "it has no value");
    let form = "kind = \"http\"\nrequest = { form = { data = \"{data:hex}\", \"a b\" = \"{dcs}\" } }\n";
    let mut posts = route(&format!("{form}url = \"{url}\"\n")).unwrap();
    submit(&mut posts, &[pieces("AA", 0)]);
    let body = String::from_utf8(seen.recv().unwrap().body).unwrap();
    assert!(body.starts_with("a%20b=245&data=01062F1F2DB6918192"), "{body}");
}

type Act = fn(&mut TcpStream) -> Option<()>;

/// Ways in which a gateway goes wrong, and what can be known then.
const CASES: &[(&str, Act, &str)] = &[
    ("closes at once", |_| None, "unknown http:lost"),
    (
        "hangs",
        |_| {
            std::thread::sleep(Duration::from_secs(4));
            None
        },
        "unknown http:timeout",
    ),
    (
        "garbage",
        |s| {
            let _ = s.write_all(b"\x00\xFF nonsense\r\n\r\n");
            None
        },
        "unknown http:unreadable",
    ),
    (
        "half a head",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 202 Acc");
            None
        },
        "unknown http:lost",
    ),
    (
        "half a body",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 202 A\r\nContent-Length: 99\r\n\r\n0: Acc");
            None
        },
        "taken",
    ),
    (
        "no body",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 202 A\r\nContent-Length: 99\r\n\r\n");
            None
        },
        "unknown http:unreadable",
    ),
    (
        "slow body",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 202 A\r\nContent-Length: 99\r\n\r\n0");
            for _ in 0..40 {
                std::thread::sleep(Duration::from_millis(100));
                s.write_all(b":").ok()?;
            }
            None
        },
        "taken",
    ),
    ("too short a length", |s| answer(s, "202 A", "0: Acc").and_then(|()| s.write_all(b"rest of it").ok()), "taken"),
    (
        "huge body",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 202 A\r\nContent-Length: 900000000\r\n\r\n0: ");
            let _ = s.write_all(&vec![b'x'; 8 << 20]);
            None
        },
        "taken",
    ),
    (
        "huge head",
        |s| {
            let _ = s.write_all(&[b"HTTP/1.1 202 A\r\nX: ".as_slice(), &vec![b'x'; 1 << 20]].concat());
            None
        },
        "unknown http:unreadable",
    ),
    ("accepts twice", |s| answer(s, "202 A", "0: Acc").and_then(|()| answer(s, "202 A", "0: Acc")), "taken"),
    ("throttles", |s| answer(s, "503 Later", "Temporary failure"), "Throttled http:503"),
    ("too many", |s| answer(s, "429 Too Many", ""), "Throttled http:429"),
    (
        "redirects",
        |s| {
            let _ = s.write_all(b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
            None
        },
        "Permanent http:302",
    ),
    ("refuses", |s| answer(s, "400 Bad", "Missing receiver"), "Permanent http:400"),
    ("does not know us", |s| answer(s, "403 Forbidden", "Authorization failed"), "Denied http:403"),
    ("a page", |s| answer(s, "202 A", "<html>please log in</html>"), "unknown http:unreadable"),
];

/// Each ends as what can be known of it, and in time.
#[test]
fn a_gateway_that_goes_wrong_leaves_what_can_be_known() {
    // All at once, so that waiting costs no more than the longest.
    let cases: Vec<_> = CASES
        .iter()
        .map(|(name, act, expected)| {
            let act = *act;
            let (url, _) = gateway(move |stream, _, _| act(stream));
            (name, std::thread::spawn(move || word(&submit(&mut kannel(&url, ""), &[pieces("AA", 70)])[0])), expected)
        })
        .collect();
    let began = Instant::now();
    let ends: Vec<_> =
        cases.into_iter().map(|(name, thread, expected)| (name, thread.join().unwrap(), expected)).collect();
    assert!(began.elapsed() < Duration::from_secs(20), "nothing hangs");
    for (name, found, expected) in ends {
        assert_eq!(&found, expected, "{name}");
    }
}

#[test]
fn nothing_was_sent_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let outcome = &submit(&mut kannel(&url, ""), &[pieces("AA", 70)])[0];
    assert_eq!(word(outcome), "Temporary http:connect");
    let outcome = format!("{:?}", submit(&mut kannel("http://host.invalid/", ""), &[pieces("AA", 70)])[0]);
    assert!(outcome.contains("http:host"), "{outcome}");
    assert!(!outcome.contains("s3cr"), "{outcome}");
}

#[test]
fn a_message_of_which_a_part_failed_is_not_whole() {
    // The second part has no answer: the third is not sent, and the handset cannot have the message.
    let (url, seen) = gateway(|stream, _, n| if n == 1 { None } else { answer(stream, "202 A", "0: Acc") });
    let outcome = &submit(&mut kannel(&url, ""), &[pieces("AA", 300)])[0];
    assert_eq!(word(outcome), "Temporary http:lost");
    assert_eq!(seen.try_iter().count(), 2);
    // The last part has no answer: nobody knows.
    let (url, _) = gateway(|stream, _, n| if n == 2 { None } else { answer(stream, "202 A", "0: Acc") });
    assert_eq!(word(&submit(&mut kannel(&url, ""), &[pieces("AA", 300)])[0]), "unknown http:lost");
    let (url, _) = gateway(|stream, _, n| answer(stream, if n == 1 { "400 B" } else { "202 A" }, "0: Acc"));
    let outcome = format!("{:?}", submit(&mut kannel(&url, ""), &[pieces("AA", 300)])[0]);
    assert!(outcome.contains("short message 2 of 3: the gateway said: 0: Acc"), "{outcome}");
}

#[test]
fn a_window_goes_at_the_same_time_over_kept_connections_and_slows_when_asked() {
    let (url, seen) = gateway(|stream, _, n| {
        std::thread::sleep(Duration::from_millis(if n < 40 { 200 } else { 0 }));
        answer(stream, if n % 10 == 9 { "503 S" } else { "202 A" }, "0: Acc")
    });
    let mut route = kannel(&url, "");
    let messages: Vec<Message> = (0..40).map(|n| pieces(&format!("{n:02}"), 70)).collect();
    let messages: Vec<&Message> = messages.iter().collect();
    let (began, mut pace) = (Instant::now(), Allow::all());
    let outcomes = route.submit(&messages, &mut pace).unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "40 times 200 ms take 8 s one by one");
    assert_eq!(outcomes.iter().filter(|outcome| word(outcome) == "Throttled http:503").count(), 4);
    assert!(pace.throttled > 0);
    let outcomes = route.submit(&messages, &mut Allow::messages(3)).unwrap();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::NotSent).count(), 37);
    assert_eq!(seen.try_iter().count(), 43);
}

#[test]
fn tables_that_cannot_work_are_refused_with_a_way_out_and_without_secrets() {
    for (table, what) in [
        ("kind = \"http\"\npreset = \"kannel\"\n", "`url` is missing"),
        ("kind = \"http\"\nurl = \"ftp://a/\"\npreset = \"kannel\"\n", "`url` is no http address"),
        ("kind = \"http\"\nurl = \"http://u:hunter2@a/\"\npreset = \"kannel\"\n", "`url` holds a password"),
        ("kind = \"http\"\nurl = \"http://a/\"\n", "there is nothing to send"),
        ("kind = \"http\"\nurl = \"http://a/\"\nrequest = { query = { a = \"{x}\" } }\n", "`{x}` stands for nothing"),
        ("kind = \"http\"\nurl = \"http://a/\"\nrequest = { json = \"{data}\" }\n", "`{data}` is octets, no text"),
        (
            "kind = \"http\"\nurl = \"http://a/\"\npreset = \"kannel\"\ncommand = [\"a\"]\n",
            "routes of the kind `http` have no `command`",
        ),
        (
            "kind = \"http\"\nurl = \"http://a/\"\npreset = \"kannel\"\nreceipts = \"http://b/\"\n",
            "`receipts_key` is missing",
        ),
        ("kind = \"pap\"\nurl = \"http://a/\"\nedition = \"9\"\n", "there is no edition `9`"),
        ("kind = \"pap\"\n", "`url` is missing"),
        ("kind = \"stdout\"\nurl = \"http://a/\"\n", "routes of the kind `stdout` have no `url`"),
    ] {
        let error = route(table).err().unwrap();
        assert_eq!(error.what, what, "{table}");
        assert!(error.help.is_some() && error.at.is_some(), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    #[cfg(not(feature = "tls"))]
    assert!(
        route("kind = \"http\"\nurl = \"https://a/\"\npreset = \"kannel\"\n").err().unwrap().what.contains("no TLS")
    );
    let plain = toml::from_str::<RouteSettings>("name = \"g\"\nkind = \"http\"\npassword = \"hunter2\"\n").unwrap_err();
    assert!(!plain.message().contains("hunter2"), "{plain}");
}

/// The answers are those of the sheet's section 7, written by hand.
#[test]
fn a_push_proxy_gateway_answers_by_code() {
    let response = |code: u16| {
        format!(
            "<?xml version=\"1.0\"?><!DOCTYPE pap PUBLIC \"-//WAPFORUM//DTD PAP 1.0//EN\" \
             \"http://www.wapforum.org/DTD/pap_1.0.dtd\"><pap><push-response push-id=\"x\"><response-result \
             code=\"{code}\" desc=\"so\"/></push-response></pap>"
        )
    };
    let (url, seen) = gateway(move |stream, _, n| match n {
        0 => answer(stream, "202 A", &response(1001)),
        1 => answer(stream, "202 A", &response(2002)),
        2 => answer(stream, "202 A", &response(4001)),
        3 => answer(stream, "202 A", &response(2007)),
        4 => answer(stream, "200 OK", "hello"),
        5 => answer(stream, "503 Later", "hello"),
        _ => None,
    });
    let table = "kind = \"pap\"\nuser = \"u\"\npassword = { env = \"P\" }\ngateway = \"ppg.example.net\"\nwindow = 1\n";
    let mut route = route(&format!("{table}url = \"{url}\"\n")).unwrap();
    let words: Vec<String> = (0..7).map(|_| word(&submit(&mut route, &[pieces("AA", 200)])[0])).collect();
    let taken = "taken AA-1@impskit";
    let expected = [
        taken,
        "Permanent pap:2002",
        "Temporary pap:4001",
        taken,
        "unknown pap:unreadable",
        "Throttled http:503",
        "unknown pap:lost",
    ];
    assert_eq!(words, expected);
    let got = seen.recv().unwrap();
    let body = String::from_utf8_lossy(&got.body);
    assert!(body.contains("WAPPUSH=+46700000001/TYPE=PLMN@ppg.example.net"), "{body}");
    assert!(body.contains("application/vnd.wap.connectivity-wbxml; SEC=1; MAC="), "{body}");
    assert!(got.head.iter().any(|line| line.ends_with("Basic dTpzM2NyJnQ=")), "{:?}", got.head);
    let settings: RouteSettings = toml::from_str("name = \"g\"\nkind = \"pap\"\n").unwrap();
    assert!(settings.note().unwrap().contains("SEC and MAC"));
}
