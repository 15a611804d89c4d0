//! Step 14: a management server puts the same settings in place over HTTP, reads, changes and deletes them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::settings::HANDSET;
use super::{Exchange, Subject};
use crate::client::http::Line;
use crate::client::management::{Seen, manage};
use crate::codec::Encoding;
use crate::diagnose::Report;
use crate::dm::device::{Abilities, Device};
use crate::dm::session::auth::{Credentials, Scheme};
use crate::dm::session::client::{Client, End, Setup};
use crate::dm::session::server::{Answered, Server, Terms};
use crate::dm::session::{CLIENT_INITIATED, SERVER_INITIATED};
use crate::dm::syncml::{Item, Message, Operation};
use crate::dm::{self, Change, Description, Node, Tree, Uri, Value, is_secret};
use crate::provision::apply::Place;
use crate::provision::{changes, commands};
use crate::random;
use crate::server::http::{Management, Running, spawn_beside};
use crate::server::{Beside, Configuration, Store};

const SERVER: &str = "DM server";
const SERVER_ID: &str = "rehearsal";
const DEVICE: &str = "IMEI:000000000000000";
const PATH: &str = "/dm";

type Outcome<T> = Result<T, String>;

/// Lets a server and the handset talk in both syntaxes; `tree` is what the provisioning document made.
pub(super) fn manage_settings(subject: &Subject<'_>, tree: &Tree, seen: &mut Vec<Exchange>) -> Outcome<((), String)> {
    let account = subject.profile.filled(&subject.handset.values);
    let place = Place::of(Description::bundled());
    let wanted = changes::changes(Some(&handset()), &[account], &[], &place).map_err(|fault| fault.to_string())?;
    let (header, style) = (commands::header(SERVER_ID, DEVICE), commands::Style::Commands);
    let message =
        commands::message(header, &wanted, style, commands::Syntax::Xml).map_err(|fault| fault.to_string())?;
    let make: Vec<Operation> = message.commands.into_iter().map(|command| command.operation).collect();
    let roots: Vec<&Uri> = wanted.instances.iter().map(|(uri, _)| uri).collect();
    // Who makes a node may change it and say who may read it, but may not read it before that.
    let rights = format!("Add={SERVER_ID}&Delete={SERVER_ID}&Get=*&Replace={SERVER_ID}");
    let grant = |root: &&Uri| {
        let item = Item { data: Some(rights.as_str().into()), ..Item::at(format!("{root}?prop=ACL")) };
        Operation::Replace(vec![item])
    };
    let mut sizes = Vec::new();
    let mut leaves = 0;
    for encoding in [Encoding::Xml, Encoding::Wbxml] {
        let mut stage = Stage::open(encoding)?;
        stage.server().queue(DEVICE, make.clone());
        stage.server().queue(DEVICE, roots.iter().map(grant).collect());
        let made = stage.session((1, CLIENT_INITIATED), handset(), seen)?;
        all_good(&stage.server().take_answers(DEVICE))?;
        same(tree, &made, &roots)?;
        leaves = read_change_delete(&mut stage, made, &roots, seen)?;
        sizes.push((stage.messages, stage.octets));
    }
    let [(messages, xml), (_, wbxml)] = sizes[..] else { return Err("both syntaxes are wanted".to_owned()) };
    let evidence = format!(
        "made in one Atomic, equal trees; {leaves} values read back, one changed, all deleted; {messages} messages over HTTP, \
         {xml} octets of XML, {wbxml} of WBXML"
    );
    Ok(((), evidence))
}

/// Returns the device before it has settings.
fn handset() -> Tree {
    let info = [("DevId", DEVICE), ("Man", "impskit"), ("Mod", "rehearsal"), ("DmV", "1.2"), ("Lang", "en")];
    let info = info.into_iter().fold(Node::interior("DevInfo"), |node, (name, text)| node.with(Node::text(name, text)));
    let mut tree = Tree::new();
    // An empty tree takes any node.
    let _ = tree.add(&Uri::root(), info);
    tree
}

/// Reads every value that can be read, changes one, deletes all, in a session that the server asks for.
fn read_change_delete(stage: &mut Stage, made: Tree, roots: &[&Uri], seen: &mut Vec<Exchange>) -> Outcome<usize> {
    let mut values = Vec::new();
    made.walk(&mut |uri, node| {
        if let Some(Value::Text(text)) = &node.value
            && roots.iter().any(|root| uri.within(root).is_some())
        {
            values.push((uri.to_string(), text.clone()));
        }
    });
    let get = |uri: &str| Operation::Get(vec![Item::at(uri)]);
    let gets: Vec<Operation> = values.iter().map(|(uri, _)| get(uri)).collect();
    let name = values.iter().find(|(uri, _)| uri.ends_with("/Name")).ok_or("the settings have no name to change")?;
    let change = Item { data: Some("renamed".into()), ..Item::at(&name.0) };
    let deletes = roots.iter().map(|root| Operation::Delete(vec![Item::at(root.to_string())]));
    let mut server = stage.server();
    server.queue(DEVICE, gets);
    server.queue(DEVICE, vec![Operation::Replace(vec![change])]);
    server.queue(DEVICE, vec![get(&name.0)]);
    server.queue(DEVICE, deletes.collect());
    server.queue(DEVICE, vec![get(&roots[0].to_string())]);
    drop(server);
    let left = stage.session((2, SERVER_INITIATED), made, seen)?;
    let mut answers = stage.server().take_answers(DEVICE).into_iter();
    let read = compare(&values, answers.by_ref().take(values.len()).collect())?;
    let rest: Vec<Answered> = answers.collect();
    let text =
        |answered: &Answered| answered.results.first().and_then(|item| item.data.as_ref()?.text().map(str::to_owned));
    let [changed, again, deleted @ .., gone] = &rest[..] else {
        return Err("the device answered too little".to_owned());
    };
    if changed.code != Some(200) || text(again).as_deref() != Some("renamed") {
        return Err(format!("{} was not changed", name.0));
    }
    all_good(deleted)?;
    if gone.code != Some(404) || roots.iter().any(|root| left.get(root).is_some()) {
        return Err("what was deleted is still there".to_owned());
    }
    Ok(read)
}

/// Returns how many values were read as they are; those that nobody may read are refused with 405.
fn compare(values: &[(String, String)], answers: Vec<Answered>) -> Outcome<usize> {
    let mut read = 0;
    for ((uri, value), answered) in values.iter().zip(answers) {
        let text = answered.results.first().and_then(|item| item.data.as_ref()?.text());
        match answered.code {
            Some(200) if text.unwrap_or_default() == value => read += 1,
            Some(405) if is_secret(uri.rsplit('/').next().unwrap_or_default()) => {}
            code => return Err(format!("{uri} was read with {code:?}, and not as it is")),
        }
    }
    Ok(read)
}

fn all_good(answers: &[Answered]) -> Outcome<()> {
    match answers.iter().find(|answered| answered.code != Some(200)) {
        Some(bad) => Err(format!("{} {} has status {:?}", bad.command, bad.uri, bad.code)),
        None if answers.is_empty() => Err("the device answered nothing".to_owned()),
        None => Ok(()),
    }
}

/// Compares the settings of two trees; who may change them is another matter.
fn same(wanted: &Tree, made: &Tree, roots: &[&Uri]) -> Outcome<()> {
    for root in roots {
        let (Some(wanted), Some(made)) = (wanted.get(root), made.get(root)) else {
            return Err(format!("{root} is not there"));
        };
        let differs = |change: &Change| !matches!(change, Change::Acl(..));
        if let Some(change) = dm::changes(made, wanted, root).iter().find(|change| differs(change)) {
            return Err(format!("{} differs from what the provisioning document made", change.uri()));
        }
    }
    Ok(())
}

/// A server at work, and what was said to it.
struct Stage {
    running: Running,
    server: Arc<Mutex<Server>>,
    encoding: Encoding,
    nonces: (Option<Vec<u8>>, Vec<u8>),
    messages: usize,
    octets: usize,
}

impl Stage {
    fn open(encoding: Encoding) -> Outcome<Self> {
        let listen = ([127, 0, 0, 1], 0).into();
        let configuration = Configuration { listen, drain: Duration::from_secs(1), ..Configuration::default() };
        let failed = |error: crate::error::Error| error.what;
        let mut server = Server::new(SERVER_ID, random::octets().map_err(failed)?);
        let (device, own) = credentials();
        server.enrol(DEVICE, Terms { device: Some((Scheme::Md5, device)), server: Some((Scheme::Md5, own)) });
        let server = Arc::new(Mutex::new(server));
        let management = Management { path: PATH.to_owned(), server: server.clone() };
        let store = Store::in_memory().map_err(failed)?;
        let beside = Beside { management: Some(management), ..Beside::default() };
        let running = spawn_beside(configuration, store, beside, Box::new(|_| ())).map_err(failed)?;
        Ok(Self { running, server, encoding, nonces: (None, Vec::new()), messages: 0, octets: 0 })
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays a session and returns the device's tree behind it.
    fn session(&mut self, begin: (u16, u16), tree: Tree, seen: &mut Vec<Exchange>) -> Outcome<Tree> {
        let url = format!("http://{}{PATH}", self.running.address());
        let (device, server) = credentials();
        let setup = Setup {
            device: DEVICE.to_owned(),
            server: SERVER_ID.to_owned(),
            server_id: SERVER_ID.to_owned(),
            own: Some((Scheme::Md5, device, self.nonces.0.take())),
            wanted: Some((Scheme::Md5, server, std::mem::take(&mut self.nonces.1))),
            encoding: self.encoding,
            max_message: Some(64 << 10),
            max_object: None,
        };
        let device = Device::new(tree, Description::bundled(), Abilities::default());
        let mut client = Client::new(setup, device, random::octets().map_err(|error| error.what)?);
        let mut line = Line::new(&url, None).map_err(|error| error.what)?;
        let end = manage(&mut client, &mut line, begin, |said| {
            let (from, to, octets) = match said {
                Seen::Sent(octets) => (HANDSET, SERVER, octets),
                Seen::Came(octets) => (SERVER, HANDSET, octets),
            };
            (self.messages, self.octets) = (self.messages + 1, self.octets + octets.len());
            seen.push(Exchange { from, to, what: in_words(octets) });
        });
        match end.map_err(|error| error.what)? {
            End::Finished => {}
            end => return Err(format!("the session ended: {end:?}")),
        }
        let (own, theirs) = client.nonces();
        self.nonces = (own.map(<[u8]>::to_vec), theirs.to_vec());
        Ok(client.device.into_tree())
    }
}

fn credentials() -> (Credentials, Credentials) {
    (Credentials::new(DEVICE, "rehearsal of the device"), Credentials::new(SERVER_ID, "rehearsal of the server"))
}

/// Returns what a message holds: the names of its commands, equal ones counted.
fn in_words(octets: &[u8]) -> String {
    let Some(message) = Message::read(octets, &mut Report::new()) else { return "no message".to_owned() };
    let mut words: Vec<(String, usize)> = Vec::new();
    for command in &message.commands {
        let name = match &command.operation {
            Operation::Status(status) => format!("Status {}", status.code),
            Operation::Alert(alert) => format!("Alert {}", alert.code),
            Operation::Atomic(inside) => format!("Atomic of {}", inside.len()),
            other => other.name().to_owned(),
        };
        match words.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => words.push((name, 1)),
        }
    }
    let words = words.into_iter().map(|(name, count)| if count == 1 { name } else { format!("{count} × {name}") });
    words.collect::<Vec<_>>().join(", ")
}
