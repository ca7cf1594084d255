package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func toCall(c sdk.Call) *pb.Call {
	return &pb.Call{
		OperationId:    string(c.OperationID),
		IdempotencyKey: string(c.Key),
		Attempt:        toInt32(c.Attempt),
		PaymentId:      string(c.PaymentID),
		Reference:      string(c.Reference),
		Account:        toAccount(c.Account),
		TraceParent:    c.TraceParent,
	}
}

func fromCall(m *pb.Call) sdk.Call {
	return sdk.Call{
		OperationID: sdk.OperationID(m.GetOperationId()),
		Key:         sdk.IdempotencyKey(m.GetIdempotencyKey()),
		Attempt:     int(m.GetAttempt()),
		PaymentID:   sdk.PaymentID(m.GetPaymentId()),
		Reference:   sdk.Reference(m.GetReference()),
		Account:     fromAccount(m.GetAccount()),
		TraceParent: m.GetTraceParent(),
	}
}

// toAccount puts secrets in clear into the message, which must go nowhere but the
// connector's socket.
func toAccount(a sdk.Account) *pb.Account {
	return &pb.Account{
		Id:       a.ID,
		Revision: a.Revision,
		Mode:     string(a.Mode),
		Config:   eachValue[string, string](a.Config, same),
		Secrets:  eachValue[string, string](a.Secrets, sdk.Secret.Reveal),
	}
}

func fromAccount(m *pb.Account) sdk.Account {
	return sdk.Account{
		ID:       m.GetId(),
		Revision: m.GetRevision(),
		Mode:     sdk.Mode(m.GetMode()),
		Config:   eachValue[string, string](m.GetConfig(), same),
		Secrets:  eachValue[string, string](m.GetSecrets(), sdk.NewSecret),
	}
}
