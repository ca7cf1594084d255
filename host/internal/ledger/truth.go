package ledger

import (
	"slices"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// Truth is what the provider has been seen to hold. Folding snapshots into it is a
// join: any order of any repetition of the same snapshots gives the same Truth, and
// it never moves backwards.
type Truth struct {
	Order      sdk.OrderRef          `json:"order,omitempty"`
	Session    string                `json:"session,omitempty"`
	State      sdk.State             `json:"state,omitempty"`
	Revision   int64                 `json:"revision,omitempty"` // of State
	Authorized *sdk.Money            `json:"authorized,omitempty"`
	Released   *sdk.Money            `json:"released,omitempty"`
	Captures   []sdk.CaptureSnapshot `json:"captures,omitempty"` // by Ref
	Refunds    []sdk.RefundSnapshot  `json:"refunds,omitempty"`  // by Ref
	ExpiresAt  time.Time             `json:"expires_at,omitzero"`
	// AuthorizedAt is when a hold was first seen, by the host's clock.
	AuthorizedAt time.Time    `json:"authorized_at,omitzero"`
	Provider     sdk.Provider `json:"provider,omitzero"` // of State
	Next         *sdk.Next    `json:"next,omitempty"`
}

// Fold joins what a snapshot, seen at the given time, says to what is known. It
// reports whether anything was learned.
func (t *Truth) Fold(s sdk.Snapshot, seen time.Time) bool {
	before := t.clone()
	seen, s.ExpiresAt = Kept(seen), Kept(s.ExpiresAt)
	if t.Order == "" {
		t.Order = s.Order
	}
	t.foldState(s)
	if s.Authorized != nil && s.Authorized.Minor > 0 && (t.AuthorizedAt.IsZero() || seen.Before(t.AuthorizedAt)) {
		t.AuthorizedAt = seen
	}
	t.Authorized = greater(t.Authorized, s.Authorized)
	t.Released = greater(t.Released, s.Released)
	if s.ExpiresAt.After(t.ExpiresAt) {
		t.ExpiresAt = s.ExpiresAt
	}
	for _, c := range s.Captures {
		t.foldCapture(c)
	}
	for _, r := range s.Refunds {
		t.foldRefund(r)
	}
	return !t.equal(before)
}

// foldState moves the state forward in rank, and within a rank to the newer
// revision. An older or lesser observation never overwrites.
func (t *Truth) foldState(s sdk.Snapshot) {
	if s.State == "" {
		return
	}
	have, seen := rank(t.State), rank(s.State)
	switch {
	case seen < have:
		return
	case seen == have && s.Revision < t.Revision:
		return
	case seen == have && s.Revision == t.Revision && !precedes(t.State, s.State, t.Provider, s.Provider):
		return
	}
	t.State, t.Revision, t.Provider = s.State, s.Revision, s.Provider
}

// precedes is an arbitrary but fixed order, so that two contradicting observations
// of equal rank and revision end the same way whichever came first.
func precedes(a, b sdk.State, pa, pb sdk.Provider) bool {
	if a != b {
		return a < b
	}
	return pa.Status+pa.Code+pa.Message < pb.Status+pb.Code+pb.Message
}

// rank orders states by how much has happened. Those of the last rank are ends.
func rank(s sdk.State) int {
	switch s {
	case "":
		return 0
	case sdk.StateUnknown:
		return 1
	case sdk.StateRequiresAction:
		return 2
	case sdk.StateProcessing:
		return 3
	case sdk.StateAuthorized:
		return 4
	case sdk.StatePartiallyCaptured:
		return 5
	case sdk.StateCaptured, sdk.StateVoided, sdk.StateCanceled, sdk.StateDeclined, sdk.StateFailed,
		sdk.StateExpired:
		return 6
	}
	return 1
}

func (t *Truth) foldCapture(c sdk.CaptureSnapshot) {
	c.At = Kept(c.At)
	i, found := slices.BinarySearchFunc(t.Captures, c, func(a, b sdk.CaptureSnapshot) int {
		return compare(string(a.Ref), string(b.Ref))
	})
	if !found {
		t.Captures = slices.Insert(slices.Clone(t.Captures), i, c)
		return
	}
	had := t.Captures[i]
	if had.Operation != "" {
		c.Operation = had.Operation
	}
	c.Amount = greater(had.Amount, c.Amount)
	if !supersedes(c.Status, had.Status, c.Provider, had.Provider) {
		c.Status, c.Provider, c.At = had.Status, had.Provider, had.At
	}
	t.Captures = slices.Clone(t.Captures)
	t.Captures[i] = c
}

func (t *Truth) foldRefund(r sdk.RefundSnapshot) {
	r.At = Kept(r.At)
	i, found := slices.BinarySearchFunc(t.Refunds, r, func(a, b sdk.RefundSnapshot) int {
		return compare(string(a.Ref), string(b.Ref))
	})
	if !found {
		t.Refunds = slices.Insert(slices.Clone(t.Refunds), i, r)
		return
	}
	had := t.Refunds[i]
	if had.Operation != "" {
		r.Operation = had.Operation
	}
	if had.Capture != "" {
		r.Capture = had.Capture
	}
	r.Amount = greater(had.Amount, r.Amount)
	if !supersedes(r.Status, had.Status, r.Provider, had.Provider) {
		r.Status, r.Provider, r.At = had.Status, had.Provider, had.At
	}
	t.Refunds = slices.Clone(t.Refunds)
	t.Refunds[i] = r
}

// supersedes reports whether a newly seen move status replaces the one known.
func supersedes(seen, had sdk.MoveStatus, ps, ph sdk.Provider) bool {
	if moveRank(seen) != moveRank(had) {
		return moveRank(seen) > moveRank(had)
	}
	return ps.Status+ps.Code+ps.Message > ph.Status+ph.Code+ph.Message
}

func moveRank(s sdk.MoveStatus) int {
	switch s {
	case sdk.MoveUnknown:
		return 1
	case sdk.MovePending:
		return 2
	case sdk.MoveCanceled:
		return 3
	case sdk.MoveFailed:
		return 4
	case sdk.MoveSucceeded:
		return 5
	case sdk.MoveReversed:
		return 6
	}
	return 0
}
