//! What documents are checked against: descriptions of devices, the standard of an object, a profile.

use std::path::{Path, PathBuf};

use clap::Args;
use impskit::catalogue;
use impskit::codec::Limits;
use impskit::dm::Description;
use impskit::error::{Error, Result};
use impskit::provision::Profile;

use crate::cli::input::{description, description_in};
use crate::cli::profile::load;
use crate::cli::{Ui, ui};

/// What documents are checked against.
#[derive(Debug, Args)]
#[command(next_help_heading = "Against")]
pub(super) struct AgainstOptions {
    /// Compare descriptions with the standard that they implement: `imps`, another object that is known here, or FILE;
    /// compare trees with a profile
    #[arg(long, value_name = "NAME|FILE")]
    against: Option<PathBuf>,
    /// Check trees and messages by this description, before those of the objects known here or in their place
    #[arg(long, value_name = "FILE")]
    ddf: Vec<PathBuf>,
}

/// What the options name, read.
#[derive(Debug, Default)]
pub(super) struct Against {
    descriptions: Vec<Description>,
    standard: Option<Description>,
    profile: Option<Profile>,
}

impl AgainstOptions {
    /// Reads what the options name; a profile with findings at error level, told on stderr, is no profile.
    /// `imps_mo` is the genuine description of the IMPS object, for whoever owns it: it stands in for the reference.
    pub(super) fn read(&self, imps_mo: Option<&Path>, ui: &mut Ui) -> Result<Against> {
        let mut against = Against::default();
        for path in &self.ddf {
            against.descriptions.push(description(path, ui)?);
        }
        if let Some(path) = imps_mo.filter(|_| self.ddf.is_empty()) {
            against.descriptions.push(description(path, ui)?);
        }
        let Some(path) = &self.against else { return Ok(against) };
        if let Some(path) = imps_mo.filter(|_| path == Path::new("imps")) {
            against.standard = Some(description(path, ui)?);
            return Ok(against);
        }
        if let Some(known) = path.to_str().and_then(Description::named) {
            against.standard = Some(known.clone());
            return Ok(against);
        }
        if path != Path::new("-") && !path.exists() {
            let known: Vec<_> = Description::names().collect();
            let error =
                Error::input("there is no such file, and no object of that name").at(path.display().to_string());
            return Err(error.help(format!("the objects known here are {}", known.join(", "))));
        }
        let (name, octets) = ui::read_input(path)?;
        let kind = catalogue::recognise(&octets, &Limits::default());
        if path != Path::new("-") && kind.is_some_and(|kind| kind.id == "profile") {
            let unsound = || Error::input("the profile has findings at error level").at(name);
            against.profile = Some(load(path, ui)?.ok_or_else(unsound)?);
        } else {
            against.standard = Some(description_in(name, octets, ui)?);
        }
        Ok(against)
    }
}

impl Against {
    /// Calls `check` with the options of a check.
    pub(super) fn with<T>(&self, check: impl FnOnce(&catalogue::Options<'_>) -> T) -> T {
        let descriptions: Vec<&Description> = self.descriptions.iter().collect();
        check(&catalogue::Options {
            descriptions: &descriptions,
            standard: self.standard.as_ref(),
            profile: self.profile.as_ref(),
            ..catalogue::Options::default()
        })
    }
}
