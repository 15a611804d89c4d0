//! The service access point beyond what a conversation can show: identity by the network, accounts kept as a hash,
//! what an operator changes while the server runs (CSP session, sections 1 to 6).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::IpAddr;

use impskit::codec::{self, Encoding, WbxmlOptions};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Discovery, Message, Mode, Schema, Services, Session, Transaction, Version};
use impskit::document::{Content, Element};
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
fn the_logo_of_the_provider_is_base64_in_xml_and_octets_in_wbxml() {
    let provider = Provider { logo: Some(("image/png".into(), vec![0x89, b'P', 0])), ..Provider::default() };
    let configuration = Configuration { domain: "example.com".into(), provider, ..Configuration::default() };
    for version in Version::ALL {
        for (encoding, content) in [(Encoding::Xml, Some("iVAA")), (Encoding::Wbxml, None)] {
            let mut lab = Lab { encoding, ..Lab::with(configuration.clone()) };
            let answer = lab.outband(version, Element::new("GetSPInfo-Request").with(client_id("phone")));
            let logo = answer.child("Logo").unwrap();
            assert_eq!(
                (logo.child_text("ContentType"), logo.child_text("ContentSize")),
                (Some("image/png"), Some("3"))
            );
            let data = logo.child("ContentData").unwrap();
            match content {
                Some(text) => assert_eq!((data.trimmed(), logo.child_text("ContentEncoding")), (text, Some("BASE64"))),
                None => assert_eq!(data.content, Content::Octets(vec![0x89, b'P', 0].into())),
            }
            assert_eq!(impskit::csp::fault(&answer, version), None);
        }
    }
}
