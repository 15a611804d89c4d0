//! What happened when, in a bounded number of buckets: they grow wider with the time that is looked at.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::batch::store::{State, Timestamp};
use crate::batch::units::{DAY, rfc3339};

/// Buckets at the most.
const MOST: usize = 240;
/// Widths of buckets in seconds; each is a multiple of the one before, so that buckets can be put together.
const WIDTHS: [Timestamp; 9] = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, DAY, 10 * DAY, 1000 * DAY];

/// What happened within some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Handsets that a route took.
    pub submitted: u64,
    /// Short messages that routes took.
    pub sms: u64,
    /// Handsets whose receipts were complete.
    pub delivered: u64,
    /// Handsets whose client logged in.
    pub confirmed: u64,
    /// Handsets that failed.
    pub failed: u64,
    /// Handsets whose time was over.
    pub expired: u64,
    /// Handsets that were planned again.
    pub retried: u64,
}

/// What happened when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    width: usize,
    buckets: BTreeMap<Timestamp, Bucket>,
}

impl Series {
    pub(super) fn new() -> Self {
        Self { width: 0, buckets: BTreeMap::new() }
    }

    /// Returns how many seconds a bucket is wide.
    pub fn width(&self) -> Timestamp {
        WIDTHS[self.width]
    }

    /// Returns the buckets in which anything happened, each with its beginning.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (Timestamp, &Bucket)> {
        self.buckets.iter().map(|(from, bucket)| (*from, bucket))
    }

    /// Returns all buckets from the first to the last, those without anything too.
    pub fn all(&self) -> Vec<(Timestamp, Bucket)> {
        let (Some((first, _)), Some((last, _))) = (self.buckets.first_key_value(), self.buckets.last_key_value())
        else {
            return Vec::new();
        };
        let starts = (0..MOST as Timestamp).map(|number| first + number * self.width()).take_while(|from| from <= last);
        starts.map(|from| (from, self.buckets.get(&from).copied().unwrap_or_default())).collect()
    }

    pub(super) fn add(&mut self, at: Timestamp, state: State, sms: u32) {
        let bucket = self.buckets.entry(at - at.rem_euclid(WIDTHS[self.width])).or_default();
        match state {
            State::Submitted => {
                bucket.submitted += 1;
                bucket.sms += u64::from(sms);
            }
            State::Delivered => bucket.delivered += 1,
            State::Confirmed => bucket.confirmed += 1,
            State::Failed => bucket.failed += 1,
            State::Expired => bucket.expired += 1,
            State::Planned => bucket.retried += 1,
            State::Submitting | State::Cancelled => {}
        }
        while self.span() > MOST as Timestamp && self.width + 1 < WIDTHS.len() {
            self.widen();
        }
    }

    /// Returns how many buckets lie between the first and the last, with both.
    fn span(&self) -> Timestamp {
        match (self.buckets.first_key_value(), self.buckets.last_key_value()) {
            (Some((first, _)), Some((last, _))) => (last - first) / self.width() + 1,
            _ => 0,
        }
    }

    fn widen(&mut self) {
        self.width += 1;
        let width = self.width();
        for (from, bucket) in std::mem::take(&mut self.buckets) {
            self.buckets.entry(from - from.rem_euclid(width)).or_default().join(&bucket);
        }
    }
}

impl Bucket {
    fn join(&mut self, other: &Self) {
        self.submitted += other.submitted;
        self.sms += other.sms;
        self.delivered += other.delivered;
        self.confirmed += other.confirmed;
        self.failed += other.failed;
        self.expired += other.expired;
        self.retried += other.retried;
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line {
            from: String,
            submitted: u64,
            sms: u64,
            delivered: u64,
            confirmed: u64,
            failed: u64,
            expired: u64,
            retried: u64,
        }
        let lines: Vec<Line> = self
            .buckets()
            .map(|(from, &Bucket { submitted, sms, delivered, confirmed, failed, expired, retried })| {
                let from = rfc3339(from);
                Line { from, submitted, sms, delivered, confirmed, failed, expired, retried }
            })
            .collect();
        let mut series = serializer.serialize_struct("Series", 2)?;
        series.serialize_field("seconds", &self.width())?;
        series.serialize_field("buckets", &lines)?;
        series.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted by hand: three days of one event an hour do not fit into minutes, nor into quarters of an hour.
    #[test]
    fn buckets_grow_wider_and_lose_nothing() {
        let mut series = Series::new();
        series.add(1_000_000_020, State::Submitted, 3);
        series.add(1_000_000_080, State::Submitted, 3);
        assert_eq!((series.width(), series.all().len()), (60, 2));
        for hour in 0..72 {
            series.add(1_000_000_020 + hour * 3600, State::Failed, 3);
        }
        assert_eq!((series.width(), series.all().len()), (3600, 72));
        let all = series.all();
        let sum = |of: fn(&Bucket) -> u64| all.iter().map(|(_, bucket)| of(bucket)).sum::<u64>();
        assert_eq!((sum(|b| b.failed), sum(|b| b.submitted), sum(|b| b.sms)), (72, 2, 6));
        // A clock that is decades wrong costs sight, not memory.
        series.add(0, State::Delivered, 1);
        assert!(series.all().len() <= MOST && series.width() == 1000 * DAY);
    }
}
