//! The client engine against servers that are written down here, line by line: each does something that servers in
//! the field do, or that the transport does to them (conformance, C-001 to C-003).

use std::time::Duration;

use impskit::client::{Client, Event, Identity, Negotiation, Output};
use impskit::codec::Encoding;
use impskit::csp::wire::{self, Form};
use impskit::csp::{Code, Discovery, Message, Mode, Outcome, Schema, Session, Transaction, Version};
use impskit::document::Element;

use super::client::{Lab, identity, login, new_message};

/// A client in a session where all is agreed but these: feature, group, function.
fn inside_without(version: Version, denied: &[[&'static str; 3]]) -> Lab {
    let mut lab = Lab::new(Identity { negotiation: Negotiation::AfterLogin, ..identity(version, Encoding::Wbxml) });
    lab.tell(Event::LogIn);
    lab.answer(session().with_leaf("CapabilityRequest", "F"));
    assert_eq!(lab.last().1, "Service-Request");
    // What is denied is in the inverted tree, and nothing else.
    let feature = |[feature, group, function]: &[&'static str; 3]| {
        Element::new(*feature).with(Element::new(*group).with(Element::new(*function)))
    };
    let tree = Element::new("WVCSPFeat").with_all(denied.iter().map(feature));
    let answer = Element::new("Service-Response");
    lab.answer(if denied.is_empty() { answer } else { answer.with(Element::new("Functions").with(tree)) });
    assert!(lab.told.contains(&Output::LoggedIn));
    lab.told.clear();
    lab
}

/// Everything is agreed.
fn inside(version: Version) -> Lab {
    inside_without(version, &[])
}

fn session() -> Element<'static> {
    login(Code::SUCCESSFUL).with_leaf("SessionID", "s-1").with_leaf("KeepAliveTime", "600")
}

fn status(code: Code) -> Element<'static> {
    Outcome::new(code).status()
}

fn failure(lab: &Lab) -> Option<(&str, &str)> {
    lab.told.iter().rev().find_map(|output| match output {
        Output::Failed { request, why } => Some((request.as_str(), why.as_str())),
        _ => None,
    })
}

fn get_list() -> Element<'static> {
    Element::new("GetList-Request")
}

// ---- C-001: login, negotiation, keep-alive

#[test]
fn a_login_that_is_refused_ends_and_is_told() {
    for version in Version::ALL {
        for code in [409, 531, 403, 603, 543, 505, 516, 920, 422, 402].map(Code) {
            for answer in [login(code), status(code)] {
                let mut lab = Lab::new(Identity { schemas: vec![Schema::Sha], ..identity(version, Encoding::Xml) });
                lab.tell(Event::LogIn);
                lab.answer(answer);
                let [Output::Answered { request, answer }] = &lab.told[..] else { panic!("{:?}", lab.told) };
                assert_eq!((request.as_str(), Outcome::read(answer).unwrap().code), ("Login-Request", code));
                assert_eq!((lab.client.is_in(), lab.posted.len()), (false, 1), "{code}: the attempt is over");
            }
        }
    }
}

#[test]
fn capabilities_are_sent_when_they_are_wanted_and_obeyed() {
    for version in Version::ALL {
        for wanted in ["T", "F"] {
            let mut lab =
                Lab::new(Identity { negotiation: Negotiation::AfterLogin, ..identity(version, Encoding::Xml) });
            lab.tell(Event::LogIn);
            lab.answer(session().with_leaf("CapabilityRequest", wanted));
            if wanted == "F" {
                assert_eq!(lab.last().1, "Service-Request", "nobody wants them");
                continue;
            }
            assert_eq!(lab.last().1, "ClientCapability-Request");
            let list = if version == Version::V1_1 { "CapabilityList" } else { "AgreedCapabilityList" };
            let length = if version == Version::V1_3 { "AcceptedTextContentLength" } else { "AcceptedContentLength" };
            let agreed = Element::new(list).with_leaf("ServerPollMin", "42").with_leaf(length, "10");
            lab.answer(Element::new("ClientCapability-Response").with(agreed));
            lab.answer(Element::new("Service-Response"));
            // Polls come no faster than agreed.
            assert_eq!(lab.client.next_deadline(), Some(Duration::from_secs(42)), "{version:?}");
            let long = impskit::client::primitives::send_message("wv:romeo", &["wv:juliet"], "eleven octets", false);
            let posted = lab.posted.len();
            lab.tell(Event::Request(long));
            if version != Version::V1_2 {
                assert_eq!(failure(&lab).unwrap().1, "the content has 13 octets, and 10 were agreed");
                assert_eq!(lab.posted.len(), posted);
            }
        }
    }
}

#[test]
fn functions_that_were_not_agreed_are_never_used() {
    for version in Version::ALL {
        let mut lab = inside_without(
            version,
            &[
                ["FundamentalFeat", "SearchFunc", "SRCH"],
                ["PresenceFeat", "ContListFunc", "GCLI"],
                ["IMFeat", "IMSendFunc", "MDELIV"],
            ],
        );
        let posted = lab.posted.len();
        let report = impskit::client::primitives::send_message("wv:romeo", &["wv:juliet"], "x", true);
        for (request, function) in
            [(get_list(), "GCLI"), (Element::new("Search-Request"), "SRCH"), (report.clone(), "MDELIV")]
        {
            let name = request.name.to_string();
            lab.tell(Event::Request(request));
            let why = format!("`{function}` was not agreed with the server");
            assert_eq!(failure(&lab), Some((name.as_str(), why.as_str())));
        }
        assert_eq!(lab.posted.len(), posted, "nothing was posted");
        // What is agreed is, and who wants to see the server's answer can.
        lab.tell(Event::Request(Element::new("GetBlockedList-Request")));
        assert_eq!(lab.last().1, "GetBlockedList-Request");
        lab.answer(status(Code::SUCCESSFUL));
        lab.tell(Event::Insist(get_list()));
        assert_eq!(lab.last().1, "GetList-Request");
    }
    let mut lab = inside(Version::V1_2);
    for name in ["GetMap-Request", "NewMessage", "Nonsense"] {
        lab.tell(Event::Request(Element::new(name)));
        assert_eq!(failure(&lab).unwrap().1, format!("a client of CSP 1.2 sends no {name}"));
    }
}

#[test]
fn creag_5_who_may_not_join_does_not_ask_to() {
    for version in [Version::V1_3, Version::V1_2] {
        let create =
            || Element::new("CreateGroup-Request").with_leaf("GroupID", "wv:romeo/a").with_leaf("JoinGroup", "T");
        let mut lab = inside(version);
        lab.tell(Event::Request(create()));
        assert_eq!(lab.last().0.primitive.child_text("JoinGroup"), Some("T"));
        // The server denies the mandatory part of groups: its marker is in the inverted tree.
        let mut lab = Lab::new(Identity { negotiation: Negotiation::AfterLogin, ..identity(version, Encoding::Wbxml) });
        lab.tell(Event::LogIn);
        lab.answer(session());
        let group = Element::new("GroupFeat").with(Element::new("MG"));
        let tree = Element::new("Functions").with(Element::new("WVCSPFeat").with(group));
        lab.answer(Element::new("Service-Response").with(tree));
        assert!(lab.client.services().has("CREAG") && !lab.client.services().has("GroupFeat"));
        lab.tell(Event::Request(create()));
        assert_eq!(lab.last().0.primitive.child_text("JoinGroup"), Some("F"), "{version:?}");
    }
}

#[test]
fn a_keep_alive_is_answered_with_either_name() {
    for name in ["KeepAliveTime", "TimeToLive"] {
        let mut lab = inside(Version::V1_2);
        lab.tell(Event::Request(Element::new("KeepAlive-Request").with_leaf("TimeToLive", "900")));
        let result = Outcome::new(Code::SUCCESSFUL).element();
        let primitive = Element::new("KeepAlive-Response").with(result).with_leaf("KeepAliveTime", "120");
        let answer = Transaction::response(lab.last().0.id.clone(), primitive);
        let message = Message::new(Version::V1_2, Session::Inband("s-1".to_owned()), answer);
        // Our own writer has one name only.
        let octets = wire::write(&message, Form::of(Encoding::Xml)).unwrap();
        let text = String::from_utf8(octets).unwrap().replace("KeepAliveTime", name);
        lab.tell(Event::Answer(text.into_bytes()));
        assert_eq!(lab.client.keep_alive(), Duration::from_secs(120), "{name}");
        // It is kept in time, with a margin.
        let due = Duration::from_secs(120 - 10);
        let mut kept = false;
        while let Some(next) = lab.client.next_deadline().filter(|next| *next <= due) {
            let posted = lab.posted.len();
            lab.tell_at(next, Event::Tick);
            assert_eq!(lab.posted.len(), posted + 1);
            kept = true;
            let answer = if lab.last().1 == "Polling-Request" { Vec::new() } else { panic!("polls keep it too") };
            lab.tell_at(next, Event::Answer(answer));
        }
        assert!(kept);
    }
}

#[test]
fn polls_wait_longer_while_nothing_comes_and_not_when_something_did() {
    let mut lab = inside(Version::V1_3);
    let mut gaps = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..5 {
        let due = lab.client.next_deadline().unwrap();
        gaps.push((due - now).as_secs());
        now = due;
        lab.tell_at(now, Event::Tick);
        assert_eq!(lab.last().1, "Polling-Request");
        lab.tell_at(now, Event::Answer(Vec::new()));
    }
    assert_eq!(gaps, [10, 10, 20, 30, 40]);
    now = lab.client.next_deadline().unwrap();
    lab.tell_at(now, Event::Tick);
    let transactions = vec![Transaction::request("5", new_message("m-1"))];
    let session = Session::Inband("s-1".to_owned());
    let message = Message { version: Version::V1_3, session, transactions, poll: Some(false), cir: None };
    let body = wire::write(&message, Form::of(Encoding::Xml)).unwrap();
    lab.tell_at(now, Event::Answer(body));
    lab.tell_at(now, Event::Answer(Vec::new()));
    assert_eq!(lab.client.next_deadline(), Some(now + Duration::from_secs(10)), "no longer than agreed");
}

// ---- C-001: what the server opens

#[test]
fn an_unknown_request_of_the_server_is_not_implemented() {
    for version in Version::ALL {
        let mut lab = inside(version);
        for (number, name) in ["Nonsense-Request", "GetList-Request", "Extended-Request"].into_iter().enumerate() {
            lab.tell(Event::Poll);
            // Written by hand: our own writer has no such element.
            let [session, transaction, _] = version.namespaces();
            let text = format!(
                "<WV-CSP-Message xmlns=\"{session}\"><Session><SessionDescriptor><SessionType>Inband</SessionType>\
                 <SessionID>s-1</SessionID></SessionDescriptor><Transaction><TransactionDescriptor><TransactionMode>\
                 Request</TransactionMode><TransactionID>u{number}</TransactionID></TransactionDescriptor>\
                 <TransactionContent xmlns=\"{transaction}\"><{name}/></TransactionContent></Transaction></Session>\
                 </WV-CSP-Message>"
            );
            lab.tell(Event::Answer(text.into_bytes()));
            let (answer, _) = lab.last();
            let id = format!("u{number}");
            assert_eq!((answer.mode, answer.id.as_deref()), (Mode::Response, Some(id.as_str())), "{name}");
            assert_eq!(Outcome::read(&answer.primitive).unwrap().code, Code::NOT_IMPLEMENTED, "{name}");
            lab.nothing();
        }
        assert_eq!(lab.received(), 0);
    }
}

#[test]
fn notices_are_acknowledged_and_told_once() {
    for (version, name) in [
        (Version::V1_1, "PresenceNotification-Request"),
        (Version::V1_2, "GroupChangeNotice"),
        (Version::V1_3, "Notification-Request"),
        (Version::V1_3, "SystemMessage-Request"),
        (Version::V1_3, "LeaveGroup-Response"),
        (Version::V1_2, "InviteUser-Request"),
        (Version::V1_2, "Invite-Response"),
        (Version::V1_2, "CancelInviteUser-Request"),
        (Version::V1_2, "DeliveryReport-Request"),
        (Version::V1_2, "MessageNotification"),
    ] {
        let mut lab = inside(version);
        for _ in 0..2 {
            lab.tell(Event::Poll);
            lab.open("17", Element::new(name), false);
            assert_eq!((lab.last().1, lab.last().0.id.as_deref()), ("Status", Some("17")), "{name}");
            assert_eq!(Outcome::read(&lab.last().0.primitive).unwrap().code, Code::SUCCESSFUL);
            lab.nothing();
        }
        assert_eq!(lab.received(), 1, "{name}: the repeat is acknowledged and not told");
    }
}

fn question(id: &str) -> Element<'static> {
    let option = |number: &'static str, text: &'static str| {
        Element::new("AnswerOption").with_leaf("AnswerOptionID", number).with_leaf("AnswerOptionText", text)
    };
    let options = Element::new("AnswerOptions").with(option("1", "Yes")).with(option("2", "No"));
    let message = Element::new("SystemMessage")
        .with_leaf("SystemMessageID", id.to_owned())
        .with_leaf("RequiresResponse", "T")
        .with_leaf("SystemMessageText", "Do you agree?")
        .with(options);
    Element::new("SystemMessageList").with(message)
}

fn answer_to(id: &str) -> Element<'static> {
    let response = Element::new("SystemMessageResponse")
        .with_leaf("SystemMessageID", id.to_owned())
        .with_leaf("ChosenOptionID", "1");
    Element::new("SystemMessage-User").with(Element::new("SystemMessageResponseList").with(response))
}

#[test]
fn a_question_of_the_server_waits_for_the_user() {
    let mut lab = inside(Version::V1_3);
    lab.tell(Event::Poll);
    let posted = lab.posted.len();
    lab.open("3", Element::new("SystemMessage-Request").with(question("q-1")), false);
    assert_eq!((lab.received(), lab.posted.len()), (1, posted), "told, and not acknowledged");
    lab.tell(Event::Respond(answer_to("q-1")));
    let (answer, name) = lab.last();
    assert_eq!((answer.mode, answer.id.as_deref(), name), (Mode::Response, Some("3"), "SystemMessage-User"));
    lab.nothing();
    lab.tell(Event::Respond(answer_to("q-1")));
    assert_eq!(failure(&lab).unwrap().1, "the server has asked nothing");
}

#[test]
fn a_question_at_login_is_answered_with_the_next() {
    let mut lab = Lab::new(identity(Version::V1_3, Encoding::Xml));
    lab.tell(Event::LogIn);
    let mut refused = login(Code::FORBIDDEN);
    refused.children.iter_mut().filter(|c| c.name == "Result").for_each(|result| result.children.push(question("q-2")));
    lab.answer(refused);
    let [Output::Answered { answer, .. }] = &lab.told[..] else { panic!("{:?}", lab.told) };
    assert!(answer.descend(&["Result", "SystemMessageList", "SystemMessage"]).is_some(), "the user sees the question");
    lab.tell(Event::Respond(answer_to("q-2")));
    lab.tell(Event::LogIn);
    let path = ["SystemMessageResponseList", "SystemMessageResponse", "ChosenOptionID"];
    assert_eq!(lab.last().0.primitive.descend(&path).map(Element::trimmed), Some("1"));
    lab.answer(session());
    assert!(lab.client.is_in());
}

#[test]
fn the_end_of_a_session_may_stand_in_any_answer() {
    let result = |code| Outcome::new(code).element();
    for code in [600, 601, 604].map(Code) {
        for (request, answer) in [
            (get_list(), status(code)),
            (Element::new("KeepAlive-Request"), Element::new("KeepAlive-Response").with(result(code))),
            (
                impskit::client::primitives::send_message("wv:a", &["wv:b"], "x", false),
                Element::new("SendMessage-Response").with(result(code)),
            ),
            (Element::new("Logout-Request"), status(code)),
        ] {
            let mut lab = inside(Version::V1_2);
            lab.tell(Event::Request(request));
            lab.answer(answer);
            assert_eq!((lab.told.last(), lab.client.is_in()), (Some(&Output::Ended(code)), false));
            // It may log in again.
            lab.tell(Event::LogIn);
            assert_eq!((lab.last().1, &lab.posted.last().unwrap().session), ("Login-Request", &Session::Outband));
        }
        let mut lab = inside(Version::V1_1);
        lab.tell(Event::Poll);
        lab.answer(status(code));
        assert_eq!(lab.told.last(), Some(&Output::Ended(code)), "to a poll too");
    }
}

#[test]
fn partial_success_is_not_failure_and_says_who() {
    let mut lab = inside(Version::V1_3);
    lab.tell(Event::Request(impskit::client::primitives::send_message("wv:a", &["wv:b", "wv:c", "wv:d"], "x", false)));
    let detail = |code: &'static str, ids: &[&'static str]| {
        let ids = ids.iter().map(|id| Element::leaf("UserID", *id));
        Element::new("DetailedResult").with_leaf("Code", code).with_all(ids)
    };
    let result =
        Element::new("Result").with_leaf("Code", "201").with(detail("531", &["wv:c"])).with(detail("532", &["wv:d"]));
    lab.answer(Element::new("SendMessage-Response").with(result).with_leaf("MessageID", "m-1"));
    let [Output::Answered { answer, .. }] = &lab.told[..] else { panic!("{:?}", lab.told) };
    let outcome = Outcome::read(answer).unwrap();
    assert!(outcome.code.is_success() && outcome.code == Code::PARTIALLY_SUCCESSFUL);
    let who: Vec<(u16, &str)> = outcome.details.iter().map(|d| (d.code.0, d.items[0].trimmed())).collect();
    assert_eq!(who, [(531, "wv:c"), (532, "wv:d")]);
}

#[test]
fn lists_are_read_in_the_forms_of_other_servers() {
    use impskit::client::primitives::{contact_lists_in, joined_in};
    // A contact list directly, and in a list; the default one apart.
    let direct = Element::new("GetList-Response")
        .with_leaf("ContactList", "wv:a/one@b.c")
        .with_leaf("ContactList", "wv:a/two@b.c")
        .with_leaf("DefaultContactList", "wv:a/default@b.c");
    let ids = Element::new("ContactListIDList").with_all(direct.children[..2].iter().cloned());
    let listed = Element::new("GetList-Response").with(ids).with(direct.children[2].clone());
    for answer in [direct, listed] {
        assert_eq!(contact_lists_in(&answer), ["wv:a/one@b.c", "wv:a/two@b.c", "wv:a/default@b.c"]);
    }
    // Who is in a group: with UserMapping, without, and the lists of screen names of 1.1.
    let mapping =
        |name: &'static str, id: &'static str| Element::new("Mapping").with_leaf("SName", name).with_leaf("UserID", id);
    let mappings = [mapping("Montague", "wv:romeo"), mapping("Capulet", "wv:juliet")];
    let map = Element::new("UserMapList").with(Element::new("UserMapping").with_all(mappings.clone()));
    let bare = Element::new("UserMapList").with_all(mappings);
    for answer in [
        Element::new("JoinGroup-Response").with(Element::new("Joined").with(map.clone())),
        Element::new("JoinGroup-Response").with(map),
        Element::new("JoinGroup-Response").with(bare.clone()),
        Element::new("JoinGroup-Response").with(Element::new("Joined").with(bare)),
    ] {
        let who = joined_in(&answer);
        assert_eq!(who, [("Montague", Some("wv:romeo")), ("Capulet", Some("wv:juliet"))]);
    }
    let name = |name: &'static str| Element::new("ScreenName").with_leaf("SName", name).with_leaf("GroupID", "wv:a/g");
    let list = Element::new("UserList").with(name("Montague"));
    let old = Element::new("JoinGroup-Response").with(list);
    assert_eq!(joined_in(&old), [("Montague", None)]);
}

// ---- C-002: going on, discovery

#[test]
fn a_session_is_gone_on_with_or_opened_anew() {
    let mut lab = inside(Version::V1_3);
    let agreed = *lab.client.services();
    lab.tell(Event::Resume("s-1".to_owned()));
    let (asked, name) = lab.last();
    assert_eq!((name, asked.primitive.child_text("SessionID")), ("Login-Request", Some("s-1")));
    assert_eq!(lab.posted.last().unwrap().session, Session::Outband);
    lab.answer(session());
    assert_eq!((lab.client.session_id(), lab.told.last()), (Some("s-1"), Some(&Output::LoggedIn)));
    assert_eq!(lab.client.services(), &agreed, "nothing is negotiated again");
    // It is gone: logged in without it, and negotiated.
    lab.tell(Event::Resume("s-1".to_owned()));
    lab.answer(login(Code::COULD_NOT_RECOVER_SESSION));
    let (asked, name) = lab.last();
    assert_eq!((name, asked.primitive.child_text("SessionID")), ("Login-Request", None));
    lab.answer(login(Code::SUCCESSFUL).with_leaf("SessionID", "s-2"));
    assert_eq!((lab.client.session_id(), lab.last().1), (Some("s-2"), "Service-Request"));
    // It is somebody else's: told.
    let mut lab = Lab::new(identity(Version::V1_3, Encoding::Wbxml));
    lab.tell(Event::Resume("s-9".to_owned()));
    lab.answer(login(Code::USER_AND_CLIENT_DO_NOT_MATCH));
    assert!(matches!(&lab.told[..], [Output::Answered { .. }]) && !lab.client.is_in());
}

#[test]
fn a_session_is_gone_on_with_by_digest() {
    let mut lab = Lab::new(Identity { schemas: vec![Schema::Md5], ..identity(Version::V1_3, Encoding::Wbxml) });
    lab.tell(Event::Resume("s-1".to_owned()));
    lab.answer(login(Code::UNAUTHORIZED).with_leaf("Nonce", "n").with_leaf("DigestSchema", "MD5"));
    let second = &lab.last().0.primitive;
    assert!(second.child("DigestBytes").is_some());
    assert_eq!(second.child_text("SessionID"), Some("s-1"), "in both requests");
}

/// Returns the octets posted last.
fn posted(outputs: &[Output]) -> &[u8] {
    let [Output::Post { body, .. }] = outputs else { panic!("{outputs:?}") };
    body
}

fn versions(version: Version, versions: &[Version]) -> Vec<u8> {
    let answer = Discovery { version, mode: Mode::Response, versions: versions.to_vec(), others: Vec::new() };
    let root = answer.element();
    impskit::codec::write_xml(&root, Some(version.vocabulary()), false)
}

#[test]
fn the_highest_common_version_is_chosen() {
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        for (offered, chosen) in [
            (&[Version::V1_1, Version::V1_2][..], Version::V1_2),
            (&[Version::V1_1], Version::V1_1),
            (&[Version::V1_3, Version::V1_1], Version::V1_3),
        ] {
            let mut client = Client::new(identity(Version::V1_3, encoding));
            let outputs = client.handle(Duration::ZERO, Event::Discover);
            let Ok((wire::Body::Discovery(asked), _)) = wire::read(posted(&outputs), &wire::LIMITS) else {
                panic!("no discovery")
            };
            assert_eq!((asked.mode, asked.versions.len()), (Mode::Request, 3));
            let told = client.handle(Duration::ZERO, Event::Answer(versions(Version::V1_3, offered)));
            let mut known = offered.to_vec();
            known.sort();
            let [Output::Discovered(mut list)] = <[Output; 1]>::try_from(told).unwrap() else { panic!("not told") };
            list.sort();
            assert_eq!((list, client.identity().version), (known, chosen));
            let outputs = client.handle(Duration::ZERO, Event::LogIn);
            let Ok((wire::Body::Message(login), _)) = wire::read(posted(&outputs), &wire::LIMITS) else { panic!() };
            assert_eq!(login.version, chosen);
        }
    }
}

#[test]
fn a_server_of_1_2_is_asked_by_its_name_of_discovery() {
    let mut client = Client::new(identity(Version::V1_3, Encoding::Xml));
    client.handle(Duration::ZERO, Event::Discover);
    // A transport error, as from a server that does not know the first.
    let outputs = client.handle(Duration::ZERO, Event::Refused("HTTP status 400".to_owned()));
    assert!(posted(&outputs).windows(19).any(|part| part == b"NSDiscovery-Request"));
    let told = client.handle(Duration::ZERO, Event::Answer(versions(Version::V1_2, &[Version::V1_2])));
    assert_eq!(told, [Output::Discovered(vec![Version::V1_2])]);
    assert_eq!(client.identity().version, Version::V1_2);
    // And one that knows neither.
    client.handle(Duration::ZERO, Event::Discover);
    client.handle(Duration::ZERO, Event::Answer(Vec::new()));
    let told = client.handle(Duration::ZERO, Event::Failed("gone".to_owned()));
    assert!(matches!(&told[..], [Output::Failed { .. }]), "{told:?}");
    // No version in common.
    client.handle(Duration::ZERO, Event::Discover);
    let told = client.handle(Duration::ZERO, Event::Answer(versions(Version::V1_3, &[])));
    assert!(matches!(&told[..], [Output::Failed { why, .. }] if why.contains("no version")), "{told:?}");
}

// ---- C-003: the transport fails

#[test]
fn a_request_is_repeated_once_in_a_new_transaction() {
    let mut lab = inside(Version::V1_2);
    lab.tell(Event::Request(get_list()));
    let first = lab.last().0.id.clone();
    lab.tell(Event::Failed("connection reset".to_owned()));
    let (again, name) = lab.last();
    assert_eq!(name, "GetList-Request");
    assert!(again.id.is_some() && again.id != first, "{:?} {first:?}", again.id);
    lab.answer(Element::new("GetList-Response"));
    assert!(matches!(lab.told.last(), Some(Output::Answered { request, .. }) if request == "GetList-Request"));
    // Twice is enough.
    lab.tell(Event::Request(get_list()));
    lab.tell(Event::Failed("connection reset".to_owned()));
    let posted = lab.posted.len();
    lab.tell(Event::Failed("connection reset".to_owned()));
    assert_eq!((lab.posted.len(), failure(&lab)), (posted, Some(("GetList-Request", "connection reset"))));
    assert!(lab.client.is_in());
    // What the server refused by its transport is not asked again.
    lab.tell(Event::Request(get_list()));
    let posted = lab.posted.len();
    lab.tell(Event::Refused("HTTP status 503".to_owned()));
    assert_eq!((lab.posted.len(), failure(&lab)), (posted, Some(("GetList-Request", "HTTP status 503"))));
}

#[test]
fn logins_logouts_and_acknowledgements_are_never_repeated() {
    let mut lab = Lab::new(identity(Version::V1_2, Encoding::Xml));
    lab.tell(Event::LogIn);
    lab.tell(Event::Failed("lost".to_owned()));
    assert_eq!((lab.posted.len(), failure(&lab)), (1, Some(("Login-Request", "lost"))));
    assert!(!lab.client.is_in());
    let mut lab = Lab::new(Identity { schemas: vec![Schema::Md5], ..identity(Version::V1_2, Encoding::Xml) });
    lab.tell(Event::LogIn);
    lab.answer(login(Code::UNAUTHORIZED).with_leaf("Nonce", "n").with_leaf("DigestSchema", "MD5"));
    lab.tell(Event::Failed("lost".to_owned()));
    assert_eq!((lab.posted.len(), lab.client.is_in()), (2, false), "nor its second half");

    let mut lab = inside(Version::V1_2);
    lab.tell(Event::LogOut);
    let posted = lab.posted.len();
    lab.tell(Event::Failed("lost".to_owned()));
    assert_eq!((lab.posted.len(), failure(&lab)), (posted, Some(("Logout-Request", "lost"))));

    let mut lab = inside(Version::V1_2);
    lab.tell(Event::Poll);
    lab.open("8", new_message("m-1"), false);
    let posted = lab.posted.len();
    lab.tell(Event::Failed("lost".to_owned()));
    assert_eq!((lab.posted.len(), failure(&lab)), (posted, None), "the server offers it again");
}

#[test]
fn an_answer_that_comes_too_late_is_ignored() {
    let mut lab = inside(Version::V1_3);
    lab.tell(Event::Request(get_list()));
    let first = lab.last().0.id.clone();
    let due = lab.client.next_deadline().unwrap();
    assert_eq!(due, Duration::from_secs(60), "a minute");
    lab.tell_at(due - Duration::from_secs(1), Event::Tick);
    let posted = lab.posted.len();
    lab.tell_at(due, Event::Tick);
    assert_eq!(lab.posted.len(), posted + 1, "nobody waits for it: asked again");
    let second = lab.last().0.id.clone();
    // The answer to the first comes now; then that to the second.
    lab.message(vec![Transaction::response(first, status(Code::INTERNAL_ERROR))], None);
    assert!(lab.told.is_empty(), "{:?}", lab.told);
    lab.message(vec![Transaction::response(second.clone(), Element::new("GetList-Response"))], None);
    assert_eq!(lab.told.len(), 1);
    // And once more, when nothing is open.
    lab.message(vec![Transaction::response(second, Element::new("GetList-Response"))], None);
    assert_eq!(lab.told.len(), 1);
    // A login has its limit too, and is not repeated.
    let mut lab = Lab::new(identity(Version::V1_3, Encoding::Xml));
    lab.tell(Event::LogIn);
    lab.tell_at(Duration::from_secs(60), Event::Tick);
    assert_eq!((lab.posted.len(), failure(&lab)), (1, Some(("Login-Request", "no answer within 60 seconds"))));
}

#[test]
fn answers_of_other_sessions_and_transactions_are_not_ours() {
    let mut lab = inside(Version::V1_2);
    lab.tell(Event::Request(get_list()));
    let id = lab.last().0.id.clone();
    let transactions = vec![Transaction::response(id, Element::new("GetList-Response"))];
    let session = Session::Inband("s-2".to_owned());
    let foreign = Message { version: Version::V1_2, session, transactions, poll: Some(true), cir: None };
    lab.tell(Event::Answer(wire::write(&foreign, Form::of(Encoding::Xml)).unwrap()));
    assert!(lab.told.is_empty() && lab.last().1 == "GetList-Request", "asked again: {:?}", lab.told);
    // An answer to what was never asked.
    lab.message(vec![Transaction::response(Some("never".to_owned()), status(Code::INVALID_SESSION))], None);
    assert_eq!(failure(&lab), Some(("GetList-Request", "the answer belongs to another transaction")));
    assert!(lab.client.is_in(), "not even the end of the session");
}

#[test]
fn several_transactions_go_together_where_that_was_agreed() {
    let mut lab = Lab::new(Identity {
        negotiation: Negotiation::AfterLogin,
        transactions: 4,
        ..identity(Version::V1_3, Encoding::Wbxml)
    });
    lab.tell(Event::LogIn);
    lab.answer(session().with_leaf("CapabilityRequest", "T"));
    let list = &lab.last().0.primitive.child("CapabilityList").cloned().unwrap();
    assert_eq!((list.child_text("MultiTrans"), list.child_text("MultiTransPerMessage")), (Some("4"), Some("4")));
    let agreed =
        Element::new("AgreedCapabilityList").with_leaf("MultiTransPerMessage", "3").with_leaf("MultiTrans", "3");
    lab.answer(Element::new("ClientCapability-Response").with(agreed));
    lab.answer(Element::new("Service-Response"));
    lab.told.clear();
    // One is under way; what is wanted meanwhile goes together, three at a time.
    for name in [
        "GetList-Request",
        "GetBlockedList-Request",
        "KeepAlive-Request",
        "GetWatcherList-Request",
        "GetSPInfo-Request",
    ] {
        lab.tell(Event::Request(Element::new(name)));
    }
    lab.answer(Element::new("GetList-Response"));
    let together = lab.posted.last().unwrap().transactions.clone();
    let names: Vec<&str> = together.iter().map(|t| t.primitive.name.as_ref()).collect();
    assert_eq!(names, ["GetBlockedList-Request", "KeepAlive-Request", "GetWatcherList-Request"]);
    // Answered in another order, with a request of the server between.
    let result = Outcome::new(Code::SUCCESSFUL).element();
    lab.message(
        vec![
            Transaction::response(together[2].id.clone(), Element::new("GetWatcherList-Response")),
            Transaction::request("s1", new_message("m-1")),
            Transaction::response(together[0].id.clone(), Element::new("GetBlockedList-Response")),
            Transaction::response(together[1].id.clone(), Element::new("KeepAlive-Response").with(result)),
        ],
        Some(false),
    );
    assert_eq!(lab.told.iter().filter(|output| matches!(output, Output::Answered { .. })).count(), 4);
    // The acknowledgement comes first: it is the server's transaction that is open.
    let together = lab.posted.last().unwrap().transactions.clone();
    let names: Vec<&str> = together.iter().map(|t| t.primitive.name.as_ref()).collect();
    assert_eq!(names, ["MessageDelivered", "GetSPInfo-Request"]);
    // A logout goes alone.
    lab.tell(Event::Request(get_list()));
    lab.tell(Event::LogOut);
    lab.message(vec![Transaction::response(together[1].id.clone(), status(Code::SUCCESSFUL))], None);
    assert_eq!((lab.posted.last().unwrap().transactions.len(), lab.last().1), (1, "GetList-Request"));
}
