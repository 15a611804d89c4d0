//! Rules MO: an IMPS account as a management object (IMPS MO, "Consistency rules").
//!
//! The object of the impskit reference is a reconstruction, so that each finding says what its rule rests on. Against a
//! description that its owner gives, the same rules have their full severity.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::acl::Command;
use super::super::ddf::Described;
use super::super::node::Node;
use super::super::object::{IMPS, IMPS_APPID, ManagementObject, describe_below, spell_as};
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::tree::{Conformity, is_resolved, place};
use crate::diagnose::{Basis, Diagnostic, Report, Rule, Severity, Span};
use crate::document::{is_media_type, shorten};

macro_rules! leaf {
    ($name:literal, $value:literal) => {
        concat!("  <Node><NodeName>", $name, "</NodeName><Value>", $value, "</Value></Node>\n")
    };
}

macro_rules! interior {
    ($name:literal, $($nodes:expr),* $(,)?) => {
        concat!("  <Node><NodeName>", $name, "</NodeName>\n", $($nodes,)* "  </Node>\n")
    };
}

/// An account without AppID and address.
macro_rules! bare {
    ($moi:literal, $($nodes:expr),* $(,)?) => {
        concat!(
            "<MgmtTree xmlns=\"syncml:dmddf1.2\">\n<VerDTD>1.2</VerDTD>\n<Node><NodeName>acme</NodeName>\n",
            "  <RTProperties><Format><node/></Format><Type><DDFName>", $moi, "</DDFName></Type></RTProperties>\n",
            $($nodes,)* "</Node>\n</MgmtTree>\n"
        )
    };
}

/// An account that lacks nothing, with more nodes.
macro_rules! account {
    ($($nodes:expr),* $(,)?) => {
        bare!("urn:oma:mo:oma-imps:1.0", leaf!("AppID", "wA"), leaf!("PrefAddr", "http://imps.example.com/csp"), $($nodes),*)
    };
}

/// An account with one address of its own.
macro_rules! address {
    ($($nodes:expr),* $(,)?) => {
        bare!("urn:oma:mo:oma-imps:1.0", leaf!("AppID", "wA"), interior!("AppAddr", interior!("1", $($nodes),*)))
    };
}

macro_rules! credentials {
    ($name:literal, $level:literal, $($nodes:expr),* $(,)?) => {
        interior!($name, leaf!("AAuthLevel", $level), $($nodes),*)
    };
}

const GOOD: &str = account!();

pub(super) const TYPE: Rule = Rule {
    code: "MO001",
    name: "object-type",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-1; DM Tree and Description 1.2.1, \"Type\"",
    summary: "the Type of an IMPS account is `urn:oma:mo:oma-imps:1.0`",
    help: "write the identifier exactly so; `urn:oma:mo:` starts it, and 1.0 is the version of the object, not of IMPS",
    bad: bare!("urn:urn:mo:oma-imps:1.3", leaf!("AppID", "wA"), leaf!("PrefAddr", "http://imps.example.com/csp")),
    good: GOOD,
};

pub(super) const APPID: Rule = Rule {
    code: "MO002",
    name: "appid",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-2; registration of `wA`",
    summary: "AppID is there and is `wA`",
    help: "write `wA`: lower-case w, upper-case A",
    bad: bare!("urn:oma:mo:oma-imps:1.0", leaf!("AppID", "wa"), leaf!("PrefAddr", "http://imps.example.com/csp")),
    good: GOOD,
};

pub(super) const NO_ADDRESS: Rule = Rule {
    code: "MO003",
    name: "no-address",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-3",
    summary: "an account has the address of a server",
    help: "give the URL of the service as AppAddr/1/Addr or as PrefAddr",
    bad: bare!("urn:oma:mo:oma-imps:1.0", leaf!("AppID", "wA")),
    good: GOOD,
};

pub(super) const ADDRESS_FORM: Rule = Rule {
    code: "MO004",
    name: "address-form",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-4",
    summary: "an address has the form that AddrType says",
    help: "URI (or nothing) is an absolute http or https URL, IPv4 and IPv6 are addresses, E164 is `+` and digits",
    bad: address!(leaf!("Addr", "http://imps.example.com/csp"), leaf!("AddrType", "IPv4")),
    good: address!(leaf!("Addr", "192.0.2.1"), leaf!("AddrType", "IPv4")),
};

pub(super) const PORT: Rule = Rule {
    code: "MO005",
    name: "port",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-5",
    summary: "a port is a decimal number from 1 to 65535",
    help: "write digits only; leave the node out for the usual port of the scheme",
    bad: address!(
        leaf!("Addr", "192.0.2.1"),
        leaf!("AddrType", "IPv4"),
        interior!("Port", interior!("1", leaf!("PortNbr", "+8080")))
    ),
    good: address!(
        leaf!("Addr", "192.0.2.1"),
        leaf!("AddrType", "IPv4"),
        interior!("Port", interior!("1", leaf!("PortNbr", "8080")))
    ),
};

pub(super) const REFERENCE: Rule = Rule {
    code: "MO006",
    name: "connectivity-reference",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-6; DM Bootstrap 1.2",
    summary: "a connectivity reference that starts with `./` names a node of the tree",
    help: "send the access point or proxy along, or use an identifier that the device knows",
    bad: account!(leaf!("PrefConRef", "./ConnMO/NAP/1")),
    good: account!(leaf!("PrefConRef", "internet")),
};

pub(super) const PREFERRED_REFERENCE: Rule = Rule {
    code: "MO007",
    name: "preferred-reference",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-7",
    summary: "PrefConRef is one of the ConRefs where both are there",
    help: "repeat the preferred reference below ToConRef, or leave one of the two out",
    bad: account!(leaf!("PrefConRef", "a"), interior!("ToConRef", interior!("1", leaf!("ConRef", "b")))),
    good: account!(leaf!("PrefConRef", "a"), interior!("ToConRef", interior!("1", leaf!("ConRef", "a")))),
};

pub(super) const READABLE_SECRET: Rule = Rule {
    code: "MO008",
    name: "readable-secret",
    severity: Severity::Error,
    clause: "IMPS MO, IMO-8",
    summary: "nobody can read AAuthSecret and AAuthData",
    help: "leave Get out of the AccessType and of the ACL; a tree read out of a device holds no such value",
    bad: account!(interior!(
        "AppAuth",
        credentials!(
            "1",
            "APPSRV",
            leaf!("AAuthName", "wv:juliet@example.com"),
            "  <Node><NodeName>AAuthSecret</NodeName><RTProperties><ACL>Get=*</ACL><Format><chr/></Format>\
             <Type><MIME>text/plain</MIME></Type></RTProperties></Node>\n"
        )
    )),
    good: account!(interior!(
        "AppAuth",
        credentials!(
            "1",
            "APPSRV",
            leaf!("AAuthName", "wv:juliet@example.com"),
            "  <Node><NodeName>AAuthSecret</NodeName><RTProperties><ACL>Replace=*</ACL><Format><chr/></Format>\
             <Type><MIME>text/plain</MIME></Type></RTProperties></Node>\n"
        )
    )),
};

pub(super) const SECRET_WITHOUT_NAME: Rule = Rule {
    code: "MO009",
    name: "secret-without-name",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-9",
    summary: "credentials have a name, and a secret does not stand alone",
    help: "add AAuthName beside AAuthSecret, or remove the credentials",
    bad: account!(interior!("AppAuth", credentials!("1", "APPSRV", leaf!("AAuthSecret", "s3cret")))),
    good: account!(interior!(
        "AppAuth",
        credentials!("1", "APPSRV", leaf!("AAuthName", "wv:juliet@example.com"), leaf!("AAuthSecret", "s3cret"))
    )),
};

pub(super) const LEVEL_TWICE: Rule = Rule {
    code: "MO010",
    name: "level-twice",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-10",
    summary: "there is one set of credentials for each AAuthLevel",
    help: "remove the second set; devices take either",
    bad: account!(interior!(
        "AppAuth",
        credentials!("1", "APPSRV", leaf!("AAuthName", "wv:juliet")),
        credentials!("2", "APPSRV", leaf!("AAuthName", "wv:romeo"))
    )),
    good: account!(interior!(
        "AppAuth",
        credentials!("1", "APPSRV", leaf!("AAuthName", "wv:juliet")),
        credentials!("2", "CLIENT", leaf!("AAuthName", "server"))
    )),
};

pub(super) const LEVEL: Rule = Rule {
    code: "MO110",
    name: "level",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-10a",
    summary: "AAuthLevel is `APPSRV` or `CLIENT`",
    help: "APPSRV for what the client shows to the server, CLIENT for the other way round",
    bad: account!(interior!("AppAuth", credentials!("1", "CLCRED", leaf!("AAuthName", "wv:juliet")))),
    good: account!(interior!("AppAuth", credentials!("1", "APPSRV", leaf!("AAuthName", "wv:juliet")))),
};

pub(super) const SERVICES: Rule = Rule {
    code: "MO011",
    name: "services",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-11",
    summary: "Services lists known codes, each once",
    help: "write codes such as `IM;PR;GR`, separated by semicolons, or leave the node out for all services",
    bad: account!(leaf!("Services", "IM;PRES;IM")),
    good: account!(leaf!("Services", "IM;PR;GR")),
};

pub(super) const CONTENT_TYPES: Rule = Rule {
    code: "MO012",
    name: "content-types",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-12",
    summary: "AAccept lists media types, each with its CSP versions",
    help: "write `application/vnd.wv.csp+wbxml;1.3;1.2,application/vnd.wv.csp+xml`",
    bad: account!(leaf!("AAccept", "wbxml;1.3")),
    good: account!(leaf!("AAccept", "application/vnd.wv.csp+wbxml;1.3")),
};

pub(super) const UNKNOWN_NODE: Rule = Rule {
    code: "MO013",
    name: "unknown-node",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-13",
    summary: "an account has only described nodes outside Ext",
    help: "put settings of a vendor below Ext/VENDOR",
    bad: account!(leaf!("KeepAlive", "600")),
    good: account!(interior!("Ext", interior!("Acme", leaf!("KeepAlive", "600")))),
};

pub(super) const INNER_TYPE: Rule = Rule {
    code: "MO014",
    name: "inner-type",
    severity: Severity::Warning,
    clause: "IMPS MO, IMO-14; DM Tree and Description 1.2, \"Type\"",
    summary: "interior nodes below the root of an object have no Type",
    help: "leave DDFName empty on all nodes but the root of the account",
    bad: account!(
        "  <Node><NodeName>Ext</NodeName><RTProperties><Format><node/></Format>\
         <Type><DDFName>urn:example:ext</DDFName></Type></RTProperties></Node>\n"
    ),
    good: account!(
        "  <Node><NodeName>Ext</NodeName><RTProperties><Format><node/></Format>\
         <Type><DDFName/></Type></RTProperties></Node>\n"
    ),
};

/// Leaves that nobody may read.
const SECRETS: [&str; 2] = ["AAuthSecret", "AAuthData"];

/// An account that is looked at.
#[derive(Clone, Copy)]
pub(super) struct Account<'a> {
    pub(super) tree: &'a Tree,
    pub(super) uri: &'a Uri,
    pub(super) node: &'a Node,
    /// Whether it is looked at by the reconstruction.
    pub(super) is_reference: bool,
}

/// Reports what is wrong with an IMPS account.
pub(super) fn check(account: &Account<'_>, described: &Described, report: &mut Report) {
    let canonical = ManagementObject::imps_as(described).canonical(account.node);
    let mut conformity = Conformity { report, is_account: true };
    // A device may have described another spelling.
    let spelled = spell_as(&canonical, described);
    describe_below(&spelled, account.uri, described, &mut |uri, node, below| conformity.node(uri, node, below));
    let mut checks = Checks { account: Account { node: &canonical, ..*account }, report };
    checks.identity();
    checks.addresses();
    checks.references();
    checks.credentials();
    checks.lists();
    checks.inner_types();
}

/// Reports what is wrong with a description of the IMPS object, whose address is `at`.
pub(super) fn check_description(object: &Described, at: &str, report: &mut Report) {
    let sets = object.descend("AppAuth/<X>");
    for secret in sets.into_iter().flat_map(|set| &set.children) {
        let name = secret.display_name();
        if SECRETS.contains(&name) && secret.access.allows(Command::Get) {
            let finding = Diagnostic::new(&READABLE_SECRET, secret.span, format!("`{name}` can be read with Get"));
            report.add(finding.at(format!("{at}/AppAuth/<X>/{name}")).basis(Basis::Template));
        }
    }
}

struct Checks<'a> {
    account: Account<'a>,
    report: &'a mut Report,
}

impl Checks<'_> {
    /// Adds a finding; `path` is below the account.
    fn add(&mut self, rule: &'static Rule, basis: Basis, path: &str, span: Span, message: impl Into<String>) {
        let path = if path.is_empty() { self.account.uri.clone() } else { self.account.uri.join(path) };
        let finding = Diagnostic::new(rule, span, message).at(path.to_string());
        self.report.add(if self.account.is_reference { finding.basis(basis) } else { finding });
    }

    /// Returns the instances in a container with their paths.
    fn instances<'n>(&self, node: &'n Node, path: &str) -> Vec<(String, &'n Node)> {
        let container = path.split('/').try_fold(node, |node, name| node.child(name));
        container.into_iter().flat_map(Node::children).map(|n| (format!("{path}/{}", n.name()), n)).collect()
    }

    fn identity(&mut self) {
        if self.account.node.type_name != IMPS {
            let message = format!("the Type is `{}`", shorten(&self.account.node.type_name));
            self.add(&TYPE, Basis::Stated, "", self.account.node.span, message);
        }
        match self.account.node.child("AppID") {
            None => self.add(&APPID, Basis::Stated, "", self.account.node.span, "AppID is missing"),
            Some(leaf) if leaf.value_text() != Some(IMPS_APPID) => {
                let message = format!("AppID is `{}`", shorten(leaf.value_text().unwrap_or_default()));
                self.add(&APPID, Basis::Stated, "AppID", place(leaf), message);
            }
            Some(_) => {}
        }
    }

    fn addresses(&mut self) {
        let node = self.account.node;
        let preferred = node.child("PrefAddr").filter(|leaf| leaf.value_text().is_some_and(|t| !t.is_empty()));
        if let Some(leaf) = preferred {
            self.address_form("PrefAddr", leaf, "");
        }
        let mut count = usize::from(preferred.is_some());
        for (path, address) in self.instances(node, "AppAddr") {
            if let Some(leaf) = address.child("Addr").filter(|leaf| leaf.value_text().is_some_and(|t| !t.is_empty())) {
                count += 1;
                let kind = address.child_text("AddrType").unwrap_or_default().to_owned();
                self.address_form(&format!("{path}/Addr"), leaf, &kind);
            }
            for (below, port) in self.instances(address, "Port") {
                if let Some(leaf) = port.child("PortNbr") {
                    self.port(&format!("{path}/{below}/PortNbr"), leaf);
                }
            }
        }
        if count == 0 {
            self.add(&NO_ADDRESS, Basis::Derived, "", node.span, "the account has no server address");
        }
    }

    fn address_form(&mut self, path: &str, leaf: &Node, kind: &str) {
        let text = leaf.value_text().unwrap_or_default();
        let is_good = match kind.to_ascii_uppercase().as_str() {
            "" | "URI" => is_url(text),
            "IPV4" => text.parse::<Ipv4Addr>().is_ok(),
            "IPV6" => text.parse::<Ipv6Addr>().is_ok(),
            "E164" => text
                .strip_prefix('+')
                .is_some_and(|digits| (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())),
            _ => {
                let message = format!("AddrType `{}` is not URI, IPv4, IPv6 or E164", shorten(kind));
                return self.add(&ADDRESS_FORM, Basis::Derived, path, place(leaf), message);
            }
        };
        if !is_good {
            let kind = if kind.is_empty() { "URI" } else { kind };
            let message = format!("`{}` is no address of type {kind}", shorten(text));
            self.add(&ADDRESS_FORM, Basis::Derived, path, place(leaf), message);
        }
    }

    fn port(&mut self, path: &str, leaf: &Node) {
        let text = leaf.value_text().unwrap_or_default();
        let is_number = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u16>() {
            Ok(0) if is_number => {
                let message = "port 0: some operators mean the usual port of the scheme by it";
                let path = self.account.uri.join(path).to_string();
                let finding = Diagnostic::new(&PORT, place(leaf), message).at(path).severity(Severity::Warning);
                self.report.add(if self.account.is_reference { finding.basis(Basis::Template) } else { finding });
            }
            Ok(_) if is_number => {}
            _ => {
                let message = format!("`{}` is no port number", shorten(text));
                self.add(&PORT, Basis::Template, path, place(leaf), message);
            }
        }
    }

    fn references(&mut self) {
        let node = self.account.node;
        let several: Vec<_> = self
            .instances(node, "ToConRef")
            .into_iter()
            .filter_map(|(path, instance)| Some((format!("{path}/ConRef"), instance.child("ConRef")?)))
            .collect();
        let preferred = node.child("PrefConRef").map(|leaf| ("PrefConRef".to_owned(), leaf));
        for (path, leaf) in several.iter().chain(&preferred) {
            if let Some(target) = leaf.value_text().filter(|target| !is_resolved(self.account.tree, target)) {
                let message = format!("`{}` names no node of this tree", shorten(target));
                self.add(&REFERENCE, Basis::Derived, path, place(leaf), message);
            }
        }
        if let Some((path, leaf)) = preferred
            && !several.is_empty()
            && !several.iter().any(|(_, other)| other.value_text() == leaf.value_text())
        {
            let message = "the preferred reference is not among those below ToConRef";
            self.add(&PREFERRED_REFERENCE, Basis::Derived, &path, place(leaf), message);
        }
    }

    fn credentials(&mut self) {
        let mut levels = BTreeSet::new();
        for (path, set) in self.instances(self.account.node, "AppAuth") {
            let level = set.child("AAuthLevel");
            if let Some((leaf, text)) = level.and_then(|leaf| Some((leaf, leaf.value_text()?))) {
                if !matches!(text, "APPSRV" | "CLIENT") {
                    let message = format!("`{}` is not APPSRV or CLIENT", shorten(text));
                    self.add(&LEVEL, Basis::Observed, &format!("{path}/AAuthLevel"), place(leaf), message);
                }
                if !levels.insert(text.to_owned()) {
                    let message = format!("a second set of credentials of level `{}`", shorten(text));
                    self.add(&LEVEL_TWICE, Basis::Derived, &path, set.span, message);
                }
            }
            if set.child("AAuthName").is_none() {
                let what = if set.child("AAuthSecret").is_some() { "a secret without a name" } else { "no name" };
                let message = format!("these credentials have {what}");
                self.add(&SECRET_WITHOUT_NAME, Basis::Derived, &path, set.span, message);
            }
            for name in SECRETS {
                let acl = set.child(name).and_then(|leaf| Some((leaf, leaf.acl.as_ref()?)));
                if let Some((leaf, _)) = acl.filter(|(_, acl)| acl.mentions(Command::Get)) {
                    let message = format!("the ACL lets servers read `{name}`");
                    self.add(&READABLE_SECRET, Basis::Template, &format!("{path}/{name}"), leaf.span, message);
                }
            }
        }
    }

    fn lists(&mut self) {
        let node = self.account.node;
        let list = |name: &str| node.child(name).and_then(|leaf| Some((leaf, leaf.value_text()?)));
        if let Some((leaf, text)) = list("Services")
            && let Some(message) = fault_of_services(text)
        {
            self.add(&SERVICES, Basis::Observed, "Services", place(leaf), message);
        }
        if let Some((leaf, text)) = list("AAccept")
            && let Some(entry) = text.split(',').find(|entry| !is_content_type(entry.trim_ascii()))
        {
            let message = format!("`{}` is not a media type with versions", shorten(entry.trim_ascii()));
            self.add(&CONTENT_TYPES, Basis::Observed, "AAccept", place(leaf), message);
        }
    }

    fn inner_types(&mut self) {
        let mut found = Vec::new();
        inner_types(self.account.node, &mut String::new(), &mut found);
        for (path, node) in found {
            let message = format!("an inner node has the Type `{}`", shorten(&node.type_name));
            self.add(&INNER_TYPE, Basis::Stated, &path, node.span, message);
        }
    }
}

/// Collects the interior nodes with a Type below `node`; what is below Ext is free.
fn inner_types<'n>(node: &'n Node, path: &mut String, found: &mut Vec<(String, &'n Node)>) {
    for child in node.children().filter(|child| child.is_interior()) {
        let length = path.len();
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(child.name());
        if !child.type_name.is_empty() {
            found.push((path.clone(), child));
        }
        if path != "Ext" {
            inner_types(child, path, found);
        }
        path.truncate(length);
    }
}

fn fault_of_services(text: &str) -> Option<String> {
    let mut seen = BTreeSet::new();
    for code in text.split([';', ',']).map(str::trim_ascii) {
        if code.is_empty() {
            return Some("a service code is empty".to_owned());
        }
        if !matches!(code, "IM" | "PR" | "GR" | "SC") {
            return Some(format!("`{}` is not one of IM, PR, GR, SC", shorten(code)));
        }
        if !seen.insert(code) {
            return Some(format!("`{code}` is listed twice"));
        }
    }
    None
}

fn is_content_type(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim_ascii);
    let is_version = |text: &str| matches!(text.as_bytes(), [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit());
    parts.next().is_some_and(is_media_type) && parts.all(is_version)
}

/// Returns whether a text is an absolute http or https URL.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
