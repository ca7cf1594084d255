package supervise_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Time here is exact: a neighbour that made a call wait at all, or took its place,
// would show.
func TestCrashingNeighbourCostsNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop, calm := serving(t, release("1.0.0")), serving(t, release("1.0.0"))
		calm.live().behaves(10*time.Millisecond, nil)
		over := time.Now().Add(10 * time.Minute)
		crashes := 0
		for n := 0; time.Now().Before(over); n++ {
			if r := loop.slot.Current(); r != nil && n%100 == 0 {
				r.Remote.(*process).crash()
				crashes++
			}
			began := time.Now()
			l := calm.lease()
			_, err := l.Remote().Capture(t.Context(), sdk.CaptureRequest{})
			l.Release()
			if took := time.Since(began); took != 10*time.Millisecond || err != nil {
				t.Fatalf("a call took %v (%v) beside %d crashes, want the 10ms of its provider", took, err, crashes)
			}
		}
		if crashes < 5 || calm.Status().Restarts != 0 {
			t.Errorf("%d crashes and %d restarts of the neighbour, want some and none", crashes, calm.Status().Restarts)
		}
	})
}
