//! Presence: the values of attributes, who may see which, and who watches whom.
//!
//! A value is kept as the attribute's element in the form of [`super::tree`]. The empty text stands for "all
//! attributes" in a subscription and for "none" in a grant, as in the requests they come from
//! (Presence, "Authorization" and "Subscription").

use rusqlite::{Connection, OptionalExtension, Result, params};

/// A value of one attribute, of the user or of one of the user's clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    /// The name of the attribute.
    pub(crate) attribute: String,
    /// The client it belongs to; empty for a value of the user.
    pub(crate) client: String,
    /// The element.
    pub(crate) element: String,
}

/// Whom an entry of the attribute lists grants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// One user.
    User,
    /// The members of a contact list.
    List,
    /// Everybody else.
    Default,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::List => "list",
            Self::Default => "default",
        }
    }
}

/// An entry of the attribute lists of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeList {
    /// The user or contact list; empty for the default.
    pub(crate) subject: String,
    /// The names of the attributes, separated by spaces.
    pub(crate) attributes: String,
    /// Whether the owner is told of requests for what is not granted.
    pub(crate) notify: bool,
}

/// How it stands with a watcher that asked for more than was granted (reactive authorization, 1.1 and 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reaction {
    /// Who asked.
    pub(crate) watcher: String,
    /// `PENDING`, `GRANTED` or `DENIED`.
    pub(crate) state: String,
    /// What was asked for.
    pub(crate) attributes: String,
}

/// What one session wants to know of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The session that watches.
    pub(crate) session: String,
    /// The user of that session.
    pub(crate) watcher: String,
    /// The names of the attributes, separated by spaces; empty for all.
    pub(crate) attributes: String,
    /// The contact list that brought it; `None` where the user was named.
    pub(crate) list: Option<String>,
}

/// Returns all values of a user; of one attribute the most recently changed first.
pub(crate) fn values(db: &Connection, user: &str) -> Result<Vec<Value>> {
    db.prepare_cached(
        "SELECT attribute, client, element FROM presence_value WHERE user = ?1 ORDER BY changed DESC, client",
    )?
    .query_map([user], |row| Ok(Value { attribute: row.get(0)?, client: row.get(1)?, element: row.get(2)? }))?
    .collect()
}

/// Sets a value; returns whether it differs from the one before. `now` orders the clients of a user: milliseconds.
pub(crate) fn set(db: &Connection, user: &str, value: &Value, now: i64) -> Result<bool> {
    let before = self::value(db, user, &value.attribute, &value.client)?;
    db.prepare_cached(
        "INSERT INTO presence_value (user, attribute, client, element, changed) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user, attribute, client) DO UPDATE SET element = excluded.element, changed = excluded.changed",
    )?
    .execute(params![user, value.attribute, value.client, value.element, now])?;
    Ok(before.as_ref() != Some(&value.element))
}

/// Returns one value.
pub(crate) fn value(db: &Connection, user: &str, attribute: &str, client: &str) -> Result<Option<String>> {
    db.prepare_cached("SELECT element FROM presence_value WHERE user = ?1 AND attribute = ?2 AND client = ?3")?
        .query_row([user, attribute, client], |row| row.get(0))
        .optional()
}

/// Removes a value.
pub(crate) fn remove_value(db: &Connection, user: &str, attribute: &str, client: &str) -> Result<bool> {
    let removed = db
        .prepare_cached("DELETE FROM presence_value WHERE user = ?1 AND attribute = ?2 AND client = ?3")?
        .execute([user, attribute, client])?;
    Ok(removed > 0)
}

/// Removes all values of one client; returns the attributes that had one.
pub(crate) fn remove_client(db: &Connection, user: &str, client: &str) -> Result<Vec<String>> {
    db.prepare_cached("DELETE FROM presence_value WHERE user = ?1 AND client = ?2 RETURNING attribute")?
        .query_map([user, client], |row| row.get(0))?
        .collect()
}

/// Sets an entry of the attribute lists, in place of an earlier one.
pub(crate) fn grant(db: &Connection, owner: &str, level: Level, entry: &AttributeList) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO attribute_list (owner, level, subject, attributes, notify) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (owner, level, subject) DO UPDATE SET attributes = excluded.attributes, notify = excluded.notify",
    )?
    .execute(params![owner, level.as_str(), entry.subject, entry.attributes, entry.notify])?;
    Ok(())
}

/// Removes an entry of the attribute lists; returns whether there was one.
pub(crate) fn revoke(db: &Connection, owner: &str, level: Level, subject: &str) -> Result<bool> {
    let removed = db
        .prepare_cached("DELETE FROM attribute_list WHERE owner = ?1 AND level = ?2 AND subject = ?3")?
        .execute([owner, level.as_str(), subject])?;
    Ok(removed > 0)
}

/// Returns the entries of one level, oldest first.
pub(crate) fn grants(db: &Connection, owner: &str, level: Level) -> Result<Vec<AttributeList>> {
    db.prepare_cached(
        "SELECT subject, attributes, notify FROM attribute_list WHERE owner = ?1 AND level = ?2 ORDER BY rowid",
    )?
    .query_map([owner, level.as_str()], attribute_list)?
    .collect()
}

/// Returns one entry.
pub(crate) fn find_grant(db: &Connection, owner: &str, level: Level, subject: &str) -> Result<Option<AttributeList>> {
    db.prepare_cached(
        "SELECT subject, attributes, notify FROM attribute_list WHERE owner = ?1 AND level = ?2 AND subject = ?3",
    )?
    .query_row([owner, level.as_str(), subject], attribute_list)
    .optional()
}

/// Returns the entries of those contact lists of the owner that have the watcher on them.
pub(crate) fn list_grants(db: &Connection, owner: &str, watcher: &str) -> Result<Vec<AttributeList>> {
    db.prepare_cached(
        "SELECT a.subject, a.attributes, a.notify FROM attribute_list a JOIN contact c ON c.list = a.subject
         WHERE a.owner = ?1 AND a.level = 'list' AND c.user = ?2 ORDER BY a.rowid",
    )?
    .query_map([owner, watcher], attribute_list)?
    .collect()
}

/// Returns what the contact lists of an owner grant to those who watch it now: the watcher and the names, one pair for
/// each list that holds the watcher.
pub(crate) fn list_grants_to_watchers(db: &Connection, owner: &str) -> Result<Vec<(String, String)>> {
    db.prepare_cached(
        "SELECT c.user, a.attributes FROM attribute_list a JOIN contact c ON c.list = a.subject
         WHERE a.owner = ?1 AND a.level = 'list' AND c.user IN (SELECT watcher FROM subscription WHERE owner = ?1)",
    )?
    .query_map([owner], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// Returns how many entries a user has.
pub(crate) fn count_grants(db: &Connection, owner: &str) -> Result<usize> {
    db.prepare_cached("SELECT count(*) FROM attribute_list WHERE owner = ?1")?
        .query_row([owner], |row| row.get::<_, u32>(0))
        .map(|count| count as usize)
}

/// Notes how it stands with a watcher that asked for more than was granted: `PENDING`, `GRANTED` or `DENIED`.
pub(crate) fn set_reaction(db: &Connection, owner: &str, reaction: &Reaction) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO reaction (owner, watcher, state, attributes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (owner, watcher) DO UPDATE SET state = excluded.state, attributes = excluded.attributes",
    )?
    .execute([owner, &reaction.watcher, &reaction.state, &reaction.attributes])?;
    Ok(())
}

/// Returns how it stands with those who asked for more than was granted.
pub(crate) fn reactions(db: &Connection, owner: &str) -> Result<Vec<Reaction>> {
    db.prepare_cached("SELECT watcher, state, attributes FROM reaction WHERE owner = ?1 ORDER BY rowid")?
        .query_map([owner], |row| Ok(Reaction { watcher: row.get(0)?, state: row.get(1)?, attributes: row.get(2)? }))?
        .collect()
}

/// Forgets that a watcher asked; returns whether it did.
pub(crate) fn remove_reaction(db: &Connection, owner: &str, watcher: &str) -> Result<bool> {
    let removed =
        db.prepare_cached("DELETE FROM reaction WHERE owner = ?1 AND watcher = ?2")?.execute([owner, watcher])?;
    Ok(removed > 0)
}

/// Sets what a session wants to know of a user, in place of what it wanted before. What it asked for by name is not
/// for a contact list to end.
pub(crate) fn subscribe(db: &Connection, owner: &str, subscription: &Subscription) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO subscription (owner, session, watcher, attributes, list) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (owner, session) DO UPDATE SET attributes = excluded.attributes,
         list = CASE WHEN list IS NULL THEN NULL ELSE excluded.list END",
    )?
    .execute(params![
        owner,
        subscription.session,
        subscription.watcher,
        subscription.attributes,
        subscription.list
    ])?;
    Ok(())
}

/// Ends what a session wants to know of a user; returns whether it wanted anything.
pub(crate) fn unsubscribe(db: &Connection, owner: &str, session: &str) -> Result<bool> {
    let removed =
        db.prepare_cached("DELETE FROM subscription WHERE owner = ?1 AND session = ?2")?.execute([owner, session])?;
    Ok(removed > 0)
}

/// Ends what a session wants to know of a user for the sake of a contact list; returns whether it wanted anything.
pub(crate) fn unsubscribe_for(db: &Connection, owner: &str, session: &str, list: &str) -> Result<bool> {
    let removed = db
        .prepare_cached("DELETE FROM subscription WHERE owner = ?1 AND session = ?2 AND list = ?3")?
        .execute([owner, session, list])?;
    Ok(removed > 0)
}

/// Returns who watches a user now.
pub(crate) fn subscriptions(db: &Connection, owner: &str) -> Result<Vec<Subscription>> {
    db.prepare_cached("SELECT session, watcher, attributes, list FROM subscription WHERE owner = ?1 ORDER BY rowid")?
        .query_map([owner], subscription)?
        .collect()
}

/// Returns who watches a user now and is told of changes: not those whose contact list says DoNotNotify.
pub(crate) fn told_subscriptions(db: &Connection, owner: &str) -> Result<Vec<Subscription>> {
    db.prepare_cached(
        "SELECT session, watcher, attributes, list FROM subscription s WHERE owner = ?1 AND NOT EXISTS
         (SELECT 1 FROM contact_list_property p WHERE p.list = s.list AND p.name = 'DoNotNotify' AND p.value = 'T')
         ORDER BY rowid",
    )?
    .query_map([owner], subscription)?
    .collect()
}

/// Returns whether a session watches a user by name.
pub(crate) fn watches_by_name(db: &Connection, session: &str, owner: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM subscription WHERE owner = ?1 AND session = ?2 AND list IS NULL")?
        .exists([owner, session])
}

/// Returns the subscriptions that a contact list brought: session, user and attributes, those of a session together.
pub(crate) fn brought_by(db: &Connection, list: &str) -> Result<Vec<(String, String, String)>> {
    db.prepare_cached("SELECT session, owner, attributes FROM subscription WHERE list = ?1 ORDER BY session, rowid")?
        .query_map([list], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect()
}

/// Returns whom a session watches.
pub(crate) fn watched(db: &Connection, session: &str) -> Result<Vec<String>> {
    db.prepare_cached("SELECT owner FROM subscription WHERE session = ?1 ORDER BY rowid")?
        .query_map([session], |row| row.get(0))?
        .collect()
}

/// Remembers that a session wants everybody who comes onto a contact list subscribed.
pub(crate) fn subscribe_list(db: &Connection, session: &str, list: &str, attributes: &str) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO list_subscription (session, list, attributes) VALUES (?1, ?2, ?3)
         ON CONFLICT (session, list) DO UPDATE SET attributes = excluded.attributes",
    )?
    .execute([session, list, attributes])?;
    Ok(())
}

/// Ends the automatic subscription of a contact list; returns whether there was one.
pub(crate) fn unsubscribe_list(db: &Connection, session: &str, list: &str) -> Result<bool> {
    let removed = db
        .prepare_cached("DELETE FROM list_subscription WHERE session = ?1 AND list = ?2")?
        .execute([session, list])?;
    Ok(removed > 0)
}

/// Returns the sessions that subscribe to a contact list automatically, with the attributes they want.
pub(crate) fn list_subscriptions(db: &Connection, list: &str) -> Result<Vec<(String, String)>> {
    db.prepare_cached("SELECT session, attributes FROM list_subscription WHERE list = ?1 ORDER BY rowid")?
        .query_map([list], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Returns a contact list by which a session wants to watch a user automatically, with the attributes it wants.
pub(crate) fn covering(db: &Connection, session: &str, user: &str) -> Result<Option<(String, String)>> {
    db.prepare_cached(
        "SELECT s.list, s.attributes FROM list_subscription s JOIN contact c ON c.list = s.list
         WHERE s.session = ?1 AND c.user = ?2 ORDER BY s.rowid LIMIT 1",
    )?
    .query_row([session, user], |row| Ok((row.get(0)?, row.get(1)?)))
    .optional()
}

/// Ends all subscriptions of a session.
pub(crate) fn end_session(db: &Connection, session: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM subscription WHERE session = ?1")?.execute([session])?;
    db.prepare_cached("DELETE FROM list_subscription WHERE session = ?1")?.execute([session])?;
    Ok(())
}

/// Remembers that a user watched another until now (`is_subscriber`), or looked once.
pub(crate) fn remember(db: &Connection, owner: &str, watcher: &str, is_subscriber: bool, now: i64) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO former_watcher (owner, watcher, is_subscriber, seen) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (owner, watcher) DO UPDATE
         SET is_subscriber = max(is_subscriber, excluded.is_subscriber), seen = excluded.seen",
    )?
    .execute(params![owner, watcher, is_subscriber, now])?;
    Ok(())
}

/// Returns who watched a user, or looked, since then: the user and whether it was by subscription.
pub(crate) fn former_watchers(db: &Connection, owner: &str, since: i64) -> Result<Vec<(String, bool)>> {
    db.prepare_cached(
        "SELECT watcher, is_subscriber FROM former_watcher WHERE owner = ?1 AND seen >= ?2 ORDER BY seen DESC, watcher",
    )?
    .query_map(params![owner, since], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// Forgets watchers not seen since then.
pub(crate) fn forget_watchers(db: &Connection, before: i64) -> Result<()> {
    db.prepare_cached("DELETE FROM former_watcher WHERE seen < ?1")?.execute([before])?;
    Ok(())
}

fn subscription(row: &rusqlite::Row<'_>) -> Result<Subscription> {
    Ok(Subscription { session: row.get(0)?, watcher: row.get(1)?, attributes: row.get(2)?, list: row.get(3)? })
}

fn attribute_list(row: &rusqlite::Row<'_>) -> Result<AttributeList> {
    Ok(AttributeList { subject: row.get(0)?, attributes: row.get(1)?, notify: row.get(2)? })
}
