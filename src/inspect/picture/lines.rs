//! Lines of cells: what is drawn as text and written as `impskit.show/1` JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::markdown::escaped;
use super::one_line;
use crate::diagnose::text::printable;

/// A document as lines of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What the document is, in one sentence.
    pub title: String,
    /// The headings of the cells.
    columns: &'static [&'static str],
    /// Whether lines hang on branches or are only indented.
    has_branches: bool,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    depth: usize,
    cells: Vec<String>,
}

impl Picture {
    pub(in crate::inspect) fn new(
        title: impl Into<String>,
        columns: &'static [&'static str],
        has_branches: bool,
    ) -> Self {
        Self { title: title.into(), columns, has_branches, lines: Vec::new() }
    }

    pub(in crate::inspect) fn add(&mut self, depth: usize, cells: impl Into<Vec<String>>) {
        self.lines.push(Line { depth, cells: cells.into() });
    }

    /// Draws the picture as text; cells of a column stand below each other.
    pub fn to_text(&self) -> String {
        let stems = self.stems();
        let mut rows: Vec<Vec<Cow<'_, str>>> = vec![self.columns.iter().map(|&c| Cow::Borrowed(c)).collect()];
        for (line, stem) in self.lines.iter().zip(&stems) {
            let mut cells: Vec<_> = line.cells.iter().map(|cell| cut(printable(cell))).collect();
            cells[0] = Cow::Owned(format!("{stem}{}", cells[0]));
            rows.push(cells);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = format!("{}\n\n", printable(&self.title));
        for (number, row) in rows.iter().enumerate() {
            // Blocks of a table stand apart; the first row is the heading.
            let is_block = !self.has_branches && number > 1 && self.lines[number - 1].depth == 0;
            text.push_str(if is_block { "\n" } else { "" });
            let mut drawn = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(drawn, "{cell:width$}  ");
            }
            text.push_str(drawn.trim_end());
            text.push('\n');
        }
        text
    }

    /// Returns the picture as `impskit.show/1` JSON, with a line end.
    pub fn to_json(&self, kind: &str) -> String {
        let keys: Vec<String> = self.columns.iter().map(|column| column.to_lowercase()).collect();
        let lines = self.lines.iter().map(|line| JsonLine { line, keys: &keys }).collect();
        let json = JsonPicture { schema: "impskit.show/1", kind, title: &self.title, lines };
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(&json).map(|text| text + "\n").unwrap_or_default()
    }

    /// Returns the headings of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| capitalised(column))
    }

    /// Returns the lines: depth and cells.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &[String])> {
        self.lines.iter().map(|line| (line.depth, line.cells.as_slice()))
    }

    /// Returns the picture as a Markdown table.
    pub fn to_markdown(&self) -> String {
        let heads: Vec<String> = self.columns().collect();
        let mut out =
            format!("# {}\n\n| {} |\n|{}\n", escaped(&self.title), heads.join(" | "), "---|".repeat(heads.len()));
        for line in &self.lines {
            let mut cells: Vec<_> = line.cells.iter().map(|cell| escaped(&one_line(cell))).collect();
            cells[0] = format!("{}{}", "&nbsp;&nbsp;".repeat(line.depth), cells[0]);
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        out
    }

    /// Returns what stands before the name of each line: branches, or blanks.
    fn stems(&self) -> Vec<String> {
        if !self.has_branches {
            return self.lines.iter().map(|line| "  ".repeat(line.depth)).collect();
        }
        // Walking upwards, `goes_on[d]` says whether another line of depth `d` follows on the same branch.
        let mut goes_on: Vec<bool> = Vec::new();
        let mut stems: Vec<String> = Vec::new();
        for line in self.lines.iter().rev() {
            goes_on.resize(line.depth + 1, false);
            let mut stem = String::new();
            for &more in goes_on.iter().take(line.depth).skip(1) {
                stem.push_str(if more { "│  " } else { "   " });
            }
            if line.depth > 0 {
                stem.push_str(if goes_on[line.depth] { "├─ " } else { "└─ " });
            }
            goes_on[line.depth] = true;
            stems.push(stem);
        }
        stems.reverse();
        stems
    }
}

/// Returns words in small letters that start with a capital.
pub(super) fn capitalised(words: &str) -> String {
    let (first, rest) = words.split_at(words.ceil_char_boundary(1));
    format!("{}{}", first.to_uppercase(), rest.to_lowercase())
}

#[derive(serde::Serialize)]
struct JsonPicture<'p> {
    schema: &'static str,
    kind: &'p str,
    title: &'p str,
    lines: Vec<JsonLine<'p>>,
}

/// A line as a JSON object: the depth, then each cell under the heading of its column.
struct JsonLine<'p> {
    line: &'p Line,
    keys: &'p [String],
}

impl Serialize for JsonLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.keys.len()))?;
        map.serialize_entry("depth", &self.line.depth)?;
        for (key, cell) in self.keys.iter().zip(&self.line.cells) {
            map.serialize_entry(key, cell)?;
        }
        map.end()
    }
}

/// Characters of a cell at the most when it is drawn; JSON has them all.
const WIDEST: usize = 100;

fn cut(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell.char_indices().nth(WIDEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &cell[..end])),
        None => cell,
    }
}
