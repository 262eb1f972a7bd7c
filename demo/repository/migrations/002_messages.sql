CREATE TABLE messages (
    id BIGSERIAL PRIMARY KEY,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
