//! The plain text syntax of CSP (PTS), made for short messages: `WV13KA5 SI=s-7f3a TL=3600`.
//!
//! The tree is that of the other syntaxes: the preamble becomes the envelope, every parameter an element of the
//! primitive. Which two letters stand for what, and in which notation the value is, is the vocabulary's table of
//! codes; only codes that a shipped client is known to use count. What has no code cannot be written.
//!
//! Messages are read and written whole. One of several segments is named (PTS004) and not joined with the others.

mod fit;
mod read;
mod text;
mod write;

pub(super) use fit::fit;
pub(super) use read::read;
pub use text::Preamble;
use text::Value;
pub(super) use write::write;

/// Returns whether a text begins as a message does: `WV` and a version.
pub(super) fn is_preamble(text: &[u8]) -> bool {
    matches!(text, [b'W', b'V', b'X', b'X', ..] | [b'W', b'V', b'0'..=b'9', b'0'..=b'9', ..])
}

/// Returns whether a group is a user, with attributes or alone, and not a group of such or of users.
fn is_presence(members: &[Value<'_>]) -> bool {
    match members {
        [Value::Text(_)] => true,
        [Value::Text(_), Value::Group(inner), ..] => !matches!(inner.first(), Some(Value::Text(_))),
        _ => false,
    }
}

/// Returns whether a text can be the name of an element: what is written in full is as it comes.
fn is_name(text: &str) -> bool {
    let goes_on = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) && text.bytes().all(goes_on)
}

/// Returns whether a client is named by a telephone number: which of the two it is, is not written.
fn is_number(client: &str) -> bool {
    !client.is_empty() && client.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit())
}
