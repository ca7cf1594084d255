package connector

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/connectorhost/connectorhost/conformance/scaffold/template/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// errNone is that a search found nothing.
var errNone = errors.New("the search found nothing")

// codes is the one place that knows what the provider's error codes mean. The code
// decides everything else: outcome, category, advice. A code that is not listed is
// unmapped, which is in doubt; list it only if the provider's documentation says that
// nothing happened.
var codes = map[string]sdk.Code{
	"bad_request":        sdk.CodeSchemaViolation,
	"bad_api_key":        sdk.CodeCredentialsInvalid,
	"no_such_charge":     sdk.CodeNotFound,
	"no_such_refund":     sdk.CodeNotFound,
	"refund_too_large":   sdk.CodeAmountExceedsRefundable,
	"refund_currency":    sdk.CodeInvalidState,
	"charge_not_paid":    sdk.CodeInvalidState,
	"key_reused":         sdk.CodeKeyConflict,
	"key_in_progress":    sdk.CodeKeyInProgress,
	"key_expired":        sdk.CodeKeyExpired,
	"too_many_requests":  sdk.CodeRateLimited,
	"insufficient_funds": sdk.CodeInsufficientFunds,
	"account_blocked":    sdk.CodeRestricted,
}

// failure is the error of an operation. What is an [*sdk.Error] already stays one.
func failure(op sdk.Op, err error) *sdk.Error {
	f, ok := errors.AsType[*api.Failure](err)
	if !ok {
		return sdk.AsError(err)
	}
	e := &sdk.Error{
		Op: op, Code: codeOf(f),
		Provider: sdk.Provider{Code: f.Code, Message: f.Message, HTTPStatus: f.HTTP, RequestID: f.RequestID},
	}
	if e.Retry() == sdk.RetrySameKeyAfter {
		e.RetryAfter = f.RetryAfter
	}
	if e.Category() == sdk.CategoryValidation {
		e.Fields = []sdk.FieldError{{Pointer: "", Message: f.Message}}
	}
	if f.Err != nil {
		e.Err = f
	}
	return e
}

// codeOf decides in an order that matters: what broke, then the HTTP status where it
// outranks the words, then the provider's words.
func codeOf(f *api.Failure) sdk.Code {
	switch {
	case f.Err != nil:
		return broken(f)
	case f.HTTP >= http.StatusInternalServerError && f.Reads:
		return sdk.CodeMaintenance // nothing can have changed
	case f.HTTP == http.StatusGatewayTimeout:
		return sdk.CodeGatewayTimeout
	case f.HTTP >= http.StatusInternalServerError:
		return sdk.CodeHTTP5xx // whatever it says, it may have acted
	case f.HTTP == http.StatusTooManyRequests:
		return sdk.CodeRateLimited
	}
	if code, known := codes[f.Code]; known && f.HTTP >= http.StatusBadRequest {
		return code
	}
	if f.HTTP == http.StatusPaymentRequired && f.Code != "" {
		return sdk.CodeUnmappedDecline // it says plainly that it refused
	}
	return sdk.CodeUnmappedError
}

// broken is the code of a call without a readable answer. UNKNOWN or NOT_ATTEMPTED is
// decided here, and by one fact: whether anything was sent.
func broken(f *api.Failure) sdk.Code {
	_, name := errors.AsType[*net.DNSError](f.Err)
	late := errors.Is(f.Err, context.DeadlineExceeded) || errors.Is(f.Err, context.Canceled)
	switch {
	case !f.Sent && late:
		return sdk.CodeExpiredInQueue
	case !f.Sent && name:
		return sdk.CodeDNSFailure
	case !f.Sent && f.TLS:
		return sdk.CodeTLSFailure
	case !f.Sent:
		return sdk.CodeConnectRefused
	case late:
		return sdk.CodeReadTimeout
	case errors.Is(f.Err, api.ErrTruncated):
		return sdk.CodeTruncatedBody
	case errors.Is(f.Err, api.ErrUnreadable):
		return sdk.CodeUnparseableSuccess
	}
	return sdk.CodeConnectionReset
}

// isNotFound reports whether the provider said, in its own words, that there is no such
// thing. A 404 of somebody on the way says nothing.
func isNotFound(err error) bool {
	f, ok := errors.AsType[*api.Failure](err)
	return errors.Is(err, errNone) || ok && f.Err == nil && codeOf(f) == sdk.CodeNotFound
}
