//! `batch status`: where a campaign stands.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{Args, ValueEnum};
use impskit::batch::campaign::{Campaign, ConfirmBy};
use impskit::batch::status::{Count, Rows, Status};
use impskit::batch::store::{Listed, State, Store};
use impskit::batch::units::{handsets, in_words};
use impskit::error::{Error, Result};

use super::numbers::Writing;
use super::{Common, Format, TWICE, UNANSWERED, clock, now, stop_flag, wait};
use crate::cli::progress::grouped;
use crate::cli::{Outcome, Ui};

/// How often a terminal is drawn anew.
const OFTEN: Duration = Duration::from_secs(1);
/// How often a line is written elsewhere.
const SELDOM: Duration = Duration::from_secs(10);
/// A look costs so much of the time at the most: one part in so many.
const PART: u32 = 10;
/// How often a signal is looked for.
const GLANCE: Duration = Duration::from_millis(100);

/// Where a campaign stands
#[derive(Debug, Args)]
#[command(
    name = "status",
    after_help = "\
Examples:
  impskit batch status spring --watch
  impskit batch status spring.toml --list failed --limit 20 --format json

Numbers are written as `[privacy]` says: `log_numbers` in text, `event_numbers` in JSON. `batch report` has them whole."
)]
pub(super) struct StatusOf {
    /// The campaign file, its folder, or the campaign's name
    #[arg(value_name = "CAMPAIGN")]
    campaign: PathBuf,
    /// What to count by; state where not given
    #[arg(long, value_name = "KIND")]
    by: Option<By>,
    /// List the handsets in a state: planned, submitting, submitted, failed, expired …
    #[arg(long, value_name = "STATE", value_parser = state)]
    list: Option<State>,
    /// List so many at the most
    #[arg(long, value_name = "N", default_value_t = 50, requires = "list")]
    limit: u64,
    /// Look again and again until nothing is left: every second on a terminal, every ten elsewhere
    #[arg(long, conflicts_with = "list")]
    watch: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// How far they are
    State,
    /// What went wrong last
    Error,
    /// Their model
    Model,
    /// The route that sends them
    Route,
    /// The stage that they are in
    Stage,
}

fn state(word: &str) -> std::result::Result<State, String> {
    let words = || State::ALL.map(State::as_str).join(", ");
    State::from_word(word).ok_or_else(|| format!("the states are {}", words()))
}

/// Runs the command.
pub(super) fn run(command: &StatusOf, ui: &mut Ui) -> Result<Outcome> {
    let (campaign, store, _) = command.common.at.open_planned(&command.campaign, ui)?;
    if command.watch {
        return watch(command, &campaign, &store, ui);
    }
    let mut status = look(command, &campaign, &store)?;
    if let Some(Rows::Handsets(rows)) = &mut status.rows {
        let writing = Writing::of(command.common.format, ui)?;
        rows.iter_mut().for_each(|row| row.msisdn = writing.write_text(&row.msisdn));
    }
    show(command, &status, ui)?;
    Ok(Outcome::Good)
}

fn look(command: &StatusOf, campaign: &Campaign, store: &Store) -> Result<Status> {
    let mut status = Status::read(store, &campaign.name, now(), campaign.hold_between_stages)?;
    status.rows = match (command.list, command.by) {
        (Some(state), _) => Some(Rows::Handsets(store.list(&campaign.name, state, command.limit)?)),
        (None, Some(by)) => Some(Rows::Counts(counts(by, &status))),
        (None, None) => None,
    };
    Ok(status)
}

fn counts(by: By, status: &Status) -> Vec<Count> {
    match by {
        By::State => status.states.clone(),
        By::Error => status.errors.clone(),
        By::Model => status.models.clone(),
        By::Route => status.routes.clone(),
        By::Stage => {
            status.stages.iter().map(|stage| Count { name: stage.number.to_string(), count: stage.total }).collect()
        }
    }
}

/// Looks until nothing is left to be sent or to be heard of, or until a person has seen enough.
fn watch(command: &StatusOf, campaign: &Campaign, store: &Store, ui: &mut Ui) -> Result<Outcome> {
    let stop = stop_flag()?;
    let is_json = command.common.format == Format::Json;
    let is_drawn = stdout().is_terminal() && !is_json && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    loop {
        let begun = clock();
        let status = look(command, campaign, store)?;
        if is_drawn {
            // To the top left, and nothing below.
            ui.data(b"\x1b[H\x1b[2J")?;
            show(command, &status, ui)?;
            ui.line("\nCtrl-C ends this; the campaign is not touched")?;
        } else if is_json {
            show(command, &status, ui)?;
        } else {
            ui.line(&in_a_line(&status))?;
        }
        let is_heard = campaign.confirm.by == ConfirmBy::None;
        let left = status.count(State::Planned) + status.count(State::Submitting);
        let is_over = left == 0 && (is_heard || status.count(State::Submitted) == 0);
        if is_over || ui.is_closed {
            return Ok(Outcome::Good);
        }
        let pause = if is_drawn { OFTEN } else { SELDOM };
        let next = clock() + pause.max((clock() - begun) * PART);
        while clock() < next {
            if stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
            wait(GLANCE);
        }
    }
}

fn in_a_line(status: &Status) -> String {
    let states: Vec<String> =
        status.states.iter().map(|count| format!("{} {}", grouped(count.count), count.name)).collect();
    let pace = pace(status).map(|pace| format!("   {pace}")).unwrap_or_default();
    format!("{}: {}{pace}", status.campaign, states.join("   "))
}

fn show(command: &StatusOf, status: &Status, ui: &mut Ui) -> Result<()> {
    if command.common.format == Format::Json {
        let text = serde_json::to_string(status).map_err(|error| Error::input(error.to_string()))?;
        return ui.line(&text);
    }
    if let Some(Rows::Handsets(rows)) = &status.rows {
        if let Some(state) = command.list.filter(|_| rows.is_empty()) {
            return ui.line(&format!("no handset is {state}"));
        }
        return rows.iter().try_for_each(|row| ui.line(&handset(row)));
    }
    let plan = status.plan.as_ref().map_or("not complete", |plan| &plan[..12.min(plan.len())]);
    ui.line(&format!("{}   {}   plan {plan}", status.campaign, handsets(status.total)))?;
    let by = command.by.unwrap_or(By::State);
    if by == By::Stage {
        return ui.data(stages(status).as_bytes());
    }
    let counts = counts(by, status);
    if counts.is_empty() {
        ui.line(match by {
            By::Error => "nothing went wrong with any handset",
            By::Model => "no row names a model",
            By::State | By::Route | By::Stage => "there are no handsets",
        })?;
    }
    for count in counts {
        ui.line(&format!("{:>14}  {}", grouped(count.count), count.name))?;
    }
    if by == By::State { ui.data(around(status).as_bytes()) } else { Ok(()) }
}

fn handset(row: &Listed) -> String {
    let error = row.error.as_deref().map(|error| format!("   {error}")).unwrap_or_default();
    format!("{}   {}   attempts {}   line {}{error}", row.msisdn, row.state, row.attempts, row.line)
}

fn stages(status: &Status) -> String {
    let mut out = String::new();
    for stage in &status.stages {
        let states: Vec<String> =
            stage.states.iter().map(|(state, count)| format!("{} {state}", grouped(*count))).collect();
        let note = stage.note.as_deref().map(|note| format!("   approved: {note}")).unwrap_or_default();
        let total = grouped(stage.total);
        let _ = writeln!(out, "{total:>14}  stage {}   {}   {}{note}", stage.number, stage.stands, states.join(", "));
    }
    out
}

/// What else is to be known: what was left out, what holds it up, who works and how fast.
fn around(status: &Status) -> String {
    let mut out = String::new();
    for count in &status.not_planned {
        let _ = writeln!(out, "{:>14}  {}", grouped(count.count), count.name);
    }
    for (count, what) in [(status.unanswered, UNANSWERED), (status.possibly_duplicated, TWICE)] {
        if count > 0 {
            let _ = writeln!(out, "{:>14}  {what}", grouped(count));
        }
    }
    if status.stages.len() > 1 {
        out += &stages(status);
    }
    if let Some(why) = &status.cancelled {
        let _ = writeln!(out, "cancelled: {why}");
    }
    if let Some(why) = &status.halted {
        let _ = writeln!(out, "stopped: {why}");
    }
    if let Some(stage) = status.held().filter(|_| status.cancelled.is_none()) {
        let name = &status.campaign;
        let _ = writeln!(out, "stage {stage} needs approval: `impskit batch approve {name} --stage {stage}`");
    }
    for one in &status.working {
        let slices = if one.slices == 1 { "slice" } else { "slices" };
        let _ = writeln!(out, "{} sends by {}, {} {slices}", one.worker, one.route, one.slices);
    }
    if let Some(pace) = pace(status) {
        let _ = writeln!(out, "{pace}");
    }
    if let Some(due) = &status.next_due {
        let _ = writeln!(out, "the next handset that waits is due {due}");
    }
    out
}

fn pace(status: &Status) -> Option<String> {
    let left = status.seconds_left.map(|left| format!(", {} left", in_words(left))).unwrap_or_default();
    (status.per_second > 0.0).then(|| format!("{:.1} handsets a second{left}", status.per_second))
}
