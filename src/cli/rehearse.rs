//! `rehearse`: from profile to logged-in client, no handset needed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::batch::campaign::Campaign;
use impskit::codec::{Encoding, WbxmlStyle};
use impskit::cp::mac::Security;
use impskit::csp::Version;
use impskit::diagnose::{Report, Severity};
use impskit::document::CodeTable;
use impskit::error::{Error, Result};
use impskit::inspect::trial::MADE_UP;
use impskit::provision::Numbers;
use impskit::provision::rows::{self, Names};
use impskit::provision::{Compiled, Profile};
use impskit::rehearse::survey::{Terms, survey};
use impskit::rehearse::table::Table;
use impskit::rehearse::{Choice, Rehearsal, Subject, rehearse, report};

use super::batch::{now, workers};
use super::device::Handsets;
use super::form::cannot_write;
use super::input;
use super::profile::{RowOptions, load_for_table};
use super::seal::{Seal, SealOptions};
use super::text_codes::TextCodes;
use super::ui::Output;
use super::{Outcome, Ui};

/// From profile to logged-in client, in fifteen steps, no handset needed
#[derive(Debug, Args)]
#[command(after_help = "\
Without a row, a made-up handset is used. Of a table every row is checked as a campaign checks it, and a sample
is rehearsed that is spread over the table and over its profiles, variants, device packs and ways to seal. Without
`--server`, a server of its own is started on a free loopback port.

Examples:
  impskit rehearse templates/acme.toml --report rehearsal.html
  impskit rehearse spring.toml --csv subscribers.csv --sample 50 --report rehearsal.html")]
pub(crate) struct Rehearse {
    /// The profile, or a campaign for its profile and its columns; `-` for stdin
    profile: PathBuf,
    /// Check every row of a table, and rehearse a sample of them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["row", "set"])]
    csv: Option<PathBuf>,
    /// How many rows of the table; one of each group at least
    #[arg(long, value_name = "N", default_value_t = 10, requires = "csv", value_parser = clap::value_parser!(u64).range(1..=1000))]
    sample: u64,
    /// What chooses the rows: the same number chooses the same ones
    #[arg(long, value_name = "N", default_value_t = 0, requires = "csv")]
    seed: u64,
    /// Show the numbers of subscribers in the report whole
    #[arg(long, requires = "csv")]
    show_numbers: bool,
    /// Syntaxes of CSP: xml, wbxml, pts, in which only `--text-codes` gives messages and groups codes; else those of the profile
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = encoding)]
    encoding: Vec<Encoding>,
    /// Versions of CSP: 1.1, 1.2, 1.3; else those of the profile
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = version)]
    version: Vec<Version>,
    /// Use this server, which must know the handset's user, in place of one of its own
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Write an HTML page with a sequence diagram for each combination, replacing FILE
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "IMPSKIT_FORMAT")]
    format: Format,
    #[command(flatten)]
    text_codes: TextCodes,
    #[command(flatten)]
    row: RowOptions,
    #[command(flatten)]
    seal: SealOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

fn encoding(word: &str) -> std::result::Result<Encoding, String> {
    [Encoding::Xml, Encoding::Wbxml, Encoding::Pts]
        .into_iter()
        .find(|encoding| encoding.as_str() == word)
        .ok_or_else(|| "write xml, wbxml or pts".to_owned())
}

fn version(word: &str) -> std::result::Result<Version, String> {
    Version::from_text(word).ok_or_else(|| "write 1.1, 1.2 or 1.3".to_owned())
}

/// A profile with what a campaign lays over it, and the folder where others are.
struct Loaded {
    profile: Profile,
    folder: PathBuf,
    columns: String,
    routes: Vec<String>,
}

/// What is the same for every handset.
struct Means {
    seal: Seal,
    handsets: Handsets,
    text_codes: &'static CodeTable,
}

/// A handset's columns with their values, and its name for people.
struct Row {
    name: String,
    values: Vec<(String, String)>,
}

impl Rehearse {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let Some(loaded) = self.load(ui)? else { return Ok(Outcome::NotGood) };
        let profile = &loaded.profile;
        let means = Means {
            seal: self.seal.read(ui)?,
            handsets: Handsets::read(self.row.device.as_deref(), ui)?,
            text_codes: self.text_codes.read()?,
        };
        if let Some(path) = &self.csv {
            let table = self.table(path, &loaded, &means, ui)?;
            let shown = match self.format {
                Format::Text => table.text(),
                Format::Json => format!("{:#}\n", table.json()),
                Format::Junit => table.junit(),
            };
            return self.tell(&shown, || table.html(), table.is_ok(), ui);
        }
        let Some(values) = self.row.values(profile, ui)? else { return Ok(Outcome::NotGood) };
        let rehearsals = [self.one(profile, &made_whole(values, profile), &means, ui)?];
        let shown = match self.format {
            Format::Text => report::text(&rehearsals),
            Format::Json => format!("{:#}\n", report::json(&rehearsals)),
            Format::Junit => report::junit(&rehearsals),
        };
        self.tell(&shown, || report::html(&rehearsals), rehearsals[0].is_ok(), ui)
    }

    /// Writes the page that is asked for, and shows the rest.
    fn tell(&self, shown: &str, page: impl FnOnce() -> String, is_good: bool, ui: &mut Ui) -> Result<Outcome> {
        if let Some(path) = &self.report {
            Output::replacing(path).write(page().as_bytes())?;
            ui.say(&format!("report: {}", path.display()));
        }
        ui.data(shown.as_bytes())?;
        Ok(if is_good { Outcome::Good } else { Outcome::NotGood })
    }

    /// Reads the profile, or the campaign and its profile.
    fn load(&self, ui: &mut Ui) -> Result<Option<Loaded>> {
        let is_file = self.profile != Path::new("-");
        let octets = if is_file { fs::read(&self.profile).unwrap_or_default() } else { Vec::new() };
        let (path, columns, routes) = match input::is_campaign(&octets) {
            true => {
                let campaign = Campaign::read(&String::from_utf8_lossy(&octets), &self.profile)?;
                let routes =
                    campaign.routes(ui.configuration()?.routes())?.into_iter().map(|route| route.name).collect();
                (campaign.folder.join(&campaign.profile), campaign.columns()?, routes)
            }
            false => (self.profile.clone(), String::new(), Vec::new()),
        };
        let profile = load_for_table(&path, &columns, ui)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(profile.map(|profile| Loaded { profile, folder, columns, routes }))
    }

    /// Checks a table, and rehearses a sample of its rows.
    fn table(&self, path: &Path, loaded: &Loaded, means: &Means, ui: &mut Ui) -> Result<Table> {
        let names = if loaded.profile.own_table { Names::Theirs } else { Names::Ours };
        let mut open = || open(path, self.row.delimiter, names);
        let survey = {
            let mut load = |name: &str| match load_for_table(&loaded.folder.join(name), &loaded.columns, ui) {
                Ok(profile) => profile.ok_or_else(|| "it has errors".to_owned()),
                Err(error) => Err(error.what),
            };
            let terms = Terms {
                profile: &loaded.profile,
                load: &mut load,
                device: means.handsets.model.as_deref(),
                packs: &means.handsets.packs,
                security: means.seal.asked(),
                routes: loaded.routes.clone(),
                given: means.seal.given(),
                now: now(),
                sample: self.sample,
                seed: self.seed,
                workers: workers(None),
            };
            survey(&mut open, terms)?
        };
        let mut rehearsals = Vec::new();
        for sample in &survey.samples {
            let name = format!("{}:{}", path.display(), sample.line);
            let row = Row { name, values: sample.values.clone() };
            rehearsals.push(self.one(&sample.profile, &row, means, ui)?);
        }
        let shows_numbers = self.show_numbers || ui.configuration()?.privacy.log_numbers == Numbers::Full;
        Ok(Table::new(path.display().to_string(), survey, rehearsals, shows_numbers))
    }

    fn one(&self, profile: &Profile, row: &Row, means: &Means, ui: &mut Ui) -> Result<Rehearsal> {
        let Means { seal, handsets, text_codes } = means;
        let (header, cells): (Vec<&str>, Vec<&str>) = row.values.iter().map(|(n, v)| (n.as_str(), v.as_str())).unzip();
        let compiled = Compiled::new(profile, &header, "", WbxmlStyle::Safe).map_err(|error| cannot_write(&error))?;
        if let Some(name) = compiled.missing().first() {
            return Err(Error::input(format!("the profile uses `{name}`, and nothing gives it"))
                .help(format!("use `--set {name}=VALUE`, or a table with a column `{name}`")));
        }
        let cell = |place: usize| cells[place];
        let fill = |model: Option<&str>| compiled.fill(&cell, model, &mut Vec::new());
        let filled = fill(handsets.model.as_deref()).and_then(|filled| match handsets.pack_of(&filled.handset) {
            Some(pack) if filled.variant.is_none() => fill(Some(&pack.model)),
            _ => Ok(filled),
        });
        let filled = filled.map_err(|bad| {
            Error::input(bad.message)
                .at(row.name.clone())
                .help("`impskit explain` tells more: ".to_owned() + bad.rule.code)
        })?;
        let mut findings = Report::new();
        filled.profile.check_document(&mut findings);
        // Where nothing says how to seal, the most usual way of a shop is taken.
        let security = seal.method(filled.profile.security).unwrap_or(Some(Security::UserPin));
        let made_up = |name| MADE_UP.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value);
        let given = |own: &str, name| if own.is_empty() { made_up(name).to_owned() } else { own.to_owned() };
        let (pin, imsi) = match security {
            Some(method) => {
                let handset = &filled.handset;
                seal.secrets(method, &given(&handset.pin, "pin"), &given(&handset.imsi, "imsi"))?
            }
            None => (None, None),
        };
        let subject = Subject {
            name: format!("{} for {}", profile.id, row.name),
            findings: (findings.count(Severity::Error), findings.count(Severity::Warning)),
            security,
            pin,
            imsi,
            device: handsets.pack_of(&filled.handset),
            profile: filled.profile,
            handset: filled.handset,
        };
        let choice = self.choice(subject.profile, text_codes);
        for word in subject.profile.encodings.iter().filter(|word| encoding(word).is_err()) {
            ui.say(&format!(
                "note: the profile offers `{word}`, which the server does not speak yet; it is not rehearsed"
            ));
        }
        if choice.encodings.is_empty() || choice.versions.is_empty() {
            let error = Error::input("the profile offers no syntax or version that can be rehearsed");
            return Err(error.help("use `--encoding` and `--version`"));
        }
        let count = choice.versions.len() * choice.encodings.len();
        let word = if count == 1 { "combination" } else { "combinations" };
        ui.say(&format!("rehearsing {} in {count} {word}", subject.name));
        rehearse(&subject, &choice)
    }

    /// Returns what is asked for, else what the profile offers, else everything.
    fn choice(&self, profile: &Profile, text_codes: &'static CodeTable) -> Choice {
        let encodings = match (&self.encoding[..], &profile.encodings[..]) {
            ([], []) => vec![Encoding::Wbxml, Encoding::Xml],
            ([], own) => own.iter().filter_map(|word| encoding(word).ok()).collect(),
            (asked, _) => asked.to_vec(),
        };
        let versions = match (&self.version[..], &profile.versions[..]) {
            ([], []) => vec![Version::V1_3, Version::V1_2],
            ([], own) => own.iter().filter_map(|word| Version::from_text(word)).collect(),
            (asked, _) => asked.to_vec(),
        };
        Choice { encodings, versions, server: self.server.clone(), text_codes }
    }
}

/// Opens a table that is read several times.
fn open(path: &Path, delimiter: u8, names: Names) -> Result<rows::Table<Box<dyn Read>>> {
    let file = fs::File::open(path).map_err(|error| Error::file(path, &error))?;
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        let error = Error::input("the table is no regular file: it is read more than once");
        return Err(error.at(path.display().to_string()).help("write it to a file first"));
    }
    let mut report = Report::new();
    let table = rows::Table::open(Box::new(file) as Box<dyn Read>, delimiter, names, &mut report)?;
    table.ok_or_else(|| {
        let finding = report.diagnostics().first();
        let what = finding.map_or_else(String::new, |f| format!("{}: {}", f.rule.code, f.message));
        let help = finding.map_or("`impskit check` says what is wrong with it", |finding| finding.way_out());
        Error::input(what).at(format!("{}:1", path.display())).help(help)
    })
}

/// Adds what a profile of our own columns needs and nobody gave; an operator's own table must be whole.
fn made_whole(mut values: Vec<(String, String)>, profile: &Profile) -> Row {
    let name = if values.is_empty() { "a made-up handset" } else { "the handset given" };
    if !profile.own_table {
        for (column, value) in MADE_UP {
            if !values.iter().any(|(name, _)| name.eq_ignore_ascii_case(column)) {
                values.push(((*column).to_owned(), (*value).to_owned()));
            }
        }
    }
    Row { name: name.to_owned(), values }
}
