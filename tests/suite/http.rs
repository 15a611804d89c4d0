//! The HTTP edge over the loopback address: a conversation, and what is no conversation (abuse cases B01 to B06).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use impskit::batch::login::{Feed as LoginFeed, Logins as _};
use impskit::batch::route::{Route, SimRoute};
use impskit::batch::run::Progress;
use impskit::codec::Encoding;
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Outcome, Session, Transaction, Version};
use impskit::dm::session::server as management;
use impskit::document::Element;
use impskit::server::http::{self, Running};
use impskit::server::{Beside, Callback, Called, Configuration, Feed, Store, Timestamp};

use crate::batch::{Clock, Fixture, Told, table};

pub(crate) fn start() -> Running {
    start_as(Configuration::default())
}

pub(crate) fn start_as(configuration: Configuration) -> Running {
    let mut store = Store::in_memory().unwrap();
    store.add_user("wv:anna@example.com", "open-sesame", Timestamp::from_seconds(1)).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let configuration = Configuration { domain: "example.com".into(), listen, ..configuration };
    http::spawn(configuration, store, Box::new(|_| {})).unwrap()
}

pub(crate) fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Reads one answer: the status, the header in lower case, the body by its Content-Length.
fn answer(stream: &mut TcpStream) -> (u16, String, Vec<u8>) {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        if stream.read(&mut octet).unwrap_or(0) == 0 {
            panic!("closed after {:?}", String::from_utf8_lossy(&header));
        }
        header.push(octet[0]);
    }
    let header = String::from_utf8(header).unwrap().to_ascii_lowercase();
    let status = header.split(' ').nth(1).unwrap().parse().unwrap();
    let length = header.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (status, header, body)
}

/// Sends octets on a connection of its own and returns the status of the first answer.
pub(crate) fn status(server: &Running, request: &str) -> u16 {
    let mut stream = connect(server);
    // A server that refuses early closes while we still write.
    let _ = stream.write_all(request.as_bytes());
    answer(&mut stream).0
}

fn post(stream: &mut TcpStream, message: &Message, encoding: Encoding) -> Option<Message<'static>> {
    let body = wire::write(message, Form::of(encoding)).unwrap();
    let media_type = format!("{}; charset=utf-8", wire::media_type(message.version, encoding));
    let length = body.len();
    write!(stream, "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n")
        .unwrap();
    stream.write_all(&body).unwrap();
    let (status, header, body) = answer(stream);
    assert_eq!(status, 200);
    // Less than the two minutes that it is kept.
    assert!(header.contains("keep-alive: timeout=110\r\n"), "{header}");
    if body.is_empty() {
        assert!(header.contains("content-length: 0\r\n"), "{header}");
        return None;
    }
    assert!(header.contains(&format!("content-type: {media_type}\r\n")), "{header}");
    let Ok((Body::Message(answer), _)) = wire::read(&body, &wire::LIMITS) else { panic!("no message") };
    Some(answer.into_owned())
}

/// Logs in on a connection of its own; returns the answer.
fn login(server: &Running, user: &str, password: &str, encoding: Encoding) -> Message<'static> {
    let login = Element::new("Login-Request")
        .with_leaf("UserID", user.to_owned())
        .with(Element::new("ClientID").with_leaf("URL", "Phone"))
        .with_leaf("Password", password.to_owned())
        .with_leaf("SessionCookie", "c");
    let login = Message::new(Version::V1_2, Session::Outband, Transaction::request("1", login));
    post(&mut connect(server), &login, encoding).unwrap()
}

#[test]
fn a_conversation_over_one_connection() {
    let server = start();
    for encoding in [Encoding::Wbxml, Encoding::Xml] {
        let mut stream = connect(&server);
        let login = Element::new("Login-Request")
            .with_leaf("UserID", "anna")
            .with(Element::new("ClientID").with_leaf("URL", "phone"))
            .with_leaf("Password", "open-sesame")
            .with_leaf("SessionCookie", "c");
        let login = Message::new(Version::V1_2, Session::Outband, Transaction::request("1", login));
        let welcome = post(&mut stream, &login, encoding).unwrap();
        let id = welcome.transactions[0].primitive.child_text("SessionID").unwrap().to_owned();
        let session = Session::Inband(id);
        let poll = Transaction { id: None, ..Transaction::request("", Element::new("Polling-Request")) };
        assert_eq!(post(&mut stream, &Message::new(Version::V1_2, session.clone(), poll), encoding), None);
        let logout = Transaction::request("2", Element::new("Logout-Request"));
        let goodbye = post(&mut stream, &Message::new(Version::V1_2, session, logout), encoding).unwrap();
        assert_eq!(Outcome::read(&goodbye.transactions[0].primitive).unwrap().code.0, 200);
    }
    server.stop();
}

#[test]
fn b01_no_path_but_one_and_no_method_but_post() {
    let server = start();
    for path in ["/../../etc/passwd", "/%2e%2e/etc/passwd", "/", "/csp/../csp", "/csp%00", "//csp"] {
        assert_eq!(status(&server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")), 404, "{path}");
    }
    assert_eq!(status(&server, "GET /csp HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_eq!(status(&server, "POST /csp HTTP/1.1\r\nHost: x\r\n\r\n"), 411);
    assert_eq!(status(&server, "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"), 415);
}

#[test]
fn b03_headers_are_bounded_and_lengths_are_checked() {
    let server = start();
    let long = format!("POST /csp HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(status(&server, &long), 431);
    let many = format!("POST /csp HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(1000));
    assert_eq!(status(&server, &many), 431);
    for length in ["-1", "x", "99999999999999999999999"] {
        let request = format!("POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(status(&server, &request), 400, "{length}");
    }
    let twice = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(status(&server, twice), 400);
    let unknown = "POST /csp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nab";
    assert_eq!(status(&server, unknown), 400);
}

#[test]
fn b04_bodies_are_bounded_while_they_are_read() {
    let server = start();
    let declared = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: 50000000\r\n\r\n";
    assert_eq!(status(&server, declared), 413, "refused before a body is sent");
    let head = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{:x}\r\n{}\r\n", 300 << 10, "x".repeat(300 << 10));
    assert_eq!(status(&server, &format!("{head}{chunks}")), 413, "chunk by chunk");
    let large = format!(
        "<WV-CSP-VersionDiscovery-Request xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><!--{}--></\
         WV-CSP-VersionDiscovery-Request>",
        "x".repeat(250 << 10)
    );
    let length = large.len();
    let head = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length:";
    assert_eq!(status(&server, &format!("{head} {length}\r\n\r\n{large}")), 200, "below the limit");
    let expecting = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nExpect: 100-continue\r\n\
                     Content-Length: 50000000\r\n\r\n";
    assert_eq!(status(&server, expecting), 413, "not invited to send it");
}

#[test]
fn b05_chunks_expectations_pipelines_and_http_1_0() {
    let server = start();
    let body = "<WV-CSP-VersionDiscovery-Request xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"/>";
    let head = |more: &str| format!("POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n{more}\r\n\r\n");
    let length = format!("Content-Length: {}", body.len());
    assert_eq!(status(&server, &format!("{}{body}", head(&length))), 200);
    let chunked = format!("{}{:x}\r\n{body}\r\n0\r\n\r\n", head("Transfer-Encoding: chunked"), body.len());
    assert_eq!(status(&server, &chunked), 200);
    let old = format!("POST /csp HTTP/1.0\r\nContent-Type: text/xml\r\n{length}\r\n\r\n{body}");
    assert_eq!(status(&server, &old), 200);

    let mut stream = connect(&server);
    stream.write_all(head(&format!("{length}\r\nExpect: 100-continue")).as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).0, 100);
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).0, 200);

    let one = format!("{}{body}", head(&length));
    stream.write_all(format!("{one}{one}{one}").as_bytes()).unwrap();
    for _ in 0..3 {
        assert_eq!(answer(&mut stream).0, 200);
    }
}

#[test]
fn b02_others_are_served_beside_stalled_connections() {
    let server = start();
    let stalled: Vec<_> = (0..150)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"POST /csp HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n<").unwrap();
            stream
        })
        .collect();
    assert_eq!(status(&server, "GET /csp HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    drop(stalled);
}

#[test]
fn a_taken_port_is_named() {
    let server = start();
    let configuration = Configuration { listen: server.address(), ..Configuration::default() };
    let error = http::spawn(configuration, Store::in_memory().unwrap(), Box::new(|_| {})).unwrap_err();
    assert_eq!(error.at, Some(server.address().to_string()));
}

/// The path of device management has the same walls, and does not lead to the IMPS server.
#[test]
fn device_management_is_behind_the_same_walls() {
    let management = http::Management {
        path: "/dm".to_owned(),
        server: Arc::new(Mutex::new(management::Server::new("impskit", [0; 32]))),
    };
    let configuration = Configuration { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Configuration::default() };
    let store = Store::in_memory().unwrap();
    let beside = Beside { management: Some(management), ..Beside::default() };
    let server = http::spawn_beside(configuration, store, beside, Box::new(|_| {})).unwrap();
    let post = |body: &str| {
        let length = body.len();
        status(&server, &format!("POST /dm HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}"))
    };
    assert_eq!(status(&server, "GET /dm HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_eq!(status(&server, "POST /dm HTTP/1.1\r\nHost: x\r\n\r\n"), 411);
    assert_eq!(status(&server, "POST /dm HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"), 413);
    assert_eq!(status(&server, "POST /dm/../csp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 404);
    assert_eq!((post(""), post("<html/>"), post("<WV-CSP-Message/>")), (400, 400, 400));
    // A stranger is answered as one who has not proved himself.
    let hello = "<SyncML><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>\
                 <Target><LocURI>s</LocURI></Target><Source><LocURI>d</LocURI></Source></SyncHdr><SyncBody><Final/>\
                 </SyncBody></SyncML>";
    let mut stream = connect(&server);
    write!(stream, "POST /dm HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{hello}", hello.len()).unwrap();
    let (code, header, body) = answer(&mut stream);
    assert!(code == 200 && header.contains("content-type: application/vnd.syncml.dm+xml\r\n"), "{code} {header}");
    assert!(String::from_utf8(body).unwrap().contains("<Data>407</Data>"));
}

/// Callbacks of gateways have paths of their own, take forms in addresses and bodies, and are as bounded as the rest.
#[test]
fn callbacks_are_taken_at_their_paths_alone() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let kept = calls.clone();
    let answer = Box::new(move |called: &Called| {
        let body = String::from_utf8_lossy(&called.body).into_owned();
        kept.lock().unwrap().push((called.media_type.clone(), body, called.authorization.clone()));
        if called.authorization.is_some() { 200 } else { 401 }
    });
    let callback = Callback { path: "/api/v1/receipts/a".to_owned(), answer };
    let configuration = Configuration { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Configuration::default() };
    let store = Store::in_memory().unwrap();
    let beside = Beside { callbacks: vec![callback], ..Beside::default() };
    let server = http::spawn_beside(configuration, store, beside, Box::new(|_| {})).unwrap();
    assert_eq!(status(&server, "GET /api/v1/receipts/a?id=1&type=%31 HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
    let post = "Host: x\r\nAuthorization: Bearer s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(status(&server, &format!("POST /api/v1/receipts/a HTTP/1.1\r\n{post}")), 200);
    assert_eq!(status(&server, &format!("POST /api/v1/receipts/b HTTP/1.1\r\n{post}")), 404);
    assert_eq!(status(&server, "PUT /api/v1/receipts/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405);
    let long = "POST /api/v1/receipts/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n";
    assert_eq!(status(&server, long), 413);
    let form = "application/x-www-form-urlencoded".to_owned();
    let expected = [
        (form, "id=1&type=%31".to_owned(), None),
        ("application/json".to_owned(), "{}".to_owned(), Some("Bearer s".to_owned())),
    ];
    assert_eq!(*calls.lock().unwrap(), expected);
}

/// Starts a server with a user and a feed of logins.
fn start_with_feed(user: &str, password: &str) -> Running {
    let mut store = Store::in_memory().unwrap();
    store.add_user(user, password, Timestamp::from_seconds(1)).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let configuration = Configuration { domain: "acme.example".into(), listen, ..Configuration::default() };
    let beside = Beside { feed: Feed::new("s3cret".to_owned()), ..Beside::default() };
    http::spawn_beside(configuration, store, beside, Box::new(|_| {})).unwrap()
}

/// Who has the token is told of logins, and of those that failed nothing; without a token there is no such path.
#[test]
fn logins_are_told_to_who_may_know() {
    assert_eq!(status(&start(), "GET /api/v1/logins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\n\r\n"), 404);
    assert!(Feed::new(String::new()).is_none());
    let server = start_with_feed("wv:anna@acme.example", "open-sesame");
    let ask = |query: &str, token: &str| {
        let mut stream = connect(&server);
        let head = format!("GET /api/v1/logins{query} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let (status, _, body) = answer(&mut stream);
        (status, String::from_utf8(body).unwrap())
    };
    let good = "Bearer s3cret";
    assert_eq!(ask("?after=0", good), (200, String::new()));
    for token in ["Bearer s3cres", "Bearer s3cret2", "Bearer", "Basic s3cret", "s3cret"] {
        assert_eq!(ask("?after=0", token), (401, String::new()), "{token}");
    }
    for query in ["?after=x", "?after=-1", "?before=1", "?after=1&after=2"] {
        assert_eq!(ask(query, good).0, 400, "{query}");
    }
    login(&server, "anna", "wrong", Encoding::Xml);
    login(&server, "anna", "open-sesame", Encoding::Xml);
    login(&server, "WV:Anna@acme.example", "open-sesame", Encoding::Wbxml);
    let (status, page) = ask("", good);
    let lines: Vec<serde_json::Value> = page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((status, lines.len()), (200, 2), "{page}");
    for (number, line) in (1..).zip(&lines) {
        assert_eq!((line["schema"].as_str(), line["number"].as_u64()), (Some("impskit.login/1"), Some(number)));
        assert_eq!((line["user"].as_str(), line["client"].as_str()), (Some("wv:anna@acme.example"), Some("phone")));
    }
    assert_eq!(ask("?after=1", good).1.lines().count(), 1);
}

/// Who has the token says what the network knows, a line a user; without it nobody does.
#[test]
fn the_network_speaks_with_its_token() {
    let mut store = Store::in_memory().unwrap();
    store.add_user("wv:anna@acme.example", "open-sesame", Timestamp::from_seconds(1)).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let configuration = Configuration { domain: "acme.example".into(), listen, ..Configuration::default() };
    let beside = Beside { network: Feed::new("n3t".to_owned()), ..Beside::default() };
    let server = http::spawn_beside(configuration, store, beside, Box::new(|_| {})).unwrap();
    let say = |token: &str, lines: &str| {
        let mut stream = connect(&server);
        let length = lines.len();
        let head = format!(
            "POST /api/v1/presence HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{lines}").as_bytes()).unwrap();
        let (status, _, body) = answer(&mut stream);
        (status, String::from_utf8(body).unwrap())
    };
    let line = "{\"user\": \"anna\", \"presence\": {\"Registration\": \"T\"}}\n";
    assert_eq!(say("Bearer n3t", line), (200, "{\"code\":200,\"user\":\"anna\"}\n".to_owned()));
    assert_eq!(say("Bearer other", line), (401, String::new()));
    assert_eq!(say("Bearer n3t", "{}"), (400, "line 1 says nothing of a user's presence".to_owned()));
    assert_eq!(status(&start(), "POST /api/v1/presence HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 404);
}

/// From the plan to the login: a campaign to simulated handsets, a client that logs in over HTTP, a run
/// that asks the server; each login is heard once, and a wrong token is told and stops nothing.
#[test]
fn a_campaign_is_confirmed_by_the_logins_of_its_clients() {
    let fixture = Fixture::new("sim", "[confirm]\nby = \"login\"\nserver = \"http://127.0.0.1:1\"\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(1), 1).unwrap();
    let server = start_with_feed("wv:user0@acme.example", "secret, 0");
    let path = fixture.path("handsets.db");
    let open = |_: &str| -> Box<dyn Route> { Box::new(SimRoute::open(&path, 10).unwrap()) };
    let feed = |token: &str| LoginFeed::new(&format!("http://{}", server.address()), Some(token.to_owned())).unwrap();
    let (told, wrong) = (Mutex::default(), feed("wrong"));
    let more = Told { logins: Some(&wrong), told: Some(&told), ..Told::default() };
    let summary = fixture.run_lanes(&mut store, &Clock::at(2_000), &open, more).unwrap();
    assert_eq!((summary.submitted, summary.confirmed), (1, 0));
    let told = told.into_inner().unwrap();
    assert!(told.iter().any(|told| matches!(told, Progress::Note(note) if note.contains("token"))), "{told:?}");
    let right = feed("s3cret");
    let run = |store: &mut _| {
        let more = Told { logins: Some(&right), ..Told::default() };
        fixture.run_lanes(store, &Clock::at(3_000), &open, more).unwrap().confirmed
    };
    assert_eq!(run(&mut store), 0, "nobody has logged in");
    login(&server, "user0", "secret, 0", Encoding::Wbxml);
    assert_eq!((run(&mut store), run(&mut store)), (1, 0));
    assert_eq!(store.count_states("spring").unwrap(), [("confirmed".to_owned(), 1)]);
    assert_eq!(store.heard("spring", right.name()), Ok(1));
}
