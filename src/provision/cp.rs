//! An account as a `wap-provisioningdoc` with an application `wA`, both ways (Provisioning Content
//! 1.1; registration of `wA`).
//!
//! Written in the order that every client accepts: NAPDEF, PXLOGICAL, APPLICATION; in a characteristic all parameters first.
//! Read leniently, as clients do: any order, any letter case of names; the first counts where one may stand.

use super::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, INTERNET, ImpsAccount, Parm,
    PhysicalProxy, Port, Proxy, Rest, Secret,
};
use crate::dm::{DM_APPID, IMPS_APPID};
use crate::document::Element;

/// Returns the provisioning document of an account.
pub fn write(account: &ImpsAccount) -> Element<'_> {
    write_all(std::slice::from_ref(account), &[])
}

/// Returns one provisioning document of several accounts, those of DM servers first; access points and proxies of one id
/// stand in it once.
pub fn write_all<'a>(accounts: &'a [ImpsAccount], managers: &'a [DmAccount]) -> Element<'a> {
    let mut points: Vec<&AccessPoint> = Vec::new();
    let of_managers = managers.iter().flat_map(|manager| &manager.access_points);
    for point in of_managers.chain(accounts.iter().flat_map(|account| &account.access_points)) {
        if !points.iter().any(|p| p.id == point.id) {
            points.push(point);
        }
    }
    let mut proxies: Vec<&Proxy> = Vec::new();
    let of_managers = managers.iter().flat_map(|manager| &manager.proxies);
    for proxy in of_managers.chain(accounts.iter().flat_map(|account| &account.proxies)) {
        if !proxies.iter().any(|p| p.id == proxy.id) {
            proxies.push(proxy);
        }
    }
    Element::new("wap-provisioningdoc")
        .with_attribute("version", "1.0")
        .with_all(points.into_iter().map(access_point))
        .with_all(proxies.into_iter().map(proxy))
        .with_all(managers.iter().map(manager))
        .with_all(accounts.iter().map(application))
}

/// The application `w7` (DM Bootstrap 1.2, "CP Profile").
fn manager(manager: &DmAccount) -> Element<'_> {
    let element = characteristic("APPLICATION")
        .with(parm("APPID", DM_APPID))
        .with_all(optional("PROVIDER-ID", &manager.server_id))
        .with_all(optional("NAME", &manager.name))
        .with_all(several("TO-PROXY", &manager.to_proxies))
        .with_all(several("TO-NAPID", &manager.to_access_points))
        .with_all(manager.rest.parms.iter().map(any_parm))
        .with_all(manager.addresses.iter().map(address))
        .with_all(manager.credentials.iter().map(credentials));
    element.with_all(manager.rest.children.iter().map(any_characteristic))
}

fn application(account: &ImpsAccount) -> Element<'_> {
    let (short, long): (Vec<_>, Vec<_>) = account.addresses.iter().partition(|a| a.form == AddressForm::Short);
    characteristic("APPLICATION")
        .with(parm("APPID", IMPS_APPID))
        .with_all(optional("PROVIDER-ID", &account.provider_id))
        .with_all(optional("NAME", &account.name))
        .with_all(optional("AACCEPT", &account.accept))
        .with_all(optional("APROTOCOL", &account.protocol))
        .with_all(several("TO-PROXY", &account.to_proxies))
        .with_all(several("TO-NAPID", &account.to_access_points))
        .with_all(optional("SERVICES", &account.services))
        .with_all(optional("CIDPREFIX", &account.client_id_prefix))
        .with_all(short.iter().map(|a| parm("ADDR", &a.address)))
        .with_all(account.rest.iter().map(any_parm))
        .with_all(long.into_iter().map(address))
        .with_all(account.credentials.iter().map(credentials))
        .with_all(account.vendor.iter().map(any_characteristic))
}

fn address(address: &Address) -> Element<'_> {
    let element = characteristic("APPADDR")
        .with(parm("ADDR", &address.address))
        .with_all(optional("ADDRTYPE", &address.kind))
        .with_all(address.rest.parms.iter().map(any_parm))
        .with_all(address.ports.iter().map(port));
    element.with_all(address.rest.children.iter().map(any_characteristic))
}

fn credentials(credentials: &Credentials) -> Element<'_> {
    let element = characteristic("APPAUTH")
        .with_all(optional("AAUTHLEVEL", &credentials.level))
        .with_all(optional("AAUTHTYPE", &credentials.kind))
        .with_all(optional("AAUTHNAME", &credentials.user))
        .with_all(secret("AAUTHSECRET", &credentials.password))
        .with_all(secret("AAUTHDATA", &credentials.data));
    with_rest(element, &credentials.rest)
}

fn access_point(point: &AccessPoint) -> Element<'_> {
    characteristic("NAPDEF")
        .with(parm("NAPID", &point.id))
        .with_all(several("BEARER", &point.bearers))
        .with_all(optional("NAME", &point.name))
        .with_all(optional("NAP-ADDRESS", &point.address))
        .with_all(optional("NAP-ADDRTYPE", &point.address_kind))
        .with_all(point.rest.parms.iter().map(any_parm))
        .with_all(point.auths.iter().map(sign_in))
        .with_all(point.rest.children.iter().map(any_characteristic))
}

fn sign_in(auth: &Credentials) -> Element<'_> {
    let element = characteristic("NAPAUTHINFO")
        .with_all(optional("AUTHTYPE", &auth.kind))
        .with_all(optional("AUTHNAME", &auth.user))
        .with_all(secret("AUTHSECRET", &auth.password));
    with_rest(element, &auth.rest)
}

fn proxy(proxy: &Proxy) -> Element<'_> {
    characteristic("PXLOGICAL")
        .with(parm("PROXY-ID", &proxy.id))
        .with_all(optional("NAME", &proxy.name))
        .with_all(proxy.rest.parms.iter().map(any_parm))
        .with_all(proxy.ports.iter().map(port))
        .with_all(proxy.physical.iter().map(physical))
        .with_all(proxy.rest.children.iter().map(any_characteristic))
}

fn physical(physical: &PhysicalProxy) -> Element<'_> {
    characteristic("PXPHYSICAL")
        .with(parm("PHYSICAL-PROXY-ID", &physical.id))
        .with(parm("PXADDR", &physical.address))
        .with_all(optional("PXADDRTYPE", &physical.address_kind))
        .with_all(several("TO-NAPID", &physical.to_access_points))
        .with_all(physical.rest.parms.iter().map(any_parm))
        .with_all(physical.ports.iter().map(port))
        .with_all(physical.rest.children.iter().map(any_characteristic))
}

fn port(port: &Port) -> Element<'_> {
    let element =
        characteristic("PORT").with(parm("PORTNBR", &port.number)).with_all(several("SERVICE", &port.services));
    with_rest(element, &port.rest)
}

/// Returns a port as a characteristic that can be kept with what we have no field for.
pub(super) fn port_characteristic(of: &Port) -> Characteristic {
    own_characteristic(&port(of))
}

/// Returns who signs in to a network as such a characteristic.
pub(super) fn sign_in_characteristic(auth: &Credentials) -> Characteristic {
    own_characteristic(&sign_in(auth))
}

/// Takes the characteristics of a kind out of what we have no field for, read as `read` does.
fn take_children<T>(rest: &mut Rest, kind: &str, read: fn(&mut Taken<'_, '_>) -> T) -> Vec<T> {
    let (taken, left) = rest.children.drain(..).partition::<Vec<_>, _>(|c| c.kind == kind);
    rest.children = left;
    taken.iter().map(|c| read(&mut Taken::new(&any_characteristic(c), &mut Vec::new()))).collect()
}

/// Takes ports out, the inverse of [`port_characteristic`].
pub(super) fn take_ports(rest: &mut Rest) -> Vec<Port> {
    take_children(rest, "PORT", read_port)
}

/// Takes sign-ins out, the inverse of [`sign_in_characteristic`].
pub(super) fn take_sign_ins(rest: &mut Rest) -> Vec<Credentials> {
    take_children(rest, "NAPAUTHINFO", read_sign_in)
}

fn any_characteristic(other: &Characteristic) -> Element<'_> {
    with_rest(characteristic(&other.kind), &other.rest)
}

fn with_rest<'a>(element: Element<'a>, rest: &'a Rest) -> Element<'a> {
    element.with_all(rest.parms.iter().map(any_parm)).with_all(rest.children.iter().map(any_characteristic))
}

fn characteristic(kind: &str) -> Element<'_> {
    Element::new("characteristic").with_attribute("type", kind)
}

fn parm<'a>(name: &'a str, value: &'a str) -> Element<'a> {
    Element::new("parm").with_attribute("name", name).with_attribute("value", value)
}

fn any_parm(other: &Parm) -> Element<'_> {
    let element = Element::new("parm").with_attribute("name", other.name.as_str());
    match &other.value {
        Some(value) => element.with_attribute("value", value.as_str()),
        None => element,
    }
}

fn optional<'a>(name: &'a str, value: &'a Option<String>) -> Option<Element<'a>> {
    value.as_deref().map(|value| parm(name, value))
}

fn secret<'a>(name: &'a str, value: &'a Option<Secret>) -> Option<Element<'a>> {
    value.as_ref().map(|value| parm(name, value.expose()))
}

fn several<'a>(name: &'a str, values: &'a [String]) -> impl Iterator<Item = Element<'a>> {
    values.iter().map(move |value| parm(name, value))
}

/// What was read out of a provisioning document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The IMPS accounts, in document order.
    pub accounts: Vec<ImpsAccount>,
    /// The accounts of DM servers, in document order.
    pub managers: Vec<DmAccount>,
    /// What the document says beyond them, as paths of names.
    pub not_carried: Vec<String>,
}

/// Access points, proxies and accounts that are taken of one document, each; real ones have fewer than ten, and each is
/// compared with all others.
const MOST: usize = 200;

/// Reads the IMPS accounts of a provisioning document.
///
/// A single account brings all access points and proxies along; of several each brings those that it names, or all
/// where it names none (Provisioning Content 1.1, "APPLICATION"). Of two accounts with one PROVIDER-ID the first counts.
pub fn read(root: &Element<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut points: Vec<AccessPoint> = Vec::new();
    let mut proxies: Vec<Proxy> = Vec::new();
    for element in &root.children {
        let full = [points.len(), proxies.len(), reading.accounts.len(), reading.managers.len()].contains(&MOST);
        let mut taken = Taken::new(element, &mut reading.not_carried);
        match taken.kind.as_str() {
            "NAPDEF" | "PXLOGICAL" | "APPLICATION" if full => {
                taken.leave_out(&format!("there are more than {MOST} of a kind"));
            }
            "NAPDEF" => match read_access_point(&mut taken) {
                point if points.iter().any(|p| p.id == point.id) => taken.leave_out(&in_use(&point.id)),
                point => points.push(point),
            },
            "PXLOGICAL" => match read_proxy(&mut taken) {
                proxy if proxies.iter().any(|p| p.id == proxy.id) => taken.leave_out(&in_use(&proxy.id)),
                proxy => proxies.push(proxy),
            },
            "APPLICATION" if taken.is(DM_APPID) => match read_manager(&mut taken) {
                manager if reading.managers.iter().any(|m| m.server_id == manager.server_id) => {
                    taken.leave_out(&in_use(manager.server_id.as_deref().unwrap_or_default()));
                }
                manager => reading.managers.push(manager),
            },
            "APPLICATION" if taken.is(IMPS_APPID) => match read_application(&mut taken) {
                account if reading.accounts.iter().any(|a| a.provider_id == account.provider_id) => {
                    taken.leave_out(&in_use(account.provider_id.as_deref().unwrap_or_default()));
                }
                account => reading.accounts.push(account),
            },
            _ => taken.leave_out(""),
        }
    }
    share(&mut reading, &points, &proxies, true);
    reading
}

fn in_use(id: &str) -> String {
    format!("the id `{id}` is in use")
}

/// Gives each account its access points and proxies: those that it names; with `spread` a single account gets all, and so
/// does one that names none.
pub(super) fn share(reading: &mut Reading, points: &[AccessPoint], proxies: &[Proxy], spread: bool) {
    let is_single = reading.accounts.len() == 1;
    for account in &mut reading.accounts {
        let named = (&account.to_proxies[..], &account.to_access_points[..]);
        (account.access_points, account.proxies) = named_by(named, points, proxies, spread, is_single);
    }
    for manager in &mut reading.managers {
        let named = (&manager.to_proxies[..], &manager.to_access_points[..]);
        (manager.access_points, manager.proxies) = named_by(named, points, proxies, spread, false);
    }
    let (accounts, managers) = (&reading.accounts, &reading.managers);
    let is_unused_point = |p: &&AccessPoint| {
        !accounts.iter().any(|a| a.access_points.contains(p)) && !managers.iter().any(|m| m.access_points.contains(p))
    };
    let is_unused_proxy =
        |p: &&Proxy| !accounts.iter().any(|a| a.proxies.contains(p)) && !managers.iter().any(|m| m.proxies.contains(p));
    let lines = points.iter().filter(is_unused_point).map(|p| format!("NAPDEF[{}]: no account names it", p.id));
    let proxies = proxies.iter().filter(is_unused_proxy).map(|p| format!("PXLOGICAL[{}]: no account names it", p.id));
    reading.not_carried.extend(lines.chain(proxies).collect::<Vec<_>>());
}

/// Returns the access points and proxies of an account that names those.
fn named_by(
    (to_proxies, to_access_points): (&[String], &[String]),
    points: &[AccessPoint],
    proxies: &[Proxy],
    spread: bool,
    is_single: bool,
) -> (Vec<AccessPoint>, Vec<Proxy>) {
    let named = |id: &str, by: &[String]| by.iter().any(|name| name == id);
    let names_none = to_proxies.is_empty() && to_access_points.is_empty();
    let all = spread && (is_single || names_none);
    let proxies: Vec<Proxy> = proxies.iter().filter(|p| all || named(&p.id, to_proxies)).cloned().collect();
    let below: Vec<String> =
        proxies.iter().flat_map(|p| &p.physical).flat_map(|p| p.to_access_points.clone()).collect();
    let internet = named(INTERNET, to_access_points) || named(INTERNET, &below);
    let wanted = |p: &&AccessPoint| {
        all || named(&p.id, to_access_points) || named(&p.id, &below) || (internet && reaches_internet(p))
    };
    (points.iter().filter(wanted).cloned().collect(), proxies)
}

fn reaches_internet(point: &AccessPoint) -> bool {
    point.rest.parms.iter().any(|p| p.name == INTERNET)
}

fn read_application(taken: &mut Taken<'_, '_>) -> ImpsAccount {
    let _ = taken.one("APPID");
    let short = taken.all("ADDR").into_iter().map(|address| Address {
        form: AddressForm::Short,
        address,
        ..Address::default()
    });
    let mut addresses: Vec<Address> = short.collect();
    addresses.extend(taken.below("APPADDR", read_address));
    ImpsAccount {
        provider_id: taken.one("PROVIDER-ID"),
        name: taken.one("NAME"),
        accept: taken.one("AACCEPT"),
        protocol: taken.one("APROTOCOL"),
        services: taken.one("SERVICES"),
        client_id_prefix: taken.one("CIDPREFIX"),
        addresses,
        credentials: taken.below("APPAUTH", read_credentials),
        to_proxies: taken.all("TO-PROXY"),
        to_access_points: taken.all("TO-NAPID"),
        rest: taken.rest_parms(),
        vendor: taken.rest_children(),
        ..ImpsAccount::default()
    }
}

fn read_manager(taken: &mut Taken<'_, '_>) -> DmAccount {
    let _ = taken.one("APPID");
    DmAccount {
        server_id: taken.one("PROVIDER-ID"),
        name: taken.one("NAME"),
        addresses: taken.below("APPADDR", read_address),
        credentials: taken.below("APPAUTH", read_credentials),
        to_proxies: taken.all("TO-PROXY"),
        to_access_points: taken.all("TO-NAPID"),
        rest: taken.rest(),
        ..DmAccount::default()
    }
}

fn read_address(taken: &mut Taken<'_, '_>) -> Address {
    Address {
        form: AddressForm::Long,
        address: taken.one("ADDR").unwrap_or_default(),
        kind: taken.one("ADDRTYPE"),
        ports: taken.below("PORT", read_port),
        rest: taken.rest(),
    }
}

fn read_credentials(taken: &mut Taken<'_, '_>) -> Credentials {
    Credentials {
        level: taken.one("AAUTHLEVEL"),
        kind: taken.one("AAUTHTYPE"),
        user: taken.one("AAUTHNAME"),
        password: taken.one("AAUTHSECRET").map(Secret::new),
        data: taken.one("AAUTHDATA").map(Secret::new),
        rest: taken.rest(),
    }
}

fn read_access_point(taken: &mut Taken<'_, '_>) -> AccessPoint {
    AccessPoint {
        id: taken.one("NAPID").unwrap_or_default(),
        bearers: taken.all("BEARER"),
        name: taken.one("NAME"),
        address: taken.one("NAP-ADDRESS"),
        address_kind: taken.one("NAP-ADDRTYPE"),
        auths: taken.below("NAPAUTHINFO", read_sign_in),
        rest: taken.rest(),
    }
}

fn read_sign_in(taken: &mut Taken<'_, '_>) -> Credentials {
    Credentials {
        kind: taken.one("AUTHTYPE"),
        user: taken.one("AUTHNAME"),
        password: taken.one("AUTHSECRET").map(Secret::new),
        rest: taken.rest(),
        ..Credentials::default()
    }
}

fn read_proxy(taken: &mut Taken<'_, '_>) -> Proxy {
    Proxy {
        id: taken.one("PROXY-ID").unwrap_or_default(),
        name: taken.one("NAME"),
        physical: taken.below("PXPHYSICAL", read_physical),
        ports: taken.below("PORT", read_port),
        rest: taken.rest(),
    }
}

fn read_physical(taken: &mut Taken<'_, '_>) -> PhysicalProxy {
    PhysicalProxy {
        id: taken.one("PHYSICAL-PROXY-ID").unwrap_or_default(),
        address: taken.one("PXADDR").unwrap_or_default(),
        address_kind: taken.one("PXADDRTYPE"),
        to_access_points: taken.all("TO-NAPID"),
        ports: taken.below("PORT", read_port),
        rest: taken.rest(),
    }
}

fn read_port(taken: &mut Taken<'_, '_>) -> Port {
    Port { number: taken.one("PORTNBR").unwrap_or_default(), services: taken.all("SERVICE"), rest: taken.rest() }
}

/// A characteristic of which piece by piece is taken; what is left over in the end is the rest.
struct Taken<'e, 'r> {
    kind: String,
    path: String,
    left: Vec<&'e Element<'e>>,
    not_carried: &'r mut Vec<String>,
}

impl<'e, 'r> Taken<'e, 'r> {
    fn new<'s>(element: &'e Element<'s>, not_carried: &'r mut Vec<String>) -> Self
    where
        's: 'e,
    {
        let kind = element.attribute("type").unwrap_or_default().to_ascii_uppercase();
        let path = if kind.is_empty() { element.name.to_string() } else { kind.clone() };
        Self { kind, path, left: element.children.iter().collect(), not_carried }
    }

    /// Returns whether this is that application; S60 also takes `wA` in lower case.
    fn is(&self, appid: &str) -> bool {
        let id = self.left.iter().find(|e| is_parm(e, "APPID")).and_then(|e| e.attribute("value"));
        id.is_some_and(|id| id.trim_ascii().eq_ignore_ascii_case(appid))
    }

    /// Takes all values of a parameter.
    fn all(&mut self, name: &str) -> Vec<String> {
        let has_value = |e: &Element<'_>| is_parm(e, name) && e.attribute("value").is_some();
        let values = self.left.iter().filter(|e| has_value(e)).filter_map(|e| e.attribute("value"));
        let values = values.map(str::to_owned).collect();
        self.left.retain(|e| !has_value(e));
        values
    }

    /// Takes the value of a parameter that may stand once; the first counts.
    fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name).into_iter();
        let first = values.next();
        let more = values.map(|_| format!("{}/{name}: the first counts", self.path));
        self.not_carried.extend(more.collect::<Vec<_>>());
        first
    }

    /// Takes the characteristics of a type.
    fn below<T>(&mut self, kind: &str, read: fn(&mut Taken<'_, '_>) -> T) -> Vec<T> {
        let fits = |e: &Element<'_>| {
            e.name == "characteristic" && e.attribute("type").is_some_and(|t| t.eq_ignore_ascii_case(kind))
        };
        let (found, left) = self.left.drain(..).partition::<Vec<_>, _>(|e| fits(e));
        self.left = left;
        let mut values = Vec::with_capacity(found.len());
        for element in found {
            let mut taken = Taken::new(element, self.not_carried);
            taken.path = format!("{}/{}", self.path, taken.kind);
            values.push(read(&mut taken));
        }
        values
    }

    fn rest(&mut self) -> Rest {
        Rest { parms: self.rest_parms(), children: self.rest_children() }
    }

    fn rest_parms(&mut self) -> Vec<Parm> {
        self.left.iter().filter(|e| e.name == "parm").filter_map(|e| own_parm(e)).collect()
    }

    fn rest_children(&mut self) -> Vec<Characteristic> {
        self.left.iter().filter(|e| e.name == "characteristic").map(|e| own_characteristic(e)).collect()
    }

    fn leave_out(&mut self, why: &str) {
        let id = ["APPID", "NAPID", "PROXY-ID", "NAME"].iter().find_map(|name| {
            self.left.iter().find(|e| is_parm(e, name)).and_then(|e| e.attribute("value")).map(str::to_owned)
        });
        let id = id.map(|id| format!("[{id}]")).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        self.not_carried.push(format!("{}{id}{why}", self.path));
    }
}

fn is_parm(element: &Element<'_>, name: &str) -> bool {
    element.name == "parm" && element.attribute("name").is_some_and(|n| n.eq_ignore_ascii_case(name))
}

fn own_parm(element: &Element<'_>) -> Option<Parm> {
    let name = element.attribute("name")?.to_owned();
    Some(Parm { name, value: element.attribute("value").map(str::to_owned) })
}

fn own_characteristic(element: &Element<'_>) -> Characteristic {
    let below = |name: &'static str| element.children.iter().filter(move |c| c.name == name);
    Characteristic {
        kind: element.attribute("type").unwrap_or_default().to_owned(),
        rest: Rest {
            parms: below("parm").filter_map(own_parm).collect(),
            children: below("characteristic").map(own_characteristic).collect(),
        },
    }
}
