//! CSP requests through the server's engine, in memory, with one core. See `benches/README.md`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use impskit::client::primitives::send_message;
use impskit::client::{Client, Event, Identity, Output as ClientOutput};
use impskit::codec::Encoding;
use impskit::document::Element;
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};

fn main() {
    divan::main();
}

const ENCODINGS: [&str; 2] = ["wbxml", "xml"];

/// The group of all clients.
const GROUP: &str = "wv:user0/room@example.com";

/// A server with clients that are logged in.
struct Stage {
    engine: Engine,
    clients: Vec<Client>,
    elapsed: Duration,
}

impl Stage {
    fn pair(encoding: &str) -> Self {
        Self::new(encoding, &["wv:romeo@example.com", "wv:juliet@example.com"])
    }

    fn new(encoding: &str, users: &[impl AsRef<str>]) -> Self {
        let mut store = Store::in_memory().expect("a store");
        let start = Timestamp::from_seconds(1_795_410_000);
        for user in users {
            store.add_user(user.as_ref(), "secret", start).expect("a user");
        }
        let configuration = Configuration { domain: "example.com".into(), ..Configuration::default() };
        let engine = Engine::open(configuration, store, Random::new([7; 32]));
        let encoding = if encoding == "xml" { Encoding::Xml } else { Encoding::Wbxml };
        let client = |user: &str| Client::new(Identity { encoding, ..Identity::new(user, "secret") });
        let clients = users.iter().map(|user| client(user.as_ref())).collect();
        let mut stage = Self { engine, clients, elapsed: Duration::ZERO };
        for who in 0..users.len() {
            stage.tell(who, Event::LogIn);
        }
        assert!(stage.clients.iter().all(Client::is_in), "all are logged in");
        stage
    }

    /// Puts all clients into a group that the first one makes.
    fn gather(&mut self) {
        let id = || Element::leaf("GroupID", GROUP);
        let create = Element::new("CreateGroup-Request").with(id()).with(Element::new("GroupProperties"));
        let create = create.with_leaf("JoinGroup", "T").with_leaf("SubscribeNotification", "F");
        self.tell(0, Event::Request(create));
        for who in 1..self.clients.len() {
            let join = Element::new("JoinGroup-Request").with(id()).with_leaf("JoinedRequest", "F");
            self.tell(who, Event::Request(join.with_leaf("SubscribeNotification", "F")));
        }
    }

    fn post(&mut self, media_type: &str, body: Vec<u8>) -> Vec<u8> {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = Request { connection: 1, media_type: media_type.to_owned(), body, peer, headers: Vec::new() };
        let now = Timestamp::from_seconds(1_795_410_000).after(self.elapsed);
        match self.engine.handle(now, Input::Request(request)).into_iter().next() {
            Some(Output::Reply { status: 200, body, .. }) => body,
            other => panic!("{other:?}"),
        }
    }

    /// Lets a client do something with all that follows; returns how many requests the server opened toward it.
    fn tell(&mut self, who: usize, event: Event) -> usize {
        let mut events = vec![event];
        let mut received = 0;
        while let Some(event) = events.pop() {
            for output in self.clients[who].handle(self.elapsed, event) {
                match output {
                    ClientOutput::Post { media_type, body } => events.push(Event::Answer(self.post(media_type, body))),
                    ClientOutput::Received(_) => received += 1,
                    _ => {}
                }
            }
        }
        received
    }

    /// Returns the body of a poll of the second client, without posting it.
    fn poll(&mut self) -> (&'static str, Vec<u8>) {
        let outputs = self.clients[1].handle(self.elapsed, Event::Poll);
        let body = outputs.into_iter().find_map(|output| match output {
            ClientOutput::Post { media_type, body } => Some((media_type, body)),
            _ => None,
        });
        body.expect("a poll is a post")
    }
}

/// A `Polling-Request` that finds nothing: the engine alone.
#[divan::bench(args = ENCODINGS)]
fn poll_that_finds_nothing(bencher: Bencher<'_, '_>, encoding: &str) {
    let mut stage = Stage::pair(encoding);
    let (media_type, body) = stage.poll();
    bencher.bench_local(|| stage.post(media_type, body.clone()).len());
}

/// A message sent, polled and confirmed: three requests and the two clients' own work.
#[divan::bench(args = ENCODINGS)]
fn message_there(bencher: Bencher<'_, '_>, encoding: &str) {
    let mut stage = Stage::pair(encoding);
    bencher.bench_local(|| {
        stage.elapsed += Duration::from_millis(100);
        let message = send_message("wv:romeo@example.com", &["wv:juliet@example.com"], "Hello", false);
        stage.tell(0, Event::Request(message));
        assert_eq!(stage.tell(1, Event::Poll), 1, "the message arrives");
    });
}

/// A message to a group of so many, polled and confirmed by all others: it may cost each of them so much, and no more.
#[divan::bench(args = [2, 20, 200])]
fn group_message_there(bencher: Bencher<'_, '_>, members: usize) {
    let users: Vec<String> = (0..members).map(|number| format!("wv:user{number}@example.com")).collect();
    let mut stage = Stage::new("wbxml", &users);
    stage.gather();
    bencher.counter(ItemsCount::new(members - 1)).bench_local(|| {
        stage.elapsed += Duration::from_millis(100);
        let message = send_message(&users[0], &[GROUP], "Hello", false);
        stage.tell(0, Event::Request(message));
        for who in 1..members {
            assert_eq!(stage.tell(who, Event::Poll), 1, "the message arrives");
        }
    });
}

/// A server with a user, and so many others that watch it.
fn watched(watchers: usize) -> (Engine, Client) {
    let mut store = Store::in_memory().expect("a store");
    let start = Timestamp::from_seconds(1_795_410_000);
    store.add_user("wv:romeo@example.com", "secret", start).expect("a user");
    for number in 0..watchers {
        store.add_user(&format!("wv:w{number}@example.com"), "secret", start).expect("a user");
    }
    let configuration = Configuration { domain: "example.com".into(), ..Configuration::default() };
    let mut engine = Engine::open(configuration, store, Random::new([7; 32]));
    let mut log_in = |user: &str| {
        let mut client = Client::new(Identity { encoding: Encoding::Wbxml, ..Identity::new(user, "secret") });
        tell(&mut engine, &mut client, Event::LogIn);
        assert!(client.is_in(), "{user} is logged in");
        client
    };
    let mut romeo = log_in("wv:romeo@example.com");
    let mut others: Vec<Client> = (0..watchers).map(|number| log_in(&format!("wv:w{number}@example.com"))).collect();
    let text = || Element::new("PresenceSubList").with(Element::new("StatusText"));
    let grant = Element::new("CreateAttributeList-Request").with(text()).with_leaf("DefaultList", "T");
    tell(&mut engine, &mut romeo, Event::Request(grant));
    for other in &mut others {
        let users = Element::new("UserIDList").with_leaf("UserID", "wv:romeo@example.com");
        let subscribe = Element::new("SubscribePresence-Request").with(users).with(text());
        tell(&mut engine, other, Event::Request(subscribe));
    }
    (engine, romeo)
}

/// Lets a client do something with all that follows.
fn tell(engine: &mut Engine, client: &mut Client, event: Event) {
    let mut events = vec![event];
    while let Some(event) = events.pop() {
        for output in client.handle(Duration::ZERO, event) {
            let ClientOutput::Post { media_type, body } = output else { continue };
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let request = Request { connection: 1, media_type: media_type.to_owned(), body, peer, headers: Vec::new() };
            let outputs = engine.handle(Timestamp::from_seconds(1_795_410_000), Input::Request(request));
            for output in outputs {
                if let Output::Reply { status: 200, body, .. } = output {
                    events.push(Event::Answer(body));
                }
            }
        }
    }
}

/// One change of presence, which goes into the outbox of each watcher: the engine and the one client's own work.
#[divan::bench(args = [10, 100, 1000])]
fn presence_to_watchers(bencher: Bencher<'_, '_>, watchers: usize) {
    let (mut engine, mut romeo) = watched(watchers);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let text =
            Element::new("StatusText").with_leaf("Qualifier", "T").with_leaf("PresenceValue", number.to_string());
        let update = Element::new("UpdatePresence-Request").with(Element::new("PresenceSubList").with(text));
        tell(&mut engine, &mut romeo, Event::Request(update));
    });
}
