//! Campaigns: one profile, many handsets, no row lost and none doubled unaccounted for.
//!
//! ```text
//! campaign file, profile, table of subscribers
//!    └─ plan     every row read, checked, filled; its key kept in the store
//!         └─ run      slice by slice: leased, composed, handed to the route, recorded
//!              └─ status, report   counts, and what became of every handset
//! ```
//!
//! The key of a row covers campaign, number, variant and document, so that what was planned is what is sent, octet for
//! octet. [`store`] remembers, [`audit`] keeps
//! the evidence, [`compose`] makes messages, [`route`] hands them over, [`login`] hears who logged in, [`pipeline`] uses all cores
//! without changing the order. The library tells its [`Progress`](run::Progress) and draws nothing.

pub mod audit;
mod body;
pub mod campaign;
pub mod compose;
pub mod event;
pub mod login;
pub mod pipeline;
pub mod plan;
pub mod receipts;
pub mod report;
pub mod route;
pub mod run;
pub mod single;
pub mod status;
pub mod store;
pub mod units;
mod zone;
