//! `show`: a document for people.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::catalogue;
use impskit::diagnose::{Report, Severity};
use impskit::dm::serialise::{self, JsonOptions};
use impskit::dm::{self, Description, Tree, Uri};
use impskit::error::{Error, Result};
use impskit::inspect::picture::{self, Picture, View};

use super::{Outcome, Ui, input, ui};

/// Show a document for people: settings as a table, trees with branches, messages in words
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit show device.tree.json --path ./IMPS --depth 2
  impskit show settings.wbxml --show-secrets")]
pub(crate) struct Show {
    /// The document: a file, or `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    /// Of a tree or a description: start at this node
    #[arg(long, value_name = "URI")]
    path: Option<Uri>,
    /// Show so many levels below the start
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Show passwords too
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Runs the command.
pub(crate) fn run(command: &Show, ui: &mut Ui) -> Result<Outcome> {
    let (name, input) = ui::read_input(&command.file)?;
    let input = input::document(&name, input, ui)?;
    let mut report = Report::new();
    let shown = command.show(&input, &mut report).map_err(|error| error.at(name.clone()))?;
    let errors = report.count(Severity::Error);
    if errors > 0 {
        let what = if errors == 1 { "a finding" } else { "findings" };
        ui.say(&format!("note: the document has {what} at error level; `impskit check` tells more"));
    }
    ui.data(shown.as_bytes())?;
    Ok(Outcome::Good)
}

impl Show {
    fn show(&self, input: &[u8], report: &mut Report) -> Result<String> {
        let unreadable = |report: &Report| {
            let why = report.diagnostics().first().map_or("the input is no document", |d| d.message.as_str());
            Error::input(why).help("`impskit decode` finds documents inside pushes, SMS, hexadecimal and base64")
        };
        if serialise::looks_like_json(input) {
            let tree = serialise::read(input, report).ok_or_else(|| unreadable(report))?;
            return self.tree(&tree);
        }
        let document = catalogue::read(input, &serialise::LIMITS, report);
        let document = document.filter(|d| d.vocabulary.is_some()).ok_or_else(|| unreadable(report))?;
        let kind = document.vocabulary.map_or("", |v| v.id);
        if kind != dm::DDF.id {
            if self.path.is_some() {
                return Err(Error::input("`--path` is for device trees and device descriptions"));
            }
            return Ok(self.draw(&picture::document(&document, &self.view()), kind));
        }
        if dm::is_tree(&document.root) {
            let tree = serialise::from_element(&document.root, report).ok_or_else(|| unreadable(report))?;
            return self.tree(&tree);
        }
        let description = Description::from_element(&document.root, report).ok_or_else(|| unreadable(report))?;
        let picture = picture::description(&description, &self.view()).ok_or_else(|| self.no_node())?;
        Ok(self.draw(&picture, kind))
    }

    fn tree(&self, tree: &Tree) -> Result<String> {
        let descriptions = Description::bundled();
        if self.format == Format::Text {
            let picture = picture::tree(tree, descriptions, &self.view()).ok_or_else(|| self.no_node())?;
            return Ok(picture.to_text());
        }
        let root = Uri::root();
        let part = tree.cut(self.path.as_ref().unwrap_or(&root), self.depth).ok_or_else(|| self.no_node())?;
        Ok(serialise::to_json(&part, &JsonOptions { descriptions, mask: !self.show_secrets }))
    }

    fn draw(&self, picture: &Picture, kind: &str) -> String {
        match self.format {
            Format::Text => picture.to_text(),
            Format::Json => picture.to_json(kind),
        }
    }

    fn view(&self) -> View<'_> {
        View { path: self.path.as_ref(), depth: self.depth, show_secrets: self.show_secrets }
    }

    fn no_node(&self) -> Error {
        let path = self.path.as_ref().map(Uri::to_string).unwrap_or_default();
        Error::input(format!("there is no node `{path}`")).help("leave `--path` out to see all nodes")
    }
}
