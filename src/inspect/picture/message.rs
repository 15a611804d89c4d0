//! SyncML DM messages in words: commands and statuses by their numbers.

use super::{Picture, View, count, one_line, shown};
use crate::diagnose::Report;
use crate::dm::syncml::{
    AlertCode, Challenge, Command, Data, Header, Item, Message, Meta, Operation, Results, Status, TREE_TYPE, tree_in,
};
use crate::dm::{self, Node, Tree, Uri, is_secret, serialise};
use crate::document::Element;

/// Shows a message, or the commands of a part of one.
pub(super) fn message(root: &Element<'_>, view: &View<'_>) -> Picture {
    let mut unread = Report::new();
    let message = Message::from_part(root, &mut unread);
    let is_whole = root.child("SyncHdr").is_some_and(|header| !header.children.is_empty());
    let title = if is_whole { title(&message) } else { "part of a SyncML DM message".to_owned() };
    let mut picture = Picture::new(title, &["COMMAND", "ABOUT", "SAYS", "MEANING"], false);
    let mut drawing = Drawing { picture: &mut picture, view };
    if is_whole {
        drawing.header(&message.header);
    }
    for command in &message.commands {
        drawing.command(command, 0);
    }
    picture
}

fn title(message: &Message) -> String {
    let header = &message.header;
    let of = |text: &str| if text.is_empty() { "?".to_owned() } else { one_line(text) };
    let more = if message.is_final { "" } else { "; more of the package follows" };
    let (number, session) = (header.message, of(&header.session));
    let (source, target) = (of(&header.source.uri), of(&header.target.uri));
    format!("{} message {number} of session {session}, from {source} to {target}{more}", of(&header.protocol))
}

struct Drawing<'p, 'v> {
    picture: &'p mut Picture,
    view: &'p View<'v>,
}

impl Drawing<'_, '_> {
    fn add(&mut self, depth: usize, cells: [String; 4]) {
        if self.view.depth.is_none_or(|most| depth <= most) {
            self.picture.add(depth, cells);
        }
    }

    fn header(&mut self, header: &Header) {
        let view = self.view;
        let rest = [header.source.name.is_some(), header.credential.is_some(), header.respond_to.is_some()];
        if rest.contains(&true) || header.max_message.is_some() || header.max_object.is_some() {
            self.add(0, ["header".to_owned(), String::new(), String::new(), String::new()]);
        }
        let mut row = |about: &str, says: String, meaning: &str| {
            self.add(1, [about.to_owned(), String::new(), says, meaning.to_owned()]);
        };
        if let Some(user) = &header.source.name {
            row("sender", one_line(user), "name of the user or server");
        }
        if let Some(credential) = &header.credential {
            let meaning = scheme(&credential.kind);
            row("credentials", shown(&credential.data, true, view), meaning);
        }
        if let Some(uri) = &header.respond_to {
            row("answer to", one_line(uri), "the answer goes there");
        }
        for (about, size) in [("most in a message", header.max_message), ("most in an object", header.max_object)] {
            if let Some(size) = size {
                row(about, count(size as usize, "octet"), "what the sender takes");
            }
        }
    }

    fn command(&mut self, command: &Command, depth: usize) {
        let name = format!("{} {}", if command.id.is_empty() { "?" } else { &command.id }, command.name());
        let [about, says, meaning] = match &command.operation {
            Operation::Alert(alert) => {
                let known = AlertCode::of(alert.code);
                let meaning = known.map_or("not an alert of device management", |known| known.name);
                let correlator = command.correlator.as_ref().map(|c| format!("answers {c}")).unwrap_or_default();
                [correlator, alert.code.to_string(), meaning.to_owned()]
            }
            Operation::Status(status) => answer(status),
            Operation::Results(results) => [reference(results), String::new(), "what was read".to_owned()],
            operation => {
                let correlator = command.correlator.as_ref().map(|c| format!("as {c}")).unwrap_or_default();
                [String::new(), correlator, in_words(operation).to_owned()]
            }
        };
        let items = command.operation.items();
        let alone = items.first().filter(|_| items.len() == 1 && about.is_empty() && says.is_empty());
        match alone {
            Some(item) => self.item(item, name, meaning, depth),
            None => {
                self.add(depth, [name, about, says, meaning]);
                for item in items {
                    self.item(item, "item".to_owned(), String::new(), depth + 1);
                }
            }
        }
        for inner in command.operation.commands() {
            self.command(inner, depth + 1);
        }
        if let Operation::Status(Status { challenge: Some(challenge), .. }) = &command.operation {
            self.challenge(challenge, depth + 1);
        }
    }

    fn challenge(&mut self, challenge: &Challenge, depth: usize) {
        let nonce = challenge.next_nonce.as_ref().map(|nonce| format!("next nonce {nonce}")).unwrap_or_default();
        self.add(depth, ["challenge".to_owned(), String::new(), nonce, scheme(&challenge.kind).to_owned()]);
    }

    fn item(&mut self, item: &Item, name: String, meaning: String, depth: usize) {
        let about = match (item.source_uri(), item.target_uri()) {
            ("", target) => target.to_owned(),
            (source, "") => source.to_owned(),
            (source, target) => format!("{source} → {target}"),
        };
        let mut words: Vec<String> = [meaning, kind(&item.meta)].into_iter().filter(|word| !word.is_empty()).collect();
        if item.more_data {
            words.push("more follows".to_owned());
        }
        let hides = about.rsplit('/').next().is_some_and(is_secret);
        let mut below = None;
        let says = match &item.data {
            None => String::new(),
            // A tree that is not said to be one may hold secrets too.
            Some(Data::Text(text)) if let Some(tree) = tree_in(text, TREE_TYPE) => {
                below = serialise::from_element(&tree, &mut Report::new()).map(|tree| (tree, true));
                "text of a tree".to_owned()
            }
            Some(Data::Text(text)) => shown(&one_line(text), hides, self.view),
            Some(Data::Octets(octets)) => count(octets.len(), "octet"),
            Some(Data::Tree(tree)) => {
                // A node without a name has that of the target.
                let is_named = tree.descend(&["Node", "NodeName"]).is_some_and(|name| !name.is_empty());
                let tree = serialise::from_element(tree, &mut Report::new()).unwrap_or_default();
                let says = format!("tree of {}", count(tree.len(), "node"));
                below = Some((tree, is_named));
                says
            }
        };
        self.add(depth, [name, one_line(&about), says, words.join("; ")]);
        if let Some((tree, is_named)) = below {
            self.tree(&tree, is_named, depth + 1);
        }
    }

    fn tree(&mut self, tree: &Tree, is_named: bool, depth: usize) {
        tree.walk(&mut |uri: &Uri, node: &Node| {
            if uri.depth() == 0 {
                return;
            }
            let names = uri.segments().skip(usize::from(!is_named));
            let address = names.fold("…".to_owned(), |address, name| format!("{address}/{name}"));
            let value = node.value.as_ref().map(dm::Value::to_text).unwrap_or_default();
            let value = shown(&one_line(&value), is_secret(node.name()), self.view);
            let format = if node.is_interior() { node.type_name.clone() } else { node.format.to_string() };
            self.add(depth, ["node".to_owned(), address, value, format]);
        });
    }
}

fn in_words(operation: &Operation) -> &'static str {
    match operation {
        Operation::Add(_) => "create",
        Operation::Replace(_) => "change",
        Operation::Delete(_) => "delete with all below it",
        Operation::Get(_) => "read",
        Operation::Copy(_) => "copy",
        Operation::Exec(_) => "start",
        Operation::Atomic(_) => "all of these or none",
        Operation::Sequence(_) => "these in their order",
        _ => "not a command of device management",
    }
}

/// Returns what a Status answers, its code, and what that says.
fn answer(status: &Status) -> [String; 3] {
    let command = match status.command_ref.as_str() {
        "0" => format!("message {}", status.message_ref),
        number => format!("{number} {} of message {}", status.command, status.message_ref),
    };
    let about: Vec<_> = std::iter::once(command).chain(status.targets.iter().chain(&status.sources).cloned()).collect();
    let known = dm::Status::of(status.code);
    let meaning = known.map_or("not a status of SyncML", |known| known.name);
    [one_line(&about.join(", ")), status.code.to_string(), meaning.to_owned()]
}

fn reference(results: &Results) -> String {
    format!("{} Get of message {}", results.command_ref, results.message_ref)
}

/// Returns format and type of data, where they are not the usual ones.
fn kind(meta: &Meta) -> String {
    let format = meta.format.iter().filter(|format| *format != "chr");
    let type_name = meta.type_name.iter().filter(|name| *name != "text/plain");
    let size = meta.size.map(|size| count(size as usize, "octet"));
    let words: Vec<_> = format.chain(type_name).chain(&meta.mark).cloned().chain(size).collect();
    words.join(", ")
}

fn scheme(kind: &str) -> &'static str {
    match kind {
        "syncml:auth-basic" => "user and password in base64",
        "syncml:auth-md5" => "digest of user, password and nonce",
        "syncml:auth-MAC" => "digest over the whole message, sent by the transport",
        _ => "a scheme that is not known",
    }
}
