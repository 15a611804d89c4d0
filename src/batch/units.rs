//! How campaigns and routes write times, rates and names: `90s`, `6h`, `300/s`, `21:00-08:00`, `+02:00`, `smpp:0x5*`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::store::Timestamp;

/// Longest duration: centuries are mistakes, and far from overflow.
const MOST_UNITS: u32 = 100_000;
/// Seconds of a day.
pub const DAY: Timestamp = 86_400;

/// Reads a duration: a number and `s`, `m`, `h` or `d`; in seconds.
pub fn duration(text: &str) -> Option<Timestamp> {
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => DAY,
        _ => return None,
    };
    let number = text.get(..text.len() - 1)?.parse::<u32>().ok()?;
    (number < MOST_UNITS).then(|| Timestamp::from(number) * unit)
}

/// Reads a text by `read`; `wrong` is said of what it does not take, a number without its unit among it.
pub(super) fn worded<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Option<T>,
    wrong: &'static str,
) -> Result<T, D::Error> {
    struct Words<F>(F, &'static str);
    impl<T, F: Fn(&str) -> Option<T>> de::Visitor<'_> for Words<F> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).ok_or_else(|| E::custom(format!("`{}` {}", text.escape_debug(), self.1)))
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
            Err(E::custom(format!("`{number}` {}", self.1)))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
            Err(E::custom(format!("`{number}` {}", self.1)))
        }
    }
    deserializer.deserialize_any(Words(read, wrong))
}

/// A field that is a duration.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    worded(deserializer, duration, "is no duration: write `90s`, `1m`, `6h` or `3d`")
}

/// A field that is a duration and may be missing.
pub(super) fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    seconds(deserializer).map(Some)
}

/// Returns a time as RFC 3339 says it, in UTC.
pub fn rfc3339(time: Timestamp) -> String {
    let time = OffsetDateTime::from_unix_timestamp(time).ok().and_then(|time| time.format(&Rfc3339).ok());
    time.unwrap_or_default()
}

/// Reads a time as RFC 3339 says it.
pub fn instant(text: &str) -> Option<Timestamp> {
    crate::provision::rows::instant(text)
}

/// Returns a number with its digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(" ")
}

/// Says so many handsets.
pub fn handsets(number: u64) -> String {
    format!("{} handset{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Says so many seconds as people do.
pub fn in_words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Returns the minutes ahead of UTC of an offset such as `+02:00`.
pub fn zone(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    minute_of_day(rest).map(|minutes| sign * i32::from(minutes))
}

/// Returns whether one of `patterns` names a value, in any case of letters; `*` at the end stands for any rest.
pub(super) fn are_naming(patterns: &[String], value: &str) -> bool {
    let starts = |start: &str| value.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => starts(start),
        None => value.eq_ignore_ascii_case(pattern),
    })
}

/// Short messages in a second, more than none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(pub f64);

impl Rate {
    /// Reads `300/s`, `20/m` or `500/h`.
    pub fn read(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once('/')?;
        let number = number.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0 && *n <= 1_000_000.0)?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Some(Self(number / seconds))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        worded(deserializer, Self::read, "is no rate: write `300/s` or `20/m`")
    }
}

/// Hours in which nobody is sent anything, in the recipient's own time: minutes of the day, from the first to the
/// second, over midnight where the first is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: u16,
    to: u16,
}

impl QuietHours {
    /// Reads `21:00-08:00`.
    pub fn read(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute_of_day(from.trim())?, minute_of_day(to.trim())?);
        (from != to).then_some(Self { from, to })
    }

    /// Returns when a handset whose time is `west` to `east` minutes ahead of UTC may be woken: `now`, or the first
    /// time at which it is quiet nowhere in between.
    pub fn next(&self, now: Timestamp, (west, east): (i32, i32)) -> Timestamp {
        // A country over many zones may have no common time that is not quiet: a day is the longest wait.
        let mut at = now;
        for _ in 0..(DAY / STEP) {
            let is_quiet = |zone: i32| self.is_quiet(at + Timestamp::from(zone) * 60);
            if !is_quiet(west) && !is_quiet(east) {
                return at;
            }
            at = at - at.rem_euclid(STEP) + STEP;
        }
        now
    }

    fn is_quiet(&self, local: Timestamp) -> bool {
        let minute = u16::try_from(local.rem_euclid(DAY) / 60).unwrap_or_default();
        match self.from < self.to {
            true => (self.from..self.to).contains(&minute),
            false => minute >= self.from || minute < self.to,
        }
    }
}

/// The ends of quiet hours are looked for in steps of so many seconds: zones differ by quarters of an hour, hours
/// are given in minutes.
const STEP: Timestamp = 60;

fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        worded(deserializer, Self::read, "are no quiet hours: write `21:00-08:00`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_and_rates() {
        assert_eq!([duration("90s"), duration("6h"), duration("3d")], [Some(90), Some(21_600), Some(259_200)]);
        assert_eq!([duration(""), duration("3 weeks"), duration("-1s"), duration("100000d")], [None; 4]);
        assert_eq!([Rate::read("300/s"), Rate::read("30/m")], [Some(Rate(300.0)), Some(Rate(0.5))]);
        assert_eq!([Rate::read("0/s"), Rate::read("300"), Rate::read("NaN/s"), Rate::read("1/day")], [None; 4]);
    }

    #[test]
    fn groups_digits_from_the_right() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn reads_zones_and_patterns() {
        assert_eq!([zone("+02:00"), zone("-09:30"), zone("02:00"), zone("+2")], [Some(120), Some(-570), None, None]);
        let patterns = ["smpp:0x5*".to_owned(), "http:503".to_owned()];
        assert!(are_naming(&patterns, "smpp:0x58") && are_naming(&patterns, "HTTP:503"));
        assert!(!are_naming(&patterns, "smpp:0x0B") && !are_naming(&patterns, "http:5030"));
        assert_eq!(rfc3339(1_795_403_450), "2026-11-23T03:10:50Z");
    }

    /// 1970-01-01 00:00 UTC is 0; the expected times are counted by hand.
    #[test]
    fn quiet_hours_end_in_the_recipients_morning() {
        let quiet = QuietHours::read("21:00-08:00").unwrap();
        let utc = (0, 0);
        assert_eq!(quiet.next(0, utc), 8 * 3600);
        assert_eq!(quiet.next(8 * 3600, utc), 8 * 3600);
        assert_eq!(quiet.next(21 * 3600 + 7, utc), 32 * 3600);
        // At 06:30 UTC it is 08:30 in the east and 07:30 in the west: wait for the west.
        assert_eq!(quiet.next(6 * 3600 + 1800, (60, 120)), 7 * 3600);
        // Nowhere between UTC-10 and UTC+12 is it day everywhere: nobody waits for ever.
        assert_eq!(quiet.next(100, (-600, 720)), 100);
        let noon = QuietHours::read("12:00-13:00").unwrap();
        assert_eq!(noon.next(12 * 3600 + 59, utc), 13 * 3600);
        assert_eq!(
            [QuietHours::read("8-9"), QuietHours::read("24:00-08:00"), QuietHours::read("08:00-08:00")],
            [None; 3]
        );
    }
}
