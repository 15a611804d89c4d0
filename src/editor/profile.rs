//! Profiles, line by line: the table in which a line stands, its key and its value. A line that is not finished hides none
//! of the others.

use std::ops::Range;

use lsp_types::{DocumentSymbol, SymbolKind};

use super::document::Document;
use super::outline::symbol;
use crate::dm::MASK;
use crate::document::shorten;
use crate::provision::profile::{self, Keys};

/// A line that says something.
#[derive(Debug)]
pub(super) struct Line<'t> {
    /// Where it is, without its end.
    pub(super) range: Range<usize>,
    /// The path of the table in which it stands, for a header that of the table that it begins.
    pub(super) table: &'t str,
    pub(super) what: What<'t>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'t> {
    /// A header: the table begins here.
    Header,
    /// A key with its value; `None` where the value is still to come.
    Key(&'t str, Option<&'t str>),
}

/// Returns the lines of a text that say something, in order.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut table = "";
    let mut start = 0;
    let mut depth = 0_i32;
    text.split_inclusive('\n').filter_map(move |whole| {
        let from = start;
        start += whole.len();
        let line = whole.trim_end();
        let range = from..from + line.len();
        let said = line.trim_start();
        if said.is_empty() || said.starts_with('#') {
            return None;
        }
        if depth > 0 {
            // The value of a key above goes on.
            depth = (depth + brackets(said)).max(0);
            return None;
        }
        if let Some(header) = said.strip_prefix('[') {
            table = header.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            return Some(Line { range, table, what: What::Header });
        }
        let what = match said.split_once('=') {
            Some((key, value)) => {
                depth = brackets(value).max(0);
                What::Key(key.trim(), Some(value.trim()))
            }
            None => What::Key(said, None),
        };
        Some(Line { range, table, what })
    })
}

/// Returns how many more brackets open than close, outside texts and comments.
fn brackets(text: &str) -> i32 {
    let (mut depth, mut quote) = (0, None);
    for c in text.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('#', None) => break,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            _ => {}
        }
    }
    depth
}

/// Returns the line at an offset.
pub(super) fn line_at(text: &str, offset: usize) -> Option<Line<'_>> {
    lines(text).take_while(|line| line.range.start <= offset).find(|line| offset <= line.range.end)
}

/// Returns the path of the table in which an offset stands.
pub(super) fn table_at(text: &str, offset: usize) -> &str {
    lines(text).take_while(|line| line.range.start <= offset).last().map_or("", |line| line.table)
}

/// Returns the keys of a table, and of the tables in it that a dotted key names: `service.` of `service.versions`.
pub(super) fn keys_of(table: &str, key: &str) -> Option<&'static Keys> {
    match (table, key.rsplit_once('.')) {
        (_, None) => profile::keys(table),
        ("", Some((inner, _))) => profile::keys(inner),
        (table, Some((inner, _))) => profile::keys(&format!("{table}.{inner}")),
    }
}

/// Returns the keys that stand in the same table as an offset.
pub(super) fn keys_beside(text: &str, offset: usize) -> Vec<&str> {
    let mut keys = Vec::new();
    for line in lines(text) {
        match line.what {
            What::Header if line.range.start > offset => break,
            What::Header => keys.clear(),
            What::Key(key, Some(_)) => keys.push(key),
            What::Key(_, None) => {}
        }
    }
    keys
}

/// Returns what the template of profiles says of a key.
pub(super) fn meaning(table: &str, key: &str) -> Option<&'static str> {
    let template = include_str!("../../templates/acme.toml");
    let is_it = |line: &Line<'_>| line.table == table && matches!(line.what, What::Key(known, _) if known == key);
    let range = lines(template).find(is_it)?.range;
    template[range].split_once(" # ").map(|(_, comment)| comment.trim())
}

/// Returns the outline: tables with their keys.
pub(super) fn symbols(document: &Document) -> Vec<DocumentSymbol> {
    let text = document.text.as_str();
    let (mut top, mut tables): (Vec<_>, Vec<(Range<usize>, DocumentSymbol)>) = (Vec::new(), Vec::new());
    for line in lines(text) {
        let place = document.text.place(line.range.clone());
        let (name, detail, kind) = match line.what {
            What::Header => (line.table, None, SymbolKind::CLASS),
            What::Key(key, value) => (key, value.map(|value| shown(key, value)), SymbolKind::PROPERTY),
        };
        let name = if name.is_empty() { "?" } else { name };
        let entry = symbol(shorten(name), detail, kind, place, place, None);
        match (line.what, tables.last_mut()) {
            (What::Header, _) => tables.push((line.range, entry)),
            (What::Key(..), None) => top.push(entry),
            (What::Key(..), Some((range, table))) => {
                range.end = line.range.end;
                table.range = document.text.place(range.clone());
                table.children.get_or_insert_default().push(entry);
            }
        }
    }
    top.extend(tables.into_iter().map(|(_, table)| table));
    top
}

/// Returns a value as it may be shown: a secret only where it is a placeholder or kept elsewhere.
fn shown(key: &str, value: &str) -> String {
    let key = key.rsplit('.').next().unwrap_or_default();
    let value = value.split(" # ").next().unwrap_or_default().trim_end();
    if matches!(key, "password" | "pin" | "data") && !value.contains('{') { MASK.to_owned() } else { shorten(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_tables_and_keys() {
        let text = "id = \"a\"\n\n[service]\naddresses = [ # ]\n  \"x = y\",\n]\nvers\n[[access_point]]\n";
        let said: Vec<_> = lines(text).map(|line| (line.table, line.what)).collect();
        let expected = [
            ("", What::Key("id", Some("\"a\""))),
            ("service", What::Header),
            ("service", What::Key("addresses", Some("[ # ]"))),
            ("service", What::Key("vers", None)),
            ("access_point", What::Header),
        ];
        assert_eq!(said, expected);
        assert_eq!((table_at(text, 0), table_at(text, text.len())), ("", "access_point"));
        assert_eq!(shown("account.password", "\"hunter2\""), MASK);
        assert_eq!(shown("password", "\"{password}\""), "\"{password}\"");
    }
}
