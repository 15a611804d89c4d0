//! The engine alone: inputs are handed over in memory, and only its own time is counted.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use impskit::client::primitives::{address_to, send_message};
use impskit::client::{Client, Event, Identity, Output as ClientOutput};
use impskit::csp::{Outcome, Version};
use impskit::document::Element;
use impskit::server::{Configuration, Engine, Input, Output, Quotas, Random, Request, Store, Timestamp};

/// Rounds of each measurement; the best counts, since others share the machine.
const ROUNDS: usize = 3;

/// Everything that is measured here.
pub(crate) fn all() {
    println!("the engine alone, one core, best of {ROUNDS}");
    let one = Lab::new(Store::in_memory().expect("a store"), 2);
    let time = best(one, |lab| lab.messages(1, 2_000));
    rate("message sent, polled, confirmed, in memory", time, 25_000.0);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("s.db")).expect("a store");
    let time = best(Lab::new(store, 100), |lab| lab.messages(50, 40));
    rate("the same, durable, 50 senders in group commit", time, 5_000.0);
    watchers();
    println!("cost of a message (sent, polled, confirmed) in memory, as things grow");
    for users in [2, 100, 1_000, 10_000] {
        let lab = Lab::new(Store::in_memory().expect("a store"), users);
        cost("users logged in", users, best(lab, |lab| lab.messages(1, 1_000)));
    }
    for contacts in [10, 100, 1_000] {
        let mut lab = Lab::new(Store::in_memory().expect("a store"), 2 + contacts);
        lab.contacts(contacts);
        cost("contacts of the sender", contacts, best(lab, |lab| lab.messages(1, 1_000)));
    }
    for members in [2, 20, 200] {
        let mut lab = Lab::new(Store::in_memory().expect("a store"), members);
        lab.group();
        let time = best(lab, |lab| lab.write_to_group(20));
        cost("members of a group, sent to all of them", members, time);
        cost("  the same, each", members, time / u32::try_from(members).expect("few"));
    }
}

/// One change of presence that a thousand users watch.
fn watchers() {
    const WATCHERS: usize = 1_000;
    let mut lab = Lab::new(Store::in_memory().expect("a store"), WATCHERS + 1);
    let shown = Element::new("PresenceSubList").with(Element::new("StatusText"));
    let list = Element::new("CreateAttributeList-Request").with(shown).with_leaf("DefaultList", "T");
    lab.tell(0, Event::Request(list));
    for watcher in 1..=WATCHERS {
        let attributes = Element::new("PresenceSubList").with(Element::new("StatusText"));
        let mut request = Element::new("SubscribePresence-Request");
        address_to(&mut request, Version::V1_3, &["wv:user0@example.com"]);
        let request = request.with(attributes);
        lab.tell(watcher, Event::Request(request));
        lab.tell(watcher, Event::Poll);
    }
    let mut number = 0;
    let mut delivered = Duration::ZERO;
    let mut changed = Duration::MAX;
    for _ in 0..ROUNDS {
        number += 1;
        let text =
            Element::new("StatusText").with_leaf("Qualifier", "T").with_leaf("PresenceValue", format!("busy {number}"));
        let update = Element::new("UpdatePresence-Request").with(Element::new("PresenceSubList").with(text));
        lab.inside = Duration::ZERO;
        lab.tell(0, Event::Request(update));
        changed = changed.min(lab.inside);
        lab.inside = Duration::ZERO;
        let told: usize = (1..=WATCHERS).map(|watcher| lab.tell(watcher, Event::Poll)).sum();
        assert_eq!(told, WATCHERS, "each is told");
        delivered = lab.inside;
    }
    println!(
        "  a change of presence to {WATCHERS} watchers: {:.1} ms, {:.1} µs each; all polled and confirmed: {:.1} ms",
        changed.as_secs_f64() * 1e3,
        changed.as_secs_f64() * 1e6 / WATCHERS as f64,
        delivered.as_secs_f64() * 1e3
    );
}

fn best(mut lab: Lab, mut work: impl FnMut(&mut Lab) -> u32) -> Duration {
    let rounds = (0..ROUNDS).map(|_| {
        lab.inside = Duration::ZERO;
        let units = work(&mut lab);
        lab.inside / units
    });
    rounds.min().unwrap_or_default()
}

fn rate(what: &str, each: Duration, target: f64) {
    let rate = 1.0 / each.as_secs_f64();
    println!("  {what:<48} {rate:>8.0}/s  {:>7.1} µs (target {target:.0}/s)", each.as_secs_f64() * 1e6);
}

fn cost(what: &str, count: usize, each: Duration) {
    println!("  {count:>6} {what:<42} {:>9.1} µs", each.as_secs_f64() * 1e6);
}

/// An engine with users that are logged in.
struct Lab {
    engine: Engine,
    clients: Vec<Client>,
    elapsed: Duration,
    /// The time spent in the engine.
    inside: Duration,
    media_type: &'static str,
}

impl Lab {
    fn new(mut store: Store, users: usize) -> Self {
        let start = Timestamp::from_seconds(1_795_410_000);
        for user in 0..users {
            store.add_user(&format!("wv:user{user}@example.com"), "secret", start).expect("a user");
        }
        let quotas = Quotas { contacts: 2_000, contact_lists: 10, ..Quotas::default() };
        let configuration = Configuration { domain: "example.com".into(), quotas, ..Configuration::default() };
        let engine = Engine::open(configuration, store, Random::new([7; 32]));
        let client = |user| Client::new(Identity::new(format!("wv:user{user}@example.com"), "secret"));
        let clients = (0..users).map(client).collect();
        let (elapsed, inside) = (Duration::ZERO, Duration::ZERO);
        let mut lab = Self { engine, clients, elapsed, inside, media_type: "application/vnd.wv.csp+wbxml" };
        for user in 0..users {
            lab.tell(user, Event::LogIn);
            assert!(lab.clients[user].is_in(), "logged in");
        }
        lab
    }

    /// Hands bodies over together; returns the answers in their order.
    fn post(&mut self, bodies: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let media_type = || self.media_type.to_owned();
        let request = |(connection, body)| {
            Input::Request(Request { connection, media_type: media_type(), body, peer, headers: Vec::new() })
        };
        let count = bodies.len();
        let inputs = (0..).zip(bodies).map(request).collect();
        let now = Timestamp::from_seconds(1_795_410_000).after(self.elapsed);
        let began = Instant::now();
        let outputs = self.engine.handle_all(now, inputs);
        self.inside += began.elapsed();
        let mut answers = vec![Vec::new(); count];
        for output in outputs {
            match output {
                Output::Reply { connection, status: 200, body, .. } => answers[connection as usize] = body,
                Output::Event(_) => {}
                other => panic!("{other:?}"),
            }
        }
        answers
    }

    /// Lets a client do something with all that follows; returns how many requests the server opened toward it.
    fn tell(&mut self, who: usize, event: Event) -> usize {
        self.tell_all(vec![(who, event)])
    }

    /// Lets clients do something at the same time.
    fn tell_all(&mut self, events: Vec<(usize, Event)>) -> usize {
        let mut events = events;
        let mut received = 0;
        while !events.is_empty() {
            let (mut whose, mut bodies) = (Vec::new(), Vec::new());
            for (who, event) in events.drain(..) {
                for output in self.clients[who].handle(self.elapsed, event) {
                    match output {
                        ClientOutput::Post { body, .. } => {
                            whose.push(who);
                            bodies.push(body);
                        }
                        ClientOutput::Received(_) => received += 1,
                        ClientOutput::Answered { request, answer } => {
                            let code = Outcome::read(&answer).map_or(200, |outcome| outcome.code.0);
                            assert_eq!(code, 200, "{request}");
                        }
                        ClientOutput::Failed { request, why } => panic!("{request}: {why}"),
                        _ => {}
                    }
                }
            }
            if !bodies.is_empty() {
                let answers = self.post(bodies);
                events = whose.into_iter().zip(answers.into_iter().map(Event::Answer)).collect();
            }
        }
        received
    }

    /// Lets pairs write to each other, `rounds` times, all at the same time; returns how many messages that was.
    fn messages(&mut self, pairs: usize, rounds: u32) -> u32 {
        for _ in 0..rounds {
            self.elapsed += Duration::from_millis(100);
            let send = |pair: usize| {
                let [from, to] = [2 * pair, 2 * pair + 1].map(|user| format!("wv:user{user}@example.com"));
                (2 * pair, Event::Request(send_message(&from, &[&to], "Hello, are you there?", false)))
            };
            self.tell_all((0..pairs).map(send).collect());
            let polls = (0..pairs).map(|pair| (2 * pair + 1, Event::Poll)).collect();
            assert_eq!(self.tell_all(polls), pairs, "each arrives");
        }
        rounds * u32::try_from(pairs).expect("few")
    }

    fn contacts(&mut self, count: usize) {
        let name = |number: usize| {
            Element::new("NickName")
                .with_leaf("Name", format!("nick {number}"))
                .with_leaf("UserID", format!("wv:user{}@example.com", 2 + number))
        };
        let list = (0..count).map(name).fold(Element::new("NickList"), Element::with);
        let request =
            Element::new("CreateList-Request").with_leaf("ContactList", "wv:user0/friends@example.com").with(list);
        self.tell(0, Event::Request(request));
    }

    /// Makes a group of everybody.
    fn group(&mut self) {
        let request = Element::new("CreateGroup-Request")
            .with_leaf("GroupID", "wv:user0/all@example.com")
            .with(Element::new("GroupProperties"))
            .with_leaf("JoinGroup", "T")
            .with_leaf("SubscribeNotification", "F");
        self.tell(0, Event::Request(request));
        for user in 1..self.clients.len() {
            let join = Element::new("JoinGroup-Request")
                .with_leaf("GroupID", "wv:user0/all@example.com")
                .with_leaf("JoinedRequest", "F")
                .with_leaf("SubscribeNotification", "F");
            self.tell(user, Event::Request(join));
        }
    }

    /// Writes to the group; returns how many messages that was.
    fn write_to_group(&mut self, rounds: u32) -> u32 {
        for _ in 0..rounds {
            self.elapsed += Duration::from_millis(100);
            let message = send_message("wv:user0@example.com", &["wv:user0/all@example.com"], "Hello, all", false);
            self.tell(0, Event::Request(message));
            let polls = (1..self.clients.len()).map(|user| (user, Event::Poll)).collect();
            assert_eq!(self.tell_all(polls), self.clients.len() - 1, "each gets it");
        }
        rounds
    }
}
