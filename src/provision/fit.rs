//! Makes what we write of an object what a device describes: its names, its formats, its leaves; and says what the device
//! cannot hold.

use super::apply::Refused;
use crate::dm::{Described, Format, Node, Uri, Value, fits};

/// What became of a node.
#[derive(Debug, Default)]
pub(super) struct Fitted {
    /// Parts that the device does not have, each with the reason; they are gone.
    pub(super) refused: Vec<Refused>,
    /// Nodes that the device requires and to which nothing gives a value.
    pub(super) wanting: Vec<Uri>,
}

/// Makes `node` what `described` has. With `complete`, leaves that the device requires get their usual values.
pub(super) fn fit(node: &mut Node, uri: &Uri, described: &Described, complete: bool, fitted: &mut Fitted) {
    // Nothing is said of what is below: all is free.
    if described.children.is_empty() {
        return;
    }
    use_fixed_names(node, described);
    let names: Vec<String> = node.children().map(|child| child.name().to_owned()).collect();
    for (place, name) in names.iter().enumerate() {
        let uri = uri.join(name);
        let Some(child) = node.child_mut(name) else { continue };
        match refusal(child, place, described.child(name)) {
            Ok(below) => fit(child, &uri, below, complete, fitted),
            Err(why) => {
                node.remove(name);
                fitted.refused.push(Refused { uri, why });
            }
        }
    }
    if complete {
        add_required(node, uri, described, fitted);
    }
}

/// Gives numbered instances the names that the device has for them, in order.
fn use_fixed_names(node: &mut Node, described: &Described) {
    let is_number = |name: &str| name.bytes().all(|b| b.is_ascii_digit());
    let names: Vec<String> = node.children().map(|child| child.name().to_owned()).collect();
    if !names.iter().any(|name| is_number(name) && described.child(name).is_none()) {
        return;
    }
    let taken: Vec<Node> = names.iter().filter_map(|name| node.remove(name)).collect();
    for child in taken {
        let free = described.children.iter().filter(|d| d.is_interior()).filter_map(|d| d.name.as_deref());
        let name = free.into_iter().find(|name| node.child(name).is_none() && !names.iter().any(|n| n == name));
        let unnamed = is_number(child.name()) && described.child(child.name()).is_none();
        let child = match name.filter(|_| unnamed && child.is_interior()) {
            Some(name) => child.named(name),
            None => child,
        };
        // The name is free, or stood there before.
        let _ = node.add(child);
    }
}

/// Gives a child the format and type of its description; an error says why the device cannot hold it.
fn refusal<'d>(child: &mut Node, place: usize, described: Option<&'d Described>) -> Result<&'d Described, String> {
    let Some(below) = described else { return Err("the device does not have this node".to_owned()) };
    if below.is_interior() != child.is_interior() {
        return Err(format!("the device has a node of format {} here", below.format));
    }
    if below.name.is_none() && below.occurrence.most().is_some_and(|most| place >= most) {
        return Err(format!("the device takes {} of them", below.occurrence));
    }
    if below.is_interior() {
        return Ok(below);
    }
    if child.format != below.format {
        if let Some(value) = &child.value {
            let other = in_format(value, below.format);
            let why = || format!("the device holds a value of format {} here, and this one is none", below.format);
            child.value = Some(other.ok_or_else(why)?);
        }
        child.format = below.format;
    }
    if let Some(type_name) = below.types.first().filter(|_| !below.types.contains(&child.type_name)) {
        child.type_name.clone_from(type_name);
    }
    Ok(below)
}

/// Returns a value as a leaf of another format has it.
fn in_format(value: &Value, format: Format) -> Option<Value> {
    let other = match (value, format) {
        (Value::Text(text), Format::Bin) => return Some(Value::Octets(text.clone().into_bytes())),
        (Value::Text(text), Format::Bool) => Value::Text(text.to_ascii_lowercase()),
        (Value::Octets(octets), Format::Chr) => Value::Text(String::from_utf8(octets.clone()).ok()?),
        (Value::Octets(_), _) => Value::Text(value.to_text()),
        (text, _) => text.clone(),
    };
    fits(format, &other).then_some(other)
}

/// Adds the leaves that the device requires and that have a usual value; the others are wanting.
fn add_required(node: &mut Node, uri: &Uri, described: &Described, fitted: &mut Fitted) {
    for below in described.children.iter().filter(|below| below.occurrence.is_required()) {
        let Some(name) = below.name.as_deref().filter(|name| node.child(name).is_none()) else { continue };
        match below.default.as_deref().filter(|_| !below.is_interior()) {
            Some(value) => {
                let mut leaf = Node::leaf(name, below.format, Some(value.into()));
                leaf.type_name = below.types.first().cloned().unwrap_or(leaf.type_name);
                let _ = node.add(leaf);
            }
            None => fitted.wanting.push(uri.join(name)),
        }
    }
}
