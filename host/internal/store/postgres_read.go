package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// beginRead begins a transaction whose queries all see the same.
const beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// A sight is a reader of one snapshot of the database. It takes a connection with its
// first query.
type sight struct {
	db   *postgres
	ctx  context.Context //nolint:containedctx // bounds the transaction; lives as long
	conn *pgxpool.Conn
}

func (s *sight) query(_ context.Context, query string, args ...any) (rows, error) {
	query, args = s.db.mark(query), written(args)
	if s.conn == nil {
		return s.first(query, args)
	}
	found, err := s.conn.Query(s.ctx, query, args...)
	if err != nil {
		return nil, s.explain(err)
	}
	return &selection{Rows: found, explain: s.explain}, nil
}

func (s *sight) once(_ context.Context, query string, args ...any) (rows, error) {
	if s.conn == nil {
		begun, err := s.first("SELECT 1", nil)
		if err = each(begun, err, func(row) error { return nil }); err != nil {
			return nil, err
		}
	}
	// In one trip, without leaving a prepared statement behind.
	args = append([]any{pgx.QueryExecModeExec}, written(args)...)
	found, err := s.conn.Query(s.ctx, marked(query), args...)
	if err != nil {
		return nil, s.explain(err)
	}
	return &selection{Rows: found, explain: s.explain}, nil
}

// using says nothing: this database knows how much of everything there is.
func (*sight) using(string) string { return "" }

// first begins the transaction together with its first query.
func (s *sight) first(query string, args []any) (rows, error) {
	var found pgx.Rows
	conn, results, err := s.db.begin(s.ctx, func(b *pgx.Batch) { b.Queue(query, args...) })
	if err != nil {
		return nil, err
	}
	s.conn = conn
	if found, err = results.Query(); err != nil {
		_ = results.Close() // reports err again
		return nil, s.explain(err)
	}
	return &selection{Rows: found, batch: results, explain: s.explain}, nil
}

// answer answers questions in one trip, in a transaction that ends by itself.
func (db *postgres) answer(ctx context.Context, questions []question) error {
	conn, results, err := db.begin(ctx, func(b *pgx.Batch) {
		for _, a := range questions {
			b.Queue(db.mark(a.query), written(a.args)...)
		}
		b.Queue("COMMIT")
	})
	if err != nil {
		return err
	}
	defer conn.Release() // which closes one that is inside a transaction
	explain := func(err error) error { return db.explain(ctx, conn.Conn(), err) }
	for i := range questions {
		found, err := results.Query()
		if err != nil {
			_ = results.Close() // reports err again
			return explain(err)
		}
		if err := questions[i].answered(&selection{Rows: found, explain: explain}, nil); err != nil {
			_ = results.Close() // of no interest any more
			return err
		}
	}
	return explain(results.Close())
}

// begin begins a transaction together with its first queries. A pool may hand out
// connections that died unnoticed, as they all do when a server is restarted: nothing has
// been read yet, so another can do.
func (db *postgres) begin(ctx context.Context, queue func(*pgx.Batch)) (*pgxpool.Conn, pgx.BatchResults, error) {
	for try := 1; ; try++ {
		conn, err := db.acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		batch := &pgx.Batch{}
		batch.Queue(beginRead)
		queue(batch)
		results := conn.SendBatch(ctx, batch)
		if _, err = results.Exec(); err == nil {
			return conn, results, nil
		}
		_ = results.Close() // reports err again
		err = db.explain(ctx, conn.Conn(), err)
		conn.Release()
		if !errors.Is(err, ErrUnavailable) || try == maxTries || ctx.Err() != nil {
			return nil, nil, err
		}
		db.pool.Reset()
	}
}

// end gives the connection back.
func (s *sight) end() {
	if s.conn == nil {
		return
	}
	if !s.conn.Conn().IsClosed() {
		// Nothing was written, so there is nothing that a failing rollback could lose.
		_, _ = s.conn.Exec(s.ctx, "ROLLBACK")
	}
	s.conn.Release()
}

func (s *sight) explain(err error) error { return s.db.explain(s.ctx, s.conn.Conn(), err) }

// selection is the rows of a query.
type selection struct {
	pgx.Rows
	batch   pgx.BatchResults // that ends with this; may be nil
	explain func(error) error
}

// Scan differs from the driver's in that a number can be a flag, and that any text comes
// back as it was written.
func (a *selection) Scan(dest ...any) error {
	values := a.RawValues()
	for i, column := range a.FieldDescriptions() {
		if column.DataTypeOID == pgtype.TextOID {
			values[i] = unescaped(values[i])
		}
	}
	for i := range dest {
		if b, ok := dest[i].(*bool); ok {
			dest[i] = (*bitFlag)(b)
		}
	}
	return a.Rows.Scan(dest...)
}

func (a *selection) Err() error { return a.explain(a.Rows.Err()) }

func (a *selection) Close() error {
	a.Rows.Close()
	if a.batch == nil {
		return nil
	}
	err := a.batch.Close()
	a.batch = nil
	if a.Rows.Err() == nil { // else it would be told twice
		return a.explain(err)
	}
	return nil
}

// A bitFlag is a truth that the database keeps as a number.
type bitFlag bool

// Scan implements [sql.Scanner].
func (f *bitFlag) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("%T is not a flag", value)
	}
	*f = n != 0
	return nil
}

// mark returns a query with this database's parameter marks.
func (db *postgres) mark(query string) string {
	if known, ok := db.marked.Load(query); ok {
		return known.(string) //nolint:forcetypeassert // the map holds nothing else
	}
	text := marked(query)
	db.marked.Store(query, text)
	return text
}

// marked numbers the parameter marks of a query: "?" becomes "$1", and so on.
func marked(query string) string {
	var text strings.Builder
	n, quoted := 0, false
	for i := range len(query) {
		switch c := query[i]; {
		case c == '?' && !quoted:
			n++
			text.WriteByte('$')
			text.WriteString(strconv.Itoa(n))
		default:
			quoted = quoted != (c == '\'')
			text.WriteByte(c)
		}
	}
	return text.String()
}

// errConflict says that transactions of several hosts were in each other's way, and that
// this one was undone. It may well succeed if tried again.
var errConflict = errors.New("other hosts change the same")

// explain says what an error means to the store's callers. conn is the connection that
// it came from.
func (db *postgres) explain(ctx context.Context, conn *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case told.Code == "40001" || told.Code == "40P01" || told.Code == "55P03":
			return fmt.Errorf("%w: %w", errConflict, err)
		case told.Code == "57014": // it took longer than the server allows
			return fmt.Errorf("%w: %w", ErrBusy, err)
		case told.Code[:2] == "08" || told.Code[:3] == "57P" || told.Code == "53300" || told.Code == "25006" ||
			told.Code == "25P03":
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, errSlow) {
			return fmt.Errorf("%w: %w", ErrUnavailable, cause)
		}
		return cause
	}
	if _, ok := errors.AsType[net.Error](err); ok || conn.IsClosed() {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
