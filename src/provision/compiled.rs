//! A profile with all its variants, compiled and bound to the header of a table: what a campaign and `build --rows` use.

use std::borrow::Cow;

use super::columns::Columns;
use super::handset::{BadHandset, Handset};
use super::profile::Profile;
use super::slots::expand;
use super::template::Template;
use crate::codec::{CannotWrite, WbxmlStyle};

/// A profile and its variants, ready to be filled row by row.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The profile itself first, then its variants.
    each: Vec<One>,
    /// Which variant a handset takes.
    profile: Profile,
}

#[derive(Debug, Clone)]
struct One {
    profile: Profile,
    columns: Columns,
    template: Template,
}

/// A handset with the profile that it got.
#[derive(Debug, Clone)]
pub struct Filled<'r> {
    /// The handset; its PIN is the one that the profile makes of the row.
    pub handset: Handset<'r>,
    /// The profile, or the variant that fits the handset.
    pub profile: &'r Profile,
    /// The place of the variant, from 0.
    pub variant: Option<usize>,
}

impl Filled<'_> {
    /// Returns who will log in with the settings, filled for this handset.
    pub fn user(&self) -> Option<String> {
        let user = self.profile.account.login()?.user.as_deref()?;
        Some(expand(user, |slot| self.handset.values.get(slot).map_or("", AsRef::as_ref)).into_owned())
    }
}

impl Compiled {
    /// Compiles a profile for a table with that header.
    ///
    /// # Errors
    ///
    /// Names what WBXML cannot carry.
    pub fn new(profile: &Profile, header: &[&str], campaign: &str, style: WbxmlStyle) -> Result<Self, CannotWrite> {
        let all = std::iter::once(profile).chain(profile.variants.iter().map(|v| &v.profile));
        let one = |profile: &Profile| {
            let columns = Columns::bind(profile, header, campaign);
            Ok(One { profile: profile.clone(), columns, template: Template::new(profile, style)? })
        };
        Ok(Self { each: all.map(one).collect::<Result<_, CannotWrite>>()?, profile: profile.clone() })
    }

    /// Returns the placeholders, of the profile and its variants, for which the table has no column.
    pub fn missing(&self) -> Vec<&str> {
        let mut missing: Vec<&str> = Vec::new();
        for name in self.each.iter().flat_map(|one| one.columns.missing()) {
            if !missing.contains(&name.as_str()) {
                missing.push(name);
            }
        }
        missing
    }

    /// Fills the document of a row, whose cells `cell` gives by their place in the header, and appends it to `output`.
    /// `model` counts before the row's own.
    ///
    /// # Errors
    ///
    /// Says which value is missing or wrong; nothing is appended then.
    pub fn fill<'r>(
        &'r self,
        cell: &impl Fn(usize) -> &'r str,
        model: Option<&str>,
        output: &mut Vec<u8>,
    ) -> Result<Filled<'r>, BadHandset> {
        let mut handset = self.each[0].columns.handset(cell);
        let variant = if self.profile.variants.is_empty() {
            None
        } else {
            let own = Some(handset.model.as_ref()).filter(|model| !model.is_empty());
            self.profile.for_handset(model.or(own), None).1
        };
        let one = &self.each[variant.map_or(0, |place| place + 1)];
        if variant.is_some() {
            handset = one.columns.handset(cell);
        }
        if let Some(pin) = &one.profile.pin {
            let filled = expand(pin, |slot| handset.values.get(slot).map_or("", AsRef::as_ref));
            handset.pin = Cow::Owned(filled.into_owned());
        }
        handset.check()?;
        one.template.fill(&handset.values, output)?;
        Ok(Filled { handset, profile: &one.profile, variant })
    }
}
