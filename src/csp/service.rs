//! The service tree: which features and functions a session has (CSP, "Service negotiation").
//!
//! On the wire it is `WVCSPFeat`, three levels deep, where a node without children stands for all below it. Here it
//! is a [`Services`]: a set of names, features (`IMFeat`) beside functions (`NEWM`). The tree's shape per version is
//! that of `elements.tsv`.

use std::sync::LazyLock;

use super::wire::{self, Form};
use super::{Kind, Primitive, Version};
use crate::codec::Encoding;
use crate::document::{Element, Model, Particle};

/// A set of features and functions: one bit a name. A session has one of these, and there are many sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Services {
    bits: u64,
}

/// The names of all versions in alphabetical order; each has the bit of its place.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let features = Version::ALL.into_iter().flat_map(features);
    let mut names: Vec<_> = features.flat_map(Feature::names).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() <= 64, "service tree: {} names, and a bit for 64", names.len());
    names
});

/// A feature of a version with its groups of functions.
#[derive(Debug)]
struct Feature {
    name: &'static str,
    /// The element that stands for the mandatory part alone; none in 1.1.
    marker: Option<&'static str>,
    groups: Vec<(&'static str, Vec<&'static str>)>,
}

/// The markers of the mandatory parts.
const MARKERS: [&str; 4] = ["MF", "MP", "MM", "MG"];

impl Services {
    /// Returns every feature and function that `version` has.
    pub fn all(version: Version) -> Self {
        features(version).iter().flat_map(Feature::names).collect()
    }

    /// Returns all features without any optional function: what a session has that never asked.
    pub fn base(version: Version) -> Self {
        features(version).iter().map(|feature| feature.name).collect()
    }

    /// Returns a set of the names given that `version` has; others are left out.
    pub fn of<'n>(version: Version, names: impl IntoIterator<Item = &'n str>) -> Self {
        names.into_iter().collect::<Self>().meet(&Self::all(version))
    }

    /// Returns what someone has who subscribed to those features and functions: a feature of which no function is named
    /// stands for all of it, as in the tree.
    pub fn subscribed<'n>(version: Version, names: impl IntoIterator<Item = &'n str>) -> Self {
        let named = Self::of(version, names);
        let mut all = Self::default();
        for feature in features(version) {
            let some: Vec<_> = feature.names().filter(|name| named.has(name)).collect();
            match some[..] {
                [] => {}
                [only] if only == feature.name => all.extend(feature.names()),
                _ => all.extend(some.into_iter().chain([feature.name])),
            }
        }
        all
    }

    /// Reads a tree: `Functions`, `AllFunctions` or `WVCSPFeat` itself. What `version` lacks is left out.
    pub fn read(version: Version, tree: &Element<'_>) -> Self {
        let tree = tree.child("WVCSPFeat").unwrap_or(tree);
        let mut services = Self::default();
        for feature in features(version) {
            if let Some(element) = tree.child(feature.name) {
                feature.read(element, &mut services);
            }
        }
        services
    }

    /// Reads an inverted tree: what is *not* available. A feature is in the set only where all of it is missing, or its
    /// marker says that the mandatory part is.
    pub fn read_inverted(version: Version, tree: &Element<'_>) -> Self {
        let missing = Self::read(version, tree);
        let tree = tree.child("WVCSPFeat").unwrap_or(tree);
        let is_marked = |feature: &Element<'_>| MARKERS.iter().any(|marker| feature.child(marker).is_some());
        let is_missing = |name: &&str| tree.child(name).is_none_or(|f| f.children.is_empty() || is_marked(f));
        missing.names().filter(is_missing).collect()
    }

    /// Returns the tree in an element of that name: `Functions` or `AllFunctions`.
    ///
    /// Functions are always written out. A feature without any is its marker where the version has one; in 1.1,
    /// where an empty feature would mean all of it, it is left out.
    pub fn element(&self, version: Version, name: &'static str) -> Element<'static> {
        let written = features(version).iter().filter_map(|feature| feature.element(self));
        Element::new(name).with(Element::new("WVCSPFeat").with_all(written))
    }

    /// Returns the inverted tree in an element of that name: what is *not* available of what was asked. A feature
    /// of which nothing is available is an empty element. `None` where nothing is missing.
    pub(crate) fn inverted(
        asked: &Self,
        offered: &Self,
        version: Version,
        name: &'static str,
    ) -> Option<Element<'static>> {
        let missing = asked.without(offered);
        if missing == Self::default() {
            return None;
        }
        let written = features(version).iter().filter_map(|feature| {
            let is_whole = missing.has(feature.name);
            if is_whole { Some(Element::new(feature.name)) } else { feature.groups_element(&missing) }
        });
        Some(Element::new(name).with(Element::new("WVCSPFeat").with_all(written)))
    }

    /// Returns whether a feature or function is in the set.
    pub fn has(&self, name: &str) -> bool {
        bit(name).is_some_and(|bit| self.bits & bit != 0)
    }

    /// Returns whether a primitive may be used under this set.
    pub fn allow(&self, primitive: &Primitive) -> bool {
        primitive.functions.is_empty() || primitive.functions.iter().any(|function| self.has(function))
    }

    /// Returns what is in both sets.
    #[must_use]
    pub(crate) fn meet(&self, other: &Self) -> Self {
        Self { bits: self.bits & other.bits }
    }

    /// Returns what is in this set and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self { bits: self.bits & !other.bits }
    }

    /// Returns the features and functions of which anything can be said in a form: in plain text few have codes.
    #[must_use]
    pub(crate) fn said_in(&self, version: Version, form: Form) -> Self {
        // Only plain text lacks words; a login would pay for the question.
        if form.encoding != Encoding::Pts {
            return *self;
        }
        let is_said = |row: &Primitive| wire::can_say(row.name, form) && row.can_be_answered(form);
        let requests = || Primitive::all().iter().filter(|row| row.version == version && row.kind == Kind::Request);
        let gated = |name: &'static str| requests().filter(move |row| row.functions.contains(&name));
        let mut said = *self;
        for name in features(version).iter().flat_map(Feature::names) {
            if gated(name).next().is_some() && !gated(name).any(is_said) {
                said = said.without(&[name].into_iter().collect());
            }
        }
        said
    }

    /// Returns the names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(|(place, _)| self.bits & 1 << place != 0).map(|(_, name)| *name)
    }
}

/// Names that no version has are left out.
impl<'n> FromIterator<&'n str> for Services {
    fn from_iter<I: IntoIterator<Item = &'n str>>(names: I) -> Self {
        let mut services = Self::default();
        services.extend(names);
        services
    }
}

impl<'n> Extend<&'n str> for Services {
    fn extend<I: IntoIterator<Item = &'n str>>(&mut self, names: I) {
        self.bits = names.into_iter().filter_map(bit).fold(self.bits, |bits, bit| bits | bit);
    }
}

/// Returns the bit of a name.
fn bit(name: &str) -> Option<u64> {
    NAMES.binary_search(&name).ok().map(|place| 1 << place)
}

impl Feature {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let functions = self.groups.iter().flat_map(|(_, functions)| functions.iter().copied());
        std::iter::once(self.name).chain(functions)
    }

    fn read(&self, element: &Element<'_>, services: &mut Services) {
        services.extend([self.name]);
        if element.children.is_empty() {
            services.extend(self.names());
        }
        for (group, functions) in &self.groups {
            let Some(group) = element.child(group) else { continue };
            let is_meant = |function: &&&str| group.children.is_empty() || group.child(function).is_some();
            services.extend(functions.iter().filter(is_meant).copied());
        }
    }

    fn element(&self, services: &Services) -> Option<Element<'static>> {
        if !services.has(self.name) {
            return None;
        }
        let marker = || self.marker.map(|marker| Element::new(self.name).with(Element::new(marker)));
        self.groups_element(services).or_else(marker)
    }

    fn groups_element(&self, services: &Services) -> Option<Element<'static>> {
        let mut element = Element::new(self.name);
        for (group, functions) in &self.groups {
            let functions: Vec<_> = functions.iter().filter(|f| services.has(f)).map(|f| Element::new(*f)).collect();
            if !functions.is_empty() {
                element.children.push(Element::new(*group).with_all(functions));
            }
        }
        (!element.children.is_empty()).then_some(element)
    }
}

fn features(version: Version) -> &'static [Feature] {
    static V1_1: LazyLock<Vec<Feature>> = LazyLock::new(|| read_features(Version::V1_1));
    static V1_2: LazyLock<Vec<Feature>> = LazyLock::new(|| read_features(Version::V1_2));
    static V1_3: LazyLock<Vec<Feature>> = LazyLock::new(|| read_features(Version::V1_3));
    match version {
        Version::V1_1 => &V1_1,
        Version::V1_2 => &V1_2,
        Version::V1_3 => &V1_3,
    }
}

fn read_features(version: Version) -> Vec<Feature> {
    children_of(version, "WVCSPFeat")
        .into_iter()
        .map(|name| {
            let (markers, groups): (Vec<_>, Vec<_>) =
                children_of(version, name).into_iter().partition(|child| MARKERS.contains(child));
            let groups = groups.into_iter().map(|group| (group, children_of(version, group))).collect();
            Feature { name, marker: markers.first().copied(), groups }
        })
        .collect()
}

/// Returns the children that the model of an element names, in its order.
fn children_of(version: Version, name: &str) -> Vec<&'static str> {
    fn collect(particle: &Particle, names: &mut Vec<&'static str>) {
        match particle {
            Particle::Child(name, _) => names.push(name),
            Particle::Sequence(pieces, _) | Particle::Choice(pieces, _) => {
                pieces.iter().for_each(|piece| collect(piece, names));
            }
        }
    }
    let mut names = Vec::new();
    if let Some(Model::Children(particle)) =
        version.vocabulary().grammar.declaration(name, "transaction").map(|d| &d.model)
    {
        collect(particle, &mut names);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_each_version() {
        let count = |version| Services::all(version).names().count();
        // Counted by hand in the standard's table of functions: four features and 38, 41 and 40 functions.
        assert_eq!((count(Version::V1_1), count(Version::V1_2), count(Version::V1_3)), (42, 45, 44));
        assert!(!Services::all(Version::V1_3).has("GETAUT"), "a leftover is never granted");
        for primitive in Primitive::all() {
            assert!(Services::all(primitive.version).allow(primitive), "{} {:?}", primitive.name, primitive.version);
        }
    }

    #[test]
    fn an_empty_node_is_all_below_it_and_a_marker_is_nothing_below_it() {
        let tree = Element::new("Functions").with(
            Element::new("WVCSPFeat")
                .with(Element::new("IMFeat"))
                .with(Element::new("GroupFeat").with(Element::new("MG")))
                .with(Element::new("PresenceFeat").with(Element::new("ContListFunc"))),
        );
        let services = Services::read(Version::V1_2, &tree);
        assert!(services.has("NEWM") && services.has("BLENT") && services.has("GroupFeat") && services.has("MCLS"));
        assert!(!services.has("CREAG") && !services.has("GETPR") && !services.has("FundamentalFeat"));
        let again = Services::read(Version::V1_2, &services.element(Version::V1_2, "Functions"));
        assert_eq!(again, services);
    }

    #[test]
    fn inverts() {
        let version = Version::V1_3;
        let asked = Services::all(version);
        assert_eq!(Services::inverted(&asked, &asked, version, "Functions"), None);
        let names = asked.names().filter(|n| !matches!(*n, "SRCH" | "ADVSR" | "GroupFeat"));
        let offered = Services::of(version, names.collect::<Vec<_>>());
        let inverted = Services::inverted(&asked, &offered, version, "Functions").unwrap();
        let feat = inverted.child("WVCSPFeat").unwrap();
        assert!(feat.child("GroupFeat").unwrap().children.is_empty());
        assert_eq!(feat.descend(&["FundamentalFeat", "SearchFunc"]).unwrap().children.len(), 2);
        assert!(feat.child("IMFeat").is_none());
        assert_eq!(asked.without(&Services::read_inverted(version, &inverted)), {
            // A feature that is missing is missing with all its functions.
            let group = Services::read(version, &Element::new("WVCSPFeat").with(Element::new("GroupFeat")));
            offered.without(&group)
        });
    }
}
