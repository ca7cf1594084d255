// Package redirect is the reference connector with buyers sent to the wrong page, or
// believed when they come back.
package redirect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	var reloads atomic.Int64
	taken := &pages{}
	return []broken.Mutant{
		{
			ID: "redirect-trust", Fault: "a payment whose return URL says that it succeeded has succeeded",
			Killer: "redirect/unapproved", Reason: "expected a state of [REQUIRES_ACTION], got AUTHORIZED",
			Connector: finding(func(s *sdk.Snapshot, returns string) {
				if s.State == sdk.StateRequiresAction && strings.Contains(returns, "status=succeeded") {
					s.State = sdk.StateAuthorized
				}
			}),
		},
		{
			ID: "redirect-open", Fault: "buyers are sent to whatever page the answer names",
			Killer: "redirect/foreign-page", Reason: "expected the buyer not to be sent there",
			Transport: taken.take, Connector: authorizing(nil, taken.give),
		},
		{
			ID: "redirect-rewrites", Fault: "return URLs are parsed and written anew",
			Killer: "redirect/urls-unmodified", Reason: "to reach the provider, got other words",
			Connector: authorizing(func(req *sdk.AuthorizeRequest) {
				if u, err := url.Parse(req.ReturnURL); err == nil {
					u.RawQuery = u.Query().Encode()
					req.ReturnURL = u.String()
				}
			}, nil),
		},
		{
			ID: "redirect-new-page", Fault: "each answer leads to a page of its own",
			Killer: "redirect/same-page", Reason: "authorizing again with the same key",
			Collateral: []string{
				"redirect/one-page", "redirect/foreign-page", "keys/sent-*", "keys/within-its-lifetime",
			},
			Connector: authorizing(nil, func(r *sdk.AuthorizeResult) {
				if r.Next != nil {
					r.Next.RedirectURL += "?reload=" + strconv.FormatInt(reloads.Add(1), 10)
				}
			}),
		},
		{
			ID: "redirect-late", Fault: "the page is said to last a day, whatever the host allows",
			Killer: "redirect/one-page", Reason: "expected an expiry between now and",
			Collateral: []string{"lookup/page-ends"},
			Connector: authorizing(nil, func(r *sdk.AuthorizeResult) {
				if r.Next != nil {
					r.Next.ExpiresAt = r.Next.ExpiresAt.AddDate(0, 0, 1)
				}
			}),
		},
		{
			ID: "redirect-declined-pending", Fault: "a decline on the page is called under way, for ever",
			Killer: "redirect/declined", Reason: "got PROCESSING",
			Collateral: []string{"state/documented-statuses"},
			Connector:  renaming(sdk.StateDeclined, sdk.StateProcessing),
		},
		{
			ID: "redirect-left-pending", Fault: "a payment that its buyer left is called under way, for ever",
			Killer: "redirect/left", Reason: "got PROCESSING",
			Collateral: []string{"state/documented-statuses"},
			Connector:  renaming(sdk.StateCanceled, sdk.StateProcessing),
		},
		{
			ID: "redirect-expired-pending", Fault: "a payment whose time has passed is called under way, for ever",
			Killer: "redirect/timed-out", Reason: "got PROCESSING",
			Collateral: []string{"state/documented-statuses", "state/expired", "state/hold-ends-in-time"},
			Connector:  renaming(sdk.StateExpired, sdk.StateProcessing),
		},
	}
}

// renaming has lookups tell another state.
func renaming(from, to sdk.State) func(*reference.Connector) sdk.Connector {
	return finding(func(s *sdk.Snapshot, _ string) {
		if s.State == from {
			s.State = to
		}
	})
}

type finder struct {
	*reference.Connector
	returns sync.Map // reference -> return URL
	change  func(s *sdk.Snapshot, returns string)
}

// finding has what a lookup found changed, knowing where the buyer returns to.
func finding(change func(*sdk.Snapshot, string)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return &finder{Connector: c, change: change} }
}

func (f *finder) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	f.returns.Store(req.Call.Reference, req.ReturnURL)
	return f.Connector.Authorize(ctx, req)
}

func (f *finder) FindPayment(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	found, err := f.Connector.FindPayment(ctx, req)
	if found.Payment != nil {
		where, _ := f.returns.Load(req.Call.Reference)
		address, _ := where.(string)
		f.change(found.Payment, address)
	}
	return found, err
}

type authorizer struct {
	*reference.Connector
	before func(*sdk.AuthorizeRequest)
	after  func(*sdk.AuthorizeResult)
}

// authorizing has the request, the result or both changed.
func authorizing(before func(*sdk.AuthorizeRequest), after func(*sdk.AuthorizeResult)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return authorizer{c, before, after} }
}

func (a authorizer) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	if a.before != nil {
		a.before(&req)
	}
	r, err := a.Connector.Authorize(ctx, req)
	if a.after != nil {
		a.after(&r)
	}
	return r, err
}

// pages are the pages that answers name, taken out of them before the connector can
// refuse one and put back into what it says.
type pages struct{ named sync.Map } // page that the connector saw -> page in the answer

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func (p *pages) take(way http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		res, err := way.RoundTrip(req)
		if err != nil {
			return res, err
		}
		body, err := io.ReadAll(res.Body)
		if closeErr := res.Body.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, err
		}
		res.Body = io.NopCloser(bytes.NewReader(p.without(req.URL, body)))
		return res, nil
	})
}

// without is the answer with a page of the provider's in the place of any other host's.
func (p *pages) without(base *url.URL, body []byte) []byte {
	var answer struct {
		ID   string `json:"id"`
		Page string `json:"page"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Page == "" {
		return body
	}
	if u, err := url.Parse(answer.Page); err == nil && u.Host == base.Host && u.User == nil {
		return body
	}
	seen := base.Scheme + "://" + base.Host + "/pay/" + answer.ID
	p.named.Store(seen, answer.Page)
	return bytes.Replace(body, []byte(answer.Page), []byte(seen), 1)
}

func (p *pages) give(r *sdk.AuthorizeResult) {
	if r.Next == nil {
		return
	}
	if named, ok := p.named.LoadAndDelete(r.Next.RedirectURL); ok {
		r.Next.RedirectURL, _ = named.(string)
	}
}
