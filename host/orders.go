package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// ordersKept is how many answers to swaps are kept of each connector.
const ordersKept = 100

// orders carries swaps out that were asked for under a name: each once, whoever waits
// and however often it is asked for, also across restarts of the host.
type orders struct {
	store *store.Store

	mu      sync.Mutex
	running map[string]*order // by connector and name
}

// An order is one swap under a name. Its exported fields are what is kept of it.
type order struct {
	ID     string               `json:"id"`
	Asked  admin.SwapOrder      `json:"asked"`
	Report supervise.SwapReport `json:"report"`
	Error  string               `json:"error,omitempty"`
	Status int                  `json:"status,omitempty"` // of HTTP, with Error
	Code   string               `json:"code,omitempty"`   // the word for Error

	err  error
	done chan struct{} // closed when Report and err are what came of it
}

// Swap makes an installed release serve in the place of what its connector runs now.
//
// With a request id the swap goes on when ctx ends, which is [admin.ErrUnderWay], and
// asking again with that id waits for it or gives the answer that it had. The same id
// for another order is [admin.ErrOtherOrder].
func (h *Host) Swap(ctx context.Context, connector string, asked admin.SwapOrder) (supervise.SwapReport, error) {
	if asked.RequestID == "" {
		return h.swap(ctx, connector, asked)
	}
	o, isNew, err := h.orders.place(ctx, connector, asked)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	if isNew {
		err := h.connectors.work(func(ctx context.Context) {
			report, err := h.swap(ctx, connector, asked)
			h.orders.finish(context.WithoutCancel(ctx), connector, o, report, err)
		})
		if err != nil {
			return supervise.SwapReport{}, h.orders.withdraw(connector, o, err)
		}
	}
	select {
	case <-o.done:
		return o.Report, o.err
	case <-ctx.Done():
		return supervise.SwapReport{}, fmt.Errorf("%w: %w", admin.ErrUnderWay, ctx.Err())
	}
}

func (h *Host) swap(ctx context.Context, connector string, asked admin.SwapOrder) (supervise.SwapReport, error) {
	r, err := h.releaseOf(ctx, connector, asked.Release)
	if err != nil {
		return supervise.SwapReport{}, err
	}
	options := supervise.SwapOptions{AllowLoss: asked.AllowLoss}
	if asked.CanaryPercent != nil {
		trial := supervise.Trial{Percent: *asked.CanaryPercent, For: asked.CanaryFor.Duration()}
		if err := trial.Check(); err != nil {
			return supervise.SwapReport{}, fmt.Errorf("%w: canary: %w", supervise.ErrRefused, err)
		}
		options.Trial = &trial
	}
	return h.use(ctx, r, options)
}

// place finds an order or makes it.
func (o *orders) place(ctx context.Context, connector string, asked admin.SwapOrder) (*order, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := connector + " " + asked.RequestID
	found := o.running[key]
	if found == nil {
		kept, err := o.kept(ctx, connector)
		if err != nil {
			return nil, false, err
		}
		for i := range kept {
			if kept[i].ID == asked.RequestID {
				found = &kept[i]
			}
		}
	}
	if found == nil {
		made := &order{ID: asked.RequestID, Asked: asked, done: make(chan struct{})}
		o.running[key] = made
		return made, true, nil
	}
	if !found.Asked.Same(asked) {
		return nil, false, fmt.Errorf("request %s: %w", asked.RequestID, admin.ErrOtherOrder)
	}
	return found, false, nil
}

// finish keeps what came of an order. If that fails, it is known until the host stops;
// asked for again after that, it swaps to what serves already.
func (o *orders) finish(ctx context.Context, connector string, done *order, report supervise.SwapReport, failed error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if done.Report, done.err = report, failed; failed != nil {
		done.Error = failed.Error()
		done.Status, done.Code = admin.Judge(failed)
	}
	err := o.keep(ctx, connector, *done)
	if err == nil {
		delete(o.running, connector+" "+done.ID)
	} else if done.err == nil {
		done.err = fmt.Errorf("the swap is done, but its answer could not be kept: %w", err)
	}
	close(done.done)
}

// withdraw ends an order that nobody can carry out.
func (o *orders) withdraw(connector string, made *order, why error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.running, connector+" "+made.ID)
	made.err = why
	close(made.done)
	return why
}

func (o *orders) keep(ctx context.Context, connector string, done order) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	for {
		kept, was, err := o.read(ctx, connector)
		if err != nil {
			return err
		}
		kept = append(kept, done)
		raw, err := json.Marshal(kept[max(0, len(kept)-ordersKept):])
		if err != nil {
			return fmt.Errorf("encoding a swap's answer: %w", err)
		}
		// Another host may be quicker to keep its own.
		if err := o.store.ReplaceMeta(ctx, ordersKey(connector), was, string(raw)); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// kept reads the orders that have been carried out, oldest first.
func (o *orders) kept(ctx context.Context, connector string) ([]order, error) {
	list, _, err := o.read(ctx, connector)
	return list, err
}

func (o *orders) read(ctx context.Context, connector string) (list []order, raw string, err error) {
	raw, err = o.store.Meta(ctx, ordersKey(connector))
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(raw), &list)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the swaps of %s: %w", connector, err)
	}
	for i := range list {
		list[i].done = over
		if list[i].Error != "" {
			list[i].err = &admin.AnsweredError{Status: list[i].Status, Code: list[i].Code, Message: list[i].Error}
		}
	}
	return list, raw, nil
}

// over is the end of what ended long ago.
var over = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func ordersKey(connector string) string { return "swaps: " + connector }
