package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var checkCredentialsMethod = method[
	sdk.CheckCredentialsRequest, sdk.CredentialCheck, *pb.CheckCredentialsRequest, *pb.CheckCredentialsResponse,
]{
	op:           sdk.OpCheckCredentials,
	name:         pb.Connector_CheckCredentials_FullMethodName,
	toRequest:    toCheckCredentials,
	fromRequest:  fromCheckCredentials,
	newResponse:  fresh[pb.CheckCredentialsResponse],
	toResponse:   toCredentialCheck,
	fromResponse: fromCredentialCheck,
}

func toCheckCredentials(req sdk.CheckCredentialsRequest) *pb.CheckCredentialsRequest {
	return &pb.CheckCredentialsRequest{Call: toCall(req.Call)}
}

func fromCheckCredentials(m *pb.CheckCredentialsRequest) sdk.CheckCredentialsRequest {
	return sdk.CheckCredentialsRequest{Call: fromCall(m.GetCall())}
}

func toCredentialCheck(c sdk.CredentialCheck, err *sdk.Error) *pb.CheckCredentialsResponse {
	return &pb.CheckCredentialsResponse{Valid: c.Valid, Reason: toWords(c.Reason), Error: toError(err)}
}

func fromCredentialCheck(m *pb.CheckCredentialsResponse) (sdk.CredentialCheck, *sdk.Error) {
	return sdk.CredentialCheck{Valid: m.GetValid(), Reason: m.GetReason()}, fromError(m.GetError())
}
