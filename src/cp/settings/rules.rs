//! The rules of the older settings documents: OTA001 to OTA005.

use super::SETTINGS;
use crate::cp::characteristic::Value;
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Element, StructureRules, shorten};

/// The rules of older settings documents.
pub static RULES: &[&Rule] = &[&OLDER, &MISSING, &UNKNOWN, &PLACE, &VALUE];

/// What structural faults cite.
pub(super) const STRUCTURE: StructureRules = StructureRules {
    missing: &MISSING,
    repeated: Some(&PLACE),
    misplaced: Some(&PLACE),
    unknown: Some(&UNKNOWN),
    order: Some(&PLACE),
    value: &VALUE,
};

const OLDER: Rule = Rule {
    code: "OTA001",
    name: "older-settings",
    severity: Severity::Note,
    clause: "Over The Air Settings 7 (Ericsson, Nokia) and its Wireless Village part, as clients read them",
    summary: "the settings are in a format from before client provisioning",
    help: "handsets that know client provisioning take `wap-provisioningdoc` instead: `impskit convert FILE --as cp` makes one",
    bad: include_str!("examples/OTA.good.xml"),
    good: include_str!("../rules/examples/WA.good.xml"),
};

const MISSING: Rule = Rule {
    code: "OTA002",
    name: "setting-missing",
    severity: Severity::Error,
    clause: "Over The Air Settings 7 (Ericsson, Nokia) and its Wireless Village part, as clients read them",
    summary: "a setting that the handset needs is missing",
    help: "add it: handsets refuse the document without it",
    bad: include_str!("examples/OTA002.bad.xml"),
    good: include_str!("examples/WV.good.xml"),
};

const UNKNOWN: Rule = Rule {
    code: "OTA003",
    name: "unknown-setting",
    severity: Severity::Warning,
    clause: "Over The Air Settings 7 (Ericsson, Nokia) and its Wireless Village part, as clients read them",
    summary: "a setting is none of the format's",
    help: "check the spelling: handsets skip what they do not know",
    bad: include_str!("examples/OTA003.bad.xml"),
    good: include_str!("examples/OTA.good.xml"),
};

const PLACE: Rule = Rule {
    code: "OTA004",
    name: "setting-out-of-place",
    severity: Severity::Warning,
    clause: "Over The Air Settings 7 (Ericsson, Nokia) and its Wireless Village part, as clients read them",
    summary: "a setting is repeated, misplaced or out of order",
    help: "keep the order of the format: `WVSMS` before `WVHTTP`, each setting once",
    bad: include_str!("examples/OTA004.bad.xml"),
    good: include_str!("examples/WV.good.xml"),
};

const VALUE: Rule = Rule {
    code: "OTA005",
    name: "setting-value",
    severity: Severity::Warning,
    clause: "Over The Air Settings 7 (Ericsson, Nokia) and its Wireless Village part, as clients read them",
    summary: "a setting has a value that handsets do not take, or cut",
    help: "use a word or number of the format; Wireless Village values have 200 octets at most",
    bad: include_str!("examples/OTA005.bad.xml"),
    good: include_str!("examples/OTA.good.xml"),
};

/// Reports what is wrong with access points and bookmarks beyond their structure.
pub(super) fn check_ota(root: &Element<'_>, report: &mut Report) {
    older(root, "settings of the first over-the-air format, of Ericsson and Nokia (1999 to 2001)", report);
    for block in root.children_named("CHARACTERISTIC") {
        let Some(kind) = block.find_attribute("TYPE") else {
            report
                .add(Diagnostic::new(&MISSING, start(block), "a `CHARACTERISTIC` without `TYPE`").at("CHARACTERISTIC"));
            continue;
        };
        let path = format!("CHARACTERISTIC[{}]", shorten(&kind.value));
        let of_kind = || SETTINGS.iter().filter(|s| s.kind == kind.value);
        if of_kind().next().is_none() {
            let message = format!("`{}` is not a known characteristic", shorten(&kind.value));
            report.add(Diagnostic::new(&UNKNOWN, kind.value_span, message).at(path));
            continue;
        }
        if of_kind().any(|s| s.parm.is_empty()) && block.attribute("VALUE").is_none_or(str::is_empty) {
            let message = format!("`{}` without `VALUE`", kind.value);
            report.add(Diagnostic::new(&MISSING, kind.value_span, message).at(path.clone()));
        }
        block.children_named("PARM").for_each(|parm| check_parm(parm, &kind.value, &path, report));
    }
}

fn check_parm(parm: &Element<'_>, kind: &str, path: &str, report: &mut Report) {
    let Some(name) = parm.find_attribute("NAME") else {
        report.add(Diagnostic::new(&MISSING, start(parm), "a `PARM` without `NAME`").at(path));
        return;
    };
    let path = format!("{path}/{}", shorten(&name.value));
    let Some(setting) = SETTINGS.iter().find(|s| s.kind == kind && !s.parm.is_empty() && s.parm == name.value) else {
        let message = format!("`{}` is not a known setting of `{kind}`", shorten(&name.value));
        report.add(Diagnostic::new(&UNKNOWN, name.value_span, message).at(path));
        return;
    };
    let Some(value) = parm.find_attribute("VALUE").filter(|v| !v.value.is_empty() || setting.value == Value::Any)
    else {
        let message = format!("`{}` without a value", setting.parm);
        report.add(Diagnostic::new(&MISSING, name.value_span, message).at(path));
        return;
    };
    let text = value.value.as_ref();
    let is_number = || text.bytes().all(|b| b.is_ascii_digit());
    let due = match &setting.value {
        Value::One(words) if !words.contains(&text) => format!("one of {}", words.join(", ")),
        Value::Range(least, most) if !text.parse::<u32>().is_ok_and(|n| (*least..=*most).contains(&n)) => {
            format!("a number from {least} to {most}")
        }
        Value::Number(Some(word)) if !is_number() && text != *word => format!("a number or {word}"),
        _ => return,
    };
    let message = format!("`{}` is `{}`, not {due}", setting.parm, shorten(text));
    report.add(Diagnostic::new(&VALUE, value.value_span, message).at(path));
}

/// A value of Wireless Village settings has so many octets at most; clients cut the rest.
const MOST_OCTETS: usize = 200;

/// Reports what is wrong with Wireless Village settings beyond their structure.
pub(super) fn check_wv(root: &Element<'_>, report: &mut Report) {
    older(root, "a Wireless Village account for handsets that did not know the application `wA`", report);
    if root.child("WVCommon").is_some() && root.child("WVSMS").is_none() && root.child("WVHTTP").is_none() {
        let finding = Diagnostic::new(&MISSING, start(root), "neither `WVSMS` nor `WVHTTP`: the client has no server");
        report.add(finding.severity(Severity::Warning).at("WVSettings"));
    }
    root.walk(&mut |element, _| {
        let text = element.trimmed();
        let finding = |message| Diagnostic::new(&VALUE, element.span, message).at(element.name.clone());
        if element.children.is_empty() && text.len() > MOST_OCTETS {
            let message = format!("`{}` has {} octets; clients cut it to {MOST_OCTETS}", element.name, text.len());
            report.add(finding(message));
        } else if element.name == "WVProxyPort" && !text.parse::<u16>().is_ok_and(|port| port > 0) {
            report.add(finding(format!("`WVProxyPort` is `{}`, not a number from 1 to 65535", shorten(text))));
        }
    });
}

fn older(root: &Element<'_>, what: &str, report: &mut Report) {
    report.add(Diagnostic::new(&OLDER, start(root), what).at(root.name.clone()));
}

/// Returns the place of an element up to its first child.
fn start(element: &Element<'_>) -> Span {
    let end = element.children.first().map_or(element.span.end, |child| child.span.start.min(element.span.end));
    Span { start: element.span.start, end }
}
