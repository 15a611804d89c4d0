//! An account as a `wap-provisioningdoc` with an application `wA`, both ways (Provisioning Content
//! 1.1; registration of `wA`).
//!
//! Written in the order that every client accepts: NAPDEF, PXLOGICAL, APPLICATION; in a characteristic all parameters first.
//! [Read](read()) leniently, as clients do: any order, any letter case of names; the first counts where one may stand.

mod read;
mod share;

pub use read::{Reading, read};
pub(super) use read::{take_ports, take_sign_ins};
pub(super) use share::share;

use super::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Parm, PhysicalProxy, Port,
    Proxy, Rest, Secret,
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

/// Returns what a provisioning document of accounts of DM servers cannot say, as paths of nodes.
pub fn not_carried(managers: &[DmAccount]) -> Vec<String> {
    let preference = |m: &DmAccount| {
        let server = m.server_id.as_deref().unwrap_or_default();
        m.auth_preference.as_ref().map(|kind| format!("DMAcc[{server}]/AAuthPref {kind}: `w7` has no parm for it"))
    };
    managers.iter().filter_map(preference).collect()
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
    read::own_characteristic(&port(of))
}

/// Returns who signs in to a network as such a characteristic.
pub(super) fn sign_in_characteristic(auth: &Credentials) -> Characteristic {
    read::own_characteristic(&sign_in(auth))
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
