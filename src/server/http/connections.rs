//! The connections of the edge: how many there may be, and how long each may take (abuse case B02).

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Guard;
use super::exchange::{Edge, closing, respond};
use super::framing::Watched;

/// The age at which a connection is closed, whatever it does.
const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// How long a connection may be idle: longer than clients wait between two polls.
const IDLE: Duration = Duration::from_secs(120);
/// What clients are told of that, with some room: a request that meets the end of its connection is lost, and some never
/// repeat a logout.
pub(super) const KEPT: &str = "timeout=110";
/// Open files that are no connections: store, log, listeners, gateways.
const FILES: u64 = 64;
/// Octets of the header of a request.
const HEADER: usize = 16 << 10;
/// Lines of the header of a request.
const HEADER_LINES: usize = 64;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// In all.
    pub(super) all: usize,
    /// Of one address; the machine itself is not counted.
    pub(super) by_peer: usize,
    /// The time that a request may take to come in, and an answer to be taken.
    pub(super) time: Duration,
}

impl Most {
    /// Returns these limits as far as the system allows that many open files, and so many `beside`; it is asked to allow
    /// them.
    pub(super) fn allowed(self, beside: usize) -> Self {
        let beside = beside as u64 + FILES;
        Self {
            all: self.all.min(
                usize::try_from(files(self.all as u64 + beside).saturating_sub(beside).max(1)).unwrap_or(usize::MAX),
            ),
            ..self
        }
    }
}

/// Asks for so many open files; returns how many there may be.
#[cfg(unix)]
fn files(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let (current, most) = (now.current.unwrap_or(u64::MAX), now.maximum.unwrap_or(u64::MAX));
    if current < wanted {
        let asked = wanted.min(most);
        if setrlimit(Resource::Nofile, Rlimit { current: Some(asked), maximum: now.maximum }).is_ok() {
            return asked.max(FILES + 1);
        }
    }
    current.max(FILES + 1)
}

#[cfg(not(unix))]
fn files(wanted: u64) -> u64 {
    wanted
}

/// How many connections each address has.
type Peers = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Accepts connections until it is time to stop, then gives those in flight some time.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    guard: Option<Guard>,
    most: Most,
    edge: Arc<Edge>,
    draining: watch::Receiver<bool>,
    patience: Duration,
) {
    let mut connections = accept(listener, (most.all, most.by_peer), draining.clone(), |stream, peer| {
        let guarded = guarded(stream, guard.clone(), peer, most.time, edge.clone(), draining.clone());
        async move {
            let _ = tokio::time::timeout(CONNECTION_AGE, guarded).await;
        }
    })
    .await;
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(patience, all).await;
}

/// Accepts connections until it is time to stop, so many in all and so many of one address; returns those in flight.
pub(in crate::server) async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: std::net::TcpListener,
    (most, most_by_peer): (usize, usize),
    mut stop: watch::Receiver<bool>,
    serve: impl Fn(TcpStream, IpAddr) -> F,
) -> JoinSet<()> {
    let peers = Peers::default();
    let mut connections = JoinSet::new();
    let Ok(listener) = TcpListener::from_std(listener) else { return connections };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return connections,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, peer)) = accepted else {
            // Out of files, most likely: wait until some are closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        if connections.len() >= most || !enter(&peers, peer, most_by_peer) {
            continue;
        }
        let (served, peers) = (serve(stream, peer), peers.clone());
        connections.spawn(async move {
            served.await;
            leave(&peers, peer);
        });
    }
}

/// Counts a connection of an address; `false` where it has as many as it may.
fn enter(peers: &Peers, peer: IpAddr, most: usize) -> bool {
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    let count = peers.entry(peer).or_default();
    let may_enter = peer.is_loopback() || *count < most;
    *count += usize::from(may_enter);
    may_enter
}

/// Counts a connection as closed.
fn leave(peers: &Peers, peer: IpAddr) {
    let mut peers = peers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(count) = peers.get_mut(&peer) {
        *count -= 1;
        if *count == 0 {
            peers.remove(&peer);
        }
    }
}

/// Serves one connection, within TLS where there is a guard.
async fn guarded(
    stream: TcpStream,
    guard: Option<Guard>,
    peer: IpAddr,
    time: Duration,
    edge: Arc<Edge>,
    draining: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    match guard {
        None => connection(stream, peer, time, edge, draining).await,
        #[cfg(feature = "tls")]
        Some(guard) => {
            // Who does not get this far in time, or speaks something else, is not answered.
            if let Ok(Ok(stream)) = tokio::time::timeout(time, guard.accept(stream)).await {
                connection(stream, peer, time, edge, draining).await;
            }
        }
        #[cfg(not(feature = "tls"))]
        Some(never) => match never {},
    }
}

/// Serves one connection.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: IpAddr,
    time: Duration,
    edge: Arc<Edge>,
    mut draining: watch::Receiver<bool>,
) {
    let (stream, ledger) = Watched::new(stream, time, IDLE);
    let service = service_fn(move |request| {
        let (edge, is_contradictory, until) = (edge.clone(), ledger.next_is_contradictory(), ledger.began() + time);
        async move {
            match is_contradictory {
                true => Ok(closing(StatusCode::BAD_REQUEST)),
                false => Ok::<_, Infallible>(respond(&edge, peer, until, request).await),
            }
        }
    });
    let mut server = http1::Builder::new();
    server.header_read_timeout(None).max_headers(HEADER_LINES).max_buf_size(HEADER);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = draining.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
