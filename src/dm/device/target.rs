//! What a command is about: a node, a property of it (`?prop=`), or what is below it as a list (`?list=`).

use super::super::uri::{BadUri, Uri};
use super::faults::{Fault, Refusal};

/// The target of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The node.
    pub uri: Uri,
    /// What of it.
    pub part: Part,
}

/// What of a node a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The node itself: its value or the names of its children.
    Node,
    /// A property.
    Property(Property),
    /// It and all below it.
    List(List),
    /// Something that no device has: the text after `?`.
    Unknown(String),
}

/// A property of a node (DM Tree and Description 1.2, "Properties of nodes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum Property {
    Acl,
    Format,
    Name,
    Size,
    Title,
    TStamp,
    Type,
    VerNo,
}

impl Property {
    /// All properties with their names, and whether Replace changes them.
    pub const ALL: [(Self, &'static str, bool); 8] = [
        (Self::Acl, "ACL", true),
        (Self::Format, "Format", false),
        (Self::Name, "Name", true),
        (Self::Size, "Size", false),
        (Self::Title, "Title", true),
        (Self::TStamp, "TStamp", false),
        (Self::Type, "Type", false),
        (Self::VerNo, "VerNo", false),
    ];

    fn row(self) -> (Self, &'static str, bool) {
        Self::ALL[self as usize]
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Returns whether servers may replace it.
    pub(crate) fn is_replaceable(self) -> bool {
        self.row().2
    }

    /// Returns the property of that name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text, _)| *text == name).map(|(property, ..)| property)
    }
}

/// A list of a node with all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// As a serialised tree, with these properties.
    Tnds(Columns),
    /// One result a node, without values.
    Struct,
    /// One result a node, with the values of leaves.
    StructData,
}

/// What of each node a serialised tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub struct Columns {
    pub acl: bool,
    pub format: bool,
    pub title: bool,
    pub time_stamp: bool,
    pub type_name: bool,
    pub version: bool,
    pub value: bool,
}

impl Columns {
    /// Everything.
    pub const ALL: Self = Self::every(true);

    const fn every(on: bool) -> Self {
        Self { acl: on, format: on, title: on, time_stamp: on, type_name: on, version: on, value: on }
    }

    /// Reads what follows `TNDS`: `+Value+ACL` for these alone, `-Format` for all but these.
    fn read(text: &str) -> Option<Self> {
        let sign = match text.chars().next() {
            None => return Some(Self::ALL),
            Some(sign @ ('+' | '-')) => sign,
            Some(_) => return None,
        };
        let mut columns = Self::every(sign == '-');
        for name in text[1..].split(sign) {
            let column = match name {
                "ACL" => &mut columns.acl,
                "Format" => &mut columns.format,
                "Title" => &mut columns.title,
                "TStamp" => &mut columns.time_stamp,
                "Type" => &mut columns.type_name,
                "VerNo" => &mut columns.version,
                "Value" => &mut columns.value,
                // Not part of a serialised tree, so that they can be left out only.
                "Name" | "Size" if sign == '-' => continue,
                _ => return None,
            };
            *column = sign == '+';
        }
        Some(columns)
    }
}

impl Target {
    /// Returns the target that is the node itself.
    pub fn node(uri: Uri) -> Self {
        Self { uri, part: Part::Node }
    }

    /// Reads `./A/B`, `./A/B?prop=ACL`, `./A/B?list=TNDS+Value`.
    ///
    /// # Errors
    ///
    /// Too long an address is status 414, one that is none is 404.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let (address, query) = match text.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (text, None),
        };
        let uri = Uri::read(address).map_err(|error| {
            let fault = match error {
                BadUri::TooLong | BadUri::TooDeep => Fault::TooLong,
                _ => Fault::NotFound,
            };
            fault.because(error.to_string())
        })?;
        Ok(Self { uri, part: query.map_or(Part::Node, Part::read) })
    }
}

impl Part {
    fn read(query: &str) -> Self {
        let known = match query.split_once('=') {
            Some(("prop", name)) => Property::read(name).map(Self::Property),
            Some(("list", "Struct")) => Some(Self::List(List::Struct)),
            Some(("list", "StructData")) => Some(Self::List(List::StructData)),
            Some(("list", name)) => {
                name.strip_prefix("TNDS").and_then(Columns::read).map(|columns| Self::List(List::Tnds(columns)))
            }
            _ => None,
        };
        known.unwrap_or_else(|| Self::Unknown(query.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_properties_stand_in_order() {
        for (place, (property, name, _)) in Property::ALL.into_iter().enumerate() {
            assert_eq!((property as usize, Property::read(name)), (place, Some(property)));
        }
    }

    #[test]
    fn reads_parts_of_nodes() {
        let part = |text: &str| Target::read(text).unwrap().part;
        assert_eq!(part("./A"), Part::Node);
        assert_eq!(part("./A?prop=VerNo"), Part::Property(Property::VerNo));
        assert_eq!(part("./A?list=StructData"), Part::List(List::StructData));
        assert_eq!(part("./A?list=TNDS"), Part::List(List::Tnds(Columns::ALL)));
        let two = Columns { value: true, acl: true, ..Columns::every(false) };
        assert_eq!(part("./A?list=TNDS+Value+ACL"), Part::List(List::Tnds(two)));
        assert_eq!(part("./A?list=TNDS-Format"), Part::List(List::Tnds(Columns { format: false, ..Columns::ALL })));
        for text in [
            "list=TNDS+Value-ACL",
            "list=TNDS+",
            "list=TNDSx",
            "prop=acl",
            "list=",
            "prop",
            "",
            "a=b",
            "list=TNDS+Size",
        ] {
            assert_eq!(part(&format!("./A?{text}")), Part::Unknown(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_none_are_not_found() {
        assert_eq!(Target::read("./A/").unwrap_err().fault, Fault::NotFound);
        assert_eq!(Target::read(&"a/".repeat(100)).unwrap_err().fault, Fault::TooLong);
    }
}
