-- What was said in groups that keep it, the newest last; the content is in the message's own form.
CREATE TABLE group_history (
    number INTEGER PRIMARY KEY,
    group_id TEXT NOT NULL REFERENCES chat_group (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    sender TEXT NOT NULL,
    screen_name TEXT NOT NULL,
    info TEXT NOT NULL,
    content BLOB,
    is_text INTEGER NOT NULL
);
CREATE INDEX group_history_group ON group_history (group_id, number);
CREATE INDEX group_history_message ON group_history (message);

-- Answers to invitations that wait for their inviters.
CREATE TABLE invitation_answer (
    id TEXT PRIMARY KEY,
    inviter TEXT NOT NULL,
    answer TEXT NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX invitation_answer_inviter ON invitation_answer (inviter);
CREATE INDEX invitation_answer_expires ON invitation_answer (expires);

-- Extended conversations (1.3): the group that stands behind each.
CREATE TABLE conversation (
    id TEXT PRIMARY KEY,
    group_id TEXT NOT NULL UNIQUE REFERENCES chat_group (id) ON DELETE CASCADE
);

CREATE INDEX group_member_user ON group_member (user);

-- With an account goes its right to a group: another user who gets its name is not the owner. A group that nobody
-- looks after any more goes with the last who is in it, and at once where nobody is.
CREATE TRIGGER user_deleted_groups AFTER DELETE ON users BEGIN
    DELETE FROM invitation_answer WHERE inviter = OLD.address;
    DELETE FROM group_member WHERE user = OLD.address;
    INSERT OR REPLACE INTO group_property (group_id, name, value)
        SELECT id, 'AutoDelete', 'T' FROM chat_group g WHERE owner = OLD.address
        AND NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = g.id AND m.role = 'Admin');
    DELETE FROM chat_group WHERE owner = OLD.address
        AND NOT EXISTS (SELECT 1 FROM group_member m WHERE m.group_id = chat_group.id)
        AND NOT EXISTS (SELECT 1 FROM group_joined j WHERE j.group_id = chat_group.id AND j.user <> OLD.address);
    UPDATE chat_group SET owner = '' WHERE owner = OLD.address;
END;
