//! What was changed since a mark, so that it can be undone: an Atomic or a document is carried out whole or not at all.
//!
//! Each change keeps only what it replaced, so that an Atomic costs what its commands cost, however large the tree is.

use super::super::node::Node;
use super::super::tree::Tree;
use super::super::uri::Uri;

/// One change of a tree, as it is undone.
#[derive(Debug)]
enum Change {
    /// A node was added.
    Added(Uri),
    /// A node was taken out of this place below its parent.
    Removed { parent: Uri, place: u32, node: Box<Node> },
    /// Value or properties of a node changed; this is the node without its children as it was.
    Set { uri: Uri, before: Box<Node> },
    /// A child got another name.
    Renamed { parent: Uri, before: String, after: String },
}

/// The changes since the first mark that is still open.
#[derive(Debug, Default)]
pub(super) struct Undo {
    changes: Vec<Change>,
    open: usize,
}

impl Undo {
    /// Opens a mark, to which [`Self::roll_back`] goes back. Marks nest.
    pub(super) fn mark(&mut self) -> usize {
        self.open += 1;
        self.changes.len()
    }

    /// Closes the last mark and keeps what was done.
    pub(super) fn keep(&mut self) {
        self.open -= 1;
        if self.open == 0 {
            self.changes.clear();
        }
    }

    /// Closes the last mark and undoes all that was done since.
    pub(super) fn roll_back(&mut self, mark: usize, tree: &mut Tree) {
        for change in self.changes.drain(mark..).rev() {
            change.undo(tree);
        }
        self.keep();
    }

    /// Adds a node, where the checks have found that it may stand.
    pub(super) fn add(&mut self, tree: &mut Tree, parent: &Uri, node: Node) {
        let uri = parent.join(node.name());
        if tree.add(parent, node).is_ok() {
            self.push(|| Change::Added(uri));
        }
    }

    /// Takes a node out.
    pub(super) fn delete(&mut self, tree: &mut Tree, uri: &Uri) {
        let Some(parent) = uri.parent() else { return };
        if let Some((place, node)) = tree.get_mut(&parent).and_then(|node| node.take(uri.name())) {
            self.push(|| Change::Removed { parent, place, node: Box::new(node) });
        }
    }

    /// Changes value or properties of a node, not its name and not what is below it.
    pub(super) fn set(&mut self, tree: &mut Tree, uri: &Uri, change: impl FnOnce(&mut Node)) {
        let Some(node) = tree.get_mut(uri) else { return };
        self.push(|| Change::Set { uri: uri.clone(), before: Box::new(node.alone()) });
        change(node);
    }

    /// Gives a node another name.
    pub(super) fn rename(&mut self, tree: &mut Tree, uri: &Uri, name: &str) {
        let Some(parent) = uri.parent() else { return };
        if tree.get_mut(&parent).is_some_and(|node| node.rename_child(uri.name(), name)) {
            let before = uri.name().to_owned();
            self.push(|| Change::Renamed { parent, before, after: name.to_owned() });
        }
    }

    fn push(&mut self, change: impl FnOnce() -> Change) {
        if self.open > 0 {
            self.changes.push(change());
        }
    }
}

impl Change {
    fn undo(self, tree: &mut Tree) {
        match self {
            Self::Added(uri) => {
                let parent = uri.parent().and_then(|parent| tree.get_mut(&parent));
                parent.and_then(|node| node.take(uri.name()));
            }
            Self::Removed { parent, place, node } => {
                if let Some(parent) = tree.get_mut(&parent) {
                    parent.put_back(place, *node);
                }
            }
            Self::Set { uri, before } => {
                if let Some(node) = tree.get_mut(&uri) {
                    node.set_alone(*before);
                }
            }
            Self::Renamed { parent, before, after } => {
                if let Some(parent) = tree.get_mut(&parent) {
                    parent.rename_child(&after, &before);
                }
            }
        }
    }
}
