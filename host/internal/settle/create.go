package settle

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// defaultApprovalTime is how long a buyer has where the connector states no limit.
const defaultApprovalTime = 30 * time.Minute

// Create opens a payment: it picks the payment service, asks the gate, writes the
// payment with its intent, and sends it. A refusal stores nothing and sends nothing.
func (e *Engine) Create(ctx context.Context, p NewPayment, idem *store.Idempotency) (store.Record, error) {
	svc, err := e.route(ctx, p)
	if err != nil {
		return store.Record{}, err
	}
	id := uuid.New()
	lease, err := e.acquire(ctx, svc.Connector, sdk.Call{PaymentID: sdk.PaymentID(id.String()), Attempt: 1})
	if err != nil {
		return store.Record{}, err
	}
	defer lease.Release()
	rec, op, err := e.newRecord(id, p, svc, lease)
	if err != nil {
		return store.Record{}, err
	}
	if !lease.Description.Operations.Has(sdk.OpAuthorize) {
		return store.Record{}, sdk.Unsupported(svc.Connector, sdk.OpAuthorize)
	}
	account := AccountOf(svc)
	req, err := ask(&rec, op, account)
	if err != nil {
		return store.Record{}, err
	}
	if refused := lease.Gate.Check(sdk.OpAuthorize, req); refused != nil {
		return store.Record{}, refused
	}
	e.enter(rec.Payment.ID)
	defer e.leave(rec.Payment.ID)
	if idem != nil {
		idem.Payment, idem.Operation = rec.Payment.ID, op.ID
	}
	if err := e.Store.Create(ctx, &rec, idem); err != nil {
		return store.Record{}, err
	}
	return e.perform(ctx, rec, op, lease, account)
}

// newRecord makes the payment and the intent to authorize it.
func (e *Engine) newRecord(id uuid.UUID, p NewPayment, svc store.PaymentService, lease *Lease) (store.Record, ledger.Operation, error) {
	now := e.Now()
	deadline, err := approvalDeadline(p, lease, now)
	if err != nil {
		return store.Record{}, ledger.Operation{}, err
	}
	auth := p.Authorize
	auth.Call = sdk.Call{}
	auth.ApprovalExpiresAt = deadline
	auth.ReturnURL = e.returnURL(sdk.PaymentID(id.String()), ApprovedPage)
	auth.CancelURL = e.returnURL(sdk.PaymentID(id.String()), CanceledPage)
	raw, err := json.Marshal(Request{Authorize: auth, Body: p.Body})
	if err != nil {
		return store.Record{}, ledger.Operation{}, fmt.Errorf("encoding the request: %w", err)
	}
	op := e.operations(intent{kind: sdk.OpAuthorize}, whole(auth.Amount.Minor), auth.Amount.Currency, lease.Digest)[0]
	rec := store.Record{
		Ledger: ledger.Ledger{
			Payment: ledger.Payment{
				ID: sdk.PaymentID(id.String()), Reference: Reference(id), Amount: auth.Amount,
				Intent: auth.CaptureMode, ApprovalExpiresAt: deadline, CreatedAt: now,
			},
			Operations: []ledger.Operation{op},
		},
		MerchantAccount: p.MerchantAccount, Service: svc.ID, Connector: svc.Connector, Method: svc.Method,
		Country: auth.Country, ExternalID: p.ExternalID, Metadata: auth.Metadata,
		Request: raw, ReturnURL: p.RedirectURL,
		Added: []store.Event{requested(op, lease)},
	}
	if auth.Buyer != nil {
		rec.BuyerExternalID = auth.Buyer.ExternalID
	}
	return rec, op, nil
}

// approvalDeadline is when to stop waiting for the buyer.
func approvalDeadline(p NewPayment, lease *Lease, now time.Time) (time.Time, error) {
	const pointer = "/approval_expires_at"
	most := time.Duration(lease.Description.Manifest.Limits.ApprovalTime)
	if most <= 0 {
		most = defaultApprovalTime
	}
	latest := now.Add(most)
	invalid := func(message string) error {
		return &sdk.Error{Op: "settle.Create", Code: sdk.CodeInvalidField,
			Fields: []sdk.FieldError{{Pointer: pointer, Message: message}}}
	}
	switch {
	case p.ApprovalExpiresAt.IsZero():
		return latest, nil
	case !p.ApprovalExpiresAt.After(now):
		return time.Time{}, invalid("must be in the future")
	case p.ApprovalExpiresAt.After(latest):
		return time.Time{}, invalid("must be at most " + most.String() + " from now, the connector's limit")
	}
	return p.ApprovalExpiresAt, nil
}

// route picks the payment service: the one asked for, or the first active one that
// accepts the method, currency and country.
func (e *Engine) route(ctx context.Context, p NewPayment) (store.PaymentService, error) {
	services, err := e.Store.Services(ctx, p.MerchantAccount, false)
	if err != nil {
		return store.PaymentService{}, fmt.Errorf("loading payment services: %w", err)
	}
	services = slices.DeleteFunc(services, func(s store.PaymentService) bool { return !s.Active || s.Deleted })
	if p.Service != "" {
		services = slices.DeleteFunc(services, func(s store.PaymentService) bool { return s.ID != p.Service })
		if len(services) == 0 {
			return store.PaymentService{}, &NoServiceError{"/payment_service_id", "must name an active payment service"}
		}
	}
	a := p.Authorize
	for _, filter := range []struct {
		pointer string
		accepts func(store.PaymentService) []string
		value   string
	}{
		{"/payment_method/method", func(s store.PaymentService) []string { return []string{s.Method} }, a.Method},
		{"/currency", func(s store.PaymentService) []string { return s.Currencies }, string(a.Amount.Currency)},
		{"/country", func(s store.PaymentService) []string { return s.Countries }, a.Country},
	} {
		var offered []string
		var left []store.PaymentService
		for _, s := range services {
			offered = append(offered, filter.accepts(s)...)
			if slices.Contains(filter.accepts(s), filter.value) {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			return store.PaymentService{}, &NoServiceError{filter.pointer, mustBe(offered)}
		}
		services = left
	}
	return slices.MinFunc(services, func(a, b store.PaymentService) int { return a.Position - b.Position }), nil
}

func mustBe(offered []string) string {
	slices.Sort(offered)
	offered = slices.Compact(offered)
	if len(offered) == 0 {
		return "has no active payment service"
	}
	return "must be one that an active payment service accepts: " + strings.Join(offered, ", ")
}
