//! `batch run`: send what is planned, or go on after an interruption.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use impskit::batch::campaign::Campaign;
use impskit::batch::compose::{Composer, message};
use impskit::batch::route::{FileRoute, Needs, Route, RouteKind, SimRoute};
use impskit::batch::run::{Ended, Options, Summary, World, rehearse, run as send};
use impskit::batch::status::unknown;
use impskit::batch::store::{Run as Access, SEPARATOR, Store, Stored};
use impskit::error::{Error, Result};
use serde_json::json;

use super::{Common, Format, find_campaign, load, now, stop_flag, store_path, wait, workers};
use crate::cli::progress::{Bar, grouped};
use crate::cli::{Outcome, Ui};

/// Send what is planned, or go on after an interruption
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch run spring.toml --plan 7f3c
  impskit batch run spring --dry-run

Exit: 0 everything is sent; 3 handsets failed, rows were rejected, or attempts are still to be made; 2 it cannot be
done; 5 a safety limit stopped it; 130 interrupted: run it again to go on.")]
pub(super) struct Run {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// Send only if this is still the plan: its hash, or the first four digits and more
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
    /// Threads that compose messages; all cores where not given
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Compose every message and send none
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub(super) fn run(command: &Run, ui: &mut Ui) -> Result<Outcome> {
    let campaign = find_campaign(&command.campaign, &command.common)?;
    let path = store_path(&command.common, &campaign)?;
    let mut store = Store::open_existing(&path)?;
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| unknown(&store, &campaign.name))?;
    if let Some(outcome) = other_plan(command, &stored, ui)? {
        return Ok(outcome);
    }
    let composers = composers(&store, &campaign, ui)?;
    let settings = campaign.route()?;
    let needs = Needs::Line(settings.parts.clone());
    let compose = |row| message(&composers, &needs, row);
    let stop = stop_flag()?;
    let world = World { now: &now, wait: &wait, stop: &stop };
    let workers = workers(command.workers);
    if command.dry_run {
        let (good, unfit) = rehearse(&mut store, &stored, workers, &compose, world)?;
        ui.line(&format!("{} messages would be sent as planned, {} could not be made", grouped(good), grouped(unfit)))?;
        return Ok(match unfit {
            _ if stop.load(Ordering::Relaxed) => Outcome::Interrupted,
            0 => Outcome::Good,
            _ => Outcome::Partly,
        });
    }
    let (worker, _lock) = claim_worker(&path)?;
    let options = Options { workers, worker: &worker, limits: &campaign.limits };
    let route_path = campaign.route_path(&settings);
    let make_route = |run: &mut Access<'_>| -> Result<Box<dyn Route>> {
        Ok(match settings.kind {
            RouteKind::File => Box::new(FileRoute::open(&settings, &route_path, run)?),
            RouteKind::Sim => Box::new(SimRoute::open(&route_path, settings.window)?),
        })
    };
    let summary = {
        let mut bar = Bar::new("sending", ui);
        let mut watch = |progress| bar.show(progress, ui);
        send(&mut store, &stored, &options, make_route, &compose, world, &mut watch)?
    };
    report_run(&summary, &campaign, command, ui)?;
    let rejected = store.tally(&campaign.name)?.iter().any(|(kind, _, _)| kind == "rejected");
    let is_good = summary.failed + summary.expired + summary.held == 0 && summary.next_due.is_none() && !rejected;
    Ok(match summary.ended {
        Ended::Complete if is_good => Outcome::Good,
        Ended::Complete => Outcome::Partly,
        Ended::Interrupted => Outcome::Interrupted,
        Ended::Stopped(_) => Outcome::Stopped,
    })
}

/// Says why a campaign must not be run as it is planned, if so.
fn other_plan(command: &Run, stored: &Stored, ui: &mut Ui) -> Result<Option<Outcome>> {
    let Some(plan) = &stored.plan else {
        let error = Error::store("the plan is not complete: planning was interrupted or goes on").at(&stored.name);
        return Err(error.help("run `impskit batch plan` again, it goes on where it was"));
    };
    let Some(wanted) = &command.plan else { return Ok(None) };
    let wanted = wanted.trim_end_matches('…').to_ascii_lowercase();
    if wanted.len() < 4 {
        return Err(Error::input("give at least four digits of the hash").at("--plan"));
    }
    if plan.starts_with(&wanted) {
        return Ok(None);
    }
    let error = Error::input(format!("the plan is {}, not {wanted}", &plan[..12.min(plan.len())]));
    ui.error(&error.help("somebody planned again: look at the plan before you run it"));
    Ok(Some(Outcome::Stopped))
}

fn composers(store: &Store, campaign: &Campaign, ui: &mut Ui) -> Result<Vec<Composer>> {
    let mut composers = Vec::new();
    for setup in store.setups(&campaign.name)? {
        let profile = load(campaign, Path::new(&setup.profile), ui)?;
        let header: Vec<&str> = setup.header.split(SEPARATOR).collect();
        composers.push(Composer::new(&profile, &header, &campaign.name, setup.number)?);
    }
    Ok(composers)
}

fn report_run(summary: &Summary, campaign: &Campaign, command: &Run, ui: &mut Ui) -> Result<()> {
    let ended = match &summary.ended {
        Ended::Complete => "complete",
        Ended::Interrupted => "interrupted",
        Ended::Stopped(_) => "stopped",
    };
    if command.common.format == Format::Json {
        let text = json!({
            "schema": "impskit.run/1", "campaign": campaign.name, "ended": ended, "submitted": summary.submitted,
            "failed": summary.failed, "expired": summary.expired, "retried": summary.retried,
            "possibly_duplicated": summary.ambiguous, "held": summary.held, "next_due": summary.next_due,
        });
        ui.line(&text.to_string())?;
    } else {
        let mut line = format!("submitted {}   failed {}", grouped(summary.submitted), grouped(summary.failed));
        for (what, count) in [
            ("expired", summary.expired),
            ("to be tried again", summary.retried),
            ("possibly sent twice after a crash", summary.ambiguous),
            ("held since a crash", summary.held),
        ] {
            if count > 0 {
                line += &format!("   {what} {}", grouped(count));
            }
        }
        ui.line(&line)?;
    }
    let again = format!("impskit batch run {}", command.campaign.display());
    match &summary.ended {
        Ended::Interrupted => ui.say(&format!("interrupted: everything is saved; `{again}` goes on")),
        Ended::Stopped(why) => ui.error(
            &Error::input(format!("stopped: {why}"))
                .help(format!("`impskit batch status {} --by error` counts the reasons", command.campaign.display())),
        ),
        Ended::Complete => {
            if let Some(due) = summary.next_due {
                let seconds = (due - now()).max(0);
                ui.say(&format!("note: handsets wait for their time, the next in {seconds} s; `{again}` goes on"));
            }
        }
    }
    Ok(())
}

/// Takes the first worker's name that no living process has. The lock ends with the process, however it ends, so the
/// name tells that the one who had it before is gone.
fn claim_worker(store: &Path) -> Result<(String, File)> {
    for number in 1..=MOST_WORKERS {
        let worker = format!("w{number}");
        let mut path = store.as_os_str().to_owned();
        path.push(format!("-{worker}.lock"));
        let path = PathBuf::from(path);
        let file = File::create(&path).map_err(|error| Error::file(&path, &error))?;
        match file.try_lock() {
            Ok(()) => return Ok((worker, file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(Error::file(&path, &error)),
        }
    }
    Err(Error::store(format!("{MOST_WORKERS} processes run campaigns of this store already")))
}

/// Processes that run campaigns of one store at a time.
const MOST_WORKERS: u32 = 64;
