//! How the server is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How one server is set up. The defaults are those of a server that runs out of the box on the loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The home domain, in lower case.
    pub domain: String,
    /// Where the store is; `None` keeps everything in memory.
    pub store: Option<PathBuf>,
    /// How long a stopping server waits for requests in flight.
    pub drain: Duration,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The path that messages are posted to.
    pub path: String,
    /// The largest body in octets.
    pub max_body: usize,
    /// The longest time that a session may be silent.
    pub session_ttl: Duration,
    /// The least seconds between two polls that clients are told.
    pub poll_min: u32,
    /// How much one user may have.
    pub quotas: Quotas,
}

/// How much one user may have of what it makes (abuse case C09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Sessions at once; one more is refused with 603.
    pub sessions: usize,
    /// Messages waiting; one more is refused with 507.
    pub stored_messages: usize,
    /// Contact lists; one more is refused with 753.
    pub contact_lists: usize,
    /// Contacts of one list; one more is refused with 754.
    pub contacts: usize,
    /// Groups owned; one more is refused with 814.
    pub groups: usize,
    /// Members of one group.
    pub group_members: usize,
    /// Presence subscriptions.
    pub subscriptions: usize,
    /// Blocked or granted entities.
    pub blocked: usize,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            domain: "localhost".into(),
            store: None,
            drain: Duration::from_secs(20),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            path: "/csp".into(),
            max_body: 256 << 10,
            session_ttl: Duration::from_secs(1800),
            poll_min: 5,
            quotas: Quotas::default(),
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            sessions: 4,
            stored_messages: 200,
            contact_lists: 20,
            contacts: 200,
            groups: 20,
            group_members: 200,
            subscriptions: 500,
            blocked: 200,
        }
    }
}
