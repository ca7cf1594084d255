package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
)

func yen(n int64) *int64 { return &n }
func truth(b bool) *bool { return &b }

var readPayment = Payment{
	ID: paymentID, Object: "payment", Test: truth(true), CreatedAt: 1700000000020, UpdatedAt: 1700000000020,
	Amount: yen(200), Currency: "JPY", Order: orderID, Status: "processed", Reference: "R-1",
}

func TestOrderInEitherForm(t *testing.T) {
	plain := Order{
		ID: orderID, Object: "order", Test: truth(true), CreatedAt: 1700000000000, UpdatedAt: 1700000167000,
		Amount: yen(2100), Currency: "JPY", Status: "succeeded", Reference: "R-1", ExpiresAt: 1700604896864,
		Payments: []Ref[Payment]{{ID: paymentID}},
	}
	full := plain
	full.Payments = []Ref[Payment]{{ID: paymentID, Value: &readPayment}}
	none := plain
	none.Payments = []Ref[Payment]{}
	unsaid := plain
	unsaid.Payments, unsaid.Amount, unsaid.ExpiresAt = nil, nil, 0
	odd := plain
	odd.Status = "on_hold_for_review"

	tests := map[string]struct {
		body string
		want Order
	}{
		"ids in place of objects":    {orderBody, plain},
		"objects in place of ids":    {strings.Replace(orderBody, `"`+paymentID+`"`, paymentBody, 1), full},
		"no payments":                {strings.Replace(orderBody, `["`+paymentID+`"]`, `[]`, 1), none},
		"absent is not zero":         {without(t, orderBody, "payments", "amount", "expiresAt"), unsaid},
		"null is absent":             {with(t, orderBody, `{"payments":null,"amount":null,"expiresAt":null}`), unsaid},
		"a status nobody documented": {with(t, orderBody, `{"status":"on_hold_for_review"}`), odd},
		"keys nobody documented":     {with(t, orderBody, `{"loyalty":{"points":[1,2]},"tokenId":"paytok_test_1"}`), plain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, m := start(t, badnet.Reply(200, tt.body))
			got, err := m.Order(within(t, 5*time.Second), orderID)
			if err != nil {
				t.Fatalf("Order: %v", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForeignAnswerIsRefused(t *testing.T) {
	other := "order_test_ZZZZZZZZZZZZZZZZZZZZZZ"
	tests := map[string]struct {
		body  string
		field string
	}{
		"null":                          {`null`, "order.id"},
		"nothing in it":                 {`{}`, "order.id"},
		"another order":                 {strings.Replace(orderBody, orderID, other, 1), "order.id"},
		"a payment":                     {paymentBody, "order.object"},
		"a payment without its object":  {without(t, paymentBody, "object"), "order.id"},
		"an order of live mode":         {strings.Replace(orderBody, "order_test", "order_live", 1), "order.id"},
		"an id with a tail":             {with(t, orderBody, `{"id":"`+orderID+`/x"}`), "order.id"},
		"an order that says it is live": {with(t, orderBody, `{"test":false}`), "order.test"},
		"a refund among the payments":   {with(t, orderBody, `{"payments":["`+refundID+`"]}`), "payment.id"},
		"a live payment":                {with(t, orderBody, `{"payments":["payment_live_1"]}`), "payment.id"},
		"a payment of another order": {
			with(t, orderBody, `{"payments":[`+strings.Replace(paymentBody, orderID, other, 1)+`]}`), "payment.order",
		},
		"a refund of another payment": {
			with(t, orderBody, `{"payments":[`+with(t, paymentBody,
				`{"refunds":[{"id":"`+refundID+`","object":"refund","payment":"payment_test_1"}]}`)+`]}`), "refund.payment",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, m := start(t, badnet.Reply(200, tt.body))
			_, err := m.Order(within(t, 5*time.Second), orderID)
			foreign, ok := errors.AsType[*Foreign](err)
			if !ok {
				t.Fatalf("error is %v, want a *Foreign", err)
			}
			if foreign.Field != tt.field {
				t.Errorf("refused for %s (%v), want %s", foreign.Field, err, tt.field)
			}
			if f := failureOf(t, err); !f.Sent || f.HTTP != 200 {
				t.Errorf("failure says sent=%v status=%d", f.Sent, f.HTTP)
			}
		})
	}
}

func TestListsArePaged(t *testing.T) {
	server, m := start(t,
		badnet.Reply(200, `{"object":"collection","pageToken":"a","nextPageToken":"b","maxResults":1,"results":1,"data":[`+orderBody+`]}`),
		badnet.Reply(200, `{"object":"collection","pageToken":"b","maxResults":1,"results":0,"data":[]}`),
	)
	ctx := within(t, 5*time.Second)
	first, err := m.Orders(ctx, PageRequest{Max: 1})
	if err != nil {
		t.Fatalf("first page: %v", err)
	}
	if len(first.Data) != 1 || first.Data[0].ID != orderID || first.NextPageToken != "b" {
		t.Errorf("first page is %+v", first)
	}
	last, err := m.Orders(ctx, PageRequest{Max: 1, Token: first.NextPageToken})
	if err != nil {
		t.Fatalf("last page: %v", err)
	}
	if len(last.Data) != 0 || last.NextPageToken != "" {
		t.Errorf("last page is %+v", last)
	}
	for i, want := range []string{"/orders?maxResults=1", "/orders?maxResults=1&pageToken=b"} {
		if got := server.Seen()[i].Path; got != want {
			t.Errorf("request %d asked for %s, want %s", i, got, want)
		}
	}
}

func TestBrokenListIsRefused(t *testing.T) {
	tests := map[string]string{
		"not a list":      orderBody,
		"no data":         `{"object":"collection"}`,
		"null among data": `{"object":"collection","data":[null]}`,
		"foreign element": `{"object":"collection","data":[` + paymentBody + `]}`,
		"an array":        `[` + orderBody + `]`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			_, m := start(t, badnet.Reply(200, body))
			page, err := m.Orders(within(t, 5*time.Second), PageRequest{})
			if err == nil {
				t.Fatalf("read %+v", page)
			}
			if f := failureOf(t, err); f.Err == nil {
				t.Errorf("no cause: %v", f)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		deed badnet.Deed
		want Failure
	}{
		"documented shape": {
			badnet.Reply(409, `{"statusCode":409,"errorCode":"order.cannot-capture","message":"already captured","details":[]}`),
			Failure{HTTP: 409, Code: "order.cannot-capture", Message: "already captured"},
		},
		"401 has no code":  {badnet.Reply(401, `{"statusCode":401,"scheme":"Basic","realm":"api"}`), Failure{HTTP: 401}},
		"HTML":             {badnet.Reply(502, "<html><h1>Bad Gateway</h1></html>"), Failure{HTTP: 502}},
		"array":            {badnet.Reply(400, `["request.invalid"]`), Failure{HTTP: 400}},
		"string":           {badnet.Reply(400, `"request.invalid"`), Failure{HTTP: 400}},
		"empty":            {badnet.Reply(500, ""), Failure{HTTP: 500}},
		"null":             {badnet.Reply(500, "null"), Failure{HTTP: 500}},
		"code of any type": {badnet.Reply(400, `{"errorCode":7,"message":{"en":"no"}}`), Failure{HTTP: 400}},
		"cut short":        {badnet.Cut(409, `{"statusCode":409,"errorCode":"order.cannot-capture"}`, 20), Failure{HTTP: 409}},
		"endless":          {badnet.Reply(400, `{"message":"`+strings.Repeat("x", maxRefusalBytes)+`"}`), Failure{HTTP: 400}},
		"other language": {
			badnet.Reply(409, `{"errorCode":"order.cannot-cancel","message":"キャンセルできません"}`),
			Failure{HTTP: 409, Code: "order.cannot-cancel", Message: "キャンセルできません"},
		},
		"long message is clipped by code points": {
			badnet.Reply(400, `{"errorCode":"request.invalid","message":"`+strings.Repeat("長", 600)+`"}`),
			Failure{HTTP: 400, Code: "request.invalid", Message: strings.Repeat("長", 500) + "…"},
		},
		"request id": {badnet.Reply(500, "{}", "X-Request-Id: req-7"), Failure{HTTP: 500, RequestID: "req-7"}},
		"wait given in seconds": {
			badnet.Reply(429, "{}", "Retry-After: 17"), Failure{HTTP: 429, RetryAfter: 17 * time.Second},
		},
		"wait given as a date": {
			badnet.Reply(429, "{}", "Retry-After: Wed, 01 May 2024 12:00:42 GMT"), Failure{HTTP: 429, RetryAfter: 42 * time.Second},
		},
		"wait until yesterday": {badnet.Reply(429, "{}", "Retry-After: Tue, 30 Apr 2024 12:00:00 GMT"), Failure{HTTP: 429}},
		"wait of nonsense":     {badnet.Reply(429, "{}", "Retry-After: soon"), Failure{HTTP: 429}},
		"negative wait":        {badnet.Reply(429, "{}", "Retry-After: -5"), Failure{HTTP: 429}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := badnet.Start(t, tt.deed)
			m := merchantWith(t, server.URL(), Options{Now: func() time.Time { return now }})
			_, err := capture(within(t, 5*time.Second), m)
			tt.want.Endpoint, tt.want.Sent = CreatePayment, true
			if diff := cmp.Diff(&tt.want, failureOf(t, err)); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEchoedKeyIsMasked(t *testing.T) {
	var escaped, percent string
	for i := range len(testKey) {
		escaped += fmt.Sprintf(`\u%04X`, testKey[i])
		percent += fmt.Sprintf("%%%02x", testKey[i])
	}
	echoes := map[string]string{
		"plain":               testKey,
		"escaped for JSON":    escaped,
		"escaped in part":     `\u0073k_test\u005f` + testKey[len("sk_test_"):],
		"escaped for a URL":   percent,
		"in base64, inside":   base64.StdEncoding.EncodeToString([]byte("a: Basic " + testKey + " z"))[12:52],
		"in base64, off by 1": base64.StdEncoding.EncodeToString([]byte("1" + testKey + "0"))[2:41],
		"in base64, off by 2": base64.URLEncoding.EncodeToString([]byte("22" + testKey + "0"))[3:42],
		"base64":              "c2tfdGVzdF85S21QcTNadDdXeFliMk5jNVZoUmRT",
		"base64 with a colon": "c2tfdGVzdF85S21QcTNadDdXeFliMk5jNVZoUmRTOg==",
		"hex":                 "736b5f746573745f394b6d5071335a7437577859623 24e633556685264 53",
	}
	echoes["hex"] = strings.ReplaceAll(echoes["hex"], " ", "")
	for name, echo := range echoes {
		t.Run(name, func(t *testing.T) {
			_, m := start(t,
				badnet.Reply(400, `{"errorCode":"bad.`+echo+`","message":"you sent Basic `+echo+`"}`, "X-Request-Id: "+echo),
				badnet.Reply(200, with(t, orderBody, `{"status":"`+echo+`","reference":"`+echo+`"}`)),
			)
			ctx := within(t, 5*time.Second)
			_, err := capture(ctx, m)
			f := failureOf(t, err)
			for _, text := range []string{f.Error(), f.Code, f.Message, f.RequestID} {
				if strings.Contains(text, echo) || strings.Contains(text, testKey) || !strings.Contains(text, "[secret]") {
					t.Errorf("not masked: %q", text)
				}
			}
			order, err := m.Order(ctx, orderID)
			if err != nil {
				t.Fatalf("Order: %v", err)
			}
			if strings.Contains(order.Status, testKey) || !strings.HasPrefix(order.Status, "[secret]") || !strings.HasPrefix(order.Reference, "[secret]") {
				t.Errorf("a success keeps the key: status %q, reference %q", order.Status, order.Reference)
			}
		})
	}
}

func TestEchoedShopperIsHidden(t *testing.T) {
	words := []string{"山田𠮷子", "hanako@shop.example", "150-0001", `a"b&c d`, "abc", ""}
	for form, echo := range map[string]string{
		"as sent":          `山田𠮷子 hanako@shop.example 150-0001 a"b&c d`,
		"as JSON":          `{"x":"山田𠮷子","e":"hanako@shop.example","z":"150-0001","l":"a\"b&c d"}`,
		"as JSON in ASCII": `{"x":"\u5c71\u7530\ud842\udfb7\u5b50","e":"hanako@shop.example","z":"150-0001","l":"a\"b&c d"}`,
		"as a URL":         url.Values{"x": {"山田𠮷子"}, "e": {"hanako@shop.example"}, "z": {"150-0001"}, "l": {`a"b&c d`}}.Encode(),
	} {
		t.Run(form, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"errorCode": "request.invalid", "message": "abc is wrong: " + echo})
			if err != nil {
				t.Fatal(err)
			}
			_, m := start(t, badnet.Reply(400, string(body)))
			_, err = capture(within(t, 5*time.Second), m.Hiding(words...))
			said := failureOf(t, err).Error()
			for _, secret := range []string{"山田", "5c71", "E5%B1%B1", "hanako", "150-0001", "b&c", "b%26c"} {
				if strings.Contains(said, secret) {
					t.Errorf("%q shows %s", said, secret)
				}
			}
			if strings.Count(said, "[private]") != 4 || !strings.Contains(said, "abc is wrong") {
				t.Errorf("reads %q", said)
			}
		})
	}
}

// A message is cut only after what is private in it is hidden, or half a name would show.
func TestHiddenBeforeItIsCut(t *testing.T) {
	name := strings.Repeat("長", 20)
	_, m := start(t, badnet.Reply(400, `{"message":"`+strings.Repeat("x", maxMessage-10)+name+`"}`))
	_, err := capture(within(t, 5*time.Second), m.Hiding(name))
	if said := failureOf(t, err).Message; strings.Contains(said, "長") {
		t.Errorf("shows %q", said)
	}
}

// with returns body with the members of patch put over its own.
func with(t testing.TB, body, patch string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	for _, text := range []string{body, patch} {
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func without(t testing.TB, body string, names ...string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		delete(members, name)
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
