//! What has to change on a device so that it has the settings: the least changes, given the tree that it has.
//!
//! ```text
//! tree ── apply ── wanted ── settle ── changes of trees ── allowed by the device's description ── Changes
//! ```
//!
//! What a device calls its instances, in which format it keeps a value, and which properties nobody asked to change, all
//! stay as they are.

use super::account::{DmAccount, ImpsAccount};
use super::apply::{Applied, Place, Refused, apply};
use crate::dm::{
    self, Change, Command, Described, Description, Node, Tree, TreeFault, Uri, describe, fits, is_secret, spell_like,
};

/// What has to change on a device.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The changes, in the order in which a device can make them.
    pub changes: Vec<Change>,
    /// The instances that the settings are in, as they will be.
    pub instances: Vec<(Uri, Node)>,
    /// What there was to say about placing them; its refusals include what the device lets no server do.
    pub applied: Applied,
    /// Nodes that are taken to be on the device, because no server can make them.
    pub assumed: Vec<Uri>,
    /// Secrets that the tree of the device does not show, and that are therefore sent whether they differ or not.
    pub unseen: Vec<Uri>,
}

/// Returns what has to change on a device with the tree `from` so that it has the accounts. Without a tree the device is
/// taken to have nothing of them but the nodes that they hang below.
///
/// # Errors
///
/// Says why the tree cannot take them.
pub fn changes(
    from: Option<&Tree>,
    accounts: &[ImpsAccount],
    managers: &[DmAccount],
    place: &Place<'_>,
) -> Result<Changes, TreeFault> {
    let mut wanted = from.cloned().unwrap_or_default();
    let mut made = Changes::default();
    apply(accounts, managers, &mut wanted, place, &mut made.applied)?;
    let roots = roots(&made.applied.written);
    let before = match from {
        Some(tree) => tree.clone(),
        None => parents(&roots)?,
    };
    let described = Descriptions::of(&wanted, place.descriptions);
    for uri in &roots {
        if let (Some(old), Some(new)) = (before.get(uri), wanted.get_mut(uri)) {
            spell_like(new, old);
            settle(old, new, described.at(uri));
        }
    }
    let all = dm::changes(before.root(), wanted.root(), &Uri::root());
    let described = Descriptions::of(&wanted, place.descriptions);
    let gone = Descriptions::of(&before, place.descriptions);
    let mut allowed = Allowed { described: &described, gone: &gone, is_known: from.is_some(), made: &mut made };
    all.into_iter().for_each(|change| allowed.add(change));
    made.unseen = unseen(&before, &made.changes);
    made.instances = roots.into_iter().filter_map(|uri| Some((uri.clone(), wanted.get(&uri)?.clone()))).collect();
    Ok(made)
}

/// Returns the addresses that are below none of the others before them.
fn roots(written: &[Uri]) -> Vec<Uri> {
    let mut roots: Vec<Uri> = Vec::new();
    for uri in written {
        if !roots.iter().any(|root| uri.within(root).is_some()) {
            roots.push(uri.clone());
        }
    }
    roots
}

/// Returns a tree that holds nothing but the parents of those nodes.
fn parents(uris: &[Uri]) -> Result<Tree, TreeFault> {
    let mut tree = Tree::new();
    for parent in uris.iter().filter_map(Uri::parent) {
        tree.ensure(&parent)?;
    }
    Ok(tree)
}

/// Returns the secrets that change and whose value the device does not show.
fn unseen(before: &Tree, changes: &[Change]) -> Vec<Uri> {
    let is_unseen = |change: &&Change| {
        matches!(change, Change::Replace(uri, _) if is_secret(uri.name()))
            && before.get(change.uri()).is_some_and(|node| node.value.is_none())
    };
    changes.iter().filter(is_unseen).map(|change| change.uri().clone()).collect()
}

/// The descriptions of the nodes of a tree.
struct Descriptions<'d>(Vec<(Uri, Option<&'d Described>)>);

impl<'d> Descriptions<'d> {
    fn of(tree: &Tree, descriptions: &[&'d Description]) -> Self {
        let mut found = describe(tree, descriptions).into_iter();
        let mut all = Vec::new();
        tree.walk(&mut |uri, _| all.push((uri.clone(), found.next().flatten())));
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self(all)
    }

    fn at(&self, uri: &Uri) -> Option<&'d Described> {
        let place = self.0.binary_search_by(|(at, _)| at.cmp(uri)).ok()?;
        self.0[place].1
    }
}

/// Lets of `old` stay what nobody asked to change.
fn settle(old: &Node, new: &mut Node, described: Option<&Described>) {
    new.acl = new.acl.take().or_else(|| old.acl.clone());
    if old.is_interior() != new.is_interior() {
        return;
    }
    if new.is_interior() {
        new.type_name.clone_from(&old.type_name);
        name_instances(old, new, described);
        let names: Vec<String> = new.children().map(|child| child.name().to_owned()).collect();
        for name in names {
            let below = described.and_then(|d| d.child(&name));
            if let (Some(old), Some(new)) = (old.child(&name), new.child_mut(&name)) {
                settle(old, new, below);
            }
        }
    } else if new.value.as_ref().is_some_and(|value| fits(old.format, value)) {
        new.format = old.format;
        new.type_name.clone_from(&old.type_name);
    }
}

/// Gives instances the names that those on the device have: credentials those of their level, others those of their rank,
/// since the first of several is the preferred one.
fn name_instances(old: &Node, new: &mut Node, described: Option<&Described>) {
    let is_instance = |node: &&Node| {
        let below = described.and_then(|d| d.child(node.name()));
        node.is_interior() && below.is_some_and(|below| below.name.is_none())
    };
    let mut there: Vec<&Node> = old.children().filter(is_instance).collect();
    let wanted: Vec<&Node> = new.children().filter(is_instance).collect();
    if there.is_empty() || wanted.is_empty() {
        return;
    }
    let level = |node: &Node| node.child_text("AAuthLevel").map(str::to_owned);
    let mut names: Vec<(String, Option<String>)> = Vec::new();
    for node in &wanted {
        let place = match level(node) {
            Some(own) => there.iter().position(|other| level(other).as_ref() == Some(&own)),
            None => Some(0).filter(|_| !there.is_empty()),
        };
        names.push((node.name().to_owned(), place.map(|place| there.remove(place).name().to_owned())));
    }
    let nodes: Vec<Node> = names.iter().filter_map(|(name, _)| new.remove(name)).collect();
    let taken: Vec<String> = names.iter().filter_map(|(_, name)| name.clone()).collect();
    for (node, (own, name)) in nodes.into_iter().zip(names) {
        let is_free = |name: &String| !taken.contains(name) && new.child(name).is_none();
        let free = std::iter::once(own).chain((1_u32..).map(|number| number.to_string())).find(is_free);
        let name = name.or(free).unwrap_or_default();
        // Names on the device stand once, and the others are free.
        let _ = new.add(node.named(name));
    }
}

/// Takes the changes that a device lets servers make.
struct Allowed<'a> {
    described: &'a Descriptions<'a>,
    gone: &'a Descriptions<'a>,
    /// Whether the tree of the device is known.
    is_known: bool,
    made: &'a mut Changes,
}

impl Allowed<'_> {
    fn add(&mut self, change: Change) {
        let uri = change.uri();
        if self.made.applied.refused.iter().any(|refused| uri.within(&refused.uri).is_some_and(|u| u.depth() > 0)) {
            return;
        }
        // The references state least sets of access: a device adds to them as it likes.
        let of = if matches!(change, Change::Delete(_)) { self.gone } else { self.described };
        let described = of.at(uri).filter(|described| described.basis.is_none());
        let Some(described) = described else { return self.made.changes.push(change) };
        let may = |command| described.access.allows(command);
        match &change {
            Change::Add(uri, node) if !may(Command::Add) => {
                let is_set = node.value.is_some() && node.value_text() != described.default.as_deref();
                if self.is_known || (is_set && !may(Command::Replace)) {
                    return self.refuse(uri.clone(), "add");
                }
                self.made.assumed.push(uri.clone());
                if is_set {
                    self.made.changes.push(Change::Replace(uri.clone(), node.clone()));
                }
            }
            Change::Replace(uri, _) if !may(Command::Replace) => self.refuse(uri.clone(), "change"),
            Change::Delete(uri) if !may(Command::Delete) => self.refuse(uri.clone(), "delete"),
            _ => self.made.changes.push(change),
        }
    }

    fn refuse(&mut self, uri: Uri, what: &str) {
        let why = format!("the device lets no server {what} this node");
        self.made.applied.refused.push(Refused { uri, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dm::{IMPS, ManagementObject};

    fn address(name: &str, text: &str) -> Node {
        Node::interior(name).with(Node::text("Addr", text))
    }

    fn account(addresses: impl IntoIterator<Item = Node>) -> Node {
        let addresses = addresses.into_iter().fold(Node::interior("AppAddr"), Node::with);
        Node::instance("a", IMPS).with(addresses)
    }

    #[test]
    fn instances_keep_the_names_that_the_device_gave_them() {
        let old = account([address("x", "http://a/"), address("y", "http://b/")]);
        let mut new = account([address("1", "http://c/"), address("2", "http://a/"), address("3", "http://d/")]);
        settle(&old, &mut new, Some(ManagementObject::imps().described));
        let names: Vec<_> =
            new.child("AppAddr").unwrap().children().map(|n| (n.name(), n.child_text("Addr").unwrap())).collect();
        assert_eq!(names, [("x", "http://c/"), ("y", "http://a/"), ("3", "http://d/")]);
    }
}
