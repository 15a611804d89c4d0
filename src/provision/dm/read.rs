//! Reading IMPS accounts out of a device tree, with the access points and proxies that they name.

use super::{ADDRESS_KINDS, BEARERS, LEVELS, NAP, PROXY, is_list, other_word};
use crate::dm::{DM_ACCOUNT, Format, ManagementObject, Node, Tree, Uri, Value};
use crate::document::is_xml;
use crate::provision::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest, Secret,
};
use crate::provision::cp::{self, Reading};

/// Reads the IMPS accounts of a device tree, wherever they hang; other spellings of their nodes are read too.
///
/// An account brings along the access points and proxies that it names, and no others of the device.
pub fn read(tree: &Tree) -> Reading {
    let imps = ManagementObject::imps();
    let mut reading = Reading::default();
    let connections = Connections::read(tree, &mut reading.not_carried);
    for uri in imps.instances(tree) {
        let Some(node) = tree.get(&uri) else { continue };
        let mut taken = Taken::new(imps.canonical(node));
        let account = read_account(&mut taken, &connections);
        taken.report(&uri, &mut reading.not_carried);
        reading.accounts.push(account);
    }
    for uri in tree.instances(DM_ACCOUNT) {
        let Some(node) = tree.get(&uri) else { continue };
        let mut taken = Taken::new(node.clone());
        let manager = read_manager(&mut taken, &connections);
        taken.report(&uri, &mut reading.not_carried);
        reading.managers.push(manager);
    }
    cp::share(&mut reading, &connections.points, &connections.proxies(), false);
    reading
}

fn read_account(taken: &mut Taken, connections: &Connections) -> ImpsAccount {
    taken.text("AppID");
    let mut account = ImpsAccount {
        provider_id: taken.text("ProviderID"),
        name: taken.text("Name"),
        accept: taken.text("AAccept"),
        protocol: taken.text("AProtocol"),
        services: taken.text("Services"),
        client_id_prefix: taken.text("CIDPrefix"),
        ..ImpsAccount::default()
    };
    if let Some(address) = taken.text("PrefAddr") {
        account.addresses.push(Address { form: AddressForm::Short, address, ..Address::default() });
    }
    account.addresses.extend(taken.below("AppAddr", read_address));
    account.credentials = taken.below("AppAuth", read_credentials);
    (account.to_proxies, account.to_access_points) = read_references(taken, connections);
    let ext = taken.rest("Ext");
    (account.rest, account.vendor) = (ext.parms, ext.children);
    account
}

/// Reads the account of a DM server, the inverse of what is written.
fn read_manager(taken: &mut Taken, connections: &Connections) -> DmAccount {
    taken.text("AppID");
    let (to_proxies, to_access_points) = read_references(taken, connections);
    let mut manager = DmAccount {
        server_id: taken.text("ServerID"),
        name: taken.text("Name"),
        addresses: taken.below("AppAddr", read_address),
        auth_preference: taken.text("AAuthPref"),
        credentials: taken.below("AppAuth", read_credentials),
        to_proxies,
        to_access_points,
        rest: taken.rest("Ext"),
        ..DmAccount::default()
    };
    for credentials in &mut manager.credentials {
        credentials.level = credentials.level.take().map(|level| other_word(&level, LEVELS, true).to_owned());
    }
    manager
}

/// Reads the references of an account: the ids of proxies and of access points.
fn read_references(taken: &mut Taken, connections: &Connections) -> (Vec<String>, Vec<String>) {
    let mut references = taken.below("ToConRef", |taken| taken.text("ConRef").unwrap_or_default());
    // The preferred one is first, and is among the others or alone.
    if let Some(preferred) = taken.text("PrefConRef").filter(|uri| !uri.is_empty()) {
        references.retain(|uri| *uri != preferred);
        references.insert(0, preferred);
    }
    let (mut proxies, mut points) = (Vec::new(), Vec::new());
    for reference in references {
        match connections.find(&reference) {
            Target::Proxy(id) => proxies.push(id),
            Target::AccessPoint(id) => points.push(id),
        }
    }
    (proxies, points)
}

fn read_address(taken: &mut Taken) -> Address {
    let kind = taken.text("AddrType").filter(|kind| !kind.is_empty() && kind != "URI");
    Address {
        form: AddressForm::Long,
        address: taken.text("Addr").unwrap_or_default(),
        kind: kind.map(|kind| other_word(&kind, ADDRESS_KINDS, true).to_owned()),
        ports: taken.below("Port", read_port),
        rest: Rest::default(),
    }
}

fn read_port(taken: &mut Taken) -> Port {
    Port { number: taken.text("PortNbr").unwrap_or_default(), ..Port::default() }
}

fn read_credentials(taken: &mut Taken) -> Credentials {
    Credentials {
        level: taken.text("AAuthLevel"),
        kind: taken.text("AAuthType"),
        user: taken.text("AAuthName"),
        password: taken.text("AAuthSecret").map(Secret::new),
        data: taken.text("AAuthData").map(Secret::new),
        rest: Rest::default(),
    }
}

/// The access points and proxies of a device.
struct Connections {
    points: Vec<AccessPoint>,
    /// Where each is, and what; several places of one proxy have one id.
    places: Vec<(Uri, Target)>,
    /// Physical proxies in their order, each as a proxy of its own.
    single: Vec<Proxy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    AccessPoint(String),
    Proxy(String),
}

impl Connections {
    fn read(tree: &Tree, not_carried: &mut Vec<String>) -> Self {
        let mut connections = Self { points: Vec::new(), places: Vec::new(), single: Vec::new() };
        let (proxies, points) = places(tree);
        for uri in points {
            let Some(node) = tree.get(&uri) else { continue };
            let mut taken = Taken::new(node.clone());
            let point = read_access_point(&mut taken, &uri);
            taken.report(&uri, not_carried);
            connections.places.push((uri, Target::AccessPoint(point.id.clone())));
            connections.points.push(point);
        }
        for uri in proxies {
            let Some(node) = tree.get(&uri) else { continue };
            let mut taken = Taken::new(node.clone());
            let proxy = read_proxy(&mut taken, &uri, &connections);
            taken.report(&uri, not_carried);
            connections.places.push((uri, Target::Proxy(proxy.id.clone())));
            connections.single.push(proxy);
        }
        connections
    }

    /// Returns what a reference means. What is no address of a node here is an identifier of an access point, such as
    /// `INTERNET`.
    fn find(&self, reference: &str) -> Target {
        let uri = Uri::read(reference).ok();
        let found = self.places.iter().find(|(place, _)| uri.as_ref() == Some(place));
        found.map_or_else(|| Target::AccessPoint(reference.to_owned()), |(_, target)| target.clone())
    }

    /// Returns the proxies, those of one id put together.
    fn proxies(&self) -> Vec<Proxy> {
        let mut proxies: Vec<Proxy> = Vec::new();
        for single in &self.single {
            match proxies.iter_mut().find(|p| p.id == single.id) {
                Some(proxy) => proxy.physical.extend(single.physical.iter().cloned()),
                None => proxies.push(single.clone()),
            }
        }
        proxies
    }
}

/// Returns the places of proxies and of access points: by their identifiers, and whatever node a reference names.
fn places(tree: &Tree) -> (Vec<Uri>, Vec<Uri>) {
    let (mut proxies, mut points) = (tree.instances(PROXY), tree.instances(NAP));
    tree.walk(&mut |_, leaf| {
        if !matches!(leaf.name(), "ConRef" | "PrefConRef" | "ToConRef") {
            return;
        }
        let Some(uri) = leaf.value_text().and_then(|text| Uri::read(text).ok()) else { return };
        let Some(node) = tree.get(&uri).filter(|node| node.is_interior() && !uri.is_root()) else { return };
        if !proxies.contains(&uri) && !points.contains(&uri) {
            let places = if node.child("ProxyId").is_some() { &mut proxies } else { &mut points };
            places.push(uri);
        }
    });
    (proxies, points)
}

fn read_access_point(taken: &mut Taken, uri: &Uri) -> AccessPoint {
    let mut rest = taken.rest("Ext");
    let bearer = taken.text("BearerType").map(|word| other_word(&word, BEARERS, true).to_owned());
    let (bearers, parms) = rest.parms.drain(..).partition::<Vec<_>, _>(|p| p.name == "BEARER");
    rest.parms = parms;
    let bearers: Vec<String> = bearers.into_iter().filter_map(|p| p.value).collect();
    let first = taken.interior("AuthInfo").map(|mut auth| Credentials {
        kind: auth.text("AuthType"),
        user: auth.text("AuthName"),
        password: auth.text("AuthSecret").map(Secret::new),
        ..Credentials::default()
    });
    taken.empty("IP");
    taken.empty("BearerParams");
    AccessPoint {
        id: taken.text("ID").or_else(|| taken.text("NapId")).unwrap_or_else(|| uri.name().to_owned()),
        name: taken.text("Name"),
        address: taken.text("Addr"),
        address_kind: taken.text("AddrType"),
        bearers: if bearers.is_empty() { bearer.into_iter().collect() } else { bearers },
        auths: first.into_iter().chain(cp::take_sign_ins(&mut rest)).collect(),
        rest,
    }
}

fn read_proxy(taken: &mut Taken, uri: &Uri, connections: &Connections) -> Proxy {
    let mut rest = taken.rest("Ext");
    let ports = cp::take_ports(&mut rest);
    let id = taken.text("ProxyId").unwrap_or_else(|| uri.name().to_owned());
    let own = rest.children.iter().position(|c| c.kind == "PXPHYSICAL").map(|at| rest.children.remove(at).rest);
    let mut own = own.unwrap_or_default();
    let mut parm = |name: &str| {
        let at = own.parms.iter().position(|p| p.name == name)?;
        own.parms.remove(at).value
    };
    let (physical_id, address_kind) = (parm("PHYSICAL-PROXY-ID"), parm("PXADDRTYPE"));
    let references = taken.below("ToConRef", |taken| taken.text("ConRef").unwrap_or_default());
    let points = references.iter().map(|reference| match connections.find(reference) {
        Target::AccessPoint(id) | Target::Proxy(id) => id,
    });
    let mut numbers = taken.below("Ports", read_port);
    numbers.extend(cp::take_ports(&mut own));
    let physical = taken.text("Addr").map(|address| PhysicalProxy {
        id: physical_id.unwrap_or_else(|| id.clone()),
        address,
        address_kind,
        to_access_points: points.collect(),
        ports: numbers,
        rest: own,
    });
    Proxy { name: taken.text("Name"), physical: physical.into_iter().collect(), ports, rest, id }
}

/// An interior node of which child by child is taken; what is left in the end is reported.
struct Taken {
    node: Node,
    /// What children that were taken had left, by path.
    left: Vec<String>,
}

impl Taken {
    fn new(node: Node) -> Self {
        Self { node, left: Vec::new() }
    }

    /// Takes a leaf; octets where they are text that a document can hold.
    fn text(&mut self, name: &str) -> Option<String> {
        self.node.child(name).filter(|child| !child.is_interior())?;
        let text = match self.node.remove(name)?.value? {
            Value::Text(text) => Some(text),
            Value::Octets(octets) => String::from_utf8(octets).ok().filter(|text| text.chars().all(is_xml)),
        };
        if text.is_none() {
            self.left.push(format!("{name}: octets that are no text"));
        }
        text
    }

    fn interior(&mut self, name: &str) -> Option<Self> {
        self.node.child(name).filter(|child| child.is_interior())?;
        self.node.remove(name).map(Self::new)
    }

    /// Takes an interior node in which there is nothing.
    fn empty(&mut self, name: &str) {
        if self.node.child(name).is_some_and(|child| child.is_interior() && child.children().next().is_none()) {
            self.node.remove(name);
        }
    }

    /// Takes the instances below a container.
    fn below<T>(&mut self, name: &str, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let Some(container) = self.interior(name) else { return Vec::new() };
        let mut values = Vec::new();
        for child in container.node.into_children() {
            if !child.is_interior() {
                self.left.push(format!("{name}/{}", child.name()));
                continue;
            }
            let path = format!("{name}/{}", child.name());
            let mut taken = Self::new(child);
            values.push(read(&mut taken));
            self.left.extend(taken.names().map(|name| format!("{path}/{name}")));
            self.left.extend(taken.left.iter().map(|name| format!("{path}/{name}")));
        }
        values
    }

    /// Takes a free branch.
    fn rest(&mut self, name: &str) -> Rest {
        self.interior(name).map(|branch| rest_of(&branch.node)).unwrap_or_default()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.node.children().map(Node::name)
    }

    fn report(&self, uri: &Uri, not_carried: &mut Vec<String>) {
        let left = self.left.iter().map(String::as_str);
        not_carried.extend(self.names().chain(left).map(|name| format!("{uri}/{name}")));
    }
}

/// Returns a free branch as parameters and characteristics, the inverse of what is written below `Ext`.
fn rest_of(node: &Node) -> Rest {
    let mut rest = Rest::default();
    for child in node.children() {
        if is_list(child) {
            child.children().for_each(|item| add(&mut rest, child.name(), item));
        } else {
            add(&mut rest, child.name(), child);
        }
    }
    rest
}

fn add(rest: &mut Rest, name: &str, item: &Node) {
    let name = name.to_owned();
    if item.is_interior() {
        rest.children.push(Characteristic { kind: name, rest: rest_of(item) });
    } else {
        let value = if item.format == Format::Null { None } else { item.value.as_ref().map(Value::to_text) };
        rest.parms.push(Parm { name, value });
    }
}
