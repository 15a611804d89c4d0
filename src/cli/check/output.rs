//! How findings are told: in the format that is asked for, with what they come to.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::catalogue::Checked;
use impskit::diagnose::{Grade, Severity, github, json, junit, sarif, text};
use impskit::error::Result;
use impskit::inspect::Judged;

use super::{Ui, ui};

/// How findings are told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Telling {
    /// The format of the findings
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    /// Text: show each finding, also where many say the same
    #[arg(long)]
    all: bool,
    /// Write the findings in that format to FILE, and as text to stderr
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Replace an existing FILE
    #[arg(long, requires = "output_file")]
    force: bool,
}

/// The format of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Excerpts with carets, for people
    Text,
    /// One line a finding
    Short,
    /// One object, for programs
    Json,
    /// One object a line and finding
    Jsonl,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// Workflow commands, for GitHub
    Github,
    /// A JUnit report, for servers that run builds
    Junit,
}

impl Telling {
    /// Opens where findings are told: stdout, or stderr where something else goes to stdout. Those from `fails` on are
    /// failures.
    pub(super) fn open(&self, is_stdout_taken: bool, fails: Option<Severity>) -> Result<Told> {
        let form = Form::new(self.format, self.all, fails);
        let to = if is_stdout_taken { To::Stderr } else { To::Stdout };
        Ok(Told(match &self.output_file {
            None => vec![(form, to)],
            Some(path) => {
                let stream = ui::Stream::open(&ui::Output::to(path, self.force))?;
                vec![(form, To::File(stream)), (Form::new(Format::Text, self.all, fails), To::Stderr)]
            }
        }))
    }
}

/// The findings on all inputs, each told in one form or two.
pub(super) struct Told(Vec<(Form, To)>);

/// A format, with what it tells all at the end.
enum Form {
    Text { shows_each: bool },
    Short,
    Jsonl,
    Github,
    Json(json::Findings),
    Sarif(sarif::Log),
    Junit(junit::Suites),
}

/// Where findings are told.
enum To {
    Stdout,
    Stderr,
    File(ui::Stream),
}

impl Told {
    /// Tells the findings on one input, and how many were mended.
    pub(super) fn add(&mut self, ui: &mut Ui, judged: &Judged<'_>, fixed: usize) -> Result<()> {
        for (form, to) in &mut self.0 {
            let piece = form.add(judged, fixed, to.has_color(ui));
            to.write(ui, &piece)?;
        }
        Ok(())
    }

    /// Tells what all came to.
    pub(super) fn finish(self, ui: &mut Ui, tally: &Tally) -> Result<()> {
        for (form, mut to) in self.0 {
            if let Form::Short = form {
                ui.say(&format!("{}: {}{}", files_in_words(tally.files), tally.in_words(), tally.offer()));
            }
            to.write(ui, &form.finish(tally))?;
            if let To::File(stream) = to {
                stream.finish()?;
            }
        }
        Ok(())
    }
}

impl Form {
    fn new(format: Format, shows_each: bool, fails: Option<Severity>) -> Self {
        match format {
            Format::Text => Self::Text { shows_each },
            Format::Short => Self::Short,
            Format::Json => Self::Json(json::Findings::default()),
            Format::Jsonl => Self::Jsonl,
            Format::Sarif => Self::Sarif(sarif::Log::default()),
            Format::Github => Self::Github,
            Format::Junit => Self::Junit(junit::Suites::new(fails)),
        }
    }

    /// Returns what is said of one input now; the rest is kept for the end.
    fn add(&mut self, judged: &Judged<'_>, fixed: usize, color: bool) -> String {
        let layers = judged.layers.iter().map(|layer| (&layer.source, &layer.report));
        match self {
            Self::Text { shows_each } => {
                let render = if *shows_each { text::render } else { text::render_folded };
                let shown: String = layers.map(|(source, report)| render(source, report, color)).collect();
                shown + &summary(judged, fixed)
            }
            Self::Short => layers.map(|(source, report)| text::short(source, report)).collect(),
            Self::Jsonl => layers.map(|(source, report)| json::lines(source, report)).collect(),
            Self::Github => layers.map(|(source, report)| github::commands(source, report)).collect(),
            Self::Json(findings) => {
                findings.add_fixed(fixed);
                layers.for_each(|(source, report)| findings.add(source, report));
                if let Some(cost) = &judged.cost {
                    let name = judged.layers.first().map_or("", |layer| layer.source.name.as_str());
                    findings.add_cost(name, cost.size.octets, cost.size.sms, &cost.advice);
                }
                String::new()
            }
            Self::Sarif(log) => {
                layers.for_each(|(source, report)| log.add(source, report));
                String::new()
            }
            Self::Junit(suites) => {
                let name = judged.layers.first().map_or("", |layer| layer.source.name.as_str());
                suites.add(name, layers);
                String::new()
            }
        }
    }

    /// Returns what is said of all inputs at the end.
    fn finish(self, tally: &Tally) -> String {
        match self {
            Self::Text { .. } if tally.files > 1 => {
                let (files, words, offer) = (files_in_words(tally.files), tally.in_words(), tally.offer());
                format!("{files}: {words}{offer}{}\n", tally.grades_below())
            }
            Self::Text { .. } | Self::Short | Self::Jsonl | Self::Github => String::new(),
            Self::Json(findings) => findings.into_json(tally.files) + "\n",
            Self::Sarif(log) => log.into_json() + "\n",
            Self::Junit(suites) => suites.into_xml(),
        }
    }
}

impl To {
    fn has_color(&self, ui: &Ui) -> bool {
        match self {
            Self::Stdout => ui.color,
            Self::Stderr => ui.color_of_stderr,
            Self::File(_) => false,
        }
    }

    fn write(&mut self, ui: &mut Ui, text: &str) -> Result<()> {
        match self {
            Self::Stdout => ui.data(text.as_bytes()),
            Self::Stderr => {
                ui.aside(text);
                Ok(())
            }
            Self::File(stream) => stream.write(text.as_bytes()).map(drop),
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
    if kinds == ["profile"] && judged.cost.is_some() {
        kinds = vec!["CP document"];
    }
    let what = match (&judged.cost, kinds.is_empty()) {
        (Some(cost), _) => format!("{} {} bytes, {} SMS", kinds.join(", "), cost.size.octets, cost.size.sms),
        (None, true) => "unknown kind of document".to_owned(),
        (None, false) => kinds.join(", "),
    };
    let mut own = Tally::default();
    own.add(judged, fixed);
    let name = judged.layers.first().map_or("", |layer| layer.source.name.as_str());
    let is_ok = own.counts == [0; 3] && own.suppressed + fixed == 0;
    let fared = if is_ok { "ok".to_owned() } else { own.in_words() };
    let advice = judged.cost.as_ref().map(|cost| cost.advice.join("; ")).filter(|advice| !advice.is_empty());
    let advice = advice.map(|advice| format!("\n  cheaper: {}", text::printable(&advice))).unwrap_or_default();
    format!("{}: {fared} ({what}){}{}{advice}\n", text::printable(name), own.offer(), own.grades_below())
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
            self.suppressed += report.suppressed_count();
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

    /// Returns what the findings mean to those who load the documents, as a line below; empty where no rule says so.
    fn grades_below(&self) -> String {
        let [refused, tolerated, advice, vendor] = self.grades;
        let words = [
            (refused, "refused"),
            (tolerated, "tolerated though the text forbids them"),
            (vendor, "a vendor's own"),
            (advice, "to look at"),
        ];
        let words = words.into_iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = words.map(|(count, word)| format!("{count} {word}")).collect();
        if words.is_empty() { String::new() } else { format!("\n  {}", words.join(", ")) }
    }
}

fn files_in_words(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
