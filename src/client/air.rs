//! A simulated bearer of short messages: it loses some, delays all, and so changes their order, and brings some twice, by
//! the numbers of a seed. What happens is the same for the same seed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::document::mix;

/// A short message under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// The number of the client.
    pub number: String,
    /// Whether it goes to the client; else it is of the client.
    pub is_to_client: bool,
    /// What it carries.
    pub text: Vec<u8>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// How many of a hundred are lost.
    pub lost: u64,
    /// How many of a hundred come twice.
    pub twice: u64,
    /// The longest time that one is under way; all take a tenth of it at least.
    pub delay: Duration,
}

impl Weather {
    /// Nothing is lost, and everything comes at once.
    pub const CLEAR: Self = Self { lost: 0, twice: 0, delay: Duration::from_millis(10) };
    /// One in ten is lost, one in ten comes twice, and they overtake each other.
    pub const ROUGH: Self = Self { lost: 10, twice: 10, delay: Duration::from_secs(4) };
}

/// The bearer.
#[derive(Debug)]
pub struct Air {
    weather: Weather,
    state: u64,
    under_way: BTreeMap<(Duration, u64), Short>,
    count: u64,
}

impl Air {
    /// Returns a bearer in which nothing is under way.
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, state: seed, under_way: BTreeMap::new(), count: 0 }
    }

    /// Takes a short message at a time.
    pub fn send(&mut self, now: Duration, short: &Short) {
        let copies = if self.draw(100) < self.weather.twice { 2 } else { 1 };
        for _ in 0..copies {
            if self.draw(100) < self.weather.lost {
                continue;
            }
            let longest = u64::try_from(self.weather.delay.as_millis()).unwrap_or(u64::MAX).max(10);
            let delay = longest / 10 + self.draw(longest - longest / 10);
            self.count += 1;
            self.under_way.insert((now + Duration::from_millis(delay), self.count), short.clone());
        }
    }

    /// Returns when the next arrives.
    pub fn next(&self) -> Option<Duration> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes one that has arrived.
    pub fn arrived(&mut self, now: Duration) -> Option<Short> {
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// Returns a number below `end` (SplitMix64).
    fn draw(&mut self, end: u64) -> u64 {
        let number = mix(self.state);
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        number % end.max(1)
    }
}
