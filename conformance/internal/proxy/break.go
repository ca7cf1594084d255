package proxy

import "fmt"

// armed is a fault in force.
type armed struct {
	Fault
	seen, struck int
}

// due reports whether the fault strikes now.
func (a *armed) due() bool { return a.seen >= a.Skip && (a.Times == 0 || a.struck < a.Times) }

// Break makes the proxy misbehave, from its return until the fault has struck as often
// as it says or [Proxy.Heal]. Faults add up: a request is shown to each in the order in
// which they came, and struck by the first that is due. A fault that strikes connections
// first waits for the answers that are being sent. Break reports [ErrFault] and what is
// wrong with f, or [ErrClosed].
func (p *Proxy) Break(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	p.door.Lock()
	defer p.door.Unlock()
	if f.What == Redirect && f.To == "" && p.elsewhere == nil && p.ctx.Err() == nil {
		witness, err := open(p.net, "")
		if err != nil {
			return fmt.Errorf("a place to redirect to: %w", err)
		}
		p.elsewhere = witness
	}
	if f.What == Redirect && f.To == "" && p.elsewhere != nil {
		f.To = p.elsewhere.URL()
	}
	p.mu.Lock()
	closed := p.closed
	p.armed = append(p.armed, &armed{Fault: f})
	p.mu.Unlock()
	if closed {
		return ErrClosed
	}
	p.enforce()
	return nil
}

// Heal ends every fault. A listener that was closed opens on the same port again, which
// nobody else was given meanwhile; if that is refused all the same, Heal says so and may
// be called again. Exchanges that a fault already holds are not let go.
func (p *Proxy) Heal() error {
	p.door.Lock()
	defer p.door.Unlock()
	p.mu.Lock()
	closed := p.closed
	p.armed = nil
	p.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case p.listener == nil:
		return p.listen(p.addr)
	}
	return nil
}

// Elsewhere is what came to the address that a [Redirect] without To leads to: nothing,
// unless the connector followed.
func (p *Proxy) Elsewhere() Record {
	p.door.Lock()
	defer p.door.Unlock()
	if p.elsewhere == nil {
		return Record{}
	}
	return p.elsewhere.Since(Mark{})
}

// enforce makes faults that strike connections true. The door is held.
func (p *Proxy) enforce() {
	p.mu.Lock()
	refusing, barred := p.barred(Refuse), p.barred(Refuse) || p.barred(ResetOnConnect)
	p.mu.Unlock()
	if refusing && p.listener != nil {
		p.stopListening()
		var err error
		if p.held, err = p.net.hold(p.addr); err != nil {
			p.held = nil // the port may now be given to another: Heal will say so
		}
	}
	if !barred {
		return
	}
	for left := p.doom(); left != nil; left = p.doom() {
		<-left
	}
}

// doom resets the connections that rest, and those that are being told an answer after
// it. It returns a channel that says when there is news, until they are gone: only then
// has the reset reached the connector, which will not write to them again.
func (p *Proxy) doom() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	going := false
	for c := range p.conns {
		if c.idle {
			reset(c.nc)
		}
		c.doomed = c.doomed || c.idle || c.telling
		going = going || c.doomed
	}
	if !going {
		return nil
	}
	return p.changed
}

// barred reports whether a fault of the kind, which strikes connections, is due. The lock
// is held.
func (p *Proxy) barred(w What) bool {
	for _, a := range p.armed {
		if a.What == w && a.due() {
			return true
		}
	}
	return false
}

// tell says that c is being told an answer, and reports whether that must say that the
// connection ends with it.
func (p *Proxy) tell(c *conn) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last = p.barred(Refuse) || p.barred(ResetOnConnect)
	c.telling = !last
	return last
}

// strikeConnection reports whether a connection is to be reset, and counts it. The lock
// is held.
func (p *Proxy) strikeConnection() bool {
	for _, a := range p.armed {
		if a.What == ResetOnConnect && a.due() {
			a.struck++
			return true
		}
	}
	return false
}

// strikeRequest tells which fault strikes a request, and counts it. One that makes a
// fault that strikes connections due has made it true when it returns.
func (p *Proxy) strikeRequest(r Request) Fault {
	f, bar := p.pick(r)
	if bar {
		p.door.Lock()
		defer p.door.Unlock()
		if p.ctx.Err() == nil {
			p.enforce()
		}
	}
	return f
}

func (p *Proxy) pick(r Request) (f Fault, bar bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.armed {
		switch {
		case !a.matches(r):
		case a.seen < a.Skip:
			a.seen++
			bar = bar || a.What.onConnect() && a.due()
		case a.due() && !a.What.onConnect():
			a.struck++
			return a.Fault, bar
		}
	}
	return Fault{}, bar
}
