//! `build`: settings in any form, for one handset or for every row of a table.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::codec::{WbxmlOptions, write_wbxml, write_xml};
use impskit::cp::VOCABULARY;
use impskit::delivery::wsp::Content;
use impskit::delivery::{Outgoing, most_octets};
use impskit::diagnose::{Report, Severity};
use impskit::dm::{Tree, Uri, serialise};
use impskit::error::{Error, Result};
use impskit::provision::apply::{Applied, Place, to_tree};
use impskit::provision::changes::Changes;
use impskit::provision::device::Seal as OfSeal;
use impskit::provision::{BadHandset, Compiled, Filled, ImpsAccount, Profile, bootstrap, cp};

use super::build_rows;
use super::convert::tell;
use super::descriptions::{DescriptionOptions, Descriptions, tell_applied};
use super::device::{self, Handsets};
use super::form::{Form, Made, Style, Transfer, cannot_write};
use super::pap::PapOptions;
use super::profile::{RowOptions, is_secret, load};
use super::seal::{Seal, SealOptions, SmsOptions};
use super::syncml::{Syncml, SyncmlOptions, blank_header};
use super::ui::Output;
use super::{Outcome, Ui};

/// Make settings in any form, for one handset or a table of them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit build acme.toml --as cp --row subscribers.csv:2
  impskit build acme.toml --as sms --rows subscribers.csv --reject rejected.csv -o built.jsonl")]
pub(crate) struct Build {
    /// The profile; `-` for stdin
    profile: PathBuf,
    /// What to make: cp, cp-wbxml, push, sms, pap, mo, mo-wbxml, syncml, syncml-wbxml, dm-bootstrap
    #[arg(long = "as", value_name = "FORM", hide_possible_values = true)]
    form: Form,
    /// Make one JSON object a line for every row of a table
    #[arg(long, value_name = "FILE", conflicts_with_all = ["row", "set", "to", "transfer"])]
    rows: Option<PathBuf>,
    /// Write rows that are wrong to FILE, with the reason; their cells stay as they are, formulas of spreadsheets too
    #[arg(long, value_name = "FILE", requires = "rows")]
    reject: Option<PathBuf>,
    /// How binary output is printed
    #[arg(long, value_name = "HOW", default_value = "raw")]
    transfer: Transfer,
    /// How WBXML is written, in place of `safe` or what the handset reads
    #[arg(long, value_name = "STYLE")]
    wbxml_style: Option<Style>,
    /// Make a DM server the manager of the handset: a provisioning document with `w7`, or a message with a tree
    #[arg(long, value_name = "PROFILE")]
    bootstrap: Option<Bootstrap>,
    #[command(flatten)]
    ddf: DescriptionOptions,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    row: RowOptions,
    #[command(flatten)]
    seal: SealOptions,
    #[command(flatten)]
    sms: SmsOptions,
    #[command(flatten)]
    pap: PapOptions,
    #[command(flatten)]
    syncml: SyncmlOptions,
}

const FORMS: &[Form] = &[
    Form::Cp,
    Form::CpWbxml,
    Form::Push,
    Form::Sms,
    Form::Pap,
    Form::Mo,
    Form::MoWbxml,
    Form::Syncml,
    Form::SyncmlWbxml,
    Form::DmBootstrap,
];

impl Build {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        if !FORMS.contains(&self.form) {
            return Err(self.form.refused("a profile", FORMS));
        }
        let Some(profile) = load(&self.profile, ui)? else { return Ok(Outcome::NotGood) };
        let Some(syncml) = self.syncml.read(self.form, self.sms.from.as_deref(), ui)? else {
            return Ok(Outcome::NotGood);
        };
        let mut handsets = Handsets::read(self.row.device.as_deref(), ui)?;
        if let Some(style) = self.wbxml_style {
            handsets.packs.iter_mut().for_each(|pack| pack.wbxml = vec![style.into()]);
        }
        let maker = Maker {
            form: self.form,
            style: self.wbxml_style.unwrap_or(Style::Safe),
            seal: self.seal.read(ui)?,
            sms: &self.sms,
            pap: &self.pap,
            handsets,
            device: self.ddf.read(ui)?,
            syncml,
            bootstrap: self.bootstrap.or((self.form == Form::DmBootstrap).then_some(Bootstrap::Tree)),
        };
        match &self.rows {
            Some(rows) => {
                let files = build_rows::Files {
                    rows,
                    delimiter: self.row.delimiter,
                    reject: self.reject.as_deref(),
                    output: &self.output,
                };
                build_rows::run(&maker, &profile, &files, ui)
            }
            None => self.one(&maker, &profile, ui),
        }
    }

    fn one(&self, maker: &Maker<'_>, profile: &Profile, ui: &mut Ui) -> Result<Outcome> {
        let Some(values) = self.row.values(profile, ui)? else { return Ok(Outcome::NotGood) };
        let (header, cells): (Vec<&str>, Vec<&str>) = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).unzip();
        let compiled = maker.compile(profile, &header)?;
        if let Some(name) = compiled.missing().first() {
            return Err(Error::input(format!("the profile uses `{name}`, and nothing gives it")).help(
                match is_secret(name) {
                    true => format!("use `--row FILE:LINE` with a column `{name}`"),
                    false => format!("use `--set {name}=VALUE`, or `--row FILE:LINE` with a column `{name}`"),
                },
            ));
        }
        let mut document = Vec::new();
        let filled = match compiled.fill(&|place| cells[place], maker.model(), &mut document) {
            Ok(filled) => filled,
            Err(bad) => {
                say_bad(&bad, ui);
                return Ok(Outcome::NotGood);
            }
        };
        if !is_sound(&filled, ui) {
            return Ok(Outcome::NotGood);
        }
        maker.handsets.tell(filled.variant.is_some(), ui);
        if maker.is_refused(&filled, document.len(), ui) {
            return Ok(Outcome::NotGood);
        }
        let refused = maker.tell_lost(&filled, ui)?;
        let mut outgoing = Outgoing::new();
        let made = maker.make(&filled, &document, &mut outgoing)?;
        if self.form.is_sealed() {
            let method = maker.seal.method(filled.profile.security)?;
            let document = maker.boot(&filled)?.map_or(document, |boot| boot.document);
            maker.seal.tell_digits(&document, method, &filled.handset.pin, ui)?;
        }
        made.put(self.transfer, &self.output, ui)?;
        Ok(if refused { Outcome::NotGood } else { Outcome::Good })
    }
}

/// What a command makes of each handset.
#[derive(Debug)]
pub(super) struct Maker<'o> {
    pub(super) form: Form,
    pub(super) style: Style,
    pub(super) seal: Seal,
    pub(super) sms: &'o SmsOptions,
    pub(super) pap: &'o PapOptions,
    pub(super) handsets: Handsets,
    /// What may be on the handset, for trees.
    pub(super) device: Descriptions,
    pub(super) syncml: Syncml,
    pub(super) bootstrap: Option<Bootstrap>,
}

/// A bootstrap document.
struct Boot {
    /// In XML.
    text: Vec<u8>,
    /// In WBXML.
    document: Vec<u8>,
    /// What it cannot carry.
    lost: Vec<String>,
}

/// The profiles of DM bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bootstrap {
    /// A provisioning document: access points, proxies, `w7`, `wA`
    Cp,
    /// A DM message with a serialised tree for the inbox
    Tree,
}

impl Maker<'_> {
    /// Compiles a profile for rows with that header, with the limits of handsets where the form is for them.
    pub(super) fn compile(&self, profile: &Profile, header: &[&str]) -> Result<Compiled> {
        let compiled = Compiled::new(profile, header, "", self.style.into()).map_err(|error| cannot_write(&error))?;
        let seal = match self.form {
            Form::Cp | Form::CpWbxml => OfSeal::Open,
            Form::Push | Form::Sms => self.seal.asked().map_or(OfSeal::OfProfile, OfSeal::As),
            _ => return Ok(compiled),
        };
        compiled.for_handsets(&self.handsets.packs, seal, most_octets).map_err(|error| cannot_write(&error))
    }

    /// Returns the model that counts before those of rows.
    pub(super) fn model(&self) -> Option<&str> {
        self.handsets.model.as_deref()
    }

    /// Tells what the handset does with the document; returns whether it cannot take it.
    fn is_refused(&self, filled: &Filled<'_>, octets: usize, ui: &mut Ui) -> bool {
        let Some(pack) = filled.device else { return false };
        let account = filled.profile.filled(&filled.handset.values);
        let is_sent = matches!(self.form, Form::Push | Form::Sms);
        let method = self.seal.asked().or(filled.profile.security).filter(|_| is_sent);
        device::tell(&cp::write(&account), (None, octets), method, pack, ui)
    }

    /// Tells what the form cannot carry, and what the handset has no place for; returns whether there is such.
    pub(super) fn tell_lost(&self, filled: &Filled<'_>, ui: &mut Ui) -> Result<bool> {
        Ok(match self.form {
            _ if self.bootstrap.is_some() => {
                self.boot(filled)?.iter().for_each(|boot| tell(&boot.lost, ui));
                false
            }
            Form::Mo | Form::MoWbxml => tell_applied(&self.tree(filled)?.1, ui),
            Form::Syncml | Form::SyncmlWbxml => self.syncml.tell(&self.changes(filled)?, ui),
            _ => false,
        })
    }

    /// Makes the form of a filled document.
    pub(super) fn make(&self, filled: &Filled<'_>, document: &[u8], outgoing: &mut Outgoing) -> Result<Made> {
        if let Some(boot) = self.boot(filled)? {
            return match self.form {
                Form::DmBootstrap => Ok(Made::Binary(boot.document)),
                Form::Cp | Form::Syncml => Ok(Made::Text(boot.text)),
                Form::CpWbxml | Form::SyncmlWbxml => Ok(Made::Binary(boot.document)),
                _ => self.delivered(filled, &boot.document, outgoing),
            };
        }
        match self.form {
            Form::Cp => {
                let account = filled.profile.filled(&filled.handset.values);
                Ok(Made::Text(write_xml(&cp::write(&account), Some(&VOCABULARY), true)))
            }
            Form::CpWbxml => Ok(Made::Binary(document.to_vec())),
            Form::Push | Form::Sms | Form::Pap => self.delivered(filled, document, outgoing),
            Form::Mo | Form::MoWbxml => {
                let (tree, _) = self.tree(filled)?;
                match self.form {
                    Form::Mo => Ok(Made::Text(serialise::to_xml(&tree))),
                    _ => serialise::to_wbxml(&tree).map(Made::Binary).map_err(|error| cannot_write(&error)),
                }
            }
            Form::Syncml | Form::SyncmlWbxml => self.syncml.make(&self.changes(filled)?, blank_header(), self.form),
            _ => Err(self.form.refused("a profile", FORMS)),
        }
    }

    /// Returns the tree of a filled profile's management object, and what it cannot carry.
    fn tree(&self, filled: &Filled<'_>) -> Result<(Tree, Applied)> {
        self.placed(filled, |account, place| {
            to_tree(&[account], &[], place).map_err(|fault| Error::input(fault.to_string()).at("[tree] in the profile"))
        })
    }

    /// Returns what has to change on the handset so that it has a filled profile's account.
    fn changes(&self, filled: &Filled<'_>) -> Result<Changes> {
        self.placed(filled, |account, place| self.syncml.changes(&[account], &[], place))
    }

    /// Does something with the account of a filled profile and the place that it has on the handset.
    fn placed<T>(&self, filled: &Filled<'_>, work: impl FnOnce(ImpsAccount, &Place<'_>) -> Result<T>) -> Result<T> {
        let profile = filled.profile;
        let parent = Uri::read(&profile.tree_root)
            .map_err(|error| Error::input(error.to_string()).at("tree.root in the profile"))?;
        let descriptions = self.device.on_device();
        let place = Place {
            descriptions: &descriptions,
            parent: Some(&parent),
            instance: Some(&profile.tree_instance),
            acl: profile.tree_acl.as_ref(),
        };
        work(profile.filled(&filled.handset.values), &place)
    }

    /// Returns what makes the profile's DM server the manager of the handset, where that is asked for.
    fn boot(&self, filled: &Filled<'_>) -> Result<Option<Boot>> {
        let Some(kind) = self.bootstrap else { return Ok(None) };
        let Some((manager, device)) = filled.profile.filled_manager(&filled.handset.values) else {
            return Err(Error::input("the profile has no DM server")
                .help("add a table `[dm]` with `server_id` and `addresses`"));
        };
        let fits = match kind {
            Bootstrap::Cp => [Form::Cp, Form::CpWbxml],
            Bootstrap::Tree => [Form::Syncml, Form::SyncmlWbxml],
        };
        let common = [Form::DmBootstrap, Form::Push, Form::Sms, Form::Pap];
        if !fits.contains(&self.form) && !common.contains(&self.form) {
            return Err(self.form.refused("this bootstrap", &[&fits[..], &common].concat()));
        }
        let account = filled.profile.filled(&filled.handset.values);
        Ok(Some(match kind {
            Bootstrap::Cp => {
                let (accounts, managers) = ([account], [manager]);
                let root = cp::write_all(&accounts, &managers);
                let options = WbxmlOptions { style: self.style.into(), ..WbxmlOptions::default() };
                let document = write_wbxml(&root, &VOCABULARY, &options).map_err(|error| cannot_write(&error))?;
                let lost = cp::not_carried(&managers);
                Boot { text: write_xml(&root, Some(&VOCABULARY), true), document, lost }
            }
            Bootstrap::Tree => {
                let device = device.unwrap_or_else(|| "device".to_owned());
                let made = bootstrap::message(&manager, &[account], &device, &filled.profile.tree_instance);
                let (message, lost) = made.map_err(|fault| Error::input(fault.to_string()))?;
                let document = message.to_wbxml().map_err(|error| cannot_write(&error))?;
                Boot { text: message.to_xml(true), document, lost }
            }
        }))
    }

    fn delivered(&self, filled: &Filled<'_>, document: &[u8], outgoing: &mut Outgoing) -> Result<Made> {
        self.deliver(filled, document, outgoing)?;
        Ok(match self.form {
            Form::Push => Made::Binary(outgoing.push().to_vec()),
            Form::Pap => self.pap.make(&self.sms.to(&filled.handset.msisdn)?, outgoing.push())?,
            _ => Made::Lines(self.sms.texts(outgoing)),
        })
    }

    /// Seals a document, and splits it where the form is SMS.
    pub(super) fn deliver(&self, filled: &Filled<'_>, document: &[u8], outgoing: &mut Outgoing) -> Result<()> {
        let handset = &filled.handset;
        let method = self.seal.method(filled.profile.security)?;
        let content = if self.bootstrap == Some(Bootstrap::Tree) { Content::Management } else { Content::Provisioning };
        self.seal.seal((content, document), method, &handset.pin, &handset.imsi, outgoing)?;
        if self.form == Form::Sms { self.sms.split(&handset.msisdn, outgoing) } else { Ok(()) }
    }
}

/// Checks the provisioning document of a filled profile; what is wrong goes to stderr.
pub(super) fn is_sound(filled: &Filled<'_>, ui: &mut Ui) -> bool {
    let account = filled.profile.filled(&filled.handset.values);
    let mut report = Report::new();
    VOCABULARY.check(&cp::write(&account), &mut report);
    report.retain(|d| d.severity == Severity::Error);
    for finding in report.diagnostics() {
        let (code, message, path) = (finding.rule.code, &finding.message, &finding.path);
        ui.complain(&format!("error[{code}]: {message}\n  at: {path}\n  help: {}", finding.way_out()));
    }
    !report.has_errors()
}

fn say_bad(bad: &BadHandset, ui: &mut Ui) {
    let BadHandset { rule, column, message } = bad;
    ui.complain(&format!("error[{}]: {message}\n  at: {column}\n  help: {}", rule.code, rule.help));
}
