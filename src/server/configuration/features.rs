//! Functions that are there and off: what they do is derived, since nobody is known to have built them.

use serde::Deserialize;

/// Functions that are offered only where one asks for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features {
    /// Extended conversations (EXCON).
    pub extended_conversation: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeaturesTable {
    #[serde(default)]
    extended_conversation: bool,
}

impl FeaturesTable {
    pub(super) fn read(&self) -> Features {
        Features { extended_conversation: self.extended_conversation }
    }
}
