//! A profile with all its variants, compiled and bound to the header of a table: what a campaign and `build --rows` use.

use std::borrow::Cow;

use super::columns::Columns;
use super::device::{Limits, Pack, Room, Seal};
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
    style: WbxmlStyle,
    /// The handsets whose limits are known.
    devices: Vec<Device>,
}

/// A device pack, compiled with the profile and its variants.
#[derive(Debug, Clone)]
struct Device {
    pack: Pack,
    each: Vec<Limited>,
}

#[derive(Debug, Clone)]
struct Limited {
    limits: Limits,
    /// The document in the style that these handsets read, where it is another.
    template: Option<Template>,
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
    /// The device pack that is for the handset, of those that were given.
    pub device: Option<&'r Pack>,
}

impl Filled<'_> {
    /// Returns who will log in with the settings, filled for this handset.
    pub fn user(&self) -> Option<String> {
        Some(self.filled(self.profile.account.login()?.user.as_deref()?))
    }

    /// Returns how the names of its clients begin, where the settings say so.
    pub fn client(&self) -> Option<String> {
        let prefix = self.filled(self.profile.account.client_id_prefix.as_deref()?);
        Some(prefix).filter(|prefix| !prefix.is_empty())
    }

    fn filled(&self, text: &str) -> String {
        expand(text, |slot| self.handset.values.get(slot).map_or("", AsRef::as_ref)).into_owned()
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
        let each = all.map(one).collect::<Result<_, CannotWrite>>()?;
        Ok(Self { each, profile: profile.clone(), style, devices: Vec::new() })
    }

    /// Compiles what device packs say of the documents: from now on [`fill`](Self::fill) writes for each handset what it
    /// reads, and refuses what it cannot take (QRK001 to QRK004). The first pack that is for a handset counts. `room` says
    /// how many octets of document fit into so many SMS.
    ///
    /// # Errors
    ///
    /// Names what WBXML cannot carry.
    pub fn for_handsets(mut self, packs: &[Pack], seal: Seal, room: Room) -> Result<Self, CannotWrite> {
        for pack in packs {
            let limited = |one: &One| {
                let style = pack.style();
                let template = (style != self.style).then(|| Template::new(&one.profile, style)).transpose()?;
                Ok(Limited { limits: Limits::new(pack, &one.profile, seal, room), template })
            };
            let each = self.each.iter().map(limited).collect::<Result<_, CannotWrite>>()?;
            self.devices.push(Device { pack: pack.clone(), each });
        }
        Ok(self)
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
    /// Says which value is missing or wrong, or why the handset cannot take the document; nothing is appended then.
    pub fn fill<'r>(
        &'r self,
        cell: &impl Fn(usize) -> &'r str,
        model: Option<&str>,
        output: &mut Vec<u8>,
    ) -> Result<Filled<'r>, BadHandset> {
        let mut handset = self.each[0].columns.handset(cell);
        let kind = model.or(handset.kind());
        let device = kind.and_then(|kind| self.devices.iter().find(|device| device.pack.is_for(kind)));
        let variant = if self.profile.variants.is_empty() {
            None
        } else {
            self.profile.for_kinds(&[kind, device.map(|device| device.pack.model.as_str())], None).1
        };
        let place = variant.map_or(0, |place| place + 1);
        let one = &self.each[place];
        if variant.is_some() {
            handset = one.columns.handset(cell);
        }
        if let Some(pin) = &one.profile.pin {
            let filled = expand(pin, |slot| handset.values.get(slot).map_or("", AsRef::as_ref));
            handset.pin = Cow::Owned(filled.into_owned());
        }
        handset.check()?;
        let limited = device.map(|device| &device.each[place]);
        let template = limited.and_then(|limited| limited.template.as_ref()).unwrap_or(&one.template);
        let start = output.len();
        template.fill(&handset.values, output)?;
        let refused = limited.map(|limited| limited.limits.check(&handset.values, output.len() - start));
        if let Some(Err(bad)) = refused {
            output.truncate(start);
            return Err(bad);
        }
        Ok(Filled { handset, profile: &one.profile, variant, device: device.map(|device| &device.pack) })
    }
}
