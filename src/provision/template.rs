//! A compiled profile: its provisioning document encoded once into octets and slots, filled once a handset.
//!
//! ```text
//! Profile ─ account with slot marks ─ Element ─ WBXML with gaps ─ Template
//!                                                                   │ fill(values): about half a microsecond
//! row ─ Columns ─ Handset { values } ───────────────────────────────┘
//! ```
//!
//! Values always go inline (STR_I), so whoever fills, one document or a million, makes the same octets.

use super::account::{DmAccount, ImpsAccount};
use super::handset::BadHandset;
use super::profile::Profile;
use super::profile::is_absolute;
use super::slots::{expand, slots_in};
use super::{cp, rules};
use crate::codec::{self, CannotWrite, Segments, WbxmlOptions, WbxmlStyle};
use crate::cp as vocabulary;
use crate::diagnose::{Report, Severity};
use crate::document::is_xml;

/// A profile's provisioning document with gaps.
#[derive(Debug, Clone)]
pub struct Template {
    segments: Segments,
    names: Vec<String>,
    /// Whether every slot must have a value; a maker's own table may have empty cells.
    all_needed: bool,
    /// Texts with slots that must come to something.
    watched: Vec<Watched>,
}

/// A text that a bad value would break.
#[derive(Debug, Clone)]
struct Watched {
    text: String,
    what: &'static str,
    is_url: bool,
}

impl Template {
    /// Compiles a profile.
    ///
    /// # Errors
    ///
    /// Names what WBXML cannot carry.
    pub fn new(profile: &Profile, style: WbxmlStyle) -> Result<Self, CannotWrite> {
        let root = cp::write(&profile.account);
        let options = WbxmlOptions { style, ..WbxmlOptions::default() };
        Ok(Self {
            segments: codec::write_wbxml_segments(&root, &vocabulary::VOCABULARY, &options)?,
            names: profile.slots.names().to_vec(),
            all_needed: !profile.own_table,
            watched: watched(&profile.account),
        })
    }

    /// Appends the document with `values` in its slots.
    ///
    /// # Errors
    ///
    /// Says which value is missing or cannot stand where it would; nothing is appended then.
    pub fn fill(&self, values: &[impl AsRef<str>], output: &mut Vec<u8>) -> Result<(), BadHandset> {
        self.check(values)?;
        self.segments.fill(|slot| values.get(slot as usize).map_or(&[], |v| v.as_ref().as_bytes()), output);
        Ok(())
    }

    /// Checks what values can break: characters no document may hold, empty values, addresses.
    ///
    /// # Errors
    ///
    /// Says which value is at fault.
    pub fn check(&self, values: &[impl AsRef<str>]) -> Result<(), BadHandset> {
        for (name, value) in self.names.iter().zip(values) {
            let value = value.as_ref();
            if value.is_empty() && self.all_needed {
                return Err(BadHandset::missing(name));
            }
            // The usual case first: no control characters, nothing from the end of the basic plane.
            let plain = value.bytes().all(|b| b >= 0x20 && b != 0xEF);
            if !plain && !value.chars().all(is_xml) {
                return Err(BadHandset::value(name, "has a character that no document can hold"));
            }
        }
        self.watched.iter().try_for_each(|watched| watched.check(values))
    }
}

impl Watched {
    fn check(&self, values: &[impl AsRef<str>]) -> Result<(), BadHandset> {
        let text = expand(&self.text, |slot| values.get(slot).map_or("", AsRef::as_ref));
        if text.trim_ascii().is_empty() {
            let message = format!("`{}` comes to nothing with the values of this row", self.what);
            return Err(BadHandset::new(&super::rows::MISSING_VALUE, self.what, message));
        }
        if self.is_url && !is_absolute(&text) {
            let message = format!("`{text}` is not an absolute URL");
            return Err(BadHandset::new(&rules::ADDRESS, self.what, message));
        }
        Ok(())
    }
}

/// Returns the texts of an account that have slots and must not come to nothing.
fn watched(account: &ImpsAccount) -> Vec<Watched> {
    let mut watched = Vec::new();
    let mut watch = |text: &String, what, is_url| {
        if slots_in(text).next().is_some() {
            watched.push(Watched { text: text.clone(), what, is_url });
        }
    };
    for address in &account.addresses {
        let is_url = address.kind.as_deref().is_none_or(|kind| kind.is_empty() || kind == "URI");
        watch(&address.address, "service.addresses", is_url);
    }
    for point in &account.access_points {
        watch(&point.id, "access_point.id", false);
        point.address.iter().for_each(|address| watch(address, "access_point.apn", false));
    }
    for proxy in &account.proxies {
        watch(&proxy.id, "proxy.id", false);
        proxy.physical.iter().for_each(|p| watch(&p.address, "proxy.address", false));
    }
    watched
}

impl Profile {
    /// Returns the account of one handset: this profile's with `values` in its slots.
    pub fn filled(&self, values: &[impl AsRef<str>]) -> ImpsAccount {
        let mut account = self.account.clone();
        account.texts(&mut |text| fill(text, values));
        account
    }

    /// Returns the account of the DM server for one handset, and the device that messages name.
    pub fn filled_manager(&self, values: &[impl AsRef<str>]) -> Option<(DmAccount, Option<String>)> {
        let mut manager = self.manager.clone()?;
        manager.texts(&mut |text| fill(text, values));
        let mut device = self.device.clone();
        device.iter_mut().for_each(|text| fill(text, values));
        Some((manager, device))
    }

    /// Reports the errors of the provisioning document that the profile makes, with sample values in its slots.
    pub fn check_document(&self, report: &mut Report) {
        let mut found = Report::new();
        vocabulary::VOCABULARY.check(&cp::write(&self.sample()), &mut found);
        found.retain(|finding| finding.severity == Severity::Error);
        report.append(found);
    }

    /// Returns the account with short sample values in its slots.
    pub(super) fn sample(&self) -> ImpsAccount {
        let starts = |slot: usize| self.account.addresses.iter().any(|a| a.address.starts_with(&slot_mark(slot)));
        let sample = |slot| if starts(slot) { "http://sample.example/" } else { "1" };
        let samples: Vec<&str> = (0..self.slots.names().len()).map(sample).collect();
        self.filled(&samples)
    }
}

/// Puts values in the slots of a text.
fn fill(text: &mut String, values: &[impl AsRef<str>]) {
    let filled = expand(text, |slot| values.get(slot).map_or("", AsRef::as_ref));
    if let std::borrow::Cow::Owned(filled) = filled {
        *text = filled;
    }
}

fn slot_mark(slot: usize) -> String {
    Segments::slot(u32::try_from(slot).unwrap_or_default())
}
