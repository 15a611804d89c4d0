//! The door: logins that are under way, and who guessed passwords (abuse cases B07 and B10).

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::{Timestamp, limits};
use crate::csp::Schema;

/// Whose login is under way: user, client, address. Others cannot disturb it.
pub(crate) type Place = (String, String, IpAddr);

/// The first half of a login of four messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// What is hashed before the password; used once.
    pub(crate) nonce: String,
    /// How it is hashed.
    pub(crate) schema: Schema,
    /// When the nonce was made.
    pub(crate) made: Timestamp,
}

/// What is remembered of those who are not yet in.
#[derive(Debug, Default)]
pub(crate) struct Door {
    challenges: HashMap<Place, Challenge>,
    in_order: VecDeque<(Timestamp, Place)>,
    guesses: HashMap<Guesser, Guesses>,
    /// The address each user last came in from: guesses from elsewhere do not keep it waiting.
    homes: HashMap<String, IpAddr>,
    /// Wrong answers to system messages, by user.
    answers: HashMap<String, Guesses>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Guesser {
    /// Whoever guesses at a user from where the user last came in.
    AtHome(String),
    /// Whoever guesses at a user from elsewhere.
    Elsewhere(String),
    /// Whoever guesses from an address.
    Peer(IpAddr),
}

#[derive(Debug)]
struct Guesses {
    count: u32,
    last: Timestamp,
}

impl Door {
    /// Keeps a challenge until it is answered; one place has one.
    pub(crate) fn add_challenge(&mut self, place: Place, challenge: Challenge) {
        let now = challenge.made;
        let is_stale = |at: Timestamp| now.since(at) > limits::NONCE_LIFE;
        while self.in_order.len() >= limits::NONCES || self.in_order.front().is_some_and(|(at, _)| is_stale(*at)) {
            let Some((at, oldest)) = self.in_order.pop_front() else { break };
            if self.challenges.get(&oldest).is_some_and(|kept| kept.made <= at) {
                self.challenges.remove(&oldest);
            }
        }
        self.in_order.push_back((now, place.clone()));
        self.challenges.insert(place, challenge);
    }

    /// Takes the challenge of a place, if it is still good. It is good for one attempt.
    pub(crate) fn take_challenge(&mut self, place: &Place, now: Timestamp) -> Option<Challenge> {
        self.challenges.remove(place).filter(|challenge| now.since(challenge.made) <= limits::NONCE_LIFE)
    }

    /// Returns how many seconds to wait before the next attempt, if any.
    pub(crate) fn wait(&self, user: &str, peer: IpAddr, now: Timestamp) -> Option<u32> {
        // A gateway has many users: those who have come in through it do not wait for what others do there.
        let by_peer = self.guesses.get(&Guesser::Peer(network(peer))).filter(|_| !self.is_home(user, peer));
        let by_user = self.guesses.get(&self.guesser(user, peer));
        let waits = [(by_user, limits::GUESSES_BY_USER), (by_peer, limits::GUESSES_BY_PEER)];
        waits.into_iter().filter_map(|(guesses, free)| guesses?.wait(free, now)).max()
    }

    fn is_home(&self, user: &str, peer: IpAddr) -> bool {
        self.homes.get(user) == Some(&peer)
    }

    fn guesser(&self, user: &str, peer: IpAddr) -> Guesser {
        match self.is_home(user, peer) {
            true => Guesser::AtHome(user.to_owned()),
            false => Guesser::Elsewhere(user.to_owned()),
        }
    }

    /// Counts a wrong password. Of a user that does not exist there is nothing to guess.
    pub(crate) fn failed(&mut self, user: Option<&str>, peer: IpAddr, now: Timestamp) {
        let user = user.map(|user| self.guesser(user, peer));
        for guesser in user.into_iter().chain([Guesser::Peer(network(peer))]) {
            self.make_room(now);
            let guesses = self.guesses.entry(guesser).or_insert(Guesses { count: 0, last: now });
            guesses.add(limits::GUESS_MEMORY, now);
        }
    }

    /// Notes a right password: the user's count starts anew.
    pub(crate) fn succeeded(&mut self, user: &str, peer: IpAddr) {
        self.guesses.remove(&self.guesser(user, peer));
        if self.homes.len() >= limits::SESSIONS {
            self.homes.clear();
        }
        self.homes.insert(user.to_owned(), peer);
    }

    /// Counts a login with a wrong answer to a system message; returns whether the user may try once more now.
    pub(crate) fn may_answer_again(&mut self, user: &str, now: Timestamp) -> bool {
        if self.answers.len() >= limits::GUESSERS {
            self.answers.retain(|_, wrong| now.since(wrong.last) <= limits::GUESS_WAIT);
        }
        let wrong = self.answers.entry(user.to_owned()).or_insert(Guesses { count: 0, last: now });
        wrong.add(limits::GUESS_WAIT, now);
        wrong.count < limits::WRONG_ANSWERS
    }

    /// Returns whether a user has answered wrongly too often of late.
    pub(crate) fn is_barred_from_answering(&self, user: &str, now: Timestamp) -> bool {
        let is_recent = |wrong: &Guesses| now.since(wrong.last) <= limits::GUESS_WAIT;
        self.answers.get(user).is_some_and(|wrong| wrong.count >= limits::WRONG_ANSWERS && is_recent(wrong))
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.guesses.len() < limits::GUESSERS {
            return;
        }
        self.guesses.retain(|_, guesses| now.since(guesses.last) <= limits::GUESS_MEMORY);
        // Those who guessed least go, all at once, so that making room is not itself a burden.
        if self.guesses.len() >= limits::GUESSERS
            && let Some(least) = self.guesses.values().map(|guesses| guesses.count).min()
        {
            self.guesses.retain(|_, guesses| guesses.count > least);
        }
    }
}

impl Guesses {
    /// Counts one more; what is longer ago than is remembered does not count.
    fn add(&mut self, memory: Duration, now: Timestamp) {
        let earlier = if now.since(self.last) > memory { 0 } else { self.count };
        (self.count, self.last) = (earlier.saturating_add(1), now);
    }

    /// Each guess beyond the free ones doubles the wait.
    fn wait(&self, free: u32, now: Timestamp) -> Option<u32> {
        let beyond = self.count.checked_sub(free)?;
        let wait = Duration::from_secs(1 << beyond.min(16)).min(limits::GUESS_WAIT);
        let left = wait.checked_sub(now.since(self.last)).filter(|left| !left.is_zero())?;
        u32::try_from(left.as_secs() + 1).ok()
    }
}

/// Returns the address that stands for all which one host can take: an IPv6 host has 2^64.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn b10_nonces_are_used_once_expire_and_are_bounded() {
        let mut door = Door::default();
        let start = Timestamp::from_seconds(1000);
        let place = |number: usize| (format!("wv:u{number}@x"), "c".to_owned(), PEER);
        let challenge = |made| Challenge { nonce: "n".into(), schema: Schema::Md5, made };
        door.add_challenge(place(0), challenge(start));
        assert!(door.take_challenge(&place(0), start).is_some());
        assert!(door.take_challenge(&place(0), start).is_none(), "used");
        door.add_challenge(place(0), challenge(start));
        let late = start.after(limits::NONCE_LIFE + Duration::from_secs(1));
        assert!(door.take_challenge(&place(0), late).is_none(), "too late");
        for number in 0..3 * limits::NONCES {
            door.add_challenge(place(number), challenge(start));
        }
        assert!(door.challenges.len() <= limits::NONCES && door.in_order.len() <= limits::NONCES);
        for _ in 0..3 * limits::NONCES {
            door.add_challenge(place(1), challenge(start));
        }
        assert!(door.challenges.len() <= limits::NONCES && door.in_order.len() <= limits::NONCES);
    }

    #[test]
    fn b07_guessing_is_slowed_by_user_and_by_address_but_not_for_the_user_at_home() {
        let mut door = Door::default();
        let start = Timestamp::from_seconds(1000);
        let home = IpAddr::from([192, 0, 2, 1]);
        door.succeeded("wv:a@x", home);
        for number in 0..limits::GUESSES_BY_USER {
            let other = IpAddr::from([198, 51, 100, number as u8]);
            assert_eq!(door.wait("wv:a@x", other, start), None);
            door.failed(Some("wv:a@x"), other, start);
        }
        assert!(door.wait("wv:a@x", PEER, start).is_some(), "from many addresses");
        assert_eq!(door.wait("wv:a@x", home, start), None);
        for _ in 0..limits::GUESSES_BY_USER {
            door.failed(Some("wv:a@x"), home, start);
        }
        assert!(door.wait("wv:a@x", home, start).is_some(), "guessing at home");
        assert_eq!(door.wait("wv:b@x", PEER, start), None);
        assert_eq!(door.wait("wv:a@x", PEER, start.after(limits::GUESS_WAIT)), None, "not for long");
        for number in 0..limits::GUESSES_BY_PEER {
            door.failed(Some(&format!("wv:{number}@x")), PEER, start);
        }
        assert!(door.wait("wv:new@x", PEER, start).is_some(), "many users from one address");
        door.succeeded("wv:old@x", PEER);
        assert_eq!(door.wait("wv:old@x", PEER, start), None, "came in there before");
        for number in 0..2 * limits::GUESSERS {
            door.failed(Some(&format!("wv:{number}@x")), PEER, start);
        }
        assert!(door.guesses.len() <= limits::GUESSERS);
    }
}
