//! One row of a table: its values, their places, what is wrong with them, and how it is said in a reject file.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::header::Header;
use super::record::{Cell, Fault, MOST_ROW, Record, cells_of};
use super::rules::{BAD_VALUE, FIELD_COUNT, MISSING_VALUE, NOT_UTF_8, QUOTING};
use super::values::{Kind, check_value, instant};
use crate::diagnose::{Diagnostic, Report, Rule, Span};

/// One row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    header: Arc<Header>,
    /// The line where the row begins, from 1.
    pub line: u64,
    /// Where the row begins in the file.
    at: u64,
    /// The row as it stands; what is not UTF-8 is replaced.
    text: String,
    cells: Vec<Cell>,
    /// The values of cells with doubled quotes in them.
    unquoted: Vec<(usize, String)>,
    fault: Option<Fault>,
    /// The octets, where they are not UTF-8.
    broken: Option<Box<[u8]>>,
}

impl Row {
    pub(super) fn new(header: Arc<Header>, record: Record) -> Self {
        let Record { octets, mut cells, fault, line, at } = record;
        let (text, broken) = match String::from_utf8(octets) {
            Ok(text) => (text, None),
            Err(error) => {
                let octets = error.into_bytes().into_boxed_slice();
                let text = String::from_utf8_lossy(&octets).into_owned();
                if fault.is_none() {
                    cells = cells_of(text.as_bytes(), header.delimiter);
                }
                (text, Some(octets))
            }
        };
        let doubled = cells.iter().enumerate().filter(|(_, cell)| cell.has_quotes);
        let unquoted = doubled.map(|(column, cell)| (column, text[range(cell)].replace("\"\"", "\""))).collect();
        Self { header, line, at, text, cells, unquoted, fault, broken }
    }

    /// Returns the value of the column called `name`; an empty cell and a missing column give none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cell(self.header.column(name)?)
    }

    /// Returns the value of the cell at `column`; an empty one gives none.
    pub fn cell(&self, column: usize) -> Option<&str> {
        self.cells.get(column).map(|cell| self.value(column, cell)).filter(|value| !value.is_empty())
    }

    /// Returns all cells as they are.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().enumerate().map(|(column, cell)| self.value(column, cell))
    }

    fn value(&self, column: usize, cell: &Cell) -> &str {
        if cell.has_quotes
            && let Some((_, value)) = self.unquoted.iter().find(|(place, _)| *place == column)
        {
            return value;
        }
        &self.text[range(cell)]
    }

    /// Returns the header of the table.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Returns the row as it stands in the file, without its line end; of a line that is too long, the beginning.
    pub(super) fn octets(&self) -> &[u8] {
        self.broken.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Returns the place of a cell in the file, quotes left out; the whole row where there is no such cell.
    pub fn span(&self, column: usize) -> Span {
        let cell = if self.broken.is_some() && self.fault.is_none() {
            cells_of(self.octets(), self.header.delimiter).get(column).copied()
        } else {
            self.cells.get(column).copied()
        };
        let range = cell.map_or(0..self.octets().len(), |cell| range(&cell));
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        Span::new(at.saturating_add(range.start), at.saturating_add(range.end))
    }

    /// Returns a finding at a column's cell, or at the row where the column is missing.
    pub fn finding(&self, rule: &'static Rule, column: &str, message: impl Into<String>) -> Diagnostic {
        let place = self.header.column(column).unwrap_or(usize::MAX);
        Diagnostic::new(rule, self.span(place), message).at(format!("line {}, {column}", self.line))
    }

    /// Returns what keeps the row from being read as cells of text: the rule, the column, and the message.
    pub(super) fn wrong_form(&self) -> Option<(&'static Rule, usize, String)> {
        let name = |column| self.header.name(column);
        Some(match self.fault {
            Some(Fault::Open(column)) => {
                (&QUOTING, column, format!("the quote that opens `{}` is not closed", name(column)))
            }
            Some(Fault::Behind(column)) => {
                (&QUOTING, column, format!("something follows the quote that closes `{}`", name(column)))
            }
            Some(Fault::Inside(column)) => {
                (&QUOTING, column, format!("a quote stands in `{}`, which does not begin with one", name(column)))
            }
            Some(Fault::TooLong) => (&BAD_VALUE, usize::MAX, format!("the row is longer than {} KiB", MOST_ROW >> 10)),
            None => {
                let octets = self.broken.as_deref()?;
                let cells = cells_of(octets, self.header.delimiter);
                let column = cells.iter().position(|cell| std::str::from_utf8(&octets[range(cell)]).is_err());
                let column = column.unwrap_or_default();
                (&NOT_UTF_8, column, format!("`{}` is not UTF-8", name(column)))
            }
        })
    }

    /// Adds what is wrong with the row: its form, its values, and the columns of `needed` that it leaves empty, each
    /// with the reason why it is needed.
    pub fn check(&self, needed: &[(&str, &str)], report: &mut Report) {
        if let Some((rule, column, message)) = self.wrong_form() {
            let place = match self.header.keys.get(column) {
                Some(name) => format!("line {}, {name}", self.line),
                None => format!("line {}", self.line),
            };
            report.add(Diagnostic::new(rule, self.span(column), message).at(place));
            return;
        }
        let (has, wants) = (self.cells.len(), self.header.keys.len());
        if has != wants {
            let word = if has == 1 { "field" } else { "fields" };
            let message = format!("the row has {has} {word}, the header {wants}");
            report.add(Diagnostic::new(&FIELD_COUNT, self.span(usize::MAX), message).at(format!("line {}", self.line)));
            return;
        }
        for (column, (name, cell)) in self.header.keys.iter().zip(&self.cells).enumerate() {
            if cell.start < cell.end
                && let Err((rule, message)) = check_value(self.header.kinds[column], name, self.value(column, cell))
            {
                report.add(Diagnostic::new(rule, self.span(column), message).at(format!("line {}, {name}", self.line)));
            }
        }
        self.check_times(report);
        for (name, reason) in needed {
            if self.get(name).is_none() {
                report.add(self.finding(&MISSING_VALUE, name, format!("`{name}` is empty, but {reason}")));
            }
        }
    }

    /// Adds a finding where a row is over before it begins.
    fn check_times(&self, report: &mut Report) {
        let time = |kind| {
            let column = self.header.kinds.iter().position(|&known| known == kind)?;
            instant(self.cell(column)?)
        };
        if let Some(end) = time(Kind::End)
            && time(Kind::Begin).is_some_and(|begin| end <= begin)
        {
            report.add(self.finding(&BAD_VALUE, "expires", "`expires` is not later than `not_before`"));
        }
    }

    /// Returns the row for a reject file: [`Header::rejected`].
    pub fn reject_line(&self, code: &str, message: &str) -> Vec<u8> {
        self.header.rejected(self.octets(), self.fault.is_none(), (self.line, code, message))
    }

    /// Returns the row's octets, all that is needed to reject a row without a fault later on.
    pub fn into_octets(self) -> Box<[u8]> {
        self.broken.unwrap_or_else(|| self.text.into_bytes().into_boxed_slice())
    }
}

impl Header {
    /// Returns the first line of a reject file for this table: its columns and those that say why.
    pub fn reject_line(&self) -> Vec<u8> {
        let mut line = Line::new(self.delimiter);
        let kept = self.names().enumerate().filter(|(column, _)| !self.is_of_rejects(*column));
        kept.map(|(_, name)| name).chain(super::REJECT_COLUMNS.iter().copied()).for_each(|n| line.quoted(n.as_bytes()));
        line.end()
    }

    /// Returns a row for a reject file: its cells as they stand, then the line, the rule's code and what is wrong.
    ///
    /// A row that does not have the cells of the header, or has a fault, stands whole in the first one, in quotes: what
    /// it is when nothing is mended is wrong again. Cells are not changed to please spreadsheets: what begins with `=`
    /// still does.
    pub fn rejected(&self, octets: &[u8], is_sound: bool, (number, code, message): (u64, &str, &str)) -> Vec<u8> {
        let cells = if is_sound { cells_of(octets, self.delimiter) } else { Vec::new() };
        let is_kept = |column: &usize| !self.is_of_rejects(*column);
        let kept = (0..self.keys.len()).filter(is_kept);
        let mut line = Line::new(self.delimiter);
        if cells.len() == self.keys.len() {
            kept.for_each(|column| {
                let Range { start, end } = range(&cells[column]);
                match &octets[start..end] {
                    _ if cells[column].is_quoted => line.raw(&octets[start - 1..end + 1]),
                    // Other readers take it for a line end.
                    value if value.contains(&b'\r') => line.quoted(value),
                    value => line.raw(value),
                }
            });
        } else {
            line.quoted(octets);
            kept.skip(1).for_each(|_| line.raw(b""));
        }
        line.quoted(number.to_string().as_bytes());
        line.quoted(code.as_bytes());
        line.quoted(message.as_bytes());
        line.end()
    }

    fn is_of_rejects(&self, column: usize) -> bool {
        super::REJECT_COLUMNS.contains(&self.keys[column].as_str())
    }
}

/// Returns a cell as it is written between commas: in quotes where it holds what ends one (RFC 4180).
pub fn quoted(cell: &str) -> Cow<'_, str> {
    match cell.contains([',', '"', '\r', '\n']) {
        true => Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\""))),
        false => Cow::Borrowed(cell),
    }
}

/// A line of cells as it is written.
struct Line {
    octets: Vec<u8>,
    delimiter: u8,
}

impl Line {
    fn new(delimiter: u8) -> Self {
        Self { octets: Vec::new(), delimiter }
    }

    /// Appends a cell as it is.
    fn raw(&mut self, cell: &[u8]) {
        self.octets.extend_from_slice(cell);
        self.octets.push(self.delimiter);
    }

    /// Appends a cell, in quotes where RFC 4180 wants them, whatever the delimiter.
    fn quoted(&mut self, value: &[u8]) {
        let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b" _-.+:`".contains(octet);
        if value.iter().all(is_plain) && !value.contains(&self.delimiter) {
            return self.raw(value);
        }
        self.octets.push(b'"');
        for &octet in value {
            self.octets.extend_from_slice(if octet == b'"' { b"\"\"" } else { std::slice::from_ref(&octet) });
        }
        self.octets.push(b'"');
        self.octets.push(self.delimiter);
    }

    fn end(mut self) -> Vec<u8> {
        self.octets.pop();
        self.octets.push(b'\n');
        self.octets
    }
}

fn range(cell: &Cell) -> Range<usize> {
    cell.start as usize..cell.end as usize
}
