//! Octets as hexadecimal digits, and back.

/// The digits in lower case, as `impskit build` prints them.
pub const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";
/// The digits in upper case, as a MAC is written.
pub const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Returns the two digits of an octet.
pub fn hex_pair(octet: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(octet >> 4)], digits[usize::from(octet & 0x0F)]]
}

/// Appends two digits an octet.
pub fn put_hex(octets: &[u8], digits: &[u8; 16], out: &mut Vec<u8>) {
    out.reserve(octets.len() * 2);
    for octet in octets {
        out.extend_from_slice(&hex_pair(*octet, digits));
    }
}

/// Returns the octets that pairs of digits say, in either case; `None` for anything else.
pub fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let pairs = text.chunks(2);
    pairs.map(|pair| Some((digit(pair[0])? << 4 | digit(*pair.get(1)?)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let mut out = Vec::new();
        put_hex(&[0x00, 0x9F, 0xA0], UPPER_HEX, &mut out);
        put_hex(&[0xFE], LOWER_HEX, &mut out);
        assert_eq!(out, b"009FA0fe");
        assert_eq!(from_hex(&out), Some(vec![0x00, 0x9F, 0xA0, 0xFE]));
        assert_eq!((from_hex(b"0"), from_hex(b"0g"), from_hex(b" 0")), (None, None, None));
    }
}
