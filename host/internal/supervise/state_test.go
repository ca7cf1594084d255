package supervise

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	states = []State{
		unborn, Backoff, Quarantined, Starting, Described, Healthy, Canary, Serving, Draining, Stopped, Crashed, Rejected,
	}
	steps = []step{
		stepWait, stepQuarantine, stepStart, stepDescribe, stepProve, stepTry, stepPublish, stepDrain, stepReturn, stepStop, stepFail, stepRefuse,
	}
)

// The whole table, in words: a change to it must be meant.
const wantTable = `
(new) wait → backoff
(new) quarantine → quarantined
(new) start → starting
backoff start → starting
backoff stop → stopped
quarantined start → starting
quarantined stop → stopped
starting describe → described
starting stop → stopped
starting fail → crashed
starting refuse → rejected
described prove → healthy
described stop → stopped
described fail → crashed
healthy try → canary
healthy publish → serving
healthy stop → stopped
healthy fail → crashed
canary publish → serving
canary drain → draining
canary fail → crashed
serving drain → draining
serving fail → crashed
draining return → serving
draining stop → stopped
draining fail → crashed
`

func TestTable(t *testing.T) {
	var got strings.Builder
	got.WriteByte('\n')
	for _, from := range states {
		for _, s := range steps {
			if to, ok := table[from][s]; ok {
				name := string(from)
				if from == unborn {
					name = "(new)"
				}
				fmt.Fprintf(&got, "%s %s → %s\n", name, s, to)
			}
		}
	}
	if diff := cmp.Diff(wantTable, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestTableKnowsEveryState(t *testing.T) {
	listed := slices.Sorted(maps.Keys(table))
	if diff := cmp.Diff(slices.Sorted(slices.Values(states)), listed); diff != "" {
		t.Errorf("states of the table (-want +got):\n%s", diff)
	}
	for from, out := range table {
		for s, to := range out {
			if !slices.Contains(states, to) || !slices.Contains(steps, s) {
				t.Errorf("%s %s → %s: unknown state or step", from, s, to)
			}
		}
	}
}

func TestInstanceAtItsEndTakesNoStep(t *testing.T) {
	for _, s := range states {
		in := instance{state: s}
		if atEnd := len(table[s]) == 0; in.over() != atEnd {
			t.Errorf("over() of %q = %v, the table says %v", s, in.over(), atEnd)
		}
	}
}

// Serving must be reached through every proof, or by what passed them before.
func TestNothingServesUnproven(t *testing.T) {
	for _, from := range states {
		for s, to := range table[from] {
			proven := s == stepPublish && (from == Healthy || from == Canary) || s == stepReturn && from == Draining
			if to == Serving && !proven {
				t.Errorf("%s %s leads to serving", from, s)
			}
		}
	}
}
