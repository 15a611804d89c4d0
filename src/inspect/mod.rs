//! Looking at things: what is this, and why does it not fit?
//!
//! ```text
//! input ── transfer ── octets ── parts ── push ── document
//!          hex, dump,            SMS,     WSP,    WBXML, XML
//!          base64, URL           SMPP     PAP
//! ```
//!
//! `guess` says what an input may be, `peeler` reads the likeliest layer by layer, `seal` checks the MAC and
//! `reasons` explains a wrong one.
//!
//! [`check()`] reports what is wrong with every layer, [`format()`] lays a text out, [`trial`] builds a profile in every
//! form, and [`picture`] shows a document to people.

pub mod difference;
pub mod picture;
pub mod trial;

mod check;
mod cost;
mod format;
mod guess;
mod layers;
mod lines;
mod parts;
mod pasted;
mod pdu;
mod peeler;
mod quoted;
mod reasons;
mod request;
mod seal;
mod summary;
mod transfer;

pub use check::{Judged, PUSH, SMS, check, inside};
pub use cost::Cost;
pub use format::format;
pub use layers::{Guess, Layer, LayerKind, MOST_INPUT, MOST_SHOWN, MacState, Options, Peeled, peel};
pub use reasons::why;
pub use transfer::Form;
