//! `client script`: a conversation script against a server, in real time.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use impskit::client::conversation::{self, Post};
use impskit::client::http::Lines;
use impskit::client::script::{Mistake, Script};
use impskit::codec::Encoding;
use impskit::csp::Version;
use impskit::csp::wire::Form;
use impskit::error::{Error, Result};
use serde::Serialize;

use super::{Format, Outcome, Syntax, Target, Ui};
use crate::cli::ui::read_input;

#[derive(Debug, Args)]
pub(super) struct Play {
    /// The script; `-` for stdin
    script: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Syntaxes to play it in; else those of the script
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    encoding: Vec<Syntax>,
    /// Versions to play it in; else those of the script
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = version)]
    version: Vec<Version>,
    /// Write every message that goes and comes to DIR, or to stderr in words with `-`; passwords are masked
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn version(word: &str) -> std::result::Result<Version, String> {
    Version::from_text(word).ok_or_else(|| "write 1.1, 1.2 or 1.3".to_owned())
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    step: &'static str,
    ok: bool,
    plays: Vec<Played>,
}

/// One play of the script.
#[derive(Debug, Serialize)]
struct Played {
    version: &'static str,
    encoding: &'static str,
    ok: bool,
    posts: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

pub(super) fn run(command: &Play, ui: &mut Ui) -> Result<Outcome> {
    let (_, script) = read(&command.script)?;
    let versions = if command.version.is_empty() { script.versions.clone() } else { command.version.clone() };
    let encodings: Vec<Encoding> = match command.encoding.is_empty() {
        true => script.encodings.clone(),
        false => command.encoding.iter().map(|syntax| syntax.encoding()).collect(),
    };
    let codes = command.target.codes(ui)?;
    let mut plays = Vec::new();
    for &version in &versions {
        for &encoding in &encodings {
            let form = Form { codes, ..Form::of(encoding) };
            let played = play(command, &script, version, form)?;
            if command.format == Format::Text {
                ui.line(&played.in_words(command))?;
            }
            plays.push(played);
        }
    }
    let ok = plays.iter().all(|played| played.ok);
    if command.format == Format::Json {
        let report = Report { schema: "impskit.client/1", step: "script", ok, plays };
        ui.line(&serde_json::to_string_pretty(&report).map_err(|error| Error::input(error.to_string()))?)?;
    }
    Ok(if ok { Outcome::Good } else { Outcome::NotGood })
}

/// Reads a script that can be played here; returns its text, too.
pub(super) fn read(path: &Path) -> Result<(String, Script)> {
    let (name, octets) = read_input(path)?;
    let text =
        String::from_utf8(octets).map_err(|_| Error::input("the script is no text in UTF-8").at(name.clone()))?;
    let at = |line: usize, error: Error| error.at(format!("{name}:{line}"));
    let script = Script::read(&text).map_err(|mistake| at(mistake.line, Error::input(mistake.what)))?;
    if let Some(line) = script.line_that_wakes() {
        let error = at(line, Error::input("nobody is woken while a script is played: its clients poll"));
        return Err(error.help("`impskit client recv --wake WAY` waits to be woken"));
    }
    Ok((text, script))
}

impl Played {
    fn in_words(&self, command: &Play) -> String {
        let head = format!("CSP {}, {}", self.version, self.encoding);
        match (&self.what, self.line) {
            (Some(what), Some(line)) => format!("{head}: {}:{line}: {what}", command.script.display()),
            _ => format!("{head}: true, {} posts", self.posts),
        }
    }
}

/// Plays the script once; each actor has a connection of its own.
#[allow(clippy::disallowed_methods, reason = "EDGE: a script against a real server passes its time")]
fn play(command: &Play, script: &Script, version: Version, form: Form) -> Result<Played> {
    let open = |who: &str| {
        let mut line = command.target.line(who, command.trace.as_deref())?;
        line.speak(form.codes);
        Ok(line)
    };
    let mut lines = Lines::new(&open);
    let (started, mut posts, mut trouble) = (Instant::now(), 0, None);
    let played = conversation::play(script, version, form, |post: Post<'_>| {
        std::thread::sleep(post.now.saturating_sub(started.elapsed()));
        posts += 1;
        let (event, error) = lines.carry(&post);
        trouble = error;
        event
    });
    // Who cannot be reached says nothing about the script.
    if let (Err(_), Some(error)) = (&played, trouble) {
        return Err(error);
    }
    let mistake: Option<Mistake> = played.err();
    let (line, what) = mistake.map(|mistake| (mistake.line, mistake.what)).unzip();
    let (version, encoding) = (version.as_str(), form.encoding.as_str());
    Ok(Played { version, encoding, ok: what.is_none(), posts, line, what })
}
