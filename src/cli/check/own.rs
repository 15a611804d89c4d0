//! What `check` knows beside documents: campaigns and configurations, which the commands read themselves.

use std::path::Path;

use impskit::batch::campaign::Campaign;
use impskit::catalogue::{Checked, Kind};
use impskit::codec;
use impskit::configuration::Configuration;
use impskit::diagnose::{Diagnostic, Report, Source, Span};
use impskit::error::Error;
use impskit::provision::BAD_VALUE;

pub(super) static CAMPAIGN: Kind = Kind::elsewhere("campaign", "campaign");
pub(super) static CONFIGURATION: Kind = Kind::elsewhere("config", "configuration");

/// Returns the kind of a text that is one of ours.
pub(in crate::cli) fn recognise(octets: &[u8]) -> Option<&'static Kind> {
    if codec::recognise(octets).is_some() {
        return None;
    }
    let text = std::str::from_utf8(octets).ok()?;
    let lines = text.lines().map(str::trim);
    // Its keys stand before the first table; in a table they may be anything.
    let keys = lines.clone().take_while(|line| !line.starts_with('['));
    let mut names = keys.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim());
    if names.any(|name| name == "routes" || name == "profile") {
        return Some(&CAMPAIGN);
    }
    let of_configuration = |line: &str| {
        let table = line.trim_start_matches('[').split([']', '.']).next().unwrap_or_default();
        let tables = ["check", "store", "reference", "queue", "privacy", "audit", "route", "server"];
        line.starts_with('[') && tables.contains(&table)
    };
    lines.clone().any(of_configuration).then_some(&CONFIGURATION)
}

/// Checks a text of one of our kinds; `path` is where it lies, its profile beside it.
pub(super) fn check(kind: &'static Kind, octets: Vec<u8>, name: &str, path: &Path) -> Checked<'static> {
    let source = Source::new(name, octets);
    let text = String::from_utf8_lossy(&source.bytes);
    let outcome = if kind == &CAMPAIGN {
        Campaign::read(&text, path).and_then(|campaign| has_profile(&campaign))
    } else {
        Configuration::read(&text, path).map(drop)
    };
    let mut report = Report::new();
    if let Err(error) = outcome {
        report.add(finding(error, &source, path));
    }
    drop(text);
    Checked { kind: Some(kind), source, report }
}

fn has_profile(campaign: &Campaign) -> Result<(), Error> {
    let path = campaign.folder.join(&campaign.profile);
    match path.is_file() {
        true => Ok(()),
        false => Err(Error::input(format!("there is no file `{}`", path.display()))
            .at("profile")
            .help("`profile` is relative to the folder of the campaign file")),
    }
}

/// Makes a finding of an error, at the line and column that it names.
fn finding(error: Error, source: &Source<'_>, path: &Path) -> Diagnostic {
    let at = error.at.unwrap_or_default();
    let path = path.display().to_string();
    let place = at.strip_prefix(&path).unwrap_or(&at).trim_matches(':');
    let mut numbers = place.split(':').map(str::parse::<usize>);
    let line = numbers.next().and_then(Result::ok).and_then(|line| source.line_range(line));
    let (span, path) = match line {
        Some(line) => {
            let column = numbers.next().and_then(Result::ok).unwrap_or(1);
            (Span::new((line.start + column - 1).min(line.end), line.end), String::new())
        }
        None => (Span::default(), place.to_owned()),
    };
    let finding = Diagnostic::new(&BAD_VALUE, span, error.what).at(path);
    match error.help {
        Some(help) => finding.help(help),
        None => finding.help("`impskit new` shows what may stand here"),
    }
}
