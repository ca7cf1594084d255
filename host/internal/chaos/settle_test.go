package chaos

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// settle waits until the host knows everything by itself.
func (w *world) settle() {
	w.t.Helper()
	w.await("everything is settled", w.settled)
}

func (w *world) settled() error {
	ids, err := w.unsettled()
	if err == nil && len(ids) > 0 {
		err = fmt.Errorf("%d payments are unsettled, such as %s", len(ids), ids[0])
	}
	return err
}

// hasten does what an operator in a hurry does: unparks what is parked, ends a
// quarantine, and has the provider asked now.
func (w *world) hasten() {
	w.t.Helper()
	w.await("everything is settled", func() error {
		for _, h := range w.hosts {
			h.tend()
		}
		ids, err := w.unsettled()
		if err != nil {
			return err
		}
		err = together(len(ids), 16, func(i int) error {
			_, _, err := w.operate(http.MethodPost, "/v1/payments/"+ids[i]+"/settle", nil)
			return err
		})
		if err != nil {
			return err
		}
		return w.settled()
	})
}

// judge closes the books, compares them, and adds what it finds to the total.
func (w *world) judge(shops ...*shop) {
	w.t.Helper()
	v := Judge(w.books(shops...))
	for _, class := range []struct {
		name      string
		sentences []string
	}{{"lost", v.Lost}, {"doubled", v.Doubled}, {"unknown", v.Unknown}} {
		slices.Sort(class.sentences)
		for _, s := range class.sentences[:min(len(class.sentences), 10)] {
			w.t.Errorf("%s: %s", class.name, s)
		}
	}
	// Whatever is broken has an answer of its own, which says whether to come again.
	if n := w.at500.Load(); n > 0 {
		w.t.Errorf("merchants were answered 500 in %d cases, first %s", n, *w.first500.Load())
	}
	if v.Payments == 0 {
		w.t.Error("nothing was asked for: the test proves nothing")
	}
	w.t.Log(v.Line(w.faults, seed))
	total.Lock()
	defer total.Unlock()
	total.faults += w.faults
	total.Payments += v.Payments
	total.Lost, total.Doubled = append(total.Lost, v.Lost...), append(total.Doubled, v.Doubled...)
	total.Unknown = append(total.Unknown, v.Unknown...)
}

// books collects what the three sides say. A list of payments moves while webhooks come
// in, so what it leaves out is looked for by the names that the other sides have for it.
func (w *world) books(shops ...*shop) Books {
	w.t.Helper()
	b := Books{Orders: w.orders(), Movements: w.movements()}
	for _, s := range shops {
		b.Asks = append(b.Asks, s.book()...)
	}
	known := map[string]bool{} // ids, names and references
	b.Payments = w.listed(known, "")
	for _, a := range b.Asks {
		if !known[a.Payment] {
			b.Payments = append(b.Payments, w.listed(known, "external_identifier="+url.QueryEscape(a.Payment))...)
		}
	}
	for _, o := range b.Orders {
		if !known[o.Reference] {
			b.Payments = append(b.Payments, w.listed(known, "reconciliation_id="+url.QueryEscape(o.Reference))...)
		}
	}
	return b
}

// listed are the payments of a list, but for those that are known already.
func (w *world) listed(known map[string]bool, filter string) (payments []Payment) {
	w.t.Helper()
	cursor := ""
	for {
		path := "/transactions?limit=100&" + filter
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		status, page, err := w.merchant(w.t.Context(), http.MethodGet, path, "", nil)
		if err != nil || status != http.StatusOK {
			w.t.Fatalf("listing payments: %d %v", status, err)
		}
		items := slices.DeleteFunc(list(page, "items"), func(t object) bool { return known[text(t, "id")] })
		for _, t := range items {
			for _, name := range []string{"id", "external_identifier", "reconciliation_id"} {
				known[text(t, name)] = true
			}
		}
		payments = append(payments, w.payments(items)...)
		if cursor = text(page, "next_cursor"); cursor == "" {
			return payments
		}
	}
}

// together does n things, some at a time.
func together(n, atOnce int, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			errs[i] = do(i)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// payments asks about each of a page.
func (w *world) payments(page []object) []Payment {
	w.t.Helper()
	payments := make([]Payment, len(page))
	err := together(len(page), 4, func(i int) (err error) {
		payments[i], err = w.payment(page[i])
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	return payments
}

// payment is what merchants and operators are told of one.
func (w *world) payment(transaction object) (Payment, error) {
	id := text(transaction, "id")
	p := Payment{
		ID: id, Name: text(transaction, "external_identifier"), Reference: text(transaction, "reconciliation_id"),
		Status: text(transaction, "status"), Authorized: number(transaction, "authorized_amount"),
		Captured: number(transaction, "captured_amount"), Refunded: number(transaction, "refunded_amount"),
	}
	for kind, what := range map[Kind]struct{ path, ref string }{
		Capture: {"/captures", "payment_service_capture_id"}, Refund: {"/refunds", "payment_service_refund_id"},
	} {
		status, page, err := w.merchant(w.t.Context(), http.MethodGet, "/transactions/"+id+what.path+"?limit=100", "", nil)
		if err != nil || status != http.StatusOK {
			return p, errors.Join(err, fmt.Errorf("listing %s of payment %s: %d", what.path, id, status))
		}
		for _, m := range list(page, "items") {
			p.Moves = append(p.Moves, Move{text(m, "id"), kind, number(m, "amount"), text(m, "status"), text(m, what.ref)})
		}
	}
	status, story, err := w.operate(http.MethodGet, "/v1/payments/"+id, nil)
	if err != nil || status != http.StatusOK {
		return p, errors.Join(err, fmt.Errorf("the story of payment %s: %d", id, status))
	}
	p.Unsettled, p.Released = int(number(story, "unsettled")), number(story, "released")
	for _, op := range list(story, "operations") {
		asked, _ := op["amount"].(object)
		p.Operations = append(p.Operations, Operation{
			text(op, "id"), Kind(text(op, "kind")), number(asked, "minor"), text(op, "outcome"), ends(story, text(op, "id")),
		})
	}
	return p, nil
}

// ends are the different ends that a story tells of an operation.
func ends(story object, operation string) []string {
	final := map[string]bool{"SUCCEEDED": true, "DECLINED": true, "NOT_ATTEMPTED": true}
	told := map[string]bool{}
	for _, e := range list(story, "events") {
		context, _ := e["context"].(object)
		if outcome := text(context, "outcome"); text(context, "operation") == operation && final[outcome] {
			told[outcome] = true
		}
	}
	return slices.Sorted(maps.Keys(told))
}

// orders are those that the provider lists.
func (w *world) orders() (orders []Order) {
	w.t.Helper()
	query := "?maxResults=100"
	for {
		var page object
		header := http.Header{"Authorization": {"Basic " + w.secretKey}}
		status, err := w.ask(w.t.Context(), http.MethodGet, w.sandboxURL+"/v1/orders"+query, header, nil, &page)
		if err != nil || status != http.StatusOK {
			w.t.Fatalf("listing orders: %d %v", status, err)
		}
		for _, o := range list(page, "data") {
			orders = append(orders, Order{text(o, "id"), text(o, "reference")})
		}
		next := text(page, "nextPageToken")
		if next == "" {
			return orders
		}
		query = "?maxResults=100&pageToken=" + url.QueryEscape(next)
	}
}

// movements are the money that the provider says it has moved.
func (w *world) movements() (movements []Movement) {
	w.t.Helper()
	var ledger object
	w.sandboxed(http.MethodGet, "/_sandbox/ledger?limit=100000000", nil, &ledger)
	for _, m := range list(ledger, "movements") {
		ref := text(m, "refund")
		if ref == "" {
			ref = text(m, "payment")
		}
		movements = append(movements, Movement{
			text(m, "motion"), number(m, "amount"), text(m, "reference"), text(m, "idempotency_key"), ref,
		})
	}
	return movements
}
