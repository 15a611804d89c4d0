//! `./Inbox`: a server puts objects there, and the device places each by its identifier (DM Bootstrap 1.2, "DM Profile").
//!
//! References to an object of the same document are written `./Inbox/` and its place in the document; the device writes
//! the place that it gave the object instead.

use std::collections::{HashMap, HashSet};

use super::super::acl::Command;
use super::super::node::{Node, Value};
use super::super::object::{DM_ACCOUNT, IMPS, ManagementObject};
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::Device;
use super::faults::{Fault, Refusal};

/// Where objects go whose description says no place: decisions of impskit, but for the first.
const USUAL: &[(&str, &str)] = &[
    (DM_ACCOUNT, "./DMAcc"),
    (IMPS, ManagementObject::USUAL_PARENT),
    ("urn:oma:mo:oma-connmo-nap:1.0", "./ConnMO/NAP"),
    ("urn:oma:mo:oma-connmo-proxy:1.0", "./ConnMO/Proxy"),
];

/// Identifiers of old examples, and those that they are now.
const OLD: &[(&str, &str)] = &[
    ("org.openmobilealliance/1.0/w7", DM_ACCOUNT),
    ("org.openmobilealliance/1.0/ConnMO", "urn:oma:mo:oma-connmo-nap:1.0"),
];

/// No server: the device does it of its own accord.
const NOBODY: &str = "";

/// Objects on their way.
#[derive(Default)]
struct Placement<'t> {
    /// The objects, each with the place that the device gives it.
    objects: Vec<(Uri, &'t Node)>,
    /// The same by the place in the document.
    places: HashMap<Uri, Uri>,
    /// The places that are given already.
    taken: HashSet<Uri>,
    /// The next number for a name that is taken.
    numbers: HashMap<Uri, u32>,
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
        let mut placed = Placement::default();
        self.place(&Uri::root(), document.root(), &mut placed);
        if placed.objects.is_empty() {
            return Err(Fault::WrongFormat.because("the device knows none of the objects in the document"));
        }
        self.whole(|device| {
            for (to, node) in &placed.objects {
                let mut node = (*node).clone().named(to.name());
                refer(&mut node, &inbox, &placed.places);
                // The device itself places the object: only the list of the inbox counts, and nobody owns what is made.
                device.add_nodes(NOBODY, to, &node, true)?;
            }
            Ok(())
        })?;
        Ok(placed.objects.into_iter().map(|(to, _)| to).collect())
    }

    /// Finds the objects that the device knows, from the top down, and gives each a place that is free.
    fn place<'t>(&self, at: &Uri, node: &'t Node, placed: &mut Placement<'t>) {
        for child in node.children() {
            let from = at.join(child.name());
            let moi =
                OLD.iter().find(|(old, _)| *old == child.type_name).map_or(child.type_name.as_str(), |(_, now)| now);
            match self.parent_of(moi).filter(|_| child.is_interior() && !moi.is_empty()) {
                Some(parent) => {
                    let to = self.free_place(&parent, child.name(), placed);
                    placed.places.insert(from, to.clone());
                    placed.objects.push((to, child));
                }
                None => self.place(&from, child, placed),
            }
        }
    }

    /// Returns a place for an object below `parent`: under its name, else with a number behind it.
    fn free_place(&self, parent: &Uri, name: &str, placed: &mut Placement<'_>) -> Uri {
        let wanted = parent.join(name);
        let there = self.tree.get(parent);
        let is_free = |name: &str| there.is_none_or(|node| node.child(name).is_none());
        let next = placed.numbers.entry(wanted.clone()).or_insert(0);
        if *next == 0 && is_free(name) && placed.taken.insert(wanted.clone()) {
            *next = 1;
            return wanted;
        }
        // Few numbers are tried one by one; behind as many as there are children, the next are free.
        let far = there.map_or(0, Node::width) as u32;
        let mut number = (*next).max(1);
        loop {
            let numbered = format!("{name}{number}");
            let place = parent.join(&numbered);
            number = if number < 10 { number + 1 } else { number.max(far) + 1 };
            if is_free(&numbered) && placed.taken.insert(place.clone()) {
                *next = number;
                return place;
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

/// Writes the new places of objects into the references to them, and to nodes in them.
fn refer(node: &mut Node, inbox: &Uri, places: &HashMap<Uri, Uri>) {
    if let Some(text) = node.value_text().filter(|text| text.starts_with("./")) {
        let below = Uri::read(text).ok().and_then(|uri| uri.within(inbox));
        if let Some(new) = below.and_then(|uri| new_place(&uri, places)) {
            node.value = Some(Value::Text(new.to_string()));
        }
    }
    for child in node.children_mut() {
        refer(child, inbox, places);
    }
}

fn new_place(uri: &Uri, places: &HashMap<Uri, Uri>) -> Option<Uri> {
    let mut object = uri.clone();
    loop {
        if let Some(to) = places.get(&object) {
            return Some(to.below(&uri.within(&object)?));
        }
        object = object.parent()?;
    }
}
