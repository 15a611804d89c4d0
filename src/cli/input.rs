//! Inputs that are not what a command reads: taken out of what is around them, or told where they belong.

use std::path::Path;

use impskit::catalogue::{self, Kind};
use impskit::codec::Limits;
use impskit::diagnose::{Report, Source};
use impskit::dm::Description;
use impskit::error::{Error, Result};
use impskit::inspect;

use super::{Ui, check, ui};

/// Returns the document in a push, an SMS or digits; else the input, unless it is known for something else.
pub(super) fn document(name: &str, octets: Vec<u8>, ui: &mut Ui) -> Result<Vec<u8>> {
    if let Some(document) = inspect::inside(&octets) {
        ui.say("note: this is the document inside; `impskit decode` shows the layers around it");
        return Ok(document);
    }
    let kind = recognise(&octets);
    let help = match kind.map(|kind| kind.id) {
        Some("profile") => "`impskit build` makes documents of it, `impskit check` says what is wrong with it",
        Some("csv") => "`impskit build PROFILE --rows FILE` makes documents of its rows",
        Some("campaign") => "`impskit batch plan` reads it",
        Some("config") => "`impskit serve` reads it",
        _ => return Ok(octets),
    };
    let what = kind.map_or("", |kind| kind.name);
    Err(Error::input(format!("this is a {what}, no document")).at(name).help(help))
}

/// Reads a device description that is named beside the input. Findings go to stderr.
pub(super) fn description(path: &Path, ui: &mut Ui) -> Result<Description> {
    let (name, octets) = ui::read_input(path)?;
    description_in(name, octets, ui)
}

/// Returns the description in a file that was read.
pub(super) fn description_in(name: String, octets: Vec<u8>, ui: &mut Ui) -> Result<Description> {
    let mut report = Report::new();
    let description = Description::read(&octets, &mut report);
    ui.findings(&Source::new(name.clone(), octets), &report);
    let description = description.filter(|description| !report.has_errors() && !description.nodes.is_empty());
    description.ok_or_else(|| {
        Error::input("not a device description that can be read")
            .at(name)
            .help("`impskit check` says what is wrong with it")
    })
}

/// Fails where an input is known for something else than a profile.
pub(super) fn must_be_profile(name: &str, octets: &[u8]) -> Result<()> {
    must_be("profile", name, octets, "`impskit convert FILE --as profile` makes one of settings")
}

/// Fails where an input is known for something else than a campaign.
pub(super) fn must_be_campaign(name: &str, octets: &[u8]) -> Result<()> {
    must_be(
        "campaign",
        name,
        octets,
        "a campaign file has `name`, `profile` and `routes`, such as `routes = [\"file\"]`",
    )
}

/// Returns whether an input is a campaign.
#[cfg(feature = "server")]
pub(super) fn is_campaign(octets: &[u8]) -> bool {
    recognise(octets).is_some_and(|kind| kind.id == "campaign")
}

fn must_be(wanted: &str, name: &str, octets: &[u8], help: &str) -> Result<()> {
    let message = || inspect::inside(octets).map(|_| "message");
    // What looks like a table may be anything with commas.
    let other = recognise(octets).filter(|kind| ![wanted, "table"].contains(&kind.id)).map(|kind| kind.name);
    match other.or_else(message) {
        Some(what) => Err(Error::input(format!("this is a {what}, no {wanted}")).at(name).help(help)),
        None => Ok(()),
    }
}

fn recognise(octets: &[u8]) -> Option<&'static Kind> {
    check::own::recognise(octets).or_else(|| catalogue::recognise(octets, &Limits::default()))
}
