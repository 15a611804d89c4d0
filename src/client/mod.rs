//! The other end: a client engine, conversation scripts, an HTTP edge.
//!
//! ```text
//! what a user wants ── Event ──> Client ── Output::Post ──> transport ── Event::Answer ──> Client
//!                                  └── Output: answers, what the server opened, the session's end
//! ```
//!
//! The engine does no I/O and is told the time, as the server's is; [`script`] and [`conversation`] let several of
//! them talk to anything that answers octets.

pub mod air;
#[cfg(feature = "server")]
pub mod cir;
pub mod conversation;
mod engine;
mod exchange;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod latencies;
#[cfg(feature = "server")]
pub mod load;
#[cfg(feature = "server")]
pub mod management;
mod negotiation;
pub mod primitives;
pub mod rounds;
pub mod script;
mod serving;
pub mod texting;
#[cfg(all(feature = "tls", feature = "server"))]
mod tls;
pub mod transcript;
mod waking;
mod words;

pub use engine::{Client, Event, Output};
pub use negotiation::{Identity, Negotiation};
pub use waking::Ways;
