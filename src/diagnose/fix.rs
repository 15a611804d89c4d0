//! Mending: the fixes of findings, put into the text.
//!
//! A fix is a few edits of the source. Of fixes that touch the same place the first is applied; the others wait for
//! the findings on the text that came of it, and so on until nothing changes.

use std::collections::BTreeMap;

use super::{Report, Span};

/// A change of the source that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Whether the document means the same to everyone who could read it before.
    pub is_safe: bool,
    /// The edits; they do not overlap.
    pub edits: Vec<Edit>,
}

/// One piece of text in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty where text is only put in.
    pub span: Span,
    /// What takes its place.
    pub text: String,
}

impl Fix {
    /// Returns a fix after which the document means the same.
    pub fn safe(edits: Vec<Edit>) -> Self {
        Self { is_safe: true, edits }
    }
}

impl Edit {
    /// Returns an edit that puts `text` in the place of `span`.
    pub fn new(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }
}

/// What came of mending a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The text with all edits.
    pub text: String,
    /// How many fixes were applied.
    pub applied: usize,
}

/// Rounds of checking and mending at the most: a guard against fixes that undo each other.
const MOST_ROUNDS: usize = 50;

/// Applies the safe fixes of the findings that `check` has on a text, and of those on what comes of it, until nothing
/// changes.
pub fn mend(text: &str, mut check: impl FnMut(&str) -> Report) -> Mended {
    let mut mended = Mended { text: text.to_owned(), applied: 0 };
    for _ in 0..MOST_ROUNDS {
        let round = apply(&mended.text, &check(&mended.text));
        if round.applied == 0 {
            break;
        }
        mended = Mended { text: round.text, applied: mended.applied + round.applied };
    }
    mended
}

/// Applies the safe fixes of a report once. A fix that touches one before it in the report waits; one whose places are
/// not in the text is left.
pub fn apply(text: &str, report: &Report) -> Mended {
    let mut taken: BTreeMap<u32, &Edit> = BTreeMap::new();
    let mut applied = 0;
    for diagnostic in report.diagnostics().iter().filter(|d| d.is_fixable()) {
        let edits = diagnostic.fix.as_ref().map_or(&[][..], |fix| &fix.edits);
        let is_free = |edit: &Edit| {
            text.get(edit.span.range()).is_some()
                // The edits do not overlap, so the last that begins at or before the end is the one that may touch.
                && taken.range(..=edit.span.end).next_back().is_none_or(|(_, other)| other.span.end < edit.span.start)
        };
        if !edits.is_empty() && edits.iter().all(is_free) {
            applied += 1;
            taken.extend(edits.iter().map(|edit| (edit.span.start, edit)));
        }
    }
    let mut mended = String::with_capacity(text.len());
    let mut from = 0;
    for edit in taken.values() {
        let range = edit.span.range();
        mended.push_str(text.get(from..range.start).unwrap_or_default());
        mended.push_str(&edit.text);
        from = range.end;
    }
    mended.push_str(text.get(from..).unwrap_or_default());
    Mended { text: mended, applied }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Diagnostic, Rule};

    /// Whether it is safe, and what is put in the place of which octets.
    type Sketch<'t> = (bool, &'t [(usize, usize, &'t str)]);

    fn report(fixes: &[Sketch<'_>]) -> Report {
        let mut report = Report::new();
        for (is_safe, edits) in fixes {
            let edits = edits.iter().map(|&(start, end, text)| Edit::new(Span::new(start, end), text)).collect();
            let fix = Fix { is_safe: *is_safe, edits };
            report.add(Diagnostic::new(&Rule::TEST, Span::default(), "x").fix(fix));
        }
        report
    }

    fn applied(text: &str, fixes: &[Sketch<'_>]) -> (String, usize) {
        let mended = apply(text, &report(fixes));
        (mended.text, mended.applied)
    }

    #[test]
    fn applies_edits_in_any_order_and_only_safe_ones() {
        let fixes: &[Sketch<'_>] =
            &[(true, &[(6, 7, ""), (0, 1, "A")]), (false, &[(2, 3, "B")]), (true, &[(4, 4, "+")])];
        assert_eq!(applied("a b c d", fixes), ("A b +c ".to_owned(), 2));
    }

    #[test]
    fn what_touches_waits_and_what_is_elsewhere_is_left() {
        let fixes: &[Sketch<'_>] = &[
            (true, &[(2, 4, "X")]),
            (true, &[(0, 1, "-"), (3, 5, "Y")]),
            (true, &[(4, 4, "Z")]),
            (true, &[(1, 2, "W")]),
            (true, &[(6, 9, "")]),
            (true, &[]),
        ];
        assert_eq!(applied("abcdefg", fixes), ("abXefg".to_owned(), 1));
        assert_eq!(applied("ä", &[(true, &[(1, 2, "x")])]), ("ä".to_owned(), 0), "within a character");
        assert_eq!(applied("ab", &[(true, &[(2, 1, "x")])]), ("ab".to_owned(), 0), "backwards");
    }

    #[test]
    fn goes_on_until_nothing_changes() {
        // Each round takes one of the letters; two fixes for the same one are one.
        let mut check = |text: &str| match text.find('x') {
            Some(at) => report(&[(true, &[(at, at + 1, "")]), (true, &[(at, at + 1, "")])]),
            None => Report::new(),
        };
        assert_eq!(mend("axbxc", &mut check), Mended { text: "abc".to_owned(), applied: 2 });
    }

    #[test]
    fn fixes_that_undo_each_other_end() {
        let mended = mend("a", |text| report(&[(true, &[(0, 1, if text == "a" { "b" } else { "a" })])]));
        assert_eq!(mended.applied, MOST_ROUNDS);
    }
}
