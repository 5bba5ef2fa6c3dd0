package web_test

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// TestChartOfAnImport: the key did not stand at the imported position at the time of the line.
func TestChartOfAnImport(t *testing.T) {
	s := newScene(t, nil)
	s.set("k", 100)
	line := time.Now().Add(-time.Hour)
	ctx := driver.WithBy(t.Context(), driver.By{Op: "import"})
	s.do(s.store.Set(ctx, "k", at(9_000), checkpoint.UpdatedAt(line)))
	page := s.see("/consumer?key=k")
	s.holds(page, `from 100 to 9000`, `<figcaption class="axis"><span title="`)
	s.lacks(page, `<figcaption class="axis"><span title="`+line.UTC().Format(driver.TimeLayout))
}
