//! `batch retry`: put handsets back to planned.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::batch::audit::What;
use impskit::batch::store::{Again, State, Timestamp};
use impskit::batch::units::{duration, handsets, instant};
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
    let states: BTreeMap<String, u64> = store.count_states(&campaign.name)?.into_iter().collect();
    let mut count = store.count_retry(&campaign.name, stored.slices, &again, now())?;
    if count > 0 {
        command.common.at.write_down(&campaign, What::Retry, &said(command), ui)?;
        count = store.retry(&campaign.name, stored.slices, &again, now())?;
    }
    if command.common.format == Format::Json {
        let text = json!({ "schema": "impskit.retry/1", "campaign": campaign.name, "handsets": count });
        ui.line(&text.to_string())?;
        return Ok(Outcome::Good);
    }
    let of = |state: State| states.get(state.as_str()).copied().unwrap_or_default();
    let found = again.states.iter().map(|state| of(*state)).sum::<u64>();
    let words = again.states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" or ");
    ui.line(&match (count, found) {
        (0, 0) => format!("nothing to retry: no handset is {words}"),
        (0, _) => format!("nothing to retry: none of the {} that are {words} is meant by this", handsets(found)),
        (1, _) => "1 handset is planned again".to_owned(),
        _ => format!("{} handsets are planned again", grouped(count)),
    })?;
    let (before, run) = (of(State::Planned), format!("`impskit batch run {}`", command.campaign.display()));
    match (count, before) {
        (0, 0) => {}
        (0, _) => ui.say(&format!("note: planned already: {}; {run} sends them", handsets(before))),
        (_, 0) => ui.say(&format!("note: {run} sends them")),
        _ => ui.say(&format!("note: {run} sends them, and {} that were planned already", grouped(before))),
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
