//! Rules SYN010 to SYN013: what commands do to nodes that a description has.
//!
//! A node is found by its address, or below an instance whose identifier the message itself says when it adds it. What
//! lies outside of what is described is left alone, unless the caller has named the descriptions.

use std::collections::BTreeMap;

use super::super::super::acl::Command;
use super::super::super::ddf::{Described, Description};
use super::super::super::is_secret;
use super::super::super::node::{Format, Value};
use super::super::super::syncml::{Data, Meta, read_data};
use super::super::super::uri::Uri;
use super::super::super::values::fits;
use super::super::check_document;
use super::{Findings, Placed};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Element, shorten};

/// A proxy of the connectivity objects, with more in its items.
macro_rules! proxy {
    ($($command:expr),* $(,)?) => {
        message!(
            command!("Add", "1", item!("./Proxy/wap",
                "<Meta><Format xmlns=\"syncml:metinf\">node</Format>",
                "<Type xmlns=\"syncml:metinf\">urn:oma:mo:oma-connmo-proxy:1.0</Type></Meta>")),
            $($command),*
        )
    };
}

const GOOD: &str = proxy!(command!("Add", "2", item!("./Proxy/wap/Addr", meta!("chr"), "<Data>192.0.2.1</Data>")));

pub(super) const NOT_DESCRIBED: Rule = Rule {
    code: "SYN010",
    name: "target-not-described",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF",
    summary: "the description has no such node",
    help: "see `impskit show` of the description for the nodes that it has; vendors put their own below Ext",
    bad: proxy!(command!("Add", "2", item!("./Proxy/wap/Address", meta!("chr"), "<Data>192.0.2.1</Data>"))),
    good: GOOD,
};

pub(super) const ACCESS: Rule = Rule {
    code: "SYN011",
    name: "command-not-permitted",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"AccessType\"",
    summary: "the access type of the node does not have the command",
    help: "a device answers 405; see `impskit show` of the description for what each node takes",
    bad: proxy!(command!("Delete", "2", item!("./Proxy/wap/ProxyId",))),
    good: GOOD,
};

pub(super) const FORMAT: Rule = Rule {
    code: "SYN012",
    name: "format-or-type-differs",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"DFFormat\", \"DFType\"",
    summary: "Meta Format or Type is not what the node is described with",
    help: "a device answers 415; write what the description says",
    bad: proxy!(command!("Add", "2", item!("./Proxy/wap/Addr", meta!("int"), "<Data>192</Data>"))),
    good: GOOD,
};

pub(super) const DATA: Rule = Rule {
    code: "SYN013",
    name: "data-does-not-fit",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"Format\"",
    summary: "the data is not of the format of the node",
    help: "int is a decimal number of 32 bits, bool is true or false, b64 is base64; an interior node has no data",
    bad: message!(command!("Replace", "1", item!("./A", meta!("int"), "<Data>one</Data>"))),
    good: message!(command!("Replace", "1", item!("./A", meta!("int"), "<Data>1</Data>"))),
};

/// Reports what the commands do to described nodes that the descriptions do not allow.
pub(super) fn check(commands: &[Placed<'_, '_>], descriptions: &[&Description], findings: &mut Findings<'_>) {
    let mut nodes = Nodes { descriptions, instances: BTreeMap::new() };
    for command in commands {
        findings.path = vec![command.path.clone()];
        for (item, meta) in command.items() {
            check_item(command.name(), item, &meta, &mut nodes, findings);
        }
    }
}

/// The described nodes, by address.
struct Nodes<'d> {
    descriptions: &'d [&'d Description],
    /// The instances that the message has added so far.
    instances: BTreeMap<Uri, &'d Described>,
}

enum Found<'d> {
    /// The node is described.
    Described(&'d Described),
    /// A node above it is described, and has none of that name.
    Missing(&'d Described, Uri),
    /// Nothing is said of that place.
    Unknown,
}

impl<'d> Nodes<'d> {
    fn find(&self, uri: &Uri) -> Found<'d> {
        if let Some(described) = self.exactly(uri) {
            return Found::Described(described);
        }
        let mut above = uri.parent();
        while let Some(parent) = above {
            if let Some(described) = self.exactly(&parent) {
                // What is below an interior node without children is not described.
                let is_open = described.is_interior() && described.children.is_empty();
                return if is_open { Found::Unknown } else { Found::Missing(described, parent) };
            }
            above = parent.parent();
        }
        Found::Unknown
    }

    fn exactly(&self, uri: &Uri) -> Option<&'d Described> {
        let mut above = Some(uri.clone());
        while let Some(place) = above {
            if let Some(described) = self.instances.get(&place) {
                return uri.within(&place)?.segments().try_fold(*described, |node, name| node.child(name));
            }
            above = place.parent();
        }
        let find = |uri: &Uri| self.descriptions.iter().find_map(|description| description.find(uri));
        find(uri).or_else(|| find(&other_scope(uri)?))
    }

    /// Remembers an instance of a management object at `uri`.
    fn remember(&mut self, uri: &Uri, moi: &str) {
        if let Some(described) = self.descriptions.iter().find_map(|description| description.object(moi)) {
            self.instances.insert(uri.clone(), described);
        }
    }

    /// Returns whether the caller has named a description beside the bundled ones.
    fn are_chosen(&self) -> bool {
        let is_bundled = |given: &Description| Description::bundled().iter().any(|ours| std::ptr::eq(*ours, given));
        !self.descriptions.iter().all(|given| is_bundled(given))
    }
}

/// Returns the other address of a node in the scope of a device: Windows takes `./Device/Vendor` and `./Vendor` for one.
fn other_scope(uri: &Uri) -> Option<Uri> {
    let mut names = uri.segments();
    match (names.next()?, names.next()) {
        ("Device", Some("Vendor")) => uri.within(&Uri::root().join("Device")),
        ("Vendor", _) => Some(Uri::root().join("Device").below(uri)),
        _ => None,
    }
}

fn check_item(command: &str, item: &Element<'_>, meta: &Meta, nodes: &mut Nodes<'_>, findings: &mut Findings<'_>) {
    let is_writing = matches!(command, "Add" | "Replace");
    let data = item.child("Data");
    // What a tree in the data says is told by the rules of trees; what is no tree is told here.
    let mut unread = Report::new();
    let read = data.map(|data| read_data(data, meta, &mut unread));
    findings.report.append(unread);
    if let Some(Data::Tree(tree)) = &read {
        check_tree(tree, nodes, findings);
    }
    let (Some(asked), Some(uri)) = (Command::read(command), address(item, "Target")) else { return };
    if let Some(moi) = meta.type_name.as_deref().filter(|_| command == "Add") {
        nodes.remember(&uri, moi);
    }
    let span = item.descend(&["Target", "LocURI"]).map_or(item.span, |uri| uri.span);
    let described = match nodes.find(&uri) {
        Found::Described(described) => Some(described),
        Found::Missing(above, place) => {
            let message = format!("`{}` is not described below `{place}`", uri.within(&place).unwrap_or_default());
            add(&NOT_DESCRIBED, span, Severity::Warning, message, Some(above), findings);
            None
        }
        Found::Unknown if nodes.are_chosen() => {
            let message = format!("no description has `{}`", shorten(&uri.to_string()));
            let finding = Diagnostic::new(&NOT_DESCRIBED, span, message).severity(Severity::Warning);
            findings.report.add(finding.at(findings.path.join("/")).lenient(Severity::Note));
            None
        }
        Found::Unknown => None,
    };
    if let Some(described) = described.filter(|described| !described.access.allows(asked)) {
        let takes = described.access;
        let message = format!("`{uri}` does not take {command}; its access type is {takes}");
        add(&ACCESS, span, Severity::Error, message, Some(described), findings);
    }
    if is_writing && !matches!(read, Some(Data::Tree(_))) {
        format(item, meta, described, command, findings);
        if let (Some(data), Some(read)) = (data, &read) {
            check_data(data.span, read, meta, described, uri.name(), findings);
        }
    }
}

/// Returns the address of a node; `None` where it is a part of one, or none.
fn address(item: &Element<'_>, side: &str) -> Option<Uri> {
    let text = item.descend(&[side, "LocURI"])?.trimmed();
    Uri::read(text).ok().filter(|_| !text.is_empty())
}

fn check_tree(tree: &Element<'_>, nodes: &Nodes<'_>, findings: &mut Findings<'_>) {
    let mut found = Report::new();
    check_document(tree, nodes.descriptions, &mut found);
    if tree.child("Node").is_none() {
        let message = "the tree in the data holds no node";
        found.add(Diagnostic::new(&super::super::NOT_A_TREE, tree.span, message));
    }
    let prefix = findings.path.join("/");
    found.amend(|finding| finding.path = format!("{prefix} {}", finding.path));
    findings.report.append(found);
}

fn format(item: &Element<'_>, meta: &Meta, described: Option<&Described>, command: &str, findings: &mut Findings<'_>) {
    let span = item.child("Meta").map_or(item.span, |meta| meta.span);
    let said = match &meta.format {
        Some(word) if Format::read(word).is_none() => {
            let message = format!("Meta Format `{}` is no format", shorten(word));
            return add(&FORMAT, span, Severity::Warning, message, described, findings);
        }
        Some(word) => Format::read(word),
        // What is not said is `chr`; a Replace without it keeps the format of the node.
        None => Some(Format::Chr).filter(|_| command == "Add"),
    };
    let Some(described) = described else { return };
    if let Some(said) = said.filter(|said| !is_same(*said, described.format)) {
        let message = format!("the format is {said}, described as {}", described.format);
        add(&FORMAT, span, Severity::Warning, message, Some(described), findings);
    }
    if let Some(said) = &meta.type_name
        && !described.types.is_empty()
        && !described.types.iter().any(|known| known.eq_ignore_ascii_case(said))
    {
        let message = format!("the type is `{}`, described as {}", shorten(said), described.types.join(", "));
        add(&FORMAT, span, Severity::Warning, message, Some(described), findings);
    }
}

/// Octets are sent as `b64` where the syntax cannot carry them.
fn is_same(said: Format, described: Format) -> bool {
    said == described || (said == Format::B64 && described == Format::Bin)
}

fn check_data(
    span: Span,
    data: &Data,
    meta: &Meta,
    described: Option<&Described>,
    name: &str,
    findings: &mut Findings<'_>,
) {
    let said = meta.format.as_deref().and_then(Format::read);
    // What the message itself says counts where nothing is described.
    let Some(format) = described.map(|d| d.format).or(said) else { return };
    let value = match data {
        Data::Text(text) => Value::Text(text.clone()),
        Data::Octets(octets) => Value::Octets(octets.clone()),
        Data::Tree(_) => return,
    };
    let is_blank = matches!(&value, Value::Text(text) if text.trim_ascii().is_empty());
    if fits(format, &value) || (is_blank && matches!(format, Format::Node | Format::Null)) {
        return;
    }
    let shown = match &value {
        Value::Text(text) if !is_secret(name) => format!("`{}` ", shorten(text.trim_ascii())),
        _ => String::new(),
    };
    // White space around a value is read by many clients.
    let trimmed = matches!(&value, Value::Text(text) if fits(format, &Value::Text(text.trim_ascii().to_owned())));
    let lenient = if trimmed { Severity::Note } else { Severity::Error };
    let message = match format {
        Format::Node => format!("an interior node has no data, and here {shown}stands"),
        _ => format!("the data {shown}is not of format {format}"),
    };
    add(&DATA, span, lenient, message, described, findings);
}

/// Adds a finding that is as sure as the description it rests on.
fn add(
    rule: &'static Rule,
    span: Span,
    lenient: Severity,
    message: String,
    described: Option<&Described>,
    findings: &mut Findings<'_>,
) {
    let finding = Diagnostic::new(rule, span, message).at(findings.path.join("/"));
    let finding = match described.and_then(|described| described.basis) {
        Some(basis) => finding.basis(basis),
        None => finding,
    };
    findings.report.add(finding.lenient(lenient));
}
