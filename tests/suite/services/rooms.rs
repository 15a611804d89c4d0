//! Groups, what is not said by scripts: history, notices by version, welcome notes, groups of the provider, limits.

use super::groups::{on_group, property};
use super::*;
use impskit::server::Features;

fn to_group() -> String {
    format!("<Group>{CHESS}</Group>")
}

fn own(name: &str, value: &str) -> String {
    on_group("SetGroupProps", &format!("<OwnProperties>{}</OwnProperties>", property(name, value)))
}

fn set(name: &str, value: &str) -> String {
    on_group("SetGroupProps", &format!("<GroupProperties>{}</GroupProperties>", property(name, value)))
}

/// Returns a server set up so, with those users.
fn server(configuration: Configuration, users: &[&str]) -> Lab {
    let mut store = Store::in_memory().unwrap();
    for user in users {
        store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
    }
    let configuration = Configuration { domain: "example.com".into(), ..configuration };
    Lab { engine: Engine::open(configuration, store, Random::new([7; 32])), now: 1_700_000_000 }
}

#[test]
fn what_is_said_is_kept_for_those_who_come_later() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", version));
        assert_eq!(lab.code(&mut alice, &create_group(&property("History", "2"), JOINED_BY_CREATION)), 200);
        for word in ["one", "two", "three"] {
            assert_eq!(lab.code(&mut alice, &send(&to_group(), "", word)), 200);
        }
        let list = format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>");
        assert_eq!(lab.code(&mut bob, &list), 808, "for those who are in it");
        assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
        let answer = lab.ask(&mut bob, &list);
        let infos: Vec<_> = answer.child("MessageInfoList").unwrap_or(&answer).children_named("MessageInfo").collect();
        assert_eq!(infos.len(), 2, "the newest two: {answer:?}");
        assert_eq!(
            text(infos[0].child("Sender").unwrap()),
            format!("<Sender><Group>{}</Group></Sender>", screen("Queen"))
        );
        let mut words = Vec::new();
        for info in &infos {
            let id = info.child_text("MessageID").unwrap();
            let got =
                lab.ask(&mut bob, &format!("<GetMessage-Request><MessageID>{id}</MessageID></GetMessage-Request>"));
            words.push(got.child_text("ContentData").unwrap().to_owned());
            assert_eq!(
                lab.code(&mut bob, &format!("<MessageDelivered><MessageID>{id}</MessageID></MessageDelivered>")),
                200
            );
        }
        assert_eq!(words, ["two", "three"]);
        let newest = list.replace("</GetM", "<MessageCount>1</MessageCount></GetM");
        let answer = lab.ask(&mut bob, &newest);
        let list_of = answer.child("MessageInfoList").unwrap_or(&answer);
        assert_eq!(list_of.child("MessageInfo").unwrap().child_text("MessageID"), infos[1].child_text("MessageID"));
        if version == Version::V1_3 {
            assert_eq!(answer.child_text("MessageTotalCount"), Some("2"));
        }
        // Nobody reads it from outside, and nobody when it is switched off.
        let id = infos[1].child_text("MessageID").unwrap();
        let get = format!("<GetMessage-Request><MessageID>{id}</MessageID></GetMessage-Request>");
        assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 200);
        assert_eq!(lab.code(&mut bob, &get), 426, "C05");
        assert_eq!(lab.code(&mut alice, &set("History", "F")), 200);
        assert_eq!(lab.code(&mut alice, &list), 821);
        assert_eq!(lab.code(&mut alice, &get), 426);
    }
}

#[test]
fn a_history_holds_what_was_said_to_all_and_that_once() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    assert_eq!(lab.code(&mut alice, &create_group(&property("History", "9"), JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Knight")), 200);
    let whole = format!("<Group>{CHESS}</Group>");
    assert_eq!(lab.code(&mut alice, &send(&whole.repeat(2), "", "to all")), 200);
    // One that names the group beside the screen name is a private message.
    let private = format!("<Group>{}{CHESS}</Group>", screen("Knight"));
    assert_eq!(lab.code(&mut alice, &send(&private, "", "to one")), 200);
    let received = lab.poll(&bob);
    let said = received.iter().filter(|told| told.name == "NewMessage").map(|told| told.child_text("ContentData"));
    assert_eq!(said.collect::<Vec<_>>(), [Some("to all"), Some("to one")]);
    let list = lab.ask(&mut bob, &format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>"));
    assert_eq!(list.child_text("MessageTotalCount"), Some("1"));
}

#[test]
fn a_history_holds_so_many_octets_and_no_more() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    assert_eq!(lab.code(&mut alice, &create_group(&property("History", "200"), JOINED_BY_CREATION)), 200);
    let long = "x".repeat(200 << 10);
    for _ in 0..7 {
        assert_eq!(lab.code(&mut alice, &send(&to_group(), "", &long)), 200);
    }
    let answer = lab.ask(&mut alice, &format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>"));
    assert_eq!(answer.child_text("MessageTotalCount"), Some("5"), "a mebibyte");
}

#[test]
fn changes_are_told_in_the_version_of_who_is_told() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let mut alice = lab.login("alice", Version::V1_3);
    let (mut bob, mut carol) = (lab.login("bob", Version::V1_2), lab.login("carol", Version::V1_1));
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 200);
    lab.poll(&bob);
    let told = |properties: &str| {
        format!("<GroupChangeNotice>{CHESS}<GroupProperties>{properties}</GroupProperties></GroupChangeNotice>")
    };
    assert_eq!(lab.code(&mut alice, &set("AccessType", "Restricted")), 200);
    for client in [&bob, &carol] {
        let notice = text(&lab.receive(client, "GroupChangeNotice"));
        assert_eq!(notice, told(&property("Accesstype", "Restricted")), "as it is spelt there, and no more");
    }
    // 1.1 has no such property.
    assert_eq!(lab.code(&mut alice, &set("AutoDelete", "T")), 200);
    assert_eq!(text(&lab.receive(&bob, "GroupChangeNotice")), told(&property("AutoDelete", "T")));
    assert_eq!(lab.poll(&carol), []);
    assert_eq!(lab.code(&mut alice, &set("Shoesize", "9")), 806);
}

#[test]
fn own_properties_are_told_to_ones_other_clients() {
    let mut lab = Lab::new();
    let (mut phone, mut desk) = (lab.login("alice", Version::V1_3), lab.login_from("alice", Version::V1_2, "desk"));
    let mut bob = lab.login("bob", Version::V1_3);
    assert_eq!(lab.code(&mut phone, &create_group("", JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut desk, &join_group("Queen")), 200, "the same user");
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    for client in [&phone, &desk, &bob] {
        lab.poll(client);
    }
    assert_eq!(lab.code(&mut phone, &own("PrivateMessaging", "F")), 200);
    let notice = text(&lab.receive(&desk, "GroupChangeNotice"));
    assert!(notice.contains("<OwnProperties>") && notice.contains(&property("PrivateMessaging", "F")), "{notice}");
    assert!(notice.contains(&property("PrivilegeLevel", "Admin")), "{notice}");
    assert_eq!((lab.poll(&phone), lab.poll(&bob)), (vec![], vec![]));
    for name in ["IsMember", "PrivilegeLevel", "Shoesize", "ScreenName"] {
        assert_eq!(lab.code(&mut bob, &own(name, "T")), 806, "{name}");
    }
}

#[test]
fn a_welcome_note_is_read_in_every_syntax() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let note = |kind: &str, encoding: &str, data: &str| {
        format!(
            "<WelcomeNote><ContentType>{kind}</ContentType><ContentEncoding>{encoding}</ContentEncoding>\
             <ContentData>{data}</ContentData></WelcomeNote>"
        )
    };
    let wrong = [("BASE64", "!!".to_owned(), 806), ("Rot13", "x".to_owned(), 402), ("None", "x".repeat(9 << 10), 806)];
    for (encoding, data, code) in wrong {
        let request = create_group(&note("text/plain", encoding, &data), JOINED_BY_CREATION);
        assert_eq!(lab.code(&mut alice, &request), code, "{encoding}");
    }
    // A text in base64 is a text.
    for (kind, data, told) in [("text/plain", "SMOp", "H\u{E9}"), ("image/gif", "R0lGAP8=", "R0lGAP8=")] {
        assert_eq!(lab.code(&mut alice, &create_group(&note(kind, "BASE64", data), JOINED_BY_CREATION)), 200);
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let mut bob = lab.login("bob", Version::V1_2);
            bob.encoding = encoding;
            let answer = lab.ask(&mut bob, &join_group("Rook"));
            let note = answer.child("WelcomeNote").unwrap();
            assert_eq!(note.child_text("ContentType"), Some(kind));
            assert_eq!(note.child_text("ContentData"), Some(told), "{encoding:?}");
            let says = note.child_text("ContentEncoding");
            assert_eq!(says == Some("BASE64"), kind == "image/gif", "{encoding:?}: {says:?}");
        }
        assert_eq!(lab.code(&mut alice, &on_group("DeleteGroup", "")), 200);
    }
}

#[test]
fn whom_one_has_blocked_by_name_is_told_apart_and_not_heard_in_the_history() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    assert_eq!(lab.code(&mut alice, &create_group(&property("History", "T"), JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    let block = format!(
        "<BlockEntity-Request><BlockList><AddList>{}</AddList></BlockList><BlockListInUse>T</BlockListInUse>\
        </BlockEntity-Request>",
        screen("Queen")
    );
    assert_eq!(lab.code(&mut bob, &block), 200);
    assert_eq!(lab.code(&mut alice, &send(&to_group(), "", "x")), 200);
    let answer = lab.ask(&mut bob, &on_group("GetJoinedUsers", ""));
    let blocked = format!("<JoinedBlocked><UserList>{}</UserList></JoinedBlocked>", screen("Queen"));
    assert_eq!(text(answer.child("JoinedBlocked").unwrap()), blocked);
    let answer = lab.ask(&mut bob, &format!("<GetMessageList-Request>{CHESS}</GetMessageList-Request>"));
    assert_eq!(answer.child_text("MessageTotalCount"), Some("0"));
}

#[test]
fn a_client_without_groups_is_in_none() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    lab.poll(&alice);
    let without = "<Service-Request><Functions><WVCSPFeat><IMFeat/></WVCSPFeat></Functions>\
        <AllFunctionsRequest>F</AllFunctionsRequest></Service-Request>";
    lab.ask(&mut bob, without);
    assert!(text(&lab.receive(&alice, "GroupChangeNotice")).contains("<Left>"));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 506);
}

#[test]
fn a_group_of_the_provider_is_found_joined_and_closed() {
    let mut lab = Lab::new();
    let name = [("Name".to_owned(), "Lobby".to_owned())];
    let (id, now) = ("wv:/lobby@example.com", Timestamp::from_seconds(lab.now));
    let admins = ["wv:alice@example.com".to_owned()];
    assert!(lab.engine.store().add_group(id, &name, &admins, now).unwrap());
    assert!(!lab.engine.store().add_group(id, &name, &admins, now).unwrap());
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let lobby = |request: &str| request.replace("wv:alice/chess@example.com", "wv:/lobby");
    for (client, name) in [(&mut alice, "Host"), (&mut bob, "Guest")] {
        assert_eq!(lab.code(client, &lobby(&join_group(name))), 200);
    }
    let search = "<Search-Request><SearchPairList><SearchElement>GROUP_NAME</SearchElement><SearchString>obb\
        </SearchString></SearchPairList><SearchLimit>5</SearchLimit></Search-Request>";
    assert!(text(&lab.ask(&mut alice, search)).contains(id));
    assert_eq!(lab.code(&mut bob, &lobby(&set("Topic", "x"))), 816);
    assert_eq!(lab.code(&mut alice, &lobby(&set("Topic", "x"))), 200);
    assert_eq!(lab.code(&mut alice, &lobby(&create_group("", JOINED_BY_CREATION))), 806, "not a user's to make");
    lab.poll(&bob);
    // The administrator deletes it beside the server, which notices.
    assert!(lab.engine.store().delete_group(id, Timestamp::from_seconds(lab.now)).unwrap());
    assert_eq!(lab.engine.store().groups(Timestamp::from_seconds(lab.now)).unwrap(), []);
    lab.wait(1);
    lab.wait(1);
    let left = lab.receive(&bob, "LeaveGroup-Response");
    assert_eq!(Outcome::read(&left).unwrap().code.0, 800);
    assert_eq!(lab.code(&mut alice, &lobby(&join_group("Host"))), 800);
}

#[test]
fn the_group_of_an_account_that_is_gone_belongs_to_nobody() {
    let mut lab = Lab::of("example.com", &["alice", "bob"]);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 200);
    let empty = create_group("", "<JoinGroup>F</JoinGroup>").replace("/chess", "/empty");
    assert_eq!(lab.code(&mut alice, &empty), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    lab.ask(&mut alice, "<Logout-Request/>");
    let (store, now) = (lab.engine.store(), Timestamp::from_seconds(1_700_000_000));
    assert!(store.delete_user("wv:alice@example.com").unwrap());
    assert!(store.add_user("wv:alice@example.com", "secret", now).unwrap());
    let groups = store.groups(now).unwrap();
    assert_eq!(
        groups.iter().map(|group| (group.id.as_str(), &group.owner)).collect::<Vec<_>>(),
        [("wv:alice/chess@example.com", &None)]
    );
    let mut alice = lab.login("alice", Version::V1_3);
    assert_eq!(lab.code(&mut alice, &set("Topic", "mine again")), 816, "another user of that name");
    // It goes with the last who is in it.
    assert_eq!(lab.code(&mut bob, &on_group("LeaveGroup", "")), 200);
    assert_eq!(lab.code(&mut alice, &join_group("Queen")), 800);
}

#[test]
fn who_was_there_when_the_server_stopped_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut store = Store::open(&path).unwrap();
    store.add_user("wv:alice@example.com", "secret", Timestamp::from_seconds(0)).unwrap();
    let mut lab = Lab::with("example.com", store);
    let mut alice = lab.login("alice", Version::V1_3);
    assert_eq!(lab.code(&mut alice, &create_group(&property("AutoDelete", "T"), JOINED_BY_CREATION)), 200);
    let other = create_group("", JOINED_BY_CREATION).replace("/chess", "/go");
    assert_eq!(lab.code(&mut alice, &other), 200);
    drop(lab);
    let mut lab = Lab::with("example.com", Store::open(&path).unwrap());
    let groups = lab.engine.store().groups(Timestamp::from_seconds(lab.now)).unwrap();
    assert_eq!(
        groups.iter().map(|group| (group.id.as_str(), group.joined)).collect::<Vec<_>>(),
        [("wv:alice/go@example.com", 0)]
    );
}

#[test]
fn c05_nobody_reads_or_changes_a_group_from_outside() {
    let mut lab = Lab::new();
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let closed = property("AccessType", "Restricted") + &property("History", "T") + &property("Topic", "secret");
    assert_eq!(lab.code(&mut alice, &create_group(&closed, JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut alice, &send(&to_group(), "", "secret")), 200);
    let list = "<UserList><User><UserID>wv:bob</UserID></User></UserList>";
    let requests = [
        ("JoinGroup", String::new(), 816),
        ("LeaveGroup", String::new(), 808),
        ("GetGroupMembers", String::new(), 816),
        ("GetJoinedUsers", String::new(), 808),
        ("AddGroupMembers", "<UserIDList><UserID>wv:bob</UserID></UserIDList>".to_owned(), 816),
        ("RemoveGroupMembers", "<UserIDList><UserID>wv:alice</UserID></UserIDList>".to_owned(), 816),
        ("MemberAccess", format!("<Admin>{list}</Admin>"), 816),
        ("RejectList", "<AddList><UserID>wv:alice</UserID></AddList>".to_owned(), 816),
        ("SetGroupProps", format!("<GroupProperties>{}</GroupProperties>", property("Name", "x")), 816),
        ("SubscribeGroupNotice", "<SubscribeType>S</SubscribeType>".to_owned(), 808),
        ("DeleteGroup", String::new(), 816),
        ("GetMessageList", String::new(), 808),
    ];
    for (request, more, code) in requests {
        assert_eq!(lab.code(&mut bob, &on_group(request, &more)), code, "{request}");
    }
    assert_eq!(lab.code(&mut bob, &own("AutoJoin", "T")), 808);
    let method =
        format!("<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod>{CHESS}</SetDeliveryMethod-Request>");
    assert_eq!(lab.code(&mut bob, &method), 808);
    // One's own properties are all that a stranger has.
    let answer = text(&lab.ask(&mut bob, &on_group("GetGroupProps", "")));
    assert!(!answer.contains("secret") && answer.contains(&property("IsMember", "F")), "{answer}");
    assert!(!answer.contains("GroupProperties><"), "{answer}");
    assert_eq!(lab.poll(&alice), []);
}

#[test]
fn c03_groups_and_conversations_that_are_not_there() {
    let features = Features { extended_conversation: true };
    let mut lab = server(Configuration { features, ..Configuration::default() }, &["alice", "bob"]);
    let mut alice = lab.login("alice", Version::V1_3);
    for id in ["wv:alice/none", "wv:/none", "none", "", "wv:", "wv:alice", "%", "wv:alice/none@example.com@x", "wv:/"] {
        let request = format!("<DeleteGroup-Request><GroupID>{id}</GroupID></DeleteGroup-Request>");
        let code = lab.code(&mut alice, &request);
        assert!(matches!(code, 800 | 400 | 402), "{id}: {code}");
    }
    let extend = "<ExtendConversation-Request><ExtendConversationID>none</ExtendConversationID><UserIDList>\
        <UserID>wv:bob</UserID></UserIDList></ExtendConversation-Request>";
    assert_eq!(lab.code(&mut alice, extend), 800);
}

#[test]
fn c09_groups_have_their_limits() {
    let quotas = Quotas { groups: 200, all_groups: 101, group_members: 2, ..Quotas::default() };
    let mut lab = server(Configuration { quotas, ..Configuration::default() }, &["alice", "bob", "carol"]);
    let mut alice = lab.login("alice", Version::V1_3);
    let numbered = |request: &str, number: usize| request.replace("/chess", &format!("/chess{number}"));
    for number in 0..100 {
        assert_eq!(lab.code(&mut alice, &numbered(&create_group("", JOINED_BY_CREATION), number)), 200);
    }
    let more = create_group("", "<JoinGroup>F</JoinGroup>");
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 814, "in too many at once");
    assert_eq!(lab.code(&mut alice, &more), 200);
    assert_eq!(lab.code(&mut alice, &join_group("Queen")), 814);
    assert_eq!(lab.code(&mut alice, &numbered(&more, 101)), 815, "the server has enough");
    let both = "<UserIDList><UserID>wv:bob</UserID><UserID>wv:carol</UserID></UserIDList>";
    let answer = lab.ask(&mut alice, &on_group("AddGroupMembers", both));
    assert_eq!(details(&answer), [(817, vec!["wv:carol".to_owned()])], "members");
    let reject = |users: &str| on_group("RejectList", &format!("<AddList>{users}</AddList>"));
    assert_eq!(lab.code(&mut alice, &reject("<UserID>wv:bob</UserID><UserID>wv:carol</UserID>")), 200);
    // Long names and notes.
    assert_eq!(lab.code(&mut alice, &numbered(&set("Topic", &"x".repeat(256)), 1)), 806);
    assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "").replace("/chess", "/chess1")), 200);
    assert_eq!(lab.code(&mut alice, &numbered(&join_group(&"x".repeat(101)), 1)), 402);
}

fn extend(more: &str) -> String {
    format!("<ExtendConversation-Request>{more}</ExtendConversation-Request>")
}

fn ids(users: &[&str]) -> String {
    let users: String = users.iter().map(|user| format!("<UserID>wv:{user}@example.com</UserID>")).collect();
    format!("<UserIDList>{users}</UserIDList>")
}

const PARTNER: &str = "<ExtendConversationUser><UserID>wv:bob@example.com</UserID></ExtendConversationUser>";

#[test]
fn a_conversation_of_two_is_extended() {
    let features = Features { extended_conversation: true };
    let users = ["alice", "bob", "carol", "dave"];
    let mut lab = server(Configuration { features, ..Configuration::default() }, &users);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let (mut carol, mut dave) = (lab.login("carol", Version::V1_2), lab.login("dave", Version::V1_3));
    let welcome =
        "<WelcomeNote><ContentType>text/plain</ContentType><ContentData>Hello all</ContentData></WelcomeNote>";
    let name = "<ScreenName><SName>Ally</SName><GroupID>wv:x/y</GroupID></ScreenName>";
    let subscribe = "<SubscribeNotification>T</SubscribeNotification>";
    let request = ids(&["carol", "nobody"]) + PARTNER + subscribe + welcome + name;
    let answer = lab.ask(&mut alice, &extend(&request));
    assert_eq!(details(&answer), [(531, vec!["wv:nobody@example.com".to_owned()])]);
    let id = answer.child_text("ExtendConversationID").unwrap().to_owned();
    let group = answer.child_text("GroupID").unwrap().to_owned();
    // The partner and the new one are invited; a client of 1.2 to the group that it is.
    let mut invitations = Vec::new();
    for (client, kind) in [(&bob, "EG"), (&carol, "GR")] {
        let asked = lab.receive(client, "InviteUser-Request");
        assert_eq!((asked.child_text("InviteType"), asked.child_text("GroupID")), (Some(kind), Some(group.as_str())));
        invitations.push(asked.child_text("InviteID").unwrap().to_owned());
    }
    let join = |name: &str| {
        format!(
            "<JoinGroup-Request><GroupID>{group}</GroupID><ScreenName><SName>{name}</SName><GroupID>{group}</GroupID>\
             </ScreenName><JoinedRequest>T</JoinedRequest><SubscribeNotification>F</SubscribeNotification></JoinGroup-Request>"
        )
    };
    assert_eq!(lab.code(&mut dave, &join("Dave")), 803, "one must be invited");
    for (client, invitation, name) in [(&mut bob, &invitations[0], "Bobby"), (&mut carol, &invitations[1], "Caro")] {
        let accept = format!(
            "<InviteUser-Response><InviteID>{invitation}</InviteID><Acceptance>T</Acceptance><Sender><User>\
             <UserID>wv:{}@example.com</UserID></User></Sender></InviteUser-Response>",
            client.user
        );
        assert_eq!(lab.code(client, &accept), 200);
        let answer = lab.ask(client, &join(name));
        assert_eq!(answer.descend(&["WelcomeNote", "ContentData"]).unwrap().text(), "Hello all");
    }
    let told: Vec<_> = lab.poll(&alice).iter().map(|told| told.name.to_string()).collect();
    assert_eq!(told, ["Invite-Response", "GroupChangeNotice", "Invite-Response", "GroupChangeNotice"]);
    // Who is in it may take in more by its name; others may not (C05).
    let more = format!("<ExtendConversationID>{id}</ExtendConversationID>{}", ids(&["dave"]));
    assert_eq!(lab.code(&mut dave, &extend(&more.replace("wv:dave", "wv:alice"))), 808);
    let answer = lab.ask(&mut bob, &extend(&more));
    assert_eq!(
        (answer.child_text("ExtendConversationID"), answer.child_text("GroupID")),
        (Some(id.as_str()), Some(group.as_str()))
    );
    assert_eq!(lab.receive(&dave, "InviteUser-Request").child_text("InviteType"), Some("EC"));
    // It is found by nobody, and gone with the last.
    let leave = format!("<LeaveGroup-Request><GroupID>{group}</GroupID></LeaveGroup-Request>");
    for client in [&mut alice, &mut bob, &mut carol] {
        assert_eq!(lab.code(client, &leave), 200);
    }
    assert_eq!(lab.code(&mut alice, &leave), 800);
    assert_eq!(lab.code(&mut alice, &extend(&more)), 800);
}

#[test]
fn a_conversation_is_not_extended_without_anybody_to_take_in() {
    let features = Features { extended_conversation: true };
    let quotas = Quotas { groups: 1, ..Quotas::default() };
    let mut lab = server(Configuration { features, quotas, ..Configuration::default() }, &["alice", "bob", "carol"]);
    let (mut alice, mut carol) = (lab.login("alice", Version::V1_3), lab.login("carol", Version::V1_3));
    assert_eq!(lab.code(&mut alice, &extend(&ids(&["carol"]))), 400, "no partner");
    assert_eq!(lab.code(&mut alice, &extend(PARTNER)), 400, "nobody new");
    assert_eq!(lab.code(&mut alice, &extend(&(ids(&["alice"]) + PARTNER))), 400, "nobody else");
    let block = "<BlockEntity-Request><BlockList><AddList><UserID>wv:alice</UserID></AddList></BlockList>\
        <BlockListInUse>T</BlockListInUse></BlockEntity-Request>";
    assert_eq!(lab.code(&mut carol, block), 200);
    let answer = lab.ask(&mut alice, &extend(&(ids(&["carol", "wv:x@elsewhere.example"]) + PARTNER)));
    assert_eq!(Outcome::read(&answer).unwrap().code.0, 900);
    assert!(details(&answer).iter().any(|(code, _)| *code == 532), "{answer:?}");
    assert_eq!(lab.engine.store().groups(Timestamp::from_seconds(0)).unwrap(), [], "nothing was made");
    assert_eq!(lab.code(&mut alice, &create_group("", "<JoinGroup>F</JoinGroup>")), 200);
    let unblock = block.replace("InUse>T", "InUse>F");
    assert_eq!(lab.code(&mut carol, &unblock), 200);
    assert_eq!(lab.code(&mut alice, &extend(&(ids(&["carol"]) + PARTNER))), 814);
}

#[test]
fn c09_extended_conversations_count_as_invitations() {
    let features = Features { extended_conversation: true };
    let users = ["alice", "bob", "carol", "dave"];
    let mut lab = server(Configuration { features, ..Configuration::default() }, &users);
    let mut alice = lab.login("alice", Version::V1_3);
    let invite = |lab: &mut Lab, alice: &mut Client, id: &str| {
        let request = "<InviteType>IM</InviteType><Recipient><User><UserID>wv:dave</UserID></User></Recipient>";
        lab.code(alice, &format!("<Invite-Request><InviteID>{id}</InviteID>{request}</Invite-Request>"))
    };
    for number in 0..197 {
        assert_eq!(invite(&mut lab, &mut alice, &format!("i{number}")), 200);
    }
    let answer = lab.ask(&mut alice, &extend(&(ids(&["carol"]) + PARTNER)));
    let id = answer.child_text("ExtendConversationID").unwrap().to_owned();
    // 199 are open: for two there is no room, and no group is made for them.
    assert_eq!(lab.code(&mut alice, &extend(&(ids(&["carol"]) + PARTNER))), 503);
    assert_eq!(lab.engine.store().groups(Timestamp::from_seconds(0)).unwrap().len(), 1);
    assert_eq!(invite(&mut lab, &mut alice, "last"), 200);
    let more = format!("<ExtendConversationID>{id}</ExtendConversationID>{}", ids(&["carol"]));
    assert_eq!(lab.code(&mut alice, &extend(&more)), 503);
    assert_eq!(invite(&mut lab, &mut alice, "more"), 503);
}

#[test]
fn extended_conversations_are_off_unless_configured() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let asked = "<Service-Request><Functions><WVCSPFeat><GroupFeat><GroupUseFunc/></GroupFeat></WVCSPFeat></Functions>\
        <AllFunctionsRequest>T</AllFunctionsRequest></Service-Request>";
    let answer = text(&lab.ask(&mut alice, asked));
    assert!(answer.contains("<Functions><WVCSPFeat><GroupFeat><GroupUseFunc><EXCON></EXCON></GroupUseFunc></GroupFeat></WVCSPFeat></Functions>"), "{answer}");
    assert_eq!(lab.code(&mut alice, &extend(&(ids(&["carol"]) + PARTNER))), 506);
}
