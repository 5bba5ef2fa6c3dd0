package top

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// An input is one line that a person types.
type input struct{ field textinput.Model }

func newInput(prompt string) input {
	f := textinput.New()
	f.Prompt = prompt
	f.CharLimit = 1024
	f.SetStyles(textinput.Styles{})
	f.SetVirtualCursor(false)
	f.KeyMap.Paste.SetEnabled(false) // it would run a program; terminals paste by themselves
	f.Focus()
	return input{f}
}

// holding returns the line with a text in it.
func (i input) holding(text string) input {
	i.field.SetValue(text)
	i.field.CursorEnd()
	return i
}

func (i input) update(msg tea.Msg) input {
	i.field, _ = i.field.Update(msg)
	return i
}

func (i input) text() string { return strings.TrimSpace(i.field.Value()) }

func (i input) view() string { return i.field.View() }

// cursor returns where the cursor stands if the line begins at x, y.
func (i input) cursor(x, y int) *tea.Cursor {
	c := i.field.Cursor()
	if c == nil {
		return nil
	}
	at := tea.NewCursor(c.X+x, y)
	at.Blink = true
	return at
}
