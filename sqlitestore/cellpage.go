package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// A cellRow has the rows of one key.
type cellRow struct {
	key                               string
	inCheckpoints, inFences, inLeases bool
	checkpoint                        row
	fence                             fenceRow
	lease                             leaseRow
}

func (r *cellRow) cell() cell.Cell {
	c := cell.Cell{Key: r.key}
	if r.inCheckpoints {
		r.checkpoint.key = r.key
		c.Checkpoint = r.checkpoint.stored()
	}
	if r.inFences {
		c.Fence = r.fence.fence()
	}
	if r.inLeases {
		c.Lease = r.lease.lease(r.key)
	}
	return c
}

// A cellPage is the result of one step of a scan of cells.
type cellPage struct {
	cells []driver.Cell // whose keys match, and which hold something
	last  string        // last key that the step has looked at
	more  bool          // whether more keys may follow
}

// add adds the cell of a row to a page that begins at next.
func (p *cellPage) add(r *cellRow, pattern, next string, now time.Time) error {
	if r.key < next || p.last != "" && r.key <= p.last {
		return errOrder
	}
	p.last = r.key
	if !driver.MatchPattern(pattern, r.key) {
		return nil
	}
	if c := r.cell().Visible(now); c.Holds() {
		p.cells = append(p.cells, c)
	}
	return nil
}

// readCellPage looks at about size keys, from next on.
func (d *Driver) readCellPage(ctx context.Context, pattern, next string, size int) (cellPage, error) {
	p, err := d.packedCellPage(ctx, pattern, next, size)
	if errors.Is(err, errNotPacked) {
		p, err = d.plainCellPage(ctx, pattern, next, size)
	}
	return p, err
}

// plainCellPage reads column by column.
func (d *Driver) plainCellPage(ctx context.Context, pattern, next string, size int) (p cellPage, err error) {
	stmt, err := d.readers.get(ctx, sqlCells)
	if err != nil {
		return p, err
	}
	now, n := time.Now(), 0
	err = eachCell(ctx, stmt, func(r *cellRow) error {
		n++
		return p.add(r, pattern, next, now)
	}, next, size)
	p.more = n == size
	return p, err
}

// eachCell calls each for every row of a statement with cellColumns.
func eachCell(ctx context.Context, stmt *sql.Stmt, each func(*cellRow) error, args ...any) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r cellRow
	fields := []any{&r.key, &r.inCheckpoints, &r.inFences, &r.inLeases}
	fields = append(append(append(fields, r.checkpoint.fields()[1:]...), r.fence.fields()...), r.lease.fields()...)
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sqlPackedCells reads a packed page of each table, all at one moment.
var sqlPackedCells = "SELECT " + packed("checkpoints", columns, new(row).fields()) +
	", " + packed("fences", "key, "+fenceColumns, append([]any{new(string)}, new(fenceRow).fields()...)) +
	", " + packed("leases", "key, "+leaseColumns, append([]any{new(string)}, new(leaseRow).fields()...))

// A merge goes through the pages of the three tables in the order of the keys.
type merge struct {
	cellRow

	size               int
	fenceKey, leaseKey string
	tables             [3]mergedTable
}

// A mergedTable stands at a row that is not merged yet, or past its page.
type mergedTable struct {
	rows *packedRows
	key  *string
	in   *bool // set if the row belongs to the cell
	at   bool  // whether it stands at a row
}

func (d *Driver) packedCellPage(ctx context.Context, pattern, next string, size int) (p cellPage, err error) {
	stmt, err := d.readers.get(ctx, sqlPackedCells) //nolint:sqlclosecheck // closed with the connections
	if err != nil {
		return p, err
	}
	var texts [3]string
	if err := stmt.QueryRowContext(ctx, next, size).Scan(&texts[0], &texts[1], &texts[2]); err != nil {
		return p, err
	}
	m := merge{size: size}
	fields := [...][]any{
		m.checkpoint.fields(), append([]any{&m.fenceKey}, m.fence.fields()...), append([]any{&m.leaseKey}, m.lease.fields()...),
	}
	most := 0
	for i, in := range []*bool{&m.inCheckpoints, &m.inFences, &m.inLeases} {
		rows, err := unpack(texts[i], fields[i])
		if err != nil {
			return p, err
		}
		m.tables[i] = mergedTable{rows, fields[i][0].(*string), in, rows.next()}
		most = max(most, rows.n)
	}
	p.cells = make([]driver.Cell, 0, most)
	p.more = most == size
	for now := time.Now(); m.next(); m.advance() {
		if err := p.add(&m.cellRow, pattern, next, now); err != nil {
			return p, err
		}
	}
	return p, nil
}

// next makes the cellRow that of the first key that is left. It reports whether there is
// one of which all rows are known: if a page is full and at its end, the rows of later
// keys may be in the file.
func (m *merge) next() bool {
	first := -1
	for i, t := range m.tables {
		if !t.at && t.rows.n == m.size {
			return false
		}
		if t.at && (first < 0 || *t.key < *m.tables[first].key) {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	m.key = strings.Clone(*m.tables[first].key)
	for _, t := range m.tables {
		*t.in = t.at && *t.key == m.key
	}
	m.checkpoint.logID.String, m.lease.owner = strings.Clone(m.checkpoint.logID.String), strings.Clone(m.lease.owner)
	return true
}

// advance goes past the rows of the cellRow.
func (m *merge) advance() {
	for i := range m.tables {
		if t := &m.tables[i]; *t.in {
			t.at = t.rows.next()
		}
	}
}
