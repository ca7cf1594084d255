// Package pgtest gives tests PostgreSQL databases of their own.
//
// A test binary that uses it calls [Main] in its TestMain. All its tests share one
// server, which is started for the first of them. Where PostgreSQL is not installed
// they are skipped; if the variable CI is "true" they fail instead, so that a pipeline
// cannot forget it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/pgserver"
)

// limit is for each thing that a server is asked to do.
const limit = 3 * time.Minute

// shared is the server of this test binary.
var shared struct {
	once   sync.Once
	main   atomic.Bool // somebody will stop it
	server *pgserver.Server
	dir    string
	err    error
}

// databases counts, for names.
var databases atomic.Int64

// A Runner runs tests, as [testing.M] does.
type Runner interface{ Run() int }

// Main returns a Runner that runs m's tests and then stops the server, if any test used
// it. Use it in TestMain:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
func Main(m Runner) Runner {
	shared.main.Store(true)
	return stopping{m}
}

type stopping struct{ Runner }

func (m stopping) Run() int {
	code := m.Runner.Run()
	if shared.server == nil {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := errors.Join(shared.server.Stop(ctx), os.RemoveAll(shared.dir)); err != nil {
		fmt.Fprintln(os.Stderr, "stopping the PostgreSQL server of these tests:", err)
		return max(code, 1)
	}
	return code
}

// Database returns the URL of an empty database on the test binary's server. It is
// deleted when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	if !shared.main.Load() {
		t.Fatal("pgtest: TestMain does not call pgtest.Main")
	}
	shared.once.Do(func() { shared.server, shared.dir, shared.err = start(context.Background()) })
	if shared.err != nil {
		missing(t, shared.err)
	}
	return NewDatabase(t, shared.server)
}

// Server returns a server that is the test's alone, to be killed and restarted. It is
// stopped when the test ends.
func Server(t testing.TB) *pgserver.Server {
	t.Helper()
	server, dir, err := start(t.Context())
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := errors.Join(server.Stop(ctx), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return server
}

// NewDatabase returns the URL of an empty database on the given server. It is deleted
// when the test ends, if the server still runs.
func NewDatabase(t testing.TB, server *pgserver.Server) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := server.CreateDatabase(ctx, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := server.DropDatabase(ctx, name); err != nil {
			t.Logf("deleting database %s: %v", name, err)
		}
	})
	return server.URL(name)
}

// start starts a server in a folder of its own, whose name is short, as a socket's must.
func start(ctx context.Context) (_ *pgserver.Server, dir string, err error) {
	if dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	server, err := pgserver.Start(ctx, dir)
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	return server, dir, nil
}

func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, pgserver.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	t.Fatal(err)
}
