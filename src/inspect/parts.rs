//! PDUs put together in whatever order they are given.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::pdu::Pdu;
use crate::delivery::wdp::{Incomplete, Joined, Ports, Reassembly, Reference, Segment};
use crate::delivery::{CODING, MALFORMED_HEADER, MANY_PARTS, PART_MISSING, PARTS_DISAGREE, PDU_LENGTH, TOO_MANY_PARTS};
use crate::diagnose::{Diagnostic, Report, Span};

/// A message whose parts are all there.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) octets: Vec<u8>,
    pub(super) facts: String,
    /// Where its parts are in all octets of the PDUs.
    pub(super) pieces: Vec<Span>,
}

/// Messages that are decoded to the end; an input of a support case has one.
pub(super) const MOST_MESSAGES: usize = 16;

/// What became of a set of PDUs.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) messages: Vec<Message>,
    /// Findings, with spans in the input.
    pub(super) report: Report,
    reassembly: Reassembly,
    /// Fingerprints of the parts so far: a part that is given again must not begin its message anew.
    seen: HashSet<u64>,
    /// Where the parts of each message are, by their number.
    places: HashMap<Key, BTreeMap<u8, Span>>,
    facts: Facts,
}

/// What the parts of a message have in common.
type Key = (Vec<u8>, Option<Reference>, Option<Ports>);

/// What the PDUs have in common, for one line of facts.
#[derive(Debug, Default)]
struct Facts {
    counts: BTreeMap<&'static str, usize>,
    addresses: BTreeSet<String>,
    codings: BTreeSet<String>,
    details: BTreeSet<String>,
    /// Whether any PDU was more than user data.
    has_envelopes: bool,
}

/// Different values of one fact that are shown.
const MOST_VALUES: usize = 3;

impl Parts {
    /// Takes a PDU that stands at `span` of the input, and at `start` of all octets.
    pub(super) fn add(&mut self, octets: &[u8], span: Span, start: usize) {
        match Pdu::read(octets) {
            Ok(pdu) => self.add_pdu(&pdu, octets, span, start),
            Err(fault) => self.report.add(Diagnostic::new(&PDU_LENGTH, span, fault.to_string())),
        }
    }

    /// Takes a PDU that was read from `octets`.
    pub(super) fn add_pdu(&mut self, pdu: &Pdu<'_>, octets: &[u8], span: Span, start: usize) {
        self.facts.add(pdu);
        if let Some(coding) = pdu.text_coding() {
            let message = format!("the data coding scheme {coding:02X} is not of 8-bit data");
            self.report.add(Diagnostic::new(&CODING, span, message));
        }
        let segment = match pdu.segment() {
            Ok(Some(segment)) => segment,
            Ok(None) => return,
            Err(fault) => return self.report.add(Diagnostic::new(&MALFORMED_HEADER, span, fault)),
        };
        if segment.ports.is_none() {
            let message = "there is no port: the message is shown to the user, or dropped";
            self.report.add(Diagnostic::new(&MALFORMED_HEADER, span, message));
        }
        if segment.concatenation.is_some_and(|part| part.total == 0) {
            return self.report.add(Diagnostic::new(&TOO_MANY_PARTS, span, "the message says that it has 0 parts"));
        }
        let origin = pdu.origin();
        if !self.is_new(&origin, &segment) {
            return;
        }
        let piece = place_of(segment.data, octets, start);
        let key: Key = (origin.to_vec(), segment.concatenation.map(|part| part.reference), segment.ports);
        let sequence = segment.concatenation.map_or(1, |part| part.sequence);
        self.places.entry(key.clone()).or_default().insert(sequence, piece);
        match self.reassembly.add(&origin, &segment) {
            Joined::Whole(octets) => {
                let pieces = self.places.remove(&key).unwrap_or_default().into_values().collect();
                self.finish(octets, pieces, &segment, span);
            }
            Joined::Refused(reason) => {
                let part = segment.concatenation.map(|p| format!("part {} of {}: ", p.sequence, p.total));
                let message = format!("{}{reason}", part.unwrap_or_default());
                self.report.add(Diagnostic::new(&PARTS_DISAGREE, span, message));
            }
            Joined::Waiting | Joined::Repeated => {}
        }
    }

    /// Returns whether a part was not given before.
    fn is_new(&mut self, origin: &[u8], segment: &Segment<'_>) -> bool {
        let mut fingerprint = DefaultHasher::new();
        let part = segment.concatenation.map(|part| (part.reference, part.total, part.sequence));
        (origin, part, segment.ports, segment.data).hash(&mut fingerprint);
        self.seen.insert(fingerprint.finish())
    }

    fn finish(&mut self, octets: Vec<u8>, pieces: Vec<Span>, segment: &Segment<'_>, span: Span) {
        let total = segment.concatenation.map_or(1, |part| part.total);
        self.warn_of_many(total, span);
        if self.messages.len() < MOST_MESSAGES {
            let reference = segment.concatenation.map(|part| part.reference);
            let facts = header_facts(segment.ports, reference, total.into(), total);
            self.messages.push(Message { octets, facts, pieces });
        }
    }

    fn warn_of_many(&mut self, total: u8, span: Span) {
        if total > 5 {
            self.report.add(Diagnostic::new(&MANY_PARTS, span, format!("the message has {total} parts")));
        }
    }

    /// Says what is missing, and returns the messages of which nothing can be made, with their facts.
    pub(super) fn finish_incomplete(&mut self) -> Vec<String> {
        let incomplete: Vec<Incomplete> = self.reassembly.incomplete().collect();
        for message in &incomplete {
            self.warn_of_many(message.total, Span::default());
            let missing: Vec<String> = message.missing.iter().take(16).map(u8::to_string).collect();
            let word = if message.missing.len() == 1 { "part" } else { "parts" };
            let more = if message.missing.len() > missing.len() { " …" } else { "" };
            let verb = if message.missing.len() == 1 { "is" } else { "are" };
            let text = format!(
                "{word} {}{more} of {} (reference {}) {verb} missing",
                missing.join(", "),
                message.total,
                message.reference
            );
            self.report.add(Diagnostic::new(&PART_MISSING, Span::default(), text));
        }
        let facts = incomplete.iter().take(MOST_MESSAGES).map(|message| {
            let here = usize::from(message.total) - message.missing.len();
            header_facts(message.ports, Some(message.reference), here, message.total)
        });
        facts.collect()
    }

    /// Returns what the PDUs are, in one line.
    pub(super) fn facts(&self) -> String {
        self.facts.line()
    }

    /// Returns whether there was user data alone.
    pub(super) fn is_user_data(&self) -> bool {
        !self.facts.has_envelopes && !self.facts.counts.is_empty()
    }

    /// Returns the name of what carries the parts.
    pub(super) fn carrier(&self) -> &'static str {
        let is_sms = |word: &&str| ["SUBMIT", "DELIVER", "user data"].contains(word);
        if self.facts.counts.keys().all(is_sms) { "SMS" } else { "SMPP" }
    }
}

/// The place of a longer piece that does not end its PDU is not sought.
const MOST_SOUGHT: usize = 1024;

/// Returns where a piece is in all octets: those of its PDU begin at `start`.
fn place_of(piece: &[u8], octets: &[u8], start: usize) -> Span {
    // A piece ends its PDU nearly always.
    let end = octets.len();
    let found = match octets.ends_with(piece) {
        true => Some(end - piece.len()),
        false if piece.len() > MOST_SOUGHT => None,
        false => octets.windows(piece.len().max(1)).rposition(|window| window == piece),
    };
    found.map_or_else(Span::default, |found| Span::new(start + found, start + found + piece.len()))
}

fn header_facts(ports: Option<Ports>, reference: Option<Reference>, here: usize, total: u8) -> String {
    let ports =
        ports.map_or_else(|| "no ports".to_owned(), |ports| format!("ports {}←{}", ports.destination, ports.source));
    let parts = reference.map_or_else(
        || "one message".to_owned(),
        |reference| format!("concatenation reference {reference}, {here} of {total} parts"),
    );
    format!("UDH: {ports}, {parts}")
}

impl Facts {
    fn add(&mut self, pdu: &Pdu<'_>) {
        *self.counts.entry(pdu.word()).or_default() += 1;
        self.has_envelopes |= !matches!(pdu, Pdu::UserData(_));
        for detail in pdu.details() {
            if self.details.len() <= MOST_VALUES {
                self.details.insert(detail);
            }
        }
        self.codings.extend(pdu.coding().filter(|_| self.codings.len() <= MOST_VALUES));
        self.addresses.extend(pdu.address().filter(|_| self.addresses.len() <= MOST_VALUES));
    }

    fn line(&self) -> String {
        let counts = self.counts.iter().map(|(word, count)| format!("{count} {word}"));
        let several = |set: &BTreeSet<String>| set.iter().take(MOST_VALUES).cloned().collect::<Vec<_>>();
        let rest = [&self.addresses, &self.codings, &self.details].map(several);
        counts.chain(rest.into_iter().flatten()).collect::<Vec<_>>().join(", ")
    }
}
