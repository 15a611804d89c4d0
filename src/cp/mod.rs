//! Client provisioning: the `wap-provisioningdoc` of Provisioning Content 1.1 (`cp/provisioning-content.md`).

pub mod mac;
pub mod settings;

use std::sync::LazyLock;

use crate::diagnose::Report;
use crate::document::{Doctype, Element, Grammar, PublicId, TokenTable, Vocabulary, WbxmlForm};

/// The vocabulary of provisioning documents.
pub static VOCABULARY: Vocabulary = Vocabulary {
    id: "cp",
    name: "client provisioning document",
    roots: &["wap-provisioningdoc"],
    namespaces: &[],
    doctype: Some(Doctype {
        root: "wap-provisioningdoc",
        public: "-//WAPFORUM//DTD PROV 1.0//EN",
        system: "http://www.wapforum.org/DTD/prov.dtd",
    }),
    public_ids: &[PublicId { number: 0x0B, text: "-//WAPFORUM//DTD PROV 1.0//EN" }],
    tokens: || {
        static TOKENS: LazyLock<TokenTable> = LazyLock::new(|| TokenTable::read(&[include_str!("tokens.tsv")]));
        &TOKENS
    },
    grammar: || {
        static GRAMMAR: LazyLock<Grammar> = LazyLock::new(Grammar::default);
        &GRAMMAR
    },
    structure: None,
    check,
    wbxml: WbxmlForm::PLAIN,
};

fn check(_: &Element<'_>, _: &mut Report) {}
