package chaos

import (
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// victims are one operation of each kind, with what comes before it done.
func (s *shop) victims() []victim {
	s.w.t.Helper()
	all := []victim{
		{s.begin(captured), Authorize, "Authorize", "POST /checkout-sessions"},
		{s.begin(captured), Capture, "Capture", "POST /payments"},
		{s.begin(captured), Refund, "Refund", "POST /refunds"},
		{s.begin(voided), Void, "Void", "PUT /orders/{id}/cancellation"},
	}
	for _, v := range all {
		before := map[Kind]int{Authorize: 0, Capture: 2, Void: 2, Refund: 4}[v.kind]
		if err := v.life.liveUntil(s.w.t.Context(), before); err != nil {
			s.w.t.Fatalf("preparing the %s: %v", v.kind, err)
		}
	}
	return all
}

// outcomes are those that the story of a payment tells of its operations of a kind.
func (w *world) outcomes(v victim) (outcomes []string) {
	w.t.Helper()
	for _, e := range list(w.mustOperate(http.MethodGet, "/v1/payments/"+v.life.id, nil), "events") {
		context, _ := e["context"].(object)
		if text(context, "kind") == string(v.kind) && text(context, "outcome") != "" {
			outcomes = append(outcomes, text(context, "outcome"))
		}
	}
	return outcomes
}

// wasInDoubt fails unless the host has been in doubt about an operation, and has never
// called it a failure.
func (w *world) wasInDoubt(v victim) {
	w.t.Helper()
	told := w.outcomes(v)
	if !slices.Contains(told, "UNKNOWN") {
		w.t.Errorf("%s: the host was never in doubt, its story tells of %q", v.kind, told)
	}
	if slices.Contains(told, "NOT_ATTEMPTED") || slices.Contains(told, "DECLINED") {
		w.t.Errorf("%s: the host called it a failure, its story tells of %q", v.kind, told)
	}
}

// 15. The provider acts, and its answer comes after the deadline, is lost, or is lost and
// the effect cannot be seen for a while: one effect, and a success that the host learns of
// by itself.
func TestChaosAnswerAfterTheDeadline(t *testing.T) {
	t.Parallel()
	rounds, _ := chaos(t, 1, 10)
	w := newWorld(t, "--call-timeout", "1s")
	s := &shop{w: w}
	var lives sync.WaitGroup
	var all []victim
	for range rounds {
		for name, faults := range map[string][]object{
			"acts at once, answers late":  {{"do": "hang", "act": true, "ms": 2000}},
			"acts at the deadline":        {{"do": "delay", "ms": 2000}},
			"acts, answers, is not heard": {{"do": "act_then_drop_response"}},
			"acts, and hides it":          {{"do": "visibility_delay", "ms": 8000}, {"do": "act_then_drop_response"}},
		} {
			for _, v := range s.victims() {
				for _, fault := range faults {
					w.provider(v.rule(fault))
				}
				lives.Go(func() {
					if err := v.life.live(t.Context()); err != nil {
						t.Errorf("provider %s: %v", name, err)
					}
				})
				w.awaitFired(len(faults))
				w.heal()
				all = append(all, v)
			}
		}
	}
	lives.Wait()
	w.settle()
	for _, v := range all {
		w.wasInDoubt(v)
	}
	s.allTold()
	w.judge(s)
}

// 5. The connector hangs under load: calls end at their deadline in doubt, another
// process takes over, and everything is learned.
func TestChaosConnectorStoppedUnderLoad(t *testing.T) {
	t.Parallel()
	stops, random := chaos(t, 1, 20)
	w := newWorld(t, "--call-timeout", "2s")
	s := &shop{w: w}
	crowd := s.open(8, 0)
	for range stops {
		crowd.goesOn(8 + random.IntN(8))
		pid := w.plugin()
		w.signal(pid, syscall.SIGSTOP)
		stopped := time.Now()
		next := w.pluginAfter(pid)
		w.awaitDeath(pid)
		t.Logf("process %d was stopped; process %d serves after %v", pid, next, time.Since(stopped).Round(time.Millisecond))
	}
	close(crowd.stop)
	if ids, err := w.unsettled(); err != nil || len(ids) == 0 {
		t.Errorf("%d payments are in doubt, %v, want some", len(ids), err)
	}
	crowd.wait()
	w.settle()
	w.judge(s)
}

// 16. A swap whose drain comes to its deadline: what is left on the old process is in
// doubt, is learned, and is never called a failure.
func TestChaosDrainDeadline(t *testing.T) {
	t.Parallel()
	rounds, _ := chaos(t, 1, 10)
	w := newWorld(t, "--call-timeout", "30s", "--drain-timeout", "500ms", "--bake-time", "0")
	releases := [2]string{}
	releases[0], releases[1] = w.install()
	s := &shop{w: w}
	var lives sync.WaitGroup
	var all []victim
	for n := range 2 * rounds {
		victims := s.victims()
		for _, v := range victims {
			w.provider(v.rule(object{"do": "hang", "act": n%2 == 0}))
			lives.Go(func() {
				if err := v.life.live(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if v.kind == Authorize {
				w.awaitFired(1)
			}
		}
		w.awaitFired(len(victims))
		status, report, err := w.operate(http.MethodPost, "/v1/connectors/smartpay/swap", object{"release": releases[(n+1)%2]})
		if err != nil || status != http.StatusOK {
			t.Fatalf("swap: %d %v %v", status, report, err)
		}
		if left := number(report, "left"); left < int64(len(victims)) {
			t.Errorf("the swap left %d calls behind, want %d: %v", left, len(victims), report)
		}
		w.heal()
		all = append(all, victims...)
	}
	w.hasten()
	lives.Wait()
	w.hasten()
	for _, v := range all {
		w.wasInDoubt(v)
	}
	s.allTold()
	w.judge(s)
}
