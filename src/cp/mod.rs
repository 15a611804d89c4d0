//! Client provisioning: the `wap-provisioningdoc` of Provisioning Content 1.1.

mod application;
mod characteristic;
pub mod mac;
mod rules;
pub mod settings;

use std::sync::LazyLock;

pub use application::{APPLICATIONS, Application, RegisteredParm, Status, is_registered};
pub use characteristic::{Characteristic, DECLARATIONS, Declaration, Parm, ParmDeclaration, Value};
pub use rules::{CLIENT_LIMITS, LONG_VALUE, RULES, TOO_LARGE, check};

use crate::document::{Doctype, Grammar, PublicId, TokenTable, Vocabulary, WbxmlForm};

/// The vocabulary of provisioning documents.
pub static VOCABULARY: Vocabulary = Vocabulary {
    id: "cp",
    name: "client provisioning document",
    roots: &["wap-provisioningdoc"],
    fragments: &[],
    namespaces: &[],
    doctype: Some(Doctype {
        root: "wap-provisioningdoc",
        public: "-//WAPFORUM//DTD PROV 1.0//EN",
        system: "http://www.wapforum.org/DTD/prov.dtd",
    }),
    public_ids: &[PublicId { number: 0x0B, text: "-//WAPFORUM//DTD PROV 1.0//EN" }],
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("tokens.tsv")])),
    grammar: LazyLock::new(|| Grammar::read(include_str!("elements.tsv"), "", |_| &[], &[])),
    structure: None,
    check: |root, report| check(root, false, report),
    wbxml: WbxmlForm::PLAIN,
    pts: None,
};
