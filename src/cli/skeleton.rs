//! `skeleton`: what firmware needs of a device description, as code.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::diagnose::Report;
use impskit::dm::{self, Description};
use impskit::error::{Error, Result};
use impskit::inspect::picture::{self, Graph, View};
use impskit::{catalogue, codec::Limits};

use super::descriptions::bundled;
use super::ui::{self, Output};
use super::{Outcome, Ui, input};

/// Write constants and tables of a device description as code: addresses, access, occurrence, values
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit skeleton vendor.ddf --lang c -o dm_skeleton.h
  impskit skeleton --bundled imps --lang rust -o imps.rs")]
pub(crate) struct Skeleton {
    /// The device description; `-` for stdin
    #[arg(value_name = "FILE", required_unless_present = "bundled")]
    file: Option<PathBuf>,
    /// A bundled description in place of a file
    #[arg(long, value_name = "NAME", conflicts_with = "file", value_parser = bundled())]
    bundled: Option<&'static Description>,
    /// The language
    #[arg(long, value_name = "LANG")]
    lang: Language,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// A header in C99
    C,
    /// A module of Rust
    Rust,
    /// The same for programs that write code in other languages
    Json,
}

impl Skeleton {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let graph = self.graph(ui)?;
        let code = match self.lang {
            Language::C => picture::skeleton_c(&graph),
            Language::Rust => picture::skeleton_rust(&graph),
            Language::Json => picture::skeleton_json(&graph),
        };
        ui.result(code.as_bytes(), self.output.to_file(), false)?;
        Ok(Outcome::Good)
    }

    fn graph(&self, ui: &mut Ui) -> Result<Graph> {
        // Defaults are no secrets of anybody: all devices of the kind have them.
        let view = View { show_secrets: true, ..View::default() };
        let whole = "the whole of a description is always there";
        let file = match (self.bundled, self.file.as_deref()) {
            (Some(description), _) => return Ok(Graph::of_description(description, None, &view).expect(whole)),
            (None, Some(file)) => file,
            (None, None) => return Err(Error::input("name a file or `--bundled NAME`")),
        };
        let (name, octets) = ui::read_input(file)?;
        let octets = input::document(&name, octets, ui)?;
        let mut report = Report::new();
        let none = || Error::input("the input is no device description").at(name.clone());
        let document = catalogue::read(&octets, &Limits::default(), &mut report);
        let document = document.filter(|d| d.vocabulary == Some(&dm::DDF) && !dm::is_tree(&d.root)).ok_or_else(none)?;
        let description = Description::from_element(&document.root, &mut report).ok_or_else(none)?;
        Ok(Graph::of_description(&description, Some(&document.root), &view).expect(whole))
    }
}
