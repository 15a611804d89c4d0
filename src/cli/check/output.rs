//! How findings are told: in the format that is asked for, with what they come to.

use clap::ValueEnum;
use impskit::catalogue::Checked;
use impskit::diagnose::{Grade, Severity, json, text};
use impskit::error::Result;
use impskit::inspect::Judged;

use super::Ui;

/// The format of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Excerpts with carets, for people
    Text,
    /// One line a finding
    Short,
    /// One object, for programs
    Json,
    /// One object a line and finding
    Jsonl,
}

/// Where findings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Stdout,
    /// Something else goes to stdout.
    Stderr,
}

/// The findings on all inputs, told one after the other or all at the end.
pub(super) struct Told {
    format: Format,
    to: To,
    findings: json::Findings,
}

impl Told {
    pub(super) fn new(format: Format, to: To) -> Self {
        Self { format, to, findings: json::Findings::default() }
    }

    /// Tells the findings on one input, and how many were mended.
    pub(super) fn add(&mut self, ui: &mut Ui, judged: &Judged<'_>, fixed: usize) -> Result<()> {
        let mut piece = String::new();
        self.findings.add_fixed(fixed);
        for layer in &judged.layers {
            let (source, report) = (&layer.source, &layer.report);
            match self.format {
                Format::Text => piece += &text::render(source, report, self.to.has_color(ui)),
                Format::Short => piece += &text::short(source, report),
                Format::Jsonl => piece += &json::lines(source, report),
                Format::Json => self.findings.add(source, report),
            }
        }
        if self.format == Format::Text {
            piece += &summary(judged, fixed);
        }
        self.to.write(ui, &piece)
    }

    /// Tells what all came to.
    pub(super) fn finish(self, ui: &mut Ui, tally: &Tally) -> Result<()> {
        match self.format {
            Format::Json => self.to.write(ui, &(self.findings.into_json(tally.files) + "\n")),
            Format::Text if tally.files > 1 => {
                let words = format!("{} files: {}{}\n", tally.files, tally.in_words(), tally.offer());
                self.to.write(ui, &words)
            }
            Format::Short => {
                ui.say(&format!("{}: {}{}", files_in_words(tally.files), tally.in_words(), tally.offer()));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl To {
    fn has_color(self, ui: &Ui) -> bool {
        match self {
            Self::Stdout => ui.color,
            Self::Stderr => ui.color_of_stderr,
        }
    }

    fn write(self, ui: &mut Ui, text: &str) -> Result<()> {
        match self {
            Self::Stdout => ui.data(text.as_bytes()),
            Self::Stderr => {
                ui.aside(text);
                Ok(())
            }
        }
    }
}

/// Returns what an input is and how it fared: a line, and a second one on what its grades come to.
fn summary(judged: &Judged<'_>, fixed: usize) -> String {
    let mut kinds: Vec<&str> = Vec::new();
    for kind in judged.layers.iter().filter_map(|layer| layer.kind) {
        if !kinds.contains(&kind.name) {
            kinds.push(kind.name);
        }
    }
    let what = match (&judged.trial, kinds.is_empty()) {
        (Some(built), _) => format!("CP document {} bytes, {} SMS", built.document, built.sms),
        (None, true) => "unknown kind of document".to_owned(),
        (None, false) => kinds.join(", "),
    };
    let mut own = Tally::default();
    own.add(judged, fixed);
    let name = judged.layers.first().map_or("", |layer| layer.source.name.as_str());
    let is_ok = own.counts == [0; 3] && own.suppressed + fixed == 0;
    let fared = if is_ok { "ok".to_owned() } else { own.in_words() };
    let grades = own.grades_in_words().map(|words| format!("\n  {words}")).unwrap_or_default();
    format!("{}: {fared} ({what}){}{grades}\n", text::printable(name), own.offer())
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) files: usize,
    /// Notes, warnings, errors.
    counts: [usize; 3],
    /// As [`Grade::ALL`].
    grades: [usize; 4],
    /// Findings that are excused.
    suppressed: usize,
    /// Findings that `--fix` mends.
    fixable: usize,
    /// Findings that were mended.
    fixed: usize,
}

impl Tally {
    pub(super) fn add(&mut self, judged: &Judged<'_>, fixed: usize) {
        self.files += 1;
        self.fixed += fixed;
        for Checked { source, report, .. } in &judged.layers {
            self.fixable += if source.layer.is_none() { report.fixable() } else { 0 };
            for severity in [Severity::Note, Severity::Warning, Severity::Error] {
                self.counts[severity as usize] += report.count(severity);
            }
            for (count, grade) in self.grades.iter_mut().zip(Grade::ALL) {
                *count += report.count_grade(grade);
            }
            self.suppressed += report.suppressed().len();
        }
    }

    /// Returns whether anything at or above `severity` was found.
    pub(super) fn has(&self, severity: Severity) -> bool {
        self.counts[severity as usize..].iter().any(|&count| count > 0)
    }

    fn in_words(&self) -> String {
        let [notes, warnings, errors] = self.counts;
        let mut words = text::tally(errors, warnings, notes);
        if self.fixed > 0 {
            words = format!("{} fixed, {words}", self.fixed);
        }
        if self.suppressed > 0 {
            words += &format!(", {} suppressed", self.suppressed);
        }
        words
    }

    /// Returns what could be mended, in words behind a blank; empty where nothing can.
    fn offer(&self) -> String {
        if self.fixable == 0 { String::new() } else { format!(" ({} fixable: run with --fix)", self.fixable) }
    }

    /// Returns what the findings mean to those who load the document; `None` where no rule says so.
    fn grades_in_words(&self) -> Option<String> {
        let [refused, tolerated, advice, vendor] = self.grades;
        let words = [
            (refused, "refused by servers"),
            (tolerated, "tolerated though the text forbids them"),
            (vendor, "a vendor's own"),
            (advice, "to look at"),
        ];
        let words = words.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, word)| format!("{count} {word}")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn files_in_words(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
