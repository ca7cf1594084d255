package smartpay

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

const canaryKey = "sk_test_CANARYcanary0123456789"

// Every sensitive field of a request, each with a value found nowhere else.
var canaryPeople = map[string]string{
	"first name": "カナリア一郎", "last name": "鳴鳥", "e-mail": "canary.mail@private.example", "phone": "+819011112222",
	"postal code": "987-6543", "city": "鳥籠市", "line 1": "止まり木4-5-6", "line 2": "鳥小屋ビル", "house": "7890号室",
	"organization": "鳥類保護協会", "buyer": "buyer-canary-77", "display name": "カナちゃん",
}

// carry puts the canaries into a request.
func carry(b *bench) sdk.AuthorizeRequest {
	b.account.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(canaryKey)}
	req := b.order("Rcanary", 1000, sdk.CaptureManual)
	p := canaryPeople
	who := &sdk.Contact{
		FirstName: p["first name"], LastName: p["last name"], Email: p["e-mail"], Phone: p["phone"],
		Address: &sdk.Address{
			Country: "JP", PostalCode: p["postal code"], State: "東京都", City: p["city"], Line1: p["line 1"],
			Line2: p["line 2"], House: p["house"], Organization: p["organization"],
		},
	}
	req.Billing, req.Shipping = who, who
	req.Buyer = &sdk.Buyer{ExternalID: p["buyer"], DisplayName: p["display name"]}
	return req
}

// spellingsOf are the forms in which a secret may turn up.
func spellingsOf(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		return nil
	}
	var percent, escaped strings.Builder
	for _, b := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02X", b)
		fmt.Fprintf(&escaped, `\u%04x`, b)
	}
	forms := map[string]string{
		"plain": secret, "hex": hex.EncodeToString([]byte(secret)), "URL": url.QueryEscape(secret), "percent": percent.String(),
		"JSON": string(quoted[1 : len(quoted)-1]), "ASCII JSON": escaped.String(), "Go": fmt.Sprintf("%q", secret),
		"HEX":        strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"first half": secret[:len(secret)/2], "second half": secret[len(secret)/2:],
	}
	for before := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", before) + secret))
		forms[fmt.Sprint("base64 ", before)] = whole[(before*8+5)/6 : (before+len(secret))*8/6]
	}
	return forms
}

// tells reports every canary that shows in text.
func tells(t *testing.T, where, text string, people bool) {
	t.Helper()
	for form, shown := range spellingsOf(canaryKey) {
		if strings.Contains(text, shown) {
			t.Errorf("%s shows the key (%s): %s", where, form, text)
		}
	}
	for what, value := range canaryPeople {
		for _, form := range []string{"plain", "URL", "JSON", "hex", "base64 0"} {
			if people && strings.Contains(text, spellingsOf(value)[form]) {
				t.Errorf("%s shows the %s (%s): %s", where, what, form, text)
			}
		}
	}
}

// dump is everything that can be had out of an error and an answer.
func dump(answer any, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n%+v\n%#v\n", answer, answer, answer)
	if text, err := json.Marshal(answer); err == nil {
		b.Write(text)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&b, "\n%v\n%+v\n%#v", e, e, e)
		if e, ok := errors.AsType[*sdk.Error](e); ok {
			fmt.Fprintf(&b, "\n%+v\n%+v", e.Provider, e.Fields)
		}
	}
	return b.String()
}

// captureLogs catches everything that is logged, or written to stderr, while f runs.
func captureLogs(t *testing.T, f func()) string {
	t.Helper()
	var logged bytes.Buffer
	before, plain := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(&logged)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(plain)
		os.Stderr = stderr
		_ = read.Close()
	}()
	f()
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return logged.String() + string(rest)
}

// echoes are servers that repeat what they were sent, each in another way.
var echoes = map[string]func(w http.ResponseWriter, auth, body string){
	"as a message": func(w http.ResponseWriter, auth, body string) {
		badRequest(w, map[string]any{"errorCode": "request.invalid", "message": auth + " " + body})
	},
	"as a code and a request id": func(w http.ResponseWriter, auth, _ string) {
		w.Header().Set("X-Request-Id", auth)
		badRequest(w, map[string]any{"errorCode": auth, "message": "no"})
	},
	"in base64": func(w http.ResponseWriter, auth, _ string) {
		badRequest(w, map[string]any{"errorCode": "x", "message": "1" + base64.StdEncoding.EncodeToString([]byte("ab"+auth+"z"))})
	},
	"in hex": func(w http.ResponseWriter, auth, _ string) {
		badRequest(w, map[string]any{"errorCode": "x", "message": hex.EncodeToString([]byte(auth))})
	},
	"in a URL": func(w http.ResponseWriter, auth, body string) {
		badRequest(w, map[string]any{"errorCode": "x", "message": "https://x.example/?" + url.Values{"a": {auth}, "b": {body}}.Encode()})
	},
	"escaped": func(w http.ResponseWriter, auth, _ string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"errorCode":"x","message":"%s"}`, spellingsOf(strings.TrimPrefix(auth, "Basic "))["ASCII JSON"])
	},
	"twice escaped": func(w http.ResponseWriter, auth, _ string) {
		badRequest(w, map[string]any{"errorCode": "x", "message": spellingsOf(strings.TrimPrefix(auth, "Basic "))["ASCII JSON"]})
	},
	"as a status of success": func(w http.ResponseWriter, auth, _ string) {
		fmt.Fprint(w, with(sessionBody, `{"reference":"Rcanary","order":`+with(orderBody, `{"reference":"Rcanary","status":"`+auth+`"}`)+`}`))
	},
	"as another reference": func(w http.ResponseWriter, auth, _ string) {
		fmt.Fprint(w, with(sessionBody, `{"reference":"`+auth+`"}`))
	},
	"as an id":            func(w http.ResponseWriter, auth, _ string) { fmt.Fprint(w, with(sessionBody, `{"id":"`+auth+`"}`)) },
	"as a page":           func(w http.ResponseWriter, auth, _ string) { fmt.Fprint(w, with(sessionBody, `{"url":"`+auth+`"}`)) },
	"as what is not JSON": func(w http.ResponseWriter, auth, body string) { fmt.Fprint(w, auth, body) },
	"as a location": func(w http.ResponseWriter, auth, _ string) {
		w.Header().Set("Location", "https://x.example/"+auth)
		w.WriteHeader(http.StatusTemporaryRedirect)
	},
}

func badRequest(w http.ResponseWriter, body any) {
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(body)
}

// Whatever a server repeats, in an error or in a success, nothing of it tells the key, and
// no error tells who the buyer is.
func TestNothingThatIsEchoedShows(t *testing.T) {
	for name, echo := range echoes {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				echo(w, r.Header.Get("Authorization"), string(body))
			}))
			t.Cleanup(server.Close)
			b := &bench{t: t, account: account(server.URL)}
			b.unguarded() // what stands in front of a connector masks as well
			req := carry(b)
			logged := captureLogs(t, func() {
				answer, err := b.Authorize(t.Context(), req)
				tells(t, "the answer", dump(answer, err), true)
				if answer.Exchange != nil {
					t.Errorf("a record is kept that nobody asked for: %+v", answer.Exchange)
				}
				check, err := b.CheckCredentials(t.Context(), sdk.CheckCredentialsRequest{Call: req.Call})
				tells(t, "the verdict", dump(check, err), true)
				found, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: req.Call, Order: anOrder})
				tells(t, "the finding", dump(found, err), true)
			})
			tells(t, "the log", logged, true)
		})
	}
}

// A life from beginning to end, with every kind of trouble in it, leaves no trace of the
// key or of the buyer in what is logged, answered or kept in files, and none of a query.
func TestNothingShowsInTheLifeOfAPayment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	b := newBench(t)
	b.unguarded()
	req := carry(b)
	logged := captureLogs(t, func() {
		for _, rule := range []string{
			`"do":"echo_request_in_error"`, `"do":"status","status":500`, `"do":"reset_before_headers"`, `"do":"reset_mid_body"`,
			`"do":"status","status":200,"body":"<html>"`, `"do":"override_currency","value":"USD"`,
		} {
			b.arm(`{"on":"POST /checkout-sessions","nth":1,` + rule + `}`)
			answer, err := b.Authorize(t.Context(), req)
			if err == nil {
				t.Errorf("%s: no trouble", rule)
			}
			tells(t, "the error after "+rule, dump(answer, err), true)
			req.Call.Key += "x"
		}
		answer, err := b.Authorize(t.Context(), req)
		if err != nil {
			t.Fatalf("Authorize: %v", err)
		}
		tells(t, "the answer", dump(answer, err), true)
		if answer.Exchange != nil {
			t.Errorf("a record is kept that nobody asked for: %+v", answer.Exchange)
		}
		_, err = b.Capture(t.Context(), sdk.CaptureRequest{Call: b.call("Rcanary"), Order: answer.Order, Amount: sdk.JPY(1)})
		tells(t, "the refusal", dump(nil, err), true)
		refusedServer := b.account
		refusedServer.Config = map[string]string{fieldAPIURL: "http://" + badnet.Refused(t)}
		req.Call.Account = refusedServer
		_, err = b.Authorize(t.Context(), req)
		tells(t, "the refusal to connect", dump(nil, err), true)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		_, err = b.Authorize(ctx, req)
		tells(t, "the late call", dump(nil, err), true)
	})
	tells(t, "the log", logged, true)
	for _, query := range []string{"expand=", "maxResults=", "Authorization", "Basic "} {
		if strings.Contains(logged, query) {
			t.Errorf("the log shows %q: %s", query, logged)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 0 {
		t.Errorf("files are left behind: %v, %v", files, err)
	}
	tells(t, "the environment", strings.Join(append(os.Environ(), os.Args...), "\n"), true)
}

// However a request is printed, its secrets do not show.
func TestRequestsDoNotPrintTheirSecrets(t *testing.T) {
	b := &bench{t: t, account: account("http://127.0.0.1:1")}
	req := carry(b)
	for _, value := range []any{
		req, &req, req.Call, req.Call.Account, []any{req}, map[string]any{"a": req.Call.Account.Secrets},
		sdk.WebhookRequest{Call: req.Call, Secrets: []sdk.SigningSecret{{Secret: sdk.NewSecret(canaryKey)}}},
		sdk.WebhookRegistration{Secret: sdk.NewSecret(canaryKey)},
	} {
		tells(t, fmt.Sprintf("%T", value), dump(value, nil)+fmt.Sprintf("%s %q %x %d", value, value, value, value), false)
		tells(t, "slog", captureLogs(t, func() { slog.Info("m", "v", value) }), false)
	}
}

// Smartpay's webhook secret is a secret of ours as well.
func TestSigningSecretDoesNotShow(t *testing.T) {
	body := `{"id":"webhookendpoint_test_1","object":"webhookEndpoint","active":true,"url":"https://host.example/w","signingSecret":"` + canaryKey[8:] + `"}`
	b, _ := broken(t, badnet.Reply(200, `{"object":"collection","data":[]}`), badnet.Reply(200, body))
	b.unguarded()
	logged := captureLogs(t, func() {
		connector := New(Options{})
		t.Cleanup(connector.Close)
		got, err := connector.RegisterWebhook(t.Context(), sdk.RegisterWebhookRequest{Call: b.call(""), URL: "https://host.example/w"})
		if err != nil || got.Secret.Reveal() != canaryKey[8:] {
			t.Fatalf("RegisterWebhook: %v", err)
		}
		if text := dump(got, err); strings.Contains(text, canaryKey[8:]) {
			t.Errorf("the registration shows its secret: %s", text)
		}
		req := vector()
		req.Secrets = []sdk.SigningSecret{{Secret: got.Secret}}
		reading, err := connector.ReadWebhook(t.Context(), req)
		if text := dump(reading, err) + dump(nil, reading.Refused); strings.Contains(text, canaryKey[8:]) {
			t.Errorf("the reading shows the secret: %s", text)
		}
	})
	if strings.Contains(logged, canaryKey[8:]) {
		t.Errorf("the log shows the secret: %s", logged)
	}
}
