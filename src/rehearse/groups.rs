//! What tells the rows of a table apart, and which rows stand for all: profile, variant, device pack, security method.

use crate::cp::mac::Security;
use crate::document::mix;
use crate::provision::Filled;

/// Rows that get the same document but for their values, sealed in the same way, for the same family of handsets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// The profile's name.
    pub profile: String,
    /// The place of the variant, from 0.
    pub variant: Option<usize>,
    /// The device pack of the handset, where one is known.
    pub device: Option<String>,
    /// How the push is sealed: the method, `none`, or `None` where nothing says it.
    pub security: Option<&'static str>,
    /// How many rows it has.
    pub rows: u64,
    /// Which of them are rehearsed: their places in the group, from 0, in order.
    pub wanted: Vec<u64>,
}

impl Group {
    pub(super) fn of(filled: &Filled<'_>, security: Option<Option<Security>>) -> Self {
        Self {
            profile: filled.profile.id.clone(),
            variant: filled.variant,
            device: filled.device.map(|pack| pack.model.clone()),
            security: security.map(|security| security.map_or("none", Security::name)),
            ..Self::default()
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let key = |group: &Self| (group.variant, group.security);
        key(self) == key(other) && self.profile == other.profile && self.device == other.device
    }
}

/// Returns the place of a row's group; a new one is added.
pub(super) fn place(groups: &mut Vec<Group>, group: Group) -> usize {
    groups.iter().position(|known| known.is_same(&group)).unwrap_or_else(|| {
        groups.push(group);
        groups.len() - 1
    })
}

/// Chooses `sample` rows, and one of each group at least: as many of a group as its share of the table, evenly spread over
/// it, each by chance within its stretch. The same seed chooses the same rows.
pub(super) fn choose(groups: &mut [Group], sample: u64, seed: u64) {
    let total: u64 = groups.iter().map(|group| group.rows).sum();
    let share = |group: &Group| (sample * group.rows / total.max(1)).clamp(1, group.rows.max(1));
    let mut chosen: Vec<u64> = groups.iter().map(share).collect();
    let wanted = sample.max(groups.len() as u64).min(total);
    // Rounding leaves some over, or takes some too many for groups that are small.
    while chosen.iter().sum::<u64>() != wanted {
        let sum: u64 = chosen.iter().sum();
        let is_free =
            |place: &usize| if sum < wanted { chosen[*place] < groups[*place].rows } else { chosen[*place] > 1 };
        // Rows that one of the sample stands for: the group with the most wants another, the one with the fewest has one
        // too many.
        let stands_for = |place: &usize| groups[*place].rows * 1000 / chosen[*place];
        let places = (0..groups.len()).filter(is_free);
        let place = if sum < wanted { places.max_by_key(stands_for) } else { places.min_by_key(stands_for) };
        let Some(place) = place else { break };
        chosen[place] = if sum < wanted { chosen[place] + 1 } else { chosen[place] - 1 };
    }
    let mut state = mix(seed ^ 0x5EED);
    for (group, count) in groups.iter_mut().zip(chosen) {
        let stretch = |i: u64| i * group.rows / count;
        group.wanted = (0..count)
            .map(|i| {
                state = mix(state);
                stretch(i) + state % (stretch(i + 1) - stretch(i)).max(1)
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rows: &[u64], sample: u64, seed: u64) -> Vec<Vec<u64>> {
        let mut groups: Vec<Group> = rows.iter().map(|&rows| Group { rows, ..Group::default() }).collect();
        choose(&mut groups, sample, seed);
        groups.into_iter().map(|group| group.wanted).collect()
    }

    #[test]
    fn every_group_is_represented_and_large_ones_more() {
        for (rows, sample, counts) in [
            (&[900, 90, 10][..], 10, &[8, 1, 1][..]),
            (&[1, 1, 1_000_000], 2, &[1, 1, 1]),
            (&[3, 5], 100, &[3, 5]),
            (&[500, 500], 11, &[5, 6]),
            (&[], 10, &[]),
        ] {
            let chosen = chosen(rows, sample, 7);
            assert_eq!(chosen.iter().map(Vec::len).collect::<Vec<_>>(), counts, "{rows:?}");
            for (wanted, rows) in chosen.iter().zip(rows) {
                assert!(wanted.is_sorted_by(|a, b| a < b) && wanted.iter().all(|place| place < rows));
            }
        }
    }

    #[test]
    fn the_sample_is_spread_and_the_seed_chooses_it() {
        let one = chosen(&[1_000_000], 100, 1).remove(0);
        assert!((0..).zip(&one).all(|(i, place)| place / 10_000 == i), "one of each stretch: {one:?}");
        assert_eq!(one, chosen(&[1_000_000], 100, 1)[0]);
        assert_ne!(one, chosen(&[1_000_000], 100, 2)[0]);
    }
}
