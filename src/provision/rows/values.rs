//! What the cells of a subscriber table may hold.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::MOST_CELL;
use super::rules::{BAD_IMSI, BAD_NUMBER, BAD_VALUE};
use crate::diagnose::Rule;

/// Returns the digits of an E.164 number, with or without `+`, as a number: 7 to 15 digits, the first not zero,
/// since no country code begins with it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number && !digits.starts_with('0') { digits.parse().ok() } else { None }
}

/// Returns the second that an RFC 3339 date and time says, counted from 1970.
pub(crate) fn instant(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

type Fault = (&'static Rule, String);

pub(super) fn check_value(column: &str, value: &str) -> std::result::Result<(), Fault> {
    let is_digits = |least, most| (least..=most).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let (is_good, wanted) = match column {
        "msisdn" if number(value).is_none() => return Err((&BAD_NUMBER, wrong_number(value))),
        "imsi" if !is_digits(14, 15) => {
            return Err((&BAD_IMSI, format!("an IMSI has 14 or 15 digits, this one is {}", in_words(value))));
        }
        "pin" => (is_digits(4, 20), "4 to 20 digits"),
        "imei" => (is_digits(14, 16), "14 to 16 digits"),
        "tac" => (is_digits(8, 8), "8 digits"),
        "tz" => (is_zone(value), "an offset such as `+02:00`"),
        "not_before" | "expires" => (instant(value).is_some(), "a date and time such as `2026-11-23T12:00:00Z`"),
        _ => (value.len() <= MOST_CELL && !value.contains(char::is_control), "text without control characters"),
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
    } else if !digits.bytes().all(|b| b.is_ascii_digit()) {
        "has something other than digits"
    } else if digits.starts_with('0') {
        "begins with zero, where the country code belongs"
    } else {
        "does not have 7 to 15 digits"
    };
    format!("`{}` {why}", value.chars().take(24).collect::<String>().escape_debug())
}

fn in_words(value: &str) -> String {
    let length = value.chars().count();
    if value.bytes().all(|b| b.is_ascii_digit()) {
        format!("{length} digits")
    } else if value.contains(char::is_control) {
        format!("{length} characters with control characters")
    } else {
        format!("{length} characters")
    }
}

fn is_zone(value: &str) -> bool {
    let [b'+' | b'-', h1, h2, b':', m1, m2] = value.as_bytes() else { return false };
    let pair = |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'));
    pair(h1, h2).is_some_and(|hours| hours <= 14) && pair(m1, m2).is_some_and(|minutes| minutes < 60)
}
