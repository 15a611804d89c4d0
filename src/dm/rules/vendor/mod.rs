//! Rule DDF036: elements of other namespaces in a description are kept, and those of a known vendor are checked.
//!
//! The vendor whose elements are known writes them in three styles, often below one another in one tree: `RWAccess` and
//! its kin, the policy mappings of 2016 to 2020 (observed, no text describes them), and since 2022 the elements of a
//! published schema. One table, `vendor.tsv`, has all of them; what it cannot say is here and in [`values`].

mod pattern;
mod values;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::super::DDF;
use super::address::Address;
use crate::diagnose::{Diagnostic, Grade, Report, Rule, Severity, Span};
use crate::document::{Element, Grammar, StructureRules, is_declaration, shorten};

macro_rules! example {
    ($($extension:literal)*) => {
        concat!(
            "<MgmtTree xmlns:MSFT=\"http://schemas.microsoft.com/MobileDevice/DM\">\n  <VerDTD>1.2</VerDTD>\n",
            "  <Node><NodeName>Timeout</NodeName>\n    <DFProperties><AccessType><Get/></AccessType>",
            "<DefaultValue>0</DefaultValue><DFFormat><int/></DFFormat><Scope><Dynamic/></Scope>",
            "<DFType><MIME>text/plain</MIME></DFType>\n",
            $($extension,)*
            "    </DFProperties>\n  </Node>\n</MgmtTree>\n"
        )
    };
}

pub(super) const VENDOR: Rule = Rule {
    code: "DDF036",
    name: "vendor-extension",
    severity: Severity::Note,
    clause: "DM Tree and Description 1.2, DDF, other namespaces; the vendor's schema for its own elements",
    summary: "an element of a vendor is not known, or contradicts itself",
    help: "servers skip elements of other namespaces; those who read them read them by the vendor's schema",
    bad: example!(
        "      <MSFT:AllowedValues ValueType=\"Range\"><MSFT:Value>[1-1440]</MSFT:Value></MSFT:AllowedValues>\n"
    ),
    good: example!(
        "      <MSFT:AllowedValues ValueType=\"Range\"><MSFT:Value>[0-1440]</MSFT:Value></MSFT:AllowedValues>\n"
    ),
};

/// The same rule where a value contradicts itself.
const CONTRADICTION: Rule = Rule { severity: Severity::Warning, ..VENDOR };

const STRUCTURE: StructureRules = StructureRules {
    missing: &CONTRADICTION,
    repeated: Some(&CONTRADICTION),
    misplaced: Some(&VENDOR),
    // Told once a name, by the walk.
    unknown: None,
    order: Some(&VENDOR),
    value: &CONTRADICTION,
};

/// The namespaces of the vendor that we know; both are in use.
pub(crate) const NAMESPACES: [&str; 2] =
    ["http://schemas.microsoft.com/MobileDevice/DM", "https://schemas.microsoft.com/MobileDevice/DM"];
/// The prefix that its documents give to it, for pieces that were cut out of their document.
const USUAL_PREFIX: &str = "MSFT";

/// The elements of the vendor.
pub(crate) static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| {
    let words = |list: &str| -> &'static [&'static str] {
        match list {
            "replace" => &["Append", "Replace"],
            "reboot" => &["None", "Automatic", "ServerInitiated"],
            "conflict" => &[
                "NoMerge",
                "LowestValueMostSecure",
                "HighestValueMostSecure",
                "LastWrite",
                "LowestValueMostSecureZeroHasNoLimits",
                "HighestValueMostSecureZeroHasNoLimits",
            ],
            _ => panic!("vendor table: no list `{list}`"),
        }
    };
    Grammar::read(include_str!("../../vendor.tsv"), "", words, &[])
});

/// The attributes that must be there, and those that may, with their element.
const ATTRIBUTES: &[(&str, &[&str], &[&str])] = &[
    ("AllowedValues", &["ValueType"], &[]),
    ("DependencyAllowedValue", &["ValueType"], &[]),
    ("DependencyChangedAllowedValues", &["ValueType"], &[]),
    ("List", &["Delimiter"], &[]),
    ("AdmxBacked", &["Area", "Name", "File"], &[]),
    ("GpMapping", &["GpEnglishName", "GpAreaPath"], &["GpElement"]),
    ("Deprecated", &[], &["OsBuildDeprecated"]),
    ("DependencyGroup", &["FriendlyId"], &[]),
    ("Dependency", &["Type"], &[]),
    ("SupportedValues", &[], &["low", "high", "AllowedValues"]),
    ("SupportedValue", &["value"], &["description"]),
];

/// Reports what is wrong with the elements of other namespaces in a description.
pub(super) fn check(root: &Element<'_>, report: &mut Report) {
    // A piece of a document was cut off from where it binds its prefixes.
    let bound = if root.name == "MgmtTree" { Vec::new() } else { vec![(USUAL_PREFIX, NAMESPACES[0])] };
    let findings = Findings { report, address: Address::above(root) };
    let mut walk = Walk { bound, findings, told: BTreeSet::new() };
    walk.bind(root);
    walk.element(root, None);
}

/// Where findings go: the report, with the place in the described tree.
struct Findings<'e, 'r> {
    report: &'r mut Report,
    address: Address<'e>,
}

impl Findings<'_, '_> {
    /// Says that something contradicts itself.
    fn warn(&mut self, span: Span, message: impl Into<String>) {
        self.add(Diagnostic::new(&CONTRADICTION, span, message));
    }

    /// Says that something is not known.
    fn note(&mut self, span: Span, message: impl Into<String>) {
        self.add(Diagnostic::new(&VENDOR, span, message));
    }

    fn add(&mut self, finding: Diagnostic) {
        self.report.add(finding.at(self.address.to_string()).lenient(Severity::Note).grade(Grade::Vendor));
    }
}

/// Whose an element is.
enum Owner<'e> {
    Ours,
    Vendor { prefix: &'e str },
    Other { namespace: Option<&'e str> },
}

/// One walk over a description.
struct Walk<'e, 'r> {
    /// The prefixes that were bound so far, with their namespaces. That one stands for two is not seen.
    bound: Vec<(&'e str, &'e str)>,
    findings: Findings<'e, 'r>,
    /// The names of unknown elements that were told.
    told: BTreeSet<&'e str>,
}

impl<'e> Walk<'e, '_> {
    /// Looks at an element of the document type, in the Node `node`.
    fn element(&mut self, element: &'e Element<'_>, node: Option<&'e Element<'e>>) {
        if element.children.is_empty() {
            return;
        }
        let is_node = element.name == "Node";
        let came_from = is_node.then(|| self.findings.address.enter(element, node.is_none()));
        let node = if is_node { Some(element) } else { node };
        let mut extended = None;
        for child in &element.children {
            match self.owner(child) {
                Owner::Ours => self.element(child, node),
                Owner::Vendor { prefix } => extended = Some(prefix),
                Owner::Other { namespace } => self.other(child, namespace),
            }
        }
        if let Some(prefix) = extended {
            self.extension(element, prefix, node);
        }
        if let Some(came_from) = came_from {
            self.findings.address.leave(came_from);
        }
    }

    fn bind(&mut self, element: &'e Element<'_>) {
        for attribute in &element.attributes {
            let Some(prefix) = attribute.name.strip_prefix("xmlns:") else { continue };
            let binding = (prefix, attribute.value.as_ref());
            // A few are looked at: a document with hundreds is made to be slow.
            if self.bound.len() < 16 && !self.bound.contains(&binding) {
                self.bound.push(binding);
            }
        }
    }

    fn owner(&mut self, element: &'e Element<'_>) -> Owner<'e> {
        self.bind(element);
        match element.name.split_once(':') {
            None => match element.attribute("xmlns").filter(|namespace| !DDF.namespaces.contains(namespace)) {
                None => Owner::Ours,
                namespace => Owner::Other { namespace },
            },
            Some((prefix, _)) => match self.bound.iter().find(|(bound, _)| *bound == prefix) {
                Some((_, namespace)) if NAMESPACES.contains(namespace) => Owner::Vendor { prefix },
                binding => Owner::Other { namespace: binding.map(|(_, namespace)| *namespace) },
            },
        }
    }

    fn other(&mut self, element: &'e Element<'_>, namespace: Option<&str>) {
        if self.told.insert(&element.name) {
            let of = namespace.map_or_else(|| "no namespace".to_owned(), |n| format!("`{}`", shorten(n)));
            let message = format!("`{}` of {of} is not known; it is kept and not checked", shorten(&element.name));
            self.findings.note(element.span, message);
        }
    }

    /// Looks at the vendor's elements in an element of the document type.
    fn extension(&mut self, element: &'e Element<'_>, prefix: &str, node: Option<&'e Element<'e>>) {
        let prefix = format!("{prefix}:");
        let mut own = Report::new();
        GRAMMAR.check_extension(element, &prefix, &STRUCTURE, &mut own);
        for finding in own.into_diagnostics() {
            self.findings.add(finding);
        }
        let subject = node.map(values::Subject::of).unwrap_or_default();
        let has_place = GRAMMAR.declaration(&element.name, "").is_some();
        for child in element.children.iter().filter(|child| child.name.starts_with(&prefix)) {
            if !has_place {
                let message = format!("`{}` has no place in `{}`", shorten(&child.name), element.name);
                self.findings.note(child.span, message);
            }
            self.vendor(child, &prefix, &subject);
        }
        if element.name == "DFProperties" {
            values::check_limits(element, &prefix, &subject, &mut self.findings);
        }
    }

    /// Looks at an element of the vendor.
    fn vendor(&mut self, element: &'e Element<'_>, prefix: &str, subject: &values::Subject<'_>) {
        let Some(name) = element.name.strip_prefix(prefix) else { return };
        if GRAMMAR.declaration(name, "").is_none() {
            if self.told.insert(&element.name) {
                let message = format!("`{}` is none of the vendor's elements that are known", shorten(&element.name));
                self.findings.note(element.span, message);
            }
            return;
        }
        self.attributes(element, name);
        values::check(element, name, prefix, subject, &mut self.findings);
        // A condition is on another node.
        let other = values::Subject::default();
        let inner = if name == "DependencyBehavior" { &other } else { subject };
        element.children.iter().for_each(|child| self.vendor(child, prefix, inner));
    }

    fn attributes(&mut self, element: &Element<'_>, name: &str) {
        let row = ATTRIBUTES.iter().find(|row| row.0 == name);
        let (required, optional) = row.map_or((&[][..], &[][..]), |row| (row.1, row.2));
        for attribute in required {
            if element.attribute(attribute).is_none_or(str::is_empty) {
                let message = format!("`{}` does not say its {attribute}", element.name);
                self.findings.warn(element.span, message);
            }
        }
        for attribute in element.attributes.iter().filter(|a| !is_declaration(&a.name)) {
            let name = attribute.name.as_ref();
            if !required.contains(&name) && !optional.contains(&name) {
                let message = format!("`{}` has no attribute `{}` that is known", element.name, shorten(name));
                self.findings.note(attribute.span, message);
            }
        }
    }
}
