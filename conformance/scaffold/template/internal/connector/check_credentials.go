package connector

import (
	"context"

	"github.com/connectorhost/connectorhost/sdk"
)

// CheckCredentials implements [sdk.CredentialChecker]: it asks whose the API key is.
func (c *Connector) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	const op sdk.Op = "example-pay.CheckCredentials"
	ctx, cancel := answerFirst(ctx)
	defer cancel()
	client, err := c.client(op, req.Call.Account)
	if err == nil {
		var merchant struct {
			ID string `json:"id"`
		}
		err = client.Get(ctx, "/v1/merchant", nil, &merchant)
		if err == nil && merchant.ID == "" {
			return sdk.CredentialCheck{}, sdk.Errorf(op, sdk.CodeUnparseableSuccess, "the answer names no merchant")
		}
	}
	if err == nil {
		return sdk.CredentialCheck{Valid: true}, nil
	}
	e := failure(op, err)
	if e.Category() != sdk.CategoryAuthentication {
		return sdk.CredentialCheck{}, e
	}
	return sdk.CredentialCheck{Reason: e.Error()}, nil
}
