//! EDGE: a DM session over HTTP, from package 1 to the end.

use super::http::Line;
use crate::dm::session::client::{Client, End, Next};
use crate::error::Result;

/// A message that went or came.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'m> {
    /// The device sent it.
    Sent(&'m [u8]),
    /// The server sent it.
    Came(&'m [u8]),
}

/// Opens session number `session` with an alert (1200 or 1201) and goes on to its end. `seen` is told each message.
///
/// # Errors
///
/// Fails where the server cannot be reached, or answers with an HTTP status other than 200.
pub fn manage(
    client: &mut Client<'_>,
    line: &mut Line,
    (session, alert): (u16, u16),
    mut seen: impl FnMut(Seen<'_>),
) -> Result<End> {
    let mut packet = client.start(session, alert);
    loop {
        seen(Seen::Sent(&packet.body));
        let (answer, mac) = line.post_proved(packet.media_type, packet.body, packet.mac.as_deref())?;
        seen(Seen::Came(&answer));
        packet = match client.receive(&answer, mac.as_deref()) {
            Next::Post(packet) => packet,
            Next::Ended(end) => return Ok(end),
        };
    }
}
