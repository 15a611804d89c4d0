//! `client dm`: a device that lets a management server change its tree.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use impskit::client::http::Line;
use impskit::client::management::{Seen, manage};
use impskit::codec::Encoding;
use impskit::diagnose::Report;
use impskit::diagnose::text::printable;
use impskit::dm::device::{Abilities, Device};
use impskit::dm::session::auth::{Credentials, Scheme};
use impskit::dm::session::client::{Client, End, Setup};
use impskit::dm::session::{CLIENT_INITIATED, SERVER_INITIATED};
use impskit::dm::syncml::{Message, Operation};
use impskit::dm::{Status, Tree, Uri};
use impskit::error::{Error, Result};
use impskit::random;
use serde::Serialize;

use super::client::Syntax;
use super::descriptions::DescriptionOptions;
use super::secret::OptionalPassword;
use super::tree::{read_tree, tree_file, tree_value};
use super::ui::Output;
use super::{Format, Outcome, Ui};

#[derive(Debug, Args)]
pub(super) struct Dm {
    /// The server's URL
    #[arg(long, value_name = "URL", env = "IMPSKIT_SERVER")]
    server: String,
    /// The device's tree, in TNDS or JSON; `new` for an empty device
    #[arg(long, value_name = "TREE")]
    tree: PathBuf,
    #[command(flatten)]
    ddf: DescriptionOptions,
    /// The device's identifier; `./DevInfo/DevId` of the tree where absent
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// The server's identifier in access control lists
    #[arg(long, value_name = "ID", default_value = "impskit")]
    server_id: String,
    /// The name in the device's credentials; its identifier where absent
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    password: OptionalPassword,
    /// How the device proves its password
    #[arg(long, value_name = "SCHEME", default_value = "md5")]
    scheme: SchemeName,
    /// The syntax to speak
    #[arg(long, value_name = "SYNTAX", default_value = "wbxml")]
    encoding: Syntax,
    /// The session that a notification asked for; a session of the device's own where absent
    #[arg(long, value_name = "N")]
    session: Option<u16>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemeName {
    /// Name and password
    Basic,
    /// A digest of name, password and nonce
    Md5,
    /// A digest of those and the message, in the header of the transport
    Mac,
}

/// What a session came to, for programs.
#[derive(Debug, Serialize)]
struct Told {
    schema: &'static str,
    ended: String,
    messages: usize,
    commands: Vec<Answer>,
    tree: serde_json::Value,
}

/// What the device answered to one command.
#[derive(Debug, Serialize)]
struct Answer {
    command: String,
    uri: String,
    status: u16,
    name: &'static str,
}

impl Dm {
    pub(super) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        let Some((tree, is_json)) = read_tree(&self.tree, ui)? else { return Ok(Outcome::NotGood) };
        let own = self.ddf.read(ui)?;
        let descriptions = own.on_device();
        let setup = self.setup(&tree, ui)?;
        let device = Device::new(tree, &descriptions, Abilities::default());
        let mut client = Client::new(setup, device, random::octets()?);
        let begin = self.session.map_or((1, CLIENT_INITIATED), |session| (session, SERVER_INITIATED));
        let (mut commands, mut messages) = (Vec::new(), 0);
        ui.network(&self.server)?;
        let end = manage(&mut client, &mut Line::new(&self.server, None)?, begin, |seen| {
            messages += 1;
            if let Seen::Sent(octets) = seen {
                commands.extend(answers(octets));
            }
        })?;
        let tree = client.device.into_tree();
        let is_good = end == End::Finished && commands.iter().all(|answer| answer.status < 300);
        if self.format == Format::Json {
            let tree = tree_value(&tree, &descriptions);
            let told = Told { schema: "impskit.managed/1", ended: in_words(end), messages, commands, tree };
            let text = serde_json::to_string_pretty(&told).unwrap_or_default() + "\n";
            ui.result(text.as_bytes(), self.output.to_file(), false)?;
        } else {
            for Answer { command, uri, status, name } in &commands {
                ui.say(printable(&format!("{command} {uri}  {status} {name}")).trim_start());
            }
            ui.say(&format!("{} after {messages} messages", in_words(end)));
            ui.result(&tree_file(&tree, is_json, &descriptions), self.output.to_file(), false)?;
        }
        Ok(if is_good { Outcome::Good } else { Outcome::NotGood })
    }

    fn setup(&self, tree: &Tree, ui: &mut Ui) -> Result<Setup> {
        let own_id =
            || Uri::read("./DevInfo/DevId").ok().and_then(|uri| tree.get(&uri)?.value_text().map(str::to_owned));
        let device = self.device.clone().or_else(own_id).ok_or_else(|| {
            Error::input("the device has no identifier")
                .help("give one with `--device ID`, such as `IMEI:493005100592800`, or a tree with ./DevInfo/DevId")
        })?;
        let scheme = match self.scheme {
            SchemeName::Basic => Scheme::Basic,
            SchemeName::Md5 => Scheme::Md5,
            SchemeName::Mac => Scheme::Mac,
        };
        let user = self.user.clone().unwrap_or_else(|| device.clone());
        if self.encoding.encoding() == Encoding::Pts {
            let error = Error::input("plain text is a syntax of IMPS messages, not of device management");
            return Err(error.help("use `--encoding xml` or `--encoding wbxml`"));
        }
        let password = self.password.password(ui)?;
        let own = password.map(|password| (scheme, Credentials::new(user, password.as_str()), None));
        Ok(Setup {
            device,
            server: self.server.clone(),
            server_id: self.server_id.clone(),
            own,
            wanted: None,
            encoding: self.encoding.encoding(),
            max_message: Some(64 << 10),
            max_object: Some(1 << 20),
        })
    }
}

/// Returns what a message of the device answers to commands.
fn answers(octets: &[u8]) -> Vec<Answer> {
    let message = Message::read(octets, &mut Report::new());
    let of = |operation| match operation {
        Operation::Status(status) if status.command_ref != "0" => {
            let name = Status::of(status.code).map_or("", |known| known.name);
            let uri = status.targets.into_iter().next().unwrap_or_default();
            Some(Answer { command: status.command, uri, status: status.code, name })
        }
        _ => None,
    };
    message.into_iter().flat_map(|message| message.commands).filter_map(|command| of(command.operation)).collect()
}

fn in_words(end: End) -> String {
    match end {
        End::Finished => "finished".to_owned(),
        End::Aborted => "ended by the server".to_owned(),
        End::Refused(code) => format!("refused by the server with {code}"),
        End::Unproven => "ended: the server did not prove itself".to_owned(),
        End::Broken => "ended: the server answered with no message of this session".to_owned(),
    }
}
