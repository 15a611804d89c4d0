//! `--baseline`, `--write-baseline`: findings that are known are not told again.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use impskit::diagnose::baseline::Baseline;
use impskit::error::{Error, ErrorKind, Result};
use impskit::inspect::Judged;

use super::{Ui, ui};

/// Which findings are known.
#[derive(Debug, Args)]
pub(super) struct KnownFindings {
    /// Findings in FILE are known and not told; new ones are
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the findings of today to FILE, as known from now on; one that is there is replaced
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
}

/// The findings that are known.
pub(super) struct Known<'o> {
    /// The file, its folder and its content; `None` where nothing is known.
    file: Option<(&'o Path, PathBuf, Baseline)>,
    is_written: bool,
}

impl KnownFindings {
    /// Reads the file, or makes sure that it may be written.
    pub(super) fn open(&self) -> Result<Known<'_>> {
        let Some(path) = self.baseline.as_deref().or(self.write_baseline.as_deref()) else {
            return Ok(Known { file: None, is_written: false });
        };
        let is_written = self.write_baseline.is_some();
        let folder = resolved(path).parent().map(Path::to_owned).unwrap_or_default();
        let old = match is_written && !path.exists() {
            true => Baseline::default(),
            false => read(path)?,
        };
        let baseline = if is_written { Baseline::default() } else { old };
        Ok(Known { file: Some((path, folder, baseline)), is_written })
    }
}

impl Known<'_> {
    /// Takes what is known out of the findings on one input.
    pub(super) fn excuse(&mut self, judged: &mut Judged<'_>, path: &Path) {
        let Some((_, folder, baseline)) = &mut self.file else { return };
        let file = name_within(folder, path);
        if self.is_written {
            // What is written is known from here on.
            let mut today = Baseline::default();
            for layer in &judged.layers {
                baseline.add(&file, &layer.source, &layer.report);
                today.add(&file, &layer.source, &layer.report);
            }
            judged.layers.iter_mut().for_each(|layer| today.excuse(&file, &layer.source, &mut layer.report));
            return;
        }
        for layer in &mut judged.layers {
            baseline.excuse(&file, &layer.source, &mut layer.report);
        }
    }

    /// Writes the file, or says what is in it for nothing.
    pub(super) fn finish(self, ui: &mut Ui) -> Result<()> {
        let Some((path, _, baseline)) = self.file else { return Ok(()) };
        if self.is_written {
            ui::Output::replacing(path).write(baseline.to_json().as_bytes())?;
            ui.say(&format!("{}: {} known from now on", path.display(), findings_in_words(baseline.count())));
        } else if baseline.unused() > 0 {
            let unused = findings_in_words(baseline.unused());
            let file = path.display();
            ui.say(&format!("note: {unused} of {file} no longer there: `--write-baseline` makes it shorter"));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Baseline> {
    let (name, octets) = ui::read_input(path)?;
    let text =
        std::str::from_utf8(&octets).map_err(|_| Error::input("no baseline: it is no text in UTF-8").at(&name))?;
    Baseline::read(text).map_err(|error| {
        let place = error.at.as_ref().map(|place| format!(":{place}")).unwrap_or_default();
        Error { kind: ErrorKind::Input, at: Some(format!("{name}{place}")), ..error }
    })
}

fn findings_in_words(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}

/// Returns how a file is called seen from a folder, with `/` between the parts on every system.
fn name_within(folder: &Path, path: &Path) -> String {
    if path == Path::new("-") {
        return "<stdin>".to_owned();
    }
    let path = resolved(path);
    let common = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| "..".to_owned());
    let down = path.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Returns a path from the root, without `.` and `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop();
            }
            part => resolved.push(part),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_seen_from_the_baseline() {
        let folder = resolved(Path::new("ci"));
        assert_eq!(name_within(&folder, Path::new("ci/a.xml")), "a.xml");
        assert_eq!(name_within(&folder, Path::new("./x/../b/a.xml")), "../b/a.xml");
        assert_eq!(name_within(&folder, Path::new("ci/b/./a.xml")), "b/a.xml");
        assert_eq!(name_within(&folder, Path::new("-")), "<stdin>");
    }
}
