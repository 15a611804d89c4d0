//! The octets of a subscriber table: kept while a row is at hand, and written again.

use std::io::{self, Read};

use super::MOST_ROW;

/// A reader that keeps the octets of the row at hand, so that a cell can be found again inside its quotes.
#[derive(Debug)]
pub(super) struct Tail<R> {
    input: R,
    kept: Vec<u8>,
    /// The offset of the first octet kept.
    start: u64,
    /// The offset of the first octet that is still needed.
    pub(super) needed: u64,
}

impl<R> Tail<R> {
    pub(super) fn of(input: R) -> Self {
        Self { input, kept: Vec::new(), start: 0, needed: 0 }
    }

    pub(super) fn slice(&self, from: u64, to: u64) -> &[u8] {
        let place = |offset: u64| usize::try_from(offset - self.start).unwrap_or(usize::MAX).min(self.kept.len());
        &self.kept[place(from)..place(to)]
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let done = usize::try_from(self.needed - self.start).unwrap_or(usize::MAX).min(self.kept.len());
        self.kept.drain(..done);
        self.start = self.needed;
        if self.kept.len() as u64 > MOST_ROW {
            return Err(io::Error::other(format!("a row is longer than {} KiB", MOST_ROW >> 10)));
        }
        let read = self.input.read(buffer)?;
        self.kept.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

/// Returns a cell in quotes where RFC 4180 wants them, whatever the delimiter.
pub(super) fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " _-.+:`".contains(c));
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// Returns a line of cells.
pub(super) fn join(cells: impl Iterator<Item = impl AsRef<[u8]>>, delimiter: u8) -> Vec<u8> {
    let mut line = Vec::new();
    for cell in cells {
        line.extend_from_slice(cell.as_ref());
        line.push(delimiter);
    }
    line.pop();
    line.push(b'\n');
    line
}

/// Returns the number of line ends.
pub(super) fn count_lines(octets: &[u8]) -> u64 {
    octets.iter().filter(|&&b| b == b'\n').count() as u64
}

/// Returns where the first cell of `rest` ends.
pub(super) fn end_of_cell(rest: &[u8], delimiter: u8) -> usize {
    let mut inside = false;
    let end = rest.iter().position(|&octet| {
        inside ^= octet == b'"';
        !inside && octet == delimiter
    });
    end.unwrap_or(rest.len())
}
