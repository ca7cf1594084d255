-- Who works on this database, and what the hosts have agreed on. Times and flags as before.

CREATE TABLE hosts (
  id         TEXT PRIMARY KEY,
  api        TEXT NOT NULL,
  admin      TEXT NOT NULL,
  version    TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  serves     TEXT             -- JSON
);

-- Which release of each connector is to serve.
CREATE TABLE desired (
  connector  TEXT PRIMARY KEY,
  digest     TEXT NOT NULL,
  version    TEXT NOT NULL,
  revision   BIGINT NOT NULL, -- one more with every change
  host       TEXT NOT NULL,    -- who changed it last
  changed_at BIGINT NOT NULL
);

-- Programs of connectors, where hosts share them. A release counts while it has a row
-- here that is not removed; its bytes are there before the row is.
CREATE TABLE releases (
  digest             TEXT PRIMARY KEY,
  name               TEXT NOT NULL,
  version            TEXT NOT NULL,
  size               BIGINT NOT NULL, -- in bytes
  removed            BIGINT NOT NULL,
  certificate        BYTEA,
  certificate_digest TEXT NOT NULL, -- '' without one
  host               TEXT NOT NULL, -- who changed it last
  changed_at         BIGINT NOT NULL
);

CREATE TABLE release_chunks (
  digest   TEXT NOT NULL,
  position BIGINT NOT NULL,
  bytes    BYTEA NOT NULL,
  added_at BIGINT NOT NULL,
  PRIMARY KEY (digest, position)
);

-- Programs hardly get smaller, and the attempt would take longer than all the rest.
ALTER TABLE release_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Whose step it was, '' before hosts had names; and the revision of what is desired that
-- it made, 0 if none.
ALTER TABLE journal ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE journal ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
