package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var refundMethod = method[sdk.RefundRequest, sdk.RefundResult, *pb.RefundRequest, *pb.RefundResponse]{
	op:           sdk.OpRefund,
	name:         pb.Connector_Refund_FullMethodName,
	toRequest:    toRefund,
	fromRequest:  fromRefund,
	newResponse:  fresh[pb.RefundResponse],
	toResponse:   toRefunded,
	fromResponse: fromRefunded,
	answer:       func(r *sdk.RefundResult) *sdk.Answer { return &r.Answer },
}

func toRefund(req sdk.RefundRequest) *pb.RefundRequest {
	return &pb.RefundRequest{
		Call:        toCall(req.Call),
		Order:       string(req.Order),
		Capture:     string(req.Capture),
		Amount:      toMoney(&req.Amount),
		Reason:      string(req.Reason),
		Description: req.Description,
	}
}

func fromRefund(m *pb.RefundRequest) sdk.RefundRequest {
	return sdk.RefundRequest{
		Call:        fromCall(m.GetCall()),
		Order:       sdk.OrderRef(m.GetOrder()),
		Capture:     sdk.CaptureRef(m.GetCapture()),
		Amount:      fromAmount(m.GetAmount()),
		Reason:      sdk.RefundReason(m.GetReason()),
		Description: m.GetDescription(),
	}
}

func toRefunded(r sdk.RefundResult, err *sdk.Error) *pb.RefundResponse {
	return &pb.RefundResponse{Answer: toAnswer(r.Answer, err), Refund: string(r.Refund)}
}

func fromRefunded(m *pb.RefundResponse) (sdk.RefundResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.RefundResult{Answer: answer, Refund: sdk.RefundRef(m.GetRefund())}, err
}
