//! Looking at things: what is this, and why does it not fit?
//!
//! ```text
//! input ── transfer ── octets ── parts ── push ── document
//!          hex, dump,            SMS      WSP     WBXML, XML
//!          base64
//! ```
//!
//! [`picture`] shows a document to people.

pub mod picture;

mod layers;
mod parts;
mod seal;
mod summary;
mod transfer;

pub use layers::{Guess, Layer, MOST_INPUT, MacState, Options, Peeled, peel};
pub use seal::why;
pub use transfer::Form;
