//! What time it is where a number lives: the zones of its country, in `zones.tsv`.
//!
//! A row gives the smallest and the largest offset that a country uses in the course of a year, in minutes ahead of UTC:
//! a number does not say in which of several zones its owner is, or whether it is summer there.

use std::sync::LazyLock;

/// Country code, smallest and largest offset.
type Row = (u16, i32, i32);

static ZONES: LazyLock<Vec<Row>> = LazyLock::new(|| include_str!("zones.tsv").lines().skip(1).map(read).collect());

fn read(line: &'static str) -> Row {
    let mut cells = line.split('\t');
    let mut number = || cells.next().and_then(|cell| cell.parse::<i32>().ok()).expect("zones.tsv: a number");
    let code = u16::try_from(number()).expect("zones.tsv: a code");
    (code, number(), number())
}

/// Returns the smallest and the largest offset of a number's country, in minutes ahead of UTC; UTC for both where the
/// country is not known.
pub(super) fn of(msisdn: u64) -> (i32, i32) {
    let digits = msisdn.to_string();
    let known = |length: usize| {
        let code: u16 = digits.get(..length)?.parse().ok()?;
        ZONES.iter().find(|row| row.0 == code).map(|row| (row.1, row.2))
    };
    // No code is the beginning of another one.
    (1..=3).find_map(known).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for (place, (code, west, east)) in ZONES.iter().enumerate() {
            assert!(west <= east && (-720..=840).contains(west) && (-720..=840).contains(east), "{code}");
            let text = code.to_string();
            let others = ZONES.iter().skip(place + 1).map(|row| row.0.to_string());
            assert!(others.into_iter().all(|other| !other.starts_with(&text) && !text.starts_with(&other)), "{code}");
        }
        assert!(ZONES.len() > 190);
    }

    #[test]
    fn numbers_live_in_their_country() {
        assert_eq!(of(46_701_234_567), (60, 120));
        assert_eq!(of(9_779_812_345_678), (345, 345));
        assert_eq!(of(12_025_550_123), (-600, -150));
        assert_eq!(of(999_123_456_789), (0, 0));
    }
}
