package load

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// refunds is the reference connector that answers, in a crowd, what the first was told.
type refunds struct {
	*reference.Connector
	crowd crowd
}

// Refund implements [sdk.Refunder].
func (r *refunds) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	leave := r.crowd.enter(req.Call.Account, req)
	defer leave()
	a, err := r.Connector.Refund(ctx, req)
	if e := sdk.AsError(err); e != nil && e.Category() == sdk.CategoryState && e.Code != sdk.CodeInvalidState && e.Code != sdk.CodeNotFound {
		return sdk.RefundResult{Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount}, Refund: "ref_of_another"}, nil
	}
	return a, err
}

// racing say of a write that lost a race what is not so.
func racing() []broken.Mutant {
	lost := []sdk.Code{
		sdk.CodeAmountExceedsRefundable, sdk.CodeAlreadyRefunded, sdk.CodeAmountExceedsCapturable, sdk.CodeAlreadyCaptured, sdk.CodeAlreadyVoided,
	}
	refused := []string{
		"refund/too-much", "refund/sum", "state/refused-refund", "lookup/refunded-outside", "refund/across-captures", "state/refund-after-refund",
		"load/refunds-beyond-the-capture", "load/two-refunds-in-full",
	}
	return []broken.Mutant{
		{
			ID: "refund-lost-race-as-success", Fault: "says that a refund was made which another had used up",
			Killer: "load/refunds-beyond-the-capture", Reason: "what was done, by the provider's books",
			Collateral: append([]string{"errors/provider-words", "errors/documented-codes", "walk/*"}, refused...),
			Connector:  func(c *reference.Connector) sdk.Connector { return &refunds{Connector: c} },
		},
		{
			ID: "void-lost-race-as-success", Fault: "says that a payment was voided which was captured first",
			Killer: "load/capture-against-void", Reason: "one of them to be done",
			Collateral: []string{"state/void-after-capture", "state/void-after-refund", "state/refused-void", "void/captured-outside"},
			Connector: bend.Saying(func(op sdk.Operation, a *sdk.Answer, err error) error {
				if bent := bend.Recode(err, "lost", lost...); op == sdk.OpVoid && sdk.AsError(bent) != nil && sdk.AsError(bent).Code == "lost" {
					a.Outcome = sdk.OutcomeSucceeded
					return nil
				}
				return err
			}),
		},
		{
			ID: "answer-beside-a-page-lost", Fault: "gives up the call beside a call whose answer is a page",
			Killer: "load/stray-answers", Reason: "the calls that did not succeed: expected 12",
			Collateral: []string{"doubt/success-is-html"},
			Transport:  spreading,
		},
		{
			ID: "limit-shared", Fault: "refuses every merchant once one of them has met its limit",
			Killer: "load/limit-apart", Reason: "beside an account that has met its limit",
			Transport: longLimits,
		},
	}
}

// spoils is how many answers a page spoils.
const spoils = 3

// spreading gives up the answers after a page.
func spreading(next http.RoundTripper) http.RoundTripper {
	var mu sync.Mutex
	spoilt := map[string]int{} // by provider
	return bend.Tripper(func(r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil || r.Method == http.MethodGet {
			return res, err
		}
		mu.Lock()
		defer mu.Unlock()
		switch page := res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"); {
		case page:
			spoilt[r.URL.Host] += spoils
		case spoilt[r.URL.Host] > 0:
			spoilt[r.URL.Host]--
			_ = res.Body.Close() // nobody gets it
			return nil, net.ErrClosed
		}
		return res, nil
	})
}

// longLimit is a limit that no other case sets.
const longLimit = "3600"

// longLimits remembers a long limit for one call of whoever comes next for another
// provider.
func longLimits(next http.RoundTripper) http.RoundTripper {
	var mu sync.Mutex
	limited, left := "", 0
	return bend.Tripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		refuse := left > 0 && r.URL.Host != limited
		if refuse {
			left--
		}
		mu.Unlock()
		if refuse {
			return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}
		res, err := next.RoundTrip(r)
		if err == nil && res.Header.Get("Retry-After") == longLimit {
			mu.Lock()
			limited, left = r.URL.Host, 1
			mu.Unlock()
		}
		return res, err
	})
}

// leaking leave something behind with every call.
func leaking() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "goroutine-per-cancelled-call", Fault: "leaves a goroutine and its buffer behind with every call that is given up",
			Killer: "load/cancelled-calls-leave-nothing", Reason: "cancelling 800 times: expected at most",
			Connector: func(c *reference.Connector) sdk.Connector {
				closed := make(chan struct{})
				return &leaky{Connector: c, until: closed, close: sync.OnceFunc(func() { close(closed) })}
			},
		},
		{
			ID: "connection-per-call", Fault: "makes a connection for every call and never closes it",
			Killer: "load/calls-leave-nothing", Reason: "more",
			Collateral: []string{
				"load/connections-are-reused", "load/cancelled-calls-leave-nothing", "resilience/stale-connections",
				"process/resources",
			},
			Transport: func(http.RoundTripper) http.RoundTripper {
				return bend.Tripper(func(r *http.Request) (*http.Response, error) {
					return (&http.Transport{DialContext: serve.Dial}).RoundTrip(r)
				})
			},
		},
		{
			ID: "no-keep-alive", Fault: "closes its connection after every call",
			Killer: "load/connections-are-reused", Reason: "connections",
			Transport: func(http.RoundTripper) http.RoundTripper {
				return &http.Transport{DialContext: serve.Dial, DisableKeepAlives: true}
			},
		},
	}
}

// leaky waits for what never comes, once for every lookup that was given up, and holds
// what it would read that into: all of a goroutine that shows outside of its process.
type leaky struct {
	*reference.Connector
	until chan struct{} // that the process ends
	close func()
}

// FindPayment implements [sdk.PaymentFinder].
func (l *leaky) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	finding, err := l.Connector.FindPayment(ctx, req)
	if err != nil {
		buffer := bytes.Repeat([]byte{1}, 128<<10)
		go func() {
			<-l.until
			clear(buffer)
		}()
	}
	return finding, err
}

// Close ends what was left behind, so that one mutant does not spoil the next.
func (l *leaky) Close() {
	l.close()
	l.Connector.Close()
}
