use super::*;

/// Made by `make.py` beside it, which knows nothing of this code.
const SAMPLE: &[u8] = include_bytes!("../../../tests/samples/audit/log.jsonl");
/// 2026-11-23T03:10:50Z, by `date -d`.
const MOMENT: Timestamp = 1_795_403_450;

fn send(number: u64) -> Entry<'static> {
    let (what, object) = (What::Send, Object::Msisdn(number));
    Entry { time: MOMENT, who: "os:anna", what, object, document: None, outcome: None, ticket: None, note: None }
}

fn verified(log: &[u8]) -> Verdict {
    verify(log).unwrap()
}

fn wrong_line(log: &[u8]) -> Option<u64> {
    verified(log).wrong.map(|wrong| wrong.line)
}

#[test]
fn writes_what_a_script_writes_by_the_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let document = Some(Sha256::digest(b"<wap-provisioningdoc/>").into());
    let mut audit = Audit::open(&path).unwrap();
    let note = Some("campaign spring, attempt 1");
    audit.append(&[Entry { document, ticket: Some("CASE-118"), note, ..send(46_701_234_567) }]).unwrap();
    audit.append(&[Entry { document, ..send(46_701_234_568) }]).unwrap();
    // Whoever wrote the second line was stopped after 100 octets.
    let first = std::fs::read(&path).unwrap().iter().position(|octet| *octet == b'\n').unwrap() as u64;
    OpenOptions::new().write(true).open(&path).unwrap().set_len(first + 101).unwrap();
    let change = Entry { time: MOMENT + 10, who: "token:desk", what: What::UserChange, ..send(0) };
    let object = Object::User("wv:åsa@acme.example");
    Audit::open(&path).unwrap().append(&[Entry { object, note: Some("\"added\"\n"), ..change }]).unwrap();
    let written = std::fs::read(&path).unwrap();
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(SAMPLE));
}

#[test]
fn follows_the_chain_of_a_script() {
    let verdict = verified(SAMPLE);
    assert_eq!((verdict.lines, verdict.torn, verdict.wrong), (4, 1, None));
    // By sha256sum.
    assert_eq!(verdict.last, "ba924e3d5ab5fe1113263a11de72e78ffb26a591d3b1c9913f760619c4fef622");
    assert_eq!(verified(b"").last, "0".repeat(64));
}

#[test]
fn every_change_but_in_the_last_line_is_seen() {
    let last = SAMPLE[..SAMPLE.len() - 1].iter().rposition(|octet| *octet == b'\n').unwrap();
    for at in 0..last {
        let mut changed = SAMPLE.to_vec();
        changed[at] ^= 1;
        assert!(wrong_line(&changed).is_some(), "octet {at}");
    }
    let lines: Vec<&[u8]> = SAMPLE.split_inclusive(|octet| *octet == b'\n').collect();
    assert_eq!(wrong_line(&lines[1..].concat()), Some(2), "the first is gone");
    assert_eq!(wrong_line(&lines[3..].concat()), Some(1), "three are gone");
    assert_eq!(wrong_line(&[lines[0], lines[2], lines[3]].concat()), Some(2), "one is gone between");
    assert_eq!(wrong_line(&[lines[0], lines[0], lines[1]].concat()), Some(2), "one is doubled");
    assert_eq!(wrong_line(&[lines[0], lines[1]].concat()), Some(2), "nobody says that it was torn");
    assert_eq!(wrong_line(&lines[0][..lines[0].len() - 1]), Some(1), "it has no end");
    assert_eq!(wrong_line(&[lines[0], &[b'x'; 3 * MOST_LINE], b"\n", lines[1]].concat()), Some(2), "it is too long");
}

#[test]
fn several_writers_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut audit = Audit::open(path).unwrap();
                for group in 0..50 {
                    let entries: Vec<_> = (0..7).map(|row| send(writer * 1000 + group * 10 + row)).collect();
                    audit.append(&entries).unwrap();
                }
            });
        }
    });
    let log = std::fs::read(&path).unwrap();
    let verdict = verified(&log);
    assert_eq!((verdict.lines, verdict.wrong), (4 * 50 * 7, None));
    let mut objects = Vec::new();
    show(&*log, &Filter::default(), |_, line| {
        objects.push(line.object.to_string());
        true
    })
    .unwrap();
    // A group stays together.
    assert!(objects.chunks(7).all(|group| group[0].ends_with('0') && group[6].ends_with('6')));
}

#[test]
fn goes_on_wherever_the_one_before_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    for length in 0..SAMPLE.len() {
        std::fs::write(&path, &SAMPLE[..length]).unwrap();
        Audit::open(&path).unwrap().append(&[send(1)]).unwrap();
        let verdict = verified(&std::fs::read(&path).unwrap());
        assert_eq!(verdict.wrong, None, "after {length} octets");
    }
}

#[test]
fn filters_by_everything_that_is_named() {
    let count = |filter: &Filter| {
        let mut count = 0;
        show(SAMPLE, filter, |_, _| {
            count += 1;
            true
        })
        .unwrap();
        count
    };
    let all = Filter::default();
    assert_eq!(count(&all), 3);
    assert_eq!(count(&Filter { since: Some(MOMENT + 10), ..all.clone() }), 2);
    assert_eq!(count(&Filter { until: Some(MOMENT + 10), ..all.clone() }), 1);
    assert_eq!(count(&Filter { who: Some("desk".into()), ..all.clone() }), 2);
    assert_eq!(count(&Filter { who: Some("os:anna".into()), ..all.clone() }), 1);
    assert_eq!(count(&Filter { msisdn: Some(46_701_234_567), ticket: Some("CASE-118".into()), ..all.clone() }), 1);
    assert_eq!(count(&Filter { msisdn: Some(46_701_234_567), ticket: Some("CASE-1".into()), ..all }), 0);
}

#[test]
fn refuses_what_is_no_log_and_what_is_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, "[audit]\n").unwrap();
    assert_eq!(Audit::open(&path).unwrap_err().what, "this is no audit log");
    let path = folder.path().join("log.jsonl");
    let mut audit = Audit::open(&path).unwrap();
    let note = "x".repeat(MOST_LINE);
    assert!(audit.append(&[send(1), Entry { note: Some(&note), ..send(2) }]).is_err());
    audit.append(&[send(3)]).unwrap();
    assert_eq!(verified(&std::fs::read(&path).unwrap()).lines, 1, "none of what was refused is there");
    // The first line is one of ours, and then comes something that never ends.
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&vec![0; 2 * MOST_LINE]).unwrap();
    file.write_all(&vec![0; 2 * MOST_LINE]).unwrap();
    assert_eq!(audit.append(&[send(4)]).unwrap_err().what, "this is no audit log");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    drop(Audit::open(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
