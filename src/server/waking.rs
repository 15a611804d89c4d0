//! Waking: which clients are called, when, and by which way (CSP session, "CIR").
//!
//! ```text
//! a service puts a request into an outbox ─ ring ─┐
//! a client was told by the Poll flag ──── heard ──┤─> call: something waits, the client does not know, and was not
//! the time to look again has come ────────────────┘         called a moment ago ──> Output::Wake
//! ```
//!
//! A client that polls has answered. One that does not is called again, by its other ways in turn, each time after
//! twice the time, and then left alone until something new comes. A session without such a way costs nothing here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::agenda::Agenda;
use super::configuration::CirFlag;
use super::engine::Output;
use super::origin::read_number;
use super::session::{Session, SessionId, Sessions};
use super::{Timestamp, limits, texting};
use crate::csp::Version;
use crate::csp::cir::{self, Method};

/// The way by which one CIR goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// A line on a connection that the client opened.
    Connection(u64),
    /// A datagram.
    Datagram(SocketAddr),
    /// A WAP push in a datagram.
    Push(SocketAddr),
    /// A short message to this number.
    ShortMessage(String),
    /// A WAP push in a short message to this number.
    ShortPush(String),
}

/// What is heard of a client beside its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It greets on a connection, with its session. The reply is 200, or 404 where there is no such session.
    Hello(String),
    /// The connection is gone. There is no reply.
    Gone,
    /// It greets in a short message from this number. The reply is as for [`Self::Hello`].
    ShortHello {
        /// Its session.
        session: String,
        /// Its number.
        number: String,
    },
    /// It asks whether something waits, by the secret of its address. The reply is 200, 204, or 404 for nobody's.
    Asks(String),
}

/// How a session can be woken.
#[derive(Debug)]
pub(crate) struct Waking {
    /// What its client knows a CIR by; `None` where that cannot be repeated.
    pub(crate) cookie: Option<String>,
    /// Where its requests come from.
    pub(crate) peer: IpAddr,
    /// The ways that are agreed, in the client's order.
    pub(crate) methods: Vec<Method>,
    /// The port where it takes datagrams.
    pub(crate) udp_port: u16,
    /// Its telephone number: of its user, or of the short message that it greeted with.
    pub(crate) number: Option<String>,
    /// The connection that it opened.
    connection: Option<u64>,
    /// Whether a connection that it had is gone.
    is_lost: bool,
    /// CIRs since it was last heard of.
    calls: u32,
    /// Until then it knows, or has just been called.
    quiet_until: Option<Timestamp>,
}

impl Default for Waking {
    fn default() -> Self {
        Self {
            cookie: None,
            peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            methods: Vec::new(),
            udp_port: cir::SUDP_PORT,
            number: None,
            connection: None,
            is_lost: false,
            calls: 0,
            quiet_until: None,
        }
    }
}

impl Waking {
    /// Returns the connection that it opened.
    pub(crate) fn connection(&self) -> Option<u64> {
        self.connection
    }

    /// Returns whether there is any way to call it.
    fn is_callable(&self) -> bool {
        self.cookie.is_some() && self.methods.iter().any(|method| *method != Method::Shttp)
    }

    /// Returns the next way to call it: the preferred one first, then the others in turn.
    fn channel(&self) -> Option<Channel> {
        let usable: Vec<Channel> = self.methods.iter().filter_map(|method| self.by(*method)).collect();
        let turn = (self.calls as usize).checked_rem(usable.len())?;
        usable.into_iter().nth(turn)
    }

    fn by(&self, method: Method) -> Option<Channel> {
        // Who logged in by short message has no address on the network.
        let at = |port| (!texting::is_number(self.peer)).then(|| SocketAddr::new(self.peer, port));
        match method {
            Method::Stcp => self.connection.map(Channel::Connection),
            Method::Sudp => at(self.udp_port).map(Channel::Datagram),
            Method::WapUdp => at(cir::WAP_PORT).map(Channel::Push),
            Method::Ssms => self.number.clone().map(Channel::ShortMessage),
            Method::WapSms => self.number.clone().map(Channel::ShortPush),
            Method::Shttp => None,
        }
    }

    /// Returns what the element CIR says: nothing while all is well.
    pub(crate) fn flag(&self, version: Version, flag: CirFlag) -> Option<bool> {
        if !(self.is_lost && self.methods.contains(&Method::Stcp)) {
            return None;
        }
        match flag {
            CirFlag::ByVersion => Some(version < Version::V1_3),
            CirFlag::True => Some(true),
            CirFlag::False => Some(false),
            CirFlag::Silent => None,
        }
    }
}

/// Who is to be called, and who is looked at again when.
#[derive(Debug, Default)]
pub(super) struct Bells {
    /// Sessions with something new in their outbox.
    rung: Vec<SessionId>,
    agenda: Agenda,
    connections: HashMap<u64, SessionId>,
}

impl Bells {
    /// Notes that something was put into the outbox of a session.
    pub(super) fn ring(&mut self, session: &Session) {
        if session.waking.is_callable() {
            self.rung.push(session.caller.session);
        }
    }

    /// Notes that a session is being answered, and whether its Poll flag says that more waits.
    pub(super) fn heard(&mut self, session: &mut Session, has_more: bool, now: Timestamp) {
        if !session.waking.is_callable() {
            return;
        }
        let again = now.after(limits::CALL_AGAIN);
        session.waking.calls = 0;
        session.waking.quiet_until = has_more.then_some(again);
        let look_at = if has_more { Some(again) } else { session.outbox.next_due(now) };
        if let Some(at) = look_at {
            self.agenda.look(session.caller.session, at);
        }
    }

    /// Calls the clients that something waits for and that do not know.
    pub(super) fn call(&mut self, sessions: &mut Sessions, now: Timestamp) -> Vec<Output> {
        while let Some(id) = self.agenda.take(now) {
            self.rung.push(id);
        }
        let mut outputs: Vec<Output> = Vec::new();
        for id in std::mem::take(&mut self.rung) {
            let Some(session) = sessions.get_mut(id) else { continue };
            if !session.has_waiting(now) {
                if let Some(at) = session.outbox.next_due(now) {
                    self.agenda.look(id, at);
                }
            } else if let Some(at) = session.waking.quiet_until.filter(|at| *at > now) {
                self.agenda.look(id, at);
            } else {
                outputs.extend(self.call_one(session, now));
            }
        }
        for connection in sessions.hang_ups() {
            self.connections.remove(&connection);
            outputs.push(Output::HangUp(connection));
        }
        outputs
    }

    fn call_one(&mut self, session: &mut Session, now: Timestamp) -> Option<Output> {
        // Where there is no way now, a greeting makes one.
        let by = session.waking.channel()?;
        let text = cir::call(session.caller.version, session.waking.cookie.as_deref()?);
        let wait = limits::CALL_AGAIN.saturating_mul(1 << session.waking.calls.min(limits::CALLS));
        let quiet_until = now.after(wait);
        session.waking.calls = session.waking.calls.saturating_add(1);
        session.waking.quiet_until = Some(quiet_until);
        if session.waking.calls < limits::CALLS {
            self.agenda.look(session.caller.session, quiet_until);
        }
        Some(Output::Wake { by, text })
    }

    /// Returns when to look at somebody again.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// Takes what was heard of a client; returns the status of the reply, if there is one.
    pub(super) fn hear(
        &mut self,
        sessions: &mut Sessions,
        connection: u64,
        heard: &Heard,
        now: Timestamp,
    ) -> Option<u16> {
        let is_greeted = match heard {
            Heard::Gone => {
                self.gone(sessions, connection);
                return None;
            }
            Heard::Asks(token) => {
                let session = SessionId::read(token).and_then(|token| sessions.of_token(token));
                let session = session.filter(|own| own.waking.methods.contains(&Method::Shttp));
                return Some(session.map_or(404, |own| if own.has_waiting(now) { 200 } else { 204 }));
            }
            Heard::Hello(session) => self.greet(sessions, connection, session),
            Heard::ShortHello { session, number } => self.greet_short(sessions, session, number),
        };
        Some(if is_greeted { 200 } else { 404 })
    }

    fn gone(&mut self, sessions: &mut Sessions, connection: u64) {
        let id = self.connections.remove(&connection);
        let session = id.and_then(|id| sessions.get_mut(id));
        if let Some(session) = session.filter(|session| session.waking.connection == Some(connection)) {
            session.waking.connection = None;
            session.waking.is_lost = true;
        }
    }

    /// Takes a connection for a session, in place of an earlier one.
    fn greet(&mut self, sessions: &mut Sessions, connection: u64, session: &str) -> bool {
        let id = SessionId::read(session);
        let is_other = |known: &SessionId| Some(*known) != id;
        if self.connections.get(&connection).is_some_and(is_other) {
            return false;
        }
        let agreed = |session: &&mut Session| session.waking.methods.contains(&Method::Stcp);
        let Some(session) = id.and_then(|id| sessions.get_mut(id)).filter(agreed) else { return false };
        let earlier = session.waking.connection.replace(connection);
        session.waking.is_lost = false;
        self.welcome(session);
        self.connections.insert(connection, session.caller.session);
        if let Some(earlier) = earlier.filter(|earlier| *earlier != connection) {
            sessions.hang_up(earlier);
        }
        true
    }

    fn greet_short(&mut self, sessions: &mut Sessions, session: &str, number: &str) -> bool {
        let agreed = |session: &&mut Session| session.waking.methods.contains(&Method::Ssms);
        let session = SessionId::read(session).and_then(|id| sessions.get_mut(id)).filter(agreed);
        let Some((session, number)) = session.zip(read_number(number)) else { return false };
        session.waking.number = Some(number.to_owned());
        self.welcome(session);
        true
    }

    /// A client that has just greeted is called at once if something waits.
    fn welcome(&mut self, session: &mut Session) {
        session.waking.calls = 0;
        session.waking.quiet_until = None;
        self.rung.push(session.caller.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_datagram_goes_to_who_talks_by_short_messages() {
        let by_text = Waking { peer: texting::address_of("491701234567"), ..Waking::default() };
        let on_network = Waking { peer: IpAddr::from([192, 0, 2, 1]), ..Waking::default() };
        for method in [Method::Sudp, Method::WapUdp] {
            assert!(by_text.by(method).is_none() && on_network.by(method).is_some(), "{method:?}");
        }
    }
}
