//! `batch plan`: read, check and store every row before the first one is sent.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use impskit::batch::campaign::Campaign;
use impskit::batch::plan::{Options, Planned, Subscribers, plan, reason};
use impskit::batch::route::RouteSettings;
use impskit::batch::store::Store;
use impskit::error::{Error, Result};
use serde_json::json;

use super::{Common, Format, load, now, read_campaign, routes, stop_flag, store_path, workers};
use crate::cli::progress::{Bar, grouped};
use crate::cli::ui::private;
use crate::cli::{Outcome, Ui, profile};

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
    /// The table of subscribers
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
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub(super) fn run(command: &Plan, ui: &mut Ui) -> Result<Outcome> {
    let campaign = read_campaign(&command.campaign)?;
    let path = store_path(&command.common, &campaign)?;
    let routes = routes(&campaign)?;
    // A profile with errors leaves no store and no reject file behind.
    let first = load(&campaign, &campaign.profile, ui)?;
    let input = File::open(&command.subscribers).map_err(|error| Error::file(&command.subscribers, &error))?;
    let about = count_lines(&command.subscribers)?;
    let rejects: Option<Box<dyn Write>> = match &command.reject {
        Some(reject) => {
            let new = private(reject, File::options().create(true).truncate(true));
            let file = new.map_err(|error| Error::file(reject, &error))?;
            Some(Box::new(BufWriter::new(file)))
        }
        None => None,
    };
    let mut store = Store::open(&path)?;
    let file = fs::canonicalize(&command.campaign).map_err(|error| Error::file(&command.campaign, &error))?;
    let stop = stop_flag()?;
    let subscribers = Subscribers {
        table: Box::new(input),
        delimiter: command.delimiter,
        about,
        limit: command.limit.unwrap_or(u64::MAX),
        rejects,
    };
    let options = Options {
        file: &file.to_string_lossy(),
        routes: &routes,
        workers: workers(command.workers),
        now: now(),
        stop: &stop,
    };
    let planned = {
        let mut bar = Bar::new("planning", ui);
        let ui = RefCell::new(&mut *ui);
        let mut load = |name: &Path| match name == campaign.profile {
            true => Ok(first.clone()),
            false => load(&campaign, name, &mut ui.borrow_mut()),
        };
        let mut watch = |progress| bar.show(&progress, &mut ui.borrow_mut());
        plan(&mut store, &campaign, subscribers, &mut load, &options, &mut watch)
            .map_err(|error| place(error, &command.subscribers))?
    };
    if planned.is_interrupted {
        ui.say("interrupted: what was read is stored; the same command goes on");
        return Ok(Outcome::Interrupted);
    }
    report_plan(&planned, &campaign, &routes, command, ui)?;
    ui.say(&format!("note: the rows' values are stored unencrypted in {}, readable by its owner only", path.display()));
    Ok(if planned.rejected.is_empty() { Outcome::Good } else { Outcome::Partly })
}

fn report_plan(
    planned: &Planned,
    campaign: &Campaign,
    routes: &[RouteSettings],
    command: &Plan,
    ui: &mut Ui,
) -> Result<()> {
    if command.common.format == Format::Json {
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
            "stages": planned.stages.iter().map(|last| (*last < u64::MAX).then_some(*last)).collect::<Vec<_>>(),
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
        let place = command.reject.as_ref().map(|path| format!("see {}: ", path.display())).unwrap_or_default();
        line += &format!(" ({place}{})", reasons.join(", "));
    }
    ui.line(&line)?;
    if planned.earlier > 0 {
        let count = grouped(planned.earlier);
        ui.say(&format!("note: {count} handsets of earlier tables, which this one does not name, are still planned"));
    }
    if rejected > 0 && command.reject.is_none() {
        ui.say("note: `--reject FILE` keeps the rejected rows with their reasons");
    }
    let (handsets, sms) = (grouped(planned.handsets), grouped(planned.sms));
    let short: String = planned.plan.chars().take(12).collect();
    ui.line(&format!("to send: {handsets} handsets, {sms} SMS   plan {short}"))?;
    for (name, handsets, sms) in &planned.routes {
        let time = seconds(routes, name, *sms).map(|time| format!(" ≈ {}", in_words(time))).unwrap_or_default();
        ui.line(&format!("  route {name}: {} handsets, {} SMS{time}", grouped(*handsets), grouped(*sms)))?;
    }
    if planned.stages.len() > 1 {
        let size = |&last: &u64| if last == u64::MAX { "all".to_owned() } else { grouped(last) };
        let sizes: Vec<String> = planned.stages.iter().map(size).collect();
        let hold = if campaign.hold_between_stages { ", each after approval" } else { "" };
        ui.line(&format!("  stages: the first {} handsets{hold}", sizes.join(" → ")))?;
    }
    Ok(())
}

/// Returns how many seconds a route takes for so many messages at its rate.
fn seconds(routes: &[RouteSettings], name: &str, sms: u64) -> Option<u64> {
    let rate = routes.iter().find(|route| route.name == name)?.rate?;
    Some((sms as f64 / rate.0).ceil() as u64)
}

/// Says a time as people do.
fn in_words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
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

/// Counts the lines of a file without the header: about as many as there are rows.
fn count_lines(path: &Path) -> Result<u64> {
    let wrong = |error: std::io::Error| Error::file(path, &error);
    let mut file = File::open(path).map_err(wrong)?;
    if !file.metadata().map_err(wrong)?.is_file() {
        return Err(Error::input("the table is no regular file: its rows are counted before they are read")
            .at(path.display().to_string())
            .help("write it to a file first"));
    }
    let (mut buffer, mut lines) = (vec![0; 64 << 10], 0);
    loop {
        let read = file.read(&mut buffer).map_err(wrong)?;
        if read == 0 {
            return Ok(u64::saturating_sub(lines, 1));
        }
        lines += buffer[..read].iter().filter(|&&octet| octet == b'\n').count() as u64;
    }
}
