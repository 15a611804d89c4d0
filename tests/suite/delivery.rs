//! MACs, pushes, segments and SMS against vectors that other programs made; hostile octets and hostile parts.

use std::collections::BTreeMap;

use impskit::cp::mac::{Imsi, Key, Mac, Pin, Security};
use impskit::delivery::sms::{Address, CentreTime, Kind, Tpdu};
use impskit::delivery::wdp::{Concatenation, Joined, Ports, Reassembly, Reference, Segment};
use impskit::delivery::wsp::Push;
use impskit::delivery::{Bearing, Outgoing};
use impskit::diagnose::Report;

const MACS: &str = include_str!("../samples/cp/macs.tsv");
const PUSHES: &str = include_str!("../samples/cp/push.tsv");
const SMS: &str = include_str!("../samples/cp/sms.tsv");

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.trim().chars().map(|c| c.to_digit(16).expect("hexadecimal") as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().skip(1).filter(|row| !row.is_empty()).map(|row| row.split('\t').collect())
}

fn document(name: &str, style: &str) -> Vec<u8> {
    let path = format!("{}/tests/samples/cp/{name}.{style}.wbxml.hex", env!("CARGO_MANIFEST_DIR"));
    unhex(&std::fs::read_to_string(path).expect("a sample"))
}

fn push_named(name: &str) -> Vec<u8> {
    unhex(rows(PUSHES).find(|row| row[0] == name).expect("a row")[2])
}

#[test]
fn macs_are_those_of_openssl() {
    for row in rows(MACS) {
        let [name, style, sec, imsi, pin, _, mac, digits] = row[..] else { panic!("{row:?}") };
        let security = Security::from_number(sec.parse().expect("a number")).expect("a method");
        let pin = (!pin.is_empty()).then(|| Pin::read(pin).expect("a PIN"));
        let imsi = (!imsi.is_empty()).then(|| Imsi::read(imsi).expect("an IMSI"));
        let key = Key::new(security, pin.as_ref(), imsi.as_ref()).expect("a key");
        let body = document(name, style);
        assert_eq!(key.mac(&body).to_string(), mac, "{row:?}");
        assert!(key.verifies(&body, &Mac::from_hex(mac.as_bytes()).expect("a MAC")));
        if let (Security::UserPinMac, Some(pin)) = (security, &pin) {
            assert_eq!(key.mac(&body).digits_to_type(pin).as_str(), digits, "{row:?}");
        }
    }
}

/// The document of the client whose test it is says 0000; its MAC stands in a test of that client.
#[test]
fn the_mac_of_a_real_client() {
    let Some(corpus) = std::env::var_os("IMPSKIT_CORPUS") else { return };
    let path = std::path::Path::new(&corpus).join("wbxml/gecko-cht-codepage.prov.wbxml");
    let pin = Pin::read("0000").expect("a PIN");
    let key = Key::new(Security::UserPin, Some(&pin), None).expect("a key");
    let body = std::fs::read(path).expect("a file of the corpus");
    assert_eq!(key.mac(&body).to_string(), "AA2DC41FC48AEEF3FED7351B1EE704461A8894D4");
}

#[test]
fn pushes_both_ways() {
    let names = [("v1", "v1-min", "safe"), ("v2-netwpin-whole", "v2-full", "whole-value"), ("v2", "v2-full", "safe")];
    let mut outgoing = Outgoing::new();
    for row in rows(PUSHES) {
        let octets = unhex(row[2]);
        assert_eq!(octets.len().to_string(), row[1]);
        let mut report = Report::new();
        let push = Push::read(&octets, &mut report).expect("a push");
        assert!(report.diagnostics().is_empty(), "{report:?}");
        let (_, name, style) =
            names.iter().find(|(start, ..)| row[0].starts_with(start)).unwrap_or(&("", "v3-utf8", "safe"));
        assert_eq!(push.body, document(name, style), "{}", row[0]);
        let security = push.security();
        let expected = ["usernetwpin", "userpinmac", "userpin", "netwpin"].into_iter().find(|n| row[0].contains(n));
        assert_eq!(security.map(|s| s.name().to_lowercase()).as_deref(), expected, "{}", row[0]);
        // The key is that of the row with this MAC; USERPINMAC carries none, and any key will do.
        let mac = push.mac.map(String::from_utf8_lossy);
        let key = rows(MACS).find(|row| mac.as_deref().is_none_or(|mac| row[6] == mac)).expect("a row")[5];
        let key = Key::from_parts(&[&unhex(key)]).expect("a key");
        outgoing.seal(1, push.body, security.map(|security| (security, &key)));
        assert_eq!(outgoing.push(), octets, "{}", row[0]);
    }
}

#[test]
fn other_forms_of_push_headers() {
    // Text media type with untyped parameters; a header by name, a shifted page, an application id; value lengths long.
    let mut media = b"application/vnd.wap.connectivity-wbxml\0SEC\0\x81MAC\0".to_vec();
    media.extend_from_slice(&[b'A'; 40]);
    media.extend_from_slice(b"\0\x80\x8A\x01\x81\x02\x03\xE8");
    let mut head = vec![0x1F, media.len() as u8];
    head.extend_from_slice(&media);
    head.extend_from_slice(b"\xAF\x80X-Wap-Other\0text\0\x7F\x02\x05\x8D\x02\x12\x34");
    let mut octets = vec![0x33, 0x06, 0x80 | (head.len() >> 7) as u8, (head.len() & 0x7F) as u8];
    octets.extend_from_slice(&head);
    octets.extend_from_slice(&[3, 0x0B, 0x6A, 0]);
    let mut report = Report::new();
    let push = Push::read(&octets, &mut report).expect("a push");
    assert!(push.media.is_provisioning() && report.diagnostics().is_empty());
    assert_eq!((push.sec, push.mac), (Some(1), Some(&[b'A'; 40][..])));
    assert_eq!((push.application.as_deref(), push.body), (Some("0"), &[3, 0x0B, 0x6A, 0][..]));
}

/// The rows of one push with one width of reference.
fn sets() -> BTreeMap<(&'static str, &'static str), Vec<Vec<&'static str>>> {
    let mut sets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows(SMS) {
        sets.entry((row[0], row[1])).or_default().push(row);
    }
    sets
}

fn reference_of(user_data: &str) -> Reference {
    let segment = unhex(user_data);
    let segment = Segment::read(&segment).expect("user data");
    segment.concatenation.map_or(Reference::Short(0), |part| part.reference)
}

#[test]
fn sms_octet_for_octet() {
    let handset = Address::read_text("+358401234567").expect("a number");
    let sender = Address::read_text("+358501112222").expect("a number");
    let time = CentreTime { fields: [26, 11, 23, 12, 0, 0], quarters: 0 }.octets();
    for ((name, _), rows) in sets() {
        let octets = push_named(name);
        let kinds = [(&handset, Kind::SUBMIT, 5), (&sender, Kind::Deliver { more: true, receipt: false, time }, 6)];
        for (address, kind, column) in kinds {
            let mut outgoing = Outgoing::new();
            outgoing.adopt(&octets);
            let reference = reference_of(rows[0][4]);
            let bearing = Bearing { address, kind, reference, ports: Ports::default(), centre: None };
            outgoing.split(&bearing).expect("few segments");
            assert_eq!(outgoing.push(), octets);
            let expected: Vec<Vec<u8>> = rows.iter().map(|row| unhex(row[column])).collect();
            assert!(outgoing.pdus().eq(expected.iter().map(Vec::as_slice)), "{name} column {column}");
        }
    }
}

/// The fast way makes the same PDUs from the document and the key.
#[test]
fn sealing_and_splitting_in_one_go() {
    let mut outgoing = Outgoing::new();
    let handset = Address::read_text("+358401234567").expect("a number");
    for _ in 0..2 {
        let pin = Pin::read("1234").expect("a PIN");
        let key = Key::new(Security::UserPin, Some(&pin), None).expect("a key");
        outgoing.seal(1, &document("v1-min", "safe"), Some((Security::UserPin, &key)));
        assert_eq!(outgoing.push(), push_named("v1-userpin"));
        let reference = Reference::Short(0x2A);
        let (ports, kind) = (Ports::default(), Kind::SUBMIT);
        let bearing = Bearing { address: &handset, kind, reference, ports, centre: Some(None) };
        outgoing.split(&bearing).expect("few segments");
        let rows = &sets()[&("v1-userpin", "8")];
        let expected: Vec<Vec<u8>> = rows.iter().map(|row| unhex(&format!("00{}", row[5]))).collect();
        assert!(outgoing.pdus().eq(expected.iter().map(Vec::as_slice)));
        // The buffers are used again.
        outgoing.seal(9, b"", None);
        assert_eq!((outgoing.push(), outgoing.pdus().len()), (&[9, 6, 1, 0xB6][..], 0));
    }
    outgoing.seal(1, &[0; 40_000], None);
    let reference = Reference::Long(1);
    let bearing = Bearing { address: &handset, kind: Kind::SUBMIT, reference, ports: Ports::default(), centre: None };
    assert!(outgoing.split(&bearing).is_err(), "315 segments");
}

/// A word as sender, a zone behind UTC, a 16-bit reference and other ports: Wireshark 4.0.17 reads these fields from
/// the PDUs, joins them and shows SEC and MAC; the MAC is that of OpenSSL.
#[test]
fn a_set_that_wireshark_reads() {
    let (pin, imsi) = (Pin::read("0042").expect("a PIN"), Imsi::read("00101012345678").expect("an IMSI"));
    let key = Key::new(Security::UserNetwPin, Some(&pin), Some(&imsi)).expect("a key");
    let mut outgoing = Outgoing::new();
    outgoing.seal(0x77, &document("v3-utf8", "safe"), Some((Security::UserNetwPin, &key)));
    let time = CentreTime { fields: [26, 2, 28, 23, 59, 58], quarters: -14 }.octets();
    let bearing = Bearing {
        address: &Address::read_text("ACME Mobile").expect("a word"),
        kind: Kind::Deliver { more: true, receipt: true, time },
        reference: Reference::Long(0xBEEF),
        ports: Ports { destination: 2948, source: 2948 },
        centre: None,
    };
    outgoing.split(&bearing).expect("two segments");
    let head =
        "6014D0C161B3086ABEC569761900F56220823295854 98C0C05040B840B840804BEEF020177062F1F2DB6918292".replace(' ', "");
    let first = outgoing.pdus().next().expect("a PDU");
    assert!(first.starts_with(&unhex(&head)), "{first:02X?}");
    assert!(first.windows(40).any(|w| w == b"F6383B947039B974BB633BFFF29622327A04DDD3"));
    let last = outgoing.pdus().last().expect("a PDU");
    assert_eq!((outgoing.pdus().len(), last[0], last.len()), (2, 0x64, 0x5B + 23));
}

#[test]
fn parts_are_joined_in_any_order() {
    for ((name, width), rows) in sets() {
        let mut reassembly = Reassembly::new();
        let mut whole = None;
        // Last part first, and each of them twice.
        for row in rows.iter().rev() {
            let octets = unhex(row[6]);
            let tpdu = Tpdu::read(&octets).expect("a TPDU");
            let mut again = Vec::new();
            tpdu.write(&mut again);
            assert_eq!(again, octets, "{name} {width}");
            assert!(tpdu.has_octets() && tpdu.has_header && !tpdu.is_submit());
            let segment = Segment::read(tpdu.user_data).expect("user data");
            assert_eq!(segment.ports, Some(Ports::default()));
            for _ in 0..2 {
                if let Joined::Whole(octets) = reassembly.add(tpdu.address.as_octets(), &segment) {
                    whole = Some(octets);
                    break;
                }
            }
        }
        assert_eq!(whole, Some(push_named(name)), "{name} {width}");
        assert_eq!(reassembly.incomplete().count(), 0);
    }
}

/// Every vector, cut at every octet, and with every octet changed to 00, FF and one more.
pub(crate) fn mutations(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cuts = (0..octets.len()).map(|end| octets[..end].to_vec());
    let changes = (0..octets.len()).flat_map(move |place| {
        [0x00, 0xFF, octets[place].wrapping_add(1)].into_iter().map(move |octet| {
            let mut changed = octets.to_vec();
            changed[place] = octet;
            changed
        })
    });
    cuts.chain(changes)
}

#[test]
fn hostile_octets_are_refused_or_read() {
    for row in rows(PUSHES) {
        for octets in mutations(&unhex(row[2])) {
            let mut report = Report::new();
            let read = Push::read(&octets, &mut report);
            assert!(read.is_some() || report.has_errors());
        }
    }
    for row in rows(SMS) {
        for column in [5, 6] {
            for octets in mutations(&unhex(row[column])) {
                let Ok(tpdu) = Tpdu::read(&octets) else { continue };
                let mut again = Vec::new();
                tpdu.write(&mut again);
                // What a reader takes it can write, but for bits that it does not keep.
                assert_eq!(again.len(), octets.len());
                let _ = (Segment::read(tpdu.user_data), tpdu.address.to_string());
            }
        }
    }
}

proptest::proptest! {
    /// Whatever parts arrive in whatever order, what is joined is the parts of one message in their order.
    #[test]
    fn parts_never_join_wrongly(
        parts in proptest::collection::vec((0_u8..2, 0_u8..3, 0_u8..4, 0_u8..5, 0_u8..2), 0..200),
    ) {
        let mut reassembly = Reassembly::new();
        for (origin, reference, total, sequence, port) in parts {
            let wide = reference == 2;
            let name = if wide { Reference::Long(1) } else { Reference::Short(reference) };
            let ports = Some(Ports { destination: 2948, source: u16::from(port) });
            // The part says to which message it belongs and which part it is.
            let data = [origin, reference, total, port, sequence];
            let concatenation = Some(Concatenation { reference: name, total, sequence });
            let segment = Segment { ports, concatenation, data: &data };
            if let Joined::Whole(octets) = reassembly.add(&[origin], &segment) {
                let expected: Vec<u8> = (1..=total).flat_map(|part| [origin, reference, total, port, part]).collect();
                proptest::prop_assert_eq!(octets, expected);
            }
        }
    }
}
