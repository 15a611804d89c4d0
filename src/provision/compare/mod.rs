//! What differs between two sets of IMPS settings, whatever they were written in.
//!
//! Order, encoding, defaults, ids inside a document and names that devices choose do not count. Paths are those of the
//! management object, `<X>` for each of its instances: `AppAuth/<X>/AAuthName`. An access point or a proxy stands under
//! the account that names it: `NAP/<X>/Addr`.

mod trees;

pub use trees::compare_trees;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use super::account::{
    AccessPoint, Address, Characteristic, Credentials, ImpsAccount, Parm, PhysicalProxy, Port, Proxy, Rest, Secret,
};
use super::dm;
use super::profile::Profile;
use super::rules::NOT_THE_PROFILE;
use super::slots::{expand, slots_in};
use crate::codec::Segments;
use crate::diagnose::{Diagnostic, Report, Severity, Span};
use crate::dm::{MASK, ManagementObject, Node, Tree, Uri};
use crate::document::shorten;

/// One of the two sets of settings.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The accounts; texts of a profile's may have slot marks, which stand for anything.
    pub accounts: &'a [ImpsAccount],
    /// The names of the slots.
    pub slots: &'a [String],
    /// Whether they were read out of a device tree. Such a tree need not tell secrets, nor access points that no account
    /// names.
    pub is_tree: bool,
}

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The settings that differ.
    pub differences: Vec<SettingDifference>,
    /// How many values of the first side have placeholders; only what stands around those was compared.
    pub open: usize,
    /// How many secrets could not be compared, because a device does not tell them.
    pub untold: usize,
}

/// A setting that differs. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingDifference {
    /// The provider of the account, where a side has several accounts.
    pub account: Option<String>,
    /// The setting, as a path below the account.
    pub path: String,
    /// The value of the first side; placeholders in braces.
    pub expected: Option<String>,
    /// The value of the second side.
    pub actual: Option<String>,
}

/// Compares two sets of settings. The effort grows with their size.
pub fn compare(expected: Side<'_>, actual: Side<'_>) -> Compared {
    let names_none = |a: &ImpsAccount| a.to_proxies.is_empty() && a.to_access_points.is_empty();
    let unnamed_too = ![expected, actual].iter().any(|side| side.is_tree && side.accounts.iter().any(names_none));
    let groups = |side: Side<'_>| -> Vec<Group> {
        side.accounts.iter().map(|account| Group::of_account(account, unnamed_too)).collect()
    };
    let mut comparison = Comparison {
        compared: Compared::default(),
        account: None,
        has_several: expected.accounts.len() > 1 || actual.accounts.len() > 1,
        tells_no_secrets: [expected.is_tree, actual.is_tree],
        placeholders: expected.slots.iter().map(|name| format!("{{{name}}}")).collect(),
    };
    comparison.groups(&groups(expected), &groups(actual), &mut String::new());
    let mut compared = comparison.compared;
    // What two references share is told once.
    let mut told = std::collections::HashSet::new();
    compared
        .differences
        .retain(|d| told.insert((d.account.clone(), d.path.clone(), d.expected.clone(), d.actual.clone())));
    compared
}

impl Profile {
    /// Returns the account with the values of one handset in its slots; slots that nothing fills stay marked.
    pub(crate) fn partly_filled(&self, values: &[(String, String)]) -> ImpsAccount {
        let value = |(number, name): (usize, &String)| {
            let given = values.iter().find(|(column, _)| column.eq_ignore_ascii_case(name));
            let mark = || Segments::slot(u32::try_from(number).unwrap_or_default());
            given.map_or_else(mark, |(_, value)| value.clone())
        };
        let values: Vec<String> = self.slots.names().iter().enumerate().map(value).collect();
        self.filled(&values)
    }
}

/// Reports where the IMPS accounts of a tree are not what a profile says (rule TRE020). What stands in placeholders is not
/// compared, nor are secrets that the tree does not tell; what the tree has beyond the profile is a note.
pub fn check_tree(tree: &Tree, profile: &Profile, report: &mut Report) {
    let accounts = dm::read(tree).accounts;
    if accounts.is_empty() {
        return report.add(Diagnostic::new(&NOT_THE_PROFILE, Span::default(), "the tree holds no IMPS account"));
    }
    let expected = [profile.account.clone()];
    let expected = Side { accounts: &expected, slots: profile.slots.names(), is_tree: false };
    let imps = ManagementObject::imps();
    let instances: Vec<(Uri, Node)> = imps
        .instances(tree)
        .into_iter()
        .filter_map(|uri| Some((uri.clone(), imps.canonical(tree.get(&uri)?))))
        .collect();
    // Each account is held against the profile for itself.
    for (account, (uri, instance)) in accounts.iter().zip(&instances) {
        let actual = Side { accounts: std::slice::from_ref(account), slots: &[], is_tree: true };
        for difference in compare(expected, actual).differences {
            let name = difference.path.rsplit('/').next().unwrap_or_default();
            let actual = difference.actual.as_deref();
            let leaf =
                actual.and_then(|actual| leaf(instance, name, actual).or_else(|| leaf(tree.root(), name, actual)));
            let span = leaf.map_or(instance.span, |leaf| leaf.value_span);
            let side = |text: Option<&str>| text.map_or("nothing".to_owned(), |text| format!("`{}`", shorten(text)));
            let expected = side(difference.expected.as_deref());
            let message = format!("{} is {}, the profile has {expected}", difference.path, side(actual));
            let finding = Diagnostic::new(&NOT_THE_PROFILE, span, message).at(uri.to_string());
            // What a device has beyond a profile may be another's doing.
            let is_beyond = difference.expected.is_none();
            report.add(if is_beyond { finding.severity(Severity::Note) } else { finding });
        }
    }
}

/// Returns a leaf of that name and value.
fn leaf<'n>(node: &'n Node, name: &str, value: &str) -> Option<&'n Node> {
    if node.name() == name && (node.value_text() == Some(value) || value == MASK && node.value.is_some()) {
        return Some(node);
    }
    node.children().find_map(|child| leaf(child, name, value))
}

/// Settings that belong together.
#[derive(Debug, Default)]
struct Group {
    /// Its part of the path; groups of one name are instances.
    name: Cow<'static, str>,
    /// What tells it from others of that name.
    key: String,
    settings: Vec<Setting>,
    groups: Vec<Self>,
}

#[derive(Debug)]
struct Setting {
    name: Cow<'static, str>,
    text: String,
    is_secret: bool,
}

impl Group {
    fn new(name: impl Into<Cow<'static, str>>, key: &str) -> Self {
        Self { name: name.into(), key: key.to_owned(), ..Self::default() }
    }

    fn of_account(account: &ImpsAccount, unnamed_too: bool) -> Self {
        let mut group = Self::new("", account.provider_id.as_deref().unwrap_or_default());
        group.text("ProviderID", account.provider_id.as_deref());
        group.text("Name", account.name.as_deref());
        group.text("AAccept", account.accept.as_deref());
        group.text("AProtocol", account.protocol.as_deref());
        group.list("Services", account.services.as_deref().unwrap_or_default().split([';', ',']));
        group.text("CIDPrefix", account.client_id_prefix.as_deref());
        group.groups.extend(account.addresses.iter().map(Self::of_address));
        group.groups.extend(account.credentials.iter().map(|c| Self::of_credentials(c, "AppAuth/<X>", Some("APPSRV"))));
        for id in &account.to_proxies {
            let proxy = account.proxies.iter().find(|proxy| proxy.id == *id);
            group.groups.extend(proxy.map_or_else(|| vec![Self::of_id(id)], |proxy| Self::of_proxy(proxy, account)));
        }
        group.groups.extend(account.to_access_points.iter().map(|id| Self::of_access_point(id, account)));
        if account.to_proxies.is_empty() && account.to_access_points.is_empty() && unnamed_too {
            group.groups.extend(account.access_points.iter().map(|point| Self::of_access_point(&point.id, account)));
            group.groups.extend(account.proxies.iter().flat_map(|proxy| Self::of_proxy(proxy, account)));
        }
        let mut ext = Self::new("Ext", "");
        ext.parms(&account.rest);
        ext.groups.extend(account.vendor.iter().map(Self::of_characteristic));
        group.groups.push(ext);
        group
    }

    fn of_address(address: &Address) -> Self {
        let mut group = Self::new("AppAddr/<X>", &address.address);
        group.text("Addr", Some(&address.address));
        group.text("AddrType", address.kind.as_deref().filter(|kind| !kind.is_empty() && *kind != "URI"));
        group.groups.extend(address.ports.iter().map(Self::of_port));
        group.rest(&address.rest);
        group
    }

    fn of_port(port: &Port) -> Self {
        let mut group = Self::new("Port/<X>", &port.number);
        group.text("PortNbr", Some(&port.number));
        group.list("Service", port.services.iter().map(String::as_str));
        group.rest(&port.rest);
        group
    }

    /// Credentials without a level are those that the account is about.
    fn of_credentials(credentials: &Credentials, name: &'static str, usual: Option<&str>) -> Self {
        let level = credentials.level.as_deref().or(usual);
        let mut group = Self::new(name, level.or(credentials.user.as_deref()).unwrap_or_default());
        group.text("AAuthLevel", level);
        group.text("AAuthType", credentials.kind.as_deref());
        group.text("AAuthName", credentials.user.as_deref());
        group.secret("AAuthSecret", credentials.password.as_ref());
        group.secret("AAuthData", credentials.data.as_ref());
        group.rest(&credentials.rest);
        group
    }

    /// What a reference names where nothing of that id comes along.
    fn of_id(id: &str) -> Self {
        let mut group = Self::new("ToConRef/<X>", id);
        group.text("ConRef", Some(id));
        group
    }

    fn of_access_point(id: &str, account: &ImpsAccount) -> Self {
        let Some(point) = account.access_points.iter().find(|point| point.id == *id) else { return Self::of_id(id) };
        let AccessPoint { id: _, bearers, name, address, address_kind, auths, rest } = point;
        let mut group = Self::new("NAP/<X>", address.as_deref().unwrap_or_default());
        group.text("Name", name.as_deref());
        group.text("Addr", address.as_deref());
        group.text("AddrType", address_kind.as_deref());
        group.list("BearerType", bearers.iter().map(String::as_str));
        group.groups.extend(auths.iter().map(|auth| Self::of_credentials(auth, "AuthInfo/<X>", None)));
        group.rest(rest);
        group
    }

    /// A proxy is as many as it has addresses.
    fn of_proxy(proxy: &Proxy, account: &ImpsAccount) -> Vec<Self> {
        let of_physical = |physical: &PhysicalProxy| {
            let PhysicalProxy { id: _, address, address_kind, to_access_points, ports, rest } = physical;
            let mut group = Self::new("Proxy/<X>", address);
            group.text("Name", proxy.name.as_deref());
            group.text("Addr", Some(address));
            group.text("AddrType", address_kind.as_deref());
            let ports = if ports.is_empty() { &proxy.ports } else { ports };
            group.groups.extend(ports.iter().map(Self::of_port));
            group.groups.extend(to_access_points.iter().map(|id| Self::of_access_point(id, account)));
            group.rest(&proxy.rest);
            group.rest(rest);
            group
        };
        proxy.physical.iter().map(of_physical).collect()
    }

    fn of_characteristic(characteristic: &Characteristic) -> Self {
        let mut group = Self::new(characteristic.kind.clone(), "");
        group.content(&characteristic.rest);
        group
    }

    fn content(&mut self, rest: &Rest) {
        self.parms(&rest.parms);
        self.groups.extend(rest.children.iter().map(Self::of_characteristic));
    }

    fn rest(&mut self, rest: &Rest) {
        if !rest.is_empty() {
            let mut group = Self::new("Ext", "");
            group.content(rest);
            self.groups.push(group);
        }
    }

    fn parms(&mut self, parms: &[Parm]) {
        for Parm { name, value } in parms {
            let is_secret = crate::dm::is_secret(name);
            let text = value.as_deref().unwrap_or("set").to_owned();
            self.settings.push(Setting { name: name.clone().into(), text, is_secret });
        }
    }

    fn text(&mut self, name: &'static str, text: Option<&str>) {
        let setting = text.map(|text| Setting { name: name.into(), text: text.to_owned(), is_secret: false });
        self.settings.extend(setting);
    }

    /// Adds words whose order does not count.
    fn list<'t>(&mut self, name: &'static str, words: impl Iterator<Item = &'t str>) {
        let mut words: Vec<_> = words.map(str::trim_ascii).filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        if !words.is_empty() {
            self.text(name, Some(&words.join(";")));
        }
    }

    fn secret(&mut self, name: &'static str, secret: Option<&Secret>) {
        let setting = secret.map(|s| Setting { name: name.into(), text: s.expose().to_owned(), is_secret: true });
        self.settings.extend(setting);
    }
}

/// One comparison on its way.
struct Comparison {
    compared: Compared,
    account: Option<String>,
    has_several: bool,
    /// Whether each side may leave secrets out.
    tells_no_secrets: [bool; 2],
    /// What people read in place of slots.
    placeholders: Vec<String>,
}

impl Comparison {
    fn groups(&mut self, expected: &[Group], actual: &[Group], path: &mut String) {
        let empty = Group::default();
        for (expected, actual) in pair(expected, actual, |group| (group.name.as_ref(), group.key.as_str())) {
            let length = path.len();
            let group = expected.or(actual).unwrap_or(&empty);
            if group.name.is_empty() && self.has_several {
                self.account = Some(self.readable(&group.key));
            }
            if !path.is_empty() && !group.name.is_empty() {
                path.push('/');
            }
            path.push_str(&group.name);
            let (expected, actual) = (expected.unwrap_or(&empty), actual.unwrap_or(&empty));
            self.settings(&expected.settings, &actual.settings, path);
            self.groups(&expected.groups, &actual.groups, path);
            path.truncate(length);
        }
    }

    fn settings(&mut self, expected: &[Setting], actual: &[Setting], path: &str) {
        for (expected, actual) in pair(expected, actual, |setting| (setting.name.as_ref(), setting.text.as_str())) {
            let Some(setting) = expected.or(actual) else { continue };
            if expected.is_some_and(|setting| slots_in(&setting.text).next().is_some()) {
                self.compared.open += 1;
            }
            let side = |setting: Option<&Setting>| setting.map(|setting| setting.text.clone());
            let is_same = match (expected, actual) {
                (Some(expected), Some(actual)) => fits(&expected.text, &actual.text),
                _ => false,
            };
            let is_untold = setting.is_secret
                && (expected.is_none() && self.tells_no_secrets[0] || actual.is_none() && self.tells_no_secrets[1]);
            if is_untold {
                self.compared.untold += 1;
            }
            if is_same || is_untold {
                continue;
            }
            let shown = |text: Option<String>| {
                text.map(|text| if setting.is_secret { MASK.to_owned() } else { self.readable(&text) })
            };
            let separator = if path.is_empty() { "" } else { "/" };
            self.compared.differences.push(SettingDifference {
                account: self.account.clone(),
                path: format!("{path}{separator}{}", setting.name),
                expected: shown(side(expected)),
                actual: shown(side(actual)),
            });
        }
    }
}

impl Comparison {
    /// Returns a text with placeholders in place of slots.
    fn readable(&self, text: &str) -> String {
        expand(text, |slot| self.placeholders.get(slot).map_or("", String::as_str)).into_owned()
    }
}

/// Pairs what has one name and one key, then what has one name, in order; what is left stands alone.
fn pair<'s, T>(
    expected: &'s [T],
    actual: &'s [T],
    name_and_key: impl Fn(&'s T) -> (&'s str, &'s str),
) -> Vec<(Option<&'s T>, Option<&'s T>)> {
    let mut by_key: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
    for (at, item) in actual.iter().enumerate() {
        by_key.entry(name_and_key(item)).or_default().push_back(at);
    }
    let partner = |item| by_key.get_mut(&name_and_key(item)).and_then(VecDeque::pop_front);
    let mut partners: Vec<Option<usize>> = expected.iter().map(partner).collect();
    let mut is_free = vec![true; actual.len()];
    partners.iter().flatten().for_each(|at| is_free[*at] = false);
    let mut by_name: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, item) in actual.iter().enumerate().filter(|(at, _)| is_free[*at]) {
        by_name.entry(name_and_key(item).0).or_default().push_back(at);
    }
    for (item, partner) in expected.iter().zip(&mut partners).filter(|(_, partner)| partner.is_none()) {
        *partner = by_name.get_mut(name_and_key(item).0).and_then(VecDeque::pop_front);
        partner.iter().for_each(|at| is_free[*at] = false);
    }
    let pairs = expected.iter().zip(partners).map(|(item, at)| (Some(item), at.map(|at| &actual[at])));
    pairs
        .chain(actual.iter().zip(is_free).filter(|(_, is_free)| *is_free).map(|(item, _)| (None, Some(item))))
        .collect()
}

/// Returns whether a text is what is expected, where slots stand for anything.
fn fits(expected: &str, actual: &str) -> bool {
    let pattern = expand(expected, |_| "\0");
    let mut pieces = pattern.split('\0');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;
    use crate::dm::Description;
    use crate::provision::apply::{self, Place};
    use crate::provision::cp;

    fn settings() -> Vec<ImpsAccount> {
        let octets = std::fs::read("wap-provisioning/imps.xml").unwrap();
        let document = crate::codec::read(&octets, &[&crate::cp::VOCABULARY], &Limits::default(), &mut Report::new());
        cp::read(&document.unwrap().root).accounts
    }

    fn side(accounts: &[ImpsAccount]) -> Side<'_> {
        Side { accounts, slots: &[], is_tree: false }
    }

    fn said(expected: &[ImpsAccount], actual: &[ImpsAccount]) -> Vec<String> {
        let compared = compare(side(expected), side(actual));
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        compared.differences.iter().map(|d| format!("{} {} {}", d.path, text(&d.expected), text(&d.actual))).collect()
    }

    #[test]
    fn a_tree_says_the_same_as_the_document_it_was_made_of() {
        let accounts = settings();
        let parent = Uri::read("./Own/Place").unwrap();
        let place = Place { parent: Some(&parent), instance: Some("x"), ..Place::of(Description::bundled()) };
        let (tree, _) = apply::to_tree(&accounts, &[], &place).unwrap();
        let read = dm::read(&tree).accounts;
        assert_eq!(accounts.len(), 1);
        let tree = Side { is_tree: true, ..side(&read) };
        assert_eq!(compare(side(&accounts), tree).differences, []);
        assert_eq!(compare(tree, side(&accounts)).differences, []);
    }

    #[test]
    fn order_and_ids_do_not_count_and_values_do() {
        let before = settings();
        let mut after = before.clone();
        let account = &mut after[0];
        account.services = Some("GR, PR;IM".to_owned());
        account.credentials.reverse();
        for id in account.access_points.iter_mut().map(|point| &mut point.id).chain(&mut account.to_access_points) {
            id.push('2');
        }
        for physical in account.proxies.iter_mut().flat_map(|proxy| &mut proxy.physical) {
            physical.to_access_points.iter_mut().for_each(|id| id.push('2'));
        }
        let mut expected = before.clone();
        expected[0].services = Some("IM;PR;GR".to_owned());
        assert_eq!(said(&expected, &after), [""; 0]);
        after[0].name = None;
        after[0].credentials[0].password = Some(Secret::new("other"));
        let name = expected[0].name.clone().unwrap();
        assert_eq!(
            said(&expected, &after),
            [format!("Name {name} -"), format!("AppAuth/<X>/AAuthSecret {MASK} {MASK}")]
        );
    }

    #[test]
    fn what_stands_around_placeholders_counts() {
        let user = Segments::slot(0);
        for (expected, actual, wanted) in [
            (format!("wv:{user}@a.example"), "wv:anna@a.example", true),
            (format!("wv:{user}@a.example"), "wv:anna@b.example", false),
            (format!("{user}-{user}"), "a-b", true),
            (format!("{user}-x-{user}"), "a-b", false),
            (format!("aa{user}aa"), "aaa", false),
            ("a".to_owned(), "ab", false),
        ] {
            assert_eq!(fits(&expected, actual), wanted, "{expected} {actual}");
        }
    }

    #[test]
    fn a_device_need_not_tell_its_secrets() {
        let before = settings();
        let mut after = before.clone();
        after[0].credentials.iter_mut().for_each(|credentials| credentials.password = None);
        let expected = side(&before);
        assert_eq!(compare(expected, side(&after)).differences.len(), 1);
        let told = compare(expected, Side { is_tree: true, ..side(&after) });
        assert_eq!((told.differences.len(), told.untold), (0, 1));
    }
}
