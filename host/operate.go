package host

import (
	"cmp"
	"context"
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
	_, err = h.connectors.use(ctx, release, supervise.SwapOptions{})
	return err
}

// Install copies a connector's binary into this host. It changes nothing that serves.
func (h *Host) Install(ctx context.Context, file string) (fleet.Release, error) {
	return h.fleet.Install(ctx, file)
}

// UseConnector installs a binary and makes it serve, in the place of whatever release
// of its connector served before.
func (h *Host) UseConnector(ctx context.Context, file string) error {
	release, err := h.Install(ctx, file)
	if err != nil {
		return err
	}
	_, err = h.connectors.use(ctx, release, supervise.SwapOptions{AllowLoss: true})
	return err
}

// EnsureConnector installs a binary and makes it serve unless a release of its
// connector is active already: that one stays until an operator swaps it.
func (h *Host) EnsureConnector(ctx context.Context, file string) error {
	release, err := h.Install(ctx, file)
	if err != nil {
		return err
	}
	x, err := h.connectors.get(ctx, release.Name)
	if err != nil || x.supervisor.Status().State != supervise.Stopped {
		return err
	}
	_, err = h.connectors.use(ctx, release, supervise.SwapOptions{})
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

// Swap makes an installed release serve in the place of what its connector runs now.
func (h *Host) Swap(ctx context.Context, connector, release string, allowLoss bool) (supervise.SwapReport, error) {
	r, err := h.releaseOf(connector, release)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	return h.connectors.use(ctx, r, supervise.SwapOptions{AllowLoss: allowLoss})
}

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
	return fleet.Release{}, fmt.Errorf("%d releases of %s are called %q: name one by its digest", len(found), connector, ref)
}

// Rollback swaps back to the release that served before the one that serves. It may
// take capabilities away: that is what going back means.
func (h *Host) Rollback(ctx context.Context, connector string) (supervise.SwapReport, error) {
	x, err := h.connectors.known(connector)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	digest, err := h.connectors.servedBefore(ctx, connector, x.supervisor.Status().Digest)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	r, err := h.fleet.Get(digest)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	return h.connectors.use(ctx, r, supervise.SwapOptions{AllowLoss: true})
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
