//! The server's engine, told what arrives and when: every refusal of (CSP transport, "Error cases a test should
//! cover"), and the abuse cases of a server without and with a login, by their numbers.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use impskit::codec::Encoding;
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Outcome, Primitive, Schema, Services, Session, Transaction, Version};
use impskit::document::{Element, Grammar, Model, Particle};
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};

/// A server with the users anna and berta, and a clock that tests move.
pub(crate) struct Lab {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) peer: IpAddr,
    pub(crate) encoding: Encoding,
    pub(crate) headers: Vec<(String, String)>,
}

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(Configuration { domain: "example.com".into(), ..Configuration::default() })
    }

    pub(crate) fn with(configuration: Configuration) -> Self {
        let mut store = Store::in_memory().unwrap();
        let now = Timestamp::from_seconds(1_795_410_000);
        for user in ["wv:anna@example.com", "wv:berta@example.com"] {
            store.add_user(user, "open-sesame", now).unwrap();
        }
        let engine = Engine::open(configuration, store, Random::new([7; 32]));
        Self { engine, now, peer: HOME, encoding: Encoding::Xml, headers: Vec::new() }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    /// Posts octets; returns the HTTP status and the body.
    pub(crate) fn post(&mut self, media_type: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let request = Request {
            connection: 9,
            media_type: media_type.into(),
            body,
            peer: self.peer,
            headers: self.headers.clone(),
        };
        let outputs = self.engine.handle(self.now, Input::Request(request));
        let notes = outputs.iter().filter(|output| matches!(output, Output::Note(_)));
        assert_eq!(notes.collect::<Vec<_>>(), Vec::<&Output>::new(), "nothing to complain of");
        let replies: Vec<_> = outputs.into_iter().filter(|output| matches!(output, Output::Reply { .. })).collect();
        let [Output::Reply { connection: 9, status, media_type: answered, body }] = &replies[..] else {
            panic!("not one reply: {replies:?}");
        };
        assert!(body.is_empty() || answered == media_type, "the type of the request comes back");
        (*status, body.clone())
    }

    /// Sends a message; returns the answer, if the body was not empty.
    pub(crate) fn send(&mut self, message: &Message) -> Option<Message<'static>> {
        let form = Form::of(self.encoding);
        let body = wire::write(message, form).unwrap();
        let (status, body) = self.post(wire::media_type(message.version, self.encoding), body);
        assert_eq!(status, 200);
        if body.is_empty() {
            return None;
        }
        let Ok((Body::Message(answer), answered)) = wire::read(&body, &wire::LIMITS) else {
            panic!("not a message: {}", String::from_utf8_lossy(&body));
        };
        assert_eq!(answered.encoding, self.encoding);
        Some(answer.into_owned())
    }

    /// Asks outside of a session.
    pub(crate) fn outband(&mut self, version: Version, primitive: Element<'static>) -> Element<'static> {
        let asked = Message::new(version, Session::Outband, Transaction::request("1", primitive));
        let answer = self.send(&asked).expect("an answer");
        assert_eq!((answer.version, answer.transactions.len()), (version, 1));
        let answer = answer.transactions.into_iter().next().unwrap();
        assert_eq!((answer.mode, answer.id.as_deref()), (Mode::Response, Some("1")));
        answer.primitive
    }

    /// Logs in with the password and asks for all services.
    pub(crate) fn login(&mut self, version: Version, user: &str, client: &str) -> Client {
        let answer = self.outband(version, login(user, client).with_leaf("Password", "open-sesame"));
        assert_eq!(code(&answer), 200, "{answer:?}");
        let id = answer.child_text("SessionID").unwrap().to_owned();
        let mut client = Client { version, session: Session::Inband(id), last: 0, client: client.into() };
        let mut asked = Element::new("Service-Request");
        if version == Version::V1_1 {
            asked = asked.with(client_id(&client.client));
        }
        let all = Services::all(version).element(version, "Functions");
        let answer = client.ask(self, asked.with(all).with_leaf("AllFunctionsRequest", "F"));
        assert_eq!(answer.name, "Service-Response");
        client
    }
}

/// The client's side of a session.
pub(crate) struct Client {
    pub(crate) version: Version,
    pub(crate) session: Session,
    pub(crate) last: u32,
    pub(crate) client: String,
}

impl Client {
    pub(crate) fn message(&self, id: Option<&str>, primitive: Element<'static>) -> Message<'static> {
        let transaction = Transaction { mode: Mode::Request, id: id.map(str::to_owned), primitive };
        Message::new(self.version, self.session.clone(), transaction)
    }

    /// Asks with a TransactionID of its own.
    pub(crate) fn ask_as(&self, lab: &mut Lab, id: &str, primitive: Element<'static>) -> Element<'static> {
        let answer = lab.send(&self.message(Some(id), primitive)).expect("an answer");
        assert_eq!(answer.session, self.session);
        let answer = answer.transactions.into_iter().next().unwrap();
        assert_eq!((answer.mode, answer.id.as_deref()), (Mode::Response, Some(id)));
        answer.primitive
    }

    pub(crate) fn ask(&mut self, lab: &mut Lab, primitive: Element<'static>) -> Element<'static> {
        self.last += 1;
        let id = format!("c{}", self.last);
        self.ask_as(lab, &id, primitive)
    }

    pub(crate) fn poll(&self, lab: &mut Lab) -> Option<Message<'static>> {
        lab.send(&self.message(None, Element::new("Polling-Request")))
    }
}

pub(crate) fn client_id(client: &str) -> Element<'static> {
    Element::new("ClientID").with_leaf("URL", client.to_owned())
}

pub(crate) fn login(user: &str, client: &str) -> Element<'static> {
    Element::new("Login-Request")
        .with_leaf("UserID", user.to_owned())
        .with(client_id(client))
        .with_leaf("SessionCookie", "c0")
}

pub(crate) fn code(answer: &Element<'_>) -> u16 {
    Outcome::read(answer).unwrap_or_else(|| panic!("no Result: {answer:?}")).code.0
}

fn xml(session: &str, id: &str, content: &str) -> Vec<u8> {
    format!(
        "<WV-CSP-Message xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"><Session><SessionDescriptor>\
         {session}</SessionDescriptor><Transaction><TransactionDescriptor><TransactionMode>Request</TransactionMode>\
         {id}</TransactionDescriptor><TransactionContent>{content}</TransactionContent></Transaction></Session>\
         </WV-CSP-Message>"
    )
    .into_bytes()
}

const XML: &str = "application/vnd.wv.csp+xml";

// ---- transport

#[test]
fn what_is_no_message_is_refused_by_http() {
    let mut lab = Lab::new();
    assert_eq!(lab.post(XML, b"<WV-CSP-Message".to_vec()), (400, vec![]));
    assert_eq!(lab.post("application/vnd.wv.csp+wbxml", vec![3, 0x12, 0x6A]).0, 400);
    assert_eq!(lab.post(XML, b"<html/>".to_vec()).0, 400);
    assert_eq!(lab.post(XML, Vec::new()).0, 400);
    assert_eq!(lab.post("", xml("", "", "")).0, 415, "B06");
    assert_eq!(lab.post("application/json", b"{}".to_vec()).0, 415, "B06");
    let doctype = b"<!DOCTYPE x [<!ENTITY a \"b\">]><WV-CSP-Message>&a;</WV-CSP-Message>";
    assert_eq!(lab.post(XML, doctype.to_vec()).0, 400);
}

#[test]
fn an_envelope_that_shows_its_transaction_is_answered() {
    let mut lab = Lab::new();
    let broken = xml("<SessionType>Outband</SessionType>", "<TransactionID>5</TransactionID>", "");
    let (status, body) = lab.post(XML, broken);
    let Ok((Body::Message(answer), _)) = wire::read(&body, &wire::LIMITS) else { panic!("{status}") };
    assert_eq!((status, answer.transactions[0].id.as_deref()), (200, Some("5")));
    assert_eq!(code(&answer.transactions[0].primitive), 400);
    assert_eq!(lab.post(XML, xml("<SessionType>Outband</SessionType>", "", "")).0, 400);
}

#[test]
fn an_unknown_namespace_is_answered_505_in_the_highest_version() {
    let mut lab = Lab::new();
    let body = xml("<SessionType>Outband</SessionType>", "<TransactionID>5</TransactionID>", "<Login-Request/>");
    let body = String::from_utf8(body).unwrap().replace("IMPS-CSP1.3", "IMPS-CSP9.9").into_bytes();
    let (status, body) = lab.post(XML, body);
    let Ok((Body::Message(answer), _)) = wire::read(&body, &wire::LIMITS) else { panic!("{status}") };
    assert_eq!((answer.version, code(&answer.transactions[0].primitive)), (Version::V1_3, 505));
}

#[test]
fn what_is_unknown_or_not_built_is_not_implemented() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    assert_eq!(code(&anna.ask(&mut lab, Element::new("Frobnicate-Request"))), 501);
    let map = Element::new("GetMap-Request").with_leaf("UserID", "wv:berta@example.com");
    assert_eq!(code(&anna.ask(&mut lab, map)), 501, "there is no source of maps (F16)");
    let extended = Element::new("Extended-Request");
    assert_eq!(code(&anna.ask(&mut lab, extended)), 501, "known, needs no function, not built");
    assert_eq!(code(&lab.outband(Version::V1_3, Element::new("Register-Request"))), 501, "B08");
}

#[test]
fn without_a_session_there_is_604() {
    let mut lab = Lab::new();
    for primitive in ["KeepAlive-Request", "Logout-Request", "GetList-Request", "Polling-Request"] {
        assert_eq!(code(&lab.outband(Version::V1_2, Element::new(primitive))), 604, "{primitive}");
    }
    let anna = lab.login(Version::V1_2, "anna", "phone");
    let Session::Inband(id) = &anna.session else { panic!() };
    // B14: guessed, of another case, cut, lengthened.
    for id in ["", "1", "AAAAAAAAAAAAAAAAAAAAAA", &id.to_lowercase(), &id[1..], &format!("{id}A")] {
        let stranger = Client { session: Session::Inband(id.to_owned()), client: String::new(), ..anna };
        assert_eq!(code(&stranger.ask_as(&mut lab, "1", Element::new("KeepAlive-Request"))), 604, "{id}");
        let polled = stranger.poll(&mut lab).unwrap().transactions.remove(0);
        // It asked for no answer, but for what there is for it: as after the server was started anew (F4).
        assert_eq!((polled.mode, &*polled.primitive.name), (Mode::Request, "Disconnect"));
        assert_eq!((polled.id.as_deref(), code(&polled.primitive)), (Some("1"), 604));
    }
}

#[test]
fn a_session_that_expired_is_remembered() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    lab.pass(1700);
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 200, "any request keeps it alive");
    lab.pass(1700);
    assert_eq!(anna.poll(&mut lab), None);
    let deadline = lab.engine.next_deadline().unwrap();
    assert!(deadline <= lab.now.after(Duration::from_secs(1800)));
    lab.pass(1801);
    let told = lab.engine.handle(lab.now, Input::Tick);
    assert_eq!(told, [Output::Event("a session of wv:anna@example.com expired".into())]);
    assert_eq!(lab.engine.sessions(), 0);
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 600);
    lab.pass(4000);
    lab.login(Version::V1_3, "anna", "phone");
    let berta = lab.login(Version::V1_3, "berta", "phone");
    berta.ask_as(&mut lab, "x", Element::new("Logout-Request"));
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 604, "not for ever");
}

#[test]
fn a_response_that_answers_nothing_is_ignored() {
    let mut lab = Lab::new();
    let anna = lab.login(Version::V1_3, "anna", "phone");
    let status = Outcome::new(impskit::csp::Code::SUCCESSFUL).status();
    let stray = Transaction::response(Some("77".into()), status);
    assert_eq!(lab.send(&Message::new(Version::V1_3, anna.session.clone(), stray.clone())), None);
    assert_eq!(lab.send(&Message::new(Version::V1_3, Session::Inband("x".into()), stray)), None);
}

#[test]
fn c11_transaction_ids() {
    let mut lab = Lab::new();
    let anna = lab.login(Version::V1_3, "anna", "phone");
    let bare = lab.send(&anna.message(None, Element::new("KeepAlive-Request"))).unwrap();
    assert_eq!(code(&bare.transactions[0].primitive), 400, "none at all");
    let search = |text: &str| {
        let pair = Element::new("SearchPairList").with_leaf("SearchElement", "USER_ID");
        Element::new("Search-Request").with(pair.with_leaf("SearchString", text.to_owned()))
    };
    let first = anna.ask_as(&mut lab, "7", search("anna"));
    assert_eq!(first.child_text("SearchFindings"), Some("1"));
    assert_eq!(anna.ask_as(&mut lab, "7", search("anna")), first, "answered again, with the same SearchID");
    assert_eq!(code(&anna.ask_as(&mut lab, "7", search("berta"))), 420);
    assert_eq!(code(&anna.ask_as(&mut lab, "7", Element::new("KeepAlive-Request"))), 420);
    lab.pass(61);
    let again = anna.ask_as(&mut lab, "7", search("anna"));
    assert_ne!(again, first, "forgotten after a minute, so done anew");
    let long = "x".repeat(10_000);
    assert_eq!(code(&anna.ask_as(&mut lab, &long, Element::new("KeepAlive-Request"))), 400);
    let mut twice = anna.message(Some("8"), search("anna"));
    twice.transactions.push(Transaction::request("8", Element::new("KeepAlive-Request")));
    let answer = lab.send(&twice).unwrap();
    let second = code(&answer.transactions[1].primitive);
    assert!(matches!(second, 420 | 503), "{second}");
}

#[test]
fn c12_more_transactions_than_agreed_are_put_off() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let two = |a: &str, b: &str, anna: &Client| {
        let mut message = anna.message(Some(a), Element::new("KeepAlive-Request"));
        message.transactions.push(Transaction::request(b, Element::new("KeepAlive-Request")));
        message
    };
    let codes = |answer: Message| answer.transactions.iter().map(|t| code(&t.primitive)).collect::<Vec<_>>();
    let message = two("a1", "a2", &anna);
    assert_eq!(codes(lab.send(&message).unwrap()), [200, 503]);
    let list = Element::new("CapabilityList").with_leaf("MultiTransPerMessage", "2");
    let agreed = anna.ask(&mut lab, Element::new("ClientCapability-Request").with(list));
    assert_eq!(agreed.descend(&["AgreedCapabilityList", "MultiTransPerMessage"]).unwrap().trimmed(), "2");
    let message = two("a3", "a4", &anna);
    assert_eq!(codes(lab.send(&message).unwrap()), [200, 200]);
}

#[test]
fn the_version_of_a_session_is_that_of_its_login() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_2, "anna", "phone");
    anna.version = Version::V1_3;
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 505);
    anna.version = Version::V1_2;
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 200);
}

#[test]
fn version_discovery_lists_every_version() {
    let mut lab = Lab::new();
    for (name, namespace) in [
        ("WV-CSP-VersionDiscovery-Request", "http://www.openmobilealliance.org/DTD/IMPS-CSP1.3"),
        ("WV-CSP-NSDiscovery-Request", "http://www.openmobilealliance.org/DTD/WV-CSP1.2"),
    ] {
        let (status, body) = lab.post(XML, format!("<{name} xmlns=\"{namespace}\"/>").into_bytes());
        let Ok((Body::Discovery(answer), _)) = wire::read(&body, &wire::LIMITS) else { panic!("{status}") };
        assert_eq!((answer.mode, answer.versions), (Mode::Response, Version::ALL.to_vec()));
    }
}

// ---- login

#[test]
fn logs_in_with_a_password_in_every_version_and_syntax() {
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for version in Version::ALL {
            let mut lab = Lab { encoding, ..Lab::new() };
            let mut anna = lab.login(version, "WV:Anna@EXAMPLE.com", "Phone");
            assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 200);
            let logout = anna.ask(&mut lab, Element::new("Logout-Request"));
            let answered = if version == Version::V1_1 { "Disconnect" } else { "Status" };
            assert_eq!((logout.name.as_ref(), code(&logout)), (answered, 200));
            assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 604);
        }
    }
}

#[test]
fn who_may_not_log_in() {
    let mut lab = Lab::new();
    let mut attempt = |user: &str, password: &str| {
        let answer = lab.outband(Version::V1_3, login(user, "phone").with_leaf("Password", password.to_owned()));
        assert_eq!(answer.name, "Login-Response");
        assert_eq!(answer.child("SessionID"), None);
        code(&answer)
    };
    assert_eq!(attempt("wv:anna@example.com", "wrong"), 409);
    assert_eq!(attempt("wv:anna@example.com", ""), 409);
    assert_eq!(attempt("wv:nobody@example.com", ""), 531, "B09");
    assert_eq!(attempt("wv:anna@elsewhere.example", "open-sesame"), 516);
    assert_eq!(attempt("wv:anna/list@example.com", "open-sesame"), 402);
    lab.engine.store().set_disabled("wv:anna@example.com", true).unwrap();
    let answer = lab.outband(Version::V1_3, login("anna", "phone").with_leaf("Password", "open-sesame"));
    assert_eq!(code(&answer), 403);
    assert_eq!(code(&lab.outband(Version::V1_3, login("berta", "phone"))), 920, "neither password nor schema");
    let nameless = Element::new("Login-Request").with_leaf("UserID", "anna").with_leaf("Password", "open-sesame");
    assert_eq!(code(&lab.outband(Version::V1_3, nameless)), 400, "no client");
}

/// The first half of a digest login: the nonce and the schema.
fn challenge(lab: &mut Lab, version: Version, schemas: &[&str]) -> (String, Schema) {
    let schemas = schemas.iter().map(|schema| Element::leaf("DigestSchema", schema.to_string()));
    let answer = lab.outband(version, login("anna", "phone").with_all(schemas));
    assert_eq!((code(&answer), answer.child("SessionID")), (401, None));
    let schema = Schema::from_text(answer.child_text("DigestSchema").unwrap()).unwrap();
    (answer.child_text("Nonce").unwrap().to_owned(), schema)
}

fn prove(lab: &mut Lab, version: Version, digest: String) -> u16 {
    code(&lab.outband(version, login("anna", "phone").with_leaf("DigestBytes", digest)))
}

#[test]
fn logs_in_with_a_digest() {
    let mut lab = Lab::new();
    for (version, offered, wanted) in [
        (Version::V1_3, &["PWD", "MD5"][..], Schema::Md5),
        (Version::V1_2, &["MD4", "SHA", "MD5"], Schema::Sha),
        (Version::V1_2, &["MD4", "PWD"], Schema::Md4),
        (Version::V1_1, &["PWD,SHA,MD4,MD5,MD6"], Schema::Sha),
    ] {
        let (nonce, schema) = challenge(&mut lab, version, offered);
        assert_eq!(schema, wanted);
        assert_eq!(prove(&mut lab, version, schema.digest(&nonce, "open-sesame")), 200);
    }
    let answer = lab.outband(Version::V1_3, login("anna", "phone").with_leaf("DigestSchema", "MD6"));
    assert_eq!(code(&answer), 543);
    let answer = lab.outband(Version::V1_3, login("nobody", "phone").with_leaf("DigestSchema", "MD5"));
    assert_eq!(code(&answer), 531);
}

#[test]
fn b10_a_digest_sent_again_is_refused() {
    let mut lab = Lab::new();
    let (nonce, schema) = challenge(&mut lab, Version::V1_3, &["MD5"]);
    assert_eq!(nonce.len(), 22);
    let digest = schema.digest(&nonce, "open-sesame");
    assert_eq!(prove(&mut lab, Version::V1_3, digest.clone()), 200);
    assert_eq!(prove(&mut lab, Version::V1_3, digest.clone()), 409, "captured and sent again");
    let (other, _) = challenge(&mut lab, Version::V1_3, &["MD5"]);
    assert_ne!(other, nonce);
    assert_eq!(prove(&mut lab, Version::V1_3, digest), 409, "of an earlier nonce");
    assert_eq!(prove(&mut lab, Version::V1_3, schema.digest(&other, "open-sesame")), 409, "a nonce is for one attempt");
    let (late, _) = challenge(&mut lab, Version::V1_3, &["MD5"]);
    lab.pass(61);
    assert_eq!(prove(&mut lab, Version::V1_3, schema.digest(&late, "open-sesame")), 409);
    assert_eq!(prove(&mut lab, Version::V1_3, schema.digest("", "open-sesame")), 409, "no nonce asked for");
}

#[test]
fn b07_guessing_is_slowed_and_refused() {
    let mut lab = Lab::new();
    lab.peer = IpAddr::from([198, 51, 100, 1]);
    let mut codes = Vec::new();
    for guess in 0..12 {
        let answer = lab.outband(Version::V1_3, login("anna", "x").with_leaf("Password", format!("guess{guess}")));
        codes.push(code(&answer));
        if codes.last() == Some(&503) {
            let wait = Outcome::read(&answer).unwrap().try_again.unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        lab.pass(1);
    }
    assert!(codes[..5].iter().all(|code| *code == 409) && codes.contains(&503), "{codes:?}");
    lab.pass(60);
    lab.peer = HOME;
    lab.login(Version::V1_3, "anna", "phone");
}

#[test]
fn a_second_login_of_a_client_ends_the_first_session() {
    let mut lab = Lab::new();
    let first = lab.login(Version::V1_3, "anna", "phone");
    let mut other = lab.login(Version::V1_3, "anna", "desk");
    let mut second = lab.login(Version::V1_3, "anna", "PHONE");
    assert_eq!(lab.engine.sessions(), 2);
    assert_eq!(code(&first.ask_as(&mut lab, "1", Element::new("KeepAlive-Request"))), 601);
    let told = first.poll(&mut lab).unwrap().transactions.remove(0);
    assert_eq!((told.mode, told.primitive.name.as_ref(), code(&told.primitive)), (Mode::Request, "Disconnect", 601));
    assert_eq!(code(&first.poll(&mut lab).unwrap().transactions[0].primitive), 604, "told once");
    for client in [&mut other, &mut second] {
        assert_eq!(code(&client.ask(&mut lab, Element::new("KeepAlive-Request"))), 200);
    }
    lab.login(Version::V1_3, "anna", "c3");
    lab.login(Version::V1_3, "anna", "c4");
    let answer = lab.outband(Version::V1_3, login("anna", "c5").with_leaf("Password", "open-sesame"));
    assert_eq!(code(&answer), 603, "four sessions are enough");
}

#[test]
fn a_session_is_restored_for_its_own_user_and_client() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let id = anna.session.id().unwrap().to_owned();
    let mut again = |user: &str, client: &str, id: &str| {
        let request = login(user, client).with_leaf("Password", "open-sesame").with_leaf("SessionID", id.to_owned());
        lab.outband(Version::V1_3, request)
    };
    assert_eq!(again("anna", "phone", &id).child_text("SessionID"), Some(id.as_str()));
    assert_eq!(code(&again("anna", "desk", &id)), 422);
    assert_eq!(code(&again("berta", "phone", &id)), 422);
    assert_eq!(code(&again("anna", "phone", "AAAAAAAAAAAAAAAAAAAAAA")), 502);
    let pair = Element::new("SearchPairList").with_leaf("SearchElement", "USER_ID").with_leaf("SearchString", "a");
    let search = anna.ask(&mut lab, Element::new("Search-Request").with(pair));
    assert_eq!(search.name, "Search-Response", "agreed services are kept");
    let wrong = login("anna", "phone").with_leaf("Password", "wrong").with_leaf("SessionID", id);
    assert_eq!(code(&lab.outband(Version::V1_3, wrong)), 409);
}

#[test]
fn accounts_changed_by_another_process_lose_their_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let mut desk = Store::open(&path).unwrap();
    let mut lab = Lab::with(Configuration { domain: "example.com".into(), ..Configuration::default() });
    for user in ["wv:anna@example.com", "wv:berta@example.com"] {
        desk.add_user(user, "open-sesame", lab.now).unwrap();
    }
    desk.commit().unwrap();
    lab.engine = Engine::open(
        Configuration { domain: "example.com".into(), ..Configuration::default() },
        Store::open(&path).unwrap(),
        Random::new([8; 32]),
    );
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    desk.add_user("wv:carla@example.com", "open-sesame", lab.now).unwrap();
    desk.set_disabled("wv:anna@example.com", true).unwrap();
    desk.commit().unwrap();
    lab.pass(5);
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 601);
    assert_eq!(code(&berta.ask(&mut lab, Element::new("KeepAlive-Request"))), 200);
    desk.delete_user("wv:berta@example.com").unwrap();
    desk.commit().unwrap();
    lab.pass(5);
    assert_eq!(code(&berta.ask(&mut lab, Element::new("KeepAlive-Request"))), 601);
    lab.login(Version::V1_3, "carla", "phone");
}

// ---- negotiation

#[test]
fn times_to_live_are_clamped() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    for (asked, given) in [("600", "600"), ("1", "60"), ("4294967295", "1800")] {
        let request = Element::new("KeepAlive-Request").with_leaf("TimeToLive", asked);
        let answer = anna.ask(&mut lab, request);
        assert_eq!((code(&answer), answer.child_text("KeepAliveTime")), (200, Some(given)));
    }
    let request = Element::new("KeepAlive-Request").with_leaf("TimeToLive", "60");
    anna.ask(&mut lab, request);
    lab.pass(61);
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 600, "a shorter time counts at once");
}

#[test]
fn capabilities_are_agreed_in_the_form_of_the_version() {
    let mut lab = Lab::new();
    let list = Element::new("CapabilityList")
        .with_leaf("ClientType", "MOBILE_PHONE")
        .with_leaf("InitialDeliveryMethod", "P")
        .with_leaf("AcceptedContentLength", "32768")
        .with_leaf("SupportedBearer", "HTTP")
        .with_leaf("SupportedBearer", "SMS")
        .with_leaf("MultiTrans", "99")
        .with_leaf("ParserSize", "32767")
        .with_leaf("SupportedCIRMethod", "STCP")
        .with_leaf("SupportedCIRMethod", "PIGEON")
        .with_leaf("ServerPollMin", "1");
    for version in Version::ALL {
        let mut anna = lab.login(version, "anna", "phone");
        let mut request = Element::new("ClientCapability-Request").with(list.clone());
        if version == Version::V1_1 {
            request = request.with(client_id("phone"));
        }
        let answer = anna.ask(&mut lab, request);
        assert_eq!(answer.name, "ClientCapability-Response", "{answer:?}");
        let name = if version == Version::V1_1 { "CapabilityList" } else { "AgreedCapabilityList" };
        let agreed = answer.child(name).unwrap();
        assert_eq!(agreed.child_text("ServerPollMin"), Some("5"), "raised to the server's minimum");
        let bearers: Vec<_> = agreed.children_named("SupportedBearer").map(Element::trimmed).collect();
        assert_eq!(bearers, ["HTTP"]);
        assert_eq!(agreed.child("SupportedCIRMethod"), None, "none is configured");
        assert_eq!(answer.child("ClientID").is_some(), version == Version::V1_1);
        assert_eq!(csp_faults(&answer, version), None);
    }
}

fn csp_faults(primitive: &Element<'_>, version: Version) -> Option<Outcome> {
    impskit::csp::fault(primitive, version)
}

#[test]
fn the_inverted_tree_and_what_was_agreed_are_one_for_every_function() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut anna = lab.login(version, "anna", "phone");
        let ask = |lab: &mut Lab, anna: &mut Client, asked: &Services| {
            let mut request = Element::new("Service-Request");
            if version == Version::V1_1 {
                request = request.with(client_id("phone"));
            }
            let functions = asked.element(version, "Functions");
            anna.ask(lab, request.with(functions).with_leaf("AllFunctionsRequest", "T"))
        };
        let all = Services::all(version);
        let answer = ask(&mut lab, &mut anna, &all);
        let offered = Services::read(version, answer.child("AllFunctions").unwrap());
        assert!(offered.has("SRCH") && offered.has("FundamentalFeat"));
        assert!(!offered.has("SGMNT") && !offered.has("GETMAP"), "never offered");
        let features = ["FundamentalFeat", "PresenceFeat", "IMFeat", "GroupFeat"];
        let mut functions: Vec<_> = all.names().filter(|name| !features.contains(name)).collect();
        functions.sort_unstable();
        for function in functions {
            let asked = Services::of(version, [function].into_iter().chain(features));
            let answer = ask(&mut lab, &mut anna, &asked);
            let denied = answer.child("Functions").is_some_and(|tree| Services::read(version, tree).has(function));
            assert_eq!(denied, !offered.has(function), "{function} {version:?}");
            for primitive in Primitive::all().iter().filter(|p| p.version == version && p.functions == [function]) {
                if !primitive.is_from_client() || !primitive.may_open() {
                    continue;
                }
                // Asked for alone it is allowed if offered; without it, it is not agreed.
                let code_of = |answer: Element<'static>| Outcome::read(&answer).map_or(200, |outcome| outcome.code.0);
                let answered = code_of(anna.ask(&mut lab, Element::new(primitive.name)));
                let refused = matches!(answered, 501 | 506);
                assert_eq!(refused, !offered.has(function), "{} {answered}", primitive.name);
                ask(&mut lab, &mut anna, &Services::of(version, features));
                let answered = code_of(anna.ask(&mut lab, Element::new(primitive.name)));
                let refused = if function == "GETMAP" { 501 } else { 506 };
                assert_eq!(answered, refused, "C14: {}", primitive.name);
                ask(&mut lab, &mut anna, &asked);
            }
        }
    }
}

#[test]
fn negotiates_within_the_login() {
    let mut lab = Lab::new();
    let tree = Element::new("WVCSPFeat")
        .with(Element::new("FundamentalFeat").with(Element::new("MF")))
        .with(Element::new("GroupFeat").with(Element::new("GroupMgmtFunc")));
    let list = Element::new("CapabilityList").with_leaf("ClientType", "COMPUTER").with_leaf("ParserSize", "65535");
    let request = login("anna", "phone")
        .with_leaf("Password", "open-sesame")
        .with(Element::new("Functions").with(tree))
        .with(list);
    let answer = lab.outband(Version::V1_3, request);
    assert_eq!((code(&answer), answer.child_text("CapabilityRequest")), (200, Some("F")));
    assert!(answer.child("AgreedCapabilityList").is_some());
    let plain = lab.outband(Version::V1_3, login("berta", "phone").with_leaf("Password", "open-sesame"));
    assert_eq!(plain.child_text("CapabilityRequest"), Some("T"));
}

#[test]
fn a_session_that_asks_without_end_is_put_off_and_kept() {
    let configuration = Configuration { requests_per_minute: 10, ..Configuration::default() };
    let mut lab = Lab::with(Configuration { domain: "example.com".into(), ..configuration });
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let mut keep = |lab: &mut Lab| anna.ask(lab, Element::new("KeepAlive-Request"));
    for _ in 0..20 {
        assert_eq!(code(&keep(&mut lab)), 200, "from the machine itself");
    }
    lab.peer = IpAddr::from([192, 0, 2, 1]);
    lab.pass(60);
    let codes: Vec<_> = (0..12).map(|_| code(&keep(&mut lab))).collect();
    assert_eq!(codes[..10], [200; 10]);
    assert_eq!(codes[10..], [503; 2]);
    let wait = Outcome::read(&keep(&mut lab)).unwrap().try_again.unwrap();
    lab.pass(wait.into());
    assert_eq!(code(&keep(&mut lab)), 200);
}

// ---- what the server opens

pub(crate) fn text_to(user: &str, text: &str) -> Element<'static> {
    let recipient = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", user.to_owned()));
    let info = Element::new("MessageInfo")
        .with_leaf("ContentType", "text/plain")
        .with_leaf("ContentSize", text.len().to_string())
        .with(recipient)
        .with(Element::new("Sender").with(Element::new("User").with_leaf("UserID", "wv:anna@example.com")));
    let content = Element::leaf("ContentData", text.to_owned());
    Element::new("SendMessage-Request").with_leaf("DeliveryReport", "F").with(info).with(content)
}

/// What a polling client got: the TransactionID, the text of the message, and the Poll flag.
fn opened(answer: Option<Message<'static>>) -> Option<(String, String, bool)> {
    let answer = answer?;
    let transaction = &answer.transactions[0];
    assert_eq!((transaction.mode, transaction.primitive.name.as_ref()), (Mode::Request, "NewMessage"));
    let text = transaction.primitive.child("ContentData").unwrap().text().to_owned();
    Some((transaction.id.clone().unwrap(), text, answer.poll.expect("the Poll flag")))
}

#[test]
fn requests_of_the_server_wait_in_order_and_come_again_until_they_are_acknowledged() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut anna = lab.login(version, "anna", "phone");
        let berta = lab.login(version, "berta", "phone");
        let answer = lab.send(&berta.message(Some("k"), Element::new("KeepAlive-Request"))).unwrap();
        assert_eq!(answer.poll, Some(false), "nothing waits");
        for text in ["one", "two", "three"] {
            assert_eq!(code(&anna.ask(&mut lab, text_to("wv:berta@example.com", text))), 200);
        }
        let answer = lab.send(&berta.message(Some("l"), Element::new("KeepAlive-Request"))).unwrap();
        assert_eq!((answer.poll, answer.transactions.len()), (Some(true), 1));

        let (first, text, poll) = opened(berta.poll(&mut lab)).unwrap();
        assert_eq!((text.as_str(), poll), ("one", true));
        assert_eq!(opened(berta.poll(&mut lab)), None, "one open transaction at a time was agreed");
        lab.pass(21);
        let again = opened(berta.poll(&mut lab)).unwrap();
        assert_eq!((again.0, again.1.as_str()), (first.clone(), "one"), "its answer was lost on the way");

        let received = |id: &str, lab: &mut Lab| {
            let status = Outcome::new(impskit::csp::Code::SUCCESSFUL).status();
            let answer = Transaction::response(Some(id.to_owned()), status);
            opened(lab.send(&Message::new(version, berta.session.clone(), answer)))
        };
        let (second, text, poll) = received(&first, &mut lab).expect("the next follows the acknowledgement");
        assert_eq!((text.as_str(), poll), ("two", true));
        assert_ne!(second, first);
        let (third, text, poll) = received(&second, &mut lab).unwrap();
        assert_eq!((text.as_str(), poll), ("three", false));
        assert_eq!(received(&third, &mut lab), None);
        lab.pass(100);
        assert_eq!(opened(berta.poll(&mut lab)), None);
    }
}

#[test]
fn several_transactions_go_into_one_message_where_that_was_agreed() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    let list = Element::new("CapabilityList").with_leaf("MultiTransPerMessage", "3").with_leaf("MultiTrans", "8");
    berta.ask(&mut lab, Element::new("ClientCapability-Request").with(list));
    for text in ["one", "two", "three"] {
        anna.ask(&mut lab, text_to("wv:berta@example.com", text));
    }
    let answer = lab.send(&berta.message(Some("l"), Element::new("KeepAlive-Request"))).unwrap();
    let names: Vec<_> = answer.transactions.iter().map(|t| t.primitive.name.as_ref()).collect();
    assert_eq!((names, answer.poll), (vec!["KeepAlive-Response", "NewMessage", "NewMessage"], Some(true)));
    assert_ne!(answer.transactions[1].id, answer.transactions[2].id, "no identifier twice");
}

#[test]
fn an_answer_larger_than_the_clients_parser_is_replaced_by_432() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let list = Element::new("CapabilityList").with_leaf("ParserSize", "1200");
    anna.ask(&mut lab, Element::new("ClientCapability-Request").with(list));
    let all = Element::new("Service-Request")
        .with(Services::all(Version::V1_3).element(Version::V1_3, "Functions"))
        .with_leaf("AllFunctionsRequest", "T");
    assert_eq!(code(&anna.ask(&mut lab, all)), 432);
    assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 200);
}

// ---- abuse by those who are logged in

/// Every primitive that a client may open, with every child that its declaration names as a placeholder.
pub(crate) fn children(grammar: &Grammar, name: &str) -> Vec<&'static str> {
    pub(crate) fn collect(particle: &Particle, found: &mut Vec<&'static str>) {
        match particle {
            Particle::Child(name, _) => found.push(name),
            Particle::Sequence(pieces, _) | Particle::Choice(pieces, _) => {
                pieces.iter().for_each(|piece| collect(piece, found));
            }
        }
    }
    let mut found = Vec::new();
    if let Some(Model::Children(particle)) = grammar.declaration(name, "transaction").map(|d| &d.model) {
        collect(particle, &mut found);
    }
    found
}

#[test]
fn c01_every_request_without_children_or_with_strange_ones_gets_an_answer() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let grammar = &version.vocabulary().grammar;
        let mut anna = lab.login(version, "anna", "phone");
        for primitive in Primitive::all().iter().filter(|p| p.version == version) {
            if matches!(primitive.name, "Logout-Request" | "Polling-Request" | "Login-Request") {
                continue;
            }
            let bare = Element::new(primitive.name);
            let mut attempts =
                vec![bare.clone(), bare.clone().with(Element::new("SessionID")).with_leaf("Code", "200")];
            let names = children(grammar, primitive.name);
            for text in ["", "x", "4294967296", "wv:\u{1F600}\u{7F}@@//", "'; DROP TABLE users; --"] {
                let all = names.iter().map(|name| Element::leaf(*name, text));
                attempts.push(bare.clone().with_all(all.clone()).with_all(all));
            }
            for attempt in attempts {
                let answer = anna.ask(&mut lab, attempt.clone());
                let got = Outcome::read(&answer).map_or(200, |outcome| outcome.code.0);
                assert_ne!(got, 500, "{attempt:?}");
                let is_foreign = !primitive.is_from_client() || !primitive.may_open();
                assert!(!is_foreign || matches!(got, 405 | 501), "C02: {} {got}", primitive.name);
            }
        }
        assert_eq!(code(&anna.ask(&mut lab, Element::new("KeepAlive-Request"))), 200, "still there");
        assert!(lab.engine.store().user("wv:anna@example.com").unwrap().is_some());
    }
}

#[test]
fn every_sample_and_real_message_of_a_client_is_answered() {
    let mut bodies = Vec::new();
    for version in ["1.1", "1.2", "1.3"] {
        let folder = format!("{}/tests/samples/csp/{version}", env!("CARGO_MANIFEST_DIR"));
        bodies.extend(files(std::path::Path::new(&folder)));
    }
    if let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") {
        bodies.extend(files(&std::path::Path::new(&corpus).join("csp")));
    }
    assert!(bodies.len() > 100, "{} messages", bodies.len());
    let mut lab = Lab::new();
    for body in bodies {
        let Ok((Body::Message(mut message), form)) = wire::read(&body, &wire::LIMITS) else { continue };
        // A message of a session goes into a session, so that more than 604 comes of it.
        let user = lab.login(message.version, "anna", "phone");
        if message.session != Session::Outband {
            message.session = user.session;
        }
        let body = wire::write(&message, form).unwrap();
        let (status, answer) = lab.post(wire::media_type(message.version, form.encoding), body);
        assert_eq!(status, 200);
        let polls = message.transactions[0].primitive.name == "Polling-Request";
        if message.transactions[0].mode == Mode::Request && !polls {
            let Ok((Body::Message(answer), answered)) = wire::read(&answer, &wire::LIMITS) else { panic!("no answer") };
            assert_eq!((answer.version, answered.encoding), (message.version, form.encoding));
            let primitive = &answer.transactions[0].primitive;
            assert_eq!(answer.transactions[0].id, message.transactions[0].id);
            assert_eq!(csp_faults(primitive, answer.version), None, "well-formed by the tables: {primitive:?}");
            let code = Outcome::read(primitive).map_or(200, |outcome| outcome.code.0);
            assert_ne!(code, 500, "{:?}", message.transactions[0].primitive);
        }
    }
}

fn files(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let messages = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "xml"));
    messages.map(|path| std::fs::read(path).unwrap()).collect()
}
