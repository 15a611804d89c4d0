//! `admin group`: the provider's groups, and what becomes of all others.

use clap::{Args, Subcommand};
use impskit::csp::Address;
use impskit::error::{Error, Result};
use impskit::server::GroupRow;
use serde::Serialize;

use super::{Common, Desk, Thing, at_home, json, now};
use crate::cli::{Format, Outcome, Ui};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a group of the provider
    #[command(after_help = "\
It is public and found by who searches, where no property says otherwise. Properties are those of the
standard: Name, Topic, AccessType, Searchable, PrivateMessaging, MaxActiveUsers, AutoDelete, Validity,
History, RequireInvitation, MinimumAge, ShowID.

Examples:
  impskit admin group add lobby --name Lobby --admin anna
  impskit admin group add chess --topic \"Openings\" --property MaxActiveUsers=50 --property History=20")]
    Add(NewGroup),
    /// List all groups
    #[command(after_help = "\
Examples:
  impskit admin group list
  impskit admin group list --store /var/lib/impskit/server.db --format json")]
    List(Common),
    /// Show a group with its properties
    #[command(after_help = "\
Examples:
  impskit admin group show lobby
  impskit admin group show wv:anna/chess --format json")]
    Show(OfGroup),
    /// Delete a group; who is in it has to leave
    #[command(after_help = "\
Examples:
  impskit admin group delete lobby
  impskit admin group delete wv:anna/chess@acme.example --config impskit.toml")]
    Delete(OfGroup),
}

#[derive(Debug, Args)]
pub(super) struct NewGroup {
    #[command(flatten)]
    group: OfGroup,
    /// The name that people read
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    topic: Option<String>,
    /// Another property
    #[arg(long, value_name = "NAME=VALUE")]
    property: Vec<String>,
    /// A user that looks after it
    #[arg(long, value_name = "USER")]
    admin: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct OfGroup {
    /// The group: `lobby`, `wv:/lobby@acme.example`, or `wv:anna/chess` for one that a user made
    #[arg(value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    common: Common,
}

/// A group as programs read it.
#[derive(Serialize)]
struct Row<'g> {
    group: &'g str,
    owner: Option<&'g str>,
    admins: &'g [String],
    members: usize,
    joined: usize,
    properties: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct Rows<'g> {
    schema: &'static str,
    groups: Vec<Row<'g>>,
}

pub(super) fn run(command: &Command, ui: &mut Ui) -> Result<Outcome> {
    match command {
        Command::Add(command) => add(command, ui),
        Command::List(common) => list(&Desk::open(common, ui)?.store.groups(now())?, common.format, ui),
        Command::Show(command) => {
            let desk = Desk::open(&command.common, ui)?;
            let group = find(&desk, &identify(&desk, &command.group)?)?;
            match desk.format {
                Format::Text => show(&group, ui),
                Format::Json => list(&[group], Format::Json, ui),
            }
        }
        Command::Delete(command) => {
            let mut desk = Desk::open(&command.common, ui)?;
            let id = identify(&desk, &command.group)?;
            let was_there = desk.store.delete_group(&id, now())?;
            desk.done(Thing::Group(&id), if was_there { "deleted" } else { "unchanged" }, ui)
        }
    }
}

fn add(command: &NewGroup, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.group.common, ui)?;
    let id = identify(&desk, &command.group.group)?;
    if !id.starts_with("wv:/") {
        let error = Error::input(format!("`{id}` would be a user's group, which the user makes"));
        return Err(error.help("a group of the provider is named `lobby` or `wv:/lobby`"));
    }
    let mut properties = Vec::new();
    for (name, value) in [("Name", &command.name), ("Topic", &command.topic)] {
        properties.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
    }
    for property in &command.property {
        let pair = property.split_once('=');
        let (name, value) = pair.ok_or_else(|| Error::input(format!("`{property}` is no property: NAME=VALUE")))?;
        properties.push((name.to_owned(), value.to_owned()));
    }
    let mut admins = Vec::new();
    for user in &command.admin {
        admins.push(desk.account(user)?.address);
    }
    if desk.store.add_group(&id, &properties, &admins, now())? {
        return desk.done(Thing::Group(&id), "added", ui);
    }
    let group = find(&desk, &id)?;
    let has = |(name, value): &(String, String)| {
        group.properties.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value)
    };
    if properties.iter().all(has) && admins.iter().all(|admin| group.admins.contains(admin)) {
        return desk.done(Thing::Group(&id), "unchanged", ui);
    }
    let error = Error::input(format!("there is a group `{id}` that is not like this"));
    Err(error.help("its administrators change it from their clients; `impskit admin group delete` makes room"))
}

/// Returns the address of a group of the home domain: a bare name is a group of the provider.
fn identify(desk: &Desk, group: &str) -> Result<String> {
    let home = &desk.configuration.domain;
    let text = if group.contains('/') { group.to_owned() } else { format!("wv:/{group}") };
    let address = Address::read(&text, home).map_err(|bad| Error::input(format!("`{group}`: {bad}")))?;
    at_home(&address, home)
}

fn find(desk: &Desk, id: &str) -> Result<GroupRow> {
    let unknown = || Error::input(format!("there is no group `{id}`"));
    let group = desk.store.group(id, now())?;
    group.ok_or_else(|| unknown().help("`impskit admin group list` shows those there are"))
}

fn show(group: &GroupRow, ui: &mut Ui) -> Result<Outcome> {
    ui.line(&line(group))?;
    for (name, value) in &group.properties {
        ui.line(&format!("  {name} = {value}"))?;
    }
    for admin in &group.admins {
        ui.line(&format!("  administrator {admin}"))?;
    }
    Ok(Outcome::Good)
}

fn line(group: &GroupRow) -> String {
    let GroupRow { id, owner, members, joined, .. } = group;
    let owner = owner.as_ref().map_or_else(|| "of the provider".to_owned(), |owner| format!("of {owner}"));
    format!("{id}  {owner}  members {members}, joined {joined}")
}

fn list(groups: &[GroupRow], format: Format, ui: &mut Ui) -> Result<Outcome> {
    if format == Format::Json {
        let row = |group: &'_ GroupRow| group.properties.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
        let groups = groups.iter().map(|group| Row {
            group: &group.id,
            owner: group.owner.as_deref(),
            admins: &group.admins,
            members: group.members,
            joined: group.joined,
            properties: row(group),
        });
        json(&Rows { schema: "impskit.groups/1", groups: groups.collect() }, ui)?;
        return Ok(Outcome::Good);
    }
    groups.iter().try_for_each(|group| ui.line(&line(group)))?;
    Ok(Outcome::Good)
}
