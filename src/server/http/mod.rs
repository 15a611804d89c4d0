//! EDGE: the HTTP binding (CSP transport, "HTTP binding"). Bodies that are posted go to the engine, a task beside those
//! of the connections; what arrives while it works is handed over together and committed once.
//!
//! Everything is bounded: connections, by address and in all, headers, bodies while they are read, the time of a
//! whole request, and what waits for the engine (abuse cases B01 to B05).

mod connections;
mod exchange;
mod framing;
#[cfg(feature = "tls")]
mod tls;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{AUTHORIZATION, HeaderName};
use tokio::sync::{mpsc, oneshot, watch};

pub(super) use self::connections::accept;
use self::connections::{Most, serve};
pub(super) use self::exchange::Edge;
use self::exchange::{HandOver, MAC, Route};
pub use super::beside::Management;
use super::beside::{self, Beside};
use super::cir::{self, Wakers};
use super::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};
use crate::dm::session::MOST_MESSAGE;
use crate::error::{Error, Result, reason};
use crate::random;

/// Requests that wait for the engine.
const WAITING: usize = 1024;
/// Requests that are committed together.
const TOGETHER: usize = 256;

/// Takes the lines of the log.
pub type Log = Box<dyn FnMut(&str) + Send>;

/// A server at work. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    /// `http` or `https`.
    scheme: &'static str,
    cir_address: Option<SocketAddr>,
    path: String,
    drain: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// What came to a path, with what the transport carried to prove it: a MAC, an authorization.
pub(super) struct Posted {
    pub(super) request: Request,
    pub(super) proof: Option<String>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What the engine is told, and where its reply goes.
pub(super) struct Job {
    pub(super) connection: u64,
    pub(super) input: Input,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl From<Posted> for Job {
    fn from(Posted { request, answer, .. }: Posted) -> Self {
        Self { connection: request.connection, input: Input::Request(request), answer }
    }
}

/// What goes back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
    pub(super) mac: Option<String>,
}

/// Starts a server on the store and returns when it listens. The port is the system's choice where it is 0.
///
/// # Errors
///
/// Fails where the address cannot be listened on.
pub fn spawn(configuration: Configuration, store: Store, log: Log) -> Result<Running> {
    spawn_beside(configuration, store, Beside::default(), log)
}

/// As [`spawn`], with more beside.
///
/// # Errors
///
/// Fails where the address cannot be listened on.
pub fn spawn_beside(
    mut configuration: Configuration,
    mut store: Store,
    mut beside: Beside,
    log: Log,
) -> Result<Running> {
    let failed = |error: std::io::Error| {
        let error = Error::remote(reason(&error)).at(configuration.listen.to_string());
        error.help("another program may have the port: choose one with `--listen ADDRESS:PORT`")
    };
    store.set_durability(configuration.durability)?;
    let listener = std::net::TcpListener::bind(configuration.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let guard = guard(&configuration)?;
    let scheme = configuration.scheme();
    let address = listener.local_addr().map_err(failed)?;
    let mut threads = Vec::new();
    let opened = cir::Opened::open(&mut configuration.cir, beside.send_short.take(), &mut threads)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (jobs, waiting) = mpsc::channel(WAITING);
    let (drain, draining) = watch::channel(false);
    let (path, time_to_drain, max_body) = (configuration.path.clone(), configuration.drain, configuration.max_body);
    let Configuration { connections, connections_by_address, request_time, .. } = configuration;
    let most = Most { all: connections, by_peer: connections_by_address, time: request_time }.allowed(opened.files());
    let asks = configuration.cir.http_path().map(str::to_owned);
    let content = configuration.content_path().map(str::to_owned);
    let headers = configuration.access.headers();
    let engine = Engine::open(configuration, store, Random::new(random::octets()?));
    let log: SharedLog = Arc::new(Mutex::new(log));
    let mut paths = Paths { routes: Vec::new(), threads };
    paths.open_all(beside, &jobs, &log);
    let Paths { mut routes, mut threads } = paths;
    let to_engine = jobs.clone();
    let hand_over: HandOver = Box::new(move |posted| to_engine.try_send(posted.into()).is_ok());
    routes.push(Route { path: path.clone(), max_body, proof: MAC, takes_queries: false, hand_over });
    let edge = Arc::new(Edge { routes, asks, content, headers, engine: jobs, exchanges: AtomicU64::new(0) });
    let cir::Opened { wakers, listener: calls, address: cir_address } = opened;
    let open = wakers.connections();
    threads.push(std::thread::spawn(move || {
        runtime.block_on(async move {
            let engine = tokio::spawn(work(engine, waiting, wakers, log));
            if let Some(calls) = calls {
                tokio::spawn(cir::serve(calls, edge.clone(), open, draining.clone()));
            }
            serve(listener, guard, most, edge, draining, time_to_drain).await;
            // It ends when nobody can ask any more, and closes the store; where it panicked, it has said so on its own.
            let _ = engine.await;
        });
    }));
    Ok(Running { address, scheme, cir_address, path, drain, threads })
}

/// What is opened beside the path of the engine, each with a thread of its own.
struct Paths {
    routes: Vec<Route>,
    threads: Vec<JoinHandle<()>>,
}

impl Paths {
    /// Opens what is wanted beside the engine.
    fn open_all(&mut self, beside: Beside, jobs: &mpsc::Sender<Job>, log: &SharedLog) {
        let Beside { management, callbacks, feed, network, greetings, send_short: _ } = beside;
        if let Some(Management { path, server }) = management {
            let log = log.clone();
            self.open(path, MOST_MESSAGE, MAC, false, move |waiting| beside::manage(&server, waiting, &log));
        }
        for callback in callbacks {
            let path = callback.path.clone();
            self.open(path, beside::MOST_BODY, AUTHORIZATION, true, move |waiting| beside::call(callback, waiting));
        }
        if let Some(feed) = feed {
            let engine = jobs.clone();
            let run = move |waiting: &Receiver<Posted>| beside::relay(waiting, &engine, |posted| feed.asked(posted));
            self.open(super::LOGINS.to_owned(), 0, AUTHORIZATION, true, run);
        }
        if let Some(network) = network {
            let engine = jobs.clone();
            let run = move |waiting: &Receiver<Posted>| beside::relay(waiting, &engine, |posted| network.told(posted));
            self.open(super::PRESENCE.to_owned(), beside::MOST_BODY, AUTHORIZATION, false, run);
        }
        if let Some(greetings) = greetings {
            let (path, engine) = (greetings.path.clone(), jobs.clone());
            let run =
                move |waiting: &Receiver<Posted>| beside::relay(waiting, &engine, |posted| greetings.read(posted));
            self.open(path, beside::MOST_BODY, AUTHORIZATION, true, run);
        }
    }

    fn open(
        &mut self,
        path: String,
        max_body: usize,
        proof: HeaderName,
        takes_queries: bool,
        run: impl FnOnce(&Receiver<Posted>) + Send + 'static,
    ) {
        let (thread, waiting) = sync_channel(WAITING);
        let hand_over: HandOver = Box::new(move |posted| thread.try_send(posted).is_ok());
        self.routes.push(Route { path, max_body, proof, takes_queries, hand_over });
        self.threads.push(std::thread::spawn(move || run(&waiting)));
    }
}

impl Running {
    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address where clients that want to be woken connect, if there is one.
    pub fn cir_address(&self) -> Option<SocketAddr> {
        self.cir_address
    }

    /// Returns the URL that messages are posted to.
    pub fn url(&self) -> String {
        self.url_of(&self.path)
    }

    /// Returns the URL of a path that is served beside it.
    pub fn url_of(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Takes no more connections, finishes what is in flight, and returns when the store is closed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.drain.send_replace(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on its own.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Looks whether HTTPS can be served as the configuration has it; HTTP always can.
///
/// # Errors
///
/// Says what is wrong with certificate or key, or that the program has no TLS.
pub fn check_tls(configuration: &Configuration) -> Result<()> {
    guard(configuration).map(drop)
}

/// Returns what makes connections safe, where they are to be.
#[cfg(feature = "tls")]
fn guard(configuration: &Configuration) -> Result<Option<Guard>> {
    configuration.tls.as_ref().map(|tls| tls::open(tls, now())).transpose()
}

#[cfg(not(feature = "tls"))]
fn guard(configuration: &Configuration) -> Result<Option<Guard>> {
    match &configuration.tls {
        None => Ok(None),
        Some(_) => {
            let error = Error::input("TLS is not built in").at("server.tls");
            Err(error.help("build with the feature `tls`, or put a proxy that speaks TLS in front"))
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the engine is told the time by this edge")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What makes connections safe.
#[cfg(feature = "tls")]
pub(super) type Guard = tokio_rustls::TlsAcceptor;
/// Nothing makes connections safe here.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(super) enum Guard {}

/// The log of several threads.
pub(super) type SharedLog = Arc<Mutex<Log>>;

pub(super) fn tell(log: &SharedLog, line: &str) {
    log.lock().unwrap_or_else(PoisonError::into_inner)(line);
}

/// The engine's task: it ends when nobody can ask any more. Connections stand still while it works, and what they get
/// meanwhile waits in their sockets; all of it is answered by its next turn.
async fn work(mut engine: Engine, mut waiting: mpsc::Receiver<Job>, wakers: Wakers, log: SharedLog) {
    loop {
        let patience = engine.next_deadline().map_or(Duration::from_secs(60), |deadline| deadline.since(now()));
        let mut jobs = Vec::new();
        let some = waiting.recv_many(&mut jobs, TOGETHER);
        match tokio::time::timeout(patience.max(Duration::from_millis(10)), some).await {
            Ok(0) => return,
            Ok(_) => {
                // Who has asked already is part of this commit.
                tokio::task::yield_now().await;
                jobs.extend(std::iter::from_fn(|| waiting.try_recv().ok()).take(TOGETHER - jobs.len()));
            }
            Err(_) => {}
        }
        let mut asking = VecDeque::with_capacity(jobs.len());
        let mut inputs = Vec::with_capacity(jobs.len());
        for Job { connection, input, answer } in jobs {
            asking.push_back((connection, answer));
            inputs.push(input);
        }
        for output in engine.handle_all(now(), inputs) {
            match output {
                Output::Wake { by, text } => wakers.wake(by, text),
                Output::Text { number, text } => wakers.text(number, text),
                Output::HangUp(connection) => wakers.hang_up(connection),
                Output::Event(line) => tell(&log, &line),
                Output::Note(line) => tell(&log, &format!("warning: {line}")),
                Output::Reply { connection, status, media_type, body } => {
                    // Replies come in the order of the inputs; not all of those have one.
                    let place = asking.iter().position(|(other, _)| *other == connection);
                    if let Some((_, to)) = place.and_then(|place| asking.remove(place)) {
                        // Whoever asked may be gone.
                        let _ = to.send(Answer { status, media_type, body, mac: None });
                    }
                }
            }
        }
    }
}
