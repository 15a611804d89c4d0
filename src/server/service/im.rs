//! Messages between users and groups.

use super::Context;
use crate::document::Element;
use crate::server::fault::Fault;

/// A client has logged in: what was stored for its user waits for it now.
pub(crate) fn session_opened(_: &mut Context<'_>) -> Result<(), Fault> {
    Ok(())
}

/// A client has acknowledged the `NewMessage` or `MessageNotification` of a stored message.
pub(crate) fn acknowledged(_: &mut Context<'_>, _message: &str, _response: &Element<'_>) -> Result<(), Fault> {
    Ok(())
}
