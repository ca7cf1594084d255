package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// suspects are the calls under which a connector died, on any host: what kills one
// process kills them all, and a call that is in doubt goes from host to host. So deaths
// are added up, and what is parked or unparked on one host is on every other, within
// seconds.
type suspects struct {
	store     *store.Store
	connector string

	mu    sync.Mutex
	known []supervise.Suspect // as the supervisor of this host has them
}

// suspectTries bounds how often a list is merged again because another host was quicker.
const suspectTries = 20

// read returns what all hosts know, which from now on this one knows too.
func (s *suspects) read(ctx context.Context) ([]supervise.Suspect, error) {
	list, _, err := s.kept(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = list
	return slices.Clone(list), nil
}

// news reports whether another host knows something that this one does not.
func (s *suspects) news(ctx context.Context) (bool, error) {
	list, _, err := s.kept(ctx)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.EqualFunc(list, s.known, func(a, b supervise.Suspect) bool {
		return a.Subject == b.Subject && a.Deaths == b.Deaths && a.Parked == b.Parked
	}), nil
}

func (s *suspects) kept(ctx context.Context) (list []supervise.Suspect, raw string, err error) {
	raw, err = s.store.Meta(ctx, suspectsKey(s.connector))
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(raw), &list)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the calls under which %s died: %w", s.connector, err)
	}
	return list, raw, nil
}

// remember adds to what all hosts know what this one has found out since it knew it.
func (s *suspects) remember(ctx context.Context, mine []supervise.Suspect) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for try := 0; ; try++ {
		theirs, was, err := s.kept(ctx)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(merged(s.known, mine, theirs))
		if err != nil {
			return fmt.Errorf("encoding the calls under which %s died: %w", s.connector, err)
		}
		if string(raw) != was {
			err = s.store.ReplaceMeta(ctx, suspectsKey(s.connector), was, string(raw))
		}
		if err == nil {
			s.known = slices.Clone(mine)
		}
		if !errors.Is(err, store.ErrConflict) || try == suspectTries {
			return err
		}
	}
}

// merged is theirs, with what turned base into mine: deaths are added, and what was
// dropped is.
func merged(base, mine, theirs []supervise.Suspect) []supervise.Suspect {
	of := func(list []supervise.Suspect, subject string) (supervise.Suspect, bool) {
		i := slices.IndexFunc(list, func(s supervise.Suspect) bool { return s.Subject == subject })
		if i < 0 {
			return supervise.Suspect{}, false
		}
		return list[i], true
	}
	all := []supervise.Suspect{}
	for _, their := range theirs {
		was, known := of(base, their.Subject)
		is, kept := of(mine, their.Subject)
		switch {
		case !kept && known: // dropped here
		case !kept || is.Deaths == was.Deaths:
			all = append(all, their)
		default:
			is.Deaths += their.Deaths - was.Deaths
			is.Parked = is.Parked || their.Parked
			all = append(all, is)
		}
	}
	for _, is := range mine {
		if _, there := of(theirs, is.Subject); there {
			continue
		}
		if was, known := of(base, is.Subject); !known || is.Deaths != was.Deaths { // else dropped elsewhere
			is.Deaths -= was.Deaths
			is.Parked = is.Parked && !known
			all = append(all, is)
		}
	}
	return all
}

// suspectsKey names the calls under which a connector died. The journal tells of every
// death; this is what is left of it that decides.
func suspectsKey(connector string) string { return "suspects: " + connector }
