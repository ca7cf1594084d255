// Package secrets is the reference connector with a hole through which a secret gets out.
package secrets

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// What plugin-broken lets out.
const (
	LogKey    = "log-key"
	LogBuyer  = "log-buyer"
	KeyInFile = "key-in-file"
	KeyInArgv = "key-in-argv"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant { return append(inMemory(), processes()...) }

// processes are the mutants that plugin-broken is.
func processes() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: LogKey, Process: LogKey, Fault: "the API key of each payment is logged, in base64",
			Killer: "secrets/not-logged", Reason: "expected not to tell the api_key",
		},
		{
			ID: LogBuyer, Process: LogBuyer, Fault: "the buyer's e-mail address is logged",
			Killer: "secrets/buyer-not-logged", Reason: "expected no word of the buyer's",
		},
		{
			ID: KeyInFile, Process: KeyInFile, Fault: "the API key of the latest payment is kept in a file",
			Killer: "secrets/not-in-files", Reason: "expected not to tell the api_key",
		},
		{
			ID: KeyInArgv, Process: KeyInArgv, Fault: "the API key is an argument of a program that is started",
			Killer: "secrets/not-in-process-table", Reason: "expected not to tell the api_key",
		},
	}
}

func inMemory() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "err-key", Fault: "an error of an unexpected status has the API key in it, in base64",
			Killer: "secrets/echoed", Reason: "expected not to tell the api_key, got it tells it in base64",
			Remote: func(r sdk.Remote) sdk.Remote { return teller{r} },
		},
		{
			ID: "err-request-id", Fault: "the provider's request id is passed on as it comes, with the API key in it",
			Killer: "secrets/said-by-provider", Reason: "expected not to tell the api_key, got it tells it as it is",
			Remote: func(r sdk.Remote) sdk.Remote { return repeater{r} },
		},
		{
			ID: "webhook-tells-secret", Fault: "a refused delivery is answered with the secret that was expected",
			Killer: "secrets/signing-secret", Reason: "expected not to tell the signing secret",
			Remote: func(r sdk.Remote) sdk.Remote { return debugger{r} },
		},
		{
			ID: "records", Fault: "every authorization carries a record of what was sent",
			Killer: "secrets/no-record", Reason: "expected no record of the exchange",
			Connector: func(c *reference.Connector) sdk.Connector { return recorder{c} },
		},
		{
			ID: "key-to-anybody", Fault: "redirects are followed with GET, and the credentials go along",
			Killer: "secrets/not-sent-elsewhere", Reason: "to another address", Collateral: []string{"doubt/redirected"},
			Transport: func(way http.RoundTripper) http.RoundTripper { return follower{way} },
		},
		{
			ID: "tls-skip", Fault: "the provider's certificate is not verified",
			Killer: "secrets/tls-verified", Reason: "expected nothing to be sent",
			Transport: func(http.RoundTripper) http.RoundTripper {
				return &http.Transport{
					DialContext: serve.Dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Second,
					TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // that is the fault
				}
			},
		},
	}
}

type teller struct{ sdk.Remote }

func (t teller) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	r, err := t.Remote.Authorize(ctx, req)
	if e := sdk.AsError(err); e != nil && e.Provider.HTTPStatus == http.StatusNotAcceptable {
		key := req.Call.Account.Secrets["api_key"].Reveal()
		return r, &sdk.Error{Code: e.Code, Provider: e.Provider, Err: fmt.Errorf("sent with %s",
			base64.StdEncoding.EncodeToString([]byte(key)))}
	}
	return r, err
}

type repeater struct{ sdk.Remote }

func (p repeater) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	r, err := p.Remote.Authorize(ctx, req)
	if e := sdk.AsError(err); e != nil && e.Provider.RequestID == "[secret]" {
		told := *e
		told.Provider.RequestID = req.Call.Account.Secrets["api_key"].Reveal()
		return r, &told
	}
	return r, err
}

type debugger struct{ sdk.Remote }

func (d debugger) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	r, err := d.Remote.ReadWebhook(ctx, req)
	if r.Refused != nil && len(req.Secrets) > 0 {
		r.Respond.Body = []byte("want a signature with " + req.Secrets[0].Secret.Reveal())
	}
	return r, err
}

type recorder struct{ *reference.Connector }

func (c recorder) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	r, err := c.Connector.Authorize(ctx, req)
	r.Exchange = &sdk.Exchange{Method: http.MethodPost, URL: "/v1/payments", Status: http.StatusCreated, Request: fmt.Sprintf("%+v", req)}
	return r, err
}

type follower struct{ way http.RoundTripper }

// RoundTrip follows one redirect as a careless client does.
func (f follower) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := f.way.RoundTrip(req)
	if err != nil || res.StatusCode/100 != 3 {
		return res, err
	}
	to, err := res.Location()
	if err != nil {
		return res, nil //nolint:nilerr // a redirect to nowhere is an answer
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Method, next.URL, next.Host, next.Body, next.ContentLength = http.MethodGet, to, to.Host, http.NoBody, 0
	return f.way.RoundTrip(next)
}
