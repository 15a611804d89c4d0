//! What an `http` route sends and reads: the tables of campaign files, and gateways that are known.
//!
//! A preset is a file of the same keys as the route's table, and what the table says is laid over it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};

/// A gateway whose requests and answers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Kannel 1.4.
    Kannel,
    /// NowSMS.
    Nowsms,
    /// A plain request in hex, to begin with.
    Generic,
}

/// Who cuts a message into short messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// We do: one request a short message.
    #[default]
    Us,
    /// The gateway does: one request, whose user data header names the ports alone.
    Gateway,
}

/// What is sent. Texts may have placeholders; a parameter of a placeholder without value is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// Parameters in the address.
    pub query: BTreeMap<String, String>,
    /// Parameters in the body, as forms write them; makes a POST.
    pub form: BTreeMap<String, String>,
    /// A body of JSON; makes a POST.
    pub json: Option<String>,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// Parameters that ask for receipts; sent beside the others where the route has `receipts`.
    pub receipts: BTreeMap<String, String>,
}

/// How an answer is read. Every rule that is given must hold for a message to count as taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// Statuses of HTTP; any of 200 to 299 where not given.
    pub status: Vec<u16>,
    /// The body begins with one of these.
    pub starts: Vec<String>,
    /// The body holds this.
    pub holds: Option<String>,
    /// Where the gateway's own code is.
    pub code: Option<Place>,
    /// The codes that mean taken; any other means refused.
    pub good: Vec<String>,
    /// Where the name is by which receipts will call the short message.
    pub id: Option<Place>,
}

/// Where in a body a value is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Place {
    /// The place in JSON (RFC 6901): `/messages/0/id`.
    pub pointer: Option<String>,
    /// Behind this text, where it stands first.
    pub after: Option<String>,
    /// Up to this text; to the end of the line where not given.
    pub until: Option<String>,
}

/// What a preset says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Known {
    pub(super) split: Split,
    pub(super) request: Request,
    pub(super) answer: Answer,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Kannel, Self::Nowsms, Self::Generic];

    /// Returns the preset's file.
    fn text(self) -> &'static str {
        match self {
            Self::Kannel => include_str!("presets/kannel.toml"),
            Self::Nowsms => include_str!("presets/nowsms.toml"),
            Self::Generic => include_str!("presets/generic.toml"),
        }
    }

    pub(super) fn read(self) -> Result<Known> {
        toml::from_str(self.text()).map_err(|error| Error::input(error.to_string()).at("preset"))
    }
}

impl Request {
    /// Lays another over this one.
    pub(super) fn lay(&mut self, over: &Self) {
        let pairs = [
            (&mut self.query, &over.query),
            (&mut self.form, &over.form),
            (&mut self.headers, &over.headers),
            (&mut self.receipts, &over.receipts),
        ];
        for (own, over) in pairs {
            own.extend(over.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        if over.json.is_some() {
            self.json.clone_from(&over.json);
        }
    }
}

impl Answer {
    /// Lays another over this one.
    pub(super) fn lay(&mut self, over: &Self) {
        let lists = [(&mut self.starts, &over.starts), (&mut self.good, &over.good)];
        for (own, over) in lists.into_iter().filter(|(_, over)| !over.is_empty()) {
            own.clone_from(over);
        }
        if !over.status.is_empty() {
            self.status.clone_from(&over.status);
        }
        if over.holds.is_some() {
            self.holds.clone_from(&over.holds);
        }
        for (own, over) in [(&mut self.code, &over.code), (&mut self.id, &over.id)] {
            if over.is_some() {
                own.clone_from(over);
            }
        }
    }
}
