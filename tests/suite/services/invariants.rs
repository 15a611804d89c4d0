//! Any sequence of requests about groups keeps what must be so: names are unique, only sessions that live are in
//! groups, nothing is left of what is gone.

use super::groups::{on_group, property};
use super::*;
use proptest::prelude::*;

/// Who takes part: alice by two clients.
const CLIENTS: [(&str, &str); 4] = [("alice", "phone"), ("alice", "desk"), ("bob", "phone"), ("carol", "phone")];

/// Returns a request by its number; `more` chooses whom and what it is about.
fn request(number: u8, more: u8) -> String {
    let user = ["alice", "bob", "carol"][usize::from(more % 3)];
    let name = ["Rook", "rook", "Pawn"][usize::from(more / 3 % 3)];
    let ids = format!("<UserIDList><UserID>wv:{user}</UserID></UserIDList>");
    let list = format!("<UserList><User><UserID>wv:{user}</UserID></User></UserList>");
    let common = |name, value| {
        on_group("SetGroupProps", &format!("<GroupProperties>{}</GroupProperties>", property(name, value)))
    };
    let own =
        |name, value| on_group("SetGroupProps", &format!("<OwnProperties>{}</OwnProperties>", property(name, value)));
    match number {
        0 => create_group(&property("AutoDelete", if more > 4 { "T" } else { "F" }), JOINED_BY_CREATION),
        1 => create_group(&property("History", "2"), "<JoinGroup>F</JoinGroup>"),
        2..=4 => join_group(name),
        5 => on_group("JoinGroup", "<JoinedRequest>F</JoinedRequest><SubscribeNotification>T</SubscribeNotification>"),
        6 => on_group("LeaveGroup", ""),
        7 => on_group("DeleteGroup", ""),
        8 => on_group("AddGroupMembers", &ids),
        9 => on_group("RemoveGroupMembers", &ids),
        10 => on_group("RejectList", &format!("<AddList><UserID>wv:{user}</UserID></AddList>")),
        11 => on_group("RejectList", &format!("<RemoveList><UserID>wv:{user}</UserID></RemoveList>")),
        12 => on_group("MemberAccess", &format!("<Admin>{list}</Admin>")),
        13 => on_group("MemberAccess", &list),
        14 => common("AccessType", if more > 4 { "Restricted" } else { "Open" }),
        15 => own("AutoJoin", "T"),
        16 => {
            format!("<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod>{CHESS}</SetDeliveryMethod-Request>")
        }
        17 => send(&format!("<Group>{CHESS}</Group>"), "", "Check"),
        18 => send(&format!("<Group>{}</Group>", screen(name)), "", "psst"),
        _ => "<Logout-Request/>".to_owned(),
    }
}

/// Returns how many rows of a table break what is said of them.
const BROKEN: [(&str, &str); 6] = [
    (
        "screen names that two users have",
        "SELECT count(*) FROM group_joined a JOIN group_joined b ON a.group_id = b.group_id AND lower(a.screen_name) = lower(b.screen_name) AND a.user <> b.user",
    ),
    (
        "own properties of nobody who is to be joined again",
        "SELECT count(*) FROM group_own_property p WHERE NOT EXISTS (SELECT 1 FROM group_own_property a WHERE a.group_id = p.group_id AND a.user = p.user AND a.name = 'AutoJoin' AND a.value = 'T') AND NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = p.group_id AND m.user = p.user) AND NOT EXISTS (SELECT 1 FROM group_joined j WHERE j.group_id = p.group_id AND j.user = p.user)",
    ),
    (
        "own properties of rejected users",
        "SELECT count(*) FROM group_own_property p JOIN group_reject r ON r.group_id = p.group_id AND r.user = p.user WHERE NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = p.group_id AND m.user = p.user)",
    ),
    (
        "delivery methods of nobody",
        "SELECT count(*) FROM group_delivery d WHERE NOT EXISTS (SELECT 1 FROM group_joined j WHERE j.group_id = d.group_id AND j.session = d.session)",
    ),
    (
        "groups without an administrator",
        "SELECT count(*) FROM chat_group g WHERE NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = g.id AND m.user = g.owner AND m.role = 'Admin')",
    ),
    (
        "rejected users that are there",
        "SELECT count(*) FROM group_joined j JOIN group_reject r ON r.group_id = j.group_id AND r.user = j.user",
    ),
];

fn check(db: &rusqlite::Connection, lab: &Lab, sessions: &[&str]) {
    for (what, sql) in BROKEN {
        let broken: u32 = db.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(broken, 0, "{what}");
    }
    let mut statement = db.prepare("SELECT session FROM group_joined").unwrap();
    let joined: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(joined.iter().all(|session| sessions.contains(&session.as_str())), "a session that is over is in a group");
    assert_eq!(lab.engine.sessions(), sessions.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_requests_about_groups_keep_what_must_be_so(
        steps in prop::collection::vec((0_usize..4, 0_u8..20, 0_u8..9), 1..60)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let mut store = Store::open(&path).unwrap();
        for user in ["alice", "bob", "carol"] {
            store.add_user(&format!("wv:{user}@example.com"), "secret", Timestamp::from_seconds(0)).unwrap();
        }
        let mut lab = Lab::with("example.com", store);
        let mut clients = CLIENTS.map(|(user, device)| lab.login_from(user, Version::V1_3, device));
        let db = rusqlite::Connection::open(&path).unwrap();
        for (who, number, more) in steps {
            let request = request(number, more);
            let code = lab.code(&mut clients[who], &request);
            prop_assert!(code != 500, "{request}");
            if request.starts_with("<Logout") {
                let (user, device) = CLIENTS[who];
                clients[who] = lab.login_from(user, Version::V1_3, device);
            }
            let sessions: Vec<&str> = clients.iter().map(|client| client.session.as_str()).collect();
            check(&db, &lab, &sessions);
        }
        for client in &mut clients {
            lab.ask(client, "<Logout-Request/>");
        }
        check(&db, &lab, &[]);
    }
}
