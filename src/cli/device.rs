//! Which handsets are meant: the name of a model that a device pack is known for, or the file of a pack.

use std::path::Path;

use impskit::cp::mac::Security;
use impskit::delivery::sms_count;
use impskit::diagnose::{Diagnostic, Report, Severity, Source, Span};
use impskit::document::Element;
use impskit::error::{Error, Result};
#[cfg(feature = "server")]
use impskit::provision::Handset;
use impskit::provision::Pack;
use impskit::provision::device::{self as pack, Sealing, Size};

use super::Ui;
use super::ui::read_input;

/// Returns the packs that are known: those in files that `[check] device` of the configuration names, then the bundled
/// ones.
///
/// # Errors
///
/// Fails where a file cannot be read or has findings at error level, which go to stderr.
pub(crate) fn packs(ui: &mut Ui) -> Result<Vec<Pack>> {
    let configured = ui.configuration()?.check.device;
    let mut packs =
        configured.iter().filter(|word| is_file(word)).map(|word| read(word, ui)).collect::<Result<Vec<_>>>()?;
    packs.extend_from_slice(Pack::bundled());
    Ok(packs)
}

fn read(name: &str, ui: &mut Ui) -> Result<Pack> {
    let (name, octets) = read_input(Path::new(name))?;
    let mut report = Report::new();
    let pack = Pack::read(&String::from_utf8_lossy(&octets), &mut report);
    ui.findings(&Source::new(name.as_str(), octets), &report);
    let unsound = || Error::input("the device pack has findings at error level").at(name);
    pack.filter(|_| !report.has_errors()).ok_or_else(unsound)
}

/// Returns the pack of a model, a type allocation code or an IMEI, or the one in a file whose name ends with `.toml`.
///
/// # Errors
///
/// As [`packs`], and where no pack is for the model.
pub(crate) fn known(word: &str, ui: &mut Ui) -> Result<Pack> {
    if is_file(word) {
        return read(word, ui);
    }
    let packs = packs(ui)?;
    packs.iter().find(|pack| pack.is_for(word)).cloned().ok_or_else(|| {
        let models: Vec<&str> = packs.iter().map(|pack| pack.model.as_str()).collect();
        Error::input(format!("no device pack is for `{word}`")).help(format!(
            "packs are known for {}; `impskit new device` starts one of your own, for `--device FILE.toml`",
            models.join(", ")
        ))
    })
}

/// The handsets that documents are made for.
#[derive(Debug)]
pub(crate) struct Handsets {
    /// The model that was asked for, in place of what rows say.
    pub(crate) model: Option<String>,
    /// The packs by which rows are checked; the one that was asked for first.
    pub(crate) packs: Vec<Pack>,
}

impl Handsets {
    /// Returns the handsets that `--device` names: a model, or the file of a pack. A model without a pack still chooses
    /// variants.
    pub(crate) fn read(word: Option<&str>, ui: &mut Ui) -> Result<Self> {
        let mut packs = packs(ui)?;
        let mut model = word.map(str::to_owned);
        if let Some(file) = word.filter(|word| is_file(word)) {
            let own = read(file, ui)?;
            model = Some(own.model.clone());
            packs.insert(0, own);
        }
        Ok(Self { model, packs })
    }

    /// Returns the pack of the model that was asked for, else of what the row says of its handset.
    #[cfg(feature = "server")]
    pub(crate) fn pack_of(&self, handset: &Handset<'_>) -> Option<&Pack> {
        let kind = self.model.as_deref().or(handset.kind())?;
        self.packs.iter().find(|pack| pack.is_for(kind))
    }

    /// Says that nothing is known of the model but its name, where no variant is for it either.
    pub(crate) fn tell(&self, chooses_variant: bool, ui: &mut Ui) {
        let is_known = |model: &&str| self.packs.iter().any(|pack| pack.is_for(model));
        if let Some(model) = self.model.as_deref().filter(|model| !is_known(model) && !chooses_variant) {
            ui.say(&format!("note: no device pack is for `{model}`, and no variant of the profile"));
        }
    }
}

fn is_file(word: &str) -> bool {
    word.ends_with(".toml")
}

/// Tells what the handsets of a pack do with a document of so many octets in WBXML, which are given where they are sent as
/// they are, and with its seal where that is known. Returns whether they cannot take it.
pub(crate) fn tell(
    root: &Element<'_>,
    (octets, length): (Option<&[u8]>, usize),
    method: Option<Option<Security>>,
    pack: &Pack,
    ui: &mut Ui,
) -> bool {
    let mut report = Report::new();
    pack::check(root, octets, pack, &mut report);
    if let Some(method) = method {
        pack::check_sealing(Sealing::of(method), pack, (Span::default(), "the seal"), &mut report);
    }
    let sms = sms_count(length, method.unwrap_or(Some(Security::NetwPin)));
    pack::check_size(Size { octets: length, sms }, pack, (Span::default(), "the document"), &mut report);
    for finding in report.diagnostics() {
        let Diagnostic { rule, message, path, severity, .. } = finding;
        let shown =
            format!("{}[{}]: {message}\n  at: {path}\n  help: {}", severity.as_str(), rule.code, finding.way_out());
        if *severity == Severity::Error { ui.complain(&shown) } else { ui.say(&shown) }
    }
    report.has_errors()
}
