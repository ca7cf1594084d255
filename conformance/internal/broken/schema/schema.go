// Package schema holds the mutants whose code and schemas disagree.
package schema

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant { return append(inside(), outside()...) }

// A twisted connector describes or authorizes in its own way.
type twisted struct {
	*reference.Connector
	manifest  func(*sdk.Manifest)
	authorize func(context.Context, sdk.AuthorizeRequest) (sdk.AuthorizeResult, error)
}

// Describe implements [sdk.Connector].
func (t twisted) Describe() sdk.Manifest {
	m := t.Connector.Describe()
	t.manifest(&m)
	return m
}

// Authorize implements [sdk.Authorizer].
func (t twisted) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	return t.authorize(ctx, req)
}

func claiming(change func(*sdk.Manifest)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return twisted{c, change, c.Authorize} }
}

// reading looks at each payment before the right code gets it.
func reading(look func(sdk.AuthorizeRequest) error) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector {
		return twisted{c, func(*sdk.Manifest) {}, func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			if err := look(req); err != nil {
				return sdk.AuthorizeResult{}, err
			}
			return c.Authorize(ctx, req)
		}}
	}
}

func inside() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "panic-on-nil", Fault: "panics over a payment without a buyer",
			Killer: "schema/optional-left-out", Reason: "authorizing without /buyer: expected outcome",
			Connector: reading(func(req sdk.AuthorizeRequest) error {
				_ = req.Buyer.ExternalID
				return nil
			}),
			Collateral: []string{"schema/least-is-enough", "schema/authorize-valid"},
		},
		{
			ID: "needs-unsaid", Fault: "needs a billing address and does not say so",
			Killer: "schema/least-is-enough", Reason: "authorizing with the least that is required: expected outcome",
			Connector: reading(func(req sdk.AuthorizeRequest) error {
				if req.Billing == nil {
					return sdk.Errorf("reference.Authorize", sdk.CodeInvalidState, "where does the buyer live?")
				}
				return nil
			}),
			Collateral: []string{"schema/optional-left-out"},
		},
		{
			ID: "stricter-than-schema", Fault: "does not understand languages that are said in three parts",
			Killer: "schema/authorize-valid", Reason: "expected the provider to be asked",
			Connector: reading(func(req sdk.AuthorizeRequest) error {
				if strings.Count(req.Locale, "-") > 1 {
					return &sdk.Error{Op: "reference.Authorize", Code: sdk.CodeInvalidField, Fields: []sdk.FieldError{
						{Pointer: "/locale", Message: "must be a language and at most a country"},
					}}
				}
				return nil
			}),
			Collateral: []string{"schema/optional-left-out"},
		},
		{
			ID: "schema-against-manifest", Fault: "offers France and has a schema that refuses it",
			Killer: "schema/cells", Reason: "FR automatic: expected no objection",
			Connector: claiming(func(m *sdk.Manifest) {
				m.RequestSchemas[sdk.OpAuthorize] = json.RawMessage(strings.Replace(string(m.RequestSchemas[sdk.OpAuthorize]),
					`"properties": {`, `"properties": {"country": {"not": {"const": "FR"}},`, 1))
			}),
			Collateral: []string{"capability/cells-complete", "capability/cells-refund", "capability/cells-void"},
		},
		{
			ID: "example-lie", Fault: "suggests a value for a field that it then refuses",
			Killer: "schema/own-examples", Reason: "judging an example in the config schema /properties/provider_url",
			Connector: claiming(func(m *sdk.Manifest) {
				m.ConfigSchema = json.RawMessage(strings.Replace(string(m.ConfigSchema),
					`"title": "Provider's address",`, `"title": "Provider's address", "default": "provider.example",`, 1))
			}),
		},
	}
}

// A loose connector is one that no SDK stands before, in some methods.
type loose struct {
	sdk.Remote
	raw       *reference.Connector
	authorize func(l *loose, ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error)
	refund    func(l *loose, ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error)
	find      func(l *loose, ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error)
}

// Authorize implements [sdk.Authorizer].
func (l *loose) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	if l.authorize == nil {
		return l.Remote.Authorize(ctx, req)
	}
	return l.authorize(l, ctx, req)
}

// Refund implements [sdk.Refunder].
func (l *loose) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	if l.refund == nil {
		return l.Remote.Refund(ctx, req)
	}
	return l.refund(l, ctx, req)
}

// FindRefund implements [sdk.RefundFinder].
func (l *loose) FindRefund(ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	if l.find == nil {
		return l.Remote.FindRefund(ctx, req)
	}
	return l.find(l, ctx, req)
}

func loosen(how loose) func(sdk.Remote) sdk.Remote {
	return func(r sdk.Remote) sdk.Remote {
		l := how
		l.Remote, l.raw = r, reference.New(reference.Options{Outside: &http.Transport{DisableKeepAlives: true}})
		return &l
	}
}

func outside() []broken.Mutant {
	reasons := []sdk.RefundReason{sdk.RefundRequested, sdk.RefundFraudulent, sdk.RefundDuplicate}
	return []broken.Mutant{
		{
			ID: "looser-than-schema", Fault: "takes control characters in a buyer's name",
			Killer: "schema/authorize-ill", Reason: "authorize with /buyer/display_name being",
			Remote: loosen(loose{authorize: func(l *loose, ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
				if req.Buyer != nil && strings.ContainsAny(req.Buyer.DisplayName, "\x00\x7f") {
					return l.raw.Authorize(ctx, req)
				}
				return l.Remote.Authorize(ctx, req)
			}}),
		},
		{
			ID: "enum-of-tomorrow", Fault: "takes a reason of tomorrow for the first that it knows",
			Killer: "schema/refund-ill", Reason: "refund with /reason being",
			Remote: loosen(loose{refund: func(l *loose, ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
				if req.Reason != "" && !slices.Contains(reasons, req.Reason) {
					req.Reason = sdk.RefundRequested
				}
				return l.Remote.Refund(ctx, req)
			}}),
		},
		{
			ID: "answer-unreadable", Fault: "says that it has found a refund and does not say which",
			Killer: "schema/answers", Reason: "law schema: the answer to find_refund",
			Remote: loosen(loose{find: func(l *loose, ctx context.Context, req sdk.FindRefundRequest) (sdk.RefundFinding, error) {
				found, err := l.Remote.FindRefund(ctx, req)
				found.Found = found.Found || err == nil && req.Refund != ""
				return found, err
			}}),
			Collateral: []string{"capability/offered-works", "schema/find_refund-valid"},
		},
	}
}
