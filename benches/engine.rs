//! CSP requests through the server's engine, in memory, with one core. See `benches/README.md`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use divan::Bencher;
use impskit::client::primitives::send_message;
use impskit::client::{Client, Event, Identity, Output as ClientOutput};
use impskit::codec::Encoding;
use impskit::document::Element;
use impskit::server::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};

fn main() {
    divan::main();
}

const ENCODINGS: [&str; 2] = ["wbxml", "xml"];

/// A server with two clients that are logged in.
struct Pair {
    engine: Engine,
    clients: [Client; 2],
    elapsed: Duration,
}

impl Pair {
    fn new(encoding: &str) -> Self {
        let mut store = Store::in_memory().expect("a store");
        let start = Timestamp::from_seconds(1_795_410_000);
        for user in ["wv:romeo@example.com", "wv:juliet@example.com"] {
            store.add_user(user, "secret", start).expect("a user");
        }
        let configuration = Configuration { domain: "example.com".into(), ..Configuration::default() };
        let engine = Engine::open(configuration, store, Random::new([7; 32]));
        let encoding = if encoding == "xml" { Encoding::Xml } else { Encoding::Wbxml };
        let client = |user: &str| Client::new(Identity { encoding, ..Identity::new(user, "secret") });
        let clients = [client("wv:romeo@example.com"), client("wv:juliet@example.com")];
        let mut pair = Self { engine, clients, elapsed: Duration::ZERO };
        pair.tell(0, Event::LogIn);
        pair.tell(1, Event::LogIn);
        assert!(pair.clients.iter().all(Client::is_in), "both are logged in");
        pair
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
    let mut pair = Pair::new(encoding);
    let (media_type, body) = pair.poll();
    bencher.bench_local(|| pair.post(media_type, body.clone()).len());
}

/// A message sent, polled and confirmed: three requests and the two clients' own work.
#[divan::bench(args = ENCODINGS)]
fn message_there(bencher: Bencher<'_, '_>, encoding: &str) {
    let mut pair = Pair::new(encoding);
    bencher.bench_local(|| {
        pair.elapsed += Duration::from_millis(100);
        let message = send_message("wv:romeo@example.com", &["wv:juliet@example.com"], "Hello", false);
        pair.tell(0, Event::Request(message));
        assert_eq!(pair.tell(1, Event::Poll), 1, "the message arrives");
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
