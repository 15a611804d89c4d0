-- What belonged to sessions, when a server starts: there are none.
DELETE FROM subscription;
DELETE FROM list_subscription;
DELETE FROM group_joined;
DELETE FROM group_delivery;
DELETE FROM presence_value WHERE client <> '';
