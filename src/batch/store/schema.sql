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
    planned_at INTEGER NOT NULL             -- seconds since 1970, as all times here
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

-- A slice is what one worker works through. A write with an epoch that has passed matches nothing.
CREATE TABLE IF NOT EXISTS slice (
    campaign    TEXT    NOT NULL,
    slice       INTEGER NOT NULL,
    owner       TEXT    NOT NULL,
    lease_until INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    PRIMARY KEY (campaign, slice)
);

-- What moves: one narrow row a handset.
CREATE TABLE IF NOT EXISTS device (
    campaign   TEXT    NOT NULL,
    slice      INTEGER NOT NULL,
    msisdn     BIGINT  NOT NULL,
    place      BIGINT  NOT NULL,            -- order of planning, counted over the campaign
    line       BIGINT  NOT NULL,            -- line of the table that it was seen in last
    generation INTEGER NOT NULL,            -- the plan that it was seen in last
    state      TEXT    NOT NULL,
    attempts   INTEGER NOT NULL,
    due        BIGINT  NOT NULL,            -- not sent before
    sms        INTEGER NOT NULL,            -- messages that it takes
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
    cells    TEXT    NOT NULL,              -- the row's values
    PRIMARY KEY (campaign, slice, place)
) WITHOUT ROWID;

-- Every step that a handset made. Appended to, never rewritten.
CREATE TABLE IF NOT EXISTS history (
    campaign TEXT    NOT NULL,
    slice    INTEGER NOT NULL,
    place    BIGINT  NOT NULL,
    attempt  INTEGER NOT NULL,
    state    TEXT    NOT NULL,              -- an attempt comes to a state once
    at       BIGINT  NOT NULL,
    worker   TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    detail   TEXT,
    PRIMARY KEY (campaign, slice, place, attempt, state)
) WITHOUT ROWID;

-- How far the file of a route has been recorded.
CREATE TABLE IF NOT EXISTS output (
    campaign TEXT   NOT NULL,
    route    TEXT   NOT NULL,
    written  BIGINT NOT NULL,
    PRIMARY KEY (campaign, route)
);
