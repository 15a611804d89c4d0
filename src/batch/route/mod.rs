//! Routes: how messages leave the house. Each is an EDGE.

mod file;
mod sim;

use crate::batch::store::DueRow;
use crate::cp::mac::{Imsi, Pin};
use crate::error::Result;

pub use file::FileRoute;
pub use sim::{Arrivals, SimRoute};

/// A message that is ready to leave.
#[derive(Debug)]
pub struct Message {
    /// The row that it was made from.
    pub row: DueRow,
    /// The message as a line of JSON, `impskit.message/1`, with its line end.
    pub line: Vec<u8>,
    /// The user PIN of the seal.
    pub pin: Option<Pin>,
    /// The identity of the SIM card in the seal.
    pub imsi: Option<Imsi>,
}

/// What a route says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// It was refused.
    Refused {
        /// Whether another attempt may succeed.
        may_retry: bool,
        /// The code, for counting.
        code: String,
        /// What happened, for people.
        text: String,
    },
}

/// A way out of the house.
pub trait Route {
    /// Returns how many messages are handed over at once; their fate is unknown after a crash, unless
    /// [`Self::written`] undoes what was not recorded.
    fn window(&self) -> usize;

    /// Hands messages over and says of each what became of it, in their order.
    ///
    /// # Errors
    ///
    /// Fails when the route as a whole does not work; no message counts as handed over then.
    fn submit(&mut self, messages: &[&Message]) -> Result<Vec<Outcome>>;

    /// Returns the route's name and how far its file is written, if it has one. The store keeps the length together
    /// with the results, and the route cuts the file back to it when it is opened: so nothing is ambiguous.
    fn written(&self) -> Option<(&str, u64)>;

    /// Makes sure that what was handed over outlives the machine.
    ///
    /// # Errors
    ///
    /// Fails when it cannot.
    fn finish(&mut self) -> Result<()>;
}
