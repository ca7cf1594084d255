package settle_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/sdk"
)

// announced is connectors that note which call each lease is asked for.
type announced struct {
	*live
	calls []sdk.Call
}

func (a *announced) Acquire(ctx context.Context, connector string) (*settle.Lease, error) {
	a.calls = append(a.calls, sdk.CallFrom(ctx))
	return a.live.Acquire(ctx, connector)
}

// Who gives leases is told which call they are for: the payment, and whether it is a
// first send. A release that is tried takes first sends only, and a call that is parked
// is refused before another attempt is written down.
func TestLeasesAreAskedForTheCallTheyAreFor(t *testing.T) {
	b := newBench(t)
	a := &announced{live: b.live}
	b.Engine.Config.Connectors = a
	rec := b.authorized()
	id := rec.Payment.ID
	for _, c := range a.calls {
		if c.PaymentID != id {
			t.Errorf("a lease was asked for payment %q, want %q", c.PaymentID, id)
		}
	}
	if diff := cmp.Diff(sdk.Call{PaymentID: id, Attempt: 1}, a.calls[0]); diff != "" {
		t.Errorf("the call that opens the payment (-want +got):\n%s", diff)
	}
	a.calls = nil
	b.provider.set(sdk.OpCapture, loseRequest)
	done, err := b.capture(id, 2000)
	if err != nil {
		t.Fatal(err)
	}
	b.pass(time.Minute)
	if _, err := b.Settle(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	want := []sdk.Call{
		{PaymentID: id, Attempt: 1}, {PaymentID: id}, {OperationID: done.Operation.ID, PaymentID: id, Attempt: 2},
	}
	if diff := cmp.Diff(want, a.calls); diff != "" {
		t.Errorf("capture, lookup and second send (-want +got):\n%s", diff)
	}
}
