//! Datagrams over SMS: ports, splitting into segments, and joining them again (WDP, "GSM SMS adaptation";
//! 3GPP 23.040, "User Data Header").
//!
//! ```text
//! one message          06 05 04 0B 84 23 F0
//! 8-bit reference      0B 05 04 0B 84 23 F0 00 03 rr tt ss
//! 16-bit reference     0C 05 04 0B 84 23 F0 08 04 rr rr tt ss
//! ```

use std::fmt;

/// Octets of user data in one SMS of 8-bit data, header included.
const MOST_USER_DATA: usize = 140;
/// Parts of one message: the count is one octet.
pub(crate) const MOST_PARTS: usize = 255;
/// The port of connectionless WAP push, where handsets listen.
const PUSH_PORT: u16 = 2948;

/// Information element: application port addressing, 16 bit.
const PORTS: u8 = 0x05;
/// Information element: concatenation with an 8-bit reference.
const SHORT_REFERENCE: u8 = 0x00;
/// Information element: concatenation with a 16-bit reference.
const LONG_REFERENCE: u8 = 0x08;

/// Where a datagram goes and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ports {
    /// The handset's port.
    pub destination: u16,
    /// The sender's port; phones do not check it.
    pub source: u16,
}

impl Default for Ports {
    /// Push to 2948 from 9200, as one gateway's push proxy sends it.
    fn default() -> Self {
        Self { destination: PUSH_PORT, source: 9200 }
    }
}

/// What the parts of one message have in common; it should change with each message and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// Of 8 bits.
    Short(u8),
    /// Of 16 bits.
    Long(u16),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(number) => write!(f, "0x{number:02X}"),
            Self::Long(number) => write!(f, "0x{number:04X}"),
        }
    }
}

/// Which part of which message a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concatenation {
    /// The message.
    pub reference: Reference,
    /// How many parts it has.
    pub total: u8,
    /// Which part this is, from 1.
    pub sequence: u8,
}

impl Concatenation {
    /// Returns whether the sequence number is one of the message's.
    pub fn is_sound(self) -> bool {
        (1..=self.total).contains(&self.sequence)
    }
}

/// The user data of one SMS: its header and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'b> {
    /// The ports, if the header gives them.
    pub ports: Option<Ports>,
    /// The part, unless the message is whole.
    pub concatenation: Option<Concatenation>,
    /// What follows the header.
    pub data: &'b [u8],
}

impl<'b> Segment<'b> {
    /// Reads user data that begins with a header. Elements may come in any order; unknown ones are skipped; of one
    /// that is repeated the last counts.
    ///
    /// # Errors
    ///
    /// Says what is malformed.
    pub fn read(user_data: &'b [u8]) -> Result<Self, &'static str> {
        let (length, rest) = user_data.split_first().ok_or("there is no user data header")?;
        let (mut elements, data) =
            rest.split_at_checked(usize::from(*length)).ok_or("the user data header is longer than the user data")?;
        let mut segment = Self { ports: None, concatenation: None, data };
        while let [kind, length, rest @ ..] = elements {
            let (value, rest) = rest
                .split_at_checked(usize::from(*length))
                .ok_or("an element of the user data header is longer than the header")?;
            segment.take_element(*kind, value)?;
            elements = rest;
        }
        if elements.is_empty() { Ok(segment) } else { Err("the user data header ends inside an element") }
    }

    fn take_element(&mut self, kind: u8, value: &[u8]) -> Result<(), &'static str> {
        match (kind, value) {
            (PORTS, &[d1, d2, s1, s2]) => {
                let (destination, source) = (u16::from_be_bytes([d1, d2]), u16::from_be_bytes([s1, s2]));
                self.ports = Some(Ports { destination, source });
            }
            (SHORT_REFERENCE, &[reference, total, sequence]) => {
                let reference = Reference::Short(reference);
                self.concatenation = Some(Concatenation { reference, total, sequence });
            }
            (LONG_REFERENCE, &[r1, r2, total, sequence]) => {
                let reference = Reference::Long(u16::from_be_bytes([r1, r2]));
                self.concatenation = Some(Concatenation { reference, total, sequence });
            }
            (PORTS | SHORT_REFERENCE | LONG_REFERENCE, _) => {
                return Err("an element of the user data header has a wrong length");
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns how many segments a datagram of `length` octets takes; more than [`MOST_PARTS`] cannot be sent.
pub(crate) fn segment_count(length: usize, reference: Reference) -> usize {
    if length <= room(None) { 1 } else { length.div_ceil(room(Some(reference))) }
}

/// Returns the segments of a datagram, all but the last of them full.
pub fn split(datagram: &[u8], ports: Ports, reference: Reference) -> impl Iterator<Item = Segment<'_>> {
    let count = segment_count(datagram.len(), reference);
    let size = if count == 1 { room(None) } else { room(Some(reference)) };
    // A datagram of no octets is still one segment.
    let chunks = datagram.chunks(size).chain(datagram.is_empty().then_some(datagram));
    chunks.enumerate().map(move |(place, data)| {
        let part = |total| Concatenation { reference, total, sequence: (place + 1) as u8 };
        let concatenation = if count == 1 { None } else { u8::try_from(count).ok().map(part) };
        Segment { ports: Some(ports), concatenation, data }
    })
}

impl Segment<'_> {
    /// Returns the octets that the header takes, its length octet included.
    pub(super) fn header_length(&self) -> usize {
        let ports = if self.ports.is_some() { 6 } else { 0 };
        let part = self.concatenation.map_or(0, |part| match part.reference {
            Reference::Short(_) => 5,
            Reference::Long(_) => 6,
        });
        1 + ports + part
    }

    /// Writes header and data.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push((self.header_length() - 1) as u8);
        if let Some(ports) = self.ports {
            let ([d1, d2], [s1, s2]) = (ports.destination.to_be_bytes(), ports.source.to_be_bytes());
            out.extend_from_slice(&[PORTS, 4, d1, d2, s1, s2]);
        }
        match self.concatenation {
            Some(Concatenation { reference: Reference::Short(reference), total, sequence }) => {
                out.extend_from_slice(&[SHORT_REFERENCE, 3, reference, total, sequence]);
            }
            Some(Concatenation { reference: Reference::Long(reference), total, sequence }) => {
                let [r1, r2] = reference.to_be_bytes();
                out.extend_from_slice(&[LONG_REFERENCE, 4, r1, r2, total, sequence]);
            }
            None => {}
        }
        out.extend_from_slice(self.data);
    }
}

/// Returns the octets of datagram that one SMS holds beside the header.
pub(super) fn room(reference: Option<Reference>) -> usize {
    let concatenation = reference.map(|reference| Concatenation { reference, total: 1, sequence: 1 });
    let segment = Segment { ports: Some(Ports::default()), concatenation, data: &[] };
    MOST_USER_DATA - segment.header_length()
}

/// What became of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The message is whole: here it is.
    Whole(Vec<u8>),
    /// Parts are still missing.
    Waiting,
    /// The part is here already, with the same octets.
    Repeated,
    /// The part cannot belong to the message whose reference it bears, and is dropped.
    Refused(&'static str),
}

/// A message of which parts are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// The message.
    pub reference: Reference,
    /// Its ports.
    pub ports: Option<Ports>,
    /// The sequence numbers of the missing parts.
    pub missing: Vec<u8>,
    /// How many parts it has.
    pub total: u8,
}

/// Joins segments in whatever order they arrive.
///
/// Segments belong together when origin, reference (with its width) and ports are the same. The caller drops it
/// when the parts are too old; it keeps at most a fixed number of messages.
#[derive(Debug, Default)]
pub struct Reassembly {
    messages: Vec<Message>,
}

#[derive(Debug, PartialEq, Eq)]
struct Key {
    origin: Vec<u8>,
    reference: Reference,
    ports: Option<Ports>,
}

#[derive(Debug)]
struct Message {
    key: Key,
    parts: Vec<Option<Vec<u8>>>,
}

impl Reassembly {
    /// Messages kept while parts are missing; the oldest gives way to a new one. A handset keeps a few.
    pub const MOST_MESSAGES: usize = 64;

    /// Returns an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment from `origin`, the address as it stands in the TPDU.
    pub fn add(&mut self, origin: &[u8], segment: &Segment<'_>) -> Joined {
        let Some(part) = segment.concatenation else { return Joined::Whole(segment.data.to_vec()) };
        if !part.is_sound() {
            return Joined::Refused("the sequence number is 0 or above the number of parts");
        }
        let key = Key { origin: origin.to_vec(), reference: part.reference, ports: segment.ports };
        let place = self.place_of(key, part.total);
        let message = &mut self.messages[place];
        if message.parts.len() != usize::from(part.total) {
            return Joined::Refused("the number of parts is not that of the other parts");
        }
        match &mut message.parts[usize::from(part.sequence) - 1] {
            Some(known) if known == segment.data => return Joined::Repeated,
            Some(_) => return Joined::Refused("the part is here already, with other octets"),
            empty => *empty = Some(segment.data.to_vec()),
        }
        if message.parts.iter().any(Option::is_none) {
            return Joined::Waiting;
        }
        let message = self.messages.remove(place);
        Joined::Whole(message.parts.into_iter().flatten().flatten().collect())
    }

    fn place_of(&mut self, key: Key, total: u8) -> usize {
        if let Some(place) = self.messages.iter().position(|message| message.key == key) {
            return place;
        }
        if self.messages.len() == Self::MOST_MESSAGES {
            self.messages.remove(0);
        }
        self.messages.push(Message { key, parts: vec![None; usize::from(total)] });
        self.messages.len() - 1
    }

    /// Returns the messages of which parts are missing, oldest first.
    pub fn incomplete(&self) -> impl Iterator<Item = Incomplete> {
        self.messages.iter().map(|message| {
            let missing = (1..=u8::MAX).zip(&message.parts).filter(|(_, part)| part.is_none());
            Incomplete {
                reference: message.key.reference,
                ports: message.key.ports,
                missing: missing.map(|(sequence, _)| sequence).collect(),
                total: message.parts.len() as u8,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_segments_as_the_sheet_does() {
        let short = Reference::Short(1);
        for (length, count) in [(0, 1), (133, 1), (134, 2), (256, 2), (257, 3), (575, 5)] {
            assert_eq!(segment_count(length, short), count, "{length}");
            assert_eq!(split(&vec![7; length], Ports::default(), short).count(), count, "{length}");
        }
        assert_eq!(segment_count(255, Reference::Long(1)), 3);
    }

    #[test]
    fn reads_elements_in_any_order_and_skips_others() {
        let header = [0x11, 0x08, 4, 1, 2, 3, 1, 0x70, 0, 0x24, 1, 9, 0x05, 4, 0x0B, 0x84, 0x0B, 0x84, 0xAA];
        let segment = Segment::read(&header).expect("a header");
        assert_eq!(segment.ports, Some(Ports { destination: 2948, source: 2948 }));
        let part = Concatenation { reference: Reference::Long(0x0102), total: 3, sequence: 1 };
        assert_eq!((segment.concatenation, segment.data), (Some(part), &[0xAA][..]));
        for bad in [&[][..], &[1], &[1, 5], &[2, 5, 1], &[3, 5, 1, 0], &[2, 5, 0]] {
            assert!(Segment::read(bad).is_err(), "{bad:02X?}");
        }
    }

    fn part(reference: Reference, total: u8, sequence: u8, data: &[u8]) -> Segment<'_> {
        let concatenation = Some(Concatenation { reference, total, sequence });
        Segment { ports: Some(Ports::default()), concatenation, data }
    }

    #[test]
    fn joins_in_any_order_and_refuses_what_disagrees() {
        let short = Reference::Short(7);
        let mut reassembly = Reassembly::new();
        assert_eq!(reassembly.add(b"a", &part(short, 3, 3, b"c")), Joined::Waiting);
        assert_eq!(reassembly.add(b"a", &part(short, 3, 3, b"c")), Joined::Repeated);
        assert!(matches!(reassembly.add(b"a", &part(short, 3, 3, b"x")), Joined::Refused(_)));
        assert!(matches!(reassembly.add(b"a", &part(short, 4, 1, b"x")), Joined::Refused(_)));
        assert!(matches!(reassembly.add(b"a", &part(short, 3, 0, b"x")), Joined::Refused(_)));
        assert!(matches!(reassembly.add(b"a", &part(short, 3, 4, b"x")), Joined::Refused(_)));
        // Another origin, another width, other ports: other messages.
        assert_eq!(reassembly.add(b"b", &part(short, 3, 1, b"x")), Joined::Waiting);
        assert_eq!(reassembly.add(b"a", &part(Reference::Long(7), 3, 1, b"x")), Joined::Waiting);
        let other = Segment { ports: None, ..part(short, 3, 1, b"x") };
        assert_eq!(reassembly.add(b"a", &other), Joined::Waiting);
        assert_eq!(reassembly.add(b"a", &part(short, 3, 1, b"a")), Joined::Waiting);
        assert_eq!(reassembly.add(b"a", &part(short, 3, 2, b"b")), Joined::Whole(b"abc".to_vec()));
        assert_eq!(reassembly.incomplete().count(), 3);
        assert_eq!(reassembly.incomplete().next().map(|m| m.missing), Some(vec![2, 3]));
    }

    #[test]
    fn keeps_a_bounded_number_of_messages() {
        let mut reassembly = Reassembly::new();
        for reference in 0..1000 {
            reassembly.add(b"a", &part(Reference::Long(reference), 255, 1, b"x"));
        }
        assert_eq!(reassembly.incomplete().count(), Reassembly::MOST_MESSAGES);
    }
}
