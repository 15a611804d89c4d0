//! Documents for people: settings as a table, trees and descriptions with branches, as pictures and as pages.
//!
//! ```text
//! Tree, Description ── Graph ─┬─ lines ── text
//!                             ├─ description_json
//!                             ├─ page, markdown        a section a node
//!                             └─ fold ── svg, dot      large trees folded
//! layers of a blob ── layers_page
//! any other document ── Picture ── text, JSON, a table in Markdown or HTML
//! ```
//!
//! Trees have a JSON form of their own, [`serialise::to_json`](crate::dm::serialise::to_json).

mod document;
mod dot;
mod fold;
mod graph;
mod json;
mod layers;
mod lines;
mod markdown;
mod markup;
mod message;
mod page;
mod skeleton;
mod svg;
mod vendor;

pub use document::document;
pub use dot::dot;
pub use fold::{MOST_ROWS, ROWS};
pub use graph::{Drawn, Finding, Graph, Said};
pub use json::description as description_json;
pub use layers::layers_page;
pub use lines::Picture;
pub use markdown::markdown;
pub(crate) use markup::markup;
pub(crate) use page::STYLE;
pub use page::{page, table_page};
pub use skeleton::{skeleton_c, skeleton_json, skeleton_rust};
pub use svg::svg;
pub use vendor::{Allowed, Extension};

use crate::dm::{self, Uri};

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

/// Shows a device tree or a device description as lines with branches.
pub fn lines(graph: &Graph) -> Picture {
    let columns: &[&str] = match graph.is_tree {
        true => &["NODE", "FORMAT", "ACCESS", "OCCURS", "VALUE"],
        false => &["NODE", "FORMAT", "ACCESS", "OCCURS", "SCOPE", "MEANING"],
    };
    let mut picture = Picture::new(graph.full_title(), columns, true);
    for (i, node) in graph.nodes.iter().enumerate() {
        let said = |word: fn(&Said) -> String| node.described.as_ref().map(word).unwrap_or_default();
        let mut cells = vec![
            graph.label(i),
            node.format.to_string(),
            said(|s| s.access.to_string()),
            said(|s| s.occurrence.to_string()),
        ];
        if !graph.is_tree {
            cells.push(said(|s| s.scope().to_owned()));
        }
        cells.push(in_words(graph, i));
        picture.add(node.depth, cells);
    }
    picture
}

/// Returns what else is said of a node: of a tree value, Type and properties; of a description identifier, default,
/// types, basis and text.
fn in_words(graph: &Graph, node: usize) -> String {
    let node = &graph.nodes[node];
    let mut words = Vec::new();
    if node.below > 0 {
        words.push(format!("… {} below", count(node.below, "node")));
    }
    let types = node.types.iter().filter(|name| *name != "text/plain").map(|name| format!("({name})"));
    if graph.is_tree {
        let unknown = (!node.is_interior()).then(|| "(no value)".to_owned());
        words.extend(node.value.clone().or(unknown));
        words.extend(node.moi.clone());
        words.extend(types);
        words.extend(node.title.as_ref().map(|title| format!("title \"{title}\"")));
        words.extend(node.acl.as_ref().map(|acl| format!("ACL {acl}")));
    } else {
        words.extend(node.moi.clone());
        words.extend(node.value.as_ref().map(|value| format!("default {value}")));
        words.extend(types);
        words.extend(node.basis().map(|basis| format!("[{}]", basis.as_str())));
        words.extend(node.text().map(one_line));
    }
    words.join("  ")
}

/// Returns text with each run of white space as one blank.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
