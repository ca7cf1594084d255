package api

import "net/http"

// DefaultAtOnce is how many requests are in work at once where [Config.AtOnce] is 0.
const DefaultAtOnce = 512

// places are how many requests may be in work at once: those that may wait for a
// provider, and those that do not, each among their own, so that a slow provider leaves
// room to read. Nobody waits for a place: a request without one is refused before
// anything was done for it, and one that has one keeps it until it is answered.
type places struct{ slow, quick chan struct{} }

// newPlaces makes so many places for requests that wait, and a quarter of it for those
// that do not: they are over sooner, and cost this machine more while they last.
func newPlaces(atOnce int) places {
	return places{make(chan struct{}, atOnce), make(chan struct{}, max(atOnce/4, 1))}
}

// take takes a place, if there is one. leave gives it back.
func (p places) take(slow bool) (leave func(), ok bool) {
	places := p.quick
	if slow {
		places = p.slow
	}
	select {
	case places <- struct{}{}:
		return func() { <-places }, true
	default:
		return nil, false
	}
}

// tooMany refuses a request that came while there were too many.
func tooMany(cause error) *problem {
	p := newProblem(http.StatusTooManyRequests, "too_many_requests", "Too many requests at once; try again")
	p.cause, p.retryAfter = cause, 1
	return p
}

// away refuses a request because the database is not there or takes no writes.
func away(cause error) *problem {
	p := newProblem(http.StatusServiceUnavailable, "service_unavailable", "The service is not available at the moment; try again")
	p.cause, p.retryAfter = cause, 5
	return p
}
