//! From a row to the message that is sent: fill, seal, split, and say it in the form of its route.
//!
//! Planning and running go through the same [`Composer`], and the key of a row covers the document: what was planned
//! is what is sent, octet for octet, or nothing is.

use sha2::{Digest as _, Sha256};

use super::body::{self, Name};
use super::route::{Body, Message, Needs, Parts};
use super::run::Refusal;
use super::store::{DueRow, SEPARATOR};
use crate::codec::WbxmlStyle;
use crate::cp::mac::{Imsi, Key, Pin, Security};
use crate::delivery::sms::Kind;
use crate::delivery::wdp::{MOST_PARTS, Ports, Reference};
use crate::delivery::{Bearing, Outgoing, most_octets, sms_count};
use crate::diagnose::Report;
use crate::error::{Error, Result};
use crate::provision::device::Seal;
use crate::provision::rows::{BAD_VALUE, MISSING_VALUE, number};
use crate::provision::{BadHandset, Compiled, Pack, Profile};

/// One profile, compiled for the columns of one table.
#[derive(Debug, Clone)]
pub struct Composer {
    compiled: Compiled,
    campaign: String,
    /// The number by which the store knows it.
    number: u32,
}

/// A row as it will be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The number.
    pub msisdn: u64,
    /// The profile's name, and the variant's place in it.
    pub variant: String,
    /// SHA-256 over campaign, number, variant and document.
    pub key: [u8; 32],
    /// The document in WBXML.
    pub document: Vec<u8>,
    /// The handset's model, where the row names one.
    pub model: Option<String>,
    /// Who will log in.
    pub user: Option<String>,
    /// How the names of its clients begin, where the settings say so.
    pub client: Option<String>,
    /// How it is sealed; `None` for no seal.
    seal: Option<Security>,
    pin: Option<Pin>,
    imsi: Option<Imsi>,
}

impl Composer {
    /// Compiles a profile for rows with the columns of `header`, whose handsets are those of `packs` or unknown.
    ///
    /// # Errors
    ///
    /// Fails when the profile does not say how pushes are sealed, when its document has errors, when it uses columns
    /// that the table does not have, and when WBXML cannot carry it.
    pub fn new(profile: &Profile, header: &[&str], campaign: &str, number: u32, packs: &[Pack]) -> Result<Self> {
        let all = std::iter::once(profile).chain(profile.variants.iter().map(|variant| &variant.profile));
        for one in all {
            security_of(one)?;
            check_document(one)?;
        }
        let compiled = Compiled::new(profile, header, campaign, WbxmlStyle::Safe)
            .and_then(|compiled| compiled.for_handsets(packs, Seal::OfProfile, most_octets))
            .map_err(|cannot| Error::input(format!("the profile cannot be encoded: {cannot}")))?;
        let missing = compiled.missing();
        if let Some(name) = missing.first() {
            let error = Error::input(format!("the profile uses `{{{name}}}`, but the table has no column `{name}`"));
            return Err(error.help(format!("the table has the columns {}", header.join(", "))));
        }
        Ok(Self { compiled, campaign: campaign.to_owned(), number })
    }

    /// Returns the number by which the store knows this profile with these columns.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Fills the document of a row, whose cells `cell` gives by their place in the header.
    ///
    /// # Errors
    ///
    /// Says which value is missing or wrong.
    pub fn compose<'r>(&'r self, cell: &impl Fn(usize) -> &'r str) -> std::result::Result<Composed, BadHandset> {
        let mut document = Vec::with_capacity(512);
        let filled = self.compiled.fill(cell, None, &mut document)?;
        let msisdn = number(&filled.handset.msisdn).ok_or_else(|| missing("msisdn", "every row needs it"))?;
        let variant = match filled.variant {
            Some(place) => format!("{}/{}", filled.profile.id, place + 1),
            None => filled.profile.id.clone(),
        };
        let seal = security_of(filled.profile).unwrap_or_default();
        let (pin, imsi) = filled.handset.secrets(seal, (false, false))?;
        let key = key(&self.campaign, msisdn, &variant, &document);
        let model = Some(filled.handset.model.as_ref()).filter(|model| !model.is_empty()).map(str::to_owned);
        let (user, client) = (filled.user(), filled.client());
        Ok(Composed { msisdn, variant, key, document, model, user, client, seal, pin, imsi })
    }
}

impl Composed {
    /// Returns how many messages it takes.
    ///
    /// # Errors
    ///
    /// Fails when it takes more than can be numbered.
    pub fn sms(&self) -> std::result::Result<u32, BadHandset> {
        let count = sms_count(self.document.len(), self.seal);
        u32::try_from(count).ok().filter(|_| count <= MOST_PARTS).ok_or_else(|| BadHandset {
            rule: &BAD_VALUE,
            column: "msisdn".to_owned(),
            message: format!("the document takes {count} SMS, more than {MOST_PARTS}"),
        })
    }

    /// Returns the message in the form that its route takes, and how many short messages it is.
    fn body(&self, attempt: u32, needs: &Needs) -> Result<(Body, u32)> {
        let mut outgoing = Outgoing::new();
        let key = self.seal.and_then(|security| Key::new(security, self.pin.as_ref(), self.imsi.as_ref()));
        outgoing.seal(1, &self.document, self.seal.zip(key.as_ref()));
        let reference = self.reference(&outgoing);
        let name = Name { key: &self.key, msisdn: self.msisdn, attempt };
        let body = match needs {
            Needs::Line(wanted) => {
                let address = name.address()?;
                let ports = Ports::default();
                outgoing.split(&Bearing { address: &address, kind: Kind::SUBMIT, reference, ports, centre: None })?;
                let document = Some(self.document.as_slice());
                Body::Line(name.line(wanted, document, Some(outgoing.push()), outgoing.pdus()))
            }
            Needs::Parts => Body::Parts(Box::new(Parts {
                document: self.document.clone(),
                seal: self.seal.zip(key.map(|key| key.mac(&self.document))),
                ..name.parts(outgoing.push(), body::segments(outgoing.push(), Ports::default(), reference))
            })),
        };
        let count = sms_count(self.document.len(), self.seal);
        Ok((body, u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// The same in every run, and that of `build` for the same row.
    fn reference(&self, outgoing: &Outgoing) -> Reference {
        Reference::Short(outgoing.reference(&self.msisdn.to_string())[0])
    }
}

/// Returns the message of a row that is due, if it is the one that was planned.
///
/// # Errors
///
/// Gives the row back with the reason why there is no message.
pub fn message(
    composers: &[Composer],
    needs: &Needs,
    row: DueRow,
) -> std::result::Result<Message, Box<(DueRow, Refusal)>> {
    let Some(composer) = composers.iter().find(|composer| composer.number == row.setup) else {
        return Err(Box::new((row, Refusal::Changed)));
    };
    let cells: Vec<&str> = row.cells.split(SEPARATOR).collect();
    match composer.compose(&|place| cells.get(place).copied().unwrap_or_default()) {
        Ok(composed) if composed.key == row.key => match composed.body(row.attempts + 1, needs) {
            Ok((body, sms)) => Ok(Message { row, sms, body, pin: composed.pin, imsi: composed.imsi }),
            Err(error) => Err(Box::new((row, Refusal::Unfit("message".to_owned(), error.what)))),
        },
        _ => Err(Box::new((row, Refusal::Changed))),
    }
}

fn security_of(profile: &Profile) -> Result<Option<Security>> {
    profile.security.ok_or_else(|| {
        Error::input(format!("the profile `{}` does not say how pushes are sealed", profile.id))
            .help("write `security = \"netwpin\"`, `\"userpin\"` or another under `[push]`; `\"none\"` for no seal")
    })
}

/// Refuses a profile whose document breaks a rule: a handset would refuse it, a million times.
fn check_document(profile: &Profile) -> Result<()> {
    let mut report = Report::new();
    profile.check_document(&mut report);
    let Some(finding) = report.diagnostics().first() else { return Ok(()) };
    let what =
        format!("the document of the profile `{}` breaks {}: {}", profile.id, finding.rule.code, finding.message);
    Err(Error::input(what).help(finding.way_out()))
}

fn missing(column: &str, reason: &str) -> BadHandset {
    let message = format!("`{column}` is empty, but {reason}");
    BadHandset { rule: &MISSING_VALUE, column: column.to_owned(), message }
}

/// Returns the key of what is sent to whom. No part holds U+0000, so no two fall together.
fn key(campaign: &str, msisdn: u64, variant: &str, document: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [campaign, &msisdn.to_string(), variant] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(document);
    hash.finalize().into()
}
