package reference_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// spoiled is a bench whose provider's answers pass through spoil.
func spoiled(t *testing.T, spoil func(status int, body string) (int, string)) *bench {
	b := &bench{t: t, provider: provider.New(provider.Options{Seed: 1})}
	inside := b.provider.Inside()
	b.Remote = sdktest.Connect(t, reference.New(reference.Options{
		Inside: roundTrip(func(req *http.Request) (*http.Response, error) {
			res, err := inside.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(res.Body)
			if err != nil {
				return nil, err
			}
			status, text := spoil(res.StatusCode, string(body))
			res.StatusCode, res.Body = status, io.NopCloser(strings.NewReader(text))
			return res, nil
		}),
	}))
	return b
}

func TestAnswersThatCannotBeTrusted(t *testing.T) {
	swap := func(old, new string) func(int, string) (int, string) {
		return func(status int, body string) (int, string) { return status, strings.ReplaceAll(body, old, new) }
	}
	say := func(status int, body string) func(int, string) (int, string) {
		return func(int, string) (int, string) { return status, body }
	}
	tests := map[string]struct {
		spoil func(int, string) (int, string)
		code  sdk.Code
	}{
		"more than was asked for":  {swap(`"10.00"`, `"10.01"`), sdk.CodeAmountMismatch},
		"another currency":         {swap(`"EUR"`, `"USD"`), sdk.CodeCurrencyMismatch},
		"another reference":        {swap(`"reference":"R`, `"reference":"Q`), sdk.CodeReferenceMismatch},
		"a status of tomorrow":     {swap(`"authorized","rev`, `"frozen","rev`), sdk.CodeUnmappedError},
		"an amount in words":       {swap(`"10.00"`, `"ten"`), sdk.CodeUnparseableSuccess},
		"an amount of 3 decimals":  {swap(`"10.00"`, `"10.000"`), sdk.CodeUnparseableSuccess},
		"nothing":                  {say(200, ""), sdk.CodeUnparseableSuccess},
		"null":                     {say(200, "null"), sdk.CodeUnparseableSuccess},
		"a list":                   {say(200, "[]"), sdk.CodeUnparseableSuccess},
		"an object without a name": {say(200, "{}"), sdk.CodeUnparseableSuccess},
		"HTML":                     {say(200, "<html>ok</html>"), sdk.CodeUnparseableSuccess},
		"half an answer":           {func(s int, b string) (int, string) { return s, b[:len(b)/2] }, sdk.CodeUnparseableSuccess},
		"numbers for strings":      {swap(`"10.00"`, `10`), sdk.CodeUnparseableSuccess},
		"a server's error":         {say(500, ""), sdk.CodeHTTP5xx},
		"a gateway's page":         {say(502, "<html>"), sdk.CodeHTTP5xx},
		"maintenance":              {say(503, `{"error":{"code":"maintenance"}}`), sdk.CodeHTTP5xx},
		"a gateway's time-out":     {say(504, ""), sdk.CodeGatewayTimeout},
		"a redirect":               {say(302, ""), sdk.CodeUnmappedError},
		"somebody else's 404":      {say(404, "<html>"), sdk.CodeUnmappedError},
		"somebody else's 402":      {say(402, "<html>"), sdk.CodeUnmappedError},
		"an error of tomorrow":     {say(409, `{"error":{"code":"moon_phase"}}`), sdk.CodeUnmappedError},
		"an error in a success":    {say(200, `{"error":{"code":"invalid_field"}}`), sdk.CodeUnparseableSuccess},
		"an error of other types":  {say(422, `{"error":["invalid"]}`), sdk.CodeUnmappedError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := spoiled(t, tt.spoil)
			_, err := b.Authorize(t.Context(), b.terms(eur(1000), sdk.CaptureManual))
			e := sdk.AsError(err)
			if err == nil || e.Code != tt.code || e.Outcome() != sdk.OutcomeUnknown {
				t.Errorf("%v, want %s in doubt", err, tt.code)
			}
		})
	}
}

// A payment whose buyer has not approved yet is held to what was asked for as well: by
// then it would be too late.
func TestTermsThatWereNotAskedFor(t *testing.T) {
	tests := map[string]struct {
		old, new string
		code     sdk.Code
	}{
		"another amount":   {`"10.00"`, `"10.01"`, sdk.CodeAmountMismatch},
		"another currency": {`"10.00","currency":"EUR"`, `"10.00","currency":"USD"`, sdk.CodeCurrencyMismatch},
		"no amount at all": {`"10.00"`, `""`, sdk.CodeUnparseableSuccess},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := spoiled(t, func(status int, body string) (int, string) {
				return status, strings.ReplaceAll(body, tt.old, tt.new)
			})
			req := b.terms(eur(1000), sdk.CaptureManual)
			req.Method = "wallet"
			result, err := b.Authorize(t.Context(), req)
			if e := sdk.AsError(err); err == nil || e.Code != tt.code || e.Outcome() != sdk.OutcomeUnknown {
				t.Errorf("%v, %v, want %s in doubt", result.Outcome, err, tt.code)
			}
		})
	}
}

// Writes on a payment are checked as the first one is.
func TestAnswersAboutSomethingElse(t *testing.T) {
	tests := map[string]struct {
		old, new string
		do       func(h held) error
		code     sdk.Code
	}{
		"another capture amount":   {`"3.00"`, `"2.00"`, func(h held) error { return captures(h, 300) }, sdk.CodeAmountMismatch},
		"another operation":        {`"operation":"op-`, `"operation":"xx-`, func(h held) error { return captures(h, 300) }, sdk.CodeReferenceMismatch},
		"another payment":          {`"payment":"pay_`, `"payment":"pay_0`, func(h held) error { return captures(h, 300) }, sdk.CodeIDMismatch},
		"a void of another":        {`"payment":{"id":"pay_`, `"payment":{"id":"pay_0`, func(h held) error { return after(nil, h.void) }, sdk.CodeIDMismatch},
		"a void that is none":      {`"status":"voided"`, `"status":"authorized"`, func(h held) error { return after(nil, h.void) }, sdk.CodeUnmappedError},
		"a capture of tomorrow":    {`"status":"succeeded"`, `"status":"imagined"`, func(h held) error { return captures(h, 300) }, sdk.CodeUnmappedError},
		"a rise of another":        {`"id":"pay_`, `"id":"pay_0`, func(h held) error { _, err := h.increment(1); return err }, sdk.CodeIDMismatch},
		"a rise in other currency": {`"EUR"`, `"USD"`, func(h held) error { _, err := h.increment(1); return err }, sdk.CodeCurrencyMismatch},
		"another reference":        {`"reference":"R`, `"reference":"Q`, func(h held) error { _, err := h.increment(1); return err }, sdk.CodeReferenceMismatch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			on := false
			b := spoiled(t, func(status int, body string) (int, string) {
				if on {
					body = strings.ReplaceAll(body, tt.old, tt.new)
				}
				return status, body
			})
			h := b.held(eur(1000))
			on = true
			err := tt.do(h)
			if e := sdk.AsError(err); err == nil || e.Code != tt.code || e.Outcome() != sdk.OutcomeUnknown {
				t.Errorf("%v, want %s in doubt", err, tt.code)
			}
		})
	}
}

// A success whose status says something else is none.
func TestStatusesOfTomorrow(t *testing.T) {
	ctx := t.Context()
	wallet := func(b *bench) sdk.AuthorizeRequest {
		req := b.terms(eur(1000), sdk.CaptureManual)
		req.Method = "wallet"
		return req
	}
	tests := map[string]struct {
		old, new string
		do       func(b *bench) error
		code     sdk.Code
	}{
		"a cancellation": {`"status":"canceled"`, `"status":"authorized"`, func(b *bench) error {
			req := wallet(b)
			res, err := b.Authorize(ctx, req)
			if err != nil {
				return err
			}
			canceled, err := held{b, req.Call.Reference, res.Order, "EUR"}.cancel()
			if !canceled.ApprovalPossible {
				t.Error("says that no approval is possible")
			}
			return err
		}, sdk.CodeUnmappedError},
		"a token": {`"status":"ready"`, `"status":"cooling"`, func(b *bench) error {
			_, err := b.Tokenize(ctx, sdk.TokenizeRequest{Call: b.call(""), Method: "card"})
			return err
		}, sdk.CodeUnmappedError},
		"a removal": {`"status":"removed"`, `"status":"ready"`, func(b *bench) error {
			stored, err := b.Tokenize(ctx, sdk.TokenizeRequest{Call: b.call(""), Method: "card"})
			if err != nil {
				return err
			}
			_, err = b.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: b.call(""), Token: stored.Token})
			return err
		}, sdk.CodeUnmappedError},
		"a check": {`"status":"good"`, `"status":"fair"`, func(b *bench) error {
			_, err := b.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{Call: b.call(""), Currency: "EUR", Country: "DE", Method: "card"})
			return err
		}, sdk.CodeUnmappedError},
		"a page in clear": {`"page":"https:`, `"page":"http:`, func(b *bench) error {
			_, err := b.Authorize(ctx, wallet(b))
			return err
		}, sdk.CodeUnparseableSuccess},
		"a page that is a script": {`"page":"https:`, `"page":"javascript:`, func(b *bench) error {
			_, err := b.Authorize(ctx, wallet(b))
			return err
		}, sdk.CodeUnparseableSuccess},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := spoiled(t, func(status int, body string) (int, string) {
				return status, strings.ReplaceAll(body, tt.old, tt.new)
			})
			err := tt.do(b)
			if e := sdk.AsError(err); err == nil || e.Code != tt.code || e.Outcome() != sdk.OutcomeUnknown {
				t.Errorf("%v, want %s in doubt", err, tt.code)
			}
		})
	}
}

// What an answer leaves out is absent, never zero.
func TestWhatIsNotSaidIsAbsent(t *testing.T) {
	b := spoiled(t, func(status int, body string) (int, string) {
		return status, strings.NewReplacer(`"captured":{`, `"x1":{`, `"released":{`, `"x2":{`, `"authorized":{`, `"x3":{`).Replace(body)
	})
	res, err := b.Authorize(t.Context(), b.terms(eur(1000), sdk.CaptureManual))
	if err != nil || res.Amount != nil || amounts(res.Payment) != [4]int64{-1, -1, -1, 0} {
		t.Errorf("%+v %v, %v", res, amounts(res.Payment), err)
	}
}

// A lost answer leaves the write in doubt; the same call again tells what became of it.
func TestLostAnswerIsFoundAgain(t *testing.T) {
	lose := true
	p := provider.New(provider.Options{})
	inside := p.Inside()
	b := &bench{t: t, provider: p}
	b.Remote = sdktest.Connect(t, reference.New(reference.Options{Inside: roundTrip(func(req *http.Request) (*http.Response, error) {
		res, err := inside.RoundTrip(req)
		if lose && req.Method == http.MethodPost {
			return nil, io.ErrUnexpectedEOF
		}
		return res, err
	})}))
	req := b.terms(eur(1000), sdk.CaptureManual)
	if _, err := b.Authorize(t.Context(), req); sdk.AsError(err).Code != sdk.CodeConnectionReset {
		t.Fatalf("%v, want in doubt", err)
	}
	h := held{b, req.Call.Reference, "", "EUR"}
	if s := h.now(); s.State != sdk.StateAuthorized {
		t.Errorf("the lookup says %s", s.State)
	}
	lose = false
	if res, err := b.Authorize(t.Context(), req); err != nil || res.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("again: %+v, %v", res, err)
	}
	if l := p.Ledger(string(req.Call.Key), ""); len(l.Movements) != 1 || l.ByKey[string(req.Call.Key)].Replays != 1 {
		t.Errorf("%+v", l)
	}
}

func TestUnreachable(t *testing.T) {
	b := newBench(t, provider.Options{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	defer silent.Close()
	tests := map[string]struct {
		address string
		code    sdk.Code
	}{
		"nobody listens":    {"http://" + closed.Addr().String(), sdk.CodeConnectRefused},
		"not a word of TLS": {"https://" + silent.Listener.Addr().String(), sdk.CodeTLSFailure},
		"a name of nobody":  {"https://provider.invalid", sdk.CodeDNSFailure},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := b.terms(eur(100), sdk.CaptureManual)
			req.Call.Account.Config = map[string]string{"provider_url": tt.address}
			_, err := b.Authorize(t.Context(), req)
			wantRefusal(t, err, tt.code)
		})
	}
}

// The connector answers before its caller stops listening, and says how far it got.
func TestProviderThatNeverAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		reads bool
		code  sdk.Code
	}{"after the request": {true, sdk.CodeReadTimeout}, "before the request": {false, sdk.CodeExpiredInQueue}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := reference.New(reference.Options{Inside: roundTrip(func(req *http.Request) (*http.Response, error) {
					if tt.reads {
						_, _ = io.Copy(io.Discard, req.Body)
					}
					<-req.Context().Done()
					return nil, req.Context().Err()
				})})
				b := &bench{t: t}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				_, err := c.Authorize(ctx, b.terms(eur(100), sdk.CaptureManual))
				if e := sdk.AsError(err); e.Code != tt.code {
					t.Errorf("%v, want %s", err, tt.code)
				}
				if took := time.Since(start); took >= 3*time.Second || took < 2*time.Second {
					t.Errorf("after %s of 3s", took)
				}
			})
		})
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, now.Add(time.Minute).Format(http.TimeFormat): time.Minute, "": 0, "soon": 0,
	} {
		c := reference.New(reference.Options{Now: func() time.Time { return now }, Inside: roundTrip(
			func(req *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, req.Body)
				return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {header}}, Body: http.NoBody}, nil
			})})
		_, err := c.Authorize(t.Context(), (&bench{t: t}).terms(eur(100), sdk.CaptureManual))
		wantRefusal(t, err, sdk.CodeRateLimited)
		if got := sdk.AsError(err).RetryAfter; got != want {
			t.Errorf("%q: after %s, want %s", header, got, want)
		}
	}
}

// A write is sent once, whatever happens to it.
func TestNoWriteIsSentTwice(t *testing.T) {
	for name, fail := range map[string]func() (*http.Response, error){
		"hung up":     func() (*http.Response, error) { return nil, io.EOF },
		"broken":      func() (*http.Response, error) { return nil, errors.New("broken") },
		"overloaded":  func() (*http.Response, error) { return &http.Response{StatusCode: 503, Body: http.NoBody}, nil },
		"unreachable": func() (*http.Response, error) { return nil, &net.DNSError{} },
	} {
		t.Run(name, func(t *testing.T) {
			sent := 0
			c := reference.New(reference.Options{Inside: roundTrip(func(*http.Request) (*http.Response, error) {
				sent++
				return fail()
			})})
			_, err := c.Authorize(t.Context(), (&bench{t: t}).terms(eur(100), sdk.CaptureManual))
			if err == nil || sent != 1 {
				t.Errorf("sent %d times, %v", sent, err)
			}
		})
	}
}

// The same call makes the same bytes, and no secret goes anywhere but into its header.
func TestRequestsDependOnTheCallAlone(t *testing.T) {
	var sent []string
	c := reference.New(reference.Options{Inside: roundTrip(func(req *http.Request) (*http.Response, error) {
		var b bytes.Buffer
		if err := req.Write(&b); err != nil {
			return nil, err
		}
		sent = append(sent, b.String())
		return &http.Response{StatusCode: 500, Body: io.NopCloser(strings.NewReader("Bearer " + apiKey))}, nil
	})})
	req := (&bench{t: t}).terms(eur(1000), sdk.CaptureAutomatic)
	req.Metadata = map[string]string{"b": "2", "a": "1", "c": "3", "d": "4"}
	req.Billing = &sdk.Contact{FirstName: "花子", Address: &sdk.Address{Country: "JP", Line1: "芝公園4-2-8"}}
	req.ApprovalExpiresAt = time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	for range 20 {
		req.Call.Attempt++
		_, err := c.Authorize(t.Context(), req)
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), apiKey) {
			t.Error("the error holds the API key")
		}
	}
	for _, s := range sent {
		if s != sent[0] {
			t.Fatalf("differs:\n%s\n\n%s", sent[0], s)
		}
	}
	head, body, _ := strings.Cut(sent[0], "\r\n\r\n")
	if strings.Count(head, apiKey) != 1 || strings.Contains(body, apiKey) {
		t.Errorf("the API key is where it should not be:\n%s", sent[0])
	}
	for _, want := range []string{`"value":"10.00"`, req.ReturnURL, "花子", `"approve_before":"2026-01-02T02:04:05.000000006Z"`} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %s:\n%s", want, body)
		}
	}
}
