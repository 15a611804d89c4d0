//! `admin`: the server's users and groups. They are written into its store, whether it runs or not.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use impskit::batch::audit::{Object, What};
use impskit::csp::Address;
use impskit::error::{Error, Result};
use impskit::server::{Configuration, Store, Timestamp, User};
use serde::Serialize;

use super::admin_group::{self, GroupCommand};
use super::secret::PasswordOptions;
use super::{Format, Outcome, Ui, audit};

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
    User(UserCommand),
    /// Groups: the provider's, and what becomes of users'
    #[command(
        subcommand,
        after_help = "\
Examples:
  impskit admin group add lobby --name Lobby --admin anna
  impskit admin group list"
    )]
    Group(GroupCommand),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add an account
    #[command(after_help = "\
Examples:
  impskit admin user add anna --password-file anna.txt
  pass show anna | impskit admin user add wv:anna@acme.example --store imps.db --password-stdin")]
    Add(WithPassword),
    /// Change a password
    #[command(after_help = "\
Examples:
  impskit admin user passwd anna --password-file anna.txt
  impskit admin user passwd anna --config impskit.toml --password-env ANNA")]
    Passwd(WithPassword),
    /// Show an account
    #[command(after_help = "\
Examples:
  impskit admin user show anna
  impskit admin user show wv:anna@acme.example --domain acme.example --format json")]
    Show(OfUser),
    /// List all accounts
    #[command(after_help = "\
Examples:
  impskit admin user list
  impskit admin user list --store /var/lib/impskit/server.db --format json")]
    List(Common),
    /// Forbid logging in
    #[command(after_help = "\
Examples:
  impskit admin user disable anna
  impskit admin user disable wv:anna@acme.example --config impskit.toml")]
    Disable(OfUser),
    /// Allow logging in again
    #[command(after_help = "\
Examples:
  impskit admin user enable anna
  impskit admin user enable wv:anna@acme.example --config impskit.toml")]
    Enable(OfUser),
    /// Delete an account with all that belongs to it
    #[command(after_help = "\
Examples:
  impskit admin user delete anna
  impskit admin user delete anna --config impskit.toml --quiet")]
    Delete(OfUser),
}

#[derive(Debug, Args)]
struct WithPassword {
    #[command(flatten)]
    user: OfUser,
    #[command(flatten)]
    password: PasswordOptions,
}

#[derive(Debug, Args)]
struct OfUser {
    /// The user: `anna`, or `wv:anna@acme.example`
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    server: ServerOptions,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    pub(super) format: Format,
}

/// An account as programs read it; the password is never shown.
#[derive(Serialize)]
struct Row<'u> {
    user: &'u str,
    disabled: bool,
    created: String,
}

#[derive(Serialize)]
struct Rows<'u> {
    schema: &'static str,
    users: Vec<Row<'u>>,
}

#[derive(Serialize)]
struct Change<'u> {
    schema: &'static str,
    user: &'u str,
    change: &'static str,
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
    let command = match &command.subject {
        Subject::User(command) => command,
        Subject::Group(command) => return admin_group::run(command, ui),
    };
    match command {
        UserCommand::Add(command) => add(command, ui),
        UserCommand::Passwd(command) => change_password(command, ui),
        UserCommand::Show(command) => show(command, ui),
        UserCommand::List(common) => list(&Desk::open(common, ui)?.store.users()?, common.format, ui),
        UserCommand::Disable(command) => disable(command, true, ui),
        UserCommand::Enable(command) => disable(command, false, ui),
        UserCommand::Delete(command) => delete(command, ui),
    }
}

/// The store, and the domain that names are completed with.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) configuration: Configuration,
    pub(super) format: Format,
}

impl Desk {
    pub(super) fn open(common: &Common, ui: &Ui) -> Result<Self> {
        let configuration = common.server.configuration(ui)?;
        let path = configuration.store.clone().unwrap_or_else(|| STORE.into());
        Ok(Self { store: Store::open(&path)?, configuration, format: common.format })
    }

    fn address(&self, user: &str) -> Result<String> {
        address(user, &self.configuration.domain)
    }

    pub(super) fn account(&self, user: &str) -> Result<User> {
        let address = self.address(user)?;
        self.store.user(&address)?.ok_or_else(|| unknown(&address))
    }

    /// Keeps what was changed, and says so.
    fn done(mut self, user: &str, change: &'static str, ui: &mut Ui) -> Result<Outcome> {
        if change != "unchanged" {
            audit::note(ui, What::UserChange, Object::User(user), Some(change))?;
        }
        self.store.commit()?;
        match self.format {
            Format::Text => ui.line(&format!("{user}: {change}"))?,
            Format::Json => json(&Change { schema: "impskit.user-change/1", user, change }, ui)?,
        }
        Ok(Outcome::Good)
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

fn unknown(address: &str) -> Error {
    Error::input(format!("there is no user `{address}`")).help("`impskit admin user list` shows those there are")
}

fn add(command: &WithPassword, ui: &mut Ui) -> Result<Outcome> {
    let password = command.password.password(ui)?;
    let mut desk = Desk::open(&command.user.common, ui)?;
    let address = desk.address(&command.user.user)?;
    if desk.store.add_user(&address, &password, now())? {
        return desk.done(&address, "added", ui);
    }
    let is_equal = desk.account(&address)?.password == *password;
    if is_equal {
        return desk.done(&address, "unchanged", ui);
    }
    let error = Error::input(format!("there is a user `{address}` with another password"));
    Err(error.help("change it with `impskit admin user passwd`"))
}

fn change_password(command: &WithPassword, ui: &mut Ui) -> Result<Outcome> {
    let password = command.password.password(ui)?;
    let mut desk = Desk::open(&command.user.common, ui)?;
    let account = desk.account(&command.user.user)?;
    let is_equal = account.password == *password;
    desk.store.set_password(&account.address, &password)?;
    desk.done(&account.address, if is_equal { "unchanged" } else { "password changed" }, ui)
}

fn disable(command: &OfUser, is_disabled: bool, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.common, ui)?;
    let account = desk.account(&command.user)?;
    desk.store.set_disabled(&account.address, is_disabled)?;
    let change = match (account.is_disabled == is_disabled, is_disabled) {
        (true, _) => "unchanged",
        (false, true) => "disabled",
        (false, false) => "enabled",
    };
    desk.done(&account.address, change, ui)
}

fn delete(command: &OfUser, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.common, ui)?;
    let address = desk.address(&command.user)?;
    let was_there = desk.store.delete_user(&address)?;
    desk.done(&address, if was_there { "deleted" } else { "unchanged" }, ui)
}

fn show(command: &OfUser, ui: &mut Ui) -> Result<Outcome> {
    let desk = Desk::open(&command.common, ui)?;
    list(&[desk.account(&command.user)?], desk.format, ui)
}

fn list(users: &[User], format: Format, ui: &mut Ui) -> Result<Outcome> {
    let row = |user: &User| {
        let created = Timestamp::from_seconds(u64::try_from(user.created).unwrap_or_default()).rfc3339();
        (user.address.clone(), user.is_disabled, created)
    };
    let rows: Vec<_> = users.iter().map(row).collect();
    if format == Format::Json {
        let users =
            rows.iter().map(|(user, disabled, created)| Row { user, disabled: *disabled, created: created.clone() });
        json(&Rows { schema: "impskit.users/1", users: users.collect() }, ui)?;
        return Ok(Outcome::Good);
    }
    for (user, is_disabled, created) in rows {
        ui.line(&format!("{user}  {}  since {created}", if is_disabled { "disabled" } else { "enabled" }))?;
    }
    Ok(Outcome::Good)
}

pub(super) fn json(value: &impl Serialize, ui: &mut Ui) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::input(error.to_string()))?;
    ui.line(&text)
}

#[allow(clippy::disallowed_methods, reason = "an account knows when it was made")]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs())
}
