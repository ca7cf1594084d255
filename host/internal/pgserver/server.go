// Package pgserver runs a private PostgreSQL server out of the programs that are
// installed, for tests and for clusters on one machine.
//
// The server listens on a Unix socket in its own folder and nowhere else. Only the
// user who owns the folder, and root, can reach it, so it asks for no password. Every
// commit waits for the disk. It dies with the process that started it.
//
// It is no way to run a database that matters: nobody makes backups, and its settings
// suit one machine and a few hosts.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that PostgreSQL is not installed where Start looks for it.
var ErrMissing = errors.New("PostgreSQL is not installed: install the server " +
	"(Debian: postgresql), or put the folder of initdb and postgres into PATH")

// role is the server's only role, which may do everything.
const role = "connectorhost"

// How long things may take. A server that recovers from a crash replays its log first.
const (
	startLimit = 2 * time.Minute
	stopLimit  = 10 * time.Second
)

// A Server is a PostgreSQL server that this process started. Its methods may be called
// from several goroutines; Stop, Kill and Restart take their turns.
type Server struct {
	programs string // where they are
	dir      string
	as       owner

	mu      sync.Mutex
	process *process // nil while stopped
}

// Start starts a server whose data is in dir, which is created, and given to the user
// that the server runs as, if need be. What an earlier server left there is used again.
// As root the server runs as user postgres, or else nobody, who must be able to reach
// dir. Whoever starts a server must stop it.
//
// It fails with [ErrMissing] if there are no programs to run, and if ctx ends, or two
// minutes pass, before the server answers.
func Start(ctx context.Context, dir string) (*Server, error) {
	s, err := newServer(dir)
	if err != nil {
		return nil, err
	}
	if err := s.initialise(ctx); err != nil {
		return nil, fmt.Errorf("making a PostgreSQL database in %s: %w", dir, err)
	}
	if err := s.Restart(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func newServer(dir string) (*Server, error) {
	programs, err := find()
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	// What the address of a Unix socket may hold, with the zero byte at its end.
	if socket := filepath.Join(dir, ".s.PGSQL.5432"); len(socket) > 103 {
		return nil, fmt.Errorf("%s is too long for a socket's name: choose a shorter folder", socket)
	}
	as, err := chooseOwner()
	if err != nil {
		return nil, err
	}
	return &Server{programs: programs, dir: dir, as: as}, nil
}

// find returns the folder of the newest PostgreSQL that is installed. Debian keeps the
// server's programs out of PATH.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(ErrMissing, err)
	}
	newest := slices.MaxFunc(found, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // 9.6 is older than 15
		}
		return strings.Compare(a, b)
	})
	return filepath.Dir(newest), nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "log") }

// initialise makes the folders and the database files, unless they are there.
func (s *Server) initialise(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := s.as.give(s.dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err == nil {
		return nil
	}
	// Into a folder of its own first, so that half a database is never taken for one.
	half := s.data() + ".new"
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	initdb := exec.CommandContext(ctx, filepath.Join(s.programs, "initdb"), "--pgdata="+half, "--username="+role,
		"--encoding=UTF8", "--locale=C", "--auth-local=trust", "--auth-host=reject")
	initdb.Dir, initdb.Env, initdb.SysProcAttr = s.dir, environment(), s.as.attributes()
	if text, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return os.Rename(half, s.data())
}

// environment is what the programs get to see: nothing of ours matters to them, and
// variables such as PGDATA would only confuse them.
func environment() []string { return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"} }

// URL returns where a database of the server is. It holds no secret.
func (s *Server) URL(database string) string {
	where := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {s.dir}, "sslmode": {"disable"}}.Encode(),
	}
	return where.String()
}

// Socket returns the path of the Unix socket that the server listens on.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// CreateDatabase creates an empty database.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return s.execute(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0")
}

// DropDatabase deletes a database with all that is in it, whoever uses it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	return s.execute(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

func (s *Server) execute(ctx context.Context, command string) error {
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, command)
	return errors.Join(err, c.Close(ctx))
}

// Stop ends the server in good order, which cuts off whoever is connected. One that has
// not ended after ten seconds, or when ctx ends, is killed. Stopping a stopped server
// is a no-op.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop(ctx)
}

func (s *Server) stop(ctx context.Context) error {
	if s.process == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	err := s.process.interrupt()
	select {
	case <-s.process.ended:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("the server had to be killed: %w", context.Cause(ctx)), s.process.kill())
	}
	s.process = nil
	return err
}

// Kill ends the server with all its processes at once, as if the machine had been
// switched off: nothing is written, nobody is told. Killing a stopped server is a no-op.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := s.process.kill()
	s.process = nil
	return err
}

// Restart stops the server if it runs, starts it again and waits until it answers. All
// that was committed before is there. It fails like Start.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stop(ctx); err != nil {
		return err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	end, err := log.Seek(0, 2)
	if err != nil {
		return err
	}
	//nolint:noctx // the server outlives the context in which it was started
	command := exec.Command(filepath.Join(s.programs, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "unix_socket_permissions=0700",
		"-c", "max_connections=200", "-c", "log_timezone=UTC")
	command.Dir, command.Env, command.Stdout, command.Stderr = s.dir, environment(), log, log
	command.SysProcAttr = s.as.attributes()
	if s.process, err = run(command); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := s.ready(ctx); err != nil {
		err = errors.Join(fmt.Errorf("starting PostgreSQL: %w%s", err, s.said(end)), s.process.kill())
		s.process = nil
		return err
	}
	return nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.process.ended:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// answers reports why the server does not answer yet.
func (s *Server) answers(ctx context.Context) error {
	// Somebody else's server may have the folder, and the answer be his.
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	if pid, _, _ := strings.Cut(string(text), "\n"); pid != strconv.Itoa(s.process.pid) {
		return fmt.Errorf("process %s has the folder", pid)
	}
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// said is what the server wrote into its log from a place on, behind a line break.
func (s *Server) said(from int64) string {
	text, err := os.ReadFile(s.log())
	if err != nil || int64(len(text)) <= from {
		return ""
	}
	text = text[from:]
	return "\n" + strings.TrimSpace(string(text[max(0, len(text)-4096):]))
}
