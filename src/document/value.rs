//! The kinds of value that a leaf may hold, and whether a text is one (CSP data types).

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns whether XML 1.0, and so any document of ours, can hold a character.
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

/// A kind of leaf value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// An unsigned number up to 4294967295; OPAQUE in WBXML.
    Int,
    /// The same, but text in WBXML.
    Digits,
    /// Any text, though others write a number in OPAQUE where it is one.
    NumberOrText,
    /// `T` or `F`.
    Bool,
    /// A date and time; OPAQUE in WBXML where the vocabulary says so.
    DateTime,
    /// A URI reference.
    Uri,
    /// A media type with optional parameters.
    Mime,
    /// `+` and digits.
    Msisdn,
    /// Octets in base64.
    Base64,
    /// An IPv4 address or a host name.
    Host,
    /// Octets.
    Opaque,
    /// One word of a list.
    Word(&'static [&'static str]),
    /// Words of a list, separated by commas.
    Words(&'static [&'static str]),
    /// The address of a user.
    UserId,
    /// The address of a group.
    GroupId,
    /// The address of a contact list.
    ContactListId,
}

impl Kind {
    /// Returns whether `text` is a value of this kind. White space around it does not count.
    /// Addresses are looked at by the vocabulary that knows them; here they are text.
    pub fn fits(self, text: &str) -> bool {
        let text = text.trim_ascii();
        match self {
            Self::Text | Self::NumberOrText | Self::Opaque | Self::UserId | Self::GroupId | Self::ContactListId => true,
            Self::Int | Self::Digits => integer(text).is_some(),
            Self::Bool => boolean(text).is_some(),
            Self::DateTime => DateTime::read(text).is_some(),
            Self::Uri => !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control()),
            Self::Mime => is_media_type(text),
            Self::Msisdn => is_number(text),
            Self::Base64 => STANDARD.decode(without_white_space(text)).is_ok(),
            Self::Host => !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/'),
            Self::Word(words) => words.iter().any(|w| w.eq_ignore_ascii_case(text)),
            Self::Words(words) => {
                text.split(',').all(|item| words.iter().any(|w| w.eq_ignore_ascii_case(item.trim_ascii())))
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Text | Self::NumberOrText => "text",
            Self::Int | Self::Digits => "a number from 0 to 4294967295",
            Self::Bool => "`T` or `F`",
            Self::DateTime => "a date and time such as 20261123T120000Z",
            Self::Uri => "a URI",
            Self::Mime => "a media type such as text/plain",
            Self::Msisdn => "`+` and up to 15 digits",
            Self::Base64 => "base64",
            Self::Host => "a host name or address",
            Self::Opaque => "octets",
            Self::Word(words) => return write!(f, "one of {}", words.join(", ")),
            Self::Words(words) => return write!(f, "a list of {}", words.join(", ")),
            Self::UserId => "a user address",
            Self::GroupId => "a group address",
            Self::ContactListId => "a contact list address",
        };
        f.write_str(words)
    }
}

/// Returns the number that `text` says: decimal digits only, up to 4294967295; leading zeros are read.
pub fn integer(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Returns the truth value that `text` says: `T` or `F` in either case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "T" | "t" => Some(true),
        "F" | "f" => Some(false),
        _ => None,
    }
}

/// Returns whether `text` is `type/subtype` with optional parameters.
pub(crate) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_ascii();
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&b));
    essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the octets that base64 text says; white space in it is skipped.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(without_white_space(text)).ok()
}

/// Returns octets as base64 text without line ends.
pub(crate) fn to_base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// Returns a hash of a number: the finaliser of SplitMix64, in which every digit moves half of the bits.
pub(crate) fn mix(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ hash >> 31
}

/// Returns whether both are the same, in a time that depends on the length only.
pub(crate) fn same_octets(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn without_white_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_whitespace()).collect()
}

/// A date and time with an optional zone, as CSP writes it in text and in six octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// The year, 0 to 4095.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59.
    pub second: u8,
    /// The military zone letter, `Z` for UTC; 0 where no zone is given.
    pub zone: u8,
}

impl DateTime {
    /// Reads `YYYYMMDDThhmm[ss][zone]` and the extended form `YYYY-MM-DDThh:mm[:ss][zone]`, where the zone is a
    /// letter or a numeric offset. An offset other than zero is kept only as "some zone" and reads as no zone.
    pub fn read(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', 't'])?;
        let end = time.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(time.len());
        let (clock, zone) = time.split_at(end);
        let ([century, year, month, day], 8) = pairs(date, b'-')? else { return None };
        let ([hour, minute, second], 4 | 6) = pairs(clock, b':')? else { return None };
        let year = 100 * u16::from(century) + u16::from(year);
        let value = Self { year, month, day, hour, minute, second, zone: read_zone(zone)? };
        value.is_sound().then_some(value)
    }

    /// Reads the six octets of WBXML (CSP in WBXML, "Date-time").
    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        let &[a, b, c, d, e, zone] = octets else { return None };
        let value = Self {
            year: u16::from(a & 0x3F) << 6 | u16::from(b >> 2),
            month: (b & 0x03) << 2 | c >> 6,
            day: c >> 1 & 0x1F,
            hour: (c & 0x01) << 4 | d >> 4,
            minute: (d & 0x0F) << 2 | e >> 6,
            second: e & 0x3F,
            zone,
        };
        let zone_is_known = zone == 0 || (zone.is_ascii_uppercase() && zone != b'J');
        (value.is_sound() && zone_is_known).then_some(value)
    }

    /// Returns the six octets of WBXML.
    pub(crate) fn to_octets(self) -> [u8; 6] {
        let year = self.year.to_be_bytes();
        [
            (year[0] << 2 | year[1] >> 6) & 0x3F,
            year[1] << 2 | self.month >> 2,
            self.month << 6 | self.day << 1 | self.hour >> 4,
            self.hour << 4 | self.minute >> 2,
            self.minute << 6 | self.second,
            self.zone,
        ]
    }

    fn is_sound(self) -> bool {
        self.year < 4096
            && (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 61
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, zone } = *self;
        let pairs = [(year / 100) as u8, (year % 100) as u8, month, day, hour, minute, second];
        let mut text = *b"YYYYMMDDThhmmss";
        for (place, pair) in [0, 2, 4, 6, 9, 11, 13].into_iter().zip(pairs) {
            text[place..place + 2].copy_from_slice(&[b'0' + pair / 10, b'0' + pair % 10]);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
        if zone == 0 { Ok(()) } else { f.write_char(zone.into()) }
    }
}

/// Returns the numbers of two digits that a row of digits holds, and how many digits it has; a `mark` between them is
/// skipped. `None` where anything else stands there, or there are more.
fn pairs<const N: usize>(text: &str, mark: u8) -> Option<([u8; N], usize)> {
    let (mut pairs, mut count) = ([0; N], 0);
    for digit in text.bytes().filter(|b| *b != mark) {
        let pair: &mut u8 = pairs.get_mut(count / 2)?;
        *pair = 10 * *pair + digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        count += 1;
    }
    Some((pairs, count))
}

fn read_zone(zone: &str) -> Option<u8> {
    match zone.as_bytes() {
        [] => Some(0),
        [letter] if letter.is_ascii_alphabetic() && !letter.eq_ignore_ascii_case(&b'J') => {
            Some(letter.to_ascii_uppercase())
        }
        [b'+' | b'-', digits @ ..] => {
            let is_offset = !digits.is_empty() && digits.iter().all(|b| b.is_ascii_digit() || *b == b':');
            let is_zero = digits.iter().all(|b| matches!(b, b'0' | b':'));
            is_offset.then_some(if is_zero { b'Z' } else { 0 })
        }
        _ => None,
    }
}

/// Returns the beginning of a long value, for messages.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of SplitMix64 from 0, as its authors print them.
    #[test]
    fn chance_is_that_of_the_book() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn six_octets_of_the_sheet() {
        let octets = [0x1F, 0x46, 0x73, 0x0E, 0xBB, 0x5A];
        let value = DateTime::from_octets(&octets).unwrap();
        assert_eq!(value.to_string(), "20010925T165859Z");
        assert_eq!(value.to_octets(), octets);
        assert_eq!(DateTime::read("2001-09-25T16:58:59Z"), Some(value));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in ["", "20011325T165859Z", "20010925T2558", "20010925T165859ZZ", "2001", "xxxxxxxxT0000"] {
            assert_eq!(DateTime::read(text), None, "{text}");
        }
    }

    #[test]
    fn kinds_tell_values_apart() {
        assert!(Kind::Int.fits(" 4294967295 ") && !Kind::Int.fits("4294967296") && !Kind::Int.fits("-1"));
        assert!(Kind::Bool.fits("t") && !Kind::Bool.fits("true"));
        assert!(Kind::Mime.fits("text/plain; charset=utf-8") && !Kind::Mime.fits("plain"));
        assert!(Kind::Words(&["MD5", "SHA"]).fits("SHA,MD5") && !Kind::Words(&["MD5"]).fits("MD5,X"));
    }
}
