//! SQLite files that several processes open at the same moment.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use crate::error::Result;

/// How long to let another process finish before trying again.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets a connection share its file: it waits so long for others that write, and the file gets a write-ahead log.
///
/// Of two processes that give a new file its log at the same moment SQLite refuses one at once, whatever it was told to
/// wait: each would wait for the other. That one tries again here.
///
/// # Errors
///
/// Fails when the file cannot be read or written, or is in other hands for longer than `patience`.
#[allow(clippy::disallowed_methods, reason = "this edge waits for other processes")]
pub fn share(connection: &Connection, patience: Duration) -> Result<()> {
    connection.busy_timeout(patience)?;
    let start = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if is_busy(&error) && start.elapsed() < patience => std::thread::sleep(PAUSE),
            outcome => return Ok(outcome?),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// Without trying again about three in a hundred of these openings fail: "database is locked".
    #[test]
    fn a_new_file_may_be_opened_by_many_at_once() {
        const OPENERS: usize = 4;
        for _ in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new.db");
            let barrier = Barrier::new(OPENERS);
            let open = || -> Result<()> {
                let connection = Connection::open(&path)?;
                barrier.wait();
                share(&connection, Duration::from_secs(20))?;
                Ok(connection.execute_batch("CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)")?)
            };
            thread::scope(|scope| {
                let openers: Vec<_> = (0..OPENERS).map(|_| scope.spawn(open)).collect();
                for opener in openers {
                    opener.join().unwrap().unwrap();
                }
            });
            let count = |connection: Connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
            assert_eq!(count(Connection::open(&path).unwrap()), Ok(OPENERS as i64));
        }
    }
}
