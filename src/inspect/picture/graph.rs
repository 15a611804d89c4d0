//! A device tree or a device description as all drawings show it.

use std::fmt::Write as _;

use super::vendor::{self, Extension};
use super::{View, count, shown};
use crate::diagnose::{Basis, Diagnostic, Form, Report, Source, Span};
use crate::dm::{self, Access, Described, Description, Format, Node, Occurrence, Tree, Uri, Value, is_secret};
use crate::document::Element;

/// A device tree or a device description as all drawings show it: nodes in the order of the document, parents first.
#[derive(Debug, Clone)]
pub struct Graph {
    /// What the document is, in one sentence.
    pub title: String,
    /// Whether this is a device tree; else it is a description.
    pub is_tree: bool,
    /// Whether what is said of the nodes is a reconstruction.
    pub is_reference: bool,
    /// What the document says of itself: version of the language, manufacturer, model; those that it says.
    pub facts: Vec<(&'static str, String)>,
    /// The nodes; the children of a node follow it.
    pub nodes: Vec<Drawn>,
    /// Findings on the document that belong to none of the nodes.
    pub findings: Vec<Finding>,
    /// Of a tree: the access control list that the first node inherits.
    acl_above: String,
}

/// A node as drawings show it.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The name; `<X>` where it is given when the node is made. Of the first node also where it is.
    pub name: String,
    /// Whether the name is known; else it is given when the node is made.
    pub is_named: bool,
    /// The address of the parent, of nodes without a parent here.
    pub place: Option<String>,
    /// Levels below the first.
    pub depth: usize,
    /// The number of the parent.
    pub parent: Option<usize>,
    /// The number of the first node that is not below this one.
    pub end: usize,
    /// How many nodes below are left out because of the depth that was asked for.
    pub below: usize,
    /// The format.
    pub format: Format,
    /// What a description says of it; `None` for nodes of a tree that none describes.
    pub described: Option<Said>,
    /// The media types that a leaf may have, or has.
    pub types: Vec<String>,
    /// The identifier of the management object whose root this is.
    pub moi: Option<String>,
    /// The value of a leaf of a tree, or the default value of a described one. Secrets are masked unless asked for.
    pub value: Option<String>,
    /// The title for people.
    pub title: Option<String>,
    /// Of a tree: its own access control list.
    pub acl: Option<String>,
    /// Of a description: what a vendor says beyond the standard.
    pub extensions: Vec<Extension>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    span: Span,
}

/// What a description says of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The commands that it takes.
    pub access: Access,
    /// How many there may be.
    pub occurrence: Occurrence,
    /// Whether servers can neither make nor delete it.
    pub is_permanent: bool,
    /// What the description rests on, where it is a reconstruction.
    pub basis: Option<Basis>,
    /// What it is, for people; lines as they stand.
    pub text: Option<String>,
}

/// A finding beside a node.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// The line of the source, from 1; `None` in binary documents and for findings on the whole.
    pub line: Option<usize>,
}

/// Characters of an address at the most where it is shown; the middle of longer ones is left out.
const MOST_URI: usize = 600;

impl Graph {
    /// Returns the drawing of a device tree, with what the descriptions say of its nodes. `None` where the view starts
    /// at no node.
    pub fn of_tree(tree: &Tree, descriptions: &[&Description], view: &View<'_>) -> Option<Self> {
        let root = Uri::root();
        let start = view.path.unwrap_or(&root);
        let node = tree.get(start)?;
        let title = format!("device tree, {}", count(node.count() - usize::from(start.is_root()), "node"));
        let mut graph = Self::new(title, true);
        graph.acl_above = start.parent().map(|parent| tree.acl(&parent)).unwrap_or_else(|| tree.acl(&root)).to_string();
        let mut described = dm::describe(tree, descriptions).into_iter();
        tree.walk(&mut |uri, node| {
            let described = described.next().flatten();
            let Some(depth) = uri.within(start).map(|below| below.depth()) else { return };
            if view.depth.is_none_or(|most| depth <= most) {
                let mut drawn = Drawn::of_node(node, described, view);
                drawn.depth = depth;
                drawn.below = if view.depth == Some(depth) { node.count() - 1 } else { 0 };
                drawn.place = Some(uri).filter(|_| depth == 0).and_then(Uri::parent).map(|parent| parent.to_string());
                graph.nodes.push(drawn);
            }
        });
        let is_described = graph.nodes.iter().any(|node| node.described.is_some());
        graph.is_reference = is_described && descriptions.iter().any(|d| d.is_reference());
        graph.join();
        Some(graph)
    }

    /// Returns the drawing of a device description; with its document, also of what vendors say in it. `None` where the
    /// view starts at no node.
    pub fn of_description(description: &Description, document: Option<&Element<'_>>, view: &View<'_>) -> Option<Self> {
        let mut nodes = 0;
        description.walk(&mut |_, _| nodes += 1);
        let start = match view.path {
            Some(path) => Some(find(description, path)?),
            None => None,
        };
        let all = count(nodes, "node");
        let title = match &start {
            None => format!("device description, {all}"),
            Some((node, _)) => format!("part of a device description, {} of {all}", 1 + count_below(node)),
        };
        let mut graph = Self::new(title, false);
        let said =
            [("DDF", &description.version), ("manufacturer", &description.manufacturer), ("model", &description.model)];
        for (what, text) in said {
            let Some(text) = text else { continue };
            let _ = match what {
                "DDF" => write!(graph.title, ", DDF {text}"),
                _ => write!(graph.title, ", {text}"),
            };
            graph.facts.push((what, text.clone()));
        }
        graph.is_reference = description.is_reference();
        if let Some((node, place)) = start {
            graph.add(node, document.and_then(|root| element_at(root, node.span)), 0, view);
            graph.nodes[0].place = place;
        } else {
            let mut elements = document.into_iter().flat_map(|root| root.children_named("Node"));
            description.nodes.iter().for_each(|node| graph.add(node, elements.next(), 0, view));
        }
        graph.join();
        Some(graph)
    }

    fn new(title: String, is_tree: bool) -> Self {
        Self {
            title,
            is_tree,
            is_reference: false,
            facts: Vec::new(),
            nodes: Vec::new(),
            findings: Vec::new(),
            acl_above: String::new(),
        }
    }

    fn add(&mut self, node: &Described, element: Option<&Element<'_>>, depth: usize, view: &View<'_>) {
        let mut drawn = Drawn::of_described(node, element, view);
        drawn.depth = depth;
        drawn.place = match (&node.path, &node.name) {
            _ if depth > 0 => None,
            (Some(path), _) => Some(path.to_string()),
            (None, name) => name.as_ref().filter(|name| *name != ".").map(|_| Uri::root().to_string()),
        };
        let goes_deeper = view.depth.is_none_or(|most| depth < most);
        if !goes_deeper {
            drawn.below = count_below(node);
        }
        self.nodes.push(drawn);
        if goes_deeper {
            let mut elements = element.into_iter().flat_map(|e| e.children_named("Node"));
            for child in &node.children {
                self.add(child, elements.next(), depth + 1, view);
            }
        }
    }

    /// Tells every node its parent and its end.
    fn join(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for i in 0..self.nodes.len() {
            let depth = self.nodes[i].depth;
            for closed in open.drain(depth..) {
                self.nodes[closed].end = i;
            }
            self.nodes[i].parent = open.last().copied();
            open.push(i);
        }
        for closed in open {
            self.nodes[closed].end = self.nodes.len();
        }
    }

    /// Puts the findings of a report beside the nodes where they were made.
    pub fn add_findings(&mut self, report: Report, source: &Source<'_>) {
        for diagnostic in report.into_diagnostics() {
            let span = diagnostic.span;
            let is_whole = span == Span::default();
            let line = (!is_whole && source.form == Form::Text).then(|| source.position(span.start).line);
            // The last node that starts before it, or the nearest above that one which holds it.
            let mut place = self.nodes.partition_point(|node| node.span.start <= span.start).checked_sub(1);
            while let Some(i) = place.filter(|&i| self.nodes[i].span.end < span.end) {
                place = self.nodes[i].parent;
            }
            let finding = Finding { diagnostic, line };
            match place.filter(|_| !is_whole) {
                Some(i) => self.nodes[i].findings.push(finding),
                None => self.findings.push(finding),
            }
        }
    }

    /// Returns the nodes without a parent here.
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        self.siblings(0, self.nodes.len())
    }

    /// Returns the children of a node.
    pub fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        self.siblings(node + 1, self.nodes[node].end)
    }

    fn siblings(&self, first: usize, end: usize) -> impl Iterator<Item = usize> {
        let within = move |node: usize| (node < end).then_some(node);
        std::iter::successors(within(first), move |&node| within(self.nodes[node].end))
    }

    /// Returns the number of nodes from this one down, also of those that the view leaves out.
    pub(super) fn size(&self, node: usize) -> usize {
        let shown = node..self.nodes[node].end;
        shown.len() + self.nodes[shown].iter().map(|node| node.below).sum::<usize>()
    }

    /// Returns the nodes from the first down to this one.
    pub(crate) fn line_to(&self, node: usize) -> Vec<usize> {
        let mut line: Vec<_> = std::iter::successors(Some(node), |&i| self.nodes[i].parent).collect();
        line.reverse();
        line
    }

    /// Returns the address of a node, `<X>` for names that are given later; the middle of long ones is left out.
    pub fn uri(&self, node: usize) -> String {
        let line = self.line_to(node);
        let place = self.nodes[line[0]].place.as_deref();
        Self::joined(place.into_iter().chain(line.iter().map(|&i| self.nodes[i].name.as_str())))
    }

    /// Returns the address that a node has below another.
    pub(super) fn uri_below(&self, above: usize, node: usize) -> String {
        let line = self.line_to(node);
        Self::joined(line.iter().filter(|&&i| i > above).map(|&i| self.nodes[i].name.as_str()))
    }

    fn joined<'g>(names: impl Iterator<Item = &'g str>) -> String {
        let mut uri = names.collect::<Vec<_>>().join("/");
        if uri.len() > MOST_URI {
            let (start, end) =
                (uri.floor_char_boundary(MOST_URI / 2), uri.ceil_char_boundary(uri.len() - MOST_URI / 2));
            uri.replace_range(start..end, "…");
        }
        uri
    }

    /// Returns the name of a node, with its place where it has no parent here.
    pub fn label(&self, node: usize) -> String {
        if self.nodes[node].parent.is_some() { self.nodes[node].name.clone() } else { self.uri(node) }
    }

    /// Returns the access control list in force at a node of a tree, and whether it is its own.
    pub fn acl(&self, node: usize) -> (&str, bool) {
        let own = self.nodes[node].acl.as_deref();
        let mut above = std::iter::successors(self.nodes[node].parent, |&i| self.nodes[i].parent);
        let inherited = || above.find_map(|i| self.nodes[i].acl.as_deref()).unwrap_or(&self.acl_above);
        (own.unwrap_or_else(inherited), own.is_some())
    }

    /// Returns the title with what must be said of reconstructions.
    pub(crate) fn full_title(&self) -> String {
        let note = match (self.is_reference, self.is_tree) {
            (false, _) => "",
            (true, true) => "; access and occurrence are those of the impskit reference, a reconstruction",
            (true, false) => "; an impskit reference: a reconstruction, not the text of the standard",
        };
        format!("{}{note}", self.title)
    }
}

/// Returns the node that a path leads to, by its place on the device or by its place below an unnamed root, and the
/// address of its parent.
fn find<'d>(description: &'d Description, path: &Uri) -> Option<(&'d Described, Option<String>)> {
    let parent = path.parent();
    if let Some(node) = description.find(path) {
        return Some((node, parent.map(|parent| parent.to_string())));
    }
    let mut tops = description.nodes.iter().filter(|top| top.name.is_none() && top.path.is_none());
    let node = tops.find_map(|top| path.segments().try_fold(top, |node, name| node.child(name)))?;
    let parents = parent.iter().flat_map(|parent| parent.segments());
    Some((node, Some(std::iter::once("<X>").chain(parents).collect::<Vec<_>>().join("/"))))
}

/// Returns the `Node` element that stands at `span`.
fn element_at<'e, 's>(root: &'e Element<'s>, span: Span) -> Option<&'e Element<'s>> {
    let mut element = root;
    while element.span != span {
        let mut nodes = element.children.iter().filter(|child| child.name == "Node");
        element = nodes.find(|child| child.span.start <= span.start && span.end <= child.span.end)?;
    }
    Some(element)
}

fn count_below(node: &Described) -> usize {
    node.children.iter().map(|child| 1 + count_below(child)).sum()
}

impl Drawn {
    fn new(name: &str, format: Format, span: Span) -> Self {
        Self {
            name: name.to_owned(),
            is_named: true,
            place: None,
            depth: 0,
            parent: None,
            end: 0,
            below: 0,
            format,
            described: None,
            types: Vec::new(),
            moi: None,
            value: None,
            title: None,
            acl: None,
            extensions: Vec::new(),
            findings: Vec::new(),
            span,
        }
    }

    fn of_node(node: &Node, described: Option<&Described>, view: &View<'_>) -> Self {
        let mut drawn = Self::new(node.name(), node.format, node.span);
        drawn.described = described.map(Said::of);
        let is_hidden = is_secret(node.name()) && !view.show_secrets;
        drawn.value = match &node.value {
            Some(Value::Text(text)) => Some(shown(text, is_hidden, view)),
            Some(Value::Octets(octets)) if is_hidden => {
                Some(format!("{} ({})", dm::MASK, count(octets.len(), "octet")))
            }
            Some(value @ Value::Octets(_)) => Some(value.to_text()),
            None => None,
        };
        let type_name = Some(node.type_name.clone()).filter(|name| !name.is_empty());
        if node.is_interior() {
            drawn.moi = type_name;
        } else {
            drawn.types.extend(type_name);
        }
        drawn.title.clone_from(&node.title);
        drawn.acl = node.acl.as_ref().map(ToString::to_string);
        drawn
    }

    fn of_described(node: &Described, element: Option<&Element<'_>>, view: &View<'_>) -> Self {
        let mut drawn = Self::new(node.display_name(), node.format, node.span);
        drawn.described = Some(Said::of(node));
        drawn.is_named = node.name.is_some();
        drawn.types.clone_from(&node.types);
        drawn.moi.clone_from(&node.moi);
        drawn.value = node.default.as_ref().map(|text| shown(text, is_secret(node.display_name()), view));
        drawn.title.clone_from(&node.title);
        drawn.extensions = element.map(vendor::extensions).unwrap_or_default();
        drawn
    }

    /// Returns whether it may have children.
    pub fn is_interior(&self) -> bool {
        self.format == Format::Node
    }

    /// Returns what the description rests on, where it is a reconstruction.
    pub fn basis(&self) -> Option<Basis> {
        self.described.as_ref().and_then(|said| said.basis)
    }

    /// Returns the description for people.
    pub fn text(&self) -> Option<&str> {
        self.described.as_ref().and_then(|said| said.text.as_deref())
    }
}

impl Said {
    fn of(node: &Described) -> Self {
        Self {
            access: node.access,
            occurrence: node.occurrence,
            is_permanent: node.is_permanent,
            basis: node.basis,
            text: node.text.clone(),
        }
    }

    /// Returns the word for the scope.
    pub fn scope(&self) -> &'static str {
        if self.is_permanent { "permanent" } else { "dynamic" }
    }
}
