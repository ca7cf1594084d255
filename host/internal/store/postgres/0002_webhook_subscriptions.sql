-- Whom merchants want told of what happens to payments, and what they are told.

CREATE TABLE subscriptions (
  id               TEXT PRIMARY KEY,
  merchant_account TEXT NOT NULL,            -- '' is every one
  url              TEXT NOT NULL,
  active           BIGINT NOT NULL,
  username         TEXT NOT NULL DEFAULT '', -- '' is no authentication
  previous_until   BIGINT,                   -- how long the secret before signs too
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL
);

-- Secrets of subscriptions, sealed like those of payment services.
CREATE TABLE subscription_secrets (
  subscription TEXT NOT NULL REFERENCES subscriptions (id),
  field        TEXT NOT NULL,
  key_id       TEXT NOT NULL,
  sealed       BYTEA NOT NULL,
  PRIMARY KEY (subscription, field)
);

-- What a subscription is told, written with the change that it tells of. It outlives its
-- subscription, as a part of the payment's story.
CREATE TABLE deliveries (
  seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  payment      BIGINT NOT NULL REFERENCES payments (seq),
  subscription TEXT NOT NULL,
  name         TEXT NOT NULL,
  body         BYTEA NOT NULL,
  created_at   BIGINT NOT NULL,
  attempts     BIGINT NOT NULL DEFAULT 0,
  tried_at     BIGINT,
  status       BIGINT NOT NULL DEFAULT 0,   -- of the last answer, 0 is none
  problem      TEXT NOT NULL DEFAULT '',    -- of the last attempt
  delivered    BIGINT NOT NULL DEFAULT 0,
  due_at       BIGINT,                      -- of the next attempt; NULL is over
  ended_at     BIGINT
);

CREATE INDEX deliveries_payment ON deliveries (payment);
CREATE INDEX deliveries_due     ON deliveries (due_at, created_at) WHERE due_at IS NOT NULL;

-- The merchant's name for the buyer.
ALTER TABLE payments ADD COLUMN buyer_external_id TEXT NOT NULL DEFAULT '';

CREATE INDEX payments_buyer ON payments (buyer_external_id) WHERE buyer_external_id <> '';
