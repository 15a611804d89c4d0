//! Suppression: a comment before an element that says which findings on it are known and why they may stay.
//!
//! ```xml
//! <!-- impskit-ignore WA012: our presence client takes lists -->
//! <parm name="SERVICES" value="IM;PR"/>
//! ```

use super::element::Element;
use crate::diagnose::{Diagnostic, Edit, Excuse, Fix, Report, Rule, Severity, Span};

/// The rules of suppression.
pub static RULES: &[&Rule] = &[&WITHOUT_REASON, &UNUSED];

/// The word that makes a comment a suppression.
const WORD: &str = "impskit-ignore";
/// Suppressions of one document at the most; further ones are not looked at.
const MOST: usize = 1000;

const WITHOUT_REASON: Rule = Rule {
    code: "GEN002",
    name: "suppression-without-reason",
    severity: Severity::Warning,
    clause: "impskit, suppression of findings",
    summary: "a suppression does not say why",
    help: "write `<!-- impskit-ignore CODE: the reason -->`: who reads the document later wants to know",
    bad: "<wap-provisioningdoc>\n  \
          <!-- impskit-ignore CP002 -->\n  \
          <characteristic type=\"AcmeSettings\"/>\n\
          </wap-provisioningdoc>\n",
    good: "<!-- impskit-ignore CP002: for the handsets of one maker -->\n\
           <wap-provisioningdoc>\n  \
           <characteristic type=\"AcmeSettings\"/>\n\
           </wap-provisioningdoc>\n",
};

const UNUSED: Rule = Rule {
    code: "GEN003",
    name: "unused-suppression",
    severity: Severity::Warning,
    clause: "impskit, suppression of findings",
    summary: "a suppression matches no finding on the element behind it",
    help: "remove the comment: what it excused is mended, or it stands before another element",
    bad: "<!-- impskit-ignore CP003: to be mended -->\n\
          <wap-provisioningdoc>\n  \
          <characteristic type=\"VENDORCONFIG\">\n    \
          <parm name=\"NAME\" value=\"acme\"/>\n  \
          </characteristic>\n\
          </wap-provisioningdoc>\n",
    good: "<wap-provisioningdoc>\n  \
           <characteristic type=\"VENDORCONFIG\">\n    \
           <parm name=\"NAME\" value=\"acme\"/>\n  \
           </characteristic>\n\
           </wap-provisioningdoc>\n",
};

/// A comment that suppresses.
struct Suppression<'t> {
    codes: Vec<&'t str>,
    /// The list of codes.
    codes_span: Span,
    /// Why; empty where the comment does not say.
    reason: &'t str,
    /// The comment.
    span: Span,
    /// The element behind it, with everything in it.
    scope: Span,
}

impl Suppression<'_> {
    /// Returns the edit that leaves the codes that are needed, or takes the comment away with the line that it has for
    /// itself.
    fn reduced(&self, text: &str, needed: &[&str]) -> Edit {
        let left: Vec<&str> = self.codes.iter().copied().filter(|code| needed.contains(code)).collect();
        if !left.is_empty() {
            let end = if text[self.codes_span.range()].ends_with(' ') { " " } else { "" };
            return Edit::new(self.codes_span, format!(" {}{end}", left.join(", ")));
        }
        let (before, after) = (&text[..self.span.start as usize], &text[self.span.end as usize..]);
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let (before, behind) = (before.trim_end_matches(is_blank), after.trim_start_matches(is_blank));
        let line_end = ["\r\n", "\n"].into_iter().find(|end| behind.starts_with(end));
        match line_end {
            Some(line_end) if before.is_empty() || before.ends_with('\n') => {
                let end = text.len() - behind.len() + line_end.len();
                Edit::new(Span::new(before.len(), end), "")
            }
            _ => Edit::new(self.span, ""),
        }
    }
}

/// Takes the findings out of the report that comments of the document excuse, and adds what is wrong with the comments.
/// Comments before the octet `from` belong to another document.
pub(crate) fn suppress(text: &str, from: usize, root: &Element<'_>, report: &mut Report) {
    for suppression in read(text, from, root) {
        let mut used = Vec::new();
        report.suppress(&Excuse::Comment(suppression.reason.to_owned()), |d| {
            let is_inside = suppression.scope.range().contains(&(d.span.start as usize));
            // What could not be read stays said.
            let may_be_excused = !d.rule.code.starts_with("GEN") && d.rule.code != "XML001";
            let is_meant = is_inside && may_be_excused && suppression.codes.contains(&d.rule.code);
            if is_meant {
                used.push(d.rule.code);
            }
            is_meant
        });
        if suppression.reason.is_empty() {
            report.add(Diagnostic::new(&WITHOUT_REASON, suppression.span, "the suppression does not say why"));
        }
        for code in suppression.codes.iter().filter(|code| !used.contains(code)) {
            let message = format!("there is no finding `{code}` on the element behind the comment");
            let edit = suppression.reduced(text, &used);
            report.add(Diagnostic::new(&UNUSED, suppression.span, message).fix(Fix::safe(vec![edit])));
        }
    }
}

fn read<'t>(text: &'t str, mut from: usize, root: &Element<'_>) -> Vec<Suppression<'t>> {
    let mut found = Vec::new();
    while let Some(start) = comment(text, from).filter(|_| found.len() < MOST) {
        // In `<!-->` the two marks of the start are not those of the end too.
        let Some(length) = text[start + 4..].find("-->") else { break };
        from = start + 4 + length + 3;
        let Some(content) = text[start + 4..from - 3].trim().strip_prefix(WORD) else { continue };
        let (codes, reason) = content.split_once(':').unwrap_or((content, ""));
        let codes_start = codes.as_ptr() as usize - text.as_ptr() as usize;
        found.push(Suppression {
            codes_span: Span::new(codes_start, codes_start + codes.len()),
            codes: codes.split([',', ' ']).filter(|code| !code.is_empty()).collect(),
            reason: reason.trim(),
            span: Span::new(start, from),
            scope: element_behind(root, from).unwrap_or_default(),
        });
    }
    found
}

/// Returns where the next comment begins. Exclamation marks are rarer than what else a comment begins with.
fn comment(text: &str, from: usize) -> Option<usize> {
    let marks = text[from..].match_indices('!').filter_map(|(at, _)| (from + at).checked_sub(1));
    marks.into_iter().find(|&start| start >= from && text.as_bytes()[start..].starts_with(b"<!--"))
}

/// Returns the place of the first element that begins at `offset` or behind it.
fn element_behind(element: &Element<'_>, offset: usize) -> Option<Span> {
    if element.span.start as usize >= offset {
        return Some(element.span);
    }
    // Children stand in order: the one before the first that begins behind may hold one that does.
    let next = element.children.partition_point(|child| (child.span.start as usize) < offset);
    let within = next.checked_sub(1).and_then(|i| element_behind(&element.children[i], offset));
    within.or_else(|| element.children.get(next).map(|child| child.span))
}
