//! A source: the octets of a document, and places in it.

use std::borrow::Cow;
use std::io::BufRead as _;
use std::ops::Range;
use std::sync::OnceLock;

/// A range of octets of a source. Documents are bounded far below 4 GiB, so 32 bits do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// The first octet.
    pub start: u32,
    /// One past the last octet.
    pub end: u32,
}

impl Span {
    /// Returns the span from `start` up to `end`; offsets beyond 4 GiB are cut to it.
    pub fn new(start: usize, end: usize) -> Self {
        let cut = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: cut(start), end: cut(end) }
    }

    /// Returns the range of octets.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Octets between two places whose characters are counted once.
const BLOCK: usize = 4096;

/// Whether a source is shown as text or as rows of hexadecimal octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines and columns.
    Text,
    /// Octet offsets.
    Binary,
}

/// A place in a text source, both numbers from 1; columns count Unicode characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// The octets of a document with the name under which people know it.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// A path, or `<stdin>`.
    pub name: String,
    /// The layer of the named file in which these octets are; `None` where they are the file.
    pub layer: Option<String>,
    /// The octets.
    pub bytes: Cow<'a, [u8]>,
    /// How it is shown.
    pub form: Form,
    /// Where each line starts; found when first asked for.
    line_starts: OnceLock<Vec<usize>>,
    /// How many characters stand before each block of [`BLOCK`] octets; found when first asked for.
    characters: OnceLock<Vec<usize>>,
    /// Whether each octet is a character; found when first asked for.
    is_single: OnceLock<bool>,
    /// Secrets, which are not shown.
    hidden: Vec<Span>,
}

impl<'a> Source<'a> {
    /// Returns a source; it is text when it is UTF-8 without control characters other than white space.
    pub fn new(name: impl Into<String>, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let bytes = bytes.into();
        let form = if looks_like_text(&bytes) { Form::Text } else { Form::Binary };
        Self {
            name: name.into(),
            layer: None,
            bytes,
            form,
            line_starts: OnceLock::new(),
            characters: OnceLock::new(),
            is_single: OnceLock::new(),
            hidden: Vec::new(),
        }
    }

    /// Keeps a secret from being shown in excerpts.
    pub(crate) fn hide(&mut self, secret: Span) {
        self.hidden.push(secret);
    }

    /// Returns the octets of a range as they may be shown: those of secrets as `*`.
    pub fn shown(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        let mut shown = Cow::Borrowed(&self.bytes[range.clone()]);
        for secret in &self.hidden {
            let (start, end) = (secret.range().start.max(range.start), secret.range().end.min(range.end));
            if start < end {
                shown.to_mut()[start - range.start..end - range.start].fill(b'*');
            }
        }
        shown
    }

    /// Returns line and column of `offset`; an offset past the end is the place behind the last octet.
    pub fn position(&self, offset: u32) -> Position {
        let offset = (offset as usize).min(self.bytes.len());
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start <= offset).max(1);
        let start = starts[line - 1].min(offset);
        let before = match &self.bytes[start..offset] {
            octets if octets.len() < BLOCK => {
                // A character that is cut at the end is no fault.
                let fault = std::str::from_utf8(octets).err().and_then(|error| error.error_len());
                characters(octets, fault.is_some())
            }
            _ => self.characters_before(offset) - self.characters_before(start),
        };
        Position { line, column: before + 1 }
    }

    /// Returns the octets of line `line` (from 1) without its line end.
    pub fn line_range(&self, line: usize) -> Option<Range<usize>> {
        let starts = self.line_starts();
        let start = *starts.get(line.checked_sub(1)?)?;
        let end = starts.get(line).map_or(self.bytes.len(), |next| next - 1);
        let is_cut = self.bytes[start..end].ends_with(b"\r");
        Some(start..end - usize::from(is_cut))
    }

    /// Returns the text of line `line` (from 1) without its line end, and the offset where it starts.
    pub fn line(&self, line: usize) -> Option<(usize, Cow<'_, str>)> {
        let range = self.line_range(line)?;
        Some((range.start, String::from_utf8_lossy(&self.bytes[range])))
    }

    /// Returns how many characters begin before `offset`, without counting a long line from its start each time.
    fn characters_before(&self, offset: usize) -> usize {
        let is_single = *self.is_single.get_or_init(|| std::str::from_utf8(&self.bytes).is_err());
        let count = |octets: &[u8]| characters(octets, is_single);
        let counts = self.characters.get_or_init(|| {
            let blocks = self.bytes.chunks(BLOCK).scan(0, |sum, block| {
                let before = *sum;
                *sum += count(block);
                Some(before)
            });
            blocks.collect()
        });
        let block = offset / BLOCK;
        match counts.get(block) {
            Some(before) => before + count(&self.bytes[block * BLOCK..offset]),
            // The end of a source whose last block is full.
            None => counts.last().map_or(0, |before| before + count(&self.bytes[(block - 1) * BLOCK..])),
        }
    }

    /// The first line starts behind a byte-order mark, which no editor counts.
    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let first = if self.bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            let mut starts = Vec::with_capacity(self.bytes.len() / 64 + 1);
            starts.push(first);
            let mut rest = &self.bytes[first..];
            let mut at = first;
            // Reading from memory does not fail.
            while let Ok(line @ 1..) = rest.skip_until(b'\n') {
                at += line;
                if self.bytes[at - 1] == b'\n' {
                    starts.push(at);
                }
            }
            starts
        })
    }
}

/// Returns how many characters octets are: every octet, or every one that does not continue another of UTF-8.
fn characters(octets: &[u8], is_single: bool) -> usize {
    if is_single { octets.len() } else { octets.iter().filter(|&&b| b & 0xC0 != 0x80).count() }
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character cut by the end of the head is no reason to doubt the rest, a bad octet in the middle is:
        // unless the document still looks like markup, whose encoding is then what is wrong with it.
        Err(error) => error.error_len().is_none() || head.trim_ascii_start().starts_with(b"<"),
    };
    valid && !head.iter().any(|&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0C))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_columns_in_characters() {
        let source = Source::new("a", "x\näöü!".as_bytes());
        assert_eq!(source.position(8), Position { line: 2, column: 4 });
        assert_eq!(source.line(2), Some((2, "äöü!".into())));
        assert_eq!(source.line(3), None);
    }

    #[test]
    fn counts_octets_of_one_octet_a_character() {
        let source = Source::new("a", &b"<a>\n\x93x\x94"[..]);
        assert_eq!(source.position(6), Position { line: 2, column: 3 });
    }

    #[test]
    fn counts_columns_of_long_lines() {
        let text = "ä".repeat(3 * BLOCK);
        let source = Source::new("a", text.as_bytes());
        for characters in [0, 1, BLOCK / 2, BLOCK, 2 * BLOCK + 7, 3 * BLOCK] {
            let offset = u32::try_from(2 * characters).unwrap();
            assert_eq!(source.position(offset), Position { line: 1, column: characters + 1 });
        }
    }

    #[test]
    fn shows_no_secrets() {
        let mut source = Source::new("a", &b"name=secret;"[..]);
        source.hide(Span::new(5, 11));
        assert_eq!(&*source.shown(0..12), b"name=******;");
        assert_eq!(&*source.shown(8..12), b"***;");
        assert_eq!(&*source.shown(0..5), b"name=");
    }

    #[test]
    fn tells_text_from_octets() {
        assert_eq!(Source::new("a", &b"<a/>"[..]).form, Form::Text);
        assert_eq!(Source::new("a", &b"\x03\x0b\x6a\x00"[..]).form, Form::Binary);
        assert_eq!(Source::new("a", &b"<a>\x93</a>"[..]).form, Form::Text);
    }
}
