//! Documents for people: settings as a table, trees and descriptions with branches, messages in words.
//!
//! A [`Picture`] is lines of a depth with cells; it is drawn as text or written as JSON. Trees have a JSON form of their
//! own, [`serialise::to_json`](crate::dm::serialise::to_json).

mod document;
mod lines;

pub use document::document;
pub use lines::Picture;

use std::fmt::Write as _;

use crate::dm::{self, Described, Description, Node, Tree, Uri, Value, is_secret};

/// What of a document is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'v> {
    /// Of a tree or a description: the node at which to start.
    pub path: Option<&'v Uri>,
    /// Levels below the start; all where absent.
    pub depth: Option<usize>,
    /// Whether values that look secret are shown.
    pub show_secrets: bool,
}

fn shown(value: &str, is_secret: bool, view: &View<'_>) -> String {
    if is_secret && !view.show_secrets && !value.is_empty() { dm::MASK.to_owned() } else { value.to_owned() }
}

/// Shows a device tree, with what the descriptions say of its nodes. `None` where the view starts at no node.
pub fn tree(tree: &Tree, descriptions: &[&Description], view: &View<'_>) -> Option<Picture> {
    let root = Uri::root();
    let start = view.path.unwrap_or(&root);
    let node = tree.get(start)?;
    let title = format!("device tree, {}", count(node.count() - usize::from(start.is_root()), "node"));
    let mut picture = Picture::new(title, &["NODE", "FORMAT", "ACCESS", "OCCURS", "VALUE"], true);
    let mut described = dm::describe(tree, descriptions).into_iter();
    tree.walk(&mut |uri, node| {
        let described = described.next().flatten();
        let Some(below) = uri.within(start) else { return };
        let depth = below.depth();
        if view.depth.is_some_and(|most| depth > most) {
            return;
        }
        let name = if depth == 0 { uri.to_string() } else { node.name().to_owned() };
        let access = described.map(|d| d.access.to_string()).unwrap_or_default();
        let occurs = described.map(|d| d.occurrence.to_string()).unwrap_or_default();
        picture.add(depth, [name, node.format.to_string(), access, occurs, node_in_words(node, depth, view)]);
    });
    if descriptions.iter().any(|d| d.is_reference()) && picture.lines.iter().any(|line| !line.cells[2].is_empty()) {
        picture.title.push_str("; access and occurrence are those of the impskit reference, a reconstruction");
    }
    Some(picture)
}

/// Returns value, Type and properties of a node.
fn node_in_words(node: &Node, depth: usize, view: &View<'_>) -> String {
    let mut words = Vec::new();
    match &node.value {
        Some(Value::Text(text)) => words.push(shown(text, is_secret(node.name()), view)),
        Some(Value::Octets(octets)) if is_secret(node.name()) && !view.show_secrets => {
            words.push(format!("{} ({})", dm::MASK, count(octets.len(), "octet")));
        }
        Some(value @ Value::Octets(_)) => words.push(value.to_text()),
        None if !node.is_interior() => words.push("(no value)".to_owned()),
        None => {}
    }
    if !matches!(node.type_name.as_str(), "" | "text/plain") {
        words.push(if node.is_interior() { node.type_name.clone() } else { format!("({})", node.type_name) });
    }
    if let Some(title) = &node.title {
        words.push(format!("title \"{title}\""));
    }
    if let Some(acl) = &node.acl {
        words.push(format!("ACL {acl}"));
    }
    let hidden = if view.depth == Some(depth) { node.children().count() } else { 0 };
    if hidden > 0 {
        words.insert(0, format!("… {} below", count(hidden, "node")));
    }
    words.join("  ")
}

/// Shows a device description. `None` where the view starts at no node.
pub fn description(description: &Description, view: &View<'_>) -> Option<Picture> {
    let mut nodes = 0;
    description.walk(&mut |_, _| nodes += 1);
    let mut title = format!("device description, {}", count(nodes, "node"));
    if let Some(version) = &description.version {
        let _ = write!(title, ", DDF {version}");
    }
    for maker in [&description.manufacturer, &description.model].into_iter().flatten() {
        let _ = write!(title, ", {maker}");
    }
    if description.is_reference() {
        title.push_str("; an impskit reference: a reconstruction, not the text of the standard");
    }
    let mut picture = Picture::new(title, &["NODE", "FORMAT", "ACCESS", "OCCURS", "SCOPE", "MEANING"], true);
    match view.path {
        Some(path) => describe_node(find(description, path)?, 0, view, &mut picture),
        None => description.nodes.iter().for_each(|node| describe_node(node, 0, view, &mut picture)),
    }
    Some(picture)
}

/// Returns the node that a path leads to: its place on the device, or its place below an unnamed root.
fn find<'d>(description: &'d Description, path: &Uri) -> Option<&'d Described> {
    let of_unnamed = || {
        let mut tops = description.nodes.iter().filter(|top| top.name.is_none() && top.path.is_none());
        tops.find_map(|top| path.segments().try_fold(top, |node, name| node.child(name)))
    };
    description.find(path).or_else(of_unnamed)
}

fn describe_node(node: &Described, depth: usize, view: &View<'_>, picture: &mut Picture) {
    let name = match &node.path {
        Some(path) if depth == 0 => format!("{path}/{}", node.display_name()),
        _ => node.display_name().to_owned(),
    };
    let scope = if node.is_permanent { "permanent" } else { "dynamic" };
    let mut words: Vec<String> = node.moi.iter().cloned().collect();
    words.extend(
        node.default.as_ref().map(|text| format!("default {}", shown(text, is_secret(node.display_name()), view))),
    );
    words.extend(node.types.iter().filter(|t| *t != "text/plain").map(|t| format!("({t})")));
    words.extend(node.basis.map(|basis| format!("[{}]", basis.as_str())));
    words.extend(node.text.as_deref().map(str::to_owned));
    let goes_deeper = view.depth.is_none_or(|most| depth < most);
    if !goes_deeper && !node.children.is_empty() {
        words.insert(0, format!("… {} below", count(node.children.len(), "node")));
    }
    picture.add(
        depth,
        [
            name,
            node.format.to_string(),
            node.access.to_string(),
            node.occurrence.to_string(),
            scope.to_owned(),
            words.join("  "),
        ],
    );
    for child in node.children.iter().filter(|_| goes_deeper) {
        describe_node(child, depth + 1, view, picture);
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
