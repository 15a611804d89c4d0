//! The Push Access Protocol: a message to a push proxy gateway, and its answer (PAP 1.0, 2.0, 2.1).
//!
//! ```text
//! multipart/related ─┬─ control entity, XML: push-id, address, how to deliver
//!                    └─ content: the sealed document, with SEC and MAC as parameters of its media type
//! ```
//!
//! [`write()`] makes a submission of a push PDU, [`read`] reads any message of the protocol, [`read_response`] what a
//! gateway answers. Gateways may drop SEC and MAC: look at the first message that is delivered.

mod answer;
mod multipart;
mod write;

use std::borrow::Cow;

pub use answer::{Answer, read_response, words};
pub use multipart::Part;
pub use write::{Submission, WithType, check_host, check_time, push_id, write};

use super::rules::{INCOMPLETE_PAP, MALFORMED_PAP};
use crate::codec::{self, Limits};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::document::Element;

/// The editions, which differ in their document types only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// WAP Forum, PAP 1.0.
    #[default]
    V1_0,
    /// WAP Forum, PAP 2.0.
    V2_0,
    /// OMA, PAP 2.1.
    V2_1,
}

impl Version {
    /// All editions.
    pub const ALL: [Self; 3] = [Self::V1_0, Self::V2_0, Self::V2_1];

    /// Returns the number as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V2_0 => "2.0",
            Self::V2_1 => "2.1",
        }
    }

    /// Returns the formal public identifier of the document type.
    pub fn public_id(self) -> &'static str {
        match self {
            Self::V1_0 => "-//WAPFORUM//DTD PAP 1.0//EN",
            Self::V2_0 => "-//WAPFORUM//DTD PAP 2.0//EN",
            Self::V2_1 => "-//WAPFORUM//DTD PAP 2.1//EN",
        }
    }

    /// Returns the edition of a public identifier.
    pub fn of(public_id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.public_id() == public_id)
    }
}

/// A message of the protocol as it was read.
#[derive(Debug)]
pub struct Message<'b> {
    /// The edition that the document type names.
    pub version: Option<Version>,
    /// Where the control entity is.
    pub control_span: Span,
    /// What it says.
    pub says: Says,
    /// What is pushed: the second part.
    pub content: Option<Part<'b>>,
}

/// What a control entity says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Push this.
    Push(Control),
    /// What became of a request.
    Answer(Answer),
    /// Another operation of the protocol, by the name of its element.
    Other(String),
}

/// The control entity of a push submission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// The name that the sender gave to the message.
    pub push_id: String,
    /// Whom it is for, as it stands: `WAPPUSH=+358401234567/TYPE=PLMN@ppg.example.net`.
    pub addresses: Vec<String>,
    /// When it is worth nothing any more.
    pub deliver_before: Option<String>,
    /// How it is to be delivered: the attributes of `quality-of-service`.
    pub quality: Vec<(String, String)>,
}

/// Bounds of a control entity; a list of addresses is longer than one sends by hand, and shorter than this.
const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 8, elements: 20_000, attributes: 16 };

/// Reads a message: the body of an HTTP POST with or without headers before it, or a control entity alone. `boundary` is
/// found in the headers or in the first line. `None`, with a finding, where it is none. Spans are places in `octets`.
pub fn read<'b>(octets: &'b [u8], report: &mut Report) -> Option<Message<'b>> {
    let parts = match multipart::split(octets) {
        Ok(parts) => parts,
        Err(fault) => {
            report.add(Diagnostic::new(&MALFORMED_PAP, Span::new(fault.at, octets.len()), fault.what));
            return None;
        }
    };
    let mut parts = parts.into_iter();
    let control = parts.next()?;
    let content = parts.next();
    let start = control.span.start;
    let mut own = Report::new();
    let document = codec::read(&octets[control.span.start as usize..control.span.end as usize], &[], &LIMITS, &mut own);
    for mut finding in own.into_diagnostics() {
        finding.span = Span::new((finding.span.start + start) as usize, (finding.span.end + start) as usize);
        report.add(finding);
    }
    let root = document.as_ref().map(|document| &document.root).filter(|root| root.name == "pap");
    let Some(operation) = root.and_then(|root| root.children.first()) else {
        let message = "the first part is no control entity: there is no `pap` with an operation in it";
        report.add(Diagnostic::new(&MALFORMED_PAP, span_in(control.span), message));
        return None;
    };
    let version = document.as_ref().and_then(|d| d.header.public_text.as_deref()).and_then(Version::of);
    let says = match operation.name.as_ref() {
        "push-message" => Says::Push(read_control(operation, content.as_ref(), control.span, report)),
        _ => answer::read(operation).map_or_else(|| Says::Other(operation.name.to_string()), Says::Answer),
    };
    Some(Message { version, control_span: control.span, says, content })
}

/// The first octets of a part, for findings about all of it.
fn span_in(part: Span) -> Span {
    Span { start: part.start, end: part.end.min(part.start + 16) }
}

fn read_control(push: &Element<'_>, content: Option<&Part<'_>>, place: Span, report: &mut Report) -> Control {
    let attribute = |name: &str| push.attribute(name).map(str::to_owned);
    let addresses = push.children_named("address").filter_map(|address| address.attribute("address-value"));
    let quality = push.child("quality-of-service").map_or(&[][..], |quality| &quality.attributes);
    let control = Control {
        push_id: attribute("push-id").unwrap_or_default(),
        addresses: addresses.map(str::to_owned).collect(),
        deliver_before: attribute("deliver-before-timestamp"),
        quality: quality.iter().map(|a| (a.name.to_string(), a.value.to_string())).collect(),
    };
    let missing = [
        (control.push_id.is_empty(), "the push-message has no push-id"),
        (control.addresses.is_empty(), "the push-message has no address"),
        (content.is_none(), "there is no content behind the control entity"),
    ];
    for (_, what) in missing.iter().filter(|(is_missing, _)| *is_missing) {
        report.add(Diagnostic::new(&INCOMPLETE_PAP, span_in(place), *what));
    }
    control
}

impl Control {
    /// Returns the client part of an address: the number in `WAPPUSH=+358401234567/TYPE=PLMN@…`.
    pub fn number(address: &str) -> &str {
        let client = address.strip_prefix("WAPPUSH=").unwrap_or(address);
        client.split(['/', '@']).next().unwrap_or_default()
    }
}

/// Returns a text of a header, with octets that are no UTF-8 replaced.
fn text(octets: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(octets.trim_ascii())
}

/// Returns whether octets look like the beginning of a message of the protocol, with or without headers.
pub fn looks_like(octets: &[u8]) -> bool {
    let head = &octets[..octets.len().min(4096)];
    let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    let has_root = [&b"<pap>"[..], b"<pap ", b"<pap\r", b"<pap\n"].into_iter().any(has);
    has_root
        && (head.trim_ascii_start().starts_with(b"--")
            || [&b"-message"[..], b"-response", b"DTD PAP"].into_iter().any(has))
}

#[cfg(test)]
mod tests;
