//! Device trees as documents: the serialised tree of OMA (TNDS, in XML or WBXML) and `impskit.tree/1` JSON.
//!
//! Readers take what devices write: missing properties, paths in place of nesting, names left out
//! (DM TNDS; DM facts, "TNDS document"). Writers always write the properties.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::acl::Acl;
use super::ddf::Description;
use super::device::Columns;
use super::node::{Format, Node, Value};
use super::object::describe;
use super::rules::{ACL_GRAMMAR, FORMAT_DIFFERS, ILLEGAL_NAME, NOT_A_TREE, TOO_MANY, VALUE_DOES_NOT_FIT};
use super::tree::{Tree, TreeFault};
use super::uri::{Uri, is_name};
use super::{DDF, is_secret};
use crate::codec::{self, CannotWrite, Limits, WbxmlOptions};
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Content, Element, from_base64, to_base64};

/// The name of the JSON form, with its version.
const JSON_SCHEMA: &str = "impskit.tree/1";

/// What readers of trees take: a serialised leaf is eight elements, and 100,000 nodes shall fit.
pub const LIMITS: Limits = Limits { bytes: 64 << 20, depth: 64, elements: 2_000_000, attributes: 64 };

/// Reads a device tree: TNDS in XML or WBXML, or JSON, whichever the octets are.
///
/// Findings go to `report`. Returns `None` where there is no tree at all.
pub fn read(bytes: &[u8], report: &mut Report) -> Option<Tree> {
    if looks_like_json(bytes) {
        return read_json(bytes, report);
    }
    let document = codec::read(bytes, &[&DDF], &LIMITS, report)?;
    from_element(&document.root, report)
}

/// Returns whether a document is JSON, by its first octets.
pub fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start().first() == Some(&b'{')
}

/// Returns a tree as TNDS in XML.
pub fn to_xml(tree: &Tree) -> Vec<u8> {
    codec::write_xml(&to_element(tree), None, true)
}

/// Returns a tree as TNDS in WBXML.
///
/// # Errors
///
/// Names what WBXML cannot carry: U+0000.
pub fn to_wbxml(tree: &Tree) -> Result<Vec<u8>, CannotWrite> {
    codec::write_wbxml(&to_element(tree), &DDF, &WbxmlOptions::default())
}

/// Returns a tree as a `MgmtTree` element.
pub(crate) fn to_element(tree: &Tree) -> Element<'_> {
    let root = tree.root();
    // The root itself is written only where it says something.
    if root.acl.is_some() || root.title.is_some() || !root.type_name.is_empty() {
        return document(root, Columns::ALL);
    }
    management_tree(root.children().map(|node| write_node(node, Columns::ALL)))
}

/// Returns a node with all below it as a `MgmtTree` element that says so much of each.
pub(super) fn document(node: &Node, columns: Columns) -> Element<'_> {
    management_tree([write_node(node, columns)])
}

fn management_tree<'t>(nodes: impl IntoIterator<Item = Element<'t>>) -> Element<'t> {
    let root = Element::new("MgmtTree").with_attribute("xmlns", "syncml:dmddf1.2");
    root.with_leaf("VerDTD", "1.2").with_all(nodes)
}

fn write_node(node: &Node, columns: Columns) -> Element<'_> {
    let properties = write_properties(node, columns);
    let is_empty = properties.children.is_empty();
    let mut element = Element::new("Node").with_leaf("NodeName", node.name());
    element = element.with_all(Some(properties).filter(|_| !is_empty));
    if let Some(value) = node.value.as_ref().filter(|_| columns.value) {
        let text: Cow<'_, str> = match value {
            Value::Text(text) => text.into(),
            Value::Octets(octets) => to_base64(octets).into(),
        };
        element = element.with_leaf("Value", text);
    }
    element.with_all(node.children().map(|child| write_node(child, columns)))
}

fn write_properties(node: &Node, columns: Columns) -> Element<'_> {
    let mut properties = Element::new("RTProperties");
    if let Some(acl) = node.acl.as_ref().filter(|_| columns.acl) {
        properties = properties.with_leaf("ACL", acl.to_string());
    }
    if columns.format {
        properties = properties.with(Element::new("Format").with(Element::new(node.format.as_str())));
    }
    if let Some(title) = node.title.as_ref().filter(|_| columns.title) {
        properties = properties.with_leaf("Title", title);
    }
    if let Some(time_stamp) = node.time_stamp.as_ref().filter(|_| columns.time_stamp) {
        properties = properties.with_leaf("TStamp", time_stamp);
    }
    if columns.type_name {
        let name = if node.is_interior() { "DDFName" } else { "MIME" };
        properties = properties.with(Element::new("Type").with_leaf(name, &node.type_name));
    }
    if let Some(version) = node.version.filter(|_| columns.version) {
        properties = properties.with_leaf("VerNo", version.to_string());
    }
    properties
}

/// Reads a tree from a `MgmtTree` element, or the piece of one that a `Node` is. Returns `None` where it is none or holds
/// no node.
pub fn from_element(root: &Element<'_>, report: &mut Report) -> Option<Tree> {
    read_element(root, None, report)
}

/// The same for a tree in a command, where a node without a name at the top has that of the target.
pub(super) fn from_element_at(root: &Element<'_>, name: &str, report: &mut Report) -> Option<Tree> {
    read_element(root, Some(name), report)
}

fn read_element(root: &Element<'_>, target: Option<&str>, report: &mut Report) -> Option<Tree> {
    let mut reader = Reader { tree: Tree::new(), nodes: 0, target, report };
    if root.name == "Node" {
        let message = "this is a piece of a tree, without its `MgmtTree`; it is judged as far as it goes";
        let finding = Diagnostic::new(&NOT_A_TREE, root.span, message).severity(Severity::Warning);
        reader
            .report
            .add(finding.help("put it into `<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>…</MgmtTree>`"));
        reader.top(root);
        return Some(reader.tree);
    }
    if root.name != "MgmtTree" || root.child("Node").is_none() {
        let message = if root.name == "MgmtTree" {
            "the tree holds no node".to_owned()
        } else {
            format!("`{}` is not the root of a device tree, `MgmtTree` is", root.name)
        };
        reader.add(&NOT_A_TREE, root.span, &Uri::root(), message);
        return None;
    }
    for element in root.children_named("Node") {
        reader.top(element);
    }
    Some(reader.tree)
}

/// One reading of a tree.
struct Reader<'r> {
    tree: Tree,
    nodes: usize,
    /// The name of a node without one at the top, where the target of a command gives it.
    target: Option<&'r str>,
    report: &'r mut Report,
}

impl Reader<'_> {
    fn add(&mut self, rule: &'static Rule, span: Span, uri: &Uri, message: impl Into<String>) {
        self.report.add(Diagnostic::new(rule, span, message).at(uri.to_string()));
    }

    /// Reads a node that stands directly below `MgmtTree`, where its Path says.
    fn top(&mut self, element: &Element<'_>) {
        let path =
            element.child("Path").map_or(Ok(Uri::root()), |path| Uri::read(path.trimmed().trim_end_matches('/')));
        let parent = match path {
            Ok(parent) => parent,
            Err(error) => return self.add(&ILLEGAL_NAME, element.span, &Uri::root(), error.to_string()),
        };
        let Some(mut node) = self.node(element, &parent) else { return };
        if node.name() == "." && parent.is_root() {
            return self.merge(&parent, node);
        }
        if node.name().is_empty() {
            let free = || self.tree.get(&parent).map_or_else(|| "1".to_owned(), Node::free_name);
            let given = self.target.filter(|name| parent.is_root() && is_name(name)).map(str::to_owned);
            node = node.named(given.unwrap_or_else(free));
        }
        let uri = parent.join(node.name());
        if let Err(fault) = self.open(&parent) {
            return self.fault(&fault, node.span, &parent);
        }
        if self.tree.get(&uri).is_some() {
            self.merge(&uri, node);
        } else if let Err(fault) = self.tree.add(&parent, node) {
            self.fault(&fault, element.span, &parent);
        }
    }

    /// Makes the interior nodes down to `uri`. A node that says neither a format nor a value is interior after all when
    /// another one names it in its Path.
    fn open(&mut self, uri: &Uri) -> Result<(), TreeFault> {
        if let Some(node) = self.tree.get_mut(uri) {
            if !node.is_interior() && node.value.is_none() {
                node.format = Format::Node;
                node.type_name.clear();
            }
            return Ok(());
        }
        self.tree.ensure(uri).map(|_| ())
    }

    /// Adds what `node` says to the interior node that stands at `uri` already.
    fn merge(&mut self, uri: &Uri, mut node: Node) {
        let Some(there) = self.tree.get_mut(uri).filter(|there| there.is_interior() && node.is_interior()) else {
            return self.fault(&TreeFault::Exists(node.name().to_owned()), node.span, uri);
        };
        if there.type_name.is_empty() {
            there.type_name = std::mem::take(&mut node.type_name);
        }
        there.acl = node.acl.take().or(there.acl.take());
        there.title = node.title.take().or(there.title.take());
        let mut faults = Vec::new();
        for child in node.into_children() {
            let span = child.span;
            faults.extend(there.add(child).err().map(|fault| (fault, span)));
        }
        for (fault, span) in faults {
            self.fault(&fault, span, uri);
        }
    }

    fn fault(&mut self, fault: &TreeFault, span: Span, parent: &Uri) {
        let rule = match fault {
            TreeFault::Exists(_) => &TOO_MANY,
            TreeFault::Name(_) => &ILLEGAL_NAME,
            TreeFault::Leaf(_) => &FORMAT_DIFFERS,
            _ => &NOT_A_TREE,
        };
        self.add(rule, span, parent, fault.to_string());
    }

    fn node(&mut self, element: &Element<'_>, parent: &Uri) -> Option<Node> {
        self.nodes += 1;
        if self.nodes > Tree::MOST_NODES {
            if self.nodes == Tree::MOST_NODES + 1 {
                self.fault(&TreeFault::TooMany, element.span, parent);
            }
            return None;
        }
        let name = element.child("NodeName").map(Element::trimmed).unwrap_or_default();
        let is_root = name == "." && parent.is_root();
        if !name.is_empty() && !is_root && !is_name(name) {
            self.fault(&TreeFault::Name(name.to_owned()), element.span, parent);
            return None;
        }
        let uri = if is_root { parent.clone() } else { parent.join(name) };
        let mut node = self.properties(element, name, &uri);
        node.span = element.span;
        if node.is_interior() {
            if let Some(value) = element.child("Value") {
                self.add(&VALUE_DOES_NOT_FIT, value.span, &uri, "an interior node has no value; this one is dropped");
            }
            self.children(element, &mut node, &uri);
        } else {
            self.value(element, &mut node, &uri);
        }
        Some(node)
    }

    fn children(&mut self, element: &Element<'_>, node: &mut Node, uri: &Uri) {
        for child in element.children_named("Node") {
            let Some(mut child) = self.node(child, uri) else { continue };
            if child.name().is_empty() {
                child = child.named(node.free_name());
            }
            let span = child.span;
            if uri.depth() + 1 > Uri::MOST_SEGMENTS {
                self.fault(&TreeFault::TooDeep, span, uri);
            } else if let Err(fault) = node.add(child) {
                self.fault(&fault, span, uri);
            }
        }
    }

    fn properties(&mut self, element: &Element<'_>, name: &str, uri: &Uri) -> Node {
        let properties = element.child("RTProperties");
        let property = |name: &str| properties.and_then(|p| p.child(name));
        let kind = property("Type");
        let has_children = element.child("Node").is_some();
        let word = property("Format").and_then(|f| f.children.first());
        let mut format = word.and_then(|word| Format::read(&word.name));
        if let (Some(word), None) = (word, format) {
            self.add(&FORMAT_DIFFERS, word.span, uri, format!("`{}` is not a format", word.name));
        }
        if has_children && format.is_some_and(|f| f != Format::Node) {
            let message = "a node with children has format `node`";
            self.add(&FORMAT_DIFFERS, element.span, uri, message);
            format = Some(Format::Node);
        }
        let is_interior = has_children || kind.is_some_and(|k| k.child("DDFName").is_some());
        let mut node = match format.unwrap_or(if is_interior { Format::Node } else { Format::Chr }) {
            Format::Node => Node::interior(name),
            format => Node::leaf(name, format, None),
        };
        node.is_assumed = word.is_none();
        if let Some(text) = kind.and_then(|k| k.children.first()).map(Element::trimmed) {
            text.clone_into(&mut node.type_name);
        }
        if let Some(text) = property("ACL").map(Element::trimmed) {
            match Acl::read(text) {
                Ok(acl) => node.acl = acl,
                Err(error) => self.add(&ACL_GRAMMAR, element.span, uri, error.to_string()),
            }
        }
        node.title = property("Title").map(|e| e.text().to_owned());
        node.time_stamp = property("TStamp").map(|e| e.trimmed().to_owned());
        node.version = property("VerNo").and_then(|e| e.trimmed().parse().ok());
        node
    }

    fn value(&mut self, element: &Element<'_>, node: &mut Node, uri: &Uri) {
        let Some(value) = element.child("Value") else { return };
        node.value_span = value.content_span;
        if let Some(child) = value.children.first() {
            let message = "elements in a value are dropped; XML in a value is written escaped";
            self.add(&VALUE_DOES_NOT_FIT, child.span, uri, message);
        }
        if node.format == Format::Null && value.is_empty() {
            return;
        }
        node.value = match &value.content {
            Content::Octets(octets) if node.format == Format::Bin => Some(Value::Octets(octets.to_vec())),
            Content::Octets(octets) => match std::str::from_utf8(octets) {
                Ok(text) => Some(text.into()),
                Err(_) => {
                    self.add(&VALUE_DOES_NOT_FIT, value.span, uri, "the value is not text in UTF-8");
                    None
                }
            },
            Content::Text(text) => Some(self.text_value(text, node, uri, value.span)),
        };
    }

    fn text_value(&mut self, text: &str, node: &Node, uri: &Uri, span: Span) -> Value {
        if node.format != Format::Bin {
            return text.into();
        }
        match from_base64(text) {
            Some(octets) => Value::Octets(octets),
            None => {
                self.add(&VALUE_DOES_NOT_FIT, span, uri, "a value of format `bin` is written in base64");
                text.into()
            }
        }
    }
}

/// A node in the JSON form.
#[derive(Debug, Serialize, Deserialize)]
struct Json<'t> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    schema: Option<Cow<'t, str>>,
    #[serde(borrow, default)]
    name: Cow<'t, str>,
    #[serde(borrow, default)]
    format: Option<Cow<'t, str>>,
    #[serde(borrow, default, rename = "type", skip_serializing_if = "Option::is_none")]
    type_name: Option<Cow<'t, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'t, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", skip_deserializing)]
    access: Option<Vec<&'static str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    acl: Option<Cow<'t, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'t, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tstamp: Option<Cow<'t, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verno: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
}

/// How a tree is written as JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonOptions<'d> {
    /// The descriptions that give each node its access types; none are written without.
    pub descriptions: &'d [&'d Description],
    /// Whether values that look secret are written as dots.
    pub mask: bool,
}

/// Returns a tree as `impskit.tree/1` JSON, with a line end.
pub fn to_json(tree: &Tree, options: &JsonOptions<'_>) -> String {
    let mut described = describe(tree, options.descriptions).into_iter();
    let mut next = |_: &Node| described.next().flatten().map(|d| d.access.words());
    let mut json = to_json_node(tree.root(), options.mask, &mut next);
    json.schema = Some(JSON_SCHEMA.into());
    // A tree of strings and numbers always has a JSON form.
    serde_json::to_string_pretty(&json).map(|text| text + "\n").unwrap_or_default()
}

fn to_json_node<'t>(
    node: &'t Node,
    mask: bool,
    access: &mut impl FnMut(&Node) -> Option<Vec<&'static str>>,
) -> Json<'t> {
    let value = node.value.as_ref().map(|value| match value {
        _ if mask && is_secret(node.name()) => Cow::Borrowed(super::MASK),
        Value::Text(text) => text.into(),
        Value::Octets(octets) => to_base64(octets).into(),
    });
    Json {
        schema: None,
        name: node.name().into(),
        format: Some(node.format.as_str().into()),
        type_name: (!node.type_name.is_empty()).then_some(Cow::Borrowed(node.type_name.as_str())),
        value,
        access: access(node),
        acl: node.acl.as_ref().map(|acl| acl.to_string().into()),
        title: node.title.as_deref().map(Cow::Borrowed),
        tstamp: node.time_stamp.as_deref().map(Cow::Borrowed),
        verno: node.version,
        children: node.children().map(|child| to_json_node(child, mask, access)).collect(),
    }
}

fn read_json(bytes: &[u8], report: &mut Report) -> Option<Tree> {
    let mut reader = Reader { tree: Tree::new(), nodes: 0, target: None, report };
    let refuse = |reader: &mut Reader<'_>, message: String| {
        reader.add(&NOT_A_TREE, Span::new(0, bytes.len().min(1)), &Uri::root(), message);
        None
    };
    if bytes.len() > LIMITS.bytes {
        return refuse(&mut reader, format!("the tree has more than {} octets", LIMITS.bytes));
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let json: Json<'_> = match serde_json::from_slice(text) {
        Ok(json) => json,
        Err(error) => return refuse(&mut reader, format!("not a tree in JSON: {error}")),
    };
    if json.schema.as_deref().is_some_and(|schema| schema != JSON_SCHEMA) {
        let schema = json.schema.unwrap_or_default();
        return refuse(&mut reader, format!("the schema is `{schema}`, not `{JSON_SCHEMA}`"));
    }
    let node = if matches!(json.name.as_ref(), "" | ".") {
        reader.json_node(json, &Uri::root())?
    } else {
        let mut root = Node::interior(".");
        let child = reader.json_node(json, &Uri::root())?;
        root.add(child).ok()?;
        root
    };
    *reader.tree.root_mut() = node;
    Some(reader.tree)
}

impl Reader<'_> {
    fn json_node(&mut self, json: Json<'_>, parent: &Uri) -> Option<Node> {
        self.nodes += 1;
        let is_root = matches!(json.name.as_ref(), "" | ".") && parent.is_root();
        let name = if is_root { "." } else { json.name.as_ref() };
        let fault = match () {
            () if self.nodes > Tree::MOST_NODES => Some(TreeFault::TooMany),
            () if parent.depth() >= Uri::MOST_SEGMENTS => Some(TreeFault::TooDeep),
            () if !is_root && !is_name(name) => Some(TreeFault::Name(name.to_owned())),
            () => None,
        };
        if let Some(fault) = fault {
            self.fault(&fault, Span::default(), parent);
            return None;
        }
        let uri = if is_root { parent.clone() } else { parent.join(name) };
        let mut node = self.json_properties(&json, name, &uri);
        if let Some(text) = json.value.as_ref().filter(|_| !node.is_interior()) {
            node.value = Some(self.text_value(text, &node, &uri, Span::default()));
        }
        for child in json.children {
            let Some(child) = self.json_node(child, &uri) else { continue };
            if let Err(fault) = node.add(child) {
                self.fault(&fault, Span::default(), &uri);
            }
        }
        Some(node)
    }

    fn json_properties(&mut self, json: &Json<'_>, name: &str, uri: &Uri) -> Node {
        let usual = if json.children.is_empty() && name != "." { Format::Chr } else { Format::Node };
        let stated = json.format.as_deref().map(|word| Format::read(word).ok_or(word));
        let format = stated.unwrap_or(Ok(usual)).unwrap_or_else(|word| {
            self.add(&FORMAT_DIFFERS, Span::default(), uri, format!("`{word}` is not a format"));
            usual
        });
        let mut node = match format {
            Format::Node => Node::interior(name),
            format => Node::leaf(name, format, None),
        };
        node.is_assumed = json.format.is_none();
        if let Some(type_name) = &json.type_name {
            type_name.as_ref().clone_into(&mut node.type_name);
        }
        match Acl::read(json.acl.as_deref().unwrap_or_default()) {
            Ok(acl) => node.acl = acl,
            Err(error) => self.add(&ACL_GRAMMAR, Span::default(), uri, error.to_string()),
        }
        node.title = json.title.as_deref().map(str::to_owned);
        node.time_stamp = json.tstamp.as_deref().map(str::to_owned);
        node.version = json.verno;
        node
    }
}
