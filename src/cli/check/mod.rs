//! `check`: everything that is wrong with documents of any kind, with place, reason and way out.

mod against;
mod baseline;
mod fix;
mod handsets;
pub(super) mod output;
pub(super) mod own;
pub(super) mod walk;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use impskit::catalogue::{self, KINDS, Kind};
use impskit::configuration::is_rule_prefix;
use impskit::diagnose::Severity;
use impskit::document::CodeTable;
use impskit::error::Result;
use impskit::inspect::{self, Judged};
use impskit::provision::Numbers;
use impskit::provision::Pack;

use self::against::{Against, AgainstOptions};
use self::output::Tally;
use super::text_codes::TextCodes;
use super::ui::Failed;
use super::{Outcome, Ui, ui};

/// Everything that is wrong with documents: place, reason and way out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit check vendor.ddf --against imps
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
    /// What is wrong by the text, or only what those who load the document will not take
    #[arg(long, value_name = "MODE", default_value = "strict")]
    mode: Mode,
    /// The severity from which on the exit code is 1; `error` where `[check] fail_on` says nothing else
    #[arg(long, value_name = "LEVEL")]
    fail_on: Option<FailOn>,
    /// Only these rules: codes, or the beginnings of codes such as `WA`
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = rule_prefix)]
    select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = rule_prefix)]
    ignore: Vec<String>,
    /// What names of the files end with that are looked for in folders: xml, ddf, wbxml, csv, toml where absent
    #[arg(long, value_name = "EXT", value_delimiter = ',', default_values = walk::EXTENSIONS, hide_default_value = true)]
    ext: Vec<String>,
    #[command(flatten)]
    mending: fix::Mending,
    #[command(flatten)]
    known: baseline::KnownFindings,
    #[command(flatten)]
    telling: output::Telling,
    #[command(flatten)]
    against: AgainstOptions,
    #[command(flatten)]
    handsets: handsets::HandsetOptions,
    #[command(flatten)]
    text_codes: TextCodes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// As the text has it
    Strict,
    /// As those take it who must load what others shipped
    Lenient,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

impl FailOn {
    /// Returns the mildest severity that is not good enough.
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

/// What the options say together with the configuration.
struct Settings {
    /// The mildest severity that is not good enough.
    fails: Option<Severity>,
    /// Rules that are left out: codes, or the beginnings of codes.
    ignored: Vec<String>,
    against: Against,
    /// The handsets that documents are for.
    devices: Vec<Pack>,
    /// Whether numbers of subscribers are shown whole.
    shows_numbers: bool,
    /// The codes of messages in plain text.
    text_codes: &'static CodeTable,
}

impl Settings {
    fn of(command: &Check, ui: &mut Ui) -> Result<Self> {
        let configuration = ui.configuration()?;
        let against = command.against.read(configuration.reference.imps_mo.as_deref(), ui)?;
        let fails = command.fail_on.map_or(configuration.check.fail_on.severity(), FailOn::severity);
        let from_file = configuration.check.ignore.iter().map(|code| code.to_ascii_uppercase());
        let ignored = command.ignore.iter().cloned().chain(from_file).collect();
        let devices = command.handsets.read(&configuration.check.device, ui)?;
        let shows_numbers = configuration.privacy.log_numbers == Numbers::Full;
        let text_codes = command.text_codes.read()?;
        Ok(Self { fails, ignored, against, devices, shows_numbers, text_codes })
    }
}

pub(crate) fn run(command: &Check, ui: &mut Ui) -> Result<Outcome> {
    let settings = Settings::of(command, ui)?;
    let mut failed = Failed::default();
    let fails = settings.fails;
    let mut known = command.known.open()?;
    let mut told = command.telling.open(command.mending.takes_stdout(&command.files), fails)?;
    let mut tally = Tally::default();
    for path in command.files(ui, &mut failed) {
        match ui::read_input(&path) {
            Ok((name, octets)) => {
                let judged = command.check(octets, &name, &path, &settings);
                match command.mending.mend(command, &settings, ui, judged, &path) {
                    Ok((mut judged, fixed)) => {
                        known.excuse(&mut judged, &path);
                        told.add(ui, &judged, fixed)?;
                        tally.add(&judged, fixed);
                    }
                    Err(error) => failed.add(ui, error),
                }
            }
            Err(error) => failed.add(ui, error),
        }
    }
    told.finish(ui, &tally)?;
    known.finish(ui)?;
    failed.outcome(match fails {
        Some(severity) if tally.has(severity) => Outcome::NotGood,
        _ => Outcome::Good,
    })
}

impl Check {
    /// Returns the files to check, in order.
    fn files(&self, ui: &mut Ui, failed: &mut Failed) -> Vec<PathBuf> {
        let extensions: Vec<&str> = self.ext.iter().map(|extension| extension.trim_start_matches('.')).collect();
        let mut files = Vec::new();
        for path in &self.files {
            if let Err(error) = walk::collect(path, &extensions, &mut files) {
                failed.add(ui, error);
            }
        }
        files
    }

    /// Checks one input as the options say; `path` is where it lies.
    fn check(&self, octets: Vec<u8>, name: &str, path: &Path, settings: &Settings) -> Judged<'static> {
        let is_own = |kind: &&Kind| [&own::CAMPAIGN, &own::CONFIGURATION].contains(kind);
        let own = self.kind.map_or_else(|| own::recognise(&octets), |kind| Some(kind).filter(is_own));
        let mut judged = match own {
            Some(kind) => Judged { layers: vec![own::check(kind, octets, name, path)], cost: None },
            None => settings.against.with(|options| {
                let devices: Vec<&Pack> = settings.devices.iter().collect();
                let max_sms = self.handsets.max_sms();
                let options = catalogue::Options {
                    kind: self.kind,
                    fragment: self.fragment,
                    devices: &devices,
                    max_sms,
                    shows_numbers: settings.shows_numbers,
                    text_codes: Some(settings.text_codes),
                    ..*options
                };
                inspect::check(octets, name, &options)
            }),
        };
        let cited = |codes: &[String], code: &str| codes.iter().any(|prefix| code.starts_with(prefix.as_str()));
        for layer in &mut judged.layers {
            let is_selected = |code: &str| self.select.is_empty() || cited(&self.select, code);
            layer.report.retain_rules(|rule| is_selected(rule.code) && !cited(&settings.ignored, rule.code));
            if self.mode == Mode::Lenient {
                layer.report.relax();
            }
        }
        judged
    }
}

/// Checks configuration files, which are known for that.
pub(super) fn configurations(files: &[PathBuf], telling: &output::Telling, ui: &mut Ui) -> Result<Outcome> {
    let mut told = telling.open(false, Some(Severity::Error))?;
    let mut tally = Tally::default();
    let mut failed = Failed::default();
    for path in files {
        match ui::read_input(path) {
            Ok((name, octets)) => {
                let layers = vec![own::check(&own::CONFIGURATION, octets, &name, path)];
                let judged = Judged { layers, cost: None };
                told.add(ui, &judged, 0)?;
                tally.add(&judged, 0);
            }
            Err(error) => failed.add(ui, error),
        }
    }
    told.finish(ui, &tally)?;
    failed.outcome(if tally.has(Severity::Error) { Outcome::NotGood } else { Outcome::Good })
}

/// Every kind, with its name in the help.
fn kinds() -> impl TypedValueParser<Value = &'static Kind> {
    let elsewhere = [&inspect::SMS, &inspect::PUSH, &own::CAMPAIGN, &own::CONFIGURATION];
    let all: Vec<&'static Kind> = KINDS.iter().chain(elsewhere).collect();
    let values = all.iter().map(|kind| PossibleValue::new(kind.id).help(kind.name));
    PossibleValuesParser::new(values).map(move |word| {
        let kind = all.iter().find(|kind| kind.id == word);
        *kind.expect("only these words are taken")
    })
}

/// Returns the code or prefix in capitals, if any rule has it.
fn rule_prefix(code: &str) -> std::result::Result<String, String> {
    let code = code.to_ascii_uppercase();
    match is_rule_prefix(&code) {
        true => Ok(code),
        false => Err("no rule has this code; `impskit explain --list` lists them".to_owned()),
    }
}
