//! What the server does for presence, contact lists, messages and groups: two or three clients on one engine, in
//! memory, with real messages and a clock that the test moves. Expected values are those of the sheets.

use std::net::{IpAddr, Ipv4Addr};

use impskit::codec::{self, Encoding};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Outcome, Session, Transaction, V1_3, Version};
use impskit::diagnose::Report;
use impskit::document::Element;
use impskit::server::{Configuration, Engine, Input, Output, Quotas, Random, Request, Store, Timestamp};

/// A server with the users alice, bob and carol of `example.com`, and small quotas.
struct Lab {
    engine: Engine,
    now: u64,
}

/// A logged-in client.
struct Client {
    user: &'static str,
    version: Version,
    encoding: Encoding,
    session: String,
    last_id: u32,
}

impl Lab {
    fn new() -> Self {
        let quotas = Quotas {
            stored_messages: 5,
            contact_lists: 3,
            contacts: 3,
            groups: 2,
            blocked: 3,
            subscriptions: 4,
            ..Quotas::default()
        };
        let configuration = Configuration { domain: "example.com".into(), quotas, ..Configuration::default() };
        let mut store = Store::in_memory().unwrap();
        for user in ["alice", "bob", "carol"] {
            store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
        }
        Self { engine: Engine::open(configuration, store, Random::new([7; 32])), now: 1_700_000_000 }
    }

    /// Logs in, says what the client can do and agrees on all services.
    fn login(&mut self, user: &'static str, version: Version) -> Client {
        self.login_from(user, version, "phone")
    }

    fn login_from(&mut self, user: &'static str, version: Version, device: &str) -> Client {
        let mut client = Client { user, version, encoding: Encoding::Xml, session: String::new(), last_id: 0 };
        let login = format!(
            "<Login-Request><UserID>wv:{user}@example.com</UserID><ClientID><URL>WV:{device}</URL></ClientID>\
             <Password>secret</Password><TimeToLive>1800</TimeToLive><SessionCookie>c</SessionCookie></Login-Request>"
        );
        let answer = self.ask(&mut client, &login);
        client.session = answer.child_text("SessionID").expect("a session").to_owned();
        let id = if version == Version::V1_1 { "<ClientID><URL>WV:x</URL></ClientID>" } else { "" };
        self.ask(&mut client, &format!(
            "<Service-Request>{id}<Functions><WVCSPFeat><FundamentalFeat/><PresenceFeat/><IMFeat/><GroupFeat/></WVCSPFeat>\
             </Functions><AllFunctionsRequest>F</AllFunctionsRequest></Service-Request>"));
        client
    }

    /// Sends a request and returns its answer.
    fn ask(&mut self, client: &mut Client, primitive: &str) -> Element<'static> {
        client.last_id += 1;
        let transaction = Transaction::request(client.last_id.to_string(), parse(primitive));
        let mut answers = self.exchange(client, transaction);
        assert!(!answers.is_empty(), "{primitive} is not answered");
        let answer = answers.remove(0);
        assert_eq!(answer.mode, Mode::Response);
        answer.primitive
    }

    /// Sends a request and returns the code of its answer: that of `Result`, or 200 where the answer has none.
    fn code(&mut self, client: &mut Client, primitive: &str) -> u16 {
        let answer = self.ask(client, primitive);
        Outcome::read(&answer).map_or(200, |outcome| outcome.code.0)
    }

    /// Polls until nothing more comes, acknowledging everything, and returns what came.
    fn poll(&mut self, client: &Client) -> Vec<Element<'static>> {
        let mut received = Vec::new();
        let poll = Transaction { mode: Mode::Request, id: None, primitive: Element::new("Polling-Request") };
        let mut waiting = self.exchange(client, poll);
        while let Some(transaction) = waiting.pop() {
            let primitive = transaction.primitive;
            let answer = match (primitive.name.as_ref(), primitive.descend(&["MessageInfo", "MessageID"])) {
                ("NewMessage", Some(id)) => {
                    Element::new("MessageDelivered").with_leaf("MessageID", id.trimmed().to_owned())
                }
                _ => Outcome::new(impskit::csp::Code::SUCCESSFUL).status(),
            };
            received.push(primitive);
            waiting.extend(self.exchange(client, Transaction::response(transaction.id, answer)));
            assert!(received.len() < 100, "no end of requests");
        }
        received
    }

    /// Polls and returns the only thing that came.
    fn receive(&mut self, client: &Client, name: &str) -> Element<'static> {
        let mut all = self.poll(client);
        assert_eq!(all.iter().map(|e| e.name.as_ref()).collect::<Vec<_>>(), [name], "to {}", client.user);
        all.remove(0)
    }

    fn exchange(&mut self, client: &Client, transaction: Transaction) -> Vec<Transaction> {
        let session =
            if client.session.is_empty() { Session::Outband } else { Session::Inband(client.session.clone()) };
        let message = Message::new(client.version, session, transaction);
        // Not through the writer of messages: it leaves out what a version lacks.
        let body = wire::write(&message, Form::of(client.encoding)).unwrap();
        let media_type = wire::media_type(client.version, client.encoding).to_owned();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = Request { connection: 1, media_type, body, peer };
        let mut outputs = self.engine.handle(Timestamp::from_seconds(self.now), Input::Request(request));
        let Output::Reply { status, body, .. } = outputs.remove(0) else { panic!("a note comes first") };
        assert_eq!(status, 200);
        assert_eq!(outputs, [], "the server complains");
        if body.is_empty() {
            return Vec::new();
        }
        let Ok((Body::Message(answer), form)) = wire::read(&body, &wire::LIMITS) else { panic!("no message") };
        assert_eq!((answer.version, form.encoding), (client.version, client.encoding));
        for transaction in &answer.transactions {
            if let Some(fault) = impskit::csp::fault(&transaction.primitive, client.version) {
                panic!("{}: {fault:?}", transaction.primitive.name);
            }
        }
        answer.transactions
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds;
        self.engine.handle(Timestamp::from_seconds(self.now), Input::Tick);
    }
}

fn parse(xml: &str) -> Element<'static> {
    let document = codec::read(xml.as_bytes(), &[&V1_3], &codec::Limits::default(), &mut Report::new());
    document.unwrap_or_else(|| panic!("{xml}")).root.into_owned()
}

/// Returns an element as compact XML without namespaces, to compare by eye.
fn text(element: &Element<'_>) -> String {
    let content = if element.children.is_empty() {
        element.trimmed().replace('&', "&amp;").replace('<', "&lt;")
    } else {
        element.children.iter().map(text).collect()
    };
    format!("<{0}>{content}</{0}>", element.name)
}

/// Returns the codes of the DetailedResults with the text of what they name.
fn details(answer: &Element<'_>) -> Vec<(u16, Vec<String>)> {
    let outcome = Outcome::read(answer).expect("a Result");
    outcome.details.iter().map(|d| (d.code.0, d.items.iter().map(|item| item.trimmed().to_owned()).collect())).collect()
}

fn create_list(name: &str, more: &str) -> String {
    format!("<CreateList-Request><ContactList>{name}</ContactList>{more}</CreateList-Request>")
}

#[test]
fn contact_lists_are_made_changed_and_deleted_in_every_version() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let nick = "<NickList><NickName><Name>Bob \u{1F600}</Name><UserID>wv:BOB@example.com</UserID></NickName>\
                    <UserID>wv:nobody@example.com</UserID></NickList>";
        let answer = lab.ask(&mut alice, &create_list("wv:alice/friends@example.com", nick));
        assert_eq!(
            details(&answer),
            [(531, vec!["wv:nobody@example.com".to_owned()])],
            "the list is made nevertheless"
        );
        let answer = lab.ask(&mut alice, &create_list("wv:alice/work", ""));
        assert_eq!(answer.name, if version == Version::V1_3 { "CreateList-Response" } else { "Status" });
        // The first list is the default, until another takes the mark.
        let lists = lab.ask(&mut alice, "<GetList-Request/>");
        let work = "<ContactList>wv:alice/work@example.com</ContactList>";
        let expected = match version {
            Version::V1_1 => format!("<ContactList>wv:alice/friends@example.com</ContactList>{work}"),
            Version::V1_2 => work.to_owned(),
            Version::V1_3 => format!("<ContactListIDList>{work}</ContactListIDList>"),
        };
        let default = "<DefaultContactList>wv:alice/friends@example.com</DefaultContactList>";
        assert_eq!(text(&lists), format!("<GetList-Response>{expected}{default}</GetList-Response>"));
        let manage = "<ListManage-Request><ContactList>wv:alice/friends@example.com</ContactList>\
             <AddNickList><UserID>wv:carol@example.com</UserID></AddNickList><ReceiveList>T</ReceiveList></ListManage-Request>";
        let answer = lab.ask(&mut alice, manage);
        assert_eq!(
            text(answer.child("NickList").unwrap()),
            "<NickList><NickName><Name>Bob \u{1F600}</Name>\
             <UserID>wv:bob@example.com</UserID></NickName><UserID>wv:carol@example.com</UserID></NickList>"
        );
        let take_mark = "<ListManage-Request><ContactList>wv:alice/work@example.com</ContactList><ContactListProperties>\
             <Property><Name>DEFAULT</Name><Value>t</Value></Property><Property><Name>DisplayName</Name><Value>W</Value>\
             </Property></ContactListProperties><ReceiveList>T</ReceiveList></ListManage-Request>";
        let answer = lab.ask(&mut alice, take_mark);
        assert_eq!(
            text(answer.child("ContactListProperties").unwrap()),
            "<ContactListProperties><Property>\
             <Name>DisplayName</Name><Value>W</Value></Property><Property><Name>Default</Name><Value>T</Value></Property>\
             </ContactListProperties>"
        );
        let delete = "<DeleteList-Request><ContactList>wv:alice/work@example.com</ContactList></DeleteList-Request>";
        assert_eq!(lab.code(&mut alice, delete), 200);
        let lists = lab.ask(&mut alice, "<GetList-Request/>");
        assert_eq!(lists.child_text("DefaultContactList"), Some("wv:alice/friends@example.com"), "another is chosen");
        assert_eq!(lab.code(&mut alice, delete), 700);
    }
}

#[test]
fn contact_lists_are_refused_with_the_codes_of_the_table() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_2);
    let mut bob = lab.login("bob", Version::V1_3);
    for name in
        ["wv:bob/friends@example.com", "wv:alice/a b@example.com", "wv:alice/x@elsewhere.org", "wv:alice@example.com"]
    {
        assert_eq!(lab.code(&mut alice, &create_list(name, "")), 752, "{name}");
    }
    assert_eq!(lab.code(&mut alice, &create_list("wv:alice/~pep1.0_list", "")), 200);
    assert_eq!(lab.code(&mut alice, &create_list("WV:ALICE/~PEP1.0_LIST@EXAMPLE.COM", "")), 701);
    assert_eq!(lab.code(&mut alice, &create_list("wv:alice/b", "")), 200);
    assert_eq!(lab.code(&mut alice, &create_list("wv:alice/c", "")), 200);
    assert_eq!(lab.code(&mut alice, &create_list("wv:alice/d", "")), 753, "C09");
    let manage = |change: &str| {
        format!(
            "<ListManage-Request><ContactList>wv:alice/~pep1.0_list</ContactList>{change}<ReceiveList>F</ReceiveList></ListManage-Request>"
        )
    };
    let answer = lab.ask(&mut alice, &manage("<RemoveNickList><UserID>wv:bob</UserID></RemoveNickList>"));
    assert_eq!(details(&answer), [(531, vec!["wv:bob".to_owned()])], "echoed as it was written");
    let unmark =
        "<ContactListProperties><Property><Name>Default</Name><Value>F</Value></Property></ContactListProperties>";
    assert_eq!(lab.code(&mut alice, &manage(unmark)), 752);
    // Another's lists are nobody's: abuse case C05.
    for request in ["ListManage", "DeleteList"] {
        let foreign =
            format!("<{request}-Request><ContactList>wv:alice/b@example.com</ContactList></{request}-Request>");
        assert_eq!(lab.code(&mut bob, &foreign), 700);
    }
    for user in ["d", "e"] {
        lab.engine.store().add_user(&format!("wv:{user}@example.com"), "-", Timestamp::from_seconds(0)).unwrap();
    }
    let add = "<AddNickList><UserID>wv:bob</UserID><UserID>wv:carol</UserID><UserID>wv:d</UserID><UserID>wv:e</UserID>\
               <UserID>wv:bob</UserID></AddNickList>";
    let answer = lab.ask(&mut alice, &manage(add));
    assert_eq!(details(&answer), [(754, vec!["wv:e".to_owned()])], "C09");
}
