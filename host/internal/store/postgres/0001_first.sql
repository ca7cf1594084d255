-- Amounts are in minor units. Times are microseconds since 1970 in UTC; NULL is never.
-- What is empty has a default, so that a row need not name it.

CREATE TABLE payments (
  seq                 BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id                  TEXT NOT NULL UNIQUE,
  reference           TEXT NOT NULL UNIQUE,
  merchant_account    TEXT NOT NULL DEFAULT '',
  service             TEXT NOT NULL DEFAULT '',
  connector           TEXT NOT NULL DEFAULT '',
  method              TEXT NOT NULL DEFAULT '',
  country             TEXT NOT NULL DEFAULT '',
  currency            TEXT NOT NULL DEFAULT '',
  amount              BIGINT NOT NULL DEFAULT 0,
  intent              TEXT NOT NULL DEFAULT '',
  return_url          TEXT NOT NULL DEFAULT '',
  external_id         TEXT NOT NULL DEFAULT '',
  metadata            TEXT,                       -- a JSON object
  approval_expires_at BIGINT,
  created_at          BIGINT NOT NULL DEFAULT 0,
  updated_at          BIGINT NOT NULL DEFAULT 0,
  closed_why          TEXT,
  closed_at           BIGINT,
  truth               TEXT NOT NULL DEFAULT '',   -- what the provider has been seen to hold, JSON
  version             BIGINT NOT NULL DEFAULT 0, -- one more with every change
  events              BIGINT NOT NULL DEFAULT 0, -- how many there are

  -- Derived from the ledger, for queries only.
  status     TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '',
  order_ref  TEXT NOT NULL DEFAULT '',
  authorized BIGINT NOT NULL DEFAULT 0,
  captured   BIGINT NOT NULL DEFAULT 0,
  refunded   BIGINT NOT NULL DEFAULT 0, -- or being refunded
  unsettled  BIGINT NOT NULL DEFAULT 0, -- somebody has to look at the provider
  unapproved BIGINT NOT NULL DEFAULT 0  -- the buyer has not approved
);

-- What lists are filtered by, each by merchant account. The walk through a list sees the
-- creation without fetching the payment.
CREATE INDEX payments_newest      ON payments (merchant_account, updated_at, seq, created_at);
CREATE INDEX payments_status      ON payments (merchant_account, status);
CREATE INDEX payments_created_at  ON payments (merchant_account, created_at);
CREATE INDEX payments_error_code  ON payments (merchant_account, error_code) WHERE error_code <> '';
CREATE INDEX payments_external_id ON payments (external_id) WHERE external_id <> '';
CREATE INDEX payments_order       ON payments (order_ref) WHERE order_ref <> '';
CREATE INDEX payments_amount      ON payments (merchant_account, amount);
CREATE INDEX payments_service     ON payments (merchant_account, service);
CREATE INDEX payments_method      ON payments (merchant_account, method);
CREATE INDEX payments_country     ON payments (merchant_account, country);
CREATE INDEX payments_currency    ON payments (merchant_account, currency);
CREATE INDEX payments_refunded    ON payments (merchant_account) WHERE refunded > 0;
CREATE INDEX payments_unsettled   ON payments (updated_at) WHERE unsettled = 1;
CREATE INDEX payments_unapproved  ON payments (approval_expires_at) WHERE unapproved = 1;

-- The request that created a payment. It never changes, so changes need not rewrite it.
CREATE TABLE requests (
  payment BIGINT PRIMARY KEY REFERENCES payments (seq),
  body    BYTEA NOT NULL
);

CREATE TABLE metadata (
  name    TEXT NOT NULL,
  value   TEXT NOT NULL,
  payment BIGINT NOT NULL REFERENCES payments (seq),
  PRIMARY KEY (name, value, payment)
);

CREATE TABLE operations (
  payment            BIGINT NOT NULL REFERENCES payments (seq),
  position           BIGINT NOT NULL DEFAULT 0,
  id                 TEXT NOT NULL DEFAULT '',
  kind               TEXT NOT NULL DEFAULT '',
  idempotency_key    TEXT NOT NULL DEFAULT '',
  amount             BIGINT NOT NULL DEFAULT 0,
  currency           TEXT NOT NULL DEFAULT '',
  final              BIGINT NOT NULL DEFAULT 0,
  capture_ref        TEXT NOT NULL DEFAULT '',
  attempt            BIGINT NOT NULL DEFAULT 0,
  outcome            TEXT NOT NULL DEFAULT '', -- '' is in doubt
  processed          BIGINT,
  processed_currency TEXT,
  ref                TEXT NOT NULL DEFAULT '',
  code               TEXT NOT NULL DEFAULT '',
  provider           TEXT,                     -- what it said, JSON
  part_of            TEXT NOT NULL DEFAULT '', -- the first leg, for the others of a refund
  external_id        TEXT NOT NULL DEFAULT '',
  reason             TEXT NOT NULL DEFAULT '',
  release            TEXT NOT NULL DEFAULT '',
  created_at         BIGINT,
  updated_at         BIGINT,
  PRIMARY KEY (payment, position)
);

CREATE UNIQUE INDEX operations_moves ON operations (id) WHERE kind IN ('capture', 'refund');

-- Which payment a provider's capture belongs to.
CREATE TABLE captures (
  ref       TEXT NOT NULL,
  connector TEXT NOT NULL,
  payment   BIGINT NOT NULL REFERENCES payments (seq),
  PRIMARY KEY (ref, connector, payment)
);

CREATE TABLE events (
  payment  BIGINT NOT NULL REFERENCES payments (seq),
  position BIGINT NOT NULL DEFAULT 0,
  id       TEXT NOT NULL DEFAULT '',
  name     TEXT NOT NULL DEFAULT '',
  at       BIGINT NOT NULL DEFAULT 0,
  context  BYTEA,
  PRIMARY KEY (payment, position)
);

CREATE TABLE idempotency (
  seq              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_account TEXT NOT NULL,
  scope            TEXT NOT NULL,
  key              TEXT NOT NULL,
  fingerprint      TEXT NOT NULL,
  payment          TEXT NOT NULL,
  operation        TEXT NOT NULL,
  host             TEXT NOT NULL,
  status           BIGINT NOT NULL, -- 0 while there is no answer
  body             BYTEA,
  created_at       BIGINT NOT NULL,
  UNIQUE (merchant_account, scope, key)
);

CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE services (
  id               TEXT PRIMARY KEY,
  merchant_account TEXT NOT NULL,
  connector        TEXT NOT NULL,
  method           TEXT NOT NULL,
  display_name     TEXT NOT NULL,
  active           BIGINT NOT NULL,
  deleted          BIGINT NOT NULL,
  position         BIGINT NOT NULL,
  mode             TEXT NOT NULL,
  revision         BIGINT NOT NULL,
  config           TEXT, -- JSON, without secrets
  currencies       TEXT, -- JSON
  countries        TEXT, -- JSON
  webhook          TEXT, -- JSON, without secrets
  created_at       BIGINT,
  updated_at       BIGINT
);

-- Secrets of payment services, sealed with AES-256-GCM under the key with the given id.
CREATE TABLE secrets (
  service TEXT NOT NULL REFERENCES services (id),
  field   TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  sealed  BYTEA NOT NULL,
  PRIMARY KEY (service, field)
);

CREATE TABLE api_keys (
  id                TEXT PRIMARY KEY,
  public_key        BYTEA,
  display_name      TEXT NOT NULL,
  scopes            TEXT, -- JSON
  merchant_accounts TEXT, -- JSON
  active            BIGINT NOT NULL,
  created_at        BIGINT
);

CREATE TABLE journal (
  id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  connector TEXT NOT NULL,
  at        BIGINT NOT NULL,
  name      TEXT NOT NULL,
  context   BYTEA
);

CREATE INDEX journal_connector ON journal (connector);

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- The last transaction of each host that writes here, by which a host whose connection
-- was lost during a COMMIT finds out what became of it.
CREATE TABLE commits (
  host   TEXT PRIMARY KEY, -- one run of one host
  number BIGINT NOT NULL,
  at     BIGINT NOT NULL
);
