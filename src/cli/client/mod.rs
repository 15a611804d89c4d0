//! `client`: a test client for any IMPS server.
//!
//! What is one request and its answer is a row of [`rows`]; the others are files beside it.

mod ask;
mod load;
mod message;
mod play;
mod report;
mod rows;
mod talk;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use impskit::codec::Encoding;
use impskit::csp::Version;
use impskit::error::Result;

use self::ask::Asked;
use super::client_dm::Dm;
use super::secret::PasswordOptions;
use super::text_codes::TextCodes;
use super::{Format, Outcome, Ui};

/// A test client for any IMPS server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit client login --server http://127.0.0.1:8080/csp --user anna --password-file anna.txt
  impskit client recv --server http://127.0.0.1:8080/csp --user anna --password-env ANNA --wait 60")]
pub(crate) struct Client {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Log in, negotiate, show what was agreed, log out
    #[command(after_help = "\
Examples:
  impskit client login --server http://127.0.0.1:8080/csp --user anna --password-file anna.txt
  impskit client login --server http://imps.example/ --user anna --password-env ANNA --version 1.2")]
    Login(Common),
    /// Send a text message
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client send --user anna --password-file anna.txt --to berta \"Hello\"
  impskit client send --user anna --password-env ANNA --to wv:/lobby --report 30 \"Hello\"")]
    Send(message::Send),
    /// Receive what waits, and what comes
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client recv --user berta --password-file berta.txt --count 1 --format json
  impskit client recv --user berta --password-env BERTA --wait 600 --wake stcp")]
    Recv(message::Recv),
    /// Ask which versions of CSP the server speaks; no login is needed
    #[command(after_help = "\
Examples:
  impskit client discover --server http://127.0.0.1:8080/csp
  impskit client discover --server http://imps.example/ --encoding xml --format json")]
    Discover(Place),
    /// Play a conversation script against a server
    #[command(after_help = "\
The users of the script must be known to the server, with the passwords that the script gives them. Time passes as
the script says: `after 40 minutes` takes 40 minutes.

Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client script hello.txt
  impskit client script hello.txt --encoding xml --version 1.2 --trace -")]
    Script(play::Play),
    /// Play a conversation script as load: many copies at the same time, again and again
    #[command(after_help = "\
The logins that the script begins with are done once, and so are the logouts that it ends with; what
lies between is a round, which each copy plays again and again. Copy 7 of a script with `wv:romeo` has
the user `wv:romeo-7`; one copy has the users of the script. The measured time begins when all are in.

Exit: 0 every round came true; 1 one did not, or none was played; 4 nobody could be reached.

Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client load hello.txt --copies 50 --accounts > accounts.csv
  impskit client load hello.txt --copies 50 --rate 200/s --for 1m --format json")]
    Load(load::Load),
    /// Let a management server change a device tree, in a DM session
    #[command(after_help = "\
Examples, with the server's URL in IMPSKIT_SERVER:
  impskit client dm --tree device.xml --password-file device.txt -o device.xml --force
  impskit client dm --tree new --device IMEI:493005100592800 --encoding xml --format json")]
    Dm(Box<Dm>),
    #[command(flatten)]
    Ask(Asked),
}

/// Where the server is, and in which words plain text is spoken there.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The server's URL
    #[arg(long, value_name = "URL", env = "IMPSKIT_SERVER")]
    server: String,
    /// Trust the authorities in FILE (PEM), and no others, with who the server is
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    text_codes: TextCodes,
}

/// Where the server is, and how it is spoken to.
#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    target: Target,
    /// The syntax to speak
    #[arg(long, value_name = "SYNTAX", default_value = "wbxml")]
    encoding: Syntax,
    /// The version to speak; `auto` asks the server, and takes the highest
    #[arg(long, value_name = "V", default_value = "1.3")]
    version: VersionName,
    /// Write every message that goes and comes to DIR, or to stderr in words with `-`; passwords are masked
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// Who speaks to it.
#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    place: Place,
    /// Who logs in
    #[arg(long, value_name = "URI")]
    user: String,
    #[command(flatten)]
    password: PasswordOptions,
    /// How to prove the password; the server chooses among those offered
    #[arg(long, value_name = "SCHEMA", default_values = ["sha", "md5"])]
    schema: Vec<SchemaName>,
    /// What tells this client from the user's others
    #[arg(long, value_name = "TEXT", default_value = "impskit")]
    client_id: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaName {
    /// SHA-1 over a nonce
    Sha,
    /// MD5 over a nonce
    Md5,
    /// The password itself, in a login of two messages
    Password,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Syntax {
    /// XML
    Xml,
    /// WAP binary XML
    Wbxml,
    /// Plain text, which has known codes for logins, contact lists and presence alone
    Pts,
}

impl Syntax {
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Xml => Encoding::Xml,
            Self::Wbxml => Encoding::Wbxml,
            Self::Pts => Encoding::Pts,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VersionName {
    /// CSP 1.1
    #[value(name = "1.1")]
    V1_1,
    /// CSP 1.2
    #[value(name = "1.2")]
    V1_2,
    /// CSP 1.3
    #[value(name = "1.3")]
    V1_3,
    /// The highest that the server speaks
    Auto,
}

impl VersionName {
    /// Returns the version to begin with.
    fn version(self) -> Version {
        match self {
            Self::V1_1 => Version::V1_1,
            Self::V1_2 => Version::V1_2,
            Self::V1_3 | Self::Auto => Version::V1_3,
        }
    }
}

pub(crate) fn run(command: &Client, ui: &mut Ui) -> Result<Outcome> {
    match &command.command {
        Command::Login(common) => talk::login(common, ui),
        Command::Send(command) => message::send(command, ui),
        Command::Recv(command) => message::receive(command, ui),
        Command::Discover(place) => talk::discover(place, ui),
        Command::Script(command) => play::run(command, ui),
        Command::Load(command) => load::run(command, ui),
        Command::Dm(command) => command.run(ui),
        Command::Ask(asked) => asked.run(ui),
    }
}
