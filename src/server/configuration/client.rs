//! `[[server.client]]`: which clients need other forms than those that the standard writes.

use serde::Deserialize;

use crate::csp::{Changes, Version};
use crate::error::{Error, Result};

/// Clients, and the forms that they need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientForms {
    client: Option<String>,
    user_agent: Option<String>,
    version: Option<Version>,
    changes: Changes,
}

/// Clients that are known to need other forms, by patterns of their identity and of what they call themselves.
///
/// The first is a messenger of one operator and the open clients that were written after it, in seven languages, which all
/// bear its name (tried against one of them, and with the ways in which the others read). The next two are one client of a
/// widespread system for handsets, which reads all versions by the tables of 1.3, by what it calls itself and by its name
/// where nobody gave it another (seen in its sources, and when it was run). The last is the engine of a family of handsets,
/// whose two generations take a StatusText that is not told for none, and the values of the first user of a notification for
/// those of all (seen in its sources).
const KNOWN: [(&str, &str, &[&str]); 4] = [
    (
        "wv:instantmessenger-*@colibria.pc-client",
        "*",
        &[
            "transaction-ids-reused",
            "taken-when-offered",
            "lists-made-by-managing",
            "alias-of-everybody",
            "alias-first",
            "presence-whole",
            "presence-one-by-one",
            "availability-while-online",
        ],
    ),
    ("*", "Android-Imps/*", &ONE_TABLE),
    ("JiMMY", "*", &ONE_TABLE),
    ("wv:*@nok.s60", "*", &["presence-whole", "presence-one-by-one", "reason-on-top"]),
];
const ONE_TABLE: [&str; 11] = [
    "contact-lists-direct",
    "user-map-flat",
    "attribute-functions-whole",
    "presence-whole",
    "cir-lost-f",
    "dates-as-text",
    "value-tokens-of-1.3",
    "reason-on-top",
    "groups-as-logged-in",
    "capabilities-first",
    "asked-in-1.3",
];

impl ClientForms {
    /// Returns the forms that a client needs: those of all rows that mean it; where none does, what is known of it.
    pub(crate) fn needed(rows: &[Self], client: &str, user_agent: &str, version: Version) -> Changes {
        let own = rows.iter().filter_map(|row| row.changes(client, user_agent, version)).reduce(Changes::with);
        let known = || KNOWN.iter().find(|(name, agent, _)| is_like(client, name) && is_like(user_agent, agent));
        own.unwrap_or_else(|| {
            let words = known().map_or(&[][..], |(_, _, words)| words);
            Changes::read(words.iter().copied()).unwrap_or_default()
        })
    }

    /// Returns the forms that a client needs if it is one of these: its identity, what it calls itself, its version.
    pub fn changes(&self, client: &str, user_agent: &str, version: Version) -> Option<Changes> {
        let fits = |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| is_like(text, pattern));
        let is_meant = fits(&self.client, client)
            && fits(&self.user_agent, user_agent)
            && self.version.is_none_or(|own| own == version);
        is_meant.then_some(self.changes)
    }
}

/// Returns whether a text is like a pattern, in which `*` stands for anything, in any case of letters.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(place) = rest.find(piece) else { return false };
        rest = &rest[place + piece.len()..];
    }
    rest.ends_with(last)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientRow {
    when: Option<WhenTable>,
    forms: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhenTable {
    client: Option<String>,
    user_agent: Option<String>,
    version: Option<String>,
}

impl ClientRow {
    pub(super) fn read(self) -> Result<ClientForms> {
        const AT: &str = "server.client";
        let WhenTable { client, user_agent, version } = self.when.unwrap_or_default();
        let read_version = |text: String| {
            let wrong = || Error::input(format!("`{text}` is no version: 1.1, 1.2, 1.3")).at(AT);
            Version::from_text(&text).ok_or_else(wrong)
        };
        let version = version.map(read_version).transpose()?;
        let changes = Changes::read(self.forms.iter().map(String::as_str)).map_err(|word| {
            let words: Vec<&str> = Changes::words().collect();
            Error::input(format!("`{word}` is no form")).at(AT).help(format!("the forms are {}", words.join(", ")))
        })?;
        Ok(ClientForms { client, user_agent, version, changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern) in [("Acme 7", "acme*"), ("", "*"), ("a-b-c", "a*b*c"), ("phone", "PHONE"), ("aa", "a*a")] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("Acme", "acme 7"), ("a", "a*a"), ("abc", "b*"), ("abc", "*b"), ("x", "")] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn the_words_of_known_clients_are_words() {
        for (name, agent, words) in KNOWN {
            let as_seen = |pattern: &str| pattern.replace('*', "1.0");
            let needed = ClientForms::needed(&[], &as_seen(name), &as_seen(agent), Version::V1_2);
            assert_eq!(Ok(needed), Changes::read(words.iter().copied()));
            assert_ne!(needed, Changes::default());
        }
        assert_eq!(ClientForms::needed(&[], "wv:phone", "", Version::V1_2), Changes::default());
    }
}
