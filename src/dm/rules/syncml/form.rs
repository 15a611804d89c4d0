//! Rules SYN001 to SYN007 and SYN020: the form of a message.

use std::collections::{HashMap, HashSet};

use super::super::super::SYNCML;
use super::super::super::syncml::{COMMANDS, MOST_NESTING, not_a_message};
use super::{Findings, Placed};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span, nearest};
use crate::document::{Element, Grammar, StructureRules, integer, shorten};

/// What structural faults cite.
const STRUCTURE: StructureRules = StructureRules {
    missing: &MISSING,
    repeated: Some(&UNEXPECTED),
    misplaced: Some(&UNEXPECTED),
    unknown: Some(&UNEXPECTED),
    order: Some(&ORDER),
    value: &VALUE,
};

const GOOD: &str = message!(delete!("1"));

pub(in crate::dm) const NOT_A_MESSAGE: Rule = Rule {
    code: "SYN001",
    name: "not-a-message",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, \"SyncML\"",
    summary: "the document is no whole message",
    help: "a message is `SyncML` with a SyncHdr and a SyncBody; parts of one are judged as far as they go",
    bad: concat!("<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncBody>\n", delete!("1"), "<Final/></SyncBody></SyncML>\n"),
    good: GOOD,
};

pub(super) const MISSING: Rule = Rule {
    code: "SYN002",
    name: "missing-element",
    severity: Severity::Error,
    clause: "DM Representation Protocol 1.2, each command",
    summary: "an element that must be there is missing",
    help: "add it; a device answers 400 to a command that is not whole",
    bad: message!("<Delete><CmdID>1</CmdID></Delete>\n"),
    good: GOOD,
};

pub(super) const COMMAND_ID: Rule = Rule {
    code: "SYN003",
    name: "command-id",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, \"CmdID\"",
    summary: "identifiers of commands differ within a message and are not 0",
    help: "number all commands of the message from 1, those inside Atomic and Sequence too",
    bad: message!(delete!("1"), delete!("1")),
    good: message!(delete!("1"), delete!("2")),
};

pub(in crate::dm) const NESTED: Rule = Rule {
    code: "SYN004",
    name: "command-in-container",
    severity: Severity::Error,
    clause: "DM Representation Protocol 1.2, \"Atomic\", \"Sequence\"",
    summary: "the command may not stand inside an Atomic or a Sequence",
    help: "an Atomic takes Add, Delete, Copy, Replace and Alert; put a Get behind it and a second Atomic beside it",
    bad: message!("<Atomic><CmdID>1</CmdID><Atomic><CmdID>2</CmdID>", delete!("3"), "</Atomic></Atomic>\n"),
    good: message!("<Atomic><CmdID>1</CmdID>", delete!("2"), "</Atomic>\n"),
};

pub(super) const UNEXPECTED: Rule = Rule {
    code: "SYN005",
    name: "unexpected-element",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, document type",
    summary: "an element is not known, stands where it may not, or stands more than once",
    help: "see the content of each element in the document type; names are case sensitive",
    bad: message!("<delete><CmdID>1</CmdID></delete>\n"),
    good: GOOD,
};

pub(super) const ORDER: Rule = Rule {
    code: "SYN006",
    name: "element-order",
    severity: Severity::Warning,
    clause: "SyncML Representation Protocol 1.2, document type",
    summary: "elements do not stand in the order of the document type",
    help: "CmdID comes first, Meta before the items; in an Item: Target, Source, Meta, Data, MoreData; Final comes last",
    bad: message!("<Delete>", item!("./Inbox/1",), "<CmdID>1</CmdID></Delete>\n"),
    good: GOOD,
};

pub(super) const VALUE: Rule = Rule {
    code: "SYN007",
    name: "bad-value",
    severity: Severity::Error,
    clause: "SyncML Representation Protocol 1.2, each element",
    summary: "a value is no number, or text stands where elements or nothing should be",
    help: "MsgID, MsgRef, sizes and codes are decimal numbers; MsgID counts from 1",
    bad: message!(
        "<Status><CmdID>1</CmdID><MsgRef>first</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>\n"
    ),
    good: message!(
        "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>\n"
    ),
};

pub(super) const PLACEHOLDER: Rule = Rule {
    code: "SYN020",
    name: "placeholder",
    severity: Severity::Warning,
    clause: "impskit decision: examples of documentation",
    summary: "a placeholder of documentation stands where a value should be",
    help: "put the value in before it is sent",
    bad: message!(delete!("$CmdID$")),
    good: GOOD,
};

/// Reports what is wrong with the form of a message or a part of one.
pub(super) fn check(root: &Element<'_>, findings: &mut Findings<'_>) {
    if root.name != "SyncML" {
        if SYNCML.fragments.contains(&root.name.as_ref()) {
            let message = format!("`{}` stands for itself: this is a part of a message", root.name);
            let finding = Diagnostic::new(&NOT_A_MESSAGE, root.span, message);
            findings.report.add(finding.severity(Severity::Note).lenient(Severity::Note));
            structure(root, "", &SYNCML.grammar, findings);
        }
        return;
    }
    let header = root.child("SyncHdr");
    let is_empty = header.is_some_and(|header| header.children.is_empty());
    if let Some(finding) = not_a_message(root) {
        let is_part = root.child("SyncBody").is_some();
        findings.report.add(finding.lenient(if is_part { Severity::Note } else { Severity::Error }));
    } else if let Some(header) = header.filter(|_| is_empty) {
        findings.path = vec!["SyncML".to_owned(), "SyncHdr".to_owned()];
        findings.add(&NOT_A_MESSAGE, header.span, Severity::Note, "the header of the message is empty");
    }
    findings.path = vec!["SyncML".to_owned()];
    for (i, child) in root.children.iter().enumerate() {
        let is_first = root.child(&child.name).is_some_and(|first| std::ptr::eq(first, child));
        match child.name.as_ref() {
            "SyncHdr" | "SyncBody" if !is_first => {
                let message = format!("`{}` may stand once in `SyncML`", child.name);
                findings.error(&UNEXPECTED, child.span, message);
            }
            "SyncHdr" if i > 0 => {
                findings.add(&ORDER, child.span, Severity::Note, "`SyncHdr` stands too late in `SyncML`");
            }
            "SyncHdr" if is_empty => {}
            "SyncHdr" | "SyncBody" => structure(child, "SyncML", &SYNCML.grammar, findings),
            name => findings.error(&UNEXPECTED, child.span, format!("`{name}` has no place in `SyncML`")),
        }
    }
    if let Some(header) = header {
        header_values(header, findings);
    }
}

/// Reports the structural faults of an element and of all below it.
pub(super) fn structure(element: &Element<'_>, path: &str, grammar: &Grammar, findings: &mut Findings<'_>) {
    let mut found = Report::new();
    grammar.check(element, path, &STRUCTURE, &mut found);
    let dots = ellipses(element);
    // The names of vendors have prefixes.
    found.retain(|finding| !name_of(finding).contains(':'));
    found.amend(|finding| {
        if *finding.rule == VALUE && dots.contains(&finding.span) {
            let message = "`…` stands where elements should be";
            *finding = Diagnostic::new(&PLACEHOLDER, finding.span, message).at(std::mem::take(&mut finding.path));
        }
        let known = nearest(name_of(finding), &COMMANDS).filter(|known| *known != name_of(finding));
        finding.help = known.filter(|_| *finding.rule == UNEXPECTED).map(|known| format!("is `{known}` meant?"));
        let lenient = match finding.rule {
            rule if *rule == ORDER || *rule == PLACEHOLDER => Severity::Note,
            rule if *rule == UNEXPECTED => Severity::Warning,
            rule => rule.severity,
        };
        *finding = finding.clone().lenient(lenient);
    });
    findings.report.append(found);
}

/// Returns the name of the element that a structural finding is about.
fn name_of(finding: &Diagnostic) -> &str {
    finding.path.rsplit('/').next().unwrap_or_default()
}

/// Returns the places of elements that hold nothing but dots.
fn ellipses(root: &Element<'_>) -> HashSet<Span> {
    let mut found = HashSet::new();
    root.walk(&mut |element, _| {
        if is_dots(element.trimmed()) {
            found.insert(element.span);
        }
    });
    found
}

fn is_dots(text: &str) -> bool {
    text.contains(['.', '…']) && text.chars().all(|c| matches!(c, '.' | '…') || c.is_whitespace())
}

fn is_placeholder(text: &str) -> bool {
    let is_between = |open: char, close: char| text.len() > 2 && text.starts_with(open) && text.ends_with(close);
    is_between('$', '$') || (is_between('{', '}') && text.contains(' ')) || is_dots(text)
}

fn header_values(header: &Element<'_>, findings: &mut Findings<'_>) {
    findings.path = vec!["SyncML".to_owned(), "SyncHdr".to_owned()];
    for child in &header.children {
        let value = child.child("LocURI").unwrap_or(child);
        let text = value.trimmed();
        if is_placeholder(text) {
            let message = format!("`{}` is a placeholder", shorten(text));
            findings.add(&PLACEHOLDER, value.span, Severity::Note, message);
        } else if child.name == "MsgID" && !text.is_empty() {
            number(child, 1, findings);
        }
    }
    let sizes = header.children_named("Meta").flat_map(|meta| &meta.children);
    for size in sizes.filter(|child| matches!(child.name.as_ref(), "MaxMsgSize" | "MaxObjSize")) {
        number(size, 0, findings);
    }
}

/// Reports a leaf that is no number, or one below `least`.
fn number(leaf: &Element<'_>, least: u32, findings: &mut Findings<'_>) {
    let text = leaf.trimmed();
    let message = match integer(text) {
        None => format!("`{}` in {} is not a number", shorten(text), leaf.name),
        Some(number) if number < least => format!("{} is {number}, and counts from {least}", leaf.name),
        Some(_) => return,
    };
    findings.add(&VALUE, leaf.span, Severity::Warning, message);
}

/// Reports what is wrong with the identifiers, the places and the numbers of commands, and what they lack.
pub(super) fn identifiers(commands: &[Placed<'_, '_>], findings: &mut Findings<'_>) {
    let mut known: HashMap<&str, &Placed<'_, '_>> = HashMap::new();
    for command in commands {
        findings.path = vec![command.path.clone()];
        placed(command, findings);
        for leaf in command.element.children.iter().filter(|child| child.name == "MsgRef" && !child.is_empty()) {
            number(leaf, 0, findings);
        }
        let Some(id) = command.element.child("CmdID") else { continue };
        let text = id.trimmed();
        if text.is_empty() {
            findings.error(&MISSING, id.span, "the CmdID is empty");
        } else if is_placeholder(text) {
            let message = format!("`{}` is a placeholder", shorten(text));
            findings.add(&PLACEHOLDER, id.span, Severity::Note, message);
        } else if text == "0" {
            findings.add(&COMMAND_ID, id.span, Severity::Warning, "0 stands for the header and is no CmdID");
        } else if let Some(first) = known.insert(text, command) {
            let message = format!("CmdID `{}` is given twice", shorten(text));
            let finding = Diagnostic::new(&COMMAND_ID, id.span, message).at(command.path.clone());
            let finding = finding.related(first.element.span, "the first");
            findings.report.add(finding.lenient(Severity::Warning));
        }
    }
}

fn placed(command: &Placed<'_, '_>, findings: &mut Findings<'_>) {
    let name = command.name();
    let span = command.element.span;
    if command.depth > MOST_NESTING {
        let message = format!("commands are nested {MOST_NESTING} deep or deeper; they are not read");
        return findings.error(&NESTED, span, message);
    }
    if command.is_atomic && name == "Atomic" {
        findings.error(&NESTED, span, "`Atomic` may not stand inside an Atomic; a device answers 500");
    } else if command.is_atomic && matches!(name, "Get" | "Exec") {
        // Observed: examples of Windows have both.
        let message = format!("`{name}` may not stand inside an Atomic; a device answers 500");
        findings.add(&NESTED, span, Severity::Warning, message);
    }
}
