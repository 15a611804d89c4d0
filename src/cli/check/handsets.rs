//! Which handsets documents are for, and how much it may cost to send them.

use clap::Args;
use impskit::error::Result;
use impskit::provision::Pack;

use crate::cli::{Ui, device};

/// Which handsets documents are for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Handsets")]
pub(super) struct HandsetOptions {
    /// Tell what these handsets do with documents, messages and profiles: a model, or the file of a device pack
    #[arg(long, value_name = "MODEL|FILE.toml", value_delimiter = ',')]
    device: Vec<String>,
    /// The most SMS that a message may take
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..))]
    max_sms: Option<u8>,
}

impl HandsetOptions {
    /// Reads the packs of the handsets, of those that are `configured` where none are named; each has to be known.
    pub(super) fn read(&self, configured: &[String], ui: &mut Ui) -> Result<Vec<Pack>> {
        let named = if self.device.is_empty() { configured } else { &self.device };
        named.iter().map(|word| device::known(word, ui)).collect()
    }

    /// Returns the most SMS that a message may take, where that is said.
    pub(super) fn max_sms(&self) -> Option<usize> {
        self.max_sms.map(usize::from)
    }
}
