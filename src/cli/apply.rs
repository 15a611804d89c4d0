//! `apply`: what a handset does with a provisioning document: a new device tree.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::diagnose::{Report, Source};
use impskit::dm::{Description, Tree, serialise};
use impskit::error::{Error, Result};
use impskit::provision::apply::{Applied, Place, apply_document};
use serde_json::json;

use super::convert::{Input, json as tree_json, read};
use super::descriptions::{DescriptionOptions, tell_applied};
use super::input::document;
use super::ui::{Output, read_input};
use super::{Outcome, Ui};

/// Do what a handset does with settings: change a device tree
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit apply settings.xml --to new
  impskit apply settings.wbxml --to device.xml --ddf vendor.ddf --dry-run")]
pub(crate) struct Apply {
    /// The provisioning document; `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The device tree, in TNDS or JSON; `new` for an empty device
    #[arg(long, value_name = "TREE")]
    to: PathBuf,
    #[command(flatten)]
    ddf: DescriptionOptions,
    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The tree, and what was done on stderr
    Text,
    /// Both, for programs
    Json,
}

impl Apply {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let (name, octets) = read_input(&self.file)?;
        let octets = document(&name, octets, ui)?;
        let Some(input) = read(&name, &octets, ui)? else { return Ok(Outcome::NotGood) };
        let Some((mut tree, is_json)) = self.tree(ui)? else { return Ok(Outcome::NotGood) };
        let own = self.ddf.read(ui)?;
        let descriptions = own.on_device();
        let place = Place::of(&descriptions);
        let Input::Cp(root, _) = input else {
            return Err(Error::input("the input is no provisioning document")
                .at(name)
                .help("`impskit convert FILE --as cp` makes one of a device tree with an IMPS account"));
        };
        let applied = apply_document(&root, &mut tree, &place).map_err(|fault| Error::input(fault.to_string()))?;
        if applied.written.is_empty() && applied.refused.is_empty() {
            return Err(Error::input("the document holds no IMPS account").at(name));
        }
        self.put(&applied, &tree, is_json, &descriptions, ui)?;
        Ok(if applied.refused.is_empty() { Outcome::Good } else { Outcome::NotGood })
    }

    /// Reads the tree, and whether it is JSON. Findings go to stderr; with errors there is no tree.
    fn tree(&self, ui: &mut Ui) -> Result<Option<(Tree, bool)>> {
        if self.to == Path::new("new") {
            return Ok(Some((Tree::new(), false)));
        }
        let (name, octets) = read_input(&self.to)?;
        let mut report = Report::new();
        let tree = serialise::read(&octets, &mut report);
        let is_json = serialise::looks_like_json(&octets);
        ui.findings(&Source::new(name, octets), &report);
        Ok(tree.filter(|_| !report.has_errors()).map(|tree| (tree, is_json)))
    }

    fn put(
        &self,
        applied: &Applied,
        tree: &Tree,
        is_json: bool,
        descriptions: &[&Description],
        ui: &mut Ui,
    ) -> Result<()> {
        let uris = |uris: &[impskit::dm::Uri]| uris.iter().map(ToString::to_string).collect::<Vec<_>>();
        if self.format == Format::Json {
            let refused: Vec<_> =
                applied.refused.iter().map(|r| json!({ "uri": r.uri.to_string(), "why": r.why })).collect();
            let mut value = json!({
                "schema": "impskit.applied/1",
                "written": uris(&applied.written),
                "replaced": uris(&applied.replaced),
                "refused": refused,
                "wanting": uris(&applied.wanting),
                "not_carried": applied.not_carried,
            });
            if !self.dry_run {
                value["tree"] = serde_json::from_str(&tree_json(tree, descriptions)).unwrap_or_default();
            }
            let text = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
            return ui.result(text.as_bytes(), self.output.to_file(), false);
        }
        tell_applied(applied, ui);
        let replaced = applied.replaced.iter().map(|uri| format!("replaced {uri}\n"));
        let lines: String = replaced.chain(applied.written.iter().map(|uri| format!("wrote {uri}\n"))).collect();
        if self.dry_run {
            let plan = lines.replace("replaced ", "would replace ").replace("wrote ", "would write ");
            return ui.result(plan.as_bytes(), self.output.to_file(), false);
        }
        ui.say(lines.trim_end());
        let octets = if is_json { tree_json(tree, descriptions).into_bytes() } else { serialise::to_xml(tree) };
        ui.result(&octets, self.output.to_file(), false)
    }
}
