//! XML 1.0, both ways, on quick-xml.

mod encoding;
mod layout;
mod names;
mod read;
mod text;
mod write;

pub(super) use layout::layout;
pub(super) use names::is_name;
pub(super) use read::{find_document, read};
pub(super) use write::write;
