package sqlitestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
)

func init() { roles["overtaken"] = closeLate }

// closeLate loses the shared memory of its store, and closes the store when it
// is told to.
func closeLate(ctx context.Context, store *checkpoint.Store, _ uint64) error {
	path := os.Getenv(envPath)
	if err := store.Set(ctx, "first", checkpoint.Position{Commit: 1}); err != nil {
		return err
	}
	if err := os.Remove(path + "-shm"); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		if _, err := os.Stat(path + "-close"); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if store.Close() == nil {
		return errors.New("Close says nothing of a process that came after this one")
	}
	return nil
}

// TestCloseLeavesTheLogOfOthers: the last connection that is closed removes the
// log. Where the shared memory was lost it may hold what others wrote since.
func TestCloseLeavesTheLogOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	late, out := startChild(t, "overtaken", path, 0)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(openAt(t, path), nil)
	if err := store.Set(t.Context(), "second", checkpoint.Position{Commit: 2}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path+"-close", "now")
	if err := late.Wait(); err != nil {
		t.Error(err)
	}
	store = checkpoint.New(openAt(t, path), nil)
	for key, want := range map[string]uint64{"first": 1, "second": 2} {
		if cp, err := store.Get(t.Context(), key); err != nil || cp.Position.Commit != want {
			t.Errorf("Get %s, which was acknowledged: %v, %v", key, cp.Position, err)
		}
	}
	checkIntegrity(t, path)
}
