//! The structural faults of a tree: what is missing, repeated, misplaced, unknown, out of order, or has no fitting value.

use super::element::{Content, Element};
use super::grammar::{Declaration, Grammar, Model, Occurs, Particle};
use super::value::{Kind, shorten};
use crate::diagnose::{Diagnostic, Report, Rule};

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

impl Grammar {
    /// Reports every structural fault of the tree. Paths in the findings start with `path` (may be empty).
    pub fn check(&self, root: &Element<'_>, path: &str, rules: &StructureRules, report: &mut Report) {
        let mut walk = Walk { grammar: self, rules, report, path: String::with_capacity(PATH), prefix: "" };
        walk.path.push_str(path);
        walk.element(root, self.namespace_of(root));
    }

    /// Reports every structural fault of those children of `element` that an extension has put there: their names begin
    /// with `prefix`, and this grammar says what stands in an element of that name: each child once, if at all.
    pub(crate) fn check_extension(
        &self,
        element: &Element<'_>,
        prefix: &str,
        rules: &StructureRules,
        report: &mut Report,
    ) {
        let mut walk = Walk { grammar: self, rules, report, path: String::new(), prefix };
        let Some(declaration) = self.declaration(&element.name, "") else { return };
        let mut seen: Vec<usize> = Vec::new();
        for child in &element.children {
            let Some(name) = child.name.strip_prefix(prefix) else { continue };
            let position = declaration.position(name);
            if position != usize::MAX && seen.contains(&position) {
                walk.add(rules.repeated, child, || format!("`{name}` may stand once in `{}`", element.name));
            }
            seen.push(position);
            walk.element(child, declaration.namespace_within(""));
        }
        walk.places(element, declaration);
    }
}

/// Octets of a path, which most are shorter than.
const PATH: usize = 128;

/// Children in a sequence that is looked at quickly; the longest of CSP has 21.
const PLAIN: usize = 24;

/// What a quick look at the children of an element has shown.
struct Look {
    /// Each is there as often as it may be.
    is_whole: bool,
    /// None is out of place, or out of an order that is asked for.
    is_in_place: bool,
}

/// One walk over a tree, reporting its structural faults.
struct Walk<'w> {
    grammar: &'w Grammar,
    rules: &'w StructureRules,
    report: &'w mut Report,
    path: String,
    /// What the names of the grammar's elements begin with; others are not looked at.
    prefix: &'w str,
}

impl Walk<'_> {
    fn element(&mut self, element: &Element<'_>, namespace: &str) {
        let Some(name) = element.name.strip_prefix(self.prefix) else { return };
        let length = self.path.len();
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        match self.grammar.declaration(name, namespace) {
            None => self.add(self.rules.unknown, element, || format!("`{}` is not known here", element.name)),
            Some(declaration) => self.declared(element, declaration, namespace),
        }
        self.path.truncate(length);
    }

    fn declared(&mut self, element: &Element<'_>, declaration: &Declaration, namespace: &str) {
        match &declaration.model {
            Model::Any => {}
            Model::Empty => {
                // Where strangers are skipped they are skipped here too.
                let is_stranger = |child: &Element<'_>| self.grammar.declaration(&child.name, "").is_none();
                let is_tolerated = self.rules.unknown.is_none() && element.children.iter().all(is_stranger);
                if !(element.is_empty() || is_tolerated && element.trimmed().is_empty()) {
                    self.add(Some(self.rules.value), element, || format!("`{}` must be empty", element.name));
                }
            }
            Model::Leaf(kind) => self.leaf(element, *kind),
            Model::Children(particle) => {
                if declaration.also_text && element.children.is_empty() && !element.trimmed().is_empty() {
                    return;
                }
                // No-break spaces between elements are told by the reader.
                if !element.text().trim().is_empty() {
                    let message = || format!("`{}` holds elements, no text", element.name);
                    self.add(Some(self.rules.value), element, message);
                }
                self.children(element, declaration, particle, namespace);
            }
        }
    }

    fn leaf(&mut self, element: &Element<'_>, kind: Kind) {
        if let Some(child) = element.children.first() {
            self.add(self.rules.misplaced, child, || format!("`{}` holds {kind}, no elements", element.name));
        } else if let Content::Text(text) = &element.content
            // An empty element counts as absent.
            && !text.trim_ascii().is_empty()
            && !kind.fits(text)
        {
            self.add(Some(self.rules.value), element, || format!("`{}` is not {kind}", shorten(text.trim_ascii())));
        }
    }

    fn children(&mut self, element: &Element<'_>, declaration: &Declaration, particle: &Particle, namespace: &str) {
        let prefix = self.prefix;
        let is = |child: &Element<'_>, name: &str| {
            child.name.len() == prefix.len() + name.len() && child.name.strip_prefix(prefix) == Some(name)
        };
        let count = |name: &str| element.children.iter().filter(|c| is(c, name)).count();
        let look = self.look(element, declaration, particle);
        let mut faults = Vec::new();
        // Where the forms that are only read take the place of those that are written, nothing is missing.
        let is_other_form = element.children.iter().any(|c| declaration.also_read.contains(&c.name.as_ref()));
        if !look.is_whole {
            particle.compare(&count, &mut faults);
        }
        for fault in faults {
            let name = &element.name;
            match fault {
                CountFault::Missing(_) if is_other_form => {}
                CountFault::Missing(what) => {
                    self.add(Some(self.rules.missing), element, || format!("{what} is missing in `{name}`"));
                }
                CountFault::Repeated(child) => {
                    let place = element.children.iter().filter(|c| is(c, child)).nth(1).unwrap_or(element);
                    self.add(self.rules.repeated, place, || format!("`{child}` may stand once in `{name}`"));
                }
                CountFault::Mixed(what) => self.add(self.rules.repeated, element, || {
                    format!("{what} stands beside another alternative in `{name}`")
                }),
            }
        }
        if !look.is_in_place {
            self.places(element, declaration);
        }
        let inner = declaration.namespace_within(namespace);
        for child in &element.children {
            self.element(child, inner);
        }
    }

    /// Looks at the children of an element quickly: most are a plain sequence that has each as often as it may be there, in
    /// its place. Others have to be looked at at length.
    fn look(&self, element: &Element<'_>, declaration: &Declaration, particle: &Particle) -> Look {
        let mut counts = [0_usize; PLAIN];
        let (mut is_in_place, mut furthest) = (true, 0);
        for child in &element.children {
            let Some(name) = child.name.strip_prefix(self.prefix) else { continue };
            let position = declaration.position(name);
            is_in_place &= position != usize::MAX && (position >= furthest || self.rules.order.is_none());
            furthest = position;
            if let Some(count) = counts.get_mut(position) {
                *count += 1;
            }
        }
        let Particle::Sequence(pieces, _) = particle else { return Look { is_whole: false, is_in_place } };
        let is_right = |(piece, count): (&Particle, usize)| match piece {
            Particle::Child(_, occurs) => count >= occurs.least && occurs.most.is_none_or(|most| count <= most),
            _ => false,
        };
        let is_whole = pieces.len() <= PLAIN && pieces.iter().zip(counts).all(is_right);
        Look { is_whole, is_in_place }
    }

    /// Reports children that the model does not have, and those out of order.
    fn places(&mut self, element: &Element<'_>, declaration: &Declaration) {
        let mut furthest = 0;
        let mut told = false;
        for child in &element.children {
            let Some(name) = child.name.strip_prefix(self.prefix) else { continue };
            let position = declaration.position(name);
            if position == usize::MAX {
                let is_known = self.grammar.declaration(name, "").is_some();
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

impl Particle {
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
