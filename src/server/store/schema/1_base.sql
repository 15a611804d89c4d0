-- What lasts. One statement block a subject; addresses are canonical (`wv:anna@acme.example`), moments are seconds since 1970.

-- users: the password is kept so that it can be read, because the digest login needs the password itself.
CREATE TABLE users (
    address  TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created  INTEGER NOT NULL
) WITHOUT ROWID;

-- Contact lists. Addresses are normalised; a list's address is its owner's with a name.
CREATE TABLE contact_list (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    is_default INTEGER NOT NULL
);
CREATE INDEX contact_list_owner ON contact_list (owner);
CREATE TABLE contact_list_property (
    list TEXT NOT NULL REFERENCES contact_list (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    value TEXT NOT NULL,
    PRIMARY KEY (list, name)
);
CREATE TABLE contact (
    list TEXT NOT NULL REFERENCES contact_list (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    nickname TEXT,
    PRIMARY KEY (list, user)
);
CREATE INDEX contact_user ON contact (user);

-- Presence. `element` is a tree as JSON; `client` is empty for values of the user.
CREATE TABLE presence_value (
    user TEXT NOT NULL,
    attribute TEXT NOT NULL,
    client TEXT NOT NULL,
    element TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (user, attribute, client)
);
CREATE TABLE attribute_list (
    owner TEXT NOT NULL,
    level TEXT NOT NULL,
    subject TEXT NOT NULL,
    attributes TEXT NOT NULL,
    notify INTEGER NOT NULL,
    PRIMARY KEY (owner, level, subject)
);
CREATE TABLE reaction (
    owner TEXT NOT NULL,
    watcher TEXT NOT NULL,
    state TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (owner, watcher)
);
-- What belongs to a session goes with it.
CREATE TABLE subscription (
    owner TEXT NOT NULL,
    session TEXT NOT NULL,
    watcher TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (owner, session)
);
CREATE INDEX subscription_session ON subscription (session);
CREATE TABLE list_subscription (
    list TEXT NOT NULL,
    session TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (list, session)
);
CREATE INDEX list_subscription_session ON list_subscription (session);
CREATE TABLE former_watcher (
    owner TEXT NOT NULL,
    watcher TEXT NOT NULL,
    is_subscriber INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (owner, watcher)
);
CREATE INDEX former_watcher_seen ON former_watcher (seen);

-- Messages and the recipients that each still waits for.
CREATE TABLE message (
    id TEXT PRIMARY KEY,
    sender TEXT NOT NULL,
    info TEXT NOT NULL,
    content BLOB,
    is_text INTEGER NOT NULL
);
CREATE TABLE message_copy (
    recipient TEXT NOT NULL,
    message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    shown_sender TEXT NOT NULL,
    shown_recipient TEXT NOT NULL,
    report TEXT,
    group_id TEXT,
    expires INTEGER NOT NULL,
    PRIMARY KEY (recipient, message)
);
CREATE INDEX message_copy_message ON message_copy (message);
CREATE INDEX message_copy_expires ON message_copy (expires);
CREATE TABLE delivery_report (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    report TEXT NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX delivery_report_user ON delivery_report (user);
CREATE INDEX delivery_report_expires ON delivery_report (expires);
CREATE TABLE offline_rule (
    user TEXT PRIMARY KEY,
    rule TEXT NOT NULL
);
-- Block and grant lists. A row in access_list: the list is in use.
CREATE TABLE access_list (
    owner TEXT NOT NULL,
    list TEXT NOT NULL,
    PRIMARY KEY (owner, list)
);
CREATE TABLE access_entity (
    owner TEXT NOT NULL,
    list TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    group_id TEXT NOT NULL,
    PRIMARY KEY (owner, list, kind, name, group_id)
);

-- Groups. Members are for good, joined are sessions that are present.
CREATE TABLE chat_group (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    welcome TEXT,
    expires INTEGER
);
CREATE INDEX chat_group_expires ON chat_group (expires);
CREATE INDEX chat_group_owner ON chat_group (owner);
CREATE TABLE group_property (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    name TEXT NOT NULL COLLATE NOCASE,
    value TEXT NOT NULL,
    PRIMARY KEY (group_id, name)
);
CREATE TABLE group_own_property (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    value TEXT NOT NULL,
    PRIMARY KEY (group_id, user, name)
);
CREATE INDEX group_own_property_user ON group_own_property (user, name);
CREATE TABLE group_member (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (group_id, user)
);
CREATE TABLE group_reject (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    PRIMARY KEY (group_id, user)
);
CREATE TABLE group_invited (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    PRIMARY KEY (group_id, user)
);
CREATE TABLE group_joined (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    user TEXT NOT NULL,
    screen_name TEXT NOT NULL,
    wants_notices INTEGER NOT NULL,
    PRIMARY KEY (group_id, session)
);
CREATE INDEX group_joined_user ON group_joined (user);
CREATE INDEX group_joined_session ON group_joined (session);
CREATE TABLE group_delivery (
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    push INTEGER NOT NULL,
    most INTEGER,
    PRIMARY KEY (group_id, session)
);

-- Invitations that wait for an answer.
CREATE TABLE invitation (
    inviter TEXT NOT NULL,
    id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    request TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (inviter, id, recipient)
);
CREATE INDEX invitation_recipient ON invitation (recipient);
CREATE INDEX invitation_expires ON invitation (expires);

-- What users say of themselves to everybody.
CREATE TABLE public_profile (
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;
CREATE INDEX public_profile_name ON public_profile (name);

-- With an account goes what belongs to it; groups stay for the others that are in them.
CREATE TRIGGER user_deleted AFTER DELETE ON users BEGIN
    DELETE FROM contact_list WHERE owner = OLD.address;
    DELETE FROM contact WHERE user = OLD.address;
    DELETE FROM presence_value WHERE user = OLD.address;
    DELETE FROM attribute_list WHERE owner = OLD.address OR (level = 'user' AND subject = OLD.address);
    DELETE FROM reaction WHERE owner = OLD.address OR watcher = OLD.address;
    DELETE FROM subscription WHERE owner = OLD.address;
    DELETE FROM former_watcher WHERE owner = OLD.address OR watcher = OLD.address;
    DELETE FROM message_copy WHERE recipient = OLD.address;
    DELETE FROM delivery_report WHERE user = OLD.address;
    DELETE FROM offline_rule WHERE user = OLD.address;
    DELETE FROM access_list WHERE owner = OLD.address;
    DELETE FROM access_entity WHERE owner = OLD.address;
    DELETE FROM group_member WHERE user = OLD.address;
    DELETE FROM group_own_property WHERE user = OLD.address;
    DELETE FROM group_reject WHERE user = OLD.address;
    DELETE FROM group_invited WHERE user = OLD.address;
    DELETE FROM public_profile WHERE user = OLD.address;
    DELETE FROM invitation WHERE inviter = OLD.address OR recipient = OLD.address;
END;
