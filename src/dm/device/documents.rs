//! Many nodes with one command: a serialised tree that is added, or that a part of the tree becomes (DM TNDS 1.2).
//!
//! A document is carried out node by node with the checks of single commands, and whole or not at all: the status is that
//! of the first node that is refused. Replace changes only what differs.

use std::borrow::Cow;

use super::super::acl::Command;
use super::super::changes::{Change, changes};
use super::super::node::Node;
use super::super::syncml::Data;
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::Device;
use super::checks::Request;
use super::faults::{Fault, Refusal};
use super::operations::Content;
use super::target::{Part, Property, Target};
use crate::diagnose::Span;
use crate::document::Element;

impl Device<'_> {
    /// Adds all nodes of a document whose paths are relative to `target`. Returns where its topmost nodes stand: at the inbox
    /// the device chooses the places.
    ///
    /// # Errors
    ///
    /// The first fault of a node; nothing is changed then.
    pub fn add_document(&mut self, server: &str, target: &Target, document: &Tree) -> Result<Vec<Uri>, Refusal> {
        if target.part != Part::Node {
            return Err(Fault::NotAllowed.because("properties and lists do not take this command"));
        }
        if !self.abilities.tnds {
            return Err(Fault::WrongFormat.because("the device takes no serialised trees"));
        }
        if self.abilities.inbox.as_ref() == Some(&target.uri) {
            return self.add_to_inbox(server, document);
        }
        let tops = tops(&target.uri, document);
        self.whole(|device| tops.iter().try_for_each(|(uri, node)| device.add_nodes(server, uri, node, false)))?;
        Ok(tops.into_iter().map(|(uri, _)| uri).collect())
    }

    /// Makes the node at `target`, with all below it, what the document says: what is not in it is deleted.
    ///
    /// # Errors
    ///
    /// The first fault of a node; nothing is changed then.
    pub fn replace_document(&mut self, server: &str, target: &Target, document: &Tree) -> Result<(), Refusal> {
        let data = Some(Cow::Owned(Data::Tree(Box::new(Element::new("MgmtTree")))));
        let content = Content { data, ..Content::default() };
        let command = Command::Replace;
        self.check(&Request { command, target, source: None, content: Some(&content), server, inside: false })?;
        let (uri, part) = (&target.uri, &target.part);
        let Some(before) = self.tree.get(uri).filter(|_| *part == Part::Node) else { return Ok(()) };
        let mut after = match &tops(uri, document)[..] {
            [(place, only)] if place == uri => (*only).clone(),
            _ => before.alone().with_children(document.root()),
        };
        settle(&mut after, before);
        let changes = if (before.format, &before.type_name) == (after.format, &after.type_name) {
            changes(before, &after, uri)
        } else if before.is_interior() || after.is_interior() {
            return Err(Fault::NotAllowed.because("an interior node keeps its Format and Type"));
        } else {
            vec![Change::Replace(uri.clone(), after.alone())]
        };
        self.whole(|device| device.make_changes(server, changes))
    }

    /// Makes changes in their order, each as its own command would. The lists of nodes that are new come with them.
    fn make_changes(&mut self, server: &str, changes: Vec<Change>) -> Result<(), Refusal> {
        let mut new: Option<Uri> = None;
        for change in changes {
            let uri = change.uri().clone();
            let at = |refusal: Refusal| refusal.or_at(&uri);
            let is_new = new.as_ref().is_some_and(|new| uri.within(new).is_some());
            let node = Target::node(uri.clone());
            let property = |part| Target { uri: uri.clone(), part: Part::Property(part) };
            match change {
                Change::Add(_, added) => {
                    self.add_in(server, &node, &content_of(&added), is_new).map_err(at)?;
                    new = new.filter(|_| is_new).or(Some(uri.clone()));
                }
                Change::Replace(_, leaf) => self.replace(server, &node, &content_of(&leaf)).map_err(at)?,
                Change::Delete(_) => self.delete(server, &node).map_err(at)?,
                Change::Acl(_, acl) if is_new => self.undo.set(&mut self.tree, &uri, |node| node.acl = acl),
                Change::Acl(_, acl) => {
                    let text = acl.map(|acl| acl.to_string()).unwrap_or_default();
                    self.replace(server, &property(Property::Acl), &Content::text("chr", text)).map_err(at)?;
                }
                Change::Title(_, title) if is_new => {
                    self.undo.set(&mut self.tree, &uri, |node| node.title = Some(title));
                }
                Change::Title(_, title) => {
                    self.replace(server, &property(Property::Title), &Content::text("chr", title)).map_err(at)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a node of a document with all below it; `inside` another one that was added.
    pub(super) fn add_nodes(&mut self, server: &str, uri: &Uri, node: &Node, inside: bool) -> Result<(), Refusal> {
        // A node that only the Path of another one names may be there already.
        let is_named_only = node.span == Span::default() && node.type_name.is_empty() && node.is_interior();
        let is_there = is_named_only && self.tree.get(uri).is_some_and(Node::is_interior);
        if !is_there {
            let target = Target::node(uri.clone());
            self.add_in(server, &target, &content_of(node), inside).map_err(|refusal| refusal.or_at(uri))?;
            if node.acl.is_some() || node.title.is_some() {
                let (acl, title) = (node.acl.clone(), node.title.clone());
                self.undo.set(&mut self.tree, uri, |new| {
                    new.acl = acl.or(new.acl.take());
                    new.title = title;
                });
            }
        }
        let inside = inside || !is_there;
        node.children().try_for_each(|child| self.add_nodes(server, &uri.join(child.name()), child, inside))
    }

    /// Does all of it or nothing.
    pub(super) fn whole(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mark = self.mark();
        let outcome = work(self);
        match outcome {
            Ok(()) => self.keep(),
            Err(_) => self.roll_back(&mark),
        }
        outcome
    }
}

/// Returns the nodes that stand directly in a document, each with its address. A single node with the name of the target is
/// the target itself; all others lie below it.
fn tops<'t>(target: &Uri, document: &'t Tree) -> Vec<(Uri, &'t Node)> {
    let children: Vec<_> = document.root().children().collect();
    match children[..] {
        [only] if !target.is_root() && only.name() == target.name() => vec![(target.clone(), only)],
        _ => children.into_iter().map(|node| (target.join(node.name()), node)).collect(),
    }
}

/// Fills in what a document does not say of nodes that are there: format and type.
fn settle(after: &mut Node, before: &Node) {
    if after.is_assumed && after.is_interior() == before.is_interior() {
        after.format = before.format;
        after.type_name.clone_from(&before.type_name);
    }
    for child in after.children_mut() {
        if let Some(before) = before.child(child.name()) {
            settle(child, before);
        }
    }
}

fn content_of(node: &Node) -> Content<'_> {
    Content {
        format: (!node.is_assumed || node.is_interior()).then(|| node.format.as_str()),
        type_name: (!node.is_assumed && !node.type_name.is_empty()).then_some(node.type_name.as_str()),
        data: node.value.as_ref().filter(|_| !node.is_interior()).map(|value| Cow::Owned(Data::from(value))),
    }
}
