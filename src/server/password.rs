//! Passwords of accounts that are kept as a salted hash: nobody can read them back, so such a user sends the password
//! itself, in a login of two messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::document::same_octets;

/// Rounds of PBKDF2 (RFC 8018) with HMAC-SHA-256: some milliseconds, since all logins share the engine's thread; how
/// often somebody may guess is bounded at the door.
const ROUNDS: u32 = 10_000;
/// The most rounds that are believed of a store.
const MOST_ROUNDS: u32 = 1_000_000;

/// The salted hash of a password: `pbkdf2-sha256$ROUNDS$SALT$HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedPassword(String);

impl HashedPassword {
    /// Returns the hash of a password under a salt, which is drawn for it alone.
    pub fn new(password: &str, salt: &[u8; 16]) -> Self {
        Self::with(password, salt, ROUNDS)
    }

    fn with(password: &str, salt: &[u8], rounds: u32) -> Self {
        let hash = STANDARD_NO_PAD.encode(derive(password.as_bytes(), salt, rounds));
        Self(format!("pbkdf2-sha256${rounds}${}${hash}", STANDARD_NO_PAD.encode(salt)))
    }

    /// Takes what was kept.
    pub fn read(kept: &str) -> Self {
        Self(kept.to_owned())
    }

    /// Returns what is to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the hash of a password.
    pub fn is_of(&self, password: &str) -> bool {
        let mut parts = self.0.split('$').skip(1);
        let rounds = parts.next().and_then(|rounds| rounds.parse().ok()).filter(|rounds| *rounds <= MOST_ROUNDS);
        let salt = parts.next().and_then(|salt| STANDARD_NO_PAD.decode(salt).ok());
        let hash = parts.next().and_then(|hash| STANDARD_NO_PAD.decode(hash).ok());
        let (Some(rounds), Some(salt), Some(hash)) = (rounds, salt, hash) else { return false };
        same_octets(&derive(password.as_bytes(), &salt, rounds), &hash)
    }
}

/// Returns the first block of PBKDF2.
fn derive(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(password) else { return [0; 32] };
    let round = |input: &[&[u8]]| -> [u8; 32] {
        let mut mac = keyed.clone();
        input.iter().for_each(|piece| mac.update(piece));
        mac.finalize().into_bytes().into()
    };
    let mut last = round(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..rounds {
        last = round(&[&last]);
        sum.iter_mut().zip(last).for_each(|(sum, octet)| *sum ^= octet);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_pbkdf2() {
        // The published vectors of PBKDF2-HMAC-SHA-256 for "password" and "salt" (draft-josefsson-scrypt-kdf and
        // others), the first 32 octets.
        let hex = |octets: [u8; 32]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        assert_eq!(
            hex(derive(b"password", b"salt", 1)),
            "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"
        );
        assert_eq!(
            hex(derive(b"password", b"salt", 4096)),
            "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"
        );
    }

    #[test]
    fn knows_its_password_and_no_other() {
        let hash = HashedPassword::new("open-sesame", &[7; 16]);
        assert!(hash.is_of("open-sesame") && !hash.is_of("open-sesam") && !hash.is_of(""));
        assert!(HashedPassword::read(hash.as_str()).is_of("open-sesame"));
        assert_ne!(hash, HashedPassword::new("open-sesame", &[8; 16]), "a salt is of one account");
        for broken in ["", "open-sesame", "a$b$c", "a$1$$", "pbkdf2-sha256$4294967295$AA$AA"] {
            assert!(!HashedPassword::read(broken).is_of("open-sesame"), "{broken}");
        }
    }
}
