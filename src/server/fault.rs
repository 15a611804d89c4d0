//! What a peer may not have, and the one place where a status is picked for what went wrong on our side.

use crate::csp::{Code, Outcome};
use crate::document::Element;
use crate::error::Error;

/// A request that is refused: the outcome that its answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) Outcome);

impl Fault {
    /// Returns the refusal of a request in which `element` is missing.
    pub(crate) fn missing(element: &str) -> Self {
        Self(Outcome::new(Code::BAD_REQUEST).describe(format!("{element} is missing")))
    }

    /// Returns the refusal of the value of `element`.
    pub(crate) fn bad(element: &str) -> Self {
        Self(Outcome::new(Code::BAD_PARAMETER).describe(format!("{element} has a value that cannot be")))
    }

    /// Returns the refusal of a request that came too often or too early.
    pub(crate) fn later(seconds: u32) -> Self {
        Self(Outcome { try_again: Some(seconds), ..Outcome::new(Code::SERVICE_UNAVAILABLE) })
    }

    /// Returns whether it is our own fault: the world failed under the request.
    pub(crate) fn is_our_own(&self) -> bool {
        self.0.code == Code::INTERNAL_ERROR
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self(code.into())
    }
}

impl From<Outcome> for Fault {
    fn from(outcome: Outcome) -> Self {
        Self(outcome)
    }
}

/// The world failed under a request: the peer is told that it was not its doing, and no more.
impl From<Error> for Fault {
    fn from(_: Error) -> Self {
        Code::INTERNAL_ERROR.into()
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Error::from(error).into()
    }
}

/// Returns what was asked for, or nothing where that was refused. What is our own fault ends the request.
pub(crate) fn unless_refused<T>(outcome: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.is_our_own() => Err(fault),
        Err(_) => Ok(None),
    }
}

/// Returns the `Status` primitive of success.
pub(crate) fn success() -> Element<'static> {
    Outcome::new(Code::SUCCESSFUL).status()
}

/// Returns the trimmed text of a required child.
pub(crate) fn required<'e>(primitive: &'e Element<'_>, child: &str) -> Result<&'e str, Fault> {
    match primitive.child_text(child) {
        None | Some("") => Err(Fault::missing(child)),
        Some(text) => Ok(text),
    }
}
