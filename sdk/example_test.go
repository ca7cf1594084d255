package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// Piggy is the smallest connector: it says what it is, and does one thing.
type Piggy struct{}

// Describe says what methods cannot.
func (Piggy) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name:        "piggy",
		Version:     "1.0.0",
		Contract:    sdk.ContractRange{Min: 1, Max: sdk.ContractVersion},
		DisplayName: "Piggy Bank",
		ConfigSchema: json.RawMessage(`{
			"type": "object",
			"required": ["key"],
			"properties": {"key": {"type": "string", "minLength": 1, "writeOnly": true}}
		}`),
	}
}

// CheckCredentials is an operation: to have it is to offer it.
func (Piggy) CheckCredentials(
	_ context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	if req.Call.Account.Secrets["key"].Reveal() != "oink" {
		return sdk.CredentialCheck{Reason: "the bank does not know this key"}, nil
	}
	return sdk.CredentialCheck{Valid: true}, nil
}

// A plugin's main is serve.Connector(Piggy{}). Here the connector is served in memory,
// and called as a host calls it.
func Example() {
	piggy, shut, err := sdktest.Open(Piggy{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	for _, key := range []string{"oink", "moo"} {
		account := sdk.Account{
			ID: "shop-1", Mode: sdk.ModeTest, Secrets: map[string]sdk.Secret{"key": sdk.NewSecret(key)},
		}
		check, err := piggy.CheckCredentials(ctx, sdk.CheckCredentialsRequest{Call: sdk.Call{Account: account}})
		fmt.Printf("%+v %v\n", check, err)
	}

	_, err = piggy.Refund(ctx, sdk.RefundRequest{Amount: sdk.JPY(500)})
	fmt.Println(err)
	fmt.Println(shut())

	// Output:
	// {Valid:true Reason:} <nil>
	// {Valid:false Reason:the bank does not know this key} <nil>
	// piggy.refund: operation_unsupported: this connector does not offer refund
	// <nil>
}
