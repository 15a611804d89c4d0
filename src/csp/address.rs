//! Addresses: `wv:user/resource@domain` (CSP data types, "Addresses").
//!
//! People and clients write one address in many ways: without `wv:`, without the home domain, in capitals, with
//! escapes. [`Address`] is the one form that is stored, compared and answered.

use std::fmt;

/// An address in its normal form.
///
/// | form | what it is |
/// |---|---|
/// | `wv:alice@example.com` | a user |
/// | `wv:alice/friends@example.com` | a contact list of hers, or a group that she made |
/// | `wv:/lobby@example.com` | a public group |
/// | `wv:@example.com` | a service |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    /// Where the user's part ends.
    user_end: usize,
    /// Where `@` stands.
    at: usize,
}

/// Why a text is no address, or not one of the kind wanted: lower-case start, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAddress(pub &'static str);

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadAddress {}

/// Longest address that is read, in octets; the standard's writers stop at 50 or 100 characters.
const MOST: usize = 400;

impl Address {
    /// Reads an address of any kind. `home` is the domain of one that names none.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub fn read(text: &str, home: &str) -> Result<Self, BadAddress> {
        let text = text.trim_ascii();
        if text.len() > MOST {
            return Err(BadAddress("the address is too long"));
        }
        let rest = match text.get(..3) {
            Some(scheme) if scheme.eq_ignore_ascii_case("wv:") => &text[3..],
            _ => text,
        };
        let (path, domain) = rest.rsplit_once('@').unwrap_or((rest, home));
        if !is_domain(domain) {
            return Err(BadAddress("the domain is no host name"));
        }
        let (user, resource) = match path.split_once('/') {
            Some((user, resource)) => (user, Some(resource)),
            None => (path, None),
        };
        Self::join(&normal_user(user)?, resource.map(normal_part).transpose()?.as_deref(), domain)
    }

    fn join(user: &str, resource: Option<&str>, domain: &str) -> Result<Self, BadAddress> {
        let mut text = String::with_capacity(5 + user.len() + resource.map_or(0, str::len) + domain.len());
        text.push_str("wv:");
        text.push_str(user);
        let user_end = text.len();
        if let Some(resource) = resource {
            if resource.is_empty() {
                return Err(BadAddress("nothing follows `/`"));
            }
            text.push('/');
            text.push_str(resource);
        }
        let at = text.len();
        text.push('@');
        text.push_str(domain);
        text[at..].make_ascii_lowercase();
        Ok(Self { text, user_end, at })
    }

    /// Reads the address of a user.
    ///
    /// # Errors
    ///
    /// As [`Address::read`], and where it has a resource or no user.
    pub fn user_id(text: &str, home: &str) -> Result<Self, BadAddress> {
        let address = Self::read(text, home)?;
        match (address.user(), address.resource()) {
            (_, Some(_)) => Err(BadAddress("a user's address has no `/`")),
            ("", None) => Err(BadAddress("the user's name is missing")),
            _ => Ok(address),
        }
    }

    /// Reads the address of a group: `wv:/lobby@domain`, or `wv:alice/chess@domain` for one that a user made.
    ///
    /// # Errors
    ///
    /// As [`Address::read`], and where it has no resource.
    pub(crate) fn group_id(text: &str, home: &str) -> Result<Self, BadAddress> {
        let address = Self::read(text, home)?;
        address.resource().ok_or(BadAddress("a group's address needs `/` and a name"))?;
        Ok(address)
    }

    /// Reads the address of a contact list.
    ///
    /// # Errors
    ///
    /// As [`Address::read`], and where it has no user or no resource.
    pub(crate) fn contact_list_id(text: &str, home: &str) -> Result<Self, BadAddress> {
        let address = Self::read(text, home)?;
        match (address.user(), address.resource()) {
            ("", _) => Err(BadAddress("a contact list belongs to a user: `wv:user/list@domain`")),
            (_, None) => Err(BadAddress("a contact list's address needs `/` and a name")),
            _ => Ok(address),
        }
    }

    /// Returns the normal form: `wv:alice@example.com`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the user's part, or an empty text.
    pub fn user(&self) -> &str {
        &self.text[3..self.user_end]
    }

    /// Returns the part behind `/`.
    pub fn resource(&self) -> Option<&str> {
        self.text[self.user_end..self.at].strip_prefix('/')
    }

    /// Returns the domain.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// Returns the address of the user that owns this list or group; `None` where there is no user.
    pub fn owner(&self) -> Option<Self> {
        if self.user().is_empty() {
            return None;
        }
        Self::join(self.user(), None, self.domain()).ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns whether two texts are the same address for a server of the domain `home`.
pub fn is_same(a: &str, b: &str, home: &str) -> bool {
    match (Address::read(a, home), Address::read(b, home)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|label| !label.is_empty())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

fn normal_user(user: &str) -> Result<String, BadAddress> {
    match user.strip_prefix('+') {
        Some(number) if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) => {
            Err(BadAddress("`+` begins a number, and only digits follow it"))
        }
        Some(_) => Ok(user.to_owned()),
        None => normal_part(user),
    }
}

/// Returns a part in small letters; escapes of letters that need none are undone, and what needs one gets it.
fn normal_part(part: &str) -> Result<String, BadAddress> {
    let mut normal = String::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(octet) = rest.next() {
        let plain = if octet == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
            let escape = digit().zip(digit()).map(|(high, low)| (high << 4 | low) as u8);
            escape.ok_or(BadAddress("`%` is not followed by two hexadecimal digits"))?
        } else if matches!(octet, b'/' | b'@' | b'+') {
            return Err(BadAddress("`/`, `@` and `+` stand for themselves only as %2F, %40 and %2B"));
        } else {
            octet
        };
        match plain {
            0..0x20 | 0x7F => return Err(BadAddress("the address holds a control character")),
            b'/' | b'@' | b'+' | b'%' | 0x80.. => normal.push_str(&format!("%{plain:02x}")),
            _ => normal.push(char::from(plain.to_ascii_lowercase())),
        }
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        Address::read(text, "example.com").map_or_else(|bad| bad.to_string(), |address| address.to_string())
    }

    #[test]
    fn has_one_form() {
        assert_eq!(normal("alice"), "wv:alice@example.com");
        assert_eq!(normal("WV:Alice@Example.COM"), "wv:alice@example.com");
        assert_eq!(normal(" wv:+358401234567 "), "wv:+358401234567@example.com");
        assert_eq!(normal("wv:al%49ce%2fx"), "wv:alice%2fx@example.com");
        assert_eq!(normal("wv:jos\u{e9}"), "wv:jos%c3%a9@example.com");
        assert_eq!(normal("wv:alice/~PEP1.0_privatelist"), "wv:alice/~pep1.0_privatelist@example.com");
        assert_eq!(normal(&normal("Alice/Friends@a.b")), "wv:alice/friends@a.b", "wv: is never doubled");
    }

    #[test]
    fn knows_its_parts() {
        let list = Address::contact_list_id("wv:alice/friends@a.b", "-").unwrap();
        assert_eq!((list.user(), list.resource(), list.domain()), ("alice", Some("friends"), "a.b"));
        assert_eq!(list.owner().unwrap().as_str(), "wv:alice@a.b");
        let group = Address::group_id("wv:/lobby@a.b", "-").unwrap();
        assert_eq!((group.user(), group.resource(), group.owner()), ("", Some("lobby"), None));
        assert!(Address::read("wv:@a.b", "-").is_ok(), "a service");
        assert!(is_same("Alice", "wv:alice@a.b", "A.B") && !is_same("alice", "alice@c.d", "a.b"));
    }

    #[test]
    fn refuses_what_is_none() {
        for text in ["wv:alice@", "wv:+12a", "wv:a+b", "wv:a/b/c", "wv:a@b@c.d", "wv:a%4", "wv:a/@b.c", "wv:a@b c"] {
            assert!(Address::read(text, "example.com").is_err(), "{text}");
        }
        assert!(Address::user_id("wv:alice/friends", "a.b").is_err() && Address::user_id("wv:", "a.b").is_err());
        assert!(Address::group_id("wv:alice", "a.b").is_err());
        assert!(Address::contact_list_id("wv:/lobby", "a.b").is_err());
    }
}
