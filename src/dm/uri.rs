//! Addresses of nodes: `./A/B/C`, relative to the root of a device tree (DM Tree and Description, "URI").

use std::fmt;
use std::str::FromStr;

/// The address of a node. `./A/B` and `A/B` are one address; the root is `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uri {
    /// The segments joined by `/`; empty for the root.
    path: String,
}

impl Uri {
    /// Segments of an address at the most, so that every tree fits into the readers' nesting limit.
    pub const MOST_SEGMENTS: usize = 56;
    /// Octets of an address at the most; devices state far smaller limits in `./DevDetail/URI`.
    pub const MOST_OCTETS: usize = 8192;

    /// Returns the address of the root.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads an address: segments separated by `/`, `./` only at the start, no `/` at the end.
    ///
    /// # Errors
    ///
    /// Says what is wrong with `text`.
    pub fn read(text: &str) -> Result<Self, BadUri> {
        let path = match text {
            "." | "" => return Ok(Self::root()),
            _ => text.strip_prefix("./").unwrap_or(text),
        };
        if text.len() > Self::MOST_OCTETS {
            return Err(BadUri::TooLong);
        }
        if path.split('/').count() > Self::MOST_SEGMENTS {
            return Err(BadUri::TooDeep);
        }
        if path.starts_with('/') || path.is_empty() {
            return Err(BadUri::NotRelative);
        }
        if path.ends_with('/') {
            return Err(BadUri::SlashAtEnd);
        }
        match path.split('/').find(|name| !is_name(name)) {
            Some(name) => Err(BadUri::Segment(name.to_owned())),
            None => Ok(Self { path: path.to_owned() }),
        }
    }

    /// Returns the address of the child `name` of this node. The caller has checked the name with [`is_name`].
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut longer = self.clone();
        longer.push(name);
        longer
    }

    /// Returns the address that `other` has below this node.
    #[must_use]
    pub fn below(&self, other: &Self) -> Self {
        if other.is_root() { self.clone() } else { self.join(&other.path) }
    }

    /// Returns the address of the parent; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let path = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Some(Self { path: path.to_owned() })
    }

    /// Returns the last segment; `.` for the root.
    pub fn name(&self) -> &str {
        if self.is_root() { "." } else { self.path.rsplit('/').next().unwrap_or_default() }
    }

    /// Returns the segments from the root down.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.path.split('/').filter(|name| !name.is_empty())
    }

    /// Returns the number of segments.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// Returns the number of octets of the address as it is written.
    pub(super) fn octets(&self) -> usize {
        self.path.len() + 2
    }

    /// Returns whether this is the root.
    pub(crate) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns what is left of this address below `other`, if it lies there.
    pub fn within(&self, other: &Self) -> Option<Self> {
        if other.is_root() {
            return Some(self.clone());
        }
        match self.path.strip_prefix(&other.path)? {
            "" => Some(Self::root()),
            rest => rest.strip_prefix('/').map(|path| Self { path: path.to_owned() }),
        }
    }

    /// Goes down to the child `name`.
    pub(super) fn push(&mut self, name: &str) {
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
    }

    /// Goes back up by one segment.
    pub(super) fn pop(&mut self) {
        self.path.truncate(self.path.rfind('/').unwrap_or(0));
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str(".") } else { write!(f, "./{}", self.path) }
    }
}

impl FromStr for Uri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        Self::read(text)
    }
}

/// Returns whether `name` may name a node: one segment without `/`, `?`, blanks or control characters, not `.` or `..`
/// (DM Tree and Description, "URI"; DDF rule D29).
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == '?' || c.is_whitespace() || c.is_control())
}

/// Why a text is no address of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadUri {
    /// It starts with `/` or names nothing.
    NotRelative,
    /// It ends with `/`.
    SlashAtEnd,
    /// One segment is no node name.
    Segment(String),
    /// It has more segments than [`Uri::MOST_SEGMENTS`].
    TooDeep,
    /// It has more octets than any address may have.
    TooLong,
}

impl fmt::Display for BadUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRelative => f.write_str("an address starts with `./` or a name"),
            Self::SlashAtEnd => f.write_str("an address does not end with `/`"),
            Self::Segment(name) => write!(f, "`{}` cannot name a node", name.escape_debug()),
            Self::TooDeep => write!(f, "an address has at most {} segments", Uri::MOST_SEGMENTS),
            Self::TooLong => write!(f, "an address has at most {} octets", Uri::MOST_OCTETS),
        }
    }
}

impl std::error::Error for BadUri {}

/// What a device says in `./DevDetail/URI` of the addresses that it can hold; 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UriLimits {
    /// Segments at the most (`MaxDepth`).
    pub depth: u16,
    /// Characters of the whole address at the most (`MaxTotLen`).
    pub total: u16,
    /// Characters of one segment at the most (`MaxSegLen`).
    pub segment: u16,
}

impl UriLimits {
    /// Returns whether the device can hold `uri`; where it cannot, status 414 is due.
    pub fn allow(&self, uri: &Uri) -> bool {
        let within = |limit: u16, count: usize| limit == 0 || count <= usize::from(limit);
        within(self.depth, uri.depth())
            && within(self.total, uri.to_string().chars().count())
            && uri.segments().all(|name| within(self.segment, name.chars().count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_slash_is_no_part_of_the_address() {
        assert_eq!(Uri::read("./A/B"), Uri::read("A/B"));
        assert_eq!(Uri::read(".").unwrap(), Uri::root());
        assert_eq!(Uri::read("A/B").unwrap().to_string(), "./A/B");
        assert_eq!(Uri::read("A").unwrap().parent(), Some(Uri::root()));
    }

    #[test]
    fn refuses_what_the_standard_refuses() {
        for text in ["/A", "./", "A/", "A//B", "../A", "A/../B", "A/./B", "A/B?prop=ACL", "A B", "A\u{0}"] {
            assert!(Uri::read(text).is_err(), "{text}");
        }
        let deep = vec!["a"; Uri::MOST_SEGMENTS + 1].join("/");
        assert_eq!(Uri::read(&deep), Err(BadUri::TooDeep));
    }

    #[test]
    fn limits_count_characters() {
        let uri = Uri::read("./é/öö").unwrap();
        let limits = |depth, total, segment| UriLimits { depth, total, segment };
        assert!(limits(2, 6, 2).allow(&uri) && limits(0, 0, 0).allow(&uri));
        assert!(!limits(1, 0, 0).allow(&uri) && !limits(0, 5, 0).allow(&uri) && !limits(0, 0, 1).allow(&uri));
    }

    #[test]
    fn within_needs_whole_segments() {
        let uri = |text| Uri::read(text).unwrap();
        assert_eq!(uri("A/B/C").within(&uri("A/B")), Some(uri("C")));
        assert_eq!(uri("A/BC").within(&uri("A/B")), None);
        assert_eq!(uri("A").below(&uri("B/C")), uri("A/B/C"));
    }
}
