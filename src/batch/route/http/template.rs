//! Texts with `{placeholders}`, and what is put in their place.
//!
//! `{udh}` stands for the octets themselves, `{udh:hex}` and `{udh:base64}` for a text of them. Where the text stands in a
//! request, in a query, a form or JSON, it is written as that place needs it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

use crate::document::{UPPER_HEX, put_hex};
use crate::error::{Error, Result};

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    To,
    Udh,
    Data,
    Reference,
    Id,
    Part,
    Parts,
    Dcs,
    From,
    User,
    Password,
    Key,
    Basic,
    Receipts,
    ReceiptsKey,
}

const SLOTS: &[(&str, Slot)] = &[
    ("to", Slot::To),
    ("udh", Slot::Udh),
    ("data", Slot::Data),
    ("ref", Slot::Reference),
    ("id", Slot::Id),
    ("part", Slot::Part),
    ("parts", Slot::Parts),
    ("dcs", Slot::Dcs),
    ("from", Slot::From),
    ("user", Slot::User),
    ("password", Slot::Password),
    ("key", Slot::Key),
    ("basic", Slot::Basic),
    ("receipts", Slot::Receipts),
    ("receipts_key", Slot::ReceiptsKey),
];

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Hex,
    Base64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot, Form),
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

/// Gives the value of a placeholder; `None` where there is none.
pub(super) type Values<'v> = dyn Fn(Slot) -> Option<Zeroizing<Vec<u8>>> + 'v;

impl Template {
    /// Reads a text. Braces around anything but a word are braces, as JSON needs them.
    ///
    /// # Errors
    ///
    /// Names a placeholder or a form that is not known.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            plain.push_str(before);
            let end = after.find(|c: char| c != '{' && c != ':' && c != '_' && !c.is_ascii_alphanumeric());
            let word = end.filter(|end| *end > 1 && after[*end..].starts_with('}')).map(|end| &after[1..end]);
            let Some(word) = word.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) else {
                plain.push('{');
                rest = &after[1..];
                continue;
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(slot(word)?);
            rest = &after[word.len() + 2..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Returns whether a placeholder is in it.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Slot(known, _) if *known == slot))
    }

    /// Returns the octets with every value in its place, each as `write` puts it there; `None` where a value is missing.
    pub(super) fn fill(&self, values: &Values<'_>, write: fn(&[u8], &mut Vec<u8>)) -> Option<Zeroizing<Vec<u8>>> {
        let mut out = Zeroizing::new(Vec::with_capacity(512));
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Slot(slot, form) => {
                    let value = values(*slot)?;
                    match form {
                        Form::Plain if *slot == Slot::Dcs => {
                            let numbers: Vec<String> = value.iter().map(u8::to_string).collect();
                            write(numbers.concat().as_bytes(), &mut out);
                        }
                        Form::Plain => write(&value, &mut out),
                        Form::Hex => put_hex(&value, UPPER_HEX, &mut out),
                        Form::Base64 => {
                            let mut text = BASE64_STANDARD.encode(&*value);
                            out.extend_from_slice(text.as_bytes());
                            text.zeroize();
                        }
                    }
                }
            }
        }
        Some(out)
    }

    /// Returns the name of a placeholder whose octets are no text.
    pub(super) fn octets(&self) -> Option<&'static str> {
        let plain = |slot: Slot| self.0.contains(&Piece::Slot(slot, Form::Plain));
        [("udh", Slot::Udh), ("data", Slot::Data)].into_iter().find(|(_, slot)| plain(*slot)).map(|(name, _)| name)
    }
}

fn slot(word: &str) -> Result<Piece> {
    let (name, form) = word.split_once(':').unwrap_or((word, ""));
    let form = match form {
        "" => Form::Plain,
        "hex" => Form::Hex,
        "base64" => Form::Base64,
        _ => return Err(Error::input(format!("`{{{word}}}` has no known form")).help("write `hex` or `base64`")),
    };
    match SLOTS.iter().find(|(known, _)| *known == name) {
        Some((_, slot)) => Ok(Piece::Slot(*slot, form)),
        None => {
            let known: Vec<String> = SLOTS.iter().map(|(name, _)| format!("{{{name}}}")).collect();
            Err(Error::input(format!("`{{{name}}}` stands for nothing")).help(format!("there are {}", known.join(" "))))
        }
    }
}

/// Writes octets as they are.
pub(super) fn plain(octets: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(octets);
}

/// Writes octets as queries and forms need them (RFC 3986, section 2.1): each that is not unreserved in percent form.
pub(super) fn percent(octets: &[u8], out: &mut Vec<u8>) {
    for octet in octets {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(octet) {
            out.push(*octet);
        } else {
            out.push(b'%');
            put_hex(&[*octet], UPPER_HEX, out);
        }
    }
}

/// Writes a text as it stands between the quotes of a JSON string.
pub(super) fn json(octets: &[u8], out: &mut Vec<u8>) {
    let quoted = Zeroizing::new(serde_json::Value::from(String::from_utf8_lossy(octets)).to_string());
    out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str, write: fn(&[u8], &mut Vec<u8>)) -> Option<String> {
        let values = |slot| match slot {
            Slot::Udh => Some(Zeroizing::new(vec![0x06, 0x05, 0xB4, b'~'])),
            Slot::Dcs => Some(Zeroizing::new(vec![0xF5])),
            Slot::From => Some(Zeroizing::new(b"A\"&b".to_vec())),
            _ => None,
        };
        let filled = Template::read(text).unwrap().fill(&values, write)?;
        Some(String::from_utf8(filled.to_vec()).unwrap())
    }

    /// The expected texts are written by hand.
    #[test]
    fn values_are_written_as_their_place_needs_them() {
        assert_eq!(fill("{udh}/{udh:hex}/{udh:base64}", percent).unwrap(), "%06%05%B4~/0605B47E/BgW0fg==");
        assert_eq!(fill("{from}", percent).unwrap(), "A%22%26b");
        assert_eq!(fill("{\"a\":{\"b\":\"{from}\"},\"c\":{}}", json).unwrap(), "{\"a\":{\"b\":\"A\\\"&b\"},\"c\":{}}");
        assert_eq!(fill("{{from}}", plain).unwrap(), "{A\"&b}");
        assert_eq!(fill("{dcs} {dcs:hex}", plain).unwrap(), "245 F5");
        assert_eq!(fill("+{to}", plain), None);
    }

    #[test]
    fn unknown_placeholders_are_named() {
        assert_eq!(Template::read("{too}").unwrap_err().what, "`{too}` stands for nothing");
        assert_eq!(Template::read("{udh:b64}").unwrap_err().what, "`{udh:b64}` has no known form");
        for text in ["{", "}", "{}", "{a", "{ä}", "{:hex}", "{{{"] {
            assert_eq!(Template::read(text).unwrap(), Template(vec![Piece::Text(text.to_owned())]), "{text}");
        }
    }
}
