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
