//! The commands of the table [`ROWS`]: how they are read from the command line, and what they do.

use std::collections::BTreeSet;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Subcommand, value_parser};
use impskit::error::Result;

use super::rows::{Argument, GROUPS, Given, Kind, ROWS, Row};
use super::talk::{ask, in_session, listen};
use super::{Common, Outcome, Ui};

/// Answers that one command asks for after the first, as pages of a search.
const PAGES: usize = 1000;

/// A command of the table, as it was typed.
#[derive(Debug)]
pub(super) struct Asked {
    row: &'static Row,
    common: Common,
    wait: u64,
    matches: ArgMatches,
}

impl Asked {
    pub(super) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let Self { row, common, wait, matches } = self;
        let (user, client_id) = (common.user.as_str(), common.client_id.as_str());
        // What cannot be meant is told before anybody is asked.
        let given = |version| Given { matches, version, user, client_id };
        (row.requests)(&given(common.place.version.version()))?;
        in_session(common, None, &row.path.join(" "), ui, |talk, shown, _| {
            let given = given(talk.client().identity().version);
            for request in (row.requests)(&given)? {
                shown.answers.clear();
                let mut next = Some(request);
                for _ in 0..PAGES {
                    let Some(request) = next.take().filter(|_| talk.client().is_in()) else { break };
                    let answer = ask(talk, request.clone(), shown)?;
                    next = answer.and_then(|answer| (row.next)(&given, &request, &answer));
                }
                if !shown.ok {
                    return Ok(());
                }
            }
            listen(talk, *wait, shown, |_| false, |_| Ok(()))
        })
    }
}

impl FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let (mut path, mut inner) = (Vec::new(), matches);
        while let Some((name, next)) = inner.subcommand() {
            path.push(name);
            inner = next;
        }
        let row = ROWS.iter().find(|row| row.path == path);
        let row = row.ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        let wait = inner.get_one::<u64>("wait").copied().unwrap_or_default();
        Ok(Self { row, common: Common::from_arg_matches(inner)?, wait, matches: inner.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Asked {
    fn augment_subcommands(command: Command) -> Command {
        let firsts: BTreeSet<&'static str> = ROWS.iter().map(|row| row.path[0]).collect();
        command.subcommands(firsts.into_iter().filter_map(|first| {
            let rows = || ROWS.iter().filter(move |row| row.path[0] == first);
            let Some((name, about)) = GROUPS.iter().find(|(name, _)| *name == first) else {
                return rows().next().map(|row| row.command(first));
            };
            let two = rows().take(2).map(|row| row.example(row.examples[0])).collect::<String>();
            let group = Command::new(*name).about(*about).subcommands(rows().map(|row| row.command(row.path[1])));
            Some(group.subcommand_required(true).arg_required_else_help(true).after_help(examples(&two)))
        }))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        ROWS.iter().any(|row| row.path[0] == name)
    }
}

fn examples(lines: &str) -> String {
    format!("Examples, with the server's URL in IMPSKIT_SERVER:\n{}", lines.trim_end())
}

impl Row {
    fn command(&self, name: &'static str) -> Command {
        let command = Command::new(name).args(self.arguments.iter().map(Argument::arg));
        let [first, second] = self.examples;
        let second = self.example(second).replace("--password-file anna.txt", "--password-env ANNA");
        let wait = Arg::new("wait").long("wait").value_name("SECONDS").value_parser(value_parser!(u64));
        let wait = wait.help("Wait so many seconds for what the server brings");
        // What the shared options say of themselves is not what the command is for.
        let command = Common::augment_args(command.arg(wait)).about(self.about).long_about(None::<&str>);
        command.after_help(examples(&(self.example(first) + &second)))
    }

    fn example(&self, typed: &str) -> String {
        let words = ["impskit client", &self.path.join(" "), typed, "--user anna --password-file anna.txt"];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("  {}\n", words.join(" "))
    }
}

impl Argument {
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name).help(self.help);
        match self.kind {
            Kind::One => arg.required(true),
            Kind::Many => arg.required(true).num_args(1..).action(ArgAction::Append),
            Kind::Any => arg.num_args(0..).action(ArgAction::Append),
            Kind::Option(value) => arg.long(self.name).value_name(value),
            Kind::Options(value) => arg.long(self.name).value_name(value).action(ArgAction::Append),
            Kind::Choice(words) => arg.long(self.name).value_name(words).ignore_case(true).value_parser(one_of(words)),
            Kind::Flag => arg.long(self.name).action(ArgAction::SetTrue),
        }
    }
}

/// Reads one of the words, with `|` between them, as it stands there.
fn one_of(words: &'static str) -> impl TypedValueParser<Value = String> {
    let as_named = |typed: String| words.split('|').find(|word| word.eq_ignore_ascii_case(&typed)).map(str::to_owned);
    PossibleValuesParser::new(words.split('|')).map(move |typed| as_named(typed.clone()).unwrap_or(typed))
}
