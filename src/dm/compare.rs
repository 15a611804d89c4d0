//! Two descriptions side by side.
//!
//! A description may say one tree in pieces, each with its Path. [`Outline`] puts the pieces together, so that two
//! descriptions are compared by what they describe, however they are cut.

use std::collections::HashMap;

use super::ddf::{Described, Description};

/// A node of the tree that a description describes, with all below it.
#[derive(Debug, Default)]
pub(super) struct Outline<'d> {
    /// The name; `None` where it is given when the node is made.
    pub(super) name: Option<&'d str>,
    /// What is said of it; `None` for nodes that only stand in the Path of others.
    pub(super) described: Option<&'d Described>,
    /// The nodes below it, in the order of the document.
    pub(super) children: Vec<Self>,
    /// Where in `children` the first of each name is.
    places: HashMap<Option<&'d str>, usize>,
}

impl<'d> Outline<'d> {
    /// Returns the root of the tree that a description describes.
    pub(super) fn of(description: &'d Description) -> Self {
        let mut root = Self { name: Some("."), ..Self::default() };
        for top in &description.nodes {
            let mut parent = &mut root;
            for name in top.path.iter().flat_map(|path| path.segments()) {
                parent = parent.open(Some(name));
            }
            if top.name.as_deref() == Some(".") && top.path.is_none() {
                parent.describe(top);
            } else {
                parent.add(top);
            }
        }
        root
    }

    fn add(&mut self, described: &'d Described) {
        let name = described.name.as_deref();
        let first = self.places.get(&name).map(|at| &self.children[*at]);
        // A second description of one node is kept for itself.
        let child = match first {
            Some(first) if first.described.is_some() => {
                self.children.push(Self { name, ..Self::default() });
                self.children.last_mut()
            }
            _ => Some(self.open(name)),
        };
        if let Some(child) = child {
            child.describe(described);
        }
    }

    fn describe(&mut self, described: &'d Described) {
        self.described = Some(described);
        for child in &described.children {
            self.add(child);
        }
    }

    /// Returns the child of that name, made where it is missing.
    fn open(&mut self, name: Option<&'d str>) -> &mut Self {
        let at = *self.places.entry(name).or_insert(self.children.len());
        if at == self.children.len() {
            self.children.push(Self { name, ..Self::default() });
        }
        &mut self.children[at]
    }

    /// Returns where among the children the first of that name is; `None` is the name of the unnamed one.
    pub(super) fn place(&self, name: Option<&str>) -> Option<usize> {
        self.places.get(&name).copied()
    }

    /// Returns the first child of that name.
    pub(super) fn child(&self, name: Option<&str>) -> Option<&Self> {
        self.place(name).map(|at| &self.children[at])
    }

    /// Returns the node that a path of names leads to; `<X>` in it is an unnamed node.
    pub(super) fn descend(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |node, name| node.child(Some(name).filter(|name| *name != "<X>")))
    }

    /// Returns the name, `<X>` where there is none.
    pub(super) fn display_name(&self) -> &'d str {
        self.name.unwrap_or("<X>")
    }

    /// Calls `visit` for this node, whose address is `path`, and for all below it, parents first.
    pub(super) fn walk<'o>(&'o self, path: &mut Path, visit: &mut impl FnMut(&Path, &'o Self)) {
        visit(path, self);
        for child in &self.children {
            let length = path.push(child.display_name());
            child.walk(path, visit);
            path.back(length);
        }
    }
}

/// An address in a description: as a [`Uri`](super::Uri), with `<X>` for names that are given later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(String);

impl Path {
    /// Returns the address of the root.
    pub(super) fn root() -> Self {
        Self(".".to_owned())
    }

    /// Goes down to a child; returns what [`Self::back`] wants.
    pub(super) fn push(&mut self, name: &str) -> usize {
        let length = self.0.len();
        self.0.push('/');
        self.0.push_str(name);
        length
    }

    /// Goes back up.
    pub(super) fn back(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Returns the address as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
