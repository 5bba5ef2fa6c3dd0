package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// makeUntilKilled makes one file after another.
func makeUntilKilled(ctx context.Context, _ *checkpoint.Store, _ uint64) error {
	for n := 0; ; n++ {
		d, err := sqlitestore.Open(ctx, fmt.Sprintf("%s-%d.db", os.Getenv(envPath), n), nil)
		if err != nil {
			return err
		}
		if err := d.Close(); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKilledWhileMakingFiles: a file that is there is a whole one.
func TestKilledWhileMakingFiles(t *testing.T) {
	dir, made := t.TempDir(), 0
	for round := range 20 {
		cmd, out := startChild(t, "make", filepath.Join(dir, fmt.Sprint(round)), 0)
		bufio.NewScanner(out).Scan() // the first is made
		time.Sleep(time.Duration(round) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".db") {
			continue
		}
		made++
		path := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s is empty: %v", entry.Name(), err)
		}
		openAt(t, path).Close()
	}
	if made < 20 {
		t.Errorf("only %d files were made", made)
	}
}

// TestMakerThatCrashedBetweenTwoNames: the name under which a file was made is no
// second name.
func TestMakerThatCrashedBetweenTwoNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	draft := path + "-new-ABC"
	if err := os.Link(path, draft); err != nil {
		t.Skip(err)
	}
	openAt(t, path)
	if _, err := os.Stat(draft); err == nil {
		t.Error("the other name is left")
	}
}
