//! Subscriber tables: CSV rows with the place of every cell, read as a stream.
//!
//! [`Table`] yields one [`Row`] at a time and holds no more than a row and a buffer, however long the file is.
//! [`Row::check`] says what is wrong with a row; a finding points at the cell, also inside quotes.

mod octets;
mod rules;
mod values;

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder, StringRecord};

use self::octets::{Tail, count_lines, end_of_cell, join, quoted};
use self::rules::{NO_HEADER, UNKNOWN_COLUMN};
use self::values::check_value;
use crate::diagnose::{Diagnostic, Report, Rule, Source, Span, nearest};
use crate::dm;
use crate::error::{Error, Result};

pub(crate) use self::rules::{BAD_IMSI, BAD_NUMBER, DUPLICATE};
pub use self::rules::{BAD_VALUE, FIELD_COUNT, MISSING_VALUE, NOT_UTF_8, RULES};
pub(crate) use self::values::{instant, number};

/// Octets of one row at the most: a quote that is never closed would otherwise swallow the file.
const MOST_ROW: u64 = 1 << 20;
/// Columns of a table at the most.
const MOST_COLUMNS: usize = 256;
/// Octets of one cell at the most; no setting of a handset is longer.
const MOST_CELL: usize = 4096;

/// Columns with a meaning of their own.
pub const COLUMNS: &[&str] = &[
    "msisdn",
    "user",
    "password",
    "imsi",
    "pin",
    "imei",
    "tac",
    "model",
    "profile",
    "route",
    "tz",
    "not_before",
    "expires",
    "ref",
];

/// Columns that a reject file adds; they are skipped when the mended file is read again.
pub const REJECT_COLUMNS: &[&str] = &["line", "error_code", "error"];

/// Whose column names a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Ours: a name that is neither in [`COLUMNS`] nor begins with `x_` is a finding.
    #[default]
    Ours,
    /// An operator's own, mapped by `[columns]`: every name is free.
    Theirs,
}

/// The first line of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The names as they stand in the file.
    names: StringRecord,
    /// The same in lower case, for look-up.
    keys: Vec<String>,
    delimiter: u8,
    whose: Names,
}

impl Header {
    /// Returns the names as they stand in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter()
    }

    /// Returns the place of the column called `name`, in any case of letters.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.eq_ignore_ascii_case(name))
    }

    /// Returns the first line of a reject file for this table: its columns and those that say why.
    pub(crate) fn reject_line(&self) -> Vec<u8> {
        let names = self.names.iter().zip(&self.keys).filter(|(_, key)| !is_of_rejects(key)).map(|(name, _)| name);
        let cells = names.chain(REJECT_COLUMNS.iter().copied()).map(quoted);
        join(cells, self.delimiter)
    }

    /// Returns what decides the form of a column's values; an operator's own names decide nothing.
    fn kind_of<'k>(&self, key: &'k str) -> &'k str {
        if self.whose == Names::Ours { key } else { "" }
    }
}

/// A table that is read row by row.
#[derive(Debug)]
pub struct Table<R> {
    reader: csv::Reader<Tail<R>>,
    header: Arc<Header>,
    record: ByteRecord,
    /// Line ends before the row to come.
    lines: u64,
}

impl<R: Read> Table<R> {
    /// Opens a table and reads its header. Findings about the header go to `report`; without a usable header
    /// there is no table.
    ///
    /// # Errors
    ///
    /// Fails when `input` cannot be read.
    pub fn open(input: R, delimiter: u8, names: Names, report: &mut Report) -> Result<Option<Self>> {
        let reader =
            ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(Tail::of(input));
        let header = Header { names: StringRecord::new(), keys: Vec::new(), delimiter, whose: names };
        let mut table = Self { reader, header: Arc::new(header), record: ByteRecord::new(), lines: 0 };
        let Some(first) = table.next_row()? else {
            report.add(Diagnostic::new(&NO_HEADER, Span::default(), "the table is empty"));
            return Ok(None);
        };
        check_header(&first, names, report);
        if report.has_errors() {
            return Ok(None);
        }
        let keys = first.cells.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        table.header = Arc::new(Header { names: first.cells, keys, delimiter, whose: names });
        Ok(Some(table))
    }

    /// Returns the header.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Reads the next row; empty lines are skipped.
    ///
    /// # Errors
    ///
    /// Fails when the input cannot be read, and for a row longer than 1 MiB.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        let from = self.reader.position().byte();
        self.reader.get_mut().needed = from;
        let is_row =
            self.reader.read_byte_record(&mut self.record).map_err(|error| self.unreadable(&error.to_string()))?;
        if !is_row {
            return Ok(None);
        }
        let raw = self.reader.get_ref().slice(from, self.reader.position().byte());
        // The reader leaves the second half of a line end, empty lines and the byte-order mark to the next row.
        let ends = raw.iter().take_while(|&&b| b == b'\n' || b == b'\r').count();
        let mark = if from == 0 && raw.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let (before, raw) = raw.split_at(ends + mark);
        let line = self.lines + count_lines(before) + 1;
        self.lines = line - 1 + count_lines(raw);
        let broken = self.record.iter().position(|cell| std::str::from_utf8(cell).is_err());
        let cells = match broken {
            None => StringRecord::from_byte_record_lossy(std::mem::take(&mut self.record)),
            Some(_) => self.record.iter().map(String::from_utf8_lossy).collect(),
        };
        let end = raw.iter().rposition(|&b| b != b'\n' && b != b'\r').map_or(0, |last| last + 1);
        let raw = raw[..end].to_vec();
        Ok(Some(Row { header: Arc::clone(&self.header), line, at: from + before.len() as u64, raw, cells, broken }))
    }

    fn unreadable(&self, why: &str) -> Error {
        let line = self.lines + 1;
        Error::input(format!("the table cannot be read: {why}"))
            .at(format!("line {line}"))
            .help("look for a quote that is opened there and not closed")
    }
}

/// One row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    header: Arc<Header>,
    /// The line where the row begins, from 1.
    pub line: u64,
    /// Where the row begins in the file.
    at: u64,
    raw: Vec<u8>,
    cells: StringRecord,
    /// The first cell that is not UTF-8.
    broken: Option<usize>,
}

impl Row {
    /// Returns the value of the column called `name`; an empty cell and a missing column give none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cell(self.header.column(name)?)
    }

    /// Returns the value of the cell at `column`; an empty one gives none.
    pub fn cell(&self, column: usize) -> Option<&str> {
        self.cells.get(column).filter(|value| !value.is_empty())
    }

    /// Returns the names of the columns and their values, empty ones left out.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.keys.iter().map(String::as_str).zip(&self.cells).filter(|(_, value)| !value.is_empty())
    }

    /// Returns the row for a reject file: its cells as they stand, then the line, the rule's code and what is wrong.
    pub(crate) fn reject_line(&self, code: &str, message: &str) -> Vec<u8> {
        let raw: Vec<&[u8]> = self.raw_cells().map(|range| &self.raw[range]).collect();
        let keys = self.header.keys.iter().map(String::as_str);
        // A row with too few cells is filled up, so that what is added stands in its columns.
        let padded = raw.iter().copied().chain(std::iter::repeat(&b""[..]));
        let known = keys.zip(padded).filter(|(key, _)| !is_of_rejects(key)).map(|(_, cell)| cell);
        let surplus = raw.iter().copied().skip(self.header.keys.len());
        let line = self.line.to_string();
        let why = [line.as_str(), code, message].map(quoted);
        let why = why.iter().map(|cell| cell.as_bytes());
        join(known.chain(surplus).chain(why), self.header.delimiter)
    }

    /// Returns all cells as they are.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter()
    }

    /// Returns the header of the table.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Returns the place of a cell in the file, quotes left out; the whole row where there is no such cell.
    pub fn span(&self, column: usize) -> Span {
        let range = self.ranges().nth(column).unwrap_or(0..self.raw.len());
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        Span::new(at.saturating_add(range.start), at.saturating_add(range.end))
    }

    /// Returns a finding at a column's cell, or at the row where the column is missing.
    pub fn finding(&self, rule: &'static Rule, column: &str, message: impl Into<String>) -> Diagnostic {
        let place = self.header.column(column).unwrap_or(usize::MAX);
        Diagnostic::new(rule, self.span(place), message).at(format!("line {}, {column}", self.line))
    }

    /// Adds what is wrong with the row: its shape, its values, and the columns of `needed` that it leaves empty,
    /// each with the reason why it is needed.
    pub fn check(&self, needed: &[(&str, &str)], report: &mut Report) {
        if let Some(broken) = self.broken {
            let name = self.header.names.get(broken).unwrap_or("?");
            report.add(Diagnostic::new(&NOT_UTF_8, self.span(broken), format!("`{name}` is not UTF-8")));
            return;
        }
        let (has, wants) = (self.cells.len(), self.header.keys.len());
        if has != wants {
            let word = if has == 1 { "field" } else { "fields" };
            let message = format!("the row has {has} {word}, the header {wants}");
            report.add(Diagnostic::new(&FIELD_COUNT, self.span(usize::MAX), message).at(format!("line {}", self.line)));
            return;
        }
        for (column, (name, value)) in self.header.keys.iter().zip(&self.cells).enumerate() {
            if !value.is_empty()
                && let Err((rule, message)) = check_value(self.header.kind_of(name), value)
            {
                report.add(Diagnostic::new(rule, self.span(column), message).at(format!("line {}, {name}", self.line)));
            }
        }
        for (name, reason) in needed {
            if self.get(name).is_none() {
                report.add(self.finding(&MISSING_VALUE, name, format!("`{name}` is empty, but {reason}")));
            }
        }
    }

    /// Returns where each cell stands in the raw row, quotes left out.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.raw_cells().map(|Range { start, end }| {
            let quoted = end >= start + 2 && self.raw[start] == b'"' && self.raw[end - 1] == b'"';
            if quoted { start + 1..end - 1 } else { start..end }
        })
    }

    /// Returns where each cell stands in the raw row, with its quotes.
    fn raw_cells(&self) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let rest = self.raw.get(from..)?;
            let range = from..from + end_of_cell(rest, self.header.delimiter);
            from = range.end + 1;
            Some(range)
        })
    }
}

fn is_of_rejects(key: &str) -> bool {
    REJECT_COLUMNS.contains(&key)
}

/// Adds everything that is wrong with a table, duplicates included, and returns how many rows it has.
///
/// For a table that is in memory anyway; a campaign finds its duplicates in the store.
///
/// # Errors
///
/// As [`Table::next_row`].
pub fn check(table: &[u8], delimiter: u8, needed: &[(&str, &str)], report: &mut Report) -> Result<u64> {
    let Some(mut table) = Table::open(table, delimiter, Names::Ours, report)? else { return Ok(0) };
    let mut seen = std::collections::HashSet::new();
    let mut rows = 0;
    let needed: Vec<_> = std::iter::once(&("msisdn", "every row needs it")).chain(needed).copied().collect();
    while let Some(row) = table.next_row()? {
        rows += 1;
        row.check(&needed, report);
        let Some(msisdn) = row.get("msisdn") else { continue };
        if number(msisdn).is_some_and(|number| !seen.insert(number)) {
            report.add(row.finding(&DUPLICATE, "msisdn", format!("`{msisdn}` has a row already")));
        }
    }
    Ok(rows)
}

/// Keeps the secrets in rows with findings from being shown with these.
pub fn hide_secrets(source: &mut Source<'_>, delimiter: u8, report: &Report) {
    let mut places: Vec<u32> = report.diagnostics().iter().map(|finding| finding.span.start).collect();
    places.sort_unstable();
    let mut secrets = Vec::new();
    let table = Table::open(&source.bytes[..], delimiter, Names::Theirs, &mut Report::new());
    let Ok(Some(mut table)) = table else { return };
    while let Ok(Some(row)) = table.next_row() {
        let whole = row.span(usize::MAX);
        let next = places.partition_point(|&place| place < whole.start);
        if places.get(next).is_some_and(|&place| place <= whole.end) {
            let columns = row.header.keys.iter().enumerate();
            secrets.extend(columns.filter(|(_, key)| is_secret(key)).map(|(column, _)| row.span(column)));
        }
    }
    secrets.into_iter().for_each(|secret| source.hide(secret));
}

/// Returns whether a column holds what must stay secret, the IMSI among it: it is the key of NETWPIN.
fn is_secret(key: &str) -> bool {
    key == "pin" || key == "imsi" || dm::is_secret(key)
}

fn check_header(first: &Row, names: Names, report: &mut Report) {
    let span = |column| first.span(column);
    let mut keys: Vec<String> = Vec::new();
    let known = |key: &str| COLUMNS.contains(&key) || REJECT_COLUMNS.contains(&key);
    if first.broken.is_some() || first.cells.len() > MOST_COLUMNS {
        let message = format!("the first line is not a header: not UTF-8, or more than {MOST_COLUMNS} columns");
        report.add(Diagnostic::new(&NO_HEADER, span(usize::MAX), message));
        return;
    }
    let lower: Vec<String> = first.cells.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if names == Names::Ours && !lower.iter().any(|key| key == "msisdn") {
        let message = "the first line names no column `msisdn`";
        report.add(Diagnostic::new(&NO_HEADER, span(usize::MAX), message));
        // Data in place of a header: a finding a cell would only hide the one that matters.
        if !lower.iter().any(|key| known(key)) {
            return;
        }
    }
    for (column, key) in lower.into_iter().enumerate() {
        if keys.contains(&key) {
            let message = format!("the column `{key}` is given twice");
            report.add(Diagnostic::new(&UNKNOWN_COLUMN, span(column), message).help("remove one of the two"));
        } else if names == Names::Ours && !known(&key) && !key.starts_with("x_") {
            let finding = Diagnostic::new(&UNKNOWN_COLUMN, span(column), format!("there is no column `{key}`"));
            report.add(match nearest(&key, COLUMNS) {
                Some(name) => finding.help(format!("did you mean `{name}`? columns of your own begin with `x_`")),
                None => finding,
            });
        }
        keys.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Source, rules_are_sound};

    fn findings(table: &[u8]) -> Vec<(String, String)> {
        let mut report = Report::new();
        check(table, b',', &[], &mut report).unwrap();
        let text = |span: Span| String::from_utf8_lossy(&table[span.range()]).into_owned();
        report.diagnostics().iter().map(|d| (d.rule.code.to_owned(), text(d.span))).collect()
    }

    #[test]
    fn each_example_shows_its_rule() {
        rules_are_sound(RULES).unwrap();
        for rule in RULES {
            let codes: Vec<String> = findings(&Rule::example(rule.bad)).into_iter().map(|(code, _)| code).collect();
            assert!(!codes.is_empty() && codes.iter().all(|code| code == rule.code), "{}: {codes:?}", rule.code);
            assert_eq!(findings(&Rule::example(rule.good)), [], "{}", rule.code);
        }
    }

    #[test]
    fn points_at_the_cell_behind_mark_quotes_and_line_ends() {
        let table = b"\xEF\xBB\xBFMSISDN,x_note,Pin\r\n\r\n\"4670 1\",\"a \"\"b\"\"\",\r\n\"+46701234567\",\"two\r\nlines, here\",\"1x\"\r\n";
        let mut report = Report::new();
        check(table, b',', &[], &mut report).unwrap();
        let found: Vec<_> = report
            .diagnostics()
            .iter()
            .map(|d| (d.rule.code, String::from_utf8_lossy(&table[d.span.range()]), d.path.as_str()))
            .collect();
        assert_eq!(found[0], ("CSV003", "4670 1".into(), "line 3, msisdn"));
        assert_eq!(found[1], ("CSV009", "two\r\nlines, here".into(), "line 4, x_note"));
        assert_eq!(found[2], ("CSV009", "1x".into(), "line 4, pin"));
        let place = Source::new("t", &table[..]).position(report.diagnostics()[2].span.start);
        assert_eq!((place.line, place.column), (5, 15));
    }

    #[test]
    fn names_the_column_that_was_meant() {
        let mut report = Report::new();
        check(b"msidn;user\n", b';', &[], &mut report).unwrap();
        assert!(report.cites("CSV001") && report.cites("CSV002"));
        assert!(report.diagnostics()[1].way_out().contains("`msisdn`"));
        assert_eq!(findings(b"msisdn,line,error_code,error,X_a\n46701234567,1,CSV003,\"bad, bad\",z\n"), []);
    }

    #[test]
    fn a_reject_file_is_the_table_with_reasons_and_reads_again() {
        let table = b"user;msisdn;error\n\"a;\"\"b\";0701;old\nr\xF6meo;46701234567;old\nx\n";
        let mut input = Table::open(&table[..], b';', Names::Ours, &mut Report::new()).unwrap().unwrap();
        let mut rejects = input.header().reject_line();
        while let Some(row) = input.next_row().unwrap() {
            let mut report = Report::new();
            row.check(&[], &mut report);
            let finding = &report.diagnostics()[0];
            rejects.extend_from_slice(&row.reject_line(finding.rule.code, &finding.message));
        }
        let expected = b"user;msisdn;line;error_code;error\n\
            \"a;\"\"b\";0701;2;CSV003;\"`0701` begins with zero, where the country code belongs\"\n\
            r\xF6meo;46701234567;3;CSV008;`user` is not UTF-8\n\
            x;;4;CSV007;\"the row has 1 field, the header 3\"\n";
        assert_eq!(String::from_utf8_lossy(&rejects), String::from_utf8_lossy(expected));
        let mut again = Report::new();
        check(&rejects, b';', &[], &mut again).unwrap();
        let codes: Vec<&str> = again.diagnostics().iter().map(|d| d.rule.code).collect();
        assert_eq!(codes, ["CSV003", "CSV008", "CSV006"]);
    }

    #[test]
    fn a_quote_left_open_does_not_swallow_the_file() {
        let table = [b"msisdn,user\n46701234567,\"romeo\n".to_vec(), vec![b'a'; 3 << 20]].concat();
        let error = check(&table, b',', &[], &mut Report::new()).unwrap_err();
        assert_eq!(error.at.as_deref(), Some("line 2"));
    }
}
