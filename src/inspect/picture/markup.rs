//! Text in markup: nothing of a hostile name gets out of it.

use std::borrow::Cow;

use quick_xml::escape::escape;

use crate::diagnose::text::printable;

/// Returns text for XML and HTML: escaped, without characters that XML cannot hold or that reorder text.
pub(crate) fn markup(text: &str) -> String {
    let text = printable(text);
    let is_bad = |c: char| matches!(c, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}');
    let text = if text.contains(is_bad) { Cow::Owned(text.replace(is_bad, "\u{FFFD}")) } else { text };
    escape(text).into_owned()
}

/// Returns the start of a text of at most so many cells, with `…` where something was left out.
pub(super) fn fitted(text: &str, most: usize) -> Cow<'_, str> {
    if cells(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut used = 1;
    let end = text.char_indices().find(|(_, c)| {
        used += width(*c);
        used > most
    });
    Cow::Owned(format!("{}…", &text[..end.map_or(text.len(), |(end, _)| end)]))
}

/// Returns how many cells of a font of equal widths a text takes at the most.
pub(super) fn cells(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// East Asian and symbol characters take two cells in most fonts.
fn width(c: char) -> usize {
    let narrow = matches!(c, '\0'..='\u{10FF}' | '\u{1E00}'..='\u{1FFF}' | '\u{2010}'..='\u{2027}');
    if narrow { 1 } else { 2 }
}
