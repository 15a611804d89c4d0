//! A program of the operator's own that sends messages: the extension point.
//!
//! The program is started once and runs as long as the route. It reads a message a line on its stdin, and writes an
//! answer a line on its stdout, in any order; its stderr is passed on to people. When there is nothing more to send its
//! stdin is closed, and it is to end.
//!
//! A message is the line of JSON that the `file` route writes, `impskit.message/1`, with the parts that `parts` chooses:
//!
//! ```json
//! {"schema":"impskit.message/1","ref":"5F3C…","msisdn":"46701234567","attempt":1,"form":"sms","push":"0106…","pdus":["51…"],"document":"030B…"}
//! ```
//!
//! An answer names the message by its `ref`. `ok` says whether it was taken; `id`, or `ids` where each short message has
//! its own, is the name by which receipts will call it; `code` and `text` say why it was not taken, for counting and for
//! people; `class` says what to do then: `temporary`, `permanent`, `throttled`, or `denied` where nothing is taken from us:
//! the campaign stops. Without `class` the lists of the route's table decide by the code, written as `exec:CODE` there; else
//! it is permanent.
//!
//! ```json
//! {"ref":"5F3C…","ok":true,"id":"a1"}
//! {"ref":"77A0…","ok":false,"class":"temporary","code":"busy","text":"no modem is free"}
//! ```
//!
//! A receipt is a line of its own at any time: `delivered`, `failed`, `expired` or `pending`.
//!
//! ```json
//! {"receipt":"delivered","id":"a1"}
//! ```
//!
//! At most `window` messages wait for an answer. When the program is silent for `timeout` while messages wait, their fate
//! is unknown, as it is when it ends; if it answered none of them it is ended, too. It is started anew once for each
//! window. A line has at most 64 KiB. EDGE.

mod program;

use std::collections::HashMap;
use std::mem;
use std::time::{Duration, Instant};

use serde::Deserialize;

use self::program::{Event, Program};
use super::{
    Body, Class, Fate, Log, Message, Needs, Outcome, Pace, Receipt, Route, RouteSettings, Surroundings, clean, codes,
};
use crate::error::Result;

/// Receipts that are kept until they are asked for; a program that says more is broken.
const MOST_RECEIPTS: usize = 100_000;
/// Names of short messages in an answer: as many as a message has parts.
const MOST_IDS: usize = 255;

/// A program that sends messages.
pub struct ExecRoute {
    settings: RouteSettings,
    command: program::Command,
    log: Log,
    program: Option<Program>,
    receipts: Vec<Receipt>,
}

impl std::fmt::Debug for ExecRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecRoute").field("command", &self.settings.command).finish_non_exhaustive()
    }
}

/// A line that the program may say.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "ref")]
    reference: Option<String>,
    ok: Option<bool>,
    id: Option<String>,
    #[serde(default)]
    ids: Vec<String>,
    code: Option<Code>,
    text: Option<String>,
    class: Option<Class>,
    receipt: Option<Fate>,
}

/// A code may be written as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(i64),
}

impl Code {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => clean(text),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// Messages that wait for an answer.
#[derive(Default)]
struct Waiting {
    /// Their places by their `ref`.
    places: HashMap<String, usize>,
    /// Whether any answer came.
    is_heard: bool,
    /// When something was last sent or answered.
    since: Option<Instant>,
    is_throttled: bool,
    /// Whether the program said that it takes nothing from us.
    is_denied: bool,
}

impl ExecRoute {
    /// Starts the program.
    ///
    /// # Errors
    ///
    /// Fails when no program is named or it cannot be started.
    pub fn open(settings: &RouteSettings, around: &Surroundings<'_>) -> Result<Self> {
        let command = match settings.command.as_deref() {
            Some([name, arguments @ ..]) if !name.is_empty() => program::Command::new(name, arguments, around.folder),
            _ => return Err(settings.lacks("command", "[\"./send.sh\", \"--flag\"]")),
        };
        let (settings, log) = (settings.clone(), around.log.clone());
        let mut route = Self { settings, command, log, program: None, receipts: Vec::new() };
        route.start()?;
        Ok(route)
    }

    fn start(&mut self) -> Result<()> {
        let program = Program::start(&self.command, self.settings.window, &self.settings.name, &self.log);
        self.program = Some(program.map_err(|error| error.at(self.settings.place()))?);
        Ok(())
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.settings.timeout.unsigned_abs())
    }

    /// Takes in one line or the program's end.
    fn take(&mut self, event: Event, waiting: &mut Waiting, outcomes: &mut [Outcome]) {
        let line = match event {
            Event::Line(line) => line,
            Event::Ended => {
                self.end(waiting, outcomes, ("exec:ended", "the program ended before it answered"));
                return;
            }
        };
        let unreadable = |why: &str| format!("it said what is {why}: `{}`", clean(&String::from_utf8_lossy(&line)));
        let said = match serde_json::from_slice::<Line>(&line) {
            Ok(Line { receipt: Some(fate), id: Some(id), code, .. }) => {
                if self.receipts.len() < MOST_RECEIPTS {
                    let code = code.map(|code| format!("exec:{}", code.text()));
                    self.receipts.push(Receipt { id, fate, code, at: None });
                    return;
                }
                "one receipt too many".to_owned()
            }
            Ok(Line { ok: None, .. } | Line { reference: None, .. }) => unreadable("neither answer nor receipt"),
            Ok(answer) => match answer.reference.as_ref().and_then(|name| waiting.places.remove(name)) {
                Some(place) => {
                    outcomes[place] = self.outcome(answer);
                    waiting.answered(&outcomes[place]);
                    return;
                }
                None => unreadable("an answer that is not awaited"),
            },
            Err(_) => unreadable("no line of JSON as the protocol has it"),
        };
        if let Some(program) = &self.program {
            program.say(&said);
        }
    }

    fn outcome(&self, answer: Line) -> Outcome {
        if answer.ok == Some(true) {
            let mut ids: Vec<String> = answer.id.into_iter().chain(answer.ids).collect();
            ids.truncate(MOST_IDS);
            return Outcome::Taken { ids };
        }
        let code = format!("exec:{}", answer.code.map_or_else(|| "refused".to_owned(), |code| code.text()));
        let class = answer.class.unwrap_or_else(|| self.settings.class(&code, Class::Permanent));
        let text = answer.text.map_or_else(|| "the program refused it".to_owned(), |text| clean(&text));
        Outcome::Refused { class, code, text }
    }

    /// Ends the program; what waits for it is unknown.
    fn end(&mut self, waiting: &mut Waiting, outcomes: &mut [Outcome], (code, text): (&str, &str)) {
        for place in mem::take(&mut waiting.places).into_values() {
            outcomes[place] = codes::outcome(code, text.to_owned());
        }
        self.program = None;
    }

    /// Takes in what was said, and waits for more until nothing waits or the program is silent for too long.
    #[allow(clippy::disallowed_methods, reason = "this edge waits for a program")]
    fn wait(&mut self, waiting: &mut Waiting, outcomes: &mut [Outcome]) {
        while !waiting.places.is_empty() {
            let Some(program) = &self.program else { return };
            let silent = waiting.since.map(|since| since.elapsed()).unwrap_or_default();
            match program.next(self.timeout().saturating_sub(silent)) {
                Some(event) => self.take(event, waiting, outcomes),
                None => {
                    let program = self.program.take().filter(|_| waiting.is_heard);
                    self.end(waiting, outcomes, ("exec:timeout", "the program did not answer in time"));
                    self.program = program;
                }
            }
        }
    }
}

impl Waiting {
    #[allow(clippy::disallowed_methods, reason = "this edge waits for a program")]
    fn sent(&mut self, reference: String, place: usize) {
        self.places.insert(reference, place);
        self.since = Some(Instant::now());
    }

    #[allow(clippy::disallowed_methods, reason = "this edge waits for a program")]
    fn answered(&mut self, outcome: &Outcome) {
        self.is_heard = true;
        self.since = Some(Instant::now());
        self.is_throttled |= matches!(outcome, Outcome::Refused { class: Class::Throttled, .. });
        self.is_denied |= matches!(outcome, Outcome::Refused { class: Class::Denied, .. });
    }
}

impl Route for ExecRoute {
    fn needs(&self) -> Needs {
        Needs::Line(self.settings.parts.clone())
    }

    fn window(&self) -> usize {
        self.settings.window
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::NotSent; messages.len()];
        let mut waiting = Waiting::default();
        let mut starts_left = 1;
        for (place, message) in messages.iter().enumerate() {
            let Body::Line(line) = &message.body else { continue };
            while let Some(event) = self.program.as_ref().and_then(Program::waiting) {
                self.take(event, &mut waiting, &mut outcomes);
            }
            if mem::take(&mut waiting.is_throttled) {
                pace.throttled();
            }
            if waiting.is_denied {
                break;
            }
            if self.program.is_none() {
                if starts_left == 0 {
                    break;
                }
                starts_left -= 1;
                match self.start() {
                    Err(error) if place == 0 => return Err(error),
                    Err(_) => break,
                    Ok(()) => {}
                }
            }
            if !pace.take(message.sms) {
                break;
            }
            let Some(reference) = reference(line) else { continue };
            waiting.sent(reference, place);
            if !self.program.as_ref().is_some_and(|program| program.hand_over(line.clone())) {
                self.end(&mut waiting, &mut outcomes, ("exec:ended", "the program no longer reads its stdin"));
            }
        }
        self.wait(&mut waiting, &mut outcomes);
        if waiting.is_throttled {
            pace.throttled();
        }
        Ok(outcomes)
    }

    fn listen(&mut self, pace: &mut dyn Pace) {
        let (mut waiting, mut outcomes) = (Waiting::default(), Vec::new());
        while let Some(event) = self.program.as_ref().and_then(Program::waiting) {
            self.take(event, &mut waiting, &mut outcomes);
        }
        // The program is told nothing of its receipts: whether they are kept is the run's to say.
        let receipts = mem::take(&mut self.receipts);
        if !receipts.is_empty() {
            pace.keep(&receipts);
        }
    }
}

/// Returns the `ref` of a line of ours.
fn reference(line: &[u8]) -> Option<String> {
    serde_json::from_slice::<Line>(line).ok()?.reference
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
