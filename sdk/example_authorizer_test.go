package sdk_test

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// A Bank stands for a provider: it keeps holds under the merchant's reference, and its
// answers can get lost.
type Bank struct {
	holds       map[sdk.Reference]sdk.Money
	loseAnswers bool
}

// Hold is idempotent in the reference. lost says that nobody knows what happened.
func (b *Bank) Hold(ref sdk.Reference, amount sdk.Money) (order sdk.OrderRef, lost bool) {
	b.holds[ref] = amount
	return sdk.OrderRef("order-" + ref), b.loseAnswers
}

// A BankConnector can authorize, and so must be able to look a payment up: it is how a
// lost answer is settled.
type BankConnector struct{ bank *Bank }

// Describe promises what the schemas then hold every request to.
func (c BankConnector) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name:         "bank",
		Version:      "1.0.0",
		Contract:     sdk.ContractRange{Min: 1, Max: sdk.ContractVersion},
		DisplayName:  "Bank",
		Methods:      []sdk.PaymentMethod{{Name: "bank", Flow: sdk.FlowDirect}},
		Countries:    []string{"JP"},
		Currencies:   []sdk.CurrencyFact{{Code: "JPY", Exponent: 0}},
		CaptureModes: []sdk.CaptureMode{sdk.CaptureAutomatic},
		Idempotency:  map[sdk.Operation]sdk.Idempotency{sdk.OpAuthorize: {Mode: sdk.IdempotencyLookup}},
	}
}

// Authorize asks, fails and translates. An answer that was lost is in doubt: to call it
// a failure would let the host ask for the money again.
func (c BankConnector) Authorize(_ context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	order, lost := c.bank.Hold(req.Call.Reference, req.Amount)
	if lost {
		return sdk.AuthorizeResult{}, sdk.Errorf("bank.Authorize", sdk.CodeReadTimeout, "no answer to the hold")
	}
	return sdk.AuthorizeResult{
		Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &req.Amount},
		Order:  order,
	}, nil
}

// FindPayment finds by the host's own reference, since the order may never have arrived.
func (c BankConnector) FindPayment(_ context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
	held, ok := c.bank.holds[req.Call.Reference]
	if !ok {
		return sdk.PaymentFinding{Authoritative: true}, nil
	}
	return sdk.PaymentFinding{Found: true, Payment: &sdk.Snapshot{
		Order:      sdk.OrderRef("order-" + req.Call.Reference),
		Reference:  req.Call.Reference,
		State:      sdk.StateAuthorized,
		Authorized: &held,
	}}, nil
}

// The answer to an authorization is lost, and the payment is found again by reference.
func ExampleAuthorizer() {
	bank := &Bank{holds: make(map[sdk.Reference]sdk.Money), loseAnswers: true}
	remote, shut, err := sdktest.Open(BankConnector{bank})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	call := sdk.Call{
		OperationID: "op-1", Key: "key-1", Attempt: 1, Reference: "7jZXl4gBUNl0CnaLEnfXbt",
		Account: sdk.Account{ID: "shop-1", Mode: sdk.ModeTest},
	}

	res, err := remote.Authorize(ctx, sdk.AuthorizeRequest{
		Call: call, Amount: sdk.JPY(1050), Country: "JP", CaptureMode: sdk.CaptureAutomatic, Method: "bank",
	})
	fmt.Println(res.Outcome, err)
	fmt.Println("next:", sdk.AsError(err).Retry())

	finding, err := remote.FindPayment(ctx, sdk.FindPaymentRequest{Call: call})
	fmt.Println(finding.Payment.State, finding.Payment.Authorized, err)
	fmt.Println(shut())

	// Output:
	// UNKNOWN bank.Authorize: read_timeout: no answer to the hold
	// next: RECONCILE_FIRST
	// AUTHORIZED 1050 JPY <nil>
	// <nil>
}
