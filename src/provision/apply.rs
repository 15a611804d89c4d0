//! What a handset does with a provisioning document: its account, access points and proxies become nodes of the tree.
//!
//! An account with the key of one that is there (APPID and PROVIDER-ID) replaces it whole, as do access points and proxies
//! with an id that is there (registration of `wA`); others get the next number from 1. References become addresses of nodes.

use super::account::ImpsAccount;
use super::cp::{self, Reading};
use super::dm::{self, Lost, NAP, PROXY, Reference};
use crate::dm::{Described, Description, IMPS, ManagementObject, Node, Tree, TreeFault, Uri};
use crate::document::Element;

/// Where access points hang on a device whose description says nothing else (a decision of impskit).
const NAP_PARENT: &str = "./ConnMO/NAP";
/// Where proxies hang on such a device.
const PROXY_PARENT: &str = "./ConnMO/Proxy";

/// Where new nodes go, and what may be there.
#[derive(Debug, Clone, Copy)]
pub struct Place<'d> {
    /// What the device may hold; the first that has an object counts.
    pub descriptions: &'d [&'d Description],
    /// The parent of new accounts, where neither the tree nor a description decides.
    pub parent: Option<&'d Uri>,
    /// The name of a new account; a number where absent.
    pub instance: Option<&'d str>,
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
    let Reading { accounts, not_carried } = cp::read(root);
    let mut applied = Applied { not_carried, ..Applied::default() };
    for account in &accounts {
        apply(account, tree, place, &mut applied)?;
    }
    Ok(applied)
}

/// Applies one account to a tree and adds what was done to `applied`.
///
/// # Errors
///
/// As [`apply_document`].
pub fn apply(
    account: &ImpsAccount,
    tree: &mut Tree,
    place: &Place<'_>,
    applied: &mut Applied,
) -> Result<(), TreeFault> {
    let mut work = Work { tree, place, applied, known: Vec::new() };
    let mut lost = Lost::new();
    for point in &account.access_points {
        let uri = work.slot(NAP, NAP_PARENT, "ID", &point.id, 1).remove(0);
        if work.put(NAP, &uri, dm::access_point_node(point, uri.name(), &mut lost))? {
            work.known.push((false, point.id.clone(), uri));
        }
    }
    for proxy in &account.proxies {
        let uris = work.slot(PROXY, PROXY_PARENT, "ProxyId", &proxy.id, proxy.physical.len().max(1));
        let names: Vec<String> = uris.iter().map(|uri| uri.name().to_owned()).collect();
        let nodes = dm::proxy_nodes(proxy, &names, &|reference| work.reference(reference), &mut lost);
        for (uri, node) in uris.iter().zip(nodes) {
            if work.put(PROXY, uri, node)? {
                work.known.push((true, proxy.id.clone(), uri.clone()));
            }
        }
    }
    let uri = work.account_slot(account);
    let node = dm::account_node(account, uri.name(), &|reference| work.reference(reference), &mut lost);
    work.put(IMPS, &uri, node)?;
    work.applied.not_carried.append(&mut lost);
    Ok(())
}

/// Returns a tree that holds nothing but the account, its access points and proxies, and what has no place in one.
///
/// # Errors
///
/// Says why there is no such tree: a name that cannot stand in one.
pub fn to_tree(account: &ImpsAccount, parent: &Uri, instance: &str) -> Result<(Tree, Vec<String>), TreeFault> {
    to_trees(std::slice::from_ref(account), parent, Some(instance))
}

/// The same of several accounts, numbered from 1 where there is no name.
///
/// # Errors
///
/// As [`to_tree`].
pub fn to_trees(
    accounts: &[ImpsAccount],
    parent: &Uri,
    instance: Option<&str>,
) -> Result<(Tree, Vec<String>), TreeFault> {
    let mut tree = Tree::new();
    let mut applied = Applied::default();
    let place = Place { descriptions: Description::bundled(), parent: Some(parent), instance };
    for account in accounts {
        apply(account, &mut tree, &place, &mut applied)?;
    }
    Ok((tree, applied.not_carried))
}

struct Work<'w> {
    tree: &'w mut Tree,
    place: &'w Place<'w>,
    applied: &'w mut Applied,
    /// Whether a proxy, its id, where it is.
    known: Vec<(bool, String, Uri)>,
}

impl Work<'_> {
    /// Returns the address of an access point or proxy; its id where the tree has none of that id.
    fn reference(&self, reference: Reference<'_>) -> String {
        let (is_proxy, id) = match reference {
            Reference::AccessPoint(id) => (false, id),
            Reference::Proxy(id) => (true, id),
        };
        let new =
            self.known.iter().find(|(proxy, known, _)| *proxy == is_proxy && known == id).map(|(.., uri)| uri.clone());
        let (moi, key) = if is_proxy { (PROXY, "ProxyId") } else { (NAP, "ID") };
        let found = new.or_else(|| self.with_key(moi, key, id).into_iter().next());
        found.map_or_else(|| id.to_owned(), |uri| uri.to_string())
    }

    fn with_key(&self, moi: &str, key: &str, id: &str) -> Vec<Uri> {
        let has_id = |uri: &Uri| self.tree.get(uri).and_then(|node| node.child_text(key)) == Some(id);
        self.tree.instances(moi).into_iter().filter(has_id).collect()
    }

    /// Returns the addresses for `count` instances with that id: those that are there first, then new numbers.
    fn slot(&mut self, moi: &str, parent: &str, key: &str, id: &str, count: usize) -> Vec<Uri> {
        let mut uris = self.with_key(moi, key, id);
        // What is there and is not needed any more goes with the rest of the old proxy.
        for surplus in uris.drain(count.min(uris.len())..) {
            let _ = self.tree.delete(&surplus);
            self.applied.replaced.push(surplus);
        }
        let parent = self.parent(moi, Uri::read(parent).unwrap_or_default());
        let mut number = 1_u32;
        while uris.len() < count {
            let uri = parent.join(&number.to_string());
            if self.tree.get(&uri).is_none() && !uris.contains(&uri) {
                uris.push(uri);
            }
            number += 1;
        }
        uris
    }

    /// Returns the address for an account: that of the one with its key, else a new one.
    fn account_slot(&self, account: &ImpsAccount) -> Uri {
        let imps = ManagementObject::imps();
        let same = |uri: &Uri| {
            let node = self.tree.get(uri).map(|node| imps.canonical(node));
            node.is_some_and(|node| node.child_text("ProviderID") == account.provider_id.as_deref())
        };
        if let Some(uri) = imps.instances(self.tree).into_iter().find(same) {
            return uri;
        }
        let usual = self.place.parent.cloned().or_else(|| Uri::read(ManagementObject::USUAL_PARENT).ok());
        let parent = self.parent(IMPS, usual.unwrap_or_default());
        let free = || self.tree.get(&parent).map_or_else(|| "1".to_owned(), Node::free_name);
        let wanted = self.place.instance.filter(|name| self.tree.get(&parent.join(name)).is_none());
        parent.join(&wanted.map_or_else(free, str::to_owned))
    }

    /// Returns the parent of new instances: that of those that are there, else what a description says, else `usual`.
    fn parent(&self, moi: &str, usual: Uri) -> Uri {
        let there = self.tree.instances(moi).first().and_then(Uri::parent);
        let described = || self.place.descriptions.iter().find_map(|d| described_parent(d, moi));
        there.or_else(described).unwrap_or(usual)
    }

    /// Writes an instance without what its description forbids; returns whether it is there.
    fn put(&mut self, moi: &str, uri: &Uri, mut node: Node) -> Result<bool, TreeFault> {
        let Some(described) = self.place.descriptions.iter().find_map(|d| d.object(moi)) else {
            let why = format!("the description of the device has no object `{moi}`");
            self.applied.refused.push(Refused { uri: uri.clone(), why });
            return Ok(false);
        };
        let there = self.tree.instances(moi).len();
        let is_new = self.tree.get(uri).is_none();
        if let Some(most) = described.occurrence.most().filter(|most| is_new && there >= *most) {
            let why = format!("the device takes {most} of them");
            self.applied.refused.push(Refused { uri: uri.clone(), why });
            return Ok(false);
        }
        prune(&mut node, uri, described, &mut self.applied.refused);
        if is_new {
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
        Ok(true)
    }
}

/// Takes out of a node what its description does not have, or has in another format or less often.
fn prune(node: &mut Node, uri: &Uri, described: &Described, refused: &mut Vec<Refused>) {
    // Nothing is said of what is below: all is free.
    if described.children.is_empty() {
        return;
    }
    let names: Vec<String> = node.children().map(|child| child.name().to_owned()).collect();
    for (place, name) in names.iter().enumerate() {
        let uri = uri.join(name);
        let Some(child) = node.child_mut(name) else { continue };
        let why = match described.child(name) {
            None => Some("the device does not have this node".to_owned()),
            Some(below) if below.is_interior() != child.is_interior() => {
                Some(format!("the device has a node of format {} here", below.format))
            }
            Some(below) if below.name.is_none() && below.occurrence.most().is_some_and(|most| place >= most) => {
                Some(format!("the device takes {} of them", below.occurrence))
            }
            Some(below) => {
                prune(child, &uri, below, refused);
                // The device has its own format for the value.
                child.format = below.format;
                None
            }
        };
        if let Some(why) = why {
            node.remove(name);
            refused.push(Refused { uri, why });
        }
    }
}

/// Returns the parent of the instances of an object, where a description says it.
fn described_parent(description: &Description, moi: &str) -> Option<Uri> {
    fn below(node: &Described, parent: Option<&Uri>, moi: &str) -> Option<Uri> {
        if node.moi.as_deref() == Some(moi) {
            return parent.cloned();
        }
        let own = match node.name.as_deref() {
            Some(".") => Uri::root(),
            Some(name) => parent.cloned().unwrap_or_default().join(name),
            None => return None,
        };
        node.children.iter().find_map(|child| below(child, Some(&own), moi))
    }
    description.nodes.iter().find_map(|node| below(node, node.path.as_ref(), moi))
}
