//! Which nodes of a large tree a drawing shows, and what stands in the place of the others.
//!
//! Levels are opened from the top as long as there are rows left, each node of a level as far as its neighbours. In trees that
//! do not fit, siblings that differ only in name are drawn once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::Graph;

/// Rows of a drawing, unless a part of the tree was asked for.
pub const ROWS: usize = 300;
/// Rows of a drawing at the most.
pub const MOST_ROWS: usize = 2000;
/// So many siblings that differ only in name are drawn as one.
const ALIKE: usize = 4;

/// A row of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// What it shows.
    pub(super) what: What,
    /// Levels below the first.
    pub(super) depth: usize,
    /// The number of the row of the parent.
    pub(super) parent: Option<usize>,
}

impl Row {
    /// Returns the node that it shows.
    pub(super) fn node(&self) -> Option<usize> {
        match self.what {
            What::Node { node, .. } => Some(node),
            What::Alike(_) | What::More(_) => None,
        }
    }

    /// Returns what is said of nodes below it that are not drawn.
    pub(super) fn hidden(&self) -> Option<String> {
        match self.what {
            What::Node { hidden, .. } if hidden > 0 => Some(format!("… {hidden} below")),
            _ => None,
        }
    }
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A node, and how many nodes below it are not drawn.
    Node { node: usize, hidden: usize },
    /// Siblings that differ from the node above only in name; of interior nodes also what is below them is alike.
    Alike(Vec<usize>),
    /// So many nodes more, with what is below them.
    More(usize),
}

/// Returns the rows of a drawing, `most` at the most.
pub(super) fn rows(graph: &Graph, most: usize) -> Vec<Row> {
    let is_large = graph.nodes.len() > most;
    let shapes = if is_large { shapes(graph) } else { Vec::new() };
    let mut folding = Folding { graph, shapes, opened: HashMap::new() };
    folding.open(most);
    let mut rows = Vec::new();
    folding.draw(None, None, &mut rows);
    rows
}

/// Returns what siblings must have in common to be drawn as one.
fn shapes(graph: &Graph) -> Vec<u64> {
    let mut shapes = vec![0; graph.nodes.len()];
    for i in (0..graph.nodes.len()).rev() {
        let node = &graph.nodes[i];
        let mut hasher = DefaultHasher::new();
        (node.format, &node.types, &node.moi, node.below).hash(&mut hasher);
        if let Some(said) = &node.described {
            let basis = said.basis.map(|basis| basis.as_str());
            (said.access.to_string(), said.occurrence.to_string(), said.is_permanent, basis).hash(&mut hasher);
        }
        for child in graph.children(i) {
            (&graph.nodes[child].name, shapes[child]).hash(&mut hasher);
        }
        shapes[i] = hasher.finish();
    }
    shapes
}

struct Folding<'g> {
    graph: &'g Graph,
    /// Of each node; none where all nodes fit.
    shapes: Vec<u64>,
    /// What is drawn below a node, `None` for the top.
    opened: HashMap<Option<usize>, Vec<Item>>,
}

enum Item {
    Node(usize),
    Alike(Vec<usize>),
    More(usize),
}

impl Folding<'_> {
    /// Opens level after level while there are rows left.
    fn open(&mut self, most: usize) {
        let mut left = most;
        let mut level = vec![None];
        while !level.is_empty() {
            let lists: Vec<_> = level.iter().map(|&parent| self.items(parent)).collect();
            let sizes: Vec<_> = lists.iter().map(Vec::len).collect();
            let share = share(&sizes, left);
            if share < 2 {
                break;
            }
            let mut below = Vec::new();
            for (parent, mut items) in level.into_iter().zip(lists) {
                if items.len() > share {
                    let rest: usize = items.drain(share - 1..).map(|item| self.size(&item)).sum();
                    items.push(Item::More(rest));
                }
                left -= items.len();
                below.extend(items.iter().filter_map(|item| match item {
                    Item::Node(node) if self.graph.children(*node).next().is_some() => Some(Some(*node)),
                    _ => None,
                }));
                self.opened.insert(parent, items);
            }
            level = below;
        }
    }

    /// Returns what is below a node, with siblings that are alike as one item behind the first of them.
    fn items(&self, parent: Option<usize>) -> Vec<Item> {
        let nodes: Vec<usize> = match parent {
            Some(parent) => self.graph.children(parent).collect(),
            None => self.graph.roots().collect(),
        };
        if self.shapes.is_empty() {
            return nodes.into_iter().map(Item::Node).collect();
        }
        let mut alike: HashMap<u64, Vec<usize>> = HashMap::new();
        for &node in &nodes {
            alike.entry(self.shapes[node]).or_default().push(node);
        }
        let mut items = Vec::new();
        for node in nodes {
            let others = &alike[&self.shapes[node]];
            if others.len() < ALIKE {
                items.push(Item::Node(node));
            } else if others[0] == node {
                items.push(Item::Node(node));
                items.push(Item::Alike(others[1..].to_vec()));
            }
        }
        items
    }

    /// Returns the number of nodes of an item, with those below.
    fn size(&self, item: &Item) -> usize {
        let size = |&node: &usize| self.graph.size(node);
        match item {
            Item::Node(node) => size(node),
            Item::Alike(nodes) => nodes.iter().map(size).sum(),
            Item::More(nodes) => *nodes,
        }
    }

    fn draw(&self, parent: Option<usize>, row_of_parent: Option<usize>, rows: &mut Vec<Row>) {
        let depth = row_of_parent.map_or(0, |row| rows[row].depth + 1);
        for item in self.opened.get(&parent).into_iter().flatten() {
            let row = rows.len();
            let what = match item {
                Item::Node(node) => {
                    let is_open = self.opened.contains_key(&Some(*node));
                    let hidden = if is_open { 0 } else { self.graph.size(*node) - 1 };
                    What::Node { node: *node, hidden }
                }
                Item::Alike(nodes) => What::Alike(nodes.clone()),
                Item::More(nodes) => What::More(*nodes),
            };
            rows.push(Row { what, depth, parent: row_of_parent });
            if let Item::Node(node) = item {
                self.draw(Some(*node), Some(row), rows);
            }
        }
    }
}

/// Returns the largest number of rows that each of several lists may have so that all fit into `left`.
fn share(sizes: &[usize], left: usize) -> usize {
    let needed = |share: usize| sizes.iter().map(|&size| size.min(share)).sum::<usize>();
    let (mut fits, mut over) = (0, left + 1);
    while over - fits > 1 {
        let middle = fits.midpoint(over);
        if needed(middle) <= left { fits = middle } else { over = middle }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_lists_leave_their_rows_to_large_ones() {
        assert_eq!(share(&[2, 3, 100], 20), 15);
        assert_eq!(share(&[10, 10], 100), 100, "all fit");
        assert_eq!(share(&[10, 10, 10], 2), 0);
    }
}
