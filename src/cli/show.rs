//! `show`: a document for people.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::batch::audit::{Object, What};
use impskit::catalogue;
use impskit::codec::Document;
use impskit::diagnose::{Report, Severity};
use impskit::dm::serialise::{self, JsonOptions};
use impskit::dm::{self, Description, Tree, Uri};
use impskit::document::CodeTable;
use impskit::error::{Error, Result};
use impskit::inspect::picture::{self, Graph, View};

use super::descriptions::{DescriptionOptions, bundled};
use super::text_codes::TextCodes;
use super::ui::Output;
use super::{Outcome, Ui, audit, input, ui};

/// Show a document for people: settings as a table, trees with branches, messages in words
#[derive(Debug, Args)]
#[command(after_help = "\
A picture (dot, svg) of a large tree folds what exceeds 300 rows; `--path` and `--depth` look inside.

Examples:
  impskit show device.tree.json --path ./IMPS --depth 2
  impskit show --bundled imps --format html -o imps.html")]
pub(crate) struct Show {
    /// The document: a file, or `-` for stdin
    #[arg(value_name = "FILE", required_unless_present = "bundled", conflicts_with = "bundled")]
    file: Option<PathBuf>,
    /// Show a bundled device description
    #[arg(long, value_name = "NAME", value_parser = bundled())]
    bundled: Option<&'static Description>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    /// Of a tree or a description: start at this node
    #[arg(long = "path", value_name = "URI")]
    start: Option<Uri>,
    /// Show so many levels below the start
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    #[command(flatten)]
    ddf: DescriptionOptions,
    /// Of a tree or a description as HTML: what `check` finds, beside the nodes
    #[arg(long, conflicts_with = "bundled")]
    findings: bool,
    /// Show passwords too
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    text_codes: TextCodes,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// Tables for a repository or a wiki
    Markdown,
    /// A page that stands alone, with search
    Html,
    /// A tree or a description for Graphviz
    Dot,
    /// A picture of a tree or a description
    Svg,
}

/// What is shown, and what it is described by.
struct Input<'i> {
    name: &'i str,
    octets: &'i [u8],
    descriptions: &'i [&'i Description],
    text_codes: &'static CodeTable,
}

/// Runs the command.
pub(crate) fn run(command: &Show, ui: &mut Ui) -> Result<Outcome> {
    if command.findings && command.format != Format::Html {
        return Err(Error::input("`--findings` stands beside the nodes of a page").help("add `--format html`"));
    }
    let shown = match (&command.bundled, &command.file) {
        (Some(bundled), _) => command.draw(Graph::of_description(bundled, None, &command.view()), None)?,
        (None, Some(file)) => command.file(file, ui)?,
        (None, None) => return Err(Error::input("name a file or `--bundled NAME`")),
    };
    ui.result(shown.as_bytes(), command.output.to_file(), false)?;
    Ok(Outcome::Good)
}

impl Show {
    fn file(&self, file: &Path, ui: &mut Ui) -> Result<String> {
        let (name, input) = ui::read_input(file)?;
        let input = input::document(&name, input, ui)?;
        let own = self.ddf.read(ui)?;
        let text_codes = self.text_codes.read()?;
        let input = Input { name: &name, octets: &input, descriptions: &own.on_device(), text_codes };
        let mut report = Report::new();
        let shown = self.show(&input, &mut report).map_err(|error| error.at(name.clone()))?;
        if self.show_secrets {
            audit::note(ui, What::SecretPrint, Object::File(&name), None)?;
        }
        let errors = report.count(Severity::Error);
        if errors > 0 {
            let what = if errors == 1 { "a finding" } else { "findings" };
            ui.say(&format!("note: the document has {what} at error level; `impskit check` tells more"));
        }
        Ok(shown)
    }

    fn show(&self, input: &Input<'_>, report: &mut Report) -> Result<String> {
        let unreadable = |report: &Report| {
            let why = report.diagnostics().first().map_or("the input is no document", |d| d.message.as_str());
            Error::input(why).help("`impskit decode` finds documents inside pushes, SMS, hexadecimal and base64")
        };
        if serialise::looks_like_json(input.octets) {
            let tree = serialise::read(input.octets, report).ok_or_else(|| unreadable(report))?;
            return self.tree(&tree, input);
        }
        let document = catalogue::read_with(input.octets, Some(input.text_codes), &serialise::LIMITS, report);
        let document = document.filter(|d| d.vocabulary.is_some()).ok_or_else(|| unreadable(report))?;
        if document.vocabulary != Some(&dm::DDF) {
            return self.document(&document);
        }
        if dm::is_tree(&document.root) {
            let tree = serialise::from_element(&document.root, report).ok_or_else(|| unreadable(report))?;
            return self.tree(&tree, input);
        }
        let description = Description::from_element(&document.root, report).ok_or_else(|| unreadable(report))?;
        self.draw(Graph::of_description(&description, Some(&document.root), &self.view()), Some(input))
    }

    fn tree(&self, tree: &Tree, input: &Input<'_>) -> Result<String> {
        let descriptions = input.descriptions;
        if self.format != Format::Json {
            return self.draw(Graph::of_tree(tree, descriptions, &self.view()), Some(input));
        }
        let root = Uri::root();
        let part = tree.cut(self.start.as_ref().unwrap_or(&root), self.depth).ok_or_else(|| self.no_node())?;
        Ok(serialise::to_json(&part, &JsonOptions { descriptions, mask: !self.show_secrets }))
    }

    fn draw(&self, graph: Option<Graph>, input: Option<&Input<'_>>) -> Result<String> {
        let mut graph = graph.ok_or_else(|| self.no_node())?;
        if let Some(input) = input.filter(|_| self.findings) {
            let options = catalogue::Options { descriptions: input.descriptions, ..Default::default() };
            let checked = catalogue::check(input.octets, input.name, &options);
            graph.add_findings(checked.report, &checked.source);
        }
        let most = if self.depth.is_some() { picture::MOST_ROWS } else { picture::ROWS };
        Ok(match self.format {
            Format::Text => picture::lines(&graph).to_text(),
            Format::Json => picture::description_json(&graph),
            Format::Dot => picture::dot(&graph, most),
            Format::Svg => picture::svg(&graph, most),
            Format::Markdown => picture::markdown(&graph),
            Format::Html => picture::page(&graph),
        })
    }

    /// Shows what is neither a tree nor a description.
    fn document(&self, document: &Document<'_>) -> Result<String> {
        if self.start.is_some() {
            return Err(Error::input("`--path` is for device trees and device descriptions"));
        }
        let picture = picture::document(document, &self.view());
        match self.format {
            Format::Text => Ok(picture.to_text()),
            Format::Json => Ok(picture.to_json(document.vocabulary.map_or("", |v| v.id))),
            Format::Markdown => Ok(picture.to_markdown()),
            Format::Html => Ok(picture::table_page(&picture)),
            Format::Dot | Format::Svg => Err(Error::input("only device trees and device descriptions have pictures")
                .help("`--format text`, `json`, `markdown` and `html` show any document")),
        }
    }

    fn view(&self) -> View<'_> {
        View { path: self.start.as_ref(), depth: self.depth, show_secrets: self.show_secrets }
    }

    fn no_node(&self) -> Error {
        let path = self.start.as_ref().map(Uri::to_string).unwrap_or_default();
        Error::input(format!("there is no node `{path}`")).help("leave `--path` out to see all nodes")
    }
}
