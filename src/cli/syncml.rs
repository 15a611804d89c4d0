//! `--as syncml` and `--as syncml-wbxml`: DM commands that make settings on a device, or bring them up to date.

use std::path::Path;

use clap::{Args, ValueEnum};
use impskit::dm::Tree;
use impskit::dm::syncml::Header;
use impskit::error::{Error, Result};
use impskit::provision::apply::Place;
use impskit::provision::changes::{Changes, changes};
use impskit::provision::commands::{self, Style, Syntax, message};
use impskit::provision::{DmAccount, ImpsAccount};

use super::Ui;
use super::descriptions::tell_applied;
use super::form::{Form, Made, cannot_write};
use super::tree::read_tree;

/// How DM commands are made.
#[derive(Debug, Args)]
#[command(next_help_heading = "DM commands")]
pub(crate) struct SyncmlOptions {
    /// What brings the settings
    #[arg(long, value_name = "STYLE", default_value = "commands")]
    style: Words,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    /// One command for each node
    Commands,
    /// One serialised tree for each object
    Tnds,
}

/// How DM commands are made, with the tree of the device read.
#[derive(Debug, Default)]
pub(crate) struct Syncml {
    from: Option<Tree>,
    style: Style,
}

impl SyncmlOptions {
    /// Reads the tree that `--from` names, where the form has use for it. `None`, with findings on stderr, where it is none.
    pub(crate) fn read(&self, form: Form, from: Option<&str>, ui: &mut Ui) -> Result<Option<Syncml>> {
        let style = match self.style {
            Words::Commands => Style::Commands,
            Words::Tnds => Style::Trees,
        };
        let Some(path) = from.filter(|_| matches!(form, Form::Syncml | Form::SyncmlWbxml)) else {
            return Ok(Some(Syncml { from: None, style }));
        };
        Ok(read_tree(Path::new(path), ui)?.map(|(tree, _)| Syncml { from: Some(tree), style }))
    }
}

impl Syncml {
    /// Returns what has to change so that the device has the accounts.
    pub(crate) fn changes(
        &self,
        accounts: &[ImpsAccount],
        managers: &[DmAccount],
        place: &Place<'_>,
    ) -> Result<Changes> {
        changes(self.from.as_ref(), accounts, managers, place).map_err(|fault| Error::input(fault.to_string()))
    }

    /// Returns the message.
    pub(crate) fn make(&self, changes: &Changes, header: Header, form: Form) -> Result<Made> {
        let syntax = if form == Form::Syncml { Syntax::Xml } else { Syntax::Wbxml };
        let message = message(header, changes, self.style, syntax);
        let message = message.map_err(|fault| Error::input(fault.to_string()))?;
        match syntax {
            Syntax::Xml => Ok(Made::Text(message.to_xml(true))),
            Syntax::Wbxml => message.to_wbxml().map(Made::Binary).map_err(|error| cannot_write(&error)),
        }
    }

    /// Tells what is behind the commands. Returns whether something was refused.
    pub(crate) fn tell(&self, changes: &Changes, ui: &mut Ui) -> bool {
        for uri in &changes.assumed {
            ui.say(&format!("note: `{uri}` is taken to be there: no server can make it"));
        }
        for uri in &changes.unseen {
            ui.say(&format!("note: the tree does not show `{uri}`: it is sent whether it differs or not"));
        }
        if changes.changes.is_empty() {
            ui.say("note: nothing has to change");
        }
        tell_applied(&changes.applied, ui)
    }
}

/// Returns a header for a message that a server has still to address.
pub(crate) fn blank_header() -> Header {
    commands::header("server", "device")
}
