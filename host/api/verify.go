package api

import (
	"net/http"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

type verifyRequest struct {
	DefinitionID string       `json:"payment_service_definition_id"`
	ServiceID    string       `json:"payment_service_id"`
	Fields       []fieldValue `json:"fields"`
}

// verifyCredentials asks the provider whether credentials work. With a payment
// service, fields that are left out are those that it has. Nothing is stored.
func (s *server) verifyCredentials(c *call) (answer, error) {
	doc, err := c.body(s.shapes.verify)
	if err != nil {
		return answer{}, err
	}
	var v verifyRequest
	if err := doc.into(&v); err != nil {
		return answer{}, err
	}
	x, _, ok := s.offer(v.DefinitionID)
	if !ok {
		return answer{}, invalid(unknownDefinition())
	}
	account, err := s.candidate(c, v, x)
	if err != nil {
		return answer{}, err
	}
	if !x.Description.Operations.Has(sdk.OpCheckCredentials) {
		return answer{}, invalid(detail{inBody, "/payment_service_definition_id",
			"must be of a connector that can verify credentials", string(sdk.CodeOperationUnsupported)})
	}
	lease, err := s.Connectors.Acquire(c.ctx, x.Description.Manifest.Name)
	if err != nil {
		return answer{}, err
	}
	defer lease.Release()
	check, err := lease.Remote.CheckCredentials(c.ctx, sdk.CheckCredentialsRequest{Call: sdk.Call{Account: account}})
	if err != nil {
		return answer{}, err
	}
	if !check.Valid {
		p := invalid(detail{inBody, "/fields", "must be credentials that the provider accepts",
			string(sdk.CodeCredentialsInvalid)})
		p.Message = "The provider does not accept these credentials"
		if check.Reason != "" {
			p.Message += ": " + check.Reason
		}
		return answer{}, p
	}
	return reply(http.StatusOK, struct{}{})
}

// candidate is the account that the credentials to be verified make up.
func (s *server) candidate(c *call, v verifyRequest, x Connector) (sdk.Account, error) {
	svc := store.PaymentService{ID: "unsaved", Mode: s.Mode}
	if v.ServiceID != "" {
		kept, err := s.Store.Service(c.ctx, v.ServiceID)
		if err != nil || kept.MerchantAccount != c.account || kept.Deleted ||
			kept.Connector != x.Description.Manifest.Name {
			return sdk.Account{}, invalid(detail{inBody, "/payment_service_id",
				"must be a payment service of this definition", string(sdk.CodeInvalidField)})
		}
		svc = kept
	}
	in := serviceInput{Fields: v.Fields}
	fields := in.merge(&svc)
	if refused := x.Gate.CheckFields(fields); refused != nil {
		return sdk.Account{}, invalid(in.blame(refused)...)
	}
	config, secrets := split(fields, x)
	return sdk.Account{ID: svc.ID, Revision: svc.Revision, Mode: svc.Mode, Config: config, Secrets: secrets}, nil
}
