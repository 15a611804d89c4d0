//! What submit_sm, deliver_sm and data_sm carry, and the three forms in which a push is handed to a centre.

use serde::Deserialize;

use super::octets::{Malformed, Reader, Writer};
use super::tlv::{Tlv, tag};
use super::{Carrier, octets};
use crate::delivery::sms::Address;
use crate::delivery::wdp::{Concatenation, Ports, Reference, Segment};
use crate::error::{Error, Result};

/// An address: type of number, numbering plan, and the digits or the word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SmeAddress {
    /// Type of number: 1 international, 3 of the network, 5 a word.
    pub ton: u8,
    /// Numbering plan: 1 that of telephones, 0 none.
    pub npi: u8,
    /// Digits without plus, or a word.
    pub address: String,
}

impl SmeAddress {
    /// The most digits of a short code; longer numbers have a country code.
    const MOST_SHORT: usize = 6;
    /// Octets of source_addr and destination_addr, the zero included.
    const MOST: usize = 21;
    /// The same for data_sm.
    const MOST_DATA: usize = 65;

    /// Returns the address of a number with its country code.
    pub fn international(digits: impl Into<String>) -> Self {
        Self { ton: 1, npi: 1, address: digits.into() }
    }

    /// Reads an address as people write it, and takes type and plan from its form: up to six digits are a short code
    /// (3, 0), more digits or a plus a number with its country code (1, 1), anything else a word (5, 0).
    ///
    /// # Errors
    ///
    /// Where SMS knows no such address, or where it is not ASCII.
    pub fn read_text(text: &str) -> Result<Self> {
        Address::read_text(text)?;
        if !text.is_ascii() {
            return Err(Error::input(format!("`{text}` is not ASCII")).help("centres take ASCII words as senders"));
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
        let (ton, npi) = match is_number {
            true if digits.len() == text.len() && digits.len() <= Self::MOST_SHORT => (3, 0),
            true => (1, 1),
            false => (5, 0),
        };
        Ok(Self { ton, npi, address: digits.to_owned() })
    }

    pub(super) fn read(reader: &mut Reader<'_>, name: &str, most: usize) -> std::result::Result<Self, Malformed> {
        Ok(Self { ton: reader.octet("ton")?, npi: reader.octet("npi")?, address: reader.text(name, most)? })
    }

    pub(super) fn write(
        &self,
        writer: &mut Writer<'_>,
        name: &str,
        most: usize,
    ) -> std::result::Result<(), octets::Malformed> {
        writer.octet(self.ton);
        writer.octet(self.npi);
        writer.text(name, &self.address, most)
    }
}

/// A message on its way to the centre or from it. data_sm has no field for what stands between `esm_class` and
/// `data_coding` but `registered_delivery`, and none for `short_message`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShortMessage {
    /// The service, as the centre wants it; mostly empty.
    pub service_type: String,
    /// Who sends it.
    pub source: SmeAddress,
    /// Who gets it.
    pub destination: SmeAddress,
    /// Mode in bits 0 and 1, kind of message in bits 2 to 5, [`Self::UDHI`].
    pub esm_class: u8,
    /// As in SMS.
    pub protocol_id: u8,
    /// 0 to 3.
    pub priority_flag: u8,
    /// When the centre delivers it; empty for at once.
    pub schedule_delivery_time: String,
    /// How long the centre tries, `YYMMDDhhmmsstnnp`; empty for as long as it likes.
    pub validity_period: String,
    /// 1 for a receipt.
    pub registered_delivery: u8,
    /// 1 where it takes the place of one sent before.
    pub replace_if_present_flag: u8,
    /// 4 for octets.
    pub data_coding: u8,
    /// A text that the centre holds; 0 for none.
    pub sm_default_msg_id: u8,
    /// User data, at most 255 octets.
    pub short_message: Vec<u8>,
    /// Optional parameters.
    pub tlvs: Vec<Tlv>,
}

/// How a push is handed to a centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One submit_sm a segment, with its user data header: needs nothing from the centre.
    #[default]
    Udh,
    /// One a segment, with ports and place in optional parameters: the centre makes the header.
    Sar,
    /// One for the whole push in message_payload, with its ports: the centre splits it.
    Payload,
}

impl ShortMessage {
    /// The bit of esm_class that says that the user data begins with a header.
    pub const UDHI: u8 = 0x40;
    /// The octets of text that one message holds without message_payload.
    const MOST_TEXT: usize = 255;

    pub(super) fn read(carrier: Carrier, reader: &mut Reader<'_>) -> std::result::Result<Self, Malformed> {
        let is_data = carrier == Carrier::DataSm;
        let most = if is_data { SmeAddress::MOST_DATA } else { SmeAddress::MOST };
        let mut message = Self {
            service_type: reader.text("service_type", 6)?,
            source: SmeAddress::read(reader, "source_addr", most)?,
            destination: SmeAddress::read(reader, "destination_addr", most)?,
            esm_class: reader.octet("esm_class")?,
            ..Self::default()
        };
        if !is_data {
            message.protocol_id = reader.octet("protocol_id")?;
            message.priority_flag = reader.octet("priority_flag")?;
            message.schedule_delivery_time = reader.text("schedule_delivery_time", 17)?;
            message.validity_period = reader.text("validity_period", 17)?;
        }
        message.registered_delivery = reader.octet("registered_delivery")?;
        if !is_data {
            message.replace_if_present_flag = reader.octet("replace_if_present_flag")?;
        }
        message.data_coding = reader.octet("data_coding")?;
        if !is_data {
            message.sm_default_msg_id = reader.octet("sm_default_msg_id")?;
            let length = reader.octet("sm_length")?;
            message.short_message = reader.octets("short_message", usize::from(length))?.to_vec();
        }
        message.tlvs = reader.tlvs()?;
        Ok(message)
    }

    pub(super) fn write(
        &self,
        carrier: Carrier,
        writer: &mut Writer<'_>,
    ) -> std::result::Result<(), octets::Malformed> {
        let is_data = carrier == Carrier::DataSm;
        let most = if is_data { SmeAddress::MOST_DATA } else { SmeAddress::MOST };
        writer.text("service_type", &self.service_type, 6)?;
        self.source.write(writer, "source_addr", most)?;
        self.destination.write(writer, "destination_addr", most)?;
        writer.octet(self.esm_class);
        if is_data {
            writer.octet(self.registered_delivery);
            writer.octet(self.data_coding);
            return writer.tlvs(&self.tlvs);
        }
        writer.octet(self.protocol_id);
        writer.octet(self.priority_flag);
        writer.text("schedule_delivery_time", &self.schedule_delivery_time, 17)?;
        writer.text("validity_period", &self.validity_period, 17)?;
        for octet in [self.registered_delivery, self.replace_if_present_flag, self.data_coding, self.sm_default_msg_id]
        {
            writer.octet(octet);
        }
        let Some(length) = u8::try_from(self.short_message.len()).ok() else {
            let what = format!("`short_message` has more than {} octets", Self::MOST_TEXT);
            return Err(Malformed::new(writer.out.len() - writer.start, what));
        };
        writer.octet(length);
        writer.out.extend_from_slice(&self.short_message);
        writer.tlvs(&self.tlvs)
    }

    /// Returns the value of an optional parameter; of one that is repeated, the first.
    pub fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs.iter().find(|tlv| tlv.tag == tag).map(|tlv| tlv.value.as_slice())
    }

    /// Returns the user data: message_payload where that is given, else the text.
    pub fn user_data(&self) -> &[u8] {
        self.tlv(tag::MESSAGE_PAYLOAD).unwrap_or(&self.short_message)
    }

    /// Returns the user data as a segment: ports and place come from its header, or from optional parameters.
    ///
    /// # Errors
    ///
    /// Says what is malformed in the header or in the parameters.
    pub fn segment(&self) -> std::result::Result<Segment<'_>, &'static str> {
        if self.esm_class & Self::UDHI != 0 {
            return Segment::read(self.user_data());
        }
        let ports = match (self.number(tag::DESTINATION_PORT)?, self.number(tag::SOURCE_PORT)?) {
            (Some(destination), source) => Some(Ports { destination, source: source.unwrap_or(0) }),
            (None, _) => None,
        };
        let places = [tag::SAR_MSG_REF_NUM, tag::SAR_TOTAL_SEGMENTS, tag::SAR_SEGMENT_SEQNUM];
        let [reference, total, sequence] = places.map(|tag| self.number(tag));
        let concatenation = match (reference?, total?, sequence?) {
            (Some(reference), Some(total), Some(sequence)) => {
                let octet = |number: u16| u8::try_from(number).map_err(|_| "a number of parts is above 255");
                let (total, sequence) = (octet(total)?, octet(sequence)?);
                Some(Concatenation { reference: Reference::Long(reference), total, sequence })
            }
            (None, None, None) => None,
            _ => return Err("not all three of the sar parameters are there"),
        };
        Ok(Segment { ports, concatenation, data: self.user_data() })
    }

    /// Reads a parameter of one or two octets.
    fn number(&self, tag: u16) -> std::result::Result<Option<u16>, &'static str> {
        match self.tlv(tag) {
            None => Ok(None),
            Some(&[octet]) => Ok(Some(u16::from(octet))),
            Some(&[high, low]) => Ok(Some(u16::from_be_bytes([high, low]))),
            Some(_) => Err("a port or sar parameter has a wrong length"),
        }
    }

    /// Returns the messages that carry a push to one handset in `form`; all but addresses, ports and text is as in
    /// `self`. `segments` is the push in segments, each with its user data header.
    ///
    /// # Errors
    ///
    /// Where a segment has no header that can be read, or none with ports.
    pub fn carrying(&self, push: &[u8], segments: &[Vec<u8>], form: Form) -> Result<Vec<Self>> {
        let plain = |data: &[u8]| Self {
            esm_class: self.esm_class & !Self::UDHI,
            short_message: data.to_vec(),
            ..self.clone()
        };
        let read = |segment: &[u8]| match Segment::read(segment) {
            Ok(Segment { ports: Some(ports), concatenation, data }) => Ok((ports, concatenation, data.to_vec())),
            Ok(_) => Err(Error::input("a segment names no ports")),
            Err(what) => Err(Error::input(what)),
        };
        match form {
            Form::Udh => {
                let esm_class = self.esm_class | Self::UDHI;
                let message = |segment: &Vec<u8>| Self { esm_class, ..plain(segment) };
                Ok(segments.iter().map(message).collect())
            }
            Form::Sar => {
                let message = |segment: &Vec<u8>| {
                    let (ports, concatenation, data) = read(segment)?;
                    let mut message = plain(&data);
                    message
                        .tlvs
                        .extend(port_tlvs(ports).into_iter().chain(concatenation.into_iter().flat_map(sar_tlvs)));
                    Ok(message)
                };
                segments.iter().map(message).collect()
            }
            Form::Payload => {
                let first = segments.first().ok_or_else(|| Error::input("there are no segments"))?;
                let mut message = plain(&[]);
                message.tlvs.extend(port_tlvs(read(first)?.0));
                message.tlvs.push(Tlv { tag: tag::MESSAGE_PAYLOAD, value: push.to_vec() });
                Ok(vec![message])
            }
        }
    }
}

fn port_tlvs(ports: Ports) -> [Tlv; 2] {
    [Tlv::number(tag::SOURCE_PORT, ports.source), Tlv::number(tag::DESTINATION_PORT, ports.destination)]
}

fn sar_tlvs(part: Concatenation) -> [Tlv; 3] {
    let reference = match part.reference {
        Reference::Short(number) => u16::from(number),
        Reference::Long(number) => number,
    };
    [
        Tlv::number(tag::SAR_MSG_REF_NUM, reference),
        Tlv::octet(tag::SAR_TOTAL_SEGMENTS, part.total),
        Tlv::octet(tag::SAR_SEGMENT_SEQNUM, part.sequence),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_tell_their_type() {
        for (text, ton, npi, address) in [
            ("+358401234567", 1, 1, "358401234567"),
            ("358401234567", 1, 1, "358401234567"),
            ("12345", 3, 0, "12345"),
            ("ACME", 5, 0, "ACME"),
        ] {
            let address = SmeAddress { ton, npi, address: address.into() };
            assert_eq!(SmeAddress::read_text(text), Ok(address), "{text}");
        }
        for text in ["", "+", "Größe", "twelve chars"] {
            assert!(SmeAddress::read_text(text).is_err(), "{text}");
        }
    }
}
