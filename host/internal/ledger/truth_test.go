package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestFoldIgnoresOrderAndRepetition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seen := sightings.Draw(rt, "seen")
		want := folded(seen)
		shuffled := rapid.Permutation(append(slices.Clone(seen), seen...)).Draw(rt, "shuffled, each twice")
		if diff := cmp.Diff(want, folded(shuffled)); diff != "" {
			rt.Errorf("another order gives another truth (-first +other):\n%s", diff)
		}
	})
}

func TestFoldReportsWhetherAnythingWasLearned(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		truth := folded(sightings.Draw(rt, "seen"))
		next := sighting{wild.Draw(rt, "snapshot"), start}
		before := truth
		learned := truth.Fold(next.Snapshot, next.seen)
		if same := cmp.Equal(before, truth); learned == same {
			rt.Errorf("learned = %v, and the truth is the same: %v", learned, same)
		}
		if truth.Fold(next.Snapshot, next.seen) {
			rt.Error("the same snapshot was news twice")
		}
		truth.KeepTimes()
		if truth.Fold(next.Snapshot, next.seen) {
			rt.Error("the same snapshot was news to a truth that had been stored")
		}
	})
}

func TestFoldDoesNotTouchWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seen := sightings.Draw(rt, "seen")
		earlier := folded(seen)
		before := folded(seen)
		now := earlier
		now.Fold(wild.Draw(rt, "snapshot"), start)
		now.KeepTimes()
		if diff := cmp.Diff(before, earlier); diff != "" {
			rt.Errorf("a copy of an earlier truth changed (-was +is):\n%s", diff)
		}
	})
}

// A later word of the same provider never takes the state back, and money that was seen
// to move is never forgotten.
func TestTruthNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		truth := folded(sightings.Draw(rt, "seen"))
		was := truth
		truth.Fold(wild.Draw(rt, "snapshot"), start)
		if rank(truth.State) < rank(was.State) {
			rt.Errorf("state went from %s back to %s", was.State, truth.State)
		}
		for _, c := range was.Captures {
			i := slices.IndexFunc(truth.Captures, func(x sdk.CaptureSnapshot) bool { return x.Ref == c.Ref })
			if i < 0 || moveRank(truth.Captures[i].Status) < moveRank(c.Status) {
				rt.Errorf("capture %s was %s and is forgotten or went back", c.Ref, c.Status)
			}
		}
		if was.Authorized != nil && truth.Authorized == nil {
			rt.Error("the hold is forgotten")
		}
	})
}

func TestFold(t *testing.T) {
	money := func(minor int64) *sdk.Money { return new(sdk.JPY(minor)) }
	tests := map[string]struct {
		seen []sdk.Snapshot
		want Truth
	}{
		"a newer revision of the same rank wins": {
			[]sdk.Snapshot{{State: sdk.StateVoided, Revision: 2}, {State: sdk.StateExpired, Revision: 1}},
			Truth{State: sdk.StateVoided, Revision: 2},
		},
		"a state further on wins over a newer revision": {
			[]sdk.Snapshot{{State: sdk.StateCaptured, Revision: 1}, {State: sdk.StateAuthorized, Revision: 9}},
			Truth{State: sdk.StateCaptured, Revision: 1},
		},
		"what a snapshot does not say changes nothing": {
			[]sdk.Snapshot{{Order: "o", State: sdk.StateAuthorized, Authorized: money(5), ExpiresAt: start}, {}},
			Truth{Order: "o", State: sdk.StateAuthorized, Authorized: money(5), AuthorizedAt: start, ExpiresAt: start},
		},
		"a capture that is seen again is the same capture": {
			[]sdk.Snapshot{
				{Captures: []sdk.CaptureSnapshot{{Ref: "c", Operation: "op", Status: sdk.MovePending}}},
				{Captures: []sdk.CaptureSnapshot{{Ref: "c", Status: sdk.MoveSucceeded, Amount: money(5), At: start}}},
			},
			Truth{Captures: []sdk.CaptureSnapshot{{Ref: "c", Operation: "op", Status: sdk.MoveSucceeded, Amount: money(5), At: start}}},
		},
		"a refund that came back is reversed": {
			[]sdk.Snapshot{
				{Refunds: []sdk.RefundSnapshot{{Ref: "r", Capture: "c", Status: sdk.MoveReversed}}},
				{Refunds: []sdk.RefundSnapshot{{Ref: "r", Status: sdk.MoveSucceeded}}},
			},
			Truth{Refunds: []sdk.RefundSnapshot{{Ref: "r", Capture: "c", Status: sdk.MoveReversed}}},
		},
		"a status that nobody knows is no end": {
			[]sdk.Snapshot{{State: "WEIRD"}, {State: sdk.StateRequiresAction}},
			Truth{State: sdk.StateRequiresAction},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got Truth
			for _, s := range tt.seen {
				got.Fold(s, start)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("truth (-want +got):\n%s", diff)
			}
		})
	}
}

func TestContradictionsEndTheSameWay(t *testing.T) {
	one := sdk.Snapshot{State: sdk.StateVoided, Revision: 1}
	other := sdk.Snapshot{State: sdk.StateCaptured, Revision: 1}
	if diff := cmp.Diff(folded([]sighting{{one, start}, {other, start}}), folded([]sighting{{other, start}, {one, start}})); diff != "" {
		t.Errorf("voided and captured at once (-one first +other first):\n%s", diff)
	}
}

func TestTheNameOfAnExchangeIsNoNews(t *testing.T) {
	says := func(request string) sdk.Snapshot {
		p := sdk.Provider{Status: "succeeded", RequestID: request, HTTPStatus: len(request)}
		return sdk.Snapshot{
			State: sdk.StateCaptured, Provider: p,
			Captures: []sdk.CaptureSnapshot{{Ref: "c", Status: sdk.MoveSucceeded, Provider: p}},
			Refunds:  []sdk.RefundSnapshot{{Ref: "r", Status: sdk.MoveSucceeded, Provider: p}},
		}
	}
	var truth Truth
	truth.Fold(says("req_1"), start)
	if truth.Fold(says("req_22"), start) {
		t.Error("the same words in another exchange were news")
	}
}

func TestSeenTimeIsKeptAsItIsStored(t *testing.T) {
	var truth Truth
	truth.Fold(sdk.Snapshot{Authorized: new(sdk.JPY(1))}, start.Add(1))
	if truth.AuthorizedAt != start {
		t.Errorf("authorized at %v, want %v", truth.AuthorizedAt, start)
	}
}

func TestKeptTimeIsTheSameWhereverItCameFrom(t *testing.T) {
	zone := time.FixedZone("JST", 9*60*60)
	fine := time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)
	want := time.Date(2026, 3, 14, 15, 9, 26, 535897000, time.UTC)
	for _, given := range []time.Time{fine, fine.In(zone), want} {
		if got := Kept(given); got != want {
			t.Errorf("Kept(%v) = %v, want %v", given, got, want)
		}
	}
	if got := Kept(time.Time{}.In(zone)); got != (time.Time{}) {
		t.Errorf("Kept(never) = %v, want never", got)
	}
	now := time.Now()
	if got := Kept(now); got != time.UnixMicro(now.UnixMicro()).UTC() {
		t.Errorf("Kept(now) = %v, want no trace of the process's clock", got)
	}
}
