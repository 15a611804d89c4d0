-- What belonged to sessions, when a server starts: there are none. Groups that go with the last who is in them are gone.
-- Who watched somebody is remembered as one who did until now.
INSERT INTO former_watcher (owner, watcher, is_subscriber, seen)
    SELECT DISTINCT owner, watcher, 1, CAST(strftime('%s', 'now') AS INTEGER) FROM subscription WHERE owner <> watcher
    ON CONFLICT (owner, watcher) DO UPDATE SET is_subscriber = 1, seen = excluded.seen;
DELETE FROM subscription;
DELETE FROM list_subscription;
DELETE FROM chat_group WHERE id IN (SELECT group_id FROM group_joined) AND EXISTS (
    SELECT 1 FROM group_property p WHERE p.group_id = chat_group.id AND p.name = 'AutoDelete' AND p.value = 'T'
);
DELETE FROM group_joined;
DELETE FROM group_delivery;
DELETE FROM presence_value WHERE client <> '';
