//go:build unix

package supervise_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/proctest"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// The test binary is also the connector; its last bytes say which version.
const roleKey = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleKey) == "connector" {
		runConnector(versionOf(os.Getenv(pathKey)), os.Getenv(viceKey))
	}
	goleak.VerifyTestMain(m)
}

// patience is for what must happen and takes as long as the machine takes.
const (
	patience   = 60 * time.Second
	pathKey    = "SUPERVISE_TEST_PATH"
	versionLen = len("1.0.0")
)

// A connector answers after a moment, and says which version it is.
type connector struct{ version, vice string }

func (c connector) Describe() sdk.Manifest {
	return c.twist(sdk.Manifest{
		Name: "acme-pay", Version: c.version, DisplayName: "Acme Pay",
		Contract:     sdk.ContractRange{Min: 1, Max: 1},
		ConfigSchema: json.RawMessage(`{"type": "object", "properties": {}}`),
		Egress:       []string{},
		Countries:    []string{"JP", "NL"},
	})
}

func (c connector) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	if err := act(req.Call); err != nil {
		return sdk.CredentialCheck{}, err
	}
	select {
	case <-time.After(2 * time.Millisecond):
	case <-ctx.Done():
	}
	return sdk.CredentialCheck{Valid: true, Reason: c.version}, nil
}

// versionOf reads the version that build appended to the program.
func versionOf(path string) string {
	text := make([]byte, versionLen)
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Seek(-int64(versionLen), io.SeekEnd); err != nil {
		panic(err)
	}
	if _, err := io.ReadFull(file, text); err != nil {
		panic(err)
	}
	return string(text)
}

// build makes a program that is the connector in that version.
func build(t *testing.T, version string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "acme-pay")
	if err := os.WriteFile(path, append(text, version...), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// A diary is a journal that tells whoever waits for an event.
type diary struct {
	mu     sync.Mutex
	events []supervise.Event
	news   chan struct{} // closed and replaced with every event
}

func (d *diary) Record(_ context.Context, e supervise.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
	close(d.news)
	d.news = make(chan struct{})
	return nil
}

func (d *diary) await(t *testing.T, generation uint64, to supervise.State) supervise.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		d.mu.Lock()
		news, events := d.news, d.events
		d.mu.Unlock()
		for _, e := range events {
			if e.Generation == generation && e.To == to {
				return e
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			t.Fatalf("generation %d was never %s: %+v", generation, to, events)
		}
	}
}

// A host is a supervisor of real processes, with its fleet.
type host struct {
	*supervise.Supervisor
	vice  atomic.Value // string: how the processes that are started from now on misbehave
	t     *testing.T
	slot  *slot.Slot
	diary *diary
	fleet *fleet.Fleet
}

func newHost(t *testing.T, change ...func(*supervise.Config)) *host {
	t.Helper()
	sockets, err := os.MkdirTemp("", "sv") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, slot: slot.New("acme-pay"), diary: &diary{news: make(chan struct{})}}
	h.vice.Store("")
	launcher := func(ctx context.Context, r fleet.Release) (supervise.Process, error) {
		vice, _ := h.vice.Load().(string)
		return supervise.Launch(launch.Config{
			RuntimeDir: sockets, StartTimeout: patience, DescribeTimeout: patience,
			// The race detector would keep every process for a second at its end.
			Env: []string{roleKey + "=connector", pathKey + "=" + r.Path, viceKey + "=" + vice, "GORACE=atexit_sleep_ms=0"},
		})(ctx, r)
	}
	config := supervise.Config{
		Slot: h.slot, Launcher: launcher, Journal: h.diary,
		StartTimeout: patience, ReadyTimeout: patience, HealthTimeout: 10 * time.Second, DrainTimeout: patience,
	}
	for _, change := range change {
		change(&config)
	}
	h.Supervisor = supervise.New(config)
	h.fleet, err = fleet.Open(filepath.Join(t.TempDir(), "releases"), supervise.Launcher(launcher).Trial(gatekeep.New, patience))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if left, err := os.ReadDir(sockets); err != nil || len(left) > 0 {
			t.Errorf("left in the runtime directory: %v, %v", left, err)
		}
		if err := os.RemoveAll(sockets); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *host) install(version string) fleet.Release {
	h.t.Helper()
	r, err := h.fleet.Install(h.t.Context(), build(h.t, version))
	if err != nil {
		h.t.Fatal(err)
	}
	if r.Version != version || r.Name != "acme-pay" {
		h.t.Fatalf("installed %v, want acme-pay %s", r, version)
	}
	return r
}

func (h *host) activate(r fleet.Release) {
	h.t.Helper()
	if err := h.Activate(h.t.Context(), r); err != nil {
		h.t.Fatal(err)
	}
}

// call makes one call and checks that the leased release answered it.
func (h *host) call() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l, err := h.slot.Acquire(ctx)
	if err != nil {
		return err
	}
	defer l.Release()
	req := sdk.CheckCredentialsRequest{Call: sdk.Call{Account: sdk.Account{ID: "acct_1", Mode: sdk.ModeTest}}}
	if refused := l.Route().Gate.Check(sdk.OpCheckCredentials, req); refused != nil {
		return refused
	}
	check, err := l.Remote().CheckCredentials(ctx, req)
	if err != nil {
		return err
	}
	if !check.Valid || check.Reason != l.Route().Version {
		return fmt.Errorf("leased %s, answered by %+v", l.Route().Version, check)
	}
	return nil
}

// gone reports whether no process has that id any more.
func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func TestKilledProcessIsReplaced(t *testing.T) {
	h := newHost(t)
	h.activate(h.install("1.0.0"))
	if err := h.call(); err != nil {
		t.Fatal(err)
	}
	pid := h.Status().PID
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if e := h.diary.await(t, 1, supervise.Crashed); e.PID != pid || e.Exit == nil || e.Exit.Reason != "killed by signal: killed" {
		t.Errorf("event = %+v, want pid %d killed", e, pid)
	}
	h.diary.await(t, 2, supervise.Serving)
	await(t, "the new process to take calls", func() bool { return h.call() == nil })
	if now := h.Status(); now.PID == pid || now.Restarts != 1 || !gone(pid) {
		t.Errorf("status = %+v, want another pid than %d, one restart, and the old process gone", now, pid)
	}
}

// await asks until ok, for what follows an event at once but is not it.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, over := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

func TestFrozenProcessIsReplaced(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *supervise.Config) {
		c.HealthEvery, c.HealthTimeout, c.HealthMisses = 50*time.Millisecond, time.Second, 2
		c.DrainTimeout = 100 * time.Millisecond
	})
	h.activate(h.install("1.0.0"))
	pid := h.Status().PID
	proctest.Signal(t, pid, syscall.SIGSTOP)
	h.diary.await(t, 1, supervise.Stopped)
	h.diary.await(t, 2, supervise.Serving)
	await(t, "the frozen process to be gone", func() bool { return gone(pid) })
	await(t, "the new process to take calls", func() bool { return h.call() == nil })
}

func TestSwapUnderCallersLosesNone(t *testing.T) {
	const callers, swaps = 16, 6
	h := newHost(t)
	releases := []fleet.Release{h.install("1.0.0"), h.install("1.1.0")}
	h.activate(releases[0])

	var calls atomic.Int64
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range callers {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := h.call(); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				calls.Add(1)
			}
		})
	}
	var pids []int
	for n := range swaps {
		before := calls.Load()
		pids = append(pids, h.Status().PID)
		report, err := h.Swap(t.Context(), releases[(n+1)%2], supervise.SwapOptions{})
		if err != nil || report.Left != 0 {
			t.Errorf("swap %d = %+v, %v", n, report, err)
		}
		await(t, "calls on the new process", func() bool { return calls.Load() > before || t.Failed() })
	}
	close(over)
	wg.Wait()
	for _, pid := range pids {
		await(t, "the old process to be gone", func() bool { return gone(pid) })
	}
	t.Logf("%d calls over %d swaps", calls.Load(), swaps)
}
