package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// memory is what outlives a run of the host.
type memory struct {
	suspects []supervise.Suspect
	fail     error
}

func (m *memory) of(c *supervise.Config) {
	c.CrashLimit = 100
	c.Suspects = m.suspects
	c.Remember = func(_ context.Context, s []supervise.Suspect) error {
		if m.fail == nil {
			m.suspects = append([]supervise.Suspect(nil), s...)
		}
		return m.fail
	}
}

// dies makes the connector die under the operations with these ids.
func (b *bench) dies(ids ...string) {
	b.t.Helper()
	p := b.live()
	p.behaves(time.Second, nil)
	for _, id := range ids {
		go b.call(id)
	}
	synctest.Wait()
	p.crash()
	elapse(40 * time.Second) // the calls come back, and the next process serves
}

func (b *bench) parked() []string {
	var all []string
	for _, s := range b.Status().Parked {
		all = append(all, s.Subject)
	}
	return all
}

// sends reports whether a call of the operation is let through.
func (b *bench) sends(id string) error {
	call := sdk.Call{OperationID: sdk.OperationID("op-" + id)}
	l, err := b.slot.Acquire(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	defer l.Release()
	_, err = l.Remote().Capture(context.Background(), sdk.CaptureRequest{Call: call})
	return err
}

func TestOperationAtTwoDeathsIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		b := serving(t, release("1.0.0"), m.of)
		b.dies("poison", "bystander")
		if got := b.parked(); len(got) > 0 {
			t.Fatalf("parked after one death: %v", got)
		}
		e := b.journal.find(t, 1, supervise.Crashed)
		if len(e.Aboard) != 2 || e.Aboard[0].Kind != sdk.OpCapture || e.Aboard[0].Payment == "" || len(e.Parked) > 0 {
			t.Errorf("crash event = %+v, want both operations aboard", e)
		}
		b.dies("poison", "newcomer")
		if diff := cmp.Diff([]string{"op-poison"}, b.parked()); diff != "" {
			t.Fatalf("parked (-want +got):\n%s", diff)
		}
		if e := b.journal.find(t, 2, supervise.Crashed); len(e.Parked) != 1 || e.Parked[0] != "op-poison" {
			t.Errorf("crash event = %+v, want what was parked", e)
		}
		b.wants(supervise.Serving, 3)
		var parked *slot.ParkedError
		if err := b.sends("poison"); !errors.As(err, &parked) || sdk.AsError(err).Outcome() != sdk.OutcomeNotAttempted {
			t.Errorf("sending it again: %v, want a refusal", err)
		}
		for _, id := range []string{"bystander", "newcomer", "another"} {
			if err := b.sends(id); err != nil {
				t.Errorf("sending the %s: %v", id, err)
			}
		}

		// The next run of the host knows it too.
		if err := b.shutDown(); err != nil {
			t.Fatal(err)
		}
		next := serving(t, release("1.0.0"), m.of)
		if err := next.sends("poison"); !errors.As(err, &parked) {
			t.Errorf("sending it again after a restart: %v, want a refusal", err)
		}
		next.dies("bystander")
		if got := next.parked(); len(got) != 2 {
			t.Errorf("parked = %v: one death before the restart and one after it are two", got)
		}

		m.fail = errNo
		if err := next.Unpark(t.Context(), "op-poison"); !errors.Is(err, errNo) || len(next.parked()) != 2 {
			t.Errorf("Unpark that cannot be kept = %v, and parked are %v", err, next.parked())
		}
		m.fail = nil
		if err := next.Unpark(t.Context(), "op-poison"); err != nil {
			t.Fatal(err)
		}
		if err := next.sends("poison"); err != nil {
			t.Errorf("sending it after it was unparked: %v", err)
		}
		if err := next.Unpark(t.Context(), "op-poison"); !errors.Is(err, supervise.ErrNotParked) {
			t.Errorf("Unpark again = %v, want ErrNotParked", err)
		}
		next.dies("poison")
		if diff := cmp.Diff([]string{"op-bystander"}, next.parked()); diff != "" {
			t.Errorf("one more death after it was unparked (-want +got):\n%s", diff)
		}
	})
}

func TestSuspicionFades(t *testing.T) {
	tests := map[string]struct {
		flight slot.Flight
		after  time.Duration
		parked bool
	}{
		"an operation, a week later":   {slot.Flight{Operation: "op-1", Subject: "op-1"}, 7 * 24 * time.Hour, true},
		"an operation, a season later": {slot.Flight{Operation: "op-1", Subject: "op-1"}, 90 * 24 * time.Hour, false},
		"a question, a while later":    {slot.Flight{Subject: "op-1"}, time.Minute, true},
		"a question, a day later":      {slot.Flight{Subject: "op-1"}, 24 * time.Hour, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{suspects: []supervise.Suspect{{Flight: tt.flight, Deaths: 1, Last: time.Now().Add(-tt.after)}}}
				b := serving(t, release("1.0.0"), m.of)
				b.dies("1")
				if got := len(b.parked()) > 0; got != tt.parked {
					t.Errorf("parked = %v, want %v", got, tt.parked)
				}
			})
		})
	}
}

func TestSuspectsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		for n := range 3000 {
			id := fmt.Sprint("op-old-", n)
			m.suspects = append(m.suspects, supervise.Suspect{
				Flight: slot.Flight{Operation: sdk.OperationID(id), Subject: id}, Deaths: 1, Last: time.Now(), Parked: n == 0,
			})
		}
		b := serving(t, release("1.0.0"), m.of)
		b.dies("new")
		if len(m.suspects) != 1001 || !m.suspects[0].Parked || m.suspects[1000].Subject != "op-new" {
			t.Errorf("%d suspects, first %+v, last %+v; want the parked one and the newest thousand",
				len(m.suspects), m.suspects[0], m.suspects[len(m.suspects)-1])
		}
	})
}

// A death within the bake time counts too, and so does one of a canary.
func TestPoisonIsParkedThroughARollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		b := swapped(t, m.of)
		b.dies("poison")
		b.wants(supervise.Serving, 1)
		b.dies("poison")
		if diff := cmp.Diff([]string{"op-poison"}, b.parked()); diff != "" {
			t.Errorf("parked (-want +got):\n%s", diff)
		}
		b.wants(supervise.Serving, 3)
		if got := b.Status(); !strings.HasPrefix(got.Version, "1.0") {
			t.Errorf("%s serves, want the release that was gone back to", got.Version)
		}
	})
}
