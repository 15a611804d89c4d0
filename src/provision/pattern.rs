//! Names of handset models, with `*` for any characters: variants of profiles and device packs are chosen by them.

use std::borrow::Cow;

/// Returns whether `text` fits a pattern in which `*` stands for any characters, without regard to letter case.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // Case is a matter of single octets in ASCII, which all models seen are in.
    let fold = |text| if str::is_ascii(text) { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) };
    let (pattern, text) = (fold(pattern), fold(text));
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it has taken so far.
    let mut star = None;
    while let Some(octet) = text.get(t) {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(own), _) if own.eq_ignore_ascii_case(octet) => (p, t) = (p + 1, t + 1),
            (_, Some((at, taken))) => {
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|octet| *octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [
            ("nokia-s60*", "Nokia-S60-3"),
            ("*", ""),
            ("a*b*c", "a-b-b-c"),
            ("*s60", "nokia s60s60"),
            ("é*", "ÉTOILE"),
            ("abc", "ABC"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("nokia", "nokia-1"), ("a*b", "ac"), ("*a", "ab"), ("", "x"), ("x", "")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
