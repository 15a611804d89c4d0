//! Random octets for identifiers and nonces: a stream made from one secret seed that an edge provides.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A stream of octets that nobody foretells without its seed; the same seed gives the same stream.
pub struct Random {
    seed: [u8; 32],
    drawn: u64,
}

impl Random {
    /// Returns the stream of a seed.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws 128 bits.
    pub(crate) fn draw(&mut self) -> u128 {
        self.drawn += 1;
        let block = Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize();
        block[..16].iter().fold(0, |number, octet| number << 8 | u128::from(*octet))
    }

    /// Draws an identifier of 22 characters from `A-Z a-z 0-9 - _`, which needs no quoting in any syntax
    /// (CSP data types, "Lengths").
    pub(crate) fn identifier(&mut self) -> String {
        URL_SAFE_NO_PAD.encode(self.draw().to_be_bytes())
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}
