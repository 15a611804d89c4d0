-- What lasts. One statement block a subject; addresses are canonical (`wv:anna@acme.example`), moments are seconds since 1970.

-- users: the password is kept so that it can be read, because the digest login needs the password itself.
CREATE TABLE users (
    address  TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created  INTEGER NOT NULL
) WITHOUT ROWID;
