-- The store of campaigns. Portable subset of SQL: no triggers, sequences, temporary tables or stored procedures;
-- primary keys begin with (campaign, slice), so that a distributed database can spread them. WITHOUT ROWID is
-- SQLite's word for a table in the order of its key; elsewhere it is left out.

CREATE TABLE IF NOT EXISTS campaign (
    name       TEXT    NOT NULL PRIMARY KEY,
    file       TEXT    NOT NULL,            -- the campaign file
    slices     INTEGER NOT NULL,
    generation INTEGER NOT NULL,            -- counts the plans that were made
    next       INTEGER NOT NULL,            -- the place of the next row
    plan       TEXT,                        -- SHA-256 over all keys; none while a plan is being made
    planned_at INTEGER NOT NULL,            -- seconds since 1970, as all times here
    halted     TEXT,                        -- why every run is to stop: a safety limit was reached
    cancelled  TEXT                         -- why nothing more is to be sent
);

-- How far a campaign may go: the handsets up to a place in the order of planning.
CREATE TABLE IF NOT EXISTS stage (
    campaign    TEXT    NOT NULL,
    number      INTEGER NOT NULL,           -- from 1
    last        BIGINT  NOT NULL,           -- the place of its last handset
    started_at  BIGINT,
    approved_at BIGINT,
    note        TEXT,                       -- what was said with the approval
    PRIMARY KEY (campaign, number)
);

-- What a plan did not take, by reason, and what it found.
CREATE TABLE IF NOT EXISTS tally (
    campaign TEXT    NOT NULL,
    kind     TEXT    NOT NULL,              -- rejected | skipped
    reason   TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (campaign, kind, reason)
);

-- Which profile is filled from which columns; the names are separated by U+001F, as are a row's cells.
CREATE TABLE IF NOT EXISTS setup (
    campaign TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    profile  TEXT    NOT NULL,
    header   TEXT    NOT NULL,
    PRIMARY KEY (campaign, number)
);

-- What one worker works through by one route. A write with an epoch that has passed matches nothing.
CREATE TABLE IF NOT EXISTS slice (
    campaign    TEXT    NOT NULL,
    slice       INTEGER NOT NULL,
    route       TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    lease_until BIGINT  NOT NULL,
    epoch       INTEGER NOT NULL,
    PRIMARY KEY (campaign, slice, route)
);

-- What moves: one narrow row a handset.
CREATE TABLE IF NOT EXISTS device (
    campaign   TEXT    NOT NULL,
    slice      INTEGER NOT NULL,
    msisdn     BIGINT  NOT NULL,
    place      BIGINT  NOT NULL,            -- order of planning, counted over the campaign without gaps, from 1
    line       BIGINT  NOT NULL,            -- line of the table that it was seen in last
    generation INTEGER NOT NULL,            -- the plan that it was seen in last
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    free       INTEGER NOT NULL,            -- attempts that do not count against the limit
    due        BIGINT  NOT NULL,            -- not sent before
    sms        INTEGER NOT NULL,            -- messages that it takes
    route      TEXT    NOT NULL,
    model      TEXT,
    unheard    INTEGER NOT NULL,            -- messages without a receipt yet
    error      TEXT,
    PRIMARY KEY (campaign, slice, msisdn)
) WITHOUT ROWID;

-- What stays: the row as it was planned.
CREATE TABLE IF NOT EXISTS planned_row (
    campaign TEXT    NOT NULL,
    slice    INTEGER NOT NULL,
    place    BIGINT  NOT NULL,
    msisdn   BIGINT  NOT NULL,
    setup    INTEGER NOT NULL,
    variant  TEXT    NOT NULL,
    key      BLOB    NOT NULL,              -- SHA-256 over campaign, number, variant and document
    document BLOB    NOT NULL,              -- SHA-256 over the document
    expires  BIGINT,
    zone     INTEGER,                       -- minutes ahead of UTC, where the row says so
    cells    BLOB    NOT NULL,              -- the row's values: text, or octets where they are encrypted
    PRIMARY KEY (campaign, slice, place)
) WITHOUT ROWID;

-- Every step that a handset made. Appended to, never rewritten.
CREATE TABLE IF NOT EXISTS history (
    campaign TEXT    NOT NULL,
    slice    INTEGER NOT NULL,
    place    BIGINT  NOT NULL,
    attempt  INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    worker   TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    detail   TEXT,
    PRIMARY KEY (campaign, slice, place, attempt, state, at)
) WITHOUT ROWID;

-- How far the file of a route has been recorded.
CREATE TABLE IF NOT EXISTS output (
    campaign TEXT   NOT NULL,
    route    TEXT   NOT NULL,
    written  BIGINT NOT NULL,
    PRIMARY KEY (campaign, route)
);

-- The short messages that a gateway took, by the names that it gave them. Gateways know no campaigns.
CREATE TABLE IF NOT EXISTS part (
    route    TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    campaign TEXT    NOT NULL,
    slice    INTEGER NOT NULL,
    msisdn   BIGINT  NOT NULL,
    place    BIGINT  NOT NULL,
    attempt  INTEGER NOT NULL,
    fate     TEXT,                          -- delivered | failed | expired
    at       BIGINT,
    PRIMARY KEY (route, id)
) WITHOUT ROWID;

-- Receipts for names that are not known, or not yet.
CREATE TABLE IF NOT EXISTS receipt (
    route TEXT   NOT NULL,
    id    TEXT   NOT NULL,
    fate  TEXT   NOT NULL,
    code  TEXT,
    at    BIGINT NOT NULL,
    PRIMARY KEY (route, id)
) WITHOUT ROWID;

-- Those that came too long ago are forgotten.
CREATE INDEX IF NOT EXISTS receipt_at ON receipt (at);

-- Who logs in as what, for confirmation by login.
CREATE TABLE IF NOT EXISTS login (
    campaign TEXT    NOT NULL,
    user     TEXT    NOT NULL,
    slice    INTEGER NOT NULL,
    msisdn   BIGINT  NOT NULL,
    prefix   TEXT,                          -- how the names of its clients begin: logins of others confirm nothing
    PRIMARY KEY (campaign, user)
) WITHOUT ROWID;

-- How far the logins that a server tells have been heard.
CREATE TABLE IF NOT EXISTS heard (
    campaign TEXT   NOT NULL,
    server   TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    PRIMARY KEY (campaign, server)
);

-- A route's rate, cut into equal permits, and who is sending by it.
CREATE TABLE IF NOT EXISTS permit (
    route       TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    lease_until BIGINT  NOT NULL,
    PRIMARY KEY (route, number)
);
CREATE TABLE IF NOT EXISTS lane (
    route  TEXT   NOT NULL,
    worker TEXT   NOT NULL,
    seen   BIGINT NOT NULL,
    PRIMARY KEY (route, worker)
);
