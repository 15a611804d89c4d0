//! What the server does for presence, contact lists, messages and groups: two or three clients on one engine, in
//! memory, with real messages and a clock that the test moves. Expected values are those of the sheets.

use std::net::{IpAddr, Ipv4Addr};

use impskit::codec::{self, Encoding};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Outcome, Primitive, Session, Transaction, V1_3, Version};
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
        let body = match client.encoding {
            // Not by the writer: it leaves out what the version lacks, and clients do not.
            Encoding::Xml => {
                let mut root = message.element();
                let place = &mut root.children[0].children[1].children[1].children[0];
                *place = message.transactions[0].primitive.clone();
                codec::write_xml(&root, None, false)
            }
            _ => wire::write(&message, Form::of(client.encoding)).unwrap(),
        };
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

#[test]
fn presence_reaches_only_whom_it_is_granted_to() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let mut bob = lab.login("bob", version);
        assert_eq!(lab.code(&mut bob, &update(&status_text("in the garden \u{1F33B}"))), 200);
        let request = subscribe(USER_BOB, "<OnlineStatus/><StatusText/>");
        assert_eq!(lab.code(&mut alice, &request), 200, "it succeeds where nothing is granted");
        assert!(lab.poll(&alice).is_empty(), "C15: nothing is granted until it is");
        // A change of authorization takes effect at once.
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<StatusText/>")), 200);
        let notification = lab.receive(&alice, "PresenceNotification-Request");
        assert_eq!(shown(&notification), status_text("in the garden \u{1F33B}"));
        assert_eq!(lab.code(&mut bob, &grant(version, &[], true, "<OnlineStatus/>")), 200);
        assert!(lab.poll(&alice).is_empty(), "the user's own list decides entirely, not the default");
        // Only changed, wanted and granted attributes are notified.
        let both = update(&format!(
            "<Alias><Qualifier>T</Qualifier><PresenceValue>B</PresenceValue></Alias>{}",
            status_text("x")
        ));
        assert_eq!(lab.code(&mut bob, &both), 200);
        assert_eq!(shown(&lab.receive(&alice, "PresenceNotification-Request")), status_text("x"));
        assert_eq!(lab.code(&mut bob, &both), 200);
        assert!(lab.poll(&alice).is_empty(), "nothing has changed");
        let unsubscribe = format!("<UnsubscribePresence-Request>{USER_BOB}</UnsubscribePresence-Request>");
        assert_eq!(lab.code(&mut alice, &unsubscribe), 200);
        assert_eq!(lab.code(&mut bob, &update(&status_text("y"))), 200);
        assert!(lab.poll(&alice).is_empty());
    }
}

#[test]
fn presence_is_read_with_qualifiers_and_refused_by_name() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_2);
    let mut bob = lab.login("bob", Version::V1_2);
    let get = |attributes: &str| {
        format!("<GetPresence-Request>{USER_BOB}<PresenceSubList>{attributes}</PresenceSubList></GetPresence-Request>")
    };
    let answer = lab.ask(&mut alice, &get("<OnlineStatus/>"));
    assert_eq!(text(answer.child("Presence").unwrap()), "<Presence><UserID>wv:bob@example.com</UserID></Presence>");
    lab.ask(&mut bob, &grant(Version::V1_2, &[], true, "<OnlineStatus/><Alias/><ClientInfo/>"));
    let answer = lab.ask(&mut alice, &get("<Alias/><OnlineStatus/><StatusText/>"));
    let online = "<OnlineStatus><Qualifier>T</Qualifier><PresenceValue>T</PresenceValue></OnlineStatus>";
    let unset = "<Alias><Qualifier>F</Qualifier></Alias>";
    assert_eq!(shown(&answer), format!("{online}{unset}"), "an attribute granted and never set has Qualifier F");
    lab.ask(&mut bob, "<Logout-Request/>");
    assert!(shown(&lab.ask(&mut alice, &get("<OnlineStatus/>"))).contains("<PresenceValue>F<"));
    // Refusals: the attribute, the value, and both with a good one beside them.
    assert_eq!(lab.code(&mut alice, &get("<Shoesize/>")), 750);
    assert_eq!(lab.code(&mut alice, &update("<Shoesize><Qualifier>T</Qualifier></Shoesize>")), 750);
    let bad = "<Registration><Qualifier>T</Qualifier><PresenceValue>perhaps</PresenceValue></Registration>";
    assert_eq!(lab.code(&mut alice, &update(bad)), 751);
    let answer = lab.ask(&mut alice, &update(&format!("{bad}<Shoesize/>{}", status_text("kept"))));
    assert_eq!(Outcome::read(&answer).unwrap().code.0, 201);
    assert_eq!(details(&answer).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [750, 751]);
    let nobody = "<GetPresence-Request><User><UserID>wv:nobody</UserID></User><User><UserID>wv:alice</UserID></User>\
                  <User><UserID>wv:x@else.where</UserID></User><PresenceSubList><StatusText/></PresenceSubList></GetPresence-Request>";
    let answer = lab.ask(&mut alice, nobody);
    assert_eq!(details(&answer), [(516, vec!["wv:x@else.where".into()]), (531, vec!["wv:nobody".into()])]);
    assert_eq!(shown(&answer), status_text("kept"), "the owner sees all of its own");
}

#[test]
fn presence_of_each_client_is_its_own_from_1_3_on() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut old = lab.login("carol", Version::V1_2);
    let mut phone = lab.login_from("bob", Version::V1_3, "PHONE");
    let mut desk = lab.login_from("bob", Version::V1_2, "DESK");
    lab.ask(&mut phone, &grant(Version::V1_3, &[], true, "<OnlineStatus/><TimeZone/>"));
    let zone = |zone: &str| update(&format!("<TimeZone><Qualifier>T</Qualifier><Zone>{zone}</Zone></TimeZone>"));
    lab.ask(&mut phone, &zone("+01:00"));
    lab.now += 1;
    lab.ask(&mut desk, &zone("+02:00"));
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/><TimeZone/>"));
    lab.ask(&mut old, &subscribe(USER_BOB, "<OnlineStatus/><TimeZone/>"));
    let seen = shown(&lab.receive(&alice, "PresenceNotification-Request"));
    for part in ["<Zone>+01:00</Zone><ClientID><URL>WV:PHONE</URL>", "<Zone>+02:00</Zone><ClientID><URL>WV:DESK</URL>"]
    {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(seen.contains("+02:00") && !seen.contains("+01:00") && !seen.contains("ClientID"), "{seen}");
    // One client goes, the other stays.
    lab.ask(&mut desk, "<Logout-Request/>");
    let seen = shown(&lab.receive(&alice, "PresenceNotification-Request"));
    assert!(seen.contains("<PresenceValue>F</PresenceValue><ClientID><URL>WV:DESK</URL>"), "{seen}");
    assert!(seen.contains("<PresenceValue>T</PresenceValue><ClientID><URL>WV:PHONE</URL>"), "{seen}");
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(seen.contains("<PresenceValue>T<") && seen.contains("+01:00"), "{seen}");
    // The last one falls silent.
    for _ in 0..3 {
        lab.wait(700);
        assert_eq!(lab.code(&mut alice, "<KeepAlive-Request/>") + lab.code(&mut old, "<KeepAlive-Request/>"), 400);
    }
    let seen = shown(&lab.receive(&old, "PresenceNotification-Request"));
    assert!(
        seen.contains("<PresenceValue>F<") && seen.contains("<TimeZone><Qualifier>F</Qualifier></TimeZone>"),
        "{seen}"
    );
}

#[test]
fn attribute_lists_have_three_levels() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let get = format!("<GetPresence-Request>{USER_BOB}</GetPresence-Request>");
    let mut names = |lab: &mut Lab| {
        let answer = lab.ask(&mut alice, &get);
        let list = answer.descend(&["Presence", "PresenceSubList"]);
        list.map(|l| l.children.iter().map(|c| c.name.to_string()).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    let on_lists = |lists: &str, attributes: &str| {
        format!(
            "<CreateAttributeList-Request><PresenceSubList>{attributes}</PresenceSubList><ContactListIDList>{lists}\
         </ContactListIDList><DefaultList>F</DefaultList></CreateAttributeList-Request>"
        )
    };
    let nick = "<NickList><UserID>wv:alice</UserID></NickList>";
    lab.ask(&mut bob, &create_list("wv:bob/one", nick));
    lab.ask(&mut bob, &create_list("wv:bob/two", nick));
    assert_eq!(names(&mut lab), "");
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<Alias/>"));
    assert_eq!(names(&mut lab), "Alias");
    let answer = lab.ask(
        &mut bob,
        &on_lists("<ContactList>wv:bob/one</ContactList><ContactList>wv:alice/one</ContactList>", "<PLMN/>"),
    );
    assert_eq!(details(&answer), [(700, vec!["wv:alice/one".to_owned()])], "C05");
    lab.ask(&mut bob, &on_lists("<ContactList>wv:bob/two</ContactList>", "<Address/>"));
    assert_eq!(names(&mut lab), "Address PLMN", "the union of the lists, in the order of PresenceSubList");
    lab.ask(&mut bob, &grant(Version::V1_3, &["alice"], false, ""));
    assert_eq!(names(&mut lab), "", "an empty list denies");
    let all = lab.ask(&mut bob, "<GetAttributeList-Request/>");
    assert_eq!(
        text(all.child("DefaultAttributeList").unwrap()),
        "<DefaultAttributeList><DefaultNotify>F</DefaultNotify>\
         <PresenceSubList><Alias></Alias></PresenceSubList></DefaultAttributeList>"
    );
    assert_eq!(all.children_named("Presence").count(), 3);
    let named = lab.ask(
        &mut bob,
        "<GetAttributeList-Request><UserIDList><UserID>wv:alice</UserID></UserIDList></GetAttributeList-Request>",
    );
    assert!(named.child("DefaultAttributeList").is_none());
    assert_eq!(
        text(named.child("Presence").unwrap()),
        "<Presence><UserID>wv:alice@example.com</UserID><UserNotify>F</UserNotify>\
         <PresenceSubList></PresenceSubList></Presence>"
    );
    let delete = "<DeleteAttributeList-Request><UserIDList><UserID>wv:alice</UserID><UserID>wv:no</UserID></UserIDList></DeleteAttributeList-Request>";
    assert_eq!(details(&lab.ask(&mut bob, delete)), [(531, vec!["wv:no".to_owned()])]);
    lab.ask(&mut bob, "<DeleteList-Request><ContactList>wv:bob/one</ContactList></DeleteList-Request>");
    assert_eq!(names(&mut lab), "Address");
    lab.ask(
        &mut bob,
        "<ListManage-Request><ContactList>wv:bob/two</ContactList><RemoveNickList><UserID>wv:alice</UserID>\
         </RemoveNickList></ListManage-Request>",
    );
    assert_eq!(names(&mut lab), "Alias");
}

#[test]
fn owners_are_asked_in_the_way_of_their_version() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_2);
    let mut carol = lab.login("carol", Version::V1_3);
    // 1.3: by the switch of the level that decides.
    let switch = "<CreateAttributeList-Request><PresenceSubList><Alias/></PresenceSubList><DefaultList>T</DefaultList>\
                  <DefaultNotify>T</DefaultNotify></CreateAttributeList-Request>";
    lab.ask(&mut carol, switch);
    lab.ask(
        &mut alice,
        "<GetPresence-Request><UserIDList><UserID>wv:carol</UserID></UserIDList><PresenceSubList><Alias/>\
         <PLMN/></PresenceSubList></GetPresence-Request>",
    );
    assert_eq!(
        text(&lab.receive(&carol, "Notification-Request")),
        "<Notification-Request><NotificationType>AND</NotificationType>\
         <PresenceSubList><PLMN></PLMN></PresenceSubList><UserIDList><UserID>wv:alice@example.com</UserID></UserIDList>\
         <DefaultList>T</DefaultList></Notification-Request>"
    );
    // 1.2: by a question, which is asked once and answered later.
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/>"));
    let question = lab.receive(&bob, "PresenceAuth-Request");
    assert_eq!(
        text(&question),
        "<PresenceAuth-Request><UserID>wv:alice@example.com</UserID><PresenceSubList><OnlineStatus>\
         </OnlineStatus></PresenceSubList></PresenceAuth-Request>"
    );
    lab.ask(&mut alice, &subscribe(USER_BOB, "<OnlineStatus/>"));
    assert!(lab.poll(&bob).is_empty() && lab.poll(&alice).is_empty());
    let state = |lab: &mut Lab, bob: &mut Client| {
        let answer = lab.ask(bob, "<GetReactiveAuthStatus-Request/>");
        let status = answer.descend(&["ReactiveAuthStatusList", "ReactiveAuthStatus", "ReactiveAuthState"]);
        status.map(|s| s.trimmed().to_owned()).unwrap_or_default()
    };
    assert_eq!(state(&mut lab, &mut bob), "PENDING");
    let answer =
        "<PresenceAuth-User><UserID>wv:alice@example.com</UserID><Acceptance>T</Acceptance></PresenceAuth-User>";
    assert_eq!(lab.code(&mut bob, answer), 200);
    assert_eq!(state(&mut lab, &mut bob), "GRANTED");
    assert!(shown(&lab.receive(&alice, "PresenceNotification-Request")).contains("<PresenceValue>T<"));
    let cancel = "<CancelAuth-Request><UserID>wv:alice</UserID></CancelAuth-Request>";
    assert_eq!(lab.code(&mut bob, cancel), 200);
    assert_eq!(lab.code(&mut bob, answer), 531, "nobody asked");
}

#[test]
fn lists_subscribe_for_their_members_and_watchers_are_known() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let mut carol = lab.login("carol", Version::V1_1);
    for (owner, version) in [(&mut bob, Version::V1_3), (&mut carol, Version::V1_1)] {
        lab.ask(owner, &grant(version, &[], true, "<OnlineStatus/>"));
    }
    lab.ask(&mut alice, &create_list("wv:alice/l", "<NickList><UserID>wv:bob</UserID></NickList>"));
    let subscribe = "<SubscribePresence-Request><ContactListIDList><ContactList>wv:alice/l</ContactList></ContactListIDList>\
                     <AutoSubscribe>T</AutoSubscribe></SubscribePresence-Request>";
    assert_eq!(lab.code(&mut alice, subscribe), 200);
    assert!(text(&lab.receive(&alice, "PresenceNotification-Request")).contains("wv:bob@"));
    lab.ask(
        &mut alice,
        "<ListManage-Request><ContactList>wv:alice/l</ContactList><AddNickList><UserID>wv:carol</UserID>\
         </AddNickList></ListManage-Request>",
    );
    assert!(
        text(&lab.receive(&alice, "PresenceNotification-Request")).contains("wv:carol@"),
        "who is added is subscribed"
    );
    let watchers = lab.ask(&mut carol, "<GetWatcherList-Request/>");
    assert_eq!(
        text(&watchers),
        "<GetWatcherList-Response><User><UserID>wv:alice@example.com</UserID></User></GetWatcherList-Response>"
    );
    lab.ask(
        &mut alice,
        "<ListManage-Request><ContactList>wv:alice/l</ContactList><RemoveNickList><UserID>wv:bob</UserID>\
         </RemoveNickList></ListManage-Request>",
    );
    lab.wait(60);
    let watchers = lab.ask(
        &mut bob,
        "<GetWatcherList-Request><HistoryPeriod>3600</HistoryPeriod><MaxWatcherList>5</MaxWatcherList>\
         </GetWatcherList-Request>",
    );
    assert_eq!(
        text(&watchers),
        "<GetWatcherList-Response><HistoryPeriod>3600</HistoryPeriod><WatcherCount>1</WatcherCount><Watcher>\
         <UserID>wv:alice@example.com</UserID><WatcherStatus>FORMER_SUBSCRIBER</WatcherStatus></Watcher></GetWatcherList-Response>"
    );
    let foreign = "<SubscribePresence-Request><ContactList>wv:bob/l</ContactList><AutoSubscribe>F</AutoSubscribe></SubscribePresence-Request>";
    assert_eq!(details(&lab.ask(&mut alice, foreign)), [(700, vec!["wv:bob/l".to_owned()])], "C05");
    // Subscriptions end with the session.
    lab.ask(&mut alice, "<Logout-Request/>");
    let watchers = lab.ask(&mut carol, "<GetWatcherList-Request/>");
    assert!(watchers.children.is_empty());
}

fn send(recipient: &str, more: &str, content: &str) -> String {
    format!(
        "<SendMessage-Request><DeliveryReport>F</DeliveryReport><MessageInfo><Recipient>{recipient}</Recipient>{more}\
         </MessageInfo><ContentData>{content}</ContentData></SendMessage-Request>"
    )
}

#[test]
fn a_message_is_pushed_confirmed_and_reported() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let bob = lab.login("bob", version);
        let words = "Gr\u{fc}\u{df}e &amp; &lt;best&gt; \u{1F600} \u{200F}\u{645}\u{631}\u{62D}\u{628}\u{627}";
        let request = send(USER_BOB, "", words).replace("<DeliveryReport>F", "<DeliveryReport>T");
        let answer = lab.ask(&mut alice, &request);
        let id = answer.child_text("MessageID").unwrap().to_owned();
        let message = lab.receive(&bob, "NewMessage");
        let info = message.child("MessageInfo").unwrap();
        assert_eq!(info.child_text("MessageID"), Some(id.as_str()));
        assert_eq!(
            text(info.child("Sender").unwrap()),
            "<Sender><User><UserID>wv:alice@example.com</UserID></User></Sender>",
            "C06"
        );
        assert_eq!(text(info.child("Recipient").unwrap()), format!("<Recipient>{USER_BOB}</Recipient>"));
        assert_eq!(info.child_text("ContentType"), Some("text/plain"));
        assert_eq!(info.child_text("DateTime"), Some("20231114T221320Z"));
        let content = message.child("ContentData").unwrap().text();
        assert_eq!(content, "Gr\u{fc}\u{df}e & <best> \u{1F600} \u{200F}\u{645}\u{631}\u{62D}\u{628}\u{627}");
        assert_eq!(info.child_text("ContentSize"), Some(content.len().to_string().as_str()));
        let report = lab.receive(&alice, "DeliveryReport-Request");
        assert_eq!(Outcome::read(&report).unwrap().code.0, 200);
        let info = report.child("MessageInfo").unwrap();
        assert_eq!(info.child_text("MessageID"), Some(id.as_str()));
        // Not swapped (abuse cases, part 4).
        assert_eq!(text(info.child("Recipient").unwrap()), format!("<Recipient>{USER_BOB}</Recipient>"));
        assert!(text(info.child("Sender").unwrap()).contains("wv:alice@"));
        assert!(lab.poll(&alice).is_empty() && lab.poll(&bob).is_empty(), "C10: no report of a report");
    }
}

#[test]
fn a_message_to_many_reaches_the_good_ones() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_2);
    let (bob, carol) = (lab.login("bob", Version::V1_2), lab.login("carol", Version::V1_3));
    lab.ask(
        &mut alice,
        &create_list("wv:alice/l", "<NickList><UserID>wv:bob</UserID><UserID>wv:carol</UserID></NickList>"),
    );
    let mixed = format!(
        "{USER_BOB}<User><UserID>wv:nobody</UserID></User><User><UserID>wv:x@else.where</UserID></User>\
        <ContactList>wv:alice/l</ContactList><ContactList>wv:bob/l</ContactList><Group><GroupID>wv:bob/none</GroupID></Group>"
    );
    let answer = lab.ask(&mut alice, &send(&mixed, "", "hello"));
    assert_eq!(Outcome::read(&answer).unwrap().code.0, 201);
    let codes: Vec<_> = details(&answer).into_iter().map(|(code, items)| (code, items.join(" "))).collect();
    let expected = [(516, "wv:x@else.where"), (531, "wv:nobody"), (700, "wv:bob/l"), (800, "wv:bob/none")];
    assert_eq!(codes, expected.map(|(code, item)| (code, item.to_owned())));
    for client in [&bob, &carol] {
        assert_eq!(lab.receive(client, "NewMessage").child_text("ContentData"), Some("hello"), "once each");
    }
    let answer = lab.ask(&mut alice, &send("<User><UserID>wv:nobody</UserID></User>", "", "hello"));
    assert_eq!((Outcome::read(&answer).unwrap().code.0, answer.child("MessageID")), (900, None));
    // C06: nobody writes in another's name.
    let as_bob = format!("<Sender>{USER_BOB}</Sender>");
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, &as_bob, "x")), 427);
    let as_client = "<Sender><User><UserID>ALICE</UserID><ClientID><URL>WV:desk</URL></ClientID></User></Sender>";
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, as_client, "x")), 428);
    let as_nick =
        "<Sender><Group><ScreenName><SName>A</SName><GroupID>wv:bob/none</GroupID></ScreenName></Group></Sender>";
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, as_nick, "x")), 800);
    // C01: what is missing or cannot be.
    assert_eq!(lab.code(&mut alice, "<SendMessage-Request/>"), 400);
    assert_eq!(
        lab.code(&mut alice, "<SendMessage-Request><DeliveryReport>F</DeliveryReport></SendMessage-Request>"),
        400
    );
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "<Validity>soon</Validity>", "x")), 402);
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "<ContentEncoding>BASE64</ContentEncoding>", "=!=")), 402);
    assert_eq!(lab.code(&mut alice, "<GetList-Request/>"), 200, "and the server goes on");
    // A client sends what only servers send (C02).
    assert_eq!(lab.code(&mut alice, "<NewMessage><MessageInfo/></NewMessage>"), 405);
}

#[test]
fn binary_content_is_base64_in_xml_and_octets_in_wbxml() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    bob.encoding = Encoding::Wbxml;
    let capability = "<ClientCapability-Request><CapabilityList><AnyContent>T</AnyContent></CapabilityList></ClientCapability-Request>";
    let png = "<ContentType>image/png</ContentType><ContentEncoding>BASE64</ContentEncoding>";
    let answer = lab.ask(&mut alice, &send(USER_BOB, png, "iVBORw0KGgoA/w=="));
    assert_eq!(details(&answer), [(415, vec!["wv:bob@example.com".to_owned()])], "text/plain is all that was agreed");
    for client in [&mut alice, &mut bob] {
        lab.ask(client, capability);
    }
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, png, "iVBORw0KGgoA/w==")), 200);
    let message = lab.receive(&bob, "NewMessage");
    let octets = impskit::document::from_base64("iVBORw0KGgoA/w==").unwrap();
    assert_eq!(
        message.child("ContentData"),
        Some(&Element {
            span: message.children[1].span,
            content_span: message.children[1].content_span,
            ..Element::octets("ContentData", octets.clone())
        })
    );
    assert_eq!(message.descend(&["MessageInfo", "ContentSize"]).unwrap().trimmed(), octets.len().to_string());
    // And back: octets in WBXML, base64 in XML.
    let info = Element::new("MessageInfo")
        .with_leaf("ContentType", "image/png")
        .with(Element::new("Recipient").with(Element::new("User").with_leaf("UserID", "wv:alice@example.com")));
    let request = Element::new("SendMessage-Request")
        .with_leaf("DeliveryReport", "F")
        .with(info)
        .with(Element::octets("ContentData", octets));
    let answers = lab.exchange(&bob, Transaction::request("99", request));
    assert_eq!(Outcome::read(&answers[0].primitive).unwrap().code.0, 200);
    let message = lab.receive(&alice, "NewMessage");
    assert_eq!(message.child_text("ContentData"), Some("iVBORw0KGgoA/w=="));
    assert_eq!(message.descend(&["MessageInfo", "ContentEncoding"]).map(Element::trimmed), Some("BASE64"));
}

#[test]
fn messages_are_announced_fetched_rejected_and_forwarded() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_2);
    let mut bob = lab.login("bob", Version::V1_3);
    let carol = lab.login("carol", Version::V1_3);
    let method = "<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod></SetDeliveryMethod-Request>";
    assert_eq!(lab.code(&mut bob, method), 200);
    let mut ids = Vec::new();
    for content in ["one", "two", "three"] {
        let request = send(USER_BOB, "", content).replace("<DeliveryReport>F", "<DeliveryReport>T");
        ids.push(lab.ask(&mut alice, &request).child_text("MessageID").unwrap().to_owned());
        assert!(lab.receive(&bob, "MessageNotification").child("ContentData").is_none());
    }
    let id =
        |primitive: &str, id: &str, more: &str| format!("<{primitive}><MessageID>{id}</MessageID>{more}</{primitive}>");
    let list = lab.ask(&mut bob, "<GetMessageList-Request><MessageCount>2</MessageCount></GetMessageList-Request>");
    assert_eq!(
        (list.child("MessageInfoList").unwrap().children.len(), list.child_text("MessageTotalCount")),
        (2, Some("3"))
    );
    // Fetched, which does not end it, and confirmed, which does.
    let fetched = lab.ask(&mut bob, &id("GetMessage-Request", &ids[0], ""));
    assert_eq!(fetched.child_text("ContentData"), Some("one"));
    assert_eq!(lab.code(&mut bob, &id("MessageDelivered", &ids[0], "")), 200);
    assert_eq!(lab.code(&mut bob, &id("MessageDelivered", &ids[0], "")), 426);
    assert_eq!(lab.code(&mut bob, &id("GetMessage-Request", &ids[0], "")), 426);
    // Another's message is nobody's: C05.
    assert_eq!(lab.code(&mut alice, &id("GetMessage-Request", &ids[1], "")), 426);
    assert_eq!(lab.code(&mut alice, &id("RejectMessage-Request", &ids[1], "")), 900);
    assert_eq!(lab.code(&mut bob, &id("RejectMessage-Request", &ids[1], "")), 200);
    let to_carol = "<Recipient><User><UserID>wv:carol@example.com</UserID></User></Recipient>";
    let to_nobody = "<Recipient><User><UserID>wv:nobody</UserID></User></Recipient>";
    assert_eq!(lab.code(&mut bob, &id("ForwardMessage-Request", &ids[2], to_nobody)), 900);
    let forwarded = lab.ask(&mut bob, &id("ForwardMessage-Request", &ids[2], to_carol));
    assert_eq!(forwarded.name, "ForwardMessage-Response");
    assert_eq!(lab.code(&mut bob, &id("ForwardMessage-Request", &ids[2], to_carol)), 426);
    let message = lab.receive(&carol, "NewMessage");
    assert_eq!(message.child_text("ContentData"), Some("three"));
    assert!(text(&message).contains("<Sender><User><UserID>wv:bob@example.com"), "the caller is the sender");
    let codes: Vec<u16> = lab.poll(&alice).iter().map(|report| Outcome::read(report).unwrap().code.0).collect();
    assert_eq!(codes, [200, 538, 541]);
    assert_eq!(lab.code(&mut bob, "<GetMessageList-Request><GroupID>wv:bob/g</GroupID></GetMessageList-Request>"), 800);
}

#[test]
fn large_content_is_announced_even_under_push() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(
        &mut bob,
        "<ClientCapability-Request><CapabilityList><InitialDeliveryMethod>P</InitialDeliveryMethod>\
         <AcceptedPushLength>10</AcceptedPushLength></CapabilityList></ClientCapability-Request>",
    );
    lab.ask(&mut alice, &send(USER_BOB, "", "0123456789"));
    lab.receive(&bob, "NewMessage");
    lab.ask(&mut alice, &send(USER_BOB, "", "01234567890"));
    lab.receive(&bob, "MessageNotification");
}

#[test]
fn messages_wait_for_their_recipients_within_limits_and_expire() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    for number in 0..5 {
        let request = send(USER_BOB, "<Validity>600</Validity>", &format!("m{number}"));
        assert_eq!(lab.code(&mut alice, &request.replace("<DeliveryReport>F", "<DeliveryReport>T")), 200);
    }
    let answer = lab.ask(&mut alice, &send(USER_BOB, "", "one too many"));
    assert_eq!(details(&answer), [(507, vec!["wv:bob@example.com".to_owned()])], "C09");
    // Alice goes; the report waits for her, the messages for bob.
    lab.ask(&mut alice, "<Logout-Request/>");
    let bob = lab.login("bob", Version::V1_2);
    let contents: Vec<_> = lab.poll(&bob).iter().map(|m| m.child_text("ContentData").unwrap().to_owned()).collect();
    assert_eq!(contents, ["m0", "m1", "m2", "m3", "m4"]);
    let mut alice = lab.login("alice", Version::V1_2);
    let codes = lab.poll(&alice).iter().map(|report| Outcome::read(report).unwrap().code.0).collect::<Vec<_>>();
    assert_eq!(codes, [200; 5]);
    // Nobody comes for the next one.
    let to_carol = "<User><UserID>wv:carol</UserID></User>";
    let request = send(to_carol, "<Validity>60</Validity>", "x").replace("<DeliveryReport>F", "<DeliveryReport>T");
    assert_eq!(lab.code(&mut alice, &request), 200);
    lab.wait(60);
    assert_eq!(Outcome::read(&lab.receive(&alice, "DeliveryReport-Request")).unwrap().code.0, 542);
    let mut carol = lab.login("carol", Version::V1_3);
    assert!(lab.poll(&carol).is_empty());
    // Carol wants nothing while she is away.
    lab.ask(
        &mut carol,
        "<ClientCapability-Request><CapabilityList><OfflineETEMHandling>REJECT</OfflineETEMHandling>\
         </CapabilityList></ClientCapability-Request>",
    );
    lab.ask(&mut carol, "<Logout-Request/>");
    let answer = lab.ask(&mut alice, &send(to_carol, "", "x"));
    assert_eq!(details(&answer), [(533, vec!["wv:carol".to_owned()])]);
}

#[test]
fn the_first_client_that_confirms_ends_a_message() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let (phone, desk) = (lab.login_from("bob", Version::V1_3, "PHONE"), lab.login_from("bob", Version::V1_2, "DESK"));
    lab.ask(&mut alice, &send(USER_BOB, "", "once"));
    lab.receive(&desk, "NewMessage");
    assert!(lab.poll(&phone).is_empty());
    let to_phone = "<User><UserID>wv:bob</UserID><ClientID><URL>wv:phone</URL></ClientID></User>";
    assert_eq!(lab.code(&mut alice, &send(to_phone, "", "to the phone")), 200);
    assert!(lab.poll(&desk).is_empty());
    lab.receive(&phone, "NewMessage");
}

#[test]
fn block_and_grant_lists_decide_in_their_order() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let mut bob = lab.login("bob", version);
        let mut carol = lab.login("carol", version);
        let in_use = |list: &str, on: &str| match version {
            Version::V1_3 => (String::new(), format!("<{list}InUse>{on}</{list}InUse>")),
            _ => (format!("<InUse>{on}</InUse>"), String::new()),
        };
        let change = |list: &str, on: &str, change: &str| {
            let (inside, beside) = in_use(list, on);
            format!("<BlockEntity-Request><{list}>{inside}{change}</{list}>{beside}</BlockEntity-Request>")
        };
        let alice_id = "<UserID>wv:Alice@example.com</UserID>";
        let block = change("BlockList", "T", &format!("<AddList>{alice_id}<UserID>wv:nobody</UserID></AddList>"));
        assert_eq!(details(&lab.ask(&mut bob, &block)), [(531, vec!["wv:nobody".to_owned()])]);
        let answer = lab.ask(&mut alice, &send(USER_BOB, "", "x"));
        assert_eq!(details(&answer), [(532, vec!["wv:bob@example.com".to_owned()])]);
        assert_eq!(lab.code(&mut carol, &send(USER_BOB, "", "x")), 200);
        let list = text(&lab.ask(&mut bob, "<GetBlockedList-Request/>"));
        let blocked = "<EntityList><UserID>wv:alice@example.com</UserID></EntityList>";
        let expected = match version {
            Version::V1_3 => format!(
                "<BlockList>{blocked}</BlockList><BlockListInUse>T</BlockListInUse>\
                <GrantList><EntityList></EntityList></GrantList><GrantListInUse>F</GrantListInUse>"
            ),
            _ => format!(
                "<BlockList><InUse>T</InUse>{blocked}</BlockList>\
                <GrantList><InUse>F</InUse><EntityList></EntityList></GrantList>"
            ),
        };
        assert_eq!(list, format!("<GetBlockedList-Response>{expected}</GetBlockedList-Response>"));
        // A grant list in use that names nobody refuses everybody; the block list goes first.
        assert_eq!(lab.code(&mut bob, &change("GrantList", "T", "")), 200);
        assert_eq!(lab.code(&mut carol, &send(USER_BOB, "", "x")), 900);
        assert_eq!(lab.code(&mut bob, &change("GrantList", "T", &format!("<AddList>{alice_id}</AddList>"))), 200);
        assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "x")), 900);
        assert_eq!(lab.code(&mut bob, &change("BlockList", "T", &format!("<RemoveList>{alice_id}</RemoveList>"))), 200);
        assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "x")), 200);
    }
}

#[test]
fn quotes_and_wildcards_are_letters() {
    // C08, C07: no text changes a statement.
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let evil = "'; DROP TABLE contact; -- \" % _ \\ ' OR '1'='1";
    let list = format!("wv:alice/{}", "l'--%25_");
    assert_eq!(
        lab.code(
            &mut alice,
            &create_list(
                &list,
                &format!("<NickList><NickName><Name>{evil}</Name><UserID>wv:bob</UserID></NickName></NickList>")
            )
        ),
        200
    );
    assert_eq!(lab.code(&mut alice, &update(&status_text(evil))), 200);
    let manage = format!(
        "<ListManage-Request><ContactList>{list}</ContactList><ReceiveList>T</ReceiveList></ListManage-Request>"
    );
    let answer = lab.ask(&mut alice, &manage);
    assert_eq!(answer.descend(&["NickList", "NickName", "Name"]).map(Element::trimmed), Some(evil));
    let own = lab.ask(
        &mut alice,
        "<GetPresence-Request><UserIDList><UserID>alice</UserID></UserIDList><PresenceSubList>\
         <StatusText/></PresenceSubList></GetPresence-Request>",
    );
    assert_eq!(shown(&own), status_text(evil));
    let blocked = format!(
        "<BlockEntity-Request><BlockList><RemoveList><UserID>{evil}</UserID></RemoveList></BlockList></BlockEntity-Request>"
    );
    lab.code(&mut alice, &blocked);
    assert_eq!(lab.code(&mut alice, "<GetList-Request/>"), 200);
}

const CHESS: &str = "<GroupID>wv:alice/chess@example.com</GroupID>";

fn create_group(properties: &str, join: &str) -> String {
    format!(
        "<CreateGroup-Request>{CHESS}<GroupProperties><Property><Name>Name</Name><Value>Chess</Value></Property>{properties}\
        </GroupProperties>{join}<SubscribeNotification>T</SubscribeNotification></CreateGroup-Request>"
    )
}

fn property(name: &str, value: &str) -> String {
    format!("<Property><Name>{name}</Name><Value>{value}</Value></Property>")
}

fn screen(name: &str) -> String {
    format!("<ScreenName><SName>{name}</SName>{CHESS}</ScreenName>")
}

fn join_group(name: &str) -> String {
    format!(
        "<JoinGroup-Request>{CHESS}{}<JoinedRequest>T</JoinedRequest><SubscribeNotification>T</SubscribeNotification>\
        </JoinGroup-Request>",
        screen(name)
    )
}

fn on_group(request: &str, more: &str) -> String {
    format!("<{request}-Request>{CHESS}{more}</{request}-Request>")
}

const JOINED_BY_CREATION: &str = "<JoinGroup>T</JoinGroup><ScreenName><SName>Queen</SName>\
    <GroupID>wv:alice/chess@example.com</GroupID></ScreenName>";

#[test]
fn a_group_is_made_joined_written_to_and_left_in_every_version() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", version), lab.login("bob", version));
        let welcome =
            "<WelcomeNote><ContentType>text/plain</ContentType><ContentData>Welcome.</ContentData></WelcomeNote>";
        assert_eq!(lab.code(&mut alice, &create_group(welcome, JOINED_BY_CREATION)), 200);
        let answer = lab.ask(&mut bob, &join_group("Rook"));
        let expected = match version {
            Version::V1_1 => format!("<UserList>{}{}</UserList>", screen("Queen"), screen("Rook")),
            _ => "<UserMapList><UserMapping><Mapping><SName>Queen</SName></Mapping><Mapping><SName>Rook</SName>\
                  <UserID>wv:bob@example.com</UserID></Mapping></UserMapping></UserMapList>"
                .to_owned(),
        };
        let expected = match version {
            Version::V1_3 => format!("<Joined>{expected}</Joined>{}", screen("Rook")),
            _ => expected,
        };
        assert_eq!(text(&answer), format!("<JoinGroup-Response>{expected}{welcome}</JoinGroup-Response>"));
        assert_eq!(lab.code(&mut bob, &join_group("Rook")), 807);
        let joined = match version {
            Version::V1_1 => format!("<UserList>{}</UserList>", screen("Rook")),
            // Alice is the administrator.
            _ => "<UserMapList><UserMapping><Mapping><SName>Rook</SName><UserID>wv:bob@example.com</UserID></Mapping>\
                  </UserMapping></UserMapList>"
                .to_owned(),
        };
        assert_eq!(
            text(&lab.receive(&alice, "GroupChangeNotice")),
            format!("<GroupChangeNotice>{CHESS}<Joined>{joined}</Joined></GroupChangeNotice>")
        );
        let as_rook = format!("<Sender><Group>{}</Group></Sender>", screen("Rook"));
        let to_group = format!("<Group>{CHESS}</Group>");
        assert_eq!(lab.code(&mut bob, &send(&to_group, &as_rook, "Check \u{265A}")), 200);
        let message = lab.receive(&alice, "NewMessage");
        assert_eq!(message.child_text("ContentData"), Some("Check \u{265A}"));
        let info = message.child("MessageInfo").unwrap();
        assert_eq!(text(info.child("Sender").unwrap()), as_rook);
        assert_eq!(text(info.child("Recipient").unwrap()), format!("<Recipient>{to_group}</Recipient>"));
        assert!(lab.poll(&bob).is_empty(), "the sender gets none");
        assert_eq!(
            text(&lab.ask(&mut bob, &on_group("LeaveGroup", ""))),
            format!(
                "<LeaveGroup-Response>{CHESS}<Result>\
            <Code>200</Code><Description>Successful</Description></Result></LeaveGroup-Response>"
            )
        );
        assert_eq!(
            text(&lab.receive(&alice, "GroupChangeNotice")),
            format!(
                "<GroupChangeNotice>{CHESS}<Left><UserList>{}\
            </UserList></Left></GroupChangeNotice>",
                screen("Rook")
            )
        );
        assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 808);
        assert_eq!(details(&lab.ask(&mut bob, &send(&to_group, "", "x")))[0].0, 808);
        // The end of a session is the end of its being there.
        lab.ask(&mut bob, &join_group("Rook"));
        lab.poll(&alice);
        lab.ask(&mut bob, "<Logout-Request/>");
        assert!(text(&lab.receive(&alice, "GroupChangeNotice")).contains("<Left>"));
        // Deleting it puts everybody out.
        assert_eq!(lab.code(&mut alice, &on_group("DeleteGroup", "")), 200);
        assert_eq!(Outcome::read(&lab.receive(&alice, "LeaveGroup-Response")).unwrap().code.0, 800);
        assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "")), 800);
    }
}

#[test]
fn groups_are_refused_with_the_codes_of_the_table() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let mut carol = lab.login("carol", Version::V1_3);
    let request = create_group("", "<JoinGroup>F</JoinGroup>");
    for id in ["wv:bob/chess@example.com", "wv:/lobby@example.com", "wv:alice@example.com"] {
        assert_eq!(lab.code(&mut alice, &request.replace("wv:alice/chess@example.com", id)), 806, "{id}");
    }
    for (name, value) in
        [("Shoesize", "9"), ("Searchable", "yes"), ("ActiveUsers", "1"), ("AccessType", "Ajar"), ("History", "T")]
    {
        assert_eq!(
            lab.code(&mut alice, &create_group(&property(name, value), "<JoinGroup>F</JoinGroup>")),
            806,
            "{name}"
        );
    }
    let nameless = request
        .replace("<Value>Chess</Value>", "<Value></Value>")
        .replace("</GroupProperties>", &format!("{}</GroupProperties>", property("Searchable", "T")));
    assert_eq!(lab.code(&mut alice, &nameless), 822);
    assert_eq!(
        lab.code(&mut alice, &create_group(&property("MaxActiveUsers", "2"), JOINED_BY_CREATION)),
        200,
        "nothing is left of the refused ones"
    );
    assert_eq!(lab.code(&mut alice, &request), 801);
    assert_eq!(lab.code(&mut alice, &request.replace("/chess", "/go")), 200);
    assert_eq!(lab.code(&mut alice, &request.replace("/chess", "/dice")), 814, "C09");
    assert_eq!(lab.code(&mut bob, &join_group("qUEEN")), 811);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 817);
    // Bob is a guest: C03, C05.
    let members = "<UserList><User><UserID>wv:carol</UserID></User></UserList>";
    for (request, more) in [
        ("DeleteGroup", String::new()),
        ("GetGroupMembers", String::new()),
        ("AddGroupMembers", members.to_owned()),
        ("RemoveGroupMembers", members.to_owned()),
        ("MemberAccess", format!("<Admin>{members}</Admin>")),
        ("RejectList", "<AddList><UserID>wv:alice</UserID></AddList>".to_owned()),
        ("SetGroupProps", format!("<GroupProperties>{}</GroupProperties>", property("Topic", "x"))),
    ] {
        assert_eq!(lab.code(&mut bob, &on_group(request, &more)), 816, "{request}");
        let unknown = on_group(request, &more).replace("/chess", "/none");
        assert_eq!(lab.code(&mut bob, &unknown), 800, "{request}");
    }
    let both = format!(
        "<GroupProperties>{}</GroupProperties><OwnProperties>{}</OwnProperties>",
        property("Topic", "x"),
        property("PrivateMessaging", "F")
    );
    assert_eq!(details(&lab.ask(&mut bob, &on_group("SetGroupProps", &both)))[0].0, 816, "the own ones are set");
    let to = |name: &str| format!("<Group>{}</Group>", screen(name));
    assert_eq!(details(&lab.ask(&mut alice, &send(&to("Rook"), "", "psst")))[0].0, 813);
    assert_eq!(details(&lab.ask(&mut alice, &send(&to("Nobody"), "", "psst")))[0].0, 410);
    let as_rook = format!("<Sender>{}</Sender>", to("Rook"));
    assert_eq!(lab.code(&mut alice, &send(&to("Rook"), &as_rook, "psst")), 810);
    assert_eq!(lab.code(&mut bob, &send(&to("Queen"), "", "psst")), 200);
    let message = lab.poll(&alice).into_iter().find(|m| m.name == "NewMessage").unwrap();
    assert!(text(&message).contains(&format!("<Recipient>{}</Recipient><Sender>{}</Sender>", to("Queen"), to("Rook"))));
    let quiet = format!("<GroupProperties>{}</GroupProperties>", property("PrivateMessaging", "F"));
    assert_eq!(lab.code(&mut alice, &on_group("SetGroupProps", &quiet)), 200);
    assert!(text(&lab.receive(&bob, "GroupChangeNotice")).contains("<Name>PrivateMessaging</Name><Value>F</Value>"));
    assert_eq!(details(&lab.ask(&mut bob, &send(&to("Queen"), "", "psst")))[0].0, 812);
    assert_eq!(lab.code(&mut alice, &format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>")), 821);
    assert_eq!(lab.code(&mut carol, &on_group("SubscribeGroupNotice", "<SubscribeType>S</SubscribeType>")), 808);
    assert_eq!(lab.code(&mut bob, &on_group("SubscribeGroupNotice", "<SubscribeType>U</SubscribeType>")), 200);
    let answer = lab.ask(&mut bob, &on_group("SubscribeGroupNotice", "<SubscribeType>G</SubscribeType>"));
    assert_eq!(answer.child_text("Value"), Some("F"));
    lab.poll(&bob);
    assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "")), 200);
    assert!(lab.poll(&bob).is_empty(), "no notices any more");
}

#[test]
fn members_have_roles_and_the_rejected_stay_out() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let mut carol = lab.login("carol", Version::V1_3);
    lab.ask(&mut alice, &create_group(&property("Accesstype", "restricted"), JOINED_BY_CREATION));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 816, "members only");
    assert_eq!(lab.code(&mut bob, &on_group("GetGroupProps", "")), 816);
    let both = "<UserIDList><UserID>wv:bob</UserID><UserID>wv:nobody</UserID><UserID>wv:carol</UserID></UserIDList>";
    assert_eq!(
        details(&lab.ask(&mut alice, &on_group("AddGroupMembers", both))),
        [(531, vec!["wv:nobody".to_owned()])]
    );
    for (client, name) in [(&mut bob, "Rook"), (&mut carol, "Pawn")] {
        assert_eq!(lab.code(client, &join_group(name)), 200);
    }
    let list = |id: &str| format!("<UserList><User><UserID>{id}</UserID></User></UserList>");
    let access = |class: &str, id: &str| on_group("MemberAccess", &format!("<{class}>{}</{class}>", list(id)));
    assert_eq!(lab.code(&mut alice, &access("Mod", "wv:bob")), 200);
    assert_eq!(
        details(&lab.ask(&mut bob, &access("Admin", "wv:carol")))[0].0,
        816,
        "a moderator makes no administrators"
    );
    assert_eq!(
        details(&lab.ask(&mut bob, &on_group("MemberAccess", &format!("<Users>{}</Users>", list("wv:alice")))))[0].0,
        816
    );
    let members = text(&lab.ask(&mut bob, &on_group("GetGroupMembers", "")));
    let full = |id: &str| list(&format!("wv:{id}@example.com"));
    assert_eq!(
        members,
        format!(
            "<GetGroupMembers-Response><Admin>{}</Admin><Mod>{}</Mod><Users>{}</Users></GetGroupMembers-Response>",
            full("alice"),
            full("bob"),
            full("carol")
        )
    );
    let mapping = |class: &str, name: &str, id: &str| {
        format!(
            "<{class}Mapping><Mapping><SName>{name}</SName>\
        <UserID>wv:{id}@example.com</UserID></Mapping></{class}Mapping>"
        )
    };
    assert_eq!(
        text(&lab.ask(&mut bob, &on_group("GetJoinedUsers", ""))),
        format!(
            "<GetJoinedUsers-Response><AdminMapList>{}{}{}\
        </AdminMapList></GetJoinedUsers-Response>",
            mapping("Admin", "Queen", "alice"),
            mapping("Mod", "Rook", "bob"),
            mapping("User", "Pawn", "carol")
        )
    );
    let seen = text(&lab.ask(&mut carol, &on_group("GetJoinedUsers", "")));
    assert!(seen.contains("<Mapping><SName>Rook</SName></Mapping>"), "{seen}");
    let own = text(&lab.ask(&mut bob, &on_group("GetGroupProps", "")));
    assert!(
        own.contains("<Name>Accesstype</Name><Value>Restricted</Value>")
            && own.contains("<Name>ActiveUsers</Name><Value>3</Value>"),
        "{own}"
    );
    assert!(
        own.contains("<Name>PrivilegeLevel</Name><Value>Mod</Value>")
            && own.contains("<Name>IsMember</Name><Value>T</Value>"),
        "{own}"
    );
    for client in [&alice, &bob, &carol] {
        lab.poll(client);
    }
    // Carol is put out and told why; the others are told in the way of their version.
    let reject = on_group("RejectList", "<AddList><UserID>wv:carol</UserID><UserID>wv:alice</UserID></AddList>");
    assert_eq!(
        details(&lab.ask(&mut bob, &reject)),
        [(816, vec!["wv:alice".to_owned()])],
        "the owner cannot be rejected"
    );
    assert_eq!(Outcome::read(&lab.receive(&carol, "LeaveGroup-Response")).unwrap().code.0, 809);
    assert!(
        text(&lab.receive(&alice, "GroupChangeNotice")).contains(&format!("<LeftBlocked><UserList>{}", screen("Pawn")))
    );
    assert!(text(&lab.receive(&bob, "GroupChangeNotice")).contains("<Left><UserList>"));
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 809);
    assert!(text(&lab.receive(&alice, "GroupChangeNotice")).contains("<JoinedBlocked>"));
    let rejected = text(&lab.ask(&mut alice, &on_group("RejectList", "")));
    assert_eq!(rejected, format!("<RejectList-Response>{}</RejectList-Response>", full("carol")));
    let lift = on_group("RejectList", "<RemoveList><UserID>wv:carol</UserID></RemoveList>");
    assert_eq!(lab.ask(&mut alice, &lift).name, "Status", "the list is empty");
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 200);
    lab.poll(&carol);
    assert_eq!(
        lab.code(&mut alice, &on_group("RemoveGroupMembers", "<UserIDList><UserID>wv:carol</UserID></UserIDList>")),
        200
    );
    assert_eq!(Outcome::read(&lab.receive(&carol, "LeaveGroup-Response")).unwrap().code.0, 809);
    assert_eq!(
        details(
            &lab.ask(&mut alice, &on_group("RemoveGroupMembers", "<UserIDList><UserID>wv:carol</UserID></UserIDList>"))
        )[0]
        .0,
        810
    );
}

#[test]
fn groups_come_and_go_by_themselves() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(
        &mut alice,
        &create_group(&format!("{}{}", property("AutoDelete", "T"), property("Validity", "600")), JOINED_BY_CREATION),
    );
    // Joined at login, told by a notice only.
    let auto = format!("<OwnProperties>{}</OwnProperties>", property("AutoJoin", "T"));
    assert_eq!(lab.code(&mut alice, &on_group("SetGroupProps", &auto)), 200);
    lab.ask(&mut bob, &join_group("Rook"));
    lab.ask(&mut alice, "<Logout-Request/>");
    let mut alice = lab.login("alice", Version::V1_2);
    let notice = text(&lab.receive(&alice, "GroupChangeNotice"));
    assert!(notice.contains("<Mapping><SName>Queen</SName>"), "{notice}");
    // The group's time is over.
    lab.wait(600);
    lab.poll(&alice);
    assert!(lab.poll(&bob).iter().any(|m| Outcome::read(m).is_some_and(|o| o.code.0 == 800)));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 800);
    // The last one closes the door.
    lab.ask(&mut alice, &create_group(&property("AutoDelete", "T"), JOINED_BY_CREATION));
    lab.ask(&mut alice, &on_group("LeaveGroup", ""));
    assert_eq!(lab.code(&mut alice, &on_group("GetGroupProps", "")), 800);
}

#[test]
fn delivery_and_blocking_within_groups() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    lab.ask(&mut alice, &create_group("", JOINED_BY_CREATION));
    lab.ask(&mut bob, &join_group("Rook"));
    lab.poll(&alice);
    let method =
        format!("<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod>{CHESS}</SetDeliveryMethod-Request>");
    assert_eq!(lab.code(&mut bob, &method), 200);
    let to_group = send(&format!("<Group>{CHESS}</Group>"), "", "x");
    lab.ask(&mut alice, &to_group);
    lab.receive(&bob, "MessageNotification");
    lab.ask(&mut alice, &send(USER_BOB, "", "in person"));
    lab.receive(&bob, "NewMessage");
    let block = format!(
        "<BlockEntity-Request><BlockList><AddList>{}</AddList></BlockList><BlockListInUse>T</BlockListInUse>\
        </BlockEntity-Request>",
        screen("Queen")
    );
    assert_eq!(lab.code(&mut bob, &block), 200);
    assert_eq!(lab.code(&mut alice, &to_group), 200);
    assert!(lab.poll(&bob).is_empty(), "nothing of a blocked screen name");
    assert_eq!(details(&lab.ask(&mut alice, &send(&format!("<Group>{}</Group>", screen("Rook")), "", "x")))[0].0, 532);
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "in person")), 200);
}

/// Returns the requests of clients among the sample messages of a version.
fn sample_requests(version: Version) -> Vec<Element<'static>> {
    let folder = format!("{}/tests/samples/csp/{}", env!("CARGO_MANIFEST_DIR"), version.as_str());
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    let mut requests = Vec::new();
    for path in paths {
        let Ok((Body::Message(message), _)) = wire::read(&std::fs::read(&path).unwrap(), &wire::LIMITS) else {
            continue;
        };
        requests.extend(message.transactions.into_iter().map(|t| t.primitive).filter(|primitive| {
            let row = Primitive::find(version, &primitive.name);
            let is_asked = row.is_some_and(|row| row.is_from_client() && row.may_open() && !row.functions.is_empty());
            is_asked && !["Search-Request", "StopSearch-Request"].contains(&primitive.name.as_ref())
        }));
    }
    requests
}

/// Returns the tree without one element, for each element below the root, and with each twice.
fn mutations(root: &Element<'static>) -> Vec<Element<'static>> {
    let mut all = Vec::new();
    for (index, child) in root.children.iter().enumerate() {
        let mut without = root.clone();
        without.children.remove(index);
        let mut twice = root.clone();
        twice.children.insert(index, child.clone());
        all.extend([without, twice]);
        for mutated in mutations(child) {
            let mut changed = root.clone();
            changed.children[index] = mutated;
            all.push(changed);
        }
    }
    all
}

#[test]
fn damaged_requests_are_answered_by_the_table() {
    // C01: each request empty, with each child missing, with each twice, with the children of another.
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let bob = lab.login("bob", Version::V1_2);
        lab.ask(&mut alice, &create_list("wv:alice/friends", "<NickList><UserID>wv:bob</UserID></NickList>"));
        lab.ask(&mut alice, &create_group("", JOINED_BY_CREATION));
        let requests = sample_requests(version);
        assert!(requests.len() > if version == Version::V1_1 { 1 } else { 20 });
        let mut asked = 0;
        let mut ask = |request: Element<'static>| {
            alice.last_id += 1;
            let id = alice.last_id.to_string();
            let name = request.name.clone();
            let answers = lab.exchange(&alice, Transaction::request(id, request));
            let code = Outcome::read(&answers[0].primitive).map_or(200, |outcome| outcome.code.0);
            assert!(![500, 600, 604].contains(&code), "{name}: {code}");
            asked += 1;
            // Quotas are tested elsewhere.
            lab.poll(&bob);
            lab.poll(&alice);
            code
        };
        for (index, request) in requests.iter().enumerate() {
            let grammar = (version.vocabulary().grammar)();
            let code = ask(Element::new(request.name.clone()));
            let is_faulty = impskit::csp::fault(&Element::new(request.name.clone()), version).is_some();
            assert!(!is_faulty || code == 400, "{} without children: {code}", request.name);
            assert!(grammar.declaration(&request.name, "transaction").is_some());
            for mutated in mutations(request) {
                ask(mutated);
            }
            let other = &requests[(index + 1) % requests.len()];
            ask(Element::new(request.name.clone()).with_all(other.children.iter().cloned()));
        }
        assert!(asked > 2 * requests.len());
        assert_eq!(lab.code(&mut alice, "<GetList-Request/>"), 200);
    }
}

#[test]
fn what_cannot_be_written_does_not_poison_an_outbox() {
    // C04: control characters can be said in WBXML and not in XML.
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<StatusText/><Alias/>"));
    lab.ask(&mut alice, &subscribe(USER_BOB, "<StatusText/><Alias/>"));
    lab.poll(&alice);
    bob.encoding = Encoding::Wbxml;
    let value = Element::new("StatusText").with_leaf("Qualifier", "T").with_leaf("PresenceValue", "a\u{1}b\u{FFFE}");
    let request = Element::new("UpdatePresence-Request").with(Element::new("PresenceSubList").with(value));
    let answers = lab.exchange(&bob, Transaction::request("77", request));
    assert_eq!(Outcome::read(&answers[0].primitive).unwrap().code.0, 402, "no text (data types, section 1)");
    let content = Element::octets("ContentData", b"bell \x07".to_vec());
    let recipient = Element::new("Recipient").with(Element::new("User").with_leaf("UserID", "wv:alice"));
    let request = Element::new("SendMessage-Request")
        .with_leaf("DeliveryReport", "F")
        .with(Element::new("MessageInfo").with(recipient))
        .with(content);
    let answers = lab.exchange(&bob, Transaction::request("78", request));
    assert_eq!(Outcome::read(&answers[0].primitive).unwrap().code.0, 200);
    lab.ask(&mut bob, &update("<Alias><Qualifier>T</Qualifier><PresenceValue>Bob</PresenceValue></Alias>"));
    let received = lab.poll(&alice);
    let message = received.iter().find(|primitive| primitive.name == "NewMessage").unwrap();
    assert_eq!(message.child_text("ContentData"), Some("YmVsbCAH"), "base64 of the very octets");
    assert!(text(received.last().unwrap()).contains("<PresenceValue>Bob</PresenceValue>"), "what comes behind arrives");
}

#[test]
fn no_statement_is_built_from_text() {
    // C08: every statement of the store is a constant; the one line that is not writes our own schema.
    let folder = format!("{}/src/server", env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![std::path::PathBuf::from(folder)];
    let mut built = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let words = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA "];
                let is_built = |line: &&str| line.contains("format!(") && words.iter().any(|word| line.contains(word));
                built.extend(source.lines().filter(is_built).map(|line| line.trim().to_owned()));
                assert!(!source.contains("push_str(\" WHERE"), "{}", path.display());
            }
        }
    }
    assert!(built.iter().all(|line| line.contains("{schema}")), "{built:?}");
}

#[test]
fn terms_agreed_later_hold_for_what_waits() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    for content in ["one", "two"] {
        assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", content)), 200);
    }
    let mut bob = lab.login("bob", Version::V1_2);
    let capabilities = "<ClientCapability-Request><CapabilityList><ClientType>MOBILE_PHONE</ClientType>\
        <InitialDeliveryMethod>N</InitialDeliveryMethod><AcceptedContentLength>1000</AcceptedContentLength>\
        <SupportedBearer>HTTP</SupportedBearer><MultiTrans>1</MultiTrans><ParserSize>10000</ParserSize></CapabilityList>\
        </ClientCapability-Request>";
    assert_eq!(lab.ask(&mut bob, capabilities).name, "ClientCapability-Response");
    let names: Vec<_> = lab.poll(&bob).iter().map(|primitive| primitive.name.to_string()).collect();
    assert_eq!(names, ["MessageNotification", "MessageNotification"]);
    lab.ask(&mut bob, &grant(Version::V1_2, &[], true, "<ClientInfo/>"));
    let info = lab
        .ask(&mut alice, "<GetPresence-Request><UserIDList><UserID>wv:bob</UserID></UserIDList></GetPresence-Request>");
    assert!(shown(&info).contains("<ClientType>MOBILE_PHONE</ClientType>"));
}

#[test]
fn quotas_have_their_codes() {
    // C09, beside those of contact lists, groups and messages.
    let mut lab = Lab::new();
    for user in ["d", "e", "f"] {
        lab.engine.store().add_user(&format!("wv:{user}@example.com"), "-", Timestamp::from_seconds(0)).unwrap();
    }
    let mut alice = lab.login("alice", Version::V1_3);
    let users = |names: &[&str]| -> String {
        names.iter().map(|name| format!("<User><UserID>wv:{name}</UserID></User>")).collect()
    };
    assert_eq!(lab.code(&mut alice, &subscribe(&users(&["bob", "carol", "d", "e"]), "")), 200);
    assert_eq!(lab.code(&mut alice, &subscribe(&users(&["bob", "carol"]), "<Alias/>")), 200, "no new ones");
    assert_eq!(lab.code(&mut alice, &subscribe(&users(&["f"]), "")), 503);
    let block = |name: &str| {
        format!(
            "<BlockEntity-Request><BlockList><AddList><UserID>wv:{name}</UserID></AddList></BlockList></BlockEntity-Request>"
        )
    };
    for name in ["bob", "carol", "d"] {
        assert_eq!(lab.code(&mut alice, &block(name)), 200);
    }
    assert_eq!(details(&lab.ask(&mut alice, &block("e")))[0].0, 503);
    assert_eq!(lab.code(&mut alice, &block("d")), 200, "one that is on it already");
}

#[test]
fn added_contacts_may_be_let_in_at_once() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut alice, &create_list("wv:alice/l", ""));
    lab.ask(
        &mut alice,
        "<CreateAttributeList-Request><PresenceSubList><OnlineStatus/></PresenceSubList><ContactListIDList>\
        <ContactList>wv:alice/l</ContactList></ContactListIDList></CreateAttributeList-Request>",
    );
    lab.ask(&mut alice, "<BlockEntity-Request><GrantListInUse>T</GrantListInUse></BlockEntity-Request>");
    lab.ask(&mut bob, &subscribe("<User><UserID>wv:alice</UserID></User>", "<OnlineStatus/>"));
    let to_alice = send("<User><UserID>wv:alice</UserID></User>", "", "x");
    assert_eq!(lab.code(&mut bob, &to_alice), 900);
    assert_eq!(
        lab.code(
            &mut alice,
            "<ListManage-Request><ContactList>wv:alice/l</ContactList><AddNickList><UserID>wv:bob</UserID>\
        </AddNickList><AuthorizeAndGrant>T</AuthorizeAndGrant></ListManage-Request>"
        ),
        200
    );
    lab.receive(&bob, "PresenceNotification-Request");
    assert_eq!(lab.code(&mut bob, &to_alice), 200);
}
