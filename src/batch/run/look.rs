//! Looking at what would be sent, without sending it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::{CHANGED, Compose, PAGE, PLAN_AGAIN, Refusal, World, pipeline};
use crate::batch::route::{Message, Needs, RouteSettings};
use crate::batch::store::{DueRow, Run, Store, Stored};
use crate::error::{Error, Result};

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'s> {
    /// The routes whose handsets are meant.
    pub routes: &'s [RouteSettings],
    /// Only the first so many handsets of the campaign.
    pub last: u64,
    /// What of a message is made.
    pub needs: &'s Needs,
    /// Threads that compose.
    pub workers: usize,
}

/// Composes every message that is due and sends none; returns how many there are, and how many cannot be made.
///
/// # Errors
///
/// Fails when a message is not the one that was planned, or the store cannot be read.
pub fn rehearse(
    store: &Mutex<Store>,
    campaign: &Stored,
    workers: usize,
    routes: &[RouteSettings],
    compose: &Compose<'_>,
    world: World<'_>,
) -> Result<(u64, u64)> {
    let selection = Selection { routes, last: u64::MAX, needs: &Needs::Parts, workers };
    let mut good = 0;
    let unfit = each_message(store, campaign, &selection, compose, world, &mut |_| {
        good += 1;
        Ok(())
    })?;
    Ok((good, unfit))
}

/// Gives every message that is due to `each`, in the order in which they would be sent: route by route, slice by slice,
/// as planned. Nothing is noted. Returns how many cannot be made.
///
/// # Errors
///
/// As [`rehearse`], and as `each` does.
pub fn each_message(
    store: &Mutex<Store>,
    campaign: &Stored,
    selection: &Selection<'_>,
    compose: &Compose<'_>,
    world: World<'_>,
    each: &mut dyn FnMut(Message) -> Result<()>,
) -> Result<u64> {
    let Selection { routes, last, needs, workers } = *selection;
    let now = (world.now)();
    let mut unfit = 0;
    for route in routes {
        let run = Run::new(store, &campaign.name, "", &route.name);
        let (slices, _) = run.due_slices(last, now)?;
        let mut slices: VecDeque<(u32, u64)> = slices.into_iter().map(|slice| (slice.number, 0)).collect();
        let source = || loop {
            let Some((slice, after)) = slices.pop_front() else { return Ok(None) };
            if world.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let rows = run.due_rows(slice, now, (after, last), PAGE)?;
            if let Some(row) = rows.last() {
                slices.push_front((slice, row.place));
                return Ok(Some(rows));
            }
        };
        let composed = |rows: Vec<DueRow>| rows.into_iter().map(|row| compose(row, needs)).collect::<Vec<_>>();
        pipeline::in_order(workers, source, composed, |made| {
            for message in made {
                match message {
                    Ok(message) => each(message)?,
                    Err(refused) if refused.1 == Refusal::Changed => return Err(Error::input(CHANGED).help(PLAN_AGAIN)),
                    Err(_) => unfit += 1,
                }
            }
            Ok(())
        })?;
    }
    Ok(unfit)
}
