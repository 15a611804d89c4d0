//! `diff`: what differs in meaning between two inputs; of two device descriptions, whether it breaks anything.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::catalogue;
use impskit::codec::Limits;
use impskit::diagnose::Report;
use impskit::dm::{self, Description, Impact};
use impskit::error::{Error, Result};
use impskit::inspect::difference::{Differences, Settings};

use super::convert::{Input, read};
use super::input::document;
use super::profile::{RowOptions, load};
use super::ui::read_input;
use super::{Outcome, Ui};

/// What differs in meaning: settings in any form, or two device descriptions and whether the second breaks anything
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit diff fw-2.1.ddf fw-2.2.ddf --format markdown > changes.md
  impskit diff acme.toml actual.wbxml --row subscribers.csv:17")]
pub(crate) struct Diff {
    /// What should be: a profile, a provisioning document, a device tree, or a device description; `-` for stdin
    #[arg(value_name = "EXPECTED")]
    expected: PathBuf,
    /// What is
    #[arg(value_name = "ACTUAL")]
    actual: PathBuf,
    /// Leave out what is at this address and below it; `<X>` is any name
    #[arg(long, value_name = "PATH")]
    ignore: Vec<String>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    /// Of descriptions, the verdict from which on the exit code is 1; of settings, any difference is one
    #[arg(long, value_name = "LEVEL", default_value = "major")]
    fail_on: FailOn,
    #[command(flatten)]
    row: RowOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    Text,
    /// One object, for programs
    Json,
    /// A table for release notes
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What worked may fail
    Major,
    /// Something was added or loosened
    Minor,
    /// Words differ
    Patch,
    /// Nothing is bad enough
    Never,
}

/// One of the two inputs.
enum Side {
    Description(Description),
    Settings(Settings),
}

/// Runs the command.
pub(crate) fn run(command: &Diff, ui: &mut Ui) -> Result<Outcome> {
    let (expected, actual) = (command.side(&command.expected, ui)?, command.side(&command.actual, ui)?);
    let mut differences = match (&expected, &actual) {
        (Side::Description(expected), Side::Description(actual)) => Differences::of_descriptions(expected, actual),
        (Side::Settings(expected), Side::Settings(actual)) => {
            // Of two trees all nodes are compared, accounts or none.
            if !(expected.is_tree() && actual.is_tree()) {
                has_accounts(expected, &command.expected)?;
                has_accounts(actual, &command.actual)?;
            }
            Differences::of_settings(expected, actual)
        }
        _ => {
            return Err(Error::input("a device description and settings have nothing to compare")
                .help("`impskit check TREE --ddf FILE` holds a tree against a description"));
        }
    };
    differences.ignore(&command.ignore);
    let name = |path: &Path| path.display().to_string();
    let shown = match command.format {
        Format::Text => differences.to_text(),
        Format::Markdown => differences.to_markdown(),
        Format::Json => differences.to_json(&name(&command.expected), &name(&command.actual)),
    };
    ui.data(shown.as_bytes())?;
    Ok(if command.is_bad(&differences) { Outcome::NotGood } else { Outcome::Good })
}

impl Diff {
    fn side(&self, path: &Path, ui: &mut Ui) -> Result<Side> {
        let (name, octets) = read_input(path)?;
        if catalogue::recognise(&octets, &Limits::default()).is_some_and(|kind| kind.id == "profile") {
            return self.profile(path, ui).map(Side::Settings);
        }
        let octets = document(&name, octets, ui)?;
        let unreadable = || {
            let help = "`impskit check` says what is wrong with it, `impskit decode` what it is";
            Error::input("the input cannot be read").at(name.clone()).help(help)
        };
        match read(&name, &octets, ui)?.ok_or_else(unreadable)? {
            Input::Cp(root, _) => Ok(Side::Settings(Settings::of_document(&root))),
            Input::Tree(tree) => Ok(Side::Settings(Settings::of_tree(tree))),
            Input::Other(document) if document.vocabulary.is_some_and(|v| v.id == dm::DDF.id) => {
                let description = Description::from_element(&document.root, &mut Report::new());
                description.map(Side::Description).ok_or_else(unreadable)
            }
            Input::Other(_) | Input::Push(_) => Err(Error::input("the input is nothing that can be compared")
                .at(name.clone())
                .help("compare profiles, provisioning documents, device trees and device descriptions")),
        }
    }

    fn profile(&self, path: &Path, ui: &mut Ui) -> Result<Settings> {
        let unsound = || Error::input("the profile cannot be used").at(path.display().to_string());
        if path == Path::new("-") {
            return Err(unsound().help("a profile is not read from stdin here: name its file"));
        }
        let profile = load(path, ui)?.ok_or_else(unsound)?;
        let profile = profile.for_handset(self.row.device.as_deref(), None).0;
        let values = self.row.values(profile, ui)?.ok_or_else(unsound)?;
        Ok(Settings::of_profile(profile, &values))
    }

    fn is_bad(&self, differences: &Differences) -> bool {
        let least = match self.fail_on {
            FailOn::Major => Impact::Major,
            FailOn::Minor => Impact::Minor,
            FailOn::Patch => Impact::Patch,
            FailOn::Never => return false,
        };
        match differences.impact() {
            Some(impact) => impact >= least,
            None => !differences.is_empty(),
        }
    }
}

fn has_accounts(settings: &Settings, path: &Path) -> Result<()> {
    match settings.has_accounts() {
        true => Ok(()),
        false => Err(Error::input("the input holds no IMPS account").at(path.display().to_string())),
    }
}
