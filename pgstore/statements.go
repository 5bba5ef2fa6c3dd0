package pgstore

import "strings"

// statements are the texts of all statements, for one schema. $1 is the namespace in
// each. All statements lock fences before checkpoints, and rows in the order of their
// keys, so that no two transactions wait for each other.
type statements struct {
	schema      string
	schemaTable string // quoted

	begin, limit                                                   string
	commit, clock, replica                                         string
	lockFences, lockCheckpoints, countFences                       string
	deleteCheckpoints, updateCheckpoints, insertCheckpoints        string
	deleteFences, updateFences, insertFences                       string
	usualOne, usualOneFenced, usual, usualFenced                   string
	getOne, get, firstPage, nextPage, cells, firstCells, nextCells string
	expired                                                        string
	insertSamples, trimSamples, deleteSamples, samples             string
	adoptAudit, adoptSamples                                       string
	agedSamples                                                    string
	report, endReport, notices, reports, endedReports              string
	insertAudit, trimAudit, deleteAudit, agedAudit, history        string
}

// Times are read as whole milliseconds: a text would depend on the session's settings,
// and this one says 'Infinity'.
const (
	checkpointColumns = "c.key, c.commit_position::text, c.prepare_position::text," +
		" round(extract(epoch FROM c.updated_at) * 1000)::text, round(extract(epoch FROM c.expires_at) * 1000)::text," +
		" c.epoch::text, c.log_id"
	fenceColumns = "f.key, f.epoch::text, round(extract(epoch FROM f.raised_at) * 1000)::text," +
		" f.lease_owner, f.lease_epoch::text, f.lease_ttl_ms::text, round(extract(epoch FROM f.lease_expires_at) * 1000)::text"
	now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text"

	// The parameters of a change to checkpoints, and of one to fences.
	checkpointList = "unnest($2::text[], $3::numeric[], $4::numeric[], $5::timestamptz[], $6::timestamptz[], $7::numeric[], $8::text[])" +
		" AS w (key, commit_position, prepare_position, updated_at, expires_at, epoch, log_id)"
	fenceList = "unnest($2::text[], $3::numeric[], $4::timestamptz[], $5::text[], $6::numeric[], $7::bigint[], $8::timestamptz[], $9::boolean[])" +
		" AS w (key, epoch, raised_at, lease_owner, lease_epoch, lease_ttl_ms, lease_expires_at, lease)"
	maxNumber = "18446744073709551615"
)

func newStatements(schema string) *statements {
	s := &statements{schema: schema, schemaTable: quote(schema) + ".checkpoint_schema"}
	in := strings.NewReplacer("{checkpoints}", quote(schema)+".checkpoints", "{fences}", quote(schema)+".checkpoint_fences",
		"{audit}", quote(schema)+".checkpoint_audit", "{samples}", quote(schema)+".checkpoint_samples",
		"{reports}", quote(schema)+".checkpoint_reports",
		"{schema}", s.schemaTable, "{now}", now, "{max}", maxNumber).Replace
	s.begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
	// A process that was stopped or cut off between two statements would otherwise keep its
	// locks until the server notices, after hours.
	s.limit = "SELECT set_config('idle_in_transaction_session_timeout', '5s', true)" +
		" WHERE current_setting('idle_in_transaction_session_timeout')::interval NOT BETWEEN '1ms' AND '5s'"
	s.commit = "COMMIT"
	s.clock = in("SELECT {now}, version::text FROM {schema}")
	s.changes(in)
	s.usualChanges(in)
	s.reads(in)
	s.audits(in)
	s.keepSamples(in)
	s.keepReports(in)
	return s
}

func (s *statements) audits(in func(string) string) {
	const columns = "at, op, actor, reason, old_commit, old_prepare, new_commit, new_prepare, old_epoch, new_epoch"
	const insert = "INSERT INTO {audit} (namespace, key, " + columns + ") SELECT $1, w.key, " + columns +
		" FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::numeric[], $8::numeric[]," +
		" $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[]) WITH ORDINALITY AS w (key, " + columns + ", i)"
	s.insertAudit = in(insert + " ORDER BY i")
	s.adoptAudit = in(insert + " WHERE NOT EXISTS (SELECT FROM {audit} a WHERE a.namespace = $1 AND a.key = w.key) ORDER BY i")
	// Without MATERIALIZED, the planner may look for the last superfluous entry once for each row.
	s.trimAudit = in("WITH w AS MATERIALIZED (SELECT key, (SELECT n FROM {audit} WHERE namespace = $1 AND key = w.key" +
		" ORDER BY n DESC LIMIT 1 OFFSET $3::int) AS n FROM (SELECT DISTINCT key FROM unnest($2::text[]) AS w (key)) w)" +
		" DELETE FROM {audit} a USING w WHERE a.namespace = $1 AND a.key = w.key AND a.n <= w.n")
	s.deleteAudit = in("DELETE FROM {audit} WHERE namespace = $1 AND key = ANY ($2::text[])")
	// It runs alone, so that now is the clock's time. No index serves clock_timestamp.
	s.agedAudit = in("DELETE FROM {audit} a USING (SELECT key, n FROM {audit} WHERE namespace = $1 AND at < now() - $2::interval" +
		" ORDER BY at LIMIT $3::int) w WHERE a.namespace = $1 AND a.key = w.key AND a.n = w.n")
	s.history = in("SELECT round(extract(epoch FROM at) * 1000)::text, op, actor, reason, old_commit::text, old_prepare::text," +
		" new_commit::text, new_prepare::text, old_epoch::text, new_epoch::text" +
		" FROM {audit} WHERE namespace = $1 AND key = $2::text ORDER BY n DESC LIMIT $3::int")
}

func (s *statements) changes(in func(string) string) {
	s.lockFences = in("SELECT " + fenceColumns + " FROM {fences} f WHERE namespace = $1 AND key = ANY ($2::text[]) ORDER BY key FOR UPDATE")
	s.lockCheckpoints = in("SELECT " + checkpointColumns + " FROM {checkpoints} c WHERE namespace = $1 AND key = ANY ($2::text[]) ORDER BY key FOR UPDATE")
	s.countFences = in("SELECT count(*)::text FROM {fences} WHERE namespace = $1 AND key = ANY ($2::text[])")
	s.deleteCheckpoints = in("DELETE FROM {checkpoints} WHERE namespace = $1 AND key = ANY ($2::text[])")
	s.deleteFences = in("DELETE FROM {fences} WHERE namespace = $1 AND key = ANY ($2::text[])")
	// A touch leaves a damaged time as it is.
	s.updateCheckpoints = in("UPDATE {checkpoints} c SET commit_position = w.commit_position, prepare_position = w.prepare_position," +
		" updated_at = coalesce(w.updated_at, c.updated_at), expires_at = w.expires_at, epoch = w.epoch, log_id = w.log_id" +
		" FROM " + checkpointList + " WHERE c.namespace = $1 AND c.key = w.key")
	s.insertCheckpoints = in("INSERT INTO {checkpoints} (namespace, key, commit_position, prepare_position, updated_at, expires_at, epoch, log_id)" +
		" SELECT $1, w.* FROM " + checkpointList + " ON CONFLICT DO NOTHING")
	// A damaged epoch stays if only the lease changes, and a damaged lease if only the
	// fence changes.
	s.updateFences = in("UPDATE {fences} f SET epoch = coalesce(w.epoch, f.epoch), raised_at = CASE WHEN w.epoch IS NULL THEN f.raised_at ELSE w.raised_at END," +
		" lease_owner = CASE WHEN w.lease THEN w.lease_owner ELSE f.lease_owner END," +
		" lease_epoch = CASE WHEN w.lease THEN w.lease_epoch ELSE f.lease_epoch END," +
		" lease_ttl_ms = CASE WHEN w.lease THEN w.lease_ttl_ms ELSE f.lease_ttl_ms END," +
		" lease_expires_at = CASE WHEN w.lease THEN w.lease_expires_at ELSE f.lease_expires_at END" +
		" FROM " + fenceList + " WHERE f.namespace = $1 AND f.key = w.key")
	s.insertFences = in("INSERT INTO {fences} (namespace, key, epoch, raised_at, lease_owner, lease_epoch, lease_ttl_ms, lease_expires_at)" +
		" SELECT $1, w.key, w.epoch, w.raised_at, w.lease_owner, w.lease_epoch, w.lease_ttl_ms, w.lease_expires_at" +
		" FROM " + fenceList + " ON CONFLICT DO NOTHING")
}

func (s *statements) usualChanges(in func(string) string) {
	const (
		set = " SET commit_position = w.commit_position, prepare_position = w.prepare_position, updated_at = w.updated_at," +
			" epoch = w.epoch, log_id = CASE WHEN w.log_id = '' THEN c.log_id ELSE w.log_id END"
		// Whatever package cell would decide in another way than to advance stays as it is. So
		// does a checkpoint that leaves a sample.
		newer = " (c.commit_position, c.prepare_position) < (w.commit_position, w.prepare_position)" +
			" AND c.commit_position >= 0 AND c.prepare_position BETWEEN 0 AND {max}" +
			" AND c.epoch BETWEEN 0 AND {max} AND c.expires_at IS NULL AND c.log_id IS NOT NULL" +
			" AND c.updated_at >= $7::timestamptz"
		newerEpoch = newer + " AND c.epoch <= w.epoch"

		update = "UPDATE {checkpoints} AS c" + set + " FROM (SELECT"
		one    = " $3::numeric AS commit_position, $4::numeric AS prepare_position, $5::timestamptz AS updated_at, $6::text AS log_id"
		where  = ") w WHERE c.namespace = $1 AND c.key = $2 AND"

		list = " w AS MATERIALIZED (SELECT * FROM unnest($2::text[], $3::numeric[], $4::numeric[], $5::timestamptz[], $6::text[]"
		into = " INSERT INTO {checkpoints} AS c (namespace, key, commit_position, prepare_position, updated_at, epoch, log_id)"
	)
	// An INSERT ... ON CONFLICT would lock the row, and log the lock, before it updates the
	// row. So a single write is an UPDATE, and the first write of a key takes the longer way.
	s.usualOne = in(update + one + ", 0::numeric AS epoch" + where + newer)
	s.usualOneFenced = in(update + one + ", f.epoch FROM {fences} f WHERE f.namespace = $1 AND f.key = $2 AND f.epoch = $8::numeric FOR UPDATE" +
		where + newerEpoch)
	// An UPDATE would take the rows of a list in any order, and two lists would wait for
	// each other.
	upsert := func(condition string) string {
		return " ON CONFLICT (namespace, key) DO UPDATE" + strings.ReplaceAll(set+" WHERE"+condition, "w.", "excluded.") + " RETURNING c.key"
	}
	// The order is that of the list, which the planner cannot take from an index. So all
	// rows are sorted, and all fences locked, before the first checkpoint is.
	s.usual = in("WITH" + list + ") WITH ORDINALITY AS w (key, commit_position, prepare_position, updated_at, log_id, n))" +
		into + " SELECT $1, key, commit_position, prepare_position, updated_at, 0, log_id FROM w ORDER BY n" + upsert(newer))
	s.usualFenced = in("WITH" + list + ", $8::numeric[]) WITH ORDINALITY AS w (key, commit_position, prepare_position, updated_at, log_id, epoch, n))," +
		" f AS MATERIALIZED (SELECT f.key, f.epoch FROM {fences} f JOIN w ON f.namespace = $1 AND f.key = w.key ORDER BY w.n FOR UPDATE OF f)" +
		into + " SELECT $1, w.key, commit_position, prepare_position, updated_at, w.epoch, log_id" +
		" FROM w JOIN f ON f.key = w.key AND f.epoch = w.epoch ORDER BY n" + upsert(newerEpoch))
}

func (s *statements) reads(in func(string) string) {
	const inPage = " ORDER BY key LIMIT $3::int"
	// Only a checkpoint with an expiry needs the time.
	const columns = checkpointColumns + ", CASE WHEN c.expires_at IS NOT NULL THEN {now} END"
	record := "SELECT " + columns + " FROM {checkpoints} c WHERE namespace = $1"
	s.replica = in(sqlReplica + " FROM {schema}")
	// There is a row even if there is no checkpoint, so that a replica always says that it is one.
	get := "SELECT s.replica, " + columns + " FROM (" + sqlReplica + " AS replica FROM {schema}) s LEFT JOIN {checkpoints} c ON c.namespace = $1 AND c.key = "
	// For a list of any length the planner takes a small table as a whole.
	s.getOne, s.get = in(get+"$2::text"), in(get+"ANY ($2::text[])")
	s.firstPage = in(record + " AND key >= $2::text" + inPage)
	s.nextPage = in(record + " AND key > $2::text" + inPage)
	cells := "SELECT k.key, " + strings.TrimPrefix(checkpointColumns, "c.key, ") + ", c.key IS NOT NULL, " +
		strings.TrimPrefix(fenceColumns, "f.key, ") + ", f.key IS NOT NULL, {now}" +
		" FROM k LEFT JOIN {checkpoints} c ON c.namespace = $1 AND c.key = k.key" +
		" LEFT JOIN {fences} f ON f.namespace = $1 AND f.key = k.key ORDER BY k.key"
	page := func(compare string) string {
		from := func(table string) string {
			return "(SELECT key FROM " + table + " WHERE namespace = $1 AND key " + compare + " $2::text" + inPage + ")"
		}
		return in("WITH k AS (" + from("{checkpoints}") + " UNION " + from("{fences}") + inPage + ") " + cells)
	}
	s.cells = in("WITH k AS (SELECT DISTINCT key FROM unnest($2::text[]) AS k (key)) " + cells)
	s.firstCells, s.nextCells = page(">="), page(">")
	// Rows that somebody has locked are left to the next purge: this one waits for nobody.
	s.expired = in("WITH page AS (SELECT key FROM {checkpoints} WHERE namespace = $1 AND key > $2::text" + inPage + ")," +
		" gone AS (SELECT c.key FROM {checkpoints} c JOIN page ON c.namespace = $1 AND c.key = page.key" +
		" WHERE c.expires_at <= clock_timestamp() AND c.expires_at > '0001-01-01Z' FOR UPDATE OF c SKIP LOCKED)," +
		" deleted AS (DELETE FROM {checkpoints} c USING gone WHERE c.namespace = $1 AND c.key = gone.key RETURNING 1)" +
		" SELECT (SELECT count(*) FROM page)::text, (SELECT count(*) FROM deleted)::text, (SELECT max(key) FROM page)")
}
