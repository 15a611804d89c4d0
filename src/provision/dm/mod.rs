//! An account as an IMPS management object in a device tree, both ways (IMPS MO, "Node table").
//!
//! ```text
//! ./IMPS/acme                   the account; ConRef ──┐
//! ./ConnMO/Proxy/1              a proxy; ConRef ──┐ <─┘
//! ./ConnMO/NAP/1                an access point <─┘
//! ```
//!
//! What the object has no node for is kept below `Ext`, under the name it has in provisioning documents: a parameter is a
//! leaf (of format `null` for a flag), a characteristic an interior node, repeated ones are numbered from 1.

mod read;

pub use read::read;

use super::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest,
};
use super::cp;
use crate::dm::{DM_ACCOUNT, DM_APPID, Format, IMPS_APPID, ManagementObject, Node, Value, is_name};

/// The identifier of access points (Connectivity MO, observed).
pub const NAP: &str = "urn:oma:mo:oma-connmo-nap:1.0";
/// The identifier of proxies (Connectivity MO, by pattern).
pub(crate) const PROXY: &str = "urn:oma:mo:oma-connmo-proxy:1.0";

/// What writing lost, as paths of names in a provisioning document.
pub(super) type Lost = Vec<String>;

/// Returns the instance of an account. `reference` gives the address of the access point or proxy of an id.
pub(super) fn account_node(
    account: &ImpsAccount,
    name: &str,
    reference: &dyn Fn(Reference<'_>) -> String,
    lost: &mut Lost,
) -> Node {
    let mut node = ManagementObject::imps().instance(name);
    put(&mut node, Node::text("AppID", IMPS_APPID));
    put_text(&mut node, "ProviderID", account.provider_id.as_deref());
    put_text(&mut node, "Name", account.name.as_deref());
    put_references(&mut node, references(&account.to_proxies, &account.to_access_points, reference, lost));
    put_text(&mut node, "AAccept", account.accept.as_deref());
    put_text(&mut node, "AProtocol", account.protocol.as_deref());
    put_addresses(&mut node, &account.addresses, lost);
    let credentials = account.credentials.iter().enumerate().map(|(at, c)| credentials_node(at, c, lost));
    put_all(&mut node, "AppAuth", credentials.collect());
    put_text(&mut node, "Services", account.services.as_deref());
    put_text(&mut node, "CIDPrefix", account.client_id_prefix.as_deref());
    let rest = Rest { parms: account.rest.clone(), children: account.vendor.clone() };
    put_rest(&mut node, &rest, "APPLICATION", lost);
    node
}

/// Returns the instance of the account of a DM server (DM Bootstrap 1.2, "w7 to DMAcc").
pub(super) fn manager_node(
    manager: &DmAccount,
    name: &str,
    reference: &dyn Fn(Reference<'_>) -> String,
    lost: &mut Lost,
) -> Node {
    let mut node = Node::instance(name, DM_ACCOUNT).with(Node::text("AppID", DM_APPID));
    put_text(&mut node, "ServerID", manager.server_id.as_deref());
    put_text(&mut node, "Name", manager.name.as_deref());
    put_references(&mut node, references(&manager.to_proxies, &manager.to_access_points, reference, lost));
    let address = |(at, address): (usize, &Address)| {
        // The object must say the kind, and a URI is meant where a document does not.
        let kind = Some(address.kind.clone().unwrap_or_else(|| "URI".to_owned()));
        address_node(at, &Address { kind, ..address.clone() }, lost)
    };
    let addresses = manager.addresses.iter().enumerate().map(address).collect();
    put_all(&mut node, "AppAddr", addresses);
    put_text(&mut node, "AAuthPref", manager.auth_preference.as_deref());
    let credentials = |(at, credentials): (usize, &Credentials)| {
        let level = other_word(credentials.level.as_deref().unwrap_or("APPSRV"), LEVELS, false).to_owned();
        credentials_node(at, &Credentials { level: Some(level), ..credentials.clone() }, lost)
    };
    let credentials = manager.credentials.iter().enumerate().map(credentials).collect();
    put_all(&mut node, "AppAuth", credentials);
    put_rest(&mut node, &manager.rest, "APPLICATION", lost);
    node
}

/// What a connectivity reference names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference<'i> {
    AccessPoint(&'i str),
    Proxy(&'i str),
}

/// Returns the values of the references of an account. The id of a proxy that the device does not have would be read as
/// that of an access point.
fn references(
    to_proxies: &[String],
    to_access_points: &[String],
    reference: &dyn Fn(Reference<'_>) -> String,
    lost: &mut Lost,
) -> Vec<String> {
    let mut values = Vec::with_capacity(to_proxies.len() + to_access_points.len());
    for id in to_proxies {
        let value = reference(Reference::Proxy(id));
        if value == *id {
            lost.push(format!("APPLICATION/TO-PROXY {id}: there is no such proxy"));
        }
        values.push(value);
    }
    values.extend(to_access_points.iter().map(|id| reference(Reference::AccessPoint(id))));
    values
}

/// One reference goes into a leaf, several into a container.
fn put_references(node: &mut Node, references: Vec<String>) {
    match &references[..] {
        [only] => put_text(node, "PrefConRef", Some(only)),
        _ => put_all(node, "ToConRef", con_refs(references)),
    }
}

fn con_refs(references: Vec<String>) -> Vec<Node> {
    let instance = |(at, uri): (usize, String)| numbered(at).with(Node::text("ConRef", uri));
    references.into_iter().enumerate().map(instance).collect()
}

fn put_addresses(node: &mut Node, addresses: &[Address], lost: &mut Lost) {
    let mut long = Vec::new();
    for address in addresses {
        let is_short = address.form == AddressForm::Short;
        if is_short && node.child("PrefAddr").is_none() {
            put_text(node, "PrefAddr", Some(&address.address));
            continue;
        }
        if is_short {
            lost.push(format!("APPLICATION/ADDR {}: becomes an APPADDR", address.address));
        }
        long.push(address_node(long.len(), address, lost));
    }
    put_all(node, "AppAddr", long);
}

fn address_node(at: usize, address: &Address, lost: &mut Lost) -> Node {
    let mut node = numbered(at).with(Node::text("Addr", &address.address));
    put_text(&mut node, "AddrType", address.kind.as_deref().map(|kind| other_word(kind, ADDRESS_KINDS, false)));
    let mut ports = Vec::new();
    for (place, port) in address.ports.iter().enumerate() {
        ports.push(numbered(place).with(Node::text("PortNbr", &port.number)));
        let services = port.services.iter().map(|service| format!("SERVICE {service}"));
        let rest = rest_names(&port.rest);
        lost.extend(services.chain(rest).map(|name| format!("APPLICATION/APPADDR/PORT/{name}")));
    }
    put_all(&mut node, "Port", ports);
    lost.extend(rest_names(&address.rest).into_iter().map(|name| format!("APPLICATION/APPADDR/{name}")));
    node
}

fn credentials_node(at: usize, credentials: &Credentials, lost: &mut Lost) -> Node {
    // Without a level the credentials are the client's (registration of `wA`); the object must say it.
    let level = credentials.level.as_deref().unwrap_or("APPSRV");
    let mut node = numbered(at).with(Node::text("AAuthLevel", level));
    put_text(&mut node, "AAuthType", credentials.kind.as_deref());
    put_text(&mut node, "AAuthName", credentials.user.as_deref());
    put_text(&mut node, "AAuthSecret", credentials.password.as_ref().map(|s| s.expose()));
    if let Some(data) = &credentials.data {
        put(&mut node, Node::leaf("AAuthData", Format::Bin, Some(Value::Octets(data.expose().as_bytes().to_vec()))));
    }
    lost.extend(rest_names(&credentials.rest).into_iter().map(|name| format!("APPLICATION/APPAUTH/{name}")));
    node
}

/// Returns the instance of an access point (Connectivity MO 1.0).
pub(super) fn access_point_node(point: &AccessPoint, name: &str, lost: &mut Lost) -> Node {
    let mut node = Node::instance(name, NAP).with(Node::text("ID", &point.id));
    put_text(&mut node, "Name", point.name.as_deref());
    put_text(&mut node, "AddrType", point.address_kind.as_deref());
    put_text(&mut node, "Addr", point.address.as_deref());
    put(&mut node, Node::interior("IP"));
    let mut rest = point.rest.clone();
    let mut auths = &point.auths[..];
    if let [first, more @ ..] = auths
        && first.rest.is_empty()
    {
        let mut auth = Node::interior("AuthInfo");
        put_text(&mut auth, "AuthType", first.kind.as_deref());
        put_text(&mut auth, "AuthName", first.user.as_deref());
        put_text(&mut auth, "AuthSecret", first.password.as_ref().map(|s| s.expose()));
        put(&mut node, auth);
        auths = more;
    }
    rest.children.extend(auths.iter().map(cp::sign_in_characteristic));
    put_text(&mut node, "BearerType", point.bearers.first().map(|bearer| other_word(bearer, BEARERS, false)));
    if point.bearers.len() > 1 {
        rest.parms.extend(point.bearers.iter().map(|b| Parm { name: "BEARER".to_owned(), value: Some(b.clone()) }));
    }
    put(&mut node, Node::interior("BearerParams"));
    put_rest(&mut node, &rest, "NAPDEF", lost);
    node
}

/// Returns the instances of a proxy, one a physical proxy; all have its id.
pub(super) fn proxy_nodes(
    proxy: &Proxy,
    names: &[String],
    reference: &dyn Fn(Reference<'_>) -> String,
    lost: &mut Lost,
) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut node = Node::instance(name, PROXY).with(Node::text("ProxyId", &proxy.id));
        put_text(&mut node, "Name", proxy.name.as_deref());
        let mut rest = if at == 0 { proxy.rest.clone() } else { Rest::default() };
        if at == 0 {
            rest.children.extend(proxy.ports.iter().map(cp::port_characteristic));
        }
        if let Some(physical) = proxy.physical.get(at) {
            put_physical(&mut node, proxy, physical, reference, &mut rest);
        }
        put_rest(&mut node, &rest, "PXLOGICAL", lost);
        nodes.push(node);
    }
    nodes
}

/// Writes a physical proxy; what has no node of its own goes into a characteristic PXPHYSICAL below `Ext`.
fn put_physical(
    node: &mut Node,
    proxy: &Proxy,
    physical: &PhysicalProxy,
    reference: &dyn Fn(Reference<'_>) -> String,
    rest: &mut Rest,
) {
    put_text(node, "Addr", Some(&physical.address));
    let uris = physical.to_access_points.iter().map(|id| reference(Reference::AccessPoint(id))).collect();
    put_all(node, "ToConRef", con_refs(uris));
    let mut own = Characteristic { kind: "PXPHYSICAL".to_owned(), rest: physical.rest.clone() };
    let mut parm = |name: &str, value: &str| {
        own.rest.parms.push(Parm { name: name.to_owned(), value: Some(value.to_owned()) });
    };
    if physical.id != proxy.id {
        parm("PHYSICAL-PROXY-ID", &physical.id);
    }
    physical.address_kind.iter().for_each(|kind| parm("PXADDRTYPE", kind));
    let is_plain = |port: &Port| {
        port.services.is_empty()
            && port.rest.is_empty()
            && port.number.parse().is_ok_and(|n: u16| n.to_string() == port.number)
    };
    if physical.ports.iter().all(is_plain) {
        let port = |(at, port): (usize, &Port)| {
            numbered(at).with(Node::leaf("PortNbr", Format::Int, Some(Value::Text(port.number.clone()))))
        };
        put_all(node, "Ports", physical.ports.iter().enumerate().map(port).collect());
    } else {
        own.rest.children.extend(physical.ports.iter().map(cp::port_characteristic));
    }
    if !own.rest.is_empty() {
        rest.children.push(own);
    }
}

/// Words of provisioning documents and of management objects for one thing.
type Words = &'static [(&'static str, &'static str)];

pub(super) const ADDRESS_KINDS: Words = &[("IPV4", "IPv4"), ("IPV6", "IPv6")];
/// The levels of DM accounts; `OBEX` is one word in both.
pub(super) const LEVELS: Words = &[("APPSRV", "CLCRED"), ("CLIENT", "SRVCRED")];
pub(super) const BEARERS: Words = &[("GSM-GPRS", "3GPPPS")];

/// Returns the other word for one; the same where there is none.
pub(super) fn other_word(word: &str, words: Words, to_cp: bool) -> &str {
    let found = words.iter().find(|(cp, dm)| word == if to_cp { *dm } else { *cp });
    found.map_or(word, |(cp, dm)| if to_cp { cp } else { dm })
}

/// Puts parameters and characteristics below `Ext`.
fn put_rest(node: &mut Node, rest: &Rest, path: &str, lost: &mut Lost) {
    if !rest.is_empty() {
        put(node, container("Ext", rest, path, lost));
    }
}

/// Returns an interior node with parameters as leaves and characteristics as interior nodes.
fn container(name: &str, rest: &Rest, path: &str, lost: &mut Lost) -> Node {
    let mut node = Node::interior(name);
    let parms = rest.parms.iter().map(|parm| (parm.name.as_str(), leaf(parm)));
    let mut children = Vec::new();
    for child in &rest.children {
        let path = format!("{path}/{}", child.kind);
        children.push((child.kind.as_str(), container(&child.kind, &child.rest, &path, lost)));
    }
    let mut gathered: Vec<(&str, Vec<Node>)> = Vec::new();
    for (name, item) in parms.chain(children) {
        match gathered.iter_mut().find(|(n, _)| *n == name) {
            Some((_, items)) => items.push(item),
            None => gathered.push((name, vec![item])),
        }
    }
    for (name, items) in gathered {
        if !is_name(name) {
            lost.push(format!("{path}/{name}: cannot name a node"));
        } else if items.len() == 1 && !items.iter().any(is_list) {
            items.into_iter().for_each(|item| put(&mut node, item));
        } else {
            let numbers = items.into_iter().enumerate().map(|(at, item)| item.named((at + 1).to_string()));
            put_all(&mut node, name, numbers.collect());
        }
    }
    node
}

/// Returns whether the children of a node are numbered from 1: a list of what the node names.
pub(super) fn is_list(node: &Node) -> bool {
    let mut numbers = (1..).map(|n: u32| n.to_string());
    node.children().next().is_some() && node.children().all(|child| numbers.next().is_some_and(|n| n == child.name()))
}

fn leaf(parm: &Parm) -> Node {
    match &parm.value {
        Some(value) => Node::text(&parm.name, value),
        None => Node::leaf(&parm.name, Format::Null, None),
    }
}

fn rest_names(rest: &Rest) -> Vec<String> {
    rest.parms.iter().map(|p| p.name.clone()).chain(rest.children.iter().map(|c| c.kind.clone())).collect()
}

fn numbered(at: usize) -> Node {
    Node::interior((at + 1).to_string())
}

fn put_text(node: &mut Node, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        put(node, Node::text(name, text));
    }
}

/// Puts a container with numbered children, if there are any.
fn put_all(node: &mut Node, name: &str, children: Vec<Node>) {
    if !children.is_empty() {
        let mut container = Node::interior(name);
        children.into_iter().for_each(|child| put(&mut container, child));
        put(node, container);
    }
}

/// Adds a child whose name is legal and free: those of the object's table, numbers, and what was looked at before.
fn put(node: &mut Node, child: Node) {
    let added = node.add(child);
    debug_assert!(added.is_ok(), "{added:?}");
}
