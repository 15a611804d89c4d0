//! Keys, what refers to them, and what nothing refers to.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::{Provisioning, imps, quoted};
use crate::cp::characteristic::{Characteristic, Parm, Value};
use crate::diagnose::{Diagnostic, Report, Rule, Severity};

/// The word that stands for every access point to the internet, and the flag of those access points.
pub(super) const INTERNET: &str = "INTERNET";

pub(super) const DUPLICATE_KEY: Rule = Rule {
    code: "CP007",
    name: "duplicate-key",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, uniqueness of identifiers",
    summary: "two characteristics have the same identifier",
    help: "give each its own identifier, or remove one: clients keep the first",
    bad: include_str!("examples/CP007.bad.xml"),
    good: include_str!("examples/CP007.good.xml"),
};

pub(super) fn duplicate_keys(document: &Provisioning<'_>, report: &mut Report) {
    among_siblings(&document.characteristics, report);
    applications(&document.characteristics, report);
    access_rules(&document.characteristics, report);
}

fn among_siblings(siblings: &[Characteristic<'_>], report: &mut Report) {
    let mut seen = HashMap::new();
    for characteristic in siblings {
        among_siblings(&characteristic.children, report);
        let key = characteristic.declaration.and_then(|d| d.key).filter(|_| characteristic.name != "APPLICATION");
        let Some(parm) = key.and_then(|key| characteristic.parm(key)) else { continue };
        let name = characteristic.name;
        let Some(first) = first_of(&mut seen, (name, parm.value), parm) else { continue };
        let outcome = if matches!(name, "PXLOGICAL" | "PXPHYSICAL") { "merge the two" } else { "drop the second" };
        let value = parm.value.unwrap_or_default();
        let message = format!("a `{name}` with the {} `{value}` is there already; clients {outcome}", parm.name);
        let mut finding = characteristic.parm_finding(&DUPLICATE_KEY, parm.value_span(), parm.name, message);
        // What lies below an access point or a proxy is dropped singly; the rest goes on working.
        if matches!(name, "NAPAUTHINFO" | "VALIDITY" | "PXAUTHINFO" | "PORT") {
            finding = finding.severity(Severity::Warning);
        }
        report.add(finding.related(first.value_span(), "the first is here"));
    }
}

/// Returns what was seen first under that key; nothing where this is the first.
fn first_of<K: Hash + Eq, V: Copy>(seen: &mut HashMap<K, V>, key: K, this: V) -> Option<V> {
    match seen.entry(key) {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(place) => {
            place.insert(this);
            None
        }
    }
}

/// Applications are told apart by a parm that depends on the APPID; `wA` has its own rule.
fn applications(characteristics: &[Characteristic<'_>], report: &mut Report) {
    let mut seen = HashMap::new();
    for application in characteristics.iter().filter(|c| c.name == "APPLICATION" && !c.is_imps()) {
        let Some(appid) = application.value("APPID") else { continue };
        let key = match appid {
            "w4" => "APPID",
            "w2" => "NAME",
            _ => "PROVIDER-ID",
        };
        let Some(first) = first_of(&mut seen, (appid, application.value(key)), application) else { continue };
        let sameness = match application.value(key) {
            _ if key == "APPID" => String::new(),
            Some(value) => format!(" with the {key} `{value}`"),
            None => format!(" without {key}"),
        };
        let message = format!("an application `{appid}`{sameness} is there already; clients drop the second");
        let span = application.parm(key).map_or(application.type_span(), Parm::value_span);
        let finding = Diagnostic::new(&DUPLICATE_KEY, span, message).at(application.path.clone());
        report.add(finding.related(first.type_span(), "the first is here"));
    }
}

/// Names of access rules are unique over the document.
fn access_rules(characteristics: &[Characteristic<'_>], report: &mut Report) {
    let mut seen = HashMap::new();
    for access in characteristics.iter().filter(|c| c.name == "ACCESS") {
        for parm in access.parms_named("RULE") {
            let name = parm.value.unwrap_or_default();
            if let Some(first) = first_of(&mut seen, name, parm) {
                let message = format!("the rule `{name}` is there already; clients drop the second");
                let finding = access.parm_finding(&DUPLICATE_KEY, parm.value_span(), "RULE", message);
                report.add(finding.related(first.value_span(), "the first is here"));
            }
        }
    }
}

pub(super) const DANGLING: Rule = Rule {
    code: "CP008",
    name: "dangling-reference",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, TO-NAPID, TO-PROXY, PROXY-ID",
    summary: "a reference names nothing in the document",
    help: "correct the name, or add what it refers to; `--fragment` says that the handset has it already",
    bad: include_str!("examples/CP008.bad.xml"),
    good: include_str!("examples/CP008.good.xml"),
};

pub(super) fn dangling(document: &Provisioning<'_>, report: &mut Report) {
    let mut targets: Targets<'_> = HashMap::new();
    for target in &document.characteristics {
        if let Some(value) = target.value(key_of(target.name)).filter(|value| !value.is_empty()) {
            targets.entry(target.name).or_default().insert(value);
        }
    }
    for characteristic in &document.characteristics {
        characteristic.walk(&mut |holder| {
            for parm in &holder.parms {
                report_dangling(holder, parm, &targets, document.fragment, report);
            }
        });
    }
}

/// The keys of each type of characteristic.
type Targets<'d> = HashMap<&'d str, HashSet<&'d str>>;

fn report_dangling(
    holder: &Characteristic<'_>,
    parm: &Parm<'_>,
    targets: &Targets<'_>,
    fragment: bool,
    report: &mut Report,
) {
    let Some(Value::Reference(target)) = parm.declaration.map(|d| &d.value) else { return };
    let Some(value) = parm.value.filter(|value| !value.is_empty()) else { return };
    let none = HashSet::new();
    let there = targets.get(target).unwrap_or(&none);
    if there.contains(value) || (*target == "NAPDEF" && value == INTERNET) {
        return;
    }
    let key = key_of(target);
    let rule = if holder.is_imps() { &imps::DANGLING } else { &DANGLING };
    let message = format!("`{}` names `{value}`, but no `{target}` has this {key}", parm.name);
    let mut finding = holder.parm_finding(rule, parm.value_span(), parm.name, message);
    if fragment {
        finding = finding.severity(Severity::Warning);
    }
    if !there.is_empty() {
        let mut there: Vec<_> = there.iter().copied().collect();
        there.sort_unstable();
        let there = quoted(there.into_iter().take(5));
        finding = finding.help(format!("the document has {there}; `--fragment` says that the handset has `{value}`"));
    }
    report.add(finding);
}

fn key_of(target: &str) -> &'static str {
    match target {
        "NAPDEF" => "NAPID",
        "PXLOGICAL" => "PROXY-ID",
        _ => "APPREF",
    }
}

pub(super) const TWO_PROVURL: Rule = Rule {
    code: "CP013",
    name: "two-provurl",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, BOOTSTRAP",
    summary: "two BOOTSTRAP name a trusted provisioning server",
    help: "keep one `PROVURL` in a document: clients drop the second `BOOTSTRAP`",
    bad: include_str!("examples/CP013.bad.xml"),
    good: include_str!("examples/CP013.good.xml"),
};

pub(super) fn two_provurl(document: &Provisioning<'_>, report: &mut Report) {
    let bootstraps = document.characteristics.iter().filter(|c| c.name == "BOOTSTRAP");
    let mut servers = bootstraps.filter_map(|c| c.parm("PROVURL").map(|parm| (c, parm)));
    let Some((_, first)) = servers.next() else { return };
    for (bootstrap, parm) in servers {
        let message = "another `BOOTSTRAP` has a `PROVURL` already";
        let finding = bootstrap.parm_finding(&TWO_PROVURL, parm.value_span(), "PROVURL", message);
        report.add(finding.related(first.value_span(), "the first is here"));
    }
}

pub(super) const UNUSED: Rule = Rule {
    code: "CP022",
    name: "unused",
    severity: Severity::Note,
    clause: "Provisioning Content 1.1, NAPDEF and PXLOGICAL",
    summary: "nothing refers to an access point or proxy",
    help: "name it in a `TO-NAPID` or `TO-PROXY`, or leave it out: the document gets shorter",
    bad: include_str!("examples/CP022.bad.xml"),
    good: include_str!("examples/CP022.good.xml"),
};

/// An application without references uses everything, and a document without applications is for others to use: in
/// both cases nothing is said.
pub(super) fn unused(document: &Provisioning<'_>, report: &mut Report) {
    let characteristics = &document.characteristics;
    let is_bound = |c: &Characteristic<'_>| c.parm("TO-NAPID").is_some() || c.parm("TO-PROXY").is_some();
    let mut applications = characteristics.iter().filter(|c| c.name == "APPLICATION").peekable();
    if applications.peek().is_none() || !applications.all(is_bound) {
        return;
    }
    let mut named = HashSet::new();
    for characteristic in characteristics {
        characteristic.walk(&mut |holder| {
            for parm in &holder.parms {
                if let Some(Value::Reference(target)) = parm.declaration.map(|d| &d.value) {
                    named.extend(parm.value.map(|value| (*target, value)));
                }
            }
        });
    }
    for target in characteristics.iter().filter(|c| matches!(c.name, "NAPDEF" | "PXLOGICAL")) {
        let Some(parm) = target.parm(key_of(target.name)) else { continue };
        let is_internet = target.parm(INTERNET).is_some() && named.contains(&("NAPDEF", INTERNET));
        let is_named = parm.value.is_none_or(|value| named.contains(&(target.name, value)));
        if !is_named && !is_internet {
            let message = format!("nothing refers to the `{}` `{}`", target.name, parm.value.unwrap_or_default());
            report.add(target.parm_finding(&UNUSED, parm.value_span(), parm.name, message));
        }
    }
}
