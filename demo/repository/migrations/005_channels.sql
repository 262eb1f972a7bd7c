CREATE TABLE channels (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO channels (id, name) VALUES (1, 'general');
SELECT setval('channels_id_seq', 1);
ALTER TABLE messages ADD COLUMN channel_id BIGINT NOT NULL DEFAULT 1 REFERENCES channels (id);
