package api

import (
	"net/http"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

type captureCreate struct {
	Amount             *int64 `json:"amount"`
	Final              *bool  `json:"final"` // nil means true
	ExternalIdentifier string `json:"external_identifier"`
	Reauthorize        bool   `json:"reauthorize_if_authorization_expired"`
}

// captureTransaction takes held money. A capture that the provider declined is
// answered with 200 and the transaction as it was; the envelope says why.
func (s *server) captureTransaction(c *call) (answer, error) {
	id, err := c.payment()
	if err != nil {
		return answer{}, err
	}
	doc, err := c.body(s.shapes.capture)
	if err != nil {
		return answer{}, err
	}
	var o captureCreate
	if err := doc.into(&o); err != nil {
		return answer{}, err
	}
	if o.Reauthorize {
		return answer{}, invalid(detail{inBody, "/reauthorize_if_authorization_expired",
			"must be false: reauthorization is not offered", string(sdk.CodeOperationUnsupported)})
	}
	order := settle.CaptureOrder{
		Amount: o.Amount, Final: o.Final == nil || *o.Final, ExternalID: o.ExternalIdentifier,
	}
	return s.once(c, move{
		scope: "capture:" + string(id),
		body:  doc.canonical,
		begin: func(idem *store.Idempotency) (store.Record, sdk.OperationID, error) {
			return begun(s.Engine.Capture(c.ctx, c.account, id, order, idem))
		},
		show: func(rec store.Record, op sdk.OperationID) (answer, error) {
			if !prefers(c.Request, "transaction-capture") {
				return s.showTransaction(c.ctx, http.StatusOK, rec)
			}
			return s.showCaptureEnvelope(c, rec, op)
		},
	})
}

func (s *server) showCaptureEnvelope(c *call, rec store.Record, id sdk.OperationID) (answer, error) {
	op := rec.Operation(id)
	status := "failed"
	var seen ledger.Move
	for _, m := range rec.View().Captures {
		if op != nil && m.Operation == id {
			status, seen = captureStatus(m), m
		}
	}
	e, err := s.envelope(c.ctx, "transaction-capture", status, rec, op)
	if err != nil {
		return answer{}, err
	}
	if op != nil {
		e.CaptureID, e.ProviderID = optional(string(id)), optional(seen.Ref)
		e.ExternalID = optional(op.ExternalID)
	}
	return reply(http.StatusOK, e)
}

// voidTransaction lets go of what is held and not captured.
func (s *server) voidTransaction(c *call) (answer, error) {
	id, doc, err := c.bare(s)
	if err != nil {
		return answer{}, err
	}
	return s.once(c, move{
		scope: "void:" + string(id),
		body:  doc.canonical,
		begin: func(idem *store.Idempotency) (store.Record, sdk.OperationID, error) {
			return begun(s.Engine.Void(c.ctx, c.account, id, idem))
		},
		show: func(rec store.Record, op sdk.OperationID) (answer, error) {
			if !prefers(c.Request, "transaction-void") {
				return s.showTransaction(c.ctx, http.StatusOK, rec)
			}
			return s.showEnvelope(c, "transaction-void", rec, op)
		},
	})
}

// cancelTransaction calls off a payment that waits for its buyer's approval. Its
// answer is always the envelope.
func (s *server) cancelTransaction(c *call) (answer, error) {
	id, doc, err := c.bare(s)
	if err != nil {
		return answer{}, err
	}
	return s.once(c, move{
		scope: "cancel:" + string(id),
		body:  doc.canonical,
		begin: func(idem *store.Idempotency) (store.Record, sdk.OperationID, error) {
			return begun(s.Engine.Cancel(c.ctx, c.account, id, idem))
		},
		show: func(rec store.Record, op sdk.OperationID) (answer, error) {
			return s.showEnvelope(c, "transaction-cancel", rec, op)
		},
	})
}

func (s *server) showEnvelope(c *call, kind string, rec store.Record, id sdk.OperationID) (answer, error) {
	op := rec.Operation(id)
	status := endOf(rec, op)
	if kind == "transaction-cancel" && status == "declined" {
		status = "failed" // the contract has no declined cancel
	}
	e, err := s.envelope(c.ctx, kind, status, rec, op)
	if err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, e)
}

// endOf says how a void or cancel ended. One whose answer was lost has succeeded once
// the payment is seen to be as it wanted it.
func endOf(rec store.Record, op *ledger.Operation) string {
	if op == nil {
		return "failed"
	}
	switch op.Outcome {
	case sdk.OutcomeSucceeded:
		return "succeeded"
	case sdk.OutcomeDeclined:
		return "declined"
	case sdk.OutcomeNotAttempted:
		return "failed"
	case sdk.OutcomePending, sdk.OutcomeRequiresAction, sdk.OutcomeUnknown, "":
	}
	for _, open := range rec.View().Unsettled {
		if open == op.ID {
			return "pending"
		}
	}
	return "succeeded"
}

// begun splits what the engine returns.
func begun(done settle.Done, err error) (store.Record, sdk.OperationID, error) {
	return done.Record, done.Operation.ID, inMerchantsWords(err, operationPointer)
}

// operationPointer translates a pointer into a connector's request for an operation
// on a payment. What the merchant has no say in is about the whole.
func operationPointer(p string) string {
	switch p {
	case "/amount/minor", "/amount/currency", "/amount":
		return "/amount"
	case "/final", "/reason":
		return p
	case "/description":
		return "/reason"
	}
	return ""
}

// prefers reports whether the caller wants the envelope of an operation rather than
// the transaction. Preferences that are not known are ignored.
func prefers(r *http.Request, resource string) bool {
	for _, value := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, wanted, _ := strings.Cut(preference, "=")
			if strings.EqualFold(strings.TrimSpace(name), "resource") &&
				strings.Trim(strings.TrimSpace(wanted), `"`) == resource {
				return true
			}
		}
	}
	return false
}
