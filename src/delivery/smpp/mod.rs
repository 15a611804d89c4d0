//! SMPP 3.4: what a campaign says to a message centre, and what the centre answers.
//!
//! ```text
//! bind_transceiver ── bind_transceiver_resp
//! submit_sm (one a segment) ── submit_sm_resp with the centre's message_id
//! deliver_sm (receipt of that message_id) ── deliver_sm_resp
//! ```
//!
//! [`read`] and [`Pdu::write`] go both ways; [`Status`] says what an answer means; [`Receipt`] is what became of a
//! message. Connections are kept elsewhere: nothing here waits.

mod bind;
mod command;
mod message;
mod octets;
mod receipt;
mod status;
mod tlv;

pub use bind::{Bind, Mode, VERSION};
pub use command::{Carrier, command_name, is_response};
pub use message::{Form, ShortMessage, SmeAddress};
pub use octets::Malformed;
pub use receipt::{MessageState, Receipt};
pub use status::{Class, STATUSES, Status, StatusRow};
pub use tlv::{Tlv, tag, tlv_name};

use bind::MOST_SYSTEM_ID;
use command::{ALERT_NOTIFICATION, ENQUIRE_LINK, GENERIC_NACK, RESPONSE, UNBIND};
use octets::{Reader, Writer};

/// Octets of the four numbers at the head of each PDU: command_length, command_id, command_status, sequence_number.
pub const HEADER: usize = 16;
/// Larger PDUs are refused: no message is longer, and a length that is out of step with the stream mostly is.
pub const MOST_PDU: usize = 64 << 10;
/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// What became of the request; 0 in requests.
    pub status: Status,
    /// Binds an answer to its request.
    pub sequence: u32,
    /// What it says.
    pub body: Body,
}

/// What a PDU says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// bind_receiver, bind_transmitter or bind_transceiver.
    Bind(Box<Bind>),
    /// The answer to a bind.
    BindResp {
        /// Which of the three.
        mode: Mode,
        /// Who the centre is; empty where the bind was refused.
        system_id: String,
        /// Optional parameters.
        tlvs: Vec<Tlv>,
    },
    /// submit_sm, deliver_sm or data_sm.
    Message(Carrier, Box<ShortMessage>),
    /// The answer to one of them.
    MessageResp {
        /// Which of the three.
        carrier: Carrier,
        /// The centre's name of the message; empty where it was refused, and for deliver_sm.
        message_id: String,
        /// Optional parameters.
        tlvs: Vec<Tlv>,
    },
    /// enquire_link: are you there?
    EnquireLink,
    /// The answer to it.
    EnquireLinkResp,
    /// unbind: the session ends.
    Unbind,
    /// The answer to it.
    UnbindResp,
    /// generic_nack: the PDU of that sequence number was not understood; 0 where it had none.
    GenericNack,
    /// A command that nothing here acts on.
    Other {
        /// Its command_id.
        command: u32,
        /// What follows the header.
        octets: Vec<u8>,
    },
}

/// Reads the PDU at the front of `octets`; returns it and how many octets it takes.
///
/// # Errors
///
/// Says what is malformed and where, counted from the PDU's first octet: a length below 16, above [`MOST_PDU`] or
/// beyond the octets, a field without end, octets that are left over.
pub fn read(octets: &[u8]) -> Result<(Pdu, usize), Malformed> {
    let length = length(octets)?.ok_or_else(|| Malformed::new(0, "the PDU ends before its command_length"))?;
    let octets = octets.get(..length).ok_or_else(|| {
        Malformed::new(0, format!("command_length says {length} octets, and there are {}", octets.len()))
    })?;
    let mut reader = Reader { octets, at: 4 };
    let (command, status, sequence) =
        (reader.number("command_id")?, reader.number("command_status")?, reader.number("sequence_number")?);
    let body = read_body(command, &mut reader)?;
    match reader.rest().len() {
        0 => Ok((Pdu { status: Status(status), sequence, body }, length)),
        more => {
            Err(Malformed::new(reader.at, format!("{more} octets follow the last field of {}", command_name(command))))
        }
    }
}

/// Returns how long the PDU at the front of `octets` is; `None` while that has not arrived.
///
/// # Errors
///
/// Where no PDU has that length.
pub fn length(octets: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(length) = octets.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if (HEADER..=MOST_PDU).contains(&length) {
        return Ok(Some(length));
    }
    Err(Malformed::new(0, format!("command_length is {length}, and a PDU has {HEADER} to {MOST_PDU} octets")))
}

/// Returns command, status and sequence number of the PDU at the front of `octets`, whatever its body holds.
pub fn header(octets: &[u8]) -> Option<(u32, Status, u32)> {
    let number = |at: usize| octets.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four));
    Some((number(4)?, Status(number(8)?), number(12)?))
}

fn read_body(command: u32, reader: &mut Reader<'_>) -> Result<Body, Malformed> {
    let request = command & !RESPONSE;
    let mode = Mode::ALL.into_iter().find(|mode| mode.command() == request);
    let carrier = Carrier::ALL.into_iter().find(|carrier| carrier.command() == request);
    Ok(match (command, mode, carrier) {
        (GENERIC_NACK, ..) => Body::GenericNack,
        (ENQUIRE_LINK, ..) => Body::EnquireLink,
        (UNBIND, ..) => Body::Unbind,
        (_, Some(mode), _) if is_response(command) => {
            let (system_id, tlvs) = read_answer(reader, "system_id", MOST_SYSTEM_ID)?;
            Body::BindResp { mode, system_id, tlvs }
        }
        (_, Some(mode), _) => Body::Bind(Box::new(Bind::read(mode, reader)?)),
        (_, _, Some(carrier)) if is_response(command) => {
            let (message_id, tlvs) = read_answer(reader, "message_id", MOST_MESSAGE_ID)?;
            Body::MessageResp { carrier, message_id, tlvs }
        }
        (_, _, Some(carrier)) => Body::Message(carrier, Box::new(ShortMessage::read(carrier, reader)?)),
        _ if command == ENQUIRE_LINK | RESPONSE => Body::EnquireLinkResp,
        _ if command == UNBIND | RESPONSE => Body::UnbindResp,
        _ => Body::Other { command, octets: reader.take_rest().to_vec() },
    })
}

/// Octets of a message_id, its zero included. The standard has 65; centres with longer ones exist.
const MOST_MESSAGE_ID: usize = 255;

/// Reads an answer's one field and optional parameters. One that says no has no field at all, or an empty one.
fn read_answer(reader: &mut Reader<'_>, name: &str, most: usize) -> Result<(String, Vec<Tlv>), Malformed> {
    if reader.rest().is_empty() {
        return Ok((String::new(), Vec::new()));
    }
    Ok((reader.text(name, most)?, reader.tlvs()?))
}

impl Pdu {
    /// Returns a request.
    pub fn request(sequence: u32, body: Body) -> Self {
        Self { status: Status::OK, sequence, body }
    }

    /// Appends the PDU's octets. Where it cannot be written, nothing is appended.
    ///
    /// # Errors
    ///
    /// Says which text is too long for its field or holds what SMPP cannot carry.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        let outcome = self.write_all(&mut Writer { out, start });
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome
    }

    fn write_all(&self, writer: &mut Writer<'_>) -> Result<(), Malformed> {
        for number in [0, self.command(), self.status.0, self.sequence] {
            writer.number(number);
        }
        match &self.body {
            Body::Bind(bind) => bind.write(writer)?,
            Body::Message(carrier, message) => message.write(*carrier, writer)?,
            Body::BindResp { system_id: text, tlvs, .. } if self.has_fields(text, tlvs) => {
                writer.text("system_id", text, MOST_SYSTEM_ID)?;
                writer.tlvs(tlvs)?;
            }
            Body::MessageResp { message_id: text, tlvs, .. } if self.has_fields(text, tlvs) => {
                writer.text("message_id", text, MOST_MESSAGE_ID)?;
                writer.tlvs(tlvs)?;
            }
            Body::Other { octets, .. } => writer.out.extend_from_slice(octets),
            _ => {}
        }
        writer.finish(MOST_PDU)
    }

    /// An answer that says no has no body (SMPP 3.4, 4.4.2).
    fn has_fields(&self, text: &str, tlvs: &[Tlv]) -> bool {
        self.status.is_ok() || !text.is_empty() || !tlvs.is_empty()
    }

    /// Returns its command_id.
    pub fn command(&self) -> u32 {
        match &self.body {
            Body::Bind(bind) => bind.mode.command(),
            Body::BindResp { mode, .. } => mode.command() | RESPONSE,
            Body::Message(carrier, _) => carrier.command(),
            Body::MessageResp { carrier, .. } => carrier.command() | RESPONSE,
            Body::EnquireLink => ENQUIRE_LINK,
            Body::EnquireLinkResp => ENQUIRE_LINK | RESPONSE,
            Body::Unbind => UNBIND,
            Body::UnbindResp => UNBIND | RESPONSE,
            Body::GenericNack => GENERIC_NACK,
            Body::Other { command, .. } => *command,
        }
    }

    /// Returns the standard's name of its command.
    pub fn name(&self) -> &'static str {
        command_name(self.command())
    }

    /// Returns the answer that this request gets where all is well; `None` for an answer, which gets none. What
    /// nothing here acts on is answered by generic_nack.
    #[must_use]
    pub fn answer(&self) -> Option<Self> {
        let (mut status, tlvs) = (Status::OK, Vec::new());
        let body = match &self.body {
            Body::EnquireLink => Body::EnquireLinkResp,
            Body::Unbind => Body::UnbindResp,
            Body::Bind(bind) => Body::BindResp { mode: bind.mode, system_id: String::new(), tlvs },
            Body::Message(carrier, _) => Body::MessageResp { carrier: *carrier, message_id: String::new(), tlvs },
            Body::Other { command, .. } if !is_response(*command) && *command != ALERT_NOTIFICATION => {
                status = Status::INVALID_COMMAND;
                Body::GenericNack
            }
            _ => return None,
        };
        Some(Self { status, sequence: self.sequence, body })
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[track_caller]
    fn both_ways(pdu: &Pdu, octets: &[u8]) {
        let mut out = Vec::new();
        pdu.write(&mut out).expect("it can be written");
        assert_eq!(out, octets, "{pdu:?}");
        assert_eq!(read(octets), Ok((pdu.clone(), octets.len())));
    }

    fn header_of(length: u32, command: u32, status: u32, sequence: u32) -> Vec<u8> {
        [length, command, status, sequence].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// The example of a PDU in the standard: bind_transmitter as SMPP3TEST, secret08, SUBMIT1.
    #[test]
    fn the_bind_of_the_standard() {
        let mut octets = header_of(47, 2, 0, 1);
        octets.extend_from_slice(b"SMPP3TEST\0secret08\0SUBMIT1\0\x00\x01\x01\0");
        let bind = Bind {
            mode: Mode::Transmitter,
            system_id: "SMPP3TEST".into(),
            password: Zeroizing::new("secret08".into()),
            system_type: "SUBMIT1".into(),
            interface_version: 0,
            range: SmeAddress { ton: 1, npi: 1, address: String::new() },
        };
        assert!(!format!("{bind:?}").contains("secret"));
        both_ways(&Pdu::request(1, Body::Bind(Box::new(bind))), &octets);
    }

    #[test]
    fn answers_and_links() {
        both_ways(&Pdu::request(7, Body::EnquireLink), &header_of(16, 0x15, 0, 7));
        both_ways(&Pdu::request(7, Body::UnbindResp), &header_of(16, 0x8000_0006, 0, 7));
        let nack = Pdu { status: Status::INVALID_COMMAND, sequence: 0, body: Body::GenericNack };
        both_ways(&nack, &header_of(16, 0x8000_0000, 3, 0));
        let resp = |status, id: &str| Pdu {
            status: Status(status),
            sequence: 2,
            body: Body::MessageResp { carrier: Carrier::SubmitSm, message_id: id.into(), tlvs: Vec::new() },
        };
        both_ways(&resp(0x58, ""), &header_of(16, 0x8000_0004, 0x58, 2));
        let mut octets = header_of(19, 0x8000_0004, 0, 2);
        octets.extend_from_slice(b"7A\0");
        both_ways(&resp(0, "7A"), &octets);
        let tlvs = vec![Tlv { tag: tag::SC_INTERFACE_VERSION, value: vec![VERSION] }];
        let mut octets = header_of(26, 0x8000_0009, 0, 1);
        octets.extend_from_slice(b"SMSC\0\x02\x10\0\x01\x34");
        let body = Body::BindResp { mode: Mode::Transceiver, system_id: "SMSC".into(), tlvs };
        both_ways(&Pdu::request(1, body), &octets);
    }

    #[test]
    fn refuses_what_is_malformed() {
        let cut = |mut octets: Vec<u8>, more: &[u8]| {
            octets.extend_from_slice(more);
            octets[3] = octets.len() as u8;
            read(&octets).expect_err("malformed").to_string()
        };
        let header = |command| header_of(0, command, 0, 1);
        assert_eq!(cut(header(0x15), b"x"), "1 octets follow the last field of enquire_link");
        assert_eq!(cut(header(9), b"0123456789abcdef\0"), "`system_id` does not end within its 16 octets");
        assert_eq!(cut(header(0x8000_0004), b"12"), "`message_id` does not end within the PDU");
        assert_eq!(cut(header(0x8000_0004), b"12\0\x02\x10\0\x05a"), "the TLV 0x0210 says 5 octets, and there are 1");
        assert_eq!(cut(header(0x8000_0004), b"12\0\x02\x10"), "the PDU ends within a TLV");
        assert_eq!(read(&[0, 0]).expect_err("short").at, 0);
        for length in [0, 15, 65_537, u32::MAX] {
            assert!(read(&header_of(length, 0x15, 0, 1)).is_err(), "{length}");
        }
        assert!(read(&header_of(17, 0x15, 0, 1)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut out = vec![1];
        for address in ["1".repeat(21), "1\u{0}2".into(), "1€".into()] {
            let message =
                ShortMessage { destination: SmeAddress { ton: 1, npi: 1, address }, ..ShortMessage::default() };
            let pdu = Pdu::request(1, Body::Message(Carrier::SubmitSm, Box::new(message)));
            assert!(pdu.write(&mut out).is_err(), "{pdu:?}");
        }
        assert_eq!(out, [1]);
    }
}
