package doubt

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/cases/deed"
	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A look is one way in which lookups go wrong.
type look struct {
	id, requirement string
	rule, why       string
	faults          []proxy.Fault
	categories      []sdk.Category
	late            bool
}

const lookWhy = "A lookup that failed and says that there is no payment frees the host to charge again."

var failed = []sdk.Category{sdk.CategoryProviderUnavailable, sdk.CategoryProviderAmbiguous}

// reading are the ways in which a lookup goes wrong.
var reading = []look{
	{
		id: "doubt/lookup-server-error", requirement: "PC-TIME-007", categories: failed,
		faults: []proxy.Fault{reads(500, jsonType, ""), reads(502, htmlType, page), reads(503, jsonType, "{}"), reads(504, htmlType, page)},
		rule:   "A lookup that meets HTTP 5xx fails: it finds nothing out, neither a payment nor that there is none.", why: lookWhy,
	},
	{
		id: "doubt/lookup-hangs", requirement: "PC-TIME-007", categories: append([]sdk.Category{sdk.CategoryPlugin}, failed...), late: true,
		faults: []proxy.Fault{{What: proxy.Hang, Only: proxy.Reads}},
		rule:   "A lookup that is never answered fails by the deadline.", why: lookWhy,
	},
	{
		id: "doubt/lookup-breaks-off", requirement: "PC-TIME-007", categories: failed,
		faults: []proxy.Fault{
			{What: proxy.Refuse}, {What: proxy.ResetBeforeHeaders, Only: proxy.Reads}, {What: proxy.TruncateChunked, Only: proxy.Reads, Bytes: 20},
		},
		rule: "A lookup whose connection breaks fails.", why: lookWhy,
	},
	{
		id: "doubt/lookup-unreadable", requirement: "PC-TIME-007", categories: append([]sdk.Category{sdk.CategoryIntegrity, sdk.CategoryUnmapped}, failed...),
		faults: []proxy.Fault{
			reads(200, jsonType, ""), reads(200, jsonType, "null"), reads(200, htmlType, page), reads(200, jsonType, "{}"), {What: proxy.Mistype, Only: proxy.Reads},
		},
		rule: "A lookup whose answer cannot be read fails, and does not crash.", why: lookWhy,
	},
}

// reads answers every read with a status and a body that no provider sent.
func reads(status int, kind, body string) proxy.Fault {
	return proxy.Fault{What: proxy.Instead, Only: proxy.Reads, Reply: reply(status, kind, body)}
}

func (k look) asCase() suite.Case {
	return suite.Case{
		ID: k.id, Requirement: k.requirement, Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
		Sim: true, Slow: k.late, Rule: k.rule, Why: k.why,
		Run: func(ctx context.Context, l *suite.Lane) error {
			d, order, err := opened(ctx, l)
			if err != nil {
				return err
			}
			var wrong []error
			for _, f := range k.faults {
				wrong = append(wrong, k.strike(ctx, l, f, d, order))
			}
			return errors.Join(append(wrong, d.Known(ctx, "looking again", true))...)
		},
	}
}

// opened is an authorization that was asked for, and the provider's name for it.
func opened(ctx context.Context, l *suite.Lane) (*deed.Deed, sdk.OrderRef, error) {
	d, err := deed.One(ctx, l, sdk.OpAuthorize)
	if err != nil {
		return nil, "", err
	}
	r := d.Do(ctx)
	if !r.Done() || r.Ref == "" {
		return nil, "", fmt.Errorf("%w: authorizing: %s", suite.ErrBlocked, r)
	}
	return d, sdk.OrderRef(r.Ref), nil
}

func (k look) strike(ctx context.Context, l *suite.Lane, f proxy.Fault, d *deed.Deed, order sdk.OrderRef) error {
	if err := l.Break(f); err != nil {
		return err
	}
	var wrong []error
	for name, o := range map[string]sdk.OrderRef{"the provider's name": order, "our reference": ""} {
		step := fmt.Sprintf("looking up by %s: %s", name, describe(f))
		wrong = append(wrong, k.judge(ctx, l, step, sdk.FindPaymentRequest{
			Call: suite.Reading(d.Call), Order: o, CreatedAt: l.Now().Add(-lookBack),
		}))
	}
	return errors.Join(append(wrong, l.Heal())...)
}

func (k look) judge(ctx context.Context, l *suite.Lane, step string, req sdk.FindPaymentRequest) error {
	if k.late {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		ctx = limited
	}
	finding, err := l.Remote.FindPayment(ctx, req)
	if err == nil {
		return suite.Brokenf(step, "an error", "found %t, authoritative %t", finding.Found, finding.Authoritative)
	}
	return sane(step, err, k.categories)
}
