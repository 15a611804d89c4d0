//! `admin user`: accounts, and what each may do and have.

use clap::{Args, Subcommand};
use impskit::csp::{Services, Version};
use impskit::error::{Error, Result};
use impskit::random;
use impskit::server::{HashedPassword, Quotas, Store, Timestamp, User, read_number};
use serde::Serialize;

use super::table::{Export, Import};
use super::{Common, Desk, Thing, json, now};
use crate::cli::secret::PasswordOptions;
use crate::cli::{Format, Outcome, Ui};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an account
    #[command(after_help = "\
Examples:
  impskit admin user add anna --password-file anna.txt
  pass show anna | impskit admin user add anna --password-stdin --msisdn 358401234567")]
    Add(Add),
    /// Change a password
    #[command(after_help = "\
Examples:
  impskit admin user passwd anna --password-file anna.txt
  impskit admin user passwd anna --config impskit.toml --password-env ANNA --plain-only")]
    Passwd(WithPassword),
    /// Change by which number the network knows a user, and what the user may do and have
    #[command(after_help = "\
Examples:
  impskit admin user change anna --msisdn 358401234567 --quota contacts=500
  impskit admin user change anna --features FundamentalFeat,IMFeat --quota contacts=default")]
    Change(Change),
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
    /// Add or change the accounts of a table; a table with a mistake changes nothing
    #[command(after_help = "\
The columns are `user`, `password`, `hash`, `msisdn`, `features`, `quotas` and `disabled`; all but `user` may be missing.

Examples:
  impskit admin user import accounts.csv
  impskit admin user import accounts.csv --store imps.db --format json")]
    Import(Import),
    /// Write all accounts as a table that `import` reads
    #[command(after_help = "\
Examples:
  impskit admin user export > accounts.csv
  impskit admin user export --show-secrets --store imps.db > accounts.csv")]
    Export(Export),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    with: WithPassword,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, Args)]
pub(super) struct Change {
    #[command(flatten)]
    user: OfUser,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, Args)]
pub(super) struct WithPassword {
    #[command(flatten)]
    user: OfUser,
    #[command(flatten)]
    password: PasswordOptions,
    /// Keep the password as a salted hash: the user sends the password itself, by 2-way login
    #[arg(long)]
    plain_only: bool,
}

#[derive(Debug, Args)]
pub(super) struct OfUser {
    /// The user: `anna`, or `wv:anna@acme.example`
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    common: Common,
}

/// What a user may do and have, as it is typed or stands in a table.
#[derive(Debug, Default, Args)]
pub(super) struct Terms {
    /// The number by which trusted gateways know the user, or `none`
    #[arg(long, value_name = "N")]
    pub(super) msisdn: Option<String>,
    /// The features and functions that the user has subscribed to, such as `IMFeat,GCLI`, or `all`
    #[arg(long, value_name = "NAMES")]
    pub(super) features: Option<String>,
    /// How many of a thing the user may have, such as `contacts=500`, or `contacts=default`
    #[arg(long, value_name = "NAME=N")]
    pub(super) quota: Vec<String>,
}

/// The same, understood: what is not said is not there.
#[derive(Debug, Default)]
pub(super) struct Said {
    msisdn: Option<Option<String>>,
    features: Option<Option<String>>,
    quotas: Vec<(String, Option<u32>)>,
}

impl Terms {
    pub(super) fn read(&self) -> Result<Said> {
        let number = |text: &str| match text {
            "none" => Ok(None),
            text => {
                let wrong = || Error::input(format!("`{text}` is no number such as 358401234567")).at("--msisdn");
                read_number(text).map(|number| Some(number.to_owned())).ok_or_else(wrong)
            }
        };
        Ok(Said {
            msisdn: self.msisdn.as_deref().map(number).transpose()?,
            features: self.features.as_deref().map(read_features).transpose()?,
            quotas: self.quota.iter().map(|text| read_quota(text)).collect::<Result<_>>()?,
        })
    }
}

/// Reads names of features and functions; `None` is all of them.
fn read_features(text: &str) -> Result<Option<String>> {
    if text == "all" {
        return Ok(None);
    }
    let mut names = Vec::new();
    for name in text.split([',', ' ']).filter(|name| !name.is_empty()) {
        let is_known = |version: &Version| Services::all(*version).has(name);
        if !Version::ALL.iter().any(is_known) {
            let error = Error::input(format!("`{name}` is no feature or function")).at("--features");
            return Err(error
                .help("they are those of the service tree: FundamentalFeat, PresenceFeat, IMFeat, GroupFeat, GCLI …"));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err(Error::input("no feature is left: `disable` forbids logging in").at("--features"));
    }
    Ok(Some(names.join(" ")))
}

fn read_quota(text: &str) -> Result<(String, Option<u32>)> {
    let wrong = || {
        let error = Error::input(format!("`{text}` is no quota such as `contacts=500`")).at("--quota");
        error.help(format!("what can be counted: {}", Quotas::NAMES.join(", ")))
    };
    let (name, most) = text.split_once('=').ok_or_else(wrong)?;
    let most = match most {
        "default" => None,
        most => Some(most.parse().map_err(|_| wrong())?),
    };
    if Quotas::NAMES.contains(&name) { Ok((name.to_owned(), most)) } else { Err(wrong()) }
}

impl Said {
    /// Writes what differs; returns whether anything did.
    pub(super) fn apply(&self, store: &mut Store, address: &str) -> Result<bool> {
        let Some(user) = store.user(address)? else { return Ok(false) };
        let mut has_changed = false;
        if let Some(msisdn) = self.msisdn.as_ref().filter(|msisdn| **msisdn != user.msisdn) {
            if !store.set_number(address, msisdn.as_deref())? {
                let number = msisdn.as_deref().unwrap_or_default();
                return Err(Error::input(format!("another user has the number {number}")).at("--msisdn"));
            }
            has_changed = true;
        }
        if let Some(features) = self.features.as_ref().filter(|features| **features != user.features) {
            store.set_features(address, features.as_deref())?;
            has_changed = true;
        }
        let quotas = store.quotas(address)?;
        for (name, most) in &self.quotas {
            let own = quotas.iter().find(|(own, _)| own == name).map(|(_, most)| *most as u64);
            if own != most.map(u64::from) {
                store.set_quota(address, name, *most)?;
                has_changed = true;
            }
        }
        Ok(has_changed)
    }
}

pub(super) fn run(command: &Command, ui: &mut Ui) -> Result<Outcome> {
    match command {
        Command::Add(command) => add(command, ui),
        Command::Passwd(command) => change_password(command, ui),
        Command::Change(command) => change(command, ui),
        Command::Show(command) => show(command, ui),
        Command::List(common) => {
            let desk = Desk::open(common, ui)?;
            list(&desk, &desk.store.users()?, false, ui)
        }
        Command::Disable(command) => disable(command, true, ui),
        Command::Enable(command) => disable(command, false, ui),
        Command::Delete(command) => delete(command, ui),
        Command::Import(command) => command.run(ui),
        Command::Export(command) => command.run(ui),
    }
}

/// Returns whether an account has that password, however it is kept.
pub(crate) fn has_password(account: &User, password: &str) -> bool {
    match account.is_hashed {
        true => HashedPassword::read(&account.password).is_ok_and(|hash| hash.is_of(password)),
        false => account.password == password,
    }
}

/// Keeps a password as it is or as a salted hash.
pub(crate) fn set_password(store: &mut Store, address: &str, password: &str, as_hash: bool) -> Result<()> {
    if as_hash {
        store.set_hashed_password(address, &HashedPassword::new(password, &random::octets()?))?;
    } else {
        store.set_password(address, password)?;
    }
    Ok(())
}

fn add(command: &Add, ui: &mut Ui) -> Result<Outcome> {
    let WithPassword { user: OfUser { user, common }, password, plain_only } = &command.with;
    let said = command.terms.read()?;
    let password = password.password(ui)?;
    let mut desk = Desk::open(common, ui)?;
    let address = desk.address(user)?;
    if let Some(account) = desk.store.user(&address)? {
        if !has_password(&account, &password) || account.is_hashed != *plain_only {
            let error = Error::input(format!("there is a user `{address}` with another password"));
            return Err(error.help("change it with `impskit admin user passwd`"));
        }
        if said.apply(&mut desk.store, &address)? {
            let error = Error::input(format!("there is a user `{address}` with other terms"));
            return Err(error.help("change them with `impskit admin user change`"));
        }
        return desk.done(Thing::User(&address), "unchanged", ui);
    }
    desk.store.add_user(&address, &password, now())?;
    if *plain_only {
        set_password(&mut desk.store, &address, &password, true)?;
    }
    said.apply(&mut desk.store, &address)?;
    desk.done(Thing::User(&address), "added", ui)
}

fn change_password(command: &WithPassword, ui: &mut Ui) -> Result<Outcome> {
    let password = command.password.password(ui)?;
    let mut desk = Desk::open(&command.user.common, ui)?;
    let account = desk.account(&command.user.user)?;
    let as_hash = account.is_hashed || command.plain_only;
    if has_password(&account, &password) && account.is_hashed == as_hash {
        return desk.done(Thing::User(&account.address), "unchanged", ui);
    }
    set_password(&mut desk.store, &account.address, &password, as_hash)?;
    desk.done(Thing::User(&account.address), "password changed", ui)
}

fn change(command: &Change, ui: &mut Ui) -> Result<Outcome> {
    let said = command.terms.read()?;
    let mut desk = Desk::open(&command.user.common, ui)?;
    let address = desk.account(&command.user.user)?.address;
    let has_changed = said.apply(&mut desk.store, &address)?;
    desk.done(Thing::User(&address), if has_changed { "changed" } else { "unchanged" }, ui)
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
    desk.done(Thing::User(&account.address), change, ui)
}

fn delete(command: &OfUser, ui: &mut Ui) -> Result<Outcome> {
    let mut desk = Desk::open(&command.common, ui)?;
    let address = desk.address(&command.user)?;
    let was_there = desk.store.delete_user(&address)?;
    desk.done(Thing::User(&address), if was_there { "deleted" } else { "unchanged" }, ui)
}

fn show(command: &OfUser, ui: &mut Ui) -> Result<Outcome> {
    let desk = Desk::open(&command.common, ui)?;
    list(&desk, &[desk.account(&command.user)?], true, ui)
}

/// An account as programs read it; the password is never shown.
#[derive(Serialize)]
struct Row {
    user: String,
    disabled: bool,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    msisdn: Option<String>,
    /// Whether the password is kept as a hash, so that the user has to send it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    quotas: std::collections::BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Rows {
    schema: &'static str,
    users: Vec<Row>,
}

fn row(store: &Store, user: &User) -> Result<Row> {
    Ok(Row {
        user: user.address.clone(),
        disabled: user.is_disabled,
        created: Timestamp::from_seconds(u64::try_from(user.created).unwrap_or_default()).rfc3339(),
        msisdn: user.msisdn.clone(),
        plain_only: user.is_hashed,
        features: user.features.as_ref().map(|features| features.split(' ').map(str::to_owned).collect()),
        quotas: store.quotas(&user.address)?.into_iter().collect(),
    })
}

fn list(desk: &Desk, users: &[User], is_whole: bool, ui: &mut Ui) -> Result<Outcome> {
    let rows = users.iter().map(|user| row(&desk.store, user)).collect::<Result<Vec<_>>>()?;
    if desk.format == Format::Json {
        json(&Rows { schema: "impskit.users/1", users: rows }, ui)?;
        return Ok(Outcome::Good);
    }
    for Row { user, disabled, created, msisdn, plain_only, features, quotas } in rows {
        ui.line(&format!("{user}  {}  since {created}", if disabled { "disabled" } else { "enabled" }))?;
        let quotas: Vec<String> = quotas.into_iter().map(|(name, most)| format!("{name}={most}")).collect();
        let more = [
            ("number", msisdn),
            ("password", plain_only.then(|| "kept as a hash, 2-way login only".to_owned())),
            ("features", features.map(|features| features.join(" "))),
            ("quotas", (!quotas.is_empty()).then(|| quotas.join(" "))),
        ];
        for (name, text) in more.into_iter().filter(|_| is_whole) {
            if let Some(text) = text {
                ui.line(&format!("  {name:<8}  {text}"))?;
            }
        }
    }
    Ok(Outcome::Good)
}
