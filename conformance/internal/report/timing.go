package report

import (
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Timing is how long the calls of an operation took that were answered, in
// microseconds, the simulator's time included. It is for comparison with other runs on
// the same machine, and decides nothing.
type Timing struct {
	Operation sdk.Operation `json:"operation"`
	Calls     int           `json:"calls"`
	P50       int64         `json:"p50_us"`
	P95       int64         `json:"p95_us"`
	Max       int64         `json:"max_us"`
}

// timings sums up the calls of the cases that passed: in the others something was broken.
func timings(results []suite.Result) []Timing {
	took := map[sdk.Operation][]time.Duration{}
	for _, r := range results {
		if r.Verdict != suite.Pass {
			continue
		}
		for _, c := range r.Calls {
			if c.Error == "" {
				op := sdk.Operation(c.Operation)
				took[op] = append(took[op], c.Took)
			}
		}
	}
	var all []Timing
	for _, op := range sdk.AllOperations() {
		calls := took[op]
		if len(calls) == 0 {
			continue
		}
		slices.Sort(calls)
		at := func(percent int) int64 { return calls[(len(calls)-1)*percent/100].Microseconds() }
		all = append(all, Timing{Operation: op, Calls: len(calls), P50: at(50), P95: at(95), Max: at(100)})
	}
	return all
}
