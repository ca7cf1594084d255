package chaos

import (
	"net/http"
	"testing"
)

// 1. Swaps with payments in flight: none fails, none is doubled.
func TestChaosSwapsFailNoPayment(t *testing.T) {
	t.Parallel()
	swaps, random := chaos(t, 10, 500)
	w := newWorld(t, "--bake-time", "1s")
	old, next := w.install()
	s := &shop{w: w, strict: true}
	crowd := s.open(24, 0)
	for n := range swaps {
		switch random.IntN(4) {
		case 0:
			w.mustOperate(http.MethodPost, "/v1/connectors/smartpay/restart", nil)
		default:
			if err := w.swap([]string{next, old}[n%2]); err != nil {
				t.Error(err)
			}
		}
		crowd.goesOn(random.IntN(5))
	}
	crowd.close()
	w.faults += swaps
	w.judge(s)
}

// 7. Going back under load while the old release is still warm.
func TestChaosRollbacksFailNoPayment(t *testing.T) {
	t.Parallel()
	rounds, _ := chaos(t, 3, 100)
	w := newWorld(t, "--bake-time", "1m")
	old, next := w.install()
	pid := w.plugin()
	s := &shop{w: w, strict: true}
	crowd := s.open(16, 0)
	for range rounds {
		if err := w.swap(next); err != nil {
			t.Error(err)
		}
		crowd.goesOn(4)
		w.mustOperate(http.MethodPost, "/v1/connectors/smartpay/rollback", nil)
		if now, err := w.status(); err != nil || now.Digest != old || now.PID != pid {
			t.Errorf("after the rollback %.8s serves as process %d (%v), want the one that never ended, %.8s as %d", now.Digest, now.PID, err, old, pid)
		}
		crowd.goesOn(4)
	}
	crowd.close()
	w.faults += 2 * rounds
	w.judge(s)
}
