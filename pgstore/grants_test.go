package pgstore_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// grants returns the statements of docs/postgres.md for a role, one for each permission
// on a schema.
func grants(role, schema string) []string {
	text, err := os.ReadFile("../docs/postgres.md")
	if err != nil {
		panic(err)
	}
	var statements []string
	for line := range strings.Lines(string(text)) {
		permissions, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimSpace(line), "TO app;"), "GRANT ")
		if !ok {
			continue
		}
		permissions, on, _ := strings.Cut(permissions, " ON ")
		on = strings.Replace(on, "checkpoint", pgx.Identifier{schema}.Sanitize(), 1)
		for permission := range strings.SplitSeq(permissions, ", ") {
			statements = append(statements, "GRANT "+permission+" ON "+on+"TO "+role)
		}
	}
	return statements
}

func TestConformanceUnderTheDocumentedGrants(t *testing.T) {
	server := pgtest.Start(t, "max_connections=300")
	server.SQL("postgres", "CREATE ROLE limited LOGIN")
	storetest.Run(t, harness(server, asRole(server.URL("postgres"), "limited")))
}

// Each permission is needed, and without it the error says so.
func TestEachPermissionIsNeeded(t *testing.T) {
	database := newDatabase(t)
	all := grants("one_less", "checkpoint")
	if len(all) != 21 {
		t.Fatalf("docs/postgres.md lists %q", all)
	}
	role(t, database, "one_less", "LOGIN")
	owner := open(t, database, nil)
	for missing := range all {
		execute(t, database, "DROP OWNED BY one_less")
		for i, grant := range all {
			if i != missing {
				execute(t, database, grant)
			}
		}
		put(t, owner, "late", uint64(missing+1))
		if _, err := owner.RaiseFence(t.Context(), "idle", 1); err != nil {
			t.Fatal(err)
		}
		d, err := pgstore.New(newPool(t, asRole(database, "one_less")), nil)
		if err != nil {
			t.Fatal(err)
		}
		errs := map[string]error{"SetIfNewer of another key": write(t.Context(), d, ifNewer("new", uint64(missing+1))).Err}
		_, errs["ReleaseFences"] = d.ReleaseFences(t.Context(), []string{"idle"}, 0)
		maps.Copy(errs, calls(t, d))
		maps.Copy(errs, traces(t, d))
		lacks := 0
		for name, err := range errs {
			if strings.Contains(driver.Hint(err), "docs/postgres.md") {
				lacks++
			} else if err != nil && !errors.Is(err, driver.ErrNotFound) {
				t.Errorf("without %q %s: %v", all[missing], name, err)
			}
		}
		if lacks == 0 {
			t.Errorf("without %q nothing fails", all[missing])
		}
		execute(t, database, "DELETE FROM checkpoint.checkpoint_fences")
		d.Close()
	}
}

// traces keeps so many samples that superfluous ones are removed, and stores and removes a
// report.
func traces(t *testing.T, d *pgstore.Driver) map[string]error {
	t.Helper()
	errs := map[string]error{}
	for i := range uint64(300) {
		w := ifNewer("sampled", i+1)
		w.UpdatedAt = time.Now().UTC().Add(time.Duration(i) * time.Minute).Truncate(time.Millisecond) //nolint:gosec // small
		w.SampleBefore = w.UpdatedAt
		if err := write(t.Context(), d, w).Err; err != nil {
			errs["a write that keeps a sample"] = err
			break
		}
	}
	_, errs["Samples"] = d.Samples(t.Context(), "sampled")
	for _, text := range []string{"text", ""} {
		_, err := d.Report(t.Context(), []driver.Report{{Key: "k", Instance: "a", Text: text}})
		errs["Report"] = errors.Join(errs["Report"], err)
	}
	_, errs["Reports"] = d.Reports(t.Context(), []string{"k"})
	return errs
}

func passwordsOnly(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "hba") //nolint:usetesting // a TempDir is closed to the server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	file := filepath.Join(folder, "pg_hba.conf")
	if err := os.WriteFile(file, []byte("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}
