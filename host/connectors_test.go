package host

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// recorded is connectors on a store on disk, in which these releases served.
func recorded(t *testing.T, served ...supervise.Event) *connectors {
	t.Helper()
	s := testStore(t)
	c := newConnectors(Config{}, newDecisions(s, "this host", false))
	for _, e := range served {
		c.record(t, e)
	}
	return c
}

func (c *connectors) record(t *testing.T, e supervise.Event) {
	t.Helper()
	e.Connector, e.At = "acme", time.Now()
	if e.To == supervise.Serving && e.Undoes == "" {
		command, err := c.decisions.begin(t.Context(), "acme", e.Digest)
		if err != nil {
			t.Fatal(err)
		}
		defer c.decisions.close(command)
	}
	if err := c.decisions.Record(t.Context(), e); err != nil {
		t.Error(err)
	}
}

func serving(generation uint64, digest, undoes string) supervise.Event {
	return supervise.Event{Generation: generation, Digest: digest, To: supervise.Serving, Undoes: undoes}
}

func TestWhatServedLastAndBefore(t *testing.T) {
	crash := supervise.Event{Generation: 9, Digest: "c", To: supervise.Crashed}
	tests := map[string]struct {
		events     []supervise.Event
		last       string
		generation uint64
		before     []string // the last of them first
	}{
		"nothing":                 {nil, "", 0, nil},
		"only a failed start":     {[]supervise.Event{crash}, "", 9, nil},
		"one, started again":      {[]supervise.Event{serving(1, "a", ""), serving(2, "a", "")}, "a", 2, nil},
		"three, the last crashed": {[]supervise.Event{serving(1, "a", ""), serving(2, "b", ""), serving(3, "c", ""), crash}, "c", 9, []string{"b", "a"}},
		"taken back":              {[]supervise.Event{serving(1, "a", ""), serving(2, "b", ""), serving(1, "a", "b")}, "a", 2, nil},
		"taken back to the middle": {
			[]supervise.Event{serving(1, "a", ""), serving(2, "b", ""), serving(3, "c", ""), serving(4, "b", "c")}, "b", 4, []string{"a"},
		},
		"taken back, and used after all": {
			[]supervise.Event{serving(1, "a", ""), serving(2, "b", ""), serving(1, "a", "b"), serving(3, "b", "")}, "b", 3, []string{"a"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := recorded(t, tt.events...)
			last, generation, err := c.lastServed(t.Context(), "acme")
			if err != nil || last != tt.last || generation != tt.generation {
				t.Errorf("last served %q, generation %d, %v; want %q and %d", last, generation, err, tt.last, tt.generation)
			}
			before, err := c.servedBefore(t.Context(), "acme", last)
			if diff := cmp.Diff(tt.before, before); diff != "" || errors.Is(err, store.ErrNotFound) != (tt.before == nil) {
				t.Errorf("served before: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A connector that has kept failing since has a journal too long to find its release
// in. What served before there were decisions is known beside it.
func TestWhatServedBeforeALongJournal(t *testing.T) {
	c := recorded(t)
	if err := c.store.SetMeta(t.Context(), servedKey("acme"), "a"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			for range journalDepth / 50 {
				c.record(t, supervise.Event{Generation: uint64(n + 1), Digest: "b", To: supervise.Backoff})
			}
		})
	}
	wg.Wait()
	if last, generation, err := c.lastServed(t.Context(), "acme"); err != nil || last != "a" || generation != 50 {
		t.Errorf("last served %q, generation %d, %v; want a and 50", last, generation, err)
	}
}

func TestSuspectsOutliveTheHost(t *testing.T) {
	c := recorded(t)
	read := func(connector string) ([]supervise.Suspect, error) {
		return (&suspects{store: c.store, connector: connector}).read(t.Context())
	}
	if got, err := read("acme"); err != nil || got != nil {
		t.Errorf("suspects of a new host: %v, %v", got, err)
	}
	want := []supervise.Suspect{{
		Flight: slot.Flight{Kind: "capture", Operation: "op-1", Payment: "pay-1", Attempt: 2, Subject: "op-1"},
		Deaths: 2, Last: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Parked: true,
	}}
	if err := (&suspects{store: c.store, connector: "acme"}).remember(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := read("acme")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(slot.Flight{})); diff != "" || err != nil {
		t.Errorf("suspects: %v (-want +got):\n%s", err, diff)
	}
	if other, err := read("other"); err != nil || other != nil {
		t.Errorf("another connector's suspects: %v, %v", other, err)
	}
}
