package demo

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// workers is how many events an instance handles at the same time.
const workers = 8

// A consumer counts the pieces that the log sold of each product. It keeps its
// position at key: a plain one by an unconditional Set, the other by a
// subscription. A shared one has a position for each of its partitions, at keys below
// key.
type consumer struct {
	key    string
	plain  bool
	shared bool
}

var (
	plain = consumer{key: "demo/plain", plain: true}
	ours  = consumer{key: "demo/stock"}
	many  = consumer{key: "demo/fleet", shared: true}
)

// instance names the nth instance.
func (c consumer) instance(n int) string { return fmt.Sprintf("%s-%d", path.Base(c.key), n) }

// effect is what an event does.
func (e Event) effect() Effect { return Effect{e.Position, e.Product, e.Quantity} }

func logPath(dir string) string { return filepath.Join(dir, "demo-orders.log") }

// logPath is the file of the log that c consumes.
func (c consumer) logPath(dir string) string {
	if c.shared {
		return filepath.Join(dir, "demo-fleet.log")
	}
	return logPath(dir)
}

// effectsPath is the file of the effects of one instance. Each instance has its own file,
// so that none writes behind a line that a crash cut off.
func effectsPath(dir, owner string) string { return filepath.Join(dir, "demo-"+owner+".effects") }

// effectsPaths returns the files of all instances of a consumer.
func (c consumer) effectsPaths(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "demo-"+path.Base(c.key)+"-") && strings.HasSuffix(e.Name(), ".effects") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}
