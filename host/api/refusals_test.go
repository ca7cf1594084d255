package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func method(changes fields) fields {
	return with(payment(nil)["payment_method"].(fields), changes)
}

func billing(changes fields) fields {
	buyer := payment(nil)["buyer"].(fields)
	return with(buyer, fields{"billing_details": with(buyer["billing_details"].(fields), changes)})
}

func cart(items int) []any {
	var all []any
	for range items {
		all = append(all, fields{"name": "cup", "quantity": 1, "unit_amount": 1})
	}
	return all
}

// Everything here is refused with 400 and a pointer to the field at fault, leaves no
// payment behind, and reaches no provider.
func TestCreateRefuses(t *testing.T) {
	tests := map[string]struct {
		body    any
		pointer string
	}{
		"an unknown currency":              {payment(fields{"currency": "XXQ", "payment_method": method(fields{"currency": nil})}), "/currency"},
		"a currency that is not accepted":  {payment(fields{"currency": "USD", "payment_method": method(fields{"currency": nil})}), "/currency"},
		"a currency in lower case":         {payment(fields{"currency": "jpy"}), "/currency"},
		"no currency":                      {payment(fields{"currency": nil}), "/currency"},
		"a country that is not accepted":   {payment(fields{"country": "KR", "payment_method": method(fields{"country": nil})}), "/country"},
		"the same, said by the method":     {payment(fields{"country": nil, "payment_method": method(fields{"country": "KR"})}), "/payment_method/country"},
		"no country":                       {payment(fields{"country": nil, "payment_method": method(fields{"country": nil})}), "/country"},
		"two countries":                    {payment(fields{"payment_method": method(fields{"country": "KR"})}), "/payment_method/country"},
		"two currencies":                   {payment(fields{"payment_method": method(fields{"currency": "KRW"})}), "/payment_method/currency"},
		"no amount":                        {payment(fields{"amount": nil}), "/amount"},
		"a negative amount":                {payment(fields{"amount": -1}), "/amount"},
		"an amount of nothing, authorized": {payment(fields{"amount": 0}), "/amount"},
		"an amount of nothing, captured":   {payment(fields{"amount": 0, "intent": "capture"}), "/amount"},
		"an amount beyond the contract":    {payment(fields{"amount": 100000000}), "/amount"},
		"an amount beyond the connector":   {payment(fields{"amount": 100001}), "/amount"},
		"an amount as text":                {payment(fields{"amount": "1000"}), "/amount"},
		"an amount with a fraction":        {strings.Replace(text(payment(nil)), `"amount":1000`, `"amount":1000.0`, 1), "/amount"},
		"an unknown intent":                {payment(fields{"intent": "reserve"}), "/intent"},
		"no payment method":                {payment(fields{"payment_method": nil}), "/payment_method"},
		"gift cards instead":               {payment(fields{"payment_method": nil, "gift_cards": []any{fields{"id": "g"}}}), "/gift_cards"},
		"gift cards beside":                {payment(fields{"gift_cards": []any{fields{"id": "g"}}}), "/gift_cards"},
		"an unknown method":                {payment(fields{"payment_method": method(fields{"method": "paypay"})}), "/payment_method/method"},
		"no method":                        {payment(fields{"payment_method": method(fields{"method": nil})}), "/payment_method/method"},
		"a stored payment method":          {payment(fields{"payment_method": fields{"method": "id", "id": "x"}}), "/payment_method/method"},
		"storing the payment method":       {payment(fields{"store": true}), "/store"},
		"a payment without its buyer":      {payment(fields{"merchant_initiated": true}), "/merchant_initiated"},
		"a later payment of a series":      {payment(fields{"is_subsequent_payment": true}), "/is_subsequent_payment"},
		"account funding":                  {payment(fields{"account_funding_transaction": true}), "/account_funding_transaction"},
		"a stored buyer":                   {payment(fields{"buyer": nil, "buyer_id": "b"}), "/buyer_id"},
		"a stored buyer and a new one":     {payment(fields{"buyer_id": "b"}), "/buyer_id"},
		"stored shipping details":          {payment(fields{"shipping_details_id": "s"}), "/shipping_details_id"},
		"no return URL":                    {payment(fields{"payment_method": method(fields{"redirect_url": nil})}), "/payment_method/redirect_url"},
		"a return URL that runs code":      {payment(fields{"payment_method": method(fields{"redirect_url": "javascript://%0aalert(1)"})}), "/payment_method/redirect_url"},
		"a return to a window":             {payment(fields{"payment_method": method(fields{"redirect_url": "data:application/json;base64,e30="})}), "/payment_method/redirect_url"},
		"no buyer":                         {payment(fields{"buyer": nil}), "/buyer/billing_details"},
		"no billing details":               {payment(fields{"buyer": fields{}}), "/buyer/billing_details"},
		"no first name":                    {payment(fields{"buyer": billing(fields{"first_name": nil})}), "/buyer/billing_details/first_name"},
		"an empty first name":              {payment(fields{"buyer": billing(fields{"first_name": ""})}), "/buyer/billing_details/first_name"},
		"a null e-mail address":            {strings.Replace(text(payment(nil)), `"hanako@shop.example"`, `null`, 1), "/buyer/billing_details/email_address"},
		"no city":                          {payment(fields{"buyer": billing(fields{"address": fields{"country": "JP"}})}), "/buyer/billing_details/address/city"},
		"a malformed phone number":         {payment(fields{"buyer": billing(fields{"phone_number": "03-1234"})}), "/buyer/billing_details/phone_number"},
		"too many cart items":              {payment(fields{"cart_items": cart(4)}), "/cart_items"},
		"a cart item without a name":       {payment(fields{"cart_items": []any{fields{"quantity": 1, "unit_amount": 1}}}), "/cart_items/0/name"},
		"a cart item of nothing":           {payment(fields{"cart_items": []any{fields{"name": "cup", "quantity": 0, "unit_amount": 1}}}), "/cart_items/0/quantity"},
		"metadata that is not text":        {payment(fields{"metadata": fields{"a/b": 1}}), "/metadata/a~1b"},
		"a misspelt field":                 {payment(fields{"external_identifer": "7"}), "/external_identifer"},
		"an unknown payment source":        {payment(fields{"payment_source": "fax"}), "/payment_source"},
		"an unknown payment service":       {payment(fields{"payment_service_id": "00000000-0000-4000-8000-000000000000"}), "/payment_service_id"},
		"an approval time in the past":     {payment(fields{"approval_expires_at": "2026-11-23T11:59:59Z"}), "/approval_expires_at"},
		"an approval time too far":         {payment(fields{"approval_expires_at": "2026-11-23T12:30:01Z"}), "/approval_expires_at"},
		"an approval time without a zone":  {payment(fields{"approval_expires_at": "2026-11-23T12:10:00"}), "/approval_expires_at"},
		"a body that is a list":            {`[]`, ""},
		"a body that is a text":            {`"pay"`, ""},
		"no body":                          {nil, "/amount"},
	}
	w := newShop(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.post("/transactions", tt.body).refused(http.StatusBadRequest, "bad_request", tt.pointer)
		})
	}
	w.t = t
	if n := w.provider.asked(sdk.OpAuthorize); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
	w.get("/transactions").has(fields{"items.0": nil})
}

// A refusal of what the connector lacks names the connector.
func TestRefusalsNameTheConnector(t *testing.T) {
	w := newShop(t)
	w.post("/transactions", payment(fields{"store": true})).has(fields{
		"details.0.type":    "operation_unsupported",
		"details.0.message": "must be false: the connector testpay does not offer payment method tokenization",
	})
	w.post("/transactions", payment(fields{"payment_method": method(fields{"method": "paypay"})})).has(fields{
		"details.0.type": "payment_method_unsupported", "details.0.location": "body",
		"details.0.message": "must be one that a connector of this host offers: testpay",
	})
}

// One answer names everything that is wrong in the same way.
func TestRefusalNamesEveryField(t *testing.T) {
	w := newShop(t)
	w.post("/transactions", payment(fields{"amount": -1, "intent": "x", "currency": "yen"})).
		refused(http.StatusBadRequest, "bad_request", "/amount", "/intent", "/currency")
	w.post("/transactions", payment(fields{"store": true, "merchant_initiated": true, "gift_cards": []any{fields{}}})).
		refused(http.StatusBadRequest, "bad_request", "/store", "/merchant_initiated", "/gift_cards")
	w.post("/transactions", payment(fields{"buyer": fields{"billing_details": fields{}}})).
		refused(http.StatusBadRequest, "bad_request", "/buyer/billing_details/first_name", "/buyer/billing_details/address")
}

func TestBodiesThatAreNotJSON(t *testing.T) {
	tests := map[string]struct{ body, message string }{
		"cut off":            {`{"amount":1000,`, "at byte 15"},
		"an amount twice":    {`{"amount":1,"amount":1000}`, "a member is given twice, at byte 20"},
		"text after it":      {text(payment(nil)) + "{}", "at byte"},
		"bytes of Shift-JIS": {"{\"description\":\"\x93\x8c\x8b\x9e\"}", "not valid UTF-8, at byte 16"},
		"larger than a MiB":  {`{"description":"` + strings.Repeat("a", 1<<20) + `"}`, "larger than 1048576 bytes"},
	}
	w := newShop(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.post("/transactions", tt.body).refused(http.StatusBadRequest, "bad_request")
			if !strings.Contains(s.text("message"), tt.message) {
				t.Errorf("message %q, want %q in it", s.text("message"), tt.message)
			}
		})
	}
}

func TestCaptureRefuses(t *testing.T) {
	tests := map[string]struct {
		body    any
		pointer string
	}{
		"more than is held":        {fields{"amount": 1001}, "/amount"},
		"nothing":                  {fields{"amount": 0}, "/amount"},
		"less than nothing":        {fields{"amount": -5}, "/amount"},
		"to capture again later":   {fields{"amount": 500, "final": false}, "/final"},
		"an unknown field":         {fields{"sum": 5}, "/sum"},
		"to reauthorize":           {fields{"reauthorize_if_authorization_expired": true}, "/reauthorize_if_authorization_expired"},
		"an empty external name":   {fields{"external_identifier": ""}, "/external_identifier"},
		"an amount that is a text": {fields{"amount": "5"}, "/amount"},
	}
	w := newShop(t)
	path := w.authorized(nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.post(path+"/capture", tt.body).refused(http.StatusBadRequest, "bad_request", tt.pointer)
		})
	}
	w.t = t
	if n := w.provider.asked(sdk.OpCapture); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}

func TestRefundRefuses(t *testing.T) {
	tests := map[string]struct {
		body    any
		pointer string
	}{
		"more than was taken":  {fields{"amount": 1001}, "/amount"},
		"nothing":              {fields{"amount": 0}, "/amount"},
		"less than nothing":    {fields{"amount": -1}, "/amount"},
		"to a gift card":       {fields{"target_type": "gift-card-redemption"}, "/target_type"},
		"a reason without end": {fields{"reason": strings.Repeat("a", 101)}, "/reason"},
	}
	w := newShop(t)
	path := w.captured(nil)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.post(path+"/refunds", tt.body).refused(http.StatusBadRequest, "bad_request", tt.pointer)
		})
	}
	w.t = t
	if n := w.provider.asked(sdk.OpRefund); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// An operation that the payment's state does not allow blames no field of the body.
func TestWrongState(t *testing.T) {
	tests := map[string]struct {
		state func(*world) string
		do    string
		code  string
	}{
		"capture before approval": {func(w *world) string { return w.opened(nil) }, "/capture", "invalid_state"},
		"capture twice":           {func(w *world) string { return w.captured(nil) }, "/capture", "already_captured"},
		"void after capture":      {func(w *world) string { return w.captured(nil) }, "/void", "already_captured"},
		"void before approval":    {func(w *world) string { return w.opened(nil) }, "/void", "invalid_state"},
		"refund before capture":   {func(w *world) string { return w.authorized(nil) }, "/refunds", "invalid_state"},
		"refund all of nothing":   {func(w *world) string { return w.authorized(nil) }, "/refunds/all", "invalid_state"},
		"cancel after approval":   {func(w *world) string { return w.authorized(nil) }, "/cancel", "invalid_state"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			w.post(tt.state(w)+tt.do, nil).refused(http.StatusBadRequest, "bad_request", "/transaction_id").
				has(fields{"details.0.location": "path", "details.0.type": tt.code})
		})
	}
}

func TestNothingIsFound(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	const nobody = "00000000-0000-4000-8000-000000000000"
	for _, tt := range []struct{ verb, path string }{
		{"GET", "/transactions/" + nobody},
		{"GET", "/transactions/nonsense"},
		{"GET", "/transactions/" + strings.ToUpper(strings.TrimPrefix(path, "/transactions/"))},
		{"PUT", "/transactions/" + nobody},
		{"POST", "/transactions/" + nobody + "/capture"},
		{"POST", "/transactions/nonsense/capture"},
		{"POST", "/transactions/" + nobody + "/void"},
		{"POST", "/transactions/" + nobody + "/cancel"},
		{"POST", "/transactions/" + nobody + "/sync"},
		{"POST", "/transactions/" + nobody + "/refunds"},
		{"POST", "/transactions/" + nobody + "/refunds/all"},
		{"GET", "/transactions/" + nobody + "/refunds"},
		{"GET", "/transactions/" + nobody + "/events"},
		{"GET", path + "/refunds/" + nobody},
		{"GET", path + "/captures/" + nobody},
		{"GET", "/refunds/" + nobody},
		{"GET", "/refunds/nonsense"},
		{"GET", "/payment-services/" + nobody},
		{"GET", "/payment-service-definitions/nonsense"},
		{"GET", "/nowhere"},
		{"GET", "/"},
		{"GET", "/transactions/"},
		{"GET", "//transactions"},
		{"GET", "/transactions/../transactions"},
	} {
		w.send(tt.verb, tt.path, nil).refused(http.StatusNotFound, "not_found").
			has(fields{"message": "The resource could not be found"})
	}
}

func TestMethodsThatAreNotAllowed(t *testing.T) {
	w := newShop(t)
	for _, tt := range []struct{ verb, path, allow string }{
		{"DELETE", "/transactions", "GET, HEAD, POST"},
		{"POST", "/transactions/00000000-0000-4000-8000-000000000000", "GET, HEAD, PUT"},
		{"GET", "/payment-options", "POST"},
		{"GET", "/transactions/00000000-0000-4000-8000-000000000000/capture", "POST"},
	} {
		s := w.send(tt.verb, tt.path, nil).refused(http.StatusMethodNotAllowed, "method_not_allowed")
		if got := s.header.Get("Allow"); got != tt.allow {
			t.Errorf("%s %s: Allow = %q, want %q", tt.verb, tt.path, got, tt.allow)
		}
	}
}
