package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	shoppers = 8 // who pay at once
	// paymentBound is for one payment with all that is done to it. A host that died under
	// it is waited for: its calls may go on for as long as a call may take, and what is in
	// doubt then is looked at after 5, 30 and 120 seconds.
	paymentBound = 5 * time.Minute
	againAfter   = 200 * time.Millisecond
)

// A tally is what came of payments.
type tally struct {
	taken, again atomic.Int64
	mu           sync.Mutex
	failed       []error
	took         []time.Duration
}

// prove takes payments through the proxy, kills the last host under way and brings it
// back. Each payment is captured, every other one is refunded, and in the end each must
// be what it was asked to be.
func (k *cluster) prove(payments int) error {
	var t tally
	began := time.Now()
	todo := make(chan int)
	var work sync.WaitGroup
	for range min(shoppers, payments) {
		work.Go(func() {
			for n := range todo {
				at := time.Now()
				err := k.pay(n, &t)
				t.mu.Lock()
				if t.took = append(t.took, time.Since(at)); err != nil {
					t.failed = append(t.failed, fmt.Errorf("payment %d: %w", n, err))
				}
				t.mu.Unlock()
			}
		})
	}
	last := len(k.hosts) - 1
	died, broke := "", error(nil)
	for n := range payments {
		if k.ctx.Err() != nil {
			break
		}
		if last > 0 && n == payments/3 {
			broke = errors.Join(broke, k.hosts[last].kill())
			died = fmt.Sprintf("%s was killed after payment %d", k.hosts[last].name, n)
		}
		if last > 0 && n == 2*payments/3 && died != "" {
			back, err := k.revive(last)
			broke = errors.Join(broke, err)
			died += fmt.Sprintf(" and was back after payment %d, within %s", n, back.Round(time.Millisecond))
		}
		todo <- n
	}
	close(todo)
	work.Wait()
	if died != "" {
		fmt.Fprintln(k.w.stdout, died)
	}
	slices.Sort(t.took)
	half := time.Duration(0)
	if len(t.took) > 0 {
		half = t.took[len(t.took)/2]
	}
	fmt.Fprintf(k.w.stdout, "payments %d hosts %d settled %d failed %d sent again %d in %s, each within %s at the median\n",
		len(t.took), len(k.hosts), t.taken.Load(), len(t.failed), t.again.Load(), time.Since(began).Round(time.Millisecond), half.Round(time.Millisecond))
	return errors.Join(append(t.failed, broke, k.ctx.Err())...)
}

// revive starts a host again that was killed, and puts it behind the proxy.
func (k *cluster) revive(i int) (took time.Duration, err error) {
	began := time.Now()
	if err := k.hosts[i].start(); err != nil {
		return 0, err
	}
	return time.Since(began), k.proxy.replace(i, k.hosts[i].ready.APIURL, k.hosts[i].ready.AdminURL)
}

// story is what the host knows of a payment that did not come to its end.
func (k *cluster) story(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), againAfter*50)
	defer cancel()
	raw, err := k.hosts[0].operator().ask(ctx, http.MethodGet, "/v1/payments/"+segment(id), nil)
	if err != nil {
		return fmt.Errorf("its story cannot be had: %w", err)
	}
	return fmt.Errorf("its story: %s", raw)
}

// pay takes one payment from its beginning to its end.
func (k *cluster) pay(n int, t *tally) (err error) {
	ctx, cancel := context.WithTimeout(k.ctx, paymentBound)
	defer cancel()
	var made struct {
		ID            string `json:"id"`
		PaymentMethod struct {
			ApprovalURL string `json:"approval_url"`
		} `json:"payment_method"`
	}
	if err := k.insist(ctx, t, "/transactions", examplePayment(shop), &made, func() bool { return made.PaymentMethod.ApprovalURL != "" }); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.story(made.ID))
		}
	}()
	if err := approve(ctx, made.PaymentMethod.ApprovalURL); err != nil {
		return err
	}
	path := "/transactions/" + made.ID
	if err := k.await(ctx, path, func(p paymentState) bool { return p.Authorized == 2500 }); err != nil {
		return fmt.Errorf("approved: %w", err)
	}
	if err := k.insist(ctx, t, path+"/capture", map[string]any{"amount": 2500}, nil, nil); err != nil {
		return err
	}
	if err := k.await(ctx, path, func(p paymentState) bool { return p.Captured == 2500 }); err != nil {
		return fmt.Errorf("captured: %w", err)
	}
	if n%2 == 0 {
		var refund struct {
			Status string `json:"status"`
		}
		if err := k.insist(ctx, t, path+"/refunds", map[string]any{"amount": 1000}, &refund, nil); err != nil {
			return err
		}
		if refund.Status != "succeeded" && refund.Status != "processing" {
			return fmt.Errorf("the refund is %s", refund.Status)
		}
		if err := k.await(ctx, path, func(p paymentState) bool { return p.Captured == 2500 && p.Refunded == 1000 }); err != nil {
			return fmt.Errorf("refunded: %w", err)
		}
	}
	t.taken.Add(1)
	return nil
}

// A paymentState is what a payment comes to.
type paymentState struct {
	Status     string `json:"status"`
	Authorized int64  `json:"authorized_amount"`
	Captured   int64  `json:"captured_amount"`
	Refunded   int64  `json:"refunded_amount"`
}

// await looks at a payment until it is as it should be: what was in doubt is settled, and
// of an approval whose return was lost the provider knows.
func (k *cluster) await(ctx context.Context, path string, done func(paymentState) bool) error {
	var is paymentState
	for {
		err := k.merchant.call(ctx, http.MethodGet, path, nil, &is)
		if err == nil && done(is) {
			return nil
		}
		err = errors.Join(err, k.merchant.call(ctx, http.MethodPost, path+"/sync", nil, nil))
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %+v: %w", path, is, errors.Join(err, ctx.Err()))
		case <-time.After(againAfter):
		}
	}
}

// insist makes a request under one Idempotency-Key until there is an answer to it: one
// that a dying host took with it is asked for again, and so is one that another host is
// still busy with.
func (k *cluster) insist(ctx context.Context, t *tally, path string, body, out any, whole func() bool) error {
	key := http.Header{"Idempotency-Key": {uuid.NewString()}}
	for {
		status, err := k.merchant.callAs(ctx, http.MethodPost, path, body, out, key)
		if err == nil && (whole == nil || whole()) {
			return nil
		}
		if err != nil && status != 0 && status != http.StatusConflict && status != http.StatusTooManyRequests && status < http.StatusInternalServerError {
			return err
		}
		t.again.Add(1)
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(againAfter):
		}
	}
}

// approve opens an approval page as a buyer who agrees would, and follows it back to the
// host; the shop is not there.
func approve(ctx context.Context, page string) error {
	ctx, cancel := context.WithTimeout(ctx, merchantTimeout)
	defer cancel()
	browser := http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host == "shop.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"?auto=approve", nil)
	if err != nil {
		return err
	}
	res, err := browser.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
