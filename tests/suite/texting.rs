//! The edge of short messages: `impskit serve` beside a gateway that speaks as Kannel does. The gateway posts what handsets
//! send, and is asked to send what goes to them; on either side it loses parts and repeats them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use impskit::client::primitives::address_to;
use impskit::client::texting::{AGAIN, TextOutput, Texter};
use impskit::client::{Client, Event, Identity, Output};
use impskit::codec::{Encoding, Preamble};
use impskit::csp::{Outcome, Schema, Version};
use impskit::document::Element;
use impskit::server::{Store, Timestamp};

/// How long anything may take that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A short message that the gateway was asked to send.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    to: String,
    header: Vec<u8>,
    octets: Vec<u8>,
}

/// A gateway: what it was asked to send, in order.
struct Gateway {
    port: u16,
    sent: Receiver<Sent>,
}

impl Gateway {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, sent) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                std::thread::spawn(move || take(&stream.unwrap(), &sender));
            }
        });
        Self { port, sent }
    }

    fn next(&self) -> Sent {
        self.sent.recv_timeout(PATIENCE).expect("a short message of the server")
    }

    /// Takes all parts of one message of the server.
    fn message(&self) -> Vec<Sent> {
        let mut parts = vec![self.next()];
        let last = Preamble::read(&parts[0].octets).unwrap().part.map_or(1, |(_, last)| usize::from(last));
        parts.extend((1..last).map(|_| self.next()));
        parts
    }
}

/// Answers the requests of one connection as Kannel's `sendsms` does.
fn take(stream: &TcpStream, sent: &Sender<Sent>) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let query = first.split(' ').nth(1).unwrap().split_once('?').unwrap().1.to_owned();
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            octets(pairs.find(|(key, _)| *key == name).unwrap_or_else(|| panic!("{name} in {query}")).1)
        };
        assert_eq!((value("coding"), value("username"), value("password")), (b"1".into(), b"imps".into(), b"g".into()));
        let to = String::from_utf8(value("to")).unwrap();
        let text = "0: Accepted for delivery";
        write!(&*stream, "HTTP/1.1 202 Accepted\r\nContent-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        // The test may be over.
        let _ = sent.send(Sent { to, header: value("udh"), octets: value("text") });
    }
}

/// Reads what is percent-encoded.
fn octets(value: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        (octets, rest) = match first {
            b'%' => {
                let digits = std::str::from_utf8(&after[..2]).unwrap();
                ([octets, vec![u8::from_str_radix(digits, 16).unwrap()]].concat(), &after[2..])
            }
            b'+' => ([octets, vec![b' ']].concat(), after),
            other => ([octets, vec![*other]].concat(), after),
        };
    }
    octets
}

/// `impskit serve`, with anna and berta.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path, gateway: &Gateway, preset: &str) -> Self {
        let store = folder.join("s.db");
        let mut users = Store::open(&store).unwrap();
        for user in ["wv:anna@example.com", "wv:berta@example.com"] {
            users.add_user(user, "secret", Timestamp::from_seconds(1)).unwrap();
        }
        users.commit().unwrap();
        drop(users);
        let configuration = folder.join("impskit.toml");
        let text = format!(
            "[server.cir]\nsms_route = \"gateway\"\nsms_key = {{ env = \"TEST_KEY\" }}\n\
             [[route]]\nname = \"gateway\"\nkind = \"http\"\n{preset}\n\
             url = \"http://127.0.0.1:{}/cgi-bin/sendsms\"\nuser = \"imps\"\npassword = {{ env = \"TEST_PASSWORD\" }}\n\
             from = \"1234\"\n",
            gateway.port
        );
        std::fs::write(&configuration, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
        command.arg("--config").arg(configuration).env("TEST_KEY", "s3cret").env("TEST_PASSWORD", "g");
        command.args([
            "serve",
            "--domain",
            "example.com",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "text",
            "--store",
        ]);
        let mut child = command.arg(store).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut before) = (String::new(), String::new());
        while !line.contains("ready: ") {
            before += &line;
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended: {before}");
        }
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let address = url["http://".len()..].split('/').next().unwrap().to_owned();
        // A log that nobody reads would fill its pipe.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { child, address }
    }

    /// Hands over what a handset sent, as Kannel's `get-url` does; returns the status of HTTP.
    fn hand_over(&self, number: &str, text: &str, key: &str) -> u16 {
        let text: String = text.bytes().map(|octet| format!("%{octet:02X}")).collect();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET /api/v1/cir?from=%2B{number}&to=1234&text={text}&key={key} HTTP/1.1\r\nHost: x\r\n\
             Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// A handset: what it has said and nobody has carried yet, and what it told its user. Its clock is the test's.
struct Phone {
    number: &'static str,
    client: Client,
    texter: Texter,
    now: Duration,
    said: Vec<String>,
    told: Vec<Output>,
}

impl Phone {
    fn new(user: &str, number: &'static str) -> Self {
        let identity = Identity {
            encoding: Encoding::Pts,
            polls: false,
            schemas: vec![Schema::Sha],
            patience: Duration::from_secs(600),
            ..Identity::new(user, "secret")
        };
        let (client, texter) = (Client::new(identity), Texter::default());
        Self { number, client, texter, now: Duration::ZERO, said: Vec::new(), told: Vec::new() }
    }

    fn note(&mut self, outputs: Vec<TextOutput>) {
        for output in outputs {
            match output {
                TextOutput::Send(text) => self.said.push(text),
                TextOutput::Tell(output) => self.told.push(output),
            }
        }
    }

    fn tell(&mut self, event: Event) {
        let outputs = self.texter.handle(&mut self.client, self.now, event);
        self.note(outputs);
    }

    fn ask(&mut self, request: Element<'static>) {
        self.tell(Event::Request(request));
    }

    /// Lets so much time pass that it says again what was not answered.
    fn wait(&mut self) {
        self.now += AGAIN;
        let outputs = self.texter.tick(&mut self.client, self.now);
        self.note(outputs);
    }

    fn take(&mut self, short: &Sent) {
        assert_eq!(short.to, format!("+{}", self.number));
        // The ports of CSP over SMS, 3590 both: element 05 of the user data header, 16-bit (CSP transport, "SMS binding").
        assert_eq!(short.header, [6, 5, 4, 0x0E, 0x06, 0x0E, 0x06]);
        assert!(short.octets.len() <= 133, "{}", short.octets.len());
        let outputs = self.texter.arrived(&mut self.client, self.now, &short.octets);
        self.note(outputs);
    }

    /// Carries everything, until nobody waits for an answer.
    fn settle(&mut self, server: &Server, gateway: &Gateway) {
        while !self.said.is_empty() || self.texter.is_waiting() {
            self.speak(server);
            if self.texter.is_waiting() {
                self.take(&gateway.next());
            }
        }
    }

    fn speak(&mut self, server: &Server) {
        for text in std::mem::take(&mut self.said) {
            assert_eq!(server.hand_over(self.number, &text, "s3cret"), 200, "{text}");
        }
    }

    /// Returns the answer that came.
    fn answer(&mut self) -> Element<'static> {
        let answers = std::mem::take(&mut self.told).into_iter().filter_map(|output| match output {
            Output::Answered { answer, .. } => Some(answer),
            Output::Failed { request, why } => panic!("{request}: {why}"),
            _ => None,
        });
        let [answer] = answers.collect::<Vec<_>>().try_into().expect("one answer");
        answer
    }
}

fn presence(text: &str) -> Element<'static> {
    let status = Element::new("StatusText").with_leaf("Qualifier", "T").with_leaf("PresenceValue", text.to_owned());
    Element::new("UpdatePresence-Request").with(Element::new("PresenceSubList").with(status))
}

/// A request about anna.
fn about(request: &str, rest: &[Element<'static>]) -> Element<'static> {
    let mut request = Element::new(request.to_owned());
    address_to(&mut request, Version::V1_3, &["wv:anna@example.com"]);
    request.with_all(rest.iter().cloned())
}

fn is_good(answer: &Element<'_>) -> bool {
    Outcome::read(answer).is_some_and(|outcome| outcome.code.is_success())
}

/// Longer than one short message, with what the syntax has to quote.
const LONG: &str = "But soft! What light through yonder window breaks? It is the east, and Juliet is the sun. \
                    (\"Arise, fair sun, and kill the envious moon\" & so on = äöü ✓, until the end of this very line.)";

/// S-004.02: both directions through a gateway, each with a part lost and repeated.
#[test]
fn a_session_by_short_messages_survives_a_gateway_that_loses_and_repeats() {
    for preset in ["preset = \"kannel\"", "preset = \"kannel\"\nsplit = \"gateway\""] {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Gateway::open();
        let server = Server::start(folder.path(), &gateway, preset);
        let (mut anna, mut berta) = (Phone::new("wv:anna", "491700000001"), Phone::new("wv:berta", "491700000002"));
        assert_eq!(server.hand_over(anna.number, "WV13KA1", "S3cret"), 401, "a gateway without the key");
        for phone in [&mut anna, &mut berta] {
            phone.tell(Event::LogIn);
            phone.settle(&server, &gateway);
            assert!(phone.client.is_in(), "{:?}", phone.told);
            phone.told.clear();
        }
        // The first part of a request is lost; all are said again, so that the second comes twice.
        anna.ask(presence(LONG));
        assert!(anna.said.len() > 1, "{:?}", anna.said);
        anna.said.remove(0);
        anna.speak(&server);
        anna.wait();
        anna.settle(&server, &gateway);
        assert!(is_good(&anna.answer()));
        // The first part of an answer is lost, and nobody says so; it is asked again, and every part comes twice, from
        // the last to the first.
        anna.ask(about("GetPresence-Request", &[]));
        anna.speak(&server);
        let parts = gateway.message();
        assert!(parts.len() > 1);
        parts[1..].iter().for_each(|part| anna.take(part));
        assert!(anna.told.is_empty() && anna.texter.is_waiting());
        anna.wait();
        anna.speak(&server);
        let again = gateway.message();
        assert_eq!(again, parts, "the same is said again");
        again.iter().rev().flat_map(|part| [part, part]).for_each(|part| anna.take(part));
        let answer = anna.answer();
        let texts = answer.descend(&["Presence", "PresenceSubList", "StatusText", "PresenceValue"]);
        assert_eq!(texts.map(Element::text), Some(LONG));
        // What the server opens goes through the gateway by itself.
        let list = || Element::new("PresenceSubList").with(Element::new("StatusText"));
        anna.ask(Element::new("CreateAttributeList-Request").with(list()).with_leaf("DefaultList", "T"));
        anna.settle(&server, &gateway);
        assert!(is_good(&anna.answer()));
        berta.ask(about("SubscribePresence-Request", &[list()]));
        berta.settle(&server, &gateway);
        assert!(is_good(&berta.answer()));
        while !berta.told.iter().any(|output| matches!(output, Output::Received(_))) {
            berta.take(&gateway.next());
        }
        let Some(Output::Received(notice)) = berta.told.pop() else { panic!("{:?}", berta.told) };
        let told = notice.descend(&["Presence", "PresenceSubList", "StatusText", "PresenceValue"]).map(Element::text);
        assert_eq!((notice.name.as_ref(), told), ("PresenceNotification-Request", Some(LONG)));
        assert_eq!(berta.said.len(), 1, "it is acknowledged: {:?}", berta.said);
        berta.speak(&server);
    }
}
