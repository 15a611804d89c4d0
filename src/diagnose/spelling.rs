//! Which word was meant where an unknown one stands.

/// Returns the name that `word` is most likely a misspelling of: at most a third of it has to be changed.
pub fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    names
        .iter()
        .map(|name| (distance(word, name), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 3 <= name.len().max(word.len()))
        .map(|(_, name)| name)
}

/// Returns how many letters must be put in, left out or changed to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}
