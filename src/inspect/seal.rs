//! Is the MAC of a push right with the secrets given?

use super::layers::{MacState, Options};
use super::reasons::why;
use crate::cp::mac::{Imsi, Key, Mac, NetworkKey, Pin, Security};
use crate::delivery::wsp::Push;
use crate::delivery::{NO_MAC, SEC_AFTER_MAC, UNCHECKED_MAC, UNKNOWN_SEC, WRONG_MAC};
use crate::diagnose::{Diagnostic, Report, Severity, Span};

/// Checks the security parameters of a push with the secrets given.
pub(super) fn check(pdu: &[u8], push: &Push<'_>, options: &Options<'_>, report: &mut Report) -> MacState {
    let head = Span::new(0, push.body_span.start as usize);
    let mut add = |diagnostic: Diagnostic| report.add(diagnostic);
    if push.sec_after_mac {
        add(Diagnostic::new(&SEC_AFTER_MAC, head, "the parameter SEC comes after MAC"));
    }
    let security = match (push.sec, push.security()) {
        (Some(sec), None) => {
            add(Diagnostic::new(&UNKNOWN_SEC, head, format!("SEC {sec} is no security method")));
            None
        }
        (None, _) if push.mac.is_some() => {
            add(Diagnostic::new(&UNKNOWN_SEC, head, "there is a MAC, but no SEC that says how it was made"));
            None
        }
        (_, security) => security,
    };
    let Some(text) = push.mac else { return without_mac(push, security, options, head, report) };
    let secrets = Secrets { pin: options.pin, imsi: options.imsi };
    let Some(mac) = Mac::from_hex(text) else {
        let message = format!("the MAC has {} characters and is not 40 hexadecimal digits", text.len());
        report.add(explained(Diagnostic::new(&WRONG_MAC, head, message), pdu, push, secrets));
        return MacState::Wrong;
    };
    if text.iter().any(u8::is_ascii_lowercase) {
        let message = "the MAC is in lower case: one client compares it as text with upper case";
        report.add(Diagnostic::new(&WRONG_MAC, head, message).severity(Severity::Warning));
    }
    let keys = security.map_or_else(Vec::new, |security| keys(security, push, options));
    match (keys.is_empty(), security) {
        (false, _) if keys.iter().any(|key| key.verifies(push.body, &mac)) => MacState::Right,
        (false, Some(security)) => {
            let message = format!("the MAC is not that of the body under {} with the secrets given", security.name());
            report.add(explained(Diagnostic::new(&WRONG_MAC, head, message), pdu, push, secrets));
            MacState::Wrong
        }
        _ => unchecked(pdu, push, security, secrets, head, report),
    }
}

/// Returns the keys that the secrets may come to. For the DM profile the standard leaves open what an IMSI is in octets.
fn keys(security: Security, push: &Push<'_>, options: &Options<'_>) -> Vec<Key> {
    if !push.media.is_management() {
        return Key::new(security, options.pin, options.imsi).into_iter().collect();
    }
    let forms = [NetworkKey::Octets, NetworkKey::Digits];
    forms.into_iter().filter_map(|form| Key::of_dm(security, options.pin, options.imsi, form)).collect()
}

/// There is a MAC, and not what it takes to check it.
fn unchecked(
    pdu: &[u8],
    push: &Push<'_>,
    security: Option<Security>,
    secrets: Secrets<'_>,
    head: Span,
    report: &mut Report,
) -> MacState {
    let missing = match security {
        Some(security) if security.needs_imsi() && secrets.imsi.is_none() => "give `--imsi` or `--imsi-file`",
        Some(_) => "give `--pin-file`, `--pin-env` or `--pin-stdin`",
        None => "give `--pin-file` or `--imsi`",
    };
    let finding = Diagnostic::new(&UNCHECKED_MAC, head, "the MAC has not been checked").help(missing);
    report.add(explained(finding, pdu, push, secrets));
    MacState::Unchecked
}

/// There is no MAC: nothing is sealed, it is forgotten, or the user types it.
fn without_mac(
    push: &Push<'_>,
    security: Option<Security>,
    options: &Options<'_>,
    head: Span,
    report: &mut Report,
) -> MacState {
    let (severity, message) = match security {
        None => (Severity::Warning, "the push is not sealed: it carries neither SEC nor MAC".to_owned()),
        Some(Security::UserPinMac) => return typed_digits(push, options, head, report),
        Some(security) => {
            (Severity::Error, format!("SEC says {}, but there is no MAC: handsets refuse this", security.name()))
        }
    };
    report.add(Diagnostic::new(&NO_MAC, head, message).severity(severity));
    MacState::None
}

/// With USERPINMAC the PIN that is given should be what the user types: PIN and check digits.
fn typed_digits(push: &Push<'_>, options: &Options<'_>, head: Span, report: &mut Report) -> MacState {
    let Some(typed) = options.pin else {
        let help = "give what the user types, PIN and check digits, with `--pin-file` or `--pin-stdin`";
        report.add(Diagnostic::new(&UNCHECKED_MAC, head, "the check digits have not been checked").help(help));
        return MacState::Unchecked;
    };
    let half = typed.digits().len() / 2;
    let right = Pin::read(&typed.digits()[..half]).ok().is_some_and(|pin| {
        let key = Key::new(Security::UserPinMac, Some(&pin), None);
        key.is_some_and(|key| key.mac(push.body).digits_to_type(&pin).as_str() == typed.digits())
    });
    if right {
        return MacState::Right;
    }
    let message = "the digits given are not PIN and check digits of this document";
    let help =
        "for USERPINMAC give all that the user types: the PIN and as many check digits; or the document was changed";
    report.add(Diagnostic::new(&WRONG_MAC, head, message).help(help));
    MacState::Wrong
}

/// Adds to a finding what would make the MAC right.
fn explained(diagnostic: Diagnostic, pdu: &[u8], push: &Push<'_>, secrets: Secrets<'_>) -> Diagnostic {
    let reasons = why(pdu, push, secrets.pin, secrets.imsi);
    if reasons.is_empty() {
        diagnostic
    } else {
        diagnostic.help(format!("it would be right {}", reasons.join("; or ")))
    }
}

#[derive(Clone, Copy)]
struct Secrets<'o> {
    pin: Option<&'o Pin>,
    imsi: Option<&'o Imsi>,
}
