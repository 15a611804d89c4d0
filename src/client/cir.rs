//! EDGE: being woken (CSP session, "CIR"): a connection to the server, datagrams, asking by HTTP. Each way has a thread of
//! its own that says what it heard; dropping the [`Bell`] ends it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Event, Ways};
use crate::csp::cir::{self, Lines, Method};
use crate::delivery::wsp::Push;
use crate::diagnose::Report;
use crate::error::{Error, Result, reason};

/// The time for a connection, and for `OK`; clients in the field wait 10 or 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The silence after which the server is asked whether it is there: less than gateways keep idle connections.
const PING_AFTER: Duration = Duration::from_secs(60);
/// The first wait before a connection is opened again; each further one is twice as long, up to [`LONGEST_BACK_OFF`].
const BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// How often a way looks whether it is to end.
const STEP: Duration = Duration::from_millis(200);

/// The end of a way at which a client is called.
#[derive(Debug)]
pub struct Bell {
    method: Method,
    socket: Option<UdpSocket>,
    events: Receiver<Event>,
    teller: Sender<Event>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    is_over: AtomicBool,
    /// Whether the connection is to be opened again at once.
    is_to_reopen: AtomicBool,
    stream: Mutex<Option<TcpStream>>,
}

impl Bell {
    /// Opens what has to be open before the session is: the port where datagrams come in. `port` is where plain ones do,
    /// the system's choice where it is 0; pushes have a port of their own.
    ///
    /// # Errors
    ///
    /// Fails where the port cannot be had, and where the way needs short messages.
    pub fn new(method: Method, port: u16) -> Result<Self> {
        let port = match method {
            Method::Sudp => Some(port),
            Method::WapUdp => Some(cir::WAP_PORT),
            Method::Stcp | Method::Shttp => None,
            Method::Ssms | Method::WapSms => {
                return Err(Error::input(format!("{} needs a modem", method.as_str())));
            }
        };
        let bind = |port| {
            let failed = |error: std::io::Error| Error::remote(reason(&error)).at(format!("UDP port {port}"));
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).map_err(failed)?;
            socket.set_read_timeout(Some(STEP)).map_err(failed)?;
            Ok::<_, Error>(socket)
        };
        let socket = port.map(bind).transpose()?;
        let (teller, events) = channel();
        Ok(Self { method, socket, events, teller, state: Arc::default(), thread: None })
    }

    /// Returns the way.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the port where datagrams come in.
    pub fn port(&self) -> Option<u16> {
        self.socket.as_ref().and_then(|socket| socket.local_addr().ok()).map(|address| address.port())
    }

    /// Begins to listen for a session, as it was agreed; where it was not, nothing is heard.
    ///
    /// # Errors
    ///
    /// Fails where the server agreed to another way only, or to none.
    pub fn listen(&mut self, ways: &Ways, session: &str, every: Duration) -> Result<()> {
        if !ways.methods.contains(&self.method) {
            let error = Error::remote(format!("the server does not agree to {}", self.method.as_str()));
            return Err(error.help("poll, or name a way that the server has: its `[server.cir]` says which"));
        }
        let lacks =
            |what: &str| Error::remote(format!("the server agrees to {}, without {what}", self.method.as_str()));
        let (state, events) = (self.state.clone(), self.teller.clone());
        let thread = match self.method {
            Method::Stcp => {
                let address = ways.tcp.clone().ok_or_else(|| lacks("an address"))?;
                let hello = cir::hello(session);
                std::thread::spawn(move || keep_connected(&address, &hello, &state, &events))
            }
            Method::Shttp => {
                let url = ways.url.clone().ok_or_else(|| lacks("an address"))?;
                std::thread::spawn(move || ask(&url, every, &state, &events))
            }
            _ => {
                let socket = self.socket.take().ok_or_else(|| lacks("a port"))?;
                let is_push = self.method == Method::WapUdp;
                std::thread::spawn(move || take_datagrams(&socket, is_push, &state, &events))
            }
        };
        self.thread = Some(thread);
        Ok(())
    }

    /// Waits for what is heard next.
    pub fn next(&self, longest: Duration) -> Option<Event> {
        self.events.recv_timeout(longest).ok()
    }

    /// Opens the connection again: the server says that it is lost.
    pub fn reopen(&self) {
        self.state.is_to_reopen.store(true, Ordering::Relaxed);
        self.state.hang_up();
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        self.state.hang_up();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so on its own.
            let _ = thread.join();
        }
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn hang_up(&self) {
        if let Some(stream) = &*self.stream.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits in steps; `false` where it is over.
    #[allow(clippy::disallowed_methods, reason = "this edge waits")]
    fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while !self.is_over() && !self.is_to_reopen.swap(false, Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(STEP));
        }
        !self.is_over()
    }
}

/// Opens the connection, and again each time that it breaks.
fn keep_connected(address: &(String, u16), hello: &str, state: &State, events: &Sender<Event>) {
    let mut back_off = BACK_OFF;
    loop {
        let mut was_greeted = false;
        if let Some(stream) = connect(address) {
            *state.stream.lock().unwrap_or_else(PoisonError::into_inner) = stream.try_clone().ok();
            was_greeted = talk(stream, (hello, PING_AFTER), state, events).is_some();
        }
        if was_greeted {
            back_off = BACK_OFF;
            let _ = events.send(Event::Reachable(false));
        }
        if !state.wait(back_off) {
            return;
        }
        back_off = (back_off * 2).min(LONGEST_BACK_OFF);
    }
}

fn connect((host, port): &(String, u16)) -> Option<TcpStream> {
    let addresses = (host.as_str(), *port).to_socket_addrs().ok()?;
    addresses.into_iter().find_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok())
}

/// Greets and listens until the connection breaks; returns whether it ever was open.
fn talk(
    mut stream: TcpStream,
    (hello, ping_after): (&str, Duration),
    state: &State,
    events: &Sender<Event>,
) -> Option<()> {
    let mut lines = Lines::default();
    let mut octets = [0; cir::LONGEST];
    // What the server owes us an `OK` for.
    let mut awaits_ok = true;
    let mut greeted = None;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "{hello}\r\n").ok()?;
    while !state.is_over() {
        stream.set_read_timeout(Some(if awaits_ok { PATIENCE } else { ping_after })).ok()?;
        let read = match stream.read(&mut octets) {
            Ok(0) => return greeted,
            Ok(count) => lines.add(&octets[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && !awaits_ok => {
                awaits_ok = true;
                if stream.write_all(b"PING\r\n").is_err() {
                    return greeted;
                }
                continue;
            }
            Err(_) => return greeted,
        };
        let Ok(read) = read else { return greeted };
        for line in read {
            if line == "OK" {
                awaits_ok = false;
                if greeted.replace(()).is_none() {
                    let _ = events.send(Event::Reachable(true));
                }
            } else if greeted.is_some() {
                let _ = events.send(Event::Called(line));
            }
        }
    }
    greeted
}

/// Takes datagrams.
fn take_datagrams(socket: &UdpSocket, is_push: bool, state: &State, events: &Sender<Event>) {
    let _ = events.send(Event::Reachable(true));
    let mut octets = [0; 1500];
    while !state.is_over() {
        let Ok(count) = socket.recv(&mut octets) else { continue };
        let text = if is_push { read_push(&octets[..count]) } else { Some(&octets[..count]) };
        let text = text.filter(|text| text.len() <= cir::LONGEST);
        if let Some(text) = text {
            let _ = events.send(Event::Called(String::from_utf8_lossy(text).into_owned()));
        }
    }
}

/// Returns the CIR in a push.
fn read_push(octets: &[u8]) -> Option<&[u8]> {
    let push = Push::read(octets, &mut Report::new())?;
    push.media.is_initiation().then_some(push.body)
}

/// Asks by HTTP whether something waits, from time to time.
fn ask(url: &str, every: Duration, state: &State, events: &Sender<Event>) {
    let configuration = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
    let agent = ureq::Agent::new_with_config(configuration.build());
    let mut is_reachable = false;
    while state.wait(every) {
        let status = agent.get(url).call().ok().map(|answer| answer.status().as_u16());
        let is_answered = matches!(status, Some(200 | 204));
        if is_answered != is_reachable {
            is_reachable = is_answered;
            let _ = events.send(Event::Reachable(is_reachable));
        } else if status == Some(200) {
            let _ = events.send(Event::Poll);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn line(stream: &TcpStream) -> String {
        let mut line = Vec::new();
        let mut octet = [0];
        while !line.ends_with(b"\n") && (&*stream).read(&mut octet).unwrap() == 1 {
            line.push(octet[0]);
        }
        String::from_utf8(line).unwrap()
    }

    /// The other end is a server as the sheet has it, that breaks off.
    #[test]
    fn a_connection_is_opened_again_each_time_that_it_breaks() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        let tcp = Some(("127.0.0.1".to_owned(), port));
        let ways = Ways { methods: vec![Method::Stcp], tcp, ..Ways::default() };
        let mut bell = Bell::new(Method::Stcp, 0).unwrap();
        bell.listen(&ways, "s1", Duration::ZERO).unwrap();
        let accept = |greeting: &[u8]| {
            let (mut stream, _) = server.accept().unwrap();
            assert_eq!(line(&stream), "HELO s1\r\n");
            stream.write_all(greeting).unwrap();
            stream
        };
        let heard = |bell: &Bell| format!("{:?}", bell.next(Duration::from_secs(20)).unwrap());
        drop(accept(b"OK\r\nWVCI 1.3 c\r\n"));
        let expected = ["Reachable(true)", "Called(\"WVCI 1.3 c\")", "Reachable(false)"];
        assert_eq!(std::array::from_fn(|_| heard(&bell)), expected);
        let stream = accept(b"OK\r\n");
        assert_eq!(heard(&bell), "Reachable(true)");
        bell.reopen();
        assert_eq!(line(&stream), "", "it hangs up");
        assert_eq!(heard(&bell), "Reachable(false)");
        // A server that does not know the session closes, or says what is no line: nothing is heard of it.
        drop(accept(b"WVCI 1.3 c\r\n"));
        drop(accept(&[b'x'; 1000]));
        let _last = accept(b"OK\r\n");
        assert_eq!(heard(&bell), "Reachable(true)");
    }

    #[test]
    fn a_silent_server_is_asked_whether_it_is_there() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let (other, _) = server.accept().unwrap();
        let (events, heard) = channel();
        let state = State::default();
        std::thread::scope(|scope| {
            let talking =
                scope.spawn(|| talk(stream, ("HELO s1", Duration::from_millis(50)), &state, &events).is_some());
            assert_eq!(line(&other), "HELO s1\r\n");
            (&other).write_all(b"OK\r\n").unwrap();
            for _ in 0..2 {
                assert_eq!(line(&other), "PING\r\n");
                (&other).write_all(b"OK\r\n").unwrap();
            }
            other.shutdown(Shutdown::Both).unwrap();
            assert!(talking.join().unwrap());
        });
        assert_eq!(heard.try_iter().count(), 1, "that it can be reached, once");
    }

    #[test]
    fn what_was_not_agreed_is_not_waited_for() {
        let mut bell = Bell::new(Method::Stcp, 0).unwrap();
        let error = bell.listen(&Ways::default(), "s1", Duration::ZERO).unwrap_err();
        assert_eq!(error.what, "the server does not agree to STCP");
        assert!(Bell::new(Method::WapSms, 0).is_err());
    }

    /// The first octets are those that Wireshark reads as `application/vnd.wv.csp.cir`.
    #[test]
    fn only_pushes_of_a_cir_are_read() {
        let push = |head: &[u8]| [head, b"WVCI 1.3 a1b2c3"].concat();
        let cir = push(&[0x01, 0x06, 0x03, 0xC6, 0xAF, 0x8A]);
        assert_eq!(read_push(&cir), Some(&b"WVCI 1.3 a1b2c3"[..]));
        let in_full = push(b"\x01\x06\x1Bapplication/vnd.wv.csp.cir\0");
        assert_eq!(read_push(&in_full), Some(&b"WVCI 1.3 a1b2c3"[..]));
        assert_eq!(read_push(&push(&[0x01, 0x06, 0x01, 0xB6])), None, "a provisioning document");
        assert_eq!(read_push(b"WVCI 1.3 a1b2c3"), None);
        assert_eq!(read_push(b""), None);
    }
}
