CREATE TABLE outbox (
	xid  xid8   NOT NULL DEFAULT pg_current_xact_id(),
	id   bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	body text   NOT NULL,
	PRIMARY KEY (xid, id)
);
