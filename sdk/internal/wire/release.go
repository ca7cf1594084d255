package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var voidMethod = method[sdk.VoidRequest, sdk.VoidResult, *pb.VoidRequest, *pb.VoidResponse]{
	op:           sdk.OpVoid,
	name:         pb.Connector_Void_FullMethodName,
	toRequest:    toVoid,
	fromRequest:  fromVoid,
	newResponse:  fresh[pb.VoidResponse],
	toResponse:   toVoided,
	fromResponse: fromVoided,
	answer:       func(r *sdk.VoidResult) *sdk.Answer { return &r.Answer },
}

func toVoid(req sdk.VoidRequest) *pb.VoidRequest {
	return &pb.VoidRequest{Call: toCall(req.Call), Order: string(req.Order)}
}

func fromVoid(m *pb.VoidRequest) sdk.VoidRequest {
	return sdk.VoidRequest{Call: fromCall(m.GetCall()), Order: sdk.OrderRef(m.GetOrder())}
}

func toVoided(r sdk.VoidResult, err *sdk.Error) *pb.VoidResponse {
	return &pb.VoidResponse{Answer: toAnswer(r.Answer, err), Released: toMoney(r.Released)}
}

func fromVoided(m *pb.VoidResponse) (sdk.VoidResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.VoidResult{Answer: answer, Released: fromMoney(m.GetReleased())}, err
}

var cancelMethod = method[sdk.CancelRequest, sdk.CancelResult, *pb.CancelRequest, *pb.CancelResponse]{
	op:           sdk.OpCancel,
	name:         pb.Connector_Cancel_FullMethodName,
	toRequest:    toCancel,
	fromRequest:  fromCancel,
	newResponse:  fresh[pb.CancelResponse],
	toResponse:   toCanceled,
	fromResponse: fromCanceled,
	answer:       func(r *sdk.CancelResult) *sdk.Answer { return &r.Answer },
}

func toCancel(req sdk.CancelRequest) *pb.CancelRequest {
	return &pb.CancelRequest{Call: toCall(req.Call), Order: string(req.Order), Session: req.Session}
}

func fromCancel(m *pb.CancelRequest) sdk.CancelRequest {
	return sdk.CancelRequest{
		Call: fromCall(m.GetCall()), Order: sdk.OrderRef(m.GetOrder()), Session: m.GetSession(),
	}
}

func toCanceled(r sdk.CancelResult, err *sdk.Error) *pb.CancelResponse {
	return &pb.CancelResponse{Answer: toAnswer(r.Answer, err), ApprovalPossible: r.ApprovalPossible}
}

func fromCanceled(m *pb.CancelResponse) (sdk.CancelResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.CancelResult{Answer: answer, ApprovalPossible: m.GetApprovalPossible()}, err
}
