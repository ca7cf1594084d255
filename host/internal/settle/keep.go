package settle

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// How long to wait for room in the store's queue, and how soon to look again.
const (
	roomBound  = 10 * time.Second
	firstPause = 5 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// keep changes a record because of something that has happened already. There may be too
// much to do to take on more, but this was taken on: it waits for room, and for nobody's
// context.
func (e *Engine) keep(ctx context.Context, id sdk.PaymentID, fn func(*store.Record) error) (rec store.Record, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), roomBound)
	defer cancel()
	err = untilRoom(ctx, func() error {
		rec, err = e.change(ctx, id, nil, fn)
		return err
	})
	return rec, err
}

// untilRoom does what do does until the store does not say that it is busy, or ctx ends.
func untilRoom(ctx context.Context, do func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if !errors.Is(err, store.ErrBusy) {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads load, guards nothing
		case <-ctx.Done():
			return err
		}
	}
}
