//! A profile: a service described once, in TOML, with `{column}` placeholders for what differs by handset.
//!
//! A profile is the template of an account: [`Profile::account`] is an ordinary [`ImpsAccount`] whose texts hold slot marks
//! where the profile has placeholders. Variants and an operator's own `[columns]` are tables laid over the profile's own
//! before it is read, so every key can be changed by either.

mod checks;
mod keys;
mod reader;

mod write;

pub(super) use checks::is_absolute;
pub use keys::{Keys, keys, tables};
pub use write::{write, write_with};

use serde::{Deserialize, Deserializer, de};

use reader::Reader;

use super::account::{DmAccount, ImpsAccount};
use super::pattern::matches;
use super::rows::COLUMNS;
use super::rules;
use super::slots::Slots;
use super::table::{self, Fields, Node, Table, Value};
use crate::cp::mac::Security;
use crate::diagnose::{Diagnostic, Report, Span};
use crate::dm::Acl;

/// A service described once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The profile's own name: letters, digits and `-`.
    pub id: String,
    /// What every handset is told, with slot marks.
    pub account: ImpsAccount,
    /// The account of the DM server, with slot marks, if the profile has one.
    pub manager: Option<DmAccount>,
    /// The device that DM messages name, with slot marks.
    pub device: Option<String>,
    /// Whether the account is for each of `presence`, `im`, `group`, `content`.
    pub services: Vec<String>,
    /// Versions of CSP, most wanted first.
    pub versions: Vec<String>,
    /// Syntaxes of CSP, most wanted first.
    pub encodings: Vec<String>,
    /// How pushes are sealed, `Some(None)` not at all; `None` where the profile does not say.
    pub security: Option<Option<Security>>,
    /// The user PIN, with slot marks.
    pub pin: Option<String>,
    /// The node below which the management object is placed.
    pub tree_root: String,
    /// The name of the instance of the management object.
    pub tree_instance: String,
    /// The access control list of the instance, if the profile asks for one.
    pub tree_acl: Option<Acl>,
    /// The services that the server is expected to grant.
    pub granted: Vec<String>,
    /// The names that the slots stand for.
    pub slots: Slots,
    /// What the operator's own table says for our columns: column and text with slot marks.
    pub columns: Vec<(String, String)>,
    /// Whether the profile reads an operator's own table, whose headers are then free.
    pub own_table: bool,
    /// Profiles for certain handsets; the first that fits is used in place of this one.
    pub variants: Vec<Variant>,
}

/// A profile for certain handsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Models, with `*` for any characters; empty for all.
    pub devices: Vec<String>,
    /// The version of CSP; `None` for all.
    pub version: Option<String>,
    /// The whole profile with the variant's keys.
    pub profile: Profile,
}

/// Where a secret of a profile is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The first line of a file.
    File(String),
    /// An environment variable.
    Environment(String),
}

impl SecretSource {
    /// Returns what to do where it cannot be read.
    pub fn way_out(&self) -> String {
        match self {
            Self::File(name) => format!("put the secret into the first line of `{name}`, which only you may read"),
            Self::Environment(name) => format!("set it where the command is started: `export {name}=…`"),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    /// Reads `{ file = "NAME" }` or `{ env = "NAME" }`. What stands there instead is not repeated: it may be the secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        let mut keys = value.as_table().into_iter().flatten();
        match (keys.next().map(|(key, value)| (key.as_str(), value.as_str())), keys.next()) {
            (Some(("file", Some(name))), None) => Ok(Self::File(name.to_owned())),
            (Some(("env", Some(name))), None) => Ok(Self::Environment(name.to_owned())),
            _ => Err(de::Error::custom("a secret is kept in one place: `{ env = \"NAME\" }` or `{ file = \"NAME\" }`")),
        }
    }
}

/// Fetches the secrets that a profile keeps elsewhere; an error says in words why there is none.
pub type Secrets<'f> = &'f mut dyn FnMut(&SecretSource) -> Result<String, String>;

/// What placeholders may name beside columns: values derived from the handset's, and the campaign's name.
const DERIVED: &[&str] = &["msisdn_national", "mcc", "mnc", "campaign"];

/// Returns whether a placeholder may name this, in any case of letters.
pub(crate) fn is_column(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("x_") || COLUMNS.contains(&name.as_str()) || DERIVED.contains(&name.as_str())
}

/// How a push can be sealed.
pub(crate) const SECURITY: &[&str] = &["userpin", "netwpin", "usernetwpin", "userpinmac", "none"];

/// What an IMPS account can be for.
pub const SERVICES: &[&str] = &["presence", "im", "group", "content"];

impl Profile {
    /// Reads a profile. Secrets kept elsewhere are fetched by `secret`; findings go to `report`.
    ///
    /// Returns `None` where the text is not TOML. With errors in the report the profile is as good as could be made.
    pub fn read(source: &str, secret: Secrets<'_>, report: &mut Report) -> Option<Self> {
        Self::read_for_table(source, "", secret, report)
    }

    /// Reads a profile for a table that a campaign maps: `columns` is the TOML of the campaign's own `[columns]`, laid
    /// over that of the profile. Findings about it have no place in the profile's source.
    ///
    /// Returns what [`Profile::read`] returns.
    pub fn read_for_table(source: &str, columns: &str, secret: Secrets<'_>, report: &mut Report) -> Option<Self> {
        let mut table = table::read(source, report)?;
        if !columns.is_empty() {
            table.overlay(&table::read_elsewhere(columns, report)?);
        }
        let variants = table.remove("variant");
        let mut profile = read_table(&table, secret, report);
        let Some(variants) = variants else { return Some(profile) };
        match variants.tables() {
            Some(tables) => {
                for (over, span) in tables {
                    profile.variants.push(read_variant(&table, over, span, secret, report));
                }
            }
            None => report.add(Diagnostic::new(&rules::BAD_VALUE, variants.span, "write [[variant]] tables")),
        }
        Some(profile)
    }

    /// Returns the profile for a handset: the first variant that fits, with its place, or this profile.
    pub fn for_handset(&self, model: Option<&str>, version: Option<&str>) -> (&Self, Option<usize>) {
        self.for_kinds(&[model], version)
    }

    /// Returns the profile for a handset that has several names.
    pub(super) fn for_kinds(&self, kinds: &[Option<&str>], version: Option<&str>) -> (&Self, Option<usize>) {
        let fits = |v: &Variant| {
            let is_named = |d: &String| kinds.iter().flatten().any(|kind| matches(d, kind));
            let device = v.devices.is_empty() || v.devices.iter().any(is_named);
            device && v.version.as_deref().is_none_or(|wanted| version == Some(wanted))
        };
        match self.variants.iter().position(fits) {
            Some(place) => (&self.variants[place].profile, Some(place)),
            None => (self, None),
        }
    }
}

fn read_variant(base: &Table, over: &Table, span: Span, secret: Secrets<'_>, report: &mut Report) -> Variant {
    let mut over = over.clone();
    let when = over.remove("when");
    let mut merged = base.clone();
    merged.overlay(&over);
    let mut own = Report::new();
    let profile = read_table(&merged, secret, &mut own);
    // What is wrong with the profile itself has been said once.
    let said = |d: &Diagnostic| report.diagnostics().iter().any(|s| s.rule == d.rule && s.span == d.span);
    own.retain(|d| !said(d));
    report.append(own);
    let mut variant = Variant { devices: Vec::new(), version: None, profile };
    let Some((when, when_span)) = when.as_ref().and_then(Value::tables).and_then(|t| t.first().copied()) else {
        let message = "a variant says `when = { device = […], version = \"…\" }`";
        report.add(Diagnostic::new(&rules::MISSING_KEY, span, message).at("variant.when"));
        return variant;
    };
    let fields = Fields::new(when, when_span, "variant.when");
    variant.devices = plain_texts(&fields, "device", report);
    variant.version = plain_texts(&fields, "version", report).pop();
    fields.finish(report);
    variant
}

fn plain_texts(fields: &Fields<'_>, key: &'static str, report: &mut Report) -> Vec<String> {
    let Some(value) = fields.take(key) else { return Vec::new() };
    let texts = match &value.node {
        Node::Array(items) => items.iter().map(|i| i.text().map(str::to_owned)).collect(),
        _ => value.text().map(|text| vec![text.to_owned()]),
    };
    texts.unwrap_or_else(|| {
        fields.fault(report, &rules::BAD_VALUE, key, format!("`{}` is a list of texts", fields.name(key)));
        Vec::new()
    })
}

/// Reads a table without variants: lays `[columns]` over it and reads the outcome.
fn read_table(table: &Table, secret: Secrets<'_>, report: &mut Report) -> Profile {
    let mut table = table.clone();
    let columns = table.remove("columns");
    let mut reader = Reader::new(columns.is_some(), secret, report);
    let mut mapped = Vec::new();
    if let Some(Node::Table(columns)) = columns.map(|c| c.node) {
        let mut over = Table::default();
        for (key, span, value) in columns.entries() {
            match value.text() {
                Some(text) if is_column(key) => {
                    mapped.push((key.to_owned(), reader.mark(text, value.span, &format!("columns.{key}"))));
                }
                _ => over.push(key, span, value),
            }
        }
        table.overlay(&over);
    }
    let mut profile = reader.profile(&table);
    profile.columns = mapped;
    profile.own_table = reader.own_table;
    profile.slots = reader.slots;
    profile
}
