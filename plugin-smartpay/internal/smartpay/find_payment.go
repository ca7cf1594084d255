package smartpay

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// FindPayment implements [sdk.PaymentFinder].
//
// Smartpay can look an order up by its id only. By our reference alone the list of
// orders is searched, newest first, back to when the payment was made. Two orders
// with one reference are reported, not chosen between.
func (c *Connector) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	const op sdk.Op = "smartpay.FindPayment"
	merchant, done, err := c.reader(op, req.Call)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	defer done()
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	id := api.OrderID(req.Order)
	if id == "" {
		found, complete, err := search(ctx, op, merchant, req.Call.Reference, req.CreatedAt)
		if err != nil || found == "" {
			return sdk.PaymentFinding{Authoritative: complete && err == nil}, err
		}
		id = found
	}
	h, err := read(ctx, merchant, id)
	if isNotFound(err, api.GetOrder) {
		// An order that was just seen in the list and cannot be read is not gone.
		return sdk.PaymentFinding{Authoritative: req.Order != ""}, nil
	}
	if err != nil {
		return sdk.PaymentFinding{}, failure(op, err)
	}
	if err := renamed(op, string(req.Call.Reference), h.order.Reference); err != nil {
		return sdk.PaymentFinding{}, err
	}
	payment, err := h.snapshot(op)
	if err != nil {
		return sdk.PaymentFinding{}, err
	}
	return sdk.PaymentFinding{Found: true, Payment: payment}, nil
}

// search returns the order that carries a reference, or "" if none does. It reports
// whether every order that could has been looked at.
func search(
	ctx context.Context, op sdk.Op, merchant reader, reference sdk.Reference, created time.Time,
) (id api.OrderID, complete bool, err error) {
	if reference == "" {
		return "", false, invalid(op, sdk.CodeMissingField, "/call/reference", "is required where no order is given")
	}
	if !created.IsZero() {
		created = created.Add(-clockAllowed)
	}
	var matches []string
	complete, err = merchant.lists.orders.seek(ctx, created, func(o *api.Order) {
		if o.Reference == string(reference) && !slices.Contains(matches, string(o.ID)) {
			matches = append(matches, string(o.ID))
		}
	})
	switch {
	case err != nil:
		return "", false, failure(op, err)
	case len(matches) > 1:
		return "", false, sdk.Errorf(op, sdk.CodeReferenceMismatch,
			"several orders carry the reference %s: %s", reference, strings.Join(matches, ", "))
	case len(matches) == 1:
		return api.OrderID(matches[0]), complete, nil
	}
	return "", complete, nil
}

// read reads all there is to know about one order.
func read(ctx context.Context, merchant reader, id api.OrderID) (holding, error) {
	order, err := merchant.Order(ctx, id)
	if err != nil {
		return holding{}, err
	}
	if err := expand(ctx, merchant, order); err != nil {
		return holding{}, err
	}
	h := holding{order: order}
	within, cancel := answerFirst(ctx)
	defer cancel()
	h.refunds, h.refundsKnown, err = refundsOf(within, merchant, order)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return holding{order: order}, nil // the order is known; how much was refunded is not
	}
	return h, err
}

// expand reads the payments of which only the id came, although all was asked for. One
// that cannot be read yet stays an id.
func expand(ctx context.Context, merchant reader, order *api.Order) error {
	for i, p := range order.Payments {
		if p.Value != nil {
			continue
		}
		payment, err := merchant.Payment(ctx, api.PaymentID(p.ID))
		if err != nil && !isNotFound(err, api.GetPayment) {
			return err
		}
		order.Payments[i].Value = payment
	}
	return nil
}

// refundsOf returns the refunds of an order and reports whether these are all. Where
// the order's payments list their refunds, those are read; where they do not, which
// says nothing about whether there are any, the list of refunds is searched back to
// the first capture.
func refundsOf(ctx context.Context, merchant reader, order *api.Order) ([]*api.Refund, bool, error) {
	var all []*api.Refund
	silent, since, complete := make(map[api.PaymentID]bool), time.Time{}, order.Payments != nil
	for _, p := range order.Payments {
		if p.Value == nil || p.Value.Refunds == nil {
			silent[api.PaymentID(p.ID)] = true
			since = earlier(since, p.Value)
			continue
		}
		for _, ref := range p.Value.Refunds {
			refund, err := whole(ctx, merchant, ref)
			switch {
			case isNotFound(err, api.GetRefund):
				complete = false // it is there, and cannot be read yet
			case err != nil:
				return nil, false, err
			default:
				all = append(all, refund)
			}
		}
	}
	if len(silent) == 0 {
		return all, complete, nil
	}
	listed, ended, err := listRefunds(ctx, merchant, since, func(r *api.Refund) bool { return silent[r.Payment] })
	return append(all, listed...), complete && ended, err
}

// earlier is the earlier of a moment and a payment's creation, less what Smartpay's
// clocks may differ by. A payment that does not say leaves the moment as it is.
func earlier(moment time.Time, p *api.Payment) time.Time {
	if p == nil || p.CreatedAt == 0 {
		return moment
	}
	created := p.CreatedAt.Time().Add(-clocksWithin)
	if moment.IsZero() || created.Before(moment) {
		return created
	}
	return moment
}

// whole returns the object of a reference, reading it if only its id is known.
func whole(ctx context.Context, merchant reader, ref api.Ref[api.Refund]) (*api.Refund, error) {
	if ref.Value != nil {
		return ref.Value, nil
	}
	return merchant.Refund(ctx, api.RefundID(ref.ID))
}

// listRefunds returns the refunds since a moment that are wanted, oldest first, and
// reports whether these are all.
func listRefunds(
	ctx context.Context, merchant reader, since time.Time, wanted func(*api.Refund) bool,
) ([]*api.Refund, bool, error) {
	var found []*api.Refund
	seen := make(map[api.RefundID]bool)
	complete, err := merchant.lists.refunds.seek(ctx, since, func(r *api.Refund) {
		if wanted(r) && !seen[r.ID] {
			seen[r.ID] = true
			found = append([]*api.Refund{r}, found...)
		}
	})
	return found, complete, err
}
