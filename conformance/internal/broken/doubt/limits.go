package doubt

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// waiting says another time to wait than the provider.
func waiting(other func(time.Duration) time.Duration) func(*reference.Connector) sdk.Connector {
	return bend.Saying(func(_ sdk.Operation, _ *sdk.Answer, err error) error {
		e := sdk.AsError(err)
		if e == nil || e.Code != sdk.CodeRateLimited {
			return err
		}
		bent := *e
		bent.RetryAfter = other(e.RetryAfter)
		return &bent
	})
}

// limits misjudge the provider's limits.
func limits() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "limit-as-doubt", Fault: "holds in doubt what the provider's limit kept from happening",
			Killer: "doubt/rate-limit-seconds", Reason: "expected a refusal with [rate_limited], got http_5xx",
			Collateral: []string{
				"doubt/rate-limit-date", "doubt/rate-limit-unsaid", "doubt/advice-when-limited",
				"errors/documented-codes",
			},
			Connector: bend.Coding(sdk.CodeHTTP5xx, sdk.CodeRateLimited),
		},
		{
			ID: "retry-after-in-milliseconds", Fault: "reads seconds to wait as milliseconds",
			Killer: "doubt/rate-limit-seconds", Reason: "expected to wait 7s, got 7ms",
			Collateral: []string{"doubt/rate-limit-date"},
			Connector:  waiting(func(d time.Duration) time.Duration { return d / 1000 }),
		},
		{
			ID: "retry-after-date-unread", Fault: "does not read a date to wait until",
			Killer: "doubt/rate-limit-date", Reason: "expected to wait 1m0s, got 0s",
			Connector: waiting(func(d time.Duration) time.Duration {
				if d > 30*time.Second {
					return 0
				}
				return d
			}),
		},
		{
			ID: "retry-after-made-up", Fault: "makes up how long to wait when nobody said",
			Killer: "doubt/rate-limit-unsaid", Reason: "expected to wait 0s, got 30s",
			Connector: waiting(func(d time.Duration) time.Duration {
				if d == 0 {
					return 30 * time.Second
				}
				return d
			}),
		},
		{
			ID: "limited-for-good", Fault: "refuses every write for good once it has met the provider's limit",
			Killer: "doubt/advice-when-limited", Reason: "an end",
			Collateral: []string{
				"doubt/rate-limit-*", "keys/one-request-when-limited", "doubt/advice-followed",
				"errors/documented-codes", "errors/provider-words",
			},
			Transport: limitedForGood,
		},
	}
}

// limitedForGood goes on refusing whom the provider has once refused for asking too much.
func limitedForGood(next http.RoundTripper) http.RoundTripper {
	var shut sync.Map
	return bend.Tripper(func(r *http.Request) (*http.Response, error) {
		if _, limited := shut.Load(r.Header.Get("Authorization")); limited {
			return &http.Response{
				StatusCode: http.StatusTooManyRequests, Header: http.Header{}, Request: r,
				Body: io.NopCloser(strings.NewReader(`{"error":{"code":"slow_down"}}`)),
			}, nil
		}
		res, err := next.RoundTrip(r)
		if err == nil && res.StatusCode == http.StatusTooManyRequests {
			shut.Store(r.Header.Get("Authorization"), true)
		}
		return res, err
	})
}
