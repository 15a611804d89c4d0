//! Messages as JSON lines in a file, in a fixed order: for gateways that are driven by other means.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Body, Message, Needs, Outcome, Pace, Part, Route, RouteSettings};
use crate::batch::store::Run;
use crate::error::{Error, Result};

/// Messages written and recorded at once: half of what the store takes, since some groups of them are in memory.
const GROUP: usize = 250;

/// A file of messages. A killed run and a whole one give equal octets: what was written and not recorded is cut off.
#[derive(Debug)]
pub struct FileRoute {
    name: String,
    parts: Vec<Part>,
    path: PathBuf,
    file: File,
    written: u64,
    buffer: Vec<u8>,
}

/// Locks the file; `false` where another run has it. A run that has just ended is waited for: a process that was
/// started meanwhile may hold its lock until it has become another program.
#[allow(clippy::disallowed_methods, reason = "this edge waits for a file")]
fn is_ours(file: &File) -> bool {
    const TRIES: u32 = 40;
    const PAUSE: Duration = Duration::from_millis(25);
    for _ in 0..TRIES {
        match file.try_lock() {
            // A file system without locks: the leases of the store still hold.
            Err(TryLockError::Error(_)) | Ok(()) => return true,
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
    false
}

impl FileRoute {
    /// Opens the file at `path` for a route, and cuts it back to the length that `run` has recorded.
    ///
    /// # Errors
    ///
    /// Fails when another process writes it, when it holds something that this campaign did not write, and when it
    /// is shorter than what was recorded.
    pub fn open(settings: &RouteSettings, path: &Path, run: &Run<'_>) -> Result<Self> {
        let name = &settings.name;
        let wrong = |what: &str| Error::input(what).at(path.display().to_string());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // It holds passwords.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| Error::file(path, &error))?;
        if !is_ours(&file) {
            let help = "one run at a time writes a file: wait until it has ended";
            return Err(wrong("another run is writing the file").help(help));
        }
        let length = file.metadata().map_err(|error| Error::file(path, &error))?.len();
        let written = match run.output()? {
            None if length > 0 => {
                return Err(wrong("the file exists and is not of this campaign").help("move it away"));
            }
            None => run.begin_output().map(|()| 0)?,
            Some(written) if length < written => {
                let what = format!("the file has {length} octets, but {written} were recorded as written");
                return Err(wrong(&what).help("bring the file back; its messages count as sent"));
            }
            Some(written) => written,
        };
        file.set_len(written)
            .and_then(|()| file.seek(SeekFrom::Start(written)))
            .map_err(|error| Error::file(path, &error))?;
        Ok(Self {
            name: name.clone(),
            parts: settings.parts.clone(),
            path: path.to_owned(),
            file,
            written,
            buffer: Vec::new(),
        })
    }
}

impl Route for FileRoute {
    fn needs(&self) -> Needs {
        Needs::Line(self.parts.clone())
    }

    fn window(&self) -> usize {
        GROUP
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        self.buffer.clear();
        let mut outcomes = vec![Outcome::NotSent; messages.len()];
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            let Body::Line(line) = &message.body else { continue };
            if !pace.take(message.sms) {
                break;
            }
            self.buffer.extend_from_slice(line);
            *outcome = Outcome::Taken { ids: Vec::new() };
        }
        self.file.write_all(&self.buffer).map_err(|error| Error::file(&self.path, &error))?;
        self.written += self.buffer.len() as u64;
        Ok(outcomes)
    }

    fn written(&self) -> Option<(&str, u64)> {
        Some((&self.name, self.written))
    }

    fn finish(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|error| Error::file(&self.path, &error))
    }
}
