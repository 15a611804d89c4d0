//! Placeholders: `{column}` in a profile becomes a slot mark in the account's texts, and a value a handset later.

use std::borrow::Cow;

use crate::codec::{SLOT, Segments, slot_number};

/// The names that the slots of a profile stand for; a slot's number is its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slots {
    names: Vec<String>,
}

/// What is wrong with a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadPlaceholder {
    /// There is no closing brace.
    Open,
    /// The name is empty or has other characters than letters, digits, `_`, `-`, `.` and blanks.
    Name(String),
    /// The text itself has the character that marks slots.
    Mark,
    /// There are too many.
    TooMany,
}

/// More placeholders than a profile ever has; vendor tables have about forty.
const MOST_SLOTS: usize = 1000;

impl Slots {
    /// Returns the names in the order of their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of the slot for `name`, without regard to letter case.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n.eq_ignore_ascii_case(name))
    }

    /// Replaces each `{name}` by the mark of its slot and each `{{` by a brace.
    ///
    /// # Errors
    ///
    /// Says what is wrong with a placeholder.
    pub fn mark(&mut self, text: &str) -> Result<String, BadPlaceholder> {
        if text.contains(SLOT) {
            return Err(BadPlaceholder::Mark);
        }
        let mut marked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            marked.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                marked.push('{');
                rest = after;
                continue;
            }
            let (name, after) = rest.split_once('}').ok_or(BadPlaceholder::Open)?;
            marked.push_str(&Segments::slot(self.slot(name)?));
            rest = after;
        }
        marked.push_str(rest);
        Ok(marked)
    }

    fn slot(&mut self, name: &str) -> Result<u32, BadPlaceholder> {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        if name.is_empty() || name.trim() != name || !name.chars().all(fits) {
            return Err(BadPlaceholder::Name(name.to_owned()));
        }
        let number = match self.number(name) {
            Some(number) => number,
            None if self.names.len() == MOST_SLOTS => return Err(BadPlaceholder::TooMany),
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        Ok(u32::try_from(number).unwrap_or_default())
    }
}

/// Returns the numbers of the slots in a marked text.
pub(super) fn slots_in(text: &str) -> impl Iterator<Item = usize> {
    let behind_mark = |window: (char, char)| (window.0 == SLOT).then(|| number_of(window.1)).flatten();
    text.chars().zip(text.chars().skip(1)).filter_map(behind_mark)
}

/// Returns a marked text with each slot replaced by its value.
pub fn expand<'t, 'v>(text: &'t str, value: impl Fn(usize) -> &'v str) -> Cow<'t, str> {
    if !text.contains(SLOT) {
        return Cow::Borrowed(text);
    }
    let mut filled = String::with_capacity(text.len() + 16);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character == SLOT).then(|| characters.next().and_then(number_of)).flatten() {
            Some(number) => filled.push_str(value(number)),
            None => filled.push(character),
        }
    }
    Cow::Owned(filled)
}

/// Returns `text` such that [`Slots::mark`] gives it back: a brace doubled.
pub(super) fn escape(text: &str) -> String {
    text.replace('{', "{{")
}

fn number_of(which: char) -> Option<usize> {
    slot_number(which).map(|number| number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_fills_and_escapes() {
        let mut slots = Slots::default();
        let marked = slots.mark("wv:{user}@{{x}.{User}").unwrap();
        assert_eq!(slots.names(), ["user"]);
        assert_eq!(slots_in(&marked).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(expand(&marked, |_| "anna"), "wv:anna@{x}.anna");
        assert_eq!(Slots::default().mark(&escape("a{b")).unwrap(), "a{b");
    }

    #[test]
    fn refuses_what_is_no_placeholder() {
        for (text, fault) in [
            ("{user", BadPlaceholder::Open),
            ("{}", BadPlaceholder::Name(String::new())),
            ("{a+b}", BadPlaceholder::Name("a+b".into())),
            ("\u{FFFF}", BadPlaceholder::Mark),
        ] {
            assert_eq!(Slots::default().mark(text), Err(fault), "{text}");
        }
    }
}
