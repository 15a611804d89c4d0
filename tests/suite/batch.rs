//! Campaigns: what is planned is what is sent, once, whatever happens in between.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use impskit::batch::audit::Trail;
use impskit::batch::campaign::Campaign;
use impskit::batch::compose::{Composer, message};
use impskit::batch::login::Logins;
use impskit::batch::plan::{self, Planned, Subscribers};
use impskit::batch::route::{
    Arrivals, Class, FileRoute, Message, Needs, Outcome, Pace, Part, Route, RouteSettings, SimRoute,
};
use impskit::batch::run::{self, Ended, Lane, Progress, Summary, World};
use impskit::batch::store::{DueRow, DueSlice, Run as Access, SEPARATOR, State, Step, Store};
use impskit::codec::{Limits, WbxmlOptions, write_wbxml};
use impskit::cp;
use impskit::cp::mac::Pin;
use impskit::delivery::receive;
use impskit::diagnose::Report;
use impskit::error::{Error, Result};
use impskit::provision::{ImpsAccount, Pack, Profile, cp as provisioning};
use tempfile::TempDir;

const PROFILE: &str = r#"
schema = 1
id = "acme"
name = "Acme Chat"
provider_id = "acme.example"
[service]
addresses = ["http://imps.acme.example/csp"]
[[access_point]]
id = "gprs"
apn = "chat.acme"
[[account]]
user = "wv:{user}@acme.example"
password = "{password}"
[push]
security = "userpin"
pin = "{pin}"
"#;

/// A campaign in a folder of its own.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new(route: &str, more: &str) -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        fixture.write("acme.toml", PROFILE);
        let text = format!("schema = 1\nname = \"spring\"\nprofile = \"acme.toml\"\nroutes = [\"{route}\"]\n{more}");
        fixture.write("spring.toml", &text);
        fixture
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn campaign(&self) -> Campaign {
        let path = self.path("spring.toml");
        Campaign::read(&fs::read_to_string(&path).unwrap(), &path).unwrap()
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("spring.db")).unwrap()
    }

    pub(crate) fn profile(&self, name: &Path) -> Result<Profile> {
        let text = fs::read_to_string(self.path(&name.to_string_lossy())).map_err(|e| Error::file(name, &e))?;
        let mut report = Report::new();
        let columns = self.campaign().columns()?;
        let secret: &mut dyn FnMut(&_) -> _ = &mut |_| Err("no secrets here".into());
        let profile = Profile::read_for_table(&text, &columns, secret, &mut report);
        profile.filter(|_| !report.has_errors()).ok_or_else(|| Error::input("the profile has errors"))
    }

    /// Plans a table; returns the plan and what went to the reject file.
    pub(crate) fn plan(&self, store: &mut Store, table: &[u8], workers: usize) -> Result<(Planned, String)> {
        let rejects = self.path("rejected.csv");
        let subscribers = Subscribers {
            table: Box::new(std::io::Cursor::new(table.to_vec())),
            delimiter: b',',
            about: table.iter().filter(|&&b| b == b'\n').count() as u64,
            limit: u64::MAX,
            rejects: Some(Box::new(fs::File::create(&rejects).unwrap())),
        };
        let stop = AtomicBool::new(false);
        let routes = self.campaign().routes(&[])?;
        let options = plan::Options {
            file: "spring.toml",
            routes: &routes,
            packs: Pack::bundled(),
            workers,
            now: 1_000,
            stop: &stop,
        };
        let mut load = |name: &Path| self.profile(name);
        let planned = plan::plan(store, &self.campaign(), subscribers, &mut load, &options, &mut |_| {})?;
        Ok((planned, String::from_utf8_lossy(&fs::read(rejects).unwrap()).into_owned()))
    }

    /// Returns the accounts in the messages of a file, in its order.
    pub(crate) fn accounts(&self, name: &str) -> Vec<ImpsAccount> {
        let account = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let document = unhex(line["document"].as_str().unwrap());
            let read = impskit::codec::read(&document, &[&cp::VOCABULARY], &Limits::default(), &mut Report::new());
            provisioning::read(&read.unwrap().root).accounts.remove(0)
        };
        fs::read_to_string(self.path(name)).unwrap().lines().map(account).collect()
    }

    /// Runs until `stop_after` handsets have a result.
    pub(crate) fn run(&self, store: &mut Store, workers: usize, stop_after: u64) -> Summary {
        let path = self.path("spring.jsonl");
        let make = |run: &Access<'_>| -> Result<Box<dyn Route>> {
            Ok(Box::new(FileRoute::open(&RouteSettings::named("file").unwrap(), &path, run)?))
        };
        self.run_by(store, (workers, "w1"), &Clock::at(2_000), make, stop_after).unwrap()
    }

    pub(crate) fn run_by(
        &self,
        store: &mut Store,
        who: (usize, &str),
        clock: &Clock,
        make: impl FnOnce(&Access<'_>) -> Result<Box<dyn Route>>,
        stop_after: u64,
    ) -> Result<Summary> {
        let mut make = Some(make);
        let mut open = |access: &Access<'_>| make.take().unwrap()(access);
        self.run_all(store, who, clock, &mut open, Told { stop_after, ..Told::default() })
    }

    /// Runs with a route for each name that the campaign file has.
    pub(crate) fn run_lanes(
        &self,
        store: &mut Store,
        clock: &Clock,
        open: &dyn Fn(&str) -> Box<dyn Route>,
        told: Told<'_>,
    ) -> Result<Summary> {
        self.run_all(store, (2, "w1"), clock, &mut |access| Ok(open(access.route)), told)
    }

    fn run_all(
        &self,
        store: &mut Store,
        (workers, worker): (usize, &str),
        clock: &Clock,
        open: &mut dyn FnMut(&Access<'_>) -> Result<Box<dyn Route>>,
        told: Told<'_>,
    ) -> Result<Summary> {
        let stop_after = told.stop_after;
        let campaign = self.campaign();
        let stored = store.campaign("spring").unwrap().unwrap();
        let mut composers = Vec::new();
        for setup in store.setups("spring")? {
            let header: Vec<&str> = setup.header.split(SEPARATOR).collect();
            composers.push(Composer::new(
                &self.profile(Path::new(&setup.profile))?,
                &header,
                "spring",
                setup.number,
                Pack::bundled(),
            )?);
        }
        let compose = |row: DueRow, needs: &Needs| message(&composers, needs, row);
        let stop = AtomicBool::new(stop_after == 0);
        let (now, elapsed) = (|| clock.now(), || clock.elapsed());
        let wait = |time: Duration| clock.wait(time);
        let world = World { now: &now, clock: &elapsed, wait: &wait, stop: &stop };
        let options = run::Options {
            workers,
            worker,
            limits: &campaign.limits,
            hold_between_stages: campaign.hold_between_stages,
            stage: None,
            until: told.until,
            within: campaign.confirm.within,
            awaits: if told.logins.is_some() { State::Confirmed } else { State::Submitted },
            events: told.told.is_some(),
            trail: told.trail,
            logins: told.logins,
        };
        let mut watch = |progress| {
            if let (Some(kept), Progress::Event(_) | Progress::Note(_)) = (told.told, &progress) {
                kept.lock().unwrap().push(progress.clone());
            }
            if matches!(progress, Progress::Done { done, .. } if done >= stop_after) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        // The store goes where lanes can share it, and comes back.
        let shared = Mutex::new(std::mem::replace(store, Store::in_memory()?));
        let lane = |settings: RouteSettings| {
            let route = open(&Access::new(&shared, "spring", worker, &settings.name))?;
            Ok(Lane { settings, route })
        };
        let lanes: Result<Vec<Lane>> = campaign.routes(&[])?.into_iter().map(lane).collect();
        let summary = lanes.and_then(|lanes| run::run(&shared, &stored, &options, lanes, &compose, world, &mut watch));
        *store = shared.into_inner().unwrap();
        summary
    }
}

/// What a run is told besides.
#[derive(Clone, Copy)]
pub(crate) struct Told<'t> {
    /// It is stopped when so many handsets have a result.
    pub(crate) stop_after: u64,
    pub(crate) trail: Option<&'t Trail>,
    /// Until then it waits.
    pub(crate) until: Option<i64>,
    pub(crate) logins: Option<&'t dyn Logins>,
    /// Where events and notes are kept.
    pub(crate) told: Option<&'t Mutex<Vec<Progress>>>,
}

impl Default for Told<'_> {
    fn default() -> Self {
        Self { stop_after: u64::MAX, trail: None, until: None, logins: None, told: None }
    }
}

/// A clock that stands still but for those who wait.
#[derive(Debug)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    pub(crate) fn at(seconds: i64) -> Self {
        Self(AtomicI64::new(seconds * 1_000_000))
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.0.store(seconds * 1_000_000, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed) / 1_000_000
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed).unsigned_abs())
    }

    fn wait(&self, time: Duration) {
        self.0.fetch_add(time.as_micros() as i64 + 1, Ordering::Relaxed);
    }
}

pub(crate) fn table(rows: u64) -> Vec<u8> {
    let mut text = String::from("msisdn,user,password,pin\n");
    for row in 0..rows {
        let number = 46_700_000_000 + row * 7;
        text += &format!("+{number},user{row},\"secret, {row}\",{:04}\n", 1000 + row % 9000);
    }
    text.into_bytes()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The handset's way (join, open, verify, read) and the other way to write a document (through the tree) both agree
/// with what the file says, for every row of the table.
#[test]
fn what_is_planned_is_what_arrives() {
    let fixture = Fixture::new("file", "");
    let mut store = fixture.store();
    let (planned, _) = fixture.plan(&mut store, &table(300), 2).unwrap();
    assert_eq!((planned.new, planned.handsets, planned.rejected.len()), (300, 300, 0));
    let summary = fixture.run(&mut store, 2, u64::MAX);
    assert_eq!((summary.submitted, summary.ended), (300, Ended::Complete));

    let profile = fixture.profile(Path::new("acme.toml")).unwrap();
    let text = fs::read_to_string(fixture.path("spring.jsonl")).unwrap();
    let (mut users, mut sms) = (Vec::new(), 0);
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let row = (line["msisdn"].as_str().unwrap().parse::<u64>().unwrap() - 46_700_000_000) / 7;
        let pdus: Vec<Vec<u8>> =
            line["pdus"].as_array().unwrap().iter().rev().map(|pdu| unhex(pdu.as_str().unwrap())).collect();
        sms += pdus.len() as u64;
        let pin = Pin::read(&format!("{:04}", 1000 + row % 9000)).unwrap();
        let received = receive(pdus.iter().map(Vec::as_slice), Some(&pin), None).unwrap();
        assert_eq!(received.body, unhex(line["document"].as_str().unwrap()));

        let values = profile.slots.names().iter().map(|name| match name.as_str() {
            "user" => format!("user{row}"),
            "password" => format!("secret, {row}"),
            _ => format!("{:04}", 1000 + row % 9000),
        });
        let account = profile.filled(&values.collect::<Vec<_>>());
        let through_the_tree =
            write_wbxml(&provisioning::write(&account), &cp::VOCABULARY, &WbxmlOptions::default()).unwrap();
        assert_eq!(received.body, through_the_tree);

        let mut report = Report::new();
        let document =
            impskit::codec::read(&received.body, &[&cp::VOCABULARY], &Limits::default(), &mut report).unwrap();
        users.push(provisioning::read(&document.root).accounts[0].login().unwrap().user.clone().unwrap());
    }
    assert_eq!(sms, planned.sms);
    users.sort();
    let mut expected: Vec<String> = (0..300).map(|row| format!("wv:user{row}@acme.example")).collect();
    expected.sort();
    assert_eq!(users, expected);
}

#[test]
fn stopped_anywhere_and_resumed_the_file_is_the_same_at_any_number_of_threads() {
    let whole = Fixture::new("file", "");
    let mut store = whole.store();
    let (planned, _) = whole.plan(&mut store, &table(3_000), 1).unwrap();
    whole.run(&mut store, 1, u64::MAX);
    let expected = fs::read(whole.path("spring.jsonl")).unwrap();
    for (workers, step) in [(1, 400), (2, 1_100), (3, 700)] {
        let fixture = Fixture::new("file", "");
        let mut store = fixture.store();
        let (again, _) = fixture.plan(&mut store, &table(3_000), workers).unwrap();
        assert_eq!(again.plan, planned.plan, "the plan does not depend on threads");
        let mut runs = 0;
        loop {
            let summary = fixture.run(&mut store, workers, step);
            // A crash leaves half a line that was never recorded.
            let mut file = fs::OpenOptions::new().append(true).open(fixture.path("spring.jsonl")).unwrap();
            std::io::Write::write_all(&mut file, b"{\"schema\":\"impsk").unwrap();
            runs += 1;
            if summary.ended == Ended::Complete {
                break;
            }
        }
        fixture.run(&mut store, workers, u64::MAX);
        assert!(runs > 1);
        assert!(fs::read(fixture.path("spring.jsonl")).unwrap() == expected, "{workers} workers, steps of {step}");
    }
}

#[test]
fn a_second_plan_knows_what_it_has_seen() {
    let fixture = Fixture::new("file", "");
    let mut store = fixture.store();
    let first = fixture.plan(&mut store, &table(50), 1).unwrap().0;
    let second = fixture.plan(&mut store, &table(50), 2).unwrap().0;
    assert_eq!((second.new, second.unchanged, &second.plan), (0, 50, &first.plan));

    let changed = String::from_utf8(table(40)).unwrap().replace("user7,", "romeo,");
    let third = fixture.plan(&mut store, changed.as_bytes(), 2).unwrap().0;
    assert_eq!((third.unchanged, third.replaced, third.earlier), (39, 1, 10));
    assert_ne!(third.plan, first.plan);

    fixture.run(&mut store, 1, u64::MAX);
    let (fourth, _) = fixture.plan(&mut store, &table(51), 1).unwrap();
    assert_eq!((fourth.new, fourth.unchanged, fourth.skipped.values().sum::<u64>()), (1, 49, 1));
    assert_eq!(fixture.run(&mut store, 1, u64::MAX).submitted, 1, "what was sent is not sent again");
    let sent = fs::read_to_string(fixture.path("spring.jsonl")).unwrap();
    assert_eq!(sent.lines().count(), 51);
}

/// A campaign that began with a few rows has one slice; what comes later is read in pages.
#[test]
fn a_slice_may_grow() {
    let fixture = Fixture::new("file", "");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(10), 1).unwrap();
    let (planned, _) = fixture.plan(&mut store, &table(11_000), 2).unwrap();
    assert_eq!((planned.new, store.campaign("spring").unwrap().unwrap().slices), (10_990, 1));
    let (mut submitted, mut runs) = (0, 0);
    while submitted < 11_000 {
        let summary = fixture.run(&mut store, 2, 6_000);
        submitted += summary.submitted;
        runs += 1;
    }
    assert_eq!((submitted, runs), (11_000, 2));
    let sent = fs::read_to_string(fixture.path("spring.jsonl")).unwrap();
    let refs: std::collections::HashSet<&str> = sent.lines().map(|line| &line[..110]).collect();
    assert_eq!((sent.lines().count(), refs.len()), (11_000, 11_000));
}

#[test]
fn rows_choose_their_profile_and_their_time() {
    let fixture = Fixture::new("file", "[limits]\nexpires = \"1h\"\n");
    fixture.write("other.toml", &PROFILE.replace("Acme Chat", "Other Chat").replace("id = \"acme\"", "id = \"other\""));
    let mut store = fixture.store();
    let table = "Msisdn,User,Password,Pin,Profile,Not_Before,Expires\n\
        46700000001,a,p,1234,,,\n\
        46700000002,b,p,1234,other.toml,,\n\
        46700000003,c,p,1234,missing.toml,,\n\
        46700000004,d,p,1234,,,1970-01-01T00:00:10Z\n\
        46700000005,e,p,1234,,,1970-01-01T00:20:00Z\n\
        46700000006,f,p,1234,,1970-01-01T00:50:00Z,\n";
    let (planned, rejects) = fixture.plan(&mut store, table.as_bytes(), 1).unwrap();
    assert_eq!((planned.new, planned.skipped.len(), planned.rejected.get("CSV009")), (4, 1, Some(&1)));
    assert!(rejects.lines().nth(1).unwrap().starts_with("46700000003,c,p,1234,missing.toml,,,4,CSV009,"), "{rejects}");

    // At 2,000 s one row's time is over and another's has not come.
    let summary = fixture.run(&mut store, 1, u64::MAX);
    assert_eq!((summary.submitted, summary.expired, summary.next_due), (2, 1, Some(3_000)));
    let accounts = fixture.accounts("spring.jsonl");
    let mut names: Vec<String> = accounts.into_iter().map(|account| account.name.unwrap()).collect();
    names.sort();
    assert_eq!(names, ["Acme Chat", "Other Chat"]);
    assert_eq!(store.list("spring", State::Expired, 9).unwrap()[0].msisdn, "46700000005");
}

/// An operator's own table, mapped by the profile; its own `profile` and `expires` mean nothing to us.
#[test]
fn an_operators_own_table_is_sent_as_it_is() {
    let fixture = Fixture::new("file", "");
    let profile = PROFILE.replace("{user}", "{Subscriber Name}").replace("{password}", "{Secret}");
    fixture.write("acme.toml", &format!("{profile}\n[columns]\nmsisdn = \"{{CC}}{{NDC}}\"\npin = \"{{Code}}\"\n"));
    let mut store = fixture.store();
    let table = "CC,NDC,Subscriber Name,Secret,Code,profile,expires\n\
        46,700000001,romeo,x,1234,gold,never\n\
        46,700000002,juliet,y,12,gold,never\n\
        46,700000001,paris,z,1234,gold,never\n";
    let (planned, rejects) = fixture.plan(&mut store, table.as_bytes(), 1).unwrap();
    assert_eq!((planned.new, planned.rejected.get("CSV009"), planned.rejected.get("CSV005")), (1, Some(&1), Some(&1)));
    assert_eq!(rejects.lines().count(), 3);
    assert_eq!(fixture.run(&mut store, 1, u64::MAX).submitted, 1);
    let sent = fs::read_to_string(fixture.path("spring.jsonl")).unwrap();
    assert!(sent.contains("\"msisdn\":\"46700000001\""), "{sent}");
}

/// The same mapped by the campaign, for a profile that knows only our columns.
#[test]
fn a_campaign_maps_the_table_for_its_profile() {
    let columns = "[columns]\nmsisdn = \"{Number}\"\nuser = \"{Login}\"\npassword = \"{Secret}\"\npin = \"{Code}\"\n\
        access_point.apn = \"{Apn}\"\n";
    let fixture = Fixture::new("file", columns);
    let mut store = fixture.store();
    let table = "Number,Login,Secret,Code,Apn\n+46700000001,romeo,x,1234,chat.one\n";
    let (planned, _) = fixture.plan(&mut store, table.as_bytes(), 1).unwrap();
    assert_eq!(planned.new, 1);
    assert_eq!(fixture.run(&mut store, 1, u64::MAX).submitted, 1);
    let account = fixture.accounts("spring.jsonl").remove(0);
    assert_eq!(account.access_points[0].address.as_deref(), Some("chat.one"));
    assert_eq!(account.login().and_then(|login| login.user.as_deref()), Some("wv:romeo@acme.example"));
}

#[test]
fn nothing_is_sent_that_was_not_planned() {
    let fixture = Fixture::new("file", "");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(100), 1).unwrap();
    fixture.write("acme.toml", &PROFILE.replace("Acme Chat", "Other Chat"));
    let summary = fixture.run(&mut store, 2, u64::MAX);
    assert!(matches!(&summary.ended, Ended::Stopped(why) if why.contains("no longer")), "{summary:?}");
    assert_eq!(fs::metadata(fixture.path("spring.jsonl")).unwrap().len(), 0);
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let fixture = Fixture::new("file", "");
    fixture.write("spring.jsonl", "precious\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(3), 1).unwrap();
    let store = Mutex::new(store);
    let run = Access::new(&store, "spring", "w1", "file");
    for _ in 0..2 {
        FileRoute::open(&RouteSettings::named("file").unwrap(), &fixture.path("spring.jsonl"), &run).unwrap_err();
    }
    assert_eq!(fs::read_to_string(fixture.path("spring.jsonl")).unwrap(), "precious\n");

    fs::remove_file(fixture.path("spring.jsonl")).unwrap();
    let first = FileRoute::open(&RouteSettings::named("file").unwrap(), &fixture.path("spring.jsonl"), &run).unwrap();
    let error =
        FileRoute::open(&RouteSettings::named("file").unwrap(), &fixture.path("spring.jsonl"), &run).unwrap_err();
    assert!(error.what.contains("another run"), "{error}");
    drop(first);
}

/// A gateway that refuses as it is told and remembers what it was given.
struct Gateway {
    seen: Arc<Mutex<Vec<u64>>>,
    refuse: fn(&Message) -> Option<bool>,
}

impl Route for Gateway {
    fn needs(&self) -> Needs {
        Needs::Line(Part::usual())
    }

    fn window(&self) -> usize {
        10
    }

    fn submit(&mut self, messages: &[&Message], _: &mut dyn Pace) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for message in messages {
            self.seen.lock().unwrap().push(message.row.msisdn);
            outcomes.push(match (self.refuse)(message) {
                None => Outcome::Taken { ids: Vec::new() },
                Some(may_retry) => {
                    let class = if may_retry { Class::Temporary } else { Class::Permanent };
                    Outcome::Refused { class, code: "gw:8".into(), text: "refused".into() }
                }
            });
        }
        Ok(outcomes)
    }
}

#[test]
fn tries_again_after_a_while_and_gives_up_in_the_end() {
    let fixture = Fixture::new("sim", "[limits]\nattempts = 3\nstop_after_consecutive_failures = 1000\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(30), 1).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let clock = Clock::at(2_000);
    let run = |store: &mut Store| {
        // Even numbers never succeed, odd ones at the second attempt.
        let refuse =
            |message: &Message| (message.row.msisdn.is_multiple_of(2) || message.row.attempts == 0).then_some(true);
        fixture
            .run_by(store, (2, "w1"), &clock, |_| Ok(Box::new(Gateway { seen: seen.clone(), refuse })), u64::MAX)
            .unwrap()
    };
    let first = run(&mut store);
    assert_eq!((first.submitted, first.retried, first.failed), (0, 30, 0));
    let due = first.next_due.unwrap();
    // A minute, give or take a fifth.
    assert!((2_048..=2_072).contains(&due), "{due}");
    assert_eq!(run(&mut store).retried, 0, "nothing is due yet");
    clock.set(2_100);
    let second = run(&mut store);
    assert_eq!((second.submitted, second.retried, second.failed), (15, 15, 0));
    clock.set(9_000);
    let third = run(&mut store);
    assert_eq!((third.submitted, third.failed, third.next_due), (0, 15, None));
    assert_eq!(store.count_errors("spring").unwrap(), [("gw:8".to_owned(), 15)]);
    assert_eq!(seen.lock().unwrap().len(), 75);
}

#[test]
fn stops_when_too_much_goes_wrong() {
    let fixture = Fixture::new("sim", "[limits]\nstop_after_consecutive_failures = 25\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(500), 1).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let make = |_: &Access<'_>| -> Result<Box<dyn Route>> {
        Ok(Box::new(Gateway { seen: seen.clone(), refuse: |_| Some(false) }))
    };
    let summary = fixture.run_by(&mut store, (2, "w1"), &Clock::at(2_000), make, u64::MAX).unwrap();
    assert!(matches!(&summary.ended, Ended::Stopped(why) if why.contains("25 consecutive")), "{summary:?}");
    assert!(seen.lock().unwrap().len() < 25 + 10, "at most a window more than the limit");
}

/// A worker that slept through its lease may write nothing; who took over sends what was left open again.
#[test]
fn a_lost_lease_writes_nothing() {
    let fixture = Fixture::new("sim", "");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(20), 1).unwrap();
    let (store, other) = (Mutex::new(store), Mutex::new(fixture.store()));

    let first = Access::new(&store, "spring", "w1", "sim");
    let lease = first.lease(0, 100, 130).unwrap().unwrap();
    let rows = first.due_rows(0, 100, (0, 99), 99).unwrap();
    let some: Vec<_> = rows.iter().take(5).collect();
    assert_eq!(first.due_slices(99, 101).unwrap().0, [DueSlice { number: 0, is_open: false }]);
    assert!(first.mark(&lease, &some, 101, 131).unwrap());
    assert_eq!(first.due_slices(99, 101).unwrap().0, [DueSlice { number: 0, is_open: true }]);

    let second = Access::new(&other, "spring", "w2", "sim");
    assert_eq!(second.lease(0, 110, 140).unwrap(), None, "the lease is alive");
    let taken = second.lease(0, 132, 162).unwrap().unwrap();
    let open = second.left_open(0, false).unwrap();
    assert_eq!((taken.epoch, open.len()), (lease.epoch + 1, 5));
    let detail = Some("ambiguous".to_owned());
    let planned = |row| {
        let (from, to, detail) = (State::Submitting, State::Planned, detail.clone());
        Step { row, from, to, due: 0, is_free: false, is_unsent: true, ids: &[], error: None, detail }
    };
    let steps: Vec<Step<'_>> = open.iter().map(planned).collect();
    assert_eq!(first.record(&lease, &steps, None, (132, 162)).unwrap(), None);
    assert_eq!(second.record(&taken, &steps, None, (132, 162)).unwrap(), Some(Vec::new()));
    assert!(!first.mark(&lease, &some, 133, 163).unwrap());
    assert_eq!(second.due_rows(0, 133, (0, 99), 99).unwrap().len(), 20);
    let other = other.into_inner().unwrap();
    assert_eq!(other.doubtful("spring").unwrap(), (5, 0));
    assert_eq!(other.list("spring", State::Submitting, 10).unwrap(), []);
}

/// What a crash leaves between submit and its recording waits for a person, or goes out again and is counted.
#[test]
fn what_a_crash_leaves_open_is_held_or_sent_again() {
    let fixture = Fixture::new("sim", "[limits]\non_ambiguous = \"hold\"\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(20), 1).unwrap();
    let crashed = Mutex::new(store);
    let access = Access::new(&crashed, "spring", "w1", "sim");
    let lease = access.lease(0, 100, 130).unwrap().unwrap();
    let rows = access.due_rows(0, 100, (0, 99), 99).unwrap();
    assert!(access.mark(&lease, &rows.iter().take(5).collect::<Vec<_>>(), 101, 131).unwrap());
    let mut store = crashed.into_inner().unwrap();

    let path = fixture.path("handsets.db");
    let run = |store: &mut Store| {
        let make = |_: &Access<'_>| -> Result<Box<dyn Route>> { Ok(Box::new(SimRoute::open(&path, 7)?)) };
        fixture.run_by(store, (1, "w1"), &Clock::at(2_000), make, u64::MAX).unwrap()
    };
    let held = run(&mut store);
    assert_eq!((held.submitted, held.held, held.ambiguous, held.next_due), (15, 5, 0, None));
    let campaign = fs::read_to_string(fixture.path("spring.toml")).unwrap().replace("hold", "resend");
    fixture.write("spring.toml", &campaign);
    let resent = run(&mut store);
    assert_eq!((resent.submitted, resent.held, resent.ambiguous), (5, 0, 5));
    assert_eq!(Arrivals::open(&path).unwrap().count().unwrap(), (20, 20, 0));
}

#[test]
fn simulated_handsets_open_their_own_messages_only() {
    let fixture = Fixture::new("sim", "[limits]\nstop_after_consecutive_failures = 1000\n");
    let mut store = fixture.store();
    fixture.plan(&mut store, &table(20), 1).unwrap();
    let path = fixture.path("handsets.db");
    let make = |_: &Access<'_>| -> Result<Box<dyn Route>> { Ok(Box::new(SimRoute::open(&path, 7)?)) };
    let summary = fixture.run_by(&mut store, (1, "w1"), &Clock::at(2_000), make, u64::MAX).unwrap();
    assert_eq!((summary.submitted, summary.failed), (20, 0));
    assert_eq!(Arrivals::open(&path).unwrap().count().unwrap(), (20, 20, 0));
}

/// A generator of numbers, the same in every run.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub(crate) fn impskit(fixture: &Fixture, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
    command.current_dir(fixture.folder.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs the binary, killing it at random moments, until it ends by itself. Returns how often it was killed.
#[allow(clippy::disallowed_methods, reason = "a kill comes at some moment")]
fn run_with_kills(fixture: &Fixture, workers: &str, random: &mut Seeded, most_kills: u64) -> u64 {
    let mut kills = 0;
    loop {
        let mut child = impskit(fixture, &["batch", "run", "spring.toml", "--workers", workers]).spawn().unwrap();
        if kills < most_kills {
            std::thread::sleep(Duration::from_millis(5 + random.below(120)));
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                continue;
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(0));
        return kills;
    }
}

#[test]
fn killed_at_random_moments_the_file_is_the_same() {
    let rows = 4_000;
    let whole = Fixture::new("file", "");
    whole.write("rows.csv", &String::from_utf8(table(rows)).unwrap());
    assert!(impskit(&whole, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    run_with_kills(&whole, "1", &mut Seeded(0), 0);
    let expected = fs::read(whole.path("spring.jsonl")).unwrap();
    assert_eq!(expected.iter().filter(|&&b| b == b'\n').count() as u64, rows);
    for (seed, workers) in [(1, "1"), (2, "2")] {
        let fixture = Fixture::new("file", "");
        fixture.write("rows.csv", &String::from_utf8(table(rows)).unwrap());
        assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
        let kills = run_with_kills(&fixture, workers, &mut Seeded(seed), 6);
        assert!(kills > 0, "no kill came in time: plan more rows");
        assert!(fs::read(fixture.path("spring.jsonl")).unwrap() == expected, "seed {seed}, {workers} workers");
    }
}

/// The first Ctrl-C finishes what is in flight, saves, and says how to go on.
#[cfg(unix)]
#[test]
fn interrupted_it_saves_and_goes_on() {
    let more = "[[route]]\nname = \"phones\"\nkind = \"sim\"\nwindow = 5\n";
    let fixture = Fixture::new("phones", more);
    fixture.write("rows.csv", &String::from_utf8(table(2_000)).unwrap());
    assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    let child = impskit(&fixture, &["batch", "run", "spring.toml"]).stderr(Stdio::piped()).spawn().unwrap();
    let arrivals = || Arrivals::open(&fixture.path("spring-handsets.db")).unwrap().count().unwrap();
    while arrivals().1 < 20 {}
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`impskit batch run spring.toml` goes on"));
    let before = arrivals();
    assert!(before.1 < 2_000 && before.0 == before.1, "{before:?}");
    assert_eq!(fixture.store().list("spring", State::Submitting, 10).unwrap(), []);
    assert_eq!(impskit(&fixture, &["batch", "run", "spring.toml"]).status().unwrap().code(), Some(0));
    assert_eq!(arrivals(), (2_000, 2_000, 0));
}

/// Two processes share a campaign: each handset gets one message.
#[test]
fn two_processes_share_the_work() {
    let fixture = Fixture::new("sim", "");
    fixture.write("rows.csv", &String::from_utf8(table(12_000)).unwrap());
    assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    let start = || impskit(&fixture, &["batch", "run", "spring.toml"]).spawn().unwrap();
    for mut child in [start(), start()] {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let counted = Arrivals::open(&fixture.path("spring-handsets.db")).unwrap().count().unwrap();
    assert_eq!(counted, (12_000, 12_000, 0));
    assert_eq!(fixture.store().doubtful("spring").unwrap().1, 0);
}
