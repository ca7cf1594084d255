// Package resilience holds the mutants that do not survive accidents: that remember in
// their process what another needs, or go on refusing when all is well again.
package resilience

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "captures-in-memory", Fault: "finds captured payments only if its own process captured them",
			Killer: "resilience/restarted-between-steps", Reason: "what was captured",
			Connector: func(c *reference.Connector) sdk.Connector { return &remembering{Connector: c} },
		},
		{
			// In memory there is no process that could be killed.
			ID: "key-of-the-process", Process: "key-of-the-process", Fault: "makes a part of its idempotency keys up when it starts",
			Killer: "resilience/killed-after-the-provider", Reason: "sending it again after the accident: expected 1 effects",
			Collateral: []string{
				"process/same-in-same-out", "keys/sent-by-another-process", "keys/answer-lost-to-another-process",
				"resilience/killed-between-calls", "resilience/two-processes", "resilience/walk",
			},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				const header = "Idempotency-Key"
				own := rand.Text()
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					if key := r.Header.Get(header); key != "" {
						r = r.Clone(r.Context())
						sum := sha256.Sum256([]byte(key + own))
						r.Header.Set(header, hex.EncodeToString(sum[:]))
					}
					return next.RoundTrip(r)
				})
			},
		},
		{
			ID: "circuit-stays-open", Fault: "goes on refusing once it could not reach its provider ten times",
			Killer: "resilience/outage", Reason: "expected success", Transport: open,
		},
		{
			ID: "impatient", Fault: "gives its provider one second, whatever its caller gives it",
			Killer: "resilience/slow-provider", Reason: "at a slow provider", Collateral: []string{"doubt/answers-before-its-caller"},
			Connector: bend.Calling(func(ctx context.Context, _ sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
				short, cancel := context.WithTimeout(ctx, time.Second)
				context.AfterFunc(short, cancel)
				return short, call
			}),
		},
		{
			ID: "replaced-answer-as-refusal", Fault: "takes a gateway that gave up waiting for a provider that refused",
			Killer: "resilience/walk", Reason: "expected no effect, as was said",
			Collateral: []string{
				"doubt/server-error", "doubt/advice-followed", "doubt/not-attempted-is-true",
				"errors/documented-codes",
			},
			Connector: bend.Coding(sdk.CodeMaintenance, sdk.CodeGatewayTimeout),
		},
	}
}

// remembering tells of captures that it has made itself.
type remembering struct {
	*reference.Connector
	made sync.Map // by order
}

// Capture implements [sdk.Capturer].
func (r *remembering) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	a, err := r.Connector.Capture(ctx, req)
	r.made.Store(req.Order, true)
	return a, err
}

// FindPayment implements [sdk.PaymentFinder].
func (r *remembering) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	finding, err := r.Connector.FindPayment(ctx, req)
	if p := finding.Payment; p != nil && p.State == sdk.StateCaptured {
		if _, own := r.made.Load(p.Order); !own && req.Order == "" && len(p.Refunds) == 0 {
			p.Captured, p.Captures = nil, nil
		}
	}
	return finding, err
}

// patience is how many calls in a row may not reach the provider.
const patience = 10

// open is a circuit breaker that never closes: one for each provider.
func open(next http.RoundTripper) http.RoundTripper {
	var missed sync.Map
	return bend.Tripper(func(r *http.Request) (*http.Response, error) {
		counter, _ := missed.LoadOrStore(r.URL.Host, new(atomic.Int64))
		n := counter.(*atomic.Int64) //nolint:forcetypeassert // nothing else is stored
		if n.Load() >= patience {
			return nil, syscall.ECONNREFUSED
		}
		res, err := next.RoundTrip(r)
		if err != nil {
			n.Add(1)
		} else {
			n.Store(0)
		}
		return res, err
	})
}
