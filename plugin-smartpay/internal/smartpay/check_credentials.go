package smartpay

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// CheckCredentials implements [sdk.CredentialChecker].
//
// It lists one order, which creates nothing. A key of the wrong form or of the other
// environment is found out without asking Smartpay.
func (c *Connector) CheckCredentials(
	ctx context.Context, req sdk.CheckCredentialsRequest,
) (sdk.CredentialCheck, error) {
	const op sdk.Op = "smartpay.CheckCredentials"
	merchant, err := c.merchant(op, req.Call)
	if err == nil {
		bounded, cancel := answerFirst(ctx)
		defer cancel()
		if _, err = merchant.Orders(bounded, api.PageRequest{Max: 1}); err == nil {
			return sdk.CredentialCheck{Valid: true}, nil
		}
	}
	e := sdk.AsError(failure(op, err))
	if e.Category() != sdk.CategoryAuthentication {
		return sdk.CredentialCheck{}, e
	}
	return sdk.CredentialCheck{Reason: why(e)}, nil
}

// why is a refusal of credentials in words for an operator.
func why(e *sdk.Error) string {
	if e.Provider.HTTPStatus == 0 {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	reason := fmt.Sprintf("%s: Smartpay refused the secret key (HTTP %d)", e.Code, e.Provider.HTTPStatus)
	if e.Provider.Message != "" {
		reason += ": " + e.Provider.Message
	}
	return reason
}
