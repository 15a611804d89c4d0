//! Lines of JSON that this program writes: `impskit.message/1` of campaigns and `impskit.built/1` of tables.

use std::borrow::Cow;

use serde::Deserialize;

use crate::diagnose::Span;
use crate::document::{from_hex, shorten};

/// A line with its messages.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it is in the text.
    pub(super) span: Span,
    /// Its schema.
    pub(super) name: String,
    /// What it says beside the message.
    pub(super) facts: String,
    /// The message, in the form that has most layers: PDUs, or a push, or a document. With their places in the line.
    pub(super) pieces: Vec<(Span, Vec<u8>)>,
    /// Whether the pieces are PDUs.
    pub(super) are_pdus: bool,
}

/// What is read of a line; all else in it is skipped.
#[derive(Deserialize)]
struct Fields<'l> {
    #[serde(borrow)]
    schema: Cow<'l, str>,
    line: Option<u64>,
    #[serde(borrow, rename = "ref")]
    reference: Option<Cow<'l, str>>,
    #[serde(borrow)]
    msisdn: Option<Cow<'l, str>>,
    #[serde(borrow)]
    form: Option<Cow<'l, str>>,
    #[serde(borrow)]
    pdus: Option<Texts<'l>>,
    #[serde(borrow)]
    push: Option<Texts<'l>>,
    #[serde(borrow)]
    document: Option<Texts<'l>>,
    #[serde(borrow)]
    xml: Option<Texts<'l>>,
    #[serde(borrow)]
    data: Option<Texts<'l>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts<'l> {
    One(#[serde(borrow)] Cow<'l, str>),
    Several(#[serde(borrow)] Vec<Cow<'l, str>>),
}

/// A longer line has no message to a handset.
const MOST_LINE: usize = 256 << 10;

/// Returns whether a text begins with such a line.
pub(super) fn looks_like(text: &[u8]) -> bool {
    let head = text.trim_ascii_start();
    let line = head.split(|octet| *octet == b'\n').next().unwrap_or_default();
    head.starts_with(b"{") && read_line(line, 0).is_some()
}

/// Returns the lines of a text that hold messages, at most `most`.
pub(super) fn read(text: &[u8], most: usize) -> Vec<Line> {
    let mut start = 0;
    let lines = text.split(|octet| *octet == b'\n').filter_map(|line| {
        let place = start;
        start += line.len() + 1;
        read_line(line, place)
    });
    lines.take(most).collect()
}

fn read_line(line: &[u8], place: usize) -> Option<Line> {
    let text = std::str::from_utf8(line).ok().filter(|text| text.len() <= MOST_LINE)?;
    let fields: Fields<'_> = serde_json::from_str(text.trim_ascii()).ok()?;
    if !matches!(fields.schema.as_ref(), "impskit.message/1" | "impskit.built/1") {
        return None;
    }
    let facts = facts(&fields);
    let is_sms = fields.form.as_deref() == Some("sms");
    let are_pdus = fields.pdus.is_some() || is_sms && fields.data.is_some();
    let texts = fields.pdus.or(fields.push).or(fields.document).or(fields.xml).or(fields.data)?;
    let texts = match texts {
        Texts::One(text) => vec![text],
        Texts::Several(texts) => texts,
    };
    let mut from = 0;
    let pieces = texts.into_iter().map(|piece| {
        let start = text[from..].find(piece.as_ref()).map_or(from, |found| from + found);
        from = (start + piece.len()).min(text.len());
        let octets = from_hex(piece.as_bytes()).unwrap_or_else(|| piece.as_bytes().to_vec());
        (Span::new(start, from), octets)
    });
    let pieces = pieces.collect();
    let span = Span::new(place, place + line.len());
    Some(Line { span, name: fields.schema.into_owned(), facts, pieces, are_pdus })
}

fn facts(fields: &Fields<'_>) -> String {
    let line = fields.line.map(|line| format!("line {line} of the table"));
    let reference = fields.reference.as_ref().map(|text| format!("ref {}", shorten(text)));
    let to = fields.msisdn.as_ref().map(|digits| format!("to +{}", shorten(digits.trim_start_matches('+'))));
    let form = fields.form.as_ref().map(|form| format!("as {}", shorten(form)));
    [line, reference, to, form].into_iter().flatten().collect::<Vec<_>>().join("  ")
}
