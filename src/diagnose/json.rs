//! Rendering for programs: schema `impskit.findings/1`.

use serde::Serialize;

use super::{Basis, Diagnostic, Fix, Form, Grade, Report, Severity, Source, Span};

/// The findings on any number of sources, as programs read them.
#[derive(Debug, Serialize)]
pub struct Findings {
    schema: &'static str,
    findings: Vec<Finding>,
    /// What it costs to send the documents that can be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    costs: Vec<Cost>,
    summary: Summary,
}

/// What it costs to send a document.
#[derive(Debug, Serialize)]
struct Cost {
    file: String,
    octets: usize,
    sms: usize,
    cheaper: Vec<String>,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Finding {
    code: &'static str,
    severity: Severity,
    message: String,
    file: String,
    /// The layer of the file whose octets the span counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<String>,
    span: Place,
    path: String,
    related: Vec<RelatedPlace>,
    help: String,
    /// The edits that mend it.
    fix: Option<Mending>,
    clause: &'static str,
    url: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<Basis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<Grade>,
}

#[derive(Debug, Serialize)]
struct Mending {
    safe: bool,
    edits: Vec<Replacement>,
}

#[derive(Debug, Serialize)]
struct Replacement {
    offset: u32,
    length: u32,
    text: String,
}

#[derive(Debug, Serialize)]
struct RelatedPlace {
    message: String,
    span: Place,
}

#[derive(Debug, Serialize)]
struct Place {
    start: End,
    end: End,
}

#[derive(Debug, Serialize)]
struct End {
    offset: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

/// How many findings there are.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: usize,
    error: usize,
    warning: usize,
    note: usize,
    suppressed: usize,
    left_out: usize,
    /// Findings with a safe fix.
    fixable: usize,
    /// Findings that were mended.
    fixed: usize,
    grades: Grades,
}

/// How many findings have each grade; see [`Grade`].
#[derive(Debug, Default, Serialize)]
struct Grades {
    refused: usize,
    tolerated: usize,
    advice: usize,
    vendor: usize,
}

impl Default for Findings {
    fn default() -> Self {
        Self { schema: "impskit.findings/1", findings: Vec::new(), costs: Vec::new(), summary: Summary::default() }
    }
}

impl Findings {
    /// Adds the findings on one source. A message has several: what is outside, and the document inside.
    pub fn add(&mut self, source: &Source<'_>, report: &Report) {
        self.summary.error += report.count(Severity::Error);
        self.summary.warning += report.count(Severity::Warning);
        self.summary.note += report.count(Severity::Note);
        self.summary.suppressed += report.suppressed_count();
        self.summary.left_out += report.left_out();
        self.summary.fixable += if source.layer.is_none() { report.fixable() } else { 0 };
        self.summary.grades.refused += report.count_grade(Grade::Refused);
        self.summary.grades.tolerated += report.count_grade(Grade::Tolerated);
        self.summary.grades.advice += report.count_grade(Grade::Advice);
        self.summary.grades.vendor += report.count_grade(Grade::Vendor);
        self.findings.extend(report.diagnostics().iter().map(|d| Finding::new(source, d)));
    }

    /// Adds what it costs to send the document of a file: octets of its WBXML, SMS, and what would be cheaper.
    pub fn add_cost(&mut self, file: &str, octets: usize, sms: usize, cheaper: &[String]) {
        self.costs.push(Cost { file: file.to_owned(), octets, sms, cheaper: cheaper.to_vec() });
    }

    /// Counts fixes that were applied before.
    pub fn add_fixed(&mut self, fixed: usize) {
        self.summary.fixed += fixed;
    }

    /// Returns the whole as one JSON object; the sources were `files` files.
    pub fn into_json(mut self, files: usize) -> String {
        self.summary.files = files;
        to_json(&self)
    }
}

/// Returns the findings on one source as lines of JSON, each an object of the list in `impskit.findings/1`.
pub fn lines(source: &Source<'_>, report: &Report) -> String {
    report.diagnostics().iter().map(|d| to_json(&Finding::new(source, d)) + "\n").collect()
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("only text and numbers, which JSON always carries")
}

impl Finding {
    fn new(source: &Source<'_>, diagnostic: &Diagnostic) -> Self {
        let related = diagnostic.related.iter();
        Self {
            code: diagnostic.rule.code,
            severity: diagnostic.severity,
            message: diagnostic.message.clone(),
            file: source.name.clone(),
            layer: source.layer.clone(),
            span: Place::new(source, diagnostic.span),
            path: diagnostic.path.clone(),
            related: related
                .map(|r| RelatedPlace { message: r.message.clone(), span: Place::new(source, r.span) })
                .collect(),
            help: diagnostic.way_out().to_owned(),
            fix: diagnostic.fix.as_ref().map(Mending::new),
            clause: diagnostic.rule.clause,
            url: None,
            basis: diagnostic.basis,
            grade: diagnostic.grade,
        }
    }
}

impl Mending {
    fn new(fix: &Fix) -> Self {
        let edits = fix.edits.iter().map(|edit| Replacement {
            offset: edit.span.start,
            length: edit.span.end - edit.span.start,
            text: edit.text.clone(),
        });
        Self { safe: fix.is_safe, edits: edits.collect() }
    }
}

impl Place {
    fn new(source: &Source<'_>, span: Span) -> Self {
        let end = |offset| {
            let position = (source.form == Form::Text).then(|| source.position(offset));
            End { offset, line: position.map(|p| p.line), column: position.map(|p| p.column) }
        };
        Self { start: end(span.start), end: end(span.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Rule;

    #[test]
    fn gives_lines_for_text_and_offsets_for_octets() {
        let mut findings = Findings::default();
        for bytes in [&b"<a>\n<b/>"[..], b"\x03\x0b\x6a\x00\x45"] {
            let mut report = Report::new();
            report.add(Diagnostic::new(&Rule::TEST, Span::new(4, 5), "wrong").at("a/b"));
            findings.add(&Source::new("a", bytes), &report);
        }
        let json: serde_json::Value = serde_json::from_str(&findings.into_json(2)).unwrap();
        assert_eq!(json["schema"], "impskit.findings/1");
        assert_eq!(json["findings"][0]["span"]["start"], serde_json::json!({"offset": 4, "line": 2, "column": 1}));
        assert_eq!(json["findings"][1]["span"]["start"], serde_json::json!({"offset": 4}));
        assert_eq!(json["findings"][1]["path"], "a/b");
        assert_eq!(json["summary"]["error"], 2);
    }
}
