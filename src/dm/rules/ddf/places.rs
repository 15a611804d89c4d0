//! Rules DDF031 to DDF033: the addresses of all described nodes together.

use std::collections::HashMap;

use super::super::super::ddf::{Access, Occurrence};
use super::super::super::node::Format;
use super::super::super::uri::UriLimits;
use super::super::address::segments;
use super::examples::GOOD_INTERIOR;
use super::facts::Facts;
use super::names::TWICE;
use super::{Above, Walk};
use crate::diagnose::{Diagnostic, Rule, Severity};
use crate::document::{Element, shorten};

/// A leaf below `./Con`, said by its Path.
macro_rules! below_con {
    ($path:literal, $name:literal) => {
        node!($name, "<Path>", $path, "</Path>\n    ", properties!(text!()))
    };
}

pub(super) const CONTRADICTION: Rule = Rule {
    code: "DDF031",
    name: "contradiction",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Path\"",
    summary: "two descriptions of one address do not agree",
    help: "describe each address once, or say the same in both places",
    bad: example!(
        leaf!("Name"),
        node!("Name", properties!("<DFFormat><int/></DFFormat><DFType><MIME>text/plain</MIME></DFType>"))
    ),
    good: example!(leaf!("Name"), leaf!("Title")),
};

pub(super) const NOWHERE: Rule = Rule {
    code: "DDF032",
    name: "path-to-nowhere",
    severity: Severity::Warning,
    clause: "DM Tree and Description 1.2, DDF, \"Path\"",
    summary: "a Path leads to no described node, though what is above it is described",
    help: "write the address of a described interior node, or describe the node that is meant",
    bad: example!(interior!("Con", leaf!()), below_con!("./Con/Other", "Title")),
    good: example!(interior!("Con", leaf!()), below_con!("./Con", "Title")),
};

pub(super) const BEYOND_LIMITS: Rule = Rule {
    code: "DDF033",
    name: "beyond-limits",
    severity: Severity::Warning,
    clause: "DM Standard Objects 1.2, DevDetail, \"URI\"",
    summary: "an address is longer or deeper than the device says that it can hold",
    help: "shorten names or leave out levels; MaxDepth, MaxTotLen and MaxSegLen of DevDetail/URI are the limits",
    bad: example!(
        interior!(
            "DevDetail",
            interior!(
                "URI",
                node!(
                    "MaxSegLen",
                    "<DFProperties><AccessType><Get/></AccessType><DefaultValue>12</DefaultValue>",
                    text!(),
                    "</DFProperties>"
                )
            )
        ),
        leaf!("NameThatIsLong")
    ),
    good: GOOD_INTERIOR,
};

/// The described places of a tree.
pub(super) struct Places<'e> {
    /// From a place (0 is the root) and a name to the place below; the empty name is that of all without one.
    below: HashMap<(u32, &'e str), u32>,
    /// What is described at each place.
    described: Vec<Option<Seen<'e>>>,
    /// The paths of the nodes at the top, with these.
    paths: Vec<(&'e Element<'e>, &'e Element<'e>)>,
}

/// What a description says of a place that another must not contradict.
struct Seen<'e> {
    element: &'e Element<'e>,
    /// Where its parent begins.
    parent: u32,
    format: Option<Format>,
    access: Access,
    occurrence: Occurrence,
    is_permanent: bool,
    kind: Option<&'e Element<'e>>,
    has_children: bool,
}

impl<'e> Seen<'e> {
    fn new(facts: &Facts<'e>, parent: u32) -> Self {
        Self {
            element: facts.element,
            parent,
            format: facts.format,
            access: facts.access(),
            occurrence: facts.occurrence.unwrap_or(Occurrence::One),
            is_permanent: facts.is_permanent == Some(true),
            kind: facts.kind,
            has_children: facts.has_children,
        }
    }

    fn is_leaf(&self) -> bool {
        self.format.is_some_and(|format| format != Format::Node)
    }

    /// Returns in what two descriptions differ.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let types = |seen: &Self| -> Vec<&'e str> {
            let children = seen.kind.into_iter().flat_map(|kind| &kind.children);
            children.map(Element::trimmed).filter(|text| !text.is_empty()).collect()
        };
        [
            (self.format != other.format, "format"),
            (self.access != other.access, "access"),
            (self.occurrence != other.occurrence, "occurrence"),
            (self.is_permanent != other.is_permanent, "scope"),
            (types(self) != types(other), "type"),
        ]
        .into_iter()
        .filter_map(|(differs, what)| differs.then_some(what))
        .collect()
    }
}

impl<'e> Places<'e> {
    pub(super) fn new() -> Self {
        Self { below: HashMap::new(), described: vec![None], paths: Vec::new() }
    }

    fn enter(&mut self, place: u32, name: &'e str) -> u32 {
        let next = u32::try_from(self.described.len()).unwrap_or(u32::MAX);
        let below = *self.below.entry((place, name)).or_insert(next);
        if below == next {
            self.described.push(None);
        }
        below
    }

    fn seen(&self, place: u32) -> Option<&Seen<'e>> {
        self.described.get(place as usize)?.as_ref()
    }

    /// Returns the segment with which a path leaves what is described, where it may not: below an interior node without
    /// children more may be described elsewhere, and what is above all descriptions is not known.
    fn lost(&self, path: &'e str) -> Option<&'e str> {
        let mut place = 0;
        for name in segments(path) {
            let below = |name| self.below.get(&(place, name)).copied();
            let described = |place: &u32| self.seen(*place).is_some();
            match (below(name).filter(described).or_else(|| below("").filter(described)), self.seen(place)) {
                (Some(below), _) => place = below,
                (None, Some(above)) => return (above.has_children || above.is_leaf()).then_some(name),
                (None, None) => place = below(name)?,
            }
        }
        self.seen(place).is_some_and(Seen::is_leaf).then(|| segments(path).last().unwrap_or(path))
    }
}

impl<'e> Walk<'_, 'e> {
    /// Goes down the path of a node at the top.
    pub(super) fn below_path(&mut self, facts: &Facts<'e>, above: Above) -> Above {
        let path = facts.path.map(Element::trimmed).unwrap_or_default();
        let (mut depth, mut length) = (0, 1);
        for name in segments(path) {
            depth += 1;
            length += 1 + if self.limits.is_some() { name.chars().count() } else { 0 };
        }
        let Some(places) = &mut self.places else { return Above { depth, length, ..above } };
        let place = segments(path).fold(0, |place, name| places.enter(place, name));
        if let Some(element) = facts.path {
            places.paths.push((element, facts.element));
        }
        Above { place: Some(place), depth, length, ..above }
    }

    /// Takes the place of a node among all that are described; returns it, unless a node beside it has it already.
    pub(super) fn take_place(&mut self, facts: &Facts<'e>, above: &Above) -> Option<u32> {
        let (places, parent) = (self.places.as_mut()?, above.place?);
        let place = if facts.name == "." && parent == 0 { 0 } else { places.enter(parent, facts.name) };
        let seen = Seen::new(facts, above.parent);
        let seat = places.described.get_mut(place as usize)?;
        let Some(before) = seat else {
            *seat = Some(seen);
            return Some(place);
        };
        // That one name stands twice below a parent is DDF022, for all below it too.
        if !above.is_top && before.parent == above.parent {
            return None;
        }
        let differences = before.differences(&seen);
        let (rule, message, severity) = if facts.name.is_empty() && above.is_top {
            (&TWICE, "another node with this Path has no name".to_owned(), TWICE.severity)
        } else if !differences.is_empty() {
            let message = format!("this address is described before with another {}", differences.join(", "));
            (&CONTRADICTION, message, CONTRADICTION.severity)
        } else if seen.has_children || before.has_children {
            return Some(place);
        } else {
            (&CONTRADICTION, "this address is described before, in the same way".to_owned(), Severity::Note)
        };
        let other = before.element.span;
        let finding = Diagnostic::new(rule, facts.element.span, message).severity(severity);
        self.tell(finding.related(other, "the other description"));
        Some(place)
    }

    /// Reports the paths that lead to no described node.
    pub(super) fn paths_that_lead_nowhere(&mut self) {
        let Some(places) = self.places.take() else { return };
        for (path, node) in &places.paths {
            if let Some(lost) = places.lost(path.trimmed()) {
                let came_from = self.address.enter(node, true);
                let path_shown = shorten(path.trimmed());
                let message = format!("`{path_shown}` leads to no described node: it is lost at `{}`", shorten(lost));
                self.add(&NOWHERE, path.span, message);
                self.address.leave(came_from);
            }
        }
    }

    /// Measures the address of a node; returns what its children must know, and reports the first that is beyond.
    pub(super) fn check_limits(&mut self, facts: &Facts<'e>, above: Above) -> Above {
        let Some(limits) = self.limits.filter(|_| facts.name != ".") else { return above };
        let characters = facts.name.chars().count();
        // A name that is given later has one character at least.
        let (depth, length) = (above.depth + 1, above.length + 1 + characters.max(1));
        let exceeds = |limit: u16, count: usize, before: usize| {
            limit != 0 && count > usize::from(limit) && before <= usize::from(limit)
        };
        let faults = [
            (exceeds(limits.depth, depth, above.depth), depth, limits.depth, "segments deep"),
            (exceeds(limits.total, length, above.length), length, limits.total, "characters long"),
            (exceeds(limits.segment, characters, 0), characters, limits.segment, "characters long in one segment"),
        ];
        for (_, count, limit, what) in faults.into_iter().filter(|(is_beyond, ..)| *is_beyond) {
            let message = format!("the address is {count} {what}; the device holds {limit}");
            self.add(&BEYOND_LIMITS, facts.name_element.unwrap_or(facts.element).span, message);
        }
        Above { depth, length, ..above }
    }
}

/// Returns the limits that a description gives to `./DevDetail/URI` by default values.
pub(super) fn own_limits(root: &Element<'_>) -> Option<UriLimits> {
    let uri = root.children_named("Node").find_map(|top| {
        let mut rest = ["DevDetail", "URI"].into_iter();
        let path = top.child_text("Path").unwrap_or_default();
        let is_on_the_way = segments(path).chain(segments(top.child_text("NodeName")?)).all(|s| rest.next() == Some(s));
        if is_on_the_way { rest.try_fold(top, child_node) } else { None }
    })?;
    let limit = |name| {
        let default = child_node(uri, name)?.descend(&["DFProperties", "DefaultValue"])?;
        default.trimmed().parse::<u16>().ok()
    };
    let [depth, total, segment] = ["MaxDepth", "MaxTotLen", "MaxSegLen"].map(|name| limit(name).unwrap_or(0));
    Some(UriLimits { depth, total, segment })
}

fn child_node<'n, 's>(node: &'n Element<'s>, name: &str) -> Option<&'n Element<'s>> {
    node.children_named("Node").find(|child| child.child_text("NodeName") == Some(name))
}
