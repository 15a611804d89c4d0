//! The vocabularies of SyncML messages and of device information, one a version.
//!
//! The versions differ in namespace and public identifier; elements that came later are read in all of them.

use std::sync::LazyLock;

use super::super::ddf::Description;
use super::super::rules;
use crate::codec::{Document, Encoding};
use crate::diagnose::{Diagnostic, Report, Severity};
use crate::document::{Element, Grammar, PublicId, TokenTable, Vocabulary, WbxmlForm};

/// The commands of device management, which documentation also prints for themselves.
pub(in crate::dm) const COMMANDS: [&str; 11] =
    ["Add", "Replace", "Delete", "Get", "Copy", "Exec", "Alert", "Status", "Results", "Atomic", "Sequence"];

const FRAGMENTS: &[&str] = &[
    "SyncHdr", "SyncBody", "Item", "Add", "Replace", "Delete", "Get", "Copy", "Exec", "Alert", "Status", "Results",
    "Atomic", "Sequence",
];

macro_rules! syncml {
    ($static:ident, $id:literal, $version:literal, $namespace:literal, $number:literal) => {
        /// The vocabulary of SyncML messages of one version, with the meta information and the trees embedded in them.
        pub static $static: Vocabulary = Vocabulary {
            id: $id,
            name: "SyncML DM message",
            roots: &["SyncML"],
            fragments: FRAGMENTS,
            namespaces: &[$namespace, "syncml:metinf", "syncml:dmddf1.2"],
            doctype: None,
            public_ids: &[PublicId { number: $number, text: concat!("-//SYNCML//DTD SyncML ", $version, "//EN") }],
            tokens: LazyLock::new(|| {
                TokenTable::read(&[
                    include_str!("../tokens-syncml.tsv"),
                    include_str!("../tokens-metinf.tsv"),
                    include_str!("../tokens-ddf.tsv"),
                ])
            }),
            grammar: LazyLock::new(|| Grammar::read(include_str!("syncml.tsv"), "", |_| &[], &[])),
            // The rules check structure themselves: how much of it matters depends on the fragment.
            structure: None,
            check: |root, report| rules::check_message(root, Description::bundled(), report),
            wbxml: WbxmlForm {
                version: 0x02,
                page_namespaces: &[(0, $namespace), (1, "syncml:metinf"), (2, "syncml:dmddf1.2")],
                ..WbxmlForm::PLAIN
            },
            pts: None,
        };
    };
}

syncml!(SYNCML, "syncml", "1.2", "SYNCML:SYNCML1.2", 0x1201);
syncml!(SYNCML_1_1, "syncml-1.1", "1.1", "SYNCML:SYNCML1.1", 0x0FD3);
syncml!(SYNCML_1_0, "syncml-1.0", "1.0", "SYNCML:SYNCML1.0", 0x0FD1);

macro_rules! devinf {
    ($static:ident, $id:literal, $version:literal, $number:literal, $($more:expr),*) => {
        /// The vocabulary of device information of data synchronisation of one version; DM uses the DevInfo object in
        /// its place.
        pub static $static: Vocabulary = Vocabulary {
            id: $id,
            name: "SyncML device information",
            roots: &["DevInf"],
            fragments: &[],
            namespaces: &["syncml:devinf"],
            doctype: None,
            public_ids: &[PublicId { number: $number, text: concat!("-//SYNCML//DTD DevInf ", $version, "//EN") }],
            tokens: LazyLock::new(|| TokenTable::read(&[include_str!("../tokens-devinf.tsv"), $($more),*])),
            grammar: LazyLock::new(|| Grammar::read(include_str!("devinf.tsv"), "", |_| &[], &[])),
            structure: None,
            check: rules::check_device_information,
            wbxml: WbxmlForm { version: 0x02, page_namespaces: &[(0, "syncml:devinf")], ..WbxmlForm::PLAIN },
            pts: None,
        };
    };
}

/// Until 1.1 the token of MaxSize is that of Size.
const OLD_SIZE: &str = "kind\tpage\ttoken\tname\ntag\t00\t1C\tSize\n";

devinf!(DEVINF, "devinf", "1.2", 0x1203,);
devinf!(DEVINF_1_1, "devinf-1.1", "1.1", 0x0FD4, OLD_SIZE);
devinf!(DEVINF_1_0, "devinf-1.0", "1.0", 0x0FD2, OLD_SIZE);

/// The vocabularies of messages by VerDTD, the newest first.
pub(super) static MESSAGES: [(&str, &Vocabulary); 3] = [("1.2", &SYNCML), ("1.1", &SYNCML_1_1), ("1.0", &SYNCML_1_0)];

static DEVICE_INFORMATION: [(&str, &Vocabulary); 3] = [("1.2", &DEVINF), ("1.1", &DEVINF_1_1), ("1.0", &DEVINF_1_0)];

/// Returns the vocabulary of messages with that VerDTD; the newest where none has it.
pub(super) fn of_version(version: &str) -> &'static Vocabulary {
    MESSAGES.iter().find(|(known, _)| *known == version).map_or(&SYNCML, |(_, vocabulary)| vocabulary)
}

/// Gives a document the version of its VerDTD, where no namespace says another: WBXML has none, and devices send the
/// public identifier of 1.1 with 1.2 (observed), which is reported.
pub fn settle_version(document: &mut Document<'_>, report: &mut Report) {
    let Some(vocabulary) = document.vocabulary else { return };
    let families = [&MESSAGES, &DEVICE_INFORMATION];
    let Some(family) = families.into_iter().find(|f| f.iter().any(|(_, v)| *v == vocabulary)) else { return };
    let (root, header) = (&document.root, &document.header);
    let is_named = |id: &PublicId| {
        let text = header.public_text.as_deref().map(str::trim_ascii);
        header.public_id == Some(id.number) || text == Some(id.text)
    };
    let is_wbxml = header.encoding == Encoding::Wbxml;
    let is_named = vocabulary.public_ids.iter().any(is_named);
    let is_namespace = |n: &str| family.iter().filter(|(_, v)| v.namespaces[0] == n).count() == 1;
    if !is_wbxml && (is_named || root.attribute("xmlns").is_some_and(is_namespace)) {
        return;
    }
    let Some(version) = root.child("SyncHdr").unwrap_or(root).child("VerDTD") else { return };
    let Some((known, settled)) = family.iter().find(|(known, _)| *known == version.trimmed()) else { return };
    if *settled == vocabulary {
        return;
    }
    if is_named {
        let text = vocabulary.public_ids[0].text;
        let message = format!("the public identifier is `{text}` beside VerDTD `{known}`");
        let finding = Diagnostic::new(&rules::VERSIONS_DIFFER, version.span, message).severity(Severity::Warning);
        report.add(finding.at("SyncHdr/VerDTD").lenient(Severity::Note));
    }
    rename(&mut document.root, vocabulary.namespaces[0], settled.namespaces[0]);
    document.vocabulary = Some(settled);
}

/// Puts one namespace in the place of another in all declarations.
fn rename(element: &mut Element<'_>, old: &str, new: &'static str) {
    for attribute in element.attributes.iter_mut().filter(|a| a.name == "xmlns" && a.value == old) {
        attribute.value = new.into();
    }
    element.children.iter_mut().for_each(|child| rename(child, old, new));
}
