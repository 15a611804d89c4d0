//! What the IMPS server does in a second and what it costs, beside a bare echo server on the same HTTP stack, in one
//! run. See `benches/README.md`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and tells")]

mod crowd;
mod engine;
mod generator;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use generator::{Load, MESSAGE, Pace, drive, echo, echoes, idle_sessions, messages, open_connections, polls};
use impskit::client::load;
use impskit::server::{Store, Timestamp};

/// Seconds of each measurement over HTTP.
const SECONDS: u64 = 5;
/// Pairs of clients, as in `product.md` section 13.
const PAIRS: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("echo") => echo::serve(),
        Some("engine") => engine::all(),
        Some("http") => over_http(),
        Some("rates") => at_rates(),
        Some("idle") => idle(),
        Some("crowd") => crowd::all(),
        Some(other) => panic!("`{other}` is no part: engine, http, rates, idle, crowd, or nothing for all"),
        None => {
            engine::all();
            over_http();
            at_rates();
            idle();
            crowd::all();
        }
    }
}

/// Requests a second and CPU a request, beside the echo server.
fn over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mut bare, mut server] = peers(folder.path());
    let time = Duration::from_secs(SECONDS);
    println!("over HTTP, {PAIRS} pairs, {SECONDS} s each");
    for round in 1..=2 {
        let of_echo = drive(&polls(&bare.url, PAIRS, time, true), &bare.pid());
        let of_polls = drive(&polls(&server.url, PAIRS, time, false), &server.pid());
        let pace = Pace { pairs: PAIRS, rate: None, time };
        let of_echoes = echoes(&bare.url, &server.url, &pace, &bare.pid());
        let of_messages = messages(&server.url, &pace, &server.pid());
        let as_many = Pace { pairs: PAIRS, rate: Some(of_messages.rate()), time };
        let of_as_many = echoes(&bare.url, &server.url, &as_many, &bare.pid());
        println!("round {round}");
        let line = |what: &str, load: &Load| {
            println!("  {what:<44} {:>8.0}/s  {:>7.1} µs CPU each", load.rate(), load.cpu_each());
        };
        line("echo of a poll, requests", &of_echo);
        line("poll that finds nothing, requests", &of_polls);
        line("message sent, polled, confirmed", &of_messages);
        line("three echoes of the same, at that rate", &of_as_many);
        line("three echoes of the same, as fast as it goes", &of_echoes);
        println!("  posts a message {:.2}", of_messages.posts as f64 / of_messages.units as f64);
        println!("  polls a second to echoes a second {:.2} (target 0.5)", of_polls.rate() / of_echo.rate());
        println!("  CPU of a poll to that of an echo {:.2}", of_polls.cpu_each() / of_echo.cpu_each());
        let ratio = |of: &Load| of_messages.cpu_each() / of.cpu_each();
        println!("  CPU of a message to that of three echoes at that rate {:.2} (target 2)", ratio(&of_as_many));
        println!("  CPU of a message to that of three echoes as fast as it goes {:.2}", ratio(&of_echoes));
    }
    bare.stop();
    server.stop();
}

/// The same at rates that leave the machine idle at times: a commit has fewer messages then, and an echo is woken for.
fn at_rates() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mut bare, mut server] = peers(folder.path());
    println!("over HTTP, {PAIRS} pairs, so many messages a second, {SECONDS} s each: CPU of one and of three echoes");
    for rate in [2_000.0, 4_000.0, 6_000.0, 8_000.0] {
        let pace = Pace { pairs: PAIRS, rate: Some(rate), time: Duration::from_secs(SECONDS) };
        let of_echoes = echoes(&bare.url, &server.url, &pace, &bare.pid());
        let of_messages = messages(&server.url, &pace, &server.pid());
        let [message, three] = [&of_messages, &of_echoes].map(Load::cpu_each);
        println!("  {:>6.0}/s {message:>7.1} µs {three:>7.1} µs {:>6.2}", of_messages.rate(), message / three);
    }
    bare.stop();
    server.stop();
}

/// Starts an echo server, and an IMPS server with the users of both loads.
fn peers(folder: &Path) -> [Peer; 2] {
    let mut users = users(2 * PAIRS);
    users.extend(["wv:romeo@example.com".to_owned(), "wv:juliet@example.com".to_owned()]);
    users.extend(load::accounts(MESSAGE, PAIRS).expect("a script").into_iter().map(|account| account.user));
    [Peer::echo(), Peer::server(&folder.join("s.db"), &users)]
}

/// What idle sessions and connections keep of memory.
fn idle() {
    const SESSIONS: usize = 10_000;
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Peer::server(&folder.path().join("s.db"), &users(SESSIONS));
    let before = server.resident();
    idle_sessions(&server.url, SESSIONS);
    let after = server.resident();
    println!("{SESSIONS} idle sessions: {before:.1} MiB before, {after:.1} MiB with them (target 60)");
    // Fewer than there may be: one more has to find room.
    let open = open_connections(&server.url, SESSIONS - 100);
    println!(
        "{} connections beside: {:.1} MiB, one more is answered in {:?}",
        open.count,
        server.resident(),
        open.answer
    );
    drop(open);
    server.stop();
}

/// Returns the addresses of `user0` and so on.
fn users(count: usize) -> Vec<String> {
    (0..count).map(|user| format!("wv:user{user}@example.com")).collect()
}

/// A program beside this one.
struct Peer {
    child: Child,
    url: String,
}

impl Peer {
    /// Starts this program as an echo server.
    fn echo() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program).arg("echo").stdout(Stdio::piped()).spawn().expect("an echo server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
        Self { child, url: line.trim().to_owned() }
    }

    /// Starts `impskit serve` on a store with users.
    fn server(store: &Path, users: &[String]) -> Self {
        let mut made = Store::open(store).expect("a store");
        for user in users {
            let address = if user.contains('@') { user.clone() } else { format!("{user}@example.com") };
            made.add_user(&address, "secret", Timestamp::from_seconds(1)).expect("a user");
        }
        made.commit().expect("users");
        drop(made);
        let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
        command.args(["serve", "--domain", "example.com", "--listen", "127.0.0.1:0", "--log-format", "text"]);
        command.arg("--store").arg(store).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("a server");
        let mut log = BufReader::new(child.stderr.take().expect("its log"));
        let mut line = String::new();
        while !line.contains("ready: ") {
            line.clear();
            assert!(log.read_line(&mut line).expect("its log") > 0, "the server ended");
        }
        let url = line.split_whitespace().find(|word| word.starts_with("http://")).expect("a URL").to_owned();
        // A log that nobody reads would fill its pipe.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Self { child, url }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Returns its resident memory in MiB.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its state");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
