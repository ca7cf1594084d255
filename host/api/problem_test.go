package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestProblemOf(t *testing.T) {
	const opaque = "Request could not be processed"
	blamed := &sdk.Error{Code: sdk.CodeMissingField, Fields: []sdk.FieldError{{Pointer: "/amount", Message: "is required"}}}
	tests := map[string]struct {
		err  error
		want problem
	}{
		"an unknown error": {errors.New("secret"), problem{Code: "server_error", Status: http.StatusInternalServerError, Message: opaque}},
		"a deadline":       {fmt.Errorf("x: %w", context.DeadlineExceeded), problem{Code: "gateway_timeout", Status: http.StatusGatewayTimeout, Message: opaque}},
		"nothing found":    {fmt.Errorf("x: %w", store.ErrNotFound), problem{Code: "not_found", Status: http.StatusNotFound, Message: "The resource could not be found"}},
		"a full queue":     {store.ErrBusy, problem{Code: "too_many_requests", Status: http.StatusTooManyRequests, Message: "Too many requests at once; try again", retryAfter: 1}},
		"an operation under way": {&settle.BusyError{Payment: "p", Operation: sdk.OpCapture},
			problem{Code: "concurrent_request", Status: http.StatusConflict, Message: "payment p has a capture that has not ended; try again when it has"}},
		"no service": {&settle.NoServiceError{Pointer: "/currency", Message: "must be JPY"},
			problem{Code: "bad_request", Status: http.StatusBadRequest, Message: invalidMessage,
				Details: []detail{{inBody, "/currency", "must be JPY", "invalid_field"}}}},
		"a field": {blamed, problem{Code: "bad_request", Status: http.StatusBadRequest, Message: invalidMessage,
			Details: []detail{{inBody, "/amount", "is required", "missing_field"}}}},
		"a state": {sdk.Errorf("ledger.void", sdk.CodeAlreadyVoided, "the authorization has been voided"),
			problem{Code: "bad_request", Status: http.StatusBadRequest, Message: "the authorization has been voided",
				Details: []detail{{inPath, "/transaction_id", "the authorization has been voided", "already_voided"}}}},
		"a code alone": {&sdk.Error{Code: sdk.CodeInvalidState}, problem{Code: "bad_request", Status: http.StatusBadRequest, Message: "invalid_state",
			Details: []detail{{inPath, "/transaction_id", "invalid_state", "invalid_state"}}}},
		"a connector that is gone": {sdk.Errorf("x", sdk.CodePluginUnavailable, "secret"),
			problem{Code: "bad_gateway", Status: http.StatusBadGateway, Message: opaque + ": plugin_unavailable"}},
		"a provider that is slow": {sdk.Errorf("x", sdk.CodeReadTimeout, "secret"),
			problem{Code: "gateway_timeout", Status: http.StatusGatewayTimeout, Message: opaque + ": read_timeout"}},
		"a deadline in a connector's error": {&sdk.Error{Code: sdk.CodeUnmappedError, Err: context.DeadlineExceeded},
			problem{Code: "gateway_timeout", Status: http.StatusGatewayTimeout, Message: opaque + ": unmapped_error"}},
		"a provider that contradicts": {sdk.Errorf("x", sdk.CodeAmountMismatch, "secret"),
			problem{Code: "bad_gateway", Status: http.StatusBadGateway, Message: opaque + ": amount_mismatch"}},
		"an error without a code": {&sdk.Error{}, problem{Code: "bad_gateway", Status: http.StatusBadGateway, Message: opaque + ": unmapped_error"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.want.Type = "error"
			if tt.want.Details == nil {
				tt.want.Details = []detail{}
			}
			got := problemOf(tt.err)
			if diff := cmp.Diff(tt.want, *got, cmp.AllowUnexported(problem{}), cmpopts.IgnoreFields(problem{}, "cause")); diff != "" {
				t.Errorf("problemOf(%v) (-want +got):\n%s", tt.err, diff)
			}
			satisfies(t, "http.error", got)
		})
	}
}

// No code of the connectors' vocabulary leads to a status that is not the contract's.
func TestEveryCodeHasAStatusOfTheContract(t *testing.T) {
	contract := map[int]bool{400: true, 502: true, 504: true}
	for code := range sdk.Codes() {
		if p := problemOf(&sdk.Error{Code: code}); !contract[p.Status] {
			t.Errorf("%s is answered with %d", code, p.Status)
		}
	}
}
