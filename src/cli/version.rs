//! `version`: which program this is.

use clap::Args;
use impskit::error::Result;
use serde_json::json;

use super::{Format, Outcome, Ui};

/// Which version this is, and what it was built with
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit version
  impskit version --format json")]
pub(crate) struct Version {
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// The features of the package, and whether they are in.
const FEATURES: [(&str, bool); 3] =
    [("server", cfg!(feature = "server")), ("smpp", cfg!(feature = "smpp")), ("tls", cfg!(feature = "tls"))];

impl Version {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let features: Vec<&str> = FEATURES.iter().filter(|(_, is_in)| *is_in).map(|(name, _)| *name).collect();
        let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        match self.format {
            Format::Text => ui.line(&format!("{name} {version}   features {}", features.join(", ")))?,
            Format::Json => {
                let rust = env!("CARGO_PKG_RUST_VERSION");
                let json = json!({
                    "schema": "impskit.version/1", "version": version, "features": features, "least_rust": rust,
                    "os": std::env::consts::OS, "architecture": std::env::consts::ARCH,
                });
                ui.line(&json.to_string())?;
            }
        }
        Ok(Outcome::Good)
    }
}
