package host

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// The gate that payments see is that of what may be asked for, whatever is offered.
func TestGateIsOfWhatIsAllowed(t *testing.T) {
	described := sdk.Description{
		Manifest: sdk.Manifest{
			Name: "acme-pay", Version: "1.0.0", DisplayName: "Acme Pay", Contract: sdk.ContractRange{Min: 1, Max: 1},
			ConfigSchema: json.RawMessage(`{"type": "object", "properties": {}}`), Egress: []string{},
		},
		Operations: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment, sdk.OpRefund},
	}
	c := &connectors{config: Config{
		Now:        time.Now,
		Connectors: Policy{Certification: certificate.Policy{Mode: certificate.Off, Allow: sdk.Operations{sdk.OpAuthorize, sdk.OpFindPayment}}},
	}}
	admitted, err := c.admit(fleet.Release{Digest: attachedPrefix + "x", Name: "acme-pay"}, described)
	if err != nil {
		t.Fatal(err)
	}
	if refusal := admitted.Gate.Check(sdk.OpRefund, sdk.RefundRequest{}); refusal == nil || refusal.Code != sdk.CodeOperationUnsupported {
		t.Errorf("a refund that is not allowed: %v", refusal)
	}
	if admitted.Gate.RequiredPointers(sdk.OpAuthorize) == nil || admitted.Description.Operations.Has(sdk.OpRefund) {
		t.Errorf("admitted for %v", admitted.Description.Operations)
	}
}
