//! What the lanes of a run share: the store, the account, and what stops them all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{
    BEAT, Ended, Event, EventKind, LEASE, LISTEN, Options, PAGES, POLL, Progress, Run, State, Store, Stored,
    StoredStage, Summary, World,
};
use crate::batch::campaign::OnAmbiguous;
use crate::batch::route::Receipt;
use crate::batch::store::Changed;
use crate::batch::units::rfc3339;
use crate::error::Result;

/// Results over which the share of failures is taken.
const RECENT: usize = 1000;
/// Results before the share of failures says anything.
const FEW: usize = 50;
/// How often a thread that only waits looks whether it is to end.
const GLANCE: Duration = Duration::from_millis(50);

/// What the lanes of a run share.
pub(super) struct Guard<'g> {
    pub(super) store: &'g Mutex<Store>,
    pub(super) campaign: &'g Stored,
    pub(super) options: Options<'g>,
    pub(super) world: World<'g>,
    tell: SyncSender<Progress>,
    is_over: AtomicBool,
    /// Whether it was told that nobody can be asked for logins.
    is_deaf: AtomicBool,
    account: Mutex<Account>,
    total: u64,
}

struct Account {
    summary: Summary,
    /// Whether each of the last results was a failure.
    recent: VecDeque<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Who panicked left numbers, no half-done work.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'g> Guard<'g> {
    pub(super) fn new(
        store: &'g Mutex<Store>,
        campaign: &'g Stored,
        options: Options<'g>,
        world: World<'g>,
        tell: SyncSender<Progress>,
    ) -> Result<Self> {
        let total = lock(store).left(&campaign.name, 0, u64::MAX)?;
        let account = Mutex::new(Account { summary: Summary::new(), recent: VecDeque::new() });
        let [is_over, is_deaf] = [false; 2].map(AtomicBool::new);
        Ok(Self { store, campaign, options, world, tell, is_over, is_deaf, account, total })
    }

    pub(super) fn store(&self) -> MutexGuard<'g, Store> {
        lock(self.store)
    }

    pub(super) fn run_by<'r>(&'r self, route: &'r str) -> Run<'r> {
        Run::new(self.store, &self.campaign.name, self.options.worker, route)
    }

    /// Returns whether nothing more is to be begun.
    pub(super) fn is_over(&self) -> bool {
        if self.world.stop.load(Ordering::Relaxed) {
            self.end(Ended::Interrupted);
        }
        // Its time is over: what is left is for a later run.
        if self.options.until.is_some_and(|until| (self.world.now)() >= until) {
            self.give_up();
        }
        self.is_over.load(Ordering::Relaxed)
    }

    /// Ends the run; what ended it first is what is told.
    fn end(&self, ended: Ended) {
        let mut account = lock(&self.account);
        if account.summary.ended == Ended::Complete {
            account.summary.ended = ended;
        }
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Ends the run because a lane has failed: its error says why.
    pub(super) fn give_up(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Stops this run and every other one of the campaign.
    pub(super) fn halt(&self, why: &str) -> Result<()> {
        self.store().halt(&self.campaign.name, Some(why))?;
        self.tell(EventKind::Stopped, |event| event.text = Some(why.to_owned()));
        self.end(Ended::Stopped(why.to_owned()));
        Ok(())
    }

    /// Takes up a campaign, which may have been stopped.
    pub(super) fn resume(&self) -> Result<()> {
        if let Some(why) = &self.campaign.cancelled {
            self.end(Ended::Cancelled(why.clone()));
        } else if let Some(why) = &self.campaign.halted {
            self.store().halt(&self.campaign.name, None)?;
            self.tell(EventKind::Resumed, |event| event.text = Some(why.clone()));
        }
        Ok(())
    }

    /// Renews the leases of this worker and looks whether somebody stopped the campaign, until `is_on` is false.
    pub(super) fn keep_alive(&self, is_on: &AtomicBool) {
        let clock = self.world.clock;
        let mut next = clock() + BEAT;
        while is_on.load(Ordering::Relaxed) {
            if clock() < next {
                std::thread::park_timeout(GLANCE);
                continue;
            }
            next = clock() + BEAT;
            // A store that does not answer is told by the lanes.
            let _ = self.run_by("").renew_all((self.world.now)() + LEASE);
            let stored = self.store().campaign(&self.campaign.name);
            if let Ok(Some(Stored { halted, cancelled, .. })) = stored {
                if let Some(why) = cancelled {
                    self.end(Ended::Cancelled(why));
                } else if let Some(why) = halted {
                    self.end(Ended::Stopped(why));
                }
            }
        }
    }

    pub(super) fn stages(&self) -> Result<Vec<StoredStage>> {
        self.store().stages(&self.campaign.name)
    }

    /// Returns whether a stage behind the first `before` handsets may begin, and notes that it has.
    pub(super) fn may_begin(&self, stage: &StoredStage, before: u64) -> Result<bool> {
        let name = &self.campaign.name;
        let is_empty = self.store().left(name, before, stage.last)? == 0;
        if is_empty && stage.started_at.is_none() {
            // All of its handsets are settled in some other way; it needs no approval.
            return Ok(true);
        }
        if self.options.hold_between_stages && stage.number > 1 && stage.approved_at.is_none() {
            self.tell(EventKind::StageHeld, |event| event.stage = Some(stage.number));
            self.end(Ended::Held(stage.number));
            return Ok(false);
        }
        let now = (self.world.now)();
        if self.store().start_stage(name, stage.number, now)? {
            self.tell(EventKind::StageStarted, |event| event.stage = Some(stage.number));
        }
        Ok(true)
    }

    /// Returns whether anything may still happen: handsets to be sent, or to be heard of.
    pub(super) fn has_more(&self) -> Result<bool> {
        let states = self.store().count_states(&self.campaign.name)?;
        let is_open = |word: &str| match State::from_word(word) {
            Some(State::Planned | State::Submitting) => true,
            Some(state @ (State::Submitted | State::Delivered)) => state < self.options.awaits,
            _ => false,
        };
        Ok(states.iter().any(|(state, count)| is_open(state) && *count > 0))
    }

    /// Stores receipts of a route, and tells what they change.
    pub(super) fn receive(&self, route: &str, receipts: &[Receipt]) -> Result<()> {
        let received = self.store().receive(route, receipts, (self.world.now)())?;
        self.changed(route, received.changed);
        Ok(())
    }

    /// Counts and tells what receipts have changed.
    pub(super) fn changed(&self, route: &str, changed: Vec<Changed>) {
        let delivered = changed.iter().filter(|(_, _, state, _)| *state == State::Delivered).count();
        self.count(|summary| summary.delivered += delivered as u64);
        for (msisdn, _, state, code) in changed {
            self.tell(EventKind::of(state), |event| {
                event.msisdn = Some(msisdn);
                event.route = Some(route.to_owned());
                event.code = code;
            });
        }
    }

    /// Waits a while, in which `listen` is called often: a centre may send no more before it is answered.
    pub(super) fn rest(&self, mut listen: impl FnMut() -> Result<()>) -> Result<()> {
        let mut rested = Duration::ZERO;
        while rested < POLL && !self.is_over() {
            (self.world.wait)(LISTEN);
            listen()?;
            rested += LISTEN;
        }
        Ok(())
    }

    /// Asks for logins, and lets those expire that were not heard of in time; nobody does whom no one could tell of.
    pub(super) fn hear(&self) -> Result<()> {
        if self.hear_logins()? { self.expire_unheard() } else { Ok(()) }
    }

    /// Notes who logged in since it was asked last; returns whether everything was heard that there is.
    pub(super) fn hear_logins(&self) -> Result<bool> {
        let Some(logins) = self.options.logins else { return Ok(true) };
        let (campaign, server) = (&self.campaign.name, logins.name());
        for _ in 0..PAGES {
            // Who logged in before the time was over is heard then, too.
            if self.world.stop.load(Ordering::Relaxed) {
                break;
            }
            let after = self.store().heard(campaign, server)?;
            let page = match logins.after(after) {
                Ok(page) => page,
                Err(error) => {
                    if !self.is_deaf.swap(true, Ordering::Relaxed) {
                        let note = format!("{server} cannot be asked for logins: {}", error.what);
                        let _ = self.tell.send(Progress::Note(note));
                    }
                    return Ok(false);
                }
            };
            if page.is_empty() {
                return Ok(true);
            }
            let confirmed = self.store().hear(campaign, server, &page)?;
            for (msisdn, (_, login)) in confirmed.into_iter().zip(&page).filter(|(msisdn, _)| msisdn.is_some()) {
                self.count(|summary| summary.confirmed += 1);
                self.tell(EventKind::Confirmed, |event| {
                    let client = login.client.as_deref().unwrap_or("a client");
                    event.text = Some(format!("{client} logged in at {}", rfc3339(login.at)));
                    event.msisdn = msisdn;
                });
            }
        }
        Ok(false)
    }

    /// Lets those expire that were not heard of in time.
    fn expire_unheard(&self) -> Result<()> {
        let Some(within) = self.options.within else { return Ok(()) };
        let now = (self.world.now)();
        let Stored { name, slices, .. } = self.campaign;
        let expired = self.store().expire_unheard(name, *slices, now - within, now)?;
        if expired > 0 {
            self.count(|summary| summary.expired += expired);
        }
        Ok(())
    }

    /// Counts results and tells how far the run is.
    pub(super) fn count(&self, change: impl FnOnce(&mut Summary)) {
        let done = {
            let mut account = lock(&self.account);
            change(&mut account.summary);
            account.summary.done()
        };
        // Nobody listens any more: the run goes on.
        let _ = self.tell.send(Progress::Done { done, total: self.total.max(done) });
    }

    /// Tells an event, if events are wanted.
    pub(super) fn tell(&self, kind: EventKind, fill: impl FnOnce(&mut Event)) {
        if self.options.events {
            let mut event = Event::new(kind);
            fill(&mut event);
            let _ = self.tell.send(Progress::Event(Box::new(event)));
        }
    }

    /// Notes whether results were failures; says why the campaign is to stop, if too many were.
    pub(super) fn watch_share(&self, results: impl Iterator<Item = bool>) -> Option<String> {
        let mut account = lock(&self.account);
        for is_failure in results {
            if account.recent.len() == RECENT {
                account.recent.pop_front();
            }
            account.recent.push_back(is_failure);
        }
        let failures = account.recent.iter().filter(|is_failure| **is_failure).count();
        let share = failures as f64 / account.recent.len().max(1) as f64;
        let most = self.options.limits.stop_at_failure_ratio?;
        (account.recent.len() >= FEW && share > most)
            .then(|| format!("{failures} of the last {} attempts failed", account.recent.len()))
    }

    /// Returns what the run came to.
    pub(super) fn finish(&self) -> Result<Summary> {
        let mut summary = lock(&self.account).summary.clone();
        let store = self.store();
        if self.options.limits.on_ambiguous == OnAmbiguous::Hold {
            let states = store.count_states(&self.campaign.name)?;
            let submitting = states.iter().find(|(state, _)| state == State::Submitting.as_str());
            summary.held = submitting.map_or(0, |(_, count)| *count);
        }
        summary.next_due = store.next_due(&self.campaign.name)?;
        drop(store);
        if summary.ended == Ended::Complete && summary.next_due.is_none() {
            self.tell(EventKind::Finished, |_| {});
        }
        Ok(summary)
    }
}
