package chaos

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// A blow kills the connector while it has an operation in hand. Arm is called before the
// operation is sent, and what it returns after: it strikes, and clears up.
type blow struct {
	name string
	arm  func(w *world, pid int, v victim) (strike func())
}

// A victim is the operation that is struck.
type victim struct {
	life     *life
	kind     Kind
	method   string // of the connector
	endpoint string // of the provider
}

// rule is a fault of the provider that strikes the victim. An authorization's payment
// has no reference yet, but it is the only one.
func (v victim) rule(more object) object {
	more["on"], more["nth"] = v.endpoint, 1
	if v.life.reference != "" {
		more["reference"] = v.life.reference
	}
	return more
}

func blows() []blow {
	atFailpoint := func(moment string) func(*world, int, victim) func() {
		return func(w *world, pid int, v victim) func() {
			callOff := w.dieAtCall(strconv.Itoa(pid), moment, v.method, "*")
			return func() {
				w.awaitDeath(pid)
				callOff()
				w.faults++
			}
		}
	}
	atProvider := func(act bool) func(*world, int, victim) func() {
		return func(w *world, pid int, v victim) func() {
			w.provider(v.rule(object{"do": "hang", "act": act}))
			return func() {
				w.awaitFired(1)
				w.signal(pid, syscall.SIGKILL)
				w.heal()
			}
		}
	}
	return []blow{
		{"before it receives", func(w *world, pid int, v victim) func() {
			w.signal(pid, syscall.SIGSTOP)
			return func() {
				w.awaitIntent(v)
				w.signal(pid, syscall.SIGKILL)
			}
		}},
		{"when it has received", atFailpoint("received")},
		{"before the provider has acted", atProvider(false)},
		{"when the provider has acted", atProvider(true)},
		{"when it is about to answer", atFailpoint("answering")},
	}
}

// awaitFired waits until the provider's faults have struck.
func (w *world) awaitFired(times int) {
	w.t.Helper()
	w.await("the provider misbehaves", func() error {
		if n := w.fired(); n < times {
			return fmt.Errorf("it has %d times, want %d", n, times)
		}
		return nil
	})
}

func (w *world) awaitDeath(pid int) {
	w.t.Helper()
	w.await("the connector is dead", func() error {
		if proctest.Runs(pid) {
			return fmt.Errorf("process %d runs", pid)
		}
		return nil
	})
}

// awaitIntent waits until the host has written down that it is about to send.
func (w *world) awaitIntent(v victim) {
	w.t.Helper()
	w.await("the intent", func() error {
		status, page, err := w.operate(http.MethodGet, "/v1/payments?search="+v.life.name, nil)
		if err != nil || status != http.StatusOK {
			return errors.Join(err, fmt.Errorf("listing payments: %d", status))
		}
		for _, row := range list(page, "items") {
			_, story, err := w.operate(http.MethodGet, "/v1/payments/"+text(row, "id"), nil)
			if err != nil {
				return err
			}
			for _, op := range list(story, "operations") {
				if text(op, "kind") == string(v.kind) && text(op, "outcome") == "" {
					return nil
				}
			}
		}
		return fmt.Errorf("no %s of payment %s", v.kind, v.life.name)
	})
}

// 2. The connector is killed at five points of each kind of operation.
func TestChaosConnectorKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	rounds, _ := chaos(t, 1, 20)
	w := newWorld(t)
	s := &shop{w: w}
	var lives sync.WaitGroup
	for range rounds {
		for _, b := range blows() {
			for _, v := range s.victims() {
				pid := w.plugin()
				strike := b.arm(w, pid, v)
				lives.Go(func() {
					if err := v.life.live(t.Context()); err != nil {
						t.Errorf("killed %s: the %s: %v", b.name, v.kind, err)
					}
				})
				strike()
				w.pluginAfter(pid)
			}
		}
	}
	w.hasten()
	lives.Wait()
	w.hasten()
	// Killed before it receives, a connector may die before the call has left the host: if
	// no other serves soon, the host says truly that nothing was done.
	s.toldButFor(4 * rounds) // one for each kind of operation
	w.judge(s)
}

// 9. A call that kills the connector is made twice and no more, while others go on; it is
// made again when an operator says so.
func TestChaosPoisonedOperationIsParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &shop{w: w}
	poison := s.begin(captured)
	if err := poison.liveUntil(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	callOff := w.dieAtCall("*", "received", "Capture", poison.id)
	var lives sync.WaitGroup
	lives.Go(func() {
		if err := poison.live(t.Context()); err != nil {
			t.Error(err)
		}
	})
	subject := w.awaitParked(poison)
	w.faults += 2
	pid := w.plugin()
	others := s.open(4, 12)
	others.wait()
	if now := w.plugin(); now != pid {
		t.Errorf("the connector has died again: process %d, now %d", pid, now)
	}
	if w.settled() == nil {
		t.Error("the parked payment is settled, want it in doubt")
	}
	callOff()
	if out, err := w.connectord("connectors", "unpark", "smartpay", subject); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	w.hasten()
	lives.Wait()
	s.allTold()
	w.judge(s)
}

// awaitParked waits, hastening it, until a call of the payment is parked.
func (w *world) awaitParked(l *life) (subject string) {
	w.t.Helper()
	w.await("the call is parked", func() error {
		status, err := w.status()
		if err != nil {
			return err
		}
		if len(status.Parked) > 0 {
			parked := status.Parked[0]
			if parked.Deaths != 2 {
				w.t.Errorf("%s is parked after %d deaths, want 2", parked.Subject, parked.Deaths)
			}
			subject = parked.Subject
			return nil
		}
		code, answer, err := w.operate(http.MethodPost, "/v1/payments/"+l.id+"/settle", nil)
		return errors.Join(err, fmt.Errorf("nothing is; the provider was asked: %d %s", code, text(answer, "status")))
	})
	return subject
}
