-- What a store of the fifth version may hold when the sixth moves it.
INSERT INTO users (address, password, created) VALUES ('wv:a@x', '', 1), ('wv:b@x', '', 1), ('wv:c@x', '', 1);
INSERT INTO message (id, sender, info, content, is_text) VALUES
    ('large', 'wv:a@x', '["MessageInfo",""]', zeroblob(2000), 0),
    ('elsewhere', 'wv:a@x', '["MessageInfo",""]', NULL, 1),
    ('small', 'wv:a@x', '["MessageInfo",[["ContentType","text/plain"]]]', CAST('Hello' AS BLOB), 1),
    ('nobody', 'wv:a@x', '["MessageInfo",""]', zeroblob(2000), 0);
INSERT INTO message_copy (recipient, message, shown_sender, shown_recipient, report, group_id, expires) VALUES
    ('wv:b@x', 'small', '["Sender",[["User",[["UserID","wv:a@x"]]]]]', '["Recipient",[["User",[["UserID","wv:b@x"]]]]]',
        '["Recipient",[["User",[["UserID","wv:b@x"]]]]]', 'wv:a/g@x', 100),
    ('wv:c@x', 'large', '["Sender",""]', '["Recipient",""]', NULL, NULL, 90),
    ('wv:b@x', 'large', '["Sender",""]', '["Recipient",""]', NULL, NULL, 90),
    ('wv:b@x', 'elsewhere', '["Sender",""]', '["Recipient",""]', NULL, NULL, 90);
INSERT INTO access_list VALUES ('wv:b@x', 'grant'), ('wv:a@x', 'block');
INSERT INTO offline_rule VALUES ('wv:b@x', 'REJECT');
