package engine

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// checkSQLite looks at where the file lies before it opens the file: the driver refuses
// some files.
func checkSQLite(ctx context.Context, rawURL string, r *doctor.Report) (doctor.Opened, error) {
	path, err := File(rawURL)
	if err != nil {
		return doctor.Opened{}, err
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		lookAtDisk(r, filepath.Dir(resolved), sizeOf(resolved)+sizeOf(resolved+"-wal"))
		lookAtMode(r, resolved)
		lookAtWAL(r, sizeOf(resolved+"-wal"))
	}
	d, err := openSQLite(ctx, rawURL, false, nil)
	if err != nil {
		return doctor.Opened{}, err
	}
	r.OK("names", "the file has one name, and is not mounted without its folder")
	r.OK("journal", "the file is in WAL mode, and the store syncs each commit (synchronous=FULL)")
	return doctor.Opened{
		Driver: d,
		Slow:   func(ctx context.Context, r *doctor.Report) { checkIntegrity(ctx, r, path) },
		Close:  d.Close,
	}, nil
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// lookAtMode reports who else may change the files. Whether this user may, the driver
// checks.
func lookAtMode(r *doctor.Report, path string) {
	const others = 0o002
	for _, name := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(name)
		if err != nil {
			r.Unknown("permissions", err, "run the command as the user of the consumers")
			return
		}
		if info.Mode()&others != 0 && info.Mode()&os.ModeSticky == 0 {
			r.Warn("permissions", fmt.Sprintf("every user of this machine may change %s (mode %v)", name, info.Mode()), "`chmod o-w` it")
			return
		}
	}
	r.OK("permissions", "only the owner and the group of the file and its folder may change them")
}

// largeWAL is far more than SQLite needs before it moves the WAL into the file, which is 4
// MiB.
const largeWAL = 32 << 20

func lookAtWAL(r *doctor.Report, size int64) {
	if size <= largeWAL {
		r.OK("wal", "the WAL has %s", doctor.Bytes(size))
		return
	}
	r.Warn("wal", fmt.Sprintf("the WAL has %s: a process that reads for long, or stands still, keeps SQLite from moving it into the file", doctor.Bytes(size)),
		"end that process; the WAL goes when the last process closes the store")
}

// checkIntegrity reads the whole file. It opens the file through SQLite: if this process
// opened and closed it, the process would lose its locks on it.
func checkIntegrity(ctx context.Context, r *doctor.Report, path string) {
	const check, remedy = "integrity", "end every process that uses the file; keep what can still be read, which may be newer than a copy: " +
		"`checkpoint export`; move the file away with its -wal, its -shm and its -journal; then restore a copy: `checkpoint restore`"
	problems, err := quickCheck(ctx, path)
	switch {
	case err != nil && ctx.Err() != nil:
		r.Unknown(check, context.Cause(ctx), "")
	case err != nil:
		r.Fail(check, "SQLite cannot read the file: "+err.Error(), remedy)
	case len(problems) != 1 || problems[0] != "ok":
		r.Fail(check, "the file is damaged: "+strings.Join(problems, ", "), remedy)
	default:
		r.OK(check, "SQLite's quick_check finds no damage")
	}
}

func quickCheck(ctx context.Context, path string) (problems []string, err error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(absolute)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive
	}
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: slashed}).EscapedPath()+"?mode=rw&_pragma=query_only(1)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "PRAGMA quick_check(5)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var problem string
		if err := rows.Scan(&problem); err != nil {
			return nil, err
		}
		problems = append(problems, problem)
	}
	return problems, rows.Err()
}
