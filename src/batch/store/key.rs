//! Rows encrypted at rest: XChaCha20-Poly1305 with a key that the operator keeps elsewhere.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Octets of a nonce, which go before what is encrypted.
const NONCE: usize = 24;
/// Fewest characters of the operator's key.
const LEAST: usize = 16;

/// The key of a store: its rows can be read with it only.
#[derive(Clone)]
pub struct StoreKey {
    cipher: XChaCha20Poly1305,
    /// Nonces are made from what is encrypted: the same row gives the same octets, and no two rows share one.
    nonces: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(••••)")
    }
}

impl StoreKey {
    /// Makes a key of the operator's text: any text of 16 characters or more, best 32 random octets in hex or base64.
    ///
    /// # Errors
    ///
    /// Fails when it is shorter.
    pub fn read(text: &str) -> Result<Self> {
        if text.chars().count() < LEAST {
            let error = Error::input(format!("the key of the store has less than {LEAST} characters"));
            return Err(error.help("make one with `openssl rand -hex 32`"));
        }
        let derive = |purpose: &str| -> Zeroizing<[u8; 32]> {
            let digest = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(text).finalize();
            Zeroizing::new(digest.into())
        };
        let cipher = XChaCha20Poly1305::new(&(*derive("impskit store rows")).into());
        Ok(Self { cipher, nonces: derive("impskit store nonces") })
    }

    /// Encrypts the values of a row; they can be read only as those of this number in this campaign.
    ///
    /// # Errors
    ///
    /// Fails when they are longer than the cipher takes, which no row is.
    pub fn lock(&self, campaign: &str, msisdn: u64, cells: &str) -> Result<Vec<u8>> {
        let owner = format!("{campaign}\0{msisdn}");
        let nonce = self.nonce(&owner, cells)?;
        let payload = Payload { msg: cells.as_bytes(), aad: owner.as_bytes() };
        let locked = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let locked = locked.map_err(|_| Error::store("a row cannot be encrypted"))?;
        Ok([&nonce[..], &locked].concat())
    }

    /// Reads what [`Self::lock`] made.
    ///
    /// # Errors
    ///
    /// Fails with another key, and when anything was changed.
    pub fn unlock(&self, campaign: &str, msisdn: u64, octets: &[u8]) -> Result<String> {
        let wrong = || {
            let error = Error::store("a row of the store cannot be decrypted");
            error.help("give the key that the campaign was planned with")
        };
        let (nonce, locked) = octets.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
        let owner = format!("{campaign}\0{msisdn}");
        let payload = Payload { msg: locked, aad: owner.as_bytes() };
        let cells = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(cells).map_err(|_| wrong())
    }

    fn nonce(&self, owner: &str, cells: &str) -> Result<[u8; NONCE]> {
        let mut hmac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.nonces.as_slice())
            .map_err(|error| Error::store(error.to_string()))?;
        hmac.update(owner.as_bytes());
        hmac.update(&[0]);
        hmac.update(cells.as_bytes());
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&hmac.finalize().into_bytes()[..NONCE]);
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_be_read_with_their_key_as_their_own_only() {
        let key = StoreKey::read("correct horse battery staple").unwrap();
        let locked = key.lock("spring", 46_701_234_567, "anna\u{1F}sesame").unwrap();
        assert!(!locked.windows(6).any(|octets| octets == b"sesame"));
        assert_eq!(key.unlock("spring", 46_701_234_567, &locked).unwrap(), "anna\u{1F}sesame");
        assert_eq!(key.lock("spring", 46_701_234_567, "anna\u{1F}sesame").unwrap(), locked);
        assert!(key.unlock("spring", 46_701_234_568, &locked).is_err());
        assert!(key.unlock("summer", 46_701_234_567, &locked).is_err());
        let other = StoreKey::read("another horse battery staple").unwrap();
        assert!(other.unlock("spring", 46_701_234_567, &locked).is_err());
        let mut changed = locked.clone();
        changed[30] ^= 1;
        assert!(key.unlock("spring", 46_701_234_567, &changed).is_err());
        assert!(key.unlock("spring", 46_701_234_567, b"short").is_err());
        assert!(StoreKey::read("short").is_err());
    }
}
