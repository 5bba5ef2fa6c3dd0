package pgstore

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// A hinted is an error that carries its remedy.
type hinted struct{ text, hint string }

func (e *hinted) Error() string { return e.text }

func (e *hinted) Hint() string { return e.hint }

// The codes of PostgreSQL's errors that the driver acts on.
const (
	codeSerialization = "40001"
	codeUnknown       = "40003" // whether a statement was completed
	codeDeadlock      = "40P01"
	codeNoTable       = "42P01"
	codeNoSchema      = "3F000"
	codePooler        = "08P01" // PgBouncer's, if it reaches no server
	codeReadOnly      = "25006"
	codeIdleInTx      = "25P03"
	codeIdle          = "57P05"
)

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// rolledBack reports whether the error of a commit that has not succeeded, or of a statement
// that is a transaction by itself, proves that nothing was committed. After most FATAL errors,
// and after a lost connection, it may have been. A pooler calls a connection to the server
// that it has lost an ERROR, too, in the classes of connections and of the system.
func rolledBack(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case codeIdle, codeIdleInTx: // the server had not read what was sent
			return true
		case codeUnknown:
			return false
		}
		return e.SeverityUnlocalized == "ERROR" && !slices.Contains([]string{"08", "58", "XX"}, e.Code[:min(2, len(e.Code))])
	}
	return pgconn.SafeToRetry(err)
}

// again reports whether a transaction that was rolled back may succeed the next time.
func again(err error) bool {
	if errors.Is(err, errOvertaken) {
		return true
	}
	c := code(err)
	return c == codeDeadlock || c == codeSerialization
}

// errOvertaken: another transaction has inserted a row that was missing.
var errOvertaken = errors.New("another transaction was faster, again and again")

// errRolledBack: PostgreSQL answers the commit of a transaction that has failed without an error.
var errRolledBack error = &hinted{"the server rolled the transaction back at its commit", "try again"}
