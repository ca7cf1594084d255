package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// release makes the release of acme-pay with that version.
func release(version string, change ...func(*sdk.Description)) fleet.Release {
	d := sdk.Description{
		Manifest: sdk.Manifest{
			Name: "acme-pay", Version: version,
			Contract:     sdk.ContractRange{Min: 1, Max: 1},
			Methods:      []sdk.PaymentMethod{{Name: "acme", Flow: sdk.FlowDirect}},
			Countries:    []string{"JP", "NL"},
			Currencies:   []sdk.CurrencyFact{{Code: "JPY", Exponent: 0}},
			CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic, sdk.CaptureManual},
			Features:     sdk.Features{PartialCapture: true, PartialRefund: true},
			RefundScope:  sdk.RefundPayment,
		},
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpCapture, sdk.OpVoid},
	}
	for _, change := range change {
		change(&d)
	}
	return fleet.Release{Name: "acme-pay", Version: version, Digest: "digest of " + version, Description: d}
}

// A process is a connector in memory that does what a test tells it.
type process struct {
	sdk.Remote
	release fleet.Release
	started time.Time
	pid     int
	done    chan struct{}

	mu     sync.Mutex
	says   sdk.Description
	health func(context.Context) (sdk.Health, error)
	stop   func(context.Context) error // nil: it stops at once
	fails  error                       // what calls come back with
	takes  time.Duration               // and after how long
	exit   launch.Exit
	over   bool
	ended  time.Time
}

func (p *process) Description() sdk.Description { return p.says }
func (p *process) PID() int                     { return p.pid }
func (p *process) Done() <-chan struct{}        { return p.done }

func (p *process) Exit() launch.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

func (p *process) Health(ctx context.Context) (sdk.Health, error) {
	p.mu.Lock()
	health := p.health
	p.mu.Unlock()
	return health(ctx)
}

// Capture implements [sdk.Remote].
func (p *process) Capture(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error) {
	p.mu.Lock()
	fails, takes := p.fails, p.takes
	p.mu.Unlock()
	if takes > 0 {
		<-time.After(takes)
	}
	if !p.alive() {
		fails = sdk.Errorf("acme-pay", sdk.CodePluginCrash, "EOF")
	}
	return sdk.CaptureResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, fails
}

// behaves makes calls take so long and come back with err.
func (p *process) behaves(takes time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.takes, p.fails = takes, err
}

func (p *process) setHealth(health func(context.Context) (sdk.Health, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.health = health
}

func (p *process) Stop(ctx context.Context) error {
	if p.stop != nil {
		if err := p.stop(ctx); err != nil {
			return err
		}
	}
	p.end(launch.Exit{Stopped: true})
	return nil
}

// end is the end of the process; only the first one counts.
func (p *process) end(exit launch.Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.exit, p.over, p.ended = exit, true, time.Now()
	close(p.done)
}

func (p *process) crash() {
	p.end(launch.Exit{Code: 2, LastLines: []string{"panic: out of cheese", "goroutine 1 [running]:"}})
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.over
}

func (p *process) crashed() bool { return p.Exit().Code == 2 }

func fine(context.Context) (sdk.Health, error) { return sdk.Health{Serving: true}, nil }

func unfit(context.Context) (sdk.Health, error) { return sdk.Health{Reason: "no entropy"}, nil }

// silent never answers.
func silent(ctx context.Context) (sdk.Health, error) {
	<-ctx.Done()
	return sdk.Health{}, ctx.Err()
}

// A launcher makes processes. What it does to a process before it is handed over can
// be changed at any time.
type launcher struct {
	mu      sync.Mutex
	rig     func(context.Context, *process) error
	made    []*process
	started []time.Time
}

func (l *launcher) launch(ctx context.Context, r fleet.Release) (supervise.Process, error) {
	l.mu.Lock()
	l.started = append(l.started, time.Now())
	p := &process{release: r, says: r.Description, started: time.Now(), pid: 1000 + len(l.started), done: make(chan struct{}), health: fine}
	rig := l.rig
	l.mu.Unlock()
	if rig != nil {
		if err := rig(ctx, p); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, p)
	return p, nil
}

func (l *launcher) rigged(rig func(context.Context, *process) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rig = rig
}

// processes returns what was made, oldest first.
func (l *launcher) processes() []*process {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*process(nil), l.made...)
}

func (l *launcher) last() *process {
	all := l.processes()
	return all[len(all)-1]
}

// starts returns when each start began.
func (l *launcher) starts() []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]time.Time(nil), l.started...)
}

// A journal keeps events in memory, fails when it is told to, and checks what must
// hold of every record.
type journal struct {
	t      *testing.T
	slot   *slot.Slot
	mu     sync.Mutex
	events []supervise.Event
	fail   func(supervise.Event) error
}

func (j *journal) Record(_ context.Context, e supervise.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		if err := j.fail(e); err != nil {
			return err
		}
	}
	if r := j.slot.Current(); e.To == supervise.Serving && r != nil && r.Generation == e.Generation {
		j.t.Errorf("generation %d took calls before that was recorded", e.Generation)
	}
	if e.Cause == "" || e.Connector != "acme-pay" || e.At.IsZero() || e.Generation == 0 {
		j.t.Errorf("event lacks a cause, connector, time or generation: %+v", e)
	}
	j.events = append(j.events, e)
	return nil
}

func (j *journal) failing(fail func(supervise.Event) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail = fail
}

func (j *journal) all() []supervise.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]supervise.Event(nil), j.events...)
}

// life returns the states that a generation went through.
func (j *journal) life(generation uint64) string {
	var states []string
	for _, e := range j.all() {
		if e.Generation == generation {
			states = append(states, string(e.To))
		}
	}
	return strings.Join(states, " ")
}

// last returns the last event of a generation.
func (j *journal) last(generation uint64) (e supervise.Event) {
	for _, event := range j.all() {
		if event.Generation == generation {
			e = event
		}
	}
	return e
}

// find returns the last event that led generation to a state.
func (j *journal) find(t *testing.T, generation uint64, to supervise.State) supervise.Event {
	t.Helper()
	var found supervise.Event
	for _, e := range j.all() {
		if e.Generation == generation && e.To == to {
			found = e
		}
	}
	if found.To == "" {
		t.Fatalf("generation %d was never %s: %s", generation, to, j.life(generation))
	}
	return found
}

// A bench is a supervisor at work, with a world in memory.
type bench struct {
	*supervise.Supervisor
	*launcher
	t       *testing.T
	slot    *slot.Slot
	journal *journal
	end     context.CancelFunc
	ran     chan error
	made    int // calls
}

// impossible fails the test when something is logged that must never be.
type impossible struct {
	slog.Handler
	t *testing.T
}

func (h impossible) Enabled(context.Context, slog.Level) bool { return true }
func (h impossible) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h impossible) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "impossible step" {
		r.Attrs(func(a slog.Attr) bool { h.t.Errorf("impossible step: %v", a); return true })
	}
	return nil
}

// admitted is a policy that lets everything serve.
func admitted(_ fleet.Release, d sdk.Description) (supervise.Admission, error) {
	return supervise.Admission{Description: d, Gate: &gatekeep.Gate{}}, nil
}

// newBench starts a supervisor. The waits of its back-off are the longest there are.
func newBench(t *testing.T, change ...func(*supervise.Config)) *bench {
	t.Helper()
	s := slot.New("acme-pay")
	b := &bench{t: t, slot: s, launcher: &launcher{}, journal: &journal{t: t, slot: s}, ran: make(chan error, 1)}
	config := supervise.Config{
		Slot:     s,
		Launcher: b.launch,
		Journal:  b.journal,
		Admit:    admitted,
		Logger:   slog.New(impossible{t: t}),
		Jitter:   func(d time.Duration) time.Duration { return d },
	}
	for _, change := range change {
		change(&config)
	}
	b.Supervisor = supervise.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	b.end = cancel
	go func() { b.ran <- b.Run(ctx); close(b.ran) }()
	t.Cleanup(func() {
		if err := b.shutDown(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return b
}

// shutDown ends Run, once, and checks that nothing is left.
func (b *bench) shutDown() error {
	b.t.Helper()
	b.end()
	err, running := <-b.ran
	if !running {
		return nil
	}
	for _, p := range b.processes() {
		if p.alive() && err == nil {
			b.t.Errorf("Run returned while process %d is alive", p.pid)
		}
	}
	return err
}

// serving starts a bench whose connector serves r.
func serving(t *testing.T, r fleet.Release, change ...func(*supervise.Config)) *bench {
	t.Helper()
	b := newBench(t, change...)
	if err := b.Activate(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return b
}

// wants checks the state of what is meant to serve.
func (b *bench) wants(state supervise.State, generation uint64) {
	b.t.Helper()
	synctest.Wait()
	got := b.Status()
	if got.State != state || got.Generation != generation {
		b.t.Fatalf("generation %d is %s (%s), want generation %d to be %s", got.Generation, got.State, got.Cause, generation, state)
	}
	live := b.slot.Current()
	if (state == supervise.Serving) != (live != nil && live.Generation == generation) {
		b.t.Fatalf("the slot leads to %v while generation %d is %s", live, generation, state)
	}
}

// refused checks that no call is taken, and that the caller is told why.
func (b *bench) refused(why string) {
	b.t.Helper()
	_, err := b.slot.Acquire(b.t.Context())
	if sdk.AsError(err).Outcome() != sdk.OutcomeNotAttempted || !strings.Contains(fmt.Sprint(err), why) {
		b.t.Errorf("Acquire = %v, want a refusal that says %q", err, why)
	}
}

// awaited checks that a call waits for the process that is expected.
func (b *bench) awaited() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Millisecond)
	defer cancel()
	if _, err := b.slot.Acquire(ctx); err == nil || sdk.AsError(err).Code != sdk.CodeExpiredInQueue {
		b.t.Errorf("Acquire = %v, want that it waits", err)
	}
}

func (b *bench) lease() *slot.Lease {
	b.t.Helper()
	l, err := b.slot.Acquire(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

var errNo = errors.New("no")

// elapse lets virtual time pass, and everything that was due then be done.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// slow makes a start take its time.
func slow(d time.Duration) func(context.Context, *process) error {
	return func(ctx context.Context, _ *process) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
