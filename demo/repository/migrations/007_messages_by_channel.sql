CREATE INDEX messages_by_channel ON messages (channel_id, id);
