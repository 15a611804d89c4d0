//! What a handset does with a provisioning document: its account, access points and proxies become nodes of the tree.
//!
//! An account with the key of one that is there (APPID and PROVIDER-ID) replaces it whole, as do access points and proxies
//! with an id that is there (registration of `wA`); others get the next number from 1. References become addresses of nodes.
//!
//! Where objects hang, what they are called and what they hold is what the description of the device says; without one it
//! is what the bundled references say.

use super::account::{AccessPoint, DmAccount, ImpsAccount, Proxy};
use super::cp::{self, Reading};
use super::dm::{self, Lost, NAP, PROXY, Reference};
use super::fit::{Fitted, fit};
use crate::dm::{
    Acl, DM_ACCOUNT, Described, Description, IMPS, IMPS_APPID, ManagementObject, Node, Tree, TreeFault, Uri, spell_as,
};
use crate::document::Element;

/// Where new nodes go, and what may be there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'d> {
    /// What the device may hold; the first that has an object counts.
    pub descriptions: &'d [&'d Description],
    /// The parent of new accounts, where neither the tree nor a description decides.
    pub parent: Option<&'d Uri>,
    /// The name of a new account; a number where absent. A name in a description comes first.
    pub instance: Option<&'d str>,
    /// The access control list that a new account gets.
    pub acl: Option<&'d Acl>,
}

impl<'d> Place<'d> {
    /// Returns the place that the descriptions give: parents and names are theirs, or the usual ones.
    pub fn of(descriptions: &'d [&'d Description]) -> Self {
        Self { descriptions, parent: None, instance: None, acl: None }
    }
}

/// Returns what there may be on a device with the descriptions `own`: the bundled references where there is none.
///
/// A description that says no place, as that of a single object does, stands in for the reference of that object, and the
/// references of other objects stay. One that says places describes the device: what it does not have cannot be there.
pub fn on_device<'d>(own: &[&'d Description]) -> Vec<&'d Description> {
    let is_placed = |description: &&Description| description.nodes.iter().any(|n| n.name.is_some() || n.path.is_some());
    let bundled = if own.iter().any(is_placed) { &[][..] } else { Description::bundled() };
    own.iter().chain(bundled).copied().collect()
}

/// What was done to a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The nodes that were written, in their order.
    pub written: Vec<Uri>,
    /// The instances that were there and were replaced.
    pub replaced: Vec<Uri>,
    /// What the description of the device forbids, each with the reason.
    pub refused: Vec<Refused>,
    /// Nodes that the description of the device requires, and to which nothing gives a value.
    pub wanting: Vec<Uri>,
    /// What has no place in a tree.
    pub not_carried: Vec<String>,
}

/// A node that was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where it would be.
    pub uri: Uri,
    /// Why it may not be there.
    pub why: String,
}

/// Applies a provisioning document to a tree.
///
/// # Errors
///
/// Says why the tree cannot take it; it may have been changed in part then.
pub fn apply_document(root: &Element<'_>, tree: &mut Tree, place: &Place<'_>) -> Result<Applied, TreeFault> {
    let Reading { accounts, managers, not_carried } = cp::read(root);
    let mut applied = Applied { not_carried, ..Applied::default() };
    apply(&accounts, &managers, tree, place, &mut applied)?;
    Ok(applied)
}

/// Applies accounts to a tree and adds what was done to `applied`.
///
/// Where there are accounts of DM servers, each of those servers may get, replace and delete every node that is made; no
/// server is granted anything otherwise (DM Bootstrap 1.2, mapping).
///
/// # Errors
///
/// As [`apply_document`].
pub fn apply(
    accounts: &[ImpsAccount],
    managers: &[DmAccount],
    tree: &mut Tree,
    place: &Place<'_>,
    applied: &mut Applied,
) -> Result<(), TreeFault> {
    let mut lost = Lost::new();
    let grant = grant(managers, &mut lost);
    let mut work = Work { tree, place, applied, known: Vec::new(), grant };
    let points = managers.iter().flat_map(|m| &m.access_points).chain(accounts.iter().flat_map(|a| &a.access_points));
    for point in points {
        work.access_point(point, &mut lost)?;
    }
    for proxy in managers.iter().flat_map(|m| &m.proxies).chain(accounts.iter().flat_map(|a| &a.proxies)) {
        work.proxy(proxy, &mut lost)?;
    }
    for manager in managers {
        let id = manager.server_id.as_deref().unwrap_or_default();
        let Some(uri) = work.slots(&MANAGERS, id, 1).pop() else { continue };
        let node = dm::manager_node(manager, uri.name(), &|reference| work.reference(reference), &mut lost);
        work.put(DM_ACCOUNT, &uri, node)?;
    }
    for account in accounts {
        let Some(uri) = work.account_slot(account) else { continue };
        let mut node = dm::account_node(account, uri.name(), &|reference| work.reference(reference), &mut lost);
        node.acl = place.acl.cloned();
        work.put(IMPS, &uri, node)?;
    }
    work.applied.not_carried.append(&mut lost);
    Ok(())
}

/// Returns what DM servers may do with what is made along with their accounts; nothing where there are none.
pub(super) fn grant(managers: &[DmAccount], lost: &mut Lost) -> Option<Acl> {
    let mut ids = Vec::new();
    for id in managers.iter().filter_map(|manager| manager.server_id.as_deref()) {
        match Acl::read(&format!("Get={id}")) {
            Ok(_) => ids.push(id),
            Err(_) => lost.push(format!("APPLICATION/PROVIDER-ID {id}: cannot stand in an access control list")),
        }
    }
    let ids = ids.join("+");
    Acl::read(&format!("Delete={ids}&Get={ids}&Replace={ids}")).ok().flatten()
}

/// Returns a tree that holds nothing but the accounts, their access points and proxies, and what was done to make it.
///
/// # Errors
///
/// Says why there is no such tree: a name that cannot stand in one.
pub fn to_tree(
    accounts: &[ImpsAccount],
    managers: &[DmAccount],
    place: &Place<'_>,
) -> Result<(Tree, Applied), TreeFault> {
    let mut tree = Tree::new();
    let mut applied = Applied::default();
    apply(accounts, managers, &mut tree, place, &mut applied)?;
    Ok((tree, applied))
}

/// An object of which a device may have several, told apart by a key.
struct Kind {
    moi: &'static str,
    key: &'static str,
    /// Where they hang on a device whose description says nothing else (a decision of impskit).
    usual_parent: &'static str,
}

const ACCESS_POINTS: Kind = Kind { moi: NAP, key: "ID", usual_parent: "./ConnMO/NAP" };
const PROXIES: Kind = Kind { moi: PROXY, key: "ProxyId", usual_parent: "./ConnMO/Proxy" };
const MANAGERS: Kind = Kind { moi: DM_ACCOUNT, key: "ServerID", usual_parent: "./DMAcc" };

/// Where a description has an object: below which node, unless the device chooses, and what an instance is.
struct Home<'d> {
    parent: Option<Uri>,
    described: &'d Described,
    /// Whether leaves that the device requires are to be added: the references state least sets only.
    complete: bool,
}

struct Work<'w> {
    tree: &'w mut Tree,
    place: &'w Place<'w>,
    applied: &'w mut Applied,
    /// Whether a proxy, its id, where it is.
    known: Vec<(bool, String, Uri)>,
    /// What new instances grant.
    grant: Option<Acl>,
}

impl<'w> Work<'w> {
    fn knows(&self, is_proxy: bool, id: &str) -> bool {
        self.known.iter().any(|(proxy, known, _)| *proxy == is_proxy && known == id)
    }

    fn access_point(&mut self, point: &AccessPoint, lost: &mut Lost) -> Result<(), TreeFault> {
        if self.knows(false, &point.id) {
            return Ok(());
        }
        let Some(uri) = self.slots(&ACCESS_POINTS, &point.id, 1).pop() else { return Ok(()) };
        self.put(NAP, &uri, dm::access_point_node(point, uri.name(), lost))?;
        self.known.push((false, point.id.clone(), uri));
        Ok(())
    }

    fn proxy(&mut self, proxy: &Proxy, lost: &mut Lost) -> Result<(), TreeFault> {
        if self.knows(true, &proxy.id) {
            return Ok(());
        }
        let uris = self.slots(&PROXIES, &proxy.id, proxy.physical.len().max(1));
        let names: Vec<String> = uris.iter().map(|uri| uri.name().to_owned()).collect();
        let nodes = dm::proxy_nodes(proxy, &names, &|reference| self.reference(reference), lost);
        for (uri, node) in uris.iter().zip(nodes) {
            self.put(PROXY, uri, node)?;
            self.known.push((true, proxy.id.clone(), uri.clone()));
        }
        Ok(())
    }

    /// Returns the address of an access point or proxy; its id where the tree has none of that id.
    fn reference(&self, reference: Reference<'_>) -> String {
        let (kind, id) = match reference {
            Reference::AccessPoint(id) => (ACCESS_POINTS, id),
            Reference::Proxy(id) => (PROXIES, id),
        };
        let is_proxy = kind.moi == PROXY;
        let new = self.known.iter().find(|(proxy, known, _)| *proxy == is_proxy && known == id);
        let found = new.map(|(.., uri)| uri.clone()).or_else(|| self.with_key(&kind, id).into_iter().next());
        found.map_or_else(|| id.to_owned(), |uri| uri.to_string())
    }

    fn with_key(&self, kind: &Kind, id: &str) -> Vec<Uri> {
        let has_id = |uri: &Uri| self.tree.get(uri).and_then(|node| node.child_text(kind.key)) == Some(id);
        self.tree.instances(kind.moi).into_iter().filter(has_id).collect()
    }

    /// Returns the addresses for `count` instances with that id: those that are there first, then new ones.
    fn slots(&mut self, kind: &Kind, id: &str, count: usize) -> Vec<Uri> {
        let mut uris = self.with_key(kind, id);
        // What is there and is not needed any more goes with the rest of the old proxy.
        for surplus in uris.drain(count.min(uris.len())..) {
            let _ = self.tree.delete(&surplus);
            self.applied.replaced.push(surplus);
        }
        let usual = Uri::read(kind.usual_parent).unwrap_or_default();
        while uris.len() < count {
            match self.new_slot(kind.moi, &usual, None, &uris) {
                Ok(uri) => uris.push(uri),
                Err(refused) => {
                    self.applied.refused.push(refused);
                    break;
                }
            }
        }
        uris
    }

    /// Returns the address for an account: that of the one with its key, else a new one.
    fn account_slot(&mut self, account: &ImpsAccount) -> Option<Uri> {
        let imps = ManagementObject::imps();
        let same = |uri: &Uri| {
            let node = self.tree.get(uri).map(|node| imps.canonical(node));
            node.is_some_and(|node| node.child_text("ProviderID") == account.provider_id.as_deref())
        };
        if let Some(uri) = imps.instances(self.tree).into_iter().find(same) {
            return Some(uri);
        }
        let usual = self.place.parent.cloned().or_else(|| Uri::read(ManagementObject::USUAL_PARENT).ok());
        let slot = self.new_slot(IMPS, &usual.unwrap_or_default(), self.place.instance, &[]);
        slot.map_err(|refused| self.applied.refused.push(refused)).ok()
    }

    /// Returns where a device has an object, in the first description that has it.
    fn homes(&self, moi: &str) -> Vec<Home<'w>> {
        let all = self.place.descriptions.iter().map(|description| homes(description, moi));
        all.into_iter().find(|homes| !homes.is_empty()).unwrap_or_default()
    }

    /// Returns a free address for an instance: with the name that the description gives it, else `name`, else a number;
    /// where others hang, else where the description says, else below `usual`. `taken` are addresses that are not free.
    fn new_slot(&self, moi: &str, usual: &Uri, name: Option<&str>, taken: &[Uri]) -> Result<Uri, Refused> {
        let there: Vec<Uri> = match moi {
            IMPS => ManagementObject::imps().instances(self.tree),
            _ => self.tree.instances(moi),
        };
        let mut refused = Refused {
            uri: usual.join(name.unwrap_or("1")),
            why: format!("the description of the device has no object `{moi}`"),
        };
        for home in self.homes(moi) {
            if let Some(fixed) = &home.described.name {
                let uri = home.parent.as_ref().unwrap_or(usual).join(fixed);
                if self.tree.get(&uri).is_none_or(is_blank) && !taken.contains(&uri) {
                    return Ok(uri);
                }
                refused = Refused { uri, why: "the device has one place for it, which is taken".to_owned() };
                continue;
            }
            let parent = there.first().and_then(Uri::parent).or(home.parent).unwrap_or_else(|| usual.clone());
            let is_free = |name: &str| {
                let uri = parent.join(name);
                self.tree.get(&uri).is_none() && !taken.contains(&uri)
            };
            let name = name.filter(|name| is_free(name)).map(str::to_owned);
            let number = || (1_u32..).map(|number| number.to_string()).find(|name| is_free(name));
            let uri = parent.join(&name.or_else(number).unwrap_or_default());
            match home.described.occurrence.most().filter(|most| there.len() + taken.len() >= *most) {
                Some(most) => refused = Refused { uri, why: format!("the device takes {most} of them") },
                None => return Ok(uri),
            }
        }
        Err(refused)
    }

    /// Writes an instance without what its description forbids.
    fn put(&mut self, moi: &str, uri: &Uri, node: Node) -> Result<(), TreeFault> {
        let homes = self.homes(moi);
        let is_at = |home: &&Home<'_>| {
            let named = home.described.name.as_deref().is_none_or(|name| name == uri.name());
            named && home.parent.as_ref().is_none_or(|parent| uri.parent().as_ref() == Some(parent))
        };
        let Some(home) = homes.iter().find(is_at).or(homes.first()) else { return Ok(()) };
        let mut node = if moi == IMPS { spell_as(&node, home.described) } else { node };
        node.type_name = home.described.moi.clone().unwrap_or_default();
        node.acl = node.acl.take().or_else(|| self.grant.clone());
        let mut fitted = Fitted::default();
        fit(&mut node, uri, home.described, home.complete, &mut fitted);
        self.applied.refused.append(&mut fitted.refused);
        self.applied.wanting.append(&mut fitted.wanting);
        if self.tree.get(uri).is_none() {
            let parent = uri.parent().ok_or(TreeFault::Root)?;
            self.tree.ensure(&parent)?;
            self.tree.add(&parent, node)?;
        } else {
            self.tree.replace(uri, node)?;
            self.applied.replaced.push(uri.clone());
        }
        let mut written = Vec::new();
        self.tree.walk(&mut |at, _| {
            if at.within(uri).is_some() {
                written.push(at.clone());
            }
        });
        self.applied.written.append(&mut written);
        Ok(())
    }
}

/// Returns whether a node holds no value: a place that a device keeps ready.
fn is_blank(node: &Node) -> bool {
    node.value.is_none() && node.children().all(is_blank)
}

/// Returns where a description has an object: by its identifier, and the IMPS object also by the `AppID` that it describes.
fn homes<'d>(description: &'d Description, moi: &str) -> Vec<Home<'d>> {
    fn below<'d>(node: &'d Described, parent: Option<&Uri>, moi: &str, found: &mut Vec<(Option<Uri>, &'d Described)>) {
        let is_account = || node.child("AppID").is_some_and(|id| id.default.as_deref() == Some(IMPS_APPID));
        if node.moi.as_deref() == Some(moi) || (moi == IMPS && node.moi.is_none() && is_account()) {
            return found.push((parent.cloned(), node));
        }
        let own = match node.name.as_deref() {
            Some(".") => Uri::root(),
            Some(name) => parent.cloned().unwrap_or_default().join(name),
            None => return,
        };
        node.children.iter().for_each(|child| below(child, Some(&own), moi, found));
    }
    let mut found = Vec::new();
    description.nodes.iter().for_each(|node| below(node, node.path.as_ref(), moi, &mut found));
    let complete = !found.is_empty() && !description.is_reference();
    found.into_iter().map(|(parent, described)| Home { parent, described, complete }).collect()
}
