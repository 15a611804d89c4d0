//! A node of a device tree, and what a leaf may hold.
//!
//! Children keep the order in which they were made and are found by name in logarithmic time, so that a tree of
//! 100,000 nodes is cheap.

use std::collections::BTreeMap;
use std::fmt;

use super::acl::Acl;
use super::tree::TreeFault;
use super::uri::{Uri, is_name};
use crate::diagnose::Span;
use crate::document::to_base64;

/// A node with everything below it. Two nodes are equal when they say the same, wherever they were read.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name. Children are found by it: change it by removing and adding.
    pub(super) name: String,
    /// `node` for interior nodes, the format of the value for leaves.
    pub format: Format,
    /// Type: the media type of a leaf; the identifier of the management object of an interior node, or nothing.
    pub type_name: String,
    /// The value of a leaf; `None` where it is not known.
    pub value: Option<Value>,
    /// Its own access control list; `None` where it inherits.
    pub acl: Option<Acl>,
    /// The name for people.
    pub title: Option<String>,
    /// When it last changed: `YYYYMMDDThhmmssZ`.
    pub time_stamp: Option<String>,
    /// How often it changed, modulo 65536.
    pub version: Option<u16>,
    /// Whether format and type are the usual ones because the document did not say them.
    pub is_assumed: bool,
    /// Where it was read; empty for nodes that we made.
    pub span: Span,
    /// Where its value was read.
    pub value_span: Span,
    children: Children,
}

impl Node {
    /// Returns an interior node without a Type.
    pub fn interior(name: impl Into<String>) -> Self {
        Self::new(name.into(), Format::Node, String::new(), None)
    }

    /// Returns an interior node that is an instance of the management object `moi`.
    pub fn instance(name: impl Into<String>, moi: impl Into<String>) -> Self {
        Self::new(name.into(), Format::Node, moi.into(), None)
    }

    /// Returns a leaf of format `chr` and type `text/plain`.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::leaf(name, Format::Chr, Some(Value::Text(text.into())))
    }

    /// Returns a leaf of the usual type of its format.
    pub fn leaf(name: impl Into<String>, format: Format, value: Option<Value>) -> Self {
        let type_name = if format == Format::Bin { "application/octet-stream" } else { "text/plain" };
        Self::new(name.into(), format, type_name.to_owned(), value)
    }

    fn new(name: String, format: Format, type_name: String, value: Option<Value>) -> Self {
        Self {
            name,
            format,
            type_name,
            value,
            acl: None,
            title: None,
            time_stamp: None,
            version: None,
            is_assumed: false,
            span: Span::default(),
            value_span: Span::default(),
            children: Children::default(),
        }
    }

    /// Returns the node under another name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a child at the end, for trees written down in code.
    ///
    /// # Panics
    ///
    /// Panics where [`Self::add`] fails: names in code are legal and stand once.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.add(child).expect("a legal name that stands once below an interior node");
        self
    }

    /// Adds a child at the end.
    ///
    /// # Errors
    ///
    /// Says why it may not stand there.
    pub fn add(&mut self, child: Self) -> Result<(), TreeFault> {
        if !self.is_interior() {
            return Err(TreeFault::Leaf(self.name.clone()));
        }
        if !is_name(&child.name) {
            return Err(TreeFault::Name(child.name));
        }
        self.children.add(child)
    }

    /// Takes a child out, with all below it.
    pub fn remove(&mut self, name: &str) -> Option<Self> {
        self.children.take(name).map(|(_, child)| child)
    }

    /// Takes a child out with all below it, and says its place among its siblings.
    pub(super) fn take(&mut self, name: &str) -> Option<(u32, Self)> {
        self.children.take(name)
    }

    /// Puts a child that [`Self::take`] took out back in its place.
    pub(super) fn put_back(&mut self, place: u32, child: Self) {
        self.children.insert(place, child);
    }

    /// Gives the child `from` the name `to`; its place among its siblings stays. Says whether there was such a child; the
    /// caller has checked that `to` is a name that is free.
    pub(super) fn rename_child(&mut self, from: &str, to: &str) -> bool {
        let Some((place, child)) = self.children.take(from) else { return false };
        self.children.insert(place, child.named(to));
        true
    }

    /// Returns the number of children.
    pub(super) fn width(&self) -> usize {
        self.children.in_order.len()
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it may have children.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// Returns the children in the order in which they were made.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = &Self> {
        self.children.in_order.values()
    }

    /// Returns the children, to change them.
    pub(super) fn children_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Self> {
        self.children.in_order.values_mut()
    }

    /// Returns the children without the node.
    pub(crate) fn into_children(self) -> impl DoubleEndedIterator<Item = Self> {
        self.children.in_order.into_values()
    }

    /// Returns the child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.in_order.get(self.children.places.get(name)?)
    }

    /// Returns the child of that name, to change it.
    pub(crate) fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.children.in_order.get_mut(self.children.places.get(name)?)
    }

    /// Returns the text of the value of the child of that name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name)?.value_text()
    }

    /// Returns the text of the value, if it is text.
    pub fn value_text(&self) -> Option<&str> {
        match &self.value {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the first decimal number from 1 that names no child yet: the name that devices give to new instances.
    pub(crate) fn free_name(&self) -> String {
        let free = self.children.numbered + 1..;
        free.map(|number| number.to_string()).find(|name| self.child(name).is_none()).unwrap_or_default()
    }

    /// Returns the number of nodes, this one included.
    pub fn count(&self) -> usize {
        1 + self.children().map(Self::count).sum::<usize>()
    }

    /// Returns the node without its children.
    pub(super) fn alone(&self) -> Self {
        Self {
            name: self.name.clone(),
            type_name: self.type_name.clone(),
            value: self.value.clone(),
            acl: self.acl.clone(),
            title: self.title.clone(),
            time_stamp: self.time_stamp.clone(),
            children: Children::default(),
            ..*self
        }
    }

    /// Takes value and properties of `other`, not its name; what is below stays.
    pub(super) fn set_alone(&mut self, other: Self) {
        *self = Self { name: std::mem::take(&mut self.name), children: std::mem::take(&mut self.children), ..other };
    }

    /// Returns the node with the children of `other`; it has none itself.
    pub(super) fn with_children(mut self, other: &Self) -> Self {
        self.children = other.children.clone();
        self
    }

    pub(super) fn prune(&mut self, depth: usize) {
        match depth.checked_sub(1) {
            None => self.children = Children::default(),
            Some(depth) => self.children_mut().for_each(|child| child.prune(depth)),
        }
    }

    /// Returns the number of levels below this node.
    pub(crate) fn height(&self) -> usize {
        self.children().map(|child| 1 + child.height()).max().unwrap_or(0)
    }

    /// Calls `visit` for this node, whose address is `uri`, and for all below it.
    pub(super) fn walk<'t>(&'t self, uri: &mut Uri, visit: &mut impl FnMut(&Uri, &'t Self)) {
        visit(uri, self);
        for child in self.children() {
            uri.push(&child.name);
            child.walk(uri, visit);
            uri.pop();
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.format == other.format
            && self.type_name == other.type_name
            && self.value == other.value
            && self.acl == other.acl
            && (&self.title, &self.time_stamp, self.version) == (&other.title, &other.time_stamp, other.version)
            && self.children().eq(other.children())
    }
}

impl Eq for Node {}

/// The children of a node: in order, and by name.
#[derive(Debug, Clone, Default)]
struct Children {
    in_order: BTreeMap<u32, Node>,
    places: BTreeMap<String, u32>,
    /// The numbers from 1 to this one all name children: nobody looks for a free one among them.
    numbered: u32,
}

impl Children {
    fn add(&mut self, child: Node) -> Result<(), TreeFault> {
        if self.places.contains_key(&child.name) {
            return Err(TreeFault::Exists(child.name));
        }
        let last = self.in_order.last_key_value().map_or(0, |(place, _)| *place);
        self.insert(last.checked_add(1).ok_or(TreeFault::TooMany)?, child);
        Ok(())
    }

    fn insert(&mut self, place: u32, child: Node) {
        self.places.insert(child.name.clone(), place);
        if child.name.starts_with(|c: char| c.is_ascii_digit()) {
            while self.places.contains_key(&(self.numbered + 1).to_string()) {
                self.numbered += 1;
            }
        }
        self.in_order.insert(place, child);
    }

    fn take(&mut self, name: &str) -> Option<(u32, Node)> {
        let place = self.places.remove(name)?;
        if let Ok(number) = name.parse::<u32>() {
            self.numbered = self.numbered.min(number.saturating_sub(1));
        }
        Some((place, self.in_order.remove(&place)?))
    }
}

/// The value of a leaf. Its debug form says only its length: a value may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, as all formats but `bin` have it.
    Text(String),
    /// Octets, of format `bin`.
    Octets(Vec<u8>),
}

impl Value {
    /// Returns the value as text; octets as base64.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Octets(octets) => to_base64(octets),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} octets)", text.len()),
            Self::Octets(octets) => write!(f, "Octets({})", octets.len()),
        }
    }
}

/// The format of a node (DM Tree and Description, "Format").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Base64 text.
    B64,
    /// Octets.
    Bin,
    /// `true` or `false`.
    Bool,
    /// Text.
    Chr,
    /// A 32-bit signed number.
    Int,
    /// An interior node.
    Node,
    /// No value.
    Null,
    /// XML text.
    Xml,
    /// A date of ISO 8601.
    Date,
    /// A time of ISO 8601.
    Time,
    /// A single-precision number.
    Float,
}

impl Format {
    /// All formats, in the order of the standard.
    pub const ALL: [Self; 11] = [
        Self::B64,
        Self::Bin,
        Self::Bool,
        Self::Chr,
        Self::Int,
        Self::Node,
        Self::Null,
        Self::Xml,
        Self::Date,
        Self::Time,
        Self::Float,
    ];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::B64 => "b64",
            Self::Bin => "bin",
            Self::Bool => "bool",
            Self::Chr => "chr",
            Self::Int => "int",
            Self::Node => "node",
            Self::Null => "null",
            Self::Xml => "xml",
            Self::Date => "date",
            Self::Time => "time",
            Self::Float => "float",
        }
    }

    /// Returns the format of that word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
