//! How the numbers of handsets are written where people and programs read them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::document::{LOWER_HEX, put_hex};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// The last digits hidden.
    Mask,
    /// A word in place of it, the same for the same number.
    Token,
    /// As they are.
    Full,
}

impl Numbers {
    /// Returns how many of so many characters of a number stay to be seen when it is masked.
    pub(crate) fn shown(length: usize) -> usize {
        length.saturating_sub(4).min(5)
    }

    /// Returns how a number is written; `key` is what tokens are made with: HMAC-SHA256 of the digits, of which 64 bits
    /// are shown.
    pub fn write(self, msisdn: u64, key: &[u8]) -> String {
        let digits = msisdn.to_string();
        match self {
            Self::Full => digits,
            Self::Mask => {
                let shown = Self::shown(digits.len());
                format!("{}{}", &digits[..shown], "•".repeat(digits.len() - shown))
            }
            Self::Token => {
                // A key may have any length.
                let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
                let mac = mac.chain_update(digits.as_bytes()).finalize().into_bytes();
                let mut token = b"t-".to_vec();
                put_hex(&mac[..8], LOWER_HEX, &mut token);
                String::from_utf8(token).unwrap_or_default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_in_three_ways() {
        assert_eq!(Numbers::Full.write(46_701_234_567, b""), "46701234567");
        assert_eq!(Numbers::Mask.write(46_701_234_567, b""), "46701••••••");
        assert_eq!(Numbers::Mask.write(112, b""), "•••");
        // By `printf 46701234567 | openssl dgst -sha256 -hmac sesame`.
        assert_eq!(Numbers::Token.write(46_701_234_567, b"sesame"), "t-0037a7322ef85ae4");
    }
}
