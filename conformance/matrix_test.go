package conformance

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/all"
	"github.com/connectorhost/connectorhost/conformance/internal/subject"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// The reference connector passes every case, and each mutant of it fails the one that it
// must, for the reason that it must: the suite bites, and says where. In memory that takes
// seconds for a share of the cases; with MUTANTS=1 every mutant is held against every case
// as a process of its own, as a connector is that wants a certificate.

// whole reports whether there is time for everything.
func whole() bool { return os.Getenv("MUTANTS") != "" }

// A stage is where mutants are judged: it makes one, and a provider that is its own.
type stage func(t *testing.T, m broken.Mutant) (suite.Subject, *sim.Client)

// inMemory is the stage of mutants that need no process.
func inMemory(t *testing.T, m broken.Mutant) (suite.Subject, *sim.Client) {
	t.Helper()
	server := httptest.NewServer(deliver(t, provider.New(provider.Options{})))
	t.Cleanup(server.Close)
	client, err := sim.Dial(t.Context(), server.URL+provider.SimPath)
	if err != nil {
		t.Fatal(err)
	}
	return subject.Memory{Remote: m.Remote, New: func() sdk.Connector {
		pool := &http.Transport{MaxIdleConnsPerHost: 64}
		t.Cleanup(pool.CloseIdleConnections)
		return m.Make(pool)
	}}, client
}

// examine runs cases against the reference connector with a mutant's fault, and returns
// the results of those that did not pass or do not apply.
func examine(t *testing.T, on stage, m broken.Mutant, cases []suite.Case) []suite.Result {
	t.Helper()
	ctx := context.Background()
	fixtures, err := LoadFixtures(filepath.Join("reference", "conformance.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r := &suite.Run{Fixtures: fixtures, Levels: levels(), Seed: 1, Scale: 10}
	if whole() && m.ID != "" {
		r.Tries = func(id string, n int) int {
			if id == m.Killer {
				return n
			}
			return (n + fewer - 1) / fewer
		}
	}
	r.Subject, r.Sim = on(t, m)
	process, err := r.Subject.Start(ctx)
	if err != nil {
		return neverStarted(err)
	}
	results := r.Execute(ctx, r.PlanFor(process.Description(), cases), process)
	return slices.DeleteFunc(results, func(x suite.Result) bool { return x.Verdict == suite.Pass || x.Verdict == suite.NotApplicable })
}

// fewer is how many times fewer tries that are all alike a case makes that is not a
// mutant's killer: they are for what is wrong in one of a thousand.
const fewer = 20

// deliver sends the provider's webhooks until the test ends.
func deliver(t *testing.T, p *provider.Provider) *provider.Provider {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var delivering sync.WaitGroup
	post := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	delivering.Go(func() { p.Deliver(ctx, post) })
	t.Cleanup(func() {
		stop()
		delivering.Wait()
	})
	return p
}

func TestReferencePassesEveryCase(t *testing.T) {
	cases := Cases()
	if raceEnabled { // what is slow is so by its numbers, which show the detector nothing new
		cases = slices.DeleteFunc(cases, func(c suite.Case) bool { return c.Slow })
	}
	for _, r := range examine(t, inMemory, broken.Mutant{}, cases) {
		t.Errorf("%s %s: %s", r.Verdict, r.ID, r.Why)
	}
}

// matrixCases are all cases with MUTANTS=1. Otherwise they are the killer and its area,
// and a share of the rest that is another for each mutant:
// every case is run against some twenty of them. Of a process they are those about
// processes.
func matrixCases(m broken.Mutant) []suite.Case {
	if whole() {
		return Cases()
	}
	if m.Process != "" {
		return processCases()
	}
	area, _, _ := strings.Cut(m.Killer, "/")
	return slices.DeleteFunc(Cases(), func(c suite.Case) bool {
		switch own, _, _ := strings.Cut(c.ID, "/"); {
		case c.ID == m.Killer, c.ID == suite.ProbeID:
			return false
		case c.Slow || c.Alone:
			return true
		case own == area:
			return false
		}
		return sum(m.ID+c.ID)%16 != 0
	})
}

func sum(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum32()
}

// spared reports whether a mutant says that it may fail a case besides its killer.
func spared(m broken.Mutant, id string) bool {
	return slices.ContainsFunc(m.Collateral, func(pattern string) bool {
		ok, err := path.Match(pattern, id)
		return ok && err == nil
	})
}

func TestMutants(t *testing.T) {
	seen := map[string]bool{}
	limit := make(chan struct{}, 4)
	asProcess := newWorld(t).stage
	// There is more memory than time, and a fifth of that would go into collecting garbage.
	before := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	for _, m := range all.Mutants() {
		if err := m.Check(); err != nil {
			t.Error(err)
			continue
		}
		if seen[m.ID] {
			t.Errorf("two mutants are called %s", m.ID)
		}
		seen[m.ID] = true
		on := stage(inMemory)
		switch {
		case whole():
			on = asProcess
		case raceEnabled && (m.Process != "" || sum(m.ID)%32 != 0):
			continue // the detector is here for the suite, which is the same for all of them
		case m.Process != "":
			if !slices.Contains(representatives, m.ID) {
				continue
			}
			on = asProcess
		}
		t.Run(m.ID, func(t *testing.T) {
			t.Parallel()
			limit <- struct{}{}
			defer func() { <-limit }()
			wrong := judgeMutant(m, examine(t, on, m, matrixCases(m)))
			if len(wrong) > 0 { // a machine that stands still for a moment makes a case late
				t.Logf("at first: %s", strings.Join(wrong, "\n"))
				wrong = judgeMutant(m, examine(t, on, m, matrixCases(m)))
			}
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}

// judgeMutant says what is wrong with what a mutant failed: nothing, if that is its killer
// for its reason, and its collateral.
func judgeMutant(m broken.Mutant, failed []suite.Result) (wrong []string) {
	killed := false
	for _, r := range failed {
		switch {
		case r.ID == m.Killer:
			killed = r.Verdict == suite.Fail || r.Verdict == suite.Warn
			if !strings.Contains(r.Why, m.Reason) {
				wrong = append(wrong, fmt.Sprintf("%s fails, but not because of %q: %s", r.ID, m.Reason, r.Why))
			}
		case r.Verdict == suite.Blocked && m.Killer == suite.ProbeID:
			// Without the probe nothing that does not apply counts, so all of that is blocked.
		case !spared(m, r.ID):
			wrong = append(wrong, fmt.Sprintf("%s %s too: %s", r.ID, r.Verdict, r.Why))
		}
	}
	if !killed {
		wrong = append(wrong, fmt.Sprintf("%s does not fail: a connector that is wrong in this way would be certified: %s%s",
			m.Killer, m.Fault, list(failed)))
	}
	return wrong
}

func list(results []suite.Result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "\n  %s %s: %s", r.Verdict, r.ID, r.Why)
	}
	return b.String()
}
