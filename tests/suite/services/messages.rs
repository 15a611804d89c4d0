//! Messages, block and grant lists: M1 to M11.

use super::groups::{on_group, property};
use super::*;

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
    assert_eq!(lab.code(&mut alice, &send("", "", "x")), 400, "to nobody");
    // A client sends what only servers send (C02).
    assert_eq!(lab.code(&mut alice, "<NewMessage><MessageInfo/></NewMessage>"), 405);
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
fn a_restart_forgets_sessions_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let mut store = Store::open(&path).unwrap();
    for user in ["alice", "bob", "carol"] {
        store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
    }
    let mut lab = Lab::with("example.com", store);
    let mut alice = lab.login("alice", Version::V1_3);
    lab.ask(&mut alice, &create_group("", JOINED_BY_CREATION));
    lab.ask(&mut alice, &grant(Version::V1_3, &[], true, "<OnlineStatus/><StatusText/>"));
    lab.ask(&mut alice, &update(&status_text("still here")));
    lab.ask(&mut alice, &send(USER_BOB, "", "kept"));
    let mut watcher = lab.login_from("bob", Version::V1_2, "watch");
    let watch = "<SubscribePresence-Request><User><UserID>wv:alice</UserID></User></SubscribePresence-Request>";
    assert_eq!(lab.code(&mut watcher, watch), 200);
    let mut carol = lab.login("carol", Version::V1_3);
    lab.ask(&mut carol, &join_group("Rook"));
    let auto = format!("<OwnProperties>{}</OwnProperties>", property("AutoJoin", "T"));
    assert_eq!(lab.code(&mut carol, &on_group("SetGroupProps", &auto)), 200);
    drop(lab);
    let mut lab = Lab::with("example.com", Store::open(&path).unwrap());
    assert_eq!(lab.code(&mut alice, "<GetList-Request/>"), 604);
    let mut bob = lab.login("bob", Version::V1_3);
    assert_eq!(lab.receive(&bob, "NewMessage").child_text("ContentData"), Some("kept"));
    let get = "<GetPresence-Request><UserIDList><UserID>wv:alice</UserID></UserIDList></GetPresence-Request>";
    let seen = shown(&lab.ask(&mut bob, get));
    assert!(seen.contains("<PresenceValue>F</PresenceValue>") && seen.contains("still here"), "{seen}");
    let answer = text(&lab.ask(&mut bob, &join_group("Queen")));
    assert!(answer.contains("<SName>Queen</SName><UserID>wv:bob@example.com</UserID>"), "nobody is in it: {answer}");
    let mut alice = lab.login("alice", Version::V1_3);
    let watchers = "<GetWatcherList-Request><HistoryPeriod>600</HistoryPeriod></GetWatcherList-Request>";
    let watchers = text(&lab.ask(&mut alice, watchers));
    assert!(watchers.contains("<WatcherStatus>FORMER_SUBSCRIBER</WatcherStatus>"), "{watchers}");
    let carol = lab.login("carol", Version::V1_3);
    let notice = text(&lab.receive(&carol, "GroupChangeNotice"));
    assert!(notice.contains("<SName>Rook</SName>"), "by the name of last time: {notice}");
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
fn senders_and_watchers_have_friendly_names_from_1_3_on() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let carol = lab.login("carol", Version::V1_2);
    lab.ask(
        &mut alice,
        "<UpdatePublicProfile-Request><PublicProfile><Property><Name>PP_FRIENDLY_NAME</Name><Value>Al</Value>\
         </Property></PublicProfile></UpdatePublicProfile-Request>",
    );
    lab.ask(&mut alice, &send(&format!("{USER_BOB}<User><UserID>wv:carol</UserID></User>"), "", "x"));
    let name = |message: &Element<'_>| {
        let user = message.descend(&["MessageInfo", "Sender", "User"]);
        user.and_then(|user| user.child_text("FriendlyName")).map(str::to_owned)
    };
    assert_eq!(name(&lab.receive(&bob, "NewMessage")).as_deref(), Some("Al"));
    assert_eq!(name(&lab.receive(&carol, "NewMessage")), None);
    lab.ask(&mut alice, &subscribe(USER_BOB, "<Alias/>"));
    let watchers = lab.ask(&mut bob, "<GetWatcherList-Request/>");
    assert_eq!(watchers.descend(&["Watcher", "FriendlyName"]).map(Element::trimmed), Some("Al"));
}

#[test]
fn an_application_is_written_to_and_blocked_by_its_name() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let mut game =
        Client { user: "bob", version: Version::V1_3, encoding: Encoding::Xml, session: String::new(), last_id: 0 };
    let login = "<Login-Request><UserID>wv:bob</UserID><ApplicationID>Chess</ApplicationID><Password>secret</Password>\
                 <SessionCookie>c</SessionCookie></Login-Request>";
    let answer = lab.ask(&mut game, login);
    game.session = answer.child_text("SessionID").unwrap().to_owned();
    let to = "<User><UserID>wv:bob</UserID><ApplicationID>chess</ApplicationID></User>";
    assert_eq!(lab.code(&mut alice, &send(to, "", "e4")), 200);
    assert!(lab.poll(&bob).is_empty());
    assert_eq!(lab.receive(&game, "NewMessage").child_text("ContentData"), Some("e4"));
    let block = "<BlockEntity-Request><BlockList><AddList><ApplicationID>Chess</ApplicationID></AddList></BlockList>\
                 <BlockListInUse>T</BlockListInUse></BlockEntity-Request>";
    assert_eq!(lab.code(&mut alice, block), 200);
    let to_alice = "<User><UserID>wv:alice</UserID></User>";
    assert_eq!(details(&lab.ask(&mut game, &send(to_alice, "", "e5")))[0].0, 532);
    assert_eq!(lab.code(&mut bob, &send(to_alice, "", "hello")), 200, "with a client the same user may write");
}

#[test]
fn c05_messages_of_others_are_nobodys() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", version), lab.login("bob", version));
        let id = lab.ask(&mut alice, &send("<User><UserID>wv:carol</UserID></User>", "", "for carol"));
        let id = id.child_text("MessageID").unwrap().to_owned();
        let to_bob = "<Recipient><User><UserID>wv:bob</UserID></User></Recipient>";
        for thief in [&mut alice, &mut bob] {
            for request in [
                format!("<GetMessage-Request><MessageID>{id}</MessageID></GetMessage-Request>"),
                format!("<MessageDelivered><MessageID>{id}</MessageID></MessageDelivered>"),
                format!("<ForwardMessage-Request><MessageID>{id}</MessageID>{to_bob}</ForwardMessage-Request>"),
            ] {
                assert_eq!(lab.code(thief, &request), 426, "{request}");
            }
            let reject = format!("<RejectMessage-Request><MessageID>{id}</MessageID></RejectMessage-Request>");
            // 1.1 has no place for what failed.
            let named = if version == Version::V1_1 { vec![] } else { vec![id.clone()] };
            assert_eq!(details(&lab.ask(thief, &reject)), [(426, named)]);
            let list = text(&lab.ask(thief, "<GetMessageList-Request/>"));
            assert!(!list.contains(&id), "{list}");
        }
        let carol = lab.login("carol", version);
        assert_eq!(lab.receive(&carol, "NewMessage").child_text("ContentData"), Some("for carol"));
    }
}

#[test]
fn c06_nobody_writes_in_anothers_name() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let bob = lab.login("bob", Version::V1_3);
    for (sender, code) in [
        ("<User><UserID>wv:bob</UserID></User>", 427),
        ("<User><UserID>wv:nobody</UserID></User>", 427),
        ("<User><UserID>not an address@</UserID></User>", 427),
        ("<User><UserID>wv:alice</UserID><ClientID><URL>WV:desk</URL></ClientID></User>", 428),
        ("<User><UserID>wv:alice</UserID><ApplicationID>chess</ApplicationID></User>", 450),
        ("<Group><ScreenName><SName>A</SName><GroupID>wv:bob/none</GroupID></ScreenName></Group>", 800),
    ] {
        assert_eq!(lab.code(&mut alice, &send(USER_BOB, &format!("<Sender>{sender}</Sender>"), "x")), code, "{sender}");
    }
    assert!(lab.poll(&bob).is_empty());
    for sender in [
        "",
        "<Sender><User><UserID/></User></Sender>",
        "<Sender><User><UserID>WV:ALICE@EXAMPLE.COM</UserID><ClientID><URL>wv:PHONE</URL></ClientID></User></Sender>",
    ] {
        assert_eq!(lab.code(&mut alice, &send(USER_BOB, sender, "x")), 200, "{sender}");
        let shown = lab.receive(&bob, "NewMessage");
        let shown = text(shown.descend(&["MessageInfo", "Sender"]).unwrap());
        assert_eq!(shown, "<Sender><User><UserID>wv:alice@example.com</UserID></User></Sender>");
    }
}

#[test]
fn c09_messages_and_lists_of_those_who_may_write_have_an_end() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    for number in 0..20 {
        let code = Outcome::read(&lab.ask(&mut alice, &send(USER_BOB, "", "x"))).unwrap().code.0;
        assert_eq!(code, if number < 5 { 200 } else { 900 });
    }
    let add = |name: &str| {
        format!(
            "<BlockEntity-Request><BlockList><AddList><ApplicationID>{name}</ApplicationID></AddList></BlockList></BlockEntity-Request>"
        )
    };
    assert_eq!(["a", "b", "c", "c", "d"].map(|name| lab.code(&mut alice, &add(name))), [200, 200, 200, 200, 900]);
    // Those whose queue is full may still read, and take again what they have read.
    let mut bob = lab.login("bob", Version::V1_3);
    assert_eq!(lab.poll(&bob).len(), 5);
    assert_eq!(lab.code(&mut alice, &send(USER_BOB, "", "x")), 200);
    assert_eq!(lab.code(&mut bob, "<GetMessageList-Request/>"), 200);
}

#[test]
fn c10_nothing_goes_round_in_circles() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    // A message to oneself, forwarded to oneself: each time one message, and none is left in the end.
    let method = "<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod></SetDeliveryMethod-Request>";
    lab.ask(&mut alice, method);
    let to_alice = "<User><UserID>wv:alice</UserID></User>";
    let request = send(to_alice, "<Validity>600</Validity>", "round").replace("<DeliveryReport>F", "<DeliveryReport>T");
    assert_eq!(lab.code(&mut alice, &request), 200);
    for _ in 0..3 {
        let told = lab.poll(&alice);
        let id = told.iter().find(|p| p.name == "MessageNotification").unwrap();
        let id = id.descend(&["MessageInfo", "MessageID"]).unwrap().trimmed().to_owned();
        let forward = format!(
            "<ForwardMessage-Request><MessageID>{id}</MessageID><Recipient>{to_alice}</Recipient></ForwardMessage-Request>"
        );
        assert_eq!(lab.code(&mut alice, &forward), 200);
    }
    let names: Vec<String> = lab.poll(&alice).iter().map(|p| p.name.to_string()).collect();
    assert_eq!(names, ["MessageNotification"], "reports are asked of the first one only, and came before");
    lab.wait(601);
    assert!(text(&lab.ask(&mut alice, "<GetMessageList-Request/>")).contains("<MessageTotalCount>0<"));
    // A list on a list, a group on a list, a list of somebody else's as recipient.
    lab.ask(&mut alice, &create_list("wv:alice/l", ""));
    let add = "<ListManage-Request><ContactList>wv:alice/l</ContactList><AddNickList><UserID>wv:alice/l</UserID>\
               <UserID>wv:/lobby</UserID></AddNickList><ReceiveList>F</ReceiveList></ListManage-Request>";
    assert_eq!(details(&lab.ask(&mut alice, add)), [(901, vec!["wv:alice/l".to_owned(), "wv:/lobby".to_owned()])]);
}
