//! What the fuzzer plays with octets of its own making, played here with samples as they are, cut, and changed.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/readers.rs"]
pub(crate) mod targets;

use crate::abuse::collect;
use targets::TARGETS;

/// Every file of the fuzzer is a reader's, and every reader has one.
#[test]
fn every_reader_has_a_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut names: Vec<String> = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

/// What holds for any octets holds for all samples, and for what is left of them when they are damaged.
#[test]
fn what_holds_for_any_octets_holds_for_damaged_samples() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples"), &mut files);
    assert!(files.len() > 100);
    let mut seed = 1_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    for file in files {
        let whole = fs::read(&file).unwrap();
        let mut damaged = whole.clone();
        for _ in 0..4 {
            let place = next(damaged.len());
            if let Some(octet) = damaged.get_mut(place) {
                *octet = next(256) as u8;
            }
        }
        let cut = whole[..next(whole.len())].to_vec();
        for octets in [&whole, &damaged, &cut] {
            for (_, target) in TARGETS {
                target(octets);
            }
        }
    }
}
