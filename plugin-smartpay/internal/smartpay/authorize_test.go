package smartpay

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// get reads the stand-in's API as a merchant would, without the connector.
func (b *bench) get(path string) map[string]any {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+"/v1"+path+"?expand=all", http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic "+testKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var object map[string]any
	if err := json.NewDecoder(res.Body).Decode(&object); err != nil {
		b.t.Fatal(err)
	}
	return object
}

// pick walks down objects and arrays.
func pick(object any, path ...any) any {
	for _, step := range path {
		switch at := object.(type) {
		case map[string]any:
			key, _ := step.(string)
			object = at[key]
		case []any:
			i, _ := step.(int)
			if i >= len(at) {
				return nil
			}
			object = at[i]
		}
	}
	return object
}

func TestWhatSmartpayIsTold(t *testing.T) {
	b := newBench(t)
	texts := []string{
		"山田髙﨑𠮷野", "ヤマダ", "ﾔﾏﾀﾞ", "か\u3099き\u309a", "１２３４", "👩‍👩‍👧‍👦🗾", "شركة", "a\u200db", `"}</script>{{.}}%s'; DROP TABLE--`,
	}
	for i, text := range texts {
		reference := sdk.Reference("Rtext" + string(rune('a'+i)))
		req := b.order(reference, 1000, sdk.CaptureManual)
		req.Billing.FirstName, req.Billing.Address.Line1, req.Shipping.Address.City = text, text, text
		req.Description, req.Metadata = text, map[string]string{text: text}
		req.Buyer = &sdk.Buyer{ExternalID: text}
		req.Cart = []sdk.CartItem{{Name: text, Quantity: 1, UnitAmount: 1000, ExternalID: text, Description: text}}
		made, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		session := b.get("/checkout-sessions/" + made.Session)
		got := map[string]any{
			"first name":  pick(session, "customerInfo", "firstName"),
			"line 1":      pick(session, "customerInfo", "address", "line1"),
			"buyer":       pick(session, "customerInfo", "reference"),
			"city":        pick(session, "order", "shippingInfo", "address", "locality"),
			"description": pick(session, "order", "description"),
			"metadata":    pick(session, "order", "metadata", text),
			"item":        pick(session, "order", "lineItems", 0, "price", "product", "name"),
		}
		for field, value := range got {
			if value != text {
				t.Errorf("%s arrived as %q, want %q", field, value, text)
			}
		}
	}
}

func TestAddressesAndWaysBackAreToldWhole(t *testing.T) {
	b := newBench(t)
	made := b.authorize("Rwhole", 1000, sdk.CaptureAutomatic)
	session := b.get("/checkout-sessions/" + made.Session)
	want := map[string]any{
		"line1": "神宮前１−２−３", "line2": "メゾン原宿", "line3": "４０１号室", "line4": "ﾃｽﾄ株式会社",
		"locality": "渋谷区", "administrativeArea": "東京都", "postalCode": "150-0001", "country": "JP",
	}
	for _, where := range [][]any{{"customerInfo", "address"}, {"order", "shippingInfo", "address"}} {
		if diff := cmp.Diff(any(want), pick(session, where...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", where, diff)
		}
	}
	for field, want := range map[string]string{
		"successUrl": "https://host.example/return/p-1?to=%2Fa%3Fb&x=1#end", "cancelUrl": "https://host.example/cancel/p-1",
		"url": made.Next.RedirectURL, "reference": "Rwhole",
	} {
		if session[field] != want {
			t.Errorf("%s is %q, want %q", field, session[field], want)
		}
	}
}

func TestAmountsArriveToTheYen(t *testing.T) {
	b := newBench(t)
	for _, amount := range []int64{1, 999, 1000, 123456789, maxAmount} {
		made := b.authorize("Ryen"+sdk.Reference(sdk.JPY(amount).String()[:1])+sdk.Reference(strings.Repeat("x", int(amount%7))), amount, sdk.CaptureManual)
		if got := pick(b.get("/orders/"+string(made.Order)), "amount"); got != float64(amount) {
			t.Errorf("%d yen arrived as %v", amount, got)
		}
	}
}

func TestTheSameRequestIsTheSameBytes(t *testing.T) {
	b, server := broken(t, badnet.Reply(200, sessionBody))
	req := b.order("R1", 1000, sdk.CaptureManual)
	req.Metadata = notes(20, 10, 3)
	for range 5 {
		if _, err := b.Authorize(t.Context(), req); err != nil {
			t.Fatalf("Authorize: %v", err)
		}
		req.Call.Attempt++
	}
	for _, seen := range server.Seen() {
		if seen.Body != server.Seen()[0].Body {
			t.Errorf("sent %s, then %s", server.Seen()[0].Body, seen.Body)
		}
	}
}

func TestHowLongTheBuyerHas(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		host time.Time
		said string // by Smartpay, in milliseconds
		want time.Duration
	}{
		"nobody says":           {want: 30 * time.Minute},
		"the host allows less":  {host: now.Add(5 * time.Minute), want: 5 * time.Minute},
		"the host allows more":  {host: now.Add(time.Hour), want: 30 * time.Minute},
		"Smartpay allows less":  {said: "1714565400000", want: 10 * time.Minute},
		"Smartpay allows years": {said: "1900000000000", want: 30 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			body := sessionBody
			if tt.said != "" {
				body = with(sessionBody, `{"expiresAt":`+tt.said+`}`)
			}
			server := badnet.Start(t, badnet.Reply(200, body))
			remote := connect(t, Options{Now: func() time.Time { return now }})
			b := &bench{Remote: remote, t: t, account: account(server.URL())}
			req := b.order("R1", 1000, sdk.CaptureManual)
			req.ApprovalExpiresAt = tt.host
			got, err := b.Authorize(t.Context(), req)
			if err != nil || !got.Next.ExpiresAt.Equal(now.Add(tt.want)) {
				t.Errorf("until %v, %v; want %v", got.Next, err, now.Add(tt.want))
			}
		})
	}
}

func TestOrdersThatAreDecidedAlready(t *testing.T) {
	tests := map[string]struct {
		order   string
		outcome sdk.Outcome
		code    sdk.Code
	}{
		"held":                    {`{"status":"requires_capture","expiresAt":1700600000000}`, sdk.OutcomeSucceeded, ""},
		"taken":                   {`{"status":"succeeded","payments":[` + with(paymentBody, `{"amount":1000}`) + `]}`, sdk.OutcomeSucceeded, ""},
		"taken, not to be seen":   {`{"status":"succeeded"}`, sdk.OutcomePending, ""},
		"being thought about":     {`{"status":"pending"}`, sdk.OutcomePending, ""},
		"rejected":                {`{"status":"rejected"}`, sdk.OutcomeDeclined, sdk.CodeOrderRejected},
		"failed":                  {`{"status":"failed"}`, sdk.OutcomeDeclined, sdk.CodeOrderRejected},
		"cancelled":               {`{"status":"canceled"}`, sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"contradicting itself":    {`{"status":"requires_authorization","payments":["payment_test_1"]}`, sdk.OutcomeUnknown, sdk.CodeUnmappedError},
		"without saying of taken": {`{"payments":null}`, sdk.OutcomeRequiresAction, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _ := broken(t, badnet.Reply(200, with(sessionBody, `{"order":`+with(orderBody, tt.order)+`}`)))
			got, err := b.Authorize(t.Context(), b.order("R1", 1000, sdk.CaptureManual))
			if outcome := sdk.OutcomeOf(got.Answer, err); outcome != tt.outcome {
				t.Errorf("outcome is %s (%v), want %s", outcome, err, tt.outcome)
			}
			if tt.code != "" && refused(t, err).Code != tt.code {
				t.Errorf("refused with %v, want %s", err, tt.code)
			}
			if got.Order != anOrder {
				t.Errorf("order is %q", got.Order)
			}
		})
	}
	t.Run("only the order's id", func(t *testing.T) {
		b, _ := broken(t, badnet.Reply(200, with(sessionBody, `{"order":"`+anOrder+`"}`)))
		got, err := b.Authorize(t.Context(), b.order("R1", 1000, sdk.CaptureManual))
		if err != nil || got.Outcome != sdk.OutcomeRequiresAction || got.Amount != nil || got.Order != anOrder {
			t.Errorf("Authorize = %+v, %v", got, err)
		}
	})
}

func TestRegisterWebhook(t *testing.T) {
	b := newBench(t)
	register := func(req sdk.RegisterWebhookRequest) sdk.WebhookRegistration {
		t.Helper()
		req.Call = b.call("")
		got, err := b.RegisterWebhook(t.Context(), req)
		if err != nil || got.ID == "" || got.Secret.Empty() {
			t.Fatalf("RegisterWebhook = %+v, %v", got, err)
		}
		return got
	}
	const here = "https://host.example/webhooks/ps-1"
	first := register(sdk.RegisterWebhookRequest{URL: here})
	if again := register(sdk.RegisterWebhookRequest{URL: here}); again.ID != first.ID || again.Secret.Reveal() != first.Secret.Reveal() {
		t.Errorf("registered twice: %v and %v", first.ID, again.ID)
	}
	if again := register(sdk.RegisterWebhookRequest{URL: here, Current: first.ID}); again.ID != first.ID || again.Secret.Reveal() != first.Secret.Reveal() {
		t.Errorf("registered twice: %v and %v", first.ID, again.ID)
	}
	moved := register(sdk.RegisterWebhookRequest{URL: here + "/moved", Current: first.ID})
	if moved.ID != first.ID {
		t.Errorf("moving made another: %v and %v", first.ID, moved.ID)
	}
	narrowed := register(sdk.RegisterWebhookRequest{URL: here + "/moved", Events: []string{"order.authorized"}})
	if narrowed.ID != first.ID {
		t.Errorf("other events made another: %v and %v", first.ID, narrowed.ID)
	}
	endpoint := b.get("/webhook-endpoints/" + first.ID)
	want := map[string]any{"url": here + "/moved", "active": true, "eventSubscriptions": []any{"order.authorized"}}
	for field, value := range want {
		if !cmp.Equal(endpoint[field], value) {
			t.Errorf("%s is %v, want %v", field, endpoint[field], value)
		}
	}
	if list, _ := b.get("/webhook-endpoints")["data"].([]any); len(list) != 1 {
		t.Errorf("there are %d endpoints", len(list))
	}
	if lost := register(sdk.RegisterWebhookRequest{URL: here, Current: "webhookendpoint_test_gone"}); lost.ID == first.ID {
		t.Errorf("an endpoint for another URL was taken")
	}
}

func TestEndpointThatIsSwitchedOffIsSwitchedOn(t *testing.T) {
	const endpoint = `{"id":"webhookendpoint_test_1","object":"webhookEndpoint","active":false,"url":"https://host.example/w",` +
		`"eventSubscriptions":["order.authorized"],"signingSecret":"gybc"}`
	b, server := broken(t, badnet.Reply(200, `{"object":"collection","data":[`+endpoint+`]}`), badnet.Reply(200, with(endpoint, `{"active":true}`)))
	req := sdk.RegisterWebhookRequest{Call: b.read(""), URL: "https://host.example/w", Events: []string{"order.authorized"}}
	if _, err := b.RegisterWebhook(t.Context(), req); err != nil {
		t.Fatalf("RegisterWebhook: %v", err)
	}
	seen := server.Seen()
	if len(seen) != 2 || seen[1].Method != "PATCH" || !strings.Contains(seen[1].Body, `"active":true`) || seen[1].Header.Get("Idempotency-Key") == "" {
		t.Errorf("sent %+v", seen)
	}
	b, _ = broken(t, badnet.Reply(200, `{"object":"collection","data":[]}`), badnet.Reply(200, with(endpoint, `{"signingSecret":null}`)))
	req.Call = b.read("")
	if _, err := b.RegisterWebhook(t.Context(), req); err == nil {
		t.Error("a registration without a secret passes")
	}
}

func TestManifest(t *testing.T) {
	c := New(Options{})
	first, err := json.Marshal(c.Describe())
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		again, err := json.Marshal(New(Options{}).Describe())
		if err != nil || string(again) != string(first) {
			t.Fatalf("manifest changed: %s, %v", again, err)
		}
	}
	want := sdk.Operations{
		sdk.OpCheckCredentials, sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpCapture, sdk.OpVoid, sdk.OpCancel, sdk.OpRefund,
		sdk.OpFindRefund, sdk.OpReadWebhook, sdk.OpRegisterWebhook,
	}
	if diff := cmp.Diff(want, sdk.OperationsOf(c)); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// Nothing of the account shows in what the connector says when Smartpay echoes it.
func TestEchoedKeyDoesNotShow(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Request-Id", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"errorCode": "bad " + r.Header.Get("Authorization"), "message": r.Header.Get("Authorization") + string(body),
		})
	}))
	t.Cleanup(echo.Close)
	connector := New(Options{}) // as it is, without the guard in front of it
	t.Cleanup(connector.Close)
	b := &bench{t: t, account: account(echo.URL)}
	_, err := connector.Authorize(t.Context(), b.order("R1", 1000, sdk.CaptureManual))
	e := refused(t, err)
	shown := e.Error() + e.Provider.Code + e.Provider.Message + e.Provider.RequestID
	if strings.Contains(shown, testKey) || !strings.Contains(shown, "[secret]") {
		t.Errorf("shows %s", shown)
	}
}

func TestPagesThatABuyerIsSentTo(t *testing.T) {
	const live, stub = "https://api.smartpay.co/v1", "http://127.0.0.1:8080/v1"
	for name, tt := range map[string]struct {
		page, base string
		ok         bool
	}{
		"Smartpay's own":                {"https://checkout.smartpay.co/s?x=1#y", live, true},
		"in capitals":                   {"https://CHECKOUT.SmartPay.co/s", live, true},
		"Smartpay's, API behind a gate": {"https://checkout.smartpay.co/s", "https://gate.example/smartpay/v1", true},
		"of the gate":                   {"https://gate.example/s", "https://gate.example/smartpay/v1", true},
		"of a stand-in":                 {"http://localhost:9000/s", stub, true},
		"of a stand-in, by https":       {"https://[::1]:9000/s", stub, true},
		"in clear":                      {"http://checkout.smartpay.co/s", live, false},
		"of somebody else":              {"https://evil.example/s", live, false},
		"of a name that ends alike":     {"https://evilsmartpay.co/s", live, false},
		"of a name that starts alike":   {"https://checkout.smartpay.co.evil.example/s", live, false},
		"with another's host as a user": {"https://checkout.smartpay.co@evil.example/s", live, false},
		"on the buyer's own machine":    {"http://127.0.0.1/s", live, false},
		"on the buyer's own, by https":  {"https://127.0.0.1/s", live, false},
		"no host":                       {"https:///s", live, false},
		"a script":                      {"javascript:alert(1)//checkout.smartpay.co", live, false},
		"an app":                        {"smartpay://checkout.smartpay.co/s", live, false},
		"nothing":                       {"", live, false},
	} {
		if got := usable(tt.page, tt.base); got != tt.ok {
			t.Errorf("%s: %q is usable: %v, want %v", name, tt.page, got, tt.ok)
		}
	}
}
