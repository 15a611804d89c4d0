//! A `[[route]]` table, of a campaign file or of `impskit.toml` (`product.md` section 8.3).

use std::path::PathBuf;

use serde::Deserialize;

use super::http::{Answer, Preset, Request, Split};
use super::{Class, RouteKind};
use crate::batch::store::Timestamp;
use crate::batch::units::{QuietHours, Rate, are_naming, seconds, some_seconds};
use crate::delivery::smpp::{Form, Mode};
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;

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
    /// Where the message centre is, `HOST:PORT`: `smpp`, as all up to `message_ids`.
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
    /// The program and its arguments, no shell between: `exec`. A name with a `/` starts at the campaign file.
    pub command: Option<Vec<String>>,
    /// Where messages are sent to: `http`, `pap`.
    pub url: Option<String>,
    /// Who sends: `http`, `pap`.
    pub user: Option<String>,
    /// Where the password is kept: `http`, `pap`, `smpp`.
    pub password: Option<SecretSource>,
    /// Where another secret is kept that the gateway wants, such as the key of an interface: `http`.
    pub key: Option<SecretSource>,
    /// Who the message is from: `http`.
    pub from: Option<String>,
    /// A gateway whose requests and answers are known: `http`.
    pub preset: Option<Preset>,
    /// Who cuts a message into short messages: `http`.
    pub split: Option<Split>,
    /// The data coding scheme; 245 where not given: `http`.
    pub dcs: Option<u8>,
    /// What is sent, laid over the preset: `http`.
    pub request: Option<Request>,
    /// What is answered, laid over the preset: `http`.
    pub answer: Option<Answer>,
    /// Where the gateway is to send receipts to: `http`.
    pub receipts: Option<String>,
    /// Where the secret is kept by which receipts are known to be the gateway's: `http`.
    pub receipts_key: Option<SecretSource>,
    /// The host name of the gateway in the addresses of handsets; that of `url` where not given: `pap`.
    pub gateway: Option<String>,
    /// The edition of the protocol; `1.0` where not given: `pap`.
    pub edition: Option<String>,
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
    /// Returns the routes that need no table of their own: `file`, `stdout` and `sim`.
    pub fn named(name: &str) -> Option<Self> {
        let is_known = matches!(name, "file" | "stdout" | "sim");
        let table = is_known.then(|| format!("name = \"{name}\"\nkind = \"{name}\"\n"))?;
        toml::from_str(&table).ok()
    }

    /// Checks the values that have limits, and that each key is one of the kind.
    ///
    /// # Errors
    ///
    /// Says which is out of range, or of another kind.
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::input(what).at(self.place()));
        if !(1..=MOST_WINDOW).contains(&self.window) {
            return wrong(format!("`window` is {}, not 1 to {MOST_WINDOW}", self.window));
        }
        if !(1..=MOST_TIMEOUT).contains(&self.timeout) {
            return wrong(format!("`timeout` is {} s, not 1 s to {MOST_TIMEOUT} s", self.timeout));
        }
        let used = self.kind.keys();
        if let Some(key) = self.own_keys().into_iter().find(|key| !used.contains(key)) {
            let kind = self.kind.as_str();
            let error = Error::input(format!("routes of the kind `{kind}` have no `{key}`"));
            let used: Vec<String> = used.iter().map(|key| format!("`{key}`")).collect();
            return Err(error
                .at(self.place())
                .help(format!("beside what every route has they know {}", used.join(", "))));
        }
        Ok(())
    }

    /// Returns how errors name it.
    pub(super) fn place(&self) -> String {
        format!("route `{}`", self.name)
    }

    /// Returns the error of a key without which the kind does not work.
    pub(super) fn lacks(&self, key: &str, example: &str) -> Error {
        Error::input(format!("`{key}` is missing")).at(self.place()).help(format!("write `{key} = {example}`"))
    }

    /// Returns what the operator is to know before the first message leaves.
    pub fn note(&self) -> Option<&'static str> {
        match self.kind {
            RouteKind::Pap => Some(
                "gateways of this kind may drop SEC and MAC, and the message is then not trusted: check the first one \
                 that is delivered, for instance with `impskit decode`",
            ),
            _ => None,
        }
    }

    /// Returns what would make receipts come by this route; `None` where they can come.
    pub fn lacks_receipts(&self) -> Option<&'static str> {
        match self.kind {
            RouteKind::Exec => None,
            RouteKind::Http if self.receipts.is_some() => None,
            RouteKind::Http => Some(
                "write `receipts = \"http://HOST:PORT/api/v1/receipts/NAME\"` into the route, and run `impskit serve`",
            ),
            // By a transmitter none come, whatever is asked for.
            RouteKind::Smpp if self.bind != Some(Mode::Transmitter) && self.registered_delivery != Some(false) => None,
            RouteKind::Smpp => Some("bind as a transceiver, and leave `registered_delivery` out"),
            RouteKind::File | RouteKind::Stdout | RouteKind::Sim | RouteKind::Pap => {
                Some("use a route of the kind `http`, `smpp` or `exec`")
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_centre_gives_receipts_to_those_who_can_take_them_and_want_them() {
        for (more, is_lacking) in [
            ("", false),
            ("registered_delivery = true", false),
            ("bind = \"transceiver\"", false),
            ("registered_delivery = false", true),
            ("bind = \"transmitter\"", true),
            ("bind = \"transmitter\"\nregistered_delivery = true", true),
        ] {
            let table = format!("name = \"centre\"\nkind = \"smpp\"\naddress = \"127.0.0.1:2775\"\n{more}\n");
            let settings: RouteSettings = toml::from_str(&table).unwrap();
            assert_eq!(settings.lacks_receipts().is_some(), is_lacking, "{more}");
        }
    }
}
