//! Reading a profile with its secrets, and the values of one handset: what all commands on profiles share.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use impskit::diagnose::{Report, Source};
use impskit::error::{Error, Result};
use impskit::provision::Numbers;
use impskit::provision::profile::SecretSource;
use impskit::provision::rows::{self, Names, Table};
use impskit::provision::{Profile, hide_secrets};

use super::Ui;
use super::input::must_be_profile;
use super::secret::warn_if_open_to_others;
use super::ui::read_input;

/// Reads a profile and fetches the secrets that it keeps elsewhere. Findings go to stderr; with errors among them there
/// is no profile.
pub(crate) fn load(path: &Path, ui: &mut Ui) -> Result<Option<Profile>> {
    load_for_table(path, "", ui)
}

/// Loads a profile with a campaign's own `[columns]` laid over it, given as TOML.
pub(crate) fn load_for_table(path: &Path, columns: &str, ui: &mut Ui) -> Result<Option<Profile>> {
    let (name, octets) = read_input(path)?;
    must_be_profile(&name, &octets)?;
    let mut source = Source::new(name, octets);
    let mut report = Report::new();
    let octets = String::from_utf8_lossy(&source.bytes);
    let folder = path.parent().unwrap_or(Path::new(""));
    let profile = Profile::read_for_table(&octets, columns, &mut |secret| fetch(secret, folder, ui), &mut report);
    hide_secrets(&mut source, &report);
    ui.findings(&source, &report);
    Ok(profile.filter(|_| !report.has_errors()))
}

pub(crate) fn fetch(secret: &SecretSource, folder: &Path, ui: &mut Ui) -> std::result::Result<String, String> {
    match secret {
        SecretSource::File(name) => {
            let path = folder.join(name);
            warn_if_open_to_others(&path, ui);
            let text = fs::read_to_string(path).map_err(|error| format!("`{name}`: {error}"))?;
            Ok(text.lines().next().unwrap_or_default().trim().to_owned())
        }
        SecretSource::Environment(name) => {
            std::env::var(name).map_err(|_| format!("the environment variable `{name}` is not set, or is no text"))
        }
    }
}

/// Fetches a secret that the configuration, or a file of its own in `folder`, names at `at`.
///
/// # Errors
///
/// Says why there is none, and how it can be given.
pub(crate) fn fetch_at(secret: &SecretSource, at: &str, folder: &Path, ui: &mut Ui) -> Result<String> {
    fetch(secret, folder, ui).map_err(|why| Error::input(why).at(at).help(secret.way_out()))
}

/// The values of one handset.
#[derive(Debug, Args)]
#[command(next_help_heading = "Handset")]
pub(crate) struct RowOptions {
    /// Take the values from one line of a subscriber table
    #[arg(long, value_name = "FILE:LINE")]
    row: Option<String>,
    /// Give a value, in place of the row's
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// The handset: a model, or the file of a device pack; chooses variant and WBXML style, and its limits are obeyed
    #[arg(long, value_name = "MODEL|FILE.toml")]
    pub(crate) device: Option<String>,
    /// What separates the cells of tables: a character, or `tab`
    #[arg(long, value_name = "C", default_value = ",", value_parser = delimiter)]
    pub(crate) delimiter: u8,
}

/// Returns whether a column holds what has no place in a command line; an IMSI may stand there, at the desk.
pub(crate) fn is_secret(column: &str) -> bool {
    column == "pin" || column.ends_with("password") || column.ends_with("secret")
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write COLUMN=VALUE")?;
    Ok((name.trim().to_ascii_lowercase(), value.to_owned()))
}

pub(crate) fn delimiter(text: &str) -> std::result::Result<u8, String> {
    match text {
        "tab" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [octet] if octet.is_ascii() && !b"\"\r\n".contains(octet) => Ok(*octet),
            _ => Err("write one character that is no quote and no line end, or `tab`".to_owned()),
        },
    }
}

impl RowOptions {
    /// Returns columns and values; those given one by one stand for those of the row.
    pub(crate) fn values(&self, profile: &Profile, ui: &mut Ui) -> Result<Option<Vec<(String, String)>>> {
        let mut values = match &self.row {
            Some(place) => match self.row_values(place, profile, ui)? {
                Some(values) => values,
                None => return Ok(None),
            },
            None => Vec::new(),
        };
        for (name, value) in &self.set {
            if is_secret(name) {
                let help = "others on this machine can read it there: `--row FILE:LINE` takes it from a table";
                ui.say(&format!("warning: `{name}` is in the command line; {help}"));
            }
            match values.iter_mut().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
                Some((_, old)) => value.clone_into(old),
                None => values.push((name.clone(), value.clone())),
            }
        }
        Ok(Some(values))
    }

    /// Returns the values of a line; `None` where it has findings, which go to stderr.
    fn row_values(&self, place: &str, profile: &Profile, ui: &mut Ui) -> Result<Option<Vec<(String, String)>>> {
        let wrong =
            || Error::input(format!("`{place}` is not FILE:LINE")).at("--row").help("for instance `rows.csv:17`");
        let (path, line) = place.rsplit_once(':').ok_or_else(wrong)?;
        let line: u64 = line.parse().map_err(|_| wrong())?;
        let path = PathBuf::from(path);
        let file = fs::File::open(&path).map_err(|error| Error::file(&path, &error))?;
        let names = if profile.own_table { Names::Theirs } else { Names::Ours };
        let mut report = Report::new();
        let found = match Table::open(file, self.delimiter, names, &mut report)? {
            Some(mut table) => loop {
                match table.next_row()? {
                    Some(row) if row.line == line => break Some(row),
                    Some(row) if row.line < line => {}
                    _ => return Err(Error::input(format!("there is no row at line {line}")).at(place)),
                }
            },
            None => None,
        };
        if let Some(row) = found.as_ref().filter(|_| !profile.own_table) {
            row.check(&[], &mut report);
        }
        if report.has_errors() {
            let octets = fs::read(&path).map_err(|error| Error::file(&path, &error))?;
            let mut source = Source::new(path.display().to_string(), octets);
            let shows_numbers = ui.configuration()?.privacy.log_numbers == Numbers::Full;
            rows::hide_secrets(&mut source, self.delimiter, shows_numbers, &report);
            ui.findings(&source, &report);
            return Ok(None);
        }
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(found.map(|row| row.header().names().zip(row.cells()).map(pair).collect()))
    }
}
