//! Our own client, woken: what it makes of a CIR and of the flag, and every way over the loopback address.

#![allow(clippy::disallowed_methods, reason = "only to have some time")]

use std::time::{Duration, Instant};

use impskit::client::cir::Bell;
use impskit::client::http::Talk;
use impskit::client::primitives::send_message;
use impskit::client::{Client, Event, Identity, Output};
use impskit::csp::Version;
use impskit::csp::cir::Method;
use impskit::document::Element;
use impskit::server::http::Running;
use impskit::server::{Cir, Heard, Input, Request, Timestamp};

use super::sockets::{PORT_OF_PUSHES, by_tcp, start, start_at};
use super::{Lab, every_way};

/// A client on the engine of a lab.
struct Own {
    client: Client,
    told: Vec<Output>,
    posts: usize,
}

impl Own {
    fn enter(lab: &mut Lab, version: Version, ways: &[Method]) -> Self {
        let identity = Identity { version, ways: ways.to_vec(), ..Identity::new("wv:berta", "secret") };
        let mut own = Self { client: Client::new(identity), told: Vec::new(), posts: 0 };
        own.tell(lab, Event::LogIn);
        assert!(own.client.is_in(), "{:?}", own.told);
        own
    }

    /// Tells the client something, and returns how many posts came of it.
    fn tell(&mut self, lab: &mut Lab, event: Event) -> usize {
        let before = self.posts;
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for output in self.client.handle(Duration::from_secs(lab.seconds), event) {
                let Output::Post { media_type, body } = output else {
                    self.told.push(output);
                    continue;
                };
                self.posts += 1;
                let peer = [192, 0, 2, 7].into();
                let request =
                    Request { connection: 1, media_type: media_type.to_owned(), body, peer, headers: Vec::new() };
                let outputs = lab.engine.handle(Timestamp::from_seconds(lab.seconds), Input::Request(request));
                events.extend(outputs.into_iter().find_map(|output| match output {
                    impskit::server::Output::Reply { body, .. } => Some(Event::Answer(body)),
                    _ => None,
                }));
            }
        }
        self.posts - before
    }

    fn reopenings(&mut self) -> usize {
        std::mem::take(&mut self.told).iter().filter(|output| **output == Output::Reopen).count()
    }
}

/// C-004.02: the cookie is checked, the version is not.
#[test]
fn a_client_polls_when_it_is_called_by_its_own_cookie() {
    let mut lab = Lab::new(every_way());
    let mut own = Own::enter(&mut lab, Version::V1_3, &[Method::Sudp]);
    for text in ["", "WVCI 1.3 other", "WVCI 1.3 impskit2", "WVCI 1.3", "impskit", "WVCI 1.3 impskit x"] {
        assert_eq!(own.tell(&mut lab, Event::Called(text.to_owned())), 0, "{text}");
    }
    for text in ["WVCI 1.3 impskit", "WVCI 1.0 impskit\r\n"] {
        assert_eq!(own.tell(&mut lab, Event::Called(text.to_owned())), 1, "{text}");
    }
    // C-001.08: who can be called polls seldom, and as before where it cannot any more.
    let gap = |own: &Own, lab: &Lab| own.client.next_deadline().unwrap().as_secs() - lab.seconds;
    assert_eq!(own.tell(&mut lab, Event::Reachable(true)), 1, "for what came before");
    assert_eq!(gap(&own, &lab), 120);
    own.tell(&mut lab, Event::Reachable(false));
    assert_eq!(gap(&own, &lab), 5);
    own.tell(&mut lab, Event::LogOut);
    assert_eq!(own.tell(&mut lab, Event::Called("WVCI 1.3 impskit".to_owned())), 0, "there is no session");
}

/// C-004.06: acted on in each version as it says it, only where a connection was agreed, once a minute.
#[test]
fn a_client_opens_its_connection_again_when_the_flag_says_so() {
    for (version, ways, expected) in
        [(Version::V1_3, [Method::Stcp], 1), (Version::V1_2, [Method::Stcp], 1), (Version::V1_3, [Method::Sudp], 0)]
    {
        let mut lab = Lab::new(every_way());
        let mut own = Own::enter(&mut lab, version, &ways);
        let session = own.client.session_id().unwrap().to_owned();
        lab.hear(7, Heard::Hello(session));
        lab.hear(7, Heard::Gone);
        for _ in 0..3 {
            own.tell(&mut lab, Event::Request(Element::new("KeepAlive-Request")));
        }
        assert_eq!(own.reopenings(), expected, "{version:?} {ways:?}");
        lab.seconds += 59;
        own.tell(&mut lab, Event::Request(Element::new("KeepAlive-Request")));
        assert_eq!(own.reopenings(), 0);
        lab.seconds += 1;
        own.tell(&mut lab, Event::Request(Element::new("KeepAlive-Request")));
        assert_eq!(own.reopenings(), expected);
    }
}

/// Lets berta wait to be woken while anna writes; returns how long it took.
fn woken(server: &Running, method: Method) -> Duration {
    let mut anna = Talk::new(Identity::new("wv:anna", "secret"), &server.url(), None).unwrap();
    anna.tell(Event::LogIn).unwrap();
    let bell = Bell::new(method, 0).unwrap();
    let udp_port = bell.port().unwrap_or(3717);
    let identity = Identity { ways: vec![method], udp_port, ..Identity::new("wv:berta", "secret") };
    let mut berta = Talk::new(identity, &server.url(), None).unwrap();
    berta.tell(Event::LogIn).unwrap();
    assert_eq!(berta.client().ways().first(), Some(method));
    berta.listen(bell).unwrap();
    // Until the way is open.
    let until = Instant::now() + Duration::from_secs(20);
    let gap = |talk: &Talk| talk.client().next_deadline().unwrap_or_default();
    let first = gap(&berta);
    while gap(&berta) < first + Duration::from_secs(60) {
        assert!(Instant::now() < until, "the way is not opened");
        berta.wait(Duration::from_millis(100)).unwrap();
    }
    let sent = Instant::now();
    anna.tell(Event::Request(send_message("wv:anna", &["wv:berta"], "hello", false))).unwrap();
    loop {
        assert!(sent.elapsed() < Duration::from_secs(20), "nothing came");
        let told = berta.wait(Duration::from_secs(1)).unwrap();
        if told.iter().any(|output| matches!(output, Output::Received(got) if got.name == "NewMessage")) {
            return sent.elapsed();
        }
    }
}

/// C-004.01 to C-004.03, both ends ours. Without being woken the message would come after two minutes.
#[test]
fn our_client_is_woken_in_every_way_of_the_network() {
    let by_udp = || Cir { udp_push: true, ..Cir::default() };
    woken(&start(by_tcp()), Method::Stcp);
    woken(&start(by_udp()), Method::Sudp);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let http = Some(format!("http://127.0.0.1:{port}/cir"));
    woken(&start_at(port, Cir { http, ..Cir::default() }), Method::Shttp);
    let alone = PORT_OF_PUSHES.lock().unwrap();
    woken(&start(by_udp()), Method::WapUdp);
    drop(alone);
}
