//! Documents as GitHub-flavoured Markdown: tables for a repository, a wiki, release notes.

use std::fmt::Write as _;

use super::lines::capitalised;
use super::markup::fitted;
use super::{Drawn, Extension, Graph, one_line};
use crate::diagnose::text::printable;

/// An interior node has a section of its own where the section that it would be in has more nodes than this …
const LARGE_SECTION: usize = 60;
/// … and it has at least so many itself.
const SECTION: usize = 8;
/// Allowed values that a cell lists at the most.
const MOST_VALUES: usize = 12;

/// Returns a tree or a description as sections with a table of nodes each.
pub fn markdown(graph: &Graph) -> String {
    let title = graph.full_title();
    let (what, facts) = title.split_once(", ").unwrap_or_default();
    let mut out = format!("# {}\n\n{}.\n", capitalised(what), escaped(facts));
    for root in graph.roots() {
        section(&mut out, graph, root, 2);
    }
    out
}

fn section(out: &mut String, graph: &Graph, node: usize, level: usize) {
    let drawn = &graph.nodes[node];
    let _ = write!(out, "\n{} {}\n\n", "#".repeat(level.min(6)), code(&graph.uri(node)));
    let _ = writeln!(out, "{}", in_one_line(graph, drawn));
    for paragraph in [meaning(drawn), extensions(&drawn.extensions)].into_iter().flatten() {
        let _ = write!(out, "\n{paragraph}\n");
    }
    let is_large = drawn.end - node > LARGE_SECTION;
    let (mut rows, mut sections) = (Vec::new(), Vec::new());
    let mut below = node + 1;
    while below < drawn.end {
        let Drawn { parent, end, .. } = graph.nodes[below];
        if is_large && parent == Some(node) && end - below >= SECTION {
            sections.push(below);
            below = end;
        } else {
            rows.push(below);
            below += 1;
        }
    }
    if !rows.is_empty() {
        table(out, graph, node, &rows);
    }
    for section_below in sections {
        section(out, graph, section_below, level + 1);
    }
}

fn table(out: &mut String, graph: &Graph, section: usize, rows: &[usize]) {
    let heads: &[&str] = match graph.is_tree {
        true => &["Node", "Format", "Access", "Occurs", "Value", "ACL"],
        false => &["Node", "Occurs", "Format", "Access", "Scope", "Default", "Meaning"],
    };
    let _ = writeln!(out, "\n| {} |\n|{}", heads.join(" | "), "---|".repeat(heads.len()));
    for &node in rows {
        let drawn = &graph.nodes[node];
        let said = drawn.described.as_ref();
        let occurs = said.map(|said| escaped(&said.occurrence.to_string())).unwrap_or_default();
        let access = said.map(|said| said.access.to_string()).unwrap_or_default();
        let format = drawn.format.to_string();
        let value = drawn.value.as_deref().filter(|value| !value.is_empty()).map(code).unwrap_or_default();
        let moi = drawn.moi.as_deref().map(code);
        let mut cells = vec![code(&graph.uri_below(section, node))];
        if graph.is_tree {
            let acl = drawn.acl.as_deref().map(code).unwrap_or_default();
            let value = moi.into_iter().chain(Some(value).filter(|value| !value.is_empty()));
            cells.extend([format, access, occurs, value.collect::<Vec<_>>().join(" "), acl]);
        } else {
            let scope = said.map(|said| said.scope().to_owned()).unwrap_or_default();
            let types = drawn.types.iter().filter(|name| *name != "text/plain").map(|name| code(name));
            let words = moi.into_iter().chain(types).chain(meaning(drawn)).chain(extensions(&drawn.extensions));
            let hidden = Some(drawn.below).filter(|&below| below > 0).map(|below| format!("… {below} below"));
            let words: Vec<_> = words.chain(hidden).collect();
            cells.extend([occurs, format, access, scope, value, words.join("<br>")]);
        }
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

/// Returns the properties of a node that has a section of its own.
fn in_one_line(graph: &Graph, node: &Drawn) -> String {
    let mut words = vec![format!("format {}", node.format)];
    if let Some(said) = &node.described {
        words.push(format!("access {}", said.access));
        words.push(format!("occurs {}", escaped(&said.occurrence.to_string())));
        words.push(said.scope().to_owned());
    }
    words.extend(node.moi.as_deref().map(|moi| format!("identifier {}", code(moi))));
    let what = if graph.is_tree { "value" } else { "default" };
    words.extend(node.value.as_deref().map(|value| format!("{what} {}", code(value))));
    words.extend(node.acl.as_deref().map(|acl| format!("ACL {}", code(acl))));
    words.join(", ")
}

/// Returns the description for people and what it rests on.
fn meaning(node: &Drawn) -> Option<String> {
    let text = node.text().or(node.title.as_deref()).map(|text| escaped(&one_line(text)));
    match (text, node.basis()) {
        (Some(text), Some(basis)) => Some(format!("{text} *({})*", basis.as_str())),
        (None, Some(basis)) => Some(format!("*({})*", basis.as_str())),
        (text, None) => text,
    }
}

/// Returns the values that vendors allow.
fn extensions(extensions: &[Extension]) -> Option<String> {
    let allowed: Vec<_> = extensions.iter().flat_map(|extension| &extension.allowed).collect();
    let words = |allowed: &&super::Allowed| {
        let meaning = escaped(&one_line(&allowed.meaning));
        if meaning.is_empty() { code(&allowed.value) } else { format!("{} {meaning}", code(&allowed.value)) }
    };
    let mut values: Vec<_> = allowed.iter().take(MOST_VALUES).map(words).collect();
    if allowed.len() > values.len() {
        values.push(format!("… {} more", allowed.len() - values.len()));
    }
    (!values.is_empty()).then(|| format!("allowed: {}", values.join(", ")))
}

/// Returns text as code; the fence is longer than any run of backticks in it.
pub(super) fn code(text: &str) -> String {
    const MOST: usize = 400;
    let text = one_line(text);
    let text = printable(&fitted(&text, MOST)).replace('|', "\\|");
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns text in which nothing is markup.
pub(super) fn escaped(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
