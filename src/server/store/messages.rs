//! Messages that wait for their recipients, reports that wait for their senders, and who may write to whom.
//!
//! Each recipient has a copy of a message, which is one row; only content that is large and for several is kept once,
//! and goes with the last of them.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::groups::is_same_name;
use super::tree;
use crate::document::Element;

/// What is common to all copies of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// The MessageID.
    pub(crate) id: String,
    /// The user that sent it.
    pub(crate) sender: String,
    /// The MessageInfo without MessageID, Recipient and Sender.
    pub(crate) info: Element<'static>,
    /// The octets of the content; `None` where it is elsewhere.
    pub(crate) content: Option<Vec<u8>>,
    /// Whether the content is text.
    pub(crate) is_text: bool,
}

/// One recipient's right to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageCopy {
    /// The user.
    pub(crate) recipient: String,
    /// The Sender to show.
    pub(crate) from: Element<'static>,
    /// The Recipient to show.
    pub(crate) to: Element<'static>,
    /// The Recipient to name in the delivery report; `None` where none is wanted.
    pub(crate) report: Option<Element<'static>>,
    /// The group through which it came.
    pub(crate) group: Option<String>,
    /// When it is dropped, in seconds since 1970.
    pub(crate) expires: i64,
}

/// A list of those who may not write to a user, or of those who alone may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessList {
    /// Who is on it may not.
    Block,
    /// Who is not on it may not.
    Grant,
}

impl AccessList {
    fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Grant => "grant",
        }
    }
}

/// An entry of a block or grant list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    /// The name of its element: `UserID`, `ScreenName`, `GroupID` or `ApplicationID`.
    pub(crate) kind: String,
    /// The address or, of a screen name, the name.
    pub(crate) name: String,
    /// The group of a screen name; empty for all else.
    pub(crate) group: String,
}

impl Entity {
    fn is_screen_name(&self, name: &str, group: &str) -> bool {
        self.kind == "ScreenName" && self.group == group && is_same_name(&self.name, name)
    }
}

/// Octets of content from which several recipients share it.
const SHARED_FROM: usize = 1000;

/// Keeps a message for its recipients, of whom none is named twice.
pub(crate) fn insert(db: &Connection, message: &Message, copies: &[MessageCopy]) -> Result<()> {
    let mut content = message.content.as_deref();
    if let Some(large) = content.filter(|content| copies.len() > 1 && content.len() > SHARED_FROM) {
        db.prepare_cached("INSERT INTO shared_content (id, content) VALUES (?1, ?2)")?
            .execute(params![message.id, large])?;
        content = None;
    }
    let mut statement = db.prepare_cached(
        "INSERT INTO waiting VALUES (
             ?1, ?2, (SELECT ifnull(max(number), 0) + 1 FROM waiting WHERE recipient = ?1), ?3, ?4, ?5, ?6, ?7, ?8, ?9
         )",
    )?;
    for copy in copies {
        let shown = tree::write_three([&message.info, &copy.from, &copy.to]);
        let report = copy.report.as_ref().map(tree::write);
        let Message { id, sender, is_text, .. } = message;
        let MessageCopy { recipient, expires, group, .. } = copy;
        statement.execute(params![recipient, id, expires, sender, shown, report, group, is_text, content])?;
    }
    Ok(())
}

/// The query for those messages that wait, as [`message_and_copy`] reads them.
macro_rules! waiting_where {
    ($condition:literal) => {
        concat!(
            "SELECT w.id, sender, shown, coalesce(w.content, s.content), is_text, recipient, report, group_id, expires
             FROM waiting w LEFT JOIN shared_content s ON w.content IS NULL AND s.id = w.id WHERE ",
            $condition
        )
    };
}

/// Returns a message that waits for a user.
pub(crate) fn find(db: &Connection, recipient: &str, id: &str) -> Result<Option<(Message, MessageCopy)>> {
    db.prepare_cached(waiting_where!("recipient = ?1 AND w.id = ?2"))?
        .query_row([recipient, id], message_and_copy)
        .optional()
}

/// Returns the messages that wait for a user, oldest first.
pub(crate) fn waiting(db: &Connection, recipient: &str) -> Result<Vec<(Message, MessageCopy)>> {
    db.prepare_cached(waiting_where!("recipient = ?1 ORDER BY number"))?
        .query_map([recipient], message_and_copy)?
        .collect()
}

/// Returns how many messages and reports wait for a user.
pub(crate) fn count(db: &Connection, recipient: &str) -> Result<usize> {
    db.prepare_cached(
        "SELECT (SELECT count(*) FROM waiting WHERE recipient = ?1)
              + (SELECT count(*) FROM delivery_report WHERE user = ?1)",
    )?
    .query_row([recipient], |row| row.get::<_, u32>(0))
    .map(|count| count as usize)
}

/// Returns the messages whose time is over.
pub(crate) fn expired(db: &Connection, now: i64) -> Result<Vec<(Message, MessageCopy)>> {
    db.prepare_cached(waiting_where!("expires <= ?1 ORDER BY expires"))?.query_map([now], message_and_copy)?.collect()
}

/// What a recipient had of a message.
pub(crate) struct Removed {
    /// The message and the copy, where its sender wants to know what became of it.
    pub(crate) to_report: Option<(Message, MessageCopy)>,
}

/// Ends a recipient's right to a message; `None` where there was none.
pub(crate) fn remove(db: &Connection, recipient: &str, id: &str) -> Result<Option<Removed>> {
    let mut plain = db.prepare_cached(
        "DELETE FROM waiting WHERE recipient = ?1 AND id = ?2 AND report IS NULL AND content IS NOT NULL",
    )?;
    if plain.execute([recipient, id])? > 0 {
        return Ok(Some(Removed { to_report: None }));
    }
    let Some(found) = find(db, recipient, id)? else { return Ok(None) };
    db.prepare_cached("DELETE FROM waiting WHERE recipient = ?1 AND id = ?2")?.execute([recipient, id])?;
    db.prepare_cached(
        "DELETE FROM shared_content WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM waiting WHERE id = ?1 AND content IS NULL)",
    )?
    .execute([id])?;
    Ok(Some(Removed { to_report: Some(found).filter(|(_, copy)| copy.report.is_some()) }))
}

/// Keeps a delivery report for a user under an identifier of its own.
pub(crate) fn add_report(db: &Connection, user: &str, id: &str, report: &str, expires: i64) -> Result<()> {
    db.prepare_cached("INSERT INTO delivery_report (id, user, report, expires) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, user, report, expires])?;
    Ok(())
}

/// Returns the reports that wait for a user, oldest first, with their identifiers.
pub(crate) fn reports(db: &Connection, user: &str) -> Result<Vec<(String, String)>> {
    db.prepare_cached("SELECT id, report FROM delivery_report WHERE user = ?1 ORDER BY rowid")?
        .query_map([user], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Forgets a report that has arrived; returns whether there was one.
pub(crate) fn remove_report(db: &Connection, user: &str, id: &str) -> Result<bool> {
    let removed = db.prepare_cached("DELETE FROM delivery_report WHERE user = ?1 AND id = ?2")?.execute([user, id])?;
    Ok(removed > 0)
}

/// Returns whether there are reports whose time is over.
pub(crate) fn has_old_reports(db: &Connection, now: i64) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM delivery_report WHERE expires <= ?1")?.exists([now])
}

/// Forgets reports whose time is over.
pub(crate) fn remove_old_reports(db: &Connection, now: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM delivery_report WHERE expires <= ?1")?.execute([now])?;
    Ok(())
}

/// Returns the entries of a block or grant list, oldest first.
pub(crate) fn entities(db: &Connection, owner: &str, list: AccessList) -> Result<Vec<Entity>> {
    db.prepare_cached("SELECT kind, name, group_id FROM access_entity WHERE owner = ?1 AND list = ?2 ORDER BY rowid")?
        .query_map([owner, list.as_str()], |row| {
            Ok(Entity { kind: row.get(0)?, name: row.get(1)?, group: row.get(2)? })
        })?
        .collect()
}

/// Puts an entry on a block or grant list.
pub(crate) fn add_entity(db: &Connection, owner: &str, list: AccessList, entity: &Entity) -> Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO access_entity (owner, list, kind, name, group_id) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute([owner, list.as_str(), &entity.kind, &entity.name, &entity.group])?;
    Ok(())
}

/// Takes an entry from a block or grant list.
pub(crate) fn remove_entity(db: &Connection, owner: &str, list: AccessList, entity: &Entity) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM access_entity WHERE owner = ?1 AND list = ?2 AND kind = ?3 AND name = ?4 AND group_id = ?5",
    )?
    .execute([owner, list.as_str(), &entity.kind, &entity.name, &entity.group])?;
    Ok(())
}

/// Puts a block or grant list in use, or out of it.
pub(crate) fn set_in_use(db: &Connection, owner: &str, list: AccessList, in_use: bool) -> Result<()> {
    let sql = match list {
        AccessList::Block => "UPDATE users SET blocks = ?2 WHERE address = ?1",
        AccessList::Grant => "UPDATE users SET grants = ?2 WHERE address = ?1",
    };
    db.prepare_cached(sql)?.execute(params![owner, in_use])?;
    Ok(())
}

/// Who writes to a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'w> {
    /// The user.
    pub(crate) user: &'w str,
    /// The application that the user writes with, where it is not a client.
    pub(crate) application: Option<&'w str>,
    /// The screen name and its group; `None` for who writes in person.
    pub(crate) screen: Option<(&'w str, &'w str)>,
}

/// What decides whether a user takes a message, beside its sessions.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    blocks: bool,
    grants: bool,
    /// What is done with messages while the user is away: `SENDSTORE`, `SENDREJECT` or `REJECT`.
    pub(crate) offline_rule: Option<String>,
    /// How many messages and reports wait.
    pub(crate) waiting: usize,
    /// How many may, where that is said of this user.
    pub(crate) most: Option<usize>,
}

/// Returns what decides whether a user takes a message, all at once: this is asked for each recipient. `None` where
/// there is no such user.
pub(crate) fn reception(db: &Connection, user: &str) -> Result<Option<Reception>> {
    db.prepare_cached(
        "SELECT blocks, grants, offline_rule,
                (SELECT count(*) FROM waiting WHERE recipient = ?1)
                    + (SELECT count(*) FROM delivery_report WHERE user = ?1),
                (SELECT most FROM user_quota WHERE user = ?1 AND name = 'stored_messages')
         FROM users WHERE address = ?1",
    )?
    .query_row([user], |row| {
        Ok(Reception {
            blocks: row.get(0)?,
            grants: row.get(1)?,
            offline_rule: row.get(2)?,
            waiting: row.get::<_, u32>(3)? as usize,
            most: row.get::<_, Option<u32>>(4)?.map(|most| most as usize),
        })
    })
    .optional()
}

impl Reception {
    /// Returns whether a block or grant list is in use.
    pub(crate) fn uses(&self, list: AccessList) -> bool {
        match list {
            AccessList::Block => self.blocks,
            AccessList::Grant => self.grants,
        }
    }

    /// Returns whether the user takes messages and invitations of a writer (Block and grant lists, "Decision").
    pub(crate) fn accepts(&self, db: &Connection, owner: &str, writer: &Writer<'_>) -> Result<bool> {
        if self.blocks && is_on(db, owner, AccessList::Block, writer)? {
            return Ok(false);
        }
        Ok(!self.grants || is_on(db, owner, AccessList::Grant, writer)?)
    }

    /// Returns whether the user has blocked a screen name of a group; only this rules what is said to a whole group.
    pub(crate) fn blocks_screen_name(&self, db: &Connection, owner: &str, name: &str, group: &str) -> Result<bool> {
        let is_it = |entity: &Entity| entity.is_screen_name(name, group);
        Ok(self.blocks && entities(db, owner, AccessList::Block)?.iter().any(is_it))
    }
}

/// Sets what a user wants done with messages while it is away: `SENDSTORE`, `SENDREJECT` or `REJECT`.
pub(crate) fn set_offline_rule(db: &Connection, user: &str, rule: &str) -> Result<()> {
    db.prepare_cached("UPDATE users SET offline_rule = ?2 WHERE address = ?1")?.execute([user, rule])?;
    Ok(())
}

fn is_on(db: &Connection, owner: &str, list: AccessList, writer: &Writer<'_>) -> Result<bool> {
    let names_screen = |entity: &Entity| {
        // A group on a list stands for all its screen names.
        let covers =
            |(name, group)| entity.is_screen_name(name, group) || (entity.kind == "GroupID" && entity.name == group);
        writer.screen.is_some_and(covers)
    };
    let names_sender = |entity: &Entity| match entity.kind.as_str() {
        "UserID" => entity.name == writer.user,
        "ApplicationID" => writer.application.is_some_and(|id| id.eq_ignore_ascii_case(&entity.name)),
        _ => false,
    };
    Ok(entities(db, owner, list)?.iter().any(|entity| names_sender(entity) || names_screen(entity)))
}

fn message_and_copy(row: &Row<'_>) -> Result<(Message, MessageCopy)> {
    let [info, from, to] = tree::three_of_column(row, 2)?;
    let message = Message { id: row.get(0)?, sender: row.get(1)?, info, content: row.get(3)?, is_text: row.get(4)? };
    let report = row.get::<_, Option<String>>(6)?.as_deref().and_then(tree::read);
    let copy = MessageCopy { recipient: row.get(5)?, from, to, report, group: row.get(7)?, expires: row.get(8)? };
    Ok((message, copy))
}
