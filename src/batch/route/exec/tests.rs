use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::super::testing::{Allow, line};
use super::*;

/// What programs said to people.
type Heard = Arc<Mutex<Vec<String>>>;

/// Opens a route to a shell script, which has a folder of its own.
fn open(folder: &Path, script: &str, more: &str) -> (Result<ExecRoute>, Heard) {
    let path = folder.join("send.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let table = format!("name = \"own\"\nkind = \"exec\"\ncommand = [\"./send.sh\", \"a b\"]\n{more}");
    let settings: RouteSettings = toml::from_str(&table).unwrap();
    settings.check().unwrap();
    let heard = Heard::default();
    let log = heard.clone();
    let around = Surroundings {
        folder,
        secrets: &mut |_| Err("there are none".to_owned()),
        log: Arc::new(move |text: &str| log.lock().unwrap().push(text.to_owned())),
    };
    // Another test may be starting a program while the script is written: then it cannot be executed yet.
    for _ in 0..50 {
        match ExecRoute::open(&settings, &around) {
            Err(error) if error.what.contains("busy") => std::thread::yield_now(),
            opened => return (opened, heard),
        }
    }
    (ExecRoute::open(&settings, &around), heard)
}

fn submit(route: &mut ExecRoute, names: &[&str]) -> Vec<Outcome> {
    let messages: Vec<Message> = names.iter().map(|name| line(name)).collect();
    route.submit(&messages.iter().collect::<Vec<_>>(), &mut Allow::all()).unwrap()
}

fn taken(id: &str) -> Outcome {
    Outcome::Taken { ids: vec![id.to_owned()] }
}

fn code(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Taken { .. } => "taken".to_owned(),
        Outcome::Refused { class, code, .. } => format!("{class:?} {code}"),
        Outcome::Unknown { code, .. } => format!("unknown {code}"),
        Outcome::NotSent => "not sent".to_owned(),
    }
}

#[test]
fn answers_come_in_any_order_and_receipts_between() {
    let folder = tempfile::tempdir().unwrap();
    let script = "read a; read b; read c\n\
                  echo '{\"ref\":\"C\",\"ok\":true,\"ids\":[\"c1\",\"c2\"]}'\n\
                  echo '{\"receipt\":\"delivered\",\"id\":\"b1\"}'\n\
                  echo '{\"ref\":\"B\",\"ok\":true,\"id\":\"b1\"}'\n\
                  echo \"{\\\"ref\\\":\\\"A\\\",\\\"ok\\\":false,\\\"code\\\":17,\\\"text\\\":\\\"$1\\\"}\"\n\
                  cat >/dev/null\n";
    let (route, _) = open(folder.path(), script, "temporary = [\"exec:1*\"]\n");
    let mut route = route.unwrap();
    let outcomes = submit(&mut route, &["A", "B", "C"]);
    let refused = Outcome::Refused { class: Class::Temporary, code: "exec:17".to_owned(), text: "a b".to_owned() };
    assert_eq!(outcomes, [refused, taken("b1"), Outcome::Taken { ids: vec!["c1".to_owned(), "c2".to_owned()] }]);
    let receipt = Receipt { id: "b1".to_owned(), fate: Fate::Delivered, code: None, at: None };
    let mut pace = Allow::all();
    route.listen(&mut pace);
    route.listen(&mut pace);
    assert_eq!(pace.kept, [receipt]);
}

#[test]
fn what_is_no_answer_is_said_and_stderr_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo starting >&2; read a\n\
                  echo hello; echo '{\"ref\":\"Z\",\"ok\":true}'; echo '{\"ref\":\"A\"}'\n\
                  head -c 100000 /dev/zero | tr '\\0' x; echo\n\
                  echo '{\"ref\":\"A\",\"ok\":false,\"class\":\"throttled\",\"code\":\"slow\"}'; cat >/dev/null\n";
    let (route, heard) = open(folder.path(), script, "");
    let mut route = route.unwrap();
    let mut pace = Allow::all();
    let message = line("A");
    let outcomes = route.submit(&[&message], &mut pace).unwrap();
    assert_eq!(code(&outcomes[0]), "Throttled exec:slow");
    assert_eq!(pace.throttled, 1);
    drop(route);
    let heard = heard.lock().unwrap();
    for said in ["own: starting", "`hello`", "not awaited", "neither answer nor receipt", "xxxx…`"] {
        assert!(heard.iter().any(|line| line.contains(said)), "{said}: {heard:?}");
    }
    assert!(heard.iter().all(|line| line.len() < 400));
}

/// A pace with time for an answer between two messages.
struct Slow(usize);

impl Pace for Slow {
    #[allow(clippy::disallowed_methods, reason = "a program is given time to answer")]
    fn take(&mut self, _sms: u32) -> bool {
        self.0 += 1;
        std::thread::sleep(Duration::from_millis(20));
        true
    }

    fn throttled(&mut self) {}

    fn keep(&mut self, _receipts: &[Receipt]) -> bool {
        true
    }
}

#[test]
fn a_program_that_takes_nothing_from_us_is_given_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let script = "read a; echo '{\"ref\":\"0\",\"ok\":false,\"class\":\"denied\",\"code\":\"account\"}'\n\
                  while read a; do r=${a#*:\\\"}; echo \"{\\\"ref\\\":\\\"${r%%\\\"*}\\\",\\\"ok\\\":true}\"; done\n";
    let (route, _) = open(folder.path(), script, "");
    let messages: Vec<Message> = (0..500).map(|name: u32| line(&name.to_string())).collect();
    let mut pace = Slow(0);
    let outcomes = route.unwrap().submit(&messages.iter().collect::<Vec<_>>(), &mut pace).unwrap();
    assert_eq!(code(&outcomes[0]), "Denied exec:account");
    assert!(pace.0 < 500, "it stops");
    let taken = Outcome::Taken { ids: Vec::new() };
    assert!(outcomes[1..pace.0].iter().all(|outcome| *outcome == taken), "what is on its way is waited for");
    assert!(outcomes[pace.0..].iter().all(|outcome| *outcome == Outcome::NotSent));
}

#[test]
fn a_program_that_ends_leaves_its_messages_unknown_and_is_started_anew_once() {
    let folder = tempfile::tempdir().unwrap();
    // The first one ends with its second message, the next one lives.
    let script = "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) >n\n\
                  while read a; do [ $n$a = '0{\"ref\":\"B\"}' ] && exit 3\n\
                  r=${a#*:\\\"}; echo \"{\\\"ref\\\":\\\"${r%%\\\"*}\\\",\\\"ok\\\":true,\\\"id\\\":\\\"i$n\\\"}\"; done\n";
    let (route, _) = open(folder.path(), script, "window = 1\n");
    let mut route = route.unwrap();
    assert_eq!(submit(&mut route, &["A"]), [taken("i0")]);
    assert_eq!(code(&submit(&mut route, &["B"])[0]), "unknown exec:ended");
    assert_eq!(submit(&mut route, &["C", "D"]), [taken("i1"), taken("i1")]);
}

#[test]
fn a_program_that_cannot_live_does_not_loop() {
    let folder = tempfile::tempdir().unwrap();
    let (route, _) = open(folder.path(), "read a; exit 1\n", "");
    let mut route = route.unwrap();
    let codes: Vec<String> = submit(&mut route, &["A", "B", "C", "D", "E", "F"]).iter().map(code).collect();
    assert!(codes.iter().all(|code| code == "unknown exec:ended" || code == "not sent"), "{codes:?}");
    assert!(codes[0].starts_with("unknown"));
}

#[test]
fn a_silent_program_is_ended_and_never_waited_for_longer_than_said() {
    let folder = tempfile::tempdir().unwrap();
    let (route, _) = open(folder.path(), "echo $$ >pid; exec sleep 60\n", "timeout = \"1s\"\n");
    let mut route = route.unwrap();
    let codes: Vec<String> = submit(&mut route, &["A", "B"]).iter().map(code).collect();
    assert_eq!(codes, ["unknown exec:timeout", "unknown exec:timeout"]);
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists(), "it is ended");
}

#[test]
fn a_program_that_never_reads_is_no_reason_to_hang() {
    let folder = tempfile::tempdir().unwrap();
    let (route, _) = open(folder.path(), "exec sleep 60\n", "timeout = \"1s\"\nwindow = 500\n");
    let mut route = route.unwrap();
    // More than a pipe holds.
    let long = "L".repeat(4000);
    let names: Vec<String> = (0..500).map(|n| format!("{n}{long}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(submit(&mut route, &names).iter().all(|outcome| code(outcome) == "unknown exec:timeout"));
}

#[test]
fn what_cannot_be_started_is_an_error_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let settings: RouteSettings =
        toml::from_str("name = \"own\"\nkind = \"exec\"\ncommand = [\"./absent\"]\n").unwrap();
    let around =
        Surroundings { folder: folder.path(), secrets: &mut |_| Err(String::new()), log: Arc::new(|_: &str| {}) };
    let error = ExecRoute::open(&settings, &around).unwrap_err();
    assert!(error.what.contains("cannot be started: there is no such file"), "{error}");
    let empty: RouteSettings = toml::from_str("name = \"own\"\nkind = \"exec\"\n").unwrap();
    assert_eq!(ExecRoute::open(&empty, &around).unwrap_err().what, "`command` is missing");
}
