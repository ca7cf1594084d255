package smartpay

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

// The first vector of the official clients' test suites.
const (
	vectorSecret    = "gybcsjixKyBW2d4z6iNPlaYzHUMtawnodwZt3W0q"
	vectorTime      = 1653028612220
	vectorSignature = "68007ada8485ea0ceca7c5e879ae860a50412b7af95ab8e81b32a3e13f3c0832"
	vectorBody      = `{"id":"evt_test_dwPfFKu5iSEKyHR2LFj9Lx","object":"event","createdAt":1653028523052,"test":true,` +
		`"eventData":{"type":"payment.created","version":"2022-02-18","data":{"id":"payment_test_35LxgmF5KM22XKG38BjpJg",` +
		`"object":"payment","test":true,"createdAt":1653028523020,"updatedAt":1653028523020,"amount":200,"currency":"JPY",` +
		`"order":"order_test_RiYq2rthzRHrkKVGeucSwn","reference":"order_ref_1234567","status":"processed","metadata":{}}}}`
	vectorEndpoint = "webhookendpoint_test_4ZBQXLVSeWrmZBPcJLpvxC"
)

// vector is the first vector as a delivery.
func vector() sdk.WebhookRequest {
	return sdk.WebhookRequest{
		Call:   sdk.Call{Account: account("http://127.0.0.1:1")},
		Method: http.MethodPost, URL: "https://host.example/webhooks/ps-1",
		Headers: map[string][]string{
			"Smartpay-Signature":           {vectorSignature},
			"Smartpay-Signature-Timestamp": {strconv.Itoa(vectorTime)},
			"Smartpay-Subscription-Id":     {vectorEndpoint},
			"Smartpay-Event-Id":            {"evt_test_dwPfFKu5iSEKyHR2LFj9Lx"},
		},
		Body:    []byte(vectorBody),
		Secrets: []sdk.SigningSecret{{RegistrationID: vectorEndpoint, Secret: sdk.NewSecret(vectorSecret)}},
		Now:     time.UnixMilli(vectorTime), Tolerance: 5 * time.Minute,
	}
}

// signedAt is a delivery of body, signed by a hand that is not the connector's.
func signedAt(t testing.TB, body string, at time.Time) sdk.WebhookRequest {
	t.Helper()
	key, err := hex.DecodeString("260d2907ea2fcd7a83ca52e8c1c98a012423eaddde8a8cf03fb3163d6d92")
	if err != nil {
		t.Fatal(err)
	}
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(stamp + "." + body))
	req := vector()
	req.Body = []byte(body)
	req.Headers["Smartpay-Signature"] = []string{hex.EncodeToString(mac.Sum(nil))}
	req.Headers["Smartpay-Signature-Timestamp"] = []string{stamp}
	return req
}

func deliver(t testing.TB, req sdk.WebhookRequest) sdk.WebhookReading {
	t.Helper()
	reading, err := New(Options{}).ReadWebhook(t.Context(), req)
	if err != nil {
		t.Fatalf("ReadWebhook: %v", err)
	}
	return reading
}

func TestVectorsOfOfficialClients(t *testing.T) {
	key, err := decodeSecret(vectorSecret)
	if err != nil || hex.EncodeToString(key) != "260d2907ea2fcd7a83ca52e8c1c98a012423eaddde8a8cf03fb3163d6d92" {
		t.Errorf("key is %x, %v", key, err)
	}
	if got := signature(key, strconv.Itoa(vectorTime), []byte(vectorBody)); got != vectorSignature {
		t.Errorf("signature is %s", got)
	}
	key, err = decodeSecret("MOCKSECRETKEY")
	if err != nil || len(key) != 10 {
		t.Errorf("key has %d bytes, %v; want 10", len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("test data"))
	if got := hex.EncodeToString(mac.Sum(nil)); got != "ae82b27dd6dafd0dbfc65faff07160833776cf60915782ef991557e51e4d1782" {
		t.Errorf("signature is %s", got)
	}
}

func TestSecretsDecodeAsBaseX(t *testing.T) {
	for secret, want := range map[string]string{"A": "00", "AA": "0000", "B": "01", "9": "3d", "BA": "3e", "AB": "0001"} {
		if got, err := decodeSecret(secret); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%q decodes to %x, %v; want %s", secret, got, err, want)
		}
	}
	for _, secret := range []string{"", " ", "a b", "a\n", "é", "a+", strings.Repeat("a", maxSecretLength+1)} {
		if got, err := decodeSecret(secret); err == nil {
			t.Errorf("%q decodes to %x", secret, got)
		}
	}
}

func TestGenuineDelivery(t *testing.T) {
	got := deliver(t, vector())
	want := sdk.WebhookReading{
		EventID: "evt_test_dwPfFKu5iSEKyHR2LFj9Lx", EventType: "payment.created", ReadAgain: true,
		Respond: sdk.Respond{Status: 200},
		Observations: []sdk.Snapshot{{
			Order: "order_test_RiYq2rthzRHrkKVGeucSwn",
			Captures: []sdk.CaptureSnapshot{{
				Ref: "payment_test_35LxgmF5KM22XKG38BjpJg", Operation: "order_ref_1234567", Amount: yen(200),
				Status: sdk.MoveSucceeded, At: time.UnixMilli(1653028523020).UTC(), Provider: sdk.Provider{Status: "processed"},
			}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reading (-want +got):\n%s", diff)
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	for i := range len(vectorBody) * 8 {
		req := vector()
		req.Body[i/8] ^= 1 << (i % 8)
		if got := deliver(t, req); got.Refused == nil || got.Refused.Code != sdk.CodeSignatureInvalid {
			t.Fatalf("bit %d of the body: %+v", i, got)
		}
	}
	for _, header := range []string{"Smartpay-Signature", "Smartpay-Signature-Timestamp"} {
		genuine := vector().Headers[header][0]
		for i := range len(genuine) * 8 {
			req := vector()
			flipped := []byte(genuine)
			flipped[i/8] ^= 1 << (i % 8)
			req.Headers[header] = []string{string(flipped)}
			req.Tolerance = 100 * 365 * 24 * time.Hour // so that only the signature can refuse
			if got := deliver(t, req); got.Refused == nil {
				t.Fatalf("bit %d of %s: believed", i, header)
			}
		}
	}
	for i := range len(vectorSecret) {
		for _, other := range []byte(alphabet) {
			secret := []byte(vectorSecret)
			if secret[i] == other {
				continue
			}
			secret[i] = other
			req := vector()
			req.Secrets[0].Secret = sdk.NewSecret(string(secret))
			if got := deliver(t, req); got.Refused == nil {
				t.Fatalf("character %d of the secret as %c: believed", i, other)
			}
		}
	}
}

func TestUntrustworthyDeliveries(t *testing.T) {
	header := func(name string, values ...string) func(*sdk.WebhookRequest) {
		return func(r *sdk.WebhookRequest) { r.Headers[name] = values }
	}
	tests := map[string]struct {
		spoil func(*sdk.WebhookRequest)
		code  sdk.Code
	}{
		"no signature":           {func(r *sdk.WebhookRequest) { delete(r.Headers, "Smartpay-Signature") }, sdk.CodeSignatureMissing},
		"empty signature":        {header("Smartpay-Signature", ""), sdk.CodeSignatureMissing},
		"blank signature":        {header("Smartpay-Signature", " "), sdk.CodeSignatureInvalid},
		"two signatures":         {header("Smartpay-Signature", vectorSignature, vectorSignature), sdk.CodeSignatureInvalid},
		"two spellings":          {header("smartpay-signature", "00"), sdk.CodeSignatureInvalid},
		"padded signature":       {header("Smartpay-Signature", " "+vectorSignature), sdk.CodeSignatureInvalid},
		"signature in capitals":  {header("Smartpay-Signature", strings.ToUpper(vectorSignature)), sdk.CodeSignatureInvalid},
		"algorithm in front":     {header("Smartpay-Signature", "sha256="+vectorSignature), sdk.CodeSignatureInvalid},
		"half a signature":       {header("Smartpay-Signature", vectorSignature[:32]), sdk.CodeSignatureInvalid},
		"no timestamp":           {func(r *sdk.WebhookRequest) { delete(r.Headers, "Smartpay-Signature-Timestamp") }, sdk.CodeSignatureMissing},
		"timestamp of words":     {header("Smartpay-Signature-Timestamp", "now"), sdk.CodeSignatureInvalid},
		"timestamp with sign":    {header("Smartpay-Signature-Timestamp", "+1653028612220"), sdk.CodeSignatureInvalid},
		"negative timestamp":     {header("Smartpay-Signature-Timestamp", "-1"), sdk.CodeSignatureInvalid},
		"enormous timestamp":     {header("Smartpay-Signature-Timestamp", "9223372036854775807"), sdk.CodeSignatureInvalid},
		"timestamp in seconds":   {header("Smartpay-Signature-Timestamp", "1653028612"), sdk.CodeTimestampSkew},
		"no secret":              {func(r *sdk.WebhookRequest) { r.Secrets = nil }, sdk.CodeSignatureInvalid},
		"empty secret":           {func(r *sdk.WebhookRequest) { r.Secrets[0].Secret = sdk.NewSecret("") }, sdk.CodeSignatureInvalid},
		"secret not base62":      {func(r *sdk.WebhookRequest) { r.Secrets[0].Secret = sdk.NewSecret("whsec_x") }, sdk.CodeSignatureInvalid},
		"another's secret":       {func(r *sdk.WebhookRequest) { r.Secrets[0].Secret = sdk.NewSecret("MOCKSECRETKEY") }, sdk.CodeSignatureInvalid},
		"for another endpoint":   {header("Smartpay-Subscription-Id", "webhookendpoint_test_other"), sdk.CodeSignatureInvalid},
		"written another way":    {func(r *sdk.WebhookRequest) { r.Body = bytes.ReplaceAll(r.Body, []byte(":"), []byte(": ")) }, sdk.CodeSignatureInvalid},
		"a byte more":            {func(r *sdk.WebhookRequest) { r.Body = append(r.Body, '\n') }, sdk.CodeSignatureInvalid},
		"no body":                {func(r *sdk.WebhookRequest) { r.Body = nil }, sdk.CodeSignatureInvalid},
		"too large":              {func(r *sdk.WebhookRequest) { r.Body = make([]byte, maxDelivery+1) }, sdk.CodeSchemaViolation},
		"just old enough":        {func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(5*time.Minute + time.Millisecond) }, sdk.CodeTimestampSkew},
		"just too far ahead":     {func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(-5*time.Minute - time.Millisecond) }, sdk.CodeTimestampSkew},
		"of the other mode":      {func(r *sdk.WebhookRequest) { r.Call.Account.Mode = sdk.ModeLive }, sdk.CodeEnvironmentMismatch},
		"no tolerance, too old":  {func(r *sdk.WebhookRequest) { r.Tolerance = 0; r.Now = r.Now.Add(6 * time.Minute) }, sdk.CodeTimestampSkew},
		"five seconds, six late": {func(r *sdk.WebhookRequest) { r.Tolerance = 5 * time.Second; r.Now = r.Now.Add(6 * time.Second) }, sdk.CodeTimestampSkew},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := vector()
			tt.spoil(&req)
			got := deliver(t, req)
			if got.Refused == nil || got.Refused.Code != tt.code {
				t.Errorf("refused with %v, want %s", got.Refused, tt.code)
			}
			if got.Respond.Status == 200 || got.Observations != nil || got.EventID != "" || got.ReadAgain {
				t.Errorf("a refused delivery reads %+v", got)
			}
		})
	}
}

func TestDeliveriesThatAreStillGood(t *testing.T) {
	tests := map[string]func(*sdk.WebhookRequest){
		"as old as allowed":           func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(5 * time.Minute) },
		"as far ahead as allowed":     func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(-5 * time.Minute) },
		"no tolerance given, recent":  func(r *sdk.WebhookRequest) { r.Tolerance = 0; r.Now = r.Now.Add(4 * time.Minute) },
		"no endpoint named":           func(r *sdk.WebhookRequest) { delete(r.Headers, "Smartpay-Subscription-Id") },
		"secret without registration": func(r *sdk.WebhookRequest) { r.Secrets[0].RegistrationID = "" },
		"headers in any case": func(r *sdk.WebhookRequest) {
			lower := map[string][]string{}
			for name, values := range r.Headers {
				lower[strings.ToLower(name)] = values
			}
			r.Headers = lower
		},
		"the old secret during a rotation": func(r *sdk.WebhookRequest) {
			r.Secrets = append([]sdk.SigningSecret{{RegistrationID: vectorEndpoint, Secret: sdk.NewSecret("MOCKSECRETKEY")}}, r.Secrets...)
		},
		"the new secret during a rotation": func(r *sdk.WebhookRequest) {
			r.Secrets = append(r.Secrets, sdk.SigningSecret{RegistrationID: vectorEndpoint, Secret: sdk.NewSecret("MOCKSECRETKEY")})
		},
		"beside a secret of another endpoint": func(r *sdk.WebhookRequest) {
			r.Secrets = append(r.Secrets, sdk.SigningSecret{RegistrationID: "webhookendpoint_test_other", Secret: sdk.NewSecret("MOCKSECRETKEY")})
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			req := vector()
			change(&req)
			if got := deliver(t, req); got.Refused != nil || got.Respond.Status != 200 {
				t.Errorf("refused: %v", got.Refused)
			}
		})
	}
}

func eventOf(kind, data string) string {
	return `{"id":"evt_test_1","object":"event","createdAt":1,"test":true,"eventData":{"type":"` + kind +
		`","version":"2022-02-18","data":` + data + `}}`
}

func TestWhatEventsMean(t *testing.T) {
	order := func(status, payments string) string {
		return `{"id":"order_test_1","object":"order","test":true,"amount":1000,"currency":"JPY","status":"` + status +
			`","reference":"R1","createdAt":1700000000000,"updatedAt":1700000000005,"payments":` + payments + `}`
	}
	tests := map[string]struct {
		body string
		want *sdk.Snapshot // nil if nothing is to be observed
		code sdk.Code      // why it is ignored or refused
		ack  int
	}{
		"authorized": {
			body: eventOf("order.authorized", order("requires_capture", "[]")), ack: 200,
			want: &sdk.Snapshot{
				Order: "order_test_1", Reference: "R1", State: sdk.StateAuthorized, Authorized: yen(1000), Captured: yen(0),
				Refunded: yen(0), Revision: 1700000000005, Provider: sdk.Provider{Status: "requires_capture"},
			},
		},
		"authorized and captured by itself": {
			body: eventOf("order.authorized", order("succeeded", `["payment_test_1"]`)), ack: 200,
			want: &sdk.Snapshot{
				Order: "order_test_1", Reference: "R1", State: sdk.StateCaptured, Authorized: yen(1000),
				Revision: 1700000000005, Provider: sdk.Provider{Status: "succeeded"},
			},
		},
		"authorized, its capture not to be seen yet": {
			body: eventOf("order.authorized", order("succeeded", `[]`)), ack: 200,
			want: &sdk.Snapshot{
				Order: "order_test_1", Reference: "R1", State: sdk.StateProcessing, Authorized: yen(1000),
				Revision: 1700000000005, Provider: sdk.Provider{Status: "succeeded"},
			},
		},
		"softly declined": {
			body: eventOf("order.rejected", order("requires_authorization", "[]")), ack: 200,
			want: &sdk.Snapshot{
				Order: "order_test_1", Reference: "R1", State: sdk.StateRequiresAction, Captured: yen(0), Refunded: yen(0),
				Revision: 1700000000005, Provider: sdk.Provider{Status: "requires_authorization"},
			},
		},
		"a status nobody documented": {
			body: eventOf("order.canceled", order("evaporated", "[]")), ack: 200,
			want: &sdk.Snapshot{
				Order: "order_test_1", Reference: "R1", State: sdk.StateUnknown, Captured: yen(0), Refunded: yen(0),
				Revision: 1700000000005, Provider: sdk.Provider{Status: "evaporated"},
			},
		},
		"a refund": {
			body: eventOf("refund.created", `{"id":"refund_test_1","object":"refund","amount":1,"currency":"JPY",`+
				`"payment":"payment_test_1","reference":"op-9","status":"succeeded"}`), ack: 200,
			want: &sdk.Snapshot{Refunds: []sdk.RefundSnapshot{{
				Ref: "refund_test_1", Capture: "payment_test_1", Operation: "op-9", Amount: yen(1),
				Status: sdk.MoveSucceeded, Provider: sdk.Provider{Status: "succeeded"},
			}}},
		},
		"an order that contradicts itself": {
			body: eventOf("order.canceled", strings.Replace(order("canceled", "[]"), "JPY", "USD", 1)), ack: 200,
			want: &sdk.Snapshot{Order: "order_test_1", Reference: "R1"},
		},
		"about something else":      {body: eventOf("coupon.created", `{"id":"coupon_test_1"}`), ack: 200},
		"an event nobody knows":     {body: eventOf("order.teleported", `{"id":"order_test_1"}`), code: sdk.CodeUnknownEvent, ack: 200},
		"no data":                   {body: eventOf("order.authorized", `null`), code: sdk.CodeUnknownResource, ack: 400},
		"data of another kind":      {body: eventOf("order.authorized", `{"id":"payment_test_1","object":"payment"}`), code: sdk.CodeUnknownResource, ack: 400},
		"data of live mode":         {body: eventOf("order.authorized", `{"id":"order_live_1","object":"order"}`), code: sdk.CodeUnknownResource, ack: 400},
		"an event of live mode":     {body: strings.Replace(eventOf("order.authorized", order("canceled", "[]")), "true", "false", 1), code: sdk.CodeEnvironmentMismatch, ack: 400},
		"not an event":              {body: `{"id":"order_test_1","object":"order"}`, code: sdk.CodeSchemaViolation, ack: 400},
		"not JSON":                  {body: `id=evt_test_1`, code: sdk.CodeSchemaViolation, ack: 400},
		"an array":                  {body: `[]`, code: sdk.CodeSchemaViolation, ack: 400},
		"compressed":                {body: "\x1f\x8b\x08\x00\x00\x00\x00\x00", code: sdk.CodeSchemaViolation, ack: 400},
		"not UTF-8":                 {body: eventOf("order.\xff", "{}"), code: sdk.CodeSchemaViolation, ack: 400},
		"nested beyond all measure": {body: eventOf("order.authorized", strings.Repeat(`[`, 200_000)), code: sdk.CodeSchemaViolation, ack: 400},
		"deep where nothing looks":  {body: eventOf("coupon.created", strings.Repeat(`{"a":`, 9000)+"1"+strings.Repeat(`}`, 9000)), ack: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := deliver(t, signedAt(t, tt.body, time.UnixMilli(vectorTime)))
			if got.Respond.Status != tt.ack {
				t.Errorf("answered %d, want %d (%v)", got.Respond.Status, tt.ack, got.Refused)
			}
			if (got.Refused == nil) != (tt.code == "") || got.Refused != nil && got.Refused.Code != tt.code {
				t.Errorf("refused with %v, want %q", got.Refused, tt.code)
			}
			var want []sdk.Snapshot
			if tt.want != nil {
				want = []sdk.Snapshot{*tt.want}
			}
			if diff := cmp.Diff(want, got.Observations); diff != "" {
				t.Errorf("observations (-want +got):\n%s", diff)
			}
			if got.ReadAgain != (tt.want != nil) {
				t.Errorf("ReadAgain is %v", got.ReadAgain)
			}
		})
	}
}

// The stand-in signs by itself, and delivers over HTTP.
func TestDeliveriesOfTheStandIn(t *testing.T) {
	b := newBench(t)
	inbox := newInbox(t)
	registration, err := b.RegisterWebhook(t.Context(), sdk.RegisterWebhookRequest{Call: b.call(""), URL: inbox.url})
	if err != nil {
		t.Fatalf("RegisterWebhook: %v", err)
	}
	order := b.approved("Rhook", 1000, sdk.CaptureManual)
	capture := b.captured(order, 400, true)
	if _, err := b.refund(order, capture, 100); err != nil {
		t.Fatalf("Refund: %v", err)
	}
	var types []string
	for range 3 {
		req := inbox.next(t)
		req.Call, req.Now, req.Tolerance = b.read(""), time.Now(), time.Minute
		req.Secrets = []sdk.SigningSecret{{RegistrationID: registration.ID, Secret: registration.Secret}}
		got, err := b.ReadWebhook(t.Context(), req)
		if err != nil || got.Refused != nil || len(got.Observations) != 1 || !got.ReadAgain {
			t.Fatalf("ReadWebhook = %+v, %v", got, err)
		}
		types = append(types, fmt.Sprint(got.EventType, " ", cmp.Equal(got.Observations[0].Order, order)))
	}
	slices.Sort(types)
	if diff := cmp.Diff([]string{"order.authorized true", "payment.created true", "refund.created false"}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func FuzzReadWebhook(f *testing.F) {
	f.Add([]byte(vectorBody))
	f.Add([]byte(eventOf("order.authorized", `{"id":"order_test_1","object":"order","payments":["payment_test_1"],"status":"succeeded"}`)))
	f.Add([]byte(eventOf("refund.created", `{"id":"refund_test_1","amount":-1}`)))
	f.Add([]byte(`{"eventData":{"type":7}}`))
	connector := New(Options{})
	f.Fuzz(func(t *testing.T, body []byte) {
		unsigned := vector()
		unsigned.Body = body
		if got, err := connector.ReadWebhook(t.Context(), unsigned); err != nil || got.Refused == nil && string(body) != vectorBody {
			t.Errorf("an unsigned body reads %+v, %v", got, err)
		}
		got, err := connector.ReadWebhook(t.Context(), signedAt(t, string(body), time.UnixMilli(vectorTime)))
		switch {
		case err != nil:
			t.Errorf("ReadWebhook: %v", err)
		case got.Refused != nil && len(got.Observations) > 0:
			t.Errorf("refused and observed: %+v", got)
		case got.Refused == nil && got.Respond.Status != 200:
			t.Errorf("believed and answered %d", got.Respond.Status)
		case len(got.Observations) > 0 && !got.ReadAgain:
			t.Errorf("believed without reading again: %+v", got)
		}
	})
}
