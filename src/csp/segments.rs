//! Messages in plain text that are longer than one short message: cut into parts, and joined again (CSP in plain text,
//! "Segments").

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use crate::codec::Preamble;

/// The port of CSP over SMS, at either end (CSP transport bindings, "SMS binding").
pub const SMS_PORT: u16 = 3590;
/// Parts of one message at the most: there are so many letters.
pub const PARTS: usize = 26;
/// Octets of one short message in 8-bit data, without the 7 of port addressing.
pub const SHORT_MESSAGE: usize = 133;
/// Octets of a message that is carried in parts in any case: the longest preamble and a character too large for the end of
/// a part are taken off each.
pub const LONGEST: usize = PARTS * (SHORT_MESSAGE - 16);
/// How long the parts of a message are waited for: proposed, no source says it.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// Messages of one peer that are put together at a time; a client has few transactions open.
pub const MESSAGES_OF_PEER: usize = 8;
/// Messages of all peers that are put together at a time.
pub const MESSAGES: usize = 10_000;
/// Octets that wait for the rest of their message.
pub const OCTETS: usize = 8 << 20;
/// Octets of one part; the longest short messages have 160.
pub const PART: usize = 1024;

/// Cuts a message into parts of at most so many octets. One that fits is left as it is.
///
/// # Errors
///
/// Fails where 26 parts do not hold it, or a part has no room for anything.
pub fn split(message: &str, most: usize) -> Result<Vec<String>, String> {
    if message.len() <= most {
        return Ok(vec![message.to_owned()]);
    }
    let (head, mut rest) = message.split_once(' ').unwrap_or((message, ""));
    // The letters and the space behind them.
    let room = most.saturating_sub(head.len() + 3);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let end = (0..=room.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or_default();
        if end == 0 || pieces.len() == PARTS {
            return Err(format!("a message of {} octets does not fit into {PARTS} parts of {most}", message.len()));
        }
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    let last = letter(pieces.len());
    let part = |(index, piece): (usize, &&str)| format!("{head}{}{last} {piece}", letter(index + 1));
    Ok(pieces.iter().enumerate().map(part).collect())
}

fn letter(number: usize) -> char {
    char::from(b'a' + u8::try_from(number - 1).unwrap_or(25))
}

/// What becomes of a short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is a message, or the last missing part of one.
    Whole(Vec<u8>),
    /// More parts are waited for.
    Waiting,
    /// It can be part of nothing.
    Refused(&'static str),
}

/// Puts messages together from their parts, by peer and transaction, whatever their order.
#[derive(Debug, Default)]
pub struct Assembler {
    messages: BTreeMap<Key, Parts>,
    /// The messages by their first part's time.
    ages: BTreeSet<(Duration, Key)>,
    octets: usize,
}

/// Whose message it is, and its preamble.
type Key = (String, String);

#[derive(Debug)]
struct Parts {
    since: Duration,
    pieces: Vec<Option<Piece>>,
    /// The parts of the messages of that preamble that came before, whole or not: a login of four messages has one
    /// transaction, and short messages come late and twice.
    before: VecDeque<Vec<Option<u64>>>,
}

#[derive(Debug)]
struct Piece {
    octets: Vec<u8>,
    /// Whether it may be a late one of a message before. It counts when it comes again.
    is_doubtful: bool,
}

impl Parts {
    fn new(count: usize) -> Self {
        Self { since: Duration::ZERO, pieces: empty(count), before: VecDeque::new() }
    }

    fn octets(&self) -> usize {
        self.pieces.iter().flatten().map(|piece| piece.octets.len()).sum()
    }

    /// Adds a part; returns the message that it makes whole, without the preamble.
    fn add(&mut self, now: Duration, this: usize, octets: &[u8]) -> Option<Vec<u8>> {
        let own = Some(mark(octets));
        let is_old = self.before.iter().any(|marks| marks[this] == own);
        match &mut self.pieces[this] {
            Some(there) if there.octets == octets => there.is_doubtful = false,
            // A late one of a message before.
            Some(there) if is_old && !there.is_doubtful => return None,
            place => {
                // Another message begins: nothing of both is ever joined.
                if place.as_ref().is_some_and(|there| !there.is_doubtful) {
                    self.begin();
                }
                self.pieces[this] = Some(Piece { octets: octets.to_vec(), is_doubtful: is_old });
            }
        }
        self.since = if self.pieces.iter().flatten().count() == 1 { now } else { self.since };
        let marks = self.marks();
        let is_whole = self.pieces.iter().all(Option::is_some);
        let is_sure = self.pieces.iter().flatten().all(|piece| !piece.is_doubtful) || self.before.contains(&marks);
        if !(is_whole && is_sure) {
            return None;
        }
        let message = self.pieces.iter().flatten().flat_map(|piece| piece.octets.iter().copied()).collect();
        self.begin();
        Some(message)
    }

    fn marks(&self) -> Vec<Option<u64>> {
        self.pieces.iter().map(|piece| piece.as_ref().map(|piece| mark(&piece.octets))).collect()
    }

    /// Puts what has come aside, to know it when it comes again.
    fn begin(&mut self) {
        let marks = self.marks();
        self.before.retain(|before| *before != marks);
        if self.before.len() >= BEFORE {
            self.before.pop_front();
        }
        self.before.push_back(marks);
        self.pieces = empty(self.pieces.len());
    }
}

/// Messages of one preamble that are known when their parts come late.
const BEFORE: usize = 4;

fn empty(count: usize) -> Vec<Option<Piece>> {
    (0..count).map(|_| None).collect()
}

impl Assembler {
    /// Takes a short message of a peer at a time that is counted from any fixed moment.
    pub fn take(&mut self, now: Duration, peer: &str, text: &[u8]) -> Taken {
        self.forget(now);
        let Some(preamble) = Preamble::read(text) else { return Taken::Whole(text.to_vec()) };
        let Some((this, last)) = preamble.part else { return Taken::Whole(text.to_vec()) };
        let head = &text[..preamble.length - 2];
        let piece = text.get(preamble.length + 1..).unwrap_or_default();
        let whole = |pieces: &[u8]| Taken::Whole([head, b" ", pieces].concat());
        if this > last {
            return Taken::Refused("the number of the part is above the number of parts");
        }
        if piece.is_empty() || piece.len() > PART {
            return Taken::Refused("the part is empty, or longer than any short message");
        }
        if last == 1 {
            return whole(piece);
        }
        let key = (peer.to_owned(), String::from_utf8_lossy(head).to_ascii_uppercase());
        let (this, count) = (usize::from(this) - 1, usize::from(last));
        let known = self.remove(&key).filter(|parts| parts.pieces.len() == count);
        // Another number of parts is another message, of another time.
        let mut parts = known.unwrap_or_else(|| Parts::new(count));
        let message = parts.add(now, this, piece);
        self.make_room(peer, parts.octets());
        self.octets += parts.octets();
        self.ages.insert((parts.since, key.clone()));
        self.messages.insert(key, parts);
        message.map_or(Taken::Waiting, |message| whole(&message))
    }

    /// Returns how many messages are put together, and how many octets wait.
    pub fn waiting(&self) -> (usize, usize) {
        (self.messages.len(), self.octets)
    }

    fn remove(&mut self, key: &Key) -> Option<Parts> {
        let parts = self.messages.remove(key)?;
        self.octets -= parts.octets();
        self.ages.remove(&(parts.since, key.clone()));
        Some(parts)
    }

    /// Forgets what is waited for in vain.
    fn forget(&mut self, now: Duration) {
        while let Some((since, key)) = self.ages.first().cloned() {
            if now.saturating_sub(since) < PATIENCE {
                return;
            }
            self.remove(&key);
        }
    }

    /// Gives up the oldest of a peer that has too many, and the oldest of all where they are too many.
    fn make_room(&mut self, peer: &str, octets: usize) {
        let own = |key: &&Key| key.0 == peer;
        let first = (peer.to_owned(), String::new());
        let keys: Vec<Key> = self.messages.range(first..).map(|(key, _)| key).take_while(own).cloned().collect();
        if keys.len() >= MESSAGES_OF_PEER {
            let oldest = keys.iter().min_by_key(|key| self.messages.get(*key).map(|parts| parts.since));
            if let Some(oldest) = oldest {
                self.remove(oldest);
            }
        }
        while self.messages.len() >= MESSAGES || self.octets + octets > OCTETS {
            let Some((_, oldest)) = self.ages.first().cloned() else { return };
            self.remove(&oldest);
        }
    }
}

fn mark(piece: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    piece.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    #[test]
    fn the_sample_of_the_sheet_is_joined_in_any_order() {
        let parts =
            ["WV13LM12ab SI=s-7f3a AN=((Bob,wv:bob@exa", "WV13LM12bb mple.com)) RL=T CL=wv:alice/friends@example.com"];
        let whole = "WV13LM12 SI=s-7f3a AN=((Bob,wv:bob@example.com)) RL=T CL=wv:alice/friends@example.com";
        for order in [[0, 1], [1, 0]] {
            let mut assembler = Assembler::default();
            assert_eq!(assembler.take(NOW, "1", parts[order[0]].as_bytes()), Taken::Waiting);
            assert_eq!(assembler.take(NOW, "1", parts[order[0]].as_bytes()), Taken::Waiting, "a repeat");
            assert_eq!(assembler.take(NOW, "1", parts[order[1]].as_bytes()), Taken::Whole(whole.into()));
        }
    }

    #[test]
    fn parts_that_do_not_go_together_are_never_joined() {
        let take = |texts: &[(&str, &str)]| {
            let mut assembler = Assembler::default();
            let mut taken = Taken::Waiting;
            for (peer, text) in texts {
                taken = assembler.take(NOW, peer, text.as_bytes());
            }
            taken
        };
        assert_eq!(take(&[("1", "WV13LM1ab a"), ("2", "WV13LM1bb b")]), Taken::Waiting, "another peer");
        assert_eq!(take(&[("1", "WV13LM1ab a"), ("1", "WV13LM2bb b")]), Taken::Waiting, "another transaction");
        assert_eq!(take(&[("1", "WV13LM1ab a"), ("1", "WV12LM1bb b")]), Taken::Waiting, "another version");
        assert_eq!(take(&[("1", "WV13LM1ac a"), ("1", "WV13LM1bb b")]), Taken::Waiting, "another total");
        assert_eq!(
            take(&[("1", "WV13LM1ab a"), ("1", "WV13LM1ab c"), ("1", "WV13LM1bb b")]),
            Taken::Whole(b"WV13LM1 cb".to_vec())
        );
        assert!(matches!(take(&[("1", "WV13LM1cb a")]), Taken::Refused(_)), "a part above the total");
        assert!(matches!(take(&[("1", "WV13LM1ab")]), Taken::Refused(_)), "an empty part");
        assert_eq!(take(&[("1", "WV13LM1aa a")]), Taken::Whole(b"WV13LM1 a".to_vec()), "the only part");
        // A late repeat of a part does not get into the next message of that number, before or after its own parts.
        let late = [("1", "WV13LM1ab a"), ("1", "WV13LM1bb b"), ("1", "WV13LM1bb b"), ("1", "WV13LM1ab c")];
        assert_eq!(take(&late), Taken::Waiting);
        let late = [late[0], late[1], ("1", "WV13LM1ab c"), ("1", "WV13LM1bb b")];
        assert_eq!(take(&late), Taken::Waiting);
        let again = [late[0], late[1], late[2], late[3], ("1", "WV13LM1bb d")];
        assert_eq!(take(&again), Taken::Whole(b"WV13LM1 cd".to_vec()));
        let same_end = [late[0], late[1], late[2], late[3], late[3]];
        assert_eq!(take(&same_end), Taken::Whole(b"WV13LM1 cb".to_vec()), "it is said again, and so is its own");
        let repeated = [late[0], late[1], late[1], late[0]];
        assert_eq!(take(&repeated), Taken::Whole(b"WV13LM1 ab".to_vec()), "the whole message again");
    }

    #[test]
    fn parts_are_waited_for_some_time_and_everything_is_bounded() {
        let mut assembler = Assembler::default();
        assembler.take(NOW, "1", b"WV13LM1ab a");
        assert_eq!(assembler.take(NOW + PATIENCE, "1", b"WV13LM1bb b"), Taken::Waiting);
        for number in 0..100 {
            assembler.take(NOW + PATIENCE, "1", format!("WV13LM{number}ab a").as_bytes());
        }
        assert_eq!(assembler.waiting().0, MESSAGES_OF_PEER);
        let part = [b"WV13LM1az ".to_vec(), vec![b'x'; PART]].concat();
        for number in 0..2 * MESSAGES {
            assembler.take(NOW + PATIENCE, &number.to_string(), &part);
        }
        let (messages, octets) = assembler.waiting();
        assert!(messages <= MESSAGES && octets <= OCTETS, "{messages} {octets}");
        assert_eq!(assembler.ages.len(), messages);
    }

    #[test]
    fn what_does_not_fit_is_not_cut() {
        assert!(split(&format!("WV13UP1 {}", "x".repeat(5000)), SHORT_MESSAGE).is_err());
        assert!(split("WV13UP1 abc", 10).is_err());
        assert_eq!(split("WV13UP1 abc", 11), Ok(vec!["WV13UP1 abc".to_owned()]));
        let parts = split("WV13UP1 äöü", 12).unwrap();
        assert_eq!(parts, ["WV13UP1ac ä", "WV13UP1bc ö", "WV13UP1cc ü"]);
    }
}
