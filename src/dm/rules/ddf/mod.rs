//! Rules DDF: device descriptions.
//!
//! One walk over the tree: [`structure`] collects what a node says and reports what stands in a wrong place, the other
//! modules look at what was collected.
//!
//! ```text
//! structure   what stands where           DDF001-004, 037
//! nodes       what each node has          DDF005-008
//! properties  formats, types and values   DDF009-015, 019
//! run_time    RTProperties                DDF016-018, 035
//! access      occurrence, scope, commands DDF020, 021, 023-028
//! names       names and paths             DDF022, 029, 030, 034
//! places      URIs of the whole           DDF031-033
//! ```

#[macro_use]
mod examples;
mod access;
mod facts;
mod fixes;
mod names;
mod nodes;
mod places;
mod properties;
mod run_time;
mod structure;

use std::borrow::Cow;

use super::super::ddf::Described;
use super::super::object::IMPS;
use super::super::uri::UriLimits;
use super::address::Address;
use super::imps;
use crate::codec::{Document, Encoding};
use crate::diagnose::Severity::{self, Error, Note, Warning};
use crate::diagnose::{Diagnostic, Fix, Report, Rule, Span};
use crate::document::Element;
use fixes::Xml;
use places::Places;

pub(in crate::dm) use run_time::ACL_GRAMMAR;
pub(in crate::dm) use structure::{NOT_A_DESCRIPTION, STRUCTURE};

/// The rules of descriptions, each with its severity for those who must load what makers shipped. A finding may differ
/// where the rule splits: then it says so itself.
#[rustfmt::skip] // the table of the sheet, column "Lenient"
const LENIENT: &[(&Rule, Severity)] = &[
    (&structure::NOT_A_DESCRIPTION, Error),
    (&structure::VERSION, Warning),
    (&structure::NO_NODE, Warning),
    (&structure::NESTING, Error), // order: a warning
    (&nodes::NODE_NAME, Error),
    (&nodes::NODE_AND_VALUE, Error),
    (&nodes::NO_PROPERTIES, Warning),
    (&nodes::INCOMPLETE_PROPERTIES, Error), // an interior node without DFType: a warning
    (&properties::DEFAULTS, Note),
    (&properties::FORMAT_OF_PARENT, Error),
    (&properties::INTERIOR_TYPE, Warning),
    (&properties::LEAF_TYPE, Warning),
    (&properties::IDENTIFIER, Warning),
    (&properties::INTERIOR_VALUE, Warning),
    (&properties::VALUE, Error),
    (&run_time::DIFFERS, Warning),
    (&run_time::INCOMPLETE, Note),
    (&run_time::ACL_GRAMMAR, Error),
    (&properties::COUNT, Warning),
    (&access::UNNAMED_ONCE, Note),
    (&access::NAMED_OFTEN, Warning),
    (&names::TWICE, Warning),
    (&access::PERMANENT_CHANGED, Warning),
    (&access::PERMANENT_PLACE, Warning),
    (&access::NOT_MADE, Note),
    (&access::INTERIOR_COMMAND, Warning),
    (&access::UNREADABLE_INTERIOR, Note),
    (&access::READABLE_SECRET, Warning),
    (&names::NAME, Warning),
    (&names::PATH, Warning),
    (&places::CONTRADICTION, Warning),
    (&places::NOWHERE, Note),
    (&places::BEYOND_LIMITS, Warning),
    (&names::CASE_ONLY, Warning),
    (&run_time::PROPERTY_VALUE, Warning),
    (&structure::LETTER_CASE, Error),
];

/// The rules of descriptions.
pub(super) const RULES: &[&Rule] = &{
    let mut rules: [&Rule; LENIENT.len()] = [LENIENT[0].0; LENIENT.len()];
    let mut i = 0;
    while i < LENIENT.len() {
        rules[i] = LENIENT[i].0;
        i += 1;
    }
    rules
};

/// Reports what is wrong with a description of which only the tree is left: no fixes are offered, and nothing is known
/// of its document type.
pub(super) fn check(root: &Element<'_>, report: &mut Report) {
    Walk::new(report, None, None).description(&whole(root));
}

/// Reports what is wrong with a description, with changes that mend it.
pub(in crate::dm) fn check_document(document: &Document<'_>, limits: Option<UriLimits>, report: &mut Report) {
    let is_xml = document.header.encoding == Encoding::Xml;
    let xml = if is_xml { Xml::of(document.source, &document.root) } else { None };
    let root = whole(&document.root);
    let mut walk = Walk::new(report, xml, limits);
    walk.document_type = document.header.public_text.as_deref();
    walk.description(&root);
}

/// Returns the node of properties that were cut out of theirs, else the element itself.
fn whole<'e>(root: &'e Element<'e>) -> Cow<'e, Element<'e>> {
    if root.name != "DFProperties" {
        return Cow::Borrowed(root);
    }
    let occurrence = root.child("Occurrence").and_then(|occurrence| occurrence.children.first());
    let is_one = occurrence.is_none_or(|word| matches!(word.name.as_ref(), "One" | "ZeroOrOne"));
    let mut node = Element::new("Node").with_leaf("NodeName", if is_one { "DFProperties" } else { "" });
    node.children.push(root.clone());
    node.span = root.span;
    Cow::Owned(node)
}

/// One walk over a description.
struct Walk<'w, 'e> {
    report: &'w mut Report,
    /// The source, where changes of it can be offered.
    xml: Option<Xml<'w>>,
    /// The public identifier of the document type.
    document_type: Option<&'w str>,
    /// The limits of addresses, where any are known.
    limits: Option<UriLimits>,
    /// Whether the version is newer than what we know all elements of.
    is_newer: bool,
    /// Whether the version is one before 1.2.
    is_older: bool,
    /// Where the walk is.
    address: Address<'e>,
    /// The described places; only where there are several nodes at the top.
    places: Option<Places<'e>>,
    /// What is said once for the whole description, with how often it is so.
    tallies: Vec<(Diagnostic, usize)>,
}

/// What a node must know of those above it.
#[derive(Clone, Copy, Default)]
struct Above {
    /// Whether it stands directly in the document.
    is_top: bool,
    /// Whether the parent says that it is dynamic.
    is_dynamic: bool,
    /// Whether names are told apart without their case.
    ignores_case: bool,
    /// Whether it lies in the Inbox, which cannot be read.
    is_inbox: bool,
    /// Whether it lies in an IMPS object, which has a rule for its secrets.
    is_imps: bool,
    /// Where the parent begins.
    parent: u32,
    /// The place of the parent among the described ones.
    place: Option<u32>,
    /// Segments of the parent's address.
    depth: usize,
    /// Characters of the parent's address, at least.
    length: usize,
}

impl<'w, 'e> Walk<'w, 'e> {
    fn new(report: &'w mut Report, xml: Option<Xml<'w>>, limits: Option<UriLimits>) -> Self {
        Self {
            report,
            xml,
            document_type: None,
            limits,
            is_newer: false,
            is_older: false,
            address: Address::default(),
            places: None,
            tallies: Vec::new(),
        }
    }

    fn description(&mut self, root: &'e Element<'e>) {
        if !self.root(root) {
            return;
        }
        self.address = Address::above(root);
        self.limits = self.limits.or_else(|| places::own_limits(root)).filter(|l| *l != UriLimits::default());
        let above = Above { is_top: true, ..Above::default() };
        if root.name == "Node" {
            self.node(root, above);
        } else {
            if root.children_named("Node").nth(1).is_some() {
                self.places = Some(Places::new());
            }
            for node in root.children_named("Node") {
                self.node(node, above);
            }
        }
        self.paths_that_lead_nowhere();
        for (finding, count) in std::mem::take(&mut self.tallies) {
            let more = if count > 1 { format!(" ({} more like it)", count - 1) } else { String::new() };
            self.report.add(Diagnostic { message: format!("{}{more}", finding.message), ..finding });
        }
    }

    /// Looks at a node and all below it; returns its name.
    fn node(&mut self, element: &'e Element<'e>, above: Above) -> &'e str {
        let name = element.child_text("NodeName").unwrap_or_default();
        let came_from = self.address.enter(element, above.is_top);
        let facts = self.facts(element, name);
        let above = if above.is_top { self.below_path(&facts, above) } else { above };
        self.check_properties(&facts);
        self.check_run_time(&facts);
        self.check_access(&facts, &above);
        self.check_name(&facts, &above);
        let is_imps = facts.identifier() == Some(IMPS);
        if is_imps {
            imps::check_description(&Described::read(element), &self.address.to_string(), self.report);
        }
        let below = Above {
            is_top: false,
            parent: element.span.start,
            is_dynamic: facts.is_permanent == Some(false),
            ignores_case: facts.ignores_case.unwrap_or(above.ignores_case),
            is_inbox: above.is_inbox || facts.is_inbox(),
            is_imps: above.is_imps || is_imps,
            place: self.take_place(&facts, &above),
            ..self.check_limits(&facts, above)
        };
        let mut siblings = Vec::new();
        for child in element.children_named("Node") {
            siblings.push((self.node(child, below), child));
        }
        self.check_siblings(siblings, below.ignores_case);
        self.address.leave(came_from);
        name
    }

    /// Adds a finding on the node at which the walk is.
    fn add(&mut self, rule: &'static Rule, span: Span, message: impl Into<String>) {
        self.tell(Diagnostic::new(rule, span, message));
    }

    /// Adds a finding on the node at which the walk is, with a change that mends it if there is one.
    fn add_with(&mut self, rule: &'static Rule, span: Span, message: impl Into<String>, fix: Option<Fix>) {
        self.tell(Diagnostic { fix, ..Diagnostic::new(rule, span, message) });
    }

    /// Adds a finding on the node at which the walk is. This alone gives findings their place and lenient severity.
    fn tell(&mut self, finding: Diagnostic) {
        let finding = self.placed(finding);
        self.report.add(finding);
    }

    /// Counts what is told once for the whole description: `finding` makes the first, of `rule`.
    fn tally(&mut self, rule: &'static Rule, span: Span, message: &str) {
        match self.tallies.iter_mut().find(|(first, _)| first.rule == rule && first.message == message) {
            Some((_, count)) => *count += 1,
            None => {
                let first = self.placed(Diagnostic::new(rule, span, message));
                self.tallies.push((first, 1));
            }
        }
    }

    fn placed(&self, finding: Diagnostic) -> Diagnostic {
        let lenient = LENIENT.iter().find(|(rule, _)| rule.code == finding.rule.code).map(|(_, lenient)| *lenient);
        let finding = match lenient {
            Some(lenient) if finding.lenient.is_none() => {
                let lenient = lenient.min(finding.severity);
                finding.lenient(lenient)
            }
            _ => finding,
        };
        if finding.path.is_empty() { finding.at(self.address.to_string()) } else { finding }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_one_lenient_severity_no_worse_than_the_strict_one() {
        for (i, (rule, lenient)) in LENIENT.iter().enumerate() {
            assert!(*lenient <= rule.severity, "{}", rule.code);
            assert!(LENIENT[..i].iter().all(|(other, _)| other.code != rule.code), "{}", rule.code);
        }
    }
}
