//! `admin`: the server's users and groups, and what users are told. It is written into the store, whether the server runs or not.

mod group;
mod system_message;
mod table;
pub(super) mod user;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impskit::csp::Address;
use impskit::error::{Error, Result};
use impskit::server::{Configuration, Store, Timestamp};
use serde::Serialize;

use super::{Format, Outcome, Ui};

/// Look after the server's users and groups
#[derive(Debug, Args)]
#[command(after_help = "\
The store keeps passwords as they are, because the digest login of the standard needs them. Only its owner
may read the file; a server that runs sees a change within seconds.

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
}

/// Returns the address of a user of the home domain.
pub(crate) fn address(user: &str, home: &str) -> Result<String> {
    let address = Address::user_id(user, home).map_err(|bad| Error::input(format!("`{user}`: {bad}")))?;
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
