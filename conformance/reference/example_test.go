package reference_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// A forgetful connector is the reference connector, wrong in one way: it says what was
// asked for, and not what the provider did.
type forgetful struct{ *reference.Connector }

func (f forgetful) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	res, err := f.Connector.Authorize(ctx, req)
	res.Amount = &req.Amount
	return res, err
}

// otherKey gives every request a key of its own, so that a write that is sent again
// is done again.
type otherKey struct {
	http.RoundTripper
	n int
}

func (o *otherKey) RoundTrip(req *http.Request) (*http.Response, error) {
	o.n++
	req.Header.Set("Idempotency-Key", fmt.Sprint("wrong-", o.n))
	return o.RoundTripper.RoundTrip(req)
}

// One behaviour at a time can be replaced: what the connector says, and what it does.
func Example_wrongInOneWay() {
	p := provider.New(provider.Options{})
	req := sdk.AuthorizeRequest{
		Call: sdk.Call{Key: "k", Reference: "R1", Account: sdk.Account{
			Mode: sdk.ModeTest, Secrets: map[string]sdk.Secret{"api_key": sdk.NewSecret("key_test_example0")},
		}},
		Amount: sdk.Money{Minor: provider.HalfApproved, Currency: "KWD"}, Country: "KW", CaptureMode: sdk.CaptureManual,
		Method: "card",
	}
	says := forgetful{reference.New(reference.Options{Inside: p.Inside()})}
	res, err := says.Authorize(context.Background(), req)
	fmt.Println("says", res.Amount, err)
	fmt.Println("held", p.Ledger("k", "").ByKey["k"].Held)

	does := reference.New(reference.Options{Inside: &otherKey{RoundTripper: p.Inside()}})
	req.Call.Reference = "R2"
	for range 2 {
		if _, err := does.Authorize(context.Background(), req); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println("holds", p.Ledger("", "R2").ByReference["R2"].Movements)

	// Output:
	// says 77201 KWD <nil>
	// held 38600
	// holds 2
}
