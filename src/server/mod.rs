//! The IMPS server: an engine without I/O, its store, its HTTP edge.
//!
//! ```text
//! POST ── http ──> Engine ── service::perform ──> one handler a primitive
//!  (edge)          │  │ │                          │ its Context lends:
//!                  │  │ └ sessions: who is there   │  the caller, the sessions,
//!                  │  └ outboxes: what waits       │  the store, the outbox, now
//!                  └ store: what lasts             └─> Ok(answer) or a Fault with a status
//! ```
//!
//! The engine is told the time and what arrived, and answers what to send. Services do not call each other;
//! they meet in the store and the outboxes, and in two places above those: `watch` shows presence to those who may
//! see it, `post` brings messages and reports to their sessions.

mod agenda;
mod answer;
#[cfg(feature = "server")]
mod beside;
#[cfg(feature = "server")]
mod cir;
mod configuration;
mod content;
mod door;
mod engine;
mod fault;
#[cfg(feature = "server")]
pub mod http;
mod limits;
mod network;
mod origin;
mod outbox;
mod password;
mod post;
mod provided;
mod random;
mod service;
mod session;
mod store;
mod texting;
mod timestamp;
mod waking;
mod watch;

#[cfg(feature = "server")]
pub use beside::{Beside, Callback, Called, Feed, Greetings, has_key};
#[cfg(feature = "server")]
pub use cir::{SendShort, ShortContent, ShortMessage};
pub use configuration::{
    Access, AfterLogout, Cir, CirFlag, CirSms, ClientForms, Configuration, Features, ManagedDevice, Management,
    Network, Presence, Provider, Quotas, Receipts, Table, Tls,
};
pub use engine::{Engine, Input, Output, Request};
pub use network::NetworkPresence;
pub use origin::read_number;
pub use password::HashedPassword;
pub use provided::GroupRow;
pub use random::Random;
pub use store::{Durability, Store, SystemMessage, User};
pub use timestamp::Timestamp;
pub use waking::{Channel, Heard};

/// The path of the feed of logins: `GET /api/v1/logins?after=N`, lines of JSON `impskit.login/1`.
pub const LOGINS: &str = "/api/v1/logins";

/// The path where the network says what it knows of users: `POST /api/v1/presence`, lines of JSON.
pub const PRESENCE: &str = "/api/v1/presence";
