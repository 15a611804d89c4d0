//! PDUs of SMS, put together in whatever order they are given.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

use super::transfer;
use crate::delivery::sms::{Address, CentreTime, Kind, Malformed, Tpdu, Validity, read_centre};
use crate::delivery::wdp::{Incomplete, Joined, Reassembly, Reference, Segment};
use crate::delivery::{CODING, MALFORMED_HEADER, MANY_PARTS, PART_MISSING, PARTS_DISAGREE, PDU_LENGTH, TOO_MANY_PARTS};
use crate::diagnose::{Diagnostic, Report, Span};

/// One PDU: a TPDU with or without the centre's address before it, or user data alone.
#[derive(Debug)]
pub(super) struct Pdu<'b> {
    /// `None` where there is no address of a centre, `Some(None)` for the modem's own.
    centre: Option<Option<Address>>,
    /// `None` for user data alone.
    tpdu: Option<Tpdu<'b>>,
    user_data: &'b [u8],
}

impl<'b> Pdu<'b> {
    /// Reads a PDU in the one of the three forms that fits.
    pub(super) fn read(octets: &'b [u8]) -> Result<Self, Malformed> {
        let with_centre = || {
            let (centre, size) = read_centre(octets)?;
            let tpdu = Tpdu::read(&octets[size..])?;
            Ok(Self { centre: Some(centre), user_data: tpdu.user_data, tpdu: Some(tpdu) })
        };
        let bare = Tpdu::read(octets);
        let fault = match bare {
            Ok(tpdu) => return Ok(Self { centre: None, user_data: tpdu.user_data, tpdu: Some(tpdu) }),
            Err(fault) => fault,
        };
        with_centre().or_else(|second: Malformed| {
            let is_user_data = Segment::read(octets).is_ok_and(|segment| segment.ports.is_some());
            if is_user_data {
                return Ok(Self { centre: None, tpdu: None, user_data: octets });
            }
            // A wrong length says more than an address that was none.
            Err(if matches!(second, Malformed::Length { .. }) { second } else { fault })
        })
    }

    /// Returns how sure we are that this is a PDU, of 100.
    pub(super) fn certainty(&self) -> u8 {
        let has_header = self.tpdu.as_ref().is_none_or(|tpdu| tpdu.has_header);
        let segment = has_header.then(|| Segment::read(self.user_data).ok()).flatten();
        let is_addressed = segment.is_some_and(|segment| segment.ports.is_some() || segment.concatenation.is_some());
        match &self.tpdu {
            Some(_) if is_addressed => 95,
            Some(tpdu) if tpdu.has_header || tpdu.has_octets() => 60,
            Some(_) => 40,
            None if is_addressed => 85,
            None => 0,
        }
    }
}

/// A message whose parts are all there.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) octets: Vec<u8>,
    pub(super) facts: String,
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
    facts: Facts,
}

/// What the PDUs have in common, for one line of facts.
#[derive(Debug, Default)]
struct Facts {
    submits: usize,
    delivers: usize,
    bare: usize,
    addresses: BTreeSet<String>,
    codings: BTreeSet<u8>,
    details: BTreeSet<String>,
}

/// Different values of one fact that are shown.
const MOST_VALUES: usize = 3;

impl Parts {
    /// Takes a PDU that stands at `span` of the input.
    pub(super) fn add(&mut self, octets: &[u8], span: Span) {
        match Pdu::read(octets) {
            Ok(pdu) => {
                self.facts.add(&pdu);
                self.add_pdu(&pdu, span);
            }
            Err(fault) => self.report.add(Diagnostic::new(&PDU_LENGTH, span, fault.to_string())),
        }
    }

    fn add_pdu(&mut self, pdu: &Pdu<'_>, span: Span) {
        if let Some(tpdu) = pdu.tpdu.as_ref().filter(|tpdu| !tpdu.has_octets()) {
            let message = format!("the data coding scheme {:02X} is not of 8-bit data", tpdu.coding);
            self.report.add(Diagnostic::new(&CODING, span, message));
        }
        let has_header = pdu.tpdu.as_ref().is_none_or(|tpdu| tpdu.has_header);
        let whole = Segment { ports: None, concatenation: None, data: pdu.user_data };
        let segment = if has_header { Segment::read(pdu.user_data) } else { Ok(whole) };
        let segment = match segment {
            Ok(segment) => segment,
            Err(fault) => return self.report.add(Diagnostic::new(&MALFORMED_HEADER, span, fault)),
        };
        if segment.ports.is_none() {
            let message = "there is no port: the message is shown to the user, or dropped";
            self.report.add(Diagnostic::new(&MALFORMED_HEADER, span, message));
        }
        if segment.concatenation.is_some_and(|part| part.total == 0) {
            return self.report.add(Diagnostic::new(&TOO_MANY_PARTS, span, "the message says that it has 0 parts"));
        }
        let address = pdu.tpdu.as_ref().map(|tpdu| tpdu.address);
        let origin = address.as_ref().map_or(&[][..], Address::as_octets);
        let mut fingerprint = DefaultHasher::new();
        (origin, pdu.user_data).hash(&mut fingerprint);
        if !self.seen.insert(fingerprint.finish()) {
            return;
        }
        match self.reassembly.add(origin, &segment) {
            Joined::Whole(octets) => self.finish(octets, &segment, span),
            Joined::Refused(reason) => {
                let part = segment.concatenation.map(|p| format!("part {} of {}: ", p.sequence, p.total));
                let message = format!("{}{reason}", part.unwrap_or_default());
                self.report.add(Diagnostic::new(&PARTS_DISAGREE, span, message));
            }
            Joined::Waiting | Joined::Repeated => {}
        }
    }

    fn finish(&mut self, octets: Vec<u8>, segment: &Segment<'_>, span: Span) {
        let total = segment.concatenation.map_or(1, |part| part.total);
        self.warn_of_many(total, span);
        if self.messages.len() < MOST_MESSAGES {
            let reference = segment.concatenation.map(|part| part.reference);
            let facts = header_facts(segment.ports, reference, total.into(), total);
            self.messages.push(Message { octets, facts });
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

    /// Returns whether any PDU was a TPDU.
    pub(super) fn has_tpdus(&self) -> bool {
        self.facts.submits + self.facts.delivers > 0
    }
}

fn header_facts(
    ports: Option<crate::delivery::wdp::Ports>,
    reference: Option<Reference>,
    here: usize,
    total: u8,
) -> String {
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
        let Some(tpdu) = &pdu.tpdu else {
            self.bare += 1;
            return;
        };
        let mut detail = |text: String| {
            if self.details.len() <= MOST_VALUES {
                self.details.insert(text);
            }
        };
        match pdu.centre {
            Some(Some(centre)) => detail(format!("centre {centre}")),
            Some(None) => detail("the modem's own centre".to_owned()),
            None => {}
        }
        let preposition = match tpdu.kind {
            Kind::Submit { validity, .. } => {
                self.submits += 1;
                detail(validity_in_words(validity));
                "to"
            }
            Kind::Deliver { time, .. } => {
                self.delivers += 1;
                detail(CentreTime::read(time).map_or_else(|| "no valid time".to_owned(), |time| time.to_string()));
                "from"
            }
        };
        self.codings.insert(tpdu.coding);
        if self.addresses.len() <= MOST_VALUES {
            self.addresses.insert(format!("{preposition} {}", tpdu.address));
        }
    }

    fn line(&self) -> String {
        let counts = [(self.submits, "SUBMIT"), (self.delivers, "DELIVER"), (self.bare, "user data")];
        let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let codings = self.codings.iter().take(MOST_VALUES).map(|coding| format!("coding {coding:02X}"));
        let addresses = self.addresses.iter().take(MOST_VALUES).cloned();
        let details = self.details.iter().take(MOST_VALUES).cloned();
        counts.chain(addresses).chain(codings).chain(details).collect::<Vec<_>>().join(", ")
    }
}

fn validity_in_words(validity: Validity) -> String {
    match (validity, validity.as_minutes()) {
        (Validity::Unsaid, _) => "no validity period".to_owned(),
        (_, Some(minutes)) if minutes % (24 * 60) == 0 => format!("valid {} d", minutes / (24 * 60)),
        (_, Some(minutes)) if minutes % 60 == 0 => format!("valid {} h", minutes / 60),
        (_, Some(minutes)) => format!("valid {minutes} min"),
        (Validity::Until(octets), _) => {
            let time = CentreTime::read(octets);
            time.map_or_else(|| "no valid expiry".to_owned(), |time| format!("valid until {time}"))
        }
        (_, None) => "enhanced validity period".to_owned(),
    }
}

/// Returns the lines that hold PDUs, with their places; what a modem says around them is skipped.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Option<Vec<u8>>)> {
    let mut start = 0;
    let lines = text.split(|octet| *octet == b'\n').map(move |line| {
        let range = start..start + line.len();
        start = range.end + 1;
        (range, line.trim_ascii())
    });
    // A modem ends the PDU with Ctrl-Z and answers with what begins thus.
    let lines = lines.map(|(range, line)| (range, line.strip_suffix(b"\x1A").unwrap_or(line)));
    let is_talk = |line: &[u8]| line.is_empty() || [&b"AT"[..], b"+C", b"OK", b">"].iter().any(|w| line.starts_with(w));
    lines.filter(move |(_, line)| !is_talk(line)).map(|(range, line)| (range, transfer::hex(line)))
}
