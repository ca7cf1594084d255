package supervise

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A State is where an instance is in its life.
type State string

// The states. The last three are the end of an instance; another one takes its place.
const (
	Backoff     State = "backoff"     // has no process; waits for its start
	Quarantined State = "quarantined" // has no process; waits for an operator
	Starting    State = "starting"    // its process is being started and vetted
	Described   State = "described"   // it is what was installed, and admitted
	Healthy     State = "healthy"     // it said that it can serve
	Canary      State = "canary"      // it takes a share of the payments, beside what serves
	Serving     State = "serving"     // it takes calls
	Draining    State = "draining"    // it takes no new calls; those in flight go on, and then it may be kept
	Stopped     State = "stopped"     // ended on purpose
	Crashed     State = "crashed"     // ended by itself, or could not be started
	Rejected    State = "rejected"    // must not serve
)

// unborn is the state of an instance before its first step.
const unborn State = ""

// A step is what happens to an instance.
type step string

const (
	stepWait       step = "wait"
	stepQuarantine step = "quarantine"
	stepStart      step = "start"
	stepDescribe   step = "describe"
	stepProve      step = "prove"
	stepTry        step = "try"
	stepPublish    step = "publish"
	stepDrain      step = "drain"
	stepReturn     step = "return"
	stepStop       step = "stop"
	stepFail       step = "fail"
	stepRefuse     step = "refuse"
)

// table says which step leads where. What is not in it cannot happen.
var table = map[State]map[step]State{
	unborn:      {stepStart: Starting, stepWait: Backoff, stepQuarantine: Quarantined},
	Backoff:     {stepStart: Starting, stepStop: Stopped},
	Quarantined: {stepStart: Starting, stepStop: Stopped},
	Starting:    {stepDescribe: Described, stepStop: Stopped, stepFail: Crashed, stepRefuse: Rejected},
	Described:   {stepProve: Healthy, stepStop: Stopped, stepFail: Crashed},
	Healthy:     {stepTry: Canary, stepPublish: Serving, stepStop: Stopped, stepFail: Crashed},
	Canary:      {stepPublish: Serving, stepDrain: Draining, stepFail: Crashed},
	Serving:     {stepDrain: Draining, stepFail: Crashed},
	Draining:    {stepReturn: Serving, stepStop: Stopped, stepFail: Crashed},
	Stopped:     {},
	Crashed:     {},
	Rejected:    {},
}

// An instance is one attempt to run a release, with at most one process. Only the
// owner changes it; workers read what is set before they start.
type instance struct {
	generation uint64
	release    fleet.Release
	ctx        context.Context // ends when nothing more is to be done for it
	cancel     context.CancelFunc

	state      State
	since      time.Time // of the state
	cause      string    // of the state
	job        *job      // the command that waits for it, or nil
	heir       *job      // the command that replaced it and waits for its drain, or nil
	undoes     string    // the digest of the release that it serves in the place of, if that is taken back
	dismissed  string    // why a start that is under way is not wanted any more
	startAt    time.Time // when a wait is over
	servedFrom time.Time // when it was published

	process Process              // nil before it was started
	route   *slot.Route          // nil before it was described
	past    *past                // how calls on it went lately
	leaving *retirement          // its way out of service, or nil
	left    int                  // calls that outlasted the drain
	gone    chan struct{}        // closed when the process was stopped or given up
	exit    *Exit                // how it ended, once it has
	fault   Fault                // why its start failed, if there is a word for it
	reasons []certificate.Reason // what is wrong with its certificate, if that is why
	aboard  []slot.Flight        // the calls that were in flight then
	parked  []string             // and those of them that were parked for it
}

// inFlight is the number of calls that are on it.
func (in *instance) inFlight() int {
	if in.route == nil {
		return 0
	}
	return in.route.InFlight()
}

// over reports whether it is at its end.
func (in *instance) over() bool {
	switch in.state {
	case Stopped, Crashed, Rejected:
		return true
	case unborn, Backoff, Quarantined, Starting, Described, Healthy, Canary, Serving, Draining:
	}
	return false
}

// served is for how long it has served without being replaced.
func (in *instance) served(now time.Time) time.Duration {
	if in.servedFrom.IsZero() {
		return 0
	}
	return now.Sub(in.servedFrom)
}

// advance takes a step that gives an instance more to do. Without a record of it, it
// does not happen.
func (o *owner) advance(in *instance, s step, cause string) error {
	return o.move(in, s, cause, true)
}

// fall takes a step that gives an instance less to do. It happens even if it cannot be
// recorded: a dead process stays dead, and one that must not serve must not wait for
// a disk. The error has been logged.
func (o *owner) fall(in *instance, s step, cause string) {
	_ = o.move(in, s, cause, false)
}

func (o *owner) move(in *instance, s step, cause string, needsRecord bool) error {
	to, possible := table[in.state][s]
	if !possible {
		err := fmt.Errorf("generation %d cannot %s while it is %s", in.generation, s, in.state)
		o.config.Logger.Error("impossible step", "error", err, "cause", cause)
		return err
	}
	now := time.Now()
	err := o.record(o.eventOf(in, to, cause, now))
	if err != nil && needsRecord {
		return err
	}
	in.state, in.since, in.cause = to, now, cause
	if to == Serving {
		in.servedFrom = now
	}
	o.report()
	return nil
}
