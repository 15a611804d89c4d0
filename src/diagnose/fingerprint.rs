//! What tells a finding from others, however the document around it changes.

use sha2::{Digest as _, Sha256};

use super::{Diagnostic, Source};

/// Octets of the place that count: what a finding is about stands at its beginning.
const MOST_TEXT: usize = 200;

/// Returns what a finding has in common with itself in a later edition of the file: its rule, what it says, where in the
/// document it is and the text there. Numbers count only in the text, since those of lines and of repeated elements
/// change with what stands before; neither does white space. Two findings may have the same.
pub(super) fn fingerprint(source: &Source<'_>, diagnostic: &Diagnostic) -> String {
    let start = (diagnostic.span.start as usize).min(source.bytes.len());
    let end = (diagnostic.span.end as usize).clamp(start, source.bytes.len().min(start + MOST_TEXT));
    // Secrets are not shown here either: they could be guessed from the hash.
    let text = source.shown(start..end);
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut hash = Sha256::new();
    for part in [diagnostic.rule.code, source.layer.as_deref().unwrap_or_default()] {
        hash.update(part);
        hash.update([0]);
    }
    // One of several elements has its number in the path; a single one has none.
    for part in [without_numbers(&diagnostic.message), without_numbers(&diagnostic.path).replace("[0]", "")] {
        hash.update(part);
        hash.update([0]);
    }
    for word in words {
        hash.update(word);
        hash.update(b" ");
    }
    let octets = hash.finalize();
    octets[..16].iter().map(|octet| format!("{octet:02x}")).collect()
}

fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_ascii_digit() {
            true if kept.ends_with('0') => {}
            true => kept.push('0'),
            false => kept.push(character),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Rule, Span};

    fn of(text: &str, needle: &str, message: &str, path: &str) -> String {
        let start = text.find(needle).unwrap();
        let diagnostic = Diagnostic::new(&Rule::TEST, Span::new(start, start + needle.len()), message).at(path);
        fingerprint(&Source::new("a", text.as_bytes().to_vec()), &diagnostic)
    }

    #[test]
    fn moves_with_the_lines_and_changes_with_the_content() {
        let first = of("<a>\n<b c='1'/></a>", "<b c='1'/>", "wrong since line 2", "a/b[1]");
        assert_eq!(first, of("<a>\n\n<x/><b c='1'/></a>", "<b c='1'/>", "wrong since line 13", "a/b[22]"));
        assert_eq!(first, of("<b c='1'/>", "<b c='1'/>", "wrong since line 1", "a/b"), "a single one");
        assert_eq!(first, of("<a><b\n  c='1'/></a>", "<b\n  c='1'/>", "wrong since line 2", "a/b[1]"), "laid out anew");
        assert_ne!(first, of("<a>\n<b c='2'/></a>", "<b c='2'/>", "wrong since line 2", "a/b[1]"));
        assert_ne!(first, of("<a>\n<b c='1'/></a>", "<b c='1'/>", "wrong since line 2", "a/d[1]"));
        assert_ne!(first, of("<a>\n<b c='1'/></a>", "<b c='1'/>", "other", "a/b[1]"));
    }

    #[test]
    fn does_not_tell_secrets() {
        let print = |secret: &str| {
            let mut source = Source::new("a", format!("<p>{secret}</p>").into_bytes());
            source.hide(Span::new(3, 6));
            fingerprint(&source, &Diagnostic::new(&Rule::TEST, Span::new(0, 10), "x"))
        };
        assert_eq!(print("abc"), print("xyz"));
    }
}
