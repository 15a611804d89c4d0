//! The TPDUs of SMS: SUBMIT from us to the centre, DELIVER from the centre to the handset (3GPP 23.040).
//!
//! Both hold an address, a protocol identifier, a coding and the user data; the rest differs and is [`Kind`].

use std::fmt;

pub use super::address::{Address, AddressKind};

/// 8-bit data for the WAP layer, class 1.
const CODING_CLASS_1: u8 = 0xF5;

/// Message type SUBMIT, or DELIVER where it is absent.
const SUBMIT: u8 = 0x01;
/// The bits of the message type.
const MESSAGE_TYPE: u8 = 0x03;
/// SUBMIT: the centre shall refuse a copy of what it still holds.
const REJECT_DUPLICATES: u8 = 0x04;
/// DELIVER: no more messages wait at the centre.
const NO_MORE: u8 = 0x04;
/// SUBMIT: a status report is asked for; DELIVER: one will be sent.
const RECEIPT: u8 = 0x20;
/// The user data begins with a header.
const HEADER: u8 = 0x40;
/// A reply path is set.
const REPLY_PATH: u8 = 0x80;

/// How long the centre keeps trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// As the centre likes.
    Unsaid,
    /// From its arrival at the centre, in the steps of one octet.
    Relative(u8),
    /// Until then, in the form of a service centre time.
    Until([u8; 7]),
    /// In the enhanced form, whose octets are kept as they are.
    Enhanced([u8; 7]),
}

impl Validity {
    /// One day.
    pub(crate) const DAY: Self = Self::Relative(0xA7);

    /// Returns the shortest period of at least `minutes`; beyond 63 weeks, 63 weeks.
    pub fn minutes(minutes: u32) -> Self {
        let fits = |octet: &u8| relative_minutes(*octet) >= minutes;
        Self::Relative((0..=u8::MAX).find(fits).unwrap_or(u8::MAX))
    }

    /// Returns how many minutes a relative period lasts.
    pub fn as_minutes(self) -> Option<u32> {
        match self {
            Self::Relative(octet) => Some(relative_minutes(octet)),
            _ => None,
        }
    }

    /// Returns the bits of the first octet.
    fn format(self) -> u8 {
        match self {
            Self::Unsaid => 0x00,
            Self::Enhanced(_) => 0x08,
            Self::Relative(_) => 0x10,
            Self::Until(_) => 0x18,
        }
    }
}

fn relative_minutes(octet: u8) -> u32 {
    let octet = u32::from(octet);
    match octet {
        0..=143 => (octet + 1) * 5,
        144..=167 => 12 * 60 + (octet - 143) * 30,
        168..=196 => (octet - 166) * 24 * 60,
        _ => (octet - 192) * 7 * 24 * 60,
    }
}

/// The time at which the centre had a message: civil time and its distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CentreTime {
    /// Year without its century, month, day, hour, minute, second.
    pub fields: [u8; 6],
    /// Quarters of an hour ahead of UTC.
    pub quarters: i8,
}

impl CentreTime {
    /// Returns the octets: digits swapped, the sign in the zone's low half.
    pub fn octets(self) -> [u8; 7] {
        let swapped = |number: u8| ((number % 10) << 4) | (number / 10);
        let [year, month, day, hour, minute, second] = self.fields.map(swapped);
        let sign = if self.quarters < 0 { 0x08 } else { 0 };
        [year, month, day, hour, minute, second, swapped(self.quarters.unsigned_abs()) | sign]
    }

    /// Reads the octets; `None` where they are no time.
    pub fn read(octets: [u8; 7]) -> Option<Self> {
        let number = |octet: u8| {
            let (tens, ones) = (octet & 0x0F, octet >> 4);
            (tens < 10 && ones < 10).then_some(tens * 10 + ones)
        };
        let mut fields = [0; 6];
        for (field, octet) in fields.iter_mut().zip(octets) {
            *field = number(octet)?;
        }
        let [_, month, day, hour, minute, second] = fields;
        let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
        let quarters = i8::try_from(number(octets[6] & !0x08)?).ok()?;
        let quarters = if octets[6] & 0x08 == 0 { quarters } else { -quarters };
        sound.then_some(Self { fields, quarters })
    }
}

impl fmt::Display for CentreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, second] = self.fields;
        let (sign, quarters) = (if self.quarters < 0 { '-' } else { '+' }, self.quarters.unsigned_abs());
        write!(f, "20{year:02}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        write!(f, "{sign}{:02}:{:02}", quarters / 4, quarters % 4 * 15)
    }
}

/// What SUBMIT and DELIVER do not share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// From us to the centre.
    Submit {
        /// Counts the messages of a modem.
        reference: u8,
        /// How long the centre keeps trying.
        validity: Validity,
        /// Whether a status report is asked for.
        receipt: bool,
        /// Whether the centre shall refuse a copy of what it still holds.
        reject_duplicates: bool,
    },
    /// From the centre to the handset.
    Deliver {
        /// Whether more messages wait at the centre.
        more: bool,
        /// Whether a status report will be sent.
        receipt: bool,
        /// When the centre had it; see [`CentreTime`].
        time: [u8; 7],
    },
}

impl Kind {
    /// Returns a SUBMIT as `impskit` sends it: valid for a day.
    pub const SUBMIT: Self =
        Self::Submit { reference: 0, validity: Validity::DAY, receipt: false, reject_duplicates: false };

    fn first_octet(self) -> u8 {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        match self {
            Self::Submit { validity, receipt, reject_duplicates, .. } => {
                SUBMIT | validity.format() | bit(receipt, RECEIPT) | bit(reject_duplicates, REJECT_DUPLICATES)
            }
            Self::Deliver { more, receipt, .. } => bit(!more, NO_MORE) | bit(receipt, RECEIPT),
        }
    }
}

/// A TPDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tpdu<'b> {
    /// What SUBMIT and DELIVER do not share.
    pub kind: Kind,
    /// The handset in a SUBMIT, the sender in a DELIVER.
    pub address: Address,
    /// The protocol identifier; 0 here.
    pub protocol: u8,
    /// The data coding scheme.
    pub coding: u8,
    /// Whether the user data begins with a header.
    pub has_header: bool,
    /// Whether a reply path is set.
    pub reply_path: bool,
    /// The user data, header included. With 7-bit coding these are packed characters.
    pub user_data: &'b [u8],
    /// The length of the user data as the TPDU says it: octets, or characters with 7-bit coding.
    pub length: u8,
}

impl<'b> Tpdu<'b> {
    /// Returns a TPDU that carries 8-bit user data with a header.
    pub fn new(kind: Kind, address: Address, user_data: &'b [u8]) -> Self {
        Self {
            kind,
            address,
            protocol: 0,
            coding: CODING_CLASS_1,
            has_header: true,
            reply_path: false,
            user_data,
            length: user_data.len() as u8,
        }
    }

    /// Writes the TPDU.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        out.extend_from_slice(self.user_data);
    }

    /// Writes everything before the user data.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        out.push(self.kind.first_octet() | bit(self.has_header, HEADER) | bit(self.reply_path, REPLY_PATH));
        if let Kind::Submit { reference, .. } = self.kind {
            out.push(reference);
        }
        self.address.write(out);
        out.extend_from_slice(&[self.protocol, self.coding]);
        match self.kind {
            Kind::Submit { validity: Validity::Unsaid, .. } => {}
            Kind::Submit { validity: Validity::Relative(octet), .. } => out.push(octet),
            Kind::Submit { validity: Validity::Until(octets) | Validity::Enhanced(octets), .. }
            | Kind::Deliver { time: octets, .. } => out.extend_from_slice(&octets),
        }
        out.push(self.length);
    }

    /// Reads a TPDU; SUBMIT and DELIVER tell themselves apart.
    ///
    /// # Errors
    ///
    /// Says what is malformed.
    pub fn read(octets: &'b [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { octets, at: 0 };
        let first = reader.octet()?;
        let is = |bit: u8| first & bit != 0;
        let is_submit = match first & MESSAGE_TYPE {
            SUBMIT => true,
            0 => false,
            _ => return Err(Malformed::NoMessage),
        };
        let reference = if is_submit { reader.octet()? } else { 0 };
        let (address, size) = Address::read(reader.rest()).ok_or(Malformed::Address)?;
        reader.at += size;
        let (protocol, coding) = (reader.octet()?, reader.octet()?);
        let kind = if is_submit {
            let validity = match first & 0x18 {
                0x00 => Validity::Unsaid,
                0x10 => Validity::Relative(reader.octet()?),
                0x08 => Validity::Enhanced(reader.seven()?),
                _ => Validity::Until(reader.seven()?),
            };
            Kind::Submit { reference, validity, receipt: is(RECEIPT), reject_duplicates: is(REJECT_DUPLICATES) }
        } else {
            Kind::Deliver { more: !is(NO_MORE), receipt: is(RECEIPT), time: reader.seven()? }
        };
        let length = reader.octet()?;
        let user_data = reader.rest();
        let (has_header, reply_path) = (is(HEADER), is(REPLY_PATH));
        let tpdu = Self { kind, address, protocol, coding, has_header, reply_path, user_data, length };
        let expected = tpdu.expected_length();
        if user_data.len() == expected {
            Ok(tpdu)
        } else {
            Err(Malformed::Length { expected, actual: user_data.len() })
        }
    }

    /// Returns the octets of user data that the length octet stands for.
    fn expected_length(&self) -> usize {
        let length = usize::from(self.length);
        if self.has_septets() { (length * 7).div_ceil(8) } else { length }
    }

    /// Returns whether the coding is of 7-bit characters, so that the length counts these.
    fn has_septets(&self) -> bool {
        match self.coding >> 4 {
            0x0..=0x3 => self.coding & 0x2C == 0,
            0xC | 0xD => true,
            0xF => self.coding & 0x04 == 0,
            _ => false,
        }
    }

    /// Returns whether the coding is of 8-bit data, as the WAP layer needs it.
    pub fn has_octets(&self) -> bool {
        match self.coding >> 4 {
            0x0..=0x3 => self.coding & 0x2C == 0x04,
            0xF => self.coding & 0x04 != 0,
            _ => false,
        }
    }

    /// Returns whether this goes to the centre.
    pub fn is_submit(&self) -> bool {
        matches!(self.kind, Kind::Submit { .. })
    }
}

/// Why octets are no TPDU that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The message type is neither SUBMIT nor DELIVER.
    NoMessage,
    /// The address is malformed.
    Address,
    /// The TPDU ends before its user data.
    Short,
    /// The user data is not as long as its length octet says.
    Length {
        /// Octets that the length octet stands for.
        expected: usize,
        /// Octets that are there.
        actual: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMessage => f.write_str("the message type is neither SUBMIT nor DELIVER"),
            Self::Address => f.write_str("the address is malformed"),
            Self::Short => f.write_str("the PDU ends before its user data"),
            Self::Length { expected, actual } => {
                write!(f, "the length octet stands for {expected} octets of user data, and there are {actual}")
            }
        }
    }
}

/// Writes the centre's address as a modem wants it before the TPDU; `None` stands for the one that it has stored.
pub(crate) fn write_centre(centre: Option<&Address>, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(0);
    if let Some(centre) = centre {
        centre.write(out);
        // Here the length counts octets after it, not digits.
        out.remove(start + 1);
        out[start] = (out.len() - start - 1) as u8;
    }
}

/// Reads the centre's address before a TPDU, and how many octets it takes. `Ok(None)` is the modem's own.
///
/// # Errors
///
/// Where the octets begin with no centre's address.
pub(crate) fn read_centre(octets: &[u8]) -> Result<(Option<Address>, usize), Malformed> {
    let (&length, rest) = octets.split_first().ok_or(Malformed::Short)?;
    if length == 0 {
        return Ok((None, 1));
    }
    let field = rest.get(..usize::from(length)).ok_or(Malformed::Address)?;
    let address = Address::read_centre(field).ok_or(Malformed::Address)?;
    Ok((Some(address), 1 + field.len()))
}

struct Reader<'b> {
    octets: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    fn octet(&mut self) -> Result<u8, Malformed> {
        let octet = *self.octets.get(self.at).ok_or(Malformed::Short)?;
        self.at += 1;
        Ok(octet)
    }

    fn seven(&mut self) -> Result<[u8; 7], Malformed> {
        let octets = self.rest().first_chunk().ok_or(Malformed::Short)?;
        self.at += 7;
        Ok(*octets)
    }

    fn rest(&self) -> &'b [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_periods_are_rounded_up() {
        for (minutes, octet) in [(1, 0), (5, 0), (6, 1), (720, 143), (721, 144), (1440, 167), (1441, 168)] {
            assert_eq!(Validity::minutes(minutes), Validity::Relative(octet), "{minutes}");
        }
        assert_eq!(Validity::minutes(u32::MAX), Validity::Relative(255));
        assert_eq!(Validity::DAY.as_minutes(), Some(24 * 60));
        assert_eq!(Validity::Relative(196).as_minutes(), Some(30 * 24 * 60));
        assert_eq!(Validity::Relative(197).as_minutes(), Some(5 * 7 * 24 * 60));
    }

    #[test]
    fn centre_times_both_ways() {
        let octets = [0x62, 0x11, 0x32, 0x21, 0x00, 0x00, 0x00];
        let time = CentreTime::read(octets).expect("a time");
        assert_eq!(time.to_string(), "2026-11-23T12:00:00+00:00");
        assert_eq!(time.octets(), octets);
        let west = CentreTime { quarters: -14, ..time };
        assert_eq!(west.octets()[6], 0x49);
        assert_eq!(CentreTime::read(west.octets()), Some(west));
        assert_eq!(CentreTime::read([0xFF; 7]), None);
        assert_eq!(CentreTime::read([0x62, 0x31, 0x32, 0x21, 0, 0, 0]), None, "month 13");
    }

    #[test]
    fn the_centre_before_a_tpdu() {
        let centre = Address::read_text("+358401234567").expect("a number");
        let mut out = Vec::new();
        write_centre(Some(&centre), &mut out);
        assert_eq!(out, [0x07, 0x91, 0x53, 0x48, 0x10, 0x32, 0x54, 0x76]);
        assert_eq!(read_centre(&out), Ok((Some(centre), 8)));
        assert_eq!(read_centre(&[0]), Ok((None, 1)));
        assert!(read_centre(&[9, 0x91]).is_err());
    }
}
