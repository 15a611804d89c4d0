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

/// Positions of children that are counted quickly; the longest list of CSP, that of the primitives, has fewer.
const PLAIN: usize = 128;

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
        let is_other_form = || element.children.iter().any(|c| declaration.also_read.contains(&c.name.as_ref()));
        if !look.is_whole {
            particle.compare(&count, &mut faults);
        }
        for fault in faults {
            let name = &element.name;
            match fault {
                CountFault::Missing(_) if is_other_form() => {}
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

    /// Looks at the children of an element quickly: most are there as often as they may be, in their places. Others have to be
    /// looked at at length.
    fn look(&self, element: &Element<'_>, declaration: &Declaration, particle: &Particle) -> Look {
        let mut counts = [0_u8; PLAIN];
        let (mut is_in_place, mut furthest) = (true, 0);
        for child in &element.children {
            let Some(name) = child.name.strip_prefix(self.prefix) else { continue };
            let position = declaration.position(name);
            is_in_place &= position != usize::MAX && (position >= furthest || self.rules.order.is_none());
            furthest = position;
            if let Some(count) = counts.get_mut(position) {
                *count = count.saturating_add(1);
            }
        }
        Look { is_whole: declaration.is_distinct && particle.is_surely_whole(&counts), is_in_place }
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

    /// Returns whether so many children at each position are as the piece has them; `false` where that is not easily seen.
    fn is_surely_whole(&self, counts: &[u8]) -> bool {
        match self.fit(&mut counts.iter()) {
            Fit::Absent => self.may_be_absent(),
            Fit::Right => true,
            Fit::Unsure => false,
        }
    }

    /// Holds numbers of children at their positions, in their order, against the piece; takes as many as it has positions.
    fn fit<'c>(&self, counts: &mut impl Iterator<Item = &'c u8>) -> Fit {
        match self {
            Self::Child(_, occurs) => match counts.next() {
                None | Some(0) => Fit::Absent,
                Some(count) if occurs.most.is_none_or(|most| usize::from(*count) <= most) => Fit::Right,
                Some(_) => Fit::Unsure,
            },
            Self::Sequence(pieces, _) => {
                let (mut fit, mut is_lacking) = (Fit::Absent, false);
                for piece in pieces {
                    match piece.fit(counts) {
                        Fit::Absent => is_lacking |= !piece.may_be_absent(),
                        other => fit = fit.max(other),
                    }
                }
                if is_lacking && fit == Fit::Right { Fit::Unsure } else { fit }
            }
            // All its pieces have one position.
            Self::Choice(pieces, Occurs { most: None, .. }) => match counts.next() {
                _ if !pieces.iter().all(|piece| matches!(piece, Self::Child(..))) => Fit::Unsure,
                None | Some(0) => Fit::Absent,
                Some(_) => Fit::Right,
            },
            Self::Choice(pieces, _) => pieces.iter().fold(Fit::Absent, |fit, piece| match (fit, piece.fit(counts)) {
                (Fit::Absent, other) | (other, Fit::Absent) => other,
                _ => Fit::Unsure,
            }),
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

/// How a quick look finds the children of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// None is there.
    Absent,
    /// They are as they may be.
    Right,
    /// They have to be looked at at length.
    Unsure,
}

enum CountFault {
    Missing(String),
    Repeated(&'static str),
    Mixed(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cp, csp, dm};

    /// Whatever is looked at quickly and found right, the long look finds right too: no child, each child once and twice,
    /// each two children together.
    #[test]
    fn a_quick_look_finds_right_only_what_is_right() {
        let mut right = 0;
        for vocabulary in [&csp::V1_1, &csp::V1_2, &csp::V1_3, &cp::VOCABULARY, &dm::DDF] {
            for declaration in vocabulary.grammar.declarations() {
                let Model::Children(particle) = &declaration.model else { continue };
                let names: Vec<_> = declaration.children().collect();
                let pairs = names.iter().flat_map(|one| names.iter().map(move |other| vec![*one, *other]));
                for children in pairs.chain(names.iter().map(|name| vec![*name])).chain([Vec::new()]) {
                    let count = |name: &str| children.iter().filter(|child| **child == name).count();
                    let mut counts = [0; PLAIN];
                    children.iter().for_each(|child| counts[declaration.position(child)] += 1);
                    if declaration.is_distinct && particle.is_surely_whole(&counts) {
                        right += 1;
                        let mut faults = Vec::new();
                        particle.compare(&count, &mut faults);
                        assert!(faults.is_empty(), "{} with {children:?}", declaration.name);
                    }
                }
            }
        }
        assert!(right > 1_000, "{right}");
    }
}
