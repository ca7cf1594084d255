package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/api/internal/token"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// DefaultAccount is the merchant account of requests that name none.
const DefaultAccount = "default"

// An Opener begins payments and asks about them.
type Opener interface {
	Create(ctx context.Context, p settle.NewPayment, idem *store.Idempotency) (store.Record, error)
	Sync(ctx context.Context, account string, id sdk.PaymentID) (store.Record, error)
}

// A Holder takes held money, or lets it go.
type Holder interface {
	Capture(ctx context.Context, account string, id sdk.PaymentID, o settle.CaptureOrder,
		idem *store.Idempotency) (settle.Done, error)
	Void(ctx context.Context, account string, id sdk.PaymentID, idem *store.Idempotency) (settle.Done, error)
	Cancel(ctx context.Context, account string, id sdk.PaymentID, idem *store.Idempotency) (settle.Done, error)
}

// A Refunder gives captured money back.
type Refunder interface {
	Refund(ctx context.Context, account string, id sdk.PaymentID, o settle.RefundOrder,
		idem *store.Idempotency) (settle.Done, error)
}

// An Engine drives payments: [settle.Engine], outside of tests.
type Engine interface {
	Opener
	Holder
	Refunder
	// UnderWay is how long from now a call for the payment may still be on its way, from
	// whichever host; 0 if none can be.
	UnderWay(rec *store.Record) time.Duration
}

// Payments are the payments that are stored.
type Payments interface {
	Payment(ctx context.Context, id sdk.PaymentID) (store.Record, error)
	PaymentByMove(ctx context.Context, id sdk.OperationID) (store.Record, error)
	Update(ctx context.Context, id sdk.PaymentID, idem *store.Idempotency,
		change func(*store.Record) error) (store.Record, error)
}

// Lists are the stored payments and their stories, page by page.
type Lists interface {
	List(ctx context.Context, f store.Filter) (store.Page, error)
	Events(ctx context.Context, id sdk.PaymentID, limit int, cursor string) ([]store.Event, string, error)
}

// Repeats are the idempotency keys that were used.
type Repeats interface {
	Idempotency(ctx context.Context, account, scope, key string) (store.Idempotency, error)
	FinishIdempotency(ctx context.Context, idem store.Idempotency) error
}

// ServiceReader reads payment services.
type ServiceReader interface {
	Service(ctx context.Context, id string) (store.PaymentService, error)
	Services(ctx context.Context, account string, includeDeleted bool) ([]store.PaymentService, error)
}

// ServiceWriter keeps payment services.
type ServiceWriter interface {
	SaveService(ctx context.Context, service *store.PaymentService) error
	UpdateService(ctx context.Context, id string,
		change func(*store.PaymentService) error) (store.PaymentService, error)
}

// Keys are the public keys of merchants.
type Keys interface {
	Key(ctx context.Context, id string) (store.APIKey, error)
}

// A Store is what the API keeps nothing beside: [store.Store], outside of tests.
type Store interface {
	Payments
	Lists
	Repeats
	ServiceReader
	ServiceWriter
	Subscribers
	Keys
}

// A Connector is what the API knows of one connector.
type Connector struct {
	Description sdk.Description
	Gate        *gatekeep.Gate
}

// Connectors are the connectors of this host.
type Connectors interface {
	// List returns every connector that this host runs, whether or not it answers at
	// the moment, by name. It does no I/O.
	List() []Connector
	// Acquire leases a live process of a connector.
	Acquire(ctx context.Context, connector string) (*settle.Lease, error)
}

// A Notifier has providers tell this host what happens.
type Notifier interface {
	// Register fills in the service's webhook, if the connector can register one.
	Register(ctx context.Context, service *store.PaymentService) error
}

// Config is what the API works with. All of it is needed but what says otherwise.
type Config struct {
	Engine     Engine
	Store      Store
	Connectors Connectors
	Notifier   Notifier
	Logger     *slog.Logger
	Now        func() time.Time // nil means time.Now

	// PublicURL is where providers reach this host, without a trailing slash.
	PublicURL string
	// Mode is the environment of every payment service made here: merchants do not
	// choose it, a host is for one of them. Empty means test.
	Mode sdk.Mode
	// AtOnce is how many requests that may wait for a provider are in work at once; a
	// quarter of it is for requests that do not. Those beyond are told to come again.
	// 0 means [DefaultAtOnce].
	AtOnce int
	// Host names this run of this host: it is kept with idempotency keys.
	Host string
}

// How long a request may take: one that reads what is stored, and one that may wait
// for a provider. The engine bounds its own calls; this is the outer limit, and less
// than the minute after which clients give up.
const (
	readTime  = 10 * time.Second
	writeTime = 50 * time.Second
)

// New returns the API as a handler for "/". The server that it runs in must bound the
// time of reading a request.
func New(c Config) (http.Handler, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Mode == "" {
		c.Mode = sdk.ModeTest
	}
	if c.AtOnce <= 0 {
		c.AtOnce = DefaultAtOnce
	}
	if c.Engine == nil || c.Store == nil || c.Connectors == nil || c.Notifier == nil || c.Logger == nil {
		return nil, errors.New("api: Engine, Store, Connectors, Notifier and Logger must be set")
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	shapes, err := compileShapes()
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	s := &server{
		Config:  c,
		shapes:  shapes,
		tokens:  token.NewVerifier(),
		keys:    &keyring{source: c.Store, now: c.Now, known: map[string]trusted{}},
		flights: &flights{under: map[flight]bool{}},
		places:  newPlaces(c.AtOnce),
		mux:     http.NewServeMux(),
	}
	for path, verbs := range routes() {
		s.mux.Handle(path, s.endpoint(verbs))
	}
	return s, nil
}

// A server is the API.
type server struct {
	Config
	shapes  shapes
	tokens  *token.Verifier
	keys    *keyring
	flights *flights
	places  places
	mux     *http.ServeMux
}
