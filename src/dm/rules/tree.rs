//! Rules TRE: a device tree against the descriptions of what is in it.

use super::super::ddf::{Described, Description};
use super::super::node::{Node, Value};
use super::super::object::{IMPS, describe};
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::super::values::fits;
use super::imps;
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::shorten;

macro_rules! example {
    ($($nodes:expr),* $(,)?) => {
        concat!("<MgmtTree xmlns=\"syncml:dmddf1.2\">\n<VerDTD>1.2</VerDTD>\n", $($nodes,)* "</MgmtTree>\n")
    };
}

macro_rules! leaf {
    ($name:literal, $value:literal) => {
        concat!("  <Node><NodeName>", $name, "</NodeName><Value>", $value, "</Value></Node>\n")
    };
}

macro_rules! interior {
    ($name:literal, $($nodes:expr),* $(,)?) => {
        concat!("<Node><NodeName>", $name, "</NodeName>\n", $($nodes,)* "</Node>\n")
    };
}

macro_rules! instance {
    ($name:literal, $moi:literal, $($nodes:expr),* $(,)?) => {
        concat!(
            "<Node><NodeName>", $name, "</NodeName><RTProperties><Format><node/></Format>\n  <Type><DDFName>", $moi,
            "</DDFName></Type></RTProperties>\n", $($nodes,)* "</Node>\n"
        )
    };
}

macro_rules! nap {
    ($($nodes:expr),* $(,)?) => {
        example!(instance!("gprs", "urn:oma:mo:oma-connmo-nap:1.0",
            leaf!("Addr", "internet.example"), leaf!("BearerType", "3GPPPS"), $($nodes),*))
    };
}

macro_rules! proxy {
    ($($nodes:expr),* $(,)?) => {
        example!(instance!("wap", "urn:oma:mo:oma-connmo-proxy:1.0",
            leaf!("ProxyId", "wap.example"), leaf!("Addr", "192.0.2.1"), $($nodes),*),
            interior!("NAP", interior!("gprs", leaf!("Name", "GPRS"))))
    };
}

/// Access points must hold these two as well; what is in them differs by bearer.
macro_rules! rest {
    () => {
        concat!(
            "  <Node><NodeName>BearerParams</NodeName><RTProperties><Format><node/></Format></RTProperties></Node>\n",
            "  <Node><NodeName>IP</NodeName><RTProperties><Format><node/></Format></RTProperties></Node>\n"
        )
    };
}

const GOOD: &str = nap!(leaf!("ID", "gprs"), rest!());

pub(in crate::dm) const NOT_A_TREE: Rule = Rule {
    code: "TRE001",
    name: "not-a-tree",
    severity: Severity::Error,
    clause: "DM TNDS 1.2; impskit.tree/1",
    summary: "the input is no device tree that can be read",
    help: "a tree is a `MgmtTree` with at least one Node, in XML or WBXML, or `impskit.tree/1` JSON",
    bad: example!(),
    good: example!(leaf!("Name", "x")),
};

pub(super) const NOT_DESCRIBED: Rule = Rule {
    code: "TRE010",
    name: "not-described",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF",
    summary: "the description has no such node there",
    help: "see `impskit show` of the description for the nodes that it has; vendors put their own below Ext",
    bad: nap!(leaf!("ID", "gprs"), leaf!("Identifier", "gprs"), rest!()),
    good: GOOD,
};

pub(super) const MISSING: Rule = Rule {
    code: "TRE011",
    name: "missing-node",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\"",
    summary: "a node that must be there is missing",
    help: "add the node; occurrences One, OneOrMore and OneOrN want at least one",
    bad: nap!(rest!()),
    good: GOOD,
};

pub(in crate::dm) const TOO_MANY: Rule = Rule {
    code: "TRE012",
    name: "too-many",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, DDF, \"Occurrence\"",
    summary: "there are more nodes than there may be; a name stands once below a parent",
    help: "remove the surplus nodes, or give each its own name",
    bad: example!(leaf!("Name", "x"), leaf!("Name", "y")),
    good: example!(leaf!("Name", "x")),
};

pub(in crate::dm) const FORMAT_DIFFERS: Rule = Rule {
    code: "TRE013",
    name: "format-differs",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"Format\"",
    summary: "the node has another format than its description",
    help: "write the format that the description gives, and a value that fits it",
    bad: example!(
        "<Node><NodeName>gprs</NodeName><RTProperties><Format><octets/></Format>\
         <Type><MIME>text/plain</MIME></Type></RTProperties><Value>x</Value></Node>\n"
    ),
    good: example!(leaf!("gprs", "x")),
};

pub(in crate::dm) const VALUE_DOES_NOT_FIT: Rule = Rule {
    code: "TRE014",
    name: "value-does-not-fit",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"Format\"",
    summary: "the value is not of the node's format",
    help: "int is a decimal number of 32 bits, bool is true or false, bin and b64 are base64, dates are ISO 8601",
    bad: proxy!(interior!("Ports", interior!("1", leaf!("PortNbr", "http")))),
    good: proxy!(interior!("Ports", interior!("1", leaf!("PortNbr", "8080")))),
};

pub(super) const NOWHERE: Rule = Rule {
    code: "TRE015",
    name: "reference-nowhere",
    severity: Severity::Warning,
    clause: "DM Bootstrap 1.2, connectivity references",
    summary: "a reference names a node that the tree does not have",
    help: "write the address of an access point or proxy of this tree, or an identifier that does not start with `./`",
    bad: proxy!(interior!("ToConRef", interior!("1", leaf!("ConRef", "./NAP/umts")))),
    good: proxy!(interior!("ToConRef", interior!("1", leaf!("ConRef", "./NAP/gprs")))),
};

pub(in crate::dm) const ILLEGAL_NAME: Rule = Rule {
    code: "TRE017",
    name: "illegal-name",
    severity: Severity::Error,
    clause: "DM Tree and Description 1.2, \"URI\"",
    summary: "that cannot name a node",
    help: "a name is one segment of an address: no `/`, no `?`, no blanks; escape others with %",
    bad: example!(leaf!("my account", "x")),
    good: example!(leaf!("my%20account", "x")),
};

/// Reports where a tree is not what the descriptions say, and what is wrong with the IMPS accounts in it.
///
/// Nodes that no description has a word for are left alone, unless their parent is described.
pub fn check_tree(tree: &Tree, descriptions: &[&Description], report: &mut Report) {
    let mut described = describe(tree, descriptions).into_iter();
    let mut accounts: Vec<Uri> = Vec::new();
    tree.walk(&mut |uri, node| {
        let described = described.next().flatten();
        if accounts.last().is_some_and(|account| uri.within(account).is_some()) {
            return;
        }
        match described {
            Some(d) if d.moi.as_deref() == Some(IMPS) => accounts.push(uri.clone()),
            Some(d) => Conformity { report, is_account: false }.node(uri, node, d),
            None => {}
        }
        if matches!(node.name(), "ConRef" | "PrefConRef") {
            reference(tree, uri, node, report);
        }
    });
    let Some(description) = descriptions.iter().find(|d| d.object(IMPS).is_some()) else { return };
    let (Some(described), is_reference) = (description.object(IMPS), description.is_reference()) else { return };
    for uri in accounts {
        if let Some(node) = tree.get(&uri) {
            imps::check(&imps::Account { tree, uri: &uri, node, is_reference }, described, report);
        }
    }
}

/// Returns whether the node that a reference names exists; identifiers that are no addresses of the tree always do.
/// While an object travels to the Inbox, `./Inbox/` stands before the place in the same document.
pub(super) fn is_resolved(tree: &Tree, reference: &str) -> bool {
    let Some(path) = reference.strip_prefix("./") else { return true };
    let exists = |path: &str| Uri::read(path).is_ok_and(|uri| tree.get(&uri).is_some_and(Node::is_interior));
    exists(path) || path.strip_prefix("Inbox/").is_some_and(exists)
}

fn reference(tree: &Tree, uri: &Uri, node: &Node, report: &mut Report) {
    let Some(target) = node.value_text().filter(|target| !is_resolved(tree, target)) else { return };
    let message = format!("`{}` names no node of this tree", shorten(target));
    report.add(Diagnostic::new(&NOWHERE, place(node), message).at(uri.to_string()));
}

/// Returns where a finding about a node's value points: at the value, or at the node where it has none.
pub(super) fn place(node: &Node) -> Span {
    if node.value_span == Span::default() { node.span } else { node.value_span }
}

/// Whether nodes are what their descriptions say.
pub(super) struct Conformity<'r> {
    pub(super) report: &'r mut Report,
    /// Whether the nodes are of an IMPS account, where rules MO say some of it.
    pub(super) is_account: bool,
}

impl Conformity<'_> {
    /// Looks at one node and at which children it has, not into the children.
    pub(super) fn node(&mut self, uri: &Uri, node: &Node, described: &Described) {
        if node.is_interior() != described.is_interior() || (!node.is_assumed && node.format != described.format) {
            let message = format!("the format is {}, described as {}", node.format, described.format);
            self.add(&FORMAT_DIFFERS, node.span, uri, message, described);
        } else if let Some(value) = &node.value {
            if !fits(described.format, value) {
                let what = if super::super::is_secret(node.name()) { String::new() } else { shown(value) };
                let message = format!("the value {what}is not of format {}", described.format);
                self.add(&VALUE_DOES_NOT_FIT, place(node), uri, message, described);
            }
        } else if node.is_interior() && !described.children.is_empty() {
            self.children(uri, node, described);
        }
    }

    fn children(&mut self, uri: &Uri, node: &Node, described: &Described) {
        for child in node.children().filter(|child| described.child(child.name()).is_none()) {
            let rule = if self.is_account { &imps::UNKNOWN_NODE } else { &NOT_DESCRIBED };
            let message = format!("`{}` is not described below `{}`", child.name(), described.display_name());
            self.add(rule, child.span, &uri.join(child.name()), message, described);
        }
        for wanted in &described.children {
            let count = match &wanted.name {
                Some(name) => usize::from(node.child(name).is_some()),
                None => node.children().filter(|c| described.child(c.name()).is_some_and(|d| d.name.is_none())).count(),
            };
            // That an account has no AppID is rule MO002.
            let is_told = self.is_account && wanted.name.as_deref() == Some("AppID");
            if count == 0 && wanted.occurrence.is_required() && !is_told {
                let message = format!("`{}` is missing below `{}`", wanted.display_name(), node.name());
                self.add(&MISSING, node.span, uri, message, wanted);
            }
            if let Some(most) = wanted.occurrence.most().filter(|most| count > *most) {
                let message = format!("{count} nodes stand here, at most {most} may");
                self.add(&TOO_MANY, node.span, uri, message, wanted);
            }
        }
    }

    fn add(&mut self, rule: &'static Rule, span: Span, uri: &Uri, message: String, described: &Described) {
        let finding = Diagnostic::new(rule, span, message).at(uri.to_string());
        self.report.add(match described.basis {
            Some(basis) => finding.basis(basis),
            None => finding,
        });
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("`{}` ", shorten(text)),
        Value::Octets(_) => String::new(),
    }
}
