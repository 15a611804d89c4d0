//! How long answers took, in memory that does not grow: counts of durations, each known to a 32nd part.

use std::time::Duration;

/// Durations from a microsecond to half a million years.
const SLOTS: usize = 1920;

/// Counted durations.
#[derive(Debug, Clone)]
pub struct Latencies {
    counts: Vec<u64>,
    longest: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; SLOTS], longest: Duration::ZERO }
    }
}

impl Latencies {
    /// Counts one.
    pub fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.counts[slot(micros)] += 1;
        self.longest = self.longest.max(time);
    }

    /// Counts those of another.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(own, other)| *own += other);
        self.longest = self.longest.max(other.longest);
    }

    /// Returns the duration that so many of a hundred do not exceed, up to a 32nd part too long.
    pub fn percentile(&self, hundredths: u64) -> Duration {
        let wanted = (self.counts.iter().sum::<u64>() * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        place.map_or(Duration::ZERO, |place| Duration::from_micros(last_of(place)).min(self.longest))
    }

    /// Returns the longest.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

/// Returns where a number is counted: the first 64 have a slot each, then 32 slots share what has one more binary digit.
fn slot(micros: u64) -> usize {
    let more = (u64::BITS - micros.leading_zeros()).saturating_sub(6);
    // At most 58 * 32 + 63.
    more as usize * 32 + (micros >> more) as usize
}

/// Returns the largest number that is counted in a slot.
fn last_of(slot: usize) -> u64 {
    let more = (slot / 32).saturating_sub(1);
    let next = (slot - more * 32 + 1) as u64;
    (next << more).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_slot_and_its_slot_says_little_more() {
        for number in (0..5_000).chain((0..64).map(|shift| 1 << shift)).chain([u64::MAX - 1, u64::MAX]) {
            let last = last_of(slot(number));
            assert!(slot(number) < SLOTS && last >= number && last - number <= number / 32, "{number}: {last}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut halves = [Latencies::default(), Latencies::default()];
        assert_eq!((halves[0].percentile(50), halves[0].longest()), (Duration::ZERO, Duration::ZERO));
        for micros in 1..=100 {
            halves[micros as usize % 2].add(Duration::from_micros(micros));
        }
        let [mut all, odd] = halves;
        all.merge(&odd);
        assert_eq!(all.percentile(50), Duration::from_micros(50));
        // 90 and 91 share a slot, and so do 98 and 99.
        assert_eq!(all.percentile(90), Duration::from_micros(91));
        assert_eq!(all.percentile(99), Duration::from_micros(99));
        assert_eq!((all.percentile(100), all.longest()), (Duration::from_micros(100), Duration::from_micros(100)));
    }
}
