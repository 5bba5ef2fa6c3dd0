CREATE TABLE checkpoints (
  key              TEXT NOT NULL PRIMARY KEY,
  commit_position  TEXT NOT NULL CHECK (length(commit_position) = 20 AND commit_position NOT GLOB '*[^0-9]*'),
  prepare_position TEXT NOT NULL CHECK (length(prepare_position) = 20 AND prepare_position NOT GLOB '*[^0-9]*'),
  -- ISO 8601, UTC, milliseconds
  updated_at       TEXT NOT NULL CHECK (updated_at GLOB '????-??-??T??:??:??.???Z'),
  -- likewise; NULL: never
  expires_at       TEXT CHECK (expires_at GLOB '????-??-??T??:??:??.???Z'),
  -- of the write that left it here; NULL: not fenced
  epoch            TEXT CHECK (length(epoch) = 20 AND epoch NOT GLOB '*[^0-9]*')
) STRICT, WITHOUT ROWID;

CREATE INDEX checkpoints_by_expiry ON checkpoints (expires_at) WHERE expires_at IS NOT NULL;

-- The highest epoch ever seen for a key. It outlives the checkpoint.
CREATE TABLE fences (
  key   TEXT NOT NULL PRIMARY KEY,
  epoch TEXT NOT NULL CHECK (length(epoch) = 20 AND epoch NOT GLOB '*[^0-9]*')
) STRICT, WITHOUT ROWID;

-- The lease that was last granted for a key. It is void where its epoch is not
-- the key's fence. It outlives the checkpoint, and its own end.
CREATE TABLE leases (
  key        TEXT NOT NULL PRIMARY KEY,
  owner      TEXT NOT NULL,
  epoch      TEXT NOT NULL CHECK (length(epoch) = 20 AND epoch NOT GLOB '*[^0-9]*'),
  expires_at TEXT NOT NULL CHECK (expires_at GLOB '????-??-??T??:??:??.???Z')
) STRICT, WITHOUT ROWID;
