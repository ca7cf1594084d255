package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// Config is how a sandbox behaves. The zero Config works.
type Config struct {
	// Seed makes identifiers and secrets repeatable: the same seed and the same
	// sequence of requests give the same ones.
	Seed uint64

	// PublicURL is where buyers' browsers reach the sandbox. Empty means: where
	// the request that opened the session reached it.
	PublicURL string

	// Keys are the secret keys to accept. None means every well-formed one but
	// those that read sk_test_invalid… or sk_live_invalid… (this sandbox's own).
	Keys []string

	// AllowAmountMismatch accepts orders whose amount is not the sum of their
	// items. [UNK] whether the provider refuses them; the sandbox does, so that a
	// connector that miscounts is caught.
	AllowAmountMismatch bool

	// ShopName is what the hosted page calls the merchant; empty means a made-up one.
	ShopName string

	// RequestLog is how many requests the ledger remembers in full; 0 means 10,000.
	RequestLog int

	// Webhooks carries webhook deliveries; nil means [http.DefaultTransport].
	Webhooks http.RoundTripper

	// Log receives what an operator may want to know; nil means nowhere.
	Log *slog.Logger
}

// Server is a stand-in Smartpay. It is safe for concurrent use, owns the
// goroutines that deliver webhooks, and must be closed.
type Server struct {
	cfg      Config
	log      *slog.Logger
	clock    *book.Clock
	book     *book.Book
	hooks    *webhook.Dispatcher
	requests *requestLog
	attempts *attemptLog
	faults   fault.Engine
	progress inProgress
	lanes    lanes
	closing  chan struct{} // closed by Close: whoever waits on purpose stops
	close    sync.Once
}

// New makes a sandbox with empty books.
func New(cfg Config) *Server {
	if cfg.RequestLog <= 0 {
		cfg.RequestLog = 10_000
	}
	if cfg.ShopName == "" {
		cfg.ShopName = "Sandbox Shop"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Webhooks == nil {
		cfg.Webhooks = http.DefaultTransport
	}
	clock := new(book.Clock)
	s := &Server{
		cfg: cfg, log: cfg.Log, clock: clock, book: book.New(cfg.Seed, clock, wire.Plain),
		requests: newRequestLog(cfg.RequestLog), attempts: newAttemptLog(cfg.RequestLog), closing: make(chan struct{}),
	}
	s.hooks = webhook.New(webhook.Config{
		Now: clock.Now, Lookup: lookup, Observe: s.observe, Settle: settle,
		Client: &http.Client{Transport: cfg.Webhooks},
	})
	return s
}

// Keep keeps the books in a file, and begins with what that file holds. It must
// be called before the server is used. The books then survive the sudden end of
// the process at any moment; webhooks that were still owed are sent again.
// Requests seen, faults and what they hide are not kept.
func (s *Server) Keep(path string) error {
	if err := s.book.Keep(path); err != nil {
		return err
	}
	for _, m := range s.book.Merchants() {
		s.send(s.outgoing(m.Owed()))
	}
	return nil
}

// ServeHTTP answers the API, the hosted page and the controls.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments := split(r.URL.EscapedPath())
	switch target := find(r.Method, segments); target.area {
	case areaControl:
		s.serveControl(w, r, target)
	case areaPage:
		s.servePage(w, r, target.params["page"])
	case areaAPI, areaConsumer, areaNone:
		s.serveAPI(w, r, target)
	}
}

// Close lets go of requests that a fault holds back, stops the delivery of
// webhooks, and waits for that until ctx ends. It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.close.Do(func() { close(s.closing) })
	return errors.Join(s.hooks.Close(ctx), s.book.Close())
}

func lookup(m webhook.Message) (webhook.Target, bool) {
	d, ok := m.Tag.(*book.Delivery)
	if !ok {
		return webhook.Target{}, false
	}
	url, secret, ok := d.Merchant.Address(d.Endpoint)
	return webhook.Target{URL: url, Secret: secret}, ok
}

func settle(m webhook.Message) {
	if d, ok := m.Tag.(*book.Delivery); ok {
		d.Merchant.Settle(d)
	}
}

func (s *Server) observe(a webhook.Attempt) {
	s.attempts.add(a)
	if !a.Acknowledged() {
		s.log.Info("webhook not acknowledged", "event", a.Message.EventID, "endpoint", a.Message.Endpoint,
			"try", a.Number, "status", a.Status, "next", a.Next)
	}
}
