//! `new`: a commented file to start from.

use clap::{Args, ValueEnum};
use impskit::error::Result;

use super::ui::Output;
use super::{Outcome, Ui};

/// Print a commented file to start from
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit new profile -o acme.toml
  impskit new profile --minimal")]
pub(crate) struct New {
    /// What to start
    kind: Kind,
    /// Only what must be there, without comments
    #[arg(long)]
    minimal: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A service described once, for all handsets
    Profile,
    /// A profile sent to many subscribers
    Campaign,
    /// Configuration, of the server too
    Server,
    /// What a family of handsets takes of provisioning documents
    Device,
}

impl New {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let text = match (self.kind, self.minimal) {
            (Kind::Profile, false) => include_str!("../../templates/acme.toml").to_owned(),
            (Kind::Profile, true) => MINIMAL.to_owned(),
            (Kind::Campaign, false) => include_str!("../../templates/spring.toml").to_owned(),
            (Kind::Campaign, true) => MINIMAL_CAMPAIGN.to_owned(),
            (Kind::Server, false) => include_str!("../../templates/impskit.toml").to_owned(),
            (Kind::Server, true) => MINIMAL_SERVER.to_owned(),
            (Kind::Device, false) => include_str!("../../templates/device.toml").to_owned(),
            (Kind::Device, true) => MINIMAL_DEVICE.to_owned(),
        };
        ui.result(text.as_bytes(), self.output.to_file(), false)?;
        Ok(Outcome::Good)
    }
}

const MINIMAL_CAMPAIGN: &str = "\
schema = 1
name = \"spring\"
profile = \"acme.toml\"
routes = [\"file\"]
";

const MINIMAL_SERVER: &str = "\
[server]
domain = \"acme.example\"
";

const MINIMAL_DEVICE: &str = "\
model = \"example-phone\"
source = \"who saw it on which handset, and when\"
";

const MINIMAL: &str = "\
schema = 1
id = \"acme-imps\"
name = \"Acme Chat\"
provider_id = \"acme.example\"

[service]
addresses = [\"http://imps.acme.example/csp\"]

[account]
level = \"APPSRV\"
user = \"wv:{user}@acme.example\"
password = \"{password}\"

[[access_point]]
id = \"acme-gprs\"
apn = \"chat.acme\"
";
