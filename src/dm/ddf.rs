//! Device descriptions (DDF): which nodes a device has, what they hold and what a server may do with them
//! (DM Tree and Description, "Device Description Framework").
//!
//! The descriptions of the bundled objects are files of the folder `ddf`. They are data: a user's own description takes
//! the place of ours without a change of code.

use std::fmt;
use std::sync::LazyLock;

use super::DDF;
use super::acl::Command;
use super::node::Format;
use super::rules::NOT_A_DESCRIPTION;
use super::uri::Uri;
use crate::codec::{self, Limits};
use crate::diagnose::{Basis, Diagnostic, Report, Span};
use crate::document::Element;

/// What a reconstruction says for a manufacturer. Only there a Description ends with what the node rests on; another maker's may
/// end with such words by chance.
const REFERENCE: &str = "impskit reference";

/// A device description.
#[derive(Debug, Clone)]
pub struct Description {
    /// The version of the description language that it states.
    pub version: Option<String>,
    /// The manufacturer of the device.
    pub manufacturer: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The nodes that stand directly in the document; more than one where parts of a tree are described.
    pub nodes: Vec<Described>,
    is_reference: bool,
}

impl Description {
    /// Returns the IMPS management object as impskit knows it: a reconstruction, each node with its certainty.
    pub fn reference() -> &'static Self {
        &BUNDLED[0].1
    }

    /// Returns all bundled descriptions: the IMPS object, the objects of the device and of its DM server, access points,
    /// proxies.
    pub fn bundled() -> &'static [&'static Self] {
        static ALL: LazyLock<Vec<&Description>> = LazyLock::new(|| BUNDLED.iter().map(|(_, d)| d).collect());
        &ALL
    }

    /// Returns the bundled description of that name: `imps`, `dmacc`, `devinfo`, `devdetail`, `inbox`, `nap` or `proxy`.
    pub fn named(name: &str) -> Option<&'static Self> {
        BUNDLED.iter().find(|(known, _)| *known == name).map(|(_, description)| description)
    }

    /// Returns the names of the bundled descriptions, as [`Self::named`] takes them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|(name, _)| *name)
    }

    /// Reads a description in XML or WBXML, of version 1.1, 1.1.2, 1.2 or 1.3; elements of vendors are skipped.
    ///
    /// Only what hinders reading is reported; [`DDF.check`](crate::document::Vocabulary::check) finds the rest.
    pub fn read(bytes: &[u8], report: &mut Report) -> Option<Self> {
        let document = codec::read(bytes, &[&DDF], &Limits::default(), report)?;
        Self::from_element(&document.root, report)
    }

    /// Reads a description from a `MgmtTree` element, or the piece of one that a `Node` is.
    pub fn from_element(root: &Element<'_>, report: &mut Report) -> Option<Self> {
        if root.name == "Node" {
            let nodes = vec![Described::read(root)];
            return Some(Self { version: None, manufacturer: None, model: None, nodes, is_reference: false });
        }
        if root.name != "MgmtTree" {
            let message = format!("`{}` is not the root of a device description, `MgmtTree` is", root.name);
            report.add(Diagnostic::new(&NOT_A_DESCRIPTION, root.span, message));
            return None;
        }
        let text = |name: &str| root.child_text(name).map(str::to_owned);
        let is_reference = root.child_text("Man") == Some(REFERENCE);
        let mut description = Self {
            version: text("VerDTD"),
            manufacturer: text("Man").filter(|_| !is_reference),
            model: text("Mod"),
            nodes: root.children_named("Node").map(Described::read).collect(),
            is_reference,
        };
        if is_reference {
            description.nodes.iter_mut().for_each(Described::take_basis);
        }
        Some(description)
    }

    /// Returns whether this is a reconstruction: its nodes say what they rest on.
    pub fn is_reference(&self) -> bool {
        self.is_reference
    }

    /// Returns the description of the node at `uri`, for nodes whose place the document says.
    pub fn find(&self, uri: &Uri) -> Option<&Described> {
        self.nodes.iter().find_map(|top| {
            let place = match (&top.path, &top.name) {
                (_, Some(name)) if name == "." => Uri::root(),
                (Some(path), Some(name)) => path.join(name),
                (None, Some(name)) => Uri::root().join(name),
                // The place of an unnamed node without a path is for the device to choose.
                (None, None) => return None,
                (Some(path), None) => path.join(uri.within(path)?.segments().next()?),
            };
            uri.within(&place)?.segments().try_fold(top, |node, name| node.child(name))
        })
    }

    /// Returns the description of the management object with that identifier, wherever in the document.
    pub fn object(&self, moi: &str) -> Option<&Described> {
        self.objects().into_iter().find(|node| node.moi.as_deref() == Some(moi))
    }

    /// Returns all nodes that are roots of management objects.
    pub fn objects(&self) -> Vec<&Described> {
        let mut found = Vec::new();
        self.walk(&mut |node, _| {
            if node.moi.is_some() {
                found.push(node);
            }
        });
        found
    }

    /// Calls `visit` for every node, parents first, with its depth from 0.
    pub fn walk<'d>(&'d self, visit: &mut impl FnMut(&'d Described, usize)) {
        for node in &self.nodes {
            node.walk(0, visit);
        }
    }
}

/// The descriptions of the folder `ddf`, each with its short name; the IMPS object is first.
static BUNDLED: LazyLock<[(&'static str, Description); 7]> = LazyLock::new(|| {
    let read = |name, text: &str| {
        let description = Description::read(text.as_bytes(), &mut Report::new());
        (name, description.expect("a bundled description is readable: a test reads all"))
    };
    [
        read("imps", include_str!("../../ddf/oma-imps.ddf.xml")),
        read("dmacc", include_str!("../../ddf/oma-dm-dmacc.ddf.xml")),
        read("devinfo", include_str!("../../ddf/oma-dm-devinfo.ddf.xml")),
        read("devdetail", include_str!("../../ddf/oma-dm-devdetail.ddf.xml")),
        read("inbox", include_str!("../../ddf/oma-dm-inbox.ddf.xml")),
        read("nap", include_str!("../../ddf/connmo-nap.ddf.xml")),
        read("proxy", include_str!("../../ddf/connmo-proxy.ddf.xml")),
    ]
});

/// The description of one node, with those of the nodes below it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The name; `None` where it is given when the node is made (`<X>` in the specifications).
    pub name: Option<String>,
    /// The address of the parent, for nodes that stand directly in the document.
    pub path: Option<Uri>,
    /// The commands that the node takes.
    pub access: Access,
    /// The format.
    pub format: Format,
    /// How many of it there may be below one parent.
    pub occurrence: Occurrence,
    /// Whether it is built in and can be neither made nor deleted by a server.
    pub is_permanent: bool,
    /// The media types that a leaf may have.
    pub types: Vec<String>,
    /// The identifier of the management object whose root this is.
    pub moi: Option<String>,
    /// The value that a new leaf has.
    pub default: Option<String>,
    /// What it is, for people.
    pub text: Option<String>,
    /// The title for people.
    pub title: Option<String>,
    /// What it rests on; only in descriptions that are reconstructions.
    pub basis: Option<Basis>,
    /// The nodes below it. None below an interior node: what is there is not described.
    pub children: Vec<Self>,
    /// Where it is in the document.
    pub span: Span,
}

impl Described {
    /// Reads a `Node` element with all below it.
    pub(super) fn read(element: &Element<'_>) -> Self {
        let properties = element.child("DFProperties");
        let property = |name: &str| properties.and_then(|p| p.child(name));
        let first = |name: &str| property(name).and_then(|p| p.children.first());
        let text = |name: &str| property(name).map(Element::trimmed).filter(|t| !t.is_empty()).map(str::to_owned);
        let children: Vec<_> = element.children_named("Node").map(Self::read).collect();
        let usual = if children.is_empty() { Format::Chr } else { Format::Node };
        let format = first("DFFormat").and_then(|f| Format::read(&f.name)).unwrap_or(usual);
        let type_names = |name| property("DFType").into_iter().flat_map(move |t| named_texts(t, name));
        Self {
            name: element.child_text("NodeName").filter(|n| !n.is_empty()).map(str::to_owned),
            path: element.child_text("Path").and_then(|p| Uri::read(p.trim_end_matches('/')).ok()),
            access: property("AccessType").map(Access::read).unwrap_or_default(),
            format,
            occurrence: first("Occurrence").and_then(Occurrence::read).unwrap_or(Occurrence::One),
            is_permanent: first("Scope").is_some_and(|s| s.name == "Permanent"),
            types: if format == Format::Node { Vec::new() } else { type_names("MIME").collect() },
            moi: if format == Format::Node { type_names("DDFName").next() } else { None },
            default: text("DefaultValue").or_else(|| element.child_text("Value").map(str::to_owned)),
            text: text("Description"),
            title: text("DFTitle"),
            basis: None,
            children,
            span: element.span,
        }
    }

    /// Takes what the node rests on off its text, and off those of the nodes below it.
    fn take_basis(&mut self) {
        (self.text, self.basis) = split_certainty(self.text.take());
        self.children.iter_mut().for_each(Self::take_basis);
    }

    /// Returns the description of the child `name`: the one with that name, else the unnamed one.
    pub fn child(&self, name: &str) -> Option<&Self> {
        let named = self.children.iter().find(|c| c.name.as_deref() == Some(name));
        named.or_else(|| self.children.iter().find(|c| c.name.is_none()))
    }

    /// Returns the description that a path of names leads to; `<X>` in it is an unnamed node.
    pub fn descend(&self, path: &str) -> Option<&Self> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(self, |node, name| node.child(name))
    }

    /// Returns whether it is an interior node.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// Returns the name, `<X>` where there is none.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or("<X>")
    }

    fn walk<'d>(&'d self, depth: usize, visit: &mut impl FnMut(&'d Self, usize)) {
        visit(self, depth);
        for child in &self.children {
            child.walk(depth + 1, visit);
        }
    }
}

fn named_texts<'e>(element: &'e Element<'_>, name: &'e str) -> impl Iterator<Item = String> + 'e {
    element.children_named(name).map(Element::trimmed).filter(|t| !t.is_empty()).map(str::to_owned)
}

/// Takes `Certainty: observed, template` off the end of a text; the first word that we know is the basis.
fn split_certainty(text: Option<String>) -> (Option<String>, Option<Basis>) {
    let Some(text) = text else { return (None, None) };
    let Some((before, words)) = text.rsplit_once("Certainty:") else { return (Some(text), None) };
    let named = |word: &str| Basis::ALL.into_iter().find(|basis| basis.as_str() == word.trim_ascii());
    let basis = words.split(',').find_map(named);
    if basis.is_none() {
        return (Some(text), None);
    }
    (Some(before.trim_end().trim_end_matches('.').to_owned()), basis)
}

/// The commands that a node takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Access(u8);

impl Access {
    pub(super) fn read(element: &Element<'_>) -> Self {
        element.children.iter().filter_map(|child| Command::read(&child.name)).collect()
    }

    /// Returns whether `command` is among them.
    pub fn allows(self, command: Command) -> bool {
        self.0 & 1 << command as u8 != 0
    }

    /// Returns the commands in the order of the standard.
    pub fn commands(self) -> impl Iterator<Item = Command> {
        Command::ALL.into_iter().filter(move |command| self.allows(*command))
    }

    /// Returns the commands of which `other` has none.
    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether there is no command.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the names of the commands.
    pub fn words(self) -> Vec<&'static str> {
        self.commands().map(Command::as_str).collect()
    }
}

impl FromIterator<Command> for Access {
    fn from_iter<T: IntoIterator<Item = Command>>(commands: T) -> Self {
        Self(commands.into_iter().fold(0, |set, command| set | 1 << command as u8))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("none"),
            _ => f.write_str(&self.words().join(" ")),
        }
    }
}

/// How many nodes of a description there may be below one parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occurrence {
    /// Exactly one.
    One,
    /// One or none.
    ZeroOrOne,
    /// Any number.
    ZeroOrMore,
    /// At least one.
    OneOrMore,
    /// Up to so many.
    ZeroOrN(u32),
    /// One up to so many.
    OneOrN(u32),
}

impl Occurrence {
    pub(super) fn read(element: &Element<'_>) -> Option<Self> {
        let count = element.trimmed().parse().ok();
        Some(match element.name.as_ref() {
            "One" => Self::One,
            "ZeroOrOne" => Self::ZeroOrOne,
            "ZeroOrMore" => Self::ZeroOrMore,
            "OneOrMore" => Self::OneOrMore,
            "ZeroOrN" => count.map_or(Self::ZeroOrMore, Self::ZeroOrN),
            "OneOrN" => count.map_or(Self::OneOrMore, Self::OneOrN),
            _ => return None,
        })
    }

    /// Returns whether there must be at least one.
    pub(crate) fn is_required(self) -> bool {
        matches!(self, Self::One | Self::OneOrMore | Self::OneOrN(_))
    }

    /// Returns how many there may be; `None` for any number.
    pub fn most(self) -> Option<usize> {
        match self {
            Self::One | Self::ZeroOrOne => Some(1),
            Self::ZeroOrMore | Self::OneOrMore => None,
            Self::ZeroOrN(most) | Self::OneOrN(most) => Some(most as usize),
        }
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("1"),
            Self::ZeroOrOne => f.write_str("0..1"),
            Self::ZeroOrMore => f.write_str("0..*"),
            Self::OneOrMore => f.write_str("1..*"),
            Self::ZeroOrN(most) => write!(f, "0..{most}"),
            Self::OneOrN(most) => write!(f, "1..{most}"),
        }
    }
}
