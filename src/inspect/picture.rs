//! Documents for people: settings as a table, trees and descriptions with branches, messages in words.
//!
//! A [`Picture`] is lines of a depth with cells; it is drawn as text or written as JSON. Trees have a JSON form of their
//! own, [`serialise::to_json`](crate::dm::serialise::to_json).

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::codec::Document;
use crate::csp::{self, Code, Message, Primitive, Session, Version};
use crate::diagnose::text::printable;
use crate::dm::{self, Described, Description, Node, Tree, Uri, Value, is_secret};
use crate::document::{Content, Element, is_declaration};

/// What of a document is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'v> {
    /// Of a tree or a description: the node at which to start.
    pub path: Option<&'v Uri>,
    /// Levels below the start; all where absent.
    pub depth: Option<usize>,
    /// Whether values that look secret are shown.
    pub show_secrets: bool,
}

/// A document as lines of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What the document is, in one sentence.
    pub title: String,
    /// The headings of the cells.
    columns: &'static [&'static str],
    /// Whether lines hang on branches or are only indented.
    has_branches: bool,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    depth: usize,
    cells: Vec<String>,
}

impl Picture {
    fn new(title: impl Into<String>, columns: &'static [&'static str], has_branches: bool) -> Self {
        Self { title: title.into(), columns, has_branches, lines: Vec::new() }
    }

    fn add<const N: usize>(&mut self, depth: usize, cells: [String; N]) {
        self.lines.push(Line { depth, cells: cells.into() });
    }

    /// Draws the picture as text; cells of a column stand below each other.
    pub fn to_text(&self) -> String {
        let stems = self.stems();
        let mut rows: Vec<Vec<Cow<'_, str>>> = vec![self.columns.iter().map(|&c| Cow::Borrowed(c)).collect()];
        for (line, stem) in self.lines.iter().zip(&stems) {
            let mut cells: Vec<_> = line.cells.iter().map(|cell| cut(printable(cell))).collect();
            cells[0] = Cow::Owned(format!("{stem}{}", cells[0]));
            rows.push(cells);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = format!("{}\n\n", printable(&self.title));
        for (number, row) in rows.iter().enumerate() {
            // Blocks of a table stand apart; the first row is the heading.
            let is_block = !self.has_branches && number > 1 && self.lines[number - 1].depth == 0;
            text.push_str(if is_block { "\n" } else { "" });
            let mut drawn = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(drawn, "{cell:width$}  ");
            }
            text.push_str(drawn.trim_end());
            text.push('\n');
        }
        text
    }

    /// Returns the picture as `impskit.show/1` JSON, with a line end.
    pub fn to_json(&self, kind: &str) -> String {
        let keys: Vec<String> = self.columns.iter().map(|column| column.to_lowercase()).collect();
        let lines = self.lines.iter().map(|line| JsonLine { line, keys: &keys }).collect();
        let json = JsonPicture { schema: "impskit.show/1", kind, title: &self.title, lines };
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(&json).map(|text| text + "\n").unwrap_or_default()
    }

    /// Returns what stands before the name of each line: branches, or blanks.
    fn stems(&self) -> Vec<String> {
        if !self.has_branches {
            return self.lines.iter().map(|line| "  ".repeat(line.depth)).collect();
        }
        // Walking upwards, `goes_on[d]` says whether another line of depth `d` follows on the same branch.
        let mut goes_on: Vec<bool> = Vec::new();
        let mut stems: Vec<String> = Vec::new();
        for line in self.lines.iter().rev() {
            goes_on.resize(line.depth + 1, false);
            let mut stem = String::new();
            for &more in goes_on.iter().take(line.depth).skip(1) {
                stem.push_str(if more { "│  " } else { "   " });
            }
            if line.depth > 0 {
                stem.push_str(if goes_on[line.depth] { "├─ " } else { "└─ " });
            }
            goes_on[line.depth] = true;
            stems.push(stem);
        }
        stems.reverse();
        stems
    }
}

#[derive(serde::Serialize)]
struct JsonPicture<'p> {
    schema: &'static str,
    kind: &'p str,
    title: &'p str,
    lines: Vec<JsonLine<'p>>,
}

/// A line as a JSON object: the depth, then each cell under the heading of its column.
struct JsonLine<'p> {
    line: &'p Line,
    keys: &'p [String],
}

impl Serialize for JsonLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.keys.len()))?;
        map.serialize_entry("depth", &self.line.depth)?;
        for (key, cell) in self.keys.iter().zip(&self.line.cells) {
            map.serialize_entry(key, cell)?;
        }
        map.end()
    }
}

/// Characters of a cell at the most when it is drawn; JSON has them all.
const WIDEST: usize = 100;

fn cut(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell.char_indices().nth(WIDEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &cell[..end])),
        None => cell,
    }
}

fn shown(value: &str, is_secret: bool, view: &View<'_>) -> String {
    if is_secret && !view.show_secrets && !value.is_empty() { dm::MASK.to_owned() } else { value.to_owned() }
}

/// Shows a device tree, with what the descriptions say of its nodes. `None` where the view starts at no node.
pub fn tree(tree: &Tree, descriptions: &[&Description], view: &View<'_>) -> Option<Picture> {
    let root = Uri::root();
    let start = view.path.unwrap_or(&root);
    let node = tree.get(start)?;
    let title = format!("device tree, {}", count(node.count() - usize::from(start.is_root()), "node"));
    let mut picture = Picture::new(title, &["NODE", "FORMAT", "ACCESS", "OCCURS", "VALUE"], true);
    let mut described = dm::describe(tree, descriptions).into_iter();
    tree.walk(&mut |uri, node| {
        let described = described.next().flatten();
        let Some(below) = uri.within(start) else { return };
        let depth = below.depth();
        if view.depth.is_some_and(|most| depth > most) {
            return;
        }
        let name = if depth == 0 { uri.to_string() } else { node.name().to_owned() };
        let access = described.map(|d| d.access.to_string()).unwrap_or_default();
        let occurs = described.map(|d| d.occurrence.to_string()).unwrap_or_default();
        picture.add(depth, [name, node.format.to_string(), access, occurs, node_in_words(node, depth, view)]);
    });
    if descriptions.iter().any(|d| d.is_reference()) && picture.lines.iter().any(|line| !line.cells[2].is_empty()) {
        picture.title.push_str("; access and occurrence are those of the impskit reference, a reconstruction");
    }
    Some(picture)
}

/// Returns value, Type and properties of a node.
fn node_in_words(node: &Node, depth: usize, view: &View<'_>) -> String {
    let mut words = Vec::new();
    match &node.value {
        Some(Value::Text(text)) => words.push(shown(text, is_secret(node.name()), view)),
        Some(Value::Octets(octets)) if is_secret(node.name()) && !view.show_secrets => {
            words.push(format!("{} ({})", dm::MASK, count(octets.len(), "octet")));
        }
        Some(value @ Value::Octets(_)) => words.push(value.to_text()),
        None if !node.is_interior() => words.push("(no value)".to_owned()),
        None => {}
    }
    if !matches!(node.type_name.as_str(), "" | "text/plain") {
        words.push(if node.is_interior() { node.type_name.clone() } else { format!("({})", node.type_name) });
    }
    if let Some(title) = &node.title {
        words.push(format!("title \"{title}\""));
    }
    if let Some(acl) = &node.acl {
        words.push(format!("ACL {acl}"));
    }
    let hidden = if view.depth == Some(depth) { node.children().count() } else { 0 };
    if hidden > 0 {
        words.insert(0, format!("… {} below", count(hidden, "node")));
    }
    words.join("  ")
}

/// Shows a device description. `None` where the view starts at no node.
pub fn description(description: &Description, view: &View<'_>) -> Option<Picture> {
    let mut nodes = 0;
    description.walk(&mut |_, _| nodes += 1);
    let mut title = format!("device description, {}", count(nodes, "node"));
    if let Some(version) = &description.version {
        let _ = write!(title, ", DDF {version}");
    }
    for maker in [&description.manufacturer, &description.model].into_iter().flatten() {
        let _ = write!(title, ", {maker}");
    }
    if description.is_reference() {
        title.push_str("; an impskit reference: a reconstruction, not the text of the standard");
    }
    let mut picture = Picture::new(title, &["NODE", "FORMAT", "ACCESS", "OCCURS", "SCOPE", "MEANING"], true);
    match view.path {
        Some(path) => describe_node(find(description, path)?, 0, view, &mut picture),
        None => description.nodes.iter().for_each(|node| describe_node(node, 0, view, &mut picture)),
    }
    Some(picture)
}

/// Returns the node that a path leads to: its place on the device, or its place below an unnamed root.
fn find<'d>(description: &'d Description, path: &Uri) -> Option<&'d Described> {
    let of_unnamed = || {
        let mut tops = description.nodes.iter().filter(|top| top.name.is_none() && top.path.is_none());
        tops.find_map(|top| path.segments().try_fold(top, |node, name| node.child(name)))
    };
    description.find(path).or_else(of_unnamed)
}

fn describe_node(node: &Described, depth: usize, view: &View<'_>, picture: &mut Picture) {
    let name = match &node.path {
        Some(path) if depth == 0 => format!("{path}/{}", node.display_name()),
        _ => node.display_name().to_owned(),
    };
    let scope = if node.is_permanent { "permanent" } else { "dynamic" };
    let mut words: Vec<String> = node.moi.iter().cloned().collect();
    words.extend(
        node.default.as_ref().map(|text| format!("default {}", shown(text, is_secret(node.display_name()), view))),
    );
    words.extend(node.types.iter().filter(|t| *t != "text/plain").map(|t| format!("({t})")));
    words.extend(node.basis.map(|basis| format!("[{}]", basis.as_str())));
    words.extend(node.text.as_deref().map(str::to_owned));
    let goes_deeper = view.depth.is_none_or(|most| depth < most);
    if !goes_deeper && !node.children.is_empty() {
        words.insert(0, format!("… {} below", count(node.children.len(), "node")));
    }
    picture.add(
        depth,
        [
            name,
            node.format.to_string(),
            node.access.to_string(),
            node.occurrence.to_string(),
            scope.to_owned(),
            words.join("  "),
        ],
    );
    for child in node.children.iter().filter(|_| goes_deeper) {
        describe_node(child, depth + 1, view, picture);
    }
}

/// Shows any other document: settings as a table, messages in words, the rest as an outline.
pub fn document(document: &Document<'_>, view: &View<'_>) -> Picture {
    let root = &document.root;
    let name = document.vocabulary.map_or("document of an unknown kind", |v| v.name);
    if document.vocabulary.is_some_and(|v| v.id == "cp") {
        let columns = &["WHAT", "VALUE", "PARAMETER"];
        let mut picture = Picture::new(format!("{name}: what the handset will be told"), columns, false);
        root.children.iter().for_each(|child| settings(child, 0, view, &mut picture));
        return picture;
    }
    let version = Version::ALL.into_iter().find(|version| Some(version.vocabulary()) == document.vocabulary);
    if let Some(message) = version.and_then(|version| Message::read(root, version).ok()) {
        return transactions(&message, view);
    }
    let mut picture = Picture::new(name, &["ELEMENT", "CONTENT", "MEANING"], false);
    outline(root, 0, version, view, &mut picture);
    picture
}

/// Shows a CSP message: each transaction with who sends it and what it holds.
fn transactions(message: &Message, view: &View<'_>) -> Picture {
    let mut title = format!("CSP {} message", message.version.as_str());
    match &message.session {
        Session::Outband => title.push_str(" outside any session"),
        Session::Inband(id) => {
            let _ = write!(title, " in session {id}");
        }
    }
    if message.poll == Some(true) {
        title.push_str("; more waits at the server");
    }
    let mut picture = Picture::new(title, &["TRANSACTION", "CONTENT", "MEANING"], false);
    for transaction in &message.transactions {
        let id = transaction.id.as_ref().map(|id| format!("transaction {id}")).unwrap_or_default();
        let primitive = &transaction.primitive;
        let meaning = meaning(primitive, message.version).unwrap_or_default();
        picture.add(0, [primitive.name.to_string(), id, meaning]);
        if view.depth.is_none_or(|most| most > 0) {
            primitive.children.iter().for_each(|child| outline(child, 1, Some(message.version), view, &mut picture));
        }
    }
    picture
}

/// Words for characteristics and parameters of provisioning documents, as (name, words).
const SETTINGS: &[(&str, &str)] = &[
    ("APPLICATION", "application"),
    ("APPADDR", "server"),
    ("APPAUTH", "credentials for the server"),
    ("RESOURCE", "resource"),
    ("NAPDEF", "access point"),
    ("NAPAUTHINFO", "credentials for the network"),
    ("PXLOGICAL", "proxy"),
    ("PXPHYSICAL", "address of the proxy"),
    ("PXAUTHINFO", "credentials for the proxy"),
    ("PORT", "port"),
    ("VALIDITY", "where it is valid"),
    ("BOOTSTRAP", "origin of the settings"),
    ("CLIENTIDENTITY", "identity of the client"),
    ("VENDORCONFIG", "settings of the vendor"),
    ("ACCESS", "rules of access"),
    ("APPID", "application"),
    ("PROVIDER-ID", "provider"),
    ("NAME", "name"),
    ("AACCEPT", "content types accepted"),
    ("APROTOCOL", "transport"),
    ("TO-NAPID", "through access point"),
    ("TO-PROXY", "through proxy"),
    ("ADDR", "address"),
    ("ADDRTYPE", "kind of address"),
    ("PORTNBR", "number"),
    ("SERVICE", "service"),
    ("SERVICES", "services"),
    ("CIDPREFIX", "start of the client id"),
    ("AAUTHLEVEL", "who shows them"),
    ("AAUTHTYPE", "method"),
    ("AAUTHNAME", "user"),
    ("AAUTHSECRET", "password"),
    ("AAUTHDATA", "further data"),
    ("NAPID", "identifier"),
    ("BEARER", "bearer"),
    ("NAP-ADDRESS", "access point name"),
    ("NAP-ADDRTYPE", "kind of address"),
    ("DNS-ADDR", "name server"),
    ("INTERNET", "gives access to the internet"),
    ("AUTHTYPE", "method"),
    ("AUTHNAME", "user"),
    ("AUTHSECRET", "password"),
    ("PROXY-ID", "identifier"),
    ("PROXY-PW", "password"),
    ("PHYSICAL-PROXY-ID", "identifier"),
    ("PXADDR", "address"),
    ("PXADDRTYPE", "kind of address"),
    ("PXAUTH-TYPE", "method"),
    ("PXAUTH-ID", "user"),
    ("PXAUTH-PW", "password"),
    ("STARTPAGE", "start page"),
    ("DOMAIN", "domain"),
    ("URI", "address"),
];

fn in_words(name: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, words)| *words)
}

fn settings(element: &Element<'_>, depth: usize, view: &View<'_>, picture: &mut Picture) {
    if element.name == "parm" {
        let name = element.attribute("name").unwrap_or_default();
        let value = element.attribute("value").map_or_else(|| "yes".to_owned(), |v| shown(v, is_secret(name), view));
        let words = in_words(name).unwrap_or(name).to_owned();
        return picture.add(depth, [words, value, name.to_owned()]);
    }
    let kind = element.attribute("type").unwrap_or(&element.name);
    let parm = |name: &str| {
        let mut parms = element.children_named("parm");
        parms.find(|p| p.attribute("name") == Some(name)).and_then(|p| p.attribute("value"))
    };
    let words = match (kind, parm("APPID")) {
        ("APPLICATION", Some("wA")) => "IMPS account".to_owned(),
        ("APPLICATION", Some("w7")) => "device management account".to_owned(),
        _ => in_words(kind).unwrap_or(kind).to_owned(),
    };
    picture.add(depth, [words, String::new(), kind.to_owned()]);
    if view.depth.is_none_or(|most| depth < most) {
        element.children.iter().for_each(|child| settings(child, depth + 1, view, picture));
    }
}

fn outline(element: &Element<'_>, depth: usize, version: Option<Version>, view: &View<'_>, picture: &mut Picture) {
    let mut words: Vec<String> = element
        .attributes
        .iter()
        .filter(|a| !is_declaration(&a.name))
        .map(|a| {
            let hides = is_secret(&a.name) || element.attribute("NAME").is_some_and(is_secret) && a.name == "VALUE";
            format!("{}=\"{}\"", a.name, shown(&a.value, hides, view))
        })
        .collect();
    match &element.content {
        Content::Text(text) if !text.trim_ascii().is_empty() => {
            words.push(shown(text.trim_ascii(), is_secret(&element.name), view));
        }
        Content::Octets(octets) if !octets.is_empty() => words.push(count(octets.len(), "octet")),
        _ => {}
    }
    let meaning = version.and_then(|version| meaning(element, version)).unwrap_or_default();
    picture.add(depth, [element.name.to_string(), words.join(" "), meaning]);
    if view.depth.is_none_or(|most| depth < most) {
        element.children.iter().for_each(|child| outline(child, depth + 1, version, view, picture));
    }
}

/// Returns what an element of a CSP message says beyond its name: who sends a primitive, what a status means.
fn meaning(element: &Element<'_>, version: Version) -> Option<String> {
    if element.name == "Code" {
        return element.trimmed().parse().ok().map(|code| Code(code).name().to_owned());
    }
    let primitive = Primitive::find(version, &element.name)?;
    let sender = match (primitive.is_from_client(), primitive.is_from_server()) {
        (true, true) => "client or server",
        (true, false) => "client",
        _ => "server",
    };
    let is_request = primitive.kind == csp::Kind::Request;
    let answer = if is_request { format!(", answered by {}", primitive.answer()) } else { String::new() };
    Some(format!("{} from the {sender}{answer}", if is_request { "request" } else { "answer" }))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
