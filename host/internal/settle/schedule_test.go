package settle

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestScheduleOfLooks(t *testing.T) {
	want := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
		24 * time.Hour, 24 * time.Hour,
	}
	for look := range want {
		wait, person := Looks().after(look)
		if wait != want[look] || person != (look == 7) {
			t.Errorf("after look %d: %s, a person is needed: %t; want %s, %t", look, wait, person, want[look], look == 7)
		}
	}
}

// However many looks there are: the waits never shrink or pass a day, and a person is
// called once.
func TestScheduleHasNoEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		looks := rapid.IntRange(1, 5000).Draw(rt, "looks")
		calls, last := 0, time.Duration(0)
		for look := range looks {
			wait, person := Looks().after(look)
			if wait < last || wait > 24*time.Hour {
				rt.Fatalf("after look %d the wait is %s, it was %s", look, wait, last)
			}
			if last = wait; person {
				calls++
			}
		}
		if calls > 1 || (looks > 7) != (calls == 1) {
			rt.Fatalf("%d looks, a person was called %d times", looks, calls)
		}
	})
}

func TestWhatMayBeUnderWay(t *testing.T) {
	const timeout = 30 * time.Second
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	op := func(id, of string, outcome sdk.Outcome, age time.Duration) ledger.Operation {
		return ledger.Operation{ID: sdk.OperationID(id), PartOf: sdk.OperationID(of), Outcome: outcome, UpdatedAt: now.Add(-age)}
	}
	tests := map[string]struct {
		ops  []ledger.Operation
		want time.Duration // 0 or less: nothing is
	}{
		"nothing was asked for":         {nil, 0},
		"answered":                      {[]ledger.Operation{op("a", "", sdk.OutcomeSucceeded, 0)}, 0},
		"in doubt, answered just now":   {[]ledger.Operation{op("a", "", sdk.OutcomeUnknown, 0)}, 0},
		"the intent is new":             {[]ledger.Operation{op("a", "", "", 0)}, 40 * time.Second},
		"the intent is of this minute":  {[]ledger.Operation{op("a", "", "", 35*time.Second)}, 5 * time.Second},
		"the intent is too old":         {[]ledger.Operation{op("a", "", "", time.Minute)}, -20 * time.Second},
		"the newest intent decides":     {[]ledger.Operation{op("a", "", "", time.Hour), op("b", "", "", 0)}, 40 * time.Second},
		"the other host's clock is off": {[]ledger.Operation{op("a", "", "", -5*time.Second)}, 45 * time.Second},
		"legs are sent one by one": {[]ledger.Operation{
			op("a", "", sdk.OutcomeSucceeded, 40*time.Second), op("b", "a", "", 50*time.Second), op("c", "a", "", 50*time.Second),
		}, 50 * time.Second},
		"legs of another refund do not count": {[]ledger.Operation{
			op("x", "", sdk.OutcomeSucceeded, time.Hour), op("y", "x", sdk.OutcomeSucceeded, time.Hour), op("a", "", "", 0),
		}, 40 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := underWay(tt.ops, timeout, now)
			if max(got, 0) != max(tt.want, 0) {
				t.Errorf("under way for %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSchedulesThatAreNone(t *testing.T) {
	for name, s := range map[string]Schedule{
		"no wait":     {0, time.Second},
		"going back":  {time.Second, -time.Second},
		"growing old": {time.Second, 25 * time.Hour},
		"shrinking":   {time.Minute, time.Second},
	} {
		if s.Check() == nil {
			t.Errorf("%s: %v is taken", name, s)
		}
	}
	if err := Looks().Check(); err != nil {
		t.Error(err)
	}
}
