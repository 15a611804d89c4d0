//! The server's long memory: SQLite, in a file or in memory. One file of queries a subject.
//!
//! Reading costs nothing; the first write of an input opens a transaction, later inputs of the same batch join it,
//! and one [`commit`](Store::commit) ends them all. An input that is refused after it wrote is undone alone; what writes
//! only where nothing is refused any more does without the savepoint that this takes.

pub(crate) mod contact_lists;
pub(crate) mod groups;
pub(crate) mod history;
pub(crate) mod invitations;
mod logins;
pub(crate) mod messages;
pub(crate) mod presence;
pub(crate) mod profiles;
pub(crate) mod search;
pub(crate) mod system_messages;
pub(crate) mod tree;
mod users;

use std::path::Path;

use rusqlite::Connection;
use serde::Deserialize;

use super::Timestamp;
use crate::database::share;
use crate::error::{Error, Result};

pub use system_messages::SystemMessage;
pub use users::User;

/// The store of one server.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    is_writing: bool,
    /// How many rows had changed when the input began, since the store was opened.
    changed: u64,
    /// How many had when it took care that it can be undone.
    guarded: Option<u64>,
    /// Whether an input was refused that could not be undone.
    is_spoilt: bool,
    /// What SQLite calls the version of the data: it changes when another process writes.
    seen: i64,
}

/// What outlasts what was answered with success. The end of the process does in any case: whatever waits together is
/// committed together, and answered then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the machine too: each commit waits until the disk has it.
    #[default]
    Full,
    /// The disk gets several commits at once: what a machine that loses its power forgets are the last of them, never a
    /// part of one.
    Normal,
}

/// What made the store what it is, oldest first. The file keeps how many of them it has seen; a change of the schema
/// is one more, never a change of an old one.
const SCHEMAS: &[&str] = &[
    include_str!("schema/1_base.sql"),
    include_str!("schema/2_logins.sql"),
    include_str!("schema/3_groups.sql"),
    include_str!("schema/4_subscriptions.sql"),
    include_str!("schema/5_accounts.sql"),
    include_str!("schema/6_waiting.sql"),
];
/// Statements kept ready; about as many as there are queries.
const STATEMENTS: usize = 128;
/// How long a writer waits for another one.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

impl Store {
    /// Opens the store in a file and makes it if there is none; only its owner may read the file.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be opened, is no store, or is of a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let at = |error: Error| error.at(path.display().to_string());
        make_private(path).map_err(at)?;
        let connection = Connection::open(path).map_err(|error| at(error.into()))?;
        Self::prepare(connection).map_err(at)
    }

    /// Returns an empty store that is gone with the process.
    ///
    /// # Errors
    ///
    /// Fails where SQLite does.
    pub fn in_memory() -> Result<Self> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> Result<Self> {
        share(&connection, PATIENCE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.execute_batch("PRAGMA foreign_keys = ON;")?;
        migrate(&connection)?;
        set_durability(&connection, Durability::default())?;
        let changed = connection.total_changes();
        let mut store = Self { connection, is_writing: false, changed, guarded: None, is_spoilt: false, seen: 0 };
        store.has_changed_outside()?;
        Ok(store)
    }

    /// Sets what outlasts what is committed from now on.
    ///
    /// # Errors
    ///
    /// Fails where SQLite does.
    pub fn set_durability(&mut self, durability: Durability) -> Result<()> {
        self.commit()?;
        set_durability(&self.connection, durability)
    }

    /// Returns the connection to read by.
    pub(crate) fn reader(&self) -> &Connection {
        &self.connection
    }

    /// Returns the connection to write by, within the transaction of this batch. What is written can be undone.
    pub(crate) fn writer(&mut self) -> Result<&Connection> {
        self.last_writer()?;
        if self.guarded.is_none() {
            self.connection.prepare_cached("SAVEPOINT input")?.execute([])?;
            self.guarded = Some(self.connection.total_changes());
        }
        Ok(&self.connection)
    }

    /// Returns the connection to write by for an input that is not refused any more once it has written. Where it is
    /// nevertheless, because the store fails, nothing of the whole batch is kept.
    pub(crate) fn last_writer(&mut self) -> Result<&Connection> {
        if !self.is_writing {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            self.is_writing = true;
        }
        Ok(&self.connection)
    }

    /// Returns whether there is something to commit.
    pub(crate) fn is_writing(&self) -> bool {
        self.is_writing
    }

    /// Ends one input: keeps what it wrote, or undoes it.
    pub(crate) fn settle(&mut self, keep: bool) -> Result<()> {
        let changed = self.connection.total_changes();
        let before = std::mem::replace(&mut self.changed, changed);
        let guarded = self.guarded.take();
        self.is_spoilt |= !keep && before != guarded.unwrap_or(changed);
        if guarded.is_some() {
            if !keep {
                self.connection.prepare_cached("ROLLBACK TO input")?.execute([])?;
            }
            self.connection.prepare_cached("RELEASE input")?.execute([])?;
        }
        Ok(())
    }

    /// Makes what all inputs of the batch wrote last. Does nothing where nobody wrote.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be written; nothing of the batch is kept then.
    pub fn commit(&mut self) -> Result<()> {
        self.settle(true)?;
        if !std::mem::take(&mut self.is_writing) {
            return Ok(());
        }
        if std::mem::take(&mut self.is_spoilt) {
            self.connection.execute_batch("ROLLBACK")?;
            return Err(Error::store("an input that could not be finished could not be undone alone"));
        }
        let outcome = self.connection.prepare_cached("COMMIT")?.execute([]);
        if outcome.is_err() {
            // A failed commit may have ended the transaction by itself.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        outcome?;
        Ok(())
    }
}

impl Store {
    /// Forgets what belonged to sessions: a server that starts has none.
    pub(crate) fn forget_sessions(&mut self) -> Result<()> {
        Ok(self.writer()?.execute_batch(include_str!("sessions.sql"))?)
    }

    /// Returns whether another process has written since this was asked last.
    pub(crate) fn has_changed_outside(&mut self) -> Result<bool> {
        let version = self.reader().prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    /// Returns when the next thing that does not last for ever ends.
    pub(crate) fn next_expiry(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(expires) FROM (SELECT min(expires) AS expires FROM waiting
                   UNION ALL SELECT min(expires) FROM delivery_report UNION ALL SELECT min(expires) FROM chat_group
                   UNION ALL SELECT min(expires) FROM invitation UNION ALL SELECT min(expires) FROM invitation_answer)";
        let next: Option<i64> = self.reader().prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(next.map(|at| Timestamp::from_seconds(u64::try_from(at).unwrap_or_default())))
    }
}

fn migrate(connection: &Connection) -> Result<()> {
    let seen: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = SCHEMAS.len();
    let Some(missing) = SCHEMAS.get(seen as usize..) else {
        return Err(Error::store(format!("the store has version {seen}, this program knows {known}"))
            .help("use the program that made it, or another store"));
    };
    if !missing.is_empty() {
        let statements = missing.join(";");
        connection.execute_batch(&format!("BEGIN; {statements}; PRAGMA user_version = {known}; COMMIT;"))?;
    }
    Ok(())
}

/// A write-ahead log is synchronised at each commit, or when it goes into the file.
fn set_durability(connection: &Connection, durability: Durability) -> Result<()> {
    let word = match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    Ok(connection.pragma_update(None, "synchronous", word)?)
}

/// Makes the file where there is none; passwords in it are nobody else's business.
fn make_private(path: &Path) -> Result<()> {
    let wrong = |error: std::io::Error| Error::store(error.to_string());
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(wrong)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(wrong)?.permissions()) & 0o077 != 0 {
        let help = format!("it holds passwords: `chmod 600 {}`", path.display());
        return Err(Error::store("the store can be read by others").help(help));
    }
    drop(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Timestamp;

    #[test]
    fn undoes_one_input_and_keeps_its_neighbours() {
        let mut store = Store::in_memory().unwrap();
        let now = Timestamp::from_seconds(1);
        store.add_user("wv:a@x", "1", now).unwrap();
        store.settle(true).unwrap();
        store.add_user("wv:b@x", "2", now).unwrap();
        store.settle(false).unwrap();
        store.settle(true).unwrap();
        store.commit().unwrap();
        store.commit().unwrap();
        assert!(store.user("wv:a@x").unwrap().is_some());
        assert!(store.user("wv:b@x").unwrap().is_none());
    }

    /// Makes a store as an earlier program did.
    fn make_version(path: &Path, version: usize) -> Connection {
        make_private(path).unwrap();
        let connection = Connection::open(path).unwrap();
        connection.execute_batch(&SCHEMAS[..version].join(";")).unwrap();
        connection.pragma_update(None, "user_version", version as i64).unwrap();
        connection
    }

    #[test]
    fn a_store_of_the_first_version_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        drop(make_version(&path, 1));
        let now = Timestamp::from_seconds(1);
        for logins in 1..=2 {
            let mut store = Store::open(&path).unwrap();
            store.add_login("wv:a@x", "phone", now).unwrap();
            store.commit().unwrap();
            assert_eq!(store.logins(0).unwrap().lines().count(), logins);
        }
    }

    #[test]
    fn what_cannot_be_undone_alone_takes_its_whole_batch_with_it() {
        let mut store = Store::in_memory().unwrap();
        store.add_user("wv:a@x", "1", Timestamp::from_seconds(1)).unwrap();
        store.settle(true).unwrap();
        store.last_writer().unwrap();
        store.settle(false).unwrap();
        store.commit().unwrap();
        assert!(store.has_user("wv:a@x").unwrap(), "what wrote nothing takes nothing with it");
        store.add_user("wv:b@x", "2", Timestamp::from_seconds(1)).unwrap();
        store.settle(true).unwrap();
        store.last_writer().unwrap().execute_batch("UPDATE users SET password = ''").unwrap();
        store.set_disabled("wv:a@x", true).unwrap();
        store.settle(false).unwrap();
        store.commit().unwrap_err();
        assert_eq!(store.users().unwrap().len(), 1);
        assert_eq!(store.user("wv:a@x").unwrap().unwrap().password, "1");
        store.commit().unwrap();
    }

    #[test]
    fn what_waits_in_a_store_of_the_fifth_version_waits_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        make_version(&path, 5).execute_batch(include_str!("schema/5_waiting_example.sql")).unwrap();
        let mut store = Store::open(&path).unwrap();
        let waiting = |store: &Store, user| messages::waiting(store.reader(), user).unwrap();
        let sizes = |store: &Store, user| -> Vec<(String, Option<usize>)> {
            let of = |message: messages::Message| (message.id, message.content.map(|content| content.len()));
            waiting(store, user).into_iter().map(|(message, _)| of(message)).collect()
        };
        let own = |id: &str, size| (id.to_owned(), size);
        assert_eq!(sizes(&store, "wv:b@x"), [own("large", Some(2000)), own("elsewhere", None), own("small", Some(5))]);
        assert_eq!(sizes(&store, "wv:c@x"), [own("large", Some(2000))]);
        let (message, copy) = waiting(&store, "wv:b@x").pop().unwrap();
        assert_eq!(
            (message.sender.as_str(), message.is_text, message.content),
            ("wv:a@x", true, Some(b"Hello".into()))
        );
        assert_eq!(message.info.child_text("ContentType"), Some("text/plain"));
        assert_eq!(copy.from.descend(&["User", "UserID"]).unwrap().text(), "wv:a@x");
        assert_eq!(copy.to.descend(&["User", "UserID"]).unwrap().text(), "wv:b@x");
        assert_eq!((copy.report, copy.group, copy.expires), (Some(copy.to), Some("wv:a/g@x".to_owned()), 100));
        assert_eq!(store.next_expiry().unwrap(), Some(Timestamp::from_seconds(90)));
        let reception = messages::reception(store.reader(), "wv:b@x").unwrap().unwrap();
        assert_eq!(
            [messages::AccessList::Block, messages::AccessList::Grant].map(|l| reception.uses(l)),
            [false, true]
        );
        assert_eq!((reception.waiting, reception.offline_rule.as_deref()), (3, Some("REJECT")));

        let shared = |store: &Store| -> u32 {
            store.reader().query_row("SELECT count(*) FROM shared_content", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(shared(&store), 1, "what is large and for several is kept once");
        assert!(messages::remove(store.last_writer().unwrap(), "wv:c@x", "large").unwrap().is_some());
        assert!(messages::remove(store.last_writer().unwrap(), "wv:c@x", "large").unwrap().is_none());
        assert_eq!(shared(&store), 1);
        store.delete_user("wv:b@x").unwrap();
        assert_eq!((shared(&store), sizes(&store, "wv:b@x").len()), (0, 0), "it goes with the last");
    }

    /// The numbers are SQLite's own (its `PRAGMA synchronous`).
    #[test]
    fn commits_wait_for_the_disk_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("s.db")).unwrap();
        let synchronous =
            |store: &Store| -> u8 { store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap() };
        assert_eq!(synchronous(&store), 2, "who says nothing loses nothing");
        store.add_user("wv:a@x", "1", Timestamp::from_seconds(1)).unwrap();
        for (durability, number) in [(Durability::Normal, 1), (Durability::Full, 2)] {
            store.set_durability(durability).unwrap();
            assert_eq!(synchronous(&store), number, "{durability:?}");
        }
        assert!(store.user("wv:a@x").unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_store_file_is_private_and_knows_its_version() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        drop(Store::open(&path).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA user_version = 99").unwrap();
        drop(connection);
        assert!(Store::open(&path).unwrap_err().what.contains("version 99"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Store::open(&path).unwrap_err().what.contains("read by others"));
    }
}
