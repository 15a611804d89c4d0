//! Who may what in a group: the table of rights, cell by cell, and the order in which a join is decided.

use super::groups::{on_group, property};
use super::*;

/// Users in the order of the columns below: a member, a moderator, the administrator that made the group, one who is
/// in it and no member, and one who is neither.
const USERS: [&str; 5] = ["carol", "bob", "alice", "dave", "erin"];

/// A server with the group, in which all but erin are; fay is a member and a moderator, gus an administrator.
fn server() -> (Lab, Vec<Client>) {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol", "dave", "erin", "fay", "gus", "hugo"]);
    let mut clients: Vec<Client> = USERS.iter().map(|user| lab.login(user, Version::V1_3)).collect();
    let alice = &mut clients[2];
    assert_eq!(lab.code(alice, &create_group("", JOINED_BY_CREATION)), 200);
    let members: String = ["bob", "carol", "fay", "gus"].map(|user| format!("<UserID>wv:{user}</UserID>")).concat();
    assert_eq!(lab.code(alice, &on_group("AddGroupMembers", &format!("<UserIDList>{members}</UserIDList>"))), 200);
    assert_eq!(lab.code(alice, &class("Mod", &["bob", "fay"])), 200);
    assert_eq!(lab.code(alice, &class("Admin", &["gus"])), 200);
    for (place, name) in [(0, "Pawn"), (1, "Rook"), (3, "Guest")] {
        assert_eq!(lab.code(&mut clients[place], &join_group(name)), 200);
    }
    (lab, clients)
}

fn class(class: &str, users: &[&str]) -> String {
    let users: String = users.iter().map(|user| format!("<User><UserID>wv:{user}</UserID></User>")).collect();
    let list = format!("<UserList>{users}</UserList>");
    on_group("MemberAccess", &if class == "User" { list } else { format!("<{class}>{list}</{class}>") })
}

#[test]
fn every_role_may_what_the_table_says_and_no_more() {
    let ids = |user: &str| format!("<UserIDList><UserID>wv:{user}</UserID></UserIDList>");
    let reject = |user: &str| on_group("RejectList", &format!("<AddList><UserID>wv:{user}</UserID></AddList>"));
    let own = format!("<OwnProperties>{}</OwnProperties>", property("PrivateMessaging", "F"));
    let common = format!("<GroupProperties>{}</GroupProperties>", property("Topic", "Openings"));
    let message = send(&format!("<Group>{CHESS}</Group>"), "", "Check");
    // What is done, and the codes for User, Mod, Admin, joined but no member, neither (Groups, "Roles").
    let table = [
        (message, [200, 200, 200, 200, 808]),
        (on_group("LeaveGroup", ""), [200, 200, 200, 200, 808]),
        (on_group("SetGroupProps", &own), [200, 200, 200, 200, 808]),
        (on_group("SubscribeGroupNotice", "<SubscribeType>S</SubscribeType>"), [200, 200, 200, 200, 808]),
        (on_group("GetGroupProps", ""), [200, 200, 200, 200, 200]),
        (on_group("GetJoinedUsers", ""), [200, 200, 200, 200, 808]),
        (on_group("GetGroupMembers", ""), [816, 200, 200, 816, 816]),
        (on_group("AddGroupMembers", &ids("hugo")), [816, 200, 200, 816, 816]),
        (on_group("RemoveGroupMembers", &ids("carol")), [816, 200, 200, 816, 816]),
        (reject("hugo"), [816, 200, 200, 816, 816]),
        (on_group("RejectList", ""), [816, 200, 200, 816, 816]),
        (class("User", &["carol"]), [816, 200, 200, 816, 816]),
        // Moderators and administrators are changed by administrators only, and who made the group by nobody.
        (class("Mod", &["carol"]), [816, 816, 200, 816, 816]),
        (class("Admin", &["carol"]), [816, 816, 200, 816, 816]),
        (class("User", &["fay"]), [816, 816, 200, 816, 816]),
        (class("User", &["gus"]), [816, 816, 200, 816, 816]),
        (class("User", &["alice"]), [816, 816, 816, 816, 816]),
        (on_group("RemoveGroupMembers", &ids("fay")), [816, 816, 200, 816, 816]),
        (on_group("RemoveGroupMembers", &ids("alice")), [816, 816, 816, 816, 816]),
        (reject("fay"), [816, 816, 200, 816, 816]),
        (reject("alice"), [816, 816, 816, 816, 816]),
        // A moderator may become a user.
        (class("User", &["bob"]), [816, 200, 200, 816, 816]),
        (on_group("SetGroupProps", &common), [816, 816, 200, 816, 816]),
        (on_group("DeleteGroup", ""), [816, 816, 200, 816, 816]),
    ];
    for (request, expected) in table {
        for (place, expected) in expected.into_iter().enumerate() {
            let (mut lab, mut clients) = server();
            let answer = lab.ask(&mut clients[place], &request);
            let code = Outcome::read(&answer).map_or(200, |outcome| outcome.code.0);
            // Where targets are named, the code stands beside the target.
            let code = if code == 900 { details(&answer)[0].0 } else { code };
            assert_eq!(code, expected, "{} by {}", request, USERS[place]);
            let unknown = request.replace("/chess", "/none");
            let answer = lab.ask(&mut clients[place], &unknown);
            let code = Outcome::read(&answer).map_or(200, |outcome| outcome.code.0);
            let code = if code == 900 { details(&answer)[0].0 } else { code };
            assert_eq!(code, 800, "{unknown} by {}", USERS[place]);
        }
    }
}

#[test]
fn only_who_looks_after_a_group_sees_who_is_in_it() {
    let (mut lab, mut clients) = server();
    for (place, sees) in [(0, false), (1, true), (2, true), (3, false)] {
        let seen = text(&lab.ask(&mut clients[place], &on_group("GetJoinedUsers", "")));
        let own = USERS[place];
        let other = if own == "carol" { "dave" } else { "carol" };
        assert_eq!(seen.contains(&format!("wv:{other}@")), sees, "{own}: {seen}");
        assert_eq!(seen.contains("<AdminMapList>"), sees, "{own}: {seen}");
    }
}

#[test]
fn a_join_is_decided_in_the_order_of_the_sheet() {
    let mut lab = Lab::of("example.com", &["alice", "bob", "carol"]);
    let (mut alice, mut bob) = (lab.login("alice", Version::V1_3), lab.login("bob", Version::V1_3));
    let mut carol = lab.login("carol", Version::V1_3);
    assert_eq!(lab.code(&mut bob, &join_group("Queen")), 800);
    assert_eq!(lab.code(&mut bob, &join_group("Queen").replace("example.com", "elsewhere.example")), 516);
    assert_eq!(lab.code(&mut alice, &create_group("", JOINED_BY_CREATION)), 200);
    // All obstacles at once; they are taken away one after the other, the one that is decided upon first at first.
    let set = |name: &str, value: &str| {
        on_group("SetGroupProps", &format!("<GroupProperties>{}</GroupProperties>", property(name, value)))
    };
    let reject = "<AddList><UserID>wv:bob</UserID></AddList>";
    assert_eq!(lab.code(&mut alice, &on_group("RejectList", reject)), 200);
    for (name, value) in
        [("AccessType", "Restricted"), ("RequireInvitation", "T"), ("MinimumAge", "18"), ("MaxActiveUsers", "1")]
    {
        assert_eq!(lab.code(&mut alice, &set(name, value)), 200);
    }
    let free = reject.replace("AddList", "RemoveList");
    let steps = [
        (809, on_group("RejectList", &free)),
        (816, set("AccessType", "Open")),
        (803, set("RequireInvitation", "F")),
        (803, set("MinimumAge", "0")),
        (817, set("MaxActiveUsers", "9")),
    ];
    for (expected, remedy) in steps {
        assert_eq!(lab.code(&mut bob, &join_group("Queen")), expected, "before {remedy}");
        assert_eq!(lab.code(&mut alice, &remedy), 200);
    }
    assert_eq!(lab.code(&mut bob, &join_group("QUEEN")), 811);
    assert_eq!(lab.code(&mut bob, &join_group("Rook")), 200);
    assert_eq!(lab.code(&mut bob, &join_group("Queen")), 807, "before the name is looked at");
    // Without a name one is made up, and told in 1.3.
    let nameless = on_group("JoinGroup", "<JoinedRequest>F</JoinedRequest>");
    assert_eq!(lab.ask(&mut carol, &nameless).descend(&["ScreenName", "SName"]).unwrap().trimmed(), "carol");
}

#[test]
fn who_is_rejected_is_named_to_those_only_who_look_after_the_group() {
    let (mut lab, mut clients) = server();
    let reject = on_group("RejectList", "<AddList><UserID>wv:erin</UserID></AddList>");
    assert_eq!(lab.code(&mut clients[2], &reject), 200);
    clients.iter().for_each(|client| drop(lab.poll(client)));
    assert_eq!(lab.code(&mut clients[4], &join_group("Bishop")), 809);
    let blocked = |who: String| {
        format!(
            "<GroupChangeNotice>{CHESS}<JoinedBlocked><UserList>{who}</UserList></JoinedBlocked></GroupChangeNotice>"
        )
    };
    let told = text(&lab.receive(&clients[0], "GroupChangeNotice"));
    assert_eq!(told, blocked(screen("Bishop")));
    let told = text(&lab.receive(&clients[1], "GroupChangeNotice"));
    assert_eq!(told, blocked("<User><UserID>wv:erin@example.com</UserID></User>".to_owned()));
}
