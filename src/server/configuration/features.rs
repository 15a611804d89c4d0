//! Functions that are there and off: what they do is derived, since nobody is known to have built them.

use serde::Deserialize;

/// Functions that are offered only where one asks for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Features {
    /// Extended conversations (EXCON).
    pub extended_conversation: bool,
}
