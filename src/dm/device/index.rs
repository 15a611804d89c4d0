//! Which description a node has: found along its address, whatever the size of tree and descriptions.

use std::collections::{BTreeMap, HashMap};

use super::super::acl::Command;
use super::super::ddf::{Described, Description};
use super::super::node::Node;
use super::super::object::{IMPS, is_imps};
use super::super::tree::Tree;
use super::super::uri::Uri;

/// What the descriptions say of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'d> {
    /// Nothing: all is free.
    Free,
    /// The parent is described and has no such child: the device does not have it.
    Absent,
    /// This.
    As(Law<'d>),
}

impl<'d> Known<'d> {
    /// Returns whether a node may take a command as far as its description goes.
    pub(super) fn allows(self, command: Command) -> bool {
        self.law().is_none_or(|law| law.allows(command))
    }

    /// Returns the description, if there is one.
    pub(super) fn law(self) -> Option<Law<'d>> {
        match self {
            Self::As(law) => Some(law),
            _ => None,
        }
    }
}

/// The description of a node, and how it is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Law<'d> {
    pub(super) described: &'d Described,
    /// Whether it is the reference of a standard object. Its AccessType is the least that a device has, so that its dynamic
    /// nodes may take more commands; but what cannot be read is secret.
    is_least: bool,
}

impl Law<'_> {
    pub(super) fn allows(self, command: Command) -> bool {
        let is_open = self.is_least && !self.described.is_permanent && command != Command::Get;
        is_open || self.described.access.allows(command)
    }
}

/// The descriptions of a device, by place and by the identifier of objects.
#[derive(Debug, Default)]
pub(super) struct Index<'d> {
    objects: HashMap<&'d str, Law<'d>>,
    /// The parents of objects, where a description says them.
    parents: HashMap<&'d str, Uri>,
    /// Nodes that stand directly in a document, by their address.
    places: BTreeMap<Uri, Law<'d>>,
    /// Those without a name, by the address of the parent.
    unnamed: BTreeMap<Uri, Law<'d>>,
    /// The permanent ones among them.
    permanent: Vec<Uri>,
    /// The children of descriptions with many, by the address of the description in memory.
    wide: HashMap<*const Described, HashMap<&'d str, &'d Described>>,
}

/// Children from which on they are found by name in a table.
const WIDE: usize = 16;

impl<'d> Index<'d> {
    /// Reads descriptions; where two speak of one place or object, the first counts.
    pub(super) fn new(descriptions: &[&'d Description]) -> Self {
        let mut index = Self::default();
        for description in descriptions {
            let is_least = description.is_reference();
            for described in &description.nodes {
                index.top(Law { described, is_least });
                index.hang(described, described.path.as_ref());
            }
            description.walk(&mut |described, _| index.node(Law { described, is_least }));
        }
        let permanent = index.places.iter().filter(|(_, law)| law.described.is_permanent);
        index.permanent = permanent.map(|(place, _)| place.clone()).collect();
        index
    }

    fn top(&mut self, law: Law<'d>) {
        let parent = law.described.path.clone();
        match law.described.name.as_deref() {
            Some(".") => self.places.entry(Uri::root()).or_insert(law),
            Some(name) => self.places.entry(parent.unwrap_or_default().join(name)).or_insert(law),
            None => match parent {
                Some(parent) => self.unnamed.entry(parent).or_insert(law),
                // Its place is for the device to choose.
                None => return,
            },
        };
    }

    /// Notes where objects hang, down to the first of them: below nodes without a name their place is not one place.
    fn hang(&mut self, described: &'d Described, parent: Option<&Uri>) {
        match (described.moi.as_deref(), described.name.as_deref(), parent) {
            (Some(moi), _, Some(parent)) => {
                self.parents.entry(moi).or_insert_with(|| parent.clone());
            }
            (Some(_), ..) | (None, None, _) => {}
            (None, Some(name), parent) => {
                let own = if name == "." { Uri::root() } else { parent.cloned().unwrap_or_default().join(name) };
                for child in &described.children {
                    self.hang(child, Some(&own));
                }
            }
        }
    }

    fn node(&mut self, law: Law<'d>) {
        if let Some(moi) = law.described.moi.as_deref() {
            self.objects.entry(moi).or_insert(law);
        }
        let children = &law.described.children;
        if children.len() > WIDE {
            let mut by_name = HashMap::with_capacity(children.len());
            for child in children {
                by_name.entry(child.name.as_deref().unwrap_or_default()).or_insert(child);
            }
            self.wide.insert(law.described, by_name);
        }
    }

    /// Returns the description of an object.
    pub(super) fn object(&self, moi: &str) -> Option<&'d Described> {
        self.objects.get(moi).map(|law| law.described)
    }

    /// Returns the parent of the instances of an object, where a description says it.
    pub(super) fn parent_of(&self, moi: &str) -> Option<&Uri> {
        self.parents.get(moi)
    }

    /// Returns the permanent nodes that stand directly in a description and lie at or below `uri`.
    pub(super) fn permanent_below(&self, uri: &Uri) -> impl Iterator<Item = &Uri> {
        self.permanent.iter().filter(move |place| place.within(uri).is_some())
    }

    /// Returns what is said of each node from the root down to `uri`, whether they exist or not. `type_name` is the Type of the
    /// node at `uri` where it is new.
    pub(super) fn along(&self, tree: &Tree, uri: &Uri, type_name: Option<&str>) -> Vec<Known<'d>> {
        let mut place = Uri::root();
        let mut node = Some(tree.root());
        let mut known = self.of(Known::Free, &place, node, "");
        let depth = uri.depth();
        let mut all = Vec::with_capacity(depth + 1);
        all.push(known);
        for (level, name) in uri.segments().enumerate() {
            place.push(name);
            node = node.and_then(|node| node.child(name));
            let new_type = type_name.filter(|_| level + 1 == depth).unwrap_or_default();
            known = self.of(known, &place, node, new_type);
            all.push(known);
        }
        all
    }

    /// The description of the node above where it goes on, else that of an object by its identifier, else that of the place.
    pub(super) fn of(&self, above: Known<'d>, place: &Uri, node: Option<&Node>, new_type: &str) -> Known<'d> {
        let parent = above.law();
        if let Some(law) = parent
            && let Some(described) = self.child(law.described, place.name())
        {
            return Known::As(Law { described, ..law });
        }
        let type_name = match node {
            Some(node) if node.is_interior() => node.type_name.as_str(),
            Some(_) => "",
            None => new_type,
        };
        let of_object = || self.objects.get(type_name).filter(|_| !type_name.is_empty());
        let of_account = || node.filter(|node| is_imps(node)).and_then(|_| self.objects.get(IMPS));
        let of_place = || self.places.get(place).or_else(|| self.unnamed.get(&place.parent()?));
        match of_object().or_else(of_account).or_else(of_place) {
            Some(law) => Known::As(*law),
            None if parent.is_some_and(|law| !law.described.children.is_empty()) => Known::Absent,
            None => Known::Free,
        }
    }

    /// Returns the description of the child `name`, as [`Described::child`] does.
    pub(super) fn child(&self, described: &'d Described, name: &str) -> Option<&'d Described> {
        match self.wide.get(&std::ptr::from_ref(described)) {
            Some(by_name) => by_name.get(name).or_else(|| by_name.get("")).copied(),
            None => described.child(name),
        }
    }
}
