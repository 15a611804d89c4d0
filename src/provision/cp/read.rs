//! Reading the accounts of a provisioning document, with the access points and proxies that they may use.

use super::any_characteristic;
use super::share::{Access, merge_physical, merge_proxy, share};
use crate::dm::{DM_APPID, IMPS_APPID};
use crate::document::Element;
use crate::provision::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest, Secret,
};

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
/// A single account brings all access points and proxies along; of several each brings those that it names. One that
/// names none uses what a rule of access says, or all (Provisioning Content 1.1, "ACCESS", "APPLICATION"). Of two accounts
/// with one PROVIDER-ID the first counts; proxies with one PROXY-ID are merged.
pub fn read(root: &Element<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut points: Vec<AccessPoint> = Vec::new();
    let mut proxies: Vec<Proxy> = Vec::new();
    let mut rules: Vec<Access> = Vec::new();
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
            "PXLOGICAL" => {
                let proxy = read_proxy(&mut taken);
                match proxies.iter_mut().find(|p| p.id == proxy.id) {
                    Some(first) => merge_proxy(first, proxy, taken.not_carried),
                    None => proxies.push(proxy),
                }
            }
            "ACCESS" => match Access::read(element) {
                Some(rule) if rules.len() < MOST => rules.push(rule),
                _ => taken.leave_out("clients drop it"),
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
    rules.iter().for_each(|rule| rule.apply(&mut reading));
    share(&mut reading, &points, &proxies, true);
    reading
}

fn in_use(id: &str) -> String {
    format!("the id `{id}` is in use")
}

/// Takes the characteristics of a kind out of what we have no field for, read as `read` does.
fn take_children<T>(rest: &mut Rest, kind: &str, read: fn(&mut Taken<'_, '_>) -> T) -> Vec<T> {
    let (taken, left) = rest.children.drain(..).partition::<Vec<_>, _>(|c| c.kind == kind);
    rest.children = left;
    taken.iter().map(|c| read(&mut Taken::new(&any_characteristic(c), &mut Vec::new()))).collect()
}

/// Takes ports out, the inverse of `port_characteristic`.
pub(in crate::provision) fn take_ports(rest: &mut Rest) -> Vec<Port> {
    take_children(rest, "PORT", read_port)
}

/// Takes sign-ins out, the inverse of `sign_in_characteristic`.
pub(in crate::provision) fn take_sign_ins(rest: &mut Rest) -> Vec<Credentials> {
    take_children(rest, "NAPAUTHINFO", read_sign_in)
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
    let mut physical = Vec::new();
    for one in taken.below("PXPHYSICAL", read_physical) {
        merge_physical(&mut physical, one, &taken.path, taken.not_carried);
    }
    Proxy {
        id: taken.one("PROXY-ID").unwrap_or_default(),
        name: taken.one("NAME"),
        physical,
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

pub(super) fn own_characteristic(element: &Element<'_>) -> Characteristic {
    let below = |name: &'static str| element.children.iter().filter(move |c| c.name == name);
    Characteristic {
        kind: element.attribute("type").unwrap_or_default().to_owned(),
        rest: Rest {
            parms: below("parm").filter_map(own_parm).collect(),
            children: below("characteristic").map(own_characteristic).collect(),
        },
    }
}
