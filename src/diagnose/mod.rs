//! Saying what is wrong with a document, in whatever syntax it came.
//!
//! A check looks at a document and adds a [`Diagnostic`] to a [`Report`]; each diagnostic cites the
//! [`Rule`] that was broken and the [`Span`] of the [`Source`] where. [`text`] renders a report for people,
//! [`json`] for programs, [`sarif`], [`github`] and [`junit`] for what runs builds. [`fix`] mends what can be mended
//! without thought, and [`patch`] shows that as a patch; [`baseline`] knows the findings of yesterday.

pub mod baseline;
mod fingerprint;
pub mod fix;
pub mod github;
pub mod json;
pub mod junit;
pub mod patch;
mod rule;
pub mod sarif;
mod source;
mod spelling;
pub mod text;

pub use fix::{Edit, Fix};
pub use rule::{Rule, rules_are_sound};
pub use source::{Form, Position, Source, Span};
pub use spelling::nearest;
pub(crate) use spelling::{named, toml_error, toml_fault, toml_key, toml_place};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Style, or something worth knowing.
    Note,
    /// Breaks a SHOULD, or is known to trouble some handsets.
    Warning,
    /// Breaks a MUST, or a handset or server will refuse it.
    Error,
}

impl Severity {
    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a finding about a reconstructed standard rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Stated in a specification text.
    Stated,
    /// Taken from the general template of application objects.
    Template,
    /// Observed in shipped handsets.
    Observed,
    /// Derived by analogy.
    Derived,
}

impl Basis {
    /// All, the surest first.
    pub const ALL: [Self; 4] = [Self::Stated, Self::Template, Self::Observed, Self::Derived];

    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Template => "template",
            Self::Observed => "observed",
            Self::Derived => "derived",
        }
    }
}

/// A second place that helps to understand a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What is there.
    pub message: String,
}

/// What a finding on a device description means to those who load it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// A server that loads the description will refuse it.
    Refused,
    /// The text forbids it, servers take it.
    Tolerated,
    /// Nobody forbids it; it is worth a look.
    Advice,
    /// A vendor's own.
    Vendor,
}

impl Grade {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Tolerated, Self::Advice, Self::Vendor];

    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Tolerated => "tolerated",
            Self::Advice => "advice",
            Self::Vendor => "vendor",
        }
    }
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The rule's severity, or a milder or harsher one where the rule says so.
    pub severity: Severity,
    /// What is wrong: lower-case start, no full stop, values in backticks.
    pub message: String,
    /// Where in the source; empty at offset 0 where the whole document is meant.
    pub span: Span,
    /// Where in the document, as a path of names: `APPLICATION[wA]/TO-NAPID`.
    pub path: String,
    /// The way out; the rule's help where absent.
    pub help: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// What the finding rests on, for reconstructed standards.
    pub basis: Option<Basis>,
    /// The severity for those who must load what others shipped; `severity` where absent.
    pub lenient: Option<Severity>,
    /// What it means to those who load the document, where rules say it.
    pub grade: Option<Grade>,
    /// The change that mends it, where one is known.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// Returns a finding of `rule` at `span`.
    pub fn new(rule: &'static Rule, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            message: bounded(message.into()),
            span,
            path: String::new(),
            help: None,
            related: Vec::new(),
            basis: None,
            lenient: None,
            grade: None,
            fix: None,
        }
    }

    /// Says where in the document, as a path of names.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = bounded(path.into());
        self
    }

    /// Gives a way out that is closer to the case than the rule's own.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at a second place.
    #[must_use]
    pub(crate) fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related { span, message: message.into() });
        self
    }

    /// Sets another severity than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Says what the finding rests on. A basis other than [`Basis::Stated`] makes an error a warning.
    #[must_use]
    pub fn basis(mut self, basis: Basis) -> Self {
        if basis != Basis::Stated && self.severity == Severity::Error {
            self.severity = Severity::Warning;
        }
        self.basis = Some(basis);
        self
    }

    /// Says how bad it is to those who must load what others shipped, and grades the finding by that.
    #[must_use]
    pub fn lenient(mut self, severity: Severity) -> Self {
        self.lenient = Some(severity);
        self.grade = Some(match (self.severity, severity) {
            (_, Severity::Error) => Grade::Refused,
            (Severity::Error, _) => Grade::Tolerated,
            _ => Grade::Advice,
        });
        self
    }

    /// Sets the grade.
    #[must_use]
    pub fn grade(mut self, grade: Grade) -> Self {
        self.grade = Some(grade);
        self
    }

    /// Offers a change that mends it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Returns whether a change is known after which the document means the same.
    pub fn is_fixable(&self) -> bool {
        self.fix.as_ref().is_some_and(|fix| fix.is_safe)
    }

    fn weight(&self) -> Weight {
        (self.severity, self.is_fixable())
    }

    /// Returns the way out: this finding's own, or the rule's.
    pub fn way_out(&self) -> &str {
        self.help.as_deref().unwrap_or(self.rule.help)
    }
}

/// Cuts text that a hostile document has made long.
fn bounded(mut text: String) -> String {
    const MOST: usize = 600;
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}

/// The findings on one source, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    left_out: Vec<LeftOut>,
    suppressed: Vec<Suppressed>,
    suppressed_left_out: usize,
    /// The lowest [`Weight`] among the findings of a full report, as long as nothing else has changed.
    lowest: Option<Weight>,
}

/// Which findings are kept where not all can be: the worst, of those the ones that a fix mends.
type Weight = (Severity, bool);

/// Findings of one rule that were counted, not kept.
#[derive(Debug, Clone)]
struct LeftOut {
    rule: &'static Rule,
    severity: Severity,
    lenient: Option<Severity>,
    grade: Option<Grade>,
    count: usize,
}

/// A finding that somebody knows of and excuses.
#[derive(Debug, Clone)]
pub struct Suppressed {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// What excuses it.
    pub by: Excuse,
}

/// What excuses a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Excuse {
    /// A comment in the document, with the reason that it gives.
    Comment(String),
    /// A list of findings beside the document.
    Baseline,
}

impl Report {
    /// Findings kept for one source; more are counted, not kept (a hostile document makes millions).
    pub const MAX: usize = 1000;

    /// Returns an empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding. Beyond [`Self::MAX`] the mildest one is only counted, of equals the latest.
    pub fn add(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < Self::MAX {
            self.lowest = None;
            self.diagnostics.push(diagnostic);
            return;
        }
        let weights = self.diagnostics.iter().map(Diagnostic::weight);
        let lowest = *self.lowest.get_or_insert_with(|| weights.min().unwrap_or((Severity::Error, true)));
        let given_up = match self.diagnostics.iter().rposition(|d| d.weight() == lowest) {
            Some(i) if diagnostic.weight() > lowest => {
                self.lowest = None;
                self.diagnostics.push(diagnostic);
                self.diagnostics.remove(i)
            }
            _ => diagnostic,
        };
        let Diagnostic { rule, severity, lenient, grade, .. } = given_up;
        self.leave_out(LeftOut { rule, severity, lenient, grade, count: 1 });
    }

    /// Adds all findings of `other`.
    pub fn append(&mut self, other: Self) {
        other.left_out.into_iter().for_each(|more| self.leave_out(more));
        self.suppressed.extend(other.suppressed);
        self.suppressed_left_out += other.suppressed_left_out;
        for diagnostic in other.diagnostics {
            self.add(diagnostic);
        }
    }

    fn leave_out(&mut self, more: LeftOut) {
        let same = |left: &&mut LeftOut| {
            (left.rule.code, left.severity, left.lenient, left.grade)
                == (more.rule.code, more.severity, more.lenient, more.grade)
        };
        match self.left_out.iter_mut().find(same) {
            Some(left) => left.count += more.count,
            None => self.left_out.push(more),
        }
    }

    /// Changes each finding that was kept.
    pub(crate) fn amend(&mut self, change: impl FnMut(&mut Diagnostic)) {
        self.lowest = None;
        self.diagnostics.iter_mut().for_each(change);
    }

    /// Keeps only the findings that `keep` likes. Those that are only counted stay.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.diagnostics.retain(keep);
    }

    /// Keeps only the findings on rules that `keep` likes, those that are only counted included.
    pub fn retain_rules(&mut self, keep: impl Fn(&Rule) -> bool) {
        self.diagnostics.retain(|d| keep(d.rule));
        self.left_out.retain(|left| keep(left.rule));
        self.suppressed.retain(|s| keep(s.diagnostic.rule));
    }

    /// Gives each finding the severity that it has for those who must load what others shipped.
    pub fn relax(&mut self) {
        self.lowest = None;
        let relaxed = |severity: Severity, lenient: Option<Severity>| lenient.map_or(severity, |l| l.min(severity));
        for diagnostic in &mut self.diagnostics {
            diagnostic.severity = relaxed(diagnostic.severity, diagnostic.lenient);
        }
        for left in &mut self.left_out {
            left.severity = relaxed(left.severity, left.lenient);
        }
    }

    /// Takes away the fixes: what the spans count cannot be edited as text.
    pub(crate) fn drop_fixes(&mut self) {
        self.lowest = None;
        self.diagnostics.iter_mut().for_each(|d| d.fix = None);
    }

    /// Takes out and counts the findings for which `is_excused` holds.
    pub fn suppress(&mut self, by: &Excuse, mut is_excused: impl FnMut(&Diagnostic) -> bool) {
        let excused = self.diagnostics.extract_if(.., |d| is_excused(d));
        self.suppressed.extend(excused.map(|diagnostic| Suppressed { diagnostic, by: by.clone() }));
    }

    /// Takes out and counts findings that were counted, not kept: as many of each rule as `take` gives.
    pub(crate) fn suppress_left_out(&mut self, mut take: impl FnMut(&Rule) -> bool) {
        for left in &mut self.left_out {
            while left.count > 0 && take(left.rule) {
                left.count -= 1;
                self.suppressed_left_out += 1;
            }
        }
        self.left_out.retain(|left| left.count > 0);
    }

    /// Returns the findings that were excused, of those that were kept.
    pub fn suppressed(&self) -> &[Suppressed] {
        &self.suppressed
    }

    /// Returns how many findings were excused, those not kept included.
    pub fn suppressed_count(&self) -> usize {
        self.suppressed.len() + self.suppressed_left_out
    }

    /// Sorts the findings by place; those at one place keep their order.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    }

    /// Returns the findings that were kept, each for itself.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Returns the findings.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns how many findings were counted but not kept.
    pub fn left_out(&self) -> usize {
        self.left_out.iter().map(|left| left.count).sum()
    }

    /// Returns the rules of the findings that were counted, not kept, with their numbers.
    pub fn left_out_rules(&self) -> impl Iterator<Item = (&'static Rule, usize)> {
        self.left_out.iter().map(|left| (left.rule, left.count))
    }

    /// Returns how many findings have `severity`, those not kept included.
    pub fn count(&self, severity: Severity) -> usize {
        let left = self.left_out.iter().filter(|left| left.severity == severity).map(|left| left.count);
        self.diagnostics.iter().filter(|d| d.severity == severity).count() + left.sum::<usize>()
    }

    /// Returns how many findings have `grade`, those not kept included.
    pub fn count_grade(&self, grade: Grade) -> usize {
        let left = self.left_out.iter().filter(|left| left.grade == Some(grade)).map(|left| left.count);
        self.diagnostics.iter().filter(|d| d.grade == Some(grade)).count() + left.sum::<usize>()
    }

    /// Returns how many of the findings kept have a safe fix.
    pub fn fixable(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.is_fixable()).count()
    }

    /// Returns whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.has(Severity::Error)
    }

    /// Returns whether any finding, kept or not, is at or above `severity`.
    pub fn has(&self, severity: Severity) -> bool {
        let is_left_out = self.left_out.iter().any(|left| left.severity >= severity);
        is_left_out || self.diagnostics.iter().any(|d| d.severity >= severity)
    }

    /// Returns whether a finding cites the rule with `code`.
    pub fn cites(&self, code: &str) -> bool {
        self.diagnostics.iter().any(|d| d.rule.code == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_that_are_not_kept_count_by_severity_grade_and_rule() {
        let mut report = Report::new();
        for _ in 0..Report::MAX + 5 {
            report.add(Diagnostic::new(&Rule::TEST, Span::default(), "x").lenient(Severity::Note));
        }
        assert_eq!((report.diagnostics().len(), report.left_out()), (Report::MAX, 5));
        assert_eq!(report.count(Severity::Error), Report::MAX + 5);
        assert_eq!(report.count_grade(Grade::Tolerated), Report::MAX + 5);
        report.relax();
        assert_eq!((report.count(Severity::Error), report.count(Severity::Note)), (0, Report::MAX + 5));
        assert!(!report.has_errors());
        report.retain_rules(|rule| rule.code != Rule::TEST.code);
        assert_eq!((report.diagnostics().len(), report.left_out()), (0, 0));
    }
    #[test]
    fn the_worst_findings_are_kept_and_those_that_can_be_mended() {
        let note = || Diagnostic::new(&Rule::TEST, Span::default(), "x").severity(Severity::Note);
        let mut report = Report::new();
        (0..Report::MAX).for_each(|_| report.add(note()));
        report.add(note().fix(Fix::safe(Vec::new())));
        report.add(Diagnostic::new(&Rule::TEST, Span::default(), "worse"));
        report.add(note());
        assert_eq!((report.diagnostics().len(), report.left_out(), report.fixable()), (Report::MAX, 3, 1));
        assert_eq!(report.diagnostics().iter().filter(|d| d.message == "worse").count(), 1);
        assert_eq!((report.count(Severity::Note), report.count(Severity::Error)), (Report::MAX + 2, 1));
    }
}
