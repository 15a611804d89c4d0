//! A device tree: interior nodes with children, leaves with values, and the properties of both
//! (DM Tree and Description).
//!
//! Children keep the order in which they were made and are found by name in logarithmic time, so that a tree of
//! 100,000 nodes is cheap. Which commands a node takes is not here: a [description](super::Description) says it.

use std::collections::BTreeMap;
use std::fmt;

use super::acl::Acl;
use super::uri::{Uri, is_name};
use crate::diagnose::Span;
use crate::document::to_base64;

/// A device tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: Node,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// Nodes of a tree at the most; the largest known devices have some tens of thousands.
    pub const MOST_NODES: usize = 200_000;

    /// Returns a tree with a root and nothing below it.
    pub fn new() -> Self {
        Self { root: Node::interior(".") }
    }

    /// Returns the root.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the root, to change it.
    pub fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    /// Returns the node at `uri`.
    pub fn get(&self, uri: &Uri) -> Option<&Node> {
        uri.segments().try_fold(&self.root, |node, name| node.child(name))
    }

    /// Returns the node at `uri`, to change it.
    pub fn get_mut(&mut self, uri: &Uri) -> Option<&mut Node> {
        uri.segments().try_fold(&mut self.root, |node, name| node.child_mut(name))
    }

    /// Adds `node` with all below it as a child of the node at `parent`.
    ///
    /// # Errors
    ///
    /// Says why it may not stand there; the tree is as before then.
    pub fn add(&mut self, parent: &Uri, node: Node) -> Result<(), TreeFault> {
        if parent.depth() + 1 + node.height() > Uri::MOST_SEGMENTS {
            return Err(TreeFault::TooDeep);
        }
        self.get_mut(parent).ok_or_else(|| TreeFault::NotFound(parent.clone()))?.add(node)
    }

    /// Makes interior nodes where `uri` and its ancestors are missing, and returns the node at `uri`.
    ///
    /// # Errors
    ///
    /// Says which ancestor is a leaf.
    pub fn ensure(&mut self, uri: &Uri) -> Result<&mut Node, TreeFault> {
        let mut node = &mut self.root;
        for name in uri.segments() {
            if node.child(name).is_none() {
                node.add(Node::interior(name))?;
            }
            node = node.child_mut(name).ok_or_else(|| TreeFault::NotFound(uri.clone()))?;
        }
        Ok(node)
    }

    /// Puts `node` in the place of the node at `uri`, whatever is below it, and returns the old one. The name stays.
    ///
    /// # Errors
    ///
    /// Says that there is no such node, or that it is the root.
    pub fn replace(&mut self, uri: &Uri, mut node: Node) -> Result<Node, TreeFault> {
        if uri.is_root() {
            return Err(TreeFault::Root);
        }
        if uri.depth() + node.height() > Uri::MOST_SEGMENTS {
            return Err(TreeFault::TooDeep);
        }
        let old = self.get_mut(uri).ok_or_else(|| TreeFault::NotFound(uri.clone()))?;
        node.name.clone_from(&old.name);
        Ok(std::mem::replace(old, node))
    }

    /// Takes the node at `uri` out of the tree, with all below it.
    ///
    /// # Errors
    ///
    /// Says that there is no such node, or that it is the root.
    pub fn delete(&mut self, uri: &Uri) -> Result<Node, TreeFault> {
        let parent = uri.parent().ok_or(TreeFault::Root)?;
        let gone = self.get_mut(&parent).and_then(|node| node.remove(uri.name()));
        gone.ok_or_else(|| TreeFault::NotFound(uri.clone()))
    }

    /// Returns the tree without what is beside the way to `path` and without what is more than `depth` levels below it.
    /// `None` where there is no such node.
    pub fn cut(&self, path: &Uri, depth: Option<usize>) -> Option<Self> {
        let mut node = self.get(path)?.clone();
        if let Some(depth) = depth {
            node.prune(depth);
        }
        let mut above = path.parent();
        while let Some(uri) = above {
            let mut parent = self.get(&uri)?.alone();
            parent.add(node).ok()?;
            node = parent;
            above = uri.parent();
        }
        Some(Self { root: node })
    }

    /// Calls `visit` for every node, parents first, with its address.
    pub fn walk<'t>(&'t self, visit: &mut impl FnMut(&Uri, &'t Node)) {
        self.root.walk(&mut Uri::root(), visit);
    }

    /// Returns the addresses of the interior nodes whose Type is `moi`: the instances of a management object.
    pub fn instances(&self, moi: &str) -> Vec<Uri> {
        let mut found = Vec::new();
        self.walk(&mut |uri, node| {
            if node.is_interior() && node.type_name == moi {
                found.push(uri.clone());
            }
        });
        found
    }

    /// Returns the access control list in force at `uri`: its own, or that of the nearest ancestor with one, or the
    /// root's usual `Add=*&Get=*`. For an address without a node it is the list that a new node would inherit.
    pub fn acl(&self, uri: &Uri) -> Acl {
        let mut node = Some(&self.root);
        let mut acl = self.root.acl.as_ref();
        for name in uri.segments() {
            node = node.and_then(|n| n.child(name));
            acl = node.and_then(|n| n.acl.as_ref()).or(acl);
        }
        acl.cloned().unwrap_or_else(Acl::of_root)
    }

    /// Returns the number of nodes, the root not counted.
    pub fn len(&self) -> usize {
        self.root.count() - 1
    }

    /// Returns whether there is nothing below the root.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }
}

/// A node with everything below it. Two nodes are equal when they say the same, wherever they were read.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name. Children are found by it: change it by removing and adding.
    name: String,
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
        self.children.remove(name)
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
    pub fn children_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Self> {
        self.children.in_order.values_mut()
    }

    /// Returns the children without the node.
    pub fn into_children(self) -> impl DoubleEndedIterator<Item = Self> {
        self.children.in_order.into_values()
    }

    /// Returns the child of that name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.in_order.get(self.children.places.get(name)?)
    }

    /// Returns the child of that name, to change it.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
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
    pub fn free_name(&self) -> String {
        (1..).map(|n: u32| n.to_string()).find(|name| self.child(name).is_none()).unwrap_or_default()
    }

    /// Returns the number of nodes, this one included.
    pub fn count(&self) -> usize {
        1 + self.children().map(Self::count).sum::<usize>()
    }

    /// Returns the node without its children.
    fn alone(&self) -> Self {
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

    fn prune(&mut self, depth: usize) {
        match depth.checked_sub(1) {
            None => self.children = Children::default(),
            Some(depth) => self.children_mut().for_each(|child| child.prune(depth)),
        }
    }

    /// Returns the number of levels below this node.
    pub fn height(&self) -> usize {
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
}

impl Children {
    fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    fn add(&mut self, child: Node) -> Result<(), TreeFault> {
        if self.places.contains_key(&child.name) {
            return Err(TreeFault::Exists(child.name));
        }
        let last = self.in_order.last_key_value().map_or(0, |(place, _)| *place);
        let place = last.checked_add(1).ok_or(TreeFault::TooMany)?;
        self.places.insert(child.name.clone(), place);
        self.in_order.insert(place, child);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Option<Node> {
        let place = self.places.remove(name)?;
        self.in_order.remove(&place)
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

/// Why a tree cannot be changed as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeFault {
    /// There is no node at that address.
    NotFound(Uri),
    /// A child of that name is there already.
    Exists(String),
    /// The node of that name is a leaf and has no children.
    Leaf(String),
    /// That is no name for a node.
    Name(String),
    /// The address would have more than [`Uri::MOST_SEGMENTS`] segments.
    TooDeep,
    /// There are more nodes than a tree may have.
    TooMany,
    /// The root cannot be replaced or deleted.
    Root,
}

impl fmt::Display for TreeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(uri) => write!(f, "there is no node `{uri}`"),
            Self::Exists(name) => write!(f, "a node `{name}` is there already"),
            Self::Leaf(name) => write!(f, "`{name}` is a leaf and has no children"),
            Self::Name(name) => write!(f, "`{}` cannot name a node", name.escape_debug()),
            Self::TooDeep => write!(f, "a node lies deeper than {} levels", Uri::MOST_SEGMENTS),
            Self::TooMany => write!(f, "there are more than {} nodes", Tree::MOST_NODES),
            Self::Root => f.write_str("the root cannot be replaced or deleted"),
        }
    }
}

impl std::error::Error for TreeFault {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dm::Command;

    fn uri(text: &str) -> Uri {
        Uri::read(text).unwrap()
    }

    #[test]
    fn children_keep_their_order_when_one_goes() {
        let mut tree = Tree::new();
        for name in ["c", "a", "b"] {
            tree.add(&Uri::root(), Node::interior(name)).unwrap();
        }
        tree.delete(&uri("a")).unwrap();
        tree.add(&Uri::root(), Node::text("a", "x")).unwrap();
        let names: Vec<_> = tree.root().children().map(Node::name).collect();
        assert_eq!(names, ["c", "b", "a"]);
        assert_eq!(tree.add(&Uri::root(), Node::interior("b")), Err(TreeFault::Exists("b".to_owned())));
        assert_eq!(tree.add(&uri("a"), Node::interior("b")), Err(TreeFault::Leaf("a".to_owned())));
    }

    #[test]
    fn access_is_inherited_whole() {
        let mut tree = Tree::new();
        tree.ensure(&uri("A/B/C")).unwrap();
        assert!(tree.acl(&uri("A/B/C")).allows(Command::Add, "s"), "the root's usual list");
        tree.get_mut(&uri("A")).unwrap().acl = Acl::read("Get=s").unwrap();
        assert!(!tree.acl(&uri("A/B/new")).allows(Command::Add, "s"), "lists are never merged");
        assert!(tree.acl(&uri("A/B/C")).allows(Command::Get, "s"));
    }

    #[test]
    fn a_deep_subtree_is_refused_whole() {
        let mut tree = Tree::new();
        let deep = vec!["a"; Uri::MOST_SEGMENTS].join("/");
        tree.ensure(&uri(&deep)).unwrap();
        let half = Node::interior("x").with(Node::interior("y"));
        let place = vec!["a"; Uri::MOST_SEGMENTS - 1].join("/");
        assert_eq!(tree.add(&uri(&place), half), Err(TreeFault::TooDeep));
    }

    #[test]
    fn debugging_shows_no_value() {
        let node = Node::text("AAuthSecret", "hunter2");
        assert!(!format!("{node:?}").contains("hunter2"));
    }
}
