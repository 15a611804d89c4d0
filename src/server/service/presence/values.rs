//! The values of presence attributes: what can be one, and in which form it is kept (Presence, "Attributes").
//!
//! Types are always checked. Words that no enumeration has, and forms that the sheet only derives, are passed on as they
//! came unless the configuration is strict: clients of other makers know them (CSP data types, "Enumerations").

use std::sync::LazyLock;

use crate::csp::{self, Code, Version, ids};
use crate::document::{Content, Element, Kind, boolean, from_base64, is_media_type, to_base64};
use crate::server::session::Caller;
use crate::server::store::presence::Value;
use crate::server::store::tree;
use crate::server::watch::{ATTRIBUTES, Attribute};

/// The largest value of one attribute in the store's form: a status picture of twice the 5120 base64 characters that
/// handsets keep to, several times over.
const MOST_VALUE: usize = 64 << 10;
/// Elements of one value, such as ways to reach a user.
const MOST_ELEMENTS: usize = 200;

/// Returns the attribute of an element: 750 where there is none.
pub(super) fn attribute_of(element: &Element<'_>) -> Result<&'static Attribute, Code> {
    ATTRIBUTES.iter().find(|attribute| attribute.name == element.name).ok_or(Code::INVALID_PRESENCE_ATTRIBUTE)
}

/// Returns whether an element is a vendor's own: it has a prefix, or says another namespace itself. Such are skipped.
pub(super) fn is_foreign(element: &Element<'_>) -> bool {
    let says_another = |namespace: &str| Version::from_namespace(namespace.trim_ascii()).is_none();
    element.name.contains(':') || element.attribute("xmlns").is_some_and(says_another)
}

/// Reads what a client says of one attribute: 751 where it cannot be.
pub(super) fn read(caller: &Caller, element: &Element<'_>, is_strict: bool) -> Result<Value, Code> {
    let attribute = attribute_of(element)?;
    let mut kept = check(attribute, element, caller.version, is_strict)?;
    let named = ids::client_id(element).filter(|_| caller.version == Version::V1_3).map(str::to_lowercase);
    let client = match (attribute.is_per_client, named) {
        (false, _) => String::new(),
        (true, None) => caller.client.clone(),
        // A client speaks for itself only.
        (true, Some(client)) if client == caller.client => client,
        (true, Some(_)) => return Err(Code::INVALID_PRESENCE_VALUE),
    };
    if attribute.is_per_client {
        kept = with_client(kept, caller);
    }
    Ok(Value { attribute: attribute.name.to_owned(), client, element: tree::write(&kept) })
}

/// Reads what the network says of one attribute: 750 where it has no say, 751 where the value cannot be.
pub(super) fn read_of_network(element: &Element<'_>, is_strict: bool) -> Result<Value, Code> {
    let attribute = attribute_of(element)?;
    if !attribute.is_of_network {
        return Err(Code::INVALID_PRESENCE_ATTRIBUTE);
    }
    let kept = check(attribute, element, Version::V1_3, is_strict)?;
    Ok(Value { attribute: attribute.name.to_owned(), client: String::new(), element: tree::write(&kept) })
}

/// Adds the ClientID of a client; one that logged in by ApplicationID has none.
pub(super) fn with_client(value: Element<'static>, caller: &Caller) -> Element<'static> {
    if caller.client_id.name == "ClientID" { value.with(caller.client_id.clone()) } else { value }
}

/// Checks a value; returns it in the form in which it is kept, without a ClientID.
fn check(
    attribute: &Attribute,
    element: &Element<'_>,
    version: Version,
    is_strict: bool,
) -> Result<Element<'static>, Code> {
    let mut kept = element.clone().into_owned();
    kept.children.retain(|child| !is_foreign(child) && child.name != "ClientID");
    as_text(&mut kept);
    // What an older version lacks, such as a ClientID, does not make it through its grammar.
    version.vocabulary().grammar.prune(&mut kept);
    let is_missing = csp::fault(&kept, version).is_some_and(|fault| fault.code == Code::BAD_REQUEST);
    let mut elements = 0;
    let mut is_sound = !is_missing;
    kept.walk(&mut |element, _| {
        elements += 1;
        is_sound &= fits(element, version, is_strict);
    });
    let is_truth = matches!(attribute.name, "OnlineStatus" | "Registration");
    let value = kept.child_text("PresenceValue").unwrap_or_default();
    is_sound &= !is_truth || value.is_empty() || boolean(value).is_some();
    is_sound &= !is_strict || is_known_word(attribute.name, value);
    is_sound &= attribute.name != "StatusContent" || is_content(&kept);
    if kept.child("Qualifier").is_none() {
        kept.children.insert(0, Element::leaf("Qualifier", "T"));
    }
    let is_small = elements <= MOST_ELEMENTS && tree::write(&kept).len() <= MOST_VALUE;
    if is_sound && is_small { Ok(kept) } else { Err(Code::INVALID_PRESENCE_VALUE) }
}

/// Returns whether a leaf holds a value of its kind; an empty one counts as absent.
fn fits(element: &Element<'_>, version: Version, is_strict: bool) -> bool {
    let text = element.trimmed();
    if !element.children.is_empty() {
        // A vCard may come as elements; in a plain value they are what a client has put together wrongly.
        return element.name != "PresenceValue";
    }
    if text.is_empty() {
        return true;
    }
    let is_form = match element.name.as_ref() {
        "Zone" => is_offset(text),
        "Country" => text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()),
        "Longitude" | "Latitude" => text.bytes().any(|b| b.is_ascii_digit()),
        "Altitude" | "Accuracy" => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ => true,
    };
    match version.vocabulary().grammar.kind(&element.name) {
        Some(Kind::Word(_)) if !is_strict => true,
        Some(kind) => kind.fits(text) && (is_form || !is_strict),
        None => true,
    }
}

/// Returns whether a value is a word of the attribute's enumeration, where it has one (enumerations, certainty A).
fn is_known_word(attribute: &str, value: &str) -> bool {
    static AVAILABILITY: LazyLock<&[&str]> = LazyLock::new(|| csp::words("1.3", "UserAvailability"));
    static MOOD: LazyLock<&[&str]> = LazyLock::new(|| csp::words("1.3", "StatusMood"));
    let is_in = |words: &[&str]| value.is_empty() || words.contains(&value);
    match attribute {
        "UserAvailability" => is_in(&AVAILABILITY),
        "StatusMood" => is_in(&MOOD),
        "PreferredLanguage" => {
            value.is_empty() || (2..=3).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphabetic())
        }
        "PLMN" => value.bytes().all(|b| b.is_ascii_digit()),
        _ => true,
    }
}

/// Returns whether a zone is `+hh:mm` or `+hhmm`, which is read too.
fn is_offset(zone: &str) -> bool {
    let digits: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    zone.starts_with(['+', '-']) && digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Returns whether the content of a status can be read: binary content within the value is base64.
fn is_content(value: &Element<'_>) -> bool {
    let content_type = value.child_text("ContentType").unwrap_or_default();
    let is_binary = is_media_type(content_type) && !content_type.to_ascii_lowercase().starts_with("text/");
    let direct = value.child_text("DirectContent").unwrap_or_default();
    !is_binary || from_base64(direct).is_some()
}

/// Makes octets text, so that a value reads alike in every syntax: as they are where they are text, else base64.
fn as_text(element: &mut Element<'static>) {
    if let Content::Octets(octets) = &element.content {
        let text = String::from_utf8(octets.to_vec()).unwrap_or_else(|_| to_base64(octets));
        element.content = Content::Text(text.into());
    }
    element.children.iter_mut().for_each(as_text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &'static str, children: &[(&'static str, &'static str)]) -> Element<'static> {
        children.iter().fold(Element::new(name), |element, (name, text)| element.with_leaf(*name, *text))
    }

    fn refuses(element: &Element<'_>, is_strict: bool) -> Option<u16> {
        let attribute = match attribute_of(element) {
            Ok(attribute) => attribute,
            Err(code) => return Some(code.0),
        };
        check(attribute, element, Version::V1_3, is_strict).err().map(|code| code.0)
    }

    #[test]
    fn types_are_always_checked_and_words_where_it_is_strict() {
        let comm = |cap: &'static str, status: &'static str| {
            Element::new("CommCap").with(value("CommC", &[("Cap", cap), ("Status", status)]))
        };
        let link = |link: &'static str| Element::new("InfoLink").with(value("Inf_link", &[("Link", link)]));
        let contact = |priority: &'static str| {
            let all = [("PrefC", "CALL"), ("Caddr", "x"), ("Cstatus", "OPEN"), ("Cpriority", priority)];
            Element::new("PreferredContacts").with(value("AddrPref", &all))
        };
        // An element, and the code of the refusal that is always, and in a strict server.
        let cases = [
            (value("OnlineStatus", &[("PresenceValue", "T")]), None, None),
            (value("Registration", &[("PresenceValue", "perhaps")]), Some(751), Some(751)),
            (value("StatusText", &[("Qualifier", "X"), ("PresenceValue", "hello")]), Some(751), Some(751)),
            (value("StatusText", &[("Qualifier", "F")]), None, None),
            (value("UserAvailability", &[("PresenceValue", "DISCREET")]), None, None),
            (value("UserAvailability", &[("PresenceValue", "discreet")]), None, Some(751)),
            (value("StatusMood", &[("PresenceValue", "IN_LOVE")]), None, None),
            (value("StatusMood", &[("PresenceValue", "GRUMPY")]), None, Some(751)),
            (value("TimeZone", &[("Zone", "+02:00")]), None, None),
            (value("TimeZone", &[("Zone", "-0330")]), None, None),
            (value("TimeZone", &[("Zone", "Helsinki")]), None, Some(751)),
            (value("Address", &[("Country", "FI"), ("City", "Espoo")]), None, None),
            (value("Address", &[("Country", "Finland")]), None, Some(751)),
            (value("GeoLocation", &[("Longitude", "24.9"), ("Latitude", "60.2"), ("Accuracy", "50")]), None, None),
            (value("GeoLocation", &[("Accuracy", "wide")]), None, Some(751)),
            (value("PLMN", &[("PresenceValue", "24491")]), None, None),
            (value("PLMN", &[("PresenceValue", "home")]), None, Some(751)),
            (value("PreferredLanguage", &[("PresenceValue", "fi")]), None, None),
            (value("PreferredLanguage", &[("PresenceValue", "Finnish")]), None, Some(751)),
            (comm("CALL", "OPEN"), None, None),
            (comm("PIGEON", "open"), None, Some(751)),
            (Element::new("CommCap").with(value("CommC", &[("Status", "OPEN")])), Some(751), Some(751)),
            (contact("1"), None, None),
            (contact("first"), Some(751), Some(751)),
            (link("http://example.com/a"), None, None),
            (link("not a link"), Some(751), Some(751)),
            (value("StatusContent", &[("DirectContent", "iVBORw0KGgo="), ("ContentType", "image/png")]), None, None),
            (value("StatusContent", &[("DirectContent", "=no="), ("ContentType", "image/png")]), Some(751), Some(751)),
            (value("StatusContent", &[("DirectContent", "=no="), ("ContentType", "text/plain")]), None, None),
            (value("StatusContent", &[("DirectContent", "x"), ("ContentType", "picture")]), Some(751), Some(751)),
            (value("ContactInfo", &[("ReferredvCard", "http://example.com/a.vcf")]), None, None),
            (value("Shoesize", &[("PresenceValue", "43")]), Some(750), Some(750)),
            (
                Element::new("Alias").with(Element::new("PresenceValue").with(value("NickName", &[("Name", "Bert")]))),
                Some(751),
                Some(751),
            ),
        ];
        for (element, always, strictly) in cases {
            assert_eq!((refuses(&element, false), refuses(&element, true)), (always, strictly), "{element:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let long = Element::new("StatusText").with_leaf("PresenceValue", "x".repeat(MOST_VALUE));
        assert_eq!(refuses(&long, false), Some(751));
        let way = value("CommC", &[("Cap", "CALL"), ("Status", "OPEN")]);
        let many = Element::new("CommCap").with_all(std::iter::repeat_n(way, MOST_ELEMENTS));
        assert_eq!(refuses(&many, false), Some(751));
    }

    #[test]
    fn elements_of_vendors_are_known_as_such() {
        assert!(is_foreign(&Element::new("nok:Shoesize")));
        assert!(is_foreign(&Element::new("Shoesize").with_attribute("xmlns", "urn:example:shoes")));
        let own = Version::V1_2.namespaces()[2];
        assert!(!is_foreign(&Element::new("Shoesize").with_attribute("xmlns", own)));
        assert!(!is_foreign(&Element::new("StatusText")));
    }
}
