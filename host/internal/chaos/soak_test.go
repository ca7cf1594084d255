package chaos

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A trouble is one thing that goes wrong. What befalls a host befalls any of them.
type trouble func(w *world, random *rand.Rand)

// troubles are those of a bad day, the more common ones more than once.
func troubles(releases [2]string) []trouble {
	any := func(w *world, random *rand.Rand) *host { return w.hosts[random.IntN(len(w.hosts))] }
	kill := func(w *world, random *rand.Rand) { w.signal(any(w, random).plugin(), syscall.SIGKILL) }
	hang := func(w *world, random *rand.Rand) {
		pid := any(w, random).plugin()
		w.signal(pid, syscall.SIGSTOP)
		<-time.After(time.Duration(random.IntN(int(2500 * time.Millisecond))))
		w.signal(pid, syscall.SIGCONT)
	}
	die := func(w *world, random *rand.Rand) {
		h := any(w, random)
		h.killHost()
		h.startHost()
	}
	dieAtAWrite := func(w *world, random *rand.Rand) {
		h := any(w, random)
		h.dieAtCommit(moments[random.IntN(2)], 1+random.IntN(30))
		select {
		case <-h.running().ended:
			w.faults++
		case <-time.After(time.Second):
			h.killHost()
		}
		h.calmHost()
		h.startHost()
	}
	provider := func(w *world, _ *rand.Rand) {
		w.faults++
		w.sandbox.kill()
		w.startSandbox()
	}
	swap := func(w *world, random *rand.Rand) {
		w.faults++
		if err := any(w, random).swap(releases[random.IntN(2)]); err != nil {
			w.t.Log(err) // it may have been refused: the new process was asked at a bad moment
		}
	}
	back := func(w *world, random *rand.Rand) {
		status, _, err := any(w, random).operate(http.MethodPost, "/v1/connectors/smartpay/rollback", nil)
		if err == nil && status == http.StatusOK {
			w.faults++ // otherwise nothing is warm to go back to
		}
	}
	return []trouble{kill, kill, hang, die, dieAtAWrite, provider, swap, swap, back, misbehave, misbehave, misbehave, misbehave}
}

// misbehave has the provider do something else from now on, for some of what it is asked.
func misbehave(w *world, random *rand.Rand) {
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	w.heal()
	for range 3 {
		rule := []object{
			{"do": "hang", "act": true, "ms": 3000}, {"do": "hang", "ms": 3000}, {"do": "delay", "ms": 3000},
			{"do": "delay", "ms": 200}, {"do": "slow_drip", "bytes_per_second": 500},
			{"do": "reset_before_headers"}, {"do": "reset_before_headers", "act": true},
			{"do": "act_then_drop_response"}, {"do": "reset_mid_body", "after_bytes": 100},
			{"do": "status", "status": 500}, {"do": "status", "status": 500, "act": true},
			{"do": "status", "status": 503, "act": true}, {"do": "status", "status": 504},
			{"do": "status", "status": 429, "headers": object{"Retry-After": "1"}},
			{"do": "status", "status": 200, "act": true, "body": "<html>"},
			{"do": "key_in_progress", "ms": 500}, {"do": "visibility_delay", "ms": 5000},
			{"do": "echo_request_in_error", "status": 500},
		}[random.IntN(18)]
		rule["on"] = pick("POST /checkout-sessions", "POST /payments", "POST /refunds", "PUT /orders/{id}/cancellation", "GET /orders/{id}", "*")
		rule["chance"] = w.chance + random.IntN(5*w.chance)
		w.provider(rule)
	}
	w.provider([]object{
		{"on": "webhook", "do": "drop", "chance": 30}, {"on": "webhook", "do": "duplicate", "copies": 3, "chance": 50},
		{"on": "webhook", "do": "reorder", "behind": 2, "chance": 50}, {"on": "webhook", "do": "replay", "ms": 500, "chance": 50},
		{"on": "webhook", "do": "wrong_signature", "how": "secret", "chance": 30}, {"on": "webhook", "do": "late", "ms": 3000, "chance": 50},
	}[random.IntN(6)])
}

// Everything goes wrong at random while merchants go on, on every store. PAYMENTS says how
// many payments there are. In the long form more of them go on at once, each with less
// trouble and all with as much: one that is in doubt waits for half a minute.
func TestChaosSoak(t *testing.T) {
	onEach(t, func(t *testing.T, store string) {
		payments, random := chaos(t, 48, 2000)
		if given := os.Getenv("PAYMENTS"); given != "" {
			var err error
			if payments, err = strconv.Atoi(given); err != nil || payments < 1 {
				t.Fatalf("PAYMENTS is %q, must be a number of payments", given)
			}
		}
		flags := []string{"--call-timeout", "2s", "--drain-timeout", "3s", "--bake-time", "2s"}
		hosts, callers, chance, pause := 2, min(256, 1+payments/4), 5, 600*time.Millisecond
		if payments > 5000 {
			hosts, callers, chance, pause = 3, 2000, 1, 6*time.Second
			flags = append(flags, "--at-once", "128") // more of them do not get done in the time of a call
		}
		w := newWorldOn(t, store, hosts, flags...)
		w.chance = chance
		w.soak(payments, callers, pause, random)
	})
}

func (w *world) soak(payments, callers int, pause time.Duration, random *rand.Rand) {
	w.t.Helper()
	old, next := w.install()
	all := troubles([2]string{old, next})
	if w.database != nil {
		all = append(all, databaseTroubles()...)
	}
	s := &shop{w: w}
	crowd := s.open(callers, payments)
	for told := time.Now(); !crowd.allBegun() && !w.t.Failed(); {
		all[random.IntN(len(all))](w, random)
		<-time.After(time.Duration(random.IntN(int(pause))))
		for _, h := range w.hosts {
			h.tend()
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			w.t.Logf("%d payments are through", crowd.made())
		}
	}
	w.heal()
	for !crowd.ended() {
		w.hasten()
		<-time.After(100 * time.Millisecond)
	}
	crowd.wait()
	w.hasten()
	w.judge(s)
}

// allBegun reports whether no merchant will begin another payment.
func (c *crowd) allBegun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begun == c.most
}
