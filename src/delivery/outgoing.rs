//! From a document to its TPDUs in one go, into buffers that are used again: MAC, push, segments, SMS.
//!
//! A campaign does this for each handset; nothing here allocates once the buffers have grown.

use sha2::{Digest as _, Sha256};

use super::sms::{Address, Kind, Tpdu, write_centre};
use super::wdp::{self, MOST_PARTS, Ports, Reference, Segment};
use super::wsp::{self, Content};
use crate::cp::mac::{Key, Security};
use crate::diagnose::Report;
use crate::error::{Error, Result};

/// How the segments of a push are carried to one handset.
#[derive(Debug, Clone, Copy)]
pub struct Bearing<'a> {
    /// The handset, or for DELIVER the sender.
    pub address: &'a Address,
    /// SUBMIT or DELIVER; the count of a modem goes up and `more` is set as fits, whatever is said here.
    pub kind: Kind,
    /// What the parts have in common.
    pub reference: Reference,
    /// Where the push goes.
    pub ports: Ports,
    /// `None` for TPDUs alone; else the centre that goes before each of them, `Some(None)` for the modem's own.
    pub centre: Option<Option<&'a Address>>,
}

/// A push and the PDUs that carry it.
#[derive(Debug, Default)]
pub struct Outgoing {
    push: Vec<u8>,
    /// Where the document begins in the push.
    body: usize,
    pdus: Vec<u8>,
    ends: Vec<usize>,
}

impl Outgoing {
    /// Returns empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the push PDU of a document, sealed with a key where a method is given. The PDUs made before are gone.
    pub fn seal(&mut self, transaction: u8, document: &[u8], seal: Option<(Security, &Key)>) {
        self.seal_as(Content::Provisioning, transaction, document, seal);
    }

    /// The same for a document of any kind.
    pub fn seal_as(&mut self, content: Content, transaction: u8, document: &[u8], seal: Option<(Security, &Key)>) {
        self.clear();
        let mac = seal.filter(|(security, _)| security.carries_mac()).map(|(_, key)| key.mac(document));
        wsp::write_prefix(transaction, content, seal.map(|(security, _)| security), mac, &mut self.push);
        self.body = self.push.len();
        self.push.extend_from_slice(document);
    }

    /// Takes a push PDU that was made elsewhere. The PDUs made before are gone.
    pub fn adopt(&mut self, push: &[u8]) {
        self.clear();
        self.push.extend_from_slice(push);
        self.body = wsp::Push::read(push, &mut Report::new()).map_or(0, |push| push.body_span.start as usize);
    }

    fn clear(&mut self) {
        self.push.clear();
        self.pdus.clear();
        self.ends.clear();
    }

    /// Splits the push and adds one PDU a segment to [`Self::pdus`].
    ///
    /// # Errors
    ///
    /// Where the push needs more than 255 segments (SM004).
    pub fn split(&mut self, bearing: &Bearing<'_>) -> Result<()> {
        let count = wdp::segment_count(self.push.len(), bearing.reference);
        if count > MOST_PARTS {
            let what = format!("the push of {} octets takes {count} SMS, more than 255", self.push.len());
            return Err(
                Error::input(what).help("make the document smaller; phones drop messages of more than 5 to 10 parts")
            );
        }
        for (place, segment) in wdp::split(&self.push, bearing.ports, bearing.reference).enumerate() {
            let kind = kind_of_part(bearing.kind, place, count);
            write_pdu(&segment, kind, bearing, &mut self.pdus);
            self.ends.push(self.pdus.len());
        }
        Ok(())
    }

    /// Returns what the parts of the message to a number have in common where nobody says it: the first two octets of
    /// SHA-256 over the number (digits, country code first), U+0000 and the document. So the same row has the same, whoever
    /// sends it, and another document or handset most often another.
    pub fn reference(&self, msisdn: &str) -> [u8; 2] {
        let document = self.push.get(self.body..).unwrap_or_default();
        let hash = Sha256::new().chain_update(msisdn).chain_update([0]).chain_update(document).finalize();
        [hash[0], hash[1]]
    }

    /// Returns the push PDU.
    pub fn push(&self) -> &[u8] {
        &self.push
    }

    /// Returns the PDUs in the order in which they are sent.
    pub fn pdus(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(place, &end)| {
            let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.pdus[start..end]
        })
    }
}

/// Returns how many SMS, with a reference of 8 bits, bring a provisioning document of so many octets that is sealed so.
pub fn sms_count(octets: usize, security: Option<Security>) -> usize {
    wdp::segment_count(octets + wsp::prefix_length(security), Reference::Short(0))
}

/// Returns the most octets of a provisioning document that so many SMS bring, sealed so.
pub fn most_octets(sms: usize, security: Option<Security>) -> usize {
    let room = match sms {
        0 => 0,
        1 => wdp::room(None),
        _ => sms * wdp::room(Some(Reference::Short(0))),
    };
    room.saturating_sub(wsp::prefix_length(security))
}

/// Returns by how many octets a document has to be shorter to take one SMS less; 0 where it takes one.
pub fn spare_octets(octets: usize, security: Option<Security>) -> usize {
    match sms_count(octets, security) {
        0 | 1 => 0,
        sms => octets - most_octets(sms - 1, security),
    }
}

fn kind_of_part(kind: Kind, place: usize, count: usize) -> Kind {
    match kind {
        Kind::Submit { reference, validity, receipt, reject_duplicates } => {
            let reference = reference.wrapping_add(place as u8);
            Kind::Submit { reference, validity, receipt, reject_duplicates }
        }
        Kind::Deliver { receipt, time, .. } => Kind::Deliver { more: place + 1 < count, receipt, time },
    }
}

fn write_pdu(segment: &Segment<'_>, kind: Kind, bearing: &Bearing<'_>, out: &mut Vec<u8>) {
    if let Some(centre) = bearing.centre {
        write_centre(centre, out);
    }
    let mut tpdu = Tpdu::new(kind, *bearing.address, &[]);
    tpdu.length = (segment.header_length() + segment.data.len()) as u8;
    tpdu.write_head(out);
    segment.write(out);
}
