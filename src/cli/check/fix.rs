//! `--fix`: what can be mended without thought is mended.

use std::path::{Path, PathBuf};

use clap::Args;
use impskit::diagnose::{Report, fix, patch};
use impskit::error::Result;
use impskit::inspect::Judged;

use super::{Check, Settings, Ui, ui};

/// What is done about findings.
#[derive(Debug, Args)]
pub(super) struct Mending {
    /// Mend what can be mended without changing what a document says; a document from stdin goes to stdout
    #[arg(long)]
    fix: bool,
    /// Print what `--fix` would change as a patch, and change nothing
    #[arg(long, requires = "fix")]
    diff: bool,
}

impl Mending {
    /// Returns whether a document or a patch goes to stdout.
    pub(super) fn takes_stdout(&self, inputs: &[PathBuf]) -> bool {
        self.fix && (self.diff || inputs.iter().any(|path| path == Path::new("-")))
    }

    /// Mends an input that was checked, as far as the options say; returns what is left to say of it, and how many
    /// fixes were applied.
    pub(super) fn mend(
        &self,
        command: &Check,
        settings: &Settings,
        ui: &mut Ui,
        judged: Judged<'static>,
        path: &Path,
    ) -> Result<(Judged<'static>, usize)> {
        let Some(input) = judged.layers.first().filter(|_| self.fix) else { return Ok((judged, 0)) };
        let (name, octets) = (&input.source.name, &input.source.bytes);
        let check = |text: &str| command.check(text.as_bytes().to_vec(), name, path, settings);
        let text = std::str::from_utf8(octets).ok().filter(|_| input.source.layer.is_none());
        if text.is_none() && !input.report.diagnostics().is_empty() {
            ui.say(&format!("note: {name} is not mended: only text in UTF-8 is"));
        }
        let mended = text.filter(|_| input.report.fixable() > 0).map(|text| {
            let mended = fix::mend(text, |text| report_on_input(check(text)));
            (text, mended)
        });
        let is_stdin = path == Path::new("-");
        match mended {
            Some((text, mended)) if self.diff => {
                ui.data(patch::unified(name, text, &mended.text).as_bytes())?;
                Ok((judged, 0))
            }
            Some((_, mended)) => {
                match is_stdin {
                    true => ui.data(mended.text.as_bytes())?,
                    false => ui::Output::replacing(path).write(mended.text.as_bytes())?,
                }
                Ok((check(&mended.text), mended.applied))
            }
            None if is_stdin && !self.diff => {
                ui.result(octets, None, text.is_none())?;
                Ok((judged, 0))
            }
            None => Ok((judged, 0)),
        }
    }
}

/// Returns the findings on the input itself, not those on what is wrapped in it.
fn report_on_input(judged: Judged<'_>) -> Report {
    let input = judged.layers.into_iter().find(|layer| layer.source.layer.is_none());
    input.map(|layer| layer.report).unwrap_or_default()
}
