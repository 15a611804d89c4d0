//! Code skeletons: what firmware needs of a description, as tables and constants.
//!
//! ```text
//! Graph ── Table (identifiers, addresses, access, values) ── c, rust, json
//! ```

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::{Drawn, Graph};
use crate::dm::{Command, Format};

/// Characters of an identifier at the most, its number not counted.
const MOST_IDENTIFIER: usize = 120;

/// What skeletons say of a description.
#[derive(Debug, Serialize)]
struct Table<'g> {
    schema: &'static str,
    title: String,
    nodes: Vec<Row<'g>>,
    values: Vec<Values<'g>>,
}

/// One node.
#[derive(Debug, Serialize)]
struct Row<'g> {
    identifier: String,
    path: String,
    name: &'g str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<usize>,
    format: &'static str,
    #[serde(skip)]
    kind: Format,
    access: Vec<&'static str>,
    least: u32,
    /// How many there may be; `None` for any number.
    most: Option<usize>,
    permanent: bool,
    #[serde(rename = "type")]
    type_name: &'g str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'g str>,
}

/// The values that a node may have.
#[derive(Debug, Serialize)]
struct Values<'g> {
    node: usize,
    values: Vec<NamedValue<'g>>,
}

#[derive(Debug, Serialize)]
struct NamedValue<'g> {
    identifier: String,
    value: &'g str,
    #[serde(skip_serializing_if = "str::is_empty")]
    meaning: &'g str,
}

impl<'g> Table<'g> {
    fn new(graph: &'g Graph) -> Self {
        let (mut taken, mut taken_values) = (Identifiers::default(), Identifiers::default());
        let mut nodes: Vec<Row<'g>> = Vec::with_capacity(graph.nodes.len());
        let mut values = Vec::new();
        for (i, node) in graph.nodes.iter().enumerate() {
            let above = node.parent.map_or(node.place.as_deref(), |parent| Some(nodes[parent].path.as_str()));
            let path = above.map_or_else(|| node.name.clone(), |above| format!("{above}/{}", node.name));
            let row = Row::new(node, path, &mut taken);
            let listed: Vec<_> = node.extensions.iter().flat_map(|extension| &extension.allowed).collect();
            if listed.len() > 1 {
                let named = listed.iter().map(|allowed| {
                    let word = if allowed.meaning.is_empty() { &allowed.value } else { &allowed.meaning };
                    let identifier = taken_values.take(&format!("{}_{}", row.identifier, words(word)));
                    NamedValue { identifier, value: &allowed.value, meaning: &allowed.meaning }
                });
                values.push(Values { node: i, values: named.collect() });
            }
            nodes.push(row);
        }
        Self { schema: "impskit.skeleton/1", title: graph.full_title(), nodes, values }
    }
}

impl<'g> Row<'g> {
    fn new(node: &'g Drawn, path: String, taken: &mut Identifiers) -> Self {
        let said = node.described.as_ref();
        let occurrence = said.map(|said| said.occurrence);
        Self {
            identifier: taken.take(path.trim_start_matches("./")),
            name: if node.is_named { &node.name } else { "" },
            parent: node.parent,
            format: node.format.as_str(),
            kind: node.format,
            access: said.map(|said| said.access.words()).unwrap_or_default(),
            least: occurrence.is_none_or(|occurrence| occurrence.is_required()).into(),
            most: occurrence.map_or(Some(1), |occurrence| occurrence.most()),
            permanent: said.is_some_and(|said| said.is_permanent),
            type_name: node.moi.as_deref().or(node.types.first().map(String::as_str)).unwrap_or_default(),
            default: node.value.as_deref(),
            path,
        }
    }
}

/// Identifiers, each given out once.
#[derive(Default)]
struct Identifiers(HashMap<String, u32>);

impl Identifiers {
    /// Returns `text` in capitals, with `_` for what stands in no identifier, and a number where it was taken.
    fn take(&mut self, text: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let mut name: String = text.chars().map(|c| if is_plain(c) { c.to_ascii_uppercase() } else { '_' }).collect();
        while name.contains("__") {
            name = name.replace("__", "_");
        }
        let name: String = name.trim_matches('_').chars().take(MOST_IDENTIFIER).collect();
        let name = if name.is_empty() { "ROOT".to_owned() } else { name };
        let count = self.0.entry(name.clone()).or_default();
        *count += 1;
        match *count {
            1 => name,
            // Names that end in a number of their own do not meet these: one underscore never stands beside another.
            count => format!("{name}__{count}"),
        }
    }
}

/// Returns the first words of a text.
fn words(text: &str) -> String {
    const MOST_WORDS: usize = 6;
    text.split_whitespace().take(MOST_WORDS).collect::<Vec<_>>().join("_")
}

/// Returns the skeleton as `impskit.skeleton/1` JSON, with a line end.
pub fn skeleton_json(graph: &Graph) -> String {
    // Strings and numbers always have a JSON form.
    serde_json::to_string_pretty(&Table::new(graph)).map(|text| text + "\n").unwrap_or_default()
}

/// Returns the skeleton as a header in C99.
pub fn skeleton_c(graph: &Graph) -> String {
    let table = Table::new(graph);
    let mut out = format!("/* {}. Made by impskit skeleton: not to be edited. */\n", comment(&table.title));
    out.push_str("#ifndef DM_SKELETON_H\n#define DM_SKELETON_H\n\n#include <stdint.h>\n\n");
    let formats = Format::ALL.map(|format| format!("DM_FORMAT_{}", format.as_str().to_uppercase()));
    let _ = writeln!(out, "enum dm_format {{\n    {}\n}};\n", formats.join(",\n    "));
    out.push_str("/* Commands that a node takes, to be joined by | */\n");
    for command in Command::ALL {
        let _ = writeln!(out, "#define DM_ACCESS_{} 0x{:02X}u", command.as_str().to_uppercase(), 1 << command as u8);
    }
    out.push_str("\n/* Any number of nodes. */\n#define DM_UNBOUNDED UINT32_MAX\n");
    out.push_str("\n/* Addresses; <X> stands for a name that is given when the node is made. */\n");
    for row in &table.nodes {
        let _ = writeln!(out, "#define DM_PATH_{} {}", row.identifier, c_text(&row.path));
    }
    out.push_str("\n/* Places of the nodes in dm_nodes. */\nenum dm_place {\n");
    for row in &table.nodes {
        let _ = writeln!(out, "    DM_NODE_{},", row.identifier);
    }
    out.push_str("    DM_NODES\n};\n");
    c_values(&mut out, &table);
    out.push_str(C_STRUCT);
    for row in &table.nodes {
        let access: Vec<_> = row.access.iter().map(|word| format!("DM_ACCESS_{}", word.to_uppercase())).collect();
        let access = if access.is_empty() { "0".to_owned() } else { access.join(" | ") };
        let parent = row.parent.map_or("-1".to_owned(), |parent| format!("DM_NODE_{}", table.nodes[parent].identifier));
        let most = row.most.map_or("DM_UNBOUNDED".to_owned(), |most| most.to_string());
        let format = format!("DM_FORMAT_{}", row.format.to_uppercase());
        let default = row.default.map_or("0".to_owned(), c_text);
        let (path, name, type_name) = (&row.identifier, c_text(row.name), c_text(row.type_name));
        let (least, permanent) = (row.least, u8::from(row.permanent));
        let _ = writeln!(
            out,
            "    {{ DM_PATH_{path}, {name}, {parent}, {format}, {access}, {permanent}, {least}, {most},\n      {type_name}, \
             {default} }},"
        );
    }
    out.push_str("};\n\n#endif\n");
    out
}

const C_STRUCT: &str = "
struct dm_node {
    const char *path;
    const char *name;           /* empty where it is given when the node is made */
    int32_t parent;             /* place in dm_nodes, -1 for none */
    enum dm_format format;
    uint8_t access;
    uint8_t is_permanent;
    uint32_t least;
    uint32_t most;
    const char *type;           /* media type of a leaf, identifier of a management object */
    const char *default_value;  /* null for none */
};

static const struct dm_node dm_nodes[DM_NODES] = {
";

fn c_values(out: &mut String, table: &Table<'_>) {
    for Values { node, values } in &table.values {
        let row = &table.nodes[*node];
        let _ = writeln!(out, "\n/* Values of {} */", comment(&row.path));
        for value in values {
            let text = match row.kind {
                Format::Int if value.value.parse::<i32>().is_ok() => format!("({})", value.value),
                _ => c_text(value.value),
            };
            let meaning =
                if value.meaning.is_empty() { String::new() } else { format!(" /* {} */", comment(value.meaning)) };
            let _ = writeln!(out, "#define DM_VALUE_{} {text}{meaning}", value.identifier);
        }
    }
}

/// Returns a text as a literal of C: what is not ASCII as its octets.
fn c_text(text: &str) -> String {
    let mut out = String::from("\"");
    for octet in text.bytes() {
        match octet {
            // `??` begins a trigraph.
            b'"' | b'\\' | b'?' => out.extend(['\\', char::from(octet)]),
            0x20..=0x7E => out.push(char::from(octet)),
            _ => {
                let _ = write!(out, "\\{octet:03o}");
            }
        }
    }
    out + "\""
}

/// Returns a text for a comment, in one line.
fn comment(text: &str) -> String {
    let line = crate::diagnose::text::printable(text);
    let line: String = line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
    line.replace("*/", "* /").replace("/*", "/ *").replace('\\', "/")
}

/// Returns the skeleton as a module of Rust.
pub fn skeleton_rust(graph: &Graph) -> String {
    let table = Table::new(graph);
    let mut out = format!("// {}. Made by impskit skeleton: not to be edited.\n", comment(&table.title));
    rust_types(&mut out);
    out.push_str("/// Addresses; `<X>` stands for a name that is given when the node is made.\npub mod path {\n");
    for row in &table.nodes {
        let _ = writeln!(out, "    pub const {}: &str = {:?};", rust_name(&row.identifier), row.path);
    }
    out.push_str("}\n\n/// Places of the nodes in [`NODES`].\npub mod place {\n");
    for (place, row) in table.nodes.iter().enumerate() {
        let _ = writeln!(out, "    pub const {}: usize = {place};", rust_name(&row.identifier));
    }
    out.push_str("}\n\n/// Values that vendors allow.\npub mod value {\n");
    for Values { node, values } in &table.values {
        let row = &table.nodes[*node];
        for value in values {
            let _ = match row.kind {
                Format::Int if value.value.parse::<i32>().is_ok() => {
                    writeln!(out, "    pub const {}: i32 = {};", rust_name(&value.identifier), value.value)
                }
                _ => writeln!(out, "    pub const {}: &str = {:?};", rust_name(&value.identifier), value.value),
            };
        }
    }
    let _ = writeln!(out, "}}\n\n/// The nodes, parents first.\npub static NODES: [Node; {}] = [", table.nodes.len());
    for row in &table.nodes {
        let access: Vec<_> = row.access.iter().map(|word| format!("access::{}", word.to_uppercase())).collect();
        let access = if access.is_empty() { "0".to_owned() } else { access.join(" | ") };
        let _ = writeln!(
            out,
            "    Node {{\n        path: path::{}, name: {:?}, parent: {:?}, format: Format::{:?}, access: {access},\n        \
             is_permanent: {}, least: {}, most: {:?}, type_name: {:?}, default: {:?},\n    }},",
            rust_name(&row.identifier),
            row.name,
            row.parent,
            row.kind,
            row.permanent,
            row.least,
            row.most,
            row.type_name,
            row.default
        );
    }
    out.push_str("];\n");
    out
}

/// Returns an identifier that does not begin with a digit.
fn rust_name(identifier: &str) -> String {
    let starts_with_digit = identifier.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit { format!("_{identifier}") } else { identifier.to_owned() }
}

/// Adds the types of the table of nodes.
fn rust_types(out: &mut String) {
    out.push_str("\n/// The format of a node.\n#[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub enum Format {\n");
    for format in Format::ALL {
        let _ = writeln!(out, "    {format:?},");
    }
    out.push_str("}\n\n/// Commands that a node takes, to be joined by `|`.\npub mod access {\n");
    for command in Command::ALL {
        let _ = writeln!(out, "    pub const {}: u8 = 0x{:02X};", command.as_str().to_uppercase(), 1 << command as u8);
    }
    let _ = write!(out, "}}\n{RUST_NODE}");
}

const RUST_NODE: &str = "
/// A node of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    pub path: &'static str,
    /// Empty where it is given when the node is made.
    pub name: &'static str,
    /// Its place in [`NODES`].
    pub parent: Option<usize>,
    pub format: Format,
    pub access: u8,
    pub is_permanent: bool,
    pub least: u32,
    /// `None` for any number.
    pub most: Option<usize>,
    /// The media type of a leaf, the identifier of a management object.
    pub type_name: &'static str,
    pub default: Option<&'static str>,
}

";
