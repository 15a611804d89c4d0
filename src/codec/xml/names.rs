//! Names of XML 1.0 with namespaces.

/// Returns the prefix of a name, empty where there is none, and the rest.
pub(super) fn split_name(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// Returns whether `name` is a name of XML 1.0 with at most one colon inside (Namespaces in XML).
pub(in crate::codec) fn is_name(name: &str) -> bool {
    // Nearly all names are letters and digits.
    if name.bytes().all(|b| b.is_ascii_alphanumeric()) && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return true;
    }
    let mut parts = name.split(':');
    let is_part = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(is_name_start)
            && characters.all(|c| {
                is_name_start(c)
                    || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
            })
    };
    parts.by_ref().take(2).all(is_part) && parts.next().is_none()
}

fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}
