//! `check`: everything that is wrong with documents of any kind, with place, reason and way out.

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use impskit::catalogue::{self, Checked, KINDS, Kind};
use impskit::diagnose::{Severity, json, text};
use impskit::error::{Error, Result};
use impskit::inspect::{self, Judged};

use super::{Outcome, Ui, check_own, ui};

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
    #[arg(long, value_name = "KIND", value_parser = kinds())]
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
                let judged = check(command, octets, &name, path);
                tally.add(&judged);
                show(command, ui, &judged, &mut findings)?;
            }
            Err(error) => fail(ui, &mut failed, error),
        }
    }
    match command.format {
        Format::Json => ui.line(&findings.into_json(tally.files))?,
        Format::Text if tally.files > 1 => ui.line(&format!("{} files: {}", tally.files, tally.in_words()))?,
        Format::Short => ui.say(&format!("{}: {}", files_in_words(tally.files), tally.in_words())),
        _ => {}
    }
    match failed {
        Some(error) => Err(error),
        None if tally.is_bad(command.fail_on) => Ok(Outcome::NotGood),
        None => Ok(Outcome::Good),
    }
}

fn check(command: &Check, octets: Vec<u8>, name: &str, path: &Path) -> Judged<'static> {
    let is_own = |kind: &&Kind| [&check_own::CAMPAIGN, &check_own::CONFIGURATION].contains(kind);
    let own = command.kind.map_or_else(|| check_own::recognise(&octets), |kind| Some(kind).filter(is_own));
    let mut judged = match own {
        Some(kind) => Judged { layers: vec![check_own::check(kind, octets, name, path)], trial: None },
        None => {
            let options = catalogue::Options { kind: command.kind, fragment: command.fragment, ..Default::default() };
            inspect::check(octets, name, &options)
        }
    };
    let cited = |codes: &[String], code: &str| codes.iter().any(|prefix| code.starts_with(prefix.as_str()));
    for Checked { report, .. } in &mut judged.layers {
        report.retain(|d| {
            (command.select.is_empty() || cited(&command.select, d.rule.code)) && !cited(&command.ignore, d.rule.code)
        });
    }
    judged
}

fn show(command: &Check, ui: &mut Ui, judged: &Judged<'_>, findings: &mut json::Findings) -> Result<()> {
    for Checked { source, report, .. } in &judged.layers {
        match command.format {
            Format::Text => ui.data(text::render(source, report, ui.color).as_bytes())?,
            Format::Short => ui.data(text::short(source, report).as_bytes())?,
            Format::Jsonl => ui.data(json::lines(source, report).as_bytes())?,
            Format::Json => findings.add(source, report),
        }
    }
    match command.format {
        Format::Text => ui.line(&summary(judged)),
        _ => Ok(()),
    }
}

/// Returns what an input is and how it fared, in one line.
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
    format!("{}: {fared} ({what})", text::printable(name))
}

/// What was found so far.
#[derive(Default)]
struct Tally {
    files: usize,
    /// Notes, warnings, errors.
    counts: [usize; 3],
    /// Findings that the documents excuse.
    suppressed: usize,
}

impl Tally {
    fn add(&mut self, judged: &Judged<'_>) {
        self.files += 1;
        for layer in &judged.layers {
            for severity in [Severity::Note, Severity::Warning, Severity::Error] {
                self.counts[severity as usize] += layer.report.count(severity);
            }
            self.suppressed += layer.report.suppressed();
        }
    }

    fn in_words(&self) -> String {
        let [notes, warnings, errors] = self.counts;
        let words = text::tally(errors, warnings, notes);
        if self.suppressed == 0 { words } else { format!("{words}, {} suppressed", self.suppressed) }
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

fn files_in_words(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
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

/// Every kind, with its name in the help.
fn kinds() -> impl TypedValueParser<Value = &'static Kind> {
    let own = [&inspect::SMS, &inspect::PUSH, &check_own::CAMPAIGN, &check_own::CONFIGURATION];
    let all: Vec<&'static Kind> = KINDS.iter().chain(own).collect();
    let values = all.iter().map(|kind| PossibleValue::new(kind.id).help(kind.name));
    PossibleValuesParser::new(values).map(move |word| {
        let kind = all.iter().find(|kind| kind.id == word);
        *kind.expect("only these words are taken")
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
