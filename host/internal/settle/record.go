package settle

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// record writes what came back for an operation into the record. It is the one place
// where an answer becomes knowledge.
func record(rec *store.Record, id sdk.OperationID, rep reply, now time.Time) {
	op := rec.Operation(id)
	outcome, code, provider := judge(op, rep)
	if op.Outcome.Settled() && !outcome.Settled() {
		return // somebody learned the end while this answer was on its way
	}
	op.Outcome, op.Code, op.Provider, op.UpdatedAt = outcome, code, provider, now
	if rep.ref != "" {
		op.Ref = rep.ref
	}
	if outcome == sdk.OutcomeSucceeded || outcome == sdk.OutcomePending {
		op.Processed = rep.Amount
	}
	learn(rec, op, rep, now)
	rec.Added = append(rec.Added, answered(op, rep, now))
}

// judge reads the outcome of an answer, and distrusts two kinds of answer that a
// connector could give in good faith.
func judge(op *ledger.Operation, rep reply) (sdk.Outcome, sdk.Code, sdk.Provider) {
	outcome, code, provider := sdk.OutcomeOf(rep.Answer, rep.err), sdk.Code(""), rep.Provider
	if rep.err != nil {
		e := sdk.AsError(rep.err)
		code = e.Code
		if provider == (sdk.Provider{}) {
			provider = e.Provider
		}
		if provider.Message == "" && len(e.Fields) > 0 {
			provider.Message = e.Fields[0].Pointer + " " + e.Fields[0].Message
		}
	}
	// An attempt that never left proves nothing about an earlier attempt that did.
	if outcome == sdk.OutcomeNotAttempted && op.Attempt > 1 && !provesAbsence(code) {
		return sdk.OutcomeUnknown, code, provider
	}
	// A connector that moved another amount than it was asked for has moved money
	// that nobody understands yet.
	if outcome == sdk.OutcomeSucceeded && rep.Amount != nil && exact(op.Kind) && *rep.Amount != op.Amount {
		return sdk.OutcomeUnknown, sdk.CodeAmountMismatch, provider
	}
	return outcome, code, provider
}

func exact(kind sdk.Operation) bool { return kind == sdk.OpCapture || kind == sdk.OpRefund }

// provesAbsence reports whether a refusal was given by a provider that knows the
// key, so that no earlier attempt with it can have taken effect.
func provesAbsence(code sdk.Code) bool {
	switch code.Meaning().Category {
	case sdk.CategoryState, sdk.CategoryValidation, sdk.CategoryCapability:
		return true
	case sdk.CategoryIdempotency, sdk.CategoryAuthentication, sdk.CategoryCustomerAction,
		sdk.CategoryDeclineSoft, sdk.CategoryDeclineHard, sdk.CategoryRisk, sdk.CategoryCreditDecision,
		sdk.CategoryRateLimit, sdk.CategoryProviderUnavailable, sdk.CategoryProviderAmbiguous,
		sdk.CategoryIntegrity, sdk.CategoryWebhook, sdk.CategoryPlugin, sdk.CategoryUnmapped:
	}
	return false
}

// learn folds what the answer revealed about the payment.
func learn(rec *store.Record, op *ledger.Operation, rep reply, now time.Time) {
	truth := &rec.Truth
	if truth.Order == "" {
		truth.Order = rep.order
	}
	if truth.Session == "" {
		truth.Session = rep.session
	}
	if rep.next != nil {
		truth.Next = rep.next
	}
	if op.Kind == sdk.OpAuthorize && op.Outcome == sdk.OutcomeRequiresAction {
		truth.Fold(sdk.Snapshot{State: sdk.StateRequiresAction, Provider: rep.Provider}, now)
	}
	if rep.Payment != nil && fits(rec, *rep.Payment) == nil {
		truth.Fold(*rep.Payment, now)
	}
	if op.Kind == sdk.OpCancel && op.Outcome == sdk.OutcomeSucceeded && rec.Closing == nil {
		rec.Closing = &ledger.Closing{Reason: ledger.ClosedByMerchant, At: now}
	}
}

// answered is the event that tells of an answer.
func answered(op *ledger.Operation, rep reply, now time.Time) store.Event {
	context := map[string]any{
		"operation": op.ID,
		"kind":      op.Kind,
		"attempt":   op.Attempt,
		"outcome":   op.Outcome,
		"amount":    op.Amount.Minor,
		"currency":  op.Amount.Currency,
	}
	if op.Code != "" {
		context["code"] = op.Code
	}
	if op.Provider != (sdk.Provider{}) {
		context["provider"] = op.Provider
	}
	if op.Ref != "" {
		context["reference"] = op.Ref
	}
	if rep.err != nil {
		context["error"] = rep.err.Error()
	}
	return event(answerName(op), now, context)
}

// answerName names the event in the HTTP API's vocabulary.
func answerName(op *ledger.Operation) string {
	words := map[sdk.Operation]string{
		sdk.OpAuthorize: "authorization", sdk.OpCapture: "capture", sdk.OpVoid: "void",
		sdk.OpCancel: "cancel", sdk.OpRefund: "refund",
	}
	ends := map[sdk.Outcome]string{
		sdk.OutcomeSucceeded: "succeeded", sdk.OutcomePending: "pending",
		sdk.OutcomeRequiresAction: "pending", sdk.OutcomeDeclined: "declined",
		sdk.OutcomeNotAttempted: "failed", sdk.OutcomeUnknown: "unknown",
	}
	return "payment-connector-response-transaction-" + words[op.Kind] + "-" + ends[op.Outcome]
}

// event makes an event. The context must be encodable: it is made of strings,
// numbers and types of the contract.
func event(name string, at time.Time, context map[string]any) store.Event {
	raw, err := json.Marshal(context)
	if err != nil {
		raw, _ = json.Marshal(map[string]string{"unencodable": err.Error()})
	}
	return store.Event{ID: uuid.NewString(), Name: name, At: at, Context: raw}
}

// fits says why a snapshot cannot be of this payment, or nil. What a provider says of
// another payment, another amount or another currency is never believed of this one.
func fits(rec *store.Record, s sdk.Snapshot) *sdk.Error {
	const op sdk.Op = "settle.Observe"
	switch {
	case s.Reference != "" && s.Reference != rec.Payment.Reference:
		return sdk.Errorf(op, sdk.CodeReferenceMismatch, "the provider reports a payment with another reference")
	case s.Order != "" && rec.Truth.Order != "" && s.Order != rec.Truth.Order:
		return sdk.Errorf(op, sdk.CodeIDMismatch, "the provider reports order %s, this payment is %s", s.Order, rec.Truth.Order)
	}
	for _, m := range amountsOf(s) {
		if m.Currency != rec.Payment.Amount.Currency {
			return sdk.Errorf(op, sdk.CodeCurrencyMismatch, "the provider reports %s, this payment is in %s",
				m.Currency, rec.Payment.Amount.Currency)
		}
		if m.Minor < 0 {
			return sdk.Errorf(op, sdk.CodeAmountMismatch, "the provider reports a negative amount")
		}
	}
	if s.Authorized != nil && s.Authorized.Minor > rec.Payment.Amount.Minor {
		return sdk.Errorf(op, sdk.CodeAmountMismatch, "the provider holds %s, this payment is for %s",
			s.Authorized, rec.Payment.Amount)
	}
	return nil
}

func amountsOf(s sdk.Snapshot) []sdk.Money {
	var all []sdk.Money
	for _, m := range []*sdk.Money{s.Authorized, s.Captured, s.Released, s.Refunded} {
		if m != nil {
			all = append(all, *m)
		}
	}
	for _, c := range s.Captures {
		if c.Amount != nil {
			all = append(all, *c.Amount)
		}
	}
	for _, r := range s.Refunds {
		if r.Amount != nil {
			all = append(all, *r.Amount)
		}
	}
	return all
}
