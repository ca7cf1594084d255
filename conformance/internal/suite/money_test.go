package suite

import (
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestStateOfSums(t *testing.T) {
	tests := map[string]struct {
		sums Sums
		want sdk.State
	}{
		"held":                         {Sums{Held: 10}, sdk.StateAuthorized},
		"a part taken":                 {Sums{Held: 10, Taken: 4}, sdk.StatePartiallyCaptured},
		"all taken":                    {Sums{Held: 10, Taken: 10}, sdk.StateCaptured},
		"more than all taken":          {Sums{Held: 10, Taken: 11}, sdk.StateCaptured},
		"a part taken, rest released":  {Sums{Held: 10, Taken: 4, Released: 6}, sdk.StateCaptured},
		"all released":                 {Sums{Held: 10, Released: 10}, sdk.StateVoided},
		"all returned stays captured":  {Sums{Held: 10, Taken: 10, Returned: 10}, sdk.StateCaptured},
		"part returned of part taken":  {Sums{Held: 10, Taken: 4, Returned: 4}, sdk.StatePartiallyCaptured},
		"less released than there was": {Sums{Held: 10, Released: 4}, sdk.StateAuthorized},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.sums.State(); got != tt.want {
				t.Errorf("%s is %s, want %s", tt.sums, got, tt.want)
			}
		})
	}
}

func TestShowsHoldsASnapshotToItsSums(t *testing.T) {
	eur := func(minor int64) *sdk.Money { return &sdk.Money{Minor: minor, Currency: "EUR"} }
	whole := func() *sdk.Snapshot {
		return &sdk.Snapshot{
			State: sdk.StateCaptured, Authorized: eur(10), Captured: eur(4), Released: eur(6), Refunded: eur(0),
			Captures: []sdk.CaptureSnapshot{{Amount: eur(4), Status: sdk.MoveSucceeded}},
		}
	}
	sums := Sums{Held: 10, Taken: 4, Released: 6}
	if err := Shows("looking", whole(), "EUR", sums); err != nil {
		t.Errorf("a right snapshot: %v", err)
	}
	for name, spoil := range map[string]func(*sdk.Snapshot){
		"another state":         func(s *sdk.Snapshot) { s.State = sdk.StateAuthorized },
		"no captured amount":    func(s *sdk.Snapshot) { s.Captured = nil },
		"another currency":      func(s *sdk.Snapshot) { s.Authorized.Currency = "USD" },
		"released not told":     func(s *sdk.Snapshot) { s.Released = nil },
		"a capture is missing":  func(s *sdk.Snapshot) { s.Captures = nil },
		"a refund that counts":  func(s *sdk.Snapshot) { s.Refunds = []sdk.RefundSnapshot{{Amount: eur(1), Status: sdk.MoveSucceeded}} },
		"a capture that failed": func(s *sdk.Snapshot) { s.Captures[0].Status = sdk.MoveFailed },
	} {
		t.Run(name, func(t *testing.T) {
			s := whole()
			spoil(s)
			if Shows("looking", s, "EUR", sums) == nil {
				t.Error("is taken for right")
			}
		})
	}
}
