//! The content of messages and welcome notes: octets, which each syntax carries in its own way (Messages,
//! "ContentEncoding"). What is text in every syntax is text here too.

use super::fault::Fault;
use crate::csp::Code;
use crate::document::{Content, Element, from_base64, is_xml};

/// Returns the content type that a MessageInfo or WelcomeNote says, in lower case, without parameters.
pub(crate) fn kind(description: &Element<'_>) -> String {
    let text = description.child_text("ContentType").filter(|text| !text.is_empty()).unwrap_or("text/plain");
    text.split(';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase()
}

/// Reads ContentData in the encoding that its description says: its octets, and whether they are text that every
/// syntax can carry as text. 540 where there is no such encoding, 402 where it is not in it.
pub(crate) fn read(description: &Element<'_>, data: &Element<'_>) -> Result<(Vec<u8>, bool), Fault> {
    let is_base64 = match description.child_text("ContentEncoding").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "none" => false,
        "base64" => true,
        _ => return Err(Code(540).into()),
    };
    let (octets, came_as_text) = match &data.content {
        Content::Octets(octets) => (octets.to_vec(), false),
        Content::Text(text) if is_base64 => (from_base64(text).ok_or_else(|| Fault::bad("ContentData"))?, false),
        Content::Text(text) => (text.as_bytes().to_vec(), true),
    };
    let may_be_text = came_as_text || kind(description).starts_with("text/");
    let is_text = may_be_text && std::str::from_utf8(&octets).is_ok_and(|text| text.chars().all(is_xml));
    Ok((octets, is_text))
}

/// Returns the ContentData of octets.
pub(crate) fn element(octets: Vec<u8>, is_text: bool) -> Element<'static> {
    match String::from_utf8(octets) {
        Ok(text) if is_text => Element::leaf("ContentData", text),
        Ok(text) => Element::octets("ContentData", text.into_bytes()),
        Err(octets) => Element::octets("ContentData", octets.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_every_syntax_carries_as_text() {
        let read = |kind: &str, encoding: &str, data: Element<'static>| {
            let description = Element::new("MessageInfo").with_leaf("ContentType", kind.to_owned());
            read(&description.with_leaf("ContentEncoding", encoding.to_owned()), &data)
        };
        let text = |text: &'static str| Element::leaf("ContentData", text);
        let octets = |octets: &[u8]| Element::octets("ContentData", octets.to_vec());
        assert_eq!(read("text/plain", "None", text("a\nb")), Ok((b"a\nb".to_vec(), true)));
        assert_eq!(read("Text/X-vCard; charset=utf-8", "", octets(b"BEGIN")), Ok((b"BEGIN".to_vec(), true)));
        assert_eq!(read("text/plain", "BASE64", text("AAE=")), Ok((vec![0, 1], false)), "no syntax has U+0000");
        assert_eq!(read("image/png", "base64", text("YQ==")), Ok((b"a".to_vec(), false)));
        assert_eq!(read("text/plain", "", octets(&[0xFF])), Ok((vec![0xFF], false)));
        assert_eq!(read("text/plain", "QUOTED", text("a")), Err(Code(540).into()));
        assert_eq!(read("text/plain", "BASE64", text("=no=")), Err(Fault::bad("ContentData")));
        assert!(element(b"a".to_vec(), true).same_as(&text("a")));
        assert_eq!(element(vec![0xFF], true).content, octets(&[0xFF]).content);
    }
}
