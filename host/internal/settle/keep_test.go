package settle

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// What has happened is written down as soon as there is room, and no other error is
// answered with patience.
func TestWhatHappenedWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), roomBound)
		defer cancel()
		tries := 0
		busy := fmt.Errorf("updating: %w", store.ErrBusy)
		if err := untilRoom(ctx, func() error {
			if tries++; tries < 8 {
				return busy
			}
			return nil
		}); err != nil || tries != 8 {
			t.Errorf("after %d tries: %v", tries, err)
		}
		other := errors.New("other")
		tries = 0
		if err := untilRoom(ctx, func() error { tries++; return other }); !errors.Is(err, other) || tries != 1 {
			t.Errorf("after %d tries: %v", tries, err)
		}
		began := time.Now()
		if err := untilRoom(ctx, func() error { return busy }); !errors.Is(err, store.ErrBusy) || time.Since(began) > roomBound {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
