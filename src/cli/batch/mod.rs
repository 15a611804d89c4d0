//! `batch`: one profile, many handsets. What its commands share: where campaign, store and profiles are, time, signals.

mod approve;
mod cancel;
mod export;
mod plan;
mod receipts;
mod report;
mod retry;
mod run;
mod status;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use impskit::batch::audit::{Audit, Object, Trail, What};
use impskit::batch::campaign::Campaign;
use impskit::batch::route::RouteSettings;
use impskit::batch::status::unknown;
use impskit::batch::store::{Store, Stored, Timestamp};
use impskit::error::{Error, Result};
use impskit::provision::Profile;

use super::audit::who;
use super::input::must_be_campaign;
use super::{Outcome, Ui, profile};

/// Send settings to a list of subscribers
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch plan spring.toml subscribers.csv --reject rejected.csv
  impskit batch run spring.toml")]
pub(crate) struct Batch {
    #[command(subcommand)]
    command: BatchCommand,
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    Plan(plan::Plan),
    Add(plan::Add),
    Run(run::Run),
    Approve(approve::Approve),
    Retry(retry::Retry),
    Cancel(cancel::Cancel),
    Status(status::StatusOf),
    Report(report::ReportOf),
    Receipts(receipts::Receipts),
    Export(export::Export),
}

/// Where the store is.
#[derive(Debug, Args)]
struct At {
    /// The store, `sqlite:PATH`; that of `[store]`, or beside the campaign file, where not given
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    at: At,
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

/// Runs the command.
pub(crate) fn run(command: &Batch, ui: &mut Ui) -> Result<Outcome> {
    match &command.command {
        BatchCommand::Plan(command) => plan::run(command, ui),
        BatchCommand::Add(command) => plan::add(command, ui),
        BatchCommand::Approve(command) => approve::run(command, ui),
        BatchCommand::Retry(command) => retry::run(command, ui),
        BatchCommand::Cancel(command) => cancel::run(command, ui),
        BatchCommand::Run(command) => run::run(command, ui),
        BatchCommand::Status(command) => status::run(command, ui),
        BatchCommand::Report(command) => report::run(command, ui),
        BatchCommand::Receipts(command) => receipts::run(command, ui),
        BatchCommand::Export(command) => export::run(command, ui),
    }
}

fn read_campaign(path: &Path) -> Result<Campaign> {
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    must_be_campaign(&path.display().to_string(), text.as_bytes())?;
    Campaign::read(&text, path)
}

/// Finds a campaign by its file, its folder or its name.
fn find_campaign(what: &Path, at: &At, ui: &Ui) -> Result<Campaign> {
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
    let store = match set_store(at, ui)? {
        Some(url) => sqlite_path(&url)?,
        None => what.with_file_name(format!("{name}.db")),
    };
    if store.is_file() {
        let store = Store::open(&store)?;
        let stored = store.campaign(&name)?.ok_or_else(|| unknown(&store, &name))?;
        return read_campaign(Path::new(&stored.file));
    }
    let error = Error::input("there is no campaign file, folder or store of that name").at(what.display().to_string());
    Err(error.help("name the campaign file, or say `--store sqlite:PATH`"))
}

/// Opens the store of a campaign that is planned.
fn open_planned(what: &Path, at: &At, ui: &Ui) -> Result<(Campaign, Store, Stored)> {
    let campaign = find_campaign(what, at, ui)?;
    let store = Store::open_existing(&store_path(at, &campaign, ui)?)?;
    let stored = store.campaign(&campaign.name)?.ok_or_else(|| unknown(&store, &campaign.name))?;
    Ok((campaign, store, stored))
}

/// Returns the store that the option or the configuration names.
fn set_store(at: &At, ui: &Ui) -> Result<Option<String>> {
    match &at.store {
        Some(url) => Ok(Some(url.clone())),
        None => Ok(ui.configuration()?.store_url().map(str::to_owned)),
    }
}

fn store_path(at: &At, campaign: &Campaign, ui: &Ui) -> Result<PathBuf> {
    match set_store(at, ui)? {
        Some(url) => sqlite_path(&url),
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
    profile::load_for_table(&path, &campaign.columns()?, ui)?.ok_or_else(|| {
        let error = Error::input("the profile has errors").at(path.display().to_string());
        error.help("mend what is said above")
    })
}

/// Opens the audit log, beside the store at `path` where the configuration names none.
fn trail(path: &Path, ui: &Ui) -> Result<Trail> {
    let named = ui.configuration()?.audit.file;
    let log = Audit::open(&named.unwrap_or_else(|| path.with_file_name("audit.jsonl")))?;
    Ok(Trail::new(log, who(), ui.ticket.clone()))
}

/// Writes into the audit log what a person does to a campaign, before it is done.
fn write_down(at: &At, campaign: &Campaign, what: What, note: &str, ui: &Ui) -> Result<()> {
    let object = (Object::Campaign(&campaign.name), None);
    trail(&store_path(at, campaign, ui)?, ui)?.add(now(), what, std::iter::once(object), Some(note))
}

/// Returns the routes of a campaign: its own, else those of the configuration.
fn routes(campaign: &Campaign, ui: &Ui) -> Result<Vec<RouteSettings>> {
    campaign.routes(ui.configuration()?.routes())
}

pub(super) fn workers(wanted: Option<usize>) -> usize {
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
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_secs()).unwrap_or_default()
}

#[allow(clippy::disallowed_methods, reason = "this is where a campaign is told how time goes by")]
fn clock() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

#[allow(clippy::disallowed_methods, reason = "this is where a campaign waits")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}
