//! A node with all below it in one answer: `?list=TNDS`, `?list=Struct`, `?list=StructData`.
//!
//! What the server may not get by the access control lists is left out. Values that nobody can read (AccessType without
//! Get) are left out too, their leaves are not: a document without a value leaves the value alone when it comes back.

use super::super::acl::Command;
use super::super::node::{Format, Node};
use super::super::serialise;
use super::super::syncml::{Data, TREE_TYPE};
use super::super::uri::Uri;
use super::Device;
use super::index::Known;
use super::operations::Got;
use super::target::{Columns, List};

impl Device<'_> {
    /// Returns the answer to a list of the node at `uri`.
    pub(super) fn list(&self, server: &str, uri: &Uri, list: List) -> Vec<Got> {
        let Some(node) = self.tree.get(uri) else { return Vec::new() };
        let known = self.index.along(&self.tree, uri, None).pop().unwrap_or(Known::Free);
        match list {
            List::Tnds(columns) => {
                let node = self.readable(server, uri, node, known, columns);
                let data = Data::Tree(Box::new(serialise::document(&node, columns).into_owned()));
                let type_name = format!("{TREE_TYPE}+xml");
                vec![Got { uri: uri.to_string(), format: Format::Xml, type_name, data: Some(data) }]
            }
            List::Struct | List::StructData => {
                let mut all = Vec::new();
                self.structure(server, uri, node, known, list == List::StructData, &mut all);
                all
            }
        }
    }

    /// Returns the node with what the server may read of it and below it.
    fn readable(&self, server: &str, uri: &Uri, node: &Node, known: Known<'_>, columns: Columns) -> Node {
        let mut shown = node.alone();
        if !columns.value || !known.allows(Command::Get) {
            shown.value = None;
        }
        for child in node.children().filter(|child| may_see(child, server)) {
            let place = uri.join(child.name());
            let known = self.index.of(known, &place, Some(child), "");
            // The names are those of a tree: they are legal and stand once.
            let _ = shown.add(self.readable(server, &place, child, known, columns));
        }
        shown
    }

    fn structure(&self, server: &str, uri: &Uri, node: &Node, known: Known<'_>, with_data: bool, all: &mut Vec<Got>) {
        let value = node.value.as_ref().filter(|_| with_data && known.allows(Command::Get));
        let (type_name, data) = (node.type_name.clone(), value.map(Data::from));
        all.push(Got { uri: uri.to_string(), format: node.format, type_name, data });
        for child in node.children().filter(|child| may_see(child, server)) {
            let place = uri.join(child.name());
            let known = self.index.of(known, &place, Some(child), "");
            self.structure(server, &place, child, known, with_data, all);
        }
    }
}

/// Returns whether a server may get a node whose parent it may get: by the node's own list, if it has one.
fn may_see(node: &Node, server: &str) -> bool {
    node.acl.as_ref().is_none_or(|acl| acl.allows(Command::Get, server))
}
