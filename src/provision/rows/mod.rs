//! Subscriber tables: CSV rows with the place of every cell, read as a stream.
//!
//! [`Table`] yields one [`Row`] at a time and holds no more than a row and a buffer, however long the file is.
//! [`Row::check`] says what is wrong with a row; a finding points at the cell, also inside quotes. A row that is no CSV is
//! a row with a finding: what comes after it is read as if it were not there.

mod header;
mod record;
mod row;
mod rules;
mod values;

use std::io::Read;
use std::sync::Arc;

pub use self::header::Header;
use self::record::Records;
pub use self::row::{Row, quoted};
pub(crate) use self::rules::{BAD_IMSI, BAD_NUMBER, DUPLICATE};
pub use self::rules::{BAD_VALUE, FIELD_COUNT, MISSING_VALUE, NOT_UTF_8, QUOTING, RULES};
pub(crate) use self::values::{instant, number};
use super::Numbers;
use crate::diagnose::{Diagnostic, Report, Source, Span};
use crate::dm;
use crate::error::{Error, Result};

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

/// A table that is read row by row.
#[derive(Debug)]
pub struct Table<R> {
    records: Records<R>,
    header: Arc<Header>,
}

impl<R: Read> Table<R> {
    /// Opens a table and reads its header. Findings about the header go to `report`; without a usable header
    /// there is no table.
    ///
    /// # Errors
    ///
    /// Fails when `input` cannot be read.
    pub fn open(input: R, delimiter: u8, names: Names, report: &mut Report) -> Result<Option<Self>> {
        let header = Header::new(Vec::new(), delimiter, names);
        let mut table = Self { records: Records::new(input, delimiter), header: Arc::new(header) };
        let Some(first) = table.next_row()? else {
            report.add(Diagnostic::new(&rules::NO_HEADER, Span::default(), "the table is empty"));
            return Ok(None);
        };
        let header = Header::new(first.cells().map(str::to_owned).collect(), delimiter, names);
        header.check(&first, report);
        table.header = Arc::new(header);
        Ok((!report.has_errors()).then_some(table))
    }

    /// Returns the header.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Reads the next row; empty lines are skipped.
    ///
    /// # Errors
    ///
    /// Fails when the input cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        let record = self.records.next().map_err(|error| {
            let line = self.records.line();
            Error::input(format!("the table cannot be read: {error}")).at(format!("line {line}"))
        })?;
        Ok(record.map(|record| Row::new(Arc::clone(&self.header), record)))
    }
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
            report.add(row.finding(&DUPLICATE, "msisdn", "the number has a row already"));
        }
    }
    Ok(rows)
}

/// Keeps the secrets in rows with findings from being shown with these, and the ends of numbers but with
/// `shows_numbers`.
pub fn hide_secrets(source: &mut Source<'_>, delimiter: u8, shows_numbers: bool, report: &Report) {
    let mut places: Vec<u32> = report.diagnostics().iter().map(|finding| finding.span.start).collect();
    places.sort_unstable();
    let mut secrets = Vec::new();
    let table = Table::open(&source.bytes[..], delimiter, Names::Theirs, &mut Report::new());
    let Ok(Some(mut table)) = table else { return };
    while let Ok(Some(row)) = table.next_row() {
        let whole = row.span(usize::MAX);
        let next = places.partition_point(|&place| place < whole.start);
        if places.get(next).is_none_or(|&place| place > whole.end) {
            continue;
        }
        let is_number = |key: &str| key == "msisdn" && !shows_numbers;
        let columns = row.header().keys.iter().enumerate().filter(|(_, key)| is_secret(key) || is_number(key));
        match row.cells().count() == row.header().keys.len() {
            true => secrets.extend(columns.map(|(column, key)| {
                let cell = row.span(column);
                if is_number(key) { end_of_number(source, cell) } else { cell }
            })),
            // Where the cells of the header are not those of the row, any of them may be a secret.
            false => secrets.extend(columns.map(|_| whole).take(1)),
        }
    }
    secrets.into_iter().for_each(|secret| source.hide(secret));
}

/// Returns the part of a number that is not seen when it is masked.
fn end_of_number(source: &Source<'_>, cell: Span) -> Span {
    let text = source.bytes.get(cell.range()).and_then(|octets| std::str::from_utf8(octets).ok()).unwrap_or_default();
    let shown: usize = text.chars().take(Numbers::shown(text.chars().count())).map(char::len_utf8).sum();
    Span::new(cell.range().start + shown, cell.range().end)
}

/// Returns whether a column holds what must stay secret, the IMSI among it: it is the key of NETWPIN.
fn is_secret(key: &str) -> bool {
    key == "pin" || key == "imsi" || dm::is_secret(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Rule, Source, rules_are_sound};

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
        let table = b"user;msisdn;error\n\"a;\"\"b\";0701;old\nr\xF6meo;46701234567;old\nx\na;\"46701234567;old\n";
        let mut input = Table::open(&table[..], b';', Names::Ours, &mut Report::new()).unwrap().unwrap();
        let mut rejects = input.header().reject_line();
        while let Some(row) = input.next_row().unwrap() {
            let mut report = Report::new();
            row.check(&[], &mut report);
            let finding = &report.diagnostics()[0];
            rejects.extend_from_slice(&row.reject_line(finding.rule.code, &finding.message));
        }
        let expected = b"user;msisdn;line;error_code;error\n\
            \"a;\"\"b\";0701;2;CSV003;\"the number begins with zero, where the country code belongs\"\n\
            r\xF6meo;46701234567;3;CSV008;`user` is not UTF-8\n\
            x;;4;CSV007;\"the row has 1 field, the header 3\"\n\
            \"a;\"\"46701234567;old\";;5;CSV010;the quote that opens `msisdn` is not closed\n";
        assert_eq!(String::from_utf8_lossy(&rejects), String::from_utf8_lossy(expected));
        let mut again = Report::new();
        check(&rejects, b';', &[], &mut again).unwrap();
        let codes: Vec<&str> = again.diagnostics().iter().map(|d| d.rule.code).collect();
        assert_eq!(codes, ["CSV003", "CSV008", "CSV006", "CSV006"]);
    }

    /// Where the password stands is not known in such rows.
    #[test]
    fn a_row_of_another_shape_shows_no_secret() {
        let table = &b"msisdn,user,password\n46701234567,hush\n46701234568,\"hush,hush\n46701234569,a,hush,hush\n"[..];
        let mut report = Report::new();
        check(table, b',', &[], &mut report).unwrap();
        assert_eq!(report.diagnostics().len(), 3);
        let mut source = Source::new("t", table);
        hide_secrets(&mut source, b',', true, &report);
        let shown = crate::diagnose::text::render(&source, &report, false);
        assert!(shown.contains("*****") && !shown.contains("hush"), "{shown}");
    }

    /// Only where nobody is to see them; what is said about one never repeats it.
    #[test]
    fn numbers_are_masked_in_excerpts() {
        let table = &b"msisdn,user\n0701-234567,anna\n+46701234567,bo\n46701234567,cy\n"[..];
        let mut report = Report::new();
        check(table, b',', &[], &mut report).unwrap();
        let shown = |shows_numbers| {
            let mut source = Source::new("t", table);
            hide_secrets(&mut source, b',', shows_numbers, &report);
            crate::diagnose::text::render(&source, &report, false)
        };
        let (masked, full) = (shown(false), shown(true));
        assert!(masked.contains("0701-******,anna") && masked.contains("46701******,cy"), "{masked}");
        assert!(!masked.contains("234567"), "{masked}");
        assert!(full.contains("0701-234567,anna") && full.contains("46701234567,cy"), "{full}");
    }

    /// What is said about a PIN has its form and the way out, and not the PIN.
    #[test]
    fn a_wrong_pin_is_told_with_what_it_must_be() {
        let mut report = Report::new();
        check(b"msisdn,pin\n46701234567,12a4\n", b',', &[], &mut report).unwrap();
        let [finding] = report.diagnostics() else { panic!("{report:?}") };
        assert_eq!(finding.rule.code, "CSV009");
        assert_eq!(finding.message, "`pin` must be 4 to 20 digits, it is 4 characters");
        assert!(finding.rule.help.contains("in the form of its column"), "{}", finding.rule.help);
    }

    #[test]
    fn says_which_tool_to_set_right() {
        for (table, words) in [
            (&b"\xFF\xFEm\0s\0i\0"[..], "UTF-16"),
            (b"msisdn,user\r46701234567,romeo\r", "CR alone"),
            (b"msisdn,\"user\n46701234567,romeo\n", "not closed"),
        ] {
            let mut report = Report::new();
            assert_eq!(check(table, b',', &[], &mut report).unwrap(), 0);
            let finding = &report.diagnostics()[0];
            assert!(finding.rule.code == "CSV001" && finding.message.contains(words), "{}", finding.message);
        }
    }
}
