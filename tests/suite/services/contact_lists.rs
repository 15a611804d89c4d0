//! Contact lists: P1 to P4 of the catalogue of transactions.

use super::*;

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
