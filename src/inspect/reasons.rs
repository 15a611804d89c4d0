//! Under which PIN, IMSI, method or body would a MAC be right?
//!
//! Each guess costs a pass over the body: that is why they are few, and large bodies are left alone.

use zeroize::Zeroizing;

use super::layers::LIMITS;
use crate::codec::{self, WbxmlOptions, WbxmlStyle};
use crate::cp::mac::{Imsi, Key, Mac, Pin, Security};
use crate::delivery::wsp::Push;
use crate::diagnose::Report;
use crate::document::{LOWER_HEX, UPPER_HEX, from_hex, put_hex, to_base64};
use crate::{catalogue, cp};

/// Larger bodies are not tried in all ways: no handset takes them, and each way costs a pass over the body.
const MOST_TRIED: usize = 16 << 10;

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
    if reasons.is_empty() && (pin.is_some() || imsi.is_some()) {
        for key in DEFAULT_PINS.iter().filter_map(|digits| Key::from_parts(&[digits.as_bytes()])) {
            if spelling(&key.mac(push.body), text).is_some() {
                reasons.push("under USERPIN with a PIN that a gateway takes where it is told none".to_owned());
            }
        }
    }
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
    } else if from_hex(&clean).is_some_and(|twice| twice.eq_ignore_ascii_case(&hex)) {
        Some("if the MAC were written in its digits and not in the codes of its digits")
    } else if text == to_base64(&mac.0).as_bytes() {
        Some("if the MAC were written in hexadecimal and not in base64")
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
    for digits in [UPPER_HEX, LOWER_HEX] {
        let mut text = Vec::new();
        put_hex(body, digits, &mut text);
        add(text, "if the MAC were made over the octets, not over their hexadecimal digits");
    }
    for (octets, what) in encoded_again(body).into_iter().chain(in_other_charsets(body)) {
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
        Some((
            octets,
            "if the document had not been encoded again (string table, tokens, character set) after it was sealed",
        ))
    });
    let texts = [Some(vocabulary), None].into_iter().flat_map(|vocabulary| {
        [true, false].map(|indent| {
            let octets = codec::write_xml(&document.root, vocabulary, indent);
            (octets, "if the MAC were made over the WBXML, not over the XML")
        })
    });
    exact.into_iter().chain(styles).chain(texts).collect()
}

/// Returns the document with its strings in ISO-8859-1 where they are UTF-8, and the other way, with the header as it is and
/// as it then should be.
fn in_other_charsets(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    const WHAT: &str = "if the strings had not been put into another character set after it was sealed";
    let to_latin = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>();
    let to_utf_8 = |text: &[u8]| text.iter().map(|octet| char::from(*octet)).collect::<String>().into_bytes();
    let latin = with_strings(body, &|text| to_latin(std::str::from_utf8(text).ok()?));
    let utf_8 = with_strings(body, &|text| Some(to_utf_8(text)));
    let pairs =
        [(latin, ISO_8859_1), (utf_8, UTF_8)].into_iter().filter_map(|(octets, charset)| Some((octets?, charset)));
    pairs
        .flat_map(|(octets, charset)| {
            let mut said = octets.clone();
            // Behind version and public identifier, which has one octet.
            if let Some(field) = said.get_mut(2) {
                *field = charset;
            }
            [(octets, WHAT), (said, WHAT)]
        })
        .collect()
}

/// IANA's number of ISO-8859-1.
const ISO_8859_1: u8 = 0x04;
/// IANA's number of UTF-8.
const UTF_8: u8 = 0x6A;
/// The token before a string in place.
const STR_I: u8 = 0x03;

/// Returns a document with all strings changed that have other characters than ASCII; `None` where there are none or one
/// cannot be changed. What looks like a string counts as one: the MAC tells whether it was.
fn with_strings(body: &[u8], change: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut octets = body.get(..4)?.to_vec();
    let (mut at, mut is_other) = (4, false);
    while let Some(token) = body.get(at) {
        octets.push(*token);
        at += 1;
        let end = body[at..].iter().position(|octet| *octet < 0x20);
        let Some(end) = end.filter(|end| *token == STR_I && body[at + end] == 0) else { continue };
        let string = &body[at..at + end];
        let changed = if string.is_ascii() { string.to_vec() } else { change(string)? };
        is_other |= changed != string;
        octets.extend(changed);
        at += end;
    }
    is_other.then_some(octets)
}

/// What gateways take for a PIN where nobody gives one: Kannel the first.
const DEFAULT_PINS: &[&str] = &["1234", "0000"];

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
    if digits.len() < Imsi::MOST {
        for digit in b'0'..=b'9' {
            pack(&Zeroizing::new([digits, &[digit]].concat()), "with one more digit behind the IMSI");
            pack(&Zeroizing::new([&[digit], digits].concat()), "with one more digit before the IMSI");
        }
    }
    visit(digits, "with the IMSI as text, which no phone does: Kannel's `pin` takes its octets, as %29%26…");
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
    let stripped = octets.trim_ascii();
    if stripped.len() < octets.len() {
        visit(stripped, "with the IMSI's octets stripped of blanks, as Kannel's POST form does: use GET");
    }
    if digits.len().is_multiple_of(2) {
        let mut unfilled = octets.clone();
        if let Some(last) = unfilled.last_mut() {
            *last &= 0x0F;
        }
        visit(&unfilled, "with a 0 in the packed IMSI where the filler F belongs");
        visit(&octets[..octets.len() - 1], "with the packed IMSI cut before its last digit and filler");
    }
    for case in [UPPER_HEX, LOWER_HEX] {
        let mut text = Zeroizing::new(Vec::new());
        put_hex(&octets, case, &mut text);
        visit(&text, "with the packed IMSI as text of hexadecimal digits");
    }
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
    visit(&with(&[digits, b"\r\n"]), "with a line end behind the PIN");
    visit(&with(&[digits, b" "]), "with a blank behind the PIN");
    visit(&with(&[b" ", digits]), "with a blank before the PIN");
    visit(&with(&[b"\"", digits, b"\""]), "with quotes around the PIN");
    let wide =
        |pair: fn(u8) -> [u8; 2]| Zeroizing::new(digits.iter().flat_map(|digit| pair(*digit)).collect::<Vec<u8>>());
    visit(&wide(|digit| [0, digit]), "with the PIN in characters of 16 bits");
    visit(&wide(|digit| [digit, 0]), "with the PIN in characters of 16 bits");
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
