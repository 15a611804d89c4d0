//! A management object: a described piece of a tree that may hang in many places and is found by its identifier.

use std::fmt;

use super::ddf::{Described, Description};
use super::node::{Node, Value};
use super::tree::{Tree, TreeFault};
use super::uri::Uri;

/// The identifier of the IMPS management object (DM Tree and Description 1.2.1, "Type").
pub const IMPS: &str = "urn:oma:mo:oma-imps:1.0";

/// The application identifier of IMPS.
pub(crate) const IMPS_APPID: &str = "wA";

/// The identifier of the object of DM accounts (DM Standardized Objects).
pub const DM_ACCOUNT: &str = "urn:oma:mo:oma-dm-dmacc:1.0";

/// The application identifier of device management.
pub(crate) const DM_APPID: &str = "w7";

/// A management object as a description has it.
#[derive(Debug, Clone, Copy)]
pub struct ManagementObject<'d> {
    /// The description of the root of an instance.
    pub described: &'d Described,
    moi: &'d str,
}

impl ManagementObject<'static> {
    /// Returns the IMPS object of the impskit reference.
    pub fn imps() -> Self {
        let object = ManagementObject::of(Description::reference(), IMPS);
        object.expect("the reference describes the IMPS object: a test reads it")
    }
}

impl<'d> ManagementObject<'d> {
    /// Returns the IMPS object as `described` has it.
    pub(super) fn imps_as(described: &'d Described) -> Self {
        Self { described, moi: IMPS }
    }

    /// Where instances hang on a device whose description says nothing else (a decision of impskit).
    pub const USUAL_PARENT: &'static str = "./IMPS";

    /// Returns the object with that identifier, if `description` has it.
    pub fn of(description: &'d Description, moi: &str) -> Option<Self> {
        let described = description.object(moi)?;
        Some(Self { described, moi: described.moi.as_deref()? })
    }

    /// Returns the addresses of the instances in a tree: by identifier, and for IMPS also by `AppID` `wA`.
    pub fn instances(&self, tree: &Tree) -> Vec<Uri> {
        let mut found = Vec::new();
        tree.walk(&mut |uri, node| {
            if node.is_interior() && (node.type_name == self.moi || (self.moi == IMPS && is_imps(node))) {
                found.push(uri.clone());
            }
        });
        found
    }

    /// Returns an instance without children.
    pub fn instance(&self, name: &str) -> Node {
        Node::instance(name, self.moi)
    }

    /// Sets the leaf at `path` of an instance (`AppAddr/1/Addr`), making the nodes on the way; format and type are those
    /// of the description.
    ///
    /// # Errors
    ///
    /// Says where the description has no such leaf.
    pub fn set(&self, instance: &mut Node, path: &str, value: Value) -> Result<(), ObjectFault> {
        let mut node = instance;
        let mut described = self.described;
        for name in path.split('/') {
            described = described.child(name).ok_or_else(|| ObjectFault::NotDescribed(path.to_owned()))?;
            if node.child(name).is_none() {
                node.add(blank(described, name)).map_err(ObjectFault::Tree)?;
            }
            node = node.child_mut(name).ok_or_else(|| ObjectFault::NotDescribed(path.to_owned()))?;
        }
        if described.is_interior() {
            return Err(ObjectFault::Interior(path.to_owned()));
        }
        node.value = Some(value);
        Ok(())
    }

    /// Hangs an instance below `parent`, making the parent where it is missing; returns where it hangs.
    ///
    /// # Errors
    ///
    /// Says that a node of that name is there, or that the parent is a leaf.
    pub fn hang(&self, tree: &mut Tree, parent: &Uri, instance: Node) -> Result<Uri, TreeFault> {
        tree.ensure(parent)?;
        let uri = parent.join(instance.name());
        tree.add(parent, instance)?;
        Ok(uri)
    }

    /// Returns an instance with the spellings that only readers accept put in their canonical places; all else stays.
    pub(crate) fn canonical(&self, instance: &Node) -> Node {
        let mut node = instance.clone();
        if self.moi == IMPS {
            for (alias, canonical) in ALIASES {
                move_alias(&mut node, alias, canonical);
            }
        }
        node
    }
}

/// Returns an instance of the IMPS object with those leaves under other spellings that `described` has so; all else stays.
pub(crate) fn spell_as(instance: &Node, described: &Described) -> Node {
    let mut node = instance.clone();
    spell(&mut node, &|path| describes(described, path).is_some());
    node
}

/// Spells the leaves of an instance of the IMPS object as another instance has them.
pub(crate) fn spell_like(instance: &mut Node, other: &Node) {
    spell(instance, &|path| has(other, path));
}

fn spell(instance: &mut Node, is_there: &dyn Fn(&str) -> bool) {
    for (alias, canonical) in ALIASES {
        if is_there(alias) && !is_there(canonical) {
            move_alias(instance, canonical, alias);
        }
    }
}

fn has(node: &Node, path: &str) -> bool {
    match path.split_once('/') {
        None => node.child(path).is_some_and(|leaf| !leaf.is_interior()),
        Some(("<X>", rest)) => node.children().any(|child| has(child, rest)),
        Some((name, rest)) => node.child(name).is_some_and(|child| has(child, rest)),
    }
}

/// Returns the description that a path leads to, where an instance may have a name of its own.
fn describes<'d>(described: &'d Described, path: &str) -> Option<&'d Described> {
    path.split('/').try_fold(described, |node, name| match name {
        "<X>" => node.children.iter().min_by_key(|c| c.name.is_some()).filter(|c| c.is_interior()),
        name => node.child(name),
    })
}

/// Other spellings of leaves, since the true one of the IMPS object is not known (IMPS MO, "Node table").
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("ConRefs/<X>/ConRef", "ToConRef/<X>/ConRef"),
    ("ToConRef", "ToConRef/<X>/ConRef"),
    ("ClientIDPrefix", "CIDPrefix"),
    ("CidPrefix", "CIDPrefix"),
    ("ClientPrefix", "CIDPrefix"),
    ("Service", "Services"),
    ("ServiceList", "Services"),
    ("Addr", "AppAddr/<X>/Addr"),
    ("Address", "AppAddr/<X>/Addr"),
    ("SAP/Addr", "AppAddr/<X>/Addr"),
    ("AppAddr/<X>/PortNbr", "AppAddr/<X>/Port/1/PortNbr"),
    ("AuthInfo/AuthName", "AppAuth/<X>/AAuthName"),
    ("AuthInfo/AuthSecret", "AppAuth/<X>/AAuthSecret"),
    ("AAuthName", "AppAuth/<X>/AAuthName"),
    ("AAuthSecret", "AppAuth/<X>/AAuthSecret"),
];

/// Moves the leaves at `alias` to `canonical`, unless something is there already.
fn move_alias(instance: &mut Node, alias: &str, canonical: &str) {
    let (place, names): (_, Vec<String>) = match alias.split_once("/<X>/") {
        Some((container, _)) => {
            let names = instance.child(container).into_iter().flat_map(Node::children);
            (Some(container), names.map(|child| child.name().to_owned()).collect())
        }
        None => (None, vec!["1".to_owned()]),
    };
    for name in names {
        let (from, to) = (alias.replace("<X>", &name), canonical.replace("<X>", &name));
        if find(instance, &from).is_none_or(Node::is_interior) || find(instance, &to).is_some() {
            continue;
        }
        if let Some(leaf) = take(instance, &from) {
            put(instance, &to, leaf);
        }
    }
    if let Some(container) = place.filter(|c| instance.child(c).is_some_and(|node| node.children().next().is_none())) {
        instance.remove(container);
    }
}

fn find<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('/').try_fold(node, |node, name| node.child(name))
}

/// Takes the node at `path` out, and what is left empty above it.
fn take(node: &mut Node, path: &str) -> Option<Node> {
    let Some((name, rest)) = path.split_once('/') else { return node.remove(path) };
    let child = node.child_mut(name)?;
    let taken = take(child, rest);
    if child.children().next().is_none() {
        node.remove(name);
    }
    taken
}

/// Puts a leaf at `path`, where nothing is yet.
fn put(node: &mut Node, path: &str, leaf: Node) {
    // The names are those of the tables above and of nodes that exist: they are legal and free.
    let Some((name, rest)) = path.split_once('/') else { return node.add(leaf.named(path)).unwrap_or_default() };
    if node.child(name).is_none() {
        let _ = node.add(Node::interior(name));
    }
    if let Some(child) = node.child_mut(name) {
        put(child, rest, leaf);
    }
}

fn blank(described: &Described, name: &str) -> Node {
    if described.is_interior() {
        return Node::instance(name, described.moi.clone().unwrap_or_default());
    }
    let mut leaf = Node::leaf(name, described.format, described.default.as_deref().map(Value::from));
    if let Some(type_name) = described.types.first() {
        leaf.type_name.clone_from(type_name);
    }
    leaf
}

/// Returns whether a node looks like an IMPS account whatever its Type says.
pub(super) fn is_imps(node: &Node) -> bool {
    node.child_text("AppID") == Some(IMPS_APPID)
}

/// Returns the description of each node of `tree`, in the order of [`Tree::walk`]: that of the node above where it goes
/// on, else that of a management object by its identifier, else that of the address.
pub(crate) fn describe<'d>(tree: &Tree, descriptions: &[&'d Description]) -> Vec<Option<&'d Described>> {
    let mut found = Vec::new();
    let mut above: Vec<Option<&'d Described>> = Vec::new();
    tree.walk(&mut |uri, node| {
        above.truncate(uri.depth());
        let from_above = above.last().copied().flatten().and_then(|d| d.child(node.name()));
        let of_object = || {
            let moi = Some(node.type_name.as_str()).filter(|moi| node.is_interior() && !moi.is_empty());
            moi.and_then(|moi| descriptions.iter().find_map(|d| d.object(moi)))
        };
        let of_account = || is_imps(node).then(|| descriptions.iter().find_map(|d| d.object(IMPS))).flatten();
        let of_place = || descriptions.iter().find_map(|d| d.find(uri));
        let described = from_above.or_else(of_object).or_else(of_account).or_else(of_place);
        found.push(described);
        above.push(described);
    });
    found
}

/// Calls `visit` for an instance at `uri` and for all nodes in it that `described` has.
pub(super) fn describe_below<'d>(
    instance: &Node,
    uri: &Uri,
    described: &'d Described,
    visit: &mut impl FnMut(&Uri, &Node, &'d Described),
) {
    visit(uri, instance, described);
    for child in instance.children() {
        if let Some(below) = described.child(child.name()) {
            describe_below(child, &uri.join(child.name()), below, visit);
        }
    }
}

/// Why a leaf cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectFault {
    /// The description has no such node.
    NotDescribed(String),
    /// The description has an interior node there.
    Interior(String),
    /// The tree cannot take it.
    Tree(TreeFault),
}

impl fmt::Display for ObjectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDescribed(path) => write!(f, "the object has no node `{path}`"),
            Self::Interior(path) => write!(f, "`{path}` is an interior node and has no value"),
            Self::Tree(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for ObjectFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_made_as_described() {
        let imps = ManagementObject::imps();
        let mut account = imps.instance("acme");
        imps.set(&mut account, "AppID", "wA".into()).unwrap();
        imps.set(&mut account, "AppAddr/1/Port/1/PortNbr", "8080".into()).unwrap();
        assert_eq!(account.type_name, IMPS);
        assert_eq!(find(&account, "AppAddr/1/Port/1/PortNbr").and_then(Node::value_text), Some("8080"));
        let unknown = imps.set(&mut account, "Keepalive", "1".into());
        assert_eq!(unknown, Err(ObjectFault::NotDescribed("Keepalive".to_owned())));
        let mut tree = Tree::new();
        let parent = Uri::read(ManagementObject::USUAL_PARENT).unwrap();
        let uri = imps.hang(&mut tree, &parent, account).unwrap();
        assert_eq!(imps.instances(&tree), [uri]);
    }

    #[test]
    fn other_spellings_go_to_their_places() {
        let account = Node::instance("a", IMPS)
            .with(Node::text("Address", "http://a.example/"))
            .with(Node::text("ToConRef", "./NAP/1"))
            .with(Node::interior("AuthInfo").with(Node::text("AuthName", "wv:a")).with(Node::text("AuthSecret", "s")))
            .with(Node::text("Unheard", "kept"));
        let canonical = ManagementObject::imps().canonical(&account);
        let text = |path| find(&canonical, path).and_then(Node::value_text);
        assert_eq!(text("AppAddr/1/Addr"), Some("http://a.example/"));
        assert_eq!(text("ToConRef/1/ConRef"), Some("./NAP/1"));
        assert_eq!(text("AppAuth/1/AAuthName"), Some("wv:a"));
        assert_eq!(text("AppAuth/1/AAuthSecret"), Some("s"));
        assert_eq!(text("Unheard"), Some("kept"));
        assert!(canonical.child("AuthInfo").is_none());
    }

    #[test]
    fn a_canonical_place_that_is_taken_keeps_its_value() {
        let account = Node::instance("a", IMPS)
            .with(Node::interior("AppAddr").with(Node::interior("1").with(Node::text("Addr", "first"))))
            .with(Node::text("Addr", "second"));
        let canonical = ManagementObject::imps().canonical(&account);
        assert_eq!(canonical, account);
    }
}
