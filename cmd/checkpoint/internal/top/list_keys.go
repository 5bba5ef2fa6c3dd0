package top

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

const far = 1 << 30

// steps are by how many rows a key moves, where 0 is a screen.
func (m model) step(key string) (n int, ok bool) {
	switch key {
	case "up", "k":
		return -1, true
	case "down", "j":
		return 1, true
	case "pgup", "ctrl+b":
		return -m.rowsFit(), true
	case "pgdown", "ctrl+f", "space":
		return m.rowsFit(), true
	case "home", "g":
		return -far, true
	case "end", "G":
		return far, true
	}
	return 0, false
}

func (m model) listKey(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if n, ok := m.step(key.String()); ok {
		m.list.move(n, m.rowsFit())
		return m, nil
	}
	switch key.String() {
	case "q":
		return m, tea.Quit
	case "?":
		m.help = true
	case "/":
		m.mode = filtering
	case "esc":
		m.filter, m.list.filter = m.filter.holding(""), ""
		m.layout()
	case "s":
		m.list.order = orders[(slices.Index(orders, m.list.order)+1)%len(orders)]
		m.layout()
	case "m":
		m.mode = grouping
	case "enter":
		if r := m.list.current(); r != nil {
			m.list.selected = r.Key
			m.mode, m.detail = detailing, detail{row: *r}
			return m, m.readDetail(r.Key)
		}
	case "R", "U":
		if r := m.list.current(); r != nil {
			m.list.selected = r.Key
			return m.ask(r.Key, key.String() == "U")
		}
	}
	return m, nil
}

func (m model) filterKey(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	switch key.String() {
	case "enter":
		m.mode = listing
		return m, nil
	case "esc":
		m.mode = listing
		m.filter, m.list.filter = m.filter.holding(""), ""
		m.layout()
		return m, nil
	case "up", "down", "pgup", "pgdown":
		n, _ := m.step(key.String())
		m.list.move(n, m.rowsFit())
		return m, nil
	}
	return m.typed(key)
}
