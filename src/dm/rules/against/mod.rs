//! Rule DDF038: the description of an implementation against that of the standard that it implements.
//!
//! Objects are found by their identifiers, wherever they hang; nodes outside objects by their addresses. A vendor may
//! give more commands than the standard, bound an unbounded number of instances, give `<X>` a fixed name, and leave out
//! what is optional: all that is told in notes, one a kind of difference. Nothing is asked of what is below `Ext` and
//! `Bearer`.

mod allowed;

use std::collections::HashMap;

use super::super::acl::Command;
use super::super::compare::{Outline, Path};
use super::super::ddf::{Access, Described, Description, Occurrence};
use super::super::is_secret;
use super::super::object::{ALIASES, IMPS, IMPS_APPID};
use crate::diagnose::{Basis, Diagnostic, Edit, Fix, Report, Rule, Severity, Span, nearest};
use crate::document::{Element, shorten};
use allowed::{Allowed, Difference};

macro_rules! example {
    ($access:literal) => {
        concat!(
            "<MgmtTree>\n  <VerDTD>1.2</VerDTD>\n  <Node><NodeName>Talker</NodeName>\n    <DFProperties><AccessType><Get/>",
            "</AccessType><DFFormat><node/></DFFormat>\n      <DFType><DDFName>urn:example:mo:talker:1.0</DDFName></DFType>",
            "</DFProperties>\n    <Node><NodeName>Name</NodeName>\n      <DFProperties>",
            $access,
            "<DFFormat><chr/></DFFormat>\n        <DFType><MIME>text/plain</MIME></DFType></DFProperties>\n    </Node>\n",
            "  </Node>\n</MgmtTree>\n"
        )
    };
}

pub(super) const NOT_THE_STANDARD: Rule = Rule {
    code: "DDF038",
    name: "not-the-standard",
    severity: Severity::Error,
    clause: "DM Standardized Objects 1.2, implementations of an object",
    summary: "the description of an object offers less than the standard of the object, or something else",
    help: "found with `--against`; keep each command, format, type, occurrence and default of the standard, put nodes of \
           your own below Ext, or declare the difference in the release notes and suppress with a reason",
    bad: example!("<AccessType><Get/></AccessType>"),
    good: example!("<AccessType><Get/><Replace/></AccessType>"),
};

/// The way out where nothing closer is known.
const DECLARE: &str = "declare the restriction in the release notes and suppress with a reason";

/// Reports where the description of an implementation, a `MgmtTree` element, is not what `standard` asks for.
///
/// Findings on nodes of the impskit reference say what they rest on and are warnings unless it is stated.
pub fn check_against(root: &Element<'_>, standard: &Description, report: &mut Report) {
    let Some(own) = Description::from_element(root, &mut Report::new()) else { return };
    let (own, theirs) = (Outline::of(&own), Outline::of(standard));
    let mut elements = HashMap::new();
    root.walk(&mut |element, _| {
        if element.name == "Node" {
            elements.insert(element.span.start, element);
        }
    });
    let mut objects = Vec::new();
    own.walk(&mut Path::root(), &mut |path, node| {
        if node.described.is_some_and(|d| d.moi.is_some()) || is_imps(node) {
            objects.push((path.clone(), node));
        }
    });
    let is_reference = standard.is_reference();
    let mut check = Check { root, elements, objects, is_reference, object: None, told: Allowed::default(), report };
    check.part(&theirs, Some(&own), &mut Path::root());
}

/// Returns whether a node looks like an IMPS account whatever its type says.
fn is_imps(node: &Outline<'_>) -> bool {
    let appid = node.child(Some("AppID")).and_then(|child| child.described);
    appid.is_some_and(|appid| appid.default.as_deref() == Some(IMPS_APPID))
}

struct Check<'a, 'r> {
    root: &'a Element<'a>,
    /// The `Node` elements of the implementation by where they begin.
    elements: HashMap<u32, &'a Element<'a>>,
    /// The objects of the implementation.
    objects: Vec<(Path, &'a Outline<'a>)>,
    is_reference: bool,
    /// The object of the standard that is looked at.
    object: Option<&'a Outline<'a>>,
    told: Allowed,
    report: &'r mut Report,
}

/// Where the look is: in the implementation, and below the object in the words of the standard.
struct Place {
    path: Path,
    below: String,
}

impl Place {
    fn of(path: Path) -> Self {
        Self { path, below: String::new() }
    }

    fn within<T>(&mut self, own: &str, standard: &str, look: impl FnOnce(&mut Self) -> T) -> T {
        let (path, below) = (self.path.push(own), self.below.len());
        if below > 0 {
            self.below.push('/');
        }
        self.below.push_str(standard);
        let outcome = look(self);
        self.path.back(path);
        self.below.truncate(below);
        outcome
    }
}

/// What of a node's occurrence may be another than the standard's.
#[derive(Clone, Copy, Default)]
struct Leeway {
    /// The node has a fixed name in place of `<X>`: one of the instances.
    is_fixed: bool,
    /// Whether there must be one is for the device.
    may_be_none: bool,
    /// That there must be one is for the device.
    may_be_must: bool,
}

impl<'a> Check<'a, '_> {
    /// Looks for a part of the standard in the implementation; `own` is what is at its address there.
    fn part(&mut self, standard: &'a Outline<'a>, own: Option<&'a Outline<'a>>, path: &mut Path) {
        let Some(described) = standard.described else { return self.parts_below(standard, own, path) };
        if let Some(moi) = &described.moi {
            return self.instances(moi, standard, own.filter(|_| standard.name.is_some()), path);
        }
        match own {
            Some(own) => self.whole(standard, own, path.clone()),
            None if has_objects(standard) => self.parts_below(standard, None, path),
            None if described.occurrence.is_required() => {
                let message = format!("`{}` is missing; the standard has it", path.as_str());
                self.add(described, self.root.span, ".", message, &format!("describe it, or {DECLARE}"), None);
            }
            None => {}
        }
    }

    fn parts_below(&mut self, standard: &'a Outline<'a>, own: Option<&'a Outline<'a>>, path: &mut Path) {
        for child in &standard.children {
            let length = path.push(child.display_name());
            self.part(child, own.and_then(|own| own.child(child.name)), path);
            path.back(length);
        }
    }

    /// Compares every object of the implementation with that identifier, else what has its application identifier, else
    /// what is at its address.
    fn instances(&mut self, moi: &str, standard: &'a Outline<'a>, own: Option<&'a Outline<'a>>, path: &Path) {
        let of_moi = |node: &Outline<'_>| node.described.is_some_and(|d| d.moi.as_deref() == Some(moi));
        let mut found: Vec<_> = self.objects.iter().filter(|(_, node)| of_moi(node)).cloned().collect();
        if found.is_empty() && moi == IMPS {
            found = self.objects.iter().filter(|(_, node)| is_imps(node)).cloned().collect();
        }
        if found.is_empty() {
            found.extend(own.map(|own| (path.clone(), own)));
        }
        if found.is_empty() {
            let message = format!("the description has no object `{}`", shorten(moi));
            let help = "objects are found by their DDFName; write the identifier at the root of the object";
            let finding = Diagnostic::new(&NOT_THE_STANDARD, self.root_span(), message).at(".").help(help);
            return self.report.add(finding.lenient(Severity::Warning));
        }
        for (path, own) in found {
            self.whole(standard, own, path);
        }
    }

    fn whole(&mut self, standard: &'a Outline<'a>, own: &'a Outline<'a>, path: Path) {
        self.object = Some(standard);
        let mut place = Place::of(path);
        // A device may ship without an account (IMPS MO, "Node table").
        let is_fixed = standard.name.is_none() && own.name.is_some();
        self.node(standard, own, Leeway { is_fixed, may_be_none: self.is_reference, ..Leeway::default() }, &mut place);
        let span = own.described.map_or(self.root_span(), |described| self.span(described, "NodeName"));
        let allowed = std::mem::take(&mut self.told);
        for (kind, (paths, basis)) in allowed.0 {
            let mut listed =
                paths.iter().take(MOST_LISTED).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
            if paths.len() > MOST_LISTED {
                listed = format!("{listed} and {} more", paths.len() - MOST_LISTED);
            }
            let finding = Diagnostic::new(&NOT_THE_STANDARD, span, format!("{}: {listed}", kind.in_words()));
            let finding = finding.at(place.path.as_str()).severity(Severity::Note).help(kind.help());
            self.report.add(match basis {
                Some(basis) => finding.basis(basis),
                None => finding,
            });
        }
    }

    fn node(&mut self, standard: &'a Outline<'a>, own: &'a Outline<'a>, leeway: Leeway, place: &mut Place) {
        if let (Some(theirs), Some(ours)) = (standard.described, own.described) {
            if leeway.is_fixed {
                self.told.add(Difference::Fixed, &place.below, theirs);
            } else if theirs.is_permanent != ours.is_permanent {
                self.told.add(Difference::Scope, &place.below, theirs);
            }
            self.access(theirs, ours, own, place);
            self.form(theirs, ours, place);
            self.default(theirs, ours, place);
            self.occurrence(theirs, ours, leeway, place);
        }
        let is_free = standard.children.is_empty() || matches!(standard.name, Some("Ext" | "Bearer"));
        let is_leaf = own.described.is_some_and(|described| !described.is_interior());
        if !is_free && !is_leaf {
            self.children(standard, own, place);
        }
    }

    fn children(&mut self, standard: &'a Outline<'a>, own: &'a Outline<'a>, place: &mut Place) {
        let mut is_met = vec![false; standard.children.len()];
        for child in &own.children {
            let counterpart = counterpart(standard, child);
            let name = counterpart.map_or(child.display_name(), |at| standard.children[at].display_name());
            place.within(child.display_name(), name, |place| {
                if let Some(canonical) = self.alias(child, place) {
                    let first = canonical.split('/').next();
                    standard.place(first).into_iter().for_each(|at| is_met[at] = true);
                } else if let Some(at) = counterpart {
                    is_met[at] = true;
                    let leeway = self.leeway(&standard.children[at], child, own);
                    self.node(&standard.children[at], child, leeway, place);
                } else {
                    self.surplus(standard, child, place);
                }
            });
        }
        for (wanted, is_met) in standard.children.iter().zip(is_met) {
            let Some(described) = wanted.described.filter(|_| !is_met) else { continue };
            if !described.occurrence.is_required() {
                place.within("", wanted.display_name(), |place| {
                    self.told.add(Difference::LeftOut, &place.below, described);
                });
                continue;
            }
            let (name, words) = (wanted.display_name(), occurrence_in_words(described.occurrence));
            let message = format!("`{name}` is missing; the standard has {words} here");
            let span = own.described.map_or(self.root.span, |described| self.span(described, "NodeName"));
            let help = format!("describe `{name}` below this node, or {DECLARE}");
            self.add(described, span, place.path.as_str(), message, &help, None);
        }
    }

    fn leeway(&self, standard: &Outline<'_>, own: &Outline<'_>, parent: &Outline<'_>) -> Leeway {
        // There is an address in either of two nodes (IMPS MO, "Node table").
        let is_only_address =
            self.is_reference && own.name == Some("AppAddr") && parent.child(Some("PrefAddr")).is_none();
        Leeway {
            is_fixed: standard.name.is_none() && own.name.is_some(),
            may_be_none: false,
            may_be_must: is_only_address,
        }
    }

    /// Takes a node for what it is another spelling of, and returns the canonical path below the object. Only nodes of
    /// the impskit reference have other spellings, since their true ones are not known.
    fn alias(&mut self, own: &Outline<'_>, place: &mut Place) -> Option<&'static str> {
        let object = self.object.filter(|_| self.is_reference)?;
        let ours = own.described?;
        if ours.is_interior() {
            let is_above =
                |alias: &str| alias.strip_prefix(place.below.as_str()).is_some_and(|rest| rest.starts_with('/'));
            // What is another spelling of a container may be one of the standard's own containers as well.
            if object.descend(&place.below).is_some() {
                return None;
            }
            let (_, canonical) = ALIASES.iter().find(|(alias, _)| is_above(alias))?;
            for child in &own.children {
                place.within(child.display_name(), child.display_name(), |place| {
                    if self.alias(child, place).is_none() {
                        self.surplus(object, child, place);
                    }
                });
            }
            return Some(canonical);
        }
        let (_, canonical) = ALIASES.iter().find(|(alias, _)| *alias == place.below)?;
        let theirs = object.descend(canonical)?.described?;
        // Names are told in backticks.
        let spelling = format!("{}` for `{canonical}", place.below);
        self.told.add(Difference::Spelling, &spelling, theirs);
        self.access(theirs, ours, own, place);
        self.form(theirs, ours, place);
        Some(canonical)
    }

    fn surplus(&mut self, standard: &Outline<'_>, own: &Outline<'_>, place: &Place) {
        let Some(ours) = own.described.or_else(|| own.children.first().and_then(|child| child.described)) else {
            return;
        };
        let name = own.display_name();
        let names: Vec<&str> = standard.children.iter().filter_map(|child| child.name).collect();
        let help = match nearest(name, &names) {
            Some(meant) => format!("did you mean `{meant}`? Nodes of your own go below Ext"),
            None => "nodes of your own go below Ext".to_owned(),
        };
        let message = format!("`{name}` is not in the standard, and not below Ext");
        let finding = Diagnostic::new(&NOT_THE_STANDARD, self.span(ours, "NodeName"), message);
        let finding = finding.at(place.path.as_str()).help(help);
        let basis = Some(Basis::Derived).filter(|_| self.is_reference);
        self.report.add(match basis {
            Some(basis) => finding.basis(basis).lenient(Severity::Warning),
            None => finding.lenient(Severity::Warning),
        });
    }

    fn access(&mut self, theirs: &Described, ours: &Described, own: &Outline<'_>, place: &Place) {
        let more = ours.access.without(theirs.access);
        // That secrets can be read is told by other rules.
        let is_told = is_secret(place.below.rsplit('/').next().unwrap_or_default());
        if more.commands().any(|command| command != Command::Get || !is_told) {
            self.told.add(Difference::Wider, &place.below, theirs);
        }
        let mut missing = theirs.access.without(ours.access);
        // The number of children is fixed where all have names, or where the node is one that is built in.
        let is_fixed = ours.is_permanent || own.children.iter().all(|child| child.name.is_some());
        if is_fixed && ours.is_interior() {
            missing = missing.without([Command::Add].into_iter().collect());
        }
        if missing.is_empty() {
            return;
        }
        let message =
            format!("access narrower than the standard: `{}`, the standard has `{}`", ours.access, theirs.access);
        let tags = elements_of(missing);
        let help = format!("add {tags}, or {DECLARE}");
        let all = theirs.access.commands().chain(ours.access.commands()).collect();
        let span = self.span(ours, "AccessType");
        self.add(theirs, span, place.path.as_str(), message, &help, self.widen(ours, all));
    }

    /// Returns the edit after which a node takes all of `access`.
    fn widen(&self, ours: &Described, access: Access) -> Option<Fix> {
        let element = self.property(ours, "AccessType")?;
        let tags = elements_of(access);
        let edit = match (element.children.first(), element.children.last()) {
            (Some(first), Some(last)) => Edit::new(Span { start: first.span.start, end: last.span.end }, tags),
            _ => Edit::new(element.span, format!("<AccessType>{tags}</AccessType>")),
        };
        Some(Fix { is_safe: false, edits: vec![edit] })
    }

    fn form(&mut self, theirs: &Described, ours: &Described, place: &Place) {
        let path = place.path.as_str();
        if theirs.format != ours.format {
            let message = format!("the format is `{}`, the standard has `{}`", ours.format, theirs.format);
            let help = format!("write `<{}/>`; the format is not for the implementation to choose", theirs.format);
            return self.add(theirs, self.span(ours, "DFFormat"), path, message, &help, None);
        }
        let has = |types: &[String], wanted: &String| types.iter().any(|t| t.eq_ignore_ascii_case(wanted));
        let is_other =
            theirs.types.iter().any(|t| !has(&ours.types, t)) || ours.types.iter().any(|t| !has(&theirs.types, t));
        if is_other && !theirs.types.is_empty() && !ours.types.is_empty() {
            let message =
                format!("the type is `{}`, the standard has `{}`", ours.types.join(" "), theirs.types.join(" "));
            let help = "write the types of the standard; they are not for the implementation to choose";
            self.add(theirs, self.span(ours, "DFType"), path, message, help, None);
        }
        if let Some(moi) = theirs.moi.as_deref().filter(|moi| ours.moi.as_deref() != Some(moi)) {
            let message = match &ours.moi {
                Some(other) => format!("the identifier is `{}`, the standard has `{moi}`", shorten(other)),
                None => format!("the identifier is missing, the standard has `{moi}`"),
            };
            let help = format!("write `<DDFName>{moi}</DDFName>` in DFType: servers find the object by it");
            self.add(theirs, self.span(ours, "DFType"), path, message, &help, None);
        }
    }

    fn default(&mut self, theirs: &Described, ours: &Described, place: &Place) {
        let Some(default) = &theirs.default else { return };
        match &ours.default {
            Some(other) if other != default => self.told.add(Difference::Default, &place.below, theirs),
            Some(_) => {}
            None => {
                let message = format!("no default value, the standard has `{}`", shorten(default));
                let element = format!("<DefaultValue>{default}</DefaultValue>");
                let after = self.property(ours, "AccessType").filter(|_| !default.contains(['<', '&']));
                let fix = after.map(|after| {
                    let at = Span { start: after.span.end, ..after.span };
                    Fix { is_safe: false, edits: vec![Edit::new(at, element)] }
                });
                let help = "add a DefaultValue: it must exist where the standard has one, its value may differ";
                self.add(theirs, self.span(ours, "DFProperties"), place.path.as_str(), message, help, fix);
            }
        }
    }

    fn occurrence(&mut self, theirs: &Described, ours: &Described, leeway: Leeway, place: &Place) {
        let (wanted, given) = (theirs.occurrence, ours.occurrence);
        if leeway.is_fixed || wanted == given {
            return;
        }
        let is_needed_alike = match (wanted.is_required(), given.is_required()) {
            (true, false) => leeway.may_be_none,
            (false, true) => leeway.may_be_must,
            _ => true,
        };
        let is_counted_alike = match (wanted.most(), given.most()) {
            (None, most) => most != Some(1),
            (Some(wanted), Some(given)) => wanted == given || 1 < wanted && wanted < given,
            (Some(wanted), None) => wanted > 1,
        };
        if is_needed_alike && is_counted_alike {
            if wanted.most().is_some() && wanted.most() != given.most() {
                self.told.add(Difference::Wider, &place.below, theirs);
            }
            return;
        }
        let message =
            format!("occurrence {}, the standard has {}", occurrence_in_words(given), occurrence_in_words(wanted));
        let help = format!("write the occurrence of the standard; only OrMore may become OrN; or {DECLARE}");
        self.add(theirs, self.span(ours, "Occurrence"), place.path.as_str(), message, &help, None);
    }

    fn add(&mut self, theirs: &Described, span: Span, path: &str, message: String, help: &str, fix: Option<Fix>) {
        let mut finding = Diagnostic::new(&NOT_THE_STANDARD, span, message).at(path).help(help);
        if let Some(basis) = theirs.basis {
            finding = finding.basis(basis);
        }
        finding.fix = fix;
        self.report.add(finding.lenient(Severity::Warning));
    }

    fn root_span(&self) -> Span {
        self.root.child("VerDTD").map_or(self.root.span, |version| version.span)
    }

    /// Returns where the document says a property of a node, else where it names the node.
    fn span(&self, described: &Described, property: &str) -> Span {
        let Some(node) = self.elements.get(&described.span.start) else { return described.span };
        let element = match property {
            "NodeName" | "DFProperties" => None,
            _ => self.property(described, property),
        };
        element.or_else(|| node.child("NodeName")).map_or(described.span, |element| element.span)
    }

    fn property(&self, described: &Described, name: &str) -> Option<&'a Element<'a>> {
        self.elements.get(&described.span.start)?.descend(&["DFProperties", name])
    }
}

fn elements_of(access: Access) -> String {
    access.words().iter().map(|word| format!("<{word}/>")).collect()
}

/// Returns where among the children of a node of the standard the one is that a node of the implementation stands for:
/// that of its name, else the unnamed one.
fn counterpart(standard: &Outline<'_>, own: &Outline<'_>) -> Option<usize> {
    let is_interior = |node: &Outline<'_>| node.described.is_none_or(Described::is_interior);
    let unnamed = || standard.place(None).filter(|at| is_interior(&standard.children[*at]) == is_interior(own));
    standard.place(own.name).or_else(unnamed)
}

fn has_objects(node: &Outline<'_>) -> bool {
    let is_object = |node: &Outline<'_>| node.described.is_some_and(|described| described.moi.is_some());
    node.children.iter().any(|child| is_object(child) || has_objects(child))
}

fn occurrence_in_words(occurrence: Occurrence) -> String {
    match occurrence {
        Occurrence::One => "One".to_owned(),
        Occurrence::ZeroOrOne => "ZeroOrOne".to_owned(),
        Occurrence::ZeroOrMore => "ZeroOrMore".to_owned(),
        Occurrence::OneOrMore => "OneOrMore".to_owned(),
        Occurrence::ZeroOrN(most) => format!("ZeroOrN {most}"),
        Occurrence::OneOrN(most) => format!("OneOrN {most}"),
    }
}

/// Nodes that one note lists at the most.
const MOST_LISTED: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, properties: &str, children: &str) -> String {
        format!("<Node><NodeName>{name}</NodeName><DFProperties>{properties}</DFProperties>{children}</Node>")
    }

    fn leaf(name: &str, access: &str, occurrence: &str) -> String {
        let occurrence = format!("<Occurrence>{occurrence}</Occurrence>");
        let rest = format!("<DFFormat><chr/></DFFormat>{occurrence}<DFType><MIME>text/plain</MIME></DFType>");
        node(name, &format!("<AccessType>{access}</AccessType>{rest}"), "")
    }

    fn interior(name: &str, moi: &str, occurrence: &str, children: &str) -> String {
        let rest = format!("<Occurrence>{occurrence}</Occurrence><DFType><DDFName>{moi}</DDFName></DFType>");
        node(name, &format!("<AccessType><Get/></AccessType><DFFormat><node/></DFFormat>{rest}"), children)
    }

    fn document(nodes: &str) -> String {
        format!("<MgmtTree><VerDTD>1.2</VerDTD>{nodes}</MgmtTree>")
    }

    /// Returns severities, paths and messages.
    fn judge(own: &str, standard: &Description) -> Vec<String> {
        let mut report = Report::new();
        let limits = crate::codec::Limits::default();
        let read = crate::codec::read(own.as_bytes(), &[&crate::dm::DDF], &limits, &mut report).unwrap();
        check_against(&read.root, standard, &mut report);
        let in_words = |d: &Diagnostic| format!("{} {} {}", d.severity.as_str(), d.path, d.message);
        report.diagnostics().iter().map(in_words).collect()
    }

    fn against(own: &str, standard: &Description) -> Vec<String> {
        judge(&document(own), standard)
    }

    fn standard(nodes: &str) -> Description {
        Description::read(document(nodes).as_bytes(), &mut Report::new()).unwrap()
    }

    const MOI: &str = "urn:example:mo:a:1.0";

    #[test]
    fn a_standard_keeps_to_itself() {
        for file in std::fs::read_dir("ddf").unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let description = Description::read(text.as_bytes(), &mut Report::new()).unwrap();
            assert_eq!(judge(&text, &description), [""; 0]);
        }
    }

    #[test]
    fn what_is_narrower_or_missing_is_found_wherever_the_object_hangs() {
        let children = leaf("Name", "<Get/><Replace/>", "<One/>")
            + &leaf("Port", "<Get/>", "<ZeroOrOne/>")
            + &leaf("Id", "<Get/>", "<One/>");
        let wanted = standard(&interior("", MOI, "<OneOrMore/>", &children));
        let children =
            leaf("Name", "<Get/>", "<One/>") + &leaf("Port", "<Get/>", "<One/>") + &leaf("Own", "<Get/>", "<One/>");
        let own = interior("Vendor", "", "<One/>", &interior("", MOI, "<OneOrN>3</OneOrN>", &children));
        assert_eq!(
            against(&own, &wanted),
            [
                "error ./Vendor/<X>/Name access narrower than the standard: `Get`, the standard has `Get Replace`",
                "error ./Vendor/<X>/Port occurrence One, the standard has ZeroOrOne",
                "error ./Vendor/<X>/Own `Own` is not in the standard, and not below Ext",
                "error ./Vendor/<X> `Id` is missing; the standard has One here",
            ]
        );
    }

    #[test]
    fn a_vendor_may_widen_bound_name_and_leave_out() {
        let children = leaf("Name", "<Get/>", "<One/>")
            + &leaf("Port", "<Get/>", "<ZeroOrOne/>")
            + &interior("Ext", "", "<ZeroOrOne/>", "");
        let wanted = standard(&interior("", MOI, "<OneOrMore/>", &children));
        let own = leaf("Name", "<Get/><Replace/>", "<One/>")
            + &interior("Ext", "", "<ZeroOrOne/>", &leaf("Own", "<Get/>", "<One/>"));
        assert_eq!(
            against(&interior("Account", MOI, "<One/>", &own), &wanted),
            [
                "note ./Account more commands or instances than the standard has: `Name`",
                "note ./Account optional nodes of the standard that are left out: `Port`",
                "note ./Account a fixed name in place of `<X>`: `<X>`",
            ]
        );
    }

    #[test]
    fn trees_without_objects_are_compared_by_address() {
        let part =
            |path: &str, node: String| node.replacen("</NodeName>", &format!("</NodeName><Path>{path}</Path>"), 1);
        let whole = interior("A", "", "<One/>", &interior("B", "", "<One/>", &leaf("C", "<Get/>", "<One/>")));
        let pieces = part(".", interior("A", "", "<One/>", "")) + &part("./A", interior("B", "", "<One/>", "<!-- -->"));
        let pieces = pieces + &part("./A/B", leaf("C", "<Get/>", "<One/>"));
        assert_eq!(against(&pieces, &standard(&whole)), [""; 0]);
        assert_eq!(against(&whole, &standard(&pieces)), [""; 0]);
        let other = interior("A", "", "<One/>", &interior("B", "", "<One/>", &leaf("c", "<Get/>", "<One/>")));
        assert_eq!(
            against(&other, &standard(&whole)),
            [
                "error ./A/B/c `c` is not in the standard, and not below Ext",
                "error ./A/B `C` is missing; the standard has One here",
            ]
        );
    }

    #[test]
    fn findings_by_the_reference_say_what_they_rest_on() {
        let own =
            interior("IMPS", "", "<One/>", &interior("", IMPS, "<ZeroOrMore/>", &leaf("Foo", "<Get/>", "<One/>")));
        assert_eq!(
            against(&own, Description::reference())[..2],
            [
                "warning ./IMPS/<X>/Foo `Foo` is not in the standard, and not below Ext",
                "error ./IMPS/<X> `AppID` is missing; the standard has One here",
            ]
        );
    }
}
