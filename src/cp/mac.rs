//! Security methods and the MAC over an encoded document (Provisioning Bootstrap 1.1, "Message authentication").
//!
//! ```text
//! Imsi ─┐
//!       ├─ Key (by Security) ── HMAC-SHA1 over the body of the push ── Mac ── 40 hexadecimal digits
//! Pin ──┘
//! ```
//!
//! The secrets are wiped when they go, and none of them can be printed.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use zeroize::{Zeroize as _, Zeroizing};

use crate::document::{UPPER_HEX, from_hex, hex_pair};
use crate::error::{Error, Result};

/// A security method of bootstrap messages, the SEC parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// The key is the IMSI; nobody is asked.
    NetwPin,
    /// The key is a PIN that the user types.
    UserPin,
    /// The key is the IMSI and a PIN that the user types.
    UserNetwPin,
    /// The user types a PIN and the digits made from the MAC; the message carries no MAC.
    UserPinMac,
}

impl Security {
    /// All methods, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::NetwPin, Self::UserPin, Self::UserNetwPin, Self::UserPinMac];

    /// Returns the value of the SEC parameter.
    pub fn number(self) -> u8 {
        match self {
            Self::NetwPin => 0,
            Self::UserPin => 1,
            Self::UserNetwPin => 2,
            Self::UserPinMac => 3,
        }
    }

    /// Returns the method of a SEC value.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|security| security.number() == number)
    }

    /// Returns the name in the standard's spelling: `NETWPIN`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetwPin => "NETWPIN",
            Self::UserPin => "USERPIN",
            Self::UserNetwPin => "USERNETWPIN",
            Self::UserPinMac => "USERPINMAC",
        }
    }

    /// Returns the name in the DM profile, which has three of the methods.
    pub fn dm_name(self) -> Option<&'static str> {
        match self {
            Self::NetwPin => Some("NETWORKID"),
            Self::UserPin => Some("USERPIN"),
            Self::UserNetwPin => Some("USERPIN_NETWORKID"),
            Self::UserPinMac => None,
        }
    }

    /// Returns the method of a name of either profile, in any case of letters.
    pub fn from_name(name: &str) -> Option<Self> {
        let is_it = |own: &str| own.eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(|security| is_it(security.name()) || security.dm_name().is_some_and(is_it))
    }

    /// Returns whether the key needs a PIN.
    pub fn needs_pin(self) -> bool {
        self != Self::NetwPin
    }

    /// Returns whether the key needs an IMSI.
    pub fn needs_imsi(self) -> bool {
        matches!(self, Self::NetwPin | Self::UserNetwPin)
    }

    /// Returns whether the message carries the MAC.
    pub fn carries_mac(self) -> bool {
        self != Self::UserPinMac
    }
}

/// A subscriber's IMSI: personal data, and the key of NETWPIN.
#[derive(Clone, PartialEq, Eq)]
pub struct Imsi(Digits<{ Self::MOST }>);

impl Imsi {
    /// An IMSI has at most so many digits (ITU-T E.212).
    pub const MOST: usize = 15;

    /// Reads an IMSI from its digits.
    ///
    /// # Errors
    ///
    /// Where there are none, too many, or other characters. The message does not repeat them.
    pub fn read(text: &str) -> Result<Self> {
        Digits::read(text, "an IMSI").map(Self)
    }

    /// Returns the digits.
    pub fn digits(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the octets that are the key: the digits as a SIM stores them, without the length octet
    /// (GSM 11.11, EF IMSI).
    pub fn octets(&self) -> Zeroizing<Vec<u8>> {
        let digits = self.0.as_octets();
        let digit = |place: usize| digits.get(place).map_or(0x0F, |d| d - b'0');
        let parity = (digits.len() % 2) as u8;
        let mut octets = Zeroizing::new(Vec::with_capacity(8));
        octets.push(digit(0) << 4 | parity << 3 | 1);
        octets.extend((1..digits.len()).step_by(2).map(|place| digit(place + 1) << 4 | digit(place)));
        octets
    }
}

/// A PIN: the secret that operator and user share.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Digits<{ Self::MOST }>);

impl Pin {
    /// A PIN has at most so many digits: what the user types for USERPINMAC is 20 of its own and 20 from the MAC.
    pub const MOST: usize = 40;

    /// Reads a PIN from its digits.
    ///
    /// # Errors
    ///
    /// Where there are none, too many, or other characters. The message does not repeat them.
    pub fn read(text: &str) -> Result<Self> {
        Digits::read(text, "a PIN").map(Self)
    }

    /// Returns the digits.
    pub fn digits(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Imsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Imsi(••••)")
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(••••)")
    }
}

/// Up to `N` decimal digits, wiped when they go.
#[derive(Clone, PartialEq, Eq)]
struct Digits<const N: usize> {
    octets: [u8; N],
    length: usize,
}

impl<const N: usize> Digits<N> {
    fn read(text: &str, what: &str) -> Result<Self> {
        if text.is_empty() || text.len() > N || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::input(format!("{what} is 1 to {N} decimal digits, and this is not")));
        }
        let mut octets = [0; N];
        octets[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { octets, length: text.len() })
    }

    fn as_octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    fn as_str(&self) -> &str {
        // Only ASCII digits come in.
        std::str::from_utf8(self.as_octets()).unwrap_or_default()
    }
}

impl<const N: usize> Drop for Digits<N> {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

/// What an IMSI is as the secret of the network in a message of the DM profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkKey {
    /// The octets in which a SIM keeps it, as in the CP profile.
    #[default]
    Octets,
    /// Its decimal digits.
    Digits,
}

/// The key of a MAC.
#[derive(Clone)]
pub struct Key {
    octets: [u8; Self::MOST],
    length: usize,
}

impl Key {
    /// A key has at most so many octets; HMAC-SHA1 would hash a longer one first.
    pub const MOST: usize = 64;

    /// Returns the key of a method; `None` where the PIN or the IMSI that it needs is not given.
    pub fn new(security: Security, pin: Option<&Pin>, imsi: Option<&Imsi>) -> Option<Self> {
        let imsi = if security.needs_imsi() { imsi?.octets() } else { Zeroizing::default() };
        let pin = if security.needs_pin() { pin?.digits().as_bytes() } else { &[] };
        Self::from_parts(&[&imsi, pin])
    }

    /// Returns the key of a method for a message of the DM profile (DM Bootstrap 1.2): of both secrets, the PIN, a colon, then
    /// the other. What the secret of the network is in octets the standard leaves open: `network` says it. `None` where a
    /// secret is missing or the method is none of the DM profile.
    pub fn of_dm(security: Security, pin: Option<&Pin>, imsi: Option<&Imsi>, network: NetworkKey) -> Option<Self> {
        let octets = |imsi: &Imsi| match network {
            NetworkKey::Octets => imsi.octets(),
            NetworkKey::Digits => Zeroizing::new(imsi.digits().as_bytes().to_vec()),
        };
        match security {
            Security::NetwPin => Self::from_parts(&[&octets(imsi?)]),
            Security::UserPin => Self::from_parts(&[pin?.digits().as_bytes()]),
            Security::UserNetwPin => Self::from_parts(&[pin?.digits().as_bytes(), b":", &octets(imsi?)]),
            Security::UserPinMac => None,
        }
    }

    /// Returns a key of raw octets, given in parts; `None` where it would be longer than [`Self::MOST`].
    pub fn from_parts(parts: &[&[u8]]) -> Option<Self> {
        let mut key = Self { octets: [0; Self::MOST], length: 0 };
        for part in parts {
            let end = key.length + part.len();
            key.octets.get_mut(key.length..end)?.copy_from_slice(part);
            key.length = end;
        }
        Some(key)
    }

    /// Returns the MAC over the body of a push: the WBXML document octet for octet, no header.
    pub fn mac(&self, body: &[u8]) -> Mac {
        Mac(self.hmac(body).finalize().into_bytes().into())
    }

    /// Returns whether `mac` is the MAC over `body`; takes the same time wherever they differ.
    pub fn verifies(&self, body: &[u8], mac: &Mac) -> bool {
        self.hmac(body).verify_slice(&mac.0).is_ok()
    }

    fn hmac(&self, body: &[u8]) -> Hmac<Sha1> {
        let key = &self.octets[..self.length];
        let mut hmac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
        hmac.update(body);
        hmac
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(••••)")
    }
}

/// A MAC: 20 octets, written as 40 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac(pub [u8; 20]);

impl Mac {
    /// Returns the digits as the MAC parameter carries them: in upper case, since one client compares text.
    pub fn to_hex(self) -> [u8; 40] {
        let mut hex = [0; 40];
        for (pair, octet) in hex.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&hex_pair(octet, UPPER_HEX));
        }
        hex
    }

    /// Reads the 40 digits, in either case.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        from_hex(hex)?.try_into().ok().map(Self)
    }

    /// Returns what the user types with USERPINMAC: the PIN, then one digit from each of the first octets of the MAC.
    pub fn digits_to_type(self, pin: &Pin) -> Zeroizing<String> {
        let mut digits = Zeroizing::new(String::with_capacity(2 * Pin::MOST));
        digits.push_str(pin.digits());
        digits.extend(self.0.iter().take(pin.digits().len()).map(|octet| char::from(b'0' + octet % 10)));
        digits
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_an_imsi_as_a_sim_does() {
        for (digits, octets) in [
            ("262022033864727", &[0x29, 0x26, 0x20, 0x02, 0x33, 0x68, 0x74, 0x72][..]),
            ("001010123456789", &[0x09, 0x10, 0x10, 0x10, 0x32, 0x54, 0x76, 0x98]),
            ("00101012345678", &[0x01, 0x10, 0x10, 0x10, 0x32, 0x54, 0x76, 0xF8]),
            ("26", &[0x21, 0xF6]),
            ("2", &[0x29]),
        ] {
            assert_eq!(Imsi::read(digits).expect("an IMSI").octets().as_slice(), octets, "{digits}");
        }
    }

    #[test]
    fn refuses_what_is_no_secret_without_repeating_it() {
        for text in ["", "1234567890123456", "12a4", " 1234", "٣٤٥"] {
            let error = Imsi::read(text).expect_err("not an IMSI");
            assert!(text.trim().is_empty() || !error.to_string().contains(text));
        }
        assert!(Pin::read("0").is_ok());
        assert!(Pin::read(&"1".repeat(40)).is_ok() && Pin::read(&"1".repeat(41)).is_err());
        assert!(!format!("{:?}", Pin::read("7391").expect("a PIN")).contains("7391"));
    }

    #[test]
    fn a_missing_secret_makes_no_key() {
        let pin = Pin::read("1234").expect("a PIN");
        assert!(Key::new(Security::UserPin, Some(&pin), None).is_some());
        assert!(Key::new(Security::UserNetwPin, Some(&pin), None).is_none());
        assert!(Key::new(Security::NetwPin, Some(&pin), None).is_none());
    }

    /// The vector of the notes on DM bootstrap: the digest is that of another program.
    #[test]
    fn agrees_with_the_vector_of_the_dm_profile() {
        let pin = Pin::read("1234").expect("a PIN");
        let key = Key::of_dm(Security::UserPin, Some(&pin), None, NetworkKey::Octets).expect("a key");
        assert_eq!(key.mac(&[0x02, 0x00, 0x00, 0x6A]).to_string(), "553F2835DD33FEFFF815699FC3B72ABB24D417B6");
        let imsi = Imsi::read("001010123456789").expect("an IMSI");
        let both = Key::of_dm(Security::UserNetwPin, Some(&pin), Some(&imsi), NetworkKey::Digits).expect("a key");
        let expected = Key::from_parts(&[b"1234:001010123456789"]).expect("a key");
        assert_eq!(both.mac(b"x"), expected.mac(b"x"), "PIN, colon, secret");
        assert!(Key::of_dm(Security::UserPinMac, Some(&pin), Some(&imsi), NetworkKey::Digits).is_none());
    }

    /// A document of six octets under NETWPIN, with a MAC that a client's own test carries.
    #[test]
    fn agrees_with_a_published_example() {
        let imsi = Imsi::read("466923103145252").expect("an IMSI");
        let key = Key::new(Security::NetwPin, None, Some(&imsi)).expect("a key");
        let body = [0x03, 0x0B, 0x6A, 0x00, 0x45, 0x01];
        assert_eq!(key.mac(&body).to_string(), "1AF545FE2823DC9347064450F90FF1BBF957E146");
        let mac = Mac::from_hex(b"1af545fe2823dc9347064450f90ff1bbf957e146").expect("a MAC");
        assert!(key.verifies(&body, &mac));
        assert!(!key.verifies(&body[..5], &mac));
        assert_eq!(Mac::from_hex(&mac.to_hex()), Some(mac));
    }
}
