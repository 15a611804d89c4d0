//! `config`: which values are in force, and where they come from.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use impskit::configuration::{Origin, Row, SCHEMA_TEXT, Search};
use impskit::error::{Error, Result};
use serde_json::json;

use super::check::{self, output::Telling};
use super::{Format, Outcome, Ui};

/// Which values are in force, and where they come from
#[derive(Debug, Args)]
#[command(after_help = "\
Options are over variables such as IMPSKIT_CHECK__FAIL_ON, these over the nearest impskit.toml upwards, this one over
impskit/impskit.toml in the user's folder for configuration, and that one over /etc/impskit/impskit.toml.

Examples:
  impskit config show --origin
  impskit config check impskit.toml")]
pub(crate) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Show(Show),
    Check(Check),
    Schema(Schema),
}

/// Every value in force; secrets are kept elsewhere, and only their place is shown
#[derive(Debug, Args)]
#[command(
    name = "show",
    after_help = "\
Examples:
  impskit config show --origin
  impskit config show --config impskit.toml --format json"
)]
struct Show {
    /// Say where each comes from
    #[arg(long)]
    origin: bool,
    /// The format of the output; text is TOML
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// What is wrong with configuration files
#[derive(Debug, Args)]
#[command(
    name = "check",
    after_help = "\
Examples:
  impskit config check
  impskit config check impskit.toml --format json"
)]
struct Check {
    /// Files, `-` for stdin; those that are in force where absent, and the environment with them
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    telling: Telling,
}

/// The JSON Schema of the file, for editors
#[derive(Debug, Args)]
#[command(
    name = "schema",
    after_help = "\
Examples:
  impskit config schema
  impskit config schema > impskit.schema.json"
)]
struct Schema {}

impl Config {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        match &self.command {
            ConfigCommand::Show(command) => command.run(ui),
            ConfigCommand::Check(command) => command.run(ui),
            ConfigCommand::Schema(_) => ui.data(SCHEMA_TEXT.as_bytes()).map(|()| Outcome::Good),
        }
    }
}

impl Show {
    fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let configuration = ui.configuration()?;
        if self.format == Format::Json {
            let (files, values) = (configuration.files(), configuration.rows());
            ui.line(&format!("{:#}", json!({ "schema": "impskit.config/1", "files": files, "values": values })))?;
            return Ok(Outcome::Good);
        }
        for row in configuration.rows() {
            ui.line(&self.as_text(row)?)?;
        }
        if configuration.files().is_empty() {
            ui.say("note: there is no configuration file");
        }
        Ok(Outcome::Good)
    }

    fn as_text(&self, row: &Row) -> Result<String> {
        let Row { key, value, origin, place } = row;
        let value = toml::Value::try_from(value).map_err(|error| Error::input(error.to_string()).at(key))?;
        let line = format!("{key} = {value}");
        Ok(match (self.origin, origin, place) {
            (false, ..) => line,
            (true, Origin::Default, _) => format!("{line}  # default"),
            (true, _, place) => format!("{line}  # {}", place.as_deref().unwrap_or_default()),
        })
    }
}

impl Check {
    fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        if !self.files.is_empty() {
            return check::configurations(&self.files, &self.telling, ui);
        }
        let files = ui.search().files()?;
        let outcome = check::configurations(&files, &self.telling, ui)?;
        if outcome == Outcome::Good {
            // What no file says alone: the environment, and the files one over the other.
            ui.configuration()?;
        }
        Ok(outcome)
    }
}

/// Returns where configuration is looked for, `file` alone if there is one.
pub(super) fn search(file: Option<&Path>) -> Search {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = folder("HOME");
    let of_user = folder("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let of_user = of_user.map(|folder| folder.join("impskit/impskit.toml"));
    let mut environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    environment.sort_unstable();
    Search {
        file: file.map(Path::to_owned),
        folder: std::env::current_dir().ok(),
        home,
        others: of_user.into_iter().chain(["/etc/impskit/impskit.toml".into()]).collect(),
        environment,
        user: user(),
    }
}

/// Returns the number of the user that runs this process, where the system says it in a file.
#[cfg(target_os = "linux")]
pub(super) fn user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn user() -> Option<u32> {
    None
}
