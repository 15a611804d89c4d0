//! Rules DDF005 to DDF008: what each node has.

use super::Walk;
use super::examples::{GOOD, GOOD_INTERIOR};
use super::facts::Facts;
use super::structure::{PROPERTIES, rank};
use crate::diagnose::{Diagnostic, Rule, Severity};
use crate::document::Element;

pub(super) const NODE_NAME: Rule = Rule {
    code: "DDF005",
    name: "node-name",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"NodeName\"",
    summary: "each node has exactly one NodeName, and it comes first",
    help: "add `<NodeName>…</NodeName>`; leave it empty where the name is given when the node is made",
    bad: example!("  <Node>\n    ", properties!(text!()), "\n  </Node>\n"),
    good: GOOD,
};

pub(super) const NODE_AND_VALUE: Rule = Rule {
    code: "DDF006",
    name: "node-and-value",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Node\"",
    summary: "a node has children or a value, not both",
    help: "remove the Value of the interior node, or its children",
    bad: example!(node!("Con", properties!(inner!()), "\n  <Value>1</Value>\n", leaf!())),
    good: GOOD_INTERIOR,
};

pub(super) const NO_PROPERTIES: Rule = Rule {
    code: "DDF007",
    name: "no-properties",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFProperties\"",
    summary: "each node of a description has DFProperties",
    help: "add DFProperties with at least AccessType, DFFormat and DFType",
    bad: example!(node!("Con", "\n", leaf!())),
    good: GOOD_INTERIOR,
};

pub(super) const INCOMPLETE_PROPERTIES: Rule = Rule {
    code: "DDF008",
    name: "incomplete-properties",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFProperties\"",
    summary: "DFProperties say at least AccessType, DFFormat and DFType",
    help: "add what is missing; an interior node has `<DFType><DDFName/></DFType>`",
    bad: example!(node!("Name", properties!("<DFType><MIME>text/plain</MIME></DFType>"))),
    good: GOOD,
};

impl<'e> Walk<'_, 'e> {
    fn check_node_name(&mut self, node: &Element<'_>) {
        match node.children_named("NodeName").count() {
            1 if node.children[0].name == "NodeName" => {}
            1 => {
                let rank = |child: &Element<'_>| Some(usize::from(child.name != "NodeName"));
                let fix = self.xml.and_then(|xml| xml.move_up(node, rank, |child| child.name == "NodeName"));
                self.add_with(&NODE_NAME, node.span, "NodeName does not come first", fix);
            }
            0 => self.add(&NODE_NAME, node.span, "the node has no NodeName"),
            count => self.add(&NODE_NAME, node.span, format!("the node has {count} NodeNames")),
        }
    }

    /// Reports what a node lacks, and what it has beside what it may not.
    pub(super) fn completeness(&mut self, facts: &Facts<'e>) {
        self.check_node_name(facts.element);
        if let Some(value) = facts.value.filter(|_| facts.has_children) {
            self.add(&NODE_AND_VALUE, value.span, "a node with children has no value");
        }
        let Some(properties) = facts.properties else {
            return self.add(&NO_PROPERTIES, facts.element.span, "the node has no DFProperties");
        };
        if is_prose(properties) {
            return;
        }
        let mut missing = Vec::new();
        for (part, name) in [(facts.access_type, "AccessType"), (facts.format_element, "DFFormat")] {
            if part.is_none() {
                missing.push(name);
            }
        }
        if facts.kind.is_none() && facts.is_interior() {
            let before = |child: &Element<'_>| rank(&PROPERTIES, child).is_some_and(|at| at < 7);
            let text = "<DFType><DDFName/></DFType>";
            let fix = self.xml.and_then(|xml| xml.insert(properties, text, before));
            let finding = Diagnostic::new(&INCOMPLETE_PROPERTIES, properties.span, "DFType is missing");
            self.tell(Diagnostic { fix, ..finding.lenient(Severity::Warning) });
        } else if facts.kind.is_none() {
            missing.push("DFType");
        }
        if let Some((last, rest)) = missing.split_last() {
            let (all, verb) = match rest {
                [] => ((*last).to_owned(), "is"),
                _ => (format!("{} and {last}", rest.join(", ")), "are"),
            };
            self.add(&INCOMPLETE_PROPERTIES, properties.span, format!("{all} {verb} missing"));
        }
        if let Some(format) = facts.format_element.filter(|f| f.children.is_empty() && f.trimmed().is_empty()) {
            self.add(&INCOMPLETE_PROPERTIES, format.span, "DFFormat names no format");
        }
    }
}

/// Returns whether there is text where elements should be, such as `...` in an example: that is told once, as DDF004.
pub(super) fn is_prose(properties: &Element<'_>) -> bool {
    properties.children.is_empty() && !properties.trimmed().is_empty()
}
