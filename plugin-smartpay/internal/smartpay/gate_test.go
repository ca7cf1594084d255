package smartpay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

// What is refused here is refused before anything is sent: the stand-in has seen
// nothing at the end.
func TestRequestsThatAreRefusedBeforeTheyAreSent(t *testing.T) {
	b := newBench(t)
	type change func(*sdk.AuthorizeRequest)
	long := func(n int) string { return strings.Repeat("𠮷", n) } // beyond the basic plane: 1 code point, 2 UTF-16 units, 4 bytes
	tests := map[string]struct {
		spoil   change
		pointer string
		code    sdk.Code // "" if any will do
	}{
		"no first name":          {func(r *sdk.AuthorizeRequest) { r.Billing.FirstName = "" }, "/billing/first_name", sdk.CodeMissingField},
		"no last name":           {func(r *sdk.AuthorizeRequest) { r.Billing.LastName = "" }, "/billing/last_name", sdk.CodeMissingField},
		"blank last name":        {func(r *sdk.AuthorizeRequest) { r.Billing.LastName = " \u3000" }, "/billing/last_name", ""},
		"no e-mail":              {func(r *sdk.AuthorizeRequest) { r.Billing.Email = "" }, "/billing/email_address", sdk.CodeMissingField},
		"no billing":             {func(r *sdk.AuthorizeRequest) { r.Billing = nil }, "/billing", sdk.CodeMissingField},
		"no billing address":     {func(r *sdk.AuthorizeRequest) { r.Billing.Address = nil }, "/billing/address", sdk.CodeMissingField},
		"no billing city":        {func(r *sdk.AuthorizeRequest) { r.Billing.Address.City = "" }, "/billing/address/city", sdk.CodeMissingField},
		"no billing country":     {func(r *sdk.AuthorizeRequest) { r.Billing.Address.Country = "" }, "/billing/address/country", sdk.CodeMissingField},
		"no billing line 1":      {func(r *sdk.AuthorizeRequest) { r.Billing.Address.Line1 = "" }, "/billing/address/line1", sdk.CodeMissingField},
		"no billing postal code": {func(r *sdk.AuthorizeRequest) { r.Billing.Address.PostalCode = "" }, "/billing/address/postal_code", sdk.CodeMissingField},
		"no billing state":       {func(r *sdk.AuthorizeRequest) { r.Billing.Address.State = "" }, "/billing/address/state", sdk.CodeMissingField},
		"no shipping":            {func(r *sdk.AuthorizeRequest) { r.Shipping = nil }, "/shipping", sdk.CodeMissingField},
		"no shipping address":    {func(r *sdk.AuthorizeRequest) { r.Shipping.Address = nil }, "/shipping/address", sdk.CodeMissingField},
		"no shipping state":      {func(r *sdk.AuthorizeRequest) { r.Shipping.Address.State = "" }, "/shipping/address/state", sdk.CodeMissingField},
		"billed abroad":          {func(r *sdk.AuthorizeRequest) { r.Billing.Address.Country = "US" }, "/billing/address/country", ""},
		"shipped abroad":         {func(r *sdk.AuthorizeRequest) { r.Shipping.Address.Country = "US" }, "/shipping/address/country", ""},
		"paid abroad":            {func(r *sdk.AuthorizeRequest) { r.Country = "US" }, "/country", sdk.CodeCountryUnsupported},
		"in dollars":             {func(r *sdk.AuthorizeRequest) { r.Amount.Currency = "USD" }, "/amount/currency", sdk.CodeUnsupportedCurrency},
		"nothing":                {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 0 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"less than nothing":      {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = -1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"a yen too much":         {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = maxAmount + 1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"beyond exact doubles":   {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1<<53 + 1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"as much as there is":    {func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1<<63 - 1 }, "/amount/minor", sdk.CodeAmountOutOfRange},
		"another method":         {func(r *sdk.AuthorizeRequest) { r.Method = "card" }, "/method", sdk.CodePaymentMethodUnsupported},
		"a stored instrument":    {func(r *sdk.AuthorizeRequest) { r.Token = "paytok_test_1" }, "/token", ""},
		"no return address":      {func(r *sdk.AuthorizeRequest) { r.ReturnURL = "" }, "/return_url", sdk.CodeMissingField},
		"no cancel address":      {func(r *sdk.AuthorizeRequest) { r.CancelURL = "" }, "/cancel_url", sdk.CodeMissingField},
		"long description":       {func(r *sdk.AuthorizeRequest) { r.Description = long(81) }, "/description", sdk.CodeFieldTooLong},
		"long name":              {func(r *sdk.AuthorizeRequest) { r.Billing.FirstName = long(256) }, "/billing/first_name", sdk.CodeFieldTooLong},
		"long city":              {func(r *sdk.AuthorizeRequest) { r.Shipping.Address.City = long(81) }, "/shipping/address/city", sdk.CodeFieldTooLong},
		"name of two lines":      {func(r *sdk.AuthorizeRequest) { r.Billing.FirstName = "a\r\nb" }, "/billing/first_name", ""},
		"no reference":           {func(r *sdk.AuthorizeRequest) { r.Call.Reference = "" }, "/call/reference", sdk.CodeMissingField},
		"no key":                 {func(r *sdk.AuthorizeRequest) { r.Call.Key = "" }, "/call/idempotency_key", sdk.CodeMissingField},
		"250 items": {func(r *sdk.AuthorizeRequest) {
			for range 250 {
				r.Cart = append(r.Cart, sdk.CartItem{Name: "x", Quantity: 1, UnitAmount: 4})
			}
		}, "/cart_items", ""},
		"nothing bought": {func(r *sdk.AuthorizeRequest) {
			r.Cart = []sdk.CartItem{{Name: "Delivery", Quantity: 1, UnitAmount: r.Amount.Minor, Kind: sdk.CartShippingFee}}
		}, "/cart_items", sdk.CodeInvalidField},
		"cart that does not add up": {func(r *sdk.AuthorizeRequest) {
			r.Cart = []sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: 999}}
		}, "/cart_items", sdk.CodeInvalidField},
		"metadata of 21 entries": {func(r *sdk.AuthorizeRequest) {
			r.Metadata = map[string]string{}
			for i := range 21 {
				r.Metadata[fmt.Sprint("k", i)] = "v"
			}
		}, "/metadata", ""},
		"metadata of 201 characters": {func(r *sdk.AuthorizeRequest) {
			r.Metadata = map[string]string{"note": long(201)}
		}, "/metadata/note", sdk.CodeFieldTooLong},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := b.order("Rgate", 1000, sdk.CaptureManual)
			tt.spoil(&req)
			_, err := b.Authorize(t.Context(), req)
			e := refused(t, err)
			if e.Outcome() != sdk.OutcomeNotAttempted {
				t.Errorf("outcome is %s: %v", e.Outcome(), e)
			}
			if len(e.Fields) == 0 || e.Fields[0].Pointer != tt.pointer {
				t.Errorf("refused with %v, want %s", e, tt.pointer)
			}
			if tt.code != "" && e.Code != tt.code {
				t.Errorf("refused with %s (%v), want %s", e.Code, e, tt.code)
			}
		})
	}
	if n := b.ledger().Counts.Requests; n > 0 {
		t.Errorf("the provider has seen %d requests", n)
	}
}

func TestOtherOperationsRefusedBeforeTheyAreSent(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	tests := map[string]struct {
		ask     func() error
		pointer string
	}{
		"capture of another's order": {func() error { _, err := b.capture("pi_1", 1, true); return err }, "/order"},
		"capture of nothing":         {func() error { _, err := b.capture("order_test_1", 0, true); return err }, "/amount/minor"},
		"capture in dollars": {func() error {
			_, err := b.Capture(ctx, sdk.CaptureRequest{Call: b.call(""), Order: "order_test_1", Amount: sdk.Money{Minor: 1, Currency: "USD"}})
			return err
		}, "/amount/currency"},
		"void of a path": {func() error {
			_, err := b.Void(ctx, sdk.VoidRequest{Call: b.call(""), Order: "order_test_1/../x"})
			return err
		}, "/order"},
		"refund without a capture": {func() error { _, err := b.refund("order_test_1", "", 1); return err }, "/capture"},
		"refund of an order":       {func() error { _, err := b.refund("order_test_1", "order_test_1", 1); return err }, "/capture"},
		"refund below nothing":     {func() error { _, err := b.refund("order_test_1", "payment_test_1", -1); return err }, "/amount/minor"},
		"lookup of another's order": {func() error {
			_, err := b.FindPayment(ctx, sdk.FindPaymentRequest{Call: b.read(""), Order: "?"})
			return err
		}, "/order"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := refused(t, tt.ask())
			if e.Outcome() != sdk.OutcomeNotAttempted || len(e.Fields) == 0 || e.Fields[0].Pointer != tt.pointer {
				t.Errorf("refused with %v, want %s", e, tt.pointer)
			}
		})
	}
	if n := b.ledger().Counts.Requests; n > 0 {
		t.Errorf("the provider has seen %d requests", n)
	}
}

func TestWhatSmartpayLacks(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	for name, ask := range map[string]func() error{
		"tokenize": func() error {
			_, err := b.Tokenize(ctx, sdk.TokenizeRequest{Call: b.call(""), Method: "smartpay"})
			return err
		},
		"zero authorize": func() error {
			_, err := b.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{Call: b.call(""), Currency: "JPY", Country: "JP"})
			return err
		},
		"increment": func() error {
			_, err := b.Increment(ctx, sdk.IncrementRequest{Call: b.call(""), Order: "order_test_1", Amount: sdk.JPY(1)})
			return err
		},
	} {
		if e := refused(t, ask()); e.Code != sdk.CodeOperationUnsupported {
			t.Errorf("%s: %v", name, e)
		}
	}
	if n := b.ledger().Counts.Requests; n > 0 {
		t.Errorf("the provider has seen %d requests", n)
	}
}

// What is on the limit goes through.
func TestRequestsOnTheLimit(t *testing.T) {
	b := newBench(t)
	tests := map[string]func(*sdk.AuthorizeRequest){
		"one yen":           func(r *sdk.AuthorizeRequest) { r.Amount.Minor = 1 },
		"the largest":       func(r *sdk.AuthorizeRequest) { r.Amount.Minor = maxAmount },
		"80 code points":    func(r *sdk.AuthorizeRequest) { r.Description = strings.Repeat("𠮷", 80) },
		"255 code points":   func(r *sdk.AuthorizeRequest) { r.Billing.FirstName = strings.Repeat("𠮷", 255) },
		"city of 80":        func(r *sdk.AuthorizeRequest) { r.Billing.Address.City = strings.Repeat("が", 80) },
		"reference of 22":   func(r *sdk.AuthorizeRequest) { r.Call.Reference = "7jZXl4gBUNl0CnaLEnfXbt" },
		"20 notes":          func(r *sdk.AuthorizeRequest) { r.Metadata = notes(20, 40, 200) },
		"no phone number":   func(r *sdk.AuthorizeRequest) { r.Billing.Phone = "" },
		"other language":    func(r *sdk.AuthorizeRequest) { r.Locale = "pt-BR" },
		"known language":    func(r *sdk.AuthorizeRequest) { r.Locale = "en-GB" },
		"no further lines":  func(r *sdk.AuthorizeRequest) { a := r.Billing.Address; a.Line2, a.House, a.Organization = "", "", "" },
		"shipped to no one": func(r *sdk.AuthorizeRequest) { r.Shipping = &sdk.Contact{Address: r.Shipping.Address} },
		"249 items": func(r *sdk.AuthorizeRequest) {
			r.Amount.Minor = 0
			for range 249 {
				r.Cart = append(r.Cart, sdk.CartItem{Name: "x", Quantity: 1, UnitAmount: 4})
				r.Amount.Minor += 4
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			req := b.order(sdk.Reference(fmt.Sprint("R", b.n)), 1000, sdk.CaptureManual)
			change(&req)
			got, err := b.Authorize(t.Context(), req)
			if err != nil || *got.Amount != req.Amount {
				t.Errorf("Authorize = %+v, %v", got, err)
			}
		})
	}
}

func notes(n, key, value int) map[string]string {
	all := map[string]string{}
	for i := range n {
		all[strings.Repeat("k", key-2)+fmt.Sprintf("%02d", i)] = strings.Repeat("値", value)
	}
	return all
}
