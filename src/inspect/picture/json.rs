//! Descriptions for programs: `impskit.description/1`, nested as the document is.

use serde::Serialize;

use super::{Drawn, Extension, Graph};
use crate::diagnose::Basis;

/// Returns the description as `impskit.description/1` JSON, with a line end.
pub fn description(graph: &Graph) -> String {
    let fact = |what: &str| graph.facts.iter().find(|(known, _)| *known == what).map(|(_, text)| text.as_str());
    let json = Json {
        schema: "impskit.description/1",
        title: graph.full_title(),
        version: fact("DDF"),
        manufacturer: fact("manufacturer"),
        model: fact("model"),
        is_reconstruction: graph.is_reference,
        nodes: graph.roots().map(|root| branch(graph, root)).collect(),
    };
    // Strings and numbers always have a JSON form.
    serde_json::to_string_pretty(&json).map(|text| text + "\n").unwrap_or_default()
}

#[derive(Serialize)]
struct Json<'g> {
    schema: &'static str,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'g str>,
    is_reconstruction: bool,
    nodes: Vec<Branch<'g>>,
}

/// A node. `path` stands at the nodes without a parent, `hidden` where `--depth` cuts.
#[derive(Serialize)]
struct Branch<'g> {
    name: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'g str>,
    format: &'static str,
    access: Vec<&'static str>,
    occurs: Occurs,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    moi: Option<&'g str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    types: &'g [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<Basis>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    extensions: &'g [Extension],
    #[serde(skip_serializing_if = "is_zero")]
    hidden: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    children: Vec<Self>,
}

/// How many nodes there may be; `most` is absent for any number.
#[derive(Default, Serialize)]
struct Occurs {
    least: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    most: Option<usize>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn branch(graph: &Graph, node: usize) -> Branch<'_> {
    let drawn: &Drawn = &graph.nodes[node];
    let said = drawn.described.as_ref();
    let occurs =
        said.map(|said| Occurs { least: usize::from(said.occurrence.is_required()), most: said.occurrence.most() });
    Branch {
        name: Some(drawn.name.as_str()).filter(|_| drawn.is_named),
        path: drawn.place.as_deref(),
        format: drawn.format.as_str(),
        access: said.map(|said| said.access.words()).unwrap_or_default(),
        occurs: occurs.unwrap_or_default(),
        scope: said.map_or("dynamic", |said| said.scope()),
        moi: drawn.moi.as_deref(),
        types: &drawn.types,
        default: drawn.value.as_deref(),
        title: drawn.title.as_deref(),
        text: drawn.text(),
        basis: drawn.basis(),
        extensions: &drawn.extensions,
        hidden: drawn.below,
        children: graph.children(node).map(|child| branch(graph, child)).collect(),
    }
}
