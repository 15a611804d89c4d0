//! Device management: trees, device descriptions, management objects, SyncML DM messages.
//!
//! ```text
//! Uri ── Tree ── serialise      what a device holds; as TNDS and JSON
//!         │ ╲─ changes        what makes one tree into another
//! Description ── describe       what a device may hold: DDF, ours in the folder `ddf`
//!         │
//! ManagementObject ── rules     accounts found, made and checked wherever they hang
//!
//! syncml::Message               what servers ask of a tree, and what devices answer
//!
//! device::Device                a tree that carries out commands: faults, access control, undoing
//! ```

pub mod device;
pub mod serialise;
pub mod session;
pub mod syncml;

mod acl;
mod changes;
mod compare;
mod ddf;
mod node;
mod object;
mod rules;
mod status;
mod tree;
mod uri;
mod values;

pub use acl::{Acl, BadAcl, Command};
pub use changes::{Change, changes};
pub use compare::{Aspect, Comparison, Difference, Impact};
pub use ddf::{Access, Described, Description, Occurrence};
pub use node::{Format, Node, Value};
pub use object::{DM_ACCOUNT, IMPS, ManagementObject, ObjectFault};
pub(crate) use object::{DM_APPID, IMPS_APPID, describe, spell_as, spell_like};
pub use rules::{
    DESCRIPTION_RULES, MESSAGE_RULES, RULES, check_against, check_document, check_message, check_tree, is_tree,
};
pub(crate) use rules::{VENDOR_GRAMMAR, VENDOR_NAMESPACES, check_description};
pub use status::{STATUSES, Status};
pub use syncml::{DEVINF, DEVINF_1_0, DEVINF_1_1, SYNCML, SYNCML_1_0, SYNCML_1_1, settle_version};
pub use tree::{Tree, TreeFault};
pub use uri::{BadUri, Uri, UriLimits, is_name};
pub(crate) use values::fits;

use std::sync::LazyLock;

use crate::document::{Doctype, Grammar, PublicId, TokenTable, Vocabulary, WbxmlForm};

/// The vocabulary of device descriptions (DDF) and of serialised trees (TNDS): one grammar serves both.
pub static DDF: Vocabulary = Vocabulary {
    id: "ddf",
    name: "device description or serialised tree",
    roots: &["MgmtTree"],
    fragments: &["Node", "DFProperties"],
    namespaces: &["syncml:dmddf1.2", "syncml:dmddf"],
    doctype: Some(Doctype {
        root: "MgmtTree",
        public: "-//OMA//DTD-DM-DDF 1.2//EN",
        system: "http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd",
    }),
    public_ids: &[
        PublicId { number: 0, text: "-//OMA//DTD-DM-DDF 1.2//EN" },
        PublicId { number: 0, text: "-//OMA//DTD SYNCML-DMDDF 1.1.2//EN" },
        // By the pattern of the others: the text of 1.3 was not at hand.
        PublicId { number: 0, text: "-//OMA//DTD-DM-DDF 1.3//EN" },
    ],
    tokens: LazyLock::new(|| TokenTable::read(&[include_str!("tokens-ddf.tsv")])),
    grammar: LazyLock::new(|| Grammar::read(include_str!("ddf.tsv"), "", |_| &[], &[])),
    structure: None,
    check: rules::check,
    wbxml: WbxmlForm { version: 0x02, page_namespaces: &[(2, "syncml:dmddf1.2")], ..WbxmlForm::PLAIN },
    pts: None,
};

/// What stands in the place of a secret.
pub const MASK: &str = "••••";

/// Returns whether a node, element or parameter of that name holds a secret (DDF rule D28), in any case of letters.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.as_bytes();
    let ends_with =
        |end: &[u8]| name.len().checked_sub(end.len()).is_some_and(|at| name[at..].eq_ignore_ascii_case(end));
    match name.last().map(u8::to_ascii_lowercase) {
        Some(b't') => ends_with(b"secret"),
        Some(b'd') => ends_with(b"password"),
        Some(b'w') => ends_with(b"pw"),
        Some(b'a') => ends_with(b"aauthdata"),
        Some(b's') => ends_with(b"digestbytes"),
        _ => false,
    }
}
