//! Groups: rooms that many users share.

use super::Context;
use crate::server::fault::Fault;
use crate::server::session::Session;

/// A session is over: it leaves every group that it joined.
pub(crate) fn session_closed(_: &mut Context<'_>, _: &Session) -> Result<(), Fault> {
    Ok(())
}
