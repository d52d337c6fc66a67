CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    file_path TEXT NOT NULL,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    start_line BIGINT NOT NULL,
    end_line BIGINT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX chunks_by_file ON chunks (file_path);

-- The words only: the text stands in `chunks`, under the same number.
CREATE VIRTUAL TABLE chunk_words USING fts5 (name, body, content = '', contentless_delete = 1);

-- A row for each file and role, since a query reads all of them: for each function its number (8 bytes) and its vector.
CREATE TABLE vectors (
    file_path TEXT NOT NULL,
    role TEXT NOT NULL,
    model TEXT NOT NULL,
    functions BIGINT NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (file_path, role)
);

CREATE TABLE index_state (id BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
INSERT INTO index_state (id, generation) VALUES (1, 1);

CREATE TABLE cache_entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX cache_entries_by_end ON cache_entries (expires_at);
