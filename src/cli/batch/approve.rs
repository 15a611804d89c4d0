//! `batch approve`: let the next stage start.

use std::path::PathBuf;

use clap::Args;
use impskit::batch::audit::What;
use impskit::error::Result;
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
    let (campaign, mut store, _) = command.common.at.open_planned(&command.campaign, ui)?;
    let stage = command.stage;
    let note = format!("stage {stage}{}", command.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default());
    command.common.at.write_down(&campaign, What::Approve, &note, ui)?;
    let is_new = store.approve(&campaign.name, stage, command.note.as_deref(), now())?;
    if command.common.format == Format::Json {
        let text = json!({
            "schema": "impskit.approve/1", "campaign": campaign.name, "stage": stage, "unchanged": !is_new,
        });
        ui.line(&text.to_string())?;
        return Ok(Outcome::Good);
    }
    ui.line(&match is_new {
        true => format!("stage {stage} is approved; `impskit batch run {}` sends it", command.campaign.display()),
        false => format!("stage {stage} was approved before: unchanged"),
    })?;
    Ok(Outcome::Good)
}
