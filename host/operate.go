package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

func compare(a, b string) int { return cmp.Compare(a, b) }

// activate brings every connector up with the release that is to serve, all at once. A
// connector that does not come up is reported and tried again in the background; it
// keeps no other from serving.
func (h *Host) activate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, activateBound)
	defer cancel()
	desired, err := h.decisions.read(ctx)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for name := range desired {
		names[name] = true
	}
	for _, r := range h.fleet.List() {
		names[r.Name] = true
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []error
	)
	for name := range names {
		wg.Go(func() {
			if err := h.resume(ctx, name, desired[name]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// resume brings a connector up with the release that is to serve. If this host cannot
// have it, or does not let it serve, it is the one that served here last.
func (h *Host) resume(ctx context.Context, name string, is store.Desired) error {
	last, _, err := h.connectors.lastServed(ctx, name)
	if err != nil {
		return err
	}
	if is.Revision == 0 { // nothing was decided since before there were decisions
		if last == "" {
			return nil
		}
		release, err := h.fleet.Get(last)
		if err != nil {
			return fmt.Errorf("connector %s: %w", name, err)
		}
		_, err = h.use(ctx, release, supervise.SwapOptions{})
		return err
	}
	err = h.follower.bring(ctx, is)
	if err == nil || last == "" || last == is.Digest || ctx.Err() != nil {
		return err
	}
	x, down := h.connectors.get(ctx, name)
	if down != nil {
		return errors.Join(err, down)
	}
	if state := x.supervisor.Status().State; state != supervise.Stopped && state != supervise.Rejected {
		return err // it is tried again, and again
	}
	release, missing := h.fleet.Get(last)
	if missing == nil {
		_, missing = h.connectors.use(ctx, release, supervise.SwapOptions{})
	}
	return errors.Join(err, missing)
}

// follow makes what is to serve serve here. It allows what whoever decided has allowed.
func (h *Host) follow(ctx context.Context, is store.Desired) error {
	// A connector that is to serve and does not is one that this host has.
	if _, err := h.connectors.get(ctx, is.Connector); err != nil {
		return err
	}
	release, err := h.have(ctx, is.Digest)
	if err != nil {
		return fmt.Errorf("connector %s: %w", is.Connector, err)
	}
	done, err := h.fleet.Keep(release.Digest)
	if err != nil {
		return err
	}
	defer done()
	_, err = h.connectors.use(ctx, release, supervise.SwapOptions{AllowLoss: true, Trial: &supervise.Trial{}})
	return err
}

// have returns an installed release, which is fetched from the other hosts if need be.
func (h *Host) have(ctx context.Context, digest string) (fleet.Release, error) {
	r, err := h.fleet.Get(digest)
	if !errors.Is(err, fleet.ErrNotInstalled) {
		return r, err
	}
	r, err = h.depot.fetch(ctx, digest, h.fleet, h.connectors.objection)
	h.connectors.reconsider(digest)
	return r, err
}

// Install copies a connector's binary into this host, with its certificate, which may be
// nil, and gives both to the hosts that share its database. It changes nothing that
// serves, and starts nothing that the policy refuses.
func (h *Host) Install(ctx context.Context, file string, certificate []byte) (fleet.Release, error) {
	r, err := h.fleet.InstallCertified(ctx, file, certificate, h.connectors.objection)
	h.connectors.reconsider(r.Digest)
	if err != nil {
		return r, err
	}
	if certificate == nil { // one that was there already stays
		if certificate, err = h.fleet.Certificate(r.Digest); err != nil {
			return r, err
		}
	}
	return r, h.depot.put(ctx, r, certificate)
}

// Use makes an installed release serve, in the place of whatever release of its
// connector served before, even if that one could do more.
func (h *Host) Use(ctx context.Context, r fleet.Release) (supervise.SwapReport, error) {
	return h.use(ctx, r, supervise.SwapOptions{AllowLoss: true})
}

// EnsureConnector installs a binary and makes it serve unless a release of its
// connector is active already: that one stays until an operator swaps it.
func (h *Host) EnsureConnector(ctx context.Context, file string, certificate []byte) error {
	release, err := h.Install(ctx, file, certificate)
	if err != nil {
		return err
	}
	x, err := h.connectors.get(ctx, release.Name)
	if err != nil || x.supervisor.Status().State != supervise.Stopped {
		return err
	}
	desired, err := h.decisions.read(ctx)
	if err != nil || desired[release.Name].Revision > 0 {
		return err
	}
	if _, err = h.use(ctx, release, supervise.SwapOptions{}); errors.Is(err, store.ErrConflict) {
		return nil // another host was quicker, and this one follows
	}
	return err
}

// TrustKey lets tokens signed with the private half of a P-521 key in PEM call the
// merchants' API with every scope, for every merchant account.
func (h *Host) TrustKey(ctx context.Context, privatePEM []byte, name string) error {
	kid, public, err := api.PublicHalf(privatePEM)
	if err != nil {
		return err
	}
	return h.store.SaveKey(ctx, &store.APIKey{
		ID: kid, PublicKey: public, DisplayName: name, Scopes: []string{"*.read", "*.write"}, Active: true,
		CreatedAt: h.config.Now(),
	})
}

// Releases lists what is installed.
func (h *Host) Releases() []fleet.Release { return h.fleet.List() }

// Connectors tells how every connector is.
func (h *Host) Connectors() []supervise.Status { return h.connectors.status() }

// releaseOf finds a release of a connector, installed here or on another host, by
// digest, the beginning of a digest, or version.
func (h *Host) releaseOf(ctx context.Context, connector, ref string) (fleet.Release, error) {
	found := map[string]bool{} // by digest
	note := func(name, version, digest string) {
		if name == connector && (strings.HasPrefix(digest, ref) || version == ref) {
			found[digest] = true
		}
	}
	for _, r := range h.fleet.List() {
		note(r.Name, r.Version, r.Digest)
	}
	elsewhere, err := h.depot.list(ctx)
	if err != nil {
		return fleet.Release{}, err
	}
	for _, r := range elsewhere {
		if !r.Removed {
			note(r.Name, r.Version, r.Digest)
		}
	}
	switch len(found) {
	case 0:
		return fleet.Release{}, fmt.Errorf("release %q of %s: %w", ref, connector, fleet.ErrNotInstalled)
	case 1:
		for digest := range found {
			return h.have(ctx, digest)
		}
	}
	return fleet.Release{}, fmt.Errorf("%w: %d releases of %s are called %q: name one by its digest",
		supervise.ErrRefused, len(found), connector, ref)
}

// Rollback goes back to the release that served before the one that serves: at once if
// its process is still warm, by a swap if it is not. It may take capabilities away: that
// is what going back means.
func (h *Host) Rollback(ctx context.Context, connector string) (supervise.SwapReport, error) {
	x, err := h.connectors.known(connector)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	decision, err := h.decisions.begin(ctx, connector, "")
	if err != nil {
		return supervise.SwapReport{}, err
	}
	report, err := x.supervisor.Rollback(ctx)
	h.decisions.close(decision)
	if !errors.Is(err, supervise.ErrNotWarm) {
		for _, r := range h.fleet.List() {
			if err == nil && r.Digest == report.To.Digest {
				h.connectors.uses(x, r)
			}
		}
		return report, err
	}
	r, err := h.earlier(ctx, connector, x.supervisor.Status().Digest)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	return h.use(ctx, r, supervise.SwapOptions{AllowLoss: true, Trial: &supervise.Trial{}, Undo: true})
}

// earlier is the release that served last before the current one and is installed.
func (h *Host) earlier(ctx context.Context, connector, current string) (r fleet.Release, err error) {
	digests, err := h.connectors.servedBefore(ctx, connector, current)
	if err != nil {
		return fleet.Release{}, err
	}
	for _, digest := range digests {
		if r, err = h.have(ctx, digest); !errors.Is(err, fleet.ErrNotInstalled) {
			return r, err
		}
	}
	return fleet.Release{}, err
}

// Activate makes an installed release serve where none of its connector is active.
func (h *Host) Activate(ctx context.Context, connector, release string) error {
	r, err := h.releaseOf(ctx, connector, release)
	if err != nil {
		return err
	}
	return h.bringIntoUse(ctx, r, func() error {
		x, err := h.connectors.get(ctx, connector)
		if err == nil {
			err = x.supervisor.Activate(ctx, r)
		}
		if err == nil {
			h.connectors.uses(x, r)
		}
		return err
	})
}

// use makes a release serve, here and on every host.
func (h *Host) use(ctx context.Context, r fleet.Release, o supervise.SwapOptions) (report supervise.SwapReport, err error) {
	err = h.bringIntoUse(ctx, r, func() (err error) {
		report, err = h.connectors.use(ctx, r, o)
		return err
	})
	return report, err
}

// bringIntoUse carries a command out that says that a release is to serve. The release
// is kept from being removed until it is seen to be in use.
func (h *Host) bringIntoUse(ctx context.Context, r fleet.Release, command func() error) error {
	done, err := h.fleet.Keep(r.Digest)
	if err != nil {
		return err
	}
	defer done()
	decision, err := h.decisions.begin(ctx, r.Name, r.Digest)
	if err != nil {
		return err
	}
	defer h.decisions.close(decision)
	if err := command(); err != nil {
		return err
	}
	return h.decisions.settle(ctx, decision, r, h.config.Now())
}

// Remove removes an installed release, named by its whole digest, from this host and from
// those that share its database, as soon as they are done with it. One that runs, that is
// warm, that is being brought up, or that would be at the next start is [fleet.ErrInUse].
func (h *Host) Remove(ctx context.Context, digest string) error {
	var names []string
	for _, r := range h.fleet.List() {
		if r.Digest == digest {
			names = append(names, r.Name)
		}
	}
	return h.fleet.Remove(ctx, digest, func() error {
		use, err := h.connectors.useOf(ctx, digest, names...)
		if err == nil && use != "" {
			err = fmt.Errorf("release %.12s is %w: it %s", digest, fleet.ErrInUse, use)
		}
		if err == nil {
			err = h.depot.remove(ctx, digest)
		}
		return err
	})
}

// Unpark lets a call be made again that was parked because the connector died under it.
func (h *Host) Unpark(ctx context.Context, connector, subject string) error {
	x, err := h.connectors.known(connector)
	if err != nil {
		return err
	}
	if err := x.supervisor.Unpark(ctx, subject); err != nil {
		return err
	}
	story, err := json.Marshal(map[string]string{"subject": subject, "cause": "unparked by an operator"})
	if err != nil {
		return fmt.Errorf("encoding a journal entry: %w", err)
	}
	return h.store.AppendJournal(ctx, store.JournalEntry{Connector: connector, Name: "unparked", Context: story, Host: h.id})
}

// Restart replaces a connector's process by a new one of the same release.
func (h *Host) Restart(ctx context.Context, connector string) (supervise.SwapReport, error) {
	x, err := h.connectors.known(connector)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	return x.supervisor.Restart(ctx)
}

// EndQuarantine lets a connector that kept failing start again.
func (h *Host) EndQuarantine(ctx context.Context, connector string) error {
	x, err := h.connectors.known(connector)
	if err != nil {
		return err
	}
	return x.supervisor.EndQuarantine(ctx)
}
