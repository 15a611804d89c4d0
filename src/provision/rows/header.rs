//! The first line of a table: the names of its columns.

use std::borrow::Cow;

use super::rules::{NO_HEADER, UNKNOWN_COLUMN};
use super::values::Kind;
use super::{COLUMNS, Names, REJECT_COLUMNS, Row};
use crate::diagnose::{Diagnostic, Report, nearest};

/// Columns of a table at the most.
const MOST_COLUMNS: usize = 256;

/// The first line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The names as they stand in the file.
    names: Vec<String>,
    /// The same in lower case, for look-up.
    pub(super) keys: Vec<String>,
    /// What the columns hold; an operator's own names decide nothing.
    pub(super) kinds: Vec<Kind>,
    pub(super) delimiter: u8,
    whose: Names,
}

impl Header {
    pub(super) fn new(names: Vec<String>, delimiter: u8, whose: Names) -> Self {
        let keys: Vec<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let kind = |key: &String| match Kind::of(key) {
            kind if whose == Names::Ours || kind == Kind::Ignored => kind,
            _ => Kind::Text,
        };
        Self { kinds: keys.iter().map(kind).collect(), names, keys, delimiter, whose }
    }

    /// Returns the names as they stand in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns the place of the column called `name`, in any case of letters.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.eq_ignore_ascii_case(name))
    }

    /// Returns the name of a column for people.
    pub(super) fn name(&self, column: usize) -> Cow<'_, str> {
        match self.names.get(column) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("field {}", column + 1)),
        }
    }

    /// Adds what is wrong with the header, which `first` is.
    pub(super) fn check(&self, first: &Row, report: &mut Report) {
        let no_header = |message: String| Diagnostic::new(&NO_HEADER, first.span(usize::MAX), message);
        if let Some(why) = no_text(first) {
            report.add(no_header(format!("the first line is not a header: {why}")));
            return;
        }
        let known = |key: &str| COLUMNS.contains(&key) || REJECT_COLUMNS.contains(&key);
        if self.whose == Names::Ours && !self.keys.iter().any(|key| key == "msisdn") {
            report.add(no_header("the first line names no column `msisdn`".to_owned()));
            // Data in place of a header: a finding a cell would only hide the one that matters.
            if !self.keys.iter().any(|key| known(key)) {
                return;
            }
        }
        for (column, key) in self.keys.iter().enumerate() {
            let finding = |message: String| Diagnostic::new(&UNKNOWN_COLUMN, first.span(column), message);
            if self.keys[..column].contains(key) {
                let message = format!("the column `{key}` is given twice");
                report.add(finding(message).help("remove one of the two"));
            } else if self.whose == Names::Ours && !known(key) && !key.starts_with("x_") {
                let finding = finding(format!("there is no column `{key}`"));
                report.add(match nearest(key, COLUMNS) {
                    Some(name) => finding.help(format!("did you mean `{name}`? columns of your own begin with `x_`")),
                    None => finding,
                });
            }
        }
    }
}

/// Returns why a first line cannot be read as names.
fn no_text(first: &Row) -> Option<String> {
    let octets = first.octets();
    if octets.starts_with(b"\xFF\xFE") || octets.starts_with(b"\xFE\xFF") {
        return Some("the table is in UTF-16; save it as UTF-8".to_owned());
    }
    if first.cells().any(|cell| cell.contains('\r')) {
        return Some("the lines end with CR alone; save the table with LF or CR LF".to_owned());
    }
    match first.wrong_form() {
        Some((_, _, why)) => Some(why),
        None if first.cells().count() > MOST_COLUMNS => Some(format!("it has more than {MOST_COLUMNS} columns")),
        None => None,
    }
}
