package wire

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

// A shop is a connector that refunds and looks refunds up.
type shop struct {
	manifest sdk.Manifest
	refund   func(sdk.RefundRequest) (sdk.RefundResult, error)
	find     sdk.RefundFinding
}

func newShop() *shop {
	return &shop{
		manifest: sdk.Manifest{
			Name: "shop", Version: "1.0.0", Contract: sdk.ContractRange{Min: 1, Max: 1}, DisplayName: "Shop",
			Currencies:  []sdk.CurrencyFact{{Code: "JPY"}},
			Idempotency: map[sdk.Operation]sdk.Idempotency{sdk.OpRefund: {Mode: sdk.IdempotencyNative}},
			RefundScope: sdk.RefundPayment,
		},
		refund: func(sdk.RefundRequest) (sdk.RefundResult, error) {
			return sdk.RefundResult{Refund: "r1", Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
		},
	}
}

func (s *shop) Describe() sdk.Manifest { return s.manifest }

func (s *shop) Refund(_ context.Context, req sdk.RefundRequest) (sdk.RefundResult, error) {
	return s.refund(req)
}

func (s *shop) FindRefund(context.Context, sdk.FindRefundRequest) (sdk.RefundFinding, error) {
	return s.find, nil
}

// A counter takes what is registered, in place of a server.
type counter struct{ server pb.ConnectorServer }

func (c *counter) RegisterService(_ *grpc.ServiceDesc, impl any) {
	c.server, _ = impl.(pb.ConnectorServer)
}

func serving(t *testing.T, c sdk.Connector) pb.ConnectorServer {
	t.Helper()
	var reg counter
	if err := Register(&reg, c); err != nil {
		t.Fatal(err)
	}
	if reg.server == nil {
		t.Fatal("nothing was registered")
	}
	return reg.server
}

func refundRequest() sdk.RefundRequest {
	return sdk.RefundRequest{
		Call: sdk.Call{
			OperationID: "op-1", Key: "k-1", Attempt: 1,
			Account: sdk.Account{ID: "ps-1", Revision: 1, Mode: sdk.ModeTest},
		},
		Order: "o1", Amount: sdk.JPY(400), Reason: sdk.RefundRequested,
	}
}

func TestRegisterRefusesAManifestThatNoHostCanUse(t *testing.T) {
	s := newShop()
	s.manifest.RefundScope = ""
	var reg counter
	err := Register(&reg, s)
	if err == nil || !strings.Contains(err.Error(), "/manifest/refund_scope") {
		t.Errorf("Register: %v, want an error about the refund scope", err)
	}
	if reg.server != nil {
		t.Error("it was registered all the same")
	}
}

// TestTheServerAlwaysResponds: a gRPC status of its own would leave the host in doubt
// about what never happened.
func TestTheServerAlwaysResponds(t *testing.T) {
	badTime := &timestamppb.Timestamp{Nanos: -1}
	good := toRefund(refundRequest())
	tests := map[string]struct {
		shop func(*shop)
		in   *pb.RefundRequest
		code sdk.Code
		want pb.Outcome
	}{
		"success":          {nil, good, "", pb.Outcome_OUTCOME_SUCCEEDED},
		"an empty request": {nil, &pb.RefundRequest{}, sdk.CodeUnsupportedCurrency, pb.Outcome_OUTCOME_NOT_ATTEMPTED},
		"no amount": {nil, &pb.RefundRequest{Call: good.GetCall(), Order: "o1", Reason: "duplicate"},
			sdk.CodeUnsupportedCurrency, pb.Outcome_OUTCOME_NOT_ATTEMPTED},
		"a decline": {func(s *shop) {
			s.refund = func(sdk.RefundRequest) (sdk.RefundResult, error) {
				return sdk.RefundResult{}, &sdk.Error{Code: sdk.CodeDoNotHonor}
			}
		}, good, sdk.CodeDoNotHonor, pb.Outcome_OUTCOME_DECLINED},
		"a panic": {func(s *shop) {
			s.refund = func(sdk.RefundRequest) (sdk.RefundResult, error) { panic("oh") }
		}, good, sdk.CodePluginPanic, pb.Outcome_OUTCOME_UNKNOWN},
		"a reference that cannot travel": {func(s *shop) {
			s.refund = func(sdk.RefundRequest) (sdk.RefundResult, error) {
				return sdk.RefundResult{Refund: "r\xff", Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded}}, nil
			}
		}, good, sdk.CodePluginMalformed, pb.Outcome_OUTCOME_UNKNOWN},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newShop()
			if tt.shop != nil {
				tt.shop(s)
			}
			out, err := serving(t, s).Refund(t.Context(), tt.in)
			if err != nil {
				t.Fatalf("the server gives a status of its own: %v", err)
			}
			if got := sdk.Code(out.GetAnswer().GetError().GetCode()); got != tt.code {
				t.Errorf("code = %q, want %q", got, tt.code)
			}
			if got := out.GetAnswer().GetOutcome(); got != tt.want {
				t.Errorf("outcome = %v, want %v", got, tt.want)
			}
			if _, err := proto.Marshal(out); err != nil {
				t.Errorf("the response cannot travel: %v", err)
			}
		})
	}
	t.Run("a time that is none", func(t *testing.T) {
		out, err := serving(t, newShop()).FindPayment(t.Context(), &pb.FindPaymentRequest{CreatedAt: badTime})
		if err != nil || out.GetError().GetCode() != string(sdk.CodeInvalidField) {
			t.Errorf("FindPayment = %v, %v, want %s", out, err, sdk.CodeInvalidField)
		}
	})
	t.Run("an operation that is not there", func(t *testing.T) {
		out, err := serving(t, newShop()).Void(t.Context(), &pb.VoidRequest{})
		if err != nil || out.GetAnswer().GetError().GetCode() != string(sdk.CodeOperationUnsupported) {
			t.Errorf("Void = %v, %v, want %s", out, err, sdk.CodeOperationUnsupported)
		}
	})
}

func TestReadsThatCannotTravelAreErrors(t *testing.T) {
	s := newShop()
	s.find = sdk.RefundFinding{Found: true, Refund: &sdk.RefundSnapshot{Ref: "r\xff"}}
	req := toFindRefund(sdk.FindRefundRequest{Call: refundRequest().Call, Refund: "r1"})
	out, err := serving(t, s).FindRefund(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	e := out.GetError()
	if out.GetFound() || e.GetCode() != string(sdk.CodePluginMalformed) || e.GetFields()[0].GetPointer() != "/refund/ref" {
		t.Errorf("FindRefund = %v, want malformed_response about /refund/ref", out)
	}
}
