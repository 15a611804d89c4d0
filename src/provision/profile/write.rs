//! An account as the text of a profile: what `convert --as profile` prints.

use std::fmt::Write as _;

use crate::provision::accept;
use crate::provision::account::{
    AccessPoint, Address, AddressForm, Characteristic, Credentials, DmAccount, ImpsAccount, Port, Proxy, Rest, Secret,
};
use crate::provision::slots::escape;

/// Returns the text of a profile that says this account and nothing else; its id is made from provider or name.
pub fn write(account: &ImpsAccount) -> String {
    write_with(account, None)
}

/// The same with the account of a DM server.
pub fn write_with(account: &ImpsAccount, manager: Option<&DmAccount>) -> String {
    let mut text = String::from("schema = 1\n");
    line(&mut text, "id", &quoted(&id(account)));
    optional(&mut text, "name", account.name.as_deref());
    optional(&mut text, "provider_id", account.provider_id.as_deref());
    service(&mut text, account);
    for credentials in &account.credentials {
        text.push_str("\n[[account]]\n");
        write_credentials(&mut text, credentials);
        parms(&mut text, "account.parms", &credentials.rest);
    }
    account.access_points.iter().for_each(|point| access_point(&mut text, point));
    account.proxies.iter().for_each(|proxy| write_proxy(&mut text, proxy));
    manager.iter().for_each(|manager| write_manager(&mut text, manager));
    for (at, vendor) in account.vendor.iter().enumerate() {
        let twice = account.vendor.iter().enumerate().any(|(i, v)| i != at && v.kind == vendor.kind);
        characteristic(&mut text, "vendor", vendor, twice);
    }
    text
}

fn id(account: &ImpsAccount) -> String {
    let from = account.provider_id.as_deref().or(account.name.as_deref()).unwrap_or_default();
    let simple = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = from.chars().take(32).map(simple).collect();
    let id = id.trim_matches('-');
    if id.is_empty() { "imps".to_owned() } else { id.to_owned() }
}

fn write_manager(text: &mut String, manager: &DmAccount) {
    text.push_str("\n[dm]\n");
    line(text, "server_id", &quoted(manager.server_id.as_deref().unwrap_or_default()));
    optional(text, "name", manager.name.as_deref());
    let addresses: Vec<String> = manager.addresses.iter().map(address).collect();
    line(text, "addresses", &format!("[{}]", addresses.join(", ")));
    optional(text, "auth_preference", manager.auth_preference.as_deref());
    line(text, "access_points", &list(&manager.to_access_points));
    line(text, "proxies", &list(&manager.to_proxies));
    parms(text, "dm.parms", &manager.rest);
    for credentials in &manager.credentials {
        text.push_str("[[dm.account]]\n");
        write_credentials(text, credentials);
        parms(text, "dm.account.parms", &credentials.rest);
    }
}

fn service(text: &mut String, account: &ImpsAccount) {
    text.push_str("\n[service]\n");
    match account.accept.as_deref().map(|said| (said, accept::factors(said))) {
        Some((_, Some((versions, encodings, said)))) => {
            line(text, "versions", &list(&versions));
            line(text, "encodings", &list(&encodings));
            if said {
                line(text, "accept_versions", "true");
            }
        }
        Some((literal, None)) => line(text, "accept", &quoted(literal)),
        None => line(text, "accept", "\"omit\""),
    }
    let addresses: Vec<String> = account.addresses.iter().map(address).collect();
    line(text, "addresses", &format!("[{}]", addresses.join(", ")));
    optional(text, "services_parm", account.services.as_deref());
    optional(text, "client_id_prefix", account.client_id_prefix.as_deref());
    optional(text, "protocol", account.protocol.as_deref());
    let points: Vec<&str> = account.access_points.iter().map(|p| p.id.as_str()).collect();
    if points != account.to_access_points {
        line(text, "access_points", &list(&account.to_access_points));
    }
    let proxies: Vec<&str> = account.proxies.iter().map(|p| p.id.as_str()).collect();
    if proxies != account.to_proxies {
        line(text, "proxies", &list(&account.to_proxies));
    }
    parms(text, "service.parms", &Rest { parms: account.rest.clone(), children: Vec::new() });
}

/// Returns an address as an item of `addresses`: a text where that says it all, else a table.
fn address(address: &Address) -> String {
    let Address { form, kind, ports, rest, .. } = address;
    let shown = quoted(&address.address);
    if *form == AddressForm::Long && kind.is_none() && ports.is_empty() && rest.is_empty() {
        return shown;
    }
    let mut table = format!("{{ address = {shown}");
    if *form == AddressForm::Short {
        table.push_str(", form = \"addr\"");
    }
    kind.iter().for_each(|kind| table.push_str(&format!(", type = {}", quoted(kind))));
    if !ports.is_empty() {
        table.push_str(&format!(", port = {}", port_list(ports)));
    }
    if !rest.is_empty() {
        table.push_str(&format!(", parms = {}", inline(rest)));
    }
    table + " }"
}

fn port_list(ports: &[Port]) -> String {
    let port = |port: &Port| {
        let mut table = format!("{{ number = {}, service = {}", quoted(&port.number), list(&port.services));
        if port.services.is_empty() && port.rest.is_empty() {
            return quoted(&port.number);
        }
        if !port.rest.is_empty() {
            table.push_str(&format!(", parms = {}", inline(&port.rest)));
        }
        table + " }"
    };
    format!("[{}]", ports.iter().map(port).collect::<Vec<_>>().join(", "))
}

fn write_credentials(text: &mut String, credentials: &Credentials) {
    optional(text, "level", credentials.level.as_deref());
    optional(text, "type", credentials.kind.as_deref());
    optional(text, "user", credentials.user.as_deref());
    optional(text, "password", credentials.password.as_ref().map(Secret::expose));
    optional(text, "data", credentials.data.as_ref().map(Secret::expose));
}

fn access_point(text: &mut String, point: &AccessPoint) {
    text.push_str("\n[[access_point]]\n");
    line(text, "id", &quoted(&point.id));
    screen_name(text, &point.id, point.name.as_deref());
    let packet_data = point.address.is_some() && point.address_kind.as_deref() == Some("APN");
    if packet_data {
        optional(text, "apn", point.address.as_deref());
    } else {
        optional(text, "address", point.address.as_deref());
        optional(text, "address_type", point.address_kind.as_deref());
    }
    if !(packet_data && point.bearers == ["GSM-GPRS"]) {
        line(text, "bearer", &list(&point.bearers));
    }
    parms(text, "access_point.parms", &point.rest);
    for auth in &point.auths {
        text.push_str("[[access_point.auth]]\n");
        write_credentials(text, auth);
        parms(text, "access_point.auth.parms", &auth.rest);
    }
}

/// The name is the id where the profile does not say one.
fn screen_name(text: &mut String, id: &str, name: Option<&str>) {
    if name != Some(id) {
        optional(text, "name", name.or(Some("omit")));
    }
}

fn write_proxy(text: &mut String, proxy: &Proxy) {
    text.push_str("\n[[proxy]]\n");
    line(text, "id", &quoted(&proxy.id));
    screen_name(text, &proxy.id, proxy.name.as_deref());
    if !proxy.ports.is_empty() {
        line(text, "port", &port_list(&proxy.ports));
    }
    if proxy.physical.is_empty() {
        line(text, "physical", "[]");
    }
    parms(text, "proxy.parms", &proxy.rest);
    for physical in &proxy.physical {
        text.push_str("[[proxy.physical]]\n");
        line(text, "id", &quoted(&physical.id));
        line(text, "address", &quoted(&physical.address));
        optional(text, "address_type", physical.address_kind.as_deref());
        line(text, "access_points", &list(&physical.to_access_points));
        if !physical.ports.is_empty() {
            line(text, "port", &port_list(&physical.ports));
        }
        parms(text, "proxy.physical.parms", &physical.rest);
    }
}

/// Writes a table of parameters under a header, if there are any.
fn parms(text: &mut String, path: &str, rest: &Rest) {
    if !rest.is_empty() {
        let key = path.rsplit('.').next().unwrap_or(path);
        line(text, key, &inline(rest));
    }
}

/// Writes a vendor characteristic as a table; `twice` where its kind occurs again.
fn characteristic(text: &mut String, path: &str, item: &Characteristic, twice: bool) {
    let path = format!("{path}.{}", key(&item.kind));
    let _ = if twice { writeln!(text, "\n[[{path}]]") } else { writeln!(text, "\n[{path}]") };
    for (name, value) in entries(&item.rest) {
        line(text, &key(name), &value);
    }
}

/// Returns parameters and characteristics as one inline table.
fn inline(rest: &Rest) -> String {
    let entries: Vec<String> = entries(rest).iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// Returns names with their values, repeated ones as a list at the place of the first.
fn entries(rest: &Rest) -> Vec<(&str, String)> {
    let flag_or_text = |value: &Option<String>| value.as_deref().map_or("true".to_owned(), quoted);
    let parms = rest.parms.iter().map(|parm| (parm.name.as_str(), flag_or_text(&parm.value)));
    let children = rest.children.iter().map(|child| (child.kind.as_str(), inline(&child.rest)));
    let mut gathered: Vec<(&str, Vec<String>)> = Vec::new();
    for (name, value) in parms.chain(children) {
        match gathered.iter_mut().find(|(n, _)| *n == name) {
            Some((_, values)) => values.push(value),
            None => gathered.push((name, vec![value])),
        }
    }
    let joined = |mut values: Vec<String>| match &values[..] {
        [_] => values.remove(0),
        _ => format!("[{}]", values.join(", ")),
    };
    gathered.into_iter().map(|(name, values)| (name, joined(values))).collect()
}

fn optional(text: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        line(text, key, &quoted(value));
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

fn list(values: &[impl AsRef<str>]) -> String {
    format!("[{}]", values.iter().map(|v| quoted(v.as_ref())).collect::<Vec<_>>().join(", "))
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { string(name) }
}

/// Returns a text as a TOML string, with its braces escaped.
fn quoted(text: &str) -> String {
    string(&escape(text))
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
