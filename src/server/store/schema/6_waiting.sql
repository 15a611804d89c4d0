-- What waits for a user: one row a message, so that to keep and to forget one is one write. `shown` is what its
-- recipient reads of it as JSON: MessageInfo, Sender and Recipient. Content is NULL where it is elsewhere: at an
-- address that the sender named, or, where it is large and for several, in shared_content.
CREATE TABLE waiting (
    recipient TEXT NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL, -- of a later message to the same recipient it is greater
    expires INTEGER NOT NULL,
    sender TEXT NOT NULL,
    shown TEXT NOT NULL,
    report TEXT,
    group_id TEXT,
    is_text INTEGER NOT NULL,
    content BLOB,
    PRIMARY KEY (recipient, id)
) WITHOUT ROWID;
CREATE TABLE shared_content (
    id TEXT PRIMARY KEY,
    content BLOB NOT NULL
) WITHOUT ROWID;
INSERT INTO shared_content SELECT id, content FROM message
    WHERE length(content) > 1000 AND (SELECT count(*) FROM message_copy WHERE message = id) > 1;
INSERT INTO waiting
    SELECT recipient, id, m.rowid, expires, sender, '[' || info || ',' || shown_sender || ',' || shown_recipient || ']',
        report, group_id, is_text, iif(id IN (SELECT id FROM shared_content), NULL, content)
    FROM message m JOIN message_copy c ON c.message = m.id;
CREATE INDEX waiting_expires ON waiting (expires);
CREATE INDEX waiting_elsewhere ON waiting (id) WHERE content IS NULL;
DROP TABLE message_copy;
DROP TABLE message;

-- What decides whether a user takes a message: whether its block and grant lists are in use, and what is done while it
-- is away. It is asked for each recipient, together with whether there is one.
ALTER TABLE users ADD COLUMN blocks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN grants INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN offline_rule TEXT;
UPDATE users SET blocks = EXISTS (SELECT 1 FROM access_list WHERE owner = address AND list = 'block'),
    grants = EXISTS (SELECT 1 FROM access_list WHERE owner = address AND list = 'grant'),
    offline_rule = (SELECT rule FROM offline_rule WHERE user = address);
DROP TABLE access_list;
DROP TABLE offline_rule;

DROP TRIGGER user_deleted;
CREATE TRIGGER user_deleted AFTER DELETE ON users BEGIN
    DELETE FROM contact_list WHERE owner = OLD.address;
    DELETE FROM contact WHERE user = OLD.address;
    DELETE FROM presence_value WHERE user = OLD.address;
    DELETE FROM attribute_list WHERE owner = OLD.address OR (level = 'user' AND subject = OLD.address);
    DELETE FROM reaction WHERE owner = OLD.address OR watcher = OLD.address;
    DELETE FROM subscription WHERE owner = OLD.address;
    DELETE FROM former_watcher WHERE owner = OLD.address OR watcher = OLD.address;
    DELETE FROM waiting WHERE recipient = OLD.address;
    DELETE FROM shared_content WHERE id NOT IN (SELECT id FROM waiting WHERE content IS NULL);
    DELETE FROM delivery_report WHERE user = OLD.address;
    DELETE FROM access_entity WHERE owner = OLD.address;
    DELETE FROM group_member WHERE user = OLD.address;
    DELETE FROM group_own_property WHERE user = OLD.address;
    DELETE FROM group_reject WHERE user = OLD.address;
    DELETE FROM group_invited WHERE user = OLD.address;
    DELETE FROM public_profile WHERE user = OLD.address;
    DELETE FROM invitation WHERE inviter = OLD.address OR recipient = OLD.address;
END;
