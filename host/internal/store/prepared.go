package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// prepared is a database together with the statements prepared on it: every fixed
// query text is parsed once per connection.
type prepared struct {
	db    *sql.DB
	known sync.Map // query text to *sql.Stmt
}

func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := p.known.Load(query); ok {
		return s.(*sql.Stmt), nil //nolint:forcetypeassert // the map holds nothing else
	}
	s, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if had, loaded := p.known.LoadOrStore(query, s); loaded {
		return had.(*sql.Stmt), s.Close() //nolint:forcetypeassert // as above
	}
	return s, nil
}

func (p *prepared) close() error {
	if p == nil {
		return nil
	}
	return p.db.Close()
}

// A view is a reader inside a transaction.
type view struct {
	tx   *sql.Tx
	from *prepared
}

func (v view) query(ctx context.Context, query string, args ...any) (rows, error) {
	s, err := v.from.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return v.tx.StmtContext(ctx, s).QueryContext(ctx, args...)
}

func (v view) once(ctx context.Context, query string, args ...any) (rows, error) {
	return v.tx.QueryContext(ctx, query, args...)
}

func (view) using(index string) string { return usingIndex(index) }

// direct is a reader without a transaction: each query sees what is newest.
type direct struct{ from *prepared }

func (d direct) query(ctx context.Context, query string, args ...any) (rows, error) {
	ctx = context.WithoutCancel(ctx)
	s, err := d.from.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (d direct) once(ctx context.Context, query string, args ...any) (rows, error) {
	return d.from.db.QueryContext(context.WithoutCancel(ctx), query, args...)
}

func (direct) using(index string) string { return usingIndex(index) }

// usingIndex is SQLite's way to say it.
func usingIndex(index string) string {
	if index == "" {
		return "NOT INDEXED"
	}
	return "INDEXED BY " + index
}

// An execution carries out changes inside one transaction.
type execution struct {
	ctx  context.Context //nolint:containedctx // lives as long as the transaction
	from *prepared
	tx   *sql.Tx
	own  map[string]*sql.Stmt // the statements in use, bound to tx
	jobs []Job                // of the changes that were made
}

// newExecution is one whose statements wait for no caller: a batch belongs to many, so
// no one's context ends it.
func newExecution(from *prepared) *execution {
	return &execution{ctx: context.Background(), from: from, own: make(map[string]*sql.Stmt)}
}

// What keeps the changes of a transaction apart.
const (
	enterChange = "SAVEPOINT change"
	undoChange  = "ROLLBACK TO change"
	leaveChange = "RELEASE change"
)

// prepare makes sure that every statement is prepared before there is a transaction,
// which would hold the only connection.
func (x *execution) prepare(batch []*entry) error {
	for _, query := range []string{enterChange, undoChange, leaveChange} {
		if _, err := x.from.statement(x.ctx, query); err != nil {
			return err
		}
	}
	for _, e := range batch {
		for i := range e.changes {
			if e.changes[i].job != nil {
				continue
			}
			if _, err := x.from.statement(x.ctx, e.changes[i].query); err != nil {
				return err
			}
		}
	}
	return nil
}

// errUndo says that a change failed halfway, and that its beginning has to be undone.
var errUndo = errors.New("change failed halfway")

// straight carries out one change as long as nothing has to be undone: its first
// statement may refuse it, any other failure is errUndo.
func (x *execution) straight(c changes) (refused, lost error) {
	for i := range c {
		if err := x.one(&c[i]); err != nil && i == 0 && err == c[i].none { //nolint:errorlint // the very one
			return err, nil
		} else if err != nil {
			return nil, errUndo
		}
	}
	return nil, nil
}

// isolated carries out one change, all or nothing. refused is why the change was not
// made; lost is an error that leaves the transaction itself in doubt.
func (x *execution) isolated(c changes) (refused, lost error) {
	if _, err := x.exec(enterChange); err != nil {
		return nil, err
	}
	had := len(x.jobs)
	for i := range c {
		if refused = x.one(&c[i]); refused != nil {
			break
		}
	}
	if refused != nil {
		x.jobs = x.jobs[:had]
		// After a full disk the database may have rolled the transaction back on its
		// own; then there is no savepoint to return to, and this says so.
		if _, err := x.exec(undoChange); err != nil {
			return nil, fmt.Errorf("%w, after: %w", err, refused)
		}
	}
	_, lost = x.exec(leaveChange)
	return refused, lost
}

// one executes one statement.
func (x *execution) one(s *statement) error {
	if s.job != nil {
		x.jobs = append(x.jobs, *s.job)
		return nil
	}
	result, err := x.exec(s.query, s.args...)
	if err != nil || s.none == nil {
		return err
	}
	touched, err := result.RowsAffected()
	if err == nil && touched == 0 {
		err = s.none
	}
	return err
}

func (x *execution) exec(query string, args ...any) (sql.Result, error) {
	s := x.own[query]
	if s == nil {
		known, err := x.from.statement(x.ctx, query)
		if err != nil {
			return nil, err
		}
		s = x.tx.StmtContext(x.ctx, known)
		x.own[query] = s
	}
	return s.ExecContext(x.ctx, args...)
}
