//! Documents of one octet a character, read as text, with the way back to their own offsets.

use super::super::rules;
use crate::diagnose::{Diagnostic, Span};
use crate::document::{Element, shorten};

/// Returns the encoding that the XML declaration names.
pub(super) fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let declaration = &head[head.find("<?xml")?..];
    let value = declaration.split("?>").next()?.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
}

/// Returns the finding about a document that is not in the encoding that it says.
pub(super) fn not_utf_8(bytes: &[u8], declared: Option<&str>) -> Diagnostic {
    let (mut first, mut count) = (None, 0);
    let (mut is_windows, mut is_mixed) = (true, false);
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        at += chunk.valid().len();
        first = first.or(Some(at).filter(|_| !chunk.invalid().is_empty()));
        count += chunk.invalid().len();
        at += chunk.invalid().len();
        is_mixed |= !chunk.valid().is_ascii();
        is_windows &= !chunk.invalid().iter().any(|octet| matches!(octet, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D));
    }
    let first = first.unwrap_or_default();
    let octet = bytes[first];
    let said = match declared {
        Some(name) if !name.eq_ignore_ascii_case("utf-8") => format!("`{}` is not read, and ", shorten(name)),
        _ => String::new(),
    };
    let more = match count {
        1 => String::new(),
        2 => ", nor is one more octet".to_owned(),
        _ => format!(", nor are {} more octets", count - 1),
    };
    let character = windows_1252(octet);
    let (reading, help) = match (is_windows, is_mixed) {
        (true, false) => (
            format!("`{character}` in Windows-1252, as which the document is read"),
            "save the document as UTF-8, or say `encoding=\"windows-1252\"` in the XML declaration",
        ),
        (true, true) => (
            format!("`{character}` in Windows-1252, as which such octets are read"),
            "parts in two encodings were put together: save them all as UTF-8",
        ),
        (false, _) => (
            "some stand for nothing in Windows-1252 either, as which they are read".to_owned(),
            "find out in which encoding the document was written, and save it as UTF-8",
        ),
    };
    let message = format!("{said}octet 0x{octet:02X} is not UTF-8{more}: {reading}");
    Diagnostic::new(&rules::XML_ENCODING, Span::new(first, first + 1), message).help(help)
}

/// Returns whether an encoding has characters of two or four octets, so that a document in it is no ASCII.
pub(super) fn is_of_wide_units(name: &str) -> bool {
    ["utf-16", "utf-32", "iso-10646-ucs-"].iter().any(|wide| name.to_ascii_lowercase().starts_with(wide))
}

/// Returns the finding about a document that says an encoding of wide units and is UTF-8: it was saved anew.
pub(super) fn no_wide_units(bytes: &[u8], name: &str) -> Diagnostic {
    let at = bytes.windows(name.len()).position(|window| window == name.as_bytes()).unwrap_or_default();
    let message = format!("the document says `{}` and is UTF-8, as which it is read", shorten(name));
    let finding = Diagnostic::new(&rules::XML_ENCODING, Span::new(at, at + name.len()), message);
    finding.help("write `encoding=\"UTF-8\"`: XML parsers refuse the document otherwise")
}

/// A document of one octet a character, as text, with the way back to its own offsets.
pub(super) struct Latin {
    pub(super) text: String,
    /// For each character beyond ASCII: the offset behind it in `text`, and how many octets longer `text` is there.
    longer: Vec<(u32, u32)>,
}

impl Latin {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut latin = Self { text: String::with_capacity(bytes.len() + 64), longer: Vec::new() };
        for (i, &octet) in bytes.iter().enumerate() {
            latin.text.push(windows_1252(octet));
            if !octet.is_ascii() {
                latin.longer.push((latin.text.len() as u32, (latin.text.len() - i - 1) as u32));
            }
        }
        latin
    }

    /// Reads a document of UTF-8 in which some octets are of one character each.
    pub(super) fn mixed(bytes: &[u8]) -> Self {
        let mut latin = Self { text: String::with_capacity(bytes.len() + 64), longer: Vec::new() };
        let mut read = 0;
        for chunk in bytes.utf8_chunks() {
            latin.text.push_str(chunk.valid());
            read += chunk.valid().len();
            for &octet in chunk.invalid() {
                read += 1;
                latin.text.push(windows_1252(octet));
                latin.longer.push((latin.text.len() as u32, (latin.text.len() - read) as u32));
            }
        }
        latin
    }

    pub(super) fn back(&self, span: Span) -> Span {
        let offset = |offset: u32| {
            let before = self.longer.partition_point(|(end, _)| *end <= offset);
            offset - before.checked_sub(1).map_or(0, |i| self.longer[i].1)
        };
        Span { start: offset(span.start), end: offset(span.end) }
    }

    pub(super) fn put_back(&self, element: &mut Element<'_>) {
        element.span = self.back(element.span);
        element.content_span = self.back(element.content_span);
        for attribute in &mut element.attributes {
            attribute.span = self.back(attribute.span);
            attribute.value_span = self.back(attribute.value_span);
        }
        element.children.iter_mut().for_each(|child| self.put_back(child));
    }
}

fn windows_1252(octet: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match octet {
        0x80..=0x9F => HIGH[usize::from(octet - 0x80)],
        _ => char::from(octet),
    }
}
