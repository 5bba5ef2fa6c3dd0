package sqlitestore

import (
	"context"
	"database/sql"
	"sync"
)

// readers are the connections of database/sql that read. They prepare each statement when a
// read first wants it.
type readers struct {
	*sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

func (r *readers) get(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	stmt := r.prepared[query]
	r.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := r.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.prepared[query]; other != nil {
		err = stmt.Close() //nolint:sqlclosecheck // the other stays
		return other, err
	}
	if r.prepared == nil {
		r.prepared = make(map[string]*sql.Stmt)
	}
	r.prepared[query] = stmt
	return stmt, nil
}
