//! How a document reaches the handset: as a push, in segments, by SMS.
//!
//! ```text
//! document ── Push: content type, SEC, MAC ── wsp: the push PDU ── wdp: segments for a port ── sms: one TPDU a segment
//! ```
//!
//! [`wsp`], [`wdp`] and [`sms`] each read and write one layer; [`smpp`] carries segments to a message centre, [`pap`] the push
//! to a push proxy gateway. [`Outgoing`] goes from the document to the TPDUs at once, into
//! buffers that are used again: that is what campaigns and `build` use.

mod address;
pub(crate) mod form;
mod outgoing;
pub mod pap;
mod receive;
mod rules;
pub mod smpp;
pub mod sms;
pub mod text;
pub mod wdp;
pub mod wsp;

pub use outgoing::{Bearing, Outgoing, most_octets, sms_count, spare_octets};
pub use receive::{Received, receive};
pub use rules::*;
