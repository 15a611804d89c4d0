//! stdout and stderr, colour, reading inputs and writing outputs: what every command needs.

use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impskit::configuration::{Configuration, Search};
use impskit::diagnose::{Report, Source, text};
use impskit::error::{Error, Result, reason};

use super::Outcome;

/// Options every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Options {
    /// Read the configuration from FILE, and look for no other
    #[arg(long, global = true, value_name = "FILE", env = "IMPSKIT_CONFIG")]
    config: Option<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Only errors on stderr
    #[arg(short, long, global = true)]
    quiet: bool,
    /// No progress bar even on a terminal
    #[arg(long, global = true, env = "IMPSKIT_NO_PROGRESS")]
    no_progress: bool,
    /// Refuse what talks to other machines
    #[arg(long, global = true)]
    offline: bool,
    /// Copied to the audit log
    #[arg(long, global = true, value_name = "ID", env = "IMPSKIT_TICKET")]
    ticket: Option<String>,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

/// The format of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The streams of the process.
#[derive(Debug)]
pub(crate) struct Ui {
    /// Whether text on stdout may have colours.
    pub(crate) color: bool,
    /// Whether text on stderr may have colours.
    pub(crate) color_of_stderr: bool,
    /// Whether a progress bar may be drawn on stderr.
    pub(crate) progress: bool,
    quiet: bool,
    /// Whether nobody reads stdout any more.
    pub(crate) is_closed: bool,
    is_offline: bool,
    /// The configuration file that is named.
    config: Option<PathBuf>,
    /// The ticket for which all this is done.
    pub(crate) ticket: Option<String>,
    /// Whether it was typed now, and does not stand in the environment.
    is_ticket_typed: bool,
}

impl Ui {
    pub(crate) fn new(options: &Options, is_ticket_typed: bool) -> Self {
        let wanted = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let color = |is_terminal: bool| match options.color {
            When::Always => true,
            When::Never => false,
            When::Auto if wanted("NO_COLOR") => false,
            When::Auto if wanted("CLICOLOR_FORCE") => true,
            When::Auto => is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        Self {
            color: color(io::stdout().is_terminal()),
            color_of_stderr: color(io::stderr().is_terminal()),
            is_closed: false,
            progress: io::stderr().is_terminal() && !options.no_progress && !options.quiet,
            quiet: options.quiet,
            is_offline: options.offline,
            config: options.config.clone(),
            ticket: options.ticket.clone(),
            is_ticket_typed,
        }
    }

    /// Returns the configuration that is in force.
    pub(crate) fn configuration(&self) -> Result<Configuration> {
        Configuration::load(&self.search())
    }

    /// Fails where nothing may go to another machine, or come from one, and `address` is none of this: a URL, or
    /// `HOST:PORT`.
    pub(crate) fn network(&self, address: &str) -> Result<()> {
        let host = address.split_once("://").map_or(address, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let is_here = ["127.0.0.1", "[::1]", "localhost"]
            .iter()
            .any(|name| host.strip_prefix(name).is_some_and(|port| port.is_empty() || port.starts_with(':')));
        match self.is_offline && !is_here {
            false => Ok(()),
            true => Err(Error::input("the network is not to be used").at(address).help("leave `--offline` out")),
        }
    }

    /// Returns where configuration is looked for.
    pub(crate) fn search(&self) -> Search {
        super::config::search(self.config.as_deref())
    }

    /// Returns the ticket, if it was typed with this command.
    pub(crate) fn typed_ticket(&self) -> Option<&str> {
        self.ticket.as_deref().filter(|_| self.is_ticket_typed)
    }

    /// Writes data to stdout. A pipe that nobody reads any more is no error; the process then ends with 0.
    pub(crate) fn data(&mut self, data: &[u8]) -> Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(data).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            other => other.map_err(|error| Error::input(reason(&error)).at("stdout")),
        }
    }

    /// Writes a line of text to stdout.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.data(format!("{text}\n").as_bytes())
    }

    /// Returns whether only errors are wanted on stderr.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells people something on stderr, unless they asked for quiet.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.quiet {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Writes text to stderr as it is, unless people asked for quiet.
    pub(crate) fn aside(&mut self, text: &str) {
        if !self.quiet {
            let _ = write!(io::stderr(), "{text}");
        }
    }

    /// Tells people what went wrong.
    pub(crate) fn error(&mut self, error: &Error) {
        self.complain(&error.to_string());
    }

    /// Tells people what is wrong, even those who asked for quiet.
    pub(crate) fn complain(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Tells people the findings on an input of which something else is made. Without errors among them they are
    /// remarks.
    pub(crate) fn findings(&mut self, source: &Source<'_>, report: &Report) {
        let shown = text::render(source, report, self.color_of_stderr);
        match shown.trim_end() {
            "" => {}
            shown if report.has_errors() => self.complain(shown),
            shown => self.say(shown),
        }
    }

    /// Writes a result to `output`, or to stdout where there is none; `binary` results not to a terminal.
    pub(crate) fn result(&mut self, data: &[u8], output: Option<&Output>, binary: bool) -> Result<()> {
        match output {
            Some(output) => output.write(data),
            None if binary && io::stdout().is_terminal() => {
                Err(Error::input("binary output is not written to a terminal")
                    .help("use `-o FILE` or `--transfer hex`"))
            }
            None => self.data(data),
        }
    }
}

/// What could not be read: the last error is kept for the exit, those before it are told at once.
#[derive(Debug, Default)]
pub(crate) struct Failed(Option<Error>);

impl Failed {
    /// Adds an error.
    pub(crate) fn add(&mut self, ui: &mut Ui, error: Error) {
        if let Some(before) = self.0.replace(error) {
            ui.error(&before);
        }
    }

    /// Returns the last error, else `outcome`.
    pub(crate) fn outcome(self, outcome: Outcome) -> Result<Outcome> {
        match self.0 {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }
}

/// Tells people something from any thread.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells people what went wrong before there are options that say how.
pub(crate) fn tell(error: &Error) {
    let _ = writeln!(io::stderr(), "{error}");
}

/// Largest file or stream that a command reads whole.
const MOST_INPUT: u64 = 256 << 20;

/// Reads a whole file, or stdin for `-`; returns its name for people and its octets.
pub(crate) fn read_input(path: &Path) -> Result<(String, Vec<u8>)> {
    let mut octets = Vec::new();
    let (name, outcome) = if path == Path::new("-") {
        ("<stdin>".to_owned(), io::stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut octets))
    } else {
        let read = |octets: &mut Vec<u8>| fs::File::open(path)?.take(MOST_INPUT + 1).read_to_end(octets);
        (path.display().to_string(), read(&mut octets))
    };
    outcome.map_err(|error| Error::file(path, &error))?;
    if octets.len() as u64 > MOST_INPUT {
        return Err(Error::input(format!("the input is larger than {} MiB", MOST_INPUT >> 20)).at(name));
    }
    Ok((name, octets))
}

/// Where a result goes.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Write to FILE instead of stdout, which is `-`
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    path: Option<PathBuf>,
    /// Replace an existing FILE
    #[arg(long, requires = "path")]
    force: bool,
}

impl Output {
    /// Returns the file to write to, if any.
    pub(crate) fn to_file(&self) -> Option<&Self> {
        self.path().is_some().then_some(self)
    }

    /// Returns the file that was named, if any.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.path()
    }

    fn path(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Returns an output beside this one, which replaces a file if this one may.
    pub(crate) fn beside(&self, path: &Path) -> Self {
        Self { path: Some(path.to_owned()), force: self.force }
    }

    /// Returns an output that replaces what is at `path`.
    pub(crate) fn replacing(path: &Path) -> Self {
        Self::to(path, true)
    }

    /// Returns an output to `path`, which replaces what is there if it may.
    pub(crate) fn to(path: &Path, force: bool) -> Self {
        Self { path: Some(path.to_owned()), force }
    }

    /// Writes a temporary file beside the target and renames it.
    pub(crate) fn write(&self, data: &[u8]) -> Result<()> {
        let mut stream = Stream::open(self)?;
        stream.write(data)?;
        stream.finish()
    }

    /// Returns the target and the temporary file beside it; a device has none.
    fn target(&self) -> Result<Option<(PathBuf, Option<PathBuf>)>> {
        let Some(path) = self.path() else { return Ok(None) };
        // What a link points to is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&target) {
            Ok(known) if !known.is_file() && !known.is_dir() => return Ok(Some((target, None))),
            Ok(_) if !self.force => {
                let error = Error::input("the file exists").at(path.display().to_string());
                return Err(error.help("use `--force` to replace it"));
            }
            _ => {}
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = target.with_file_name(name);
        Ok(Some((target, Some(temporary))))
    }
}

/// A result that is written piece by piece: to stdout, or to a file that is there once it is whole.
#[derive(Debug)]
pub(crate) struct Stream(Sink);

#[derive(Debug)]
enum Sink {
    Stdout(io::Stdout),
    File { file: fs::File, temporary: Option<PathBuf>, target: PathBuf },
}

impl Stream {
    /// Opens the file that `output` names, or stdout.
    pub(crate) fn open(output: &Output) -> Result<Self> {
        Ok(Self(match output.target()? {
            None => Sink::Stdout(io::stdout()),
            Some((target, temporary)) => {
                let file = create(temporary.as_deref(), &target).map_err(|error| Error::file(&target, &error))?;
                Sink::File { file, temporary, target }
            }
        }))
    }

    /// As [`Self::open`]; a new file is for its owner alone.
    pub(crate) fn open_private(output: &Output) -> Result<Self> {
        let stream = Self::open(output)?;
        #[cfg(unix)]
        if let Sink::File { file, target, .. } = &stream.0 {
            let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            let is_new = !target.exists();
            let set = if is_new { file.set_permissions(owner) } else { Ok(()) };
            set.map_err(|error| Error::file(target, &error))?;
        }
        Ok(stream)
    }

    /// Writes a piece; returns whether anybody still reads (`product.md` section 12, closed pipes).
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<bool> {
        match &mut self.0 {
            Sink::Stdout(stdout) => match stdout.write_all(data).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                other => other.map(|()| true).map_err(|error| Error::input(reason(&error)).at("stdout")),
            },
            Sink::File { file, target, .. } => {
                file.write_all(data).map(|()| true).map_err(|error| Error::file(target, &error))
            }
        }
    }

    /// Gives the file its name.
    pub(crate) fn finish(self) -> Result<()> {
        match &self.0 {
            Sink::File { temporary: Some(temporary), target, .. } => {
                fs::rename(temporary, target).map_err(|error| Error::file(target, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Creates the file to write to; one that takes the place of another may be read and written by whom that one was.
fn create(temporary: Option<&Path>, target: &Path) -> io::Result<fs::File> {
    let file = fs::File::create(temporary.unwrap_or(target))?;
    if let (Some(_), Ok(known)) = (temporary, fs::metadata(target)) {
        file.set_permissions(known.permissions())?;
    }
    Ok(file)
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Sink::File { temporary: Some(temporary), .. } = &self.0 {
            // Where the result is whole the file has its name already, and nothing is here.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Makes a file for rejected rows, which only its owner reads: what is wrong with a row does not make its secrets public.
pub(crate) fn private(path: &Path, options: &mut fs::OpenOptions) -> io::Result<fs::File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.write(true).open(path)
}
