package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var captureMethod = method[sdk.CaptureRequest, sdk.CaptureResult, *pb.CaptureRequest, *pb.CaptureResponse]{
	op:           sdk.OpCapture,
	name:         pb.Connector_Capture_FullMethodName,
	toRequest:    toCapture,
	fromRequest:  fromCapture,
	newResponse:  fresh[pb.CaptureResponse],
	toResponse:   toCaptured,
	fromResponse: fromCaptured,
	answer:       func(r *sdk.CaptureResult) *sdk.Answer { return &r.Answer },
}

func toCapture(req sdk.CaptureRequest) *pb.CaptureRequest {
	return &pb.CaptureRequest{
		Call:   toCall(req.Call),
		Order:  string(req.Order),
		Amount: toMoney(&req.Amount),
		Final:  req.Final,
	}
}

func fromCapture(m *pb.CaptureRequest) sdk.CaptureRequest {
	return sdk.CaptureRequest{
		Call:   fromCall(m.GetCall()),
		Order:  sdk.OrderRef(m.GetOrder()),
		Amount: fromAmount(m.GetAmount()),
		Final:  m.GetFinal(),
	}
}

func toCaptured(r sdk.CaptureResult, err *sdk.Error) *pb.CaptureResponse {
	return &pb.CaptureResponse{
		Answer:   toAnswer(r.Answer, err),
		Capture:  string(r.Capture),
		Released: toMoney(r.Released),
	}
}

func fromCaptured(m *pb.CaptureResponse) (sdk.CaptureResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.CaptureResult{
		Answer:   answer,
		Capture:  sdk.CaptureRef(m.GetCapture()),
		Released: fromMoney(m.GetReleased()),
	}, err
}
