//! The settings documents that handsets took before client provisioning. They are read and named, never written.
//!
//! Neither has a registered public identifier: they are recognised by their root, or by the media type of the push.

use std::sync::LazyLock;

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
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("ota_settings_tokens.tsv")])),
    grammar: LazyLock::new(Grammar::default),
    structure: None,
    check: |_, _| (),
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
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("wv_settings_tokens.tsv")])),
    grammar: LazyLock::new(Grammar::default),
    structure: None,
    check: |_, _| (),
    wbxml: WbxmlForm::PLAIN,
    pts: None,
};
