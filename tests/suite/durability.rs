//! What was answered 200 is there after `kill -9` at any moment, whatever `[server] durability` says: messages that wait,
//! contact lists, attribute lists, groups. `tests/server-kill-trials.sh` plays many more trials than a build does.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::disallowed_methods, reason = "a kill comes at some moment")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use impskit::client::http::Talk;
use impskit::client::primitives::send_message;
use impskit::client::{Event, Identity, Output};
use impskit::csp::Outcome;
use impskit::document::Element;
use impskit::server::{Store, Timestamp};

use crate::batch::Seeded;

/// Trials where the environment does not say another number.
const TRIALS: u64 = 3;
/// Those who write at the same time; as many others are away and get it later.
const SENDERS: usize = 4;

#[test]
fn nothing_that_was_answered_is_lost_by_a_kill() {
    let trials = std::env::var("IMPSKIT_KILL_TRIALS").map_or(TRIALS, |count| count.parse().unwrap());
    let mut kept = 0;
    for seed in 1..=trials {
        kept += trial(seed);
    }
    println!("{trials} trials, {kept} things that were answered 200 and are there");
    assert!(kept as u64 > trials, "the kills came too early to show anything");
}

/// What the server said that it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Message { to: usize, text: String },
    List { of: usize, name: String },
    Group { of: usize, name: String },
    Attributes { of: usize, user: usize },
}

fn trial(seed: u64) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut store = Store::open(&path).unwrap();
    for user in 0..2 * SENDERS {
        store.add_user(&address(user), "secret", Timestamp::from_seconds(1)).unwrap();
    }
    store.commit().unwrap();
    drop(store);
    let kept = Mutex::new(BTreeSet::new());
    let mut random = Seeded(seed);
    let durability = ["full", "normal"][(seed % 2) as usize];
    let (mut server, url) = serve(&path, durability);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (kept, url) = (&kept, &url);
            scope.spawn(move || write(sender, url, kept));
        }
        // Until something is answered, and then some time more.
        while kept.lock().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(random.below(500)));
        server.kill().unwrap();
        server.wait().unwrap();
    });
    let kept = kept.into_inner().unwrap();
    let (mut server, url) = serve(&path, durability);
    let there = (0..2 * SENDERS).flat_map(|user| look(user, &url)).collect::<BTreeSet<_>>();
    server.kill().unwrap();
    server.wait().unwrap();
    let lost: Vec<_> = kept.difference(&there).collect();
    assert!(lost.is_empty(), "seed {seed}: of {} are lost {lost:?}", kept.len());
    kept.len()
}

fn address(user: usize) -> String {
    format!("wv:user{user}@example.com")
}

/// Starts the server on a store; returns where it is.
fn serve(store: &Path, durability: &str) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
    command.args(["serve", "--domain", "example.com", "--listen", "127.0.0.1:0", "--log-format", "text", "--store"]);
    command.env("IMPSKIT_SERVER__DURABILITY", durability);
    let mut child = command.arg(store).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready: ") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "the server ended");
    }
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
    // A log that nobody reads would fill its pipe.
    std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
    (child, url)
}

/// Logs in; returns also what was brought at once.
fn enter(user: usize, url: &str) -> Option<(Talk, Vec<Output>)> {
    let mut talk = Talk::new(Identity::new(address(user), "secret"), url, None).unwrap();
    let brought = talk.tell(Event::LogIn).ok()?;
    talk.client().is_in().then_some((talk, brought))
}

/// Returns whether a request is answered with success; `None` where there is no answer any more.
fn is_done(talk: &mut Talk, request: Element<'static>) -> Option<bool> {
    let outputs = talk.tell(Event::Request(request)).ok()?;
    outputs.iter().find_map(|output| match output {
        Output::Answered { answer, .. } => Some(Outcome::read(answer).is_none_or(|outcome| outcome.code.0 == 200)),
        _ => None,
    })
}

/// Writes messages, lists and groups until there is no answer any more, and notes what was answered.
fn write(sender: usize, url: &str, kept: &Mutex<BTreeSet<Kept>>) {
    let Some((mut talk, _)) = enter(sender, url) else { return };
    for number in 0..100 {
        let to = SENDERS + sender;
        let text = format!("message {number} of {sender}");
        let mut done =
            vec![(send_message(&address(sender), &[&address(to)], &text, false), Kept::Message { to, text })];
        if number % 10 == 0 && number < 100 {
            let name = format!("wv:user{sender}/list{number}@example.com");
            let list = Element::new("CreateList-Request").with_leaf("ContactList", name.clone());
            done.push((list, Kept::List { of: sender, name }));
            let name = format!("wv:user{sender}/group{number}@example.com");
            let property = Element::new("Property").with_leaf("Name", "Name").with_leaf("Value", "Group");
            let group = Element::new("CreateGroup-Request")
                .with_leaf("GroupID", name.clone())
                .with(Element::new("GroupProperties").with(property))
                .with_leaf("JoinGroup", "F")
                .with_leaf("SubscribeNotification", "F");
            done.push((group, Kept::Group { of: sender, name }));
        }
        if number % 25 == 0 {
            let user = (sender + number / 25 + 1) % (2 * SENDERS);
            let list = Element::new("CreateAttributeList-Request")
                .with(Element::new("PresenceSubList").with(Element::new("StatusText")))
                .with(Element::new("UserIDList").with_leaf("UserID", address(user)))
                .with_leaf("DefaultList", "F");
            done.push((list, Kept::Attributes { of: sender, user }));
        }
        for (request, what) in done {
            match is_done(&mut talk, request) {
                Some(true) => _ = kept.lock().unwrap().insert(what),
                Some(false) => {}
                None => return,
            }
        }
    }
}

/// Returns what is there of a user after the restart.
fn look(user: usize, url: &str) -> Vec<Kept> {
    let (mut talk, mut brought) = enter(user, url).expect("the server is there again");
    brought.extend(talk.tell(Event::Poll).unwrap());
    let mut found = Vec::new();
    for output in brought {
        if let Output::Received(primitive) = output
            && let Some(text) = primitive.child_text("ContentData")
        {
            found.push(Kept::Message { to: user, text: text.to_owned() });
        }
    }
    let mut ask = |request| {
        talk.tell(Event::Request(request)).unwrap().into_iter().find_map(|output| match output {
            Output::Answered { answer, .. } => Some(answer),
            _ => None,
        })
    };
    let lists = ask(Element::new("GetList-Request")).unwrap();
    for name in impskit::csp::ids::contact_lists(&lists).into_iter().chain(lists.child_text("DefaultContactList")) {
        found.push(Kept::List { of: user, name: name.to_owned() });
    }
    for number in 0..100 {
        let name = format!("wv:user{user}/group{number}@example.com");
        let request = Element::new("GetGroupProps-Request").with_leaf("GroupID", name.clone());
        if number % 10 == 0 && ask(request).is_some_and(|answer| answer.name == "GetGroupProps-Response") {
            found.push(Kept::Group { of: user, name });
        }
    }
    for other in 0..2 * SENDERS {
        let whom = Element::new("UserIDList").with_leaf("UserID", address(other));
        let request = Element::new("GetAttributeList-Request").with(whom).with_leaf("DefaultList", "F");
        let shown = ask(request).map(|answer| {
            let mut has = false;
            answer.walk(&mut |element, _| has |= element.name == "StatusText");
            has
        });
        if shown == Some(true) {
            found.push(Kept::Attributes { of: user, user: other });
        }
    }
    found
}
