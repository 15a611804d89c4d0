//! `rehearse`: from profile to logged-in client, no handset needed.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::codec::{Encoding, WbxmlStyle};
use impskit::cp::mac::Security;
use impskit::csp::Version;
use impskit::diagnose::{Report, Severity};
use impskit::error::{Error, Result};
use impskit::inspect::trial::MADE_UP;
use impskit::provision::rows::{Names, Table};
use impskit::provision::{Compiled, Profile};
use impskit::rehearse::{Choice, Rehearsal, Subject, rehearse, report};

use super::device::Handsets;
use super::form::cannot_write;
use super::profile::{RowOptions, load};
use super::seal::{Seal, SealOptions};
use super::ui::Output;
use super::{Outcome, Ui};

/// From profile to logged-in client, in fifteen steps, no handset needed
#[derive(Debug, Args)]
#[command(after_help = "\
Without a row, a made-up handset is used. Without `--server`, a server of its own is started on a free
loopback port.

Examples:
  impskit rehearse templates/acme.toml --report rehearsal.html
  impskit rehearse acme.toml --csv subscribers.csv --sample 5 --version 1.2 --format json")]
pub(crate) struct Rehearse {
    /// The profile; `-` for stdin
    profile: PathBuf,
    /// Rehearse rows of a table, spread evenly over it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["row", "set"])]
    csv: Option<PathBuf>,
    /// How many rows of the table
    #[arg(long, value_name = "N", default_value_t = 10, requires = "csv", value_parser = clap::value_parser!(u64).range(1..=1000))]
    sample: u64,
    /// Syntaxes of CSP: xml, wbxml; else those of the profile
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
    [Encoding::Xml, Encoding::Wbxml]
        .into_iter()
        .find(|encoding| encoding.as_str() == word)
        .ok_or_else(|| "write xml or wbxml".to_owned())
}

fn version(word: &str) -> std::result::Result<Version, String> {
    Version::from_text(word).ok_or_else(|| "write 1.1, 1.2 or 1.3".to_owned())
}

/// A handset's columns with their values, and its name for people.
struct Row {
    name: String,
    values: Vec<(String, String)>,
}

impl Rehearse {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let Some(profile) = load(&self.profile, ui)? else { return Ok(Outcome::NotGood) };
        let seal = self.seal.read(ui)?;
        let handsets = Handsets::read(self.row.device.as_deref(), ui)?;
        let rows = match &self.csv {
            Some(path) => self.rows_of(path, &profile)?,
            None => match self.row.values(&profile, ui)? {
                Some(values) => vec![made_whole(values, &profile)],
                None => return Ok(Outcome::NotGood),
            },
        };
        let mut rehearsals = Vec::new();
        for row in &rows {
            rehearsals.push(self.one(&profile, row, (&seal, &handsets), ui)?);
        }
        if let Some(path) = &self.report {
            Output::replacing(path).write(report::html(&rehearsals).as_bytes())?;
            ui.say(&format!("report: {}", path.display()));
        }
        match self.format {
            Format::Text => ui.data(report::text(&rehearsals).as_bytes())?,
            Format::Json => ui.line(&format!("{:#}", report::json(&rehearsals)))?,
            Format::Junit => ui.data(report::junit(&rehearsals).as_bytes())?,
        }
        let is_good = !rehearsals.is_empty() && rehearsals.iter().all(Rehearsal::is_ok);
        Ok(if is_good { Outcome::Good } else { Outcome::NotGood })
    }

    fn one(
        &self,
        profile: &Profile,
        row: &Row,
        (seal, handsets): (&Seal, &Handsets),
        ui: &mut Ui,
    ) -> Result<Rehearsal> {
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
        let choice = self.choice(subject.profile);
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
    fn choice(&self, profile: &Profile) -> Choice {
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
        Choice { encodings, versions, server: self.server.clone() }
    }

    /// Returns rows of a table, spread evenly over it.
    fn rows_of(&self, path: &Path, profile: &Profile) -> Result<Vec<Row>> {
        let open = || -> Result<Table<BufReader<fs::File>>> {
            let file = fs::File::open(path).map_err(|error| Error::file(path, &error))?;
            let names = if profile.own_table { Names::Theirs } else { Names::Ours };
            let table = Table::open(BufReader::new(file), self.row.delimiter, names, &mut Report::new())?;
            table.ok_or_else(|| {
                let help = "`impskit check` says what is wrong with it";
                Error::input("the table cannot be read").at(path.display().to_string()).help(help)
            })
        };
        let mut count = 0;
        let mut table = open()?;
        while table.next_row()?.is_some() {
            count += 1;
        }
        let sample = self.sample.min(count);
        let wanted: Vec<u64> = (0..sample).map(|i| i * count / sample).collect();
        let mut rows = Vec::new();
        let mut table = open()?;
        let mut place = 0;
        while let Some(row) = table.next_row()? {
            if wanted.contains(&place) {
                let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
                let values = row.header().names().zip(row.cells()).map(pair).collect();
                rows.push(Row { name: format!("{}:{}", path.display(), row.line), values });
            }
            place += 1;
        }
        if rows.is_empty() {
            return Err(Error::input("the table has no rows").at(path.display().to_string()));
        }
        Ok(rows)
    }
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
