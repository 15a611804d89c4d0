//! What changes between two texts, line by line, in the unified form that `patch` and `git apply` read.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

/// Returns the change from `before` to `after` as a patch of the file `name`; empty where they are equal.
///
/// Lines that stand once in both texts hold the two together; what stands between two of those is taken out and put
/// in as a whole. That is found in little more time than reading takes, whatever the texts are.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new) = (lines(before), lines(after));
    let changes = changes(&old, &new);
    if changes.is_empty() {
        return String::new();
    }
    let mut patch = format!("--- {name}\n+++ {name}\n");
    let mut rest = &changes[..];
    while !rest.is_empty() {
        // Changes whose context would meet are shown together.
        let gaps = rest.windows(2).take_while(|pair| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT);
        let (hunk, others) = rest.split_at(gaps.count() + 1);
        write_hunk(&mut patch, hunk, &old, &new);
        rest = others;
    }
    patch
}

/// Lines of the old text in whose place are lines of the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

/// Returns the lines of a text, each with its end.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn write_hunk(patch: &mut String, hunk: &[Change], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let before = first.old.start.min(CONTEXT);
    let after = (old.len() - last.old.end).min(CONTEXT);
    let place = |start: usize, end: usize| {
        let (start, count) = (start - before, end + after - (start - before));
        // A hunk without lines stands behind the line that it names.
        match count {
            0 => format!("{start},0"),
            1 => format!("{}", start + 1),
            _ => format!("{},{count}", start + 1),
        }
    };
    let from = place(first.old.start, last.old.end);
    let to = place(first.new.start, last.new.end);
    let _ = writeln!(patch, "@@ -{from} +{to} @@");
    let mut at = first.old.start - before;
    for change in hunk {
        write_lines(patch, ' ', &old[at..change.old.start]);
        write_lines(patch, '-', &old[change.old.clone()]);
        write_lines(patch, '+', &new[change.new.clone()]);
        at = change.old.end;
    }
    write_lines(patch, ' ', &old[at..at + after]);
}

fn write_lines(patch: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
        let _ = write!(patch, "{mark}{line}{end}");
    }
}

/// Returns what changes, in order.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (anchor_old, anchor_new) in anchors(old, new).into_iter().chain([(old.len(), new.len())]) {
        let (gap_old, gap_new) = (&old[i..anchor_old], &new[j..anchor_new]);
        let head = gap_old.iter().zip(gap_new).take_while(|(a, b)| a == b).count();
        let (gap_old, gap_new) = (&gap_old[head..], &gap_new[head..]);
        let tail = gap_old.iter().rev().zip(gap_new.iter().rev()).take_while(|(a, b)| a == b).count();
        let change = Change { old: i + head..anchor_old - tail, new: j + head..anchor_new - tail };
        if !change.old.is_empty() || !change.new.is_empty() {
            changes.push(change);
        }
        (i, j) = (anchor_old, anchor_new);
    }
    changes
}

/// Returns the pairs of equal lines that stand once in both texts and keep their order: the longest such row.
fn anchors(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let (in_old, in_new) = (places(old), places(new));
    let mut pairs: Vec<(usize, usize)> =
        in_old.iter().filter_map(|(line, &place)| Some((place?, (*in_new.get(line)?)?))).collect();
    pairs.sort_unstable();
    longest_row(&pairs)
}

/// Returns where each line stands, `None` for those that stand more than once.
fn places<'t>(lines: &[&'t str]) -> HashMap<&'t str, Option<usize>> {
    let mut places = HashMap::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        places.entry(*line).and_modify(|place| *place = None).or_insert(Some(i));
    }
    places
}

/// Returns the longest row of pairs in which the second number grows too; the first grows already.
fn longest_row(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that ends the best row of each length, and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![None; pairs.len()];
    for (i, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        previous[i] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut row: Vec<_> = std::iter::successors(ends.last().copied(), |&i| previous[i]).map(|i| pairs[i]).collect();
    row.reverse();
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_changes_with_three_lines_around() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n";
        let after = before.replace("5\n6\n", "5\nnew\n6\n").replace("\n17\n", "\n17!\n");
        // As `diff -u` of GNU diffutils prints it, but for the file times.
        let expected = "\
--- a
+++ a
@@ -3,6 +3,7 @@
 3
 4
 5
+new
 6
 7
 8
@@ -14,5 +15,5 @@
 14
 15
 16
-17
+17!
 18
";
        assert_eq!(unified("a", before, &after), expected);
        assert_eq!(unified("a", before, before), "");
    }

    #[test]
    fn knows_ends_without_a_line_end_and_empty_texts() {
        assert_eq!(unified("a", "x", "x\n"), "--- a\n+++ a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
        assert_eq!(unified("a", "", "x\n"), "--- a\n+++ a\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(unified("a", "x\n", ""), "--- a\n+++ a\n@@ -1 +0,0 @@\n-x\n");
    }

    /// Returns what `patch` makes of a text.
    fn patched(before: &str, patch: &str) -> String {
        let old_lines = lines(before);
        let (mut after, mut at) = (String::new(), 0);
        for line in patch.lines().skip(2) {
            if let Some(place) = line.strip_prefix("@@ -") {
                let old = place.split_once(' ').unwrap().0;
                let (start, count) = old.split_once(',').unwrap_or((old, "1"));
                let (start, count): (usize, usize) = (start.parse().unwrap(), count.parse().unwrap());
                let start = if count == 0 { start } else { start - 1 };
                after.push_str(&old_lines[at..start].concat());
                at = start;
            } else {
                let (mark, text) = line.split_at(1);
                if mark != "+" {
                    assert_eq!(old_lines[at].trim_end_matches('\n'), text);
                    at += 1;
                }
                if mark != "-" {
                    after.push_str(text);
                    after.push('\n');
                }
            }
        }
        after.push_str(&old_lines[at..].concat());
        after
    }

    proptest::proptest! {
        /// The patch makes the one of the other, whatever they are.
        #[test]
        fn patches_apply(before in "([a-e]\n){0,30}", after in "([a-e]\n){0,30}") {
            let patch = unified("a", &before, &after);
            proptest::prop_assert_eq!(patched(&before, &patch), after);
        }
    }
}
