//! What a server meets, case by case: those without a login and those with one (abuse cases, parts 2 and 3). What needs
//! a subject's own words stands beside that subject; `tests/README.md` names the tests of every case, and the law here
//! sees to it that each case has one.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::path::Path;

use impskit::csp::{Outcome, Primitive, Services, Session, Transaction, Version};
use impskit::document::{Element, Grammar, Kind, Model, Particle};

use crate::abuse::collect;
use crate::server::{Client, Lab, children};

/// Each case of parts 2 and 3 has a test whose name begins with it, and the tests that the table names are there.
#[test]
fn every_case_has_a_test_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("tests/suite"), &mut paths);
    collect(&root.join("src"), &mut paths);
    let mut tests = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let source = std::fs::read_to_string(path).unwrap();
        let names = source.lines().filter_map(|line| line.trim_start().strip_prefix("fn ")?.split_once('('));
        tests.extend(names.map(|(name, _)| name.to_owned()));
    }
    let table = std::fs::read_to_string(root.join("tests/README.md")).unwrap();
    let rows: BTreeMap<&str, &str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter(|(case, _)| case.len() == 3 && case.starts_with(['B', 'C']))
        .collect();
    let cases = (1..=14).map(|n| format!("B{n:02}")).chain((1..=16).map(|n| format!("C{n:02}")));
    let mut missing = Vec::new();
    for case in cases {
        let prefix = format!("{}_", case.to_lowercase());
        let Some(row) = rows.get(case.as_str()) else {
            missing.push(format!("{case}: no row in tests/README.md"));
            continue;
        };
        let named = row.split('`').skip(1).step_by(2).filter_map(|test| test.rsplit("::").next());
        let named: Vec<&str> = named.filter(|name| !name.contains(['/', '.', ' '])).collect();
        if !named.iter().any(|name| name.starts_with(&prefix)) {
            missing.push(format!("{case}: no test in its row begins with `{prefix}`"));
        }
        missing.extend(
            named.iter().filter(|name| !tests.contains(&(**name).to_owned())).map(|n| format!("{case}: `{n}`")),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

// ---- what the tables say of a primitive

/// Returns a value of that kind.
fn value(kind: Kind) -> String {
    match kind {
        Kind::Int | Kind::Digits => "65000".to_owned(),
        Kind::Bool => "F".to_owned(),
        Kind::DateTime => "20270101T000000Z".to_owned(),
        Kind::Uri => "http://example.com/a".to_owned(),
        Kind::Mime => "text/plain".to_owned(),
        Kind::Msisdn => "+46700000001".to_owned(),
        Kind::Base64 => "YQ==".to_owned(),
        Kind::Host => "example.com".to_owned(),
        Kind::Word(words) | Kind::Words(words) => words[0].to_owned(),
        Kind::UserId => "wv:berta@example.com".to_owned(),
        Kind::GroupId => "wv:anna/club@example.com".to_owned(),
        Kind::ContactListId => "wv:anna/friends@example.com".to_owned(),
        Kind::Text | Kind::NumberOrText | Kind::Opaque => "a".to_owned(),
    }
}

/// Returns an element with the least that its declaration requires.
fn least(grammar: &Grammar, name: &'static str, depth: usize) -> Element<'static> {
    assert!(depth < 20, "{name} requires itself");
    match grammar.declaration(name, "transaction").map(|declaration| &declaration.model) {
        Some(Model::Leaf(kind)) => Element::leaf(name, value(*kind)),
        Some(Model::Children(particle)) => {
            let mut children = Vec::new();
            least_of(grammar, particle, depth, &mut children);
            children.into_iter().fold(Element::new(name), Element::with)
        }
        _ => Element::new(name),
    }
}

fn least_of(grammar: &Grammar, particle: &Particle, depth: usize, found: &mut Vec<Element<'static>>) {
    match particle {
        Particle::Child(name, occurs) if occurs.least > 0 => found.push(least(grammar, name, depth + 1)),
        Particle::Sequence(pieces, occurs) if occurs.least > 0 => {
            pieces.iter().for_each(|piece| least_of(grammar, piece, depth, found));
        }
        Particle::Choice(pieces, occurs) if occurs.least > 0 && !pieces.iter().any(may_be_nothing) => {
            least_of(grammar, &pieces[0], depth, found);
        }
        _ => {}
    }
}

fn may_be_nothing(particle: &Particle) -> bool {
    match particle {
        Particle::Child(_, occurs) => occurs.least == 0,
        Particle::Sequence(pieces, occurs) => occurs.least == 0 || pieces.iter().all(may_be_nothing),
        Particle::Choice(pieces, occurs) => occurs.least == 0 || pieces.iter().any(may_be_nothing),
    }
}

/// Calls `change` with a copy of the element for each of its descendants: the copy's parent, the index within, and the
/// way there.
fn each(element: &Element<'static>, change: &mut impl FnMut(Element<'static>, &str)) {
    fn paths(element: &Element<'_>, path: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
        for (index, child) in element.children.iter().enumerate() {
            path.push(index);
            found.push(path.clone());
            paths(child, path, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    paths(element, &mut Vec::new(), &mut found);
    for path in found {
        for is_twice in [false, true] {
            let mut copy = element.clone();
            let mut parent = &mut copy;
            for index in &path[..path.len() - 1] {
                parent = &mut parent.children[*index];
            }
            let index = path[path.len() - 1];
            let name = format!("{}/{}", parent.name, parent.children[index].name);
            if is_twice {
                let again = parent.children[index].clone();
                parent.children.push(again);
                change(copy, &format!("twice {name}"));
            } else {
                parent.children.remove(index);
                change(copy, &format!("without {name}"));
            }
        }
    }
}

/// Returns whether the parent can do without a child that its declaration requires: we make up what real clients leave
/// out (CSP session, "Client capability negotiation"; CSP content, "Messages").
fn is_made_up(what: &str) -> bool {
    matches!(
        what,
        "without ClientCapability-Request/ClientID"
            | "without Service-Request/ClientID"
            | "without SubscribePresence-Request/AutoSubscribe"
            | "without MessageInfo/Sender"
            | "without MessageInfo/ContentSize"
    )
}

/// Returns what a client may ask for in a version.
fn requests(version: Version) -> impl Iterator<Item = &'static Primitive> {
    Primitive::all().iter().filter(move |p| p.version == version && p.is_from_client() && p.may_open())
}

/// Asks in a session that is there for every request; returns the code.
fn ask(lab: &mut Lab, anna: &mut Client, request: Element<'static>) -> u16 {
    // What was agreed anew is all again.
    let is_last = matches!(request.name.as_ref(), "Logout-Request" | "Service-Request" | "ClientCapability-Request");
    let answer = anna.ask(lab, request);
    if is_last {
        *anna = lab.login(anna.version, "anna", "phone");
    }
    Outcome::read(&answer).map_or(200, |outcome| outcome.code.0)
}

/// Every primitive of every version, by the tables: the least that it requires, that with each child missing, each
/// twice, with another's children, and with nothing at all. 400 for what is missing, no harm from what is too much.
#[test]
fn c01_requests_with_children_missing_doubled_or_of_others() {
    let mut empty = Vec::new();
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        let mut lab = Lab::new();
        let mut anna = lab.login(version, "anna", "phone");
        let all: Vec<&Primitive> =
            requests(version).filter(|p| !matches!(p.name, "Login-Request" | "Polling-Request")).collect();
        assert!(all.len() > 30, "{}", all.len());
        for (number, primitive) in all.iter().enumerate() {
            let whole = least(grammar, primitive.name, 0);
            let at_first = ask(&mut lab, &mut anna, whole.clone());
            let is_closed = matches!(at_first, 501 | 506);
            assert_ne!(at_first, 500, "{whole:?}");
            if at_first == 400 {
                // Says nothing, which the tables allow and the request's meaning does not.
                empty.push(primitive.name);
            }
            each(&whole, &mut |request, what| {
                let code = ask(&mut lab, &mut anna, request.clone());
                let is_right = match code {
                    500 => false,
                    _ if is_made_up(what) => true,
                    _ if is_closed => matches!(code, 400 | 501 | 506),
                    _ if at_first == 400 || what.starts_with("without") => code == 400,
                    _ => !matches!(code, 400 | 402),
                };
                assert!(is_right, "{version:?} {} {what}: {code}, whole {at_first}\n{request:?}", primitive.name);
            });
            let other = least(grammar, all[(number + 1) % all.len()].name, 0);
            let own = children(grammar, primitive.name);
            let foreign = other.children.iter().filter(|child| !own.contains(&child.name.as_ref())).cloned();
            let both = foreign.clone().fold(whole.clone(), Element::with);
            let code = ask(&mut lab, &mut anna, both);
            let is_right = matches!(at_first, 400 | 501 | 506) && code == at_first || !matches!(code, 400 | 402 | 500);
            assert!(is_right, "{} with others: {code}", primitive.name);
            for bare in [Element::new(primitive.name), foreign.fold(Element::new(primitive.name), Element::with)] {
                let code = ask(&mut lab, &mut anna, bare);
                let needs = whole
                    .children
                    .iter()
                    .any(|child| !is_made_up(&format!("without {}/{}", primitive.name, child.name)));
                let is_right = if is_closed || at_first == 400 {
                    matches!(code, 400 | 501 | 506)
                } else {
                    code != 500 && (code == 400) >= needs
                };
                assert!(is_right, "{version:?} {} bare: {code}", primitive.name);
            }
        }
        assert_eq!(ask(&mut lab, &mut anna, Element::new("KeepAlive-Request")), 200, "the server is well");
    }
    let addressed = [
        "VerifyID-Request",
        "SubscribePresence-Request",
        "UnsubscribePresence-Request",
        "GetPresence-Request",
        "SendMessage-Request",
        "Invite-Request",
    ];
    assert!(empty.iter().all(|name| addressed.contains(name)), "needs more than its declaration says: {empty:?}");
}

/// What only a server says, said by a client: 405, whatever is in it, and nothing comes of it.
#[test]
fn c02_what_only_a_server_says_is_refused() {
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        let mut lab = Lab::new();
        let mut anna = lab.login(version, "anna", "phone");
        let berta = lab.login(version, "berta", "phone");
        let theirs = |p: &&Primitive| p.version == version && (!p.is_from_client() || !p.may_open());
        let mut count = 0;
        for primitive in Primitive::all().iter().filter(theirs) {
            for request in [Element::new(primitive.name), least(grammar, primitive.name, 0)] {
                assert_eq!(ask(&mut lab, &mut anna, request), 405, "{version:?} {}", primitive.name);
            }
            // As an answer to something that was never asked it is nothing at all.
            let stray = Transaction::response(Some("77".to_owned()), least(grammar, primitive.name, 0));
            let message = impskit::csp::Message::new(version, anna.session.clone(), stray);
            assert_eq!(lab.send(&message), None, "{version:?} {}", primitive.name);
            count += 1;
        }
        assert!(count > 20, "{count}");
        assert_eq!(berta.poll(&mut lab), None, "nobody else hears of it");
    }
}

// ---- without a login

/// What is no message of ours is refused by HTTP or by a Status, never by an empty success (CSP transport).
#[test]
fn b06_what_is_no_message_is_no_success() {
    let mut lab = Lab::new();
    const XML: &str = "application/vnd.wv.csp+xml";
    let namespace = "xmlns=\"http://www.openmobilealliance.org/DTD/IMPS-CSP1.3\"";
    let rows = [
        ("another root", XML, "<html/>".to_owned(), 400),
        ("another root of ours", XML, format!("<Session {namespace}/>"), 400),
        ("another vocabulary", XML, "<wap-provisioningdoc/>".to_owned(), 400),
        ("an empty message", XML, format!("<WV-CSP-Message {namespace}/>"), 400),
        ("an empty session", XML, format!("<WV-CSP-Message {namespace}><Session/></WV-CSP-Message>"), 400),
        ("nothing", XML, String::new(), 400),
        ("blanks", XML, " \r\n ".to_owned(), 400),
        ("no type", "", format!("<WV-CSP-Message {namespace}/>"), 415),
        ("a type of others", "text/html", format!("<WV-CSP-Message {namespace}/>"), 415),
        ("a type of others", "multipart/form-data; boundary=xml", String::new(), 415),
    ];
    for (what, media_type, body, expected) in rows {
        assert_eq!(lab.post(media_type, body.into_bytes()), (expected, Vec::new()), "{what}");
    }
    for namespace in ["", "urn:x", "http://www.wireless-village.org/CSP9.9"] {
        let body = format!(
            "<WV-CSP-Message xmlns=\"{namespace}\"><Session><SessionDescriptor><SessionType>Outband</SessionType>\
             </SessionDescriptor><Transaction><TransactionDescriptor><TransactionMode>Request</TransactionMode>\
             <TransactionID>1</TransactionID></TransactionDescriptor><TransactionContent><KeepAlive-Request/>\
             </TransactionContent></Transaction></Session></WV-CSP-Message>"
        );
        let (status, answer) = lab.post(XML, body.into_bytes());
        let answer = String::from_utf8(answer).unwrap();
        assert!(status == 400 || answer.contains("<Code>505</Code>"), "`{namespace}`: {status} {answer}");
    }
}

/// Nobody makes an account or takes one by primitives that the standard does not have.
#[test]
fn b08_nobody_registers_or_resets_a_password() {
    let mut lab = Lab::new();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    for name in ["Register-Request", "Registration-Request", "ChangePassword-Request", "ResetPassword-Request"] {
        let request = || {
            Element::new(name)
                .with_leaf("UserID", "wv:berta@example.com")
                .with_leaf("Password", "new")
                .with_leaf("NewPassword", "new")
        };
        let code = |answer: Element<'static>| Outcome::read(&answer).map(|outcome| outcome.code.0);
        assert_eq!(code(lab.outband(Version::V1_3, request())), Some(501), "{name}");
        assert_eq!(code(anna.ask(&mut lab, request())), Some(501), "{name}");
    }
    let users = lab.engine.store().users().unwrap();
    assert!(users.len() == 2 && users.iter().all(|user| user.password == "open-sesame"));
}

/// Who tries to log in under a name that nobody has makes no account of it.
#[test]
fn b09_an_unknown_name_makes_no_account() {
    let mut lab = Lab::new();
    for version in Version::ALL {
        for user in ["nobody", "wv:nobody@example.com", "wv:ANNA2@example.com", "root"] {
            let request = crate::server::login(user, "phone").with_leaf("Password", "open-sesame");
            assert_eq!(crate::server::code(&lab.outband(version, request)), 531, "{user}");
        }
    }
    assert_eq!(lab.engine.store().users().unwrap().len(), 2);
}

/// Identifiers of sessions are random, and one that is near to one is none.
#[test]
fn b14_identifiers_of_sessions_are_not_guessed() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut lab = Lab::new();
    let mut seen = Vec::new();
    for number in 0..40 {
        let anna = lab.login(Version::V1_3, "anna", &format!("phone{}", number % 4));
        let id = anna.session.id().unwrap().to_owned();
        let octets = URL_SAFE_NO_PAD.decode(&id).expect("octets in letters");
        assert_eq!(octets.len(), 16, "128 bits");
        seen.push(octets);
        let mut near = vec![
            id.to_lowercase(),
            id.to_uppercase(),
            id[1..].to_owned(),
            format!("{id}A"),
            format!("{id}="),
            id.chars().rev().collect(),
        ];
        for step in [1, 255] {
            let mut next = seen.last().unwrap().clone();
            next[15] = next[15].wrapping_add(step);
            near.push(URL_SAFE_NO_PAD.encode(next));
        }
        for guess in near.into_iter().filter(|guess| *guess != id) {
            let thief = Client {
                session: Session::Inband(guess.clone()),
                client: String::new(),
                version: Version::V1_3,
                last: 0,
            };
            let answer = thief.ask_as(&mut lab, "1", Element::new("KeepAlive-Request"));
            assert_eq!(crate::server::code(&answer), 604, "{guess} for {id}");
        }
    }
    // Every bit is sometimes set and sometimes not: a coin that falls 40 times alike is none.
    for bit in 0..128 {
        let set = seen.iter().filter(|octets| octets[bit / 8] >> (bit % 8) & 1 == 1).count();
        assert!((1..40).contains(&set), "bit {bit} is always the same");
    }
}

// ---- with a login

/// One session on two connections: what comes at the same time is done one after the other, and a logout in the middle
/// of polls ends the session once.
#[cfg(feature = "server")]
#[test]
fn c13_one_session_on_several_connections() {
    use crate::binding::{ask as post, inband, login, transaction};
    let server = crate::http::start();
    for _ in 0..5 {
        let id = login(&server);
        let worker = |name: &'static str| {
            let (server, id) = (&server, &id);
            move || {
                let mut last = String::new();
                for number in 0..20 {
                    let own = format!("{name}{number}");
                    let answer =
                        post(server, "text/xml", &inband(id, &transaction("Request", &own, "<KeepAlive-Request/>")));
                    assert_eq!(answer.status, 200);
                    assert!(answer.body.contains(&format!("<TransactionID>{own}</TransactionID>")), "{}", answer.body);
                    let poll = post(server, "text/xml", &inband(id, &transaction("Request", "", "<Polling-Request/>")));
                    assert!(poll.body.is_empty() || poll.code() == "604", "{}", poll.body);
                    answer.code().clone_into(&mut last);
                    assert!(matches!(&*last, "200" | "604"), "{last}");
                }
                last
            }
        };
        let ends = std::thread::scope(|scope| {
            let workers = ["a", "b", "c"].map(|name| scope.spawn(worker(name)));
            let out = inband(&id, &transaction("Request", "out", "<Logout-Request/>"));
            let codes = [post(&server, "text/xml", &out), post(&server, "text/xml", &out)].map(|a| a.code().to_owned());
            assert_eq!(codes, ["200", "604"], "once");
            workers.map(|worker| worker.join().unwrap())
        });
        assert!(ends.iter().all(|code| matches!(&**code, "200" | "604")), "{ends:?}");
        let after = post(&server, "text/xml", &inband(&id, &transaction("Request", "z", "<KeepAlive-Request/>")));
        assert_eq!(after.code(), "604");
    }
}

/// Whatever belongs to a function that was not agreed is refused, with all that it requires and with nothing.
#[test]
fn c14_what_was_not_agreed_is_not_served() {
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        let mut lab = Lab::new();
        let answer = lab.outband(version, crate::server::login("anna", "phone").with_leaf("Password", "open-sesame"));
        let session = Session::Inband(answer.child_text("SessionID").unwrap().to_owned());
        let mut anna = Client { version, session, client: "phone".to_owned(), last: 0 };
        let is_gated = |p: &&Primitive| !p.functions.iter().all(|function| function.ends_with("Feat"));
        let mut count = 0;
        for primitive in requests(version).filter(is_gated) {
            for request in [Element::new(primitive.name), least(grammar, primitive.name, 0)] {
                let code = Outcome::read(&anna.ask(&mut lab, request)).map_or(200, |outcome| outcome.code.0);
                let refused = if primitive.name == "GetMap-Request" { 501 } else { 506 };
                assert_eq!(code, refused, "{version:?} {}", primitive.name);
            }
            count += 1;
        }
        assert!(count > 25, "{count}");
    }
}

/// No answer to a stranger holds anything of what others keep here: passwords, sessions, lists, messages, notes.
#[test]
fn c16_answers_hold_nothing_of_others() {
    const MARK: &str = "Kilroy";
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        let mut lab = Lab::new();
        lab.engine.store().set_password("wv:anna@example.com", MARK).unwrap();
        let login = crate::server::login("anna", &format!("{MARK}phone")).with_leaf("Password", MARK);
        let mut anna = Client {
            version,
            session: Session::Inband(lab.outband(version, login).child_text("SessionID").unwrap().to_owned()),
            client: format!("{MARK}phone"),
            last: 0,
        };
        let id = anna.session.id().unwrap().to_owned();
        let mut all = Element::new("Service-Request");
        if version == Version::V1_1 {
            all = all.with(crate::server::client_id(&anna.client));
        }
        let functions = Services::all(version).element(version, "Functions");
        anna.ask(&mut lab, all.with(functions).with_leaf("AllFunctionsRequest", "F"));
        let nick = Element::new("NickName").with_leaf("Name", MARK).with_leaf("UserID", "wv:anna@example.com");
        let list = Element::new("CreateList-Request")
            .with_leaf("ContactList", format!("wv:anna/{MARK}"))
            .with(Element::new("NickList").with(nick));
        assert_eq!(ask(&mut lab, &mut anna, list), 200);
        let note = Element::new("WelcomeNote").with_leaf("ContentType", "text/plain").with_leaf("ContentData", MARK);
        let property = Element::new("Property").with_leaf("Name", "Name").with_leaf("Value", "Club");
        let mut group = least(grammar, "CreateGroup-Request", 0);
        group.children.retain(|child| child.name != "GroupProperties");
        let group = group.with(Element::new("GroupProperties").with(property).with(note));
        let made = anna.ask(&mut lab, group);
        assert_eq!(Outcome::read(&made).map_or(200, |outcome| outcome.code.0), 200, "{made:?}");
        anna.ask(&mut lab, crate::server::text_to("anna", MARK));

        let mut berta = lab.login(version, "berta", "phone");
        for primitive in requests(version) {
            // Who joins is welcomed, and who looks at an open group sees how: that is what the note is for.
            if matches!(
                primitive.name,
                "Login-Request" | "Polling-Request" | "JoinGroup-Request" | "GetGroupProps-Request"
            ) {
                continue;
            }
            for request in [Element::new(primitive.name), least(grammar, primitive.name, 0)] {
                let is_last =
                    matches!(primitive.name, "Logout-Request" | "Service-Request" | "ClientCapability-Request");
                let answer = berta.ask(&mut lab, request);
                if is_last {
                    berta = lab.login(version, "berta", "phone");
                }
                let xml = String::from_utf8(impskit::codec::write_xml(&answer, None, false)).unwrap();
                assert!(!xml.contains(MARK) && !xml.contains(&id), "{}: {xml}", primitive.name);
            }
        }
    }
}
