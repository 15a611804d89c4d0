//! The service access point beyond what a conversation can show: identity by the network, accounts kept as a hash,
//! what an operator changes while the server runs (CSP session, sections 1 to 6).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::IpAddr;

use impskit::codec::Encoding;
use impskit::csp::{Schema, Version};
use impskit::document::Element;
use impskit::server::{Access, Configuration, HashedPassword, Network};

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
