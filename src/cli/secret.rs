//! Where PINs and IMSIs come from: never from an argument that others can read, but for an IMSI at the desk.

use std::fs;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};

use clap::Args;
use impskit::cp::mac::{Imsi, Pin};
use impskit::error::{Error, Result};
use zeroize::Zeroizing;

use super::Ui;

/// The sources of a PIN.
#[derive(Debug, Args)]
pub(crate) struct PinOptions {
    /// Take the PIN from the first line of FILE
    #[arg(long, value_name = "FILE", group = "pin source")]
    pin_file: Option<PathBuf>,
    /// Take the PIN from the environment variable NAME
    #[arg(long, value_name = "NAME", group = "pin source")]
    pin_env: Option<String>,
    /// Take the PIN from the first line of stdin
    #[arg(long, group = "pin source")]
    pin_stdin: bool,
}

/// The sources of an IMSI.
#[derive(Debug, Args)]
pub(crate) struct ImsiOptions {
    /// The IMSI, at the desk; scripts use one of the next
    #[arg(long, value_name = "N", group = "imsi source")]
    imsi: Option<String>,
    /// Take the IMSI from the first line of FILE
    #[arg(long, value_name = "FILE", group = "imsi source")]
    imsi_file: Option<PathBuf>,
    /// Take the IMSI from the environment variable NAME
    #[arg(long, value_name = "NAME", group = "imsi source")]
    imsi_env: Option<String>,
    /// Take the IMSI from the first line of stdin
    #[arg(long, group = "imsi source", conflicts_with = "pin_stdin")]
    imsi_stdin: bool,
}

/// The sources of the secrets that make a key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secrets")]
pub(crate) struct SecretOptions {
    #[command(flatten)]
    pin: PinOptions,
    #[command(flatten)]
    imsi: ImsiOptions,
}

impl SecretOptions {
    /// Returns whether a secret is read from stdin, so that no document can be.
    pub(crate) fn take_stdin(&self) -> bool {
        self.pin.pin_stdin || self.imsi.imsi_stdin
    }

    /// Returns the PIN, if a source is named.
    pub(crate) fn pin(&self, ui: &mut Ui) -> Result<Option<Pin>> {
        let options = &self.pin;
        let source = Source::of(options.pin_file.as_deref(), options.pin_env.as_deref(), options.pin_stdin);
        source.map(|source| source.read(ui, Pin::read)).transpose()
    }

    /// Returns the IMSI, if it or a source is named.
    pub(crate) fn imsi(&self, ui: &mut Ui) -> Result<Option<Imsi>> {
        let options = &self.imsi;
        if let Some(digits) = &options.imsi {
            return Imsi::read(digits).map(Some).map_err(|error| error.at("--imsi"));
        }
        let source = Source::of(options.imsi_file.as_deref(), options.imsi_env.as_deref(), options.imsi_stdin);
        source.map(|source| source.read(ui, Imsi::read)).transpose()
    }
}

/// The sources of a password.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PasswordOptions {
    /// Take the password from the first line of FILE
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take the password from the environment variable NAME
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// Take the password from the first line of stdin
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordOptions {
    /// Returns the password.
    pub(crate) fn password(&self, ui: &mut Ui) -> Result<Zeroizing<String>> {
        let source = Source::of(self.password_file.as_deref(), self.password_env.as_deref(), self.password_stdin);
        let source = source.unwrap_or(Source::Stdin);
        source.read(ui, |text| match text {
            "" => Err(Error::input("the password is empty")),
            text => Ok(Zeroizing::new(text.to_owned())),
        })
    }
}

/// The sources of a password, of which none may be named.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct OptionalPassword {
    /// Take the password from the first line of FILE
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take the password from the environment variable NAME
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
}

impl OptionalPassword {
    /// Returns the password, if a source is named.
    pub(crate) fn password(&self, ui: &mut Ui) -> Result<Option<Zeroizing<String>>> {
        let source = Source::of(self.password_file.as_deref(), self.password_env.as_deref(), false);
        source.map(|source| source.read(ui, |text| Ok(Zeroizing::new(text.to_owned())))).transpose()
    }
}

/// One place that holds a secret.
enum Source<'o> {
    File(&'o Path),
    Variable(&'o str),
    Stdin,
}

/// A secret is a short line; more is not read.
const MOST: u64 = 4096;

impl<'o> Source<'o> {
    fn of(file: Option<&'o Path>, variable: Option<&'o str>, stdin: bool) -> Option<Self> {
        let variable = variable.map(Self::Variable);
        file.map(Self::File).or(variable).or(stdin.then_some(Self::Stdin))
    }

    fn read<T>(&self, ui: &mut Ui, read: impl Fn(&str) -> Result<T>) -> Result<T> {
        match self {
            Self::File(path) => {
                warn_if_open_to_others(path, ui);
                let file = fs::File::open(path).map_err(|error| Error::file(path, &error))?;
                let line = first_line(file).map_err(|error| Error::file(path, &error))?;
                read(&line).map_err(|error| error.at(path.display().to_string()))
            }
            Self::Variable(name) => {
                let value = std::env::var(name).map(Zeroizing::new).map_err(|_| {
                    Error::input(format!("the environment variable `{name}` is not set, or is no text"))
                })?;
                read(value.trim()).map_err(|error| error.at(format!("environment variable `{name}`")))
            }
            Self::Stdin => {
                let line = first_line(io::stdin().lock()).map_err(|error| Error::file(Path::new("-"), &error))?;
                read(&line).map_err(|error| error.at("<stdin>"))
            }
        }
    }
}

fn first_line(input: impl io::Read) -> io::Result<Zeroizing<String>> {
    // Enough room from the start, so that growing leaves no copy behind.
    let mut line = Zeroizing::new(String::with_capacity(MOST as usize));
    io::BufReader::new(input.take(MOST)).read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim().to_owned()))
}

#[cfg(unix)]
pub(super) fn warn_if_open_to_others(path: &Path, ui: &mut Ui) {
    use std::os::unix::fs::PermissionsExt as _;
    let open = fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o077 != 0);
    if open {
        ui.say(&format!("warning: `{}` can be read by others: `chmod 600` it", path.display()));
    }
}

#[cfg(not(unix))]
pub(super) fn warn_if_open_to_others(_: &Path, _: &mut Ui) {}
