//! The header of a WBXML document: version, public identifier, character set, string table; and which vocabulary it names.

use super::super::{Encoding, Header, rules};
use super::{LITERAL, SWITCH_PAGE, charset, read_multi_byte};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::document::{Place, Vocabulary};

/// Registered public identifiers of document types that are not read here (WBXML 1.3, public identifiers).
pub(super) const OTHER_TYPES: &[(u32, &str)] = &[
    (0x02, "WML 1.0"),
    (0x03, "WTA 1.0"),
    (0x04, "WML 1.1"),
    (0x05, "service indication 1.0"),
    (0x06, "service loading 1.0"),
    (0x07, "cache operation 1.0"),
    (0x08, "channel 1.1"),
    (0x09, "WML 1.2"),
    (0x0A, "WML 1.3"),
    (0x0C, "WTA-WML 1.2"),
    (0x0D, "e-mail notification 1.0"),
    (0x0E, "DRM rights 1.0"),
];

/// Where the string table and the root are.
pub(super) struct Body {
    pub(super) table: std::ops::Range<usize>,
    pub(super) start: usize,
}

pub(super) fn read_header(bytes: &[u8], report: &mut Report) -> Option<(Header, Body)> {
    let mut pos = 1;
    let mut number = |report: &mut Report| {
        let (number, length) = read_multi_byte(bytes.get(pos..)?)?;
        if length > 1 && bytes[pos] == 0x80 {
            long_number(report, pos, length);
        }
        pos += length;
        Some(number)
    };
    let version = *bytes.first()?;
    let fields = (|| {
        let public_id = number(report)?;
        let reference = if public_id == 0 { Some(number(report)?) } else { None };
        let set = if version == 0 { charset::UTF_8 } else { number(report)? };
        let length = number(report)? as usize;
        Some((public_id, reference, set, length))
    })();
    let Some((public_id, reference, set, length)) = fields else {
        let message = "the header is cut, or a number in it is over 32 bits";
        report.add(Diagnostic::new(&rules::TRUNCATED, Span::new(0, bytes.len()), message));
        return None;
    };
    let left = bytes.len() - pos;
    if length > left {
        let message = format!("the string table should have {length} octets, but only {left} are left");
        report.add(Diagnostic::new(&rules::STRING_TABLE, Span::new(0, pos), message));
        return None;
    }
    let table = pos..pos + length;
    let text_at = |offset: u32| {
        let rest = bytes[table.clone()].get(offset as usize..)?;
        // Shipped clients leave the last zero out of the table.
        let end = rest.iter().position(|&b| b == 0).unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok().map(str::to_owned)
    };
    let public_text = reference.and_then(text_at);
    if version == 0 && !is_tag_or_page(bytes, table.end) || version > 3 {
        report.add(Diagnostic::new(&rules::VERSION, Span::new(0, 1), format!("0x{version:02X} is no version we know")));
    }
    let numbers = Span::new(1, pos);
    if reference.is_some() && public_text.is_none() {
        let message = "the public identifier points outside the string table";
        report.add(Diagnostic::new(&rules::STRING_TABLE, numbers, message));
    }
    check_charset(set, numbers, report);
    let header = Header {
        encoding: Encoding::Wbxml,
        version: Some(version),
        public_id: Some(public_id),
        public_text,
        charset: Some(set),
        string_table: length,
    };
    let body = Body { start: table.end, table };
    Some((header, body))
}

fn check_charset(set: u32, span: Span, report: &mut Report) {
    if !matches!(set, charset::UNKNOWN | charset::US_ASCII | charset::ISO_8859_1 | charset::UTF_8 | charset::UCS_2) {
        let message = format!("character set {set} is not supported; the text is read as UTF-8");
        report.add(Diagnostic::new(&rules::CHARSET, span, message));
    }
}

/// Returns whether a root may begin at `pos`; without one, "version 1.0" is a guess about something else.
fn is_tag_or_page(bytes: &[u8], pos: usize) -> bool {
    bytes.get(pos).is_some_and(|&b| b == SWITCH_PAGE || b & 0x3F >= LITERAL)
}

pub(super) fn long_number(report: &mut Report, pos: usize, length: usize) {
    let message = "a number has leading octets that say nothing";
    report.add(Diagnostic::new(&rules::LONG_NUMBER, Span::new(pos, pos + length), message));
}

pub(super) fn is_named_by(vocabulary: &Vocabulary, header: &Header) -> bool {
    vocabulary.public_ids.iter().any(|id| match &header.public_text {
        Some(text) => id.text == text.trim_ascii(),
        None => id.number > 1 && header.public_id == Some(id.number),
    })
}

/// Returns whether the root's token is one of the vocabulary's roots.
pub(super) fn may_start(vocabulary: &Vocabulary, bytes: &[u8], start: usize) -> bool {
    let (page, tag) = match bytes.get(start..) {
        Some([SWITCH_PAGE, page, tag, ..]) => (*page, *tag),
        Some([tag, ..]) => (0, *tag),
        _ => return false,
    };
    let token = tag & 0x3F;
    let name = vocabulary.tokens.tag(Place { page, token });
    token == LITERAL || name.is_some_and(|name| vocabulary.roots.contains(&name))
}
