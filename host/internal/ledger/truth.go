package ledger

import (
	"cmp"
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
	seen = Kept(seen)
	t.Order = either(t.Order, s.Order)
	t.foldState(s)
	if s.Authorized != nil && s.Authorized.Minor > 0 && (t.AuthorizedAt.IsZero() || seen.Before(t.AuthorizedAt)) {
		t.AuthorizedAt = seen
	}
	t.Authorized = greater(t.Authorized, s.Authorized)
	t.Released = greater(t.Released, s.Released)
	t.ExpiresAt = later(t.ExpiresAt, Kept(s.ExpiresAt))
	for _, c := range s.Captures {
		t.foldCapture(c)
	}
	for _, r := range s.Refunds {
		t.foldRefund(r)
	}
	return !t.equal(before)
}

// foldState moves the state forward in rank, and within a rank to the newer
// revision. An older or lesser observation never overwrites. Two that contradict each
// other in everything else end the same way whichever came first.
func (t *Truth) foldState(s sdk.Snapshot) {
	if s.State == "" {
		return
	}
	provider := lasting(s.Provider)
	order := cmp.Or(
		cmp.Compare(rank(s.State), rank(t.State)), cmp.Compare(s.Revision, t.Revision),
		cmp.Compare(s.State, t.State), compareProviders(provider, t.Provider),
	)
	if order > 0 {
		t.State, t.Revision, t.Provider = s.State, s.Revision, provider
	}
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
	c.At, c.Provider = Kept(c.At), lasting(c.Provider)
	i, found := slices.BinarySearchFunc(t.Captures, c.Ref, func(a sdk.CaptureSnapshot, ref sdk.CaptureRef) int {
		return cmp.Compare(a.Ref, ref)
	})
	t.Captures = slices.Clone(t.Captures)
	if !found {
		t.Captures = slices.Insert(t.Captures, i, c)
		return
	}
	had := &t.Captures[i]
	had.Operation = either(had.Operation, c.Operation)
	had.Amount = greater(had.Amount, c.Amount)
	if supersedes(c.Status, had.Status, c.Provider, had.Provider, c.At, had.At) {
		had.Status, had.Provider, had.At = c.Status, c.Provider, c.At
	}
}

func (t *Truth) foldRefund(r sdk.RefundSnapshot) {
	r.At, r.Provider = Kept(r.At), lasting(r.Provider)
	i, found := slices.BinarySearchFunc(t.Refunds, r.Ref, func(a sdk.RefundSnapshot, ref sdk.RefundRef) int {
		return cmp.Compare(a.Ref, ref)
	})
	t.Refunds = slices.Clone(t.Refunds)
	if !found {
		t.Refunds = slices.Insert(t.Refunds, i, r)
		return
	}
	had := &t.Refunds[i]
	had.Operation = either(had.Operation, r.Operation)
	had.Capture = either(had.Capture, r.Capture)
	had.Amount = greater(had.Amount, r.Amount)
	if supersedes(r.Status, had.Status, r.Provider, had.Provider, r.At, had.At) {
		had.Status, had.Provider, had.At = r.Status, r.Provider, r.At
	}
}

// supersedes reports whether a seen move status replaces the one known: if it is
// further on, or else, so that the order of arrival does not matter, if it is greater
// in whatever else differs.
func supersedes(seen, had sdk.MoveStatus, ps, ph sdk.Provider, ts, th time.Time) bool {
	return cmp.Or(
		cmp.Compare(moveRank(seen), moveRank(had)), cmp.Compare(seen, had), compareProviders(ps, ph), ts.Compare(th),
	) > 0
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
