//! A TOML document as an ordered tree with spans, and reading it field by field so that no key goes unseen.

use std::cell::RefCell;

use toml::de::{DeTable, DeValue};

use crate::diagnose::{Diagnostic, Report, Rule, Span, nearest};
use crate::provision::rules;

/// A value with the place it came from.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) span: Span,
    pub(super) node: Node,
}

/// A table in the order of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(Vec<(String, Span, Value)>);

#[derive(Debug, Clone)]
pub(super) enum Node {
    Table(Table),
    Array(Vec<Value>),
    Text(String),
    Number(String),
    Boolean(bool),
    Other,
}

/// Nesting of tables and arrays; the deepest known profile has five.
const DEPTH: usize = 16;

/// Largest text; real profiles have some kilobytes.
const MOST_OCTETS: usize = 1 << 20;

/// Reads TOML. Faults go to `report`.
pub(super) fn read(source: &str, report: &mut Report) -> Option<Table> {
    if source.len() > MOST_OCTETS {
        report.add(Diagnostic::new(&rules::NOT_TOML, Span::default(), "the text is larger than 1 MiB"));
        return None;
    }
    match DeTable::parse(source) {
        Ok(table) => Some(own_table(table.get_ref(), 0)),
        Err(error) => {
            let span = error.span().map(|s| Span::new(s.start, s.end)).unwrap_or_default();
            let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
            report.add(Diagnostic::new(&rules::NOT_TOML, span, message));
            None
        }
    }
}

/// Reads TOML that stands in another document: nothing in it has a place in this one.
pub(super) fn read_elsewhere(source: &str, report: &mut Report) -> Option<Table> {
    fn forget(table: &mut Table) {
        for (_, span, value) in &mut table.0 {
            (*span, value.span) = (Span::default(), Span::default());
            if let Node::Table(below) = &mut value.node {
                forget(below);
            }
        }
    }
    let mut table = read(source, report)?;
    forget(&mut table);
    Some(table)
}

fn own_table(table: &DeTable<'_>, depth: usize) -> Table {
    let own = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &toml::Spanned<std::borrow::Cow<'_, str>> = key;
        let span = key.span();
        (key.get_ref().to_string(), Span::new(span.start, span.end), own_value(value, depth + 1))
    };
    let mut entries: Vec<_> = table.iter().map(own).collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    Table(entries)
}

fn own_value(value: &toml::Spanned<DeValue<'_>>, depth: usize) -> Value {
    let span = Span::new(value.span().start, value.span().end);
    let node = match value.get_ref() {
        _ if depth > DEPTH => Node::Other,
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(number) => Node::Number(number.to_string()),
        DeValue::Boolean(boolean) => Node::Boolean(*boolean),
        DeValue::Array(items) => Node::Array(items.iter().map(|item| own_value(item, depth + 1)).collect()),
        DeValue::Table(table) => Node::Table(own_table(table, depth)),
        _ => Node::Other,
    };
    Value { span, node }
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _, _)| k == key).map(|(_, _, value)| value)
    }

    /// Returns keys and values in the order of the source.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, Span, &Value)> {
        self.0.iter().map(|(key, span, value)| (key.as_str(), *span, value))
    }

    pub(super) fn push(&mut self, key: &str, span: Span, value: &Value) {
        self.0.push((key.to_owned(), span, value.clone()));
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(k, _, _)| k == key)?;
        Some(self.0.remove(at).2)
    }

    /// Lays `over` on this table: tables are joined key by key, everything else is replaced. A table laid on an array of
    /// tables changes each of them, so that `access_point.apn` reaches the access point however it was written.
    pub(super) fn overlay(&mut self, over: &Self) {
        for (key, span, value) in &over.0 {
            match self.0.iter_mut().find(|(k, _, _)| k == key) {
                Some((_, _, old)) => old.overlay(value),
                None => self.0.push((key.clone(), *span, value.clone())),
            }
        }
    }
}

impl Value {
    fn overlay(&mut self, over: &Self) {
        match (&mut self.node, &over.node) {
            (Node::Table(old), Node::Table(new)) => old.overlay(new),
            (Node::Array(items), Node::Table(_)) if items.iter().all(Self::is_table) && !items.is_empty() => {
                items.iter_mut().for_each(|item| item.overlay(over));
            }
            _ => *self = over.clone(),
        }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.node, Node::Table(_))
    }

    /// Returns the tables of an array, or the one table.
    pub(super) fn tables(&self) -> Option<Vec<(&Table, Span)>> {
        let items = self.items().iter();
        items.map(|item| if let Node::Table(table) = &item.node { Some((table, item.span)) } else { None }).collect()
    }

    /// Returns the items of an array, or the one value.
    pub(super) fn items(&self) -> &[Self] {
        match &self.node {
            Node::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// Returns text as it stands, and numbers as decimal text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) | Node::Number(text) => Some(text),
            _ => None,
        }
    }
}

/// A table that is read field by field; [`Fields::finish`] reports the keys that nobody asked for.
pub(super) struct Fields<'t> {
    table: &'t Table,
    pub(super) span: Span,
    pub(super) path: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'t> Fields<'t> {
    pub(super) fn new(table: &'t Table, span: Span, path: impl Into<String>) -> Self {
        Self { table, span, path: path.into(), known: RefCell::default() }
    }

    /// Returns the value of a key and remembers that the key is known.
    pub(super) fn take(&self, key: &'static str) -> Option<&'t Value> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Returns the keys that were asked for.
    pub(super) fn known(&self) -> Vec<&'static str> {
        self.known.borrow().clone()
    }

    /// Returns the name of a key for people.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns the place of a key of a table below, or of the table, or of this one, whichever is there.
    pub(super) fn span_of(&self, table: &str, key: &str) -> Span {
        let inner = if table.is_empty() { None } else { self.table.get(table) };
        let found = match inner {
            Some(value) => {
                let tables = value.tables().unwrap_or_default();
                tables.iter().find_map(|(t, _)| t.get(key)).or(Some(value))
            }
            None => self.table.get(key),
        };
        found.map_or(self.span, |value| value.span)
    }

    /// Reports unknown keys, with the nearest known one.
    pub(super) fn finish(&self, report: &mut Report) {
        let known = self.known.borrow();
        for (key, span, _) in self.table.entries().filter(|(key, _, _)| !known.contains(key)) {
            let mut finding =
                Diagnostic::new(&rules::UNKNOWN_KEY, span, format!("`{key}` is no key here")).at(self.name(key));
            if let Some(near) = nearest(key, &known) {
                finding = finding.help(format!("did you mean `{near}`?"));
            }
            report.add(finding);
        }
    }

    /// Reports a fault of one key's value.
    pub(super) fn fault(&self, report: &mut Report, rule: &'static Rule, key: &str, message: impl Into<String>) {
        let span = self.table.get(key).map_or(self.span, |value| value.span);
        report.add(Diagnostic::new(rule, span, message).at(self.name(key)));
    }
}
