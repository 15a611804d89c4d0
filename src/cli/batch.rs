//! `batch`: one profile, many handsets. Plan, run, status.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use impskit::batch::campaign::{Campaign, RouteKind};
use impskit::batch::compose::{self, Composer};
use impskit::batch::plan::{self, Planned, Subscribers, reason};
use impskit::batch::route::{FileRoute, Route, SimRoute};
use impskit::batch::run::{self, Ended, Summary, World};
use impskit::batch::status::{self, Status};
use impskit::batch::store::{SEPARATOR, State, Store, Stored, Timestamp};
use impskit::error::{Error, Result};
use impskit::provision::Profile;
use serde_json::json;

use super::progress::{Bar, grouped};
use super::{Outcome, Ui, profile};

/// Send settings to a list of subscribers
#[derive(Debug, Args)]
pub(crate) struct Batch {
    #[command(subcommand)]
    command: BatchCommand,
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    Plan(Plan),
    Run(Run),
    Status(StatusOf),
}

/// Read, check and store every row before the first one is sent
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch plan spring.toml subscribers.csv --reject rejected.csv
  impskit batch plan spring.toml export.csv --delimiter ';' --limit 100 --format json

Exit: 0 every row is planned; 3 rows were rejected; 2 the table or the profile cannot be used; 130 interrupted.")]
struct Plan {
    /// The campaign file
    #[arg(value_name = "CAMPAIGN.toml")]
    campaign: PathBuf,
    /// The table of subscribers
    #[arg(value_name = "SUBSCRIBERS.csv")]
    subscribers: PathBuf,
    /// Write rows that are wrong to FILE, with the reason
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

/// Send what is planned, or go on after an interruption
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch run spring.toml --plan 7f3c
  impskit batch run spring --dry-run

Exit: 0 everything is sent; 3 handsets failed, rows were rejected, or attempts are still to be made; 2 it cannot be
done; 5 a safety limit stopped it; 130 interrupted: run it again to go on.")]
struct Run {
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

/// Where a campaign stands
#[derive(Debug, Args)]
#[command(
    name = "status",
    after_help = "\
Examples:
  impskit batch status spring
  impskit batch status spring.toml --list failed --limit 20 --format json"
)]
struct StatusOf {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// What to count by
    #[arg(long, value_name = "KIND", default_value = "state")]
    by: By,
    /// List the handsets in a state: planned, submitting, submitted, failed, expired …
    #[arg(long, value_name = "STATE", value_parser = state)]
    list: Option<State>,
    /// List so many at the most
    #[arg(long, value_name = "N", default_value_t = 50, requires = "list")]
    limit: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The store, `sqlite:PATH`; beside the campaign file where not given
    #[arg(long, value_name = "URL", env = "IMPSKIT_STORE__URL")]
    store: Option<String>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// How far they are
    State,
    /// What went wrong last
    Error,
}

fn state(word: &str) -> std::result::Result<State, String> {
    let words = || State::ALL.map(State::as_str).join(", ");
    State::from_word(word).ok_or_else(|| format!("the states are {}", words()))
}

/// Runs the command.
pub(crate) fn run(command: &Batch, ui: &mut Ui) -> Result<Outcome> {
    match &command.command {
        BatchCommand::Plan(command) => plan_campaign(command, ui),
        BatchCommand::Run(command) => run_campaign(command, ui),
        BatchCommand::Status(command) => show_status(command, ui),
    }
}

fn plan_campaign(command: &Plan, ui: &mut Ui) -> Result<Outcome> {
    let campaign = read_campaign(&command.campaign)?;
    let path = store_path(&command.common, &campaign)?;
    // A profile with errors leaves no store and no reject file behind.
    let first = load(&campaign, &campaign.profile, ui)?;
    let input = File::open(&command.subscribers).map_err(|error| Error::file(&command.subscribers, &error))?;
    let about = count_lines(&command.subscribers)?.min(command.limit.unwrap_or(u64::MAX));
    let rejects: Option<Box<dyn std::io::Write>> = match &command.reject {
        Some(reject) => {
            let file = File::create(reject).map_err(|error| Error::file(reject, &error))?;
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
    let options =
        plan::Options { file: &file.to_string_lossy(), workers: workers(command.workers), now: now(), stop: &stop };
    let planned = {
        let mut bar = Bar::new("planning", ui);
        let ui = std::cell::RefCell::new(&mut *ui);
        let mut load = |name: &Path| match name == campaign.profile {
            true => Ok(first.clone()),
            false => load(&campaign, name, &mut ui.borrow_mut()),
        };
        let mut watch = |progress| bar.show(progress, &mut ui.borrow_mut());
        plan::plan(&mut store, &campaign, subscribers, &mut load, &options, &mut watch)
            .map_err(|error| place(error, &command.subscribers))?
    };
    if planned.is_interrupted {
        ui.say("interrupted: what was read is stored; the same command goes on");
        return Ok(Outcome::Interrupted);
    }
    report_plan(&planned, &campaign, command, ui)?;
    ui.say(&format!("note: the rows' values are stored unencrypted in {}, readable by its owner only", path.display()));
    Ok(if planned.rejected.is_empty() { Outcome::Good } else { Outcome::Partly })
}

fn report_plan(planned: &Planned, campaign: &Campaign, command: &Plan, ui: &mut Ui) -> Result<()> {
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
    ui.line(&format!("to send: {handsets} handsets, {sms} SMS, by route {}   plan {short}", campaign.route()?.name))
}

fn run_campaign(command: &Run, ui: &mut Ui) -> Result<Outcome> {
    let campaign = find_campaign(&command.campaign, &command.common)?;
    let path = store_path(&command.common, &campaign)?;
    let mut store = Store::open_existing(&path)?;
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| status::unknown(&store, &campaign.name))?;
    if let Some(outcome) = other_plan(command, &stored, ui)? {
        return Ok(outcome);
    }
    let composers = composers(&store, &campaign, ui)?;
    let settings = campaign.route()?;
    let compose = |row| compose::message(&composers, &settings.parts, row);
    let stop = stop_flag()?;
    let world = World { now: &now, wait: &wait, stop: &stop };
    let workers = workers(command.workers);
    if command.dry_run {
        let (good, unfit) = run::rehearse(&mut store, &stored, workers, &compose, world)?;
        ui.line(&format!("{} messages would be sent as planned, {} could not be made", grouped(good), grouped(unfit)))?;
        return Ok(if unfit == 0 { Outcome::Good } else { Outcome::Partly });
    }
    let (worker, _lock) = claim_worker(&path)?;
    let options = run::Options { workers, worker: &worker, limits: &campaign.limits };
    let route_path = campaign.route_path(&settings);
    let make_route = |run: &mut impskit::batch::store::Run<'_>| -> Result<Box<dyn Route>> {
        Ok(match settings.kind {
            RouteKind::File => Box::new(FileRoute::open(&settings.name, &route_path, run)?),
            RouteKind::Sim => Box::new(SimRoute::open(&route_path, settings.window)?),
        })
    };
    let summary = {
        let mut bar = Bar::new("sending", ui);
        let mut watch = |progress| bar.show(progress, ui);
        run::run(&mut store, &stored, &options, make_route, &compose, world, &mut watch)?
    };
    report_run(&summary, &campaign, command, ui)?;
    let rejected = store.tally(&campaign.name)?.iter().any(|(kind, _, _)| kind == "rejected");
    let is_good = summary.failed + summary.expired == 0 && summary.next_due.is_none() && !rejected;
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
            "possibly_duplicated": summary.ambiguous, "next_due": summary.next_due,
        });
        ui.line(&text.to_string())?;
    } else {
        let mut line = format!("submitted {}   failed {}", grouped(summary.submitted), grouped(summary.failed));
        for (what, count) in [
            ("expired", summary.expired),
            ("to be tried again", summary.retried),
            ("possibly sent twice after a crash", summary.ambiguous),
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

fn show_status(command: &StatusOf, ui: &mut Ui) -> Result<Outcome> {
    let campaign = find_campaign(&command.campaign, &command.common)?;
    let store = Store::open_existing(&store_path(&command.common, &campaign)?)?;
    let status = Status::read(&store, &campaign.name, command.list.map(|state| (state, command.limit)))?;
    if command.common.format == Format::Json {
        let text = serde_json::to_string(&status).map_err(|error| Error::input(error.to_string()))?;
        ui.line(&text)?;
        return Ok(Outcome::Good);
    }
    if let Some(rows) = &status.rows {
        for row in rows {
            let error = row.error.as_deref().map(|error| format!("   {error}")).unwrap_or_default();
            ui.line(&format!(
                "+{}   {}   attempts {}   line {}{error}",
                row.msisdn, row.state, row.attempts, row.line
            ))?;
        }
        return Ok(Outcome::Good);
    }
    let plan = status.plan.as_ref().map_or("not complete", |plan| &plan[..12.min(plan.len())]);
    ui.line(&format!("{}   {} handsets   plan {plan}", status.campaign, grouped(status.total)))?;
    let counts = if command.by == By::State { &status.states } else { &status.errors };
    for count in counts {
        ui.line(&format!("{:>14}  {}", grouped(count.count), count.name))?;
    }
    if command.by == By::State {
        for count in &status.not_planned {
            ui.line(&format!("{:>14}  {}", grouped(count.count), count.name))?;
        }
        if status.possibly_duplicated > 0 {
            ui.line(&format!("{:>14}  possibly sent twice after a crash", grouped(status.possibly_duplicated)))?;
        }
    }
    Ok(Outcome::Good)
}

fn read_campaign(path: &Path) -> Result<Campaign> {
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    Campaign::read(&text, path)
}

/// Finds a campaign by its file, its folder or its name.
fn find_campaign(what: &Path, common: &Common) -> Result<Campaign> {
    if what.is_file() {
        return read_campaign(what);
    }
    // `.` has no name of its own.
    let named = if what.is_dir() { fs::canonicalize(what).unwrap_or_default() } else { what.to_owned() };
    let name = named.file_name().unwrap_or(what.as_os_str()).to_string_lossy().into_owned();
    let beside =
        [what.join("campaign.toml"), what.join(format!("{name}.toml")), what.with_file_name(format!("{name}.toml"))];
    if let Some(path) = beside.iter().find(|path| path.is_file()) {
        return read_campaign(path);
    }
    let store = match &common.store {
        Some(url) => sqlite_path(url)?,
        None => what.with_file_name(format!("{name}.db")),
    };
    if store.is_file() {
        let store = Store::open(&store)?;
        let stored = store.campaign(&name)?.ok_or_else(|| status::unknown(&store, &name))?;
        return read_campaign(Path::new(&stored.file));
    }
    let error = Error::input("there is no campaign file, folder or store of that name").at(what.display().to_string());
    Err(error.help("name the campaign file, or say `--store sqlite:PATH`"))
}

fn store_path(common: &Common, campaign: &Campaign) -> Result<PathBuf> {
    match &common.store {
        Some(url) => sqlite_path(url),
        None => Ok(campaign.folder.join(format!("{}.db", campaign.name))),
    }
}

fn sqlite_path(url: &str) -> Result<PathBuf> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(path.into()),
        Some((scheme, _)) if scheme.len() > 1 => {
            let error = Error::input(format!("there is no store of the kind `{scheme}`")).at("--store");
            Err(error.help("write `sqlite:PATH`"))
        }
        _ => Ok(url.into()),
    }
}

/// Loads a profile that a campaign or a row names.
fn load(campaign: &Campaign, name: &Path, ui: &mut Ui) -> Result<Profile> {
    let path = campaign.folder.join(name);
    profile::load(&path, ui)?.ok_or_else(|| {
        let error = Error::input("the profile has errors").at(path.display().to_string());
        error.help("mend what is said above")
    })
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

/// Counts the lines of a file, about as many as there are rows.
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
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|&&octet| octet == b'\n').count() as u64;
    }
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
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(Error::file(&path, &error)),
        }
    }
    Err(Error::store(format!("{MOST_WORKERS} processes run campaigns of this store already")))
}

/// Processes that run campaigns of one store at a time.
const MOST_WORKERS: u32 = 64;

fn workers(wanted: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    wanted.unwrap_or_else(cores).clamp(1, 64)
}

/// Returns a flag that the first Ctrl-C or termination sets; the second ends the process at once.
#[allow(
    clippy::disallowed_methods,
    reason = "the second Ctrl-C ends the process; the store is consistent at all times"
)]
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|error| Error::input(format!("signals cannot be handled: {error}")))?;
    Ok(stop)
}

#[allow(clippy::disallowed_methods, reason = "this is where a campaign is told the time")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_secs()).unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "this is where a campaign waits")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}
