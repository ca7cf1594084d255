package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestPaymentServiceFromCreateToDelete(t *testing.T) {
	w := newWorld(t)
	created := w.post("/payment-services", servicing(nil)).want(http.StatusCreated).has(fields{
		"type": "payment-service", "merchant_account_id": "default", "payment_service_definition_id": "testpay-testpay",
		"method": "testpay", "display_name": "Our Testpay", "active": true, "is_deleted": false, "status": "created",
		"position": 0, "accepted_currencies.0": "JPY", "accepted_countries.0": "JP",
		"fields.0.key": "shop_name", "fields.0.value": "Cups", "fields.1": nil,
		"payment_method_tokenization_enabled": false, "network_tokens_enabled": false, "open_loop": false,
		"settlement_reporting_enabled": false, "created_at": "2026-11-23T12:00:00.000000+00:00",
	})
	path := "/payment-services/" + created.text("id")
	if got, want := created.text("webhook_url"), "https://host.example/webhooks/"+created.text("id"); got != want {
		t.Errorf("webhook_url = %s, want %s", got, want)
	}
	stored, err := w.store.Service(t.Context(), created.text("id"))
	w.must(err)
	if stored.Mode != sdk.ModeTest || stored.Webhook == nil || stored.Webhook.RegistrationID != "hook-1" {
		t.Errorf("stored as %+v", stored)
	}
	if got := w.get(path).want(http.StatusOK).raw; got != created.raw {
		t.Errorf("GET = %s, want %s", got, created.raw)
	}

	w.send("PUT", path, fields{"display_name": "Testpay 2", "active": false, "position": 7}).want(http.StatusOK).has(fields{
		"display_name": "Testpay 2", "active": false, "position": 7, "fields.0.value": "Cups",
	})
	w.post("/transactions", payment(nil)).refused(http.StatusBadRequest, "bad_request", "/payment_method/method")
	w.send("PUT", path, fields{"active": nil, "fields": []any{fields{"key": "shop_name", "value": ""}}}).want(http.StatusOK).
		has(fields{"active": false, "fields.0": nil})
	if n := w.provider.asked(sdk.OpRegisterWebhook); n != 2 {
		t.Errorf("the provider was told %d times where to deliver, want once for each change of credentials", n)
	}

	w.send("DELETE", path, nil).want(http.StatusNoContent)
	w.get(path).refused(http.StatusNotFound, "not_found")
	w.send("PUT", path, fields{"active": true}).refused(http.StatusNotFound, "not_found")
	w.send("DELETE", path, nil).refused(http.StatusNotFound, "not_found")
	w.get("/payment-services").has(fields{"items.0": nil})
	w.post("/payment-services", servicing(nil)).want(http.StatusCreated)
	w.get("/payment-services?deleted=true").has(fields{
		"items.0.id": created.text("id"), "items.0.is_deleted": true, "items.1": nil,
	})
}

// The payments of a service outlive it.
func TestDeletedServiceStillRefunds(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	w.send("DELETE", "/payment-services/"+w.service, nil).want(http.StatusNoContent)
	w.post(path+"/refunds", nil).want(http.StatusCreated).has(fields{"status": "succeeded"})
	w.get(path).has(fields{"payment_service.display_name": "Our Testpay"})
	w.post("/transactions", payment(nil)).refused(http.StatusBadRequest, "bad_request")
}

func TestServiceRefuses(t *testing.T) {
	secret := func(value any) []any { return []any{fields{"key": "secret_key", "value": value}} }
	tests := map[string]struct {
		body    fields
		pointer string
	}{
		"an unknown definition":      {fields{"payment_service_definition_id": "paypay-paypay"}, "/payment_service_definition_id"},
		"no name":                    {fields{"display_name": nil}, "/display_name"},
		"no fields":                  {fields{"fields": nil}, "/fields"},
		"the secret left out":        {fields{"fields": []any{}}, "/fields"},
		"an empty secret":            {fields{"fields": secret("")}, "/fields/0/value"},
		"a secret that is too short": {fields{"fields": secret("abc")}, "/fields/0/value"},
		"an unknown field": {fields{"fields": append(secret("good key"), fields{"key": "color", "value": "red"})},
			"/fields/1/value"},
		"a shop name without end": {fields{"fields": append(secret("good key"), fields{"key": "shop_name", "value": strings.Repeat("a", 21)})},
			"/fields/1/value"},
		"a currency beyond the connector": {fields{"accepted_currencies": []any{"JPY", "USD"}}, "/accepted_currencies/1"},
		"a country beyond the connector":  {fields{"accepted_countries": []any{"US"}}, "/accepted_countries/0"},
		"no currency":                     {fields{"accepted_currencies": []any{}}, "/accepted_currencies"},
		"tokenization":                    {fields{"payment_method_tokenization_enabled": true}, "/payment_method_tokenization_enabled"},
		"settlement reporting":            {fields{"settlement_reporting_enabled": true}, "/settlement_reporting_enabled"},
		"reporting credentials":           {fields{"reporting_fields": secret("x")}, "/reporting_fields"},
		"a misspelt field":                {fields{"activ": true}, "/activ"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.post("/payment-services", servicing(tt.body)).refused(http.StatusBadRequest, "bad_request", tt.pointer)
			if strings.Contains(s.raw, "abc") {
				t.Errorf("the answer repeats a secret: %s", s.raw)
			}
			w.get("/payment-services").has(fields{"items.0": nil})
			if n := w.provider.asked(sdk.OpRegisterWebhook); n != 0 {
				t.Errorf("the provider was asked %d times", n)
			}
		})
	}
	t.Run("clearing a secret that is needed", func(t *testing.T) {
		w := newShop(t)
		w.send("PUT", "/payment-services/"+w.service, fields{"fields": secret("")}).
			refused(http.StatusBadRequest, "bad_request", "/fields/0/value")
	})
}

func TestSecretsNeverComeBack(t *testing.T) {
	w := newShop(t)
	path := w.captured(nil)
	for _, s := range []*sent{
		w.get("/payment-services/" + w.service), w.get("/payment-services"), w.get(path), w.get(path + "/events"),
		w.send("PUT", "/payment-services/"+w.service, fields{"fields": []any{fields{"key": "secret_key", "value": "better key"}}}),
	} {
		for _, secret := range []string{"good key", "better key", "signing secret"} {
			if strings.Contains(s.raw, secret) {
				t.Errorf("%s tells %q: %s", s.path, secret, s.raw)
			}
		}
	}
	for _, secret := range []string{"good key", "better key", "signing secret", w.token, "花子", "hanako"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log tells %q", secret)
		}
	}
}

// A provider that cannot be told where to deliver is told at the next change.
func TestWebhookThatCannotBeRegistered(t *testing.T) {
	w := newWorld(t)
	w.provider.set(sdk.OpRegisterWebhook, sdk.Errorf("testpay", sdk.CodeConnectRefused, "down"))
	s := w.post("/payment-services", servicing(nil)).want(http.StatusCreated).has(fields{"status": "pending", "active": true})
	w.provider.set(sdk.OpRegisterWebhook, nil)
	w.send("PUT", "/payment-services/"+s.text("id"), fields{"display_name": "x"}).want(http.StatusOK).has(fields{"status": "created"})
}

func TestServicesAreListedInOrder(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a", "b", "c"} {
		w.post("/payment-services", servicing(fields{"display_name": name})).want(http.StatusCreated)
	}
	w.post("/payment-services", servicing(fields{"display_name": "first", "position": -1})).want(http.StatusCreated)
	page := w.get("/payment-services?limit=3&method=testpay").has(fields{
		"items.0.display_name": "first", "items.1.display_name": "a", "items.2.display_name": "b", "items.3": nil,
	})
	w.get("/payment-services?limit=3&method=testpay&cursor=" + page.text("next_cursor")).has(fields{
		"items.0.display_name": "c", "items.1": nil, "next_cursor": nil,
	})
	w.get("/payment-services?method=other").has(fields{"items.0": nil})
	w.get("/payment-services?deleted=maybe").refused(http.StatusBadRequest, "bad_request", "/deleted")
}

func TestVerify(t *testing.T) {
	w := newShop(t)
	verify := func(changes fields, value string) *sent {
		return w.post("/payment-services/verify", with(fields{
			"payment_service_definition_id": "testpay-testpay", "fields": []any{fields{"key": "secret_key", "value": value}},
		}, changes))
	}
	if got := verify(nil, "good key").want(http.StatusOK).raw; got != "{}" {
		t.Errorf("answered %s", got)
	}
	s := verify(nil, "bad key").refused(http.StatusBadRequest, "bad_request", "/fields")
	if want := "The provider does not accept these credentials: no such key"; s.text("message") != want {
		t.Errorf("message %q, want %q", s.text("message"), want)
	}
	verify(nil, "abc").refused(http.StatusBadRequest, "bad_request", "/fields/0/value")
	verify(fields{"payment_service_definition_id": "x-y"}, "good key").refused(http.StatusBadRequest, "bad_request", "/payment_service_definition_id")
	verify(fields{"fields": []any{}}, "").refused(http.StatusBadRequest, "bad_request", "/fields")
	// What the service has fills in what is left out.
	verify(fields{"payment_service_id": w.service, "fields": []any{}}, "").want(http.StatusOK)
	verify(fields{"payment_service_id": w.service}, "bad key").want(http.StatusBadRequest)
	verify(fields{"payment_service_id": "00000000-0000-4000-8000-000000000000"}, "good key").
		refused(http.StatusBadRequest, "bad_request", "/payment_service_id")
	foreign := w.post("/payment-services", servicing(nil), header("X-GR4VY-MERCHANT-ACCOUNT-ID", "other")).text("id")
	verify(fields{"payment_service_id": foreign}, "good key").refused(http.StatusBadRequest, "bad_request", "/payment_service_id")
	w.provider.set(sdk.OpCheckCredentials, sdk.Errorf("testpay", sdk.CodeConnectRefused, "down"))
	verify(nil, "good key").refused(http.StatusBadGateway, "bad_gateway")
}

func TestModeIsTheHosts(t *testing.T) {
	w := newShop(t, func(c *api.Config) { c.Mode = sdk.ModeLive })
	w.opened(nil)
	if got := w.provider.lastAuthorize.Call.Account.Mode; got != sdk.ModeLive {
		t.Errorf("the connector was called in mode %s", got)
	}
}

func TestDefinition(t *testing.T) {
	w := newWorld(t)
	listed := w.get("/payment-service-definitions").want(http.StatusOK).has(fields{"items.1": nil, "limit": 20})
	s := w.get("/payment-service-definitions/testpay-testpay").want(http.StatusOK).has(fields{
		"type": "payment-service-definition", "id": "testpay-testpay", "display_name": "Testpay", "method": "testpay",
		"mode": "redirect", "supported_currencies.0": "JPY", "supported_countries.1": "KR",
		"fields.0.key": "secret_key", "fields.0.display_name": "Secret key", "fields.0.required": true,
		"fields.0.secret": true, "fields.0.format": "text", "fields.0.verifiable": true,
		"fields.1.key": "shop_name", "fields.1.required": false, "fields.1.secret": false,
		"configuration.cart_items_limit": 3, "configuration.cart_items_required": false,
		"configuration.cart_items_should_match_amount": false,
		"supported_integration_clients.0":              "redirect",
		"required_checkout_fields.0.required_fields.0": "billing_details",
		"required_checkout_fields.0.required_fields.2": "billing_details.address.city",
	})
	if !strings.Contains(listed.raw, s.raw) {
		t.Errorf("the list %s does not have %s", listed.raw, s.raw)
	}
	for feature, want := range map[string]bool{
		"delayed_capture": true, "partial_capture": true, "multi_capture": false, "over_capture": false,
		"partial_authorization": false, "void": true, "refunds": true, "partial_refunds": true,
		"settlement_reporting": false, "transaction_sync": true, "verify_credentials": true,
		"custom_approval_expiration": true, "requires_webhook_setup": true,
		"payment_method_tokenization": false, "zero_auth": false,
	} {
		if got := s.at("supported_features." + feature); got != want {
			t.Errorf("feature %s = %v, want %v", feature, got, want)
		}
	}
}

// A till is connectors whose methods are others.
type till struct {
	api.Connectors
	methods []sdk.PaymentMethod
}

func (o till) List() []api.Connector {
	all := o.Connectors.List()
	for i := range all {
		all[i].Description.Manifest.Methods = o.methods
	}
	return all
}

func TestModeIsWhatTheBuyerGoesThrough(t *testing.T) {
	w := newWorld(t, func(c *api.Config) {
		c.Connectors = till{c.Connectors, []sdk.PaymentMethod{
			{Name: "card", Flow: sdk.FlowDirect}, {Name: "testpay", Flow: sdk.FlowRedirect}, {Name: "bank", Flow: sdk.FlowDirect},
		}}
	})
	w.post("/payment-services", servicing(nil)).want(http.StatusCreated)
	for method, want := range map[string]fields{
		"card":    {"mode": "card", "supported_integration_clients": nil},
		"bank":    {"mode": "bank", "supported_integration_clients": nil},
		"testpay": {"mode": "redirect", "supported_integration_clients.0": "redirect"},
	} {
		w.get("/payment-service-definitions/testpay-" + method).want(http.StatusOK).has(want)
	}
	card := servicing(fields{"payment_service_definition_id": "testpay-card"})
	w.post("/payment-services", card).want(http.StatusCreated)
	w.post("/payment-options", nil).want(http.StatusOK).has(fields{
		"items.0.method": "testpay", "items.0.mode": "redirect", "items.1.method": "card", "items.1.mode": "card",
	})
}

func TestPaymentOptions(t *testing.T) {
	w := newShop(t)
	tests := map[string]struct {
		ask     any
		offered bool
	}{
		"nothing asked":        {nil, true},
		"what is accepted":     {fields{"country": "JP", "currency": "JPY", "amount": 1000, "locale": "en"}, true},
		"nulls":                {fields{"country": nil, "currency": nil, "amount": nil, "cart_items": []any{}}, true},
		"another currency":     {fields{"currency": "KRW"}, false},
		"another country":      {fields{"country": "KR"}, false},
		"more than there is":   {fields{"amount": 100001}, false},
		"as much as there is":  {fields{"amount": 100000}, true},
		"everything it may be": {fields{"metadata": fields{"a": "b"}, "cart_items": []any{fields{"name": "x"}}}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.post("/payment-options", tt.ask).want(http.StatusOK)
			if !tt.offered {
				s.has(fields{"items.0": nil})
				return
			}
			s.has(fields{
				"items.0.type": "payment-option", "items.0.method": "testpay", "items.0.mode": "redirect",
				"items.0.label": "Testpay", "items.0.can_store_payment_method": false, "items.0.can_delay_capture": true,
				"items.0.context": nil, "items.1": nil,
			})
		})
	}
	w.t = t
	w.post("/payment-options", fields{"currency": "yen"}).refused(http.StatusBadRequest, "bad_request", "/currency")
	w.post("/payment-services", servicing(nil)).want(http.StatusCreated)
	w.post("/payment-options", nil).has(fields{"items.1": nil}) // a method is offered once
}
