package settle

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// returnWait bounds how long a returning buyer waits for the provider's word. A
// webhook or the next sync tells the rest.
const returnWait = 5 * time.Second

// Observe folds what a provider was seen to hold into a payment. Source says where it
// was seen, for the story. What cannot be of this payment is not believed: it is told
// in the story and returned as an INTEGRITY error.
func (e *Engine) Observe(ctx context.Context, id sdk.PaymentID, s sdk.Snapshot, source string) (store.Record, error) {
	var refused *sdk.Error
	rec, err := e.change(ctx, id, nil, func(rec *store.Record) error {
		now := e.Now()
		refused = fits(rec, s)
		if refused != nil {
			rec.Added = append(rec.Added, event("integrity-mismatch", now, map[string]any{
				"source": source, "code": refused.Code, "error": refused.Error(),
			}))
			return nil //nolint:nilerr // the mismatch is to be kept in the story; it is returned below
		}
		if !rec.Truth.Fold(s, now) {
			return nil
		}
		rec.Added = append(rec.Added, event(sourceEvents[source], now, map[string]any{
			"source": source, "state": s.State, "provider": s.Provider,
		}))
		return nil
	})
	if err != nil {
		return store.Record{}, err
	}
	if refused != nil {
		e.Logger.ErrorContext(ctx, "provider contradicts the payment", "payment_id", id, "source", source, "error", refused)
		return rec, refused
	}
	return rec, nil
}

// The sources of observations.
const (
	SourceSync    = "sync"
	SourceWebhook = "webhook"
	SourceReturn  = "return"
	SourceSettle  = "settle"
)

var sourceEvents = map[string]string{
	SourceSync:    "transaction-sync-event",
	SourceWebhook: "payment-connector-transaction-webhook-processed",
	SourceReturn:  "transaction-sync-event",
	SourceSettle:  "transaction-sync-event",
}

// Sync asks the provider about a payment and folds the answer. The error of a lookup
// that fails is a [*sdk.Error], and nothing has changed.
func (e *Engine) Sync(ctx context.Context, account string, id sdk.PaymentID) (store.Record, error) {
	rec, err := e.owned(ctx, account, id)
	if err != nil {
		return store.Record{}, err
	}
	rec, _, err = e.look(ctx, rec, SourceSync, e.CallTimeout)
	return rec, err
}

// Look asks the provider about a payment, whoever's it is, and folds the answer.
func (e *Engine) Look(ctx context.Context, id sdk.PaymentID, source string) (store.Record, error) {
	rec, err := e.Store.Payment(ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	rec, _, err = e.look(ctx, rec, source, e.CallTimeout)
	return rec, err
}

// unhurried is how long a look may take that nobody waits for. Where a provider can only
// be searched and has very much to search, an answer to a merchant would not wait for it.
func (e *Engine) unhurried() time.Duration { return max(e.CallTimeout, 30*time.Second) }

// look asks the provider by its reference or by ours, and waits so long for the answer.
func (e *Engine) look(
	ctx context.Context, rec store.Record, source string, patience time.Duration,
) (store.Record, sdk.PaymentFinding, error) {
	lease, err := e.acquire(ctx, rec.Connector, sdk.Call{PaymentID: rec.Payment.ID})
	if err != nil {
		return rec, sdk.PaymentFinding{}, err
	}
	defer lease.Release()
	if !lease.Description.Operations.Has(sdk.OpFindPayment) {
		return rec, sdk.PaymentFinding{}, sdk.Unsupported(rec.Connector, sdk.OpFindPayment)
	}
	account, err := e.account(ctx, rec.Service)
	if err != nil {
		return rec, sdk.PaymentFinding{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := lease.Remote.FindPayment(ctx, sdk.FindPaymentRequest{
		Call: sdk.Call{
			PaymentID: rec.Payment.ID, Reference: rec.Payment.Reference, Account: account,
		},
		Order:     rec.Truth.Order,
		CreatedAt: rec.Payment.CreatedAt,
	})
	if err != nil {
		return rec, sdk.PaymentFinding{}, fmt.Errorf("looking payment %s up: %w", rec.Payment.ID, err)
	}
	if !found.Found || found.Payment == nil {
		return rec, found, nil
	}
	rec, err = e.Observe(context.WithoutCancel(ctx), rec.Payment.ID, *found.Payment, source)
	return rec, found, err
}

// Return receives a buyer's browser and says where to send it. Nothing that the
// browser claims is believed: the provider is asked. Only a buyer who comes back by
// the cancel link while the provider still waits for approval is taken to have
// called it off; should the page be approved after all, the hold is let go.
func (e *Engine) Return(ctx context.Context, id sdk.PaymentID, token string, approved bool) (string, error) {
	if !e.validReturn(id, token) {
		return "", store.ErrNotFound
	}
	rec, err := e.Store.Payment(ctx, id)
	if err != nil {
		return "", err
	}
	lookCtx, cancel := context.WithTimeout(ctx, returnWait)
	defer cancel()
	seen, _, lookErr := e.look(lookCtx, rec, SourceReturn, e.CallTimeout)
	if lookErr != nil {
		e.Logger.WarnContext(ctx, "provider could not be asked at the buyer's return",
			"payment_id", id, "error", lookErr)
	} else {
		rec = seen
		if !approved {
			if rec, err = e.Close(ctx, id, ledger.ClosedByBuyer); err != nil {
				return "", err
			}
		}
	}
	return landing(rec)
}

// Close stops waiting for a buyer, if the payment still waits.
func (e *Engine) Close(ctx context.Context, id sdk.PaymentID, reason ledger.ClosingReason) (store.Record, error) {
	return e.change(ctx, id, nil, func(rec *store.Record) error {
		if rec.Closing != nil || rec.View().State != sdk.StateRequiresAction {
			return nil
		}
		rec.Closing = &ledger.Closing{Reason: reason, At: e.Now()}
		return nil
	})
}

// landing is the merchant's page, told which payment it is and how it stands.
func landing(rec store.Record) (string, error) {
	u, err := url.Parse(rec.ReturnURL)
	if err != nil {
		return "", fmt.Errorf("merchant's return URL of payment %s: %w", rec.Payment.ID, err)
	}
	hint := url.Values{}
	hint.Set("transaction_id", string(rec.Payment.ID))
	hint.Set("transaction_status", string(rec.Status(rec.View())))
	// The merchant's own query stays as it is, byte for byte.
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += hint.Encode()
	return u.String(), nil
}
