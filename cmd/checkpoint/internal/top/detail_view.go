package top

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// detailLines are all lines of the detail, of which the screen shows some.
func (m model) detailLines() []string {
	d := &m.detail
	r := &d.row
	lines := []string{colour(r.State).Bold(true).Render(output.Printable(r.Key) + " is " + string(r.State))}
	if d.gone {
		lines = append(lines, warning.Render("The store has nothing of it any more, or the pattern does not match it."))
	}
	if r.Why != "" {
		lines = append(lines, m.wrap("", output.Printable(r.Why))...)
	}
	lines = append(lines, "")
	lines = append(lines, m.facts(r)...)
	lines = append(lines, m.instances(r)...)
	switch {
	case d.problem != "":
		lines = append(lines, "")
		for _, line := range m.wrap("! ", "its history and its samples could not be read: "+d.problem) {
			lines = append(lines, warning.Render(line))
		}
	case !d.read:
		lines = append(lines, "", "reading its history and its samples ...")
	}
	if !d.read {
		return lines
	}
	lines = append(lines, m.history()...)
	return append(lines, m.samples()...)
}

// facts are what the store keeps for a key, and what its instance tells.
func (m model) facts(r *watch.Row) []string {
	c := &r.Cell
	var lines []string
	add := func(name, text string) {
		if text != "" && text != "-" {
			lines = append(lines, m.wrap(fmt.Sprintf("  %-9s ", name), text)...)
		}
	}
	if c.Checkpoint.Exists && c.Checkpoint.Err == nil {
		p := c.Checkpoint.Position
		add("position", text.Position(&p)+", written "+text.Ago(m.reads.at, c.Checkpoint.UpdatedAt))
	}
	lag := text.Lag(*r)
	if behind := text.Behind(*r); behind != "-" {
		lag += ", behind by " + behind
	}
	add("lag", lag)
	add("rate", text.Rate(*r))
	add("trend", strings.TrimSpace(m.trails.spark(r.Key, min(mostPaces, max(1, m.width-14)))))
	add("lease", lease(&c.Lease, r.LeaseLeft))
	if c.Fence.Epoch > 0 {
		add("fence", "epoch "+strconv.FormatUint(c.Fence.Epoch, 10))
	}
	add("log", output.Printable(c.Checkpoint.LogID))
	if !c.Checkpoint.ExpiresAt.IsZero() {
		add("expires", text.Ahead(m.reads.at, c.Checkpoint.ExpiresAt))
	}
	return lines
}

func lease(l *driver.StoredLease, left *time.Duration) string {
	switch {
	case !l.Exists() || l.Err != nil:
		return ""
	case left == nil:
		return output.Printable(l.Owner) + ", ended"
	}
	return output.Printable(l.Owner) + ", ends in " + watch.Span(*left)
}

func (m model) instances(r *watch.Row) []string {
	if len(r.Status.Instances) == 0 {
		return nil
	}
	lines := []string{"", heading.Render("INSTANCES")}
	for i := range r.Status.Instances {
		s := &r.Status.Instances[i]
		if s.Err != nil {
			lines = append(lines, m.wrap("  ", output.Printable(s.Err.Error()))...)
			continue
		}
		lines = append(lines, m.wrap("  ", fmt.Sprintf("%s %s since %s, reported %s",
			output.Printable(s.Instance), output.Printable(string(s.State)), watch.Span(max(0, s.Now.Sub(s.Since))), text.Ago(m.reads.at, s.ReportedAt)))...)
		lines = append(lines, m.wrap("    ", work(s))...)
		if s.LastError != "" {
			lines = append(lines, m.wrap("    ", "last error: "+output.Printable(s.LastError))...)
		}
	}
	return lines
}

// work says what an instance does, in one line.
func work(s *checkpoint.Status) string {
	parts := []string{"at " + text.Position(s.Position)}
	if s.Begins != nil {
		parts = append(parts, "log from "+text.Position(s.Begins))
	}
	if s.Head != nil {
		parts = append(parts, "head at "+text.Position(s.Head))
	}
	if s.InFlight > 0 {
		parts = append(parts, fmt.Sprintf("%d in work, the oldest for %s", s.InFlight, watch.Span(s.OldestAge)))
	}
	parts = append(parts, fmt.Sprintf("%d done", s.Done))
	if s.Retries > 0 {
		parts = append(parts, fmt.Sprintf("%d retries", s.Retries))
	}
	if s.Parked > 0 {
		parts = append(parts, fmt.Sprintf("%d parked", s.Parked))
	}
	parts = append(parts, fmt.Sprintf("pid %d on %s", s.PID, output.Printable(s.Host)))
	if s.Version != "" {
		parts = append(parts, "version "+output.Printable(s.Version))
	}
	return strings.Join(parts, ", ")
}

func (m model) history() []string {
	lines := []string{"", heading.Render("CHANGES BY HAND")}
	if m.detail.noHistory {
		return append(lines, "  the engine keeps no history")
	}
	if len(m.detail.entries) == 0 {
		return append(lines, "  none")
	}
	for i, e := range m.detail.entries {
		line := fmt.Sprintf("  %3d  %-9s %s", i+1, text.Ago(m.now, e.At), output.Printable(e.Op))
		if e.Actor != "" {
			line += " by " + output.Printable(e.Actor)
		}
		line += ": " + text.Position(e.Old) + " to " + text.Position(e.New)
		if e.OldEpoch != e.NewEpoch {
			line += fmt.Sprintf(", epoch %d to %d", e.OldEpoch, e.NewEpoch)
		}
		lines = append(lines, line)
		if e.Reason != "" {
			lines = append(lines, m.wrap("       ", output.Printable(e.Reason))...)
		}
	}
	return lines
}

func (m model) samples() []string {
	lines := []string{"", heading.Render("WHERE IT STOOD")}
	if m.detail.noSamples {
		return append(lines, "  the engine keeps no samples")
	}
	if len(m.detail.samples) == 0 {
		return append(lines, "  no samples")
	}
	for _, s := range m.detail.samples {
		lines = append(lines, "  "+sample(m.now, &s))
	}
	return lines
}

func sample(now time.Time, s *checkpoint.Sample) string {
	return fmt.Sprintf("%-33s  %s", when(now, s.At), text.Position(&s.Position))
}

func when(now, t time.Time) string {
	return t.UTC().Format(time.DateTime+"Z") + " (" + text.Ago(now, t) + ")"
}

// wrap breaks a text into lines that fit on the screen. The first one has the head before it.
func (m model) wrap(head, text string) []string {
	indent := lipgloss.Width(head)
	var lines []string
	for line := range strings.SplitSeq(ansi.Wrap(text, max(20, m.width-indent), ""), "\n") {
		lines = append(lines, cmp.Or(head, strings.Repeat(" ", indent))+line)
		head = ""
	}
	return lines
}
