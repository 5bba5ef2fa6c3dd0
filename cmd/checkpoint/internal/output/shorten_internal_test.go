package output

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	for _, s := range []string{"orders", strings.Repeat("0123456789", 9), "注文/請求書/欧州/北部/第一/二号", "a注文b請c求書d", strings.Repeat("é", 50), strings.Repeat("👩‍👩‍👧", 30)} {
		for width := 1; width < 60; width++ {
			got := shorten(s, width)
			if widthOf(got) > width || widthOf(s) <= width && got != s || widthOf(s) > width && !strings.Contains(got, "…") {
				t.Errorf("%q in %d columns is %q, which takes %d", s, width, got, widthOf(got))
			}
		}
	}
}
