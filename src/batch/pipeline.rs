//! Work in parallel, results in order: the engine room of planning and running.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;

use crate::error::{Error, Result};

/// Items on their way for each worker: enough that none waits, few enough that memory stays small.
const IN_FLIGHT: usize = 3;

/// Takes items from `source`, hands them to `workers` threads, and gives what they made to `sink` in the order
/// of the source. `source` and `sink` are called on the caller's thread, so they may use a store.
///
/// The number of threads changes how long it takes, never what comes out.
///
/// # Errors
///
/// Ends at the first error of `source` or `sink`; what is in flight is dropped.
pub fn in_order<I: Send, O: Send>(
    workers: usize,
    mut source: impl FnMut() -> Result<Option<I>>,
    work: impl Fn(I) -> O + Sync,
    mut sink: impl FnMut(O) -> Result<()>,
) -> Result<()> {
    let workers = workers.max(1);
    let (hand_out, jobs) = sync_channel::<(u64, I)>(workers * IN_FLIGHT);
    let jobs = Mutex::new(jobs);
    let (hand_in, results) = channel::<(u64, O)>();
    thread::scope(|scope| {
        for _ in 0..workers {
            let (jobs, work, hand_in) = (&jobs, &work, hand_in.clone());
            scope.spawn(move || labour(jobs, work, &hand_in));
        }
        // Both ends that only the workers need are dropped here, so that a worker's panic ends the wait below.
        drop(hand_in);
        let hand_out = hand_out;
        let (mut sent, mut wanted, mut is_dry) = (0, 0, false);
        let mut early = BTreeMap::new();
        loop {
            while !is_dry && sent - wanted < (workers * IN_FLIGHT) as u64 {
                match source()? {
                    Some(item) => hand_out.send((sent, item)).map_err(|_| worker_died())?,
                    None => is_dry = true,
                }
                sent += u64::from(!is_dry);
            }
            if wanted == sent {
                return Ok(());
            }
            let made = match early.remove(&wanted) {
                Some(made) => made,
                None => next(&results, wanted, &mut early)?,
            };
            wanted += 1;
            sink(made)?;
        }
    })
}

/// Waits for the result numbered `wanted`; others that come before it are put aside.
fn next<O>(results: &Receiver<(u64, O)>, wanted: u64, early: &mut BTreeMap<u64, O>) -> Result<O> {
    loop {
        let (number, made) = results.recv().map_err(|_| worker_died())?;
        if number == wanted {
            return Ok(made);
        }
        early.insert(number, made);
    }
}

fn labour<I, O>(jobs: &Mutex<Receiver<(u64, I)>>, work: &impl Fn(I) -> O, hand_in: &Sender<(u64, O)>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok((number, item)) = job else { return };
        if hand_in.send((number, work(item))).is_err() {
            return;
        }
    }
}

fn worker_died() -> Error {
    Error::store("a worker thread ended in the middle of its work")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(workers: usize, count: u64) -> Vec<u64> {
        let (mut given, mut got) = (0, Vec::new());
        let source = || {
            given += 1;
            Ok((given <= count).then_some(given))
        };
        // Later items are ready sooner.
        let work = |item: u64| {
            (0..(1000 - item.min(999)) * 10).fold(item * item, |sum, step| std::hint::black_box(sum ^ step ^ step))
        };
        in_order(workers, source, work, |made| {
            got.push(made);
            Ok(())
        })
        .unwrap();
        got
    }

    #[test]
    fn order_does_not_depend_on_the_number_of_workers() {
        let expected: Vec<u64> = (1..=500).map(|n| n * n).collect();
        for workers in [1, 2, 7] {
            assert_eq!(squares(workers, 500), expected);
        }
        assert!(squares(2, 0).is_empty());
    }

    #[test]
    fn an_error_of_the_sink_ends_it_while_work_is_in_flight() {
        let error = in_order(2, || Ok(Some(1)), |n| n, |_| Err(Error::store("full"))).unwrap_err();
        assert_eq!(error.what, "full");
    }
}
