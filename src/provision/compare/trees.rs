//! Two device trees, node by node.

use std::collections::BTreeSet;

use super::SettingDifference;
use crate::dm::{MASK, ManagementObject, Node, Tree, Uri, Value, is_secret};

/// Compares what two device trees hold beside IMPS accounts and the connections that these name. Order, time stamps and
/// version numbers do not count, nor do secrets that one of them does not tell.
pub fn compare_trees(expected: &Tree, actual: &Tree) -> Vec<SettingDifference> {
    let mut comparison = Comparison(Vec::new());
    comparison.node(without_accounts(expected).root(), without_accounts(actual).root(), &Uri::root());
    comparison.0
}

/// Returns a tree without its IMPS accounts, what these name, and what is left empty above them.
fn without_accounts(tree: &Tree) -> Tree {
    let mut rest = tree.clone();
    let mut open = ManagementObject::imps().instances(tree);
    let mut gone: BTreeSet<Uri> = open.iter().cloned().collect();
    while let Some(node) = open.pop().and_then(|uri| tree.get(&uri)) {
        named_in(node, tree, &mut gone, &mut open);
    }
    for uri in gone {
        // What lies in another that is gone already is no more there.
        let mut next = rest.delete(&uri).ok().and_then(|_| uri.parent());
        while let Some(parent) = next.filter(|uri| *uri != Uri::root()) {
            let is_empty = rest.get(&parent).is_some_and(|node| node.children().next().is_none());
            next = if is_empty { rest.delete(&parent).ok().and_then(|_| parent.parent()) } else { None };
        }
    }
    rest
}

/// Adds the connections that references in a node name.
fn named_in(node: &Node, tree: &Tree, gone: &mut BTreeSet<Uri>, open: &mut Vec<Uri>) {
    let is_reference = matches!(node.name(), "ConRef" | "PrefConRef" | "ToConRef");
    let target = node.value_text().filter(|_| is_reference).and_then(|text| Uri::read(text).ok());
    let exists = |uri: &Uri| *uri != Uri::root() && tree.get(uri).is_some_and(Node::is_interior);
    if let Some(uri) = target.filter(exists)
        && gone.insert(uri.clone())
    {
        open.push(uri);
    }
    node.children().for_each(|child| named_in(child, tree, gone, open));
}

struct Comparison(Vec<SettingDifference>);

impl Comparison {
    fn node(&mut self, expected: &Node, actual: &Node, uri: &Uri) {
        self.values(expected, actual, uri);
        if !expected.is_assumed && !actual.is_assumed {
            self.add(uri, "?prop=Format", Some(expected.format.to_string()), Some(actual.format.to_string()));
            self.add(uri, "?prop=Type", Some(expected.type_name.clone()), Some(actual.type_name.clone()));
        }
        let acl = |node: &Node| node.acl.as_ref().map(ToString::to_string);
        self.add(uri, "?prop=ACL", acl(expected), acl(actual));
        self.add(uri, "?prop=Title", expected.title.clone(), actual.title.clone());
        for child in expected.children() {
            let uri = uri.join(child.name());
            match actual.child(child.name()) {
                Some(other) => self.node(child, other, &uri),
                None => self.add(&uri, "", Some(in_short(child)), None),
            }
        }
        for child in actual.children().filter(|child| expected.child(child.name()).is_none()) {
            self.add(&uri.join(child.name()), "", None, Some(in_short(child)));
        }
    }

    fn values(&mut self, expected: &Node, actual: &Node, uri: &Uri) {
        let text = |node: &Node| node.value.as_ref().map(Value::to_text);
        match (text(expected), text(actual)) {
            (None, _) | (_, None) if is_secret(uri.name()) => {}
            (expected, actual) if is_secret(uri.name()) => {
                if expected != actual {
                    self.push(uri, "", Some(MASK.to_owned()), Some(MASK.to_owned()));
                }
            }
            (expected, actual) => self.add(uri, "", expected, actual),
        }
    }

    fn add(&mut self, uri: &Uri, property: &str, expected: Option<String>, actual: Option<String>) {
        if expected != actual {
            self.push(uri, property, expected, actual);
        }
    }

    fn push(&mut self, uri: &Uri, property: &str, expected: Option<String>, actual: Option<String>) {
        self.0.push(SettingDifference { account: None, path: format!("{uri}{property}"), expected, actual });
    }
}

/// Returns what a node is, where only one side has it.
fn in_short(node: &Node) -> String {
    match (node.count() - 1, &node.value) {
        (0, Some(_)) if is_secret(node.name()) => MASK.to_owned(),
        (0, Some(value)) => value.to_text(),
        (0, None) => node.format.to_string(),
        (below, _) => format!("{} + {below} below", node.format),
    }
}
