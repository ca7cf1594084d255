package provider

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"
)

// A Delivery is an event on its way to one URL.
type Delivery struct {
	URL  string
	Body []byte
	// Attempts counts how often it was sent; Done says that it was received, or
	// given up.
	Attempts int
	Done     bool

	hook *hook
	due  time.Time
}

// Header returns the delivery's headers, signed at the given time. A registration's
// secret may have changed since the event happened; the current one signs.
func (d Delivery) Header(at time.Time) http.Header {
	return http.Header{
		"Content-Type":  {"application/json"},
		SignatureHeader: {Sign(d.hook.Secret, at, d.Body)},
		HookHeader:      {d.hook.ID},
	}
}

// Deliveries returns what was sent or is to be sent, oldest first.
func (p *Provider) Deliveries() []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.collect()
	list := make([]Delivery, len(p.outbox))
	for i, d := range p.outbox {
		list[i] = *d
	}
	return list
}

// How deliveries are tried: again after one second, then two, then four…
const (
	maxAttempts    = 8
	firstWait      = time.Second
	deliveryBound  = 5 * time.Second
	lookForDueWork = 250 * time.Millisecond
)

// Deliver sends events until ctx ends, one at a time and in the order in which they
// happened, except that one which was not received waits for its next try. Any 2xx
// means received.
func (p *Provider) Deliver(ctx context.Context, client *http.Client) {
	look := time.NewTicker(lookForDueWork)
	defer look.Stop()
	for {
		for d, is := p.take(); d != nil && ctx.Err() == nil; d, is = p.take() {
			p.result(d, send(ctx, client, is, p.Now()))
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-look.C:
		}
	}
}

// take returns the oldest delivery that is due, or nil, and what it is at this moment:
// whoever ends its webhook changes it while it is sent.
func (p *Provider) take() (*Delivery, Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.collect()
	now := p.now()
	i := slices.IndexFunc(p.outbox, func(d *Delivery) bool { return !d.Done && !d.due.After(now) })
	if i < 0 {
		return nil, Delivery{}
	}
	return p.outbox[i], *p.outbox[i]
}

// send reports whether the delivery was received.
func send(ctx context.Context, client *http.Client, d Delivery, at time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, deliveryBound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return false
	}
	req.Header = d.Header(at)
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody)) // what it says beyond the status is of no interest
	return res.StatusCode/100 == 2
}

func (p *Provider) result(d *Delivery, received bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.Attempts++
	d.Done = d.Done || received || d.Attempts >= maxAttempts
	d.due = p.now().Add(firstWait << (d.Attempts - 1))
}
