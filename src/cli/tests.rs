//! Laws of the command line: they hold for every command and sub-command, today's and those to come.

use std::collections::HashSet;
use std::fs;

use clap::{Arg, Command as Clap, CommandFactory as _};

use super::Cli;

/// Calls `visit` for the program and every command, each with the words that name it.
fn walk(visit: &mut dyn FnMut(&[String], &Clap)) {
    fn below(words: &mut Vec<String>, command: &Clap, visit: &mut dyn FnMut(&[String], &Clap)) {
        words.push(command.get_name().to_owned());
        visit(words, command);
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            below(words, inner, visit);
        }
        words.pop();
    }
    below(&mut Vec::new(), &Cli::command(), visit);
}

/// Returns the examples in the help of a command.
fn examples(command: &Clap) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().skip_while(|line| !line.starts_with("Examples")).skip(1);
    lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

/// Returns the words of our own command in a shell line, without what is piped in and where it goes.
fn our_words(line: &str) -> Vec<String> {
    let ours = line.rsplit(" | ").next().unwrap_or(line);
    let ours = ours.split(" > ").next().unwrap_or(ours);
    let (mut words, mut quoted) = (vec![String::new()], None);
    for c in ours.chars() {
        match quoted {
            Some(quote) if c == quote => quoted = None,
            None if c == '"' || c == '\'' => quoted = Some(c),
            None if c == ' ' => words.push(String::new()),
            _ => words.last_mut().expect("one at least").push(c),
        }
    }
    words
}

#[test]
fn clap_finds_no_fault() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_line_of_help_and_two_examples_that_can_be_typed() {
    walk(&mut |words, command| {
        let name = words.join(" ");
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.'), "{name}: `{about}`");
        let examples = examples(command);
        assert_eq!(examples.len(), 2, "{name} has two examples: {examples:?}");
        for example in examples {
            assert!(example.len() <= 100, "{name}: wrapped where a terminal has 100 columns: {example}");
            let typed = our_words(&example);
            assert!(typed.starts_with(words), "{name} is what its example shows: {example}");
            // What the examples say is in the environment.
            let server = ["--server".to_owned(), "http://127.0.0.1/".to_owned()];
            let from_environment = typed[1] == "client" && !typed.contains(&server[0]);
            let typed = typed.iter().chain(server.iter().filter(|_| from_environment));
            if let Err(error) = Cli::command().try_get_matches_from(typed) {
                panic!("{example}\n{error}");
            }
        }
    });
}

#[test]
fn every_argument_has_help_and_few_have_a_letter() {
    const LETTERS: &str = "hVqvof";
    walk(&mut |words, command| {
        for argument in command.get_arguments() {
            let name = format!("{} {}", words.join(" "), argument.get_id());
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{name}: `{help}`");
            assert!(argument.get_short().is_none_or(|letter| LETTERS.contains(letter)), "{name}");
        }
    });
}

/// Secrets are never arguments, but for the IMSI at the desk.
#[test]
fn no_secret_is_an_argument() {
    walk(&mut |words, command| {
        let has_value = |argument: &&Arg| argument.get_action().takes_values();
        for argument in command.get_arguments().filter(has_value) {
            let name = argument.get_long().unwrap_or_default();
            assert!(!["pin", "password", "token", "secret", "key"].contains(&name), "{} --{name}", words.join(" "));
        }
    });
}

/// Each invocation in the transcripts: the command's words and whether it ended with 0.
fn transcripts() -> Vec<(Vec<String>, bool)> {
    let folder = fs::read_dir("tests/cli").expect("the transcripts");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "trycmd"));
    let mut invocations = Vec::new();
    for path in files {
        let text = fs::read_to_string(path).expect("a transcript");
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(typed) = line.strip_prefix("$ ") {
                let words = our_words(typed).into_iter().skip_while(|word| word != "impskit").collect();
                let is_good = !lines.peek().is_some_and(|status| status.starts_with("? "));
                invocations.push((words, is_good));
            }
        }
    }
    invocations
}

#[test]
fn every_command_is_shown_at_work_and_at_fault() {
    // These are good only with a server or an editor beside them: `tests/suite` plays them.
    const WITH_A_PEER: [&str; 2] = ["impskit client ", "impskit lsp"];
    let transcripts = transcripts();
    let mut missing = Vec::new();
    walk(&mut |words, command| {
        if command.has_subcommands() {
            return;
        }
        let of_this = transcripts.iter().filter(|(typed, _)| typed.starts_with(words));
        let outcomes: HashSet<bool> = of_this.map(|(_, is_good)| *is_good).collect();
        let name = words.join(" ");
        if !outcomes.contains(&true) && !WITH_A_PEER.iter().any(|peer| name.starts_with(peer)) {
            missing.push(format!("{name}: none that is good"));
        }
        if !outcomes.contains(&false) {
            missing.push(format!("{name}: none that is bad"));
        }
    });
    assert!(missing.is_empty(), "{missing:#?}");
}
