package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var findPaymentMethod = method[
	sdk.FindPaymentRequest, sdk.PaymentFinding, *pb.FindPaymentRequest, *pb.FindPaymentResponse,
]{
	op:           sdk.OpFindPayment,
	name:         pb.Connector_FindPayment_FullMethodName,
	toRequest:    toFindPayment,
	fromRequest:  fromFindPayment,
	newResponse:  fresh[pb.FindPaymentResponse],
	toResponse:   toPaymentFinding,
	fromResponse: fromPaymentFinding,
	flaw:         func(f sdk.PaymentFinding) string { return findingFlaw(f.Found, f.Payment != nil) },
}

// findingFlaw says what is wrong with a finding. One that contradicts itself must not
// be read as "there is none": the host would let the money be asked for again.
func findingFlaw(found, shown bool) string {
	switch {
	case found && !shown:
		return "it was found but is not shown"
	case !found && shown:
		return "it is shown but was not found"
	}
	return ""
}

func toFindPayment(req sdk.FindPaymentRequest) *pb.FindPaymentRequest {
	return &pb.FindPaymentRequest{
		Call: toCall(req.Call), Order: string(req.Order), CreatedAt: toTime(req.CreatedAt),
	}
}

func fromFindPayment(m *pb.FindPaymentRequest) sdk.FindPaymentRequest {
	return sdk.FindPaymentRequest{
		Call: fromCall(m.GetCall()), Order: sdk.OrderRef(m.GetOrder()), CreatedAt: fromTime(m.GetCreatedAt()),
	}
}

func toPaymentFinding(f sdk.PaymentFinding, err *sdk.Error) *pb.FindPaymentResponse {
	return &pb.FindPaymentResponse{
		Found:         f.Found,
		Authoritative: f.Authoritative,
		Payment:       toSnapshot(f.Payment),
		Error:         toError(err),
	}
}

func fromPaymentFinding(m *pb.FindPaymentResponse) (sdk.PaymentFinding, *sdk.Error) {
	return sdk.PaymentFinding{
		Found:         m.GetFound(),
		Authoritative: m.GetAuthoritative(),
		Payment:       fromSnapshot(m.GetPayment()),
	}, fromError(m.GetError())
}

var findRefundMethod = method[
	sdk.FindRefundRequest, sdk.RefundFinding, *pb.FindRefundRequest, *pb.FindRefundResponse,
]{
	op:           sdk.OpFindRefund,
	name:         pb.Connector_FindRefund_FullMethodName,
	toRequest:    toFindRefund,
	fromRequest:  fromFindRefund,
	newResponse:  fresh[pb.FindRefundResponse],
	toResponse:   toRefundFinding,
	fromResponse: fromRefundFinding,
	flaw:         func(f sdk.RefundFinding) string { return findingFlaw(f.Found, f.Refund != nil) },
}

func toFindRefund(req sdk.FindRefundRequest) *pb.FindRefundRequest {
	return &pb.FindRefundRequest{
		Call:    toCall(req.Call),
		Order:   string(req.Order),
		Capture: string(req.Capture),
		Refund:  string(req.Refund),
	}
}

func fromFindRefund(m *pb.FindRefundRequest) sdk.FindRefundRequest {
	return sdk.FindRefundRequest{
		Call:    fromCall(m.GetCall()),
		Order:   sdk.OrderRef(m.GetOrder()),
		Capture: sdk.CaptureRef(m.GetCapture()),
		Refund:  sdk.RefundRef(m.GetRefund()),
	}
}

func toRefundFinding(f sdk.RefundFinding, err *sdk.Error) *pb.FindRefundResponse {
	m := &pb.FindRefundResponse{
		Found:         f.Found,
		Authoritative: f.Authoritative,
		Error:         toError(err),
	}
	if f.Refund != nil {
		m.Refund = toRefundSnapshot(*f.Refund)
	}
	return m
}

func fromRefundFinding(m *pb.FindRefundResponse) (sdk.RefundFinding, *sdk.Error) {
	f := sdk.RefundFinding{Found: m.GetFound(), Authoritative: m.GetAuthoritative()}
	if m.GetRefund() != nil {
		refund := fromRefundSnapshot(m.GetRefund())
		f.Refund = &refund
	}
	return f, fromError(m.GetError())
}
