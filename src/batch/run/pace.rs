//! Pace: a lane sends no faster than its share of the route's rate, and slower where the gateway asks for it.

use std::time::Duration;

use super::guard::Guard;
use crate::batch::route::{Pace, Receipt, RouteSettings};
use crate::error::Result;

/// Short messages in a second that one permit is worth.
const PERMIT: f64 = 10.0;
/// How often the share is asked for.
const REFRESH: Duration = Duration::from_secs(5);
/// The longest sleep without a look at whether the run is over.
const NAP: Duration = Duration::from_millis(100);
/// How long a gateway is left alone after it first asked for a slower pace, and at the most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Says when the next message of a lane may leave.
pub(super) struct Metronome<'g> {
    guard: &'g Guard<'g>,
    route: String,
    /// The route's rate, and into how many permits it is cut.
    rate: Option<(f64, u32)>,
    /// Short messages in a second that are this lane's.
    share: f64,
    refreshed: Option<Duration>,
    /// Short messages that may leave at once; less than none where more were sent than time allowed so far.
    credit: f64,
    counted: Duration,
    pause: Duration,
    quiet_until: Duration,
    /// Since when the gateway has asked to wait without taking anything.
    throttled_since: Option<Duration>,
    fault: Result<()>,
}

impl<'g> Metronome<'g> {
    pub(super) fn new(guard: &'g Guard<'g>, settings: &RouteSettings) -> Self {
        let permits = |rate: f64| (rate / PERMIT).ceil().clamp(1.0, 10_000.0) as u32;
        let now = (guard.world.clock)();
        Self {
            guard,
            route: settings.name.clone(),
            rate: settings.rate.map(|rate| (rate.0, permits(rate.0))),
            share: 0.0,
            refreshed: None,
            credit: 0.0,
            counted: now,
            pause: Duration::ZERO,
            quiet_until: Duration::ZERO,
            throttled_since: None,
            fault: Ok(()),
        }
    }

    /// The gateway takes messages again.
    pub(super) fn recovered(&mut self) {
        self.pause = Duration::ZERO;
        self.throttled_since = None;
    }

    /// Returns for how long the gateway has asked to wait without taking anything.
    pub(super) fn throttled_for(&self) -> Duration {
        self.throttled_since.map_or(Duration::ZERO, |since| (self.guard.world.clock)().saturating_sub(since))
    }

    /// Returns what went wrong while permits were asked for or receipts were stored.
    pub(super) fn fault(&mut self) -> Result<()> {
        std::mem::replace(&mut self.fault, Ok(()))
    }

    pub(super) fn close(&self) -> Result<()> {
        if self.rate.is_none() {
            return Ok(());
        }
        self.guard.store().give_back(&self.route, self.guard.options.worker)
    }

    /// Returns how long the next message has to wait.
    fn delay(&mut self) -> Duration {
        let now = (self.guard.world.clock)();
        if now < self.quiet_until {
            return self.quiet_until - now;
        }
        let Some((rate, permits)) = self.rate else { return Duration::ZERO };
        self.earn(now);
        if self.refreshed.is_none_or(|at| now >= at + REFRESH) {
            let worker = self.guard.options.worker;
            match self.guard.store().share(&self.route, worker, permits, (self.guard.world.now)()) {
                Ok(mine) => self.share = rate * f64::from(mine) / f64::from(permits),
                Err(error) => self.fault = Err(error),
            }
            self.refreshed = Some(now);
        }
        if self.share <= 0.0 {
            return NAP;
        }
        if self.credit > 0.0 { Duration::ZERO } else { Duration::from_secs_f64((1e-6 - self.credit) / self.share) }
    }

    /// Credits the time that has gone by; what was not used in a quarter of a second is lost, so that nothing bursts.
    fn earn(&mut self, now: Duration) {
        let earned = self.share * now.saturating_sub(self.counted).as_secs_f64();
        self.credit = (self.credit + earned).min((self.share / 4.0).max(1.0));
        self.counted = now;
    }
}

impl Pace for Metronome<'_> {
    fn take(&mut self, sms: u32) -> bool {
        loop {
            if self.guard.is_over() || self.fault.is_err() {
                return false;
            }
            let delay = self.delay();
            if delay.is_zero() {
                break;
            }
            (self.guard.world.wait)(delay.min(NAP));
        }
        if self.rate.is_some() {
            self.credit -= f64::from(sms);
        }
        true
    }

    fn throttled(&mut self) {
        let (first, most) = PAUSE;
        self.pause = (self.pause * 2).clamp(first, most);
        let now = (self.guard.world.clock)();
        self.throttled_since.get_or_insert(now);
        self.quiet_until = now + self.pause;
    }

    fn keep(&mut self, receipts: &[Receipt]) -> bool {
        match self.guard.receive(&self.route, receipts) {
            Ok(()) => true,
            Err(error) => {
                self.fault = Err(error);
                false
            }
        }
    }
}
