//! `admin`: the server's users and groups, and what users are told. It is written into the store, whether the server runs or not.

mod group;
mod system_message;
mod table;
pub(super) mod user;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impskit::batch::audit::{Object, What};
use impskit::csp::Address;
use impskit::error::{Error, Result};
use impskit::server::{Configuration, Store, Timestamp, User};
use serde::Serialize;

use super::{Format, Outcome, Ui, audit};

/// Look after the server's users and groups
#[derive(Debug, Args)]
#[command(after_help = "\
The store keeps passwords as they are, because digest logins need them; those of users added with `--plain-only`
are kept as salted hashes. Only its owner may read the file; a server that runs sees a change within seconds.

Examples:
  impskit admin user add anna --password-file anna.txt
  impskit admin user list --format json")]
pub(crate) struct Admin {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Accounts: who may log in
    #[command(
        subcommand,
        after_help = "\
Examples:
  impskit admin user add anna --password-file anna.txt
  impskit admin user disable anna"
    )]
    User(user::Command),
    /// Groups: the provider's, and what becomes of users'
    #[command(
        subcommand,
        after_help = "\
Examples:
  impskit admin group add lobby --name Lobby --admin anna
  impskit admin group list"
    )]
    Group(group::Command),
    /// What users are told or asked: at their next login, or in the session that they have
    #[command(
        subcommand,
        after_help = "\
Examples:
  impskit admin system-message add terms --text \"Do you agree?\" --option 1=Yes --right 1 --required
  impskit admin system-message list"
    )]
    SystemMessage(system_message::Command),
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    server: ServerOptions,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// Where the server's users and data are, for the commands that look there.
#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// The home domain
    #[arg(long, value_name = "D")]
    domain: Option<String>,
    /// The store
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

/// The store where none is named: in the current folder.
pub(crate) const STORE: &str = "impskit-server.db";

impl ServerOptions {
    /// Returns the server's configuration: options before files before defaults.
    pub(crate) fn configuration(&self, ui: &Ui) -> Result<Configuration> {
        let mut configuration = ui.configuration()?.server;
        if let Some(domain) = &self.domain {
            configuration.set_domain(domain).map_err(|error| error.at("--domain"))?;
        }
        configuration.store = self.store.clone().or(configuration.store).or_else(|| Some(STORE.into()));
        Ok(configuration)
    }
}

pub(crate) fn run(command: &Admin, ui: &mut Ui) -> Result<Outcome> {
    match &command.subject {
        Subject::User(command) => user::run(command, ui),
        Subject::Group(command) => group::run(command, ui),
        Subject::SystemMessage(command) => system_message::run(command, ui),
    }
}

/// The store, and the domain that names are completed with.
struct Desk {
    store: Store,
    configuration: Configuration,
    format: Format,
}

impl Desk {
    fn open(common: &Common, ui: &Ui) -> Result<Self> {
        let configuration = common.server.configuration(ui)?;
        let path = configuration.store.clone().unwrap_or_else(|| STORE.into());
        Ok(Self { store: Store::open(&path)?, configuration, format: common.format })
    }

    fn address(&self, user: &str) -> Result<String> {
        address(user, &self.configuration.domain)
    }

    fn account(&self, user: &str) -> Result<User> {
        let address = self.address(user)?;
        let unknown = || Error::input(format!("there is no user `{address}`"));
        let account = self.store.user(&address)?;
        account.ok_or_else(|| unknown().help("`impskit admin user list` shows those there are"))
    }

    /// Keeps what was changed, and says so.
    fn done(mut self, thing: Thing<'_>, change: &'static str, ui: &mut Ui) -> Result<Outcome> {
        if change != "unchanged" {
            let (what, object) = thing.in_audit_log();
            audit::note(ui, what, object, Some(change))?;
        }
        self.store.commit()?;
        match self.format {
            Format::Text => ui.line(&format!("{}: {change}", thing.name()))?,
            Format::Json => json(&Changed { schema: thing.schema(), thing, change }, ui)?,
        }
        Ok(Outcome::Good)
    }
}

/// What is changed, by its name.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Thing<'t> {
    User(&'t str),
    Group(&'t str),
    #[serde(rename = "message")]
    SystemMessage(&'t str),
}

#[derive(Serialize)]
struct Changed<'t> {
    schema: &'static str,
    #[serde(flatten)]
    thing: Thing<'t>,
    change: &'static str,
}

impl<'t> Thing<'t> {
    fn name(self) -> &'t str {
        match self {
            Self::User(name) | Self::Group(name) | Self::SystemMessage(name) => name,
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::User(_) => "impskit.user-change/1",
            Self::Group(_) => "impskit.group-change/1",
            Self::SystemMessage(_) => "impskit.system-message-change/1",
        }
    }

    fn in_audit_log(self) -> (What, Object<'t>) {
        match self {
            Self::User(address) => (What::UserChange, Object::User(address)),
            Self::Group(address) => (What::GroupChange, Object::Group(address)),
            Self::SystemMessage(name) => (What::SystemMessageChange, Object::SystemMessage(name)),
        }
    }
}

/// Returns the address of a user of the home domain.
pub(crate) fn address(user: &str, home: &str) -> Result<String> {
    let address = Address::user_id(user, home).map_err(|bad| Error::input(format!("`{user}`: {bad}")))?;
    at_home(&address, home)
}

/// Returns an address of the home domain as text.
fn at_home(address: &Address, home: &str) -> Result<String> {
    if address.domain() != home {
        let error = Error::input(format!("`{address}` is not of the domain `{home}`"));
        return Err(error.help("name the server's domain with `--domain` or `--config`"));
    }
    Ok(address.as_str().to_owned())
}

fn json(value: &impl Serialize, ui: &mut Ui) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::input(error.to_string()))?;
    ui.line(&text)
}

#[allow(clippy::disallowed_methods, reason = "an account knows when it was made")]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs())
}
