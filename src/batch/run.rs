//! Running a campaign: slice by slice, from due rows to recorded results.
//!
//! ```text
//! lease a slice -> due rows -> groups -> composed in parallel, in order -> mark -> route -> record -> next
//! ```
//!
//! A route with a file needs no mark: what was written and what was recorded go together. With every other route a
//! crash between mark and record leaves a group ambiguous, never more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::campaign::{Limits, OnAmbiguous};
use super::pipeline;
use super::route::{Class, Message, Outcome, Pace, Route};
use super::store::{DueRow, Lease, Run, State, Step, Store, Stored, Timestamp};
use crate::error::{Error, Result};

/// How long a lease lasts; every recorded group renews it.
const LEASE: Timestamp = 30;
/// How long to wait for slices that another worker holds before looking again.
const POLL: Duration = Duration::from_secs(1);
/// Rows of a slice that are in memory at a time. A slice has about 5,000, but a campaign whose first table was small has
/// few slices for what comes later.
const PAGE: usize = 5000;
/// Results over which the share of failures is taken.
const RECENT: usize = 1000;
/// Results before the share of failures says anything.
const FEW: usize = 50;

/// The world around a run: the library has no clock of its own.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// What time it is.
    pub now: &'w dyn Fn() -> Timestamp,
    /// Waits.
    pub wait: &'w dyn Fn(Duration),
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
}

/// What happens while a campaign is planned or run; drawn by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How it ended.
    pub ended: Ended,
    /// Handsets that the route took.
    pub submitted: u64,
    /// Handsets given up.
    pub failed: u64,
    /// Handsets whose time was over.
    pub expired: u64,
    /// Attempts that will be made again.
    pub retried: u64,
    /// Handsets that a crash had left between submit and its recording, and that were sent again.
    pub ambiguous: u64,
    /// Handsets that a crash left so and that are held for a person to decide.
    pub held: u64,
    /// When the next attempt is due, where handsets wait for one.
    pub next_due: Option<Timestamp>,
}

/// Makes the message of a row, or says why it cannot be: [`Refusal`].
pub type Compose<'c> = dyn Fn(DueRow) -> std::result::Result<Message, Box<(DueRow, Refusal)>> + Sync + 'c;

/// Why a row gives no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The message is not the one that was planned: nothing more may be sent.
    Changed,
    /// The row itself: code and text.
    Unfit(String, String),
}

/// Sends what is due of a campaign until nothing more is, or until it is stopped.
///
/// # Errors
///
/// Fails when the store or the route as a whole does not work. What was recorded stays recorded.
pub fn run(
    store: &mut Store,
    campaign: &Stored,
    options: &Options<'_>,
    make_route: impl FnOnce(&mut Run<'_>) -> Result<Box<dyn Route>>,
    compose: &Compose<'_>,
    world: World<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let total = left(store, &campaign.name)?;
    let mut run = store.run(&campaign.name, options.worker);
    let route = make_route(&mut run)?;
    let work = Work {
        run,
        route,
        options: *options,
        world,
        slices: VecDeque::new(),
        open: None,
        groups: VecDeque::new(),
        held: Vec::new(),
        lost: None,
        streak: 0,
        recent: VecDeque::new(),
        summary: Summary::new(),
    };
    let work = RefCell::new(work);
    while work.borrow_mut().begin_pass()? {
        let source = || work.borrow_mut().next_group();
        let composed = |group: Group<DueRow>| group.compose(compose);
        let sink = |group| {
            work.borrow_mut().settle(group)?;
            let done = work.borrow().summary.done();
            watch(Progress::Done { done, total: total.max(done) });
            Ok(())
        };
        pipeline::in_order(options.workers, source, composed, sink)?;
    }
    let mut work = work.into_inner();
    work.route.finish()?;
    for lease in std::mem::take(&mut work.held) {
        work.run.release(&lease)?;
    }
    let mut summary = work.summary;
    if options.limits.on_ambiguous == OnAmbiguous::Hold {
        let states = store.count_states(&campaign.name)?;
        let submitting = states.iter().find(|(state, _)| state == State::Submitting.as_str());
        summary.held = submitting.map_or(0, |(_, count)| *count);
    }
    Ok(summary)
}

/// Composes every message that is due and sends none; returns how many there are.
///
/// # Errors
///
/// Fails when a message is not the one that was planned, or the store cannot be read.
pub fn rehearse(
    store: &mut Store,
    campaign: &Stored,
    workers: usize,
    compose: &Compose<'_>,
    world: World<'_>,
) -> Result<(u64, u64)> {
    let now = (world.now)();
    let (slices, _) = store.due_slices(&campaign.name, now)?;
    let mut slices: VecDeque<(u32, u64)> = slices.into_iter().map(|slice| (slice, 0)).collect();
    let mut run = store.run(&campaign.name, "");
    let (mut good, mut unfit) = (0, 0);
    let source = || loop {
        let Some((slice, after)) = slices.pop_front() else { return Ok(None) };
        if world.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let rows = run.due_rows(slice, now, after, PAGE)?;
        if let Some(last) = rows.last() {
            slices.push_front((slice, last.place));
            return Ok(Some(rows));
        }
    };
    let composed =
        |rows: Vec<DueRow>| rows.into_iter().map(compose).map(|made| made.err().map(|refused| refused.1)).collect();
    pipeline::in_order(workers, source, composed, |made: Vec<Option<Refusal>>| {
        for refusal in made {
            match refusal {
                None => good += 1,
                Some(Refusal::Unfit(..)) => unfit += 1,
                Some(Refusal::Changed) => return Err(Error::input(CHANGED).help(PLAN_AGAIN)),
            }
        }
        Ok(())
    })?;
    Ok((good, unfit))
}

const CHANGED: &str = "the messages are no longer those that were planned: a profile or the program has changed";
const PLAN_AGAIN: &str = "plan again, look at what it says, and run the new plan";

fn left(store: &Store, name: &str) -> Result<u64> {
    let is_left = |state: &str| matches!(State::from_word(state), Some(State::Planned | State::Submitting));
    Ok(store.count_states(name)?.iter().filter(|(state, _)| is_left(state)).map(|(_, count)| count).sum())
}

/// Rows of one slice that go to the route together.
struct Group<T> {
    lease: Lease,
    items: Vec<T>,
    /// Whether these are the slice's last.
    is_last: bool,
}

type Composed = std::result::Result<Message, Box<(DueRow, Refusal)>>;

impl Group<DueRow> {
    fn compose(self, compose: &Compose<'_>) -> Group<Composed> {
        Group { lease: self.lease, items: self.items.into_iter().map(compose).collect(), is_last: self.is_last }
    }
}

/// A run at work.
struct Work<'w> {
    run: Run<'w>,
    route: Box<dyn Route>,
    options: Options<'w>,
    world: World<'w>,
    slices: VecDeque<u32>,
    /// The slice that is being read, and the place of its last row that was.
    open: Option<(Lease, u64)>,
    groups: VecDeque<Group<DueRow>>,
    /// The leases that were not given back yet.
    held: Vec<Lease>,
    /// The slice whose lease was lost: its groups in flight are dropped.
    lost: Option<u32>,
    /// Failures in a row.
    streak: u32,
    /// Whether each of the last results was a failure.
    recent: VecDeque<bool>,
    summary: Summary,
}

impl Work<'_> {
    fn is_over(&mut self) -> bool {
        if self.summary.ended == Ended::Complete && self.world.stop.load(Ordering::Relaxed) {
            self.summary.ended = Ended::Interrupted;
        }
        self.summary.ended != Ended::Complete
    }

    /// Looks for slices with something due; waits while all of them are in other hands. `false`: nothing is left.
    fn begin_pass(&mut self) -> Result<bool> {
        loop {
            if self.is_over() {
                return Ok(false);
            }
            let (due, next_due) = self.run.due_slices((self.world.now)())?;
            self.summary.next_due = next_due;
            self.slices = due.into();
            let mut is_busy = false;
            // The first slice that can be had begins the pass; the others are leased when it is their turn.
            while let Some(slice) = self.slices.pop_front() {
                match self.lease(slice)? {
                    Leased::Rows => return Ok(true),
                    Leased::Nothing => {}
                    Leased::Busy => is_busy = true,
                }
            }
            if !is_busy {
                return Ok(false);
            }
            (self.world.wait)(POLL);
        }
    }

    fn next_group(&mut self) -> Result<Option<Group<DueRow>>> {
        while self.groups.is_empty() && !self.is_over() {
            if self.open.is_some() {
                self.read_page()?;
            } else if let Some(slice) = self.slices.pop_front() {
                self.lease(slice)?;
            } else {
                break;
            }
        }
        if self.is_over() {
            return Ok(None);
        }
        Ok(self.groups.pop_front())
    }

    /// Leases a slice and reads its first due rows.
    fn lease(&mut self, slice: u32) -> Result<Leased> {
        let now = (self.world.now)();
        let resend = self.options.limits.on_ambiguous == OnAmbiguous::Resend;
        let Some(lease) = self.run.lease(slice, now, now + LEASE, resend)? else { return Ok(Leased::Busy) };
        self.summary.ambiguous += if resend { lease.ambiguous } else { 0 };
        self.open = Some((lease.clone(), 0));
        self.read_page()?;
        if self.groups.is_empty() {
            self.run.release(&lease)?;
            return Ok(Leased::Nothing);
        }
        self.held.push(lease);
        Ok(Leased::Rows)
    }

    /// Reads the next due rows of the open slice and cuts them into groups.
    fn read_page(&mut self) -> Result<()> {
        let Some((lease, after)) = self.open.take() else { return Ok(()) };
        let now = (self.world.now)();
        let mut rows = self.run.due_rows(lease.slice, now, after, PAGE + 1)?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let last = rows.last().map_or(after, |row| row.place);
        let window = self.route.window();
        while !rows.is_empty() {
            let rest = rows.split_off(window.min(rows.len()));
            let is_last = rest.is_empty() && !has_more;
            self.groups.push_back(Group { lease: lease.clone(), items: rows, is_last });
            rows = rest;
        }
        self.open = has_more.then_some((lease, last));
        Ok(())
    }

    /// Sends a group and records what became of it.
    fn settle(&mut self, group: Group<Composed>) -> Result<()> {
        let Group { lease, items, is_last } = group;
        let is_stopped = matches!(self.summary.ended, Ended::Stopped(_));
        if is_stopped || self.lost == Some(lease.slice) {
            return Ok(());
        }
        let now = (self.world.now)();
        let (messages, mut results) = self.sort_out(items, now);
        if !matches!(self.summary.ended, Ended::Stopped(_)) {
            if self.submit(&lease, messages, &mut results)?.is_none() || !self.record(&lease, &results)? {
                return self.lose(&lease);
            }
            self.watch_failures(&results);
        }
        if !is_last {
            return Ok(());
        }
        self.held.retain(|held| *held != lease);
        self.run.release(&lease)
    }

    /// Parts what can be sent from what cannot.
    fn sort_out(&mut self, items: Vec<Composed>, now: Timestamp) -> (Vec<Message>, Vec<Settled>) {
        let (mut messages, mut results) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match item {
                Ok(message) if message.row.expires.is_some_and(|end| end < now) => {
                    results.push(Settled::new(message.row, State::Expired, "expired", "its time was over"));
                }
                Ok(message) => messages.push(message),
                Err(refused) => match *refused {
                    (row, Refusal::Unfit(code, text)) => {
                        results.push(Settled::new(row, State::Failed, &code, &text));
                    }
                    (_, Refusal::Changed) => {
                        self.summary.ended = Ended::Stopped(format!("{CHANGED}; {PLAN_AGAIN}"));
                    }
                },
            }
        }
        (messages, results)
    }

    /// Hands messages to the route and adds their results. `None`: the lease is lost, nothing was handed over.
    fn submit(&mut self, lease: &Lease, messages: Vec<Message>, results: &mut Vec<Settled>) -> Result<Option<()>> {
        let is_ambiguous = self.route.written().is_none();
        if is_ambiguous && !messages.is_empty() {
            let now = (self.world.now)();
            let rows: Vec<&DueRow> = messages.iter().map(|message| &message.row).collect();
            if !self.run.mark(lease, &rows, now, now + LEASE)? {
                return Ok(None);
            }
        }
        let outcomes = self.route.submit(&messages.iter().collect::<Vec<_>>(), &mut Unhurried)?;
        let now = (self.world.now)();
        for (message, outcome) in messages.into_iter().zip(outcomes) {
            let from = if is_ambiguous { State::Submitting } else { State::Planned };
            results.push(self.judge(message.row, from, outcome, now));
        }
        Ok(Some(()))
    }

    fn judge(&self, row: DueRow, from: State, outcome: Outcome, now: Timestamp) -> Settled {
        let limits = self.options.limits;
        let attempt = row.attempts + 1;
        let (to, due, why) = match outcome {
            Outcome::Taken { .. } => (State::Submitted, 0, None),
            Outcome::NotSent => (State::Planned, 0, None),
            Outcome::Refused { class: Class::Permanent, code, text } => (State::Failed, 0, Some((code, text))),
            Outcome::Refused { code, text, .. } | Outcome::Unknown { code, text } if attempt < limits.attempts => {
                (State::Planned, now + limits.wait(attempt, row.key[0]), Some((code, text)))
            }
            Outcome::Refused { code, text, .. } | Outcome::Unknown { code, text } => {
                (State::Failed, 0, Some((code, text)))
            }
        };
        let (error, detail) = why.unzip();
        Settled { row, from, to, due, error, detail }
    }

    fn record(&mut self, lease: &Lease, results: &[Settled]) -> Result<bool> {
        let now = (self.world.now)();
        let steps: Vec<Step<'_>> = results.iter().map(Settled::step).collect();
        if !self.run.record(lease, &steps, self.route.written(), (now, now + LEASE))? {
            return Ok(false);
        }
        for settled in results {
            *match settled.to {
                State::Submitted => &mut self.summary.submitted,
                State::Failed => &mut self.summary.failed,
                State::Expired => &mut self.summary.expired,
                _ => &mut self.summary.retried,
            } += 1;
        }
        Ok(true)
    }

    /// Another worker has the slice: it knows nothing of this group, so only this worker may have sent it.
    fn lose(&mut self, lease: &Lease) -> Result<()> {
        if self.route.written().is_some() {
            let error = Error::store("the lease of a slice was lost while its messages were written");
            return Err(error.help("run again: the file is cut back to what was recorded"));
        }
        self.lost = Some(lease.slice);
        self.groups.retain(|group| group.lease.slice != lease.slice);
        self.open.take_if(|(open, _)| open.slice == lease.slice);
        Ok(())
    }

    /// Stops the run when too much goes wrong.
    fn watch_failures(&mut self, results: &[Settled]) {
        for settled in results.iter().filter(|settled| settled.to != State::Expired) {
            let is_failure = settled.to != State::Submitted;
            self.streak = if is_failure { self.streak + 1 } else { 0 };
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(is_failure);
            let limits = self.options.limits;
            if limits.stop_after_consecutive_failures.is_some_and(|most| most > 0 && self.streak >= most) {
                let why = settled.error.as_deref().unwrap_or_default();
                self.summary.ended = Ended::Stopped(format!("{} consecutive failures: {why}", self.streak));
                return;
            }
        }
        let failures = self.recent.iter().filter(|is_failure| **is_failure).count();
        let share = failures as f64 / self.recent.len().max(1) as f64;
        let most = self.options.limits.stop_at_failure_ratio;
        if self.recent.len() >= FEW && most.is_some_and(|most| share > most) {
            let why = format!("{failures} of the last {} attempts failed", self.recent.len());
            self.summary.ended = Ended::Stopped(why);
        }
    }
}

/// A pace without limits.
struct Unhurried;

impl Pace for Unhurried {
    fn take(&mut self, _sms: u32) -> bool {
        true
    }

    fn throttled(&mut self) {}
}

enum Leased {
    Rows,
    Nothing,
    Busy,
}

/// A row with what became of it.
struct Settled {
    row: DueRow,
    from: State,
    to: State,
    due: Timestamp,
    error: Option<String>,
    detail: Option<String>,
}

impl Settled {
    fn new(row: DueRow, to: State, code: &str, text: &str) -> Self {
        let (error, detail) = (Some(code.to_owned()), Some(text.to_owned()));
        Self { row, from: State::Planned, to, due: 0, error, detail }
    }

    fn step(&self) -> Step<'_> {
        let Self { row, from, to, due, error, detail } = self;
        Step { row, from: *from, to: *to, due: *due, error: error.clone(), detail: detail.clone() }
    }
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
            next_due: None,
        }
    }

    fn done(&self) -> u64 {
        self.submitted + self.failed + self.expired
    }
}
