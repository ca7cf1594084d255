package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
)

// paymentsCmd answers "what happened to this payment?".
type paymentsCmd struct {
	operator `embed:""`

	List   paymentsListCmd   `cmd:"" help:"List payments, newest change first."`
	Show   paymentsShowCmd   `cmd:"" help:"Tell one payment's whole story."`
	Settle paymentsSettleCmd `cmd:"" help:"Ask the provider now what became of what is in doubt."`
}

type paymentsListCmd struct {
	Account string   `help:"Merchant account." default:"default"`
	Status  []string `help:"Only this status. Repeatable."`
	Search  string   `help:"Only the payment with this id, external id, reference or order."`
	// Unsettled is of all accounts, because whoever asks is the operator of all.
	Unsettled bool `help:"Only payments whose end nobody knows, of every account, the longest untouched first."`
	Limit     int  `help:"How many." default:"20"`
}

// Run prints a line a payment.
func (c *paymentsListCmd) Run(w *world, o *operator) error {
	q := url.Values{"merchant_account_id": {c.Account}, "status": c.Status, "limit": {strconv.Itoa(c.Limit)}}
	if c.Search != "" {
		q.Set("search", c.Search)
	}
	if c.Unsettled {
		q.Set("unsettled", "true")
	}
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/payments?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, list("id", "status", "amount.minor", "amount.currency", "captured", "refunded", "unsettled", "error_code", "updated_at"))
}

type onePayment struct {
	ID string `arg:"" help:"Id of the payment."`
}

type paymentsShowCmd struct{ onePayment }

// Run prints the story.
func (c *paymentsShowCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/payments/"+segment(c.ID), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, printStory)
}

type paymentsSettleCmd struct{ onePayment }

// Run settles and prints the story as it then is. It fails if something is still open.
func (c *paymentsSettleCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodPost, "/v1/payments/"+segment(c.ID)+"/settle", nil)
	if err != nil {
		return err
	}
	settled := true
	if err := o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		settled = answer["settled"] == true
		printStory(t, answer)
	}); err != nil {
		return err
	}
	if !settled {
		return fmt.Errorf("payment %s is still unsettled: the provider could not tell", c.ID)
	}
	return nil
}

// printStory tells a payment from its beginning.
func printStory(t *tabwriter.Writer, answer map[string]any) {
	facts("id", "reference", "merchant_account_id", "connector", "status", "error_code", "amount.minor", "amount.currency",
		"authorized", "captured", "released", "refunded", "unsettled", "created_at", "updated_at", "provider_truth.order")(t, answer)
	looks, _ := answer["next_looks"].([]any)
	for _, l := range looks {
		fmt.Fprintf(t, "next look\t%s at %s, tried %s times %s\n", cell(at(l, "kind")), cell(at(l, "due_at")), cell(at(l, "tries")), cell(at(l, "error")))
	}
	fmt.Fprintln(t)
	events, _ := answer["events"].([]any)
	for i := len(events) - 1; i >= 0; i-- { // they come newest first
		e := events[i]
		fmt.Fprintf(t, "%s\t%s\t%s\n", cell(at(e, "created_at")), cell(at(e, "name")), cell(at(e, "context")))
	}
	deliveries, _ := answer["deliveries"].([]any)
	if len(deliveries) == 0 {
		return
	}
	fmt.Fprintln(t, "\nwebhooks")
	for i := len(deliveries) - 1; i >= 0; i-- { // as above
		d := deliveries[i]
		fmt.Fprintf(t, "%s\t%s\t%s after %s attempts %s\n", cell(at(d, "created_at")), cell(at(d, "name")),
			cell(at(d, "state")), cell(at(d, "attempts")), cell(at(d, "problem")))
	}
}
