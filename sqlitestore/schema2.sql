-- identifies the log that the position is in; NULL: no write has said
ALTER TABLE checkpoints ADD COLUMN log_id TEXT;
