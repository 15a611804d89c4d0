//! EDGE: random octets of the system: seeds, salts, names that nobody else draws.

use crate::error::{Error, Result};

/// Returns random octets of the system.
///
/// # Errors
///
/// Fails where the system has none.
#[allow(clippy::disallowed_methods, reason = "whoever needs random numbers has them from this edge")]
pub fn octets<const N: usize>() -> Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| Error::input(format!("no random numbers: {error}")))?;
    Ok(octets)
}
