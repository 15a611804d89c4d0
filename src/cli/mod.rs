//! The command list, global options and exit codes. One file a command.

mod admin;
mod apply;
mod batch;
mod build;
mod build_rows;
mod check;
mod check_own;
#[cfg(feature = "server")]
mod client;
mod convert;
mod decode;
mod explain;
mod form;
mod new;
mod profile;
mod progress;
#[cfg(feature = "server")]
mod rehearse;
mod seal;
mod secret;
#[cfg(feature = "server")]
mod serve;
mod show;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use impskit::error::{Error, ErrorKind};

pub(crate) use ui::Ui;

/// Provisioning toolkit for OMA IMPS (Wireless Village), with an IMPS server to try every document against.
#[derive(Debug, Parser)]
#[command(name = "impskit", version, propagate_version = true, infer_long_args = false, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    ui: ui::Options,
    #[command(subcommand)]
    command: Command,
}

/// One line a command; each is a file of this folder.
#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Show),
    New(new::New),
    Build(Box<build::Build>),
    Batch(batch::Batch),
    Convert(Box<convert::Convert>),
    Apply(apply::Apply),
    Decode(decode::Decode),
    Admin(admin::Admin),
    #[cfg(feature = "server")]
    Serve(serve::Serve),
    Check(check::Check),
    Explain(explain::Explain),
    #[cfg(feature = "server")]
    Rehearse(Box<rehearse::Rehearse>),
    #[cfg(feature = "server")]
    Client(client::Client),
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
    let cli = Cli::parse();
    let mut ui = Ui::new(&cli.ui);
    match run(&cli.command, &mut ui) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            ui.error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn run(command: &Command, ui: &mut Ui) -> Result<Outcome, Error> {
    match command {
        Command::Show(command) => show::run(command, ui),
        Command::New(command) => command.run(ui),
        Command::Build(command) => command.run(ui),
        Command::Batch(command) => batch::run(command, ui),
        Command::Convert(command) => command.run(ui),
        Command::Apply(command) => command.run(ui),
        Command::Decode(command) => decode::run(command, ui),
        Command::Admin(command) => admin::run(command, ui),
        #[cfg(feature = "server")]
        Command::Serve(command) => serve::run(command, ui),
        Command::Check(command) => check::run(command, ui),
        Command::Explain(command) => explain::run(command, ui),
        #[cfg(feature = "server")]
        Command::Rehearse(command) => command.run(ui),
        #[cfg(feature = "server")]
        Command::Client(command) => client::run(command, ui),
    }
}

fn exit_code(error: &Error) -> u8 {
    match error.kind {
        ErrorKind::Remote => 4,
        _ => 2,
    }
}
