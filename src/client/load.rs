//! EDGE: a script as load: copies of its people play it at the same time, each copy again and again.
//!
//! ```text
//! script ── copy 1 ──> thread: enter │ round round round … │ leave
//!        ── copy 2 ──> thread: enter │ round round round … │ leave
//!                                    └ measured from here ─┘
//! ```
//!
//! Each copy has users of its own: behind each name stands the number of the copy. With one copy the script is played as
//! it is written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Event;
use super::conversation::Post;
use super::http::{Line, Lines};
use super::latencies::Latencies;
use super::rounds::Rounds;
use super::script::{Account, Mistake, Script};
use crate::csp::Version;
use crate::csp::wire::Form;
use crate::error::{Error, Result, reason};

/// Copies of a script: each is a thread, and each of its connections some five open files.
pub const MOST_COPIES: usize = 1000;
/// Reasons of failures that are told one by one.
const MOST_REASONS: usize = 20;
/// How long a thread sleeps before it looks whether all is over.
const NAP: Duration = Duration::from_millis(50);
/// How often it is told how far things are.
const TICK: Duration = Duration::from_millis(100);
/// After how long clients log in again behind a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// How a script is to be played.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The version.
    pub version: Version,
    /// The syntax.
    pub form: Form,
    /// How many copies, up to [`MOST_COPIES`].
    pub copies: usize,
    /// How many rounds all copies may begin in a second; else each begins the next when one is over.
    pub rate: Option<f64>,
    /// For how long rounds are begun.
    pub time: Duration,
}

/// What is told meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All are in who come in: the measured time begins.
    Begun,
    /// How much of the time is over.
    Going(Duration),
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// The measured time: until the last round was over.
    pub time: Duration,
    /// Rounds that came true.
    pub rounds: u64,
    /// Rounds, and ways in, that did not.
    pub failures: u64,
    /// Why: the line of the script and what is wrong with it, or no line where the server was not to be reached.
    pub reasons: BTreeMap<(Option<usize>, String), u64>,
    /// Requests that were answered.
    pub posts: u64,
    /// How long each answer took.
    pub latencies: Latencies,
}

/// Returns the users that copies of a script need.
///
/// # Errors
///
/// As [`Script::read`].
pub fn accounts(text: &str, copies: usize) -> std::result::Result<Vec<Account>, Mistake> {
    Ok(scripts(text, copies)?.into_iter().flat_map(|script| script.accounts).collect())
}

/// Plays a script as load. `open` makes a connection for one who speaks, by the name; `seen` says whether to go on.
///
/// # Errors
///
/// Fails where the script cannot be read, threads cannot be made, or nobody can be reached at all.
pub fn run(
    text: &str,
    wanted: &Wanted,
    open: &(dyn Fn(&str) -> Result<Line> + Sync),
    seen: &mut dyn FnMut(Seen) -> bool,
) -> Result<Figures> {
    let scripts = scripts(text, wanted.copies).map_err(|mistake| Error::input(mistake.to_string()))?;
    let house = House::new(wanted, open);
    thread::scope(|scope| {
        let (told, heard) = channel();
        for (number, script) in scripts.iter().enumerate() {
            let (house, told) = (&house, told.clone());
            let player = thread::Builder::new().spawn_scoped(scope, move || house.play(number, script, &told));
            if let Err(error) = player {
                house.is_over.store(true, Ordering::Relaxed);
                house.begin();
                return Err(Error::remote(format!("no more than {number} copies can be played: {}", reason(&error))));
            }
        }
        drop(told);
        house.look_after(scripts.len(), &heard, seen)
    })
}

/// Returns the script as each copy plays it.
fn scripts(text: &str, copies: usize) -> std::result::Result<Vec<Script>, Mistake> {
    let script = Script::read(text)?;
    if copies <= 1 {
        return Ok(vec![script]);
    }
    let names = names(&script);
    let of_copy = |copy: usize| {
        let rename = |text: String, name: &String| with_suffix(&text, name, &format!("-{copy}"));
        Script::read(&names.iter().fold(text.to_owned(), rename))
    };
    (1..=copies.min(MOST_COPIES)).map(of_copy).collect()
}

/// Returns the names of a script's users, without their domain.
fn names(script: &Script) -> Vec<String> {
    let name = |account: &Account| account.user.split('@').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = script.accounts.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Puts a suffix behind a name wherever it stands alone.
fn with_suffix(text: &str, name: &str, suffix: &str) -> String {
    let is_of_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(name).filter(|_| !name.is_empty()) {
        let (before, behind) = (&rest[..place], &rest[place + name.len()..]);
        let is_whole = !before.ends_with(is_of_name) && !behind.starts_with(is_of_name);
        written += before;
        written += name;
        written += if is_whole { suffix } else { "" };
        rest = behind;
    }
    written + rest
}

/// What all copies share.
struct House<'h> {
    wanted: &'h Wanted,
    open: &'h (dyn Fn(&str) -> Result<Line> + Sync),
    born: Instant,
    /// Whether nothing more is to be begun.
    is_over: AtomicBool,
    /// When the measured time began, counted from the birth.
    begun: Mutex<Option<Duration>>,
    bell: Condvar,
    posts: AtomicU64,
}

/// What a copy tells.
enum Word {
    /// Whether its people are in.
    In(bool),
    /// It has done what it will.
    Done(Box<Own>),
}

/// What a copy has seen.
#[derive(Default)]
struct Own {
    figures: Figures,
    /// Whether the time is measured now.
    is_measured: bool,
    /// Whether the script was left in the middle because the time was over.
    is_cut: bool,
    /// Why the last post had no answer.
    trouble: Option<Error>,
}

#[allow(clippy::disallowed_methods, reason = "EDGE: it measures time, and waits")]
impl<'h> House<'h> {
    fn new(wanted: &'h Wanted, open: &'h (dyn Fn(&str) -> Result<Line> + Sync)) -> Self {
        Self {
            wanted,
            open,
            born: Instant::now(),
            is_over: AtomicBool::new(false),
            begun: Mutex::new(None),
            bell: Condvar::new(),
            posts: AtomicU64::new(0),
        }
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    /// Opens the gate that those wait at who are in.
    fn begin(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.now());
        self.bell.notify_all();
    }

    /// Waits until all are in; returns when that was.
    fn wait_at_gate(&self) -> Duration {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.bell.wait_while(begun, |begun| begun.is_none()).unwrap_or_else(PoisonError::into_inner);
        begun.unwrap_or_default()
    }

    /// Waits until a moment, and returns true, unless all is over before.
    fn wait(&self, until: Duration, end: Option<Duration>) -> bool {
        loop {
            let now = self.now();
            if self.is_over.load(Ordering::Relaxed) || end.is_some_and(|end| now >= end) {
                return false;
            }
            match until.checked_sub(now).filter(|left| !left.is_zero()) {
                None => return true,
                Some(left) => thread::sleep(left.min(NAP)),
            }
        }
    }

    /// Plays one copy to the end.
    fn play(&self, number: usize, script: &Script, told: &Sender<Word>) {
        let own = RefCell::new(Own::default());
        let mut lines = Lines::new(self.open);
        // The gate opens for all at once: until then nobody knows the end.
        let end = RefCell::new(None);
        let post = |post: Post<'_>| self.post(&post, *end.borrow(), &mut lines, &mut own.borrow_mut());
        let mut rounds = Rounds::new(script, self.wanted.version, self.wanted.form, post);
        let mut is_in = self.note(number, rounds.enter(self.now()), &own);
        // Nobody listens any more where threads could not be made.
        let _ = told.send(Word::In(is_in));
        let begun = self.wait_at_gate();
        let last = begun + self.wanted.time;
        end.replace(Some(last));
        own.borrow_mut().is_measured = true;
        let each = self.wanted.rate.map(|rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX));
        let mut due =
            begun.saturating_add(each.unwrap_or_default().saturating_mul(u32::try_from(number).unwrap_or_default()));
        while self.wait(due, Some(last)) {
            let now = self.now();
            if is_in {
                is_in = self.note(number, rounds.round(now), &own);
                own.borrow_mut().figures.rounds += u64::from(is_in);
                let step = each.unwrap_or_default().saturating_mul(u32::try_from(self.wanted.copies).unwrap_or(1));
                // Who is late does not hurry afterwards.
                due = due.saturating_add(step).max(now);
            } else {
                is_in = self.note(number, rounds.enter(now), &own);
                due = if is_in { now } else { now + AGAIN };
            }
        }
        own.borrow_mut().is_measured = false;
        own.borrow_mut().figures.time = self.now().saturating_sub(begun);
        if is_in {
            // The sessions of who cannot leave expire.
            let _ = rounds.leave(self.now());
        }
        drop(rounds);
        let _ = told.send(Word::Done(Box::new(own.into_inner())));
    }

    /// Takes a post to the server when the script's time has come.
    fn post(&self, post: &Post<'_>, end: Option<Duration>, lines: &mut Lines<'_>, own: &mut Own) -> Event {
        if post.now > self.now() && !self.wait(post.now, end) {
            own.is_cut = true;
            return Event::Refused("the time is over".to_owned());
        }
        let began = Instant::now();
        let (event, error) = lines.carry(post);
        if own.is_measured && error.is_none() {
            own.figures.latencies.add(began.elapsed());
            own.figures.posts += 1;
        }
        if error.is_none() {
            self.posts.fetch_add(1, Ordering::Relaxed);
        }
        own.trouble = error;
        event
    }

    /// Counts why something did not come true; returns whether it did.
    fn note(&self, number: usize, outcome: std::result::Result<(), Mistake>, own: &RefCell<Own>) -> bool {
        let Err(mistake) = outcome else { return true };
        let own = &mut *own.borrow_mut();
        if own.is_cut {
            return false;
        }
        own.figures.failures += 1;
        let (line, what) = match &own.trouble {
            Some(error) => (None, error.what.clone()),
            None => (Some(mistake.line), mistake.what.lines().next().unwrap_or_default().to_owned()),
        };
        // What the copies say differs by their number alone.
        let what = if self.wanted.copies > 1 { what.replace(&format!("-{}", number + 1), "") } else { what };
        own.figures.count((line, what), 1);
        false
    }

    /// Opens the gate when all are in, tells how far things are, and adds up what each copy has seen.
    fn look_after(&self, copies: usize, heard: &Receiver<Word>, seen: &mut dyn FnMut(Seen) -> bool) -> Result<Figures> {
        let (mut waiting, mut are_in) = (copies, 0);
        let (mut figures, mut trouble) = (Figures::default(), None);
        loop {
            let goes_on = match heard.recv_timeout(TICK) {
                Ok(Word::In(is_in)) => {
                    waiting -= 1;
                    are_in += usize::from(is_in);
                    if waiting > 0 {
                        continue;
                    }
                    // Where nobody is in, nobody tries again.
                    self.is_over.fetch_or(are_in == 0, Ordering::Relaxed);
                    self.begin();
                    seen(Seen::Begun)
                }
                Ok(Word::Done(own)) => {
                    figures.merge(&own.figures);
                    trouble = own.trouble.or(trouble);
                    true
                }
                Err(RecvTimeoutError::Timeout) => {
                    let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                    seen(Seen::Going(begun.map_or(Duration::ZERO, |begun| self.now() - begun)))
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if !goes_on {
                self.is_over.store(true, Ordering::Relaxed);
            }
        }
        // Who cannot be reached says nothing about the script.
        match trouble.filter(|_| self.posts.load(Ordering::Relaxed) == 0) {
            Some(error) => Err(error),
            None => Ok(figures),
        }
    }
}

impl Figures {
    fn count(&mut self, why: (Option<usize>, String), times: u64) {
        let is_kept = self.reasons.len() < MOST_REASONS || self.reasons.contains_key(&why);
        let why = if is_kept { why } else { (None, "other reasons".to_owned()) };
        *self.reasons.entry(why).or_default() += times;
    }

    fn merge(&mut self, other: &Self) {
        self.time = self.time.max(other.time);
        self.rounds += other.rounds;
        self.failures += other.failures;
        self.posts += other.posts;
        self.latencies.merge(&other.latencies);
        for (why, times) in &other.reasons {
            self.count(why.clone(), *times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_has_users_of_its_own() {
        let text = "given wv:romeo with password \"rosaline\"\nromeo logs in as wv:romeo@example.com\n\
                    juliet logs in as wv:juliet\nromeo sends SendMessage-Request to wv:juliet: \"wv:romeo? wv:romeos\"\n\
                    romeo sends JoinGroup-Request to wv:romeo/verona\n";
        let users = |copies| {
            let accounts = accounts(text, copies).unwrap();
            accounts.into_iter().map(|account| format!("{} {}", account.user, account.password)).collect::<Vec<_>>()
        };
        assert_eq!(users(1)[0], "wv:romeo rosaline", "one plays it as it is written");
        let two = users(2);
        assert_eq!(two[..3], ["wv:romeo-1 rosaline", "wv:romeo-1@example.com secret", "wv:juliet-1 secret"]);
        assert_eq!(two[3], "wv:romeo-2 rosaline");
        assert_eq!(
            with_suffix("wv:romeo/verona \"wv:romeo? wv:romeos\"", "wv:romeo", "-7"),
            "wv:romeo-7/verona \"wv:romeo-7? wv:romeos\""
        );
        assert!(accounts("romeo sings", 2).is_err());
    }

    #[test]
    fn reasons_are_counted_and_few() {
        let mut figures = Figures::default();
        for line in 1..100 {
            figures.count((Some(line), "status 200 is expected".to_owned()), 2);
        }
        let mut all = figures.clone();
        all.merge(&figures);
        assert_eq!(all.reasons.len(), MOST_REASONS + 1);
        assert_eq!(all.reasons[&(Some(1), "status 200 is expected".to_owned())], 4);
        assert_eq!(all.reasons.values().sum::<u64>(), 4 * 99);
    }
}
