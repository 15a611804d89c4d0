//! The load over HTTP: connections that are kept open, one task each, on one thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use impskit::client::conversation::Post;
use impskit::client::http::Lines;
use impskit::client::load::{self, Seen, Wanted};
use impskit::client::rounds::Rounds;
use impskit::client::script::Script;
use impskit::client::{Client, Event, Identity, Output, http};
use impskit::codec::Encoding;
use impskit::csp::Version;
use impskit::csp::wire::Form;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What was done in which time.
pub(crate) struct Load {
    /// What was counted: requests, or messages.
    pub(crate) units: u64,
    pub(crate) posts: u64,
    pub(crate) time: Duration,
    /// CPU of the server.
    pub(crate) cpu: Duration,
}

impl Load {
    pub(crate) fn rate(&self) -> f64 {
        self.units as f64 / self.time.as_secs_f64()
    }

    /// Returns the microseconds of CPU that each took.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.units as f64
    }
}

/// Returns the CPU time of a process so far: nanoseconds, thread by thread.
fn cpu(pid: &str) -> Duration {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads").flatten() {
        let line = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        sum += line.split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    }
    Duration::from_nanos(sum)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Prepared clients, and what each does until the time is over.
pub(crate) struct Drive<W> {
    url: String,
    time: Duration,
    workers: usize,
    work: W,
}

/// Runs a load against the process.
pub(crate) fn drive<W, F>(drive: &Drive<W>, pid: &str) -> Load
where
    W: Fn(String, usize, Gate) -> F + Send + 'static,
    F: Future<Output = (u64, u64)> + Send + 'static,
{
    block_on(async {
        let (start, started) = tokio::sync::watch::channel(None);
        let ready = std::sync::Arc::new(tokio::sync::Barrier::new(drive.workers + 1));
        let mut tasks = JoinSet::new();
        for number in 0..drive.workers {
            tasks.spawn((drive.work)(
                drive.url.clone(),
                number,
                Gate { ready: ready.clone(), started: started.clone() },
            ));
        }
        ready.wait().await;
        let (began, cpu_before) = (Instant::now(), cpu(pid));
        start.send_replace(Some(began + drive.time));
        let (mut units, mut posts) = (0, 0);
        while let Some(done) = tasks.join_next().await {
            let (own, own_posts) = done.expect("a client that goes on");
            units += own;
            posts += own_posts;
        }
        Load { units, posts, time: began.elapsed(), cpu: cpu(pid) - cpu_before }
    })
}

/// What clients wait at until all are ready.
pub(crate) struct Gate {
    ready: std::sync::Arc<tokio::sync::Barrier>,
    started: tokio::sync::watch::Receiver<Option<Instant>>,
}

impl Gate {
    /// Waits for the others; returns when to end.
    async fn pass(mut self) -> Instant {
        self.ready.wait().await;
        let end = *self.started.wait_for(Option::is_some).await.expect("somebody starts");
        end.expect("a moment")
    }
}

type Counted = std::pin::Pin<Box<dyn Future<Output = (u64, u64)> + Send>>;

/// Two connections a pair, each of which posts one body again and again: a poll, or its like for the echo server.
pub(crate) fn polls(
    url: &str,
    pairs: usize,
    time: Duration,
    is_echo: bool,
) -> Drive<impl Fn(String, usize, Gate) -> Counted + Send + 'static> {
    let work = move |url: String, number: usize, gate: Gate| -> Counted {
        Box::pin(async move {
            let mut user = User::new(&url, number).await;
            let body = if is_echo { User::stranger_poll() } else { user.poll().await };
            let end = gate.pass().await;
            let mut count = 0;
            while Instant::now() < end {
                let answer = user.line.post(MEDIA_TYPE, &body).await;
                assert_eq!(answer.is_empty(), !is_echo, "nothing waits");
                count += 1;
            }
            (count, count)
        })
    };
    Drive { url: url.to_owned(), time, workers: 2 * pairs, work }
}

/// Pairs of which one writes and the other polls and confirms: a script, as `client load` plays it.
pub(crate) const MESSAGE: &str = include_str!("message.txt");

/// Plays the script against the process.
pub(crate) fn messages(url: &str, pace: &Pace, pid: &str) -> Load {
    let &Pace { pairs: copies, rate, time } = pace;
    let wanted = Wanted { version: Version::V1_3, form: Form::of(Encoding::Wbxml), copies, rate, time };
    let mut cpu_before = Duration::ZERO;
    let mut seen = |seen: Seen| {
        if seen == Seen::Begun {
            cpu_before = cpu(pid);
        }
        true
    };
    let open = |_: &str| http::Line::new(url, None);
    let figures = load::run(MESSAGE, &wanted, &open, &mut seen).expect("a server");
    assert_eq!(figures.failures, 0, "{:?}", figures.reasons);
    let cpu = cpu(pid) - cpu_before;
    Load { units: figures.rounds, posts: figures.posts, time: figures.time, cpu }
}

/// Posts what the clients of one round of the script say, as the same clients do, to a server that echoes it.
pub(crate) fn echoes(bare: &str, url: &str, pace: &Pace, pid: &str) -> Load {
    let said = said_in_a_round(url);
    let ready = Barrier::new(pace.pairs + 1);
    let play = |number: usize| {
        let mut lines = BTreeMap::new();
        let mut round = || {
            for Said { who, media_type, body } in &said {
                let line = lines.entry(who).or_insert_with(|| http::Line::new(bare, None).expect("a line"));
                assert_eq!(&line.post(media_type, body.clone()).expect("an answer"), body, "it echoes");
            }
        };
        round();
        ready.wait();
        let (began, mut rounds) = (Instant::now(), 0);
        while began.elapsed() < pace.time {
            std::thread::sleep(pace.due(number, rounds).saturating_sub(began.elapsed()));
            round();
            rounds += 1;
        }
        u64::from(rounds)
    };
    std::thread::scope(|scope| {
        let play = &play;
        let players: Vec<_> = (0..pace.pairs).map(|number| scope.spawn(move || play(number))).collect();
        let before = cpu(pid);
        ready.wait();
        let began = Instant::now();
        let units = players.into_iter().map(|player| player.join().expect("an echo")).sum();
        Load { units, posts: units * said.len() as u64, time: began.elapsed(), cpu: cpu(pid) - before }
    })
}

/// How many do something, how often and for how long.
pub(crate) struct Pace {
    pub(crate) pairs: usize,
    /// How often in a second, all together; else as often as they can.
    pub(crate) rate: Option<f64>,
    pub(crate) time: Duration,
}

impl Pace {
    /// Returns when a pair begins a round, as `client::load` has it.
    fn due(&self, number: usize, rounds: u32) -> Duration {
        let before = number as f64 + f64::from(rounds) * self.pairs as f64;
        self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(before / rate))
    }
}

/// What a client has said.
struct Said {
    who: String,
    media_type: &'static str,
    body: Vec<u8>,
}

/// Plays one round of the script, and returns what was said in it.
fn said_in_a_round(url: &str) -> Vec<Said> {
    let script = Script::read(MESSAGE).expect("a script");
    let open = |_: &str| http::Line::new(url, None);
    let (mut ways, said) = (Lines::new(&open), RefCell::new(Vec::new()));
    let post = |post: Post<'_>| {
        let (who, media_type, body) = (post.who.to_owned(), post.media_type, post.body.to_vec());
        said.borrow_mut().push(Said { who, media_type, body });
        ways.carry(&post).0
    };
    let mut rounds = Rounds::new(&script, Version::V1_3, Form::of(Encoding::Wbxml), post);
    rounds.enter(Duration::ZERO).expect("logins");
    said.borrow_mut().clear();
    rounds.round(Duration::ZERO).expect("a round");
    drop(rounds);
    said.into_inner()
}

/// Logs in so many users and leaves them.
pub(crate) fn idle_sessions(url: &str, count: usize) {
    block_on(async {
        let mut line = Some(Line::open(url).await);
        for number in 0..count {
            let mut user = User::with(line.take().expect("a connection"), number);
            user.tell(Event::LogIn).await;
            assert!(user.client.is_in(), "logged in");
            line = Some(user.line);
        }
    });
}

/// Connections that are open.
pub(crate) struct Open {
    pub(crate) count: usize,
    /// How long one request on one more connection takes.
    pub(crate) answer: Duration,
    _lines: Vec<Line>,
    _runtime: tokio::runtime::Runtime,
}

/// Opens connections, each with one answered request, and keeps them.
pub(crate) fn open_connections(url: &str, count: usize) -> Open {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (lines, answer) = runtime.block_on(async {
        let mut lines = Vec::with_capacity(count);
        for _ in 0..count {
            let mut user = User::with(Line::open(url).await, 0);
            let body = User::stranger_poll();
            user.line.post(MEDIA_TYPE, &body).await;
            lines.push(user.line);
        }
        let began = Instant::now();
        let mut user = User::with(Line::open(url).await, 0);
        let body = User::stranger_poll();
        user.line.post(MEDIA_TYPE, &body).await;
        (lines, began.elapsed())
    });
    Open { count: lines.len(), answer, _lines: lines, _runtime: runtime }
}

pub(crate) const MEDIA_TYPE: &str = "application/vnd.wv.csp+wbxml";

/// A client on a connection of its own.
pub(crate) struct User {
    pub(crate) name: String,
    client: Client,
    line: Line,
    started: Instant,
}

impl User {
    pub(crate) async fn new(url: &str, number: usize) -> Self {
        Self::with(Line::open(url).await, number)
    }

    fn with(line: Line, number: usize) -> Self {
        let name = format!("wv:user{number}@example.com");
        let client = Client::new(Identity::new(name.clone(), "secret"));
        Self { name, client, line, started: Instant::now() }
    }

    /// Lets the client do something with all that follows; returns how many requests the server opened toward it.
    pub(crate) async fn tell(&mut self, event: Event) -> usize {
        let mut events = vec![event];
        let mut received = 0;
        while let Some(event) = events.pop() {
            for output in self.client.handle(self.started.elapsed(), event) {
                match output {
                    Output::Post { media_type, body } => {
                        events.push(Event::Answer(self.line.post(media_type, &body).await));
                    }
                    Output::Received(_) => received += 1,
                    Output::Failed { request, why } => panic!("{request}: {why}"),
                    _ => {}
                }
            }
        }
        received
    }

    /// Logs in, and returns the body of a poll.
    async fn poll(&mut self) -> Vec<u8> {
        self.tell(Event::LogIn).await;
        assert!(self.client.is_in(), "logged in");
        let outputs = self.client.handle(self.started.elapsed(), Event::Poll);
        let body = outputs.into_iter().find_map(|output| match output {
            Output::Post { body, .. } => Some(body),
            _ => None,
        });
        body.expect("a poll is a post")
    }

    /// Returns a body as long as that of a poll, which needs no session.
    pub(crate) fn stranger_poll() -> Vec<u8> {
        use impskit::csp::wire::write;
        use impskit::csp::{Message, Session, Transaction};
        let poll = impskit::document::Element::new("Polling-Request");
        let poll = Transaction { id: None, ..Transaction::request("", poll) };
        let session = Session::Inband("AAAAAAAAAAAAAAAAAAAAAA".to_owned());
        write(&Message::new(Version::V1_3, session, poll), Form::of(Encoding::Wbxml)).expect("a poll")
    }
}

/// A connection that is kept open.
pub(crate) struct Line {
    stream: TcpStream,
    path: String,
    buffer: Vec<u8>,
}

impl Line {
    pub(crate) async fn open(url: &str) -> Self {
        let (address, path) = url.trim_start_matches("http://").split_once('/').expect("a path");
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self { stream, path: format!("/{path}"), buffer: Vec::new() }
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(crate) async fn post(&mut self, media_type: &str, body: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        self.buffer.clear();
        let length = body.len();
        write!(
            self.buffer,
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n",
            self.path
        )
        .expect("memory takes it");
        self.buffer.extend_from_slice(body);
        self.stream.write_all(&self.buffer).await.expect("the server takes it");
        self.buffer.clear();
        loop {
            assert!(self.stream.read_buf(&mut self.buffer).await.expect("an answer") > 0, "closed");
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let header = std::str::from_utf8(&self.buffer[..end]).expect("a header in text");
            assert!(header.starts_with("HTTP/1.1 200"), "{header}");
            let length = header.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            let length: usize = length.parse().expect("a number");
            if self.buffer.len() >= end + 4 + length {
                return self.buffer[end + 4..].to_vec();
            }
        }
    }
}

/// The bare echo server on the stack that the IMPS server stands on: hyper, on one thread of tokio.
pub(crate) mod echo {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, Full, Limited};
    use hyper::body::{Bytes, Incoming};
    use hyper::header::CONTENT_TYPE;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioIo, TokioTimer};

    async fn answer(request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        let media_type = request.headers().get(CONTENT_TYPE).cloned();
        let body = Limited::new(request.into_body(), 1 << 18).collect().await.expect("a body").to_bytes();
        let mut response = hyper::Response::new(Full::from(body));
        if let Some(media_type) = media_type {
            response.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        Ok(response)
    }

    /// Serves until killed; says where on the first line.
    pub(crate) fn serve() {
        super::block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            println!("http://{}/csp", listener.local_addr().expect("an address"));
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let _ = stream.set_nodelay(true);
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new());
                tokio::spawn(async move {
                    let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
                });
            }
        });
    }
}
