//! [`ImpsAccount`]: what a handset must know to use IMPS, free of any syntax.
//!
//! Absent and empty are two things throughout: an operator who writes an empty password wants the handset to ask.
//! What a source says beyond the named fields is kept in [`Rest`], so that nothing is lost on the way through.

use std::fmt;

use zeroize::Zeroizing;

/// One IMPS account with the access points and proxies it may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImpsAccount {
    /// Who offers the service; with the application it is the account's identity (registration of `wA`).
    pub provider_id: Option<String>,
    /// The name on the handset's screen.
    pub name: Option<String>,
    /// The syntaxes and versions the server takes, as AACCEPT says them; see [`accept`](super::accept).
    pub accept: Option<String>,
    /// The label of the transport (APROTOCOL); no IMPS client is known to read it.
    pub protocol: Option<String>,
    /// The services the account is for, as SERVICES says them.
    pub services: Option<String>,
    /// The start of the ClientID that the handset makes.
    pub client_id_prefix: Option<String>,
    /// Where the service is, preferred first; short forms stand before long ones.
    pub addresses: Vec<Address>,
    /// Who logs in.
    pub credentials: Vec<Credentials>,
    /// Proxies to go through, preferred first, by [`Proxy::id`].
    pub to_proxies: Vec<String>,
    /// Access points to use without a proxy, preferred first, by [`AccessPoint::id`]; or `INTERNET`.
    pub to_access_points: Vec<String>,
    /// Access points that the account brings along.
    pub access_points: Vec<AccessPoint>,
    /// Proxies that the account brings along.
    pub proxies: Vec<Proxy>,
    /// Vendor settings, one characteristic a kind, in order.
    pub vendor: Vec<Characteristic>,
    /// Parameters of the application that we have no field for.
    pub rest: Vec<Parm>,
}

/// The account of the server that manages a device (`w7`; DMAcc), with the access points and proxies it may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DmAccount {
    /// The identifier of the server, which access control lists name.
    pub server_id: Option<String>,
    /// The name on the screen.
    pub name: Option<String>,
    /// Where the server is, preferred first.
    pub addresses: Vec<Address>,
    /// The authentication type to try first; provisioning documents have no place for it.
    pub auth_preference: Option<String>,
    /// Who each side is; levels are those of provisioning documents.
    pub credentials: Vec<Credentials>,
    /// Proxies to go through, preferred first, by [`Proxy::id`].
    pub to_proxies: Vec<String>,
    /// Access points to use without a proxy, preferred first, by [`AccessPoint::id`].
    pub to_access_points: Vec<String>,
    /// Access points that the account brings along.
    pub access_points: Vec<AccessPoint>,
    /// Proxies that the account brings along.
    pub proxies: Vec<Proxy>,
    /// What else the source said.
    pub rest: Rest,
}

/// How an address is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressForm {
    /// A characteristic of its own, APPADDR.
    #[default]
    Long,
    /// A parameter of the application, ADDR.
    Short,
}

/// An address of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// How it is written.
    pub form: AddressForm,
    /// An absolute URL, an IP address or a number.
    pub address: String,
    /// What the address is; a URL where absent. Only in the long form.
    pub kind: Option<String>,
    /// Ports, where the URL has none. Only in the long form.
    pub ports: Vec<Port>,
    /// What else the source said. Only in the long form.
    pub rest: Rest,
}

/// A port with the protocols spoken there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// The number, in decimal.
    pub number: String,
    /// The protocols.
    pub services: Vec<String>,
    /// What else the source said.
    pub rest: Rest,
}

/// A name and a password for one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// `APPSRV`: the client's for the server; `CLIENT`: the server's for the client.
    pub level: Option<String>,
    /// The authentication methods; CSP agrees them itself, clients do not read it.
    pub kind: Option<String>,
    /// The user identity.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// Data of the authentication method.
    pub data: Option<Secret>,
    /// What else the source said.
    pub rest: Rest,
}

/// A way into a network (NAPDEF).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessPoint {
    /// What references name it by.
    pub id: String,
    /// The kinds of bearer.
    pub bearers: Vec<String>,
    /// The name on the screen.
    pub name: Option<String>,
    /// The access point name, number or address.
    pub address: Option<String>,
    /// What the address is: `APN` for packet data.
    pub address_kind: Option<String>,
    /// Who signs in to the network.
    pub auths: Vec<Credentials>,
    /// What else the source said.
    pub rest: Rest,
}

/// A proxy (PXLOGICAL) with its physical addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// What references name it by.
    pub id: String,
    /// The name on the screen.
    pub name: Option<String>,
    /// Where it is.
    pub physical: Vec<PhysicalProxy>,
    /// Ports for those physical proxies that have none.
    pub ports: Vec<Port>,
    /// What else the source said.
    pub rest: Rest,
}

/// One place where a proxy is (PXPHYSICAL).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhysicalProxy {
    /// What it is called inside its proxy.
    pub id: String,
    /// The address.
    pub address: String,
    /// What the address is.
    pub address_kind: Option<String>,
    /// The access points from which it is reached.
    pub to_access_points: Vec<String>,
    /// The ports.
    pub ports: Vec<Port>,
    /// What else the source said.
    pub rest: Rest,
}

/// Parameters and characteristics that we have no field for, kept in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rest {
    /// Parameters.
    pub parms: Vec<Parm>,
    /// Characteristics.
    pub children: Vec<Characteristic>,
}

/// A parameter; a flag where there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parm {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Option<String>,
}

/// A named group of parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Characteristic {
    /// Its type.
    pub kind: String,
    /// What it holds.
    pub rest: Rest,
}

/// A text that is wiped when dropped and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text, for writing it into a document.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

/// The word in TO-NAPID that stands for any access point to the internet.
pub(super) const INTERNET: &str = "INTERNET";

impl ImpsAccount {
    /// Calls `visit` for every value of the account, names of parameters left out.
    pub fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        let single = [
            &mut self.provider_id,
            &mut self.name,
            &mut self.accept,
            &mut self.protocol,
            &mut self.services,
            &mut self.client_id_prefix,
        ];
        single.into_iter().flatten().for_each(&mut *visit);
        self.to_proxies.iter_mut().for_each(&mut *visit);
        self.to_access_points.iter_mut().for_each(&mut *visit);
        self.addresses.iter_mut().for_each(|a| a.texts(visit));
        self.credentials.iter_mut().for_each(|c| c.texts(visit));
        self.access_points.iter_mut().for_each(|a| a.texts(visit));
        self.proxies.iter_mut().for_each(|p| p.texts(visit));
        self.vendor.iter_mut().for_each(|c| c.rest.texts(visit));
        self.rest.iter_mut().filter_map(|p| p.value.as_mut()).for_each(visit);
    }

    /// Returns the credentials that the client presents to the server: those of level `APPSRV`, else the first
    /// without a level.
    pub fn login(&self) -> Option<&Credentials> {
        let level = |c: &&Credentials| c.level.as_deref() == Some("APPSRV");
        self.credentials.iter().find(level).or_else(|| self.credentials.iter().find(|c| c.level.is_none()))
    }
}

impl DmAccount {
    /// Calls `visit` for every value of the account, names of parameters left out.
    pub fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        let single = [&mut self.server_id, &mut self.name, &mut self.auth_preference];
        single.into_iter().flatten().for_each(&mut *visit);
        self.to_proxies.iter_mut().for_each(&mut *visit);
        self.to_access_points.iter_mut().for_each(&mut *visit);
        self.addresses.iter_mut().for_each(|a| a.texts(visit));
        self.credentials.iter_mut().for_each(|c| c.texts(visit));
        self.access_points.iter_mut().for_each(|a| a.texts(visit));
        self.proxies.iter_mut().for_each(|p| p.texts(visit));
        self.rest.texts(visit);
    }
}

impl Address {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.address);
        self.kind.iter_mut().for_each(&mut *visit);
        ports(&mut self.ports, visit);
        self.rest.texts(visit);
    }
}

impl Credentials {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        let single = [&mut self.level, &mut self.kind, &mut self.user];
        single.into_iter().flatten().for_each(&mut *visit);
        let secret = [&mut self.password, &mut self.data];
        secret.into_iter().flatten().for_each(|s| visit(&mut s.0));
        self.rest.texts(visit);
    }
}

impl AccessPoint {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.id);
        self.bearers.iter_mut().for_each(&mut *visit);
        let single = [&mut self.name, &mut self.address, &mut self.address_kind];
        single.into_iter().flatten().for_each(&mut *visit);
        self.auths.iter_mut().for_each(|a| a.texts(visit));
        self.rest.texts(visit);
    }
}

impl Proxy {
    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.id);
        self.name.iter_mut().for_each(&mut *visit);
        for physical in &mut self.physical {
            visit(&mut physical.id);
            visit(&mut physical.address);
            physical.address_kind.iter_mut().for_each(&mut *visit);
            physical.to_access_points.iter_mut().for_each(&mut *visit);
            ports(&mut physical.ports, visit);
            physical.rest.texts(visit);
        }
        ports(&mut self.ports, visit);
        self.rest.texts(visit);
    }
}

impl Rest {
    /// Returns whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.parms.is_empty() && self.children.is_empty()
    }

    fn texts(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.parms.iter_mut().filter_map(|p| p.value.as_mut()).for_each(&mut *visit);
        self.children.iter_mut().for_each(|c| c.rest.texts(visit));
    }
}

fn ports(ports: &mut [Port], visit: &mut dyn FnMut(&mut String)) {
    for port in ports {
        visit(&mut port.number);
        port.services.iter_mut().for_each(&mut *visit);
        port.rest.texts(visit);
    }
}
