//! What the server does for presence, contact lists, messages and groups: two or three clients on one engine, in
//! memory, with real messages and a clock that the test moves. Expected values are those of the standard.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod abuse;
mod attributes;
mod collected;
mod contact_lists;
mod contents;
mod groups;
mod invariants;
mod invitations;
mod messages;
mod presence;
mod rights;
mod rooms;

use std::net::{IpAddr, Ipv4Addr};

use impskit::codec::{self, Encoding, WbxmlOptions};
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
        Self::of("example.com", &["alice", "bob", "carol"])
    }

    fn of(domain: &'static str, users: &[&str]) -> Self {
        let mut store = Store::in_memory().unwrap();
        for user in users {
            store.add_user(&format!("wv:{user}@{domain}"), "secret", Timestamp::from_seconds(0)).unwrap();
        }
        Self::with(domain, store)
    }

    fn with(domain: &'static str, store: Store) -> Self {
        let quotas = Quotas {
            stored_messages: 5,
            contact_lists: 3,
            contacts: 3,
            groups: 2,
            blocked: 3,
            subscriptions: 4,
            ..Quotas::default()
        };
        let configuration = Configuration { domain: domain.into(), quotas, ..Configuration::default() };
        Self::configured(configuration, store)
    }

    fn configured(configuration: Configuration, store: Store) -> Self {
        Self { engine: Engine::open(configuration, store, Random::new([7; 32])), now: 1_700_000_000 }
    }

    /// Logs in, says what the client can do and agrees on all services.
    fn login(&mut self, user: &'static str, version: Version) -> Client {
        self.login_from(user, version, "phone")
    }

    fn login_from(&mut self, user: &'static str, version: Version, device: &str) -> Client {
        let mut client = Client { user, version, encoding: Encoding::Xml, session: String::new(), last_id: 0 };
        let login = format!(
            "<Login-Request><UserID>wv:{user}</UserID><ClientID><URL>WV:{device}</URL></ClientID>\
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

    fn exchange(&mut self, client: &Client, transaction: Transaction<'_>) -> Vec<Transaction<'static>> {
        let session =
            if client.session.is_empty() { Session::Outband } else { Session::Inband(client.session.clone()) };
        let message = Message::new(client.version, session, transaction);
        let body = match client.encoding {
            // Not by the writer: it leaves out what the version lacks, and clients do not.
            Encoding::Xml => {
                let mut root = message.element();
                let place = &mut root.children[0].children[1].children[1].children[0];
                *place = message.transactions[0].primitive.clone();
                codec::write_xml(&root, None, false)
            }
            // Octets stay octets: clients may write them so.
            Encoding::Wbxml => {
                let (root, options) = (message.element(), WbxmlOptions::default());
                codec::write_wbxml(&root, client.version.vocabulary(), &options).unwrap()
            }
            _ => wire::write(&message, Form::of(client.encoding)).unwrap(),
        };
        let media_type = wire::media_type(client.version, client.encoding).to_owned();
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = Request { connection: 1, media_type, body, peer, headers: Vec::new() };
        let mut outputs = self.engine.handle(Timestamp::from_seconds(self.now), Input::Request(request));
        let Output::Reply { status, body, .. } = outputs.remove(0) else { panic!("a note comes first") };
        assert_eq!(status, 200);
        outputs.retain(|output| matches!(output, Output::Note(_)));
        assert_eq!(outputs, [], "the server complains");
        if body.is_empty() {
            return Vec::new();
        }
        let Ok((Body::Message(answer), form)) = wire::read(&body, &wire::LIMITS) else { panic!("no message") };
        assert_eq!((answer.version, form.encoding), (client.version, client.encoding));
        if client.encoding == Encoding::Xml {
            let as_wbxml = wire::write(&answer, Form::of(Encoding::Wbxml));
            assert!(as_wbxml.is_ok(), "what is said in XML has its tokens: {as_wbxml:?}");
        }
        for transaction in &answer.transactions {
            if let Some(fault) = impskit::csp::fault(&transaction.primitive, client.version) {
                panic!("{}: {fault:?}", transaction.primitive.name);
            }
        }
        answer.into_owned().transactions
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

fn update(attributes: &str) -> String {
    format!("<UpdatePresence-Request><PresenceSubList>{attributes}</PresenceSubList></UpdatePresence-Request>")
}

fn status_text(text: &str) -> String {
    format!("<StatusText><Qualifier>T</Qualifier><PresenceValue>{text}</PresenceValue></StatusText>")
}

/// Grants attributes to users in the form of the version.
fn grant(version: Version, users: &[&str], default: bool, attributes: &str) -> String {
    let users: String = users.iter().map(|user| format!("<UserID>wv:{user}@example.com</UserID>")).collect();
    let users = if version == Version::V1_3 { format!("<UserIDList>{users}</UserIDList>") } else { users };
    let default = if default { "T" } else { "F" };
    format!(
        "<CreateAttributeList-Request><PresenceSubList>{attributes}</PresenceSubList>{users}\
         <DefaultList>{default}</DefaultList></CreateAttributeList-Request>"
    )
}

fn subscribe(users: &str, attributes: &str) -> String {
    format!(
        "<SubscribePresence-Request>{users}<PresenceSubList>{attributes}</PresenceSubList>\
         <AutoSubscribe>F</AutoSubscribe></SubscribePresence-Request>"
    )
}

const USER_BOB: &str = "<User><UserID>wv:bob@example.com</UserID></User>";

/// Returns the presence attributes of the only user in a notification or answer.
fn shown(primitive: &Element<'_>) -> String {
    let presences: Vec<_> = primitive.children_named("Presence").collect();
    assert_eq!(presences.len(), 1, "{}", text(primitive));
    presences[0].child("PresenceSubList").map(|list| list.children.iter().map(text).collect()).unwrap_or_default()
}

fn send(recipient: &str, more: &str, content: &str) -> String {
    format!(
        "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient>{recipient}</Recipient>{more}\
         </MessageInfo><ContentData>{content}</ContentData></SendMessage-Request>"
    )
}

const CHESS: &str = "<GroupID>wv:alice/chess@example.com</GroupID>";

fn create_group(properties: &str, join: &str) -> String {
    format!(
        "<CreateGroup-Request>{CHESS}<GroupProperties><Property><Name>Name</Name><Value>Chess</Value></Property>{properties}\
        </GroupProperties>{join}<SubscribeNotification>T</SubscribeNotification></CreateGroup-Request>"
    )
}

fn screen(name: &str) -> String {
    format!("<ScreenName><SName>{name}</SName>{CHESS}</ScreenName>")
}

const JOINED_BY_CREATION: &str = "<JoinGroup>T</JoinGroup><ScreenName><SName>Queen</SName>\
    <GroupID>wv:alice/chess@example.com</GroupID></ScreenName>";

fn join_group(name: &str) -> String {
    format!(
        "<JoinGroup-Request>{CHESS}{}<JoinedRequest>T</JoinedRequest><SubscribeNotification>T</SubscribeNotification>\
        </JoinGroup-Request>",
        screen(name)
    )
}
