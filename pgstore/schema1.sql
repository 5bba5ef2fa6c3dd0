-- Domains in place of CHECKs of the table: PostgreSQL keeps them ready, and would read
-- the CHECKs anew for each statement.
CREATE DOMAIN {schema}.checkpoint_number AS numeric(20) CHECK (VALUE BETWEEN 0 AND 18446744073709551615);
CREATE DOMAIN {schema}.checkpoint_time AS timestamptz(3) CHECK (VALUE >= '0001-01-01Z' AND VALUE < '10000-01-01Z');

-- One row for each checkpoint.
CREATE TABLE {schema}.checkpoints (
    namespace        text COLLATE "C"           NOT NULL,
    key              text COLLATE "C"           NOT NULL,
    commit_position  {schema}.checkpoint_number NOT NULL,
    prepare_position {schema}.checkpoint_number NOT NULL,
    updated_at       {schema}.checkpoint_time   NOT NULL,
    expires_at       {schema}.checkpoint_time,
    epoch            {schema}.checkpoint_number NOT NULL DEFAULT 0,
    log_id           text COLLATE "C"           NOT NULL DEFAULT '',
    PRIMARY KEY (namespace, key)
) WITH (fillfactor = 50);

-- One row for each key that has seen an epoch: the fence, and the lease if there is one.
CREATE TABLE {schema}.checkpoint_fences (
    namespace        text COLLATE "C"           NOT NULL,
    key              text COLLATE "C"           NOT NULL,
    epoch            {schema}.checkpoint_number NOT NULL CHECK (epoch > 0),
    raised_at        {schema}.checkpoint_time,
    lease_owner      text                       CHECK (lease_owner <> ''),
    lease_epoch      {schema}.checkpoint_number CHECK (lease_epoch > 0),
    lease_ttl_ms     bigint                     CHECK (lease_ttl_ms >= 0),
    lease_expires_at {schema}.checkpoint_time,
    PRIMARY KEY (namespace, key),
    CHECK (num_nulls(lease_owner, lease_epoch, lease_ttl_ms, lease_expires_at) IN (0, 4))
) WITH (fillfactor = 50);

CREATE TABLE {schema}.checkpoint_schema (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL
);
INSERT INTO {schema}.checkpoint_schema (version) VALUES (1);
