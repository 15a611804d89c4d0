//! CSP over SMS (CSP transport bindings, "SMS binding"): each short message carries a primitive in plain text, or a part of
//! one. There are no empty answers and nobody polls: requests of ours go out as they come, so many as may be open, and
//! again while they are not acknowledged.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use super::agenda::Agenda;
use super::session::SessionId;
use super::{Timestamp, limits};
use crate::csp::segments::Assembler;
use crate::csp::wire::{self, Body};
use crate::document::CodeTable;

/// What the server keeps of clients that talk by short messages.
#[derive(Debug, Default)]
pub(super) struct Texting {
    pub(super) assembler: Assembler,
    /// Sessions that are looked at for what waits for them.
    pub(super) agenda: Agenda,
    /// The last logins of each number with their answers: a login that comes again is not done again.
    logins: HashMap<String, VecDeque<Login>>,
    /// Sessions that were ended by force, and whose clients do not know yet.
    farewells: Vec<Farewell>,
}

#[derive(Debug)]
struct Login {
    request: Vec<u8>,
    /// Until when it is known.
    until: Timestamp,
    /// The session that it opened; none where it is the first of two requests.
    session: Option<SessionId>,
    answer: Vec<u8>,
}

/// What the answer to a login begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begun {
    /// A session.
    Session(SessionId),
    /// A login of four messages.
    Challenge,
    /// Nothing: the login is refused.
    Nothing,
}

/// A Disconnect on its way.
#[derive(Debug)]
struct Farewell {
    session: SessionId,
    number: String,
    text: Vec<u8>,
    times: u8,
    next: Timestamp,
}

impl Begun {
    /// Returns the session that is open.
    pub(super) fn session(self) -> Option<SessionId> {
        match self {
            Self::Session(session) => Some(session),
            Self::Challenge | Self::Nothing => None,
        }
    }
}

impl Texting {
    /// Tells a client that its session is over, and again until it acknowledges.
    pub(super) fn dismiss(&mut self, session: SessionId, number: String, text: Vec<u8>, now: Timestamp) {
        if self.farewells.len() >= limits::TEXT_LOGINS {
            self.farewells.remove(0);
        }
        self.farewells.push(Farewell { session, number, text, times: 0, next: now });
    }

    /// Notes that something came of a client whose session is over.
    pub(super) fn knows(&mut self, session: SessionId) {
        self.farewells.retain(|farewell| farewell.session != session);
    }

    /// Returns what is said again now: number and text.
    pub(super) fn farewells(&mut self, now: Timestamp) -> Vec<(String, Vec<u8>)> {
        self.farewells.retain(|farewell| farewell.times < limits::TEXT_OFFERS);
        let due = self.farewells.iter_mut().filter(|farewell| farewell.next <= now);
        due.map(|farewell| {
            (farewell.times, farewell.next) = (farewell.times + 1, now.after(limits::OFFER_AGAIN));
            (farewell.number.clone(), farewell.text.clone())
        })
        .collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let farewell = self.farewells.iter().map(|farewell| farewell.next).min();
        self.agenda.next().into_iter().chain(farewell).min()
    }

    /// Returns the answer to a login that came before, with the session that it opened.
    pub(super) fn answer(&self, number: &str, request: &[u8], now: Timestamp) -> Option<(Vec<u8>, Option<SessionId>)> {
        let is_same = |login: &&Login| login.request == request && now <= login.until;
        self.logins.get(number)?.iter().find(is_same).map(|login| (login.answer.clone(), login.session))
    }

    /// Remembers what a login began, and the answer to it: of one that is refused for a shorter time, since who tries anew
    /// may write the same.
    pub(super) fn remember(&mut self, number: &str, request: Vec<u8>, begun: Begun, answer: Vec<u8>, now: Timestamp) {
        let is_live = |logins: &VecDeque<Login>| logins.iter().any(|login| now <= login.until);
        if self.logins.len() >= limits::TEXT_LOGINS {
            self.logins.retain(|_, logins| is_live(logins));
        }
        if self.logins.len() >= limits::TEXT_LOGINS {
            self.logins.clear();
        }
        let own = self.logins.entry(number.to_owned()).or_default();
        own.retain(|login| login.request != request);
        if own.len() >= limits::ANSWERS {
            own.pop_front();
        }
        let life = match begun {
            Begun::Session(_) | Begun::Challenge => limits::TEXT_ANSWER_LIFE,
            Begun::Nothing => limits::TEXT_REFUSAL_LIFE,
        };
        own.push_back(Login { request, until: now.after(life), session: begun.session(), answer });
    }
}

/// Returns the address by which a number stands where guesses are counted: one of those that are nobody's on the
/// Internet (RFC 4193, "Unique local addresses"), another network for each number.
pub(super) fn address_of(digits: &str) -> IpAddr {
    // 15 digits are less than 2^50.
    let number = digits.parse::<u64>().unwrap_or_default();
    Ipv6Addr::from(PREFIX << 120 | u128::from(number) << 64).into()
}

/// Returns whether an address stands for a number.
pub(super) fn is_number(peer: IpAddr) -> bool {
    matches!(peer, IpAddr::V6(address) if u128::from(address) >> 120 == PREFIX && address.segments()[4..] == [0; 4])
}

/// Returns what an answer outside a session begins.
pub(super) fn begun(answer: &[u8], codes: &'static CodeTable) -> Option<Begun> {
    let Ok((Body::Message(message), _)) = wire::read_with(answer, &wire::LIMITS, codes) else { return None };
    let primitive = &message.transactions.first()?.primitive;
    let opened = primitive.child_text("SessionID").and_then(SessionId::read).map(Begun::Session);
    opened.or_else(|| primitive.child("Nonce").map(|_| Begun::Challenge))
}

/// The first octet of the addresses.
const PREFIX: u128 = 0xFD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_own_networks() {
        assert_ne!(address_of("491701234567"), address_of("491701234568"));
        assert!(is_number(address_of("999999999999999")) && !is_number(IpAddr::from([127, 0, 0, 1])));
    }
}
