//! What parms hold.

use super::quoted;
use crate::cp::application;
use crate::cp::characteristic::{Characteristic, Parm, Value};
use crate::cp::rules::references::INTERNET;
use crate::diagnose::{Report, Rule, Severity};
use crate::document::shorten;

pub(super) const NUMBER: Rule = Rule {
    code: "CP009",
    name: "number",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, values of PORTNBR, CONTEXT-ALLOW, LINGER and the quality of service parms",
    summary: "a number is out of its range, or no number",
    help: "write decimal digits within the range; quality of service parms are hexadecimal",
    bad: include_str!("examples/CP009.bad.xml"),
    good: include_str!("examples/CP009.good.xml"),
};

pub(super) fn numbers(characteristic: &Characteristic<'_>, report: &mut Report) {
    for (parm, declared, value) in valued(characteristic) {
        let is_decimal = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        let number = || value.parse::<u32>().ok().filter(|_| is_decimal);
        let due = match declared {
            Value::Range(least, most) if !number().is_some_and(|n| (*least..=*most).contains(&n)) => {
                format!("a number from {least} to {most}")
            }
            Value::Number(None) if !is_decimal => "a decimal number".to_owned(),
            Value::Number(Some(word)) if !is_decimal && value != *word => format!("a decimal number or `{word}`"),
            Value::Hex if !value.bytes().all(|b| b.is_ascii_hexdigit()) => "hexadecimal".to_owned(),
            _ => continue,
        };
        let message = format!("`{}` is `{}`, which is not {due}", parm.name, shorten(value));
        let finding = characteristic.parm_finding(&NUMBER, parm.value_span(), parm.name, message);
        let registered = characteristic.application.and_then(|a| a.registered(&characteristic.types, parm.name));
        let is_certain = registered.is_none_or(|r| r.is_certain);
        report.add(if is_certain { finding } else { finding.severity(Severity::Warning) });
    }
    // Within the range, but nobody answers there: seen where a table's empty cell became 0.
    if let Some(port) = characteristic.parm("PORTNBR").filter(|p| characteristic.name == "PORT" && p.value == Some("0"))
    {
        let message = "`PORTNBR` is `0`, which is no port to connect to";
        let finding = characteristic.parm_finding(&NUMBER, port.value_span(), port.name, message);
        let help = "write the server's port, or remove the `PORT`: then the port of the address holds";
        report.add(finding.severity(Severity::Warning).help(help));
    }
}

/// Returns the declared parms that have a value, empty ones left out.
fn valued<'c, 'e>(
    characteristic: &'c Characteristic<'e>,
) -> impl Iterator<Item = (&'c Parm<'e>, &'static Value, &'e str)> {
    let parms = characteristic.parms.iter();
    let parms = parms.filter_map(|p| Some((p, &p.declaration?.value, p.value?)));
    parms.filter(|(_, _, value)| !value.is_empty())
}

pub(super) const RESERVED_NAPID: Rule = Rule {
    code: "CP010",
    name: "reserved-napid",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, NAPID",
    summary: "an access point is called INTERNET",
    help: "choose another `NAPID`; the parm `INTERNET` says that an access point reaches the internet",
    bad: include_str!("examples/CP010.bad.xml"),
    good: include_str!("examples/CP010.good.xml"),
};

pub(super) fn reserved_napid(characteristic: &Characteristic<'_>, report: &mut Report) {
    let napid = characteristic.parm("NAPID").filter(|p| characteristic.name == "NAPDEF" && p.value == Some(INTERNET));
    if let Some(parm) = napid {
        let message = "`INTERNET` is reserved and cannot be the `NAPID` of an access point";
        report.add(characteristic.parm_finding(&RESERVED_NAPID, parm.value_span(), parm.name, message));
    }
}

pub(super) const HALF_A_PAIR: Rule = Rule {
    code: "CP012",
    name: "half-a-pair",
    severity: Severity::Error,
    clause: "Provisioning Content 1.1, VALIDITY and BOOTSTRAP",
    summary: "NETWORK without COUNTRY, or SID without SOC",
    help: "add the missing half: one means nothing without the other",
    bad: include_str!("examples/CP012.bad.xml"),
    good: include_str!("examples/CP012.good.xml"),
};

pub(super) fn half_a_pair(characteristic: &Characteristic<'_>, report: &mut Report) {
    let pairs: &[_] = match characteristic.name {
        "VALIDITY" => &[("NETWORK", "COUNTRY"), ("SID", "SOC")],
        // A trusted server takes the place of both.
        "BOOTSTRAP" if characteristic.parm("PROVURL").is_none() => &[("NETWORK", "COUNTRY")],
        _ => &[],
    };
    for &(half, other) in pairs {
        if let (Some(parm), None) = (characteristic.parm(half), characteristic.parm(other)) {
            let message = format!("`{half}` without `{other}`");
            report.add(characteristic.parm_finding(&HALF_A_PAIR, parm.name_span(), half, message));
        }
    }
}

pub(super) const CHARACTER: Rule = Rule {
    code: "CP014",
    name: "character",
    severity: Severity::Error,
    clause: "XML 1.0, characters; WBXML 1.3, inline strings",
    summary: "a value has a character that XML or WBXML cannot carry, or the mark of one that was lost",
    help: "write the text anew; control characters other than tab and line end cannot be carried",
    bad: include_str!("examples/CP014.bad.xml"),
    good: include_str!("examples/CP014.good.xml"),
};

/// The readers refuse such characters and put U+FFFD in their place; what was lost before they came is a warning.
pub(super) fn characters(characteristic: &Characteristic<'_>, report: &mut Report) {
    let is_illegal = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || ('\u{FFFD}'..='\u{FFFF}').contains(&c);
    for parm in &characteristic.parms {
        let Some(bad) = parm.value.and_then(|value| value.chars().find(|&c| is_illegal(c))) else { continue };
        let finding = |message| characteristic.parm_finding(&CHARACTER, parm.value_span(), parm.name, message);
        report.add(if bad == '\u{FFFD}' {
            let message = format!("`{}` has U+FFFD, which stands for a character that could not be read", parm.name);
            finding(message).severity(Severity::Warning)
        } else {
            finding(format!("`{}` has the character U+{:04X}", parm.name, u32::from(bad)))
        });
    }
}

pub(super) const UNKNOWN_VALUE: Rule = Rule {
    code: "CP015",
    name: "unknown-value",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, values of BEARER, address types, authentication types, SERVICE, APPID",
    summary: "a value is none of the registered words",
    help: "use a registered word: clients skip what they do not know",
    bad: include_str!("examples/CP015.bad.xml"),
    good: include_str!("examples/CP015.good.xml"),
};

pub(super) fn unknown_values(characteristic: &Characteristic<'_>, report: &mut Report) {
    let is_gprs = is_gprs(characteristic);
    // What a GPRS access point must say has a rule of its own.
    let others = valued(characteristic).filter(|(parm, ..)| !(is_gprs && parm.name == "NAP-ADDRTYPE"));
    for (parm, declared, value) in others {
        let (words, items): (_, Vec<&str>) = match declared {
            Value::One(words) => (words, vec![value]),
            // The list of SERVICES is looked at by the rules of `wA`.
            Value::Some(words) if parm.name != "SERVICES" => (words, value.split(',').map(str::trim).collect()),
            _ => continue,
        };
        for item in items.into_iter().filter(|item| !words.contains(item)) {
            let message = format!("`{}` is `{}`, which is not a registered word", parm.name, shorten(item));
            let finding = characteristic.parm_finding(&UNKNOWN_VALUE, parm.value_span(), parm.name, message);
            report.add(match words.iter().find(|word| word.eq_ignore_ascii_case(item)) {
                Some(word) => finding.help(format!("write `{word}`: some clients compare with case")),
                // A service may also be a free word, of which these two are usual.
                None if parm.name == "SERVICE" && is_web(item) => continue,
                None if parm.name == "SERVICE" => finding.severity(Severity::Note),
                None if words.len() <= 12 => finding.help(format!("registered are {}", quoted(words.iter().copied()))),
                None => finding,
            });
        }
    }
    let appid =
        characteristic.parm("APPID").filter(|_| characteristic.name == "APPLICATION" && !characteristic.is_imps());
    if let Some((parm, value)) = appid.and_then(|p| Some((p, p.value.filter(|value| !value.is_empty())?)))
        && !application::is_registered(value)
    {
        let message = format!("`APPID` is `{}`, which is not a registered application", shorten(value));
        let finding = characteristic.parm_finding(&UNKNOWN_VALUE, parm.value_span(), parm.name, message);
        report.add(finding.help(
            "known are `w2` browser, `w4` MMS, `w5` data sync, `w7` device management, `wA` IMPS, `apNNNN`, and the \
             number of a port",
        ));
    }
}

fn is_web(service: &str) -> bool {
    service.eq_ignore_ascii_case("HTTP") || service.eq_ignore_ascii_case("HTTPS")
}

pub(super) const APN_TYPE: Rule = Rule {
    code: "CP016",
    name: "apn-type",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, NAP-ADDRTYPE",
    summary: "a GPRS access point does not say that its address is an APN",
    help: "write `NAP-ADDRTYPE` `APN`: without it the address is a telephone number (E164)",
    bad: include_str!("examples/CP016.bad.xml"),
    good: include_str!("examples/CP016.good.xml"),
};

pub(super) fn apn_type(characteristic: &Characteristic<'_>, report: &mut Report) {
    if !is_gprs(characteristic) {
        return;
    }
    match characteristic.parm("NAP-ADDRTYPE") {
        None => {
            let span = characteristic.parm("NAP-ADDRESS").map_or(characteristic.type_span(), Parm::value_span);
            let message = "a GPRS access point without `NAP-ADDRTYPE`: clients take the address for a telephone number";
            report.add(characteristic.parm_finding(&APN_TYPE, span, "NAP-ADDRESS", message));
        }
        Some(parm) if parm.value != Some("APN") => {
            let message =
                format!("a GPRS access point with `NAP-ADDRTYPE` `{}`", shorten(parm.value.unwrap_or_default()));
            report.add(characteristic.parm_finding(&APN_TYPE, parm.value_span(), parm.name, message));
        }
        Some(_) => {}
    }
}

fn is_gprs(characteristic: &Characteristic<'_>) -> bool {
    let is_gprs = |p: &Parm<'_>| matches!(p.value, Some("GSM-GPRS" | "3G-GSM"));
    characteristic.name == "NAPDEF" && characteristic.parms_named("BEARER").any(is_gprs)
}

pub(super) const FLAG: Rule = Rule {
    code: "CP018",
    name: "flag",
    severity: Severity::Warning,
    clause: "Provisioning Content 1.1, parm element",
    summary: "a flag has a value, or another parm has none",
    help: "a flag such as INTERNET or INIT is a `parm` with `name` only; every other parm has a `value`",
    bad: include_str!("examples/CP018.bad.xml"),
    good: include_str!("examples/CP018.good.xml"),
};

/// An empty value of an optional parm is a note: some clients ask the user then, others store nothing.
pub(super) fn flags(characteristic: &Characteristic<'_>, report: &mut Report) {
    for parm in &characteristic.parms {
        let Some(declared) = parm.declaration else { continue };
        let name = parm.name;
        // The address of a `wA` block and what must be there have rules of their own.
        if declared.occurs.least > 0 || name == "ADDR" && characteristic.is_imps() {
            continue;
        }
        let finding = |message| characteristic.parm_finding(&FLAG, parm.value_span(), name, message);
        match (&declared.value, parm.value) {
            (Value::Flag, Some(value)) if !value.is_empty() => {
                let help = format!("write `<parm name=\"{name}\"/>` to set it, leave it out to not set it");
                let message = format!("`{name}` is a flag: it is set, whatever its value says");
                report.add(finding(message).help(help));
            }
            (Value::Flag | Value::Any, _) => {}
            (_, None) => {
                let help = format!("give `{name}` a `value`, or leave it out: only flags have none");
                report.add(finding(format!("`{name}` has no value; clients cannot use it")).help(help));
            }
            (_, Some("")) => {
                let help = format!("leave `{name}` out, unless the handset is to ask its user for it");
                report.add(finding(format!("`{name}` is empty")).severity(Severity::Note).help(help));
            }
            _ => {}
        }
    }
}

/// A value outside of accounts is longer than known clients take; of some clients that is in device packs.
pub const LONG_VALUE: Rule = Rule {
    code: "CP020",
    name: "too-long",
    severity: Severity::Warning,
    clause: "limits of known clients",
    summary: "more or longer values than known clients keep",
    help: "at most 4 DOMAIN; at most 128 characters in an identifier, 50 in NAME and PROVURL of BOOTSTRAP",
    bad: include_str!("examples/CP020.bad.xml"),
    good: include_str!("examples/CP020.good.xml"),
};

pub(super) fn too_long(characteristic: &Characteristic<'_>, report: &mut Report) {
    const MOST_DOMAINS: usize = 4;
    if matches!(characteristic.name, "PXLOGICAL" | "PXPHYSICAL")
        && let Some(fifth) = characteristic.parms_named("DOMAIN").nth(MOST_DOMAINS)
    {
        let message = format!("more than {MOST_DOMAINS} `DOMAIN`; known clients drop the rest");
        report.add(characteristic.parm_finding(&LONG_VALUE, fifth.value_span(), "DOMAIN", message));
    }
    let limits: &[(&str, usize, &str)] = match characteristic.name {
        "NAPDEF" => &[("NAPID", 128, "known clients drop the access point")],
        "PXLOGICAL" => &[("PROXY-ID", 128, "known clients drop the proxy")],
        _ => &[],
    };
    for &(name, most, outcome) in limits {
        let Some(parm) = characteristic.parm(name) else { continue };
        let length = parm.value.unwrap_or_default().chars().count();
        if length > most {
            let message = format!("`{name}` has {length} characters, more than {most}: {outcome}");
            report.add(characteristic.parm_finding(&LONG_VALUE, parm.value_span(), name, message));
        }
    }
}

/// A document is larger than known clients take; which, is in device packs.
pub const TOO_LARGE: Rule = Rule {
    code: "CP021",
    name: "too-large",
    severity: Severity::Warning,
    clause: "limits of known clients",
    summary: "the binary form is larger than the smallest known clients take",
    help: "split the settings into several documents, or shorten names",
    bad: include_str!("examples/CP021.bad.xml"),
    good: include_str!("examples/CP021.good.xml"),
};
