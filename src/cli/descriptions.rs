//! `--ddf`: the descriptions of a device, which take the place of the bundled references.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use impskit::dm::{Description, Uri};
use impskit::error::Result;
use impskit::provision::apply::{Applied, on_device};

use super::Ui;
use super::convert::tell;
use super::input::description;

/// What a device may hold.
#[derive(Debug, Args)]
pub(crate) struct DescriptionOptions {
    /// What the device may hold, a DDF; the impskit references where absent. May be repeated
    #[arg(long, value_name = "FILE")]
    ddf: Vec<PathBuf>,
}

impl DescriptionOptions {
    /// Returns whether there are any.
    pub(crate) fn is_given(&self) -> bool {
        !self.ddf.is_empty()
    }

    /// Reads the descriptions. What is wrong with them goes to stderr.
    pub(crate) fn read(&self, ui: &mut Ui) -> Result<Descriptions> {
        let mut own = Vec::new();
        for path in &self.ddf {
            own.push(description(path, ui)?);
        }
        Ok(Descriptions { own })
    }
}

/// The descriptions that were given.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    own: Vec<Description>,
}

impl Descriptions {
    /// Returns what there may be on the device, the references where nothing was given.
    pub(crate) fn on_device(&self) -> Vec<&Description> {
        on_device(&self.own.iter().collect::<Vec<_>>())
    }
}

/// The names of the bundled descriptions.
pub(crate) fn bundled() -> impl TypedValueParser<Value = &'static Description> {
    PossibleValuesParser::new(Description::names())
        .map(|name| Description::named(&name).expect("only these names are taken"))
}

/// Tells what a tree does not hold, and why. Returns whether something was refused.
pub(crate) fn tell_applied(applied: &Applied, ui: &mut Ui) -> bool {
    tell(&applied.not_carried, ui);
    for refused in &applied.refused {
        ui.say(&format!("refused {}: {}", refused.uri, refused.why));
    }
    let say = |uri: &Uri, ui: &mut Ui| {
        ui.say(&format!("wanting {uri}: the device requires it, and nothing gives it a value"))
    };
    applied.wanting.iter().for_each(|uri| say(uri, ui));
    !applied.refused.is_empty()
}
