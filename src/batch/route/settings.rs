//! A `[[route]]` table, of a campaign file or of `impskit.toml` (`product.md` section 8.3).

use std::path::PathBuf;

use serde::Deserialize;

use super::Class;
use crate::batch::store::Timestamp;
use crate::batch::units::{QuietHours, Rate, are_naming, seconds, some_seconds};
use crate::delivery::smpp::{Form, Mode};
use crate::error::{Error, Result};

/// Largest window: results are written in groups of this many.
pub const MOST_WINDOW: usize = 500;
/// Longest time to wait for an answer, in seconds.
const MOST_TIMEOUT: Timestamp = 300;

/// A route as the file says it. Keys that a kind does not use are errors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// What `routes` names it by.
    pub name: String,
    /// What it is.
    pub kind: RouteKind,
    /// Short messages in a second, of all workers together; as fast as it goes where not given.
    pub rate: Option<Rate>,
    /// Messages on their way at once, whose fate a crash leaves unknown.
    #[serde(default = "default_window")]
    pub window: usize,
    /// Seconds to wait for an answer.
    #[serde(default = "default_timeout", deserialize_with = "seconds")]
    pub timeout: Timestamp,
    /// Hours in which it sends nothing, in the recipient's own time.
    pub quiet_hours: Option<QuietHours>,
    /// Codes after which another attempt may succeed; `*` at the end stands for any rest, as in the next two.
    #[serde(default)]
    pub temporary: Vec<String>,
    /// Codes that are final.
    #[serde(default)]
    pub permanent: Vec<String>,
    /// Codes that ask for a slower pace; they cost no attempt.
    #[serde(default)]
    pub throttled: Vec<String>,
    /// The file that it writes, relative to the campaign file: `file`, `sim`.
    pub path: Option<PathBuf>,
    /// What a line of JSON holds: `file`, `stdout`, `exec`.
    #[serde(default = "Part::usual")]
    pub parts: Vec<Part>,
    /// Where the message centre is, `HOST:PORT`: `smpp`, as all that follow.
    pub address: Option<String>,
    /// The account.
    pub system_id: Option<String>,
    /// What kind of system we are, where the centre wants to know.
    pub system_type: Option<String>,
    /// Transceiver or transmitter.
    pub bind: Option<Mode>,
    /// Who messages are from: `+` and digits, a short code, or a word.
    pub source: Option<String>,
    /// Its type of number, where its form does not tell.
    pub source_ton: Option<u8>,
    /// Its numbering plan, where its form does not tell.
    pub source_npi: Option<u8>,
    /// The service, where the centre wants to know.
    pub service_type: Option<String>,
    /// How a push is handed over.
    pub form: Option<Form>,
    /// The mode of messages, 0 to 3; whether there is a user data header follows from the form.
    pub esm_class: Option<u8>,
    /// The coding; 4 where not given.
    pub data_coding: Option<u8>,
    /// Whether receipts are asked for.
    pub registered_delivery: Option<bool>,
    /// How long the centre tries, in seconds.
    #[serde(default, deserialize_with = "some_seconds")]
    pub validity: Option<Timestamp>,
    /// Seconds of silence after which the centre is asked whether it is there.
    #[serde(default, deserialize_with = "some_seconds")]
    pub enquire_link: Option<Timestamp>,
    /// How the centre writes the names of messages.
    pub message_ids: Option<MessageIds>,
}

/// How a centre writes the names of messages: some answer in hexadecimal and send receipts in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageIds {
    /// The same both times.
    #[default]
    Same,
    /// Answers in hexadecimal, receipts in decimal.
    HexDecimal,
    /// Answers in decimal, receipts in hexadecimal.
    DecimalHex,
}

/// What a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// Messages as JSON lines in a file.
    File,
    /// Simulated handsets.
    Sim,
    /// A message centre by SMPP.
    Smpp,
}

/// A part of a message as a line of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The push PDU.
    Push,
    /// The TPDUs.
    Pdus,
    /// The document in WBXML.
    Document,
    /// The document in XML.
    Xml,
}

impl Part {
    /// Returns what a line holds where nothing is chosen.
    pub fn usual() -> Vec<Self> {
        vec![Self::Push, Self::Pdus, Self::Document]
    }
}

impl RouteSettings {
    /// Returns the routes that need no table of their own: `file` and `sim`.
    pub fn named(name: &str) -> Option<Self> {
        let kind = match name {
            "file" => RouteKind::File,
            "sim" => RouteKind::Sim,
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            kind,
            rate: None,
            window: default_window(),
            timeout: default_timeout(),
            quiet_hours: None,
            temporary: Vec::new(),
            permanent: Vec::new(),
            throttled: Vec::new(),
            path: None,
            parts: Part::usual(),
            address: None,
            system_id: None,
            system_type: None,
            bind: None,
            source: None,
            source_ton: None,
            source_npi: None,
            service_type: None,
            form: None,
            esm_class: None,
            data_coding: None,
            registered_delivery: None,
            validity: None,
            enquire_link: None,
            message_ids: None,
        })
    }

    /// Checks the values that have limits.
    ///
    /// # Errors
    ///
    /// Says which is out of range.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::input(what).at(format!("route `{}`", self.name)));
        if !(1..=MOST_WINDOW).contains(&self.window) {
            return wrong(format!("`window` is {}, not 1 to {MOST_WINDOW}", self.window));
        }
        if !(1..=MOST_TIMEOUT).contains(&self.timeout) {
            return wrong(format!("`timeout` is {} s, not 1 s to {MOST_TIMEOUT} s", self.timeout));
        }
        Ok(())
    }

    /// Returns what a code means: as the table says, else `usual`.
    pub fn class(&self, code: &str, usual: Class) -> Class {
        let lists = [
            (&self.permanent, Class::Permanent),
            (&self.temporary, Class::Temporary),
            (&self.throttled, Class::Throttled),
        ];
        lists.into_iter().find(|(codes, _)| are_naming(codes, code)).map_or(usual, |(_, class)| class)
    }
}

fn default_window() -> usize {
    50
}

fn default_timeout() -> Timestamp {
    20
}
