//! Many connections at once, over loopback: whoever chats loses nothing and gets nothing twice, also beside a crowd of
//! those that are idle, slow, half-open, and flood (abuse case B02). `benches/server.sh crowd` does it with ten thousand.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::disallowed_methods, reason = "who drips, waits")]

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use impskit::client::http::Talk;
use impskit::client::primitives::send_message;
use impskit::client::{Event, Identity, Output};
use impskit::codec::Encoding;
use impskit::csp::{Outcome, Version};
use impskit::server::http::{self, Running};
use impskit::server::{Configuration, Store, Timestamp};

use crate::binding::{DISCOVERY, post, send};
use crate::http::connect;

/// What users speak, in turn.
const LANGUAGES: [(Version, Encoding); 3] =
    [(Version::V1_3, Encoding::Wbxml), (Version::V1_2, Encoding::Xml), (Version::V1_1, Encoding::Wbxml)];

fn address(user: usize) -> String {
    format!("wv:user{user}@example.com")
}

/// Starts a server on a store in a file, which commits what arrives together at once.
fn start(users: usize, folder: &tempfile::TempDir) -> Running {
    let mut store = Store::open(&folder.path().join("s.db")).unwrap();
    for user in 0..users {
        store.add_user(&address(user), "secret", Timestamp::from_seconds(1)).unwrap();
    }
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let configuration = Configuration { domain: "example.com".into(), listen, ..Configuration::default() };
    http::spawn(configuration, store, Box::new(|_| {})).unwrap()
}

/// Lets all users write to each other at the same time, each on a connection of its own; looks whether each has got
/// what was sent to it, and that once.
fn chat(server: &Running, users: usize, messages: usize) {
    let barrier = Barrier::new(users);
    let (url, barrier) = (server.url(), &barrier);
    std::thread::scope(|scope| {
        for user in 0..users {
            let url = url.clone();
            scope.spawn(move || {
                let (version, encoding) = LANGUAGES[user % LANGUAGES.len()];
                let identity = Identity { version, encoding, ..Identity::new(address(user), "secret") };
                let mut talk = Talk::new(identity, &url, None).unwrap();
                let mut received = texts(talk.tell(Event::LogIn).unwrap());
                barrier.wait();
                for number in 0..messages {
                    let to = (user + 1 + number % (users - 1)) % users;
                    let text = format!("{number} of {user} to {to}");
                    let request = send_message(&address(user), &[&address(to)], &text, false);
                    let outputs = talk.tell(Event::Request(request)).unwrap();
                    let answer = outputs.iter().find_map(|output| match output {
                        Output::Answered { answer, .. } => Outcome::read(answer),
                        _ => None,
                    });
                    assert_eq!(answer.map(|outcome| outcome.code.0), Some(200), "{text}");
                    received.extend(texts(outputs));
                    received.extend(texts(talk.tell(Event::Poll).unwrap()));
                }
                barrier.wait();
                received.extend(texts(talk.tell(Event::Poll).unwrap()));
                check(user, users, messages, received);
            });
        }
    });
}

fn texts(outputs: Vec<Output>) -> Vec<String> {
    let text = |output| match output {
        Output::Received(primitive) => primitive.child_text("ContentData").map(str::to_owned),
        Output::Failed { request, why } => panic!("{request}: {why}"),
        _ => None,
    };
    outputs.into_iter().filter_map(text).collect()
}

fn check(user: usize, users: usize, messages: usize, mut received: Vec<String>) {
    let mut expected = Vec::new();
    for sender in (0..users).filter(|sender| *sender != user) {
        let to_user = (0..messages).filter(|number| (sender + 1 + number % (users - 1)) % users == user);
        expected.extend(to_user.map(|number| format!("{number} of {sender} to {user}")));
    }
    expected.sort();
    received.sort();
    assert_eq!(received, expected, "to {user}");
}

#[test]
fn chats_on_many_connections_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(12, &folder);
    chat(&server, 12, 44);
    server.stop();
}

/// Hundreds of connections of all bad kinds are held, or ended when their time is over; who chats does not notice.
#[test]
fn b02_a_crowd_keeps_nobody_from_chatting() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(6, &folder);
    let request = post("text/xml", DISCOVERY);
    let mut idle: Vec<_> = (0..200).map(|_| connect(&server)).collect();
    for stream in &mut idle {
        assert_eq!(send(stream, &request).status, 200);
    }
    let head = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n";
    let begun = |octets: String| {
        let mut stream = connect(&server);
        stream.write_all(octets.as_bytes()).unwrap();
        stream
    };
    let half_open: Vec<_> = (0..60).map(|_| begun(format!("{head}Content-Length: 1000\r\n\r\n<"))).collect();
    let dripping: Vec<_> = (0..40).map(|_| begun(head.to_owned())).collect();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (is_over, server, request) = (&is_over, &server, &request);
        scope.spawn(move || drip(dripping, is_over));
        for _ in 0..4 {
            scope.spawn(move || flood(server, request, is_over));
        }
        // It ends the others too where it fails.
        let ended = End(is_over);
        chat(server, 6, 20);
        drop(ended);
    });
    for stream in &mut idle {
        assert_eq!(send(stream, &request).status, 200, "they were held");
    }
    drop(half_open);
    server.stop();
}

struct End<'f>(&'f AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends one octet after the other.
fn drip(mut streams: Vec<TcpStream>, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        for stream in &mut streams {
            // The server ends those that take too long.
            let _ = stream.write_all(b"x");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends requests and reads no answers, on one connection after the other.
fn flood(server: &Running, request: &str, is_over: &AtomicBool) {
    let many = request.repeat(50);
    while !is_over.load(Ordering::Relaxed) {
        let mut stream = connect(server);
        stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while !is_over.load(Ordering::Relaxed) && stream.write_all(many.as_bytes()).is_ok() {}
    }
}
