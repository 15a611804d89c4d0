//! Is the MAC of a push right, and if not: under which PIN, IMSI, method or body would it be?

use zeroize::Zeroizing;

use super::layers::{LIMITS, MacState, Options};
use crate::codec::{self, WbxmlOptions, WbxmlStyle};
use crate::cp::mac::{Imsi, Key, Mac, NetworkKey, Pin, Security};
use crate::delivery::wsp::Push;
use crate::delivery::{NO_MAC, SEC_AFTER_MAC, UNCHECKED_MAC, UNKNOWN_SEC, WRONG_MAC};
use crate::diagnose::{Diagnostic, Report, Severity, Span};
use crate::{catalogue, cp};

/// Larger bodies are not tried in all ways: no handset takes them, and each way costs a pass over the body.
const MOST_TRIED: usize = 16 << 10;

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

/// Returns what would make the MAC of a push right, each as the end of a sentence that begins "it would be right".
///
/// It tries the other methods, secrets with a slip of the finger or packed wrongly, other cuts and codings of the
/// body, and other spellings of the MAC. `pdu` is the whole push.
pub fn why(pdu: &[u8], push: &Push<'_>, pin: Option<&Pin>, imsi: Option<&Imsi>) -> Vec<String> {
    let Some(text) = push.mac.filter(|_| push.body.len() <= MOST_TRIED) else { return Vec::new() };
    let mut reasons = Vec::new();
    let own = push.security().and_then(|security| Key::new(security, pin, imsi));
    let bodies = bodies(pdu, push);
    let mut try_body = |key: &Key, under: &str, body: &Body| {
        if let Some(spelling) = spelling(&key.mac(&body.octets), text) {
            let words: Vec<&str> = [under, body.what, spelling].into_iter().filter(|word| !word.is_empty()).collect();
            if !words.is_empty() {
                reasons.push(words.join(", "));
            }
        }
    };
    if let Some(own) = &own {
        bodies.iter().for_each(|body| try_body(own, "", body));
    }
    each_key(pin, imsi, push.security(), &mut |key, under, is_common| {
        let all = if is_common { bodies.len() } else { 1 };
        bodies[..all].iter().for_each(|body| try_body(&key, under, body));
    });
    reasons.truncate(MOST_REASONS);
    reasons
}

/// More reasons help nobody.
const MOST_REASONS: usize = 4;

/// Returns how the text spells the MAC: "" for the right way, `None` where it is another.
fn spelling(mac: &Mac, text: &[u8]) -> Option<&'static str> {
    if Mac::from_hex(text) == Some(*mac) {
        return Some("");
    }
    let clean: Vec<u8> = text.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let hex = mac.to_hex();
    let decimal = |width: usize| mac.0.iter().map(|octet| format!("{octet:0width$}")).collect::<String>();
    let reversed: Vec<u8> = mac.0.iter().rev().copied().collect();
    if text == mac.0 {
        Some("if the MAC were written as 40 hexadecimal digits and not as 20 octets")
    } else if clean == decimal(3).as_bytes() || clean == decimal(0).as_bytes() {
        Some("if the MAC were written in hexadecimal and not in decimal numbers")
    } else if clean.eq_ignore_ascii_case(&hex) {
        Some("if the MAC had no other characters between its digits")
    } else if clean.len() >= 16 && clean.len() < 40 && hex.starts_with(&clean.to_ascii_uppercase()) {
        Some("if the MAC were not cut short")
    } else if Mac::from_hex(text).is_some_and(|mac| mac.0[..] == reversed[..]) {
        Some("if the octets of the MAC were in the other order")
    } else {
        None
    }
}

/// A body that the sender may have meant.
struct Body {
    octets: Vec<u8>,
    what: &'static str,
}

/// Returns the body as it is, then what else the MAC may have been made over.
fn bodies(pdu: &[u8], push: &Push<'_>) -> Vec<Body> {
    let body = push.body;
    let mut bodies = vec![Body { octets: body.to_vec(), what: "" }];
    let mut add = |octets: Vec<u8>, what| {
        if octets != body && bodies.iter().all(|known| known.octets != octets) {
            bodies.push(Body { octets, what });
        }
    };
    add(pdu.to_vec(), "if the MAC were made over the body, not over the whole push");
    for cut in 1..=4.min(body.len()) {
        add(body[..body.len() - cut].to_vec(), "if the last octets were not there: they came after it was sealed");
    }
    for tail in [&b"\0"[..], b"\n", b"\r\n"] {
        add([body, tail].concat(), "if the MAC had not counted a zero or line end behind the document");
    }
    for (place, octets) in [(0, &[1, 2, 3][..]), (2, &[0x03, 0x04, 0x6A, 0x00])] {
        for octet in octets {
            let mut changed = body.to_vec();
            if let Some(field) = changed.get_mut(place) {
                *field = *octet;
                add(changed, "if version and character set in the header were those before it was sealed");
            }
        }
    }
    for (octets, what) in encoded_again(body) {
        add(octets, what);
    }
    bodies
}

/// Returns the document of a body without what comes behind it, and encoded in our own three ways.
fn encoded_again(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let Some(document) = catalogue::read(body, &LIMITS, &mut Report::new()) else { return Vec::new() };
    let exact = body.get(..document.root.span.end as usize).map(<[u8]>::to_vec);
    let exact = exact.map(|octets| (octets, "if the octets behind the document's end were not there"));
    let vocabulary = document.vocabulary.unwrap_or(&cp::VOCABULARY);
    let styles = [WbxmlStyle::Safe, WbxmlStyle::Prefix, WbxmlStyle::WholeValue].into_iter().filter_map(|style| {
        let options = WbxmlOptions { style, ..WbxmlOptions::default() };
        let octets = codec::write_wbxml(&document.root, vocabulary, &options).ok()?;
        Some((octets, "if the document had not been encoded again (string table, tokens) after it was sealed"))
    });
    exact.into_iter().chain(styles).collect()
}

/// What is done with a key that is tried: the key, in words, and whether it is tried on all bodies.
type Visit<'v> = dyn FnMut(Key, &str, bool) + 'v;

/// Calls `visit` with each key that the sender may have meant.
fn each_key(pin: Option<&Pin>, imsi: Option<&Imsi>, own: Option<Security>, visit: &mut Visit<'_>) {
    for security in [Security::NetwPin, Security::UserPin, Security::UserNetwPin] {
        if Some(security) != own
            && let Some(key) = Key::new(security, pin, imsi)
        {
            visit(key, &format!("under {}", security.name()), true);
        }
    }
    let digits = |pin: &Pin| Zeroizing::new(pin.digits().as_bytes().to_vec());
    let pin_octets = pin.map(digits);
    // The IMSI alone, and with the PIN behind it.
    if let Some(imsi) = imsi {
        each_imsi_key(imsi.digits().as_bytes(), &mut |octets, what| {
            let suffixes = [Some((&[][..], "NETWPIN")), pin_octets.as_deref().map(|pin| (&pin[..], "USERNETWPIN"))];
            for (suffix, method) in suffixes.into_iter().flatten() {
                if let Some(key) = Key::from_parts(&[octets, suffix]) {
                    visit(key, &format!("under {method} {what}"), false);
                }
            }
        });
    }
    let packed = imsi.map(Imsi::octets);
    if let Some(pin) = &pin_octets {
        each_pin_key(pin, &mut |octets, what| {
            let prefixes = [Some((&[][..], "USERPIN")), packed.as_deref().map(|imsi| (&imsi[..], "USERNETWPIN"))];
            for (prefix, method) in prefixes.into_iter().flatten() {
                if let Some(key) = Key::from_parts(&[prefix, octets]) {
                    visit(key, &format!("under {method} {what}"), false);
                }
            }
        });
    }
}

fn each_imsi_key(digits: &[u8], visit: &mut dyn FnMut(&[u8], &str)) {
    let mut pack = |digits: &[u8], what: &str| {
        if let Some(imsi) = std::str::from_utf8(digits).ok().and_then(|text| Imsi::read(text).ok()) {
            visit(&imsi.octets(), what);
        }
    };
    each_slip(digits, "IMSI", &mut pack);
    visit(digits, "with the IMSI as text, which no phone does");
    let number = |digit: Option<&u8>| digit.map_or(0x0F, |digit| digit - b'0');
    let swapped = |digits: &[u8]| {
        Zeroizing::new(digits.chunks(2).map(|p| number(p.get(1)) << 4 | number(p.first())).collect::<Vec<u8>>())
    };
    let straight =
        Zeroizing::new(digits.chunks(2).map(|p| number(p.first()) << 4 | number(p.get(1))).collect::<Vec<u8>>());
    visit(&swapped(digits), "with the IMSI packed without its parity digit");
    visit(&straight, "with the digits of the IMSI packed unswapped");
    let Some(imsi) = std::str::from_utf8(digits).ok().and_then(|text| Imsi::read(text).ok()) else { return };
    let octets = imsi.octets();
    let with_length = Zeroizing::new([&[octets.len() as u8][..], &octets].concat());
    visit(&with_length, "with the length octet of the SIM's file before the IMSI");
    let mut parity = octets.clone();
    parity[0] ^= 0x08;
    visit(&parity, "with the parity bit of the IMSI the other way");
    let unswapped = Zeroizing::new(octets.iter().map(|octet| octet.rotate_left(4)).collect::<Vec<u8>>());
    visit(&unswapped, "with the half octets of the packed IMSI unswapped");
}

fn each_pin_key(digits: &[u8], visit: &mut dyn FnMut(&[u8], &str)) {
    each_slip(digits, "PIN", visit);
    let with = |parts: &[&[u8]]| Zeroizing::new(parts.concat());
    // A zero octet behind the PIN changes nothing: HMAC fills its key with them.
    visit(&with(&[digits, b"\n"]), "with a line end behind the PIN");
    visit(&with(&[b"0", digits]), "with a leading 0 that the PIN has lost");
    let packed = |pair: &[u8]| (pair[0] - b'0') << 4 | pair.get(1).map_or(0x0F, |digit| digit - b'0');
    visit(
        &Zeroizing::new(digits.chunks(2).map(packed).collect::<Vec<u8>>()),
        "with the PIN as packed digits, not as text",
    );
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(number) = number {
        visit(Zeroizing::new(format!("{number:X}")).as_bytes(), "with the PIN written in hexadecimal");
        visit(Zeroizing::new(format!("{number}")).as_bytes(), "with the PIN as a number, without leading zeros");
    }
}

/// Calls `visit` with the digits that people type in place of these: two neighbours exchanged, one digit wrong,
/// missing at an end, or all of them backwards.
fn each_slip(digits: &[u8], name: &str, visit: &mut dyn FnMut(&[u8], &str)) {
    let mut changed = Zeroizing::new(digits.to_vec());
    for place in 1..digits.len() {
        if digits[place - 1] != digits[place] {
            changed.swap(place - 1, place);
            visit(&changed, &format!("with digits {place} and {} of the {name} exchanged", place + 1));
            changed.swap(place - 1, place);
        }
    }
    for place in 0..digits.len() {
        for digit in (b'0'..=b'9').filter(|digit| *digit != digits[place]) {
            changed[place] = digit;
            visit(&changed, &format!("with another digit at place {} of the {name}", place + 1));
        }
        changed[place] = digits[place];
    }
    if digits.len() > 1 {
        visit(&digits[1..], &format!("without the first digit of the {name}"));
        visit(&digits[..digits.len() - 1], &format!("without the last digit of the {name}"));
    }
    changed.reverse();
    visit(&changed, &format!("with the {name} backwards"));
}
