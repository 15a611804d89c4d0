//! Commands of a message, one after the other, and what the device answers to each (DM Representation Protocol 1.2).
//!
//! An Atomic is carried out whole or not at all: where one of its commands fails, those before it are undone (216), those
//! behind it are not tried (215), and the Atomic itself is 507. A Sequence goes on where a command fails, and stops where
//! the user says no.

use std::borrow::Cow;

use super::super::serialise;
use super::super::syncml::{self, Data, Item, Location, Meta, Operation, Results, TREE_TYPE};
use super::super::tree::Tree;
use super::super::uri::Uri;
use super::Device;
use super::faults::{Fault, Refusal};
use super::operations::{Content, Got};
use super::target::Target;
use crate::diagnose::{Report, Severity};

/// What became of one command, or of one Item of a command with several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// The identifier of the command in its message.
    pub id: String,
    /// The name of the command.
    pub command: String,
    /// The target as the server wrote it; empty where there is none.
    pub target: String,
    /// The source of a Copy as the server wrote it.
    pub source: String,
    /// The status code.
    pub code: u16,
    /// Why it was refused.
    pub refusal: Option<Refusal>,
    /// What Get read.
    pub got: Vec<Got>,
    /// Where the topmost nodes of a serialised tree were added.
    pub made: Vec<Uri>,
    /// What the user replied to a dialogue.
    pub replies: Vec<String>,
    /// Whether a large object was to go on here and did not: its parts are lost.
    pub loses_parts: bool,
}

impl Done {
    /// Returns whether the command was carried out, or a part of it that came.
    pub fn is_good(&self) -> bool {
        matches!(self.code, 200..=213)
    }

    fn new(command: &syncml::Command, code: u16) -> Self {
        Self { id: command.id.clone(), command: command.name().to_owned(), code, ..Self::default() }
    }

    fn about(self, item: &Item) -> Self {
        Self { target: item.target_uri().to_owned(), source: item.source_uri().to_owned(), ..self }
    }

    pub(super) fn refused(self, refusal: Refusal) -> Self {
        Self { code: refusal.fault.code(), refusal: Some(refusal), ..self }
    }
}

/// Returns the answer to commands: a Status for each, and Results behind those that read. Their CmdIDs count from `first`.
pub fn answers(done: &[Done], message: u32, first: u32) -> Vec<syncml::Command> {
    let mut operations = Vec::new();
    for one in done {
        operations.push(Operation::Status(one.status(message)));
        if !one.got.is_empty() {
            operations.push(Operation::Results(one.results(message)));
        }
        if one.loses_parts {
            operations.push(Operation::Alert(syncml::Alert { code: NO_END_OF_DATA, items: Vec::new() }));
        }
    }
    let numbered = operations.into_iter().zip(first..);
    numbered.map(|(operation, id)| syncml::Command::new(id.to_string(), operation)).collect()
}

impl Done {
    fn status(&self, message: u32) -> syncml::Status {
        let reply = |text: &String| Item { data: Some(Data::Text(text.clone())), ..Item::default() };
        let at = self.refusal.as_ref().and_then(|refusal| refusal.at.as_ref());
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty()).into_iter().collect();
        syncml::Status {
            message_ref: message,
            command_ref: self.id.clone(),
            command: self.command.clone(),
            targets: some(&self.target),
            sources: some(&self.source),
            code: self.code,
            items: at.map(|uri| Item::at(uri.to_string())).into_iter().chain(self.replies.iter().map(reply)).collect(),
            ..syncml::Status::default()
        }
    }

    fn results(&self, message: u32) -> Results {
        let items = self.got.iter().map(|got| {
            let unless = |usual: &str, text: &str| Some(text.to_owned()).filter(|text| text != usual);
            Item {
                source: Some(Location::new(got.uri.clone())),
                meta: Meta {
                    format: unless("chr", got.format.as_str()),
                    type_name: unless("text/plain", &got.type_name),
                    ..Meta::default()
                },
                data: got.data.clone(),
                ..Item::default()
            }
        });
        Results {
            message_ref: message,
            command_ref: self.id.clone(),
            targets: vec![self.target.clone()],
            items: items.collect(),
            ..Results::default()
        }
    }
}

/// An object that comes in parts: the item so far, and the octets that the first part announced.
#[derive(Debug)]
pub(super) struct Parts {
    command: String,
    item: Item,
    size: Option<u64>,
}

impl Parts {
    /// Returns whether an item is the next part.
    fn go_on(&self, command: &syncml::Command, item: &Item) -> bool {
        self.command == command.name() && self.item.target_uri() == item.target_uri()
    }
}

/// What a command that was carried out brings.
#[derive(Debug, Default)]
struct Outcome {
    code: u16,
    got: Vec<Got>,
    made: Vec<Uri>,
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Atomic,
}

impl Device<'_> {
    /// Carries out commands for the server with that identifier, in their order, and says what became of each.
    ///
    /// Status and Results are answers themselves and not answered.
    pub fn carry_out(&mut self, server: &str, commands: &[syncml::Command]) -> Vec<Done> {
        let mut done = Vec::new();
        for command in commands {
            // The server ends the session: nothing is answered.
            if matches!(&command.operation, Operation::Alert(alert) if alert.code == ABORT) {
                break;
            }
            self.command(server, command, Place::Free, &mut done);
        }
        done
    }

    fn command(&mut self, server: &str, command: &syncml::Command, place: Place, done: &mut Vec<Done>) {
        let new = Done::new(command, 200);
        let fail = |why: &str| new.clone().refused(Fault::Failed.because(why));
        match &command.operation {
            Operation::Status(_) | Operation::Results(_) => {}
            Operation::Get(_) | Operation::Exec(_) | Operation::Atomic(_) if place == Place::Atomic => {
                done.push(fail("it may not stand in an Atomic"));
                not_executed(command.operation.commands(), done);
            }
            Operation::Atomic(_) if !self.abilities.atomic => {
                done.push(new.refused(Fault::NotSupported.because("the device has no Atomic")));
                not_executed(command.operation.commands(), done);
            }
            Operation::Atomic(commands) => self.atomic(server, new, commands, done),
            Operation::Sequence(commands) => {
                done.push(new);
                self.sequence(server, commands, place, done);
            }
            Operation::Alert(alert) => done.push(self.alert(new, alert)),
            Operation::Other(name) => {
                done.push(
                    new.refused(Fault::Malformed.because(format!("`{name}` is no command of device management"))),
                );
            }
            operation if operation.items().is_empty() => {
                done.push(new.refused(Fault::Malformed.because("the command has no Item")));
            }
            operation => {
                for (number, item) in operation.items().iter().enumerate() {
                    done.push(self.item(server, command, item, place));
                    if place == Place::Atomic && done.last().is_some_and(|last| !last.is_good()) {
                        let rest = &operation.items()[number + 1..];
                        done.extend(rest.iter().map(|item| Done::new(command, NOT_EXECUTED).about(item)));
                        break;
                    }
                }
            }
        }
    }

    fn atomic(&mut self, server: &str, new: Done, commands: &[syncml::Command], done: &mut Vec<Done>) {
        let first = done.len();
        done.push(new);
        let mark = self.mark();
        let failed = self.sequence(server, commands, Place::Atomic, done);
        if failed {
            self.roll_back(&mark);
            done[first].code = ATOMIC_FAILED;
            for one in &mut done[first + 1..] {
                if one.is_good() {
                    one.code = ROLLED_BACK;
                    one.replies.clear();
                    one.made.clear();
                }
            }
        } else {
            self.keep();
        }
    }

    /// Carries out the commands of a Sequence, or of an Atomic, and says whether it was stopped.
    fn sequence(&mut self, server: &str, commands: &[syncml::Command], place: Place, done: &mut Vec<Done>) -> bool {
        for (number, command) in commands.iter().enumerate() {
            let first = done.len();
            self.command(server, command, place, done);
            let stops = |one: &Done| {
                let is_dialogue = one.command == "Alert" && one.refusal.is_some();
                !one.is_good() && (place == Place::Atomic || is_dialogue)
            };
            if done[first..].iter().any(stops) {
                not_executed(&commands[number + 1..], done);
                return true;
            }
        }
        false
    }

    /// Carries out a command with one of its items.
    fn item(&mut self, server: &str, command: &syncml::Command, item: &Item, place: Place) -> Done {
        let loses_parts = self.parts.as_ref().is_some_and(|parts| !parts.go_on(command, item));
        let done = Done { loses_parts, ..Done::new(command, 200).about(item) };
        let whole = match self.gather(command, item, place) {
            Ok(Some(whole)) => whole,
            Ok(None) => return Done { code: PART_TAKEN, ..done },
            Err(refusal) => return done.refused(refusal),
        };
        match self.operation(server, &command.operation, &whole) {
            Ok(outcome) => Done { code: outcome.code, got: outcome.got, made: outcome.made, ..done },
            Err(refusal) => done.refused(refusal),
        }
    }

    fn operation(&mut self, server: &str, operation: &Operation, item: &Item) -> Result<Outcome, Refusal> {
        let Some(target) = &item.target else {
            return Err(Fault::Malformed.because("the Item has no Target"));
        };
        let mut outcome = Outcome { code: 200, ..Outcome::default() };
        // A command that the device does not have is refused before its address is looked at.
        let target = match operation {
            Operation::Copy(_) if !self.abilities.copy => Target::node(Uri::root()),
            Operation::Exec(_) if self.abilities.exec.is_none() => Target::node(Uri::root()),
            _ => Target::read(&target.uri)?,
        };
        match operation {
            Operation::Get(_) => outcome.got = named(self.get(server, &target)?, item),
            Operation::Exec(_) => outcome.code = self.exec(server, &target)?,
            Operation::Delete(_) => self.delete(server, &target)?,
            Operation::Copy(_) => {
                let Some(source) = &item.source else {
                    return Err(Fault::Malformed.because("the Item of a Copy has no Source"));
                };
                let source = if self.abilities.copy { Target::read(&source.uri)?.uri } else { Uri::root() };
                self.copy(server, &source, &target)?;
            }
            Operation::Add(_) => match document(item, &target)? {
                Some(document) => outcome.made = self.add_document(server, &target, &document)?,
                None => self.add(server, &target, &content(item))?,
            },
            _ => match document(item, &target)? {
                Some(document) => self.replace_document(server, &target, &document)?,
                None => self.replace(server, &target, &content(item))?,
            },
        }
        Ok(outcome)
    }

    /// Returns the whole object; `None` where more parts of it follow (DM Protocol 1.2, "Large object handling").
    fn gather<'i>(
        &mut self,
        command: &syncml::Command,
        item: &'i Item,
        place: Place,
    ) -> Result<Option<Cow<'i, Item>>, Refusal> {
        let before = self.parts.take().filter(|parts| parts.go_on(command, item));
        if before.is_none() && !item.more_data {
            return Ok(Some(Cow::Borrowed(item)));
        }
        if place == Place::Atomic {
            return Err(Fault::Failed.because("a large object may not stand in an Atomic"));
        }
        let size = before.as_ref().map_or(item.meta.size, |parts| parts.size);
        let joined = match before {
            Some(parts) => join(parts.item, item)?,
            None => item.clone(),
        };
        let length = content(&joined).len();
        if length > self.abilities.most_value || size.is_some_and(|size| size > self.abilities.most_value as u64) {
            let most = self.abilities.most_value;
            return Err(Fault::TooLarge.because(format!("the object is larger than {most} octets")));
        }
        if item.more_data {
            self.parts = Some(Parts { command: command.name().to_owned(), item: joined, size });
            return Ok(None);
        }
        if size.is_some_and(|size| size != length as u64) {
            let why = format!("the object has {length} octets, its first part said {}", size.unwrap_or_default());
            return Err(Fault::SizeDiffers.because(why));
        }
        Ok(Some(Cow::Owned(joined)))
    }
}

fn join(mut before: Item, next: &Item) -> Result<Item, Refusal> {
    match (&mut before.data, &next.data) {
        (Some(Data::Text(text)), Some(Data::Text(more))) => text.push_str(more),
        (Some(Data::Octets(octets)), Some(Data::Octets(more))) => octets.extend_from_slice(more),
        (_, None) => {}
        _ => return Err(Fault::BadValue.because("the parts of the object are of different kinds")),
    }
    before.more_data = false;
    Ok(before)
}

/// Answers with the address that the server wrote, where it is that of the target.
fn named(mut got: Vec<Got>, item: &Item) -> Vec<Got> {
    if let [only] = &mut got[..] {
        item.target_uri().clone_into(&mut only.uri);
    }
    got
}

fn content(item: &Item) -> Content<'_> {
    Content {
        format: item.meta.format.as_deref(),
        type_name: item.meta.type_name.as_deref(),
        data: item.data.as_ref().map(Cow::Borrowed),
    }
}

/// Returns the serialised tree that an item brings, if it does. A node without a name is the target itself.
fn document(item: &Item, target: &Target) -> Result<Option<Tree>, Refusal> {
    let type_name = item.meta.type_name.as_deref().unwrap_or_default();
    let element = match &item.data {
        Some(Data::Tree(element)) => Some(Cow::Borrowed(&**element)),
        Some(Data::Text(text)) => syncml::tree_in(text, type_name).map(Cow::Owned),
        _ => None,
    };
    let Some(element) = element else {
        if type_name.starts_with(TREE_TYPE) {
            return Err(Fault::Malformed.because("the data is no serialised tree"));
        }
        return Ok(None);
    };
    let mut report = Report::new();
    let tree = serialise::from_element_at(&element, target.uri.name(), &mut report);
    let error = report.diagnostics().iter().find(|finding| finding.severity == Severity::Error);
    match (tree, error) {
        (Some(tree), None) => Ok(Some(tree)),
        (_, error) => Err(Fault::Malformed.because(error.map_or_else(String::new, |error| error.message.clone()))),
    }
}

fn not_executed(commands: &[syncml::Command], done: &mut Vec<Done>) {
    for command in commands {
        match command.operation.items() {
            [] => done.push(Done::new(command, NOT_EXECUTED)),
            items if command.name() == "Alert" => done.extend(items.first().map(|_| Done::new(command, NOT_EXECUTED))),
            items => done.extend(items.iter().map(|item| Done::new(command, NOT_EXECUTED).about(item))),
        }
        not_executed(command.operation.commands(), done);
    }
}

/// A part of a large object was taken.
const PART_TAKEN: u16 = 213;
/// The command was not tried: one before it in its Atomic failed, or the user said no.
const NOT_EXECUTED: u16 = 215;
/// The command was undone, because another one of its Atomic failed.
const ROLLED_BACK: u16 = 216;
/// A command of the Atomic failed.
const ATOMIC_FAILED: u16 = 507;
/// The alert that says that the rest of a large object did not come.
const NO_END_OF_DATA: u16 = 1225;
/// The alert that ends the session at once.
const ABORT: u16 = 1223;
