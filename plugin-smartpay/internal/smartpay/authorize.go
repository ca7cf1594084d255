package smartpay

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// approvalTime is how long the buyer has to approve, where the host does not allow
// less. How long Smartpay keeps a checkout open is unknown. [UNK]
const approvalTime = 30 * time.Minute

// Authorize implements [sdk.Authorizer].
//
// It starts a checkout. The order that comes with it carries our reference, and the
// buyer approves on the page whose address Smartpay gives, which is passed on as it
// is. With automatic capture Smartpay makes the capture by itself on approval.
func (c *Connector) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	const op sdk.Op = "smartpay.Authorize"
	merchant, err := c.merchant(op, req.Call)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	params, err := checkout(op, req)
	if err != nil {
		return sdk.AuthorizeResult{}, err
	}
	ctx, cancel := answerFirst(ctx)
	defer cancel()

	session, err := merchant.Hiding(personal(req)...).CreateSession(ctx, string(req.Call.Key), params)
	if err != nil {
		return sdk.AuthorizeResult{}, failure(op, err)
	}
	return c.started(op, req, session)
}

// checkout is the request in Smartpay's words. It depends on nothing but req, so that
// a request sent again is the request that was sent.
func checkout(op sdk.Op, req sdk.AuthorizeRequest) (api.SessionParams, error) {
	order, err := basketOf(op, req)
	if err != nil {
		return api.SessionParams{}, err
	}
	params := api.SessionParams{
		Amount:        req.Amount.Minor,
		Currency:      string(req.Amount.Currency),
		CaptureMethod: api.CaptureAutomatic,
		Items:         order.lines(),
		CustomerInfo:  customerOf(req),
		ShippingInfo:  shippingOf(req.Shipping, order.fee),
		SuccessURL:    req.ReturnURL,
		CancelURL:     req.CancelURL,
		Description:   req.Description,
		Reference:     string(req.Call.Reference),
		Locale:        localeOf(req.Locale),
		Metadata:      req.Metadata,
	}
	if req.CaptureMode == sdk.CaptureManual {
		params.CaptureMethod = api.CaptureManual
	}
	return params, nil
}

// localeOf is one of the two languages that Smartpay's page has, or "", which leaves
// the choice to Smartpay.
func localeOf(tag string) string {
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if language == "ja" || language == "en" {
		return language
	}
	return ""
}

// started translates the answer. Where it is not the order that was asked for, the
// result still names it, and gives no page to go to.
func (c *Connector) started(op sdk.Op, req sdk.AuthorizeRequest, s *api.Session) (sdk.AuthorizeResult, error) {
	if err := renamed(op, string(req.Call.Reference), s.Reference); err != nil {
		return sdk.AuthorizeResult{}, err
	}
	result := sdk.AuthorizeResult{Order: sdk.OrderRef(s.Order.ID), Session: string(s.ID)}
	state := sdk.StateRequiresAction // a checkout that is new, of an order of which only the id is told
	if order := s.Order.Value; order != nil {
		if err := renamed(op, string(req.Call.Reference), order.Reference); err != nil {
			return sdk.AuthorizeResult{}, err
		}
		result.Amount = moneyOf(order.Amount, order.Currency)
		result.Provider.Status = order.Status
		if err := differs(op, req.Amount, order.Amount, order.Currency); err != nil {
			return result, err
		}
		payment, err := holding{order: order}.snapshot(op)
		if err != nil {
			return result, err
		}
		result.Payment, state = payment, stateOf(order)
	}
	return c.decided(op, req, s, state, result)
}

// decided completes a result by the state that the order is in.
func (c *Connector) decided(
	op sdk.Op, req sdk.AuthorizeRequest, s *api.Session, state sdk.State, result sdk.AuthorizeResult,
) (sdk.AuthorizeResult, error) {
	switch state {
	case sdk.StateRequiresAction:
		if !usable(s.URL, baseOf(req.Call.Account)) {
			return result, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the checkout has no address to send the buyer to")
		}
		result.Outcome = sdk.OutcomeRequiresAction
		result.Next = &sdk.Next{RedirectURL: s.URL, ExpiresAt: c.approvalEnds(req, s)}
		return result, nil
	case sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured:
		result.Outcome = sdk.OutcomeSucceeded
		return result, nil
	case sdk.StateProcessing:
		result.Outcome = sdk.OutcomePending
		return result, nil
	case sdk.StateDeclined:
		e := sdk.Errorf(op, sdk.CodeOrderRejected, "Smartpay rejected the order")
		e.Provider.Status = result.Provider.Status
		return result, e
	case sdk.StateUnknown, sdk.StateVoided, sdk.StateCanceled, sdk.StateFailed, sdk.StateExpired:
	}
	return result, unmapped(op, "new order", result.Provider.Status)
}

// approvalEnds is the earliest of what the host, the connector and Smartpay allow.
func (c *Connector) approvalEnds(req sdk.AuthorizeRequest, s *api.Session) time.Time {
	ends := c.options.Now().Add(approvalTime).UTC()
	for _, limit := range []time.Time{req.ApprovalExpiresAt, s.ExpiresAt.Time()} {
		if !limit.IsZero() && limit.Before(ends) {
			ends = limit
		}
	}
	return ends
}

// pageDomain is where the hosted page is: at checkout.smartpay.co, as official clients
// have it.
const pageDomain = "smartpay.co"

// usable reports whether a browser can be sent to address: a page of Smartpay's or of
// the host that the API is on, by https; or a page on this machine if the API is on it
// as well, which is where a stand-in for Smartpay runs.
func usable(address, base string) bool {
	page, err := url.Parse(address)
	if err != nil || page.Host == "" || page.User != nil {
		return false
	}
	served, err := url.Parse(base)
	if err != nil {
		return false
	}
	host, ours := strings.ToLower(page.Hostname()), strings.ToLower(served.Hostname())
	switch page.Scheme {
	case "https":
		return host == ours || host == pageDomain || strings.HasSuffix(host, "."+pageDomain) ||
			api.IsLoopback(host) && api.IsLoopback(ours)
	case "http":
		return api.IsLoopback(host) && api.IsLoopback(ours)
	}
	return false
}
