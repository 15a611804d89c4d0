//! The ways over the loopback address: connections, datagrams, and the address at which clients ask.

#![allow(clippy::disallowed_methods, reason = "only to have some time")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use impskit::client::http::Line;
use impskit::codec::Encoding;
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Session, Transaction, Version};
use impskit::document::Element;
use impskit::server::http::{self, Running};
use impskit::server::{Beside, Cir, Configuration, Greetings, ShortContent, ShortMessage, Store, Timestamp};

use super::{every_way, greet, login, offer};

/// Held by who has the port of pushes, which every client of this machine has.
pub(super) static PORT_OF_PUSHES: Mutex<()> = Mutex::new(());

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A server on ports of the system's choice, with anna and berta.
pub(super) fn start(cir: Cir) -> Running {
    start_at(0, cir)
}

pub(super) fn start_at(port: u16, cir: Cir) -> Running {
    start_beside(port, cir, Beside::default())
}

fn start_beside(port: u16, cir: Cir, beside: Beside) -> Running {
    let listen = SocketAddr::from((LOOPBACK, port));
    start_with(Configuration { listen, cir, ..Configuration::default() }, beside)
}

fn start_with(configuration: Configuration, beside: Beside) -> Running {
    let mut store = Store::in_memory().unwrap();
    for user in ["wv:anna@example.com", "wv:berta@example.com"] {
        store.add_user(user, "secret", Timestamp::EPOCH).unwrap();
    }
    let configuration = Configuration { domain: "example.com".to_owned(), poll_min: 1, ..configuration };
    http::spawn_beside(configuration, store, beside, Box::new(|_| {})).unwrap()
}

pub(super) fn by_tcp() -> Cir {
    Cir { tcp: Some(SocketAddr::from((LOOPBACK, 0))), address: Some("127.0.0.1".into()), ..Cir::default() }
}

/// Who is logged in over HTTP.
struct Guest {
    line: Line,
    session: Session,
    transaction: u32,
    agreed: Element<'static>,
}

impl Guest {
    fn enter(server: &Running, user: &str, methods: &[&'static str], port: Option<&'static str>) -> Self {
        let line = Line::new(&server.url(), None).unwrap();
        let mut guest = Self { line, session: Session::Outband, transaction: 1, agreed: Element::new("none") };
        let answer = guest.post(&login(user, Version::V1_3)).unwrap();
        let id = answer.transactions[0].primitive.child_text("SessionID").unwrap().to_owned();
        guest.session = Session::Inband(id);
        let answer = guest.ask(offer(Version::V1_3, methods, port)).unwrap();
        guest.agreed = answer.transactions[0].primitive.child("AgreedCapabilityList").unwrap().clone();
        guest
    }

    fn post(&mut self, message: &Message<'_>) -> Option<Message<'static>> {
        let body = wire::write(message, Form::of(Encoding::Wbxml)).unwrap();
        let body = self.line.post(wire::media_type(message.version, Encoding::Wbxml), body).unwrap();
        let (Body::Message(answer), _) = wire::read(&body, &wire::LIMITS).ok()? else { panic!("no message") };
        Some(answer.into_owned())
    }

    fn ask(&mut self, primitive: Element<'static>) -> Option<Message<'static>> {
        self.transaction += 1;
        let id = (primitive.name != "Polling-Request").then(|| self.transaction.to_string());
        let transaction = Transaction { mode: Mode::Request, id, primitive };
        self.post(&Message::new(Version::V1_3, self.session.clone(), transaction))
    }

    fn id(&self) -> &str {
        self.session.id().unwrap()
    }
}

/// A connection of a client that wants to be woken.
struct Phone(TcpStream);

impl Phone {
    fn connect(server: &Running) -> Self {
        let stream = TcpStream::connect(server.cir_address().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn say(&mut self, text: &str) {
        // A server that has enough closes while we still write.
        let _ = self.0.write_all(text.as_bytes());
    }

    /// Reads a line with its end; `None` where the server has closed.
    fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let mut octet = [0];
        while !line.ends_with(b"\n") {
            match self.0.read(&mut octet) {
                Ok(1) => line.push(octet[0]),
                Ok(_) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&line)),
            }
        }
        Some(String::from_utf8(line).unwrap())
    }

    fn greeted(server: &Running, guest: &Guest) -> Self {
        let mut phone = Self::connect(server);
        phone.say(&format!("HELO {}\r\n", guest.id()));
        assert_eq!(phone.hear().as_deref(), Some("OK\r\n"));
        phone
    }
}

/// C-004.01, S-004.01: the dialogue of the sheet, word for word.
#[test]
fn a_client_is_woken_on_its_connection() {
    let server = start(by_tcp());
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let mut berta = Guest::enter(&server, "wv:berta", &["STCP"], None);
    let port = server.cir_address().unwrap().port().to_string();
    assert_eq!(berta.agreed.child_text("TCPAddress"), Some("127.0.0.1"));
    assert_eq!(berta.agreed.child_text("TCPPort"), Some(port.as_str()));
    let mut phone = Phone::connect(&server);
    for piece in ["HE", "LO ", berta.id(), " \r", "\n"] {
        phone.say(piece);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(phone.hear().as_deref(), Some("OK\r\n"));
    phone.say("PING\r\nPING   \r\n");
    assert_eq!((phone.hear().as_deref(), phone.hear().as_deref()), (Some("OK\r\n"), Some("OK\r\n")));
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(phone.hear().as_deref(), Some("WVCI 1.3 cookie-wv:berta\r\n"));
    // A second greeting takes the place of the first, and is called at once for what still waits.
    let mut second = Phone::greeted(&server, &berta);
    assert_eq!(second.hear().as_deref(), Some("WVCI 1.3 cookie-wv:berta\r\n"));
    assert_eq!(phone.hear(), None, "the first is closed");
    let got = berta.ask(Element::new("Polling-Request")).unwrap();
    assert_eq!((got.transactions[0].primitive.name.as_ref(), got.cir), ("NewMessage", None));
    // C-004.06: the connection is lost, and the client is told.
    drop(second);
    let mut flag = None;
    for _ in 0..100 {
        flag = berta.ask(Element::new("KeepAlive-Request")).unwrap().cir;
        if flag.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(flag, Some(false));
    let mut third = Phone::greeted(&server, &berta);
    assert_eq!(berta.ask(Element::new("KeepAlive-Request")).unwrap().cir, None);
    berta.ask(Element::new("Logout-Request")).unwrap();
    assert_eq!(third.hear(), None, "the session is over");
}

/// B12: what says nothing, too much, or what is not true is closed; bounded in number; and those who are served stay so.
#[test]
fn b12_connections_without_a_session_are_closed() {
    let server = start(Cir { connections: 4, ..by_tcp() });
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let berta = Guest::enter(&server, "wv:berta", &["STCP"], None);
    let mut phone = Phone::greeted(&server, &berta);
    let silent_since = Instant::now();
    let mut silent = Phone::connect(&server);
    for text in [
        "HELO AAAAAAAAAAAAAAAAAAAAAA\r\n".to_owned(),
        format!("HELO {}\r\n", anna.id()),
        format!("HELO {}\r\n", berta.id().to_ascii_uppercase()),
        format!("helo {}\r\n", berta.id()),
        "PING\r\n".to_owned(),
        "GET / HTTP/1.1\r\n".to_owned(),
        "\0\r\n".to_owned(),
        "HELO ".to_owned() + &"x".repeat(1 << 20),
        "HELO ".to_owned() + &"x".repeat(1 << 20) + "\r\n",
    ] {
        let mut guesser = Phone::connect(&server);
        guesser.say(&text);
        assert_eq!(guesser.hear(), None, "{:?}", &text[..text.len().min(30)]);
    }
    // Four at once: berta, the silent one and two more.
    let more = [Phone::connect(&server), Phone::connect(&server)];
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(Phone::connect(&server).hear(), None, "one too many");
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(phone.hear().as_deref(), Some("WVCI 1.3 cookie-wv:berta\r\n"), "others are served");
    assert_eq!(silent.hear(), None);
    let waited = silent_since.elapsed();
    assert!((9..16).contains(&waited.as_secs()), "10 seconds to say HELO: {waited:?}");
    drop(more);
    phone.say(&"PING\r\n".repeat(200));
    let answers = std::iter::from_fn(|| phone.hear()).count();
    assert!(answers < 200, "{answers} lines in a minute");
}

/// C-004.02, C-004.07: a datagram to the port that the client named.
#[test]
fn a_client_is_woken_by_a_datagram() {
    let server = start(Cir { udp_push: true, ..Cir::default() });
    let phone = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let port: &'static str = Box::leak(phone.local_addr().unwrap().port().to_string().into_boxed_str());
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let berta = Guest::enter(&server, "wv:berta", &["SUDP"], Some(port));
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    let mut octets = [0; 1500];
    let (length, from) = phone.recv_from(&mut octets).unwrap();
    assert_eq!(&octets[..length], b"WVCI 1.3 cookie-wv:berta");
    let told = berta.agreed.child_text("UDPPort").map(str::to_owned);
    assert_eq!(told, Some(from.port().to_string()), "where datagrams come from");
}

/// C-004.02: the push, octet for octet as WSP has it: transaction, Push, three octets of headers; `C6` is the media type
/// 0x46 and `AF 8A` the header X-Wap-Application-Id with the value 0x0A, each with its high bit. Wireshark 4.0.17 reads
/// `application/vnd.wv.csp.cir` and `x-wap-application:wv.ua` from it.
#[test]
fn a_client_is_woken_by_a_push() {
    let server = start(Cir { udp_push: true, ..Cir::default() });
    let _alone = PORT_OF_PUSHES.lock().unwrap();
    let phone = UdpSocket::bind((LOOPBACK, 2948)).unwrap();
    phone.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let _berta = Guest::enter(&server, "wv:berta", &["WAPUDP"], None);
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    let mut octets = [0; 1500];
    let length = phone.recv(&mut octets).unwrap();
    let expected = [&[0x01, 0x06, 0x03, 0xC6, 0xAF, 0x8A][..], b"WVCI 1.3 cookie-wv:berta"].concat();
    assert_eq!(octets[..length], expected);
}

fn status(server: &Running, request: &str) -> u16 {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// C-004.03: 200 and 204. B13: everything else below that path is not found.
#[test]
fn b13_an_address_that_was_guessed_is_not_found() {
    let server = start(Cir { http: Some("http://127.0.0.1/cir".into()), ..Cir::default() });
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let mut berta = Guest::enter(&server, "wv:berta", &["SHTTP"], None);
    let url = berta.agreed.descend(&["CIRHTTPAddress", "URL"]).unwrap().trimmed().to_owned();
    let path = url.strip_prefix("http://127.0.0.1").unwrap();
    assert_eq!(status(&server, &format!("GET {path}")), 204);
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(status(&server, &format!("GET {path}")), 200);
    for guess in [
        "GET /cir".to_owned(),
        "GET /cir/".to_owned(),
        "GET /cir/AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        format!("GET /cir/{}", berta.id()),
        format!("GET {path}x"),
        format!("GET {path}/.."),
        format!("GET {}", &path[..path.len() - 1]),
        format!("GET {}", path.replacen("/cir/", "/cir//", 1)),
        format!("POST {path}"),
    ] {
        assert_eq!(status(&server, &guess), 404, "{guess}");
    }
    berta.ask(Element::new("Logout-Request")).unwrap();
    assert_eq!(status(&server, &format!("GET {path}")), 404, "the session is over");
}

/// Content is fetched by GET, as what no browser shows; nothing else below that path is found.
#[test]
fn large_content_is_fetched_at_its_address() {
    let listen = SocketAddr::from((LOOPBACK, 0));
    let content = Some("http://127.0.0.1/content".to_owned());
    let server = start_with(Configuration { listen, content, ..Configuration::default() }, Beside::default());
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let mut berta = Guest::enter(&server, "wv:berta", &[], None);
    let list = Element::new("CapabilityList").with_leaf("AcceptedPushLength", "1");
    berta.ask(Element::new("ClientCapability-Request").with(list));
    let receive = Element::new("IMFeat").with(Element::new("IMReceiveFunc").with(Element::new("NOTIF")));
    let functions = Element::new("Functions").with(Element::new("WVCSPFeat").with(receive));
    berta.ask(Element::new("Service-Request").with(functions).with_leaf("AllFunctionsRequest", "F"));
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    let told = berta.ask(Element::new("Polling-Request")).unwrap();
    let told = &told.transactions[0].primitive;
    let uri = told.descend(&["MessageInfo", "MessageURI"]).unwrap().trimmed().to_owned();
    let path = uri.strip_prefix("http://127.0.0.1").unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && !body.is_empty(), "{answer}");
    for line in ["content-type: text/plain", "content-disposition: attachment", "x-content-type-options: nosniff"] {
        assert!(head.to_lowercase().contains(line), "{line}: {head}");
    }
    assert_eq!(status(&server, &format!("HEAD {path}")), 200);
    for guess in [format!("POST {path}"), format!("GET {path}x"), "GET /content".to_owned(), "GET /content/".to_owned()]
    {
        assert_eq!(status(&server, &guess), 404, "{guess}");
    }
}

/// C-004.04, S-004.01: a client greets by a short message, which the gateway hands over in the form of Kannel's `get-url`,
/// and is woken by one.
#[test]
fn a_client_greets_and_is_woken_by_short_messages() {
    let (sent, short_messages) = std::sync::mpsc::channel();
    let beside = Beside {
        send_short: Some(Box::new(move |message: ShortMessage| sent.send(message).unwrap())),
        greetings: Greetings::new("/api/v1/cir".into(), "s3cret".into()),
        ..Beside::default()
    };
    let server = start_beside(0, Cir { tcp: None, udp_push: false, ..every_way() }, beside);
    let mut anna = Guest::enter(&server, "wv:anna", &[], None);
    let berta = Guest::enter(&server, "wv:berta", &["WAPSMS", "SSMS"], None);
    assert_eq!(berta.agreed.child_text("SupportedCIRMethod"), Some("SSMS"), "no number, no push to it");
    assert_eq!(berta.agreed.child_text("CIRSMSAddress"), Some("+1234"));
    anna.ask(greet("wv:anna", "wv:berta")).unwrap();
    let hand_over = |text: &str, key: &str| {
        status(&server, &format!("GET /api/v1/cir?from=%2B358407654321&to=1234&text={text}&key={key}"))
    };
    let hello = format!("HELO+{}", berta.id());
    for (text, key, expected) in [
        (hello.as_str(), "", 401),
        (&hello, "S3cret", 401),
        ("Hello+there", "s3cret", 400),
        ("", "s3cret", 400),
        ("HELO+AAAAAAAAAAAAAAAAAAAAAA", "s3cret", 404),
        (&format!("HELO+{}", anna.id()), "s3cret", 404),
    ] {
        assert_eq!(hand_over(text, key), expected, "{text} {key}");
    }
    assert!(short_messages.try_recv().is_err(), "nobody is written to");
    assert_eq!(hand_over(&hello, "s3cret"), 200);
    let patience = Duration::from_secs(20);
    let message = short_messages.recv_timeout(patience).unwrap();
    let text = ShortContent::Text("WVCI 1.3 cookie-wv:berta".into());
    assert_eq!(message, ShortMessage { number: "358407654321".into(), content: text }, "something waited already");
}
