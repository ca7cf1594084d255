package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var authorizeMethod = method[
	sdk.AuthorizeRequest, sdk.AuthorizeResult, *pb.AuthorizeRequest, *pb.AuthorizeResponse,
]{
	op:           sdk.OpAuthorize,
	name:         pb.Connector_Authorize_FullMethodName,
	toRequest:    toAuthorize,
	fromRequest:  fromAuthorize,
	newResponse:  fresh[pb.AuthorizeResponse],
	toResponse:   toAuthorized,
	fromResponse: fromAuthorized,
	answer:       func(r *sdk.AuthorizeResult) *sdk.Answer { return &r.Answer },
}

func toAuthorize(req sdk.AuthorizeRequest) *pb.AuthorizeRequest {
	return &pb.AuthorizeRequest{
		Call:              toCall(req.Call),
		Amount:            toMoney(&req.Amount),
		Country:           req.Country,
		CaptureMode:       string(req.CaptureMode),
		Method:            req.Method,
		Token:             string(req.Token),
		Buyer:             toBuyer(req.Buyer),
		Billing:           toContact(req.Billing),
		Shipping:          toContact(req.Shipping),
		CartItems:         each(req.Cart, toCartItem),
		ReturnUrl:         req.ReturnURL,
		CancelUrl:         req.CancelURL,
		Locale:            req.Locale,
		Description:       req.Description,
		Metadata:          eachValue[string, string](req.Metadata, same),
		ApprovalExpiresAt: toTime(req.ApprovalExpiresAt),
	}
}

func fromAuthorize(m *pb.AuthorizeRequest) sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call:              fromCall(m.GetCall()),
		Amount:            fromAmount(m.GetAmount()),
		Country:           m.GetCountry(),
		CaptureMode:       sdk.CaptureMode(m.GetCaptureMode()),
		Method:            m.GetMethod(),
		Token:             sdk.TokenRef(m.GetToken()),
		Buyer:             fromBuyer(m.GetBuyer()),
		Billing:           fromContact(m.GetBilling()),
		Shipping:          fromContact(m.GetShipping()),
		Cart:              each(m.GetCartItems(), fromCartItem),
		ReturnURL:         m.GetReturnUrl(),
		CancelURL:         m.GetCancelUrl(),
		Locale:            m.GetLocale(),
		Description:       m.GetDescription(),
		Metadata:          eachValue[string, string](m.GetMetadata(), same),
		ApprovalExpiresAt: fromTime(m.GetApprovalExpiresAt()),
	}
}

func toAuthorized(r sdk.AuthorizeResult, err *sdk.Error) *pb.AuthorizeResponse {
	return &pb.AuthorizeResponse{
		Answer:  toAnswer(r.Answer, err),
		Order:   string(r.Order),
		Session: r.Session,
		Next:    toNext(r.Next),
	}
}

func fromAuthorized(m *pb.AuthorizeResponse) (sdk.AuthorizeResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.AuthorizeResult{
		Answer:  answer,
		Order:   sdk.OrderRef(m.GetOrder()),
		Session: m.GetSession(),
		Next:    fromNext(m.GetNext()),
	}, err
}

var incrementMethod = method[
	sdk.IncrementRequest, sdk.IncrementResult, *pb.IncrementRequest, *pb.IncrementResponse,
]{
	op:           sdk.OpIncrement,
	name:         pb.Connector_Increment_FullMethodName,
	toRequest:    toIncrement,
	fromRequest:  fromIncrement,
	newResponse:  fresh[pb.IncrementResponse],
	toResponse:   toIncremented,
	fromResponse: fromIncremented,
	answer:       func(r *sdk.IncrementResult) *sdk.Answer { return &r.Answer },
}

func toIncrement(req sdk.IncrementRequest) *pb.IncrementRequest {
	return &pb.IncrementRequest{
		Call: toCall(req.Call), Order: string(req.Order), Amount: toMoney(&req.Amount),
	}
}

func fromIncrement(m *pb.IncrementRequest) sdk.IncrementRequest {
	return sdk.IncrementRequest{
		Call: fromCall(m.GetCall()), Order: sdk.OrderRef(m.GetOrder()), Amount: fromAmount(m.GetAmount()),
	}
}

func toIncremented(r sdk.IncrementResult, err *sdk.Error) *pb.IncrementResponse {
	return &pb.IncrementResponse{Answer: toAnswer(r.Answer, err)}
}

func fromIncremented(m *pb.IncrementResponse) (sdk.IncrementResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.IncrementResult{Answer: answer}, err
}
