package supervise

import (
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Status is what is known about a connector at one moment.
type Status struct {
	Connector string `json:"connector"`
	// Instance is what is meant to serve. Its state is Stopped, without a generation,
	// when nothing was ever activated.
	Instance
	Restarts int   `json:"restarts"`            // without being asked, since the host started
	LastExit *Exit `json:"last_exit,omitempty"` // of what was meant to serve
	// Others are what a swap is bringing up or trying, what drains, what is kept warm and
	// what is being stopped.
	Others []Instance `json:"others,omitempty"`
	// Parked are the calls that are refused until an operator unparks them.
	Parked []Suspect `json:"parked,omitempty"`
}

// An Instance is one attempt to run a release.
type Instance struct {
	Ref
	State    State     `json:"state"`
	Since    time.Time `json:"since,omitzero"`
	Cause    string    `json:"cause"`
	PID      int       `json:"pid,omitempty"`
	InFlight int       `json:"in_flight"`
	StartAt  time.Time `json:"start_at,omitzero"` // in a back-off: when its start is due
	// Warm says that it drains and can take the calls again at once, with a rollback.
	Warm bool `json:"warm,omitempty"`
	// Layers are the walls around the process that stand, and those that are missing.
	Layers []launch.Layer `json:"layers,omitempty"`
}

// Status returns what is known. It never waits.
func (s *Supervisor) Status() Status {
	snap := s.status.Load()
	status := Status{
		Connector: s.Connector(),
		Instance:  Instance{State: Stopped, Cause: "it has not been activated"},
		Restarts:  snap.restarts,
		LastExit:  snap.lastExit,
		Parked:    snap.parked,
	}
	if snap.main != nil {
		status.Instance = snap.main.now()
	}
	for _, v := range snap.others {
		status.Others = append(status.Others, v.now())
	}
	return status
}

// A snapshot is a Status but for the calls in flight, which change without the owner.
type snapshot struct {
	main     *view
	others   []view
	restarts int
	lastExit *Exit
	parked   []Suspect
}

type view struct {
	Instance
	route *slot.Route
}

func (v view) now() Instance {
	in := v.Instance
	if v.route != nil {
		in.InFlight = v.route.InFlight()
	}
	return in
}

func (in *instance) ref() Ref {
	return Ref{Generation: in.generation, Version: in.release.Version, Digest: in.release.Digest}
}

func (in *instance) view() view {
	v := view{
		Instance: Instance{Ref: in.ref(), State: in.state, Since: in.since, Cause: in.cause, StartAt: in.startAt},
		route:    in.route,
	}
	if in.process != nil && in.exit == nil {
		v.PID = in.process.PID()
		if walled, ok := in.process.(interface{ Layers() []launch.Layer }); ok {
			v.Layers = walled.Layers()
		}
	}
	return v
}

// report publishes what is known now.
func (o *owner) report() {
	snap := &snapshot{restarts: o.restarts, lastExit: o.lastExit, parked: o.parkedNow()}
	if o.main != nil {
		v := o.main.view()
		snap.main = &v
	}
	if in := o.candidate; in != nil && in.process == nil {
		snap.others = append(snap.others, in.view())
	}
	for in := range o.live {
		if in != o.main {
			v := in.view()
			v.Warm = in == o.warm
			snap.others = append(snap.others, v)
		}
	}
	o.status.Store(snap)
}
