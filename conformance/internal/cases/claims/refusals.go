package claims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var pastDeadlineIsRefused = suite.Case{
	ID: "deadline/past", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "A call whose deadline has passed is not attempted.",
	Why:  "Work that nobody waits for must not move money.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
		defer cancel()
		mark := l.Mark()
		const step = "calling after the deadline"
		return errors.Join(suite.Refused(step, l.Invoke(late, sdk.OpAuthorize)), l.Nothing(step, mark))
	},
}

// spoilt sends the fixtures' authorize request, spoilt in one way, and expects it to be
// refused, naming the field, before the provider hears of it.
func spoilt(ctx context.Context, l *suite.Lane, step, pointer string, spoil func(*sdk.AuthorizeRequest), codes ...sdk.Code) error {
	mark := l.Mark()
	return errors.Join(spoiltOneOfMany(ctx, l, step, pointer, spoil, codes...), l.Nothing(step, mark))
}

// spoiltOneOfMany is spoilt without waiting for what may be on its way to the provider:
// that is for the end of all of them.
func spoiltOneOfMany(ctx context.Context, l *suite.Lane, step, pointer string, spoil func(*sdk.AuthorizeRequest), codes ...sdk.Code) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	req, err := l.Authorization(cell, l.Amount())
	if err != nil {
		return err
	}
	spoil(&req)
	mark := l.Mark()
	_, err = l.Remote.Authorize(ctx, req)
	return errors.Join(suite.Refused(step, err, codes...), suite.Named(step, err, pointer), soFarNothing(l, step, mark))
}

// soFarNothing checks that nothing has arrived at the provider yet.
func soFarNothing(l *suite.Lane, step string, since suite.Mark) error {
	if record := l.Proxy.Since(since); !record.Silent() {
		return suite.Brokenf(step, "the provider to hear nothing", "%d requests or connections",
			max(record.Connections, len(record.Exchanges)))
	}
	return nil
}

var amountNotPositiveIsRefused = suite.Case{
	ID: "authorize/amount-not-positive", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Zero and negative amounts are refused, naming the field.",
	Why:  "A negative amount pays the buyer.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		var wrong []error
		for _, minor := range []int64{0, -1, -1 << 63} {
			wrong = append(wrong, spoilt(ctx, l, fmt.Sprintf("authorizing %d", minor), "/amount",
				func(r *sdk.AuthorizeRequest) { r.Amount.Minor = minor }))
		}
		return errors.Join(wrong...)
	},
}

var missingFieldIsNamed = suite.Case{
	ID: "authorize/missing-field", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	Rule: "Every field that the request schema requires is missed when it is missing, by its JSON Pointer.",
	Why:  "A merchant who is told which field can mend it; one who is not opens a ticket.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		manifest := l.Description.Manifest
		facts, err := schemas.ManifestFacts(manifest)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		schema, err := schemas.Compile("authorize.request", facts["authorize"], manifest.RequestSchemas[sdk.OpAuthorize])
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrSuite, err)
		}
		var wrong []error
		tried := 0
		for _, pointer := range schema.RequiredPointers() {
			if !blank(&sdk.AuthorizeRequest{}, pointer) {
				continue
			}
			tried++
			wrong = append(wrong, spoilt(ctx, l, "authorizing without "+pointer, pointer,
				func(r *sdk.AuthorizeRequest) { blank(r, pointer) }))
		}
		if tried == 0 {
			return fmt.Errorf("%w: no required field could be taken away", suite.ErrSuite)
		}
		return errors.Join(wrong...)
	},
}

// blank empties the field that a pointer names, and reports whether it could.
func blank(req *sdk.AuthorizeRequest, pointer string) bool {
	call := req.Call
	raw, err := json.Marshal(req)
	if err != nil {
		return false
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return false
	}
	path := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	if slices.Contains([]string{"call", "amount"}, path[0]) {
		return false // their absence cannot be told from zero
	}
	at := tree
	for _, step := range path[:len(path)-1] {
		next, ok := at[step].(map[string]any)
		if !ok {
			return true // what it is in is not there either
		}
		at = next
	}
	delete(at, path[len(path)-1])
	raw, err = json.Marshal(tree)
	if err != nil {
		return false
	}
	var without sdk.AuthorizeRequest
	if json.Unmarshal(raw, &without) != nil {
		return false
	}
	without.Call = call
	*req = without
	return true
}

var tooManyItemsAreRefused = suite.Case{
	ID: "authorize/too-many-items", Requirement: "PC-CAP-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize},
	When: func(m sdk.Manifest) bool { return m.Limits.CartItems > 0 }, WhenText: "no limit of cart items is claimed",
	Rule: "A cart with one item more than the manifest's limit is refused, naming the field.",
	Why:  "A limit that is not enforced is found by the provider, at the till.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		limit := l.Description.Manifest.Limits.CartItems
		return spoilt(ctx, l, fmt.Sprintf("authorizing %d cart items", limit+1), "/cart_items", func(r *sdk.AuthorizeRequest) {
			r.Cart = slices.Repeat([]sdk.CartItem{{Name: "x", Quantity: 1, UnitAmount: 1}}, limit+1)
			r.Amount.Minor = int64(limit + 1)
		})
	},
}
