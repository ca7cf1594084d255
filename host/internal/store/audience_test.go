package store

import (
	"testing"
	"time"
)

// What was read while subscriptions changed is not remembered, and nothing for longer than
// another host's change may go unnoticed.
func TestAudiencesAreNeverStale(t *testing.T) {
	var a audiences
	now := newClock().now()
	known := map[string][]string{"default": {"one"}}
	_, version := a.recall(now)
	a.forget()
	a.remember(known, version, now)
	if old, _ := a.recall(now); old != nil {
		t.Errorf("what was read before a change is remembered after it: %v", old)
	}
	_, version = a.recall(now)
	a.remember(known, version, now)
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {audienceLife - 1, true}, {audienceLife, false}, {-1, false}} {
		if got, _ := a.recall(now.Add(tt.after)); (got != nil) != tt.want {
			t.Errorf("after %s it is remembered: %v", tt.after, got != nil)
		}
	}
	if a.forget(); a.known != nil {
		t.Error("it is not forgotten")
	}
}
