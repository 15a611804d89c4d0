//! The memory of campaigns: who is to be sent what, and how far each handset is.
//!
//! Handsets live in *slices* of about 5,000, chosen by a hash of the number. A worker *leases* a slice; every write
//! names the lease's epoch, so that a worker that was thought dead cannot write over its successor.

mod key;
mod seen;
mod sqlite;

use std::fmt;

pub use key::StoreKey;
pub use seen::{Counted, Handset, Taken, Working};
pub use sqlite::{Run, Store};

use crate::document::mix;

/// Seconds since 1970. The library has no clock: who calls says what time it is.
pub type Timestamp = i64;

/// Handsets of a slice, about.
pub const SLICE: u64 = 5000;

/// Stands between the cells of a row that is kept, and between the names of a header: no cell may hold it.
pub const SEPARATOR: char = '\u{1F}';

/// How far a handset is in a campaign (`product.md` section 8.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum State {
    /// Its row is checked and stored.
    #[default]
    Planned,
    /// It is being handed to a route; what a crash leaves here is ambiguous.
    Submitting,
    /// The route took it.
    Submitted,
    /// Receipts say that every part arrived.
    Delivered,
    /// Its client logged in.
    Confirmed,
    /// The route refused it, or no attempts are left.
    Failed,
    /// It was not sent, or not heard of, in time.
    Expired,
    /// The campaign was cancelled before.
    Cancelled,
}

impl State {
    /// All states, in the order of a handset's way.
    pub const ALL: [Self; 8] = [
        Self::Planned,
        Self::Submitting,
        Self::Submitted,
        Self::Delivered,
        Self::Confirmed,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Returns the word that the store and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Submitting => "submitting",
            Self::Submitted => "submitted",
            Self::Delivered => "delivered",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the state that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Returns whether a handset may go from this state to `next`; there are no other ways.
    /// A planned handset also ends when its time is over or the campaign is cancelled.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Planned => matches!(next, Self::Submitting | Self::Expired | Self::Cancelled),
            Self::Submitting => matches!(next, Self::Submitted | Self::Planned | Self::Failed),
            Self::Submitted => matches!(next, Self::Delivered | Self::Failed | Self::Expired),
            Self::Delivered => next == Self::Confirmed,
            Self::Failed | Self::Expired => next == Self::Planned,
            Self::Confirmed | Self::Cancelled => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A row that is good enough to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRow {
    /// The number.
    pub msisdn: u64,
    /// The line of the table.
    pub line: u64,
    /// Which profile is filled from which columns.
    pub setup: u32,
    /// Which variant of the profile the handset takes.
    pub variant: String,
    /// What is sent, and to whom, in 32 octets.
    pub key: [u8; 32],
    /// SHA-256 of the document.
    pub document: [u8; 32],
    /// How many messages it takes.
    pub sms: u32,
    /// Not sent before.
    pub not_before: Option<Timestamp>,
    /// Not sent after.
    pub expires: Option<Timestamp>,
    /// The route that sends it.
    pub route: String,
    /// The handset's model.
    pub model: Option<String>,
    /// Minutes ahead of UTC, where the row says so.
    pub zone: Option<i32>,
    /// Who will log in, where that confirms the settings, and how the names of its clients begin if the settings say so.
    pub login: Option<(String, Option<String>)>,
    /// The row's values, separated by [`SEPARATOR`].
    pub cells: String,
}

/// What became of a row that was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    New,
    /// It was planned earlier, with the same key.
    Unchanged,
    /// It was planned earlier with another key and not sent yet: the new one takes its place.
    Replaced,
    /// It was planned earlier with another key, and is further than planned: it stays as it is.
    Late(State),
    /// The same number stands in an earlier line of the same table.
    Duplicate {
        /// That line.
        line: u64,
    },
}

/// A slice in which something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueSlice {
    /// Its number.
    pub number: u32,
    /// Whether something is ambiguous in it, or in the hands of another worker.
    pub is_open: bool,
}

/// A row that is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DueRow {
    /// The number.
    pub msisdn: u64,
    /// Its place in the order of planning.
    pub place: u64,
    /// Attempts made before.
    pub attempts: u32,
    /// How many of them do not count against the limit.
    pub free: u32,
    /// Minutes ahead of UTC, where the row says so.
    pub zone: Option<i32>,
    /// Which profile is filled from which columns.
    pub setup: u32,
    /// The key that it was planned with.
    pub key: [u8; 32],
    /// SHA-256 of the document.
    pub document: [u8; 32],
    /// Not sent after.
    pub expires: Option<Timestamp>,
    /// The row's values, separated by [`SEPARATOR`].
    pub cells: String,
}

/// A handset's step to another state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'r> {
    /// Who.
    pub row: &'r DueRow,
    /// Where it was.
    pub from: State,
    /// Where it is now.
    pub to: State,
    /// Not sent before; for a handset that is planned again.
    pub due: Timestamp,
    /// Whether the attempt does not count against the limit.
    pub is_free: bool,
    /// Whether it was not handed over at all: then there was no attempt.
    pub is_unsent: bool,
    /// The names that the gateway gave its short messages.
    pub ids: &'r [String],
    /// The code of what went wrong, for counting.
    pub error: Option<String>,
    /// The evidence: what the route answered.
    pub detail: Option<String>,
}

/// A slice that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The slice.
    pub slice: u32,
    /// How often the slice was leased, this time included.
    pub epoch: u64,
}

/// A campaign as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: String,
    /// The campaign file.
    pub file: String,
    /// How many slices it has.
    pub slices: u32,
    /// Which plan this is, from 1.
    pub generation: u32,
    /// The hash of its plan; none while a plan is being made.
    pub plan: Option<String>,
    /// When it was planned first.
    pub planned_at: Timestamp,
    /// Why every run is to stop: a safety limit was reached. The next run begins by clearing it.
    pub halted: Option<String>,
    /// Why nothing more is to be sent.
    pub cancelled: Option<String>,
}

/// A stage of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredStage {
    /// Its number, from 1.
    pub number: u32,
    /// How many handsets of the campaign it and the stages before it have: the place of its last one.
    pub last: u64,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// What was said with the approval.
    pub note: Option<String>,
}

/// Which handsets go back to planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    /// The states that they are in now; `failed`, `expired` and held `submitting` ones may go back.
    pub states: Vec<State>,
    /// Only with one of these errors; `*` at the end stands for any rest. Empty for all.
    pub errors: Vec<String>,
    /// Only of these models, in the same way.
    pub models: Vec<String>,
    /// Only what came into its state at this time or later.
    pub since: Option<Timestamp>,
}

/// A client that logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The number, or the user of the login.
    pub who: String,
    /// What the client called itself.
    pub client: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What receipts changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Receipts for messages that are known.
    pub matched: u64,
    /// Receipts for names that are not known, or not yet: they are kept.
    pub unknown: u64,
    /// Receipts that said nothing new: repeated, or for an attempt that is over.
    pub idle: u64,
    /// Handsets that came to another state.
    pub changed: Vec<Changed>,
}

/// A handset that came to another state: number, campaign, state, code.
pub type Changed = (u64, String, State, Option<String>);

/// A profile and the columns that it is filled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// What rows name it by.
    pub number: u32,
    /// The profile's file, as the campaign or the row names it.
    pub profile: String,
    /// The names of the columns, separated by [`SEPARATOR`].
    pub header: String,
}

/// A handset for a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The number, without `+`.
    pub msisdn: String,
    /// Its state.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// The line of the table that it was seen in last.
    pub line: u64,
    /// What went wrong.
    pub error: Option<String>,
}

/// Returns the slice of a number: a hash of it, spread evenly over `slices`. The same on every machine and for ever.
pub fn slice_of(msisdn: u64, slices: u32) -> u32 {
    u32::try_from(mix(msisdn) % u64::from(slices.max(1))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_move_along_the_arrows_of_the_sheet() {
        use State::{Confirmed, Delivered, Failed, Planned, Submitted, Submitting};
        for (from, to) in [
            (Planned, Submitting),
            (Submitting, Submitted),
            (Submitting, Planned),
            (Submitting, Failed),
            (Submitted, Delivered),
            (Submitted, Failed),
            (Delivered, Confirmed),
            (Failed, Planned),
        ] {
            assert!(from.may_become(to), "{from} to {to}");
        }
        for (from, to) in [(Planned, Submitted), (Submitted, Planned), (Submitted, Submitting), (Confirmed, Planned)] {
            assert!(!from.may_become(to), "{from} to {to}");
        }
        assert!(State::ALL.into_iter().all(|state| State::from_word(state.as_str()) == Some(state)));
    }

    #[test]
    fn slices_are_about_equal_also_for_numbers_in_a_row() {
        let mut sizes = [0_u32; 20];
        for msisdn in 46_700_000_000..46_700_100_000 {
            sizes[slice_of(msisdn, 20) as usize] += 1;
        }
        assert!(sizes.iter().all(|size| (4700..5300).contains(size)), "{sizes:?}");
    }
}
