//! A message in the form that its route takes: a line of JSON, or its pieces. For campaigns and for what is sent alone.

use super::route::{Part, Parts};
use crate::codec::{self, Limits};
use crate::cp;
use crate::delivery::sms::Address;
use crate::delivery::wdp::{self, Ports, Reference};
use crate::diagnose::Report;
use crate::document::{UPPER_HEX, put_hex};
use crate::error::Result;

/// What every form says first of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'k> {
    /// The same message has the same.
    pub(super) key: &'k [u8; 32],
    /// The number.
    pub(super) msisdn: u64,
    /// Which attempt it is, from 1.
    pub(super) attempt: u32,
}

impl Name<'_> {
    /// Returns the number as TPDUs bear it.
    ///
    /// # Errors
    ///
    /// Fails where it has more digits than they hold.
    pub(super) fn address(&self) -> Result<Address> {
        Address::read_text(&format!("+{}", self.msisdn))
    }

    /// Returns the message as a line of JSON, `impskit.message/1`, with the wanted parts that it has.
    pub(super) fn line<'p>(
        &self,
        wanted: &[Part],
        document: Option<&[u8]>,
        push: Option<&[u8]>,
        pdus: impl Iterator<Item = &'p [u8]>,
    ) -> Vec<u8> {
        let wants = |part: Part| wanted.contains(&part);
        let mut line = Vec::with_capacity(512 + 6 * push.map_or(0, <[u8]>::len));
        line.extend_from_slice(b"{\"schema\":\"impskit.message/1\",\"ref\":\"");
        put_hex(self.key, UPPER_HEX, &mut line);
        let head = format!("\",\"msisdn\":\"{}\",\"attempt\":{},\"form\":\"sms\"", self.msisdn, self.attempt);
        line.extend_from_slice(head.as_bytes());
        if let Some(push) = push.filter(|_| wants(Part::Push)) {
            put_member("push", push, &mut line);
        }
        if wants(Part::Pdus) {
            line.extend_from_slice(b",\"pdus\":[");
            for (place, pdu) in pdus.enumerate() {
                line.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
                put_hex(pdu, UPPER_HEX, &mut line);
                line.push(b'"');
            }
            line.push(b']');
        }
        if let Some(document) = document.filter(|_| wants(Part::Document)) {
            put_member("document", document, &mut line);
        }
        if let Some(document) = document.filter(|_| wants(Part::Xml)) {
            line.extend_from_slice(b",\"xml\":");
            line.extend_from_slice(xml(document).as_bytes());
        }
        line.extend_from_slice(b"}\n");
        line
    }

    /// Returns the pieces of a message without a document.
    pub(super) fn parts(&self, push: &[u8], segments: Vec<Vec<u8>>) -> Parts {
        let mut hex = Vec::with_capacity(64);
        put_hex(self.key, UPPER_HEX, &mut hex);
        let key = String::from_utf8_lossy(&hex).into_owned();
        Parts { key, document: Vec::new(), seal: None, push: push.to_vec(), segments }
    }
}

/// Cuts octets for a port into the user data of short messages.
pub(super) fn segments(octets: &[u8], ports: Ports, reference: Reference) -> Vec<Vec<u8>> {
    let segments = wdp::split(octets, ports, reference).map(|segment| {
        let mut octets = Vec::with_capacity(140);
        segment.write(&mut octets);
        octets
    });
    segments.collect()
}

fn put_member(name: &str, octets: &[u8], line: &mut Vec<u8>) {
    line.extend_from_slice(format!(",\"{name}\":\"").as_bytes());
    put_hex(octets, UPPER_HEX, line);
    line.push(b'"');
}

/// Returns the document in XML, as a JSON string.
fn xml(document: &[u8]) -> String {
    let read = codec::read(document, &[&cp::VOCABULARY], &Limits::default(), &mut Report::new());
    let text = read.map(|read| codec::write_xml(&read.root, Some(&cp::VOCABULARY), false)).unwrap_or_default();
    serde_json::Value::from(String::from_utf8_lossy(&text)).to_string()
}
