//! `batch status`: where a campaign stands.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::batch::status::Status;
use impskit::batch::store::{State, Store};
use impskit::error::{Error, Result};

use super::{Common, Format, find_campaign, store_path};
use crate::cli::progress::grouped;
use crate::cli::{Outcome, Ui};

/// Where a campaign stands
#[derive(Debug, Args)]
#[command(
    name = "status",
    after_help = "\
Examples:
  impskit batch status spring
  impskit batch status spring.toml --list failed --limit 20 --format json"
)]
pub(super) struct StatusOf {
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
pub(super) fn run(command: &StatusOf, ui: &mut Ui) -> Result<Outcome> {
    let campaign = find_campaign(&command.campaign, &command.common, ui)?;
    let store = Store::open_existing(&store_path(&command.common, &campaign, ui)?)?;
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
