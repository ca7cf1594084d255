// Package settle drives operations on payments to a known outcome.
//
// Every money operation takes the same way: the connector's gate is asked, the
// intent is written down, the call leaves under a lease on one connector process,
// and the answer is written down. What is refused before the intent leaves no trace
// and reaches no provider. What is lost after it is in doubt: the payment takes no
// other money operation until a lookup, or the same request with the same key, has
// told what happened. Nothing is ever invented: a payment whose end cannot be
// learned stays unsettled and says so.
//
// Answers, lookups, webhooks and returning buyers are all observations that go
// through [Engine.Observe]. The engine keeps no state of its own that matters: any
// run of any host goes on where another stopped. What has to be looked at again, and
// when, is a job, written with the change that calls for it.
package settle

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Lease is one live connector process, held for one call. It must be released
// exactly once.
type Lease struct {
	Remote      sdk.Remote
	Gate        *gatekeep.Gate
	Description sdk.Description
	Digest      string // SHA-256 of the binary that runs
	Release     func()
}

// Connectors gives leases on live connectors.
type Connectors interface {
	// Acquire fails promptly with a NOT_ATTEMPTED [*sdk.Error] where no process serves. Of
	// the call that is to be made, ctx carries what is known ([sdk.WithCall]): which
	// process takes it, and whether it may be made, can depend on that.
	Acquire(ctx context.Context, connector string) (*Lease, error)
}

// acquire leases a connector for a call.
func (e *Engine) acquire(ctx context.Context, connector string, call sdk.Call) (*Lease, error) {
	lease, err := e.Connectors.Acquire(sdk.WithCall(ctx, call), connector)
	if err == nil {
		e.lifetimes.Store(connector, time.Duration(lease.Description.Manifest.Limits.AuthorizationLifetime))
	}
	return lease, err
}

// Config is what an engine works with.
type Config struct {
	Store      *store.Store
	Connectors Connectors
	Logger     *slog.Logger
	Now        func() time.Time
	// PublicURL is where buyers' browsers reach this host, without a trailing slash.
	PublicURL string
	// ReturnKey authenticates the return URLs that are handed to providers.
	ReturnKey []byte
	// CallTimeout bounds one call to a connector; 0 means 30 s. A look that nobody waits for
	// may take 30 s, however short this is.
	CallTimeout time.Duration
	// Jobs is where the store's jobs are; it is needed for nothing but [Engine.Kinds].
	Jobs Jobs
	// Sweep is how often the store is searched for payments that have to be looked at and
	// that no job looks after, such as those of a host that died between the intent and
	// the answer; 0 means 5 s.
	Sweep time.Duration
	// Looks is when to look at what is in doubt; empty means [Looks].
	Looks Schedule
	// Shared says that other hosts work on the same store, so that a call that this one
	// knows nothing of may be on its way.
	Shared bool
}

// Jobs is a queue of jobs.
type Jobs interface {
	// Add writes jobs and returns how many there were not yet.
	Add(ctx context.Context, list ...store.Job) (int, error)
	// Without returns those of the subjects for which there is no job of a kind.
	Without(ctx context.Context, kind string, subjects []string) ([]string, error)
}

// An Engine drives operations. It is safe for concurrent use.
type Engine struct {
	Config
	mu       sync.Mutex
	inFlight map[sdk.PaymentID]int // payments with a call on the way from this process

	// lifetimes is how long each connector's provider holds money, as its manifest said
	// when it was last leased.
	lifetimes sync.Map
}

// New returns an engine. Its background work is jobs, which [Engine.Kinds] tells how to do.
func New(c Config) *Engine {
	if c.CallTimeout == 0 {
		c.CallTimeout = 30 * time.Second
	}
	if c.Sweep == 0 {
		c.Sweep = 5 * time.Second
	}
	if len(c.Looks) == 0 {
		c.Looks = Looks()
	}
	return &Engine{Config: c, inFlight: map[sdk.PaymentID]int{}}
}

// A NewPayment is what a merchant asks for. Authorize holds everything but the call
// context, the return URLs and the approval deadline, which the engine fills in.
type NewPayment struct {
	MerchantAccount string
	// Service forces one payment service; empty picks the first active one, by
	// position, that accepts the method, currency and country.
	Service    string
	Authorize  sdk.AuthorizeRequest
	ExternalID string
	// RedirectURL is the merchant's page for the buyer's return.
	RedirectURL string
	// ApprovalExpiresAt is when to stop waiting for the buyer; zero means the
	// connector's own limit, which it may not exceed.
	ApprovalExpiresAt time.Time
	Body              json.RawMessage // the merchant's request, kept to be echoed
}

// Request is what [store.Record.Request] holds.
type Request struct {
	Authorize sdk.AuthorizeRequest `json:"authorize"` // without account; re-sent when in doubt
	Body      json.RawMessage      `json:"body"`      // as the merchant sent it
}

// A CaptureOrder asks for held money. A nil Amount means all that is open.
type CaptureOrder struct {
	Amount     *int64
	Final      bool
	ExternalID string
}

// A RefundOrder asks for money to go back. A nil Amount means all that is left.
type RefundOrder struct {
	Amount     *int64
	Reason     string // the merchant's words
	ExternalID string
}

// A Done is a payment after an operation on it, and that operation. A nil error
// beside it means that the operation was carried out to whatever outcome it has.
type Done struct {
	Record    store.Record
	Operation ledger.Operation
}

// A BusyError means that another money operation on the payment has not ended, or that
// nobody knows how it ended. Nothing was changed.
type BusyError struct {
	Payment   sdk.PaymentID
	Operation sdk.Operation
}

// Error says what is in the way.
func (e *BusyError) Error() string {
	return fmt.Sprintf("payment %s has a %s that has not ended; try again when it has", e.Payment, e.Operation)
}

// A NoServiceError means that no active payment service of the merchant takes this
// payment. Nothing was stored. Pointer names the field that a different value would help.
type NoServiceError struct {
	Pointer string
	Message string
}

// Error names the field and what would be right.
func (e *NoServiceError) Error() string { return e.Pointer + " " + e.Message }
