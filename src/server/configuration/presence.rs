//! How presence is checked and kept.

use serde::Deserialize;

use crate::provision::profile::SecretSource;

/// How presence is checked and kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whether words that no enumeration has, and forms that are only derived, are refused with 751.
    pub is_strict: bool,
    /// What is left of what a user said when its last client is gone.
    pub after_logout: AfterLogout,
    /// Where the token is kept of who may say what the network knows, if anybody may.
    pub network_token: Option<SecretSource>,
}

/// What is left of what a user said of itself when its last client is gone; what was said of a client never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterLogout {
    /// All that is said of the user.
    #[default]
    User,
    /// The nickname, and no more.
    Alias,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresenceTable {
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    after_logout: AfterLogout,
    network_token: Option<SecretSource>,
}

impl PresenceTable {
    pub(super) fn read(self) -> Presence {
        Presence { is_strict: self.strict, after_logout: self.after_logout, network_token: self.network_token }
    }
}
