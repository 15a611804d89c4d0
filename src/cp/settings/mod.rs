//! The settings documents that handsets took before client provisioning. They are read, checked and said as a
//! provisioning document would say it today; never written.
//!
//! Neither has a registered public identifier: they are recognised by their root, or by the media type of the push.

mod rules;
mod today;

use std::sync::LazyLock;

pub use rules::RULES;
pub use today::{Today, today};

use super::characteristic::Value;
use crate::document::{Grammar, TokenTable, Vocabulary, WbxmlForm};

/// Access points and bookmarks: `CHARACTERISTIC-LIST` of the first over-the-air settings.
pub static OTA_SETTINGS: Vocabulary = Vocabulary {
    id: "ota-settings",
    name: "older OTA settings",
    roots: &["CHARACTERISTIC-LIST"],
    fragments: &[],
    namespaces: &[],
    doctype: None,
    public_ids: &[],
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("ota_tokens.tsv")])),
    grammar: LazyLock::new(|| grammar("ota")),
    structure: Some(rules::STRUCTURE),
    check: rules::check_ota,
    wbxml: WbxmlForm::PLAIN,
    pts: None,
};

/// Wireless Village accounts of handsets that did not know the `wA` application.
pub static WV_SETTINGS: Vocabulary = Vocabulary {
    id: "wv-settings",
    name: "older Wireless Village settings",
    roots: &["WVSettings"],
    fragments: &[],
    namespaces: &[],
    doctype: None,
    public_ids: &[],
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("wv_tokens.tsv")])),
    grammar: LazyLock::new(|| grammar("wv")),
    structure: Some(rules::STRUCTURE),
    check: rules::check_wv,
    wbxml: WbxmlForm::PLAIN,
    pts: None,
};

fn grammar(version: &str) -> Grammar {
    Grammar::read(include_str!("elements.tsv"), version, |_| &[], &[])
}

/// A setting of the first format.
struct Setting {
    /// The TYPE of the characteristic.
    kind: &'static str,
    /// The NAME of the parm; empty where the characteristic itself has the value.
    parm: &'static str,
    value: Value,
}

/// Every setting that is known of the first format.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let rows = include_str!("ota_settings.tsv").lines().skip(1);
    let read = |row: &'static str| {
        let cells: Vec<&'static str> = row.split('\t').collect();
        let [kind, parm, value] = cells[..] else { panic!("older settings: `{row}`") };
        Setting { kind, parm, value: Value::read(value) }
    };
    rows.map(read).collect()
});
