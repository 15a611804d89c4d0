//! What elements a vocabulary has and what they hold, read from a table in a short notation.
//!
//! The table has one row an element: version, element, namespace, content, … The content column is the declaration: `A B?` a sequence, `(A|B)` a choice, `*` `+` occurrence, `EMPTY`, or
//! a leaf such as `#int` or `#enum:NAME`. From this one declaration come the structural [`check`](Grammar::check),
//! the order in which we write ([`Grammar::arrange`]) and how WBXML carries a leaf ([`Grammar::kind`]).
//!
//! Readers keep no order: children are found by name, unknown ones are skipped.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::element::Element;
use super::value::Kind;

/// A map by names that are in a table of ours: nobody else puts a key into it, so that it need not be hashed with care.
pub(crate) type Names<T> = HashMap<&'static str, T, RandomState>;

/// How often something may occur: at least, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurs {
    /// At least so often: 0 or 1.
    pub least: usize,
    /// At most so often; `None` for any number.
    pub most: Option<usize>,
}

/// A piece of a content model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Particle {
    /// A child element.
    Child(&'static str, Occurs),
    /// All pieces, in order.
    Sequence(Vec<Self>, Occurs),
    /// One of the pieces.
    Choice(Vec<Self>, Occurs),
}

/// What an element holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// Nothing.
    Empty,
    /// A value.
    Leaf(Kind),
    /// Anything.
    Any,
    /// Children.
    Children(Particle),
}

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The element's name.
    pub name: &'static str,
    /// The short names of the namespaces it occurs in.
    pub namespaces: Vec<&'static str>,
    /// What it holds, in the order to write.
    pub model: Model,
    /// Children that a reader accepts as well.
    pub also_read: Vec<&'static str>,
    /// Whether bare text is accepted as well.
    pub also_text: bool,
    /// The position of each child in the order to write.
    positions: Names<usize>,
}

/// All elements of one vocabulary in one version.
#[derive(Debug, Default)]
pub struct Grammar {
    elements: Names<Vec<Declaration>>,
}

impl Grammar {
    /// Reads the rows of `version` (all rows where it is empty) of a table with the columns version, element,
    /// namespace, content, certainty, note, also_read. `words` gives the words of an enumeration, `primitives` what
    /// `#primitive` stands for.
    ///
    /// # Panics
    ///
    /// Panics when the table is not well-formed; our tables are part of the program and a test reads them all.
    pub fn read(
        table: &'static str,
        version: &str,
        words: impl Fn(&str) -> &'static [&'static str],
        primitives: &[&'static str],
    ) -> Self {
        let mut grammar = Self::default();
        for row in table.lines().skip(1).filter(|row| !row.is_empty()) {
            let cells: Vec<&'static str> = row.split('\t').collect();
            let cell = |i: usize| cells.get(i).copied().unwrap_or_default();
            if version.is_empty() || cell(0) == version {
                let declaration = Declaration::read(cell(1), cell(2), cell(3), cell(6), &words, primitives);
                grammar.elements.entry(declaration.name).or_default().push(declaration);
            }
        }
        grammar
    }

    /// Returns the declaration of an element; where a name is declared in several namespaces, the one that the
    /// namespace in force decides.
    pub fn declaration(&self, name: &str, namespace: &str) -> Option<&Declaration> {
        match &self.elements.get(name)?[..] {
            [one] => Some(one),
            several => several.iter().find(|d| d.namespaces.contains(&namespace)).or(several.first()),
        }
    }

    /// Returns all declarations, in no order.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.elements.values().flatten()
    }

    /// Returns the kind of value that the leaf of that name holds; `None` for other elements.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.elements.get(name)?.iter().find_map(|d| match d.model {
            Model::Leaf(kind) => Some(kind),
            _ => None,
        })
    }

    /// Returns whether white space alone can be what an element of that name says: where it may hold any text, or is not
    /// known.
    pub(crate) fn may_be_white(&self, name: &str) -> bool {
        let is_text = |d: &Declaration| matches!(d.model, Model::Any | Model::Leaf(Kind::Text));
        self.elements.get(name).is_none_or(|declarations| declarations.iter().any(is_text))
    }

    /// Puts all children into the order in which the standard writes them; unknown ones go to the end.
    pub(crate) fn arrange(&self, root: &mut Element<'_>) {
        self.arrange_below(root, self.namespace_of(root));
    }

    /// Returns what a writer sends of a tree, borrowed from it: in the order of the standard, without children that the
    /// model of their parent does not have. What may hold anything stays as it is.
    pub(crate) fn written<'e>(&self, root: &'e Element<'_>) -> Element<'e> {
        self.written_below(root, self.namespace_of(root))
    }

    /// Takes away what a writer never sends: children that the model of their parent does not have.
    pub fn prune(&self, root: &mut Element<'_>) {
        self.prune_below(root, self.namespace_of(root));
    }

    /// Returns the namespace in which a root stands.
    pub(crate) fn namespace_of(&self, root: &Element<'_>) -> &'static str {
        let first = self.elements.get(root.name.as_ref()).and_then(|d| d[0].namespaces.first());
        first.copied().unwrap_or_default()
    }

    fn written_below<'e>(&self, element: &'e Element<'_>, namespace: &str) -> Element<'e> {
        let declaration = match &element.children[..] {
            [] => None,
            _ => self.declaration(&element.name, namespace).filter(|d| matches!(d.model, Model::Children(_))),
        };
        let Some(declaration) = declaration else { return element.borrowed() };
        let inner = declaration.namespace_within(namespace);
        let (mut furthest, mut is_sorted) = (0, true);
        let mut children = Vec::with_capacity(element.children.len());
        for child in &element.children {
            let position = declaration.position(&child.name);
            if position != usize::MAX {
                is_sorted &= position >= furthest;
                furthest = position;
                children.push(self.written_below(child, inner));
            }
        }
        if !is_sorted {
            children.sort_by_cached_key(|child| declaration.position(&child.name));
        }
        Element { children, ..element.borrowed_alone() }
    }

    fn prune_below(&self, element: &mut Element<'_>, namespace: &str) {
        let Some(declaration) = self.declaration(&element.name, namespace) else { return };
        if !matches!(declaration.model, Model::Children(_)) {
            return;
        }
        element.children.retain(|c| declaration.position(&c.name) != usize::MAX);
        let inner = declaration.namespace_within(namespace);
        for child in &mut element.children {
            self.prune_below(child, inner);
        }
    }

    fn arrange_below(&self, element: &mut Element<'_>, namespace: &str) {
        let Some(declaration) = self.declaration(&element.name, namespace) else { return };
        if !element.children.is_sorted_by_key(|c| declaration.position(&c.name)) {
            element.children.sort_by_cached_key(|c| declaration.position(&c.name));
        }
        let inner = declaration.namespace_within(namespace);
        for child in &mut element.children {
            self.arrange_below(child, inner);
        }
    }
}

impl Declaration {
    fn read(
        name: &'static str,
        namespaces: &'static str,
        content: &'static str,
        also_read: &'static str,
        words: &impl Fn(&str) -> &'static [&'static str],
        primitives: &[&'static str],
    ) -> Self {
        let model = Model::read(content, words, primitives);
        let mut positions = Names::default();
        if let Model::Children(particle) = &model {
            particle.number(&mut 0, &mut positions);
        }
        let also: Vec<&'static str> = also_read.split_ascii_whitespace().collect();
        Self {
            name,
            namespaces: namespaces.split(',').map(str::trim_ascii).collect(),
            also_text: also.iter().any(|item| item.starts_with('#')),
            also_read: also
                .iter()
                .filter(|i| !i.starts_with('#'))
                .map(|i| i.trim_end_matches(['?', '*', '+']))
                .collect(),
            model,
            positions,
        }
    }

    pub(crate) fn namespace_within<'n>(&'n self, outer: &'n str) -> &'n str {
        if self.namespaces.contains(&outer) { outer } else { self.namespaces.first().copied().unwrap_or(outer) }
    }

    /// Returns whether children may be put in order by their names: nothing in the model is a group that occurs again
    /// and again, whose parts belong together.
    pub(crate) fn has_order_by_name(&self) -> bool {
        matches!(&self.model, Model::Children(particle) if particle.has_order_by_name())
    }

    /// Returns the children that the model has, in no order.
    pub(crate) fn children(&self) -> impl Iterator<Item = &'static str> {
        self.positions.keys().copied()
    }

    pub(crate) fn position(&self, child: &str) -> usize {
        self.positions.get(child).copied().unwrap_or(usize::MAX)
    }
}

impl Model {
    fn read(
        content: &'static str,
        words: &impl Fn(&str) -> &'static [&'static str],
        primitives: &[&'static str],
    ) -> Self {
        if let Some(list) = content.strip_prefix("#enum:") {
            return Self::Leaf(Kind::Word(words(list)));
        }
        if let Some(list) = content.strip_prefix("#enums:") {
            return Self::Leaf(Kind::Words(words(list)));
        }
        let kind = match content {
            "EMPTY" => return Self::Empty,
            "#any" | "#text-xmlns" => return Self::Any,
            "#primitive" => {
                let one = |&name: &&'static str| Particle::Child(name, Occurs { least: 1, most: Some(1) });
                let choice = primitives.iter().map(one).collect();
                return Self::Children(Particle::Choice(choice, Occurs { least: 1, most: Some(1) }));
            }
            "#string" => Kind::Text,
            "#int" => Kind::Int,
            "#digits" => Kind::Digits,
            "#number-or-text" => Kind::NumberOrText,
            "#bool" => Kind::Bool,
            "#datetime" => Kind::DateTime,
            "#uri" => Kind::Uri,
            "#mime" => Kind::Mime,
            "#msisdn" => Kind::Msisdn,
            "#base64" => Kind::Base64,
            "#host" => Kind::Host,
            "#opaque" => Kind::Opaque,
            "#UserID" => Kind::UserId,
            "#GroupID" => Kind::GroupId,
            "#ContactListID" => Kind::ContactListId,
            leaf if leaf.starts_with('#') => panic!("content model: unknown leaf `{leaf}`"),
            _ => return Self::Children(Notation::read(content)),
        };
        Self::Leaf(kind)
    }
}

impl Particle {
    fn has_order_by_name(&self) -> bool {
        let is_child = |piece: &Self| matches!(piece, Self::Child(..));
        match self {
            Self::Child(..) => true,
            Self::Sequence(pieces, Occurs { most: None, .. }) => pieces.len() == 1 && pieces.iter().all(is_child),
            Self::Choice(pieces, Occurs { most: None, .. }) => pieces.iter().all(is_child),
            Self::Sequence(pieces, _) | Self::Choice(pieces, _) => pieces.iter().all(Self::has_order_by_name),
        }
    }

    fn number(&self, next: &mut usize, positions: &mut Names<usize>) {
        match self {
            Self::Child(name, _) => {
                // A child alone in one alternative and among others in a later one: among others its place matters.
                positions.insert(name, *next);
                *next += 1;
            }
            Self::Sequence(pieces, _) => pieces.iter().for_each(|p| p.number(next, positions)),
            // The pieces of a choice that may repeat have no order among themselves.
            Self::Choice(pieces, occurs) if occurs.most.is_none() => {
                for piece in pieces {
                    let mut same = *next;
                    piece.number(&mut same, positions);
                }
                *next += 1;
            }
            Self::Choice(pieces, _) => pieces.iter().for_each(|p| p.number(next, positions)),
        }
    }
}

/// Reads the notation of the content column.
struct Notation {
    rest: &'static str,
}

impl Notation {
    fn read(content: &'static str) -> Particle {
        let mut notation = Self { rest: content };
        let particle = notation.sequence();
        assert!(notation.rest.is_empty(), "content model: `{}` is left of `{content}`", notation.rest);
        particle
    }

    fn sequence(&mut self) -> Particle {
        let mut pieces = Vec::new();
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.is_empty() || self.rest.starts_with([')', '|']) {
                break;
            }
            pieces.push(self.piece());
        }
        let once = Occurs { least: 1, most: Some(1) };
        if pieces.len() == 1 { pieces.remove(0) } else { Particle::Sequence(pieces, once) }
    }

    fn piece(&mut self) -> Particle {
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let mut pieces = vec![self.sequence()];
            while let Some(rest) = self.rest.strip_prefix('|') {
                self.rest = rest;
                pieces.push(self.sequence());
            }
            self.rest = self.rest.strip_prefix(')').expect("content model: `)` is missing");
            let occurs = self.occurs();
            return match pieces.len() {
                1 => Particle::Sequence(pieces, occurs),
                _ => Particle::Choice(pieces, occurs),
            };
        }
        let end = self.rest.find([' ', '(', ')', '|', '?', '*', '+']).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        assert!(!name.is_empty(), "content model: a name is missing before `{rest}`");
        self.rest = rest;
        Particle::Child(name, self.occurs())
    }

    fn occurs(&mut self) -> Occurs {
        let (least, most) = match self.rest.as_bytes().first() {
            Some(b'?') => (0, Some(1)),
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            _ => return Occurs { least: 1, most: Some(1) },
        };
        self.rest = &self.rest[1..];
        Occurs { least, most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{Report, Rule};
    use crate::document::StructureRules;

    static RULES: StructureRules = StructureRules {
        missing: &Rule::TEST,
        repeated: Some(&Rule::TEST),
        misplaced: Some(&Rule::TEST),
        unknown: Some(&Rule::TEST),
        order: Some(&Rule::TEST),
        value: &Rule::TEST,
    };
    const TABLE: &str = "version\telement\tnamespace\tcontent\tcertainty\tnote\talso_read\n\
        1\tA\ts\tB? ((C D*)|E+) (F G?)?\tA\t\tH? #string\n\
        1\tB\ts\t#int\tA\n1\tC\ts\tEMPTY\tA\n1\tD\ts\t#bool\tA\n1\tE\ts\t#string\tA\n1\tF\ts\tEMPTY\tA\n\
        1\tG\ts\tEMPTY\tA\n1\tH\ts\tEMPTY\tA\n1\tN\ts\t(N|B)*\tA\n";

    fn faults(build: impl FnOnce(Element<'static>) -> Element<'static>) -> Vec<String> {
        let grammar = Grammar::read(TABLE, "1", |_| &[], &[]);
        let mut report = Report::new();
        grammar.check(&build(Element::new("A")), "", &RULES, &mut report);
        report.diagnostics().iter().map(|d| d.message.clone()).collect()
    }

    #[test]
    fn accepts_what_the_model_says() {
        assert!(faults(|a| a.with_leaf("B", "1").with(Element::new("C")).with_leaf("D", "T")).is_empty());
        assert!(faults(|a| a.with_leaf("E", "x").with_leaf("E", "y").with(Element::new("F"))).is_empty());
        assert!(faults(|a| a.with(Element::new("H"))).is_empty(), "the other form stands for the written one");
    }

    #[test]
    fn names_every_fault() {
        assert_eq!(faults(|a| a.with_leaf("B", "1")), ["`C` or `E` is missing in `A`"]);
        assert_eq!(
            faults(|a| a.with_leaf("B", "x").with(Element::new("C"))),
            ["`x` is not a number from 0 to 4294967295"]
        );
        assert_eq!(
            faults(|a| a.with(Element::new("C")).with(Element::new("G"))),
            ["`F` is missing in `A`"],
            "an optional group that has begun must be whole"
        );
        assert_eq!(faults(|a| a.with(Element::new("C")).with(Element::new("C"))), ["`C` may stand once in `A`"]);
        assert_eq!(
            faults(|a| a.with(Element::new("C")).with_leaf("E", "")),
            ["`E` stands beside another alternative in `A`"]
        );
        assert_eq!(faults(|a| a.with(Element::new("C")).with_leaf("B", "1")), ["`B` stands too late in `A`"]);
        assert_eq!(faults(|a| a.with(Element::new("C")).with(Element::new("Q"))), ["`Q` is not known here"]);
    }

    #[test]
    fn arranges_in_model_order() {
        let grammar = Grammar::read(TABLE, "1", |_| &[], &[]);
        let mut tree = Element::new("A").with_leaf("D", "T").with(Element::new("C")).with_leaf("B", "1");
        grammar.arrange(&mut tree);
        let names: Vec<_> = tree.children.iter().map(|c| c.name.as_ref()).collect();
        assert_eq!(names, ["B", "C", "D"]);
        let table = "version\telement\tnamespace\tcontent\tcertainty\tnote\talso_read\n\
            1\tA\ts\tB (C|(D? C? E?)|F)?\tA\n1\tB\ts\tEMPTY\tA\n1\tC\ts\tEMPTY\tA\n1\tD\ts\tEMPTY\tA\n";
        let mut tree = ["C", "D", "B"].into_iter().fold(Element::new("A"), |a, name| a.with(Element::new(name)));
        Grammar::read(table, "1", |_| &[], &[]).arrange(&mut tree);
        let names: Vec<_> = tree.children.iter().map(|c| c.name.as_ref()).collect();
        assert_eq!(names, ["B", "D", "C"], "a child that stands in two places");
    }
}
