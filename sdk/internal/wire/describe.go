package wire

import (
	"encoding/json"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// opDescribe names the call in errors; it is no operation that a connector may lack.
const opDescribe sdk.Operation = "describe"

var describeMethod = method[struct{}, sdk.Description, *pb.DescribeRequest, *pb.DescribeResponse]{
	op:           opDescribe,
	name:         pb.Connector_Describe_FullMethodName,
	toRequest:    func(struct{}) *pb.DescribeRequest { return &pb.DescribeRequest{} },
	fromRequest:  func(*pb.DescribeRequest) struct{} { return struct{}{} },
	newResponse:  fresh[pb.DescribeResponse],
	toResponse:   toDescription,
	fromResponse: fromDescription,
	flaw: func(d sdk.Description) string {
		if d.Manifest.Name == "" {
			return "the manifest has no name"
		}
		return ""
	},
}

// toDescription has nowhere to put an error: a guard has checked the manifest before
// there is anything to call.
func toDescription(d sdk.Description, _ *sdk.Error) *pb.DescribeResponse {
	return &pb.DescribeResponse{
		Manifest:   toManifest(d.Manifest),
		Operations: toStrings(d.Operations),
	}
}

func fromDescription(m *pb.DescribeResponse) (sdk.Description, *sdk.Error) {
	return sdk.Description{
		Manifest:   fromManifest(m.GetManifest()),
		Operations: fromStrings[sdk.Operation](m.GetOperations()),
	}, nil
}

func toManifest(m sdk.Manifest) *pb.Manifest {
	return &pb.Manifest{
		Name:            m.Name,
		Version:         m.Version,
		ContractMin:     toInt32(m.Contract.Min),
		ContractMax:     toInt32(m.Contract.Max),
		DisplayName:     m.DisplayName,
		Methods:         each(m.Methods, toPaymentMethod),
		Countries:       m.Countries,
		Currencies:      each(m.Currencies, toCurrencyFact),
		CaptureModes:    toStrings(m.CaptureModes),
		Features:        toFeatures(m.Features),
		Limits:          toLimits(m.Limits),
		ConfigSchema:    m.ConfigSchema,
		RequestSchemas:  eachValue[sdk.Operation, string](m.RequestSchemas, toJSON),
		Idempotency:     eachValue[sdk.Operation, string](m.Idempotency, toIdempotency),
		RefundScope:     string(m.RefundScope),
		VisibilityDelay: toLength(m.VisibilityDelay),
		Webhook:         toWebhookFact(m.Webhook),
		Egress:          m.Egress,
	}
}

func fromManifest(m *pb.Manifest) sdk.Manifest {
	return sdk.Manifest{
		Name:            m.GetName(),
		Version:         m.GetVersion(),
		Contract:        sdk.ContractRange{Min: int(m.GetContractMin()), Max: int(m.GetContractMax())},
		DisplayName:     m.GetDisplayName(),
		Methods:         each(m.GetMethods(), fromPaymentMethod),
		Countries:       m.GetCountries(),
		Currencies:      each(m.GetCurrencies(), fromCurrencyFact),
		CaptureModes:    fromStrings[sdk.CaptureMode](m.GetCaptureModes()),
		Features:        fromFeatures(m.GetFeatures()),
		Limits:          fromLimits(m.GetLimits()),
		ConfigSchema:    fromJSON(m.GetConfigSchema()),
		RequestSchemas:  eachValue[string, sdk.Operation](m.GetRequestSchemas(), fromJSON),
		Idempotency:     eachValue[string, sdk.Operation](m.GetIdempotency(), fromIdempotency),
		RefundScope:     sdk.RefundScope(m.GetRefundScope()),
		VisibilityDelay: fromLength(m.GetVisibilityDelay()),
		Webhook:         fromWebhookFact(m.GetWebhook()),
		Egress:          m.GetEgress(),
	}
}

func toJSON(text json.RawMessage) []byte { return text }

// fromJSON takes no text to absence: an empty RawMessage is not JSON.
func fromJSON(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	return text
}

func toLength(d sdk.Duration) *durationpb.Duration { return toDuration(time.Duration(d)) }

func fromLength(d *durationpb.Duration) sdk.Duration { return sdk.Duration(fromDuration(d)) }

func toPaymentMethod(p sdk.PaymentMethod) *pb.PaymentMethod {
	return &pb.PaymentMethod{Name: p.Name, Flow: string(p.Flow)}
}

func fromPaymentMethod(m *pb.PaymentMethod) sdk.PaymentMethod {
	return sdk.PaymentMethod{Name: m.GetName(), Flow: sdk.MethodFlow(m.GetFlow())}
}

func toCurrencyFact(c sdk.CurrencyFact) *pb.CurrencyFact {
	return &pb.CurrencyFact{Code: string(c.Code), Exponent: toInt32(c.Exponent)}
}

func fromCurrencyFact(m *pb.CurrencyFact) sdk.CurrencyFact {
	return sdk.CurrencyFact{Code: sdk.Currency(m.GetCode()), Exponent: int(m.GetExponent())}
}

func toFeatures(f sdk.Features) *pb.Features {
	return &pb.Features{
		PartialCapture:          f.PartialCapture,
		MultipleCapture:         f.MultipleCapture,
		OverCapture:             f.OverCapture,
		PartialAuthorization:    f.PartialAuthorization,
		PartialRefund:           f.PartialRefund,
		MultipleRefund:          f.MultipleRefund,
		SettlementReporting:     f.SettlementReporting,
		VoidAfterPartialCapture: f.VoidAfterPartialCapture,
		CartMatchesAmount:       f.CartMatchesAmount,
		NotFoundAuthoritative:   f.NotFoundAuthoritative,
	}
}

func fromFeatures(m *pb.Features) sdk.Features {
	return sdk.Features{
		PartialCapture:          m.GetPartialCapture(),
		MultipleCapture:         m.GetMultipleCapture(),
		OverCapture:             m.GetOverCapture(),
		PartialAuthorization:    m.GetPartialAuthorization(),
		PartialRefund:           m.GetPartialRefund(),
		MultipleRefund:          m.GetMultipleRefund(),
		SettlementReporting:     m.GetSettlementReporting(),
		VoidAfterPartialCapture: m.GetVoidAfterPartialCapture(),
		CartMatchesAmount:       m.GetCartMatchesAmount(),
		NotFoundAuthoritative:   m.GetNotFoundAuthoritative(),
	}
}

func toLimits(l sdk.Limits) *pb.Limits {
	return &pb.Limits{
		CartItems:             toInt32(l.CartItems),
		MinAmount:             l.MinAmount,
		MaxAmount:             l.MaxAmount,
		ApprovalTime:          toLength(l.ApprovalTime),
		AuthorizationLifetime: toLength(l.AuthorizationLifetime),
		DescriptionLength:     toInt32(l.DescriptionLength),
	}
}

func fromLimits(m *pb.Limits) sdk.Limits {
	return sdk.Limits{
		CartItems:             int(m.GetCartItems()),
		MinAmount:             m.GetMinAmount(),
		MaxAmount:             m.GetMaxAmount(),
		ApprovalTime:          fromLength(m.GetApprovalTime()),
		AuthorizationLifetime: fromLength(m.GetAuthorizationLifetime()),
		DescriptionLength:     int(m.GetDescriptionLength()),
	}
}

func toIdempotency(i sdk.Idempotency) *pb.Idempotency {
	return &pb.Idempotency{Mode: string(i.Mode), KeyLifetime: toLength(i.KeyLifetime)}
}

func fromIdempotency(m *pb.Idempotency) sdk.Idempotency {
	return sdk.Idempotency{Mode: sdk.IdempotencyMode(m.GetMode()), KeyLifetime: fromLength(m.GetKeyLifetime())}
}

func toWebhookFact(w *sdk.WebhookFact) *pb.WebhookFact {
	if w == nil {
		return nil
	}
	return &pb.WebhookFact{Scheme: w.Scheme, Events: w.Events, Tolerance: toLength(w.Tolerance)}
}

func fromWebhookFact(m *pb.WebhookFact) *sdk.WebhookFact {
	if m == nil {
		return nil
	}
	return &sdk.WebhookFact{Scheme: m.GetScheme(), Events: m.GetEvents(), Tolerance: fromLength(m.GetTolerance())}
}
