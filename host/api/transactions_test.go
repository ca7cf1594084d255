package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestPaymentFromCreateToRefund(t *testing.T) {
	w := newShop(t)
	created := w.post("/transactions", payment(nil)).want(http.StatusCreated)
	created.has(fields{
		"type": "transaction", "status": "buyer_approval_pending", "intent": "authorize", "intent_outcome": "pending",
		"amount": 1000, "authorized_amount": 0, "currency": "JPY", "country": "JP", "method": "testpay",
		"merchant_account_id": "default", "external_identifier": "order-7",
		"payment_method.mode": "redirect", "payment_method.country": "JP", "payment_method.approval_target": "any",
		"payment_method.approval_url":      "https://testpay.example/approve/order-" + created.text("reconciliation_id"),
		"payment_service.id":               w.service,
		"payment_service.display_name":     "Our Testpay",
		"created_at":                       "2026-11-23T12:00:00.000000+00:00",
		"approval_expires_at":              "2026-11-23T12:30:00.000000+00:00",
		"buyer.type":                       "buyer",
		"buyer.billing_details.first_name": "花子",
		"shipping_details.type":            "shipping-details",
		"shipping_details.address.city":    "札幌市",
		"cart_items.0.seller_country":      "JP",
		"metadata.Cart":                    "7", "metadata.cart": "8",
		"payment_service_transaction_id": "order-" + created.text("reconciliation_id"),
	})
	path := "/transactions/" + created.text("id")
	if got := w.get(path).want(http.StatusOK).raw; got != created.raw {
		t.Errorf("GET = %s, want what POST answered: %s", got, created.raw)
	}

	w.provider.decide(sdk.StateAuthorized)
	w.post(path+"/sync", nil).want(http.StatusOK).has(fields{
		"status": "authorization_succeeded", "authorized_amount": 1000, "captured_amount": 0,
		"intent_outcome": "succeeded", "payment_method.approval_url": nil,
		"authorized_at": "2026-11-23T12:00:00.000000+00:00",
	})
	w.post(path+"/capture", fields{"amount": 700, "external_identifier": "shipment-1"}).want(http.StatusOK).has(fields{
		"type": "transaction", "status": "capture_succeeded", "captured_amount": 700, "authorized_amount": 1000,
	})
	w.get(path + "/captures").want(http.StatusOK).has(fields{
		"items.0.type": "capture", "items.0.amount": 700, "items.0.status": "succeeded", "items.0.final": true,
		"items.0.external_identifier": "shipment-1", "items.1": nil, "limit": 20, "next_cursor": nil,
	})
	refund := w.post(path+"/refunds", fields{"amount": 200, "reason": "a cup was broken"}).want(http.StatusCreated)
	refund.has(fields{
		"type": "refund", "status": "succeeded", "amount": 200, "target_type": "payment-method", "settled": false,
		"transaction_id": created.text("id"), "reason": "a cup was broken", "payment_service_refund_id": "refund-1",
		"transaction_reconciliation_id": created.text("reconciliation_id"),
	})
	w.post(path+"/refunds/all", "null").want(http.StatusCreated).has(fields{"items.0.amount": 500, "items.1": nil})
	w.get(path).has(fields{"status": "capture_succeeded", "captured_amount": 700, "refunded_amount": 700})
	w.get(path + "/refunds").has(fields{"items.0.amount": 500, "items.1.amount": 200})

	for _, found := range []string{path + "/refunds/" + refund.text("id"), "/refunds/" + refund.text("id")} {
		if got := w.get(found).want(http.StatusOK).raw; got != refund.raw {
			t.Errorf("GET %s = %s, want %s", found, got, refund.raw)
		}
	}
}

func TestIntentCaptureTakesTheMoneyOnApproval(t *testing.T) {
	w := newShop(t)
	path := w.opened(fields{"intent": "capture"})
	w.provider.decide(sdk.StateAuthorized)
	w.post(path+"/sync", nil).has(fields{"status": "capture_succeeded", "captured_amount": 1000, "intent": "capture"})
	listed := w.get(path + "/captures").has(fields{"items.0.amount": 1000, "items.0.status": "succeeded"})
	// Nobody here asked for this capture, so its id is made, and made the same each time.
	w.get(path + "/captures/" + listed.text("items.0.id")).want(http.StatusOK).has(fields{"amount": 1000})
	if again := w.get(path + "/captures"); again.raw != listed.raw {
		t.Errorf("captures changed between two looks:\n%s\n%s", listed.raw, again.raw)
	}
}

func TestRefundMadeElsewhereIsShown(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	w.provider.foreignRefund(300)
	w.post(path+"/sync", nil).has(fields{"refunded_amount": 300})
	listed := w.get(path + "/refunds").has(fields{"items.0.amount": 300, "items.0.payment_service_refund_id": "by-hand"})
	w.get(path + "/refunds/" + listed.text("items.0.id")).want(http.StatusOK)
	w.post(path+"/refunds", fields{"amount": 701}).refused(http.StatusBadRequest, "bad_request", "/amount")
}

func TestBuyerDeclines(t *testing.T) {
	w := newShop(t)
	path := w.opened(nil)
	w.provider.decide(sdk.StateDeclined)
	w.post(path+"/sync", nil).want(http.StatusOK).has(fields{
		"status": "authorization_declined", "intent_outcome": "failed", "error_code": "other_decline",
		"raw_response_code": "refused.by.shop", "raw_response_description": "not today",
		"payment_method.approval_url": nil,
	})
}

// What happened after a payment was written down is told by the payment, with 201.
func TestProviderRefusesTheCreation(t *testing.T) {
	tests := map[string]struct {
		err    error
		status string
		code   string
	}{
		"a risk decision": {
			sdk.Errorf("testpay", sdk.CodeSuspectedFraud, "no"), "authorization_declined", "suspected_fraud"},
		"credentials that do not work": {
			sdk.Errorf("testpay", sdk.CodeCredentialsInvalid, "no"), "authorization_failed", "invalid_service_credentials"},
		"a provider that is down": {
			sdk.Errorf("testpay", sdk.CodeConnectRefused, "no"), "authorization_failed", "service_network_error"},
		"an answer that was lost": {
			sdk.Errorf("testpay", sdk.CodeReadTimeout, "no"), "processing", "service_network_error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			w.provider.set(sdk.OpAuthorize, tt.err)
			w.post("/transactions", payment(nil)).want(http.StatusCreated).has(fields{
				"status": tt.status, "error_code": tt.code, "authorized_amount": 0,
			})
		})
	}
}

func TestDeclinedCaptureLeavesTheTransaction(t *testing.T) {
	w := newShop(t)
	path := w.authorized(nil)
	w.provider.set(sdk.OpCapture, &sdk.Error{
		Op: "testpay", Code: sdk.CodeDoNotHonor, Provider: sdk.Provider{Code: "cap.no", Message: "limit reached"},
	})
	w.post(path+"/capture", nil).want(http.StatusOK).has(fields{
		"type": "transaction", "status": "authorization_succeeded", "captured_amount": 0,
	})
	w.post(path+"/capture", nil, header("Prefer", "resource=transaction-capture")).want(http.StatusOK).has(fields{
		"type": "transaction-capture", "status": "declined", "code": "issuer_decline",
		"raw_response_code": "cap.no", "raw_response_description": "limit reached",
		"transaction.status": "authorization_succeeded",
	})
	w.get(path + "/captures").has(fields{"items.0.status": "declined", "items.0.error_code": "issuer_decline", "items.1.status": "declined"})
}

func TestEnvelopes(t *testing.T) {
	const captureEnvelope, voidEnvelope = "transaction-capture", "transaction-void"
	tests := map[string]struct {
		path   string
		prefer []string
		want   string
	}{
		"capture, no preference":       {"/capture", nil, "transaction"},
		"capture":                      {"/capture", []string{"resource=transaction-capture"}, captureEnvelope},
		"capture, other header case":   {"/capture", []string{"Resource=transaction-capture"}, captureEnvelope},
		"capture, quoted":              {"/capture", []string{`resource="transaction-capture"`}, captureEnvelope},
		"capture, among others":        {"/capture", []string{"wait=5, resource=transaction-capture;x=1"}, captureEnvelope},
		"capture, in a second header":  {"/capture", []string{"wait=5", "resource=transaction-capture"}, captureEnvelope},
		"capture, other case of value": {"/capture", []string{"resource=Transaction-Capture"}, "transaction"},
		"capture, preference for void": {"/capture", []string{"resource=transaction-void"}, "transaction"},
		"capture, unknown preference":  {"/capture", []string{"respond-async"}, "transaction"},
		"void, no preference":          {"/void", nil, "transaction"},
		"void":                         {"/void", []string{"resource=transaction-void"}, voidEnvelope},
		"void, preference for capture": {"/void", []string{"resource=transaction-capture"}, "transaction"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			path := w.authorized(nil)
			var options []option
			for _, p := range tt.prefer {
				options = append(options, header("prefer", p))
			}
			s := w.post(path+tt.path, nil, options...).want(http.StatusOK).has(fields{"type": tt.want})
			if tt.want != "transaction" {
				s.has(fields{"status": "succeeded", "code": nil, "raw_response_code": nil, "raw_response_description": nil})
			}
			if tt.want == captureEnvelope {
				s.has(fields{"transaction.captured_amount": 1000})
				w.get(path + "/captures/" + s.text("capture_id")).want(http.StatusOK)
			}
		})
	}
}

func TestVoid(t *testing.T) {
	w := newShop(t)
	path := w.authorized(nil)
	w.post(path+"/void", nil).want(http.StatusOK).has(fields{
		"status": "authorization_voided", "voided_at": "2026-11-23T12:00:00.000000+00:00",
	})
	w.post(path+"/void", nil).refused(http.StatusBadRequest, "bad_request", "/transaction_id").
		has(fields{"details.0.type": "already_voided"})
}

func TestVoidInDoubtIsPending(t *testing.T) {
	w := newShop(t)
	path := w.authorized(nil)
	w.provider.set(sdk.OpVoid, sdk.Errorf("testpay", sdk.CodeConnectionReset, "gone"))
	w.post(path+"/void", nil, header("Prefer", "resource=transaction-void")).want(http.StatusOK).has(fields{
		"status": "pending", "code": "service_network_error", "transaction.status": "authorization_void_pending",
	})
	w.post(path+"/capture", nil).refused(http.StatusConflict, "concurrent_request")
}

func TestCancelIsAlwaysAnEnvelope(t *testing.T) {
	w := newShop(t)
	path := w.opened(nil)
	w.post(path+"/cancel", nil).want(http.StatusOK).has(fields{
		"type": "transaction-cancel", "status": "succeeded", "code": nil,
		"transaction.status": "authorization_failed", "transaction.error_code": "canceled",
		"transaction.canceled_at": "2026-11-23T12:00:00.000000+00:00",
	})
	w.post(w.authorized(nil)+"/cancel", nil).refused(http.StatusBadRequest, "bad_request")
}

func TestCancelThatTheProviderDeclinesHasFailed(t *testing.T) {
	w := newShop(t)
	path := w.opened(nil)
	w.provider.set(sdk.OpCancel, sdk.Errorf("testpay", sdk.CodeUnmappedDecline, "too late"))
	w.post(path+"/cancel", nil).want(http.StatusOK).has(fields{
		"status": "failed", "code": "other_decline", "transaction.status": "buyer_approval_pending",
	})
}

func TestRefundStatuses(t *testing.T) {
	tests := map[string]struct {
		err    error
		status string
	}{
		"declined":   {sdk.Errorf("testpay", sdk.CodeUnmappedDecline, "no"), "declined"},
		"not made":   {sdk.Errorf("testpay", sdk.CodeDNSFailure, "no"), "failed"},
		"in doubt":   {sdk.Errorf("testpay", sdk.CodeHTTP5xx, "no"), "processing"},
		"everything": {nil, "succeeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			path := w.captured(nil)
			w.provider.set(sdk.OpRefund, tt.err)
			w.post(path+"/refunds", fields{}).want(http.StatusCreated).has(fields{"status": tt.status, "amount": 1000})
		})
	}
}

func TestSyncThatCannotAsk(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		code   string
	}{
		"provider down":     {sdk.Errorf("testpay", sdk.CodeConnectRefused, "10.0.0.7 refused"), http.StatusBadGateway, "bad_gateway"},
		"provider broken":   {sdk.Errorf("testpay", sdk.CodeHTTP5xx, "oops"), http.StatusBadGateway, "bad_gateway"},
		"provider too slow": {sdk.Errorf("testpay", sdk.CodeReadTimeout, "oops"), http.StatusGatewayTimeout, "gateway_timeout"},
		"rate limited":      {sdk.Errorf("testpay", sdk.CodeRateLimited, "oops"), http.StatusBadGateway, "bad_gateway"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			path := w.opened(nil)
			w.provider.set(sdk.OpFindPayment, tt.err)
			s := w.post(path+"/sync", nil).refused(tt.status, tt.code)
			if strings.Contains(s.raw, "10.0.0.7") {
				t.Errorf("the answer tells of our network: %s", s.raw)
			}
		})
	}
}

func TestNoProcessServes(t *testing.T) {
	w := newShop(t)
	path := w.authorized(nil)
	w.config.Connectors.(*connectors).stop()
	for _, s := range []*sent{
		w.post("/transactions", payment(nil)), w.post(path+"/capture", nil), w.post(path+"/sync", nil),
	} {
		s.refused(http.StatusBadGateway, "bad_gateway")
		if strings.Contains(s.raw, "secret detail") {
			t.Errorf("the answer tells of our insides: %s", s.raw)
		}
	}
	w.get(path).want(http.StatusOK)
	w.get("/payment-service-definitions").has(fields{"items.0.id": "testpay-testpay"})
}

// A merchant has done nothing wrong whose connector is still to be started.
func TestConnectorIsNotThereYet(t *testing.T) {
	w := newShop(t)
	w.config.Connectors.(*connectors).notYet()
	w.post("/transactions", payment(nil)).refused(http.StatusBadGateway, "bad_gateway")
	w.post("/transactions", payment(fields{"store": true})).refused(http.StatusBadGateway, "bad_gateway")
	w.post("/transactions", payment(fields{"payment_method": fields{
		"method": "card", "country": "JP", "currency": "JPY", "redirect_url": "https://shop.example/return",
	}})).refused(http.StatusBadRequest, "bad_request", "/payment_method/method")
}

func TestUpdate(t *testing.T) {
	w := newShop(t)
	path := w.opened(nil)
	w.send("PUT", path, fields{"external_identifier": "order-8", "metadata": fields{"a": "b"}}).want(http.StatusOK).has(fields{
		"external_identifier": "order-8", "metadata.a": "b", "metadata.Cart": nil,
	})
	w.send("PUT", path, fields{"metadata": nil}).want(http.StatusOK).has(fields{"external_identifier": "order-8", "metadata.a": "b"})
	w.send("PUT", path, fields{"status": "capture_succeeded"}).refused(http.StatusBadRequest, "bad_request", "/status")
	w.send("PUT", path, fields{"metadata": fields{"a": 1}}).refused(http.StatusBadRequest, "bad_request", "/metadata/a")
	w.get(path + "/events").has(fields{"items.0.name": "transaction-modified-event"})
}

func TestEventsTellTheStory(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	s := w.get(path + "/events").want(http.StatusOK).has(fields{"limit": 100, "items.0.type": "transaction-event"})
	var names []string
	for _, e := range s.body["items"].([]any) {
		names = append(names, e.(fields)["name"].(string))
	}
	want := "payment-connector-response-transaction-capture-succeeded"
	if !strings.Contains(strings.Join(names, " "), want) {
		t.Errorf("events = %v, want %s among them", names, want)
	}
	first := w.get(path + "/events?limit=1")
	next := w.get(path + "/events?limit=1&cursor=" + first.text("next_cursor"))
	if got := []any{first.at("items.0.id"), next.at("items.0.id")}; got[0] != s.at("items.0.id") || got[1] != s.at("items.1.id") {
		t.Errorf("paging gives %v, want the first two of %s", got, s.raw)
	}
}

func TestListsThatAreAlwaysEmpty(t *testing.T) {
	w := newShop(t)
	path := w.opened(nil)
	for _, list := range []string{"/actions", "/settlements", "/refund-settlements"} {
		if got := w.get(path + list).want(http.StatusOK).raw; got != `{"items":[]}` {
			t.Errorf("GET %s = %s", list, got)
		}
		w.get("/transactions/00000000-0000-4000-8000-000000000000"+list).refused(http.StatusNotFound, "not_found")
	}
}

func TestIncrementIsRefused(t *testing.T) {
	w := newShop(t)
	path := w.authorized(nil)
	w.post(path+"/authorization/increment", fields{"amount": 100}).refused(http.StatusBadRequest, "bad_request", "/transaction_id").
		has(fields{"message": "The connector testpay does not offer incremental authorization"})
}

func TestRefundsArePaged(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	for _, amount := range []int{1, 2, 3} {
		w.post(path+"/refunds", fields{"amount": amount}).want(http.StatusCreated)
	}
	first := w.get(path + "/refunds?limit=2").has(fields{"items.0.amount": 3, "items.1.amount": 2, "items.2": nil, "limit": 2})
	w.post(path+"/refunds", fields{"amount": 4}).want(http.StatusCreated) // in front of what follows
	w.get(path + "/refunds?limit=2&cursor=" + first.text("next_cursor")).has(fields{
		"items.0.amount": 1, "items.1": nil, "next_cursor": nil,
	})
	w.get(path+"/refunds?cursor=nonsense").refused(http.StatusBadRequest, "bad_request", "/cursor")
}

func TestWhatTheConnectorIsAsked(t *testing.T) {
	w := newShop(t)
	w.opened(fields{
		"description": "Two cups", "browser_info": fields{"language": "ja-JP"}, "async_capture": true,
		"allow_partial_authorization": true,
	})
	got := w.provider.lastAuthorize
	got.Call, got.ReturnURL, got.CancelURL = sdk.Call{}, "", ""
	want := sdk.AuthorizeRequest{
		Amount: sdk.JPY(1000), Country: "JP", CaptureMode: sdk.CaptureManual, Method: "testpay",
		Buyer: &sdk.Buyer{ExternalID: "buyer-1", DisplayName: "Hanako"},
		Billing: &sdk.Contact{
			FirstName: "花子", Email: "hanako@shop.example", Address: &sdk.Address{City: "渋谷区", Country: "JP"},
		},
		Shipping: &sdk.Contact{FirstName: "太郎", Address: &sdk.Address{City: "札幌市"}},
		Cart:     []sdk.CartItem{{Name: "ティーカップ", Quantity: 2, UnitAmount: 500}},
		Locale:   "ja-JP", Description: "Two cups", Metadata: map[string]string{"Cart": "7", "cart": "8"},
		ApprovalExpiresAt: noon.Add(30 * time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the connector was asked for (-want +got):\n%s", diff)
	}
}

// Go's client writes two empty texts where the caller gave neither.
func TestPaymentMethodTakesCountryAndCurrencyFromTheTransaction(t *testing.T) {
	for name, method := range map[string]fields{
		"left out": {"method": "testpay", "redirect_url": "https://shop.example"},
		"empty":    {"method": "testpay", "redirect_url": "https://shop.example", "country": "", "currency": ""},
	} {
		t.Run(name, func(t *testing.T) {
			newShop(t).post("/transactions", payment(fields{"payment_method": method})).want(http.StatusCreated).
				has(fields{"payment_method.country": "JP", "payment_method.currency": "JPY"})
		})
	}
	t.Run("the country only there", func(t *testing.T) {
		newShop(t).post("/transactions", payment(fields{"country": nil})).want(http.StatusCreated).has(fields{"country": "JP"})
	})
}
