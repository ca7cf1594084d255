package provider

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options describe a provider. The zero Options gives one whose lookups see every
// write at once and whose buyers decide for themselves.
type Options struct {
	// Now is the clock; nil means time.Now. [Provider.Advance] adds to it.
	Now func() time.Time
	// VisibilityDelay is how far lookups lag behind writes.
	VisibilityDelay time.Duration
	// ApproveAfter, if greater than 0, has every buyer approve by themselves after
	// this time: for where no browser can reach the page.
	ApproveAfter time.Duration
	// KeyLifetime is how long an idempotency key is remembered; 0 means 24 hours.
	KeyLifetime time.Duration
	// Seed makes ids and secrets repeatable; 0 means random ones.
	Seed uint64
}

// Times that the provider does not let anybody choose.
const (
	defaultKeyLifetime = 24 * time.Hour
	holdLifetime       = 7 * 24 * time.Hour
	approvalTime       = 30 * time.Minute
	reviewTime         = time.Minute // until a review, or a slow capture or refund, is decided
	reversalTime       = time.Hour   // until a refund that bounces has come back
)

// A Provider is a payment provider. It is safe for concurrent use, and is an
// [http.Handler] that serves its API.
type Provider struct {
	options Options
	mux     *http.ServeMux
	wake    chan struct{} // tells Deliver that something may be due

	mu        sync.Mutex
	ahead     time.Duration
	last      time.Time // the latest time told
	random    *mathrand.ChaCha8
	merchants map[string]*merchant // by API key
	inOrder   []*payment           // everybody's, oldest first
	requests  requests
	events    int64
	outbox    []*Delivery
	lanes     map[string]*merchant // that the suite opened, by the id it has for them
}

// A merchant is whoever holds one API key.
type merchant struct {
	payments    map[string]*payment
	byReference map[string][]*payment
	byRefund    map[string]*payment
	byOperation map[string][]*payment // of refunds; each payment once
	instruments map[string]*instrument
	hooks       []*hook
	uses        map[string]*use // by idempotency key
	faults      []*fault        // armed, oldest first
	requests    int             // of the API
	writes      int             // those among them that ask for a change
}

// New returns a provider without merchants: each API key that calls is one.
func New(o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KeyLifetime == 0 {
		o.KeyLifetime = defaultKeyLifetime
	}
	p := &Provider{
		options: o, merchants: map[string]*merchant{}, lanes: map[string]*merchant{}, wake: make(chan struct{}, 1),
		random: mathrand.NewChaCha8(seed(o.Seed)),
	}
	p.mux = p.routes()
	return p
}

func seed(n uint64) (s [32]byte) {
	if n == 0 {
		_, _ = rand.Read(s[:]) // never fails
		return s
	}
	binary.BigEndian.PutUint64(s[:], n)
	return s
}

// Advance moves the clock ahead. Whatever is due by then has happened.
func (p *Provider) Advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ahead += max(d, 0)
	p.collect()
}

// Now is the provider's time.
func (p *Provider) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now()
}

// now is the time, in the precision that the API has; it never goes back. The caller
// holds the lock, as for every method below.
func (p *Provider) now() time.Time {
	if now := p.options.Now().Add(p.ahead).UTC().Truncate(time.Millisecond); now.After(p.last) {
		p.last = now
	}
	return p.last
}

// visible is the time up to which lookups see.
func (p *Provider) visible() time.Time { return p.now().Add(-p.options.VisibilityDelay) }

// id makes a name that this provider has not used, nor another one before it.
func (p *Provider) id(prefix string) string {
	var b [10]byte
	_, _ = p.random.Read(b[:]) // never fails
	return prefix + "_" + hex.EncodeToString(b[:])
}

// letters makes what the API keys of lanes end in.
func (p *Provider) letters() string {
	_, text, _ := strings.Cut(p.id(""), "_")
	return text
}

func (p *Provider) merchant(key string) *merchant {
	m := p.merchants[key]
	if m == nil {
		m = &merchant{
			payments: map[string]*payment{}, byReference: map[string][]*payment{}, byRefund: map[string]*payment{},
			byOperation: map[string][]*payment{}, instruments: map[string]*instrument{}, uses: map[string]*use{},
		}
		p.merchants[key] = m
	}
	return m
}
