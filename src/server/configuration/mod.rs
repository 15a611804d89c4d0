//! How the server is set up: in the program, or by the `[server]` table of `impskit.toml`.

mod access;
mod beside;
mod cir;
mod client;
mod features;
mod presence;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use self::access::{KeepAlive, ProviderTable, SecondLogin, Unnegotiated, Way};
use self::beside::{ApiTable, ManagementTable, ReceiptsTable};
use self::cir::CirTable;
use self::client::ClientRow;
use self::presence::PresenceTable;
use super::Durability;
use crate::csp::{self, Address};
use crate::document::CodeTable;
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;

pub use self::access::{Access, Network, Provider};
pub use self::beside::{ManagedDevice, Management, Receipts};
pub use self::cir::{Cir, CirFlag, CirSms};
pub use self::client::ClientForms;
pub use self::features::Features;
pub use self::presence::{AfterLogout, Presence};

/// How one server is set up. The defaults are those of a server that runs out of the box on the loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The home domain, in lower case.
    pub domain: String,
    /// Where the store is; `None` keeps everything in memory.
    pub store: Option<PathBuf>,
    /// What outlasts what the store has taken.
    pub durability: Durability,
    /// What HTTPS is served with; `None`: HTTP.
    pub tls: Option<Tls>,
    /// How long a stopping server waits for requests in flight.
    pub drain: Duration,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The path that messages are posted to.
    pub path: String,
    /// The largest body in octets.
    pub max_body: usize,
    /// The longest time that a session may be silent.
    pub session_ttl: Duration,
    /// The address below which clients fetch content that is too large to be pushed, if they can.
    pub content: Option<String>,
    /// The least seconds between two polls that clients are told.
    pub poll_min: u32,
    /// The messages that a session may send in a minute; the machine itself may send more.
    pub requests_per_minute: u32,
    /// Connections at once.
    pub connections: usize,
    /// Connections of one address; gateways carry many users. The machine itself may have more.
    pub connections_by_address: usize,
    /// The time that a request may take to come in, however slowly its octets drip.
    pub request_time: Duration,
    /// The codes of the plain text syntax.
    pub text_codes: &'static CodeTable,
    /// The file of codes that are laid over the known ones. An edge reads them.
    pub text_codes_file: Option<PathBuf>,
    /// Accounts that the server has in any case: the user as written, and where the password is kept.
    pub users: Vec<(String, SecretSource)>,
    /// Who may come in, and how.
    pub access: Access,
    /// What the server says of who runs it.
    pub provider: Provider,
    /// Functions that are there and off.
    pub features: Features,
    /// Clients that need other forms than those that the standard writes.
    pub clients: Vec<ClientForms>,
    /// How much one user may have.
    pub quotas: Quotas,
    /// How clients are woken.
    pub cir: Cir,
    /// How presence is checked and kept.
    pub presence: Presence,
    /// The management server beside, if there is one.
    pub management: Option<Management>,
    /// Where gateways send receipts to, if they do.
    pub receipts: Option<Receipts>,
    /// Where the token is kept of who may ask for logins, if anybody may.
    pub api_token: Option<SecretSource>,
}

/// How much one user may have of what it makes (abuse case C09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Sessions at once; one more is refused with 603.
    pub sessions: usize,
    /// Messages waiting; one more is refused with 507.
    pub stored_messages: usize,
    /// Contact lists; one more is refused with 753.
    pub contact_lists: usize,
    /// Contacts of one list; one more is refused with 754.
    pub contacts: usize,
    /// Groups owned; one more is refused with 814.
    pub groups: usize,
    /// Groups of the whole server; one more is refused with 815.
    pub all_groups: usize,
    /// Members of one group.
    pub group_members: usize,
    /// Presence subscriptions.
    pub subscriptions: usize,
    /// Blocked or granted entities.
    pub blocked: usize,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            domain: "localhost".into(),
            store: None,
            durability: Durability::default(),
            tls: None,
            drain: Duration::from_secs(20),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            path: "/csp".into(),
            max_body: 256 << 10,
            session_ttl: Duration::from_secs(1800),
            content: None,
            poll_min: 5,
            requests_per_minute: 120,
            connections: 10_000,
            connections_by_address: 200,
            request_time: Duration::from_secs(30),
            text_codes: csp::text_codes(),
            text_codes_file: None,
            users: Vec::new(),
            access: Access::default(),
            provider: Provider::default(),
            features: Features::default(),
            clients: Vec::new(),
            quotas: Quotas::default(),
            cir: Cir::default(),
            presence: Presence::default(),
            management: None,
            receipts: None,
            api_token: None,
        }
    }
}

impl Quotas {
    /// The names of what one user may have more or less of than others.
    pub const NAMES: [&str; 7] =
        ["sessions", "stored_messages", "contact_lists", "contacts", "groups", "subscriptions", "blocked"];

    /// Sets the quota of that name; returns whether there is one.
    pub fn set(&mut self, name: &str, most: usize) -> bool {
        let quota = match name {
            "sessions" => &mut self.sessions,
            "stored_messages" => &mut self.stored_messages,
            "contact_lists" => &mut self.contact_lists,
            "contacts" => &mut self.contacts,
            "groups" => &mut self.groups,
            "subscriptions" => &mut self.subscriptions,
            "blocked" => &mut self.blocked,
            _ => return false,
        };
        *quota = most;
        true
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            sessions: 4,
            stored_messages: 200,
            contact_lists: 20,
            contacts: 200,
            groups: 20,
            all_groups: 100_000,
            group_members: 200,
            subscriptions: 500,
            blocked: 200,
        }
    }
}

impl Configuration {
    /// Reads a `[server]` table; what it does not say stays at the default.
    ///
    /// # Errors
    ///
    /// Names the key that has a value that cannot be: `server.domain`.
    pub fn of(table: Table) -> Result<Self> {
        let mut configuration = Self::default();
        configuration.apply(table)?;
        Ok(configuration)
    }

    /// Sets the home domain.
    ///
    /// # Errors
    ///
    /// Fails where it is no host name.
    pub fn set_domain(&mut self, domain: &str) -> Result<()> {
        let service = Address::read(&format!("wv:@{domain}"), domain);
        let service = service.map_err(|bad| Error::input(format!("`{domain}`: {bad}")).at("domain"))?;
        service.domain().clone_into(&mut self.domain);
        Ok(())
    }

    /// Returns the scheme of all URLs of the server: one listener has them all.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    fn apply(&mut self, server: Table) -> Result<()> {
        let Table {
            domain,
            client,
            store,
            durability,
            drain_seconds,
            tls,
            csp,
            cir,
            provider,
            dm,
            receipts,
            api,
            presence,
            features,
            limits,
        } = server;
        if let Some(domain) = domain {
            self.set_domain(&domain).map_err(|error| error.at("server.domain"))?;
        }
        self.store = store.map(|store| PathBuf::from(store.strip_prefix("sqlite:").unwrap_or(&store)));
        self.durability = durability.unwrap_or(self.durability);
        self.tls = tls;
        if let Some(seconds) = drain_seconds {
            self.drain = Duration::from_secs(seconds);
        }
        self.access.apply(&csp)?;
        self.access.users = limits.users.unwrap_or(self.access.users);
        self.clients = client.into_iter().map(ClientRow::read).collect::<Result<_>>()?;
        self.provider = provider.map(ProviderTable::read).unwrap_or_default();
        self.apply_csp(csp)?;
        self.cir = cir.read()?;
        self.management = dm.map(ManagementTable::read).transpose()?;
        self.receipts = receipts.map(ReceiptsTable::read).transpose()?;
        self.api_token = api.map(|api| api.token);
        self.presence = presence.read();
        self.features = features;
        self.apply_limits(&limits)?;
        self.check_paths()
    }

    /// Returns the path below which clients fetch content.
    pub fn content_path(&self) -> Option<&str> {
        path_of(self.content.as_deref()?)
    }

    /// Checks that no two things are asked for or posted at one path: the first would hide the other.
    fn check_paths(&self) -> Result<()> {
        if self.content.is_some() && self.content_path() == self.cir.http_path() {
            let error =
                Error::input("clients ask below this path whether something waits").at("server.csp.content_url");
            return Err(error.help("give each a path of its own"));
        }
        let mut seen = vec![(super::LOGINS, "logins"), (super::PRESENCE, "presence")];
        let dm = self.management.as_ref().map(|dm| (dm.path.as_str(), "server.dm.path"));
        let short = self.cir.sms.as_ref().map(|sms| (sms.path.as_str(), "server.cir.sms_path"));
        for (path, key) in [(self.path.as_str(), "server.csp.path")].into_iter().chain(dm).chain(short) {
            let of_receipts = |path: &str| {
                let receipts = self.receipts.as_ref()?;
                let route = path.strip_prefix(&receipts.path)?.strip_prefix('/')?;
                receipts.routes.iter().any(|(name, _)| name == route).then_some("receipts")
            };
            let other = seen.iter().find(|(other, _)| *other == path).map(|(_, what)| *what);
            if let Some(other) = other.or_else(|| of_receipts(path)) {
                let error = Error::input(format!("`{path}` is the path of {other} already"));
                return Err(error.at(key).help("give each a path of its own"));
            }
            seen.push((path, key));
        }
        Ok(())
    }

    fn apply_csp(&mut self, csp: CspTable) -> Result<()> {
        if let Some(listen) = csp.listen {
            self.listen = one_address(&listen)?;
        }
        if let Some(path) = csp.path {
            self.path = read_path(path, "server.csp.path")?;
        }
        if let Some(size) = csp.max_body {
            let octets = read_size(&size).filter(|octets| LARGEST_BODY.contains(octets));
            let wrong = || Error::input(format!("`{size}` is no size from 1KiB to 1MiB")).at("server.csp.max_body");
            self.max_body = octets.ok_or_else(wrong)?;
        }
        if let Some(time) = csp.session_ttl {
            let wrong = || Error::input(format!("`{time}` is no time from 1m to 24h")).at("server.csp.session_ttl");
            let time = read_time(&time).filter(|time| (60..=86_400).contains(&time.as_secs()));
            self.session_ttl = time.ok_or_else(wrong)?;
        }
        self.content = csp.content_url.map(|url| read_url(&url, "server.csp.content_url")).transpose()?;
        if self.content.as_ref().is_some_and(|url| url.len() > LONGEST_CONTENT_URL) {
            let error = Error::input("the address of content is too long").at("server.csp.content_url");
            return Err(error.help(format!("write it with {LONGEST_CONTENT_URL} octets at the most")));
        }
        self.text_codes_file = csp.text_codes;
        self.users = csp.users.into_iter().map(|UserRow { user, password }| (user, password)).collect();
        Ok(())
    }

    fn apply_limits(&mut self, limits: &LimitsTable) -> Result<()> {
        self.requests_per_minute = limits.requests_per_minute.unwrap_or(self.requests_per_minute);
        self.connections = limits.connections.map_or(self.connections, NonZeroUsize::get);
        self.connections_by_address =
            limits.connections_per_address.map_or(self.connections_by_address, NonZeroUsize::get);
        if let Some(seconds) = limits.request_seconds {
            let wrong =
                || Error::input(format!("`{seconds}` is no time from 1 to 3600")).at("server.limits.request_seconds");
            let time = Some(seconds).filter(|seconds| (1..=3600).contains(seconds)).ok_or_else(wrong)?;
            self.request_time = Duration::from_secs(time);
        }
        let quotas = &mut self.quotas;
        for (quota, value) in [
            (&mut quotas.sessions, limits.sessions_per_user),
            (&mut quotas.stored_messages, limits.stored_messages_per_user),
            (&mut quotas.groups, limits.groups_per_user),
            (&mut quotas.all_groups, limits.groups),
            (&mut quotas.group_members, limits.group_members),
        ] {
            *quota = value.unwrap_or(*quota);
        }
        Ok(())
    }
}

fn read_path(path: String, at: &str) -> Result<String> {
    if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
        return Err(Error::input(format!("`{path}` is no path: it begins with `/`")).at(at));
    }
    Ok(path)
}

/// Reads an address below which clients ask, without a `/` at its end.
fn read_url(url: &str, at: &str) -> Result<String> {
    let trimmed = url.trim_end_matches('/');
    let path = trimmed.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let path = path.and_then(|(_, rest)| rest.split_once('/').filter(|(host, _)| !host.is_empty()));
    match path {
        Some((_, path)) if !path.contains(['?', '#', ' ']) => Ok(trimmed.to_owned()),
        _ => {
            let error = Error::input(format!("`{url}` is no address that clients can ask at")).at(at);
            Err(error.help("write it as `http://HOST:PORT/PATH`"))
        }
    }
}

/// Returns the path of such an address.
fn path_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').map_or("", |start| &rest[start..]))
}

/// What is left of a MessageURI for the address that it begins with, in octets: 100, less two secrets (CSP data types,
/// "Lengths").
const LONGEST_CONTENT_URL: usize = 54;

/// What `max_body` may be: the reader of messages takes no more than a mebibyte.
const LARGEST_BODY: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 20;

fn one_address(listen: &[String]) -> Result<SocketAddr> {
    let [address] = listen else {
        return Err(Error::input("one address to listen on is needed").at("server.csp.listen"));
    };
    let wrong = |_| Error::input(format!("`{address}` is no address such as 127.0.0.1:8080")).at("server.csp.listen");
    address.parse().map_err(wrong)
}

fn read_size(text: &str) -> Option<usize> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("", 1)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    number.trim().parse::<usize>().ok()?.checked_mul(unit)
}

fn read_time(text: &str) -> Option<Duration> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

/// What HTTPS is served with: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, and behind it those that lead to an authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The `[server]` table of `impskit.toml`, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    domain: Option<String>,
    store: Option<String>,
    durability: Option<Durability>,
    drain_seconds: Option<u64>,
    tls: Option<Tls>,
    #[serde(default)]
    csp: CspTable,
    #[serde(default)]
    cir: CirTable,
    provider: Option<ProviderTable>,
    #[serde(default)]
    client: Vec<ClientRow>,
    dm: Option<ManagementTable>,
    receipts: Option<ReceiptsTable>,
    api: Option<ApiTable>,
    #[serde(default)]
    presence: PresenceTable,
    #[serde(default)]
    features: Features,
    #[serde(default)]
    limits: LimitsTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CspTable {
    listen: Option<Vec<String>>,
    path: Option<String>,
    max_body: Option<String>,
    session_ttl: Option<String>,
    text_codes: Option<PathBuf>,
    content_url: Option<String>,
    versions: Option<Vec<String>>,
    other_servers: Option<Vec<String>>,
    login: Option<Vec<Way>>,
    second_login: Option<SecondLogin>,
    keep_alive: Option<KeepAlive>,
    unnegotiated: Option<Unnegotiated>,
    msisdn_headers: Option<Vec<String>>,
    address_header: Option<String>,
    trusted_gateways: Option<Vec<String>>,
    auto_register: Option<bool>,
    #[serde(default)]
    users: Vec<UserRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRow {
    user: String,
    password: SecretSource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    connections: Option<NonZeroUsize>,
    connections_per_address: Option<NonZeroUsize>,
    request_seconds: Option<u64>,
    users: Option<usize>,
    sessions_per_user: Option<usize>,
    requests_per_minute: Option<u32>,
    stored_messages_per_user: Option<usize>,
    groups_per_user: Option<usize>,
    groups: Option<usize>,
    group_members: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dm::session::auth::Scheme;

    fn read(text: &str) -> Result<Configuration> {
        Configuration::of(toml::from_str(text).expect("a table"))
    }

    #[test]
    fn reads_its_table() {
        let text = "domain = \"Acme.Example\"\nstore = \"sqlite:/x.db\"\n\
                    [csp]\nlisten = [\"0.0.0.0:80\"]\nmax_body = \"64KiB\"\nsession_ttl = \"30m\"\n\
                    [limits]\nsessions_per_user = 2\n";
        let table = read(text).unwrap();
        assert_eq!((table.domain.as_str(), table.store), ("acme.example", Some(PathBuf::from("/x.db"))));
        assert_eq!((table.max_body, table.session_ttl, table.quotas.sessions), (65_536, Duration::from_secs(1800), 2));
        assert_eq!(read("").unwrap(), Configuration::default());
        assert_eq!(read("durability = \"normal\"").unwrap().durability, Durability::Normal);
        let dm = "[dm]\nid = \"acme-dm\"\ndevices = [ { id = \"IMEI:1\", scheme = \"mac\", \
                  password = { file = \"p\" }, commands = [\"a.xml\"] } ]\n";
        let dm = read(dm).unwrap().management.unwrap();
        assert_eq!((dm.path.as_str(), dm.id.as_str()), ("/dm", "acme-dm"));
        let device = ManagedDevice {
            id: "IMEI:1".to_owned(),
            scheme: Scheme::Mac,
            user: "IMEI:1".to_owned(),
            password: Some(SecretSource::File("p".to_owned())),
            server_password: None,
            commands: vec!["a.xml".into()],
        };
        assert_eq!(dm.devices, [device]);
        let api = read("[api]\ntoken = { file = \"t\" }\n").unwrap();
        assert_eq!(api.api_token, Some(SecretSource::File("t".to_owned())));
        assert!(read("[features]\nextended_conversation = true\n").unwrap().features.extended_conversation);
        let presence = read("[presence]\nstrict = true\nafter_logout = \"alias\"\n").unwrap().presence;
        assert_eq!((presence.is_strict, presence.after_logout), (true, AfterLogout::Alias));
        let users = "[csp]\nusers = [ { user = \"anna\", password = { env = \"ANNA\" } } ]\n";
        let users = read(users).unwrap().users;
        assert_eq!(users, [("anna".to_owned(), SecretSource::Environment("ANNA".to_owned()))]);
        let tls = read("[tls]\ncert = \"c.pem\"\nkey = \"c.key\"\n").unwrap();
        assert_eq!((tls.scheme(), read("").unwrap().scheme()), ("https", "http"));
    }

    #[test]
    fn says_where_it_is_wrong() {
        let at = |text: &str| read(text).unwrap_err().at.unwrap();
        assert_eq!(at("domain = \"a b\"\n"), "server.domain");
        assert_eq!(at("[csp]\nlisten = []\n"), "server.csp.listen");
        assert_eq!(at("[dm]\nid = \"a\"\npath = \"/csp\"\n"), "server.dm.path");
        assert_eq!(at("[csp]\npath = \"/api/v1/logins\"\n"), "server.csp.path");
        let receipts = "[receipts]\nstore = \"s.db\"\nroutes = [{ route = \"a\", key = { env = \"A\" } }]\n";
        assert_eq!(at(&format!("{receipts}[csp]\npath = \"/api/v1/receipts/a\"\n")), "server.csp.path");
        assert!(read(&format!("{receipts}[csp]\npath = \"/api/v1/receipts/b\"\n")).is_ok());
        assert_eq!(at("[cir]\nsms_route = \"a\"\nsms_path = \"/csp\"\n"), "server.cir.sms_path");
        assert_eq!(at("[dm]\nid = \"a\"\ndevices = [ { id = \"b\", scheme = \"sha\" } ]\n"), "server.dm.devices");
        assert_eq!(at("[csp]\nmax_body = \"5MiB\"\n"), "server.csp.max_body");
        let long = format!("http://a.example/{}", "c".repeat(38));
        for url in ["http://a.example", "ftp://a.example/c", &long, "http://a.example/cir"] {
            let text = format!("[csp]\ncontent_url = \"{url}\"\n[cir]\nhttp = \"http://a.example/cir\"\n");
            assert_eq!(at(&text), "server.csp.content_url", "{url}");
        }
        assert_eq!(at("[csp]\nsession_ttl = \"18446744073709551615h\"\n"), "server.csp.session_ttl");
    }
}
