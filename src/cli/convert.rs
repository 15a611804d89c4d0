//! `convert`: the same content in another syntax, or in another saying.

use std::path::PathBuf;

use clap::Args;
use impskit::catalogue;
use impskit::codec::{self, Document, Encoding, WbxmlOptions, WbxmlStyle, write_wbxml, write_xml};
use impskit::cp::VOCABULARY;
use impskit::cp::settings::{Today, today};
use impskit::delivery::Outgoing;
use impskit::delivery::wsp::{Content, Push};
use impskit::diagnose::{Report, Source};
use impskit::dm::{self, Description, Tree, serialise};
use impskit::document::{CodeTable, Element, Vocabulary};
use impskit::error::{Error, Result};
use impskit::provision::apply::{Place, to_tree};
use impskit::provision::cp::Reading;
use impskit::provision::{Pack, cp, dm as object, profile};

use super::descriptions::{DescriptionOptions, tell_applied};
use super::device;
use super::form::{Form, Made, Style, Transfer, cannot_write};
use super::input::document;
use super::pap::PapOptions;
use super::seal::{SealOptions, SmsOptions};
use super::syncml::{Syncml, SyncmlOptions, blank_header};
use super::text_codes::TextCodes;
use super::tree::tree_json;
use super::ui::{Output, read_input};
use super::{Outcome, Ui};

/// Say the same in another syntax or another form
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit convert settings.xml --as profile -o settings.toml
  impskit convert settings.xml --as cp-wbxml --wbxml-style whole-value -o settings.wbxml")]
pub(crate) struct Convert {
    /// The document; `-` for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to make: cp, cp-wbxml, push, sms, pap, mo, mo-wbxml, syncml, syncml-wbxml, profile, xml, wbxml, pts, json
    #[arg(long = "as", value_name = "FORM", hide_possible_values = true)]
    form: Form,
    /// Of several accounts, take this one
    #[arg(long, value_name = "N")]
    account: Option<usize>,
    /// How binary output is printed
    #[arg(long, value_name = "HOW", default_value = "raw")]
    transfer: Transfer,
    /// How WBXML is written, in place of `safe` or what the handset reads
    #[arg(long, value_name = "STYLE")]
    wbxml_style: Option<Style>,
    /// The handset that a provisioning document is for: a model, or the file of a device pack; its limits are obeyed
    #[arg(long, value_name = "MODEL|FILE.toml")]
    device: Option<String>,
    #[command(flatten)]
    ddf: DescriptionOptions,
    #[command(flatten)]
    text_codes: TextCodes,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    seal: SealOptions,
    #[command(flatten)]
    sms: SmsOptions,
    #[command(flatten)]
    pap: PapOptions,
    #[command(flatten)]
    syncml: SyncmlOptions,
}

/// What the input was taken for.
pub(super) enum Input<'s> {
    /// A provisioning document, with its octets where they are WBXML.
    Cp(Element<'s>, Option<&'s [u8]>),
    /// A device tree.
    Tree(Tree),
    /// A push.
    Push(&'s [u8]),
    /// Any other document.
    Other(Box<Document<'s>>),
}

const OF_CP: &[Form] = &[
    Form::Cp,
    Form::CpWbxml,
    Form::Push,
    Form::Sms,
    Form::Pap,
    Form::Mo,
    Form::MoWbxml,
    Form::Syncml,
    Form::SyncmlWbxml,
    Form::Profile,
    Form::Xml,
    Form::Wbxml,
];

impl Convert {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let (name, mut octets) = read_input(&self.file)?;
        // A push is sent on as it is sealed; all else is made of the document inside.
        if !self.form.is_sealed() {
            octets = document(&name, octets, ui)?;
        }
        let text_codes = self.text_codes.read()?;
        let Some(input) = read_with(&name, &octets, Some(text_codes), ui)? else { return Ok(Outcome::NotGood) };
        let own = self.ddf.read(ui)?;
        let Some(syncml) = self.syncml.read(self.form, self.sms.from.as_deref(), ui)? else {
            return Ok(Outcome::NotGood);
        };
        let pack = self.device.as_deref().map(|word| device::known(word, ui)).transpose()?;
        let descriptions = own.on_device();
        let mut work = Work { options: self, pack, descriptions, syncml, ui, outcome: Outcome::Good, refused: false };
        let made = match input {
            Input::Cp(root, octets) => work.of_cp(&root, octets)?,
            Input::Tree(tree) => work.of_tree(&tree)?,
            Input::Push(push) => work.of_push(push)?,
            Input::Other(document) => match today(&document.root) {
                Some(today) if !matches!(self.form, Form::Xml | Form::Pts) => work.of_older(&today)?,
                _ if self.form == Form::Pts => work.of_message(&document, text_codes)?,
                _ => self.of_other(&document)?,
            },
        };
        if work.refused {
            return Ok(Outcome::NotGood);
        }
        let outcome = work.outcome;
        made.put(self.transfer, &self.output, ui)?;
        Ok(outcome)
    }

    fn of_push(&self, push: &[u8]) -> Result<Made> {
        let mut outgoing = Outgoing::new();
        outgoing.adopt(push);
        match self.form.is_sealed() {
            true => self.sent(&mut outgoing),
            false => {
                let possible = [Form::Push, Form::Sms, Form::Pap];
                Err(self.form.refused("a push in which no document can be read", &possible))
            }
        }
    }

    /// Returns a push in the form in which it is sent.
    fn sent(&self, outgoing: &mut Outgoing) -> Result<Made> {
        match self.form {
            Form::Push => Ok(Made::Binary(outgoing.push().to_vec())),
            Form::Pap => self.pap.make(&self.sms.to("")?, outgoing.push()),
            _ => {
                self.sms.split("", outgoing)?;
                Ok(Made::Lines(self.sms.texts(outgoing)))
            }
        }
    }

    fn of_other(&self, document: &Document<'_>) -> Result<Made> {
        match (self.form, document.vocabulary) {
            (Form::Xml, Some(vocabulary)) if document.header.encoding == Encoding::Pts => {
                let mut root = document.root.clone();
                declare(&mut root, vocabulary);
                Ok(Made::Text(write_xml(&root, Some(vocabulary), true)))
            }
            (Form::Xml, vocabulary) => Ok(Made::Text(write_xml(&document.root, vocabulary, true))),
            (Form::Wbxml, Some(vocabulary)) => {
                let options = WbxmlOptions { style: self.style(None), ..WbxmlOptions::default() };
                write_wbxml(&document.root, vocabulary, &options)
                    .map(Made::Binary)
                    .map_err(|error| cannot_write(&error))
            }
            (_, vocabulary) => {
                let what =
                    vocabulary.map_or("a document of an unknown language".to_owned(), |v| format!("a {}", v.name));
                let is_message = vocabulary.is_some_and(|vocabulary| vocabulary.pts.is_some());
                let possible = [Form::Xml, Form::Wbxml, Form::Pts];
                Err(self.form.refused(&what, &possible[..if is_message { 3 } else { 2 }]))
            }
        }
    }

    /// Returns the style that is asked for, else what a handset reads.
    fn style(&self, pack: Option<&Pack>) -> WbxmlStyle {
        self.wbxml_style.map(WbxmlStyle::from).or(pack.map(Pack::style)).unwrap_or_default()
    }

    fn wbxml(&self, root: &Element<'_>, pack: Option<&Pack>) -> Result<Vec<u8>> {
        let options = WbxmlOptions { style: self.style(pack), ..WbxmlOptions::default() };
        write_wbxml(root, &VOCABULARY, &options).map_err(|error| cannot_write(&error))
    }

    fn deliver(&self, document: &[u8], ui: &mut Ui) -> Result<Made> {
        let seal = self.seal.read(ui)?;
        let method = seal.method(None)?;
        let mut outgoing = Outgoing::new();
        seal.seal((Content::Provisioning, document), method, "", "", &mut outgoing)?;
        seal.tell_digits(document, method, "", ui)?;
        self.sent(&mut outgoing)
    }
}

/// One conversion.
struct Work<'w> {
    options: &'w Convert,
    /// The handset that documents are for.
    pack: Option<Pack>,
    descriptions: Vec<&'w Description>,
    syncml: Syncml,
    ui: &'w mut Ui,
    outcome: Outcome,
    /// Whether the handset cannot take the document: nothing is written.
    refused: bool,
}

impl Work<'_> {
    /// Says a message in plain text, which has no flags.
    fn of_message(&mut self, document: &Document<'_>, codes: &CodeTable) -> Result<Made> {
        let Some(vocabulary) = document.vocabulary.filter(|vocabulary| vocabulary.pts.is_some()) else {
            return self.options.of_other(document);
        };
        let mut root = document.root.clone();
        for session in &mut root.children {
            let (flags, rest) = std::mem::take(&mut session.children)
                .into_iter()
                .partition(|child| matches!(child.name.as_ref(), "Poll" | "CIR"));
            session.children = rest;
            let flags: Vec<Element<'_>> = flags;
            tell(&flags.iter().map(|flag| format!("`{}`", flag.name)).collect::<Vec<_>>(), self.ui);
        }
        let help = "`--text-codes FILE` gives codes to what has none; the client must have the same";
        let text = codec::write_pts(&root, vocabulary, Some(codes)).map_err(|error| cannot_write(&error).help(help))?;
        Ok(Made::Text((text + "\n").into_bytes()))
    }

    fn of_cp(&mut self, root: &Element<'_>, octets: Option<&[u8]>) -> Result<Made> {
        let form = self.options.form;
        if form.is_sealed() || matches!(form, Form::Cp | Form::Xml | Form::CpWbxml | Form::Wbxml) {
            self.obey(root, octets.filter(|_| form.is_sealed()))?;
        }
        match form {
            Form::Cp | Form::Xml => Ok(Made::Text(write_xml(root, Some(&VOCABULARY), true))),
            Form::CpWbxml | Form::Wbxml => self.options.wbxml(root, self.pack.as_ref()).map(Made::Binary),
            Form::Push | Form::Sms | Form::Pap => {
                let encoded = || self.options.wbxml(root, self.pack.as_ref());
                let encoded = octets.map_or_else(encoded, |octets| Ok(octets.to_vec()))?;
                self.options.deliver(&encoded, self.ui)
            }
            Form::Mo | Form::MoWbxml | Form::Syncml | Form::SyncmlWbxml | Form::Profile => {
                self.of_accounts(cp::read(root), "the document")
            }
            Form::DmBootstrap | Form::Json | Form::Pts => Err(form.refused("a provisioning document", OF_CP)),
        }
    }

    /// Says older settings in a form of today. In their own form they are read, never written.
    fn of_older(&mut self, today: &Today) -> Result<Made> {
        if self.options.form == Form::Wbxml {
            let what =
                "settings from before client provisioning are read, never written: no handset of today takes them";
            return Err(
                Error::input(what).help("`--as cp-wbxml` says the same as a provisioning document, `--as cp` in XML")
            );
        }
        for (setting, _) in &today.not_carried {
            self.ui.say(&format!("not carried: {setting}"));
        }
        self.of_cp(&today.document, None)
    }

    /// A push goes on as it is sealed, if the handset can take what is in it.
    fn of_push(&mut self, push: &[u8]) -> Result<Made> {
        let read = Push::read(push, &mut Report::new()).zip(self.pack.as_ref());
        if let Some((read, pack)) = read
            && let Some(document) = catalogue::read(read.body, &serialise::LIMITS, &mut Report::new())
            && document.vocabulary.is_some_and(|vocabulary| vocabulary.id == VOCABULARY.id)
        {
            let (octets, method) = ((Some(read.body), read.body.len()), Some(read.security()));
            self.refused = device::tell(&document.root, octets, method, pack, self.ui);
        }
        self.options.of_push(push)
    }

    /// Tells what the handset does with a document, whose octets are given where they are sent as they are.
    fn obey(&mut self, root: &Element<'_>, octets: Option<&[u8]>) -> Result<()> {
        let Some(pack) = &self.pack else { return Ok(()) };
        let length = match octets {
            Some(octets) => octets.len(),
            None => self.options.wbxml(root, Some(pack))?.len(),
        };
        let is_sent = matches!(self.options.form, Form::Push | Form::Sms);
        let method = self.options.seal.asked().filter(|_| is_sent);
        self.refused = device::tell(root, (octets, length), method, pack, self.ui);
        Ok(())
    }

    fn of_tree(&mut self, tree: &Tree) -> Result<Made> {
        match self.options.form {
            // Another device has other places.
            Form::Mo | Form::MoWbxml if self.options.ddf.is_given() => self.of_accounts(object::read(tree), "the tree"),
            Form::Mo | Form::Xml | Form::MoWbxml | Form::Wbxml => self.serialised(tree),
            Form::DmBootstrap => Err(Error::input("a device tree cannot become `dm-bootstrap`")
                .help("`impskit build PROFILE --as dm-bootstrap` makes it of a profile with a `[dm]` table")),
            Form::Pts => {
                Err(Error::input("a device tree cannot become `pts`").help("plain text is for messages of CSP"))
            }
            Form::Json => Ok(Made::Text(tree_json(tree, &self.descriptions).into_bytes())),
            Form::Syncml | Form::SyncmlWbxml | Form::Profile => self.of_accounts(object::read(tree), "the tree"),
            Form::Cp | Form::CpWbxml | Form::Push | Form::Sms | Form::Pap => {
                self.of_accounts(object::read(tree), "the tree")
            }
        }
    }

    fn serialised(&self, tree: &Tree) -> Result<Made> {
        match self.options.form {
            Form::Mo | Form::Xml => Ok(Made::Text(serialise::to_xml(tree))),
            _ => serialise::to_wbxml(tree).map(Made::Binary).map_err(|error| cannot_write(&error)),
        }
    }

    /// Says the accounts that were read in another way. What is left behind goes to stderr.
    fn of_accounts(&mut self, reading: Reading, what: &str) -> Result<Made> {
        let Reading { mut accounts, managers, not_carried } = reading;
        tell(&not_carried, self.ui);
        if accounts.is_empty() && managers.is_empty() {
            return Err(Error::input(format!("{what} holds no account of IMPS or of a DM server")));
        }
        if let Some(number) = self.options.account {
            let count = accounts.len();
            let wrong = || Error::input(format!("{what} holds {count} accounts, none with the number {number}"));
            accounts = vec![accounts.into_iter().nth(number.wrapping_sub(1)).ok_or_else(wrong)?];
        }
        match self.options.form {
            Form::Profile => match &accounts[..] {
                [account] => Ok(Made::Text(profile::write_with(account, managers.first()).into_bytes())),
                several => Err(Error::input(format!("{what} holds {} accounts, a profile one", several.len()))
                    .help("choose with `--account N`, from 1")),
            },
            Form::Mo | Form::MoWbxml => {
                let made = to_tree(&accounts, &managers, &Place::of(&self.descriptions));
                let (tree, applied) = made.map_err(|fault| Error::input(fault.to_string()))?;
                if tell_applied(&applied, self.ui) {
                    self.outcome = Outcome::NotGood;
                }
                self.serialised(&tree)
            }
            Form::Syncml | Form::SyncmlWbxml => {
                let changes = self.syncml.changes(&accounts, &managers, &Place::of(&self.descriptions))?;
                if self.syncml.tell(&changes, self.ui) {
                    self.outcome = Outcome::NotGood;
                }
                self.syncml.make(&changes, blank_header(), self.options.form)
            }
            _ => {
                tell(&cp::not_carried(&managers), self.ui);
                self.of_cp(&cp::write_all(&accounts, &managers), None)
            }
        }
    }
}

/// Reads an input as what it is. Findings of the reader go to stderr; with errors among them there is no input.
pub(super) fn read<'s>(name: &str, octets: &'s [u8], ui: &mut Ui) -> Result<Option<Input<'s>>> {
    read_with(name, octets, None, ui)
}

/// Reads as [`read`] does, messages in plain text by `codes` where there are any.
fn read_with<'s>(name: &str, octets: &'s [u8], codes: Option<&CodeTable>, ui: &mut Ui) -> Result<Option<Input<'s>>> {
    let mut report = Report::new();
    let input = recognise(octets, codes, &mut report);
    if !report.diagnostics().is_empty() {
        let source = Source::new(name, octets);
        ui.findings(&source, &report);
    }
    Ok(input.filter(|_| !report.has_errors()))
}

fn recognise<'s>(octets: &'s [u8], codes: Option<&CodeTable>, report: &mut Report) -> Option<Input<'s>> {
    if serialise::looks_like_json(octets) {
        return serialise::read(octets, report).map(Input::Tree);
    }
    let mut unread = Report::new();
    // A push begins with its transaction, then 06; so may an old WBXML document that no phone ever sent.
    if octets.get(1) == Some(&0x06) && Push::read(octets, &mut unread).is_some() && !unread.has_errors() {
        return Some(Input::Push(octets));
    }
    let document = catalogue::read_with(octets, codes, &serialise::LIMITS, report)?;
    let is_wbxml = codec::recognise(octets) == Some(Encoding::Wbxml);
    match document.vocabulary.map(|v| v.id) {
        Some(id) if id == VOCABULARY.id => Some(Input::Cp(document.root, is_wbxml.then_some(octets))),
        Some(id) if id == dm::DDF.id && dm::is_tree(&document.root) => {
            serialise::from_element(&document.root, report).map(Input::Tree)
        }
        _ => Some(Input::Other(Box::new(document))),
    }
}

/// Declares the namespaces of a message: in XML they say the version.
fn declare(element: &mut Element<'_>, vocabulary: &Vocabulary) {
    let place = ["WV-CSP-Message", "TransactionContent", "PresenceSubList"].iter().position(|n| element.name == *n);
    if let Some(namespace) = place.and_then(|place| vocabulary.namespaces.get(place)) {
        *element = std::mem::replace(element, Element::new("")).with_attribute("xmlns", *namespace);
    }
    element.children.iter_mut().for_each(|child| declare(child, vocabulary));
}

/// Tells what a form cannot carry.
pub(super) fn tell(not_carried: &[String], ui: &mut Ui) {
    for what in not_carried {
        ui.say(&format!("not carried: {what}"));
    }
}
