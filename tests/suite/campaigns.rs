//! Campaigns as operators steer them: several routes, stages, pace, quiet hours, receipts, and gateways that misbehave.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use impskit::batch::audit::{self, Audit, Trail};
use impskit::batch::event::EventKind;
use impskit::batch::login::Logins;
use impskit::batch::route::{Class, Fate, Message, Needs, Outcome, Pace, Part, Receipt, Route};
use impskit::batch::run::{Ended, Progress, Summary};
use impskit::batch::status::Status;
use impskit::batch::store::{Again, Login, Run as Access, State, Store, StoreKey};
use impskit::error::{Error, Result};

use crate::batch::{Clock, Fixture, Told, impskit, table};

/// What a scripted gateway does with a message, by its number and its attempt.
type Script = fn(u64, u32) -> Outcome;

/// A gateway that does as it is told, gives each message an id, and remembers when it saw what.
struct Gateway {
    script: Script,
    seen: Arc<Mutex<Vec<u64>>>,
    receipts: Vec<Receipt>,
    /// Which receipts it sends at once, before its answer is recorded.
    early: fn(u64) -> Option<Fate>,
}

impl Route for Gateway {
    fn needs(&self) -> Needs {
        Needs::Line(Part::usual())
    }

    fn window(&self) -> usize {
        10
    }

    fn submit(&mut self, messages: &[&Message], pace: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for message in messages {
            if !pace.take(message.sms) {
                outcomes.push(Outcome::NotSent);
                continue;
            }
            self.seen.lock().unwrap().push(message.row.msisdn);
            let outcome = (self.script)(message.row.msisdn, message.row.attempts + 1);
            if matches!(&outcome, Outcome::Refused { class: Class::Throttled, .. }) {
                pace.throttled();
            }
            if let (Some(fate), Outcome::Taken { ids }) = ((self.early)(message.row.msisdn), &outcome) {
                self.receipts.extend(ids.iter().map(|id| receipt(id, fate)));
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn listen(&mut self, pace: &mut dyn Pace) {
        let receipts = std::mem::take(&mut self.receipts);
        assert!(receipts.is_empty() || pace.keep(&receipts), "the store is there");
    }
}

fn receipt(id: &str, fate: Fate) -> Receipt {
    let code = (fate != Fate::Delivered).then(|| "gw:undelivered".to_owned());
    Receipt { id: id.to_owned(), fate, code, at: None }
}

fn taken(msisdn: u64, attempt: u32) -> Outcome {
    Outcome::Taken { ids: vec![format!("{msisdn}-{attempt}-1"), format!("{msisdn}-{attempt}-2")] }
}

fn refused(class: Class) -> Outcome {
    Outcome::Refused { class, code: "gw:8".into(), text: "refused".into() }
}

fn gateway(script: Script, seen: &Arc<Mutex<Vec<u64>>>) -> Box<dyn Route> {
    Box::new(Gateway { script, seen: seen.clone(), receipts: Vec::new(), early: |_| None })
}

/// A campaign with one scripted gateway.
struct Play {
    fixture: Fixture,
    store: Store,
    clock: Clock,
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Play {
    fn new(more: &str, rows: u64) -> Self {
        let fixture = Fixture::new("sim", more);
        let mut store = fixture.store();
        fixture.plan(&mut store, &table(rows), 1).unwrap();
        Self { fixture, store, clock: Clock::at(2_000), seen: Arc::default() }
    }

    fn gateway(&self, script: Script) -> Box<dyn Route> {
        gateway(script, &self.seen)
    }

    fn run(&mut self, script: Script) -> Summary {
        let route = self.gateway(script);
        self.fixture.run_by(&mut self.store, (1, "w1"), &self.clock, |_| Ok(route), u64::MAX).unwrap()
    }

    /// Leaves the first handset of the table as a worker does that is killed while it hands it over.
    fn kill_at_submit(&mut self) {
        let shared = Mutex::new(std::mem::replace(&mut self.store, Store::in_memory().unwrap()));
        let access = Access::new(&shared, "spring", "w1", "sim");
        let lease = access.lease(0, 100, 130).unwrap().unwrap();
        let rows = access.due_rows(0, 100, (0, 1), 99).unwrap();
        assert!(access.mark(&lease, &rows.iter().collect::<Vec<_>>(), 101, 131).unwrap());
        self.store = shared.into_inner().unwrap();
    }

    /// Runs with an audit log; returns how often each outcome stands in it.
    fn outcomes(&mut self, script: Script) -> BTreeMap<String, u32> {
        let path = self.fixture.path("audit.jsonl");
        let trail = Trail::new(Audit::open(&path).unwrap(), "os:anna".into(), None);
        let told = Told { trail: Some(&trail), ..Told::default() };
        let seen = self.seen.clone();
        self.fixture.run_lanes(&mut self.store, &self.clock, &|_| gateway(script, &seen), told).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut outcomes = BTreeMap::<String, u32>::new();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            *outcomes.entry(line["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        outcomes
    }

    fn states(&self) -> BTreeMap<String, u64> {
        self.store.count_states("spring").unwrap().into_iter().collect()
    }

    fn count(&self, state: State) -> u64 {
        self.states().get(state.as_str()).copied().unwrap_or_default()
    }
}

/// Stage by stage, in the order of the table; the second waits for a person, and each begins once.
#[test]
fn stages_take_the_first_rows_and_wait_for_approval() {
    let mut play = Play::new("stages = [\"3\", \"40%\", \"100%\"]\nhold_between_stages = true\n", 25);
    let first = play.run(taken);
    assert_eq!((first.ended, first.submitted), (Ended::Held(2), 3));
    let mut seen = play.seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, [46_700_000_000, 46_700_000_007, 46_700_000_014], "the first rows of the table");
    assert_eq!(play.run(taken).ended, Ended::Held(2), "asking again changes nothing");
    assert!(play.store.approve("spring", 2, Some("pilot fine"), 2_100).unwrap());
    assert!(!play.store.approve("spring", 2, None, 2_101).unwrap(), "it was approved before");
    play.store.approve("spring", 9, None, 2_101).unwrap_err();
    let second = play.run(taken);
    assert_eq!((second.ended, second.submitted), (Ended::Held(3), 7));
    play.store.approve("spring", 3, None, 2_200).unwrap();
    let third = play.run(taken);
    assert_eq!((third.ended, third.submitted), (Ended::Complete, 15));
    let stages = play.store.stages("spring").unwrap();
    assert_eq!(stages.iter().map(|stage| stage.last).collect::<Vec<_>>(), [3, 10, u64::MAX]);
    assert!(stages.iter().all(|stage| stage.started_at.is_some()));
    assert_eq!(stages[1].note.as_deref(), Some("pilot fine"));
}

/// What was approved stays so while rows are added, and not when what was approved has changed.
#[test]
fn an_approval_is_for_what_was_planned() {
    let mut play = Play::new("stages = [\"3\", \"100%\"]\nhold_between_stages = true\n", 10);
    play.store.approve("spring", 2, None, 2_100).unwrap();
    play.fixture.plan(&mut play.store, &table(12), 1).unwrap();
    assert!(play.store.stages("spring").unwrap()[1].approved_at.is_some());
    let profile = std::fs::read_to_string(play.fixture.path("acme.toml")).unwrap();
    play.fixture.write("acme.toml", &profile.replace("Acme Chat", "Other Chat"));
    play.fixture.plan(&mut play.store, &table(12), 1).unwrap();
    assert_eq!(play.store.stages("spring").unwrap()[1].approved_at, None);
}

/// Rows are spread by the routes' rates, a row may name its route, and each route sends its own.
#[test]
fn routes_share_a_campaign_by_their_rates() {
    let routes = "[[route]]\nname = \"a\"\nkind = \"sim\"\nrate = \"300/s\"\n[[route]]\nname = \"b\"\nkind = \"sim\"\nrate = \"100/s\"\n";
    let fixture = Fixture::new("a", routes);
    let file = std::fs::read_to_string(fixture.path("spring.toml")).unwrap();
    fixture.write("spring.toml", &file.replace("routes = [\"a\"]", "routes = [\"a\", \"b\"]"));
    let mut store = fixture.store();
    let rows = String::from_utf8(table(4_000)).unwrap();
    let mut pinned =
        rows.replacen("msisdn,user,password,pin", "msisdn,user,password,pin,route", 1).replace("\"\n", "\",\n");
    pinned = pinned
        .lines()
        .map(|line| if line.starts_with("msisdn") { format!("{line}\n") } else { format!("{line},\n") })
        .collect();
    pinned += "+46799999999,last,x,1000,b\n";
    let (planned, _) = fixture.plan(&mut store, pinned.as_bytes(), 2).unwrap();
    let [(a, of_a, _), (b, of_b, _)] = &planned.routes[..] else { panic!("{:?}", planned.routes) };
    assert_eq!((a.as_str(), b.as_str(), of_a + of_b), ("a", "b", 4_001));
    let share = *of_a as f64 / 4_001.0;
    assert!((0.70..0.80).contains(&share), "three quarters go by the faster route: {share}");

    let seen: HashMap<&str, Arc<Mutex<Vec<u64>>>> = HashMap::from([("a", Arc::default()), ("b", Arc::default())]);
    let clock = Clock::at(2_000);
    let open = |name: &str| -> Box<dyn Route> {
        Box::new(Gateway { script: taken, seen: seen[name].clone(), receipts: Vec::new(), early: |_| None })
    };
    let summary = fixture.run_lanes(&mut store, &clock, &open, Told::default()).unwrap();
    assert_eq!((summary.submitted, summary.ended), (4_001, Ended::Complete));
    assert_eq!(seen["a"].lock().unwrap().len() as u64, *of_a);
    assert!(seen["b"].lock().unwrap().contains(&46_799_999_999));
}

/// 200 messages of several SMS each, at 100 SMS a second: the clock, which goes only while somebody waits, says how long.
#[test]
fn a_route_is_never_faster_than_its_rate() {
    let route = "[[route]]\nname = \"sim\"\nkind = \"sim\"\nrate = \"100/s\"\n";
    let mut play = Play::new(route, 200);
    let sms = play.store.planned("spring").unwrap()[0].2;
    let before = play.clock.elapsed();
    assert_eq!(play.run(taken).submitted, 200);
    let took = (play.clock.elapsed() - before).as_secs_f64();
    let least = sms as f64 / 100.0;
    assert!((least - 1.0..least * 1.3 + 1.0).contains(&took), "{sms} SMS in {took} s");
}

/// A gateway that asks for a slower pace gets it: no attempt is spent, nothing fails, and later all is taken.
#[test]
fn throttling_costs_time_and_no_attempt() {
    let mut play = Play::new("[limits]\nattempts = 1\nstop_after_consecutive_failures = 3\n", 20);
    let before = play.clock.elapsed();
    let script: Script = |_, attempt| if attempt < 4 { refused(Class::Throttled) } else { taken(1, attempt) };
    let summary = play.run(script);
    assert_eq!((summary.submitted, summary.failed, summary.ended), (20, 0, Ended::Complete));
    assert!(play.clock.elapsed() - before > Duration::from_secs(3), "it waited");
}

/// An answer that never came: the message may have arrived. It is sent again and counted, or held for a person.
#[test]
fn what_may_have_been_taken_is_counted_or_held() {
    let unknown: Script = |msisdn, attempt| match (msisdn % 2, attempt) {
        (0, 1) => Outcome::Unknown { code: "gw:timeout".into(), text: "no answer in 20 s".into() },
        _ => taken(msisdn, attempt),
    };
    let mut resend = Play::new("[limits]\nstop_after_consecutive_failures = 1000\n", 20);
    let first = resend.run(unknown);
    assert_eq!((first.submitted, first.ambiguous, first.retried), (10, 10, 10));
    assert_eq!(resend.store.doubtful("spring").unwrap(), (10, 0), "nothing was sent twice yet");
    resend.clock.set(9_000);
    assert_eq!(resend.run(unknown).submitted, 10);
    assert_eq!(resend.store.doubtful("spring").unwrap(), (0, 10));

    let mut hold = Play::new("[limits]\nstop_after_consecutive_failures = 1000\non_ambiguous = \"hold\"\n", 20);
    let first = hold.run(unknown);
    assert_eq!((first.submitted, first.held, first.ambiguous), (10, 10, 0));
    assert_eq!(hold.run(unknown).submitted, 0, "they wait for a person");
    let again = Again { states: vec![State::Submitting], ..Again::default() };
    assert_eq!(hold.store.retry("spring", 1, &again, 2_500).unwrap(), 10);
    assert_eq!(hold.run(unknown).submitted, 10);
    assert_eq!(hold.store.doubtful("spring").unwrap().1, 10);
}

/// Receipts early, late, twice and for unknown ids: each part counts once, and a handset is delivered with its last one.
#[test]
fn receipts_come_in_any_order() {
    let mut play = Play::new("", 4);
    let early = |msisdn| (msisdn == 46_700_000_000).then_some(Fate::Delivered);
    let gateway = Gateway { script: taken, seen: play.seen.clone(), receipts: Vec::new(), early };
    let summary =
        play.fixture.run_by(&mut play.store, (1, "w1"), &play.clock, |_| Ok(Box::new(gateway)), u64::MAX).unwrap();
    assert_eq!((summary.submitted, summary.delivered), (4, 1));
    let mut receive = |ids: &[(&str, Fate)], now| {
        let receipts: Vec<Receipt> = ids.iter().map(|(id, fate)| receipt(id, *fate)).collect();
        play.store.receive("sim", &receipts, now).unwrap()
    };
    // One part of two, twice: nothing changes yet.
    let received = receive(&[("46700000007-1-1", Fate::Delivered), ("46700000007-1-1", Fate::Delivered)], 3_000);
    assert_eq!((received.matched, received.idle, received.changed.len()), (2, 1, 0));
    let received = receive(&[("46700000007-1-2", Fate::Delivered)], 3_001);
    assert_eq!(received.changed, [(46_700_000_007, "spring".to_owned(), State::Delivered, None)]);
    // One part that fails is enough; what is said afterwards changes nothing.
    let received = receive(&[("46700000014-1-2", Fate::Failed), ("46700000014-1-1", Fate::Delivered)], 3_002);
    assert_eq!(
        received.changed,
        [(46_700_000_014, "spring".to_owned(), State::Failed, Some("gw:undelivered".to_owned()))]
    );
    let received = receive(&[("nobody", Fate::Delivered), ("46700000021-1-1", Fate::Pending)], 3_003);
    assert_eq!((received.unknown, received.matched), (1, 0));
    assert_eq!(play.store.unknown_receipts(&["sim".to_owned()]).unwrap(), 1);
    let states = [State::Delivered, State::Failed, State::Submitted].map(|state| play.count(state));
    assert_eq!(states, [2, 1, 1]);
    // Whoever is not heard of in time expires.
    assert_eq!(play.store.expire_unheard("spring", 1, 2_500, 9_000).unwrap(), 1);
    assert_eq!(play.count(State::Expired), 1);
}

/// A receipt that comes before its message is recorded is kept until it is.
#[test]
fn a_receipt_may_be_faster_than_the_answer() {
    let mut play = Play::new("", 1);
    let ids = ["46700000000-1-1", "46700000000-1-2"];
    let early: Vec<Receipt> = ids.iter().map(|id| receipt(id, Fate::Delivered)).collect();
    assert_eq!(play.store.receive("sim", &early, 1_999).unwrap().unknown, 2);
    play.run(taken);
    assert_eq!(play.count(State::Delivered), 1);
    assert_eq!(play.store.unknown_receipts(&["sim".to_owned()]).unwrap(), 0);
}

/// Twenty-five failures in a row stop every run; a retry of what failed, after the fault is mended, sends the rest.
#[test]
fn a_stopped_campaign_is_mended_retried_and_finished() {
    let mut play = Play::new("[limits]\nstop_after_consecutive_failures = 25\n", 100);
    let summary = play.run(|_, _| refused(Class::Permanent));
    assert!(
        matches!(&summary.ended, Ended::Stopped(why) if why == "25 consecutive failures on route sim: gw:8"),
        "{summary:?}"
    );
    let failed = play.count(State::Failed);
    assert_eq!(failed, 30, "whole windows of ten");
    assert!(play.store.campaign("spring").unwrap().unwrap().halted.is_some());
    let none = Again { states: vec![State::Failed], errors: vec!["gw:9".into()], ..Again::default() };
    assert_eq!(play.store.count_retry("spring", 1, &none, 3_000).unwrap(), 0);
    assert_eq!(play.store.retry("spring", 1, &none, 3_000).unwrap(), 0);
    let again = Again { states: vec![State::Failed], errors: vec!["gw:*".into()], ..Again::default() };
    assert_eq!(play.store.count_retry("spring", 1, &again, 3_000).unwrap(), failed);
    assert_eq!(play.store.retry("spring", 1, &again, 3_000).unwrap(), failed);
    let summary = play.run(taken);
    assert_eq!((summary.submitted, summary.ended), (100, Ended::Complete));
    assert_eq!(play.store.campaign("spring").unwrap().unwrap().halted, None);
}

/// Six percent failures, spread so that no two are neighbours, are too many where five are allowed.
#[test]
fn a_share_of_failures_stops_the_campaign() {
    let script: Script = |msisdn, attempt| match (msisdn / 7) % 16 {
        0 => refused(Class::Permanent),
        _ => taken(msisdn, attempt),
    };
    let mut play = Play::new("[limits]\nstop_at_failure_ratio = 0.05\n", 500);
    let summary = play.run(script);
    assert!(matches!(&summary.ended, Ended::Stopped(why) if why.contains("attempts failed")), "{summary:?}");
    let mut lenient = Play::new("[limits]\nstop_at_failure_ratio = 0.10\n", 500);
    assert_eq!(lenient.run(script).ended, Ended::Complete);
}

/// At 2,000 seconds after midnight UTC it is night in Sweden: everybody waits until eight, whose winter time is an hour
/// ahead of UTC. A row that says where it is goes by that.
#[test]
fn nobody_is_woken_at_night() {
    let route = "[[route]]\nname = \"sim\"\nkind = \"sim\"\nquiet_hours = \"21:00-08:00\"\n";
    let fixture = Fixture::new("sim", route);
    let mut store = fixture.store();
    let rows = "msisdn,user,password,pin,tz\n+46700000001,a,b,1000,\n+46700000002,c,d,1000,+09:00\n";
    fixture.plan(&mut store, rows.as_bytes(), 1).unwrap();
    let mut play = Play { fixture, store, clock: Clock::at(2_000), seen: Arc::default() };
    let summary = play.run(taken);
    assert_eq!((summary.submitted, summary.next_due), (1, Some(7 * 3600)));
    assert_eq!(*play.seen.lock().unwrap(), [46_700_000_002]);
    play.clock.set(7 * 3600);
    assert_eq!(play.run(taken).submitted, 1);
}

/// A gateway that fails as a whole: what was handed to it goes back, and nothing is called ambiguous.
#[test]
fn a_route_that_breaks_gives_its_messages_back() {
    struct Broken;
    impl Route for Broken {
        fn needs(&self) -> Needs {
            Needs::Parts
        }
        fn window(&self) -> usize {
            10
        }
        fn submit(&mut self, _: &[&Message], _: &mut dyn Pace) -> Result<Vec<Outcome>> {
            Err(Error::remote("the gateway refuses the connection"))
        }
    }
    let mut play = Play::new("", 20);
    let error =
        play.fixture.run_by(&mut play.store, (1, "w1"), &play.clock, |_| Ok(Box::new(Broken)), u64::MAX).unwrap_err();
    assert_eq!(error.what, "the gateway refuses the connection");
    assert_eq!(play.count(State::Planned), 20);
    let summary = play.run(taken);
    assert_eq!((summary.submitted, summary.ambiguous), (20, 0));
}

/// A run that is stopped leaves what it did not hand over as it was: there was no attempt.
#[test]
fn what_was_not_handed_over_is_no_attempt() {
    /// Takes the first three messages that it ever sees, then the run is stopped.
    struct Interrupted(u64);
    impl Route for Interrupted {
        fn needs(&self) -> Needs {
            Needs::Parts
        }
        fn window(&self) -> usize {
            10
        }
        fn submit(&mut self, messages: &[&Message], _: &mut dyn Pace) -> Result<Vec<Outcome>> {
            let outcomes = messages.iter().map(|message| {
                self.0 += 1;
                if self.0 <= 3 { taken(message.row.msisdn, 1) } else { Outcome::NotSent }
            });
            Ok(outcomes.collect())
        }
    }
    let mut play = Play::new("", 10);
    let told = Mutex::default();
    let more = Told { stop_after: 3, told: Some(&told), ..Told::default() };
    let summary = play.fixture.run_lanes(&mut play.store, &play.clock, &|_| Box::new(Interrupted(0)), more).unwrap();
    assert_eq!((summary.ended, summary.submitted, summary.retried), (Ended::Interrupted, 3, 0));
    assert_eq!(play.store.list("spring", State::Planned, 100).unwrap().iter().map(|one| one.attempts).sum::<u32>(), 0);
    let events = told.into_inner().unwrap();
    let count = |wanted: EventKind| {
        events.iter().filter(|one| matches!(one, Progress::Event(event) if event.kind == wanted)).count()
    };
    let [begun, taken_too, back] = [EventKind::Submitting, EventKind::Submitted, EventKind::Retried].map(count);
    assert_eq!((begun, taken_too), (back + 3, 3), "whatever was begun has an end");
    assert_eq!(play.run(taken).submitted, 7);
}

/// Cancelling leaves what was sent as it is and ends the rest; nothing is sent or planned any more.
#[test]
fn a_cancelled_campaign_sends_nothing_more() {
    let mut play = Play::new("stages = [\"5\", \"100%\"]\nhold_between_stages = true\n", 20);
    play.run(taken);
    assert_eq!(play.store.cancel("spring", 1, "wrong access point", 3_000).unwrap(), (15, false));
    assert_eq!((play.count(State::Submitted), play.count(State::Cancelled)), (5, 15));
    let status = Status::read(&play.store, "spring", 3_000, true).unwrap();
    assert_eq!(status.stages.iter().map(|stage| stage.stands).collect::<Vec<_>>(), ["done", "cancelled"]);
    assert_eq!((status.halted.as_deref(), status.errors.len()), (None, 0));
    play.store.approve("spring", 2, None, 3_001).unwrap();
    let summary = play.run(taken);
    assert_eq!((summary.ended, summary.submitted), (Ended::Cancelled("wrong access point".into()), 0));
    let error = play.fixture.plan(&mut play.store, &table(3), 1).unwrap_err();
    assert!(error.what.contains("cancelled"), "{error}");
}

/// A feed of logins; asking it may fail.
#[derive(Debug)]
struct List(Vec<(u64, Login)>, AtomicBool);

impl Logins for List {
    fn name(&self) -> &str {
        "http://imps.acme.example"
    }

    fn after(&self, number: u64) -> Result<Vec<(u64, Login)>> {
        if self.1.swap(false, Ordering::Relaxed) {
            return Err(Error::remote("no connection"));
        }
        Ok(self.0.iter().filter(|(own, _)| *own > number).take(2).cloned().collect())
    }
}

fn login(number: u64, user: &str, client: &str, at: i64) -> (u64, Login) {
    (number, Login { who: user.to_owned(), client: Some(client.to_owned()), at })
}

const BY_LOGIN: &str = "[confirm]\nby = \"login\"\nserver = \"http://imps.acme.example\"\n";

/// The first login after the submission confirms, once, and says which client it was; one before it does not.
#[test]
fn a_login_confirms_what_was_submitted() {
    let mut play = Play::new(BY_LOGIN, 2);
    play.run(taken);
    let who = "wv:user0@acme.example";
    let mut confirm = |login| play.store.hear("spring", "s", &[login]).unwrap();
    assert_eq!(confirm(login(1, who, "acme-1", 1_999)), [None], "before it was sent");
    assert_eq!(confirm(login(2, "wv:stranger@acme.example", "acme-1", 3_000)), [None]);
    assert_eq!(confirm(login(3, "User0@Acme.example", "acme-1", 3_000)), [Some(46_700_000_000)]);
    assert_eq!(confirm(login(4, who, "acme-2", 3_001)), [None], "only the first counts");
    assert_eq!((play.count(State::Confirmed), play.count(State::Submitted)), (1, 1));
    assert_eq!([play.store.heard("spring", "s"), play.store.heard("spring", "t")], [Ok(4), Ok(0)]);
}

/// A run that waits hears of logins as they come, tells each once, and goes on where nobody can be asked for a while.
#[test]
fn a_run_waits_for_logins() {
    let user = |row: u64| format!("wv:user{row}@acme.example");
    let before = [login(1, &user(0), "acme-1", 1_000), login(2, &user(1), "acme-1", 1_000)];
    let after = (0..3).map(|row| login(3 + row, &user(row), "acme-1", 2_000));
    let list = List(before.into_iter().chain(after).collect(), AtomicBool::new(true));
    let told = Mutex::default();
    let more = Told { until: Some(9_000), logins: Some(&list), told: Some(&told), ..Told::default() };
    let Play { fixture, mut store, clock, seen } = Play::new(BY_LOGIN, 3);
    let open = |_: &str| gateway(taken, &seen);
    let summary = fixture.run_lanes(&mut store, &clock, &open, more).unwrap();
    assert_eq!((summary.ended, summary.submitted, summary.confirmed), (Ended::Complete, 3, 3));
    assert!(clock.elapsed() < Duration::from_secs(2_020), "it ends when all are confirmed");
    let (mut notes, mut numbers) = (Vec::new(), Vec::new());
    for progress in told.into_inner().unwrap() {
        match progress {
            Progress::Note(note) => notes.push(note),
            Progress::Event(event) if event.kind == EventKind::Confirmed => {
                assert_eq!(event.text.as_deref(), Some("acme-1 logged in at 1970-01-01T00:33:20Z"));
                numbers.extend(event.msisdn);
            }
            _ => {}
        }
    }
    assert_eq!(numbers, [46_700_000_000, 46_700_000_007, 46_700_000_014]);
    assert!(matches!(&notes[..], [note] if note.contains("no connection")), "{notes:?}");
    assert_eq!(store.heard("spring", list.name()), Ok(5));
}

/// A feed that knows a login from its time on.
#[derive(Debug)]
struct Live<'c>(&'c Clock, (u64, Login));

impl Logins for Live<'_> {
    fn name(&self) -> &str {
        "http://imps.acme.example"
    }

    fn after(&self, number: u64) -> Result<Vec<(u64, Login)>> {
        let Self(clock, login) = self;
        Ok((login.0 > number && login.1.at <= clock.now()).then(|| login.clone()).into_iter().collect())
    }
}

/// The time of a run ends between two questions; who logged in meanwhile is heard at its end.
#[test]
fn a_login_in_the_last_seconds_of_a_run_is_heard() {
    let Play { fixture, mut store, clock, seen } = Play::new(BY_LOGIN, 2);
    let live = Live(&clock, login(1, "wv:user0@acme.example", "acme-1", 2_008));
    let more = Told { until: Some(2_009), logins: Some(&live), ..Told::default() };
    let open = |_: &str| gateway(taken, &seen);
    let summary = fixture.run_lanes(&mut store, &clock, &open, more).unwrap();
    assert_eq!((summary.ended, summary.submitted, summary.confirmed), (Ended::Complete, 2, 1));
    assert_eq!(store.heard("spring", live.name()), Ok(1));
}

/// Who was not heard of expires, but not while nobody can be asked.
#[test]
fn nobody_expires_whom_no_one_could_tell_of() {
    let mut play = Play::new(&format!("{BY_LOGIN}within = \"1h\"\n"), 1);
    play.run(taken);
    let mut again = |is_deaf: bool| {
        let list = List(Vec::new(), AtomicBool::new(is_deaf));
        let told = Told { logins: Some(&list), ..Told::default() };
        let clock = Clock::at(9_000);
        let open = |_: &str| gateway(taken, &play.seen);
        play.fixture.run_lanes(&mut play.store, &clock, &open, told).unwrap().expired
    };
    assert_eq!([again(true), again(false)], [0, 1]);
}

/// With a key the file of the store holds no secret, and only with the key the campaign goes on.
#[test]
fn rows_are_encrypted_where_a_key_is_given() {
    let fixture = Fixture::new("sim", "");
    let key = StoreKey::read("a key of more than sixteen letters").unwrap();
    let mut store = fixture.store().with_key(Some(key.clone()));
    fixture.plan(&mut store, &table(5), 1).unwrap();
    drop(store);
    for name in ["spring.db", "spring.db-wal"] {
        let octets = std::fs::read(fixture.path(name)).unwrap_or_default();
        assert!(!octets.windows(8).any(|found| found == b"secret, "), "{name} holds a password");
    }
    let mut play = Play { store: fixture.store(), fixture, clock: Clock::at(2_000), seen: Arc::default() };
    let route = play.gateway(taken);
    let without = play.fixture.run_by(&mut play.store, (1, "w1"), &play.clock, |_| Ok(route), u64::MAX).unwrap_err();
    assert!(without.what.contains("encrypted"), "{without}");
    play.store = play.fixture.store().with_key(Some(key));
    assert_eq!(play.run(taken).submitted, 5);
}

/// Every send is a line of the audit log, with the hash of its document, before it leaves; the chain holds.
#[test]
fn every_send_is_written_down() {
    let mut play = Play::new("", 12);
    let path = play.fixture.path("audit.jsonl");
    let trail = Trail::new(Audit::open(&path).unwrap(), "os:anna".into(), Some("CASE-118".into()));
    let told = Told { trail: Some(&trail), ..Told::default() };
    let seen = play.seen.clone();
    let open = |_: &str| -> Box<dyn Route> {
        Box::new(Gateway { script: taken, seen: seen.clone(), receipts: Vec::new(), early: |_| None })
    };
    play.fixture.run_lanes(&mut play.store, &play.clock, &open, told).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 12);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["outcome"], "submitted");
    assert_eq!(
        (&first["what"], &first["ticket"], &first["who"]),
        (&"send".into(), &"CASE-118".into(), &"os:anna".into())
    );
    assert_eq!(first["document_sha256"].as_str().unwrap().len(), 64);
    let verdict = audit::verify(std::io::BufReader::new(text.as_bytes())).unwrap();
    assert!(verdict.wrong.is_none(), "{verdict:?}");
}

/// The log tells what came of each send, and nothing of what was not sent; what a crash left open is in it before it is
/// sent again.
#[test]
fn the_audit_log_tells_what_came_of_it() {
    let mut play = Play::new("[limits]\nattempts = 1\n", 4);
    play.kill_at_submit();
    let script: Script = |msisdn, attempt| match (msisdn / 7) % 4 {
        0 => refused(Class::Permanent),
        1 => Outcome::Unknown { code: "gw:timeout".into(), text: "no answer".into() },
        _ => taken(msisdn, attempt),
    };
    let outcomes = play.outcomes(script);
    let expected = [
        ("refused: gw:8", 1),
        ("submitted", 2),
        ("unknown: a run ended before it was recorded", 1),
        ("unknown: gw:timeout", 1),
    ];
    assert_eq!(outcomes, expected.map(|(word, count)| (word.to_owned(), count)).into());
}

/// What waits for a person is in the log, too, and only once; when it goes out again only that is added.
#[test]
fn what_a_crash_left_open_is_in_the_audit_log_while_it_is_held() {
    let mut play = Play::new("[limits]\non_ambiguous = \"hold\"\n", 3);
    play.kill_at_submit();
    let script: Script = |msisdn, attempt| match (msisdn / 7) % 3 {
        1 => Outcome::Unknown { code: "gw:timeout".into(), text: "no answer".into() },
        _ => taken(msisdn, attempt),
    };
    let counts = |pairs: &[(&str, u32)]| pairs.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
    let (open, lost) = (("unknown: a run ended before it was recorded", 1), ("unknown: gw:timeout", 1));
    let held: BTreeMap<String, u32> = counts(&[("submitted", 1), open, lost]);
    for _ in 0..2 {
        assert_eq!(play.outcomes(script), held);
    }
    let listed = play.store.list("spring", State::Submitting, 9).unwrap();
    let mut codes: Vec<_> = listed.iter().filter_map(|handset| handset.error.as_deref()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["gw:timeout", "unrecorded"]);
    let campaign = std::fs::read_to_string(play.fixture.path("spring.toml")).unwrap();
    play.fixture.write("spring.toml", &campaign.replace("hold", "resend"));
    assert_eq!(play.outcomes(taken), counts(&[("submitted", 3), open, lost]));
}

/// A wrong password will not mend itself: the campaign stops at once, says so, and no attempt is spent.
#[test]
fn a_gateway_that_does_not_know_us_stops_the_campaign() {
    let mut play = Play::new("[limits]\nattempts = 1\n", 30);
    let summary = play.run(|_, _| Outcome::Refused {
        class: Class::Denied,
        code: "http:403".into(),
        text: "the gateway said: Authorization failed".into(),
    });
    let why = "route sim takes nothing from us: http:403: the gateway said: Authorization failed";
    assert_eq!((summary.ended, summary.failed, summary.retried), (Ended::Stopped(why.into()), 0, 0));
    assert_eq!(play.seen.lock().unwrap().len(), 10, "one window");
    assert_eq!(play.run(taken).submitted, 30);
}

/// A centre whose queue is always full does not keep a run for ever.
#[test]
fn a_gateway_that_always_asks_to_wait_stops_the_campaign() {
    let mut play = Play::new("[limits]\nattempts = 1\nstop_after_throttled = \"30m\"\n", 5);
    let before = play.clock.elapsed();
    let summary = play.run(|_, _| refused(Class::Throttled));
    let Ended::Stopped(why) = &summary.ended else { panic!("{summary:?}") };
    assert!(
        why.starts_with("route sim asked to wait for 3") && why.ends_with(" and took nothing: gw:8: refused"),
        "{why}"
    );
    let waited = (play.clock.elapsed() - before).as_secs();
    assert!((1_800..2_400).contains(&waited), "{waited} s");
    assert_eq!((summary.failed, play.count(State::Planned)), (0, 5));
    // Its time is over before: the handsets expire.
    let mut late = Play::new("[limits]\nexpires = \"10m\"\n", 5);
    let summary = late.run(|_, _| refused(Class::Throttled));
    assert_eq!((summary.ended, summary.expired), (Ended::Complete, 5));
}

/// Settings may say how the names of their clients begin: a login of another client of the user confirms nothing.
#[test]
fn a_login_of_another_client_confirms_nothing() {
    let fixture = Fixture::new("sim", BY_LOGIN);
    let profile = std::fs::read_to_string(fixture.path("acme.toml")).unwrap();
    fixture.write("acme.toml", &profile.replacen("[service]\n", "[service]\nclient_id_prefix = \"acme-\"\n", 1));
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(2), 1).unwrap();
    let mut play = Play { fixture, store, clock: Clock::at(2_000), seen: Arc::default() };
    play.run(taken);
    let who = "wv:user0@acme.example";
    let mut confirm = |login| play.store.hear("spring", "s", &[login]).unwrap();
    assert_eq!(confirm(login(1, who, "other-1", 3_000)), [None]);
    assert_eq!(confirm(login(2, who, "acme-1", 3_001)), [Some(46_700_000_000)]);
}

/// Who shares a login confirms for the first that has it, by the clients of that one's settings, and of those that were
/// planned last: with others, and with none.
#[test]
fn the_clients_of_a_login_are_those_of_the_settings_that_were_planned_last() {
    let fixture = Fixture::new("sim", BY_LOGIN);
    let profile = std::fs::read_to_string(fixture.path("acme.toml")).unwrap();
    let with = |line: &str| profile.replacen("[service]\n", &format!("[service]\n{line}\n"), 1);
    let shared = "msisdn,user,password,pin\n46700000001,anna,p,1234\n46700000002,anna,p,5678\n";
    let by_pin = "client_id_prefix = \"{pin}-\"";
    for (line, strangers, client) in [
        (by_pin, &["5678-1"][..], "1234-1"),
        ("client_id_prefix = \"new-\"", &["1234-1", "5678-1"], "new-1"),
        ("", &[], "any"),
    ] {
        let mut store = Store::in_memory().unwrap();
        for line in [by_pin, line] {
            fixture.write("acme.toml", &with(line));
            fixture.plan(&mut store, shared.as_bytes(), 1).unwrap();
        }
        let (seen, clock) = (Arc::default(), Clock::at(2_000));
        let summary = fixture.run_lanes(&mut store, &clock, &|_| gateway(taken, &seen), Told::default()).unwrap();
        assert_eq!(summary.submitted, 2);
        let mut confirm = |client| store.confirm("spring", "wv:anna@acme.example", Some(client), 3_000).unwrap();
        for stranger in strangers {
            assert_eq!(confirm(stranger), None, "{stranger} with `{line}`");
        }
        assert_eq!(confirm(client), Some(46_700_000_001), "{client} with `{line}`");
    }
}

/// Events go to other programs: numbers are in them as `[privacy]` says.
#[test]
fn events_hide_numbers_where_they_should() {
    for (word, is_shown) in [("full", true), ("mask", false)] {
        let fixture = Fixture::new("sim", "");
        fixture.write("rows.csv", &String::from_utf8(table(3)).unwrap());
        assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
        let mut run = impskit(&fixture, &["batch", "run", "spring.toml", "--events", "events.jsonl"]);
        assert!(run.env("IMPSKIT_PRIVACY__EVENT_NUMBERS", word).status().unwrap().success());
        let events = std::fs::read_to_string(fixture.path("events.jsonl")).unwrap();
        assert_eq!(events.contains("46700000007"), is_shown, "{word}");
        assert_eq!(events.contains("\"46700••••••\""), !is_shown, "{word}: {events}");
    }
}
