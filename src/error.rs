//! What goes wrong outside a document: a file, a database, a socket, a bad option.
//!
//! A wrong *document* is a [`Diagnostic`](crate::diagnose::Diagnostic); a wrong *request of a peer* is a
//! fault with a status. This type is for the world around them.

use std::fmt;
use std::io;
use std::path::Path;

/// Which part of the world failed; the command line makes its exit code from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A bad option, an unreadable file, input that is not what the operation reads (exit 2).
    Input,
    /// The store cannot be opened, read or written (exit 2).
    Store,
    /// A network, gateway or server is unreachable or refuses (exit 4).
    Remote,
}

/// An error for people: what went wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Which part of the world failed.
    pub kind: ErrorKind,
    /// What went wrong: lower-case start, no full stop.
    pub what: String,
    /// The file, address or option it happened at.
    pub at: Option<String>,
    /// The way out.
    pub help: Option<String>,
}

/// The outcome of what touches the world.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns an error about input: options, files, formats.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, what)
    }

    /// Returns an error about the store.
    pub fn store(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, what)
    }

    /// Returns an error about the other end of a connection.
    pub fn remote(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Remote, what)
    }

    /// Returns the error of reading or writing `path`.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Self::input(reason(error)).at(path.display().to_string())
    }

    fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), at: None, help: None }
    }

    /// Says where it happened.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Returns in words why a file or a socket failed, as other errors begin: lower-case, without the system's number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "there is no permission".to_owned(),
        io::ErrorKind::IsADirectory => "this is a folder, not a file".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(at) = &self.at {
            write!(f, "\n  at: {at}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::store(error.to_string())
    }
}
