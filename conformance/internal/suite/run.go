package suite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Result is one case's verdict and how it came to it.
type Result struct {
	ID          string  `json:"id"`
	Requirement string  `json:"requirement"`
	Level       Level   `json:"level"`
	Profile     Profile `json:"profile"`
	Rule        string  `json:"rule"`
	// Operations are those that the case is about.
	Operations   []sdk.Operation `json:"operations,omitempty"`
	Verdict      Verdict         `json:"verdict"`
	Why          string          `json:"why,omitempty"` // what was expected and what was seen; empty for a pass
	Step         string          `json:"step,omitempty"`
	Expected     string          `json:"expected,omitempty"`
	Actual       string          `json:"actual,omitempty"`
	Repeats      int             `json:"repeats,omitempty"` // beyond the first run
	Milliseconds int64           `json:"milliseconds"`

	// What was said, for whoever looks into a verdict that is no pass.
	Calls    []Exchange       `json:"-"`
	Provider []proxy.Exchange `json:"-"`
}

// A Run is everything that is needed to run cases.
type Run struct {
	Subject  Subject
	Fixtures Fixtures
	Sim      *sim.Client // nil without a simulator
	Levels   func(requirement string) Level
	Seed     uint64
	Parallel int // 0 means two for each processor
	Scale    int // how many times longer cases may take; 0 means once
	Progress func(Result)
	// Tries says how many of n tries that are all alike a case makes; nil means all. It is
	// for tests of the suite itself, which run it hundreds of times: a verdict on a
	// connector takes all of them.
	Tries func(id string, n int) int
}

// A Plan is what a run is going to do, known before it begins.
type Plan struct {
	Description sdk.Description
	Cases       []Case            // in their order, those of processes left out in memory
	NotOffered  map[string]string // ids of cases that do not apply, and why
	Missing     map[string]string // ids of cases that cannot be tested, and what is missing
}

// PlanFor decides which of the cases apply to a connector and can be tested.
func (r *Run) PlanFor(d sdk.Description, cases []Case) Plan {
	p := Plan{Description: d, NotOffered: map[string]string{}, Missing: map[string]string{}}
	for _, c := range cases {
		if c.Process && r.Subject.InMemory() {
			continue
		}
		p.Cases = append(p.Cases, c)
		if applies, why := c.Applies(d); !applies {
			p.NotOffered[c.ID] = why
			continue
		}
		switch {
		case c.Sim && r.Sim == nil:
			p.Missing[c.ID] = "it needs a simulator, and the fixtures name none"
		case r.Sim != nil && !r.Sim.Can(c.Uses...):
			p.Missing[c.ID] = fmt.Sprintf("the simulator lacks one of the abilities %v", c.Uses)
		}
	}
	return p
}

// ProbeID is the case that proves that what is not offered is refused. Without its pass
// nothing counts as not applicable.
const ProbeID = "capability/undeclared-refused"

// Execute runs a plan against process and those that follow it, and returns a result for
// each case in the plan's order. It stops early when ctx ends; what was not run then is
// ERROR.
func (r *Run) Execute(ctx context.Context, p Plan, process Process) []Result {
	e := &execution{Run: r, plan: p, clock: &Clock{}, keeper: &keeper{subject: r.Subject, process: process}}
	defer e.keeper.close()
	results := make([]Result, len(p.Cases))
	var side, alone []int
	for i, c := range p.Cases {
		switch {
		case c.ID == ProbeID:
			results[i] = e.one(ctx, c)
			e.probed = results[i].Verdict
		case c.Alone:
			alone = append(alone, i)
		default:
			side = append(side, i)
		}
	}
	e.sideBySide(ctx, side, results)
	for _, i := range alone {
		results[i] = e.one(ctx, p.Cases[i])
	}
	return results
}

type execution struct {
	*Run
	plan   Plan
	clock  *Clock
	keeper *keeper
	probed Verdict
	tell   sync.Mutex
}

func (e *execution) sideBySide(ctx context.Context, indexes []int, results []Result) {
	next := make(chan int)
	var workers sync.WaitGroup
	parallel := e.Parallel
	if parallel == 0 {
		parallel = 2 * runtime.GOMAXPROCS(0)
	}
	for range parallel {
		workers.Go(func() {
			for i := range next {
				results[i] = e.one(ctx, e.plan.Cases[i])
			}
		})
	}
	for _, i := range indexes {
		next <- i
	}
	close(next)
	workers.Wait()
}

// one runs a case, twice if it did not pass.
func (e *execution) one(ctx context.Context, c Case) Result {
	r := e.decide(ctx, c)
	e.tell.Lock()
	defer e.tell.Unlock()
	if e.Progress != nil {
		e.Progress(r)
	}
	return r
}

func (e *execution) decide(ctx context.Context, c Case) Result {
	r := Result{ID: c.ID, Requirement: c.Requirement, Level: e.Levels(c.Requirement), Profile: c.Profile, Rule: c.Rule, Operations: c.Needs}
	if why, ok := e.plan.NotOffered[c.ID]; ok {
		r.Verdict, r.Why = NotApplicable, why
		if e.probed != Pass {
			r.Verdict, r.Why = Blocked, why+", but "+ProbeID+" does not prove that it is refused"
		}
		return r
	}
	if why, ok := e.plan.Missing[c.ID]; ok {
		r.Verdict, r.Why = NotTestable, why
		return r
	}
	if ctx.Err() != nil {
		r.Verdict, r.Why = Error, "the run was stopped before it"
		return r
	}
	first := e.attempt(ctx, c, r)
	if first.Verdict == Pass || first.Verdict == NotTestable || first.Verdict == Blocked {
		return first
	}
	again := e.attempt(ctx, c, r)
	again.Repeats = 1
	if again.Verdict != first.Verdict {
		first.Why = fmt.Sprintf("%s at first, %s when repeated: %s%s", first.Verdict, again.Verdict, first.Why, again.Why)
		first.Verdict, first.Repeats = Flaky, 1
		return first
	}
	return again
}

// attempt runs a case once. Whatever goes wrong in the suite itself is an ERROR, never
// a pass.
func (e *execution) attempt(ctx context.Context, c Case, r Result) (out Result) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	timeout *= time.Duration(max(e.Scale, 1))
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begun := time.Now()
	process, err := e.keeper.get(ctx)
	var lane *Lane
	if err == nil {
		lane, err = OpenLane(ctx, Options{
			Subject: e.Subject, Process: process, Fixtures: e.Fixtures, Sim: e.Sim, Clock: e.clock, Seed: e.seedOf(c.ID),
			Tries: func(n int) int { return e.tries(c.ID, n) },
		})
	}
	if err == nil {
		err = errors.Join(e.play(ctx, c, lane), lane.Close(context.WithoutCancel(ctx)))
		r.Calls, r.Provider = lane.Calls(), lane.Proxy.Exchanges()
		err = e.died(c, process, err)
	}
	r.Milliseconds = time.Since(begun).Milliseconds()
	r.Verdict, r.Why = Judge(r.Level, err)
	if broken, ok := errors.AsType[*Broken](err); ok {
		r.Step, r.Expected, r.Actual = broken.Step, broken.Expected, broken.Actual
	}
	return r
}

// play tells the story and then asks whether the laws were kept.
func (e *execution) play(ctx context.Context, c Case, l *Lane) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the suite panicked: %v\n%s", ErrSuite, p, debug.Stack())
		}
	}()
	if err := c.Run(ctx, l); err != nil {
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil && !isOwn(err) {
			return Brokenf("the case", "an end within its time", "%v", err)
		}
		return err
	}
	if err := l.Lawful(); err != nil {
		return err
	}
	return l.Books(ctx)
}

// died blames a case during which the process ended.
func (e *execution) died(c Case, process Process, err error) error {
	select {
	case <-process.Done():
		if err == nil || isOwn(err) || c.Process {
			return err
		}
		return errors.Join(err, errors.New("and the connector's process ended"))
	default:
		return err
	}
}

// tries is how many of n tries that are all alike a case makes.
func (e *execution) tries(id string, n int) int {
	if e.Tries == nil {
		return n
	}
	return e.Tries(id, n)
}

// seedOf gives each case numbers of its own, whatever runs beside it.
func (e *execution) seedOf(id string) uint64 {
	h := fnv.New64a()
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], e.Seed)
	_, _ = h.Write(append(seed[:], id...)) // never fails
	return h.Sum64()
}

// A keeper keeps a process running: one that died is followed by another.
type keeper struct {
	subject Subject
	mu      sync.Mutex
	process Process
	old     []Process
}

func (k *keeper) get(ctx context.Context) (Process, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.process.Done():
	default:
		return k.process, nil
	}
	next, err := k.subject.Start(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: starting the connector again: %w", ErrBlocked, err)
	}
	k.old = append(k.old, k.process)
	k.process = next
	return next, nil
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range append(k.old, k.process) {
		_ = p.Stop(context.Background()) // that it stops is a case of its own
	}
}

// Roll is the verdict of results: the worst of them.
func Roll(results []Result) (Verdict, map[Verdict]int) {
	counts := map[Verdict]int{}
	for _, r := range results {
		counts[r.Verdict]++
	}
	for _, v := range Worst() {
		if counts[v] > 0 {
			return v, counts
		}
	}
	return Error, counts
}

// Sorted orders results as reports show them: by profile, then by id.
func Sorted(results []Result) []Result {
	sorted := slices.Clone(results)
	rank := func(p Profile) int { return slices.Index(Profiles(), p) }
	slices.SortStableFunc(sorted, func(a, b Result) int {
		if d := rank(a.Profile) - rank(b.Profile); d != 0 {
			return d
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return sorted
}
