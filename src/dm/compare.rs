//! Two descriptions side by side.
//!
//! A description may say one tree in pieces, each with its Path. [`Outline`] puts the pieces together, so that two
//! descriptions are compared by what they describe, however they are cut.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::acl::Command;
use super::ddf::{Described, Description, Occurrence};
use crate::diagnose::nearest;

/// A node of the tree that a description describes, with all below it.
#[derive(Debug, Default)]
pub(super) struct Outline<'d> {
    /// The name; `None` where it is given when the node is made.
    pub(super) name: Option<&'d str>,
    /// What is said of it; `None` for nodes that only stand in the Path of others.
    pub(super) described: Option<&'d Described>,
    /// The nodes below it, in the order of the document.
    pub(super) children: Vec<Self>,
    /// Where in `children` the first of each name is.
    places: HashMap<Option<&'d str>, usize>,
}

impl<'d> Outline<'d> {
    /// Returns the root of the tree that a description describes.
    pub(super) fn of(description: &'d Description) -> Self {
        let mut root = Self { name: Some("."), ..Self::default() };
        for top in &description.nodes {
            let mut parent = &mut root;
            for name in top.path.iter().flat_map(|path| path.segments()) {
                parent = parent.open(Some(name));
            }
            if top.name.as_deref() == Some(".") && top.path.is_none() {
                parent.describe(top);
            } else {
                parent.add(top);
            }
        }
        root
    }

    fn add(&mut self, described: &'d Described) {
        let name = described.name.as_deref();
        let first = self.places.get(&name).map(|at| &self.children[*at]);
        // A second description of one node is kept for itself.
        let child = match first {
            Some(first) if first.described.is_some() => {
                self.children.push(Self { name, ..Self::default() });
                self.children.last_mut()
            }
            _ => Some(self.open(name)),
        };
        if let Some(child) = child {
            child.describe(described);
        }
    }

    fn describe(&mut self, described: &'d Described) {
        self.described = Some(described);
        for child in &described.children {
            self.add(child);
        }
    }

    /// Returns the child of that name, made where it is missing.
    fn open(&mut self, name: Option<&'d str>) -> &mut Self {
        let at = *self.places.entry(name).or_insert(self.children.len());
        if at == self.children.len() {
            self.children.push(Self { name, ..Self::default() });
        }
        &mut self.children[at]
    }

    /// Returns where among the children the first of that name is; `None` is the name of the unnamed one.
    pub(super) fn place(&self, name: Option<&str>) -> Option<usize> {
        self.places.get(&name).copied()
    }

    /// Returns the first child of that name.
    pub(super) fn child(&self, name: Option<&str>) -> Option<&Self> {
        self.place(name).map(|at| &self.children[at])
    }

    /// Returns the node that a path of names leads to; `<X>` in it is an unnamed node.
    pub(super) fn descend(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |node, name| node.child(Some(name).filter(|name| *name != "<X>")))
    }

    /// Returns the name, `<X>` where there is none.
    pub(super) fn display_name(&self) -> &'d str {
        self.name.unwrap_or("<X>")
    }

    /// Returns the number of nodes, this one included.
    fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Returns a number that is the same for all nodes with equal properties, and equal nodes below them; neither the
    /// node's name nor words for people count.
    fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(d) = self.described {
            (d.access, d.format, d.occurrence, d.is_permanent).hash(&mut hasher);
            (&d.types, &d.moi, &d.default).hash(&mut hasher);
        }
        for child in &self.children {
            (child.name, child.shape()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Calls `visit` for this node, whose address is `path`, and for all below it, parents first.
    pub(super) fn walk<'o>(&'o self, path: &mut Path, visit: &mut impl FnMut(&Path, &'o Self)) {
        visit(path, self);
        for child in &self.children {
            let length = path.push(child.display_name());
            child.walk(path, visit);
            path.back(length);
        }
    }
}

/// An address in a description: as a [`Uri`](super::Uri), with `<X>` for names that are given later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(String);

impl Path {
    /// Returns the address of the root.
    pub(super) fn root() -> Self {
        Self(".".to_owned())
    }

    /// Goes down to a child; returns what [`Self::back`] wants.
    pub(super) fn push(&mut self, name: &str) -> usize {
        let length = self.0.len();
        self.0.push('/');
        self.0.push_str(name);
        length
    }

    /// Goes back up.
    pub(super) fn back(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Returns the address as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What differs between two descriptions, node by node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The differences, in the order of the first description; what only the second has comes behind its siblings.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The address of the node, with `<X>` for names that are given later.
    pub path: String,
    /// What of the node differs.
    pub aspect: Aspect,
    /// What the first description says.
    pub before: Option<String>,
    /// What the second description says.
    pub after: Option<String>,
    /// What it means for those who rely on the first.
    pub impact: Impact,
    /// How many nodes below it share its fate, where it is a node that comes, goes or has another name.
    pub below: usize,
}

/// What of a node may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The node is no more.
    Removed,
    /// The node is new.
    Added,
    /// The node has another name; all else is equal.
    Renamed,
    /// The commands that it takes.
    Access,
    /// Its format.
    Format,
    /// Its media types, or the identifier of the object whose root it is.
    Type,
    /// How many of it there may be.
    Occurrence,
    /// Whether it is permanent.
    Scope,
    /// The value that a new leaf has.
    Default,
    /// What it is, for people.
    Text,
    /// The title for people.
    Title,
}

impl Aspect {
    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::Access => "access",
            Self::Format => "format",
            Self::Type => "type",
            Self::Occurrence => "occurrence",
            Self::Scope => "scope",
            Self::Default => "default",
            Self::Text => "text",
            Self::Title => "title",
        }
    }
}

/// What a difference means for those who rely on the first description, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// Nothing: words only.
    Patch,
    /// What worked goes on working.
    Minor,
    /// What worked may fail.
    Major,
}

impl Impact {
    /// Returns the word that people and programs read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl Difference {
    /// Returns whether what worked may fail.
    pub fn is_breaking(&self) -> bool {
        self.impact == Impact::Major
    }

    /// Returns the word for people: another default breaks nothing, yet new nodes hold another value than before.
    pub fn in_words(&self) -> &'static str {
        match (self.impact, self.aspect) {
            (Impact::Major, _) => "breaking",
            (_, Aspect::Default) => "warning",
            _ => "compatible",
        }
    }
}

impl Comparison {
    /// Compares two descriptions. The effort grows with the number of nodes.
    pub fn of(before: &Description, after: &Description) -> Self {
        let mut comparison = Self::default();
        comparison.below(&Outline::of(before), &Outline::of(after), &mut Path::root());
        comparison
    }

    /// Returns the worst of the differences; `None` where there is none.
    pub fn verdict(&self) -> Option<Impact> {
        self.differences.iter().map(|difference| difference.impact).max()
    }

    /// Returns how many differences have that impact.
    pub fn count(&self, impact: Impact) -> usize {
        self.differences.iter().filter(|difference| difference.impact == impact).count()
    }

    fn node(&mut self, before: &Outline<'_>, after: &Outline<'_>, path: &mut Path) {
        match (before.described, after.described) {
            (Some(old), Some(new)) => self.properties(old, new, path),
            // The node was there before, as the Path of others said; only its description comes or goes.
            (Some(_), None) => self.add(path, Aspect::Removed, Some("its description".to_owned()), None, Impact::Patch),
            (None, Some(_)) => self.add(path, Aspect::Added, None, Some("its description".to_owned()), Impact::Patch),
            (None, None) => {}
        }
        self.below(before, after, path);
    }

    fn below(&mut self, before: &Outline<'_>, after: &Outline<'_>, path: &mut Path) {
        let places: HashMap<_, _> = numbered(after).into_iter().zip(0..).collect();
        let pairs: Vec<Option<usize>> = numbered(before).iter().map(|key| places.get(key).copied()).collect();
        let met: HashSet<usize> = pairs.iter().flatten().copied().collect();
        let new: Vec<usize> = (0..after.children.len()).filter(|at| !met.contains(at)).collect();
        let gone: Vec<usize> = (0..before.children.len()).filter(|at| pairs[*at].is_none()).collect();
        let renamed = renamed(before, &gone, after, &new);
        let renewed: HashSet<usize> = renamed.values().copied().collect();
        for (from, (child, to)) in before.children.iter().zip(pairs).enumerate() {
            let length = path.push(child.display_name());
            match (to, renamed.get(&from)) {
                (Some(to), _) => self.node(child, &after.children[to], path),
                (None, Some(to)) => self.renamed(child, &after.children[*to], path),
                (None, None) => self.lonely(child, Aspect::Removed, Impact::Major, path),
            }
            path.back(length);
        }
        for child in new.into_iter().filter(|at| !renewed.contains(at)).map(|at| &after.children[at]) {
            let length = path.push(child.display_name());
            // What servers made before lacks a node that they have to make, and so do the messages by which they make it.
            // What the device makes by itself asks nothing of anybody.
            let makes = |node: &Described| node.access.allows(Command::Add);
            let must_make = |node: &Described| makes(node) && node.occurrence.is_required() && !node.is_permanent;
            let is_asked = before.described.is_some_and(makes) && child.described.is_some_and(must_make);
            self.lonely(child, Aspect::Added, if is_asked { Impact::Major } else { Impact::Minor }, path);
            path.back(length);
        }
    }

    /// Adds the difference that a node comes or goes.
    fn lonely(&mut self, node: &Outline<'_>, aspect: Aspect, impact: Impact, path: &Path) {
        let what = Some(node.described.map_or_else(|| "node".to_owned(), in_short));
        let (before, after) = if aspect == Aspect::Removed { (what, None) } else { (None, what) };
        let below = node.count() - 1;
        self.differences.push(Difference { path: path.as_str().to_owned(), aspect, before, after, impact, below });
    }

    fn renamed(&mut self, old: &Outline<'_>, new: &Outline<'_>, path: &Path) {
        let (before, after) = (Some(old.display_name().to_owned()), Some(new.display_name().to_owned()));
        let (path, below) = (path.as_str().to_owned(), old.count() - 1);
        self.differences.push(Difference {
            path,
            aspect: Aspect::Renamed,
            before,
            after,
            impact: Impact::Major,
            below,
        });
    }

    fn properties(&mut self, old: &Described, new: &Described, path: &Path) {
        let mut differ = |aspect, before: String, after: String, impact| {
            if before != after {
                let part = |text: String| Some(text).filter(|text| !text.is_empty());
                self.add(path, aspect, part(before), part(after), impact);
            }
        };
        let is_less = !old.access.without(new.access).is_empty();
        let impact = if is_less { Impact::Major } else { Impact::Minor };
        differ(Aspect::Access, old.access.to_string(), new.access.to_string(), impact);
        differ(Aspect::Format, old.format.to_string(), new.format.to_string(), Impact::Major);
        // An identifier that nobody could look for is missed by nobody.
        let impact = if old.is_interior() && old.moi.is_none() { Impact::Minor } else { Impact::Major };
        differ(Aspect::Type, types(old), types(new), impact);
        let impact = if is_stricter(old.occurrence, new.occurrence) { Impact::Major } else { Impact::Minor };
        differ(Aspect::Occurrence, old.occurrence.to_string(), new.occurrence.to_string(), impact);
        let scope = |node: &Described| if node.is_permanent { "permanent" } else { "dynamic" }.to_owned();
        differ(Aspect::Scope, scope(old), scope(new), Impact::Major);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        differ(Aspect::Default, text(&old.default), text(&new.default), Impact::Minor);
        differ(Aspect::Text, text(&old.text), text(&new.text), Impact::Patch);
        differ(Aspect::Title, text(&old.title), text(&new.title), Impact::Patch);
    }

    fn add(&mut self, path: &Path, aspect: Aspect, before: Option<String>, after: Option<String>, impact: Impact) {
        let path = path.as_str().to_owned();
        self.differences.push(Difference { path, aspect, before, after, impact, below: 0 });
    }
}

/// Returns the types of a leaf, or the identifier of an object. A leaf without a type is text (DM Protocol, "Meta").
fn types(node: &Described) -> String {
    if node.is_interior() {
        return node.moi.clone().unwrap_or_default();
    }
    let mut types: Vec<&str> = node.types.iter().map(String::as_str).collect();
    if types.is_empty() {
        types.push("text/plain");
    }
    types.sort_unstable();
    types.join(" ")
}

/// Returns whether fewer nodes, or none no more, are allowed than before.
fn is_stricter(old: Occurrence, new: Occurrence) -> bool {
    let most = |occurrence: Occurrence| occurrence.most().unwrap_or(usize::MAX);
    most(new) < most(old) || (new.is_required() && !old.is_required())
}

/// Returns what a node is, in few words.
fn in_short(node: &Described) -> String {
    format!("{} {} {}", node.format, node.occurrence, node.access)
}

/// Returns the names of the children, those of one name numbered.
fn numbered<'d>(node: &Outline<'d>) -> Vec<(Option<&'d str>, usize)> {
    let mut seen: HashMap<Option<&str>, usize> = HashMap::new();
    let number = |child: &Outline<'d>| {
        let count = seen.entry(child.name).or_default();
        *count += 1;
        (child.name, *count)
    };
    node.children.iter().map(number).collect()
}

/// Returns those of the nodes that went and came which are one node under two names, by their places: their subtrees are
/// equal, and no other is like them. A leaf is like many, so that its text must be the same too, or its name be almost
/// the same.
fn renamed(before: &Outline<'_>, gone: &[usize], after: &Outline<'_>, new: &[usize]) -> HashMap<usize, usize> {
    let mut alike: HashMap<u64, (Vec<usize>, Vec<usize>)> = HashMap::new();
    if !gone.is_empty() && !new.is_empty() {
        for at in gone {
            alike.entry(before.children[*at].shape()).or_default().0.push(*at);
        }
        for at in new {
            alike.entry(after.children[*at].shape()).or_default().1.push(*at);
        }
    }
    alike.into_values().flat_map(|(old, new)| surely_renamed(before, &old, after, &new)).collect()
}

/// Of nodes that are alike, returns those pairs of which both have no other partner.
fn surely_renamed(before: &Outline<'_>, gone: &[usize], after: &Outline<'_>, new: &[usize]) -> Vec<(usize, usize)> {
    /// Who changes more nodes than this at once is not told which became which.
    const MOST_PAIRS: usize = 1000;
    if gone.len() * new.len() > MOST_PAIRS {
        return Vec::new();
    }
    let is_pair = |old: usize, new: usize| is_surely(&before.children[old], &after.children[new]);
    let partners = |at: usize| new.iter().copied().filter(move |other| is_pair(at, *other));
    let only = |at: usize| Some(at).filter(|_| partners(at).count() == 1).and_then(|at| partners(at).next());
    let found = gone.iter().filter_map(|&old| Some((old, only(old)?)));
    found.filter(|(_, new)| gone.iter().filter(|old| is_pair(**old, *new)).count() == 1).collect()
}

fn is_surely(old: &Outline<'_>, new: &Outline<'_>) -> bool {
    if !old.children.is_empty() {
        return true;
    }
    let text = |node: &Outline<'_>| node.described.and_then(|described| described.text.clone());
    let is_said = text(old).is_some() && text(old) == text(new);
    is_said || matches!((old.name, new.name), (Some(old), Some(new)) if nearest(old, &[new]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Report;

    fn leaf(name: &str, properties: &str) -> String {
        node(name, &format!("<DFFormat><chr/></DFFormat>{properties}<DFType><MIME>text/plain</MIME></DFType>"), "")
    }

    fn interior(name: &str, children: &str) -> String {
        node(
            name,
            "<DFFormat><node/></DFFormat><Occurrence><ZeroOrOne/></Occurrence><DFType><DDFName/></DFType>",
            children,
        )
    }

    fn node(name: &str, properties: &str, children: &str) -> String {
        let access = if properties.contains("AccessType") { "" } else { "<AccessType><Get/></AccessType>" };
        format!("<Node><NodeName>{name}</NodeName><DFProperties>{access}{properties}</DFProperties>{children}</Node>")
    }

    fn read(nodes: &str) -> Description {
        let text = format!("<MgmtTree><VerDTD>1.2</VerDTD>{nodes}</MgmtTree>");
        Description::read(text.as_bytes(), &mut Report::new()).unwrap()
    }

    fn said(before: &str, after: &str) -> Vec<String> {
        let line = |d: &Difference| {
            let side = |text: &Option<String>| text.clone().unwrap_or_default();
            let (before, after) = (side(&d.before), side(&d.after));
            format!("{} {} {} [{before}] [{after}] {}", d.impact.as_str(), d.path, d.aspect.as_str(), d.below)
        };
        Comparison::of(&read(before), &read(after)).differences.iter().map(line).collect()
    }

    const OPTIONAL: &str = "<Occurrence><ZeroOrOne/></Occurrence>";

    #[test]
    fn properties_have_the_impact_that_the_sheet_gives() {
        let one = |properties: &str| interior("A", &leaf("b", properties));
        let table: &[(&str, &str, &str)] = &[
            ("<AccessType><Get/><Replace/></AccessType>", "", "major ./A/b access [Get Replace] [Get] 0"),
            ("", "<AccessType><Get/><Replace/></AccessType>", "minor ./A/b access [Get] [Get Replace] 0"),
            (OPTIONAL, "", "major ./A/b occurrence [0..1] [1] 0"),
            ("", OPTIONAL, "minor ./A/b occurrence [1] [0..1] 0"),
            ("", "<Scope><Permanent/></Scope>", "major ./A/b scope [dynamic] [permanent] 0"),
            ("<Scope><Permanent/></Scope>", "", "major ./A/b scope [permanent] [dynamic] 0"),
            ("<DefaultValue>1</DefaultValue>", "<DefaultValue>2</DefaultValue>", "minor ./A/b default [1] [2] 0"),
            ("", "<Description>x</Description>", "patch ./A/b text [] [x] 0"),
        ];
        for (before, after, wanted) in table {
            assert_eq!(said(&one(before), &one(after)), [*wanted]);
        }
        let bin = node("b", "<DFFormat><bin/></DFFormat><DFType><MIME>image/png</MIME></DFType>", "");
        assert_eq!(
            said(&one(""), &interior("A", &bin)),
            ["major ./A/b format [chr] [bin] 0", "major ./A/b type [text/plain] [image/png] 0"]
        );
        let untyped = node("b", "<DFFormat><chr/></DFFormat><DFType><MIME/></DFType>", "");
        assert_eq!(said(&one(""), &interior("A", &untyped)), [""; 0]);
        let object = |moi: &str| interior("A", "").replace("<DDFName/>", &format!("<DDFName>{moi}</DDFName>"));
        assert_eq!(said(&object(""), &object("urn:a:b:1.0")), ["minor ./A type [] [urn:a:b:1.0] 0"]);
        assert_eq!(said(&object("urn:a:b:1.0"), &object("")), ["major ./A type [urn:a:b:1.0] [] 0"]);
    }

    #[test]
    fn what_comes_breaks_only_where_servers_have_to_make_it() {
        let made = |children: &str| interior("A", children).replacen("<Get/>", "<Add/><Get/>", 1);
        let before = made(&leaf("b", ""));
        let after = |more: &str| made(&(leaf("b", "") + more));
        assert_eq!(said(&before, &after(&leaf("other", OPTIONAL))), ["minor ./A/other added [] [chr 0..1 Get] 0"]);
        let must_be_made = leaf("other", "<AccessType><Add/></AccessType>");
        assert_eq!(said(&before, &after(&must_be_made)), ["major ./A/other added [] [chr 1 Add] 0"]);
        assert_eq!(said(&before, &after(&leaf("other", ""))), ["minor ./A/other added [] [chr 1 Get] 0"]);
        let built_in = leaf("other", "<Scope><Permanent/></Scope>");
        assert_eq!(said(&before, &after(&built_in)), ["minor ./A/other added [] [chr 1 Get] 0"]);
        let by_itself = interior("A", &leaf("b", ""));
        let grown = interior("A", &(leaf("b", "") + &must_be_made));
        assert_eq!(said(&by_itself, &grown), ["minor ./A/other added [] [chr 1 Add] 0"]);
        let part = before.clone() + &interior("New", &leaf("c", ""));
        assert_eq!(said(&before, &part), ["minor ./New added [] [node 0..1 Get] 1"]);
        assert_eq!(said(&part, &before), ["major ./New removed [node 0..1 Get] [] 1"]);
    }

    #[test]
    fn a_new_name_is_told_from_another_node() {
        let inner = leaf("x", "") + &leaf("y", OPTIONAL);
        let before = interior("A", &interior("Old", &inner));
        assert_eq!(said(&before, &interior("A", &interior("New", &inner))), ["major ./A/Old renamed [Old] [New] 2"]);
        let two = interior("New", &inner) + &interior("Newer", &inner);
        assert_eq!(said(&before, &interior("A", &two)).len(), 3, "which of them nobody can say");
        let before = interior("A", &leaf("Timeout", ""));
        assert_eq!(
            said(&before, &interior("A", &leaf("TimeOut", ""))),
            ["major ./A/Timeout renamed [Timeout] [TimeOut] 0"]
        );
        assert_eq!(said(&before, &interior("A", &leaf("Colour", ""))).len(), 2);
    }

    #[test]
    fn pieces_are_put_together() {
        let whole = interior("A", &interior("B", &leaf("c", "")));
        let piece = interior("B", &leaf("c", "")).replacen("</NodeName>", "</NodeName><Path>./A</Path>", 1);
        let pieces = piece + &interior("A", "");
        assert_eq!(said(&whole, &pieces), [""; 0]);
        assert_eq!(said(&pieces, &whole), [""; 0]);
    }
}
