//! Writes push submissions.

use quick_xml::escape::escape;
use sha2::{Digest as _, Sha256};

use super::super::wsp::{Media, Push};
use super::Version;
use crate::document::{LOWER_HEX, put_hex};
use crate::error::{Error, Result};
use crate::provision::rows::{instant, number};

/// What a submission says beside the push itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission<'s> {
    /// The edition to write.
    pub version: Version,
    /// The name of the message, which no other message may have: [`push_id`] makes one.
    pub push_id: &'s str,
    /// The handset's number, with `+` or without.
    pub to: &'s str,
    /// The host name of the gateway, in the address of the handset.
    pub gateway: &'s str,
    /// When the message is worth nothing any more, in UTC: `2027-12-31T00:00:00Z`.
    pub deliver_before: Option<&'s str>,
}

/// Octets with the media type that HTTP has to say of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithType {
    /// The value of the header `Content-Type`.
    pub content_type: String,
    /// The octets.
    pub body: Vec<u8>,
}

/// Returns a name for a push to a number that another document, seal or number does not have.
pub fn push_id(to: &str, push: &Push<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(to.trim_start_matches('+'));
    for piece in [push.mac.unwrap_or_default(), push.body] {
        hash.update((piece.len() as u64).to_be_bytes());
        hash.update(piece);
    }
    let mut digits = Vec::new();
    put_hex(&hash.finalize()[..8], LOWER_HEX, &mut digits);
    format!("{}@impskit", String::from_utf8_lossy(&digits))
}

/// Writes the submission of a push: a control entity, and the document with SEC and MAC as parameters. The same is written
/// for the same.
///
/// # Errors
///
/// Where the number is none, the time is no UTC time, a name has control characters, or the media type has no name.
pub fn write(submission: &Submission<'_>, push: &Push<'_>) -> Result<WithType> {
    check(submission)?;
    let content_type = content_type(push)?;
    let boundary = boundary(push.body);
    let control = control(submission);
    let application = if push.media.is_management() { "syncml.dm" } else { "*" };
    let head = format!(
        "--{boundary}\r\nContent-Type: application/xml\r\n\r\n{control}--{boundary}\r\nContent-Type: {content_type}\r\n\
         Content-Transfer-Encoding: binary\r\nX-Wap-Application-Id: x-wap-application:{application}\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    Ok(WithType {
        content_type: format!("multipart/related; boundary={boundary}; type=\"application/xml\""),
        body: [head.as_bytes(), push.body, tail.as_bytes()].concat(),
    })
}

fn check(submission: &Submission<'_>) -> Result<()> {
    let Submission { push_id, to, gateway, deliver_before, .. } = submission;
    if number(to).is_none() {
        return Err(Error::input(format!("`{to}` is no telephone number with its country code"))
            .help("write 7 to 15 digits, such as +46700000001"));
    }
    deliver_before.map_or(Ok(()), check_time)?;
    check_host(gateway)?;
    if push_id.is_empty() || push_id.contains(char::is_control) {
        return Err(Error::input("the push-id is empty or has control characters")
            .help("write it as an address: 20261123-1@pi.example.net"));
    }
    Ok(())
}

/// Fails where a text is no date and time in UTC, as [`Submission::deliver_before`] needs it.
pub fn check_time(text: &str) -> Result<()> {
    if text.ends_with('Z') && instant(text).is_some() {
        return Ok(());
    }
    Err(Error::input(format!("`{text}` is no date and time in UTC")).help("write it as 2027-12-31T00:00:00Z"))
}

/// Fails where a text is no host name, as [`Submission::gateway`] needs it.
pub fn check_host(text: &str) -> Result<()> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
        return Ok(());
    }
    Err(Error::input(format!("`{text}` is no host name")).help("write it as ppg.example.net"))
}

fn content_type(push: &Push<'_>) -> Result<String> {
    let name = push.media.name();
    let is_token =
        name.contains('/') && name.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"[]?=".contains(&b));
    if matches!(push.media, Media::Known(_)) && !name.contains('/') || !is_token {
        return Err(Error::input(format!("the push carries {name}, which has no name as text"))
            .help("seal the document with `--as push` first"));
    }
    let mut text = name.into_owned();
    if let Some(sec) = push.sec {
        text.push_str(&format!("; SEC={sec}"));
    }
    if let Some(mac) = push.mac {
        if !mac.iter().all(u8::is_ascii_alphanumeric) {
            return Err(Error::input("the MAC of the push is no row of digits").help("seal the document anew"));
        }
        text.push_str(&format!("; MAC={}", String::from_utf8_lossy(mac)));
    }
    Ok(text)
}

/// Returns a boundary that the content does not hold.
fn boundary(content: &[u8]) -> String {
    let is_free = |boundary: &String| {
        let line = format!("--{boundary}");
        !content.windows(line.len()).any(|window| window == line.as_bytes())
    };
    let plain = "X".to_owned();
    // Fewer than all of them fit into the content.
    if is_free(&plain) { plain } else { (1_u32..).map(|n| format!("X{n}")).find(is_free).unwrap_or(plain) }
}

fn control(submission: &Submission<'_>) -> String {
    let Submission { version, push_id, to, gateway, deliver_before } = submission;
    let (number, edition) = (to.trim_start_matches('+'), version.as_str());
    let before = deliver_before.map(|time| format!(" deliver-before-timestamp=\"{time}\"")).unwrap_or_default();
    let lines = [
        "<?xml version=\"1.0\"?>".to_owned(),
        format!("<!DOCTYPE pap PUBLIC \"{}\" \"http://www.wapforum.org/DTD/pap_{edition}.dtd\">", version.public_id()),
        "<pap>".to_owned(),
        format!("  <push-message push-id=\"{}\"{before}>", escape(*push_id)),
        format!("    <address address-value=\"WAPPUSH=+{number}/TYPE=PLMN@{gateway}\"/>"),
        "    <quality-of-service delivery-method=\"unconfirmed\" network-required=\"true\" network=\"GSM\"".to_owned(),
        "                        bearer-required=\"true\" bearer=\"SMS\"/>".to_owned(),
        "  </push-message>".to_owned(),
        "</pap>".to_owned(),
    ];
    lines.map(|line| line + "\r\n").concat()
}
