//! A vocabulary: which elements exist, what they hold and which numbers they have. It knows nothing of octets.

use std::sync::LazyLock;

use super::codes::CodeTable;
use super::element::Element;
use super::grammar::Grammar;
use super::structure::StructureRules;
use super::tokens::TokenTable;
use crate::diagnose::Report;

/// A WBXML public identifier: its number, and the text that may stand for it in the string table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicId {
    /// The registered number; 0 where none is assigned and the text must be written.
    pub number: u32,
    /// The formal public identifier.
    pub text: &'static str,
}

/// The document type declaration that XML documents carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doctype {
    /// The root element.
    pub root: &'static str,
    /// The public identifier.
    pub public: &'static str,
    /// The system identifier; never fetched.
    pub system: &'static str,
}

/// How the WBXML writer treats this vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WbxmlForm {
    /// The version octet to write: 0x03 is WBXML 1.3.
    pub version: u8,
    /// Whether date-time leaves are OPAQUE (CSP 1.3) or text.
    pub opaque_dates: bool,
    /// Whether an attribute value may start with a token's prefix and go on inline (`xmlns` of CSP), or a token stands
    /// for a whole value only.
    pub attribute_prefixes: bool,
    /// Namespaces that a code page stands for, as (page, namespace).
    pub page_namespaces: &'static [(u8, &'static str)],
    /// Leaves of what people say, which is text even where it is a word that has a value token.
    pub plain_leaves: &'static [&'static str],
}

impl WbxmlForm {
    /// WBXML 1.3, nothing special.
    pub(crate) const PLAIN: Self =
        Self { version: 0x03, opaque_dates: false, attribute_prefixes: false, page_namespaces: &[], plain_leaves: &[] };
}

/// How the plain text syntax carries this vocabulary.
#[derive(Debug, Clone, Copy)]
pub struct PtsForm {
    /// The two digits of the preamble.
    pub version: &'static str,
    /// The codes.
    pub codes: &'static LazyLock<CodeTable>,
}

/// One language in one version.
#[derive(Debug)]
pub struct Vocabulary {
    /// The short name, for messages and `--kind`: `cp`, `csp-1.3`, `ddf`, `syncml`.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// The root elements.
    pub roots: &'static [&'static str],
    /// Elements that stand for themselves in XML where documentation prints a part of a document.
    pub fragments: &'static [&'static str],
    /// The namespaces that belong to it, the root's first. Empty where documents have none.
    pub namespaces: &'static [&'static str],
    /// The document type to write; `None` for none.
    pub doctype: Option<Doctype>,
    /// WBXML public identifiers, the one to write first. Empty where there is no WBXML form.
    pub public_ids: &'static [PublicId],
    /// The numbers.
    pub tokens: LazyLock<TokenTable>,
    /// The elements.
    pub grammar: LazyLock<Grammar>,
    /// What structural faults cite; `None` where structure is not checked.
    pub structure: Option<StructureRules>,
    /// What is checked beyond structure.
    pub check: fn(&Element<'_>, &mut Report),
    /// How WBXML is written.
    pub wbxml: WbxmlForm,
    /// How plain text is written and read; `None` where there is no such form.
    pub pts: Option<PtsForm>,
}

impl Vocabulary {
    /// Reports everything that is wrong with a document of this vocabulary.
    pub fn check(&self, root: &Element<'_>, report: &mut Report) {
        if let Some(rules) = &self.structure {
            self.grammar.check(root, "", rules, report);
        }
        (self.check)(root, report);
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Vocabulary {}
