//! Who may come in and how, and what the server says of itself before anybody has.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::CspTable;
use crate::csp::Version;
use crate::error::{Error, Result};

/// Who may come in, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The versions that are spoken, the newest first.
    pub versions: Vec<Version>,
    /// Servers that speak what this one does not (CSP session, "Version discovery").
    pub other_servers: Vec<String>,
    /// Whether a password may be proven by a digest, in four messages.
    pub digest: bool,
    /// Whether the password itself may be sent.
    pub plain: bool,
    /// The headers in which gateways say whose handset it is, in lower case; the first that is there counts.
    pub msisdn_headers: Vec<String>,
    /// The header in which gateways say where a request came from, in lower case.
    pub address_header: Option<String>,
    /// Whose headers are believed.
    pub trusted_gateways: Vec<Network>,
    /// Whether a name that nobody has becomes an account at its first login.
    pub auto_register: bool,
    /// Whether a second login of a client is refused with 603; else it ends the session of the first.
    pub refuse_second_login: bool,
    /// Whether a time to live beyond the server's range is refused with 605; else it is corrected.
    pub refuse_keep_alive: bool,
    /// Whether a client that negotiates no services has all that is offered; else it has what needs no function.
    pub serves_unasked: bool,
    /// Accounts; one more is not made at a login.
    pub users: usize,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            versions: Version::ALL.to_vec(),
            other_servers: Vec::new(),
            digest: true,
            plain: true,
            msisdn_headers: vec!["x-network-msisdn".to_owned()],
            address_header: None,
            trusted_gateways: Vec::new(),
            auto_register: false,
            refuse_second_login: false,
            refuse_keep_alive: false,
            serves_unasked: false,
            users: 100_000,
        }
    }
}

/// The way of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    Digest,
    Plain,
}

/// What becomes of the first session when its client logs in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SecondLogin {
    Replace,
    Refuse,
}

/// What becomes of a time to live beyond the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeepAlive {
    Clamp,
    Refuse,
}

/// What a client has that negotiates no services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unnegotiated {
    Base,
    All,
}

impl Access {
    pub(super) fn apply(&mut self, csp: &CspTable) -> Result<()> {
        if let Some(versions) = &csp.versions {
            self.versions = read_versions(versions)?;
        }
        if let Some(ways) = &csp.login {
            (self.digest, self.plain) = (ways.contains(&Way::Digest), ways.contains(&Way::Plain));
            if ways.is_empty() {
                return Err(Error::input("nobody can log in: `digest`, `plain` or both").at("server.csp.login"));
            }
        }
        if let Some(headers) = &csp.msisdn_headers {
            self.msisdn_headers = headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        }
        if let Some(networks) = &csp.trusted_gateways {
            let network = |text: &String| {
                let wrong = || format!("`{text}` is no network such as 10.0.0.0/8");
                Network::read(text).ok_or_else(|| Error::input(wrong()).at("server.csp.trusted_gateways"))
            };
            self.trusted_gateways = networks.iter().map(network).collect::<Result<_>>()?;
        }
        self.address_header = csp.address_header.as_ref().map(|name| name.to_ascii_lowercase());
        self.other_servers = csp.other_servers.clone().unwrap_or_default();
        self.auto_register = csp.auto_register.unwrap_or(self.auto_register);
        self.refuse_second_login = csp.second_login == Some(SecondLogin::Refuse);
        self.refuse_keep_alive = csp.keep_alive == Some(KeepAlive::Refuse);
        self.serves_unasked = csp.unnegotiated == Some(Unnegotiated::All);
        Ok(())
    }

    /// Returns the headers of a request that the engine wants to see, in lower case.
    pub fn headers(&self) -> Vec<String> {
        let mut names = self.msisdn_headers.clone();
        names.extend(self.address_header.clone());
        names.push("user-agent".to_owned());
        names
    }

    /// Returns the highest version that is spoken.
    pub fn newest(&self) -> Version {
        self.versions.first().copied().unwrap_or(Version::V1_3)
    }

    /// Returns whether what a peer says of others is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_gateways.iter().any(|network| network.contains(peer))
    }
}

/// Returns the versions that are named, the newest first.
fn read_versions(names: &[String]) -> Result<Vec<Version>> {
    const AT: &str = "server.csp.versions";
    if let Some(name) = names.iter().find(|name| Version::from_text(name).is_none()) {
        return Err(Error::input(format!("`{name}` is no version: 1.1, 1.2, 1.3")).at(AT));
    }
    let is_named = |version: &Version| names.iter().any(|name| Version::from_text(name) == Some(*version));
    let versions: Vec<_> = Version::ALL.into_iter().filter(is_named).collect();
    if versions.is_empty() { Err(Error::input("no version is left to speak").at(AT)) } else { Ok(versions) }
}

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Returns whether an address is one of them.
    pub fn contains(self, other: IpAddr) -> bool {
        // Both at the upper end of 128 bits.
        let number = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let other = other.to_canonical();
        let differs = number(self.address) ^ number(other);
        self.address.is_ipv4() == other.is_ipv4() && differs.leading_zeros() >= self.bits
    }
}

/// What the server says of who runs it (CSP transactions, F9).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name; the domain where there is none.
    pub name: Option<String>,
    /// What it says of itself.
    pub description: Option<String>,
    /// Where more is to be read.
    pub url: Option<String>,
    /// The file of its logo.
    pub logo_file: Option<PathBuf>,
    /// Its logo: content type and octets. An edge reads them from the file.
    pub logo: Option<(String, Vec<u8>)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderTable {
    name: Option<String>,
    description: Option<String>,
    url: Option<String>,
    logo: Option<PathBuf>,
}

impl ProviderTable {
    pub(super) fn read(self) -> Provider {
        let Self { name, description, url, logo } = self;
        Provider { name, description, url, logo_file: logo, logo: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_the_addresses_that_begin_alike() {
        let holds = |network: &str, address: &str| Network::read(network).unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("192.0.2.7", "::ffff:192.0.2.7"), "the same address as a newer one");
        assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "10.0.0.0/-1", "ten", "10.0.0.0/8/8", "::/129"] {
            assert_eq!(Network::read(wrong), None, "{wrong}");
        }
    }
}
