CREATE TABLE chunks (
    id BIGSERIAL PRIMARY KEY,
    file_path TEXT NOT NULL,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    start_line BIGINT NOT NULL,
    end_line BIGINT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX chunks_by_file ON chunks (file_path);

CREATE TABLE chunk_words (
    chunk_id BIGINT PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE INDEX chunk_words_by_word ON chunk_words USING GIN (words);

-- A row for each file and role, since a query reads all of them: for each function its number (8 bytes) and its vector.
CREATE TABLE vectors (
    file_path TEXT NOT NULL,
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    functions BIGINT NOT NULL,
    packed BYTEA NOT NULL,
    PRIMARY KEY (file_path, role)
);

CREATE TABLE index_state (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
INSERT INTO index_state (id, generation) VALUES (1, 1);

CREATE TABLE cache_entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX cache_entries_by_end ON cache_entries (expires_at);
