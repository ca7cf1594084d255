package smartpay

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/connectorhost/connectorhost/sdk"
)

// An operator is a connector, or what a host sees of one.
type operator interface {
	sdk.Authorizer
	sdk.Capturer
	sdk.Voider
	sdk.Refunder
	sdk.PaymentFinder
}

// A deed is one write to a payment at the stand-in that is ready for it. It can be sent
// any number of times, by any connector.
type deed struct {
	call     sdk.Call
	endpoint string // of Smartpay's API, as fault scripts name it
	amount   int64
	send     func(ctx context.Context, by operator, call sdk.Call, amount int64) (result any, answer sdk.Answer, err error)
	effects  func() int // how often it has taken effect at the stand-in
	seen     func(*sdk.Snapshot) int
}

// deeds prepare each kind of write.
var deeds = map[string]func(b *bench, reference sdk.Reference) deed{
	"authorize": func(b *bench, reference sdk.Reference) deed {
		req := b.order(reference, 1000, sdk.CaptureManual)
		return deed{
			call: req.Call, endpoint: "POST /checkout-sessions", amount: 1000,
			send: func(ctx context.Context, by operator, call sdk.Call, amount int64) (any, sdk.Answer, error) {
				req := req
				req.Call, req.Amount = call, sdk.JPY(amount)
				r, err := by.Authorize(ctx, req)
				return r, r.Answer, err
			},
			effects: func() int { return b.ordersOf(reference) },
			seen:    func(*sdk.Snapshot) int { return 1 },
		}
	},
	"capture": func(b *bench, reference sdk.Reference) deed {
		order, call := b.approved(reference, 1000, sdk.CaptureManual), b.call(reference)
		return deed{
			call: call, endpoint: "POST /payments", amount: 400,
			send: func(ctx context.Context, by operator, call sdk.Call, amount int64) (any, sdk.Answer, error) {
				r, err := by.Capture(ctx, sdk.CaptureRequest{Call: call, Order: order, Amount: sdk.JPY(amount)})
				return r, r.Answer, err
			},
			effects: func() int { return int(b.ledger().ByReference[string(reference)].Captured / 400) },
			seen:    func(s *sdk.Snapshot) int { return len(s.Captures) },
		}
	},
	"void": func(b *bench, reference sdk.Reference) deed {
		order, call := b.approved(reference, 1000, sdk.CaptureManual), b.call(reference)
		return deed{
			call: call, endpoint: "PUT /orders/{id}/cancellation", amount: 1000,
			send: func(ctx context.Context, by operator, call sdk.Call, _ int64) (any, sdk.Answer, error) {
				r, err := by.Void(ctx, sdk.VoidRequest{Call: call, Order: order})
				return r, r.Answer, err
			},
			effects: func() int { return int(b.ledger().ByReference[string(reference)].Released / 1000) },
			seen: func(s *sdk.Snapshot) int {
				if s.State == sdk.StateVoided {
					return 1
				}
				return 0
			},
		}
	},
	"refund": func(b *bench, reference sdk.Reference) deed {
		order := b.approved(reference, 1000, sdk.CaptureManual)
		capture, call := b.captured(order, 1000, true), b.call(reference)
		return deed{
			call: call, endpoint: "POST /refunds", amount: 300,
			send: func(ctx context.Context, by operator, call sdk.Call, amount int64) (any, sdk.Answer, error) {
				r, err := by.Refund(ctx, sdk.RefundRequest{
					Call: call, Order: order, Capture: capture, Amount: sdk.JPY(amount), Reason: sdk.RefundRequested,
				})
				return r, r.Answer, err
			},
			effects: func() int { return int(b.ledger().ByReference[string(reference)].Refunded / 300) },
			seen:    func(s *sdk.Snapshot) int { return len(s.Refunds) },
		}
	},
}

// do sends the deed as it is.
func (d deed) do(ctx context.Context, by operator) (any, sdk.Answer, error) {
	return d.send(ctx, by, d.call, d.amount)
}

// ordersOf is how many orders at the stand-in carry a reference.
func (b *bench) ordersOf(reference sdk.Reference) int {
	b.t.Helper()
	list, _ := b.get("/orders")["data"].([]any)
	n := 0
	for _, o := range list {
		if pick(o, "reference") == string(reference) {
			n++
		}
	}
	return n
}

// arm adds rules to the stand-in's faults, each one object of its script.
func (b *bench) arm(rules ...string) {
	b.t.Helper()
	b.post("/_sandbox/faults", `{"seed":7,"faults":[`+strings.Join(rules, ",")+`]}`)
}

// sameResult leaves out when the buyer's time ends, which our own clock decides.
var sameResult = cmp.Options{cmpopts.IgnoreFields(sdk.Next{}, "ExpiresAt")}

// restarted is what a host has after it has started the process anew.
func restarted(t testing.TB) operator {
	t.Helper()
	return connect(t, Options{})
}

func differing(a, b any) string { return cmp.Diff(a, b, sameResult) }
