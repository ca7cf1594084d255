package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/slot"
)

// A Suspect is a call under which the connector died.
type Suspect struct {
	slot.Flight
	Deaths int       `json:"deaths"`
	Last   time.Time `json:"last"`
	Parked bool      `json:"parked,omitempty"`
}

// How long a call that is not parked stays suspected. An operation may be sent again
// for weeks; what is only asked is asked all the time, and by many.
const (
	suspectOperation = 30 * 24 * time.Hour
	suspectQuestion  = time.Hour
	// suspectsMost bounds the suspects that are not parked; the oldest go first.
	suspectsMost = 1000
)

func (s Suspect) stale(now time.Time) bool {
	memory := suspectQuestion
	if s.Subject == string(s.Operation) {
		memory = suspectOperation
	}
	return !s.Parked && now.Sub(s.Last) > memory
}

// suspect notes under which calls an instance died, and parks those under which the
// connector died before.
func (o *owner) suspect(in *instance) {
	if in.route == nil {
		return
	}
	now := time.Now()
	in.aboard = in.route.Aboard()
	o.suspects = slices.DeleteFunc(o.suspects, func(s Suspect) bool { return s.stale(now) })
	for _, f := range in.aboard {
		if f.Subject == "" {
			continue
		}
		i := slices.IndexFunc(o.suspects, func(s Suspect) bool { return s.Subject == f.Subject })
		if i < 0 {
			o.suspects = append(o.suspects, Suspect{Flight: f})
			i = len(o.suspects) - 1
		}
		s := &o.suspects[i]
		s.Deaths++
		s.Flight, s.Last = f, now
		if s.Deaths >= o.config.ParkAfter && !s.Parked {
			s.Parked = true
			in.parked = append(in.parked, s.Subject)
		}
	}
	o.trim()
	o.park()
}

// Learn puts in the place of the suspects what read returns, which runs when nothing
// else happens to the connector and must return soon after its context ends: what other
// hosts have found out, beside what Remember was told of. A call under which there were
// deaths enough is parked.
func (s *Supervisor) Learn(ctx context.Context, read func(context.Context) ([]Suspect, error)) error {
	return s.between(ctx, func(o *owner) error {
		ctx, cancel := context.WithTimeout(ctx, o.config.JournalTimeout)
		defer cancel()
		list, err := read(ctx)
		if err == nil {
			o.suspects = o.judged(list)
			o.park()
		}
		return err
	})
}

// judged parks the suspects that there is enough against.
func (o *owner) judged(list []Suspect) []Suspect {
	list = slices.Clone(list)
	for i := range list {
		list[i].Parked = list[i].Parked || list[i].Deaths >= o.config.ParkAfter
	}
	return list
}

// between does something when nothing else happens.
func (s *Supervisor) between(ctx context.Context, do func(*owner) error) error {
	done := make(chan error, 1)
	select {
	case s.inbox <- func(o *owner) { done <- do(o) }:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return ErrClosed
	}
}

// trim drops the oldest suspects where there are too many.
func (o *owner) trim() {
	excess := len(o.suspects) - len(o.parkedNow()) - suspectsMost
	o.suspects = slices.DeleteFunc(o.suspects, func(s Suspect) bool {
		if s.Parked || excess <= 0 {
			return false
		}
		excess--
		return true
	})
}

// park refuses what is parked.
func (o *owner) park() {
	var subjects []string
	for _, s := range o.parkedNow() {
		subjects = append(subjects, s.Subject)
	}
	o.config.Slot.Park(subjects)
	o.report()
}

func (o *owner) parkedNow() []Suspect {
	var parked []Suspect
	for _, s := range o.suspects {
		if s.Parked {
			parked = append(parked, s)
		}
	}
	return parked
}

// remember keeps the suspects for the next run of the host. They are in force anyway.
func (o *owner) remember() {
	if err := o.keep(o.suspects); err != nil {
		o.config.Logger.Error("calls under which the connector died could not be recorded", "error", err)
	}
}

func (o *owner) keep(suspects []Suspect) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), o.config.JournalTimeout)
	defer cancel()
	return o.config.Remember(ctx, suspects)
}

// Unpark lets a parked call be made again, as if the connector had never died under it.
// Subject names it, as in [slot.Flight]. An error of [ErrNotParked] or of the memory
// means that nothing has changed.
func (s *Supervisor) Unpark(ctx context.Context, subject string) error {
	err := s.between(ctx, func(o *owner) error { return o.unpark(subject) })
	switch {
	case err == nil, errors.Is(err, ErrClosed), ctx.Err() != nil:
		return err
	}
	return fmt.Errorf("unparking %s of %s: %w", subject, s.Connector(), err)
}

func (o *owner) unpark(subject string) error {
	i := slices.IndexFunc(o.suspects, func(s Suspect) bool { return s.Parked && s.Subject == subject })
	if i < 0 {
		return ErrNotParked
	}
	left := slices.Delete(slices.Clone(o.suspects), i, i+1)
	if err := o.keep(left); err != nil {
		return err
	}
	o.suspects = left
	o.park()
	return nil
}
