//! Rules SYN: SyncML DM messages, for themselves and against descriptions of the nodes that they are about.
//!
//! ```text
//! form        is it a message, are its commands whole and in their places     SYN001 to SYN007
//! header      versions and credentials                                        SYN008, SYN018
//! command     what each command says                                          SYN009, SYN014 to SYN022
//! described   what each command does to described nodes                       SYN010 to SYN013
//! ```
//!
//! Documentation prints parts of messages: a command for itself, a body without a header. They are judged for what they
//! are. Messages of data synchronisation are judged in their form only.

/// A message with these commands.
macro_rules! message {
    ($($command:expr),* $(,)?) => {
        whole!(header!("1.2", "DM/1.2", ""), $($command),*)
    };
}

/// A message with this header and these commands.
macro_rules! whole {
    ($header:expr, $($command:expr),* $(,)?) => {
        concat!("<SyncML xmlns=\"SYNCML:SYNCML1.2\">\n", $header, "<SyncBody>\n", $($command,)* "<Final/>\n</SyncBody>\n</SyncML>\n")
    };
}

/// A header with versions, and with what stands behind the source.
macro_rules! header {
    ($version:literal, $protocol:literal, $rest:expr) => {
        concat!(
            "<SyncHdr><VerDTD>",
            $version,
            "</VerDTD><VerProto>",
            $protocol,
            "</VerProto>",
            "<SessionID>1</SessionID><MsgID>1</MsgID>\n  <Target><LocURI>IMEI:490154203237518</LocURI></Target>\n",
            "  <Source><LocURI>https://dm.example</LocURI></Source>",
            $rest,
            "\n</SyncHdr>\n"
        )
    };
}

/// A command with an item.
macro_rules! command {
    ($name:literal, $id:literal, $($item:expr),* $(,)?) => {
        concat!("<", $name, "><CmdID>", $id, "</CmdID>", $($item,)* "</", $name, ">\n")
    };
}

macro_rules! item {
    ($target:literal, $($rest:expr),* $(,)?) => {
        concat!("\n  <Item><Target><LocURI>", $target, "</LocURI></Target>", $($rest,)* "</Item>\n")
    };
}

macro_rules! meta {
    ($format:literal) => {
        concat!("<Meta><Format xmlns=\"syncml:metinf\">", $format, "</Format></Meta>")
    };
}

macro_rules! delete {
    ($id:literal) => {
        command!("Delete", $id, item!("./Inbox/1",))
    };
}

mod command;
mod described;
mod form;
mod header;

use super::super::ddf::Description;
use super::super::syncml::{MOST_NESTING, Meta, is_command};
use crate::codec;
use crate::diagnose::{Diagnostic, Report, Rule, Severity, Span};
use crate::document::{Element, shorten};

pub(in crate::dm) use form::{NESTED, NOT_A_MESSAGE};
pub(in crate::dm) use header::VERSIONS_DIFFER;

/// The rules of messages.
pub const RULES: &[&Rule] = &[
    &NOT_A_MESSAGE,
    &form::MISSING,
    &form::COMMAND_ID,
    &NESTED,
    &form::UNEXPECTED,
    &form::ORDER,
    &form::VALUE,
    &header::VERSIONS_DIFFER,
    &command::UNUSED,
    &described::NOT_DESCRIBED,
    &described::ACCESS,
    &described::FORMAT,
    &described::DATA,
    &command::NOT_ESCAPED,
    &command::ILLEGAL_ADDRESS,
    &command::STATUS_CODE,
    &command::ALERT,
    &header::CREDENTIAL,
    &command::META_NAMESPACE_MISSING,
    &form::PLACEHOLDER,
    &command::LARGE_OBJECT,
    &command::STATUS_REFERENCE,
];

/// Reports what is wrong with a message or a part of one, and what it does that `descriptions` do not allow.
pub fn check_message(root: &Element<'_>, descriptions: &[&Description], report: &mut Report) {
    let breaks_off = codec::breaks_off(report);
    check_all(root, descriptions, report);
    if breaks_off {
        // What stood behind the place is not missing: nobody knows it.
        report.retain(|d| ![&NOT_A_MESSAGE, &form::MISSING, &header::CREDENTIAL].contains(&d.rule));
    }
}

fn check_all(root: &Element<'_>, descriptions: &[&Description], report: &mut Report) {
    let mut findings = Findings { report, path: Vec::new() };
    form::check(root, &mut findings);
    let commands = commands(root);
    form::identifiers(&commands, &mut findings);
    if is_data_synchronisation(root) {
        return;
    }
    header::check(root, &mut findings);
    command::check(root, &commands, &mut findings);
    described::check(&commands, descriptions, &mut findings);
}

/// Reports what is wrong with device information: its form.
pub(in crate::dm) fn check_device_information(root: &Element<'_>, report: &mut Report) {
    form::structure(root, "", &super::super::DEVINF.grammar, &mut Findings { report, path: Vec::new() });
}

/// Returns whether the header says that the message is one of data synchronisation.
fn is_data_synchronisation(root: &Element<'_>) -> bool {
    let protocol = root.descend(&["SyncHdr", "VerProto"]).map(Element::trimmed);
    protocol.is_some_and(|protocol| protocol.starts_with("SyncML/"))
}

/// Where findings go.
struct Findings<'r> {
    report: &'r mut Report,
    /// The names of the elements around the one that is looked at.
    path: Vec<String>,
}

impl Findings<'_> {
    /// Adds a finding whose severity is `lenient` for those who must take what others send.
    fn add(&mut self, rule: &'static Rule, span: Span, lenient: Severity, message: impl Into<String>) {
        let finding = Diagnostic::new(rule, span, message).at(self.path.join("/"));
        self.report.add(finding.lenient(lenient));
    }

    /// Adds a finding that is as bad for everyone.
    fn error(&mut self, rule: &'static Rule, span: Span, message: impl Into<String>) {
        self.add(rule, span, rule.severity, message);
    }
}

/// A command with where it stands.
struct Placed<'e, 's> {
    element: &'e Element<'s>,
    /// Its name and identifier, with those of the containers around it.
    path: String,
    /// How many containers are around it.
    depth: usize,
    /// Whether an Atomic is around it.
    is_atomic: bool,
}

impl<'e, 's> Placed<'e, 's> {
    /// Returns the items with what is known of their data.
    fn items(&self) -> impl Iterator<Item = (&'e Element<'s>, Meta)> {
        let common = Meta::from_element(self.element.child("Meta"));
        let items = self.element.children.iter().filter(|child| child.name == "Item");
        items.map(move |item| (item, Meta::from_element(item.child("Meta")).or(&common)))
    }

    fn name(&self) -> &'e str {
        &self.element.name
    }
}

/// Returns all commands in the order in which they stand, containers before what is in them.
fn commands<'e, 's>(root: &'e Element<'s>) -> Vec<Placed<'e, 's>> {
    let mut found = Vec::new();
    match root.name.as_ref() {
        "SyncML" => root.children_named("SyncBody").for_each(|body| place_all(body, None, &mut found)),
        "SyncBody" => place_all(root, None, &mut found),
        "SyncHdr" | "Item" => {}
        _ => place(root, None, &mut found),
    }
    found
}

/// Finds the commands below `parent`, which is in the containers of `outer` and is one itself.
fn place_all<'e, 's>(parent: &'e Element<'s>, outer: Option<&Placed<'e, 's>>, found: &mut Vec<Placed<'e, 's>>) {
    for child in parent.children.iter().filter(|child| is_command(parent, child)) {
        place(child, outer, found);
    }
}

fn place<'e, 's>(element: &'e Element<'s>, outer: Option<&Placed<'e, 's>>, found: &mut Vec<Placed<'e, 's>>) {
    let name = format!("{}[{}]", element.name, shorten(element.child_text("CmdID").unwrap_or_default()));
    let placed = Placed {
        element,
        path: outer.map_or(name.clone(), |outer| format!("{}/{name}", outer.path)),
        depth: outer.map_or(0, |outer| outer.depth + 1),
        is_atomic: outer.is_some_and(|outer| outer.is_atomic || outer.name() == "Atomic"),
    };
    let inside = Placed { path: placed.path.clone(), ..placed };
    found.push(placed);
    // What lies deeper than readers go is one finding.
    if matches!(inside.name(), "Atomic" | "Sequence" | "Sync") && inside.depth <= MOST_NESTING {
        place_all(element, Some(&inside), found);
    }
}
