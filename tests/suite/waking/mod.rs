//! How clients are woken (CSP session, "CIR"): what is agreed, when the engine calls whom, and the ways themselves over
//! the loopback address.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[cfg(feature = "server")]
mod clients;
#[cfg(feature = "server")]
mod sockets;

use std::net::{IpAddr, SocketAddr};

use impskit::codec::{self, Encoding};
use impskit::csp::cir::{self, Lines, Said};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Session, Transaction, V1_3, Version};
use impskit::diagnose::Report;
use impskit::document::Element;
use impskit::server::{
    Channel, Cir, CirFlag, CirSms, Configuration, Engine, Heard, Input, Output, Random, Request, Store, Timestamp,
};

/// Every way there is.
fn every_way() -> Cir {
    let sms = CirSms {
        route: "kannel".into(),
        address: Some("+1234".into()),
        path: "/api/v1/cir".into(),
        key: Some(impskit::provision::profile::SecretSource::Environment("KEY".into())),
    };
    Cir {
        tcp: Some(SocketAddr::from(([0, 0, 0, 0], 3171))),
        udp_push: true,
        udp_port: Some(40000),
        http: Some("http://example.com/cir".into()),
        sms: Some(sms),
        ..Cir::default()
    }
}

fn login(user: &str, version: Version) -> Message<'static> {
    let login = Element::new("Login-Request")
        .with_leaf("UserID", user.to_owned())
        .with(Element::new("ClientID").with_leaf("URL", "phone"))
        .with_leaf("Password", "secret")
        .with_leaf("TimeToLive", "1800")
        .with_leaf("SessionCookie", format!("cookie-{}", user.trim_start_matches("wv:+")));
    Message::new(version, Session::Outband, Transaction::request("1", login))
}

fn offer(version: Version, methods: &[&'static str], port: Option<&'static str>) -> Element<'static> {
    let mut list = Element::new("CapabilityList")
        .with_leaf("ClientType", "MOBILE_PHONE")
        .with_leaf("InitialDeliveryMethod", "P")
        .with_leaf("AcceptedContentLength", "32768")
        .with_leaf("MultiTrans", "1")
        .with_leaf("ParserSize", "32767");
    for method in methods {
        list = list.with_leaf("SupportedCIRMethod", *method);
    }
    if let Some(port) = port {
        list = list.with_leaf("UDPPort", port);
    }
    let request = Element::new("ClientCapability-Request").with(list);
    match version {
        Version::V1_1 => request.with(Element::new("ClientID").with_leaf("URL", "phone")),
        _ => request,
    }
}

fn greet(from: &str, to: &str) -> Element<'static> {
    impskit::client::primitives::send_message(from, &[to], "hello", false)
}

/// Who is logged in where.
#[derive(Clone)]
struct Guest {
    version: Version,
    session: String,
    peer: IpAddr,
}

struct Lab {
    engine: Engine,
    seconds: u64,
    transaction: u32,
    outputs: Vec<Output>,
}

impl Lab {
    fn new(cir: Cir) -> Self {
        let mut store = Store::in_memory().unwrap();
        for user in ["wv:anna@example.com", "wv:berta@example.com", "wv:+358401234567@example.com"] {
            store.add_user(user, "secret", Timestamp::EPOCH).unwrap();
        }
        let configuration = Configuration { domain: "example.com".into(), cir, ..Configuration::default() };
        let engine = Engine::open(configuration, store, Random::new([7; 32]));
        Self { engine, seconds: 1_700_000_000, transaction: 1, outputs: Vec::new() }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.seconds)
    }

    /// Lets time pass as an edge does: the engine is told when it wants to be.
    fn pass(&mut self, seconds: u64) {
        let end = self.seconds + seconds;
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= Timestamp::from_seconds(end)) {
            self.seconds = self.seconds.max(due.seconds() as u64);
            let outputs = self.engine.handle(self.now(), Input::Tick);
            self.outputs.extend(outputs);
            if self.engine.next_deadline() == Some(due) {
                break;
            }
        }
        self.seconds = end;
    }

    fn post(&mut self, message: &Message<'_>, peer: IpAddr) -> Option<Message<'static>> {
        self.post_in(Encoding::Wbxml, message, peer)
    }

    fn post_in(&mut self, encoding: Encoding, message: &Message<'_>, peer: IpAddr) -> Option<Message<'static>> {
        let version = message.version;
        let body = wire::write(message, Form::of(encoding)).unwrap();
        let media_type = wire::media_type(version, encoding).to_owned();
        let request = Request { connection: 1, media_type, body, peer, headers: Vec::new() };
        let mut outputs = self.engine.handle(self.now(), Input::Request(request));
        let Output::Reply { status: 200, body, .. } = outputs.remove(0) else { panic!("{outputs:?}") };
        self.outputs.extend(outputs);
        let (Body::Message(answer), _) = wire::read(&body, &wire::LIMITS).ok()? else { panic!("no message") };
        Some(answer.into_owned())
    }

    fn login(&mut self, user: &str, version: Version) -> Guest {
        let peer = IpAddr::from([192, 0, 2, 7]);
        let answer = self.post(&login(user, version), peer).unwrap();
        let session = answer.transactions[0].primitive.child_text("SessionID").unwrap().to_owned();
        Guest { version, session, peer }
    }

    /// Sends a request in a session and returns the whole answer.
    fn exchange(&mut self, guest: &Guest, primitive: Element<'static>) -> Option<Message<'static>> {
        self.transaction += 1;
        let id = (primitive.name != "Polling-Request").then(|| self.transaction.to_string());
        let transaction = Transaction { mode: Mode::Request, id, primitive };
        self.post(&Message::new(guest.version, Session::Inband(guest.session.clone()), transaction), guest.peer)
    }

    fn acknowledge(&mut self, guest: &Guest, got: &Message<'_>) -> Option<Message<'static>> {
        let asked = &got.transactions[0];
        let answer = match asked.primitive.descend(&["MessageInfo", "MessageID"]) {
            Some(id) => Element::new("MessageDelivered").with_leaf("MessageID", id.trimmed().to_owned()),
            None => impskit::csp::Outcome::new(impskit::csp::Code::SUCCESSFUL).status(),
        };
        let transaction = Transaction::response(asked.id.clone(), answer);
        self.post(&Message::new(guest.version, Session::Inband(guest.session.clone()), transaction), guest.peer)
    }

    fn hear(&mut self, connection: u64, heard: Heard) -> Option<u16> {
        let outputs = self.engine.handle(self.now(), Input::Heard { connection, heard });
        let status = outputs.iter().find_map(|output| match output {
            Output::Reply { status, .. } => Some(*status),
            _ => None,
        });
        self.outputs.extend(outputs.into_iter().filter(|output| !matches!(output, Output::Reply { .. })));
        status
    }

    /// Returns who was called since the last time that this was asked.
    fn calls(&mut self) -> Vec<(Channel, String)> {
        let outputs = std::mem::take(&mut self.outputs).into_iter();
        let calls = outputs.filter_map(|output| match output {
            Output::Wake { by, text } => Some((by, text)),
            _ => None,
        });
        calls.collect()
    }
}

/// Returns a lab with two that are logged in: anna, who polls, and berta, who offers these ways.
fn two(version: Version, methods: &[&'static str]) -> (Lab, Guest, Guest) {
    let mut lab = Lab::new(every_way());
    let (anna, berta) = (lab.login("wv:anna", version), lab.login("wv:berta", version));
    lab.exchange(&berta, offer(version, methods, None)).unwrap();
    (lab, anna, berta)
}

fn poll() -> Element<'static> {
    Element::new("Polling-Request")
}

/// S-001.04: the agreed ways, in the client's order of preference, in the form of each version.
#[test]
fn ways_are_agreed_in_the_clients_order() {
    let all = ["SHTTP", "PIGEON", "STCP", "SSMS", "WAPSMS", "SUDP", "STCP", "WAPUDP"];
    for (version, name, expected) in [
        (Version::V1_3, "AgreedCapabilityList", vec!["SHTTP", "STCP", "SSMS", "WAPSMS", "SUDP", "WAPUDP"]),
        // The number to greet is told in 1.3 only.
        (Version::V1_2, "AgreedCapabilityList", vec!["SHTTP", "STCP", "WAPSMS", "SUDP", "WAPUDP"]),
        (Version::V1_1, "CapabilityList", vec!["STCP", "WAPSMS", "SUDP", "WAPUDP"]),
    ] {
        let mut lab = Lab::new(every_way());
        let guest = lab.login("wv:+358401234567", version);
        let answer = lab.exchange(&guest, offer(version, &all, Some("40001"))).unwrap();
        let agreed = answer.transactions[0].primitive.child(name).unwrap().clone();
        let methods: Vec<_> = agreed.children_named("SupportedCIRMethod").map(Element::trimmed).collect();
        assert_eq!(methods, expected, "{version:?}");
        let text = |name: &str| agreed.child_text(name);
        assert_eq!((text("TCPAddress"), text("TCPPort")), (Some("example.com"), Some("3171")), "{version:?}");
        // 1.1 repeats the client's own port; 1.3 names where datagrams come from; 1.2 has no room for either.
        let udp = match version {
            Version::V1_1 => (None, Some("40001")),
            Version::V1_2 => (None, None),
            Version::V1_3 => (Some("example.com"), Some("40000")),
        };
        assert_eq!((text("UDPAddress"), text("UDPPort")), udp, "{version:?}");
        let of_version = if version == Version::V1_3 { "CIRHTTPAddress" } else { "CIRURL" };
        let url = agreed.descend(&[of_version, "URL"]).map(Element::trimmed);
        assert_eq!(url.is_some(), version > Version::V1_1, "{version:?}");
        assert!(url.is_none_or(|url| url.starts_with("http://example.com/cir/") && !url.contains(&guest.session)));
        assert_eq!(text("CIRSMSAddress"), (version == Version::V1_3).then_some("+1234"));
    }
}

/// Only what is configured is agreed; a session without number is sent no short messages, and one with a cookie that
/// cannot be repeated in a line is not called at all.
#[test]
fn what_cannot_be_is_not_agreed() {
    let methods = |lab: &mut Lab, guest: &Guest| {
        let answer = lab.exchange(guest, offer(guest.version, &["STCP", "SUDP", "WAPSMS"], None)).unwrap();
        let agreed = answer.transactions[0].primitive.child("AgreedCapabilityList").unwrap();
        agreed.children_named("SupportedCIRMethod").map(|method| method.trimmed().to_owned()).collect::<Vec<_>>()
    };
    let mut lab = Lab::new(Cir { udp_push: true, ..Cir::default() });
    let anna = lab.login("wv:anna", Version::V1_3);
    assert_eq!(methods(&mut lab, &anna), ["SUDP"]);
    let mut lab = Lab::new(every_way());
    let anna = lab.login("wv:anna", Version::V1_3);
    assert_eq!(methods(&mut lab, &anna), ["STCP", "SUDP"]);
    let mut message = login("wv:anna", Version::V1_3);
    let request = &mut message.transactions[0].primitive;
    request.children.retain(|child| child.name != "SessionCookie");
    request.children.push(Element::leaf("SessionCookie", "a\r\nOK"));
    let answer = lab.post(&message, anna.peer).unwrap();
    let session = answer.transactions[0].primitive.child_text("SessionID").unwrap().to_owned();
    assert_eq!(methods(&mut lab, &Guest { session, ..anna }), [""; 0]);
}

/// CCAPAB-10 from the server's side: the port that the client names, else the registered one.
#[test]
fn datagrams_go_to_the_clients_address_and_port() {
    for (port, expected) in [(Some("40001"), 40001), (None, 3717), (Some("0"), 3717), (Some("70000"), 3717)] {
        let (mut lab, anna, berta) = two(Version::V1_3, &[]);
        lab.exchange(&berta, offer(Version::V1_3, &["SUDP"], port)).unwrap();
        lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
        let to = SocketAddr::new(berta.peer, expected);
        assert_eq!(lab.calls(), [(Channel::Datagram(to), "WVCI 1.3 cookie-wv:berta".to_owned())], "{port:?}");
    }
    let (mut lab, anna, mut berta) = two(Version::V1_2, &["WAPUDP"]);
    berta.peer = IpAddr::from([192, 0, 2, 99]);
    lab.exchange(&berta, poll());
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    let push = Channel::Push(SocketAddr::from(([192, 0, 2, 99], 2948)));
    assert_eq!(lab.calls(), [(push, "WVCI 1.2 cookie-wv:berta".to_owned())], "where its requests come from now");
}

#[test]
fn a_client_is_called_once_until_it_comes_and_not_for_ever() {
    let (mut lab, anna, berta) = two(Version::V1_3, &["SUDP", "WAPUDP"]);
    for _ in 0..3 {
        lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    }
    assert_eq!(lab.calls().len(), 1, "not for each message");
    lab.pass(19);
    assert_eq!(lab.calls().len(), 0);
    lab.pass(1);
    let again = lab.calls();
    assert!(matches!(again[..], [(Channel::Push(_), _)]), "by another way: {again:?}");
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    lab.pass(1500);
    assert_eq!(lab.calls().len(), 3, "40, 80 and 160 seconds later, and no more");
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(lab.calls().len(), 1, "something new");
    // It comes, and takes everything.
    let mut got = lab.exchange(&berta, poll());
    while let Some(message) = got {
        got = lab.acknowledge(&berta, &message);
    }
    lab.pass(60);
    assert_eq!(lab.calls(), []);
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(lab.calls().len(), 1, "it has answered: it is called at once");
}

/// Plain text has no code for Address: who spoke it last is not called for the sake of that.
#[test]
fn nobody_is_called_for_what_it_cannot_be_told() {
    let (mut lab, anna, berta) = two(Version::V1_3, &["SUDP"]);
    let ask = |lab: &mut Lab, guest: &Guest, xml: &str| {
        let document = codec::read(xml.as_bytes(), &[&V1_3], &codec::Limits::default(), &mut Report::new());
        lab.exchange(guest, document.unwrap().root.into_owned()).unwrap()
    };
    let services = "<Service-Request><Functions><WVCSPFeat><PresenceFeat/></WVCSPFeat></Functions>\
        <AllFunctionsRequest>F</AllFunctionsRequest></Service-Request>";
    ask(&mut lab, &anna, services);
    ask(&mut lab, &berta, services);
    let list = |value: &str| format!("<PresenceSubList><Address>{value}</Address></PresenceSubList>");
    let grant =
        format!("<CreateAttributeList-Request>{}<DefaultList>T</DefaultList></CreateAttributeList-Request>", list(""));
    ask(&mut lab, &anna, &grant);
    let subscribe = format!(
        "<SubscribePresence-Request><UserIDList><UserID>wv:anna</UserID></UserIDList>{}\
         <AutoSubscribe>F</AutoSubscribe></SubscribePresence-Request>",
        list("")
    );
    ask(&mut lab, &berta, &subscribe);
    let mut got = lab.exchange(&berta, poll());
    while let Some(message) = got {
        got = lab.acknowledge(&berta, &message);
    }
    let session = Session::Inband(berta.session.clone());
    let alive = Transaction::request("900", Element::new("KeepAlive-Request"));
    lab.post_in(Encoding::Pts, &Message::new(Version::V1_3, session, alive), berta.peer).unwrap();
    lab.outputs.clear();
    let city = "<Qualifier>T</Qualifier><City>Verona</City>";
    ask(&mut lab, &anna, &format!("<UpdatePresence-Request>{}</UpdatePresence-Request>", list(city)));
    lab.pass(300);
    assert_eq!(lab.calls(), []);
    let told = lab.exchange(&berta, poll()).expect("another syntax carries it");
    assert_eq!(told.transactions[0].primitive.name, "PresenceNotification-Request");
}

#[test]
fn who_learns_it_by_the_poll_flag_is_not_called() {
    let (mut lab, anna, berta) = two(Version::V1_3, &["SUDP"]);
    // A message to oneself is told in the answer.
    let answer = lab.exchange(&berta, greet("wv:berta", "wv:berta")).unwrap();
    assert_eq!((answer.poll, lab.calls()), (Some(true), vec![]));
    // One that was told and does not come is called after a while.
    lab.pass(20);
    assert_eq!(lab.calls().len(), 1);
    let got = lab.exchange(&berta, poll()).unwrap();
    lab.acknowledge(&berta, &got);
    // What it took and did not acknowledge waits again, and so it is called.
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    lab.exchange(&berta, poll()).unwrap();
    lab.calls();
    lab.pass(20);
    assert_eq!(lab.calls().len(), 1);
    // Nobody calls who agreed on no way.
    lab.exchange(&berta, greet("wv:berta", "wv:anna")).unwrap();
    lab.pass(600);
    assert!(lab.calls().iter().all(|(_, text)| text.ends_with("berta")));
}

/// C-004.01 and S-004.01: greeting, the first call behind it, a second greeting, the loss of the connection.
#[test]
fn a_connection_is_one_sessions() {
    let (mut lab, anna, berta) = two(Version::V1_3, &["STCP"]);
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(lab.calls(), [], "there is no connection yet");
    assert_eq!(lab.hear(7, Heard::Hello(berta.session.clone())), Some(200));
    assert_eq!(lab.calls(), [(Channel::Connection(7), "WVCI 1.3 cookie-wv:berta".to_owned())]);
    assert_eq!(lab.hear(8, Heard::Hello(berta.session.clone())), Some(200), "the second replaces the first");
    assert!(lab.outputs.contains(&Output::HangUp(7)), "{:?}", lab.outputs);
    assert_eq!(lab.hear(7, Heard::Gone), None);
    assert_eq!(lab.calls().len(), 1, "the new one is told what waits");
    assert_eq!(lab.hear(8, Heard::Hello(anna.session.clone())), Some(404), "one session a connection");
    assert_eq!(lab.hear(9, Heard::Hello(anna.session.clone())), Some(404), "anna did not agree on it");
    assert_eq!(lab.hear(9, Heard::Hello("AAAAAAAAAAAAAAAAAAAAAA".into())), Some(404));
    lab.exchange(&berta, Element::new("Logout-Request")).unwrap();
    assert!(lab.outputs.contains(&Output::HangUp(8)), "{:?}", lab.outputs);
}

/// C-004.06 from the server's side: left out while all is well.
#[test]
fn the_flag_is_said_when_a_connection_is_lost() {
    for (version, flag, expected) in [
        (Version::V1_3, CirFlag::ByVersion, Some(false)),
        (Version::V1_2, CirFlag::ByVersion, Some(true)),
        (Version::V1_1, CirFlag::ByVersion, None),
        (Version::V1_3, CirFlag::True, Some(true)),
        (Version::V1_2, CirFlag::False, Some(false)),
        (Version::V1_3, CirFlag::Silent, None),
    ] {
        let mut lab = Lab::new(Cir { flag, ..every_way() });
        let berta = lab.login("wv:berta", version);
        let keep_alive = || Element::new("KeepAlive-Request");
        let said = |lab: &mut Lab| lab.exchange(&berta, keep_alive()).unwrap().cir;
        assert_eq!(said(&mut lab), None);
        lab.exchange(&berta, offer(version, &["STCP"], None)).unwrap();
        assert_eq!(said(&mut lab), None, "it may still come");
        lab.hear(7, Heard::Hello(berta.session.clone()));
        assert_eq!(said(&mut lab), None);
        lab.hear(7, Heard::Gone);
        assert_eq!(said(&mut lab), expected, "{version:?} {flag:?}");
        lab.hear(8, Heard::Hello(berta.session.clone()));
        assert_eq!(said(&mut lab), None, "it is back");
    }
}

/// C-004.03: 200 where something waits, 204 where nothing does. B13: 404 for everybody's guess.
#[test]
fn b13_who_asks_needs_the_secret_of_the_session() {
    let (mut lab, anna, berta) = two(Version::V1_3, &[]);
    let answer = lab.exchange(&berta, offer(Version::V1_3, &["SHTTP"], None)).unwrap();
    let list = answer.transactions[0].primitive.child("AgreedCapabilityList").unwrap();
    let url = list.descend(&["CIRHTTPAddress", "URL"]).unwrap().trimmed().to_owned();
    let token = url.strip_prefix("http://example.com/cir/").unwrap().to_owned();
    assert_eq!(token.len(), 22, "128 bits");
    let ask = |lab: &mut Lab, token: &str| lab.hear(9, Heard::Asks(token.to_owned()));
    assert_eq!(ask(&mut lab, &token), Some(204));
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!((ask(&mut lab, &token), lab.calls()), (Some(200), vec![]));
    let swapped: String = token.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
    for guess in ["", "A", "AAAAAAAAAAAAAAAAAAAAAA", &berta.session, &swapped, &token[1..], &"x".repeat(10_000)] {
        assert_eq!(ask(&mut lab, guess), Some(404), "{guess}");
    }
    lab.exchange(&berta, offer(Version::V1_3, &["SHTTP"], None)).unwrap();
    assert_eq!(ask(&mut lab, &token), Some(404), "another agreement, another secret");
    lab.exchange(&berta, Element::new("Logout-Request")).unwrap();
    assert_eq!(ask(&mut lab, &token), Some(404));
}

#[test]
fn short_messages_go_to_the_number_of_the_user_or_of_the_greeting() {
    let mut lab = Lab::new(every_way());
    let anna = lab.login("wv:anna", Version::V1_3);
    let called = lab.login("wv:+358401234567", Version::V1_3);
    lab.exchange(&called, offer(Version::V1_3, &["WAPSMS", "SSMS"], None)).unwrap();
    lab.exchange(&anna, greet("wv:anna", "wv:+358401234567")).unwrap();
    let number = "358401234567".to_owned();
    assert_eq!(lab.calls(), [(Channel::ShortPush(number), "WVCI 1.3 cookie-358401234567".to_owned())]);
    lab.engine.store().set_number("wv:berta@example.com", Some("358409999999")).unwrap();
    let berta = lab.login("wv:berta", Version::V1_2);
    lab.exchange(&berta, offer(Version::V1_2, &["WAPSMS"], None)).unwrap();
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    let text = "WVCI 1.2 cookie-wv:berta".to_owned();
    assert_eq!(lab.calls(), [(Channel::ShortPush("358409999999".into()), text)], "the number of the account");
    let (mut lab, anna, berta) = two(Version::V1_3, &["SSMS"]);
    lab.exchange(&anna, greet("wv:anna", "wv:berta")).unwrap();
    assert_eq!(lab.calls(), [], "nobody knows its number yet");
    let hello = |session: &str, number: &str| Heard::ShortHello { session: session.into(), number: number.into() };
    assert_eq!(lab.hear(5, hello("AAAAAAAAAAAAAAAAAAAAAA", "+358407654321")), Some(404));
    assert_eq!(lab.hear(5, hello(&anna.session, "+358407654321")), Some(404), "anna did not agree on it");
    for number in ["", "ACME", "+12", "1234567890123456", "+3584 0765"] {
        assert_eq!(lab.hear(5, hello(&berta.session, number)), Some(404), "{number}");
    }
    assert_eq!(lab.hear(5, hello(&berta.session, "+358407654321")), Some(200));
    let text = "WVCI 1.3 cookie-wv:berta".to_owned();
    assert_eq!(lab.calls(), [(Channel::ShortMessage("358407654321".into()), text)], "something waited already");
}

proptest::proptest! {
    /// Octets in pieces of any size give the lines that they give at once, and nothing panics or grows.
    #[test]
    fn lines_do_not_depend_on_how_they_arrive(
        octets in proptest::collection::vec(proptest::prop_oneof![
            4 => proptest::prelude::any::<u8>(),
            1 => proptest::prelude::Just(b'\n'),
            1 => proptest::prelude::Just(b'\r'),
            1 => proptest::prelude::Just(b' '),
        ], 0..1200),
        ends in proptest::collection::vec(0_usize..1200, 0..20),
    ) {
        let whole = Lines::default().add(&octets);
        let mut ends: Vec<usize> = ends.into_iter().map(|end| end.min(octets.len())).chain([0, octets.len()]).collect();
        ends.sort_unstable();
        let mut lines = Lines::default();
        let pieces = ends.windows(2).map(|ends| lines.add(&octets[ends[0]..ends[1]]));
        let in_pieces: Result<Vec<Vec<String>>, _> = pieces.collect();
        let in_pieces = in_pieces.map(|lines| lines.concat());
        proptest::prop_assert_eq!(&whole, &in_pieces);
        for line in whole.unwrap_or_default() {
            // A character that is none takes the place of one octet.
            proptest::prop_assert!(!line.is_empty() && line.len() <= 3 * cir::LONGEST && !line.contains('\n'));
            proptest::prop_assert!(matches!(Said::read(&line), Said::Hello(_) | Said::Ping | Said::Other));
            let _ = cir::read_call(&line);
        }
    }
}
