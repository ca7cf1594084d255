-- Whom merchants want told of what happens to payments, and what they are told.

CREATE TABLE subscriptions (
  id               TEXT PRIMARY KEY,
  merchant_account TEXT NOT NULL,            -- '' is every one
  url              TEXT NOT NULL,
  active           INTEGER NOT NULL,
  username         TEXT NOT NULL DEFAULT '', -- '' is no authentication
  previous_until   INTEGER,                  -- how long the secret before signs too
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT;

-- Secrets of subscriptions, sealed like those of payment services.
CREATE TABLE subscription_secrets (
  subscription TEXT NOT NULL REFERENCES subscriptions (id),
  field        TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  sealed       BLOB NOT NULL,
  PRIMARY KEY (subscription, field)
) STRICT, WITHOUT ROWID;

-- What a subscription is told, written with the change that it tells of. It outlives its
-- subscription, as a part of the payment's story.
CREATE TABLE deliveries (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  payment      INTEGER NOT NULL REFERENCES payments (seq),
  subscription TEXT NOT NULL,
  name         TEXT NOT NULL,
  body         BLOB NOT NULL,
  created_at   INTEGER NOT NULL,
  attempts     INTEGER NOT NULL DEFAULT 0,
  tried_at     INTEGER,
  status       INTEGER NOT NULL DEFAULT 0,  -- of the last answer, 0 is none
  problem      TEXT NOT NULL DEFAULT '',    -- of the last attempt
  delivered    INTEGER NOT NULL DEFAULT 0,
  due_at       INTEGER,                     -- of the next attempt; NULL is over
  ended_at     INTEGER
) STRICT;

CREATE INDEX deliveries_payment ON deliveries (payment);
CREATE INDEX deliveries_due     ON deliveries (due_at, created_at) WHERE due_at IS NOT NULL;

-- The merchant's name for the buyer.
ALTER TABLE payments ADD COLUMN buyer_external_id TEXT NOT NULL DEFAULT '';

UPDATE payments SET buyer_external_id = coalesce((
  SELECT coalesce(json_extract(CAST(r.body AS TEXT), '$.body.buyer.external_identifier'),
                  json_extract(CAST(r.body AS TEXT), '$.body.buyer_external_identifier'))
  FROM requests r WHERE r.payment = payments.seq AND json_valid(CAST(r.body AS TEXT))), '');

CREATE INDEX payments_buyer ON payments (buyer_external_id) WHERE buyer_external_id <> '';
