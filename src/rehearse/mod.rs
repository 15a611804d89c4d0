//! From profile to logged-in client, without a handset, in fifteen steps.
//!
//! ```text
//! 1 profile ─ 2 document ─ 3 WBXML ─ 4 seal ─ 5 SMS   (what the operator's side does: `settings`)
//!                                              │ parts shuffled
//! 8 read back ─ 7 apply to a tree ─ 6 reassemble, open, verify    (what the handset does: `settings`)
//! │
//! 9 log in ─ 10 services ─ 11 presence ─ 12 messages ─ 13 group ─ 15 log out   (a conversation: `session`)
//! 14 a management server makes the same settings in DM sessions, reads, changes and deletes them   (`management`)
//! ```
//!
//! The client knows nothing but what step 8 read from the tree. The document tried is octet for octet the one that a
//! campaign sends, because both fill the same template; where its addresses name another host, the client's connector
//! leads them to the server of the rehearsal, and the evidence says so.

use std::time::Duration;

use crate::cp::mac::{Imsi, Pin, Security};
use crate::provision::{Handset, Pack, Profile};

mod groups;
mod management;
pub mod report;
mod session;
mod settings;
pub mod survey;
pub mod table;

pub use groups::Group;
pub use session::{Choice, rehearse};

/// What is rehearsed: a profile for one handset.
#[derive(Debug)]
pub struct Subject<'p> {
    /// The profile and the row, for people.
    pub name: String,
    /// The profile, already the variant for this handset.
    pub profile: &'p Profile,
    /// What was found when the profile was read: errors and warnings.
    pub findings: (usize, usize),
    /// What the handset takes, where that is known: a document that it refuses fails the step that makes it.
    pub device: Option<&'p Pack>,
    /// The handset's values.
    pub handset: Handset<'p>,
    /// How the push is sealed.
    pub security: Option<Security>,
    /// The PIN that the user types.
    pub pin: Option<Pin>,
    /// The identity of the handset's card.
    pub imsi: Option<Imsi>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it should.
    Ok,
    /// It did not; the evidence says why.
    Failed,
    /// An earlier step failed, or this one does not apply; the evidence says which.
    Skipped,
}

impl Outcome {
    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One of the fifteen steps.
#[derive(Debug, Clone)]
pub struct Step {
    /// 1 to 15.
    pub number: u8,
    /// What is done.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What shows it, in one line.
    pub evidence: String,
}

/// Something that went from one participant to another.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Who sent it.
    pub from: &'static str,
    /// Who got it.
    pub to: &'static str,
    /// What it was.
    pub what: String,
}

/// The steps in one syntax and one version of CSP.
#[derive(Debug, Clone)]
pub struct Combination {
    /// `xml` or `wbxml`.
    pub encoding: &'static str,
    /// `1.1`, `1.2` or `1.3`.
    pub version: &'static str,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Who said what to whom, in order.
    pub exchanges: Vec<Exchange>,
}

impl Combination {
    /// Returns whether no step failed.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.outcome != Outcome::Failed)
    }
}

/// One profile, filled for one handset, in all combinations that were asked for.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The profile and the row.
    pub subject: String,
    /// What was tried.
    pub combinations: Vec<Combination>,
}

impl Rehearsal {
    /// Returns whether no step of any combination failed.
    pub fn is_ok(&self) -> bool {
        self.combinations.iter().all(Combination::is_ok)
    }
}

/// The names of the steps by number, from 1.
const NAMES: [&str; 15] = [
    "check the profile",
    "build the provisioning document",
    "encode it in WBXML",
    "seal it as a push",
    "split it into SMS",
    "receive the parts, open and verify",
    "apply it to a device tree",
    "read the settings back from the tree",
    "log in with them",
    "negotiate services",
    "publish presence, a second user sees it",
    "send a message there and back",
    "make a group, join and leave it",
    "manage the same settings in DM sessions",
    "log out",
];

/// The steps of one combination as they are done.
#[derive(Debug, Default)]
struct Record {
    steps: Vec<Step>,
    exchanges: Vec<Exchange>,
}

impl Record {
    /// Does a step and notes how it ended; `None` where it failed.
    #[allow(clippy::disallowed_methods)] // EDGE: a rehearsal tells people how long each step took
    fn step<T>(
        &mut self,
        number: u8,
        work: impl FnOnce(&mut Vec<Exchange>) -> Result<(T, String), String>,
    ) -> Option<T> {
        let start = std::time::Instant::now();
        let result = work(&mut self.exchanges);
        let took = start.elapsed();
        let (value, outcome, evidence) = match result {
            Ok((value, evidence)) => (Some(value), Outcome::Ok, evidence),
            Err(why) => (None, Outcome::Failed, why),
        };
        self.note(number, outcome, took, evidence);
        value
    }

    fn note(&mut self, number: u8, outcome: Outcome, took: Duration, evidence: String) {
        let name = NAMES[usize::from(number) - 1];
        self.steps.push(Step { number, name, outcome, took, evidence });
    }

    /// Notes every step that was not done, and puts all into their order.
    fn finish(mut self, encoding: &'static str, version: &'static str) -> Combination {
        for number in 1..=15 {
            if !self.steps.iter().any(|step| step.number == number) {
                let why = "an earlier step failed".to_owned();
                self.note(number, Outcome::Skipped, Duration::ZERO, why);
            }
        }
        self.steps.sort_by_key(|step| step.number);
        Combination { encoding, version, steps: self.steps, exchanges: self.exchanges }
    }
}
