package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A shop is the merchants: it keeps a book of what it asked for and was told.
type shop struct {
	w *world
	// strict says that nothing has been broken: whatever is not answered at once, and
	// with a success, is a failure of the test.
	strict bool
	// pause is how long a merchant waits at most before asking again.
	pause time.Duration

	mu    sync.Mutex
	lives []*life
}

// A life is one payment on its way, resumable after each of its steps and in the
// middle of any.
type life struct {
	shop *shop
	name string
	plan []step
	next int  // the step that comes
	over bool // it ended before its plan did

	id, reference, page string
	asks                map[string]*Ask
}

// A step does the next thing to a payment. It may be done again if it failed.
type step func(context.Context, *life) error

// The plans that lives follow.
var (
	captured = []step{
		create, approve, money(Capture, 1500, object{"amount": 1500, "final": false}),
		money(Capture, 700, object{"amount": 700, "final": true}), money(Refund, 500, object{"amount": 500}),
	}
	voided = []step{create, approve, money(Void, price, nil)}
)

// price is what every payment is for.
const price = 2500

// errOver means that a payment has come to an end before its plan has.
var errOver = errors.New("the payment is over")

func (s *shop) begin(plan []step) *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &life{shop: s, name: fmt.Sprintf("order-%d", len(s.lives)+1), plan: plan, asks: map[string]*Ask{}}
	s.lives = append(s.lives, l)
	return l
}

// live goes on with the plan to its end. If it fails, it can be called again.
func (l *life) live(ctx context.Context) error {
	for l.next < len(l.plan) {
		err := l.plan[l.next](ctx, l)
		if errors.Is(err, errOver) && !l.shop.strict {
			l.next, l.over = len(l.plan), true
			return nil
		}
		if err != nil {
			return fmt.Errorf("payment %s (%s), step %d: %w", l.name, l.id, l.next+1, err)
		}
		l.next++
	}
	return nil
}

// allTold complains of operations that merchants were not told the success of.
func (s *shop) allTold() { s.toldButFor(0) }

// toldButFor is allTold, but for so many that may have been told of a failure. Whether
// that was true is for the provider's books to say.
func (s *shop) toldButFor(failures int) {
	s.w.t.Helper()
	for _, a := range s.book() {
		if a.Told == Failed && failures > 0 {
			failures--
			continue
		}
		if a.Told != Succeeded {
			s.w.t.Errorf("payment %s: of the %s of %d the merchant was told %q, want a success", a.Payment, a.Kind, a.Amount, a.Told)
		}
	}
}

// goOn lives all lives that were cut off, together, while an operator hastens what is in
// doubt.
func (s *shop) goOn() {
	s.w.t.Helper()
	var wg sync.WaitGroup
	for _, l := range s.lives {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.w.t.Context(), 2*patience)
			defer cancel()
			if err := l.live(ctx); err != nil {
				s.w.t.Error(err)
			}
		})
	}
	s.w.hasten()
	wg.Wait()
	s.w.hasten()
}

// book is what the merchants know.
func (s *shop) book() (asks []Ask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lives {
		for _, a := range l.asks {
			asks = append(asks, *a)
		}
	}
	return asks
}

// send repeats a request under its key until it is answered for good, as a careful
// merchant does, as long as the host lives. An answer that understands reads is for
// good; it says what the merchant is told by it.
func (l *life) send(ctx context.Context, kind Kind, amount int64, path string, body any, understand func(object) Told) error {
	key := fmt.Sprintf("%s/%s/%d", l.name, kind, amount)
	l.shop.mu.Lock()
	ask := l.asks[key]
	if ask == nil {
		ask = &Ask{Payment: l.name, Kind: kind, Amount: amount}
		l.asks[key] = ask
	}
	l.shop.mu.Unlock()
	return l.shop.patiently(ctx, func() (bool, error) {
		status, answer, err := l.shop.w.merchant(ctx, http.MethodPost, path, key, body)
		if err == nil && status >= 400 {
			err = fmt.Errorf("POST %s: %d %v", path, status, answer)
		}
		if err != nil {
			return status >= 400 && status < 500 && status != http.StatusConflict && status != http.StatusTooManyRequests, err
		}
		told := understand(answer)
		if told == Nothing && !l.shop.strict { // which it remains under this key
			if told, err = l.look(ctx, kind, amount); err != nil {
				return false, err
			}
		}
		l.shop.mu.Lock()
		ask.Told = told
		l.shop.mu.Unlock()
		switch told {
		case Failed:
			return true, fmt.Errorf("%s of %d failed: %w", kind, amount, errOver)
		case Succeeded:
			return true, nil
		case Nothing:
		}
		return false, fmt.Errorf("%s of %d has no end yet: %s", kind, amount, text(answer, "status"))
	})
}

// look asks how an operation has ended whose first answer did not say.
func (l *life) look(ctx context.Context, kind Kind, amount int64) (Told, error) {
	paths := map[Kind]string{Capture: "/captures", Refund: "/refunds"}
	status, answer, err := l.shop.w.merchant(ctx, http.MethodGet, "/transactions/"+l.id+paths[kind], "", nil)
	if err != nil || status != http.StatusOK {
		return Nothing, errors.Join(err, fmt.Errorf("looking at payment %s: %d", l.id, status))
	}
	switch kind {
	case Capture, Refund:
		for _, m := range list(answer, "items") {
			if number(m, "amount") == amount {
				return ended(m), nil
			}
		}
	case Void:
		switch text(answer, "status") {
		case "authorization_voided":
			return Succeeded, nil
		case "authorization_succeeded":
			return Failed, nil
		}
	case Authorize:
		return l.understand(answer), nil
	}
	return Nothing, nil
}

// ended is the end that an answer tells of.
func ended(answer object) Told {
	switch text(answer, "status") {
	case "succeeded":
		return Succeeded
	case "failed", "declined":
		return Failed
	}
	return Nothing
}

// patiently tries until it is done, every host is dead or ctx ends. A strict shop is not
// patient.
func (s *shop) patiently(ctx context.Context, try func() (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := max(10*time.Millisecond, s.pause/16); ; pause = min(2*pause, max(s.pause, 250*time.Millisecond)) {
		done, err := try()
		if done || err == nil || s.strict || !s.w.anybody() {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// create opens the payment.
func create(ctx context.Context, l *life) error {
	person := object{
		"first_name": "花子", "last_name": "山田", "email_address": "hanako@example.com",
		"address": object{"country": "JP", "postal_code": "105-0011", "state": "東京都", "city": "港区", "line1": "芝公園4-2-8"},
	}
	order := object{
		"amount": price, "currency": "JPY", "country": "JP", "intent": "authorize", "external_identifier": l.name,
		"payment_method": object{"method": "smartpay", "country": "JP", "currency": "JPY", "redirect_url": "https://shop.example/thanks"},
		"buyer":          object{"billing_details": person, "shipping_details": person},
		"cart_items":     []object{{"name": "湯呑み", "quantity": 2, "unit_amount": 1250}},
	}
	err := l.send(ctx, Authorize, price, "/transactions", order, func(answer object) Told {
		l.id, l.reference = text(answer, "id"), text(answer, "reconciliation_id")
		return l.understand(answer)
	})
	return err
}

// understand reads what a payment says of its authorization.
func (l *life) understand(payment object) Told {
	switch status := text(payment, "status"); {
	case strings.HasSuffix(status, "declined"), strings.HasSuffix(status, "failed"):
		return Failed
	case status == "processing":
		return Nothing
	}
	if method, ok := payment["payment_method"].(object); ok {
		l.page = text(method, "approval_url")
	}
	return Succeeded
}

// approve is the buyer, who pays on the provider's page and comes back; the merchant
// asks until it has heard.
func approve(ctx context.Context, l *life) error {
	w := l.shop.w
	buyer := http.Client{
		Timeout: 10 * time.Second, Transport: w.client.Transport,
		CheckRedirect: func(req *http.Request, _ []*http.Request) error {
			if req.URL.Host == "shop.example" {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return l.shop.patiently(ctx, func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.page+"?auto=approve", nil)
		if err != nil {
			return true, err
		}
		res, err := buyer.Do(req)
		if err != nil {
			return false, err
		}
		res.Body.Close()
		status, payment, err := w.merchant(ctx, http.MethodGet, "/transactions/"+l.id, "", nil)
		if err == nil && status == http.StatusOK && text(payment, "status") == "authorization_succeeded" {
			return true, nil
		}
		status, payment, err = w.merchant(ctx, http.MethodPost, "/transactions/"+l.id+"/sync", "", nil)
		switch text(payment, "status") {
		case "authorization_succeeded":
			return true, nil
		case "authorization_failed", "authorization_declined":
			l.tooLate()
			return true, fmt.Errorf("approved too late: %w", errOver)
		}
		return false, errors.Join(err, fmt.Errorf("after the approval: %d %s", status, text(payment, "status")))
	})
}

// tooLate allows for the host's letting go of what was approved after it had closed the
// payment. No merchant asks for that or is told of it.
func (l *life) tooLate() {
	l.shop.mu.Lock()
	defer l.shop.mu.Unlock()
	l.asks["too late"] = &Ask{Payment: l.name, Kind: Void, Amount: price}
}

// money moves some.
func money(kind Kind, amount int64, body any) step {
	paths := map[Kind]string{Capture: "/capture", Refund: "/refunds", Void: "/void"}
	return func(ctx context.Context, l *life) error {
		return l.send(ctx, kind, amount, "/transactions/"+l.id+paths[kind], body, ended)
	}
}

// A crowd is many merchants at once, until it is stopped or has made enough payments.
type crowd struct {
	shop *shop
	stop chan struct{}
	done chan struct{}
	wg   sync.WaitGroup
	most int

	mu       sync.Mutex
	begun    int
	finished int
	failures []error
}

// open lets merchants in. They make as many payments as most, or until closed if it is 0.
func (s *shop) open(callers, most int) *crowd {
	s.pause = time.Duration(callers) * 2 * time.Millisecond // together they leave the host time for something else
	c := &crowd{shop: s, stop: make(chan struct{}), done: make(chan struct{}), most: most}
	for range callers {
		c.wg.Go(c.merchant)
	}
	go func() {
		c.wg.Wait()
		close(c.done)
	}()
	return c
}

func (c *crowd) merchant() {
	for {
		l := c.one()
		if l == nil {
			return
		}
		err := c.untilDone(l)
		c.mu.Lock()
		c.finished++
		if err != nil {
			c.failures = append(c.failures, err)
		}
		c.mu.Unlock()
	}
}

// untilDone lives through the deaths of hosts.
func (c *crowd) untilDone(l *life) error {
	ctx, cancel := context.WithTimeout(c.shop.w.t.Context(), 2*patience)
	defer cancel()
	for {
		err := l.live(ctx)
		if err == nil || c.shop.strict || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond): // until there is another host
		}
	}
}

// one begins the next payment, or none.
func (c *crowd) one() *life {
	select {
	case <-c.stop:
		return nil
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.begun == c.most {
		return nil
	}
	c.begun++
	plan := captured
	if c.begun%3 == 0 {
		plan = voided
	}
	return c.shop.begin(plan)
}

// goesOn waits until that many more payments are finished.
func (c *crowd) goesOn(more int) {
	c.shop.w.t.Helper()
	before := c.made()
	c.shop.w.await("payments", func() error {
		if now := c.made(); now < before+more && !c.ended() {
			return fmt.Errorf("%d payments since", now-before)
		}
		return nil
	})
}

func (c *crowd) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *crowd) made() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.finished
}

// close lets nobody in any more, waits for those inside and tells of what failed.
func (c *crowd) close() {
	c.shop.w.t.Helper()
	close(c.stop)
	c.wait()
}

func (c *crowd) wait() {
	c.shop.w.t.Helper()
	<-c.done
	for _, err := range c.failures[:min(len(c.failures), 10)] {
		c.shop.w.t.Error(err)
	}
	if len(c.failures) > 10 {
		c.shop.w.t.Errorf("and %d more", len(c.failures)-10)
	}
}

// liveUntil goes on with the plan until that many of its steps are done.
func (l *life) liveUntil(ctx context.Context, steps int) error {
	whole := l.plan
	l.plan = whole[:steps]
	err := l.live(ctx)
	if err == nil && l.over {
		err = errOver
	}
	l.plan = whole
	return err
}
