//! Events: every change of a campaign as a line of JSON (`product.md` section 8.4).

use serde::Serialize;

use super::store::{State, Timestamp};
use super::units::rfc3339;

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub msisdn: Option<u64>,
    /// With which attempt.
    pub attempt: Option<u32>,
    /// By which route.
    pub route: Option<String>,
    /// What the gateway calls the short messages.
    pub gateway_id: Vec<String>,
    /// The code of what went wrong.
    pub code: Option<String>,
    /// What happened, for people.
    pub text: Option<String>,
    /// The stage.
    pub stage: Option<u32>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A handset is planned, again after an attempt that failed.
    Retried,
    /// It is being handed to a route.
    Submitting,
    /// The route took it.
    Submitted,
    /// Every part arrived.
    Delivered,
    /// Its client logged in.
    Confirmed,
    /// It is given up.
    Failed,
    /// Its time was over.
    Expired,
    /// A stage began.
    StageStarted,
    /// A stage waits for approval.
    StageHeld,
    /// A safety limit stopped the campaign.
    Stopped,
    /// A campaign that was stopped goes on.
    Resumed,
    /// Nothing is left to send.
    Finished,
}

impl EventKind {
    /// Returns what it is called when a handset comes to a state.
    pub(super) fn of(state: State) -> Self {
        match state {
            State::Submitting => Self::Submitting,
            State::Submitted => Self::Submitted,
            State::Delivered => Self::Delivered,
            State::Confirmed => Self::Confirmed,
            State::Expired => Self::Expired,
            State::Planned => Self::Retried,
            State::Failed | State::Cancelled => Self::Failed,
        }
    }
}

/// What every event of a run has in common.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'o> {
    /// The campaign.
    pub campaign: &'o str,
    /// The worker.
    pub worker: &'o str,
}

impl Event {
    pub(super) fn new(kind: EventKind) -> Self {
        let (msisdn, attempt, route, code, text, stage) = (None, None, None, None, None, None);
        Self { kind, msisdn, attempt, route, gateway_id: Vec::new(), code, text, stage }
    }

    /// Returns the event as a line of JSON, `impskit.event/1`, without its line end. `seq` counts the events of a
    /// run from 1; `number` writes a number as others may see it.
    pub fn line(&self, seq: u64, time: Timestamp, origin: Origin<'_>, number: impl Fn(u64) -> String) -> String {
        #[derive(Serialize)]
        struct Line<'l> {
            schema: &'static str,
            seq: u64,
            time: String,
            campaign: &'l str,
            #[serde(rename = "type")]
            kind: EventKind,
            #[serde(skip_serializing_if = "Option::is_none")]
            msisdn: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            attempt: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            route: Option<&'l str>,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            gateway_id: &'l [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'l str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            text: Option<&'l str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            stage: Option<u32>,
            worker: &'l str,
        }
        let line = Line {
            schema: "impskit.event/1",
            seq,
            time: rfc3339(time),
            campaign: origin.campaign,
            kind: self.kind,
            msisdn: self.msisdn.map(number),
            attempt: self.attempt,
            route: self.route.as_deref(),
            gateway_id: &self.gateway_id,
            code: self.code.as_deref(),
            text: self.text.as_deref(),
            stage: self.stage,
            worker: origin.worker,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }
}
