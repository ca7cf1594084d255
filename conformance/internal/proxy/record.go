package proxy

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Exchanges are all exchanges so far, in the order in which they began.
func (p *Proxy) Exchanges() []Exchange { return p.Since(Mark{}).Exchanges }

// Mark is the present end of the record.
func (p *Proxy) Mark() Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Mark{exchanges: len(p.exchanges), connections: p.connections, resets: p.resets}
}

// Since is what has passed since m, exchanges under way included. A connector may hold
// its answer before the proxy has written down that it does: see [Proxy.Settle].
func (p *Proxy) Since(m Mark) Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Record{Connections: p.connections - m.connections, Resets: p.resets - m.resets}
	for _, x := range p.exchanges[min(m.exchanges, len(p.exchanges)):] {
		c := *x
		c.Request.Body = slices.Clip(c.Request.Body)
		c.Answer.Body = slices.Clip(c.Answer.Body)
		c.Upstream = slices.Clone(c.Upstream)
		for i := range c.Upstream {
			c.Upstream[i].Body = slices.Clip(c.Upstream[i].Body)
		}
		r.Exchanges = append(r.Exchanges, c)
	}
	return r
}

// Await waits until the record since m satisfies ok: until a request has been forwarded,
// say, so that the connector can be killed just then. It reports the end of ctx, or
// [ErrClosed].
func (p *Proxy) Await(ctx context.Context, m Mark, ok func(Record) bool) error {
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if ok(p.Since(m)) {
			return nil
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("awaiting an exchange: %w", context.Cause(ctx))
		}
	}
}

// Settle waits until everything that had been sent to the proxy before the call is in
// the record and no exchange is under way, here and at the address of [Proxy.Elsewhere].
// An exchange that hangs is under way until the connector leaves. It reports the end of
// ctx, or [ErrClosed].
func (p *Proxy) Settle(ctx context.Context) error {
	elsewhere, err := p.probe(ctx)
	if err != nil {
		return err
	}
	for {
		p.mu.Lock()
		busy, changed := p.busy(), p.changed
		p.mu.Unlock()
		switch {
		case p.ctx.Err() != nil:
			return ErrClosed
		case busy == 0 && elsewhere != nil:
			return elsewhere.Settle(ctx)
		case busy == 0:
			return nil
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
		case <-ctx.Done():
			return fmt.Errorf("settling: %d connections are in use: %w", busy, context.Cause(ctx))
		}
	}
}

// probe connects to the listener itself: connections are accepted in order, so every
// earlier one has been counted when this one is seen. It returns p.elsewhere.
func (p *Proxy) probe(ctx context.Context) (*Proxy, error) {
	p.door.Lock()
	defer p.door.Unlock()
	if p.listener == nil || p.ctx.Err() != nil {
		return p.elsewhere, nil
	}
	seen := make(chan struct{})
	nc, err := p.net.dial(ctx, p.addr, func(local string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.probes[local] = seen
	})
	if err != nil {
		return nil, fmt.Errorf("settling: %w", err)
	}
	defer func() { _ = nc.Close() }() // it carried nothing
	select {
	case <-seen:
		return p.elsewhere, nil
	case <-p.accepting:
		return nil, fmt.Errorf("settling: the listener failed: %w", ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("settling: %w", context.Cause(ctx))
	}
}

// busy counts the connections that carry something. The lock is held.
func (p *Proxy) busy() int {
	n := 0
	for c := range p.conns {
		if !c.idle || unread(c.nc) {
			n++
		}
	}
	return n
}

// begin writes down that a request begins on c; nil if it must not.
func (p *Proxy) begin(c *conn) *Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	c.idle = false
	if c.doomed || p.closed {
		return nil
	}
	if len(p.exchanges) >= MaxExchanges {
		p.full("%d exchanges", MaxExchanges)
		return nil
	}
	x := &Exchange{Number: len(p.exchanges) + 1, Connection: c.number, Began: time.Now()}
	p.exchanges = append(p.exchanges, x)
	return x
}

// note changes an exchange.
func (p *Proxy) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.signal()
}

// finish writes down how an exchange ended, and reports whether c may carry another.
func (p *Proxy) finish(c *conn, x *Exchange, end End, keep bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.signal()
	x.End, x.Ended = end, time.Now()
	if end == Answered {
		x.Departed = time.Time{} // it left with its answer
	}
	if c.doomed {
		reset(c.nc)
	}
	c.telling = false
	keep = keep && end == Answered && !c.doomed && !p.closed && !p.barred(Refuse) && !p.barred(ResetOnConnect)
	c.idle = keep && c.br.Buffered() == 0
	return keep
}

// drop forgets a connection that is gone.
func (p *Proxy) drop(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	p.signal()
}

// A tape records the beginning of a body.
type tape struct {
	p      *Proxy
	body   *[]byte
	length *int64
}

func (t tape) Write(b []byte) (int, error) {
	t.p.note(func() {
		*t.length += int64(len(b))
		n := max(0, min(len(b), MaxRecorded-len(*t.body), t.p.room))
		t.p.room -= n
		*t.body = append(*t.body, b[:n]...)
	})
	return len(b), nil
}
