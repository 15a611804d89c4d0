//! The fundamental services of the server: who runs it, searching, checking addresses, profiles, notifications,
//! invitations (CSP transactions, F9 to F24).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use impskit::csp::{Code, Message, Mode, Outcome, Transaction, Version};
use impskit::document::Element;

use super::server::{Client, Lab, client_id, code};

#[test]
fn tells_who_runs_it_before_and_after_login() {
    let mut lab = Lab::new();
    let ask = || Element::new("GetSPInfo-Request").with(client_id("phone"));
    assert_eq!(lab.outband(Version::V1_2, ask()).child_text("Name"), Some("example.com"));
    let mut anna = lab.login(Version::V1_2, "anna", "phone");
    assert_eq!(anna.ask(&mut lab, ask()).child("ClientID"), Some(&client_id("phone")));
}

#[test]
fn verifies_addresses() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let list = |ids: &[&str]| {
        let ids = ids.iter().map(|id| Element::leaf("UserID", id.to_string()));
        Element::new("VerifyID-Request").with(Element::new("IDList").with_all(ids))
    };
    assert_eq!(code(&anna.ask(&mut lab, list(&["berta", "wv:ANNA@example.com"]))), 200);
    let mixed = anna.ask(&mut lab, list(&["berta", "wv:Nobody@example.com", "wv:x@elsewhere.example"]));
    let outcome = Outcome::read(&mixed).unwrap();
    assert_eq!(outcome.code.0, 201);
    assert_eq!(outcome.details.iter().map(|d| d.code.0).collect::<Vec<_>>(), [200, 516, 531], "every ID is sorted");
    assert_eq!(outcome.details[2].items[0].trimmed(), "wv:Nobody@example.com", "echoed unchanged");
    assert_eq!(code(&anna.ask(&mut lab, list(&["nobody", "none"]))), 201);
    let others = Element::new("IDList")
        .with_leaf("ContactList", "wv:anna/friends@example.com")
        .with_leaf("ContactList", "wv:berta/friends@example.com")
        .with_leaf("GroupID", "wv:/lobby@example.com")
        .with_leaf("Domain", "example.com")
        .with_leaf("Domain", "elsewhere.example");
    anna.ask(&mut lab, Element::new("CreateList-Request").with_leaf("ContactList", "wv:anna/friends@example.com"));
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    berta.ask(&mut lab, Element::new("CreateList-Request").with_leaf("ContactList", "wv:berta/friends@example.com"));
    let outcome = Outcome::read(&anna.ask(&mut lab, Element::new("VerifyID-Request").with(others))).unwrap();
    let sorted: Vec<_> = outcome.details.iter().map(|d| (d.code.0, d.items.len())).collect();
    assert_eq!(sorted, [(200, 2), (404, 1), (700, 1), (800, 1)], "C05: lists of others are unknown");
}

#[test]
fn searches_page_by_page_and_knows_no_wildcards() {
    let mut lab = Lab::new();
    for number in 0..25 {
        let now = lab.now;
        lab.engine.store().add_user(&format!("wv:user{number:02}@example.com"), "x", now).unwrap();
    }
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let search = |text: &str| {
        let pair = Element::new("SearchPairList").with_leaf("SearchElement", "USER_ID");
        let pair = pair.with_leaf("SearchString", text.to_owned());
        Element::new("Search-Request").with(pair).with_leaf("SearchLimit", "10")
    };
    let first = anna.ask(&mut lab, search("USER"));
    let id = first.child_text("SearchID").unwrap().to_owned();
    assert!(id.parse::<i32>().is_ok(), "a reader of signed numbers takes it too: {id}");
    let piece = |answer: &Element<'_>| {
        let users = answer.descend(&["SearchResult", "UserList"]).map_or(0, |list| list.children.len());
        (users, answer.child_text("CompletionFlag") == Some("T"), answer.child_text("SearchIndex").map(str::to_owned))
    };
    assert_eq!((first.child_text("SearchFindings"), piece(&first)), (Some("25"), (10, false, Some("11".into()))));
    let go_on = |id: &str, index: &str| {
        let request = Element::new("Search-Request").with_leaf("SearchID", id.to_owned());
        request.with_leaf("SearchIndex", index.to_owned())
    };
    assert_eq!(piece(&anna.ask(&mut lab, go_on(&id, "21"))), (5, true, None));
    assert_eq!(code(&anna.ask(&mut lab, go_on(&id, "26"))), 425);
    assert_eq!(code(&anna.ask(&mut lab, go_on("123", "1"))), 424);
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    assert_eq!(code(&berta.ask(&mut lab, go_on(&id, "1"))), 424, "C05: a search of another");
    for wildcard in ["%", "_", "user%", "*"] {
        let answer = anna.ask(&mut lab, search(wildcard));
        assert_eq!(answer.child_text("SearchFindings"), Some("0"), "C07: {wildcard}");
    }
    assert_eq!(code(&anna.ask(&mut lab, search(&"x".repeat(100_000)))), 537);
    let id = anna.ask(&mut lab, search("user")).child_text("SearchID").unwrap().to_owned();
    let stop = |id: &str| Element::new("StopSearch-Request").with_leaf("SearchID", id.to_owned());
    assert_eq!(code(&berta.ask(&mut lab, stop(&id))), 424, "C03");
    assert_eq!(code(&anna.ask(&mut lab, stop(&id))), 200);
    assert_eq!(code(&anna.ask(&mut lab, stop(&id))), 424);
    let mut foreign = search("user");
    foreign.children[0].children[0] = Element::leaf("SearchElement", "GROUP_TOPIC");
    let answer = anna.ask(&mut lab, foreign.clone());
    assert_eq!(answer.child_text("SearchFindings"), Some("0"), "there are no groups");
    assert_eq!(code(&anna.ask(&mut lab, foreign.with_all(search("user").children))), 562, "users or groups, not both");
}

/// The document types of 1.1 and 1.2 want a SearchIndex in every answer; `examples/1.2/48-search-response` has it.
#[test]
fn an_answer_to_a_search_has_an_index_before_1_3() {
    for version in [Version::V1_1, Version::V1_2] {
        let mut lab = Lab::new();
        let mut anna = lab.login(version, "anna", "phone");
        let search = |text: &str| {
            let pair = Element::new("SearchPairList").with_leaf("SearchElement", "USER_ID");
            let pair = pair.with_leaf("SearchString", text.to_owned());
            Element::new("Search-Request").with(pair).with_leaf("SearchLimit", "10")
        };
        for (text, index) in [("berta", "1"), ("nobody", "0")] {
            let answer = anna.ask(&mut lab, search(text));
            assert_eq!(answer.child_text("CompletionFlag"), Some("T"), "{version:?}");
            assert_eq!(answer.child_text("SearchIndex"), Some(index), "{version:?}");
        }
    }
}

#[test]
fn public_profiles_are_read_by_all_and_written_by_their_owner() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    let property = |name: &str, value: &str| {
        Element::new("Property").with_leaf("Name", name.to_owned()).with_leaf("Value", value.to_owned())
    };
    let update = |properties: Vec<Element<'static>>| {
        Element::new("UpdatePublicProfile-Request").with(Element::new("PublicProfile").with_all(properties))
    };
    let good = vec![property("PP_FRIENDLY_NAME", "Anna%"), property("PP_AGE", "41"), property("pp_gender", "F")];
    assert_eq!(code(&anna.ask(&mut lab, update(good))), 200);
    assert_eq!(code(&anna.ask(&mut lab, update(vec![property("PP_GENDER", "X")]))), 702);
    let mixed = vec![property("PP_CITY", "Espoo"), property("PP_SHOE_SIZE", "44")];
    assert_eq!(code(&anna.ask(&mut lab, update(mixed))), 201);
    let mut foreign = update(vec![property("PP_CITY", "Oulu")]);
    foreign.children[0].children.insert(0, Element::leaf("UserID", "wv:anna@example.com"));
    assert_eq!(code(&berta.ask(&mut lab, foreign)), 403, "C05");

    let get = Element::new("GetPublicProfile-Request").with_leaf("UserID", "anna").with_leaf("UserID", "nobody");
    let answer = berta.ask(&mut lab, get);
    let outcome = Outcome::read(&answer).unwrap();
    assert_eq!((outcome.code.0, outcome.details[0].code.0), (201, 531));
    let values: Vec<_> = answer.child("PublicProfile").unwrap().children_named("Property").collect();
    let values: Vec<_> =
        values.iter().map(|p| (p.child_text("Name").unwrap(), p.child_text("Value").unwrap())).collect();
    let wanted = [("PP_AGE", "41"), ("PP_CITY", "Espoo"), ("PP_FRIENDLY_NAME", "Anna%"), ("PP_GENDER", "F")];
    assert_eq!(values, wanted);

    let mut search = |pairs: &[(&str, &str)]| {
        let pair = |(element, text): &(&str, &str)| {
            let pair = Element::new("SearchPairList").with_leaf("SearchElement", element.to_string());
            pair.with_leaf("SearchString", text.to_string())
        };
        let answer = berta.ask(&mut lab, Element::new("Search-Request").with_all(pairs.iter().map(pair)));
        let user = answer.descend(&["SearchResult", "UserList", "User"]).cloned();
        (Outcome::read(&answer).map(|o| o.code.0), user.and_then(|u| u.child_text("FriendlyName").map(str::to_owned)))
    };
    let anna = (None, Some("Anna%".to_owned()));
    assert_eq!(search(&[("USER_CITY", "ESPO")]), anna);
    assert_eq!(search(&[("USER_FRIENDLY_NAME", "%"), ("USER_AGE_MIN", "41"), ("USER_ONLINE_STATUS", "T")]), anna);
    assert_eq!(search(&[("USER_GENDER", "F"), ("USER_AGE_MAX", "40")]), (None, None));
    assert_eq!(search(&[("USER_ONLINE_STATUS", "T")]), (Some(537), None), "too broad");
    assert_eq!(search(&[("USER_FIRST_NAME", "A")]), (Some(562), None));
}

#[test]
fn clients_are_notified_of_what_they_asked_for() {
    let mut lab = Lab::new();
    let mut phone = lab.login(Version::V1_3, "anna", "phone");
    let mut desk = lab.login(Version::V1_3, "anna", "desk");
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    let types = |name: &'static str, types: &[&'static str]| {
        let types = types.iter().map(|word| Element::leaf("NotificationType", *word));
        Element::new(name).with(Element::new("NotificationTypeList").with_all(types))
    };
    assert_eq!(code(&desk.ask(&mut lab, types("SubscribeNotification-Request", &["CLCR", "PPU", "BLUC"]))), 200);
    assert_eq!(code(&desk.ask(&mut lab, types("UnsubscribeNotification-Request", &["BLUC"]))), 200);
    assert_eq!(code(&desk.ask(&mut lab, types("UnsubscribeNotification-Request", &[]))), 400, "an empty list");
    assert_eq!(code(&desk.ask(&mut lab, types("SubscribeNotification-Request", &["XYZ"]))), 402);
    let nick =
        Element::new("NickList").with(Element::new("NickName").with_leaf("Name", "B").with_leaf("UserID", "berta"));
    let create = Element::new("CreateList-Request").with_leaf("ContactList", "wv:anna/friends@example.com").with(nick);
    assert_eq!(phone.ask(&mut lab, create).name, "CreateList-Response");
    phone.ask(&mut lab, Element::new("BlockEntity-Request").with_leaf("BlockListInUse", "T"));
    let name = Element::new("Property").with_leaf("Name", "PP_CITY").with_leaf("Value", "Oulu");
    let update = Element::new("UpdatePublicProfile-Request").with(Element::new("PublicProfile").with(name));
    assert_eq!(code(&berta.ask(&mut lab, update)), 200);
    let mut told = Vec::new();
    let mut next = desk.poll(&mut lab);
    while let Some(mut answer) = next {
        let opened = answer.transactions.remove(0);
        if opened.primitive.name == "Notification-Request" {
            told.push(opened.primitive.child_text("NotificationType").unwrap().to_owned());
        }
        let ok = Transaction::response(opened.id, Outcome::new(impskit::csp::Code::SUCCESSFUL).status());
        next = lab.send(&Message::new(Version::V1_3, desk.session.clone(), ok));
    }
    assert_eq!(told, ["CLCR", "PPU"], "not of what was unsubscribed");
    while let Some(answer) = phone.poll(&mut lab) {
        assert_ne!(answer.transactions[0].primitive.name, "Notification-Request", "it asked for nothing");
        lab.pass(200);
    }
}

/// Acknowledges everything that waits for a client, and returns it.
fn drain(lab: &mut Lab, client: &Client) -> Vec<Element<'static>> {
    let mut found = Vec::new();
    let mut next = client.poll(lab);
    while let Some(mut answer) = next {
        let opened = answer.transactions.remove(0);
        assert_eq!(opened.mode, Mode::Request);
        let ok = Transaction::response(opened.id, Outcome::new(Code::SUCCESSFUL).status());
        next = lab.send(&Message::new(client.version, client.session.clone(), ok));
        found.push(opened.primitive);
    }
    found
}

fn invite(id: &str, kind: &str, users: &[&str]) -> Element<'static> {
    let users = users.iter().map(|user| Element::new("User").with_leaf("UserID", user.to_string()));
    Element::new("Invite-Request")
        .with_leaf("InviteID", id.to_owned())
        .with_leaf("InviteType", kind.to_owned())
        .with(Element::new("Recipient").with_all(users))
        .with_leaf("InviteNote", "Care for a game?")
        .with_leaf("Validity", "3600")
}

fn respond(id: &str, acceptance: &str, user: &str) -> Element<'static> {
    let sender = Element::new("Sender").with(Element::new("User").with_leaf("UserID", user.to_owned()));
    Element::new("InviteUser-Response")
        .with_leaf("InviteID", id.to_owned())
        .with_leaf("Acceptance", acceptance.to_owned())
        .with(sender)
        .with_leaf("ResponseNote", "On my way.")
}

#[test]
fn an_invitation_goes_out_and_its_answer_comes_back_in_every_version() {
    for (from, to) in [(Version::V1_3, Version::V1_3), (Version::V1_1, Version::V1_3), (Version::V1_2, Version::V1_1)] {
        let mut lab = Lab::new();
        let mut anna = lab.login(from, "anna", "phone");
        let mut berta = lab.login(to, "berta", "phone");
        let answer = anna.ask(&mut lab, invite("inv-1", "IM", &["wv:berta@example.com", "wv:nobody@example.com"]));
        let outcome = Outcome::read(&answer).unwrap();
        assert_eq!(outcome.code.0, 201, "{outcome:?}");
        assert_eq!(outcome.details[0].code.0, 531);
        let told = drain(&mut lab, &berta);
        let [asked] = &told[..] else { panic!("{told:?}") };
        assert_eq!(asked.name, "InviteUser-Request");
        assert_eq!(impskit::csp::fault(asked, to), None, "well-formed by the table");
        let sender = asked.descend(&["Sender", "User", "UserID"]).map(Element::trimmed);
        assert_eq!((asked.child_text("InviteID"), sender), (Some("inv-1"), Some("wv:anna@example.com")), "C06");
        assert_eq!(asked.child_text("InviteNote"), Some("Care for a game?"));

        let someone = respond("inv-1", "T", "wv:anna@example.com");
        if to > Version::V1_1 {
            assert_eq!(code(&berta.ask(&mut lab, someone)), 427, "C06");
        }
        assert_eq!(code(&berta.ask(&mut lab, respond("inv-2", "T", "wv:berta@example.com"))), 423);
        assert_eq!(code(&berta.ask(&mut lab, respond("inv-1", "T", "wv:berta@example.com"))), 200);
        assert_eq!(code(&berta.ask(&mut lab, respond("inv-1", "F", "wv:berta@example.com"))), 423, "answered");
        let told = drain(&mut lab, &anna);
        let [answered] = &told[..] else { panic!("{told:?}") };
        assert_eq!((answered.name.as_ref(), answered.child_text("Acceptance")), ("Invite-Response", Some("T")));
        assert_eq!(impskit::csp::fault(answered, from), None, "well-formed by the table");
        let note = if from == Version::V1_3 { "InviteNote" } else { "ResponseNote" };
        assert_eq!(answered.child_text(note), Some("On my way."));
    }
}

#[test]
fn who_is_away_is_invited_when_it_comes_unless_that_was_cancelled_or_is_too_late() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    for id in ["early", "cancelled", "open"] {
        assert_eq!(code(&anna.ask(&mut lab, invite(id, "PR", &["berta"]))), 200);
        lab.pass(600);
    }
    let cancel = |id: &str| Element::new("CancelInvite-Request").with_leaf("InviteID", id.to_owned());
    assert_eq!(code(&anna.ask(&mut lab, cancel("cancelled"))), 200);
    assert_eq!(code(&anna.ask(&mut lab, cancel("cancelled"))), 423, "C03");
    assert_eq!(code(&anna.ask(&mut lab, cancel("never"))), 423, "C03");
    lab.pass(1500);
    anna.ask(&mut lab, Element::new("KeepAlive-Request"));
    lab.pass(600);
    let berta = lab.login(Version::V1_2, "berta", "phone");
    let ids: Vec<_> =
        drain(&mut lab, &berta).iter().map(|told| told.child_text("InviteID").unwrap().to_owned()).collect();
    assert_eq!(ids, ["open"]);
    let mut stranger = lab.login(Version::V1_3, "berta", "desk");
    assert_eq!(code(&stranger.ask(&mut lab, cancel("open"))), 423, "C05: an invitation of another");
    assert_eq!(code(&anna.ask(&mut lab, cancel("open"))), 200);
    assert_eq!(drain(&mut lab, &berta)[0].name, "CancelInviteUser-Request");
}

#[test]
fn invitations_need_what_their_type_says_and_respect_blocks() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let mut berta = lab.login(Version::V1_3, "berta", "phone");
    let group = |id: &str| invite("g", "GR", &["berta"]).with_leaf("GroupID", id.to_owned());
    assert_eq!(code(&anna.ask(&mut lab, invite("g", "GR", &["berta"]))), 429);
    assert_eq!(code(&anna.ask(&mut lab, group("wv:anna/chess@example.com"))), 800);
    let create = Element::new("CreateGroup-Request")
        .with_leaf("GroupID", "wv:anna/chess@example.com")
        .with(Element::new("GroupProperties"))
        .with_leaf("JoinGroup", "F")
        .with_leaf("SubscribeNotification", "F");
    assert_eq!(code(&anna.ask(&mut lab, create)), 200);
    assert_eq!(code(&anna.ask(&mut lab, group("wv:anna/chess@example.com"))), 808);
    assert_eq!(code(&anna.ask(&mut lab, invite("a", "AP", &["berta"]))), 450);
    assert_eq!(code(&anna.ask(&mut lab, invite("s", "SC", &["berta"]))), 400);
    assert_eq!(code(&anna.ask(&mut lab, invite("x", "XX", &["berta"]))), 402);
    assert_eq!(code(&anna.ask(&mut lab, invite("n", "IM", &["wv:x@elsewhere.example"]))), 900);
    let entities = Element::new("AddList").with_leaf("UserID", "wv:anna@example.com");
    let block = Element::new("BlockEntity-Request").with(Element::new("BlockList").with(entities));
    assert_eq!(code(&berta.ask(&mut lab, block.with_leaf("BlockListInUse", "T"))), 200);
    let answer = anna.ask(&mut lab, invite("b", "IM", &["berta"]));
    assert_eq!(Outcome::read(&answer).unwrap().details[0].code.0, 532);
    assert_eq!(drain(&mut lab, &berta), []);
}
