//! Trees and descriptions as text for Graphviz.

use std::fmt::Write as _;

use super::fold::{self, Row, What};
use super::markup::fitted;
use super::{Graph, one_line};
use crate::diagnose::Basis;
use crate::diagnose::text::printable;
use crate::dm::{Command, Format};

/// Cells of a line at the most.
const WIDEST: usize = 100;

/// Returns a digraph of at most so many nodes, from left to right, that `dot` draws.
pub fn dot(graph: &Graph, most: usize) -> String {
    let rows = fold::rows(graph, most);
    let title = format!("\"{}\"", escaped(&graph.full_title(), usize::MAX));
    let mut out = format!(
        "digraph {} {{\n  rankdir=LR;\n  label={title};\n  labelloc=t;\n  nodesep=0.1;\n  \
         node [shape=box, fontname=\"monospace\", fontsize=10, height=0.3];\n  edge [arrowhead=none, color=\"#8c959f\"];\n",
        if graph.is_tree { "tree" } else { "description" }
    );
    for (i, row) in rows.iter().enumerate() {
        let _ = write!(out, "  n{i} [label={}", label(graph, row));
        let _ = match row.node().map(|node| &graph.nodes[node]) {
            Some(node) => {
                writeln!(out, ", color=\"{}\", style=\"{}\"];", color(node.format), style(node.basis()))
            }
            None => writeln!(out, ", shape=plaintext];"),
        };
        if let Some(parent) = row.parent {
            let _ = writeln!(out, "  n{parent} -> n{i};");
        }
    }
    out.push_str("}\n");
    out
}

/// Returns the label of a row: the name, then format, access and occurrence, then identifier and value.
fn label(graph: &Graph, row: &Row) -> String {
    let node = match &row.what {
        What::Node { node, .. } => *node,
        What::Alike(nodes) => {
            let names: Vec<_> = nodes.iter().take(20).map(|&node| graph.nodes[node].name.as_str()).collect();
            return quoted(&format!("… {} more like it: {}", nodes.len(), names.join(", ")));
        }
        What::More(nodes) => return quoted(&format!("… {nodes} more")),
    };
    let drawn = &graph.nodes[node];
    let mut lines = vec![graph.label(node)];
    let mut words = drawn.format.to_string();
    if let Some(said) = &drawn.described {
        let letter = |command: Command| if said.access.allows(command) { &command.as_str()[..1] } else { "-" };
        let access: String = Command::ALL.into_iter().map(letter).collect();
        let basis = said.basis.map(|basis| format!(" {}", basis.as_str())).unwrap_or_default();
        let _ = write!(words, " {access} {} {}{basis}", said.occurrence, said.scope());
    }
    lines.push(words);
    lines.extend(drawn.moi.clone());
    let what = if graph.is_tree { "" } else { "default " };
    lines.extend(drawn.value.as_ref().map(|value| format!("{what}{value}")));
    lines.extend(drawn.acl.as_ref().map(|acl| format!("ACL {acl}")));
    lines.extend(row.hidden());
    let lines: Vec<_> = lines.iter().map(|line| escaped(line, WIDEST)).collect();
    format!("\"{}\\l\"", lines.join("\\l"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, WIDEST))
}

/// Returns text that stands between quotes: one line, no escape of Graphviz.
fn escaped(text: &str, most: usize) -> String {
    let text = one_line(text);
    printable(&fitted(&text, most)).replace('\\', "\\\\").replace('"', "\\\"")
}

fn style(basis: Option<Basis>) -> &'static str {
    match basis {
        None | Some(Basis::Stated) => "solid",
        Some(Basis::Template) => "dashed",
        Some(Basis::Observed) => "rounded,dashed",
        Some(Basis::Derived) => "dotted",
    }
}

fn color(format: Format) -> &'static str {
    match format {
        Format::Node => "#495057",
        Format::Chr => "#1864ab",
        Format::Int => "#2b6e2f",
        Format::Bool => "#862e9c",
        Format::Bin | Format::B64 => "#a61e4d",
        Format::Xml => "#a9400c",
        Format::Null => "#5f6b76",
        Format::Date | Format::Time => "#0b6e80",
        Format::Float => "#4d6b09",
    }
}
