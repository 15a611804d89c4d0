//! Who may use what in a provisioning document: access points and proxies that accounts name, rules of access for accounts
//! that name none, and proxies that are defined twice (Provisioning Content 1.1, "uniqueness" and "ACCESS").

use super::read::Reading;
use crate::cp::Declaration;
use crate::dm::{DM_APPID, IMPS_APPID};
use crate::document::Element;
use crate::provision::account::{AccessPoint, Characteristic, INTERNET, PhysicalProxy, Port, Proxy, Rest};

/// A rule of access: what applications use that name nothing themselves.
pub(super) struct Access {
    rule: String,
    /// The applications that it is for; all where there are none.
    appids: Vec<String>,
    to_proxies: Vec<String>,
    to_access_points: Vec<String>,
}

impl Access {
    /// Reads a rule; `None` where clients drop it: RULE is not first, or the targets are not last.
    pub(super) fn read(element: &Element<'_>) -> Option<Self> {
        let parms = element.children_named("parm");
        let parms: Vec<(String, &str)> = parms
            .map(|p| {
                let name = p.attribute("name").unwrap_or_default().to_ascii_uppercase();
                (name, p.attribute("value").unwrap_or_default())
            })
            .collect();
        let is_target = |(name, _): &(String, &str)| matches!(name.as_str(), "TO-NAPID" | "TO-PROXY");
        let first_target = parms.iter().position(is_target)?;
        let in_order = parms.first()?.0 == "RULE" && parms[first_target..].iter().all(is_target);
        let all = |wanted: &str| {
            let values = parms.iter().filter(|(name, _)| name == wanted);
            values.map(|(_, value)| (*value).to_owned()).collect::<Vec<_>>()
        };
        let (rule, appids) = (parms[0].1.to_owned(), all("APPID"));
        in_order.then(|| Self { rule, appids, to_proxies: all("TO-PROXY"), to_access_points: all("TO-NAPID") })
    }

    /// Gives its targets to the accounts that it is for and that name none; the first rule decides.
    pub(super) fn apply(&self, reading: &mut Reading) {
        let is_for = |appid: &str| self.appids.is_empty() || self.appids.iter().any(|id| id == appid);
        let accounts = reading.accounts.iter_mut().map(|a| (IMPS_APPID, &mut a.to_proxies, &mut a.to_access_points));
        let managers = reading.managers.iter_mut().map(|m| (DM_APPID, &mut m.to_proxies, &mut m.to_access_points));
        let mut decided = false;
        for (appid, proxies, points) in accounts.chain(managers) {
            if is_for(appid) && proxies.is_empty() && points.is_empty() {
                (*proxies, *points) = (self.to_proxies.clone(), self.to_access_points.clone());
                decided = true;
            }
        }
        let outcome = if decided { "its targets are now those of the accounts" } else { "no account needs it" };
        reading.not_carried.push(format!("ACCESS[{}]: {outcome}", self.rule));
    }
}

/// Merges a proxy into the first of its id: what is absent is added, what may stand once keeps the first value.
pub(super) fn merge_proxy(first: &mut Proxy, second: Proxy, lost: &mut Vec<String>) {
    let path = format!("PXLOGICAL[{}]", first.id);
    merge_one(&mut first.name, second.name, &format!("{path}/NAME"), lost);
    merge_ports(&mut first.ports, second.ports, &path, lost);
    for physical in second.physical {
        merge_physical(&mut first.physical, physical, &path, lost);
    }
    merge_rest(&mut first.rest, second.rest, "PXLOGICAL", &path, lost);
}

/// Adds a physical proxy, or merges it into the one of its id.
pub(super) fn merge_physical(all: &mut Vec<PhysicalProxy>, second: PhysicalProxy, path: &str, lost: &mut Vec<String>) {
    let Some(first) = all.iter_mut().find(|p| p.id == second.id) else {
        all.push(second);
        return;
    };
    let path = format!("{path}/PXPHYSICAL[{}]", first.id);
    if second.address != first.address && !second.address.is_empty() {
        lost.push(format!("{path}/PXADDR {}: the first counts", second.address));
    }
    merge_one(&mut first.address_kind, second.address_kind, &format!("{path}/PXADDRTYPE"), lost);
    merge_many(&mut first.to_access_points, second.to_access_points);
    merge_ports(&mut first.ports, second.ports, &path, lost);
    merge_rest(&mut first.rest, second.rest, "PXPHYSICAL", &path, lost);
}

fn merge_one(first: &mut Option<String>, second: Option<String>, path: &str, lost: &mut Vec<String>) {
    match (&first, second) {
        (None, second) => *first = second,
        (Some(first), Some(second)) if *first != second => lost.push(format!("{path} {second}: the first counts")),
        _ => {}
    }
}

fn merge_many<T: PartialEq>(first: &mut Vec<T>, second: Vec<T>) {
    for value in second {
        if !first.contains(&value) {
            first.push(value);
        }
    }
}

fn merge_ports(all: &mut Vec<Port>, ports: Vec<Port>, path: &str, lost: &mut Vec<String>) {
    for second in ports {
        match all.iter_mut().find(|port| port.number == second.number) {
            Some(first) => {
                merge_many(&mut first.services, second.services);
                let path = format!("{path}/PORT[{}]", first.number);
                merge_rest(&mut first.rest, second.rest, "PORT", &path, lost);
            }
            None => all.push(second),
        }
    }
}

fn merge_rest(first: &mut Rest, second: Rest, kind: &str, path: &str, lost: &mut Vec<String>) {
    let declaration = Declaration::of(kind);
    for parm in second.parms {
        let may_repeat = declaration.and_then(|d| d.parm(&parm.name)).is_some_and(|p| p.occurs.most.is_none());
        let mut same_name = first.parms.iter().filter(|p| p.name.eq_ignore_ascii_case(&parm.name)).peekable();
        if same_name.peek().is_none() || may_repeat && !same_name.any(|p| p.value == parm.value) {
            first.parms.push(parm);
        } else if !may_repeat && first.parms.iter().all(|p| p.value != parm.value) {
            lost.push(format!("{path}/{}: the first counts", parm.name));
        }
    }
    for child in second.children {
        let key = |c: &Characteristic| {
            let name = Declaration::of(&c.kind).and_then(|d| d.key)?;
            c.rest.parms.iter().find(|p| p.name.eq_ignore_ascii_case(name))?.value.clone()
        };
        let is_same = |c: &&mut Characteristic| c.kind.eq_ignore_ascii_case(&child.kind) && key(c) == key(&child);
        match first.children.iter_mut().find(is_same) {
            Some(there) => {
                let path = format!("{path}/{}", there.kind);
                merge_rest(&mut there.rest, child.rest, &child.kind, &path, lost);
            }
            None => first.children.push(child),
        }
    }
}

/// Gives each account its access points and proxies: those that it names; with `spread` a single account gets all, and so
/// does one that names none.
pub(in crate::provision) fn share(reading: &mut Reading, points: &[AccessPoint], proxies: &[Proxy], spread: bool) {
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
