//! Running a campaign: stage by stage, each route in a lane of its own, slice by slice, from due rows to recorded results.
//!
//! ```text
//! stage ── lanes, one a route ── lease a slice -> due rows -> groups -> composed in parallel, in order
//!                                 -> mark -> route, at its pace -> record -> next
//! ```
//!
//! A route with a file needs no mark: what was written and what was recorded go together. With every other route a
//! crash between mark and record leaves a group ambiguous, never more.

mod guard;
mod lane;
mod look;
mod pace;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::audit::Trail;
use super::campaign::Limits;
use super::event::{Event, EventKind};
use super::login::Logins;
use super::pipeline;
use super::route::{Message, Needs, Route, RouteSettings};
use super::store::{DueRow, Run, State, Store, Stored, StoredStage, Timestamp};
use crate::error::{Error, Result};

use guard::Guard;
use lane::Worker;

pub use look::{Selection, each_message, rehearse};

/// How long a lease lasts, in seconds.
const LEASE: Timestamp = 30;
/// How often leases are renewed and the store is asked whether the campaign was stopped.
const BEAT: Duration = Duration::from_secs(5);
/// How long to wait for slices that another worker holds, or for rows that become due, before looking again.
const POLL: Duration = Duration::from_secs(1);
/// How often routes are asked for receipts meanwhile.
const LISTEN: Duration = Duration::from_millis(20);
/// How often a server is asked for logins while a run waits.
const ASK: Duration = Duration::from_secs(5);
/// Pages of logins that are read at a time; more are read the next time.
const PAGES: usize = 100;
/// Rows of a slice that are in memory at a time. A slice has about 5,000, but a campaign whose first table was small has
/// few slices for what comes later.
const PAGE: usize = 5000;
/// Things told that may wait to be drawn or written.
const MOST_TOLD: usize = 4096;

/// The world around a run: the library has no clock of its own.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// What time it is.
    pub now: &'w (dyn Fn() -> Timestamp + Sync),
    /// How much time has gone by since some moment: for pace.
    pub clock: &'w (dyn Fn() -> Duration + Sync),
    /// Waits.
    pub wait: &'w (dyn Fn(Duration) + Sync),
    /// Set from outside: what is in flight is finished, nothing more is begun.
    pub stop: &'w AtomicBool,
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("stop", self.stop).finish_non_exhaustive()
    }
}

/// How a campaign is run.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// Threads that compose messages.
    pub workers: usize,
    /// This worker's name. No two that live may have the same.
    pub worker: &'o str,
    /// When to try again and when to stop.
    pub limits: &'o Limits,
    /// Seconds after its submission at which a handset expires that was not heard of.
    pub within: Option<Timestamp>,
    /// Whether every stage but the first needs approval.
    pub hold_between_stages: bool,
    /// The last stage of this run; all of them where not given.
    pub stage: Option<u32>,
    /// Go on until then and no longer: wait for rows that become due and for receipts. Without it a run ends when nothing
    /// is due.
    pub until: Option<Timestamp>,
    /// Until then a run waits for handsets that are not this far: submitted, delivered or confirmed.
    pub awaits: State,
    /// Whether every change of a handset is told: [`Progress::Event`].
    pub events: bool,
    /// Where every document that is handed to a route is written down before it is.
    pub trail: Option<&'o Trail>,
    /// Who is asked for logins, where they confirm: when the run begins, while it waits, and at its end.
    pub logins: Option<&'o dyn Logins>,
}

/// A route at work.
pub struct Lane {
    /// Its settings.
    pub settings: RouteSettings,
    /// The way out.
    pub route: Box<dyn Route>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What happens while a campaign is planned or run; drawn by others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// So many of about so many rows are read.
    Read {
        /// Rows so far.
        rows: u64,
        /// All rows, about.
        about: u64,
    },
    /// So many handsets of so many have a result.
    Done {
        /// Handsets so far.
        done: u64,
        /// All handsets of this run.
        total: u64,
    },
    /// Something changed.
    Event(Box<Event>),
    /// What people should know, although the run goes on.
    Note(String),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// There is nothing more to do now.
    Complete,
    /// It was told to stop.
    Interrupted,
    /// A safety limit stopped it; the text says which.
    Stopped(String),
    /// The stage of that number needs approval.
    Held(u32),
    /// The campaign was cancelled; the text says why.
    Cancelled(String),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How it ended.
    pub ended: Ended,
    /// Handsets that a route took.
    pub submitted: u64,
    /// Handsets given up.
    pub failed: u64,
    /// Handsets whose time was over.
    pub expired: u64,
    /// Attempts that will be made again.
    pub retried: u64,
    /// Handsets whose message may have been taken although nobody knows, and that were or will be sent again.
    pub ambiguous: u64,
    /// Handsets left so, held for a person to decide.
    pub held: u64,
    /// Handsets that receipts told to be delivered.
    pub delivered: u64,
    /// Handsets whose clients logged in.
    pub confirmed: u64,
    /// When the next attempt is due, where handsets wait for one.
    pub next_due: Option<Timestamp>,
}

/// Makes the message of a row as a route needs it, or says why it cannot be: [`Refusal`].
pub type Compose<'c> = dyn Fn(DueRow, &Needs) -> Composed + Sync + 'c;

/// A message, or the row with the reason why there is none.
pub type Composed = std::result::Result<Message, Box<(DueRow, Refusal)>>;

/// Why a row gives no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The message is not the one that was planned: nothing more may be sent.
    Changed,
    /// The row itself: code and text.
    Unfit(String, String),
}

const CHANGED: &str = "the messages are no longer those that were planned: a profile or the program has changed";
const PLAN_AGAIN: &str = "plan again, look at what it says, and run the new plan";

/// Sends what is due of a campaign by `lanes` until nothing more is, or until it is stopped.
///
/// # Errors
///
/// Fails when the store or a route as a whole does not work. What was recorded stays recorded.
pub fn run(
    store: &Mutex<Store>,
    campaign: &Stored,
    options: &Options<'_>,
    lanes: Vec<Lane>,
    compose: &Compose<'_>,
    world: World<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let (tell, told) = mpsc::sync_channel(MOST_TOLD);
    let guard = Guard::new(store, campaign, *options, world, tell)?;
    thread::scope(|scope| {
        let director = scope.spawn(move || {
            // The telling ends with the guard.
            let guard = guard;
            direct(&guard, lanes, compose)
        });
        for progress in told {
            watch(progress);
        }
        director.join().map_err(|_| Error::store("a lane ended in the middle of its work"))?
    })
}

/// Leads the lanes through the stages.
fn direct(guard: &Guard<'_>, lanes: Vec<Lane>, compose: &Compose<'_>) -> Result<Summary> {
    let threads = (guard.options.workers / lanes.len().max(1)).max(1);
    let mut workers: Vec<_> = lanes.into_iter().map(|lane| Worker::new(guard, lane, threads)).collect();
    guard.resume()?;
    guard.hear()?;
    let beat = AtomicBool::new(true);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| guard.keep_alive(&beat));
        let outcome = through_stages(guard, &mut workers, compose);
        beat.store(false, Ordering::Relaxed);
        outcome
    });
    // Leases and permits are given back whatever happened; the first fault is the one that is told.
    let closed = workers.into_iter().map(Worker::close).fold(Ok(()), Result::and);
    outcome.and(closed)?;
    guard.finish()
}

fn through_stages(guard: &Guard<'_>, workers: &mut [Worker<'_>], compose: &Compose<'_>) -> Result<()> {
    let clock = guard.world.clock;
    let mut heard = clock();
    loop {
        let mut before = 0;
        for stage in guard.stages()? {
            if guard.options.stage.is_some_and(|last| stage.number > last) || guard.is_over() {
                break;
            }
            if !guard.may_begin(&stage, before)? {
                break;
            }
            work(guard, workers, compose, stage.last)?;
            before = stage.last;
        }
        // Without a time to wait for, what becomes due later is for a later run.
        let is_waiting = guard.options.until.is_some_and(|until| (guard.world.now)() < until);
        if !is_waiting || guard.is_over() || !guard.has_more()? {
            return guard.hear_logins().map(drop);
        }
        guard.rest(|| workers.iter_mut().try_for_each(Worker::listen))?;
        if guard.options.logins.is_none() || clock() >= heard + ASK {
            guard.hear()?;
            heard = clock();
        }
    }
}

/// Lets all lanes work through what is due among the first `last` handsets.
fn work(guard: &Guard<'_>, workers: &mut [Worker<'_>], compose: &Compose<'_>, last: u64) -> Result<()> {
    thread::scope(|scope| {
        let lanes: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                scope.spawn(move || {
                    let outcome = worker.work(compose, last);
                    // The other lanes need not go on where one cannot.
                    if outcome.is_err() {
                        guard.give_up();
                    }
                    outcome
                })
            })
            .collect();
        let died = |_| Err(Error::store("a lane ended in the middle of its work"));
        let outcomes: Vec<Result<()>> = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(died)).collect();
        outcomes.into_iter().collect()
    })
}

impl Summary {
    fn new() -> Self {
        Self {
            ended: Ended::Complete,
            submitted: 0,
            failed: 0,
            expired: 0,
            retried: 0,
            ambiguous: 0,
            held: 0,
            delivered: 0,
            confirmed: 0,
            next_due: None,
        }
    }

    fn done(&self) -> u64 {
        self.submitted + self.failed + self.expired
    }
}
