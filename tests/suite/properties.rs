//! Properties: any tree of a vocabulary survives writing and reading; no octets make a reader panic.

use impskit::catalogue::{self, VOCABULARIES};
use impskit::codec::{self, Limits, Segments, WbxmlOptions, WbxmlStyle};
use impskit::diagnose::Report;
use impskit::document::{Element, Grammar, Kind, Model, Particle, Vocabulary};
use impskit::{cp, csp};
use proptest::prelude::*;

/// Text that XML can hold and that white-space rules leave alone.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[a-zA-Z0-9:/@.,;_ &<>\"'äß€中😀-]{0,24}").unwrap().prop_map(|t| t.trim().to_owned())
}

fn parm() -> impl Strategy<Value = Element<'static>> {
    let names = prop::sample::select(vec![
        "NAME",
        "NAPID",
        "BEARER",
        "APPID",
        "ADDR",
        "SERVICES",
        "AAUTHLEVEL",
        "PORTNBR",
        "X-OWN",
    ]);
    let values = prop_oneof![
        text(),
        prop::sample::select(vec!["GSM-GPRS", "APN", "APPSRV", "HTTP-DIGEST", "IPV4", ",", "HTTP-"])
            .prop_map(str::to_owned)
    ];
    (names, prop::option::of(values)).prop_map(|(name, value)| {
        let parm = Element::new("parm").with_attribute("name", name);
        match value {
            Some(value) => parm.with_attribute("value", value),
            None => parm,
        }
    })
}

fn provisioning() -> impl Strategy<Value = Element<'static>> {
    let kinds = || prop::sample::select(vec!["NAPDEF", "APPLICATION", "PORT", "APPADDR", "NAPAUTHINFO", "VENDOR"]);
    let leaf = (kinds(), prop::collection::vec(parm(), 0..5))
        .prop_map(|(kind, parms)| Element::new("characteristic").with_attribute("type", kind).with_all(parms));
    let nested = leaf.prop_recursive(3, 24, 4, move |inner| {
        (kinds(), prop::collection::vec(parm(), 0..4), prop::collection::vec(inner, 0..3)).prop_map(
            |(kind, parms, children)| {
                Element::new("characteristic").with_attribute("type", kind).with_all(parms).with_all(children)
            },
        )
    });
    prop::collection::vec(nested, 1..4)
        .prop_map(|all| Element::new("wap-provisioningdoc").with_attribute("version", "1.0").with_all(all))
}

/// Makes a tree by the grammar itself: each number decides one thing, and when they run out only what must be there is.
pub(crate) fn by_grammar(
    grammar: &'static Grammar,
    name: &'static str,
    namespace: &str,
    depth: usize,
    numbers: &mut Vec<u32>,
) -> Element<'static> {
    let mut element = Element::new(name);
    let Some(declaration) = grammar.declaration(name, namespace) else { return element };
    let inner = declaration.namespaces.iter().find(|n| **n == namespace).or(declaration.namespaces.first()).copied();
    match &declaration.model {
        Model::Empty | Model::Any => {}
        Model::Leaf(kind) => element = Element::leaf(name, value(*kind, numbers.pop().unwrap_or(0))),
        Model::Children(particle) if depth < 9 => {
            children(particle, grammar, inner.unwrap_or_default(), depth, numbers, &mut element);
        }
        Model::Children(_) => {}
    }
    element
}

fn children(
    particle: &Particle,
    grammar: &'static Grammar,
    namespace: &str,
    depth: usize,
    numbers: &mut Vec<u32>,
    into: &mut Element<'static>,
) {
    let (Particle::Child(_, occurs) | Particle::Sequence(_, occurs) | Particle::Choice(_, occurs)) = particle;
    let most = occurs.most.unwrap_or(3);
    let count = numbers.pop().map_or(occurs.least, |n| occurs.least + n as usize % (most - occurs.least + 1));
    for _ in 0..count {
        match particle {
            Particle::Child(name, _) => into.children.push(by_grammar(grammar, name, namespace, depth + 1, numbers)),
            Particle::Sequence(pieces, _) => {
                pieces.iter().for_each(|p| children(p, grammar, namespace, depth, numbers, into));
            }
            Particle::Choice(pieces, _) => {
                let which = numbers.pop().unwrap_or(0) as usize % pieces.len();
                children(&pieces[which], grammar, namespace, depth, numbers, into);
            }
        }
    }
}

pub(crate) fn value(kind: Kind, number: u32) -> String {
    match kind {
        Kind::Int | Kind::Digits => number.to_string(),
        Kind::Bool => if number.is_multiple_of(2) { "T" } else { "F" }.to_owned(),
        Kind::DateTime => format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            number % 4096,
            number % 12 + 1,
            number % 28 + 1,
            number % 24,
            number % 60,
            number % 59
        ),
        Kind::Word(words) | Kind::Words(words) => words[number as usize % words.len()].to_owned(),
        Kind::Uri => format!("http://example.com/{number}"),
        Kind::Host => format!("host{number}.example.com"),
        Kind::Msisdn => format!("+358{}", number % 1_000_000),
        Kind::Mime => "text/plain; charset=utf-8".to_owned(),
        Kind::Base64 => "abcd".to_owned(),
        Kind::UserId => format!("wv:user{number}@example.com"),
        Kind::GroupId => format!("wv:/group{number}@example.com"),
        Kind::ContactListId => format!("wv:user/list{number}@example.com"),
        _ => format!("text {number} ä😀"),
    }
}

fn survives(root: &Element<'_>, vocabulary: &'static Vocabulary, options: &WbxmlOptions) -> Result<(), TestCaseError> {
    let octets = codec::write_wbxml(root, vocabulary, options).map_err(|e| TestCaseError::fail(e.what))?;
    let xml = codec::write_xml(root, Some(vocabulary), false);
    for bytes in [&octets, &xml, &codec::write_xml(root, Some(vocabulary), true)] {
        let mut report = Report::new();
        let read = catalogue::read(bytes, &Limits::default(), &mut report);
        let read = read.ok_or_else(|| TestCaseError::fail("nothing was read"))?;
        prop_assert!(!report.has_errors(), "{:?}", report.diagnostics());
        prop_assert!(read.root.same_as(root), "{}", String::from_utf8_lossy(&xml));
        prop_assert_eq!(read.vocabulary.map(|v| v.id), Some(vocabulary.id));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn provisioning_documents_survive(root in provisioning(), style in 0..3) {
        let style = [WbxmlStyle::Safe, WbxmlStyle::Prefix, WbxmlStyle::WholeValue][style as usize];
        survives(&root, &cp::VOCABULARY, &WbxmlOptions { style, ..Default::default() })?;
    }

    #[test]
    fn csp_messages_survive(numbers in prop::collection::vec(any::<u32>(), 10..120), version in 0..3_usize) {
        let vocabulary = csp::Version::ALL[version].vocabulary();
        let root = by_grammar(&vocabulary.grammar, "WV-CSP-Message", "session", 0, &mut numbers.clone());
        let root = root.with_attribute("xmlns", vocabulary.namespaces[0]);
        survives(&root, vocabulary, &WbxmlOptions::default())?;
    }

    #[test]
    fn no_octets_make_a_reader_panic(octets in prop::collection::vec(any::<u8>(), 0..200), start in 0..4_usize) {
        let heads: [&[u8]; 4] = [b"", b"\x03\x0B\x6A\x00\xC5", b"\x03\x12\x6A\x00\xC9", b"<a "];
        let bytes = [heads[start], &octets].concat();
        let mut report = Report::new();
        let document = catalogue::read(&bytes, &Limits::default(), &mut report);
        prop_assert!(document.is_some() || report.has_errors());
        if let Some(document) = document {
            for vocabulary in VOCABULARIES {
                let _ = codec::write_wbxml(&document.root, vocabulary, &WbxmlOptions::default());
            }
            let xml = codec::write_xml(&document.root, document.vocabulary, false);
            prop_assert!(!xml.is_empty());
        }
    }

    #[test]
    fn segments_filled_are_what_the_tree_writes(values in prop::collection::vec(text(), 1..4)) {
        let parm = |value: String| Element::new("parm").with_attribute("name", "ADDR").with_attribute("value", value);
        let document = |fill: &dyn Fn(usize) -> String| {
            let parms = (0..values.len()).map(|i| parm(format!("a{}b", fill(i))));
            let application = Element::new("characteristic").with_attribute("type", "APPLICATION").with_all(parms);
            Element::new("wap-provisioningdoc").with_attribute("version", "1.0").with(application)
        };
        let marked = document(&|i| Segments::slot(i as u32));
        let segments = codec::write_wbxml_segments(&marked, &cp::VOCABULARY, &WbxmlOptions::default()).unwrap();
        let mut filled = Vec::new();
        segments.fill(|i| values[i as usize].as_bytes(), &mut filled);
        let direct = document(&|i| values[i].clone());
        prop_assert_eq!(filled, codec::write_wbxml(&direct, &cp::VOCABULARY, &WbxmlOptions::default()).unwrap());
    }
}
