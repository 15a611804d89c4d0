//! The canonical layout of XML: an element a line, indented by two, children in the order of the standard.
//!
//! The text is laid out, not the tree: comments, processing instructions, the document type, CDATA and references stay
//! as they are written, and so does every text that says something. A comment stays with the element that it stands
//! before, or behind on one line.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::document::{Declaration, Element, Grammar};

/// Columns of a line at the most, where there is a choice.
const WIDTH: usize = 120;
/// A comment that begins so is about the element behind it, wherever it stands.
const EXCUSE: &str = "<!-- impskit-ignore";

/// Returns the text of a well-formed document in canonical layout. `root` is what was read from it. Lines end with U+000A.
pub(in crate::codec) fn layout(text: &str, root: &Element<'_>, grammar: Option<&Grammar>) -> Option<String> {
    let pieces = pieces(text)?;
    let mut layout = Layout { text, grammar, output: String::with_capacity(text.len() + text.len() / 4) };
    if text.starts_with('\u{FEFF}') {
        layout.output.push('\u{FEFF}');
    }
    let namespace = grammar.map_or("", |grammar| grammar.namespace_of(root));
    let mut breaks = 0;
    let mut is_first = true;
    for piece in &pieces {
        if let Piece::Text(text) = piece {
            breaks += text.matches('\n').count();
            continue;
        }
        if breaks > 1 && !is_first {
            layout.output.push('\n');
        }
        match piece {
            Piece::Element(node) => layout.element(node, root, namespace, 0),
            Piece::Aside(raw) | Piece::Text(raw) => layout.output.push_str(raw),
        }
        layout.output.push('\n');
        (breaks, is_first) = (0, false);
    }
    Some(layout.output)
}

/// A piece of the text.
enum Piece<'t> {
    Element(Node<'t>),
    /// Characters, references, CDATA.
    Text(&'t str),
    /// What is no content: a comment, a processing instruction, a declaration.
    Aside(&'t str),
}

/// An element with what is in it.
struct Node<'t> {
    /// The start tag.
    tag: &'t str,
    /// The name with its prefix.
    name: &'t str,
    pieces: Vec<Piece<'t>>,
    /// What stands between the tags; `None` where there is one tag.
    inner: Option<&'t str>,
}

/// Takes a text apart; `None` where it is not well-formed.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let base = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    let mut reader = Reader::from_str(text.get(base..)?);
    // The elements that are open, each with what stands beside it so far, and the offset behind its start tag.
    let mut open: Vec<(Node<'_>, Vec<Piece<'_>>, usize)> = Vec::new();
    let mut current = Vec::new();
    loop {
        let start = base + usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let end = base + usize::try_from(reader.buffer_position()).ok()?;
        let raw = text.get(start..end)?;
        match event {
            Event::Start(_) => {
                let node = Node { tag: raw, name: name_of(raw), pieces: Vec::new(), inner: None };
                open.push((node, std::mem::take(&mut current), end));
            }
            Event::Empty(_) => {
                current.push(Piece::Element(Node { tag: raw, name: name_of(raw), pieces: Vec::new(), inner: None }));
            }
            Event::End(_) => {
                let (mut node, beside, from) = open.pop()?;
                node.pieces = std::mem::replace(&mut current, beside);
                node.inner = text.get(from..start);
                current.push(Piece::Element(node));
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => current.push(Piece::Text(raw)),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => current.push(Piece::Aside(raw)),
            Event::Eof => return open.is_empty().then_some(current),
        }
    }
}

fn name_of(tag: &str) -> &str {
    let name = tag.trim_start_matches('<');
    name.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
}

struct Layout<'d> {
    text: &'d str,
    grammar: Option<&'d Grammar>,
    output: String,
}

/// A child with the asides that stay with it.
struct Group<'n, 't, 'e> {
    /// Those before it, each with whether an empty line stands before.
    before: Vec<(&'t str, bool)>,
    /// The child and what was read of it; none behind the last one.
    child: Option<(&'n Node<'t>, &'e Element<'e>)>,
    /// Whether an empty line stands before the child.
    is_apart: bool,
    /// Those behind it on its line.
    after: Vec<&'t str>,
}

impl<'d> Layout<'d> {
    fn element(&mut self, node: &Node<'d>, element: &'d Element<'_>, namespace: &str, depth: usize) {
        let tag = self.tag(node, element, depth);
        self.output.push_str(&tag);
        let Some(inner) = node.inner else { return };
        if !self.is_laid_out(node, element) {
            self.output.push_str(inner);
        } else if node.pieces.iter().any(|piece| !matches!(piece, Piece::Text(_))) {
            let declaration = self.grammar.and_then(|grammar| grammar.declaration(&element.name, namespace));
            let namespace = declaration.map_or(namespace, |declaration| declaration.namespace_within(namespace));
            let (pinned, groups) = groups(node, element, declaration);
            if !self.in_line(node, &groups, namespace, depth) {
                self.children(&pinned, &groups, namespace, depth);
            }
        }
        self.output.push_str("</");
        self.output.push_str(node.name);
        self.output.push('>');
    }

    /// Returns whether white space in an element says nothing: it holds nothing else, or elements.
    fn is_laid_out(&self, node: &Node<'_>, element: &Element<'_>) -> bool {
        let is_white = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.bytes().all(|b| b.is_ascii_whitespace()),
            _ => true,
        };
        let children = node.pieces.iter().filter(|piece| matches!(piece, Piece::Element(_))).count();
        let may_be_white = self.grammar.is_none_or(|grammar| grammar.may_be_white(&element.name));
        node.pieces.iter().all(is_white)
            && element.attribute("xml:space") != Some("preserve")
            && children == element.children.len()
            && (children > 0 || !may_be_white)
    }

    /// Writes children that are small on the line of their parent, where they stood on one before.
    fn in_line(&mut self, node: &Node<'_>, groups: &[Group<'_, 'd, 'd>], namespace: &str, depth: usize) -> bool {
        let is_small = |piece: &Piece<'_>| match piece {
            Piece::Element(child) => {
                let bare = child.tag.trim_end_matches(['/', '>']).trim_ascii_end();
                bare.len() == child.name.len() + 1 && child.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
            }
            Piece::Text(_) => true,
            Piece::Aside(_) => false,
        };
        if node.inner.is_none_or(|inner| inner.contains('\n')) || !node.pieces.iter().all(is_small) {
            return false;
        }
        let length = self.output.len();
        for (child, element) in groups.iter().filter_map(|group| group.child) {
            self.element(child, element, namespace, depth + 1);
        }
        let line = self.output[..].rsplit('\n').next().unwrap_or_default();
        if line.chars().count() + node.name.len() + 3 > WIDTH {
            self.output.truncate(length);
            return false;
        }
        true
    }

    /// Writes children a line each.
    fn children(&mut self, pinned: &[&str], groups: &[Group<'_, 'd, 'd>], namespace: &str, depth: usize) {
        for aside in pinned {
            self.output.push(' ');
            self.output.push_str(aside);
        }
        let mut is_first = true;
        for group in groups {
            for (aside, is_apart) in &group.before {
                self.line(depth + 1, *is_apart && !is_first);
                self.output.push_str(aside);
                is_first = false;
            }
            if let Some((child, element)) = group.child {
                self.line(depth + 1, group.is_apart && !is_first);
                self.element(child, element, namespace, depth + 1);
                is_first = false;
            }
            for aside in &group.after {
                self.output.push(' ');
                self.output.push_str(aside);
            }
        }
        self.line(depth, false);
    }

    fn line(&mut self, depth: usize, is_apart: bool) {
        self.output.push_str(if is_apart { "\n\n" } else { "\n" });
        self.output.extend(std::iter::repeat_n("  ", depth));
    }

    /// Returns the start tag, with one blank between attributes, or each on its own line where they do not fit on one.
    fn tag(&self, node: &Node<'_>, element: &Element<'_>, depth: usize) -> String {
        let attributes: Vec<String> = element
            .attributes
            .iter()
            .map(|a| {
                let value = self.text.get(a.value_span.range()).unwrap_or_default();
                let quote = if value.contains('"') { '\'' } else { '"' };
                format!("{}={quote}{value}{quote}", a.name)
            })
            .collect();
        let end = if node.inner.is_none() { "/>" } else { ">" };
        let length: usize = attributes.iter().map(|attribute| attribute.chars().count() + 1).sum();
        let is_long = 2 * depth + 1 + node.name.len() + length + end.len() > WIDTH;
        let between = match is_long && attributes.len() > 1 {
            true => format!("\n{}", "  ".repeat(depth + 2)),
            false => " ".to_owned(),
        };
        let attributes: String = attributes.into_iter().map(|attribute| format!("{between}{attribute}")).collect();
        format!("<{}{attributes}{end}", node.name)
    }
}

/// Returns the asides on the line of the start tag, and the children in the order of the standard, each with its own.
fn groups<'n, 'd>(
    node: &'n Node<'d>,
    element: &'d Element<'_>,
    declaration: Option<&Declaration>,
) -> (Vec<&'d str>, Vec<Group<'n, 'd, 'd>>) {
    let mut pinned = Vec::new();
    let mut groups: Vec<Group<'n, 'd, 'd>> = Vec::new();
    let mut before: Vec<(&str, bool)> = Vec::new();
    let mut children = element.children.iter();
    let mut breaks = 0;
    for piece in &node.pieces {
        match piece {
            Piece::Text(text) => {
                breaks += text.matches('\n').count();
                continue;
            }
            Piece::Aside(aside) if breaks == 0 && before.is_empty() && !aside.starts_with(EXCUSE) => {
                groups.last_mut().map_or(&mut pinned, |group| &mut group.after).push(aside);
            }
            Piece::Aside(aside) => before.push((aside, breaks > 1)),
            Piece::Element(child) => groups.push(Group {
                before: std::mem::take(&mut before),
                child: children.next().map(|element| (child, element)),
                is_apart: breaks > 1,
                after: Vec::new(),
            }),
        }
        breaks = 0;
    }
    let position = |group: &Group<'_, '_, '_>| {
        group.child.map_or(usize::MAX, |(_, element)| declaration.map_or(0, |d| d.position(&element.name)))
    };
    // A comment with an empty line behind it may be about all that follows: then nothing is moved.
    let is_clear =
        |group: &Group<'_, '_, '_>| position(group) != usize::MAX && (group.before.is_empty() || !group.is_apart);
    if declaration.is_some_and(Declaration::has_order_by_name) && groups.iter().all(is_clear) {
        groups.sort_by_key(position);
    }
    if !before.is_empty() {
        groups.push(Group { before, child: None, is_apart: false, after: Vec::new() });
    }
    (pinned, groups)
}
