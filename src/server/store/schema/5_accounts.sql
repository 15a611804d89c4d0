-- What an operator says of accounts: the number by which the network knows the user, whether the password is kept as
-- a salted hash (such a user sends the password itself), and the functions that are subscribed; NULL is all of them.
ALTER TABLE users ADD COLUMN msisdn TEXT;
ALTER TABLE users ADD COLUMN is_hashed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN features TEXT;
CREATE UNIQUE INDEX users_msisdn ON users (msisdn) WHERE msisdn IS NOT NULL;
-- Where a user may have another number of things than the configuration says.
CREATE TABLE user_quota (
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    most INTEGER NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

-- What the operator asks users, or tells them; without a user it is for all. `body` is the SystemMessage as JSON;
-- the answers that are right: the number of an option (or none), and the key that proves that a person has read it.
CREATE TABLE system_message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user TEXT,
    body TEXT NOT NULL,
    is_required INTEGER NOT NULL,
    option INTEGER,
    verification TEXT,
    created INTEGER NOT NULL
);
CREATE INDEX system_message_user ON system_message (user);
-- Who has seen or answered what.
CREATE TABLE system_answer (
    message TEXT NOT NULL REFERENCES system_message (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    option INTEGER,
    at INTEGER NOT NULL,
    PRIMARY KEY (message, user)
) WITHOUT ROWID;
CREATE TRIGGER user_deleted_account AFTER DELETE ON users BEGIN
    DELETE FROM user_quota WHERE user = OLD.address;
    DELETE FROM system_message WHERE user = OLD.address;
    DELETE FROM system_answer WHERE user = OLD.address;
END;
