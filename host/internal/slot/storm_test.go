package slot_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// A process is a remote that notices when it is used after it was stopped.
type process struct {
	sdk.Remote
	stopped atomic.Bool
	served  atomic.Int64
}

var errStopped = errors.New("the process was stopped")

func (p *process) Health(context.Context) (sdk.Health, error) {
	for range 3 { // the length of a call
		if p.stopped.Load() {
			return sdk.Health{}, errStopped
		}
		runtime.Gosched()
	}
	p.served.Add(1)
	return sdk.Health{Serving: true}, nil
}

// Many callers, many swaps: no call reaches a stopped process and none is refused.
// Mutation: a Drain that does not wait turns it red.
func TestSwapStormFailsNoCall(t *testing.T) {
	defer goleak.VerifyNone(t)
	const callers, swaps = 64, 500

	s := slot.New("acme-pay")
	live := &process{}
	processes := []*process{live}
	s.Publish(slot.NewRoute(slot.Target{Generation: 1, Remote: live}))

	var calls atomic.Int64
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range callers {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := call(s); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for n := range swaps {
		// Each swap happens under calls, however few processors there are.
		for before := calls.Load(); calls.Load() == before && !t.Failed(); {
			runtime.Gosched()
		}
		next := &process{}
		processes = append(processes, next)
		old := s.Publish(slot.NewRoute(slot.Target{Generation: uint64(n + 2), Remote: next}))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := old.Drain(ctx); err != nil {
			t.Errorf("swap %d: %v", n, err)
		}
		cancel()
		old.Remote.(*process).stopped.Store(true)
	}
	close(over)
	wg.Wait()

	var served int64
	for _, p := range processes {
		served += p.served.Load()
	}
	if served != calls.Load() {
		t.Errorf("the processes served %d calls, the callers count %d", served, calls.Load())
	}
	if calls.Load() < swaps {
		t.Errorf("%d calls over %d swaps: the storm proved nothing", calls.Load(), swaps)
	}
}

func call(s *slot.Slot) error {
	l, err := s.Acquire(context.Background())
	if err != nil {
		return err
	}
	defer l.Release()
	_, err = l.Remote().Health(context.Background())
	return err
}
