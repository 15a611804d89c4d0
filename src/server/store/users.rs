//! Accounts: who may log in.

use rusqlite::{OptionalExtension as _, Row, params};

use super::Store;
use crate::error::Result;
use crate::server::Timestamp;

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The address in canonical form.
    pub address: String,
    /// The password itself: the digest login needs it.
    pub password: String,
    /// Whether logging in is forbidden for now.
    pub is_disabled: bool,
    /// When the account was made, in seconds since 1970.
    pub created: i64,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({})", self.address)
    }
}

impl Store {
    /// Returns the account of an address in canonical form.
    ///
    /// # Errors
    ///
    /// Fails where the store does, like all functions here.
    pub fn user(&self, address: &str) -> Result<Option<User>> {
        let sql = "SELECT address, password, disabled, created FROM users WHERE address = ?1";
        Ok(self.reader().prepare_cached(sql)?.query_row([address], read).optional()?)
    }

    /// Returns whether there is such an account, disabled or not.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn has_user(&self, address: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM users WHERE address = ?1";
        Ok(self.reader().prepare_cached(sql)?.exists([address])?)
    }

    /// Returns all accounts by address.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn users(&self) -> Result<Vec<User>> {
        let sql = "SELECT address, password, disabled, created FROM users ORDER BY address";
        let mut statement = self.reader().prepare_cached(sql)?;
        let users = statement.query_map([], read)?;
        Ok(users.collect::<rusqlite::Result<_>>()?)
    }

    /// Adds an account; returns whether there was none of that address.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn add_user(&mut self, address: &str, password: &str, now: Timestamp) -> Result<bool> {
        let sql = "INSERT INTO users (address, password, created) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let added = self.writer()?.prepare_cached(sql)?.execute(params![address, password, now.seconds()])?;
        Ok(added == 1)
    }

    /// Changes a password; returns whether there is such an account.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_password(&mut self, address: &str, password: &str) -> Result<bool> {
        let sql = "UPDATE users SET password = ?2 WHERE address = ?1";
        Ok(self.writer()?.prepare_cached(sql)?.execute([address, password])? == 1)
    }

    /// Forbids or allows logging in; returns whether there is such an account.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_disabled(&mut self, address: &str, is_disabled: bool) -> Result<bool> {
        let sql = "UPDATE users SET disabled = ?2 WHERE address = ?1";
        Ok(self.writer()?.prepare_cached(sql)?.execute(params![address, is_disabled])? == 1)
    }

    /// Deletes an account with all that belongs to it; returns whether there was one.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn delete_user(&mut self, address: &str) -> Result<bool> {
        let sql = "DELETE FROM users WHERE address = ?1";
        Ok(self.writer()?.prepare_cached(sql)?.execute([address])? == 1)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User { address: row.get(0)?, password: row.get(1)?, is_disabled: row.get(2)?, created: row.get(3)? })
}
