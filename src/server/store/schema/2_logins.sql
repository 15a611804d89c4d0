-- Who logged in with which client, for those who ask whether settings have arrived. Numbers are never used twice.
CREATE TABLE login (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    user TEXT NOT NULL,
    client TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TRIGGER user_deleted_login AFTER DELETE ON users BEGIN
    DELETE FROM login WHERE user = OLD.address;
END;
