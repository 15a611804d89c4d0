//! Text of elements while they are read, and of messages about them.

use std::borrow::Cow;

use super::super::rules;
use crate::diagnose::{Diagnostic, Span};
use crate::document::{Content, Element};

/// Returns the finding about text beside child elements. Blanks that XML does not know for blanks come from copying out
/// of web pages.
pub(super) fn mixed(element: &Element<'_>, text: &str, span: Span) -> Diagnostic {
    let foreign = text.chars().find(|c| !c.is_ascii_whitespace());
    match foreign.filter(|_| text.chars().all(char::is_whitespace)) {
        Some(blank) => {
            let code = u32::from(blank);
            let message = format!("`{}` is laid out with U+{code:04X}, which XML takes for text", element.name);
            Diagnostic::new(&rules::XML_MIXED, span, message).help("write plain blanks and tabs between elements")
        }
        None => {
            let message = format!("`{}` has both text and child elements", element.name);
            Diagnostic::new(&rules::XML_MIXED, span, message)
        }
    }
}

/// Appends the white space that stands at the beginning of what turns out to be text.
pub(super) fn append_blank<'s>(element: &mut Element<'s>, blank: &mut Option<(&'s str, usize)>) {
    if let Some((raw, start)) = blank.take() {
        append(element, with_line_ends(raw), Span::new(start, start + raw.len()));
    }
}

/// Returns text with the line ends that every reader of XML makes of those of the document (XML 1.0, end-of-line handling).
pub(super) fn with_line_ends(raw: &str) -> Cow<'_, str> {
    match raw.contains('\r') {
        true => Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(raw),
    }
}

/// Appends a piece of text.
pub(super) fn append<'s>(element: &mut Element<'s>, piece: Cow<'s, str>, span: Span) {
    match &mut element.content {
        Content::Text(text) if text.is_empty() => {
            *text = piece;
            element.content_span = span;
        }
        Content::Text(text) => {
            text.to_mut().push_str(&piece);
            element.content_span.end = span.end;
        }
        Content::Octets(_) => {}
    }
}

/// Takes the offset inside the tag off the message; the span says where in the document.
pub(super) fn without_position(message: &str) -> String {
    let message = message.strip_prefix("position ").and_then(|m| m.split_once(": ")).map_or(message, |(_, rest)| rest);
    lower_case(message)
}

/// Returns a message in the style of ours.
pub(super) fn lower_case(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect::<String>().trim_end_matches('.').to_owned()
}
