//! What any logged-in user may try (abuse cases C01 to C10). The doings of each subject are in its own file.

use impskit::csp::Primitive;

use super::*;

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
            let grammar = &version.vocabulary().grammar;
            let code = ask(Element::new(request.name.clone()));
            let is_faulty = impskit::csp::fault(&Element::new(request.name.clone()), version).is_some();
            // Invitations are not offered.
            assert!(!is_faulty || code == 400 || code == 405, "{} without children: {code}", request.name);
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
    // C04: control characters are no text in any syntax; content in octets may hold them.
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
    let is_ours = |line: &String| line.contains("BEGIN; {statements};") || line.contains("SCHEMAS[0]");
    assert!(built.iter().all(is_ours), "{built:?}");
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
