//! The IMPS client-server language, versions 1.1, 1.2 and 1.3.
//!
//! ```text
//! octets ── wire ──> Message { session, transactions [ primitive: Element ] } ── wire ──> octets
//!                       │                       │
//!                    Version            Primitive (the table), Services (what is agreed),
//!                                       Outcome and Code (Result), Address, Schema (digests)
//! ```
//!
//! Primitives stay elements: their content is declared in `elements.tsv`, one row a version and element, and read
//! by name. [`ids`] reads and writes the places where versions differ in form.

mod address;
mod changes;
pub mod cir;
mod digest;
pub mod ids;
mod message;
mod primitive;
mod rules;
pub mod segments;
mod service;
mod status;
pub mod wire;

pub use address::{Address, BadAddress, is_same};
pub use changes::Changes;
pub(crate) use changes::{
    AVAILABLE_ONLINE, BARE_GROUPS, IS_ASKED, MAKES_LISTS, NEEDS_ALIAS, ONE_PRESENCE, REUSES_IDS, TAKES_SILENTLY,
    WHOLE_PRESENCE,
};
pub use digest::Schema;
pub use message::{Discovery, Malformed, Message, Mode, Session, Transaction};
pub use primitive::{Kind, Primitive, Sender};
pub use rules::{RULES, fault};
pub use service::Services;
pub use status::{Code, Detail, Outcome};

use std::sync::LazyLock;

use crate::document::{CodeTable, Grammar, PtsForm, PublicId, TokenTable, Vocabulary, WbxmlForm};

/// A version of CSP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// CSP 1.1.
    V1_1,
    /// CSP 1.2.
    V1_2,
    /// CSP 1.3.
    V1_3,
}

impl Version {
    /// All versions, newest first.
    pub const ALL: [Self; 3] = [Self::V1_3, Self::V1_2, Self::V1_1];

    /// Returns `1.1`, `1.2` or `1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// Returns the version that `text` names: `1.1`, `1.2` or `1.3`.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// Returns the version that one of our namespaces belongs to.
    pub(crate) fn from_namespace(namespace: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.vocabulary().namespaces.contains(&namespace))
    }

    /// Returns the version that a WBXML public identifier stands for.
    pub(crate) fn from_public_id(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.vocabulary().public_ids.iter().any(|id| id.number == number))
    }

    /// Returns the namespaces of session, transaction and presence.
    pub fn namespaces(self) -> [&'static str; 3] {
        let all = self.vocabulary().namespaces;
        [all[0], all[1], all[2]]
    }

    /// Returns the vocabulary of this version.
    pub fn vocabulary(self) -> &'static Vocabulary {
        match self {
            Self::V1_1 => &V1_1,
            Self::V1_2 => &V1_2,
            Self::V1_3 => &V1_3,
        }
    }
}

/// The codes of the plain text syntax: those that a shipped client writes or reads, the same in all versions.
static PTS_CODES: LazyLock<CodeTable> = LazyLock::new(|| CodeTable::read(include_str!("pts_codes.tsv")));

/// Returns the codes of the plain text syntax that a source knows.
pub fn text_codes() -> &'static CodeTable {
    &PTS_CODES
}

/// A phone maker's reader knows value tokens only in leaves that have words of their own, and drops them in others.
const SAID_BY_PEOPLE: &[&str] = &["ContentData", "Description", "InviteNote", "ResponseNote", "SName"];

macro_rules! vocabulary {
    ($name:ident, $id:literal, $version:literal, $digits:literal, $tokens:literal, $roots:expr, $namespaces:expr, $public:expr, $dates:expr, $check:expr) => {
        /// The vocabulary of one version of CSP.
        pub static $name: Vocabulary = Vocabulary {
            id: $id,
            name: concat!("CSP ", $version, " message"),
            roots: $roots,
            fragments: &[],
            namespaces: $namespaces,
            doctype: None,
            public_ids: $public,
            tokens: LazyLock::new(|| TokenTable::read(&[include_str!($tokens)])),
            grammar: LazyLock::new(|| grammar($version)),
            structure: Some(rules::STRUCTURE),
            check: $check,
            wbxml: WbxmlForm {
                opaque_dates: $dates,
                attribute_prefixes: true,
                plain_leaves: SAID_BY_PEOPLE,
                ..WbxmlForm::PLAIN
            },
            pts: Some(PtsForm { version: $digits, codes: &PTS_CODES }),
        };
    };
}

vocabulary!(
    V1_1,
    "csp-1.1",
    "1.1",
    "11",
    "tokens-1.1.tsv",
    &["WV-CSP-Message"],
    &[
        "http://www.wireless-village.org/CSP1.1",
        "http://www.wireless-village.org/TRC1.1",
        "http://www.wireless-village.org/PA1.1"
    ],
    &[
        PublicId { number: 0x10, text: "-//WIRELESSVILLAGE//DTD CSP 1.1//EN" },
        PublicId { number: 0x10, text: "-//OMA//DTD WV-CSP 1.1//EN" },
    ],
    false,
    |root, report| rules::check(Version::V1_1, root, report)
);
vocabulary!(
    V1_2,
    "csp-1.2",
    "1.2",
    "12",
    "tokens-1.2.tsv",
    &["WV-CSP-Message", "WV-CSP-NSDiscovery-Request", "WV-CSP-NSDiscovery-Response"],
    &[
        "http://www.openmobilealliance.org/DTD/WV-CSP1.2",
        "http://www.openmobilealliance.org/DTD/WV-TRC1.2",
        "http://www.openmobilealliance.org/DTD/WV-PA1.2",
        "http://www.openmobilealliance.org/WV-CSP1.2",
    ],
    &[PublicId { number: 0x11, text: "-//OMA//DTD WV-CSP 1.2//EN" }],
    false,
    |root, report| rules::check(Version::V1_2, root, report)
);
vocabulary!(
    V1_3,
    "csp-1.3",
    "1.3",
    "13",
    "tokens-1.3.tsv",
    &["WV-CSP-Message", "WV-CSP-VersionDiscovery-Request", "WV-CSP-VersionDiscovery-Response"],
    &[
        "http://www.openmobilealliance.org/DTD/IMPS-CSP1.3",
        "http://www.openmobilealliance.org/DTD/IMPS-TRC1.3",
        "http://www.openmobilealliance.org/DTD/IMPS-PA1.3",
    ],
    &[PublicId { number: 0x12, text: "-//OMA//DTD IMPS-CSP 1.3//EN" }],
    true,
    |root, report| rules::check(Version::V1_3, root, report)
);

/// Returns the words of an enumeration of `enums.tsv` that exist in `version`.
pub(crate) fn words(version: &str, list: &str) -> &'static [&'static str] {
    let column = match version {
        "1.1" => 2,
        "1.2" => 3,
        _ => 4,
    };
    let rows = include_str!("enums.tsv").lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    let words: Vec<&'static str> = rows
        .filter(|cells| cells[0] == list && cells.get(column).is_some_and(|cell| *cell != "-"))
        .map(|cells| cells[1])
        .collect();
    words.leak()
}

fn grammar(version: &'static str) -> Grammar {
    let rows = include_str!("primitives.tsv").lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    let primitives: Vec<&'static str> = rows.filter(|cells| cells[0] == version).map(|cells| cells[1]).collect();
    Grammar::read(include_str!("elements.tsv"), version, |list| words(version, list), &primitives)
}
