//! Where a campaign is: its file, its store, its routes, its audit log; options before the configuration.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use impskit::batch::audit::{Audit, Done, Object, Trail, What};
use impskit::batch::campaign::{Campaign, Confirm};
use impskit::batch::route::RouteSettings;
use impskit::batch::status::unknown;
use impskit::batch::store::{Store, StoreKey, Stored};
use impskit::error::{Error, Result};
use zeroize::Zeroizing;

use super::now;
use crate::cli::Ui;
use crate::cli::audit::who;
use crate::cli::input::must_be_campaign;
use crate::cli::profile::fetch_at;

/// The name of the audit log that lies beside a store.
const LOG: &str = "audit.jsonl";

/// How the names of campaigns begin that `send` makes.
pub(super) const SENT: &str = "send-";

/// Where the store is.
#[derive(Debug, Args)]
pub(super) struct At {
    /// The store, `sqlite:PATH`; beside the campaign file where not given
    #[arg(long, value_name = "URL", env = "IMPSKIT_STORE__URL")]
    store: Option<String>,
}

pub(super) fn read_campaign(path: &Path) -> Result<Campaign> {
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    must_be_campaign(&path.display().to_string(), text.as_bytes())?;
    Campaign::read(&text, path)
}

impl At {
    /// Finds a campaign by its file, its folder or its name.
    pub(super) fn find(&self, what: &Path, ui: &Ui) -> Result<Campaign> {
        if what.is_file() {
            return read_campaign(what);
        }
        // `.` has no name of its own.
        let named = if what.is_dir() { fs::canonicalize(what).unwrap_or_default() } else { what.to_owned() };
        let name = named.file_name().unwrap_or(what.as_os_str()).to_string_lossy().into_owned();
        let beside = [
            what.join("campaign.toml"),
            what.join(format!("{name}.toml")),
            what.with_file_name(format!("{name}.toml")),
        ];
        if let Some(path) = beside.iter().find(|path| path.is_file()) {
            return read_campaign(path);
        }
        let store = self.configured(ui)?.unwrap_or_else(|| what.with_file_name(file_of(&name)));
        if store.is_file() {
            let store = Store::open(&store)?;
            let stored = store.campaign(&name)?.ok_or_else(|| unknown(&store, &name))?;
            // `send` leaves no campaign file behind.
            return match stored.file.as_str() {
                "" => Campaign::of_one(&name, Path::new(""), "", Path::new(""), Confirm::default()),
                file => read_campaign(Path::new(file)),
            };
        }
        let error =
            Error::input("there is no campaign file, folder or store of that name").at(what.display().to_string());
        Err(error.help("name the campaign file, or say `--store sqlite:PATH`"))
    }

    /// Opens the store of a campaign that is planned.
    pub(super) fn open_planned(&self, what: &Path, ui: &mut Ui) -> Result<(Campaign, Store, Stored)> {
        let campaign = self.find(what, ui)?;
        let path = self.store_path(&campaign, ui)?;
        let store = Store::open_existing(&path)?.with_key(store_key(ui)?);
        let stored = store.campaign(&campaign.name)?.ok_or_else(|| unknown(&store, &campaign.name))?;
        Ok((campaign, store, stored))
    }

    /// Opens the store at `path`, or makes it, with the key that the configuration names.
    pub(super) fn open(&self, path: &Path, ui: &mut Ui) -> Result<Store> {
        let key = store_key(ui)?;
        Ok(Store::open(path)?.with_key(key))
    }

    /// Returns where the store of a campaign is.
    pub(super) fn store_path(&self, campaign: &Campaign, ui: &Ui) -> Result<PathBuf> {
        Ok(self.configured(ui)?.unwrap_or_else(|| campaign.folder.join(file_of(&campaign.name))))
    }

    /// Returns the store that the option or the configuration names.
    pub(super) fn configured(&self, ui: &Ui) -> Result<Option<PathBuf>> {
        match &self.store {
            Some(url) => sqlite_path(url).map(Some),
            None => ui.configuration()?.store_url().map(sqlite_path).transpose(),
        }
    }

    /// Returns the routes of a campaign, its own and those of the configuration.
    pub(super) fn routes(&self, campaign: &Campaign, ui: &Ui) -> Result<Vec<RouteSettings>> {
        campaign.routes(ui.configuration()?.routes())
    }

    /// Opens the audit log, beside the store at `path` where the configuration names none.
    pub(super) fn trail(&self, path: &Path, ui: &Ui) -> Result<Trail> {
        let file = ui.configuration()?.audit.file.unwrap_or_else(|| path.with_file_name(LOG));
        Ok(Trail::new(Audit::open(&file)?, who(), ui.ticket.clone()))
    }

    /// Writes into the audit log what a person does to a campaign, before it is done.
    pub(super) fn write_down(&self, campaign: &Campaign, what: What, note: &str, ui: &Ui) -> Result<()> {
        let done = Done { object: Object::Campaign(&campaign.name), document: None, outcome: None };
        let path = self.store_path(campaign, ui)?;
        self.trail(&path, ui)?.add(now(), what, std::iter::once(done), Some(note))
    }
}

/// Returns the file of a store that nobody named: one a campaign, and one for all that `send` sends.
fn file_of(campaign: &str) -> String {
    let name = if campaign.starts_with(SENT) { "send" } else { campaign };
    format!("{name}.db")
}

/// Returns the key that rows are encrypted with, if the configuration names one.
pub(super) fn store_key(ui: &mut Ui) -> Result<Option<StoreKey>> {
    let Some(source) = ui.configuration()?.store.key else { return Ok(None) };
    let text = fetch_at(&source, "store.key", Path::new(""), ui)?;
    StoreKey::read(&Zeroizing::new(text)).map(Some).map_err(|error| error.at("store.key"))
}

fn sqlite_path(url: &str) -> Result<PathBuf> {
    match url.split_once(':') {
        Some(("sqlite", path)) => Ok(path.into()),
        Some((scheme, _)) if scheme.len() > 1 => {
            let error = Error::input(format!("there is no store of the kind `{scheme}`")).at("--store");
            Err(error.help("write `sqlite:PATH`"))
        }
        _ => Ok(url.into()),
    }
}
