package settle_test

import (
	"context"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/sdk"
)

// dead is a connector whose process has died: nothing leaves the host.
type dead struct{ sdk.Remote }

func (dead) Capture(context.Context, sdk.CaptureRequest) (sdk.CaptureResult, error) {
	return sdk.CaptureResult{}, sdk.Errorf("host", sdk.CodePluginUnavailable, "the process has exited")
}

func TestWhatNeverLeftIsGivenToTheProcessThatFollows(t *testing.T) {
	tests := map[string]struct {
		second func(*settle.Lease)
		want   sdk.Outcome
		leases int
	}{
		"which runs the same release":  {func(*settle.Lease) {}, sdk.OutcomeSucceeded, 2},
		"which runs another release":   {func(l *settle.Lease) { l.Digest = "d2" }, sdk.OutcomeNotAttempted, 2},
		"which has died already, once": {func(l *settle.Lease) { l.Remote = dead{l.Remote} }, sdk.OutcomeNotAttempted, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			rec := b.authorized()
			leases := 0
			b.live.lease = func(l *settle.Lease) {
				if leases++; leases == 1 {
					l.Remote = dead{l.Remote}
					return
				}
				tt.second(l)
			}
			done, err := b.capture(rec.Payment.ID, 2000)
			if err != nil {
				t.Fatal(err)
			}
			if done.Operation.Outcome != tt.want || done.Operation.Attempt != 1 || leases != tt.leases {
				t.Errorf("outcome %s in attempt %d over %d leases, want %s, 1, %d",
					done.Operation.Outcome, done.Operation.Attempt, leases, tt.want, tt.leases)
			}
			if left := b.live.leased.Load(); left != 0 {
				t.Errorf("%d leases were not given back", left)
			}
		})
	}
}
