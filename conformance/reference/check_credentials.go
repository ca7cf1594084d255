package reference

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
)

// CheckCredentials implements [sdk.CredentialChecker]. It asks who the API key belongs
// to, which creates nothing.
func (c *Connector) CheckCredentials(ctx context.Context, req sdk.CheckCredentialsRequest) (sdk.CredentialCheck, error) {
	const op sdk.Op = "reference.CheckCredentials"
	merchant, err := c.merchant(op, req.Call.Account)
	if err == nil {
		bounded, cancel := answerFirst(ctx)
		defer cancel()
		var account struct{}
		if err = merchant.Read(bounded, "/v1/account", nil, &account); err == nil {
			return sdk.CredentialCheck{Valid: true}, nil
		}
		err = failure(op, err)
	}
	e := sdk.AsError(err)
	if e.Category() != sdk.CategoryAuthentication {
		return sdk.CredentialCheck{}, e
	}
	if e.Err != nil {
		return sdk.CredentialCheck{Reason: fmt.Sprintf("%s: %v", e.Code, e.Err)}, nil
	}
	return sdk.CredentialCheck{Reason: fmt.Sprintf("%s: %s", e.Code, e.Provider.Message)}, nil
}
