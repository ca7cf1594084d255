package ledger

import (
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Move is one capture or refund, asked for by an operation, seen at the provider,
// or both.
type Move struct {
	Operation sdk.OperationID // empty if nobody here asked for it
	Ref       string          // empty while the provider's name is not known
	Capture   sdk.CaptureRef  // for a refund, the capture it returns
	Amount    int64
	Status    sdk.MoveStatus
	Final     bool
	Code      sdk.Code
	Provider  sdk.Provider
	At        time.Time
	Asked     *Operation // nil if nobody here asked for it
}

// captures joins capture operations with the captures seen at the provider.
func (l *Ledger) captures() []Move {
	seen := make([]sighted, len(l.Truth.Captures))
	for i, c := range l.Truth.Captures {
		seen[i] = sighted{c.Operation, string(c.Ref), c.Amount, c.Status, c.At, c.Provider}
	}
	moves, alone := l.join(sdk.OpCapture, seen)
	for _, i := range alone {
		m := Move{Final: true}
		m.observe(seen[i])
		moves = append(moves, m)
	}
	return moves
}

// refunds joins refund operations with the refunds seen at the provider.
func (l *Ledger) refunds() []Move {
	seen := make([]sighted, len(l.Truth.Refunds))
	for i, r := range l.Truth.Refunds {
		seen[i] = sighted{r.Operation, string(r.Ref), r.Amount, r.Status, r.At, r.Provider}
	}
	moves, alone := l.join(sdk.OpRefund, seen)
	for _, i := range alone {
		m := Move{Capture: l.Truth.Refunds[i].Capture}
		m.observe(seen[i])
		moves = append(moves, m)
	}
	return moves
}

// A sighted is a capture or refund as the provider holds it.
type sighted struct {
	operation sdk.OperationID
	ref       string
	amount    *sdk.Money
	status    sdk.MoveStatus
	at        time.Time
	provider  sdk.Provider
}

// join makes a move of every operation of a kind, with what was seen of it, and returns
// which of those seen belong to none. Each is counted once: if the provider holds two
// for one operation, money moved twice, and the second stands alone.
func (l *Ledger) join(kind sdk.Operation, seen []sighted) (moves []Move, alone []int) {
	taken := make([]bool, len(seen))
	take := func(is func(sighted) bool) (sighted, bool) {
		for i, s := range seen {
			if !taken[i] && is(s) {
				taken[i] = true
				return s, true
			}
		}
		return sighted{}, false
	}
	var joined []bool
	for i := range l.Operations {
		if op := &l.Operations[i]; op.Kind == kind {
			m := op.move()
			s, ok := take(func(s sighted) bool { return op.Ref != "" && op.Ref == s.ref })
			if ok {
				m.observe(s)
			}
			moves, joined = append(moves, m), append(joined, ok)
		}
	}
	// By name first, so that none is taken for another by the operation alone.
	for i := range moves {
		m := &moves[i]
		if s, ok := take(func(s sighted) bool {
			return !joined[i] && s.operation != "" && s.operation == m.Operation
		}); ok {
			m.observe(s)
		}
	}
	for i := range seen {
		if !taken[i] {
			alone = append(alone, i)
		}
	}
	return moves, alone
}

// move is the operation on its own word, before the provider is asked.
func (op *Operation) move() Move {
	m := Move{
		Operation: op.ID, Ref: op.Ref, Capture: op.Capture, Amount: op.Amount.Minor, Status: sdk.MoveUnknown,
		Final: op.Final, Code: op.Code, Provider: op.Provider, At: op.UpdatedAt, Asked: op,
	}
	if op.Processed != nil {
		m.Amount = op.Processed.Minor
	}
	switch op.Outcome {
	case sdk.OutcomeSucceeded:
		m.Status = sdk.MoveSucceeded
	case sdk.OutcomePending, sdk.OutcomeRequiresAction:
		m.Status = sdk.MovePending
	case sdk.OutcomeDeclined, sdk.OutcomeNotAttempted:
		m.Status = sdk.MoveFailed
	case sdk.OutcomeUnknown, "":
	}
	return m
}

// observe lets the provider's word override the operation's where it goes further. The
// amount that the operation reported stands until then.
func (m *Move) observe(s sighted) {
	m.Ref = s.ref
	further := moveRank(s.status) > moveRank(m.Status) || m.Asked == nil
	if s.amount != nil && (further || m.Asked.Processed == nil || moveRank(s.status) == moveRank(m.Status)) {
		m.Amount = s.amount.Minor
	}
	if further {
		m.Status, m.Provider = s.status, s.provider
	}
	if m.Status == sdk.MoveSucceeded {
		m.Code = ""
	}
	if !s.at.IsZero() {
		m.At = s.at
	}
}
