// Package errors is the reference connector with refusals that are called by the wrong
// name.
package errors

import (
	"context"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "decline-as-success", Fault: "a declined payment is called a success",
			Killer: "errors/decline-is-a-decline", Reason: "expected outcome [DECLINED], got SUCCEEDED",
			Collateral: []string{"errors/decline-codes"},
			Connector:  func(c *reference.Connector) sdk.Connector { return optimist{c} },
		},
		{
			ID: "decline-generic", Fault: "every decline is called unknown",
			Killer: "errors/decline-is-a-decline", Reason: "expected outcome [DECLINED], got UNKNOWN",
			Collateral: []string{"errors/decline-codes"},
			Connector: failing(func(e *sdk.Error) {
				if e.Outcome() == sdk.OutcomeDeclined {
					e.Code = sdk.CodeUnmappedError
				}
			}),
		},
		{
			ID: "decline-one-code", Fault: "every decline has the same code",
			Killer: "errors/decline-codes", Reason: "got do_not_honor",
			Connector: failing(func(e *sdk.Error) {
				if e.Outcome() == sdk.OutcomeDeclined {
					e.Code = sdk.CodeDoNotHonor
				}
			}),
		},
		{
			ID: "unmapped-decline", Fault: "an error that nobody documented is called a decline",
			Killer: "errors/unmapped", Reason: "expected a failure with [unmapped_error], got do_not_honor",
			Connector: failing(func(e *sdk.Error) {
				if e.Code == sdk.CodeUnmappedError && e.Provider.Code != "" {
					e.Code = sdk.CodeDoNotHonor
				}
			}),
		},
		{
			ID: "credentials-decline", Fault: "a merchant whose API key was revoked is told that the buyer was declined",
			Killer: "errors/documented-codes", Reason: "expected a failure with [credentials_expired], got do_not_honor",
			Collateral: []string{"credentials/wrong-take-nothing", "account/mode-mismatch"},
			Connector: failing(func(e *sdk.Error) {
				if e.Category() == sdk.CategoryAuthentication && e.Provider.HTTPStatus != 0 {
					e.Code = sdk.CodeDoNotHonor
				}
			}),
		},
		{
			ID: "words-translated", Fault: "the provider's code is replaced by the contract's",
			Killer: "errors/provider-words", Reason: "its code: expected", Collateral: []string{"errors/unmapped"},
			Connector: failing(func(e *sdk.Error) {
				if e.Provider.Code != "" {
					e.Provider.Code = string(e.Code)
				}
			}),
		},
		{
			ID: "words-shouted", Fault: "the provider's message is written anew",
			Killer: "errors/provider-words", Reason: "expected its own message",
			Connector: failing(func(e *sdk.Error) { e.Provider.Message = strings.ToUpper(e.Provider.Message) }),
		},
		{
			ID: "request-id-lost", Fault: "the provider's request id is dropped",
			Killer: "errors/provider-words", Reason: "its request id: expected",
			Connector: failing(func(e *sdk.Error) { e.Provider.RequestID = "" }),
		},
		{
			ID: "words-invented", Fault: "where the provider gives no code, one is made up",
			Killer: "errors/nothing-invented", Reason: "expected no words of the provider's",
			Collateral: []string{"errors/provider-words"},
			Connector: failing(func(e *sdk.Error) {
				if e.Provider.HTTPStatus != 0 && e.Provider.Code == "" {
					e.Provider.Code = "unknown_error"
				}
			}),
		},
		{
			ID: "network-made-up", Fault: "a decline without a network's word has the network's general one",
			Killer: "errors/network-words", Reason: "which the provider did not say",
			Connector: failing(func(e *sdk.Error) {
				if e.Outcome() == sdk.OutcomeDeclined && e.Network == nil {
					e.Network = &sdk.Network{DeclineCode: "05-general"}
				}
			}),
		},
	}
}

type failer struct {
	*reference.Connector
	change func(*sdk.Error)
}

// failing has the errors of authorizations and refunds changed.
func failing(change func(*sdk.Error)) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return failer{c, change} }
}

func (f failer) fail(err error) error {
	if err == nil {
		return nil
	}
	changed := *sdk.AsError(err)
	f.change(&changed)
	return &changed
}

func (f failer) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	r, err := f.Connector.Authorize(ctx, req)
	return r, f.fail(err)
}

func (f failer) Refund(ctx context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	r, err := f.Connector.Refund(ctx, req)
	return r, f.fail(err)
}

type optimist struct{ *reference.Connector }

func (o optimist) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	r, err := o.Connector.Authorize(ctx, req)
	if err != nil && sdk.AsError(err).Outcome() == sdk.OutcomeDeclined {
		r.Outcome = sdk.OutcomeSucceeded
		return r, nil
	}
	return r, err
}
