//! What any logged-in user may try (abuse cases C01 to C10). The doings of each subject are in its own file.

use impskit::csp::Primitive;

use super::*;

#[test]
fn c07_quotes_and_wildcards_are_letters() {
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

/// Returns the requests of clients among the sample messages of a version.
fn sample_requests(version: Version) -> Vec<Element<'static>> {
    let folder = format!("{}/tests/samples/csp/{}", env!("CARGO_MANIFEST_DIR"), version.as_str());
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    let mut requests = Vec::new();
    for path in paths {
        let octets = std::fs::read(&path).unwrap();
        let Ok((Body::Message(message), _)) = wire::read(&octets, &wire::LIMITS) else {
            continue;
        };
        requests.extend(message.into_owned().transactions.into_iter().map(|t| t.primitive).filter(|primitive| {
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
fn c01_damaged_requests_are_answered_by_the_table() {
    // Each request empty, with each child missing, with each twice, with the children of another.
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
            let grammar = &version.vocabulary().grammar;
            let code = ask(Element::new(request.name.clone()));
            let is_faulty = impskit::csp::fault(&Element::new(request.name.clone()), version).is_some();
            // Maps, segments and extended conversations are not offered.
            let is_refused = matches!(code, 400 | 501 | 506);
            assert!(!is_faulty || is_refused, "{} without children: {code}", request.name);
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
fn c04_what_cannot_be_written_does_not_poison_an_outbox() {
    // Control characters are no text in any syntax; content in octets may hold them.
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    lab.ask(&mut bob, &grant(Version::V1_3, &[], true, "<StatusText/><Alias/>"));
    lab.ask(&mut alice, &subscribe(USER_BOB, "<StatusText/><Alias/>"));
    lab.poll(&alice);
    bob.encoding = Encoding::Wbxml;
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
fn c08_no_statement_is_built_from_text() {
    // Every statement of the store is a constant; the one line that is not writes our own schema.
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
    let is_ours = |line: &String| line.contains("BEGIN; {statements};") || line.contains("SCHEMAS[0]");
    assert!(built.iter().all(is_ours), "{built:?}");
}

#[test]
fn c09_quotas_have_their_codes() {
    // Beside those of contact lists, groups and messages.
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

/// The sender is who is logged in, whatever the message says; where it says nothing the server fills it in.
#[test]
fn c06_nobody_writes_in_anothers_name() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let mut alice = lab.login("alice", version);
        let bob = lab.login("bob", version);
        for sender in ["wv:bob@example.com", "wv:carol", "wv:nobody@example.com", "wv:alice@else.where", "alice@", "%"]
        {
            let sender = format!("<Sender><User><UserID>{sender}</UserID></User></Sender>");
            let code = lab.code(&mut alice, &send(USER_BOB, &sender, "x"));
            assert!(matches!(code, 402 | 427), "{sender}: {code}");
        }
        assert!(lab.poll(&bob).is_empty());
        for sender in ["", "<Sender><User><UserID>WV:Alice@Example.com</UserID></User></Sender>"] {
            assert_eq!(lab.code(&mut alice, &send(USER_BOB, sender, "x")), 200, "{sender}");
            let message = lab.receive(&bob, "NewMessage");
            let sender = message.descend(&["MessageInfo", "Sender", "User", "UserID"]).unwrap();
            assert_eq!(sender.trimmed(), "wv:alice@example.com");
        }
    }
}

/// Nothing that is sent makes more than one of itself: no report of a report, no message to a list within a list, no
/// forward that comes back by itself.
#[test]
fn c10_messages_do_not_multiply() {
    let mut lab = Lab::new();
    let mut alice = lab.login("alice", Version::V1_3);
    let mut bob = lab.login("bob", Version::V1_3);
    let wants_report = |request: String| request.replace("<DeliveryReport>F", "<DeliveryReport>T");
    // To oneself, with a report to oneself.
    let to_alice = "<User><UserID>wv:alice@example.com</UserID></User>";
    assert_eq!(lab.code(&mut alice, &wants_report(send(to_alice, "", "me"))), 200);
    let names: Vec<_> = lab.poll(&alice).iter().map(|primitive| primitive.name.to_string()).collect();
    assert_eq!(names, ["NewMessage", "DeliveryReport-Request"]);
    // A list that holds its owner, lists and groups, and the same user again and again.
    let members = "<NickList><UserID>wv:alice</UserID><UserID>wv:bob</UserID><UserID>WV:Bob@example.com</UserID>\
                   <UserID>wv:alice/loop</UserID><UserID>wv:alice/chess</UserID></NickList>";
    lab.ask(&mut alice, &create_group("", JOINED_BY_CREATION));
    lab.poll(&alice);
    lab.ask(&mut alice, &create_list("wv:alice/loop", members));
    let list = "<ContactList>wv:alice/loop</ContactList>";
    let everyone = format!("{list}{list}{USER_BOB}{USER_BOB}{to_alice}");
    lab.ask(&mut alice, &wants_report(send(&everyone, "", "all")));
    let told = |received: &[Element<'static>]| received.iter().filter(|p| p.name == "NewMessage").count();
    assert_eq!((told(&lab.poll(&bob)), told(&lab.poll(&alice))), (1, 1), "once each");
    // A message that is forwarded to its sender, who forwards it again: each time by hand.
    assert_eq!(
        lab.code(
            &mut alice,
            "<SetDeliveryMethod-Request><DeliveryMethod>N</DeliveryMethod></SetDeliveryMethod-Request>"
        ),
        200
    );
    assert_eq!(lab.code(&mut bob, &send(to_alice, "", "ping")), 200);
    for _ in 0..3 {
        let announced = lab.receive(&alice, "MessageNotification");
        let id = announced.descend(&["MessageInfo", "MessageID"]).unwrap().trimmed().to_owned();
        let forward = format!(
            "<ForwardMessage-Request><Recipient>{to_alice}</Recipient><MessageID>{id}</MessageID></ForwardMessage-Request>"
        );
        assert_eq!(lab.code(&mut alice, &forward), 200);
    }
    lab.receive(&alice, "MessageNotification");
    assert!(lab.poll(&alice).is_empty() && lab.poll(&bob).is_empty());
}

/// Who is not let in, is let in no more, or asks for itself gets nothing that is not its own, and nothing breaks.
#[test]
fn c15_presence_is_for_whom_it_is_granted_to() {
    for version in Version::ALL {
        let mut lab = Lab::new();
        let (mut alice, mut bob) = (lab.login("alice", version), lab.login("bob", version));
        assert_eq!(lab.code(&mut bob, &update(&status_text("secret"))), 200);
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<OnlineStatus/>")), 200);
        let users = if version == Version::V1_3 {
            "<UserIDList><UserID>wv:bob@example.com</UserID></UserIDList>".to_owned()
        } else {
            USER_BOB.to_owned()
        };
        let get = format!(
            "<GetPresence-Request>{users}<PresenceSubList><StatusText/></PresenceSubList></GetPresence-Request>"
        );
        // Not authorised for what is asked.
        assert_eq!(lab.code(&mut alice, &subscribe(USER_BOB, "<StatusText/>")), 200);
        assert!(lab.poll(&alice).iter().all(|told| !text(told).contains("secret")));
        assert!(!text(&lab.ask(&mut alice, &get)).contains("secret"));
        // Granted, and no more: attribute lists alone rule presence, block lists do not (CSP presence, "Authorisation").
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<OnlineStatus/><StatusText/>")), 200);
        assert!(lab.poll(&alice).iter().any(|told| text(told).contains("secret")), "now it is granted");
        assert_eq!(lab.code(&mut bob, &grant(version, &["alice"], false, "<OnlineStatus/>")), 200);
        lab.poll(&alice);
        assert_eq!(lab.code(&mut bob, &update(&status_text("secret two"))), 200);
        assert!(lab.poll(&alice).iter().all(|told| !text(told).contains("secret two")), "{version:?}");
        assert!(!text(&lab.ask(&mut alice, &get)).contains("secret two"), "{version:?}");
        // Oneself, nobody, a group, a list of another.
        for (user, codes) in [("wv:alice@example.com", &[200][..]), ("wv:nobody@example.com", &[201, 531, 900])] {
            let code = lab.code(&mut alice, &subscribe(&format!("<User><UserID>{user}</UserID></User>"), ""));
            assert!(codes.contains(&code), "{user}: {code}");
        }
        lab.poll(&alice);
        assert_eq!(lab.code(&mut alice, "<GetList-Request/>"), 200);
    }
}

/// What belongs to alice, in 1.3: a list, a group that guests may not enter, a message that waits, an attribute list.
fn of_alice(lab: &mut Lab) -> (Client, String) {
    let mut alice = lab.login("alice", Version::V1_3);
    let friends = "<NickList><NickName><Name>Kilroy</Name><UserID>wv:carol</UserID></NickName></NickList>";
    assert_eq!(lab.code(&mut alice, &create_list("wv:alice/friends", friends)), 200);
    let restricted = "<Property><Name>AccessType</Name><Value>Restricted</Value></Property>";
    assert_eq!(lab.code(&mut alice, &create_group(restricted, JOINED_BY_CREATION)), 200);
    assert_eq!(lab.code(&mut alice, &grant(Version::V1_3, &["carol"], false, "<StatusText/>")), 200);
    let to_alice = "<User><UserID>wv:alice@example.com</UserID></User>";
    let mut carol = lab.login("carol", Version::V1_3);
    let sent = lab.ask(&mut carol, &send(to_alice, "", "Kilroy"));
    (alice, sent.child_text("MessageID").unwrap().to_owned())
}

/// Who ends what is another's, or what was never there, hears so by the table, and it goes on.
#[test]
fn c03_nothing_of_others_is_ended() {
    let mut lab = Lab::new();
    let (mut alice, message) = of_alice(&mut lab);
    let mut bob = lab.login("bob", Version::V1_3);
    let invitation = format!(
        "<Invite-Request><InviteID>i1</InviteID><InviteType>SC</InviteType><Recipient>{}</Recipient><URLList>\
         <URL>http://example.com/a</URL></URLList><Validity>600</Validity></Invite-Request>",
        "<User><UserID>wv:carol@example.com</UserID></User>"
    );
    assert_eq!(lab.code(&mut alice, &invitation), 200);
    let cancel = |id: &str| {
        format!(
            "<CancelInvite-Request><InviteID>{id}</InviteID><Recipient><User><UserID>wv:carol@example.com</UserID>\
             </User></Recipient></CancelInvite-Request>"
        )
    };
    let group = |id: &str| format!("<DeleteGroup-Request><GroupID>{id}</GroupID></DeleteGroup-Request>");
    let search = |id: &str| format!("<StopSearch-Request><SearchID>{id}</SearchID></StopSearch-Request>");
    let list = |id: &str| format!("<DeleteList-Request><ContactList>{id}</ContactList></DeleteList-Request>");
    let reject = format!("<RejectMessage-Request><MessageID>{message}</MessageID></RejectMessage-Request>");
    let find = "<Search-Request><SearchPairList><SearchElement>USER_ID</SearchElement><SearchString>carol</SearchString>\
                </SearchPairList><SearchLimit>1</SearchLimit></Search-Request>";
    let found = lab.ask(&mut alice, find).child_text("SearchID").map(str::to_owned);
    let search_of_alice = found.unwrap_or_else(|| "1".to_owned());
    let rows = [
        (cancel("i1"), 423),
        (cancel("never"), 423),
        (group("wv:alice/chess@example.com"), 816),
        (group("wv:alice/never@example.com"), 800),
        (group("wv:/never@example.com"), 800),
        (search(&search_of_alice), 424),
        (search("4294967295"), 424),
        (list("wv:alice/friends"), 700),
        (list("wv:bob/never"), 700),
        (reject, 426),
    ];
    for (request, expected) in rows {
        let answer = lab.ask(&mut bob, &request);
        let outcome = Outcome::read(&answer).unwrap();
        let codes: Vec<u16> = outcome.details.iter().map(|detail| detail.code.0).chain([outcome.code.0]).collect();
        assert!(codes.contains(&expected) && !codes.contains(&200), "{request}: {codes:?}");
    }
    // Segments are never offered, so there is none to drop.
    let drop = lab.code(&mut bob, "<DropSegment-Request><SegmentID>1</SegmentID></DropSegment-Request>");
    assert_eq!(drop, 506);
    assert_eq!(lab.code(&mut alice, &cancel("i1")), 200, "it was still there");
    assert_eq!(lab.code(&mut alice, &list("wv:alice/friends")), 200, "it was still there");
    assert_eq!(lab.code(&mut alice, &group("wv:alice/chess@example.com")), 200, "it was still there");
    assert!(lab.poll(&alice).iter().any(|told| told.child_text("ContentData") == Some("Kilroy")));
}

/// Who reads or changes what is another's hears the code of the table, and neither sees nor changes anything.
#[test]
fn c05_nothing_of_others_is_read_or_changed() {
    let mut lab = Lab::new();
    let (mut alice, message) = of_alice(&mut lab);
    let mut bob = lab.login("bob", Version::V1_3);
    let friends = "<ContactList>wv:alice/friends</ContactList>";
    let member = "<User><UserID>wv:bob@example.com</UserID></User>";
    let one = "<UserIDList><UserID>wv:bob@example.com</UserID></UserIDList>";
    let rows = [
        (format!("<ListManage-Request>{friends}<ReceiveList>T</ReceiveList></ListManage-Request>"), 700),
        (
            format!(
                "<ListManage-Request>{friends}<AddNickList><UserID>wv:bob</UserID></AddNickList>\
                 <ReceiveList>T</ReceiveList></ListManage-Request>"
            ),
            700,
        ),
        (create_list("wv:alice/more", ""), 752),
        (send("<ContactList>wv:alice/friends</ContactList>", "", "x"), 700),
        (send(&format!("<Group>{CHESS}</Group>"), "", "x"), 808),
        (format!("<GetMessage-Request><MessageID>{message}</MessageID></GetMessage-Request>"), 426),
        (format!("<MessageDelivered><MessageID>{message}</MessageID></MessageDelivered>"), 426),
        (
            format!(
                "<ForwardMessage-Request><Recipient>{member}</Recipient><MessageID>{message}</MessageID>\
                 </ForwardMessage-Request>"
            ),
            426,
        ),
        (join_group("B"), 816),
        (format!("<GetGroupMembers-Request>{CHESS}</GetGroupMembers-Request>"), 816),
        (format!("<GetJoinedUsers-Request>{CHESS}</GetJoinedUsers-Request>"), 808),
        (format!("<AddGroupMembers-Request>{CHESS}{one}</AddGroupMembers-Request>"), 816),
        (format!("<RejectList-Request>{CHESS}</RejectList-Request>"), 816),
        (
            format!(
                "<SetGroupProps-Request>{CHESS}<GroupProperties><Property><Name>Name</Name><Value>Bob</Value></Property>\
                 </GroupProperties></SetGroupProps-Request>"
            ),
            816,
        ),
    ];
    for (request, expected) in rows {
        let answer = lab.ask(&mut bob, &request);
        let outcome = Outcome::read(&answer).unwrap_or_else(|| panic!("{request}: {}", text(&answer)));
        let codes: Vec<u16> = outcome.details.iter().map(|detail| detail.code.0).chain([outcome.code.0]).collect();
        assert!(codes.contains(&expected) && !codes.contains(&200), "{request}: {codes:?}");
        assert!(!text(&answer).contains("Kilroy"), "{}", text(&answer));
    }
    let shown =
        lab.ask(&mut alice, &format!("<ListManage-Request>{friends}<ReceiveList>T</ReceiveList></ListManage-Request>"));
    assert!(text(&shown).contains("Kilroy") && !text(&shown).contains("bob"), "{}", text(&shown));
    assert!(
        lab.poll(&alice).iter().any(|told| told.child_text("ContentData") == Some("Kilroy")),
        "her message is hers"
    );
}
