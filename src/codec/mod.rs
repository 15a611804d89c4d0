//! Octets to the one tree and back. A codec knows a syntax and nothing of provisioning or messaging: what it
//! must know of a language is a field of its [`Vocabulary`].

mod pts;
mod rules;
mod wbxml;
mod xml;

pub use pts::Preamble;
pub(crate) use rules::PTS_CODE;
pub use rules::{RULES, UNREADABLE};
pub(crate) use wbxml::{SLOT, read_multi_byte, slot_number};
pub use wbxml::{Segments, WbxmlStyle};

use crate::diagnose::{Diagnostic, Report, Span};
use crate::document::{CodeTable, Element, Vocabulary};

/// A syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// XML 1.0.
    Xml,
    /// WAP binary XML 1.0 to 1.3.
    Wbxml,
    /// The plain text syntax of CSP, made for short messages.
    Pts,
}

impl Encoding {
    /// Returns the word that options and profiles use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Wbxml => "wbxml",
            Self::Pts => "pts",
        }
    }
}

/// What a reader takes at the most. Everything beyond is refused with GEN005 before memory is spent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the document, and of all texts that it takes from its string table.
    pub bytes: usize,
    /// Nesting of elements.
    pub depth: usize,
    /// Elements of the document.
    pub elements: usize,
    /// Attributes of one element.
    pub attributes: usize,
}

impl Default for Limits {
    /// 16 MiB, 64 levels, a million elements (the largest known device description has 59,000; a tree of 100,000 nodes has
    /// 800,000), 64 attributes.
    fn default() -> Self {
        Self { bytes: 16 << 20, depth: 64, elements: 1_000_000, attributes: 64 }
    }
}

/// What stood before the root element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The syntax.
    pub encoding: Encoding,
    /// WBXML: the version octet.
    pub version: Option<u8>,
    /// WBXML: the number of the public identifier.
    pub public_id: Option<u32>,
    /// The formal public identifier, from the DOCTYPE or the string table.
    pub public_text: Option<String>,
    /// WBXML: the character set as IANA MIBenum.
    pub charset: Option<u32>,
    /// WBXML: the length of the string table in octets.
    pub string_table: usize,
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Document<'s> {
    /// The tree.
    pub root: Element<'s>,
    /// The language it is in; `None` where no candidate fits.
    pub vocabulary: Option<&'static Vocabulary>,
    /// What stood before the root.
    pub header: Header,
    /// The documents that stand behind it in the same input; each of them has none.
    pub rest: Vec<Self>,
    /// The octets in which its spans are places; empty where they had to be made UTF-8 to be read.
    pub source: &'s [u8],
}

/// Returns the syntax of a document by its first octets, never by its name; `None` where it is none.
pub fn recognise(bytes: &[u8]) -> Option<Encoding> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    match text.first() {
        Some(b'<') => Some(Encoding::Xml),
        Some(b'W') if pts::is_preamble(text) => Some(Encoding::Pts),
        // UTF-16 with a byte-order mark is XML that we refuse by name.
        Some(0xFE | 0xFF) if bytes.len() > 2 => Some(Encoding::Xml),
        _ => match bytes {
            [0..=3, _, _, _, ..] => Some(Encoding::Wbxml),
            _ => None,
        },
    }
}

/// Reads a document in the syntax that its first octets show, choosing the vocabulary among `candidates`.
///
/// Findings go to `report`. Returns `None` where nothing could be read; a WBXML document that breaks off is
/// returned as far as it goes, with the finding.
pub fn read<'s>(
    bytes: &'s [u8],
    candidates: &[&'static Vocabulary],
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    read_with(bytes, candidates, None, limits, report)
}

/// Reads as [`read`] does, the plain text syntax by `codes` where there are any, else by those of the vocabulary.
pub fn read_with<'s>(
    bytes: &'s [u8],
    candidates: &[&'static Vocabulary],
    codes: Option<&CodeTable>,
    limits: &Limits,
    report: &mut Report,
) -> Option<Document<'s>> {
    if bytes.len() > limits.bytes {
        let message = format!("the document has {} octets, more than {}", bytes.len(), limits.bytes);
        report.add(Diagnostic::new(&rules::LIMIT, Span::default(), message));
        return None;
    }
    match recognise(bytes) {
        Some(Encoding::Xml) => xml::read(bytes, candidates, limits, report),
        Some(Encoding::Wbxml) => wbxml::read(bytes, candidates, limits, report),
        Some(Encoding::Pts) => pts::read(bytes, candidates, codes, limits, report),
        None if holds_document(bytes, candidates) => xml::read(bytes, candidates, limits, report),
        None => {
            let message = "neither XML nor WBXML: the first octets show no known syntax";
            report.add(Diagnostic::new(&rules::UNREADABLE, Span::new(0, bytes.len().min(16)), message));
            None
        }
    }
}

/// Returns whether an XML document begins somewhere in a text.
pub(crate) fn holds_document(bytes: &[u8], candidates: &[&'static Vocabulary]) -> bool {
    !bytes.contains(&0) && xml::find_document(&String::from_utf8_lossy(bytes), candidates).is_some()
}

/// Returns whether the findings of a reader say that the document goes on where it could not be read.
pub(crate) fn breaks_off(report: &Report) -> bool {
    report.diagnostics().iter().any(|d| [&rules::TRUNCATED, &rules::XML_FORM].contains(&d.rule))
}

/// Writes a document as XML in UTF-8, with declaration and document type.
///
/// `indent` puts every element on a line of its own; leaves keep their text as it is.
pub fn write_xml(root: &Element<'_>, vocabulary: Option<&Vocabulary>, indent: bool) -> Vec<u8> {
    xml::write(root, vocabulary, indent)
}

/// Returns the text of an XML document in canonical layout, with everything that it says and all comments: an element a
/// line, indented by two, children in the order of the standard where their grammar has one. `root` is what was read
/// from it; lines end with U+000A in both. `None` where the text is not well-formed.
pub(crate) fn layout_xml(text: &str, root: &Element<'_>, vocabulary: Option<&Vocabulary>) -> Option<String> {
    xml::layout(text, root, vocabulary.map(|v| &*v.grammar))
}

/// Writes a document as WBXML in UTF-8 with an empty string table.
///
/// # Errors
///
/// Names what the form cannot carry: an element without a token, or U+0000.
pub fn write_wbxml(
    root: &Element<'_>,
    vocabulary: &Vocabulary,
    options: &WbxmlOptions,
) -> Result<Vec<u8>, CannotWrite> {
    wbxml::write(root, vocabulary, options)
}

/// Writes a document whose text holds the marks of [`Segments::slot`] as octets with gaps, to be filled once a handset.
///
/// # Errors
///
/// As [`write_wbxml`].
pub fn write_wbxml_segments(
    root: &Element<'_>,
    vocabulary: &Vocabulary,
    options: &WbxmlOptions,
) -> Result<Segments, CannotWrite> {
    wbxml::write(root, vocabulary, options).map(Segments::cut)
}

/// Writes a message in the plain text syntax of CSP, whole: cutting it into short messages is the transport's. Without
/// `codes` those of the vocabulary stand.
///
/// # Errors
///
/// Names what the form cannot carry: an element without a known code, or a transaction identifier that is no number.
pub fn write_pts(
    root: &Element<'_>,
    vocabulary: &Vocabulary,
    codes: Option<&CodeTable>,
) -> Result<String, CannotWrite> {
    pts::write(root, vocabulary, codes)
}

/// Takes away of a primitive what plain text cannot carry. Returns the names of what went.
pub(crate) fn fit_pts(primitive: &mut Element<'_>, codes: &CodeTable) {
    pts::fit(primitive, codes);
}

/// How WBXML is written where the vocabulary leaves a choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct WbxmlOptions {
    /// Which tokens stand for names and values of attributes.
    pub style: WbxmlStyle,
    /// The public identifier to write in place of the vocabulary's own: that of the request, in an answer.
    pub public_id: Option<u32>,
    /// Whether date-time leaves are OPAQUE, in place of what the vocabulary says: clients disagree.
    pub opaque_dates: Option<bool>,
    /// Whether integers are text, where others are OPAQUE.
    pub text_integers: bool,
    /// A vocabulary that has to know a value token too: who reads by its table takes others for damage.
    pub values_known_to: Option<&'static Vocabulary>,
}

/// Why a tree cannot be written in a syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotWrite {
    /// What cannot be carried.
    pub what: String,
}

impl std::fmt::Display for CannotWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CannotWrite {}
