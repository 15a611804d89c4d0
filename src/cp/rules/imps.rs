//! The application `wA`: OMA IMPS (Wireless Village).

use std::collections::HashMap;

use super::Provisioning;
use crate::cp::application::Status;
use crate::cp::characteristic::{Characteristic, Parm};
use crate::diagnose::{Report, Rule, Severity};
use crate::document::shorten;

/// Reports what is wrong with the application itself, from the top down.
pub(super) fn application(characteristic: &Characteristic<'_>, report: &mut Report) {
    if !characteristic.is_imps() || characteristic.name != "APPLICATION" {
        return;
    }
    for check in CHECKS {
        check(characteristic, report);
    }
}

const CHECKS: &[fn(&Characteristic<'_>, &mut Report)] =
    &[appid, addresses, recommended, services, client_id_prefix, credentials];

pub(super) const APPID: Rule = Rule {
    code: "WA001",
    name: "appid",
    severity: Severity::Error,
    clause: "wA registration, APPID",
    summary: "APPID is not exactly `wA`",
    help: "write `wA`: some clients compare with case, and skip the whole block",
    bad: include_str!("examples/WA001.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn appid(application: &Characteristic<'_>, report: &mut Report) {
    if let Some(parm) = application.parm("APPID").filter(|p| p.value != Some("wA")) {
        let message = format!("`APPID` is `{}`, not `wA`", shorten(parm.value.unwrap_or_default()));
        report.add(application.parm_finding(&APPID, parm.value_span(), parm.name, message));
    }
}

pub(super) const NO_ADDRESS: Rule = Rule {
    code: "WA002",
    name: "no-address",
    severity: Severity::Error,
    clause: "wA registration, ADDR and APPADDR/ADDR",
    summary: "the account has no server address",
    help: "add `ADDR`, or `APPADDR` with `ADDR`: the absolute URL of the server",
    bad: include_str!("examples/WA002.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const EMPTY_APPADDR: Rule = Rule {
    code: "WA004",
    name: "empty-appaddr",
    severity: Severity::Error,
    clause: "wA registration, APPADDR/ADDR",
    summary: "APPADDR has no ADDR",
    help: "add `ADDR`, or remove the `APPADDR`",
    bad: include_str!("examples/WA004.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn addresses(application: &Characteristic<'_>, report: &mut Report) {
    let mut is_there = application.parm("ADDR").is_some();
    for parm in application.parms_named("ADDR") {
        address(application, parm, None, report);
    }
    for appaddr in application.children_named("APPADDR") {
        is_there = true;
        match appaddr.parm("ADDR") {
            Some(parm) => address(appaddr, parm, appaddr.value("ADDRTYPE"), report),
            None => report.add(appaddr.finding(&EMPTY_APPADDR, "`APPADDR` without `ADDR`")),
        }
    }
    if !is_there {
        report.add(application.finding(&NO_ADDRESS, "neither `ADDR` nor `APPADDR`: the client has no server"));
    }
}

pub(super) const BAD_ADDRESS: Rule = Rule {
    code: "WA003",
    name: "bad-address",
    severity: Severity::Error,
    clause: "wA registration, ADDR",
    summary: "the server address is not an absolute URI",
    help: "write scheme, host and path without blanks, such as `http://imps.acme.example/csp`",
    bad: include_str!("examples/WA003.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const SCHEME: Rule = Rule {
    code: "WA011",
    name: "scheme",
    severity: Severity::Warning,
    clause: "wA registration, ADDR and ADDRTYPE",
    summary: "the server address is neither http nor https, and no ADDRTYPE says what it is",
    help: "write an http or https address, or say its form in `ADDRTYPE`",
    bad: include_str!("examples/WA011.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn address(holder: &Characteristic<'_>, parm: &Parm<'_>, form: Option<&str>, report: &mut Report) {
    let value = parm.value.unwrap_or_default();
    let finding = |rule, message| holder.parm_finding(rule, parm.value_span(), parm.name, message);
    if value.is_empty() {
        report.add(finding(&BAD_ADDRESS, "the server address is empty".to_owned()));
    } else if value.contains(char::is_whitespace) {
        report.add(finding(&BAD_ADDRESS, format!("the server address `{}` has blanks", shorten(value))));
    } else if value.contains(char::is_control) {
        report.add(finding(&BAD_ADDRESS, "the server address has control characters".to_owned()));
    } else if form.is_none() {
        match scheme(value) {
            None => {
                let message = format!("the server address `{}` is not an absolute URI", shorten(value));
                report.add(finding(&BAD_ADDRESS, message));
            }
            Some(scheme) if !is_http(scheme) => {
                report.add(finding(&SCHEME, format!("the server address has the scheme `{}`", shorten(scheme))));
            }
            Some(_) => {}
        }
    }
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Returns the scheme of an absolute URI. A name with a dot before the colon is a host with its port; http and https
/// need a host.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-".contains(&b));
    let has_host =
        || rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '?']));
    (is_scheme && !rest.is_empty() && (!is_http(scheme) || has_host())).then_some(scheme)
}

pub(super) const DANGLING: Rule = Rule {
    code: "WA005",
    name: "dangling-reference",
    severity: Severity::Error,
    clause: "wA registration, TO-PROXY and TO-NAPID",
    summary: "the account refers to a proxy or access point that the document does not have",
    help: "correct the name, or add what it refers to; `--fragment` says that the handset has it already",
    bad: include_str!("examples/WA005.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const REPEATED: Rule = Rule {
    code: "WA006",
    name: "parm-repeated",
    severity: Severity::Error,
    clause: "wA registration, occurrence of parms",
    summary: "a parm of the account that may stand once is repeated",
    help: "remove all but one: clients take the first and drop the others",
    bad: include_str!("examples/WA006.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const NO_AACCEPT: Rule = Rule {
    code: "WA007",
    name: "no-aaccept",
    severity: Severity::Warning,
    clause: "wA registration, AACCEPT",
    summary: "the account does not say which media types the server takes",
    help: "add `AACCEPT`, for instance `application/vnd.wv.csp+wbxml,application/vnd.wv.csp+xml`: ACCESS NetFront based \
           clients drop the block without it",
    bad: include_str!("examples/WA007.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const NO_PROVIDER_ID: Rule = Rule {
    code: "WA008",
    name: "no-provider-id",
    severity: Severity::Warning,
    clause: "wA registration, PROVIDER-ID",
    summary: "the account has no identity",
    help: "add `PROVIDER-ID`, best the provider's domain name: it tells this account from those of others",
    bad: include_str!("examples/WA008.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn recommended(application: &Characteristic<'_>, report: &mut Report) {
    let is_there = |name| application.value(name).is_some_and(|value| !value.is_empty());
    if !is_there("AACCEPT") {
        report.add(application.finding(&NO_AACCEPT, "no `AACCEPT`: some clients drop the account"));
    }
    if !is_there("PROVIDER-ID") {
        let message = "no `PROVIDER-ID`: every account without one is the same account";
        report.add(application.finding(&NO_PROVIDER_ID, message));
    }
    if !is_there("NAME") {
        let finding = application.finding(&CLIENT_LIMITS, "no `NAME`: clients invent one");
        report.add(finding.help("add `NAME`, the name of the account on screen, of up to 16 characters"));
    }
}

pub(super) const SAME_PROVIDER_ID: Rule = Rule {
    code: "WA009",
    name: "same-provider-id",
    severity: Severity::Warning,
    clause: "wA registration, PROVIDER-ID",
    summary: "two accounts have one identity",
    help: "give each account its own `PROVIDER-ID`: some clients keep the first only",
    bad: include_str!("examples/WA009.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) fn same_provider_id(document: &Provisioning<'_>, report: &mut Report) {
    let mut seen = HashMap::new();
    let is_account = |c: &&Characteristic<'_>| c.is_imps() && c.name == "APPLICATION";
    for application in document.characteristics.iter().filter(is_account) {
        let identity = application.value("PROVIDER-ID");
        let first: &Characteristic<'_> = seen.entry(identity).or_insert(application);
        if !std::ptr::eq(first, application) {
            let span = |c: &Characteristic<'_>| c.parm("PROVIDER-ID").map_or(c.type_span(), Parm::value_span);
            let message = match identity {
                Some(identity) => format!("an account with the PROVIDER-ID `{}` is there already", shorten(identity)),
                None => "another account without PROVIDER-ID is there already".to_owned(),
            };
            let finding = application.parm_finding(&SAME_PROVIDER_ID, span(application), "PROVIDER-ID", message);
            report.add(finding.related(span(first), "the first is here"));
        }
    }
}

/// Which clients cut or drop which values is in device packs.
pub const CLIENT_LIMITS: Rule = Rule {
    code: "WA010",
    name: "client-limits",
    severity: Severity::Warning,
    clause: "wA registration, NAME; limits of known clients",
    summary: "the account has no name, or a value that a known client cuts or refuses",
    help: "NAME up to 16 characters, address up to 64, user up to 50, password up to 30, all but NAME in ASCII, fit all",
    bad: include_str!("examples/WA010.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const SERVICES: Rule = Rule {
    code: "WA012",
    name: "services",
    severity: Severity::Warning,
    clause: "wA registration, SERVICES (its list of values is reconstructed)",
    summary: "SERVICES has an unknown item, or several items",
    help: "write one of `IM`, `PR`, `GR`, `SC`, or leave `SERVICES` out: no client seen splits a list",
    bad: include_str!("examples/WA012.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn services(application: &Characteristic<'_>, report: &mut Report) {
    let Some((parm, value)) = application.parm("SERVICES").and_then(|p| Some((p, p.value?))) else { return };
    let items: Vec<_> = value.split([';', ',']).map(str::trim).filter(|item| !item.is_empty()).collect();
    let unknown = items.iter().find(|item| !matches!(**item, "IM" | "PR" | "GR" | "SC"));
    let finding = |message| application.parm_finding(&SERVICES, parm.value_span(), parm.name, message);
    if let Some(unknown) = unknown {
        report.add(finding(format!("`{}` is not a known service", shorten(unknown))));
    } else if value.contains(';') && value.contains(',') {
        let message = "both `;` and `,` stand between the services".to_owned();
        report.add(finding(message).help("separate them by `;`, or better name one service only"));
    } else if items.len() > 1 {
        report.add(finding(format!("{} services in one value: S60 presence takes only the value `PR`", items.len())));
    }
}

/// More than this is longer than any prefix that was seen: a choice of impskit, not of the registration.
const LONGEST_PREFIX: usize = 20;

fn client_id_prefix(application: &Characteristic<'_>, report: &mut Report) {
    let Some((parm, value)) = application.parm("CIDPREFIX").and_then(|p| Some((p, p.value?))) else { return };
    let finding = |message, help: &str| {
        application.parm_finding(&CLIENT_LIMITS, parm.value_span(), parm.name, message).help(help)
    };
    let length = value.chars().count();
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let message = "`CIDPREFIX` has blanks, and becomes part of a ClientID".to_owned();
        report.add(finding(message, "write it without blanks"));
    } else if length > LONGEST_PREFIX {
        let message = format!("`CIDPREFIX` has {length} characters, more than {LONGEST_PREFIX}");
        report.add(finding(message, "a short prefix leaves room for what the client adds"));
    }
}

pub(super) const SECRET_WITHOUT_NAME: Rule = Rule {
    code: "WA013",
    name: "secret-without-name",
    severity: Severity::Warning,
    clause: "wA registration, APPAUTH",
    summary: "there is a password, but no user",
    help: "add `AAUTHNAME`, such as `wv:alice@acme.example`, or leave the password out",
    bad: include_str!("examples/WA013.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) const SEVERAL_APPAUTH: Rule = Rule {
    code: "WA014",
    name: "several-appauth",
    severity: Severity::Warning,
    clause: "wA registration, APPAUTH",
    summary: "there is more than one APPAUTH",
    help: "keep the one with the user's credentials for the server (AAUTHLEVEL `APPSRV`): S60 ignores AAUTHLEVEL and takes \
           the first name and secret that it finds",
    bad: include_str!("examples/WA014.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

fn credentials(application: &Characteristic<'_>, report: &mut Report) {
    let mut first = None;
    for appauth in application.children_named("APPAUTH") {
        let has = |name| appauth.value(name).is_some_and(|value| !value.is_empty());
        if let Some(secret) = appauth.parm("AAUTHSECRET").filter(|_| has("AAUTHSECRET") && !has("AAUTHNAME")) {
            let message = "`AAUTHSECRET` without `AAUTHNAME`";
            report.add(appauth.parm_finding(&SECRET_WITHOUT_NAME, secret.name_span(), secret.name, message));
        }
        match first {
            None => first = Some(appauth.type_span()),
            Some(first) => {
                let finding = appauth.finding(&SEVERAL_APPAUTH, "a further `APPAUTH`; clients use one");
                report.add(finding.related(first, "the first is here"));
            }
        }
    }
}

pub(super) const IGNORED: Rule = Rule {
    code: "WA015",
    name: "ignored",
    severity: Severity::Note,
    clause: "wA registration; reading of known clients",
    summary: "IMPS clients ignore a parm or characteristic",
    help: "leave it out: the document gets shorter",
    bad: include_str!("examples/WA015.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};

pub(super) fn ignored(characteristic: &Characteristic<'_>, report: &mut Report) {
    let Some(application) = characteristic.application.filter(|a| a.appid == "wA") else { return };
    if application.ignores(&characteristic.types) {
        let finding = characteristic.finding(&IGNORED, format!("IMPS clients ignore `{}`", characteristic.name));
        report.add(if characteristic.name == "PORT" {
            finding.help("write the port into the address: `http://imps.acme.example:8080/csp`")
        } else {
            finding
        });
        return;
    }
    for parm in &characteristic.parms {
        let registered = application.registered(&characteristic.types, parm.name);
        if let Some(registered) = registered.filter(|r| r.status == Status::Ignored) {
            let message = format!("IMPS clients ignore `{}`: {}", parm.name, registered.meaning);
            report.add(characteristic.parm_finding(&IGNORED, parm.name_span(), parm.name, message));
        }
    }
}

pub(super) const UNKNOWN: Rule = Rule {
    code: "WA016",
    name: "unknown",
    severity: Severity::Note,
    clause: "wA registration; Provisioning Content 1.1, processing of unknown content",
    summary: "the account has a parm or characteristic that is not registered",
    help: "fine where one vendor's clients know it; all others skip it",
    bad: include_str!("examples/WA016.bad.xml"),
    good: include_str!("examples/WA.good.xml"),
};
