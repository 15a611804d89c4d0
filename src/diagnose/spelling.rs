//! Which word was meant where an unknown one stands, and TOML that is not what it should be.

use super::Source;
use crate::error::Error;

/// Returns the error of TOML that is not what it should be, at `LINE:COLUMN`; of an unknown key with the one that was
/// meant.
pub(crate) fn toml_error(error: &toml::de::Error, text: &str) -> Error {
    match error.span() {
        Some(span) => named(toml_fault(error), toml_key(text, span.start)).at(toml_place(text, span.start)),
        None => toml_fault(error),
    }
}

/// Returns the key whose value begins at an octet of a text, or in whose array it stands on the same line.
pub(crate) fn toml_key(text: &str, offset: usize) -> Option<&str> {
    let (key, between) = text.get(..offset)?.rsplit('\n').next()?.rsplit_once('=')?;
    let key = key.rsplit(['{', ',']).next()?.trim();
    let is_value = between.trim().is_empty() || between.trim_start().starts_with('[');
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (is_value && is_key).then_some(key)
}

/// Says of which key an error is.
pub(crate) fn named(error: Error, key: Option<&str>) -> Error {
    match key {
        Some(key) => Error { what: format!("`{key}`: {}", error.what), ..error },
        None => error,
    }
}

/// Returns the `LINE:COLUMN` of an octet of a text.
pub(crate) fn toml_place(text: &str, offset: usize) -> String {
    let position = Source::new("", text.as_bytes()).position(u32::try_from(offset).unwrap_or(u32::MAX));
    format!("{}:{}", position.line, position.column)
}

/// Returns what is wrong with TOML, without the place; of an unknown key with the one that was meant. What a message says
/// to write is its way out.
pub(crate) fn toml_fault(error: &toml::de::Error) -> Error {
    let message = error.message().trim();
    if let Some((what, way_out)) = message.split_once(": write ") {
        return Error::input(what).help(format!("write {way_out}"));
    }
    let told = Error::input(message.replace('\n', " "));
    let Some(rest) = message.strip_prefix("unknown field `") else { return told };
    let mut words = rest.split('`').step_by(2);
    let word = words.next().unwrap_or_default();
    let known: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let told = Error { what: format!("`{word}` is no key here"), ..told };
    match nearest(word, &known) {
        Some(name) => told.help(format!("did you mean `{name}`?")),
        None => told.help(format!("the keys here are {}", known.join(", "))),
    }
}

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
