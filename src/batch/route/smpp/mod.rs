//! Messages to a message centre by SMPP 3.4. An EDGE: it has sockets, a thread and a clock.
//!
//! ```text
//! submit ── flight: which PDU waits for what ── session ── link ──> centre
//!                                    ^── events ── keeper <── answers, receipts, enquire_link
//! ```
//!
//! A session that ends is opened again at the next group; what was without answer then is unknown. What the centre asks
//! is answered by the keeper's thread at any time, also while nothing is sent; but receipts only when they are stored.

mod flight;
mod keeper;
mod session;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Body, Class, Fate, Message, MessageIds, Needs, Outcome, Pace, Receipt, Route, RouteSettings};
use crate::delivery::smpp::{self, Carrier, ShortMessage, SmeAddress, Status};
use crate::error::{Error, Result};

use flight::Flight;
use keeper::{Inbox, Unanswered, Unsent};
use session::Session;
use settings::Settings;

/// Sessions that fail one after the other before the route counts as broken.
const MOST_FAILURES: u32 = 6;
/// The pause after the first of them; each further one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between them.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a wait looks whether it is to end.
const TICK: Duration = Duration::from_millis(250);
/// How often receipts are handed over while answers are waited for.
const GLANCE: Duration = Duration::from_millis(20);
/// How often parts of a message are sent again of which the centre has others.
const MOST_AGAIN: u32 = 5;

/// A route to a message centre.
#[derive(Debug)]
pub struct SmppRoute {
    route: RouteSettings,
    settings: Settings,
    inbox: Arc<Inbox>,
    session: Option<Session>,
    /// Whether the session has answered a message.
    is_proven: bool,
    /// Sessions that failed since the last answer.
    failures: u32,
    /// When the centre last said that it is too much, which is told once for all that was on its way then.
    throttled: Option<Instant>,
    /// When receipts were handed over last.
    listened: Instant,
}

#[allow(clippy::disallowed_methods, reason = "this edge waits for a socket")]
impl SmppRoute {
    /// Connects and binds with what `route` says.
    ///
    /// # Errors
    ///
    /// Says which setting is missing or wrong, why the centre cannot be reached, or why it refuses the account.
    pub fn open(route: &RouteSettings, password: Zeroizing<String>) -> Result<Self> {
        let settings = Settings::of(route, password)?;
        let inbox = Arc::default();
        let session = Session::open(&settings.address, &settings.bind, settings.patience, &inbox);
        let session = session.map_err(|no| no.error)?;
        let route = route.clone();
        let session = Some(session);
        let (throttled, listened) = (None, Instant::now());
        Ok(Self { route, settings, inbox, session, is_proven: false, failures: 0, throttled, listened })
    }

    /// Opens a session where there is none. `false`: nothing more is to be sent.
    fn connect(&mut self, pace: &mut dyn Pace) -> Result<bool> {
        if self.session.as_mut().is_some_and(|session| !session.is_over()) {
            return Ok(true);
        }
        let mut last = self.end_session();
        loop {
            if self.failures >= MOST_FAILURES {
                self.failures = 0;
                return Err(last);
            }
            if !pause(self.failures, pace) {
                return Ok(false);
            }
            let settings = &self.settings;
            match Session::open(&settings.address, &settings.bind, settings.patience, &self.inbox) {
                Ok(session) => {
                    self.session = Some(session);
                    return Ok(true);
                }
                Err(no) if !no.may_retry => return Err(no.error),
                Err(no) => (last, self.failures) = (no.error, self.failures + 1),
            }
        }
    }

    /// Forgets a session that is over; returns why it is.
    fn end_session(&mut self) -> Error {
        let session = self.session.take();
        self.failures = if self.is_proven { 0 } else { self.failures + u32::from(session.is_some()) };
        self.is_proven = false;
        let why = session.as_ref().and_then(Session::end).unwrap_or("there is no session");
        Error::remote(format!("the centre ends every session before it answers a message: {why}"))
            .at(&self.settings.address)
            .help("ask the operator of the centre; what was sent without an answer may have been taken")
    }

    fn pdus(&self, message: &Message) -> Result<Vec<ShortMessage>> {
        let Body::Parts(parts) = &message.body else {
            return Err(Error::input("the route was given a line of JSON").at(&self.route.name));
        };
        let destination = SmeAddress::international(message.row.msisdn.to_string());
        let template = ShortMessage { destination, ..self.settings.template.clone() };
        template.carrying(&parts.push, &parts.segments, self.settings.form)
    }

    fn is_connected(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.end().is_none())
    }

    /// Sends a part where there is a session to send it on.
    fn send(&mut self, flight: &mut Flight, place: (usize, usize), message: ShortMessage) {
        let Some(session) = &self.session else { return };
        let now = Instant::now();
        match session.send(smpp::Body::Message(Carrier::SubmitSm, Box::new(message))) {
            Ok(sequence) => flight.sent(sequence, place, now),
            Err(Unsent::Some(why)) => flight.broken(place, &why),
            Err(Unsent::All(_)) => {}
        }
    }

    /// Hands receipts over, and answers those that were kept.
    fn hand_over(&mut self, pace: &mut dyn Pace) {
        self.listened = Instant::now();
        let unanswered = self.inbox.take();
        if unanswered.is_empty() {
            return;
        }
        let receipts: Vec<_> = unanswered.iter().map(|one| told(&one.receipt, self.settings.ids)).collect();
        let answer = if pace.keep(&receipts) { Unanswered::taken } else { Unanswered::refused };
        unanswered.into_iter().for_each(answer);
    }

    /// Waits until a time for one answer and notes it; `false` where there was none. Receipts do not wait.
    fn answer(&mut self, flight: &mut Flight, until: Instant, pace: &mut dyn Pace) -> bool {
        let answer = loop {
            if self.listened.elapsed() >= GLANCE {
                self.hand_over(pace);
            }
            let Some(session) = &mut self.session else {
                flight.lose_all("there is no session");
                return false;
            };
            let answer = session.answer(until.min(Instant::now() + GLANCE));
            if let Some(why) = session.gone() {
                flight.lose_all(why);
            }
            if answer.is_some() || session.gone().is_some() || Instant::now() >= until {
                break answer;
            }
        };
        let Some((sequence, status, name)) = answer else {
            flight.expire(Instant::now());
            return false;
        };
        let name = name.map(|name| self.settings.ids.of_answer(&name));
        let Some(sent) = flight.answered(sequence, status, name) else { return true };
        (self.is_proven, self.failures) = (true, 0);
        if is_throttled(&self.route, status) && self.throttled.is_none_or(|before| sent > before) {
            self.throttled = Some(Instant::now());
            pace.throttled();
        }
        true
    }

    /// Waits until fewer than `most` PDUs are without answer.
    fn wait_for(&mut self, flight: &mut Flight, most: usize, pace: &mut dyn Pace) {
        while flight.outstanding() >= most {
            let until = flight.deadline().unwrap_or_else(Instant::now);
            self.answer(flight, until, pace);
        }
    }

    /// Sends messages one after the other; those that `pace` or the end of the session leaves out are not in the flight.
    fn send_all(&mut self, flight: &mut Flight, pdus: &[(u32, Vec<ShortMessage>)], pace: &mut dyn Pace) {
        for (sms, parts) in pdus {
            if !pace.take(*sms) || !self.is_connected() {
                break;
            }
            let message = flight.begin(parts.len());
            for (part, pdu) in parts.iter().enumerate() {
                self.wait_for(flight, self.route.window, pace);
                while self.answer(flight, Instant::now(), pace) {}
                if flight.is_spoilt(message) {
                    break;
                }
                self.send(flight, (message, part), pdu.clone());
            }
        }
        self.wait_for(flight, 1, pace);
    }

    /// Sends again what was too much, of messages that the centre has in part.
    fn complete(&mut self, flight: &mut Flight, pdus: &[(u32, Vec<ShortMessage>)], pace: &mut dyn Pace) {
        for _ in 0..MOST_AGAIN {
            let again = flight.begin_again(|status| is_throttled(&self.route, status));
            if !self.is_connected() || again.is_empty() {
                return;
            }
            for (message, part) in again {
                if !pace.take(1) {
                    return self.wait_for(flight, 1, pace);
                }
                self.send(flight, (message, part), pdus[message].1[part].clone());
            }
            self.wait_for(flight, 1, pace);
        }
    }
}

impl Route for SmppRoute {
    fn needs(&self) -> Needs {
        Needs::Parts
    }

    fn window(&self) -> usize {
        self.route.window
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let pdus = messages.iter().map(|message| Ok((message.sms, self.pdus(message)?)));
        let pdus: Vec<(u32, Vec<ShortMessage>)> = pdus.collect::<Result<_>>()?;
        let mut outcomes = Vec::new();
        if self.connect(pace)? {
            let mut flight = Flight::new(self.settings.patience.answer);
            self.send_all(&mut flight, &pdus, pace);
            self.complete(&mut flight, &pdus, pace);
            outcomes = flight.outcomes(|status| class(&self.route, status));
        }
        outcomes.resize(messages.len(), Outcome::NotSent);
        Ok(outcomes)
    }

    fn listen(&mut self, pace: &mut dyn Pace) {
        self.hand_over(pace);
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(session) = self.session.take() {
            session.close();
        }
        Ok(())
    }
}

/// Returns what to do after a status: what the route's lists say of `smpp:0x…`, else what the standard does.
fn class(route: &RouteSettings, status: Status) -> Class {
    let usual = match status.class() {
        smpp::Class::Permanent => Class::Permanent,
        smpp::Class::Throttled => Class::Throttled,
        smpp::Class::Temporary | smpp::Class::Ok => Class::Temporary,
    };
    route.class(&status.to_string(), usual)
}

fn is_throttled(route: &RouteSettings, status: Status) -> bool {
    !status.is_ok() && class(route, status) == Class::Throttled
}

/// Says a receipt in the words of campaigns. Its date is in the centre's own time, so that it says no time.
fn told(receipt: &smpp::Receipt, ids: MessageIds) -> Receipt {
    let fate = receipt.state.map_or(Fate::Pending, Fate::from);
    let code = receipt.state.map(|state| {
        let error: String = receipt.error.chars().filter(char::is_ascii_alphanumeric).take(MOST_ERROR).collect();
        match error.trim_matches('0') {
            "" => format!("smpp:stat:{}", state.word()),
            _ => format!("smpp:stat:{}:{error}", state.word()),
        }
    });
    Receipt { id: ids.of_receipt(&receipt.message_id), fate, code, at: None }
}

/// Characters of a network's error code that are kept: the standard has three digits.
const MOST_ERROR: usize = 8;

/// Waits before the next session; `false`: nothing more is to be sent.
#[allow(clippy::disallowed_methods, reason = "this edge waits for a centre to come back")]
fn pause(failures: u32, pace: &mut dyn Pace) -> bool {
    let Some(doublings) = failures.checked_sub(1) else { return pace.take(0) };
    let until = Instant::now() + (FIRST_PAUSE * 4_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
    while Instant::now() < until {
        if !pace.take(0) {
            return false;
        }
        std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
    }
    pace.take(0)
}
