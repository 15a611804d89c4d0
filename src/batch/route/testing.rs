//! What tests of routes share: messages and paces.

use super::{Body, Message, Pace, Parts, Receipt};
use crate::batch::store::DueRow;
use crate::cp::mac::{Key, Pin, Security};
use crate::delivery::Outgoing;
use crate::delivery::wdp::{self, Ports, Reference};

/// A pace that lets so many messages through and counts how often it was told to be slower.
#[derive(Debug, Default)]
pub(super) struct Allow {
    left: usize,
    pub(super) throttled: usize,
    pub(super) kept: Vec<Receipt>,
}

impl Allow {
    pub(super) fn all() -> Self {
        Self::messages(usize::MAX)
    }

    pub(super) fn messages(left: usize) -> Self {
        Self { left, ..Self::default() }
    }
}

impl Pace for Allow {
    fn take(&mut self, _sms: u32) -> bool {
        self.left = self.left.wrapping_sub(1);
        self.left != usize::MAX
    }

    fn throttled(&mut self) {
        self.throttled += 1;
    }

    fn keep(&mut self, receipts: &[Receipt]) -> bool {
        self.kept.extend_from_slice(receipts);
        true
    }
}

fn row(msisdn: u64) -> DueRow {
    DueRow {
        msisdn,
        place: 1,
        attempts: 0,
        free: 0,
        zone: None,
        setup: 1,
        key: [0; 32],
        document: [0; 32],
        expires: None,
        cells: String::new(),
    }
}

/// A message as a line that says no more than its `ref`.
pub(super) fn line(reference: &str) -> Message {
    let body = Body::Line(format!("{{\"ref\":\"{reference}\"}}\n").into_bytes());
    Message { row: row(46_700_000_001), sms: 1, body, pin: None, imsi: None }
}

/// A message of so many octets of document, sealed by the PIN 1234, in its pieces.
pub(super) fn pieces(key: &str, octets: usize) -> Message {
    let document: Vec<u8> = (0..octets).map(|place| place as u8).collect();
    let secret = Key::new(Security::UserPin, Some(&Pin::read("1234").unwrap()), None).unwrap();
    let mut outgoing = Outgoing::new();
    outgoing.seal(1, &document, Some((Security::UserPin, &secret)));
    let push = outgoing.push().to_vec();
    let segments: Vec<Vec<u8>> = wdp::split(&push, Ports::default(), Reference::Short(7))
        .map(|segment| {
            let mut octets = Vec::new();
            segment.write(&mut octets);
            octets
        })
        .collect();
    let seal = Some((Security::UserPin, secret.mac(&document)));
    let sms = segments.len() as u32;
    let body = Body::Parts(Box::new(Parts { key: key.to_owned(), document, seal, push, segments }));
    Message { row: row(46_700_000_001), sms, body, pin: None, imsi: None }
}
