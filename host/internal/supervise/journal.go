package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Journal keeps what happens to connectors.
type Journal interface {
	// Record must have made event durable when it returns nil. It must return soon after
	// ctx ends.
	Record(ctx context.Context, event Event) error
}

// An Event is one instance going from one state to another.
type Event struct {
	At         time.Time `json:"at"`
	Connector  string    `json:"connector"`
	Generation uint64    `json:"generation"`
	Version    string    `json:"version"`
	Digest     string    `json:"digest"`
	From       State     `json:"from,omitempty"` // empty for an instance that is new
	To         State     `json:"to"`
	Cause      string    `json:"cause"`
	PID        int       `json:"pid,omitempty"`
	// InFlight is the number of calls on the process at that time. With To [Crashed]
	// their outcome is unknown; with To [Stopped] they outlasted the drain.
	InFlight int       `json:"in_flight,omitempty"`
	StartAt  time.Time `json:"start_at,omitzero"` // with To Backoff
	Exit     *Exit     `json:"exit,omitempty"`    // with To Crashed
	// Fault is the word for Cause, with To [Rejected] and, after a start that failed,
	// with To [Crashed].
	Fault Fault `json:"fault,omitempty"`
	// Reasons are what is wrong with its certificate, with Fault [FaultCertificate].
	Reasons []certificate.Reason `json:"reasons,omitempty"`
	// Aboard are the calls that were on their way, with To Crashed.
	Aboard []slot.Flight `json:"aboard,omitempty"`
	// Parked are those of them that are refused from now on.
	Parked []string `json:"parked,omitempty"`
	// Undoes is the digest of the release that this one serves in the place of because
	// it was taken back, with To Serving.
	Undoes string `json:"undoes,omitempty"`
}

// An Exit is how a process ended, or how it failed to start.
type Exit struct {
	At         time.Time `json:"at"`
	Generation uint64    `json:"generation"`
	Reason     string    `json:"reason"` // such as "exit code 2"
	// LastLines are the last lines that the process wrote to standard error, redacted.
	LastLines []string `json:"last_lines,omitempty"`
}

func exitOf(in *instance, exit launch.Exit) *Exit {
	return &Exit{At: time.Now(), Generation: in.generation, Reason: exit.String(), LastLines: exit.LastLines}
}

func (o *owner) eventOf(in *instance, to State, cause string, at time.Time) Event {
	e := Event{
		At:         at,
		Connector:  o.Connector(),
		Generation: in.generation,
		Version:    in.release.Version,
		Digest:     in.release.Digest,
		From:       in.state,
		To:         to,
		Cause:      cause,
		InFlight:   in.inFlight(),
	}
	if in.process != nil {
		e.PID = in.process.PID()
	}
	if to == Backoff {
		e.StartAt = in.startAt
	}
	if to == Crashed {
		e.Exit = in.exit
		e.Aboard, e.Parked = in.aboard, in.parked
	}
	if to == Crashed || to == Rejected {
		e.Fault, e.Reasons = in.fault, in.reasons
	}
	if to == Serving {
		e.Undoes = in.undoes
	}
	if to == Stopped {
		e.InFlight = in.left
	}
	return e
}

// errUnrecorded means that the journal failed, which no connector is to blame for.
var errUnrecorded = errors.New("could not be recorded")

// record writes e down, and tells the log if that fails.
func (o *owner) record(e Event) error {
	log := o.config.Logger.With("generation", e.Generation, "version", e.Version, "state", e.To, "cause", e.Cause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), o.config.JournalTimeout)
	defer cancel()
	if err := o.config.Journal.Record(ctx, e); err != nil {
		log.Error("a connector's state could not be recorded", "error", err)
		return fmt.Errorf("generation %d %w to be %s: %w", e.Generation, errUnrecorded, e.To, err)
	}
	level := slog.LevelInfo
	if e.To == Crashed || e.To == Quarantined || e.To == Rejected {
		level = slog.LevelWarn
	}
	log.Log(o.ctx, level, "connector "+string(e.To), "pid", e.PID, "in_flight", e.InFlight)
	return nil
}
