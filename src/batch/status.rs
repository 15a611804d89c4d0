//! Where a campaign stands: counts, pace, who works on it and what it waits for; for people and for programs.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::store::{Counted, Listed, State, Store, StoredStage, Timestamp, Working};
use super::units::rfc3339;
use crate::error::{Error, Result};

/// Names of a kind that are told apart; the rest is counted together.
const MOST_NAMES: usize = 1000;
/// Seconds over which the pace is taken.
const RECENT: Timestamp = 60;

/// Where a campaign stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    schema: &'static str,
    /// The campaign's name.
    pub campaign: String,
    /// The plan's hash; none while a plan is being made.
    pub plan: Option<String>,
    /// Handsets of the campaign.
    pub total: u64,
    /// Handsets by state, in the order of a handset's way; states without any are left out.
    pub states: Vec<Count>,
    /// Handsets by what went wrong last, most first.
    pub errors: Vec<Count>,
    /// Rows of the last plan that were not taken, by reason.
    pub not_planned: Vec<Count>,
    /// Handsets of which nobody knows whether their message was taken, and that were not sent again so far.
    pub unanswered: u64,
    /// Handsets that were sent again although nobody knew whether the first message was taken.
    pub possibly_duplicated: u64,
    /// Handsets by model, most first.
    pub models: Vec<Count>,
    /// Handsets by route, most first.
    pub routes: Vec<Count>,
    /// The stages in their order.
    pub stages: Vec<StageStatus>,
    /// Why every run is to stop: a safety limit was reached.
    pub halted: Option<String>,
    /// Why nothing more is to be sent.
    pub cancelled: Option<String>,
    /// Who works on it now.
    pub working: Vec<Working>,
    /// Handsets that are submitted in a second, now.
    pub per_second: f64,
    /// Seconds until all is submitted, at this pace; none where nobody works.
    pub seconds_left: Option<u64>,
    /// When the next handset is due, where handsets wait for their time.
    pub next_due: Option<String>,
    /// What was asked for: handsets of a state, or counts of a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Rows {
    /// Handsets of a state.
    Handsets(Vec<Listed>),
    /// Counts of a kind.
    Counts(Vec<Count>),
}

/// So many of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The kind.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// Where a stage stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageStatus {
    /// Its number, from 1.
    pub number: u32,
    /// Its handsets.
    pub total: u64,
    /// How many of them are still to be sent.
    pub left: u64,
    /// How many are in which state.
    pub states: BTreeMap<State, u64>,
    /// `next`, `running`, `done`, `cancelled` where handsets of it were not sent, `needs approval`, or `waiting` for the
    /// stage before.
    pub stands: &'static str,
    /// What was said with the approval.
    pub note: Option<String>,
}

impl Status {
    /// Reads where the campaign called `name` stands at `now`. `is_held`: every stage but the first needs approval.
    ///
    /// # Errors
    ///
    /// Fails when there is no such campaign, or the store cannot be read.
    pub fn read(store: &Store, name: &str, now: Timestamp, is_held: bool) -> Result<Self> {
        let Some(campaign) = store.campaign(name)? else { return Err(unknown(store, name)) };
        let stages = store.stages(name)?;
        let mut sums = Sums::new(&stages);
        store.each_counted(name, |handset| sums.add(handset, now))?;
        let working = store.working(name, now)?;
        let per_second = if working.is_empty() { 0.0 } else { store.pace(name, now, RECENT)? };
        let not_planned =
            store.tally(name)?.into_iter().map(|(kind, reason, count)| (format!("{kind}: {reason}"), count));
        let (unanswered, possibly_duplicated) = store.doubtful(name)?;
        let states: Vec<_> = sums.states.iter().map(|(state, count)| (state.to_string(), *count)).collect();
        Ok(Self {
            schema: "impskit.status/1",
            campaign: campaign.name,
            plan: campaign.plan,
            total: sums.states.values().sum(),
            states: counts(states),
            errors: most_first(sums.errors),
            not_planned: counts(not_planned.collect()),
            unanswered,
            possibly_duplicated,
            models: most_first(sums.models),
            routes: most_first(sums.routes),
            stages: stand(&stages, sums.stages, is_held),
            halted: campaign.halted,
            cancelled: campaign.cancelled,
            working,
            per_second,
            seconds_left: (per_second > 0.0 && sums.left > 0).then(|| (sums.left as f64 / per_second).ceil() as u64),
            next_due: sums.next_due.map(rfc3339),
            rows: None,
        })
    }

    /// Returns how many handsets are in a state.
    pub fn count(&self, state: State) -> u64 {
        self.states.iter().find(|count| count.name == state.as_str()).map_or(0, |count| count.count)
    }

    /// Returns the stage that waits for approval, if one does.
    pub fn held(&self) -> Option<u32> {
        self.stages.iter().find(|stage| stage.stands == HELD).map(|stage| stage.number)
    }
}

const HELD: &str = "needs approval";
/// Where a stage stands of which everything is sent.
pub const DONE: &str = "done";

/// Says of every stage where it stands; only the first that is not done can be held.
fn stand(stages: &[StoredStage], counted: Vec<BTreeMap<State, u64>>, is_held: bool) -> Vec<StageStatus> {
    let mut is_open = true;
    let stages = stages.iter().zip(counted).map(|(stage, states)| {
        let count = |state| states.get(&state).copied().unwrap_or_default();
        let left = count(State::Planned) + count(State::Submitting);
        let stands = match left {
            0 if count(State::Cancelled) > 0 => "cancelled",
            0 => DONE,
            _ if !is_open => "waiting",
            _ if is_held && stage.number > 1 && stage.approved_at.is_none() => HELD,
            _ if stage.started_at.is_some() => "running",
            _ => "next",
        };
        is_open &= left == 0;
        let (number, note) = (stage.number, stage.note.clone());
        StageStatus { number, total: states.values().sum(), left, states, stands, note }
    });
    stages.collect()
}

/// The sums while the walk goes on.
struct Sums<'s> {
    places: &'s [StoredStage],
    states: BTreeMap<State, u64>,
    errors: HashMap<String, u64>,
    models: HashMap<String, u64>,
    routes: HashMap<String, u64>,
    stages: Vec<BTreeMap<State, u64>>,
    left: u64,
    next_due: Option<Timestamp>,
}

impl<'s> Sums<'s> {
    fn new(places: &'s [StoredStage]) -> Self {
        let (errors, models, routes) = (HashMap::new(), HashMap::new(), HashMap::new());
        let stages = vec![BTreeMap::new(); places.len()];
        Self { places, states: BTreeMap::new(), errors, models, routes, stages, left: 0, next_due: None }
    }

    fn add(&mut self, handset: &Counted<'_>, now: Timestamp) {
        *self.states.entry(handset.state).or_default() += 1;
        count(&mut self.routes, handset.route);
        if let Some(error) = handset.error {
            count(&mut self.errors, error);
        }
        if let Some(model) = handset.model {
            count(&mut self.models, model);
        }
        let stage = self.places.partition_point(|stage| stage.last < handset.place);
        if let Some(states) = self.stages.get_mut(stage) {
            *states.entry(handset.state).or_default() += 1;
        }
        self.left += u64::from(matches!(handset.state, State::Planned | State::Submitting));
        if handset.state == State::Planned && handset.due > now {
            self.next_due = Some(self.next_due.map_or(handset.due, |next| next.min(handset.due)));
        }
    }
}

fn count(counts: &mut HashMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else {
        let name = if counts.len() < MOST_NAMES { name } else { "(others)" };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
}

fn counts(counts: Vec<(String, u64)>) -> Vec<Count> {
    counts.into_iter().map(|(name, count)| Count { name, count }).collect()
}

fn most_first(found: HashMap<String, u64>) -> Vec<Count> {
    let mut sorted = counts(found.into_iter().collect());
    sorted.sort_by(|a, b| (b.count, &a.name).cmp(&(a.count, &b.name)));
    sorted
}

/// Returns the error of naming a campaign that the store does not have.
pub fn unknown(store: &Store, name: &str) -> Error {
    let error = Error::input(format!("the store has no campaign `{name}`"));
    match store.campaigns() {
        Ok(names) if !names.is_empty() => error.help(format!("it has {}", names.join(", "))),
        _ => error.help("`impskit batch plan` makes it"),
    }
}
