//! EDGE: the HTTP binding (CSP transport, "HTTP binding"). Bodies that are posted go to the engine, which lives on
//! a thread of its own; what arrives while it works is handed over together and committed once.
//!
//! Everything is bounded: connections, by address and in all, headers, bodies while they are read, the time of a
//! whole request, and what waits for the engine (abuse cases B01 to B05).

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

pub use super::beside::Management;
use super::beside::{self, Beside};
use super::{Configuration, Engine, Input, Output, Random, Request, Store, Timestamp};
use crate::dm::session::MOST_MESSAGE;
use crate::dm::session::auth::MAC_HEADER;
use crate::error::{Error, Result, reason};

/// The time that the header of a request may take, and again its body, however slowly octets drip (abuse case B02).
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// The age at which a connection is closed, whatever it does.
const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// Connections in all: below the 1024 open files that systems commonly allow.
const CONNECTIONS: usize = 800;
/// Connections of one address; gateways carry many users. The machine itself is not counted.
const CONNECTIONS_BY_PEER: usize = 200;
/// Octets of the header of a request.
const HEADER: usize = 16 << 10;
/// Lines of the header of a request.
const HEADER_LINES: usize = 64;
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
    path: String,
    drain: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// A request on its way to the engine, with what the transport carried to prove it: a MAC, an authorization.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) proof: Option<String>,
    /// The number behind which logins are asked for, where they are.
    pub(super) after: Option<u64>,
    pub(super) answer: oneshot::Sender<Answer>,
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
    spawn_with(configuration, store, None, log)
}

/// As [`spawn`], with a management server beside.
///
/// # Errors
///
/// Fails where the address cannot be listened on.
pub fn spawn_with(
    configuration: Configuration,
    store: Store,
    management: Option<Management>,
    log: Log,
) -> Result<Running> {
    spawn_beside(configuration, store, Beside { management, ..Beside::default() }, log)
}

/// As [`spawn_with`], with more beside.
///
/// # Errors
///
/// Fails where the address cannot be listened on.
pub fn spawn_beside(configuration: Configuration, store: Store, beside: Beside, log: Log) -> Result<Running> {
    let failed = |error: std::io::Error| {
        let error = Error::remote(reason(&error)).at(configuration.listen.to_string());
        error.help("another program may have the port: choose one with `--listen ADDRESS:PORT`")
    };
    let listener = std::net::TcpListener::bind(configuration.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (jobs, waiting) = sync_channel(WAITING);
    let (drain, draining) = watch::channel(false);
    let (path, time_to_drain, most) = (configuration.path.clone(), configuration.drain, configuration.max_body);
    let engine = Engine::open(configuration, store, Random::new(seed()?));
    let log: SharedLog = Arc::new(Mutex::new(log));
    let mut routes = Vec::new();
    let mut threads = Vec::new();
    let Beside { management, callbacks, feed } = beside;
    if let Some(Management { path, server }) = management {
        let (jobs, waiting) = sync_channel(WAITING);
        let log = log.clone();
        routes.push(Route { path, max_body: MOST_MESSAGE, proof: MAC_HEADER, takes_queries: false, jobs });
        threads.push(std::thread::spawn(move || beside::manage(&server, &waiting, &log)));
    }
    for callback in callbacks {
        let (jobs, waiting) = sync_channel(WAITING);
        let (path, max_body, proof) = (callback.path.clone(), beside::MOST_BODY, AUTHORIZATION.as_str());
        routes.push(Route { path, max_body, proof, takes_queries: true, jobs });
        threads.push(std::thread::spawn(move || beside::call(callback, &waiting)));
    }
    if let Some(feed) = feed {
        let (questions, asked) = sync_channel(WAITING);
        let (path, engine, proof) = (super::LOGINS.to_owned(), jobs.clone(), AUTHORIZATION.as_str());
        routes.push(Route { path, max_body: 0, proof, takes_queries: true, jobs: questions });
        threads.push(std::thread::spawn(move || beside::feed(&feed, &asked, &engine)));
    }
    routes.push(Route { path: path.clone(), max_body: most, proof: MAC_HEADER, takes_queries: false, jobs });
    let edge = Arc::new(Edge { routes, exchanges: AtomicU64::new(0) });
    threads.push(std::thread::spawn(move || work(engine, &waiting, &log)));
    threads.push(std::thread::spawn(move || runtime.block_on(serve(listener, edge, draining, time_to_drain))));
    Ok(Running { address, path, drain, threads })
}

impl Running {
    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL that messages are posted to.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
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

/// Returns random octets of the system.
///
/// # Errors
///
/// Fails where the system has none.
#[allow(clippy::disallowed_methods, reason = "the engine's random numbers come from this edge")]
pub fn seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::input(format!("no random numbers: {error}")))?;
    Ok(seed)
}

#[allow(clippy::disallowed_methods, reason = "the engine is told the time by this edge")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The log of several threads.
pub(super) type SharedLog = Arc<Mutex<Log>>;

pub(super) fn tell(log: &SharedLog, line: &str) {
    log.lock().unwrap_or_else(PoisonError::into_inner)(line);
}

/// The engine's thread: it ends when nobody can ask any more.
fn work(mut engine: Engine, waiting: &Receiver<Job>, log: &SharedLog) {
    loop {
        let patience = engine.next_deadline().map_or(Duration::from_secs(60), |deadline| deadline.since(now()));
        let jobs = match waiting.recv_timeout(patience.max(Duration::from_millis(10))) {
            Ok(first) => std::iter::once(first).chain(waiting.try_iter()).take(TOGETHER).collect(),
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut answers = HashMap::with_capacity(jobs.len());
        let mut inputs = Vec::with_capacity(jobs.len());
        for Job { request, answer, after, .. } in jobs {
            let connection = request.connection;
            answers.insert(connection, answer);
            inputs.push(after.map_or_else(|| Input::Request(request), |after| Input::Logins { connection, after }));
        }
        for output in engine.handle_all(now(), inputs) {
            match output {
                Output::Event(line) => tell(log, &line),
                Output::Note(line) => tell(log, &format!("warning: {line}")),
                Output::Reply { connection, status, media_type, body } => {
                    if let Some(answer) = answers.remove(&connection) {
                        // Whoever asked may be gone.
                        let _ = answer.send(Answer { status, media_type, body, mac: None });
                    }
                }
            }
        }
    }
}

/// What connections share.
struct Edge {
    routes: Vec<Route>,
    exchanges: AtomicU64,
}

/// Who answers what is posted to a path.
struct Route {
    path: String,
    max_body: usize,
    /// The header that proves a request.
    proof: &'static str,
    /// Whether a GET is taken as a form that stands in the address.
    takes_queries: bool,
    jobs: SyncSender<Job>,
}

/// How many connections each address has.
type Peers = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Accepts connections until it is time to stop, then gives those in flight some time.
async fn serve(listener: std::net::TcpListener, edge: Arc<Edge>, draining: watch::Receiver<bool>, patience: Duration) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut stop = draining.clone();
    let peers = Peers::default();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, peer)) = accepted else {
            // Out of files, most likely: wait until some are closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        if connections.len() >= CONNECTIONS || !enter(&peers, peer) {
            continue;
        }
        let (edge, peers, draining) = (edge.clone(), peers.clone(), draining.clone());
        connections.spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_AGE, connection(stream, peer, edge, draining)).await;
            leave(&peers, peer);
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(patience, all).await;
}

fn enter(peers: &Peers, peer: IpAddr) -> bool {
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    let count = peers.entry(peer).or_default();
    let may_enter = peer.is_loopback() || *count < CONNECTIONS_BY_PEER;
    *count += usize::from(may_enter);
    may_enter
}

fn leave(peers: &Peers, peer: IpAddr) {
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(count) = peers.get_mut(&peer) {
        *count -= 1;
        if *count == 0 {
            peers.remove(&peer);
        }
    }
}

/// Serves one connection.
async fn connection(stream: TcpStream, peer: IpAddr, edge: Arc<Edge>, mut draining: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let edge = edge.clone();
        async move { Ok::<_, Infallible>(respond(&edge, peer, request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIME).max_headers(HEADER_LINES).max_buf_size(HEADER);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = draining.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

type Response = hyper::Response<Full<Bytes>>;

/// Answers one HTTP request.
async fn respond(edge: &Edge, peer: IpAddr, request: hyper::Request<Incoming>) -> Response {
    let Some(route) = edge.routes.iter().find(|route| route.path == request.uri().path()) else {
        return closing(StatusCode::NOT_FOUND);
    };
    if let Some(refusal) = refuse(route, &request) {
        return refusal;
    }
    let header =
        |name| request.headers().get(name).and_then(|text: &HeaderValue| text.to_str().ok()).map(str::to_owned);
    let proof = header(route.proof);
    let (media_type, body) = if request.method() == Method::GET {
        (FORM.to_owned(), request.uri().query().unwrap_or_default().as_bytes().to_vec())
    } else {
        let media_type = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        match body_of(request, route.max_body).await {
            Ok(body) => (media_type, body),
            Err(status) => return closing(status),
        }
    };
    let (answer, answered) = oneshot::channel();
    let connection = edge.exchanges.fetch_add(1, Ordering::Relaxed);
    let job = Job { request: Request { connection, media_type, body, peer }, proof, after: None, answer };
    if route.jobs.try_send(job).is_err() {
        return overloaded();
    }
    match tokio::time::timeout(REQUEST_TIME, answered).await {
        Ok(Ok(Answer { status, media_type, body, mac })) => {
            let mut response = answered_with(status, &media_type, body);
            if let Some(mac) = mac.and_then(|mac| HeaderValue::from_str(&mac).ok()) {
                response.headers_mut().insert(MAC_HEADER, mac);
            }
            response
        }
        _ => overloaded(),
    }
}

/// The media type of a query (HTML, "URL-encoded form data").
const FORM: &str = "application/x-www-form-urlencoded";

/// Reads a body within its limits.
async fn body_of(request: hyper::Request<Incoming>, most: usize) -> std::result::Result<Vec<u8>, StatusCode> {
    let body = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(REQUEST_TIME, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Refuses what the header already shows to be wrong.
fn refuse(route: &Route, request: &hyper::Request<Incoming>) -> Option<Response> {
    if route.takes_queries && request.method() == Method::GET {
        return None;
    }
    if request.method() != Method::POST {
        let mut response = closing(StatusCode::METHOD_NOT_ALLOWED);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Some(response);
    }
    let headers = request.headers();
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return Some(closing(StatusCode::LENGTH_REQUIRED));
    }
    let declared = request.body().size_hint().exact().unwrap_or_default();
    (declared > route.max_body as u64).then(|| closing(StatusCode::PAYLOAD_TOO_LARGE))
}

fn answered_with(status: u16, media_type: &str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let (Ok(value), false) = (HeaderValue::from_str(media_type), media_type.is_empty()) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

/// Returns an empty answer after which the connection is closed: what follows on it may be the rest of a body.
fn closing(status: StatusCode) -> Response {
    let mut response = answered_with(status.as_u16(), "", Vec::new());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn overloaded() -> Response {
    let mut response = closing(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
