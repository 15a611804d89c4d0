//! From profile to logged-in client, without a handset.

use std::time::Duration;

pub mod report;

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
