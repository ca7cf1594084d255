package notify

import "sync/atomic"

// A Result is how an attempt at a delivery went.
type Result string

// The results.
const (
	Delivered Result = "delivered" // the merchant has it
	Failed    Result = "failed"    // it will be tried again
	GivenUp   Result = "given_up"  // it will not be tried again
)

// results counts attempts by how they went.
type results struct{ delivered, failed, givenUp atomic.Int64 }

func (r *results) add(result Result) {
	switch result {
	case Delivered:
		r.delivered.Add(1)
	case Failed:
		r.failed.Add(1)
	case GivenUp:
		r.givenUp.Add(1)
	}
}

// Results returns how many attempts of this process went how.
func (c *Courier) Results() map[Result]int64 {
	return map[Result]int64{
		Delivered: c.results.delivered.Load(), Failed: c.results.failed.Load(), GivenUp: c.results.givenUp.Load(),
	}
}
