//! `admin system-message`: what users are told or asked.

use clap::{Args, Subcommand};
use impskit::error::{Error, Result};
use impskit::server::SystemMessage;
use serde::Serialize;

use super::{Common, Desk, Thing, json, now};
use crate::cli::{Format, Outcome, Ui};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Post a message
    #[command(after_help = "\
Clients of CSP 1.3 alone show such messages. One that is required keeps its users out until they have answered it.

Examples:
  impskit admin system-message add pause --text \"The service pauses at midnight\"
  impskit admin system-message add terms --user anna --text \"Agreed?\" --option 1=Yes --right 1")]
    Add(Box<Add>),
    /// List all messages, and how many users have seen or answered each
    #[command(after_help = "\
Examples:
  impskit admin system-message list
  impskit admin system-message list --store imps.db --format json")]
    List(Common),
    /// Take a message back
    #[command(after_help = "\
Examples:
  impskit admin system-message delete pause
  impskit admin system-message delete terms --store imps.db")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The name of the message
    #[arg(value_name = "ID")]
    id: String,
    /// What it says
    #[arg(long, value_name = "TEXT")]
    text: String,
    /// Whom it is for; everybody where not given
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Nobody logs in who has not answered it
    #[arg(long)]
    required: bool,
    /// An answer to choose from: its number and its text
    #[arg(long, value_name = "N=TEXT")]
    option: Vec<String>,
    /// The number of the only right answer; any will do where not given
    #[arg(long, value_name = "N")]
    right: Option<u32>,
    /// A word that has to be repeated, to show that a person has read the message
    #[arg(long, value_name = "WORD")]
    word: Option<String>,
    /// Where the word is to be read; in the message itself where not given
    #[arg(long, value_name = "URL", requires = "word")]
    word_url: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The name of the message
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(command: &Command, ui: &mut Ui) -> Result<Outcome> {
    match command {
        Command::Add(command) => add(command, ui),
        Command::List(common) => list(common, ui),
        Command::Delete(command) => delete(command, ui),
    }
}

fn read_option(text: &str) -> Result<(u32, String)> {
    let wrong = || Error::input(format!("`{text}` is no answer such as `1=Yes`")).at("--option");
    let (number, words) = text.split_once('=').ok_or_else(wrong)?;
    Ok((number.parse().map_err(|_| wrong())?, words.to_owned()))
}

fn add(command: &Add, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.common, ui)?;
    let user = command.user.as_deref().map(|user| desk.account(user)).transpose()?.map(|account| account.address);
    let options = command.option.iter().map(|text| read_option(text)).collect::<Result<Vec<_>>>()?;
    if let Some(right) = command.right.filter(|right| !options.iter().any(|(number, _)| number == right)) {
        return Err(Error::input(format!("no `--option` has the number {right}")).at("--right"));
    }
    let message = SystemMessage {
        id: command.id.clone(),
        user,
        text: command.text.clone(),
        is_required: command.required,
        options,
        right: command.right,
        key: command.word.clone(),
        key_url: command.word_url.clone(),
    };
    if desk.store.add_system_message(&message, now())? {
        return desk.done(Thing::SystemMessage(&command.id), "posted", ui);
    }
    if desk.store.system_messages()?.into_iter().any(|(other, _)| other == message) {
        return desk.done(Thing::SystemMessage(&command.id), "unchanged", ui);
    }
    let error = Error::input(format!("there is another message `{}`", command.id));
    Err(error.help("take it back first: `impskit admin system-message delete`"))
}

fn delete(command: &Delete, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.common, ui)?;
    let was_there = desk.store.delete_system_message(&command.id)?;
    desk.done(Thing::SystemMessage(&command.id), if was_there { "deleted" } else { "unchanged" }, ui)
}

#[derive(Serialize)]
struct Row {
    id: String,
    /// Nobody in particular: everybody.
    user: Option<String>,
    text: String,
    required: bool,
    options: Vec<(u32, String)>,
    right: Option<u32>,
    seen: u32,
}

#[derive(Serialize)]
struct Rows {
    schema: &'static str,
    messages: Vec<Row>,
}

fn list(common: &Common, ui: &mut Ui) -> Result<Outcome> {
    let desk = Desk::open(common, ui)?;
    let row = |(message, seen): (SystemMessage, u32)| {
        let SystemMessage { id, user, text, is_required, options, right, .. } = message;
        Row { id, user, text, required: is_required, options, right, seen }
    };
    let messages: Vec<Row> = desk.store.system_messages()?.into_iter().map(row).collect();
    if desk.format == Format::Json {
        json(&Rows { schema: "impskit.system-messages/1", messages }, ui)?;
        return Ok(Outcome::Good);
    }
    for Row { id, user, text, required, seen, .. } in messages {
        let whom = user.as_deref().unwrap_or("everybody");
        let kind = if required { "required" } else { "told" };
        ui.line(&format!("{id}  {whom}  {kind}  seen by {seen}  {text}"))?;
    }
    Ok(Outcome::Good)
}
