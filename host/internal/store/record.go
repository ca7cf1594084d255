package store

import (
	"encoding/json"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Record is one payment as it is kept: its ledger, what the merchant said of it,
// and the story of what happened.
type Record struct {
	ledger.Ledger

	MerchantAccount string // such as "default"
	Service         string // id of the payment service that it went through
	Connector       string // the connector's name
	Method          string // such as "smartpay"
	Country         string
	ExternalID      string // the merchant's name for the payment
	BuyerExternalID string // the merchant's name for the buyer
	Metadata        map[string]string

	// Request is the validated request that created the payment, as JSON. It is
	// echoed to the merchant and re-sent should the first send be in doubt.
	Request json.RawMessage
	// ReturnURL is the merchant's page for the buyer's return.
	ReturnURL string

	UpdatedAt time.Time // set by the store on every change

	// Events that the change being made adds. Loading a record leaves it empty;
	// Events of the store reads them back.
	Added []Event
	// Jobs that the change being made calls for. They exist if and only if the change was
	// made. Loading a record leaves it empty.
	Jobs []Job
}

// An Event is one thing that happened to a payment. Events are only ever added.
type Event struct {
	ID      string          `json:"id"` // UUID
	Name    string          `json:"name"`
	At      time.Time       `json:"created_at"`
	Context json.RawMessage `json:"context"` // an object; never a secret
}

// An Idempotency is a merchant's key on one request. Scope names the operation and,
// for one on an existing payment, the payment: keys in different scopes are different.
type Idempotency struct {
	MerchantAccount string
	Scope           string
	Key             string // at most 255 characters
	Fingerprint     string // hash of method, path and body: what the key was first used for

	Payment   sdk.PaymentID   // set with the intent
	Operation sdk.OperationID // set with the intent; empty when none was begun
	Host      string          // which run of which host executes it
	Status    int             // the answer given; 0 while there is none
	Body      []byte
	CreatedAt time.Time
}

// A PaymentService is one merchant's account with a connector's provider.
type PaymentService struct {
	ID              string // UUID
	MerchantAccount string
	Connector       string // the connector's name
	Method          string
	DisplayName     string
	Active          bool
	Deleted         bool
	Position        int
	Mode            sdk.Mode
	Revision        int64             // grows with every change of Config or Secrets
	Config          map[string]string // non-secret fields
	Secrets         map[string]sdk.Secret
	Currencies      []string // accepted, a subset of the connector's
	Countries       []string
	Webhook         *Webhook // the registration at the provider; nil if there is none
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// A Webhook is where a provider notifies this payment service, and the secrets that
// it may sign with: the current one first, then those being rotated out.
type Webhook struct {
	RegistrationID string
	URL            string
	Secrets        []sdk.SigningSecret
}

// An APIKey is the public half of a merchant's key pair.
type APIKey struct {
	ID               string // RFC 7638 thumbprint: the token's kid
	PublicKey        []byte // PKIX, DER
	DisplayName      string
	Scopes           []string // what tokens signed with it may ask for
	MerchantAccounts []string // empty means all
	Active           bool
	CreatedAt        time.Time
}

// A JournalEntry is one step in the life of a connector: started, crashed, swapped.
type JournalEntry struct {
	ID        int64
	Connector string
	At        time.Time
	Name      string
	Context   json.RawMessage
	Host      string // whose step it was; empty before hosts had names
	// Revision is that of what is desired which this step made, 0 if it made none.
	Revision int64
}

// A Filter selects payments of one merchant account. Zero fields select everything.
type Filter struct {
	MerchantAccount string
	Statuses        []ledger.Status
	Currencies      []string
	Countries       []string
	Methods         []string
	Services        []string
	ErrorCodes      []string
	ID              string
	ExternalID      string
	BuyerExternalID string
	Reference       string
	OrderRef        string
	AmountEQ        *int64
	AmountGTE       *int64
	AmountLTE       *int64
	CreatedGTE      time.Time
	CreatedLTE      time.Time
	UpdatedGTE      time.Time
	UpdatedLTE      time.Time
	HasRefunds      *bool
	Metadata        []map[string]string // any of them; each is pairs that must all match
	Search          string              // the id, external id, reference or order reference

	Limit  int    // 1 to 100
	Cursor string // from a Page; opaque
}

// A Page is a run of records, newest update first.
type Page struct {
	Records []Record
	Next    string // empty when there is no more
	Prev    string // empty on the first page
}
