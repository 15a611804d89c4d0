//! What the fuzzer plays with octets of its own making, played here with samples as they are, cut, and changed; more often
//! with `IMPSKIT_ROUNDS`, for one reader with `IMPSKIT_READER`, and with more scripts for the engine with `IMPSKIT_SCRIPTS`.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/engine.rs"]
mod engine;
#[path = "../../fuzz/readers.rs"]
pub(crate) mod targets;

use crate::abuse::collect;
use crate::batch::Seeded;
use targets::TARGETS;

/// Times that each sample is damaged, where the environment does not say another number.
const ROUNDS: usize = 2;
/// Scripts for the engine where the environment does not say another number, and octets of each.
const SCRIPTS: u64 = 12;
const SCRIPT: usize = 400;

/// Every file of the fuzzer is a reader's or the engine's, and every reader has one.
#[test]
fn every_reader_has_a_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut names: Vec<String> = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    names.push("engine.rs".to_owned());
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

/// What holds for any octets holds for all samples, and for what is left of them when they are damaged.
#[test]
fn what_holds_for_any_octets_holds_for_damaged_samples() {
    let rounds = std::env::var("IMPSKIT_ROUNDS").map_or(ROUNDS, |count| count.parse().unwrap());
    let only = std::env::var("IMPSKIT_READER").ok();
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples"), &mut files);
    assert!(files.len() > 100);
    let mut random = Seeded(1);
    let samples: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (file, whole) in files.iter().zip(&samples) {
        let mut all = vec![whole.clone()];
        all.extend(
            (0..rounds).map(|_| damaged(whole, &samples[random.below(samples.len() as u64) as usize], &mut random)),
        );
        for octets in all {
            for (name, target) in TARGETS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
                let outcome = std::panic::catch_unwind(|| target(&octets));
                assert!(outcome.is_ok(), "{name}, {}: {:02x?}", file.display(), String::from_utf8_lossy(&octets));
            }
        }
    }
}

/// Returns a sample with some places changed, left out, repeated, or taken from another; some are cut off.
fn damaged(whole: &[u8], other: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut below = |most: usize| random.below(most.max(1) as u64) as usize;
    let mut octets = whole.to_vec();
    for _ in 0..=below(6) {
        let place = below(octets.len());
        let end = (place + below(24)).min(octets.len());
        let piece = match below(6) {
            0 => Vec::new(),
            1 => octets[place..end].repeat(1 + below(3)),
            2 => {
                let from = below(other.len());
                other[from..(from + below(64)).min(other.len())].to_vec()
            }
            3 => [0x00, 0x7F, 0x80, 0xFF, b'"', b'<', b'\n', b','][below(8)..][..1].to_vec(),
            _ => vec![below(256) as u8],
        };
        octets.splice(place..end, piece);
    }
    if below(4) == 0 {
        octets.truncate(below(octets.len()));
    }
    octets
}

/// What holds for the engine holds for any sequence of requests.
#[test]
fn any_sequence_of_requests_keeps_what_must_be_so() {
    let scripts = std::env::var("IMPSKIT_SCRIPTS").map_or(SCRIPTS, |count| count.parse().unwrap());
    let mut delivered = 0;
    for seed in 1..=scripts {
        let mut random = Seeded(seed);
        let octets: Vec<u8> = (0..SCRIPT).map(|_| random.below(256) as u8).collect();
        let outcome = std::panic::catch_unwind(|| engine::engine(&octets));
        delivered += outcome.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(delivered as u64 > 5 * scripts, "{delivered} messages show little");
}
