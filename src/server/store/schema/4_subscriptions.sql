-- The contact list for whose sake a session watches a user; NULL where it named the user.
ALTER TABLE subscription ADD COLUMN list TEXT;
