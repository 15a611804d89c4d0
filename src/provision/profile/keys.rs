//! Which keys a profile takes, table by table, for those who help to write one.
//!
//! Nobody writes them down: the reader is given tables until it asks for no key that it was not known to ask for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::reader::Reader;
use crate::diagnose::Report;
use crate::provision::table;

/// The keys of a table, each with the words that it takes; none where it takes other values too.
pub type Keys = BTreeMap<&'static str, &'static [&'static str]>;

/// Keys that are read before the rest is.
const LAID_OVER: [&str; 2] = ["columns", "variant"];

/// The keys of a table of its own that a variant has.
const WHEN: [&str; 2] = ["device", "version"];

/// Returns the keys of the table with that path, such as `service` or `access_point.auth`; empty for the top. `None`
/// for a path that is no table, and for one whose keys are free.
pub fn keys(path: &str) -> Option<&'static Keys> {
    KEYS.get(path)
}

/// Returns the paths of all tables whose keys are known, and of those whose keys are free.
pub fn tables() -> impl Iterator<Item = &'static str> {
    KEYS.keys().map(String::as_str).filter(|path| !path.is_empty())
}

static KEYS: LazyLock<BTreeMap<String, Keys>> = LazyLock::new(|| {
    let mut known = met("");
    let mut tried: Vec<String> = Vec::new();
    let mut text = String::new();
    while let Some(next) = candidate(&known, &tried) {
        let header = format!("[{next}]\n");
        let with_next = met(&format!("{text}{header}"));
        if with_next.contains_key(&next) {
            text.push_str(&header);
        }
        for (path, keys) in with_next {
            known.entry(path).or_default().extend(keys);
        }
        tried.push(next);
    }
    let top = known.entry(String::new()).or_default();
    top.extend(LAID_OVER.map(|key| (key, &[][..])));
    let mut variant = top.clone();
    variant.retain(|key, _| !LAID_OVER.contains(key));
    variant.insert("when", &[]);
    let below: Vec<_> =
        known.iter().filter(|(path, _)| !path.is_empty()).map(|(p, k)| (p.clone(), k.clone())).collect();
    known.extend(below.into_iter().map(|(path, keys)| (format!("variant.{path}"), keys)));
    known.insert("variant".to_owned(), variant);
    known.insert("variant.when".to_owned(), WHEN.map(|key| (key, &[][..])).into());
    known
});

/// Returns the next key that may be a table.
fn candidate(known: &BTreeMap<String, Keys>, tried: &[String]) -> Option<String> {
    let join = |path: &str, key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let all = known.iter().flat_map(|(path, keys)| keys.keys().map(move |key| join(path, key)));
    all.into_iter().find(|path| !tried.contains(path))
}

/// Returns what the reader of a profile asks for.
fn met(text: &str) -> BTreeMap<String, Keys> {
    let mut report = Report::new();
    let Some(table) = table::read(text, &mut report) else { return BTreeMap::new() };
    let secret = &mut |_: &_| Ok(String::new());
    let mut reader = Reader::new(true, secret, &mut report);
    reader.profile(&table);
    reader.known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_keys_of_all_tables() {
        let has = |path: &str, key: &str| keys(path).is_some_and(|keys| keys.contains_key(key));
        for (path, key) in [
            ("", "schema"),
            ("", "variant"),
            ("service", "addresses"),
            ("service.addresses", "address"),
            ("service.port", "number"),
            ("access_point.auth", "user"),
            ("access_point.auth.password", "env"),
            ("proxy", "port"),
            ("proxy.physical", "access_points"),
            ("variant.when", "device"),
            ("variant.service", "versions"),
        ] {
            assert!(has(path, key), "{path}: {key} of {:?}", keys(path));
        }
        assert!(keys("service").unwrap()["versions"].contains(&"1.3"));
        assert!(keys("service.parms").is_none() && keys("tree.root").is_none());
    }

    /// Every key of the profile that people start from is known, those in comments too.
    #[test]
    fn knows_the_keys_of_the_template() {
        let mut path = String::new();
        let mut count = 0;
        for line in include_str!("../../../templates/acme.toml").lines() {
            let line = line.trim_start_matches("# ");
            if let Some(header) = line.strip_prefix('[') {
                path = header.trim_matches(['[', ']']).to_owned();
            } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains([' ', '.'])) {
                assert!(keys(&path).is_some_and(|keys| keys.contains_key(key)), "{path}: {key}");
                count += 1;
            }
        }
        assert!(count > 25, "{count}");
    }
}
