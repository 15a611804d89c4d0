//! `fmt`: documents in canonical layout.

use std::path::{Path, PathBuf};

use clap::Args;
use impskit::diagnose::{patch, text};
use impskit::error::Result;
use impskit::inspect;

use super::check::walk;
use super::ui::Failed;
use super::{Outcome, Ui, ui};

/// Lay documents out: an element a line, indented, in the order of the standard, comments and content kept
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit fmt phone.ddf settings.xml
  impskit fmt --check --diff provisioning/")]
pub(crate) struct Fmt {
    /// Documents in XML, trees in JSON, rewritten in place; folders are searched for *.xml and *.ddf; `-` is stdin to stdout
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that would change, and end with 1 if there are any
    #[arg(long)]
    check: bool,
    /// Change nothing; print what would change as a patch
    #[arg(long)]
    diff: bool,
}

/// Names of files that are looked for in folders.
const EXTENSIONS: &[&str] = &["xml", "ddf"];

pub(crate) fn run(command: &Fmt, ui: &mut Ui) -> Result<Outcome> {
    let mut failed = Failed::default();
    let mut files = Vec::new();
    for path in &command.files {
        if let Err(error) = walk::collect(path, EXTENSIONS, &mut files) {
            failed.add(ui, error);
        }
    }
    let (mut changed, mut same) = (0_usize, 0_usize);
    for path in &files {
        match one(command, ui, path) {
            Ok(true) => changed += 1,
            Ok(false) => same += 1,
            Err(error) => failed.add(ui, error),
        }
    }
    let verb = if command.check || command.diff { "would change" } else { "changed" };
    ui.say(&format!("{changed} {verb}, {same} as they should be"));
    failed.outcome(if command.check && changed > 0 { Outcome::NotGood } else { Outcome::Good })
}

/// Lays one document out as the options say; returns whether that changes it.
fn one(command: &Fmt, ui: &mut Ui, path: &Path) -> Result<bool> {
    let (name, octets) = ui::read_input(path)?;
    let formatted = inspect::format(&octets).map_err(|error| error.at(&name))?;
    let is_changed = formatted.as_bytes() != octets;
    if command.diff {
        ui.data(patch::unified(&name, &String::from_utf8_lossy(&octets), &formatted).as_bytes())?;
    } else if command.check {
        if is_changed {
            ui.line(&text::printable(&name))?;
        }
    } else if path == Path::new("-") {
        ui.data(formatted.as_bytes())?;
    } else if is_changed {
        ui::Output::replacing(path).write(formatted.as_bytes())?;
    }
    Ok(is_changed)
}
