//! `batch run`: send what is planned, or go on after an interruption.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use impskit::batch::campaign::{Campaign, ConfirmBy};
use impskit::batch::compose::{Composer, message};
use impskit::batch::event::{Event, Origin};
use impskit::batch::login::{Feed, Logins};
use impskit::batch::route::{FileRoute, Log, Needs, Route, RouteKind, RouteSettings, SimRoute, Surroundings, open};
use impskit::batch::run::{Ended, Lane, Options, Progress, Summary, World, rehearse, run as send};
use impskit::batch::status::unknown;
use impskit::batch::store::{DueRow, Run as Access, SEPARATOR, State, Store, Stored, Timestamp};
use impskit::batch::units::duration;
use impskit::error::{Error, Result};
use serde_json::json;

use super::at::store_key;
use super::numbers::Writing;
use super::{Common, Format, clock, load, now, stop_flag, wait, workers};
use crate::cli::profile::{fetch, fetch_at};
use crate::cli::progress::{Bar, grouped};
use crate::cli::ui::remark;
use crate::cli::{Outcome, Ui, device};

/// Send what is planned, or go on after an interruption
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch run spring.toml --plan 7f3c
  impskit batch run spring --stage 1 --events events.jsonl

Exit: 0 everything is sent; 3 handsets failed, rows were rejected, or attempts are still to be made; 2 it cannot be
done; 4 a gateway cannot be reached; 5 a safety limit stopped it, or a stage needs approval; 130 interrupted: run it
again to go on.")]
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
    /// Stop after stage N
    #[arg(long, value_name = "N|all", value_parser = stage)]
    stage: Option<Stage>,
    /// Compose every message and send none
    #[arg(long, conflicts_with_all = ["events", "for", "stage"])]
    dry_run: bool,
    /// Write every change as a line of JSON to FILE, behind what is there; `-` for stdout
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Go on for so long (`8h`) and no longer: wait for what becomes due later, and for receipts
    #[arg(long = "for", id = "for", value_name = "DURATION", value_parser = seconds)]
    time: Option<Timestamp>,
    /// The name of this worker, where several machines share a store: no two may have the same
    #[arg(long, value_name = "ID")]
    worker_id: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// The last stage of a run; `None` for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage(pub(super) Option<u32>);

pub(super) fn stage(text: &str) -> std::result::Result<Stage, String> {
    match text {
        "all" => Ok(Stage(None)),
        _ => {
            text.parse().ok().filter(|n| *n > 0).map(|n| Stage(Some(n))).ok_or_else(|| "write a number or `all`".into())
        }
    }
}

pub(in crate::cli) fn seconds(text: &str) -> std::result::Result<Timestamp, String> {
    duration(text).ok_or_else(|| "write `90s`, `30m`, `8h` or `2d`".to_owned())
}

/// Runs the command.
pub(super) fn run(command: &Run, ui: &mut Ui) -> Result<Outcome> {
    let campaign = command.common.at.find(&command.campaign, ui)?;
    let path = command.common.at.store_path(&campaign, ui)?;
    let store = Store::open_existing(&path)?.with_key(store_key(ui)?);
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| unknown(&store, &campaign.name))?;
    if let Some(outcome) = other_plan(command, &stored, ui)? {
        return Ok(outcome);
    }
    let composers = composers(&store, &campaign, ui)?;
    let routes = command.common.at.routes(&campaign, ui)?;
    every_handset_has_a_route(&store, &campaign, &routes)?;
    let store = Mutex::new(store);
    let compose = |row: DueRow, needs: &Needs| message(&composers, needs, row);
    let stop = stop_flag()?;
    let world = World { now: &now, clock: &clock, wait: &wait, stop: &stop };
    let workers = workers(command.workers);
    if command.dry_run {
        let (good, unfit) = rehearse(&store, &stored, workers, &routes, &compose, world)?;
        return tell_rehearsed(good, unfit, stop.load(Ordering::Relaxed), ui);
    }
    let (worker, _lock) = claim_worker(&path, command.worker_id.as_deref())?;
    let trail = command.common.at.trail(&path, ui)?;
    let is_aside = is_stdout_taken(command, &routes)?;
    let lanes = lanes(&store, &campaign, &worker, routes, ui)?;
    let feed = feed(&campaign, ui)?;
    let options = Options {
        workers,
        worker: &worker,
        limits: &campaign.limits,
        hold_between_stages: campaign.hold_between_stages,
        stage: command.stage.and_then(|stage| stage.0),
        until: command.time.map(|time| now() + time),
        awaits: awaited(campaign.confirm.by),
        within: campaign.confirm.within,
        events: command.events.is_some(),
        trail: Some(&trail),
        logins: feed.as_ref().map(|feed| feed as &dyn Logins),
    };
    let mut events = Events::open(command, Origin { campaign: &campaign.name, worker: &worker }, ui)?;
    let summary = {
        let mut bar = Bar::new("sending", ui);
        let mut watch = |progress| match progress {
            Progress::Event(event) => events.write(&event, &stop),
            Progress::Note(note) => ui.say(&format!("note: {note}")),
            progress => bar.show(&progress, ui),
        };
        send(&store, &stored, &options, lanes, &compose, world, &mut watch)?
    };
    events.close()?;
    let store = store.into_inner().unwrap_or_else(PoisonError::into_inner);
    report_run(&summary, &campaign, command, is_aside, ui)?;
    let rejected = store.tally(&campaign.name)?.iter().any(|(kind, _, _)| kind == "rejected");
    Ok(outcome(&summary, rejected))
}

fn tell_rehearsed(good: u64, unfit: u64, is_interrupted: bool, ui: &mut Ui) -> Result<Outcome> {
    ui.line(&format!("{} messages would be sent as planned, {} could not be made", grouped(good), grouped(unfit)))?;
    Ok(match unfit {
        _ if is_interrupted => Outcome::Interrupted,
        0 => Outcome::Good,
        _ => Outcome::Partly,
    })
}

fn outcome(summary: &Summary, has_rejects: bool) -> Outcome {
    let is_good = summary.failed + summary.expired + summary.held == 0 && summary.next_due.is_none() && !has_rejects;
    match summary.ended {
        Ended::Complete if is_good => Outcome::Good,
        Ended::Complete => Outcome::Partly,
        Ended::Interrupted => Outcome::Interrupted,
        Ended::Stopped(_) | Ended::Held(_) | Ended::Cancelled(_) => Outcome::Stopped,
    }
}

/// Returns how far a handset comes where this tells that it has its settings.
fn awaited(by: ConfirmBy) -> State {
    match by {
        ConfirmBy::None => State::Submitted,
        ConfirmBy::Receipt => State::Delivered,
        ConfirmBy::Login => State::Confirmed,
    }
}

/// Returns whether messages or events go to stdout, so that results do not.
fn is_stdout_taken(command: &Run, routes: &[RouteSettings]) -> Result<bool> {
    let is_route = routes.iter().any(|route| route.kind == RouteKind::Stdout);
    let is_events = command.events.as_deref() == Some(Path::new("-"));
    if is_route && is_events {
        let error = Error::input("messages go to stdout, so events cannot").at("--events");
        return Err(error.help("name a file: `--events events.jsonl`"));
    }
    Ok(is_route || is_events)
}

/// Opens every route.
pub(super) fn lanes(
    store: &Mutex<Store>,
    campaign: &Campaign,
    worker: &str,
    routes: Vec<RouteSettings>,
    ui: &mut Ui,
) -> Result<Vec<Lane>> {
    let log: Log = if ui.is_quiet() { Arc::new(|_| {}) } else { Arc::new(remark) };
    let lane = |settings: RouteSettings| -> Result<Lane> {
        if let Some(note) = settings.note() {
            ui.say(&format!("note: route `{}`: {note}", settings.name));
        }
        if let Some(address) = settings.url.as_ref().or(settings.address.as_ref()) {
            ui.network(address)?;
        }
        let access = Access::new(store, &campaign.name, worker, &settings.name);
        let path = campaign.route_path(&settings);
        let route: Box<dyn Route> = match settings.kind {
            RouteKind::File => Box::new(FileRoute::open(&settings, &path, &access)?),
            RouteKind::Sim => Box::new(SimRoute::open(&path, settings.window)?),
            _ => {
                let places = settings.url.iter().chain(&settings.address);
                places.into_iter().try_for_each(|place| ui.network(place))?;
                let (folder, log) = (campaign.folder.as_path(), log.clone());
                let mut secrets = |secret: &_| fetch(secret, folder, ui);
                open(&settings, &mut Surroundings { folder, secrets: &mut secrets, log })?
            }
        };
        Ok(Lane { settings, route })
    };
    routes.into_iter().map(lane).collect()
}

/// Returns who is asked for logins, where they confirm.
pub(super) fn feed(campaign: &Campaign, ui: &mut Ui) -> Result<Option<Feed>> {
    if campaign.confirm.by != ConfirmBy::Login {
        return Ok(None);
    }
    let Some(server) = &campaign.confirm.server else {
        ui.say("note: nobody is asked for logins: `[confirm]` names no `server`");
        return Ok(None);
    };
    ui.network(server)?;
    let token = campaign.confirm.token.as_ref();
    let token = token.map(|secret| fetch_at(secret, "confirm.token", &campaign.folder, ui)).transpose()?;
    let feed = Feed::new(server, token)?;
    if let Some(note) = feed.note() {
        ui.say(&format!("warning: {note}"));
    }
    Ok(Some(feed))
}

/// A handset whose route is gone would never be sent.
pub(super) fn every_handset_has_a_route(store: &Store, campaign: &Campaign, routes: &[RouteSettings]) -> Result<()> {
    for (name, count) in store.routes_left(&campaign.name)? {
        if !routes.iter().any(|route| route.name == name) {
            let what = format!(
                "{} handsets are planned for the route `{name}`, which the campaign no longer has",
                grouped(count)
            );
            return Err(Error::input(what).at(&campaign.name).help("put the route back, or plan again"));
        }
    }
    Ok(())
}

/// Where events are written.
struct Events<'e> {
    out: Option<Box<dyn std::io::Write>>,
    origin: Origin<'e>,
    seq: u64,
    fault: std::io::Result<()>,
    numbers: Writing,
}

impl<'e> Events<'e> {
    fn open(command: &Run, origin: Origin<'e>, ui: &mut Ui) -> Result<Self> {
        let numbers = Writing::of(Format::Json, ui)?;
        let out: Option<Box<dyn std::io::Write>> = match command.events.as_deref() {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(std::io::stdout().lock())),
            Some(path) => {
                let file = File::options().create(true).append(true).open(path);
                Some(Box::new(BufWriter::new(file.map_err(|error| Error::file(path, &error))?)))
            }
        };
        Ok(Self { out, origin, seq: 0, fault: Ok(()), numbers })
    }

    /// Writes an event; the run is stopped where that cannot be done: events are asked for by who counts on them.
    fn write(&mut self, event: &Event, stop: &std::sync::atomic::AtomicBool) {
        let Some(out) = &mut self.out else { return };
        self.seq += 1;
        let line = event.line(self.seq, now(), self.origin, |number| self.numbers.write(number));
        let written = writeln!(out, "{line}");
        if self.fault.is_ok() && written.is_err() {
            self.fault = written;
            stop.store(true, Ordering::Relaxed);
        }
    }

    fn close(self) -> Result<()> {
        let flushed = self.out.map_or(Ok(()), |mut out| out.flush());
        self.fault
            .and(flushed)
            .map_err(|error| Error::input(format!("events cannot be written: {error}")).at("--events"))
    }
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

pub(super) fn composers(store: &Store, campaign: &Campaign, ui: &mut Ui) -> Result<Vec<Composer>> {
    let (mut composers, packs) = (Vec::new(), device::packs(ui)?);
    for setup in store.setups(&campaign.name)? {
        let profile = load(campaign, Path::new(&setup.profile), ui)?;
        let header: Vec<&str> = setup.header.split(SEPARATOR).collect();
        composers.push(Composer::new(&profile, &header, &campaign.name, setup.number, &packs)?);
    }
    Ok(composers)
}

fn report_run(summary: &Summary, campaign: &Campaign, command: &Run, is_aside: bool, ui: &mut Ui) -> Result<()> {
    let ended = match &summary.ended {
        Ended::Complete => "complete",
        Ended::Interrupted => "interrupted",
        Ended::Stopped(_) => "stopped",
        Ended::Held(_) => "held",
        Ended::Cancelled(_) => "cancelled",
    };
    if command.common.format == Format::Json {
        let text = json!({
            "schema": "impskit.run/1", "campaign": campaign.name, "ended": ended, "submitted": summary.submitted,
            "failed": summary.failed, "expired": summary.expired, "retried": summary.retried,
            "delivered": summary.delivered, "confirmed": summary.confirmed, "unanswered": summary.ambiguous, "held": summary.held,
            "next_due": summary.next_due,
        });
        let is_events = command.events.as_deref() == Some(Path::new("-"));
        if is_aside && !is_events { ui.say(&text.to_string()) } else { ui.line(&text.to_string())? }
    } else {
        let mut line = format!("submitted {}   failed {}", grouped(summary.submitted), grouped(summary.failed));
        for (what, count) in [
            ("delivered", summary.delivered),
            ("confirmed", summary.confirmed),
            ("expired", summary.expired),
            ("to be tried again", summary.retried),
            ("may have been taken", summary.ambiguous),
            ("held", summary.held),
        ] {
            if count > 0 {
                line += &format!("   {what} {}", grouped(count));
            }
        }
        if is_aside { ui.say(&line) } else { ui.line(&line)? }
    }
    let again = format!("impskit batch run {}", command.campaign.display());
    match &summary.ended {
        Ended::Interrupted => ui.say(&format!("interrupted: everything is saved; `{again}` goes on")),
        Ended::Stopped(why) => ui.error(&Error::input(format!("stopped: {why}")).help(format!(
            "`impskit batch status {name} --by error` counts the reasons; mend what they say, then `{again}` goes \
                     on, and `impskit batch retry {name}` takes up what has failed for good",
            name = command.campaign.display()
        ))),
        Ended::Held(stage) => ui.say(&format!(
            "stopped: stage {stage} needs approval (`impskit batch approve {} --stage {stage}`)",
            command.campaign.display()
        )),
        Ended::Cancelled(why) => ui.say(&format!("the campaign was cancelled: {why}")),
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
pub(super) fn claim_worker(store: &Path, wanted: Option<&str>) -> Result<(String, File)> {
    let is_name = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if wanted.is_some_and(|name| !is_name(name)) {
        return Err(Error::input("a worker's name has 1 to 64 letters, digits, `-`, `_` and `.`").at("--worker-id"));
    }
    for number in 1..=MOST_WORKERS {
        let worker = wanted.map_or_else(|| format!("w{number}"), str::to_owned);
        let mut path = store.as_os_str().to_owned();
        path.push(format!("-{worker}.lock"));
        let path = PathBuf::from(path);
        let file = File::create(&path).map_err(|error| Error::file(&path, &error))?;
        match file.try_lock() {
            Ok(()) => return Ok((worker, file)),
            Err(TryLockError::WouldBlock) if wanted.is_some() => {
                return Err(Error::store(format!("a worker `{worker}` is running already")).at("--worker-id"));
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(Error::file(&path, &error)),
        }
    }
    Err(Error::store(format!("{MOST_WORKERS} processes run campaigns of this store already")))
}

/// Processes that run campaigns of one store at a time.
const MOST_WORKERS: u32 = 64;
