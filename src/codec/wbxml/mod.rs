//! WAP binary XML 1.0 to 1.3: header, global tokens, and what both directions share.

mod attributes;
mod header;
mod items;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;
pub(crate) use write::{SLOT, slot_number};
pub use write::{Segments, WbxmlStyle};

/// SWITCH_PAGE: the next octet is a code page.
pub(super) const SWITCH_PAGE: u8 = 0x00;
/// END of an element's content or of its attributes.
pub(super) const END: u8 = 0x01;
/// ENTITY: a character by its code point.
pub(super) const ENTITY: u8 = 0x02;
/// STR_I: inline text up to its zero.
pub(super) const STR_I: u8 = 0x03;
/// LITERAL: a name by its place in the string table.
pub(super) const LITERAL: u8 = 0x04;
/// EXT_I_0: the first of three extensions with inline text.
pub(super) const EXT_I_0: u8 = 0x40;
/// PI: a processing instruction.
pub(super) const PI: u8 = 0x43;
/// EXT_T_0: the first of three extensions with a number.
pub(super) const EXT_T_0: u8 = 0x80;
/// STR_T: text by its place in the string table.
pub(super) const STR_T: u8 = 0x83;
/// LITERAL_A: an element with attributes by its place in the string table.
pub(super) const LITERAL_A: u8 = HAS_ATTRIBUTES | LITERAL;
/// EXT_0: the first of three extensions of one octet.
pub(super) const EXT_0: u8 = 0xC0;
/// OPAQUE: octets with their length.
pub(super) const OPAQUE: u8 = 0xC3;
/// The bit of a tag with content.
pub(super) const HAS_CONTENT: u8 = 0x40;
/// The bit of a tag with attributes.
pub(super) const HAS_ATTRIBUTES: u8 = 0x80;

/// Character sets that are read, as IANA MIBenum.
pub(super) mod charset {
    pub(in crate::codec) const UNKNOWN: u32 = 0;
    pub(in crate::codec) const US_ASCII: u32 = 3;
    pub(in crate::codec) const ISO_8859_1: u32 = 4;
    pub(in crate::codec) const UTF_8: u32 = 106;
    pub(in crate::codec) const UCS_2: u32 = 1000;
}

/// Writes a number as multi-byte integer: 7 bits an octet, most significant first, high bit on all but the last.
pub(super) fn write_multi_byte(number: u32, octets: &mut Vec<u8>) {
    let begun = [28, 21, 14, 7].into_iter().map(|shift| number >> shift).filter(|rest| *rest > 0);
    octets.extend(begun.map(|rest| rest as u8 | 0x80));
    octets.push(number as u8 & 0x7F);
}

/// Reads a multi-byte integer from the front of `octets`: the number and how many octets it takes.
/// `None` where it breaks off, is longer than five octets, or is over 32 bits.
pub(crate) fn read_multi_byte(octets: &[u8]) -> Option<(u32, usize)> {
    let mut number = 0_u64;
    for (i, octet) in octets.iter().take(5).enumerate() {
        number = number << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return u32::try_from(number).ok().map(|number| (number, i + 1));
        }
    }
    None
}

/// Returns the octets of an unsigned number as OPAQUE carries it: big endian, no leading zero octets, at least one.
pub(super) fn integer_octets(number: &[u8; 4]) -> &[u8] {
    let first = number.iter().position(|&b| b != 0).unwrap_or(3);
    &number[first..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_both_ways() {
        for (number, octets) in [(0, &[0x00][..]), (0x7F, &[0x7F]), (0xA4, &[0x81, 0x24]), (0x1201, &[0xA4, 0x01])] {
            let mut written = Vec::new();
            write_multi_byte(number, &mut written);
            assert_eq!(written, octets);
            assert_eq!(read_multi_byte(octets), Some((number, octets.len())));
        }
        assert_eq!(read_multi_byte(&[0x8F, 0xFF, 0xFF, 0xFF, 0x7F]), Some((u32::MAX, 5)));
        assert_eq!(read_multi_byte(&[0x90, 0x80, 0x80, 0x80, 0x00]), None, "33 bits");
        assert_eq!(read_multi_byte(&[0x80, 0x80]), None, "breaks off");
        assert_eq!(integer_octets(&0_u32.to_be_bytes()), [0]);
        assert_eq!(integer_octets(&401_u32.to_be_bytes()), [1, 0x91]);
    }
}
