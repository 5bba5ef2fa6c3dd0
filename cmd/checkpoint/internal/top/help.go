package top

// helpLines explain the keys and the columns.
func helpLines(write bool) []string {
	lines := []string{
		heading.Render("KEYS"),
		"  ↑ ↓ PgUp PgDn Home End   move, also j k g G",
		"  Enter                    all that is known of a key; Esc goes back",
		"  /                        show only keys, states and owners with a text in them",
		"  s                        sort by state (the worst first), key, lag, age",
		"  m                        the groups: who holds which partitions; Esc goes back",
		"  R                        rewind the key, after a preview",
		"  U                        undo the last change by hand, after a preview",
		"  q, Ctrl-C                quit",
		"",
		heading.Render("COLUMNS"),
		"  LAG      positions to the head of the log",
		"  BEHIND   age of the oldest event that is not done; ≥ at least",
		"  RATE     events that are done in a second",
		"  LEASE    how long it still lasts        AGE  since the last write",
		"  TREND    pace of the position, one sign a read: · stands, ↓ went back",
		"  ~        the store has not answered: this is what it held before",
	}
	if !write {
		lines = append(lines, "", "R and U need --write: this screen only reads.")
	}
	return lines
}
