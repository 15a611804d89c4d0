//! `decode`: what is this? Peels every layer of a blob.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::diagnose::text::printable;
use impskit::diagnose::{Diagnostic, Severity, Span};
use impskit::error::{Error, Result};
use impskit::inspect::picture::layers_page;
use impskit::inspect::{Form, Guess, Layer, MOST_INPUT, MacState, Options, Peeled, peel};
use serde::Serialize;

use super::secret::SecretOptions;
use super::text_codes::TextCodes;
use super::{Outcome, Ui, ui};

/// What is this? Peel every layer of a blob: hex, SMS, push, WBXML, document
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit decode push.hex --pin-file pin.txt
  xxd -p capture.bin | impskit decode - --imsi 001010123456789 --format json")]
pub(crate) struct Decode {
    /// The blob: a file, or `-` for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The form of the input
    #[arg(long = "in", value_name = "FORM", default_value = "auto")]
    form: InputForm,
    /// Show also what else the input may be
    #[arg(long)]
    all: bool,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    text_codes: TextCodes,
    #[command(flatten)]
    secrets: SecretOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum InputForm {
    /// Found out from the content
    Auto,
    /// Hexadecimal digits
    Hex,
    /// Rows of an offset and octets
    Hexdump,
    /// Base64
    Base64,
    /// The octets themselves
    Raw,
    /// PDUs in hexadecimal digits, one a line
    Pdu,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// A page with the layers side by side
    Html,
}

impl From<InputForm> for Form {
    fn from(form: InputForm) -> Self {
        match form {
            InputForm::Auto => Self::Auto,
            InputForm::Hex => Self::Hex,
            InputForm::Hexdump => Self::HexDump,
            InputForm::Base64 => Self::Base64,
            InputForm::Raw => Self::Raw,
            InputForm::Pdu => Self::Pdu,
        }
    }
}

/// Runs the command.
pub(crate) fn run(command: &Decode, ui: &mut Ui) -> Result<Outcome> {
    if command.secrets.take_stdin() && command.file.as_os_str() == "-" {
        let error = Error::input("the blob and a secret cannot both come from stdin");
        return Err(error.help("name the file of the blob, or use `--pin-file` and `--imsi-file`"));
    }
    let pin = command.secrets.pin(ui)?;
    let imsi = command.secrets.imsi(ui)?;
    let (name, input) = ui::read_input(&command.file)?;
    if input.is_empty() {
        return Err(Error::input("the input is empty").at(name));
    }
    if input.len() > MOST_INPUT {
        let error = Error::input(format!("the input has {} octets, more than {} MiB", input.len(), MOST_INPUT >> 20));
        return Err(error.at(name).help("a message to a handset has a few kilobytes: cut it out of the rest"));
    }
    let text_codes = Some(command.text_codes.read()?);
    let options = Options { form: command.form.into(), pin: pin.as_ref(), imsi: imsi.as_ref(), text_codes };
    let peeled = peel(&input, &options);
    let output = match command.format {
        Format::Text => text(&peeled, command.all),
        Format::Json => json(&name, &peeled, command.all),
        Format::Html => layers_page(&name, &peeled),
    };
    ui.data(output.as_bytes())?;
    Ok(if peeled.is_good() { Outcome::Good } else { Outcome::NotGood })
}

/// Findings of one layer that are shown to people; programs get all.
const MOST_FINDINGS: usize = 20;

fn text(peeled: &Peeled, all: bool) -> String {
    let mut output = String::new();
    let width = peeled.layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(0).clamp(18, 30);
    for layer in &peeled.layers {
        let (level, name, facts) = (layer.level, printable(&layer.name), printable(&layer.facts));
        let place = place(layer);
        let _ = writeln!(output, "{level}  {name:<width$}  {facts}{place}");
    }
    for layer in &peeled.layers {
        let findings = layer.report.diagnostics();
        for finding in findings.iter().take(MOST_FINDINGS) {
            let head = format!("{} {}", finding.rule.code, finding.severity.as_str());
            let _ = writeln!(output, "!  {head:<width$}  {}", printable(&finding.message));
            if finding.severity != Severity::Note {
                let _ = writeln!(output, "   {:<width$}  help: {}", "", printable(finding.way_out()));
            }
        }
        let more = findings.len().saturating_sub(MOST_FINDINGS) + layer.report.left_out();
        if more > 0 {
            let _ = writeln!(output, "!  and {more} more findings in layer {}", layer.level);
        }
    }
    if all {
        for guess in &peeled.guesses {
            let head = format!("{} of 100", guess.certainty);
            let (form, content, reason) = (guess.form, guess.content, printable(&guess.reason));
            let _ = writeln!(output, "?  {head:<width$}  {form}, {content}: {reason}");
        }
    }
    output
}

/// Pieces of a layer whose places are shown to people.
const MOST_PIECES: usize = 3;

/// Returns where a layer is in the one around it.
fn place(layer: &Layer) -> String {
    let range = |span: &Span| format!("{}..{}", span.start, span.end);
    let pieces = layer.pieces.iter().take(MOST_PIECES).map(range).collect::<Vec<_>>().join(", ");
    match layer.pieces.len() {
        _ if layer.span.start == layer.span.end => String::new(),
        0 if layer.level == 1 => String::new(),
        0 => format!("  [{}]", range(&layer.span)),
        count if count > MOST_PIECES => format!("  [{pieces}, …]"),
        _ => format!("  [{pieces}]"),
    }
}

/// The output for programs.
#[derive(Serialize)]
struct Decoded<'p> {
    schema: &'static str,
    input: &'p str,
    layers: Vec<DecodedLayer<'p>>,
    mac: MacState,
    #[serde(skip_serializing_if = "Option::is_none")]
    guesses: Option<&'p [Guess]>,
}

#[derive(Serialize)]
struct DecodedLayer<'p> {
    level: usize,
    name: &'p str,
    /// Octets of the layer around it.
    start: u32,
    end: u32,
    /// Where its pieces are, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<Piece>,
    facts: &'p str,
    findings: Vec<Finding<'p>>,
}

#[derive(Serialize)]
struct Piece {
    start: u32,
    end: u32,
}

#[derive(Serialize)]
struct Finding<'p> {
    code: &'static str,
    severity: Severity,
    message: &'p str,
    /// Octets of this layer.
    start: u32,
    end: u32,
    path: &'p str,
    help: &'p str,
    clause: &'static str,
}

impl<'p> From<&'p Diagnostic> for Finding<'p> {
    fn from(d: &'p Diagnostic) -> Self {
        Self {
            code: d.rule.code,
            severity: d.severity,
            message: &d.message,
            start: d.span.start,
            end: d.span.end,
            path: &d.path,
            help: d.way_out(),
            clause: d.rule.clause,
        }
    }
}

fn json(name: &str, peeled: &Peeled, all: bool) -> String {
    let layers = peeled.layers.iter().map(|layer| DecodedLayer {
        level: layer.level,
        name: &layer.name,
        start: layer.span.start,
        end: layer.span.end,
        pieces: layer.pieces.iter().map(|piece| Piece { start: piece.start, end: piece.end }).collect(),
        facts: &layer.facts,
        findings: layer.report.diagnostics().iter().map(Finding::from).collect(),
    });
    let decoded = Decoded {
        schema: "impskit.decode/1",
        input: name,
        layers: layers.collect(),
        mac: peeled.mac,
        guesses: all.then_some(&peeled.guesses),
    };
    serde_json::to_string(&decoded).expect("only text and numbers, which JSON always carries") + "\n"
}
