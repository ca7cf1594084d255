package wire

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/connectorhost/connectorhost/sdk"
	pb "github.com/connectorhost/connectorhost/sdk/internal/gen/connector/v1"
)

func TestAnswersThatCannotBeBelievedLeaveDoubt(t *testing.T) {
	tests := map[string]*pb.RefundResponse{
		"nothing at all":         {},
		"no outcome":             {Refund: "r1", Answer: &pb.Answer{}},
		"an outcome of tomorrow": {Refund: "r1", Answer: &pb.Answer{Outcome: 99}},
		"unknown, no reason":     {Refund: "r1", Answer: &pb.Answer{Outcome: pb.Outcome_OUTCOME_UNKNOWN}},
		"declined, no reason":    {Refund: "r1", Answer: &pb.Answer{Outcome: pb.Outcome_OUTCOME_DECLINED}},
		"not tried, no reason":   {Refund: "r1", Answer: &pb.Answer{Outcome: pb.Outcome_OUTCOME_NOT_ATTEMPTED}},
		"success with a decline": {Refund: "r1", Answer: &pb.Answer{
			Outcome: pb.Outcome_OUTCOME_SUCCEEDED, Error: &pb.Error{Code: "do_not_honor"},
		}},
		"not tried with an unclear error": {Refund: "r1", Answer: &pb.Answer{
			Outcome: pb.Outcome_OUTCOME_NOT_ATTEMPTED, Error: &pb.Error{Code: "read_timeout"},
		}},
		"a time that is none": {Answer: &pb.Answer{
			Outcome: pb.Outcome_OUTCOME_SUCCEEDED,
			Payment: &pb.Snapshot{ExpiresAt: &timestamppb.Timestamp{Nanos: -1}},
		}},
	}
	for name, out := range tests {
		t.Run(name, func(t *testing.T) {
			l := connect(t, answering(out, nil))
			res, err := l.Refund(t.Context(), sdk.RefundRequest{})
			expect(t, res, err, sdk.CodePluginMalformed, sdk.OutcomeUnknown)
			if string(res.Refund) != out.GetRefund() {
				t.Errorf("refund = %q, want %q: it helps to look", res.Refund, out.GetRefund())
			}
		})
	}
}

func TestAnAnswerIsTakenAsItIs(t *testing.T) {
	l := connect(t, answering(&pb.RefundResponse{Refund: "r1", Answer: &pb.Answer{
		Outcome: pb.Outcome_OUTCOME_SUCCEEDED, Amount: &pb.Money{Minor: 400, Currency: "JPY"},
	}}, nil))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	if err != nil {
		t.Fatal(err)
	}
	amount := sdk.JPY(400)
	want := sdk.RefundResult{Refund: "r1", Answer: sdk.Answer{Outcome: sdk.OutcomeSucceeded, Amount: &amount}}
	if diff := cmp.Diff(want, res); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestARefusalIsTakenAsItIs(t *testing.T) {
	l := connect(t, answering(&pb.RefundResponse{Answer: &pb.Answer{
		Provider: &pb.Provider{Status: "rejected"},
		Error:    &pb.Error{Op: "test.Refund", Code: "amount_exceeds_refundable", Message: "500 left"},
	}}, nil))
	res, err := l.Refund(t.Context(), sdk.RefundRequest{})
	if got, want := err.Error(), "test.Refund: amount_exceeds_refundable: 500 left"; got != want {
		t.Errorf("error = %s, want %s", got, want)
	}
	if res.Outcome != sdk.OutcomeNotAttempted || res.Provider.Status != "rejected" {
		t.Errorf("result = %+v, want what came with the error", res)
	}
}

func TestFindingsThatContradictThemselvesAreErrors(t *testing.T) {
	tests := map[string]*pb.FindPaymentResponse{
		"found and not shown":    {Found: true},
		"shown and not found":    {Payment: &pb.Snapshot{Order: "o1"}, Authoritative: true},
		"a time that is none":    {Found: true, Payment: &pb.Snapshot{ExpiresAt: &timestamppb.Timestamp{Nanos: -1}}},
		"an error and a finding": {Found: true, Payment: &pb.Snapshot{}, Error: &pb.Error{Code: "malformed_response"}},
	}
	for name, out := range tests {
		t.Run(name, func(t *testing.T) {
			l := connect(t, plugin{find: func(context.Context) (*pb.FindPaymentResponse, error) { return out, nil }})
			got, err := l.FindPayment(t.Context(), sdk.FindPaymentRequest{})
			if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != sdk.CodePluginMalformed {
				t.Errorf("error = %v, want %s", err, sdk.CodePluginMalformed)
			}
			if diff := cmp.Diff(sdk.PaymentFinding{}, got); diff != "" {
				t.Errorf("a finding came with the error: %+v", got)
			}
		})
	}
}

func TestReadingsThatCannotBeUsedAreErrors(t *testing.T) {
	tests := map[string]*pb.ReadWebhookResponse{
		"refused and believed": {
			Refused: &pb.Error{Code: "signature_invalid"}, Observations: []*pb.Snapshot{{Order: "o1"}},
			Respond: &pb.Respond{Status: 401},
		},
		"no response":         {EventId: "e1"},
		"a status that is no": {EventId: "e1", Respond: &pb.Respond{Status: 99}},
		"an interim status":   {EventId: "e1", Respond: &pb.Respond{Status: 101}},
	}
	for name, out := range tests {
		t.Run(name, func(t *testing.T) {
			l := connect(t, plugin{read: func(context.Context) (*pb.ReadWebhookResponse, error) { return out, nil }})
			_, err := l.ReadWebhook(t.Context(), sdk.WebhookRequest{})
			if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != sdk.CodePluginMalformed {
				t.Errorf("error = %v, want %s", err, sdk.CodePluginMalformed)
			}
		})
	}
}
