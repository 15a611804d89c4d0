//! `--text-codes` and `text_codes`: a table of codes of the plain text syntax that is laid over the known ones.

use std::path::{Path, PathBuf};

use clap::Args;
use impskit::csp;
use impskit::document::CodeTable;
use impskit::error::{Error, Result};

use super::ui::read_input;

/// What commands take that read or speak plain text.
#[derive(Debug, Args)]
pub(super) struct TextCodes {
    /// Lay the codes of FILE over those of plain text that are known
    #[arg(long, value_name = "FILE.tsv")]
    text_codes: Option<PathBuf>,
}

impl TextCodes {
    /// Returns the codes of plain text.
    ///
    /// # Errors
    ///
    /// As [`text_codes`].
    pub(super) fn read(&self) -> Result<&'static CodeTable> {
        text_codes(self.text_codes.as_deref())
    }
}

/// Returns the codes of plain text: those that a source knows, and over them those of a file. It is read once: what it
/// holds is kept as long as the program runs.
///
/// # Errors
///
/// Says why the file cannot be read, and which line of it cannot be used.
pub(super) fn text_codes(path: Option<&Path>) -> Result<&'static CodeTable> {
    let Some(path) = path else { return Ok(csp::text_codes()) };
    let (name, octets) = read_input(path)?;
    let text = String::from_utf8(octets).map_err(|_| Error::input("the table is no text in UTF-8").at(name.clone()))?;
    let table = csp::text_codes().overlaid(text).map_err(|row| {
        let error = Error::input(row.what).at(format!("{name}:{}", row.line));
        error.help("the columns are `code`, `kind` and `name`, with tabs between, as in `templates/text-codes.tsv`")
    })?;
    Ok(Box::leak(Box::new(table)))
}
