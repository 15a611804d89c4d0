//! What the store shows to those who look: handsets, their steps, who works.

use super::{SEPARATOR, State, Timestamp};

/// A handset as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'c> {
    /// How far it is.
    pub state: State,
    /// The route that it is sent by.
    pub route: &'c str,
    /// Its model, where its row names one.
    pub model: Option<&'c str>,
    /// What went wrong last.
    pub error: Option<&'c str>,
    /// Its place in the order of planning.
    pub place: u64,
    /// Messages that it takes.
    pub sms: u32,
    /// Not sent before.
    pub due: Timestamp,
}

/// A handset with what its history came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handset {
    /// Its place in the order of planning.
    pub place: u64,
    /// The number.
    pub msisdn: u64,
    /// The line of the table that it was seen in last.
    pub line: u64,
    /// The operator's own key: the column `ref`.
    pub reference: Option<String>,
    /// How far it is.
    pub state: State,
    /// Since when, where its history says so: a handset that was only planned has none.
    pub since: Option<Timestamp>,
    /// Attempts made.
    pub attempts: u32,
    /// Messages that it takes.
    pub sms: u32,
    /// The route that it is sent by.
    pub route: String,
    /// Its model, where its row names one.
    pub model: Option<String>,
    /// Which variant of which profile it takes.
    pub variant: String,
    /// The code of what went wrong last.
    pub error: Option<String>,
    /// The same in words, where the history has some.
    pub text: Option<String>,
    /// What the gateway called its messages when it took them last.
    pub gateway_ids: Vec<String>,
    /// When a route took it first.
    pub first_submitted: Option<Timestamp>,
    /// When a route took it last.
    pub submitted: Option<Timestamp>,
    /// When its receipts were complete.
    pub delivered: Option<Timestamp>,
    /// When its client logged in.
    pub confirmed: Option<Timestamp>,
    /// As what its client logged in.
    pub client: Option<String>,
    /// Whether it was sent again although nobody knew whether the message had been taken.
    pub is_possibly_duplicated: bool,
    /// Whether nobody knew of an attempt whether it was taken.
    pub is_doubtful: bool,
    /// When the words were said.
    pub(in crate::batch) said: Option<Timestamp>,
}

/// A step of a handset's history.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'t> {
    /// Where it came to.
    pub state: State,
    /// When.
    pub at: Timestamp,
    /// With which attempt.
    pub attempt: u32,
    /// The evidence; for a submit the names of its messages, separated by [`SEPARATOR`].
    pub detail: Option<&'t str>,
}

/// A worker that holds slices of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Working {
    /// Its name.
    pub worker: String,
    /// The route that it sends by.
    pub route: String,
    /// How many slices it holds.
    pub slices: u64,
    /// When the last of its leases ends, if it is not renewed.
    pub until: Timestamp,
}

/// How the evidence of a handset begins whose message a route may have taken.
const AMBIGUOUS: &str = "ambiguous";

impl Handset {
    /// Takes in a step of its history; steps may come in any order.
    pub(super) fn took(&mut self, step: &Taken<'_>) {
        if step.state == self.state {
            self.since = self.since.max(Some(step.at));
        }
        match step.state {
            State::Submitted => {
                let first = self.first_submitted.map_or(step.at, |first| first.min(step.at));
                self.first_submitted = Some(first);
                if self.submitted <= Some(step.at) {
                    self.submitted = Some(step.at);
                    self.gateway_ids = step.detail.map(ids).unwrap_or_default();
                }
            }
            State::Delivered => self.delivered = self.delivered.max(Some(step.at)),
            State::Confirmed => {
                self.confirmed = Some(step.at);
                self.client = step.detail.map(str::to_owned);
            }
            State::Submitting => {}
            State::Planned | State::Failed | State::Expired | State::Cancelled => {
                let is_doubtful = matches!(step.state, State::Planned | State::Failed)
                    && step.detail.is_some_and(|detail| detail.starts_with(AMBIGUOUS));
                self.is_doubtful |= is_doubtful;
                self.is_possibly_duplicated |= is_doubtful && self.attempts > step.attempt;
                if step.detail.is_some() && self.said <= Some(step.at) {
                    self.said = Some(step.at);
                    self.text = step.detail.map(str::to_owned);
                }
            }
        }
    }

    /// Returns why it is where it is, in words, if it is where it should not stay.
    pub fn reason(&self) -> Option<&str> {
        let is_over = matches!(self.state, State::Failed | State::Expired | State::Cancelled);
        self.text.as_deref().filter(|text| (is_over || self.error.is_some()) && Some(*text) != self.error.as_deref())
    }
}

fn ids(detail: &str) -> Vec<String> {
    detail.split(SEPARATOR).map(str::to_owned).collect()
}

impl Default for Handset {
    fn default() -> Self {
        Self {
            place: 0,
            msisdn: 0,
            line: 0,
            reference: None,
            state: State::Planned,
            since: None,
            attempts: 0,
            sms: 0,
            route: String::new(),
            model: None,
            variant: String::new(),
            error: None,
            text: None,
            gateway_ids: Vec::new(),
            first_submitted: None,
            submitted: None,
            delivered: None,
            confirmed: None,
            client: None,
            is_possibly_duplicated: false,
            is_doubtful: false,
            said: None,
        }
    }
}
