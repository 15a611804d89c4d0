//! SMPP: PDUs against those of others, receipts, forms.

use impskit::delivery::smpp::{
    self, Body, Carrier, Form, MessageState, Pdu, Receipt, ShortMessage, SmeAddress, Tlv, tag,
};
use impskit::delivery::wdp::{Joined, Ports, Reassembly, Reference, split};

use crate::delivery::{rows, unhex};
use crate::readers::targets;

/// What Kannel sent: push, segment, PDU.
const SUBMITTED: &str = include_str!("../samples/cp/submit_sm.tsv");
/// What a route and a centre of others said to each other: who, command, octets, and what Wireshark reads there.
const SESSION: &str = include_str!("../samples/peers/smpp.tsv");
const PUSHES: &str = include_str!("../samples/cp/push.tsv");

fn message(pdu: &Pdu) -> &ShortMessage {
    match &pdu.body {
        Body::Message(_, message) => message,
        other => panic!("{other:?}"),
    }
}

/// A push of the table of pushes; v3 was given to Kannel as a PDU whose push is its first row with that method.
fn push_named(name: &str) -> Option<Vec<u8>> {
    rows(PUSHES).find(|row| row[0] == name).map(|row| unhex(row[2]))
}

/// Each PDU that Kannel sent is read, is written with the same octets, and follows from the push.
#[test]
fn submit_sm_as_kannel_sends_it() {
    let mut compared = 0;
    for row in rows(SUBMITTED) {
        let octets = unhex(row[2]);
        let (pdu, length) = smpp::read(&octets).expect("a PDU");
        assert_eq!((length, pdu.name()), (octets.len(), "submit_sm"));
        let mut again = Vec::new();
        pdu.write(&mut again).expect("a PDU");
        assert_eq!(again, octets, "{row:?}");
        let Some(push) = push_named(row[0]) else { continue };
        let (place, _) = row[1].split_once('/').expect("a place");
        let place: usize = place.parse().expect("a number");
        let segment = message(&pdu).segment().expect("a segment");
        let (ports, part) = (segment.ports.expect("ports"), segment.concatenation.expect("a part"));
        let segments: Vec<Vec<u8>> = split(&push, ports, part.reference)
            .map(|segment| {
                let mut octets = Vec::new();
                segment.write(&mut octets);
                octets
            })
            .collect();
        let template = ShortMessage {
            source: SmeAddress::read_text("IMSetup").expect("a word"),
            destination: SmeAddress::international("358401234567"),
            esm_class: 3,
            data_coding: 4,
            ..ShortMessage::default()
        };
        let mut ours = template.carrying(&push, &segments, Form::Udh).expect("messages").remove(place - 1);
        // Kannel says of all but the last that more come; some centres refuse optional parameters, so we do not.
        ours.tlvs.extend((place < segments.len()).then_some(Tlv::octet(tag::MORE_MESSAGES_TO_SEND, 1)));
        let ours = Pdu::request(pdu.sequence, Body::Message(Carrier::SubmitSm, Box::new(ours)));
        let mut written = Vec::new();
        ours.write(&mut written).expect("a PDU");
        assert_eq!(written, octets, "{row:?}");
        compared += 1;
    }
    assert_eq!(compared, 9);
}

/// Three forms say the same: what is joined from them is the push.
#[test]
fn every_form_carries_the_push() {
    let push = push_named("v2-netwpin-whole").expect("a row");
    let ports = Ports { destination: 2948, source: 9200 };
    let segments: Vec<Vec<u8>> = split(&push, ports, Reference::Short(0x2A))
        .map(|segment| {
            let mut octets = Vec::new();
            segment.write(&mut octets);
            octets
        })
        .collect();
    let template = ShortMessage { esm_class: 0x43, ..ShortMessage::default() };
    for (form, count, esm_class) in [(Form::Udh, 5, 0x43), (Form::Sar, 5, 0x03), (Form::Payload, 1, 0x03)] {
        let messages = template.carrying(&push, &segments, form).expect("messages");
        assert_eq!(messages.len(), count, "{form:?}");
        let mut reassembly = Reassembly::new();
        let mut whole = None;
        for message in messages.iter().rev() {
            assert_eq!(message.esm_class, esm_class);
            let segment = message.segment().expect("a segment");
            assert_eq!(segment.ports, Some(ports));
            if let Joined::Whole(octets) = reassembly.add(b"x", &segment) {
                whole = Some(octets);
            }
        }
        assert_eq!(whole.as_deref(), Some(push.as_slice()), "{form:?}");
    }
    // One SMS: no sar parameters, only ports.
    let single = [vec![6, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 0xAA]];
    let messages = template.carrying(&[0xAA], &single, Form::Sar).expect("a message");
    assert_eq!(messages[0].tlv(tag::DESTINATION_PORT), Some(&[0x0B, 0x84][..]));
    assert_eq!((messages[0].tlv(tag::SAR_TOTAL_SEGMENTS), messages[0].short_message.as_slice()), (None, &[0xAA][..]));
    assert!(template.carrying(&[0xAA], &[vec![0, 0xAA]], Form::Sar).is_err(), "no ports");
}

/// Returns what Wireshark's columns of [`SESSION`] have: sequence number, destination, ports, part and parts.
fn columns(pdu: &Pdu) -> [String; 4] {
    let mut columns = [pdu.sequence.to_string(), String::new(), String::new(), String::new()];
    let Body::Message(carrier, message) = &pdu.body else { return columns };
    columns[1].clone_from(&message.destination.address);
    if *carrier == Carrier::SubmitSm {
        let segment = message.segment().expect("a segment");
        let ports = segment.ports.expect("ports");
        columns[2] = format!("{} {}", ports.source, ports.destination);
        columns[3] = segment.concatenation.map(|part| format!("{} {}", part.sequence, part.total)).unwrap_or_default();
    }
    columns
}

/// Both sides of the session are read as Wireshark reads them, and written with the same octets.
#[test]
fn a_session_with_a_centre_of_others() {
    let (mut ours, mut receipts) = (Vec::new(), Vec::new());
    for row in rows(SESSION) {
        let [from, command, octets, expected @ ..] = &row[..] else { panic!("{row:?}") };
        let octets = unhex(octets);
        let (pdu, _) = smpp::read(&octets).unwrap_or_else(|fault| panic!("{row:?}: {fault}"));
        assert_eq!(pdu.name(), *command);
        let mut again = Vec::new();
        pdu.write(&mut again).expect("a PDU");
        assert_eq!(again, octets, "{row:?}");
        assert_eq!(columns(&pdu), expected, "{row:?}");
        ours.extend((*from == "impskit").then_some(*command));
        if let Body::Message(Carrier::DeliverSm, message) = &pdu.body {
            receipts.push(Receipt::read(message).expect("a receipt"));
        }
    }
    ours.sort_unstable();
    ours.dedup();
    assert_eq!(
        ours,
        ["bind_transceiver", "deliver_sm_resp", "enquire_link", "enquire_link_resp", "submit_sm", "unbind"]
    );
    let states: Vec<_> = receipts.iter().map(|receipt| receipt.state).collect();
    assert!(states.contains(&Some(MessageState::Delivered)) && states.contains(&Some(MessageState::Undeliverable)));
}

/// No octet of a PDU can be another and do harm, nor can one be missing.
#[test]
fn damaged_pdus_end_with_a_pdu_or_a_fault() {
    for row in rows(SUBMITTED).chain(rows(SESSION)) {
        let whole = unhex(row[2]);
        for place in 0..whole.len() {
            for octet in [0, 1, 0x40, 0x7F, 0x80, 0xFF] {
                let mut damaged = whole.clone();
                damaged[place] = octet;
                targets::smpp(&damaged);
            }
            // The length says what is there, so that the fields themselves are cut.
            let mut cut = whole[..place].to_vec();
            targets::smpp(&cut);
            if let Some(length) = cut.first_chunk_mut::<4>() {
                *length = (place as u32).to_be_bytes();
                targets::smpp(&cut);
            }
        }
    }
}
