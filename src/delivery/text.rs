//! Text in one short message for a port: a user data header with the ports, and characters of the 7-bit default alphabet
//! (3GPP 23.038, "GSM 7 bit Default Alphabet"; 23.040, "Application Port Addressing").
//!
//! The header with ports takes seven octets, which are eight characters: the text behind it needs no fill bits.

use super::sms::{Address, Kind, Tpdu};
use super::wdp::{Ports, Segment};

/// Characters of a short message: 140 octets of 8 bits are 160 of 7.
const MOST: usize = 160;
/// Characters that the header takes.
const HEADER: usize = 8;

/// Returns whether a text is of one short message, of characters that have the same number in ASCII and in the default
/// alphabet: they arrive whoever packs them.
pub fn is_plain(text: &str) -> bool {
    let is_common = |c: u8| c.is_ascii_alphanumeric() || b" !\"#%&'()*+,-./:;<=>?".contains(&c);
    text.len() <= MOST - HEADER && text.bytes().all(is_common)
}

/// Returns header and text, one octet a character: for gateways that pack themselves.
pub fn unpacked(ports: Ports, text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(7 + text.len());
    Segment { ports: Some(ports), concatenation: None, data: text.as_bytes() }.write(&mut octets);
    octets
}

/// Writes the TPDU that takes a plain text to a handset; the default alphabet has the coding 0.
pub fn write_submit(address: Address, ports: Ports, text: &str, out: &mut Vec<u8>) {
    let mut octets = unpacked(ports, "");
    octets.extend(pack(text.as_bytes()));
    let tpdu =
        Tpdu { coding: 0, length: (HEADER + text.len()).min(MOST) as u8, ..Tpdu::new(Kind::SUBMIT, address, &octets) };
    tpdu.write(out);
}

/// Packs characters of seven bits, the first into the lowest bits.
fn pack(characters: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; (characters.len() * 7).div_ceil(8)];
    for (place, character) in characters.iter().enumerate() {
        let (octet, shift) = (place * 7 / 8, place * 7 % 8);
        let bits = u16::from(character & 0x7F) << shift;
        octets[octet] |= bits as u8;
        if bits > 0xFF {
            octets[octet + 1] |= (bits >> 8) as u8;
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_as_tutorials_do() {
        assert_eq!(pack(b"hellohello"), [0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]);
        assert_eq!(pack(b""), [0; 0]);
    }

    #[test]
    fn texts_that_gateways_might_spoil_are_not_plain() {
        assert!(is_plain("WVCI 1.3 a1b2c3") && is_plain(&"x".repeat(152)));
        for text in ["a_b", "a@b", "a$b", "a[b", "a~b", "a^b", "ü", "a\r", &"x".repeat(153)] {
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_for_a_port_is_one_short_message() {
        let address = Address::read_text("+358401234567").expect("a number");
        let ports = Ports { destination: 3716, source: 3716 };
        let mut out = Vec::new();
        write_submit(address, ports, "WVCI 1.3 a1b2c3", &mut out);
        // From a stream of bits that a script of its own wrote; Wireshark 4.0.17 reads number, ports and text from it.
        let expected = "51000C915348103254760000A7170605040E840E8457EB30098AB966A0704C2C1BCF00";
        assert_eq!(out.iter().map(|octet| format!("{octet:02X}")).collect::<String>(), expected);
        let tpdu = Tpdu::read(&out).expect("a TPDU");
        assert_eq!((tpdu.coding, tpdu.length, tpdu.has_header), (0, 23, true));
    }
}
