//! `batch`: one profile, many handsets. What its commands share: where campaign, store and profiles are, time, signals.

mod approve;
mod at;
mod cancel;
mod export;
mod numbers;
mod plan;
mod receipts;
mod report;
mod retry;
pub(super) mod run;
mod send;
mod status;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use clap::{Args, Subcommand};
use impskit::batch::campaign::Campaign;
use impskit::batch::store::Timestamp;
use impskit::error::{Error, Result};
use impskit::provision::Profile;

use super::{Format, Outcome, Ui, profile};
use at::{At, read_campaign};
pub(crate) use send::{Send, run as send};

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

/// What is said of handsets whose message may have been taken.
const UNANSWERED: &str =
    "may have been taken: no answer came, or a run ended before it was noted; not sent again so far";
/// What is said of those that were sent again after that.
const TWICE: &str = "possibly sent twice: sent again while nobody knew of the first message";

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    at: At,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
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

/// Loads a profile that a campaign or a row names.
fn load(campaign: &Campaign, name: &Path, ui: &mut Ui) -> Result<Profile> {
    let path = campaign.folder.join(name);
    profile::load_for_table(&path, &campaign.columns()?, ui)?.ok_or_else(|| {
        let error = Error::input("the profile has errors").at(path.display().to_string());
        error.help("mend what is said above")
    })
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
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>> {
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
