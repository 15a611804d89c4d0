//! Rules DDF022, DDF029, DDF030 and DDF034: names of nodes, and paths.

use std::cmp::Ordering;

use super::super::super::uri::Uri;
use super::examples::GOOD_INTERIOR;
use super::facts::Facts;
use super::{Above, Walk};
use crate::diagnose::{Diagnostic, Edit, Fix, Rule, Severity};
use crate::document::{Element, shorten};

/// A leaf with a Path at the top.
macro_rules! with_path {
    ($path:literal) => {
        example!(node!("Name", "<Path>", $path, "</Path>\n    ", properties!(text!())))
    };
}

pub(super) const TWICE: Rule = Rule {
    code: "DDF022",
    name: "described-twice",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"NodeName\"",
    summary: "two nodes below one parent have one name, or several have none",
    help: "describe each name once; one node without a name stands for all that are named when made",
    bad: example!(interior!("Con", leaf!("Name"), leaf!("Name"))),
    good: example!(interior!("Con", leaf!("Name"), leaf!("Title"))),
};

pub(super) const NAME: Rule = Rule {
    code: "DDF029",
    name: "characters-of-names",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"URI\"; RFC 2396, path segments",
    summary: "a name is one segment of a URI",
    help: "use letters, digits and -_.!~*'():@&=+$,; and write other characters as % with two hexadecimal digits",
    bad: example!(leaf!("my account")),
    good: example!(leaf!("my%20account")),
};

pub(super) const PATH: Rule = Rule {
    code: "DDF030",
    name: "path",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Path\"",
    summary: "Path is the address of the parent, and stands at the top only",
    help: "write it without `/` at the end and without `../`, `./` only at the start; below a node it is not needed",
    bad: with_path!("./Vendor/"),
    good: with_path!("./Vendor"),
};

pub(super) const CASE_ONLY: Rule = Rule {
    code: "DDF034",
    name: "names-differ-in-case",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"CaseSense\"",
    summary: "two names below one parent differ in upper and lower case only",
    help: "give one another name: a device may take both for one",
    bad: example!(interior!("Con", leaf!("Name"), leaf!("name"))),
    good: GOOD_INTERIOR,
};

impl<'e> Walk<'_, 'e> {
    /// Looks at the name of a node and at its path.
    pub(super) fn check_name(&mut self, facts: &Facts<'e>, above: &Above) {
        if let Some(element) = facts.name_element {
            self.check_characters(facts, element, above);
        }
        let Some(path) = facts.path else { return };
        if !above.is_top {
            let finding = Diagnostic::new(&PATH, path.span, "a node below another has a Path");
            return self.tell(finding.severity(Severity::Warning));
        }
        let (text, trimmed) = (path.text(), path.trimmed());
        let without_slash = trimmed.trim_end_matches('/');
        // `/` alone, as some write the root, is left: what is meant is not clear.
        let (fault, mended) = if text.len() != trimmed.len() {
            ("blanks stand around the Path".to_owned(), Some(without_slash))
        } else if trimmed.len() != without_slash.len() && !without_slash.is_empty() {
            ("the Path ends with `/`".to_owned(), Some(without_slash))
        } else if let Err(error) = Uri::read(trimmed) {
            (error.to_string(), None)
        } else {
            return;
        };
        let text = self.xml.and_then(|xml| xml.plain_text(path)).and(mended);
        let fix = text.map(|text| Fix::safe(vec![Edit::new(path.content_span, text)]));
        self.add_with(&PATH, path.span, format!("`{}`: {fault}", shorten(trimmed)), fix);
    }

    fn check_characters(&mut self, facts: &Facts<'e>, element: &'e Element<'e>, above: &Above) {
        let name = facts.name;
        if element.text().len() != name.len() {
            let fix = self.xml.and_then(|xml| xml.trim(element));
            let message = match name {
                "" => "the NodeName is blank, not empty".to_owned(),
                _ => format!("blanks stand around the name `{}`", shorten(name)),
            };
            return self.add_with(&NAME, element.span, message, fix);
        }
        let fault = match name {
            ".." => Some("`..` names no node".to_owned()),
            "." if !(above.is_top && above.depth == 0) => Some("`.` names the root only".to_owned()),
            _ => illegal(name),
        };
        if let Some(fault) = fault {
            self.add(&NAME, element.span, format!("`{}`: {fault}", shorten(name).escape_debug()));
        }
    }

    /// Looks at the names of the nodes below one parent, each with its element.
    pub(super) fn check_siblings(&mut self, mut siblings: Vec<(&'e str, &'e Element<'e>)>, ignores_case: bool) {
        if siblings.len() < 2 {
            return;
        }
        // Those alike in all but case come together, equal ones among them side by side and in document order.
        siblings.sort_by(|(a, _), (b, _)| without_case(a, b).then_with(|| a.cmp(b)));
        let mut first = 0;
        for i in 1..siblings.len() {
            let ((name, element), (before, _)) = (siblings[i], siblings[i - 1]);
            if without_case(name, before) != Ordering::Equal {
                first = i;
                continue;
            }
            let (other, place) = siblings[first];
            let message = match name {
                "" => "another node below this parent has no name".to_owned(),
                _ if name == before => format!("`{}` is described before", shorten(name)),
                _ => format!("`{}` and `{}` differ in case only", shorten(name), shorten(other)),
            };
            let is_same = name == before || ignores_case;
            let rule = if is_same { &TWICE } else { &CASE_ONLY };
            self.tell(Diagnostic::new(rule, element.span, message).related(place.span, "the other one"));
        }
    }
}

/// Compares names without their case.
fn without_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|b| b.to_ascii_lowercase()).cmp(b.bytes().map(|b| b.to_ascii_lowercase()))
}

/// Returns what in a name no segment of a URI has.
fn illegal(name: &str) -> Option<String> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'():@&=+$,;%".contains(c);
    if let Some(c) = name.chars().find(|c| !is_legal(*c)) {
        return Some(match c {
            '/' | '?' => format!("`{c}` has a meaning of its own in an address"),
            c if c.is_whitespace() || c.is_control() => format!("U+{:04X} may not stand in a name", u32::from(c)),
            c => format!("`{c}` is written with % in an address"),
        });
    }
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let is_broken = name.split('%').skip(1).any(|rest| !is_escape(rest));
    is_broken.then(|| "`%` is followed by two hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_rfc_2396() {
        for name in ["A", "a-b_c.d", "my%20account", "a:b@c", "(x)", "~!*'", "1", "a;b=c&d+e$f,g"] {
            assert_eq!(illegal(name), None, "{name}");
        }
        for name in ["a b", "a/b", "a?b", "a\u{1}b", "ä", "{x}", "a%2", "%", "a\\b", "\u{A0}"] {
            assert!(illegal(name).is_some(), "{name}");
        }
    }
}
