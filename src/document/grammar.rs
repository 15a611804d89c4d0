//! What elements a vocabulary has and what they hold, read from a table in the notation of the sheets.
//!
//! The table has one row an element: version, element, namespace, content, … (`csp/xml-syntax.md` section 1).
//! The content column is the declaration: `A B?` a sequence, `(A|B)` a choice, `*` `+` occurrence, `EMPTY`, or
//! a leaf such as `#int` or `#enum:NAME`. From this one declaration come the structural [`check`](Grammar::check),
//! the order in which we write ([`Grammar::arrange`]) and how WBXML carries a leaf ([`Grammar::kind`]).
//!
//! Readers keep no order: children are found by name, unknown ones are skipped (`csp/xml-syntax.md` section 5).

use std::collections::HashMap;

use super::element::{Content, Element};
use super::value::Kind;
use crate::diagnose::{Diagnostic, Report, Rule};

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
    positions: HashMap<&'static str, usize>,
}

/// The rules that structural faults cite. `None`: the fault is tolerated without a word.
#[derive(Debug, Clone, Copy)]
pub struct StructureRules {
    /// A required child is missing.
    pub missing: &'static Rule,
    /// A child that may occur once is repeated, or alternatives are mixed.
    pub repeated: Option<&'static Rule>,
    /// A known element stands where the model does not allow it.
    pub misplaced: Option<&'static Rule>,
    /// An element is not known at all.
    pub unknown: Option<&'static Rule>,
    /// Children are not in the model's order.
    pub order: Option<&'static Rule>,
    /// A leaf's value does not fit, or there is text where none may be.
    pub value: &'static Rule,
}

/// All elements of one vocabulary in one version.
#[derive(Debug, Default)]
pub struct Grammar {
    elements: HashMap<&'static str, Vec<Declaration>>,
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
        let declarations = self.elements.get(name)?;
        declarations.iter().find(|d| d.namespaces.contains(&namespace)).or(declarations.first())
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
    pub fn may_be_white(&self, name: &str) -> bool {
        let is_text = |d: &Declaration| matches!(d.model, Model::Any | Model::Leaf(Kind::Text));
        self.elements.get(name).is_none_or(|declarations| declarations.iter().any(is_text))
    }

    /// Reports every structural fault of the tree. Paths in the findings start with `path` (may be empty).
    pub fn check(&self, root: &Element<'_>, path: &str, rules: &StructureRules, report: &mut Report) {
        let namespace = self.elements.get(root.name.as_ref()).and_then(|d| d[0].namespaces.first().copied());
        let mut walk = Walk { grammar: self, rules, report, path: path.to_owned() };
        walk.element(root, namespace.unwrap_or_default());
    }

    /// Puts all children into the order in which the standard writes them; unknown ones go to the end.
    pub fn arrange(&self, root: &mut Element<'_>) {
        let namespace = self.elements.get(root.name.as_ref()).and_then(|d| d[0].namespaces.first().copied());
        self.arrange_below(root, namespace.unwrap_or_default());
    }

    /// Takes away what a writer never sends: children that the model of their parent does not have.
    pub fn prune(&self, root: &mut Element<'_>) {
        let namespace = self.elements.get(root.name.as_ref()).and_then(|d| d[0].namespaces.first().copied());
        self.prune_below(root, namespace.unwrap_or_default());
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
        if element.children.len() > 1 {
            element.children.sort_by_key(|c| declaration.position(&c.name));
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
        let mut positions = HashMap::new();
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

    fn namespace_within<'n>(&'n self, outer: &'n str) -> &'n str {
        if self.namespaces.contains(&outer) { outer } else { self.namespaces.first().copied().unwrap_or(outer) }
    }

    fn position(&self, child: &str) -> usize {
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
    fn number(&self, next: &mut usize, positions: &mut HashMap<&'static str, usize>) {
        match self {
            Self::Child(name, _) => {
                positions.entry(name).or_insert(*next);
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

    fn occurs(&self) -> Occurs {
        match self {
            Self::Child(_, occurs) | Self::Sequence(_, occurs) | Self::Choice(_, occurs) => *occurs,
        }
    }

    fn is_present(&self, count: &impl Fn(&str) -> usize) -> bool {
        match self {
            Self::Child(name, _) => count(name) > 0,
            Self::Sequence(pieces, _) | Self::Choice(pieces, _) => pieces.iter().any(|p| p.is_present(count)),
        }
    }

    fn may_be_absent(&self) -> bool {
        self.occurs().least == 0
            || match self {
                Self::Child(..) => false,
                Self::Sequence(pieces, _) => pieces.iter().all(Self::may_be_absent),
                Self::Choice(pieces, _) => pieces.iter().any(Self::may_be_absent),
            }
    }

    /// Finds what is missing and what is there too often, from the number of children of each name.
    fn compare(&self, count: &impl Fn(&str) -> usize, faults: &mut Vec<CountFault>) {
        if !self.is_present(count) {
            if !self.may_be_absent() {
                faults.push(CountFault::Missing(self.in_words()));
            }
            return;
        }
        match self {
            Self::Child(name, occurs) => {
                if occurs.most.is_some_and(|most| count(name) > most) {
                    faults.push(CountFault::Repeated(name));
                }
            }
            Self::Sequence(pieces, _) => pieces.iter().for_each(|p| p.compare(count, faults)),
            Self::Choice(pieces, occurs) => {
                let mut present = pieces.iter().filter(|p| p.is_present(count));
                if occurs.most.is_none() {
                    return;
                }
                if let Some(first) = present.next() {
                    first.compare(count, faults);
                }
                if let Some(second) = present.next() {
                    faults.push(CountFault::Mixed(second.in_words()));
                }
            }
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Child(name, _) => format!("`{name}`"),
            Self::Sequence(pieces, _) => {
                let needed: Vec<_> = pieces.iter().filter(|p| !p.may_be_absent()).map(Self::in_words).collect();
                if needed.is_empty() {
                    pieces.first().map(Self::in_words).unwrap_or_default()
                } else {
                    needed.join(" and ")
                }
            }
            Self::Choice(pieces, _) if pieces.len() > 8 => "a known element".to_owned(),
            Self::Choice(pieces, _) => pieces.iter().map(Self::in_words).collect::<Vec<_>>().join(" or "),
        }
    }
}

enum CountFault {
    Missing(String),
    Repeated(&'static str),
    Mixed(String),
}

/// One walk over a tree, reporting its structural faults.
struct Walk<'w> {
    grammar: &'w Grammar,
    rules: &'w StructureRules,
    report: &'w mut Report,
    path: String,
}

impl Walk<'_> {
    fn element(&mut self, element: &Element<'_>, namespace: &str) {
        let length = self.path.len();
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(&element.name);
        match self.grammar.declaration(&element.name, namespace) {
            None => self.add(self.rules.unknown, element, || format!("`{}` is not known here", element.name)),
            Some(declaration) => self.declared(element, declaration, namespace),
        }
        self.path.truncate(length);
    }

    fn declared(&mut self, element: &Element<'_>, declaration: &Declaration, namespace: &str) {
        match &declaration.model {
            Model::Any => {}
            Model::Empty => {
                if !element.is_empty() {
                    self.add(Some(self.rules.value), element, || format!("`{}` must be empty", element.name));
                }
            }
            Model::Leaf(kind) => self.leaf(element, *kind),
            Model::Children(particle) => {
                if declaration.also_text && element.children.is_empty() && !element.trimmed().is_empty() {
                    return;
                }
                self.children(element, declaration, particle);
                let inner = declaration.namespace_within(namespace);
                for child in &element.children {
                    self.element(child, inner);
                }
            }
        }
    }

    fn leaf(&mut self, element: &Element<'_>, kind: Kind) {
        if let Some(child) = element.children.first() {
            self.add(self.rules.misplaced, child, || format!("`{}` holds {kind}, no elements", element.name));
        } else if let Content::Text(text) = &element.content
            // An empty element counts as absent (`csp/data-types.md` section 4).
            && !text.trim_ascii().is_empty()
            && !kind.fits(text)
        {
            self.add(Some(self.rules.value), element, || format!("`{}` is not {kind}", shorten(text.trim_ascii())));
        }
    }

    fn children(&mut self, element: &Element<'_>, declaration: &Declaration, particle: &Particle) {
        if !element.trimmed().is_empty() {
            self.add(Some(self.rules.value), element, || format!("`{}` holds elements, no text", element.name));
        }
        let count = |name: &str| element.children.iter().filter(|c| c.name == name).count();
        let mut faults = Vec::new();
        // Where the forms that are only read take the place of those that are written, nothing is missing.
        let is_other_form = element.children.iter().any(|c| declaration.also_read.contains(&c.name.as_ref()));
        particle.compare(&count, &mut faults);
        for fault in faults {
            let name = &element.name;
            match fault {
                CountFault::Missing(_) if is_other_form => {}
                CountFault::Missing(what) => {
                    self.add(Some(self.rules.missing), element, || format!("{what} is missing in `{name}`"));
                }
                CountFault::Repeated(child) => {
                    let place = element.children_named(child).nth(1).unwrap_or(element);
                    self.add(self.rules.repeated, place, || format!("`{child}` may stand once in `{name}`"));
                }
                CountFault::Mixed(what) => self.add(self.rules.repeated, element, || {
                    format!("{what} stands beside another alternative in `{name}`")
                }),
            }
        }
        self.places(element, declaration);
    }

    /// Reports children that the model does not have, and those out of order.
    fn places(&mut self, element: &Element<'_>, declaration: &Declaration) {
        let mut furthest = 0;
        let mut told = false;
        for child in &element.children {
            let name = child.name.as_ref();
            let position = declaration.position(name);
            if position == usize::MAX {
                let is_known = self.grammar.elements.contains_key(name);
                if is_known && !declaration.also_read.contains(&name) {
                    let message = || format!("`{name}` has no place in `{}`", element.name);
                    self.add(self.rules.misplaced, child, message);
                }
            } else if position < furthest && !told {
                told = true;
                self.add(self.rules.order, child, || format!("`{name}` stands too late in `{}`", element.name));
            } else {
                furthest = furthest.max(position);
            }
        }
    }

    fn add(&mut self, rule: Option<&'static Rule>, element: &Element<'_>, message: impl FnOnce() -> String) {
        if let Some(rule) = rule {
            self.report.add(Diagnostic::new(rule, element.span, message()).at(self.path.clone()));
        }
    }
}

/// Returns the beginning of a long value, for messages.
pub fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
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
    use crate::diagnose::Severity;

    const RULE: Rule = Rule {
        code: "XXX001",
        name: "test",
        severity: Severity::Error,
        clause: "-",
        summary: "-",
        help: "-",
        bad: "-",
        good: "-",
    };
    static RULES: StructureRules = StructureRules {
        missing: &RULE,
        repeated: Some(&RULE),
        misplaced: Some(&RULE),
        unknown: Some(&RULE),
        order: Some(&RULE),
        value: &RULE,
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
    }
}
