//! What programs of others say of our octets, and what we say of theirs. Their answers are kept in
//! `tests/samples/peers`, so that none of them need be installed; `tests/README.md` says how to ask them again.

use std::path::Path;

use impskit::codec::{self, WbxmlOptions, WbxmlStyle};
use impskit::cp;
use impskit::cp::mac::{Imsi, Key, Mac, Pin, Security};
use impskit::delivery::Outgoing;
use impskit::delivery::sms::{Kind, Tpdu};
use impskit::delivery::wdp::{Joined, Reassembly, Reference, Segment};
use impskit::delivery::wsp::Push;
use impskit::diagnose::Report;
use impskit::dm::serialise;
use impskit::dm::syncml::{Data, Item, Message, Operation};
use impskit::document::{Element, is_declaration};

use crate::codecs::{octets, read_clean};
use crate::delivery::{rows, unhex};

const PUSHES: &str = include_str!("../samples/peers/push.tsv");
const SMS: &str = include_str!("../samples/peers/sms.tsv");

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/samples").join(name)).expect(name)
}

fn hex(name: &str) -> Vec<u8> {
    octets(&String::from_utf8(sample(name)).unwrap())
}

/// One line for each thing in a tree, in the order of the document.
fn said(root: &Element<'_>) -> Vec<String> {
    let mut lines = vec![format!("<{}", root.name)];
    lines.extend(root.attributes.iter().map(|a| format!("{}={}", a.name, a.value)));
    if root.children.is_empty() && !root.text().is_empty() {
        lines.push(format!("'{}", root.text()));
    }
    lines.extend(root.children.iter().flat_map(said));
    lines.push(format!(">{}", root.name));
    lines
}

/// The same of the column `Rendering` of Wireshark's table of tokens: start, attributes, pieces of values, end.
fn wireshark(name: &str) -> Vec<String> {
    let (mut lines, mut open) = (Vec::<String>::new(), Vec::new());
    let text = String::from_utf8(sample(name)).unwrap();
    let mut in_attributes = false;
    for row in text.lines() {
        if let Some(tag) = row.strip_prefix("</") {
            assert_eq!(open.pop().as_deref(), tag.strip_suffix('>'), "{name}");
            lines.push(format!(">{}", tag.trim_end_matches('>')));
        } else if let Some(start) = row.strip_prefix('<') {
            let tag = start.trim_end_matches(" />").trim_end_matches('>');
            lines.push(format!("<{tag}"));
            in_attributes = !start.ends_with('>');
            if start.ends_with("/>") { lines.push(format!(">{tag}")) } else { open.push(tag.to_owned()) }
        } else if row == ">" {
            in_attributes = false;
        } else if row == "/>" {
            lines.push(format!(">{}", open.pop().unwrap()));
        } else if let Some(piece) = row.strip_prefix('\'') {
            let piece = piece.strip_suffix('\'').expect(row);
            if in_attributes { lines.last_mut().unwrap().push_str(piece) } else { lines.push(format!("'{piece}")) }
        } else if in_attributes {
            let (attribute, value) = row.split_once('=').expect(row);
            lines.push(format!("{attribute}={}", unquoted(value)));
        } else {
            lines.push(format!("'{}", wireshark_value(row)));
        }
    }
    lines
}

/// A value that Wireshark interpreted: a value token, a number, a date in the form of people.
fn wireshark_value(row: &str) -> String {
    let (kind, value) = row.split_once(": ").expect(row);
    match kind {
        "WV-CSP DateTime" => value.replace(['-', ':'], ""),
        _ => unquoted(value).to_owned(),
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value)
}

/// The octets that the peers were shown are those that we write, and both read in them what we meant: every kind of
/// characteristic, empty values, flags without a value, letters beyond ASCII, characters that XML escapes.
#[test]
fn a_full_document_is_read_by_others_as_meant() {
    let xml = sample("peers/full.xml");
    let meant = read_clean(&xml).root;
    for (style, word) in
        [(WbxmlStyle::Safe, "safe"), (WbxmlStyle::Prefix, "prefix"), (WbxmlStyle::WholeValue, "whole-value")]
    {
        let options = WbxmlOptions { style, ..Default::default() };
        let written = codec::write_wbxml(&meant, &cp::VOCABULARY, &options).unwrap();
        assert!(written == hex(&format!("peers/full.{word}.wbxml.hex")), "{word}: show the peers the new octets");
    }
    // wbxml2xml writes the same XML for all three.
    assert!(read_clean(&sample("peers/full.wbxml2xml.xml")).root.same_as(&meant));
    assert_eq!(wireshark("peers/full.safe.tshark.txt"), said(&meant));
}

/// libwbxml writes string tables, tokens inside of values and empty values as nothing; a message of CSP 1.2 with the
/// literal of its identifier. All of it means what its XML means.
#[test]
fn documents_that_others_wrote_are_read_as_meant() {
    for (binary, xml) in [
        ("full.xml2wbxml", "peers/full.xml"),
        ("full.xml2wbxml-table", "peers/full.xml"),
        ("csp-1.1-07-listmanage-request.xml2wbxml", "csp/1.1/07-listmanage-request.xml"),
        ("csp-1.1-search.xml2wbxml", "peers/csp-1.1-search.xml"),
        ("csp-1.2-18-presence-update-request.xml2wbxml", "csp/1.2/18-presence-update-request.xml"),
        ("csp-1.2-30-sendmessage-request.xml2wbxml", "csp/1.2/30-sendmessage-request.xml"),
    ] {
        let (binary, xml) = (hex(&format!("peers/{binary}.hex")), sample(xml));
        let (theirs, meant) = (read_clean(&binary), read_clean(&xml));
        assert_eq!(theirs.vocabulary, meant.vocabulary);
        // xml2wbxml drops declarations of namespaces; the public identifier says the version.
        assert_eq!(said(&without_declarations(theirs.root)), said(&without_declarations(meant.root)));
    }
}

fn without_declarations(mut root: Element<'_>) -> Element<'_> {
    root.attributes.retain(|a| !is_declaration(&a.name));
    root.children = root.children.into_iter().map(without_declarations).collect();
    root
}

/// Messages between our client and our server, caught on their way.
#[test]
fn messages_on_the_wire_are_read_by_others_as_we_read_them() {
    for name in ["csp-1.3-login", "csp-1.3-services", "csp-1.3-new-message"] {
        let octets = hex(&format!("peers/{name}.wbxml.hex"));
        assert_eq!(wireshark(&format!("peers/{name}.tshark.txt")), said(&read_clean(&octets).root), "{name}");
    }
    for name in ["csp-1.1-services", "csp-1.2-send-message"] {
        let octets = hex(&format!("peers/{name}.wbxml.hex"));
        let xml = sample(&format!("peers/{name}.wbxml2xml.xml"));
        assert_eq!(said(&read_clean(&xml).root), said(&read_clean(&octets).root), "{name}");
    }
}

/// A tree in our WBXML as libwbxml reads it, and in libwbxml's, with its string table, as we read it.
#[test]
fn trees_go_both_ways() {
    let read = |bytes: &[u8]| {
        let mut report = Report::new();
        let tree = serialise::read(bytes, &mut report).expect("a tree");
        assert!(report.diagnostics().is_empty(), "{:?}", report.diagnostics());
        tree
    };
    let meant = read(&sample("dm/account.tnd.xml"));
    let written = serialise::to_wbxml(&meant).unwrap();
    assert!(written == hex("peers/account.wbxml.hex"), "show the peer the new octets");
    assert_eq!(read(&sample("peers/account.wbxml2xml.xml")), meant);
    assert_eq!(read(&hex("peers/account.xml2wbxml.hex")), meant);
}

/// A message of SyncML 1.1 in our octets as libwbxml and Wireshark read it, and in libwbxml's as we read it.
#[test]
fn messages_of_device_management_go_both_ways() {
    let xml = sample("dm/package1-1.1.syncml.xml");
    let meant = read_clean(&xml);
    let written = codec::write_wbxml(&meant.root, meant.vocabulary.unwrap(), &WbxmlOptions::default()).unwrap();
    assert!(written == hex("peers/package1-1.1.wbxml.hex"), "show the peers the new octets");
    let plain = |root: Element<'_>| said(&without_declarations(root));
    assert_eq!(wireshark("peers/package1-1.1.tshark.txt"), plain(meant.root.clone()));
    assert_eq!(plain(read_clean(&sample("peers/package1-1.1.wbxml2xml.xml")).root), plain(meant.root));
    let read = |octets: &[u8]| Message::read(octets, &mut Report::new()).unwrap();
    assert_eq!(read(&hex("peers/package1-1.1.xml2wbxml.hex")), read(&xml));
}

/// libwbxml puts a tree in a message into octets of its own, and changes its Type; we read it as the tree that it is, and
/// write what it writes where the Type says so.
#[test]
fn trees_in_messages_go_both_ways() {
    let read = |octets: &[u8]| Message::read(octets, &mut Report::new()).unwrap();
    let theirs = hex("peers/package2.xml2wbxml.hex");
    let mut meant = read(&sample("dm/package2.syncml.xml"));
    let Operation::Atomic(commands) = &mut meant.commands[2].operation else { panic!("the Atomic is third") };
    let Operation::Add(items) = &mut commands[0].operation else { panic!("the Add is first") };
    let tree = serialise::from_element(tree(&items[0]), &mut Report::new()).unwrap();
    items[0].meta.type_name = Some("application/vnd.syncml.dmtnds+wbxml".to_owned());
    assert_eq!(read(&theirs), meant);
    let octets = serialise::to_wbxml(&tree).unwrap();
    // The header of the embedded document and the name of its public identifier.
    let start = octets[..5].to_vec();
    let holds = |message: &[u8]| message.windows(start.len()).any(|window| window == start);
    assert!(holds(&theirs) && holds(&meant.to_wbxml().unwrap()));
    assert_eq!(read(&meant.to_wbxml().unwrap()), meant);
}

fn tree(item: &Item) -> &Element<'static> {
    let Some(Data::Tree(tree)) = &item.data else { panic!("the data is a tree") };
    tree
}

/// Each method: the MAC is that of OpenSSL, and Wireshark finds it and the method in the push.
#[test]
fn sealed_pushes_are_those_of_openssl_and_wireshark() {
    let (pin, imsi) = (Pin::read("2468").unwrap(), Imsi::read("262022033864727").unwrap());
    let body = hex("peers/full.safe.wbxml.hex");
    for row in rows(PUSHES) {
        let [method, key, openssl, sec, wireshark, head] = row[..] else { panic!("{row:?}") };
        let security = Security::from_name(method).unwrap();
        let ours = Key::new(security, Some(&pin), Some(&imsi)).unwrap();
        assert_eq!(ours.mac(&body).to_string().to_lowercase(), openssl, "{method}");
        assert_eq!(Key::from_parts(&[&unhex(key)]).unwrap().mac(&body), ours.mac(&body), "{method}");
        let mut outgoing = Outgoing::new();
        outgoing.seal(1, &body, Some((security, &ours)));
        assert_eq!(outgoing.push(), [unhex(head), body.clone()].concat(), "{method}");
        assert_eq!(format!("{:#04x}", security.number()), sec);
        let travels = if security.carries_mac() { openssl.to_uppercase() } else { String::new() };
        assert_eq!(wireshark, travels, "{method}");
    }
}

/// What Wireshark reads from our PDUs: numbers, ports, references of 8 and 16 bits, and the push it joins of them.
#[test]
fn parts_are_joined_by_others() {
    let mut reassembly = Reassembly::new();
    for row in rows(SMS) {
        let [pdu, mti, from, to, validity, to_port, from_port, reference, parts, part, joined, sec, mac] = row[..]
        else {
            panic!("{row:?}")
        };
        let octets = unhex(pdu);
        let tpdu = Tpdu::read(&octets).unwrap();
        assert_eq!(tpdu.is_submit(), mti == "1");
        assert_eq!(tpdu.address.to_string(), format!("+{from}{to}"));
        if let Kind::Submit { validity: ours, .. } = tpdu.kind {
            assert_eq!((ours.as_minutes(), validity), (Some(24 * 60), "167"), "24 hours");
        }
        let segment = Segment::read(tpdu.user_data).unwrap();
        let ports = segment.ports.unwrap();
        assert_eq!(
            (ports.destination.to_string(), ports.source.to_string()),
            (to_port.to_owned(), from_port.to_owned())
        );
        let place = segment.concatenation.unwrap();
        let number = match place.reference {
            Reference::Short(number) => u16::from(number),
            Reference::Long(number) => number,
        };
        assert_eq!(format!("{number} {} {}", place.total, place.sequence), format!("{reference} {parts} {part}"));
        match reassembly.add(&[tpdu.address.as_octets(), mti.as_bytes()].concat(), &segment) {
            Joined::Whole(whole) => {
                assert_eq!(whole.len().to_string(), joined);
                let push = Push::read(&whole, &mut Report::new()).unwrap();
                assert_eq!(
                    (format!("{:#04x}", push.sec.unwrap()), push.mac.unwrap()),
                    (sec.to_owned(), mac.as_bytes())
                );
            }
            other => assert_eq!((other, joined), (Joined::Waiting, "")),
        }
    }
}

/// What Kannel 1.4.5 handed to its message centre: two messages of three SMS each, the parts cut by us and by the
/// gateway; and what its push proxy gateway makes of the same (`peers/kannel.sh`). No octet of the seal is lost by the first.
#[test]
fn what_comes_out_of_kannel_is_what_was_sealed() {
    let pin = |number: &str| Pin::read(if number.ends_with('1') { "4071" } else { "8852" }).unwrap();
    let imsi =
        |number: &str| Imsi::read(if number.ends_with('1') { "240011234567890" } else { "001010123456789" }).unwrap();
    for (file, security) in [
        ("peers/kannel-userpin-segments.jsonl", Some(Security::UserPin)),
        ("peers/kannel-netwpin-whole.jsonl", Some(Security::NetwPin)),
        ("peers/kannel-pap.jsonl", None),
    ] {
        let pushes = kannel(file);
        assert_eq!(pushes.len(), 2, "{file}");
        for (number, octets) in pushes {
            let push = Push::read(&octets, &mut Report::new()).expect("a push");
            assert_eq!(push.security(), security, "{file}");
            let Some(security) = security else {
                assert_eq!(push.mac, None, "the push proxy gateway drops the seal");
                assert!(matches!(push.media, impskit::delivery::wsp::Media::Text(_)), "and writes the type as text");
                continue;
            };
            let key = Key::new(security, Some(&pin(&number)), Some(&imsi(&number))).unwrap();
            let mac = Mac::from_hex(push.mac.expect("a MAC")).expect("of 40 digits");
            assert!(key.verifies(push.body, &mac), "{file}: {number}");
        }
    }
}

/// Returns the pushes that Kannel's short messages join to, each with its number.
fn kannel(file: &str) -> Vec<(String, Vec<u8>)> {
    let (mut reassembly, mut pushes) = (Reassembly::new(), Vec::new());
    for line in String::from_utf8(sample(file)).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap();
        let octets = unhex(&format!("{}{}", text("udh"), text("data")));
        let segment = Segment::read(&octets).unwrap();
        assert_eq!(segment.ports.unwrap().destination, 2948);
        if let Joined::Whole(push) = reassembly.add(text("to").as_bytes(), &segment) {
            pushes.push((text("to").to_owned(), push));
        }
    }
    pushes
}
