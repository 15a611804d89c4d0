//! The account of a campaign: what became of every handset, in sums for people and one by one for programs
//! (`product.md` sections 3.8 and 8.2).
//!
//! ```text
//! rows ⋈ handsets ⋈ history ── one walk ─┬─ sums ── text, HTML, JSON
//!                                        └─ every handset ── CSV, JSON
//! ```
//!
//! Sums hold a bounded number of names each, the walk holds one handset: ten million take no more memory than ten.

mod chart;
mod html;
mod rows;
mod series;

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

pub use html::page;
pub use rows::{csv_header, csv_row, json_row};
pub use series::{Bucket, Series};

use super::status::{Count, unknown};
use super::store::{Handset, SEPARATOR, State, Store, StoredStage, Taken, Timestamp};
use super::units::rfc3339;
use crate::error::Result;

/// Names of a kind that are told apart; the rest is counted together.
const MOST_NAMES: usize = 1000;
/// What the rest is called.
const OTHERS: &str = "(others)";
/// What is not given.
const NONE: &str = "(not given)";
/// Numbers of handsets that may have got the message twice which the sums name; the rows mark all of them.
const MOST_DUPLICATES: usize = 100;

/// The account of a campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    schema: &'static str,
    /// The campaign's name.
    pub campaign: String,
    /// The plan's hash; none while a plan is being made.
    pub plan: Option<String>,
    /// When it was planned first.
    #[serde(serialize_with = "time")]
    pub planned_at: Timestamp,
    /// When this account was made.
    #[serde(serialize_with = "time")]
    pub made_at: Timestamp,
    /// Why every run stopped: a safety limit was reached.
    pub halted: Option<String>,
    /// Why nothing more is sent.
    pub cancelled: Option<String>,
    /// Handsets of the campaign.
    pub total: u64,
    /// Handsets by state, in the order of a handset's way; states without any are left out.
    pub states: Vec<Count>,
    /// The stages in their order.
    pub stages: Vec<StageAccount>,
    /// Handsets by route.
    pub routes: Vec<Group>,
    /// Handsets by model.
    pub models: Vec<Group>,
    /// Handsets by profile and variant.
    pub variants: Vec<Group>,
    /// Handsets by what went wrong last, most first.
    pub errors: Vec<Fault>,
    /// Rows of the last plan that were not taken, by reason.
    pub not_planned: Vec<Count>,
    /// Handsets of which nobody knows whether their message was taken, and that were not sent again so far.
    pub unanswered: u64,
    /// Handsets that were sent again although nobody knew whether the first message was taken.
    pub possibly_duplicated: u64,
    /// The numbers of the first of them.
    pub duplicates: Vec<String>,
    /// Receipts of the campaign's routes for messages that nobody knows.
    pub unknown_receipts: u64,
    /// Short messages that the handsets take, one attempt each.
    pub sms_planned: u64,
    /// Short messages that routes took, all attempts.
    pub sms_submitted: u64,
    /// Attempts made.
    pub attempts: u64,
    /// When a route took the first message.
    #[serde(serialize_with = "some_time")]
    pub first_submit: Option<Timestamp>,
    /// When a route took the last message.
    #[serde(serialize_with = "some_time")]
    pub last_submit: Option<Timestamp>,
    /// What happened when.
    pub history: Series,
}

/// Handsets of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// How many they are.
    pub total: u64,
    /// Short messages that they take, one attempt each.
    pub sms: u64,
    /// How many are in which state.
    pub states: BTreeMap<State, u64>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageAccount {
    /// Its number, from 1.
    pub number: u32,
    /// Its handsets.
    #[serde(flatten)]
    pub handsets: Group,
    /// When it began.
    #[serde(serialize_with = "some_time")]
    pub started_at: Option<Timestamp>,
    /// When it was approved.
    #[serde(serialize_with = "some_time")]
    pub approved_at: Option<Timestamp>,
    /// What was said with the approval.
    pub note: Option<String>,
}

/// What went wrong with some handsets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fault {
    /// The code.
    pub code: String,
    /// How many handsets had it last.
    pub count: u64,
    /// How many of them are given up: failed or expired.
    pub given_up: u64,
    /// Their share of all handsets of the campaign, from 0 to 1.
    pub share: f64,
    /// What the code means, where that is known; else what was said of one of them.
    pub meaning: Option<String>,
}

/// What a report is made of.
#[derive(Clone, Copy)]
pub struct Source<'s> {
    /// The store.
    pub store: &'s Store,
    /// The campaign's name.
    pub campaign: &'s str,
    /// What time it is.
    pub now: Timestamp,
    /// Says what a code means.
    pub meaning: &'s dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("campaign", &self.campaign).finish_non_exhaustive()
    }
}

impl Source<'_> {
    /// Makes the sums. Call it in a [`Store::snapshot`] with [`Self::rows`] where both are to agree.
    ///
    /// # Errors
    ///
    /// Fails when there is no such campaign, or the store cannot be read.
    pub fn report(&self) -> Result<Report> {
        self.walk(&[], |_| Ok(()))
    }

    /// Gives every handset to `each`, slice by slice as planned, and makes the sums on the way.
    ///
    /// # Errors
    ///
    /// As [`Self::report`], as `each` does, and when rows are encrypted whose table had a column `ref`, without the key.
    pub fn rows(&self, each: impl FnMut(&Handset) -> Result<()>) -> Result<Report> {
        let mut references = Vec::new();
        for setup in self.store.setups(self.campaign)? {
            let mut names = setup.header.split(SEPARATOR);
            references.extend(names.position(|name| name.eq_ignore_ascii_case("ref")).map(|at| (setup.number, at)));
        }
        self.walk(&references, each)
    }

    fn walk(&self, references: &[(u32, usize)], mut each: impl FnMut(&Handset) -> Result<()>) -> Result<Report> {
        let (store, name) = (self.store, self.campaign);
        let campaign = store.campaign(name)?.ok_or_else(|| unknown(store, name))?;
        let stages = store.stages(name)?;
        let mut sums = Sums::new(&stages, (campaign.planned_at, self.now.max(campaign.planned_at)));
        store.each_handset(name, references, |handset, step| match step {
            Some(step) => {
                sums.step(handset, step);
                Ok(())
            }
            None => {
                sums.handset(handset);
                each(handset)
            }
        })?;
        let mut report = sums.report(self.meaning);
        let routes: Vec<String> = report.routes.iter().map(|route| route.name.clone()).collect();
        let not_planned = store.tally(name)?.into_iter();
        report.not_planned =
            not_planned.map(|(kind, reason, count)| Count { name: format!("{kind}: {reason}"), count }).collect();
        report.unknown_receipts = store.unknown_receipts(&routes)?;
        report.campaign = campaign.name;
        report.plan = campaign.plan;
        (report.planned_at, report.made_at) = (campaign.planned_at, self.now);
        (report.halted, report.cancelled) = (campaign.halted, campaign.cancelled);
        Ok(report)
    }
}

impl Report {
    /// Returns how many handsets are in a state.
    pub fn count(&self, state: State) -> u64 {
        self.states.iter().find(|count| count.name == state.as_str()).map_or(0, |count| count.count)
    }

    /// Returns whether all is well as far as it is settled: nothing failed, expired or was rejected.
    pub fn is_good(&self) -> bool {
        let is_rejected = self.not_planned.iter().any(|count| count.name.starts_with("rejected"));
        self.count(State::Failed) + self.count(State::Expired) == 0 && !is_rejected
    }

    /// Returns how many seconds lie between the first and the last submit.
    pub fn duration(&self) -> Option<Timestamp> {
        Some(self.last_submit? - self.first_submit?)
    }

    /// Returns how many short messages routes took in an hour, between the first submit and the last; none
    /// where both are in one second.
    pub fn sms_per_hour(&self) -> Option<f64> {
        let seconds = self.duration().filter(|seconds| *seconds > 0)?;
        Some(self.sms_submitted as f64 * 3600.0 / seconds as f64)
    }

    /// Returns the report as JSON, `impskit.report/1`, up to where its handsets stand: `"devices":[` comes last.
    pub fn json_head(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.pop();
        text += ",\"devices\":[";
        text
    }
}

/// Handsets by name; only so many names are told apart.
#[derive(Debug, Default)]
struct Groups(HashMap<String, Group>);

impl Groups {
    fn add(&mut self, name: &str, handset: &Handset) {
        let name = if self.0.contains_key(name) || self.0.len() < MOST_NAMES { name } else { OTHERS };
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), Group { name: name.to_owned(), ..Group::default() });
        }
        if let Some(group) = self.0.get_mut(name) {
            group.add(handset);
        }
    }

    fn sorted(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by(|a, b| (b.total, &a.name).cmp(&(a.total, &b.name)));
        groups
    }
}

impl Group {
    fn add(&mut self, handset: &Handset) {
        self.total += 1;
        self.sms += u64::from(handset.sms);
        *self.states.entry(handset.state).or_default() += 1;
    }

    /// Returns how many of them are in a state.
    pub fn count(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }
}

/// The sums while the walk goes on.
#[derive(Debug)]
struct Sums<'s> {
    stages: &'s [StoredStage],
    by_stage: Vec<Group>,
    all: Group,
    routes: Groups,
    models: Groups,
    variants: Groups,
    errors: HashMap<String, Fault>,
    unanswered: u64,
    duplicates: (u64, Vec<String>),
    attempts: u64,
    sms_submitted: u64,
    submits: Option<(Timestamp, Timestamp)>,
    series: Series,
    /// When anything can have happened: what a gateway's clock says beyond it counts at its ends.
    within: (Timestamp, Timestamp),
}

impl<'s> Sums<'s> {
    fn new(stages: &'s [StoredStage], within: (Timestamp, Timestamp)) -> Self {
        Self {
            stages,
            by_stage: vec![Group::default(); stages.len()],
            all: Group::default(),
            routes: Groups::default(),
            models: Groups::default(),
            variants: Groups::default(),
            errors: HashMap::new(),
            unanswered: 0,
            duplicates: (0, Vec::new()),
            attempts: 0,
            sms_submitted: 0,
            submits: None,
            series: Series::new(),
            within,
        }
    }

    fn step(&mut self, handset: &Handset, step: &Taken<'_>) {
        if step.state == State::Submitted {
            self.sms_submitted += u64::from(handset.sms);
            let (first, last) = self.submits.unwrap_or((step.at, step.at));
            self.submits = Some((first.min(step.at), last.max(step.at)));
        }
        self.series.add(step.at.clamp(self.within.0, self.within.1), step.state, handset.sms);
    }

    fn handset(&mut self, handset: &Handset) {
        self.all.add(handset);
        self.routes.add(&handset.route, handset);
        self.models.add(handset.model.as_deref().unwrap_or(NONE), handset);
        self.variants.add(&handset.variant, handset);
        self.attempts += u64::from(handset.attempts);
        // Stages count from the first handset on: the first that reaches this one has it.
        let stage = self.stages.partition_point(|stage| stage.last < handset.place);
        if let Some(group) = self.by_stage.get_mut(stage) {
            group.add(handset);
        }
        self.unanswered += u64::from(handset.is_doubtful && !handset.is_possibly_duplicated);
        if handset.is_possibly_duplicated {
            self.duplicates.0 += 1;
            if self.duplicates.1.len() < MOST_DUPLICATES {
                self.duplicates.1.push(handset.msisdn.to_string());
            }
        }
        self.fault(handset);
    }

    fn fault(&mut self, handset: &Handset) {
        let Some(code) = handset.error.as_deref() else { return };
        let code = if self.errors.contains_key(code) || self.errors.len() < MOST_NAMES { code } else { OTHERS };
        if !self.errors.contains_key(code) {
            let meaning = handset.reason().filter(|_| code != OTHERS).map(str::to_owned);
            self.errors.insert(code.to_owned(), Fault { code: code.to_owned(), meaning, ..Fault::default() });
        }
        if let Some(fault) = self.errors.get_mut(code) {
            fault.count += 1;
            fault.given_up += u64::from(matches!(handset.state, State::Failed | State::Expired));
        }
    }

    fn report(self, meaning: &dyn Fn(&str) -> Option<String>) -> Report {
        let stages = self.stages.iter().zip(self.by_stage).map(|(stage, handsets)| StageAccount {
            number: stage.number,
            handsets: Group { name: format!("stage {}", stage.number), ..handsets },
            started_at: stage.started_at,
            approved_at: stage.approved_at,
            note: stage.note.clone(),
        });
        let mut errors: Vec<Fault> = self.errors.into_values().collect();
        errors.sort_by(|a, b| (b.count, &a.code).cmp(&(a.count, &b.code)));
        for fault in &mut errors {
            fault.share = fault.count as f64 / self.all.total.max(1) as f64;
            fault.meaning = meaning(&fault.code).or(fault.meaning.take());
        }
        let states = self.all.states.iter().map(|(state, count)| Count { name: state.to_string(), count: *count });
        Report {
            schema: "impskit.report/1",
            campaign: String::new(),
            plan: None,
            planned_at: 0,
            made_at: 0,
            halted: None,
            cancelled: None,
            total: self.all.total,
            states: states.collect(),
            stages: stages.collect(),
            routes: self.routes.sorted(),
            models: self.models.sorted(),
            variants: self.variants.sorted(),
            errors,
            not_planned: Vec::new(),
            unanswered: self.unanswered,
            possibly_duplicated: self.duplicates.0,
            duplicates: self.duplicates.1,
            unknown_receipts: 0,
            sms_planned: self.all.sms,
            sms_submitted: self.sms_submitted,
            attempts: self.attempts,
            first_submit: self.submits.map(|(first, _)| first),
            last_submit: self.submits.map(|(_, last)| last),
            history: self.series,
        }
    }
}

fn time<S: Serializer>(time: &Timestamp, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

#[allow(clippy::ref_option, reason = "serde hands fields over so")]
fn some_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    time.map(rfc3339).serialize(serializer)
}
