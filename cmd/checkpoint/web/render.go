package web

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"sync"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

var (
	//go:embed pages/*.html
	pageFiles embed.FS
	//go:embed static
	staticFiles embed.FS

	static = sub(staticFiles, "static")

	// Every command would wait for the pages if they were parsed before the first use.
	pages = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("").Funcs(template.FuncMap{
			"to": to, "ago": ago, "exact": exact, "position": text.Position,
			"rowPosition": text.RowPosition, "rowLag": text.Lag, "rowBehind": text.Behind,
			"rowRate": text.Rate, "rowLease": text.Lease, "rowAge": text.Age,
			"label": func(name, text string) labelled { return labelled{name, text} },
		}).ParseFS(pageFiles, "pages/*.html"))
	})
)

// A labelled is a text of a table, and its name for screens that are too narrow for a table.
type labelled struct{ Name, Text string }

func sub(files fs.FS, folder string) fs.FS {
	found, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the name of the folder is wrong
	}
	return found
}

// render answers with a page.
func render(w http.ResponseWriter, code int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(rendered(name, data)) // nobody is left to hear of it
}

func rendered(name string, data any) []byte {
	var b bytes.Buffer
	if err := pages().ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // a page names what its data does not have
	}
	return b.Bytes()
}

// A failure is a page that says why there is no other.
type failure struct {
	frame

	Text string
	Back string
}

func (s *server) fail(w http.ResponseWriter, _ *http.Request, code int, text string) {
	render(w, code, "failure", failure{frame{Title: http.StatusText(code), Write: s.opts.Write}, text, "./"})
}
