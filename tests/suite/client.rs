//! The client engine against servers that answer in every way that clients accept, and some that they do not; the
//! HTTP edge and the command over loopback.

use std::process::Command;
use std::time::Duration;

use impskit::client::http::Talk;
use impskit::client::primitives::send_message;
use impskit::client::{Client, Event, Identity, Negotiation, Output};
use impskit::codec::Encoding;
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Code, Message, Mode, Outcome, Schema, Session, Transaction, Version};
use impskit::document::Element;
use impskit::server::{Configuration, Store, Timestamp, http};
use proptest::prelude::*;

const NOW: Duration = Duration::ZERO;

pub(crate) fn identity(version: Version, encoding: Encoding) -> Identity {
    Identity { version, encoding, negotiation: Negotiation::None, ..Identity::new("wv:romeo", "open-sesame") }
}

/// A client, and what it has just posted.
pub(crate) struct Lab {
    pub(crate) client: Client,
    pub(crate) posted: Vec<Message<'static>>,
    pub(crate) told: Vec<Output>,
}

impl Lab {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { client: Client::new(identity), posted: Vec::new(), told: Vec::new() }
    }

    /// A client that is logged in.
    pub(crate) fn inside(version: Version) -> Self {
        let mut lab = Self::new(identity(version, Encoding::Wbxml));
        lab.tell(Event::LogIn);
        lab.answer(login(Code::SUCCESSFUL).with_leaf("SessionID", "s-1").with_leaf("KeepAliveTime", "600"));
        assert!(lab.client.is_in());
        lab.told.clear();
        lab
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.tell_at(NOW, event);
    }

    pub(crate) fn tell_at(&mut self, now: Duration, event: Event) {
        for output in self.client.handle(now, event) {
            match output {
                Output::Post { body, .. } => match wire::read(&body, &wire::LIMITS) {
                    Ok((Body::Message(message), _)) => self.posted.push(message.into_owned()),
                    other => panic!("not a message: {other:?}"),
                },
                other => self.told.push(other),
            }
        }
    }

    pub(crate) fn last(&self) -> (&Transaction<'static>, &str) {
        let transaction = &self.posted.last().unwrap().transactions[0];
        (transaction, transaction.primitive.name.as_ref())
    }

    /// Answers the last request with a response.
    pub(crate) fn answer(&mut self, primitive: Element<'static>) {
        let response = Transaction::response(self.last().0.id.clone(), primitive);
        self.message(vec![response], Some(false));
    }

    /// Answers with a request of the server.
    pub(crate) fn open(&mut self, id: &str, primitive: Element<'static>, poll: bool) {
        self.message(vec![Transaction::request(id, primitive)], Some(poll));
    }

    pub(crate) fn message(&mut self, transactions: Vec<Transaction<'static>>, poll: Option<bool>) {
        let version = self.client.identity().version;
        let session = Session::Inband("s-1".to_owned());
        let message = Message { version, session, transactions, poll, cir: None };
        self.tell(Event::Answer(wire::write(&message, Form::of(Encoding::Xml)).unwrap()));
    }

    pub(crate) fn nothing(&mut self) {
        self.tell(Event::Answer(Vec::new()));
    }

    pub(crate) fn received(&self) -> usize {
        self.told.iter().filter(|output| matches!(output, Output::Received(_))).count()
    }
}

pub(crate) fn login(code: Code) -> Element<'static> {
    Element::new("Login-Response")
        .with(Element::new("ClientID").with_leaf("URL", "impskit"))
        .with(Outcome::new(code).element())
}

pub(crate) fn new_message(id: &str) -> Element<'static> {
    let mut message = send_message("wv:juliet", &["wv:romeo"], "Ay me.", false);
    message.name = "NewMessage".into();
    message.children.remove(0);
    message.children[0].children.insert(0, Element::leaf("MessageID", id.to_owned()));
    message
}

#[test]
fn a_challenge_is_told_by_its_nonce_whatever_its_status() {
    for version in Version::ALL {
        for status in [Code::SUCCESSFUL, Code::UNAUTHORIZED] {
            let identity = Identity { schemas: vec![Schema::Sha, Schema::Md5], ..identity(version, Encoding::Wbxml) };
            let mut lab = Lab::new(identity);
            lab.tell(Event::LogIn);
            let (first, _) = lab.last();
            let (id, cookie) = (first.id.clone(), first.primitive.child_text("SessionCookie").unwrap().to_owned());
            assert_eq!(Schema::read_all(&first.primitive), [Schema::Sha, Schema::Md5]);
            assert!(first.primitive.child("Password").is_none());
            // Nonce and digest of a known answer (CSP, "Login").
            lab.answer(login(status).with_leaf("Nonce", "5f2c9a7e41d0b386").with_leaf("DigestSchema", "MD5"));
            let (second, name) = lab.last();
            assert_eq!((name, &second.id), ("Login-Request", &id), "the same transaction goes on");
            assert_eq!(second.primitive.child_text("SessionCookie"), Some(cookie.as_str()));
            assert_eq!(second.primitive.child_text("DigestBytes"), Some("abHzN4+570y3DfoOUPRAWQ=="));
            // Another challenge would be a loop.
            let posted = lab.posted.len();
            lab.answer(login(status).with_leaf("Nonce", "x").with_leaf("DigestSchema", "MD5"));
            assert_eq!((lab.posted.len(), lab.client.is_in()), (posted, false));
        }
    }
}

#[test]
fn a_first_answer_may_be_the_last() {
    // The network has authenticated the user: no challenge (CSP sessions, "Login").
    let mut lab = Lab::new(Identity { schemas: vec![Schema::Sha], ..identity(Version::V1_3, Encoding::Xml) });
    lab.tell(Event::LogIn);
    lab.answer(login(Code::SUCCESSFUL).with_leaf("SessionID", "s-1").with(Element::new("VendorExtension")));
    assert_eq!((lab.client.session_id(), lab.posted.len()), (Some("s-1"), 1));
    // A refusal is told and ends the attempt.
    for code in [Code::FORBIDDEN, Code::ALREADY_LOGGED_IN, Code::NO_DIGEST_SCHEMA, Code::VERSION_NOT_SUPPORTED] {
        let mut lab = Lab::new(identity(Version::V1_2, Encoding::Xml));
        lab.tell(Event::LogIn);
        lab.answer(login(code));
        assert!(matches!(&lab.told[..], [Output::Answered { .. }]) && !lab.client.is_in(), "{code}");
    }
    assert!(!format!("{:?}", lab.client).contains("open-sesame"), "passwords are not shown");
}

#[test]
fn a_server_may_want_the_password_itself() {
    let schemas = vec![Schema::Md5, Schema::Password];
    let mut lab = Lab::new(Identity { schemas, ..identity(Version::V1_3, Encoding::Xml) });
    lab.tell(Event::LogIn);
    lab.answer(login(Code::UNAUTHORIZED).with_leaf("Nonce", "n").with_leaf("DigestSchema", "PWD"));
    assert_eq!(lab.last().0.primitive.child_text("Password"), Some("open-sesame"));
    // A schema that was never offered is not used: the password is not given away.
    let mut lab = Lab::new(Identity { schemas: vec![Schema::Md5], ..identity(Version::V1_3, Encoding::Xml) });
    lab.tell(Event::LogIn);
    lab.answer(login(Code::UNAUTHORIZED).with_leaf("Nonce", "n").with_leaf("DigestSchema", "PWD"));
    assert_eq!(lab.posted.len(), 1);
}

#[test]
fn status_and_disconnect_both_end_a_logout() {
    for version in Version::ALL {
        for answer in [
            Outcome::new(Code::SUCCESSFUL).status(),
            Element::new("Disconnect").with(Outcome::new(Code::SUCCESSFUL).element()),
        ] {
            let mut lab = Lab::inside(version);
            lab.tell(Event::LogOut);
            lab.answer(answer);
            assert!(!lab.client.is_in());
            assert_eq!(lab.told.last(), Some(&Output::Ended(Code::SUCCESSFUL)));
        }
    }
}

#[test]
fn a_repeat_is_acknowledged_and_not_told_again() {
    let mut lab = Lab::inside(Version::V1_2);
    lab.tell(Event::Poll);
    assert_eq!(lab.last().0.id, None, "a poll has no transaction");
    lab.open("41", new_message("m-1"), false);
    assert_eq!(lab.last().1, "MessageDelivered");
    assert_eq!((lab.last().0.mode, lab.last().0.id.as_deref()), (Mode::Response, Some("41")));
    // The same transaction, then the same message in another one: the acknowledgement was lost.
    for id in ["41", "42"] {
        lab.open(id, new_message("m-1"), false);
        assert_eq!((lab.last().0.id.as_deref(), lab.last().1), (Some(id), "MessageDelivered"));
    }
    lab.open("43", new_message("m-2"), false);
    lab.nothing();
    assert_eq!(lab.received(), 2);
}

#[test]
fn the_poll_flag_is_followed_until_nothing_comes() {
    for version in Version::ALL {
        let mut lab = Lab::inside(version);
        lab.tell(Event::Poll);
        lab.open("1", new_message("m-1"), true);
        // First the acknowledgement, then the poll that the flag asked for.
        assert_eq!(lab.last().1, "MessageDelivered");
        lab.nothing();
        assert_eq!(lab.last().1, "Polling-Request");
        let posted = lab.posted.len();
        lab.nothing();
        assert_eq!(lab.posted.len(), posted, "nothing waits any more");
    }
}

#[test]
fn a_server_that_always_has_more_is_asked_a_bounded_number_of_times() {
    let mut lab = Lab::inside(Version::V1_3);
    lab.tell(Event::Poll);
    for _ in 0..1000 {
        if lab.last().1 == "Polling-Request" {
            lab.message(
                vec![Transaction::response(None, Outcome::new(Code::SERVICE_UNAVAILABLE).status())],
                Some(true),
            );
        }
    }
    assert!(lab.posted.len() < 300, "{}", lab.posted.len());
}

#[test]
fn what_is_unknown_is_answered_and_what_is_wrong_is_told() {
    let mut lab = Lab::inside(Version::V1_2);
    lab.tell(Event::Poll);
    lab.open("1", Element::new("SystemMessage-Request"), false);
    let outcome = Outcome::read(&lab.last().0.primitive).unwrap();
    assert_eq!((outcome.code, lab.received()), (Code::NOT_IMPLEMENTED, 0), "1.2 has no system messages");
    lab.nothing();
    for wrong in [Vec::new(), b"<html>".to_vec(), b"\x03\x11\x6a".to_vec()] {
        lab.tell(Event::Insist(Element::new("GetList-Request")));
        lab.tell(Event::Answer(wrong));
        assert!(matches!(lab.told.last(), Some(Output::Failed { .. })), "{:?}", lab.told.last());
    }
    lab.tell(Event::Insist(Element::new("GetList-Request")));
    lab.answer(Element::new("GetBlockedList-Response"));
    assert!(matches!(lab.told.last(), Some(Output::Failed { .. })));
    assert!(lab.client.is_in(), "a failed request is not the end of the session");
}

#[test]
fn the_codes_that_end_a_session_end_it() {
    for code in [Code::SESSION_EXPIRED, Code::FORCED_LOGOUT, Code::INVALID_SESSION] {
        let mut lab = Lab::inside(Version::V1_3);
        lab.tell(Event::Insist(Element::new("GetList-Request")));
        lab.tell(Event::Request(Element::new("KeepAlive-Request")));
        lab.answer(Outcome::new(code).status());
        assert_eq!((lab.told.last(), lab.posted.len()), (Some(&Output::Ended(code)), 2), "what waited is dropped");
    }
    let mut lab = Lab::inside(Version::V1_3);
    lab.tell(Event::Poll);
    lab.open("9", Element::new("Disconnect").with(Outcome::new(Code::FORCED_LOGOUT).element()), false);
    assert_eq!((lab.last().1, lab.last().0.mode), ("Status", Mode::Response), "the last word of the session");
    assert_eq!(lab.posted.last().unwrap().session.id(), Some("s-1"));
    assert_eq!(lab.told.last(), Some(&Output::Ended(Code::FORCED_LOGOUT)));
}

#[test]
fn an_idle_client_polls_ever_slower_and_keeps_its_session() {
    let mut lab = Lab::inside(Version::V1_3);
    let (mut polls, mut last, mut silence) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    while let Some(due) = lab.client.next_deadline().filter(|due| *due < Duration::from_secs(3600)) {
        let before = lab.posted.len();
        lab.tell_at(due, Event::Tick);
        assert_eq!(lab.posted.len(), before + 1, "a deadline is a deadline");
        silence = silence.max(due - last);
        if lab.last().1 == "Polling-Request" {
            polls.push((due - last).as_secs());
        }
        last = due;
        lab.tell_at(due, Event::Answer(Vec::new()));
    }
    assert!(polls.windows(2).all(|pair| pair[0] <= pair[1]), "{polls:?}");
    assert!(silence < Duration::from_secs(600), "the session of 600 seconds is kept");
}

proptest! {
    #[test]
    fn no_answer_makes_a_client_panic(body in prop::collection::vec(any::<u8>(), 0..300), start in 0..3_usize) {
        let starts: [&[u8]; 3] = [b"", b"\x03\x12\x6a\x00\x49\x6d", b"<WV-CSP-Message><Session>"];
        let mut lab = Lab::inside(Version::V1_3);
        lab.tell(Event::Poll);
        lab.tell(Event::Answer([starts[start], &body].concat()));
    }
}

pub(crate) fn running() -> http::Running {
    let mut store = Store::in_memory().unwrap();
    for user in ["wv:romeo@localhost", "wv:juliet@localhost", "wv:tybalt@localhost"] {
        store.add_user(user, "open-sesame", Timestamp::from_seconds(1_795_410_000)).unwrap();
    }
    let configuration = Configuration { listen: ([127, 0, 0, 1], 0).into(), ..Configuration::default() };
    http::spawn(configuration, store, Box::new(|_| {})).unwrap()
}

#[test]
fn two_clients_talk_over_loopback() {
    let server = running();
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let talk = |user: &str| {
                let schemas = vec![Schema::Sha];
                let identity = Identity { version, encoding, schemas, ..Identity::new(user, "open-sesame") };
                let mut talk = Talk::new(identity, &server.url(), None).unwrap();
                assert!(talk.tell(Event::LogIn).unwrap().contains(&Output::LoggedIn));
                talk
            };
            let (mut romeo, mut juliet) = (talk("romeo"), talk("juliet"));
            let request = send_message("wv:romeo", &["wv:juliet"], "It is the east ☀", false);
            romeo.tell(Event::Request(request)).unwrap();
            let outputs = juliet.tell(Event::Poll).unwrap();
            let texts: Vec<&str> = outputs
                .iter()
                .filter_map(|output| match output {
                    Output::Received(primitive) => primitive.child("ContentData").map(Element::text),
                    _ => None,
                })
                .collect();
            assert_eq!(texts, ["It is the east ☀"], "{version:?} {encoding:?}");
            for talk in [&mut romeo, &mut juliet] {
                talk.tell(Event::LogOut).unwrap();
            }
        }
    }
}

/// Runs `impskit client`; returns the exit code and what it printed.
pub(crate) fn impskit(url: &str, password: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_impskit"))
        .arg("client")
        .args(arguments)
        .args(["--server", url, "--password-env", "IMPSKIT_TEST_PASSWORD"])
        .env("IMPSKIT_TEST_PASSWORD", password)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn the_command_logs_in_sends_and_receives() {
    let server = running();
    let url = server.url();
    let traces = tempfile::tempdir().unwrap();
    let folder = traces.path().display().to_string();
    let login = ["login", "--user", "romeo", "--version", "1.2", "--encoding", "xml", "--schema", "password"];
    let (code, text) = impskit(&url, "open-sesame", &[&login[..], &["--trace", &folder]].concat());
    assert!(code == 0 && text.starts_with("logged in as romeo\n") && text.contains(" IMFeat "), "{code} {text}");
    let first = std::fs::read_to_string(traces.path().join("0001-request.xml")).unwrap();
    assert!(first.contains("<Password>****</Password>"), "{first}");

    assert_eq!(impskit(&url, "wrong", &login), (1, "not logged in: 409 Invalid password\n".to_owned()));
    let send = ["send", "--user", "romeo", "--to", "juliet", "--to", "nobody", "Hello"];
    let (code, text) = impskit(&url, "open-sesame", &send);
    assert!(code == 1 && text.starts_with("not sent to all: 201 "), "{code} {text}");
    assert!(text.contains("531 Unknown user: "), "{code} {text}");
    let (code, text) = impskit(&url, "open-sesame", &["send", "--user", "romeo", "--to", "nobody", "Hello"]);
    assert!(code == 1 && text.starts_with("not sent: "), "{code} {text}");
    let (code, text) = impskit(&url, "open-sesame", &["recv", "--user", "juliet", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, report["schema"].as_str()), (0, Some("impskit.client/1")));
    assert_eq!(report["messages"][0]["text"], "Hello");
    assert_eq!(report["messages"][0]["from"][0], "wv:romeo@localhost");

    // What has lines is shown in lines, and what is not to be shown is not.
    let send = ["send", "--user", "romeo", "--to", "juliet", "one\ntwo\u{202e}!"];
    assert_eq!(impskit(&url, "open-sesame", &send).0, 0);
    let (_, text) = impskit(&url, "open-sesame", &["recv", "--user", "juliet"]);
    assert_eq!(text, "wv:romeo@localhost: one\ntwo\u{fffd}!\n");

    server.stop();
    let (code, text) = impskit(&url, "open-sesame", &["recv", "--user", "juliet"]);
    assert!(
        code == 4 && text.starts_with("error: ") && text.contains("  help: is the server running"),
        "{code} {text}"
    );
}

/// Runs a command as a user of the password that all have here.
fn as_user(url: &str, user: &str, words: &[&str]) -> (i32, String) {
    let (code, text) = impskit(url, "open-sesame", &[words, &["--user", user]].concat());
    (code, text)
}

/// Who asks what, and what is shown.
const GOOD: &[(&str, &[&str], &str)] = &[
    ("romeo", &["services"], "AllFunctions"),
    ("romeo", &["provider"], "Name"),
    ("romeo", &["provider", "--version", "1.1", "--encoding", "xml"], "Name"),
    ("romeo", &["presence", "set", "StatusText=On the balcony", "UserAvailability=DISCREET"], "done"),
    ("romeo", &["presence", "authorize", "juliet", "--attribute", "StatusText"], "done"),
    ("juliet", &["presence", "get", "romeo"], "PresenceValue On the balcony"),
    ("juliet", &["presence", "subscribe", "romeo", "--wait", "1"], "PresenceNotification-Request"),
    ("romeo", &["presence", "watchers", "--format", "json"], "GetWatcherList"),
    ("juliet", &["presence", "subscribe", "romeo", "--stop"], "done"),
    ("romeo", &["presence", "authorize", "juliet", "--cancel"], "done"),
    ("romeo", &["presence", "contacts", "wv:romeo/verona", "--create", "--add", "juliet"], "verona"),
    ("romeo", &["presence", "contacts"], "wv:romeo/verona@localhost"),
    ("romeo", &["presence", "contacts", "wv:romeo/verona", "--remove", "juliet", "--version", "1.2"], "NickList"),
    ("romeo", &["presence", "contacts", "wv:romeo/verona", "--delete"], "done"),
    ("romeo", &["search", "USER_ID=juli", "--limit", "1", "--all"], "UserID wv:juliet@localhost"),
    ("romeo", &["search", "USER_ID=wv:", "--limit", "1", "--all"], "UserID wv:tybalt@localhost"),
    ("romeo", &["profile", "set", "PP_CITY=Verona"], "done"),
    ("juliet", &["profile", "get", "romeo"], "Value Verona"),
    ("romeo", &["block", "juliet", "--use", "T"], "done"),
    ("romeo", &["block"], "UserID wv:juliet@localhost"),
    ("romeo", &["block", "juliet", "--remove", "--use", "f", "--version", "1.2"], "done"),
    ("romeo", &["block", "juliet"], "BlockListInUse F"),
    ("romeo", &["block", "juliet", "--remove"], "BlockListInUse F"),
    ("romeo", &["verify", "juliet"], "done"),
    ("romeo", &["invite", "juliet", "--id", "i-1", "--type", "IM", "--note", "Come"], "done"),
    ("juliet", &["recv"], "InviteUser-Request\n  "),
    ("juliet", &["invite", "romeo", "--id", "i-1", "--answer", "YES"], "done"),
    ("romeo", &["group", "create", "wv:romeo/chess", "--property", "Name=Chess", "--name", "King"], "done"),
    ("juliet", &["group", "join", "wv:romeo/chess", "--name", "Queen"], "JoinGroup"),
    ("romeo", &["group", "send", "wv:romeo/chess", "Check!", "--version", "1.2"], "done"),
    ("romeo", &["group", "joined", "wv:romeo/chess"], "GetJoinedUsers"),
    ("romeo", &["group", "members", "wv:romeo/chess", "--add", "juliet"], "wv:juliet@localhost"),
    ("romeo", &["group", "access", "wv:romeo/chess", "--moderator", "juliet"], "done"),
    ("romeo", &["group", "access", "wv:romeo/chess", "--member", "juliet", "--version", "1.1"], "done"),
    ("romeo", &["group", "properties", "wv:romeo/chess"], "Value Chess"),
    ("romeo", &["group", "properties", "wv:romeo/chess", "--property", "Topic=Openings"], "done"),
    ("romeo", &["group", "notices", "wv:romeo/chess", "--set", "T"], "done"),
    ("romeo", &["group", "reject", "wv:romeo/chess", "--add", "juliet"], "juliet"),
    ("romeo", &["group", "delete", "wv:romeo/chess"], "done"),
];

/// What romeo asks, and what is said of it.
const BAD: &[(&[&str], &str)] = &[
    (&["presence", "get", "nobody"], "531"),
    (&["presence", "contacts", "wv:romeo/none"], "700"),
    (&["search", "NONSENSE=1"], "402"),
    (&["profile", "get", "nobody"], "531"),
    (&["profile", "get", "juliet", "--version", "1.2"], "a client of CSP 1.2 sends no GetPublicProfile-Request"),
    (&["verify", "nobody", "juliet"], "531 Unknown user: nobody"),
    (&["invite", "nobody"], "531"),
    (&["invite", "juliet", "--id", "i-9", "--answer", "no"], "423"),
    (&["invite", "juliet", "--id", "i-9", "--cancel"], "423"),
    (&["group", "join", "wv:/none"], "800"),
    (&["group", "leave", "wv:/none"], "8"),
    (&["group", "send", "wv:/none", "x"], "800"),
    (&["group", "delete", "wv:/none"], "800"),
];

/// Every command of the table against the server: what is shown, and the exit code.
#[test]
fn commands_ask_and_show_what_comes() {
    let server = running();
    let url = server.url();
    for (user, words, shown) in GOOD {
        let (code, text) = as_user(&url, user, words);
        let is_named = ["GetWatcherList", "JoinGroup", "GetJoinedUsers"].contains(shown);
        assert!(code == 0 && (is_named || text.contains(shown)), "{words:?}: {code} {text}");
    }
    for (words, shown) in BAD {
        let (code, text) = as_user(&url, "romeo", words);
        assert!(code == 1 && text.contains(shown), "{words:?}: {code} {text}");
    }
    // What cannot be meant is an error of who typed it.
    for words in
        [&["presence", "set", "Nonsense"][..], &["presence", "set", "Nonsense=1"], &["invite", "juliet", "--cancel"]]
    {
        let (code, text) = as_user(&url, "romeo", words);
        assert!(code == 2 && text.starts_with("error: "), "{words:?}: {code} {text}");
    }
}

#[test]
fn discovery_scripts_and_transcripts_from_the_command_line() {
    let server = running();
    let url = server.url();
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_impskit"))
            .arg("client")
            .args(words)
            .args(["--server", &url])
            .output()
            .unwrap();
        let text = |octets| String::from_utf8(octets).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = run(&["discover"]);
    assert_eq!((code, out.as_str()), (0, "the server speaks CSP 1.3 1.2 1.1\n"));
    let (code, out, _) = run(&["discover", "--encoding", "xml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, report["versions"][0].as_str()), (0, Some("1.3")));
    // The highest version is taken.
    let (code, text) = impskit(&url, "open-sesame", &["login", "--user", "romeo", "--version", "auto"]);
    assert!(code == 0 && text.starts_with("logged in as romeo"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let script = |text: &str| {
        let path = folder.path().join("script.txt");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let hello = "given wv:romeo with password \"open-sesame\"\ngiven wv:juliet with password \"open-sesame\"\n\
                 romeo logs in as wv:romeo by SHA\njuliet logs in as wv:juliet by MD5\n\
                 romeo sends SendMessage-Request to wv:juliet: \"Hello\"\nromeo receives SendMessage-Response 200\n\
                 juliet receives NewMessage from wv:romeo@localhost: \"Hello\"\nromeo logs out\njuliet logs out\n";
    let path = script(hello);
    let (code, out, err) = run(&["script", &path]);
    assert!(code == 0 && out.lines().count() == 6, "every version in both syntaxes: {code} {out} {err}");
    let (code, out, err) = run(&["script", &path, "--encoding", "xml", "--version", "1.1", "--trace", "-"]);
    assert!(code == 0 && out.starts_with("CSP 1.1, xml: true, "), "{out}");
    assert!(err.contains("romeo -> 1 Login-Request\n") && err.contains("juliet <- 1 NewMessage\n"), "{err}");
    assert!(err.contains("DigestBytes ****") && !err.contains("open-sesame"), "{err}");
    let (code, out, _) = run(&["script", &script(&hello.replace("\"Hello\"\nromeo logs", "\"Goodbye\"\nromeo logs"))]);
    assert!(code == 1 && out.contains("script.txt:7: the text `Goodbye` is expected"), "{code} {out}");
    let (code, _, err) = run(&["script", &script("romeo logs in as wv:romeo\nromeo is not woken\n")]);
    assert!(code == 2 && err.contains("nobody is woken") && err.contains("script.txt:2"), "{code} {err}");
    let (code, _, err) = run(&["script", &script("romeo sings\n")]);
    assert!(code == 2 && err.contains("`sings` is nothing that a client does"), "{code} {err}");
    let json = run(&["script", &script(hello), "--format", "json", "--version", "1.3"]).1;
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(report["plays"].as_array().unwrap().len(), 2);
    server.stop();
    let (code, _, err) = run(&["script", &script(hello)]);
    assert!(code == 4 && err.starts_with("error: "), "{code} {err}");
    assert_eq!(run(&["discover"]).0, 4);
}
