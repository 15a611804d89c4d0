//! Fields of SMPP one after the other: numbers, texts that end with a zero, optional parameters.
//!
//! Each octet of a text is the character of that number, so that whatever was read can be written again.

use std::fmt;

use super::tlv::Tlv;

/// Why octets are no PDU, or a PDU cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Where, in octets from the PDU's first.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

impl Malformed {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Reads fields of one PDU.
pub(super) struct Reader<'b> {
    pub(super) octets: &'b [u8],
    pub(super) at: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn rest(&self) -> &'b [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take_rest(&mut self) -> &'b [u8] {
        let rest = self.rest();
        self.at = self.octets.len();
        rest
    }

    pub(super) fn octet(&mut self, name: &str) -> Result<u8, Malformed> {
        self.octets(name, 1).map(|octets| octets[0])
    }

    pub(super) fn number(&mut self, name: &str) -> Result<u32, Malformed> {
        let octets = self.octets(name, 4)?;
        Ok(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    pub(super) fn octets(&mut self, name: &str, count: usize) -> Result<&'b [u8], Malformed> {
        let short = || Malformed::new(self.at, format!("the PDU ends before or within `{name}`"));
        let octets = self.rest().get(..count).ok_or_else(short)?;
        self.at += count;
        Ok(octets)
    }

    /// Reads a text of at most `most` octets with its zero.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Result<String, Malformed> {
        let rest = self.rest();
        let Some(end) = rest.iter().take(most).position(|octet| *octet == 0) else {
            let bound = if rest.len() < most { "the PDU".to_owned() } else { format!("its {most} octets") };
            return Err(Malformed::new(self.at, format!("`{name}` does not end within {bound}")));
        };
        self.at += end + 1;
        Ok(rest[..end].iter().copied().map(char::from).collect())
    }

    /// Reads the optional parameters at the end of the PDU.
    pub(super) fn tlvs(&mut self) -> Result<Vec<Tlv>, Malformed> {
        let mut tlvs = Vec::new();
        while !self.rest().is_empty() {
            let [t1, t2, l1, l2, value @ ..] = self.rest() else {
                return Err(Malformed::new(self.at, "the PDU ends within a TLV"));
            };
            let (tag, length) = (u16::from_be_bytes([*t1, *t2]), usize::from(u16::from_be_bytes([*l1, *l2])));
            let value = value.get(..length).ok_or_else(|| {
                let what = format!("the TLV 0x{tag:04X} says {length} octets, and there are {}", value.len());
                Malformed::new(self.at, what)
            })?;
            tlvs.push(Tlv { tag, value: value.to_vec() });
            self.at += 4 + length;
        }
        Ok(tlvs)
    }
}

/// Writes one PDU.
pub(super) struct Writer<'b> {
    pub(super) out: &'b mut Vec<u8>,
    /// Where the PDU begins.
    pub(super) start: usize,
}

impl Writer<'_> {
    pub(super) fn octet(&mut self, octet: u8) {
        self.out.push(octet);
    }

    pub(super) fn number(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_be_bytes());
    }

    /// Writes a text and its zero, together at most `most` octets.
    pub(super) fn text(&mut self, name: &str, text: &str, most: usize) -> Result<(), Malformed> {
        let wrong = |what: String| Err(Malformed::new(self.out.len() - self.start, what));
        if text.chars().count() >= most {
            return wrong(format!("`{name}` has more than {} characters", most - 1));
        }
        if !text.chars().all(|character| ('\u{1}'..='\u{FF}').contains(&character)) {
            return wrong(format!("`{name}` has a character that SMPP cannot carry"));
        }
        self.out.extend(text.chars().map(|character| u32::from(character) as u8));
        self.octet(0);
        Ok(())
    }

    pub(super) fn tlvs(&mut self, tlvs: &[Tlv]) -> Result<(), Malformed> {
        for Tlv { tag, value } in tlvs {
            let Ok(length) = u16::try_from(value.len()) else {
                let what = format!("the TLV 0x{tag:04X} has more than {} octets", u16::MAX);
                return Err(Malformed::new(self.out.len() - self.start, what));
            };
            self.out.extend_from_slice(&tag.to_be_bytes());
            self.out.extend_from_slice(&length.to_be_bytes());
            self.out.extend_from_slice(value);
        }
        Ok(())
    }

    /// Writes the length into the PDU's first four octets.
    pub(super) fn finish(&mut self, most: usize) -> Result<(), Malformed> {
        let length = self.out.len() - self.start;
        if length > most {
            return Err(Malformed::new(0, format!("the PDU has {length} octets, more than {most}")));
        }
        self.out[self.start..self.start + 4].copy_from_slice(&(length as u32).to_be_bytes());
        Ok(())
    }
}
