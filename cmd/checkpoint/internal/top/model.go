package top

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

// A mode is what the screen shows.
type mode int

const (
	listing   mode = iota
	filtering      // the list, and a line to type in
	detailing
	grouping
	asking // about a rewind
)

type model struct {
	Options

	ctx           context.Context // of every call
	width, height int
	now           time.Time

	reads  reads
	list   list
	trails trails

	mode   mode
	from   mode // where a dialog began
	help   bool // above all else
	filter input
	detail detail
	groups groups
	dialog dialog
	notice string // one line, until the next key
}

func newModel(ctx context.Context, o Options) model {
	return model{
		Options: o, ctx: ctx, width: 80, height: 24, now: time.Now(),
		list: list{order: o.Sort}, filter: newInput("/"),
	}
}

type clockMsg time.Time

func clock() tea.Cmd {
	return tea.Tick(time.Second, func(now time.Time) tea.Msg { return clockMsg(now) })
}

// Init implements [tea.Model].
func (m model) Init() tea.Cmd {
	return tea.Batch(clock(), func() tea.Msg { return dueMsg{} })
}

// Update implements [tea.Model].
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.layout()
	case clockMsg:
		m.now = time.Time(msg)
		return m, clock()
	case dueMsg:
		return m.due()
	case readMsg:
		return m.read(msg)
	case detailMsg:
		m.detail = m.detail.with(msg)
	case planMsg:
		m.dialog = m.dialog.planned(msg)
	case samplesMsg:
		m.dialog = m.dialog.offered(msg)
	case doneMsg:
		m.dialog = m.dialog.done(msg)
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		return m.typed(msg)
	}
	return m, nil
}

// press handles a key.
func (m model) press(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	m.notice = ""
	switch {
	case key.String() == "ctrl+c":
		return m, tea.Quit
	case key.String() == "ctrl+z":
		return m, tea.Suspend
	case m.help:
		m.help = false
		return m, nil
	}
	switch m.mode {
	case filtering:
		return m.filterKey(key)
	case detailing:
		return m.detailKey(key)
	case grouping:
		return m.groupsKey(key)
	case asking:
		return m.dialogKey(key)
	}
	return m.listKey(key)
}

// typed hands what was typed or pasted to the line that is open.
func (m model) typed(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m.mode {
	case filtering:
		m.filter = m.filter.update(msg)
		m.list.filter = m.filter.text()
		m.layout()
	case asking:
		m.dialog.input = m.dialog.input.update(msg)
	}
	return m, nil
}

// explain makes one line of an error, which may hold what others have stored.
func (m model) explain(err error) string { return output.Printable(m.Explain(err)) }
