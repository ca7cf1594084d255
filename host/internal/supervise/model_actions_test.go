package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// actions are what may happen, each with what the model makes of it.
func (m *model) actions(b *bench) map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"":                                     func(t *rapid.T) { m.check(t, b) },
		"starts fail from now on or no longer": func(*rapid.T) { m.failing = !m.failing },
		"starts lie from now on or no longer":  func(*rapid.T) { m.lying = !m.lying },
		"time passes": func(t *rapid.T) {
			m.passes(b, time.Duration(rapid.Int64Range(0, int64(3*time.Minute)).Draw(t, "for")))
		},
		"take a lease": func(t *rapid.T) {
			ctx, cancel := context.WithTimeout(b.t.Context(), time.Nanosecond) // not for what is expected
			defer cancel()
			l, err := b.slot.Acquire(ctx)
			if (err == nil) != (m.state == supervise.Serving) {
				t.Fatalf("Acquire = %v while %s", err, m.state)
			}
			if err == nil {
				m.held = append(m.held, l)
			}
		},
		"give a lease back": func(t *rapid.T) {
			if len(m.held) == 0 {
				t.Skip("none is held")
			}
			l := m.held[0]
			l.Release()
			m.held = m.held[1:]
			if l.Route().Remote == m.warm && m.leases(m.warm) == 0 && m.cools.IsZero() {
				m.cools = time.Now().Add(m.bake)
			}
		},
	}
	maps.Copy(all, m.misfortunes(b))
	maps.Copy(all, m.commands(b))
	return all
}

// misfortunes are what processes do.
func (m *model) misfortunes(b *bench) map[string]func(*rapid.T) {
	whileServing := func(do func(*rapid.T)) func(*rapid.T) {
		return func(t *rapid.T) {
			if m.state != supervise.Serving {
				t.Skip("nothing serves")
			}
			do(t)
		}
	}
	return map[string]func(*rapid.T){
		"crash": whileServing(func(*rapid.T) {
			m.main.crash()
			synctest.Wait()
			m.lost()
		}),
		"crash under a call": whileServing(func(t *rapid.T) { m.poison(t, b) }),
		"ill health": whileServing(func(*rapid.T) {
			m.main.setHealth(unfit)
			checks := 3 + time.Since(m.watched)/(5*time.Second)
			m.passes(b, time.Until(m.watched.Add(checks*5*time.Second)))
			m.lost()
		}),
		"errors": whileServing(func(t *rapid.T) {
			if m.isWarm() && !m.cools.IsZero() && time.Until(m.cools) <= time.Second {
				t.Skip("too close to call")
			}
			m.main.behaves(0, sdk.Errorf("acme-pay", sdk.CodeReadTimeout, "?"))
			b.calls(60)
			m.main.behaves(0, nil)
			m.bad[m.main] = true
			m.passes(b, time.Second)
			if m.isWarm() && !m.bad[m.warm] {
				m.goesBack(m.seen(b))
			}
		}),
		"crash of what is warm": func(t *rapid.T) {
			if !m.isWarm() {
				t.Skip("nothing is warm")
			}
			m.warm.crash()
			m.warm = nil
		},
	}
}

// seen is when what serves began to, for what happens at a time between two looks.
func (m *model) seen(b *bench) time.Time { return b.Status().Since }

// poison crashes the connector under a call, unless that is parked.
func (m *model) poison(t *rapid.T, b *bench) {
	id := rapid.SampledFrom([]string{"poison-1", "poison-2"}).Draw(t, "id")
	if m.deaths[id] >= 2 {
		if err := b.sends(id); sdk.AsError(err).Code != sdk.CodeCircuitOpen {
			t.Fatalf("a parked call: %v", err)
		}
		return
	}
	m.main.behaves(time.Millisecond, nil)
	go b.call(id)
	synctest.Wait()
	m.main.crash()
	synctest.Wait()
	m.deaths[id]++
	m.lost()
	m.passes(b, time.Millisecond)
}

// commands are what operators do.
func (m *model) commands(b *bench) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"swap":               func(t *rapid.T) { m.swap(t, b) },
		"swap after a trial": func(t *rapid.T) { m.trial(t, b) },
		"rollback": func(t *rapid.T) {
			ctx, cancel := soon(b)
			defer cancel()
			began, possible := time.Now(), m.isWarm()
			report, err := b.Rollback(ctx)
			if serves := report.To.Generation != 0; serves != possible || !possible && !errors.Is(err, supervise.ErrNotWarm) {
				t.Fatalf("Rollback = %+v, %v; warm: %v", report, err, possible)
			}
			if possible {
				m.goesBack(began)
			}
		},
		"restart": func(t *rapid.T) {
			began := time.Now()
			ctx, cancel := soon(b)
			defer cancel()
			report, err := b.Restart(ctx)
			possible := m.sound() && m.state != supervise.Quarantined
			if serves := report.To.Generation != 0; serves != possible {
				t.Fatalf("Restart = %+v, %v", report, err)
			}
			if possible {
				m.replaces(b, m.version, began, began)
			}
		},
		"end the quarantine": func(t *rapid.T) {
			err := b.EndQuarantine(b.t.Context())
			if m.state != supervise.Quarantined {
				if err == nil {
					t.Fatalf("EndQuarantine of what is %s succeeded", m.state)
				}
				return
			}
			m.failures, m.attempts = nil, 0
			m.starts(b)
		},
		"activate": func(t *rapid.T) {
			err := b.Activate(b.t.Context(), versioned(m.version+1))
			if m.state != supervise.Rejected {
				if !errors.Is(err, supervise.ErrActive) {
					t.Fatalf("Activate of what is %s = %v", m.state, err)
				}
				return
			}
			m.version++
			m.starts(b)
		},
		"unpark": func(t *rapid.T) {
			id := rapid.SampledFrom([]string{"poison-1", "poison-2"}).Draw(t, "id")
			err := b.Unpark(b.t.Context(), "op-"+id)
			if parked := m.deaths[id] >= 2; (err == nil) != parked {
				t.Fatalf("Unpark = %v; parked: %v", err, parked)
			}
			if err == nil {
				delete(m.deaths, id)
			}
		},
	}
}

// swap swaps to the next release, to the one before or to the one that serves.
func (m *model) swap(t *rapid.T, b *bench) {
	began, to := time.Now(), max(1, m.version+rapid.IntRange(-1, 1).Draw(t, "step"))
	ctx, cancel := soon(b)
	defer cancel()
	report, err := b.Swap(ctx, versioned(to), supervise.SwapOptions{})
	unchanged := m.state == supervise.Serving && to == m.version
	back := m.isWarm() && to == m.warmVersion
	possible := unchanged || back || m.sound()
	if serves := report.To.Generation != 0; serves != possible || report.Unchanged != unchanged {
		t.Fatalf("Swap = %+v, %v; possible %v, unchanged %v", report, err, possible, unchanged)
	}
	switch {
	case !possible || unchanged:
	case back:
		m.goesBack(began)
	default:
		m.replaces(b, to, began, began)
	}
}

// trial swaps to the next release after it was tried for a minute, in which something
// happens to it, to what serves, or to who asked.
func (m *model) trial(t *rapid.T, b *bench) {
	began, next := time.Now(), m.version+1
	ctx, giveUp := context.WithCancel(b.t.Context())
	defer giveUp()
	ended := make(chan error, 1)
	var report supervise.SwapReport
	go func() {
		var err error
		report, err = b.Swap(ctx, versioned(next), supervise.SwapOptions{Trial: &supervise.Trial{Percent: 50, For: time.Minute}})
		ended <- err
	}()
	synctest.Wait()
	tried := m.sound() && m.state == supervise.Serving
	others := b.Status().Others
	if n := len(canaries(others)); (n == 1) != tried {
		t.Fatalf("others are %+v, want a canary: %v", others, tried)
	}
	happens := "nothing"
	if tried {
		happens = rapid.SampledFrom([]string{
			"nothing", "it crashes", "it gets ill", "it errs", "what serves crashes", "who asked gives up",
		}).Draw(t, "happens")
		m.during(b, happens, giveUp)
	}
	serves := m.sound() && !tried || tried && (happens == "nothing" || happens == "what serves crashes")
	if serves {
		at := began
		if tried {
			at = began.Add(time.Minute)
		}
		m.replaces(b, next, at, began)
	}
	giveUp() // it is not waited for the drain
	if err := <-ended; (report.To.Generation != 0) != serves {
		t.Fatalf("Swap = %+v, %v after a trial in which %s happened", report, err, happens)
	}
}

func canaries(others []supervise.Instance) (found []supervise.Instance) {
	for _, in := range others {
		if in.State == supervise.Canary {
			found = append(found, in)
		}
	}
	return found
}

// during is what happens within the minute of a trial.
func (m *model) during(b *bench, happens string, giveUp func()) {
	canary := b.last()
	switch happens {
	case "nothing":
		m.passes(b, time.Minute)
	case "it crashes":
		m.passes(b, 7*time.Second)
		canary.crash()
		m.passes(b, time.Second)
	case "it gets ill":
		canary.setHealth(unfit)
		m.passes(b, 15*time.Second)
	case "it errs":
		canary.behaves(0, sdk.Errorf("acme-pay", sdk.CodePluginProtocolVersion, "?"))
		b.callsOn(canary, 60)
		m.passes(b, time.Second)
	case "who asked gives up":
		m.passes(b, 7*time.Second)
		giveUp()
		m.passes(b, time.Second)
	case "what serves crashes":
		m.passes(b, 7*time.Second)
		m.main.crash()
		synctest.Wait()
		m.lost()
		m.passes(b, 53*time.Second)
	default:
		panic(fmt.Sprint("nothing is known of ", happens))
	}
}

// soon is a context for a replacement that is not to wait for leases that the test
// holds. Starts take no time here, so none is given up.
func soon(b *bench) (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.t.Context(), time.Nanosecond)
}

// live is the process that serves.
func (b *bench) live() *process { return b.slot.Current().Remote.(*process) }

// callsOn makes so many calls on a process that takes some of them.
func (b *bench) callsOn(p *process, n int) {
	for n > 0 {
		b.made++
		call := sdk.Call{PaymentID: sdk.PaymentID(fmt.Sprint("pay-", b.made)), Attempt: 1}
		l, err := b.slot.Acquire(sdk.WithCall(context.Background(), call))
		if err != nil {
			b.t.Fatal(err)
		}
		if l.Route().Remote == p {
			_, _ = l.Remote().Capture(context.Background(), sdk.CaptureRequest{Call: call})
			n--
		}
		l.Release()
	}
}
