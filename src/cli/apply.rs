//! `apply`: what a handset does with a provisioning document, or with the commands of a server: a new device tree.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::dm::{Description, SYNCML, Tree};
use impskit::error::{Error, Result};
use impskit::provision::apply::{Applied, Place, apply_document};
use serde_json::{Value, json};

use super::apply_commands::{Carried, CommandOptions};
use super::convert::{Input, read};
use super::descriptions::{DescriptionOptions, tell_applied};
use super::input::document;
use super::tree::{read_tree, tree_file, tree_value};
use super::ui::{Output, read_input};
use super::{Outcome, Ui};

/// Do what a handset does with settings: change a device tree
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit apply settings.xml --to new
  impskit apply commands.syncml --to device.xml --server-id acme -o device.xml")]
pub(crate) struct Apply {
    /// The provisioning document, SyncML message, or tree whose objects a DM bootstrap brings; `-` for stdin
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
    #[command(flatten)]
    commands: CommandOptions,
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
        let Some((mut tree, is_json)) = read_tree(&self.to, ui)? else { return Ok(Outcome::NotGood) };
        let own = self.ddf.read(ui)?;
        let descriptions = own.on_device();
        let root = match input {
            Input::Cp(root, _) => root,
            Input::Tree(objects) => {
                let carried = self.commands.tree(&objects, tree, &descriptions);
                return self.put_carried(&carried, is_json, &descriptions, ui);
            }
            Input::Other(document) if document.vocabulary.is_some_and(|v| v.id == SYNCML.id) => {
                let carried = self.commands.message(&document.root, tree, &descriptions, &self.output)?;
                return self.put_carried(&carried, is_json, &descriptions, ui);
            }
            _ => return Err(Error::input("the input is no provisioning document, SyncML message or tree").at(name)),
        };
        let place = Place::of(&descriptions);
        let applied = apply_document(&root, &mut tree, &place).map_err(|fault| Error::input(fault.to_string()))?;
        if applied.written.is_empty() && applied.refused.is_empty() {
            return Err(Error::input("the document holds no IMPS account").at(name));
        }
        self.put(&applied, &tree, is_json, &descriptions, ui)?;
        Ok(if applied.refused.is_empty() { Outcome::Good } else { Outcome::NotGood })
    }

    /// Writes what became of commands, and the tree.
    fn put_carried(
        &self,
        carried: &Carried,
        is_json: bool,
        descriptions: &[&Description],
        ui: &mut Ui,
    ) -> Result<Outcome> {
        let outcome = if carried.is_good() { Outcome::Good } else { Outcome::NotGood };
        if self.format == Format::Json {
            let mut value = carried.to_json();
            self.put_json(&mut value, &carried.tree, descriptions, ui)?;
            return Ok(outcome);
        }
        let lines = carried.lines();
        if self.dry_run {
            ui.result(lines.as_bytes(), self.output.to_file(), false)?;
            return Ok(outcome);
        }
        ui.say(lines.trim_end());
        self.put_tree(&carried.tree, is_json, descriptions, ui)?;
        Ok(outcome)
    }

    /// Writes what was done, with the tree unless nothing but that was asked for.
    fn put_json(&self, value: &mut Value, tree: &Tree, descriptions: &[&Description], ui: &mut Ui) -> Result<()> {
        if !self.dry_run {
            value["tree"] = tree_value(tree, descriptions);
        }
        let text = serde_json::to_string_pretty(&value).unwrap_or_default() + "\n";
        ui.result(text.as_bytes(), self.output.to_file(), false)
    }

    /// Writes the tree in the form in which it came.
    fn put_tree(&self, tree: &Tree, is_json: bool, descriptions: &[&Description], ui: &mut Ui) -> Result<()> {
        ui.result(&tree_file(tree, is_json, descriptions), self.output.to_file(), false)
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
            return self.put_json(&mut value, tree, descriptions, ui);
        }
        tell_applied(applied, ui);
        let replaced = applied.replaced.iter().map(|uri| format!("replaced {uri}\n"));
        let lines: String = replaced.chain(applied.written.iter().map(|uri| format!("wrote {uri}\n"))).collect();
        if self.dry_run {
            let plan = lines.replace("replaced ", "would replace ").replace("wrote ", "would write ");
            return ui.result(plan.as_bytes(), self.output.to_file(), false);
        }
        ui.say(lines.trim_end());
        self.put_tree(tree, is_json, descriptions, ui)
    }
}
