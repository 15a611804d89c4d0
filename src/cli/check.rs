//! `check`: everything that is wrong with documents of any kind, with place, reason and way out.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::catalogue::{self, Checked, KINDS, Kind};
use impskit::diagnose::{Diagnostic, Report, Severity, Source, Span, json, text};
use impskit::error::{Error, Result};
use impskit::inspect::{self, MOST_INPUT, peel};

use super::{Outcome, Ui, ui};

/// Everything that is wrong with documents: place, reason and way out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit check settings.xml
  impskit check --fail-on warning --format json provisioning/ > findings.json")]
pub(crate) struct Check {
    /// Documents of any kind; folders are searched, `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Take the documents for this kind, instead of looking at their content
    #[arg(long, value_name = "KIND", value_parser = kind_named)]
    kind: Option<&'static Kind>,
    /// Provisioning: the handset may already hold what a document refers to
    #[arg(long)]
    fragment: bool,
    /// The severity from which on the exit code is 1
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    fail_on: FailOn,
    /// Only these rules: codes, or the beginnings of codes such as `WA`
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = rule_prefix)]
    select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = rule_prefix)]
    ignore: Vec<String>,
    /// The format of the findings
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

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
}

/// Names of files that are looked for in folders.
const EXTENSIONS: &[&str] = &["xml", "ddf", "wbxml", "csv", "toml"];
/// Nesting of folders at the most: a guard against loops.
const MOST_FOLDERS: usize = 32;

pub(crate) fn run(command: &Check, ui: &mut Ui) -> Result<Outcome> {
    let mut files = Vec::new();
    let mut failed = None;
    for path in &command.files {
        if let Err(error) = collect(path, path.is_dir(), 0, &mut files) {
            fail(ui, &mut failed, error);
        }
    }
    let mut tally = Tally::default();
    let mut findings = json::Findings::default();
    for path in &files {
        match ui::read_input(path) {
            Ok((name, octets)) => {
                tally.files += 1;
                for judged in judge(command, octets, &name) {
                    tally.add(&judged.report);
                    show(command, ui, &judged, &mut findings)?;
                }
            }
            Err(error) => fail(ui, &mut failed, error),
        }
    }
    match command.format {
        Format::Json => ui.line(&findings.into_json(tally.files))?,
        Format::Text if tally.files > 1 => ui.line(&format!("{}: {}", tally.files_in_words(), tally.in_words()))?,
        Format::Short => ui.say(&format!("{}: {}", tally.files_in_words(), tally.in_words())),
        _ => {}
    }
    match failed {
        Some(error) => Err(error),
        None if tally.is_bad(command.fail_on) => Ok(Outcome::NotGood),
        None => Ok(Outcome::Good),
    }
}

/// A source with what was found.
struct Judged {
    /// What it was taken for.
    what: &'static str,
    source: Source<'static>,
    report: Report,
}

impl From<Checked<'static>> for Judged {
    fn from(Checked { kind, source, report }: Checked<'static>) -> Self {
        Self { what: kind.map_or("unknown kind of document", |kind| kind.name), source, report }
    }
}

/// Checks an input; a push or SMS is two sources, what is outside and the document inside.
fn judge(command: &Check, octets: Vec<u8>, name: &str) -> Vec<Judged> {
    let options = catalogue::Options { kind: command.kind, fragment: command.fragment, ..Default::default() };
    let message = if command.kind.is_none() { judge_message(&octets, name, &options) } else { None };
    let mut all = message.unwrap_or_else(|| vec![catalogue::check(octets, name, &options).into()]);
    let cited = |codes: &[String], code: &str| codes.iter().any(|prefix| code.starts_with(prefix.as_str()));
    for judged in &mut all {
        judged.report.retain(|d| {
            (command.select.is_empty() || cited(&command.select, d.rule.code)) && !cited(&command.ignore, d.rule.code)
        });
    }
    all
}

/// Checks a push or SMS, in octets or in any text form of them; `None` where the input is something else.
fn judge_message(octets: &[u8], name: &str, options: &catalogue::Options) -> Option<Vec<Judged>> {
    // What stands in markup, tables and profiles is never taken for a message.
    const SURE: u8 = 50;
    if octets.len() > MOST_INPUT || octets.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    let peeled = peel(octets, &inspect::Options::default());
    let is_message =
        peeled.layers.iter().any(|layer| matches!(layer.name.as_str(), "SMS" | "SMS user data" | "WSP push"));
    if !is_message || peeled.guesses.first().is_none_or(|guess| guess.certainty < SURE) {
        return None;
    }
    let mut outside = Report::new();
    for layer in &peeled.layers {
        // The document is judged below, and more closely.
        let is_outside = |d: &&Diagnostic| peeled.document.is_none() || !catalogue::is_of_documents(d.rule);
        for diagnostic in layer.report.diagnostics().iter().filter(is_outside) {
            let place = format!("{}, octet 0x{:02X}", layer.name, diagnostic.span.start);
            let mut diagnostic = diagnostic.clone().at(place);
            if diagnostic.rule.code == "PU003" {
                diagnostic = diagnostic.help("`impskit decode` checks it with the PIN or the IMSI");
            }
            // The place is one in the octets of the layer, which are not those of the input.
            diagnostic.span = Span::default();
            diagnostic.related.clear();
            outside.add(diagnostic);
        }
    }
    let source = Source::new(name, octets.to_vec());
    let mut all = vec![Judged { what: "push or SMS", source, report: outside }];
    if let Some(document) = peeled.document {
        all.push(catalogue::check(document, &format!("{name} (document inside)"), options).into());
    }
    Some(all)
}

fn show(command: &Check, ui: &mut Ui, judged: &Judged, findings: &mut json::Findings) -> Result<()> {
    let Judged { what, source, report } = judged;
    match command.format {
        Format::Text => {
            let mut own = Tally::default();
            own.add(report);
            let name = text::printable(&source.name);
            let summary = match own.counts {
                [0, 0, 0] => format!("{name}: ok ({what})"),
                _ => format!("{name}: {} ({what})", own.in_words()),
            };
            ui.data(format!("{}{summary}\n", text::render(source, report, ui.color)).as_bytes())
        }
        Format::Short => ui.data(text::short(source, report).as_bytes()),
        Format::Jsonl => ui.data(json::lines(source, report).as_bytes()),
        Format::Json => {
            findings.add(source, report);
            Ok(())
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    files: usize,
    /// Notes, warnings, errors.
    counts: [usize; 3],
}

impl Tally {
    fn add(&mut self, report: &Report) {
        for severity in [Severity::Note, Severity::Warning, Severity::Error] {
            self.counts[severity as usize] += report.count(severity);
        }
    }

    fn in_words(&self) -> String {
        let [notes, warnings, errors] = self.counts;
        text::tally(errors, warnings, notes)
    }

    fn files_in_words(&self) -> String {
        if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) }
    }

    fn is_bad(&self, level: FailOn) -> bool {
        let [notes, warnings, errors] = self.counts;
        match level {
            FailOn::Error => errors > 0,
            FailOn::Warning => errors + warnings > 0,
            FailOn::Note => errors + warnings + notes > 0,
            FailOn::Never => false,
        }
    }
}

/// Keeps the last error for the exit; those before it are told at once.
fn fail(ui: &mut Ui, failed: &mut Option<Error>, error: Error) {
    if let Some(before) = failed.replace(error) {
        ui.error(&before);
    }
}

/// Adds a file, or the documents in a folder, in the order of their names; hidden folders are skipped.
fn collect(path: &Path, is_folder: bool, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if !is_folder {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > MOST_FOLDERS {
        return Err(
            Error::input(format!("folders are nested deeper than {MOST_FOLDERS}")).at(path.display().to_string())
        );
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|error| Error::file(path, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let before = files.len();
    for entry in entries {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let path = entry.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && (is_folder || EXTENSIONS.contains(&extension)) {
            collect(&path, is_folder, depth + 1, files)?;
        }
    }
    if depth == 0 && files.len() == before {
        let error = Error::input("the folder has no documents").at(path.display().to_string());
        return Err(error.help("documents in folders are *.xml, *.ddf, *.wbxml, *.csv and *.toml; name others singly"));
    }
    Ok(())
}

fn kind_named(word: &str) -> std::result::Result<&'static Kind, String> {
    Kind::named(word).ok_or_else(|| {
        let words: Vec<_> = KINDS.iter().map(|kind| kind.id).collect();
        format!("known are {}", words.join(", "))
    })
}

/// Returns the code or prefix in capitals, if any rule has it.
fn rule_prefix(code: &str) -> std::result::Result<String, String> {
    let code = code.to_ascii_uppercase();
    let mut rules = catalogue::RULES.iter().flat_map(|family| family.iter());
    match rules.any(|rule| !code.is_empty() && rule.code.starts_with(&code)) {
        true => Ok(code),
        false => Err("no rule has this code; `impskit explain --list` lists them".to_owned()),
    }
}
