//! The forms that settings can take, and how binary ones are printed (`product.md` 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use impskit::codec::{CannotWrite, WbxmlStyle};
use impskit::delivery::pap::WithType;
use impskit::error::{Error, Result};

use super::seal::hex;
use super::ui::Output;
use super::{Ui, pap};

/// A form, as `--as` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Provisioning document in XML
    Cp,
    /// Provisioning document in WBXML
    CpWbxml,
    /// The same sealed as a WAP push
    Push,
    /// The push as SMS
    Sms,
    /// The push as a submission to a push proxy gateway
    Pap,
    /// Management object as a serialised tree in XML
    Mo,
    /// Management object as a serialised tree in WBXML
    MoWbxml,
    /// DM commands that make it, in XML
    Syncml,
    /// DM commands that make it, in WBXML
    SyncmlWbxml,
    /// What makes a DM server the manager of a handset, in WBXML
    DmBootstrap,
    /// Profile in TOML
    Profile,
    /// The same document in XML
    Xml,
    /// The same document in WBXML
    Wbxml,
    /// The same message in plain text
    Pts,
    /// The same document as JSON
    Json,
}

impl Form {
    /// Returns the name that `--as` takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cp => "cp",
            Self::CpWbxml => "cp-wbxml",
            Self::Push => "push",
            Self::Sms => "sms",
            Self::Pap => "pap",
            Self::Mo => "mo",
            Self::MoWbxml => "mo-wbxml",
            Self::Syncml => "syncml",
            Self::SyncmlWbxml => "syncml-wbxml",
            Self::DmBootstrap => "dm-bootstrap",
            Self::Profile => "profile",
            Self::Xml => "xml",
            Self::Wbxml => "wbxml",
            Self::Pts => "pts",
            Self::Json => "json",
        }
    }

    /// Returns whether the document is sealed in this form.
    pub(crate) fn is_sealed(self) -> bool {
        matches!(self, Self::Push | Self::Sms | Self::Pap)
    }

    /// Returns the error of a source that cannot become this form, with those that it can become.
    pub(crate) fn refused(self, source: &str, possible: &[Self]) -> Error {
        let possible: Vec<&str> = possible.iter().map(|form| form.name()).collect();
        Error::input(format!("{source} cannot become `{}`", self.name()))
            .help(format!("it can become {}", possible.join(", ")))
    }
}

/// How binary output is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transfer {
    /// The octets
    Raw,
    /// Hexadecimal digits
    Hex,
    /// Base64
    Base64,
}

impl Transfer {
    /// Returns octets as they are printed, and whether they are still binary.
    fn of(self, octets: Vec<u8>) -> (Vec<u8>, bool) {
        match self {
            Self::Raw => (octets, true),
            Self::Hex => ((hex(&octets) + "\n").into_bytes(), false),
            Self::Base64 => ((STANDARD.encode(&octets) + "\n").into_bytes(), false),
        }
    }
}

/// How WBXML is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Style {
    /// What every client reads
    Safe,
    /// Tokens for parts of values too, as libwbxml
    Prefix,
    /// Tokens for whole values of both pages, as Kannel
    WholeValue,
}

impl From<Style> for WbxmlStyle {
    fn from(style: Style) -> Self {
        match style {
            Style::Safe => Self::Safe,
            Style::Prefix => Self::Prefix,
            Style::WholeValue => Self::WholeValue,
        }
    }
}

/// Something in its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// Text, with its last line end.
    Text(Vec<u8>),
    /// Octets.
    Binary(Vec<u8>),
    /// Several texts, one a line.
    Lines(Vec<String>),
    /// What is posted to a gateway.
    Posted(WithType),
}

impl Made {
    /// Writes it to the file or to stdout.
    pub(crate) fn put(self, transfer: Transfer, output: &Output, ui: &mut Ui) -> Result<()> {
        let (data, is_binary) = match self {
            Self::Text(text) => (text, false),
            Self::Lines(lines) => (lines.into_iter().map(|line| line + "\n").collect::<String>().into_bytes(), false),
            Self::Binary(octets) => transfer.of(octets),
            Self::Posted(posted) => {
                pap::advise(&posted.content_type, ui);
                transfer.of(posted.body)
            }
        };
        ui.result(&data, output.to_file(), is_binary)
    }
}

/// Returns the error of a document that a syntax cannot carry.
pub(crate) fn cannot_write(error: &CannotWrite) -> Error {
    Error::input(error.what.clone())
}
