package lookup

import (
	"context"
	"fmt"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// fails is the case that a lookup whose answer is broken in one way is an error, and
// that the next one tells the truth.
func fails(id, requirement, how string, f proxy.Fault) suite.Case {
	f.Only = proxy.Reads
	return suite.Case{
		ID: id, Requirement: requirement, Profile: suite.Core, Sim: true, Needs: finding,
		Rule: "A lookup that is answered with " + how + " is an error: neither found nor not found.",
		Why:  "Not found, when nobody knows, makes a host pay again; found, with a state that nobody told, ship.",
		Run: func(ctx context.Context, l *suite.Lane) error {
			p, err := approved(ctx, l)
			if err != nil {
				return err
			}
			sums, err := p.Sums(ctx)
			if err != nil {
				return err
			}
			if err := l.Break(f); err != nil {
				return err
			}
			for name, order := range map[string]sdk.OrderRef{"our reference": "", "the provider's name": p.Result.Order} {
				mark := l.Mark()
				found, err := find(ctx, l, p.Request.Call, order)
				step := fmt.Sprintf("looking up by %s, answered with %s", name, how)
				if err == nil {
					return suite.Brokenf(step, "an error", "found %t, authoritative %t", found.Found, found.Authoritative)
				}
				if l.Heard(mark) == 0 {
					return suite.Brokenf(step, "the provider to be asked", "it heard nothing (%v)", err)
				}
			}
			if err := l.Heal(); err != nil {
				return err
			}
			snapshot, err := p.Find(ctx)
			if err != nil {
				return err
			}
			return suite.Shows("looking up once the provider is well", snapshot, p.Request.Amount.Currency, sums)
		},
	}
}

func page(status int) proxy.Fault { return proxy.Fault{What: proxy.Instead, Reply: proxy.HTML(status)} }

func said(r proxy.Reply) proxy.Fault { return proxy.Fault{What: proxy.Instead, Reply: r} }

const half = 40 // bytes of an answer that come before it is cut

var (
	serverError = fails("lookup/server-error", "PC-SYNC-010", "503 and a body of JSON",
		said(proxy.Reply{Status: http.StatusServiceUnavailable, Body: []byte("{}")}))
	gatewayPage     = fails("lookup/gateway-page", "PC-SYNC-010", "502 and a page", page(http.StatusBadGateway))
	foreignNotFound = fails("lookup/foreign-404", "PC-SYNC-010", "404 and somebody else's page", page(http.StatusNotFound))
	connectionReset = fails("lookup/reset", "PC-SYNC-010", "a reset", proxy.Fault{What: proxy.ResetBeforeHeaders})
	htmlSuccess     = fails("lookup/html", "PC-SYNC-011", "200 and a page", page(http.StatusOK))
	emptySuccess    = fails("lookup/empty", "PC-SYNC-011", "200 and nothing", said(proxy.Empty()))
	nullSuccess     = fails("lookup/null", "PC-SYNC-011", "200 and null", said(proxy.Null()))
	otherTypes      = fails("lookup/mistyped", "PC-SYNC-011", "values of other types", proxy.Fault{What: proxy.Mistype})
	truncated       = fails("lookup/truncated", "PC-SYNC-011", "half an answer", proxy.Fault{What: proxy.Truncate, Bytes: half})

	truncatedChunked = fails("lookup/truncated-chunked", "PC-SYNC-011", "half an answer in chunks",
		proxy.Fault{What: proxy.TruncateChunked, Bytes: half})
)

var refundLookupFails = suite.Case{
	ID: "lookup/refund-server-error", Requirement: "PC-SYNC-010", Profile: suite.Refunds, Sim: true,
	Needs: with(sdk.OpRefund, sdk.OpFindRefund),
	Rule:  "A lookup of a refund that fails, or is cut off, is an error: neither found nor not found.",
	Why:   "Not found, when nobody knows, makes a host refund again.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		p, capture, err := l.Captured(ctx)
		if err != nil {
			return err
		}
		req := p.Refunding(capture, p.Request.Amount.Minor)
		result, err := l.Remote.Refund(ctx, req)
		if err := done("refunding", result.Answer, err); err != nil {
			return err
		}
		for _, f := range []proxy.Fault{
			page(http.StatusBadGateway), page(http.StatusNotFound), page(http.StatusOK), said(proxy.Empty()),
			{What: proxy.Truncate, Bytes: half},
		} {
			f.Only = proxy.Reads
			if err := l.Break(f); err != nil {
				return err
			}
			found, err := refundOf(ctx, l, p, req)
			if err == nil {
				return suite.Brokenf(fmt.Sprintf("looking a refund up at a provider that answers %s %d", f.What, f.Reply.Status),
					"an error", "found %t, authoritative %t", found.Found, found.Authoritative)
			}
			if err := l.Heal(); err != nil {
				return err
			}
		}
		found, err := refundOf(ctx, l, p, req)
		if err != nil || !found.Found {
			return suite.Brokenf("looking a refund up once the provider is well", "it to be found", "%t, %v", found.Found, err)
		}
		return nil
	},
}
