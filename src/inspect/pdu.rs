//! One PDU that carries a message or a part of one: a TPDU of SMS, a PDU of SMPP, a request to an HTTP gateway, or user
//! data alone.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::request::Request;
use crate::delivery::smpp::{self, Body, Receipt, ShortMessage};
use crate::delivery::sms::{Address, CentreTime, Kind, Malformed, Tpdu, Validity, read_centre};
use crate::delivery::wdp::Segment;

/// One PDU.
#[derive(Debug)]
pub(super) enum Pdu<'b> {
    /// A TPDU, with the centre's address before it: `None` where there is none, `Some(None)` for the modem's own.
    Tpdu(Option<Option<Address>>, Tpdu<'b>),
    /// User data with its header.
    UserData(&'b [u8]),
    /// submit_sm, deliver_sm or data_sm, with or without the header of SMPP.
    Smpp(smpp::Carrier, Box<ShortMessage>),
    /// What else SMPP says.
    Talk(Box<smpp::Pdu>),
    /// A request to an HTTP gateway.
    Request(&'b Request),
}

/// Why octets are no PDU.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// They are no TPDU.
    Tpdu(Malformed),
    /// They begin as a PDU of SMPP.
    Smpp(smpp::Malformed),
}

impl Fault {
    /// Returns whether something but its length is right.
    pub(super) fn is_near(&self) -> bool {
        matches!(self, Self::Tpdu(Malformed::Length { .. }) | Self::Smpp(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tpdu(fault) => fault.fmt(f),
            Self::Smpp(fault) => write!(f, "in SMPP: {} (octet {})", fault.what, fault.at),
        }
    }
}

/// Returns where the PDUs of a stream are: those of SMPP say how long they are, all else is one.
pub(super) fn split(octets: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < octets.len() && ranges.len() < MOST_PDUS {
        let length = smpp_length(&octets[at..]).filter(|length| *length <= octets.len() - at);
        let end = at + length.unwrap_or(octets.len() - at);
        ranges.push(at..end);
        at = end;
    }
    if ranges.is_empty() { std::iter::once(0..octets.len()).collect() } else { ranges }
}

/// PDUs of a stream; 255 parts with their answers are fewer.
const MOST_PDUS: usize = 4096;

/// Returns how long a PDU of SMPP says that it is; `None` where octets do not begin like one.
fn smpp_length(octets: &[u8]) -> Option<usize> {
    let (command, ..) = smpp::header(octets)?;
    let is_known = smpp::command_name(command) != "unknown command";
    smpp::length(octets).ok().flatten().filter(|_| is_known)
}

impl<'b> Pdu<'b> {
    /// Reads a PDU in the form that fits.
    pub(super) fn read(octets: &'b [u8]) -> Result<Self, Fault> {
        if smpp_length(octets).is_some() {
            return Self::read_smpp(octets).map_err(Fault::Smpp);
        }
        let with_centre = || {
            let (centre, size) = read_centre(octets)?;
            Tpdu::read(&octets[size..]).map(|tpdu| Self::Tpdu(Some(centre), tpdu))
        };
        let fault = match Tpdu::read(octets) {
            Ok(tpdu) => return Ok(Self::Tpdu(None, tpdu)),
            Err(fault) => fault,
        };
        with_centre().or_else(|second: Malformed| {
            if Segment::read(octets).is_ok_and(|segment| segment.ports.is_some()) {
                return Ok(Self::UserData(octets));
            }
            if let Some(pdu) = Self::read_smpp_body(octets) {
                return Ok(pdu);
            }
            // A wrong length says more than an address that was none.
            Err(Fault::Tpdu(if matches!(second, Malformed::Length { .. }) { second } else { fault }))
        })
    }

    fn read_smpp(octets: &[u8]) -> Result<Self, smpp::Malformed> {
        let (pdu, length) = smpp::read(octets)?;
        if length != octets.len() {
            let what = format!("{} octets follow the PDU", octets.len() - length);
            return Err(smpp::Malformed { at: length, what });
        }
        Ok(match pdu.body {
            Body::Message(carrier, message) => Self::Smpp(carrier, message),
            _ => Self::Talk(Box::new(pdu)),
        })
    }

    /// Reads a submit_sm or deliver_sm whose header is gone. Only what surely carries a part of a push counts.
    fn read_smpp_body(octets: &[u8]) -> Option<Self> {
        let length = u32::try_from(octets.len() + smpp::HEADER).ok().filter(|length| *length < 4096)?;
        // submit_sm and deliver_sm have the same fields.
        let header = [length, 0x04, 0, 1].map(u32::to_be_bytes).concat();
        let whole = [&header[..], octets].concat();
        match smpp::read(&whole).ok()?.0.body {
            Body::Message(carrier, message) if message.segment().is_ok_and(|s| s.ports.is_some()) => {
                Some(Self::Smpp(carrier, message))
            }
            _ => None,
        }
    }

    /// Returns the part of a message that the PDU carries; `None` where it carries none.
    pub(super) fn segment(&self) -> Result<Option<Segment<'_>>, &'static str> {
        let plain = |data| Ok(Some(Segment { ports: None, concatenation: None, data }));
        match self {
            Self::Tpdu(_, tpdu) if !tpdu.has_header => plain(tpdu.user_data),
            Self::Tpdu(_, tpdu) => Segment::read(tpdu.user_data).map(Some),
            Self::UserData(octets) => Segment::read(octets).map(Some),
            Self::Smpp(_, message) if Receipt::read(message).is_some() => Ok(None),
            Self::Smpp(_, message) => message.segment().map(Some),
            Self::Talk(_) => Ok(None),
            Self::Request(request) => request.segment(),
        }
    }

    /// Returns the address that the parts of a message have in common.
    pub(super) fn origin(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Tpdu(_, tpdu) => Cow::Owned(tpdu.address.as_octets().to_vec()),
            Self::Smpp(_, message) => {
                Cow::Owned([&message.source.address, "\0", &message.destination.address].concat().into_bytes())
            }
            Self::Request(request) => Cow::Borrowed(request.to.as_deref().unwrap_or_default().as_bytes()),
            Self::UserData(_) | Self::Talk(_) => Cow::Borrowed(&[]),
        }
    }

    /// Returns the coding that is not of octets; `None` where it is.
    pub(super) fn text_coding(&self) -> Option<u8> {
        match self {
            Self::Tpdu(_, tpdu) => (!tpdu.has_octets()).then_some(tpdu.coding),
            // 2 and 4 are octets, F4 to F7 too.
            Self::Smpp(_, message) => {
                let coding = message.data_coding;
                let is_receipt = Receipt::read(message).is_some();
                (!is_receipt && !matches!(coding, 2 | 4 | 0x14 | 0xF4..=0xF7)).then_some(coding)
            }
            _ => None,
        }
    }

    /// Returns how sure we are that this is a PDU, of 100.
    pub(super) fn certainty(&self) -> u8 {
        let segment = self.segment().ok().flatten();
        let is_addressed = segment.is_some_and(|segment| segment.ports.is_some() || segment.concatenation.is_some());
        match self {
            Self::Smpp(..) | Self::Talk(_) | Self::Request(_) => 96,
            Self::Tpdu(..) if is_addressed => 95,
            Self::Tpdu(_, tpdu) if tpdu.has_header || tpdu.has_octets() => 60,
            Self::Tpdu(..) => 40,
            Self::UserData(_) if is_addressed => 85,
            Self::UserData(_) => 0,
        }
    }

    /// Returns what kind of PDU it is, in a word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Tpdu(_, tpdu) => match tpdu.kind {
                Kind::Submit { .. } => "SUBMIT",
                Kind::Deliver { .. } => "DELIVER",
            },
            Self::UserData(_) => "user data",
            Self::Smpp(smpp::Carrier::SubmitSm, _) => "submit_sm",
            Self::Smpp(smpp::Carrier::DeliverSm, message) if Receipt::read(message).is_some() => "receipt",
            Self::Smpp(smpp::Carrier::DeliverSm, _) => "deliver_sm",
            Self::Smpp(smpp::Carrier::DataSm, _) => "data_sm",
            Self::Talk(pdu) => pdu.name(),
            Self::Request(_) => "request",
        }
    }

    /// Returns whom it is to or from.
    pub(super) fn address(&self) -> Option<String> {
        match self {
            Self::Tpdu(_, tpdu) => {
                let preposition = if matches!(tpdu.kind, Kind::Submit { .. }) { "to" } else { "from" };
                Some(format!("{preposition} {}", tpdu.address))
            }
            Self::Smpp(carrier, message) => {
                let plus = |address: &smpp::SmeAddress| {
                    format!("{}{}", if address.ton == 1 { "+" } else { "" }, crate::document::shorten(&address.address))
                };
                let is_from = *carrier == smpp::Carrier::DeliverSm;
                let (preposition, address) =
                    if is_from { ("from", &message.source) } else { ("to", &message.destination) };
                (!address.address.is_empty()).then(|| format!("{preposition} {}", plus(address)))
            }
            Self::Request(request) => request.to.as_ref().map(|to| format!("to {}", crate::document::shorten(to))),
            Self::UserData(_) | Self::Talk(_) => None,
        }
    }

    /// Returns the coding, in words.
    pub(super) fn coding(&self) -> Option<String> {
        match self {
            Self::Tpdu(_, tpdu) => Some(format!("coding {:02X}", tpdu.coding)),
            Self::Smpp(_, message) => Some(format!("data_coding {:02X}", message.data_coding)),
            _ => None,
        }
    }

    /// Returns what else there is to know.
    pub(super) fn details(&self) -> Vec<String> {
        match self {
            Self::Tpdu(centre, tpdu) => {
                let centre = match centre {
                    Some(Some(centre)) => Some(format!("centre {centre}")),
                    Some(None) => Some("the modem's own centre".to_owned()),
                    None => None,
                };
                let time = match tpdu.kind {
                    Kind::Submit { validity, .. } => validity_in_words(validity),
                    Kind::Deliver { time, .. } => {
                        CentreTime::read(time).map_or_else(|| "no valid time".to_owned(), |time| time.to_string())
                    }
                };
                centre.into_iter().chain([time]).collect()
            }
            Self::Smpp(_, message) => smpp_details(message),
            Self::Talk(pdu) if pdu.status.is_ok() => Vec::new(),
            Self::Talk(pdu) => vec![format!("status 0x{:02X}: {}", pdu.status.0, pdu.status.meaning())],
            Self::Request(request) => request.details(),
            Self::UserData(_) => Vec::new(),
        }
    }
}

fn smpp_details(message: &ShortMessage) -> Vec<String> {
    let shorten = crate::document::shorten;
    if let Some(receipt) = Receipt::read(message) {
        let state = receipt.state.map_or("no known state", smpp::MessageState::word);
        let error =
            if receipt.error.is_empty() { String::new() } else { format!(", error {}", shorten(&receipt.error)) };
        return vec![format!("{state} of {}{error}", shorten(&receipt.message_id))];
    }
    let esm = format!("esm_class {:02X}", message.esm_class);
    let validity = Some(&message.validity_period).filter(|text| !text.is_empty());
    [Some(esm), validity.map(|text| format!("valid {}", shorten(text)))].into_iter().flatten().collect()
}

fn validity_in_words(validity: Validity) -> String {
    match (validity, validity.as_minutes()) {
        (Validity::Unsaid, _) => "no validity period".to_owned(),
        (_, Some(minutes)) if minutes % (24 * 60) == 0 => format!("valid {} d", minutes / (24 * 60)),
        (_, Some(minutes)) if minutes % 60 == 0 => format!("valid {} h", minutes / 60),
        (_, Some(minutes)) => format!("valid {minutes} min"),
        (Validity::Until(octets), _) => {
            let time = CentreTime::read(octets);
            time.map_or_else(|| "no valid expiry".to_owned(), |time| format!("valid until {time}"))
        }
        (_, None) => "enhanced validity period".to_owned(),
    }
}
