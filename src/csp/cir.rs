//! The communication initiation request (CIR): how a server tells a client to poll (CSP session, "CIR, the
//! communication initiation request").
//!
//! ```text
//! server ── WVCI 1.3 cookie ──> client        a datagram, a push, a short message, or a line of this dialogue:
//! client ── HELO session ──> server ── OK ──> client ── PING ──> server ── OK ──> client
//! ```

use super::Version;

/// A way to call a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A WAP push in short messages.
    WapSms,
    /// A WAP push in a datagram.
    WapUdp,
    /// The text in a short message.
    Ssms,
    /// The text in a datagram.
    Sudp,
    /// The text on a connection that the client opens.
    Stcp,
    /// The client asks by HTTP whether something waits.
    Shttp,
}

/// Where clients take datagrams, unless they name another port.
pub const SUDP_PORT: u16 = 3717;
/// Where clients take WAP pushes, in datagrams and short messages.
pub const WAP_PORT: u16 = 2948;
/// Where clients take the text in short messages.
pub const SSMS_PORT: u16 = 3716;
/// Where servers take connections, unless they name another port.
pub const STCP_PORT: u16 = 3171;

/// Octets of a line, or of a CIR by another way: the longest that is due has 50 characters beside its word.
pub const LONGEST: usize = 256;
/// Characters of a cookie: twice the 50 of (CSP data types, "Lengths"), and fit for one short message.
const LONGEST_COOKIE: usize = 100;

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::WapSms, Self::WapUdp, Self::Ssms, Self::Sudp, Self::Stcp, Self::Shttp];

    /// Returns the word of `SupportedCIRMethod`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WapSms => "WAPSMS",
            Self::WapUdp => "WAPUDP",
            Self::Ssms => "SSMS",
            Self::Sudp => "SUDP",
            Self::Stcp => "STCP",
            Self::Shttp => "SHTTP",
        }
    }

    /// Returns the method that a word names.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text.trim_ascii()))
    }

    /// Returns whether a version has the word: 1.1 has neither SSMS nor SHTTP.
    pub fn is_in(self, version: Version) -> bool {
        version > Version::V1_1 || !matches!(self, Self::Ssms | Self::Shttp)
    }
}

/// Returns whether a text can be repeated in a CIR: ASCII without spaces.
pub fn is_cookie(text: &str) -> bool {
    (1..=LONGEST_COOKIE).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Returns the CIR to the client that gave this cookie.
pub fn call(version: Version, cookie: &str) -> String {
    format!("WVCI {} {cookie}", version.as_str())
}

/// Returns the cookie of a CIR. Of its version it counts only that there is one, as clients in the field have it.
pub fn read_call(text: &str) -> Option<&str> {
    let mut words = text.trim_ascii().split_ascii_whitespace();
    let (word, version, cookie) = (words.next()?, words.next()?, words.next()?);
    let is_version = version.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor));
    (word == "WVCI" && is_version && is_cookie(cookie) && words.next().is_none()).then_some(cookie)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// What a client says on its connection, or in a short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Which session it has.
    Hello(String),
    /// Whether we are there.
    Ping,
    /// Nothing that is part of the dialogue.
    Other,
}

impl Said {
    /// Reads a line without its end; spaces behind it do not count.
    pub fn read(line: &str) -> Self {
        let words: Vec<&str> = line.split_ascii_whitespace().take(3).collect();
        match words[..] {
            ["HELO", session] => Self::Hello(session.to_owned()),
            ["PING"] => Self::Ping,
            _ => Self::Other,
        }
    }
}

/// Returns what a client says first: on its connection with a line end, in a short message without.
pub fn hello(session: &str) -> String {
    format!("HELO {session}")
}

/// Cuts octets that arrive in pieces of any size into lines; what it keeps is bounded by [`LONGEST`].
#[derive(Debug, Default)]
pub struct Lines {
    pending: Vec<u8>,
}

/// A line does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl Lines {
    /// Takes octets and returns the lines that end in them, without their ends; empty ones are left out. A line feed
    /// alone ends a line too.
    ///
    /// # Errors
    ///
    /// Fails where a line is longer than [`LONGEST`]: the rest has no meaning then.
    pub fn add(&mut self, octets: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut lines = Vec::new();
        let mut pieces = octets.split(|octet| *octet == b'\n');
        let mut piece = pieces.next().unwrap_or_default();
        for next in pieces {
            self.keep(piece)?;
            let text = String::from_utf8_lossy(&self.pending);
            let line = text.trim_ascii();
            if !line.is_empty() {
                lines.push(line.to_owned());
            }
            self.pending.clear();
            piece = next;
        }
        self.keep(piece)?;
        Ok(lines)
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), TooLong> {
        if self.pending.len() + piece.len() > LONGEST {
            self.pending = Vec::new();
            return Err(TooLong);
        }
        self.pending.extend_from_slice(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_call_of_the_sheet_and_no_other() {
        assert_eq!(call(Version::V1_3, "a1b2c3"), "WVCI 1.3 a1b2c3");
        assert_eq!(read_call("WVCI 1.3 a1b2c3"), Some("a1b2c3"));
        assert_eq!(read_call("WVCI 1.0 a1b2c3\r\n"), Some("a1b2c3"), "the version is not checked");
        for text in ["", "WVCI", "WVCI 1.3", "WVCI a1b2c3 x", "wvci 1.3 a", "WVCI 1.3 a b", "WVCI 13 a", "WVCI 1.3 ü"]
        {
            assert_eq!(read_call(text), None, "{text}");
        }
        for text in ["", "a b", "a\r\nb", "ü", &"x".repeat(101)] {
            assert!(!is_cookie(text), "{text:?}");
        }
    }

    #[test]
    fn reads_what_clients_say() {
        assert_eq!(Said::read("HELO im.user.com#1234"), Said::Hello("im.user.com#1234".to_owned()));
        assert_eq!(Said::read("PING"), Said::Ping);
        assert_eq!(Said::read("PING   "), Said::Ping);
        for line in ["HELO", "HELO a b", "PING a", "OK", "QUIT", "helo a"] {
            assert_eq!(Said::read(line), Said::Other, "{line}");
        }
    }

    #[test]
    fn lines_come_in_pieces_of_any_size_and_end() {
        let mut lines = Lines::default();
        assert_eq!(lines.add(b"HEL"), Ok(vec![]));
        assert_eq!(lines.add(b"O a\r"), Ok(vec![]));
        assert_eq!(lines.add(b"\nPING \r\n\r\nPI"), Ok(vec!["HELO a".to_owned(), "PING".to_owned()]));
        assert_eq!(lines.add(b"NG\n"), Ok(vec!["PING".to_owned()]));
        assert_eq!(lines.add(&[b'x'; LONGEST]), Ok(vec![]));
        assert_eq!(lines.add(b"x"), Err(TooLong));
    }
}
