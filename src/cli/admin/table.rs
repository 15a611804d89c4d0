//! `admin user import` and `export`: accounts as a table.

use std::path::PathBuf;

use clap::Args;
use impskit::batch::audit::{Object, What};
use impskit::diagnose::Report;
use impskit::error::{Error, Result};
use impskit::provision::rows::{Names, Row, Table, quoted};
use impskit::server::{HashedPassword, User};
use serde::Serialize;

use super::user::{Terms, has_password, set_password};
use super::{Common, Desk, json, now};
use crate::cli::ui::read_input;
use crate::cli::{Format, Outcome, Ui, audit};

/// The columns of a table of accounts, in the order in which they are written.
const COLUMNS: [&str; 7] = ["user", "password", "hash", "msisdn", "features", "quotas", "disabled"];

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The table, with a line of names first; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Write passwords and hashes too
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    common: Common,
}

/// How many accounts a table was about.
#[derive(Debug, Default, Serialize)]
struct Count {
    schema: &'static str,
    added: usize,
    changed: usize,
    unchanged: usize,
}

impl Import {
    pub(super) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let (name, octets) = read_input(&self.file)?;
        let mut report = Report::new();
        let Some(mut table) = Table::open(&octets[..], b',', Names::Theirs, &mut report)? else {
            let why = report.diagnostics().first().map_or("it has no header", |finding| finding.message.as_str());
            return Err(Error::input(format!("the file is no table: {why}")).at(name));
        };
        if let Some(strange) = table.header().names().find(|name| !COLUMNS.contains(name)) {
            let error = Error::input(format!("there is no column `{strange}`")).at(name);
            return Err(error.help(format!("the columns are {}", COLUMNS.join(", "))));
        }
        let mut desk = Desk::open(&self.common, ui)?;
        let mut count = Count { schema: "impskit.user-import/1", ..Count::default() };
        let mut changed = Vec::new();
        let mut line = 1;
        while let Some(row) = table.next_row()? {
            line += 1;
            let at = |error: Error| Error { at: None, ..error }.at(format!("{name}, row {line}"));
            let (address, change) = take(&mut desk, &row).map_err(at)?;
            match change {
                None => count.unchanged += 1,
                Some("added") => count.added += 1,
                Some(_) => count.changed += 1,
            }
            changed.extend(change.map(|change| (address, change)));
        }
        for (address, change) in &changed {
            audit::note(ui, What::UserChange, Object::User(address), Some(change))?;
        }
        desk.store.commit()?;
        match desk.format {
            Format::Json => json(&count, ui)?,
            Format::Text => {
                let Count { added, changed, unchanged, .. } = count;
                ui.line(&format!("{added} added, {changed} changed, {unchanged} unchanged"))?;
            }
        }
        Ok(Outcome::Good)
    }
}

/// Makes an account what a row says; returns its address, and what was done where anything was.
fn take(desk: &mut Desk, row: &Row) -> Result<(String, Option<&'static str>)> {
    let cell = |name: &str| row.get(name).map(str::to_owned);
    let address = desk.address(&cell("user").ok_or_else(|| Error::input("the row names no user"))?)?;
    let quota = cell("quotas").map(|quotas| quotas.split_whitespace().map(str::to_owned).collect());
    let terms = Terms { msisdn: cell("msisdn"), features: cell("features"), quota: quota.unwrap_or_default() };
    let said = terms.read()?;
    let (password, hash) = (cell("password"), cell("hash"));
    let hash = hash.as_deref().map(HashedPassword::read).transpose()?;
    let before = desk.store.user(&address)?;
    let store = &mut desk.store;
    let mut has_changed = false;
    match (&before, &hash, &password) {
        (None, None, None) => return Err(Error::input(format!("`{address}` is new and has no password"))),
        (Some(account), Some(hash), _) if account.is_hashed && account.password == hash.as_str() => {}
        (Some(account), None, Some(password)) if has_password(account, password) => {}
        (Some(_), None, None) => {}
        (before, hash, password) => {
            if before.is_none() {
                store.add_user(&address, password.as_deref().unwrap_or_default(), now())?;
            }
            match (hash, password) {
                (Some(hash), _) => drop(store.set_hashed_password(&address, hash)?),
                (None, Some(password)) => {
                    let as_hash = before.as_ref().is_some_and(|account| account.is_hashed);
                    set_password(store, &address, password, as_hash)?;
                }
                (None, None) => {}
            }
            has_changed = true;
        }
    }
    has_changed |= said.apply(store, &address)?;
    if let Some(disabled) = cell("disabled") {
        let is_disabled = match disabled.as_str() {
            "yes" => true,
            "no" => false,
            other => return Err(Error::input(format!("`{other}` is neither yes nor no"))),
        };
        has_changed |= before.as_ref().is_some_and(|account| account.is_disabled) != is_disabled;
        store.set_disabled(&address, is_disabled)?;
    }
    let change = if before.is_none() { "added" } else { "changed" };
    Ok((address, (has_changed || before.is_none()).then_some(change)))
}

impl Export {
    pub(super) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let desk = Desk::open(&self.common, ui)?;
        let users = desk.store.users()?;
        if self.show_secrets {
            audit::note(ui, What::SecretPrint, Object::User("all"), Some("exported"))?;
        }
        ui.line(&COLUMNS.join(","))?;
        for user in &users {
            let quotas = desk.store.quotas(&user.address)?;
            let quotas: Vec<String> = quotas.into_iter().map(|(name, most)| format!("{name}={most}")).collect();
            ui.line(&self.line(user, &quotas.join(" ")))?;
        }
        Ok(Outcome::Good)
    }

    fn line(&self, user: &User, quotas: &str) -> String {
        let secret = |is_hashed: bool| {
            let is_shown = self.show_secrets && user.is_hashed == is_hashed;
            if is_shown { user.password.as_str() } else { "" }
        };
        let cells = [
            user.address.as_str(),
            secret(false),
            secret(true),
            user.msisdn.as_deref().unwrap_or("none"),
            user.features.as_deref().unwrap_or("all"),
            quotas,
            if user.is_disabled { "yes" } else { "no" },
        ];
        cells.map(quoted).join(",")
    }
}
