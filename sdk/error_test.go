package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestErrorText(t *testing.T) {
	tests := map[string]struct {
		err  *sdk.Error
		want string
	}{
		"everything a provider can say": {
			&sdk.Error{
				Op:       "smartpay.Refund",
				Code:     sdk.CodeAmountExceedsRefundable,
				Provider: sdk.Provider{Code: "amount.insufficient"},
				Err:      errors.New("500 left"),
			},
			"smartpay.Refund: amount_exceeds_refundable (amount.insufficient): 500 left",
		},
		"no cause but the provider's words": {
			&sdk.Error{Code: sdk.CodeNotFound, Provider: sdk.Provider{Message: "no such order"}},
			"not_found: no such order",
		},
		"a cause outranks the provider's words": {
			&sdk.Error{Code: sdk.CodeNotFound, Provider: sdk.Provider{Message: "gone"}, Err: errors.New("looked twice")},
			"not_found: looked twice",
		},
		"several fields": {
			&sdk.Error{
				Op:   "smartpay.authorize",
				Code: sdk.CodeMissingField,
				Fields: []sdk.FieldError{
					{Pointer: "/billing/address/city", Message: "is required"},
					{Pointer: "/country", Message: "must be JP"},
				},
			},
			"smartpay.authorize: missing_field: /billing/address/city is required; /country must be JP",
		},
		"no code": {&sdk.Error{Op: "x.Y"}, "x.Y: unmapped_error"},
		"nothing": {&sdk.Error{}, "unmapped_error"},
		"a code from the future": {
			&sdk.Error{Code: "wallet_frozen", Err: errors.New("ask the bank")}, "wallet_frozen: ask the bank",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAsError(t *testing.T) {
	declined := sdk.Errorf("x.Y", sdk.CodeDoNotHonor, "no")
	var none *sdk.Error
	tests := map[string]struct {
		err     error
		code    sdk.Code
		outcome sdk.Outcome
	}{
		"an Error":           {declined, sdk.CodeDoNotHonor, sdk.OutcomeDeclined},
		"an Error, wrapped":  {fmt.Errorf("again: %w", declined), sdk.CodeDoNotHonor, sdk.OutcomeDeclined},
		"any other error":    {io.ErrUnexpectedEOF, sdk.CodeUnmappedError, sdk.OutcomeUnknown},
		"a deadline":         {context.DeadlineExceeded, sdk.CodeUnmappedError, sdk.OutcomeUnknown},
		"a nil *Error":       {none, sdk.CodeUnmappedError, sdk.OutcomeUnknown},
		"a wrapped nil":      {fmt.Errorf("again: %w", error(none)), sdk.CodeUnmappedError, sdk.OutcomeUnknown},
		"an Error, no code":  {&sdk.Error{}, "", sdk.OutcomeUnknown},
		"an Error, new code": {&sdk.Error{Code: "wallet_frozen"}, "wallet_frozen", sdk.OutcomeUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := sdk.AsError(tt.err)
			if got.Code != tt.code || got.Outcome() != tt.outcome {
				t.Errorf("AsError = %v with outcome %v, want code %q with outcome %v",
					got, got.Outcome(), tt.code, tt.outcome)
			}
		})
	}
	if got := sdk.AsError(nil); got != nil {
		t.Errorf("AsError(nil) = %v, want nil", got)
	}
}

func TestErrorUnwraps(t *testing.T) {
	err := fmt.Errorf("path: %w", sdk.Errorf("x.Y", sdk.CodeReadTimeout, "reading: %w", io.ErrUnexpectedEOF))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not lead to its cause", err)
	}
}

func TestUnsupportedIsTheSameForEveryone(t *testing.T) {
	err := sdk.Unsupported("smartpay", sdk.OpTokenize)
	const want = "smartpay.tokenize: operation_unsupported: this connector does not offer tokenize"
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := err.Outcome(); got != sdk.OutcomeNotAttempted {
		t.Errorf("outcome = %v, want %v", got, sdk.OutcomeNotAttempted)
	}
	if got := err.Retry(); got != sdk.RetryOtherConnector {
		t.Errorf("retry = %v, want %v", got, sdk.RetryOtherConnector)
	}
}
