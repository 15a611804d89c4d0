//! Where a campaign stands: counts by state and by error, for people and for programs.

use serde::Serialize;

use super::store::{Listed, State, Store};
use crate::error::{Error, Result};

/// Where a campaign stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Handsets that were sent again after a crash, and may have got the message twice.
    pub possibly_duplicated: u64,
    /// Handsets that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Listed>>,
}

/// So many of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The kind.
    pub name: String,
    /// How many.
    pub count: u64,
}

impl Status {
    /// Reads where the campaign called `name` stands, with `list` handsets of a state.
    ///
    /// # Errors
    ///
    /// Fails when there is no such campaign, or the store cannot be read.
    pub fn read(store: &Store, name: &str, list: Option<(State, u64)>) -> Result<Self> {
        let Some(campaign) = store.campaign(name)? else { return Err(unknown(store, name)) };
        let counts = |counts: Vec<(String, u64)>| -> Vec<Count> {
            counts.into_iter().map(|(name, count)| Count { name, count }).collect()
        };
        let mut states = counts(store.count_states(name)?);
        states.sort_by_key(|count| State::from_word(&count.name));
        let not_planned =
            store.tally(name)?.into_iter().map(|(kind, reason, count)| (format!("{kind}: {reason}"), count));
        Ok(Self {
            schema: "impskit.status/1",
            campaign: campaign.name,
            plan: campaign.plan,
            total: states.iter().map(|count| count.count).sum(),
            states,
            errors: counts(store.count_errors(name)?),
            not_planned: counts(not_planned.collect()),
            possibly_duplicated: store.possibly_duplicated(name)?,
            rows: list.map(|(state, limit)| store.list(name, state, limit)).transpose()?,
        })
    }
}

/// Returns the error of naming a campaign that the store does not have.
pub fn unknown(store: &Store, name: &str) -> Error {
    let error = Error::input(format!("the store has no campaign `{name}`"));
    match store.campaigns() {
        Ok(names) if !names.is_empty() => error.help(format!("it has {}", names.join(", "))),
        _ => error.help("`impskit batch plan` makes it"),
    }
}
