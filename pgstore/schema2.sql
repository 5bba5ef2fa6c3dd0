-- One row for each change by hand, or of ownership: the latest 256 of a key.
CREATE TABLE {schema}.checkpoint_audit (
    namespace   text COLLATE "C"         NOT NULL,
    key         text COLLATE "C"         NOT NULL,
    n           bigint GENERATED ALWAYS AS IDENTITY,
    at          {schema}.checkpoint_time NOT NULL,
    op          text                     NOT NULL,
    actor       text                     NOT NULL,
    reason      text                     NOT NULL,
    old_commit  {schema}.checkpoint_number, -- NULL: there was no checkpoint, or it was damaged
    old_prepare {schema}.checkpoint_number,
    new_commit  {schema}.checkpoint_number,
    new_prepare {schema}.checkpoint_number,
    old_epoch   {schema}.checkpoint_number NOT NULL,
    new_epoch   {schema}.checkpoint_number NOT NULL,
    PRIMARY KEY (namespace, key, n)
);
CREATE INDEX checkpoint_audit_by_time ON {schema}.checkpoint_audit (namespace, at);

-- Where a key stood at a time: the latest 288, and the last of each hour before.
CREATE TABLE {schema}.checkpoint_samples (
    namespace        text COLLATE "C"           NOT NULL,
    key              text COLLATE "C"           NOT NULL,
    at               {schema}.checkpoint_time   NOT NULL,
    commit_position  {schema}.checkpoint_number NOT NULL,
    prepare_position {schema}.checkpoint_number NOT NULL,
    hourly           boolean                    NOT NULL,
    PRIMARY KEY (namespace, key, at)
);

-- What each instance says of itself. The report without an instance is the notice.
CREATE TABLE {schema}.checkpoint_reports (
    namespace  text COLLATE "C"         NOT NULL,
    key        text COLLATE "C"         NOT NULL,
    instance   text COLLATE "C"         NOT NULL,
    at         {schema}.checkpoint_time NOT NULL,
    expires_at {schema}.checkpoint_time, -- NULL: never
    report     text                     NOT NULL,
    PRIMARY KEY (namespace, key, instance)
) WITH (fillfactor = 50);

UPDATE {schema}.checkpoint_schema SET version = 2;
