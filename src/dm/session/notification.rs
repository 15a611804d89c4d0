//! Package 0: the message that asks a client to open a session (DM Notification 1.2; DM facts, "Package 0").

use super::auth::{Credentials, DEFAULT_NONCE};
use crate::document::same_octets;

/// How much of a session the user should see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UiMode {
    /// Left to the client.
    Unspecified,
    /// Nothing.
    Background,
    /// That it happens.
    Informative,
    /// The user is asked first.
    Interaction,
}

impl UiMode {
    const ALL: [Self; 4] = [Self::Unspecified, Self::Background, Self::Informative, Self::Interaction];
}

/// What a notification says, without its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The version of the package, in tenths: 11.
    pub version: u16,
    /// How much the user should see.
    pub ui_mode: UiMode,
    /// Whether the server began, and not the user.
    pub by_server: bool,
    /// The session that the client is to open, 1 to 65535.
    pub session: u16,
    /// The identifier of the server, at most 255 octets.
    pub server: String,
    /// What vendors put behind it.
    pub vendor: Vec<u8>,
}

/// Octets of the digest at the start.
const DIGEST: usize = 16;
/// Octets of the trigger before the server's identifier.
const HEAD: usize = 8;
/// The version that is written.
const VERSION: u16 = 11;

impl Notification {
    /// Returns a notification of version 1.1 by which the server begins a session in the background.
    pub fn new(session: u16, server: impl Into<String>) -> Self {
        let (ui_mode, vendor) = (UiMode::Background, Vec::new());
        Self { version: VERSION, ui_mode, by_server: true, session, server: server.into(), vendor }
    }

    /// Returns the octets: the digest made with the server's credentials and the nonce, and the trigger. The
    /// identifier is cut at 255 octets.
    pub fn write(&self, credentials: &Credentials, nonce: &[u8]) -> Vec<u8> {
        let trigger = self.trigger();
        let mut octets = credentials.notification_digest(nonce, &trigger);
        octets.extend(trigger);
        octets
    }

    fn trigger(&self) -> Vec<u8> {
        let name = &self.server.as_bytes()[..self.server.floor_char_boundary(255)];
        let ui_mode = UiMode::ALL.iter().position(|mode| *mode == self.ui_mode).unwrap_or(0) as u64;
        let bits = u64::from(self.version & 0x3FF) << 30 | ui_mode << 28 | u64::from(self.by_server) << 27;
        let mut octets = bits.to_be_bytes()[3..].to_vec();
        octets.extend(self.session.to_be_bytes());
        octets.push(name.len() as u8);
        octets.extend(name);
        octets.extend(&self.vendor);
        octets
    }

    /// Reads a notification; its digest is not verified.
    ///
    /// # Errors
    ///
    /// Says what hinders reading: too short, no session, no text as the server's identifier.
    pub fn read(octets: &[u8]) -> Result<Self, &'static str> {
        let trigger = octets.get(DIGEST..).filter(|trigger| trigger.len() >= HEAD);
        let trigger = trigger.ok_or("the notification is shorter than 24 octets")?;
        let mut bits = [0; 8];
        bits[3..].copy_from_slice(&trigger[..5]);
        let bits = u64::from_be_bytes(bits);
        let session = u16::from_be_bytes([trigger[5], trigger[6]]);
        if session == 0 {
            return Err("the notification names session 0, which is none");
        }
        let end = HEAD + usize::from(trigger[7]);
        let name = trigger.get(HEAD..end).ok_or("the identifier of the server is longer than the notification")?;
        let server = std::str::from_utf8(name).map_err(|_| "the identifier of the server is no text in UTF-8")?;
        Ok(Self {
            version: (bits >> 30) as u16,
            ui_mode: UiMode::ALL[(bits >> 28 & 3) as usize],
            by_server: bits >> 27 & 1 == 1,
            session,
            server: server.to_owned(),
            vendor: trigger[end..].to_vec(),
        })
    }
}

/// Returns whether the digest of a notification proves the server's password: with the stored nonce, or with
/// [`DEFAULT_NONCE`].
pub fn proves(octets: &[u8], credentials: &Credentials, nonce: &[u8]) -> bool {
    let Some((digest, trigger)) = octets.split_at_checked(DIGEST) else { return false };
    [nonce, DEFAULT_NONCE].iter().any(|nonce| same_octets(&credentials.notification_digest(nonce, trigger), digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::from_hex;

    /// The header that the sheet prints, and its digest.
    const HEADER: &str = "02D0000000123412636F6D2E6D676D747372762E6D616E616765";
    const DIGEST: &str = "291F40C9048E97434175D10D0C6E25A7";

    fn server() -> Credentials {
        Credentials::new("com.mgmtsrv.manage", "secret")
    }

    fn octets(hex: &str) -> Vec<u8> {
        from_hex(hex.as_bytes()).unwrap()
    }

    #[test]
    fn octets_are_those_of_the_sheet() {
        let notification = Notification { by_server: false, ..Notification::new(0x1234, "com.mgmtsrv.manage") };
        let written = notification.write(&server(), b"Nonce");
        assert_eq!(written, octets(&format!("{DIGEST}{HEADER}")));
        assert_eq!(Notification::read(&written), Ok(notification));
        assert!(proves(&written, &server(), b"Nonce"));
        assert!(!proves(&written, &server(), b"Other"));
    }

    #[test]
    fn a_client_that_lost_its_nonce_takes_the_default_one() {
        let written = Notification::new(1, "s").write(&server(), DEFAULT_NONCE);
        assert!(proves(&written, &server(), b"Lost"));
    }

    #[test]
    fn every_cut_is_refused_or_read() {
        let mut whole = Notification::new(7, "server").write(&server(), b"n");
        for length in 0..whole.len() {
            assert!(Notification::read(&whole[..length]).is_err(), "{length}");
            assert!(!proves(&whole[..length], &server(), b"n"));
        }
        whole.extend(b"vendor");
        assert_eq!(Notification::read(&whole).unwrap().vendor, b"vendor");
    }
}
