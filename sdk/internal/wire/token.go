package wire

import (
	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

var tokenizeMethod = method[sdk.TokenizeRequest, sdk.TokenizeResult, *pb.TokenizeRequest, *pb.TokenizeResponse]{
	op:           sdk.OpTokenize,
	name:         pb.Connector_Tokenize_FullMethodName,
	toRequest:    toTokenize,
	fromRequest:  fromTokenize,
	newResponse:  fresh[pb.TokenizeResponse],
	toResponse:   toTokenized,
	fromResponse: fromTokenized,
	answer:       func(r *sdk.TokenizeResult) *sdk.Answer { return &r.Answer },
}

func toTokenize(req sdk.TokenizeRequest) *pb.TokenizeRequest {
	return &pb.TokenizeRequest{
		Call:      toCall(req.Call),
		Method:    req.Method,
		Buyer:     toBuyer(req.Buyer),
		Billing:   toContact(req.Billing),
		ReturnUrl: req.ReturnURL,
		CancelUrl: req.CancelURL,
		Locale:    req.Locale,
	}
}

func fromTokenize(m *pb.TokenizeRequest) sdk.TokenizeRequest {
	return sdk.TokenizeRequest{
		Call:      fromCall(m.GetCall()),
		Method:    m.GetMethod(),
		Buyer:     fromBuyer(m.GetBuyer()),
		Billing:   fromContact(m.GetBilling()),
		ReturnURL: m.GetReturnUrl(),
		CancelURL: m.GetCancelUrl(),
		Locale:    m.GetLocale(),
	}
}

func toTokenized(r sdk.TokenizeResult, err *sdk.Error) *pb.TokenizeResponse {
	return &pb.TokenizeResponse{Answer: toAnswer(r.Answer, err), Token: string(r.Token), Next: toNext(r.Next)}
}

func fromTokenized(m *pb.TokenizeResponse) (sdk.TokenizeResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.TokenizeResult{
		Answer: answer, Token: sdk.TokenRef(m.GetToken()), Next: fromNext(m.GetNext()),
	}, err
}

var deleteTokenMethod = method[
	sdk.DeleteTokenRequest, sdk.DeleteTokenResult, *pb.DeleteTokenRequest, *pb.DeleteTokenResponse,
]{
	op:           sdk.OpDeleteToken,
	name:         pb.Connector_DeleteToken_FullMethodName,
	toRequest:    toDeleteToken,
	fromRequest:  fromDeleteToken,
	newResponse:  fresh[pb.DeleteTokenResponse],
	toResponse:   toTokenDeleted,
	fromResponse: fromTokenDeleted,
	answer:       func(r *sdk.DeleteTokenResult) *sdk.Answer { return &r.Answer },
}

func toDeleteToken(req sdk.DeleteTokenRequest) *pb.DeleteTokenRequest {
	return &pb.DeleteTokenRequest{Call: toCall(req.Call), Token: string(req.Token)}
}

func fromDeleteToken(m *pb.DeleteTokenRequest) sdk.DeleteTokenRequest {
	return sdk.DeleteTokenRequest{Call: fromCall(m.GetCall()), Token: sdk.TokenRef(m.GetToken())}
}

func toTokenDeleted(r sdk.DeleteTokenResult, err *sdk.Error) *pb.DeleteTokenResponse {
	return &pb.DeleteTokenResponse{Answer: toAnswer(r.Answer, err)}
}

func fromTokenDeleted(m *pb.DeleteTokenResponse) (sdk.DeleteTokenResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.DeleteTokenResult{Answer: answer}, err
}

var zeroAuthorizeMethod = method[
	sdk.ZeroAuthorizeRequest, sdk.ZeroAuthorizeResult, *pb.ZeroAuthorizeRequest, *pb.ZeroAuthorizeResponse,
]{
	op:           sdk.OpZeroAuthorize,
	name:         pb.Connector_ZeroAuthorize_FullMethodName,
	toRequest:    toZeroAuthorize,
	fromRequest:  fromZeroAuthorize,
	newResponse:  fresh[pb.ZeroAuthorizeResponse],
	toResponse:   toZeroAuthorized,
	fromResponse: fromZeroAuthorized,
	answer:       func(r *sdk.ZeroAuthorizeResult) *sdk.Answer { return &r.Answer },
}

func toZeroAuthorize(req sdk.ZeroAuthorizeRequest) *pb.ZeroAuthorizeRequest {
	return &pb.ZeroAuthorizeRequest{
		Call:     toCall(req.Call),
		Currency: string(req.Currency),
		Country:  req.Country,
		Method:   req.Method,
		Token:    string(req.Token),
		Billing:  toContact(req.Billing),
	}
}

func fromZeroAuthorize(m *pb.ZeroAuthorizeRequest) sdk.ZeroAuthorizeRequest {
	return sdk.ZeroAuthorizeRequest{
		Call:     fromCall(m.GetCall()),
		Currency: sdk.Currency(m.GetCurrency()),
		Country:  m.GetCountry(),
		Method:   m.GetMethod(),
		Token:    sdk.TokenRef(m.GetToken()),
		Billing:  fromContact(m.GetBilling()),
	}
}

func toZeroAuthorized(r sdk.ZeroAuthorizeResult, err *sdk.Error) *pb.ZeroAuthorizeResponse {
	return &pb.ZeroAuthorizeResponse{Answer: toAnswer(r.Answer, err)}
}

func fromZeroAuthorized(m *pb.ZeroAuthorizeResponse) (sdk.ZeroAuthorizeResult, *sdk.Error) {
	answer, err := fromAnswer(m.GetAnswer())
	return sdk.ZeroAuthorizeResult{Answer: answer}, err
}
