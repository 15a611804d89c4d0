//! Groups as who runs the server sees them: it makes groups of its own, which belong to no user, and may delete any.

use super::service::group::read_common;
use super::store::groups::{self, Role};
use super::{Store, Timestamp};
use crate::error::{Error, Result};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// The address in canonical form.
    pub id: String,
    /// The user that made it; `None` for a group of the provider.
    pub owner: Option<String>,
    /// Those who look after it.
    pub admins: Vec<String>,
    /// How many members it has.
    pub members: usize,
    /// How many users are in it now, as far as a server runs.
    pub joined: usize,
    /// The properties that were set.
    pub properties: Vec<(String, String)>,
}

impl Store {
    /// Returns all groups by address. What was deleted is not among them, though a server that runs has still to put
    /// out who is in it.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn groups(&self, now: Timestamp) -> Result<Vec<GroupRow>> {
        let ids = groups::open(self.reader(), now.seconds())?;
        ids.iter().filter_map(|id| self.group(id, now).transpose()).collect()
    }

    /// Returns a group.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn group(&self, id: &str, now: Timestamp) -> Result<Option<GroupRow>> {
        let db = self.reader();
        let Some(owner) = groups::owner(db, id, now.seconds())? else { return Ok(None) };
        let members = groups::members(db, id)?;
        let admins = members.iter().filter(|(_, role)| *role == Role::Admin).map(|(user, _)| user.clone()).collect();
        Ok(Some(GroupRow {
            id: id.to_owned(),
            owner: Some(owner).filter(|owner| !owner.is_empty()),
            admins,
            members: members.len(),
            joined: groups::count_active(db, id)?,
            properties: groups::properties(db, id)?,
        }))
    }

    /// Makes a group of the provider: public, and found by who searches, where the properties do not say otherwise.
    /// Returns whether there was none of that address. It is without a welcome note; `admins` may set one.
    ///
    /// # Errors
    ///
    /// Names a property that is none, or has a value that cannot be.
    pub fn add_group(
        &mut self,
        id: &str,
        properties: &[(String, String)],
        admins: &[String],
        now: Timestamp,
    ) -> Result<bool> {
        if self.group(id, now)?.is_some() {
            return Ok(false);
        }
        let usual = [("Type", "Public"), ("Searchable", "T")].map(|(name, value)| (name, value.to_owned()));
        let mut all = usual.to_vec();
        for (name, value) in properties {
            let wrong = || Error::input(format!("no group has the property `{name}` with the value `{value}`"));
            let (name, value) = read_common(name, value).ok_or_else(wrong)?;
            all.retain(|(other, _)| *other != name);
            all.push((name, value));
        }
        let said = |name: &str| all.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value.as_str());
        if said("Searchable") == "T" && said("Name").is_empty() && said("Topic").is_empty() {
            return Err(Error::input("a group that is found by who searches needs a name or a topic"));
        }
        let seconds = said("Validity").parse().ok().filter(|seconds: &i64| *seconds > 0);
        let db = self.writer()?;
        // One that was deleted, and that nobody has been put out of yet.
        groups::delete(db, id)?;
        groups::create(db, id, "", seconds.map(|seconds| now.seconds() + seconds))?;
        for (name, value) in &all {
            groups::set_property(db, id, name, value)?;
        }
        for admin in admins {
            groups::set_role(db, id, admin, Role::Admin)?;
        }
        Ok(true)
    }

    /// Deletes a group, whosesoever it is: its time is over. A server that runs puts out who is in it; returns whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn delete_group(&mut self, id: &str, now: Timestamp) -> Result<bool> {
        let is_there = self.group(id, now)?.is_some();
        if is_there {
            groups::set_expiry(self.writer()?, id, Some(now.seconds()))?;
        }
        Ok(is_there)
    }
}
