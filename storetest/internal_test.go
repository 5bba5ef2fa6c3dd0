package storetest

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestExceptions(t *testing.T) {
	for _, tc := range []struct {
		name   string
		except map[string]string
		wrong  []string
	}{
		{"none", nil, nil},
		{"with a reason", map[string]string{"damage/get": "this engine stores nothing that can be damaged"}, nil},
		{"unknown", map[string]string{"damage/gte": "misspelt"}, []string{`names "damage/gte", which is no case`}},
		{"without a reason", map[string]string{"damage/get": " "}, []string{`gives no reason for "damage/get"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Harness{Except: tc.except}.mistakes()
			if len(got) != len(tc.wrong) {
				t.Fatalf("mistakes %q, want %q", got, tc.wrong)
			}
			for i, want := range tc.wrong {
				if !strings.Contains(got[i], want) {
					t.Errorf("mistake %q does not say %q", got[i], want)
				}
			}
		})
	}
}

func TestHostileKeysAreLegalAndDistinct(t *testing.T) {
	keys := slices.Sorted(slices.Values(hostileKeys))
	if len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Error("some keys are there twice")
	}
	for _, key := range keys {
		if key == "" || len(key) > 512 || !utf8.ValidString(key) {
			t.Errorf("%q is no key that a store would let through", key)
		}
	}
}

// A newcomer finds a rule by the list of topics in the package comment.
func TestPackageCommentListsTheTopics(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "//\t"); ok && !strings.ContainsAny(line, "{}():") {
			_, topics, _ := strings.Cut(strings.TrimSpace(rest), "  ")
			listed = append(listed, strings.Split(strings.TrimSpace(topics), ", ")...)
		}
	}
	var topics []string
	for _, c := range Cases() {
		topic, _, _ := strings.Cut(c.Name, "/")
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
	}
	if !slices.Equal(listed, topics) {
		t.Errorf("the package comment lists the topics\n\t%q\nand the cases have, in their order,\n\t%q", listed, topics)
	}
}
