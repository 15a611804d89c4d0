//! A device that carries out commands on its tree, as a DM client does (DM Protocol 1.2, DM Tree and Description 1.2).
//!
//! ```text
//! Target ── checks ── FAULTS      may it be done? the rows of the table, in their order
//!             │
//!           operations ── Undo    it is done; an Atomic or a document whole or not at all
//!             │
//!   lists, documents, inbox       many nodes with one command
//!             │
//!   messages, dialogues           SyncML commands, Atomic, Sequence, alerts; what is answered
//! ```
//!
//! One command costs what its address and its own nodes cost, however large the tree is. The device knows no clock: it is
//! told the time.

mod checks;
mod dialogues;
mod documents;
mod faults;
mod inbox;
mod index;
mod lists;
mod messages;
mod operations;
mod target;
mod undo;

pub use faults::{FAULTS, Fault, FaultRow, Refusal};
pub use messages::{Done, answers};
pub use operations::{Content, Got};
pub use target::{Columns, List, Part, Property, Target};

use super::ddf::Description;
use super::node::{Node, Value};
use super::tree::Tree;
use super::uri::{Uri, UriLimits};
use index::Index;
use undo::Undo;

/// A device: its tree, what the tree may hold, and what the device is able to do.
#[derive(Debug)]
pub struct Device<'d> {
    tree: Tree,
    index: Index<'d>,
    limits: UriLimits,
    abilities: Abilities,
    used: Used,
    undo: Undo,
    /// The large object that is coming in parts.
    parts: Option<messages::Parts>,
}

/// What a device is able to do: all of it, unless said otherwise.
#[derive(Debug, Clone)]
pub struct Abilities {
    /// Whether it has Copy.
    pub copy: bool,
    /// The status with which it answers Exec: 200 done, 202 accepted; `None` where it has no Exec.
    pub exec: Option<u16>,
    /// Whether it has Atomic.
    pub atomic: bool,
    /// Whether it reads and writes serialised trees.
    pub tnds: bool,
    /// Whether it answers `?list=Struct` and `?list=StructData`.
    pub lists: bool,
    /// Whether it makes missing parents of a new node.
    pub makes_parents: bool,
    /// Where objects are put for the device to place; `None` where it has no such node.
    pub inbox: Option<Uri>,
    /// The user in front of it.
    pub user: User,
    /// Nodes at the most.
    pub most_nodes: usize,
    /// Octets of all values at the most.
    pub most_octets: usize,
    /// Octets of one value at the most.
    pub most_value: usize,
    /// The time for TStamp, `YYYYMMDDThhmmssZ`; time stamps stay as they are without.
    pub now: Option<String>,
}

/// What the user does with a dialogue that a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum User {
    /// There are no dialogues.
    #[default]
    Absent,
    /// Reads, confirms, and takes the defaults that the server offers.
    Agrees,
    /// Says no.
    Refuses,
    /// Cancels the dialogue.
    Cancels,
    /// Does not reply.
    IsAway,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            copy: true,
            exec: Some(200),
            atomic: true,
            tnds: true,
            lists: true,
            makes_parents: true,
            inbox: Uri::read("./Inbox").ok(),
            user: User::Absent,
            most_nodes: Tree::MOST_NODES,
            most_octets: 64 << 20,
            most_value: 16 << 20,
            now: None,
        }
    }
}

/// What of its room a device has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    nodes: usize,
    octets: usize,
}

impl Used {
    fn of(node: &Node) -> Self {
        let own = Self { nodes: 1, octets: node.value.as_ref().map_or(0, length) };
        node.children()
            .map(Self::of)
            .fold(own, |sum, child| Self { nodes: sum.nodes + child.nodes, octets: sum.octets + child.octets })
    }
}

/// Returns the number of octets of a value, as the property Size counts them.
fn length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Octets(octets) => octets.len(),
    }
}

/// The open end of what can be undone.
#[derive(Debug)]
pub(super) struct Mark {
    changes: usize,
    used: Used,
}

impl<'d> Device<'d> {
    /// Returns the device with that tree. The limits of addresses are those that `./DevDetail/URI` states.
    pub fn new(tree: Tree, descriptions: &[&'d Description], abilities: Abilities) -> Self {
        let limits = limits(&tree);
        let used = Used::of(tree.root());
        let (index, undo) = (Index::new(descriptions), Undo::default());
        Self { index, limits, abilities, used, undo, parts: None, tree }
    }

    /// Returns the tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns the tree without the device.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Returns what the device is able to do.
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// Returns what the device is able to do, to change it: the time goes on.
    pub fn abilities_mut(&mut self) -> &mut Abilities {
        &mut self.abilities
    }

    /// Opens a mark to which [`Self::roll_back`] goes back.
    pub(super) fn mark(&mut self) -> Mark {
        Mark { changes: self.undo.mark(), used: self.used }
    }

    /// Keeps what was done since the last mark.
    pub(super) fn keep(&mut self) {
        self.undo.keep();
    }

    /// Undoes what was done since a mark, the last that was opened.
    pub(super) fn roll_back(&mut self, mark: &Mark) {
        self.undo.roll_back(mark.changes, &mut self.tree);
        self.used = mark.used;
    }
}

fn limits(tree: &Tree) -> UriLimits {
    let read = |name: &str| {
        let uri = Uri::read(&format!("./DevDetail/URI/{name}")).ok()?;
        tree.get(&uri)?.value_text()?.trim().parse().ok()
    };
    UriLimits {
        depth: read("MaxDepth").unwrap_or_default(),
        total: read("MaxTotLen").unwrap_or_default(),
        segment: read("MaxSegLen").unwrap_or_default(),
    }
}
