//! Rules DDF001 to DDF004 and DDF037: what stands where.

use super::super::super::DDF;
use super::super::super::acl::Command;
use super::super::super::ddf::Occurrence;
use super::super::super::node::Format;
use super::super::address::Address;
use super::Walk;
use super::examples::{GOOD, GOOD_INTERIOR};
use super::facts::{Facts, RunTime};
use super::fixes::unsafely;
use crate::diagnose::{Diagnostic, Edit, Fix, Rule, Severity, Span, nearest};
use crate::document::{Element, StructureRules, shorten};

/// What structural faults of serialised trees cite; those of descriptions are found here.
pub(in crate::dm) const STRUCTURE: StructureRules = StructureRules {
    missing: &NESTING,
    repeated: Some(&NESTING),
    misplaced: Some(&NESTING),
    unknown: None,
    order: Some(&ORDER),
    value: &NESTING,
};

pub(in crate::dm) const NOT_A_DESCRIPTION: Rule = Rule {
    code: "DDF001",
    name: "not-a-description",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"MgmtTree\"",
    summary: "the root of a device description is `MgmtTree`",
    help: "write `MgmtTree`; XML names are case sensitive",
    bad: "<!DOCTYPE MgmtTree PUBLIC \"-//OMA//DTD-DM-DDF 1.2//EN\" \
          \"http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd\">\n\
          <mgmttree>\n  <VerDTD>1.2</VerDTD>\n</mgmttree>\n",
    good: GOOD,
};

pub(super) const VERSION: Rule = Rule {
    code: "DDF002",
    name: "version",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"VerDTD\"",
    summary: "VerDTD comes first, is a known version and that of the document type",
    help: "write `<VerDTD>1.2</VerDTD>` directly below MgmtTree; 1.1, 1.1.2 and 1.3 are known too",
    bad: concat!("<MgmtTree>\n", leaf!(), "</MgmtTree>\n"),
    good: GOOD,
};

pub(super) const NO_NODE: Rule = Rule {
    code: "DDF003",
    name: "no-node",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"MgmtTree\"",
    summary: "a description has at least one node",
    help: "describe the root of what the device has as a Node below MgmtTree",
    bad: example!(),
    good: GOOD,
};

/// Versions of the description language that are read.
const VERSIONS: [&str; 4] = ["1.1", "1.1.2", "1.2", "1.3"];

/// The public identifiers of the language: what stands before the version and what behind.
const PUBLIC_IDS: [&str; 2] = ["-//OMA//DTD-DM-DDF ", "-//OMA//DTD SYNCML-DMDDF "];

impl<'e> Walk<'_, 'e> {
    /// Looks at the root; returns whether it is that of a description, or of a piece of one.
    pub(super) fn root(&mut self, root: &'e Element<'e>) -> bool {
        if root.name == "Node" {
            let message = "this is a piece of a description, without its `MgmtTree`; it is judged as far as it goes";
            let finding = Diagnostic::new(&NOT_A_DESCRIPTION, root.span, message).severity(Severity::Warning);
            self.tell(finding.help("put it into `<MgmtTree><VerDTD>1.2</VerDTD>…</MgmtTree>`"));
            return true;
        }
        if root.name != "MgmtTree" {
            let message = format!("`{}` is not the root of a device description, `MgmtTree` is", shorten(&root.name));
            self.add(&NOT_A_DESCRIPTION, root.span, message);
            return false;
        }
        self.address = Address::document();
        self.is_newer = root.child_text("VerDTD") == Some("1.3");
        self.is_older = root.child_text("VerDTD").is_some_and(|version| version.starts_with("1.1"));
        let [version, _, _, node] = self.collect(root, &ROOT);
        self.version(root, version);
        if node.is_none() {
            self.add(&NO_NODE, root.span, "the description has no node");
        }
        true
    }

    fn version(&mut self, root: &Element<'_>, element: Option<&Element<'_>>) {
        let document_type = self.document_type.map(|id| id.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        let of_type = document_type.as_deref().and_then(version_of);
        if let (Some(id), None) = (document_type.as_deref(), of_type) {
            let message = format!("the document type `{}` is no known one of descriptions", shorten(id));
            let finding = Diagnostic::new(&VERSION, Span::default(), message).severity(Severity::Note);
            self.tell(finding.at("MgmtTree"));
        }
        let (message, fix) = match element {
            None => {
                let text = format!("<VerDTD>{}</VerDTD>", of_type.unwrap_or("1.2"));
                ("VerDTD is missing".to_owned(), self.xml.and_then(|xml| xml.insert(root, &text, |_| false)))
            }
            Some(version) if !VERSIONS.contains(&version.trimmed()) => {
                (format!("`{}` is no known version of the description language", shorten(version.trimmed())), None)
            }
            Some(_) if root.children[0].name != "VerDTD" => {
                let rank = |child: &Element<'_>| Some(usize::from(child.name != "VerDTD"));
                let fix = self.xml.and_then(|xml| xml.move_up(root, rank, |child| child.name == "VerDTD"));
                ("VerDTD does not come first".to_owned(), fix)
            }
            Some(version) => match of_type.filter(|of_type| *of_type != version.trimmed()) {
                Some(of_type) => (format!("VerDTD says {}, the document type {of_type}", version.trimmed()), None),
                None => return,
            },
        };
        let span = element.map_or(root.span, |version| version.span);
        self.tell(Diagnostic { fix, ..Diagnostic::new(&VERSION, span, message).at("MgmtTree/VerDTD") });
    }
}

/// Returns the version that a public identifier of the language says.
fn version_of(public_id: &str) -> Option<&'static str> {
    let rest = PUBLIC_IDS.iter().find_map(|start| public_id.strip_prefix(start))?;
    let version = rest.split("//").next()?.trim_ascii();
    VERSIONS.into_iter().find(|known| *known == version)
}

pub(super) const NESTING: Rule = Rule {
    code: "DDF004",
    name: "nesting",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF document type",
    summary: "an element stands where the document type does not have it",
    help: "see the content of each element in the document type; readers find children in any order",
    bad: example!(node!("Name", properties!("<chr/>", text!()))),
    good: GOOD,
};

/// The same rule where only the order in a serialised tree is another: shipped ones differ in it and are read.
const ORDER: Rule = Rule { severity: Severity::Warning, ..NESTING };

pub(super) const LETTER_CASE: Rule = Rule {
    code: "DDF037",
    name: "node-in-letters-of-another-case",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF document type",
    summary: "`Node` describes a node and `node` is a format; one stands in the place of the other",
    help: "write `Node` for what is described and `<DFFormat><node/></DFFormat>` for its format",
    bad: example!(node!("Con", properties!("<DFFormat><Node/></DFFormat><DFType><DDFName/></DFType>"), "\n", leaf!())),
    good: GOOD_INTERIOR,
};

/// A child that an element may have.
pub(super) struct Slot {
    name: &'static str,
    holds: Holds,
    /// Whether its number and place are a rule of their own.
    is_own: bool,
}

#[derive(PartialEq)]
enum Holds {
    Text,
    Elements,
    Anything,
}

const fn slot(name: &'static str, holds: Holds) -> Slot {
    Slot { name, holds, is_own: false }
}

const fn own(name: &'static str, holds: Holds) -> Slot {
    Slot { name, holds, is_own: true }
}

const ROOT: [Slot; 4] =
    [own("VerDTD", Holds::Text), slot("Man", Holds::Text), slot("Mod", Holds::Text), own("Node", Holds::Elements)];

const NODE: [Slot; 6] = [
    own("NodeName", Holds::Text),
    slot("Path", Holds::Text),
    slot("RTProperties", Holds::Elements),
    slot("DFProperties", Holds::Elements),
    own("Node", Holds::Elements),
    slot("Value", Holds::Anything),
];

const RUN_TIME: [Slot; 8] = [
    slot("ACL", Holds::Text),
    slot("Format", Holds::Elements),
    slot("Name", Holds::Text),
    slot("Size", Holds::Text),
    slot("Title", Holds::Text),
    slot("TStamp", Holds::Text),
    slot("Type", Holds::Elements),
    slot("VerNo", Holds::Text),
];

pub(super) const PROPERTIES: [Slot; 9] = [
    slot("AccessType", Holds::Elements),
    slot("DefaultValue", Holds::Anything),
    slot("Description", Holds::Anything),
    slot("DFFormat", Holds::Elements),
    slot("Occurrence", Holds::Elements),
    slot("Scope", Holds::Elements),
    slot("DFTitle", Holds::Text),
    slot("DFType", Holds::Elements),
    slot("CaseSense", Holds::Elements),
];

/// Those that version 1.1 does not have.
const LATER_FORMATS: [&str; 3] = ["date", "time", "float"];
const OCCURRENCES: [&str; 6] = ["One", "ZeroOrOne", "ZeroOrMore", "OneOrMore", "ZeroOrN", "OneOrN"];

/// Returns the rank of a child among the slots.
pub(super) fn rank(slots: &[Slot], child: &Element<'_>) -> Option<usize> {
    slots.iter().position(|slot| slot.name == child.name)
}

impl<'e> Walk<'_, 'e> {
    /// Collects the children of an element and reports those that do not belong there.
    fn collect<const N: usize>(&mut self, element: &'e Element<'e>, slots: &[Slot; N]) -> [Option<&'e Element<'e>>; N] {
        let mut found = [None; N];
        let mut furthest = 0;
        let mut late = None;
        for child in &element.children {
            let Some(at) = rank(slots, child) else {
                let names = slots.each_ref().map(|slot| slot.name);
                self.misplaced(element, child, &names);
                continue;
            };
            let slot = &slots[at];
            if slot.holds == Holds::Text
                && let Some(inner) = child.children.first()
            {
                self.add(&NESTING, inner.span, format!("`{}` holds text, no elements", slot.name));
            }
            if at < furthest && !slot.is_own {
                late = late.or(Some(child));
            }
            furthest = furthest.max(at);
            match found[at] {
                None => found[at] = Some(child),
                Some(_) if slot.is_own => {}
                Some(_) => {
                    self.add(&NESTING, child.span, format!("`{}` may stand once in `{}`", slot.name, element.name))
                }
            }
        }
        if let Some(late) = late {
            let is_moved = |child: &Element<'_>| rank(slots, child).is_some_and(|at| !slots[at].is_own);
            let fix = self.xml.and_then(|xml| xml.move_up(element, |child| rank(slots, child), is_moved));
            let message = format!("`{}` stands too late in `{}`", late.name, element.name);
            let finding = Diagnostic::new(&NESTING, late.span, message).lenient(Severity::Warning);
            let order: Vec<_> = slots.iter().map(|slot| slot.name).collect();
            let help =
                format!("`{}` holds {}, in this order; readers find them in any", element.name, order.join(", "));
            self.tell(Diagnostic { fix, ..finding.help(help) });
        }
        self.no_text(element);
        found
    }

    pub(super) fn no_text(&mut self, element: &Element<'_>) {
        // No-break spaces between elements are told by the reader.
        let text = element.text().trim();
        if !text.is_empty() {
            let message = format!("`{}` holds elements, no text, but `{}`", element.name, shorten(text));
            self.add(&NESTING, element.span, message);
        }
    }

    /// Reports a child that has no place in `parent`, where `names` have.
    pub(super) fn misplaced(&mut self, parent: &Element<'_>, child: &Element<'_>, names: &[&'static str]) {
        if is_foreign(child) {
            return;
        }
        let (name, place) = (shorten(&child.name), &parent.name);
        let meant = names.iter().find(|known| known.eq_ignore_ascii_case(&child.name));
        let xml = self.xml;
        let rename = |meant: &str| xml.and_then(|xml| xml.rename(child, meant));
        match meant {
            Some(&meant @ ("Node" | "node")) => {
                // In the place of a format nobody takes it for a description; elsewhere more is read than before.
                let fix = rename(meant).map(|fix| if meant == "node" { fix } else { unsafely(fix) });
                self.add_with(&LETTER_CASE, child.span, format!("`{name}` in `{place}` is written `{meant}`"), fix);
            }
            Some(meant) => {
                let fix = rename(meant).map(unsafely);
                self.add_with(&NESTING, child.span, format!("`{name}` is written `{meant}`"), fix);
            }
            None if DDF.grammar.declaration(&child.name, "").is_some() => {
                self.add(&NESTING, child.span, format!("`{name}` has no place in `{place}`"));
            }
            None => {
                let message = format!("`{name}` in `{place}` is no element of a description");
                let finding = Diagnostic::new(&NESTING, child.span, message);
                // Short names are near to one another: `Set` is not meant for `Get`.
                let meant = nearest(&name, names).filter(|_| name.len() > 3);
                let finding = match meant {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => finding.help(format!("`{place}` holds {}", names.join(", "))),
                };
                // The text of 1.3 was not at hand: it may well know the element.
                self.tell(if self.is_newer { finding.severity(Severity::Warning) } else { finding });
            }
        }
    }

    /// Returns the one child that an element such as DFFormat has, with the word that its name is.
    fn one_of(
        &mut self,
        element: Option<&'e Element<'e>>,
        words: &[&'static str],
    ) -> Option<(&'static str, &'e Element<'e>)> {
        let element = element?;
        let mut found: Option<(&'static str, &'e Element<'e>)> = None;
        for child in &element.children {
            match words.iter().find(|word| word.eq_ignore_ascii_case(&child.name)) {
                Some(word) if **word != child.name => {
                    self.word_in_other_case(element, child, word);
                    found = found.or(Some((word, child)));
                }
                Some(_) if found.is_some() => {
                    let message = format!("`{}` stands beside another alternative in `{}`", child.name, element.name);
                    self.add(&NESTING, child.span, message);
                }
                Some(word) => {
                    self.empty(child);
                    found = Some((word, child));
                }
                None => self.misplaced(element, child, words),
            }
        }
        let text = element.trimmed();
        if let Some(word) = words.iter().find(|word| found.is_none() && word.eq_ignore_ascii_case(text)) {
            let xml = self.xml.and_then(|xml| xml.plain_text(element));
            let fix = xml.map(|_| Fix::safe(vec![Edit::new(element.content_span, format!("<{word}/>"))]));
            let message = format!("`{}` holds the element `<{word}/>`, not the text", element.name);
            self.add_with(&NESTING, element.span, message, fix);
            return Some((word, element));
        }
        self.no_text(element);
        if found.is_none() && text.is_empty() && element.children.is_empty() && element.name != "DFFormat" {
            self.add(&NESTING, element.span, format!("`{}` is empty", element.name));
        }
        found
    }

    /// Reports an element that came with version 1.2, in a description of an older one.
    fn came_later(&mut self, element: Option<&Element<'_>>) {
        let Some(element) = element.filter(|_| self.is_older) else { return };
        let message = format!("`{}` came with version 1.2 of the language", shorten(&element.name));
        let finding = Diagnostic::new(&NESTING, element.span, message).severity(Severity::Warning);
        self.tell(finding.help("say version 1.2 in VerDTD and document type, or leave it out"));
    }

    fn word_in_other_case(&mut self, parent: &Element<'_>, child: &Element<'_>, word: &'static str) {
        if word == "node" {
            return self.misplaced(parent, child, &[word]);
        }
        let fix = self.xml.and_then(|xml| xml.rename(child, word));
        self.add_with(&NESTING, child.span, format!("`{}` is written `{word}`", child.name), fix);
    }

    /// Reports what stands in an element that must be empty. Numbers of occurrence are not.
    fn empty(&mut self, element: &Element<'_>) {
        let is_empty = element.children.is_empty() && element.trimmed().is_empty();
        if !is_empty && !matches!(element.name.as_ref(), "ZeroOrN" | "OneOrN") {
            self.add(&NESTING, element.span, format!("`{}` must be empty", element.name));
        }
    }
}

/// Returns whether an element belongs to another language: a vendor's.
pub(super) fn is_foreign(element: &Element<'_>) -> bool {
    let is_own = |namespace: &str| namespace.is_empty() || DDF.namespaces.contains(&namespace);
    element.name.contains(':') || element.attribute("xmlns").is_some_and(|namespace| !is_own(namespace))
}

impl<'e> Walk<'_, 'e> {
    /// Collects what a node says, and reports what stands in it in a wrong place.
    pub(super) fn facts(&mut self, element: &'e Element<'e>, name: &'e str) -> Facts<'e> {
        let [name_element, path, run_time, properties, node, value] = self.collect(element, &NODE);
        let slots = properties.map(|properties| self.collect(properties, &PROPERTIES));
        let [access_type, default, _, format_element, occurrence_element, scope, _, kind, case] =
            slots.unwrap_or_default();
        for child in access_type.into_iter().flat_map(|access| &access.children) {
            match Command::read(&child.name) {
                Some(_) => self.empty(child),
                None => self.misplaced(access_type.unwrap_or(child), child, &Command::ALL.map(Command::as_str)),
            }
        }
        let format = self.one_of(format_element, &Format::ALL.map(Format::as_str));
        self.came_later(format.filter(|(word, _)| LATER_FORMATS.contains(word)).map(|(_, element)| element));
        self.came_later(case);
        let occurrence = self.one_of(occurrence_element, &OCCURRENCES);
        let scope_word = self.one_of(scope, &["Permanent", "Dynamic"]);
        let case = self.one_of(case, &["CS", "CIS"]);
        let facts = Facts {
            element,
            name,
            name_element,
            path,
            value,
            has_children: node.is_some(),
            run_time: run_time.map(|element| self.run_time(element)),
            properties,
            access_type,
            default,
            format_element,
            format: format.and_then(|(word, _)| Format::read(word)),
            occurrence_element: occurrence.map(|(_, element)| element),
            occurrence: occurrence.and_then(|(_, element)| Occurrence::read(element)),
            scope,
            is_permanent: scope_word.map(|(word, _)| word == "Permanent"),
            kind,
            ignores_case: case.map(|(word, _)| word == "CIS"),
        };
        self.completeness(&facts);
        facts
    }

    fn run_time(&mut self, element: &'e Element<'e>) -> RunTime<'e> {
        let [acl, format_element, name, size, title, time_stamp, kind, version] = self.collect(element, &RUN_TIME);
        let format = self.one_of(format_element, &Format::ALL.map(Format::as_str)).map(|(word, _)| word);
        RunTime { element, acl, format_element, format, name, size, title, time_stamp, kind, version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stand_in_the_order_of_the_grammar() {
        let tables: [(&str, &[Slot]); 4] =
            [("MgmtTree", &ROOT), ("Node", &NODE), ("RTProperties", &RUN_TIME), ("DFProperties", &PROPERTIES)];
        for (element, slots) in tables {
            let declaration = DDF.grammar.declaration(element, "ddf").unwrap();
            // A node has children or a value; the grammar writes the value first.
            let mut positions: Vec<_> =
                slots.iter().map(|slot| declaration.position(slot.name)).filter(|_| element != "Node").collect();
            assert!(positions.iter().all(|at| *at != usize::MAX) && positions.is_sorted(), "{element}");
            positions.dedup();
            assert!(element == "Node" || positions.len() == slots.len(), "{element}");
        }
    }

    #[test]
    fn versions_of_document_types() {
        assert_eq!(version_of("-//OMA//DTD-DM-DDF 1.2//EN"), Some("1.2"));
        assert_eq!(version_of("-//OMA//DTD SYNCML-DMDDF 1.1.2//EN"), Some("1.1.2"));
        assert_eq!(version_of("-//OMA//DTD-DM-DDF 9//EN"), None);
        assert_eq!(version_of("-//W3C//DTD XHTML 1.0//EN"), None);
    }
}
