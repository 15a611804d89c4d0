//! Rendering as a JUnit report, which servers that run builds show: a suite is a file, a case a finding.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::text::printable;
use super::{Diagnostic, Form, Report, Severity, Source, Span};

/// A report in the making.
#[derive(Debug)]
pub struct Suites {
    /// The mildest severity that is a failure; `None` for no failures.
    fails: Option<Severity>,
    xml: String,
    tests: usize,
    failures: usize,
    skipped: usize,
}

/// What one file came to.
#[derive(Default)]
struct Suite {
    cases: String,
    names: HashMap<String, usize>,
    tests: usize,
    failures: usize,
    skipped: usize,
}

impl Suites {
    /// Returns an empty report in which findings from `fails` on are failures; milder ones are told in cases that pass.
    pub fn new(fails: Option<Severity>) -> Self {
        Self { fails, xml: String::new(), tests: 0, failures: 0, skipped: 0 }
    }

    /// Adds the findings on the layers of one file. Findings that are excused are skipped cases; a file without any is
    /// one case that passes.
    pub fn add<'r>(&mut self, name: &str, layers: impl IntoIterator<Item = (&'r Source<'r>, &'r Report)>) {
        let mut suite = Suite::default();
        for (source, report) in layers {
            for diagnostic in report.diagnostics() {
                let fails = self.fails.is_some_and(|level| diagnostic.severity >= level);
                suite.add(source, diagnostic, if fails { "failure" } else { "system-out" });
            }
            for suppressed in report.suppressed() {
                suite.add(source, &suppressed.diagnostic, "skipped");
            }
            suite.left_out(self.fails, report);
        }
        if suite.tests == 0 {
            suite.tests = 1;
            suite.cases = "    <testcase classname=\"impskit.check\" name=\"no findings\"/>\n".to_owned();
        }
        let Suite { cases, tests, failures, skipped, .. } = suite;
        let counts = counts(tests, failures, skipped);
        let _ = writeln!(self.xml, "  <testsuite name=\"{}\" {counts}>\n{cases}  </testsuite>", escaped(name));
        self.tests += tests;
        self.failures += failures;
        self.skipped += skipped;
    }

    /// Returns the whole as one document.
    pub fn into_xml(self) -> String {
        let counts = counts(self.tests, self.failures, self.skipped);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"impskit check\" {counts}>\n{}</testsuites>\n",
            self.xml
        )
    }
}

impl Suite {
    fn add(&mut self, source: &Source<'_>, diagnostic: &Diagnostic, outcome: &str) {
        let (rule, place) = (diagnostic.rule, place(source, diagnostic.span));
        let name = format!("{} {}", rule.code, if diagnostic.path.is_empty() { &place } else { &diagnostic.path });
        let name = self.unique(name);
        let _ = writeln!(
            self.cases,
            "    <testcase classname=\"impskit.check.{}\" name=\"{}\" file=\"{}\"{}>",
            rule.code,
            escaped(&name),
            escaped(&source.name),
            line_of(source, diagnostic.span).map(|line| format!(" line=\"{line}\"")).unwrap_or_default()
        );
        let message = escaped(&diagnostic.message);
        let severity = diagnostic.severity.as_str();
        let _ = match outcome {
            "skipped" => writeln!(self.cases, "      <skipped message=\"excused: {message}\"/>"),
            "failure" => writeln!(
                self.cases,
                "      <failure type=\"{severity}\" message=\"{message}\">{}</failure>",
                escaped(&told(diagnostic, &place))
            ),
            _ => writeln!(
                self.cases,
                "      <system-out>{severity}: {message}\n{}</system-out>",
                escaped(&told(diagnostic, &place))
            ),
        };
        self.cases.push_str("    </testcase>\n");
        self.tests += 1;
        self.failures += usize::from(outcome == "failure");
        self.skipped += usize::from(outcome == "skipped");
    }

    /// Says how many findings are not told one by one.
    fn left_out(&mut self, fails: Option<Severity>, report: &Report) {
        if report.left_out() == 0 {
            return;
        }
        let fails = fails.is_some_and(|level| report.has(level));
        let message = format!("{} more findings are not shown", report.left_out());
        let outcome = if fails { format!("<failure message=\"{message}\"/>") } else { String::new() };
        let _ =
            writeln!(self.cases, "    <testcase classname=\"impskit.check\" name=\"{message}\">{outcome}</testcase>");
        self.tests += 1;
        self.failures += usize::from(fails);
    }

    /// Numbers the names that occur again: who reads the report takes equal names for one case.
    fn unique(&mut self, name: String) -> String {
        let count = self.names.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
        if *count == 1 { name } else { format!("{name} ({count})") }
    }
}

fn counts(tests: usize, failures: usize, skipped: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"")
}

fn told(diagnostic: &Diagnostic, place: &str) -> String {
    let mut told = format!("{place}\nclause: {}\nhelp: {}", diagnostic.rule.clause, diagnostic.way_out());
    for related in &diagnostic.related {
        let _ = write!(told, "\n{}", related.message);
    }
    told
}

fn line_of(source: &Source<'_>, span: Span) -> Option<usize> {
    let has_lines = source.form == Form::Text && source.layer.is_none() && span != Span::default();
    has_lines.then(|| source.position(span.start).line)
}

fn place(source: &Source<'_>, span: Span) -> String {
    let within = source.layer.as_ref().map(|layer| format!("{layer}, ")).unwrap_or_default();
    match source.form {
        _ if span == Span::default() => format!("{within}document"),
        Form::Text => {
            let position = source.position(span.start);
            format!("{within}line {}, column {}", position.line, position.column)
        }
        Form::Binary => format!("{within}octet {}", span.start),
    }
}

/// Returns text as it may stand in content and in attributes in double quotes.
fn escaped(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| printable(line).into_owned()).collect();
    let text = lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    // Non-characters may not stand in XML, and nothing else that is left is refused.
    text.replace(['\u{FFFE}', '\u{FFFF}'], "\u{FFFD}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Excuse, Rule};

    fn report() -> Report {
        let mut report = Report::new();
        report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 8), "a < \"b\" & \u{1b}[2J]]>").at("x/y"));
        report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 8), "again").at("x/y"));
        report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 8), "mild").severity(Severity::Note));
        report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 8), "known"));
        report.suppress(&Excuse::Baseline, |d| d.message == "known");
        report
    }

    #[test]
    fn every_finding_is_a_case_of_its_own() {
        let source = Source::new("a&b.xml", &b"<a>\n<b/>\n</a>"[..]);
        let (report, clean) = (report(), Report::new());
        let mut suites = Suites::new(Some(Severity::Warning));
        suites.add("a&b.xml", [(&source, &report)]);
        suites.add("clean.xml", [(&source, &clean)]);
        let xml = suites.into_xml();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let root = document.root_element();
        let counts = |node: roxmltree::Node<'_, '_>| {
            ["tests", "failures", "skipped"].map(|name| node.attribute(name).unwrap().parse::<usize>().unwrap())
        };
        assert_eq!(counts(root), [5, 2, 1]);
        let suites: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
        assert_eq!([counts(suites[0]), counts(suites[1])], [[4, 2, 1], [1, 0, 0]]);
        assert_eq!(suites[0].attribute("name"), Some("a&b.xml"));
        let cases: Vec<_> = suites[0].children().filter(roxmltree::Node::is_element).collect();
        let names: Vec<_> = cases.iter().map(|case| case.attribute("name").unwrap()).collect();
        assert_eq!(names, ["XXX001 x/y", "XXX001 x/y (2)", "XXX001 line 2, column 1", "XXX001 line 2, column 1 (2)"]);
        let failure = cases[0].first_element_child().unwrap();
        assert_eq!(failure.tag_name().name(), "failure");
        assert_eq!(failure.attribute("message"), Some("a < \"b\" & \u{FFFD}[2J]]>"));
        assert_eq!(cases[2].first_element_child().unwrap().tag_name().name(), "system-out");
        assert_eq!(cases[3].first_element_child().unwrap().tag_name().name(), "skipped");
    }

    #[test]
    fn findings_that_are_not_kept_are_told() {
        let mut report = Report::new();
        (0..Report::MAX + 3).for_each(|_| report.add(Diagnostic::new(&Rule::TEST, Span::default(), "x")));
        let source = Source::new("a", &b"<a/>"[..]);
        let mut suites = Suites::new(None);
        suites.add("a", [(&source, &report)]);
        let xml = suites.into_xml();
        assert!(xml.contains("3 more findings are not shown") && xml.contains("failures=\"0\""), "{xml:.300}");
    }
}
