-- Who works on this database, and what the hosts have agreed on. Times and flags as before.

CREATE TABLE hosts (
  id         TEXT PRIMARY KEY,
  api        TEXT NOT NULL,
  admin      TEXT NOT NULL,
  version    TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  serves     TEXT             -- JSON
) STRICT, WITHOUT ROWID;

-- Which release of each connector is to serve.
CREATE TABLE desired (
  connector  TEXT PRIMARY KEY,
  digest     TEXT NOT NULL,
  version    TEXT NOT NULL,
  revision   INTEGER NOT NULL, -- one more with every change
  host       TEXT NOT NULL,    -- who changed it last
  changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Programs of connectors, where hosts share them. A release counts while it has a row
-- here that is not removed; its bytes are there before the row is.
CREATE TABLE releases (
  digest             TEXT PRIMARY KEY,
  name               TEXT NOT NULL,
  version            TEXT NOT NULL,
  size               INTEGER NOT NULL, -- in bytes
  removed            INTEGER NOT NULL,
  certificate        BLOB,
  certificate_digest TEXT NOT NULL, -- '' without one
  host               TEXT NOT NULL, -- who changed it last
  changed_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE release_chunks (
  digest   TEXT NOT NULL,
  position INTEGER NOT NULL,
  bytes    BLOB NOT NULL,
  added_at INTEGER NOT NULL,
  PRIMARY KEY (digest, position)
) STRICT;

-- Whose step it was, '' before hosts had names; and the revision of what is desired that
-- it made, 0 if none.
ALTER TABLE journal ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
