/** SQL that brings a database from version n (its index) to n + 1. Append only: an entry that was released never changes. */
export const migrations: ReadonlyArray<string> = [
  `
  CREATE TABLE documents (
    file_id TEXT PRIMARY KEY,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page_count INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    UNIQUE (sha256, file_name)
  ) STRICT;

  CREATE TABLE pages (
    file_id TEXT NOT NULL REFERENCES documents,
    page_number INTEGER NOT NULL,
    text TEXT NOT NULL,
    section_headers TEXT NOT NULL,
    PRIMARY KEY (file_id, page_number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE passages (
    id INTEGER PRIMARY KEY,
    file_id TEXT NOT NULL,
    page_number INTEGER NOT NULL,
    section_headers TEXT NOT NULL,
    text TEXT NOT NULL,
    FOREIGN KEY (file_id, page_number) REFERENCES pages
  ) STRICT;
  CREATE INDEX passages_by_file ON passages (file_id);

  -- Holds terms, not text: internal/terms.ts cuts words and stems them, for questions and documents alike.
  CREATE VIRTUAL TABLE passages_index USING fts5 (
    headings, body, roots, content = '', tokenize = "unicode61 remove_diacritics 0"
  );

  CREATE TABLE chats (
    chat_id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chats,
    user_id TEXT NOT NULL,
    file_id TEXT NOT NULL,
    type TEXT NOT NULL,
    text TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    vote TEXT NOT NULL DEFAULT 'no vote',
    valid INTEGER,
    generate_button TEXT,
    search_results TEXT NOT NULL DEFAULT '[]',
    tags TEXT NOT NULL DEFAULT '[]',
    is_sop_chat INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX messages_by_chat ON messages (chat_id, seq);
  CREATE INDEX messages_by_time ON messages (is_sop_chat, timestamp, seq);
  `
]
