//! What the world does to campaigns: workers killed at any moment, disks that are full. `tests/kill-trials.sh` plays
//! many more trials of the first test than a build does.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use impskit::batch::audit;
use impskit::batch::route::Arrivals;
use impskit::batch::store::State;

use crate::batch::{Fixture, Seeded, impskit, table};

/// Trials where the environment does not say another number.
const TRIALS: u64 = 3;

/// One to three workers on one campaign, each killed again and again at random moments. Whatever happens, every handset
/// gets its message, no more are doubled than windows were in flight, the store knows of each of them, its counts are the
/// truth, and the audit log is whole and has every send.
#[test]
fn workers_may_be_killed_at_any_moment() {
    let trials = std::env::var("IMPSKIT_KILL_TRIALS").map_or(TRIALS, |count| count.parse().unwrap());
    let (mut kills, mut doubled) = (0, 0);
    for seed in 1..=trials {
        let trial = Trial::new(seed);
        let (killed, twice) = trial.play();
        kills += killed;
        doubled += twice;
    }
    println!("{trials} trials, {kills} kills, {doubled} messages twice");
    assert!(kills > 0, "no kill came in time: plan more rows");
}

struct Trial {
    seed: u64,
    random: Seeded,
    fixture: Fixture,
    rows: u64,
    window: u64,
    workers: u64,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut random = Seeded(seed);
        let (rows, window, workers) = (500 + random.below(2_000), 1 + random.below(50), 1 + random.below(3));
        let more = format!("[[route]]\nname = \"phones\"\nkind = \"sim\"\nwindow = {window}\n");
        let fixture = Fixture::new("phones", &more);
        fixture.write("rows.csv", &String::from_utf8(table(rows)).unwrap());
        assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
        Self { seed, random, fixture, rows, window, workers }
    }

    fn start(&self) -> Child {
        impskit(&self.fixture, &["batch", "run", "spring.toml", "--workers", "1"]).spawn().unwrap()
    }

    /// Returns how many workers were killed, and how many messages came twice.
    #[allow(clippy::disallowed_methods, reason = "a kill comes at some moment")]
    fn play(mut self) -> (u64, u64) {
        let most = 2 + self.random.below(5);
        let mut kills = 0;
        let mut workers: Vec<Child> = (0..self.workers).map(|_| self.start()).collect();
        while kills < most {
            std::thread::sleep(Duration::from_millis(3 + self.random.below(80)));
            let which = usize::try_from(self.random.below(self.workers)).unwrap();
            if workers[which].try_wait().unwrap().is_some() {
                break;
            }
            workers[which].kill().unwrap();
            workers[which].wait().unwrap();
            kills += 1;
            workers[which] = self.start();
        }
        for worker in &mut workers {
            assert_eq!(worker.wait().unwrap().code(), Some(0), "seed {}", self.seed);
        }
        (kills, self.judge(kills))
    }

    fn judge(&self, kills: u64) -> u64 {
        let arrivals = Arrivals::open(&self.fixture.path("spring-handsets.db")).unwrap();
        let (handsets, messages, refused) = arrivals.count().unwrap();
        let seed = self.seed;
        assert_eq!((handsets, refused), (self.rows, 0), "seed {seed}: a handset is left out");
        let twice = messages - handsets;
        assert!(twice <= self.window * kills, "seed {seed}: {twice} twice, {kills} kills, window {}", self.window);
        let store = self.fixture.store();
        let known = store.doubtful("spring").unwrap().1;
        // A handset whose message was in flight at two kills gets a third one; it counts once here.
        let doubled = arrivals.doubled().unwrap();
        assert!(doubled <= known, "seed {seed}: {doubled} handsets twice, the store knows of {known}");
        assert_eq!(
            store.count_states("spring").unwrap(),
            [(State::Submitted.as_str().to_owned(), self.rows)],
            "seed {seed}"
        );
        let log = fs::read(self.fixture.path("audit.jsonl")).unwrap();
        let verdict = audit::verify(log.as_slice()).unwrap();
        assert!(verdict.wrong.is_none(), "seed {seed}: {verdict:?}");
        assert!(verdict.lines >= messages, "seed {seed}: a send that is not written down");
        twice
    }
}

/// Runs the binary where no file may grow beyond so many blocks of 512 octets; the signal that says so is ignored, so
/// that writing fails as on a full disk.
fn on_a_full_disk(fixture: &Fixture, blocks: u32, arguments: &str) -> std::process::Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{}' {arguments}", env!("CARGO_BIN_EXE_impskit"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(fixture.folder()).stdin(Stdio::null());
    command.output().unwrap()
}

/// The disk is full in the middle of a run: it says so and ends; with room again the rest goes out and nothing is lost.
#[test]
fn a_full_disk_loses_nothing() {
    let more = "[[route]]\nname = \"phones\"\nkind = \"sim\"\nwindow = 20\n";
    let fixture = Fixture::new("phones", more);
    fixture.write("rows.csv", &String::from_utf8(table(1_500)).unwrap());
    assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    // Room for some of the log of the store, and for nothing at all: as when it has gone read-only.
    for blocks in [1_500, 0] {
        let output = on_a_full_disk(&fixture, blocks, "batch run spring.toml");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{blocks} blocks: {said}");
        assert!(said.starts_with("error: ") || said.contains("\nerror: "), "{blocks} blocks: {said}");
    }
    assert_eq!(impskit(&fixture, &["batch", "run", "spring.toml"]).status().unwrap().code(), Some(0));
    let arrivals = Arrivals::open(&fixture.path("spring-handsets.db")).unwrap().count().unwrap();
    assert_eq!((arrivals.0, arrivals.2), (1_500, 0));
    assert!(arrivals.1 - arrivals.0 <= 20 * 2, "{arrivals:?}");
    assert_eq!(fixture.store().count_states("spring").unwrap(), [("submitted".to_owned(), 1_500)]);
}

/// A table that does not fit on the disk is not half planned: there is no plan to run.
#[test]
fn a_plan_on_a_full_disk_is_no_plan() {
    let fixture = Fixture::new("sim", "");
    fixture.write("rows.csv", &String::from_utf8(table(30_000)).unwrap());
    let output = on_a_full_disk(&fixture, 4_000, "batch plan spring.toml rows.csv");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let output = impskit(&fixture, &["batch", "run", "spring.toml"]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the plan is not complete"), "{output:?}");
    assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
}

/// Who counts on events is not left without: a run that cannot write them stops, and goes on where it was.
#[test]
fn events_that_cannot_be_written_stop_the_run() {
    let fixture = Fixture::new("sim", "");
    fixture.write("rows.csv", &String::from_utf8(table(3_000)).unwrap());
    assert!(impskit(&fixture, &["batch", "plan", "spring.toml", "rows.csv"]).status().unwrap().success());
    let run = ["batch", "run", "spring.toml", "--events", "/dev/full"];
    let output = impskit(&fixture, &run).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("events cannot be written"), "{output:?}");
    assert_eq!(impskit(&fixture, &["batch", "run", "spring.toml"]).status().unwrap().code(), Some(0));
    let arrivals = Arrivals::open(&fixture.path("spring-handsets.db")).unwrap().count().unwrap();
    assert_eq!(arrivals, (3_000, 3_000, 0));
}
