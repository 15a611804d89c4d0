//! The thread that reads from the centre: it answers whatever the centre asks at any time, takes receipts in, which are
//! answered when they are stored, asks whether the centre is still there, and hands answers over.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::delivery::smpp::{self, Body, Carrier, Pdu, Receipt, Status};
use crate::error::reason;

/// How often the thread looks at the time while nothing arrives.
const TICK: Duration = Duration::from_millis(200);
/// How long a receipt waits to be stored before the centre is asked to send it again: centres end sessions that owe them
/// an answer for too long.
const MOST_WAIT: Duration = Duration::from_secs(5);
/// Octets read at once.
const CHUNK: usize = 16 << 10;

/// What the two ends of a session in this process share.
#[derive(Debug)]
pub(super) struct Link {
    stream: Mutex<TcpStream>,
    sequence: AtomicU32,
    inbox: Arc<Inbox>,
    /// Why the session is over, from before the connection is shut.
    end: OnceLock<String>,
}

/// Why a PDU was not sent.
#[derive(Debug)]
pub(super) enum Unsent {
    /// Nothing of it is out.
    All(String),
    /// Some of it may be out.
    Some(String),
}

/// What the centre answers, or the end of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// An answer to the request of that sequence number.
    Answer {
        /// The request's.
        sequence: u32,
        /// What became of it.
        status: Status,
        /// The message_id or system_id; `None` where the answer's body cannot be read.
        name: Option<String>,
    },
    /// The session is over; why.
    Gone(String),
}

/// A receipt that the centre has no answer to yet.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) receipt: Receipt,
    answer: Pdu,
    /// Where it came from.
    link: Weak<Link>,
    since: Instant,
}

impl Unanswered {
    /// Tells the centre that it was taken. Where the session is over the centre sends it again, and the store knows it.
    pub(super) fn taken(self) {
        if let Some(link) = self.link.upgrade() {
            let _ = link.write(&self.answer);
        }
    }

    /// Tells the centre to send it again.
    pub(super) fn refused(mut self) {
        self.answer.status = Status::RECEIVER_BUSY;
        self.taken();
    }
}

/// Receipts that nobody has fetched yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<VecDeque<Unanswered>>);

impl Inbox {
    /// Receipts kept; beyond, the centre is asked to come again later.
    const MOST: usize = 10_000;

    fn add(&self, receipt: Unanswered) {
        let mut receipts = locked(&self.0);
        if receipts.len() < Self::MOST {
            return receipts.push_back(receipt);
        }
        drop(receipts);
        receipt.refused();
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<Unanswered> {
        locked(&self.0).drain(..).collect()
    }

    /// Refuses those that have waited too long.
    fn refuse_old(&self) {
        let mut receipts = locked(&self.0);
        let count = receipts.partition_point(|receipt| receipt.since.elapsed() > MOST_WAIT);
        let old: Vec<_> = receipts.drain(..count).collect();
        drop(receipts);
        old.into_iter().for_each(Unanswered::refused);
    }
}

/// What is in a lock is sound even where a thread ended while it held it: nothing is ever half done there.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    /// Returns the shared end over a connected stream.
    pub(super) fn new(stream: TcpStream, inbox: Arc<Inbox>) -> Self {
        Self { stream: Mutex::new(stream), sequence: AtomicU32::new(0), inbox, end: OnceLock::new() }
    }

    /// Sends a request; returns its sequence number.
    ///
    /// # Errors
    ///
    /// Says why the session is over, or why the request cannot be written.
    pub(super) fn request(&self, body: Body) -> Result<u32, Unsent> {
        // Numbers are 1 to 0x7FFF_FFFF (SMPP 3.4, 5.1.4).
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) % 0x7FFF_FFFF + 1;
        self.write(&Pdu::request(sequence, body)).map(|()| sequence)
    }

    fn write(&self, pdu: &Pdu) -> Result<(), Unsent> {
        // No bind has more: the octets of a password are nowhere else.
        let mut octets = Zeroizing::new(Vec::with_capacity(256));
        pdu.write(&mut octets).map_err(|fault| Unsent::All(fault.what))?;
        let mut stream = locked(&self.stream);
        match self.end.get() {
            Some(why) => Err(Unsent::All(why.clone())),
            None => stream.write_all(&octets).map_err(|error| {
                // Nothing that follows half a PDU would be understood.
                let _ = stream.shutdown(Shutdown::Both);
                Unsent::Some(reason(&error))
            }),
        }
    }

    /// Ends the connection and says why; the first reason counts.
    pub(super) fn shut(&self, why: &str) {
        let stream = locked(&self.stream);
        self.end.get_or_init(|| why.to_owned());
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// Returns why the session is over, if it is.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.get().map(String::as_str)
    }
}

impl Unsent {
    /// Returns the reason.
    pub(super) fn why(self) -> String {
        match self {
            Self::All(why) | Self::Some(why) => why,
        }
    }
}

/// The reading thread's own.
pub(super) struct Keeper {
    link: Arc<Link>,
    stream: TcpStream,
    events: SyncSender<Event>,
    buffer: Vec<u8>,
    /// How long the centre may be silent before it is asked, and then before it counts as gone.
    idle: Duration,
    patience: Duration,
    heard: Instant,
    asked: Option<Instant>,
}

#[allow(clippy::disallowed_methods, reason = "this edge waits for a socket")]
impl Keeper {
    pub(super) fn new(
        link: Arc<Link>,
        stream: TcpStream,
        events: SyncSender<Event>,
        (idle, patience): (Duration, Duration),
    ) -> io::Result<Self> {
        stream.set_read_timeout(Some(TICK))?;
        Ok(Self { link, stream, events, buffer: Vec::new(), idle, patience, heard: Instant::now(), asked: None })
    }

    /// Reads until the session is over, and says why it is.
    pub(super) fn run(mut self) {
        let why = loop {
            if let Err(why) = self.listen() {
                break why;
            }
        };
        self.link.shut(&why);
        // Where nobody listens any more, nobody wants to know.
        let _ = self.events.send(Event::Gone(why));
    }

    /// Waits a tick for octets, and handles the PDUs that are whole.
    fn listen(&mut self) -> Result<(), String> {
        self.link.inbox.refuse_old();
        let mut chunk = [0; CHUNK];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err("the centre closed the connection".to_owned()),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                (self.heard, self.asked) = (Instant::now(), None);
            }
            Err(error) if is_tick(&error) => return self.ask_when_idle(),
            Err(error) => return Err(reason(&error)),
        }
        let buffer = std::mem::take(&mut self.buffer);
        let (mut rest, mut end) = (buffer.as_slice(), Ok(()));
        // Where the next PDU begins after one without a length, nobody knows.
        let unknown = |fault| format!("the centre sends what is not SMPP: {fault}");
        while let Some(length) = smpp::length(rest).map_err(unknown)?.filter(|length| rest.len() >= *length) {
            let (pdu, more) = rest.split_at(length);
            // What stands behind the PDU that ends the session may be answers.
            end = end.and(self.handle(pdu));
            rest = more;
        }
        self.buffer = rest.to_vec();
        end
    }

    fn ask_when_idle(&mut self) -> Result<(), String> {
        match self.asked {
            Some(asked) if asked.elapsed() > self.patience => Err("the centre does not answer any more".to_owned()),
            None if self.heard.elapsed() > self.idle => {
                self.link.request(Body::EnquireLink).map_err(Unsent::why)?;
                self.asked = Some(Instant::now());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn handle(&mut self, octets: &[u8]) -> Result<(), String> {
        let Ok((pdu, _)) = smpp::read(octets) else { return self.handle_malformed(octets) };
        let answer = |name: Option<String>| Event::Answer { sequence: pdu.sequence, status: pdu.status, name };
        let event = match &pdu.body {
            Body::MessageResp { message_id: name, .. } | Body::BindResp { system_id: name, .. } => {
                answer(Some(name.clone()))
            }
            // It says no, whatever number it gives.
            Body::GenericNack if pdu.status.is_ok() => {
                Event::Answer { sequence: pdu.sequence, status: Status::INVALID_COMMAND, name: None }
            }
            Body::GenericNack | Body::UnbindResp => answer(None),
            _ => return self.answer(&pdu),
        };
        self.events.send(event).map_err(|_| "nobody listens".to_owned())
    }

    /// An answer whose body cannot be read still says what became of the request.
    fn handle_malformed(&mut self, octets: &[u8]) -> Result<(), String> {
        let Some((command, status, sequence)) = smpp::header(octets) else { return Ok(()) };
        if smpp::is_response(command) {
            let event = Event::Answer { sequence, status, name: None };
            return self.events.send(event).map_err(|_| "nobody listens".to_owned());
        }
        let nack = Pdu { status: Status::INVALID_LENGTH, sequence, body: Body::GenericNack };
        self.link.write(&nack).map_err(Unsent::why)
    }

    /// Answers what the centre asks.
    fn answer(&mut self, pdu: &Pdu) -> Result<(), String> {
        let Some(mut answer) = pdu.answer() else { return Ok(()) };
        if let Body::Message(Carrier::DeliverSm | Carrier::DataSm, message) = &pdu.body {
            if let Some(receipt) = Receipt::read(message) {
                let (link, since) = (Arc::downgrade(&self.link), Instant::now());
                self.link.inbox.add(Unanswered { receipt, answer, link, since });
                return Ok(());
            }
            // What a subscriber sends is not for us: the centre keeps it for who reads it.
            answer.status = Status::RECEIVER_BUSY;
        }
        self.link.write(&answer).map_err(Unsent::why)?;
        match &pdu.body {
            Body::Unbind => Err("the centre ended the session".to_owned()),
            _ => Ok(()),
        }
    }
}

fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
