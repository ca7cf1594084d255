package conformance

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/process"
	"github.com/connectorhost/connectorhost/conformance/internal/subject"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// What a process does wrong shows only in one. The program plugin-broken is built once
// and becomes each mutant by the name that is appended to it.

// representatives are the mutants of processes that there is always time for.
var representatives = []string{process.WrongCookie, process.StdoutNoise, process.GhostChild, process.PhonesHome, process.FileLeak}

// processCases are those that run against real processes when not all cases do.
func processCases() []suite.Case {
	return slices.DeleteFunc(Cases(), func(c suite.Case) bool {
		return c.ID != suite.ProbeID && !spared(broken.Mutant{Collateral: []string{"process/*", "handshake/*"}}, c.ID)
	})
}

func TestReferencePassesAsAProcess(t *testing.T) {
	m := broken.Mutant{Process: "none"}
	for _, r := range examine(t, newWorld(t).stage, m, matrixCases(m)) {
		t.Errorf("%s %s: %s", r.Verdict, r.ID, r.Why)
	}
}

// A world is what real processes are made from.
type world struct {
	broken    []byte // the program plugin-broken
	simulator string // where the reference provider is
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	// Without symbols there is less to be hashed at every start.
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir+string(filepath.Separator),
		"./internal/broken/cmd/plugin-broken", "./reference/cmd/reference-provider")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "plugin-broken"))
	if err != nil {
		t.Fatal(err)
	}
	return world{text, filepath.Join(dir, "reference-provider")}
}

// stage makes a mutant's program and starts a provider for it.
func (w world) stage(t *testing.T, m broken.Mutant) (suite.Subject, *sim.Client) {
	t.Helper()
	name := m.ID
	if m.Process != "" {
		name = m.Process
	}
	path := filepath.Join(t.TempDir(), "plugin-broken")
	if err := os.WriteFile(path, process.Named(w.broken, name), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	program, err := subject.OpenProgram(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := program.Close(); err != nil {
			t.Error(err)
		}
	})
	simulator, err := subject.StartSimulator(t.Context(), suite.Simulator{Program: w.simulator})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := simulator.Close(); err != nil {
			t.Error(err)
		}
	})
	if m.Remote == nil {
		return program, simulator.Client
	}
	return veiled{program, m.Remote}, simulator.Client
}

// A veiled program is one whose processes a host sees as a mutant has it.
type veiled struct {
	*subject.Program
	veil func(sdk.Remote) sdk.Remote
}

// Start implements [suite.Subject].
func (v veiled) Start(ctx context.Context) (suite.Process, error) {
	return v.StartWith(ctx, func(*launch.Config) {})
}

// StartWith is that of the program, for cases about how a process is kept in.
func (v veiled) StartWith(ctx context.Context, change func(*launch.Config)) (suite.Process, error) {
	started, err := v.Program.StartWith(ctx, change)
	if err != nil {
		return nil, err
	}
	p := &veiledProcess{Remote: v.veil(started), process: started.(exiting)}
	if p.description, err = p.Describe(ctx); err != nil {
		return nil, errors.Join(err, p.Stop(ctx))
	}
	return p, nil
}

// exiting is a process that tells how it ended.
type exiting interface {
	suite.Process
	Exit() launch.Exit
}

// A veiledProcess is called through its veil, and is a process behind it.
type veiledProcess struct {
	sdk.Remote
	process     exiting
	description sdk.Description
}

func (p *veiledProcess) Description() sdk.Description   { return p.description }
func (p *veiledProcess) PID() int                       { return p.process.PID() }
func (p *veiledProcess) Stop(ctx context.Context) error { return p.process.Stop(ctx) }
func (p *veiledProcess) Done() <-chan struct{}          { return p.process.Done() }
func (p *veiledProcess) Said() string                   { return p.process.Said() }
func (p *veiledProcess) Exit() launch.Exit              { return p.process.Exit() }
