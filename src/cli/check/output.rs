//! How findings are told: in the format that is asked for, with what they come to.

use clap::ValueEnum;
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

/// The findings on all inputs, told one after the other or all at the end.
pub(super) struct Told {
    format: Format,
    findings: json::Findings,
}

impl Told {
    pub(super) fn new(format: Format) -> Self {
        Self { format, findings: json::Findings::default() }
    }

    /// Tells the findings on one input.
    pub(super) fn add(&mut self, ui: &mut Ui, judged: &Judged<'_>) -> Result<()> {
        for layer in &judged.layers {
            let (source, report) = (&layer.source, &layer.report);
            match self.format {
                Format::Text => ui.data(text::render(source, report, ui.color).as_bytes())?,
                Format::Short => ui.data(text::short(source, report).as_bytes())?,
                Format::Jsonl => ui.data(json::lines(source, report).as_bytes())?,
                Format::Json => self.findings.add(source, report),
            }
        }
        match self.format {
            Format::Text => ui.line(&summary(judged)),
            _ => Ok(()),
        }
    }

    /// Tells what all came to.
    pub(super) fn finish(self, ui: &mut Ui, tally: &Tally) -> Result<()> {
        match self.format {
            Format::Json => ui.line(&self.findings.into_json(tally.files)),
            Format::Text if tally.files > 1 => ui.line(&format!("{} files: {}", tally.files, tally.in_words())),
            Format::Short => {
                ui.say(&format!("{}: {}", files_in_words(tally.files), tally.in_words()));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Returns what an input is and how it fared: a line, and a second one on what its grades come to.
fn summary(judged: &Judged<'_>) -> String {
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
    own.add(judged);
    let name = judged.layers.first().map_or("", |layer| layer.source.name.as_str());
    let fared = if own.counts == [0; 3] && own.suppressed == 0 { "ok".to_owned() } else { own.in_words() };
    let grades = own.grades_in_words().map(|words| format!("\n  {words}")).unwrap_or_default();
    format!("{}: {fared} ({what}){grades}", text::printable(name))
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
}

impl Tally {
    pub(super) fn add(&mut self, judged: &Judged<'_>) {
        self.files += 1;
        for report in judged.layers.iter().map(|layer| &layer.report) {
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
        let words = text::tally(errors, warnings, notes);
        if self.suppressed == 0 { words } else { format!("{words}, {} suppressed", self.suppressed) }
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
