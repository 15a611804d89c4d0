//! The connectionless push of WSP: content type with its parameters, headers, body (WSP 1.0, "Push").
//!
//! ```text
//! octet 0   transaction, any value
//! octet 1   06
//! uintvar   length of content type and headers
//!           content type, then headers; those that we do not use are skipped
//! rest      body
//! ```

use std::borrow::Cow;

use super::rules::{CONTENT_TYPE, MALFORMED_PUSH};
use crate::codec::read_multi_byte;
use crate::cp::mac::{Mac, Security};
use crate::diagnose::{Diagnostic, Report, Span};
use crate::dm::session;

/// The PDU type of a connectionless push.
const PUSH: u8 = 0x06;
/// `application/vnd.wap.connectivity-wbxml`, a provisioning document.
pub(crate) const PROVISIONING: u8 = 0x36;
/// The text of [`PROVISIONING`].
const PROVISIONING_TEXT: &str = "application/vnd.wap.connectivity-wbxml";
/// `application/vnd.syncml.dm+wbxml`, a DM message (from general knowledge of the field, as are the next two).
pub(crate) const MANAGEMENT: u8 = 0x42;
/// `application/vnd.syncml.notification`, package 0 of a DM session.
const NOTIFICATION: u8 = 0x44;
/// `application/vnd.wv.csp.cir`, the call of an IMPS server for a poll (CSP session, "CIR").
const INITIATION: u8 = 0x46;
/// The application id of DM clients.
const DM_APPLICATION: u8 = 0x07;
/// The application id of IMPS clients.
const IMPS_APPLICATION: u8 = 0x0A;
/// A number of seven bits, marked as such.
const SHORT: u8 = 0x80;
/// The parameter SEC.
const SEC: u8 = 0x11;
/// The parameter MAC.
const MAC: u8 = 0x12;
/// The header `X-Wap-Application-Id`.
const APPLICATION_ID: u8 = 0x2F;
/// A value length above 30 follows as a uintvar.
const LENGTH_QUOTE: u8 = 0x1F;

/// A media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media<'b> {
    /// A registered number, without its high bit.
    Known(u32),
    /// The name in full.
    Text(Cow<'b, str>),
}

impl Media<'_> {
    /// Returns whether this is a provisioning document in WBXML.
    pub fn is_provisioning(&self) -> bool {
        match self {
            Self::Known(number) => *number == u32::from(PROVISIONING),
            Self::Text(text) => text.eq_ignore_ascii_case(PROVISIONING_TEXT),
        }
    }

    /// Returns whether this is a DM message in WBXML.
    pub fn is_management(&self) -> bool {
        match self {
            Self::Known(number) => *number == u32::from(MANAGEMENT),
            Self::Text(text) => text.eq_ignore_ascii_case(session::WBXML),
        }
    }

    /// Returns whether this is the call of a DM server for a session.
    pub(crate) fn is_notification(&self) -> bool {
        match self {
            Self::Known(number) => *number == u32::from(NOTIFICATION),
            Self::Text(text) => text.eq_ignore_ascii_case("application/vnd.syncml.notification"),
        }
    }

    /// Returns whether this is the call of an IMPS server for a poll.
    pub(crate) fn is_initiation(&self) -> bool {
        match self {
            Self::Known(number) => *number == u32::from(INITIATION),
            Self::Text(text) => text.eq_ignore_ascii_case("application/vnd.wv.csp.cir"),
        }
    }

    /// Returns the name, where the number is one that we may meet.
    pub fn name(&self) -> Cow<'_, str> {
        let number = match self {
            Self::Text(text) => return Cow::Borrowed(text),
            Self::Known(number) => *number,
        };
        MEDIA
            .iter()
            .find(|(known, _)| *known == number)
            .map_or_else(|| Cow::Owned(format!("media type 0x{number:02X}")), |(_, name)| Cow::Borrowed(*name))
    }
}

/// Media types of pushes to handsets (WINA, "WSP Content Type Numbers").
const MEDIA: &[(u32, &str)] = &[
    (0x02, "text/html"),
    (0x03, "text/plain"),
    (0x08, "text/vnd.wap.wml"),
    (0x14, "application/vnd.wap.wmlc"),
    (0x27, "application/xml"),
    (0x29, "application/vnd.wap.wbxml"),
    (0x2D, "text/vnd.wap.si"),
    (0x2E, "application/vnd.wap.sic"),
    (0x2F, "text/vnd.wap.sl"),
    (0x30, "application/vnd.wap.slc"),
    (0x35, "text/vnd.wap.connectivity-xml"),
    (PROVISIONING as u32, PROVISIONING_TEXT),
    (0x3E, "application/vnd.wap.mms-message"),
    (MANAGEMENT as u32, session::WBXML),
    (0x43, "application/vnd.syncml.dm+xml"),
    (NOTIFICATION as u32, "application/vnd.syncml.notification"),
    (INITIATION as u32, "application/vnd.wv.csp.cir"),
];

/// A push that was read: what it carries, and the parameters that say how it is secured.
///
/// [`Outgoing`](super::Outgoing) writes pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push<'b> {
    /// Any value; the sender counts.
    pub transaction: u8,
    /// What the body is.
    pub media: Media<'b>,
    /// The parameter SEC, a number that may be none of [`Security`].
    pub sec: Option<u32>,
    /// The text of the parameter MAC as it stands.
    pub mac: Option<&'b [u8]>,
    /// Whether SEC comes after MAC, where two clients miss it.
    pub sec_after_mac: bool,
    /// The application id of a header, which phones do not need.
    pub application: Option<String>,
    /// The document.
    pub body: &'b [u8],
    /// Where the body is in the PDU that was read.
    pub body_span: Span,
}

impl<'b> Push<'b> {
    /// Returns a push of which the headers are still to be read.
    pub(super) fn new(transaction: u8, body: &'b [u8], body_span: Span) -> Self {
        Self {
            transaction,
            media: Media::Known(u32::from(PROVISIONING)),
            sec: None,
            mac: None,
            sec_after_mac: false,
            application: None,
            body,
            body_span,
        }
    }

    /// Returns the security method; `None` where there is no SEC or it is no known number.
    pub fn security(&self) -> Option<Security> {
        self.sec.and_then(|sec| u8::try_from(sec).ok()).and_then(Security::from_number)
    }

    /// Reads a push PDU. `None`, with a finding, where it is none or its headers break off.
    pub fn read(octets: &'b [u8], report: &mut Report) -> Option<Self> {
        match read(octets) {
            Ok(push) => {
                let media = &push.media;
                let is_call = media.is_notification() || media.is_initiation();
                if !(media.is_provisioning() || media.is_management() || is_call) {
                    let message = format!("the content is `{}`, not a provisioning document", push.media.name());
                    report.add(Diagnostic::new(&CONTENT_TYPE, Span::new(2, push.body_span.start as usize), message));
                }
                Some(push)
            }
            Err(fault) => {
                report.add(Diagnostic::new(&MALFORMED_PUSH, Span::new(fault.at, octets.len()), fault.what));
                None
            }
        }
    }
}

/// What a push carries that we write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Content {
    /// A provisioning document in WBXML.
    #[default]
    Provisioning,
    /// A message of the DM profile of bootstrap in WBXML.
    Management,
    /// The call of an IMPS server for a poll.
    Initiation,
}

impl Content {
    fn media(self) -> u8 {
        match self {
            Self::Provisioning => PROVISIONING,
            Self::Management => MANAGEMENT,
            Self::Initiation => INITIATION,
        }
    }

    /// Returns the headers behind the content type: DM and IMPS clients are told that the push is for them.
    fn headers(self) -> &'static [u8] {
        match self {
            Self::Provisioning => &[],
            Self::Management => &[SHORT | APPLICATION_ID, SHORT | DM_APPLICATION],
            Self::Initiation => &[SHORT | APPLICATION_ID, SHORT | IMPS_APPLICATION],
        }
    }
}

/// Writes everything that comes before the body. SEC is the number of the method, also in the DM profile, whose text
/// writes it as a word: the parameter is a number in WSP.
pub(super) fn write_prefix(
    transaction: u8,
    content: Content,
    security: Option<Security>,
    mac: Option<Mac>,
    out: &mut Vec<u8>,
) {
    let (media, headers) = (SHORT | content.media(), content.headers());
    let more = headers.len() as u8;
    out.extend_from_slice(&[transaction, PUSH]);
    match (security, mac) {
        (None, _) => out.extend_from_slice(&[0x01 + more, media]),
        (Some(security), None) => {
            out.extend_from_slice(&[0x04 + more, 0x03, media, SHORT | SEC, SHORT | security.number()]);
        }
        (Some(security), Some(mac)) => {
            // 45 octets of parameters, 47 with their length.
            out.extend_from_slice(&[0x2F + more, LENGTH_QUOTE, 0x2D, media, SHORT | SEC, SHORT | security.number()]);
            out.push(SHORT | MAC);
            out.extend_from_slice(&mac.to_hex());
            out.push(0);
        }
    }
    out.extend_from_slice(headers);
}

/// Returns how many octets come before a provisioning document that is sealed so.
pub(super) fn prefix_length(security: Option<Security>) -> usize {
    match security {
        None => 4,
        Some(security) if !security.carries_mac() => 7,
        Some(_) => 50,
    }
}

/// Why a PDU cannot be read, and from which octet on.
struct Fault {
    at: usize,
    what: &'static str,
}

fn read(octets: &[u8]) -> Result<Push<'_>, Fault> {
    let [transaction, PUSH, rest @ ..] = octets else {
        return Err(Fault { at: 0, what: "a push starts with any octet and 06" });
    };
    let breaks_off = Fault { at: 2, what: "the headers are longer than the PDU" };
    let Some((length, size)) = read_multi_byte(rest) else { return Err(breaks_off) };
    let start = 2 + size;
    let end = start.saturating_add(length as usize);
    let Some(head) = octets.get(start..end) else { return Err(breaks_off) };
    let mut headers = Reader { octets: head, at: 0 };
    let mut push = Push::new(*transaction, &octets[end..], Span::new(end, octets.len()));
    let fault = |what| move |at: usize| Fault { at: start + at, what };
    read_content_type(&mut headers, &mut push).map_err(fault("the content type cannot be read"))?;
    while !headers.is_at_end() {
        read_header(&mut headers, &mut push).map_err(fault("a header cannot be read"))?;
    }
    Ok(push)
}

fn read_content_type<'b>(headers: &mut Reader<'b>, push: &mut Push<'b>) -> Result<(), usize> {
    let at = headers.at;
    match headers.value()? {
        Value::Short(number) => push.media = Media::Known(number.into()),
        Value::Text(text) => push.media = Media::Text(String::from_utf8_lossy(text)),
        Value::Octets(general) => {
            let mut general = Reader { octets: general, at: 0 };
            let offset = headers.at - general.octets.len();
            read_general(&mut general, push).map_err(|at| offset + at)?;
        }
    }
    if matches!(&push.media, Media::Text(text) if text.is_empty()) { Err(at) } else { Ok(()) }
}

/// Reads a media type with its parameters.
fn read_general<'b>(reader: &mut Reader<'b>, push: &mut Push<'b>) -> Result<(), usize> {
    push.media = match reader.value()? {
        Value::Text(text) => Media::Text(String::from_utf8_lossy(text)),
        number => Media::Known(number.number().ok_or(0_usize)?),
    };
    while !reader.is_at_end() {
        let at = reader.at;
        let name = reader.value()?;
        // A quality is the one value that is a bare uintvar.
        if matches!(name, Value::Short(0x00)) {
            reader.uintvar()?;
            continue;
        }
        let value = reader.value()?;
        let is = |number: u8, text: &str| match &name {
            Value::Text(name) => name.eq_ignore_ascii_case(text.as_bytes()),
            name => name.number() == Some(u32::from(number)),
        };
        if is(SEC, "SEC") {
            let word = |value: &Value<'_>| match value {
                Value::Text(text) => Security::from_name(std::str::from_utf8(text).ok()?.trim_matches('"')),
                _ => None,
            };
            let number = value.number().or_else(|| word(&value).map(|security| security.number().into()));
            push.sec = Some(number.ok_or(at)?);
            push.sec_after_mac = push.mac.is_some();
        } else if is(MAC, "MAC") {
            let Value::Text(text) = value else { return Err(at) };
            push.mac = Some(text.strip_prefix(b"\"").unwrap_or(text));
        }
    }
    Ok(())
}

fn read_header<'b>(reader: &mut Reader<'b>, push: &mut Push<'b>) -> Result<(), usize> {
    let at = reader.at;
    match reader.octet()? {
        // Another page of header names: by its octet, or by the short form.
        0x7F => reader.octet().map(drop),
        0x01..=0x1F => Ok(()),
        0x00 => Err(at),
        0x20..=0x7E => {
            reader.text()?;
            reader.value().map(drop)
        }
        name => {
            let value = reader.value()?;
            if name == SHORT | APPLICATION_ID {
                push.application = Some(match value {
                    Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    value => value.number().map_or_else(|| "?".to_owned(), |number| number.to_string()),
                });
            }
            Ok(())
        }
    }
}

/// A value in one of the general forms, told apart by the first octet (WSP 1.0, "Header values").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'b> {
    /// A number of seven bits.
    Short(u8),
    /// Text without its zero.
    Text(&'b [u8]),
    /// Octets with their length.
    Octets(&'b [u8]),
}

impl Value<'_> {
    /// Returns the number: short, long, or decimal digits of a text.
    fn number(self) -> Option<u32> {
        match self {
            Self::Short(number) => Some(number.into()),
            Self::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            Self::Octets(octets) if (1..=4).contains(&octets.len()) => {
                Some(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
            }
            Self::Octets(_) => None,
        }
    }
}

/// Reads header fields one after the other; an error is the place where they break off.
struct Reader<'b> {
    octets: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn is_at_end(&self) -> bool {
        self.at >= self.octets.len()
    }

    fn octet(&mut self) -> Result<u8, usize> {
        let octet = *self.octets.get(self.at).ok_or(self.at)?;
        self.at += 1;
        Ok(octet)
    }

    fn uintvar(&mut self) -> Result<u32, usize> {
        let rest = self.octets.get(self.at..).ok_or(self.at)?;
        let (number, size) = read_multi_byte(rest).ok_or(self.at)?;
        self.at += size;
        Ok(number)
    }

    /// Reads text that began one octet ago, up to its zero.
    fn text(&mut self) -> Result<&'b [u8], usize> {
        let start = self.at - 1;
        let length = self.octets[start..].iter().position(|&b| b == 0).ok_or(start)?;
        self.at = start + length + 1;
        let text = &self.octets[start..start + length];
        // A text that begins with an octet above 7F has a quote before it.
        Ok(text.strip_prefix(b"\x7F").unwrap_or(text))
    }

    fn value(&mut self) -> Result<Value<'b>, usize> {
        let at = self.at;
        let length = match self.octet()? {
            LENGTH_QUOTE => self.uintvar()? as usize,
            length @ 0x00..0x1F => {
                // Text without any character is its zero alone.
                if length == 0 {
                    return Ok(Value::Text(b""));
                }
                usize::from(length)
            }
            0x20..=0x7F => return self.text().map(Value::Text),
            short => return Ok(Value::Short(short & !SHORT)),
        };
        let octets = self.octets.get(self.at..self.at.saturating_add(length)).ok_or(at)?;
        self.at += length;
        Ok(Value::Octets(octets))
    }
}
