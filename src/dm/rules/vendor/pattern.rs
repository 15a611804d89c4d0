//! Regular expressions of descriptions: whether their brackets close. No text says which dialect they are in, and shipped
//! ones hold what most engines refuse (`{` as a letter), so that they are not run.

/// Returns what is wrong with an expression and the octet where, if anything is.
pub(super) fn fault(text: &str) -> Option<(usize, &'static str)> {
    let octets = text.as_bytes();
    let mut groups = Vec::new();
    let mut class = None;
    let mut may_repeat = false;
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        match (octet, class) {
            (b'\\', _) if at + 1 == octets.len() => return Some((at, "ends in the middle of an escape")),
            (b'\\', _) => at += 1,
            // `]` right behind the bracket, or behind `[^`, is a character.
            (b']', Some(start)) if !matches!(&octets[start + 1..at], [] | [b'^']) => class = None,
            (_, Some(_)) => {}
            (b'[', None) => class = Some(at),
            (b'(', None) => groups.push(at),
            (b')', None) if groups.is_empty() => return Some((at, "closes a group that is not open")),
            (b')', None) => drop(groups.pop()),
            (b'*' | b'+', None) if !may_repeat => return Some((at, "repeats nothing")),
            _ => {}
        }
        may_repeat = class.is_some() || !matches!(octet, b'(' | b'|' | b'^');
        at += 1;
    }
    match (class, groups.pop()) {
        (Some(start), _) => Some((start, "opens a class that is not closed")),
        (None, Some(start)) => Some((start, "opens a group that is not closed")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_vendors_ship() {
        for text in [
            "",
            "^[0-9,-]+$",
            "^(\\d\\.)?(\\d)$",
            "^.{1,30}$",
            "[]a]*",
            "[^]]+",
            "\\[\\(",
            "a|b*",
            "{[0-9A-Fa-f]{8}\\-[0-9A-Fa-f]{4}\\}",
            "(?:www\\.)?[-a-zA-Z0-9()]{1,6}\\b(?:[-a-zA-Z0-9()@:%_\\+.~#?&\\/=]*)$",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn finds_what_no_dialect_takes() {
        assert_eq!(fault("^([0-9]+$").map(|f| f.0), Some(1));
        assert_eq!(fault("a)").map(|f| f.0), Some(1));
        assert_eq!(fault("x[0-9").map(|f| f.0), Some(1));
        assert_eq!(fault("[]").map(|f| f.0), Some(0));
        assert_eq!(fault("a\\").map(|f| f.0), Some(1));
        assert_eq!(fault("*.txt").map(|f| f.0), Some(0));
        assert_eq!(fault("(+)").map(|f| f.0), Some(1));
    }
}
