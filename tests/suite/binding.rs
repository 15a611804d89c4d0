//! The HTTP binding row by row (CSP transport, sections 2 and 7), octet by octet over loopback, and what slow, lying
//! and greedy peers get (abuse cases B02, B03).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::disallowed_methods, reason = "what takes too long is measured")]

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use impskit::codec::Encoding;
use impskit::csp::wire::{self, Form};
use impskit::csp::{Message, Session, Transaction, Version};
use impskit::document::Element;
use impskit::server::Configuration;
use impskit::server::http::Running;

use crate::batch::Seeded;
use crate::http::{connect, start, start_as, status};

const NAMESPACE: &str = "http://www.openmobilealliance.org/DTD/IMPS-CSP1.3";

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    version: String,
    header: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.header.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice");
        value
    }

    /// The code of the first Result.
    pub(crate) fn code(&self) -> &str {
        self.body.split("<Code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default()
    }
}

fn read(stream: &mut TcpStream) -> Answer {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap_or_else(|error| panic!("{error} after {header:?}"));
        header.push(octet[0]);
    }
    let header = String::from_utf8(header).unwrap();
    let mut lines = header.trim_end().split("\r\n");
    let (version, rest) = lines.next().unwrap().split_once(' ').unwrap();
    let status = rest.split(' ').next().unwrap().parse().unwrap();
    let header: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    let names: BTreeSet<_> = header.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(names.len(), header.len(), "a header sent twice: {header:?}");
    let header = header.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut answer = Answer { status, version: version.to_owned(), header, body: String::new() };
    if status != 100 {
        let mut body = vec![0; answer.header("Content-Length").expect("a length").parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8_lossy(&body).into_owned();
    }
    answer
}

pub(crate) fn send(stream: &mut TcpStream, octets: &str) -> Answer {
    stream.write_all(octets.as_bytes()).unwrap();
    read(stream)
}

pub(crate) fn post(media_type: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Posts a body on a connection of its own.
pub(crate) fn ask(server: &Running, media_type: &str, body: &str) -> Answer {
    send(&mut connect(server), &post(media_type, body))
}

fn message(session: &str, transactions: &str) -> String {
    format!(
        "<WV-CSP-Message xmlns=\"{NAMESPACE}\"><Session><SessionDescriptor>{session}</SessionDescriptor>{transactions}\
         </Session></WV-CSP-Message>"
    )
}

pub(crate) fn transaction(mode: &str, id: &str, content: &str) -> String {
    let id = if id.is_empty() { String::new() } else { format!("<TransactionID>{id}</TransactionID>") };
    format!(
        "<Transaction><TransactionDescriptor><TransactionMode>{mode}</TransactionMode>{id}</TransactionDescriptor>\
         <TransactionContent>{content}</TransactionContent></Transaction>"
    )
}

fn outband(content: &str) -> String {
    message("<SessionType>Outband</SessionType>", &transaction("Request", "1", content))
}

pub(crate) fn inband(id: &str, transactions: &str) -> String {
    message(&format!("<SessionType>Inband</SessionType><SessionID>{id}</SessionID>"), transactions)
}

/// Logs anna in; returns the identifier of the session.
pub(crate) fn login(server: &Running) -> String {
    let login = "<Login-Request><UserID>anna</UserID><ClientID><URL>phone</URL></ClientID>\
                 <Password>open-sesame</Password><SessionCookie>c</SessionCookie></Login-Request>";
    let answer = ask(server, "text/xml", &outband(login));
    answer.body.split("<SessionID>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// Returns whether the server closes in good order: an end, not a reset.
fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Ok(0))
}

pub(crate) const DISCOVERY: &str =
    "<WV-CSP-VersionDiscovery-Request xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"/>";

/// The answer is in the spelling of the request, with its parameters; each line of the header stands once.
#[test]
fn s_003_01_content_types_come_back_as_they_were_written() {
    let server = start();
    for spelling in [
        "application/vnd.wv.csp.xml",
        "application/vnd.wv.csp+xml",
        "text/xml",
        "application/xml",
        "Application/VND.WV.CSP+XML; Charset=UTF-8",
        "text/xml;charset=\"utf-8\"; q=1",
    ] {
        let answer = ask(&server, spelling, DISCOVERY);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(spelling)));
    }
    let asked = Transaction::request("1", Element::new("KeepAlive-Request"));
    let stranger = Message::new(Version::V1_3, Session::Outband, asked);
    let wbxml = wire::write(&stranger, Form::of(Encoding::Wbxml)).unwrap();
    for spelling in ["application/vnd.wv.csp.wbxml", "application/vnd.wv.csp+wbxml;x=y"] {
        let mut stream = connect(&server);
        let length = wbxml.len();
        let head = format!("POST /csp HTTP/1.1\r\nContent-Type: {spelling}\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&wbxml).unwrap();
        let answer = read(&mut stream);
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(spelling)));
    }
    for (spelling, status) in [("application/json", 415), ("text/plain", 415), ("", 415)] {
        let answer = ask(&server, spelling, DISCOVERY);
        assert_eq!((answer.status, answer.header("Content-Type"), &*answer.body), (status, None, ""), "{spelling}");
    }
}

/// A connection stays open, in HTTP/1.0 where that is asked for; any connection carries any session.
#[test]
fn s_003_01_connections_persist() {
    let server = start();
    let id = login(&server);
    let poll = post("text/xml", &inband(&id, &transaction("Request", "", "<Polling-Request/>")));
    let mut stream = connect(&server);
    for _ in 0..3 {
        let answer = send(&mut stream, &poll);
        assert_eq!(
            (answer.status, answer.header("Content-Length"), answer.header("Connection")),
            (200, Some("0"), None)
        );
        assert_eq!(answer.header("Content-Type"), None, "there is nothing that has one");
    }
    let chunked = format!(
        "POST /csp HTTP/1.1\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{DISCOVERY}\r\n0\r\n\r\n",
        DISCOVERY.len()
    );
    for _ in 0..2 {
        assert_eq!(send(&mut stream, &chunked).status, 200);
        assert_eq!(send(&mut stream, &poll).status, 200);
    }
    let last = send(&mut stream, &poll.replacen("Host: x", "Connection: close", 1));
    assert_eq!((last.status, last.header("Connection"), last.header("Keep-Alive")), (200, Some("close"), None));
    assert!(is_closed(&mut stream));

    let old = poll.replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut stream = connect(&server);
    let answer = send(&mut stream, &old);
    assert_eq!((answer.status, &*answer.version, answer.header("Keep-Alive")), (200, "HTTP/1.0", None));
    assert!(is_closed(&mut stream), "as HTTP/1.0 has it");
    let mut stream = connect(&server);
    for _ in 0..2 {
        let answer = send(&mut stream, &old.replacen("Host: x", "Connection: Keep-Alive", 1));
        assert_eq!(answer.header("Connection").map(str::to_ascii_lowercase).as_deref(), Some("keep-alive"));
        assert!(answer.header("Keep-Alive").is_some_and(|text| text.starts_with("timeout=")));
    }
}

/// A client that asks first is invited once, one that does not wait for the invitation is served too.
#[test]
fn b05_a_client_may_ask_before_it_sends_a_body() {
    let server = start();
    let asking = post("text/xml", DISCOVERY).replacen("Host: x", "Expect: 100-Continue", 1);
    let (head, body) = asking.split_once("\r\n\r\n").unwrap();
    let mut stream = connect(&server);
    for _ in 0..2 {
        assert_eq!(send(&mut stream, &format!("{head}\r\n\r\n")).status, 100);
        assert_eq!(send(&mut stream, body).status, 200);
    }
    let mut first = send(&mut stream, &asking);
    if first.status == 100 {
        first = read(&mut stream);
    }
    assert_eq!(first.status, 200, "without waiting");
    let refused = send(&mut connect(&server), &format!("{head}\r\n\r\n").replacen("/csp", "/other", 1));
    assert_eq!(refused.status, 404, "not invited");
}

/// What cannot be read as CSP is answered by HTTP (CSP transport, "HTTP binding").
#[test]
fn s_003_02_errors_of_http() {
    let server = start();
    assert_eq!(status(&server, &post("text/xml", DISCOVERY).replacen("/csp", "/csp/", 1)), 404);
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let mut stream = connect(&server);
        let answer = send(&mut stream, &format!("{method} /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!((answer.status, answer.header("Allow")), (405, Some("POST")), "{method}");
        assert!(is_closed(&mut stream));
    }
    assert_eq!(status(&server, "HEAD /csp HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    for (body, code) in [("", 400), ("<a", 400), ("\u{3}\u{12}j", 400), ("<html/>", 400), ("<WV-CSP-Message/>", 400)] {
        assert_eq!(ask(&server, "text/xml", body).status, code, "{body:?}");
    }
    let mut stream = connect(&server);
    for _ in 0..2 {
        assert_eq!(send(&mut stream, &post("text/xml", "<a")).status, 400, "the connection goes on");
    }
    assert_eq!(send(&mut stream, &post("text/xml", DISCOVERY)).status, 200);
    assert_eq!(status(&server, "POST /csp HTTP/1.1\r\nHost: x\r\n\r\n"), 411);
    assert_eq!(status(&server, "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 262145\r\n\r\n"), 413);
    for junk in
        ["\r\n\r\nrubbish\r\n\r\n", "POST /csp\r\n\r\n", "POST /csp HTTP/9\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\n\n"]
    {
        assert_eq!(status(&server, junk), 400, "{junk:?}");
    }
}

/// Whatever comes in front of a request, it is answered by HTTP or not at all, and the server goes on (abuse cases B02 to
/// B05). What is damaged here is what the other tests send whole.
#[test]
fn damaged_requests_are_answered_by_http_or_not_at_all() {
    let server = start();
    let chunks = format!("{:x}\r\n{DISCOVERY}\r\n0\r\n\r\n", DISCOVERY.len());
    let samples = [
        post("text/xml", DISCOVERY),
        format!("POST /csp HTTP/1.1\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        post("text/xml", DISCOVERY).replacen("Host: x", "Expect: 100-continue\r\nConnection: keep-alive", 1),
        "GET /csp?x HTTP/1.0\r\n\r\nHEAD / HTTP/1.1\r\n\r\n".to_owned(),
    ];
    let odd = [
        "\r\n",
        "\n",
        "\0",
        " ",
        ":",
        ",",
        "\t",
        "\u{FF}",
        "chunked",
        "Content-Length: 1\r\n",
        "HTTP/1.1",
        "/",
        "-1",
        "9",
    ];
    let mut random = Seeded(7);
    let mut below = |most: usize| random.below(most as u64) as usize;
    for number in 0..400 {
        let mut octets = samples[number % samples.len()].repeat(1 + below(2)).into_bytes();
        for _ in 0..=below(3) {
            let place = below(octets.len());
            let end = (place + below(12)).min(octets.len());
            let piece = odd[below(odd.len())];
            octets.splice(place..end, piece.bytes());
        }
        let mut stream = connect(&server);
        let _ = stream.write_all(&octets).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answers = Vec::new();
        let outcome = stream.read_to_end(&mut answers);
        let shown = String::from_utf8_lossy(&octets);
        assert!(!matches!(&outcome, Err(error) if error.kind() == ErrorKind::WouldBlock), "left open: {shown}");
        let answers = String::from_utf8_lossy(&answers);
        let statuses = answers.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5));
        for status in statuses {
            let known = ["100", "200", "400", "404", "405", "408", "411", "413", "415", "431", "501", "505"];
            assert!(known.contains(&status), "{status} to {shown}");
        }
        assert!(answers.is_empty() || answers.starts_with("HTTP/1."), "{answers} to {shown}");
        if number % 40 == 0 {
            assert_eq!(ask(&server, "text/xml", DISCOVERY).status, 200, "after {shown}");
        }
    }
}

/// The table of errors of CSP (CSP transport, "Error cases a test should cover"). Two rows are in `server`:
/// `a_session_that_expired_is_remembered`, `what_is_unknown_or_not_built_is_not_implemented`.
#[test]
fn s_003_02_errors_of_csp() {
    let server = start();
    let id = login(&server);
    let mut asked = 0;
    let mut code = |body: &str| {
        asked += 1;
        let answer = ask(&server, "text/xml", &body.replacen("t9", &format!("t{asked}"), 1));
        assert_eq!(answer.status, 200, "{body}");
        let is_its_own = answer.body.contains(&format!("<TransactionID>t{asked}</TransactionID>"));
        (answer.code().to_owned(), is_its_own)
    };
    let request = |content: &str| transaction("Request", "t9", content);
    let rows = [
        ("an unknown primitive", inband(&id, &request("<Frobnicate-Request/>")), "501"),
        (
            "an unknown namespace",
            outband("<Login-Request/>").replacen(">1<", ">t9<", 1).replacen("1.3", "7.7", 1),
            "505",
        ),
        ("no SessionID", message("<SessionType>Inband</SessionType>", &request("<KeepAlive-Request/>")), "604"),
        ("an unknown SessionID", inband("x", &request("<KeepAlive-Request/>")), "604"),
        ("no session", outband("<KeepAlive-Request/>").replacen(">1<", ">t9<", 1), "604"),
    ];
    for (what, body, expected) in &rows {
        assert_eq!(code(body), ((*expected).to_owned(), true), "{what}");
    }
    assert_eq!(code(&inband(&id, &transaction("Request", "", "<KeepAlive-Request/>"))).0, "400", "no TransactionID");
    let lost = message("<SessionType>Outband</SessionType>", &transaction("Request", "", "<Polling-Request/>"));
    assert_eq!(ask(&server, "text/xml", &lost).code(), "604", "a poll without a session");
    let stray = "<Status><Result><Code>200</Code></Result></Status>";
    let stray = ask(&server, "text/xml", &inband(&id, &transaction("Response", "77", stray)));
    assert_eq!((stray.status, &*stray.body), (200, ""), "an answer to nothing");
    let two = ["a", "b"].map(|id| transaction("Request", id, "<KeepAlive-Request/>")).concat();
    let both = ask(&server, "text/xml", &inband(&id, &two)).body;
    let codes: Vec<_> = both.split("<Code>").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(codes, ["200", "503"]);
    let poll = inband(&id, &transaction("Request", "", "<Polling-Request/>"));
    for _ in 0..20 {
        let answer = ask(&server, "text/xml", &poll);
        assert_eq!((answer.status, &*answer.body), (200, ""), "polled faster than told");
    }
    let broken = ask(&server, "text/xml", &poll.replacen("<Polling-Request/>", "<Polling-Request>", 1));
    assert!(broken.status == 400 || broken.code() == "400", "{} {}", broken.status, broken.body);
    assert_eq!(code(&inband(&id, &request("<KeepAlive-Request/>"))).0, "200", "and the session goes on");
}

/// Lengths that contradict each other or what comes are refused, and the connection is closed in good order.
#[test]
fn b03_lengths_that_lie_are_refused() {
    let server = start();
    let head = |more: &str| format!("POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n{more}\r\n\r\n");
    let length = DISCOVERY.len();
    let chunks = format!("{length:x}\r\n{DISCOVERY}\r\n0\r\n\r\n");
    let good = post("text/xml", DISCOVERY);
    let rows = [
        (
            "with chunks",
            format!("{}{chunks}", head(&format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"))),
        ),
        (
            "behind chunks",
            format!("{}{chunks}", head(&format!("Transfer-Encoding: chunked\r\ncontent-length: {length}"))),
        ),
        ("twice", format!("{}{DISCOVERY}", head(&format!("Content-Length: {length}\r\nContent-Length: {length}")))),
        ("two values", format!("{}{DISCOVERY}", head(&format!("Content-Length: {length}, {length}")))),
        ("signed", format!("{}{DISCOVERY}", head(&format!("Content-Length: +{length}")))),
        ("negative", head("Content-Length: -1")),
        ("hexadecimal", head("Content-Length: 0x10")),
        ("a chunk of no size", format!("{}zz\r\n", head("Transfer-Encoding: chunked"))),
        ("a chunk of any size", format!("{}fffffffffffffffff\r\n", head("Transfer-Encoding: chunked"))),
        ("not chunked at last", format!("{}{chunks}", head("Transfer-Encoding: chunked, gzip"))),
    ];
    for (what, octets) in &rows {
        let mut stream = connect(&server);
        stream.write_all(format!("{good}{octets}").as_bytes()).unwrap();
        assert_eq!(read(&mut stream).status, 200, "{what}: the request before is served");
        assert_eq!(read(&mut stream).status, 400, "{what}");
        assert!(is_closed(&mut stream), "{what}");
    }
    let short = format!("{}{DISCOVERY}", head(&format!("Content-Length: {}", length - 2)));
    let mut stream = connect(&server);
    assert_eq!(send(&mut stream, &short).status, 400, "too short: a body that breaks off");
    assert_eq!(read(&mut stream).status, 400, "too short: the rest is no request");
    assert!(is_closed(&mut stream));
    let mut stream = connect(&server);
    stream.write_all(format!("{}{DISCOVERY}", head(&format!("Content-Length: {}", length + 1))).as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&mut stream).status, 400, "too long: it never comes");
}

/// Whoever sends a header without end hears why it is refused, although it is still sending.
#[test]
fn b03_huge_headers_are_answered() {
    let server = start();
    for header in [format!("X: {}\r\n", "x".repeat(1 << 20)), "X: y\r\n".repeat(100_000)] {
        let mut stream = connect(&server);
        stream.write_all(format!("POST /csp HTTP/1.1\r\nHost: x\r\n{header}\r\n").as_bytes()).unwrap();
        assert_eq!(read(&mut stream).status, 431);
        assert!(is_closed(&mut stream));
    }
}

/// Whoever sends a body without end hears why it is refused before the connection is gone.
#[test]
fn b04_a_body_of_50_mb_is_answered_in_short_time() {
    let server = start();
    let began = Instant::now();
    let mut stream = connect(&server);
    stream
        .write_all(b"POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 52428800\r\n\r\n")
        .unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    assert_eq!(read(&mut stream).status, 413);
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// A request has its time, whether it drips in its header or its body, or says nothing any more.
#[test]
fn b02_slow_requests_end_in_time_and_others_are_served() {
    let time = Duration::from_secs(1);
    let server = start_as(Configuration { request_time: time, ..Configuration::default() });
    let head = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n";
    let began = Instant::now();
    let mut dripping = [head.to_owned(), format!("{head}Content-Length: 1000\r\n\r\n")].map(|start| {
        let mut stream = connect(&server);
        stream.write_all(start.as_bytes()).unwrap();
        stream
    });
    let mut open = [true, true];
    while open != [false, false] {
        assert!(began.elapsed() < 3 * time, "still open: {open:?}");
        for (stream, open) in dripping.iter_mut().zip(&mut open) {
            stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            let _ = stream.write_all(b"x");
            *open &= matches!(stream.peek(&mut [0]), Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
        }
        let asked = Instant::now();
        assert_eq!(ask(&server, "text/xml", DISCOVERY).status, 200);
        assert!(asked.elapsed() < Duration::from_millis(500));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(began.elapsed() > time / 2);
    assert_eq!(read(&mut dripping[1]).status, 408);
}

/// Who takes no answers is not waited for.
#[test]
fn b02_answers_that_nobody_takes_are_given_up() {
    let server = start_as(Configuration { request_time: Duration::from_secs(1), ..Configuration::default() });
    let mut stream = connect(&server);
    stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let many = post("text/xml", DISCOVERY).repeat(100);
    let began = Instant::now();
    let error = loop {
        if let Err(error) = stream.write_all(many.as_bytes()) {
            break error;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it takes requests without end");
    };
    assert!(!matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

/// No more connections than there may be, in all; one that ends makes room.
#[test]
fn b02_connections_are_counted() {
    let server = start_as(Configuration { connections: 3, ..Configuration::default() });
    let mut open: Vec<_> = (0..3).map(|_| connect(&server)).collect();
    for stream in &mut open {
        assert_eq!(send(stream, &post("text/xml", DISCOVERY)).status, 200);
    }
    let mut one_more = connect(&server);
    assert!(matches!(one_more.read(&mut [0]), Ok(0) | Err(_)), "closed at once");
    drop(open.pop());
    let began = Instant::now();
    while connect(&server).write_all(b"x").is_err() || !is_served(&server) {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

fn is_served(server: &Running) -> bool {
    let mut stream = connect(server);
    let _ = stream.write_all(post("text/xml", DISCOVERY).as_bytes());
    stream.read(&mut [0]).is_ok_and(|octets| octets == 1)
}
