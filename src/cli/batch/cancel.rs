//! `batch cancel`: nothing more is submitted.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use impskit::batch::audit::What;
use impskit::error::{Error, Result};
use serde_json::json;

use super::{Common, Format, now, wait};
use crate::cli::progress::grouped;
use crate::cli::{Outcome, Ui};

/// How often slices that a run holds are looked at again, and how often at the most: leases end by themselves.
const POLLS: (Duration, u32) = (Duration::from_secs(1), 45);

/// End a campaign: nothing more is submitted
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch cancel spring --reason 'wrong access point'
  impskit batch cancel spring.toml --reason 'replaced by summer' --format json

Runs that are at work finish what is in flight and stop. It cannot be undone; what was submitted stays submitted.")]
pub(super) struct Cancel {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// Why, for the report and the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub(super) fn run(command: &Cancel, ui: &mut Ui) -> Result<Outcome> {
    let (campaign, mut store, stored) = command.common.at.open_planned(&command.campaign, ui)?;
    if let Some(why) = &stored.cancelled {
        ui.say(&format!("note: it was cancelled before: {why}"));
    } else {
        command.common.at.write_down(&campaign, What::Cancel, &command.reason, ui)?;
    }
    let (pause, most) = POLLS;
    let mut count = 0;
    for round in 0..most {
        let (cancelled, is_left) = store.cancel(&campaign.name, stored.slices, &command.reason, now())?;
        count += cancelled;
        if !is_left {
            report(&campaign.name, count, command, ui)?;
            return Ok(Outcome::Good);
        }
        if round == 0 {
            ui.say("waiting for a run that is at work to stop");
        }
        wait(pause);
    }
    let error = Error::store("a run still holds a part of the campaign; nothing more is begun").at(&campaign.name);
    Err(error.help("run the command again when it has ended"))
}

fn report(name: &str, count: u64, command: &Cancel, ui: &mut Ui) -> Result<()> {
    if command.common.format == Format::Json {
        let text = json!({ "schema": "impskit.cancel/1", "campaign": name, "handsets": count });
        return ui.line(&text.to_string());
    }
    let handsets = if count == 1 { "handset" } else { "handsets" };
    ui.line(&format!("{name} is cancelled; {} {handsets} will not be sent", grouped(count)))
}
