//! Invitations: F12 to F14, what is not said by scripts.

use super::groups::{on_group, property};
use super::*;

fn invite(id: &str, kind: &str, to: &str, more: &str) -> String {
    format!(
        "<Invite-Request><InviteID>{id}</InviteID><InviteType>{kind}</InviteType><Recipient>{to}</Recipient>{more}\
         <InviteNote>Come</InviteNote></Invite-Request>"
    )
}

fn answer(id: &str, accepts: bool, more: &str) -> String {
    let accepts = if accepts { "T" } else { "F" };
    format!(
        "<InviteUser-Response><InviteID>{id}</InviteID><Acceptance>{accepts}</Acceptance>{more}</InviteUser-Response>"
    )
}

fn cancel(id: &str, to: &str) -> String {
    let to = if to.is_empty() { String::new() } else { format!("<Recipient>{to}</Recipient>") };
    format!("<CancelInvite-Request><InviteID>{id}</InviteID>{to}</CancelInvite-Request>")
}

const SENDER_BOB: &str = "<Sender><User><UserID>wv:bob@example.com</UserID></User></Sender>";

#[test]
fn an_answer_waits_for_an_inviter_that_is_away() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
        for id in ["i1", "i2"] {
            assert_eq!(lab.code(&mut alice, &invite(id, "IM", USER_BOB, "")), 200);
        }
        lab.ask(&mut alice, "<Logout-Request/>");
        let note = format!("{SENDER_BOB}<ResponseNote>Gladly</ResponseNote>");
        assert_eq!(lab.code(&mut bob, &answer("i1", true, &note)), 200);
        lab.wait(60);
        assert_eq!(lab.code(&mut bob, &answer("i2", false, SENDER_BOB)), 200);
        let alice = lab.login("alice", version);
        let told = lab.poll(&alice);
        let told: Vec<_> =
            told.iter().map(|t| (t.child_text("InviteID").unwrap(), t.child_text("Acceptance").unwrap())).collect();
        assert_eq!(told, [("i1", "T"), ("i2", "F")]);
        let again = lab.login("alice", version);
        assert_eq!(lab.poll(&again), [], "what has arrived is told once");
    }
}

#[test]
fn what_one_client_has_answered_is_not_asked_of_another() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let (mut phone, tablet) = (lab.login("bob", Version::V1_3), lab.login_from("bob", Version::V1_2, "tablet"));
    for id in ["i1", "i2"] {
        assert_eq!(lab.code(&mut alice, &invite(id, "IM", USER_BOB, "")), 200);
    }
    assert_eq!(lab.code(&mut phone, &answer("i1", true, SENDER_BOB)), 200);
    // One that is refused takes nothing back.
    let name = format!(
        "{SENDER_BOB}<ScreenName><SName>{}</SName><GroupID>wv:alice/g</GroupID></ScreenName>",
        "x".repeat(9000)
    );
    assert_eq!(lab.code(&mut phone, &answer("i2", true, &name)), 402);
    for client in [&phone, &tablet] {
        let asked = lab.poll(client);
        let asked: Vec<_> = asked.iter().filter_map(|asked| asked.child_text("InviteID")).collect();
        assert_eq!(asked, ["i2"]);
    }
}

#[test]
fn the_note_of_an_answer_has_the_name_of_the_version_and_lasts_a_week() {
    for (version, name) in
        [(Version::V1_3, "InviteNote"), (Version::V1_2, "ResponseNote"), (Version::V1_1, "ResponseNote")]
    {
        for (seconds, comes) in [(7 * 86_400 - 60, true), (7 * 86_400, false)] {
            let mut lab = Lab::new();
            let (mut alice, mut bob) = (lab.login("alice", Version::V1_2), lab.login("bob", Version::V1_1));
            assert_eq!(lab.code(&mut alice, &invite("i1", "IM", USER_BOB, "")), 200);
            lab.ask(&mut alice, "<Logout-Request/>");
            // A client of 1.1 that names the screen name it would like, though it is in no group yet.
            let more = format!("<ResponseNote>Gladly</ResponseNote>{}", screen("Rook"));
            assert_eq!(lab.code(&mut bob, &answer("i1", true, &more)), 200);
            lab.wait(seconds);
            let alice = lab.login("alice", version);
            let told = lab.poll(&alice);
            assert_eq!(told.iter().filter_map(|told| told.child_text(name)).collect::<Vec<_>>() == ["Gladly"], comes);
        }
    }
}

#[test]
fn the_first_client_that_has_the_answer_has_it_for_all() {
    let mut lab = Lab::new();
    let (mut phone, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let desk = lab.login_from("alice", Version::V1_3, "desk");
    assert_eq!(lab.code(&mut phone, &invite("i1", "IM", USER_BOB, "")), 200);
    assert_eq!(lab.code(&mut bob, &answer("i1", true, SENDER_BOB)), 200);
    lab.receive(&phone, "Invite-Response");
    assert_eq!(lab.poll(&desk), []);
}

#[test]
fn types_need_what_they_say_and_reach_those_whose_version_has_them() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let mut alice = lab.login("alice", Version::V1_3);
    let (bob, carol) = (lab.login("bob", Version::V1_3), lab.login("carol", Version::V1_2));
    let both = format!("{USER_BOB}<User><UserID>wv:carol@example.com</UserID></User>");
    let urls = "<URLList><URL>http://example.com/a.jpg</URL><URL>http://example.com/b.jpg</URL></URLList>";
    let application = "<ApplicationID>game@example.com</ApplicationID>";
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 200);
    let wrong = [
        ("GR", "", 429),
        ("GM", "", 429),
        ("GR", "<GroupID>wv:alice/none</GroupID>", 800),
        ("GR", "<GroupID>wv:alice/none@elsewhere.example</GroupID>", 516),
        ("AP", "", 450),
        ("SC", "", 400),
        ("EC", CHESS, 506),
        ("EG", CHESS, 506),
        ("XX", "", 402),
    ];
    for (kind, more, code) in wrong {
        assert_eq!(lab.code(&mut alice, &invite("w", kind, &both, more)), code, "{kind} {more}");
    }
    for (kind, more, reaches) in [
        ("IM", "", true),
        ("PR", "<PresenceSubList><OnlineStatus/></PresenceSubList>", true),
        ("SC", urls, true),
        ("GR", CHESS, true),
        ("GM", CHESS, true),
        ("AP", application, false),
    ] {
        assert_eq!(lab.code(&mut alice, &invite(kind, kind, &both, more)), 200, "{kind}");
        let asked = lab.receive(&bob, "InviteUser-Request");
        assert_eq!(asked.child_text("InviteType"), Some(kind));
        if kind == "SC" {
            assert_eq!(text(asked.child("URLList").unwrap()), urls);
        }
        let told = lab.poll(&carol);
        assert_eq!(told.len() == 1, reaches, "{kind} in 1.2");
    }
    assert_eq!(lab.code(&mut alice, &invite("nobody", "IM", "", "")), 400, "nobody is invited");
    assert_eq!(lab.code(&mut alice, &invite("IM", "IM", USER_BOB, "")), 423, "one at a time under a name");
    let long = urls.replace("a.jpg", &"x".repeat(9 << 10));
    assert_eq!(lab.code(&mut alice, &invite("long", "SC", USER_BOB, &long)), 402);
}

#[test]
fn who_is_outside_asks_a_group_for_membership() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_2));
    let mut carol = lab.login("carol", Version::V1_3);
    let closed = property("AccessType", "Restricted");
    assert_eq!(lab.code(&mut alice, &create_group(&closed, JOINED_BY_CREATION)), 200);
    let members = "<UserIDList><UserID>wv:carol</UserID></UserIDList>";
    assert_eq!(lab.code(&mut alice, &on_group("AddGroupMembers", members)), 200);
    assert_eq!(lab.code(&mut carol, &join_group("Pawn")), 200);
    lab.poll(&alice);
    let group = format!("<Group>{CHESS}</Group>");
    assert_eq!(lab.code(&mut bob, &invite("ask", "GR", &group, CHESS)), 808, "that is for who is in it");
    assert_eq!(lab.code(&mut bob, &invite("ask", "GM", &group, CHESS)), 200);
    let asked = lab.receive(&alice, "InviteUser-Request");
    assert_eq!(asked.descend(&["Sender", "User", "UserID"]).unwrap().trimmed(), "wv:bob@example.com");
    assert_eq!(lab.poll(&carol), [], "a member that decides nothing");
    let own = "<Sender><User><UserID>wv:alice@example.com</UserID></User></Sender>";
    assert_eq!(lab.code(&mut alice, &answer("ask", true, own)), 200);
    assert_eq!(lab.receive(&bob, "Invite-Response").child_text("Acceptance"), Some("T"));
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 816, "to accept is not to add");
    // Nobody is there to decide.
    assert_eq!(lab.code(&mut alice, &on_group("LeaveGroup", "")), 200);
    let answer = lab.ask(&mut bob, &invite("ask2", "GM", &group, CHESS));
    assert_eq!(details(&answer), [(404, vec!["wv:alice/chess@example.com".to_owned()])]);
}

#[test]
fn invitations_are_cancelled_for_some_or_all_and_not_after_the_answer() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let mut carol = lab.login("carol", Version::V1_3);
    let user_carol = "<User><UserID>wv:carol@example.com</UserID></User>";
    assert_eq!(lab.code(&mut alice, &invite("i", "IM", &format!("{USER_BOB}{user_carol}"), "")), 200);
    for client in [&bob, &carol] {
        lab.receive(client, "InviteUser-Request");
    }
    assert_eq!(lab.code(&mut alice, &cancel("i", USER_BOB)), 200);
    lab.receive(&bob, "CancelInviteUser-Request");
    assert_eq!(lab.poll(&carol), []);
    assert_eq!(lab.code(&mut bob, &answer("i", true, SENDER_BOB)), 423);
    let carols = SENDER_BOB.replace("bob", "carol");
    assert_eq!(lab.code(&mut carol, &answer("i", true, &carols)), 200);
    assert_eq!(lab.code(&mut alice, &cancel("i", "")), 423, "answered");
    lab.receive(&alice, "Invite-Response");
    assert_eq!(lab.code(&mut alice, &invite("i", "IM", USER_BOB, "")), 200, "the name is free again");
}

#[test]
fn c03_invitations_of_others_and_of_nobody() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, mut carol) = (lab.login("alice", Version::V1_3), lab.login("carol", Version::V1_3));
    let bob = lab.login("bob", Version::V1_3);
    assert_eq!(lab.code(&mut alice, &invite("i", "IM", USER_BOB, "")), 200);
    lab.receive(&bob, "InviteUser-Request");
    let carols = SENDER_BOB.replace("bob", "carol");
    for id in ["i", "none", "%", "' OR 1=1"] {
        assert_eq!(lab.code(&mut carol, &cancel(id, USER_BOB)), 423, "{id}");
        assert_eq!(lab.code(&mut carol, &cancel(id, "")), 423, "{id}");
        assert_eq!(lab.code(&mut carol, &answer(id, true, &carols)), 423, "{id}");
    }
    assert_eq!(lab.code(&mut carol, &answer("i", true, SENDER_BOB)), 427, "C06");
    assert_eq!((lab.poll(&bob), lab.poll(&alice)), (vec![], vec![]));
    // Two inviters may choose one name; each has its own.
    assert_eq!(lab.code(&mut carol, &invite("i", "IM", USER_BOB, "")), 200);
    assert_eq!(lab.code(&mut carol, &cancel("i", USER_BOB)), 200);
    assert_eq!(lab.code(&mut alice, &cancel("i", USER_BOB)), 200);
}

#[test]
fn c09_invitations_have_their_limits() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, mut carol) = (lab.login("alice", Version::V1_3), lab.login("carol", Version::V1_3));
    for number in 0..200 {
        assert_eq!(lab.code(&mut alice, &invite(&format!("i{number}"), "IM", USER_BOB, "")), 200);
    }
    assert_eq!(details(&lab.ask(&mut alice, &invite("x", "IM", USER_BOB, "")))[0].0, 507, "enough wait for one");
    let user_carol = "<User><UserID>wv:carol@example.com</UserID></User>";
    assert_eq!(lab.code(&mut alice, &invite("x", "IM", user_carol, "")), 503, "one has invited enough");
    assert_eq!(details(&lab.ask(&mut carol, &invite("x", "IM", USER_BOB, "")))[0].0, 507);
    // What is void counts no more.
    lab.wait(86_400);
    let mut carol = lab.login("carol", Version::V1_3);
    assert_eq!(lab.code(&mut carol, &invite("x", "IM", USER_BOB, "")), 200);
}

#[test]
fn contact_lists_are_invited_with_what_became_of_each() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let mut carol = lab.login("carol", Version::V1_3);
    let nicks: String = ["bob", "carol"]
        .map(|user| format!("<NickName><Name>{user}</Name><UserID>wv:{user}@example.com</UserID></NickName>"))
        .concat();
    let list = create_list("wv:alice/friends@example.com", &format!("<NickList>{nicks}</NickList>"));
    assert_eq!(lab.code(&mut alice, &list), 200);
    let block = "<BlockEntity-Request><BlockList><AddList><UserID>wv:alice@example.com</UserID></AddList></BlockList>\
        <BlockListInUse>T</BlockListInUse></BlockEntity-Request>";
    assert_eq!(lab.code(&mut carol, block), 200);
    let friends = "<ContactList>wv:alice/friends@example.com</ContactList>";
    let answer = lab.ask(&mut alice, &invite("i", "IM", friends, ""));
    assert_eq!(Outcome::read(&answer).unwrap().code.0, 201);
    assert_eq!(details(&answer), [(532, vec!["wv:carol@example.com".to_owned()])]);
    lab.receive(&bob, "InviteUser-Request");
    assert_eq!(lab.poll(&carol), []);
    let anothers = lab.ask(&mut carol, &invite("c", "IM", friends, ""));
    assert_eq!(details(&anothers)[0].0, 700, "C05");
}
