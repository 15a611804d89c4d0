//! The properties of groups: their names, what each holds, which version has them (enumerations, GroupProperty and
//! OwnProperty).

use crate::csp::Version;
use crate::document::{boolean, integer};
use crate::server::store::groups;

/// What a property holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What people read.
    Text,
    /// `T` or `F`.
    Switch,
    /// A number from 0.
    Number,
    /// One of these.
    Word(&'static [&'static str]),
    /// Whether something is kept, or how much of it.
    Count,
    /// What only the server sets.
    ReadOnly,
}

/// A property: name, content, the value where none was set.
pub(super) type Row = (&'static str, Kind, &'static str);

/// Properties of a group: name, content, the value where none was set.
pub(super) const PROPERTIES: &[Row] = &[
    ("Name", Kind::Text, ""),
    ("AccessType", Kind::Word(&["Open", "Restricted"]), "Open"),
    ("Type", Kind::Word(&["Public", "Private"]), "Private"),
    ("PrivateMessaging", Kind::Switch, "T"),
    ("Searchable", Kind::Switch, "F"),
    ("Topic", Kind::Text, ""),
    ("ActiveUsers", Kind::ReadOnly, ""),
    ("MaxActiveUsers", Kind::Number, ""),
    ("AutoDelete", Kind::Switch, "F"),
    ("Validity", Kind::Number, ""),
    ("History", Kind::Count, "F"),
    ("RequireInvitation", Kind::Switch, "F"),
    ("MinimumAge", Kind::Number, ""),
    ("ShowID", Kind::Switch, "F"),
];

/// Properties of a user in a group.
pub(super) const OWN_PROPERTIES: &[Row] = &[
    ("IsMember", Kind::ReadOnly, ""),
    ("PrivilegeLevel", Kind::ReadOnly, ""),
    ("PrivateMessaging", Kind::Switch, "T"),
    ("AutoJoin", Kind::Switch, "F"),
    ("ShowID", Kind::Switch, ""),
];

/// Characters of a name or topic: more than twice what handsets write.
pub(super) const MOST_TEXT: usize = 255;

/// Returns the name and the value of a property as they are stored; `None` where it is none of `known`, or its value
/// cannot be. Names are compared without case.
pub(super) fn read(known: &[Row], name: &str, value: &str) -> Option<(&'static str, String)> {
    let (name, kind, _) = known.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
    let value = match kind {
        Kind::Text => (value.chars().count() <= MOST_TEXT).then(|| value.to_owned()),
        Kind::Switch => boolean(value).map(switch),
        Kind::Number => integer(value).map(|number| number.to_string()),
        Kind::Word(words) => words.iter().find(|word| word.eq_ignore_ascii_case(value)).map(|word| (*word).to_owned()),
        Kind::Count => match integer(value) {
            Some(0) => Some(switch(false)),
            Some(count) => (count as usize <= groups::MOST_HISTORY).then(|| count.to_string()),
            None => boolean(value).map(switch),
        },
        Kind::ReadOnly => None,
    };
    Some((*name, value?))
}

fn switch(on: bool) -> String {
    if on { "T" } else { "F" }.to_owned()
}

/// Reads a property of a group.
pub(crate) fn read_common(name: &str, value: &str) -> Option<(&'static str, String)> {
    read(PROPERTIES, name, value)
}

/// Returns whether a version has a property.
pub(super) fn exists(name: &str, version: Version) -> bool {
    match name {
        "AutoDelete" | "Validity" | "ShowID" => version > Version::V1_1,
        "History" | "RequireInvitation" | "MinimumAge" => version == Version::V1_3,
        _ => true,
    }
}

/// Returns the name of a property as the version spells it (CSP in XML, section 4).
pub(super) fn name_in(version: Version, name: &'static str) -> &'static str {
    if name == "AccessType" && version < Version::V1_3 { "Accesstype" } else { name }
}
