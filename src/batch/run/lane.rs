//! A lane: one route that works through the slices of a campaign.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::guard::Guard;
use super::pace::Metronome;
use super::{CHANGED, Compose, Composed, EventKind, LEASE, Lane, PAGE, PLAN_AGAIN, Refusal, Summary, pipeline};
use crate::batch::audit::{Done, Object, What};
use crate::batch::campaign::OnAmbiguous;
use crate::batch::route::{Class, Message, Outcome};
use crate::batch::store::{DueRow, DueSlice, Lease, Run, State, Step, Timestamp};
use crate::batch::units::in_words;
use crate::batch::zone;
use crate::error::{Error, Result};

/// Rows of one slice that go to the route together.
struct Group<T> {
    lease: Lease,
    items: Vec<T>,
    /// Whether these are the slice's last.
    is_last: bool,
}

/// A route at work on a campaign.
pub(super) struct Worker<'g> {
    guard: &'g Guard<'g>,
    lane: Lane,
    pace: Metronome<'g>,
    threads: usize,
    /// The place of the last handset that may be sent.
    last: u64,
    /// The slices of this pass.
    slices: VecDeque<DueSlice>,
    /// The slice that is being read, and the place of its last row that was.
    open: Option<(Lease, u64)>,
    groups: VecDeque<Group<DueRow>>,
    /// The leases that were not given back yet.
    held: Vec<Lease>,
    /// The lease that was lost: its groups in flight are dropped, those of a later lease of the slice are not.
    lost: Option<Lease>,
    /// Failures in a row.
    streak: u32,
}

enum Leased {
    Rows,
    Nothing,
    Busy,
}

impl<'g> Worker<'g> {
    pub(super) fn new(guard: &'g Guard<'g>, lane: Lane, threads: usize) -> Self {
        let pace = Metronome::new(guard, &lane.settings);
        let (slices, groups) = (VecDeque::new(), VecDeque::new());
        let (held, open, lost) = (Vec::new(), None, None);
        Self { guard, lane, pace, threads, last: 0, slices, open, groups, held, lost, streak: 0 }
    }

    fn run(&self) -> Run<'_> {
        self.guard.run_by(&self.lane.settings.name)
    }

    fn now(&self) -> Timestamp {
        (self.guard.world.now)()
    }

    /// Works through what is due among the first `last` handsets.
    pub(super) fn work(&mut self, compose: &Compose<'_>, last: u64) -> Result<()> {
        self.last = last;
        let needs = self.lane.route.needs();
        let threads = self.threads;
        let work = RefCell::new(self);
        while work.borrow_mut().begin_pass()? {
            let source = || work.borrow_mut().next_group();
            let composed = |group: Group<DueRow>| Group {
                lease: group.lease,
                items: group.items.into_iter().map(|row| compose(row, &needs)).collect(),
                is_last: group.is_last,
            };
            pipeline::in_order(threads, source, composed, |group| work.borrow_mut().settle(group))?;
        }
        Ok(())
    }

    /// Takes in the receipts that the route has.
    pub(super) fn listen(&mut self) -> Result<()> {
        self.lane.route.listen(&mut self.pace);
        self.pace.fault()
    }

    /// Makes sure that what was handed over outlives the machine, and gives back what is held.
    pub(super) fn close(mut self) -> Result<()> {
        // What came before the leave is answered; what comes with it is stored, and the gateway sends it again.
        let listened = self.listen();
        let finished = self.lane.route.finish();
        let listened = listened.and(self.listen());
        let given_back = self.pace.close();
        let released = self.held.iter().try_for_each(|lease| self.run().release(lease));
        finished.and(listened).and(given_back).and(released)
    }

    /// Looks for slices with something due; waits while all of them are in other hands. `false`: nothing is left.
    fn begin_pass(&mut self) -> Result<bool> {
        loop {
            if self.guard.is_over() {
                return Ok(false);
            }
            self.listen()?;
            let (due, _) = self.run().due_slices(self.last, self.now())?;
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
            self.guard.rest(|| self.listen())?;
        }
    }

    fn next_group(&mut self) -> Result<Option<Group<DueRow>>> {
        while self.groups.is_empty() && !self.guard.is_over() {
            if self.open.is_some() {
                self.read_page()?;
            } else if let Some(slice) = self.slices.pop_front() {
                self.lease(slice)?;
            } else {
                break;
            }
        }
        if self.guard.is_over() {
            return Ok(None);
        }
        Ok(self.groups.pop_front())
    }

    /// Leases a slice and reads its first due rows. What is left open in it after this pass began is for the next one.
    fn lease(&mut self, slice: DueSlice) -> Result<Leased> {
        let now = self.now();
        let Some(lease) = self.run().lease(slice.number, now, now + LEASE)? else { return Ok(Leased::Busy) };
        if slice.is_open && !self.take_up(&lease, now)? {
            return Ok(Leased::Busy);
        }
        self.open = Some((lease.clone(), 0));
        while self.groups.is_empty() && self.open.is_some() {
            self.read_page()?;
        }
        if self.groups.is_empty() {
            self.run().release(&lease)?;
            return Ok(Leased::Nothing);
        }
        self.held.push(lease);
        Ok(Leased::Rows)
    }

    /// Takes up what was left open in a slice: it is sent again, or waits for a person. `false`: the lease is lost.
    fn take_up(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let mut open = self.run().left_open(lease.slice, false)?;
        if !open.is_empty() {
            // What a crash left out of the log stands in it before anything else is done.
            self.write_down(open.iter().map(|row| (row, "unknown: a run ended before it was recorded".into())))?;
        }
        let is_held = self.guard.options.limits.on_ambiguous == OnAmbiguous::Hold;
        if !is_held {
            open.extend(self.run().left_open(lease.slice, true)?);
        }
        if open.is_empty() {
            return Ok(true);
        }
        let left: Vec<Settled> = open.into_iter().map(|row| Settled::left(row, is_held)).collect();
        let steps: Vec<Step<'_>> = left.iter().map(Settled::step).collect();
        let is_ours = self.run().record(lease, &steps, None, (now, now + LEASE))?.is_some();
        if is_ours && !is_held {
            self.guard.count(|summary| summary.ambiguous += left.len() as u64);
        }
        Ok(is_ours)
    }

    /// Reads the next due rows of the open slice and cuts them into groups.
    fn read_page(&mut self) -> Result<()> {
        let Some((lease, after)) = self.open.take() else { return Ok(()) };
        let now = self.now();
        let mut rows = self.run().due_rows(lease.slice, now, (after, self.last), PAGE + 1)?;
        let has_more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let last = rows.last().map_or(after, |row| row.place);
        let mut rows = self.without_quiet(&lease, rows, now)?.into_iter().peekable();
        let window = self.lane.route.window();
        while rows.peek().is_some() {
            let items = rows.by_ref().take(window).collect();
            let is_last = rows.peek().is_none() && !has_more;
            self.groups.push_back(Group { lease: lease.clone(), items, is_last });
        }
        self.open = has_more.then_some((lease, last));
        Ok(())
    }

    /// Lets those wait whose owners are asleep.
    fn without_quiet(&self, lease: &Lease, rows: Vec<DueRow>, now: Timestamp) -> Result<Vec<DueRow>> {
        let Some(quiet) = self.lane.settings.quiet_hours else { return Ok(rows) };
        let mut asleep = Vec::new();
        let mut awake = Vec::with_capacity(rows.len());
        for row in rows {
            let zone = row.zone.map_or_else(|| zone::of(row.msisdn), |zone| (zone, zone));
            match quiet.next(now, zone) {
                at if at > now => asleep.push((row, at)),
                _ => awake.push(row),
            }
        }
        if !asleep.is_empty() {
            self.run().postpone(lease, &asleep, now + LEASE)?;
        }
        Ok(awake)
    }

    /// Sends a group and records what became of it.
    fn settle(&mut self, group: Group<Composed>) -> Result<()> {
        let Group { lease, items, is_last } = group;
        if self.guard.is_over() || self.lost.as_ref() == Some(&lease) {
            return Ok(());
        }
        let now = self.now();
        let Some((messages, mut results)) = self.sort_out(items, now) else {
            return self.guard.halt(&format!("{CHANGED}; {PLAN_AGAIN}"));
        };
        let sent = self.submit(&lease, messages, &mut results)?;
        if sent.is_none() || !self.record(&lease, &results)? {
            return self.lose(&lease);
        }
        self.listen()?;
        if let Some(why) = self.watch_failures(&results).or_else(|| self.watch_route(&results)) {
            return self.guard.halt(&why);
        }
        if !is_last {
            return Ok(());
        }
        self.held.retain(|held| *held != lease);
        self.run().release(&lease)
    }

    /// Parts what can be sent from what cannot; `None`: something is not as it was planned.
    fn sort_out(&self, items: Vec<Composed>, now: Timestamp) -> Option<(Vec<Message>, Vec<Settled>)> {
        let (mut messages, mut results) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match item {
                Ok(message) if message.row.expires.is_some_and(|end| end < now) => {
                    results.push(Settled::new(message.row, State::Expired, "expired", "its time was over"));
                }
                Ok(message) => messages.push(message),
                Err(refused) => match *refused {
                    (row, Refusal::Unfit(code, text)) => results.push(Settled::new(row, State::Failed, &code, &text)),
                    (_, Refusal::Changed) => return None,
                },
            }
        }
        Some((messages, results))
    }

    /// Hands messages to the route and adds their results. `None`: the lease is lost, nothing was handed over.
    fn submit(&mut self, lease: &Lease, messages: Vec<Message>, results: &mut Vec<Settled>) -> Result<Option<()>> {
        // There is no message for these, or their time was over: they were never to be handed over.
        let unfit = results.len();
        let is_ambiguous = self.lane.route.written().is_none();
        if is_ambiguous && !messages.is_empty() {
            let now = self.now();
            let rows: Vec<&DueRow> = messages.iter().map(|message| &message.row).collect();
            if !self.run().mark(lease, &rows, now, now + LEASE)? {
                return Ok(None);
            }
            for row in rows {
                self.tell_row(EventKind::Submitting, row, |_| {});
            }
        }
        let outcomes = self.lane.route.submit(&messages.iter().collect::<Vec<_>>(), &mut self.pace);
        let from = if is_ambiguous { State::Submitting } else { State::Planned };
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // Nothing counts as handed over: the next run begins where this one did.
                results.extend(messages.into_iter().map(|message| self.judge(message.row, from, Outcome::NotSent, 0)));
                results.retain(|settled| settled.from == State::Submitting);
                self.record(lease, results)?;
                return Err(error);
            }
        };
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Taken { .. })) {
            self.pace.recovered();
        }
        let now = self.now();
        for (message, outcome) in messages.into_iter().zip(outcomes) {
            results.push(self.judge(message.row, from, outcome, now));
        }
        let sent = results.iter().skip(unfit).filter(|settled| !settled.is_unsent);
        self.write_down(sent.map(|settled| (&settled.row, settled.outcome())))?;
        // What a file route did not write stays planned: there is nothing to note.
        results.retain(|settled| settled.from != settled.to || settled.from == State::Submitting);
        Ok(Some(()))
    }

    /// Writes into the audit log who was sent what, and what came of it: before it is recorded, so that the store knows
    /// of nothing that is not in the log.
    fn write_down<'r>(&self, sent: impl Iterator<Item = (&'r DueRow, String)>) -> Result<()> {
        let Some(trail) = self.guard.options.trail else { return Ok(()) };
        let note = format!("campaign {}, route {}", self.guard.campaign.name, self.lane.settings.name);
        let done = sent.map(|(row, outcome)| Done {
            object: Object::Msisdn(row.msisdn),
            document: Some(row.document),
            outcome: Some(outcome),
        });
        trail.add(self.now(), What::Send, done, Some(&note))
    }

    fn judge(&self, row: DueRow, from: State, outcome: Outcome, now: Timestamp) -> Settled {
        let limits = self.guard.options.limits;
        let attempt = row.attempts + 1;
        let may_retry = attempt - row.free.min(attempt) < limits.attempts;
        let mut settled = Settled { row, from, ..Settled::default() };
        let later = now + limits.wait(attempt - settled.row.free.min(attempt), settled.row.key[0]);
        match outcome {
            Outcome::Taken { ids } => (settled.to, settled.ids) = (State::Submitted, ids),
            Outcome::NotSent => (settled.to, settled.is_unsent) = (State::Planned, true),
            Outcome::Refused { class: class @ (Class::Throttled | Class::Denied), code, text } => {
                (settled.to, settled.is_free) = (State::Planned, true);
                settled.is_denied = class == Class::Denied;
                settled.why(code, text);
            }
            Outcome::Refused { class, code, text } => {
                let again = may_retry && class == Class::Temporary;
                (settled.to, settled.due) = if again { (State::Planned, later) } else { (State::Failed, 0) };
                settled.why(code, text);
            }
            Outcome::Unknown { code, text } => {
                settled.is_ambiguous = true;
                (settled.to, settled.due) = match limits.on_ambiguous {
                    OnAmbiguous::Hold => (State::Submitting, 0),
                    OnAmbiguous::Resend if may_retry => (State::Planned, later),
                    OnAmbiguous::Resend => (State::Failed, 0),
                };
                settled.why(code, format!("ambiguous: {text}"));
            }
        }
        settled
    }

    fn record(&mut self, lease: &Lease, results: &[Settled]) -> Result<bool> {
        let now = self.now();
        let steps: Vec<Step<'_>> = results.iter().map(Settled::step).collect();
        let recorded = self.run().record(lease, &steps, self.lane.route.written(), (now, now + LEASE))?;
        let Some(changed) = recorded else { return Ok(false) };
        self.guard.count(|summary| results.iter().for_each(|settled| settled.count(summary)));
        for settled in results {
            self.tell_row(EventKind::of(settled.to), &settled.row, |event| {
                event.gateway_id.clone_from(&settled.ids);
                event.code.clone_from(&settled.error);
                event.text.clone_from(&settled.detail);
            });
        }
        self.guard.changed(&self.lane.settings.name, changed);
        Ok(true)
    }

    fn tell_row(&self, kind: EventKind, row: &DueRow, fill: impl FnOnce(&mut super::Event)) {
        self.guard.tell(kind, |event| {
            event.msisdn = Some(row.msisdn);
            event.attempt = Some(row.attempts + 1);
            event.route = Some(self.lane.settings.name.clone());
            fill(event);
        });
    }

    /// Another worker has the slice: it knows nothing of this group, so only this worker may have sent it.
    fn lose(&mut self, lease: &Lease) -> Result<()> {
        if self.lane.route.written().is_some() {
            let error = Error::store("the lease of a slice was lost while its messages were written");
            return Err(error.help("run again: the file is cut back to what was recorded"));
        }
        self.lost = Some(lease.clone());
        self.held.retain(|held| held != lease);
        self.groups.retain(|group| group.lease != *lease);
        self.open.take_if(|(open, _)| open == lease);
        Ok(())
    }

    /// Says why the campaign is to stop, if its route takes nothing: not from us, or not for too long.
    fn watch_route(&self, results: &[Settled]) -> Option<String> {
        let route = &self.lane.settings.name;
        let said = |settled: &Settled| {
            let (code, text) = (settled.error.as_deref().unwrap_or_default(), settled.detail.as_deref());
            format!("{code}: {}", text.unwrap_or_default())
        };
        if let Some(denied) = results.iter().find(|settled| settled.is_denied) {
            return Some(format!("route {route} takes nothing from us: {}", said(denied)));
        }
        let most = self.guard.options.limits.stop_after_throttled.filter(|most| *most > 0)?;
        let waited = self.pace.throttled_for();
        let last = results.iter().rev().find(|settled| settled.is_free)?;
        (waited.as_secs() >= most.unsigned_abs()).then(|| {
            format!("route {route} asked to wait for {} and took nothing: {}", in_words(waited.as_secs()), said(last))
        })
    }

    /// Says why the campaign is to stop, if too much goes wrong.
    fn watch_failures(&mut self, results: &[Settled]) -> Option<String> {
        let results = || results.iter().filter(|settled| settled.to != State::Expired && !settled.is_calm());
        let most = self.guard.options.limits.stop_after_consecutive_failures.filter(|most| *most > 0);
        for settled in results() {
            self.streak = if settled.is_failure() { self.streak + 1 } else { 0 };
            if most.is_some_and(|most| self.streak >= most) {
                let (route, why) = (&self.lane.settings.name, settled.error.as_deref().unwrap_or_default());
                return Some(format!("{} consecutive failures on route {route}: {why}", self.streak));
            }
        }
        self.guard.watch_share(results().map(Settled::is_failure))
    }
}

/// The code of what is held because a run ended before it was recorded.
const UNRECORDED: &str = "unrecorded";

/// A row with what became of it.
#[derive(Debug, Default)]
struct Settled {
    row: DueRow,
    from: State,
    to: State,
    due: Timestamp,
    /// It was not handed over: there was no attempt.
    is_unsent: bool,
    /// The attempt costs nothing.
    is_free: bool,
    /// The gateway takes nothing from us.
    is_denied: bool,
    /// The route may have taken it.
    is_ambiguous: bool,
    ids: Vec<String>,
    error: Option<String>,
    detail: Option<String>,
}

impl Settled {
    fn new(row: DueRow, to: State, code: &str, text: &str) -> Self {
        let mut settled = Self { row, to, ..Self::default() };
        settled.why(code.to_owned(), text.to_owned());
        settled
    }

    /// What a run that ended left between handing over and recording: it is held for a person, or planned again.
    fn left(row: DueRow, is_held: bool) -> Self {
        let open = Self { row, from: State::Submitting, is_unsent: true, ..Self::default() };
        match is_held {
            true => Self { to: State::Submitting, error: Some(UNRECORDED.to_owned()), ..open },
            false => Self { detail: Some("ambiguous: a run ended before it was recorded".to_owned()), ..open },
        }
    }

    fn why(&mut self, code: String, text: String) {
        (self.error, self.detail) = (Some(code), Some(text));
    }

    /// Says what came of it, for the audit log.
    fn outcome(&self) -> String {
        let code = self.error.as_deref().unwrap_or_default();
        match self.to {
            State::Submitted => "submitted".to_owned(),
            _ if self.is_ambiguous => format!("unknown: {code}"),
            _ => format!("refused: {code}"),
        }
    }

    /// Returns whether it is neither a success nor a failure: it was not sent, or the gateway asked to wait.
    fn is_calm(&self) -> bool {
        self.is_unsent || self.is_free
    }

    fn is_failure(&self) -> bool {
        self.to != State::Submitted
    }

    fn step(&self) -> Step<'_> {
        let Self { row, from, to, due, is_unsent, is_free, ids, error, detail, .. } = self;
        let (error, detail) = (error.clone(), detail.clone());
        let (is_unsent, is_free) = (*is_unsent, *is_free);
        Step { row, from: *from, to: *to, due: *due, is_free, is_unsent, ids, error, detail }
    }

    fn count(&self, summary: &mut Summary) {
        *match self.to {
            State::Submitted => &mut summary.submitted,
            State::Failed => &mut summary.failed,
            State::Expired => &mut summary.expired,
            State::Planned if !self.is_calm() => &mut summary.retried,
            _ => return self.count_ambiguous(summary),
        } += 1;
        self.count_ambiguous(summary);
    }

    fn count_ambiguous(&self, summary: &mut Summary) {
        summary.ambiguous += u64::from(self.is_ambiguous && self.to != State::Submitting);
    }
}
