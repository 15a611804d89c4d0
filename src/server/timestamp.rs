//! A moment, as the engine is told it.

use std::fmt;
use std::time::Duration;

use crate::document::DateTime;

/// A moment: milliseconds since the start of 1970, UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);

    /// Returns the moment so many milliseconds after the start of 1970.
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Returns the moment so many seconds after the start of 1970.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Returns the milliseconds since the start of 1970.
    pub fn milliseconds(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the start of 1970, as the store keeps them.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)
    }

    /// Returns the moment so much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from an earlier moment to this one; nothing where it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment as people and programs read it: `2026-11-23T05:00:00Z`.
    pub fn rfc3339(self) -> String {
        let DateTime { year, month, day, hour, minute, second, .. } = self.date_time();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// Returns the moment as CSP writes it, in UTC; years after 4095 are not told apart.
    pub fn date_time(self) -> DateTime {
        let last = 67_090_000_000; // in the year 4095: all that six octets can hold
        let seconds = self.seconds().min(last);
        let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        DateTime {
            year: u16::try_from(moment.year()).unwrap_or_default(),
            month: moment.month().into(),
            day: moment.day(),
            hour: moment.hour(),
            minute: moment.minute(),
            second: moment.second(),
            zone: b'Z',
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date_time().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_csp_dates() {
        // 1001437139 is the date of the sheet's six-octet example, 20010925T165859Z.
        assert_eq!(Timestamp::from_seconds(1_001_437_139).to_string(), "20010925T165859Z");
        let last = Timestamp::from_milliseconds(u64::MAX).date_time();
        assert!(last.year < 4096);
    }
}
