//! A device tree: interior nodes with children, leaves with values, and the properties of both
//! (DM Tree and Description).
//!
//! Which commands a node takes is not here: a [description](super::Description) says it.

use std::fmt;

use super::acl::{Acl, Command};
use super::node::Node;
use super::uri::Uri;

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
    pub(crate) const MOST_NODES: usize = 200_000;

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
        self.stated_acl(uri).cloned().unwrap_or_else(Acl::of_root)
    }

    /// Returns whether the list in force at `uri` lets `server` use `command`.
    pub fn allows(&self, uri: &Uri, command: Command, server: &str) -> bool {
        match self.stated_acl(uri) {
            Some(acl) => acl.allows(command, server),
            None => Acl::of_root().allows(command, server),
        }
    }

    /// Returns the list of the node at `uri` or of its nearest ancestor with one.
    fn stated_acl(&self, uri: &Uri) -> Option<&Acl> {
        let mut node = Some(&self.root);
        let mut acl = self.root.acl.as_ref();
        for name in uri.segments() {
            node = node.and_then(|n| n.child(name));
            acl = node.and_then(|n| n.acl.as_ref()).or(acl);
        }
        acl
    }

    /// Takes `server` out of every list, as when its account goes: commands that nobody is left for disappear, a list that is
    /// left empty is inherited again; in the root such a command is for everyone (DM Tree and Description 1.2, "ACL").
    pub fn forget_server(&mut self, server: &str) {
        forget(&mut self.root, server, true);
    }

    /// Returns the number of nodes, the root not counted.
    pub fn len(&self) -> usize {
        self.root.count() - 1
    }

    /// Returns whether there is nothing below the root.
    pub fn is_empty(&self) -> bool {
        self.root.children().next().is_none()
    }
}

fn forget(node: &mut Node, server: &str, is_root: bool) {
    if let Some(acl) = node.acl.take() {
        node.acl = acl.without(server, is_root);
    }
    for child in node.children_mut() {
        forget(child, server, false);
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
