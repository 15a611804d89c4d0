//! What a command line that cannot be read is told, in the form of all errors; help and version for who asks for them.

use std::process::ExitCode;

use clap::error::ErrorKind;
use impskit::error::Error;

use super::ui;

/// Answers a command line that names nothing to do, or cannot be read.
pub(super) fn answer(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nothing can be done about a closed stdout.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            ui::tell(&in_our_form(&error.render().to_string()));
            ExitCode::from(2)
        }
    }
}

/// Takes apart what clap says: a paragraph of what is wrong, tips, the usage, where there is more help.
fn in_our_form(rendered: &str) -> Error {
    let mut paragraphs = rendered.split("\n\n").flat_map(|paragraph| paragraph.split("\n  tip: ").map(one_line));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    let (mut tips, mut usage) = (Vec::new(), None);
    for paragraph in paragraphs.filter(|paragraph| !paragraph.is_empty()) {
        match (paragraph.strip_prefix("Usage: "), paragraph.strip_prefix("tip: ")) {
            (Some(line), _) => usage = Some(format!("write `{line}`")),
            // That two dashes end the options is seldom what was meant.
            (_, Some(tip)) if tip.starts_with("to pass") => {}
            (_, Some(tip)) => tips.push(tip.to_owned()),
            _ if paragraph.starts_with("For more information") => {}
            _ => tips.push(paragraph),
        }
    }
    let (what, known) = match what.split_once(" [possible values: ") {
        Some((what, known)) => (what, Some(format!("known are {}", known.trim_end_matches(']')))),
        None => (what, None),
    };
    let tips = if tips.is_empty() { known } else { Some(tips.join("; ")) };
    let what = what.replace("invalid digit found in string", "write a whole number");
    let error = Error::input(what.replace('\'', "`"));
    match tips.or(usage) {
        Some(help) => error.help(help.replace('\'', "`")),
        None => error,
    }
}

fn one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
