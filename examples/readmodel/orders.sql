CREATE TABLE orders (
	xid      xid8   NOT NULL DEFAULT pg_current_xact_id(),
	id       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	customer text   NOT NULL,
	cents    bigint NOT NULL,
	PRIMARY KEY (xid, id)
);
