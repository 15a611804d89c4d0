//! `apply` of a SyncML message or a device tree: a device carries out commands, and says what became of each.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::diagnose::Report;
use impskit::dm::device::{Abilities, Device, Done, Got, Target, User, answers};
use impskit::dm::syncml::{Command, Header, Message};
use impskit::dm::{DM_ACCOUNT, Description, Node, Status, Tree};
use impskit::document::Element;
use impskit::error::{Error, Result};
use serde_json::{Value, json};

use super::ui::Output;

/// Who asks, and who answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Commands of a DM server")]
pub(crate) struct CommandOptions {
    /// The server, as access control lists name it; that of the DM account with the message's Source, else the Source
    #[arg(long, value_name = "ID")]
    server_id: Option<String>,
    /// What the user does with dialogues; the device has none where absent
    #[arg(long, value_name = "WORD")]
    user: Option<Reply>,
    /// Write what the device answers to this file, a SyncML message in XML
    #[arg(long, value_name = "FILE")]
    answer: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reply {
    /// Confirms, and takes the defaults that the server offers
    Agrees,
    /// Says no
    Refuses,
    /// Cancels the dialogue
    Cancels,
    /// Does not reply
    Away,
}

/// What a device was asked, and what became of it.
pub(super) struct Carried {
    server: String,
    pub(super) done: Vec<Done>,
    pub(super) tree: Tree,
}

impl CommandOptions {
    /// Carries out a message.
    pub(super) fn message(
        &self,
        root: &Element<'_>,
        tree: Tree,
        descriptions: &[&Description],
        output: &Output,
    ) -> Result<Carried> {
        let Some(message) = read(root) else {
            return Err(Error::input("the message has no body").help("`impskit check FILE` says more"));
        };
        let server = self.server(&message, &tree);
        let mut device = Device::new(tree, descriptions, self.abilities());
        let done = device.carry_out(&server, &message.commands);
        if let Some(path) = &self.answer {
            let answer = answer(&message.header, &done);
            output.beside(path).write(&answer.to_xml(true))?;
        }
        Ok(Carried { server, done, tree: device.into_tree() })
    }

    /// Puts the objects of a tree into the inbox of the device.
    pub(super) fn tree(&self, objects: &Tree, tree: Tree, descriptions: &[&Description]) -> Carried {
        let server = self.server_id.clone().unwrap_or_else(|| "bootstrap".to_owned());
        let mut device = Device::new(tree, descriptions, self.abilities());
        let inbox = device.abilities().inbox.clone().unwrap_or_default();
        let outcome = device.add_document(&server, &Target::node(inbox.clone()), objects);
        let (made, refusal) = match outcome {
            Ok(made) => (made, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        let code = refusal.as_ref().map_or(200, |refusal| refusal.fault.code());
        let (command, target) = ("Add".to_owned(), inbox.to_string());
        let done = vec![Done { command, target, code, made, refusal, ..Done::default() }];
        Carried { server, done, tree: device.into_tree() }
    }

    fn abilities(&self) -> Abilities {
        let user = match self.user {
            None => User::Absent,
            Some(Reply::Agrees) => User::Agrees,
            Some(Reply::Refuses) => User::Refuses,
            Some(Reply::Cancels) => User::Cancels,
            Some(Reply::Away) => User::IsAway,
        };
        Abilities { user, ..Abilities::default() }
    }

    /// Returns the identifier by which the lists of the tree know the server.
    fn server(&self, message: &Message, tree: &Tree) -> String {
        let source = &message.header.source.uri;
        let has_address = |node: &&Node| {
            let mut addresses = node.child("AppAddr").into_iter().flat_map(Node::children);
            addresses.any(|address| address.child_text("Addr") == Some(source))
        };
        let accounts = tree.instances(DM_ACCOUNT);
        let account = accounts.iter().filter_map(|uri| tree.get(uri)).find(has_address);
        let known = account.and_then(|node| node.child_text("ServerID")).map(str::to_owned);
        self.server_id.clone().or(known).unwrap_or_else(|| source.clone())
    }
}

/// Reads a message; one without a header is no message, but its commands can be carried out.
fn read(root: &Element<'_>) -> Option<Message> {
    let mut report = Report::new();
    Message::from_element(root, &mut report).or_else(|| {
        let commands = root.child("SyncBody")?.children.iter().filter(|child| child.name != "Final");
        let commands = commands.map(|command| Command::from_element(command, &mut report)).collect();
        Some(Message { commands, is_final: true, ..Message::default() })
    })
}

/// Returns the message that answers one: the header accepted, then each command.
fn answer(asked: &Header, done: &[Done]) -> Message {
    let mut header = asked.clone();
    std::mem::swap(&mut header.target, &mut header.source);
    (header.credential, header.respond_to) = (None, None);
    let accepted = Done { id: "0".to_owned(), command: "SyncHdr".to_owned(), code: 200, ..Done::default() };
    let all: Vec<Done> = [accepted].into_iter().chain(done.iter().cloned()).collect();
    Message { commands: answers(&all, asked.message, 1), header, is_final: true }
}

impl Carried {
    /// Returns whether every command was carried out.
    pub(super) fn is_good(&self) -> bool {
        self.done.iter().all(Done::is_good)
    }

    /// Returns a line for each command, with what it read, or why it was refused and what to do.
    pub(super) fn lines(&self) -> String {
        let mut text = format!("for the server {}\n", self.server);
        for one in &self.done {
            let to = if one.source.is_empty() || one.target.is_empty() { "" } else { "to" };
            let words = [one.id.as_str(), &one.command, &one.source, to, &one.target];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            text += &format!("{}  {} {}\n", words.join(" "), one.code, name_of(one.code));
            text.extend(one.got.iter().map(|got| format!("    {}  {}\n", got.uri, got.shown())));
            let made = one.made.iter().map(ToString::to_string).filter(|uri| *uri != one.target);
            text.extend(made.map(|uri| format!("    made {uri}\n")));
            text.extend(one.replies.iter().map(|reply| format!("    the user says `{}`\n", reply)));
            if let Some(refusal) = &one.refusal {
                text += &format!("    {refusal}\n    help: {}\n", refusal.fault.row().help);
            }
        }
        text
    }

    /// Returns the same for programs.
    pub(super) fn to_json(&self) -> Value {
        let commands: Vec<Value> = self.done.iter().map(one_to_json).collect();
        json!({ "schema": "impskit.executed/1", "server": self.server, "commands": commands })
    }
}

fn one_to_json(one: &Done) -> Value {
    let mut value = json!({
        "id": one.id,
        "command": one.command,
        "target": one.target,
        "status": one.code,
        "name": name_of(one.code),
    });
    if !one.source.is_empty() {
        value["source"] = json!(one.source);
    }
    if let Some(refusal) = &one.refusal {
        value["refusal"] = json!({
            "row": refusal.fault.row().number,
            "why": refusal.why,
            "help": refusal.fault.row().help,
            "node": refusal.at.as_ref().map(ToString::to_string),
        });
    }
    if !one.got.is_empty() {
        value["results"] = one.got.iter().map(got_to_json).collect();
    }
    if !one.made.is_empty() {
        value["made"] = one.made.iter().map(ToString::to_string).collect();
    }
    if !one.replies.is_empty() {
        value["replies"] = json!(one.replies);
    }
    value
}

fn got_to_json(got: &Got) -> Value {
    json!({ "uri": got.uri, "format": got.format.as_str(), "type": got.type_name, "data": got.to_text() })
}

fn name_of(code: u16) -> &'static str {
    Status::of(code).map_or("", |status| status.name)
}
