//! The running program: three threads for its three pipes, everything bounded.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::super::{Log, clean};
use crate::error::{Error, Result, reason};

/// Longest line of an answer, in octets.
const MOST_LINE: u64 = 64 << 10;
/// Longest line of stderr that is passed on, in octets.
const MOST_SAID: u64 = 1 << 10;
/// Lines of one program that are passed on.
const MOST_LINES: u32 = 1000;
/// Lines that are read ahead; a program that says more waits.
const AHEAD: usize = 1000;
/// How long a program that is no longer needed may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// What is started.
#[derive(Debug, Clone)]
pub(super) struct Command {
    name: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
}

impl Command {
    /// A name with a `/` starts at `folder`, where the program runs, too; any other is looked for in the search path.
    pub(super) fn new(name: &str, arguments: &[String], folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = if name.contains('/') { folder.join(name) } else { PathBuf::from(name) };
        Self { name, arguments: arguments.to_vec(), folder }
    }
}

/// What came from the program.
pub(super) enum Event {
    /// A line, cut where it is too long.
    Line(Vec<u8>),
    /// Its stdout is closed.
    Ended,
}

/// Passes so many lines on, and then says that it stops.
#[derive(Clone)]
struct Said {
    name: String,
    log: Log,
    left: Arc<AtomicU32>,
}

impl Said {
    fn say(&self, text: &str) {
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(1) => (self.log)(&format!("{}: {text} (what else it says is not shown)", self.name)),
            Ok(_) => (self.log)(&format!("{}: {text}", self.name)),
            Err(_) => {}
        }
    }
}

/// A running program.
pub(super) struct Program {
    child: Child,
    /// Dropped first, so that the program's stdin is closed.
    lines: Option<SyncSender<Vec<u8>>>,
    events: Receiver<Event>,
    said: Said,
}

impl Program {
    /// Starts it, with room for two windows of lines that it has not read yet.
    pub(super) fn start(command: &Command, window: usize, name: &str, log: &Log) -> Result<Self> {
        let mut process = std::process::Command::new(&command.name);
        process.args(&command.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !command.folder.as_os_str().is_empty() {
            process.current_dir(&command.folder);
        }
        // An interrupt from the keyboard is ours alone: what is in flight is finished first.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        let mut child = process.spawn().map_err(|error| {
            let what = format!("`{}` cannot be started: {}", command.name.display(), reason(&error));
            Error::input(what).help("write its path from the campaign file, and make it executable")
        })?;
        let said = Said { name: name.to_owned(), log: log.clone(), left: Arc::new(AtomicU32::new(MOST_LINES)) };
        let (sender, events) = sync_channel(AHEAD);
        let (lines, queue) = sync_channel(2 * window);
        if let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        {
            thread::spawn(move || write_lines(input, &queue));
            thread::spawn(move || {
                read_lines(output, MOST_LINE, |line| sender.send(Event::Line(line)).is_ok());
                sender.send(Event::Ended)
            });
            let said = said.clone();
            thread::spawn(move || {
                read_lines(errors, MOST_SAID, |line| {
                    said.say(&clean(&String::from_utf8_lossy(&line)));
                    true
                });
            });
        }
        Ok(Self { child, lines: Some(lines), events, said })
    }

    /// Hands a line over. `false`: the program is gone, or has not read what it was given before.
    pub(super) fn hand_over(&self, line: Vec<u8>) -> bool {
        self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok())
    }

    /// Returns what came, if anything did.
    pub(super) fn waiting(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Waits for what comes next; `None`: nothing came in time.
    pub(super) fn next(&self, timeout: Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }

    /// Says something about it to people.
    pub(super) fn say(&self, text: &str) {
        self.said.say(text);
    }
}

impl Drop for Program {
    #[allow(clippy::disallowed_methods, reason = "this edge waits for a program")]
    fn drop(&mut self) {
        const PAUSE: Duration = Duration::from_millis(10);
        self.lines = None;
        let mut left = GRACE;
        while !left.is_zero() {
            // So that it does not wait for us to read.
            while self.waiting().is_some() {}
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PAUSE);
            left = left.saturating_sub(PAUSE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_lines(mut input: ChildStdin, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if input.write_all(&line).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Gives lines to `each` until it says `false`; the rest of a line that is too long is passed over.
fn read_lines(input: impl Read, most: u64, mut each: impl FnMut(Vec<u8>) -> bool) {
    let mut input = BufReader::new(input);
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.last() == Some(&b'\n') => {}
            Ok(length) if (length as u64) < most => {}
            Ok(_) => {
                if input.skip_until(b'\n').is_err() {
                    return;
                }
            }
        }
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        if !is_blank && !each(line) {
            return;
        }
    }
}
