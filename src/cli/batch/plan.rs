//! `batch plan`: read, check and store every row before the first one is sent.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use impskit::batch::campaign::Campaign;
use impskit::batch::plan::{Options, Planned, Subscribers, plan, reason};
use impskit::batch::route::RouteSettings;
use impskit::batch::status::unknown;
use impskit::batch::store::Store;
use impskit::batch::units::{handsets, in_words};
use impskit::error::{Error, Result};
use serde_json::json;

use super::at::store_key;
use super::{Common, Format, load, now, read_campaign, stop_flag, workers};
use crate::cli::progress::{Bar, grouped};
use crate::cli::ui::private;
use crate::cli::{Outcome, Ui, device, profile};

/// Read, check and store every row before the first one is sent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch plan spring.toml subscribers.csv --reject rejected.csv
  impskit batch plan spring.toml export.csv --delimiter ';' --limit 100 --format json

Exit: 0 every row is planned; 3 rows were rejected; 2 the table or the profile cannot be used; 130 interrupted.")]
pub(super) struct Plan {
    /// The campaign file
    #[arg(value_name = "CAMPAIGN.toml")]
    campaign: PathBuf,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    common: Common,
}

/// Add rows to a campaign that is planned: corrected ones, or new ones
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch add spring corrected.csv --reject still-wrong.csv
  impskit batch add spring.toml late.csv

Rows that are planned already are counted as unchanged. The columns that a reject file has at its end do no harm.")]
pub(super) struct Add {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    #[command(flatten)]
    rows: Rows,
    #[command(flatten)]
    common: Common,
}

/// The table, and what is done with it.
#[derive(Debug, Args)]
struct Rows {
    /// The table of subscribers; `-` for stdin
    #[arg(value_name = "SUBSCRIBERS.csv")]
    subscribers: PathBuf,
    /// Write rows that are wrong to FILE, with the reason; their cells stay as they are, formulas of spreadsheets too
    #[arg(long, value_name = "FILE")]
    reject: Option<PathBuf>,
    /// Read only the first N rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// What separates the cells: a character, or `tab`
    #[arg(long, value_name = "C", default_value = ",", value_parser = profile::delimiter)]
    delimiter: u8,
    /// Threads that check and fill; all cores where not given
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// Runs `batch plan`.
pub(super) fn run(command: &Plan, ui: &mut Ui) -> Result<Outcome> {
    let campaign = read_campaign(&command.campaign)?;
    let file = fs::canonicalize(&command.campaign).map_err(|error| Error::file(&command.campaign, &error))?;
    take_in(&campaign, &file.to_string_lossy(), &command.rows, &command.common, ui)
}

/// Runs `batch add`.
pub(super) fn add(command: &Add, ui: &mut Ui) -> Result<Outcome> {
    let campaign = command.common.at.find(&command.campaign, ui)?;
    let store = Store::open_existing(&command.common.at.store_path(&campaign, ui)?)?;
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| unknown(&store, &campaign.name))?;
    drop(store);
    take_in(&campaign, &stored.file, &command.rows, &command.common, ui)
}

fn take_in(campaign: &Campaign, file: &str, rows: &Rows, common: &Common, ui: &mut Ui) -> Result<Outcome> {
    let path = common.at.store_path(campaign, ui)?;
    let routes = common.at.routes(campaign, ui)?;
    // A profile with errors leaves no store and no reject file behind.
    let first = load(campaign, &campaign.profile, ui)?;
    let (table, about) = open_table(&rows.subscribers)?;
    let rejects: Option<Box<dyn Write>> = match &rows.reject {
        Some(reject) if *reject == rows.subscribers => {
            let error = Error::input("the table and the reject file are one file").at(reject.display().to_string());
            return Err(error.help("give the reject file another name"));
        }
        Some(reject) => {
            let new = private(reject, File::options().create(true).truncate(true));
            let file = new.map_err(|error| Error::file(reject, &error))?;
            Some(Box::new(BufWriter::new(file)))
        }
        None => None,
    };
    let key = store_key(ui)?;
    let is_secret = key.is_some();
    let mut store = Store::open(&path)?.with_key(key);
    let stop = stop_flag()?;
    let limit = rows.limit.unwrap_or(u64::MAX);
    let subscribers = Subscribers { table, delimiter: rows.delimiter, about, limit, rejects };
    let packs = device::packs(ui)?;
    let options =
        Options { file, routes: &routes, packs: &packs, workers: workers(rows.workers), now: now(), stop: &stop };
    let planned = {
        let mut bar = Bar::new("planning", ui);
        let ui = RefCell::new(&mut *ui);
        let mut load = |name: &Path| match name == campaign.profile {
            true => Ok(first.clone()),
            false => load(campaign, name, &mut ui.borrow_mut()),
        };
        let mut watch = |progress| bar.show(&progress, &mut ui.borrow_mut());
        plan(&mut store, campaign, subscribers, &mut load, &options, &mut watch)
            .map_err(|error| place(error, &rows.subscribers))?
    };
    if planned.is_interrupted {
        ui.say("interrupted: what was read is stored; the same command goes on");
        return Ok(Outcome::Interrupted);
    }
    report_plan(&planned, campaign, &routes, (rows, common.format), ui)?;
    let secrecy = if is_secret { "encrypted" } else { "unencrypted" };
    ui.say(&format!("note: the rows' values are stored {secrecy} in {}, readable by its owner only", path.display()));
    Ok(if planned.rejected.is_empty() { Outcome::Good } else { Outcome::Partly })
}

fn report_plan(
    planned: &Planned,
    campaign: &Campaign,
    routes: &[RouteSettings],
    (rows, format): (&Rows, Format),
    ui: &mut Ui,
) -> Result<()> {
    if format == Format::Json {
        let counts = |kinds: Vec<(String, u64)>| -> Vec<_> {
            kinds.into_iter().map(|(name, count)| json!({ "name": name, "count": count })).collect()
        };
        let text = json!({
            "schema": "impskit.plan/1", "campaign": campaign.name, "plan": planned.plan, "rows": planned.rows,
            "new": planned.new, "unchanged": planned.unchanged, "replaced": planned.replaced,
            "skipped": counts(planned.skipped.clone().into_iter().collect()),
            "rejected": counts(planned.rejected.iter().map(|(code, count)| (reason(code), *count)).collect()),
            "earlier": planned.earlier, "handsets": planned.handsets, "sms": planned.sms,
            "routes": planned.routes.iter().map(|(name, handsets, sms)| json!({
                "name": name, "handsets": handsets, "sms": sms, "seconds": seconds(routes, name, *sms),
            })).collect::<Vec<_>>(),
            "stages": planned.stages.iter().map(|last| (*last).min(planned.total)).collect::<Vec<_>>(),
        });
        return ui.line(&text.to_string());
    }
    let mut line = format!("planned {}   unchanged {}", grouped(planned.new), grouped(planned.unchanged));
    if planned.replaced > 0 {
        line += &format!("   changed {}", grouped(planned.replaced));
    }
    let skipped: u64 = planned.skipped.values().sum();
    if skipped > 0 {
        let reasons: Vec<_> = planned.skipped.iter().map(|(why, n)| format!("{} {why}", grouped(*n))).collect();
        line += &format!("   skipped {} ({})", grouped(skipped), reasons.join(", "));
    }
    let rejected: u64 = planned.rejected.values().sum();
    line += &format!("   rejected {}", grouped(rejected));
    if rejected > 0 {
        let reasons: Vec<_> =
            planned.rejected.iter().map(|(code, n)| format!("{} {}", grouped(*n), reason(code))).collect();
        let place = rows.reject.as_ref().map(|path| format!("see {}: ", path.display())).unwrap_or_default();
        line += &format!(" ({place}{})", reasons.join(", "));
    }
    ui.line(&line)?;
    if planned.earlier > 0 {
        let count = grouped(planned.earlier);
        ui.say(&format!("note: {count} handsets of earlier tables, which this one does not name, are still planned"));
    }
    if rejected > 0 && rows.reject.is_none() {
        ui.say("note: `--reject FILE` keeps the rejected rows with their reasons");
    }
    let (all, sms) = (handsets(planned.handsets), grouped(planned.sms));
    let short: String = planned.plan.chars().take(12).collect();
    ui.line(&format!("to send: {all}, {sms} SMS   plan {short}"))?;
    for (name, count, sms) in &planned.routes {
        let time = seconds(routes, name, *sms).map(|time| format!(" ≈ {}", in_words(time))).unwrap_or_default();
        ui.line(&format!("  route {name}: {}, {} SMS{time}", handsets(*count), grouped(*sms)))?;
    }
    if planned.stages.len() > 1 {
        let size = |&last: &u64| if last == u64::MAX { "all".to_owned() } else { grouped(last) };
        let sizes: Vec<String> = planned.stages.iter().map(size).collect();
        let hold = if campaign.hold_between_stages { ", from the second on after approval" } else { "" };
        ui.line(&format!("  stages: {} handsets{hold}", sizes.join(" → ")))?;
    }
    Ok(())
}

/// Returns how many seconds a route takes for so many messages at its rate.
fn seconds(routes: &[RouteSettings], name: &str, sms: u64) -> Option<u64> {
    let rate = routes.iter().find(|route| route.name == name)?.rate?;
    Some((sms as f64 / rate.0).ceil() as u64)
}

/// Says which table an error is about.
fn place(error: Error, table: &Path) -> Error {
    match &error.at {
        Some(at) if at.starts_with("line ") => {
            let at = format!("{}:{}", table.display(), &at["line ".len()..]);
            error.at(at)
        }
        _ => error,
    }
}

/// Rows of a table that cannot be counted before it is read.
const UNCOUNTED: u64 = 1_000_000;

/// Opens a table and says about how many rows it has.
fn open_table(path: &Path) -> Result<(Box<dyn Read>, u64)> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), UNCOUNTED));
    }
    let wrong = |error: std::io::Error| Error::file(path, &error);
    let file = File::open(path).map_err(wrong)?;
    let is_file = file.metadata().map_err(wrong)?.is_file();
    Ok((Box::new(file), if is_file { count_lines(path)? } else { UNCOUNTED }))
}

/// Counts the lines of a file without the header: about as many as there are rows.
fn count_lines(path: &Path) -> Result<u64> {
    let wrong = |error: std::io::Error| Error::file(path, &error);
    let mut file = File::open(path).map_err(wrong)?;
    let (mut buffer, mut lines) = (vec![0; 64 << 10], 0);
    loop {
        let read = file.read(&mut buffer).map_err(wrong)?;
        if read == 0 {
            return Ok(u64::saturating_sub(lines, 1));
        }
        lines += buffer[..read].iter().filter(|&&octet| octet == b'\n').count() as u64;
    }
}
