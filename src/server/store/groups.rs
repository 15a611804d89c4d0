//! Groups: their properties, their members and who is in them now.
//!
//! Members are listed for good, with a role; joined are those sessions that are present. The two are different:
//! anybody may join an open group without becoming a member (Groups, "Roles").

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// What a member may do. The order is that of their rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Joins, leaves, writes.
    User,
    /// A moderator: also sees and changes members.
    Mod,
    /// An administrator: also changes roles and properties, deletes.
    Admin,
}

impl Role {
    /// Returns the word that PrivilegeLevel uses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Mod => "Mod",
            Self::Admin => "Admin",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "Admin" => Self::Admin,
            "Mod" => Self::Mod,
            _ => Self::User,
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its address.
    pub(crate) id: String,
    /// The user that created it; empty for a group of the provider.
    pub(crate) owner: String,
    /// The WelcomeNote, in the form of [`super::tree`].
    pub(crate) welcome: Option<String>,
}

/// A session that is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The session.
    pub(crate) session: String,
    /// Its user.
    pub(crate) user: String,
    /// The name it goes by.
    pub(crate) screen_name: String,
    /// Whether it wants to be told of changes.
    pub(crate) wants_notices: bool,
}

impl Joined {
    /// Returns whether a name is that of the session.
    pub(crate) fn goes_by(&self, name: &str) -> bool {
        is_same_name(&self.screen_name, name)
    }
}

/// Returns whether two screen names of a group are one: they are compared without case.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Returns a group.
pub(crate) fn find(db: &Connection, id: &str) -> Result<Option<Group>> {
    db.prepare_cached("SELECT id, owner, welcome FROM chat_group WHERE id = ?1")?
        .query_row([id], |row| Ok(Group { id: row.get(0)?, owner: row.get(1)?, welcome: row.get(2)? }))
        .optional()
}

/// Adds a group without properties and members.
pub(crate) fn create(db: &Connection, id: &str, owner: &str, expires: Option<i64>) -> Result<()> {
    db.prepare_cached("INSERT INTO chat_group (id, owner, expires) VALUES (?1, ?2, ?3)")?
        .execute(params![id, owner, expires])?;
    Ok(())
}

/// Removes a group with all that belongs to it.
pub(crate) fn delete(db: &Connection, id: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM chat_group WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Sets or removes the welcome note.
pub(crate) fn set_welcome(db: &Connection, id: &str, welcome: Option<&str>) -> Result<()> {
    db.prepare_cached("UPDATE chat_group SET welcome = ?2 WHERE id = ?1")?.execute(params![id, welcome])?;
    Ok(())
}

/// Sets when the group ends; `None` for never.
pub(crate) fn set_expiry(db: &Connection, id: &str, expires: Option<i64>) -> Result<()> {
    db.prepare_cached("UPDATE chat_group SET expires = ?2 WHERE id = ?1")?.execute(params![id, expires])?;
    Ok(())
}

/// Returns the groups whose time is not over, by address.
pub(crate) fn open(db: &Connection, now: i64) -> Result<Vec<String>> {
    db.prepare_cached("SELECT id FROM chat_group WHERE expires IS NULL OR expires > ?1 ORDER BY id")?
        .query_map([now], |row| row.get(0))?
        .collect()
}

/// Returns the user that created a group whose time is not over; empty for one of the provider.
pub(crate) fn owner(db: &Connection, id: &str, now: i64) -> Result<Option<String>> {
    db.prepare_cached("SELECT owner FROM chat_group WHERE id = ?1 AND (expires IS NULL OR expires > ?2)")?
        .query_row(params![id, now], |row| row.get(0))
        .optional()
}

/// Returns the groups whose time is over.
pub(crate) fn expired(db: &Connection, now: i64) -> Result<Vec<String>> {
    db.prepare_cached("SELECT id FROM chat_group WHERE expires <= ?1")?.query_map([now], |row| row.get(0))?.collect()
}

/// Returns how many groups there are: those of one owner, and all.
pub(crate) fn count(db: &Connection, owner: &str) -> Result<(usize, usize)> {
    // Two questions, each of which an index answers.
    let sql = "SELECT (SELECT count(*) FROM chat_group WHERE owner = ?1), (SELECT count(*) FROM chat_group)";
    db.prepare_cached(sql)?
        .query_row([owner], |row| Ok((row.get::<_, u32>(0)? as usize, row.get::<_, u32>(1)? as usize)))
}

/// How many messages a group keeps that says no more than that it keeps them.
const USUAL_HISTORY: usize = 50;
/// How many messages a group keeps at the most.
pub(crate) const MOST_HISTORY: usize = 200;

/// Returns how many messages a group keeps; `None` where it keeps none.
pub(crate) fn history(db: &Connection, id: &str) -> Result<Option<usize>> {
    Ok(property(db, id, "History")?.as_deref().and_then(kept))
}

/// Returns how many messages a value of History stands for.
pub(crate) fn kept(value: &str) -> Option<usize> {
    match value {
        "T" => Some(USUAL_HISTORY),
        number => number.parse().ok().map(|most: usize| most.min(MOST_HISTORY)).filter(|most| *most > 0),
    }
}

/// Keeps which group stands behind an extended conversation.
pub(crate) fn add_conversation(db: &Connection, id: &str, group: &str) -> Result<()> {
    db.prepare_cached("INSERT INTO conversation (id, group_id) VALUES (?1, ?2)")?.execute([id, group])?;
    Ok(())
}

/// Returns the group that stands behind an extended conversation.
pub(crate) fn conversation(db: &Connection, id: &str) -> Result<Option<String>> {
    db.prepare_cached("SELECT group_id FROM conversation WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}

/// Returns the properties that were set.
pub(crate) fn properties(db: &Connection, id: &str) -> Result<Vec<(String, String)>> {
    db.prepare_cached("SELECT name, value FROM group_property WHERE group_id = ?1 ORDER BY rowid")?
        .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Returns one property; names are compared without case.
pub(crate) fn property(db: &Connection, id: &str, name: &str) -> Result<Option<String>> {
    db.prepare_cached("SELECT value FROM group_property WHERE group_id = ?1 AND name = ?2")?
        .query_row([id, name], |row| row.get(0))
        .optional()
}

/// Sets one property.
pub(crate) fn set_property(db: &Connection, id: &str, name: &str, value: &str) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO group_property (group_id, name, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (group_id, name) DO UPDATE SET value = excluded.value",
    )?
    .execute([id, name, value])?;
    Ok(())
}

/// Returns the properties that a user has set for itself in a group.
pub(crate) fn own_property(db: &Connection, id: &str, user: &str, name: &str) -> Result<Option<String>> {
    db.prepare_cached("SELECT value FROM group_own_property WHERE group_id = ?1 AND user = ?2 AND name = ?3")?
        .query_row([id, user, name], |row| row.get(0))
        .optional()
}

/// Sets a property of a user in a group.
pub(crate) fn set_own_property(db: &Connection, id: &str, user: &str, name: &str, value: &str) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO group_own_property (group_id, user, name, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (group_id, user, name) DO UPDATE SET value = excluded.value",
    )?
    .execute([id, user, name, value])?;
    Ok(())
}

/// Forgets the own properties of a user that is no member.
pub(crate) fn forget_own_properties(db: &Connection, id: &str, user: &str) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM group_own_property WHERE group_id = ?1 AND user = ?2
         AND NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = ?1 AND m.user = ?2)",
    )?
    .execute([id, user])?;
    Ok(())
}

/// Returns the members, oldest first.
pub(crate) fn members(db: &Connection, id: &str) -> Result<Vec<(String, Role)>> {
    db.prepare_cached("SELECT user, role FROM group_member WHERE group_id = ?1 ORDER BY rowid")?
        .query_map([id], |row| Ok((row.get(0)?, Role::read(row.get_ref(1)?.as_str()?))))?
        .collect()
}

/// Returns the role of a member.
pub(crate) fn role(db: &Connection, id: &str, user: &str) -> Result<Option<Role>> {
    db.prepare_cached("SELECT role FROM group_member WHERE group_id = ?1 AND user = ?2")?
        .query_row([id, user], |row| Ok(Role::read(row.get_ref(0)?.as_str()?)))
        .optional()
}

/// Makes a user a member, or changes its role.
pub(crate) fn set_role(db: &Connection, id: &str, user: &str, role: Role) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO group_member (group_id, user, role) VALUES (?1, ?2, ?3)
         ON CONFLICT (group_id, user) DO UPDATE SET role = excluded.role",
    )?
    .execute([id, user, role.as_str()])?;
    Ok(())
}

/// Ends a membership; returns whether there was one.
pub(crate) fn remove_member(db: &Connection, id: &str, user: &str) -> Result<bool> {
    let removed =
        db.prepare_cached("DELETE FROM group_member WHERE group_id = ?1 AND user = ?2")?.execute([id, user])?;
    Ok(removed > 0)
}

/// Returns the groups that a user wants to be joined to at login.
pub(crate) fn auto_joined(db: &Connection, user: &str) -> Result<Vec<String>> {
    db.prepare_cached(
        "SELECT group_id FROM group_own_property WHERE user = ?1 AND name = 'AutoJoin' AND value = 'T' ORDER BY rowid",
    )?
    .query_map([user], |row| row.get(0))?
    .collect()
}

/// Returns who may not join, oldest first.
pub(crate) fn rejected(db: &Connection, id: &str) -> Result<Vec<String>> {
    db.prepare_cached("SELECT user FROM group_reject WHERE group_id = ?1 ORDER BY rowid")?
        .query_map([id], |row| row.get(0))?
        .collect()
}

/// Returns whether a user may not join.
pub(crate) fn is_rejected(db: &Connection, id: &str, user: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM group_reject WHERE group_id = ?1 AND user = ?2")?.exists([id, user])
}

/// Puts a user on the reject list, or takes it off.
pub(crate) fn set_rejected(db: &Connection, id: &str, user: &str, is_rejected: bool) -> Result<()> {
    if is_rejected {
        db.prepare_cached("INSERT OR IGNORE INTO group_reject (group_id, user) VALUES (?1, ?2)")?
            .execute([id, user])?;
    } else {
        db.prepare_cached("DELETE FROM group_reject WHERE group_id = ?1 AND user = ?2")?.execute([id, user])?;
    }
    Ok(())
}

/// Remembers that a user accepted an invitation to a group.
pub(crate) fn invite(db: &Connection, id: &str, user: &str) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO group_invited (group_id, user) VALUES (?1, ?2)")?.execute([id, user])?;
    Ok(())
}

/// Forgets that a user was invited to a group.
pub(crate) fn disinvite(db: &Connection, id: &str, user: &str) -> Result<()> {
    db.prepare_cached("DELETE FROM group_invited WHERE group_id = ?1 AND user = ?2")?.execute([id, user])?;
    Ok(())
}

/// Returns whether a user accepted an invitation to a group.
pub(crate) fn is_invited(db: &Connection, id: &str, user: &str) -> Result<bool> {
    db.prepare_cached("SELECT 1 FROM group_invited WHERE group_id = ?1 AND user = ?2")?.exists([id, user])
}

/// Puts a session into a group, or changes its screen name.
pub(crate) fn join(db: &Connection, id: &str, joined: &Joined) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO group_joined (group_id, session, user, screen_name, wants_notices) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (group_id, session) DO UPDATE
         SET screen_name = excluded.screen_name, wants_notices = excluded.wants_notices",
    )?
    .execute(params![id, joined.session, joined.user, joined.screen_name, joined.wants_notices])?;
    Ok(())
}

/// Takes a session out of a group; returns whether it was in.
pub(crate) fn leave(db: &Connection, id: &str, session: &str) -> Result<bool> {
    let removed =
        db.prepare_cached("DELETE FROM group_joined WHERE group_id = ?1 AND session = ?2")?.execute([id, session])?;
    db.prepare_cached("DELETE FROM group_delivery WHERE group_id = ?1 AND session = ?2")?.execute([id, session])?;
    Ok(removed > 0)
}

/// Returns who is in a group, oldest first.
pub(crate) fn joined(db: &Connection, id: &str) -> Result<Vec<Joined>> {
    db.prepare_cached(
        "SELECT session, user, screen_name, wants_notices FROM group_joined WHERE group_id = ?1 ORDER BY rowid",
    )?
    .query_map([id], read_joined)?
    .collect()
}

/// Returns how a session is in a group.
pub(crate) fn find_joined(db: &Connection, id: &str, session: &str) -> Result<Option<Joined>> {
    db.prepare_cached(
        "SELECT session, user, screen_name, wants_notices FROM group_joined WHERE group_id = ?1 AND session = ?2",
    )?
    .query_row([id, session], read_joined)
    .optional()
}

/// Returns how many users are in a group.
pub(crate) fn count_active(db: &Connection, id: &str) -> Result<usize> {
    let sql = "SELECT count(DISTINCT user) FROM group_joined WHERE group_id = ?1";
    db.prepare_cached(sql)?.query_row([id], |row| row.get::<_, u32>(0)).map(|count| count as usize)
}

/// Returns the groups that a session is in.
pub(crate) fn groups_of(db: &Connection, session: &str) -> Result<Vec<String>> {
    db.prepare_cached("SELECT group_id FROM group_joined WHERE session = ?1 ORDER BY rowid")?
        .query_map([session], |row| row.get(0))?
        .collect()
}

/// Sets how a session wants the messages of a group: whether pushed, and up to how many octets.
pub(crate) fn set_delivery(db: &Connection, id: &str, session: &str, push: bool, most: Option<u32>) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO group_delivery (group_id, session, push, most) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (group_id, session) DO UPDATE SET push = excluded.push, most = excluded.most",
    )?
    .execute(params![id, session, push, most])?;
    Ok(())
}

/// Returns how a session wants the messages of a group, where it said so.
pub(crate) fn delivery(db: &Connection, id: &str, session: &str) -> Result<Option<(bool, Option<u32>)>> {
    db.prepare_cached("SELECT push, most FROM group_delivery WHERE group_id = ?1 AND session = ?2")?
        .query_row([id, session], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn read_joined(row: &Row<'_>) -> Result<Joined> {
    Ok(Joined { session: row.get(0)?, user: row.get(1)?, screen_name: row.get(2)?, wants_notices: row.get(3)? })
}
