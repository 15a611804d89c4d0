//! `batch approve`: let the next stage start.

use std::path::PathBuf;

use clap::Args;
use impskit::batch::audit::What;
use impskit::batch::status::{DONE, Status};
use impskit::error::{Error, Result};
use serde_json::json;

use super::{Common, Format, now};
use crate::cli::{Outcome, Ui};

/// Let a stage start
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch approve spring --stage 2 --note 'lab and pilot fine'
  impskit batch approve spring.toml --stage 3")]
pub(super) struct Approve {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// The number of the stage
    #[arg(long, value_name = "N")]
    stage: u32,
    /// Why, for the report and the audit log
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Runs the command.
pub(super) fn run(command: &Approve, ui: &mut Ui) -> Result<Outcome> {
    let (campaign, mut store, stored) = command.common.at.open_planned(&command.campaign, ui)?;
    let stage = command.stage;
    let status = Status::read(&store, &campaign.name, now(), campaign.hold_between_stages)?;
    let stands = status.stages.iter().find(|one| one.number == stage).map(|one| one.stands);
    let is_approved = store.stages(&campaign.name)?.iter().any(|one| one.number == stage && one.approved_at.is_some());
    // Only what changes something is an approval.
    let is_new = stands.is_some_and(|stands| stands != DONE) && !is_approved;
    if let Some(why) = stored.cancelled {
        return Err(Error::input(format!("the campaign was cancelled: {why}")).at(&campaign.name));
    }
    if is_new {
        let note = command.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        command.common.at.write_down(&campaign, What::Approve, &format!("stage {stage}{note}"), ui)?;
    }
    if is_new || stands.is_none() {
        store.approve(&campaign.name, stage, command.note.as_deref(), now())?;
    }
    if command.common.format == Format::Json {
        let text = json!({
            "schema": "impskit.approve/1", "campaign": campaign.name, "stage": stage, "unchanged": !is_new,
        });
        ui.line(&text.to_string())?;
        return Ok(Outcome::Good);
    }
    ui.line(&match is_new {
        true => format!("stage {stage} is approved; `impskit batch run {}` sends it", command.campaign.display()),
        false if is_approved => format!("stage {stage} was approved before: unchanged"),
        false => format!("stage {stage} is done: there is nothing to approve"),
    })?;
    Ok(Outcome::Good)
}
