//go:build unix

package host_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
)

// A removal that meets a swap, an activation or a rollback to the same release: either
// it is removed and does not serve, or it serves and is there. The installation beside
// them is what a removal has to wait for, long enough for a swap to be done. Mutation: a
// removal that asks what is in use before its turn has come, and a use that keeps nothing,
// leave a connector serving whose program is gone, which its next start finds out.
func TestAReleaseIsRemovedOrServes(t *testing.T) {
	r := start(t, t.TempDir(), program(t, "first"))
	first := r.Releases()[0].Digest
	file := program(t, "second")
	var orders atomic.Int64
	meets := map[string]func(context.Context, string) error{
		"a swap": func(ctx context.Context, digest string) error {
			_, err := r.Swap(ctx, "acme-pay", admin.SwapOrder{Release: digest})
			return err
		},
		"a swap with a name": func(ctx context.Context, digest string) error {
			_, err := r.Swap(ctx, "acme-pay", admin.SwapOrder{Release: digest, RequestID: fmt.Sprint("order-", orders.Add(1))})
			return err
		},
		"a rollback": func(ctx context.Context, _ string) error {
			_, err := r.Rollback(ctx, "acme-pay")
			return err
		},
	}
	for name, use := range meets {
		for round := range 3 {
			t.Run(fmt.Sprint(name, " ", round), func(t *testing.T) {
				release, err := r.Install(t.Context(), file, nil)
				if err != nil {
					t.Fatal(err)
				}
				if name == "a rollback" { // it served before
					for _, digest := range []string{release.Digest, first} {
						if _, err := r.Swap(t.Context(), "acme-pay", admin.SwapOrder{Release: digest}); err != nil {
							t.Fatal(err)
						}
					}
				}
				third := program(t, fmt.Sprint("third ", name, round))
				var used, removed, installed error
				var wg sync.WaitGroup
				wg.Go(func() { _, installed = r.Install(context.Background(), third, nil) })
				wg.Go(func() { removed = r.Remove(context.Background(), release.Digest) })
				wg.Go(func() { used = use(context.Background(), release.Digest) })
				wg.Wait()
				r.t = t
				if installed != nil {
					t.Error(installed)
				}
				switch {
				case removed == nil && errors.Is(used, fleet.ErrNotInstalled), removed == nil && name == "a rollback" && used != nil:
					r.serves(first)
				case errors.Is(removed, fleet.ErrInUse) && used == nil:
					r.serves(release.Digest)
					if _, err := r.Swap(t.Context(), "acme-pay", admin.SwapOrder{Release: first}); err != nil {
						t.Error(err)
					}
				default:
					t.Errorf("removal: %v; %s: %v", removed, name, used)
				}
			})
		}
	}
	r.t = t
	r.serves(first)
}
