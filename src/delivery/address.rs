//! Addresses of SMS: telephone numbers, and words in the 7-bit alphabet (3GPP 23.040, "Address fields").

use std::fmt;

use crate::error::{Error, Result};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// A number with its country code.
    International,
    /// A number as it is dialled, or a short code.
    Unknown,
    /// A word.
    Alphanumeric,
    /// Another type octet, kept as it is.
    Other(u8),
}

impl AddressKind {
    fn octet(self) -> u8 {
        match self {
            Self::International => 0x91,
            Self::Unknown => 0x81,
            Self::Alphanumeric => 0xD0,
            Self::Other(octet) => octet,
        }
    }

    fn from_octet(octet: u8) -> Option<Self> {
        match octet {
            0x91 => Some(Self::International),
            0x81 => Some(Self::Unknown),
            // The numbering plan of a word is meaningless, so that of any counts.
            0xD0 => Some(Self::Alphanumeric),
            // The high bit is always set.
            0x80.. => Some(Self::Other(octet)),
            _ => None,
        }
    }
}

/// An address of at most 20 half octets, in the octets of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    kind: AddressKind,
    /// Digits; for a word, the half octets that its packed characters take.
    length: u8,
    octets: [u8; Self::MOST / 2],
}

/// The digits of telephone numbers as half octets.
const DIGITS: &[u8; 15] = b"0123456789*#abc";
/// The character that fills an odd number of digits.
const FILL: u8 = 0x0F;

impl Address {
    /// An address has at most so many half octets.
    pub const MOST: usize = 20;

    /// Reads an address as people write it: `+` and digits, digits alone, or a word of up to 11 characters.
    ///
    /// # Errors
    ///
    /// Where it is empty, too long, or has characters that SMS does not know.
    pub fn read_text(text: &str) -> Result<Self> {
        let (kind, digits) =
            text.strip_prefix('+').map_or((AddressKind::Unknown, text), |digits| (AddressKind::International, digits));
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let wrong = |what: &str| Err(Error::input(format!("`{text}` {what}")));
        match (is_number, kind) {
            (true, _) if digits.len() > Self::MOST => wrong("has more than 20 digits"),
            (true, _) => Ok(Self::from_digits(kind, digits.as_bytes())),
            (false, AddressKind::International) => wrong("is no telephone number"),
            (false, _) => Self::from_word(text).map_or_else(
                || wrong("is neither a telephone number nor a word of 1 to 11 characters that SMS knows"),
                Ok,
            ),
        }
    }

    /// Packs ASCII digits, at most [`Self::MOST`].
    fn from_digits(kind: AddressKind, digits: &[u8]) -> Self {
        let mut octets = [0; Self::MOST / 2];
        let half = |digit: Option<&u8>| digit.map_or(FILL, |digit| digit - b'0');
        for (octet, pair) in octets.iter_mut().zip(digits.chunks(2)) {
            *octet = half(pair.get(1)) << 4 | half(pair.first());
        }
        Self { kind, length: digits.len() as u8, octets }
    }

    fn from_word(text: &str) -> Option<Self> {
        let mut octets = [0; Self::MOST / 2];
        let mut count = 0;
        for character in text.chars() {
            let septet = ALPHABET.chars().position(|known| known == character)?;
            let bit = count * 7;
            *octets.get_mut((bit + 6) / 8)? |= (septet >> (8 - bit % 8).min(7)) as u8;
            octets[bit / 8] |= (septet << (bit % 8)) as u8;
            count += 1;
        }
        let length = (count * 7).div_ceil(4) as u8;
        (count > 0).then_some(Self { kind: AddressKind::Alphanumeric, length, octets })
    }

    /// Writes length, type and digits.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.length, self.kind.octet()]);
        out.extend_from_slice(self.as_octets());
    }

    /// Reads length, type and digits from the front; returns how many octets they take.
    pub(super) fn read(octets: &[u8]) -> Option<(Self, usize)> {
        let [length, kind, rest @ ..] = octets else { return None };
        let size = usize::from(*length).div_ceil(2);
        let address = Self::from_octets(*kind, *length, rest.get(..size)?)?;
        Some((address, 2 + size))
    }

    /// Reads type and digits of a service centre, whose length was counted in octets.
    pub(super) fn read_centre(field: &[u8]) -> Option<Self> {
        let (kind, digits) = field.split_first()?;
        let filled = digits.last().is_some_and(|last| last >> 4 == FILL);
        let length = (digits.len() * 2 - usize::from(filled)).try_into().ok()?;
        Self::from_octets(*kind, length, digits)
    }

    fn from_octets(kind: u8, length: u8, field: &[u8]) -> Option<Self> {
        let kind = AddressKind::from_octet(kind)?;
        let mut octets = [0; Self::MOST / 2];
        octets.get_mut(..field.len())?.copy_from_slice(field);
        let address = Self { kind, length, octets };
        let half_is_digit = |half: usize| half < usize::from(length) && address.half(half) == FILL;
        let has_fill_inside = kind != AddressKind::Alphanumeric && (0..usize::from(length)).any(half_is_digit);
        (!has_fill_inside).then_some(address)
    }

    fn half(&self, place: usize) -> u8 {
        self.octets[place / 2] >> (4 * (place % 2)) & 0x0F
    }

    /// Returns what the address is.
    pub fn kind(&self) -> AddressKind {
        self.kind
    }

    /// Returns the octets of the digits or of the packed characters.
    pub fn as_octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length).div_ceil(2)]
    }

    fn word(&self) -> String {
        let count = usize::from(self.length) * 4 / 7;
        let octet = |place: usize| u16::from(self.octets.get(place).copied().unwrap_or(0));
        let septet = |place: usize| {
            let bit = place * 7;
            usize::from((octet(bit / 8) | octet(bit / 8 + 1) << 8) >> (bit % 8) & 0x7F)
        };
        (0..count).map(|place| ALPHABET.chars().nth(septet(place)).unwrap_or('?')).collect()
    }
}

/// As people write it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            AddressKind::Alphanumeric => return f.write_str(&self.word()),
            AddressKind::International => f.write_str("+")?,
            _ => {}
        }
        (0..usize::from(self.length)).try_for_each(|place| {
            let digit = DIGITS.get(usize::from(self.half(place))).copied().unwrap_or(b'?');
            write!(f, "{}", char::from(digit))
        })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?}, {self})", self.kind)
    }
}

/// The default alphabet, in the order of its numbers (3GPP 23.038). The escape to the second table is shown as `\u{1b}`.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn both_ways(text: &str, octets: &[u8]) {
        let address = Address::read_text(text).expect("an address");
        let mut out = Vec::new();
        address.write(&mut out);
        assert_eq!(out, octets, "{text}");
        out.push(0x77);
        assert_eq!(Address::read(&out), Some((address, octets.len())));
        assert_eq!(address.to_string(), text);
    }

    #[test]
    fn numbers_and_words() {
        assert_eq!(ALPHABET.chars().count(), 128);
        both_ways("+358401234567", &[0x0C, 0x91, 0x53, 0x48, 0x10, 0x32, 0x54, 0x76]);
        both_ways("12345", &[0x05, 0x81, 0x21, 0x43, 0xF5]);
        // 7-bit packing of "hellohello" as in many tutorials.
        both_ways("hellohello", &[0x12, 0xD0, 0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]);
        both_ways("ACME Mobile", &[0x14, 0xD0, 0xC1, 0x61, 0xB3, 0x08, 0x6A, 0xBE, 0xC5, 0x69, 0x76, 0x19]);
    }

    #[test]
    fn refuses_what_sms_cannot_carry() {
        for text in ["", "+", "+12a", "123456789012345678901", "twelve chars", "漢字"] {
            assert!(Address::read_text(text).is_err(), "{text}");
        }
        for octets in [&[][..], &[4], &[4, 0x91, 0x21], &[4, 0x11, 0x21, 0x43], &[3, 0x91, 0x2F, 0xF3], &[21, 0x91]] {
            assert_eq!(Address::read(octets), None, "{octets:02X?}");
        }
    }
}
