//! EDGE: the ways by which clients are woken (CSP session, "CIR"): connections that they open, datagrams, the address at
//! which they ask; short messages are handed to whoever sends them.
//!
//! Everything is bounded, as for HTTP: connections, by address and in all, the time until a client greets, lines, and
//! what is said on a connection in a minute (abuse case B12).

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::configuration::Cir;
use super::http::{Edge, accept};
use super::waking::{Channel, Heard};
use crate::csp::cir::{Lines, Said};
use crate::delivery::Outgoing;
use crate::delivery::wsp::Content;
use crate::error::{Error, Result, reason};

/// The time in which a client greets (abuse case B12).
const HELLO_TIME: Duration = Duration::from_secs(10);
/// The time that a client may take to read a line.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// Connections of one address; gateways carry many users. The machine itself is not counted.
const CONNECTIONS_BY_PEER: usize = 50;
/// Lines that a client may say in a minute; those in the field say some.
const LINES_A_MINUTE: u32 = 120;
/// Lines that wait for a client that does not read: what they say is the same.
const WAITING: usize = 4;
/// Short messages that wait for who sends them; further ones come to nothing, and the client is called again later.
const SHORT_WAITING: usize = 256;

/// A short message to a client: it wakes it, or is for a session by short messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortMessage {
    /// The number, without `+`.
    pub number: String,
    /// What it carries.
    pub content: ShortContent,
}

/// What a short message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShortContent {
    /// Text in the 7-bit alphabet, for port 3716.
    Text(String),
    /// A push PDU, for port 2948.
    Push(Vec<u8>),
    /// A message of CSP in plain text or a part of one, UTF-8 in 8-bit data, for port 3590.
    Message(String),
}

/// Sends short messages, one after the other, on a thread of its own.
pub type SendShort = Box<dyn FnMut(ShortMessage) + Send>;

/// The connections that clients opened, with what is said to each; one that is not here any more is closed.
pub(super) type Open = Arc<Mutex<HashMap<u64, mpsc::Sender<String>>>>;

/// What is open before the server runs.
pub(super) struct Opened {
    pub(super) wakers: Wakers,
    /// Where connections are taken, and how many at once.
    pub(super) listener: Option<(std::net::TcpListener, usize)>,
    pub(super) address: Option<SocketAddr>,
}

impl Opened {
    /// Returns how many files they may take at once.
    pub(super) fn files(&self) -> usize {
        self.listener.as_ref().map_or(0, |(_, most)| *most)
    }

    /// Opens the ways that are configured, and notes the ports that the system chose.
    pub(super) fn open(cir: &mut Cir, send: Option<SendShort>, threads: &mut Vec<JoinHandle<()>>) -> Result<Self> {
        let failed = |error: std::io::Error| Error::remote(reason(&error)).at("server.cir");
        let listener = cir.tcp.map(listen).transpose()?;
        let address = listener.as_ref().map(std::net::TcpListener::local_addr).transpose().map_err(failed)?;
        cir.tcp = address;
        let mut sockets = Vec::new();
        if cir.udp_push {
            sockets.push(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?);
            // A machine may have no IPv6.
            sockets.extend(UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)));
        }
        for socket in &sockets {
            socket.set_nonblocking(true).map_err(failed)?;
        }
        cir.udp_port = sockets.first().and_then(|socket| socket.local_addr().ok()).map(|address| address.port());
        let short = send.map(|mut send| {
            let (short, messages) = sync_channel(SHORT_WAITING);
            threads.push(std::thread::spawn(move || messages.into_iter().for_each(&mut send)));
            short
        });
        let wakers = Wakers { open: Open::default(), sockets, short };
        Ok(Self { wakers, listener: listener.map(|listener| (listener, cir.connections)), address })
    }
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    let failed = |error: std::io::Error| Error::remote(reason(&error)).at(format!("server.cir.tcp: {address}"));
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// The ways out.
pub(super) struct Wakers {
    open: Open,
    sockets: Vec<UdpSocket>,
    short: Option<SyncSender<ShortMessage>>,
}

impl Wakers {
    /// Returns the connections that are open.
    pub(super) fn connections(&self) -> Open {
        self.open.clone()
    }

    /// Calls a client. What cannot be sent now is lost: the engine calls again.
    pub(super) fn wake(&self, by: Channel, text: String) {
        match by {
            Channel::Connection(connection) => self.say(connection, text),
            Channel::Datagram(to) => self.send(text.as_bytes(), to),
            Channel::Push(to) => self.send(&push(&text), to),
            Channel::ShortMessage(number) => self.send_short(number, ShortContent::Text(text)),
            Channel::ShortPush(number) => self.send_short(number, ShortContent::Push(push(&text))),
        }
    }

    /// Sends a message of CSP, or a part of one. What cannot be sent now is lost: the engine sends it again.
    pub(super) fn text(&self, number: String, text: String) {
        self.send_short(number, ShortContent::Message(text));
    }

    /// Closes a connection.
    pub(super) fn hang_up(&self, connection: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&connection);
    }

    fn say(&self, connection: u64, text: String) {
        if let Some(sender) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&connection) {
            let _ = sender.try_send(text);
        }
    }

    fn send(&self, octets: &[u8], to: SocketAddr) {
        let is_of_family = |socket: &&UdpSocket| socket.local_addr().is_ok_and(|own| own.is_ipv4() == to.is_ipv4());
        if let Some(socket) = self.sockets.iter().find(is_of_family) {
            let _ = socket.send_to(octets, to);
        }
    }

    fn send_short(&self, number: String, content: ShortContent) {
        if let Some(short) = &self.short {
            let _ = short.try_send(ShortMessage { number, content });
        }
    }
}

/// Returns the push PDU of a CIR.
fn push(text: &str) -> Vec<u8> {
    let mut outgoing = Outgoing::new();
    outgoing.seal_as(Content::Initiation, 1, text.as_bytes(), None);
    outgoing.push().to_vec()
}

/// Takes connections of clients until it is time to stop; `most` at once.
pub(super) async fn serve(
    (listener, most): (std::net::TcpListener, usize),
    edge: Arc<Edge>,
    open: Open,
    stop: watch::Receiver<bool>,
) {
    // Those in flight are dropped: there is nothing to wait for.
    accept(listener, (most, CONNECTIONS_BY_PEER), stop, |stream, _| {
        let (edge, open) = (edge.clone(), open.clone());
        async move { connection(stream, &edge, open).await }
    })
    .await;
}

/// Serves one connection, and tells the engine when it is gone.
async fn connection(stream: TcpStream, edge: &Edge, open: Open) {
    let _ = stream.set_nodelay(true);
    let number = edge.next_exchange();
    let (sender, words) = mpsc::channel(WAITING);
    open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
    let mut talk =
        Talk { stream, words, edge, number, is_greeted: false, has_asked: false, minute: Instant::now(), lines: 0 };
    talk.go_on().await;
    let has_asked = talk.has_asked;
    drop(talk);
    open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    // Whether it was greeted is not known where the engine has not answered in time.
    if has_asked {
        edge.tell(number, Heard::Gone).await;
    }
}

struct Talk<'e> {
    stream: TcpStream,
    words: mpsc::Receiver<String>,
    edge: &'e Edge,
    number: u64,
    is_greeted: bool,
    /// Whether the engine was asked for the session.
    has_asked: bool,
    /// When the minute began in which lines are counted, and how many came in it.
    minute: Instant,
    lines: u32,
}

impl Talk<'_> {
    /// Talks until one of the two has enough.
    async fn go_on(&mut self) -> Option<()> {
        let mut lines = Lines::default();
        let mut octets = [0; 256];
        let until = Instant::now() + HELLO_TIME;
        loop {
            tokio::select! {
                read = self.stream.read(&mut octets) => {
                    let count = read.ok().filter(|count| *count > 0)?;
                    for line in lines.add(&octets[..count]).ok()? {
                        self.answer(&line).await?;
                    }
                }
                text = self.words.recv(), if self.is_greeted => self.say(&text?).await?,
                () = tokio::time::sleep_until(until), if !self.is_greeted => return None,
            }
        }
    }

    async fn answer(&mut self, line: &str) -> Option<()> {
        if self.minute.elapsed() >= Duration::from_secs(60) {
            (self.minute, self.lines) = (Instant::now(), 0);
        }
        self.lines += 1;
        if self.lines > LINES_A_MINUTE {
            return None;
        }
        match Said::read(line) {
            Said::Hello(session) => {
                self.has_asked = true;
                let status = self.edge.ask(self.number, Heard::Hello(session)).await;
                if status != Some(200) {
                    return None;
                }
                self.is_greeted = true;
            }
            Said::Ping if self.is_greeted => {}
            Said::Ping | Said::Other => return None,
        }
        self.say("OK").await
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        let line = format!("{text}\r\n");
        let written = self.stream.write_all(line.as_bytes());
        tokio::time::timeout(WRITE_TIME, written).await.ok()?.ok()
    }
}
