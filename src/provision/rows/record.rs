//! The records of a table, cut out of its octets by the grammar of RFC 4180.
//!
//! A record is what the grammar makes of it, line ends in quotes included, as long as it stays within [`MOST_ROW`].
//! Where the grammar does not hold, the first line alone is the record, with its fault, and the line after it is read
//! afresh: one quote too many costs one row.

use std::io::{self, Read};

/// Octets of one record at the most: far more than any row of settings, and as far as a quote left open may reach.
pub(super) const MOST_ROW: usize = 64 << 10;
/// Octets that are read at once.
const BLOCK: usize = 4 * MOST_ROW;
/// Octets that are kept of a line that is too long, so that people know it again.
const KEPT: usize = 1000;

/// Why a line is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The quote that opens this cell, counted from 0, is never closed, or not in time.
    Open(usize),
    /// Something follows the quote that closes this cell.
    Behind(usize),
    /// A quote stands in this cell, which does not begin with one.
    Inside(usize),
    /// The line is longer than [`MOST_ROW`].
    TooLong,
}

/// Where a cell stands in its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// The first octet of the value, behind the quote.
    pub(super) start: u32,
    /// One past the last octet of the value, before the quote.
    pub(super) end: u32,
    /// Whether it stands in quotes.
    pub(super) is_quoted: bool,
    /// Whether there are doubled quotes in it.
    pub(super) has_quotes: bool,
}

/// A record as it stands.
#[derive(Debug)]
pub(super) struct Record {
    /// Its octets, without the line end.
    pub(super) octets: Vec<u8>,
    /// Its cells; none where there is a fault.
    pub(super) cells: Vec<Cell>,
    pub(super) fault: Option<Fault>,
    /// The line where it begins, from 1.
    pub(super) line: u64,
    /// Where it begins in the input.
    pub(super) at: u64,
}

/// An input that is read record by record.
#[derive(Debug)]
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    buffer: Vec<u8>,
    /// The first octet of `buffer` that is not read yet, and where it stands in the input.
    start: usize,
    at: u64,
    line: u64,
    is_ended: bool,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, buffer: Vec::new(), start: 0, at: 0, line: 1, is_ended: false }
    }

    /// Returns the next record; empty lines and the byte-order mark are skipped.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        if self.at == 0 && self.buffer.is_empty() {
            self.fill()?;
            let mark = if self.buffer.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            self.skip(mark);
        }
        let mut cells = Vec::with_capacity(8);
        loop {
            self.skip_empty_lines()?;
            let rest = &self.buffer[self.start..];
            let window = &rest[..rest.len().min(MOST_ROW)];
            let is_all = self.is_ended && window.len() == rest.len();
            if is_all && window.is_empty() {
                return Ok(None);
            }
            match scan(window, self.delimiter, is_all, &mut cells) {
                Scan::Whole { end, next } => return Ok(Some(self.take(end, next, cells, None))),
                Scan::Wrong(fault) => return self.first_line(fault).map(Some),
                // More of it may come.
                Scan::Cut(_) if window.len() < MOST_ROW && !self.is_ended => self.fill()?,
                Scan::Cut(fault) => return self.first_line(fault).map(Some),
            }
        }
    }

    /// Returns the line of the record to come.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Takes the line at hand for a record with a fault.
    fn first_line(&mut self, fault: Fault) -> io::Result<Record> {
        loop {
            let rest = &self.buffer[self.start..];
            let window = &rest[..rest.len().min(MOST_ROW)];
            if let Some(end) = window.iter().position(|&octet| octet == b'\n') {
                return Ok(self.take(without_return(window, end), end + 1, Vec::new(), Some(fault)));
            }
            if self.is_ended && window.len() == rest.len() {
                return Ok(self.take(window.len(), window.len(), Vec::new(), Some(fault)));
            }
            if window.len() == MOST_ROW {
                break;
            }
            self.fill()?;
        }
        let record = self.take(KEPT, KEPT, Vec::new(), Some(Fault::TooLong));
        self.skip_line()?;
        Ok(record)
    }

    /// Takes the octets up to `end` as a record, and those up to `next` away.
    fn take(&mut self, end: usize, next: usize, cells: Vec<Cell>, fault: Option<Fault>) -> Record {
        let octets = self.buffer[self.start..self.start + end].to_vec();
        let record = Record { octets, cells, fault, line: self.line, at: self.at };
        self.skip(next);
        record
    }

    fn skip_empty_lines(&mut self) -> io::Result<()> {
        loop {
            match &self.buffer[self.start..] {
                [b'\n', ..] => self.skip(1),
                [b'\r', b'\n', ..] => self.skip(2),
                [] | [b'\r'] if !self.is_ended => self.fill()?,
                [b'\r'] => self.skip(1),
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.start..];
            match rest.iter().position(|&octet| octet == b'\n') {
                Some(end) => {
                    self.skip(end + 1);
                    return Ok(());
                }
                None => self.skip(rest.len()),
            }
            if self.is_ended {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn skip(&mut self, count: usize) {
        self.line += count_lines(&self.buffer[self.start..self.start + count]);
        self.start += count;
        self.at += count as u64;
    }

    /// Reads on until the block is full or the input ends.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let wanted = BLOCK.saturating_sub(self.buffer.len()) as u64;
        let read = self.input.by_ref().take(wanted).read_to_end(&mut self.buffer)?;
        self.is_ended = (read as u64) < wanted;
        Ok(())
    }
}

/// What stands at the beginning of some octets.
#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// A record up to `end`; the one after it begins at `next`.
    Whole { end: usize, next: usize },
    /// No record.
    Wrong(Fault),
    /// The octets end before the record; the fault is the one that it has where nothing follows.
    Cut(Fault),
}

/// Finds the record at the beginning of `octets`, and its cells; with `is_all` nothing comes behind them.
fn scan(octets: &[u8], delimiter: u8, is_all: bool, cells: &mut Vec<Cell>) -> Scan {
    cells.clear();
    let mut from = 0;
    loop {
        let (cell, end) = match octets.get(from) {
            Some(b'"') => match quoted(octets, delimiter, is_all, from) {
                Ok(found) => found,
                Err(None) if is_all => return Scan::Wrong(Fault::Open(cells.len())),
                Err(None) => return Scan::Cut(Fault::Open(cells.len())),
                Err(Some(fault)) => return Scan::Wrong(fault(cells.len())),
            },
            _ => {
                let rest = &octets[from..];
                let end = rest.iter().position(|&octet| octet == delimiter || octet == b'\n' || octet == b'"');
                let end = end.map_or(octets.len(), |end| from + end);
                if octets.get(end) == Some(&b'"') {
                    return Scan::Wrong(Fault::Inside(cells.len()));
                }
                let is_last = octets.get(end) != Some(&delimiter);
                let last = if is_last { from.max(without_return(octets, end)) } else { end };
                (cell(from, last, false, false), end)
            }
        };
        match octets.get(end) {
            Some(&octet) if octet == delimiter => cells.push(cell),
            None if !is_all => return Scan::Cut(Fault::TooLong),
            ending => {
                cells.push(cell);
                let next = end + usize::from(ending.is_some());
                return Scan::Whole { end: without_return(octets, end), next };
            }
        }
        from = end + 1;
    }
}

/// The fault of a cell, by its place; `None` where the octets end before it.
type NoCell = Option<fn(usize) -> Fault>;

/// Finds the end of the quoted cell that begins at `from`: the cell, and where the delimiter or line end behind it is.
fn quoted(octets: &[u8], delimiter: u8, is_all: bool, from: usize) -> Result<(Cell, usize), NoCell> {
    let mut at = from + 1;
    let mut has_quotes = false;
    loop {
        let quote = octets[at..].iter().position(|&octet| octet == b'"').ok_or(None)?;
        at += quote + 1;
        if octets.get(at) != Some(&b'"') {
            break;
        }
        has_quotes = true;
        at += 1;
    }
    let cell = cell(from + 1, at - 1, true, has_quotes);
    match &octets[at..] {
        // A doubled quote or a line end may be cut in two.
        [] | [b'\r'] if !is_all => Err(None),
        [] | [b'\n', ..] => Ok((cell, at)),
        [b'\r'] | [b'\r', b'\n', ..] => Ok((cell, at + 1)),
        [octet, ..] if *octet == delimiter => Ok((cell, at)),
        // What a quote of a later line closes was left open in this one.
        _ if octets[from..at].contains(&b'\n') => Err(Some(Fault::Open)),
        _ => Err(Some(Fault::Behind)),
    }
}

fn cell(start: usize, end: usize, is_quoted: bool, has_quotes: bool) -> Cell {
    // A record is shorter than 4 GiB by far.
    Cell { start: start as u32, end: end as u32, is_quoted, has_quotes }
}

/// Returns where a record ends whose line end is at `end`: before the carriage return of CR LF.
fn without_return(octets: &[u8], end: usize) -> usize {
    if end > 0 && octets[end - 1] == b'\r' { end - 1 } else { end }
}

fn count_lines(octets: &[u8]) -> u64 {
    octets.iter().filter(|&&octet| octet == b'\n').count() as u64
}

/// Returns the cells of octets that are one record.
pub(super) fn cells_of(record: &[u8], delimiter: u8) -> Vec<Cell> {
    let mut cells = Vec::new();
    scan(record, delimiter, true, &mut cells);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a table through a reader that gives `step` octets at a time.
    fn records(table: &[u8], step: usize) -> Vec<(u64, Option<Fault>, Vec<String>)> {
        struct Slow<'t>(&'t [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(buffer.len()).min(self.0.len());
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let mut input = Records::new(Slow(table, step), b',');
        let mut found = Vec::new();
        while let Some(record) = input.next().unwrap() {
            let text = |cell: &Cell| {
                String::from_utf8_lossy(&record.octets[cell.start as usize..cell.end as usize]).into_owned()
            };
            found.push((record.line, record.fault, record.cells.iter().map(text).collect()));
        }
        found
    }

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    /// By hand, after the grammar of RFC 4180, section 2.
    #[test]
    fn cuts_records_as_the_grammar_says() {
        let table = b"\xEF\xBB\xBFa,b\r\n\n\r\n\"x\r\ny\",\"\"\n\"a\"\"b\",\rc\r\nlast,\r";
        for step in [1, 3, 1000] {
            let expected = [
                (1, None, cells(&["a", "b"])),
                (4, None, cells(&["x\r\ny", ""])),
                (6, None, cells(&["a\"\"b", "\rc"])),
                (7, None, cells(&["last", ""])),
            ];
            assert_eq!(records(table, step), expected, "{step}");
        }
        assert!(records(b"\xEF\xBB\xBF\r\n\n", 1).is_empty());
    }

    #[test]
    fn a_fault_costs_one_line() {
        let table = b"a,\"b\nc,d\"x\ne,f\"g\n\"h\",\"i\nj,k\n\"l\",\"m\"\n";
        let expected = [
            (1, Some(Fault::Open(1)), vec![]),
            (2, Some(Fault::Inside(1)), vec![]),
            (3, Some(Fault::Inside(1)), vec![]),
            (4, Some(Fault::Open(1)), vec![]),
            (5, None, cells(&["j", "k"])),
            (6, None, cells(&["l", "m"])),
        ];
        for step in [1, 7, 1000] {
            assert_eq!(records(table, step), expected);
        }
    }

    #[test]
    fn a_quote_left_open_and_a_line_without_end_are_bounded() {
        let long = "x,".repeat(MOST_ROW);
        let many = "c,d\n".repeat(2 * MOST_ROW);
        let table = format!("a,\"b\n{many}{long}\ne,f\ng,\"h");
        let found = records(table.as_bytes(), usize::MAX);
        let lines = 2 * MOST_ROW as u64;
        assert_eq!(found[0], (1, Some(Fault::Open(1)), vec![]));
        assert_eq!(found[1], (2, None, cells(&["c", "d"])));
        assert_eq!(found[found.len() - 3], (lines + 2, Some(Fault::TooLong), vec![]));
        assert_eq!(found[found.len() - 2], (lines + 3, None, cells(&["e", "f"])));
        assert_eq!(found[found.len() - 1], (lines + 4, Some(Fault::Open(1)), vec![]));
        assert_eq!(found.len() as u64, lines + 4);
    }
}
