//! Routes: how messages leave the house. Each is an EDGE.

mod codes;
mod exec;
mod file;
mod http;
mod ids;
mod kind;
mod open;
mod pap;
mod receipt;
mod settings;
mod sim;
#[cfg(feature = "smpp")]
mod smpp;
mod stdout;
#[cfg(test)]
mod testing;

use serde::Deserialize;

use crate::batch::store::{DueRow, Timestamp};
use crate::cp::mac::{Imsi, Mac, Pin, Security};
use crate::delivery::smpp::MessageState;
use crate::error::Result;

pub use codes::{CODES, Code, code, usual};
pub use exec::ExecRoute;
pub use file::FileRoute;
pub use http::{Answer, HttpRoute, Place, Preset, Request, Split};
pub(super) use http::{Client, Reply, is_open, read_url};
pub use kind::RouteKind;
pub use open::{Log, Surroundings, open};
pub use pap::PapRoute;
pub use receipt::{Receipts, read_receipts};
pub use settings::{MOST_WINDOW, MessageIds, Part, RouteSettings};
pub use sim::{Arrivals, SimRoute};
#[cfg(feature = "smpp")]
pub use smpp::SmppRoute;
pub use stdout::StdoutRoute;

/// A message that is ready to leave.
#[derive(Debug)]
pub struct Message {
    /// The row that it was made from.
    pub row: DueRow,
    /// How many short messages it takes.
    pub sms: u32,
    /// What the route asked for: [`Route::needs`].
    pub body: Body,
    /// The user PIN of the seal.
    pub pin: Option<Pin>,
    /// The identity of the SIM card in the seal.
    pub imsi: Option<Imsi>,
}

/// A message in the form that its route takes.
#[derive(Debug)]
pub enum Body {
    /// A line of JSON, `impskit.message/1`, with its line end.
    Line(Vec<u8>),
    /// Its pieces.
    Parts(Box<Parts>),
}

/// The pieces of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The key of the row in upper-case hex: the same message has the same.
    pub key: String,
    /// The document in WBXML.
    pub document: Vec<u8>,
    /// How it is sealed, and the MAC; `None` for no seal.
    pub seal: Option<(Security, Mac)>,
    /// The push PDU: WSP headers and document.
    pub push: Vec<u8>,
    /// The user data of each short message: user data header and its piece of the push.
    pub segments: Vec<Vec<u8>>,
}

/// What a route wants to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// [`Body::Line`] with these parts.
    Line(Vec<Part>),
    /// [`Body::Parts`].
    Parts,
}

/// What to do after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Another attempt may succeed.
    Temporary,
    /// It is final.
    Permanent,
    /// The route is to go slower; it costs no attempt.
    Throttled,
    /// The gateway takes nothing from us, for instance for a wrong password: the campaign stops; it costs no attempt.
    Denied,
}

impl Class {
    /// Returns the word that files use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
        }
    }
}

/// What a route says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken {
        /// The names by which receipts will call its short messages; empty where there are none.
        ids: Vec<String>,
    },
    /// It was refused.
    Refused {
        /// What to do.
        class: Class,
        /// The code, for counting: `http:503`, `smpp:0x0B`.
        code: String,
        /// What happened, for people.
        text: String,
    },
    /// It may have been taken: there was no answer, or none that can be read.
    Unknown {
        /// The code, for counting.
        code: String,
        /// What happened, for people.
        text: String,
    },
    /// It was not handed over; it costs no attempt.
    NotSent,
}

/// What is behind a route: it says when the next message may leave, and keeps what comes back.
pub trait Pace {
    /// Waits until `sms` short messages may leave. `false`: nothing more is to be sent, leave the rest as
    /// [`Outcome::NotSent`].
    fn take(&mut self, sms: u32) -> bool;

    /// Goes slower for a while: the gateway asked for it.
    fn throttled(&mut self);

    /// Stores receipts. `false`: that cannot be done, and the gateway is not to be told that they were taken.
    fn keep(&mut self, receipts: &[Receipt]) -> bool;
}

/// What a gateway says about a short message later on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The name that the route gave it: one of [`Outcome::Taken`].
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// The gateway's code, for counting: `smpp:stat:UNDELIV`.
    pub code: Option<String>,
    /// When, if the gateway says so.
    pub at: Option<Timestamp>,
}

/// What became of a short message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// The handset has it.
    Delivered,
    /// It will not get it.
    Failed,
    /// Its time was over.
    Expired,
    /// It is still on its way: nothing changes.
    Pending,
}

impl Fate {
    /// Returns the word that the store uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Pending => "pending",
        }
    }

    /// Returns the fate that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Delivered, Self::Failed, Self::Expired, Self::Pending].into_iter().find(|fate| fate.as_str() == word)
    }
}

impl From<MessageState> for Fate {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Delivered => Self::Delivered,
            MessageState::Expired => Self::Expired,
            MessageState::Deleted | MessageState::Undeliverable | MessageState::Rejected => Self::Failed,
            MessageState::Enroute | MessageState::Accepted | MessageState::Unknown => Self::Pending,
        }
    }
}

/// A way out of the house.
pub trait Route: Send {
    /// Returns what it wants to be given.
    fn needs(&self) -> Needs;

    /// Returns how many messages are handed over at once; their fate is unknown after a crash, unless
    /// [`Self::written`] undoes what was not recorded.
    fn window(&self) -> usize;

    /// Hands messages over, each when `pace` lets it, and says of each what became of it, in their order.
    ///
    /// # Errors
    ///
    /// Fails when the route as a whole does not work; no message counts as handed over then.
    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>>;

    /// Hands the receipts that came in since the last call to [`Pace::keep`]; a gateway that waits for an answer gets it
    /// only then, so that no crash loses one.
    fn listen(&mut self, _pace: &mut dyn Pace) {}

    /// Returns the route's name and how far its file is written, if it has one. The store keeps the length together
    /// with the results, and the route cuts the file back to it when it is opened: so nothing is ambiguous.
    fn written(&self) -> Option<(&str, u64)> {
        None
    }

    /// Makes sure that what was handed over outlives the machine.
    ///
    /// # Errors
    ///
    /// Fails when it cannot.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Makes a text of others fit for a line: bounded, without control characters.
pub(super) fn clean(text: &str) -> String {
    const MOST: usize = 200;
    let is_long = text.chars().nth(MOST).is_some();
    let line = text.trim().chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c });
    line.chain(is_long.then_some('…')).collect()
}
