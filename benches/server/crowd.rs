//! Ten thousand connections: sessions that are idle, connections that are half-open, slow and flooding, and beside them
//! pairs that chat and say how long that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use impskit::client::Event;
use impskit::client::primitives::send_message;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::generator::{Line, MEDIA_TYPE, User, idle_sessions};
use super::{Peer, SECONDS, users};

/// What the crowd is made of: together with the pairs fewer than the server holds (`connections`, 10,000).
const IDLE: usize = 9_000;
const HALF_OPEN: usize = 500;
const DRIPPING: usize = 300;
const FLOODING: usize = 50;
const PAIRS: usize = 25;

/// Everything that is measured here.
pub(crate) fn all() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Peer::server(&folder.path().join("s.db"), &users(IDLE + 2 * PAIRS));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let alone = runtime.block_on(chats(&server.url));
    println!("{PAIRS} pairs that chat, {SECONDS} s each");
    println!("  alone                     {alone}; {:.1} MiB", server.resident());
    idle_sessions(&server.url, IDLE);
    let beside = runtime.block_on(async {
        let mut crowd = Crowd::gather(&server.url).await;
        let held = server.resident();
        let beside = chats(&server.url).await;
        println!(
            "  beside {:>6} connections {beside}; {held:.1} MiB before, {:.1} MiB after",
            crowd.count,
            server.resident()
        );
        crowd.is_over.store(true, Ordering::Relaxed);
        println!(
            "  the crowd: {IDLE} idle with a session, {HALF_OPEN} half-open, {DRIPPING} dripping, {FLOODING} flooding: \
             {} requests; {} of the idle are answered still",
            crowd.floods.load(Ordering::Relaxed),
            crowd.answered().await
        );
        beside
    });
    println!("  the slowest hundredth takes {:.1} times as long", beside.percentile(99) / alone.percentile(99));
    server.stop();
}

/// How long messages took from their sender to the confirmation of their recipient, in milliseconds, shortest first.
struct Times(Vec<f64>);

impl Times {
    fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() - 1) * percent / 100]
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent));
        write!(
            f,
            "{:>6} messages, all arrived once; {half:.1} ms, 99 in 100 {most:.1} ms, all {all:.1} ms",
            self.0.len()
        )
    }
}

/// Lets pairs write to each other until the time is over.
async fn chats(url: &str) -> Times {
    let mut tasks = JoinSet::new();
    for pair in 0..PAIRS {
        let url = url.to_owned();
        tasks.spawn(async move {
            let mut romeo = User::new(&url, IDLE + 2 * pair).await;
            let mut juliet = User::new(&url, IDLE + 2 * pair + 1).await;
            romeo.tell(Event::LogIn).await;
            juliet.tell(Event::LogIn).await;
            let (from, to) = (romeo.name.clone(), juliet.name.clone());
            let end = Instant::now() + Duration::from_secs(SECONDS);
            let mut times = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                romeo.tell(Event::Request(send_message(&from, &[&to], "Hello, are you there?", false))).await;
                assert_eq!(juliet.tell(Event::Poll).await, 1, "each message arrives, and once");
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
    }
    let mut times: Vec<f64> = tasks.join_all().await.into_iter().flatten().collect();
    times.sort_by(f64::total_cmp);
    Times(times)
}

/// Connections of all kinds but good ones.
struct Crowd {
    count: usize,
    idle: Vec<Line>,
    _half_open: Vec<TcpStream>,
    is_over: Arc<AtomicBool>,
    /// Requests of those that flood.
    floods: Arc<AtomicU64>,
}

impl Crowd {
    async fn gather(url: &str) -> Self {
        let mut idle = Vec::with_capacity(IDLE);
        for _ in 0..IDLE {
            idle.push(Line::open(url).await);
        }
        let head = "POST /csp HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n";
        let mut half_open = Vec::with_capacity(HALF_OPEN);
        for _ in 0..HALF_OPEN {
            half_open.push(begun(url, &format!("{head}Content-Length: 1000\r\n\r\n<")).await);
        }
        let (is_over, floods) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        for _ in 0..DRIPPING {
            tokio::spawn(drip(begun(url, head).await, is_over.clone()));
        }
        for _ in 0..FLOODING {
            tokio::spawn(flood(url.to_owned(), is_over.clone(), floods.clone()));
        }
        let mut crowd = Self { count: 0, idle, _half_open: half_open, is_over, floods };
        crowd.count = crowd.answered().await + HALF_OPEN + DRIPPING + FLOODING;
        crowd
    }

    /// Asks something on each idle connection; returns how many are answered.
    async fn answered(&mut self) -> usize {
        let body = User::stranger_poll();
        for line in &mut self.idle {
            assert!(!line.post(MEDIA_TYPE, &body).await.is_empty(), "a stranger is answered");
        }
        self.idle.len()
    }
}

async fn begun(url: &str, octets: &str) -> TcpStream {
    let mut stream = Line::open(url).await.into_stream();
    stream.write_all(octets.as_bytes()).await.expect("the server takes it");
    stream
}

/// Sends an octet of a header now and then; the server ends it when its time is over.
async fn drip(mut stream: TcpStream, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) && stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Asks again and again, as fast as it is answered.
async fn flood(url: String, is_over: Arc<AtomicBool>, floods: Arc<AtomicU64>) {
    let body = User::stranger_poll();
    let mut line = Line::open(&url).await;
    while !is_over.load(Ordering::Relaxed) {
        line.post(MEDIA_TYPE, &body).await;
        floods.fetch_add(1, Ordering::Relaxed);
    }
}
