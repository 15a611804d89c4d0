//! What routes there are, and which keys of their tables each knows.

use serde::Deserialize;

use super::{Part, RouteSettings};

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
    /// Messages as JSON lines on stdout.
    Stdout,
    /// A program that is given messages as JSON lines and answers in the same way.
    Exec,
    /// A gateway by HTTP requests.
    Http,
    /// A push proxy gateway.
    Pap,
}

impl RouteKind {
    /// Returns the word that the file uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Sim => "sim",
            Self::Smpp => "smpp",
            Self::Stdout => "stdout",
            Self::Exec => "exec",
            Self::Http => "http",
            Self::Pap => "pap",
        }
    }

    /// Returns the keys that it uses beside those of every route.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::File => &["path", "parts"],
            Self::Sim => &["path"],
            Self::Smpp => SMPP_KEYS,
            Self::Stdout => &["parts"],
            Self::Exec => &["parts", "command"],
            Self::Http => HTTP_KEYS,
            Self::Pap => &["url", "user", "password", "gateway", "edition"],
        }
    }
}

/// The keys of a message centre.
const SMPP_KEYS: &[&str] = &[
    "address",
    "system_id",
    "password",
    "system_type",
    "bind",
    "source",
    "source_ton",
    "source_npi",
    "service_type",
    "form",
    "esm_class",
    "data_coding",
    "registered_delivery",
    "validity",
    "enquire_link",
    "message_ids",
];

/// The keys of a gateway by HTTP requests.
const HTTP_KEYS: &[&str] = &[
    "url",
    "user",
    "password",
    "key",
    "from",
    "preset",
    "split",
    "dcs",
    "request",
    "answer",
    "receipts",
    "receipts_key",
];

impl RouteSettings {
    /// Returns the keys that were given and that not every route has.
    pub(super) fn own_keys(&self) -> Vec<&'static str> {
        let given = [
            ("path", self.path.is_some()),
            ("parts", self.parts != Part::usual()),
            ("address", self.address.is_some()),
            ("system_id", self.system_id.is_some()),
            ("system_type", self.system_type.is_some()),
            ("bind", self.bind.is_some()),
            ("source", self.source.is_some()),
            ("source_ton", self.source_ton.is_some()),
            ("source_npi", self.source_npi.is_some()),
            ("service_type", self.service_type.is_some()),
            ("form", self.form.is_some()),
            ("esm_class", self.esm_class.is_some()),
            ("data_coding", self.data_coding.is_some()),
            ("registered_delivery", self.registered_delivery.is_some()),
            ("validity", self.validity.is_some()),
            ("enquire_link", self.enquire_link.is_some()),
            ("message_ids", self.message_ids.is_some()),
            ("command", self.command.is_some()),
            ("url", self.url.is_some()),
            ("user", self.user.is_some()),
            ("password", self.password.is_some()),
            ("key", self.key.is_some()),
            ("from", self.from.is_some()),
            ("preset", self.preset.is_some()),
            ("split", self.split.is_some()),
            ("dcs", self.dcs.is_some()),
            ("request", self.request.is_some()),
            ("answer", self.answer.is_some()),
            ("receipts", self.receipts.is_some()),
            ("receipts_key", self.receipts_key.is_some()),
            ("gateway", self.gateway.is_some()),
            ("edition", self.edition.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(key, _)| key).collect()
    }
}
