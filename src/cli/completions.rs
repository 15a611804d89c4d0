//! `completions`: what shells need to complete our words.

use clap::Args;
use clap_complete::Shell;
use impskit::error::Result;

use super::{Outcome, Ui, command_line};

/// A script by which a shell completes commands and options
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit completions bash > /etc/bash_completion.d/impskit
  impskit completions fish > impskit.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_line(), "impskit", &mut script);
        ui.data(&script)?;
        Ok(Outcome::Good)
    }
}
