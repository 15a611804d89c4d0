//! What makes one tree into another: the least changes, each of which one DM command makes (DM Protocol, "Commands").
//!
//! ```text
//! before ─┐
//!         ├─ changes ── Add, Replace, Replace of a property, Delete: in the order in which a device can make them
//! after  ─┘
//! ```
//!
//! Nodes are compared by name; their order, time stamps and version numbers belong to the device and do not count.

use super::acl::Acl;
use super::node::Node;
use super::uri::Uri;

/// One change of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A node is new. It stands here without its children, which are added one by one.
    Add(Uri, Node),
    /// A leaf has another value, format or type.
    Replace(Uri, Node),
    /// A node has another access control list of its own; none for one that inherits from now on.
    Acl(Uri, Option<Acl>),
    /// A node has another title.
    Title(Uri, String),
    /// A node goes, with all below it.
    Delete(Uri),
}

impl Change {
    /// Returns the address of the node that changes.
    pub fn uri(&self) -> &Uri {
        match self {
            Self::Add(uri, _) | Self::Replace(uri, _) | Self::Acl(uri, _) | Self::Title(uri, _) | Self::Delete(uri) => {
                uri
            }
        }
    }
}

/// Returns the least changes that make what is below the node `before` into what is below `after`; both stand at `at`.
///
/// No change can be left out, on a device that makes no missing parents of its own accord. A leaf without a value in
/// `after` may have any, as a secret that cannot be read. One without a value in `before`, such as a secret in a tree read
/// from a device, always changes. A title that `after` does not have stays.
pub fn changes(before: &Node, after: &Node, at: &Uri) -> Vec<Change> {
    let mut found = Vec::new();
    let mut uri = at.clone();
    below(before, after, &mut uri, &mut found);
    found
}

/// Compares the properties of two interior nodes and what is below them.
fn below(before: &Node, after: &Node, uri: &mut Uri, found: &mut Vec<Change>) {
    properties(before, after, uri, found);
    // What goes makes room first: a device may take no more nodes than there are.
    for gone in before.children().filter(|old| after.child(old.name()).is_none_or(|new| !may_become(old, new))) {
        found.push(Change::Delete(uri.join(gone.name())));
    }
    for new in after.children() {
        uri.push(new.name());
        match before.child(new.name()).filter(|old| may_become(old, new)) {
            None => add(new, uri, found),
            Some(old) if new.is_interior() => below(old, new, uri, found),
            Some(old) => leaf(old, new, uri, found),
        }
        uri.pop();
    }
}

/// Returns whether commands can make a node into another without deleting it: no command changes the Type of an interior
/// node, and a leaf gets another format along with its value only.
fn may_become(old: &Node, new: &Node) -> bool {
    let same = (old.format, &old.type_name) == (new.format, &new.type_name);
    same || (!old.is_interior() && !new.is_interior() && new.value.is_some())
}

fn leaf(old: &Node, new: &Node, uri: &Uri, found: &mut Vec<Change>) {
    let is_same =
        new.value.is_none() || (old.format, &old.type_name, &old.value) == (new.format, &new.type_name, &new.value);
    if !is_same {
        found.push(Change::Replace(uri.clone(), bare(new)));
    }
    properties(old, new, uri, found);
}

fn add(new: &Node, uri: &mut Uri, found: &mut Vec<Change>) {
    let node = bare(new);
    found.push(Change::Add(uri.clone(), node.clone()));
    properties(&node, new, uri, found);
    for child in new.children() {
        uri.push(child.name());
        add(child, uri, found);
        uri.pop();
    }
}

/// Compares the properties that commands of their own change.
fn properties(old: &Node, new: &Node, uri: &Uri, found: &mut Vec<Change>) {
    if old.acl != new.acl {
        found.push(Change::Acl(uri.clone(), new.acl.clone()));
    }
    if let Some(title) = new.title.as_ref().filter(|_| old.title != new.title) {
        found.push(Change::Title(uri.clone(), title.clone()));
    }
}

/// Returns the node as a command makes it: without children and without what the device or other commands say of it.
fn bare(node: &Node) -> Node {
    let mut bare = node.alone();
    (bare.acl, bare.title, bare.time_stamp, bare.version) = (None, None, None, None);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dm::{Format, Value};

    fn account(children: impl IntoIterator<Item = Node>) -> Node {
        children.into_iter().fold(Node::interior("a"), Node::with)
    }

    fn said(before: &Node, after: &Node) -> Vec<String> {
        let word = |change: &Change| match change {
            Change::Add(uri, _) => format!("Add {uri}"),
            Change::Replace(uri, _) => format!("Replace {uri}"),
            Change::Acl(uri, acl) => format!("ACL {uri} {}", acl.as_ref().map(ToString::to_string).unwrap_or_default()),
            Change::Title(uri, title) => format!("Title {uri} {title}"),
            Change::Delete(uri) => format!("Delete {uri}"),
        };
        changes(before, after, &Uri::read("./A").unwrap()).iter().map(word).collect()
    }

    #[test]
    fn equal_trees_need_nothing_whatever_their_order() {
        let one = account([Node::text("x", "1"), Node::text("y", "2")]);
        let other = account([Node::text("y", "2"), Node::text("x", "1")]);
        assert_eq!(said(&one, &other), Vec::<String>::new());
    }

    #[test]
    fn only_what_differs_is_said() {
        let before =
            account([Node::text("x", "1"), Node::text("y", "2"), Node::interior("z").with(Node::text("q", ""))]);
        let mut after = account([Node::text("x", "1"), Node::text("y", "3")]);
        after.acl = Acl::read("Get=*").unwrap();
        after.add(Node::interior("n").with(Node::text("m", "4"))).unwrap();
        assert_eq!(
            said(&before, &after),
            ["ACL ./A Get=*", "Delete ./A/z", "Replace ./A/y", "Add ./A/n", "Add ./A/n/m"]
        );
        assert_eq!(said(&after, &account([])), ["ACL ./A ", "Delete ./A/x", "Delete ./A/y", "Delete ./A/n"]);
    }

    #[test]
    fn a_value_that_nobody_knows_always_changes_and_is_never_wanted() {
        let unread = account([Node::leaf("AAuthSecret", Format::Chr, None)]);
        let known = account([Node::text("AAuthSecret", "s")]);
        assert_eq!(said(&unread, &known), ["Replace ./A/AAuthSecret"]);
        assert_eq!(said(&known, &unread), Vec::<String>::new());
    }

    #[test]
    fn no_command_makes_a_leaf_of_an_interior_node_or_changes_its_type() {
        let before = account([Node::interior("x"), Node::instance("y", "urn:old")]);
        let after = account([Node::text("x", ""), Node::instance("y", "urn:new")]);
        assert_eq!(said(&before, &after), ["Delete ./A/x", "Delete ./A/y", "Add ./A/x", "Add ./A/y"]);
        let number = account([Node::leaf("x", Format::Int, Some(Value::Text("1".to_owned())))]);
        assert_eq!(
            said(&number, &account([Node::text("x", "1")])),
            ["Replace ./A/x"],
            "the format comes with the value"
        );
    }
}
