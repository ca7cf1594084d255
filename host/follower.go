package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

const (
	// followEvery is how often a host looks what the others have decided.
	followEvery = time.Second
	// beatEvery is how often it says that it is there, if nothing has changed: several
	// times in [admin.GoneAfter].
	beatEvery   = 10 * time.Second
	forgetAfter = 24 * time.Hour // what was not seen for so long
	sweepEvery  = time.Hour

	lookBound  = 10 * time.Second // of one look into the store
	fetchBound = 5 * time.Minute  // of one release that is fetched
	// What failed is tried again after retryMin, and each time after twice as long, at most
	// retryMax. What was refused is not, until something has changed.
	retryMin = 5 * time.Second
	retryMax = 10 * time.Minute
)

// A follower brings its host to where the hosts that share the store have agreed to be,
// and says what this one serves. Where that fails, the host keeps what it has.
type follower struct {
	host *Host
	self store.Host // as it is said next

	work sync.WaitGroup

	mu       sync.Mutex
	busy     map[string]bool    // by what is being done
	setbacks map[string]setback // by what was tried
	desired  map[string]store.Desired
	told     string // the last error of the store
	beat     time.Time
	swept    time.Time
}

// A setback is an attempt that failed.
type setback struct {
	of    string // what was tried, so that something else is tried at once
	err   error
	tries int
	due   time.Time // zero: never
}

func newFollower(h *Host) *follower {
	return &follower{
		host: h, busy: map[string]bool{}, setbacks: map[string]setback{},
		self: store.Host{ID: h.id, API: h.config.PublicURL, Admin: h.AdminURL(), Version: version(), StartedAt: h.config.Now()},
	}
}

// run follows until ctx ends, and returns when what it began is over.
func (f *follower) run(ctx context.Context) {
	defer f.work.Wait()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		f.complain(ctx, f.look(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// complain tells of an error of the store, once.
func (f *follower) complain(ctx context.Context, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	f.mu.Lock()
	news := text != f.told
	f.told = text
	f.mu.Unlock()
	if news && err != nil && ctx.Err() == nil {
		f.host.config.Slog.WarnContext(ctx, "what the hosts have agreed on cannot be looked up", "error", err)
	}
}

// look does, or begins to do, what is to be done now.
func (f *follower) look(outer context.Context) error {
	ctx, cancel := context.WithTimeout(outer, lookBound)
	defer cancel()
	desired, err := f.host.decisions.read(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.desired = desired
	f.mu.Unlock()
	for _, is := range desired {
		f.begin("serve "+is.Connector, func() { f.serve(outer, is) })
	}
	releases, err := f.host.depot.list(ctx)
	if err != nil {
		return err
	}
	f.begin("hold", func() {
		for _, r := range releases {
			f.hold(outer, r)
		}
	})
	return errors.Join(f.learn(ctx), f.say(ctx))
}

// begin does something beside everything else, unless it is being done already.
func (f *follower) begin(what string, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[what] {
		return
	}
	f.busy[what] = true
	f.work.Go(func() {
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.busy, what)
		}()
		do()
	})
}

// attempt tries something unless it failed and is not due again, or was refused.
func (f *follower) attempt(what, of string, try func() error) error {
	f.mu.Lock()
	last := f.setbacks[what]
	f.mu.Unlock()
	if last.of != of {
		last = setback{of: of}
	}
	if last.err != nil && (last.due.IsZero() || f.host.config.Now().Before(last.due)) {
		return nil
	}
	err := try()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		delete(f.setbacks, what)
		return nil
	}
	next := setback{of: of, err: err, tries: last.tries + 1}
	if !errors.Is(err, supervise.ErrRefused) && supervise.FaultOf(err) != supervise.FaultCertificate {
		next.due = f.host.config.Now().Add(min(retryMin<<min(last.tries, 20), retryMax))
	}
	f.setbacks[what] = next
	if last.err != nil && last.err.Error() == err.Error() {
		return nil // nothing new
	}
	return err
}

// serve makes what is to serve serve here.
func (f *follower) serve(ctx context.Context, is store.Desired) {
	h := f.host
	if h.config.Attach != "" || h.decisions.underWay(is.Connector) || ctx.Err() != nil {
		return
	}
	if h.connectors.aims(is.Connector) == is.Digest {
		f.forgive("serve " + is.Connector)
		return
	}
	if err := f.bring(ctx, is); err != nil && ctx.Err() == nil {
		h.config.Slog.WarnContext(ctx, "a connector does not serve what was decided, and keeps what it has",
			"connector", is.Connector, "version", is.Version, "revision", is.Revision, "decided by", is.Host, "error", err)
	}
}

// bring brings a connector to what is to serve, unless that failed and is not due again.
// That it failed is in the history.
func (f *follower) bring(ctx context.Context, is store.Desired) error {
	h := f.host
	// A new certificate is a new chance.
	of := fmt.Sprint(is.Revision, sumOf(h.connectors.certificate(is.Digest)))
	err := f.attempt("serve "+is.Connector, of, func() error { return h.follow(ctx, is) })
	if err == nil || ctx.Err() != nil {
		return err
	}
	if err := f.note(ctx, is, err); err != nil {
		h.config.Slog.ErrorContext(ctx, "a journal entry could not be made", "connector", is.Connector, "error", err)
	}
	return err
}

func (f *follower) forgive(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.setbacks, what)
}

// note writes down that this host does not serve what was decided.
func (f *follower) note(ctx context.Context, is store.Desired, why error) error {
	at := f.host.config.Now()
	story, err := json.Marshal(map[string]any{
		"at": at, "to": "behind", "connector": is.Connector, "version": is.Version, "digest": is.Digest, "cause": why.Error(),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, journalBound)
	defer cancel()
	return f.host.store.AppendJournal(ctx, store.JournalEntry{
		Connector: is.Connector, At: at, Name: "behind", Context: story, Host: f.host.id,
	})
}

// hold makes this host have what the others share of a release.
func (f *follower) hold(ctx context.Context, r store.Release) {
	h := f.host
	ctx, cancel := context.WithTimeout(ctx, fetchBound)
	defer cancel()
	installed := h.fleet.Has(r.Digest)
	var err error
	switch {
	case r.Removed && installed:
		err = f.attempt("hold "+r.Digest, "removed", func() error { return h.drop(ctx, r) })
	case r.Removed:
	case !installed:
		err = f.attempt("hold "+r.Digest, r.CertificateDigest, func() error {
			_, err := h.have(ctx, r.Digest)
			return err
		})
	case r.CertificateDigest != "" && r.CertificateDigest != sumOf(h.connectors.certificate(r.Digest)):
		err = f.attempt("hold "+r.Digest, r.CertificateDigest, func() error { return h.adopt(ctx, r.Digest) })
	default:
		f.forgive("hold " + r.Digest)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, fleet.ErrInUse) {
		h.config.Slog.WarnContext(ctx, "a release is not here as it is on other hosts", "connector", r.Name, "version", r.Version,
			"digest", r.Digest, "error", err)
	}
}

// drop removes a release that was removed on another host, once this one is done with it.
func (h *Host) drop(ctx context.Context, r store.Release) error {
	return h.fleet.Remove(ctx, r.Digest, func() error {
		use, err := h.connectors.useOf(ctx, r.Digest, r.Name)
		if err == nil && use != "" {
			err = fmt.Errorf("release %.12s is %w: it %s", r.Digest, fleet.ErrInUse, use)
		}
		return err
	})
}

// adopt takes over a certificate from the other hosts.
func (h *Host) adopt(ctx context.Context, digest string) error {
	raw, err := h.store.Certificate(ctx, digest)
	if err != nil {
		return err
	}
	if err := h.fleet.Certify(ctx, digest, raw, h.connectors.objection); err != nil {
		return err
	}
	h.connectors.reconsider(digest)
	return nil
}

// learn lets supervisors know under which calls their connector died on other hosts.
func (f *follower) learn(ctx context.Context) error {
	var failed []error
	for _, x := range f.host.connectors.list() {
		news, err := x.suspects.news(ctx)
		if news {
			err = x.supervisor.Learn(ctx, x.suspects.read)
		}
		if !errors.Is(err, supervise.ErrClosed) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// say keeps in the store what this host serves, when that has changed and now and then.
func (f *follower) say(ctx context.Context) error {
	serves, err := json.Marshal(f.serves())
	if err != nil {
		return err
	}
	now := f.host.config.Now()
	if string(serves) != string(f.self.Serves) || now.Sub(f.beat) >= beatEvery || now.Before(f.beat) {
		next := f.self
		next.Serves, next.SeenAt = serves, now
		if err := f.host.store.SaveHost(ctx, next); err != nil {
			return err
		}
		f.self, f.beat = next, now
	}
	if now.Sub(f.swept) < sweepEvery && !now.Before(f.swept) {
		return nil
	}
	if err := f.host.store.ForgetHosts(ctx, now.Add(-forgetAfter)); err != nil {
		return err
	}
	if f.host.depot != nil {
		if err := f.host.store.SweepReleases(ctx, now.Add(-forgetAfter)); err != nil {
			return err
		}
	}
	f.swept = now
	return nil
}

// serves is what this host says that it serves.
func (f *follower) serves() []admin.Serving {
	behind := f.behind()
	list := []admin.Serving{}
	for _, s := range f.host.connectors.status() {
		list = append(list, admin.Serving{
			Connector: s.Connector, State: string(s.State), Version: s.Version, Digest: s.Digest, Behind: behind[s.Connector],
		})
	}
	return list
}

// behind says of the connectors that do not serve what is to serve why that is so.
func (f *follower) behind() map[string]string {
	all := map[string]string{}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, is := range f.desired {
		if f.host.config.Attach != "" || f.host.connectors.aims(name) == is.Digest {
			continue
		}
		all[name] = fmt.Sprintf("%s (%.12s) is to serve and is being brought up", is.Version, is.Digest)
		if last, failed := f.setbacks["serve "+name]; failed {
			all[name] = fmt.Sprintf("%s (%.12s) is to serve: %s", is.Version, is.Digest, last.err)
		}
	}
	return all
}

// Behind says of each connector that does not serve here what is to serve on every host
// why that is so.
func (h *Host) Behind() map[string]string { return h.follower.behind() }

// ID is the name by which other hosts know this one.
func (h *Host) ID() string { return h.id }

// aims is the digest of the release that a connector runs or keeps trying to run; empty
// if there is none.
func (c *connectors) aims(name string) string {
	x, err := c.known(name)
	if err != nil {
		return ""
	}
	s := x.supervisor.Status()
	if s.State == supervise.Stopped || s.State == supervise.Rejected {
		return ""
	}
	return s.Digest
}

// list returns the connectors of this host.
func (c *connectors) list() []*connector {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var all []*connector
	for _, x := range c.all {
		all = append(all, x)
	}
	return all
}
