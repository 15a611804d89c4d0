//! What the cells of a subscriber table may hold.

use std::path::{Component, Path};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::REJECT_COLUMNS;
use super::rules::{BAD_IMSI, BAD_NUMBER, BAD_VALUE};
use crate::diagnose::Rule;

/// Octets of a text at the most; no setting of a handset is longer.
const MOST_TEXT: usize = 4096;
/// Octets of a name at the most: a model, a file, a key of the operator's own.
const MOST_NAME: usize = 255;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Imsi,
    Pin,
    Imei,
    Tac,
    Zone,
    Begin,
    End,
    User,
    Password,
    Name,
    Profile,
    Text,
    /// What a reject file adds: nobody looks at it again.
    Ignored,
}

impl Kind {
    /// Returns what one of our columns holds.
    pub(super) fn of(column: &str) -> Self {
        match column {
            "msisdn" => Self::Number,
            "imsi" => Self::Imsi,
            "pin" => Self::Pin,
            "imei" => Self::Imei,
            "tac" => Self::Tac,
            "tz" => Self::Zone,
            "not_before" => Self::Begin,
            "expires" => Self::End,
            "user" => Self::User,
            "password" => Self::Password,
            "model" | "route" | "ref" => Self::Name,
            "profile" => Self::Profile,
            _ if REJECT_COLUMNS.contains(&column) => Self::Ignored,
            _ => Self::Text,
        }
    }
}

/// Returns the digits of an E.164 number, with or without `+`, as a number: 7 to 15 digits, the first not zero,
/// since no country code begins with it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number && !digits.starts_with('0') { digits.parse().ok() } else { None }
}

/// Returns the second that an RFC 3339 date and time says, counted from 1970. Earlier ones are no date of a message, and
/// a leap second is none that can be counted.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let is_leap = text.get(17..19) == Some("60");
    let second = OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
    second.filter(|second| *second >= 0 && !is_leap)
}

type Fault = (&'static Rule, String);

pub(super) fn check_value(kind: Kind, column: &str, value: &str) -> std::result::Result<(), Fault> {
    let is_digits = |least, most| (least..=most).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let is_text = |most| value.len() <= most && is_clean(value);
    let (is_good, wanted) = match kind {
        Kind::Number if number(value).is_none() => return Err((&BAD_NUMBER, wrong_number(value))),
        Kind::Number | Kind::Ignored => return Ok(()),
        Kind::Imsi if is_digits(14, 15) => return Ok(()),
        Kind::Imsi => {
            return Err((&BAD_IMSI, format!("an IMSI has 14 or 15 digits, this one is {}", in_words(value))));
        }
        Kind::Pin => (is_digits(4, 20), "4 to 20 digits"),
        Kind::Imei => (is_digits(14, 16), "14 to 16 digits"),
        Kind::Tac => (is_digits(8, 8), "8 digits"),
        Kind::Zone => (is_zone(value), "an offset such as `+02:00`"),
        Kind::Begin | Kind::End => (instant(value).is_some(), "a date and time such as `2026-11-23T12:00:00Z`"),
        _ if is_placeholder(value) && kind != Kind::Text => {
            return Err((&BAD_VALUE, format!("`{column}` is a placeholder that nothing has filled")));
        }
        Kind::User => (
            is_text(MOST_TEXT) && !value.contains(char::is_whitespace),
            "text without blanks and control characters, of 4,096 octets at the most",
        ),
        Kind::Name => (
            is_text(MOST_NAME) && value.trim() == value,
            "text without control characters and blanks at its ends, of 255 octets at the most",
        ),
        Kind::Profile => (is_text(MOST_NAME) && is_below(value), "the name of a file in the folder of the profile"),
        Kind::Password | Kind::Text => {
            (is_text(MOST_TEXT), "text without control characters, of 4,096 octets at the most")
        }
    };
    if is_good {
        return Ok(());
    }
    // The value may be a secret: its form is said, never itself.
    Err((&BAD_VALUE, format!("`{column}` must be {wanted}, it is {}", in_words(value))))
}

fn wrong_number(value: &str) -> String {
    let digits = value.strip_prefix('+').unwrap_or(value);
    let why = if digits.contains([' ', '-', '(', ')', '.', '\u{A0}']) {
        "has spaces or punctuation"
    } else if digits.contains(is_foreign_digit) {
        "has digits of another script"
    } else if !is_clean(digits) {
        "has a character that cannot be seen"
    } else if !digits.bytes().all(|b| b.is_ascii_digit()) {
        "has something other than digits"
    } else if digits.starts_with('0') {
        "begins with zero, where the country code belongs"
    } else {
        "does not have 7 to 15 digits"
    };
    // Who may see the number sees it in the excerpt.
    format!("the number {why}")
}

/// Says the form of a value that may be a secret.
fn in_words(value: &str) -> String {
    let length = value.chars().count();
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return format!("{length} digits");
    }
    let length = format!("{length} characters");
    if value.contains(['\n', '\r']) {
        format!("{length} with a line end among them: is a quote left open?")
    } else if value.contains(char::is_control) {
        format!("{length} with control characters")
    } else if let Some(hidden) = value.chars().find(|c| !is_seen(*c)) {
        format!("{length} with U+{:04X} among them", u32::from(hidden))
    } else if value.contains(is_foreign_digit) {
        format!("{length} with digits of another script")
    } else if value.contains(char::is_whitespace) {
        format!("{length} with blanks")
    } else {
        length
    }
}

fn is_foreign_digit(c: char) -> bool {
    c.is_numeric() && !c.is_ascii()
}

/// Returns whether a text has nothing in it that people cannot see, and that is there by mistake or by malice.
fn is_clean(value: &str) -> bool {
    // The usual case first.
    value.bytes().all(|octet| (0x20..0x7F).contains(&octet)) || value.chars().all(|c| is_seen(c) && !c.is_control())
}

/// Returns whether a character is none of those that tools leave behind (byte-order marks, replacement characters, line
/// separators, blanks of no width), that turn the direction of text, or that Unicode says are no characters.
fn is_seen(c: char) -> bool {
    !matches!(
        c,
        '\u{200B}' | '\u{2028}'..='\u{202E}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFD}'
            | '\u{FDD0}'..='\u{FDEF}'
    ) && u32::from(c) & 0xFFFE != 0xFFFE
}

/// Returns whether a cell is nothing but `{name}`: a template that was exported before it was filled.
fn is_placeholder(value: &str) -> bool {
    let name = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ')))
}

/// Returns whether a file name stays below the folder that it starts from.
fn is_below(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) && !name.contains('\\')
}

fn is_zone(value: &str) -> bool {
    let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = value.as_bytes() else { return false };
    let pair = |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'));
    let (Some(hours), Some(minutes)) = (pair(h1, h2), pair(m1, m2)) else { return false };
    // From Baker Island to the Line Islands.
    let most = if *sign == b'+' { 14 * 60 } else { 12 * 60 };
    minutes < 60 && u16::from(hours) * 60 + u16::from(minutes) <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_times_that_are_none() {
        assert_eq!(instant("2026-11-23T12:00:00+01:00"), Some(1_795_431_600));
        for text in [
            "2026-02-30T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "0000-01-01T00:00:00Z",
            "2026-11-23",
            "2026-11-23 12:00:00",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert!(is_zone("+14:00") && is_zone("-12:00") && is_zone("+05:45"));
        assert!(["+14:15", "-12:30", "+24:00", "+01:60", "01:00", "Z", "+1:00"].iter().all(|zone| !is_zone(zone)));
    }
}
