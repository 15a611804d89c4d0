//! `batch receipts`: import what a gateway wrote down of the messages that it took.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::batch::campaign::Campaign;
use impskit::batch::receipts::{Form, Imported, Target, import};
use impskit::batch::route::RouteSettings;
use impskit::error::{Error, Result};

use super::{At, now};
use crate::cli::profile::delimiter;
use crate::cli::progress::grouped;
use crate::cli::{Outcome, Ui};

/// Wrong lines that are told one by one.
const MOST_TOLD: u64 = 20;

/// Import delivery receipts of a gateway, or logins of clients
#[derive(Debug, Args)]
#[command(
    name = "receipts",
    after_help = "\
Examples:
  impskit batch receipts spring receipts.csv --route smsc-a
  zcat dlr.jsonl.gz | impskit batch receipts spring - --route smsc-a --format jsonl

Fields are `id`, `state`, `code` and `time`: what the gateway called the message, delivered, failed, expired or pending
(or a word of SMPP such as DELIVRD, or a number of Kannel: 1 delivered, 2 failed, 4 and 8 pending, 16 rejected), its
code, and RFC 3339 or seconds since 1970. With the state confirmed they are `msisdn` or `user`, `client` and `time` of
who logged in. The same file may be imported again.
Exit: 0 all lines are taken in; 3 some are wrong: they are told, the others count."
)]
pub(super) struct Receipts {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// The receipts; `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The route that the messages went by; need not be said where the campaign has one
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// How the file is written; seen from its first character where not given
    #[arg(long, value_name = "F")]
    format: Option<Format>,
    /// The separator of a table
    #[arg(long, value_name = "C", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table with a header
    Csv,
    /// A JSON object a line
    Jsonl,
}

/// Runs the command.
pub(super) fn run(command: &Receipts, ui: &mut Ui) -> Result<Outcome> {
    let (campaign, mut store, stored) = command.at.open_planned(&command.campaign, ui)?;
    let route = route(&command.at, &campaign, command.route.as_deref(), ui)?;
    let input = open(&command.file, command)?;
    let target =
        Target { campaign: &stored.name, route: &route.name, ids: route.message_ids.unwrap_or_default(), now: now() };
    let mut told = 0;
    let mut wrong = |line: u64, what: &str| {
        told += 1;
        if told <= MOST_TOLD {
            ui.complain(&format!("line {line}: {what}"));
        }
    };
    let imported = import(&mut store, &target, input, &mut wrong);
    let imported = imported.map_err(|error| placed(error, &command.file))?;
    if imported.wrong > MOST_TOLD {
        ui.complain(&format!("and {} wrong lines more", grouped(imported.wrong - MOST_TOLD)));
    }
    ui.line(&said(&imported))?;
    if imported.matched == 0 && imported.unknown > 0 {
        ui.say(&format!("note: none of the names is known of the route `{}`: is it the right one?", route.name));
    }
    Ok(if imported.wrong > 0 { Outcome::Partly } else { Outcome::Good })
}

/// Finds the route of a campaign that is named, or the only one.
fn route(at: &At, campaign: &Campaign, name: Option<&str>, ui: &Ui) -> Result<RouteSettings> {
    let mut known = at.routes(campaign, ui)?;
    let names = known.iter().map(|route| format!("`{}`", route.name)).collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => known.iter().position(|route| route.name == name),
        None => (known.len() == 1).then_some(0),
    };
    match (found, name) {
        (Some(place), _) => Ok(known.swap_remove(place)),
        (None, Some(name)) => {
            let error = Error::input(format!("the campaign has no route `{}`", name.escape_debug())).at("--route");
            Err(error.help(format!("it has {names}")))
        }
        (None, None) => {
            let error = Error::input("the campaign has several routes, and names of messages belong to one");
            Err(error.at("--route").help(format!("name one of {names}")))
        }
    }
}

fn open(path: &Path, command: &Receipts) -> Result<(Box<dyn Read>, Form)> {
    let input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(|error| Error::file(path, &error))?),
    };
    let mut input = BufReader::with_capacity(64 << 10, input);
    let start = input.fill_buf().map_err(|error| Error::file(path, &error))?;
    let is_json = start.trim_ascii_start().starts_with(b"{");
    let form = match command.format {
        Some(Format::Jsonl) => Form::Jsonl,
        None if is_json => Form::Jsonl,
        _ => Form::Csv(command.delimiter),
    };
    Ok((Box::new(input), form))
}

/// Says which file an error is about.
fn placed(error: Error, path: &Path) -> Error {
    match error.at.as_deref().and_then(|at| at.strip_prefix("line ")) {
        Some(line) => {
            let at = format!("{}:{line}", path.display());
            error.at(at)
        }
        None => error,
    }
}

fn said(imported: &Imported) -> String {
    let mut line = format!("{} lines: matched {}", grouped(imported.lines), grouped(imported.matched));
    for (what, count) in [
        ("unknown", imported.unknown),
        ("idle", imported.idle),
        ("pending", imported.pending),
        ("logins of others", imported.unconfirmed),
        ("wrong", imported.wrong),
    ] {
        if count > 0 {
            line += &format!("   {what} {}", grouped(count));
        }
    }
    let changed: Vec<String> =
        imported.changed.iter().map(|(state, count)| format!("{} {state}", grouped(*count))).collect();
    match changed.is_empty() {
        true => format!("{line}; no handset changed"),
        false => format!("{line}; now {}", changed.join(", ")),
    }
}
