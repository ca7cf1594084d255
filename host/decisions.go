package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// decisions are which release of each connector is to serve, on all hosts that share the
// store. A decision is made by the host that gets the command, once the release has
// proven itself there: by the same record that makes it serve there, both or neither. So
// of two commands that two hosts get at once, one is carried out and the other changes
// nothing.
//
// It is also the journal of this host's supervisors.
type decisions struct {
	store  *store.Store
	host   string // id of this one
	shared bool   // whether a release has to be where other hosts can fetch it

	mu   sync.Mutex
	seen map[string]store.Desired // by connector; as it was last read or made
	open map[*decision]struct{}
}

// A decision is a command under way, which says what is to serve.
type decision struct {
	connector string
	digest    string        // empty: whatever comes to serve
	was       store.Desired // what it was based on, or what this host has decided since
}

func newDecisions(s *store.Store, host string, shared bool) *decisions {
	return &decisions{store: s, host: host, shared: shared, seen: map[string]store.Desired{}, open: map[*decision]struct{}{}}
}

// read returns what is to serve, by connector.
func (d *decisions) read(ctx context.Context) (map[string]store.Desired, error) {
	list, err := d.store.Desired(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading what is to serve: %w", err)
	}
	all := make(map[string]store.Desired, len(list))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, is := range list {
		if is.Revision >= d.seen[is.Connector].Revision {
			d.seen[is.Connector] = is
		}
		all[is.Connector] = d.seen[is.Connector]
	}
	return all, nil
}

// begin opens a decision, based on what is to serve now. It must be closed.
func (d *decisions) begin(ctx context.Context, connector, digest string) (*decision, error) {
	all, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	made := &decision{connector: connector, digest: digest, was: all[connector]}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[made] = struct{}{}
	return made, nil
}

func (d *decisions) close(made *decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, made)
}

// underWay reports whether a command is being carried out here that says what is to
// serve.
func (d *decisions) underWay(connector string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range d.open {
		if o.connector == connector {
			return true
		}
	}
	return false
}

// settle makes the decision that r is to serve, if the supervisor did not have to: r
// served here all along.
func (d *decisions) settle(ctx context.Context, made *decision, r fleet.Release, at time.Time) error {
	was := d.basis(made)
	if was.Digest == r.Digest {
		return nil
	}
	story, err := json.Marshal(map[string]any{
		"at": at, "to": "decided", "connector": r.Name, "version": r.Version, "digest": r.Digest,
		"cause": "it serves here already, and is to serve on every host",
	})
	if err != nil {
		return fmt.Errorf("encoding a journal entry: %w", err)
	}
	entry := store.JournalEntry{Connector: r.Name, At: at, Name: "decided", Context: story, Host: d.host}
	return d.decide(ctx, entry, was, store.Desired{Digest: r.Digest, Version: r.Version})
}

func (d *decisions) basis(made *decision) store.Desired {
	d.mu.Lock()
	defer d.mu.Unlock()
	return made.was
}

// Record makes an event durable, and with it the decision that it carries out.
func (d *decisions) Record(ctx context.Context, e supervise.Event) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding a journal entry: %w", err)
	}
	entry := store.JournalEntry{Connector: e.Connector, At: e.At, Name: string(e.To), Context: raw, Host: d.host}
	if e.To != supervise.Serving || attached(e.Digest) {
		return d.store.AppendJournal(ctx, entry)
	}
	is := store.Desired{Digest: e.Digest, Version: e.Version}
	was, commanded := d.basisOf(e)
	switch {
	case commanded && was.Digest != e.Digest:
		return d.decide(ctx, entry, was, is)
	case !commanded && e.Undoes != "" && was.Digest == e.Undoes:
		// This host has found out that the release is worse than the one before it. What it
		// found out holds for all, once; but it goes back whatever the others do.
		err := d.decide(ctx, entry, was, is)
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, fleet.ErrNotInstalled) {
			return err
		}
	}
	return d.store.AppendJournal(ctx, entry)
}

// basisOf is what a release that comes to serve is compared with, and whether a command
// says that it is to.
func (d *decisions) basisOf(e supervise.Event) (was store.Desired, commanded bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range d.open {
		if o.connector == e.Connector && (o.digest == "" || o.digest == e.Digest) {
			return o.was, true
		}
	}
	return d.seen[e.Connector], false
}

// decide changes what is to serve. Other commands to this host come after it.
func (d *decisions) decide(ctx context.Context, entry store.JournalEntry, was, is store.Desired) error {
	is, err := d.store.Decide(ctx, entry, was, is, d.shared)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w for other hosts: %w", fleet.ErrNotInstalled, err)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("another host was told what is to serve meanwhile: look what it is, then decide again: %w", err)
	case err != nil:
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[is.Connector] = is
	for o := range d.open {
		if o.connector == is.Connector && o.was.Revision == was.Revision {
			o.was = is
		}
	}
	return nil
}
