//! What AACCEPT says: the media types of CSP by version and syntax (registration of `wA`, "AACCEPT").
//!
//! A type alone stands for every version that uses it: 1.1 and 1.2 share theirs.

/// A version of CSP with the media types of its syntaxes.
struct Row {
    version: &'static str,
    encoding: &'static str,
    media_type: &'static str,
}

const TABLE: &[Row] = &[
    row("1.3", "xml", "application/vnd.wv.csp+xml"),
    row("1.3", "wbxml", "application/vnd.wv.csp+wbxml"),
    row("1.3", "pts", "application/vnd.wv.csp.sms"),
    row("1.2", "xml", "application/vnd.wv.csp.xml"),
    row("1.2", "wbxml", "application/vnd.wv.csp.wbxml"),
    row("1.2", "pts", "application/vnd.wv.csp.sms"),
    row("1.1", "xml", "application/vnd.wv.csp.xml"),
    row("1.1", "wbxml", "application/vnd.wv.csp.wbxml"),
    row("1.1", "pts", "application/vnd.wv.csp.sms"),
];

const fn row(version: &'static str, encoding: &'static str, media_type: &'static str) -> Row {
    Row { version, encoding, media_type }
}

/// The versions of CSP, newest first.
pub const VERSIONS: &[&str] = &["1.3", "1.2", "1.1"];

/// The syntaxes of CSP.
pub const ENCODINGS: &[&str] = &["xml", "wbxml", "pts"];

/// Returns the text of AACCEPT for versions and syntaxes, both most wanted first; the version decides before the
/// syntax. With `say_versions` all versions follow each type, as some handsets' reference data has it.
pub fn write(versions: &[&str], encodings: &[&str], say_versions: bool) -> String {
    let mut types: Vec<&str> = Vec::new();
    for version in versions {
        for encoding in encodings {
            let found = TABLE.iter().find(|r| r.version == *version && r.encoding == *encoding);
            types.extend(found.map(|r| r.media_type).filter(|t| !types.contains(t)));
        }
    }
    let suffix: String = versions.iter().filter(|_| say_versions).map(|v| format!(";{v}")).collect();
    types.iter().map(|t| format!("{t}{suffix}")).collect::<Vec<_>>().join(",")
}

/// A syntax in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The version: a word of `VERSIONS`.
    pub version: &'static str,
    /// The syntax: a word of [`ENCODINGS`].
    pub encoding: &'static str,
}

/// Returns what the text of AACCEPT offers, most wanted first. Types that are not of CSP are skipped.
pub fn read(text: &str) -> Vec<Offer> {
    let mut offers = Vec::new();
    for entry in text.split(',') {
        let mut parts = entry.split(';').map(str::trim_ascii);
        let media_type = parts.next().unwrap_or_default();
        let said: Vec<&str> = parts.collect();
        let rows = TABLE.iter().filter(|r| r.media_type.eq_ignore_ascii_case(media_type));
        for row in rows.filter(|r| said.is_empty() || said.contains(&r.version)) {
            let offer = Offer { version: row.version, encoding: row.encoding };
            if !offers.contains(&offer) {
                offers.push(offer);
            }
        }
    }
    offers
}

/// Returns versions, syntaxes and whether versions follow each type, where [`write()`] makes exactly `text` of them.
pub(crate) fn factors(text: &str) -> Option<(Vec<&'static str>, Vec<&'static str>, bool)> {
    let mut encodings = Vec::new();
    let offers = read(text);
    for offer in &offers {
        if !encodings.contains(&offer.encoding) {
            encodings.push(offer.encoding);
        }
    }
    // 1.1 shares its types with 1.2; without its number it is not worth a word of its own.
    let candidates: [&[&'static str]; 6] =
        [&["1.3"], &["1.3", "1.2"], &["1.2"], &["1.2", "1.3"], &["1.3", "1.2", "1.1"], &["1.2", "1.1"]];
    candidates.iter().flat_map(|versions| [(versions, false), (versions, true)]).find_map(|(versions, say)| {
        let equal = !encodings.is_empty() && write(versions, &encodings, say) == text;
        equal.then(|| (versions.to_vec(), encodings.clone(), say))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoding;
    use crate::csp::{Version, wire};

    #[test]
    fn types_are_those_that_clients_send() {
        for version in Version::ALL {
            for encoding in [Encoding::Xml, Encoding::Wbxml] {
                let text = write(&[version.as_str()], &[encoding.as_str()], false);
                assert_eq!(text, wire::media_type(version, encoding));
            }
        }
    }

    #[test]
    fn writes_the_usual_text_of_a_1_3_account() {
        let text = "application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml";
        assert_eq!(write(&["1.3"], &["wbxml", "xml"], false), text);
        assert_eq!(factors(text), Some((vec!["1.3"], vec!["wbxml", "xml"], false)));
    }

    #[test]
    fn reads_the_form_that_handsets_have_in_their_reference_data() {
        let text = "application/vnd.wv.csp+xml;1.3;1.2;1.1;1.0,application/vnd.wv.csp+wbxml;1.3;1.2;1.1;1.0";
        let offer = |encoding| Offer { version: "1.3", encoding };
        assert_eq!(read(text), [offer("xml"), offer("wbxml")]);
        assert_eq!(factors(text), None, "no list of ours makes it");
    }
}
