//! `lsp`: the language server, on stdin and stdout. EDGE

use std::io::{self, BufRead, Read as _};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use clap::Args;
use impskit::editor::Editor;
use impskit::error::{Error, Result, reason};
use lsp_server::Message;

use super::{Outcome, Ui};

/// Help an editor: findings while typing, fixes, hover, outline, completion, layout; speaks LSP on stdin and stdout
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit lsp
  impskit lsp --stdio

Editors start this themselves: in their settings `impskit lsp` is the command of the server for XML and TOML.")]
pub(crate) struct Lsp {
    /// Speak on stdin and stdout, as always: some editors say so
    #[arg(long)]
    stdio: bool,
}

/// Octets of a message at the most: the largest document, with every character escaped.
const MOST: usize = 128 << 20;

/// Octets of the lines before a message at the most.
const MOST_HEADER: u64 = 4096;

/// Messages that wait to be handled at the most.
const QUEUE: usize = 64;

impl Lsp {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let (sender, receiver) = sync_channel(QUEUE);
        // It ends with the process: nothing wakes a read.
        thread::spawn(move || read_all(&mut io::stdin().lock(), &sender));
        let mut editor = Editor::new();
        while let Some(message) = next(&mut editor, &receiver, ui)? {
            let answers = editor.handle(message?);
            say(answers, ui)?;
            if let Some(in_order) = editor.has_left() {
                return Ok(if in_order { Outcome::Good } else { Outcome::NotGood });
            }
        }
        // The editor is gone without a word.
        Ok(Outcome::NotGood)
    }
}

/// Returns the next message. Findings are told where none waits, so that several changes are looked at once.
fn next(editor: &mut Editor, receiver: &Receiver<Result<Message>>, ui: &mut Ui) -> Result<Option<Result<Message>>> {
    match receiver.try_recv() {
        Ok(message) => Ok(Some(message)),
        Err(TryRecvError::Disconnected) => Ok(None),
        Err(TryRecvError::Empty) => {
            say(editor.settle(), ui)?;
            Ok(receiver.recv().ok())
        }
    }
}

fn say(messages: Vec<Message>, ui: &mut Ui) -> Result<()> {
    let mut output = Vec::new();
    for message in messages {
        message.write(&mut output).map_err(|error| Error::input(reason(&error)))?;
    }
    ui.data(&output)
}

fn read_all(input: &mut impl BufRead, sender: &SyncSender<Result<Message>>) {
    loop {
        let message = match read(input) {
            Ok(None) => return,
            Ok(Some(message)) => Ok(message),
            Err(error) => Err(error),
        };
        let is_last = message.is_err();
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

/// Reads a message: lines that say how many octets it has, an empty line, JSON.
fn read(input: &mut impl BufRead) -> Result<Option<Message>> {
    let fault = |error: io::Error| Error::input(reason(&error)).at("stdin");
    let mut length = None;
    let mut header = input.by_ref().take(MOST_HEADER);
    loop {
        let mut line = String::new();
        if header.read_line(&mut line).map_err(fault)? == 0 {
            return match (header.limit(), length) {
                (0, _) => Err(no_message("the lines before the message are too long")),
                (MOST_HEADER, _) => Ok(None),
                _ => Err(no_message("the input breaks off")),
            };
        }
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("Content-Length") => {
                length = Some(value.trim().parse().map_err(|_| no_message("`Content-Length` is no number"))?);
            }
            Some(_) => {}
            None => return Err(no_message("a line before the message has no colon")),
        }
    }
    let length: usize = length.ok_or_else(|| no_message("`Content-Length` is missing"))?;
    if length > MOST {
        return Err(no_message("the message is larger than 128 MiB"));
    }
    let mut body = Vec::new();
    input.take(length as u64).read_to_end(&mut body).map_err(fault)?;
    if body.len() < length {
        return Err(no_message("the input breaks off"));
    }
    serde_json::from_slice(&body).map(Some).map_err(|_| no_message("the message is no JSON-RPC"))
}

fn no_message(why: &str) -> Error {
    Error::input(why).at("stdin").help("`impskit lsp` is started by editors; it speaks the Language Server Protocol")
}
