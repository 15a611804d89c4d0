//! The command list, global options and exit codes. One file a command.

mod admin;
mod apply;
mod apply_commands;
mod audit;
mod batch;
mod build;
mod build_rows;
mod check;
#[cfg(feature = "server")]
mod cir;
#[cfg(feature = "server")]
mod client;
#[cfg(feature = "server")]
mod client_dm;
mod completions;
mod config;
mod convert;
mod decode;
mod descriptions;
mod device;
mod diff;
mod explain;
mod fmt;
mod form;
mod input;
mod lsp;
mod man;
mod new;
mod pap;
mod profile;
mod progress;
#[cfg(feature = "server")]
mod receipts;
#[cfg(feature = "server")]
mod rehearse;
mod seal;
mod secret;
#[cfg(feature = "server")]
mod serve;
mod show;
mod skeleton;
mod syncml;
#[cfg(all(test, feature = "server"))]
mod tests;
mod text_codes;
mod tree;
mod ui;
mod usage;
mod version;

use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use impskit::error::{Error, ErrorKind};

pub(crate) use ui::{Format, Ui};

/// Provisioning toolkit for OMA IMPS (Wireless Village), with a server to try every document
#[derive(Debug, Parser)]
#[command(
    name = "impskit",
    version,
    infer_long_args = false,
    max_term_width = 110,
    after_help = "\
Examples:
  impskit rehearse templates/acme.toml
  impskit check settings.xml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    ui: ui::Options,
}

/// One line a command; each is a file of this folder.
#[derive(Debug, Subcommand)]
enum Command {
    New(new::New),
    Build(Box<build::Build>),
    Convert(Box<convert::Convert>),
    Apply(apply::Apply),
    Check(check::Check),
    Show(show::Show),
    Skeleton(skeleton::Skeleton),
    Decode(decode::Decode),
    Diff(diff::Diff),
    Explain(explain::Explain),
    Fmt(fmt::Fmt),
    Lsp(lsp::Lsp),
    Batch(batch::Batch),
    Send(Box<batch::Send>),
    Audit(audit::Audit),
    #[cfg(feature = "server")]
    Rehearse(Box<rehearse::Rehearse>),
    #[cfg(feature = "server")]
    Serve(serve::Serve),
    Admin(admin::Admin),
    #[cfg(feature = "server")]
    Client(client::Client),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

/// What a command came to; `product.md` section 2, "Exit codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done; nothing to complain of.
    Good,
    /// The command ran and the answer is "not good".
    NotGood,
    /// Partly done: devices failed or rows were rejected.
    Partly,
    /// Stopped by a safety limit.
    Stopped,
    /// Interrupted; state is saved.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Good => 0,
            Outcome::NotGood => 1,
            Outcome::Partly => 3,
            Outcome::Stopped => 5,
            Outcome::Interrupted => 130,
        })
    }
}

/// Runs the command line and returns the exit code.
pub(crate) fn main() -> ExitCode {
    let read = |mut matches: clap::ArgMatches| {
        let is_ticket_typed = matches.value_source("ticket") == Some(ValueSource::CommandLine);
        Ok((Cli::from_arg_matches_mut(&mut matches)?, is_ticket_typed))
    };
    let (cli, is_ticket_typed) = match command_line().try_get_matches().and_then(read) {
        Ok(read) => read,
        Err(error) => return usage::answer(&error),
    };
    let mut ui = Ui::new(&cli.ui, is_ticket_typed);
    match run(&cli.command, &mut ui) {
        // Who reads no further has what was wanted (`product.md` section 12).
        Ok(_) if ui.is_closed => ExitCode::SUCCESS,
        Ok(outcome) => outcome.into(),
        Err(error) => {
            ui.error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Returns the command line; what stands in the environment is nothing for its help to show.
fn command_line() -> clap::Command {
    fn hide_values(command: clap::Command) -> clap::Command {
        command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(hide_values)
    }
    hide_values(Cli::command())
}

fn run(command: &Command, ui: &mut Ui) -> Result<Outcome, Error> {
    match command {
        Command::New(command) => command.run(ui),
        Command::Build(command) => command.run(ui),
        Command::Convert(command) => command.run(ui),
        Command::Apply(command) => command.run(ui),
        Command::Check(command) => check::run(command, ui),
        Command::Show(command) => show::run(command, ui),
        Command::Skeleton(command) => command.run(ui),
        Command::Decode(command) => decode::run(command, ui),
        Command::Diff(command) => diff::run(command, ui),
        Command::Explain(command) => explain::run(command, ui),
        Command::Fmt(command) => fmt::run(command, ui),
        Command::Lsp(command) => command.run(ui),
        Command::Batch(command) => batch::run(command, ui),
        Command::Send(command) => batch::send(command, ui),
        Command::Audit(command) => command.run(ui),
        #[cfg(feature = "server")]
        Command::Rehearse(command) => command.run(ui),
        #[cfg(feature = "server")]
        Command::Serve(command) => serve::run(command, ui),
        Command::Admin(command) => admin::run(command, ui),
        #[cfg(feature = "server")]
        Command::Client(command) => client::run(command, ui),
        Command::Config(command) => command.run(ui),
        Command::Completions(command) => command.run(ui),
        Command::Man(command) => command.run(ui),
        Command::Version(command) => command.run(ui),
    }
}

fn exit_code(error: &Error) -> u8 {
    match error.kind {
        ErrorKind::Remote => 4,
        _ => 2,
    }
}
