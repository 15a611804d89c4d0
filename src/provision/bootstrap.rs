//! DM bootstrap: what makes a server the manager of a device, and brings its settings along (DM Bootstrap 1.2).
//!
//! ```text
//! CP profile    a provisioning document: NAPDEF, PXLOGICAL, w7, wA
//! DM profile    one SyncML message in WBXML: Add ./Inbox ── a serialised tree: DMAcc, access points, proxies, IMPS account
//! ```
//!
//! In the tree the objects stand side by side, each with the rights of the server, and name each other as
//! `./Inbox/NAME`. The device places each by its identifier and answers nothing.

use super::account::{DmAccount, ImpsAccount};
use super::apply::grant;
use super::commands::{Syntax, header, tree_item};
use super::dm::{self, Lost, Reference};
use crate::dm::syncml::{Command, Message, Operation};
use crate::dm::{Node, Tree, TreeFault, Uri, is_name};

/// The inbox of a device.
const INBOX: &str = "./Inbox";

/// Returns the message of the DM profile, and what it cannot carry. `device` is the device that it names, `instance` the
/// name of the IMPS account in it.
///
/// # Errors
///
/// Says why a node cannot stand in a tree.
pub fn message(
    manager: &DmAccount,
    accounts: &[ImpsAccount],
    device: &str,
    instance: &str,
) -> Result<(Message, Vec<String>), TreeFault> {
    let (tree, lost) = tree(manager, accounts, instance)?;
    let inbox = Uri::read(INBOX).unwrap_or_default();
    let add = Operation::Add(vec![tree_item(&inbox, &tree, Syntax::Wbxml)]);
    let server = manager.addresses.first().map(|address| address.address.as_str());
    let server = server.or(manager.server_id.as_deref()).unwrap_or_default();
    let message = Message { header: header(server, device), commands: vec![Command::new("1", add)], is_final: true };
    Ok((message, lost))
}

/// Returns the objects as they travel.
fn tree(manager: &DmAccount, accounts: &[ImpsAccount], instance: &str) -> Result<(Tree, Vec<String>), TreeFault> {
    let mut lost = Lost::new();
    let acl = grant(std::slice::from_ref(manager), &mut lost);
    let mut tree = Tree::new();
    let mut known: Vec<(Reference<'_>, String)> = Vec::new();
    let add = |tree: &mut Tree, mut node: Node| {
        node.acl.clone_from(&acl);
        tree.add(&Uri::root(), node)
    };
    for point in manager.access_points.iter().chain(accounts.iter().flat_map(|a| &a.access_points)) {
        if known.iter().any(|(reference, _)| *reference == Reference::AccessPoint(&point.id)) {
            continue;
        }
        let name = free_name(&tree, &point.id);
        add(&mut tree, dm::access_point_node(point, &name, &mut lost))?;
        known.push((Reference::AccessPoint(&point.id), name));
    }
    for proxy in manager.proxies.iter().chain(accounts.iter().flat_map(|a| &a.proxies)) {
        if known.iter().any(|(reference, _)| *reference == Reference::Proxy(&proxy.id)) {
            continue;
        }
        let mut names = Vec::new();
        for place in 0..proxy.physical.len().max(1) {
            let wanted = if place == 0 { proxy.id.clone() } else { format!("{}-{}", proxy.id, place + 1) };
            names.push(free_name(&tree, &wanted));
        }
        for node in dm::proxy_nodes(proxy, &names, &|reference| in_inbox(&known, reference), &mut lost) {
            add(&mut tree, node)?;
        }
        known.extend(names.into_iter().map(|name| (Reference::Proxy(&proxy.id), name)));
    }
    let name = free_name(&tree, manager.server_id.as_deref().unwrap_or_default());
    add(&mut tree, dm::manager_node(manager, &name, &|reference| in_inbox(&known, reference), &mut lost))?;
    for account in accounts {
        let name = free_name(&tree, instance);
        add(&mut tree, dm::account_node(account, &name, &|reference| in_inbox(&known, reference), &mut lost))?;
    }
    Ok((tree, lost))
}

/// Returns the address of an object that travels along; its id where none does.
fn in_inbox(known: &[(Reference<'_>, String)], wanted: Reference<'_>) -> String {
    let found = known.iter().find(|(reference, _)| *reference == wanted);
    let id = match wanted {
        Reference::AccessPoint(id) | Reference::Proxy(id) => id,
    };
    found.map_or_else(|| id.to_owned(), |(_, name)| format!("{INBOX}/{name}"))
}

/// Returns a name for a node at the top: the wanted one where it may name a node and is free, else a number.
fn free_name(tree: &Tree, wanted: &str) -> String {
    let is_free = |name: &str| is_name(name) && tree.root().child(name).is_none();
    if is_free(wanted) { wanted.to_owned() } else { tree.root().free_name() }
}
