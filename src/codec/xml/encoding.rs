//! Documents of one octet a character, read as text, with the way back to their own offsets.

use crate::diagnose::Span;
use crate::document::Element;

/// Returns the encoding that the XML declaration names.
pub(super) fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let declaration = &head[head.find("<?xml")?..head.find("?>")?];
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value[1..].split(quote).next().map(str::to_owned)
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
