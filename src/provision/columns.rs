//! Which cell of a table, or what made of it, each slot of a profile takes: bound once a table, used once a row.

use std::borrow::Cow;

use super::handset::{Handset, country, national, network};
use super::profile::{Profile, is_column};
use super::slots::expand;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A cell.
    Cell(usize),
    /// A cell with a number, `+` left out.
    Number(usize),
    /// A text of `[columns]`, by its place, over cells.
    Mapped(usize),
    /// Part of the number or of the IMSI.
    Derived(Derived, Box<Self>),
    /// The name of the campaign.
    Campaign,
    /// Nowhere: the value is empty.
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Derived {
    National,
    Country,
    Network,
}

/// A profile's slots bound to the header of a table.
#[derive(Debug, Clone)]
pub struct Columns {
    slots: Vec<Source>,
    /// msisdn, imsi, pin, model, tac, imei.
    own: [Source; 6],
    /// The texts of `[columns]`, with the sources of the slots in them.
    mapped: Vec<String>,
    raw: Vec<Source>,
    campaign: String,
    missing: Vec<String>,
}

impl Columns {
    /// Binds the slots of a profile to a table with that header.
    pub fn bind(profile: &Profile, header: &[&str], campaign: &str) -> Self {
        let names = profile.slots.names();
        let binder = Binder { profile, header };
        let mut columns = Self {
            slots: names.iter().map(|name| binder.source(name)).collect(),
            own: ["msisdn", "imsi", "pin", "model", "tac", "imei"].map(|name| binder.source(name)),
            mapped: profile.columns.iter().map(|(_, text)| text.clone()).collect(),
            raw: names.iter().map(|name| binder.raw(name)).collect(),
            campaign: campaign.to_owned(),
            missing: Vec::new(),
        };
        let unbound = |(_, source): &(&String, &Source)| **source == Source::Nowhere;
        columns.missing = names.iter().zip(&columns.slots).filter(unbound).map(|(name, _)| name.clone()).collect();
        columns
    }

    /// Returns the names of the placeholders for which the table has no column (PRF003).
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns the handset of a row whose cells `cell` gives by their place in the header.
    pub fn handset<'r>(&'r self, cell: &impl Fn(usize) -> &'r str) -> Handset<'r> {
        let [msisdn, imsi, pin, model, tac, imei] = [0, 1, 2, 3, 4, 5].map(|i| self.value(&self.own[i], cell));
        let msisdn = match msisdn {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('+').unwrap_or(text)),
            Cow::Owned(text) => Cow::Owned(text.strip_prefix('+').unwrap_or(&text).to_owned()),
        };
        let values = self.slots.iter().map(|source| self.value(source, cell)).collect();
        let equipment = if tac.is_empty() { imei } else { tac };
        Handset { msisdn, imsi, pin, model, equipment, values }
    }

    fn value<'r>(&'r self, source: &'r Source, cell: &impl Fn(usize) -> &'r str) -> Cow<'r, str> {
        match source {
            Source::Cell(place) => Cow::Borrowed(cell(*place)),
            Source::Number(place) => {
                let text = cell(*place);
                Cow::Borrowed(text.strip_prefix('+').unwrap_or(text))
            }
            Source::Mapped(place) => {
                let raw = |slot: usize| match self.raw.get(slot) {
                    Some(Source::Cell(place)) => cell(*place),
                    _ => "",
                };
                Cow::Owned(expand(&self.mapped[*place], raw).into_owned())
            }
            Source::Derived(part, source) => {
                let part = match part {
                    Derived::National => national,
                    Derived::Country => country,
                    Derived::Network => network,
                };
                match self.value(source, cell) {
                    Cow::Borrowed(text) => Cow::Borrowed(part(text)),
                    Cow::Owned(text) => Cow::Owned(part(text.strip_prefix('+').unwrap_or(&text)).to_owned()),
                }
            }
            Source::Campaign => Cow::Borrowed(&self.campaign),
            Source::Nowhere => Cow::Borrowed(""),
        }
    }
}

struct Binder<'p> {
    profile: &'p Profile,
    header: &'p [&'p str],
}

impl Binder<'_> {
    /// Returns where a name's value comes from: `[columns]` first, then the table, then what can be derived.
    fn source(&self, name: &str) -> Source {
        let mapped = self.profile.columns.iter().position(|(column, _)| column.eq_ignore_ascii_case(name));
        if let Some(place) = mapped {
            return Source::Mapped(place);
        }
        match self.raw(name) {
            Source::Cell(place) if name.eq_ignore_ascii_case("msisdn") => Source::Number(place),
            Source::Nowhere if is_column(name) => self.derived(&name.to_ascii_lowercase()),
            source => source,
        }
    }

    fn raw(&self, name: &str) -> Source {
        let place = self.header.iter().position(|header| header.trim().eq_ignore_ascii_case(name));
        place.map_or(Source::Nowhere, Source::Cell)
    }

    fn derived(&self, name: &str) -> Source {
        let (part, from) = match name {
            "msisdn_national" => (Derived::National, "msisdn"),
            "mcc" => (Derived::Country, "imsi"),
            "mnc" => (Derived::Network, "imsi"),
            "campaign" => return Source::Campaign,
            _ => return Source::Nowhere,
        };
        match self.source(from) {
            Source::Nowhere => Source::Nowhere,
            source => Source::Derived(part, Box::new(source)),
        }
    }
}
