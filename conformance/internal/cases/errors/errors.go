// Package errors holds the cases about what a provider's refusals are called: every
// documented decline and error means something, what is not documented is said to be
// unmapped, and the provider's own words come along as it said them.
//
// Which words a provider has is its author's to list, as fixtures. The proxy says them in
// the provider's place, so that also those can be heard which no simulator can provoke.
package errors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		declineIsDecline, declineCodes, networkWords,
		documentedCodes, providerWords, unmapped, nothingInvented,
	}
}

var needs = []sdk.Operation{sdk.OpAuthorize}

// jsonType is what providers' refusals are, unless the fixture says otherwise.
const jsonType = "application/json"

// saying answers every write with what a fixture has the provider say.
func saying(f suite.ErrorFixture) proxy.Fault {
	header := http.Header{"Content-Type": {jsonType}}
	for name, value := range f.Headers {
		header.Set(name, value)
	}
	return proxy.Fault{What: proxy.Instead, Only: proxy.Writes, Reply: proxy.Reply{
		Status: f.Status, Header: header, Body: []byte(f.Body),
	}}
}

// A heard is what a connector made of one refusal.
type heard struct {
	fixture suite.ErrorFixture
	step    string
	err     error
}

// hear has the provider say each of the fixtures to a write that it could be about.
func hear(ctx context.Context, l *suite.Lane, fixtures []suite.ErrorFixture) ([]heard, error) {
	var all []heard
	var refund func(context.Context) error
	for _, f := range fixtures {
		ask := func(ctx context.Context) error { return authorize(ctx, l) }
		if refunds(f.Code) && l.Description.Operations.Has(sdk.OpRefund) {
			if refund == nil {
				var err error
				if refund, err = refunding(ctx, l); err != nil {
					return nil, err
				}
			}
			ask = refund
		}
		if err := l.Break(saying(f)); err != nil {
			return nil, err
		}
		err := ask(ctx)
		if healErr := l.Heal(); healErr != nil {
			return nil, healErr
		}
		all = append(all, heard{f, fmt.Sprintf("the provider saying %s (%d %s)", f.Name, f.Status, f.Provider), err})
	}
	return all, nil
}

// refunds reports whether a code can only be about a refund.
func refunds(c sdk.Code) bool {
	return c == sdk.CodeAmountExceedsRefundable || c == sdk.CodeAlreadyRefunded
}

func authorize(ctx context.Context, l *suite.Lane) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	_, err = l.Open(ctx, cell, l.Amount())
	return err
}

// refunding readies a payment of which a part can be refunded.
func refunding(ctx context.Context, l *suite.Lane) (func(context.Context) error, error) {
	p, capture, err := l.Captured(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := p.Refund(ctx, capture, p.Request.Amount.Minor/2)
		return err
	}, nil
}

// documented are the fixtures' errors.
func documented(l *suite.Lane) ([]suite.ErrorFixture, error) {
	if len(l.Fixtures().Errors) == 0 {
		return nil, fmt.Errorf("%w: errors is missing", suite.ErrNotTestable)
	}
	return l.Fixtures().Errors, nil
}

// set is a request with values at JSON Pointers.
func set(req sdk.AuthorizeRequest, values map[string]any) (sdk.AuthorizeRequest, error) {
	raw, err := json.Marshal(req)
	if err != nil {
		return req, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return req, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	for pointer, value := range values {
		if err := put(tree, strings.Split(strings.TrimPrefix(pointer, "/"), "/"), value); err != nil {
			return req, fmt.Errorf("%w: declines: %s: %w", suite.ErrNotTestable, pointer, err)
		}
	}
	if raw, err = json.Marshal(tree); err != nil {
		return req, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	changed := sdk.AuthorizeRequest{}
	if err := json.Unmarshal(raw, &changed); err != nil {
		return req, fmt.Errorf("%w: declines: %w", suite.ErrNotTestable, err)
	}
	changed.Call = req.Call // secrets have no JSON form
	return changed, nil
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// put sets a value below tree, making the objects on the way to it.
func put(tree any, steps []string, value any) error {
	step := unescape.Replace(steps[0])
	switch at := tree.(type) {
	case map[string]any:
		if len(steps) == 1 {
			at[step] = value
			return nil
		}
		if at[step] == nil {
			at[step] = map[string]any{}
		}
		return put(at[step], steps[1:], value)
	case []any:
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(at) {
			return fmt.Errorf("%q is no place in a list of %d", step, len(at))
		}
		if len(steps) == 1 {
			at[i] = value
			return nil
		}
		return put(at[i], steps[1:], value)
	}
	return fmt.Errorf("%q leads into what is neither an object nor a list", step)
}

// says reports whether an answer has a text in it, as a value of its JSON or as it is.
func says(body []byte, text string) bool {
	var tree any
	if json.Unmarshal(body, &tree) != nil {
		return strings.Contains(string(body), text)
	}
	return within(tree, text)
}

func within(tree any, text string) bool {
	switch v := tree.(type) {
	case string:
		return strings.Contains(v, text)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) == text
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return within(x, text) })
	case map[string]any:
		for _, x := range v {
			if within(x, text) {
				return true
			}
		}
	}
	return false
}
