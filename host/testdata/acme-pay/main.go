// Acme-pay is the connector that the tests of a host run: it can check credentials, and
// nothing else.
package main

import (
	"context"
	"encoding/json"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

type connector struct{}

func (connector) Describe() sdk.Manifest {
	return sdk.Manifest{
		Name: "acme-pay", Version: "1.0.0", DisplayName: "Acme Pay", Contract: sdk.ContractRange{Min: 1, Max: 1},
		ConfigSchema: json.RawMessage(`{"type": "object", "properties": {}}`), Egress: []string{},
	}
}

func (connector) CheckCredentials(context.Context, sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	return sdk.CredentialCheck{Valid: true}, nil
}

func main() { serve.Connector(connector{}) }
