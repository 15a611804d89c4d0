//! Accounts: who may log in.

use rusqlite::{OptionalExtension as _, Row, params};

use super::Store;
use crate::error::Result;
use crate::server::{HashedPassword, Timestamp};

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The address in canonical form.
    pub address: String,
    /// The password itself, since the digest login needs it; or its salted hash, see
    /// [`HashedPassword`].
    pub password: String,
    /// Whether the password is kept as a hash: the user sends the password itself then.
    pub is_hashed: bool,
    /// Whether logging in is forbidden for now.
    pub is_disabled: bool,
    /// When the account was made, in seconds since 1970.
    pub created: i64,
    /// The number by which the network knows the user: digits.
    pub msisdn: Option<String>,
    /// The features and functions that the user has subscribed to, between spaces; all where there is no such list.
    pub features: Option<String>,
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
        let sql = "SELECT address, password, is_hashed, disabled, created, msisdn, features FROM users
                   WHERE address = ?1";
        Ok(self.reader().prepare_cached(sql)?.query_row([address], read).optional()?)
    }

    /// Returns the account of a number, which is digits.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn user_of_number(&self, msisdn: &str) -> Result<Option<User>> {
        let sql = "SELECT address, password, is_hashed, disabled, created, msisdn, features FROM users
                   WHERE msisdn = ?1";
        Ok(self.reader().prepare_cached(sql)?.query_row([msisdn], read).optional()?)
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
        let sql = "SELECT address, password, is_hashed, disabled, created, msisdn, features FROM users
                   ORDER BY address";
        let mut statement = self.reader().prepare_cached(sql)?;
        let users = statement.query_map([], read)?;
        Ok(users.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns how many accounts there are.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn count_users(&self) -> Result<usize> {
        let count: i64 = self.reader().prepare_cached("SELECT count(*) FROM users")?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Adds an account; returns whether there was none of that address.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn add_user(&mut self, address: &str, password: &str, now: Timestamp) -> Result<bool> {
        let sql = "INSERT INTO users (address, password, created) VALUES (?1, ?2, ?3) ON CONFLICT (address) DO NOTHING";
        let added = self.writer()?.prepare_cached(sql)?.execute(params![address, password, now.seconds()])?;
        Ok(added == 1)
    }

    /// Changes a password, which is the password itself; returns whether there is such an account.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_password(&mut self, address: &str, password: &str) -> Result<bool> {
        let sql = "UPDATE users SET password = ?2, is_hashed = 0 WHERE address = ?1";
        Ok(self.writer()?.prepare_cached(sql)?.execute([address, password])? == 1)
    }

    /// Keeps a password as its hash; returns whether there is such an account.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_hashed_password(&mut self, address: &str, hash: &HashedPassword) -> Result<bool> {
        let sql = "UPDATE users SET password = ?2, is_hashed = 1 WHERE address = ?1";
        Ok(self.writer()?.prepare_cached(sql)?.execute([address, hash.as_str()])? == 1)
    }

    /// Says by which number the network knows a user; returns whether no other account has it.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_number(&mut self, address: &str, msisdn: Option<&str>) -> Result<bool> {
        if let Some(number) = msisdn
            && self.user_of_number(number)?.is_some_and(|user| user.address != address)
        {
            return Ok(false);
        }
        let sql = "UPDATE users SET msisdn = ?2 WHERE address = ?1";
        self.writer()?.prepare_cached(sql)?.execute(params![address, msisdn])?;
        Ok(true)
    }

    /// Says which features and functions a user has subscribed to; `None` is all.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_features(&mut self, address: &str, features: Option<&str>) -> Result<()> {
        let sql = "UPDATE users SET features = ?2 WHERE address = ?1";
        self.writer()?.prepare_cached(sql)?.execute(params![address, features])?;
        Ok(())
    }

    /// Returns what a user may have of things where that is not what all may have: names and numbers.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn quotas(&self, address: &str) -> Result<Vec<(String, usize)>> {
        let sql = "SELECT name, most FROM user_quota WHERE user = ?1 ORDER BY name";
        let mut statement = self.reader().prepare_cached(sql)?;
        let quotas = statement.query_map([address], |row| Ok((row.get(0)?, row.get::<_, u32>(1)? as usize)))?;
        Ok(quotas.collect::<rusqlite::Result<_>>()?)
    }

    /// Says how many of a thing a user may have; `None` is what all may have.
    ///
    /// # Errors
    ///
    /// Fails where the store does.
    pub fn set_quota(&mut self, address: &str, name: &str, most: Option<u32>) -> Result<()> {
        let writer = self.writer()?;
        match most {
            Some(most) => {
                let sql = "INSERT INTO user_quota (user, name, most) VALUES (?1, ?2, ?3)
                           ON CONFLICT (user, name) DO UPDATE SET most = excluded.most";
                writer.prepare_cached(sql)?.execute(params![address, name, most])?;
            }
            None => {
                let sql = "DELETE FROM user_quota WHERE user = ?1 AND name = ?2";
                writer.prepare_cached(sql)?.execute([address, name])?;
            }
        }
        Ok(())
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
    Ok(User {
        address: row.get(0)?,
        password: row.get(1)?,
        is_hashed: row.get(2)?,
        is_disabled: row.get(3)?,
        created: row.get(4)?,
        msisdn: row.get(5)?,
        features: row.get(6)?,
    })
}
