//! How numbers of subscribers are written where others read them (`[privacy]`).

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::provision::Numbers;
use crate::provision::profile::SecretSource;

/// How numbers are written where they are told. What is handed over and what is evidence has them whole: messages, exports,
/// reports, the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Privacy {
    /// In logs, where findings about tables are told, and in the text that commands write about handsets.
    pub log_numbers: Numbers,
    /// In the events of campaigns, and in the JSON that commands write about handsets.
    pub event_numbers: Numbers,
    /// Where the key is kept that tokens are made with.
    pub token_key: Option<SecretSource>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { log_numbers: Numbers::Mask, event_numbers: Numbers::Full, token_key: None }
    }
}

impl Privacy {
    pub(super) fn check(&self) -> Result<()> {
        let both = [(self.log_numbers, "privacy.log_numbers"), (self.event_numbers, "privacy.event_numbers")];
        match both.iter().find(|(numbers, _)| *numbers == Numbers::Token && self.token_key.is_none()) {
            None => Ok(()),
            Some((_, key)) => {
                let error = Error::input("there is no key to make tokens with").at(*key);
                Err(error.help("write `token_key = { file = \"NAME\" }` into `[privacy]`"))
            }
        }
    }
}
