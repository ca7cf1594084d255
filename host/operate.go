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

// activate brings every connector back up with the release that served last, all at
// once. A connector that does not come up is reported and tried again in the
// background; it keeps no other from serving.
func (h *Host) activate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, activateBound)
	defer cancel()
	names := map[string]bool{}
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
			if err := h.resume(ctx, name); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// resume activates the release of a connector that served last.
func (h *Host) resume(ctx context.Context, name string) error {
	digest, _, err := h.connectors.lastServed(ctx, name)
	if err != nil || digest == "" {
		return err
	}
	release, err := h.fleet.Get(digest)
	if err != nil {
		return fmt.Errorf("connector %s: %w", name, err)
	}
	_, err = h.use(ctx, release, supervise.SwapOptions{})
	return err
}

// Install copies a connector's binary into this host, with its certificate, which may be
// nil. It changes nothing that serves, and starts nothing that the policy refuses.
func (h *Host) Install(ctx context.Context, file string, certificate []byte) (fleet.Release, error) {
	r, err := h.fleet.InstallCertified(ctx, file, certificate, h.connectors.objection)
	h.connectors.reconsider(r.Digest)
	return r, err
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
	_, err = h.use(ctx, release, supervise.SwapOptions{})
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

// releaseOf finds an installed release of a connector by digest, the beginning of a
// digest, or version.
func (h *Host) releaseOf(connector, ref string) (fleet.Release, error) {
	var found []fleet.Release
	for _, r := range h.fleet.List() {
		if r.Name == connector && (strings.HasPrefix(r.Digest, ref) || r.Version == ref) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return fleet.Release{}, fmt.Errorf("release %q of %s: %w", ref, connector, fleet.ErrNotInstalled)
	case 1:
		return h.fleet.Get(found[0].Digest)
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
	report, err := x.supervisor.Rollback(ctx)
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
		if r, err = h.fleet.Get(digest); !errors.Is(err, fleet.ErrNotInstalled) {
			return r, err
		}
	}
	return fleet.Release{}, err
}

// Activate makes an installed release serve where none of its connector is active.
func (h *Host) Activate(ctx context.Context, connector, release string) error {
	r, err := h.releaseOf(connector, release)
	if err != nil {
		return err
	}
	done, err := h.fleet.Keep(r.Digest)
	if err != nil {
		return err
	}
	defer done()
	x, err := h.connectors.get(ctx, connector)
	if err != nil {
		return err
	}
	if err := x.supervisor.Activate(ctx, r); err != nil {
		return err
	}
	h.connectors.uses(x, r)
	return nil
}

// use makes a release serve, and keeps it from being removed until it is seen to.
func (h *Host) use(ctx context.Context, r fleet.Release, o supervise.SwapOptions) (supervise.SwapReport, error) {
	done, err := h.fleet.Keep(r.Digest)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	defer done()
	return h.connectors.use(ctx, r, o)
}

// Remove removes an installed release, named by its whole digest. One that runs, that
// is warm, that is being brought up, or that would be at the next start is
// [fleet.ErrInUse].
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
	return h.store.AppendJournal(ctx, store.JournalEntry{Connector: connector, Name: "unparked", Context: story})
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
