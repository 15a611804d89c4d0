//! `batch retry`: put handsets back to planned.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::batch::audit::What;
use impskit::batch::store::{Again, State, Timestamp};
use impskit::batch::units::{duration, instant};
use impskit::error::{Error, Result};
use serde_json::json;

use super::{Common, Format, now};
use crate::cli::progress::grouped;
use crate::cli::{Outcome, Ui};

/// Put handsets back to planned, with a new budget of attempts
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit batch retry spring --error 'smpp:0x0B' --since 2h
  impskit batch retry spring --state failed --state expired --model 'nokia*'

Handsets that a run holds because nobody knows whether their message was taken go back with `--state held`; they may
get it twice.")]
pub(super) struct Retry {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// Only handsets with this error; `*` at the end stands for any rest
    #[arg(long, value_name = "CODE")]
    error: Vec<String>,
    /// Only handsets of this model; `*` at the end stands for any rest
    #[arg(long, value_name = "M")]
    model: Vec<String>,
    /// Only handsets in this state; failed where not given
    #[arg(long, value_name = "STATE")]
    state: Vec<From>,
    /// Only what came into its state at this time or later: `2026-11-23T12:00:00Z`, or `2h` ago
    #[arg(long, value_name = "T")]
    since: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// The route refused it, or no attempts were left
    Failed,
    /// It was not sent, or not heard of, in time
    Expired,
    /// Its message may have been taken
    Held,
}

/// Runs the command.
pub(super) fn run(command: &Retry, ui: &mut Ui) -> Result<Outcome> {
    let again = Again {
        states: states(&command.state),
        errors: command.error.clone(),
        models: command.model.clone(),
        since: command.since.as_deref().map(since).transpose()?,
    };
    let (campaign, mut store, stored) = command.common.at.open_planned(&command.campaign, ui)?;
    if let Some(why) = &stored.cancelled {
        return Err(Error::input(format!("the campaign was cancelled: {why}")).at(&campaign.name));
    }
    command.common.at.write_down(&campaign, What::Retry, &said(command), ui)?;
    let count = store.retry(&campaign.name, stored.slices, &again, now())?;
    if command.common.format == Format::Json {
        let text = json!({ "schema": "impskit.retry/1", "campaign": campaign.name, "handsets": count });
        ui.line(&text.to_string())?;
        return Ok(Outcome::Good);
    }
    ui.line(&match count {
        0 => "no handset is meant by this: unchanged".to_owned(),
        1 => "1 handset is planned again".to_owned(),
        _ => format!("{} handsets are planned again", grouped(count)),
    })?;
    if count > 0 {
        ui.say(&format!("note: `impskit batch run {}` sends them", command.campaign.display()));
    }
    Ok(Outcome::Good)
}

/// Says which handsets are meant, for the audit log.
fn said(command: &Retry) -> String {
    let states: Vec<&str> = states(&command.state).into_iter().map(State::as_str).collect();
    let mut said = format!("state {}", states.join(", "));
    for (what, values) in [("error", &command.error), ("model", &command.model)] {
        if !values.is_empty() {
            said += &format!("; {what} {}", values.join(", "));
        }
    }
    said + &command.since.as_ref().map(|since| format!("; since {since}")).unwrap_or_default()
}

fn states(words: &[From]) -> Vec<State> {
    let state = |word: &From| match word {
        From::Failed => State::Failed,
        From::Expired => State::Expired,
        From::Held => State::Submitting,
    };
    if words.is_empty() { vec![State::Failed] } else { words.iter().map(state).collect() }
}

fn since(text: &str) -> Result<Timestamp> {
    let ago = duration(text).map(|ago| now() - ago);
    ago.or_else(|| instant(text)).ok_or_else(|| {
        let error = Error::input(format!("`{text}` is neither a time nor a duration")).at("--since");
        error.help("write `2026-11-23T12:00:00Z`, or `2h` for two hours ago")
    })
}
