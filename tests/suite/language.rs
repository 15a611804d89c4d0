//! The language, row by row: every primitive of every version, with all children and all words that the tables give
//! it, is written and read in both syntaxes; and what clients do to messages on the way does not change what is read
//! (CSP in XML, "elements.tsv").

use std::collections::BTreeSet;

use impskit::codec::{self, Encoding, WbxmlOptions};
use impskit::csp::wire::{self, Body, Form};
use impskit::csp::{Message, Mode, Primitive, Session, Transaction, Version, fault};
use impskit::document::{Content, Element, Grammar, Kind, Model, Particle};

use super::properties;

/// Levels of a primitive; the deepest has fewer.
const DEPTH: usize = 12;

/// Returns how many instances it takes to have every alternative and every word of an element once.
fn variants(grammar: &Grammar, name: &str, namespace: &str, depth: usize) -> usize {
    let Some(declaration) = grammar.declaration(name, namespace).filter(|_| depth < DEPTH) else { return 1 };
    match &declaration.model {
        Model::Leaf(Kind::Word(words) | Kind::Words(words)) => words.len(),
        Model::Children(particle) => {
            alternatives(particle, &|child| variants(grammar, child, inner(declaration, namespace), depth + 1))
        }
        Model::Leaf(_) | Model::Empty | Model::Any => 1,
    }
}

fn alternatives(particle: &Particle, of: &dyn Fn(&str) -> usize) -> usize {
    let most = |pieces: &[Particle]| pieces.iter().map(|piece| alternatives(piece, of)).max().unwrap_or(1);
    match particle {
        Particle::Child(name, _) => of(name),
        Particle::Choice(pieces, occurs) if occurs.most.is_some() => pieces.len() * most(pieces),
        Particle::Sequence(pieces, _) | Particle::Choice(pieces, _) => most(pieces),
    }
}

fn inner(declaration: &impskit::document::Declaration, outer: &str) -> &'static str {
    let own = declaration.namespaces.iter().find(|namespace| **namespace == outer);
    own.or(declaration.namespaces.first()).copied().unwrap_or_default()
}

/// Returns the element with everything that it may hold, in the alternatives and words of that number.
fn whole(grammar: &Grammar, name: &'static str, namespace: &str, number: usize, depth: usize) -> Element<'static> {
    let Some(declaration) = grammar.declaration(name, namespace).filter(|_| depth < DEPTH) else {
        panic!("`{name}` is declared nowhere, or deeper than {DEPTH} levels");
    };
    match &declaration.model {
        Model::Empty | Model::Any => Element::new(name),
        Model::Leaf(kind) => Element::leaf(name, properties::value(*kind, number as u32)),
        Model::Children(particle) => {
            let mut element = Element::new(name);
            let namespace = inner(declaration, namespace);
            pieces(particle, number, &mut |child, number| {
                element.children.push(whole(grammar, child, namespace, number, depth + 1));
            });
            element
        }
    }
}

fn pieces(particle: &Particle, number: usize, add: &mut dyn FnMut(&'static str, usize)) {
    let times = |most: Option<usize>| if most.is_none() { 2 } else { 1 };
    match particle {
        Particle::Child(name, occurs) => (0..times(occurs.most)).for_each(|more| add(name, number + more)),
        Particle::Sequence(all, occurs) => {
            (0..times(occurs.most)).for_each(|_| all.iter().for_each(|piece| pieces(piece, number, add)));
        }
        Particle::Choice(all, occurs) if occurs.most.is_none() => {
            all.iter().for_each(|piece| pieces(piece, number, add));
        }
        Particle::Choice(all, _) => pieces(&all[number % all.len()], number / all.len(), add),
    }
}

/// Instances that show all alternatives of structure, though not every word.
const FEW: usize = 4;

/// Every primitive of every version, in at most so many instances, each in a message.
fn messages(most: usize) -> impl Iterator<Item = Message<'static>> {
    Primitive::all().iter().flat_map(move |row| {
        let grammar = &row.version.vocabulary().grammar;
        (0..variants(grammar, row.name, "transaction", 0).min(most)).map(|number| {
            let primitive = whole(&row.version.vocabulary().grammar, row.name, "transaction", number, 0);
            let transaction = Transaction { mode: Mode::Request, id: Some("7".to_owned()), primitive };
            Message { poll: Some(true), ..Message::new(row.version, Session::Inband("s-1".to_owned()), transaction) }
        })
    })
}

fn read(bytes: &[u8], what: &str) -> Message<'static> {
    match wire::read(bytes, &wire::LIMITS) {
        Ok((Body::Message(message), _)) => message.into_owned(),
        other => panic!("{what}: {other:?}\n{}", String::from_utf8_lossy(bytes)),
    }
}

fn shown(message: &Message) -> String {
    String::from_utf8(codec::write_xml(&message.element(), None, true)).unwrap()
}

fn name(message: &Message) -> String {
    format!("{} of {}", message.transactions[0].primitive.name, message.version.as_str())
}

#[test]
fn every_primitive_is_written_and_read_in_both_syntaxes() {
    let (mut count, mut seen) = (0, BTreeSet::new());
    for message in messages(usize::MAX) {
        let what = name(&message);
        assert_eq!(fault(&message.transactions[0].primitive, message.version), None, "{what}");
        let [xml, wbxml] = [Encoding::Xml, Encoding::Wbxml].map(|encoding| {
            let octets = wire::write(&message, Form::of(encoding)).unwrap_or_else(|error| panic!("{what}: {error}"));
            let again = read(&octets, &what);
            assert_eq!(wire::write(&again, Form::of(encoding)).unwrap(), octets, "{what}: written again");
            again
        });
        assert!(xml.element().same_as(&message.element()), "{what}:\n{}\n{}", shown(&xml), shown(&message));
        assert!(wbxml.element().same_as(&message.element()), "{what}:\n{}\n{}", shown(&wbxml), shown(&message));
        message.element().walk(&mut |element, _| {
            seen.insert((message.version, element.name.to_string()));
        });
        count += 1;
    }
    // Every row of `elements.tsv` was there, but for what no primitive holds.
    let beside = ["ExtBlock", "SegmentInfo", "SegmentCount", "CIR"];
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        for declaration in grammar.declarations() {
            let is_discovery = declaration.name.contains("Discovery") || discovery(version, declaration.name);
            let is_only_read = grammar.declarations().any(|other| other.also_read.contains(&declaration.name));
            let is_seen = is_only_read || seen.contains(&(version, declaration.name.to_owned()));
            assert!(is_seen || is_discovery || beside.contains(&declaration.name), "{version:?} {}", declaration.name);
        }
    }
    assert!(count > 1000, "{count}");
}

/// Returns whether an element belongs to the discovery documents.
fn discovery(version: Version, name: &str) -> bool {
    ["VersionList", "SessionNSName", "TransactionNSName", "PresenceAttributeNSName", "OtherServer"].contains(&name)
        && version > Version::V1_1
}

/// Turns all children round, as far as they are told by their names.
fn shuffle(grammar: &Grammar, element: &mut Element<'_>, namespace: &str) {
    let Some(declaration) = grammar.declaration(&element.name, namespace) else { return };
    let inner = inner(declaration, namespace);
    element.children.iter_mut().for_each(|child| shuffle(grammar, child, inner));
    let names: Vec<String> = element.children.iter().map(|child| child.name.to_string()).collect();
    let first = |name: &str| names.iter().position(|other| other == name).unwrap_or_default();
    let is_group = matches!(&declaration.model, Model::Children(particle) if repeats_a_group(particle));
    // What is repeated keeps its order, in every order.
    if !is_group {
        element.children.sort_by_key(|child| std::cmp::Reverse(first(&child.name)));
    }
}

/// Returns whether parts that belong together come again and again; their order tells which belong together.
fn repeats_a_group(particle: &Particle) -> bool {
    match particle {
        Particle::Child(..) => false,
        Particle::Sequence(pieces, occurs) | Particle::Choice(pieces, occurs) => {
            occurs.most.is_none() || pieces.iter().any(repeats_a_group)
        }
    }
}

#[test]
fn children_in_another_order_say_the_same() {
    for message in messages(FEW) {
        let what = name(&message);
        let grammar = &message.version.vocabulary().grammar;
        let mut root = message.element();
        shuffle(grammar, &mut root, "session");
        let wbxml = codec::write_wbxml(&root, message.version.vocabulary(), &WbxmlOptions::default()).unwrap();
        for octets in [codec::write_xml(&root, None, true), wbxml] {
            assert!(read(&octets, &what).element().same_as(&message.element()), "{what}");
        }
    }
}

/// Puts a stranger before, between and behind all children.
fn invite(grammar: &Grammar, element: &mut Element<'static>, namespace: &str, stranger: &Element<'static>) {
    let Some(declaration) = grammar.declaration(&element.name, namespace) else { return };
    if !matches!(declaration.model, Model::Children(_)) {
        return;
    }
    let inner = inner(declaration, namespace);
    for mut child in std::mem::take(&mut element.children) {
        invite(grammar, &mut child, inner, stranger);
        element.children.extend([stranger.clone(), child]);
    }
    element.children.push(stranger.clone());
}

fn is_understood(octets: &[u8], message: &Message) {
    let what = name(message);
    let understood = read(octets, &what);
    assert_eq!(understood.transactions.len(), message.transactions.len(), "{what}");
    assert_eq!(fault(&understood.transactions[0].primitive, message.version), None, "{what}");
    assert!(understood.element().same_as(&message.element()), "{what}:\n{}", shown(&understood));
}

#[test]
fn unknown_elements_and_foreign_namespaces_are_skipped_everywhere_in_xml() {
    let vendor = "http://vendor.example/extensions";
    let deep = || Element::new("v:Deep").with_leaf("v:Deeper", "1").with_leaf("UserID", "wv:nobody@example.com");
    let strangers = [
        Element::new("v:Extension").with_attribute("xmlns:v", vendor).with(deep()),
        // Names of ours, which are not ours: the default namespace of the vendor.
        Element::new("UserID").with_attribute("xmlns", vendor).with_leaf("Code", "999"),
        Element::leaf("ClientTypeDetail", "7"),
    ];
    for message in messages(FEW) {
        for stranger in &strangers {
            let mut root = message.element().into_owned();
            invite(&message.version.vocabulary().grammar, &mut root, "session", stranger);
            is_understood(&codec::write_xml(&root, None, false), &message);
        }
    }
}

#[test]
fn unknown_tokens_and_literals_are_skipped_everywhere_in_wbxml() {
    // A leaf of page 0 stands for the stranger, and is then made one in the octets.
    let stranger = Element::leaf("MSISDN", "stranger!");
    for message in messages(FEW) {
        let vocabulary = message.version.vocabulary();
        let mut root = message.element().into_owned();
        invite(&vocabulary.grammar, &mut root, "session", &stranger);
        let octets = codec::write_wbxml(&root, vocabulary, &WbxmlOptions::default()).unwrap();
        let [unknown, literal] = [&[0x7F_u8][..], &[0x44, 0x00]].map(|tag| replace_tags(&octets, tag));
        is_understood(&unknown, &message);
        // The name of the literal is the string table: eight octets.
        assert_eq!(literal[3], 0);
        let literal = [&literal[..3], &[7], b"Vendor\0", &literal[4..]].concat();
        is_understood(&literal, &message);
    }
}

/// Puts another tag in place of that of each stranger.
fn replace_tags(octets: &[u8], tag: &[u8]) -> Vec<u8> {
    const CONTENT: &[u8] = b"\x03stranger!\0\x01";
    let (mut made, mut rest) = (Vec::new(), octets);
    while let Some(place) = rest.windows(CONTENT.len()).position(|part| part == CONTENT) {
        made.extend([&rest[..place - 1], tag, CONTENT].concat());
        rest = &rest[place + CONTENT.len()..];
    }
    assert!(!made.is_empty());
    made.extend(rest);
    made
}

#[test]
fn forms_that_are_only_read_are_read() {
    let mut forms = 0;
    for version in Version::ALL {
        let grammar = &version.vocabulary().grammar;
        for declaration in grammar.declarations() {
            let namespace = declaration.namespaces[0];
            let Model::Children(_) = &declaration.model else { continue };
            for form in &declaration.also_read {
                // The other form alone, then beside what is written.
                let other = whole(grammar, form, namespace, 0, 1);
                let alone = Element::new(declaration.name).with(other.clone());
                let mut beside = whole(grammar, declaration.name, namespace, 0, 1);
                beside.children.push(other);
                for element in [alone, beside] {
                    assert_eq!(fault(&element, version), None, "{version:?} {} {form}", declaration.name);
                }
                forms += 1;
            }
            if declaration.also_text {
                let bare = Element::leaf(declaration.name, "http://phone.example/7");
                assert_eq!(fault(&bare, version), None, "{version:?} {}", declaration.name);
                forms += 1;
            }
        }
    }
    assert!(forms > 50, "{forms}");
}

/// Integers as text, with zeros in front, as octets with too many zeros, and zero as no octets at all (CSP in WBXML,
/// "Values").
#[test]
fn numbers_are_read_in_every_form() {
    for version in Version::ALL {
        let keep_alive = |time: &[u8]| {
            // WV-CSP-Message, Session, SessionDescriptor(SessionType Inband, SessionID s), Transaction(TransactionDescriptor
            // (TransactionMode Request, TransactionID 7), TransactionContent(KeepAlive-Request(TimeToLive)).
            let pid = 0x10 + (version as u8);
            let head = [0x03, pid, 0x6A, 0x00, 0x49, 0x6D, 0x6E];
            let session = b"\x70\x80\x11\x01\x6F\x03s\0\x01\x01";
            let transaction = b"\x72\x74\x76\x80\x20\x01\x75\x037\0\x01\x01\x73\0\x01\x5B\x72";
            [&head[..], session, transaction, time, b"\x01\x01\x01\x01\x01\x01"].concat()
        };
        for (octets, number) in [
            (&b"\x03600\0"[..], "600"),
            (b"\x03\x20600\x20\0", "600"),
            (b"\xC3\x02\x02\x58", "600"),
            (b"\xC3\x04\x00\x00\x02\x58", "600"),
            (b"\xC3\x00", "0"),
            (b"\xC3\x01\x00", "0"),
            (b"\x030600\0", "0600"),
        ] {
            let message = read(&keep_alive(octets), "KeepAlive-Request");
            let primitive = &message.transactions[0].primitive;
            assert_eq!((primitive.name.as_ref(), message.version), ("KeepAlive-Request", version));
            assert_eq!(primitive.child_text("TimeToLive"), Some(number), "{version:?} {octets:02X?}");
            assert!(matches!(primitive.children[0].content, Content::Text(_)));
        }
    }
}
