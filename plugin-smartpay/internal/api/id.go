package api

import (
	"fmt"
	"regexp"
	"strconv"
)

// Identities are distinct types so that none can be passed for another.
type (
	// A SessionID names a checkout session: "checkout_test_…".
	SessionID string
	// An OrderID names an order: "order_test_…".
	OrderID string
	// A PaymentID names a payment, which is one capture: "payment_test_…".
	PaymentID string
	// A RefundID names a refund: "refund_test_…".
	RefundID string
	// A WebhookEndpointID names a webhook endpoint: "webhookendpoint_test_…".
	WebhookEndpointID string
)

// A Kind is a type of object, by the word in its "object" member.
type Kind string

// The kinds that this package reads.
const (
	KindSession         Kind = "checkoutSession"
	KindOrder           Kind = "order"
	KindPayment         Kind = "payment"
	KindRefund          Kind = "refund"
	KindWebhookEndpoint Kind = "webhookEndpoint"
	KindCollection      Kind = "collection"
)

// Patterns of ids, as Smartpay's official clients check them. They are also valid
// in JSON Schema.
const (
	SessionIDPattern         = `^checkout_(test|live)_[0-9a-zA-Z]+$`
	OrderIDPattern           = `^order_(test|live)_[0-9a-zA-Z]+$`
	PaymentIDPattern         = `^payment_(test|live)_[0-9a-zA-Z]+$`
	RefundIDPattern          = `^refund_(test|live)_[0-9a-zA-Z]+$`
	WebhookEndpointIDPattern = `^webhookendpoint_(test|live)_[0-9a-zA-Z]+$`
)

var idForms = map[Kind]*regexp.Regexp{
	KindSession:         regexp.MustCompile(SessionIDPattern),
	KindOrder:           regexp.MustCompile(OrderIDPattern),
	KindPayment:         regexp.MustCompile(PaymentIDPattern),
	KindRefund:          regexp.MustCompile(RefundIDPattern),
	KindWebhookEndpoint: regexp.MustCompile(WebhookEndpointIDPattern),
}

// ModeOf returns the mode that id, of an object of this kind, belongs to. It is ""
// if id is not of this kind.
func (k Kind) ModeOf(id string) Mode {
	form := idForms[k]
	if form == nil {
		return ""
	}
	match := form.FindStringSubmatch(id)
	if match == nil {
		return ""
	}
	return Mode(match[1])
}

// Foreign says that an answer is about something else than what was asked for:
// another type of object, an id of another form, or an object of the other mode.
type Foreign struct {
	Field string // where in the answer, such as "order.id"
	Want  string
	Got   string
}

func (f *Foreign) Error() string {
	return fmt.Sprintf("%s is %q, want %s", f.Field, clip(f.Got, 80), f.Want)
}

// maxAmount is the largest number that every JSON reader reads exactly. Sums of such
// amounts cannot overflow.
const maxAmount = 1<<53 - 1

// checkAmount refuses an amount that no object of Smartpay's can have.
func checkAmount(field string, amount *int64) error {
	if amount != nil && (*amount < 0 || *amount > maxAmount) {
		return fmt.Errorf("%w: %s is %d, which is no amount", ErrUnreadable, field, *amount)
	}
	return nil
}

// A subject is what an answer has to be about.
type subject struct {
	mode Mode
	id   string // "" if any id of the right kind and mode will do
}

// other is the same subject for an object beside the one that was named.
func (s subject) other(id string) subject { return subject{mode: s.mode, id: id} }

// identify refuses an object that is not of this kind or not what was asked for. An
// absent "object" or "test" member is let pass, because the id tells as much.
func (k Kind) identify(object, id string, test *bool, want subject) error {
	if object != "" && object != string(k) {
		return &Foreign{Field: string(k) + ".object", Want: string(k), Got: object}
	}
	if test != nil && *test != (want.mode == Test) {
		return &Foreign{Field: string(k) + ".test", Want: "an object of " + string(want.mode) + " mode", Got: strconv.FormatBool(*test)}
	}
	return k.name(id, want)
}

// name refuses an id that is not of this kind or not the one that was asked for.
func (k Kind) name(id string, want subject) error {
	switch got := k.ModeOf(id); {
	case got == "":
		return &Foreign{Field: string(k) + ".id", Want: "an id of this kind", Got: id}
	case got != want.mode:
		return &Foreign{Field: string(k) + ".id", Want: "an object of " + string(want.mode) + " mode", Got: id}
	case want.id != "" && id != want.id:
		return &Foreign{Field: string(k) + ".id", Want: want.id, Got: id}
	}
	return nil
}
