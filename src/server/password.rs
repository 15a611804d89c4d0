//! Passwords of accounts that are kept as a salted hash: nobody can read them back, so such a user sends the password
//! itself, in a login of two messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::document::same_octets;
use crate::error::{Error, Result};

/// Rounds of PBKDF2 (RFC 8018) with HMAC-SHA-256: some milliseconds, since all logins share the engine's thread; how
/// often somebody may guess is bounded at the door.
const ROUNDS: u32 = 10_000;
/// The most rounds that are believed of a store.
const MOST_ROUNDS: u32 = 1_000_000;
/// Octets of a hash: those of SHA-256.
const OCTETS: usize = 32;

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
    ///
    /// # Errors
    ///
    /// Fails where it is no such hash: no password is of it.
    pub fn read(kept: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let error = Error::input(format!("this is no hash of a password: {why}"));
            error.help("write `pbkdf2-sha256$ROUNDS$SALT$HASH`, as `impskit admin user export` does")
        };
        // What was given is not repeated: it may be the password.
        let parts = parts(kept).ok_or_else(|| wrong("it is not of that form"))?;
        if !(1..=MOST_ROUNDS).contains(&parts.rounds) {
            return Err(wrong(&format!("its rounds are not from 1 to {MOST_ROUNDS}")));
        }
        if parts.hash.len() != OCTETS {
            return Err(wrong(&format!("it has {} octets, not {OCTETS}", parts.hash.len())));
        }
        Ok(Self(kept.to_owned()))
    }

    /// Returns what is to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is the hash of a password.
    pub fn is_of(&self, password: &str) -> bool {
        let Some(Parts { rounds, salt, hash }) = parts(&self.0) else { return false };
        same_octets(&derive(password.as_bytes(), &salt, rounds), &hash)
    }
}

/// What a hash is written with.
struct Parts {
    rounds: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

fn parts(kept: &str) -> Option<Parts> {
    let mut parts = kept.strip_prefix("pbkdf2-sha256$")?.split('$');
    let rounds = parts.next()?.parse().ok()?;
    let mut octets = || STANDARD_NO_PAD.decode(parts.next()?).ok();
    let (salt, hash) = (octets()?, octets()?);
    parts.next().is_none().then_some(Parts { rounds, salt, hash })
}

/// Returns the first block of PBKDF2.
fn derive(password: &[u8], salt: &[u8], rounds: u32) -> [u8; OCTETS] {
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(password) else { return [0; OCTETS] };
    let round = |input: &[&[u8]]| -> [u8; OCTETS] {
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
        assert!(HashedPassword::read(hash.as_str()).unwrap().is_of("open-sesame"));
        assert_ne!(hash, HashedPassword::new("open-sesame", &[8; 16]), "a salt is of one account");
    }

    #[test]
    fn takes_nothing_else_for_a_hash() {
        let good = HashedPassword::new("open-sesame", &[7; 16]);
        let hash = good.as_str().rsplit('$').next().unwrap();
        let of = |start: &str| format!("{start}${hash}");
        let broken = ["", "open-sesame", "a$b$c", "a$1$$", "pbkdf2-sha256$4294967295$AA$AA", "pbkdf2-sha256$1$AA$AA"];
        let broken = broken.map(str::to_owned).into_iter().chain([
            of("pbkdf2-sha1$1$AA"),
            of("pbkdf2-sha256$0$AA"),
            of("pbkdf2-sha256$1000001$AA"),
            of("pbkdf2-sha256$1$A=A"),
            of("pbkdf2-sha256$1$AA") + "$",
        ]);
        for broken in broken {
            let error = HashedPassword::read(&broken).unwrap_err();
            assert!(!error.what.contains("open-sesame"), "{error:?}");
        }
        assert!(HashedPassword::read(&of("pbkdf2-sha256$1$AA")).is_ok());
    }
}
