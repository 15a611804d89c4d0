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
-- Who is joined at each login goes by the name of last time, even who is no member.
INSERT OR REPLACE INTO group_own_property (group_id, user, name, value)
    SELECT j.group_id, j.user, 'ScreenName', j.screen_name FROM group_joined j JOIN group_own_property a
    ON a.group_id = j.group_id AND a.user = j.user AND a.name = 'AutoJoin' AND a.value = 'T';
DELETE FROM group_joined;
DELETE FROM group_delivery;
DELETE FROM presence_value WHERE client <> '';
