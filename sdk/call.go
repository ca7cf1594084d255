package sdk

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Identities are distinct types so that none can be passed for another.
type (
	// A PaymentID is the host's name for a payment.
	PaymentID string
	// An OperationID is the host's name for one operation on a payment. Where the
	// provider can keep a reference on a capture or refund, a connector must store
	// the operation id there and report it back in snapshots.
	OperationID string
	// A Reference is the host's name for a payment at the provider: unique, at most
	// 22 characters of [0-9A-Za-z], and enough to find the payment again.
	Reference string
	// An IdempotencyKey is chosen by the host, written down before the first call and
	// the same across retries, restarts and swaps. At most 64 characters of [0-9A-Za-z_-].
	IdempotencyKey string
	// An OrderRef is the provider's name for the payment.
	OrderRef string
	// A CaptureRef is the provider's name for one capture.
	CaptureRef string
	// A RefundRef is the provider's name for one refund.
	RefundRef string
	// A TokenRef is the provider's name for a stored payment instrument.
	TokenRef string
)

// A Call is the context that every request carries. The deadline travels in the
// context.Context; a connector's own provider deadline must be shorter, so that it
// always gets to answer first.
type Call struct {
	OperationID OperationID    `json:"operation_id,omitempty"`
	Key         IdempotencyKey `json:"idempotency_key,omitempty"` // writes only
	Attempt     int            `json:"attempt,omitempty"`         // 1 for the first send of an operation
	PaymentID   PaymentID      `json:"payment_id,omitempty"`
	Reference   Reference      `json:"reference,omitempty"`
	Account     Account        `json:"account"`
	TraceParent string         `json:"trace_parent,omitempty"` // W3C trace context
}

// A Mode is the environment that an account belongs to.
type Mode string

// The modes.
const (
	ModeTest Mode = "test"
	ModeLive Mode = "live"
)

// An Account is one merchant's configuration of a connector. Its fields satisfy the
// manifest's config schema: the host has checked them before storing them.
type Account struct {
	ID       string            `json:"id"`       // the payment service's id
	Revision int64             `json:"revision"` // grows with each change of Config or Secrets
	Mode     Mode              `json:"mode"`
	Config   map[string]string `json:"config,omitempty"`
	Secrets  map[string]Secret `json:"-"`
}

// Field returns the named configuration value, or "" if it is not set.
func (a Account) Field(name string) string { return a.Config[name] }

// A Secret is a value that must not be seen. Every way of printing or encoding it
// shows a placeholder; only Reveal gives it away. The zero Secret is empty. Secrets
// are compared with Equal.
type Secret struct {
	_ [0]func() // == would compare addresses
	// A pointer, because fmt prints the fields of a struct that holds a Secret in an
	// unexported field without asking the Secret, but follows no pointer there.
	value *string
}

const masked = "[secret]"

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the value. Use it where it is sent, and nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal reports whether s and other hold the same value. It takes the same time
// wherever they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns a placeholder.
func (s Secret) String() string { return masked }

// Format prints a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// LogValue logs a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText encodes a placeholder, so that JSON, XML and text encoders cannot leak.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

type callKey struct{}

// WithCall returns a context that carries call, so that logging can name the
// payment and the operation. The SDK does it for every request.
func WithCall(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

// CallFrom returns the call that ctx carries, or the zero Call.
func CallFrom(ctx context.Context) Call {
	call, _ := ctx.Value(callKey{}).(Call)
	return call
}
