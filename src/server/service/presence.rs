//! Presence: what users are up to, and who may see it.

use super::Context;
use crate::server::fault::Fault;
use crate::server::session::Session;

/// A client has logged in.
pub(crate) fn session_opened(_: &mut Context<'_>) -> Result<(), Fault> {
    Ok(())
}

/// A session is over.
pub(crate) fn session_closed(_: &mut Context<'_>, _: &Session) -> Result<(), Fault> {
    Ok(())
}
