//! `./Inbox`: a server puts objects there, and the device places each by its identifier (DM Bootstrap 1.2, "DM Profile").
//!
//! References to an object of the same document are written `./Inbox/` and its place in the document; the device writes
//! the place that it gave the object instead.

use super::super::acl::Command;
use super::super::node::{Node, Value};
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::Device;
use super::faults::{Fault, Refusal};

/// Where objects go whose description says no place: decisions of impskit, but for the first.
const USUAL: &[(&str, &str)] = &[
    ("urn:oma:mo:oma-dm-dmacc:1.0", "./DMAcc"),
    ("urn:oma:mo:oma-imps:1.0", "./IMPS"),
    ("urn:oma:mo:oma-connmo-nap:1.0", "./ConnMO/NAP"),
    ("urn:oma:mo:oma-connmo-proxy:1.0", "./ConnMO/Proxy"),
];

/// Identifiers of old examples, and those that they are now.
const OLD: &[(&str, &str)] = &[
    ("org.openmobilealliance/1.0/w7", "urn:oma:mo:oma-dm-dmacc:1.0"),
    ("org.openmobilealliance/1.0/ConnMO", "urn:oma:mo:oma-connmo-nap:1.0"),
];

/// No server: the device does it of its own accord.
const NOBODY: &str = "";

/// An object on its way.
struct Placed<'t> {
    /// Its place in the document.
    from: Uri,
    /// The place that the device gives it.
    to: Uri,
    node: &'t Node,
}

impl Device<'_> {
    /// Places the objects of a document and returns their places. Objects that the device does not know are left out.
    ///
    /// # Errors
    ///
    /// 425 where the list of the inbox does not give the server Add; 415 where no object is known; else the first fault of a
    /// node. Nothing is changed then.
    pub(super) fn add_to_inbox(&mut self, server: &str, document: &Tree) -> Result<Vec<Uri>, Refusal> {
        let inbox = self.abilities.inbox.clone().unwrap_or_default();
        if !self.tree.allows(&inbox, Command::Add, server) {
            return Err(
                Fault::NoRight.because(format!("the list of `{inbox}` does not give `{server}` the command Add"))
            );
        }
        let mut placed = Vec::new();
        self.place(&Uri::root(), document.root(), &mut placed);
        if placed.is_empty() {
            return Err(Fault::WrongFormat.because("the device knows none of the objects in the document"));
        }
        self.whole(|device| {
            for object in &placed {
                let mut node = object.node.clone().named(object.to.name());
                refer(&mut node, &inbox, &placed);
                // The device itself places the object: only the list of the inbox counts, and nobody owns what is made.
                device.add_nodes(NOBODY, &object.to, &node, true)?;
            }
            Ok(())
        })?;
        Ok(placed.into_iter().map(|object| object.to).collect())
    }

    /// Finds the objects that the device knows, from the top down, and gives each a place that is free.
    fn place<'t>(&self, at: &Uri, node: &'t Node, placed: &mut Vec<Placed<'t>>) {
        for child in node.children() {
            let from = at.join(child.name());
            let moi =
                OLD.iter().find(|(old, _)| *old == child.type_name).map_or(child.type_name.as_str(), |(_, now)| now);
            match self.parent_of(moi).filter(|_| child.is_interior() && !moi.is_empty()) {
                Some(parent) => {
                    let is_free = |uri: &Uri| self.tree.get(uri).is_none() && placed.iter().all(|p| p.to != *uri);
                    let numbered = (1_u32..).map(|number| parent.join(&format!("{}{number}", child.name())));
                    let to = std::iter::once(parent.join(child.name())).chain(numbered).find(is_free);
                    placed.extend(to.map(|to| Placed { from, to, node: child }));
                }
                None => self.place(&from, child, placed),
            }
        }
    }

    /// Returns where instances of an object hang: where its description says, else where they usually do. `None` where the
    /// device does not know the object.
    fn parent_of(&self, moi: &str) -> Option<Uri> {
        self.index.object(moi)?;
        let usual = USUAL.iter().find(|(known, _)| *known == moi).and_then(|(_, parent)| Uri::read(parent).ok());
        self.index.parent_of(moi).cloned().or(usual)
    }
}

/// Writes the new places of objects into the references to them.
fn refer(node: &mut Node, inbox: &Uri, placed: &[Placed<'_>]) {
    if let Some(text) = node.value_text().filter(|text| text.starts_with("./")) {
        let below = Uri::read(text).ok().and_then(|uri| uri.within(inbox));
        let found =
            below.and_then(|uri| placed.iter().find_map(|object| Some(object.to.below(&uri.within(&object.from)?))));
        if let Some(new) = found {
            node.value = Some(Value::Text(new.to_string()));
        }
    }
    for child in node.children_mut() {
        refer(child, inbox, placed);
    }
}
