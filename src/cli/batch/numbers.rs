//! Numbers of handsets as commands say them: `log_numbers` in text, which people read and logs of builds keep;
//! `event_numbers` in JSON, which programs read. What is handed over and what is evidence has them whole: messages,
//! `batch export`, `batch report`, the audit log.

use std::path::Path;

use impskit::error::Result;
use impskit::provision::Numbers;
use zeroize::Zeroizing;

use super::Format;
use crate::cli::Ui;
use crate::cli::profile::fetch_at;

/// How a command writes numbers.
pub(super) struct Writing {
    format: Format,
    numbers: Numbers,
    /// What tokens of numbers are made with.
    key: Zeroizing<String>,
}

impl Writing {
    /// Returns how numbers are written in a format.
    ///
    /// # Errors
    ///
    /// Fails where the key of tokens cannot be read.
    pub(super) fn of(format: Format, ui: &mut Ui) -> Result<Self> {
        let privacy = ui.configuration()?.privacy;
        let numbers = match format {
            Format::Text => privacy.log_numbers,
            Format::Json => privacy.event_numbers,
        };
        let source = privacy.token_key.filter(|_| numbers == Numbers::Token);
        let key = source.map(|source| fetch_at(&source, "privacy.token_key", Path::new(""), ui)).transpose()?;
        Ok(Self { format, numbers, key: Zeroizing::new(key.unwrap_or_default()) })
    }

    /// Returns how a number is written.
    pub(super) fn write(&self, msisdn: u64) -> String {
        self.numbers.write(msisdn, self.key.as_bytes())
    }

    /// The same for one that is text already, with the `+` of international numbers where people read it.
    pub(super) fn write_text(&self, msisdn: &str) -> String {
        let written = msisdn.parse().map_or_else(|_| msisdn.to_owned(), |msisdn| self.write(msisdn));
        match self.numbers {
            Numbers::Mask | Numbers::Full if self.format == Format::Text => format!("+{written}"),
            _ => written,
        }
    }
}
