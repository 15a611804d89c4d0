//! Which handsets are meant: the name of a model that a device pack is known for, or the file of a pack.

use std::path::Path;

use impskit::diagnose::{Report, Source};
use impskit::error::{Error, Result};
use impskit::provision::Pack;

use super::Ui;
use super::ui::read_input;

/// Returns the pack of a model, a type allocation code or an IMEI, or the one in a file whose name ends with `.toml`.
/// `None` where no pack is for the model. Findings on a file go to stderr.
///
/// # Errors
///
/// Fails where a file cannot be read or has findings at error level.
pub(crate) fn find(word: &str, ui: &mut Ui) -> Result<Option<Pack>> {
    if !word.ends_with(".toml") {
        return Ok(Pack::find(word).cloned());
    }
    let (name, octets) = read_input(Path::new(word))?;
    let mut report = Report::new();
    let pack = Pack::read(&String::from_utf8_lossy(&octets), &mut report);
    ui.findings(&Source::new(name.as_str(), octets), &report);
    match pack.filter(|_| !report.has_errors()) {
        Some(pack) => Ok(Some(pack)),
        None => Err(Error::input("the device pack has findings at error level").at(name)),
    }
}

/// Returns the pack of a model that has to be known.
///
/// # Errors
///
/// As [`find`], and where no pack is for the model.
pub(crate) fn known(word: &str, ui: &mut Ui) -> Result<Pack> {
    find(word, ui)?.ok_or_else(|| {
        let models: Vec<&str> = Pack::bundled().iter().map(|pack| pack.model.as_str()).collect();
        Error::input(format!("no device pack is for `{word}`")).help(format!(
            "packs are known for {}; `impskit new device` starts one of your own, for `--device FILE.toml`",
            models.join(", ")
        ))
    })
}
