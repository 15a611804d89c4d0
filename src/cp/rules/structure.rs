//! What stands where, and how often.

use std::collections::HashMap;

use super::{Provisioning, imps, quoted};
use crate::cp::application::{RegisteredParm, Status};
use crate::cp::characteristic::{Characteristic, Declaration, Parm, Value};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Element, is_declaration, shorten};

pub(super) const DOCUMENT_TYPE: Rule = Rule {
    code: "CP001",
    name: "document-type",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, document type definition",
    summary: "the root, its version, an element or a required attribute is not as the document type has it",
    help: "the root is `wap-provisioningdoc` of version 1.0; in it are `characteristic` with `type` and `parm` with \
           `name`, all in lower case",
    bad: include_str!("examples/CP001.bad.xml"),
    good: include_str!("examples/CP001.good.xml"),
};

/// Reports what is wrong with the elements themselves; returns whether there is anything to look at.
pub(super) fn document(root: &Element<'_>, report: &mut Report) -> bool {
    if root.name != "wap-provisioningdoc" {
        let message = format!("the root is `{}`, not `wap-provisioningdoc`", root.name);
        report.add(Diagnostic::new(&DOCUMENT_TYPE, start_of(root), message).at(root.name.clone()));
        return false;
    }
    if let Some(version) = root.find_attribute("version")
        && version.value.split('.').next() != Some("1")
    {
        let message = format!("version `{}`: clients refuse every major version but 1", version.value);
        let finding = Diagnostic::new(&DOCUMENT_TYPE, version.value_span, message).at("wap-provisioningdoc/version");
        report.add(finding.help("write `version=\"1.0\"`, or leave the attribute out"));
    }
    elements(root, "wap-provisioningdoc", report);
    true
}

/// Reports elements and attributes that the document type does not have, from the top down.
fn elements(element: &Element<'_>, path: &str, report: &mut Report) {
    let (needed, attributes, children): (_, &[&str], &[&str]) = match element.name.as_ref() {
        "characteristic" => (Some("type"), &["type"], &["parm", "characteristic"]),
        "parm" => (Some("name"), &["name", "value"], &[]),
        _ => (None, &["version"], &["characteristic"]),
    };
    if let Some(needed) = needed
        && element.attribute(needed).is_none_or(|value| value.trim().is_empty())
    {
        let message = format!("a `{}` without `{needed}`", element.name);
        report.add(Diagnostic::new(&DOCUMENT_TYPE, start_of(element), message).at(path));
    }
    for attribute in element.attributes.iter().filter(|a| !is_declaration(&a.name)) {
        if !attributes.contains(&attribute.name.as_ref()) {
            let message = format!("`{}` has no attribute `{}`; clients skip it", element.name, attribute.name);
            report.add(Diagnostic::new(&UNKNOWN, attribute.span, message).at(path));
        }
    }
    for child in &element.children {
        let name = child.attribute("type").or_else(|| child.attribute("name")).unwrap_or(&child.name);
        let path = if needed.is_none() { shorten(name) } else { format!("{path}/{}", shorten(name)) };
        if children.contains(&child.name.as_ref()) {
            elements(child, &path, report);
        } else {
            report.add(stray(child, element).at(path));
        }
    }
}

/// Returns the finding about an element that does not belong where it stands.
fn stray(child: &Element<'_>, parent: &Element<'_>) -> Diagnostic {
    let written = child.name.as_ref();
    let names = ["wap-provisioningdoc", "characteristic", "parm"];
    match names.into_iter().find(|name| name.eq_ignore_ascii_case(written)) {
        Some(name) if name != written => {
            let message = format!("`{written}` is not an element: their names are in lower case");
            let finding = Diagnostic::new(&DOCUMENT_TYPE, start_of(child), message);
            finding.help(format!("write `{name}`; clients skip `{written}` with all its content"))
        }
        Some(_) => {
            let message = format!("`{written}` has no place in `{}`", parent.name);
            let finding = Diagnostic::new(&DOCUMENT_TYPE, start_of(child), message);
            if parent.name == "parm" {
                finding.help("close the `parm` before it: it holds no elements")
            } else {
                finding
            }
        }
        None => {
            let message = format!("`{written}` is not an element of provisioning documents; clients skip it");
            Diagnostic::new(&UNKNOWN, start_of(child), message)
        }
    }
}

/// Returns the place of an element up to its first child.
fn start_of(element: &Element<'_>) -> Span {
    let end = element.children.first().map_or(element.span.end, |child| child.span.start.min(element.span.end));
    Span { start: element.span.start, end }
}

pub(super) const NOTHING_LEFT: Rule = Rule {
    code: "CP002",
    name: "nothing-left",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, characteristics",
    summary: "the document has no characteristic that a client reads",
    help: "write at least one characteristic: clients refuse a document without any",
    bad: include_str!("examples/CP002.bad.xml"),
    good: include_str!("examples/CP002.good.xml"),
};

/// Returns whether a client finds nothing to read. A document of vendor characteristics only may be meant for that
/// vendor's clients: a warning.
pub(super) fn nothing_left(document: &Provisioning<'_>, report: &mut Report) -> bool {
    let span = start_of(document.root);
    let characteristics = &document.characteristics;
    let finding = |message: &str| Diagnostic::new(&NOTHING_LEFT, span, message).at(document.root.name.clone());
    if characteristics.is_empty() {
        report.add(finding("the document has no characteristic"));
        true
    } else if characteristics.iter().all(|c| c.declaration.is_none()) {
        let finding = finding("none of the characteristics is one of Provisioning Content");
        let help = "fine where one vendor's clients are meant; all others take nothing from it";
        report.add(finding.severity(Severity::Warning).help(help));
        true
    } else {
        false
    }
}

pub(super) const MISPLACED: Rule = Rule {
    code: "CP006",
    name: "misplaced",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, hierarchy of characteristics",
    summary: "a known characteristic stands where clients do not look for it",
    help: "move it: clients skip a misplaced characteristic with all its content",
    bad: include_str!("examples/CP006.bad.xml"),
    good: include_str!("examples/CP006.good.xml"),
};

/// Returns whether clients read this characteristic; reports it where they skip it.
pub(super) fn is_read(characteristic: &Characteristic<'_>, parent: &str, report: &mut Report) -> bool {
    let name = characteristic.name;
    let Some(declaration) = characteristic.declaration else {
        // One without a type has been named already.
        if !name.is_empty() {
            let rule = if characteristic.is_imps() { &imps::UNKNOWN } else { &UNKNOWN };
            report.add(characteristic.finding(rule, format!("`{name}` is not a known characteristic")));
        }
        return false;
    };
    let is_here = declaration.stands_in(parent);
    if !is_here {
        let shown = |name: &str| if name == "root" { "`wap-provisioningdoc`".to_owned() } else { format!("`{name}`") };
        let parents = declaration.parents.iter().map(|p| shown(p)).collect::<Vec<_>>().join(" or ");
        let finding = characteristic.finding(&MISPLACED, format!("`{name}` has no place in {}", shown(parent)));
        report.add(finding.help(format!("move it into {parents}: here clients skip it with all its content")));
    }
    is_here
}

pub(super) const PARM_MISSING: Rule = Rule {
    code: "CP003",
    name: "parm-missing",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, occurrence of parms",
    summary: "a required parm is missing, empty or without a value",
    help: "add it: clients drop a characteristic that lacks a required parm",
    bad: include_str!("examples/CP003.bad.xml"),
    good: include_str!("examples/CP003.good.xml"),
};

pub(super) fn missing_parms(characteristic: &Characteristic<'_>, report: &mut Report) {
    // The address of a `wA` block has rules of its own.
    if characteristic.is_imps() && characteristic.name == "APPADDR" {
        return;
    }
    for parm in characteristic.declaration.iter().flat_map(|d| &d.parms).filter(|p| p.occurs.least > 0) {
        let Some(found) = characteristic.parm(parm.name) else {
            // A `Parm` of that name has been named already.
            let is_misspelt = |e: &Element<'_>| e.name != "parm" && e.attribute("name") == Some(parm.name);
            if characteristic.element.children.iter().any(is_misspelt) {
                continue;
            }
            let message = format!("`{}` without `{}`", characteristic.name, parm.name);
            report.add(characteristic.finding(&PARM_MISSING, message));
            continue;
        };
        let what = match found.value {
            _ if parm.value == Value::Any => continue,
            None => "has no value",
            Some("") => "is empty",
            Some(_) => continue,
        };
        let message = format!("`{}` {what}, and `{}` needs it", parm.name, characteristic.name);
        report.add(characteristic.parm_finding(&PARM_MISSING, found.value_span(), parm.name, message));
    }
}

/// Reports what the registration of an application needs beyond what is generic. What one source says is a warning.
pub(super) fn missing_registered(characteristic: &Characteristic<'_>, report: &mut Report) {
    let Some(application) = characteristic.application.filter(|_| !characteristic.is_imps()) else { return };
    let is_needed = |p: &&RegisteredParm| p.types == characteristic.types && p.status == Status::Must;
    for parm in application.parms.iter().filter(is_needed).filter(|p| p.declaration.occurs.least == 0) {
        let name = parm.declaration.name;
        // An address may be written in two ways.
        let has_long = || name == "ADDR" && characteristic.children_named("APPADDR").next().is_some();
        if characteristic.parm(name).is_some() || has_long() {
            continue;
        }
        let message = format!("an application `{}` without `{name}`", application.appid);
        let finding = characteristic.finding(&PARM_MISSING, message).help(format!("add it: {}", parm.meaning));
        report.add(if parm.is_certain { finding } else { finding.severity(Severity::Warning) });
    }
}

pub(super) const CHILD_MISSING: Rule = Rule {
    code: "CP004",
    name: "child-missing",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, PXLOGICAL",
    summary: "a required characteristic is missing",
    help: "add it: a `PXLOGICAL` without `PXPHYSICAL` has no address, and clients drop it",
    bad: include_str!("examples/CP004.bad.xml"),
    good: include_str!("examples/CP004.good.xml"),
};

pub(super) fn missing_children(characteristic: &Characteristic<'_>, report: &mut Report) {
    if characteristic.name == "PXLOGICAL" && characteristic.children_named("PXPHYSICAL").next().is_none() {
        report.add(characteristic.finding(&CHILD_MISSING, "`PXLOGICAL` without `PXPHYSICAL`"));
    }
}

pub(super) const PARM_REPEATED: Rule = Rule {
    code: "CP005",
    name: "parm-repeated",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, occurrence of parms",
    summary: "a parm or characteristic that may stand once is repeated",
    help: "remove all but one: clients take the first and drop the others",
    bad: include_str!("examples/CP005.bad.xml"),
    good: include_str!("examples/CP005.good.xml"),
};

pub(super) fn repeated(characteristic: &Characteristic<'_>, report: &mut Report) {
    let rule = if characteristic.is_imps() { &imps::REPEATED } else { &PARM_REPEATED };
    let stands_once = |parm: &&Parm<'_>| parm.declaration.is_some_and(|d| d.occurs.most == Some(1));
    let mut seen = HashMap::new();
    for parm in characteristic.parms.iter().filter(stands_once) {
        let first = *seen.entry(parm.name).or_insert(parm);
        if !std::ptr::eq(first, parm) {
            let message = format!("`{}` may stand once in `{}`", parm.name, characteristic.name);
            let finding = characteristic.parm_finding(rule, parm.name_span(), parm.name, message);
            report.add(finding.related(first.name_span(), "clients take this one"));
        }
    }
}

/// Reports characteristics of the top that may stand once; those with the same key have a rule of their own.
pub(super) fn repeated_characteristics(document: &Provisioning<'_>, report: &mut Report) {
    let stands_once = |c: &&Characteristic<'_>| c.declaration.is_some_and(|d| d.occurs.most == Some(1));
    let mut seen = HashMap::new();
    for characteristic in document.characteristics.iter().filter(stands_once) {
        let first: &Characteristic<'_> = seen.entry(characteristic.name).or_insert(characteristic);
        let key = |c: &Characteristic<'_>| c.declaration.and_then(|d| c.value(d.key?)).map(str::to_owned);
        if !std::ptr::eq(first, characteristic) && key(first) != key(characteristic) {
            let finding = characteristic.finding(&PARM_REPEATED, format!("`{}` may stand once", characteristic.name));
            report.add(finding.related(first.type_span(), "clients take this one"));
        }
    }
}

pub(super) const ACCESS_ORDER: Rule = Rule {
    code: "CP011",
    name: "access-order",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, ACCESS",
    summary: "the parms of ACCESS are not in the order that gives them their meaning",
    help: "first `RULE`, then what it is for, last one or more `TO-NAPID` or `TO-PROXY`, nothing after them; \
           clients drop any other `ACCESS`",
    bad: include_str!("examples/CP011.bad.xml"),
    good: include_str!("examples/CP011.good.xml"),
};

pub(super) fn access_order(characteristic: &Characteristic<'_>, report: &mut Report) {
    // Where there is no RULE at all that is what is wrong, and it has been said.
    if characteristic.name != "ACCESS" || characteristic.parm("RULE").is_none() {
        return;
    }
    let is_target = |name: &str| matches!(name, "TO-NAPID" | "TO-PROXY");
    let parms = &characteristic.parms;
    let target = parms.iter().position(|p| is_target(p.name));
    let after = target.and_then(|first| parms[first..].iter().find(|p| !is_target(p.name)));
    if let Some(first) = parms.first().filter(|p| p.name != "RULE") {
        let message = format!("`ACCESS` begins with `{}`, not with `RULE`", first.name);
        report.add(characteristic.parm_finding(&ACCESS_ORDER, first.name_span(), first.name, message));
    } else if let Some(after) = after {
        let message = format!("`{}` stands after the targets of the rule", after.name);
        report.add(characteristic.parm_finding(&ACCESS_ORDER, after.name_span(), after.name, message));
    } else if target.is_none() {
        report.add(characteristic.finding(&ACCESS_ORDER, "`ACCESS` ends without `TO-NAPID` or `TO-PROXY`"));
    }
}

pub(super) const UNKNOWN: Rule = Rule {
    code: "CP017",
    name: "unknown",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, processing of unknown content",
    summary: "a characteristic, parm, element or attribute is not known",
    help: "check the spelling: clients skip what they do not know",
    bad: include_str!("examples/CP017.bad.xml"),
    good: include_str!("examples/CP017.good.xml"),
};

/// A parm of an application may be one of its registration that is not at hand: a note.
pub(super) fn unknown_parms(characteristic: &Characteristic<'_>, report: &mut Report) {
    if characteristic.declaration.is_some_and(Declaration::is_open) {
        return;
    }
    for parm in characteristic.parms.iter().filter(|p| p.declaration.is_none() && !p.name.is_empty()) {
        let message = format!("`{}` is not a known parm of `{}`", parm.name, characteristic.name);
        let finding = |rule| characteristic.parm_finding(rule, parm.name_span(), parm.name, message);
        report.add(if characteristic.is_imps() {
            finding(&imps::UNKNOWN)
        } else if characteristic.types.starts_with("APPLICATION") {
            let help = "the application may have registered it; clients that do not know it skip it";
            finding(&UNKNOWN).severity(Severity::Note).help(help)
        } else {
            finding(&UNKNOWN)
        });
    }
}

pub(super) const ORDER_AND_CASE: Rule = Rule {
    code: "CP019",
    name: "order-and-case",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, characteristic element; names of characteristics and parms",
    summary: "a parm stands after a child characteristic, or a name is not in upper case",
    help: "write all parms of a characteristic before the characteristics in it, and names in upper case",
    bad: include_str!("examples/CP019.bad.xml"),
    good: include_str!("examples/CP019.good.xml"),
};

pub(super) fn order_and_case(characteristic: &Characteristic<'_>, report: &mut Report) {
    let case_help = |name: &str| format!("write `{name}`: some clients compare with case, and skip this one");
    let written = characteristic.element.attribute("type").unwrap_or_default();
    if written != characteristic.name {
        let finding = characteristic.finding(&ORDER_AND_CASE, format!("`{written}` is not in upper case"));
        report.add(finding.help(case_help(characteristic.name)));
    }
    for parm in characteristic.parms.iter().filter(|p| p.written != p.name) {
        let message = format!("`{}` is not in upper case", parm.written);
        let finding = characteristic.parm_finding(&ORDER_AND_CASE, parm.name_span(), parm.name, message);
        report.add(finding.help(case_help(parm.name)));
    }
    let children = &characteristic.element.children;
    let first = children.iter().position(|c| c.name == "characteristic").unwrap_or(children.len());
    let names = children[first..].iter().filter(|c| c.name == "parm").filter_map(|c| c.find_attribute("name"));
    let late: Vec<_> = names.collect();
    if let Some(parm) = late.first() {
        let names = quoted(late.iter().map(|a| a.value.as_ref()));
        let verb = if late.len() == 1 { "stands" } else { "stand" };
        let message = format!("{names} {verb} after a characteristic in `{}`", characteristic.name);
        let finding = characteristic.parm_finding(&ORDER_AND_CASE, parm.value_span, &parm.value, message);
        report.add(finding.help("write all parms before the first characteristic: the order that every client takes"));
    }
}
