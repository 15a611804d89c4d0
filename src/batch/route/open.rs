//! Opening a route as its table says it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{ExecRoute, HttpRoute, PapRoute, Route, RouteKind, RouteSettings, StdoutRoute};
use crate::error::{Error, Result};
use crate::provision::profile::{SecretSource, Secrets};

/// Takes lines for people: what a program says on its stderr, what cannot be read. Any thread may call it.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a route needs of the world.
pub struct Surroundings<'s> {
    /// Where relative names start: the folder of the file that has the table.
    pub folder: &'s Path,
    /// Fetches secrets.
    pub secrets: Secrets<'s>,
    /// Takes lines for people.
    pub log: Log,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Surroundings<'_> {
    /// Fetches a secret of a route, if it has one.
    pub(super) fn secret(
        &mut self,
        settings: &RouteSettings,
        key: &str,
        source: Option<&SecretSource>,
    ) -> Result<Option<Zeroizing<String>>> {
        let Some(source) = source else { return Ok(None) };
        match (self.secrets)(source) {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(why) => Err(Error::input(format!("`{key}`: {why}")).at(settings.place()).help(source.way_out())),
        }
    }
}

/// Opens the route that a table describes: `stdout`, `exec`, `http`, `pap` or `smpp`. Secrets are read now.
///
/// # Errors
///
/// Says what the table lacks, which secret cannot be read, which program not be started. Routes that need the store,
/// `file` and `sim`, are opened by their own types.
pub fn open(settings: &RouteSettings, around: &mut Surroundings<'_>) -> Result<Box<dyn Route>> {
    settings.check()?;
    Ok(match settings.kind {
        RouteKind::Stdout => Box::new(StdoutRoute::new(settings)),
        RouteKind::Exec => Box::new(ExecRoute::open(settings, around)?),
        RouteKind::Http => Box::new(HttpRoute::open(settings, around)?),
        RouteKind::Pap => Box::new(PapRoute::open(settings, around)?),
        RouteKind::Smpp => return open_smpp(settings, around),
        RouteKind::File | RouteKind::Sim => {
            let what = format!("routes of the kind `{}` need a campaign", settings.kind.as_str());
            return Err(Error::input(what).at(settings.place()));
        }
    })
}

#[cfg(feature = "smpp")]
fn open_smpp(settings: &RouteSettings, around: &mut Surroundings<'_>) -> Result<Box<dyn Route>> {
    let password = around.secret(settings, "password", settings.password.as_ref())?;
    Ok(Box::new(super::SmppRoute::open(settings, password.unwrap_or_default())?))
}

#[cfg(not(feature = "smpp"))]
fn open_smpp(settings: &RouteSettings, _: &mut Surroundings<'_>) -> Result<Box<dyn Route>> {
    Err(Error::input("this build has no SMPP").at(settings.place()).help("use a build with the feature `smpp`"))
}
