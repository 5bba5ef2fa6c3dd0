-- One row for each checkpoint.
CREATE TABLE {schema}.checkpoints (
    namespace        text COLLATE "C" NOT NULL,
    key              text COLLATE "C" NOT NULL,
    commit_position  numeric(20)      NOT NULL CHECK (commit_position BETWEEN 0 AND 18446744073709551615),
    prepare_position numeric(20)      NOT NULL CHECK (prepare_position BETWEEN 0 AND 18446744073709551615),
    updated_at       timestamptz(3)   NOT NULL CHECK (updated_at >= '0001-01-01Z' AND updated_at < '10000-01-01Z'),
    expires_at       timestamptz(3)   CHECK (isfinite(expires_at)),
    epoch            numeric(20)      NOT NULL DEFAULT 0 CHECK (epoch BETWEEN 0 AND 18446744073709551615),
    log_id           text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (namespace, key)
) WITH (fillfactor = 50);

-- One row for each key that has seen an epoch: the fence, and the lease if there is one.
CREATE TABLE {schema}.checkpoint_fences (
    namespace        text COLLATE "C" NOT NULL,
    key              text COLLATE "C" NOT NULL,
    epoch            numeric(20)      NOT NULL CHECK (epoch BETWEEN 1 AND 18446744073709551615),
    raised_at        timestamptz(3)   CHECK (isfinite(raised_at)),
    lease_owner      text             CHECK (lease_owner <> ''),
    lease_epoch      numeric(20)      CHECK (lease_epoch BETWEEN 1 AND 18446744073709551615),
    lease_ttl_ms     bigint           CHECK (lease_ttl_ms >= 0),
    lease_expires_at timestamptz(3)   CHECK (isfinite(lease_expires_at)),
    PRIMARY KEY (namespace, key),
    CHECK (num_nulls(lease_owner, lease_epoch, lease_ttl_ms, lease_expires_at) IN (0, 4))
) WITH (fillfactor = 50);

CREATE TABLE {schema}.checkpoint_schema (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL
);
INSERT INTO {schema}.checkpoint_schema (version) VALUES (1);
