//go:build unix

package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// These tests run real processes and send real signals. The short forms run with all
// others; CHAOS=1 runs the long ones, and CHAOS_SEED repeats a run.

const viceKey = "SUPERVISE_TEST_VICE"

// The ways a connector misbehaves.
const (
	vicePrints    = "prints before the handshake"
	viceSilent    = "never shakes hands"
	viceDies      = "dies at its start"
	viceLies      = "says another version"
	viceContract  = "speaks another contract"
	viceUnhealthy = "is unhealthy"
	viceCore      = "is of a go-plugin to come"
	viceCollapses = "dies when it is asked how it is"
)

// poorer is the version of a release that can do less.
const poorer = "1.9.0"

func runConnector(version, vice string) {
	switch vice {
	case vicePrints:
		fmt.Fprintln(os.Stdout, "hello")
	case viceSilent:
		select {}
	case viceDies:
		os.Exit(3)
	case viceContract:
		greet(1, sdk.ContractVersion+1)
	case viceCore:
		greet(2, sdk.ContractVersion)
	}
	if strings.HasPrefix(vice, viceSpeaks) {
		speak(strings.TrimPrefix(vice, viceSpeaks))
	}
	serve.Connector(connector{version: version, vice: vice})
}

func (c connector) twist(m sdk.Manifest) sdk.Manifest {
	switch {
	case c.vice == viceLies:
		m.Version = "6.6.6"
	case strings.HasPrefix(c.vice, viceSpeaks):
		m.Contract = rangeOf(strings.TrimPrefix(c.vice, viceSpeaks))
	case c.version == poorer:
		m.Countries = []string{"JP"}
	}
	return m
}

// Health implements [sdk.HealthReporter].
func (c connector) Health(context.Context) (sdk.Health, error) {
	switch c.vice {
	case viceCollapses:
		os.Exit(7)
	case viceFreezes:
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // another thread may be the one that is stopped first
	}
	return sdk.Health{Serving: c.vice != viceUnhealthy, Reason: c.vice}, nil
}

// act does to the provider what a call asks for: a line in its books, or the death of
// the connector.
func act(call sdk.Call) error {
	if call.Account.Field("deadly") != "" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	books := call.Account.Field("books")
	if books == "" {
		return nil
	}
	file, err := os.OpenFile(books, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, call.OperationID)
	return errors.Join(err, file.Close())
}

// chaos says how long a test is to be, and gives it its chance.
func chaos(t *testing.T, short, long int) (int, *rand.Rand) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("CHAOS_SEED: %v", err)
		}
	}
	t.Logf("CHAOS_SEED=%d", seed)
	if os.Getenv("CHAOS") != "" {
		short = long
	}
	return short, rand.New(rand.NewPCG(seed, seed))
}

// A crowd sends operations until it is stopped, each once.
type crowd struct {
	h       *host
	books   string
	sent    atomic.Int64
	stopped chan struct{}
	wg      sync.WaitGroup
}

func (h *host) crowd(callers int) *crowd {
	c := &crowd{h: h, books: filepath.Join(h.t.TempDir(), "books"), stopped: make(chan struct{})}
	for range callers {
		c.wg.Go(func() {
			for {
				select {
				case <-c.stopped:
					return
				default:
				}
				id := strconv.FormatInt(c.sent.Add(1), 10)
				if err := h.send(id, map[string]string{"books": c.books}); err != nil {
					h.t.Errorf("operation %s failed: %v", id, err)
				}
			}
		})
	}
	return c
}

// goesOn waits until the crowd has sent more.
func (c *crowd) goesOn() {
	c.h.t.Helper()
	before := c.sent.Load()
	await(c.h.t, "calls", func() bool { return c.sent.Load() > before+10 || c.h.t.Failed() })
}

// end stops the crowd and compares what it sent with what the provider's books say.
func (c *crowd) end() {
	c.h.t.Helper()
	close(c.stopped)
	c.wg.Wait()
	text, err := os.ReadFile(c.books)
	if err != nil {
		c.h.t.Fatal(err)
	}
	effects := map[string]int{}
	for _, line := range strings.Fields(string(text)) {
		effects[line]++
	}
	for n := range c.sent.Load() {
		if id := strconv.FormatInt(n+1, 10); effects[id] != 1 {
			c.h.t.Errorf("operation %s took effect %d times, want once", id, effects[id])
		}
	}
	c.h.t.Logf("%d operations, each with one effect", c.sent.Load())
}

// send makes one call for an operation.
func (h *host) send(id string, config map[string]string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	call := sdk.Call{
		OperationID: sdk.OperationID(id), PaymentID: sdk.PaymentID("pay-" + id), Attempt: 1,
		Account: sdk.Account{ID: "acct_1", Mode: sdk.ModeTest, Config: config},
	}
	l, err := h.slot.Acquire(sdk.WithCall(ctx, call))
	if err != nil {
		return err
	}
	defer l.Release()
	check, err := l.Remote().CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: call})
	if err == nil && check.Reason != l.Route().Version {
		return fmt.Errorf("leased %s, answered by %+v", l.Route().Version, check)
	}
	return err
}

// Swaps, rollbacks, restarts and trials under load fail no call and double none.
func TestChaosSwapStorm(t *testing.T) {
	steps, random := chaos(t, 12, 500)
	h := newHost(t, func(c *supervise.Config) { c.Bake = patience })
	releases := []fleet.Release{h.install("1.0.0"), h.install("1.1.0"), h.install("1.2.0")}
	h.activate(releases[0])
	crowd := h.crowd(64)
	for n := range steps {
		var err error
		what := ""
		switch random.IntN(4) {
		case 0:
			what = "rollback"
			if _, err = h.Rollback(t.Context()); errors.Is(err, supervise.ErrNotWarm) {
				err = nil
			}
		case 1:
			what = "restart"
			_, err = h.Restart(t.Context())
		case 2:
			what = "swap after a trial"
			trial := supervise.Trial{Percent: 30, For: 20 * time.Millisecond}
			_, err = h.Swap(t.Context(), releases[random.IntN(3)], supervise.SwapOptions{Trial: &trial})
		default:
			what = "swap"
			_, err = h.Swap(t.Context(), releases[random.IntN(3)], supervise.SwapOptions{})
		}
		if err != nil {
			t.Errorf("step %d, %s: %v", n, what, err)
		}
		crowd.goesOn()
	}
	crowd.end()
}

// Going back within the bake time, by an operator, under load.
func TestChaosRollbackUnderLoad(t *testing.T) {
	rounds, _ := chaos(t, 4, 200)
	h := newHost(t, func(c *supervise.Config) { c.Bake = patience })
	old, bad := h.install("1.0.0"), h.install("1.1.0")
	h.activate(old)
	pid := h.Status().PID
	crowd := h.crowd(16)
	for range rounds {
		if _, err := h.Swap(t.Context(), bad, supervise.SwapOptions{}); err != nil {
			t.Error(err)
		}
		crowd.goesOn()
		if report, err := h.Rollback(t.Context()); err != nil || report.To.Digest != old.Digest {
			t.Errorf("Rollback = %+v, %v", report, err)
		}
		crowd.goesOn()
	}
	crowd.end()
	if now := h.Status(); now.PID != pid || now.Generation != 1 {
		t.Errorf("process %d serves, want the one that never ended, %d", now.PID, pid)
	}
}

// A release that dies in the bake time under load: only what was on it is in doubt.
func TestChaosCrashInTheBakeTime(t *testing.T) {
	rounds, random := chaos(t, 2, 50)
	h := newHost(t, func(c *supervise.Config) { c.Bake = patience })
	old, bad := h.install("1.0.0"), h.install("1.1.0")
	h.activate(old)
	for range rounds {
		if _, err := h.Swap(t.Context(), bad, supervise.SwapOptions{}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(random.IntN(int(5 * time.Millisecond))))
		generation, pid := h.Status().Generation, h.Status().PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		h.diary.await(t, generation, supervise.Crashed)
		await(t, "the old process to serve again", func() bool { return h.Status().Generation == 1 && h.call() == nil })
	}
}

// Whatever is wrong with a candidate, it is refused and callers of the old one never
// notice.
func TestChaosBadCandidates(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *supervise.Config) { c.ReadyTimeout, c.StartTimeout = 3*time.Second, 3*time.Second })
	old, next, less := h.install("1.0.0"), h.install("1.1.0"), h.install(poorer)
	damaged := h.install("1.2.0")
	text, err := os.ReadFile(damaged.Path)
	if err == nil {
		err = errors.Join(os.Remove(damaged.Path), os.WriteFile(damaged.Path, append(text, "1.2.0"...), 0o500))
	}
	if err != nil {
		t.Fatal(err)
	}
	h.activate(old)
	pid := h.Status().PID
	crowd := h.crowd(4)
	tests := map[string]struct {
		release fleet.Release
		says    string
		fault   supervise.Fault
	}{
		vicePrints:                         {next, `printed "hello"`, supervise.FaultHandshake},
		viceSilent:                         {next, "deadline", supervise.FaultTimeout},
		viceDies:                           {next, "exit code 3", supervise.FaultEnded},
		viceLies:                           {next, "otherwise than when it was installed: version", supervise.FaultDescribed},
		viceContract:                       {next, "contract", supervise.FaultContract},
		viceUnhealthy:                      {next, "not healthy within", supervise.FaultUnhealthy},
		viceCollapses:                      {next, "exit code 7", supervise.FaultEnded},
		"is not the file that was checked": {damaged, "digest", supervise.FaultDigest},
		"is not there any more":            {fleet.Release{Name: "acme-pay", Version: "9.0.0", Digest: old.Digest[1:] + "0", Path: "/nowhere"}, "no such file", supervise.FaultBinary},
		"can do less":                      {less, "country nl", supervise.FaultCapability},
	}
	for vice, tt := range tests {
		t.Run(vice, func(t *testing.T) {
			h.vice.Store(vice)
			_, err := h.Swap(t.Context(), tt.release, supervise.SwapOptions{})
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), tt.says) || supervise.FaultOf(err) != tt.fault {
				t.Errorf("Swap = %v (%s), want an error that says %q (%s)", err, supervise.FaultOf(err), tt.says, tt.fault)
			}
			if now := h.Status(); now.State != supervise.Serving || now.PID != pid {
				t.Errorf("process %d is %s, want %d to serve on", now.PID, now.State, pid)
			}
			crowd.goesOn()
		})
	}
	crowd.end()
}

// A connector that keeps being killed is quarantined; its neighbour loses no call.
func TestChaosCrashLoopBesideANeighbour(t *testing.T) {
	t.Parallel()
	rounds, random := chaos(t, 1, 20)
	loop := newHost(t, func(c *supervise.Config) { c.BackoffMin, c.BackoffMax = time.Millisecond, 10*time.Millisecond })
	neighbour := newHost(t)
	loop.activate(loop.install("1.0.0"))
	neighbour.activate(neighbour.install("1.0.0"))
	pid := neighbour.Status().PID
	crowd := neighbour.crowd(8)
	generation := uint64(1)
	for range rounds {
		for range 5 {
			e := loop.diary.await(t, generation, supervise.Serving)
			<-time.After(time.Duration(random.IntN(int(10 * time.Millisecond))))
			if err := syscall.Kill(e.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			loop.diary.await(t, generation, supervise.Crashed)
			generation++
		}
		loop.diary.await(t, generation, supervise.Quarantined)
		if err := loop.call(); sdk.AsError(err).Code != sdk.CodePluginUnavailable {
			t.Errorf("a call in quarantine: %v", err)
		}
		crowd.goesOn()
		if err := loop.EndQuarantine(t.Context()); err != nil {
			t.Fatal(err)
		}
		generation++
	}
	crowd.end()
	if now := neighbour.Status(); now.PID != pid || now.Restarts != 0 {
		t.Errorf("the neighbour is process %d after %d restarts, want %d and none", now.PID, now.Restarts, pid)
	}
}

// An operation that kills the connector kills it twice and no more.
func TestChaosPoisonedOperation(t *testing.T) {
	t.Parallel()
	poisons, _ := chaos(t, 1, 10)
	h := newHost(t, func(c *supervise.Config) {
		c.BackoffMin, c.BackoffMax, c.CrashLimit = time.Millisecond, 10*time.Millisecond, 1000
	})
	h.activate(h.install("1.0.0"))
	for n := range poisons {
		id := fmt.Sprint("poison-", n)
		for range 2 {
			generation := h.Status().Generation
			if err := h.send(id, map[string]string{"deadly": "yes"}); sdk.AsError(err).Code != sdk.CodePluginCrash {
				t.Fatalf("the deadly call = %v, want that the connector crashed", err)
			}
			if e := h.diary.await(t, generation, supervise.Crashed); len(e.Aboard) != 1 || e.Aboard[0].Subject != id {
				t.Errorf("aboard = %+v, want the deadly operation", e.Aboard)
			}
			await(t, "the next process", func() bool { return h.Status().Generation > generation && h.call() == nil })
		}
		pid := h.Status().PID
		var parked *slot.ParkedError
		if err := h.send(id, map[string]string{"deadly": "yes"}); !errors.As(err, &parked) {
			t.Errorf("the deadly call again = %v, want that it is parked", err)
		}
		if err := h.call(); err != nil || h.Status().PID != pid {
			t.Errorf("another call = %v on process %d, want %d to serve on", err, h.Status().PID, pid)
		}
	}
	if n := len(h.Status().Parked); n != poisons {
		t.Errorf("%d are parked, want %d", n, poisons)
	}
}
