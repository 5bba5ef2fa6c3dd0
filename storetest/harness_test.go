package storetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/storetest"
)

func TestCasesAreDistinctAndSayTheirRule(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range storetest.Cases() {
		if seen[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		seen[c.Name] = true
		if !strings.HasSuffix(c.Rule, ".") {
			t.Errorf("the rule of %s is no sentence: %q", c.Name, c.Rule)
		}
	}
}

func TestMissingHarnessFunctionSaysWhatToSupply(t *testing.T) {
	for _, tc := range []struct {
		field, name string
		remove      func(*storetest.Harness)
	}{
		{"Harness.Open", "get/missing", func(h *storetest.Harness) { h.Open = nil }},
		{"Harness.Reopen", "shared/fence", func(h *storetest.Harness) { h.Reopen = nil }},
		{"Harness.Damage", "damage/get", func(h *storetest.Harness) { h.Damage = nil }},
		{"Harness.DamageFence", "damaged-fence/leases", func(h *storetest.Harness) { h.DamageFence = nil }},
		{"Harness.DamageLease", "damaged-lease/renewed", func(h *storetest.Harness) { h.DamageLease = nil }},
		{"Harness.Outage", "outage/every-method", func(h *storetest.Harness) { h.Outage = nil }},
	} {
		cases := storetest.Cases()
		i := slices.IndexFunc(cases, func(c storetest.Case) bool { return c.Name == tc.name })
		h := harness(func(*faulty) {})
		tc.remove(&h)
		r := observe(t, cases[i], h)
		if !r.Failed() || !strings.Contains(r.output(), tc.field+" is nil: supply") {
			t.Errorf("%s without %s: failed %v, and said:\n%s", tc.name, tc.field, r.Failed(), r.output())
		}
	}
}
