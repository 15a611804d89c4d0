//! The parts of a `multipart/related` message (RFC 2046, RFC 2387), as far as pushes need them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::wsp::{Media, Push};
use super::text;
use crate::cp::mac::Security;
use crate::diagnose::Span;

/// Parts of a message; the protocol knows three.
const MOST_PARTS: usize = 8;
/// Headers of a part.
const MOST_HEADERS: usize = 64;
/// Octets of the headers of a part.
const MOST_HEAD: usize = 16 << 10;
/// Characters of a boundary (RFC 2046, "Common Syntax").
const MOST_BOUNDARY: usize = 70;

/// A part: headers and body.
#[derive(Debug, Clone)]
pub struct Part<'b> {
    head: Head<'b>,
    /// The body as it stands.
    raw: &'b [u8],
    /// Where the body is.
    pub span: Span,
}

/// Why a message is no multipart, and from which octet on.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// Header lines, each unfolded only where it is asked for.
#[derive(Debug, Clone, Copy)]
struct Head<'b>(&'b [u8]);

impl<'b> Head<'b> {
    /// Returns the lines with their continuations.
    fn fields(self) -> impl Iterator<Item = &'b [u8]> {
        let mut rest = self.0;
        let next = move || {
            let mut end = 0;
            loop {
                let line = rest[end..].iter().position(|octet| *octet == b'\n')?;
                end += line + 1;
                if !rest[end..].starts_with(b" ") && !rest[end..].starts_with(b"\t") {
                    break;
                }
            }
            let (field, after) = rest.split_at(end);
            rest = after;
            Some(field)
        };
        std::iter::from_fn(next).take(MOST_HEADERS)
    }

    /// Returns the value of a header, with the line ends that fold it.
    fn value(self, name: &str) -> Option<&'b [u8]> {
        self.fields().find_map(|field| {
            let colon = field.iter().position(|octet| *octet == b':')?;
            field[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| field[colon + 1..].trim_ascii())
        })
    }
}

/// Returns the value of a media type without parameters, and the parameters in order.
fn parameters(value: &[u8]) -> (&[u8], impl Iterator<Item = (&[u8], &[u8])>) {
    let mut pieces = semicolons(value);
    let media = pieces.next().unwrap_or_default().trim_ascii();
    let named = pieces.filter_map(|piece| {
        let equals = piece.iter().position(|octet| *octet == b'=')?;
        let (name, value) = (piece[..equals].trim_ascii(), piece[equals + 1..].trim_ascii());
        let quoted = value.strip_prefix(b"\"").map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest));
        Some((name, quoted.unwrap_or(value)))
    });
    (media, named)
}

/// Splits at the semicolons outside quotes.
fn semicolons(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    value.split(move |octet| {
        is_quoted ^= *octet == b'"';
        *octet == b';' && !is_quoted
    })
}

/// Splits a message into its parts: the body of an HTTP message, with or without its headers. A message that is one XML
/// document is one part.
pub(super) fn split(octets: &[u8]) -> Result<Vec<Part<'_>>, Fault> {
    let (head, start) = head(octets);
    let body = &octets[start..];
    let declared = head.value("Content-Type").and_then(|value| {
        let (_, mut named) = parameters(value);
        named.find(|(name, _)| name.eq_ignore_ascii_case(b"boundary")).map(|(_, boundary)| boundary)
    });
    let is_xml = body.trim_ascii_start().starts_with(b"<") || body.starts_with(b"\xEF\xBB\xBF");
    let Some(boundary) = declared.or_else(|| first_line(body)).filter(|_| declared.is_some() || !is_xml) else {
        return match is_xml {
            true => Ok(vec![Part { head, raw: body, span: Span::new(start, octets.len()) }]),
            false => Err(Fault { at: start, what: "no line begins with `--` and a boundary" }),
        };
    };
    if boundary.is_empty() || boundary.len() > MOST_BOUNDARY {
        return Err(Fault { at: start, what: "the boundary is empty or longer than 70 characters" });
    }
    parts(octets, start, boundary)
}

/// Returns the headers that stand before a body, where there are any, and where the body begins.
fn head(octets: &[u8]) -> (Head<'_>, usize) {
    let none = (Head(&[]), 0);
    let window = &octets[..octets.len().min(MOST_HEAD)];
    let first = window.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let is_request = [&b"POST "[..], b"HTTP/"].iter().any(|word| first.starts_with(word));
    let is_header = !first.starts_with(b"--") && !first.starts_with(b"<") && first.contains(&b':');
    if !is_request && !is_header {
        return none;
    }
    match end_of_head(window) {
        Some((end, size)) => (Head(&octets[..end]), end + size),
        None => none,
    }
}

/// Returns where headers end, and how long the empty line is that ends them.
fn end_of_head(octets: &[u8]) -> Option<(usize, usize)> {
    for (place, _) in octets.iter().enumerate().filter(|(_, octet)| **octet == b'\n') {
        let rest = &octets[place + 1..];
        if rest.starts_with(b"\r\n") {
            return Some((place + 1, 2));
        }
        if rest.starts_with(b"\n") {
            return Some((place + 1, 1));
        }
    }
    None
}

/// Returns the boundary that the first line shows.
fn first_line(body: &[u8]) -> Option<&[u8]> {
    let body = body.trim_ascii_start();
    let line = body.split(|octet| *octet == b'\n').next()?.trim_ascii_end();
    line.strip_prefix(b"--").filter(|boundary| !boundary.is_empty())
}

fn parts<'b>(octets: &'b [u8], start: usize, boundary: &[u8]) -> Result<Vec<Part<'b>>, Fault> {
    let mut parts = Vec::new();
    let no_line = Fault { at: start, what: "no line begins with the boundary that the headers name" };
    let mut line = find_line(octets, start, boundary).ok_or(no_line)?;
    while !line.is_last && parts.len() < MOST_PARTS {
        let after = &octets[line.end..];
        let (head, body) = match end_of_head(&after[..after.len().min(MOST_HEAD)]) {
            _ if after.starts_with(b"\r\n") => (Head(&[]), line.end + 2),
            _ if after.starts_with(b"\n") => (Head(&[]), line.end + 1),
            Some((end, size)) => (Head(&after[..end]), line.end + end + size),
            None => return Err(Fault { at: line.end, what: "the headers of a part do not end" }),
        };
        // A message that breaks off has no last line; what there is of the part is kept.
        let next = find_line(octets, body, boundary);
        let end = next.as_ref().map_or(octets.len(), |next| next.start.max(body));
        parts.push(Part { head, raw: &octets[body..end], span: Span::new(body, end) });
        match next {
            Some(next) => line = next,
            None => break,
        }
    }
    match parts.is_empty() {
        true => Err(Fault { at: start, what: "the message has no part" }),
        false => Ok(parts),
    }
}

/// A line of the boundary.
struct Line {
    /// Where it begins; the line end before it belongs to it.
    start: usize,
    end: usize,
    is_last: bool,
}

fn find_line(octets: &[u8], from: usize, boundary: &[u8]) -> Option<Line> {
    let mut at = from;
    loop {
        let dashes = at + octets[at..].windows(2).position(|pair| pair == b"--")?;
        let after = dashes + 2 + boundary.len();
        let is_begun = dashes == from || octets[dashes - 1] == b'\n';
        if is_begun && octets[dashes + 2..].starts_with(boundary) {
            let rest = &octets[after..];
            let is_last = rest.starts_with(b"--");
            let tail = &rest[if is_last { 2 } else { 0 }..];
            let blanks = tail.iter().take_while(|octet| b" \t\r".contains(octet)).count();
            if tail.get(blanks).is_none_or(|octet| *octet == b'\n') {
                let end = (after + if is_last { 2 } else { 0 } + blanks + 1).min(octets.len());
                let before = octets[from..dashes].strip_suffix(b"\n").unwrap_or(&octets[from..dashes]);
                let before = before.strip_suffix(b"\r").unwrap_or(before);
                return Some(Line { start: from + before.len(), end, is_last });
            }
        }
        at = dashes + 2;
    }
}

impl<'b> Part<'b> {
    /// Returns a header's value on one line.
    pub fn header(&self, name: &str) -> Option<Cow<'b, str>> {
        let value = text(self.head.value(name)?);
        Some(if value.contains('\n') {
            Cow::Owned(value.split_whitespace().collect::<Vec<_>>().join(" "))
        } else {
            value
        })
    }

    /// Returns the body as it was before its transfer encoding; `None` where that is broken or not known.
    pub fn body(&self) -> Option<Cow<'b, [u8]>> {
        let encoding = self.head.value("Content-Transfer-Encoding").unwrap_or(b"binary");
        if encoding.eq_ignore_ascii_case(b"base64") {
            let digits: Vec<u8> = self.raw.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
            return STANDARD.decode(digits).ok().map(Cow::Owned);
        }
        let is_plain = [&b"binary"[..], b"8bit", b"7bit"].iter().any(|known| encoding.eq_ignore_ascii_case(known));
        is_plain.then_some(Cow::Borrowed(self.raw))
    }

    /// Returns the part as a push of `body`, which is [`Self::body`] and begins where `span` says.
    pub fn push<'p>(&self, body: &'p [u8], span: Span) -> Push<'p>
    where
        'b: 'p,
    {
        let (media, named) = parameters(self.head.value("Content-Type").unwrap_or(b"application/octet-stream"));
        let application = self.header("X-Wap-Application-Id").map(Cow::into_owned);
        let mut push = Push { media: Media::Text(text(media)), application, ..Push::new(0, body, span) };
        for (name, value) in named {
            if name.eq_ignore_ascii_case(b"SEC") {
                let word = text(value);
                let number = Security::from_name(&word).map(|security| u32::from(security.number()));
                push.sec = number.or_else(|| word.parse().ok()).or(Some(u32::MAX));
                push.sec_after_mac = push.mac.is_some();
            } else if name.eq_ignore_ascii_case(b"MAC") {
                push.mac = Some(value);
            }
        }
        push
    }
}
