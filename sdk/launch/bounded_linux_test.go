package launch

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// most is how far the host may grow, in bytes, whatever a connector writes or answers.
const most = 32 << 20

// grows watches the memory of this process while do runs, and returns how far it grew.
func grows(do func()) uint64 {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	runtime.GC()
	before, peak := inUse(), uint64(0)
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			peak = max(peak, inUse())
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(over)
	<-watched
	return peak - min(peak, before)
}

// Whatever a connector writes, calls are answered while it does and the host's memory
// stays bounded, with a log that keeps nothing.
func TestHostileOutputCostsNoMemory(t *testing.T) {
	for _, what := range []string{
		"number for a message", "null for a level", "lines of a megabyte", "no end of line", "binary",
		"standard output", "flood", "deep nesting",
	} {
		t.Run(what, func(t *testing.T) {
			p := start(t, config(t, "connector"))
			mustVoid(t, p, "spew "+what) // what the runtime keeps for it, it has now
			grown := grows(func() {
				spewed := make(chan struct{})
				go func() {
					defer close(spewed)
					for range 10 {
						_, _ = void(context.Background(), p, "spew "+what) // how it went is asked below
					}
				}()
				for range 10 {
					mustVoid(t, p, "ok")
				}
				<-spewed
			})
			mustVoid(t, p, "spew "+what)
			if grown > most {
				t.Errorf("the host grew by %d MiB", grown>>20)
			}
		})
	}
}

// A request and an answer beyond their sizes are typed errors, that cost the host no
// more than the largest that is taken, and the next call is answered.
func TestSizesAreBounded(t *testing.T) {
	tests := map[string]struct {
		call    func(*Plugin) (sdk.VoidResult, error)
		code    sdk.Code
		outcome sdk.Outcome
	}{
		"a request of 5 MiB": {
			func(p *Plugin) (sdk.VoidResult, error) {
				return void(context.Background(), p, "ok "+strings.Repeat("x", 5<<20))
			},
			sdk.CodeInvalidField, sdk.OutcomeNotAttempted,
		},
		"an answer of 5 MiB": {
			func(p *Plugin) (sdk.VoidResult, error) {
				return void(context.Background(), p, fmt.Sprint("size ", 5<<20))
			},
			sdk.CodePluginMalformed, sdk.OutcomeUnknown,
		},
		"an answer of 96 MiB": {
			func(p *Plugin) (sdk.VoidResult, error) {
				return void(context.Background(), p, fmt.Sprint("size ", 96<<20))
			},
			sdk.CodePluginMalformed, sdk.OutcomeUnknown,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, config(t, "connector"))
			var result sdk.VoidResult
			var err error
			grown := grows(func() { result, err = tt.call(p) })
			if got := sdk.AsError(err); err == nil || got.Code != tt.code || result.Outcome != tt.outcome {
				t.Errorf("%v with outcome %v, want %s and %v", err, result.Outcome, tt.code, tt.outcome)
			}
			if grown > most {
				t.Errorf("the host grew by %d MiB", grown>>20)
			}
			if len(err.Error()) > 4<<10 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			mustVoid(t, p, "ok")
		})
	}
}
