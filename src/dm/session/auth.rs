//! Proving who speaks in a DM session (DM Security 1.2; DM facts, "Authentication").
//!
//! ```text
//! basic   B64(user ":" password)
//! MD5     B64(H(B64(H(user ":" password)) ":" nonce))
//! MAC     B64(H(B64(H(user ":" password)) ":" nonce ":" B64(H(body))))
//! ```
//!
//! H is MD5. Basic and MD5 travel in `Cred`, the MAC in the transport header [`MAC_HEADER`].

use std::fmt;

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::document::{from_base64, same_octets, to_base64};

/// The transport header that carries the MAC of a body.
pub const MAC_HEADER: &str = "x-syncml-hmac";

/// The nonce with which a client may verify a notification when its stored one fails (observed in shipped clients).
pub const DEFAULT_NONCE: &[u8] = b"0x00000000";

/// Octets of a nonce at the most; what peers send is bounded.
pub const MOST_NONCE: usize = 128;

/// A way to prove who speaks, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Name and password.
    Basic,
    /// A digest of name, password and nonce.
    Md5,
    /// A digest of those and the body, in the transport's header.
    Mac,
}

impl Scheme {
    /// All schemes, the weakest first.
    pub const ALL: [Self; 3] = [Self::Basic, Self::Md5, Self::Mac];

    /// Returns the Type of `Cred` and `Chal`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "syncml:auth-basic",
            Self::Md5 => "syncml:auth-md5",
            Self::Mac => "syncml:auth-MAC",
        }
    }

    /// Returns the scheme of that Type, in any case of letters.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text.trim_ascii()))
    }

    /// Returns the scheme of a short word: `basic`, `md5`, `mac`.
    pub fn from_word(word: &str) -> Option<Self> {
        let of = |scheme: &Self| scheme.as_str().trim_start_matches("syncml:auth-").eq_ignore_ascii_case(word);
        Self::ALL.into_iter().find(of)
    }
}

/// The name and the password of one side. Its debug form shows neither.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Returns the credentials of `user`.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    /// Returns the name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns `Cred/Data` of `scheme` for a nonce in octets, as base64. The MAC needs the body: see [`Self::mac`].
    pub fn proof(&self, scheme: Scheme, nonce: &[u8]) -> String {
        match scheme {
            Scheme::Basic => to_base64(self.pair().as_bytes()),
            Scheme::Md5 => hash(&[self.inner().as_bytes(), b":", nonce]),
            Scheme::Mac => String::new(),
        }
    }

    /// Returns whether `Cred/Data` of `scheme` proves the password.
    pub fn proves(&self, scheme: Scheme, nonce: &[u8], given: &str) -> bool {
        scheme != Scheme::Mac && is_same(&self.proof(scheme, nonce), given)
    }

    /// Returns the MAC of a body, as base64.
    pub fn mac(&self, nonce: &[u8], body: &[u8]) -> String {
        hash(&[self.inner().as_bytes(), b":", nonce, b":", hash(&[body]).as_bytes()])
    }

    /// Returns the whole value of [`MAC_HEADER`] for a body.
    pub fn mac_header(&self, nonce: &[u8], body: &[u8]) -> String {
        format!("algorithm=MD5, username=\"{}\", mac={}", self.user, self.mac(nonce, body))
    }

    /// Returns whether a header proves the password for this body.
    pub fn proves_mac(&self, header: &MacHeader<'_>, nonce: &[u8], body: &[u8]) -> bool {
        header.user == self.user && is_same(&self.mac(nonce, body), header.mac)
    }

    /// Returns the digest of a notification, in octets; see
    /// [`Notification`](super::notification::Notification).
    pub(super) fn notification_digest(&self, nonce: &[u8], trigger: &[u8]) -> Vec<u8> {
        Md5::digest([self.inner().as_bytes(), b":", nonce, b":", hash(&[trigger]).as_bytes()].concat()).to_vec()
    }

    fn pair(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.user, self.password.as_str()))
    }

    fn inner(&self) -> Zeroizing<String> {
        Zeroizing::new(hash(&[self.pair().as_bytes()]))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// The parts of [`MAC_HEADER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacHeader<'h> {
    /// Who speaks.
    pub user: &'h str,
    /// The MAC in base64.
    pub mac: &'h str,
}

impl<'h> MacHeader<'h> {
    /// Reads the header's value. `None` where a part is missing, or the algorithm is not MD5, which may be left out.
    pub fn read(value: &'h str) -> Option<Self> {
        let (mut user, mut mac) = (None, None);
        for part in value.split(',') {
            let (name, text) = part.split_once('=')?;
            let text = text.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "algorithm" if !text.eq_ignore_ascii_case("MD5") => return None,
                "username" => user = Some(text),
                "mac" => mac = Some(text),
                _ => {}
            }
        }
        Some(Self { user: user?, mac: mac? })
    }
}

/// Returns base64 of the MD5 of all pieces, one behind the other.
fn hash(pieces: &[&[u8]]) -> String {
    let mut digest = Md5::new();
    pieces.iter().for_each(|piece| digest.update(piece));
    to_base64(&digest.finalize())
}

/// Returns whether two texts of base64 are the same octets, in a time that depends on their length only.
fn is_same(wanted: &str, given: &str) -> bool {
    let wanted = from_base64(wanted).unwrap_or_default();
    from_base64(given).is_some_and(|given| same_octets(&wanted, &given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bruce() -> Credentials {
        Credentials::new("Bruce2", "OhBehave")
    }

    // The vectors of the sheet (DM facts, "Authentication"); the one of MD5 is printed in the specification.
    #[test]
    fn proofs_are_those_of_the_specification() {
        assert_eq!(bruce().inner().as_str(), "PtEdr8lBQ45IbT1bZIkrOQ==");
        assert_eq!(bruce().proof(Scheme::Md5, b"Nonce"), "Zz6EivR3yeaaENcRN6lpAQ==");
        assert_eq!(bruce().proof(Scheme::Basic, b""), "QnJ1Y2UyOk9oQmVoYXZl");
        assert_eq!(bruce().mac(b"Nonce", b"<SyncML/>"), "urdCeS3JUmjFgi8SX3webw==");
    }

    #[test]
    fn only_the_right_password_proves() {
        assert!(bruce().proves(Scheme::Md5, b"Nonce", "Zz6EivR3yeaaENcRN6lpAQ=="));
        assert!(!bruce().proves(Scheme::Md5, b"nonce", "Zz6EivR3yeaaENcRN6lpAQ=="));
        assert!(!bruce().proves(Scheme::Md5, b"Nonce", ""));
        assert!(!bruce().proves(Scheme::Mac, b"Nonce", ""), "a MAC is no Cred");
        assert!(!Credentials::new("Bruce2", "OhNo").proves(Scheme::Basic, b"", "QnJ1Y2UyOk9oQmVoYXZl"));
    }

    #[test]
    fn the_header_of_a_mac_is_read_in_any_order() {
        let written = bruce().mac_header(b"Nonce", b"<SyncML/>");
        assert_eq!(written, "algorithm=MD5, username=\"Bruce2\", mac=urdCeS3JUmjFgi8SX3webw==");
        for text in [
            written.as_str(),
            "mac=urdCeS3JUmjFgi8SX3webw==,username=\"Bruce2\"",
            "MAC=urdCeS3JUmjFgi8SX3webw== , UserName=Bruce2",
        ] {
            let header = MacHeader::read(text).unwrap();
            assert!(bruce().proves_mac(&header, b"Nonce", b"<SyncML/>"), "{text}");
            assert!(!bruce().proves_mac(&header, b"Nonce", b"<SyncML></SyncML>"));
        }
        for text in ["", "mac=x", "username=\"a\"", "algorithm=SHA1, username=\"a\", mac=x"] {
            assert_eq!(MacHeader::read(text), None, "{text}");
        }
    }

    #[test]
    fn debugging_shows_no_password() {
        assert_eq!(format!("{:?}", bruce()), "Credentials");
    }
}
