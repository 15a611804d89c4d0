//! How impskit is set up: `impskit.toml` and the environment (`product.md` section 5).
//!
//! ```text
//! variables IMPSKIT_A__B ┐
//! project file           ├─ layers ─ one table, each value with its place ─ Configuration
//! user file, system file ┘                                               └─ rows of `config show`
//! ```
//!
//! What keys there are stands twice: in the types that a table is read into, and in `schema.json` for editors and for
//! people. A test holds the two together. The schema also says which texts are names of files: these start from the
//! folder of the file that they stand in.

mod layers;
mod privacy;
mod schema;
mod search;
mod show;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use privacy::Privacy;
pub use schema::{SCHEMA, TEXT as SCHEMA_TEXT};
pub use search::Search;
pub use show::{Origin, Row};

use self::layers::{Layers, Source};
use crate::batch::route::RouteSettings;
use crate::catalogue;
use crate::diagnose::Severity;
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;
use crate::server;

/// The configuration as it is in force: files and environment, one laid over the other.
#[derive(Debug)]
pub struct Configuration {
    /// `[check]`.
    pub check: Check,
    /// `[store]`.
    pub store: Store,
    /// `[reference]`.
    pub reference: Reference,
    /// `[privacy]`.
    pub privacy: Privacy,
    /// `[audit]`.
    pub audit: Audit,
    /// The `[[route]]` tables.
    pub routes: Vec<RouteSettings>,
    /// `[server]`.
    pub server: server::Configuration,
    files: Vec<PathBuf>,
    rows: Vec<Row>,
}

/// How documents are checked where no option says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// The severity from which on findings are not good enough.
    pub fail_on: FailOn,
    /// Rules that are left out: codes, or the beginnings of codes.
    pub ignore: Vec<String>,
    /// Handsets that documents are for: models, or files of device packs.
    pub device: Vec<String>,
}

/// The severity from which on findings are not good enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each is the severity of its name")]
pub enum FailOn {
    #[default]
    Error,
    Warning,
    Note,
    /// Everything is good enough.
    Never,
}

impl FailOn {
    /// Returns the mildest severity that is not good enough.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

/// Where campaigns are remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:PATH`; beside the campaign file where not given.
    pub url: Option<String>,
    /// Where the key is kept under which secret columns are encrypted.
    pub key: Option<SecretSource>,
}

/// Genuine descriptions in place of the references that are reconstructed (`product.md` 3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reference {
    /// The description of the IMPS management object.
    pub imps_mo: Option<PathBuf>,
}

/// The audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Its file; without one nothing is written down.
    pub file: Option<PathBuf>,
}

/// A queue between workers: there is none yet.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Queue {
    #[serde(rename = "url")]
    _url: NoQueue,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NoQueue {
    #[default]
    None,
}

/// The whole file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    check: Check,
    store: Store,
    reference: Reference,
    #[serde(rename = "queue")]
    _queue: Queue,
    privacy: Privacy,
    audit: Audit,
    route: Vec<RouteSettings>,
    server: server::Table,
}

impl Configuration {
    /// Reads what is in force: the environment over the project's file over the user's over the system's, or over the
    /// one file that is named.
    ///
    /// # Errors
    ///
    /// Says what is wrong and where: a file that cannot be read or is no TOML, a key that is unknown with the one that
    /// was meant, a value that cannot be.
    pub fn load(search: &Search) -> Result<Self> {
        let mut layers = Layers::default();
        for (name, value) in search.variables() {
            layers.add(Source::Variable(name.to_owned()), value.to_owned());
        }
        for path in search.files()? {
            let text = search::read(&path)?;
            layers.add(Source::File(path), text);
        }
        Self::of(&layers)
    }

    /// Reads one file by its text, nothing else; names in it start from the folder of `path`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn read(text: &str, path: &Path) -> Result<Self> {
        let mut layers = Layers::default();
        layers.add(Source::File(path.to_owned()), text.to_owned());
        Self::of(&layers)
    }

    fn of(layers: &Layers) -> Result<Self> {
        let merged = layers.merge()?;
        let File { check, store, reference, privacy, audit, route: routes, server, .. } = merged.read()?;
        let server = server::Configuration::of(server).map_err(|error| merged.at_place(error))?;
        let files = layers.files().map(Path::to_owned).collect();
        let rows = show::rows(&merged);
        let this = Self { check, store, reference, privacy, audit, routes, server, files, rows };
        this.check().map_err(|error| merged.at_place(error))?;
        Ok(this)
    }

    /// Checks what types cannot say; errors name the key.
    fn check(&self) -> Result<()> {
        if let Some(code) = self.check.ignore.iter().find(|code| !is_rule_prefix(code)) {
            let error = Error::input(format!("no rule has the code `{}`", code.escape_debug())).at("check.ignore");
            return Err(error.help("`impskit explain --list` lists them"));
        }
        let is_known = |url: &String| !url.contains(':') || url.starts_with("sqlite:");
        if let Some(url) = self.store.url.as_ref().filter(|url| !is_known(url)) {
            let kind = url.split(':').next().unwrap_or_default().escape_debug();
            let error = Error::input(format!("there is no store of the kind `{kind}`")).at("store.url");
            return Err(error.help("write `sqlite:PATH`"));
        }
        let mut names: Vec<&str> = self.routes.iter().map(|route| route.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::input(format!("there are two routes `{}`", twice[0].escape_debug())).at("route"));
        }
        self.routes.iter().try_for_each(RouteSettings::check)?;
        self.privacy.check()
    }

    /// Returns the store of campaigns, if one is set: `sqlite:PATH`.
    pub fn store_url(&self) -> Option<&str> {
        self.store.url.as_deref()
    }

    /// Returns the routes that campaigns may name.
    pub fn routes(&self) -> &[RouteSettings] {
        &self.routes
    }

    /// Returns the files that were read, the loudest first.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns every value in force with where it comes from, in the order of the schema.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

/// Returns whether a rule's code begins so, in any case of letters.
pub fn is_rule_prefix(code: &str) -> bool {
    let code = code.to_ascii_uppercase();
    let mut rules = catalogue::RULES.iter().flat_map(|family| family.iter());
    !code.is_empty() && rules.any(|rule| rule.code.starts_with(&code))
}

#[cfg(test)]
mod tests;
