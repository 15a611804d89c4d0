//! The service access point beyond what a conversation can show: identity by the network, accounts kept as a hash,
//! what an operator changes while the server runs (CSP session, sections 1 to 6).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::IpAddr;

use impskit::codec::{self, Encoding, WbxmlOptions};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Discovery, Message, Mode, Schema, Services, Session, Transaction, Version};
use impskit::document::Element;
use impskit::server::{Access, Configuration, Engine, HashedPassword, Network, Provider, Random, Store, SystemMessage};

use super::server::{Lab, client_id, code, login};

/// The address of a gateway whose headers are believed.
const GATEWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A server that trusts a gateway, and knows anna by her number.
fn lab() -> Lab {
    let trusted_gateways = vec![Network::read("10.0.0.0/8").unwrap()];
    let access = Access { trusted_gateways, ..Access::default() };
    let mut lab = Lab::with(Configuration { domain: "example.com".into(), access, ..Configuration::default() });
    assert!(lab.engine.store().set_number("wv:anna@example.com", Some("358401234567")).unwrap());
    lab
}

fn says(number: &str) -> Vec<(String, String)> {
    vec![("x-network-msisdn".to_owned(), number.to_owned())]
}

fn nameless() -> Element<'static> {
    Element::new("Login-Request").with(client_id("phone")).with_leaf("SessionCookie", "c0")
}

#[test]
fn the_network_says_who_it_is() {
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let mut lab = Lab { encoding, peer: GATEWAY, headers: says("+358401234567"), ..lab() };
        let answer = lab.outband(Version::V1_3, nameless());
        assert_eq!((code(&answer), answer.child_text("UserID")), (200, Some("wv:anna@example.com")));
        assert!(answer.child_text("SessionID").is_some());
        assert_eq!(answer.child("Password"), None, "a password is never handed out");
        for version in Version::ALL {
            assert_eq!(code(&lab.outband(version, login("anna", "phone"))), 200, "named, and without a password");
            let schemas = login("anna", "phone").with_leaf("DigestSchema", "MD5");
            let answer = lab.outband(version, schemas);
            assert_eq!((code(&answer), answer.child("Nonce")), (200, None), "at once: the network has vouched");
        }
    }
}

#[test]
fn whom_the_network_does_not_know_it_does_not_let_in() {
    let mut lab = Lab { peer: GATEWAY, ..lab() };
    assert_eq!(code(&lab.outband(Version::V1_3, nameless())), 920, "no number");
    assert_eq!(code(&lab.outband(Version::V1_3, login("anna", "phone"))), 920, "no number");
    lab.headers = says("358409999999");
    assert_eq!(code(&lab.outband(Version::V1_3, nameless())), 920, "nobody's number");
    assert_eq!(code(&lab.outband(Version::V1_3, login("anna", "phone"))), 920, "not her number");
    assert_eq!(code(&lab.outband(Version::V1_3, login("berta", "phone"))), 920, "she has none");
    let with_password = login("anna", "phone").with_leaf("Password", "open-sesame");
    assert_eq!(code(&lab.outband(Version::V1_3, with_password)), 200, "from another handset, with the password");
    lab.headers = says("358401234567");
    let wrong = login("anna", "phone").with_leaf("Password", "wrong");
    assert_eq!(code(&lab.outband(Version::V1_3, wrong)), 409, "a password that is given must be right");
    assert_eq!(code(&lab.outband(Version::V1_3, login("wv:anna@elsewhere.example", "phone"))), 516);
    lab.engine.store().set_disabled("wv:anna@example.com", true).unwrap();
    assert_eq!(code(&lab.outband(Version::V1_3, nameless())), 403);
}

#[test]
fn b11_a_number_is_believed_from_trusted_gateways_only() {
    let mut lab = Lab { peer: STRANGER, headers: says("358401234567"), ..lab() };
    for version in Version::ALL {
        assert_eq!(code(&lab.outband(version, login("anna", "phone"))), 920);
    }
    assert_eq!(code(&lab.outband(Version::V1_3, nameless())), 920);
    lab.headers =
        vec![("from".to_owned(), "358401234567".to_owned()), ("msisdn".to_owned(), "358401234567".to_owned())];
    lab.peer = GATEWAY;
    assert_eq!(code(&lab.outband(Version::V1_3, nameless())), 920, "a header that nobody configured");
}

#[test]
fn a_number_belongs_to_one_account() {
    let mut lab = lab();
    let store = lab.engine.store();
    assert!(!store.set_number("wv:berta@example.com", Some("358401234567")).unwrap());
    assert!(store.set_number("wv:anna@example.com", Some("358401234567")).unwrap(), "her own again");
    assert!(store.set_number("wv:anna@example.com", None).unwrap());
    assert!(store.set_number("wv:berta@example.com", Some("358401234567")).unwrap());
}

#[test]
fn a_password_kept_as_a_hash_is_proven_by_sending_it() {
    let mut lab = lab();
    let hash = HashedPassword::new("open-sesame", &[3; 16]);
    assert!(lab.engine.store().set_hashed_password("wv:anna@example.com", &hash).unwrap());
    let kept = hash.as_str().to_owned();
    let plain = |password: &str| login("anna", "phone").with_leaf("Password", password.to_owned());
    assert_eq!(code(&lab.outband(Version::V1_3, plain("open-sesame"))), 200);
    assert_eq!(code(&lab.outband(Version::V1_3, plain("wrong"))), 409);
    assert_eq!(code(&lab.outband(Version::V1_3, plain(&kept))), 409, "the hash is no password");
    let offer = |schemas: &[&'static str]| {
        login("anna", "phone").with_all(schemas.iter().map(|schema| Element::leaf("DigestSchema", *schema)))
    };
    assert_eq!(code(&lab.outband(Version::V1_3, offer(&["SHA", "MD5"]))), 543, "no digest can be made of a hash");
    let answer = lab.outband(Version::V1_3, offer(&["SHA", "PWD"]));
    assert_eq!((code(&answer), answer.child_text("DigestSchema")), (401, Some("PWD")));
    assert_eq!(code(&lab.outband(Version::V1_3, plain("open-sesame"))), 200);
    for schema in [Schema::Sha, Schema::Md5, Schema::Md4] {
        lab.pass(60);
        let nonce = lab.outband(Version::V1_3, offer(&["PWD"])).child_text("Nonce").unwrap().to_owned();
        let digest = login("anna", "phone").with_leaf("DigestBytes", schema.digest(&nonce, &kept));
        assert_eq!(code(&lab.outband(Version::V1_3, digest)), 409, "nor is a digest of the hash a proof: {schema:?}");
    }
    lab.engine.store().set_password("wv:anna@example.com", "another").unwrap();
    assert_eq!(code(&lab.outband(Version::V1_3, plain("another"))), 200);
    assert_eq!(code(&lab.outband(Version::V1_3, offer(&["SHA", "MD5"]))), 401);
}

/// The inverted tree that a request for everything gets.
fn denied(lab: &mut Lab, client: &mut super::server::Client, version: Version) -> Services {
    let mut asked = Element::new("Service-Request");
    if version == Version::V1_1 {
        asked = asked.with(client_id("phone"));
    }
    let all = Services::all(version).element(version, "Functions");
    let answer = client.ask(lab, asked.with(all).with_leaf("AllFunctionsRequest", "F"));
    answer.child("Functions").map(|tree| Services::read_inverted(version, tree)).unwrap_or_default()
}

#[test]
fn a_feature_that_is_not_subscribed_to_is_denied_and_then_not_agreed() {
    for version in Version::ALL {
        let mut lab = lab();
        lab.engine.store().set_features("wv:anna@example.com", Some("FundamentalFeat IMFeat GCLI")).unwrap();
        let mut anna = lab.login(version, "anna", "phone");
        let missing = denied(&mut lab, &mut anna, version);
        assert!(missing.has("GroupFeat"), "the whole feature: {version:?}");
        assert!(missing.has("CCLI") && missing.has("GETWL") && !missing.has("GCLI") && !missing.has("PresenceFeat"));
        assert!(!missing.has("NEWM") && !missing.has("BLENT"), "a feature alone is all of it");
        assert_eq!(anna.ask(&mut lab, Element::new("GetList-Request")).name, "GetList-Response");
        let leave = Element::new("LeaveGroup-Request").with_leaf("GroupID", "wv:/lobby@example.com");
        assert_eq!(code(&anna.ask(&mut lab, leave)), 506);
        let make = Element::new("CreateList-Request").with_leaf("ContactList", "wv:anna/friends@example.com");
        assert_eq!(code(&anna.ask(&mut lab, make)), 506);
        let mut berta = lab.login(version, "berta", "phone");
        assert!(!denied(&mut lab, &mut berta, version).has("GroupFeat"), "of others nothing was said");
    }
}

#[test]
fn quotas_of_a_user_stand_in_place_of_those_of_all() {
    let mut lab = lab();
    lab.engine.store().set_quota("wv:anna@example.com", "contact_lists", Some(1)).unwrap();
    lab.engine.store().set_quota("wv:anna@example.com", "sessions", Some(1)).unwrap();
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    let make = |name: &str| Element::new("CreateList-Request").with_leaf("ContactList", format!("wv:anna/{name}"));
    assert_eq!(anna.ask(&mut lab, make("one")).name, "CreateList-Response");
    assert_eq!(code(&anna.ask(&mut lab, make("two"))), 753);
    lab.engine.store().set_quota("wv:anna@example.com", "contact_lists", None).unwrap();
    assert_eq!(anna.ask(&mut lab, make("two")).name, "CreateList-Response");
    let second = login("anna", "desk").with_leaf("Password", "open-sesame");
    assert_eq!(code(&lab.outband(Version::V1_3, second)), 603);
}

#[test]
fn an_operator_asks_in_the_session_and_takes_features_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    let mut desk = Store::open(&path).unwrap();
    let mut lab = lab();
    desk.add_user("wv:anna@example.com", "open-sesame", lab.now).unwrap();
    desk.commit().unwrap();
    let configuration = Configuration { domain: "example.com".into(), ..Configuration::default() };
    lab.engine = Engine::open(configuration, Store::open(&path).unwrap(), Random::new([9; 32]));
    let mut anna = lab.login(Version::V1_3, "anna", "phone");
    assert_eq!(anna.poll(&mut lab), None);
    let terms = SystemMessage {
        id: "terms".into(),
        text: "Agreed?".into(),
        is_required: true,
        options: vec![(1, "Yes".into()), (2, "No".into())],
        right: Some(1),
        ..SystemMessage::default()
    };
    desk.add_system_message(&terms, lab.now).unwrap();
    desk.set_features("wv:anna@example.com", Some("IMFeat")).unwrap();
    desk.commit().unwrap();
    lab.pass(5);
    let asked = anna.poll(&mut lab).unwrap().transactions.remove(0);
    assert_eq!(asked.primitive.name, "SystemMessage-Request");
    assert_eq!(code(&anna.ask(&mut lab, Element::new("GetList-Request"))), 506, "not subscribed to any more");
    let respond = |lab: &mut Lab, id: Option<String>, option: &'static str| {
        let answer = Element::new("SystemMessageResponse").with_leaf("SystemMessageID", "terms");
        let list = Element::new("SystemMessageResponseList").with(answer.with_leaf("ChosenOptionID", option));
        let answer = Transaction::response(id, Element::new("SystemMessage-User").with(list));
        lab.send(&Message::new(Version::V1_3, anna.session.clone(), answer))
    };
    let again = respond(&mut lab, asked.id, "2").expect("asked again at once").transactions.remove(0);
    assert_eq!(again.primitive.name, "SystemMessage-Request");
    assert_eq!(respond(&mut lab, again.id, "1"), None);
    assert_eq!(desk.system_messages().unwrap()[0].1, 1, "answered by one");
    let second = login("anna", "desk").with_leaf("Password", "open-sesame");
    assert_eq!(code(&lab.outband(Version::V1_3, second)), 200);
}

#[test]
fn versions_that_are_not_spoken_are_refused_and_told() {
    let access = Access {
        versions: vec![Version::V1_2],
        other_servers: vec!["http://new.example.com/csp".to_owned()],
        ..Access::default()
    };
    let configuration = Configuration { domain: "example.com".into(), access, ..Configuration::default() };
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let mut lab = Lab { encoding, ..Lab::with(configuration.clone()) };
        lab.login(Version::V1_2, "anna", "phone");
        for version in [Version::V1_1, Version::V1_3] {
            let asked = login("anna", "phone").with_leaf("Password", "open-sesame");
            let asked = Message::new(version, Session::Outband, Transaction::request("7", asked));
            let answer = lab.send(&asked).unwrap();
            assert_eq!((answer.version, answer.transactions[0].id.as_deref()), (Version::V1_2, Some("7")));
            assert_eq!(code(&answer.transactions[0].primitive), 505);
        }
        for version in [Version::V1_2, Version::V1_3] {
            let asked = Discovery { version, mode: Mode::Request, versions: Vec::new(), others: Vec::new() };
            let form = Form::of(encoding);
            let body = match encoding {
                Encoding::Xml => codec::write_xml(&asked.element(), Some(version.vocabulary()), false),
                _ => codec::write_wbxml(&asked.element(), version.vocabulary(), &WbxmlOptions::default()).unwrap(),
            };
            let (status, body) = lab.post(wire::media_type(version, form.encoding), body);
            assert_eq!(status, 200);
            let Ok((Body::Discovery(answer), _)) = wire::read(&body, &wire::LIMITS) else { panic!("no discovery") };
            assert_eq!((answer.version, answer.versions), (version, vec![Version::V1_2]));
            assert_eq!(answer.others, ["http://new.example.com/csp"]);
        }
    }
}

#[test]
fn the_logo_of_the_provider_is_base64_in_every_syntax() {
    let provider = Provider { logo: Some(("image/png".into(), vec![0x89, b'P', 0])), ..Provider::default() };
    let configuration = Configuration { domain: "example.com".into(), provider, ..Configuration::default() };
    for version in Version::ALL {
        for encoding in [Encoding::Xml, Encoding::Wbxml] {
            let mut lab = Lab { encoding, ..Lab::with(configuration.clone()) };
            let answer = lab.outband(version, Element::new("GetSPInfo-Request").with(client_id("phone")));
            let logo = answer.child("Logo").unwrap();
            assert_eq!(
                (logo.child_text("ContentType"), logo.child_text("ContentSize")),
                (Some("image/png"), Some("3"))
            );
            assert_eq!(
                (logo.child_text("ContentData"), logo.child_text("ContentEncoding")),
                (Some("iVAA"), Some("BASE64"))
            );
            assert_eq!(impskit::csp::fault(&answer, version), None);
        }
    }
}

/// A feature: its marker, and its groups of functions. `1.2:` before a name is the first version that has it, `-1.2:`
/// the last (CSP transactions, "Service tree").
type Feature = (&'static str, &'static str, &'static [(&'static str, &'static [&'static str])]);

const TREE: [Feature; 4] = [
    (
        "FundamentalFeat",
        "MF",
        &[
            ("ServiceFunc", &["GETSPI", "1.3:GETMAP", "1.3:SGMNT"]),
            ("SearchFunc", &["SRCH", "1.3:ADVSR", "STSRC"]),
            ("InviteFunc", &["INVIT", "CAINV"]),
            ("1.2:VerifyIDFunc", &["1.2:VRID"]),
        ],
    ),
    (
        "PresenceFeat",
        "MP",
        &[
            ("ContListFunc", &["GCLI", "CCLI", "DCLI", "MCLS"]),
            ("PresenceAuthFunc", &["GETWL", "-1.2:REACT", "-1.2:CAAUT"]),
            ("PresenceDeliverFunc", &["GETPR", "UPDPR"]),
            ("-1.2:AttListFunc", &["-1.2:CALI", "-1.2:DALI", "-1.2:GALS"]),
        ],
    ),
    (
        "IMFeat",
        "MM",
        &[
            ("IMSendFunc", &["MDELIV", "FWMSG"]),
            ("IMReceiveFunc", &["SETD", "GETLM", "GETM", "REJCM", "NOTIF", "NEWM", "1.3:OFFNOTIF"]),
            ("IMAuthFunc", &["GLBLU", "BLENT"]),
        ],
    ),
    (
        "GroupFeat",
        "MG",
        &[
            ("GroupMgmtFunc", &["CREAG", "DELGR", "GETGP", "SETGP"]),
            ("GroupUseFunc", &["SUBGCN", "GRCHN", "1.3:EXCON"]),
            ("GroupAuthFunc", &["GETGM", "1.2:GETJU", "ADDGM", "RMVGM", "MBRAC", "REJEC"]),
        ],
    ),
];

/// Returns a name of the table if the version has it.
fn name_in(version: Version, entry: &'static str) -> Option<&'static str> {
    match entry.split_once(':') {
        None => Some(entry),
        Some((range, name)) => match range.strip_prefix('-') {
            Some(last) => (version <= Version::from_text(last).unwrap()).then_some(name),
            None => (version >= Version::from_text(range).unwrap()).then_some(name),
        },
    }
}

/// Returns every path of a tree down to its leaves.
fn paths(tree: &Element<'_>) -> std::collections::BTreeSet<String> {
    fn below(prefix: &str, element: &Element<'_>, found: &mut std::collections::BTreeSet<String>) {
        for child in &element.children {
            let path = format!("{prefix}/{}", child.name);
            if child.children.is_empty() {
                found.insert(path);
            } else {
                below(&path, child, found);
            }
        }
    }
    let mut found = std::collections::BTreeSet::new();
    below("", tree, &mut found);
    found
}

#[test]
fn the_inverted_tree_is_exact_for_every_node_of_the_table() {
    for version in Version::ALL {
        let mut lab = lab();
        let mut anna = lab.login(version, "anna", "phone");
        let mut ask = |lab: &mut Lab, tree: Element<'static>| {
            let mut asked = Element::new("Service-Request");
            if version == Version::V1_1 {
                asked = asked.with(client_id("phone"));
            }
            let functions = Element::new("Functions").with(Element::new("WVCSPFeat").with(tree));
            anna.ask(lab, asked.with(functions).with_leaf("AllFunctionsRequest", "T"))
        };
        let all = ask(&mut lab, Element::new("IMFeat")).child("AllFunctions").cloned().unwrap();
        let offered = Services::read(version, &all);
        let never = ["GETMAP", "SGMNT", "ADVSR"];
        for (feature, marker, groups) in TREE {
            let node = |children: Vec<Element<'static>>| Element::new(feature).with_all(children);
            let denied_of = |answer: &Element<'_>| answer.child("Functions").map(paths).unwrap_or_default();
            let missing = |group: &str, functions: &[&'static str]| {
                let here = functions.iter().filter_map(|entry| name_in(version, entry));
                here.filter(|name| !offered.has(name))
                    .map(|name| format!("/WVCSPFeat/{feature}/{group}/{name}"))
                    .collect()
            };
            let mut of_feature = std::collections::BTreeSet::new();
            let mut count = 0;
            for (group, functions) in groups {
                let Some(group) = name_in(version, group) else { continue };
                let wanted: std::collections::BTreeSet<String> = missing(group, functions);
                of_feature.extend(wanted.iter().cloned());
                let answer = ask(&mut lab, node(vec![Element::new(group)]));
                assert_eq!(denied_of(&answer), wanted, "an empty {group} is all of it: {version:?}");
                for function in functions.iter().filter_map(|entry| name_in(version, entry)) {
                    let one = Element::new(group).with(Element::new(function));
                    let answer = ask(&mut lab, node(vec![one]));
                    let wanted = missing(group, &[function]);
                    assert_eq!(denied_of(&answer), wanted, "{function} {version:?}");
                    assert!(offered.has(function) || !never.contains(&function) || wanted.len() == 1);
                    count += 1;
                }
            }
            assert!(count > 0);
            let answer = ask(&mut lab, node(Vec::new()));
            assert_eq!(denied_of(&answer), of_feature, "an empty {feature} is all of it: {version:?}");
            if version > Version::V1_1 {
                let answer = ask(&mut lab, node(vec![Element::new(marker)]));
                assert_eq!(answer.child("Functions"), None, "{marker} is always to be had");
            }
        }
        // What was agreed last is all that is agreed: the mandatory part of groups.
        let refused = anna.ask(&mut lab, Element::new("GetList-Request"));
        assert_eq!(code(&refused), 506);
    }
}
