package pgserver_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/internal/pgserver"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
)

// roleVariable makes the test binary start a server and wait to be killed.
const roleVariable = "PGSERVER_TEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVariable); dir != "" {
		server, err := pgserver.Start(context.Background(), dir)
		if err != nil {
			_, _ = os.Stdout.WriteString(err.Error())
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString(server.URL("postgres") + "\n")
		select {}
	}
	goleak.VerifyTestMain(pgtest.Main(m))
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func execute(t *testing.T, c *pgx.Conn, query string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestDatabasesAreApartAndAsAskedFor(t *testing.T) {
	a, b := connect(t, pgtest.Database(t)), connect(t, pgtest.Database(t))
	execute(t, a, `CREATE TABLE x (n int)`)
	execute(t, b, `CREATE TABLE x (n int)`)
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "lc_collate": "C", "fsync": "on", "synchronous_commit": "on",
		"full_page_writes": "on", "listen_addresses": "",
	} {
		var got string
		if err := a.QueryRow(t.Context(), `SHOW `+setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v, want %q", setting, got, err, want)
		}
	}
}

func TestServerComesBackWithWhatWasCommitted(t *testing.T) {
	server := pgtest.Server(t)
	url := pgtest.NewDatabase(t, server)
	tests := []struct {
		name string
		end  func() error
	}{
		{"killed", server.Kill},
		{"killed twice", func() error {
			if err := server.Kill(); err != nil {
				return err
			}
			return server.Kill()
		}},
		{"stopped", func() error { return server.Stop(t.Context()) }},
		{"restarted", func() error { return nil }},
	}
	execute(t, connect(t, url), `CREATE TABLE x (n int)`)
	for i, tt := range tests {
		c := connect(t, url)
		execute(t, c, `INSERT INTO x VALUES (1)`)
		execute(t, c, `BEGIN`)
		execute(t, c, `INSERT INTO x VALUES (1)`)
		began := time.Now()
		if err := tt.end(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: took %v", tt.name, took)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := c.Ping(t.Context()); err == nil {
			t.Errorf("%s: an old connection lives on", tt.name)
		}
		var n int
		if err := connect(t, url).QueryRow(t.Context(), `SELECT count(*) FROM x`).Scan(&n); err != nil || n != i+1 {
			t.Errorf("%s: %d rows, %v, want %d", tt.name, n, err, i+1)
		}
	}
}

func TestServerDiesWithItsParent(t *testing.T) {
	pgtest.Database(t)                       // skips
	dir, err := os.MkdirTemp("", "pgserver") //nolint:usetesting // its own folder's name is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), roleVariable+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 1000)
	n, err := out.Read(said)
	if err != nil || !strings.HasPrefix(string(said[:n]), "postgres://") {
		t.Fatalf("%s, %v", said[:n], err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed, and says so
	pid, _, _ := strings.Cut(string(text), "\n")
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server lives on: %s", state)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	tests := map[string]struct {
		dir  func(t *testing.T) string
		want string
	}{
		"a folder whose name is too long": {
			func(t *testing.T) string { return filepath.Join(t.TempDir(), strings.Repeat("x", 100)) },
			"choose a shorter folder",
		},
		"a folder that a server uses": {
			func(t *testing.T) string { return filepath.Dir(pgtest.Server(t).Socket()) },
			"another postmaster",
		},
		"a folder that is a file": {
			func(t *testing.T) string {
				path := filepath.Join(t.TempDir(), "f")
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			},
			"not a directory",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			pgtest.Database(t) // skips
			server, err := pgserver.Start(t.Context(), tt.dir(t))
			if err == nil {
				_ = server.Stop(t.Context())
				t.Fatal("was started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want one that says %q", err, tt.want)
			}
		})
	}
}
