package keys

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// retrying sends a write again while its end is one that it does not like.
func retrying(times int, dislikes func(*http.Response, error) bool) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return bend.Tripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return next.RoundTrip(r)
			}
			var tape bend.Tape
			once := tape.Record(r)
			for tried := 1; ; tried++ {
				res, err := next.RoundTrip(once)
				again, whole := tape.Again(r)
				if tried > times || !whole || r.Context().Err() != nil || !dislikes(res, err) {
					return res, err
				}
				if err == nil {
					_ = res.Body.Close() // it is not wanted
				}
				once = again
			}
		})
	}
}

// resending send more than one write for one call.
func resending() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "blind-retry", Fault: "sends a write again by itself when its connection broke or its server failed",
			Killer: "keys/one-request", Reason: "the writes that were sent: expected 1, got 2",
			Collateral: []string{
				"keys/same-request", "keys/stored-failure", "load/stray-answers", "hooks/before-answer",
			},
			Transport: retrying(1, func(res *http.Response, err error) bool { return err != nil || res.StatusCode/100 == 5 }),
		},
		{
			ID: "retry-after-ignored", Fault: "hammers against the provider's limit",
			Killer: "keys/one-request-when-limited", Reason: "the writes that were sent: expected 1, got 6",
			Transport: retrying(5, func(res *http.Response, err error) bool {
				return err == nil && res.StatusCode == http.StatusTooManyRequests
			}),
		},
	}
}

type keyOf struct{}

// side go wrong beside the writes that move money.
func side() []broken.Mutant {
	var registrations atomic.Int64
	return []broken.Mutant{
		{
			ID: "lookup-patches", Fault: "asks for a change with every lookup",
			Killer: "keys/reads-change-nothing", Reason: "requests that are not GET",
			Collateral: []string{"load/connections-are-reused", "lookup/read-only", "redirect/approved"},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/payments") {
						touch := r.Clone(r.Context())
						touch.Method = http.MethodPatch
						if res, err := next.RoundTrip(touch); err == nil {
							_ = res.Body.Close() // it was asked for its own sake
						}
					}
					return next.RoundTrip(r)
				})
			},
		},
		{
			ID: "lookup-carries-key", Fault: "shows the idempotency key with lookups",
			Killer: "keys/reads-use-none", Reason: "a request without an idempotency key",
			Connector: func(c *reference.Connector) sdk.Connector {
				return &bend.Finder{Connector: c, Find: func(
					ctx context.Context, right sdk.PaymentFinder, req sdk.FindPaymentRequest,
				) (sdk.PaymentFinding, error) {
					return right.FindPayment(context.WithValue(ctx, keyOf{}, req.Call.Key), req)
				}}
			},
			Transport: func(next http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					if key, _ := r.Context().Value(keyOf{}).(sdk.IdempotencyKey); key != "" {
						r.Header.Set("Idempotency-Key", string(key))
					}
					return next.RoundTrip(r)
				})
			},
		},
		{
			ID: "cancel-keyless", Fault: "cancels under a random key",
			Killer: "keys/cancel-again", Reason: "cancelling again",
			Connector: keyless(sdk.OpCancel),
		},
		{
			ID: "token-keyless", Fault: "stores instruments under a random key",
			Killer: "keys/token-again", Reason: "storing again with the same key: the token",
			Collateral: []string{"tokens/one-key-one-token"},
			Connector:  keyless(sdk.OpTokenize),
		},
		{
			ID: "registers-again", Fault: "makes another registration every time it is asked for one",
			Killer: "keys/registration-again", Reason: "registering again, knowing",
			Collateral: []string{"hooks/registered-once"},
			Connector:  func(c *reference.Connector) sdk.Connector { return again{c, &registrations} },
		},
	}
}

// keyless does one operation under a random key with every attempt.
func keyless(wrong sdk.Operation) func(*reference.Connector) sdk.Connector {
	return bend.Keying(func(op sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
		if op != wrong {
			return call.Key
		}
		return derived(call)
	})
}

type again struct {
	*reference.Connector
	made *atomic.Int64
}

// RegisterWebhook implements [sdk.WebhookRegistrar].
func (a again) RegisterWebhook(ctx context.Context, req sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	req.URL, req.Current = fmt.Sprintf("%s?n=%d", req.URL, a.made.Add(1)), ""
	return a.Connector.RegisterWebhook(ctx, req)
}
